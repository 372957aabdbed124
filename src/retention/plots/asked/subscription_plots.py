"""When subscribers leave, of their own accord or not, and what moved the revenue of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods, wording
from retention.errors import RetentionError
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import BANDS_OF_TENURE, KINDS_OF_CHURN, PLAN_MOVES
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import draw_bars
from retention.plots.paper.palette import BACKGROUND, HATCH, INK, LOOKS, MUTED, PLAIN
from retention.plots.paper.reading import Drawn, drawn_rows
from retention.plots.paper.waterfall import Step, draw_waterfall

if TYPE_CHECKING:
    from datetime import date

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOVES = (
    ("new", 1, "n_new", "New"),
    ("reactivated", 1, "n_reactivated", "Came back"),
    ("moved_in", 1, "n_moved_in", "Moved in"),
    ("expansion", 1, "n_expanded", "Pay more"),
    ("contraction", -1, "n_contracted", "Pay less"),
    ("moved_out", -1, "n_moved_out", "Moved out"),
    ("churned", -1, "n_churned", "Lost"),
)

_KINDS = ("voluntary", "not_known", "involuntary")
"""From the bottom up: what is not known may belong to either."""

_MOST_STACKS = 60
"""Bars beyond which there is no room between them."""

_MOST_WRITTEN = 8
"""Bands beyond which rates beside their points would stand on each other."""

_SPREAD = 0.6
"""Of the room of a band, how much the points of several segments take."""


def plot_churn_by_tenure(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """When customers leave: the churn of one period in each band of tenure, with its bounds.

    Bands of unequal width are drawn by their churn per period, so that a long one does not look
    bad for being long. Beneath a band of a single segment stand how many reached it, and which
    share of them it lost on the whole. A band that nobody was seen to the end of has no point; the
    last one, without an end, is left out.

    Args:
        table: from `churn_by_tenure`, of up to eight segments.
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
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-06-30", "2024-01-01"]),
        ...     "end": pd.to_datetime(["2024-03-01", "2024-05-01", None, None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-07-31", grace=0)
        >>> found = rt.kpis.churn_by_tenure(spells, bands=[0, 1, 3, 6], length="month")
        >>> ax = rt.plots.plot_churn_by_tenure(found)
        >>> [" ".join(text.get_text().split()) for text in ax.get_xticklabels()]
        ['0 to 1 of 4 lost 0.0%', '1 to 3 of 4 lost 33.3%', '3 to 6 of 2 lost 50.0%']
    """
    every = drawn_rows(table, BANDS_OF_TENURE)
    drawn = every.where(np.isfinite(every["tenure_to"])).sorted_by("tenure_from")
    ax = axes.axes_to_draw_on(ax)
    title = "Churn by tenure"
    if not np.isfinite(drawn["churn_per_period"]).any():
        why = "no rate of a band is known." if every.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    length = str(drawn["length"][0])
    parts = drawn.parts()
    starts = np.unique(drawn["tenure_from"])
    columns = ("churn_per_period", "per_period_upper")
    highest = float(np.nanmax(np.concatenate([drawn[name] for name in columns])))
    axes.set_percent_axis(ax, "y", np.array([0.0, highest]))
    ax.set_xlim(-0.6, starts.size - 0.4)
    words, said = _words_of_bands(ax, drawn, starts, alone=len(parts) == 1)
    ax.set_xticks(range(starts.size), words)
    ends = [_draw_bands(ax, part, starts, (i, len(parts))) for i, part in enumerate(parts)]
    if len(parts) > 1:
        title += ", by segment"
    elif starts.size <= _MOST_WRITTEN:
        _write_rates(ax, parts[0][1], highest)
    spoken = f"{length.capitalize()}s since the start{said}. Bars: confidence bounds"
    axes.set_titles(ax, f"{title}: the share lost per {length}", x=spoken)
    label_ends(ax, ends if len(parts) > 1 else [])
    return ax


def plot_plan_waterfall(
    table: IntoFrame,
    *,
    plan: str | None = None,
    period: date | str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """From the recurring revenue of one period to that of the next, of one plan or of all.

    The first bar is the revenue of the period before, the last one that of this. Each bar between
    begins where the one before ended: dark ones add, hatched ones take away. Of one plan there
    stands beneath each how many customers it is of. "Moved in" came from other plans of yours,
    "moved out" went to others; over all plans the two differ by what changes of plan brought. There
    customers of several plans would count in each, so that none are given.

    Args:
        table: from `plan_waterfall`, of one segment.
        plan: the plan; by default the sum over all.
        period: the first day of the period; by default the last one of the table.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.
        RetentionError: if there is no such plan or period.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-01", "2024-02-01"]),
        ...     "end": pd.to_datetime(["2024-02-01", None, "2024-02-01", None]),
        ...     "sales": [10.0, 30.0, 10.0, 35.0],
        ...     "plan": ["Light", "Office", "Light", "Office"],
        ... })
        >>> activity = rt.contract_periods(contracts, freq="month", as_of="2024-02-28", by="plan")
        >>> ax = rt.plots.plot_plan_waterfall(rt.kpis.plan_waterfall(activity))
        >>> [float(bar.get_height()) for bar in ax.patches]
        [20.0, 35.0, 0.0, 30.0, 0.0, 0.0, 10.0, 10.0, 65.0]
    """
    drawn = drawn_rows(table, PLAN_MOVES).alone()
    of_plan = _rows_of_plan(drawn, plan)
    one = of_plan.of_period(period)
    ax = axes.axes_to_draw_on(ax)
    whose = "All plans" if plan is None else plan
    title = f"{whose}: what moved the recurring revenue"
    if not drawn.size:
        return axes.say_why_empty(ax, title, "the table has no rows.")
    freq = periods.freq_of(drawn["period"], drawn["step"])
    name = wording.period(one["period"][0], freq)
    if not np.isfinite(one["sales_start"]).all():
        return axes.say_why_empty(ax, title, f"of {name} nothing is known of the {freq} before.")
    draw_waterfall(ax, _steps_of_plan(one, name, freq, counted=plan is not None or one.size == 1))
    axes.set_titles(ax, f"{title} from the {freq} before to {name}")
    return ax


def plot_voluntary_churn(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """How much of churn was decided by customers and how much befell them, period by period.

    Each bar is the churn rate: voluntary churn at the bottom, involuntary churn hatched at the top.
    What is not known lies grey between the two, as it may belong to either. The line through the
    top is the bounds of churn as a whole. Beneath stands which share of the last period's losses
    was involuntary, of those whose kind is known.

    Args:
        table: from `voluntary_churn`, of one segment.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "start": pd.to_datetime(["2024-01-01"] * 4),
        ...     "end": pd.to_datetime(["2024-01-31", "2024-01-10", "2024-01-20", None]),
        ...     "reason": ["price", "card failed", "other", "(runs)"],
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-02-01", grace=0, keep_last="reason")
        >>> split = rt.kpis.voluntary_churn(
        ...     spells, freq="month", as_of="2024-02-01", convention="endpoint",
        ...     involuntary="card failed", not_known="other",
        ... )
        >>> ax = rt.plots.plot_voluntary_churn(split)
        >>> [" ".join(text.get_text().split()) for text in ax.texts]
        ['Voluntary 25.0%', 'Not known 25.0%', 'Involuntary 25.0%']
    """
    drawn = drawn_rows(table, KINDS_OF_CHURN).alone().sorted_by("step")
    ax = axes.axes_to_draw_on(ax)
    title = "Churn that customers decided, and churn that befell them"
    known = np.isfinite(drawn["churn_rate"])
    if not known.any():
        why = "no churn rate is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    step, freq = drawn["step"], periods.freq_of(drawn["period"], drawn["step"])
    highest = float(np.nanmax(np.concatenate([drawn["churn_rate"], drawn["upper"]])))
    axes.set_percent_axis(ax, "y", np.array([0.0, highest]))
    axes.set_calendar_axis(ax, step, freq)
    ax.set_xlim(float(step[0]) - 0.6, float(step[-1]) + 0.6)
    _draw_kinds(ax, drawn.where(known))
    axes.set_titles(ax, title, x=_share_in_words(drawn.where(known), freq))
    label_ends(ax, _ends_of_kinds(drawn.where(known)))
    return ax


def _draw_bands(ax: Axes, named: tuple[str, Drawn], starts: Floats, place: tuple[int, int]) -> End:
    """The points of one segment, each in its lane of the band; what stands beside them."""
    (name, part), (lane, lanes) = named, place
    look = LOOKS[lane]
    aside = _SPREAD * ((lane + 0.5) / lanes - 0.5)
    x = np.searchsorted(starts, part["tenure_from"]).astype(np.float64) + aside
    y = part["churn_per_period"]
    line: dict[str, Any] = {"color": look.colour, "linestyle": look.style, "linewidth": 1.2}
    mark: dict[str, Any] = {"marker": look.marker, "markersize": 7, "markeredgecolor": BACKGROUND}
    ax.plot(x, y, **line, **mark, zorder=4)
    draw_bars(ax, x, y, (part["per_period_lower"], part["per_period_upper"]), look.colour)
    seen = np.flatnonzero(np.isfinite(y))
    where = (float(x[seen[-1]]), float(y[seen[-1]])) if seen.size else (np.nan, np.nan)
    return End(*where, f"{name}\n{wording.percent(where[1])}", look.text)


def _write_rates(ax: Axes, part: Drawn, highest: float) -> None:
    """The rate beside each point, on the side where the line does not go."""
    rates = part["churn_per_period"]
    rises = np.append(rates[1:] > rates[:-1], False) & (rates > 0.15 * highest)
    for at, rate in enumerate(rates.tolist()):
        if not np.isfinite(rate):
            axes.write_note(ax, "not\nknown", (at, 0.0), (0, 4), anchor="center bottom")
            continue
        away, anchor = ((7, -3), "left top") if rises[at] else ((7, 3), "left bottom")
        axes.write_note(ax, wording.percent(rate), (at, rate), away, anchor=anchor)


def _words_of_bands(
    ax: Axes, drawn: Drawn, starts: Floats, *, alone: bool
) -> tuple[list[str], str]:
    """What stands beneath each band as far as there is room, and what of it is to be said."""
    first = np.searchsorted(drawn["tenure_from"], starts)
    names = [str(name) for name in drawn["band"][first]]
    letters = axes.width_of(ax) / (starts.size + 0.2) / (0.62 * axes.points_of("small"))
    if letters < 1 + max(map(len, names)):
        begins = [f"{start:,g}" for start in starts]
        every = -(-(1 + max(map(len, begins))) // max(1, int(letters)))
        shown = [name if i % every == 0 else "" for i, name in enumerate(begins)]
        return shown, ", where each band begins"
    if not alone or letters < 12:
        return names, ""
    reached = [f"of {wording.with_commas(n)}" for n in drawn["n_reached"][first]]
    lost = [f"lost {wording.percent(rate)}" for rate in drawn["churn_rate"][first]]
    words = ["\n".join(each) for each in zip(names, reached, lost, strict=True)]
    return words, "; how many reached the band, and the share of them that it lost"


def _rows_of_plan(drawn: Drawn, plan: str | None) -> Drawn:
    """The rows of one plan, or all.

    Raises:
        RetentionError: if there is no such plan.
    """
    if plan is None:
        return drawn
    of = drawn["plan"] == plan
    if not of.any():
        there = list(dict.fromkeys(map(str, drawn["plan"])))
        raise RetentionError(
            f"plan: no row of the table is of {plan!r}. There is: {wording.quoted_names(there)}."
        )
    return drawn.where(of)


def _steps_of_plan(one: Drawn, name: str, freq: str, *, counted: bool) -> list[Step]:
    """The revenue before, what came and went, and the revenue after, over the plans."""

    def bar_of(word: str, amount: str, sign: int, n: str) -> Step:
        count = float(one[n].sum()) if counted else np.nan
        return Step(word, float(one[amount].sum()), sign, count)

    return [
        bar_of(f"{freq.capitalize()} before", "sales_start", 0, "n_start"),
        *(bar_of(word, f"sales_{move}", sign, n) for move, sign, n, word in _MOVES),
        bar_of(name, "sales_end", 0, "n_end"),
    ]


def _draw_kinds(ax: Axes, drawn: Drawn) -> None:
    """Voluntary churn, what is not known, and involuntary churn on top of each other."""
    step = drawn["step"]
    width = 0.8 if step.size <= _MOST_STACKS else 1.0
    hatched: dict[str, Any] = {"facecolor": BACKGROUND, "hatch": HATCH, "linewidth": width - 0.1}
    fills: tuple[dict[str, Any], ...] = (
        {"color": LOOKS[0].colour},
        {"color": PLAIN},
        {**hatched, "edgecolor": LOOKS[1].colour},
    )
    foot = np.zeros(step.size)
    for kind, fill in zip(_KINDS, fills, strict=True):
        rate = drawn[f"{kind}_churn"]
        some = rate > 0  # a bar of no height would have an edge
        ax.bar(step[some], rate[some], width=width, bottom=foot[some], zorder=2, **fill)
        foot = foot + rate
    ax.vlines(step, drawn["lower"], drawn["upper"], color=INK, linewidth=1.0, zorder=3)


def _share_in_words(drawn: Drawn, freq: str) -> str:
    """Which share of the last losses was involuntary."""
    bounds = "Lines: bounds of churn as a whole"
    columns = ("involuntary_share", "share_lower", "share_upper")
    share, low, high = (float(drawn[name][-1]) for name in columns)
    if not np.isfinite(share):
        return bounds
    said = f"Involuntary in {wording.period(drawn['period'][-1], freq)}: {wording.percent(share)}"
    if np.isfinite(low):
        said += f" ({wording.percent(low)} to {wording.percent(high)})"
    return f"{said} of losses of a known kind. {bounds}"


def _ends_of_kinds(drawn: Drawn) -> list[End]:
    """What stands beside the last bar: its parts, at their middles, if they ever are any."""
    edge, foot, ends = float(drawn["step"][-1]) + 0.6, 0.0, []
    for kind, colour in zip(_KINDS, (LOOKS[0].text, MUTED, LOOKS[1].text), strict=True):
        rate = float(drawn[f"{kind}_churn"][-1])
        words = f"{wording.spoken_name(kind).capitalize()}\n{wording.percent(rate)}"
        if drawn[f"{kind}_churn"].any():
            ends.append(End(edge, foot + rate / 2, words, colour))
        foot += rate
    return ends
