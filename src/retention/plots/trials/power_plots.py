"""How sure a test is to find an effect, by how many customers it has."""

from __future__ import annotations

from math import floor, log10
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from retention import wording
from retention.errors import ContentError
from retention.intervals import quantile_of
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import POWER
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.palette import INK, LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TITLE = "How sure a test is to find it"
_NORMAL = NormalDist()
_LEAST, _MOST = 1e-9, 1 - 1e-9
_DESIGN = (
    *("difference", "hazard_ratio", "retention", "sd_control", "sd_treated", "variance_left"),
    *("horizon", "enrolment", "follow_up", "design_effect", "level", "share_treated"),
)
"""By which two rows are of one test, of other sizes."""


def plot_power(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """How sure a test is to find the effect that it was planned for, by how many customers it has.

    A dot is a row of the table. Rows of one test with other numbers of customers lie on one line:
    by the normal law the quantile of power is straight in the root of the number, through the dots,
    or, of a single row, through the dot and the chance finding that a test without customers would
    be. A test of half the customers is much less than half as good.

    Args:
        table: from `retention_test_size`, `survival_test_size` or `profit_test_size`; of several
            tests their tables one below the other, up to eight different ones.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight different tests.

    Example:
        >>> import retention as rt
        >>> size = rt.experiments.retention_test_size(retention=0.8, difference=0.02, power=0.8)
        >>> ax = rt.plots.plot_power(size)
        >>> [(int(n), round(float(power), 2)) for n, power in ax.lines[1].get_xydata()]
        [(12078, 0.8)]
    """
    drawn, ax = drawn_rows(table, POWER), axes.axes_to_draw_on(ax)
    drawn = drawn.where(np.isfinite(drawn["n"]) & np.isfinite(drawn["power"]) & (drawn["n"] > 0))
    if not drawn.size:
        return axes.say_why_empty(ax, _TITLE, "no number of customers is known.")
    tests, most = _tests_of_rows(drawn), 1.25 * float(drawn["n"].max())
    ends = []
    for (name, rows), look in zip(tests, LOOKS, strict=False):
        part = drawn.where(rows).sorted_by("n")
        n = np.linspace(0.0, most, 240)
        power = _power_at(n, part)
        ax.plot(n, power, color=look.colour, linestyle=look.style, linewidth=1.9, zorder=2)
        ax.plot(
            part["n"], part["power"], linestyle="none", marker=look.marker, markersize=7,
            color=look.colour, markeredgecolor="white", zorder=4,
        )  # fmt: skip
        ends.append(End(most, float(power[-1]), name, look.text))
    ax.set_ylim(0.0, 1.0)
    axes.set_percent_ticks(ax.yaxis, 1.0)
    _set_customers(ax, most)
    if drawn.size == 1:
        _write_size(ax, drawn)
    said = "Customers of both arms"
    if len(set(drawn["level"].tolist())) == 1:  # others stand in the names of the tests
        said += f". At {wording.percent(float(drawn['level'][0]), 0)} confidence"
    axes.set_titles(ax, _title_of_power(drawn), x=said, y="Power")
    label_ends(ax, ends)
    return ax


def _tests_of_rows(drawn: Drawn) -> list[tuple[str, NDArray[np.intp]]]:
    """The different tests and their rows; each is named by what tells it from the others.

    Raises:
        ContentError: if there are more than can be told apart.
    """
    there = [name for name in _DESIGN if name in drawn]
    numbers = [np.round(np.nan_to_num(drawn[name], nan=-1.0), 12) for name in there]
    keys = list(zip(drawn.segments(), *(each.tolist() for each in numbers), strict=True))
    different = list(dict.fromkeys(keys))
    if len(different) > len(LOOKS):
        raise ContentError(
            f"{drawn.plot} draws up to {len(LOOKS)} different tests, which is as many as one can "
            f"tell apart; the table has {len(different):,}. Keep those that matter."
        )
    varying = [
        name for name, values in zip(there, numbers, strict=True) if len(set(values.tolist())) > 1
    ]
    rows = [
        np.array([place for place, one in enumerate(keys) if one == key], np.intp)
        for key in different
    ]
    names = [_name_of_test(drawn, int(some[0]), varying) for some in rows]
    if len(set(names)) < len(names):
        names = [_name_of_test(drawn, int(some[0]), varying, whole=True) for some in rows]
    return list(zip(names, rows, strict=True))


def _name_of_test(drawn: Drawn, row: int, varying: list[str], *, whole: bool = False) -> str:
    """A test by its segment and its difference, and by what else varies; as a whole if need be."""
    segment = drawn.segments()[row]
    told = [] if segment and "difference" not in varying else [_sought_effect_in_words(drawn, row)]
    told += [segment] * bool(segment)
    others = [name for name in varying if name not in ("difference", "hazard_ratio")]
    if "retention" in others and (whole or "difference" not in varying):
        told.append(f"from {wording.percent(float(drawn['retention'][row]))}")
    told += [
        f"{wording.spoken_name(name)} {wording.without_zeros(wording.number(drawn[name][row], 3))}"
        for name in others
        if name != "retention"
    ]
    if whole and len(set(drawn["method"])) > 1:
        told.append(str(drawn["method"][row]).partition(",")[0])
    return ", ".join(told)


def _sought_effect_in_words(drawn: Drawn, row: int) -> str:
    """The effect that is looked for: in points, as a hazard ratio, in money or in time."""
    difference = float(drawn["difference"][row])
    method = str(drawn["method"][row])
    if "sd_control" in drawn:
        return _with_own_sign(difference, wording.amount_writer(abs(difference))(abs(difference)))
    if "hazard_ratio" in drawn and np.isfinite(drawn["hazard_ratio"][row]):
        return f"hazard ratio {wording.number(drawn['hazard_ratio'][row], 2)}"
    if "restricted" in method:
        return _with_own_sign(difference, wording.number(abs(difference), 2))
    return wording.points(difference, max(1, -floor(log10(abs(100 * difference) or 1))))


def _with_own_sign(value: float, written: str) -> str:
    return f"{'+' if value > 0 else wording.MINUS}{written}"


def _power_at(n: Floats, part: Drawn) -> Floats:
    """Power by the normal law, through the rows of one test."""
    z = np.array([_NORMAL.inv_cdf(min(max(p, _LEAST), _MOST)) for p in part["power"].tolist()])
    root = np.sqrt(part["n"])
    first = -quantile_of(float(part["level"][0]))
    if np.unique(root).size == 1:
        start, slope = first, (z[0] - first) / root[0]
    else:
        slope, start = np.polyfit(root, z, 1)
    return np.array([_NORMAL.cdf(start + slope * each) for each in np.sqrt(n).tolist()])


def _set_customers(ax: Axes, most: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.set_xlim(0.0, most)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: wording.with_commas(n)))


