"""Cohorts as a heat map and as curves: who began together, and who of them is back at which age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.catalogue import figure
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import AVERAGE, COHORT_CELLS
from retention.plots.paper.heat_grid import draw_cells
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, last_known_point, shading_of_lines
from retention.plots.paper.palette import LOOKS, Look, heat_colour
from retention.plots.paper.reading import Drawn, drawn_rows, has_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STANDING_OUT = 5
"""Cohorts that are drawn in colour where there are too many for all."""


def plot_cohorts(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Retention of each cohort at each age, as a heat map: the darker, the more are back.

    A row is a cohort with its number of customers, a column per age. Read along a row how one
    cohort thins out, down a column whether later cohorts do better at the same age, and along a
    diagonal what one moment of the calendar did to all. Hatched cells were not observed to their
    end: they are unknown, not zero.

    Args:
        table: from `cohort_retention`, of one segment; with `cohorts="attribute"` a row per
        segment.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-02-20"]),
        ...     "sales": [10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> ax = rt.plots.plot_cohorts(rt.cohort_retention(activity))
        >>> [name.get_text() for name in ax.get_yticklabels()]
        ['Jan 2024 (1)', 'Feb 2024 (1)']
    """
    drawn = drawn_rows(table, COHORT_CELLS)
    title = _title_of_cohorts(drawn)
    if not drawn.size or not np.isfinite(_observed_rates(drawn)).any():
        ax = axes.axes_to_draw_on(ax, across="")
        why = (
            "no cohort was observed to the end of an age."
            if drawn.size
            else "the table has no rows."
        )
        return axes.say_why_empty(ax, title, why)
    names, ages, cells = _rates_by_cohort(drawn)
    wide, high = 1.9 + 0.42 * len(ages), 1.3 + 0.28 * len(names)
    ax = axes.axes_to_draw_on(
        ax, size=(min(max(wide, 5.0), 11.0), min(max(high, 2.6), 11.0)), across=""
    )
    later = cells[:, 1:][np.isfinite(cells[:, 1:])]
    most = float(later.max()) if later.size and later.max() > 0 else 1.0
    draw_cells(ax, cells, most)
    axes.name_rows(ax, names)
    _label_ages(ax, ages)
    axes.set_titles(
        ax,
        title,
        x=f"{_unit_of_age(drawn).capitalize()}s since the first. Hatched: not yet observed",
    )
    return ax


