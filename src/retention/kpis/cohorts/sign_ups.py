"""Cohorts by a start from another table: of all who signed up, who was active at which age."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.base_and_later import activity_by_segments, has_starts
from retention.errors import YOURS, ContentError, RetentionError, count_of, warn
from retention.frames import Columns, Frame, as_text, beside, collect, count, one_row
from retention.kpis.cohorts.counts import activity_by_unit, window_in_length
from retention.tables import ACTIVITY, Column, Kind, refuse_other_ids, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.kpis.cohorts.counts import Ageing, Seen

SIGN_UPS = Kind(
    "started",
    "a customer and the day it signed up",
    YOURS,
    (
        Column("customer_id", "id", "who signed up"),
        Column("start", "time", "the day of it"),
    ),
)
_WHO = "customer_id"


def count_ages_since_start(
    activity: object, started: object, asked: Ageing, by: Sequence[str]
) -> tuple[Columns, Seen]:
    """Count who signed up in each period, and how many of them were active at which age.

    Returns:
        As `count_ages`, of customers alone: those who signed up in cell −1, with `_begun` 1, and
        those who were active in the others, with 0.

    Raises:
        ContentError: if a customer has several starts, or none of them has one.
        RetentionError: if the activity is of contracts.
    """
    scanned = require(activity, ACTIVITY, adds="none")
    if has_starts(scanned):
        raise RetentionError(
            "Customers of contracts begin with their first contract: `started=` goes with an "
            "activity of purchases (customer_periods)."
        )
    firm, _ = activity_by_segments(scanned, (), adds="none")
    seen = window_in_length(firm, asked, starts=False)
    starts = _starts_of_customers(firm, started, seen, by)
    units = activity_by_unit(firm, asked, seen)
    _look_at_customers(units, starts)
    aged = units.join(starts, on=_WHO, how="inner").filter(nw.col("_unit") >= nw.col("_start"))
    aged = aged.with_columns(_age=(nw.col("_unit") - nw.col("_start")) // seen.size)
    begun = starts.with_columns(_cell=nw.lit(-1), _begun=nw.lit(1))
    cells = _cells_of_ages(aged, asked, by).with_columns(_begun=nw.lit(0))
    keys = [*by, "_start", "_cell", "_begun"]
    rows = [table.group_by(*keys).agg(nw.len().alias("_n")) for table in (begun, cells)]
    found = [
        collect(table.with_columns(nw.col(*keys[len(by) :], "_n").cast(nw.Int64))) for table in rows
    ]
    return {name: np.concatenate([table[name] for table in found]) for name in [*keys, "_n"]}, seen


def _starts_of_customers(firm: Frame, started: object, seen: Seen, by: Sequence[str]) -> Frame:
    """The period in which each customer signed up, or the day where ages count from days."""
    names = ("activity", "started")
    refuse_other_ids(firm, require(started, SIGN_UPS, extra=by), names)
    table = beside(firm, started, name="started").filter(~nw.col("start").is_null())
    day = periods.day_expr("start", table.implementation)
    schema = table.collect_schema()
    segments = [as_text(name, schema[name]) for name in by]
    dated = table.select(_WHO, *segments, "start", _day=day - seen.shift)
    unit = nw.col("_day") + seen.shift
    if not seen.by_day:
        unit = periods.step_expr("start", "_day", seen.freq)
    return dated.select(_WHO, *by, _start=unit.cast(nw.Int64))


def _look_at_customers(units: Frame, starts: Frame) -> None:
    """Refuse several starts of a customer, and count customers that have none."""
    told = one_row(starts.select(nw.len().alias("n"), nw.col(_WHO).n_unique()))
    if not told["n"]:
        raise ContentError("started holds no customer with a `start`.")
    if told["n"] > told[_WHO]:
        raise ContentError(
            f"started holds {int(told['n']):,} starts of {count_of(int(told[_WHO]), 'customer')}: "
            "keep one row of each, such as the earliest."
        )
    strangers = units.select(_WHO).unique().join(starts.select(_WHO), on=_WHO, how="anti")
    found = one_row(strangers.select(nw.len().alias("n"), nw.col(_WHO).min()))
    if found["n"]:
        warn(
            f"{count_of(int(found['n']), 'customer')} of the activity, such as {found[_WHO]!r}, "
            "did not sign up by `started=`, and are in no cohort."
        )


def _cells_of_ages(aged: Frame, asked: Ageing, by: Sequence[str]) -> Frame:
    """One row per customer and cell in which it was active."""
    keys = [_WHO, *by, "_start"]
    if asked.kind == "on_or_after":
        return aged.group_by(*keys).agg(nw.col("_age").max().alias("_cell"))
    if asked.kind == "on":
        cells = aged.with_columns(_cell=nw.col("_age"))
    else:
        place = nw.sum_horizontal(*(count(nw.col("_age") >= edge) for edge in asked.edges)) - 1
        inside = (nw.col("_age") >= asked.edges[0]) & (nw.col("_age") < asked.edges[-1])
        cells = aged.filter(inside).with_columns(_cell=place)
    return cells.select(*keys, "_cell").unique()
