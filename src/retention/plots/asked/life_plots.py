"""Where customers are in their life, period by period, and how many of the lost come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods, wording
from retention.errors import count_of
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import CAME_BACK, LIFE_OF_BASE
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, shading_of_lines
from retention.plots.paper.palette import BACKGROUND, BAD, GOOD, HATCH, INK, LOOKS, mixed_colour
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_ACTIVE = ("retained", "reactivated", "new")
_PALE = mixed_colour(GOOD, BACKGROUND, 0.6)
_FILLS: dict[str, dict[str, Any]] = {
    "retained": {"facecolor": GOOD},
    "reactivated": {"facecolor": BACKGROUND, "edgecolor": GOOD, "hatch": "...."},
    "new": {"facecolor": _PALE},
    "lapsed": {"facecolor": mixed_colour(BAD, BACKGROUND, 0.45)},
    "lost": {"facecolor": BACKGROUND, "edgecolor": BAD, "hatch": HATCH},
}
"""From the bottom up: the active in blue, then those who are silent; in grey hatches differ."""

_CURVE = ("periods_since_loss", "win_back_rate", "lower", "upper")


def plot_lifecycle(table: IntoFrame, *, lost: bool = True, ax: Axes | None = None) -> Axes:
    """Where customers are in their life, period by period: active, lapsed or lost, as areas.

    At the bottom are those who go on, above them who came back and who is new: together the active,
    up to the dark line. Above it are the lapsed, who may still come back, and the lost. Where the
    dark line rises and the dark area does not, a firm replaces its customers and does not keep
    them. The first period of the log is left out: there old customers look new.

    Args:
        table: from `lifecycle_states`, of one segment.
        lost: whether the lost are drawn; they only ever become more, and in an old log leave
            little room for the others.
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
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-10", "2024-01-03", "2024-02-20"]),
        ...     "sales": 10.0,
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> ax = rt.plots.plot_lifecycle(rt.lifecycle_states(activity, lost_after=3))
        >>> [" ".join(text.get_text().split()) for text in ax.texts]
        ['Retained 1', 'New 1', 'Lapsed 1']
    """
    every = drawn_rows(table, LIFE_OF_BASE).alone()
    drawn = every.where((every["start_observed"] > 0) & np.isfinite(every["n_customers"]))
    ax = axes.axes_to_draw_on(ax)
    title = "Customers by where they are in their life"
    if not drawn.size or not drawn["n_customers"].sum():
        why = "of no period is the one before known." if every.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    step, sizes = _sizes_of_states(drawn, lost=lost)
    freq = periods.freq_of(every["period"], every["step"])
    ax.set_ylim(0, 1.06 * float(sum(sizes.values()).max()))  # type: ignore[union-attr]
    axes.set_calendar_axis(ax, step, freq)
    ends = _draw_states(ax, step, sizes)
    ax.yaxis.set_major_formatter(lambda n, _: wording.with_commas(n))
    noun = axes.noun_of_period(freq)
    silence = count_of(int(drawn["lost_after"][0]), noun)
    gone = f"Lost: not active for {silence} or more" if lost else "The lost are not shown"
    axes.set_titles(
        *(ax, f"{title}, {noun} by {noun}"),
        x=f"Up to the dark line: active. {gone}",
    )
    label_ends(ax, ends)
    return ax


def plot_win_back(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Of the customers lost, the share that had come back by each time since.

    The curve rises while the lost still come back, and is level once nobody does: beyond that, to
    write to them is to write to strangers. Customers lost lately count for as long as they were
    observed. The bounds are shaded: two curves whose shades overlap widely may be the same.

    Args:
        table: from `win_back`, of up to eight segments.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-03-28", "2024-01-20"]),
        ...     "sales": [10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-04-30")
        >>> ax = rt.plots.plot_win_back(rt.kpis.win_back(activity, lost_after=1))
        >>> [" ".join(text.get_text().split()) for text in ax.texts]
        ['Came back 50.0% (3 lost)']
    """
    drawn = drawn_rows(table, CAME_BACK)
    known = drawn.where(np.isfinite(drawn["win_back_rate"]))
    ax = axes.axes_to_draw_on(ax)
    title = "Of the customers lost, the share that had come back"
    if not known.size:
        why = "nobody was lost, or seen long enough." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    parts = [(name, part.sorted_by("periods_since_loss")) for name, part in known.parts()]
    axes.set_percent_axis(ax, "y", np.append(known["win_back_rate"], [*known["upper"], 0.0]))
    axes.set_duration_axis(ax, float(known["periods_since_loss"].max()) * 1.02, None)
    ends = []
    for (name, part), look in zip(parts, LOOKS, strict=False):
        since, share, lower, upper = (np.append(0.0, part[column]) for column in _CURVE)
        bounds = (np.append(np.nan, lower[1:]), np.append(np.nan, upper[1:]))
        draw_line(ax, since, share, bounds, look, shading_of_lines(len(parts)))
        ends.append(End(since[-1], share[-1], _words_of_returns(name, part), look.text))
    silence = count_of(int(known["lost_after"][0]), "period")
    axes.set_titles(ax, title, x=f"Periods since the loss, after {silence} of silence. {BOUNDS}")
    label_ends(ax, ends)
    return ax


def _sizes_of_states(drawn: Drawn, *, lost: bool) -> tuple[Floats, dict[str, Floats]]:
    """The periods, and how many customers are in each state in them; states of nobody left out."""
    step, place = np.unique(drawn["step"], return_inverse=True)
    sizes: dict[str, Floats] = {}
    for state in _FILLS:
        n = np.where(drawn["state"] == state, drawn["n_customers"], 0.0)
        sizes[state] = np.zeros(step.size)
        np.add.at(sizes[state], place, n)
    kept = {s: n for s, n in sizes.items() if n.any() and (lost or s != "lost")}
    return step, kept or {"retained": sizes["retained"]}


def _draw_states(ax: Axes, step: Floats, sizes: dict[str, Floats]) -> list[End]:
    """The areas on each other, the line over the active, and what stands beside them."""
    if step.size == 1:  # an area needs a width
        sizes = {state: np.repeat(n, 2) for state, n in sizes.items()}
        step = np.array([step[0] - 0.4, step[0] + 0.4])
    foot, active, ends = np.zeros(step.size), np.zeros(step.size), []
    for state, fill in _FILLS.items():
        if state not in sizes:
            continue
        top = foot + sizes[state]
        look: dict[str, Any] = {"linewidth": 0.0, "edgecolor": "none", **fill}
        ax.fill_between(step, foot, top, **look)
        if "hatch" in fill:  # whose end is not seen without a line
            ax.plot(step, top, color=fill["edgecolor"], linewidth=0.8)
        good = state in _ACTIVE
        said = f"{state.capitalize()}\n{wording.with_commas(sizes[state][-1])}"
        colour = mixed_colour(GOOD if good else BAD, INK, 0.35)
        ends.append(End(float(step[-1]), float(foot[-1] + top[-1]) / 2, said, colour))
        foot, active = top, top if good else active
    ax.plot(step, active, color=INK, linewidth=2.0, zorder=4)
    ax.set_xlim(float(step[0]), float(step[-1]))
    return ends


def _words_of_returns(name: str, part: Drawn) -> str:
    """What is said beside a curve: whose it is, how high it ends, of how many losses."""
    share = wording.percent(part["win_back_rate"][-1])
    return f"{name or 'Came back'}\n{share} ({wording.with_commas(part['n_lost'][0])} lost)"
