"""Labels and segments as numbers, and numbers as rows of segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError
from retention.tables import refuse_taken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns


def labels_of(values: NDArray[Any]) -> tuple[NDArray[np.intp], list[str]]:
    """Values as numbers of their labels, −1 where missing, and the labels as sorted text.

    Whole numbers read alike whatever type they have: 2 and 2.0 are "2"; true is "true".
    """
    import pandas as pd

    codes, distinct = pd.factorize(values)
    texts = [_label(value) for value in distinct.tolist()]
    labels = sorted(set(texts))
    place = {label: i for i, label in enumerate(labels)}
    return np.array([*(place[text] for text in texts), -1], np.intp)[codes], labels


def _label(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


Key = tuple[str, ...]
"""The values of a segment, in the order of `by`."""


def numbered(
    columns: Mapping[str, NDArray[Any]], names: Sequence[str], n: int
) -> tuple[NDArray[np.intp], list[Key]]:
    """For each of n rows the number of its segment, and the segments, sorted."""
    from pandas import factorize

    place = np.zeros(n, np.intp)
    parts: list[NDArray[Any]] = []
    for name in names:
        code, texts = labels_of(columns[name])
        # Numbered anew after each column, so that no number grows beyond 64 bits.
        place, found = factorize(place * len(texts) + code, sort=True)
        before, here = np.divmod(found, len(texts))
        parts = [*(part[before] for part in parts), np.array(texts, dtype=object)[here]]
    keys: list[Key] = list(zip(*(part.tolist() for part in parts), strict=True))
    return np.asarray(place), keys if names else [()]


MOST_SEGMENTS = 100_000
"""More distinct values than this are not segments but identifiers."""


def distinct_segments(counted: Columns, names: Sequence[str]) -> tuple[Columns, NDArray[np.int64]]:
    """The distinct segments in order, and which of them each counted row belongs to."""
    code = np.zeros(len(next(iter(counted.values()))), dtype=np.int64)
    values, sizes = {}, {}
    for name in names:
        values[name], inverse = np.unique(counted[name].astype(object), return_inverse=True)
        sizes[name] = max(values[name].size, 1)
        code = code * sizes[name] + inverse
    distinct, place = np.unique(code, return_inverse=True)
    if distinct.size > MOST_SEGMENTS:
        raise ContentError(
            f"by={list(names)} makes {distinct.size:,} segments, more than {MOST_SEGMENTS:,}: that "
            "is an identifier, not a segment. Put its values into classes first."
        )
    labels: Columns = {}
    for name in reversed(names):
        labels[name] = values[name][distinct % sizes[name]]
        distinct = distinct // sizes[name]
    return {name: labels[name] for name in names}, place.astype(np.int64)


def long_table(parts: Sequence[tuple[Key, Columns]], names: Sequence[str]) -> Columns:
    """One table of all parts, each with the values of its segment in the columns `names`."""
    joined = {name: np.concatenate([part[name] for _, part in parts]) for name in parts[0][1]}
    refuse_taken(names, joined)
    sizes = [next(iter(part.values())).size for _, part in parts]
    keys: Columns = {
        name: np.repeat(np.array([key[i] for key, _ in parts], dtype=object), sizes)
        for i, name in enumerate(names)
    }
    return keys | joined
