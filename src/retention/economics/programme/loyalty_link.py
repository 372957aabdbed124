"""Whether branches that keep their staff keep their customers: slope and correlation, weighted.

Each unit's rows become the weighted sums of squares and products of x, y and what is taken out (a
constant, or periods). Sums over units give slope and correlation; sums over all units but one, how
much they hang on that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError
from retention.frames import Columns, as_text, collect, table_like
from retention.names import inner_name
from retention.numerics.codes import group_numbers, refuse_identifier
from retention.orders import MOST
from retention.tables import STAFF_AND_CUSTOMERS, require, segments
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

_LEAST_EFFECTIVE = 3.0
"""So many units of one size it must at least amount to, for a degree of freedom."""

FEWEST_UNITS = 10
"""Below so many units nothing is said of how they hang together."""

_MOST_UNITS = 10_000
_SAME = 1e-12  # of the mean square: below it, what is left of x or y is rounding
_A_TENTH = 0.1


@gives(
    "comparison",
    texts("comparison"),
    whole_numbers("n_units", "n_rows", "n_left_out", "n_customers"),
    numbers("effective_units", unit="units"),
    numbers("slope", "slope_lower", "slope_upper", unit="of y for 0.1 of x"),
    numbers("correlation", "correlation_lower", "correlation_upper"),
    texts("reason"),
    constants(texts("x", "y")),
)
def loyalty_link(
    table: IntoFrameT, *, x: str, y: str, by: str | Sequence[str], level: float = 0.95
) -> IntoFrameT:
    """Do branches that keep their staff keep their customers? Slope and correlation, weighted.

    With w the customers of a unit in a period, two comparisons:

    - "between": of each unit the means of x and y over its periods, weighted by w, and over the
      units, each with the weight Σ w,

          slope = 0.1 · S_xy / S_xx,  correlation = S_xy / √(S_xx S_yy),  S_ab = Σ w (a − ā)(b − b̄)

    - "within": the same of what is left of x and y when the weighted means of units and of periods
      are taken out: whether a branch keeps more customers in the periods in which it keeps more of
      its staff. What is always so in a branch, and what is so everywhere in a period, cancels.

    Branches are weighted by their customers since the rates of small ones are mostly chance. Of 40
    branches, 30 of them small, whose true rates correlate at −0.79, each counted once shows −0.23
    and weighted −0.51 (simulated, with staff's turnover). Even weighted it is closer to 0 than the
    truth. Taking the chance out by formula was tried and is not offered: of such branches it had no
    answer in 29 of 100 cases and one beyond −1 in 25.

    Bounds come from leaving out each unit in turn (the jackknife), so that rows of one branch may
    resemble each other: slope ± t √((n − 1)/n Σ (slope₋ᵢ − slope)²), where t has the effective
    number of units, (Σw)² / Σw², less 2 as its degrees of freedom; of the correlation the same on
    Fisher's scale. Of 10 to 60 branches, equal or very unequal, they held the truth 93 to 98 times
    in 100 (simulated).

    A link is no effect. Loyal staff may keep customers; customers who are glad to stay may make a
    job one keeps; a good site, or a good manager, may do both. Loveman (1998) finds most links of
    the chain in the branches of a bank, Gelade and Young (2005) in four banks too weak to matter.

    Args:
        table: from `staff_and_customers`, or any table with `step`, `n_customers` and the columns
            asked for; figures of your own, such as a staff survey, may be beside.
        x: the column that is taken to lead, such as "staff_retention".
        y: the column that is taken to follow, such as "customer_retention".
        by: what a unit is: the columns the table was made with.
        level: confidence of the bounds.

    Returns:
        Two rows, in the caller's kind: `comparison` ("between", "within"), `n_units` and `n_rows`
        that it rests on, `n_left_out` (rows without x, y or customers; of "within", of units with
        one row as well), `n_customers` (Σ w), `effective_units`; `slope` (by how much y is higher
        where x is higher by 0.1: of two shares, points for ten points) with `slope_lower`,
        `slope_upper`; `correlation` with `correlation_lower`, `correlation_upper`; `reason` (why
        they are null, else null); and the columns compared, `x` and `y`.

    Raises:
        ColumnError: if a column lacks, or x or y holds no numbers.
        ContentError: if fewer than 10 units have x, y and customers; if a unit has two rows for one
            period; or a number is infinite or a count negative.

    Example:
        Ten branches of 100 customers; the more of its staff a branch keeps, the more customers: 1
        point for 10.

        >>> import pandas as pd
        >>> import retention as rt
        >>> kept = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
        >>> branches = pd.DataFrame({"branch": list("abcdefghij"), "step": 0, "n_customers": 100})
        >>> branches = branches.assign(staff=kept, stay=[0.8 + 0.1 * share for share in kept])
        >>> link = rt.economics.loyalty_link(branches, x="staff", y="stay", by="branch")
        >>> link[["comparison", "n_units", "slope", "correlation"]].round(6)
          comparison  n_units  slope  correlation
        0    between       10   0.01          1.0
        1     within        0    NaN          NaN

    Source:
        Loveman, G. W. (1998), Employee satisfaction, customer loyalty, and financial performance,
        Journal of Service Research 1, 18–31; Gelade, G. A. and Young, S. (2005), Test of a service
        profit chain model in the retail banking sector, Journal of Occupational and Organizational
        Psychology 78, 1–22; bounds: Efron, B. and Tibshirani, R. (1993), An Introduction to the
        Bootstrap, chapter 11 (jackknife).
    """
    intervals.quantile_of(level)
    names = segments(by, STAFF_AND_CUSTOMERS)
    if not names:
        raise ColumnError("loyalty_link needs by=: the column that says the unit, as the branch.")
    rows, left_out = _usable_rows(table, names, {"x": x, "y": y})
    parts = [
        _between_columns(rows, left_out, level),
        _within_columns(rows, left_out, level),
    ]
    joined: Columns = {
        name: np.array([part[name] for part in parts], dtype=_TYPES.get(name, np.float64))
        for name in parts[0]
    }
    said = {"x": np.full(2, x, dtype=object), "y": np.full(2, y, dtype=object)}
    return table_like({**joined, **said}, table)


_TYPES: dict[str, type] = {
    "comparison": object,
    "reason": object,
    **dict.fromkeys(("n_units", "n_rows", "n_left_out", "n_customers"), np.int64),
}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Units in periods: the number of the unit and of the period, the weight, x and y."""

    unit: Places
    period: Places
    weight: Floats
    x: Floats
    y: Floats

    def take(self, rows: NDArray[np.bool_]) -> _Rows:
        """Some of them, units and periods numbered anew."""
        unit, period = (
            np.unique(places[rows], return_inverse=True)[1] for places in (self.unit, self.period)
        )
        return _Rows(unit, period, self.weight[rows], self.x[rows], self.y[rows])

    def around_means(self) -> _Rows:
        """The same with x and y counted from their means, where differences keep their digits."""
        x, y = (v - v.mean() if v.size else v for v in (self.x, self.y))
        return _Rows(self.unit, self.period, self.weight, x, y)


def _usable_rows(table: object, names: Sequence[str], asked: dict[str, str]) -> tuple[_Rows, int]:
    """The rows that have x, y and customers, and how many have not."""
    frame = require(table, STAFF_AND_CUSTOMERS, extra=names, adds="none")
    schema = frame.collect_schema()
    for argument, name in asked.items():
        inner = inner_name(name) if isinstance(name, str) else name
        if inner not in schema:
            raise ColumnError.unknown(argument, str(name), schema)
        if not schema[inner].is_numeric():
            raise ColumnError(f"{argument}: column {name!r} must be numbers; got {schema[inner]}.")
    numbers_of = {"_x": asked["x"], "_y": asked["y"], "_w": "n_customers"}
    found = collect(
        frame.select(
            *(as_text(name, schema[name]) for name in names),
            "step",
            **{new: nw.col(inner_name(old)).cast(nw.Float64) for new, old in numbers_of.items()},
        )
    )
    unit, keys = group_numbers(found, names, found["step"].size)
    refuse_identifier("by", names, len(keys), _MOST_UNITS, "units")
    period = np.unique(found["step"], return_inverse=True)[1]
    every = _Rows(unit, period, found["_w"], found["_x"], found["_y"])
    _refuse_odd_rows(every, keys)
    usable = ~np.isnan(every.x) & ~np.isnan(every.y) & (every.weight > 0)
    rows = every.take(usable).around_means()
    n_units = int(rows.unit.max(initial=-1)) + 1
    if n_units < FEWEST_UNITS:
        raise ContentError(
            f"{n_units:,} of {len(keys):,} units have {asked['x']!r}, {asked['y']!r} and "
            f"customers; of fewer than {FEWEST_UNITS} no link can be told from chance. Take "
            "smaller units, such as teams for branches."
        )
    return rows, int((~usable).sum())


def _refuse_odd_rows(rows: _Rows, keys: Sequence[tuple[str, ...]]) -> None:
    """Refuse what no table of units and periods holds."""
    if any((np.abs(values) > MOST).any() for values in (rows.weight, rows.x, rows.y)):
        raise ContentError(
            "table: a number is infinite or too large. Correct it, or make it a missing one."
        )
    if (rows.weight < 0).any():
        raise ContentError("table: 'n_customers' is negative in a row. Counts are 0 or more.")
    pairs, n = np.unique(np.stack([rows.unit, rows.period]), axis=1, return_counts=True)
    if n.size and n.max() > 1:
        unit = keys[int(pairs[0, int(np.argmax(n))])]
        raise ContentError(
            f"table: the unit {', '.join(unit)} has {int(n.max()):,} rows for one period. Say "
            "`by=` with all columns that the table was made with."
        )


def _between_columns(rows: _Rows, left_out: int, level: float) -> dict[str, object]:
    """The comparison of units by their means over the periods."""
    weight = np.bincount(rows.unit, rows.weight).astype(np.float64)
    means = [np.bincount(rows.unit, rows.weight * v) / weight for v in (rows.x, rows.y)]
    beside = np.stack([*means, np.ones(weight.size)], axis=1)
    squares: Floats = weight[:, None, None] * beside[:, :, None] * beside[:, None, :]
    return _comparison("between", rows, squares, left_out, level)


def _within_columns(rows: _Rows, left_out: int, level: float) -> dict[str, object]:
    """The comparison over time: means of units and of periods taken out."""
    often = np.bincount(rows.unit)[rows.unit] > 1
    kept = rows.take(often)
    left_out += int((~often).sum())
    n_units = int(kept.unit.max(initial=-1)) + 1
    if n_units < FEWEST_UNITS:
        reason = f"{n_units} units have two periods or more; {FEWEST_UNITS} are needed."
        return _columns_of_comparison("within", kept, n_units, left_out) | {"reason": reason}
    n_periods = int(kept.period.max()) + 1
    values = np.concatenate(
        [np.stack([kept.x, kept.y], axis=1), np.eye(n_periods)[kept.period]], axis=1
    )
    order = np.argsort(kept.unit, kind="stable")
    starts = np.flatnonzero(np.diff(kept.unit[order], prepend=-1))
    weighted = kept.weight[:, None] * values
    total = np.add.reduceat(weighted[order], starts)
    means = total / np.add.reduceat(kept.weight[order], starts)[:, None]
    apart = (values - means[kept.unit])[order]
    terms = kept.weight[order][:, None, None] * apart[:, :, None] * apart[:, None, :]
    return _comparison(
        "within", kept, np.add.reduceat(terms, starts).astype(np.float64), left_out, level
    )


def _comparison(
    name: str, rows: _Rows, squares: Floats, left_out: int, level: float
) -> dict[str, object]:
    """Slope and correlation of all units, bounds from leaving out each; why not, where not."""
    n_units = squares.shape[0]
    columns = _columns_of_comparison(name, rows, n_units, left_out)
    total = squares.sum(axis=0)
    slope, fisher = _slope_and_fisher(total[None])
    if np.isnan(slope[0]) or np.isnan(fisher[0]):
        flat = "x" if np.isnan(slope[0]) else "y"
        return columns | {"reason": f"{flat} is the same in all that are compared."}
    effective = float(str(columns["effective_units"]))
    if effective < _LEAST_EFFECTIVE:
        return columns | {"reason": "A few units have nearly all customers: no link can be told."}
    without = _slope_and_fisher(total - squares)
    half = [
        _half_width(one, whole, effective, level)
        for one, whole in zip(without, (slope, fisher), strict=True)
    ]
    z = fisher[0]
    unknown = "Chance cannot be told of points that lie on one line." if np.isinf(z) else None
    return columns | {
        "reason": unknown,
        "slope": _A_TENTH * slope[0],
        "slope_lower": _A_TENTH * (slope[0] - half[0]),
        "slope_upper": _A_TENTH * (slope[0] + half[0]),
        "correlation": np.tanh(z),
        "correlation_lower": np.tanh(z - half[1]),
        "correlation_upper": np.tanh(z + half[1]),
    }


def _half_width(without: Floats, whole: Floats, effective: float, level: float) -> float:
    """How far bounds lie from a figure, by what it is without each unit; NaN where unknown."""
    from scipy.special import stdtrit  # loaded late: SciPy takes longer to import than all else

    if not (np.isfinite(without).all() and np.isfinite(whole).all()):
        return float("nan")
    error = np.sqrt((without.size - 1) / without.size * ((without - whole) ** 2).sum())
    return float(stdtrit(effective - 2, (1 + level) / 2) * error)


def _columns_of_comparison(
    name: str, rows: _Rows, n_units: int, left_out: int
) -> dict[str, object]:
    """What a comparison rests on, and nothing said yet."""
    weight = np.bincount(rows.unit, rows.weight)
    return {
        "comparison": name,
        "n_units": n_units,
        "n_rows": rows.unit.size,
        "n_left_out": left_out,
        "n_customers": round(float(weight.sum())),
        "effective_units": float(intervals.effective_n(weight.sum(), (weight**2).sum())),
        **dict.fromkeys(("slope", "slope_lower", "slope_upper"), np.nan),
        **dict.fromkeys(("correlation", "correlation_lower", "correlation_upper"), np.nan),
        "reason": None,
    }


def _slope_and_fisher(squares: Floats) -> tuple[Floats, Floats]:
    """Slope and Fisher's z of each matrix of squares and products, the further columns taken out.

    NaN where x, or y, does not vary; z is infinite where the correlation is 1 or −1.
    """
    taken, beside = squares[:, 2:, 2:], squares[:, :2, 2:]
    explained = beside @ np.linalg.pinv(taken, hermitian=True) @ beside.transpose(0, 2, 1)
    left = squares[:, :2, :2] - explained
    xx, yy, xy = left[:, 0, 0], left[:, 1, 1], left[:, 0, 1]
    varies = [left[:, i, i] > _SAME * np.maximum(squares[:, i, i], 1e-300) for i in range(2)]
    slope = np.where(varies[0], xy / np.where(varies[0], xx, 1.0), np.nan)
    both = varies[0] & varies[1]
    r = np.where(both, xy / np.sqrt(np.where(both, xx * yy, 1.0)), np.nan)
    with np.errstate(divide="ignore"):
        return slope, np.arctanh(np.clip(r, -1.0, 1.0))
