"""How long a silence means that a customer has left: what each candidate rule would have said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import RetentionError
from retention.frames import Columns, Frame, collect, count, is_at_hand, table_like
from retention.periods import observed_days, whole_days
from retention.spells.days import purchase_days
from retention.spells.days_at_hand import days_at_hand
from retention.tables import TRANSACTIONS, require
from retention.tables.answer_columns import constants, gives, numbers, shares, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray


@gives(
    "gap",
    whole_numbers("gap", unit="days"),
    whole_numbers("n_customers", "n_eligible", "n_lost"),
    shares("lost_share", "lost_share_lower", "lost_share_upper"),
    numbers("median_follow_up", unit="days"),
    whole_numbers("n_came_back"),
    shares("came_back_share", "came_back_share_lower", "came_back_share_upper"),
    whole_numbers("n_followed", "n_false"),
    shares("false_churn_rate", "false_churn_rate_lower", "false_churn_rate_upper"),
    constants(whole_numbers("within", unit="days")),
)
def gap_table(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    gaps: Sequence[int],
    within: int = 365,
    level: float = 0.95,
) -> IntoFrameT:
    """For each candidate gap, how many customers it would call lost, and how many came back anyway.

    Under the rule of `purchase_spells` a customer whose last order was on day L is called lost on
    L + gap if no order came on L+1 … L+gap. A customer counts once, at the first time. Of those
    called lost,

        false_churn_rate = (ordered on L+gap+1 … L+gap+within) / (called lost by as_of − within),

    the share that came back within so many days, among those who have been watched for that long:
    the same time for every gap, so that they compare, and nothing that later data will change for
    them. All who came back by `as_of`, divided by all called lost, is given beside it; that share
    still rises as time passes, and differs between gaps for that alone (`median_follow_up`). A
    short gap calls many lost who come back, a long one is slow to notice. No value is right by
    itself: take the shortest gap whose false churn you can live with. If that of every gap is
    more than you can live with, take none: then no silence tells who has left, and spells made by
    one would take pauses for departures.

    Args:
        transactions: a table from `as_transactions`. Where the log was cut at the front, only
            silences since its first day are seen; the rates stand.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        gaps: the candidates, in days, each 1 or more.
        within: days after being called lost in which an order shows the call to have been false.
        level: confidence of the bounds (Wilson).

    Returns:
        One row a gap, in the caller's kind, in rising order: `gap` (days), `n_customers` (who ever
        bought), `n_eligible` (of them, those whose first order is at least `gap` days old),
        `n_lost` (called lost at some time), `lost_share` (n_lost / n_eligible), `lost_share_lower`,
        `lost_share_upper`, `median_follow_up` (days from being called lost to `as_of`),
        `n_came_back` (ordered again by `as_of`), `came_back_share` (n_came_back / n_lost; a lower
        bound of those who ever will), `came_back_share_lower`, `came_back_share_upper`,
        `n_followed` (called lost at least `within` days before `as_of`), `n_false` (of them,
        ordered in those days), `false_churn_rate` (n_false / n_followed), `false_churn_rate_lower`,
        `false_churn_rate_upper`, and the convention `within`. Shares of nobody are null.

    Raises:
        RetentionError: if `gaps` is empty, or one of them or `within` is no whole number above 0.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `as_of`.

    Example:
        Ann is silent for 49 days and comes back; Bob does not. After 30 days both are called lost.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-03-01", "2024-01-15"]),
        ...     "sales": [10.0, 20.0, 30.0, 20.0],
        ... })
        >>> table = rt.gap_table(orders, as_of="2024-03-31", gaps=[30, 60], within=30)
        >>> table[["gap", "n_lost", "n_came_back", "n_followed", "n_false", "false_churn_rate"]]
           gap  n_lost  n_came_back  n_followed  n_false  false_churn_rate
        0   30       2            1           2        1               0.5
        1   60       1            0           0        0               NaN

    Source:
        The rule is a convention of practice; Wilson, E. B. (1927) for the bounds.
    """
    candidates, horizon = _candidate_gaps(gaps), whole_days(within, argument="within", least=1)
    intervals.quantile_of(level)
    last, _ = observed_days(as_of, None)
    day, way = periods.number_of(last), "give the orders since {since} alone."
    at_hand = is_at_hand(transactions)
    frame = require(transactions, TRANSACTIONS, alone=True, adds="none", by_row=at_hand)
    silences: Columns | None = None
    if at_hand and (bought := days_at_hand(frame, as_of=last, gap=candidates[0], way=way)):
        silences = bought.record_silences(
            _lengths_that_matter(candidates, horizon), candidates[0], day
        )
    if silences is None:
        days = purchase_days(frame, as_of=last, keep={}, gap=candidates[0], way=way)
        silences = collect(_record_silences(days, candidates, horizon, day))
    rows = [_counts_of_gap(silences, gap, horizon, day) for gap in candidates]
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return table_like(_shares_beside_counts(found, level), transactions)


def _candidate_gaps(gaps: Sequence[int]) -> list[int]:
    many = list(gaps) if isinstance(gaps, Iterable) else []
    if not many:
        raise RetentionError(
            f"gaps must name one silence or more, as in `gaps=[30, 60, 90]`; got {gaps!r}."
        )
    return sorted({whole_days(gap, argument="gaps", least=1) for gap in many})


def _record_silences(days: Frame, gaps: Sequence[int], within: int, as_of: int) -> Frame:
    """How often a silence outlasted all earlier ones of its customer, by how long and since when.

    The first silence that a gap calls a loss is one that outlasts all before it, so only those are
    kept, and every customer's first order. Lengths are rounded down to the limits that matter.
    """
    before = nw.col("_day").shift(1).over("customer_id", order_by="_day")
    after = nw.col("_day").shift(-1).over("customer_id", order_by="_day")
    paired = days.with_columns(_before=before, _after=after)
    known = paired.with_columns(
        _quiet=(nw.col("_day") - nw.col("_before") - 1).fill_null(0),
        _back=count(~nw.col("_after").is_null()),
        _first=count(nw.col("_before").is_null()),
        _length=(nw.col("_after") - 1).fill_null(as_of) - nw.col("_day"),
    )
    longest = nw.col("_quiet").cum_max().over("customer_id", order_by="_day")
    records = known.with_columns(_longest=longest).filter(
        (nw.col("_first") == 1)
        | ((nw.col("_length") > nw.col("_longest")) & (nw.col("_length") >= min(gaps)))
    )
    limits = _lengths_that_matter(gaps, within)
    keys = ["_first", "_back", "_day", "_longest", "_length"]
    rounded = records.with_columns(
        _longest=_largest_limit_reached("_longest", limits),
        _length=_largest_limit_reached("_length", limits),
    )
    counted = rounded.group_by(*keys).agg(nw.len().alias("n"))
    return counted.with_columns(nw.col(*keys, "n").cast(nw.Int64))


def _lengths_that_matter(gaps: Sequence[int], within: int) -> list[int]:
    """The lengths of a silence that matter."""
    return sorted({*gaps, *(gap + within for gap in gaps)})


def _largest_limit_reached(column: str, limits: Sequence[int]) -> nw.Expr:
    """The largest of the limits that is not above the value; 0 where there is none."""
    reached = (
        count(nw.col(column) >= limit) * (limit - below)
        for below, limit in zip([0, *limits], limits, strict=False)
    )
    return nw.sum_horizontal(*reached)


def _counts_of_gap(silences: Columns, gap: int, within: int, as_of: int) -> dict[str, float]:
    """What the rule says about one gap, from the counted silences."""
    n, day, back = silences["n"], silences["_day"], silences["_back"] == 1
    first, since = silences["_first"] == 1, day + gap
    lost = (silences["_longest"] < gap) & (silences["_length"] >= gap)
    followed = lost & (since + within <= as_of)
    return {
        "gap": gap,
        "n_customers": n[first].sum(),
        "n_eligible": n[first & (since <= as_of)].sum(),
        "n_lost": n[lost].sum(),
        "median_follow_up": _weighted_median(as_of - since[lost], n[lost]),
        "n_came_back": n[lost & back].sum(),
        "n_followed": n[followed].sum(),
        "n_false": n[followed & back & (silences["_length"] < gap + within)].sum(),
        "within": within,
    }


def _shares_beside_counts(found: Columns, level: float) -> Columns:
    """The counts, each share behind those it was made of."""
    shares = {
        "n_lost": ("lost_share", "n_eligible"),
        "n_came_back": ("came_back_share", "n_lost"),
        "n_false": ("false_churn_rate", "n_followed"),
    }
    table: Columns = {}
    for name, values in found.items():
        table[name] = values
        if name in shares:
            share, whole = shares[name]
            lower, upper = intervals.wilson_bounds(values, found[whole], level)
            table[share] = intervals.ratio(values, found[whole])
            table |= {f"{share}_lower": lower, f"{share}_upper": upper}
    return table


def _weighted_median(values: NDArray[Any], weights: NDArray[Any]) -> float:
    """The median of counted values: the mean of the two in the middle where the count is even."""
    if not weights.sum():
        return float("nan")
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    middle = [(reached[-1] - 1) // 2, reached[-1] // 2]
    return float(values[order][np.searchsorted(reached, middle, side="right")].mean())
