"""Broken files for the fuzzer, and what reads them: CSV, JSON lines, workbooks and Parquet."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from fuzz_pieces import AMOUNTS, CELLS, DATES, NAMES, NOTHING, WRITTEN, Act, Target, mutated
from hypothesis import strategies as st

import retention as rt

ENCODINGS = st.sampled_from(
    [
        *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"),
        "utf-7",
    ]
)
SEPARATORS = st.sampled_from([",", ";", "\t", "|", " ", "~"])
ROWS = [("customer_id", "date", "sales"), ("Ann", "2024-01-31", "5.5"), ("Bo", "2024-02-01", "7")]
ORDERS = pd.DataFrame(
    {
        "customer_id": ["Ann", "Bo", "Ann"],
        "date": pd.to_datetime(["2024-01-31", "2024-02-01", "2024-02-03"]).astype("datetime64[us]"),
        "sales": [5.5, 7.0, 1.25],
    }
)


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


@st.composite
def csv_bytes(draw: st.DrawFn) -> bytes:
    """Rows of odd cells, often ragged, in some encoding with some line ends."""
    separator, encoding = draw(SEPARATORS), draw(ENCODINGS)
    header = draw(st.one_of(st.just(list(ROWS[0])), st.lists(NAMES, min_size=1, max_size=5)))
    ragged = draw(st.integers(0, 4)) == 0
    width: dict[str, Any] = (
        {"max_size": 6} if ragged else {"min_size": len(header), "max_size": len(header)}
    )
    rows = draw(st.lists(st.lists(CELLS, **width), max_size=5))
    ends = draw(st.lists(st.sampled_from(["\n", "\r\n", "\r", "\n\n", ""]), min_size=1, max_size=3))
    lines = [separator.join(row) + ends[n % len(ends)] for n, row in enumerate([header, *rows])]
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe"])) + "".join(lines).encode(
        encoding, "replace"
    )


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
}


@st.composite
def packed(draw: st.DrawFn, files: st.SearchStrategy[bytes], ending: str) -> tuple[str, bytes]:
    """A file, often packed, at times broken after that, and the name it gets."""
    suffix = draw(st.sampled_from([ending, ending, *(f"{ending}{each}" for each in PACKERS)]))
    data = PACKERS[suffix.removeprefix(ending)](draw(files))
    return suffix, draw(mutated(st.just(data))) if draw(st.booleans()) else data


CSV_VALID = st.sampled_from(
    [
        "\n".join(map(",".join, ROWS)).encode(),
        b"customer_id;date;sales\r\n7;31.01.2024;1.234,50\r\n8;01.02.2024;(3,5)\r\n",
        b'\xef\xbb\xbfcustomer_id,date,sales\n"A ""B"",\nC",2024-01-31 13:05,\xc2\xa35\n',
        "customer_id\tdate\tsales\nAnn\t29 Feb 2024\t-5\n".encode("utf-16"),
        "customer_id|date|sales\nJürgen|2/29/2024|1e3\nJürgen|2/29/2024|1e3\n".encode("cp1252"),
    ]
)
DEALS = st.sampled_from(
    [
        b"customer_id,date,sales\nAnn,2024-01-31,2024-03-31\nBo,2024-02-01,\n",
        b'customer_id;date;sales\r\n7;31.01.2024;01.03.2024\r\n7;"2.3.2024";\r\n',
        "customer_id\tdate\tsales\nAnn\t29 Feb 2024\t1 Mar 2024\n".encode("utf-16"),
    ]
)
CONTRACTS = packed(st.one_of(DEALS, csv_bytes(), mutated(DEALS), mutated(csv_bytes())), ".csv")
CSV = packed(st.one_of(CSV_VALID, csv_bytes(), mutated(CSV_VALID), mutated(csv_bytes())), ".csv")
CSV_OPTIONS = (
    NOTHING
    | NOTHING
    | st.fixed_dictionaries(
        {},
        optional={
            "encoding": st.sampled_from(
                [
                    *(
                        "utf-8",
                        "utf-16",
                        "utf-16-le",
                        "cp1252",
                        "cp037",
                        "no-such",
                        "base64",
                        "rot13",
                    ),
                    "idna",
                ]
            ),
            "separator": st.sampled_from([*",;|~ '", "\0", "é", "\x1f", ""]),
            "header_row": st.integers(-1, 5),
        },
    )
)
ENGINES = st.sampled_from(["pandas", "pandas", "polars", "pyarrow"])


def _file(given: Any, folder: Path) -> Path:
    suffix, data = given
    path = folder / f"orders{suffix}"
    path.write_bytes(data)
    return path


def read_raw(given: Any, folder: Path) -> object:
    """The raw table of a file."""
    file, options, engine = given
    return rt.read_table(_file(file, folder), engine=engine, **options)


def read_orders(given: Any, folder: Path) -> object:
    """A file as transactions, or with the lenient policies."""
    file, options, engine, written, lenient = given
    options = options | written | (LENIENT if lenient else {})
    named: dict[str, Any] = {name: name for name in ROWS[0]}
    return rt.as_transactions(_file(file, folder), engine=engine, **named, **options)


def read_agreements(given: Any, folder: Path) -> object:
    """A file as contracts: its dates are starts and its sales are ends, as bad as they are."""
    file, options, engine, written, lenient = given
    options = options | written | ({"end_is": "last_day", "duplicates": "drop"} if lenient else {})
    named: dict[str, Any] = {"customer_id": "customer_id", "start": "date", "end": "sales"}
    return rt.as_contracts(_file(file, folder), engine=engine, **named, **options)


LENIENT = {"refunds": "net", "duplicates": "drop", "zero_orders": "count"}


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    """Lines of JSON whose values change their type from line to line."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), DATES, AMOUNTS
    )
    deep = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))
    rows = draw(st.lists(st.fixed_dictionaries(dict.fromkeys(ROWS[0], deep)) | deep, max_size=4))
    return "\n".join(json.dumps(row, ensure_ascii=draw(st.booleans())) for row in rows).encode(
        "utf-8", "surrogatepass"
    )


