"""Amounts: numbers as they are, and numbers as people write them.

Text such as "£1,234.50", "1.234,50 kr.", "Rs. 1,23,456", "1 234,50", "(12.50)", "12.50-" or "10,-"
is read, with the sign, code or word of any currency before or behind. Which of comma
and point is the decimal sign is decided by the values that allow only one reading; where none does
("1,234"), or where some allow only one and some only the other, the user is asked.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ColumnError
from retention.loading.rows.row_checks import Check
from retention.loading.rows.text import BLANKS, OURS, flat_text, is_text, signs_that_occur
from retention.tables.currency_signs import WAYS_TO_WRITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame
    from retention.loading.rows.columns import Source
    from retention.loading.rows.text import Written

LARGEST = 1e15
"""An amount beyond this is a fault of the file, not a line of an order in any currency."""

_COUNTS = ("quantity", "sales_per_count")
_KNOWN = ["", *sorted(WAYS_TO_WRITE)]

_FILL = "Fill them in or leave those rows out."
_CORRECT = "Correct them or leave those rows out."
_WHOLE = 2.0**53  # from here on every decimal number is whole
_DASHES = "\u2010-\u2015\u2212\ufe63\uff0d-"
_DASH = f"[{_DASHES}]"
_MINUS = f"(?:[\u200e\u200f\u061c]?(?:[+]|{_DASH}))"  # after a mark of the direction of writing
_TICKS = "'’‘ʼ´`"
_TICK = f"[{_TICKS}]"
_MARK = f"[^0-9 .,()+{_TICKS}{_DASHES}]"  # of a sign or word of a currency
_SIGN = rf"(?:{_MARK}(?:{_MARK}|\.){{0,9}})"
_E = "[eE][-+]?[0-9]{1,3}"
_DIGITS = f"(?:[0-9.,](?:(?:[0-9., ]|{_TICK})*[0-9])?(?:{_E})?)"
_WHOLE_AMOUNT = f"(?:[.,]{_DASH}?{_DASH}?)?"
_WRITTEN = "|".join(
    (
        f"^{_MINUS}? ?(?:{_SIGN} ?)?{_DIGITS}{_WHOLE_AMOUNT}(?: ?{_SIGN})?$",  # 12,- EUR
        f"^{_SIGN} ?{_MINUS} ?{_DIGITS}{_WHOLE_AMOUNT}(?: ?{_SIGN})?$",  # £-12.50
        rf"^(?:{_SIGN} ?)?\( ?(?:{_SIGN} ?)?{_DIGITS}{_WHOLE_AMOUNT}(?: ?{_SIGN})? ?\)"
        f"(?: ?{_SIGN})?$",  # (12.50)
        f"^(?:{_SIGN} ?)?{_DIGITS}(?: ?{_MARK}{{1,9}})? ?{_DASH}(?: ?{_SIGN})?$",  # 12.50-
    )
)
_LETTER = f"[^0-9 .,()+{_TICKS}$£€¥₹₨{_DASHES}]"
_BEFORE = rf"^(?:{_LETTER}\.|[^0-9.,])+"  # the point of "Rs.50" belongs to the word
_BEHIND = f"[^0-9.,][^0-9]*$|[.,]$|[.,][^0-9.,{_DASHES}][^0-9]*$"  # "10,-" has a decimal comma
_CODE_AND_POINT = r"^[^0-9.]*[A-Z]{3}\.[0-9]"  # 50 euros or half a one
_NO_SIGN = f"[0-9., ()+{_TICKS}\u200e\u200f\u061c{_DASHES}]+(?:{_E})?"
_THOUSANDS = "(?:[0-9]{0,2}[1-9]|[0-9]?[1-9]0|[1-9]00)"
_MACHINE = r"^[0-9]*\.[0-9]+[eE][-+]?[0-9]{1,3}$|^[0-9]+\.0$"  # of programs: a point is a point
_NEGATIVE = rf"^[^0-9]*(?:{_DASH}|\()|[0-9][^0-9.,]*{_DASH}[^0-9]*$"
_LAKHS = "[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"


def _amount_pattern(decimal: str, group: str) -> str:
    """Digits with a decimal sign and, in groups of three, one sort of thousands separator.

    No thousands are nought: "0.750" is three quarters.
    """
    signs = (f"[{group}]", " ", _TICK)
    grouped = "|".join(f"{_THOUSANDS}(?:{sign}[0-9]{{3}})+" for sign in signs)
    grouped += f"|{_LAKHS}" * (group == ",")  # as in India: 1,23,456
    tail = f"(?:[{decimal}][0-9]*)?"
    return f"^(?:{grouped}){tail}$|^[0-9]*{tail}(?:[eE][-+]?[0-9]{{1,3}})?$|{_MACHINE}"


_POINT, _COMMA = _amount_pattern(".", ","), _amount_pattern(",", ".")


def with_amount_text(source: Source, frame: Frame, role: str) -> Frame:
    """The frame with what the file says about an amount, and its bare digits, where it is text.

    Raises:
        ColumnError: if the column holds dates or flags.
    """
    dtype, column = source.schema[source.roles[role]], source.roles[role]
    if dtype.is_numeric():
        return frame
    if not is_text(dtype):
        raise ColumnError(
            f"`{role}`: column {column!r} holds {dtype}, not {_meaning_of_role(source, role)}."
        )
    text, digits = f"{OURS}{role}_text", f"{OURS}{role}_digits"
    frame = frame.with_columns(flat_text(column, dtype).alias(text))
    bare = nw.col(text).str.replace_all(f"{_BEFORE}|{_BEHIND}", "")
    reads = nw.col(text).str.contains(_WRITTEN) & (nw.col(text).str.len_chars() <= 60)
    sign = nw.col(f"{digits}_sign")
    frame = frame.with_columns(nw.col(text).str.replace_all(_NO_SIGN, "").alias(f"{digits}_sign"))
    reads = reads & sign.str.to_uppercase().is_in(_KNOWN)
    reads = reads & ~nw.col(text).str.contains(_CODE_AND_POINT)
    frame = frame.with_columns(nw.when(reads).then(bare).otherwise(nw.lit("")).alias(digits))
    some = nw.col(digits).str.contains("[0-9]")
    return frame.with_columns(
        (some & nw.col(digits).str.contains(_POINT)).alias(f"{digits}_point"),
        (some & nw.col(digits).str.contains(_COMMA)).alias(f"{digits}_comma"),
    )


def _meaning_of_role(source: Source, role: str) -> str:
    """What a door asks for in a column of numbers."""
    units = {column.name: column.unit for column in source.kind.columns}
    said = {"hours": "hours", "scale": "scores", "0 to 10": "scores", "": "numbers"}
    said |= {"share of 1": "shares of 1", "days": "numbers of days"}
    return said.get(units.get(role, "currency"), "amounts")


def amount_signs(source: Source, role: str) -> dict[str, nw.Expr]:
    """What to learn about a text column of amounts: whether a value allows only one reading."""
    if source.schema[source.roles[role]].is_numeric():
        return {}
    point, comma = (nw.col(f"{OURS}{role}_digits_{sign}") for sign in ("point", "comma"))
    found = {f"point {role}": point & ~comma, f"comma {role}": comma & ~point}
    return found | ({f"signed {role}": written_sign(role) != ""} if is_money(source, role) else {})


def is_money(source: Source, role: str) -> bool:
    """Whether a number is an amount of some currency: prices and costs are, quantities are not."""
    units = {column.name: column.unit for column in source.kind.columns}
    return units.get(role, "" if role in _COUNTS else "currency").startswith("currency")


def written_sign(role: str) -> nw.Expr:
    """The sign or code of a currency in the text of an amount; empty where there is none."""
    digits = f"{OURS}{role}_digits"
    sign = nw.col(f"{digits}_sign")
    return nw.when(nw.col(digits) != "").then(sign).otherwise(nw.lit(""))


def decimal_sign(known: Mapping[str, bool], roles: Sequence[str], written: Written) -> str:
    """The decimal sign of the file: the user's word, or what the values that decide agree on.

    Where they do not: "mixed" if they contradict each other, "unclear" if there are none.
    """
    if written.decimal is not None:
        return written.decimal
    point = any(known.get(f"point {role}") for role in roles)
    comma = any(known.get(f"comma {role}") for role in roles)
    if point and comma:
        return "mixed"
    return "." if point else "," if comma else "unclear"


def read_amount(source: Source, frame: Frame, role: str, decimal: str) -> tuple[Frame, list[Check]]:
    """The frame with the amount as a number, and its checks."""
    column, ours = source.roles[role], f"{OURS}{role}"
    if source.schema[column].is_numeric():
        frame = frame.with_columns(nw.col(column).cast(nw.Float64).alias(ours))
        return frame, checks_of_numbers(
            role, column, nw.col(ours).is_null() | nw.col(ours).is_nan()
        )
    frame = frame.with_columns(_number_of_digits(role, decimal).alias(ours))
    text, digits = nw.col(f"{OURS}{role}_text"), nw.col(f"{OURS}{role}_digits")
    point, comma = nw.col(f"{OURS}{role}_digits_point"), nw.col(f"{OURS}{role}_digits_comma")
    missing = text.is_in(BLANKS)
    right = {".": point, ",": comma}.get(decimal, point | comma)
    people = digits.str.contains("[.,]") & ~digits.str.contains(_MACHINE)
    unclear = right & (people | ~(point & comma)) if decimal in ("mixed", "unclear") else None
    return frame, [
        Check(f"missing {role}", column, _FILL, missing),
        *_unread_checks(role, column, ~missing & ~right, unclear, decimal),
    ]


def checks_of_numbers(role: str, column: str, missing: nw.Expr) -> list[Check]:
    """The checks of an amount that can be missing, and nothing else."""
    return [Check(f"missing {role}", column, _FILL, missing), *_unread_checks(role, column)]


def too_large_check(role: str, shows: str) -> Check:
    """The check that an amount, once computed, is finite and could be money."""
    value = nw.col(f"{OURS}{role}").abs()
    advice = "Correct them or leave those rows out: beyond 1e15 it is no money."
    too_large = (value > LARGEST) & ~value.is_nan()  # to Polars NaN is the largest number
    return Check(f"infinite or too large {role}", shows, advice, too_large)


def is_fractional(value: nw.Expr) -> nw.Expr:
    """Where a number is not a whole one; pandas has no remainder of Arrow's numbers."""
    exact = nw.when(value.abs() < _WHOLE).then(value).otherwise(nw.lit(0.0))
    return exact != exact.floor()


