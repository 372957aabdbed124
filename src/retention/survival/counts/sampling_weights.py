"""Weights that are no counts: how many customers a row speaks for, or one over its chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError, count_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories


def with_sampling_weights(spells: Histories, name: str | None) -> Histories:
    """The spells with what each row weighs in a likelihood, 1 on average, if a name is given.

    Args:
        spells: with the column of weights among their columns.
        name: that column.

    Raises:
        ColumnError: if it holds no numbers.
        ContentError: if a weight is missing, not above 0 or infinite, or rows stand for several
            spells (`n_spells`) besides.
    """
    if name is None:
        return spells
    weight = _weights_of_rows(spells.columns[name], name)
    if spells.weight is not None and (several := int((spells.weight > 1).sum())):
        stand = count_of(several, "row stands", "rows stand")
        raise ContentError(
            f"sampling_weights: {stand} for several spells (n_spells) besides, which would then be "
            "taken for independent. Give each spell a row of its own."
        )
    weight = weight / weight.max()  # so that no sum is too large
    return replace(spells, sampling=weight / weight.mean())


def _weights_of_rows(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    try:
        if values.dtype.kind not in "biufO" or _holds_text(values):
            raise TypeError
        weight = values.astype(np.float64)
    except (TypeError, ValueError):
        raise ColumnError(
            f"sampling_weights: column {name!r} holds no numbers. Give 1 over the chance of each "
            "row, or how many customers it speaks for."
        ) from None
    problems = {
        "no weight": np.isnan(weight),
        "a weight of 0 or less": weight <= 0,
        "an infinite weight": np.isposinf(weight),
    }
    said = [
        f"{count_of(int(bad.sum()), 'row has', 'rows have')} {what}"
        for what, bad in problems.items()
        if bad.any()
    ]
    if said:
        raise ContentError(
            f"sampling_weights: {'; '.join(said)} in {name!r}. Correct those rows or leave them "
            "out."
        )
    return np.asarray(weight, np.float64)


def _holds_text(values: NDArray[Any]) -> bool:
    """Digits that are text are no numbers, although numpy would read them; nor are days."""
    return values.dtype.kind == "O" and any(isinstance(each, str) for each in values)
