"""From a snapshot to the next purchase: silences as lifetimes, for any survival model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError, count_of
from retention.frames import in_kind_of, one_row
from retention.periods import whole_days
from retention.signals.days.asked_days import tables_together
from retention.signals.days.purchase_moments import with_next_purchase
from retention.spells.days import purchase_days
from retention.tables import LIFETIMES, TRANSACTIONS, refuse_taken
from retention.tables.answer_columns import (
    flags,
    gives,
    ids,
    numbers,
    optional_columns,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame

_LABELS = ("churned", "label_from", "label_to", "known_on", "label_reason")
_MADE = ("duration", "churned", "set_aside")
_ADDED = ("duration", "set_aside")
_MEANT = tuple(column.name for column in LIFETIMES.columns)
"""What survival functions would take for more than a feature."""


@gives(
    "a customer on a day",
    ids("customer_id"),
    times("as_of"),
    optional_columns(numbers("tenure", unit="days"), whole_numbers("spell")),
    whole_numbers("duration", unit="days"),
    flags("churned"),
    texts("set_aside"),
)
def silences(
    snapshots: IntoFrameT, transactions: IntoFrameT, *, as_of: date | str, most: int
) -> IntoFrameT:
    """How long each customer was silent from the day of the snapshot: lifetimes of silence.

    With a the day of the snapshot and b the customer's next purchase after it, the silence lasts
    b − a days and ends with the purchase; where none came by `as_of`, or within `most` days, it is
    censored there. `fit_cox` and `fit_hazard` take the answer, with features as covariates, and the
    chance of no purchase within w days is `predict_survival(..., times=w, given=None)`: the chance
    that label_silence's label with `within=w` is 1. Snapshots whose windows are not over count as
    far as they were seen, which no classifier can use.

    `churned` here means that the silence ended, as survival functions ask it: by a purchase, not by
    a loss.

    Args:
        snapshots: from `snapshots` or `label_silence`, with any features; labels are left out.
        transactions: a table from `as_transactions`.
        as_of: the last observed day: for a backtest the cut. Snapshots of later days are refused.
        most: days after which a silence is no longer watched, at least as long as the window that
            is predicted.

    Returns:
        One row per snapshot, in the caller's kind, with its columns but those of the label: then
        `duration` (days), `churned` (true: a purchase ended it), `set_aside` (why it cannot be
        used: its day is the last one observed; else null).

    Raises:
        ColumnError: if a column is missing, of the wrong type, or named like one of the answer.
        ContentError: if a snapshot is of a day after `as_of`, or there is no purchase at all.
        RetentionError: if `most` is no whole number of days above 0.

    Example:
        Ann bought 10 days later; Bob has not by the end of March.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"], "sales": 10.0,
        ...     "date": pd.to_datetime(["2024-02-20", "2024-02-25", "2024-03-11"]),
        ... })
        >>> seen = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "as_of": pd.Timestamp("2024-03-01"),
        ... })
        >>> rt.signals.silences(seen, orders, as_of="2024-03-31", most=60)[
        ...     ["customer_id", "duration", "churned"]
        ... ]
          customer_id  duration  churned
        0         Ann        10     True
        1         Bob        30    False

    Source:
        Landmarks: Van Houwelingen, H. C. (2007), Scandinavian Journal of Statistics 34, 70–85.
    """
    longest = whole_days(most, argument="most", least=1)
    last = periods.as_day(as_of, argument="as_of")
    rows, log = tables_together(snapshots, transactions, TRANSACTIONS, adds=_ADDED)
    _refuse_days_after(rows, last)
    own = ("_day", *_LABELS)
    names = [name for name in rows.collect_schema().names() if name not in own]
    refuse_taken(names, _MEANT, argument="snapshots")
    bought = purchase_days(log, as_of=last, keep={})
    found = with_next_purchase(rows, bought, lead=0)
    told = rows.join(found, on=["customer_id", "_day"], how="left")
    return in_kind_of(
        _measured_silences(told, periods.number_of(last), longest).select(*names, *_MADE),
        snapshots,
        order=["customer_id", "as_of", *(["spell"] if "spell" in names else [])],
        keep_type=names,
    )


def _measured_silences(rows: Frame, last: int, longest: int) -> Frame:
    """How long each silence was seen, and whether a purchase ended it."""
    left = last - nw.col("_day")
    seen = nw.when(left < longest).then(left).otherwise(nw.lit(longest))
    measured = rows.with_columns(_seen=seen, _gap=nw.col("_next") - nw.col("_day"))
    over = ~nw.col("_gap").is_null() & (nw.col("_gap") <= nw.col("_seen"))
    return measured.with_columns(
        duration=nw.when(over).then(nw.col("_gap")).otherwise(nw.col("_seen")).cast(nw.Int64),
        churned=over,
        set_aside=nw.when(nw.col("_seen") == 0).then(nw.lit(_LAST_DAY)),
    )


_LAST_DAY = "its day is the last one observed"


def _refuse_days_after(rows: Frame, last: date) -> None:
    """Refuse snapshots of days that nobody has seen yet.

    Raises:
        ContentError: with how many there are.
    """
    late = rows.filter(nw.col("_day") > periods.number_of(last))
    n = int(one_row(late.select(n=nw.len()))["n"] or 0)
    if n:
        raise ContentError(
            f"snapshots: {count_of(n, 'row is', 'rows are')} of a day after as_of={last}, when "
            "nothing was observed yet. Leave them out, or say as_of= later."
        )
