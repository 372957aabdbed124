"""How people write numbers, money and dates; always the same, whatever the machine's language.

Nothing else in the house rounds.
"""

from __future__ import annotations

import math
import re
import textwrap
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from retention import periods
from retention.errors import count_of
from retention.spelling import Written, signs_in_use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_UNITS = ((1e9, 1e9, "bn"), (1e6, 1e6, "m"), (1e5, 1e3, "k"))
UNKNOWN = "–"
"""What stands where nothing is known."""

MINUS = "−"


def is_missing(value: object) -> bool:
    """Whether nothing stands there: None, pandas' NA, NaN, NaT."""
    if value is None or type(value).__name__ == "NAType":  # NA is not even unequal to itself
        return True
    return bool(value != value)  # noqa: PLR0124 - what is not itself is NaN or NaT


def _is_known(number: float | None) -> TypeGuard[float]:
    return number is not None and math.isfinite(number)


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as people write it: 12.3%."""
    if not _is_known(share):
        return UNKNOWN
    return Written(_with_minus(f"{100 * share:.{digits}f}%"), share, "share of 1")


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of shares in percentage points: +1.2 points."""
    if not _is_known(difference):
        return UNKNOWN
    text = f"{signed_points(difference, digits)} points"
    return Written(text, difference, "difference of shares")


def unbroken_text(text: str) -> str:
    """A text that no line ends within, for pictures."""
    return text.replace(" ", "\u00a0")


def signed_points(difference: float | None, digits: int = 1) -> str:
    """A difference of shares in points without the word: +1.2."""
    if not _is_known(difference):
        return UNKNOWN
    text = str(number(100 * difference, digits))
    signed = text[0] != MINUS and any(digit in text for digit in "123456789")
    return Written(f"+{text}" if signed else text, difference, "difference of shares")


def with_commas(number: float | None) -> str:
    """A number of people or things: 12,345."""
    if not _is_known(number):
        return UNKNOWN
    return Written(_with_minus(f"{number:,.0f}"), number, "count")


def money(amount: float | None) -> str:
    """An amount: whole from 1,000 on, with cents below; with its currency where that is said."""
    if not _is_known(amount):
        return UNKNOWN
    signs = signs_in_use()
    if not signs.currency:
        plain = number(amount, 0 if abs(amount) >= 1000 else 2)
        return Written(plain, amount, "currency")
    text = signs.amount_text(abs(amount), whole=abs(amount) >= 1000)
    return Written(f"{MINUS * _is_below_zero(text, amount)}{text}", amount, "currency")


def _is_below_zero(text: str, amount: float) -> bool:
    """Whether an amount needs a minus sign: not if it is written as 0."""
    return amount < 0 and any(digit in text for digit in "123456789")


def bounds_text(lower: str, upper: str) -> str:
    """Two written numbers as the bounds of one."""
    ends = tuple(one.value if isinstance(one, Written) else None for one in (lower, upper))
    unit = lower.unit if isinstance(lower, Written) else ""
    return Written(f"{lower} – {upper}", ends if None not in ends else None, unit)


def amount_writer(largest: float) -> Callable[[float], str]:
    """How to write amounts of money of which the largest is so large: all in one unit.

    Four digits of the largest: 12.30, 9,876, 123.4k, 1.234m. The currency is that of the table, and
    is written where it is said.
    """
    size = abs(largest) if math.isfinite(largest) else 0.0
    scale, unit = next(((s, u) for least, s, u in _UNITS if size >= least), (1.0, ""))
    digits = 0 if 1000 <= size < _UNITS[-1][0] else max(0, 3 - _magnitude(size / scale))
    digits = min(digits, 2)

    def amount_text(money: float) -> str:
        if not math.isfinite(money):
            return UNKNOWN
        plain, signs = _with_minus(f"{money / scale:,.{digits}f}{unit}"), signs_in_use()
        bare = plain.removeprefix(MINUS)
        return f"{MINUS * (bare != plain)}{signs.before}{bare}{signs.after}"

    return amount_text


