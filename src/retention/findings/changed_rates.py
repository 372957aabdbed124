"""Which rates have changed from period to period, said no louder than their bounds allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals, periods
from retention.catalogue import FIGURES
from retention.catalogue import figure as record_of
from retention.errors import ColumnError, ContentError
from retention.findings.changes import Rate, change_of_rates
from retention.frames import Columns, as_lazy, as_text, collect, table_like
from retention.names import outer_text
from retention.numerics.codes import group_numbers
from retention.tables import column_names
from retention.tables.answer_columns import (
    constants,
    differences,
    gives,
    shares,
    texts,
    times,
    whole_numbers,
)
from retention.wording import percent, spoken_period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray


@gives(
    "segment and period",
    times("period_before", "period"),
    whole_numbers("step"),
    shares("before", "after"),
    differences("change", "lower", "upper"),
    texts("verdict", "finding"),
    constants(texts("figure"), whole_numbers("apart")),
)
def has_changed(
    table: IntoFrameT,
    *,
    figure: str = "retention_rate",
    by: str | Sequence[str] = (),
    apart: int = 1,
) -> IntoFrameT:
    """Whether a rate has changed: each period against the one `apart` periods before it.

    With rates p and bounds l, u of different people, the change d = after − before lies between

        d − √((p1 − l1)² + (u0 − p0)²)  and  d + √((u1 − p1)² + (p0 − l0)²).

    It is clear where these bounds leave out 0. Customers of two periods are partly the same people;
    then the bounds are wider than they need be, so that "clear" is said too seldom.

    Args:
        table: a table of rates by period: that of `outcome_kpis`, `retention_rate`, `churn_by` or
            another with `period`, `step`, the figure and its bounds.
        figure: the column, whose bounds are `<figure>_lower` and `<figure>_upper`, or else `lower`
            and `upper` where no other figure stands between.
        by: segment columns of the table.
        apart: how many periods lie between the two, 1 or more: 12 for the same month a year before.

    Returns:
        One row per segment and period that has another one so much earlier, in the caller's kind:
        the `by` columns, `period_before`, `period`, `step`, `before`, `after`, `change`, `lower`,
        `upper` (of the change; null where bounds are not known), `verdict` ("better", "worse" or
        "same", by what is better of the figure; "unknown" without bounds), `finding` (a sentence),
        and the constants `figure` and `apart`.

    Raises:
        RetentionError: if `apart` is not a whole number above 0.
        ColumnError: if a column is missing, a segment has a name that the answer uses itself, or
            the figure is not of the catalogue.
        ContentError: if a segment and period stand in several rows: say `by`.

    Example:
        Of 70 customers 56 stayed, then of 80 only 48.

        >>> import pandas as pd
        >>> import retention as rt
        >>> rates = pd.DataFrame({
        ...     "period": pd.to_datetime(["2024-01-01", "2024-02-01"]), "step": [24288, 24289],
        ...     "retention_rate": [0.8, 0.6], "lower": [0.6918, 0.4902], "upper": [0.8769, 0.7005],
        ... })
        >>> found = rt.findings.has_changed(rates)
        >>> found[["change", "lower", "upper", "verdict"]].round(3)
           change  lower  upper verdict
        0    -0.2 -0.334 -0.052   worse
        >>> found["finding"][0].partition(", ")[2]
        'down by 20.0 points (−33.4 to −5.2 points) against Jan 2024.'

    Source:
        Zou, G. Y. and Donner, A. (2008), Statistics in Medicine 27, 1693–1702; Newcombe, R. G.
        (1998), Statistics in Medicine 17, 873–890, method 10.
    """
    periods.check_lag(apart, argument="apart")
    names = column_names(by)
    record = record_of(figure)
    segments, found = _segments_and_rates(table, figure, names)
    later, earlier = _pairs_of_rows(segments, found["step"], apart)
    freq = periods.freq_of(found["period"], found["step"])
    columns: Columns = {name: labels[later] for name, labels in segments.items()}
    columns |= {"period_before": found["period"][earlier], "period": found["period"][later]}
    columns |= {"step": found["step"][later]}
    before, after = (
        [found[name][rows] for name in ("rate", "lower", "upper")] for rows in (earlier, later)
    )
    lower, upper = intervals.bounds_of_difference(tuple(after), tuple(before))  # type: ignore[arg-type]
    columns |= {"before": before[0], "after": after[0], "change": after[0] - before[0]}
    columns |= {"lower": lower, "upper": upper}
    columns["verdict"] = _verdicts(columns, record.better)
    days = zip(columns["period"], columns["period_before"], strict=True)
    columns["finding"] = np.array(
        [
            f"{record.label} of {spoken_period(now, freq)}: {percent(float(p))}, "
            f"{change_of_rates(one, other).in_words()} against {spoken_period(then, freq)}."
            for (now, then), p, one, other in zip(
                days, after[0], _rates_of_rows(before), _rates_of_rows(after), strict=True
            )
        ],
        dtype=object,
    )
    columns["figure"] = np.full(later.size, figure, dtype=object)
    columns["apart"] = np.full(later.size, apart, np.int64)
    return table_like({outer_text(name): values for name, values in columns.items()}, table)


def _segments_and_rates(table: object, figure: str, names: list[str]) -> tuple[Columns, Columns]:
    """The segments of each row; the rate, its bounds, the period and its step."""
    frame = as_lazy(table, name="the table")
    schema = frame.collect_schema()
    for asked, name in (
        *(("by", each) for each in names),
        *(("figure", each) for each in (figure, "period", "step")),
    ):
        if name not in schema:
            raise ColumnError.unknown(asked, name, schema)
    ends = _bound_columns(figure, list(schema))
    labels = [as_text(name, schema[name]) for name in names]
    found = collect(frame.select(*labels, "period", "step", figure, *ends))
    rate = found[figure].astype(np.float64)
    lower, upper = (found[end].astype(np.float64) for end in ends) if ends else [rate * np.nan] * 2
    rates = {"rate": rate, "lower": lower, "upper": upper}
    place = {"period": found["period"], "step": found["step"].astype(np.int64)}
    return {name: found[name] for name in names}, {**rates, **place}


def _bound_columns(figure: str, columns: list[str]) -> tuple[str, ...]:
    """The columns with the bounds of a figure: named after it, or the first behind it; or none."""
    own = (f"{figure}_lower", f"{figure}_upper")
    if set(own) <= set(columns):
        return own
    if not {"lower", "upper"} <= set(columns):
        return ()
    figures = {record.name for record in FIGURES}
    before = [name for name in columns[: columns.index("lower")] if name in figures]
    return ("lower", "upper") if before[-1:] == [figure] else ()


def _pairs_of_rows(
    segments: Columns, steps: NDArray[np.int64], apart: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows that have an earlier one, and these, by segment and period."""
    names = list(segments)
    segment, _ = group_numbers(segments, names, steps.size)
    step = steps - steps.min(initial=0)
    code = segment * (int(step.max(initial=0)) + 1 + apart) + step + apart
    order = np.argsort(code)
    if np.unique(code).size < code.size:
        if not names:
            raise ContentError(
                "The table has several rows per period: say `by=`, all its segments."
            )
        said = [outer_text(name) for name in names]
        raise ContentError(
            f"The table has several rows per period though `by={said}`: name all its segments."
        )
    place = np.searchsorted(code[order], code[order] - apart)
    there = code[order][np.minimum(place, code.size - 1)] == code[order] - apart
    return order[there], order[place[there]]


def _verdicts(columns: Columns, better: str) -> NDArray[Any]:
    up, down = columns["lower"] > 0, columns["upper"] < 0
    words = (
        np.where(up, "better", "worse") if better == "higher" else np.where(up, "worse", "better")
    )
    clear = np.where((up | down) & (better != "neither"), words, "same")
    return np.where(np.isnan(columns["lower"]), "unknown", clear).astype(object)


def _rates_of_rows(columns: list[Any]) -> list[Rate]:
    rows = zip(*(values.tolist() for values in columns), strict=True)
    return [Rate(*(None if value != value else value for value in row)) for row in rows]  # noqa: PLR0124
