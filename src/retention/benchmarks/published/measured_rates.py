"""Our rates as they come to be compared: churn with counts, bounds, length and convention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError, RetentionError, check_choice, is_number
from retention.frames import as_lazy, as_text, collect
from retention.numerics.codes import group_numbers
from retention.tables import BENCHMARKS, CHURN_CONVENTIONS, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns, Frame

    Floats = NDArray[np.float64]

NO_PROPORTIONS = ("all_cancellations", "exposure")
"""Conventions whose rate is no share of customers: it may exceed 1."""

_RETENTION = "retention_rate"
_WAYS = (
    (_RETENTION, f"{_RETENTION}_lower", f"{_RETENTION}_upper"),
    (_RETENTION, "lower", "upper"),
    ("churn_rate", "lower", "upper"),
    ("logo_churn", "lower", "upper"),
)
"""The rates that can be compared, each with its bounds; the first that a table has is meant."""

_ROUNDING = 1e-6
_LARGEST = np.finfo(np.float64).max
_ALIKE = 0.1
"""Lengths that differ by no more than this share are one: months have 28 to 31 days."""


@dataclass(frozen=True, slots=True)
class MeasuredRates:
    """Churn by segment and period, an array each: the rate, its bounds, counts, days, convention.

    `alone` says where only some causes count.
    """

    segments: Columns
    period: NDArray[Any]
    n_base: Floats
    n_churned: Floats
    rate: Floats
    lower: Floats
    upper: Floats
    days: Floats
    convention: NDArray[Any]
    alone: NDArray[np.bool_]


class _Way(NamedTuple):
    """The columns of a table that hold the rate, its bounds and its counts."""

    rate: str
    lower: str
    upper: str
    base: str
    lost: str | None
    kept: str | None


def measured_rates(
    table: object, *, by: Sequence[str], convention: str | None, days: float | None
) -> MeasuredRates:
    """The churn rates of a table, whichever function made it; retention is turned to churn.

    Args:
        table: the rates.
        by: its segment columns.
        convention: how they are counted, where the table does not say it.
        days: their length, where the table does not tell it.

    Raises:
        ColumnError: if it has no rate of customers with bounds and counts.
        ContentError: if rows are not told apart, or a rate does not fit its bounds or its counts.
        RetentionError: if length or convention are not known, or said twice.
    """
    frame = as_lazy(table, name="rates")
    schema = frame.collect_schema()
    for name in by:
        if name not in schema:
            raise ColumnError.unknown("by", name, schema)
    way = _way_of_table(list(schema))
    found = _collected_rates(frame, way, by)
    segments = {name: found.pop(name) for name in by}  # not what the table says by such a name
    rate, lower, upper = (found[f"_{part}"] for part in ("rate", "lower", "upper"))
    if way.rate == _RETENTION:
        rate, lower, upper = 1.0 - rate, 1.0 - upper, 1.0 - lower
    base = found["_base"]
    lost = found["_lost"] if way.lost else np.rint(rate * base)
    told = _conventions_of_rows(found, convention)
    _refuse_odd_numbers(way, found, proportion=~np.isin(told.astype(str), NO_PROPORTIONS))
    _refuse_unfitting(way, found)
    period = _days_of_rows(found)
    own = MeasuredRates(
        segments=segments,
        period=period,
        n_base=base,
        n_churned=lost,
        rate=rate,
        lower=lower,
        upper=upper,
        days=_lengths_of_rows(found, days),
        convention=told,
        alone=_counts_some_causes(found),
    )
    return _sorted_rates(own, by)


def _way_of_table(names: Sequence[str]) -> _Way:
    """Which columns hold the rate, its bounds and its counts."""
    there = set(names)
    way = next((way for way in _WAYS if set(way) <= there), None)
    if way is None:
        has = ", ".join(map(repr, names[:20])) or "no columns"
        raise ColumnError(
            "rates has no rate of customers with its bounds: 'retention_rate', 'churn_rate' or "
            f"'logo_churn', and 'lower' and 'upper'. It has: {has}. Give a table from "
            "outcome_kpis, retention_rate, churn_by, churn_rate, logo_churn or rolling_retention; "
            "rates of sales or profit have no benchmark of customers."
        )
    base = "at_risk" if way[0] == "churn_rate" and "at_risk" in there else "n_base"
    if base not in there:
        raise ColumnError.missing("rates", base, "of how many customers", names, "")
    lost = "n_churned" if "n_churned" in there else None
    counts_kept = base == "n_base" and "n_retained" in there and "n_reactivated" not in there
    return _Way(*way, base, lost, "n_retained" if counts_kept else None)


def _collected_rates(frame: Frame, way: _Way, by: Sequence[str]) -> Columns:
    """The columns that matter, the numbers as floats, NaN where one is missing."""
    schema = frame.collect_schema()
    said = ("period", "step", "lag", "date", "days", "convention", "causes")
    numbers = {"rate": way.rate, "lower": way.lower, "upper": way.upper, "base": way.base}
    numbers |= {"lost": way.lost} if way.lost else {}
    numbers |= {"kept": way.kept} if way.kept else {}
    for name in numbers.values():
        if not schema[name].is_numeric():
            raise ColumnError(f"rates: {name!r} holds {schema[name]}, not numbers.")
    return collect(
        frame.select(
            *(as_text(name, schema[name]) for name in by),
            *(name for name in said if name in schema and name not in by),
            *(nw.col(name).cast(nw.Float64).alias(f"_{part}") for part, name in numbers.items()),
        )
    )


def _refuse_odd_numbers(way: _Way, found: Columns, *, proportion: NDArray[np.bool_]) -> None:
    """Refuse what is no share of 1 where it has to be, no count, or not finite."""
    for part in ("rate", "lower", "upper"):
        value, most = found[f"_{part}"], np.where(proportion, 1.0 + _ROUNDING, _LARGEST)
        odd = value[(value < -_ROUNDING) | (value > most)]
        if odd.size:
            raise ContentError(
                f"rates: {getattr(way, part)!r} is a share of 1, such as 0.4 for 40 %; "
                f"got {odd[0]:g}."
            )
    for part in ("base", "lost", "kept"):
        if (name := getattr(way, part)) is None:
            continue
        odd = found[f"_{part}"][(found[f"_{part}"] < 0) | np.isinf(found[f"_{part}"])]
        if odd.size:
            raise ContentError(f"rates: {name!r} counts customers, 0 or more; got {odd[0]:g}.")


def _refuse_unfitting(way: _Way, found: Columns) -> None:
    """Refuse rates that are not those of their bounds and counts: retention passed for churn."""
    rate, base = found["_rate"], found["_base"]
    outside = (rate < found["_lower"] - _ROUNDING) | (rate > found["_upper"] + _ROUNDING)
    if bool(outside.any()):
        raise ContentError(
            f"rates: {way.rate!r} lies outside {way.lower!r} and {way.upper!r}: the bounds are of "
            "another figure. Give the answer as the function made it."
        )
    for name, part, is_kept in ((way.lost, "_lost", False), (way.kept, "_kept", True)):
        if name is None:
            continue
        share = intervals.ratio(found[part], base)
        expected = share if is_kept == (way.rate == _RETENTION) else 1 - share
        apart = np.flatnonzero(np.abs(expected - rate) > _ROUNDING)
        if apart.size:
            row = int(apart[0])
            raise ContentError(
                f"rates: {way.rate!r} is {rate[row]:.4g}; by {name!r} of {way.base!r} it were "
                f"{expected[row]:.4g}. Is it kept instead of lost?"
            )


def _days_of_rows(found: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The day by which a row goes, none where the table has none."""
    named = next((name for name in ("period", "date") if name in found), None)
    if named is None:
        return np.full(found["_rate"].size, "NaT", "datetime64[us]")
    try:
        return found[named].astype("datetime64[us]")
    except (TypeError, ValueError):
        raise ContentError(
            f"rates: {named!r} holds no days. Give the answer as the function made it."
        ) from None