def plot_cohort_curves(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Retention by age as curves: on average with its bounds, or a thin one for each cohort.

    Of a table of `average_retention` there is a curve a segment, with its bounds shaded. Of a table
    of `cohort_retention` there is a curve a cohort, the later the darker: curves that lie higher
    the darker they are say that retention gets better. Age 0, at which everybody is there, is left
    out. Later ages are made of fewer, older cohorts.

    Args:
        table: from `average_retention`, of up to eight segments, or from `cohort_retention`, of
            one.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20", "2024-02-03"]),
        ...     "sales": [10.0, 10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> kept = rt.kpis.average_retention(rt.cohort_retention(activity))
        >>> ax = rt.plots.plot_cohort_curves(kept)
        >>> ax.lines[0].get_ydata().tolist()
        [0.5]
    """
    by_cohort = has_column(table, "cohort") and not has_column(table, "n_cohorts")
    drawn = drawn_rows(table, COHORT_CELLS if by_cohort else AVERAGE)
    ax = axes.axes_to_draw_on(ax)
    title = _title_of_cohorts(drawn)
    later = drawn.where(drawn["age"] > 0)
    if not later.size or not np.isfinite(_observed_rates(later)).any():
        why = "no age after the first was observed." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    curves = _curves_of_cohorts(later) if by_cohort else _curves_of_segments(later)
    bounds = [later[name] for name in ("lower", "upper") if name in later]
    axes.set_percent_axis(ax, "y", np.concatenate([_observed_rates(later), *bounds]))
    ages = np.unique(later["age"])
    ax.set_xlim(ages[0] - 0.3, ages[-1] + 0.3)
    _set_age_ticks(ax, ages)
    for name, x, y, low_high, look in curves:
        if by_cohort and not name:
            ax.plot(x, y, color=look.colour, linewidth=0.8, zorder=1.5)
        else:
            draw_line(ax, x, y, low_high, look, shading_of_lines(len(curves)))
    note = "The darker, the later the cohort" if by_cohort else BOUNDS
    axes.set_titles(ax, title, x=f"Age: {_unit_of_age(drawn)}s since the first. {note}")
    label_ends(ax, _labels_at_ends(curves, alone=len(curves) == 1))
    return ax


def _curves_of_segments(drawn: Drawn) -> list[Any]:
    """A curve a segment: its name, x, y, bounds, look."""
    parts = [(name, part.sorted_by("age")) for name, part in drawn.parts()]
    return [
        (name, part["age"], part["rate"], (part["lower"], part["upper"]), look)
        for (name, part), look in zip(parts, LOOKS, strict=False)
    ]


def _curves_of_cohorts(drawn: Drawn) -> list[Any]:
    """A curve a cohort, ever darker; of many a few stand out, and are drawn last."""
    names, ages, cells = _rates_by_cohort(drawn)
    known = np.flatnonzero(np.isfinite(cells).any(axis=1))
    shown = known
    if known.size > len(LOOKS):
        shown = known[np.linspace(0, known.size - 1, _STANDING_OUT).astype(int)]
    dark = dict(zip(shown.tolist(), np.linspace(0.35, 1.0, shown.size), strict=True))
    order = [*(k for k in known.tolist() if k not in dark), *dark]
    nothing = np.full(ages.shape, np.nan)
    return [
        (
            names[k] if k in dark else "",
            *(ages, cells[k], (nothing, nothing)),
            Look(heat_colour(dark[k]) if k in dark else "#CBD2D8", "-", "o"),
        )
        for k in order
    ]


def _labels_at_ends(curves: list[Any], *, alone: bool) -> list[End]:
    """What stands at the ends of the curves that have names, or of the only one."""
    ends = []
    for name, x, y, _, look in curves:
        end = last_known_point(x, y)
        if name or alone:
            ends.append(End(*end, f"{name}\n{wording.percent(end[1])}".strip(), look.text))
    return ends


def _rates_by_cohort(drawn: Drawn) -> tuple[list[str], NDArray[Any], Floats]:
    """The names of the cohorts, their ages, and the rates by cohort and age; NaN: not known."""
    by_segment = bool(np.isnat(drawn["cohort"]).all()) and bool(drawn.by)
    one = drawn if by_segment else drawn.alone()
    labels = np.array(one.segments(), dtype=object) if by_segment else one["cohort"]
    keys, row = np.unique(labels, return_inverse=True)
    ages, column = np.unique(one["age"], return_inverse=True)
    cells = np.full((keys.size, ages.size), np.nan)
    cells[row, column] = _observed_rates(one)
    size = np.zeros(keys.size)
    np.maximum.at(size, row, one["n_cohort"])
    freq = str(one["freq"][0])
    names = [key if by_segment else wording.period(key, freq) for key in keys]
    return (
        [f"{name} ({wording.with_commas(n)})" for name, n in zip(names, size, strict=True)],
        ages,
        cells,
    )


def _observed_rates(drawn: Drawn) -> Floats:
    """The rates of the cells that were observed to their end."""
    seen = drawn["observed"] > 0 if "observed" in drawn else np.ones(drawn.size, dtype=bool)
    return np.where(seen, drawn["rate"], np.nan)


def _label_ages(ax: Axes, ages: NDArray[Any]) -> None:
    room = max(1, int(axes.width_of(ax) / (2.2 * axes.points_of("small"))))
    stride = next((s for s in (1, 2, 3, 5, 6, 10, 12, 24, 52) if len(ages) / s <= room), len(ages))
    places = range(0, len(ages), stride)
    ax.set_xticks(list(places), [f"{ages[place]:g}" for place in places])
    ax.tick_params(axis="x", length=0)


def _set_age_ticks(ax: Axes, ages: NDArray[Any]) -> None:
    room = max(2, int(axes.width_of(ax) / (3 * axes.points_of("small"))))
    stride = next((s for s in (1, 2, 3, 4, 6, 12, 24, 52) if np.ptp(ages) / s < room), 100)
    ticks = np.arange(ages[0] if stride == 1 else 0, ages[-1] + 1, stride)
    ticks = ticks[ticks >= ages[0]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])


def _title_of_cohorts(drawn: Drawn) -> str:
    measure = str(drawn["measure"][0]) if "measure" in drawn and drawn.size else "customers"
    how = str(drawn["kind"][0]) if "kind" in drawn and drawn.size else "on"
    said = {
        "on": "at each age",
        "on_or_after": "at each age or later",
        "bracket": "within each age",
    }
    return f"{figure('rate').label}: share of {measure} back {said.get(how, 'at each age')}"


def _unit_of_age(drawn: Drawn) -> str:
    return str(drawn["freq"][0]) if "freq" in drawn and drawn.size else "period"
