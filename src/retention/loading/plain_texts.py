"""Texts as programs write them: "2024-02-29", "2024-02-29 13:05:00", "12.50".

Where all values of a column are so, nothing is left to find out about it, and it is read at once.
Any other text, a blank one too, sends its column the long way, by which people's writing is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.loading.dates.moments import date_checks
from retention.loading.rows.text import OURS
from retention.loading.values.amounts import checks_of_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame
    from retention.loading.rows.columns import Source
    from retention.loading.rows.row_checks import Check
    from retention.loading.rows.text import Written

_DAY = (  # one that exists; of the years of nought only 2000 is sure to have a 29 February
    "(?:19|20|21)[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    "|(?:0[13578]|1[02])-31)|(?:(?:19|20|21)(?:0[48]|[2468][048]|[13579][26])|2000)-02-29"
)
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_FORMS = {
    "day": (f"^(?:{_DAY})$", "%Y-%m-%d"),
    "second": (f"^(?:{_DAY})[ T]{_TIME}$", "%Y-%m-%d %H:%M:%S"),
}
_AMOUNT = (  # no three digits behind a point, which might part thousands
    r"^-?(?:[0-9]{1,15}(?:\.(?:[0-9]{1,2}|[0-9]{4,15}))?|(?:0|[0-9]{4,15})\.[0-9]{3})$"
)


def signs_of_plain_texts(
    source: Source, written: Written, dates: Sequence[str], amounts: Sequence[str]
) -> dict[str, nw.Expr]:
    """What to ask of columns of text: in which forms some value is not.

    Amounts are not asked where some are in cells of several kinds, which decide the decimal sign
    for all of them.
    """
    asked: dict[str, nw.Expr] = {}
    for role in _text_roles(source, dates) if _dates_are_unsaid(written) else ():
        text = nw.col(source.roles[role])
        for form, (pattern, _) in _FORMS.items():
            asked[f"{role} beyond {form}"] = _is_beyond(text, pattern)
    texts = _text_roles(source, amounts)
    others = [role for role in amounts if role not in texts]
    numeric = all(source.schema[source.roles[role]].is_numeric() for role in others)
    for role in texts if numeric and written.decimal in (None, ".") else ():
        asked[f"{role} beyond amount"] = _is_beyond(nw.col(source.roles[role]), _AMOUNT)
    return asked


def forms_of_plain_texts(
    known: Mapping[str, bool], dates: Sequence[str], amounts: Sequence[str]
) -> dict[str, str]:
    """The columns that are plain throughout, each with its form, by what was learned.

    Amounts are so together or not at all, as they decide together which sign is the decimal one.
    """
    found = {
        role: form
        for role in dates
        for form in _FORMS
        if known.get(f"{role} beyond {form}") is False
    }
    plain = {
        role: known[f"{role} beyond amount"] for role in amounts if f"{role} beyond amount" in known
    }
    return found | ({} if any(plain.values()) else dict.fromkeys(plain, "amount"))


def with_plain_values(
    source: Source, frame: Frame, forms: Mapping[str, str]
) -> tuple[Frame, dict[str, Sequence[Check]]]:
    """The frame with the values of plain columns, and their checks: some may be missing."""
    values, checks = {}, dict[str, "Sequence[Check]"]()
    for role, form in forms.items():
        column = source.roles[role]
        text, missing = nw.col(column), nw.col(column).is_null()
        if form == "amount":
            values[role] = text.cast(nw.Float64)
            checks[role] = checks_of_numbers(role, column, missing)
            continue
        stamp = text.str.replace_all("T", " ", literal=True) if form == "second" else text
        values[role] = stamp.str.to_datetime(format=_FORMS[form][1]).cast(nw.Datetime("us"))
        checks[role] = date_checks(role, column, missing=missing)
    named = {f"{OURS}{role}": value for role, value in values.items()}
    return frame.with_columns(**named) if named else frame, checks


def _is_beyond(text: nw.Expr, pattern: str) -> nw.Expr:
    """Where a text does not fit. Patterns of Python, as pandas has, let a last line feed pass."""
    return ~text.str.contains(pattern) | text.str.contains("\n", literal=True)


def _text_roles(source: Source, roles: Sequence[str]) -> list[str]:
    return [role for role in roles if isinstance(source.schema[source.roles[role]], nw.String)]


def _dates_are_unsaid(written: Written) -> bool:
    """Whether nothing was said of dates that such ones would have to be held against."""
    return written.date_format is None and written.tz is None
