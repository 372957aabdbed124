"""Which plan customers go to from which: up, down, out, and where new ones begin."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.base_and_later import activity_by_segments
from retention.activity.window import window_of
from retention.errors import ContentError
from retention.frames import AFTER_ALL, Columns, Frame, collect, count, is_at_hand, table_like
from retention.kpis.subscriptions.plans.plan_panels import plan_panel
from retention.kpis.subscriptions.revenue_churn import refuse_repeated_rows
from retention.numerics.codes import distinct_segments, refuse_identifier
from retention.periods import check_lag
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

SEVERAL, GONE, NOT_YET, AWAY = "(several)", "(gone)", "(not yet)", "(away)"
_STATES = (SEVERAL, GONE, NOT_YET, AWAY)
_MOST = 100


@gives(
    "segment, base period, plan before and plan after",
    times("period"),
    whole_numbers("step"),
    texts("from_plan", "to_plan"),
    whole_numbers("n_customers", "n_from"),
    shares("share", "lower", "upper"),
    amounts("sales_before", "sales_after"),
    constants(whole_numbers("lag")),
)
def plan_migrations(
    activity: IntoFrameT,
    *,
    lag: int,
    plan: str = "plan",
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of the customers of each plan, the share on each plan later, and what that did to revenue.

    Each customer is in one state in each period: on a plan, on several at once, or on none. With
    N(p, q) the customers on p in the base period and on q `lag` periods later, the share is
    N(p, q) / Σ_q N(p, q). Who is on no plan later is "(gone)". Who was on none in the base period
    is "(not yet)" if never seen before, and "(away)" if seen earlier; the share is then that of
    those who came. So rows add up to the customers of a plan in the base period, and columns to
    those of the later one. Only the two ends count, not a third plan between them.

    Args:
        activity: a table from `contract_periods(..., by="plan")`, in one currency.
        lag: how many periods later, 1 or more.
        plan: the column of the activity that holds the plan.
        by: further segment columns of the activity. Who goes to another segment is gone from this.
        level: confidence of the bounds.

    Returns:
        One row per segment, base period whose later period was observed whole, plan before and plan
        after, also where nobody went that way, in the caller's kind: the `by` columns, `period`,
        `step`, `from_plan`, `to_plan`, `n_customers` N(p, q), `n_from` (all of `from_plan`),
        `share`, `lower`, `upper` (Wilson); in currency `sales_before` and `sales_after` (what they
        paid in the two periods, over all their plans), and `lag`. Null where nobody was.

    Raises:
        RetentionError: if `lag` is not a whole number above 0.
        ColumnError: if it is not an activity table, or `plan` or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed, there are more than 100
            plans, one is called like a state, or currencies are mixed.

    Example:
        Of two on Light, Ann goes to Office and Bob leaves; Cem begins on Office.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-01", "2024-02-01"]),
        ...     "end": pd.to_datetime(["2024-02-01", None, "2024-02-01", None]),
        ...     "sales": [10.0, 30.0, 10.0, 35.0],
        ...     "plan": ["Light", "Office", "Light", "Office"],
        ... })
        >>> activity = rt.contract_periods(contracts, freq="month", as_of="2024-02-28", by="plan")
        >>> moves = rt.kpis.plan_migrations(activity, lag=1)
        >>> some = moves[moves["n_customers"] > 0].reset_index(drop=True)
        >>> some[["from_plan", "to_plan", "n_customers", "share", "sales_before", "sales_after"]]
           from_plan to_plan  n_customers  share  sales_before  sales_after
        0      Light  Office            1    0.5          10.0         30.0
        1      Light  (gone)            1    0.5          10.0          0.0
        2  (not yet)  Office            1    1.0           0.0         35.0

    Source:
        A transition matrix of states at two times; a convention of practice.
    """
    check_lag(lag)
    intervals.quantile_of(level)
    at_hand = is_at_hand(activity)
    asked = [*([by] if isinstance(by, str) else by), plan]
    working = ("from_plan", "to_plan", "n_customers", "n_from")
    frame, names = activity_by_segments(activity, asked, working=working, by_row=at_hand)
    first, last, freq = window_of(frame, empty="there is nobody on a plan")
    if last - lag < first:
        raise ContentError(
            f"A lag={lag} needs {lag + 1} whole periods; the activity covers {last - first + 1}."
        )
    window = periods.Window(first, last - lag, freq)
    active = frame.filter(nw.col("active"))
    counted = _migrations_at_hand(active, names, lag) if at_hand else None
    counted = counted or _migrations_by_query(active, names, lag)
    within = (counted["step"] >= first) & (counted["step"] <= last - lag)
    counted = {name: values[within] for name, values in counted.items()}
    return table_like(_matrix_of_migrations(counted, names, window, (lag, level)), activity)


