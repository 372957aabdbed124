"""Our churn beside published churn, and what stands behind each of the rates it is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.errors import ContentError
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import BENCHMARKED
from retention.plots.paper.palette import BACKGROUND, BAD, GOOD, LOOKS, MUTED, PLAIN
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TITLE = "Our churn beside published rates"
_MOST = 30
_REASONS = ("another", "our rate", "theirs is no proportion")
"""How notes begin that say why nothing is compared."""

_VERDICTS = {"above": BAD, "below": GOOD}


def plot_benchmarks(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Whether our churn is above or below what others publish, and how far each of them is known.

    A row for each rate and benchmark: the grey bar is the range of the published rate, the tick in
    it the rate itself; the dot is ours, the line through it its bounds. Orange is above the
    benchmark, blue below it; a ring cannot be told from it, a pale one is not compared. Under the
    benchmark's name stand what is behind it and its year.

    Args:
        table: from `compare_benchmark`, of one period or segment, or of up to thirty rows.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if it has more than thirty rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> rates = pd.DataFrame({
        ...     "n_base": [1000], "n_churned": [100], "churn_rate": [0.1], "lower": [0.0829],
        ...     "upper": [0.1201],
        ... })
        >>> found = rt.benchmarks.compare_benchmark(
        ...     rates, rt.benchmarks.published_benchmarks(), convention="endpoint", days=365
        ... )
        >>> ax = rt.plots.plot_benchmarks(found)
        >>> ax.get_yticklabels()[1].get_text().splitlines()
        ['UK mobile', "regulator's survey, 2021"]
    """
    drawn = drawn_rows(table, BENCHMARKED)
    if drawn.size > _MOST:
        raise ContentError(
            f"plot_benchmarks draws up to {_MOST} rows; the table has {drawn.size:,}. Keep one "
            "period, such as the last, or fewer benchmarks."
        )
    ax = axes.axes_to_draw_on(
        ax, size=(axes.SIZE[0], max(2.6, 1.8 + 0.52 * drawn.size)), across="x"
    )
    if not np.isfinite(drawn["churn_rate"]).any():
        why = "our rate is not known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, _TITLE, why)
    _name_benchmarks(ax, drawn)
    _draw_ranges(ax, drawn)
    _draw_ours(ax, drawn)
    _write_verdicts(ax, drawn)
    over = "of a year" if drawn["compared_over"][0] == "year" else "as measured"
    said = f"Churn rate {over}. Dot: ours, with bounds; grey: the range of the published rate"
    axes.set_titles(ax, _title_of_verdicts(drawn), x=said)
    return ax


def _name_benchmarks(ax: Axes, drawn: Drawn) -> None:
    """Each row by its benchmark, and what stands behind that; of ours what tells rows apart."""
    several = len(set(drawn.segments())) > 1
    names = []
    for row, ours in enumerate(drawn.segments()):
        part = str(drawn["benchmark_segment"][row]) if "benchmark_segment" in drawn else "(all)"
        name = str(drawn["benchmark"][row]) + (f", {part}" if part != "(all)" else "")
        name = f"{ours}: {name}" if several else name
        year, standing = drawn["benchmark_year"][row], str(drawn["benchmark_standing"][row])
        behind = f"{standing}, {year:.0f}" if np.isfinite(year) else standing
        names.append(f"{wording.shortened_text(name, 26, 1)}\n{behind}")
    ax.set_yticks(range(drawn.size), names, parse_math=False, linespacing=1.15)
    ax.set_ylim(drawn.size - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)


def _draw_ranges(ax: Axes, drawn: Drawn) -> None:
    """The range of each published rate, and the rate in it."""
    names = ("churn_rate", "lower", "upper", "benchmark_rate", "benchmark_lower", "benchmark_upper")
    axes.set_percent_axis(ax, "x", np.concatenate([drawn[name] for name in names]))
    ax.locator_params(axis="x", nbins=5)
    row = np.arange(drawn.size, dtype=np.float64)
    low, high = drawn["benchmark_lower"], drawn["benchmark_upper"]
    known = np.isfinite(low) & np.isfinite(high)
    bar: dict[str, Any] = {"color": PLAIN, "alpha": 0.55, "linewidth": 0, "zorder": 2}
    least = 0.004 * float(np.diff(ax.get_xlim())[0])  # what is known to the digit is seen, too
    width = np.maximum(high - low, least)
    ax.barh(row[known], width[known], 0.5, left=((low + high - width) / 2)[known], **bar)
    rate = drawn["benchmark_rate"]
    tick: dict[str, Any] = {"marker": "|", "markersize": 15, "markeredgewidth": 1.8, "zorder": 3}
    ax.plot(rate, row, linestyle="none", color=MUTED, **tick)


