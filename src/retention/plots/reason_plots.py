"""Why customers leave: reasons as ranked bars, and by segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import wording
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import REASONS, REASONS_BY_SEGMENT
from retention.plots.paper.heat_grid import draw_cells, name_columns
from retention.plots.paper.lines import draw_bars
from retention.plots.paper.palette import BACKGROUND, HATCH, LOOKS, MUTED, mixed_colour
from retention.plots.paper.reading import Drawn, drawn_rows
from retention.reasons.categories import NO_REASON, reason_categories

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

_WORDS = {
    "unspecified": "Told no reason",
    "missing": "No note",
    "x_switching_barrier": "Held back by something",
}


def plot_reasons(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """How often each reason was named, as bars from the most to the least, with their bounds.

    Customers may name several reasons, so bars may sum to more than 100%. Reasons whose bounds
    overlap widely may be equally frequent. Hatched at the foot stand those who told no reason to
    leave: if they are many, the bars above speak for few. Reasons that nobody named are left out.

    Args:
        table: from `reason_summary`, of one segment.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments: see `plot_reasons_by_segment`.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> given = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Bob", "Cem"],
        ...     "reason": ["too_expensive", "too_expensive", "switched_service", "other"],
        ... })
        >>> tags = rt.map_reason_codes(given, scheme="stripe")
        >>> ax = rt.plots.plot_reasons(rt.reason_summary(tags, n_customers=10))
        >>> [name.get_text() for name in ax.get_yticklabels()]
        ['Pricing', 'Competition', 'No note', 'Told no reason']
    """
    drawn = drawn_rows(table, REASONS).alone()
    known = np.isfinite(drawn["share"]) & (drawn["n_customers"] > 0)
    title = _title_of_shares(drawn)
    shown = drawn.where(known)
    size = (axes.SIZE[0], max(2.2, 1.2 + 0.3 * shown.size))
    ax = axes.axes_to_draw_on(ax, size=size, across="x")
    if not shown.size:
        why = "nobody named a reason." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    shown = shown.where(np.lexsort([-shown["share"], _is_no_reason(shown)]))
    _draw_share_bars(ax, shown)
    names = [
        _WORDS.get(category, label)
        for category, label in zip(shown["category"], shown["label"], strict=True)
    ]
    axes.name_rows(ax, names)
    hatched = " Hatched: told no reason to leave" if _is_no_reason(shown).any() else ""
    axes.set_titles(ax, title, x=f"Bars with their confidence bounds.{hatched}")
    return ax


def plot_reasons_by_segment(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """How often each reason was named in each segment, and where it is more or less than overall.

    A row is a reason, with the most frequent at the top, a column per segment; the darker, the more
    of its customers named it. ▲ and ▼ mark cells whose bounds lie wholly above or below the share
    of all segments together. Of many cells some are marked by chance: the table's `p_adjusted`
    says which reasons differ between segments beyond that.

    Args:
        table: from `reasons_by_segment`, of up to eight segments.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight segments.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> given = pd.DataFrame({
        ...     "customer_id": list("ABCDEFGH"), "region": ["north"] * 4 + ["south"] * 4,
        ...     "reason": ["too_expensive"] * 3 + ["unused"] * 5,
        ... })
        >>> tags = rt.map_reason_codes(given, scheme="stripe", keep="region")
        >>> told = rt.reasons.reasons_by_segment(tags, by="region", base="tagged")
        >>> ax = rt.plots.plot_reasons_by_segment(told)
        >>> [name.get_text() for name in ax.get_xticklabels()]
        ['north (4)', 'south (4)']
    """
    drawn = drawn_rows(table, REASONS_BY_SEGMENT)
    parts = drawn.parts()
    known = drawn.where(np.isfinite(drawn["share"]) & (drawn["share_overall"] > 0))
    title = _title_of_shares(drawn)
    if not known.size:
        ax = axes.axes_to_draw_on(ax, across="")
        why = "nobody named a reason." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    overall = dict(zip(known["category"], known["share_overall"], strict=True))
    reasons = sorted(overall, key=lambda name: (name in NO_REASON, -overall[name]))
    size = (max(axes.SIZE[0], 2.6 + 0.8 * len(parts)), max(2.4, 1.4 + 0.32 * len(reasons)))
    ax = axes.axes_to_draw_on(ax, size=size, across="")
    shares, marks = _shares_and_marks(parts, reasons)
    draw_cells(ax, shares, float(np.nanmax(shares)) or 1.0, marks)
    labels = {one.name: one.label for one in reason_categories()} | _WORDS
    axes.name_rows(ax, [labels.get(name, name) for name in reasons])
    ax.set_ylim(len(reasons) - 0.5, -0.5)
    name_columns(
        ax, [f"{name} ({wording.with_commas(part['n_base'].max())})" for name, part in parts]
    )
    axes.set_titles(ax, title, x="▲ ▼ bounds wholly above or below the share of all segments")
    return ax


def _shares_and_marks(
    parts: list[tuple[str, Drawn]], reasons: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """The share of each reason (rows) in each segment (columns), and its mark."""
    shares = np.full((len(reasons), len(parts)), np.nan)
    marks = np.full(shares.shape, "", dtype=object)
    for column, (_, part) in enumerate(parts):
        place = {name: row for row, name in enumerate(part["category"])}
        there = [(row, place[name]) for row, name in enumerate(reasons) if name in place]
        for row, at in there:
            shares[row, column], marks[row, column] = part["share"][at], _mark(part, at)
    return shares, marks


def _draw_share_bars(ax: Axes, shown: Drawn) -> None:
    share, rows = shown["share"], np.arange(shown.size, dtype=np.float64)
    none = _is_no_reason(shown)
    colour = LOOKS[0].colour
    bars = ax.barh(rows, share, height=0.62, color=colour, zorder=2)
    for bar, hatched in zip(bars, none, strict=True):
        if hatched:
            bar.set(facecolor=BACKGROUND, edgecolor=MUTED, hatch=HATCH)
    lower, upper = shown["lower"], shown["upper"]
    draw_bars(ax, share, rows, (lower, upper), mixed_colour(colour, "#7FA8D8", 0.75), across=True)
    reach = np.where(np.isfinite(upper), np.maximum(upper, share), share)
    named = "n_mentions" if shown["base"][0] == "mentions" else "n_customers"
    for row, (value, end, n) in enumerate(zip(share, reach, shown[named], strict=True)):
        words = f"{wording.percent(value)} ({wording.with_commas(n)})"
        axes.write_note(ax, words, (end, row), (5, 0), anchor="left center")
    axes.set_percent_axis(ax, "x", np.append(reach, 0.0))
    ax.set_xlim(0, max(1.3 * float(reach.max()), 0.01))


def _is_no_reason(shown: Drawn) -> NDArray[np.bool_]:
    return np.isin(shown["category"].astype(str), NO_REASON)


def _mark(part: Drawn, row: int) -> str:
    overall = part["share_overall"][row]
    if part["lower"][row] > overall:
        return " ▲"
    return " ▼" if part["upper"][row] < overall else ""


def _title_of_shares(drawn: Drawn) -> str:
    """What the shares are of."""
    if not drawn.size:
        return "Reasons to leave"
    unit = str(drawn["unit"][0]) if "unit" in drawn else "customers"
    base = str(drawn["base"][0])
    n = wording.with_commas(float(drawn["n_base"].max()))
    many = f"{n} " if not drawn.by else ""
    of = {
        "customers": f"Of {many}{unit} asked, the share that named each reason to leave",
        "tagged": f"Of {many}{unit} that told a reason to leave, the share that named each",
        "mentions": f"Of {many}mentions of reasons to leave, the share of each",
    }
    return of.get(base, "Share that named each reason to leave")
