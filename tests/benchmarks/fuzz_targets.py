"""What the fuzzer feeds in: strategies of broken files, tables, phrases and notes, by target.

A target draws an input and does something with it. Whatever the input, the only outcomes allowed
are an answer and a `RetentionError` (of the command line's config: a `UsageError`).
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

import retention as rt
from retention.cli.settings import settings_of
from retention.reasons.phrases import compile_phrase

Act = Callable[[Any, Path], object]
"""An input and an empty folder to the answer."""


@dataclass(frozen=True)
class Target:
    """Something to be fed: where its inputs come from, and what is done with one."""

    inputs: st.SearchStrategy[Any]
    act: Act


# ---------------------------------------------------------------- pieces that go wrong in files

NAMES = st.sampled_from(
    [
        *("customer_id", "date", "sales", "start", "end", "order_id", "reason", "", " ", "DATE"),
        *('"; drop table x; --', "'", '"', "a,b", "a\nb", "_retention_row", "é", "e\u0301", "\0"),
        *("$1", "?", "{}", "%s", "select", "\ufeffdate", "1", "x" * 300, "rowid", "*", "🛒"),
    ]
)
DATES = st.one_of(
    st.sampled_from(
        [
            *("2024-02-29", "2023-02-29", "03/04/2024", "13/04/2024", "29 Feb 2024", "Feb 29, 24"),
            *("2024-02-29T13:05:00Z", "2024-02-29 25:61", "20240229", "45000", "1709210000", "now"),
            *("0000-00-00", "9999-12-31", "10000-01-01", "1582-10-10", "-1-1-1", "2024-W09-4"),
            *("2024-02-29T13:05:00+99:99", "2024-03-31 02:30", "٢٠٢٤-٠٢-٢٩", "1/2/3", "May 2024"),
            *("2024-02-29 13:05:00.123456789012", "1e9", "12/31/1899 12:00 AM", "2024-02-29 1 pm"),
        ]
    ),
    st.dates().map(str),
    st.datetimes().map(lambda at: at.strftime("%d.%m.%y %H:%M")),
    st.from_regex(r"\A[0-9]{1,5}[-/. ][0-9]{1,3}[-/. ][0-9]{1,6}[T ]?[0-9:+Z.]{0,9}\Z"),
)
AMOUNTS = st.one_of(
    st.sampled_from(
        [
            *("1", "-1", "0", "-0", "1,5", "1.5", "1.234,50", "1,234.50", "1 234,5", "1'234", "£1"),
            *("(12.50)", "12.50-", "1e308", "1e999", "-1e-999", "9" * 400, "nan", "inf", "1_000"),
            *("0x10", "١٢", "½", "12 EUR", "--1", "1..2", "1,2,3", ".", ",", "EUR", "1e5", "$-1.0"),
        ]
    ),
    st.from_regex(r"\A[-+(£$€]?[0-9., ']{0,12}[0-9eE]{0,4}[)-]?\Z"),
    st.floats().map(str),
)
CELLS = st.one_of(
    DATES,
    AMOUNTS,
    NAMES,
    st.text(max_size=12),
    st.sampled_from(["7", "007", "Ann", '"', '"a', 'a"b', '"a""b"', '"x,y"', '"two\nlines"', "NULL"]),
)
ENCODINGS = st.sampled_from(
    [*("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"), "utf-7"]
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
    width = {} if ragged else {"min_size": len(header), "max_size": len(header)}
    rows = draw(st.lists(st.lists(CELLS, **{"max_size": 6, **width}), max_size=5))
    ends = draw(st.lists(st.sampled_from(["\n", "\r\n", "\r", "\n\n", ""]), min_size=1, max_size=3))
    lines = [separator.join(row) + ends[n % len(ends)] for n, row in enumerate([header, *rows])]
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe"])) + "".join(lines).encode(
        encoding, "replace"
    )


@st.composite
def mutated(draw: st.DrawFn, files: st.SearchStrategy[bytes]) -> bytes:
    """A file with some of its bytes changed, put in, taken out or written twice, or cut short."""
    data = bytearray(draw(files))
    for _ in range(draw(st.integers(0, 6))):
        at, n = draw(st.integers(0, max(len(data) - 1, 0))), draw(st.integers(1, 16))
        how = draw(st.sampled_from(["set", "put", "out", "twice", "cut"]))
        new = draw(st.binary(min_size=1, max_size=4)) if how in ("set", "put") else b""
        if how == "cut":
            del data[at:]
        elif how == "twice":
            data[at:at] = data[at : at + n]
        else:
            data[at : at + {"set": len(new), "put": 0, "out": n}[how]] = new
    return bytes(data)


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


CSV_VALID = st.just("\n".join(map(",".join, ROWS)).encode())
CSV = packed(st.one_of(csv_bytes(), mutated(st.one_of(CSV_VALID, csv_bytes()))), ".csv")
CSV_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "encoding": st.sampled_from(
            [*("utf-8", "utf-16", "utf-16-le", "cp1252", "cp037", "no-such", "base64", "rot13"), "idna"]
        ),
        "separator": st.sampled_from([*",;|~ '", "\0", "é", "\x1f", ""]),
        "header_row": st.integers(-1, 5),
    },
)
WRITTEN = st.fixed_dictionaries(
    {},
    optional={
        "day_first": st.booleans(),
        "decimal": st.sampled_from([".", ","]),
        "tz": st.sampled_from(["Europe/Berlin", "UTC", "No/Such", "../etc/passwd", "", "\0"]),
        "date_format": st.one_of(
            st.sampled_from(["%d.%m.%y", "%Y-%m-%d", "epoch_s", "epoch_ns", "excel", "%", "%Q", "%%"]),
            st.text(alphabet="%dmYyHMSbBjzZp-/. (*[\\'", max_size=8),
        ),
    },
)
ENGINES = st.sampled_from(["pandas", "pandas", "polars", "pyarrow"])


# ------------------------------------------------------------------------------------- the files


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
    named = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    return rt.read_transactions(_file(file, folder), engine=engine, **named, **options)


def read_agreements(given: Any, folder: Path) -> object:
    """A file as contracts: its dates are starts and its sales are ends, as bad as they are."""
    file, options, engine, written, lenient = given
    options = options | written | ({"end_is": "last_day", "duplicates": "drop"} if lenient else {})
    named = {"customer_id": "customer_id", "start": "date", "end": "sales"}
    return rt.read_contracts(_file(file, folder), engine=engine, **named, **options)


LENIENT = {"refunds": "net", "duplicates": "drop", "zero_orders": "count"}


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    """Lines of JSON whose values change their type from line to line."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), DATES, AMOUNTS
    )
    deep = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))
    rows = draw(
        st.lists(st.fixed_dictionaries({each: deep for each in ROWS[0]}) | deep, max_size=4)
    )
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
    import zipfile

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
    _written(lambda buffer: pq.write_table(pa.Table.from_pandas(ORDERS), buffer, compression="none")),
]
BINARY = {
    ".parquet": mutated(st.sampled_from(PARQUET)),
    ".xlsx": st.one_of(workbooks(), mutated(st.just(_written(_workbook)))),
}
JSON_VALID = b'{"customer_id": "Ann", "date": "2024-01-31", "sales": 5.5}\n{"customer_id": "Bo"}\n'
JSON = st.one_of(json_lines(), mutated(st.one_of(json_lines(), st.just(JSON_VALID))))