def _write_size(ax: Axes, drawn: Drawn) -> None:
    """What the only row says, with lines to both axes."""
    n, power = float(drawn["n"][0]), float(drawn["power"][0])
    ax.plot([0.0, n, n], [power, power, 0.0], color=INK, linewidth=0.8, linestyle=":", zorder=1)
    words = f"{wording.with_commas(n)} customers: {wording.percent(power)}"
    away = (-8, 9) if power < 0.93 else (-12, -14)
    axes.write_note(ax, words, (n, power), away, anchor="right center", colour=MUTED)


def _title_of_power(drawn: Drawn) -> str:
    """What the only test finds, or the smallest and the largest one."""
    tests = _tests_of_rows(drawn)
    if drawn.size == 1:
        n, power = wording.with_commas(drawn["n"][0]), wording.percent(float(drawn["power"][0]))
        return f"{_TITLE}: of {n} customers a test finds {tests[0][0]} with a chance of {power}"
    order = np.argsort(drawn["n"], kind="stable")
    names = {int(row): name for name, rows in tests for row in rows}
    least, most = (_row_in_words(drawn, int(order[at]), names) for at in (0, -1))
    return f"{_TITLE}: {least}, {most}"


def _row_in_words(drawn: Drawn, row: int, names: dict[int, str]) -> str:
    """One row of several: what is found with which chance by how many."""
    power = wording.percent(float(drawn["power"][row]), 0)
    return f"{names[row]} with {wording.with_commas(drawn['n'][row])} customers ({power})"
