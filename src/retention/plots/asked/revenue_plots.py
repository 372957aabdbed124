"""Recurring revenue over time: what is kept of it, net and gross, and what moved it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import periods, wording
from retention.errors import ColumnError, check_choice, count_of
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import GROSS_KEPT, MOVES_OVER_TIME, REVENUE_KEPT
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BARS, BOUNDS, draw_line, last_known_point, shading_of_lines
from retention.plots.paper.palette import (
    BACKGROUND,
    BAD,
    GOOD,
    HATCH,
    INK,
    LOOKS,
    MUTED,
    mixed_colour,
)
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Named = tuple[str, str, Drawn]

Moved = Literal["sales", "customers"]

_NET, _GROSS = "net_revenue_retention", "gross_revenue_retention"
_NAMES = {_NET: "Net", _GROSS: "Gross"}

_PALE = mixed_colour(GOOD, BACKGROUND, 0.55)
_FILLS: dict[str, dict[str, Any]] = {
    "new": {"facecolor": GOOD, "edgecolor": GOOD},
    "reactivated": {"facecolor": BACKGROUND, "edgecolor": GOOD, "hatch": "...."},
    "expansion": {"facecolor": _PALE, "edgecolor": _PALE},
    "churned": {"facecolor": BACKGROUND, "edgecolor": BAD, "hatch": HATCH},
    "contraction": {"facecolor": mixed_colour(BAD, BACKGROUND, 0.45), "edgecolor": BAD},
}
"""How each movement is filled: blue adds and orange takes away, and in grey hatches differ."""

_MOVES: dict[str, tuple[tuple[str, str, int, str], ...]] = {
    "sales": (
        ("new", "sales_new", 1, "New"),
        ("reactivated", "sales_reactivated", 1, "Came back"),
        ("expansion", "sales_expansion", 1, "Bring more"),
        ("churned", "sales_churned", -1, "Lost"),
        ("contraction", "sales_contraction", -1, "Bring less"),
    ),
    "customers": (
        ("new", "n_new", 1, "New"),
        ("reactivated", "n_reactivated", 1, "Came back"),
        ("churned", "n_churned", -1, "Lost"),
    ),
}
"""From the line of zero outwards: the movement, its column, its sign and what people call it."""

_MOST_BARS = 60
"""More have no room between them."""


def plot_revenue_retention(
    table: IntoFrame,
    *,
    gross: IntoFrame | None = None,
    target: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Net and gross revenue retention (NRR, GRR) over time, with their bounds.

    A point stands over the base period and says how much of its revenue the same customers bring
    later. Above the line of 100% growth makes up for all that was lost. Net and gross beside each
    other show how: between the two lies what customers grew by, and from the gross one up to 100%
    what was lost. With segments it is one of the two, with a line for each. Lines are broken where
    a rate is not known.

    Args:
        table: from `net_revenue_retention` or `gross_revenue_retention`, of up to eight segments.
        gross: from `gross_revenue_retention`, of the same activity and lag as `table` is net; both
            of one segment. By default the table alone is drawn.
        target: the share that should be kept, such as 1.1, drawn as a dashed line.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table, or the two are not net and gross.
        ContentError: if there are more than eight segments, or several and `gross` is given.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-28"]),
        ...     "sales": [100.0, 100.0, 150.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> nrr = rt.net_revenue_retention(activity, lag=1)
        >>> grr = rt.gross_revenue_retention(activity, lag=1)
        >>> ax = rt.plots.plot_revenue_retention(nrr, gross=grr)
        >>> [" ".join(text.get_text().split()) for text in ax.texts]
        ['Net 75.0%', 'Gross 50.0%']
    """
    lines, size = _lines_of_kept(table, gross)
    ax = axes.axes_to_draw_on(ax)
    kinds = list(dict.fromkeys(rate for _, rate, _ in lines))
    title = f"{' and '.join(_NAMES[kind] for kind in kinds)} revenue retention".capitalize()
    if not any(np.isfinite(part[rate]).any() for _, rate, part in lines):
        why = "no rate is known." if size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    steps = np.concatenate([part["step"] for _, _, part in lines])
    freq = periods.freq_of(np.concatenate([part["period"] for _, _, part in lines]), steps)
    goal = [] if target is None else [target]
    columns = [part[name] for _, rate, part in lines for name in (rate, "lower", "upper")]
    axes.set_percent_axis(ax, "y", np.concatenate([*columns, [1.0], goal]))
    axes.set_calendar_axis(ax, steps, freq)
    ax.axhline(1.0, color=MUTED, linewidth=0.9, zorder=1)
    ends = [_end_of_goal(ax, float(steps.max()), one) for one in goal]
    ends += _draw_kept(ax, lines, 0.12 if np.ptp(steps) == 0 else 0.0)
    noun = axes.noun_of_period(freq)
    lag = count_of(int(lines[0][2]["lag"][0]), noun)
    axes.set_titles(
        *(ax, f"{title}: of the revenue of each {noun}'s customers, the share kept {lag} later"),
        x=_words_of_bounds(lines, alone=np.ptp(steps) == 0),
    )
    label_ends(ax, ends)
    return ax


