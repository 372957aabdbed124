"""Whether customers bought as often as a model expects, period by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from retention import periods, wording
from retention.errors import check_choice
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import TRACKING
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import draw_line, last_known_point
from retention.plots.paper.palette import LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Tracked = Literal["each", "cumulative"]


def plot_tracking(table: object, *, show: Tracked = "each", ax: Axes | None = None) -> Axes:
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
