"""What customers won have brought by age, cohort by cohort, and when that paid for winning them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals, wording
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import COHORT_VALUE
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, last_known_point, shading_of_lines
from retention.plots.paper.palette import BACKGROUND, LOOKS, MUTED, heat_colour
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


_MOST_LINES = 12
"""More thin lines would be a thicket: those won in a year go together."""


def plot_cohort_value(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """What customers won have brought by each age, beside what winning one cost.

    A line that has reached the level of the cost has paid it back: a ring marks the age. Of a table
    with a cohort for each period, every cohort is a thin line, the darker the younger, and the bold
    one is all of them, at each age those followed so long; of more than twelve those won in a year
    are one line, up to the age to which all of them were followed, and the bold one ends where
    fewer than half of all were. Of `cohorts="attribute"` there is a line for each segment, with its
    bounds. Ages that are not over are not drawn.

    Args:
        table: from `cohort_value`, of one segment; of up to eight with `cohorts="attribute"`.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more segments than that.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-28", "2024-02-03"]),
        ...     "sales": [30.0, 10.0, 20.0, 8.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> values = rt.economics.cohort_value(activity, of="sales", washout=0)
        >>> ax = rt.plots.plot_cohort_value(values)
        >>> [float(value) for value in ax.lines[-1].get_ydata()]
        [16.0, 30.0]
    """
    drawn = drawn_rows(table, COHORT_VALUE)
    ax = axes.axes_to_draw_on(ax)
    of = str(drawn["of"][0]) if drawn.size and "of" in drawn else "value"
    title = f"What a customer won has brought: {of} so far"
    known = np.isfinite(drawn["value_per_customer"])
    if not known.any():
        why = f"no {of} is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    apart, by_year = not np.isnat(drawn["cohort"]).all(), False
    if apart:
        by_year = _draw_cohorts(ax, drawn.alone().sorted_by("cohort", "age"))
        parts = [("All cohorts", _all_cohorts(drawn, least=0.5 if by_year else 0.0))]
    else:
        parts = [(name or "A customer won", p.sorted_by("age")) for name, p in drawn.parts()]
    ends = [*_draw_values(ax, parts), *_draw_costs(ax, parts)]
    paid = _ring_paybacks(ax, parts)
    axes.set_duration_axis(ax, _oldest_age(ax, float(drawn["age"][known].max())), None)
    _keep_zero_in_sight(ax)
    notes = [f"{str(drawn['freq'][0]).capitalize()}s since that of the first purchase"]
    notes += ["Ring: paid back"] * paid
    thin = "all won in a year" if by_year else "a cohort"
    notes += [f"Thin: {thin}, the darker the younger"] * apart
    notes += [BOUNDS] * (not apart and bool(np.isfinite(drawn["lower"]).any()))
    axes.set_titles(ax, title, x=". ".join(notes))
    label_ends(ax, ends)
    return ax


def _all_cohorts(drawn: Drawn, least: float = 0.0) -> Drawn:
    """One row per age: the sums of all cohorts that were followed so long, without bounds.

    Ages to which less than the share `least` of all customers were followed are left out: the few
    early cohorts differ from the others by more than age, so that a sum so far would seem to fall.
    """
    ages, place = np.unique(drawn["age"], return_inverse=True)
    n = np.bincount(place, drawn["n_eligible"])
    seen = drawn["n_eligible"] > 0
    total, cost = (
        np.bincount(place, np.where(seen, values, 0.0))
        for values in (drawn["total"], drawn["acquisition_cost"] * drawn["n_eligible"])
    )
    value, mean_cost = intervals.ratio(total, n), intervals.ratio(cost, n)
    none = np.full(ages.size, np.nan)
    columns = {
        "age": ages,
        "value_per_customer": value,
        "lower": none,
        "upper": none,
        "acquisition_cost": mean_cost,
        "net": value - mean_cost,
    }
    return Drawn(drawn.plot, columns, ()).where(n >= least * n.max())


def _draw_cohorts(ax: Axes, drawn: Drawn) -> bool:
    """A thin line for each cohort in which somebody was won; whether they are years' together."""
    won = drawn.where(drawn["n_cohort"] > 0)
    by_year = np.unique(won["cohort"]).size > _MOST_LINES
    group = won["cohort"].astype("datetime64[Y]") if by_year else won["cohort"]
    cohorts = np.unique(group)
    for i, cohort in enumerate(cohorts):
        part = won.where(group == cohort)
        line = _followed_whole(part) if by_year else part
        colour = heat_colour(0.15 + 0.55 * (i + 1) / cohorts.size)
        ax.plot(line["age"], line["value_per_customer"], color=colour, linewidth=0.9, zorder=2)
    return by_year


def _followed_whole(drawn: Drawn) -> Drawn:
    """Several cohorts as one, at the ages to which all of them were followed."""
    ages, n = np.unique(drawn["age"][drawn["n_eligible"] > 0], return_counts=True)
    whole = ages[n == np.unique(drawn["cohort"]).size]
    together = _all_cohorts(drawn)
    return together.where(np.isin(together["age"], whole))


def _oldest_age(ax: Axes, known: float) -> float:
    """How far the lines reach."""
    reached = [float(np.max(line.get_xdata(), initial=0.0)) for line in ax.lines]
    return min(known, max(reached, default=known))


def _draw_values(ax: Axes, parts: Sequence[tuple[str, Drawn]]) -> list[End]:
    """A line for each part with its bounds."""
    ends, shading = [], shading_of_lines(len(parts))
    for (name, part), look in zip(parts, LOOKS, strict=False):
        age, value = part["age"], part["value_per_customer"]
        draw_line(ax, age, value, (part["lower"], part["upper"]), look, shading)
        x, y = last_known_point(age, value)
        ends.append(End(x, y, f"{name}\n{wording.money(y)}", look.text))
    return ends


def _ring_paybacks(ax: Axes, parts: Sequence[tuple[str, Drawn]]) -> bool:
    """A ring where a line has paid back; of one alone with its age beside. Whether any has."""
    found = False
    for (_, part), look in zip(parts, LOOKS, strict=False):
        enough = -1e-9 * np.nan_to_num(part["acquisition_cost"])
        reached = np.flatnonzero(part["net"] >= enough)
        if not reached.size:
            continue
        found, place = True, int(reached[0])
        at = (float(part["age"][place]), float(part["value_per_customer"][place]))
        ring: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": BACKGROUND}
        edge: dict[str, Any] = {"markeredgecolor": look.colour, "markeredgewidth": 2.0}
        ax.plot(*at, linestyle="none", zorder=5, **ring, **edge)
        if len(parts) == 1:
            words = f"Paid back at {at[0]:,.0f}".replace(" ", "\u00a0")
            axes.write_note(ax, words, at, (9, -5), anchor="left top")
    return found


def _draw_costs(ax: Axes, parts: Sequence[tuple[str, Drawn]]) -> list[End]:
    """What winning a customer cost, as a level: one line where it is the same for all."""
    ends: list[End] = []
    costs = [part["acquisition_cost"] for _, part in parts]
    if not any(np.isfinite(cost).any() for cost in costs):
        return ends
    alike = np.concatenate(costs)
    alike = alike[np.isfinite(alike)]
    if np.ptp(alike) <= 1e-9 * float(alike.max()):
        ax.axhline(float(alike[0]), color=MUTED, linestyle=(0, (4, 2)), linewidth=1.2, zorder=1)
        x = max(last_known_point(part["age"], part["net"])[0] for _, part in parts)
        said = f"Cost of winning\n{wording.money(float(alike[0]))}"
        return [End(x, float(alike[0]), said, MUTED)]
    for (name, part), look in zip(parts, LOOKS, strict=False):
        cost: dict[str, Any] = {"color": look.colour, "linewidth": 1.0, "linestyle": (0, (1, 2))}
        ax.plot(part["age"], part["acquisition_cost"], zorder=1, **cost)
        x, y = last_known_point(part["age"], part["acquisition_cost"])
        whom = f"Cost: {name}" if len(parts) > 1 else "Cost of winning"
        ends.append(End(x, y, f"{whom}\n{wording.money(y)}", look.text))
    return ends


def _keep_zero_in_sight(ax: Axes) -> None:
    """Amounts along y, with room for what is drawn and for 0."""
    low, high = ax.get_ylim()
    low, high = min(low, 0.0), max(high, 0.0)
    ax.set_ylim(low, high)
    written = wording.amount_writer(max(abs(low), abs(high)))
    ax.yaxis.set_major_formatter(lambda money, _: wording.without_zeros(written(money)))