def _refuse_plans_like_states(named: int) -> None:
    """Refuse plans whose name says that a customer is on none, or on several.

    Raises:
        ContentError: if there is one.
    """
    if named:
        raise ContentError(
            f"plan: a plan is called {SEVERAL!r}, {GONE!r}, {NOT_YET!r} or {AWAY!r}, which here "
            "says that a customer is on several plans, or on none. Rename it in the contracts."
        )


def _migrations_at_hand(active: Frame, names: Sequence[str], lag: int) -> Columns | None:
    """How many went from which state to which, of a table at hand."""
    panel = plan_panel(active, names)
    if panel is None:
        return None
    rows, key, n_steps = panel.rows, panel.key, panel.rows.places.n_steps
    many = np.bincount(panel.place, minlength=key.size)
    state = np.full(key.size, panel.n_plans)
    state[panel.place] = rows.segment_of_rows() % panel.n_plans
    state[many > 1] = panel.n_plans
    sales = np.bincount(panel.place, rows.money["sales"], key.size)
    reach = np.minimum(np.searchsorted(key, key + lag), key.size - 1)
    later = (key[reach] == key + lag) & (panel.step + lag < n_steps)
    back = np.minimum(np.searchsorted(key, key - lag), key.size - 1)
    came = ~((key[back] == key - lag) & (panel.step >= lag))
    gone, not_yet = panel.n_plans + 1, panel.n_plans + 2
    until = np.where(panel.first_step() > panel.step - lag, not_yet, not_yet + 1)
    parts = [
        (panel.step, state, np.where(later, state[reach], gone), sales, sales[reach] * later),
        (panel.step - lag, until, state, 0.0 * sales, sales),
    ]
    which = [np.ones(key.size, bool), came]
    step, before, after, s0, s1 = (
        np.concatenate([part[i][some] for part, some in zip(parts, which, strict=True)])
        for i in range(5)
    )
    wide = np.concatenate([(panel.line % panel.n_wide)[some] for some in which])
    n_states = panel.n_plans + 4
    cell = ((wide * (n_steps + lag) + step + lag) * n_states + before) * n_states + after
    found, place = np.unique(cell, return_inverse=True)
    rest, to = np.divmod(found, n_states)
    rest, origin = np.divmod(rest, n_states)
    wide, at = np.divmod(rest, n_steps + lag)
    plans = rows.segments[names[-1]]
    called = plans.named(np.arange(plans.size)).to_numpy().tolist()
    _refuse_plans_like_states(len({*called} & {*_STATES}))
    called += _STATES
    texts_of = np.array(called, object)
    named = rows.named_segments(wide * panel.n_plans)
    return {
        **{name: named[name] for name in names[:-1]},
        "step": at - lag + rows.low,
        "from_plan": texts_of[origin],
        "to_plan": texts_of[to],
        "n_customers": np.bincount(place, minlength=found.size),
        "sales_before": np.bincount(place, s0, found.size),
        "sales_after": np.bincount(place, s1, found.size),
    }


