"""Ids and labels of a table at hand as whole numbers in their order: each text is hashed once."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames.answers import FewTexts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from retention.frames.engines import Frame

    Whole = NDArray[np.int64]

_AT_HAND = {("pandas", "DataFrame"), ("polars", "DataFrame")}
_SPARSE = 4
"""So many numbers may lie between the lowest and the highest id, for each row."""

_HEAD = 1000
"""So many texts are looked at before all are, whether they lie in their order."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """The values of a column as places among the different ones.

    Attributes:
        number: the place of each row's value, from 0 on; −1 where it is missing.
        distinct: the different values, a column of the caller's engine.
    """

    number: Whole
    distinct: Any

    @property
    def size(self) -> int:
        """How many different values there are."""
        return len(self.distinct)

    @property
    def has_missing(self) -> bool:
        """Whether some value is missing, or there is none."""
        return not self.number.size or bool(self.number.min() < 0)

    @property
    def compact(self) -> Any:
        """The different values, texts of Python in pandas as those of Arrow, where it is there."""
        objects = not hasattr(self.distinct, "gather") and self.distinct.dtype == object
        if objects and find_spec("pyarrow"):
            return self.distinct.astype("string[pyarrow]")
        return self.distinct

    def part(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Numbered:
        """Those of some rows."""
        return Numbered(self.number[rows], self.distinct)

    def named(self, numbers: Whole) -> Any:
        """The values that have these numbers, as a column of the caller's engine."""
        if hasattr(self.distinct, "gather"):
            return self.distinct.gather(numbers)
        import pandas as pd

        return pd.Series(self.distinct.array.take(numbers), copy=False)


def numbers_of_values(values: nw.Series[Any], *, ordered: bool = True) -> Numbered | None:
    """A column of ids or labels as numbers; None of a type that has no such way.

    Args:
        values: text, or whole numbers none of which is missing.
        ordered: whether the numbers are to follow the order of the values.
    """
    if values.dtype.is_integer():
        return _numbered_integers(values)
    if not isinstance(values.dtype, nw.String):
        return None
    of_polars, texts = values.implementation.is_polars(), values.to_native()
    if found := _numbered_polars_runs(texts) if of_polars else _numbered_pandas_runs(texts):
        return found
    numbered = _numbered_polars_texts if of_polars else _numbered_pandas_texts
    return numbered(texts, ordered=ordered)


def is_at_hand(table: object) -> bool:
    """Whether a table is of pandas or Polars, and its rows are there."""
    kind = type(nw.to_native(table, pass_through=True))
    return (kind.__module__.split(".")[0], kind.__name__) in _AT_HAND


def rows_at_hand(frame: Frame) -> nw.DataFrame[Any]:
    """The rows of a frame over a pandas or Polars table, in that kind."""
    return frame.collect("pandas" if frame.implementation.is_pandas() else "polars")


def frame_at_hand(columns: Mapping[str, Any], engine: nw.Implementation) -> Frame:
    """A frame over a new pandas or Polars table of arrays, columns of that engine or few texts.

    Days are moments in pandas, as it has no days; what is not a number is missing in Polars.
    """
    table: Any
    if engine.is_pandas():
        import pandas as pd

        table = pd.DataFrame(
            {name: _pandas_column(values) for name, values in columns.items()}, copy=False
        )
    else:
        import polars as pl

        table = pl.DataFrame(
            {name: _polars_column(values) for name, values in columns.items()}, nan_to_null=True
        )
    return cast("Frame", nw.from_native(table).lazy())


def _pandas_column(values: Any) -> Any:
    import pandas as pd

    if isinstance(values, FewTexts):
        return values.pandas_array()
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True)
    return values.astype("datetime64[us]") if values.dtype.kind == "M" else values


def _polars_column(values: Any) -> Any:
    import polars as pl

    if isinstance(values, FewTexts):
        return pl.Series(list(values.texts), dtype=pl.String).gather(values.place)
    return values


def _numbered_integers(values: nw.Series[Any]) -> Numbered | None:
    if isinstance(values.dtype, nw.Int128 | nw.UInt128):  # NumPy has none of these
        return None
    numbers, like = values.to_numpy(), values.to_native()
    if numbers.dtype.kind not in "iu" or not numbers.size:
        return None
    wide = numbers.astype(np.uint64 if numbers.dtype == np.uint64 else np.int64, copy=False)
    low, high = int(wide.min()), int(wide.max())
    if high - low < max(_SPARSE * wide.size, 1000):
        above = (wide - wide.dtype.type(low)).astype(np.int64)
        place = np.zeros(high - low + 1, np.int64)
        place[above] = 1
        distinct = np.flatnonzero(place).astype(wide.dtype) + wide.dtype.type(low)
        number = (np.cumsum(place) - 1)[above]
    else:
        import pandas as pd

        number, distinct = pd.factorize(cast("Any", wide), sort=True)
    kind = type(like)
    named = {"values" if values.implementation.is_polars() else "data": distinct}
    return Numbered(number, kind(**named, dtype=like.dtype))


