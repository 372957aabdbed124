"""Spells as what runs on a day is asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError
from retention.frames import count, one_row
from retention.tables import SPELLS, require

if TYPE_CHECKING:
    from retention.frames import Frame

_SAME_SPELL = (
    "spells: made with `reactivation='same_spell'`, which knows of every silence whether it was "
    "going to end. Make them with `reactivation='new_spell'`."
)


def spells_with_days(spells: object) -> Frame:
    """A table of spells, see `with_days_of_spells`.

    Raises:
        as `refuse_joined_spells`.
    """
    frame = require(spells, SPELLS, adds="none")
    refuse_joined_spells(frame)
    return with_days_of_spells(frame)


def refuse_joined_spells(frame: Frame) -> None:
    """Refuse spells in which a silence that was not going to end is none.

    Raises:
        RetentionError: with what to say instead.
    """
    if one_row(frame.select(n=nw.col("reactivation").max()))["n"] == "same_spell":
        raise RetentionError(_SAME_SPELL)


def with_days_of_spells(frame: Frame) -> Frame:
    """Spells with their days as whole numbers.

    Returns:
        The same with `_start`, `_end` (the day it ended, or the last one on which it was seen),
        `_left` (1 if it was seen to end) and `_late` (days from the start until it was watched).
    """
    start = periods.day_expr("start", frame.implementation).cast(nw.Int64)
    late = nw.col("entry").cast(nw.Float64)
    dated = frame.with_columns(
        _start=start,
        _left=count(nw.col("churned")),
        _late=nw.when(late > 0).then(late).otherwise(nw.lit(0.0)).cast(nw.Int64),
    )
    return dated.with_columns(_end=nw.col("_start") + nw.col("duration").cast(nw.Int64))
