"""Churn by segment against a benchmark by segment, as if both had the same mix of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals
from retention.benchmarks.published.measured_rates import (
    NO_PROPORTIONS,
    benchmark_columns,
    measured_rates,
    same_convention,
    same_length,
)
from retention.errors import ContentError, RetentionError, check_choice
from retention.frames import table_like
from retention.names import outer_text
from retention.tables import column_names
from retention.tables.answer_columns import (
    answer_of,
    constants,
    flags,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.benchmarks.published.measured_rates import MeasuredRates

    Floats = NDArray[np.float64]
    Arrays = Mapping[str, NDArray[Any]]

_ALL = "(all)"
_STANDARDISED = ("standardised_rate", "standardised_lower", "standardised_upper")
_RATIOS = ("churn_ratio", "churn_ratio_lower", "churn_ratio_upper")
_ROUNDED = 0.01 + 1e-9  # by so much may published shares miss 1


@gives(
    "period and benchmark",
    times("period"),
    whole_numbers("n_segments"),
    numbers("n_base", "n_churned", unit="customers"),
    shares("churn_rate", "lower", "upper"),
    texts("benchmark"),
    whole_numbers("benchmark_year"),
    texts("benchmark_source", "benchmark_standing"),
    shares("benchmark_rate", "benchmark_lower", "benchmark_upper"),
    numbers("n_expected", "n_expected_lower", "n_expected_upper", unit="customers"),
    shares("standardised_rate", "standardised_lower", "standardised_upper", "standard_error"),
    numbers("churn_ratio", "churn_ratio_lower", "churn_ratio_upper", unit="times"),
    texts("verdict"),
    flags("same_convention"),
    texts("note"),
    constants(texts("method")),
)
def standardised_churn(
    segments: IntoFrameT,
    *,
    benchmark: IntoFrameT,
    by: str = "segment",
    method: Literal["direct", "indirect"] = "direct",
    convention: str | None = None,
    days: float | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """What our churn would be with the benchmark's mix of customers, and whether it is worse.

    A firm with many new customers loses more than one with few, and need not keep them any worse.
    With r_s our churn among the n_s customers of segment s, b_s the benchmark's, W_s the share of
    the benchmark's customers in it, and O = Σ n_s r_s those whom we lost:

        "direct":    Σ W_s r_s, our rates at their mix, beside Σ W_s b_s;
                     standard error √(Σ W_s² r_s (1 − r_s) / n_s)
        "indirect":  O / E with E = Σ n_s b_s, those whom we should have lost at their rates;
                     the standardised rate is O/E times Σ W_s b_s

    Bounds of the direct rate are made of Wilson's of each segment (MOVER: θ ∓ √Σ W_s² (r_s − l_s)²
    and likewise above), which do not fail where nobody left: in simulation they covered 93 to 95
    times in 100, ± 1.96 standard errors 77 to 94. Those of O/E are Byar's, of a Poisson count;
    customers leave once, so they cover 97 to 99. Direct needs every segment to
    have customers of ours, and its error grows where they are few; indirect needs rates alone.

    Args:
        segments: our churn by segment: a table as `compare_benchmark` takes it, with a row per
            period and segment.
        benchmark: a table from `as_benchmarks` with `segment=`, and `share=` for the direct method.
            Rows of one name, year, source, length and convention are one benchmark; shares add up
            to 1 (to 0.01: they are printed rounded). Its rows for "(all)" are not looked at.
        by: the segment column of our table, whose values the benchmark has as `segment`.
        method: "direct" or "indirect".
        convention: how our rates are counted, where their table does not say it, as in
            `compare_benchmark`.
        days: within how many days customers were lost, where the table has no periods.
        level: confidence of all bounds.

    Returns:
        One row per period and benchmark, in the kind of `segments`, sorted: `period` (null where
        the table has none), `n_segments` (of the benchmark), `n_base`, `n_churned` O (customers);
        `churn_rate`, as it is, with `lower` and `upper` (Wilson); `benchmark`, `benchmark_year`,
        `benchmark_source`, `benchmark_standing`; `benchmark_rate` Σ W_s b_s with what its ranges
        make of it, `benchmark_lower` and `benchmark_upper` (null without shares); `n_expected` E,
        `n_expected_lower`, `n_expected_upper`, likewise; `standardised_rate` with bounds and
        `standard_error`; `churn_ratio`, the standardised rate over the benchmark's (indirect: O/E)
        with bounds, the benchmark's rates taken as they are; `verdict` ("above" where the bounds
        leave the benchmark's range below them, "below", else "cannot tell"), `same_convention`
        (null where one is not stated), `note` (why nothing is known, or what stands against it),
        and the constant `method`.

    Raises:
        RetentionError: if the method is none of the two, length or convention of the rates are not
            known, or the direct method is asked of rates that are no proportions.
        ColumnError: if a column is missing.
        ContentError: if a segment of ours is not in the benchmark, stands there twice, the
            shares of a benchmark do not add up to 1, or it has no segments.

    Example:
        Nine in ten of our customers are new and leave as new ones do. All in all more leave than
        elsewhere (27.5 % against 25 %); at their mix it were 15 %.

        >>> import pandas as pd
        >>> import retention as rt
        >>> ours = pd.DataFrame({
        ...     "tenure": ["new", "old"], "n_base": [900, 100], "n_churned": [270, 5],
        ...     "churn_rate": [0.30, 0.05], "lower": [0.27, 0.02], "upper": [0.33, 0.11],
        ... })
        >>> theirs = pd.DataFrame({
        ...     "name": "a study", "rate": [0.40, 0.15], "rate_lower": [0.40, 0.15],
        ...     "rate_upper": [0.40, 0.15], "days": 365.25, "convention": "start_cohort",
        ...     "year": 2020, "source": "a study", "standing": "research",
        ...     "segment": ["new", "old"], "share": [0.4, 0.6],
        ... })
        >>> found = rt.benchmarks.standardised_churn(
        ...     ours, benchmark=theirs, by="tenure", convention="start_cohort", days=365.25
        ... )
        >>> found[["churn_rate", "benchmark_rate", "standardised_rate", "verdict"]].round(3)
           churn_rate  benchmark_rate  standardised_rate verdict
        0       0.275            0.25               0.15   below
        >>> found = rt.benchmarks.standardised_churn(
        ...     ours, benchmark=theirs, by="tenure", convention="start_cohort", days=365.25,
        ...     method="indirect",
        ... )
        >>> found[["n_churned", "n_expected", "churn_ratio"]].round(3)
           n_churned  n_expected  churn_ratio
        0      275.0       375.0        0.733

    Source:
        Breslow, N. E. and Day, N. E. (1987), Statistical Methods in Cancer Research II, IARC,
        chapter 2 (both methods; Byar's bounds, page 69); Zou, G. Y., Huang, W. and Zhang, X.
        (2009), Computational Statistics and Data Analysis 53, 1080–1085 (bounds of a weighted sum
        of proportions).
    """
    check_choice("method", method, ("direct", "indirect"))
    intervals.quantile_of(level)
    names = column_names(by)
    if len(names) != 1:
        raise RetentionError(f"by names one column of segments, as the benchmark has; got {by!r}.")
    own = measured_rates(segments, by=names, convention=convention, days=days)
    odd = sorted(set(own.convention.tolist()) & set(NO_PROPORTIONS))
    if method == "direct" and odd:
        raise RetentionError(
            f"Rates by convention {odd[0]!r} are no proportions: say `method='indirect'`, which "
            "asks for none."
        )
    wanted = ("segment", "share") if method == "direct" else ("segment",)
    others = benchmark_columns(benchmark, wants=wanted)
    rows = [
        _row_of_mix(_mix_of_segments(own, of_period, set_of), method, level)
        for of_period in _parts_alike([own.period.astype(np.int64)])
        for set_of in _benchmarks_apart(others)
    ]
    answer = [column.name for column in answer_of(standardised_churn).columns]
    return table_like(_columns_of_rows(rows, answer), segments)


def _benchmarks_apart(others: Arrays) -> list[dict[str, NDArray[Any]]]:
    """The benchmarks, each by its segments; what is of all of them together is left out."""
    apart = others["segment"] != _ALL
    if apart.size and not bool(apart.any()):
        raise ContentError(
            "benchmark: every row is of all customers together, none of a segment. Name the column "
            "of segments at the door (`as_benchmarks(..., segment=)`), or hold the rate of all "
            "against theirs by `compare_benchmark`."
        )
    parts = {name: values[apart] for name, values in others.items()}
    keys = [parts[name] for name in ("name", "year", "source", "days", "convention")]
    return [{name: values[rows] for name, values in parts.items()} for rows in _parts_alike(keys)]


def _parts_alike(keys: Sequence[NDArray[Any]]) -> list[NDArray[np.intp]]:
    """The rows of each combination of keys, sorted by these."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(zip(*(key.tolist() for key in keys), strict=True)):
        found.setdefault(key, []).append(row)
    return [np.array(found[key], np.intp) for key in sorted(found)]


@dataclass(frozen=True, slots=True)
class _Mix:
    """A period of ours by the segments of a benchmark: customers, lost; rates and shares there."""

    period: Any
    n: Floats
    lost: Floats
    theirs: Arrays
    share: Floats
    alike: bool | None
    fits: bool
    alone: bool
    proportion: bool
    said: str


def _mix_of_segments(own: MeasuredRates, rows: NDArray[np.intp], theirs: Arrays) -> _Mix:
    """Our customers of a period by the segments of a benchmark."""
    name = str(theirs["name"][0])
    place = {str(one): i for i, one in enumerate(theirs["segment"].tolist())}
    if len(place) < theirs["segment"].size:
        raise ContentError(f"benchmark: a segment of {name!r} has several rows.")
    ((by, segments),) = own.segments.items()
    here = [str(one) for one in segments[rows].tolist()]
    unknown = sorted({one for one in here if one not in place})
    if unknown:
        raise ContentError(
            f"benchmark: {name!r} has no rate of {', '.join(map(repr, unknown[:5]))} "
            f"(by={outer_text(by)!r}); it has {', '.join(map(repr, sorted(place)[:10]))}. Leave "
            "those customers out of ours, or name the segments alike."
        )
    n, lost = np.zeros(len(place)), np.zeros(len(place))
    at = [place[one] for one in here]
    n[at], lost[at] = own.n_base[rows], own.n_churned[rows]
    lost = np.where(n > 0, lost, 0.0)
    kinds = same_convention(own.convention[rows], np.repeat(theirs["convention"][:1], rows.size))
    lengths = same_length(own.days[rows], np.repeat(theirs["days"][:1], rows.size))
    return _Mix(
        period=own.period[rows[0]],
        n=n,
        lost=lost,
        theirs=theirs,
        share=_shares_of_benchmark(theirs, name),
        alike=None if None in kinds.tolist() else bool(kinds.all()),
        fits=bool(lengths.all()),
        alone=bool(own.alone[rows].any()),
        proportion=not bool(np.isin(own.convention[rows].astype(str), NO_PROPORTIONS).any()),
        said=f"{round(own.days[rows[0]], 2):g} days, theirs {round(theirs['days'][0], 2):g} days",
    )


def _shares_of_benchmark(theirs: Arrays, name: str) -> Floats:
    """The shares of a benchmark's segments, to add up to 1 exactly; NaN where they are not said."""
    share = theirs["share"].astype(np.float64)
    if bool(np.isnan(share).all()):
        return share
    if unknown := [str(one) for one in theirs["segment"][np.isnan(share)].tolist()]:
        raise ContentError(
            f"benchmark: {name!r} does not say the share of {', '.join(map(repr, unknown[:5]))}. "
            "Give every segment its share of the benchmark's customers."
        )
    total = float(share.sum())
    if abs(total - 1) > _ROUNDED:
        raise ContentError(
            f"benchmark: the shares of {name!r} by segment add up to {total:.4g}, not to 1. Give "
            "every segment its share of the benchmark's customers."
        )
    return share / total


def _row_of_mix(mix: _Mix, method: str, level: float) -> dict[str, Any]:
    """The answer for one period and benchmark."""
    theirs = mix.theirs
    rates = {"": theirs["rate"], "_lower": theirs["rate_lower"], "_upper": theirs["rate_upper"]}
    at_mix = {f"benchmark{end or '_rate'}": _weighted(mix.share, b) for end, b in rates.items()}
    expected = {f"n_expected{end}": _weighted(mix.n, b) for end, b in rates.items()}
    made, reach = _direct_rate(mix, level), at_mix
    if method == "indirect":
        made, reach = _indirect_rate(mix, level), expected
    low, high = made.pop("low"), made.pop("high")
    if not mix.fits or mix.alike is False:
        made, low, high = dict.fromkeys(made, np.nan), np.nan, np.nan
    _, least, most = reach.values()
    return {
        **_counts_of_mix(mix, level),
        "benchmark": theirs["name"][0],
        **{f"benchmark_{part}": theirs[part][0] for part in ("year", "source", "standing")},
        **at_mix,
        **expected,
        **made,
        "verdict": "above" if low > most else "below" if high < least else "cannot tell",
        "same_convention": mix.alike,
        "note": _note_on_mix(mix, method),
        "method": method,
    }


def _weighted(weight: Floats, values: Floats) -> float:
    """Σ w v, of which nothing is asked where w is 0."""
    return float(np.sum(np.where(weight == 0, 0.0, weight * values)))


def _counts_of_mix(mix: _Mix, level: float) -> dict[str, Any]:
    """How many we have and lost, whatever their mix."""
    n, lost = float(mix.n.sum()), float(mix.lost.sum())
    lower, upper = intervals.wilson_bounds(lost, n if mix.proportion else 0.0, level)
    rate = float(intervals.ratio(lost, n))
    counts = {"period": mix.period, "n_segments": mix.n.size, "n_base": n, "n_churned": lost}
    return counts | {"churn_rate": rate, "lower": float(lower), "upper": float(upper)}


def _direct_rate(mix: _Mix, level: float) -> dict[str, float]:
    """Our rates at the benchmark's mix, with bounds made of those of each segment."""
    rate, share = intervals.ratio(mix.lost, mix.n), mix.share
    lower, upper = intervals.wilson_bounds(mix.lost, mix.n, level)
    error = np.sqrt(intervals.ratio(rate * (1 - rate), mix.n))
    total = _weighted(share, rate)
    below, above, error = (
        np.sqrt(_weighted(share**2, part**2)) for part in (rate - lower, upper - rate, error)
    )
    low, high = total - below, total + above
    base = _weighted(share, mix.theirs["rate"])
    return _columns_of_rate((total, low, high), error, base) | {"low": low, "high": high}


def _indirect_rate(mix: _Mix, level: float) -> dict[str, float]:
    """How many we lost of those expected, as a rate at the benchmark's mix."""
    rate, lost = mix.theirs["rate"], float(mix.lost.sum())
    low, high = byar_bounds(lost, level)
    expected = _weighted(mix.n, rate)
    ratios = tuple(float(intervals.ratio(count, expected)) for count in (lost, low, high))
    base = _weighted(mix.share, rate)
    error = base * float(intervals.ratio(lost**0.5, expected))
    made = _columns_of_rate(tuple(ratio * base for ratio in ratios), error, base)
    made |= dict(zip(_RATIOS, ratios, strict=True))  # there without shares, too
    return made | {"low": low, "high": high}


def _columns_of_rate(rate: tuple[float, ...], error: float, base: float) -> dict[str, float]:
    made = dict(zip(_STANDARDISED, rate, strict=True)) | {"standard_error": error}
    return made | {
        name: float(intervals.ratio(value, base)) for name, value in zip(_RATIOS, rate, strict=True)
    }


def byar_bounds(observed: float, level: float = 0.95) -> tuple[float, float]:
    """Byar's bounds of the mean of a Poisson count O.

    O (1 − 1/(9 O) − z/(3 √O))³ and (O + 1) (1 − 1/(9 (O + 1)) + z/(3 √(O + 1)))³; 0 where O is 0.

    Args:
        observed: O.
        level: confidence.

    Example:
        >>> lower, upper = byar_bounds(275)
        >>> print(f"{lower:.2f} {upper:.2f}")
        243.45 309.50

    Source:
        Breslow, N. E. and Day, N. E. (1987), Statistical Methods in Cancer Research II, IARC,
        chapter 2.
    """
    z, more = intervals.quantile_of(level), observed + 1
    upper = more * (1 - 1 / (9 * more) + z / (3 * more**0.5)) ** 3
    if observed <= 0:
        return 0.0, upper
    return observed * max(1 - 1 / (9 * observed) - z / (3 * observed**0.5), 0.0) ** 3, upper


def _note_on_mix(mix: _Mix, method: str) -> str | None:
    """Why nothing is known, or what stands against it, in words."""
    empty = mix.theirs["segment"][(mix.n == 0) & (mix.share != 0)].tolist()
    stated = mix.theirs["convention"][0] != "not stated"
    said = {
        "one of our rates is not known": bool(np.isnan(mix.lost).any()),
        "another convention than the benchmark's": mix.alike is False,
        "the benchmark does not state its convention": not stated,
        "our convention is not stated": mix.alike is None and stated,
        f"another length: {mix.said}": not mix.fits,
        f"nobody of ours in {', '.join(map(str, empty))}": bool(empty) and method == "direct",
        "ours counts some causes alone": mix.alone,
        "the benchmark is quoted without source": (
            mix.theirs["standing"][0] == "quoted without source"
        ),
    }
    return "; ".join(note for note, holds in said.items() if holds) or None


def _columns_of_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Arrays:
    """The answer as columns, with the types that they have without a row, too."""
    types = {"period": "datetime64[us]", "n_segments": "int64", "benchmark_year": "int64"}
    words = ("benchmark", "benchmark_source", "benchmark_standing", "verdict", "note", "method")
    types |= dict.fromkeys((*words, "same_convention"), "object")
    return {
        name: np.array([*(row[name] for row in rows), None], dtype=object)[:-1].astype(
            types.get(name, "float64")
        )
        for name in names
    }
