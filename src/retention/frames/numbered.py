"""Ids and labels of a table at hand as whole numbers in their order: each text is hashed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from retention.frames.engines import Frame

    Whole = NDArray[np.int64]

_SPARSE = 4
"""So many numbers may lie between the lowest and the highest id, for each row."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """The values of a column as places among the different ones.

    Attributes:
        number: the place of each row's value, from 0 on.
        distinct: the different values, ascending, a column of the caller's engine.
    """

    number: Whole
    distinct: Any

    @property
    def size(self) -> int:
        """How many different values there are."""
        return len(self.distinct)

    def named(self, numbers: Whole) -> Any:
        """The values that have these numbers, as a column of the caller's engine."""
        if hasattr(self.distinct, "gather"):
            return self.distinct.gather(numbers)
        import pandas as pd

        return pd.Series(self.distinct.array.take(numbers), copy=False)


def numbered(values: nw.Series[Any]) -> Numbered | None:
    """A column of ids or labels, none missing, as numbers; None of a type that has no such way."""
    if values.dtype.is_integer():
        return _numbered_integers(values)
    if not isinstance(values.dtype, nw.String):
        return None
    if values.implementation.is_polars():
        return _numbered_polars_texts(values.to_native())
    return _numbered_pandas_texts(values.to_native())


def rows_at_hand(frame: Frame) -> nw.DataFrame[Any]:
    """The rows of a frame over a pandas or Polars table, in that kind."""
    return frame.collect("pandas" if frame.implementation.is_pandas() else "polars")


def frame_at_hand(columns: Mapping[str, Any], engine: nw.Implementation) -> Frame:
    """A frame over a new pandas or Polars table of these columns."""
    table: Any
    if engine.is_pandas():
        import pandas as pd

        table = pd.DataFrame(dict(columns), copy=False)
    else:
        import polars as pl

        table = pl.DataFrame(dict(columns))
    return cast("Frame", nw.from_native(table).lazy())


def _numbered_integers(values: nw.Series[Any]) -> Numbered | None:
    numbers, like = values.to_numpy(), values.to_native()
    if numbers.dtype.kind not in "iu" or not numbers.size:
        return None
    low, high = int(numbers.min()), int(numbers.max())
    if high - low < max(_SPARSE * numbers.size, 1000):
        above = (numbers - numbers.dtype.type(low)).astype(np.int64)
        place = np.zeros(high - low + 1, np.int64)
        place[above] = 1
        distinct = np.flatnonzero(place).astype(numbers.dtype) + numbers.dtype.type(low)
        number = (np.cumsum(place) - 1)[above]
    else:
        import pandas as pd

        number, distinct = pd.factorize(numbers, sort=True)
    kind = type(like)
    named = {"values" if values.implementation.is_polars() else "data": distinct}
    return Numbered(number, kind(**named, dtype=like.dtype))


def _numbered_pandas_texts(texts: Any) -> Numbered | None:
    import pandas as pd

    codes, distinct = pd.factorize(texts)
    if (codes < 0).any():
        return None
    different: Any = pd.Series(distinct, copy=False)
    if different.dtype == object:
        # Python sorts a list of nothing but texts three times as fast as NumPy an array of them.
        listed = different.tolist()
        order = np.array(sorted(range(len(listed)), key=listed.__getitem__), np.int64)
    else:
        order = different.argsort().to_numpy()
    return Numbered(_places(order)[codes], different.iloc[order].reset_index(drop=True))


def _numbered_polars_texts(texts: Any) -> Numbered | None:
    import polars as pl

    coded = texts.cast(pl.Categorical)
    codes, different = coded.to_physical().to_numpy(), coded.unique()
    distinct = different.cast(pl.String)
    order = distinct.arg_sort().to_numpy()
    here = different.to_physical().to_numpy()
    place = np.zeros(int(here.max(initial=0)) + 1, np.int64)
    place[here[order]] = np.arange(order.size)
    return Numbered(place[codes], distinct.gather(order))


def _places(order: NDArray[Any]) -> Whole:
    """The place that each has, of what is at each place."""
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    return place
