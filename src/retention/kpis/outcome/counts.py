"""From activity to the counts and sums behind every outcome KPI, cell by cell.

A cell is a segment in a base period. The user's engine does the counting; what comes back is a few
arrays, and the rates and bounds are NumPy on those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.base_and_later import activity_by_segments, base_and_later
from retention.activity.window import CONSTANTS, warn_of_holes, window_of
from retention.errors import ContentError
from retention.frames import (
    Columns,
    Frame,
    collect,
    is_at_hand,
    keeps_tables,
    same_values_of,
    with_same_values,
)
from retention.kpis.outcome.sums_at_hand import counted_at_hand
from retention.log_holes import BUSY
from retention.numerics.codes import distinct_segments
from retention.orders import NOISE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


LostTo = Literal["firm", "segment"]
"""Where a customer must be active to be retained: anywhere, or in the segment of the base."""

_MONEY = {"sales": ("s0", "s1"), "profit": ("p0", "p1")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked of a rate: the segments and the conventions."""

    by: str | Sequence[str]
    lag: int
    lost_to: str
    level: float
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """The counts and sums of every segment and base period, and the customers they were made of."""

    keys: Columns
    sums: Columns
    pairs: Frame
    names: tuple[str, ...]
    asked: Asked
    freq: str

    def constant(self, value: object) -> NDArray[Any]:
        """A column that says the same in every row."""
        return np.full(
            len(self.keys["step"]), value, dtype=object if isinstance(value, str) else None
        )

    @property
    def conventions(self) -> Columns:
        """The columns that say how the rates were counted."""
        return {"lag": self.constant(self.asked.lag), "lost_to": self.constant(self.asked.lost_to)}


_SUMMED = ("base", "retained", "squares", "residuals")
_WORKING = (
    *("n_base", "n_retained"),
    *(f"{money}_{name}" for money in ("sales", "profit") for name in (*_SUMMED, "least", "known")),
)


def count_cells(activity: object, asked: Asked, bases: Mapping[str, str]) -> Cells:
    """Count the customers of each cell and sum their money, in one pass over the activity.

    Args:
        activity: an activity table of any engine.
        asked: segments and conventions.
        bases: for each money ("sales", "profit") that is wanted, its basis.

    Raises:
        ContentError: if too few whole periods were observed, or `by` names an identifier.
    """
    intervals.quantile_of(asked.level)
    intervals.check_seed(asked.seed)
    at_hand = is_at_hand(activity)
    frame, names = activity_by_segments(
        activity,
        asked.by,
        adds="within" if bases else "none",
        working=_WORKING,
        by_row=at_hand,
    )
    later = [money for money, basis in bases.items() if basis != "base"]
    pairs = base_and_later(
        frame, lag=asked.lag, by=names, lost_to=asked.lost_to, later=later, at_hand=at_hand
    )
    counted = counted_at_hand(pairs, names, bases, _MONEY) if at_hand else None
    if counted is None:
        counted = _counted_by_query(pairs, names, bases)
    window = _base_periods(frame, counted, asked.lag)
    keys, sums = counts_on_grid(counted, names, window)
    for money in bases:
        sums[f"{money}_base"] = sums_without_noise(sums[f"{money}_base"], sums[f"{money}_squares"])
    return Cells(keys, sums, pairs, tuple(names), asked, window.freq)


def _counted_by_query(pairs: Frame, names: Sequence[str], bases: Mapping[str, str]) -> Columns:
    """The counts and sums of each segment and base period, by the user's engine."""
    if all(basis == "base" for basis in bases.values()):
        return _counted_in_two_steps(pairs, names, list(bases))
    prepared = pairs
    for money, basis in bases.items():
        prepared = _pairs_with_terms(prepared, money, basis, [*names, "step"])
    grouped = prepared.group_by(*names, "step").agg(*_sums_of_cells(bases))
    whole = [f"{money}_known" for money in bases] + ["n_base", "n_retained", "step"]
    return collect(grouped.with_columns(nw.col(*whole).cast(nw.Int64)))


