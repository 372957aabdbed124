"""Months by their names in the languages of Unicode's CLDR, as they stand in dates.

What a date says beside its digits is learned from the few texts that occur, in Python; the engine
then finds each of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import collect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from retention.frames import Frame

_MOST = 2_000
"""More different texts than this are no dates."""

_SPLIT = r"[\s,./\-'’ʼʻ‘\u200c-\u200f]+"
_SMALL_WORDS = """
de del d di da of the den der il le el am a г р m n kl года року st nd rd th er
"""
_FILLERS = frozenset(_SMALL_WORDS.split())

_Named = tuple[str, frozenset[str]]
"""A name of a month, and the words beside it."""


@dataclass(frozen=True, slots=True)
class _Language:
    """The months of a language by name, and the words that stand beside them."""

    months: Mapping[str, int]
    words: frozenset[str]


def with_named_month(frame: Frame, date: str, month: str) -> Frame:
    """The frame with the month that a date in small letters names in `month`; 0 if it names none.

    Where the languages that know all names of the column disagree on one, it names none.
    """
    words = f"{month}_words"
    frame = frame.with_columns(nw.col(date).str.replace_all("[0-9]+", "#").alias(words))
    texts = frame.select(words).unique().sort(words)  # Polars 1.20 cannot cut short what is unique
    found = collect(texts.head(_MOST + 1))[words].tolist()
    said = {} if len(found) > _MOST else months_of_texts(found)
    number: nw.Expr = nw.lit(0)
    for n in sorted(set(said.values())):
        here = nw.col(words).is_in([text for text, told in said.items() if told == n])
        number = nw.when(here).then(nw.lit(n)).otherwise(number)
    return frame.with_columns(number.cast(nw.Int64).alias(month))


def months_of_texts(texts: Iterable[str]) -> dict[str, int]:
    """The number of the month that each text names, of those that name one for certain.

    The languages that read all texts decide, before those that read one; those whose days of the
    week stand beside the months, before others: "Fri" and "Kas" are months, too, of some language.
    """
    named = {text: names for text in texts if (names := _names_in_text(text))}
    meant: dict[str, set[int]] = {}
    for whole, own_days, tier in _DECIDING:
        told = [_months_told(named, language, own_days) for language in _tiers()[tier]]
        told = [months for months in told if len(months) == len(named) or not whole]
        for text in named.keys() - meant.keys():
            if found := {months[text] for months in told if text in months}:
                meant[text] = found
    return {text: min(found) for text, found in meant.items() if len(found) == 1}


_DECIDING = (  # by all texts or by each; with days of the language or of any; of which languages
    *((True, own_days, tier) for own_days in (True, False) for tier in (0, 1)),
    *((False, own_days, tier) for own_days in (True, False) for tier in (0, 1)),
)


def _months_told(
    named: Mapping[str, Sequence[_Named]], language: _Language, own_days: bool
) -> dict[str, int]:
    """The months of those texts that a language reads in one way."""
    told = {}
    for text, names in named.items():
        months = {
            language.months[name]
            for name, rest in names
            if name in language.months and (not own_days or rest <= language.words)
        }
        if len(months) == 1:
            told[text] = months.pop()
    return told


def _names_in_text(text: str) -> list[_Named]:
    """The longest names of a month in a text, each with the small words and days beside it."""
    words = [word for word in _letters_alone(text).split() if word not in ("", "#")]
    words = [word.strip("#") for word in words]
    for size in range(len(words), 0, -1):
        parts = [(start, " ".join(words[start : start + size])) for start in range(len(words))]
        found = [
            (name, frozenset([*words[:start], *words[start + size :]]))
            for start, name in parts[: len(words) - size + 1]
            if name in _all_months()
        ]
        if found := [(name, rest) for name, rest in found if rest <= _fillers()]:
            return found
    return []


def _letters_alone(text: str) -> str:
    """Small letters without accents, in single words."""
    plain = unicodedata.normalize("NFD", text.lower())
    plain = "".join(c for c in plain if not "\u0300" <= c <= "\u036f")
    plain = unicodedata.normalize("NFC", plain).replace("#", " # ")
    return " ".join(word for word in re.split(_SPLIT, plain) if word)


@cache
def _tiers() -> tuple[Sequence[_Language], Sequence[_Language]]:
    """The languages that CLDR covers best, and the others."""
    tiers: tuple[list[_Language], list[_Language]] = ([], [])
    for line in _lines():
        language, *months = line.split("|")[:13]
        numbers: dict[str, set[int]] = {}
        for n, names in enumerate(months, 1):
            for name in filter(None, names.split(",")):
                numbers.setdefault(name, set()).add(n)
        sure = {name: min(found) for name, found in numbers.items() if len(found) == 1}
        tiers[not language.endswith("*")].append(_Language(sure, _FILLERS | _days_of_week(line)))
    return tiers


@cache
def _all_months() -> frozenset[str]:
    names = (name for tier in _tiers() for language in tier for name in language.months)
    return frozenset(names).difference(("am", "pm"))  # halves of a day


@cache
def _fillers() -> frozenset[str]:
    """Words that stand beside a month in a date: days of the week, and small words."""
    return _FILLERS.union(*map(_days_of_week, _lines()))


def _days_of_week(line: str) -> frozenset[str]:
    return frozenset(" ".join(line.split("|")[13].split(",")).split())


@cache
def _lines() -> tuple[str, ...]:
    """One line a language: its code, its twelve months, and its days of the week."""
    file = files("retention.loading.dates").joinpath("month_names.txt")
    return tuple(file.read_text(encoding="utf-8").splitlines())
