"""From one period's revenue to the next: what came, grew, shrank and left, to the last cent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.base_and_later import activity_by_segments
from retention.activity.window import CONSTANTS, warn_of_holes, window_of
from retention.errors import ContentError, count_of
from retention.frames import Columns, Frame, collect, count, in_kind_of, is_at_hand, table_like
from retention.kpis.outcome.counts import counts_on_grid
from retention.kpis.revenue.movements_at_hand import movements_at_hand
from retention.orders import NOISE
from retention.tables.answer_columns import amounts, gives, ids, texts, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_SIGNS = {"start": 1, "new": 1, "reactivated": 1, "expansion": 1}
_SIGNS |= {"contraction": -1, "churned": -1, "end": -1}
_CLOSE = 1e-9
"""Sums of floats agree to this share of what was added up."""

_AMOUNTS = (
    *("sales_start", "sales_new", "sales_reactivated", "sales_expansion", "sales_contraction"),
    *("sales_churned", "sales_end", "refunds_inactive"),
)
_COUNTS = (
    *("n_start", "n_new", "n_reactivated", "n_expanded", "n_contracted", "n_churned", "n_end"),
    "n_refunds_inactive",
)
_WORKING = (*_AMOUNTS, *_COUNTS)
_AT_ONCE = ("n_end", "n_refunds_inactive", "sales_end", "refunds_inactive")
"""Columns that need no period before."""

_MARKED = ("new", "reactivated", "expanded", "contracted")
_AMOUNT_OF = {"expanded": "expansion", "contracted": "contraction"}
_FLAGS = {
    "_new": "new",
    "_reactivated": "reactivated",
    "_expanded": "expansion",
    "_contracted": "contraction",
    "_churned": "churned",
    "_on": "unchanged",
}


@gives(
    "segment and whole period",
    times("period"),
    whole_numbers("step", *_COUNTS),
    amounts(*_AMOUNTS, "sales"),
)
def revenue_movements(activity: IntoFrameT, *, by: str | Sequence[str] = ()) -> IntoFrameT:
    """Why revenue changed from one period to the next: new, returned, grown, shrunk, lost.

    With s a customer's sales in a period in which they are active, else nothing, A the customers
    active in the period before and B those active in it:

        sales_start + sales_new + sales_reactivated + sales_expansion
            − sales_contraction − sales_churned = sales_end

    where start is Σ_A s of the period before and end Σ_B s; new are those of B never active before,
    reactivated those of B active earlier but not in the period before; expansion and contraction
    are the rises and falls (both as positive amounts) of those in both; churned is what those of A
    spent who are not in B. A free period is not churn: who is active at 0 has contracted. Money of
    customers who are not active, the refunds of things bought earlier, is kept apart:
    sales_end + refunds_inactive = sales, the net sales of the books.

    Of the first period only the end is known, and of its customers not who was new: what led to it
    is null. The table balances or there is none: each line is checked.

    Of contracts, active means in force as the period opens: a contract that starts and ends between
    two openings is neither new nor churned (`churn_rate` counts it by convention).

    Args:
        activity: a table from `customer_periods`, or from `contract_periods`, where a plan paid by
            the year counts with its twelfth each month. A customer who bought before the log began
            looks new. All amounts must be in one currency: convert them before, or make activity
            with `by="currency"` and say so here too.
        by: segment columns of the activity. A customer who moves from one segment to another has
            churned in the one and is new (or reactivated) in the other.

    Returns:
        One row per segment and whole period, in the caller's kind: the `by` columns, `period`,
        `step`; in customers `n_start`, `n_new`, `n_reactivated`, `n_expanded`, `n_contracted`,
        `n_churned`, `n_end`, `n_refunds_inactive`; in currency `sales_start`,
        `sales_new`, `sales_reactivated`, `sales_expansion`, `sales_contraction`, `sales_churned`,
        `sales_end`, `refunds_inactive` (money paid back, so negative in all; within a
        segment above 0 where what was given back there was less than what was given in exchange),
        `sales`.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if the activity is empty, a customer stands twice in a period, currencies are
            mixed, or it cannot balance because sales are not known or not finite.

    Example:
        Ann grows by 5, Bob leaves with 20 and is paid 20 back in February, Cem is new.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-20", "2024-02-10", "2024-02-11", "2024-02-12"]
        ...     ),
        ...     "sales": [10.0, 20.0, 15.0, -20.0, 7.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> february = rt.revenue_movements(activity).tail(1)
        >>> shown = ["sales_start", "sales_new", "sales_expansion", "sales_churned", "sales_end"]
        >>> february[shown].values.tolist()
        [[30.0, 7.0, 5.0, 20.0, 22.0]]
        >>> february[["refunds_inactive", "sales"]].values.tolist()
        [[-20.0, 2.0]]

    Source:
        The split is a convention of subscription businesses; so Stripe, "Billing metric
        definitions" (docs.stripe.com), MRR growth.
    """
    ledger = ledger_of_movements(activity, by)
    return table_like({**ledger.keys, **ledger.columns}, activity)


@gives(
    "customer, segment and period",
    ids("customer_id"),
    times("period"),
    whole_numbers("step"),
    texts("movement"),
    amounts(*_AMOUNTS),
)
def customer_movements(activity: IntoFrameT, *, by: str | Sequence[str] = ()) -> IntoFrameT:
    """The movements of each customer, which add up to `revenue_movements` exactly.

    Args:
        activity: as for `revenue_movements`.
        by: segment columns of the activity.

    Returns:
        One row per customer, segment and whole period in which the customer was active, had been in
        the period before, or was paid back, in the caller's kind: `customer_id`, the `by` columns,
        `period`, `step`, `movement` ("new", "reactivated", "expansion", "contraction", "unchanged",
        "churned", or "refund" of a customer gone before; null for those active in the first
        period), and in currency `sales_start`, `sales_new`, `sales_reactivated`, `sales_expansion`,
        `sales_contraction`, `sales_churned`, `sales_end`, `refunds_inactive`. Eager tables are
        sorted by segment, period and customer.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if `revenue_movements` would refuse it.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-10"]),
        ...     "sales": [10.0, 20.0, 15.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> moves = rt.kpis.customer_movements(activity)
        >>> moves[["customer_id", "movement", "sales_start", "sales_end"]].tail(2)
          customer_id   movement  sales_start  sales_end
        2         Ann  expansion         10.0       15.0
        3         Bob    churned         20.0        0.0

    Source:
        As `revenue_movements`.
    """
    ledger = ledger_of_movements(activity, by)
    frame, names = activity_by_segments(activity, by, working=_WORKING)
    key = ["customer_id", *names, "step"]
    every = _rows_of_customers(_rows_beside_neighbours(frame, names), key)
    summed = every.group_by(*key).agg(*(nw.col(name).sum() for name in (*_AMOUNTS, *_FLAGS)))
    moved_money = nw.col("refunds_inactive") != 0
    summed = summed.filter((nw.col("_on") == 1) | (nw.col("_churned") == 1) | moved_money)
    first, _, freq = ledger.window
    later = nw.col("step") > first
    answer = summed.select(
        *("customer_id", *names),
        periods.period_expr("step", freq, summed.implementation).alias("period"),
        nw.col("step").cast(nw.Int64),
        nw.when(later | (nw.col("_on") == 0)).then(_name_of_movement()).alias("movement"),
        *(
            nw.col(name) if name in _AT_ONCE else nw.when(later).then(nw.col(name)).alias(name)
            for name in _AMOUNTS
        ),
    )
    order = [*names, "step", "customer_id"]
    return in_kind_of(answer, activity, order=order, keep_type=("customer_id",))


@dataclass(frozen=True, slots=True)
class Ledger:
    """The movements of every segment and period, and which periods there are."""

    keys: Columns
    columns: Columns
    names: tuple[str, ...]
    window: periods.Window


def ledger_of_movements(activity: object, by: str | Sequence[str]) -> Ledger:
    """Count and sum the movements of each segment and period, and check that they balance.

    Args:
        activity: an activity table of any engine.
        by: segment columns.

    Raises:
        ContentError: if they do not balance.
    """
    at_hand = is_at_hand(activity)
    frame, names = activity_by_segments(activity, by, working=_WORKING, by_row=at_hand)
    counted = movements_at_hand(frame, names, _AMOUNT_OF) if at_hand else None
    counted = counted or _movements_by_query(frame, names)
    _refuse_what_cannot_balance(counted)
    window = window_of(frame, empty="there is no revenue to follow", counted=counted)
    counts = {name: values for name, values in counted.items() if name not in CONSTANTS}
    keys, found = counts_on_grid(counts, names, window)
    columns = _columns_of_balance(found, keys["step"] == window.first_step)
    _warn_where_all_left_at_once(found["n_end"], window)
    return Ledger(keys, columns, tuple(names), window)


def _movements_by_query(frame: Frame, names: Sequence[str]) -> Columns:
    """The counts and sums of each segment and period, by the user's engine."""
    summed = (
        *(name for name in _AMOUNTS if name not in ("sales_start", "sales_churned")),
        *(name for name in _COUNTS if name not in ("n_start", "n_churned")),
        *("_leaving", "sales_leaving", "_repeated", "_row"),
    )
    walked = _rows_beside_neighbours(frame, names).group_by(*names, "step")
    sums = [nw.col(name).sum() for name in summed]
    limits = [nw.col(name).min() for name in CONSTANTS]
    cells = walked.agg(*sums, nw.col("sales").count(), *limits)
    whole = [name for name in (*summed, "sales") if not name.startswith(("sales_", "refunds"))]
    return collect(cells.with_columns(nw.col(*whole).cast(nw.Int64)))


def _warn_where_all_left_at_once(n_end: NDArray[np.int64], window: periods.Window) -> None:
    """Warn where all left and came back at once; of a log that ends early its maker has warned."""
    first, last, freq = window
    customers = n_end.reshape(-1, last - first + 1).sum(axis=0)
    until = int(np.max(np.flatnonzero(customers), initial=-1)) + 1
    warn_of_holes(np.arange(first, first + until), customers[:until], freq)


def _rows_beside_neighbours(frame: Frame, names: Sequence[str]) -> Frame:
    """Each row beside the customer's rows before and after it, and what it adds to the sums."""
    line = ["customer_id", *names, "_on"]
    rows = frame.with_columns(_on=count(nw.col("active")), _row=nw.lit(1).cast(nw.Int64))
    beside = rows.with_columns(
        _before=nw.col("step").shift(1).over(*line, order_by="step"),
        _after=nw.col("step").shift(-1).over(*line, order_by="step"),
        _s0=nw.col("sales").shift(1).over(*line, order_by="step"),
    )
    on, none = nw.col("_on") == 1, nw.lit(0.0)
    stayed = on & (nw.col("_before") == nw.col("step") - 1)
    moves = _tests_of_movements(on, stayed)
    return beside.with_columns(
        **{f"_{name}": count(holds) for name, (holds, _) in moves.items()},
        **{f"n_{name}": count(moves[name][0]) for name in _MARKED},
        **{
            f"sales_{_AMOUNT_OF.get(name, name)}": nw.when(holds).then(amount).otherwise(none)
            for name, (holds, amount) in moves.items()
        },
        n_end=nw.col("_on"),
        n_refunds_inactive=count((nw.col("_on") == 0) & (nw.col("sales") != 0)),
        sales_start=nw.when(stayed).then(nw.col("_s0")).otherwise(none),
        sales_end=nw.when(on).then(nw.col("sales")).otherwise(none),
        sales_churned=none,
        refunds_inactive=nw.when(on).then(none).otherwise(nw.col("sales")),
        _repeated=count(nw.col("_before") == nw.col("step")),
    )


def _rows_of_customers(rows: Frame, key: list[str]) -> Frame:
    """What customers did in a period, and below it the loss of those who are there no more."""
    zero, none = nw.lit(0).cast(nw.Int64), nw.lit(0.0)
    flags = [name for name in _FLAGS if name != "_churned"]
    here = rows.select(*key, *_AMOUNTS, *flags, _churned=zero)
    leaving = rows.filter((nw.col("_leaving") == 1) & (nw.col("step") < nw.col("last_step")))
    gone = dict.fromkeys(_AMOUNTS, none) | dict.fromkeys(flags, zero)
    gone |= dict.fromkeys(("sales_start", "sales_churned"), nw.col("sales_end"))
    gone |= {"_churned": zero + 1, "step": nw.col("step") + 1}
    left = leaving.select(*(name for name in key if name != "step"), **gone)
    return nw.concat([here, left.select(here.collect_schema().names())])


def _tests_of_movements(on: nw.Expr, stayed: nw.Expr) -> dict[str, tuple[nw.Expr, nw.Expr]]:
    """Which rows are which movement, and of what amount."""
    step, before, after, sales = (nw.col(name) for name in ("step", "_before", "_after", "sales"))
    rise = sales - nw.col("_s0")
    more = rise.abs() > (sales.abs() + nw.col("_s0").abs()) * NOISE
    return {
        "new": (on & before.is_null(), sales),
        "reactivated": (on & (before < step - 1), sales),
        "expanded": (stayed & more & (rise > 0), rise),
        "contracted": (stayed & more & (rise < 0), rise * -1.0),
        "leaving": (on & (after.is_null() | (after > step + 1)), sales),
    }


def _name_of_movement() -> nw.Expr:
    """What a customer's row is called: the first of the flags that it bears."""
    (flag, text), *others = _FLAGS.items()
    found = nw.when(nw.col(flag) == 1).then(nw.lit(text))
    for flag, text in others:
        found = found.when(nw.col(flag) == 1).then(nw.lit(text))
    return found.otherwise(nw.lit("refund"))


def _refuse_what_cannot_balance(counted: Columns) -> None:
    repeated, unknown = counted["_repeated"].sum(), (counted["_row"] - counted["sales"]).sum()
    if repeated:
        raise ContentError(
            f"activity: {count_of(repeated, 'row stands', 'rows stand')} beside another of the "
            "same customer in the same "
            "period, so that movements would count both. Was a table put below itself?"
        )
    if unknown:
        raise ContentError(
            f"activity: the sales of {count_of(unknown, 'row')} are not known, so that "
            "movements cannot "
            "balance. Contracts need a column of sales to have revenue."
        )


def _columns_of_balance(sums: Columns, opening: NDArray[np.bool_]) -> Columns:
    """The columns of the answer: starts are the ends before, and leaving shows a period later."""
    shifted = {"n_start": "n_end", "n_churned": "_leaving"}
    shifted |= {"sales_start": "sales_end", "sales_churned": "sales_leaving"}
    moved_on = {name: np.roll(sums[source], 1) for name, source in shifted.items()}
    found = {**sums, **moved_on}
    columns = {
        name: found[name] if name in _AT_ONCE else np.where(opening, np.nan, found[name])
        for name in (*_COUNTS, *_AMOUNTS)
    }
    terms = np.stack([sign * columns[f"sales_{name}"] for name, sign in _SIGNS.items()])
    finite = np.isfinite(columns["sales_end"]) & (np.isfinite(terms).all(axis=0) | opening)
    terms = np.where(finite & ~opening, terms, 0.0)
    balances = np.abs(terms.sum(axis=0)) <= _CLOSE * np.abs(terms).sum(axis=0)
    off = int((~(finite & balances)).sum())
    if off:
        raise ContentError(
            f"activity: the movements of {count_of(off, 'period')} do not balance. Sales must "
            "be finite."
        )
    columns["sales"] = columns["sales_end"] + columns["refunds_inactive"]
    return columns
