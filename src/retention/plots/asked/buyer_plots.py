"""Who comes, new and returning, and how soon customers order again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods, wording
from retention.errors import ContentError
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import ACTIVE, NEXT_ORDER
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_steps, shading_of_lines, thinned_places
from retention.plots.paper.palette import BACKGROUND, HATCH, LOOKS, MUTED, PLAIN
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOST_BARS = 60
"""More have no room between them."""

_TIMES = 400
"""Steps of a curve; a picture cannot show more."""


def plot_active_customers(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """How many customers bought in each period: those who had bought before, and new ones on top.

    Where a log begins new is not known from returning, and the bar is grey. A firm whose bars grow
    by the hatched parts alone wins customers and does not keep them. Beneath stands which share of
    the last period's customers came on a mean day.

    Args:
        table: from `active_customers`, of one segment.
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
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-10", "2024-02-03"]),
        ...     "sales": 10.0,
        ... })
        >>> found = rt.kpis.active_customers(orders, freq="month", as_of="2024-02-29")
        >>> ax = rt.plots.plot_active_customers(found)
        >>> [" ".join(text.get_text().split()) for text in ax.texts]
        ['Returning 1', 'New 1']
    """
    drawn = drawn_rows(table, ACTIVE).alone().sorted_by("step")
    ax = axes.axes_to_draw_on(ax)
    title = "Customers who bought, new and returning"
    if not drawn.size or not np.nansum(drawn["n_active"]) > 0:
        why = "nobody was active." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    step = drawn["step"]
    freq = periods.freq_of(drawn["period"], step)
    _draw_stacked_bars(ax, drawn)
    ax.set_ylim(0, 1.08 * float(np.nanmax(drawn["n_active"])))
    axes.set_calendar_axis(ax, step, freq)
    ax.set_xlim(float(step[0]) - 0.6, float(step[-1]) + 0.6)
    ax.yaxis.set_major_formatter(lambda n, _: wording.with_commas(n))
    axes.set_titles(ax, title, x=_stickiness_in_words(drawn, freq))
    label_ends(ax, _ends_of_bars(drawn))
    return ax


def plot_time_to_next_order(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Of those who ordered, the share that ordered again by each day after.

    The curve rises where customers come back: steeply while they remember you, and hardly at all
    once those who are left have gone. A point marks the day by which half were back. The bounds are
    shaded: two curves whose shades overlap widely may be the same.

    Args:
        table: from `time_to_next_order`, of up to eight segments or orders.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight curves.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-06", "2024-01-01", "2024-01-13"]),
        ...     "sales": 10.0,
        ... })
        >>> curve = rt.kpis.time_to_next_order(orders, as_of="2024-01-20")
        >>> ax = rt.plots.plot_time_to_next_order(curve)
        >>> ax.get_xlabel()
        'Days since the order. Shaded: confidence bounds'
    """
    whole = drawn_rows(table, NEXT_ORDER)
    drawn = whole.where(np.isfinite(whole["order"]))
    ax = axes.axes_to_draw_on(ax)
    curves = _curves_to_draw(drawn)
    title = _title_of_returning(drawn)
    if not curves or not np.isfinite(drawn["returned_share"]).any():
        why = "no share is known." if whole.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    axes.set_percent_axis(ax, "y", drawn["returned_share"], whole=True)
    axes.set_duration_axis(ax, float(drawn["duration"].max()), "days")
    if (drawn["returned_share"] >= 0.5).any():
        ax.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
    ends = []
    for (name, part), look in zip(curves, LOOKS, strict=False):
        columns = [
            np.append(0.0, part[c]) for c in ("duration", "returned_share", "lower", "upper")
        ]
        few = thinned_places(columns[0], _TIMES)
        time, share, lower, upper = (values[few] for values in columns)
        draw_steps(ax, time, share, (lower, upper), look, shading_of_lines(len(curves)))
        half = float(part["median_days"][0])
        if np.isfinite(half):
            mark: dict[str, Any] = {"color": look.colour, "marker": look.marker, "markersize": 7.0}
            ax.plot([half], [0.5], **mark, markeredgecolor=BACKGROUND, zorder=4)
        ends.append(End(time[-1], share[-1], _words_of_curve(name, share[-1], half), look.text))
    axes.set_titles(ax, title, x=f"Days since the order. {BOUNDS}")
    label_ends(ax, ends)
    return ax