def _suffixed(ending: str) -> st.SearchStrategy[tuple[str, bytes]]:
    return st.tuples(st.just(ending), BINARY[ending])


def _raw(files: st.SearchStrategy[Any], options: Any = None) -> Target:
    return Target(st.tuples(files, options or st.just({}), ENGINES), read_raw)


def _checked(files: st.SearchStrategy[Any], act: Act, options: Any = None) -> Target:
    several = st.tuples(files, options or st.just({}), ENGINES, WRITTEN, st.booleans())
    return Target(several, act)


# ------------------------------------------------------------------------------------ the tables

ODD: list[Any] = [
    *(None, float("nan"), float("inf"), 1e308, 10**30, -(2**63), True, b"\xff", Decimal("1e50")),
    *(date.max, datetime.min, datetime(2024, 1, 31, tzinfo=UTC), pd.NaT, pd.NA, pd.Timedelta(1)),
    *([1, [2]], {"a": 1}, {1}, (), 1j, pd.Period("2024-01"), pd.Interval(0, 1), object, "\ud800", ""),
]
VALUES = st.one_of(CELLS, st.integers(), st.floats(), st.sampled_from(ODD))
CASTS = st.sampled_from(
    [None, None, None, None, "category", "string", "Int64", "datetime64[ns, Europe/Berlin]", "complex128"]
)
KINDS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": lambda table: pl.DataFrame(table.to_dict("list"), strict=False),
    "lazy": lambda table: pl.LazyFrame(table.to_dict("list"), strict=False),
    "pyarrow": lambda table: pa.table(table.to_dict("list")),
}
DOORS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "transactions": (rt.as_transactions, ("customer_id", "date", "sales")),
    "audit": (rt.audit_transactions, ("customer_id", "date", "sales")),
    "priced": (rt.as_transactions, ("customer_id", "date", "quantity", "unit_price", "order_id")),
    "contracts": (rt.as_contracts, ("customer_id", "start", "end", "sales", "trial")),
    "audit of contracts": (rt.audit_contracts, ("customer_id", "start", "end")),
    "contacts": (rt.as_contacts, ("customer_id", "date", "resolved", "satisfied")),
    "wallet": (rt.as_wallet, ("customer_id", "date", "wallet")),
    "spells": (rt.as_spells, ("duration", "churned", "entry")),
    "outages": (rt.as_outages, ("start", "end")),
    "costs": (rt.as_costs, ("date", "kind", "amount")),
    "surveys": (rt.as_surveys, ("customer_id", "date", "satisfaction")),
}


