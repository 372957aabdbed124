"""Retention over time: of each period's customers, sales and profit, what was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from retention import periods, wording
from retention.catalogue import figure
from retention.errors import ColumnError, check_choice, count_of
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import RETENTION
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BARS, BOUNDS, draw_line, last_known_point, shading_of_lines
from retention.plots.paper.palette import LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

Rate = Literal["retention_rate", "sales_adjusted_retention", "profit_adjusted_retention"]
_RATES: tuple[str, ...] = get_args(Rate)


def plot_retention(
    table: IntoFrame,
    *,
    rate: Rate | None = None,
    target: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """How much was kept, period by period: of customers, of their sales, of their profit.

    Each line is one of Buttle's three rates, with its bounds shaded; a point stands over the base
    period, and says what was kept of it. Where raw retention lies below the sales-adjusted rate,
    those who leave are small customers. With segments it is one rate, with a line for each.
    Bounds of two lines that overlap widely mean that the two may be the same. Lines are broken
    where a rate is not known.

    Args:
        table: from `outcome_kpis`, `retention_rate`, `sales_adjusted_retention` or
            `profit_adjusted_retention`, of up to eight segments.
        rate: the one rate that is drawn. By default all that the table has; with segments the
            first that it has.
        target: the share that should be kept, such as 0.8, drawn as a dashed line.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table, or has no such rate.
        ContentError: if there are more than eight segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
        ...     "sales": [10.0, 30.0, 20.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> ax = rt.plots.plot_retention(rt.outcome_kpis(activity))
        >>> ax.get_xticklabels()[0].get_text()
        'Jan 2024'
    """
    drawn = drawn_rows(table, RETENTION)
    rates = _rates_to_draw(drawn, rate)
    parts = [(name, part.sorted_by("step")) for name, part in drawn.parts()]
    ax = axes.axes_to_draw_on(ax)
    title = _title_of_rates(drawn, rates if len(parts) < 2 else rates[:1])
    lines = (
        [(figure(one).label, one, parts[0][1]) for one in rates]
        if len(parts) == 1
        else [(name, rates[0], part) for name, part in parts]
    )
    values = [part[name] for _, one, part in lines for name in (one, *_bounds_of_rate(part, one))]
    drawn_values = np.concatenate([*values, np.empty(0)])
    if not any(np.isfinite(part[one]).any() for _, one, part in lines):
        why = "no rate is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    return _draw_rates(ax, lines, drawn_values, title, target)


def _draw_rates(
    ax: Axes,
    lines: list[tuple[str, str, Drawn]],
    values: NDArray[np.float64],
    title: str,
    target: float | None,
) -> Axes:
    steps = np.concatenate([part["step"] for _, _, part in lines])
    days = np.concatenate([part["period"] for _, _, part in lines])
    goal = [] if target is None else [target]
    axes.set_percent_axis(ax, "y", np.append(values, goal))
    axes.set_calendar_axis(ax, steps, periods.freq_of(days, steps))
    ends = [_end_of_target(ax, float(steps.max()), one) for one in goal]
    side_by_side = 0.12 if np.ptp(steps) == 0 else 0.0
    for place, (name, rate, part) in enumerate(lines):
        look = LOOKS[place]
        lower, upper = (part[bound] for bound in _bounds_of_rate(part, rate))
        along = part["step"] + side_by_side * (place - (len(lines) - 1) / 2)
        draw_line(ax, along, part[rate], (lower, upper), look, shading_of_lines(len(lines)))
        x, y = last_known_point(along, part[rate])
        ends.append(End(x, y, f"{name}\n{wording.percent(y)}", look.text))
    axes.set_titles(ax, title, x=BARS if np.ptp(steps) == 0 else BOUNDS)
    label_ends(ax, ends)
    return ax


def _end_of_target(ax: Axes, last: float, target: float) -> End:
    """The line of a target, and what stands at its end."""
    ax.axhline(target, color=MUTED, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1.5)
    return End(last, target, f"Goal\n{wording.percent(target)}", MUTED)


def _rates_to_draw(drawn: Drawn, asked: str | None) -> list[str]:
    there = [rate for rate in _RATES if rate in drawn]
    if asked is not None:
        check_choice("rate", asked, _RATES)
    if not there or (asked is not None and asked not in there):
        raise ColumnError(
            f"plot_retention: the table has no {asked or 'rate'!r}; it has "
            f"{wording.quoted_names(list(drawn.columns))}. Give the table of outcome_kpis."
        )
    return [asked] if asked else there


def _bounds_of_rate(part: Drawn, rate: str) -> tuple[str, str]:
    own = f"{rate}_lower" in part
    return (f"{rate}_lower", f"{rate}_upper") if own else ("lower", "upper")


def _title_of_rates(drawn: Drawn, rates: list[str]) -> str:
    of = {"retention_rate": "customers"}
    of |= {rate: rate.split("_", maxsplit=1)[0] for rate in _RATES[1:]}
    kept = [of[rate] for rate in rates]
    what = " and ".join([", ".join(kept[:-1])] * (len(kept) > 1) + kept[-1:])
    freq = periods.freq_of(drawn["period"], drawn["step"])
    lag = int(drawn["lag"][0]) if "lag" in drawn and drawn.size else 1
    return f"Of each {freq}'s {what}, the share kept {count_of(lag, freq)} later"
