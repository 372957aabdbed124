"""From surveys to the counts and sums behind every figure of what customers say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError, RetentionError, whole_number
from retention.frames import Columns, Frame, as_text, count, one_row
from retention.tables import SURVEYS, refuse_taken, segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

QUESTIONS = (
    *("satisfaction", "value_for_money", "repeat_intention", "recommend"),
    *("spoke_well", "spoke_ill"),
)
FIGURES: Mapping[str, str] = {
    "satisfaction": "satisfaction",
    "satisfied_share": "satisfaction",
    "net_promoter_score": "recommend",
    "promoter_share": "recommend",
    "detractor_share": "recommend",
    "value_for_money": "value_for_money",
    "repeat_intention": "repeat_intention",
    "positive_word_of_mouth": "spoke_well",
    "negative_word_of_mouth": "spoke_ill",
}
"""Every figure and the question that it is made of."""

RESPONSE = "response"
"""Whether an answer came back, counted like a figure of everybody who was asked."""

FEWEST_ANSWERS = 10
"""Below this many answers a mean has no bounds. From 10 to 30 they cover 88 times in 100 where
three in four give the same answer, 95 times where answers are spread out (simulated)."""

_SCALED = ("satisfaction", "value_for_money", "repeat_intention")
_OURS = {
    *("figure", "period", "until", "step", "repeated", "outcome", "score", "within", "lead"),
    *("value", "difference", "repeat_share", "response"),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """The first day on which anybody was asked, and the ends of the scale (NaN if none).

    `boxes` is how many of its best answers say that a customer is satisfied.
    """

    first: date
    low: float
    high: float
    boxes: int = 1

    def with_top_boxes(self, boxes: int) -> Scale:
        """The same scale, on which so many of the best answers count.

        Raises:
            RetentionError: if that is no whole number of them, or all of the scale.
        """
        n = whole_number("top_boxes", boxes, least=1, of="answers")
        if n > self.high - self.low:
            raise RetentionError(
                f"`top_boxes={n}` are all answers of a scale of {self.low:g} to {self.high:g}: "
                "everybody would be satisfied. Say fewer, such as 2 of 5."
            )
        return replace(self, boxes=n)

    def range_of(self, figure: str) -> tuple[float, float]:
        """The least and the greatest value that a figure can have."""
        if figure in _SCALED:
            return self.low, self.high
        return (-1.0 if figure == "net_promoter_score" else 0.0), 1.0


@dataclass(frozen=True, slots=True)
class Sums:
    """Over the customers of a cell: x, how many answers each gave, and y, what these sum to."""

    n: Floats
    x: Floats
    y: Floats
    xx: Floats
    xy: Floats
    yy: Floats

    @property
    def ratio(self) -> Floats:
        """The mean answer."""
        return intervals.ratio(self.y, self.x)

    @property
    def residuals(self) -> Floats:
        """Σ(y − r x)², 0 where it is nothing but rounding."""
        return intervals.squared_residuals(self.xx, self.xy, self.yy, self.ratio)


def segment_names(by: str | Sequence[str], *, prefixes: tuple[str, ...] = ()) -> list[str]:
    """The segment columns of surveys; none may be named like a column of the answer."""
    names = segments(by, SURVEYS, working=_OURS)
    ours = ("n_", "difference_", "response_", *prefixes)
    refuse_taken(names, [name for name in names if name.lower().startswith(ours)])
    return names


def surveys_asked(surveys: Frame, names: Sequence[str], as_of: date) -> tuple[Frame, Scale]:
    """Who was asked by `as_of`, with every question, null where not answered.

    Args:
        surveys: a table of surveys.
        names: the segment columns.
        as_of: the last observed day.

    Returns:
        `customer_id`, the segments, `date`, `_day` (its number), `response` (1 or 0) and
        `QUESTIONS`; and the scale.

    Raises:
        ColumnError: if a score lacks its scale.
        ContentError: if nobody was asked by `as_of`, or scales differ.
    """
    schema = surveys.collect_schema()
    known = [name for name in (*QUESTIONS, "scale_low", "scale_high") if name in schema]
    dated = surveys.filter(~nw.col("date").is_null()).select(
        "customer_id",
        "date",
        *(as_text(name, schema[name]) for name in names),
        *(nw.col(name).cast(nw.Float64) for name in known),
        response=nw.when(nw.col("answered")).then(nw.lit(1.0)).otherwise(nw.lit(0.0)),
        _day=periods.day_expr("date", surveys.implementation),
    )
    nothing = nw.lit(None, dtype=nw.Float64)
    answers = {
        name: nw.when(~nw.col(name).is_nan()).then(nw.col(name)) if name in schema else nothing
        for name in (*QUESTIONS, "scale_low", "scale_high")
    }
    rows = dated.filter(nw.col("_day") <= periods.number_of(as_of)).with_columns(**answers)
    scale = _scale_of_surveys(rows, known, as_of)
    return rows.drop("scale_low", "scale_high"), scale


def _scale_of_surveys(rows: Frame, known: Sequence[str], as_of: date) -> Scale:
    ends = ("scale_low", "scale_high")
    scored = [name for name in _SCALED if name in known]
    if scored and not set(ends) <= set(known):
        raise ColumnError(
            f"surveys: {', '.join(map(repr, scored))} lack their scale (columns 'scale_low' and "
            "'scale_high'). Load the table with as_surveys(..., scale=(1, 5)) or whichever it is."
        )
    most = rows.with_columns(**{f"{name}_most": nw.col(name) for name in ends})
    highest = (nw.col(f"{name}_most").max() for name in ends)
    found = one_row(most.select(nw.col("_day", *ends).min(), *highest))
    if found["_day"] is None:
        raise ContentError(f"surveys: nobody was asked by as_of {as_of}.")
    for name in ends:
        if found[name] != found[f"{name}_most"]:
            raise ContentError(
                f"surveys: {name!r} goes from {found[name]:g} to {found[f'{name}_most']:g}. "
                "Answers on different scales do not go into one mean: take them apart, or bring "
                "them to one scale."
            )
    low, high = (float("nan") if found[name] is None else found[name] for name in ends)
    return Scale(periods.day_of(int(found["_day"])), low, high)


def last_answers(rows: Frame, key: Sequence[str]) -> Frame:
    """One row per customer and cell: the last answer to each question, whichever survey it was in.

    Of several at one moment the lowest counts. Asked, or answered, is who ever was.
    """
    moments = {
        f"_at_{name}": nw.when(~nw.col(name).is_null()).then(nw.col("date")) for name in QUESTIONS
    }
    lasts = {f"_last_{name}": nw.col(f"_at_{name}").max().over(*key) for name in QUESTIONS}
    kept = [
        nw.when(nw.col(f"_at_{name}") == nw.col(f"_last_{name}")).then(nw.col(name)).alias(name)
        for name in QUESTIONS
    ]
    marked = rows.with_columns(**moments).with_columns(**lasts).with_columns(*kept)
    grouped = marked.group_by(*key)
    return grouped.agg(nw.col("response").max(), *(nw.col(name).min() for name in QUESTIONS))


def rows_with_figures(rows: Frame, scale: Scale) -> Frame:
    """The rows with a column of every figure (`_satisfaction`, …), null where not answered."""
    score, recommend = nw.col("satisfaction"), nw.col("recommend")
    top = (
        _one_if(score > scale.high - scale.boxes)
        if scale.high == scale.high
        else nw.lit(None, dtype=nw.Float64)
    )
    promotes, detracts = _one_if(recommend >= 9), _one_if(recommend <= 6)
    made = {
        "satisfied_share": top,
        "net_promoter_score": promotes - detracts,
        "promoter_share": promotes,
        "detractor_share": detracts,
    }
    columns = {f"_{name}": made.get(name, nw.col(FIGURES[name])) for name in FIGURES}
    answers = rows.with_columns(**columns, **{f"_{RESPONSE}": nw.col("response")})
    return answers.with_columns(
        nw.when(~nw.col(question).is_null()).then(nw.col(f"_{name}")).alias(f"_{name}")
        for name, question in FIGURES.items()
    )


def sums_of_customers(
    rows: Frame,
    key: Sequence[str],
    groups: Mapping[str, nw.Expr],
    figures: Sequence[str] = (*FIGURES, RESPONSE),
) -> Frame:
    """For every customer, cell and group: x, how many answers to a figure, and y, their sum.

    Args:
        rows: see `rows_with_figures`.
        key: the customer and the cell.
        groups: which rows belong to a group.
        figures: those that are wanted.

    Returns:
        The key, and for each figure and group `_x_figure_group` and `_y_figure_group`.
    """
    flagged = rows.with_columns(**{f"_in_{group}": inside for group, inside in groups.items()})
    terms = {}
    for figure in figures:
        value = nw.col(f"_{figure}")
        for group in groups:
            counts = nw.col(f"_in_{group}") & ~value.is_null()
            terms[f"_x_{figure}_{group}"] = count(counts).cast(nw.Float64)
            terms[f"_y_{figure}_{group}"] = nw.when(counts).then(value).otherwise(nw.lit(0.0))
    summed = flagged.with_columns(**terms).group_by(*key)
    return summed.agg(*(nw.col(name).sum() for name in terms))


def sums_of_cells(
    customers: Frame,
    cell: Sequence[str],
    groups: Sequence[str],
    further: Sequence[str] = (),
    figures: Sequence[str] = (*FIGURES, RESPONSE),
) -> Frame:
    """Sums over the customers of a cell: x, y, their squares and products, and how many have any.

    Args:
        customers: see `sums_of_customers`.
        cell: the columns of a cell.
        groups: one or two groups; of two also the products of the one with the other
            (`_xx_figure_both`, `_xy_…`, `_yx_…`, `_yy_…`).
        further: groups of which only x is wanted.
        figures: those that are wanted.
    """
    terms: dict[str, nw.Expr] = {}
    for figure in figures:
        for group in groups:
            x, y = (nw.col(f"_{letter}_{figure}_{group}") for letter in "xy")
            made = {"n": count(x > 0), "x": x, "y": y, "xx": x * x, "xy": x * y, "yy": y * y}
            terms |= {f"_{name}_{figure}_{group}": term for name, term in made.items()}
        for pair in ("xx", "xy", "yx", "yy") if len(groups) > 1 else ():
            one, other = (
                nw.col(f"_{letter}_{figure}_{group}")
                for letter, group in zip(pair, groups, strict=True)
            )
            terms[f"_{pair}_{figure}_both"] = one * other
        terms |= {f"_x_{figure}_{group}": nw.col(f"_x_{figure}_{group}") for group in further}
    grouped = customers.with_columns(**terms).group_by(*cell)
    return grouped.agg(*(nw.col(name).sum() for name in terms))


def sums_of_figure(cells: Columns, figure: str, group: str) -> Sums:
    """The sums of one figure and group, a value a cell."""
    names = ("n", "x", "y", "xx", "xy", "yy")
    return Sums(*(cells[f"_{name}_{figure}_{group}"].astype(float) for name in names))


def figure_columns(
    sums: Sums, figure: str, span: tuple[float, float], level: float, *, once: bool
) -> Columns:
    """Counts, value and bounds of a figure, a row per cell.

    Args:
        sums: of one figure and group.
        figure: its name.
        span: the least and the greatest value that it can have.
        level: confidence.
        once: whether every customer answered once, so that answers are independent.
    """
    lower, upper, method = _bounds_within_span(sums, figure, span, level, once=once)
    return {
        "n_answers": sums.x.astype(np.int64),
        "n_customers": sums.n.astype(np.int64),
        "value": sums.ratio,
        "lower": lower,
        "upper": upper,
        "bounds": method,
    }


def response_columns(cells: Columns, group: str, level: float, *, once: bool) -> Columns:
    """How many were asked, how many answered, and the share with its bounds, a row per cell."""
    sums = sums_of_figure(cells, RESPONSE, group)
    lower, upper, _ = _bounds_within_span(sums, RESPONSE, (0.0, 1.0), level, once=once)
    return {
        "n_asked": sums.x.astype(np.int64),
        "n_answered": sums.y.astype(np.int64),
        "response_share": sums.ratio,
        "response_lower": lower,
        "response_upper": upper,
    }


def tables_interleaved(parts: Sequence[Columns]) -> Columns:
    """Tables of one row per cell as one table: of each the first cell, then the second …."""
    return {name: np.stack([part[name] for part in parts], axis=1).ravel() for name in parts[0]}


def _bounds_within_span(
    sums: Sums, figure: str, span: tuple[float, float], level: float, *, once: bool
) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Bounds within what a figure can be, and how they were made, or why there are none."""
    if once and figure not in (*_SCALED, "net_promoter_score"):
        lower, upper = intervals.wilson_bounds(sums.y, sums.x, level)
        return lower, upper, np.where(sums.x > 0, "wilson", "none").astype(object)
    if once:
        lower, upper, method = _student_bounds(sums, level)
    else:
        lower, upper, method = intervals.ratio_bounds(
            sums.ratio, sums.x, sums.xx, sums.residuals, sums.n, level
        )
    return np.maximum(lower, span[0]), np.minimum(upper, span[1]), method


def _student_bounds(sums: Sums, level: float) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Mean m ± t s/√n, with s² = Σ(y − m)²/(n − 1) and t of n − 1 degrees of freedom."""
    from scipy.special import stdtrit  # loaded late: SciPy takes longer to import than all else

    n = np.where((sums.x >= FEWEST_ANSWERS) & (sums.residuals > 0), sums.x, np.nan)
    half = stdtrit(n - 1, (1 + level) / 2) * np.sqrt(sums.residuals / (n - 1) / n)
    method = np.select(
        [~np.isnan(n), sums.x >= FEWEST_ANSWERS, sums.x > 0],
        ["student", "none: all alike", "none: few answers"],
        "none",
    ).astype(object)
    return sums.ratio - half, sums.ratio + half, method


def _one_if(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
