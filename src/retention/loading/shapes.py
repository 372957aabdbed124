"""Dates as people write them, with no format said: "29/02/2024", "2024-02-29 13:05", "29 Feb 2024".

Whether day or month comes first is decided by the values that allow only one reading; where none
does, or where some allow only one and some only the other, the user is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.loading import formats
from retention.loading.formats import MONTHS, number
from retention.loading.text import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame
    from retention.loading.text import Written

_SEP = "[-/.]"
_DAY, _MONTH = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])"
_LATE = "(?:1[3-9]|2[0-9]|3[01])"  # a day that is no month
_CLOCK = (
    r"(?:(?:t| +)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]m)?"
    r"(?: ?(?:z|utc|gmt|[-+][0-9]{2}(?::?[0-9]{2})?))?)?$"
)
_OFFSET = "[0-9m] ?(?:z|utc|gmt)$|:[0-9]{2}(?:[.,][0-9]+)? ?[-+][0-9]{2}(?::?[0-9]{2})?$"
SHAPES = {
    "ymd": f"^[0-9]{{4}}{_SEP}[0-9]{{1,2}}{_SEP}[0-9]{{1,2}}{_CLOCK}",
    "two": f"^[0-9]{{1,2}}{_SEP}[0-9]{{1,2}}{_SEP}[0-9]{{4}}{_CLOCK}",
    "compact": f"^[0-9]{{8}}{_CLOCK}",
    "named": f"^[0-9]{{1,2}}(?:st|nd|rd|th)?[-/. ]*(?:{MONTHS})[-/., ]*[0-9]{{4}}{_CLOCK}"
    f"|^(?:{MONTHS})[-/. ]*[0-9]{{1,2}}(?:st|nd|rd|th)?[-/., ]+[0-9]{{4}}{_CLOCK}",
}
TELLING = {
    "day first": f"^{_LATE}{_SEP}{_MONTH}{_SEP}[0-9]{{4}}",
    "month first": f"^{_MONTH}{_SEP}{_LATE}{_SEP}[0-9]{{4}}",
    "timed": ":",
    "offset": _OFFSET,
}


def day_first_of(known: Mapping[str, bool], roles: Sequence[str], written: Written) -> str:
    """What comes first in 03/04/2024: "day" or "month" as said or decided, "mixed" or "unclear"."""
    if written.day_first is not None:
        return "day" if written.day_first else "month"
    day = any(known.get(f"day first {role}") for role in roles)
    month = any(known.get(f"month first {role}") for role in roles)
    if day and month:
        return "mixed"
    return "day" if day else "month" if month else "unclear"


def with_parts(frame: Frame, role: str, known: Mapping[str, bool], first: str) -> Frame:
    """Year, month and day by the way each value is written, of the ways that occur."""
    at, text = f"{OURS}{role}_", nw.col(f"{OURS}{role}_text")
    shapes = [shape for shape in SHAPES if known[f"{shape} {role}"]]
    timed = known[f"timed {role}"]
    day = text.str.replace_all("(?:t| +)[0-9]{1,2}:.*$", "") if timed else text
    flags = {f"{at}{shape}": text.str.contains(SHAPES[shape]) for shape in shapes}
    frame = frame.with_columns(**flags, **{f"{at}date": day})
    frame = frame.with_columns(**_numbers_of(at))
    parts = {part: nw.lit(0).cast(nw.Int64) for part in formats.PARTS}
    for shape in shapes:
        for part, value in zip(parts, _parts_of(shape, at, first), strict=False):
            parts[part] = nw.when(nw.col(f"{at}{shape}")).then(value).otherwise(parts[part])
    reads = (
        nw.any_horizontal(*(nw.col(flag) for flag in flags), ignore_nulls=True) if flags else None
    )
    frame = frame.with_columns(
        **{f"{at}{part}": value for part, value in parts.items()},
        **{f"{at}reads": nw.lit(False) if reads is None else reads},
    )
    return _with_clock(frame, role) if timed else frame


def unclear(role: str, known: Mapping[str, bool], first: str, written: Written) -> nw.Expr | None:
    """Where a date could be read in two ways: day or month first, or in the days of which zone."""
    at = f"{OURS}{role}_"
    found: list[nw.Expr] = []
    if known[f"two {role}"] and first in ("mixed", "unclear"):
        a, b = nw.col(f"{at}a"), nw.col(f"{at}b")
        found.append(nw.col(f"{at}two") & (a != b) & ((a <= 12) | (b <= 12)))
    if known[f"timed {role}"] and written.tz is None:
        found.append(nw.col(f"{at}reads") & nw.col(f"{at}zoned"))
    elif known[f"timed {role}"]:
        found.append(nw.col(f"{at}reads") & nw.col(f"{at}timed") & ~nw.col(f"{at}zoned"))
    return nw.any_horizontal(*found, ignore_nulls=True) if found else None


def why(role: str, known: Mapping[str, bool], first: str, written: Written) -> str:
    """What to do about dates that could be read in two ways."""
    said = []
    if known[f"two {role}"] and first == "unclear":
        said.append("Day or month may come first: say day_first=True or day_first=False.")
    if known[f"two {role}"] and first == "mixed":
        said.append(
            "Some can only be day first (23/12/2024) and others only month first (12/23/2024): two "
            "formats in one file. Load each part with its own day_first= and put them together."
        )
    if known[f"timed {role}"] and written.tz is None:
        said.append(
            "Those with an offset from UTC fall on different days in different places: say "
            "in whose days they count, such as tz='UTC' or tz='Europe/Berlin'."
        )
    elif known[f"timed {role}"]:
        said.append("Those without an offset from UTC cannot be converted to tz: load them apart.")
    return " ".join(said)


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
        "hour": nw.when(nw.col(f"{at}half"))
        .then(formats.on_24(hour, nw.col(f"{at}late")))
        .otherwise(hour),
        "minute": minute,
        "second": number(nw.col(f"{at}tail").str.slice(1, 2)),
        "offset": nw.when(nw.col(f"{at}zoned")).then(formats.minutes_of(text)).otherwise(nw.lit(0)),
    }
    return frame.with_columns(
        nw.when(timed).then(value).otherwise(nw.lit(0)).cast(nw.Int64).alias(f"{at}{part}")
        for part, value in values.items()
    )