def without_zeros(written: str) -> str:
    """A number without zeros after its point: 50.0k is 50k."""
    return re.sub(r"\.0*(?=\D|$)|(\.\d*[1-9])0+(?=\D|$)", r"\1", written)


def _magnitude(size: float) -> int:
    return int(math.log10(size)) if size >= 1 else 0


def number(value: float | None, digits: int = 2) -> str:
    """Any other number."""
    if not _is_known(value):
        return UNKNOWN
    return Written(_with_minus(f"{value:,.{digits}f}"), value, "number")


def days(length: float | None) -> str:
    """A length of time in days: 1 day, 120 days."""
    return count_of(round(length), "day") if _is_known(length) else UNKNOWN


def day(value: Any) -> str:
    """A day: 26 Feb 2024."""
    if is_missing(value):
        return UNKNOWN
    on = as_date(value)
    return Written(f"{on.day} {_MONTHS[on.month - 1]} {on.year}", on, "day")


def period(first_day: Any, freq: str) -> str:
    """A period by its first day: Jan 2024, 2024 Q1, 2024; a week by its first day."""
    if is_missing(first_day):
        return UNKNOWN
    first = as_date(first_day)
    if not periods.is_civil(freq) and (months := periods.months_of(freq)):
        return _fiscal_period(first, months)
    written = {
        "month": f"{_MONTHS[first.month - 1]} {first.year}",
        "quarter": f"{first.year} Q{(first.month + 2) // 3}",
        "year": str(first.year),
    }
    return written.get(freq, day(first))


def spoken_period(first_day: Any, freq: str) -> str:
    """A period in a sentence: Jan 2024, the week of 26 Feb 2024."""
    if is_missing(first_day):
        return UNKNOWN
    return Written(_spoken_period(first_day, freq), as_date(first_day), "period")


def _spoken_period(first_day: Any, freq: str) -> str:
    length, named = periods.length_of(freq), period(first_day, freq)
    if days := periods.days_of(freq):
        return f"the {with_commas(days)} days from {named}"
    if length == "week":
        return f"the week of {named}"
    by_days = length in ("month", "quarter", "year") and not periods.months_of(freq)
    return f"the {length} from {named}" if by_days else named


def _fiscal_period(first: date, months: int) -> str:
    """A fiscal quarter or year by its months: Nov 2023–Jan 2024."""
    month = first.year * 12 + first.month - 1 + months - 1
    last = date(month // 12, month % 12 + 1, 1)
    start, end = (_MONTHS[one.month - 1] for one in (first, last))
    begun = start if first.year == last.year else f"{start} {first.year}"
    return f"{begun}–{end} {last.year}"


def as_date(value: Any) -> date:
    """The day of a date, a timestamp, NumPy's datetime or ISO text."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10])


def shortened_text(text: str, width: int, lines: int = 1) -> str:
    """A text in so many lines of so many letters, with … where it was cut."""
    wrapped = textwrap.wrap(text, max(width, 2)) or [""]
    if len(wrapped) > lines:
        rest = "".join(part + " " * (not part.endswith("-")) for part in wrapped[lines - 1 :])
        kept = rest[: max(width, 2) - 1].rstrip(" ,-")
        wrapped = [*wrapped[: lines - 1], f"{kept}…"]
    return "\n".join(wrapped)


def list_in_words(words: Sequence[str]) -> str:
    """A list in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def quoted_names(names: Sequence[str], most: int = 8) -> str:
    """Names in quotes, as many as one reads."""
    shown = ", ".join(repr(str(name)) for name in names[:most])
    return shown + (", …" if len(names) > most else "") or "nothing"


def spoken_name(name: str) -> str:
    """The name of a column as words: n_base is "n base"."""
    return name.replace("_", " ").strip()


def _with_minus(written: str) -> str:
    """A real minus sign, and none before zero; by the signs that are in use."""
    written = signs_in_use().number_text(written)
    if not written.startswith("-"):
        return written
    return MINUS + written[1:] if any(digit in written for digit in "123456789") else written[1:]
