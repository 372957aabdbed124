"""What keeping customers is worth, lever by lever; and how many there will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import FORECAST, LEVERS
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import draw_bars
from retention.plots.paper.palette import BACKGROUND, GOOD, HATCH, INK, LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NAMES = {
    "rates": "Every rate as many points up",
    "hazards": "Churn of every period cut",
    "customers": "Each one's own churn cut",
    "once_as_survivors": "Once, the saved stay as others",
    "once": "Once, the saved stay themselves",
}
_MOST_BARS = 60
"""Periods beyond which bars stand without a gap between them."""


def plot_levers(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """What more retention is worth, by what is meant with it: a bar for each lever.

    A bar is what a new customer is worth more, as a share of what one is worth now. Its hatched
    part rests on periods that nobody has watched; the line through its end is its bounds. Behind it
    stands the gain in money. The same number of points is worth ten times as much or more at every
    renewal for ever as once, with those saved who were about to leave.

    Args:
        table: from `value_of_retention`, the rows of several levers one below the other, such as
            `pd.concat([value_of_retention(model, lever=lever, ...) for lever in levers])`.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> years = pd.DataFrame({"duration": [1, 3], "churned": [True, False]})
        >>> asked = {"points": 0.1, "profit": 10, "discount": 0, "length": "year", "horizon": 2}
        >>> table = pd.concat([
        ...     rt.economics.value_of_retention(
        ...         rt.survival_curve(years), lever=lever, timing="end", **asked
        ...     )
        ...     for lever in ("rates", "hazards")
        ... ])
        >>> ax = rt.plots.plot_levers(table)
        >>> [round(float(bar.get_width()), 2) for bar in ax.patches if bar.get_width()]
        [0.2, 0.2]
    """
    drawn = drawn_rows(table, LEVERS).alone()
    ax = axes.axes_to_draw_on(
        ax, size=(axes.SIZE[0], max(2.4, 1.6 + 0.46 * drawn.size)), across="x"
    )
    known = np.isfinite(drawn["gain_share"])
    if not known.any():
        why = "no gain is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, "What more retention is worth", why)
    points = drawn["points"]
    alike = bool(np.nanmax(points) - np.nanmin(points) < 1e-9)
    names = [_lever_in_words(drawn, i, alike) for i in range(drawn.size)]
    axes.name_rows(ax, names, width=20 if alike else 28)
    share = np.where(known, drawn["gain_share"], 0.0)
    bounds = [drawn[name] / drawn["value_before"] for name in ("lower", "upper")]
    _draw_levers(ax, share, np.nan_to_num(drawn["share_forecast"]))
    rows = np.arange(drawn.size, dtype=np.float64)
    draw_bars(ax, share, rows, (bounds[0], bounds[1]), INK, across=True)
    _limit_gains(ax, share, bounds)
    _write_gains(ax, drawn, known, np.fmax(share, np.fmax(bounds[1], 0.0)))
    first = wording.unbroken_text(wording.points(float(np.nanmax(points)))) if alike else ""
    said = f"{first} at the first renewal" if alike else "More retention"
    notes = ["Hatched: nobody has watched it yet"] * bool(np.nansum(drawn["share_forecast"]))
    notes += ["Lines: confidence bounds"] * bool(np.isfinite(bounds).any())
    title = f"{said}: what a new customer is worth more"
    axes.set_titles(ax, title, x=". ".join(notes))
    return ax


def plot_base_forecast(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """How many customers there will be: today's who stay, and on top of them those to be won.

    The dashed line is where the base goes if it goes on like this; none is drawn where customers
    who stay for ever leave no end.

    Args:
        table: from `base_forecast`.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> today = pd.DataFrame({"tenure": [0], "n_customers": [10.0]})
        >>> ahead = rt.economics.base_forecast(today, model=0.5, acquired=4, periods=2)
        >>> ax = rt.plots.plot_base_forecast(ahead)
        >>> [float(bar.get_height()) for bar in ax.patches]
        [5.0, 2.5, 4.0, 6.0]
    """
    drawn = drawn_rows(table, FORECAST).alone().sorted_by("period")
    ax = axes.axes_to_draw_on(ax)
    title = "Customers: today's who stay, and those to be won"
    if not drawn.size or not np.isfinite([drawn["n_old"], drawn["n_new"]]).any():
        why = "no number of customers is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    period, old, new = drawn["period"], drawn["n_old"], drawn["n_new"]
    few = drawn.size <= _MOST_BARS
    width = 0.8 if few else 1.0
    ax.bar(period, old, width=width, color=GOOD, zorder=2)
    look = _hatched(GOOD) | {"linewidth": 0.8 if few else 0.0}
    ax.bar(period, new, width=width, bottom=old, zorder=2, **look)
    steady = float(drawn["steady_state"][0])
    total = old + new
    ends = _ends_of_forecast(period, old, new)
    top = float(np.nanmax(total))
    if np.isfinite(steady) and steady <= 3 * top:
        top = max(top, steady)
        ax.axhline(steady, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), zorder=3)
        edge = float(period[-1]) + 0.6
        ends.append(End(edge, steady, f"In the end\n{wording.with_commas(steady)}", INK))
    ax.set_ylim(0, 1.08 * top or 1.0)
    ax.set_xlim(float(period[0]) - 0.6, float(period[-1]) + 0.6)
    _name_periods(ax, period)
    ax.yaxis.set_major_formatter(lambda n, _: wording.with_commas(n))
    axes.set_titles(ax, title, x=_unit_in_words(drawn))
    label_ends(ax, ends)
    return ax


def _lever_in_words(drawn: Drawn, row: int, alike: bool) -> str:
    lever = str(drawn["lever"][row])
    name = _NAMES.get(lever, wording.spoken_name(lever))
    return name if alike else f"{name} ({wording.points(float(drawn['points'][row]))})"


def _hatched(colour: str) -> dict[str, Any]:
    return {"facecolor": BACKGROUND, "edgecolor": colour, "hatch": HATCH, "linewidth": 0.8}


def _draw_levers(ax: Axes, share: Floats, forecast: Floats) -> None:
    """A bar per lever: what was watched, and hatched what was not."""
    for row, (gain, part) in enumerate(zip(share, np.clip(forecast, 0, 1), strict=True)):
        ax.barh(row, gain * (1 - part), height=0.56, color=LOOKS[0].colour, zorder=2)
        if gain * part:
            start = gain * (1 - part)
            ax.barh(row, gain * part, left=start, height=0.56, zorder=2, **_hatched(GOOD))


def _limit_gains(ax: Axes, share: Floats, bounds: list[Floats]) -> None:
    every = np.concatenate([share, *bounds, [0.0]])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    room = (high - low) or 1.0
    ax.set_xlim(low - (0.05 * room if low < 0 else 0.0), high + 0.34 * room)
    axes.set_percent_ticks(ax.xaxis, 1.34 * room)
    ax.axvline(0.0, color=MUTED, linewidth=0.8, zorder=1)


def _write_gains(ax: Axes, drawn: Drawn, known: NDArray[np.bool_], places: Floats) -> None:
    """The gain as a share and as money behind each bar, or why it is not known."""
    money = drawn["gain"]
    written = wording.amount_writer(float(np.nanmax(np.abs(money))))
    for row, place in enumerate(places.tolist()):
        words = "not known"
        if known[row]:
            sign = "+" if money[row] >= 0 else wording.MINUS
            share = wording.percent(abs(float(drawn["gain_share"][row])))
            words = f"{sign}{share} ({written(abs(float(money[row])))})"
        axes.write_note(ax, words, (place, row), (6, 0), anchor="left center")


def _ends_of_forecast(period: Floats, old: Floats, new: Floats) -> list[End]:
    """What stands beside the last bar: its two parts, at their middles."""
    edge, kept, won = float(period[-1]) + 0.6, float(old[-1]), float(new[-1])
    ends = []
    for name, n, middle, look in (
        ("Today's", kept, kept / 2, LOOKS[0]),
        ("To be won", won, kept + won / 2, LOOKS[1]),
    ):
        ends.append(End(edge, middle, f"{name}\n{wording.with_commas(n)}", look.text))
    return ends


def _unit_in_words(drawn: Drawn) -> str:
    length = str(drawn["length"][0]) if "length" in drawn else ""
    if length.endswith("days"):
        return f"Periods of {length} from now"
    return f"{(length or 'period').capitalize()}s from now"


def _name_periods(ax: Axes, period: Floats) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    ax.xaxis.set_major_formatter(lambda n, _: f"{n:,.0f}" if n >= period[0] - 0.5 else "")
