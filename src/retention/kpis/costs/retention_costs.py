"""What it costs to keep customers: by kind of cost and period, for each customer that was kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.base_and_later import base_and_later
from retention.frames import Columns, collect, count, table_like
from retention.intervals import ratio
from retention.kpis.costs.counts import ALL, Lines, cost_lines, warn_of_costs_outside
from retention.numerics.codes import distinct_segments
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
    from numpy.typing import NDArray


@gives(
    "segment, period and kind of cost",
    times("period"),
    whole_numbers("step"),
    texts("kind", "counts_as"),
    whole_numbers("n_costs"),
    amounts("amount"),
    shares("retention_cost_share"),
    whole_numbers("n_base", "n_retained"),
    amounts("cost_per_customer", "cost_per_customer_retained", "sales"),
    shares("cost_to_sales"),
    whole_numbers("n_outside"),
    amounts("amount_outside"),
    constants(whole_numbers("lag")),
)
def cost_kpis(
    costs: IntoFrameT,
    activity: IntoFrameT,
    *,
    of: str | Sequence[str],
    by: str | Sequence[str] = (),
    lag: int = 1,
) -> IntoFrameT:
    """What keeping customers costs: each kind of cost by period, and for each customer kept.

    With C the amount of a kind of cost in a period, B the customers active in that period and R
    those of B who are active `lag` periods later:

        cost_per_customer = C / |B|,  cost_per_customer_retained = C / |R|

    Only you know which kinds are spent on keeping customers: `of` names them. They count as
    retention cost, one by one and all together; the other kinds, such as acquisition, are shown
    beside them and are in no total.

    Args:
        costs: a table from `as_costs`, of the same kind as `activity`.
        activity: a table from `customer_periods`, or from `contract_periods`, whose last period was
            seen only as it opened.
        of: the kind of cost that is spent on keeping customers, or several.
        by: segment columns of both tables. A customer counts in each segment in which they are
            active, and is retained if active anywhere in the firm.
        lag: how many periods later, 1 or more.

    Returns:
        One row per segment, whole period and kind, and one for the kinds of `of` together, in the
        caller's kind: the `by` columns, `period`, `step`, `kind` ("(all)" for all of `of`),
        `counts_as` ("retention" for a kind of `of`, "other", or "total" for those of `of`
        together), `n_costs`, `amount` C (currency), `retention_cost_share` (of the total; null
        beside "other"), `n_base` |B|, `n_retained` |R| (null where the period `lag` later was not
        observed), `cost_per_customer`, `cost_per_customer_retained` (currency), `sales` (net sales
        of the segment and period, null where not known), `cost_to_sales` (C / sales), then
        `n_outside` and `amount_outside`, the costs of the segment and kind dated outside the whole
        periods, the same in all its rows; and the convention `lag`. What is divided by 0, or by
        sales or a total below 0, is null. Amounts are counted, not sampled: there are no bounds.

    Raises:
        ColumnError: if a table lacks a column, or `by` names none of both.
        ContentError: if a table is empty, a cost lacks its kind, date or amount, or `of` names a
            kind that does not occur. A RetentionWarning tells of costs outside the whole periods.

    Example:
        To keep Ann, of the two customers of January, cost 30.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-29"]),
        ...     "sales": [60.0, 40.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> costs = pd.DataFrame({
        ...     "date": pd.to_datetime(["2024-01-05", "2024-01-31", "2024-01-31"]),
        ...     "kind": ["wages", "space", "acquisition"],
        ...     "amount": [20.0, 10.0, 7.0],
        ... })
        >>> found = rt.kpis.cost_kpis(costs, activity, of=["wages", "space"])
        >>> found[["kind", "counts_as", "amount", "n_base", "cost_per_customer_retained"]].head(4)
                  kind  counts_as  amount  n_base  cost_per_customer_retained
        0  acquisition      other     7.0       2                         7.0
        1        space  retention    10.0       2                        10.0
        2        wages  retention    20.0       2                        20.0
        3        (all)      total    30.0       2                        30.0

    Source:
        Buttle, F. and Maklan, S. (2019), Customer Relationship Management, 4th ed.: KPIs of
        retention programmes count what retention costs. The kinds and the quotients: practice.
    """
    check_lag(lag)
    lines = cost_lines(costs, activity, of=of, by=by, argument="by")
    cube = _cube_of_costs(lines, lag)
    table = _table_of_cube(cube, lines, lag)
    outside = cube.n_outside[:, :-1].sum(), cube.outside[:, :-1].sum()
    window = lines.window_in_words
    where = f"dated outside {window}, the whole periods of the activity: see amount_outside"
    warn_of_costs_outside(int(outside[0]), float(outside[1]), where)
    return table_like(table, activity)


@dataclass(frozen=True, slots=True)
class _Cube:
    """Counts and sums by segment, period and kind, the kinds of `of` together in the last place."""

    labels: Columns
    n_base: NDArray[np.int64]
    n_retained: NDArray[np.float64]
    sales: NDArray[np.float64]
    n_costs: NDArray[np.int64]
    amount: NDArray[np.float64]
    n_outside: NDArray[np.int64]
    outside: NDArray[np.float64]


def _cube_of_costs(lines: Lines, lag: int) -> _Cube:
    labels, (people, again, spent) = _parts_in_place(
        lines, [_customers_and_sales(lines), _retained_customers(lines, lag), _costs_by_kind(lines)]
    )
    n_segments = len(labels[lines.names[0]]) if lines.names else 1
    n_steps = lines.window.n_steps
    size, at = (n_segments, n_steps), ("_place", "step")
    found = {n: _sums_in_cells(people, n, at, size) for n in ("n_base", "_rows", "_known", "sales")}
    retained = _sums_in_cells(again, "n_retained", at, size).astype(np.float64)
    retained[:, max(n_steps - lag, 0) :] = np.nan
    here, outside = _rows_inside_and_outside(
        spent, (spent["step"] >= 0) & (spent["step"] < n_steps)
    )
    kinds, ours = len(lines.kinds), np.isin(lines.kinds, lines.of)
    inside = ("_place", "step", "kind"), (*size, kinds)
    beyond = ("_place", "kind"), (n_segments, kinds)
    return _Cube(
        labels,
        n_base=found["n_base"],
        n_retained=retained,
        sales=np.where(found["_known"] < found["_rows"], np.nan, found["sales"]),
        n_costs=_kinds_with_total(_sums_in_cells(here, "_n", *inside), ours),
        amount=_kinds_with_total(_sums_in_cells(here, "amount", *inside), ours),
        n_outside=_kinds_with_total(_sums_in_cells(outside, "_n", *beyond), ours),
        outside=_kinds_with_total(_sums_in_cells(outside, "amount", *beyond), ours),
    )


def _parts_in_place(lines: Lines, parts: Sequence[Columns]) -> tuple[Columns, list[Columns]]:
    """The segments of all parts together, and the parts with the `_place` of each row among them.

    Steps are counted from the first whole period, kinds by their number.
    """
    names = list(lines.names)
    joint = {n: np.concatenate([part[n].astype(object) for part in parts]) for n in names}
    joint["step"] = np.concatenate([part["step"] for part in parts])
    labels, place = distinct_segments(joint, names)
    ends = np.cumsum([part["step"].size for part in parts])[:-1]
    placed = [
        {**part, "_place": mine, "step": part["step"] - lines.window.first_step}
        for part, mine in zip(parts, np.split(place, ends), strict=True)
    ]
    for part in placed:
        if "kind" in part:
            kinds = np.array(lines.kinds, dtype=object)
            part["kind"] = np.searchsorted(kinds, part["kind"].astype(object))
    return labels, placed


def _customers_and_sales(lines: Lines) -> Columns:
    """How many customers are active in a segment and period, and what all there bought."""
    rows = lines.activity.with_columns(
        n_base=count(nw.col("active")), _known=count(~nw.col("sales").is_null())
    )
    sums = [nw.col(name).sum() for name in ("n_base", "_known", "sales")]
    found = rows.group_by(*lines.names, "step").agg(nw.len().alias("_rows"), *sums)
    return collect(found.with_columns(nw.col("_rows", "n_base", "_known", "step").cast(nw.Int64)))


def _retained_customers(lines: Lines, lag: int) -> Columns:
    """How many of the customers of a segment and period are there `lag` periods later."""
    names = list(lines.names)
    pairs = base_and_later(lines.activity, lag=lag, by=names, lost_to="firm", later=())
    found = pairs.group_by(*names, "step").agg(nw.col("retained").sum().alias("n_retained"))
    return collect(found.with_columns(nw.col("n_retained", "step").cast(nw.Int64)))


def _costs_by_kind(lines: Lines) -> Columns:
    """How many costs of a kind there are in a segment and period, and their sum."""
    grouped = lines.frame.group_by(*lines.names, "kind", "step")
    found = grouped.agg(nw.len().alias("_n"), nw.col("amount").sum())
    return collect(found.with_columns(nw.col("_n", "step").cast(nw.Int64)))


def _rows_inside_and_outside(rows: Columns, where: NDArray[np.bool_]) -> tuple[Columns, Columns]:
    return (
        {name: values[where] for name, values in rows.items()},
        {name: values[~where] for name, values in rows.items()},
    )


def _sums_in_cells(
    rows: Columns, name: str, at: tuple[str, ...], shape: tuple[int, ...]
) -> NDArray[Any]:
    """The sum of a column in each cell that the columns `at` number; missing adds nothing."""
    values = rows[name]
    total = np.zeros(shape, dtype=np.float64 if values.dtype.kind == "f" else np.int64)
    there = ~np.isnan(values)
    np.add.at(total, tuple(rows[key][there] for key in at), values[there])
    return total


def _kinds_with_total(parts: NDArray[Any], ours: NDArray[np.bool_]) -> NDArray[Any]:
    """The kinds, and in the last place those of `of` together."""
    return np.concatenate([parts, parts[..., ours].sum(axis=-1, keepdims=True)], axis=-1)


def _table_of_cube(cube: _Cube, lines: Lines, lag: int) -> Columns:
    """The cube as a table: a row per segment, period and kind, the total of `of` last."""
    keys = _keys_of_cube(cube, lines)
    base, retained, sales = (
        values[:, :, None] for values in (cube.n_base, cube.n_retained, cube.sales)
    )
    share = ratio(cube.amount, cube.amount[..., -1:])
    columns = {
        **keys,
        "n_costs": cube.n_costs,
        "amount": cube.amount,
        "retention_cost_share": np.where(keys["counts_as"] == "other", np.nan, share),
        "n_base": base,
        "n_retained": retained,
        "cost_per_customer": ratio(cube.amount, base),
        "cost_per_customer_retained": ratio(cube.amount, retained),
        "sales": sales,
        "cost_to_sales": ratio(cube.amount, sales),
        "n_outside": cube.n_outside[:, None, :],
        "amount_outside": cube.outside[:, None, :],
        "lag": np.array(lag),
    }
    shape = cube.amount.shape
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def _keys_of_cube(cube: _Cube, lines: Lines) -> Columns:
    first, last, freq = lines.window
    steps = np.arange(first, last + 1)
    counts_as = ["retention" if kind in lines.of else "other" for kind in lines.kinds]
    return {
        **{name: values[:, None, None] for name, values in cube.labels.items()},
        "period": periods.first_days(steps, freq)[None, :, None],
        "step": steps[None, :, None],
        "kind": np.array([*lines.kinds, ALL], dtype=object),
        "counts_as": np.array([*counts_as, "total"], dtype=object),
    }
