"""Whether a test found something: each arm's difference from the control, with its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import EFFECT
from retention.plots.paper.lines import draw_bars
from retention.plots.paper.palette import INK, LOOKS, MUTED, PLAIN
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TITLE = "Did it work"
_LARGE = 1e5  # from which on a scale is written in thousands or millions
_LONGEST = 24
"""Letters of an arm that leave room for the segment beside it."""


def plot_effect(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Whether a test found something: a row for each arm, beside the control.

    A dot is the difference, the thick line through it its bounds, the thin one its bounds where all
    comparisons of the table are to hold at once. Blue ones differ from the control even so; grey
    ones differ no more than chance may have made. Where nobody differs the bounds say how much may
    have been missed.

    Args:
        table: from `retention_effect`, `lifetime_effect` or `profit_effect`.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> day = pd.Timestamp("2024-01-01")
        >>> assignment = pd.DataFrame({
        ...     "customer_id": range(8), "arm": ["offer", "control"] * 4, "assigned": day,
        ...     "share": 0.5,
        ... })
        >>> contracts = pd.DataFrame({"customer_id": range(8), "start": day})
        >>> contracts["end"] = [None] * 7 + [pd.Timestamp("2024-02-01")]
        >>> spells = rt.contract_spells(
        ...     contracts.astype({"end": "datetime64[us]"}), as_of="2024-06-30", grace=0
        ... )
        >>> effect = rt.experiments.retention_effect(
        ...     assignment, spells, control="control", horizon=90, as_of="2024-06-30",
        ...     estimator="kaplan-meier",
        ... )
        >>> ax = rt.plots.plot_effect(effect)
        >>> [float(difference) for line in ax.lines for difference in line.get_xdata()][-1]
        0.25
    """
    drawn = drawn_rows(table, EFFECT)
    ax = axes.axes_to_draw_on(
        ax, size=(axes.SIZE[0], max(2.4, 1.7 + 0.42 * drawn.size)), across="x"
    )
    known = np.isfinite(drawn["difference"])
    if not known.any():
        why = "no difference is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, _TITLE, why)
    axes.name_rows(ax, _names_of_rows(drawn))
    wide = [_bounds_at_once(drawn, end) for end in ("lower", "upper")]
    differs = known & ((wide[0] > 0) | (wide[1] < 0))
    _limit_differences(ax, drawn, wide)
    _draw_effects(ax, drawn, wide, differs)
    _write_differences(ax, drawn, known, differs)
    said = f"Difference from {_control_in_words(drawn)}{_unit_of_differences(drawn)}"
    if np.isfinite(drawn["difference_lower"]).any():
        thin = drawn.size > 1
        said += ". Thick: bounds of each; thin: of all at once" if thin else ". Bar: its bounds"
    axes.set_titles(ax, _title_of_effects(drawn, known, differs), x=said)
    return ax


def _names_of_rows(drawn: Drawn) -> list[str]:
    """The arm of each row, its segment, or both: whichever tells the rows apart."""
    segments, arms = drawn.segments(), [str(arm) for arm in drawn["arm"]]
    if not any(segments):
        return arms
    alone = len(set(arms)) == 1
    short = [wording.shortened_text(arm, _LONGEST, 1) for arm in arms]
    return [s if alone else f"{a}, {s}" for s, a in zip(segments, short, strict=True)]


def _bounds_at_once(drawn: Drawn, end: str) -> Floats:
    """Bounds that hold for all comparisons at once; those of one where there are no others."""
    one = drawn[f"difference_{end}"]
    every = drawn.columns.get(f"{end}_all", one)
    return np.where(np.isfinite(every), every, one)


def _is_of_retention(drawn: Drawn) -> bool:
    return "retention" in drawn


def _writer_of_differences(drawn: Drawn) -> Callable[[float], str]:
    """How a difference is written: in points, or as an amount or number with its sign."""
    if _is_of_retention(drawn):
        return wording.signed_points
    every = [drawn[name] for name in ("difference", "difference_lower", "difference_upper")]
    written = wording.amount_writer(float(np.nanmax(np.abs(np.stack(every)))))
    return lambda value: f"+{written(value)}" if value > 0 else written(value)


