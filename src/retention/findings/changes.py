"""Whether a rate has moved, said no louder than its bounds allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retention.intervals import bounds_of_difference
from retention.wording import is_missing, points, signed_points

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "no change can be told"
UNCLEAR = "no clear change"


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate between its bounds; None where one is not known."""

    value: float | None
    lower: float | None
    upper: float | None

    @classmethod
    def of(cls, row: Mapping[str, Any], name: str, lower: str = "", upper: str = "") -> Rate:
        """A rate of a row, with bounds in the columns of those names, or …_lower and …_upper."""
        names = (name, lower or f"{name}_lower", upper or f"{name}_upper")
        found = [None if is_missing(row[column]) else float(row[column]) for column in names]
        return cls(*found)

    @property
    def is_known(self) -> bool:
        """Whether there is a rate with both bounds."""
        return None not in (self.value, self.lower, self.upper)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference of two rates between its bounds; None where it cannot be told."""

    value: float | None
    lower: float | None
    upper: float | None

    @property
    def is_clear(self) -> bool:
        """Whether the bounds leave out 0."""
        if self.lower is None or self.upper is None:
            return False
        return self.lower > 0 or self.upper < 0

    @property
    def half_width(self) -> float | None:
        """How far the bounds reach, to the wider side."""
        if self.value is None or self.lower is None or self.upper is None:
            return None
        return max(self.upper - self.value, self.value - self.lower)

    def in_words(self) -> str:
        """The change with its bounds, or that there is no clear one."""
        if self.value is None:
            return UNKNOWN
        if self.lower is None:
            return f"{points(self.value)}; {UNKNOWN} for sure"
        bounds = f"{signed_points(self.lower)} to {points(self.upper)}"
        if not self.is_clear:
            return f"{UNCLEAR} ({bounds})"
        return f"{'up' if self.value > 0 else 'down'} by {_size_in_points(self.value)} ({bounds})"

    def verdict(self, better: str) -> str:
        """Whether that is "better", "worse" or the "same", for the direction that is better."""
        if not self.is_clear or self.value is None or better == "neither":
            return "same"
        return "better" if (self.value > 0) == (better == "higher") else "worse"


def change_of_rates(before: Rate, after: Rate) -> Change:
    """The difference of two rates of different people, with bounds made from theirs.

    With rates p and bounds l, u: after − before lies between

        d − √((p1 − l1)² + (u0 − p0)²)  and  d + √((u1 − p1)² + (p0 − l0)²).

    With Wilson's bounds these are Newcombe's.

    Source:
        Zou, G. Y. and Donner, A. (2008), Statistics in Medicine 27, 1693–1702; Newcombe, R. G.
        (1998), Statistics in Medicine 17, 873–890, method 10.
    """
    p0, l0, u0 = before.value, before.lower, before.upper
    p1, l1, u1 = after.value, after.lower, after.upper
    if p0 is None or p1 is None:
        return Change(None, None, None)
    difference = p1 - p0
    if l0 is None or u0 is None or l1 is None or u1 is None:
        return Change(difference, None, None)
    lower, upper = bounds_of_difference((p1, l1, u1), (p0, l0, u0))
    return Change(difference, float(lower), float(upper))


def _size_in_points(value: float) -> str:
    return points(abs(value)).lstrip("+")