def _counted_in_two_steps(pairs: Frame, names: Sequence[str], bases: Sequence[str]) -> Columns:
    """The same where the retained count for their base: those who stay and who leave are summed.

    From these few sums follow the others: half as many are made of the customers.
    """
    cell = [*names, "step"]
    parts = _sums_of_parts(pairs, [*cell, "retained"], bases)
    stayed = nw.col("retained") == 1

    def of_retained(name: str) -> nw.Expr:
        return nw.when(stayed).then(nw.col(name)).otherwise(nw.col(name) * 0)

    parts = parts.with_columns(
        of_retained("n_base").alias("n_retained"),
        *(of_retained(f"{name}_base").alias(f"{name}_retained") for name in bases),
        *(of_retained(f"{name}_squares").alias(f"{name}_residuals") for name in bases),
    )
    whole = ["n_base", "n_retained", *(f"{name}_known" for name in bases)]
    summed = [f"{name}_{which}" for name in bases for which in _SUMMED]
    grouped = parts.group_by(*cell).agg(
        *_sums_of_constants(),
        *(nw.col(name).sum() for name in (*whole, *summed)),
        *(nw.col(f"{name}_least").min() for name in bases),
    )
    return collect(grouped.with_columns(nw.col(*whole, "step").cast(nw.Int64)))


def _sums_of_parts(pairs: Frame, part: Sequence[str], bases: Sequence[str]) -> Frame:
    """How many customers are in each part, and the sums of their money in the base period.

    What is constant is a key on DuckDB, to which the lowest of so many texts is dear.
    """
    same = same_values_of(pairs)
    told = [name for name in CONSTANTS if name not in same]
    keyed = told if keeps_tables(pairs) else []
    money = {name: nw.col(_MONEY[name][0]) for name in bases}
    terms = {
        f"{name}_{which}": x for name, x in money.items() for which in ("base", "least", "known")
    }
    squares = {f"{name}_squares": x * x for name, x in money.items()}
    rows = pairs.with_columns(**terms, **squares) if bases else pairs
    parts = rows.group_by(*part, *keyed).agg(
        *(_sums_of_constants() if told and not keyed else ()),
        nw.len().alias("n_base"),
        *(nw.col(name).sum() for name in squares),
        *(nw.col(f"{name}_base").sum() for name in bases),
        *(nw.col(f"{name}_least").min() for name in bases),
        *(nw.col(f"{name}_known").count() for name in bases),
    )
    whole = ["n_base", *(f"{name}_known" for name in bases)]
    return with_same_values(parts.with_columns(nw.col(*whole).cast(nw.Int64)), same)


def _sums_of_constants() -> list[nw.Expr]:
    return [*(nw.col(name).min() for name in ("first_step", "freq")), nw.col("last_step").max()]


def warn_of_empty_base_periods(cells: Cells) -> None:
    """Warn where whole periods are empty between busy ones: once an answer, at its end."""
    if cells.keys["step"].size:
        steps = np.unique(cells.keys["step"])
        base, kept = (
            cells.sums[name].reshape(-1, steps.size).sum(axis=0)
            for name in ("n_base", "n_retained")
        )
        warn_where_all_are_gone(steps, base, kept, cells.asked.lag, cells.freq)


def warn_where_all_are_gone(
    steps: NDArray[np.int64],
    base: NDArray[np.int64],
    kept: NDArray[np.int64],
    lag: int,
    freq: str,
) -> None:
    """Warn of periods without a customer between busy ones, among the later periods as well.

    Of the last `lag` periods the rates tell only who was kept. One is empty where nobody was,
    though at the rate of the other periods a crowd had been; where that goes on to the end, the log
    ends early, of which its maker has warned.

    Args:
        steps: consecutive base periods.
        base: how many were customers in each.
        kept: how many of them `lag` periods later.
        lag: periods from a base period to its later one.
        freq: the length of a period.
    """
    rate = kept.sum() / max(base[kept > 0].sum(), 1)
    later = np.arange(steps[-1] + 1, steps[-1] + 1 + lag)
    earlier = np.searchsorted(steps, later - lag)
    empty = (later - lag >= steps[0]) & (kept[earlier] == 0) & (base[earlier] * rate >= BUSY)
    until = int(np.max(np.flatnonzero(~empty), initial=-1)) + 1
    somebody = np.where(empty, 0, max(BUSY, int(base.max(initial=0))))[:until]
    warn_of_holes(np.append(steps, later[:until]), np.append(base, somebody), freq)


