"""What customers bring as they stay: why it changes, and when they have paid for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.economics.tenure.break_even_tenure import break_even_tenure
from retention.errors import count_of
from retention.frames import read_out
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import LIFETIME_PROFIT, TENURE_PROFIT
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, last_known_point, shading_of_lines
from retention.plots.paper.palette import BACKGROUND, INK, LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_PARTS = (
    ("sorting", "Sorting: who left", ""),
    ("growth", "Growth: the same customers", "////"),
    ("cohorts", "Cohorts: older starts", "...."),
    ("returned", "Returned: who came back", "xxxx"),
)
"""What a change is made of, what people call it, and how its bars are hatched."""

_NOTHING = 1e-9
"""A part below this share of the largest is not drawn."""


def plot_tenure_profit(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Why the profit per customer here differs from that of the first age: what it is made of.

    At each age the bars are the parts of the change since the first one, added up step by step:
    those above the line raise it, those below lower it, and the diamond is what they come to. If
    the diamonds rise and the bars of "the same customers" do not, nobody grows: those who bring
    little leave sooner, or were won later. Under each age stands how many customers were here.
    Ages after the last whose mean has bounds are left out: too few were here to tell.

    Args:
        table: from `profit_by_tenure`, of one segment.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.

    Example:
        Bob, who brings 10 a year, leaves after the first; Ann goes on bringing 30.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2022-01-01", "2022-01-01"]),
        ...     "end": pd.to_datetime([None, "2023-01-01"]),
        ...     "profit": [2.5, 10 / 12], "sales": [5.0, 5.0],
        ... })
        >>> tenure = rt.activity.contract_tenure(
        ...     contracts, as_of="2023-12-31", length="year", grace=0
        ... )
        >>> ax = rt.plots.plot_tenure_profit(rt.economics.profit_by_tenure(tenure))
        >>> [float(bar.get_height()) for bar in ax.patches]
        [10.0]
    """
    drawn = _ages_with_bounds(drawn_rows(table, TENURE_PROFIT).alone().sorted_by("age"))
    ax = axes.axes_to_draw_on(ax)
    title = "Profit per customer here, and why it changes with tenure"
    if not np.isfinite(drawn["profit_per_customer"]).any():
        why = "no profit is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    parts = _parts_since_first_age(drawn)
    change = drawn["profit_per_customer"] - drawn["profit_per_customer"][0]
    ends = _draw_parts(ax, drawn["age"], parts)
    marks: dict[str, Any] = {"marker": "D", "markersize": 7, "markeredgecolor": BACKGROUND}
    ax.plot(drawn["age"], change, color=INK, linestyle="none", zorder=4, **marks)
    ax.axhline(0, color=MUTED, linewidth=0.9, zorder=1)
    _set_money_axis(ax, np.concatenate([change, *_heaps(parts)]))
    _name_ages(ax, drawn)
    length = str(drawn["length"][0])
    axes.set_titles(
        ax,
        _title_of_change(drawn),
        x=f"{length.capitalize()} of tenure, and customers here in it",
        y=f"Change since the first {length}",
    )
    x, y = last_known_point(drawn["age"], change)
    written = wording.amount_writer(float(np.nanmax(np.abs([*change, 0.01]))))
    ends.append(End(x, y, f"Change in all\n{_signed(y, written)}", INK))
    label_ends(ax, ends)
    return ax