def _draw_stacked_bars(ax: Axes, drawn: Drawn) -> None:
    """Returning customers, new ones on top, and those of whom it is not known."""
    step, new = drawn["step"], drawn["n_new"]
    known = np.isfinite(new)
    width = 0.8 if step.size <= _MOST_BARS else 1.0
    old = np.where(known, drawn["n_returning"], 0.0)
    ax.bar(step, old, width=width, color=LOOKS[0].colour, zorder=2)
    edge: dict[str, Any] = {"edgecolor": LOOKS[1].colour, "linewidth": 0.8 if width < 1 else 0.0}
    fresh = np.where(known, new, 0.0)
    ax.bar(
        step, fresh, width=width, bottom=old, facecolor=BACKGROUND, hatch=HATCH, zorder=2, **edge
    )
    if not known.all():
        ax.bar(step[~known], drawn["n_active"][~known], width=width, color=PLAIN, zorder=2)


def _ends_of_bars(drawn: Drawn) -> list[End]:
    """What stands beside the last bar: its parts, at their middles."""
    edge, whole = float(drawn["step"][-1]) + 0.6, float(drawn["n_active"][-1])
    new, old = float(drawn["n_new"][-1]), float(drawn["n_returning"][-1])
    if not np.isfinite(new):
        return [End(edge, whole / 2, f"Active\n{wording.with_commas(whole)}", MUTED)]
    return [
        End(edge, old / 2, f"Returning\n{wording.with_commas(old)}", LOOKS[0].text),
        End(edge, old + new / 2, f"New\n{wording.with_commas(new)}", LOOKS[1].text),
    ]


def _stickiness_in_words(drawn: Drawn, freq: str) -> str:
    """Which share of the last period's customers came on a mean day."""
    share, length = float(drawn["stickiness"][-1]), periods.length_of(freq)
    if not np.isfinite(share) or freq in ("day", "period"):
        return ""
    last = wording.period(drawn["period"][-1], freq)
    return f"On a mean day of the last {length} ({last}) came {wording.percent(share)} of these"


def _curves_to_draw(drawn: Drawn) -> list[tuple[str, Drawn]]:
    """The curve of each segment and order, with what tells it from the others.

    Raises:
        ContentError: if there are more than can be told apart.
    """
    several = np.unique(drawn["order"]).size > 1
    curves = []
    for name, segment in drawn.parts():
        for order in np.unique(segment["order"]).tolist():
            part = segment.where(segment["order"] == order).sorted_by("duration")
            which = f"{_nth(int(order))} to {_nth(int(order) + 1)}" if several else ""
            curves.append((", ".join(filter(None, (name, which))), part))
    if len(curves) > len(LOOKS):
        raise ContentError(
            f"{drawn.plot} draws up to {len(LOOKS)} curves, which is as many as one can tell "
            f"apart; the table has {len(curves):,}. Keep the rows of one order, or of the segments "
            "that matter."
        )
    return curves


def _nth(number: int) -> str:
    """A number as that of an order: 1st, 2nd, 3rd, 11th."""
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


def _title_of_returning(drawn: Drawn) -> str:
    orders = np.unique(drawn["order"])
    if orders.size != 1:
        return "Of those who ordered, the share that ordered again"
    times = int(orders[0])
    often = {1: "once", 2: "twice"}.get(times, f"{times:,} times")
    return f"Of those who ordered {often}, the share that ordered again"


def _words_of_curve(name: str, share: float, half: float) -> str:
    """What is said beside a curve: whose it is, how high it ends, by when it passed half."""
    by = f", half by day {wording.with_commas(half)}" if np.isfinite(half) else ""
    return "\n".join([name] * bool(name) + [f"{wording.percent(share)}{by}"])