def raw_retention_columns(cells: Cells) -> Columns:
    """The columns of raw retention: counts, rate, Wilson bounds and the complement."""
    base, retained = cells.sums["n_base"], cells.sums["n_retained"]
    rate = intervals.ratio(retained, base)
    lower, upper = intervals.wilson_bounds(retained, base, cells.asked.level)
    return {
        "n_base": base,
        "n_retained": retained,
        "retention_rate": rate,
        "lower": lower,
        "upper": upper,
        "churn_rate": 1 - rate,
    }


def adjusted_rate_columns(cells: Cells, money: str, basis: str) -> Columns:
    """The columns of an adjusted rate: its two sums, rate, bounds, complement and method."""
    total, kept = cells.sums[f"{money}_base"], cells.sums[f"{money}_retained"]
    rate = intervals.ratio(kept, total)
    lower, upper, method = _bounds_of_cells(cells, money, basis, rate)
    return {
        f"{money}_base": total,
        f"{money}_retained": kept,
        f"{money}_adjusted_retention": rate,
        "lower": lower,
        "upper": upper,
        f"{money}_adjusted_churn": 1 - rate,
        "bounds": method,
    }


def adjusted_rate_table(cells: Cells, money: str, basis: str) -> Columns:
    """One adjusted rate as a table of its own: keys, counts, sums, rate, bounds, conventions."""
    counts = {name: cells.sums[name] for name in ("n_base", "n_retained")}
    rate = adjusted_rate_columns(cells, money, basis)
    return {**cells.keys, **counts, **rate, "basis": cells.constant(basis), **cells.conventions}


def _pairs_with_terms(pairs: Frame, money: str, basis: str, cell: Sequence[str]) -> Frame:
    """The columns that are summed for one money: x, y, their squares and the squared residuals."""
    x, later = (nw.col(name) for name in _MONEY[money])
    stayed = nw.col("retained") == 1
    y = {"base": x, "current": later, "capped": nw.when(x < later).then(x).otherwise(later)}[basis]
    named = pairs.with_columns(
        x.alias(f"{money}_base"),
        nw.when(stayed).then(y).otherwise(x * 0.0).alias(f"{money}_retained"),
        (x * x).alias(f"{money}_squares"),
        x.alias(f"{money}_least"),
        nw.when(~(stayed & y.is_null())).then(x).alias(f"{money}_known"),
    )
    if basis == "base":
        # The residuals are (1 − r) x and −r x: their squares need no second pass.
        return named.with_columns(
            nw.when(stayed).then(x * x).otherwise(x * 0.0).alias(f"{money}_residuals")
        )
    return named.with_columns(
        nw.col(f"{money}_base").sum().over(*cell).alias("_x"),
        nw.col(f"{money}_retained").sum().over(*cell).alias("_y"),
    ).with_columns(_squared_residual(money).alias(f"{money}_residuals"))


def _squared_residual(money: str) -> nw.Expr:
    rate = nw.when(nw.col("_x") > 0).then(nw.col("_y") / nw.col("_x"))
    residual = nw.col(f"{money}_retained") - rate * nw.col(f"{money}_base")
    return residual * residual


def _sums_of_cells(bases: Mapping[str, str]) -> list[nw.Expr]:
    asked = [nw.len().alias("n_base"), nw.col("retained").sum().alias("n_retained")]
    asked += _sums_of_constants()
    for money in bases:
        summed = (f"{money}_{name}" for name in _SUMMED)
        asked += [nw.col(name).sum() for name in summed]
        asked += [nw.col(f"{money}_least").min(), nw.col(f"{money}_known").count()]
    return asked


def _base_periods(frame: Frame, counted: Columns, lag: int) -> periods.Window:
    """The base periods that can be judged."""
    first, last, freq = window_of(frame, empty="there is no customer to follow", counted=counted)
    if last - lag < first:
        raise ContentError(
            f"Retention over `lag={lag}` needs {lag + 1} whole periods; the activity covers "
            f"{last - first + 1} ({periods.label(first, freq)} to {periods.label(last, freq)})."
        )
    return periods.Window(first, last - lag, freq)


