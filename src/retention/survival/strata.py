"""Strata: the combinations of labels that each have a baseline of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

Key = tuple[str, ...]


def labelled(columns: Columns, names: Sequence[str], n: int) -> tuple[NDArray[np.intp], list[Key]]:
    """For each of n rows the number of its stratum, and the strata, sorted."""
    if not names:
        return np.zeros(n, np.intp), [()]
    texts = [_texts(columns[name]) for name in names]
    combined = np.zeros(n, np.intp)
    for text in texts:
        levels, code = np.unique(text, return_inverse=True)
        combined = combined * levels.size + code
    _, first, place = np.unique(combined, return_index=True, return_inverse=True)
    return place.astype(np.intp), [tuple(str(text[i]) for text in texts) for i in first.tolist()]


def coded(columns: Columns, names: Sequence[str], keys: Sequence[Key], n: int) -> NDArray[np.intp]:
    """For each of n rows the place of its stratum among those known; −1 if it is none of them."""
    numbers, found = labelled(columns, names, n)
    place = {key: i for i, key in enumerate(keys)}
    return np.asarray(np.array([place.get(key, -1) for key in found], np.intp)[numbers])


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    given = values
    if values.dtype.kind == "f" and not np.isnan(values).all():
        whole = np.nan_to_num(values)
        if (whole == np.floor(whole)).all():  # whole numbers that stand beside missing ones
            values = whole.astype(np.int64).astype(object)
            values[np.isnan(given)] = None
    missing = [value is None or value != value for value in values.tolist()]  # noqa: PLR0124 - NaN
    return np.asarray(np.where(missing, "(missing)", values.astype(str)))