def _migrations_by_query(active: Frame, names: Sequence[str], lag: int) -> Columns:
    """The same by the user's engine."""
    line, plan = ["customer_id", *names[:-1]], names[-1]
    marked = active.with_columns(_taken=count(nw.col(plan).is_in(_STATES)))
    states = marked.group_by(*line, "step").agg(
        nw.col(plan).min().alias("_plan"),
        nw.col(plan).n_unique().alias("_n"),
        nw.len().alias("_rows"),
        nw.col("sales").sum(),
        nw.col("_taken").sum(),
    )
    several = nw.when(nw.col("_n") > 1).then(nw.lit(SEVERAL)).otherwise(nw.col("_plan"))
    states = states.with_columns(
        _plan=several, _first=nw.col("step").min().over(*line), _step=nw.col("step") - lag
    )
    none, text = nw.lit(0.0), nw.lit(AFTER_ALL)
    again = count(nw.col("_rows") > nw.col("_n"))
    columns = {"_from": nw.col("_plan"), "_to": text, "s0": nw.col("sales"), "s1": none}
    columns |= {"_again": again, "_taken": nw.col("_taken")}
    base = states.select(*line, "step", "_first", **columns)
    columns |= {"_from": text, "_to": nw.col("_plan"), "s0": none, "s1": nw.col("sales")}
    later = states.select(*line, nw.col("_step").alias("step"), "_first", **columns)
    both = nw.concat([base, later]).group_by(*line, "step")
    each = both.agg(*(nw.col(name).min() for name in ("_from", "_to", "_first")),
                    *(nw.col(name).sum() for name in ("s0", "s1", "_again", "_taken")))  # fmt: skip
    outside = nw.when(nw.col("_first") > nw.col("step")).then(nw.lit(NOT_YET))
    came, went = nw.col("_from") == AFTER_ALL, nw.col("_to") == AFTER_ALL
    each = each.with_columns(
        from_plan=nw.when(came).then(outside.otherwise(nw.lit(AWAY))).otherwise(nw.col("_from")),
        to_plan=nw.when(went).then(nw.lit(GONE)).otherwise(nw.col("_to")),
        sales_before=nw.col("s0"),
        sales_after=nw.col("s1"),
    )
    cells = each.group_by(*names[:-1], "step", "from_plan", "to_plan").agg(
        nw.len().alias("n_customers"),
        *(nw.col(name).sum() for name in ("sales_before", "sales_after", "_again", "_taken")),
    )
    found = collect(
        cells.with_columns(nw.col("n_customers", "step", "_again", "_taken").cast(nw.Int64))
    )
    refuse_repeated_rows(found.pop("_again"))
    _refuse_plans_like_states(int(found.pop("_taken").sum()))
    return found


def _matrix_of_migrations(
    counted: Columns, names: Sequence[str], window: periods.Window, asked: tuple[int, float]
) -> Columns:
    """Every way from state to state in each segment and period, with the counts and shares."""
    (lag, level), wide = asked, names[:-1]
    there = {*counted["from_plan"].tolist(), *counted["to_plan"].tolist()}
    plans = sorted(there - {*_STATES})
    refuse_identifier("plan", [names[-1]], len(plans), _MOST, "plans")
    plans += [SEVERAL] if SEVERAL in there else []
    ways = [*product(plans, [*plans, GONE]), *product([AWAY, NOT_YET], plans)]
    labels, place = distinct_segments(counted, wide)
    n_segments = len(labels[wide[0]]) if wide else 1
    number = {way: i for i, way in enumerate(ways)}
    pairs = zip(counted["from_plan"].tolist(), counted["to_plan"].tolist(), strict=True)
    way = np.array([number[pair] for pair in pairs], np.int64)
    cell = place * window.n_steps + counted["step"] - window.first_step
    size, n_ways = n_segments * window.n_steps, len(ways)
    row = cell * n_ways + way
    sums = {
        name: np.bincount(row, counted[name], size * n_ways)
        for name in ("n_customers", "sales_before", "sales_after")
    }
    n = sums["n_customers"].astype(np.int64)
    origin = np.unique([start for start, _ in ways], return_inverse=True)[1]
    group = np.repeat(np.arange(size), n_ways) * n_ways + np.tile(origin, size)
    n_from = np.bincount(group, n, size * n_ways)[group].astype(np.int64)
    lower, upper = intervals.wilson_bounds(n, n_from, level)
    step = np.tile(np.repeat(window.steps, n_ways), n_segments)
    told = np.array(ways, dtype=object).reshape(-1, 2)
    return {
        **{name: np.repeat(labels[name], window.n_steps * n_ways) for name in wide},
        "period": periods.first_days(step, window.freq),
        "step": step,
        "from_plan": np.tile(told[:, 0], size),
        "to_plan": np.tile(told[:, 1], size),
        "n_customers": n,
        "n_from": n_from,
        "share": intervals.ratio(n, n_from),
        "lower": lower,
        "upper": upper,
        "sales_before": sums["sales_before"],
        "sales_after": sums["sales_after"],
        "lag": np.full(step.size, lag),
    }
