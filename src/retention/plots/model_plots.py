"""What a model found: the ratios of its covariates, with their bounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import wording
from retention.errors import check_choice
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import COEFFICIENTS
from retention.plots.paper.palette import INK, LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

RatioOf = Literal["hazards", "odds", "times"]

_SAID = {
    "hazards": ("Hazard ratio", "stay longer", "leave sooner"),
    "odds": ("Odds ratio of leaving", "stay longer", "leave sooner"),
    "times": ("Ratio of times to leaving", "leave sooner", "stay longer"),
}
_WIDEST = 100.0
"""Bounds further than this from every ratio are cut off with an arrow."""


def plot_coefficients(
    table: IntoFrame, *, ratio: RatioOf = "hazards", ax: Axes | None = None
) -> Axes:
    """How much sooner or later customers leave, by each covariate: a forest plot.

    A point is the ratio of two customers who differ by one in the covariate (or by having it, or in
    the level from the reference) and are alike in all others; 1, the line, means no difference. The
    bar is its bounds: where it crosses the line, the data allow for no difference. The scale is
    logarithmic, so that twice and half are as far from the line. Bounds beyond the picture end in
    an arrow.

    Args:
        table: from the method `coefficients()` of a model.
        ratio: what the ratios are of: "hazards" (`fit_cox`, and `fit_hazard` with complementary
            log-log link), "odds" (`fit_hazard` with logit link) or "times" (`fit_aft`).
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        RetentionError: if `ratio` is none of its values.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [9, 1, 1, 6, 6, 8], "churned": [True, True, False, True, True, False],
        ...     "x": [0, 1, 1, 1, 0, 0],
        ... })
        >>> model = rt.fit_cox(spells, covariates="x")
        >>> ax = rt.plots.plot_coefficients(model.coefficients())
        >>> ax.get_xscale()
        'log'
    """
    check_choice("ratio", ratio, get_args(RatioOf))
    drawn = drawn_rows(table, COEFFICIENTS)
    names = [_name_of_term(*pair) for pair in zip(drawn["term"], drawn["reference"], strict=True)]
    ax = axes.axes_to_draw_on(
        ax, size=(axes.SIZE[0], max(2.4, 1.5 + 0.34 * drawn.size)), across="x"
    )
    label, less, more = _SAID[ratio]
    known = np.isfinite(drawn["ratio"]) & (drawn["ratio"] > 0)
    if not known.any():
        why = "no coefficient is known." if drawn.size else "the model has no coefficients."
        return axes.say_why_empty(ax, label, why)
    axes.name_rows(ax, names, width=32)
    low, high = _limits_of_ratios(drawn.where(known))
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    _set_ratio_ticks(ax, low, high)
    ax.axvline(1.0, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    _draw_forest(ax, drawn, known)
    axes.set_titles(ax, f"{label}, with bounds", x=f"← {less}     1: no difference     {more} →")
    return ax


def _draw_forest(ax: Axes, drawn: Drawn, known: NDArray[np.bool_]) -> None:
    low, high = ax.get_xlim()
    columns = (drawn[name] for name in ("ratio", "ratio_lower", "ratio_upper"))
    look: dict[str, Any] = {"color": LOOKS[0].colour, "zorder": 3}
    for row, (ratio, lower, upper) in enumerate(zip(*columns, strict=True)):
        words = "not known"
        if known[row]:
            ends = [math.nan, math.nan]
            if np.isfinite(lower):
                ends = [max(lower, low), min(upper, high) if np.isfinite(upper) else high]
                ax.hlines(row, *ends, linewidth=1.8, **look)
            for cut, marker, end in ((lower < low, "<", low), (not upper <= high, ">", high)):
                if cut and np.isfinite(lower):
                    ax.plot([end], [row], marker=marker, clip_on=False, markersize=6, **look)
            if low <= ratio <= high:
                ax.plot([ratio], [row], marker="o", markersize=6.5, linestyle="none", **look)
            words = f"{_ratio_text(ratio)} ({_ratio_text(lower)} to {_ratio_text(upper)})"
            words = words if np.isfinite(lower) else f"{_ratio_text(ratio)} (bounds not known)"
        colour = INK if known[row] else MUTED
        axes.write_note(ax, words, (1, row), (8, 0), anchor="left center", colour=colour, of="y")


def _limits_of_ratios(drawn: Drawn) -> tuple[float, float]:
    """The ends of the scale: all ratios, and their bounds as far as these are not out of reach."""
    logs = np.log(np.append(drawn["ratio"], 1.0))
    bounds = np.concatenate([drawn["ratio_lower"], drawn["ratio_upper"]])
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.log(bounds)
    near = ends[np.isfinite(ends) & (np.abs(ends) <= np.abs(logs).max() + math.log(_WIDEST) / 2)]
    every = np.concatenate([logs, near])
    low, high = every.min(), every.max()
    room = max(0.06 * (high - low), 0.1)
    return math.exp(max(low - room, -600)), math.exp(min(high + room, 600))


def _set_ratio_ticks(ax: Axes, low: float, high: float) -> None:
    """Ratios as people say them: half, 1, twice, five times."""
    from matplotlib.ticker import NullFormatter, NullLocator

    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    wide = math.log10(high / low)
    tenths = (1, 1.1, 1.2, 1.3, 1.5, 1.7, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    steps = (
        tenths
        if wide < 0.5
        else (1, 1.5, 2, 3, 5, 7)
        if wide < 1
        else (1, 2, 5)
        if wide < 2.2
        else (1,)
    )
    places = [step * 10.0**decade for decade in decades for step in steps]
    inside = [place for place in places if low <= place <= high]
    inside = inside[:: max(1, -(-len(inside) // 9))]
    ax.set_xticks(inside, [f"{place:g}" for place in inside])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())


def _ratio_text(ratio: float) -> str:
    """A ratio to about three digits."""
    if math.isnan(ratio):
        return wording.UNKNOWN
    if not 0.01 <= ratio < 1000:
        return "<0.01" if ratio < 0.01 else ">999"
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"


def _name_of_term(term: str, reference: str) -> str:
    return f"{term.replace('=', ': ', 1)} (against {reference})" if reference else term
