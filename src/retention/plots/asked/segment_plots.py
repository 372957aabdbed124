"""Segments: what their customers are like beside the others, how many there are, who left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.errors import ContentError, RetentionError, count_of, whole_number
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import CROSSED, PROFILE
from retention.plots.paper.lines import draw_bars
from retention.plots.paper.palette import BACKGROUND, GRID, INK, LOOKS, MUTED, PLAIN
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HIGHER = "chance to be higher"
_LONGEST_VALUE = 34
"""Letters beside a row that leave room for the picture."""


def plot_profile(
    table: IntoFrame, *, segment: str | None = None, most: int = 12, ax: Axes | None = None
) -> Axes:
    """What the customers of a segment are like beside all others: what is more, and what is less.

    Numbers and labels share one scale, in points. Of a label it is the difference of the two
    shares; of a number the chance that one of the segment is higher than one of the others, less
    the chance to be lower, which for a label is the same thing. Blue rows differ with all
    comparisons counted, grey ones no more than by chance; rings are what the segment was made of,
    which was not tested. Of a feature with two labels the one that is more frequent here is drawn.

    Args:
        table: from `segment_profile`.
        segment: which one, where the table has several.
        most: so many rows are drawn: those that differ first, and of them those farthest apart.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        RetentionError: if `most` is not a whole number from 1 to 40, or there is no such segment.
        ContentError: if there are several segments and `segment` does not say which.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> customers = pd.DataFrame({
        ...     "contract": ["month"] * 40 + ["year"] * 40,
        ...     "pays": ["cheque"] * 30 + ["card"] * 40 + ["cheque"] * 10,
        ... })
        >>> found = rt.signals.segment_profile(customers, segment="contract", columns="pays")
        >>> ax = rt.plots.plot_profile(found, segment="month")
        >>> [name.get_text() for name in ax.get_yticklabels()]
        ['pays cheque']
        >>> ax.get_title(loc="left")
        'month beside the others: 1 of 1 feature differs beyond chance'
    """
    whole_number("most", most, least=1, most=40)
    drawn = _profile_of_segment(drawn_rows(table, PROFILE), segment)
    apart, known = _apart_from_others(drawn), np.isfinite(drawn["effect"])
    kept = np.flatnonzero(known & ~_is_mirrored(drawn, apart))
    sure = drawn["differs"] > 0
    order = np.lexsort((-np.abs(apart[kept]), ~(sure | (drawn["defining"] > 0))[kept]))
    shown = drawn.where(kept[order][:most])
    size = (axes.SIZE[0], max(2.4, 1.8 + 0.38 * shown.size))
    ax = axes.axes_to_draw_on(ax, size=size, across="x")
    if not shown.size:
        why = "nothing is known of both sides." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, "What a segment is like", why)
    axes.name_rows(ax, _names_of_features_shown(shown))
    _draw_features(ax, shown)
    made = " Rings: what it was made of." if (shown["defining"] > 0).any() else ""
    axes.set_titles(
        ax,
        _title_of_profile(drawn.where(known)),
        x="Points more than the others. Labels: difference of shares; numbers: chance to be "
        f"higher less chance to be lower. Bars: bounds.{made}",
    )
    return ax


def _profile_of_segment(drawn: Drawn, asked: str | None) -> Drawn:
    """The rows of one segment.

    Raises:
        RetentionError: if there is no such segment.
        ContentError: if there are several and none is asked for.
    """
    there = list(dict.fromkeys(drawn["segment"]))
    if asked is None:
        if len(there) > 1:
            raise ContentError(
                f"plot_profile draws one segment; the table has {len(there):,}: "
                f"{wording.quoted_names(there)}. Say which, as in segment={there[0]!r}."
            )
        return drawn
    if there and asked not in there:
        raise RetentionError(
            f"segment: the table has no {asked!r}. There is: {wording.quoted_names(there)}."
        )
    return drawn.where(drawn["segment"] == asked)


def _apart_from_others(drawn: Drawn, name: str = "effect") -> Floats:
    """An effect, or a bound of it, as a difference of chances: both measures on one scale."""
    values = drawn[name]
    return np.asarray(np.where(drawn["measure"] == _HIGHER, 2 * values - 1, values), np.float64)


def _is_mirrored(drawn: Drawn, apart: Floats) -> NDArray[np.bool_]:
    """Which rows say the same as another: of two labels the less frequent one here."""
    mirrored = np.zeros(drawn.size, np.bool_)
    for feature in dict.fromkeys(drawn["feature"]):
        rows = np.flatnonzero((drawn["feature"] == feature) & (drawn["measure"] != _HIGHER))
        if rows.size == 2:
            mirrored[rows[1] if apart[rows[0]] >= apart[rows[1]] else rows[0]] = True
    return mirrored


def _names_of_features_shown(shown: Drawn) -> list[str]:
    pairs = zip(shown["feature"], shown["label"], shown["measure"], strict=True)
    return [str(name) if told == _HIGHER else f"{name} {label}" for name, label, told in pairs]


def _draw_features(ax: Axes, shown: Drawn) -> None:
    """A bar for the bounds and a dot for each row, and both sides in numbers beside it."""
    row = np.arange(shown.size, dtype=np.float64)
    middle, lower, upper = (_apart_from_others(shown, n) for n in ("effect", "lower", "upper"))
    _limit_points(ax, np.concatenate([middle, lower, upper, [0.0]]))
    ax.axvline(0.0, color=INK, linewidth=1.0, zorder=1)
    made = shown["defining"] > 0
    told = shown["differs"] > 0
    looks = ((told, LOOKS[0].colour, ""), (made, MUTED, BACKGROUND), (~told & ~made, PLAIN, ""))
    for some, colour, inside in looks:
        draw_bars(ax, middle[some], row[some], (lower[some], upper[some]), colour, across=True)
        mark: dict[str, Any] = {"markersize": 7, "color": colour, "zorder": 4}
        mark["markerfacecolor"] = inside or colour
        ax.plot(middle[some], row[some], linestyle="none", marker="o", **mark)
    for place in range(shown.size):
        colour = INK if told[place] else MUTED
        words = wording.shortened_text(_sides_in_words(shown, place), _LONGEST_VALUE)
        axes.write_note(ax, words, (1, place), (8, 0), anchor="left center", colour=colour, of="y")


def _limit_points(ax: Axes, values: Floats) -> None:
    """Room for all bounds and nothing, in points with their sign."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    known = values[np.isfinite(values)]
    room = max(float(np.ptp(known)), 0.1)
    ax.set_xlim(float(known.min()) - 0.06 * room, float(known.max()) + 0.06 * room)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    digits = 0 if room >= 0.05 else 1
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: wording.signed_points(x, digits)))


