"""Dates by a format the user gave ("%d.%m.%y %H:%M"), read piece by piece on any engine.

Engines disagree on what a format means and stop at the first text it does not fit; so a format is
turned into a pattern, and its pieces are taken off the front of the text one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import RetentionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame

MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
"""English month names and their short forms, as a pattern of lower-case text."""

NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

PARTS = ("year", "month", "day", "hour", "minute", "second", "offset")
"""What a date consists of, each a column of whole numbers; `offset` is in minutes from UTC."""

_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
_PLACES = {"year": (0, 4), "month": (5, 2), "day": (8, 2)} | {
    "hour": (11, 2),
    "minute": (14, 2),
    "second": (17, 2),
}
_WIDTH = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "f": 9}
_PART = {"Y": "year", "y": "year", "m": "month", "b": "month", "d": "day", "H": "hour"} | {
    "I": "hour",
    "M": "minute",
    "S": "second",
}
_WORDS = {
    "b": f"(?:{MONTHS})",
    "a": "[a-z]+",
    "p": "[ap]m",
    "z": "(?:z|utc|[-+][0-9]{2}:?[0-9]{2})",
}
_SHORT = {"B": "%b", "A": "%a", "T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d", "D": "%m/%d/%y"}
_KNOWN = "%Y %y %m %d %b %B %a %A %H %I %M %S %f %p %z %T %R %F %D %%"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A directive or a literal of a format, with the pattern of what it takes."""

    pattern: str
    directive: str = ""


def digits_as_number(text: nw.Expr) -> nw.Expr:
    """Text of digits as a whole number; the empty text is 0."""
    return (
        nw.when(text.str.contains("^[0-9]{1,18}$")).then(text).otherwise(nw.lit("0")).cast(nw.Int64)
    )


def month_number(text: nw.Expr) -> nw.Expr:
    """The number of the month whose English name stands in a lower-case text; 0 for none."""
    found: nw.Expr = nw.lit(0)
    for i, name in enumerate(NAMES, start=1):
        found = nw.when(text.str.contains(name, literal=True)).then(nw.lit(i)).otherwise(found)
    return found.cast(nw.Int64)


def offset_in_minutes(text: nw.Expr) -> nw.Expr:
    """An offset from UTC such as "+02:00" at the end of a text, in minutes; 0 for none or "z"."""
    digits = text.str.replace_all("^.*[-+]", "").str.replace_all(":", "", literal=True)
    size = digits_as_number(digits.str.slice(0, 2)) * 60 + digits_as_number(digits.str.slice(2, 2))
    signed = text.str.contains("[-+][0-9]{2}(?::?[0-9]{2})?$")
    west = text.str.contains("-[0-9:]*$")
    return nw.when(signed & west).then(size * -1).when(signed).then(size).otherwise(nw.lit(0))


def has_offset(date_format: str) -> bool:
    """Whether a format tells the time zone."""
    return any(piece.directive == "z" for piece in _pieces_of_format(date_format))


def has_time(date_format: str) -> bool:
    """Whether a format tells the hour."""
    return any(piece.directive in ("H", "I") for piece in _pieces_of_format(date_format))


def with_parts_by_format(frame: Frame, text: str, date_format: str, prefix: str) -> Frame:
    """The frame with `{prefix}{part}` for each of `PARTS`, and the flag `{prefix}reads`."""
    pieces = _pieces_of_format(date_format)
    whole = "".join(piece.pattern for piece in pieces)
    rest, taken = f"{prefix}rest", f"{prefix}taken"
    zeros = {f"{prefix}{part}": nw.lit(0).cast(nw.Int64) for part in PARTS}
    reads = nw.col(text).str.contains(f"^{whole}$")
    frame = frame.with_columns(reads.alias(f"{prefix}reads"), nw.col(text).alias(rest), **zeros)
    for piece in pieces:
        left = nw.col(rest).str.replace_all(f"^{piece.pattern}", "")
        frame = frame.with_columns(nw.col(rest).alias(taken), left.alias(rest))
        told = _part_of(piece, taken, rest, prefix)
        frame = frame.with_columns(**told) if told else frame
    if not any(piece.directive == "d" for piece in pieces):
        frame = _with_first_days(frame, pieces, date_format, prefix)
    return frame.drop(rest, taken)