@st.composite
def tables(draw: st.DrawFn) -> Any:
    """A door, a kind of table, its columns and which of them it is told."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5))
    rows = draw(st.integers(0, 4))
    cells = [st.one_of(VALUES, DATES), st.integers(-3, 99), DATES, AMOUNTS, VALUES]
    columns = [
        draw(st.lists(draw(st.sampled_from(cells)), min_size=rows, max_size=rows)) for _ in names
    ]
    door = draw(st.sampled_from(sorted(DOORS)))
    roles = {role: draw(st.sampled_from(names)) for role in DOORS[door][1]}
    keep = draw(st.lists(NAMES, max_size=1))
    casts = [draw(CASTS) for _ in names]
    options = draw(WRITTEN) if door not in ("spells", "costs", "surveys", "outages") else {}
    return door, draw(st.sampled_from(["pandas", *KINDS])), names, columns, casts, roles, options, keep


def through_door(given: Any, _: Path) -> object:
    """A table of odd columns through a door; a kind that cannot hold them gives way to pandas."""
    door, kind, names, columns, casts, roles, options, keep = given
    made = []
    for values, cast in zip(columns, casts, strict=True):
        column = pd.Series(values, dtype=object)
        try:
            made.append(column if cast is None else column.astype(cast))
        except Exception:  # noqa: BLE001 - pandas' own refusals, of whatever sort
            made.append(column.infer_objects())
    table = pd.concat(made, axis=1)
    table.columns = pd.Index(names, dtype=object)
    given_kind: Any = table
    if kind in KINDS:
        try:
            given_kind = KINDS[kind](table) if table.columns.is_unique else table
        except BaseException:  # noqa: BLE001 - Polars panics on some, which is not our fault
            given_kind = table
    options = options | ({"keep": keep} if keep and door not in ("wallet",) else {})
    answer = DOORS[door][0](given_kind, **roles, **options)
    return answer.collect() if isinstance(answer, pl.LazyFrame) else answer


@st.composite
def dated(draw: st.DrawFn) -> Any:
    """Orders with dates in one way of writing, or in several."""
    dates = draw(st.lists(DATES, min_size=1, max_size=6))
    kind = draw(st.sampled_from(["pandas", "polars", "lazy", "pyarrow"]))
    names, n = ["customer_id", "date", "sales"], len(dates)
    columns = [list(map(str, range(n))), dates, draw(st.lists(AMOUNTS, min_size=n, max_size=n))]
    roles = {name: name for name in names}
    door = draw(st.sampled_from(["transactions", "audit"]))
    return door, kind, names, columns, [None] * 3, roles, draw(WRITTEN), []


# ----------------------------------------------------------------------- phrases, notes, settings

MARKS = st.lists(
    st.sampled_from(
        [
            *("too", "pric*", "(", ")", "|", "?", "~3", "~99999", "@price", "@name", "@no", "#", "^"),
            *("$", "*", "a*b", "don't", "'", "can't", "4g", "$5", "(a|b)", "\\d+", ".*", "[a-z]", "é"),
            *("e\u0301", "\0", "\ud800", "ﬁ", "İ", "ß", "~", "@", "~1", "((((((((((", ")?", "|)", "-"),
        ]
    ),
    max_size=30,
).flatmap(lambda marks: st.sampled_from([" ", ""]).map(lambda by: by.join(marks)))
PHRASES = st.one_of(MARKS, st.text(max_size=60), st.text(max_size=4).map(lambda t: t * 600))
LISTS = {"price": ("price", "fee?", "(cost|charge)s?"), "loop": ("@loop",), "none": ()}


def compiled(phrase: str, _: Path) -> object:
    """A phrase compiled, with lists of which one names itself."""
    return compile_phrase(phrase, LISTS, {"can't": "can not", "dont": "do not"})


@st.composite
def additions(draw: st.DrawFn) -> dict[str, Any]:
    """A table of phrases, or a CSV of them, and names of firms."""
    weights = st.one_of(st.floats(), st.none(), AMOUNTS, st.just(0.5))
    tags = st.sampled_from(["pricing", "x_mine", "pricing.no", "cue.x", "", "X", "nonsense", " pricing "])
    n = draw(st.integers(0, 3))
    table = {"category": tags, "phrase": st.one_of(PHRASES, VALUES), "weight": weights}
    columns = {name: draw(st.lists(each, min_size=n, max_size=n)) for name, each in table.items()}
    firms = st.lists(st.one_of(NAMES, st.text(max_size=20)), max_size=3)
    file = draw(st.one_of(st.none(), st.none(), mutated(st.just(b"category,phrase,weight\na,b,1\n"))))
    return {"columns": columns, "file": file, "own_brand": draw(firms), "competitors": draw(firms)}


@cache
def _english() -> Any:
    return rt.load_lexicon("en")


def extended(given: Any, folder: Path) -> object:
    """The lexicon with phrases and names of the user's."""
    phrases: Any = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in given["columns"].items()})
    if given["file"] is not None:
        phrases = folder / "phrases.csv"
        phrases.write_bytes(given["file"])
    firms = {name: given[name] for name in ("own_brand", "competitors")}
    return rt.extend_lexicon(_english(), phrases=phrases, **firms)