def _lengths_of_rows(found: Mapping[str, NDArray[Any]], days: float | None) -> Floats:
    """Within how many days customers were lost, as the table tells or the user says."""
    told = _lengths_told(found)
    if days is not None and not (is_number(days) and days > 0):
        raise RetentionError(f"days is the length of a rate, above 0; got {days!r}.")
    if told is None and days is None:
        raise RetentionError(
            "rates does not tell within how many days customers were lost: say `days=`, such as "
            "`days=30.4375` for a month."
        )
    if told is not None and days is not None:
        raise RetentionError("rates tells its length itself, by its periods: leave out `days=`.")
    return told if told is not None else np.full(found["_rate"].size, float(days or 0))


def _lengths_told(found: Mapping[str, NDArray[Any]]) -> Floats | None:
    if "days" in found:
        told = found["days"].astype(np.float64)
        if not bool((np.isfinite(told) & (told > 0)).all()):
            raise ContentError("rates: 'days' is a length above 0, known in every row.")
        return told
    if not {"period", "step"} <= set(found):
        return None
    if not found["_rate"].size:
        return np.zeros(0)
    freq = periods.freq_of(found["period"], _whole_numbers_of("step", found))
    if freq == "period":
        return None
    steps = _whole_numbers_of("step", found)
    lag = _whole_numbers_of("lag", found) if "lag" in found else np.ones_like(steps)
    opens = periods.day_numbers(periods.first_days(steps, freq))
    return (periods.day_numbers(periods.first_days(steps + lag, freq)) - opens).astype(np.float64)


