"""What the customers won in one period have brought since, age by age, and what winning cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals, periods
from retention.economics.tenure.cost_of_winning import read_cost_of_winning
from retention.economics.tenure.money_by_age import Watched, money_by_age
from retention.errors import ContentError, check_choice, count_of, warn, whole_number
from retention.frames import Columns, table_like
from retention.numerics.codes import distinct_segments
from retention.tables import ACTIVITY, Column, Kind, segments
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

_MOST_CELLS = 20_000_000

_SUMMED = ("_y", "_squares", "_size", "_unknown")

COHORT_VALUES = Kind(
    "values",
    "a cohort at an age",
    "cohort_value",
    (
        Column("cohort", "time", "first day of the period the cohort began in"),
        Column("age", "integer", "periods since then"),
        Column("n_cohort", "integer", "customers of the cohort"),
        Column("n_eligible", "integer", "of them, those followed to the end of the age"),
        Column("total", "number", "what they brought up to then", "currency"),
        Column("value_per_customer", "number", "total / n_eligible", "currency"),
        Column("lower", "number", "its lower bound", "currency"),
        Column("upper", "number", "its upper bound", "currency"),
        Column("bounds", "text", "how the bounds were made"),
        Column("acquisition_cost", "number", "what winning a customer cost", "currency"),
        Column("net", "number", "value_per_customer − acquisition_cost", "currency"),
        Column("net_lower", "number", "its lower bound", "currency"),
        Column("net_upper", "number", "its upper bound", "currency"),
        Column("observed", "flag", "whether the age was observed to its end"),
        Column("of", "text", "sales or profit", constant=True),
        Column("cohorts", "text", "first or attribute", constant=True),
        Column("freq", "text", "length of a period", constant=True),
        Column("washout", "integer", "first periods left out", "periods", constant=True),
    ),
)


@gives(COHORT_VALUES)
def cohort_value(
    activity: IntoFrameT,
    *,
    of: Literal["sales", "profit"],
    acquisition_cost: Any = None,
    by: str | Sequence[str] = (),
    cohorts: Literal["first", "attribute"] = "first",
    washout: int | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """What the customers won in one period have brought since, per customer won, age by age.

    Age 0 is the period of the first purchase. With E the customers of the cohort, gone or not, and
    c_i(a) all that customer i brought from the first purchase to the end of age a,

        value_per_customer = Σ_E c_i(a) / |E|        net = value_per_customer − acquisition_cost

    so that whoever left counts with what they brought until then. Refunds lower the age at which
    they are made. An age that is not over is null, never a part of its sum.

    With `cohorts="attribute"` all cohorts are one, at each age those of them who were followed so
    long: later ages rest on older cohorts alone, and the line may fall where these are worse. The
    same cohorts at each age are had by leaving out the youngest.

    Ages are periods of the calendar: who first bought on 31 January is 1 month old on 1 February,
    and age 0 is half a month on average. `tenure_periods` with `lifetime_profit` counts from each
    customer's own day, and discounts.

    Of contracts (`contract_periods`) the period in which the first contract began brings what this
    does a period, and each later one what is in force as it opens.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        of: "sales" or "profit".
        acquisition_cost: what winning a customer cost (currency): one amount, or a table of the
            same kind as the activity with a column of that name and one or more of `cohort` (a day
            of the period) and the `by` columns, a row for each. It is taken from profit alone.
            None: `net` is null.
        by: segment columns of the activity: segments in which the customer was active in the first
            period, such as the channel (who was in two is in both); the money is that of the whole
            firm.
        cohorts: "first" (a cohort for each period of the first purchase) or "attribute" (one for
            each segment of `by`, whenever they began).
        washout: leave out customers first seen in the first so many whole periods, as they may have
            bought before the log began; a warning counts them. Default: 1 for orders; 0 for
            contracts, which say when they began. Say 0 if the log holds the first order of all.
        level: confidence of the bounds: Student's t over customers, taken for a sample of those to
            come. They are null below 30 customers or 10 effective ones, (Σ|c|)² / Σc².

    Returns:
        One row per segment, cohort and age, in the caller's kind, observed or not: the `by`
        columns, `cohort` (first day of the period; null for "attribute"), `age`, `n_cohort`,
        `n_eligible` |E| (0 where the age is not over), `total` (Σ c_i, currency),
        `value_per_customer`, `lower`, `upper`, `bounds` (how they were made, or why there are
        none), `acquisition_cost` (per customer; of several cohorts the mean over E), `net`,
        `net_lower`, `net_upper` (currency), `observed`, and the conventions `of`, `cohorts`,
        `freq`, `washout`. Sorted by segment, cohort and age.

    Raises:
        RetentionError: if `of`, `cohorts` or a number is none of what it may be, or a cost is taken
            from sales.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if the activity is empty or too short for `washout`, or a cost is missing, not
            known, below 0 or there twice.

    Example:
        Two won in January bring 40, then 20 and a refund of 6: 27 for each, which pays for 25.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = ["2024-01-01", "2024-01-20", "2024-02-28", "2024-03-02", "2024-03-03"]
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Ann", "Cem"],
        ...     "date": pd.to_datetime(days),
        ...     "sales": [30.0, 10.0, 20.0, -6.0, 5.0],
        ...     "profit": [30.0, 10.0, 20.0, -6.0, 5.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
        >>> values = rt.economics.cohort_value(
        ...     activity, of="profit", acquisition_cost=25, washout=0
        ... )
        >>> values[["age", "n_eligible", "total", "value_per_customer", "net"]].head(3)
           age  n_eligible  total  value_per_customer  net
        0    0           2   40.0                20.0 -5.0
        1    1           2   60.0                30.0  5.0
        2    2           2   54.0                27.0  2.0

    Source:
        Gupta, S. and Lehmann, D. R. (2005), Managing Customers as Investments, chapter 2 (what is
        won against its cost); the variance is that of a mean of independent customers.
    """
    check_choice("of", of, ("sales", "profit"))
    check_choice("cohorts", cohorts, ("first", "attribute"))
    names = segments(by, ACTIVITY)
    intervals.quantile_of(level)
    cost = read_cost_of_winning(acquisition_cost, names, of)
    counted, watched = money_by_age(activity, of, names)
    first, left_out = _first_cohort(watched, washout)
    grid = _ValueGrid.of_counts(counted, watched, names, first)
    if left_out and washout is None:
        _warn_of_unseen_starts(counted, names, watched, first)
    told = cost.of_cohorts(grid.labels, grid.steps, watched.freq, grid.n[:, :, 0] > 0)
    pooled = cohorts == "attribute"
    made = grid.with_costs(told).figures(level, pooled=pooled)
    size = made["age"].size
    constants = {"of": of, "cohorts": cohorts, "freq": watched.freq}
    made |= {name: np.full(size, text, dtype=object) for name, text in constants.items()}
    return table_like(made | {"washout": np.full(size, left_out, np.int64)}, activity)


def _first_cohort(watched: Watched, washout: int | None) -> tuple[int, int]:
    """The first period whose customers count as new, and how many are left out before it."""
    out = 0 if watched.starts_known else 1
    if washout is not None:
        out = whole_number("washout", washout, least=0, of="periods")
    n_steps = max(watched.last - watched.first + 1, 0)
    if out >= n_steps:
        raise ContentError(
            f"activity: {count_of(n_steps, f'{watched.freq} is', f'{watched.freq}s are')} over, "
            f"and customers of the first {out:,} are left out: there is no cohort. If the log "
            "holds the first order of everybody, say `washout=0`."
        )
    return watched.first + out, out


def _warn_of_unseen_starts(
    counted: Columns, names: Sequence[str], watched: Watched, first: int
) -> None:
    early = (counted["_start"] < first) & (counted["_age"] == 0)
    n = int(counted["_n"][early].sum())
    if n:
        whom = "customers' places in segments" if names else "customers"
        warn(
            f"Left out: {n:,} {whom} first seen in {periods.label(watched.first, watched.freq)}, "
            "the first observed period: they may have bought before. If the log holds the first "
            "order of everybody, say `washout=0`."
        )


@dataclass(frozen=True, slots=True)
class _ValueGrid:
    """Sums by segment, cohort and age since the start, 0 where the age is not over.

    Attributes:
        labels: the segments.
        steps: the cohorts.
        last: the last period that is over.
        freq: its length.
        n: customers followed so long; all four are segments × cohorts × ages.
        total: Σ c.
        squares: Σ c².
        size: Σ |c|.
        unknown: of how many amounts so far is not known what they are.
        cost: Σ of what winning them cost.
        net_squares: Σ (c − cost)².
    """

    labels: Columns
    steps: Whole
    last: int
    freq: str
    n: Floats
    total: Floats
    squares: Floats
    size: Floats
    unknown: Floats
    cost: Floats
    net_squares: Floats

    @property
    def over(self) -> NDArray[np.bool_]:
        """Of each cohort and age, whether it is over."""
        return _are_over(self.steps, self.last)

    @classmethod
    def of_counts(
        cls, counted: Columns, watched: Watched, by: Sequence[str], first: int
    ) -> _ValueGrid:
        """Put what was summed of rows where it belongs, and add it up over ages."""
        end = counted["_start"] + counted["_age"]
        inside = (counted["_start"] >= first) & (end <= watched.last)
        kept = {name: values[inside] for name, values in counted.items()}
        labels, place = distinct_segments(kept, by)
        steps = np.arange(first, watched.last + 1)
        shape = (len(labels[by[0]]) if by else 1, steps.size, steps.size)
        if np.prod(shape) > _MOST_CELLS:
            raise ContentError(
                f"{shape[0] * shape[1]:,} cohorts of {shape[2]:,} ages are too many to read. Make "
                "the activity with a longer freq, or take fewer segments."
            )
        where = np.ravel_multi_index((place, kept["_start"] - first, kept["_age"]), shape)
        over = _are_over(steps, watched.last)

        def so_far(values: Floats) -> Floats:
            known = np.where(np.isnan(values), 0.0, values)
            cells = np.bincount(where, known, np.prod(shape))
            return np.where(over, cells.reshape(shape).cumsum(axis=2), 0.0)

        n = so_far(np.where(kept["_age"] == 0, kept["_n"], 0))
        total, squares, size, unknown = (so_far(kept[name]) for name in _SUMMED)
        told = (labels, steps, watched.last, watched.freq)
        return cls(*told, n, total, squares, size, unknown, cost=n, net_squares=n)

    def with_costs(self, cost: Floats) -> _ValueGrid:
        """The same beside what winning a customer of each segment and cohort cost."""
        each = np.where(self.n > 0, cost[:, :, None], 0.0)
        net = self.squares - 2 * each * self.total + each**2 * self.n
        return replace(self, cost=each * self.n, net_squares=net)

    def figures(self, level: float, *, pooled: bool) -> Columns:
        """The columns of the answer, one row per segment, cohort (or all of them) and age."""
        names = ("n", "total", "squares", "size", "unknown", "cost", "net_squares")
        every = [getattr(self, name) for name in names]
        n, total, squares, size, unknown, cost, net = (
            values.sum(axis=1).ravel() if pooled else values.ravel() for values in every
        )
        total = np.where((n > 0) & (unknown == 0), total, np.nan)
        value, mean_cost = intervals.ratio(total, n), intervals.ratio(cost, n)
        effective = intervals.effective_n(size, squares)
        lower, upper, bounds = _bounds_of_sums(total, squares, n, effective, level)
        least, most, _ = _bounds_of_sums(total - cost, net, n, effective, level)
        return {
            **self._keys(pooled=pooled),
            "n_eligible": n.astype(np.int64),
            "total": total,
            "value_per_customer": value,
            "lower": lower,
            "upper": upper,
            "bounds": bounds,
            "acquisition_cost": mean_cost,
            "net": value - mean_cost,
            "net_lower": least,
            "net_upper": most,
            "observed": n > 0 if pooled else np.tile(self.over.ravel(), self.n.shape[0]),
        }

    def _keys(self, *, pooled: bool) -> Columns:
        """Segment, cohort, age and customers of the cohort of each row."""
        n_segments, n_cohorts, n_ages = self.n.shape
        rows = 1 if pooled else n_cohorts
        keys: Columns = {name: np.repeat(v, rows * n_ages) for name, v in self.labels.items()}
        days = periods.first_days(self.steps, self.freq)
        if pooled:
            days = np.full(1, np.datetime64("NaT", "D"))
        begun = self.n[:, :, 0].sum(axis=1, keepdims=True) if pooled else self.n[:, :, 0]
        return keys | {
            "cohort": np.repeat(np.tile(days, n_segments), n_ages),
            "age": np.tile(np.arange(n_ages), n_segments * rows),
            "n_cohort": np.repeat(begun.ravel(), n_ages).astype(np.int64),
        }


def _are_over(steps: Whole, last: int) -> NDArray[np.bool_]:
    """Of each cohort and age, whether it is over by the last period."""
    return np.asarray(steps[:, None] + np.arange(steps.size) <= last)


def _bounds_of_sums(
    total: Floats, squares: Floats, n: Floats, effective: Floats, level: float
) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Student's bounds of a mean over customers, and how they were made or why there are none.

    Args:
        total: Σ y; NaN where it is not known.
        squares: Σ y².
        n: customers.
        effective: how many of them say as much, (Σ |c|)² / Σ c² of what they brought.
        level: confidence.
    """
    mean = intervals.ratio(total, n)
    residuals = intervals.squared_residuals(n, total, squares, mean)
    return intervals.ratio_bounds(mean, n, n * intervals.ratio(n, effective), residuals, n, level)