def plot_movements(table: IntoFrame, *, of: Moved = "sales", ax: Axes | None = None) -> Axes:
    """What moved revenue, or the number of customers, period by period, with the change it made.

    Above zero stands what came: new customers, those who came back, and what customers bring more.
    Below stands what went: the lost, hatched, and what customers bring less. The line through the
    diamonds is the net change. Where it stays above zero while the bars below grow, growth is
    bought by winning ever more customers.

    Args:
        table: from `revenue_movements`, of one segment.
        of: "sales", or "customers" for their number, which no one changes by bringing more or less.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.
        RetentionError: if `of` is something else.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-10", "2024-02-12"]),
        ...     "sales": [10.0, 20.0, 15.0, 7.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> ax = rt.plots.plot_movements(rt.revenue_movements(activity))
        >>> [float(bar.get_height()) for bar in ax.patches]
        [7.0, 5.0, -20.0]
        >>> float(ax.lines[-1].get_ydata()[0])
        -8.0
    """
    check_choice("of", of, get_args(Moved))
    every = drawn_rows(table, MOVES_OVER_TIME).alone().sorted_by("step")
    drawn = every.where(np.isfinite(every[_MOVES[of][0][1]]))
    ax = axes.axes_to_draw_on(ax)
    what = {"sales": "revenue", "customers": "the number of customers"}[of]
    title = f"What moved {what}, and the net change"
    if not drawn.size:
        why = "of no period is the one before known." if every.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    step, freq = drawn["step"], periods.freq_of(every["period"], every["step"])
    ends = _draw_moves(ax, drawn, of)
    axes.set_calendar_axis(ax, step, freq)
    ax.set_xlim(float(step[0]) - 0.6, float(step[-1]) + 0.6)
    last = wording.period(drawn["period"][-1], freq)
    axes.set_titles(
        ax,
        title,
        x=f"Numbers beside the bars: {last}",
        y=f"Change since the {axes.noun_of_period(freq)} before",
    )
    label_ends(ax, ends)
    return ax


def _lines_of_kept(table: IntoFrame, gross: IntoFrame | None) -> tuple[list[Named], int]:
    """What is drawn as lines: what each is called, its rate and its rows; how many rows in all.

    Raises:
        ColumnError: if the tables are not net and gross.
    """
    drawn = drawn_rows(table, REVENUE_KEPT)
    rate = next((name for name in (_NET, _GROSS) if name in drawn), None)
    if rate is None or (gross is not None and rate == _GROSS):
        raise ColumnError(
            f"plot_revenue_retention: the table has no {_NET!r}; it has "
            f"{wording.quoted_names(list(drawn.columns))}. Give the table of {_NET}"
            f"{' first, and that of ' + _GROSS + ' as gross=' if rate else ' or of ' + _GROSS}."
        )
    if gross is None:
        parts = [(name, part.sorted_by("step")) for name, part in drawn.parts()]
        return [(name or _NAMES[rate], rate, part) for name, part in parts], drawn.size
    both = ((_NET, drawn), (_GROSS, drawn_rows(gross, GROSS_KEPT)))
    lines = [(_NAMES[name], name, rows.alone().sorted_by("step")) for name, rows in both]
    return lines, sum(rows.size for _, rows in both)