def counts_on_grid(
    counted: Columns, names: Sequence[str], window: periods.Window
) -> tuple[Columns, Columns]:
    """One row for every segment and base period, also where nobody was a customer."""
    steps = window.steps
    labels, place = distinct_segments(counted, names)
    n_segments = len(labels[names[0]]) if names else 1
    grid = np.tile(steps, n_segments)
    keys: Columns = {name: np.repeat(values, steps.size) for name, values in labels.items()}
    keys |= {"period": periods.first_days(grid, window.freq), "step": grid}
    row = place * steps.size + (counted["step"].astype(np.int64) - steps[0])
    sums = {
        name: _values_on_grid(values, row, grid.size)
        for name, values in counted.items()
        if name not in (*names, "step", "first_step", "last_step", "freq")
    }
    return keys, _unknown_sums_as_nan(sums)


def _values_on_grid(values: NDArray[Any], row: NDArray[np.int64], size: int) -> NDArray[Any]:
    column = np.zeros(size, dtype=np.float64 if values.dtype.kind == "f" else np.int64)
    column[row] = values
    return column


def sums_without_noise(
    total: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sums, 0 where they are the noise of adding up terms that cancel, of which squares tell."""
    return np.where(np.abs(total) <= NOISE * np.sqrt(squares), 0.0, total)


def _unknown_sums_as_nan(sums: Columns) -> Columns:
    """Sums over customers some of whose money is not known are not known."""
    for name in [name for name in sums if name.endswith("_known")]:
        money, known = name.removesuffix("_known"), sums[name]
        no_column = known.sum() == 0 < sums["n_base"].sum()
        unknown = (known < sums["n_base"]) | no_column
        for column in sums:
            if column.startswith(f"{money}_"):
                sums[column] = np.where(unknown, np.nan, sums[column])
    return sums


def _bounds_of_cells(
    cells: Cells, money: str, basis: str, rate: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
    """The bounds of each cell by the best method that covers, and the name of that method."""
    sums, level = cells.sums, cells.asked.level
    n, total = sums["n_base"], sums[f"{money}_base"]
    effective = intervals.effective_n(total, sums[f"{money}_squares"])
    share = (basis == "base") & (sums[f"{money}_least"] >= 0)
    residuals = sums[f"{money}_residuals"]
    if basis == "base":
        lost = sums[f"{money}_squares"] - residuals
        residuals = (1 - rate) ** 2 * residuals + rate**2 * lost
    squares = sums[f"{money}_squares"]
    lower, upper, method = intervals.ratio_bounds(rate, total, squares, residuals, n, level)
    weighted = share & ~np.isnan(rate) & (n >= intervals.FEWEST)
    trials = np.where(weighted, effective, np.nan)
    wilson = intervals.wilson_bounds(rate * trials, trials, level)
    lower, upper = np.where(weighted, wilson[0], lower), np.where(weighted, wilson[1], upper)
    method[weighted] = "wilson"
    if cells.asked.seed is not None:
        redraw = (
            ~np.isnan(rate) & (n >= intervals.FEWEST) & ~weighted & (method != intervals.ALL_ALIKE)
        )
        _fill_in_bootstrap_bounds(cells, (money, basis), redraw, (lower, upper, method))
    return lower, upper, method


def _fill_in_bootstrap_bounds(
    cells: Cells,
    figure: tuple[str, str],
    which: NDArray[np.bool_],
    bounds: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]],
) -> None:
    """Put bootstrap bounds into the cells asked for; the customers come into Python for it."""
    if not which.any():
        return
    money, basis = figure
    cell = [*cells.names, "step"]
    terms = _pairs_with_terms(cells.pairs, money, basis, cell)
    people = collect(terms.select(*cell, f"{money}_base", f"{money}_retained"))
    labels = [cells.keys[name].astype(object) for name in cell]
    for place in np.flatnonzero(which):
        mine = np.ones(len(people["step"]), dtype=bool)
        for name, values in zip(cell, labels, strict=True):
            mine &= people[name] == values[place]
        drawn = intervals.bootstrap_bounds(
            people[f"{money}_retained"][mine],
            people[f"{money}_base"][mine],
            level=cells.asked.level,
            seed=cells.asked.seed or 0,
        )
        bounds[0][place], bounds[1][place] = drawn
        bounds[2][place] = "bootstrap"