LEXICON = b"""[meta]
language = "en"
evaluated = "by hand"
negation_window = 3
negators = ["not", "far from"]
[expand]
dont = "do not"
[lists]
price = ["price*", "fee?"]
[[phrase]]
tag = "pricing.high_price"
w = 0.8
any = ["too (expensive|dear)", {p = "@price ~2 (high|steep)", yes = "The price is high"}]
neg = "ok"
[[phrase]]
tag = "cue.friend"
w = 1.0
any = ["friend*"]
[[rule]]
name = "told"
kind = "needs"
tag = "pricing"
others = ["cue.friend"]
within = "sentence"
"""
TOML_BITS = st.sampled_from(
    [b"[", b"]", b"{", b"=", b'"', b"\n", b"1e400", b"nan", b"[[phrase]]\n", b"0x", b"'''", b"\\u0000"]
)


@st.composite
def toml(draw: st.DrawFn, valid: bytes) -> bytes:
    """A TOML file with lines left out, swapped or doubled, and bits put in; at times very deep."""
    lines = valid.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 4))):
        at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["out", "swap", "twice", "bit", "value"]))
        if how == "out" and len(lines) > 1:
            del lines[at]
        elif how == "swap":
            lines[at], lines[to] = lines[to], lines[at]
        elif how == "twice":
            lines.insert(to, lines[at])
        elif how == "bit":
            lines[at] = lines[at].rstrip() + draw(TOML_BITS) + b"\n"
        else:
            value = draw(st.sampled_from(["1", "-1", "nan", '""', "[]", "{}", "true", "1979-05-27", "[[1]]"]))
            lines[at] = lines[at].partition(b"=")[0] + f"= {value}\n".encode()
    if draw(st.integers(0, 40)) == 0:
        lines.append(b"deep = " + b"[" * 5000)
    return draw(mutated(st.just(b"".join(lines)))) if draw(st.booleans()) else b"".join(lines)


