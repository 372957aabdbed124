"""The band in which a rate usually lies: what it has been before says when it is another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from retention import intervals, periods
from retention.benchmarks.own.counted_rates import counted_rates, days_of_periods
from retention.benchmarks.own.rate_movements import neighbours_of_baselines
from retention.errors import RetentionError, check_choice, whole_number
from retention.frames import Columns, table_like
from retention.names import outer_text
from retention.tables import column_names
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.benchmarks.own.counted_rates import CountedRates
    from retention.benchmarks.own.rate_movements import Neighbours

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]

Spread = Literal["binomial", "overdispersed"]
Season = Literal["none", "year", "week"]

FEWEST_BEFORE = 8
"""Fewer periods than this before it say nothing about what is usual."""

_FEWEST_ALIKE = 2
"""Of one place in the year or the week, so many are needed."""

_FREEDOM = 0.62  # degrees of freedom that a mean of moving ranges has, for each of them
_CELLS = 2_000_000  # of a table of periods by periods that is held at once


@gives(
    "period (and segment)",
    times("period"),
    numbers("n", "count", unit="customers"),
    shares("rate", "usual_rate", "lower", "upper"),
    numbers("dispersion", unit="standard errors"),
    whole_numbers("n_baseline", unit="periods"),
    texts("outside"),
    constants(texts("figure", "spread", "season"), numbers("level")),
)
def usual_band(  # noqa: PLR0913 - whose rate, and against what
    rates: IntoFrameT,
    *,
    level: float,
    spread: Spread,
    season: Season = "none",
    baseline: int | tuple[date | str, date | str] | None = None,
    by: str | Sequence[str] = (),
    figure: str = "retention_rate",
    count: str | None = None,
    base: str | None = None,
) -> IntoFrameT:
    """Is this period's rate one of the usual, or did something happen?

    Where a period has n customers and its baseline N, of whom the share p̂ was usual, a rate is as
    sure as one of ν = 1/(1/n + 1/N) customers if p̂ was known; 1/N is what is not known of the usual
    rate itself. Nothing looks ahead: a baseline ends before its period begins.

    - `spread="binomial"`: customers decide each for himself. The band is that of the binomial
      distribution X of ν and p̂: P(X < ν lower) and P(X > ν upper) are (1 − level)/2 at most (the p
      chart, with exact limits). With thousands of customers that is too narrow: weather, prices
      and holidays move everybody at once, and nearly every period lies outside.
    - `spread="overdispersed"`: rates vary from period to period by more than that, by τ², which
      moves all customers at once however many they are. The band is p̂ ± t √V with
      V = p̂ (1 − p̂)/ν + τ² (1 + Σ n_i²/N²) over the baseline's n_i. τ² is that for which the mean of
      |p_i − p_{i−1}|/√(p̂ (1 − p̂)(1/n_i + 1/n_{i−1})/2 + τ²) is 1.128, as of normal values: what
      neighbours differ by, which a slow drift does not widen. t is Student's with 0.62 degrees of
      freedom for each of these differences. The answer's σ = √(V ν/(p̂ (1 − p̂))). Where all periods
      are as large it is the mean over 1.128 without τ², and the band that of Laney's p′ chart; so
      it is where σ is below 1, whatever their sizes.

    With `season="year"` (of months and quarters) or "week" (of days) the usual rate is that of the
    same place in earlier years or weeks alone, of which two are needed; N and n_i in V are theirs.
    Neighbours then differ by (p_i − p̂_i) − (p_{i−1} − p̂_{i−1}), of which each has the variance
    p̂_i(1 − p̂_i)(1/n_i − 1/N_i) + τ² (1 − 2n_i/N_i + Σ n²/N_i²).

    Where the baseline lost nobody or everybody, the p̂ of which the band is made is
    (K + ½)/(N + 1).

    Args:
        rates: any answer with counts and a row per `period`, such as `retention_rate` or
            `churn_by`; or your own with `count` and `base`.
        level: how often a rate is inside while nothing has changed: at 0.99 of monthly rates there
            is a false alarm in a hundred months for each segment; binomial ones of few customers
            are rarer, as counts come in steps.
        spread: "binomial" or "overdispersed".
        season: "none", "year" (of months, retail ones too, and quarters) or "week" (of days).
        baseline: what is usual: None for all periods before each; a number for as many before it; a
            first and a last period for these, of which later ones are judged. At least 8 are
            needed.
        by: segment columns of the table.
        figure: the rate, as in `compare_rates`.
        count: column of how many, where it is not known of the figure.
        base: column of how many of.

    Returns:
        One row per segment and period, in the caller's kind: the `by` columns, `period`, `n`,
        `count`, `rate`, `usual_rate` (p̂), `lower` and `upper` (of the band), `dispersion` (σ),
        `n_baseline` (periods), `outside` ("below", "above" or "inside"; null while too little is
        known, and up to the end of a baseline that is said by its periods), and the constants
        `figure`, `spread`, `season` and `level`.

    Raises:
        RetentionError: if `level` is not between 0 and 1, `baseline` is no number of at least 8 and
            no pair of days, or `season` is not one of such periods.
        ColumnError: if a column is missing, or `period` holds no days.
        ContentError: if several rows are of one segment and period.

    Example:
        Eight months of 90 in 100, then one of 70: as sure as of 1/(1/100 + 1/800) = 88.9 customers.

        >>> import pandas as pd
        >>> import retention as rt
        >>> months = pd.date_range("2024-01-01", periods=9, freq="MS")
        >>> rates = pd.DataFrame({"period": months, "n_base": 100, "n_retained": [90] * 8 + [70]})
        >>> band = rt.benchmarks.usual_band(rates, level=0.99, spread="binomial")
        >>> band[["rate", "usual_rate", "lower", "upper", "outside"]].tail(1).round(4)
           rate  usual_rate  lower  upper outside
        8   0.7         0.9  0.805  0.9776   below

    Source:
        Laney, D. B. (2002), Improved control charts for attributes, Quality Engineering 14,
        531–537; τ² added, not multiplied: Spiegelhalter, D. J. (2005), Handling over-dispersion of
        performance indicators, Quality and Safety in Health Care 14, 347–351; Montgomery, D. C.
        (2009), Introduction to Statistical Quality Control, 6th ed., section 7.2 and table 7.1.
        That the band is one for the next period, with 1/N and t, and
        exact if binomial, is ours.
    """
    intervals.quantile_of(level)
    check_choice("spread", spread, ("binomial", "overdispersed"))
    check_choice("season", season, ("none", "year", "week"))
    baseline = _checked_baseline(baseline)
    names = column_names(by)
    found = counted_rates(
        rates, {"by": names, "of": ["period"]}, figure=figure, counts=(count, base)
    )
    found.keys["period"] = days_of_periods(found)
    order = np.lexsort([found.cells_of(["period"]), found.cells_of(names)])
    asked = _Band(level, spread == "overdispersed", season, baseline)
    parts = [_band_of_segment(found, rows, asked) for rows in _rows_of_cells(found, order, names)]
    band = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns: Columns = {outer_text(name): found.keys[name][order] for name in names}
    columns |= {"period": found.keys["period"][order], "n": found.n[order]}
    columns |= {"count": found.k[order], "rate": found.rate[order]} | band
    size = order.size
    columns |= {"outside": _side_of_band(columns), "figure": np.full(size, figure, dtype=object)}
    columns |= {"spread": np.full(size, spread, dtype=object)}
    columns |= {"season": np.full(size, season, dtype=object), "level": np.full(size, level)}
    return table_like(columns, rates)


@dataclass(frozen=True, slots=True)
class _Band:
    """What is asked of a band."""

    level: float
    overdispersed: bool
    season: str
    baseline: int | tuple[date, date] | None

    def baseline_of(self, days: NDArray[np.datetime64], asked: Rows, known: Flags) -> Flags:
        """For each asked period which ones are its baseline: those known, before it."""
        place = np.arange(days.size)
        before = (place < asked[:, None]) & known
        if self.baseline is None:
            return np.asarray(before)
        if isinstance(self.baseline, int):
            return np.asarray(before & (place >= asked[:, None] - self.baseline))
        first, last = (np.datetime64(day, "D") for day in self.baseline)
        within = (days >= first) & (days <= last)
        return np.asarray(before & within & (days[asked] > last)[:, None])


def _checked_baseline(baseline: object) -> int | tuple[date, date] | None:
    if baseline is None:
        return None
    if isinstance(baseline, tuple | list) and len(baseline) == 2:
        first, last = (periods.as_day(day, argument="baseline") for day in baseline)
        if first > last:
            raise RetentionError(f"`baseline` begins on {first}, after its end on {last}.")
        return first, last
    if isinstance(baseline, str | tuple | list):
        raise RetentionError(
            "`baseline` is a number of periods, or the first and the last: "
            f"('2022-01-01', '2023-12-01'); got {baseline!r}."
        )
    return whole_number("baseline", baseline, least=FEWEST_BEFORE, of="periods")


def _rows_of_cells(found: CountedRates, order: Rows, names: Sequence[str]) -> list[Rows]:
    """The rows of each segment by period; one empty part where there are none."""
    cell = found.cells_of(names)[order]
    return np.split(order, np.flatnonzero(np.diff(cell)) + 1)


def _band_of_segment(found: CountedRates, rows: Rows, asked: _Band) -> Columns:
    days, n, k = found.keys["period"][rows], found.n[rows], found.k[rows]
    known = n > 0
    n, k = np.where(known, n, 0.0), np.where(known, k, 0.0)
    place = _place_in_season(days, asked.season)
    at_once = max(1, _CELLS // max(rows.size, 1))
    parts = [
        _band_of_periods(
            asked.baseline_of(days, np.arange(start, min(start + at_once, rows.size)), known),
            place,
            (n, k, np.arange(start, min(start + at_once, rows.size))),
            asked,
        )
        for start in range(0, max(rows.size, 1), at_once)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _place_in_season(days: NDArray[np.datetime64], season: str) -> Rows:
    """The month of the year, or the day of the week; 0 for all without seasons.

    Retail months begin some days before or after the first of a month, each year other ones: the
    day two weeks later is always of the same month.

    Raises:
        RetentionError: if the periods are too short for the season, or too long.
    """
    if season == "year":
        months = (days + np.timedelta64(14, "D")).astype("datetime64[M]").astype(np.int64)
        _refuse_places(np.unique(months).size < days.size, season, "months, quarters or years")
        return np.asarray(months % 12, np.intp)
    if season == "week":
        apart = np.diff(days.astype(np.int64))
        _refuse_places(apart.size > 0 and apart.min(initial=7) >= 7, season, "days")
        return np.asarray(days.astype(np.int64) % 7, np.intp)
    return np.zeros(days.size, np.intp)


def _refuse_places(other: bool, season: str, wanted: str) -> None:
    if other:
        raise RetentionError(
            f"`season={season!r}` compares {wanted}, and the periods of this table are none. Say "
            "`season='none'`, or make the rates of such periods."
        )


def _band_of_periods(
    within: Flags, place: Rows, counts: tuple[Floats, Floats, Rows], asked: _Band
) -> Columns:
    """The band of some periods, of which `within` says what their baselines are."""
    n, k, rows = counts
    one_hot, here = np.eye(12)[place], (np.arange(rows.size), place[rows])
    placed = [(within * values) @ one_hot for values in (n, k, n * n)]
    alike = (within @ one_hot)[here]
    n_before, k_before, squares = (values[here] for values in placed)
    usual = intervals.ratio(k_before, n_before)
    n_baseline = within.sum(axis=1)
    enough = (n_baseline >= FEWEST_BEFORE) & (alike >= _FEWEST_ALIKE) & (n[rows] > 0)
    p = np.where((usual <= 0) | (usual >= 1), (k_before + 0.5) / (n_before + 1), usual)
    told = intervals.ratio(1.0, n[rows]) + intervals.ratio(1.0, n_before)
    dispersion = np.ones(rows.size)
    if asked.overdispersed:
        seasonal = asked.season != "none"
        near = neighbours_of_baselines(within, place, (n, k), placed, seasonal)
        moves = 1 + intervals.ratio(squares, n_before**2)
        dispersion = _dispersion_of_period(near, p * (1 - p) * told, moves)
        fitted = (placed[0] > 0).sum(axis=1) - 1
        quantile = _student_quantile(asked.level, _FREEDOM * (near.pairs - fitted))
        half: Floats = quantile * dispersion * np.sqrt(p * (1 - p) * told)
        lower, upper = usual - half, usual + half
    else:
        tail, size = (1 - asked.level) / 2, intervals.ratio(1.0, told)
        lower, upper = _least_usual(p, size, tail), 1 - _least_usual(1 - p, size, tail)
    hidden = np.where(enough & np.isfinite(upper - lower), 1.0, np.nan)
    return {
        "usual_rate": usual * hidden,
        "lower": np.maximum(lower, 0.0) * hidden,
        "upper": np.minimum(upper, 1.0) * hidden,
        "dispersion": dispersion * hidden,
        "n_baseline": n_baseline.astype(np.int64),
    }


def _dispersion_of_period(near: Neighbours, chance: Floats, moves: Floats) -> Floats:
    """How many times as wide the band is as by the chance of each customer alone."""
    sigma = near.dispersion()
    wide = np.sqrt(1 + near.movement() * moves / np.where(chance > 0, chance, np.nan))
    return np.asarray(np.where(sigma > 1, wide, sigma))


def _least_usual(p: Floats, n: Floats, tail: float) -> Floats:
    """The share x of n for which a binomial's P(X ≤ x n) is `tail`; 0 where none is so unlikely."""
    from scipy.special import bdtrik  # loaded late: SciPy takes longer to import than all else

    k: Floats = bdtrik(tail, n, p)
    return np.where(np.isnan(n), np.nan, np.maximum(np.nan_to_num(k), 0.0)) / n


def _student_quantile(level: float, freedom: Floats) -> Floats:
    from scipy.special import stdtrit  # loaded late: SciPy takes longer to import than all else

    known = np.where(freedom >= 1, freedom, np.nan)
    return np.asarray(stdtrit(known, (1 + level) / 2))


def _side_of_band(columns: Columns) -> NDArray[np.object_]:
    rate, lower, upper = (columns[name] for name in ("rate", "lower", "upper"))
    side = np.where(rate < lower, "below", np.where(rate > upper, "above", "inside"))
    said = np.asarray(side, dtype=object)
    said[np.isnan(lower) | np.isnan(rate)] = None
    return said
