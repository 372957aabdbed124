"""A table of any engine on its way into a picture: checked, brought to NumPy, parted by segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods, wording
from retention.errors import ColumnError, ContentError, RetentionError
from retention.frames import Columns, as_lazy, collect
from retention.names import outer_text
from retention.plots.paper.drawable_tables import DRAWABLE
from retention.plots.paper.palette import LOOKS

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from retention.plots.paper.drawable import Drawable, Holds

_SAID = {"number": "numbers", "time": "dates", "text": "text"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rows that are drawn, and the columns that say which segment each belongs to."""

    plot: str
    columns: Columns
    by: tuple[str, ...]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    @property
    def size(self) -> int:
        """How many rows there are."""
        return int(next(iter(self.columns.values())).size)

    def where(self, rows: NDArray[Any]) -> Drawn:
        """Some of the rows: those that a mask keeps, or in the order of places."""
        kept = {name: values[rows] for name, values in self.columns.items()}
        return Drawn(self.plot, kept, self.by)

    def sorted_by(self, *names: str) -> Drawn:
        """The rows in the rising order of columns of numbers or dates, the first one first."""
        return self.where(np.lexsort([self.columns[name] for name in reversed(names)]))

    def segments(self) -> list[str]:
        """The name of each row's segment; "" where there are no segments."""
        named = [self.columns[name] for name in self.by]
        return [", ".join(map(str, key)) for key in zip(*named, strict=True)] or [""] * self.size

    def parts(self, *, at_most: int = len(LOOKS)) -> list[tuple[str, Drawn]]:
        """The rows of each segment, in the order of the table.

        Raises:
            ContentError: if there are more segments than can be told apart.
        """
        names = np.array(self.segments(), dtype=object)
        different = list(dict.fromkeys(names.tolist()))
        if len(different) > at_most:
            raise ContentError(
                f"{self.plot} draws up to {at_most} segments, which is as many as one can tell "
                f"apart; the table has {len(different):,} of {' and '.join(map(repr, self.by))}. "
                "Keep those that matter, or draw one at a time."
            )
        return [(name, self.where(names == name)) for name in different]

    def alone(self) -> Drawn:
        """The same, once it is sure that it is of one segment only.

        Raises:
            ContentError: if there are several.
        """
        different = list(dict.fromkeys(self.segments()))
        if len(different) > 1:
            raise ContentError(
                f"{self.plot} draws one segment; the table has {len(different):,} of "
                f"{' and '.join(map(repr, self.by))}: {wording.quoted_names(different)}. "
                f"Keep the rows of one, such as {different[0]!r}."
            )
        return self

    def of_period(self, asked: date | str | None) -> Drawn:
        """The rows of one period: the one that begins on a day, or else the last.

        Raises:
            RetentionError: if there is no such period.
        """
        if not self.size or asked is None:
            last = self["step"] == (self["step"].max() if self.size else 0)
            return self.where(last)
        day = np.datetime64(periods.as_day(asked, argument="period"), "D")
        if not (self["period"] == day).any():
            there = np.unique(self["period"])
            raise RetentionError(
                f"period: no period of the table begins on {day}. "
                f"There is: {wording.quoted_names([str(one) for one in there[::-1]])}."
            )
        return self.where(self["period"] == day)


def drawn_rows(table: object, drawable: Drawable) -> Drawn:
    """The rows of a table that a plot draws, as NumPy arrays: numbers, days and texts.

    Columns of text that no function declares are segments.

    Raises:
        TableError: if it is no table.
        ColumnError: if it is another table than that, or a column does not hold what it should.
    """
    frame = as_lazy(table, name=f"the table of {drawable.maker}", by_row=True)
    schema = frame.collect_schema()
    lacking = [name for name in drawable.needed if name not in schema]
    if lacking or any(name in schema for name in drawable.never):
        raise _other_table_error(drawable, lacking, schema.names())
    known = drawable.holds
    by = [n for n, dtype in schema.items() if n not in known and _is_text_column(dtype)]
    wanted = [name for name in known if name in schema]
    found = collect(frame.select(*wanted, *by))
    columns = {name: _values_as_held(found[name], known[name], name, drawable) for name in wanted}
    columns |= {outer_text(name): found[name].astype(object) for name in by}
    return Drawn(drawable.plot, columns, tuple(map(outer_text, by)))


def has_column(table: object, column: str) -> bool:
    """Whether a table has a column."""
    return column in as_lazy(table).collect_schema()


def _is_text_column(dtype: nw.dtypes.DType) -> bool:
    return isinstance(dtype, nw.String | nw.Categorical | nw.Enum)


def _other_table_error(drawable: Drawable, lacking: list[str], present: list[str]) -> ColumnError:
    there = set(present)
    fitting = [a for a in DRAWABLE if set(a.needed) <= there and not there & set(a.never)]
    plots = [f"say {a.plot}(table)" for a in fitting if a.makers == fitting[0].makers]
    hint = f" It looks like the table of {fitting[0].maker}: " if fitting else ""
    hint += f"{', or '.join(plots)}." if fitting else ""
    wrong = f"lacks {wording.quoted_names(lacking, 4)}" if lacking else "is another"
    return ColumnError(
        f"{drawable.plot} draws the table of {drawable.maker} (one row: {drawable.row}); this one "
        f"{wrong}. It has: {wording.quoted_names(present)}.{hint}"
    )


def _values_as_held(
    values: NDArray[Any], holds: Holds, name: str, drawable: Drawable
) -> NDArray[Any]:
    import pandas as pd

    try:
        if holds == "number":
            numbers = pd.to_numeric(pd.Series(values, dtype=object))
            return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
        if holds == "time":
            return (
                pd.to_datetime(pd.Series(values), format="ISO8601")
                .to_numpy()
                .astype("datetime64[D]")
            )
    except (TypeError, ValueError):
        raise ColumnError(
            f"the table of {drawable.maker}: {name!r} must hold {_SAID[holds]}; "
            f"got {next((value for value in values if value is not None), None)!r}."
        ) from None
    missing = pd.isna(pd.Series(values, dtype=object)).to_numpy()
    return np.where(missing, "", values.astype(object))
