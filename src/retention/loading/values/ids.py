"""Customer and order ids: whole numbers stay numbers, text stays text, a mixture is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError
from retention.frames import Frame, collect
from retention.loading.rows.row_checks import Check, Output
from retention.loading.rows.text import (
    OURS,
    PADDED,
    TOTALS,
    column_as_text,
    flat_text,
    is_text,
    signs_that_occur,
    unmarked_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.loading.rows.columns import Source
    from retention.loading.values.different_ids import DifferentIds

_EXACT = 2.0**53  # beyond it, neighbouring whole numbers are the same float
_SHORTENED = r"^[0-9](?:[.,][0-9]+)?E\+[0-9]{2}$"  # 1.23457E+17: a long number in a spreadsheet
_FILL = "Fill them in or leave those rows out."
_SAY_BLANKS = "say `blanks=()`"
_TOTALS = frozenset(TOTALS)
_MISSING = ("NoneType", "NaTType", "NAType")


def id_signs(source: Source, role: str, blanks: Sequence[str]) -> dict[str, nw.Expr]:
    """What to learn about an id before it is read: whether any has padding or a mark, or a word.

    Hundreds of words are no id, which takes an engine long to look for. Nearly all are without a
    digit, and nearly all ids have one.

    Args:
        source: the table.
        role: which id.
        blanks: texts that mean that it is not filled in, or a total.
    """
    column = source.roles[role]
    if not isinstance(source.schema[column], nw.String):
        return {}
    text = nw.col(column)
    numbered = [word for word in blanks if re.search("[0-9]", word)]
    may_be_word = ~text.str.contains("[0-9]") | text.is_in(numbered)
    return {f"padded {role}": text.str.contains(PADDED), f"word {role}": may_be_word}


def read_id(
    source: Source,
    frame: Frame,
    role: str,
    known: Mapping[str, bool],
    blanks: Sequence[str],
    different: DifferentIds | None = None,
) -> tuple[Frame, list[Check], Output]:
    """The frame with the id's value, its checks, and how it goes out.

    Args:
        source: the table.
        frame: the frame so far.
        role: which id.
        known: what was learned of its texts.
        blanks: texts that mean that it is not filled in.
        different: the ids themselves, of which is asked what is asked of texts.

    Raises:
        ColumnError: if the column holds dates, flags, or numbers and text mixed.
    """
    column, ours = source.roles[role], f"{OURS}{role}"
    dtype = _id_type(source, column, role)
    broken: nw.Expr | None = None
    other: nw.Expr | None = None
    total: nw.Expr | None = None
    if dtype.is_integer():
        frame = frame.with_columns(nw.col(column).alias(ours))
        blank = nw.col(ours).is_null()
    elif dtype.is_numeric():
        frame, blank, broken = _with_whole_ids(frame, column, ours)
    else:
        padded = different is None and known.get(f"padded {role}", True)
        frame = _with_text_ids(source, frame, role, padded=padded)
        if different is not None:
            signs = different.known
        elif padded or known.get(f"word {role}", True):
            word = nw.col(ours).is_in(list(blanks))
            frame = frame.with_columns(word.alias(f"{ours}_word"))
            signs = conditions_on_texts(role, blanks, word=nw.col(f"{ours}_word"))
        else:
            signs = conditions_on_texts(role, ())
        blank, broken, other = (signs[sign] for sign in ("blank", "broken", "other"))
        total = signs.get("total")
    if role == "customer_id":
        named = ~blank if total is None else ~blank & ~total
        frame = frame.with_columns(named.alias(f"{OURS}has_id"))
    checks = _checks_of_ids(role, column, blank, broken)
    if total is not None:
        leave = (
            "They add up others: `incomplete='drop'` leaves them out and counts them. If one is an "
            f"id, {_SAY_BLANKS}."
        )
        checks.insert(1, Check(f"total in place of {role}", column, leave, total))
    if other is not None:
        advice = partial(_advice_on_blanks, source, role, _blanks_and_totals(blanks)[0])
        checks[0] = replace(checks[0], advice=advice)
    return frame, checks, Output(role, ours, other)


def conditions_on_texts(
    role: str, blanks: Sequence[str], *, word: nw.Expr | None = None
) -> dict[str, nw.Expr]:
    """What may be wrong with ids of text, once they are read, and whether they are no numbers.

    Args:
        role: which id.
        blanks: texts that mean that it is not filled in, or a total; none where no id is one.
        word: where an id is one of them, if that is known: there are hundreds of words.
    """
    text = nw.col(f"{OURS}{role}")
    empty, totals = _blanks_and_totals(blanks)
    number = text.str.contains(r"^[0-9]+\.0$")
    signs = {"blank": text.is_null(), "broken": text.str.contains(_SHORTENED), "other": ~number}
    if blanks:
        word = text.is_in(list(blanks)) if word is None else word
        signs |= {"blank": text.is_null() | text.is_in(empty), "other": ~word & ~number}
    if totals:
        signs["total"] = word & ~text.is_in(empty) & ~text.is_null()
    return signs


def _blanks_and_totals(blanks: Sequence[str]) -> tuple[list[str], list[str]]:
    """The texts that mean that an id is not filled in, and those that mean a total."""
    totals = [text for text in blanks if text in _TOTALS]
    return [text for text in blanks if text not in _TOTALS], totals


def _checks_of_ids(role: str, column: str, blank: nw.Expr, broken: nw.Expr | None) -> list[Check]:
    reread = (
        "Long ids were read or written as decimal numbers, as spreadsheets do (1.23457E+17), and "
        "lost digits, so that different ones became one: export or read the column as text."
    )
    return [
        Check(f"blank {role}", column, _FILL, blank),
        Check(f"{role} that is not a whole number", column, reread, broken),
    ]


def _advice_on_blanks(source: Source, role: str, blanks: Sequence[str], frame: Frame) -> str:
    """What to do about blank ids; texts that may be ids after all are named and counted.

    Where no row with an id has a day, and no row with a day an id, ids are headings of the rows.
    """
    ours = f"{OURS}{role}"
    if _stand_above(source, role, frame):
        column = source.roles[role]
        return (
            f"{column!r} is filled in on rows of its own, which have no day: if they are headings "
            f"of the rows below, say `headings={column!r}` as you read the file."
        )
    texts = [text for text in blanks if text]
    rows = frame.filter(nw.col(ours).is_in(texts)).group_by(ours).agg(nw.len().alias("n"))
    found = collect(rows) if texts else {ours: np.array([]), "n": np.array([])}
    counts = sorted(zip(found["n"].tolist(), found[ours].tolist(), strict=True), reverse=True)
    if not counts:
        return _FILL
    named = ", ".join(f"{text!r} in {n:,} row{'s' * (n != 1)}" for n, text in counts[:5])
    return f"{_FILL} Taken for blank is {named}: if that is an id, {_SAY_BLANKS}."


def _stand_above(source: Source, role: str, frame: Frame) -> bool:
    """Whether ids and days are never in one row, and there are both."""
    days = [source.roles[each] for each in ("date", "start") if each in source.roles]
    if not days or not is_text(source.schema[days[0]]):
        return False
    has_id = flat_text(source.roles[role], source.schema[source.roles[role]]) != ""
    has_day = flat_text(days[0], source.schema[days[0]]) != ""
    asked = {"both": has_id & has_day, "id": has_id & ~has_day, "day": has_day & ~has_id}
    found = signs_that_occur(source.rows_meant(frame), asked)
    return not found["both"] and found["id"] and found["day"]


def _with_text_ids(source: Source, frame: Frame, role: str, *, padded: bool) -> Frame:
    column = source.roles[role]
    text = column_as_text(column, source.schema[column])
    return frame.with_columns((unmarked_text(text) if padded else text).alias(f"{OURS}{role}"))


def _id_type(source: Source, column: str, role: str) -> nw.dtypes.DType:
    dtype = source.schema[column]
    if isinstance(dtype, nw.Object):
        return _type_of_objects(source, column, role)
    if is_text(dtype):
        return nw.String()
    if not dtype.is_numeric():
        raise ColumnError(
            f"`{role}`: column {column!r} holds {dtype}. An id is text or a whole number."
        )
    return dtype


def _type_of_objects(source: Source, column: str, role: str) -> nw.dtypes.DType:
    """What a pandas column of Python objects holds, if it holds one kind of thing."""
    values = collect(source.frame.select(column))[column].tolist()
    kinds = {kind for kind in set(map(type, values)) if kind.__name__ not in _MISSING}
    if float in kinds and all(value != value for value in values if type(value) is float):  # noqa: PLR0124
        kinds.discard(float)
    if all(issubclass(kind, Real | Decimal) and not issubclass(kind, bool) for kind in kinds):
        return nw.Float64()
    if len(kinds) == 1 and not issubclass(next(iter(kinds)), bytes | bool | date):
        return nw.String()
    seen = [next(value for value in values if type(value) is kind) for kind in kinds]
    listed = ", ".join(f"{value!r} ({type(value).__name__})" for value in sorted(seen, key=repr))
    raise ColumnError(
        f"`{role}`: column {column!r} holds values of mixed or unfit types: {listed}. "
        "An id is text or a whole number throughout: convert the column with .astype(str) first."
    )


def _with_whole_ids(frame: Frame, column: str, ours: str) -> tuple[Frame, nw.Expr, nw.Expr]:
    """Whole numbers that were read as decimals, as whole numbers again."""
    number = f"{ours}_number"
    frame = frame.with_columns(nw.col(column).cast(nw.Float64).alias(number))
    blank = nw.col(number).is_null() | nw.col(number).is_nan()
    exact = nw.col(number).abs() < _EXACT
    whole = nw.when(exact).then(nw.col(number)).otherwise(nw.lit(0.0)).floor().cast(nw.Int64)
    frame = frame.with_columns(whole.alias(ours))
    broken = (nw.col(number).abs() >= _EXACT) | (
        exact & (nw.col(ours).cast(nw.Float64) != nw.col(number))
    )
    return frame, blank, broken