def _unread_checks(
    role: str,
    column: str,
    broken: nw.Expr | None = None,
    unclear: nw.Expr | None = None,
    decimal: str = ".",
) -> list[Check]:
    why = {
        "unclear": "A comma or point before three digits may be a decimal or a thousands sign",
        "mixed": "Some amounts only make sense with a decimal comma, others with a decimal point",
    }.get(decimal, "")
    how = f"{why}: say `decimal='.'` or `decimal=','`."
    advice = _CORRECT if broken is None else partial(_advice_on_unread, role=role)
    return [
        Check(f"{role} that is not a number", column, advice, broken),
        Check(f"ambiguous {role}", column, how, unclear, asks=True),
    ]


def _advice_on_unread(frame: Frame, role: str) -> str:
    """What to do about texts that are no amounts: their signs may be letters read wrongly."""
    unread = nw.col(f"{OURS}{role}_digits") == ""
    odd = unread & nw.col(f"{OURS}{role}_text").str.contains("[^\u0001-\u007f]")
    if not signs_that_occur(frame, {"odd": odd})["odd"]:
        return _CORRECT
    return f"{_CORRECT} Letters that are wrong here are right under the file's own `encoding=`."


def _number_of_digits(role: str, decimal: str) -> nw.Expr:
    """The number that the digits stand for; missing where they stand for none."""
    text, digits = nw.col(f"{OURS}{role}_text"), nw.col(f"{OURS}{role}_digits")
    sign = "comma" if decimal == "," else "point"
    plain = digits.str.replace_all(f"[{'.' if sign == 'comma' else ','} ]|{_TICK}|[.,]$", "")
    if sign == "comma":
        plain = nw.when(digits.str.contains(_MACHINE)).then(digits).otherwise(plain)
    plain = plain.str.replace_all(",", ".", literal=True)
    plain = plain.str.replace_all(r"^\.", "0.")
    huge, tiny = r"[eE]\+?[0-9]{3}$", "[eE]-[0-9]{3}$"
    plain = nw.when(digits.str.contains(tiny)).then(nw.lit("0")).otherwise(plain)
    plain = nw.when(digits.str.contains(huge)).then(nw.lit("1e300")).otherwise(plain)
    reads = nw.col(f"{OURS}{role}_digits_{sign}")
    size = nw.when(reads).then(plain).otherwise(nw.lit("0")).cast(nw.Float64)
    signed = nw.when(text.str.contains(_NEGATIVE)).then(size * -1).otherwise(size)
    return nw.when(reads).then(signed)
