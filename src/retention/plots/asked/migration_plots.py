"""Who moved from which segment to which, beside what chance alone would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.errors import ContentError, count_of
from retention.plots.paper import axes
from retention.plots.paper.asked_tables import EXPECTED_MIGRATIONS, MIGRATIONS
from retention.plots.paper.heat_grid import draw_cells, name_columns
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TITLE = "Who moved to which segment"
_NOT_YET, _GONE = "(not yet)", "(gone)"
_MOST = 30
"""Segments whose names can be read beside the grid."""


def plot_migrations(
    table: IntoFrame, *, expected: IntoFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Who moved from which segment to which, as a heat map, beside what chance alone would give.

    A row is a segment before, with its number of customers, a column one after; the number of a
    cell is the share of its row that went there. With `expected` the share stands in brackets that
    would have gone there if nobody had changed, and ▲ and ▼ mark bounds wholly above or below it:
    only those moves are news. Of those who came new nothing is expected, since the model does not
    know who will be won. Cells of a segment in which nobody was are hatched.

    Args:
        table: from `segment_migrations`.
        expected: from `expected_migrations`, of the same segments: the scores of frequency as text,
            "1", "2", …
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than 30 segments, or `expected` is not of all of them.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> before = pd.DataFrame({"customer_id": ["Ann", "Bob", "Cem"], "segment": [*"AAB"]})
        >>> after = pd.DataFrame({"customer_id": ["Ann", "Bob", "Dee"], "segment": [*"ABB"]})
        >>> ax = rt.plots.plot_migrations(rt.signals.segment_migrations(before, after))
        >>> [share.get_text() for share in ax.texts]
        ['50%', '50%', '0%', '0%', '0%', '100%', '0%', '100%']
    """
    drawn = drawn_rows(table, MIGRATIONS)
    if not np.isfinite(drawn["share"]).any():
        why = "nobody was in a segment before." if drawn.size else "the table has no rows."
        return axes.say_why_empty(axes.axes_to_draw_on(ax, across=""), _TITLE, why)
    rows, columns = (list(dict.fromkeys(drawn[f"segment_{when}"])) for when in ("before", "after"))
    _refuse_many_segments(rows, columns)
    place = [
        [names.index(name) for name in drawn[f"segment_{when}"]]
        for names, when in ((rows, "before"), (columns, "after"))
    ]
    cells = {name: _grid_of_pairs(drawn[name], place) for name in ("n", "share", "lower", "upper")}
    chance = None
    if expected is not None:
        chance = _chance_of_pairs(drawn_rows(expected, EXPECTED_MIGRATIONS), rows, columns)
    wide, high = 2.2 + 0.72 * len(columns), 1.5 + (0.34 + 0.16 * (expected is not None)) * len(rows)
    size = (min(max(wide, 5.0), 11.0), min(max(high, 2.6), 11.0))
    ax = axes.axes_to_draw_on(ax, size=size, across="")
    n_from = _grid_of_pairs(drawn["n_from"], place)
    with np.errstate(invalid="ignore"):
        many = np.nanmax(np.where(np.isfinite(n_from), n_from, 0.0), axis=1)
    axes.name_rows(ax, [f"{a} ({wording.with_commas(n)})" for a, n in zip(rows, many, strict=True)])
    name_columns(ax, [str(name) for name in columns])
    axes.set_titles(ax, _title_of_moves(cells["n"], chance, rows, columns), x=_reading_of(chance))
    most = float(np.nanmax(cells["share"])) or 1.0
    draw_cells(ax, cells["share"], most, None if chance is None else _marks_beside(cells, chance))
    return ax


def _refuse_many_segments(rows: Sequence[str], columns: Sequence[str]) -> None:
    n = max(len(rows), len(columns)) - 1  # without those who were in none
    if n > _MOST:
        raise ContentError(
            f"plot_migrations draws up to {_MOST} segments; the table has {n:,}. Join them to "
            "larger ones, such as one score of the three, before `segment_migrations`."
        )


def _grid_of_pairs(values: Floats, place: Sequence[Sequence[int]]) -> Floats:
    """Values by row and column; NaN where there is no such pair."""
    cells = np.full([max(one) + 1 for one in place], np.nan)
    cells[place[0], place[1]] = values
    return cells


def _chance_of_pairs(expected: Drawn, rows: Sequence[str], columns: Sequence[str]) -> Floats:
    """The share that chance gives each pair; NaN for those who came new.

    Raises:
        ContentError: if a segment of the table is not among those expected.
    """
    told = dict(
        zip(
            zip(expected["segment_before"], expected["segment_after"], strict=True),
            expected["expected_share"],
            strict=True,
        )
    )
    there = {name for pair in told for name in pair}
    strange = [name for name in dict.fromkeys([*rows, *columns]) if name not in there]
    if strange:
        raise ContentError(
            f"expected tells nothing of {count_of(len(strange), 'segment')} of the table: "
            f"{wording.quoted_names(strange)}. It has: {wording.quoted_names(sorted(there))}. "
            "Make both of the same scores: let `segment` be the score `f` as text before "
            "`segment_migrations`, and say `cuts=cuts.f[0]` to `expected_migrations`."
        )
    nobody = float("nan")
    return np.array(
        [[nobody if a == _NOT_YET else told.get((a, b), nobody) for b in columns] for a in rows]
    )


def _marks_beside(cells: dict[str, Floats], chance: Floats) -> NDArray[np.object_]:
    """What stands behind each share: the one by chance, and whether it lies outside the bounds."""
    above, below = cells["lower"] > chance, cells["upper"] < chance
    arrows = np.where(above, " ▲", np.where(below, " ▼", ""))
    said: list[Any] = [
        f"{arrow}\n({wording.percent(share, 0)})" if np.isfinite(share) else ""
        for arrow, share in zip(arrows.ravel().tolist(), chance.ravel().tolist(), strict=True)
    ]
    return np.array(said, dtype=object).reshape(chance.shape)


def _title_of_moves(
    n: Floats, chance: Floats | None, rows: Sequence[str], columns: Sequence[str]
) -> str:
    """How many stayed where they were, and how many would have by chance."""
    known, old = np.nan_to_num(n), [row for row, name in enumerate(rows) if name != _NOT_YET]
    many = float(known[old].sum())
    if not many:
        return f"{_TITLE}: everybody came new"
    pairs = [(row, columns.index(rows[row])) for row in old if rows[row] in columns]
    stayed = float(sum(known[pair] for pair in pairs))
    who = f"Of {wording.with_commas(many)} customers" if many > 1 else "Of 1 customer"
    share = f"{wording.with_commas(stayed)} ({wording.percent(stayed / many, 0)})"
    said = f"{who} {share} stayed in the same segment"
    if chance is None:
        return said
    by_chance = sum(known[row].sum() * np.nan_to_num(chance[row, to]) for row, to in pairs)
    return f"{said}; if nobody had changed, {wording.percent(by_chance / many, 0)} would have"


def _reading_of(chance: Floats | None) -> str:
    said = "Rows: segment before; columns: after. Share of the row's customers"
    if chance is None:
        return said
    return f"{said}; in brackets if nobody had changed. ▲ ▼: bounds wholly above or below that"
