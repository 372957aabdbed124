"""A rate in the band of what is usual, and rates beside each other with what lies between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods, wording
from retention.catalogue import FIGURES
from retention.errors import count_of
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import COMPARED, USUAL
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import draw_line, last_known_point
from retention.plots.paper.palette import INK, LOOKS, MUTED, PALE, PLAIN, colour_of_move
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FREQS = ("year", "quarter", "month", "week", "day")
_LONGEST_SIDE = 20
"""Letters of a group that leave room for the other."""

_MARKED = 6
"""Points outside that are named; more would cover each other."""


def plot_usual_band(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """A rate period by period, in the band where it lies while nothing has changed.

    The band of a period is made of what came before it; where too little did, none is drawn. Points
    outside are marked, for the better in blue and for the worse in orange, and up to six are named.

    Args:
        table: from `usual_band`, of one segment.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> months = pd.date_range("2024-01-01", periods=9, freq="MS")
        >>> rates = pd.DataFrame({"period": months, "n_base": 100, "n_retained": [90] * 8 + [70]})
        >>> ax = rt.plots.plot_usual_band(
        ...     rt.benchmarks.usual_band(rates, level=0.99, spread="binomial")
        ... )
        >>> ax.get_title(loc="left")
        'Raw retention rate: 1 of 1 month lay outside the usual band'
    """
    drawn = drawn_rows(table, USUAL).alone().sorted_by("period")
    ax = axes.axes_to_draw_on(ax)
    if not np.isfinite(drawn["rate"]).any():
        why = "no rate is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, "The usual band", why)
    steps, freq = _steps_of_days(drawn["period"])
    every = np.concatenate([drawn[name] for name in ("rate", "lower", "upper")])
    axes.set_percent_axis(ax, "y", every)
    axes.set_calendar_axis(ax, steps, freq)
    _draw_band(ax, drawn, steps)
    nothing = np.full(drawn.size, np.nan)
    draw_line(ax, steps.astype(np.float64), drawn["rate"], (nothing, nothing), LOOKS[0])
    outside = np.isin(drawn["outside"], ["below", "above"])
    _mark_outside(ax, drawn, steps, (outside, freq))
    x, y = last_known_point(steps.astype(np.float64), drawn["rate"])
    axes.set_titles(ax, _title_of_band(drawn, outside, freq), x=_reading_of_band(drawn))
    label_ends(ax, [End(x, y, wording.percent(y), LOOKS[0].text)])
    return ax


def _steps_of_days(days: NDArray[Any]) -> tuple[NDArray[np.int64], str]:
    """Numbers of the periods that begin on these days, of the longest kind that there is."""
    for freq in _FREQS:
        steps = np.array([periods.step_of(day, freq) for day in days.tolist()], np.int64)
        if (periods.first_days(steps, freq) == days).all():
            break
    return steps, freq


def _draw_band(ax: Axes, drawn: Drawn, steps: NDArray[np.int64]) -> None:
    """The band as a shade that reaches half a period to each side, and the usual rate in it."""
    for row in np.flatnonzero(np.isfinite(drawn["lower"])):
        sides, band = [steps[row] - 0.5, steps[row] + 0.5], (drawn["lower"], drawn["upper"])
        ax.fill_between(sides, band[0][row], band[1][row], color=PALE, linewidth=0, zorder=0)
    between = steps.astype(np.float64)
    ax.plot(between, drawn["usual_rate"], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))


def _mark_outside(
    ax: Axes, drawn: Drawn, steps: NDArray[np.int64], found: tuple[NDArray[np.bool_], str]
) -> None:
    outside, freq = found
    mark: dict[str, Any] = {"markersize": 11, "markeredgewidth": 2.0, "markerfacecolor": "none"}
    better = _better_of_figure(str(drawn["figure"][0]))
    for side in ("below", "above"):
        some = drawn["outside"] == side
        colour = colour_of_move(side == "above", better)
        x, y = steps[some], drawn["rate"][some]
        ax.plot(x, y, linestyle="none", marker="o", color=colour, zorder=4, **mark)
    if outside.sum() > _MARKED:
        return
    for row in np.flatnonzero(outside)[: _MARKED + 1]:
        if row == drawn.size - 1:  # its share stands at the end of the line
            continue
        words = wording.period(drawn["period"][row], freq)
        away, anchor = _place_of_name(drawn, row)
        axes.write_note(ax, words, (steps[row], drawn["rate"][row]), away, anchor=anchor)


def _place_of_name(drawn: Drawn, row: int) -> tuple[tuple[float, float], str]:
    """Where the name of a period stands, seen from its ring: on the side that the line leaves."""
    sign = 1 if drawn["outside"][row] == "above" else -1
    beyond = sign * (drawn["rate"] - drawn["rate"][row]) > 0  # the line goes on outwards
    upright = "bottom" if sign > 0 else "top"
    if row and beyond[row + 1]:
        return (-9, 2 * sign), f"right {upright}"
    if row and beyond[row - 1]:
        return (9, 2 * sign), f"left {upright}"
    return (0, 9 * sign), f"center {upright}"


def _label_of_figure(name: str) -> str:
    known = (record.label for record in FIGURES if record.name == name)
    return next(known, wording.spoken_name(name).capitalize())


def _better_of_figure(name: str) -> str:
    return next((record.better for record in FIGURES if record.name == name), "neither")


def _title_of_band(drawn: Drawn, outside: NDArray[np.bool_], freq: str) -> str:
    judged = int(np.isfinite(drawn["lower"]).sum())
    label = _label_of_figure(str(drawn["figure"][0]))
    if not judged:
        return f"{label}: too little is known yet to say what is usual"
    n = int(outside.sum())
    lay = f"{n:,} of {count_of(judged, freq)} lay" if n else f"none of {count_of(judged, freq)} lay"
    return f"{label}: {lay} outside the usual band"


def _reading_of_band(drawn: Drawn) -> str:
    level = wording.without_zeros(wording.percent(float(drawn["level"][0])))
    return (
        f"Shaded: where {level} of rates lie while nothing has changed. Dashed: the usual rate. "
        "Rings: outside"
    )


def plot_compared_rates(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Which rates differ: a row per comparison, its difference and the bounds of it.

    Blue ones are "better" or "worse" (or "no worse" than the margin) with all comparisons counted;
    grey ones nobody can tell. With a margin the strip around 0 is what does not matter: a bar that
    stays within it or on its good side is no worse.

    Args:
        table: from `compare_rates`.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> kept = pd.DataFrame({"region": ["north", "south"], "kept": [56, 48], "all": [70, 80]})
        >>> found = rt.benchmarks.compare_rates(
        ...     kept, of="region", count="kept", base="all", figure="renewed"
        ... )
        >>> ax = rt.plots.plot_compared_rates(found)
        >>> ax.get_title(loc="left")
        'Renewed: north is higher than south'
    """
    drawn = drawn_rows(table, COMPARED)
    ax = axes.axes_to_draw_on(ax, size=(axes.SIZE[0], max(2.4, 1.7 + 0.4 * drawn.size)), across="x")
    known = np.isfinite(drawn["difference"])
    if not known.any():
        why = "no difference is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, "Rates compared", why)
    names = _names_of_pairs(drawn)
    axes.name_rows(ax, names)
    _limit_rate_differences(ax, drawn)
    told = known & (drawn["verdict"] != "cannot tell")
    _draw_rate_differences(ax, drawn, told)
    for row in range(drawn.size):
        colour = INK if told[row] else MUTED
        words = _pair_in_words(drawn, row)
        axes.write_note(ax, words, (1, row), (8, 0), anchor="left center", colour=colour, of="y")
    said = "Difference in points, with its bounds"
    if np.isfinite(drawn["margin"][0]):
        said += f". Strip: the margin of {wording.points(float(drawn['margin'][0])).lstrip('+')}"
    axes.set_titles(ax, _title_of_pairs(drawn, told), x=said)
    return ax