def _whole_numbers_of(name: str, found: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """A column of whole numbers, all known."""
    values = found[name].tolist()
    if not all(is_number(one) and one == int(one) for one in values):
        raise ContentError(f"rates: {name!r} is a whole number, known in every row.")
    return np.array(values, np.float64).astype(np.int64)


def _conventions_of_rows(found: Mapping[str, NDArray[Any]], convention: str | None) -> NDArray[Any]:
    if "convention" in found:
        if convention is not None:
            raise RetentionError("rates says its convention itself: leave out `convention=`.")
        odd = sorted(set(map(str, found["convention"].tolist())) - set(CHURN_CONVENTIONS))
        if odd:
            raise ContentError(
                f"rates: 'convention' says {odd[0]!r}, which is none. It is one of "
                f"{', '.join(map(repr, CHURN_CONVENTIONS))}."
            )
        return found["convention"].astype(object)
    if convention is None:
        raise RetentionError(
            "How are the rates counted? Their table does not say, so say it: "
            "`convention='endpoint'` of contracts, those in force at the opening and not at the "
            "close; `convention='no_purchase'` of purchases, those who bought in a period and not "
            "in the later one."
        )
    check_choice("convention", convention, CHURN_CONVENTIONS)
    return np.full(found["_rate"].size, convention, dtype=object)


def _counts_some_causes(found: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    causes = found.get("causes")
    if causes is None:
        return np.zeros(found["_rate"].size, np.bool_)
    return np.array(
        [isinstance(one, str) and one not in ("", "all") for one in causes.tolist()], np.bool_
    )


def _sorted_rates(own: MeasuredRates, by: Sequence[str]) -> MeasuredRates:
    """The rates by segment and period, which no two rows have in common."""
    place, _ = group_numbers(own.segments, by, own.rate.size)
    order = np.lexsort((own.period, place))
    key = np.stack([place[order], own.period[order].astype(np.int64)])
    if bool((key[:, 1:] == key[:, :-1]).all(axis=0).any()):
        raise ContentError(
            "rates has several rows of one period: say `by=`, the segment columns that tell them "
            "apart."
        )
    parts = {
        name: getattr(own, name)[order] for name in MeasuredRates.__slots__ if name != "segments"
    }
    return MeasuredRates({name: own.segments[name][order] for name in by}, **parts)


def benchmark_columns(table: object, *, wants: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """The rows of benchmarks, sorted, those columns filled that are not there.

    Args:
        table: what the user gave.
        wants: optional columns that have to be there.

    Raises:
        ColumnError: if a column is missing.
        ContentError: if a number or a word is none that `as_benchmarks` gives.
    """
    frame = require(table, BENCHMARKS)
    schema = frame.collect_schema()
    meant = {column.name: column for column in BENCHMARKS.columns}
    for name in wants:
        if name not in schema:
            about = "benchmarks (a churn rate that somebody published)"
            raise ColumnError.missing(about, name, meant[name].meaning, schema, BENCHMARKS.door)
    floats = ("rate", "rate_lower", "rate_upper", "days", *(["share"] if "share" in schema else []))
    texts = ["name", "convention", "source", "standing"]
    texts += ["segment"] if "segment" in schema else []
    found = collect(
        frame.select(
            *(nw.col(name).cast(nw.Float64) for name in floats),
            *(as_text(name, schema[name]) for name in texts),
            nw.col("year").cast(nw.Int64),
        )
    )
    found.setdefault("segment", np.full(found["rate"].size, "(all)", dtype=object))
    found.setdefault("share", np.full(found["rate"].size, np.nan))
    _refuse_odd_benchmarks(found)
    keys = [found[k].astype(str) for k in ("convention", "source", "segment")]
    order = np.lexsort((*keys, found["days"], found["year"], found["name"].astype(str)))
    return {name: values[order] for name, values in found.items()}


def _refuse_odd_benchmarks(found: Mapping[str, NDArray[Any]]) -> None:
    say = "Load them with as_benchmarks(...), which says what is wrong with which row."
    for name in ("rate", "rate_lower", "rate_upper", "share"):
        outside = found[name][(found[name] < 0) | (found[name] > 1)]
        if outside.size:
            raise ContentError(
                f"benchmarks: {name!r} is a share of 1: say 0.4 for 40 %; got {outside[0]:g}. {say}"
            )
    least, rate, most = (found[name] for name in ("rate_lower", "rate", "rate_upper"))
    apart = (least > most) | (rate < least - _ROUNDING) | (rate > most + _ROUNDING)
    if bool(apart.any()):
        row = int(np.flatnonzero(apart)[0])
        raise ContentError(
            f"benchmarks: the rate of {found['name'][row]!r} lies outside its range, "
            f"{least[row]:g} to {most[row]:g}. {say}"
        )
    if not bool(((found["days"] > 0) & np.isfinite(found["days"])).all()):
        raise ContentError(f"benchmarks: 'days' is a length above 0. {say}")
    odd = sorted({str(word) for word in found["convention"]} - set(CHURN_CONVENTIONS))
    if odd:
        raise ContentError(f"benchmarks: {odd[0]!r} is no convention. {say}")


def same_length(days: Floats, others: Floats) -> NDArray[np.bool_]:
    """Whether two lengths are one, as a month of 28 and one of 31 days are."""
    return np.asarray(np.abs(days - others) <= _ALIKE * np.maximum(days, others))


def same_convention(own: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Whether two conventions are one: true, false, or None where either is not stated."""
    return np.array(
        [
            None if "not stated" in (mine, theirs) else mine == theirs
            for mine, theirs in zip(own.tolist(), other.tolist(), strict=True)
        ],
        dtype=object,
    )
