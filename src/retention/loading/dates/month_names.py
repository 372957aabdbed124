"""Months by their names in the languages of Unicode's CLDR, as they stand in dates.

What a date says beside its digits is learned from the few texts that occur, in Python; the engine
then finds each of them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import collect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from retention.frames import Frame

_MOST = 2_000
"""More different texts than this are no dates."""

_SPLIT = r"[\s,./\-'’ʼʻ‘\u200c-\u200f]+"
_SMALL_WORDS = """
de del d di da of the den der il le el am a г р m n kl года року st nd rd th er
"""
_FILLERS = frozenset(_SMALL_WORDS.split())


def with_named_month(frame: Frame, date: str, month: str) -> Frame:
    """The frame with the month that a date in small letters names in `month`; 0 if it names none.

    Where the languages that know all names of the column disagree on one, it names none.
    """
    words = f"{month}_words"
    frame = frame.with_columns(nw.col(date).str.replace_all("[0-9]+", "#").alias(words))
    found = collect(frame.select(words).unique().head(_MOST + 1))[words].tolist()
    said = {} if len(found) > _MOST else months_of_texts(found)
    number: nw.Expr = nw.lit(0)
    for n in sorted(set(said.values())):
        here = nw.col(words).is_in([text for text, told in said.items() if told == n])
        number = nw.when(here).then(nw.lit(n)).otherwise(number)
    return frame.with_columns(number.cast(nw.Int64).alias(month))


def months_of_texts(texts: Iterable[str]) -> dict[str, int]:
    """The number of the month that each text names, of those that name one for certain."""
    named = {text: name for text in texts if (name := _name_in_text(text))}
    names = set(named.values())
    whole = [[one for one in tier.values() if names <= one.keys()] for tier in _tiers()]
    meant: dict[str, set[int]] = {}
    for knowing in [*whole, *(list(tier.values()) for tier in _tiers())]:
        for name in names - meant.keys():
            if told := {months[name] for months in knowing if name in months}:
                meant[name] = told
    return {text: min(meant[name]) for text, name in named.items() if len(meant[name]) == 1}


def _name_in_text(text: str) -> str:
    """The name of a month in a text; empty if there is none, or anything else beside it."""
    words = [word for word in _letters_alone(text).split() if word not in ("", "#")]
    words = [word.strip("#") for word in words]
    for size in range(len(words), 0, -1):
        for start in range(len(words) - size + 1):
            name = " ".join(words[start : start + size])
            rest = [*words[:start], *words[start + size :]]
            if name in _all_months() and all(word in _fillers() for word in rest):
                return name
    return ""


def _letters_alone(text: str) -> str:
    """Small letters without accents, in single words."""
    plain = unicodedata.normalize("NFD", text.lower())
    plain = "".join(c for c in plain if not "\u0300" <= c <= "\u036f")
    plain = unicodedata.normalize("NFC", plain).replace("#", " # ")
    return " ".join(word for word in re.split(_SPLIT, plain) if word)


@cache
def _tiers() -> tuple[Mapping[str, Mapping[str, int]], Mapping[str, Mapping[str, int]]]:
    """Months by name of each language: of those that CLDR covers best, and of the others."""
    tiers: tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]] = ({}, {})
    for line in _lines():
        language, *months = line.split("|")[:13]
        numbers: dict[str, set[int]] = {}
        for n, names in enumerate(months, 1):
            for name in filter(None, names.split(",")):
                numbers.setdefault(name, set()).add(n)
        sure = {name: min(found) for name, found in numbers.items() if len(found) == 1}
        tiers[not language.endswith("*")][language.rstrip("*")] = sure
    return tiers


@cache
def _all_months() -> frozenset[str]:
    return frozenset(name for tier in _tiers() for names in tier.values() for name in names)


@cache
def _fillers() -> frozenset[str]:
    """Words that stand beside a month in a date: days of the week, and small words."""
    days = (line.split("|")[13].split(",") for line in _lines())
    return _FILLERS.union(*(" ".join(names).split() for names in days))


@cache
def _lines() -> tuple[str, ...]:
    """One line a language: its code, its twelve months, and its days of the week."""
    file = files("retention.loading.dates").joinpath("month_names.txt")
    return tuple(file.read_text(encoding="utf-8").splitlines())
