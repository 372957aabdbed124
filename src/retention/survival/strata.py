"""Strata: the combinations of labels that each have a baseline of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError
from retention.survival.design import labels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

Key = tuple[str, ...]

MOST_STRATA = 100_000
"""More combinations than this are not strata but identifiers."""

_MISSING = "(missing)"  # as in segments


def labelled(columns: Columns, names: Sequence[str], n: int) -> tuple[NDArray[np.intp], list[Key]]:
    """For each of n rows the number of its stratum, and the strata, sorted.

    Raises:
        ColumnError: if a column holds decimals or times, which are no labels.
        ContentError: if there are too many.
    """
    numbers, keys = np.zeros(n, np.intp), [Key()]
    for name in names:
        codes, texts = _labels(columns[name], name)
        found, place = np.unique(numbers * len(texts) + codes, return_inverse=True)
        if found.size > MOST_STRATA:
            said = f"{', '.join(names)} makes more than {MOST_STRATA:,} strata"
            raise ContentError(f"strata: {said}. Is it an identifier?")
        pairs = [divmod(number, len(texts)) for number in found.tolist()]
        keys = [(*keys[before], texts[code]) for before, code in pairs]
        numbers = place.astype(np.intp)
    return numbers, keys


def coded(columns: Columns, names: Sequence[str], keys: Sequence[Key], n: int) -> NDArray[np.intp]:
    """For each of n rows the place of its stratum among those known; −1 if it is none of them."""
    numbers, found = labelled(columns, names, n)
    place = {key: i for i, key in enumerate(keys)}
    return np.asarray(np.array([place.get(key, -1) for key in found], np.intp)[numbers])


def _labels(values: NDArray[Any], name: str) -> tuple[NDArray[np.intp], list[str]]:
    """Numbers of labels, and the labels; what is missing or empty is "(missing)"."""
    if values.dtype.kind == "M" or (values.dtype.kind == "f" and (values % 1 > 0).any()):
        raise ColumnError(
            f"strata: {name!r} holds {values.dtype}, not labels. "
            "A stratum is text, a whole number or true/false: put it into classes first."
        )
    codes, texts = labels_of(values)
    texts = [*(text or _MISSING for text in texts), _MISSING]  # the last is that of code −1
    labels = sorted({texts[code] for code in np.unique(codes).tolist()})
    place = {label: i for i, label in enumerate(labels)}
    return np.array([place.get(text, -1) for text in texts], np.intp)[codes], labels
