"""What is predicted of customers: how likely each leaves, and for which reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.errors import ContentError
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import PREDICTED_REASONS
from retention.plots.paper.palette import BACKGROUND, INK, LOOKS, MUTED, PALE, ink_on_colour
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOST_BARS = 24
_REASONS = 7
"""Reasons that can be told apart; the others are put together."""


def plot_predicted_reasons(
    table: IntoFrame, *, unit: str | None = None, ax: Axes | None = None
) -> Axes:
    """How likely each customer leaves within a time, and for which reason: a bar of all chances.

    The pale part is the chance of still being here, each other part that of having left for one
    reason by then; together they are 100%. The reason that takes most of all customers lies next to
    the pale part. Of more than seven reasons the smallest are put together. Of a model of
    `fit_fine_gray`, which tells each reason by itself, there is no pale part.

    Args:
        table: from `predict_reasons`, of up to 24 customers and times together.
        unit: what times are counted in, such as "days"; said beside the bars.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than 24 customers and times.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 2, 3], "churned": [True, True, False, False],
        ...     "reason": ["price", "rival", None, None],
        ... })
        >>> model = rt.survival.fit_cause_specific(spells)
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [0]})
        >>> why = rt.survival.predict_reasons(customers, model=model, times=[1, 2])
        >>> ax = rt.plots.plot_predicted_reasons(why)
        >>> [name.get_text() for name in ax.get_yticklabels()]
        ['Zoe, by 1', 'Zoe, by 2']
    """
    drawn = drawn_rows(table, PREDICTED_REASONS)
    names, parts, reasons = _bars_of_customers(drawn, unit)
    size = (axes.SIZE[0], max(2.6, 1.7 + 0.36 * len(names)))
    ax = axes.axes_to_draw_on(ax, size=size, across="")
    title = "Chance of leaving, by reason"
    if not np.isfinite(parts).any():
        why = "no chance is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    axes.name_rows(ax, names)
    alone = not np.isfinite(parts[:, 0]).any()
    axes.set_percent_axis(ax, "x", np.array([0.0, 1.0]), whole=True)
    ax.set_xlim(0, max(1.0, float(np.nansum(parts, axis=1).max())))
    _draw_chances(ax, parts, reasons, alone=alone)
    told = "each reason by itself" if alone else "with that of staying 100%"
    times = np.unique(drawn["time"])
    then = "by then" if times.size > 1 or not unit else f"within {times[0]:.15g} {unit}"
    axes.set_titles(ax, title, x=f"Chance {then}, {told}")
    return ax


def _bars_of_customers(drawn: Drawn, unit: str | None) -> tuple[list[str], Floats, list[str]]:
    """The names of bars, the parts of each (of staying first), and the reasons, most first.

    Raises:
        ContentError: if there are more than can be read.
    """
    several = np.unique(drawn["time"]).size > 1
    texts = [
        f"{customer}, {_name_of_time(time, unit)}" if several else str(customer)
        for customer, time in zip(drawn["customer_id"], drawn["time"], strict=True)
    ]
    met: Counter[tuple[str, object]] = Counter()
    bars = []
    for text, reason in zip(texts, drawn["reason"], strict=True):
        met[text, reason] += 1  # a customer may be there with several spells
        bars.append((text, met[text, reason]))
    places = {bar: i for i, bar in enumerate(dict.fromkeys(bars))}
    names = [text for text, _ in places]
    if len(names) > _MOST_BARS:
        raise ContentError(
            f"plot_predicted_reasons draws up to {_MOST_BARS} bars; the table has {len(names):,} "
            "customers and times. Keep those that matter, as in table.head(...)."
        )
    reasons = list(dict.fromkeys(map(str, drawn["reason"])))
    row = np.array([places[bar] for bar in bars], np.intp)
    column = np.array([reasons.index(str(reason)) for reason in drawn["reason"]], np.intp)
    left, staying = np.full((len(names), len(reasons)), np.nan), np.full(len(names), np.nan)
    left[row, column], staying[row] = drawn["reason_probability"], drawn["survival"]
    order = np.argsort(-np.nansum(left, axis=0), kind="stable")
    left, reasons = left[:, order], [reasons[k] for k in order]
    if len(reasons) > _REASONS:
        rest = left[:, _REASONS - 1 :].sum(axis=1, keepdims=True)
        others = f"{len(reasons) - _REASONS + 1} other reasons"
        left = np.concatenate([left[:, : _REASONS - 1], rest], axis=1)
        reasons = [*reasons[: _REASONS - 1], others]
    spoken = ["Reason not known" if name == "(missing)" else name for name in reasons]
    return names, np.column_stack([staying, left]), spoken


def _name_of_time(time: float, unit: str | None) -> str:
    return f"{time:.15g} {unit}" if unit else f"by {time:.15g}"


def _draw_chances(ax: Axes, parts: Floats, reasons: Sequence[str], *, alone: bool) -> None:
    """The parts of each bar side by side, in percent where there is room, and what they are."""
    rows, base = np.arange(parts.shape[0], dtype=np.float64), np.zeros(parts.shape[0])
    faces = [PALE, *(look.colour for look in LOOKS)]
    words = [INK, *(ink_on_colour(look.colour) for look in LOOKS)]
    room = 2.6 * axes.points_of("small") / axes.width_of(ax) * ax.get_xlim()[1]
    handles = []
    for k, name in enumerate(("Still here", *reasons)):
        if k == 0 and alone:
            continue
        wide = np.nan_to_num(parts[:, k])
        edge: dict[str, Any] = {"edgecolor": BACKGROUND, "linewidth": 0.8}
        label = wording.shortened_text(name, 24)
        handles.append(ax.barh(rows, wide, 0.66, base, color=faces[k], label=label, **edge))
        for row in np.flatnonzero(wide > room):
            middle = (float(base[row] + wide[row] / 2), float(row))
            axes.write_note(ax, wording.percent(wide[row], 0), middle, colour=words[k])
        base = base + wide
    for row in np.flatnonzero(np.isnan(parts[:, 1:]).all(axis=1)):
        axes.write_note(
            ax, "not known", (0.0, float(row)), (4, 0), anchor="left center", colour=MUTED
        )
    longest = max(len(wording.shortened_text(name, 24)) for name in ("Still here", *reasons))
    widest = (0.62 * longest + 4) * axes.points_of("small")
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, -3.6 * axes.points_of("medium") / axes.height_of(ax)),
        borderaxespad=0.0,
        ncols=max(1, min(len(handles), int(0.8 * axes.width_of(ax) / widest))),
        frameon=False,
        fontsize="small",
        labelcolor=INK,
        handlelength=1.0,
    )