def _sides_in_words(shown: Drawn, row: int) -> str:
    if shown["measure"][row] == _HIGHER:
        medians = [float(shown[name][row]) for name in ("median", "median_rest")]
        write = wording.amount_writer(max(map(abs, medians)))
        here, rest = (wording.without_zeros(write(median)) for median in medians)
        return f"median {here}, others {rest}"
    here, rest = (wording.percent(float(shown[name][row]), 0) for name in ("share", "share_rest"))
    return f"{here}, others {rest}"


def _title_of_profile(known: Drawn) -> str:
    who = f"{known['segment'][0]} beside the others"
    tested = known.where(known["defining"] <= 0)
    n = len(set(tested["feature"]))
    differ = len(set(tested.where(tested["differs"] > 0)["feature"]))
    if not n:
        return f"{who}: what it was made of"
    if not differ:
        return f"{who}: none of {count_of(n, 'feature')} differs beyond chance"
    verb = "differs" if differ == 1 else "differ"
    return f"{who}: {differ:,} of {count_of(n, 'feature')} {verb} beyond chance"


def plot_segments(table: IntoFrame, *, most: int = 20, ax: Axes | None = None) -> Axes:
    """How large the segments are and how many of each left: a row per pair that has customers.

    A dot is the churn rate of a pair, the larger the more customers it has, the line through it its
    bounds; beside it how many customers there are and, where it is known, their share of the value.
    The dashed line is the churn of all. Where no outcome is known, bars are the shares of all
    customers, and diamonds those of the value.

    Args:
        table: from `segment_matrix`.
        most: so many pairs are drawn, those with the most customers, in the order of the table.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        RetentionError: if `most` is not a whole number from 1 to 40.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> ids = {"customer_id": ["Ann", "Bob", "Cem"]}
        >>> found = rt.signals.segment_matrix(
        ...     pd.DataFrame({**ids, "segment": "retained"}),
        ...     pd.DataFrame({**ids, "segment": [*"AAB"]}),
        ...     outcomes=pd.DataFrame({**ids, "churned": [1, 0, 0]}),
        ... )
        >>> ax = rt.plots.plot_segments(found)
        >>> [name.get_text() for name in ax.get_yticklabels()]
        ['retained, A', 'retained, B']
        >>> ax.get_title(loc="left")
        'Segments: of 3 customers whose outcome is known 1 (33.3%) left'
    """
    whole_number("most", most, least=1, most=40)
    drawn = drawn_rows(table, CROSSED)
    there = np.flatnonzero(drawn["n"] > 0)
    largest = np.sort(there[np.argsort(-drawn["n"][there], kind="stable")[:most]])
    shown, people = drawn.where(largest), drawn.where(there)
    size = (axes.SIZE[0], max(2.4, 1.8 + 0.36 * shown.size))
    ax = axes.axes_to_draw_on(ax, size=size, across="x")
    if not shown.size:
        why = "nobody is in a segment." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, "Segments", why)
    names = zip(shown["segment"], shown["other"], strict=True)
    axes.name_rows(ax, [f"{one}, {other}" for one, other in names])
    known = np.isfinite(shown["churn_rate"]).any()
    said = _draw_losses(ax, shown, people) if known else _draw_sizes(ax, shown)
    for row in range(shown.size):
        words = _size_in_words(shown, row)
        axes.write_note(ax, words, (1, row), (8, 0), anchor="left center", of="y")
        if row and shown["segment"][row] != shown["segment"][row - 1]:
            ax.axhline(row - 0.5, color=GRID, linewidth=0.8, zorder=0)
    more = f"; the {shown.size:,} largest of {there.size:,}" if shown.size < there.size else ""
    axes.set_titles(ax, _title_of_segments(people) + more, x=said)
    return ax


