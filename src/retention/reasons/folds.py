"""Notes put into folds, so that each can be judged by a model that has not seen it or its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Places = NDArray[np.intp]


def alike(texts: Sequence[str], values: NDArray[Any] | None) -> Places:
    """The group of each note, from 0: notes of one value, and notes that are alike, share one.

    Texts are alike that differ in case and white space alone. Where such texts stand under two
    values, all notes of both are one group.

    Args:
        texts: the notes.
        values: what they are grouped by; None groups by likeness alone.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    text = _numbered([" ".join(text.casefold().split()) for text in texts])
    if values is None:
        return text
    value = _numbered([str(value) for value in values.tolist()])
    size = len(text)
    links = (np.ones(size), (value, value.max() + 1 + text))
    nodes = int(value.max() + text.max()) + 2
    group = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)[1]
    return _numbered(group[value].tolist())


def folds_of(carried: Flags, group: Places, n_folds: int, seed: int) -> Places:
    """The fold of each note: no group in two, and every category spread over all as far as may be.

    Groups are taken one by one, those first that hold most of some category, in an order drawn by
    the seed where they hold as much; each is put where the least of its categories is.

    Args:
        carried: which categories (columns) each note (rows) carries.
        group: of each note.
        n_folds: how many folds; at most as many as there are groups.
        seed: of the order.
    """
    counted = np.column_stack([carried, np.ones(len(group), np.bool_)]).astype(np.float64)
    counts = np.zeros((int(group.max()) + 1, counted.shape[1]))
    np.add.at(counts, group, counted)
    share = counts / np.maximum(counts.sum(axis=0), 1.0)
    drawn = np.random.default_rng(seed).permutation(len(counts))
    order = drawn[np.argsort(-share[drawn].max(axis=1), kind="stable")]
    load = np.zeros((n_folds, counted.shape[1]))
    fold = np.empty(len(counts), np.intp)
    for one in order:
        crowd = (load @ share[one]).round(12)
        fold[one] = np.lexsort((load[:, -1], crowd))[0]
        load[fold[one]] += share[one]
    return fold[group]


def parts(fold: Places) -> Iterator[tuple[Places, Places]]:
    """The notes outside each fold, and those in it."""
    for one in np.unique(fold):
        yield np.flatnonzero(fold != one), np.flatnonzero(fold == one)


def _numbered(values: list[Any]) -> Places:
    """Numbers in the order of the values, so that the order of notes does not matter."""
    from pandas import factorize

    return np.asarray(factorize(np.array(values, dtype=object), sort=True)[0], np.intp)
