"""How people write numbers and dates; always the same, whatever the machine's language."""

from __future__ import annotations

import math
import re
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_UNITS = ((1e9, 1e9, "bn"), (1e6, 1e6, "m"), (1e5, 1e3, "k"))
UNKNOWN = "–"
MINUS = "−"


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 as people write it: 12.3%."""
    if not math.isfinite(share):
        return UNKNOWN
    return _signed(f"{100 * share:.{digits}f}%")


def points(difference: float, digits: int = 1) -> str:
    """A difference of shares in percentage points: +1.2 points."""
    if not math.isfinite(difference):
        return UNKNOWN
    written = f"{100 * difference:+.{digits}f}"
    zero = f"{0:.{digits}f}"
    return f"{zero if written[1:] == zero else _signed(written)} points"


def count(number: float) -> str:
    """A number of people or things: 12,345."""
    return _signed(f"{number:,.0f}") if math.isfinite(number) else UNKNOWN


def amounts(largest: float) -> Callable[[float], str]:
    """How to write amounts of money of which the largest is so large: all in one unit.

    Four digits of the largest: 12.30, 9,876, 123.4k, 1.234m. The currency is that of the table.
    """
    size = abs(largest) if math.isfinite(largest) else 0.0
    scale, unit = next(((s, u) for least, s, u in _UNITS if size >= least), (1.0, ""))
    digits = 0 if 1000 <= size < _UNITS[-1][0] else max(0, 3 - _magnitude(size / scale))
    digits = min(digits, 2)

    def written(money: float) -> str:
        if not math.isfinite(money):
            return UNKNOWN
        return _signed(f"{money / scale:,.{digits}f}{unit}")

    return written


def without_zeros(written: str) -> str:
    """A number without zeros after its point: 50.0k is 50k."""
    return re.sub(r"\.0*(?=\D|$)|(\.\d*[1-9])0+(?=\D|$)", r"\1", written)


def _magnitude(size: float) -> int:
    return int(math.log10(size)) if size >= 1 else 0


def number(value: float, digits: int = 2) -> str:
    """Any other number."""
    return _signed(f"{value:,.{digits}f}") if math.isfinite(value) else UNKNOWN


def day(value: np.datetime64) -> str:
    """A day: 26 Feb 2024."""
    if np.isnat(value):
        return UNKNOWN
    date = value.astype("datetime64[D]").item()
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def period(first_day: np.datetime64, freq: str) -> str:
    """A period by its first day: Jan 2024, 2024 Q1, 2024; a week by its first day."""
    if np.isnat(first_day):
        return UNKNOWN
    date = first_day.astype("datetime64[D]").item()
    written = {
        "month": f"{_MONTHS[date.month - 1]} {date.year}",
        "quarter": f"{date.year} Q{(date.month + 2) // 3}",
        "year": str(date.year),
    }
    return written.get(freq, day(first_day))


def freq_of(first_days: NDArray[Any], steps: NDArray[Any]) -> str:
    """How long the periods of a table are: that for which its numbers are those of its days.

    "period" if they are of no calendar of ours.
    """
    days, numbers = first_days.astype("datetime64[D]"), steps.astype(np.int64)
    for freq in periods.FREQS if days.size else ():
        if bool((periods.first_days(numbers, freq) == days).all()):
            return freq
    return "period"


def several(n: int, thing: str) -> str:
    """1 quarter, 2 quarters."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def shortened(text: str, width: int, lines: int = 1) -> str:
    """A text in so many lines of so many letters, with … where it was cut."""
    wrapped = textwrap.wrap(text, max(width, 2)) or [""]
    if len(wrapped) > lines:
        rest = "".join(part + " " * (not part.endswith("-")) for part in wrapped[lines - 1 :])
        kept = rest[: max(width, 2) - 1].rstrip(" ,-")
        wrapped = [*wrapped[: lines - 1], f"{kept}…"]
    return "\n".join(wrapped)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in quotes, as many as one reads."""
    shown = ", ".join(repr(str(name)) for name in names[:most])
    return shown + (", …" if len(names) > most else "") or "nothing"


def spoken(name: str) -> str:
    """The name of a column as words: n_base is "n base"."""
    return name.replace("_", " ").strip()


def _signed(written: str) -> str:
    """A real minus sign, and none before zero."""
    if not written.startswith("-"):
        return written
    return MINUS + written[1:] if any(digit in written for digit in "123456789") else written[1:]