def _numbered_pandas_runs(texts: Any) -> Numbered | None:
    """Texts that lie in their order, as those of activity: none is hashed; None if they do not."""
    import pandas as pd

    values = texts.to_numpy() if texts.dtype == object else texts.array
    if not len(values) or (texts.dtype != object and texts.hasnans):
        return None
    if not _are_ascending(values[:_HEAD]):
        return None
    changed = np.append(True, np.asarray(values[1:] != values[:-1], bool))
    different = pd.Series(values[np.flatnonzero(changed)], copy=False)
    if not _are_ascending(different.array):
        return None
    return Numbered(np.cumsum(changed) - 1, different)


def _are_ascending(texts: Any) -> bool:
    """Whether texts lie in their order, and nothing else is among them."""
    if texts.dtype == object and not all(type(text) is str for text in texts):
        return False
    return bool(np.asarray(texts[1:] >= texts[:-1], bool).all())


def _numbered_polars_runs(texts: Any) -> Numbered | None:
    """The same in Polars."""
    if not len(texts) or texts.null_count() or not texts.head(_HEAD).is_sorted():
        return None
    number = texts.rle_id()
    starts = np.flatnonzero(np.append(True, np.diff(number.to_numpy()) != 0))
    different = texts.gather(starts)
    if not different.is_sorted():
        return None
    return Numbered(number.to_numpy().astype(np.int64), different)


def _numbered_pandas_texts(texts: Any, *, ordered: bool) -> Numbered | None:
    import pandas as pd

    codes, distinct = pd.factorize(texts)
    different: Any = pd.Series(distinct, copy=False)
    listed = different.tolist() if different.dtype == object else []
    if not all(type(text) is str for text in listed):
        return None  # text, and something else further down
    if not ordered:
        return Numbered(codes, different)
    if listed:
        # Python sorts a list of nothing but texts three times as fast as NumPy an array of them.
        order = np.array(sorted(range(len(listed)), key=listed.__getitem__), np.int64)
    else:
        order = different.argsort().to_numpy()
    return Numbered(_places(order)[codes], different.iloc[order].reset_index(drop=True))


def _numbered_polars_texts(texts: Any, *, ordered: bool) -> Numbered:
    known = texts.drop_nulls()
    codes, distinct = _numbered_by_hash(known)
    if ordered:
        order = _order_of_polars_texts(distinct)
        codes, distinct = _places(order)[codes], distinct.gather(order)
    if len(known) < len(texts):
        number = np.full(len(texts), -1, np.int64)
        number[texts.is_not_null().to_numpy()] = codes
        codes = number
    return Numbered(codes, distinct)


def _numbered_by_hash(texts: Any) -> tuple[Whole, Any]:
    """Polars texts by the numbers that it makes of them, unless two have one: a third of the time.

    Whether two do is seen by looking up each text again.
    """
    import pandas as pd
    import polars as pl

    codes, hashes = pd.factorize(texts.hash().to_numpy())
    first = np.zeros(hashes.size, np.int64)
    first[codes[::-1]] = np.arange(codes.size)[::-1]
    distinct = texts.gather(first)
    if (distinct.gather(codes) == texts).all():
        return codes, distinct
    coded = texts.cast(pl.Categorical)
    different = coded.unique()
    here = different.to_physical().to_numpy()
    place = np.zeros(int(here.max(initial=0)) + 1, np.int64)
    place[here] = np.arange(here.size)
    return place[coded.to_physical().to_numpy()], different.cast(pl.String)


def _order_of_polars_texts(different: Any) -> Whole:
    """Where each of different texts stands, in their order.

    To sort them and find them again by their numbers takes half as long as to sort their places.
    """
    ascending = different.sort()
    order = np.empty(len(different), np.int64)
    order[ascending.hash().to_numpy().argsort()] = different.hash().to_numpy().argsort()
    found = (different.gather(order) == ascending).all()
    return order if found else different.arg_sort().to_numpy().astype(np.int64)


def _places(order: NDArray[Any]) -> Whole:
    """The place that each has, of what is at each place; −1 at the end, of what is missing."""
    place = np.empty(order.size + 1, np.int64)
    place[order] = np.arange(order.size)
    place[-1] = -1
    return place
