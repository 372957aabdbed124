"""How early the lost were warned, and what more warnings cost, beside what chance would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import wording
from retention.errors import ContentError, check_choice, count_of
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import LEADS, TRADE_OFF
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, last_known_point, shading_of_lines
from retention.plots.paper.palette import LOOKS, MUTED, Look
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Counted = Literal["customers", "value"]
Gained = Literal["customers", "value", "alarms"]
Cost = Literal["false_alarms", "calls"]

_GAINED = {
    "customers": ("recall", "recall_lower", "recall_upper"),
    "value": ("value_recall", None, None),
    "alarms": ("precision", "lower", "upper"),
}
"""What is shown of a signal, and its bounds."""

_COSTS = {
    "false_alarms": ("false_per_100_months", "False alarms per 100 customer-months"),
    "calls": ("calls", "Calls a list"),
}
"""What it costs, and how people call it."""

_RANDOM = "random"
_LOTS = Look(MUTED, ":", ".")
"""How lots are drawn, which `alarm_trade_off` sets beside the signals."""

_FEW = 30
"""Of fewer lost customers the title says that they are few."""


def plot_leads(table: IntoFrame, *, of: Counted = "customers", ax: Axes | None = None) -> Axes:
    """How early the lost were warned: the share of all the lost, by how many days ahead at least.

    A line is a signal, and rises towards the end, at the right; the dotted one of its colour is
    what as many random alarms would warn of. Only what lies above it is foresight: a median of the
    warned alone is longest for those.

    Args:
        table: from `alarm_leads`, of up to eight signals.
        of: the share of the lost "customers", or of the "value" that they held.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight signals, or several segments.
        RetentionError: if `of` is none of its values.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> day = lambda number: pd.Timestamp("2024-01-01") + pd.Timedelta(days=number)
        >>> spells = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "start": [day(0)] * 2, "end": [day(100)] * 2,
        ...     "duration": 100, "churned": True,
        ... })
        >>> alarms = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "date": [day(30), day(80)], "signal": "complaint",
        ... })
        >>> leads = rt.signals.alarm_leads(
        ...     alarms, spells, leads=[7, 30], horizon=90, apart=30, as_of=day(120),
        ...     observed_from=day(0), silence=None,
        ... )
        >>> ax = rt.plots.plot_leads(leads)
        >>> [float(share) for share in ax.lines[1].get_ydata()]
        [0.5, 1.0]
    """
    check_choice("of", of, get_args(Counted))
    drawn = drawn_rows(table, LEADS).alone()
    share = "share_warned" if of == "customers" else "value_share"
    ax = axes.axes_to_draw_on(ax)
    title = "How early the lost were warned"
    if not np.isfinite(drawn[share]).any():
        why = "no share is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    ends, heights = [], [np.zeros(1)]
    parts = list(_signals(drawn, "lead"))
    for (name, one), look in zip(parts, LOOKS, strict=False):
        part = one.where(np.arange(one.size)[::-1])  # towards the end
        days, found = part["lead"], part[share]
        bounds = _bounds_of_share(part, of)
        _draw_chance(ax, days, part["chance_share"], look)
        draw_line(ax, days, found, bounds, look, shading_of_lines(len(parts)))
        heights += [found, *bounds, part["chance_share"]]
        x, y = last_known_point(days, found)
        ends.append(End(x, y, f"{name}\n{wording.percent(y)}", look.text))
    axes.set_percent_axis(ax, "y", np.concatenate(heights))
    axes.set_duration_axis(ax, float(drawn["lead"].max()), "days")
    ax.invert_xaxis()
    notes = [BOUNDS] * (of == "customers")
    notes += ["Dotted: as many random alarms"] * bool(np.isfinite(drawn["chance_share"]).any())
    axes.set_titles(
        ax, _title_of_leads(drawn, of), x=". ".join(["Days ahead of the end, or more", *notes])
    )
    label_ends(ax, ends)
    return ax


def plot_alarm_trade_off(
    table: IntoFrame, *, of: Gained = "customers", by: Cost = "false_alarms", ax: Axes | None = None
) -> Axes:
    """What more calls find, and what they cost in false alarms: a line a signal, beside lots.

    Each point is a number of calls that can be made; the first and the last are written beside the
    line that ends highest. The dotted line is that of customers who are called by lot: what a
    signal does beyond it is its merit.

    Args:
        table: from `alarm_trade_off`, of up to eight signals beside the lots.
        of: the share of the lost "customers" who were warned in time, of the "value" they held, or
            of the "alarms" that were right.
        by: the cost along the axis below: "false_alarms" per 100 customer-months, or the "calls" a
            list.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight signals.
        RetentionError: if `of` or `by` is none of its values.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> day = lambda number: pd.Timestamp("2024-01-01") + pd.Timedelta(days=number)
        >>> spells = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"], "start": [day(0)] * 3,
        ...     "end": [day(40), None, None], "duration": [40, 50, 50],
        ...     "churned": [True, False, False],
        ... })
        >>> scores = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"] * 2,
        ...     "as_of": [day(n) for n in (10, 20) for _ in range(3)],
        ...     "risk": [0.9, 0.2, 0.1] * 2,
        ... })
        >>> table = rt.signals.alarm_trade_off(
        ...     scores, spells, signals="risk", calls=1, horizon=30, apart=60, as_of=day(50),
        ...     observed_from=day(10), silence=None,
        ... )
        >>> ax = rt.plots.plot_alarm_trade_off(table, by="calls")
        >>> [line.get_xydata().tolist() for line in ax.lines]
        [[[1.0, 1.0]], [[1.0, 0.0]]]
    """
    check_choice("of", of, get_args(Gained))
    check_choice("by", by, get_args(Cost))
    drawn = drawn_rows(table, TRADE_OFF).alone()
    (share, *bounds), (cost, said) = _GAINED[of], _COSTS[by]
    ax = axes.axes_to_draw_on(ax)
    if not np.isfinite(drawn[share] + drawn[cost]).any():
        why = "no share is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, "What more calls find", why)
    heights, ends, lines = [np.zeros(1)], [], []
    lots = drawn.where(drawn["signal"] == _RANDOM)
    signals = list(_signals(drawn.where(drawn["signal"] != _RANDOM), "calls"))
    looks = [*LOOKS[: len(signals)], _LOTS]
    for (name, part), look in zip([*signals, ("By lot", lots)], looks, strict=True):
        x, y = part[cost], part[share]
        edges = [part[b] if b else np.full(part.size, np.nan) for b in bounds]
        draw_line(ax, x, y, (edges[0], edges[1]), look, shading_of_lines(len(looks)))
        heights += [y, *edges]
        at, high = last_known_point(x, y)
        ends.append(End(at, high, f"{name}\n{wording.percent(high)}", look.text))
        lines.append((high, part))
    axes.set_percent_axis(ax, "y", np.concatenate(heights))
    _set_cost_axis(ax, drawn[cost])
    _write_calls(ax, max(lines, key=lambda line: np.nan_to_num(line[0], nan=-1.0))[1], cost, share)
    notes = [said, *[BOUNDS] * (bounds[0] is not None)]
    axes.set_titles(ax, _title_of_trade_off(drawn, of), x=". ".join(notes))
    label_ends(ax, ends)
    return ax


def _set_cost_axis(ax: Axes, costs: Floats) -> None:
    """Costs along x, from 0 on."""
    from matplotlib.ticker import MaxNLocator

    most = float(np.nanmax(costs))
    ax.set_xlim(0, 1.04 * most or 1.0)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(lambda cost, _: f"{cost:,.10g}")


def _write_calls(ax: Axes, part: Drawn, cost: str, share: str) -> None:
    """How many calls the first and the last point of a line stand for, where that is not the axis.

    The words stand beside the line, towards its middle.
    """
    if cost == "calls":
        return
    known = np.flatnonzero(np.isfinite(part[cost]) & np.isfinite(part[share]))
    first, last = known[0], known[-1]
    rises = bool(part[share][last] > part[share][first])
    notes = {last: ("right bottom", (0, 7)), first: ("left top", (8, -4))}
    if not rises:
        notes[first] = ("left bottom", (8, 4))
    for place, (anchor, away) in notes.items():
        words = count_of(int(part["calls"][place]), "call")
        at = (float(part[cost][place]), float(part[share][place]))
        axes.write_note(ax, words, at, away, anchor=anchor, colour=MUTED)


def _title_of_trade_off(drawn: Drawn, of: Gained) -> str:
    """Of what the shares are."""
    n = int(np.nanmax(drawn["n_churners"]))
    few = ": few, so read the bounds" if n < _FEW else ""
    if of == "alarms":
        return "What more calls find: share of the alarms that were right"
    if of == "value":
        money = wording.money(float(np.nanmax(drawn["value_lost"])))
        return f"What more calls find: share of the {money} that {n:,} lost held{few}"
    return f"What more calls find: share of {n:,} lost customers warned in time{few}"


def _signals(drawn: Drawn, order: str) -> Iterator[tuple[str, Drawn]]:
    """The rows of each signal, in the order of the table.

    Raises:
        ContentError: if there are more than can be told apart.
    """
    names = list(dict.fromkeys(drawn["signal"].tolist()))
    if len(names) > len(LOOKS):
        raise ContentError(
            f"{drawn.plot} draws up to {len(LOOKS)} signals, which is as many as one can tell "
            f"apart; the table has {len(names):,}. Keep those that matter."
        )
    for name in names:
        yield str(name), drawn.where(drawn["signal"] == name).sorted_by(order)


def _bounds_of_share(part: Drawn, of: Counted) -> tuple[Floats, Floats]:
    """The bounds of a share of customers; none of a share of value."""
    if of == "customers":
        return part["lower"], part["upper"]
    return (np.full(part.size, np.nan),) * 2


def _draw_chance(ax: Axes, x: Floats, chance: Floats, look: Look) -> None:
    """What as many random alarms would do."""
    line: dict[str, Any] = {"linestyle": ":", "linewidth": 1.3, "color": look.colour}
    ax.plot(x, chance, zorder=2, **line)


def _title_of_leads(drawn: Drawn, of: Counted) -> str:
    """Of how many, or of how much, the shares are."""
    n = int(np.nanmax(drawn["n_churners"]))
    few = ": few, so read the bounds" if n < _FEW else ""
    if of == "value":
        money = wording.money(float(np.nanmax(drawn["value_lost"])))
        return f"How early the lost were warned: share of the {money} that {n:,} lost held{few}"
    return f"How early the lost were warned: share of {n:,} lost customers{few}"