def _draw_ours(ax: Axes, drawn: Drawn) -> None:
    """Our rate in each row, with its bounds, by what is said of it."""
    row = np.arange(drawn.size, dtype=np.float64)
    rate, lower, upper = (drawn[name] for name in ("churn_rate", "lower", "upper"))
    verdict = drawn["verdict"].astype(object)
    verdict[~np.isfinite(drawn["difference_lower"])] = "not compared"
    for said, colour in (*_VERDICTS.items(), ("cannot tell", MUTED), ("not compared", PLAIN)):
        some = (verdict == said) & np.isfinite(rate)
        seen = some & np.isfinite(lower) & np.isfinite(upper)
        ax.hlines(row[seen], lower[seen], upper[seen], color=colour, linewidth=1.8, zorder=4)
        inside = colour if said in _VERDICTS else BACKGROUND
        dot: dict[str, Any] = {"marker": "o", "markersize": 7.5, "markeredgewidth": 1.4}
        ax.plot(
            rate[some], row[some], linestyle="none", markerfacecolor=inside,
            markeredgecolor=colour, zorder=5, **dot,
        )  # fmt: skip


def _write_verdicts(ax: Axes, drawn: Drawn) -> None:
    """What is said of each row: above or below what, or why nothing is compared."""
    looks = dict(zip(_VERDICTS, (LOOKS[1].text, LOOKS[0].text), strict=True))
    for row in range(drawn.size):
        verdict = str(drawn["verdict"][row])
        words = f"{verdict} {_published_rate(drawn, row)}"
        if verdict not in _VERDICTS:
            words = _why_not(drawn, row) or f"not told\nfrom {_published_rate(drawn, row)}"
        colour = looks.get(verdict, MUTED)
        axes.write_note(ax, words, (1, row), (8, 0), anchor="left center", colour=colour, of="y")


def _published_rate(drawn: Drawn, row: int) -> str:
    """The rate of a benchmark, or its range where only that was published."""
    rate = drawn["benchmark_rate"][row]
    if np.isfinite(rate):
        return wording.percent(float(rate))
    low, high = drawn["benchmark_lower"][row], drawn["benchmark_upper"][row]
    if not (np.isfinite(low) and np.isfinite(high)):
        return "what is not known"
    return f"{wording.percent(float(low), 0)} to {wording.percent(float(high), 0)}"


def _why_not(drawn: Drawn, row: int) -> str:
    """Why nothing is compared, in a few words; "" where it is, and cannot be told."""
    for note in str(drawn["note"][row]).split("; "):
        if note.startswith(_REASONS):
            return wording.shortened_text(note.partition(":")[0], 14, 2)
    return ""


def _title_of_verdicts(drawn: Drawn) -> str:
    """How many of the published rates ours is above and below."""
    verdict, n = drawn["verdict"].astype(str), drawn.size
    counts = {said: int((verdict == said).sum()) for said in _VERDICTS}
    parts = [f"{said} {count}" for said, count in counts.items() if count]
    left = n - sum(counts.values())
    rates = np.unique(drawn["churn_rate"][np.isfinite(drawn["churn_rate"])])
    ours = f" of {wording.percent(float(rates[0]))}" if rates.size == 1 else ""
    all_of = f"of {n} published {'rate' if n == 1 else 'rates'}"
    if not parts:
        return f"Our churn{ours}: not told from any {all_of}"
    rest = f"; {left} not told" * (left > 0)
    return f"Our churn{ours}: {wording.list_in_words(parts)} {all_of}{rest}"