def _workbook(buffer: io.BytesIO) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [*ROWS, ("Cy", datetime(2024, 3, 1), 8.5)]:
        book.active.append(row)
    book.save(buffer)


@st.composite
def workbooks(draw: st.DrawFn) -> bytes:
    """A workbook with one of its parts broken, packed anew so that its checksums are right."""
    whole = zipfile.ZipFile(io.BytesIO(_written(_workbook)))
    parts = {name: whole.read(name) for name in whole.namelist()}
    broken = draw(st.sampled_from(sorted(parts)))
    parts[broken] = draw(mutated(st.just(parts[broken])))
    if draw(st.integers(0, 9)) == 0:
        del parts[draw(st.sampled_from(sorted(parts)))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return buffer.getvalue()


PARQUET = [
    _written(lambda buffer: ORDERS.to_parquet(buffer, index=False)),
    _written(
        lambda buffer: pq.write_table(pa.Table.from_pandas(ORDERS), buffer, compression="none")
    ),
]
BINARY = {
    ".parquet": mutated(st.sampled_from(PARQUET)),
    ".xlsx": st.one_of(workbooks(), mutated(st.just(_written(_workbook)))),
}
JSON_VALID = b"""{"customer_id": "Ann", "date": "2024-01-31", "sales": 5.5}
{"customer_id": "Bo", "date": "2024-02-01", "sales": -7}
"""
JSON = st.one_of(json_lines(), mutated(json_lines()), mutated(st.just(JSON_VALID)))


def suffixed(ending: str) -> st.SearchStrategy[tuple[str, bytes]]:
    """Workbooks or Parquet files, never packed."""
    return st.tuples(st.just(ending), BINARY[ending])


def raw(files: st.SearchStrategy[Any], options: Any = NOTHING) -> Target:
    """Files to read as they are."""
    return Target(st.tuples(files, options, ENGINES), read_raw)


def checked(files: st.SearchStrategy[Any], act: Act, options: Any = NOTHING) -> Target:
    """Files to read and to check."""
    several = st.tuples(files, options, ENGINES, WRITTEN, st.booleans())
    return Target(several, act)
