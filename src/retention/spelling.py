"""Numbers as text that still know what they are, and by which signs they are written."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Written(str):
    """A number, a day or bounds as people read them, with what was written.

    Attributes:
        value: what was written: a number, a date, two numbers of bounds, or None.
        unit: "share of 1", "difference of shares", "count", "currency", "number", "day", "period".
    """

    __slots__ = ("unit", "value")

    value: Any
    unit: str

    def __new__(cls, text: str, value: Any = None, unit: str = "") -> Written:
        """A text that knows its value."""
        made = super().__new__(cls, text)
        made.value, made.unit = value, unit
        return made

    def __getnewargs__(self) -> tuple[str, Any, str]:  # type: ignore[override]
        """What makes it again, for pickle."""
        return str(self), self.value, self.unit

    def __add__(self, other: str) -> str:
        """With a mark behind it a period is still that period; a number becomes plain text."""
        text = str(self) + other
        return Written(text, self.value, self.unit) if self.unit == "period" else text


@dataclass(frozen=True, slots=True)
class Signs:
    """By which signs numbers and amounts are written.

    Attributes:
        currency: its code; empty where amounts are plain numbers.
        decimal: what stands before the fraction.
        group: what stands between thousands.
        before: what stands before an amount.
        after: what stands behind an amount.
        digits: of the currency's fraction.
        pattern: the locale's pattern of amounts, where Babel writes them.
        locale: of it.
    """

    currency: str = ""
    decimal: str = "."
    group: str = ","
    before: str = ""
    after: str = ""
    digits: int = 2
    pattern: str = ""
    locale: str = "en"

    def number_text(self, written: str) -> str:
        """A number written 1,234.5 by these signs."""
        if (self.decimal, self.group) == (".", ","):
            return written
        return written.translate({ord("."): self.decimal, ord(","): self.group})

    def amount_text(self, amount: float, *, whole: bool) -> str:
        """An amount without its sign, whole or with its fraction."""
        digits = 0 if whole else self.digits
        if not self.pattern:
            return f"{self.before}{self.number_text(f'{amount:,.{digits}f}')}{self.after}"
        from babel.numbers import format_currency

        pattern = re.sub(r"\.0+", f".{'0' * digits}" if digits else "", self.pattern)
        told: dict[str, Any] = {"locale": self.locale, "currency_digits": False}
        return str(format_currency(amount, self.currency, format=pattern, **told))


OUR_OWN = Signs()
"""The signs of a number of which nobody has said otherwise."""

_IN_USE: ContextVar[Signs] = ContextVar("signs", default=OUR_OWN)


@contextmanager
def spelled_by(signs: Signs) -> Iterator[None]:
    """Numbers that are written meanwhile are written by these signs; in this thread alone."""
    before = _IN_USE.set(signs)
    try:
        yield
    finally:
        _IN_USE.reset(before)


def signs_in_use() -> Signs:
    """The signs by which numbers are written here: our own, unless a report says others."""
    return _IN_USE.get()
