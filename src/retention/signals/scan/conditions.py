"""Conditions that customers meet, and how many of those who meet them left: counted by the engine.

A condition is a value of a column: a text, a flag, a number between two quantiles, or that nothing
stands there. Customers who meet the same ones are one cell; what is worked out afterwards depends
on how many different cells there are, not on how many customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, count_of
from retention.frames import Columns, Frame, as_text, collect, count, one_row
from retention.names import outer_text
from retention.numerics.codes import MOST_LEVELS, refuse_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Cells:
    """Customers who meet the same conditions, counted.

    Conditions are numbered through all columns.

    Attributes:
        column: of each condition, its place among the columns.
        value: of each condition, in words.
        met: the condition that each cell meets in each column, −1 if none of those; a row per cell.
        n: customers of each cell.
        churned: those of them who left.
    """

    column: Whole
    value: tuple[str, ...]
    met: Whole
    n: Floats
    churned: Floats

    @property
    def churn_rate(self) -> float:
        """The share of all customers who left."""
        return float(self.churned.sum() / self.n.sum())

    def indicator(self, cells: slice | NDArray[np.intp] = slice(None)) -> Floats:
        """1 where a cell meets a condition, else 0: a row per cell, a column per condition."""
        met = self.met[cells]
        found = np.zeros((met.shape[0], self.column.size + 1))
        np.put_along_axis(found, met, 1.0, axis=1)  # −1 is the last column, which is cut off
        return found[:, :-1]

    def meeting(self, condition: int) -> NDArray[np.intp]:
        """The cells that meet a condition."""
        return np.flatnonzero(self.met[:, self.column[condition]] == condition)


@dataclass(frozen=True, slots=True)
class _Column:
    """How the values of a column are told apart.

    Attributes:
        cuts: of numbers, the largest of each class but the last; None for texts and flags.
        texts: of numbers, the names of the classes.
    """

    cuts: tuple[float, ...] | None = None
    texts: tuple[str, ...] = ()

    def expression(self, column: str, dtype: nw.dtypes.DType) -> nw.Expr:
        """The class of each row; of numbers its place, −1 where it is missing."""
        if self.cuts is None:
            return as_text(column, dtype)
        value = _known_number(column)
        above = [count(value > cut) for cut in self.cuts]
        place = reduce(add, above, nw.lit(0).cast(nw.Int64))
        return (
            nw.when(value.is_null()).then(nw.lit(-1)).otherwise(place).cast(nw.Int64).alias(column)
        )

    def words(self, values: NDArray[Any]) -> list[str]:
        """The classes of collected rows, in words."""
        if self.cuts is None:
            return [str(value) for value in values.tolist()]
        texts = (*self.texts, MISSING)
        return [texts[int(place)] for place in values.tolist()]

    def rank(self, word: str) -> tuple[int, str]:
        """By what the values are sorted: classes of numbers by their numbers, texts by letter."""
        return (self.texts.index(word) if word in self.texts else len(self.texts), word)


def counted_cells(rows: Frame, names: Sequence[str], bins: int) -> tuple[Cells, Cells]:
    """The cells of those in whom differences are looked for, and of those held out.

    Numbers are cut at the quantiles of the former.

    Args:
        rows: `_n`, `_churned`, `_held` (1 if held out) and the conditions as `_0`, `_1`, …
        names: what users call the conditions.
        bins: classes of numbers.
    """
    inner = [f"_{place}" for place in range(len(names))]
    schema = rows.collect_schema()
    looked = rows.filter(nw.col("_held") == 0)
    columns = [
        _read_column(looked, column, schema[column], name, bins)
        for column, name in zip(inner, names, strict=True)
    ]
    classes = rows.select(
        "_n",
        "_churned",
        "_held",
        *(each.expression(c, schema[c]) for each, c in zip(columns, inner, strict=True)),
    )
    _refuse_identifiers(classes, columns, inner, names)
    grouped = classes.group_by("_held", *inner).agg(nw.col("_n").sum(), nw.col("_churned").sum())
    found = collect(grouped.with_columns(nw.col("_n", "_churned").cast(nw.Int64)))
    return _numbered_cells(found, columns, inner)


def _read_column(rows: Frame, column: str, dtype: nw.dtypes.DType, name: str, bins: int) -> _Column:
    if dtype.is_numeric():
        return _classes_of_numbers(rows, column, name, bins)
    if isinstance(dtype, nw.Boolean | nw.String | nw.Categorical | nw.Enum | nw.Unknown):
        return _Column()
    advice = (
        "Say .astype('boolean') or .astype('string') in pandas."
        if isinstance(dtype, nw.Object)
        else "Put it into classes first, or make a number of it, such as the days since."
    )
    raise ColumnError(
        f"conditions: {outer_text(name)!r} holds {dtype}; a condition is text, true or false, or a "
        f"number. {advice}"
    )


def _classes_of_numbers(rows: Frame, column: str, name: str, bins: int) -> _Column:
    """The classes between quantiles of a column; each value for itself where there are few."""
    value = rows.select("_n", _known_number(column).alias("_value"))
    known = value.filter(~nw.col("_value").is_null()).group_by("_value").agg(nw.col("_n").sum())
    found = collect(known.with_columns(nw.col("_n").cast(nw.Int64)))
    order = np.argsort(found["_value"])
    values, n = found["_value"][order].astype(np.float64), found["_n"][order]
    if not np.isfinite(values).all():
        raise ContentError(
            f"conditions: {name!r} holds an infinite number. Make it missing, or give it a number."
        )
    if values.size <= bins:
        return _Column(tuple(values[:-1].tolist()), tuple(map(_number_in_words, values.tolist())))
    cuts = np.unique(_quantiles(values, n, np.arange(1, bins) / bins))
    cuts = cuts[cuts < values[-1]]
    return _Column(tuple(cuts.tolist()), _classes_in_words(cuts.tolist()))


def _quantiles(values: Floats, n: Whole, shares: Floats) -> Floats:
    """Quantiles of ascending values that stand for several each, between neighbours by line."""
    reached = np.cumsum(n)
    place = (reached[-1] - 1) * shares
    below = values[np.searchsorted(reached, np.floor(place), side="right")]
    above = values[np.searchsorted(reached, np.ceil(place), side="right")]
    return np.asarray(below + (above - below) * (place - np.floor(place)))


def _known_number(column: str) -> nw.Expr:
    value = nw.col(column).cast(nw.Float64)
    return nw.when(~value.is_nan()).then(value)


def _number_in_words(number: float, digits: int = 6) -> str:
    return (
        f"{number:,.0f}"
        if number == round(number) and abs(number) < 1e15
        else f"{number:,.{digits}g}"
    )


def _classes_in_words(cuts: Sequence[float]) -> tuple[str, ...]:
    """What classes of numbers are called: up to 5; over 5, up to 9; over 9."""
    said = [_number_in_words(cut) for cut in cuts]
    if len(set(said)) < len(said):
        said = [_number_in_words(cut, 17) for cut in cuts]
    if not said:
        return ("any number",)
    between = (f"over {low}, up to {high}" for low, high in pairwise(said))
    return (f"up to {said[0]}", *between, f"over {said[-1]}")


def _refuse_identifiers(
    rows: Frame, columns: Sequence[_Column], inner: Sequence[str], names: Sequence[str]
) -> None:
    """Refuse texts of which there are so many that they tell single customers apart."""
    texts = [c for each, c in zip(columns, inner, strict=True) if each.cuts is None]
    if texts:
        different = one_row(rows.select(nw.col(column).n_unique() for column in texts))
        for column, n in different.items():
            name = names[inner.index(column)]
            refuse_identifier("conditions", [name], int(n), MOST_LEVELS, "values")


def _numbered_cells(
    found: Columns, columns: Sequence[_Column], inner: Sequence[str]
) -> tuple[Cells, Cells]:
    """The cells in the order of their conditions, parted into those looked at and the others."""
    held = found["_held"].astype(np.int64) == 1
    met = np.empty((held.size, len(inner)), np.int64)
    value: list[str] = []
    place: list[int] = []
    for j, (name, column) in enumerate(zip(inner, columns, strict=True)):
        words = np.array(column.words(found[name]), dtype=object)
        different = sorted(set(words[~held].tolist()), key=column.rank)
        number = {word: len(value) + i for i, word in enumerate(different)}
        met[:, j] = [number.get(word, -1) for word in words.tolist()]
        value += different
        place += [j] * len(different)
    order = np.lexsort((*met.T[::-1], held))
    parts = (order[~held[order]], order[held[order]])
    n, churned = (found[name].astype(np.float64) for name in ("_n", "_churned"))
    looked, others = (
        Cells(np.array(place, np.int64), tuple(value), met[rows], n[rows], churned[rows])
        for rows in parts
    )
    return looked, others


def refuse_nobody(n: float, n_unknown: int) -> None:
    """Refuse a table in which nothing can be looked for.

    Raises:
        ContentError: with what to do.
    """
    if not n:
        unknown = count_of(n_unknown, "outcome is", "outcomes are")
        said = f"{unknown} unknown" if n_unknown else "the table is empty"
        raise ContentError(
            f"customers: nobody's outcome is known to look for differences in: {said}. Give "
            "customers whose `outcome` is true or false, or 1 or 0."
        )
