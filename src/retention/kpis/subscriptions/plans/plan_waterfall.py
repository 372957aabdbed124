"""The movements of recurring revenue plan by plan, changes of plan apart from coming and going."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.activity.base_and_later import activity_by_segments
from retention.activity.window import window_of
from retention.errors import ContentError, count_of
from retention.frames import Columns, Frame, collect, count, is_at_hand, table_like
from retention.kpis.outcome.counts import counts_on_grid
from retention.kpis.subscriptions.plans.plan_panels import plan_panel
from retention.kpis.subscriptions.revenue_churn import refuse_repeated_rows
from retention.orders import NOISE
from retention.tables.answer_columns import amounts, gives, texts, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Moves = dict[str, tuple[NDArray[np.bool_], NDArray[np.float64]]]

_MOVES = {
    "new": 1,
    "reactivated": 1,
    "moved_in": 1,
    "expansion": 1,
    "contraction": -1,
    "moved_out": -1,
    "churned": -1,
}
"""The movements, and whether they add to revenue."""

_LEAVING = ("moved_out", "churned")
"""Those that show in the period after the one in which the customer was there last."""

_STAGES = ("start", *_MOVES, "end")
_CALLED = {"expansion": "expanded", "contraction": "contracted"}
_COUNTS = tuple(f"n_{_CALLED.get(name, name)}" for name in _STAGES)
_AMOUNTS = tuple(f"sales_{name}" for name in _STAGES)


@gives(
    "segment, plan and period",
    texts("plan"),
    times("period"),
    whole_numbers("step", *_COUNTS),
    amounts(*_AMOUNTS),
)
def plan_waterfall(
    activity: IntoFrameT, *, plan: str = "plan", by: str | Sequence[str] = ()
) -> IntoFrameT:
    """Why the recurring revenue of each plan changed: customers who came, switched, grew and left.

    The movements of `revenue_movements`, but a customer who takes another plan has not left the
    firm and come to it anew. With s what a customer pays for a plan, of those who have it in a
    period and had it not in the period before, the s is

    - new of customers never seen before, whatever the plan,
    - reactivated of those seen earlier, but not in the period before,
    - moved in of those who had another plan in the period before, whether they gave it up (an
      upgrade or downgrade) or have both (cross-selling);

    and of those who had the plan in the period before and have it no more, it is moved out if they
    have another one now, and churned if they have none. Expansion and contraction are rises and
    falls of those who keep the plan. In every row

        start + new + reactivated + moved in + expansion − contraction − moved out − churned = end.

    Summed over the plans, new, reactivated, churned, start and end are those of
    `revenue_movements(activity, by=by)` in money, and expansion − contraction + moved in − moved
    out is its expansion − contraction: what changes of plan brought on the whole.

    Args:
        activity: a table from `contract_periods(..., by="plan")`, in one currency.
        plan: the column of the activity that holds the plan.
        by: further segment columns of the activity. Who goes to another segment has left this one.

    Returns:
        One row per segment, plan and whole period, in the caller's kind: the `by` columns, `plan`,
        `period`, `step`; in customers `n_start`, `n_new`, `n_reactivated`, `n_moved_in`,
        `n_expanded`, `n_contracted`, `n_moved_out`, `n_churned`, `n_end`; in currency
        `sales_start`, `sales_new`, `sales_reactivated`, `sales_moved_in`, `sales_expansion`,
        `sales_contraction`, `sales_moved_out`, `sales_churned`, `sales_end`, all above 0. In the
        first period only the end is known. A customer with two plans counts in both.

    Raises:
        ColumnError: if it is not an activity table, or `plan` or `by` names no column of it.
        ContentError: if the activity is empty, a customer stands twice in a period and plan,
            currencies are mixed, or sales are not known or not finite.

    Example:
        Ann goes from Light to Office, Bob leaves Light, Cem comes to Office.

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
        >>> found = rt.kpis.plan_waterfall(activity)
        >>> february = found[found["step"] == found["step"].max()].reset_index(drop=True)
        >>> february[["plan", "sales_start", "sales_new", "sales_moved_in", "sales_end"]]
             plan  sales_start  sales_new  sales_moved_in  sales_end
        0   Light         20.0        0.0             0.0        0.0
        1  Office          0.0       35.0            30.0       65.0
        >>> february[["sales_moved_out", "sales_churned"]].values.tolist()
        [[10.0, 10.0], [0.0, 0.0]]

    Source:
        The waterfall of recurring revenue is a convention of subscription businesses, as
        `revenue_movements`.
    """
    at_hand = is_at_hand(activity)
    names = [*([by] if isinstance(by, str) else by), plan]
    frame, names = activity_by_segments(
        activity, names, working=(*_COUNTS, *_AMOUNTS), by_row=at_hand
    )
    window = window_of(frame, empty="there is no revenue to follow")
    active = frame.filter(nw.col("active"))
    counted = _moves_at_hand(active, names) if at_hand else None
    counted = counted or _moves_by_query(active, names)
    _refuse_unbalanced(counted)
    keys, sums = counts_on_grid(counted, names, window)
    columns = _columns_of_waterfall(sums, keys["step"] == window.first_step)
    segments = {name: keys[name] for name in names[:-1]}
    rest = {name: keys[name] for name in ("period", "step")}
    return table_like({**segments, "plan": keys[names[-1]], **rest, **columns}, activity)


def _moves_at_hand(active: Frame, names: Sequence[str]) -> Columns | None:
    """Counts and sums of each segment, plan and period, of a table at hand."""
    panel = plan_panel(active, names)
    if panel is None:
        return None
    rows, place = panel.rows, panel.place
    since, sales = rows.since_row_before(), rows.money["sales"]
    before = panel.since_before()
    gone = np.append(before[1:], 0)[: before.size] != 1
    paid, stays = np.append(0.0, sales[:-1])[: sales.size], np.append(since[1:], 0)[: sales.size]
    came, rise = since != 1, sales - paid
    moved = ~came & (np.abs(rise) > (np.abs(sales) + np.abs(paid)) * NOISE)
    firm = before[place]
    moves: Moves = {
        "new": (came & (firm == 0), sales),
        "reactivated": (came & (firm > 1), sales),
        "moved_in": (came & (firm == 1), sales),
        "expansion": (moved & (rise > 0), rise),
        "contraction": (moved & (rise < 0), -rise),
        "moved_out": ((stays != 1) & ~gone[place], sales),
        "churned": ((stays != 1) & gone[place], sales),
        "end": (np.ones(sales.size, bool), sales),
    }
    cells, found = rows.cells()
    for name, (which, amount) in moves.items():
        at = np.flatnonzero(which)
        found[f"n_{_CALLED.get(name, name)}"] = cells.counts(at)
        found[f"sales_{name}"] = cells.sums(amount[at], at)
    zeros = np.zeros(cells.keys.size, np.int64)
    return found | {"_repeated": zeros, "_unknown": zeros}


def _moves_by_query(active: Frame, names: Sequence[str]) -> Columns:
    """The same by the user's engine."""
    line, wide = ["customer_id", *names], ["customer_id", *names[:-1]]
    step, sales = nw.col("step"), nw.col("sales")
    own = {
        called: nw.col(name).shift(by).over(*line, order_by="step")
        for called, name, by in (
            ("_before", "step", 1), ("_after", "step", -1), ("_paid", "sales", 1),
        )
    }  # fmt: skip
    rows = active.select(*line, "step", "sales").with_columns(**own)
    firm = active.select(*wide, "step").unique().with_columns(
        _was=step.shift(1).over(*wide, order_by="step"),
        _is=step.shift(-1).over(*wide, order_by="step"),
    )  # fmt: skip
    met = rows.join(firm, on=[*wide, "step"], how="inner")
    rise = sales - nw.col("_paid")
    met = met.with_columns(
        _kept=count((nw.col("_before") == step - 1).fill_null(value=False)),
        _stays=count((nw.col("_after") == step + 1).fill_null(value=False)),
        _there=count((nw.col("_is") == step + 1).fill_null(value=False)),
        _old=count((nw.col("_was") == step - 1).fill_null(value=False)),
        _known=count(~nw.col("_was").is_null()),
        _more=rise,
        _large=count((rise.abs() > (sales.abs() + nw.col("_paid").abs()) * NOISE).fill_null(
            value=False)),
    )  # fmt: skip
    moves = _tests_of_moves()
    met = met.with_columns(
        **{f"n_{_CALLED.get(name, name)}": count(holds) for name, (holds, _) in moves.items()},
        **{
            f"sales_{name}": nw.when(holds).then(amount).otherwise(nw.lit(0.0))
            for name, (holds, amount) in moves.items()
        },
        n_end=nw.lit(1).cast(nw.Int64),
        sales_end=sales,
        _repeated=count((nw.col("_before") == step).fill_null(value=False)),
        _unknown=count(sales.is_null()),
    )
    counts = [*(name for name in _COUNTS if name != "n_start"), "_repeated", "_unknown"]
    summed = [*counts, *(name for name in _AMOUNTS if name != "sales_start")]
    cells = met.group_by(*names, "step").agg(*(nw.col(name).sum() for name in summed))
    return collect(cells.with_columns(nw.col(*counts, "step").cast(nw.Int64)))