def plot_lifetime_profit(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """What a customer won has brought by each age, less what winning it cost, and when that is 0.

    The line begins at the cost of winning, below 0, and crosses 0 where a customer has paid for
    itself: there stands after how long. Of one segment a second, broken line shows one who stays:
    how far it runs above the first is what leaving costs. Beyond the last age nothing was observed.

    Args:
        table: from `lifetime_profit`, of up to eight segments.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2022-01-01", "2022-01-01"]),
        ...     "end": pd.to_datetime([None, "2023-01-01"]),
        ...     "profit": [20 / 12] * 2, "sales": [5.0, 5.0],
        ... })
        >>> tenure = rt.activity.contract_tenure(
        ...     contracts, as_of="2023-12-31", length="year", grace=0
        ... )
        >>> lifetime = rt.economics.lifetime_profit(tenure, discount=0.0, acquisition_cost=25.0)
        >>> ax = rt.plots.plot_lifetime_profit(lifetime)
        >>> [float(net) for net in ax.lines[0].get_ydata()]
        [-25.0, -5.0, 5.0]
    """
    drawn = drawn_rows(table, LIFETIME_PROFIT)
    parts = [(name, part.sorted_by("age")) for name, part in drawn.parts()]
    ax = axes.axes_to_draw_on(ax)
    costs = bool((drawn["acquisition_cost"] > 0).any())
    title = f"What a customer won has brought{', less the cost of winning it' * costs}"
    if not np.isfinite(drawn["net"]).any():
        why = "no profit is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    ends = _draw_lifetimes(ax, parts)
    axes.set_duration_axis(ax, float(drawn["age"].max()), None)
    length = str(drawn["length"][0])
    if len(parts) == 1 and costs:
        _mark_break_even(ax, table, length)
    axes.set_titles(ax, title, x=f"{length.capitalize()}s since the start. {BOUNDS}")
    label_ends(ax, ends)
    return ax


def _draw_lifetimes(ax: Axes, parts: Sequence[tuple[str, Drawn]]) -> list[End]:
    """The line of each segment; of one alone that of who stays, too."""
    ends, heights = [], []
    for (name, part), look in zip(parts, LOOKS, strict=False):
        age, net, *bounds = (
            _from_the_start(part, c) for c in ("age", "net", "net_lower", "net_upper")
        )
        draw_line(ax, age, net, (bounds[0], bounds[1]), look, shading_of_lines(len(parts)))
        heights += [net, *bounds]
        x, y = last_known_point(age, net)
        ends.append(End(x, y, f"{name or 'A customer won'}\n{wording.money(y)}", look.text))
    if len(parts) == 1:
        staying, look = _from_the_start(parts[0][1], "net_staying"), LOOKS[1]
        draw_line(ax, age, staying, (np.full(age.size, np.nan),) * 2, look)
        heights.append(staying)
        x, y = last_known_point(age, staying)
        ends.append(End(x, y, f"One who stays\n{wording.money(y)}", look.text))
    ax.axhline(0, color=MUTED, linewidth=0.9, zorder=1)
    _set_money_axis(ax, np.concatenate(heights))
    return ends


def _ages_with_bounds(drawn: Drawn) -> Drawn:
    """The ages up to the last whose mean has bounds; all where none has: few were here later."""
    known = np.flatnonzero(np.isfinite(drawn["lower"]))
    return drawn.where(np.arange(drawn.size) <= known[-1]) if known.size else drawn


def _parts_since_first_age(drawn: Drawn) -> dict[str, Floats]:
    """Each part of the change added up from the first age on; those that are nothing left out."""
    sums = {}
    for name, _, _ in _PARTS:
        each = np.where(np.arange(drawn.size) == 0, 0.0, drawn[name])
        sums[name] = np.cumsum(each)
    known = np.nan_to_num(np.array(list(sums.values())))
    largest = float(np.abs(known).max(initial=0.0))
    shown = {
        name: part
        for name, part in sums.items()
        if np.nanmax(np.abs(part), initial=0.0) > _NOTHING * max(largest, 1.0)
    }
    return shown or {"growth": sums["growth"]}


def _heaps(parts: dict[str, Floats]) -> tuple[Floats, Floats]:
    """How high the bars above the line reach at each age, and how low those below it."""
    heights = np.nan_to_num(np.array(list(parts.values())))
    return np.maximum(heights, 0).sum(axis=0), np.minimum(heights, 0).sum(axis=0)


def _draw_parts(ax: Axes, age: Floats, parts: dict[str, Floats]) -> list[End]:
    """Draw the bars, those above the line on one another and those below under one another."""
    above, below = np.zeros(age.size), np.zeros(age.size)
    largest = max(float(np.nanmax(np.abs(part), initial=0.01)) for part in parts.values())
    written = wording.amount_writer(largest)
    ends = []
    for (name, said, hatch), look in zip(_PARTS, LOOKS, strict=False):
        if name not in parts:
            continue
        height = np.nan_to_num(parts[name])
        foot = np.where(height >= 0, above, below)
        face: dict[str, Any] = {"facecolor": look.colour, "edgecolor": BACKGROUND, "linewidth": 0.8}
        some = height != 0
        ax.bar(age[some], height[some], 0.62, bottom=foot[some], hatch=hatch, zorder=2, **face)
        above, below = above + np.maximum(height, 0), below + np.minimum(height, 0)
        middle = float(foot[-1] + height[-1] / 2)
        last = float(parts[name][np.flatnonzero(np.isfinite(parts[name]))[-1]])
        ends.append(
            End(float(age[-1]) + 0.31, middle, f"{said}\n{_signed(last, written)}", look.text)
        )
    return ends


def _signed(amount: float, written: Callable[[float], str]) -> str:
    return ("+" if amount > 0 else "") + written(amount)


def _set_money_axis(ax: Axes, heights: Floats) -> None:
    """Amounts along y, with room for what is drawn and for 0."""
    known = heights[np.isfinite(heights)]
    low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
    room = 0.06 * (high - low or 1.0)
    ax.set_ylim(low - room, high + room)
    written = wording.amount_writer(max(abs(low), abs(high)))
    ax.yaxis.set_major_formatter(lambda money, _: wording.without_zeros(written(money)))


def _name_ages(ax: Axes, drawn: Drawn) -> None:
    """Ages along x, each with how many customers were here, as many as there is room for."""
    ages, n = drawn["age"], drawn["n_customers"]
    ax.set_xlim(float(ages[0]) - 0.6, float(ages[-1]) + 0.6)
    room = max(2, int(axes.width_of(ax) / (0.62 * axes.points_of("small") * 8)))
    stride = -(-ages.size // room)
    kept = range(0, ages.size, stride)
    names = [f"{ages[i]:,.0f}\n{wording.with_commas(n[i])}" for i in kept]
    ax.set_xticks([float(ages[i]) for i in kept], names)
    ax.tick_params(axis="x", length=0)


def _title_of_change(drawn: Drawn) -> str:
    """From what to what the profit per customer goes."""
    mean, length = drawn["profit_per_customer"], str(drawn["length"][0])
    last = int(np.flatnonzero(np.isfinite(mean))[-1])
    first = f"{wording.money(float(mean[0]))} in the first {length}"
    if not last:
        return f"Profit per customer here: {first}"
    age = f"{drawn['age'][last]:,.0f}"
    later = f"{wording.money(float(mean[last]))} in {length} {age}"
    return f"Profit per customer here: {first}, {later}"


def _from_the_start(part: Drawn, column: str) -> Floats:
    """A line that begins with the cost of winning, below 0, at age 0."""
    cost = float(part["acquisition_cost"][0])
    return np.append(0.0 if column == "age" else -cost, part[column])


def _mark_break_even(ax: Axes, table: object, length: str) -> None:
    """Where the lines pass 0, and after how long that is."""
    found = read_out(break_even_tenure(table))  # type: ignore[type-var]
    for name, height, anchor in (
        ("break_even_acquired", -14, "left top"), ("break_even_staying", 14, "right bottom"),
    ):  # fmt: skip
        at = float(found[name][0])
        alike = height > 0 and round(at, 1) == round(float(found["break_even_acquired"][0]), 1)
        if not np.isfinite(at) or at == 0 or alike:
            continue
        mark: dict[str, Any] = {"marker": "o", "markersize": 7, "markerfacecolor": BACKGROUND}
        ax.plot([at], [0], color=INK, linestyle="none", zorder=5, **mark)
        words = count_of(round(at, 1), length).replace(" ", "\u00a0")
        axes.write_note(ax, words, (at, 0), (6 if height < 0 else -6, height), anchor=anchor)
