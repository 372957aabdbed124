"""The days that are asked for, and tables of snapshots as they are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.from_contracts import rows_n_times
from retention.errors import ColumnError, ContentError, RetentionError, count_of
from retention.frames import Frame, as_lazy, beside, one_row, table_like
from retention.tables import SNAPSHOTS, Adds, Kind, refuse_other_ids, require, typed_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Days = NDArray[np.int64]

_WORKING = "_day"


def asked_days(dates: object) -> Days:
    """The days that a user named, as numbers in order, each once.

    Raises:
        RetentionError: if there is none, or one is no day.
    """
    one = isinstance(dates, str | date | np.datetime64) or not isinstance(dates, Iterable)
    several = [dates] if one else list(dates)  # type: ignore[call-overload]
    days = {periods.number_of(periods.as_day(day, argument="dates")) for day in several}
    if not days:
        raise RetentionError("dates: name at least one day, such as dates=['2024-12-31'].")
    return np.array(sorted(days), np.int64)


def rows_of_days(rows: Frame, days: Days) -> Frame:
    """Each row once for every day asked for of `_from`, `_from` + 1, …, `_until` − 1, as `_day`."""
    numbered = with_number_before(with_number_before(rows, "_from", days), "_until", days)
    n = nw.col("_n_until") - nw.col("_n_from")
    asked = numbered.with_columns(_n=n).filter(nw.col("_n") > 0).drop("_n_until")
    each = rows_n_times(asked, days.size).with_columns(
        _k=(nw.col("_n_from") + nw.col("_place")).cast(nw.Int64)
    )
    table = table_like({"_k": np.arange(days.size), "_day": days}, rows.to_native())
    found = each.join(as_lazy(table, by_row=True), on="_k", how="inner")
    return found.drop("_k", "_n_from", "_place")


def with_number_before(rows: Frame, column: str, days: Days) -> Frame:
    """How many of the days asked for lie before the day in a column, as `_n` and its name.

    It is the place, from 0 on, of the first of them that is not before it.
    """
    first, last = int(days[0]), int(days[-1]) + 1
    day = nw.col(column)
    within = nw.when(day < first).then(nw.lit(first)).when(day > last).then(nw.lit(last))
    key, name = f"_c{column}", f"_n{column}"
    calendar = np.arange(first, last + 1)
    table = table_like({key: calendar, name: np.searchsorted(days, calendar)}, rows.to_native())
    keyed = rows.with_columns(within.otherwise(day).cast(nw.Int64).alias(key))
    return keyed.join(as_lazy(table, by_row=True), on=key, how="inner").drop(key)


def tables_together(
    snapshots: object, table: object, kind: Kind, *, adds: Sequence[str] = (), money: Adds = "none"
) -> tuple[Frame, Frame]:
    """Snapshots with the number of their day as `_day`, and a table beside them, on one engine.

    Args:
        snapshots: the table of snapshots.
        table: the other table.
        kind: what it is.
        adds: the columns that come to the snapshots, which they may not have yet.
        money: over what amounts of the other table are added up, see `require`.

    Raises:
        ColumnError: if a column is missing, of the wrong type, or there already.
        ContentError: if a snapshot lacks its customer or day, or there is none.
        TableError: if the two are different kinds of table.
    """
    other = require(table, kind, adds=money)
    given = require(snapshots, SNAPSHOTS, adds="none")
    present = given.collect_schema().names()
    refuse_columns_there(present, adds)
    refuse_other_ids(given, other, ("snapshots", kind.name))
    rows = typed_as(beside(other, snapshots, name="snapshots"), given)
    _refuse_snapshots_of_nobody(rows)
    rows, other = _with_ids_alike(rows, other)
    day = periods.day_expr("as_of", rows.implementation).cast(nw.Int64)
    return rows.with_columns(_day=day), other


def _with_ids_alike(first: Frame, second: Frame) -> tuple[Frame, Frame]:
    """Two tables whose ids are whole numbers of one width, so that they can lie in one column."""
    mine, other = (table.collect_schema()["customer_id"] for table in (first, second))
    if mine == other or not mine.is_integer():
        return first, second
    wide = nw.col("customer_id").cast(nw.Int64)
    return first.with_columns(wide), second.with_columns(wide)


def refuse_columns_there(present: Sequence[str], adds: Sequence[str]) -> None:
    """Refuse snapshots that have a column already that a function adds, or works with.

    Raises:
        ColumnError: naming the first.
    """
    there = {name.lower(): name for name in present}
    taken = [there[name.lower()] for name in (*adds, _WORKING) if name.lower() in there]
    if taken:
        raise ColumnError(
            f"snapshots: {taken[0]!r} is there already. Drop it, rename it, or give what is added "
            "another name where there is a `suffix=`."
        )


def _refuse_snapshots_of_nobody(rows: Frame) -> None:
    """Refuse snapshots of nobody, or of no day."""
    found = one_row(
        rows.select(nw.len().alias("n"), nw.col("customer_id").count(), nw.col("as_of").count())
    )
    for name in ("customer_id", "as_of"):
        if n := int(found["n"]) - int(found[name]):
            raise ContentError(
                f"snapshots: {count_of(n, 'row has', 'rows have')} no {name!r}. Leave them out."
            )