def _limit_differences(ax: Axes, drawn: Drawn, wide: list[Floats]) -> None:
    """Room for all bounds and for nothing: 0 is always seen."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    names = ("difference", "difference_lower", "difference_upper")
    every = np.concatenate([*(drawn[name] for name in names), *wide, [0.0]])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    room = (high - low) or 1.0
    ax.set_xlim(low - 0.06 * room, high + 0.06 * room)
    scale = 100.0 if _is_of_retention(drawn) else 1.0
    large = wording.amount_writer(max(-low, high)) if max(-low, high) >= _LARGE else None
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(
        FuncFormatter(
            lambda value, _: _with_sign(
                wording.without_zeros(large(value)) if large else f"{scale * value:,.10g}"
            )
        )
    )
    ax.axvline(0.0, color=INK, linewidth=1.0, zorder=1)


def _with_sign(written: str) -> str:
    if written[0] in ("-", wording.MINUS):
        return wording.MINUS + written[1:]
    return "0" if not written.rstrip("kmbnt").strip("0.") else f"+{written}"


def _draw_effects(ax: Axes, drawn: Drawn, wide: list[Floats], differs: NDArray[np.bool_]) -> None:
    """A dot each, with the bounds of one thick and those of all thin."""
    middle, row = drawn["difference"], np.arange(drawn.size, dtype=np.float64)
    for some, colour in ((differs, LOOKS[0].colour), (~differs, PLAIN)):
        draw_bars(ax, middle[some], row[some], (wide[0][some], wide[1][some]), colour, across=True)
        thick: dict[str, Any] = {"color": colour, "linewidth": 4.0, "zorder": 3}
        lower, upper = drawn["difference_lower"][some], drawn["difference_upper"][some]
        seen = np.isfinite(lower) & np.isfinite(upper)
        ax.hlines(row[some][seen], lower[seen], upper[seen], **thick)
        dot: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 1.0, "zorder": 4}
        ax.plot(
            middle[some], row[some], linestyle="none", marker="o", markersize=8, color=colour, **dot
        )


def _write_differences(
    ax: Axes, drawn: Drawn, known: NDArray[np.bool_], differs: NDArray[np.bool_]
) -> None:
    """Each difference and its bounds in words, or why there is none."""
    write = _writer_of_differences(drawn)
    for row in range(drawn.size):
        words = _effect_in_words(drawn, row, write)
        if not known[row]:
            words = wording.shortened_text(str(drawn["reason"][row]) or "not known", 26, 2)
        colour = INK if differs[row] else MUTED
        axes.write_note(ax, words, (1, row), (8, 0), anchor="left center", colour=colour, of="y")


def _effect_in_words(drawn: Drawn, row: int, write: Callable[[float], str]) -> str:
    low, high = drawn["difference_lower"][row], drawn["difference_upper"][row]
    middle = write(float(drawn["difference"][row]))
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"{middle} (no bounds)"
    return f"{middle} ({write(float(low))} to {write(float(high))})"


def _control_in_words(drawn: Drawn) -> str:
    controls = list(dict.fromkeys(str(name) for name in drawn["compared_to"] if name))
    return wording.list_in_words(controls[:3]) if controls else "the control"


def _unit_of_differences(drawn: Drawn) -> str:
    """What a difference is measured in."""
    if _is_of_retention(drawn):
        return f" in points, after {wording.days(float(drawn['horizon'][0]))}"
    if "of" in drawn and drawn["of"][0]:
        days = wording.days(float(drawn["within"][0]))
        return f" in {wording.spoken_name(str(drawn['of'][0]))} per customer, {days}"
    return f" in days, of {wording.days(float(drawn['horizon'][0]))}"


def _title_of_effects(drawn: Drawn, known: NDArray[np.bool_], differs: NDArray[np.bool_]) -> str:
    """What was found, of how many comparisons."""
    n, found = int(known.sum()), int(differs.sum())
    if n == 1:
        return (
            f"{_TITLE}: {_only_effect_in_words(drawn, int(np.flatnonzero(known)[0]), found == 1)}"
        )
    if not np.isfinite(drawn["difference_lower"]).any():
        return f"{_TITLE}: {n:,} comparisons with the control, none of them with bounds"
    if not found:
        return f"{_TITLE}: of {n:,} comparisons none differs from the control beyond chance"
    verb = "differs" if found == 1 else "differ"
    names = [name for name, sure in zip(_names_of_rows(drawn), differs, strict=True) if sure]
    which = f" ({'; '.join(names)})" if found <= 2 else ""
    return f"{_TITLE}: of {n:,} comparisons {found:,} {verb} from the control beyond chance{which}"


def _only_effect_in_words(drawn: Drawn, row: int, sure: bool) -> str:
    """What a test of one arm found, or how much it may have missed."""
    write, name = _writer_of_differences(drawn), _names_of_rows(drawn)[row]
    unit = " points" if _is_of_retention(drawn) else ""
    low, high = (float(drawn[f"difference_{end}"][row]) for end in ("lower", "upper"))
    if not np.isfinite(low + high):
        return f"{name} {write(float(drawn['difference'][row]))}{unit}, without bounds"
    if sure:
        return f"{name} {_effect_in_words(drawn, row, write)}{unit}"
    return f"not beyond chance; {name} does something between {write(low)} and {write(high)}{unit}"
