"""Dated rows beside the days asked of their customers, as far as they were known by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError
from retention.frames import Frame, in_kind_of
from retention.names import inner_name
from retention.periods import whole_days
from retention.signals.days.asked_days import tables_together
from retention.signals.known.known_sums import ONE, Told, ever, known_sums, with_moments
from retention.tables import SNAPSHOTS, Kind
from retention.tables.answer_columns import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.tables.declaring import Column

KEYS = ("customer_id", "_day")
"""Whom and on which day a feature is of."""

DATE, DAY = nw.col("_date"), nw.col("_day")


@dataclass(frozen=True, slots=True)
class Asked:
    """Snapshots to which features are added.

    Attributes:
        rows: the snapshots, with the number of their day as `_day`.
        names: their columns, in order.
        window: days of the window (a − window, a] of a day a.
        first: the number of the day from which on the log was kept; None where all is in it.
        suffix: what the names of the features end with.
    """

    rows: Frame
    names: tuple[str, ...]
    window: int
    first: int | None
    suffix: str

    @property
    def in_window(self) -> nw.Expr:
        """Where a row's date is in the window of the day."""
        return DAY - self.window < DATE

    @property
    def in_window_before(self) -> nw.Expr:
        """Where it is in the window of the same length before that one."""
        return (DAY - 2 * self.window < DATE) & ~self.in_window

    def seen(self, value: nw.Expr, *, windows: int = 1) -> nw.Expr:
        """A value where so many windows up to the day were seen whole, else null."""
        if self.first is None:
            return value
        return nw.when(windows * self.window + self.first <= DAY + 1).then(value)

    def change(self, now: str, before: str) -> nw.Expr:
        """The (now − before) / (now + before) of two columns of counts, −1 to 1.

        It is null where there is nothing in either window, or the one before was not seen whole.
        """
        later, earlier = count_or_nought(now), count_or_nought(before)
        both = later + earlier
        return self.seen(nw.when(both > 0).then((later - earlier) / both), windows=2)

    @property
    def there_before(self) -> nw.Expr | None:
        """Where a customer began before both windows, as far as the snapshots say it."""
        if "tenure" not in self.names:
            return None
        tenure = nw.col("tenure").cast(nw.Float64)
        return tenure.is_null() | (tenure >= 2 * self.window - 1)


def features_made(*names: str) -> tuple[tuple[Column, ...], ...]:
    """The columns that a function of features gives, for its declaration."""
    return (SNAPSHOTS.columns[:2], numbers(*names))


def asked_and_log(
    snapshots: object,
    table: object,
    kind: Kind,
    features: Sequence[str],
    said: tuple[int, date | str | None, str],
) -> tuple[Asked, Frame]:
    """Snapshots that features are asked of, and the table they are made of.

    Args:
        snapshots: the table of snapshots.
        table: the other table.
        kind: what it is.
        features: the names of the features, without a suffix.
        said: the window, from when on the log was kept, and the suffix, as the user said them.

    Raises:
        RetentionError: if one of these is not what it must be.
        ColumnError: if a column is missing, of the wrong type, or there already.
        ContentError: if a snapshot lacks its customer or day.
        TableError: if the two are different kinds of table.
    """
    window = whole_days(said[0], argument="window", least=1)
    first = None if said[1] is None else periods.as_day(said[1], argument="observed_from")
    if not isinstance(said[2], str):
        raise RetentionError(f"suffix is text that names end with, such as '_90'; got {said[2]!r}.")
    added = [inner_name(f"{name}{said[2]}") for name in features]
    rows, log = tables_together(snapshots, table, kind, adds=added)
    names = tuple(name for name in rows.collect_schema().names() if name != "_day")
    number = None if first is None else periods.number_of(first)
    return Asked(rows, names, window, number, said[2]), log


def with_day_numbers(rows: Frame, columns: Mapping[str, str]) -> Frame:
    """Rows with dates as numbers of days, null where there is none: new names, and the dates."""
    there = rows.collect_schema().names()
    return rows.with_columns(
        periods.day_expr(column, rows.implementation).cast(nw.Float64).alias(name)
        for name, column in columns.items()
        if column in there
    )


def rows_by_then(asked: Asked, dated: Frame) -> Frame:
    """Each dated row beside each day asked of its customer, where it was known that day.

    Args:
        asked: the snapshots.
        dated: `customer_id`, `_date`, a number of days; where rows may have been learnt later,
            `_known`; and whatever is asked of them.
    """
    days = asked.rows.select(*KEYS).unique()
    beside_days = days.join(dated, on="customer_id", how="inner").filter(DATE <= DAY)
    if "_known" not in dated.collect_schema().names():
        return beside_days
    return beside_days.filter(nw.col("_known").is_null() | (nw.col("_known") <= DAY))


def latest_by_then(asked: Asked, scored: Frame) -> Frame:
    """The last score of each customer by each day, and how it differs from the one before it.

    Args:
        asked: the snapshots.
        scored: `customer_id`, `_date` (each once a customer) and `_score`.

    Returns:
        `customer_id`, `_day`, `_score` and `_change`, null where the last one lies before the
        window.
    """
    before = nw.col("_score").shift(1).over("customer_id", order_by="_date")
    dated = scored.with_columns(_before=before, _date=nw.col("_date").cast(nw.Int64))
    days = with_moments(dated.select("customer_id", "_date", _one=ONE), window=asked.window)
    told = Told(days, (ever("_n_dates", "_one"),), most=("_date",))
    found = known_sums(asked.rows.select(*KEYS), [told]).filter(~nw.col("_date").is_null())
    there = found.with_columns(nw.col("_date").cast(nw.Int64)).filter(asked.in_window)
    both = there.join(dated, on=["customer_id", "_date"], how="inner")
    return both.select(*KEYS, "_score", _change=nw.col("_score") - nw.col("_before"))


def with_features(
    asked: Asked,
    found: Sequence[Frame],
    features: Mapping[str, nw.Expr],
    like: IntoFrameT,
    *,
    of_both: Sequence[str] = (),
) -> IntoFrameT:
    """The snapshots with features, in the caller's kind.

    Args:
        asked: the snapshots.
        found: what was found of each customer and day.
        features: the features by name, in columns of these; null where a customer is in none.
        like: the table that the caller gave.
        of_both: features that set two windows against each other, and are null for customers who
            began after the first of them did.
    """
    told = asked.rows.select(*KEYS).unique()
    for each in found:
        told = told.join(each, on=list(KEYS), how="left")
    named = {name: inner_name(f"{name}{asked.suffix}") for name in features}
    made = {named[name]: e.cast(nw.Float64) for name, e in features.items()}
    wide = asked.rows.join(told.select(*KEYS, **made), on=list(KEYS), how="left")
    if (there := asked.there_before) is not None and of_both:
        changes = [named[name] for name in of_both]
        wide = wide.with_columns(nw.when(there).then(nw.col(n)).alias(n) for n in changes)
    order = [name for name in ("customer_id", "as_of", "spell") if name in asked.names]
    return in_kind_of(wide.select(*asked.names, *made), like, order=order, keep_type=asked.names)


def count_or_nought(column: str) -> nw.Expr:
    """A count, 0 where a customer has no row."""
    return nw.col(column).fill_null(0).cast(nw.Float64)
