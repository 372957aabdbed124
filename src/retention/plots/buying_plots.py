"""When a silence means that a customer has left, and whether customers buy as a model expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from retention import periods, wording
from retention.catalogue import figure
from retention.errors import check_choice
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import GAPS, TRACKING
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, last_known_point
from retention.plots.paper.palette import LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame

Tracked = Literal["each", "cumulative"]

_LINES = ("lost_share", "came_back_share", "false_churn_rate")


def plot_gaps(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """For each silence that might mean a customer has left: how many it calls lost, and wrongly.

    The longer the silence, the fewer it calls lost, and the fewer of them come back. Take the
    shortest whose false churn rate you can live with: where that line has become flat, waiting
    longer gains little. Where it stays high to the end no silence tells who has left: a curve of
    how long customers stay would take pauses for departures. The share of all who came back says
    less: it counts those called lost only lately, who have had little time to, and those who took
    years.

    Args:
        table: from `gap_table`.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-03-01", "2024-01-15"]),
        ...     "sales": [10.0, 20.0, 30.0, 20.0],
        ... })
        >>> table = rt.gap_table(orders, as_of="2024-03-31", gaps=[30, 60], within=30)
        >>> ax = rt.plots.plot_gaps(table)
        >>> [tick.get_text() for tick in ax.get_xticklabels()]
        ['30', '60']
    """
    drawn = drawn_rows(table, GAPS).sorted_by("gap")
    ax = axes.axes_to_draw_on(ax)
    title = "What a silence of so many days would have called lost, and how many came back"
    if not any(np.isfinite(drawn[name]).any() for name in _LINES):
        why = "no share is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    gaps = drawn["gap"]
    axes.set_percent_axis(ax, "y", np.array([0.0, 1.0]), whole=True)
    room = max(float(np.ptp(gaps)), float(gaps[0])) * 0.04
    ax.set_xlim(gaps[0] - room, gaps[-1] + room)
    ax.set_xticks(*_ticks_of_gaps(ax, gaps.tolist()))
    ends = []
    for look, name in zip(LOOKS, _LINES, strict=False):
        draw_line(ax, gaps, drawn[name], (drawn[f"{name}_lower"], drawn[f"{name}_upper"]), look)
        x, y = last_known_point(gaps, drawn[name])
        within = f" ({drawn['within'][0]:,.0f} days)" if name == "false_churn_rate" else ""
        ends.append(End(x, y, f"{figure(name).label}{within}\n{wording.percent(y)}", look.text))
    axes.set_titles(ax, title, x=f"Days without an order. {BOUNDS}")
    label_ends(ax, ends, width=26)
    return ax


def _ticks_of_gaps(ax: Axes, gaps: list[float]) -> tuple[list[float], list[str]]:
    """The candidates themselves, leaving out those too near to the one before."""
    low, high = ax.get_xlim()
    apart = 2.6 * axes.points_of("small") / axes.width_of(ax) * (high - low)
    kept: list[float] = []
    for gap in gaps:
        if not kept or gap - kept[-1] >= apart:
            kept.append(gap)
    return kept, [f"{gap:,.0f}" for gap in kept]


def plot_tracking(table: IntoFrame, *, show: Tracked = "each", ax: Axes | None = None) -> Axes:
    """Repeat purchases of each period, beside those a model of repeat buying expects.

    Right of the upright line the model knew nothing: there it is a forecast. Where the two lines
    part there, the base no longer buys as it did, or the model never fitted. Seasons show as waves
    around the expected line, which knows none; "cumulative" smooths them away.

    Args:
        table: from `tracking_table`.
        show: "each" (purchases in each period) or "cumulative" (since the first).
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        RetentionError: if `show` is neither of the two.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob", "Bob"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-07", "2024-01-14", "2024-01-04", "2024-01-14"]
        ...     ),
        ...     "sales": [10.0] * 5,
        ... })
        >>> model = rt.repeat_buying.fit_bg_nbd(rt.purchase_summary(orders, as_of="2024-01-14"))
        >>> table = rt.repeat_buying.tracking_table(orders, model=model, as_of="2024-01-14")
        >>> ax = rt.plots.plot_tracking(table)
        >>> [int(n) for n in ax.lines[0].get_ydata()]
        [1, 2]
    """
    check_choice("show", show, get_args(Tracked))
    drawn = drawn_rows(table, TRACKING).alone().sorted_by("step")
    before = "" if show == "each" else "cumulative_"
    actual, expected = drawn[f"{before}actual"], drawn[f"{before}expected"]
    ax = axes.axes_to_draw_on(ax)
    title = "Repeat purchases, actual and expected"
    if not np.isfinite([actual, expected]).any():
        why = "no number of purchases is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    freq = periods.freq_of(drawn["period"], drawn["step"])
    when = f"by {freq}" if show == "each" else f"since the first {freq}"
    highest = float(np.nanmax([actual, expected]))
    ax.set_ylim(0, 1.06 * highest or 1.0)
    ax.yaxis.set_major_formatter(lambda n, _: wording.without_zeros(wording.number(n, 1)))
    axes.set_calendar_axis(ax, drawn["step"], freq)
    ends, nothing = [], np.full(drawn.size, np.nan)
    for name, values, look in (("Actual", actual, LOOKS[0]), ("Expected", expected, LOOKS[1])):
        draw_line(ax, drawn["step"], values, (nothing, nothing), look)
        x, y = last_known_point(drawn["step"], values)
        ends.append(End(x, y, f"{name}\n{wording.with_commas(y)}", look.text))
    note = _mark_forecast(ax, drawn)
    axes.set_titles(ax, f"{title}, {when}", x=note)
    label_ends(ax, ends)
    return ax


def _mark_forecast(ax: Axes, drawn: Drawn) -> str:
    """An upright line where the model's knowledge ends; what is said of it."""
    held = drawn["is_holdout"] > 0 if "is_holdout" in drawn else np.zeros(drawn.size, dtype=bool)
    if not held.any() or held.all():
        return ""
    start = float(drawn["step"][np.argmax(held)]) - 0.5
    ax.axvline(start, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    return "Right of the upright line: a forecast, which the model was not fitted on"
