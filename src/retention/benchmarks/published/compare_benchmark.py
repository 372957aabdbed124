"""Our churn beside published churn, where the two can be compared at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from retention.benchmarks.published.measured_rates import (
    NO_PROPORTIONS,
    benchmark_columns,
    measured_rates,
    same_convention,
    same_length,
)
from retention.errors import RetentionError, check_choice
from retention.frames import table_like
from retention.kpis.churn.rates import SHORTEST, annualise
from retention.names import outer_text
from retention.tables import column_names
from retention.tables.answer_columns import (
    constants,
    differences,
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

_WHOLE_YEAR, _LONG_YEAR = 360, 372  # days: a rate of so many is one of a year, not carried over
_RATES = ("rate", "lower", "upper")


@gives(
    "rate (by segment and period) and benchmark",
    times("period"),
    numbers("n_base", "n_churned", unit="customers"),
    shares("churn_rate", "lower", "upper"),
    numbers("days", unit="days"),
    texts("convention", "benchmark", "benchmark_segment"),
    shares("benchmark_rate", "benchmark_lower", "benchmark_upper"),
    numbers("benchmark_days", unit="days"),
    texts("benchmark_convention"),
    whole_numbers("benchmark_year"),
    texts("benchmark_source", "benchmark_standing"),
    differences("difference", "difference_lower", "difference_upper"),
    texts("verdict"),
    flags("same_convention", "same_length"),
    texts("note"),
    constants(texts("compared_over")),
)
def compare_benchmark(
    rates: IntoFrameT,
    benchmarks: IntoFrameT,
    *,
    period: Literal["as_measured", "year"] = "as_measured",
    convention: str | None = None,
    days: float | None = None,
    by: str | Sequence[str] = (),
) -> IntoFrameT:
    """Is our churn above or below what others publish, as far as that can be known.

    With c our churn and l, u its bounds, b a published rate known to lie from b_l to b_u:

        "above" if l > b_u,  "below" if u < b_l,  else "cannot tell",
        difference = c − b, which lies between l − b_u and u − b_l.

    Two rates are compared only if they are of one kind:

    - *convention*: the same customers give 6, 8, 10 or 12 % by four conventions (`churn_rate`).
      Where both are known and differ nothing is compared; where the source does not say, the
      comparison is made and the note says so.
    - *length*: a rate of a month is not one of a year. As measured, only lengths that differ by a
      tenth at most are compared. With `period="year"` both are carried over to a year by
      `annualise`, 1 − (1 − c)^(365.25/d); the bounds go through it, too, since it is monotone.

    A base of new customers leaves faster than it will: carried over from a month, its churn is far
    too high. Give a rate over a year (`lag=12` of months) where customers were followed so long.

    Args:
        rates: our rates, of customers: a table from `outcome_kpis`, `retention_rate`, `churn_by`,
            `churn_rate`, `logo_churn` or `rolling_retention`, or any other with such a rate, its
            bounds, and its counts. Retention is turned to churn.
        benchmarks: a table from `as_benchmarks` or `published_benchmarks`, of any kind.
        period: "as_measured", or "year".
        convention: how our rates are counted, where their table does not say it: one of
            `churn_rate`'s words ("endpoint" of `outcome_kpis` of contracts), "no_purchase" (of
            purchases: who bought in a period and not in the later one) or "not stated".
        days: within how many days customers were lost, where the table has no periods.
        by: segment columns of the rates.

    Returns:
        One row per rate and benchmark, in the kind of `rates`, sorted: the `by` columns, `period`
        (null where the table has none), `n_base`, `n_churned` (customers), `churn_rate`, `lower`,
        `upper` (shares of 1; of a year where that was asked), `days` (as measured), `convention`;
        `benchmark` (its name), `benchmark_segment`, `benchmark_rate`, `benchmark_lower`,
        `benchmark_upper`, `benchmark_days`, `benchmark_convention`, `benchmark_year`,
        `benchmark_source`, `benchmark_standing`; `difference` with `difference_lower` and
        `difference_upper`, null where nothing is compared; `verdict`; `same_convention` (null where
        one is not stated), `same_length`; `note`, what stands against the comparison, else null;
        and the constant `compared_over`, "as_measured" or "year".

    Raises:
        RetentionError: if length or convention of the rates are not known; or a rate is carried
            over to a year from fewer than 28 days, or is no proportion ("exposure",
            "all_cancellations").
        ColumnError: if a column is missing.
        ContentError: if rows are not told apart, or a rate does not fit its bounds or its counts.

    Example:
        Of 1,000 customers 100 left within a year; elsewhere 16 in 100 are said to.

        >>> import pandas as pd
        >>> import retention as rt
        >>> rates = pd.DataFrame({
        ...     "period": [pd.Timestamp("2021-01-01")], "step": [2021], "n_base": [1000],
        ...     "n_retained": [900], "retention_rate": [0.9], "lower": [0.8799], "upper": [0.9171],
        ... })
        >>> mobile = rt.benchmarks.published_benchmarks().query("name == 'UK mobile'")
        >>> found = rt.benchmarks.compare_benchmark(rates, mobile, convention="endpoint")
        >>> found[["churn_rate", "lower", "upper", "benchmark_rate", "verdict"]].round(4)
           churn_rate   lower   upper  benchmark_rate verdict
        0         0.1  0.0829  0.1201            0.16   below
        >>> found.loc[0, "note"]
        'the benchmark does not state its convention'

    Source:
        Two ranges that do not touch differ; that this is said too seldom rather than too often:
        Schenker, N. and Gentleman, J. F. (2001), On judging the significance of differences by
        examining the overlap between confidence intervals, The American Statistician 55, 182–186.
    """
    check_choice("period", period, ("as_measured", "year"))
    names = column_names(by)
    own = measured_rates(rates, by=names, convention=convention, days=days)
    others = benchmark_columns(benchmarks)
    pairs = _pairs_of_rates(own, others, period)
    columns = {name: own.segments[name][pairs["_own"]] for name in names}
    found = _compared_pairs(pairs, period)
    told: dict[str, NDArray[Any]] = {outer_text(name): value for name, value in columns.items()}
    return table_like(told | found, rates)


def _pairs_of_rates(own: MeasuredRates, others: Arrays, period: str) -> dict[str, NDArray[Any]]:
    """Each rate beside each benchmark, both over a year where that is asked."""
    mine = {name: getattr(own, name) for name in own.__slots__ if name != "segments"}
    theirs = dict(others)
    theirs |= {"lower": others["rate_lower"], "upper": others["rate_upper"]}
    if period == "year":
        _refuse_carrying_over(own, others)
        mine |= {name: _over_a_year(mine[name], own.days) for name in _RATES}
        proportion = ~np.isin(others["convention"].astype(str), NO_PROPORTIONS)
        for name in _RATES:
            usable = np.where(proportion, theirs[name], np.nan)
            theirs[name] = _over_a_year(usable, others["days"])
    n, m = own.rate.size, others["rate"].size
    rows, place = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    pairs = {name: values[rows] for name, values in mine.items()}
    pairs |= {f"their_{name}": values[place] for name, values in theirs.items()}
    return pairs | {"_own": rows}


def _refuse_carrying_over(own: MeasuredRates, others: Arrays) -> None:
    """Refuse to make a rate of a year of one that is none, or of one of a few days."""
    odd = sorted(set(own.convention.tolist()) & set(NO_PROPORTIONS))
    if odd:
        raise RetentionError(
            f"A rate by convention {odd[0]!r} is no proportion, and nothing is made of it for a "
            "year. Take `churn_rate(..., convention='start_cohort')` or 'endpoint'."
        )
    for name, length in zip(others["name"].tolist(), others["days"].tolist(), strict=True):
        if length < SHORTEST:
            raise RetentionError(
                f"benchmarks: {name!r} is a rate of {length:g} days, which says too little about a "
                f"year: leave it out, or one of at least {SHORTEST} days."
            )


def _over_a_year(rate: Floats, days: Floats) -> Floats:
    pairs = zip(rate.tolist(), days.tolist(), strict=True)
    return np.array([annualise(one, length) for one, length in pairs], np.float64)


def _compared_pairs(pairs: Arrays, period: str) -> dict[str, NDArray[Any]]:
    """The columns of the answer."""
    alike = same_convention(pairs["convention"], pairs["their_convention"])
    lengths = same_length(pairs["days"], pairs["their_days"])
    compared = (alike != np.False_) & (lengths | (period == "year"))
    apart = {
        "difference": pairs["rate"] - pairs["their_rate"],
        "difference_lower": pairs["lower"] - pairs["their_upper"],
        "difference_upper": pairs["upper"] - pairs["their_lower"],
    }
    apart = {name: np.where(compared, value, np.nan) for name, value in apart.items()}
    verdict = np.select(
        [apart["difference_lower"] > 0, apart["difference_upper"] < 0],
        ["above", "below"],
        "cannot tell",
    ).astype(object)
    mine = {"period": "period", "n_base": "n_base", "n_churned": "n_churned"}
    mine |= {"churn_rate": "rate", "lower": "lower", "upper": "upper"}
    mine |= {"days": "days", "convention": "convention", "benchmark": "their_name"}
    others = ("segment", "rate", "lower", "upper", "days", "convention", "year", "source")
    mine |= {f"benchmark_{name}": f"their_{name}" for name in (*others, "standing")}
    found = {name: pairs[column] for name, column in mine.items()} | apart
    found |= {"verdict": verdict, "same_convention": alike, "same_length": lengths}
    found["note"] = _notes_on_pairs(pairs, alike, lengths, period)
    found["compared_over"] = np.full(verdict.size, period, dtype=object)
    return found


def _notes_on_pairs(
    pairs: Arrays, alike: NDArray[Any], lengths: NDArray[np.bool_], period: str
) -> NDArray[Any]:
    """What stands against each comparison, in words, said once for all that are alike."""
    known, bounded = np.isfinite(pairs["rate"]), np.isfinite(pairs["lower"])
    parts = [known, bounded, pairs["convention"], pairs["days"], pairs["alone"], alike, lengths]
    parts += [pairs[f"their_{name}"] for name in ("convention", "days", "standing")]
    rows = list(zip(*(part.tolist() for part in parts), strict=True))
    notes = {row: _note_on_pair(_Pair(*row), period) for row in set(rows)}
    return np.array([*(notes[row] for row in rows), None], dtype=object)[:-1]


class _Pair(NamedTuple):
    """What a note on a comparison rests on."""

    known: bool
    bounded: bool
    convention: str
    days: float
    alone: bool
    alike: bool | None
    long: bool
    their_convention: str
    their_days: float
    their_standing: str


def _note_on_pair(pair: _Pair, period: str) -> str | None:
    year, mine, theirs = period == "year", pair.days, pair.their_days
    long, their_long = (f"{round(length, 2):g} days" for length in (mine, theirs))
    said = {
        "our rate is not known": not pair.known,
        "our rate has no bounds": pair.known and not pair.bounded,
        f"another convention: ours is {pair.convention}, theirs {pair.their_convention}": (
            pair.alike is False
        ),
        "our convention is not stated": pair.convention == "not stated",
        "the benchmark does not state its convention": pair.their_convention == "not stated",
        "ours counts some causes alone": pair.alone,
        f"another length: {long}, theirs {their_long}; say period='year'": (
            not year and not pair.long
        ),
        f"ours carried over from {long}: new customers leave faster than they will later": (
            year and mine < _WHOLE_YEAR
        ),
        f"ours carried over from {long}": year and mine > _LONG_YEAR,
        f"theirs carried over from {their_long}": (
            year and not _WHOLE_YEAR <= theirs <= _LONG_YEAR
        ),
        "theirs is no proportion, of which nothing is made for a year": (
            year and pair.their_convention in NO_PROPORTIONS
        ),
        "the benchmark is quoted without source": pair.their_standing == "quoted without source",
    }
    return "; ".join(note for note, holds in said.items() if holds) or None