def _tests_of_moves() -> dict[str, tuple[nw.Expr, nw.Expr]]:
    """Which rows are which movement, and of what amount."""
    kept, stays, there, old, known, large = (
        nw.col(name) == 1 for name in ("_kept", "_stays", "_there", "_old", "_known", "_large")
    )
    sales, more = nw.col("sales"), nw.col("_more")
    moved = kept & large
    return {
        "new": (~kept & ~known, sales),
        "reactivated": (~kept & known & ~old, sales),
        "moved_in": (~kept & old, sales),
        "expansion": (moved & (more > 0), more),
        "contraction": (moved & (more < 0), more * -1.0),
        "moved_out": (~stays & there, sales),
        "churned": (~stays & ~there, sales),
    }


def _refuse_unbalanced(counted: Columns) -> None:
    """Refuse rows that would count twice, and sales that cannot be added up."""
    refuse_repeated_rows(counted["_repeated"])
    unknown = int(counted["_unknown"].sum())
    if unknown or not np.isfinite(counted["sales_end"]).all():
        raise ContentError(
            f"activity: the sales of {count_of(max(unknown, 1), 'row')} or more are not known or "
            "not finite. Contracts need a column of sales to have revenue."
        )


def _columns_of_waterfall(sums: Columns, opening: NDArray[np.bool_]) -> Columns:
    """The stages of each plan and period: starts are the ends before, and leaving shows later."""
    columns: Columns = {}
    for name in _STAGES:
        for kind, called in (("n", _CALLED.get(name, name)), ("sales", name)):
            source = "end" if name == "start" else called
            values = sums[f"{kind}_{source}"]
            if name in ("start", *_LEAVING):
                values = np.roll(values, 1)
            known = values if name == "end" else np.where(opening, np.nan, values)
            columns[f"{kind}_{called}"] = known
    return {name: columns[name] for name in (*_COUNTS, *_AMOUNTS)}