def _draw_losses(ax: Axes, shown: Drawn, people: Drawn) -> str:
    """The churn of each pair with its bounds, and of all; how they are read."""
    rate, bounds = shown["churn_rate"], (shown["lower"], shown["upper"])
    row = np.arange(shown.size, dtype=np.float64)
    every = np.array([_churn_of_all(people)[2]])
    axes.set_percent_axis(ax, "x", np.concatenate([rate, *bounds, every]))
    low, high = ax.get_xlim()
    ax.set_xlim(low - 0.02 * (high - low), high)  # so that no dot stands on a name
    for place in np.flatnonzero(~np.isfinite(rate)).tolist():
        axes.write_note(
            ax, "not known", (0, place), (6, 0), anchor="left center", colour=MUTED, of="y"
        )
    ax.axvline(float(every[0]), color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    draw_bars(ax, rate, row, bounds, LOOKS[0].colour, across=True)
    area = 16 + 130 * shown["n"] / shown["n"].max()
    ax.scatter(
        rate, row, s=area, color=LOOKS[0].colour, edgecolors="white", zorder=4, clip_on=False
    )
    return "Churn rate, with bounds. The larger the dot, the more customers. Dashed: all customers"


def _draw_sizes(ax: Axes, shown: Drawn) -> str:
    """The share of each pair in customers, and in value where that is known; how they are read."""
    row = np.arange(shown.size, dtype=np.float64)
    worth = shown["value_share"]
    axes.set_percent_axis(ax, "x", np.concatenate([shown["share"], worth, [0.0]]))
    ax.barh(row, shown["share"], height=0.55, color=LOOKS[0].colour, zorder=2)
    if not np.isfinite(worth).any():
        return "Share of all customers"
    ax.plot(worth, row, linestyle="none", marker="D", color=LOOKS[1].colour, zorder=4)
    return "Bars: share of all customers. Diamonds: share of the value"


def _size_in_words(shown: Drawn, row: int) -> str:
    n, worth = wording.with_commas(shown["n"][row]), float(shown["value_share"][row])
    if not np.isfinite(worth):
        return f"{n} customers" if shown["n"][row] > 1 else "1 customer"
    return f"{n}, {wording.percent(worth, 0)} of value"


def _churn_of_all(people: Drawn) -> tuple[float, float, float]:
    """How many are known, how many of them left, and the rate."""
    known = np.nan_to_num(people["n_known"])
    lost = np.round(np.nan_to_num(people["churn_rate"]) * known)
    n, gone = float(known.sum()), float(lost.sum())
    return n, gone, gone / n if n else float("nan")


def _title_of_segments(people: Drawn) -> str:
    n, gone, rate = _churn_of_all(people)
    if not n:
        return f"Segments of {count_of(int(people['n'].sum()), 'customer')}"
    share = f"{wording.with_commas(gone)} ({wording.percent(rate)})"
    return f"Segments: of {count_of(int(n), 'customer')} whose outcome is known {share} left"
