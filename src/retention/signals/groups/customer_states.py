"""Where each customer stands in a period: new, retained, reactivated, lapsed or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.base_and_later import warn_of_unseen
from retention.activity.window import window_of
from retention.errors import RetentionError, whole_number
from retention.frames import (
    Frame,
    frame_at_hand,
    in_kind_of,
    is_at_hand,
    numbers_of_values,
    rows_at_hand,
)
from retention.kpis.cohorts.lifecycle import STATES
from retention.numerics.keyed_rows import different_keys, starts_of_runs
from retention.tables import ACTIVITY, require
from retention.tables.answer_columns import constants, gives, ids, texts, times, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

_NEW, _RETAINED, _REACTIVATED, _LAPSED, _LOST = STATES


@gives(
    "customer",
    ids("customer_id"),
    times("as_of", "period"),
    whole_numbers("step", "n_active"),
    whole_numbers("silence", unit="periods"),
    texts("segment"),
    constants(whole_numbers("lost_after")),
)
def customer_states(activity: IntoFrameT, *, lost_after: int, periods_ago: int = 0) -> IntoFrameT:
    """Where each customer stands in a period: new, retained, reactivated, lapsed or lost.

    The states are those of `rt.lifecycle_states`, which counts them and tells how many moved; here
    they are a column `segment`, as of the period's last day, to be crossed with value
    (`segment_matrix`) or with those of an earlier period (`segment_migrations`). With u the last
    period in which the customer was active, up to the period s,

        new          u = s, for the first time
        retained     u = s, and active in s − 1
        reactivated  u = s, after a period or more without
        lapsed       0 < s − u < lost_after
        lost         s − u ≥ lost_after

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        lost_after: periods without activity after which a customer counts as lost, 1 or more.
        periods_ago: 0 for the last period of the activity, 1 for the one before, …

    Returns:
        One row per customer who was active in the period or before, in the caller's kind:
        `customer_id`, `as_of` (the last day of the period), `period`, `step`, `n_active` (periods
        with activity so far), `silence` (periods without since the last one, s − u), `segment` (the
        state) and `lost_after`. Eager tables are sorted by customer.

    Raises:
        RetentionError: if `lost_after` is not a whole number above 0, or the activity does not go
            back so many periods.
        ColumnError: if it is not an activity table.
        ContentError: if the activity is empty.

    Example:
        In March Ann is back after a month without, Bob has been silent for two.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-03-28", "2024-01-20"]),
        ...     "sales": [10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
        >>> found = rt.signals.customer_states(activity, lost_after=2)
        >>> found[["customer_id", "n_active", "silence", "segment"]]
          customer_id  n_active  silence      segment
        0         Ann         2        0  reactivated
        1         Bob         1        2         lost

    Source:
        The states of `rt.lifecycle_states`: a convention of practice (growth accounting).
    """
    limit = whole_number("lost_after", lost_after, least=1, of="periods")
    ago = whole_number("periods_ago", periods_ago, least=0, of="periods")
    at_hand = is_at_hand(activity)
    scanned = require(activity, ACTIVITY, adds="none", by_row=at_hand)
    warn_of_unseen(scanned)
    seen = window_of(scanned, empty="there is no customer to follow")
    step = seen.last_step - ago
    if step < seen.first_step:
        raise RetentionError(
            f"periods_ago={ago:,} is before the first period of the activity, which covers "
            f"{seen.n_steps:,}. Say {seen.n_steps - 1:,} at most."
        )
    active = scanned.filter(nw.col("active") & (nw.col("step") <= step))
    active = active.select("customer_id", "step")
    numbered = _last_steps_at_hand(active, step) if at_hand else None
    rows = _last_steps_by_query(active, step) if numbered is None else numbered
    told = rows.with_columns(
        n_active=nw.col("n_active").cast(nw.Int64),
        silence=(nw.lit(step) - nw.col("step")).cast(nw.Int64),
        segment=_state_of_customer(step, limit),
        lost_after=nw.lit(limit).cast(nw.Int64),
    ).with_columns(step=nw.lit(step).cast(nw.Int64))
    period = periods.period_expr("step", seen.freq, told.implementation).alias("period")
    last = periods.days_after(periods.first_day(step + 1, seen.freq), -1)
    as_of = periods.day_literal(last, told.implementation).alias("as_of")
    names = ("step", "n_active", "silence", "segment", "lost_after")
    answer = told.select("customer_id", as_of, period, *names)
    order = ["customer_id"] if numbered is None else []  # else they are in order
    return in_kind_of(answer, activity, order=order, keep_type=["customer_id"])


def _last_steps_by_query(active: Frame, step: int) -> Frame:
    """Per customer the periods of activity, the last one, and the last before `step`."""
    each = active.group_by("customer_id", "step").agg(nw.len().alias("_rows"))
    marked = each.with_columns(_before=nw.when(nw.col("step") < step).then(nw.col("step")))
    return marked.group_by("customer_id").agg(
        nw.len().alias("n_active"), nw.col("step").max(), nw.col("_before").max()
    )


def _last_steps_at_hand(active: Frame, step: int) -> Frame | None:
    """The same of a table at hand, in the order of customers; None where ids have no numbers."""
    table = rows_at_hand(active)
    who = numbers_of_values(table["customer_id"])
    if who is None or who.has_missing:
        return None
    steps = table["step"].to_numpy().astype(np.int64, copy=False)
    low = int(steps.min())
    n_steps = int(steps.max()) - low + 1
    key = who.number * n_steps + (steps - low)
    if not (key[1:] > key[:-1]).all():
        key = different_keys(key, who.size * n_steps)
    customer, steps = np.divmod(key, n_steps)
    steps += low
    starts = np.flatnonzero(starts_of_runs(customer))
    n = np.diff(starts, append=key.size)
    last = steps[starts + n - 1]
    second = np.where(n > 1, steps[np.maximum(starts + n - 2, 0)], np.nan)
    before = np.where(last < step, last, second)
    made = {"customer_id": who.distinct, "n_active": n, "step": last, "_before": before}
    return frame_at_hand(made, active.implementation)


def _state_of_customer(step: int, limit: int) -> Any:
    """The state in a period, by the last two periods of activity."""
    last, before = nw.col("step"), nw.col("_before")
    state = nw.when(last <= step - limit).then(nw.lit(_LOST))
    state = state.when(last < step).then(nw.lit(_LAPSED))
    state = state.when(before.is_null()).then(nw.lit(_NEW))
    return state.when(before == step - 1).then(nw.lit(_RETAINED)).otherwise(nw.lit(_REACTIVATED))
