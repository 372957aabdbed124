"""Dates: as they are, as text in the ways people write them, or as numbers once the unit is said.

Text such as "2024-02-29 13:05", "29/02/2024", "29 Feb 2024" or "20240229" is read. Whether day or
month comes first is decided by the values that allow only one reading; where none does, or where
some allow only one and some only the other, the user is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ColumnError
from retention.frames import one_row
from retention.loading import formats, moments, zones
from retention.loading.checks import Check
from retention.loading.formats import MONTHS, number
from retention.loading.text import EPOCHS, OURS, flat, is_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame
    from retention.loading.columns import Source
    from retention.loading.text import Written

_BLANKS = ("", "nan", "none", "null", "na", "n/a", "#n/a", "nat", "<na>")
_SEP = "[-/.]"
_DAY, _MONTH = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])"
_LATE = "(?:1[3-9]|2[0-9]|3[01])"  # a day that is no month
_CLOCK = (
    r"(?:(?:t| +)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]m)?"
    r"(?: ?(?:z|utc|gmt|[-+][0-9]{2}(?::?[0-9]{2})?))?)?$"
)
_OFFSET = "[0-9m] ?(?:z|utc|gmt)$|:[0-9]{2}(?:[.,][0-9]+)? ?[-+][0-9]{2}(?::?[0-9]{2})?$"
_SHAPES = {
    "ymd": f"^[0-9]{{4}}{_SEP}[0-9]{{1,2}}{_SEP}[0-9]{{1,2}}{_CLOCK}",
    "two": f"^[0-9]{{1,2}}{_SEP}[0-9]{{1,2}}{_SEP}[0-9]{{4}}{_CLOCK}",
    "compact": f"^[0-9]{{8}}{_CLOCK}",
    "named": f"^[0-9]{{1,2}}(?:st|nd|rd|th)?[-/. ]*(?:{MONTHS})[-/., ]*[0-9]{{4}}{_CLOCK}"
    f"|^(?:{MONTHS})[-/. ]*[0-9]{{1,2}}(?:st|nd|rd|th)?[-/., ]+[0-9]{{4}}{_CLOCK}",
}
_TELLING = {
    "day first": f"^{_LATE}{_SEP}{_MONTH}{_SEP}[0-9]{{4}}",
    "month first": f"^{_MONTH}{_SEP}{_LATE}{_SEP}[0-9]{{4}}",
    "timed": ":",
    "offset": _OFFSET,
}
_FIX = "Correct them or leave those rows out."


def with_date_text(source: Source, frame: Frame, role: str) -> Frame:
    """The frame with what the file says about a date, in lower case, where it is text.

    Raises:
        ColumnError: if the column holds flags, durations or anything else that is no date.
    """
    column = source.roles[role]
    dtype = source.schema[column]
    if isinstance(dtype, nw.Date | nw.Datetime) or dtype.is_numeric():
        return frame
    if not is_text(dtype):
        raise ColumnError(f"{role}: column {column!r} holds {dtype}, not dates.")
    return frame.with_columns(flat(column, dtype).str.to_lowercase().alias(f"{OURS}{role}_text"))


def date_signs(source: Source, role: str, written: Written) -> dict[str, nw.Expr]:
    """What to learn about a text column of dates: the ways it is written in."""
    if written.date_format is not None or not is_text(source.schema[source.roles[role]]):
        return {}
    text = nw.col(f"{OURS}{role}_text")
    return {f"{name} {role}": text.str.contains(p) for name, p in (_SHAPES | _TELLING).items()}


def day_first_of(known: Mapping[str, bool], roles: Sequence[str], written: Written) -> str:
    """What comes first in 03/04/2024: "day" or "month" as said or decided, "mixed" or "unclear"."""
    if written.day_first is not None:
        return "day" if written.day_first else "month"
    day = any(known.get(f"day first {role}") for role in roles)
    month = any(known.get(f"month first {role}") for role in roles)
    if day and month:
        return "mixed"
    return "day" if day else "month" if month else "unclear"


def read_date(
    source: Source, frame: Frame, role: str, written: Written, known: Mapping[str, bool], first: str
) -> tuple[Frame, list[Check]]:
    """The frame with the date as a naive local time, null where there is none, and its checks.

    Args:
        source: the user's table.
        frame: the frame so far, with the date's text if it is text.
        role: which date.
        written: what the user said about how dates are written.
        known: the signs of `date_signs`.
        first: what `day_first_of` told.
    """
    column, ours = source.roles[role], f"{OURS}{role}"
    dtype = source.schema[column]
    if isinstance(dtype, nw.Date | nw.Datetime):
        return frame, _checks(role, column, missing=nw.col(ours).is_null())
    if written.date_format is None and dtype.is_numeric():
        return _unit_unknown(frame, role, column)
    if written.date_format in EPOCHS or written.date_format == "excel":
        return _from_numbers(frame, role, column, dtype, written)
    if written.date_format is not None:
        frame = _by_format(frame, role, column, dtype, written)
        unclear, why = None, ""
    else:
        frame = _by_shape(frame, role, known, first)
        unclear, why = _unclear(role, known, first, written), _why(role, known, first, written)
    return _assembled(frame, role, column, written, unclear, why)


def _checks(
    role: str,
    column: str,
    *,
    missing: nw.Expr,
    broken: nw.Expr | None = None,
    unclear: nw.Expr | None = None,
    why: str = "",
    absent: nw.Expr | None = None,
) -> list[Check]:
    odd = f"{_FIX} If all are written alike, say date_format=, such as '%d.%m.%y'."
    return [
        Check(f"missing {role}", column, "Fill them in or leave those rows out.", missing),
        Check(f"unreadable {role}", column, odd, broken),
        Check(f"ambiguous {role}", column, why, unclear),
        Check(f"{role} that does not exist", column, _FIX, absent),
    ]


def _by_shape(frame: Frame, role: str, known: Mapping[str, bool], first: str) -> Frame:
    """Year, month and day by the way each value is written, of the ways that occur."""
    at, text = f"{OURS}{role}_", nw.col(f"{OURS}{role}_text")
    shapes = [shape for shape in _SHAPES if known[f"{shape} {role}"]]
    timed = known[f"timed {role}"]
    day = text.str.replace_all("(?:t| +)[0-9]{1,2}:.*$", "") if timed else text
    flags = {f"{at}{shape}": text.str.contains(_SHAPES[shape]) for shape in shapes}
    frame = frame.with_columns(**flags, **{f"{at}date": day})
    frame = frame.with_columns(**_numbers_of(at))
    parts = {part: nw.lit(0).cast(nw.Int64) for part in formats.PARTS}
    for shape in shapes:
        for part, value in zip(parts, _parts_of(shape, at, first), strict=False):
            parts[part] = nw.when(nw.col(f"{at}{shape}")).then(value).otherwise(parts[part])
    reads = nw.any_horizontal(*(nw.col(flag) for flag in flags), ignore_nulls=True) if flags else None
    frame = frame.with_columns(
        **{f"{at}{part}": value for part, value in parts.items()},
        **{f"{at}reads": nw.lit(False) if reads is None else reads},  # noqa: FBT003
    )
    return _with_clock(frame, role) if timed else frame


def _numbers_of(at: str) -> dict[str, nw.Expr]:
    """The first, middle and last number of a date."""
    date = nw.col(f"{at}date")
    middle = date.str.replace_all(f"^[0-9]+{_SEP}|{_SEP}[0-9]+$", "")
    return {
        f"{at}a": number(date.str.replace_all("[^0-9].*$", "")),
        f"{at}b": number(middle),
        f"{at}c": number(date.str.replace_all("^.*[^0-9]", "")),
    }


def _parts_of(shape: str, at: str, first: str) -> Sequence[nw.Expr]:
    """Year, month and day of a shape."""
    date, a, b, c = (nw.col(f"{at}{name}") for name in ("date", "a", "b", "c"))
    if shape == "ymd":
        return a, b, c
    if shape == "two":
        return (c, a, b) if first == "month" else (c, b, a)
    if shape == "compact":
        return tuple(number(date.str.slice(start, n)) for start, n in ((0, 4), (4, 2), (6, 2)))
    day = date.str.replace_all("^[^0-9]+", "").str.replace_all("[^0-9].*$", "")
    return c, formats.month_of(date), number(day)


def _with_clock(frame: Frame, role: str) -> Frame:
    """Hour, minute, second and offset from UTC, where the text goes on after the day."""
    at, text = f"{OURS}{role}_", nw.col(f"{OURS}{role}_text")
    after = text.str.replace_all("^[^:]*:[0-9]{2}", "")
    flags = {
        f"{at}timed": text.str.contains(":"),
        f"{at}zoned": text.str.contains(_OFFSET),
        f"{at}half": text.str.contains("[0-9] ?[ap]m"),
        f"{at}late": text.str.contains("[0-9] ?pm"),
        f"{at}tail": nw.when(after.str.contains("^:[0-9]{2}")).then(after).otherwise(nw.lit("")),
    }
    hour = number(text.str.replace_all(":.*$", "").str.replace_all("^.*[t ]", ""))
    minute = number(text.str.replace_all("^[^:]*:", "").str.slice(0, 2))
    frame = frame.with_columns(**flags)
    timed = nw.col(f"{at}timed")
    values = {
        "hour": nw.when(nw.col(f"{at}half")).then(formats.on_24(hour, nw.col(f"{at}late"))).otherwise(hour),
        "minute": minute,
        "second": number(nw.col(f"{at}tail").str.slice(1, 2)),
        "offset": nw.when(nw.col(f"{at}zoned")).then(formats.minutes_of(text)).otherwise(nw.lit(0)),
    }
    return frame.with_columns(
        nw.when(timed).then(value).otherwise(nw.lit(0)).cast(nw.Int64).alias(f"{at}{part}")
        for part, value in values.items()
    )
