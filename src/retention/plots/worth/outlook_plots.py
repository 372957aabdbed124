"""What the next periods bring, after what the past ones brought, and what came of an outlook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import periods, wording
from retention.errors import RetentionError, check_choice, count_of
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import ACTIVE
from retention.plots.paper.drawable_tables import AHEAD, AHEAD_OF_SALES, AHEAD_TESTED
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_bars, draw_line, last_known_point
from retention.plots.paper.palette import LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows, has_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Foreseen = Literal["customers", "sales"]

_SHADE = 0.2


def plot_outlook(
    table: IntoFrame,
    *,
    past: IntoFrame | None = None,
    show: Foreseen = "customers",
    ax: Axes | None = None,
) -> Axes:
    """What is expected of the next periods with its bounds, after what the past ones brought.

    Of a backtest the periods held out are drawn twice, as expected and as they came: points outside
    the shade are those that the bounds missed. Where a curve does not reach some (`n_beyond`) there
    is a shade and no line: what comes lies between none and all of them staying.

    Args:
        table: from `expected_customers` or `expected_sales`, or from `backtest_outlook`.
        past: from `active_customers` with the same freq, for what came before: customers who
            bought, or their sales. Default: nothing of the past.
        show: of a backtest, "customers" or "sales"; of the others it is what the table holds.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.
        RetentionError: if `show` is neither of the two, or `past` is of other periods.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> today = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": 10.0, "unit": "day"})
        >>> model = rt.repeat_buying.fit_bg_nbd(today)
        >>> ahead = rt.economics.expected_customers(
        ...     today, model=model, as_of="2024-01-31", freq="month", periods=2, acquired=2
        ... )
        >>> ax = rt.plots.plot_outlook(ahead)
        >>> ax.get_title(loc="left")
        'Customers expected in the next 2 months'
    """
    check_choice("show", show, get_args(Foreseen))
    drawn, what, tested = _read_outlook(table, show)
    before = None if past is None else drawn_rows(past, ACTIVE).alone().sorted_by("step")
    ax = axes.axes_to_draw_on(ax)
    expected = drawn["n_customers" if what == "customers" else "sales"]
    lines = _lines_of_outlook(drawn, what, tested)
    if not (np.isfinite(expected) | np.isfinite(lines[-1][3][0])).any():
        why = "of some, nothing is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, f"{what.capitalize()} expected", why)
    freq = str(drawn["freq"][0])
    if before is not None and before.size:
        lines = _with_the_past(lines, _line_of_past(before, drawn, what, freq))
    _set_outlook_axes(ax, lines, freq, what)
    ends = [_draw_outlook_line(ax, line, what) for line in lines]
    if lines[0][1][0] < drawn["step"][0]:
        start = float(drawn["step"][0]) - 0.5
        ax.axvline(start, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    axes.set_titles(
        ax, _title_of_outlook(drawn, what, tested, freq), x=_reading_of_outlook(drawn, lines)
    )
    label_ends(ax, [end for end in ends if end.x == drawn["step"][-1]])
    return ax


def _read_outlook(table: object, show: Foreseen) -> tuple[Drawn, Foreseen, bool]:
    """The rows, what of them is drawn, and whether it is known what came."""
    tested = has_column(table, "covered_share")
    of_sales = has_column(table, "sales_old")
    drawable = AHEAD_TESTED if tested else AHEAD_OF_SALES if of_sales else AHEAD
    drawn = drawn_rows(table, drawable).alone().sorted_by("step")
    if tested:
        return drawn, show, True
    return drawn, "sales" if of_sales else "customers", False


Line = tuple[str, "NDArray[Any]", "Floats", "tuple[Floats, Floats]", int]
"""Name, steps, values, their bounds, and which look."""


def _lines_of_outlook(drawn: Drawn, what: Foreseen, tested: bool) -> list[Line]:
    """What is expected, and after a test what came."""
    before = "sales_" if tested and what == "sales" else ""
    bounds = (drawn[f"{before}lower"], drawn[f"{before}upper"])
    expected = drawn["n_customers" if what == "customers" else "sales"]
    lines: list[Line] = [("Expected", drawn["step"], expected, bounds, 1)]
    if tested:
        came = drawn[f"{before}actual"]
        lines.insert(0, ("Came", drawn["step"], came, _no_bounds(came.size), 0))
    return lines


def _line_of_past(before: Drawn, drawn: Drawn, what: Foreseen, freq: str) -> Line:
    """The periods that were over as the outlook began."""
    if not (periods.first_days(before["step"].astype(np.int64), freq) == before["period"]).all():
        raise RetentionError(
            f"past is not by {freq}, as the outlook is: ask active_customers for freq={freq!r}."
        )
    rows = before.where(before["step"] < drawn["step"][0])
    if not rows.size or rows["step"][-1] < drawn["step"][0] - 1:
        raise RetentionError(
            f"past lacks the {periods.length_of(freq)} before {drawn['period'][0]}, on which the "
            "outlook begins: ask active_customers for the periods up to there."
        )
    values = rows["n_active" if what == "customers" else "sales"]
    return ("Past", rows["step"], values, _no_bounds(rows.size), 0)


def _with_the_past(lines: list[Line], past: Line) -> list[Line]:
    """The past before what came, as one line of it; before what is only expected, as its own."""
    if lines[0][0] != "Came":
        return [past, *lines]
    steps, values = (np.concatenate([past[i], lines[0][i]]) for i in (1, 2))
    return [("Came", steps, values, _no_bounds(steps.size), 0), *lines[1:]]


def _no_bounds(n: int) -> tuple[Floats, Floats]:
    return np.full(n, np.nan), np.full(n, np.nan)


def _set_outlook_axes(ax: Axes, lines: list[Line], freq: str, what: Foreseen) -> None:
    """Periods along x, and up from 0 what they bring."""
    steps = np.concatenate([line[1] for line in lines])
    every = np.concatenate([[0.0], *(np.concatenate([v, *bounds]) for _, _, v, bounds, _ in lines)])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    room = 0.06 * ((high - low) or 1.0)
    ax.set_ylim(low - room if low < 0 else 0.0, high + room)
    axes.set_calendar_axis(ax, steps, freq)
    written = wording.amount_writer(max(abs(low), abs(high)))
    counted = what == "customers"
    ax.yaxis.set_major_formatter(
        lambda n, _: wording.with_commas(n) if counted else wording.without_zeros(written(n))
    )


def _draw_outlook_line(ax: Axes, line: Line, what: Foreseen) -> End:
    name, steps, values, bounds, look = line
    x = steps.astype(np.float64)
    draw_line(ax, x, values, bounds, LOOKS[look], _SHADE)
    open_ended = _without_line(values, bounds)
    _draw_bounds_alone(ax, x, bounds, open_ended, LOOKS[look].colour)
    at, y = last_known_point(x, values)
    say = wording.with_commas if what == "customers" else wording.money
    said = say(y)
    if open_ended.size and open_ended[-1]:
        (low, high), at = (float(bound[-1]) for bound in bounds), float(x[-1])
        said, y = f"{say(low)} to {say(high)}", (low + high) / 2
    return End(at, y, f"{name}\n{said}", LOOKS[look].text)


def _without_line(values: Floats, bounds: tuple[Floats, Floats]) -> NDArray[np.bool_]:
    """Where there are bounds and no value: the model does not reach some, from none to all."""
    return ~np.isfinite(values) & np.isfinite(bounds[0]) & np.isfinite(bounds[1])


def _draw_bounds_alone(
    ax: Axes,
    x: Floats,
    bounds: tuple[Floats, Floats],
    open_ended: NDArray[np.bool_],
    colour: str,
) -> None:
    """A shade on from the line, or a bar where it has no neighbour."""
    if not open_ended.any():
        return
    lower, upper = bounds
    shaded = open_ended.copy()
    shaded[1:] |= open_ended[:-1]
    shaded[:-1] |= open_ended[1:]
    shaded &= np.isfinite(lower)
    ax.fill_between(
        x, lower, upper, where=shaded.tolist(), color=colour, alpha=_SHADE, linewidth=0, zorder=1
    )
    if np.count_nonzero(shaded) == 1:
        draw_bars(
            ax, x[shaded], (lower + upper)[shaded] / 2, (lower[shaded], upper[shaded]), colour
        )


def _title_of_outlook(drawn: Drawn, what: Foreseen, tested: bool, freq: str) -> str:
    name, length = what.capitalize(), periods.length_of(freq)
    if not tested:
        when = f"next {count_of(drawn.size, length)}" if drawn.size > 1 else f"next {length}"
        return f"{name} expected in the {when}"
    covered = drawn["covered" if what == "customers" else "sales_covered"]
    known = np.isfinite(covered)
    if not known.any():
        return f"{name}, as expected and as they came"
    held, n = int(covered[known].sum()), int(known.sum())
    return f"{name}: the bounds held what came in {held:,} of {count_of(n, length)}"


def _reading_of_outlook(drawn: Drawn, lines: list[Line]) -> str:
    if any(_without_line(values, bounds).any() for _, _, values, bounds, _ in lines):
        return f"{BOUNDS}. No line: the model does not reach some, none to all of whom may stay"
    if any(np.isfinite(bounds[0]).any() for *_, bounds, _ in lines):
        return f"{BOUNDS} (of chance and parameters; not of change)"
    why = str(drawn["bounds"][0]) if "bounds" in drawn else ""
    return f"No bounds{why.removeprefix('none')}"
