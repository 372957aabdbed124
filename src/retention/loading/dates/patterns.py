"""Dates as people write them, with no format said: "29/02/2024", "2024-02-29 13:05", "29 Feb 2024".

Months may have names of any language, and 2024年3月5日 is read as well. A month ("2024-03", "Mar
2024") or quarter ("2024-Q1") is its first day, and is remembered as one.
Whether day or month comes first is decided by the values that allow only one reading; where none
does, or where some allow only one and some only the other, the user is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import one_row
from retention.loading.dates import by_format, month_names
from retention.loading.dates.by_format import MONTHS, PARTS, digits_as_number
from retention.loading.rows.text import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame
    from retention.loading.rows.text import Written

_SEP = "[-/.]"
_MONTH = "(?:0?[1-9]|1[0-2])"
_LATE = "(?:1[3-9]|2[0-9]|3[01])"  # a day that is no month
_CLOCK = (
    r"(?:(?:t|,? +)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]\.? ?m\.?)?"
    r"(?: ?(?:z|utc|gmt|[-+][0-9]{2}(?::?[0-9]{2})?))?)?$"
)
_OFFSET = "[0-9m.] ?(?:z|utc|gmt)$|:[0-9]{2}(?:[.,][0-9]+)? ?[-+][0-9]{2}(?::?[0-9]{2})?$"
_OTHER = "[^0-9:]"
_WORDS = f"{_OTHER}*[^-0-9:/. ,]{_OTHER}*"  # with a letter
SHAPES = {
    "ymd": f"^[0-9]{{4}}(?:{_SEP}|[年년] ?)[0-9]{{1,2}}(?:{_SEP}|[月월] ?)[0-9]{{1,2}}[日일]?"
    f"{_CLOCK}",
    "two": f"^[0-9]{{1,2}}{_SEP}[0-9]{{1,2}}{_SEP}[0-9]{{4}}{_CLOCK}",
    "compact": f"^[0-9]{{8}}{_CLOCK}",
    "named": f"^[0-9]{{1,2}}(?:st|nd|rd|th)?[-/. ]*(?:{MONTHS})[-/., ]*[0-9]{{4}}{_CLOCK}"
    f"|^(?:{MONTHS})[-/. ]*[0-9]{{1,2}}(?:st|nd|rd|th)?[-/., ]+[0-9]{{4}}{_CLOCK}",
    "months": f"^[0-9]{{4}}{_SEP}[0-9]{{1,2}}$|^[0-9]{{1,2}}{_SEP}[0-9]{{4}}$|^(?:19|20)[0-9]{{4}}$"
    f"|^(?:{MONTHS})[-/., ]*[0-9]{{4}}$|^[0-9]{{4}}[-/., ]*(?:{MONTHS})$"
    "|^[0-9]{4}[-/. ]*q[1-4]$|^q[1-4][-/. ]*[0-9]{4}$",
    "worded": f"^{_OTHER}*(?:[0-9]{{1,2}}{_WORDS}[0-9]{{4}}|[0-9]{{4}}{_WORDS}[0-9]{{1,2}})"
    f"(?:{_OTHER}+)?{_CLOCK}|^{_WORDS}[0-9]{{4}}{_OTHER}*$|^[0-9]{{4}}{_WORDS}$",
}
_BARE_MONTH = "^[0-9]{6}$"
_ONE_NUMBER = f"^{_OTHER}*[0-9]+{_OTHER}*$"
_FIXED = (  # the same with two digits throughout, and neither fractions, halves nor offsets
    f"^(?:|[0-9]{{4}}{_SEP}[0-9]{{2}}{_SEP}[0-9]{{2}}(?:[ t][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?)?"
    f"|[0-9]{{2}}{_SEP}[0-9]{{2}}{_SEP}[0-9]{{4}}(?:[ t][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?)?"
    "|[0-9]{8})$"
)
_DAY_FIRST = f"^{_LATE}{_SEP}{_MONTH}{_SEP}[0-9]{{4}}"
_MONTH_FIRST = f"^{_MONTH}{_SEP}{_LATE}{_SEP}[0-9]{{4}}"


def signs_of_dates(text: nw.Expr) -> dict[str, nw.Expr]:
    """What to learn about dates in text: the ways they are written in, and what decides."""
    found = {shape: text.str.contains(pattern) for shape, pattern in SHAPES.items()}
    return found | {
        "day first": text.str.contains(_DAY_FIRST),
        "month first": text.str.contains(_MONTH_FIRST),
        "timed": text.str.contains(":", literal=True),
        "zoned": text.str.contains(_OFFSET),
        "loose": ~text.str.contains(_FIXED),
    }


@dataclass(frozen=True, slots=True)
class Ways:
    """How the dates of a file are written: the signs learned of each role, and what was said."""

    roles: Sequence[str]
    known: Mapping[str, bool]
    written: Written

    def has_sign(self, sign: str, role: str) -> bool:
        """Whether a value of that role shows the sign."""
        return self.known.get(f"{sign} {role}", False)

    @property
    def first_part(self) -> str:
        """What comes first in 03/04/2024: "day" or "month" as said or decided, else why not.

        "mixed" if some dates can only be read one way and some only the other, "unclear" if none
        decides. All dates of a file decide together.
        """
        if self.written.day_first is not None:
            return "day" if self.written.day_first else "month"
        day, month = (
            any(self.has_sign(sign, role) for role in self.roles)
            for sign in ("day first", "month first")
        )
        if day and month:
            return "mixed"
        return "day" if day else "month" if month else "unclear"


def with_parts_by_pattern(frame: Frame, role: str, ways: Ways) -> Frame:
    """Year to second by the way each value is written, of the ways that occur.

    Where all are of one width, pieces are cut out at their places; else they are searched.
    """
    at, text = f"{OURS}{role}_", nw.col(f"{OURS}{role}_text")
    shapes = [shape for shape in SHAPES if ways.has_sign(shape, role)]
    timed, fixed = ways.has_sign("timed", role), not ways.has_sign("loose", role)
    cut = timed and not fixed
    day = text.str.replace_all("(?:t|,? +)[0-9]{1,2}:.*$", "") if cut else text
    flags = {f"{at}{shape}": text.str.contains(SHAPES[shape]) for shape in shapes}
    frame = frame.with_columns(**flags, **{f"{at}date": day})
    frame = frame.with_columns(
        **(_numbers_by_place(at, shapes) if fixed else _numbers_anywhere(at))
    )
    if "worded" in shapes:
        frame = _with_months_of_language(frame, at, shapes)
    parts = {part: nw.lit(0).cast(nw.Int64) for part in PARTS}
    reads = nw.lit(False)
    for shape in shapes:
        here = nw.col(f"{at}{shape}")
        reads = reads | here
        for part, value in zip(parts, _parts_of_shape(shape, at, ways.first_part), strict=False):
            parts[part] = nw.when(here).then(value).otherwise(parts[part])
    frame = frame.with_columns(
        reads.alias(f"{at}reads"), **{f"{at}{part}": value for part, value in parts.items()}
    )
    if {"months", "worded"} & set(shapes):
        length = nw.when(text.str.contains("q")).then(nw.lit(3)).otherwise(nw.lit(1))
        coarse = nw.when(nw.col(f"{at}months")).then(length).otherwise(nw.lit(0))
        frame = frame.with_columns(coarse.cast(nw.Int64).alias(f"{at}spans"))
    if not timed:
        return frame
    return _with_fixed_clock(frame, role) if fixed else _with_clock(frame, role)


def _with_months_of_language(frame: Frame, at: str, shapes: Sequence[str]) -> Frame:
    """The frame with the months that words name, where other words than English ones occur.

    English ones beside them are words of that language, too: "may" is November in Basaa.
    """
    others = [one for one in shapes if one not in ("worded", "named")]
    here = _any_of(at, ["worded", *(one for one in shapes if one == "named")]) & ~_any_of(
        at, others
    )
    frame = frame.with_columns(here.alias(f"{at}by_word"))
    here, text = nw.col(f"{at}by_word"), nw.col(f"{at}date")
    frame = frame.with_columns(nw.when(here).then(text).otherwise(nw.lit("")).alias(f"{at}wording"))
    frame = month_names.with_named_month(frame, f"{at}wording", f"{at}named_month")
    frame = frame.with_columns((here & (nw.col(f"{at}named_month") > 0)).alias(f"{at}worded"))
    of_month = nw.col(f"{at}worded") & text.str.contains(_ONE_NUMBER)
    months = _any_of(at, [one for one in shapes if one == "months"])
    frame = frame.with_columns((months | of_month).alias(f"{at}months"))
    if "named" not in shapes:
        return frame
    return frame.with_columns((nw.col(f"{at}named") & nw.col(f"{at}worded")).alias(f"{at}named"))


def _any_of(at: str, shapes: Sequence[str]) -> nw.Expr:
    return reduce(or_, (nw.col(f"{at}{shape}") for shape in shapes), nw.lit(False))


def reads_two_ways(role: str, ways: Ways) -> nw.Expr | None:
    """Where a date could be read in two ways: day or month first, or in the days of which zone."""
    at = f"{OURS}{role}_"
    found: list[nw.Expr] = []
    if ways.has_sign("two", role) and ways.first_part in ("mixed", "unclear"):
        a, b = nw.col(f"{at}a"), nw.col(f"{at}b")
        found.append(nw.col(f"{at}two") & (a != b) & ((a <= 12) | (b <= 12)))
    if ways.has_sign("months", role):
        found.append(nw.col(f"{at}text").str.contains(_BARE_MONTH))
    if ways.has_sign("timed", role) and ways.written.tz is None:
        found.append(nw.col(f"{at}reads") & nw.col(f"{at}zoned"))
    elif ways.has_sign("timed", role) and ways.written.from_tz is None:
        found.append(nw.col(f"{at}reads") & nw.col(f"{at}timed") & ~nw.col(f"{at}zoned"))
    return reduce(or_, found) if found else None


def advice_on_two_ways(frame: Frame, role: str, ways: Ways) -> str:
    """What to do about dates that could be read in two ways."""
    said = []
    if ways.has_sign("two", role) and ways.first_part == "unclear":
        said.append("Day or month may come first: say `day_first=True` or `day_first=False`.")
    if ways.has_sign("two", role) and ways.first_part == "mixed":
        said.append(
            f"{_smallest_match(frame, ways.roles, _DAY_FIRST)} can only be day first, "
            f"{_smallest_match(frame, ways.roles, _MONTH_FIRST)} only month first: two formats in "
            "one file. Load the rows of each format apart, with their own `day_first=`."
        )
    if ways.has_sign("months", role):
        said.append(
            "Six digits may be a month or a day: say `date_format='%Y%m'` (202403 is March 2024), "
            "'%y%m%d' or '%d%m%y'."
        )
    if ways.has_sign("zoned", role) and ways.written.tz is None:
        said.append(
            "A time with an offset from UTC falls on different days in different places: say in "
            "whose days they count, such as `tz='UTC'` or `tz='Europe/Berlin'`."
        )
    elif (
        ways.has_sign("timed", role)
        and ways.written.from_tz is None
        and ways.written.tz is not None
    ):
        said.append(
            "A time without an offset from UTC is known in tz only if you say whose clock it "
            "shows, such as `from_tz='UTC'`."
        )
    return " ".join(said)


def _smallest_match(frame: Frame, roles: Sequence[str], pattern: str) -> str:
    """The smallest text that fits a pattern."""
    for role in roles:
        name = f"{OURS}{role}_text"
        text = nw.col(name)
        fits = frame.filter(text.str.contains(pattern)).select(text.min())
        found = one_row(fits)[name]
        if found is not None:
            return repr(found)
    return "none"


def _numbers_by_place(at: str, shapes: Sequence[str]) -> dict[str, nw.Expr]:
    """The first, middle and last number of a date by their places."""
    date = nw.col(f"{at}date")
    ymd = [date.str.slice(start, n) for start, n in ((0, 4), (5, 2), (8, 2))]
    two = [date.str.slice(start, n) for start, n in ((0, 2), (3, 2), (6, 4))]
    texts = two if "two" in shapes else ymd
    if {"ymd", "two"} <= set(shapes):
        here = nw.col(f"{at}ymd")
        texts = [nw.when(here).then(a).otherwise(b) for a, b in zip(ymd, two, strict=True)]
    return {f"{at}{name}": digits_as_number(text) for name, text in zip("abc", texts, strict=True)}


def _numbers_anywhere(at: str) -> dict[str, nw.Expr]:
    """The first, middle and last number of a date, wherever they stand."""
    date = nw.col(f"{at}date")
    middle = date.str.replace_all("^[0-9]+[^0-9]+|[^0-9]+[0-9]+[^0-9]*$", "")
    return {
        f"{at}a": digits_as_number(date.str.replace_all("[^0-9].*$", "")),
        f"{at}b": digits_as_number(middle),
        f"{at}c": digits_as_number(
            date.str.replace_all("[^0-9]+$", "").str.replace_all("^.*[^0-9]", "")
        ),
    }


def _parts_of_shape(shape: str, at: str, first: str) -> Sequence[nw.Expr]:
    """Year, month and day of a shape."""
    date, a, b, c = (nw.col(f"{at}{name}") for name in ("date", "a", "b", "c"))
    if shape == "ymd":
        return a, b, c
    if shape == "two":
        return (c, a, b) if first == "month" else (c, b, a)
    if shape == "compact":
        return tuple(
            digits_as_number(date.str.slice(start, n)) for start, n in ((0, 4), (4, 2), (6, 2))
        )
    if shape == "months":
        return _parts_of_month(date)
    day = date.str.replace_all("^[^0-9]+", "").str.replace_all("[^0-9].*$", "")
    if shape == "worded":
        last = date.str.replace_all("[^0-9]+$", "").str.replace_all("^.*[^0-9]", "")
        ends = digits_as_number(day), digits_as_number(last)
        turned = day.str.len_chars() == 4
        year, of_month = (
            nw.when(turned).then(one).otherwise(other) for one, other in (ends, ends[::-1])
        )
        month_only = date.str.contains(_ONE_NUMBER)
        day_or_first = nw.when(month_only).then(nw.lit(1)).otherwise(of_month)
        return year, nw.col(f"{at}named_month"), day_or_first
    return c, by_format.month_number(date), digits_as_number(day)


def _parts_of_month(text: nw.Expr) -> Sequence[nw.Expr]:
    """Year, month and first day of a month or a quarter."""
    year = text.str.replace_all(f"^q[1-4]|^[0-9]{{1,2}}{_SEP}", "").str.replace_all("^[^0-9]+", "")
    number = text.str.replace_all(f"^[0-9]{{4}}{_SEP}|{_SEP}[0-9]{{4}}$", "")
    quarter = digits_as_number(text.str.replace_all("^.*q", "").str.slice(0, 1)) * 3 - 2
    month = (
        nw.when(text.str.contains("q"))
        .then(quarter)
        .when(text.str.contains(_BARE_MONTH))
        .then(digits_as_number(text.str.slice(4, 2)))
        .when(text.str.contains("[a-z]"))
        .then(by_format.month_number(text))
        .otherwise(digits_as_number(number))
    )
    return digits_as_number(year.str.slice(0, 4)), month, nw.lit(1).cast(nw.Int64)


def _with_fixed_clock(frame: Frame, role: str) -> Frame:
    """Hour, minute and second by their places."""
    at, text = f"{OURS}{role}_", nw.col(f"{OURS}{role}_text")
    places = {"hour": 11, "minute": 14, "second": 17}
    parts = {
        f"{at}{part}": digits_as_number(text.str.slice(place, 2)) for part, place in places.items()
    }
    timed = text.str.contains(":", literal=True)
    return frame.with_columns(timed.alias(f"{at}timed"), nw.lit(False).alias(f"{at}zoned"), **parts)


def _with_clock(frame: Frame, role: str) -> Frame:
    """Hour, minute, second and offset from UTC, where the text goes on after the day."""
    at, text = f"{OURS}{role}_", nw.col(f"{OURS}{role}_text")
    after = text.str.replace_all("^[^:]*:[0-9]{2}", "")
    flags = {
        f"{at}timed": text.str.contains(":"),
        f"{at}zoned": text.str.contains(_OFFSET),
        f"{at}half": text.str.contains("[0-9] ?[ap]\\.? ?m"),
        f"{at}late": text.str.contains("[0-9] ?p\\.? ?m"),
        f"{at}tail": nw.when(after.str.contains("^:[0-9]{2}")).then(after).otherwise(nw.lit("")),
    }
    hour = digits_as_number(text.str.replace_all(":.*$", "").str.replace_all("^.*[t ]", ""))
    minute = digits_as_number(text.str.replace_all("^[^:]*:", "").str.slice(0, 2))
    frame = frame.with_columns(**flags)
    timed = nw.col(f"{at}timed")
    values = {
        "hour": nw.when(nw.col(f"{at}half"))
        .then(by_format.hour_of_day(hour, nw.col(f"{at}late")))
        .otherwise(hour),
        "minute": minute,
        "second": digits_as_number(nw.col(f"{at}tail").str.slice(1, 2)),
        "offset": nw.when(nw.col(f"{at}zoned"))
        .then(by_format.offset_in_minutes(text))
        .otherwise(nw.lit(0)),
    }
    return frame.with_columns(
        nw.when(timed).then(value).otherwise(nw.lit(0)).cast(nw.Int64).alias(f"{at}{part}")
        for part, value in values.items()
    )
