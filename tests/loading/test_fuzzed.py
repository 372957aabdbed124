"""What the fuzzer (tests/benchmarks/fuzz.py) found: each is refused in words, never a crash."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import retention as rt
from retention.cli.merged_settings import merged_settings
from retention.cli.settings import UsageError

DEEP = "deep = " + "[" * 5_000
NAMED = {"customer_id": "who", "date": "day", "sales": "paid"}


@pytest.mark.parametrize("encoding", ["base64", "rot13", "hex"])
def test_what_is_no_encoding_of_text_is_refused(encoding, tmp_path):
    """Python knows these codecs, but they do not give text."""
    path = tmp_path / "orders.csv"
    path.write_text("who,day\nAnn,2024-01-31\n", "utf-8")
    with pytest.raises(rt.ReadError, match=f"encoding='{encoding}' is not an encoding"):
        rt.read_table(path, encoding=encoding)


def test_a_file_whose_column_names_hold_nul_is_refused(tmp_path):
    """UTF-16 under the mark of UTF-8: DuckDB would cut both names to nothing."""
    path = tmp_path / "orders.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "who,day\nAnn,1\n".encode("utf-16-be"))
    with pytest.raises(rt.ColumnError, match="holds NUL: is this the encoding"):
        rt.read_table(path)


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf\n", b"\xff\xfe \0\n\0", b"x" * (1 << 16), b"\n" * (1 << 16) + b"who,day"],
)
def test_a_file_without_a_first_line_is_refused(data, tmp_path):
    """Nothing but a byte-order mark and blanks, or a line without end."""
    path = tmp_path / "orders.csv"
    path.write_bytes(data)
    with pytest.raises(rt.ReadError, match="no column names"):
        rt.read_table(path)


def test_a_workbook_with_broken_xml_is_refused(tmp_path):
    """The archive is whole, a part in it is not."""
    whole, path = io.BytesIO(), tmp_path / "orders.xlsx"
    pd.DataFrame({"who": ["Ann"], "paid": [1.5]}).to_excel(whole, index=False)
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"):
        with zipfile.ZipFile(whole) as given, zipfile.ZipFile(path, "w") as broken:
            for part in given.namelist():
                broken.writestr(part, given.read(part)[: -9 if part == name else None])
        with pytest.raises(rt.ReadError, match="not a complete Excel workbook"):
            rt.read_table(path)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame])
@pytest.mark.parametrize("name", ["a\0b", "_retention_row", "_Retention_Row"])
def test_column_names_that_cannot_be_used_are_refused(kind, name):
    """NUL makes Polars panic; our own names would be there twice."""
    table = kind({"who": ["Ann"], "day": ["2024-01-31"], "paid": [1.5], name: ["x"]})
    with pytest.raises(rt.ColumnError, match="a column cannot be named"):
        rt.as_transactions(table, **NAMED)


def test_toml_nested_without_end_is_refused(tmp_path):
    """Python's reader gives up at its own depth."""
    path = tmp_path / "deep.toml"
    path.write_text(DEEP, "utf-8")
    with pytest.raises(UsageError, match="is no TOML"):
        merged_settings(path, {})
    with pytest.raises(rt.ReadError, match="is no TOML"):
        rt.reasons.load_lexicon(path)
    codes = pd.DataFrame({"customer_id": ["Ann"], "code": ["A1"]})
    with pytest.raises(rt.ReadError, match="cannot be read"):
        rt.map_reason_codes(codes, scheme=path)


@pytest.mark.parametrize(
    "data", [b"category,phrase,weight\npricing,d\xe9j\xe0 vu,1\n", b"category,phrase,weight\na,\r"]
)
def test_phrases_in_a_damaged_csv_are_refused(data: bytes, tmp_path: Path) -> None:
    """Another encoding than UTF-8, a row that stops."""
    path = tmp_path / "phrases.csv"
    path.write_bytes(data)
    with pytest.raises(rt.RetentionError):
        rt.reasons.extend_lexicon(rt.reasons.load_lexicon("en"), phrases=path)


@pytest.mark.parametrize("door", [rt.tag_reasons, rt.reasons.redact_pii])
def test_half_a_character_in_a_note_is_refused(door):
    """An emoji cut in two is no text that a file or an engine can hold."""
    notes = pd.DataFrame({"note_id": [1], "text": pd.Series(["bye \ud83d"], dtype=object)})
    with pytest.raises(rt.ContentError, match="half of a character"):
        door(notes)
    cure = notes["text"].map(
        lambda text: text.encode("utf-8", "replace").decode(), na_action="ignore"
    )
    assert len(door(notes.assign(text=cure))) == 1
