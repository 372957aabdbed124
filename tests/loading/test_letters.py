"""Which encoding a CSV is in: never guessed in silence, and never where the letters speak against.

What each file says is known, so that a reading is right or wrong by eye.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import retention as rt
from retention.loading.files.letters import is_strange

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "customer_id,date,sales\n"
WESTERN = ["Müller", "Größe", "L’Été", "Lefèvre", "Muñoz", "João", "Ærø", "Åse", "£5 off", "“Côte”"]
OTHERS = {
    "cp1251": "Иван Петров",
    "koi8-r": "Москва",
    "cp866": "Петров",
    "mac_roman": "Jürgen Müller",
    "cp850": "Lefèvre",
    "cp1250": "Wałęsa",
    "cp1253": "Γιώργος",
    "cp932": "東京スズキ",
    "gbk": "张伟",
    "cp949": "김철수",
    "cp1255": "דוד",
}


def a_file(folder: Path, names: list[str], encoding: str) -> Path:
    """One order of each customer; ids are the names."""
    path = folder / "orders.csv"
    lines = [f"{name},2024-01-{day:02},10" for day, name in enumerate(names, 1)]
    path.write_bytes((HEAD + "\n".join(lines) + "\n").encode(encoding))
    return path


def ids_of(path: Path, **say: str) -> list[str]:
    """The customers as they are read."""
    return rt.read_table(path, **say)["customer_id"].tolist()


@pytest.mark.parametrize("encoding", sorted(OTHERS))
def test_letters_that_do_not_speak_for_cp1252_are_refused_and_the_cure_works(tmp_path, encoding):
    """The refusal shows how they would read, and says the encoding in which they make sense."""
    path = a_file(tmp_path, ["Ann", OTHERS[encoding]], encoding)
    with pytest.raises(rt.ReadError, match="do not look like cp1252") as refusal:
        rt.read_table(path)
    said = dict(re.findall(r"encoding='([^']+)' \([^)]*\) reads ('[^;]*')", str(refusal.value)))
    assert said[encoding] == repr(OTHERS[encoding])
    assert ids_of(path, encoding=encoding) == ["Ann", OTHERS[encoding]]


@pytest.mark.parametrize("name", WESTERN)
def test_western_letters_are_read_as_cp1252_and_that_is_said(tmp_path, name):
    """A guess that the words speak for, with the words and both ways out; saying it is quiet."""
    path = a_file(tmp_path, ["Ann", name], "cp1252")
    with pytest.warns(rt.RetentionWarning, match="was read as cp1252") as told:
        assert ids_of(path) == ["Ann", name]
    assert len(told) == 1
    assert told[0].filename == __file__
    text = str(told[0].message)
    assert repr(name) in text
    assert "If that is right, say encoding='cp1252'; if not" in text
    assert ids_of(path, encoding="cp1252") == ["Ann", name]


def test_a_guess_shows_how_other_encodings_read_the_same_bytes(tmp_path):
    """Czech names have the form of Western ones; who reads them sees which is right."""
    path = a_file(tmp_path, ["Dvořák", "Němec"], "cp1250")
    with pytest.warns(rt.RetentionWarning) as told:
        assert ids_of(path) == ["Dvoøák", "Nìmec"]
    text = str(told[0].message)
    assert "it holds 'Dvoøák', 'Nìmec'" in text
    assert "encoding='cp1250' (Central European) reads 'Dvořák', 'Němec'" in text
    assert ids_of(path, encoding="cp1250") == ["Dvořák", "Němec"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "ascii"])
def test_what_is_certain_is_quiet(tmp_path, encoding):
    """UTF-8 with a mark or without, the wide ones with theirs, and plain ASCII."""
    name = "Ann" if encoding == "ascii" else "Мюллер 東京"
    assert ids_of(a_file(tmp_path, [name], encoding)) == [name]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_letters_without_a_mark_are_refused_by_name(tmp_path, encoding):
    """NUL bytes tell how wide, and which end comes first."""
    path = a_file(tmp_path, ["Müller"], encoding)
    with pytest.raises(rt.ReadError) as refusal:
        rt.read_table(path)
    assert re.findall(r"encoding='([^']+)'", str(refusal.value)) == [encoding]
    assert ids_of(path, encoding=encoding) == ["Müller"]


def test_escapes_between_letters_are_refused_by_name(tmp_path):
    """ISO-2022-JP is pure ASCII to a reader that does not know it."""
    path = a_file(tmp_path, ["東京"], "iso2022_jp")
    with pytest.raises(rt.ReadError, match="say encoding='iso2022_jp'"):
        rt.read_table(path)
    assert ids_of(path, encoding="iso2022_jp") == ["東京"]


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_a_byte_that_cp1252_does_not_know_speaks_against_it(tmp_path, byte):
    """One is enough, however many good words stand above it."""
    path = a_file(tmp_path, ["Müller"] * 20, "cp1252")
    path.write_bytes(path.read_bytes() + bytes([0x41, byte]) + b",2024-02-01,1\n")
    with pytest.raises(rt.ReadError, match="do not look like cp1252"):
        rt.read_table(path)
    assert len(ids_of(path, encoding="latin-1")) == 21


def test_a_few_odd_words_among_many_do_not_speak_against_it(tmp_path):
    """Ten in a hundred may be odd: names of brands, damaged cells."""
    for n_odd, refused in ((2, False), (5, True)):
        path = a_file(tmp_path, ["Müller"] * 25 + ["BÉla"] * n_odd, "cp1252")
        with pytest.raises(rt.ReadError) if refused else pytest.warns(rt.RetentionWarning):
            rt.read_table(path)


def test_several_guessed_files_are_one_warning(tmp_path):
    """It names the first and counts the others."""
    for month in (1, 2, 3):
        path = tmp_path / f"m{month}.csv"
        path.write_bytes(f"{HEAD}Müller,2024-0{month}-01,1\n".encode("cp1252"))
    with pytest.warns(rt.RetentionWarning, match=r"m1\.csv and 2 other files") as told:
        assert len(rt.read_table(tmp_path)) == 3
    assert len(told) == 1
    assert len(rt.read_table(tmp_path, encoding="cp1252")) == 3


def test_doors_say_it_as_well_on_every_engine(tmp_path):
    """Names reach the checked table as they were read."""
    path = a_file(tmp_path, ["Müller"], "cp1252")
    names = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    for engine in ("pandas", "polars", "duckdb"):
        with pytest.warns(rt.RetentionWarning, match="was read as cp1252"):
            rt.as_transactions(path, **names, engine=engine)
        rt.as_transactions(path, **names, engine=engine, encoding="cp1252")


@pytest.mark.parametrize("text", ["Île", "ÎLE", "œuvre", "Où", "naïve", "coöp", "m²", "3½", "ß"])
def test_words_of_the_west_are_not_strange(text):
    """In capitals, with ligatures, with signs at their end."""
    assert not is_strange(text.encode("cp1252"))
