"""On which days customers were up for renewal: what neither activity nor spells know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import YOURS
from retention.frames import Frame, beside
from retention.tables import Column, Kind, refuse_other_ids, require

if TYPE_CHECKING:
    from collections.abc import Sequence

RENEWALS = Kind(
    "renewals",
    "a day on which a customer's contract runs out unless it is renewed",
    YOURS,
    (
        Column("customer_id", "id", "who bought"),
        Column("date", "time", "first day that the contract no longer covers"),
    ),
)


def periods_of_renewals(renewals: object, frame: Frame, freq: str, *, beside_what: str) -> Frame:
    """The days on which renewal was due, and the period that holds the last day covered.

    Args:
        renewals: a table of `customer_id` and `date`, of the same kind as the table beside it.
        frame: the table beside it.
        freq: length of a period.
        beside_what: what messages call that table.

    Returns:
        `customer_id`, `_date` (days since 1970-01-01) and `_due` (consecutive number of a period),
        one row per customer and day.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        TableError: if the two tables are of different kinds.
    """
    given = require(renewals, RENEWALS)
    refuse_other_ids(frame, given, (beside_what, "renewals"))
    table = beside(frame, renewals, name="renewals")
    engine = table.implementation
    dated = table.filter(~nw.col("date").is_null()).select(
        "customer_id", _date=periods.day_expr("date", engine)
    )
    eve = dated.unique().with_columns(_day=nw.col("_date") - 1)
    eve = eve.with_columns(_eve=periods.date_expr(nw.col("_day"), engine))
    due = eve.with_columns(_due=periods.step_expr("_eve", "_day", freq).cast(nw.Int64))
    return due.select("customer_id", "_date", "_due")


def customers_up_for_renewal(rows: Frame, dues: Frame, *, key: Sequence[str], lag: int) -> Frame:
    """Of customers in periods, those whose contract ran out within the `lag` periods from there.

    Args:
        rows: `customer_id`, `step` and whatever else.
        dues: see `periods_of_renewals`.
        key: the columns that tell the rows apart, `customer_id` and `step` among them.
        lag: number of periods, that of the row included.
    """
    met = rows.select(*key).join(dues.select("customer_id", "_due"), on="customer_id", how="inner")
    within = (nw.col("_due") >= nw.col("step")) & (nw.col("_due") < nw.col("step") + lag)
    return rows.join(met.filter(within).select(*key).unique(), on=list(key), how="inner")
