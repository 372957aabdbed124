"""Where customers are in their life: new, retained, reactivated, lapsed, lost, and who comes back.

With `lost_after` L, a customer last active in period u is lapsed in u+1 … u+L−1 and lost from u+L
on, until active again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.base_and_later import activity_by_segments, warn_of_unseen
from retention.activity.window import CONSTANTS, warn_of_holes, window_of
from retention.errors import ContentError
from retention.frames import Columns, Frame, collect, count, is_at_hand, table_like
from retention.kpis.cohorts.stretches_at_hand import stretches_at_hand
from retention.numerics import step_functions
from retention.numerics.codes import distinct_segments
from retention.tables import ACTIVITY, require, segments
from retention.tables.answer_columns import (
    constants,
    flags,
    gives,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

STATES = ("new", "retained", "reactivated", "lapsed", "lost")
_NEW, _RETAINED, _REACTIVATED, _LAPSED, _LOST, _NOBODY = range(6)
_NAMES = np.array([*STATES, "not yet a customer"], dtype=object)
_ACTIVE = (_NEW, _RETAINED, _REACTIVATED)

# Every change there can be, from the state of the period before to that of this one.
_FLOWS = (
    (_NOBODY, _NEW),
    *((before, _RETAINED) for before in _ACTIVE),
    (_LAPSED, _REACTIVATED),
    (_LOST, _REACTIVATED),
    *((before, _LAPSED) for before in (*_ACTIVE, _LAPSED)),
    *((before, _LOST) for before in (*_ACTIVE, _LAPSED, _LOST)),
)


_WORKING = ("state", "state_before", "silence", "back")


@gives(
    "segment, period and possible change of state",
    times("period"),
    whole_numbers("step"),
    texts("state_before", "state"),
    whole_numbers("n_customers", "n_state", "n_before"),
    shares("share", "lower", "upper"),
    flags("start_observed"),
    constants(whole_numbers("lost_after")),
)
def lifecycle_states(
    activity: IntoFrameT,
    *,
    lost_after: int,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """How many customers are new, retained, reactivated, lapsed, lost, and where they came from.

    In each period, everybody who was ever active so far is in one state:

        new          active for the first time
        retained     active, and in the period before
        reactivated  active again after a period or more without
        lapsed       not active, for fewer than `lost_after` periods
        lost         not active, for `lost_after` periods or more

    A row is a flow from the state of one period to that of the next, as a Sankey chart takes it;
    the sum over `state_before` is the size of a state, which an area chart takes (`n_state`).
    Of contracts, active means in force as the period opens; a RetentionWarning counts customers
    who were at no opening.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        lost_after: periods without activity after which a customer counts as lost, 1 or more; with
            1 nobody is lapsed. It is your rule: see `gap_table` for what a rule would have said.
        by: segment columns of the activity: segments in which the customer was active in the first
            period; a customer who began in two is in both. Activity counts anywhere in the firm.
        level: confidence of the bounds.

    Returns:
        One row per segment, period and possible change of state, in the caller's kind: the `by`
        columns, `period`, `step`, `state_before` ("not yet a customer" for the new), `state`,
        `n_customers` (who made this change), `n_state` (in that state now), `n_before` (in
        `state_before` the period before; null for the new), `share` (n_customers / n_before),
        `lower`, `upper` (Wilson), `start_observed` (false for the first period observed, in which
        old customers look new) and `lost_after`. Changes that nobody made are there with 0; shares
        of nobody are null.

    Raises:
        RetentionError: if `lost_after` is not a whole number above 0.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if the activity is empty.

    Example:
        Ann buys in January and March; Bob in January only. Lost after two months.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-03-28", "2024-01-20"]),
        ...     "sales": [10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
        >>> flows = rt.lifecycle_states(activity, lost_after=2)
        >>> flows.loc[flows["n_customers"] > 0, ["period", "state_before", "state", "n_customers"]]
               period        state_before        state  n_customers
        0  2024-01-01  not yet a customer          new            2
        21 2024-02-01                 new       lapsed            2
        34 2024-03-01              lapsed  reactivated            1
        43 2024-03-01              lapsed         lost            1

    Source:
        The states are a convention of practice (growth accounting: new, retained, resurrected,
        churned).
    """
    limit, names = _periods_until_lost(lost_after), _names_of_segments(by)
    intervals.quantile_of(level)
    found, seen = _counts_of_stretches(activity, limit, names)
    labels, place = distinct_segments(found, names)
    n_segments = len(labels[names[0]]) if names else 1
    n_steps = seen.n_steps
    flows = _counts_of_flows(
        found, place * n_steps + found["step"] - seen.first_step, limit, n_segments * n_steps
    )
    table = _keys_of_flows(labels, names, seen) | _columns_of_flows(flows, n_steps, level)
    table["start_observed"] = table["step"] > seen.first_step
    table["lost_after"] = np.full(len(table["step"]), limit, dtype=np.int64)
    return table_like(table, activity)


@gives(
    "segment and time since the loss",
    whole_numbers("periods_since_loss", "n_lost", "n_eligible", "n_at_risk", "n_came_back"),
    shares("hazard", "win_back_rate", "lower", "upper"),
    constants(whole_numbers("lost_after")),
)
def win_back(
    activity: IntoFrameT,
    *,
    lost_after: int,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of those lost, the share that had come back by each time since they were lost.

    A customer is lost in the `lost_after`-th period without activity, and comes back in the next
    period of activity. With d_u those who come back u periods after being lost and n_u those
    observed so long and not back before,

        win_back_rate(t) = 1 − Π over u ≤ t of (1 − d_u / n_u)   (Kaplan–Meier),

    so that customers lost lately count for as long as they were observed, and not as never coming
    back. A customer who is lost twice counts twice. Of contracts, active means in force as the
    period opens; a RetentionWarning counts customers who were at no opening.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        lost_after: periods without activity after which a customer counts as lost, 1 or more.
        by: segment columns of the activity, as in `lifecycle_states`.
        level: confidence of the bounds.

    Returns:
        One row per segment and time since the loss, from 1 to the longest that could be observed,
        in the caller's kind: the `by` columns, `periods_since_loss`, `n_lost` (losses observed in
        all), `n_eligible` (losses observed for so long, back or not), `n_at_risk` (of them not back
        before), `n_came_back` (back just then), `hazard` (n_came_back / n_at_risk),
        `win_back_rate` (cumulative; null once nobody is at risk, if somebody was still lost),
        `lower`, `upper` (Greenwood's, from log(−log S); null where the rate is 0 or 1) and
        `lost_after`.

    Raises:
        RetentionError: if `lost_after` is not a whole number above 0.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if the activity is empty, or too short for anybody to be lost and come back.

    Example:
        Ann and Bob are lost in February. Ann is back in March, Bob not by April.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-03-28", "2024-01-20"]),
        ...     "sales": [10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-04-30")
        >>> table = rt.kpis.win_back(activity, lost_after=1)
        >>> table[["periods_since_loss", "n_lost", "n_at_risk", "n_came_back", "win_back_rate"]]
           periods_since_loss  n_lost  n_at_risk  n_came_back  win_back_rate
        0                   1       3          2            1            0.5
        1                   2       3          1            0            0.5

    Source:
        Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53,
        457–481. Thomas, J. S., Blattberg, R. C. and Fox, E. J. (2004), Recapturing Lost Customers,
        Journal of Marketing Research 41, 31–45.
    """
    limit, names = _periods_until_lost(lost_after), _names_of_segments(by)
    intervals.quantile_of(level)
    found, seen = _counts_of_stretches(activity, limit, names)
    longest = seen.last_step - seen.first_step - limit
    if longest < 1:
        raise ContentError(
            f"`lost_after={limit}` needs {limit + 2} whole periods to see anybody come back; the "
            f"activity covers {seen.n_steps}."
        )
    labels, place = distinct_segments(found, names)
    table = _returns_since_loss(
        found, place, limit, (len(labels[names[0]]) if names else 1, longest), seen.last_step
    )
    survival = np.cumprod(
        1 - step_functions.hazard(table["n_came_back"], table["n_at_risk"]), axis=1
    )
    terms = step_functions.greenwood_terms(table["n_came_back"], table["n_at_risk"])
    lower, upper = step_functions.log_log_bounds(survival, np.cumsum(terms, axis=1), level)
    table["hazard"] = intervals.ratio(table["n_came_back"], table["n_at_risk"])
    known = (table["n_at_risk"] > 0) | ((survival == 0) & (table["n_lost"] > 0))
    table["win_back_rate"] = np.where(known, 1 - survival, np.nan)
    bounded = known & (survival < 1)  # 0 of a few is no certainty
    table["lower"] = np.where(bounded, 1 - upper, np.nan)
    table["upper"] = np.where(bounded, 1 - lower, np.nan)
    keys: Columns = {name: np.repeat(labels[name], longest) for name in names}
    keys["periods_since_loss"] = np.tile(np.arange(1, longest + 1), survival.shape[0])
    rows = {name: values.ravel() for name, values in table.items()}
    rows["lost_after"] = np.full(survival.size, limit, dtype=np.int64)
    return table_like(keys | rows, activity)


def _periods_until_lost(lost_after: int) -> int:
    periods.check_lag(lost_after, argument="lost_after")
    return int(lost_after)


def _names_of_segments(by: str | Sequence[str]) -> list[str]:
    return segments(by, ACTIVITY, working=_WORKING)


def _counts_of_stretches(
    activity: object, limit: int, by: Sequence[str]
) -> tuple[Columns, periods.Window]:
    """Active periods, counted by what came before and how long the silence after them is.

    Returns:
        One row per segment, `step`, `state`, `state_before`, `silence` (periods without activity
        that follow and were observed) and `back` (1 if activity ends the silence): `n`; and the
        first and last period observed and their length.
    """
    # once, so that its parts can be joined
    at_hand = is_at_hand(activity)
    scanned = require(activity, ACTIVITY, extra=by, adds="none", by_row=at_hand)
    warn_of_unseen(scanned)
    counted = stretches_at_hand(scanned, by) if at_hand else None
    found = (
        _stretches_by_query(scanned, limit, by)
        if counted is None
        else _states_of_stretches(counted, limit)
    )
    seen = window_of(scanned, empty="there is no customer to follow", counted=found)
    customers = np.bincount(found["step"] - seen.first_step, found["_n"]).astype(np.int64)
    warn_of_holes(
        np.arange(seen.first_step, seen.first_step + customers.size), customers, seen.freq
    )
    return found, seen


def _states_of_stretches(counted: Columns, limit: int) -> Columns:
    """The same counts by states, of stretches counted by how long ago and how long."""
    since, until, earlier = (counted[name] for name in ("_since", "_until", "_earlier"))
    silence = np.where(until > 0, until - 1, counted["last_step"] - counted["step"])
    before = np.select([since == 0, since <= limit], [_NOBODY, _LAPSED], _LOST)
    return counted | {
        "state": _state_of_active(since),
        "state_before": np.where(since == 1, _state_of_active(earlier), before),
        "silence": silence,
        "back": (until > 0).astype(np.int64),
    }


def _state_of_active(since: NDArray[np.int64]) -> NDArray[np.int64]:
    """The state in an active period, by how long ago the one before was, 0 where there is none."""
    return np.select([since == 0, since == 1], [_NEW, _RETAINED], _REACTIVATED)


def _stretches_by_query(scanned: Frame, limit: int, by: Sequence[str]) -> Columns:
    """The counts of stretches by the user's engine."""
    firm, _ = activity_by_segments(scanned, (), adds="none")
    rows = firm.filter(nw.col("active")).select("customer_id", "step", *CONSTANTS)
    rows = _periods_beside_neighbours(rows, limit)
    if by:
        rows = _rows_in_first_segments(rows, scanned, by)
    keys = ["step", *_WORKING]
    groups = rows.group_by(*by, *keys)
    grouped = groups.agg(nw.len().alias("_n"), *(nw.col(name).min() for name in CONSTANTS))
    return collect(grouped.with_columns(nw.col(*keys, "_n").cast(nw.Int64)))


def _periods_beside_neighbours(rows: Frame, limit: int) -> Frame:
    """Each active period with its state, the one before, and the silence that follows."""
    near = {
        name: nw.col("step").shift(shift).over("customer_id", order_by="step")
        for name, shift in (("_before", 1), ("_earlier", 2), ("_after", -1))
    }
    rows = rows.with_columns(**near).with_columns(
        state=_state_and_one_before("step", "_before", limit)[0],
        state_before=_state_and_one_before("step", "_before", limit)[1],
        _kept=_state_and_one_before("_before", "_earlier", limit)[0],
        back=count(~nw.col("_after").is_null()),
        silence=(nw.col("_after") - 1).fill_null(nw.col("last_step")) - nw.col("step"),
    )
    kept = nw.col("state") == _RETAINED
    return rows.with_columns(
        state_before=nw.when(kept).then(nw.col("_kept")).otherwise(nw.col("state_before"))
    )


def _state_and_one_before(step: str, before: str, limit: int) -> tuple[nw.Expr, nw.Expr]:
    """The state of an active period and, unless it is retained, that of the period before it."""
    gap = nw.col(step) - nw.col(before)
    none = nw.col(before).is_null()
    state = nw.when(none).then(nw.lit(_NEW)).when(gap == 1).then(nw.lit(_RETAINED))
    earlier = nw.when(none).then(nw.lit(_NOBODY)).when(gap <= limit).then(nw.lit(_LAPSED))
    return state.otherwise(nw.lit(_REACTIVATED)), earlier.otherwise(nw.lit(_LOST))


def _rows_in_first_segments(rows: Frame, activity: object, by: Sequence[str]) -> Frame:
    """Each customer's rows in the segments that the customer was active in at first."""
    parts, _ = activity_by_segments(activity, by, adds="none")
    active = parts.filter(nw.col("active")).select("customer_id", *by, "step")
    first = active.with_columns(_first=nw.col("step").min().over("customer_id"))
    first = first.filter(nw.col("step") == nw.col("_first")).select("customer_id", *by)
    return rows.join(first, on="customer_id", how="inner")


def _counts_of_flows(
    found: Columns, cell: NDArray[np.int64], limit: int, size: int
) -> dict[tuple[int, int], NDArray[np.int64]]:
    """How many made each change, for each segment and period in one array."""
    n, state, silence = found["_n"], found["state"], found["silence"]
    flows = {}
    for before, after in _FLOWS:
        if after in _ACTIVE:
            which = (state == after) & (found["state_before"] == before)
            flows[before, after] = _sums_by_cell(cell[which], n[which], size)
            continue
        start, end = _periods_of_change(before, after, limit)
        which = (silence >= start) & ((state == before) | (before not in _ACTIVE))
        over = np.maximum(np.minimum(silence[which], end) + 1, start)
        up = _sums_by_cell(cell[which] + start, n[which], size + 1)
        down = _sums_by_cell(cell[which] + over.astype(np.int64), n[which], size + 1)
        flows[before, after] = np.cumsum(up - down)[:size]
    return flows


def _periods_of_change(before: int, after: int, limit: int) -> tuple[int, float]:
    """In which periods of a silence, the first being 1, a change is made; none if end < start."""
    if before in _ACTIVE:
        return 1, 1 if (limit == 1) == (after == _LOST) else 0
    if after == _LAPSED:
        return 2, limit - 1
    if before == _LAPSED:
        return limit, limit if limit > 1 else 0
    return limit + 1, np.inf


def _sums_by_cell(cell: NDArray[np.int64], n: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.bincount(cell, n, minlength=size).astype(np.int64)


def _keys_of_flows(labels: Columns, names: Sequence[str], seen: periods.Window) -> Columns:
    first, last, freq = seen
    n_flows, n_steps = len(_FLOWS), last - first + 1
    n_segments = len(labels[names[0]]) if names else 1
    keys: Columns = {name: np.repeat(labels[name], n_steps * n_flows) for name in names}
    step = np.tile(np.repeat(np.arange(first, last + 1), n_flows), n_segments)
    before, after = np.array(_FLOWS).T
    n_cells = n_steps * n_segments
    return keys | {
        "period": periods.first_days(step, freq),
        "step": step,
        "state_before": np.tile(_NAMES[before], n_cells),
        "state": np.tile(_NAMES[after], n_cells),
    }


def _columns_of_flows(
    flows: dict[tuple[int, int], NDArray[np.int64]], n_steps: int, level: float
) -> Columns:
    """The counts of each change, of the state it leads to and of the one it comes from."""
    made = np.stack([flows[flow] for flow in _FLOWS], axis=1)
    nobody = np.full(made.shape[0], np.nan)
    held = {_NOBODY: nobody} | {
        state: made[:, [after == state for _, after in _FLOWS]].sum(axis=1)
        for state in range(len(STATES))
    }
    now = np.stack([held[after] for _, after in _FLOWS], axis=1).ravel()
    ago = np.stack(
        [_values_one_period_later(held[before], n_steps) for before, _ in _FLOWS], axis=1
    ).ravel()
    n = made.ravel()
    lower, upper = intervals.wilson_bounds(n, ago, level)
    counts = {"n_customers": n, "n_state": now, "n_before": ago}
    return {**counts, "share": intervals.ratio(n, ago), "lower": lower, "upper": upper}


def _values_one_period_later(values: NDArray[Any], n_steps: int) -> NDArray[np.float64]:
    """The value of the period before, null in the first."""
    earlier = np.full((values.size // n_steps, n_steps), np.nan)
    earlier[:, 1:] = values.reshape(-1, n_steps)[:, :-1]
    return earlier.ravel()


def _returns_since_loss(
    found: Columns, place: NDArray[np.int64], limit: int, shape: tuple[int, int], last: int
) -> Columns:
    """For each segment and time since the loss: losses, who was observed so long, who came back."""
    lost = found["silence"] >= limit
    n, row, back = found["_n"][lost], place[lost], found["back"][lost] == 1
    width = shape[1] + 2
    watched = last - found["step"][lost] - limit
    waited = np.where(back, found["silence"][lost] + 1 - limit, watched)

    def n_silent_longer(time: NDArray[np.int64]) -> NDArray[np.int64]:
        ends = _sums_by_cell(row * width + time, n, shape[0] * width).reshape(-1, width)
        return ends[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:-1]

    came = _sums_by_cell((row * width + waited)[back], n[back], shape[0] * width)
    n_lost = _sums_by_cell(row, n, shape[0])
    return {
        "n_lost": np.repeat(n_lost[:, None], shape[1], axis=1),
        "n_eligible": n_silent_longer(watched),
        "n_at_risk": n_silent_longer(waited),
        "n_came_back": came.reshape(-1, width)[:, 1:-1],
    }
