"""How long customers stay: survival curves, and the reasons that take them, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.catalogue import figure
from retention.errors import ColumnError
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import CURVE, INCIDENCE
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import draw_steps, shading_of_lines, thinned_places
from retention.plots.paper.palette import BACKGROUND, HATCH, INK, LOOKS, MUTED, PALE, PLAIN
from retention.plots.paper.reading import Drawn, drawn_rows
from retention.reasons.categories import reason_categories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_REASONS = 8
"""Areas that can be told apart; further reasons are put together."""

_TIMES = 400
"""Steps of a curve; a picture cannot show more."""

_UNTOLD = ("Told no reason", "Reason not known")
"""No reasons: a grey area next to that of those still here."""


def plot_survival(table: IntoFrame, *, unit: str | None = None, ax: Axes | None = None) -> Axes:
    """Of those who came, the share still here after each length of time.

    A curve falls where customers leave; how steeply says when. The bounds are shaded: two curves
    whose shades overlap widely may be the same. Beneath stands how many were under observation at
    that time: where they are few, the curve says little.

    Args:
        table: from `survival_curve`, of up to eight segments.
        unit: what durations are counted in, such as "days"; said on the axis.
        ax: matplotlib axes to draw on; fresh ones by default. The numbers at risk stand beneath
            them and need room there (a layout such as "constrained" makes it).

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [2, 2, 3, 5], "churned": [True, False, True, False],
        ... })
        >>> ax = rt.plots.plot_survival(rt.survival_curve(spells), unit="days")
        >>> ax.get_xlabel()
        'Time since the start (days)'
    """
    drawn = drawn_rows(table, CURVE)
    parts = [(name, part.sorted_by("duration")) for name, part in drawn.parts()]
    shown = [(name, part.where(np.isfinite(part["survival"]))) for name, part in parts]
    ax = axes.axes_to_draw_on(ax, size=(axes.SIZE[0], axes.SIZE[1] + 0.17 * len(parts)))
    title = figure("survival").label
    if not drawn.size or not np.isfinite(drawn["survival"]).any():
        why = "no share is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    axes.set_percent_axis(ax, "y", drawn["survival"], whole=True)
    ticks = axes.set_duration_axis(ax, float(drawn["duration"].max()), unit)
    ends = []
    for (name, part), look in zip(shown, LOOKS, strict=False):
        if not part.size:
            continue
        curve = [_column_from_start(part, column, 1.0) for column in ("survival", "lower", "upper")]
        since = _start_of_watching(part)
        time = _column_from_start(part, "duration", since)
        few = thinned_places(time, _TIMES)
        share, lower, upper = (values[few] for values in curve)
        draw_steps(ax, time[few], share, (lower, upper), look, shading_of_lines(len(parts)))
        ends.append(
            End(time[-1], curve[0][-1], _name_with_share(name, curve[0][-1], since), look.text)
        )
    axes.set_titles(ax, title, x=_time_label(unit))
    rows = [(name or "At risk", part) for name, part in parts]
    label_ends(ax, ends, reserved=_height_of_rows(len(rows)) * axes.points_of("small"))
    colours = [look.text for look in LOOKS] if len(parts) > 1 else [INK]
    _write_numbers_at_risk(ax, ticks, rows, colours)
    return ax


def plot_incidence(table: IntoFrame, *, unit: str | None = None, ax: Axes | None = None) -> Axes:
    """Where everybody is after each length of time: still here, or gone for one of the reasons.

    At each time the areas sum to 100%: the pale one are those still here, each other one those who
    have left for one reason by then. A reason whose area grows early takes new customers. Of more
    than eight reasons the smallest are put together. Beneath stands how many were under observation
    at that time.

    Args:
        table: from `reason_incidence` or `cumulative_incidence`, of one segment.
        unit: what durations are counted in, such as "days"; said on the axis.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 3, 3], "churned": [True, True, False, False],
        ...     "reason": ["price", "rival", None, None],
        ... })
        >>> ax = rt.plots.plot_incidence(rt.survival.cumulative_incidence(spells))
        >>> [" ".join(text.get_text().split()) for text in ax.texts[:3]]
        ['Still here 50.0%', 'price 25.0%', 'rival 25.0%']
    """
    drawn = drawn_rows(table, INCIDENCE).alone()
    reason = next((name for name in ("category", "reason") if name in drawn), None)
    if reason is None:
        raise ColumnError(
            "plot_incidence: the table has neither 'category' nor 'reason': which reason is a row "
            "of? Give the table of reason_incidence or cumulative_incidence."
        )
    ax = axes.axes_to_draw_on(ax, across="")
    title = "Still here, or gone and for which reason"
    if not drawn.size or not np.isfinite(drawn["survival"]).any():
        why = "no share is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    times, survival, at_risk, names, left = _curves_by_reason(drawn, reason)
    ticks = axes.set_duration_axis(ax, float(times[-1]), unit)
    axes.set_percent_axis(ax, "y", np.array([0.0, 1.0]), whole=True)
    ax.set_ylim(0, 1)
    few = thinned_places(times, _TIMES)
    _draw_areas(ax, times[few], survival[few], names, left[:, few])
    axes.set_titles(ax, title, x=_time_label(unit))
    one = Drawn("", {"duration": times, "n_at_risk": at_risk}, ())
    _write_numbers_at_risk(ax, ticks, [("At risk", one)], [INK])
    return ax


def _draw_areas(
    ax: Axes, times: Floats, survival: Floats, names: Sequence[str], left: Floats
) -> None:
    """The share still here, and upon it those gone for each reason; words at the right."""
    edge: dict[str, Any] = {"step": "post", "edgecolor": BACKGROUND, "linewidth": 0.8}
    ax.fill_between(times, 0.0, survival, facecolor=PALE, **edge)
    now = float(survival[-1])
    ends = [End(times[-1], now / 2, f"Still here\n{wording.percent(now)}", MUTED)]
    base, looks = survival, iter(LOOKS)
    for name, share in zip(names, left, strict=True):
        look = None if name in _UNTOLD else next(looks)
        face: dict[str, Any] = {"facecolor": look.colour if look else PLAIN}
        face |= {} if look else {"hatch": HATCH}
        ax.fill_between(times, base, base + share, **face, **edge)
        middle = float(base[-1] + share[-1] / 2)
        words = f"{name} {wording.percent(share[-1])}"
        ends.append(End(times[-1], middle, words, look.text if look else MUTED))
        base = base + share
    label_ends(ax, ends, width=30, reserved=_height_of_rows(1) * axes.points_of("small"))


def _curves_by_reason(
    drawn: Drawn, reason: str
) -> tuple[Floats, Floats, Floats, list[str], Floats]:
    """Times, survival and numbers at risk, and for each reason those gone by then, most first."""
    drawn = drawn.where(np.isfinite(drawn["survival"]))
    since = _start_of_watching(drawn.sorted_by("duration"))
    times, when = np.unique(drawn["duration"], return_inverse=True)
    reasons, which = np.unique(drawn[reason], return_inverse=True)
    left = np.zeros((reasons.size, times.size))
    left[which, when] = drawn["cumulative_incidence"]
    survival, at_risk = np.ones(times.size), np.zeros(times.size)
    survival[when], at_risk[when] = drawn["survival"], drawn["n_at_risk"]
    names = [_spoken_reason(str(one), reason) for one in reasons]
    order = [k for k in np.argsort(-left[:, -1], kind="stable") if left[k].any()]
    order.sort(key=lambda k: names[k] not in _UNTOLD)
    names, left = [names[k] for k in order], left[order]
    most = _REASONS + sum(name in _UNTOLD for name in names)
    if len(names) > most:
        rest = left[most - 1 :].sum(axis=0, keepdims=True)
        names = [*names[: most - 1], f"{len(order) - most + 1} other reasons"]
        left = np.concatenate([left[: most - 1], rest])
    if times[0] > 0:
        times, survival = np.append(since, times), np.append(1.0, survival)
        at_risk = np.append(at_risk[0], at_risk)
        left = np.concatenate([np.zeros((left.shape[0], 1)), left], axis=1)
    return times, survival, at_risk, names, left


def _spoken_reason(reason: str, column: str) -> str:
    """A reason as people write it, and what there is in place of one."""
    if column == "reason":
        return "Reason not known" if reason == "(missing)" else reason
    labels = {one.name: one.label for one in reason_categories()}
    return (labels | {"unspecified": "Told no reason"}).get(reason, reason)


def _write_numbers_at_risk(
    ax: Axes, ticks: Sequence[float], rows: Sequence[tuple[str, Drawn]], colours: Sequence[str]
) -> None:
    """How many were under observation at each tick, a row per curve, beneath the axes."""
    size = axes.points_of("small")
    first = 3.4 if len(rows) == 1 else 4.6
    widest = max(len(wording.with_commas(part["n_at_risk"].max())) for _, part in rows)
    aside = -(0.33 * widest * size + 8)
    start = ax.get_xlim()[0]

    def write(words: str, x: float, row: float, colour: str, across: float | None = None) -> None:
        anchor = "center top" if across is None else "right top"
        away = (across or 0.0, -row * 1.4 * size)
        axes.write_note(ax, words, (x, 0), away, anchor=anchor, colour=colour, of="x")

    if len(rows) > 1:
        write("At risk", start, 3.3, MUTED, aside)
    for number, ((name, part), colour) in enumerate(zip(rows, colours, strict=False)):
        write(wording.shortened_text(name, 16), start, number + first, colour, aside)
        for tick, at_risk in zip(ticks, _numbers_at_risk(part, ticks), strict=True):
            write(wording.with_commas(at_risk), tick, number + first, colour)


def _height_of_rows(rows: int) -> float:
    """How high the numbers at risk are, in sizes of their letters."""
    return 1.4 * (rows + (1 if rows > 1 else 0))


def _numbers_at_risk(part: Drawn, ticks: Sequence[float]) -> Floats:
    """How many are at risk at the first duration that is not before each tick; none after all.

    Nor is anybody where nobody was under observation.
    """
    place = np.searchsorted(part["duration"], np.asarray(ticks))
    at_risk = np.append(part["n_at_risk"], 0.0)[place]
    if "observed_from" not in part:
        return at_risk
    since = np.append(part["observed_from"], 0.0)[place]
    return np.where((since > 0) & (np.asarray(ticks) <= since), 0.0, at_risk)


def _column_from_start(part: Drawn, column: str, value: float) -> Floats:
    """A column of a curve that begins at time 0, where everybody is still here."""
    if part.size and part["duration"][0] <= 0:
        return np.asarray(part[column])
    return np.append(value, part[column])


def _start_of_watching(part: Drawn) -> float:
    """When the first came under observation: from there on a curve can be drawn."""
    return float(part["observed_from"][0]) if "observed_from" in part else 0.0


def _name_with_share(name: str, share: float, since: float) -> str:
    given = [f"of those here at {since:.4g}"] * (since > 0)
    return "\n".join([name] * bool(name) + [wording.percent(share), *given])


def _time_label(unit: str | None) -> str:
    return f"Time since the start ({unit})" if unit else "Time since the start"
