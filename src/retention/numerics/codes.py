"""Labels and segments as numbers, and numbers as rows of segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError
from retention.tables import refuse_taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns


MOST_GROUPS = 100_000
"""More groups than this, each a row of an answer, are not groups but identifiers."""

MOST_LEVELS = 1_000
"""The same of groups of each of which something is estimated."""


def label_codes(values: NDArray[Any]) -> tuple[NDArray[np.intp], list[str]]:
    """Values as numbers of their labels, −1 where missing, and the labels as sorted text.

    Whole numbers read alike whatever type they have: 2 and 2.0 are "2"; true is "true".
    """
    import pandas as pd

    codes, distinct = pd.factorize(values)
    texts = [_label_of_value(value) for value in distinct.tolist()]
    labels = sorted(set(texts))
    place = {label: i for i, label in enumerate(labels)}
    return np.array([*(place[text] for text in texts), -1], np.intp)[codes], labels


def _label_of_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


Key = tuple[str, ...]
"""The values of a segment, in the order of `by`."""


def filled_label_codes(
    values: NDArray[Any], name: str, *, argument: str
) -> tuple[NDArray[np.intp], list[str]]:
    """Values as numbers of their labels, as `label_codes`; what is missing or empty is "(missing)".

    Raises:
        ColumnError: if the column holds decimals, times or anything else that is no label.
    """
    import pandas as pd

    codes, distinct = pd.factorize(values)
    texts = [
        *(_label_or_missing(value, name, argument) for value in distinct.tolist()),
        "(missing)",
    ]
    labels = sorted({texts[code] for code in np.unique(codes).tolist()})
    place = {label: i for i, label in enumerate(labels)}
    return np.array([place.get(text, -1) for text in texts], np.intp)[codes], labels


def _label_or_missing(value: object, name: str, argument: str) -> str:
    if value == "":
        return "(missing)"
    if not isinstance(value, bool | int | str) and not (
        isinstance(value, float) and value.is_integer()
    ):
        raise ColumnError(
            f"{argument}: {name!r} holds {value!r}, which is not a label. A stratum is text, a "
            "whole number or true/false: put it into classes first."
        )
    return _label_of_value(value)


def refuse_identifier(
    argument: str, names: Sequence[str], n: int, most: int, what: str, hint: str = ""
) -> None:
    """Refuse columns that tell single customers apart, where groups of them are wanted.

    Args:
        argument: that which names the columns.
        names: the columns.
        n: how many different values they have together.
        most: how many there may be, `MOST_GROUPS` or `MOST_LEVELS`.
        what: what they are to make: segments, strata, levels.
        hint: what else it may be.
    """
    if n > most:
        said = ", ".join(repr(name) for name in names)
        raise ContentError(
            f"{argument}: {said} makes {n:,} {what}, more than {most:,}: that is an identifier. "
            f"Put its values into classes first{hint}."
        )


def group_numbers(
    columns: Mapping[str, NDArray[Any]],
    names: Sequence[str],
    n: int,
    labels: Callable[[NDArray[Any], str], tuple[NDArray[np.intp], list[str]]] | None = None,
) -> tuple[NDArray[np.intp], list[Key]]:
    """For each of n rows the number of its group, and the groups, sorted.

    Args:
        columns: the columns.
        names: those whose values make the groups.
        n: the number of rows.
        labels: values of a column, and its name, as numbers of labels; `label_codes` if None.
    """
    from pandas import factorize

    place = np.zeros(n, np.intp)
    parts: list[NDArray[Any]] = []
    for name in names:
        code, texts = labels(columns[name], name) if labels else label_codes(columns[name])
        # Numbered anew after each column, so that no number grows beyond 64 bits.
        place, found = factorize(place * len(texts) + code, sort=True)
        before, here = np.divmod(found, len(texts))
        parts = [*(part[before] for part in parts), np.array(texts, dtype=object)[here]]
    keys: list[Key] = list(zip(*(part.tolist() for part in parts), strict=True))
    return np.asarray(place), keys if names else [()]


def distinct_segments(counted: Columns, names: Sequence[str]) -> tuple[Columns, NDArray[np.int64]]:
    """The distinct segments in order, and which of them each counted row belongs to."""
    code = np.zeros(len(next(iter(counted.values()))), dtype=np.int64)
    values, sizes = {}, {}
    for name in names:
        values[name], inverse = np.unique(counted[name].astype(object), return_inverse=True)
        sizes[name] = max(values[name].size, 1)
        code = code * sizes[name] + inverse
    distinct, place = np.unique(code, return_inverse=True)
    refuse_identifier("by", names, distinct.size, MOST_GROUPS, "segments")
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