def _names_of_pairs(drawn: Drawn) -> list[str]:
    """Both sides of each row, and its segment where there are several."""
    segments = drawn.segments()
    short = [
        [wording.shortened_text(str(name), _LONGEST_SIDE, 1) for name in drawn[side]]
        for side in ("group", "other")
    ]
    pairs = [f"{a} − {b}" for a, b in zip(*short, strict=True)]
    return [f"{s}: {pair}" if s else pair for s, pair in zip(segments, pairs, strict=True)]


def _limit_rate_differences(ax: Axes, drawn: Drawn) -> None:
    """Room for all bounds, nothing, and the margin to both sides."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    margin = drawn["margin"][:1]
    names = ("difference", "difference_lower", "difference_upper")
    every = np.concatenate([*(drawn[name] for name in names), margin, -margin, [0.0]])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    room = (high - low) or 0.1
    ax.set_xlim(low - 0.06 * room, high + 0.06 * room)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    digits = 0 if room >= 0.05 else 1
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: wording.signed_points(x, digits)))
    if np.isfinite(margin).all():
        ax.axvspan(-float(margin[0]), float(margin[0]), color=PALE, linewidth=0, zorder=0)
    ax.axvline(0.0, color=INK, linewidth=1.0, zorder=1)


def _draw_rate_differences(ax: Axes, drawn: Drawn, told: NDArray[np.bool_]) -> None:
    row = np.arange(drawn.size, dtype=np.float64)
    dot: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 1.0, "zorder": 4}
    for some, colour in ((told, LOOKS[0].colour), (~told, PLAIN)):
        lower, upper = drawn["difference_lower"][some], drawn["difference_upper"][some]
        ax.hlines(row[some], lower, upper, color=colour, linewidth=3.5, zorder=3)
        middle = drawn["difference"][some]
        ax.plot(middle, row[some], linestyle="none", marker="o", markersize=8, color=colour, **dot)


def _pair_in_words(drawn: Drawn, row: int) -> str:
    if not np.isfinite(drawn["difference"][row]):
        return "not known"
    low, high = (float(drawn[f"difference_{end}"][row]) for end in ("lower", "upper"))
    middle = wording.signed_points(float(drawn["difference"][row]))
    bounds = f"{wording.signed_points(low)} to {wording.signed_points(high)}"
    return f"{middle} ({bounds})"


def _title_of_pairs(drawn: Drawn, told: NDArray[np.bool_]) -> str:
    label = _label_of_figure(str(drawn["figure"][0]))
    n, found = int(np.isfinite(drawn["difference"]).sum()), int(told.sum())
    if np.isfinite(drawn["margin"][0]):
        good, margin = int((drawn["verdict"] == "no worse").sum()), float(drawn["margin"][0])
        by = wording.points(margin).lstrip("+")
        are = "is" if good == 1 else "are"
        return f"{label}: {good:,} of {n:,} {are} no worse by {by}"
    if n == 1 and found:
        row = int(np.flatnonzero(told)[0])
        return (
            f"{label}: {drawn['group'][row]} is {drawn['verdict'][row]} than {drawn['other'][row]}"
        )
    if not found:
        return f"{label}: none of {count_of(n, 'comparison')} differs beyond chance"
    verb = "differs" if found == 1 else "differ"
    return f"{label}: {found:,} of {n:,} {verb} beyond chance"
