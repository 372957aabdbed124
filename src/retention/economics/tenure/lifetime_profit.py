"""What a customer won brings in a lifetime, from histories that are not over."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.economics.tenure.counts import (
    Cells,
    Tenure,
    cells_of_ages,
    checked_tenure,
    segments_of_rows,
    summed_by_cell,
)
from retention.economics.tenure.profit_by_tenure import bounds_of_mean
from retention.errors import ContentError, RetentionError, check_choice, discount_a_year, is_number
from retention.frames import Columns, Frame, as_lazy, collect, table_like
from retention.tables.answer_columns import amounts, constants, gives, numbers, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

Timing = Literal["start", "middle", "end"]
"""When in a period its profit is taken to come in."""

_LATER = {"start": 0.0, "middle": 0.5, "end": 1.0}
_NOTHING = 1e-12
"""A variance below this share of the squares it is the difference of is their rounding."""

_COLUMNS = (
    whole_numbers("age", "n_eligible", "n_customers"),
    amounts("profit_per_acquired", "profit_per_customer"),
    numbers("discount_factor"),
    amounts("cumulative_profit", "standard_error", "lower", "upper"),
    texts("bounds"),
    amounts("acquisition_cost", "net", "net_lower", "net_upper", "net_staying"),
    constants(numbers("discount", unit="a year"), texts("timing", "length")),
)


@gives("age (and segment)", *_COLUMNS)
def lifetime_profit(
    tenure: IntoFrameT,
    *,
    discount: float,
    acquisition_cost: float,
    timing: Timing = "middle",
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """What a customer won brings up to each age, seen to the end for nobody, and when it pays.

    With ȳ_k the mean profit at age k of all N_k customers of whom that age was observed, gone or
    not (the gone bring 0), and v = 1/(1 + discount),

        cumulative_profit V_K = Σ_{k≤K} v^τ(k) ȳ_k,   net = V_K − acquisition_cost,

        standard_error² = Σ_i ( Σ_{k≤K} v^τ(k) e_ik (y_ik − ȳ_k) / N_k )²

    with e_ik = 1 where age k of customer i was observed: each customer counts once, however many
    ages it is seen at. Every age is the mean of those who could have reached it, so that neither
    those who came lately pull the sum down, as they do in "profit so far", nor those who left, as
    in "profit of the lost". Nothing is said beyond the last age observed.

    τ(k) is k−1, k−½ or k lengths, in years, for `timing` "start", "middle" and "end". The profit
    was seen spread over the period, so its middle is the default.

    Args:
        tenure: a table from `tenure_periods` or `contract_tenure`.
        discount: effective rate a year, such as 0.1 for 10 %; 0 for none.
        acquisition_cost: what winning a customer costs (currency, 0 or more), spent at the start.
        timing: "start", "middle" or "end".
        by: segment columns of it, the same throughout the life of a customer.
        level: confidence of the bounds: Student's t, whose degrees of freedom are the effective
            number of customers less one, (Σ|y|)² / Σy² over what each brought.

    Returns:
        One row per segment and age, in the caller's kind: the `by` columns, `age`, `n_eligible`
        (N_k), `n_customers` (here), `profit_per_acquired` (ȳ_k), `profit_per_customer` (of those
        here), `discount_factor` (v^τ), `cumulative_profit`, `standard_error`, `lower`, `upper`,
        `bounds` (how they were made, or why there are none: fewer than 30 customers or 10 effective
        ones, or all alike), `acquisition_cost`, `net`, `net_lower`, `net_upper`, `net_staying` (the
        same of one who stays: Σ v^τ(k) of the profit of those here, less the cost; null where
        nobody was), and the conventions `discount`, `timing` and `length`. Sorted by segment and
        age.

    Raises:
        RetentionError: if `discount`, `acquisition_cost` or `timing` is none of what it may be.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: as `profit_by_tenure`; or if of a segment no customer was observed from the
            first age on.

    Example:
        Both bring 20 a year, and Bob leaves after the first. Winning them cost 25 each.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2022-01-01", "2022-01-01"]),
        ...     "end": pd.to_datetime([None, "2023-01-01"]),
        ...     "profit": [20 / 12] * 2, "sales": [5.0, 5.0],
        ... })
        >>> tenure = rt.activity.contract_tenure(
        ...     contracts, as_of="2023-12-31", length="year", grace=0
        ... )
        >>> lifetime = rt.economics.lifetime_profit(
        ...     tenure, discount=0.0, acquisition_cost=25.0, timing="end"
        ... )
        >>> lifetime[["age", "profit_per_acquired", "cumulative_profit", "net", "net_staying"]]
           age  profit_per_acquired  cumulative_profit  net  net_staying
        0    1                 20.0               20.0 -5.0         -5.0
        1    2                 10.0               30.0  5.0         15.0

    Source:
        Lin, D. Y., Feuer, E. J., Etzioni, R. and Wax, Y. (1997), Estimating medical costs from
        incomplete follow-up data, Biometrics 53, 419–434; Bang, H. and Tsiatis, A. A. (2000),
        Biometrika 87, 329–343: sums over intervals of censored histories.
    """
    intervals.quantile_of(level)
    rate, cost = discount_a_year(discount), _cost_of_winning(acquisition_cost)
    check_choice("timing", timing, get_args(Timing))
    read = checked_tenure(tenure, by, [column.name for part in _COLUMNS for column in part])
    cells = cells_of_ages(read)
    _refuse_late_beginnings(cells)
    means = _means_of_ages(read, cells)
    years = periods.months_of(cells.length) / 12
    factor = np.power(1 + rate, -(cells.age - 1 + _LATER[timing]) * years, dtype=np.float64)
    errors = _errors_of_sums(read, cells, factor, means["profit_per_acquired"])
    sums = _sums_with_bounds(cells, factor, means, errors, (cost, level))
    said = {"discount": rate, "timing": timing, "length": cells.length}
    answer: Columns = {**cells.edges, **means, "discount_factor": factor, **sums}
    answer |= {name: _constant(cells.size, value) for name, value in said.items()}
    return table_like(answer, tenure)


def _constant(n: int, value: object) -> NDArray[Any]:
    return np.full(n, value, dtype=object if isinstance(value, str) else None)


def _cost_of_winning(cost: object) -> float:
    """The cost of winning a customer, once it is one."""
    if not (is_number(cost) and cost >= 0):
        raise RetentionError(
            f"acquisition_cost is what winning a customer costs, 0 or more; got {cost!r}."
        )
    return float(cost)


def _refuse_late_beginnings(cells: Cells) -> None:
    """Refuse sums from a first age that nobody was observed at."""
    opens = np.append(True, cells.segment[1:] != cells.segment[:-1])
    late = opens & (cells.age > 1)
    if late.any():
        place = int(np.argmax(late))
        where = [f"{name} {values[place]!r}" for name, values in cells.keys.items()]
        among = f" of {', '.join(where)}" if where else ""
        raise ContentError(
            f"tenure: no customer{among} was observed from the first age on, the earliest from age "
            f"{int(cells.age[place])}. A lifetime begins with those won since the log begins."
        )


def _means_of_ages(tenure: Tenure, cells: Cells) -> Columns:
    here = nw.when(nw.col("here") == 1).then(nw.col("profit")).otherwise(nw.lit(0.0))
    rows = tenure.frame.with_columns(_own=here)
    found = summed_by_cell(rows, tenure, cells, ("profit", "_own", "here"))
    return {
        "n_customers": found["here"].astype(np.int64),
        "profit_per_acquired": intervals.ratio(found["profit"], cells.n_eligible),
        "profit_per_customer": intervals.ratio(found["_own"], found["here"]),
    }


def _sums_with_bounds(
    cells: Cells, factor: Floats, means: Columns, errors: Columns, said: tuple[float, float]
) -> Columns:
    """What is brought up to each age, and what is left of it after the cost of winning."""
    cost, level = said
    total = _summed_up_to_age(cells, factor * means["profit_per_acquired"])
    staying = _summed_up_to_age(cells, factor * means["profit_per_customer"])
    n = cells.n_eligible.astype(np.float64)
    # A mean of n customers whose squares around it are n (n − 1) times the squared error of it.
    squares = errors["error"] ** 2 * n * (n - 1)
    lower, upper, bounds = bounds_of_mean(total, squares, n, level, errors["effective"])
    return {
        "cumulative_profit": total,
        "standard_error": errors["error"],
        "lower": lower,
        "upper": upper,
        "bounds": bounds,
        "acquisition_cost": np.full(cells.size, cost),
        "net": total - cost,
        "net_lower": lower - cost,
        "net_upper": upper - cost,
        "net_staying": staying - cost,
    }


def _summed_up_to_age(cells: Cells, values: Floats) -> Floats:
    """The sums of the values of each segment from its first age on."""
    starts = np.flatnonzero(np.append(True, cells.segment[1:] != cells.segment[:-1]))
    return np.concatenate([np.cumsum(part) for part in np.split(values, starts[1:])])


def _errors_of_sums(tenure: Tenure, cells: Cells, factor: Floats, mean: Floats) -> Columns:
    """The standard error of the sum up to each age, and the effective number of customers.

    Of a customer that sum differs from the mean's by what the rows up to the age bring (weighted),
    less what the means of the observed ages up to it do: so the square of it is known from the last
    row before, however many ages lie between.
    """
    n = cells.n_eligible
    weight = np.where(n > 0, factor, 0.0) / np.maximum(n, 1)
    known = _summed_up_to_age(cells, weight * np.where(n > 0, mean, 0.0))
    runs = _runs_between_rows(tenure, cells, weight)
    found = np.zeros((cells.size, 3))
    opens = np.searchsorted(cells.segment, np.arange(cells.segment[-1] + 2)).tolist()
    for segment, (start, stop) in enumerate(pairwise(opens)):
        mine = runs["segment"] == segment
        part = {name: values[mine] for name, values in runs.items()}
        sums = np.append(0.0, known[start:stop])
        for age in range(1, stop - start + 1):
            found[start + age - 1] = _squares_up_to(part, sums, age)
    variance, scale, effective = found.T
    error = np.sqrt(np.where(variance > _NOTHING * scale, variance, 0.0))
    error[np.isnan(_summed_up_to_age(cells, mean))] = np.nan  # beyond an age of nobody
    return {"error": error, "effective": effective}


def _squares_up_to(runs: Columns, sums: Floats, age: int) -> tuple[float, float, float]:
    """Σ over customers of the squared difference at an age, of its positive terms; their number."""
    here = (runs["age"] <= age) & (runs["_next"] > age)
    n, total, size, squares, opens, closes = (
        runs[name][here]
        for name in ("_n", "_total", "_size", "_squares", "first_age", "n_complete")
    )
    expected = sums[np.minimum(closes, age)] - sums[opens - 1]
    positive = float((squares + n * expected**2).sum())
    effective = float(intervals.effective_n(size.sum(), squares.sum())[()])
    return positive - 2 * float((expected * total).sum()), positive, effective


def _runs_between_rows(tenure: Tenure, cells: Cells, weight: Floats) -> Columns:
    """Customers by the ages between which they have no row, with their weighted sums so far."""
    rows = tenure.frame.join(_weights_of_ages(tenure, cells, weight), on=tenure.cell, how="inner")
    brought = rows.with_columns(_brought=nw.col("profit") * nw.col("_weight"))
    total = nw.col("_brought").cum_sum().over("customer_id", order_by="age")
    later = nw.col("_age").shift(-1).over("customer_id", order_by="age")
    run = brought.with_columns(_age=nw.col("age")).with_columns(_total=total, _next=later)
    open_end = nw.lit(_LAST)
    told = run.with_columns(
        _size=nw.col("_total").abs(),
        _squares=nw.col("_total") * nw.col("_total"),
        _next=nw.col("_next").fill_null(open_end).cast(nw.Int64),
    )
    keys = [*tenure.cell, "_next", "first_age", "n_complete"]
    added = [nw.col(name).sum() for name in ("_total", "_size", "_squares")]
    grouped = told.group_by(*keys).agg(nw.len().alias("_n"), *added)
    whole = nw.col("age", "_next", "first_age", "n_complete", "_n").cast(nw.Int64)
    found = collect(grouped.with_columns(whole))
    return {**found, "segment": segments_of_rows(found, tenure, cells)}


_LAST = 10_000_000
"""In place of the age of a row that does not come: after every other."""


def _weights_of_ages(tenure: Tenure, cells: Cells, weight: Floats) -> Frame:
    """How much a customer's profit at each age counts, beside the table of tenure."""
    table: Columns = {**cells.keys, "age": cells.age.astype(np.int64), "_weight": weight}
    return as_lazy(table_like(table, tenure.frame.to_native()), by_row=True)