def _draw_kept(ax: Axes, lines: list[Named], aside: float) -> list[End]:
    """Each line with its bounds, and what stands at its end."""
    ends = []
    for place, (name, rate, part) in enumerate(lines):
        look, along = LOOKS[place], part["step"] + aside * (place - (len(lines) - 1) / 2)
        bounds = (part["lower"], part["upper"])
        draw_line(ax, along, part[rate], bounds, look, shading_of_lines(len(lines)))
        x, y = last_known_point(along, part[rate])
        ends.append(End(x, y, f"{name}\n{wording.percent(y)}", look.text))
    return ends


def _end_of_goal(ax: Axes, last: float, goal: float) -> End:
    """The line of a goal, and what stands at its end."""
    ax.axhline(goal, color=MUTED, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1.5)
    return End(last, goal, f"Goal\n{wording.percent(goal)}", MUTED)


def _words_of_bounds(lines: list[Named], *, alone: bool) -> str:
    """What gross is, and how bounds are drawn, if there are any: a chain of periods has none."""
    known = any(np.isfinite(part["lower"]).any() for _, _, part in lines)
    shown = (BARS if alone else BOUNDS) if known else ""
    counted = "Gross: growth not counted" if any(rate == _GROSS for _, rate, _ in lines) else ""
    return ". ".join(filter(None, (counted, shown)))


def _draw_moves(ax: Axes, drawn: Drawn, of: Moved) -> list[End]:
    """The bars of what came and went, the line of the change; what stands beside the last ones."""
    step, net = drawn["step"], np.zeros(drawn.size)
    width = 0.8 if step.size <= _MOST_BARS else 1.0
    heaps = {1: np.zeros(drawn.size), -1: np.zeros(drawn.size)}
    parts = [(move, sign * drawn[column], sign, word) for move, column, sign, word in _MOVES[of]]
    written = _writer_of_moves(np.concatenate([height for _, height, _, _ in parts]), of)
    ends = []
    for move, height, sign, word in parts:
        foot, some = heaps[sign], height != 0  # a bar of no height would have an edge
        look = {"linewidth": 0.8, **_FILLS[move]}
        ax.bar(step[some], height[some], width=width, bottom=foot[some], zorder=2, **look)
        middle = float(foot[-1] + height[-1] / 2)
        colour = mixed_colour(GOOD if sign > 0 else BAD, INK, 0.35)
        said = f"{word}\n{_signed_change(float(height[-1]), written)}"
        ends.append(End(float(step[-1]) + 0.5 * width, middle, said, colour))
        heaps[sign], net = foot + height, net + height
    ax.axhline(0, color=INK, linewidth=0.9, zorder=3)
    mark: dict[str, Any] = {"marker": "D", "markersize": 6, "markeredgecolor": BACKGROUND}
    every = max(1, -(-step.size // 26))
    ax.plot(step, net, color=INK, linewidth=1.6, markevery=every, zorder=4, **mark)
    _set_moves_axis(ax, heaps, written)
    change = f"Net change\n{_signed_change(float(net[-1]), written)}"
    return [*ends, End(float(step[-1]), float(net[-1]), change, INK)]


def _writer_of_moves(heights: Floats, of: Moved) -> Callable[[float], str]:
    """How amounts, or numbers of customers, are written."""
    if of == "customers":
        return wording.with_commas
    return wording.amount_writer(float(np.abs(heights).max(initial=0.0)))


def _signed_change(change: float, written: Callable[[float], str]) -> str:
    return ("+" if change > 0 else "") + (written(change) if change else "0")


def _set_moves_axis(ax: Axes, heaps: dict[int, Floats], written: Callable[[float], str]) -> None:
    """Changes along y with their sign, with room for what is drawn."""
    from matplotlib.ticker import MaxNLocator

    low, high = float(heaps[-1].min()), float(heaps[1].max())
    room = 0.06 * (high - low or 1.0)
    ax.set_ylim(low - room, high + room)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], min_n_ticks=3))
    ax.yaxis.set_major_formatter(
        lambda at, _: wording.without_zeros(_signed_change(0.0 if abs(at) < 1e-12 else at, written))
    )
