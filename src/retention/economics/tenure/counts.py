"""What customers brought by age, counted and summed where the table is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ContentError, count_of
from retention.frames import Columns, Frame, as_text, collect, count, one_row
from retention.numerics.codes import distinct_segments
from retention.orders import MOST
from retention.tables import TENURE, require, segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tenure:
    """A checked table of tenure.

    Attributes:
        frame: `customer_id`, the segments as text, `start`, `age`, `sales`, `profit`, `first_age`,
            `n_complete`, and `here` as 1 or 0.
        names: the segments.
        length: of a period.
    """

    frame: Frame
    names: tuple[str, ...]
    length: str

    @property
    def cell(self) -> list[str]:
        """What tells ages of segments apart."""
        return [*self.names, "age"]


def checked_tenure(tenure: object, by: str | Sequence[str], working: Iterable[str]) -> Tenure:
    """The table, once it is sure that ages of customers can be counted.

    Args:
        tenure: a table of tenure of any engine.
        by: segment columns.
        working: columns of the answer, which no segment may be named like.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the table is empty, of several lengths, has an age of a customer twice or
            one that was not observed, does not know a profit, or customers are in several segments.
    """
    names = segments(by, TENURE, working=working)
    given = require(tenure, TENURE, extra=names)
    schema = given.collect_schema()
    frame = given.select(
        *("customer_id", "start", "length"),
        *(as_text(name, schema[name]) for name in names),
        nw.col("age", "first_age", "n_complete").cast(nw.Int64),
        nw.col("sales", "profit").cast(nw.Float64),
        here=count(nw.col("here")),
    )
    length = _only_length(frame)
    _refuse_rows_that_are_twice(frame, names)
    return Tenure(frame.drop("length"), tuple(names), length)


def _only_length(frame: Frame) -> str:
    """The length of all periods, once every row can be counted."""
    age, profit = nw.col("age"), nw.col("profit")
    seen = (age >= nw.col("first_age")) & (age <= nw.col("n_complete")) & (age >= 1)
    flagged = frame.with_columns(
        _known=count((profit >= -MOST) & (profit <= MOST)),
        _seen=count(seen),
        _first=count(age == nw.col("first_age")),
    )
    found = one_row(
        flagged.select(
            nw.len().alias("n"),
            *(nw.col(name).sum() for name in ("_known", "_seen", "_first")),
            nw.col("customer_id").n_unique().alias("who"),
            nw.col("length").min().alias("one"),
            nw.col("length").max().alias("other"),
        )
    )
    if not found["n"]:
        raise ContentError("tenure is empty: no age of any customer was observed whole.")
    if found["one"] != found["other"]:
        raise ContentError(
            f"tenure holds ages of a {found['other']} beside those of a {found['one']}. Give those "
            "of one length."
        )
    _refuse_gaps_of_tenure(found)
    return str(found["one"])


def _refuse_gaps_of_tenure(found: dict[str, Any]) -> None:
    """Refuse rows whose profit or age was not seen, and customers without their first row."""
    n = int(found["n"])
    if gaps := n - int(found["_known"]):
        raise ContentError(
            f"tenure: the profit of {gaps:,} of {n:,} rows is not known. Say `profit=` at the "
            "door, as_transactions(...) or as_contracts(...); where all of sales counts, name its "
            "column there."
        )
    if outside := n - int(found["_seen"]):
        raise ContentError(
            f"tenure: {count_of(outside, 'row is', 'rows are')} of an age before `first_age` or "
            "after `n_complete`, which were not observed. Make the table with tenure_periods(...)."
        )
    if (lacking := int(found["who"]) - int(found["_first"])) > 0:
        raise ContentError(
            f"tenure: {count_of(lacking, 'customer has', 'customers have')} no row of the first "
            "age, by which customers are counted. Give the whole table."
        )


def _refuse_rows_that_are_twice(frame: Frame, names: Sequence[str]) -> None:
    """Refuse an age of a customer twice, and customers in several segments."""
    ages = frame.group_by("customer_id", "age").agg(nw.len().alias("n"))
    said = {"several rows of one age": (ages, "Keep one of them.")}
    if names:
        apart = frame.select("customer_id", *names).unique()
        each = apart.group_by("customer_id").agg(nw.len().alias("n"))
        advice = "Take the value at the start: tenure_periods(..., by=...) does."
        said[f"several values of {', '.join(map(repr, names))}"] = (each, advice)
    for what, (rows, advice) in said.items():
        several = rows.filter(nw.col("n") > 1)
        found = one_row(several.select(nw.len().alias("n"), nw.col("customer_id").min()))
        if n := int(found["n"]):
            raise ContentError(
                f"tenure: {count_of(n, 'customer has', 'customers have')} {what}, such as "
                f"{found['customer_id']!r}. {advice}"
            )


@dataclass(frozen=True, slots=True)
class Cells:
    """Figures of each segment and age, from the first age observed in it to the last.

    Attributes:
        keys: the labels of the segment of each cell.
        segment: its number.
        age: its age.
        n_eligible: customers of whom that age was observed.
        length: of a period.
    """

    keys: Columns
    segment: Whole
    age: Whole
    n_eligible: Whole
    length: str

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.age.size

    def before(self, values: Floats) -> Floats:
        """The values at the age before; NaN at the first."""
        same = np.append(False, self.segment[1:] == self.segment[:-1])
        return np.where(same, np.append(np.nan, values[:-1]), np.nan)

    def of_rows(self, segment: Whole, age: Whole) -> Whole:
        """In which cell rows lie."""
        most = int(self.age.max()) + 1
        return np.searchsorted(self.segment * most + self.age, segment * most + age)

    def filled(self, place: Whole, values: Floats) -> Floats:
        """Sums by cell, 0 in those without a row."""
        return np.bincount(place, values, self.size).astype(np.float64, copy=False)

    @property
    def edges(self) -> Columns:
        """The columns that every table of cells begins with."""
        return {**self.keys, "age": self.age, "n_eligible": self.n_eligible}


def cells_of_ages(tenure: Tenure) -> Cells:
    """Every segment and age, and of how many customers it was observed."""
    first = tenure.frame.filter(nw.col("age") == nw.col("first_age"))
    keys = [*tenure.names, "first_age", "n_complete"]
    grouped = first.group_by(*keys).agg(nw.len().alias("_n"))
    whole = nw.col("first_age", "n_complete", "_n").cast(nw.Int64)
    found = collect(grouped.with_columns(whole))
    labels, place = distinct_segments(found, tenure.names)
    parts, n_segments = [], int(place.max()) + 1
    for number in range(n_segments):
        mine = place == number
        opens, closes, n = (found[name][mine] for name in ("first_age", "n_complete", "_n"))
        age = np.arange(opens.min(), closes.max() + 1)
        n_eligible = ((opens <= age[:, None]) & (closes >= age[:, None])) @ n
        parts.append((np.full(age.size, number), age, n_eligible))
    segment, age, n_eligible = (np.concatenate(column) for column in zip(*parts, strict=True))
    told = {name: values[segment] for name, values in labels.items()}
    return Cells(told, segment, age, n_eligible, tenure.length)


def summed_by_cell(rows: Frame, tenure: Tenure, cells: Cells, sums: Sequence[str]) -> Columns:
    """Sums of columns of rows that have the segments and `age`, for each cell."""
    grouped = rows.group_by(*tenure.cell).agg(*(nw.col(name).sum() for name in sums))
    found = collect(grouped.with_columns(nw.col("age").cast(nw.Int64)))
    place = cells.of_rows(segments_of_rows(found, tenure, cells), found["age"])
    return {name: cells.filled(place, found[name].astype(np.float64)) for name in sums}


def segments_of_rows(found: Columns, tenure: Tenure, cells: Cells) -> Whole:
    """The number of the segment of each row of a small table."""
    if not tenure.names:
        return np.zeros(found["age"].size, np.int64)
    known, asked = (
        list(zip(*(table[name].tolist() for name in tenure.names), strict=True))
        for table in (cells.keys, found)
    )
    number = dict(zip(known, cells.segment.tolist(), strict=True))
    return np.array([number[key] for key in asked], np.int64)
