"""Customers who stand in two rates, of an activity at hand: a product of sparse matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.activity.later_at_hand import later_at_hand
from retention.frames import as_text, frame_at_hand, rows_at_hand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import narwhals.stable.v2 as nw
    from numpy.typing import NDArray

    from retention.activity.later_at_hand import LaterAtHand
    from retention.frames import Columns, Frame

    Whole = NDArray[np.int64]
    Rows = NDArray[np.intp]
    Keys = Mapping[tuple[object, ...], int]

MOMENTS = ("period", "step")
"""Columns of a table of rates that say when, not who."""

_SHIFT = 2.0**26
"""Of a product, counts of customers lie below it; as high above it, those of customers kept."""

_MOST_CELLS = 2**24
"""Cells of segments and periods are held side by side up to here."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Which rows of a table of rates are put beside which: none else are counted.

    Attributes:
        within: columns in which both rows are alike.
        apart: how many periods the other one is earlier, the same for all; None for any.
        others: the rows that stand on the other side; None for any.
    """

    within: Sequence[str] = ()
    apart: int | None = None
    others: Rows | None = None

    @property
    def alike(self) -> list[str]:
        """The columns in which both rows are alike once the other one is so many periods later."""
        within = ["step" if name in MOMENTS else name for name in self.within]
        return list(dict.fromkeys([*within, *(["step"] if self.apart else [])]))


@dataclass(frozen=True, slots=True)
class StandsAtHand:
    """Who stands in which row of a table of rates.

    Attributes:
        customer: its number.
        row: of the table.
        kept: whether the customer was kept.
        keys: the numbers of the columns in which rows may be alike, "step" and the segments, and
            how many there may be of each.
        n_customers: how many there are.
    """

    customer: Whole
    row: Rows
    kept: NDArray[np.bool_]
    keys: Mapping[str, tuple[Whole, int]]
    n_customers: int


def stands_at_hand(
    frame: Frame, row_of: Keys, who: Sequence[str], *, lag: int, lost_to: str
) -> StandsAtHand | None:
    """The customers of each row of a table of rates, and who of them was kept.

    Args:
        frame: activity over the segments `who`, of a pandas or Polars table.
        row_of: the row of the table of rates by the texts of its segments and its period.
        who: the segment columns.
        lag: with which the rates were made.
        lost_to: with which they were made.

    Returns:
        None where the activity's ids have no numbers, or there are too many cells to hold.
    """
    in_firm = lost_to == "firm" and bool(who)
    later = later_at_hand(frame, lag=lag, by=who, in_firm=in_firm)
    if later is None or later.places.n_customers >= _SHIFT:
        return None
    row_of_cell = _places_of_cells(frame, later, row_of, who)
    if row_of_cell is None:
        return None
    places = later.places.part(later.base)
    cell = places.place - places.customer * row_of_cell.size
    row = row_of_cell[cell]
    known = np.flatnonzero(row >= 0)
    keys = {"step": (places.step[known], places.n_steps)}
    for name, values in zip(who, later.segments, strict=True):
        keys[name] = (values.number[later.base][known], values.size)
    customer, kept = places.customer[known], later.retained[known]
    return StandsAtHand(customer, row[known], kept, keys, places.n_customers)


def _places_of_cells(
    frame: Frame, later: LaterAtHand, row_of: Keys, who: Sequence[str]
) -> Rows | None:
    """The row of the table of rates of each segment and period, −1 where it has none."""
    places, schema = later.places, frame.collect_schema()
    if places.n_segments * places.n_steps > _MOST_CELLS:
        return None
    codes = []
    for name, values in zip(who, later.segments, strict=True):
        texts = _texts_of_values(name, schema[name], values.distinct, frame)
        if len(set(texts)) < len(texts):
            return None
        codes.append({text: code for code, text in enumerate(texts)})
    found = np.full(places.n_segments * places.n_steps, -1, np.intp)
    for (*labels, step), row in row_of.items():
        numbers = [code.get(label) for label, code in zip(labels, codes, strict=True)]
        at = int(str(step)) - later.first
        if None not in numbers and 0 <= at < places.n_steps:
            cell = 0
            for number, code in zip(numbers, codes, strict=True):
                cell = cell * len(code) + int(number or 0)
            found[cell * places.n_steps + at] = row
    return found


def _texts_of_values(name: str, dtype: nw.dtypes.DType, values: Any, frame: Frame) -> list[Any]:
    table = frame_at_hand({name: values}, frame.implementation).select(as_text(name, dtype))
    return rows_at_hand(table)[name].to_list()


def sums_side_by_side(
    stands: StandsAtHand, beside: Beside, n_rows: int
) -> tuple[Rows, Rows, Columns]:
    """Which rows share customers, and over these "n", "k", "k_other" and "k_both".

    With x being 1 for who was kept on the one side and y on the other, the product of matrices with
    1 + 2²⁶ x and 1 + i y in the cells of customers and rows holds all four sums at once, exactly.

    Args:
        stands: who stands in which row.
        beside: which rows are put beside which.
        n_rows: how many there are.
    """
    one, other, n_groups = _groups_alike(stands, beside)
    row, kept = stands.row, stands.kept
    there = np.ones(n_rows, bool)
    if beside.others is not None:
        there = np.zeros(n_rows, bool)
        there[beside.others] = True
    on = np.flatnonzero(there[row])
    left = _sparse_rows(row, one, 1.0 + _SHIFT * kept, (n_rows, n_groups))
    right = _sparse_rows(other[on], row[on], 1.0 + 1j * kept[on], (n_groups, n_rows))
    product = (left @ right).tocoo()
    k, n = np.divmod(product.data.real, _SHIFT)
    k_both, k_other = np.divmod(product.data.imag, _SHIFT)
    found, met = product.row.astype(np.intp), product.col.astype(np.intp)
    apart = found != met
    sums: Columns = {"n": n, "k": k, "k_other": k_other, "k_both": k_both}
    return found[apart], met[apart], {name: values[apart] for name, values in sums.items()}


def _groups_alike(stands: StandsAtHand, beside: Beside) -> tuple[Whole, Whole, int]:
    """The customer and what else is alike, of each stand as the one and as the other side."""
    ahead, one, size = beside.apart or 0, stands.customer, stands.n_customers
    other = one
    for name in beside.alike:
        number, width = stands.keys[name]
        width += ahead
        one, size = one * width + number, size * width
        other = other * width + number + (ahead if name == "step" else 0)
    if size <= max(8 * one.size, 1000):
        return one, other, size
    different = np.unique(one)
    place = np.minimum(np.searchsorted(different, other), max(different.size - 1, 0))
    met = different[place] == other if different.size else np.zeros(0, bool)
    return (
        np.searchsorted(different, one),
        np.where(met, place, different.size),  # alike with nobody
        different.size + 1,
    )


def _sparse_rows(row: Rows, column: Rows, values: NDArray[Any], shape: tuple[int, int]) -> Any:
    """A sparse matrix of cells each of which is there once."""
    from scipy.sparse import csr_array

    if not (row[1:] >= row[:-1]).all():
        small = row.astype(np.uint16) if shape[0] <= 2**16 else row
        order = np.argsort(small, kind="stable")
        row, column, values = row[order], column[order], values[order]
    start = np.zeros(shape[0] + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=shape[0]), out=start[1:])
    return csr_array((values, column.astype(np.int32), start), shape=shape)
