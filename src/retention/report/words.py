"""Figures, money and days as people write them; nothing else in the house rounds."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np

from retention.plots import writing

NONE = writing.UNKNOWN
"""What stands where nothing is known."""

_SHARES = ("_rate", "_share", "_churn", "_retention", "_probability", "survival", "hazard", "share")
_SHARE_NAMES = {"rate", "lower", "upper", "churn_rate", "precision", "recall", "effect"}


def is_missing(value: object) -> bool:
    """Whether nothing stands there: None, NaN, NaT."""
    return value is None or value != value  # noqa: PLR0124 - what is not itself is NaN or NaT


def percent(value: Any, decimals: int = 1) -> str:
    """A share of 1 as percent: 0.634 is 63.4%."""
    return NONE if is_missing(value) else writing.percent(float(value), decimals)


def points(value: Any) -> str:
    """A difference of two shares, with its sign: −0.021 is −2.1 points."""
    return NONE if is_missing(value) else f"{signed(value)} points"


def signed(value: Any) -> str:
    """A difference of two shares in points without the word: −0.021 is −2.1."""
    if is_missing(value):
        return NONE
    text = writing.number(100 * float(value), 1)
    return text if text[0] == "−" or not text.strip("0.") else f"+{text}"


def count(value: Any) -> str:
    """A number of people or things: 1,234."""
    return NONE if is_missing(value) else writing.count(float(value))


def money(value: Any) -> str:
    """An amount: whole from 1,000 on, with cents below."""
    if is_missing(value):
        return NONE
    return writing.number(float(value), 0 if abs(float(value)) >= 1000 else 2)


def days(value: Any) -> str:
    """A length of time in days: 1 day, 120 days."""
    return NONE if is_missing(value) else several(round(float(value)), "day")


def on(day: Any) -> str:
    """A day: 29 Feb 2024."""
    return NONE if is_missing(day) else writing.day(np.datetime64(as_date(day), "D"))


def period(day: Any, freq: str) -> str:
    """A period by its first day: Feb 2024, 2024 Q1, 2024, the week of 26 Feb 2024."""
    if is_missing(day):
        return NONE
    written = writing.period(np.datetime64(as_date(day), "D"), freq)
    return f"the week of {written}" if freq == "week" else written


def several(number: int, one: str, many: str = "") -> str:
    """A count with its noun: 1 customer, 2 customers."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """A list in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def as_date(value: Any) -> date:
    """The day of a date, a timestamp, NumPy's datetime or ISO text."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10])


def is_share(column: str) -> bool:
    """Whether a column of an answer holds shares of 1, read off its name and the catalogue."""
    from retention.catalogue import FIGURES

    stem = column.removesuffix("_lower").removesuffix("_upper")
    shares = {record.name for record in FIGURES if "share" in record.unit}
    return stem in shares | _SHARE_NAMES or stem.endswith(_SHARES)