def loaded(data: bytes, folder: Path) -> object:
    """A lexicon from a file, and a note tagged by it."""
    path = folder / "mine.toml"
    path.write_bytes(data)
    note = pd.DataFrame({"note_id": [1], "text": ["The fee is not high, my friend says too dear."]})
    return rt.tag_reasons(note, lexicon=rt.load_lexicon(path))


CONFIG = b"""file = "orders.csv"
[columns]
customer_id = "Kunde"
date = "Datum"
[policies]
refunds = "net"
[reading]
day_first = true
header_row = 2
[counting]
as_of = 2024-12-31
by = ["region"]
[report]
gap = 90
[output]
format = "csv"
"""


def configured(data: bytes, folder: Path) -> object:
    """Settings from a config file, with an option beside it."""
    path = folder / "retention.toml"
    path.write_bytes(data)
    return settings_of(path, {"columns.date": "when"})


WORDS = st.sampled_from(
    [
        *("too expensive", "not", "n't", "’", "my friend", "Vodafone", "$5", "1.2.3", "!!!", "\n\n"),
        *("a@b.de", "+49 30 1234567", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "http://x"),
        *("\u202eabc", "e\u0301\u0301", "\ud800", "\0", "🧑‍🤝‍🧑", "ﷺ", "İ", "שלום", "＠", "\u200b", "a" * 300),
        *("they cancelled", "@", ".", "www.", "1-", "(", "https://" * 5, "IBAN", "no. 12345678"),
    ]
)
NOTES = st.one_of(
    st.lists(WORDS, max_size=20).map(" ".join),
    st.lists(WORDS, max_size=20).map("".join),
    st.text(max_size=200),
    st.tuples(WORDS, st.sampled_from(["", " ", "."])).map(lambda two: (sum(two, "") * 20_000)[:20_000])
    if False  # noqa: SIM210 - replaced below
    else st.builds(lambda word, by: ((word + by) * 20_000)[:20_000], WORDS, st.sampled_from(["", " ", "."])),
)


def tagged(notes: list[str | None], _: Path) -> object:
    """Notes tagged, and what identifies people struck out of them."""
    table = pd.DataFrame({"note_id": range(len(notes)), "text": pd.Series(notes, dtype=object)})
    with warnings.catch_warnings():
        return rt.tag_reasons(table), rt.redact_pii(table)