def _with_first_days(
    frame: Frame, pieces: Sequence[_Piece], date_format: str, prefix: str
) -> Frame:
    """Months without a day: their first, remembered as a month in `{prefix}spans`."""
    if not any(piece.directive in ("m", "b") for piece in pieces):
        raise RetentionError(
            f"date_format {date_format!r} tells no month. A month is enough, as in '%Y-%m'; of "
            "years, write the first day, such as 2024-01-01."
        )
    month = nw.when(nw.col(f"{prefix}reads")).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)
    return frame.with_columns(month.alias(f"{prefix}day"), month.alias(f"{prefix}spans"))


def with_parts_of_cells(frame: Frame, text: str, prefix: str, *, zoned: bool) -> Frame:
    """The same parts of what stands there as a program writes a moment, whatever the format.

    A cell of a workbook that is a date, beside others that are text, comes with "T" and seconds.
    """
    moment = f"{_MOMENT}(?:[-+][0-9:]{{5,6}}|z)$" if zoned else f"{_MOMENT}$"
    here = ~nw.col(f"{prefix}reads") & nw.col(text).str.contains(moment)
    frame = frame.with_columns(here.alias(f"{prefix}cell"))
    told = {
        part: digits_as_number(nw.col(text).str.slice(*place)) for part, place in _PLACES.items()
    }
    told |= {"offset": offset_in_minutes(nw.col(text))} if zoned else {}
    cell = nw.col(f"{prefix}cell")
    return frame.with_columns(
        (nw.col(f"{prefix}reads") | cell).alias(f"{prefix}reads"),
        **{
            f"{prefix}{part}": nw.when(cell).then(value).otherwise(nw.col(f"{prefix}{part}"))
            for part, value in told.items()
        },
    )


def _part_of(piece: _Piece, taken: str, rest: str, prefix: str) -> Mapping[str, nw.Expr]:
    """The part of the date that a piece tells, if any, from the text before and after it."""
    directive, text = piece.directive, nw.col(taken)
    if directive in _WIDTH and directive in _PART:
        value = digits_as_number(
            text.str.slice(0, _WIDTH[directive]).str.replace_all("[^0-9].*$", "")
        )
        if directive == "y":
            value = value + nw.when(value < 69).then(nw.lit(2000)).otherwise(nw.lit(1900))
        return {f"{prefix}{_PART[directive]}": value}
    if directive == "b":
        return {f"{prefix}month": month_number(text.str.slice(0, 3))}
    if directive == "p":
        return {f"{prefix}hour": hour_of_day(nw.col(f"{prefix}hour"), text.str.slice(0, 1) == "p")}
    if directive == "z":
        own = nw.when(nw.col(rest) == "").then(text).otherwise(text.str.slice(0, 6))
        return {f"{prefix}offset": offset_in_minutes(own)}
    return {}


def hour_of_day(hour: nw.Expr, afternoon: nw.Expr) -> nw.Expr:
    """An hour of the twelve-hour clock on the clock of twenty-four; 0 and 13 become impossible."""
    morning = nw.when(hour == 12).then(nw.lit(0)).otherwise(hour)
    shifted = nw.when(afternoon).then(morning + 12).otherwise(morning)
    return nw.when((hour < 1) | (hour > 12)).then(nw.lit(99)).otherwise(shifted)


def _pieces_of_format(date_format: str) -> Sequence[_Piece]:
    text = date_format.strip()
    for short, long in _SHORT.items():
        text = text.replace(f"%{short}", long)
    pieces, at = [], 0
    while at < len(text):
        directive = text[at + 1 : at + 2] if text[at] == "%" else ""
        if directive and directive != "%":
            next_is_digit = text[at + 2 : at + 3] == "%" and text[at + 3 : at + 4] in _WIDTH
            pieces.append(
                _Piece(
                    _directive_pattern(directive, fixed=next_is_digit, of=date_format), directive
                )
            )
        else:
            pieces.append(_Piece(_letter_pattern(text[at])))
        at += 2 if directive else 1
    return pieces


def _directive_pattern(directive: str, *, fixed: bool, of: str) -> str:
    if directive in _WORDS:
        return _WORDS[directive]
    if directive not in _WIDTH:
        raise RetentionError(f"date_format {of!r} has %{directive}; known are {_KNOWN}.")
    width = _WIDTH[directive]
    fewest = width if fixed or directive in "Yy" else 1
    return f"[0-9]{{{fewest},{width}}}"


def _letter_pattern(letter: str) -> str:
    return f"\\{letter}" if letter in r".^$*+?()[]{}|\\" else letter.lower()
