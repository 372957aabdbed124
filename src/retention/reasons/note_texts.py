"""A column of notes as texts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from retention.errors import ContentError, RetentionWarning, counted
from retention.reasons.finding import LONGEST

if TYPE_CHECKING:
    from numpy.typing import NDArray


def texts_of(values: NDArray[np.object_], column: str) -> list[str | None]:
    """The notes as texts, of each what is read of it; blank ones are None.

    Args:
        values: the column, None where nothing was written.
        column: its name.

    Raises:
        ContentError: if something else than text stands in it.

    Warns:
        RetentionWarning: if a note has more than 20,000 characters: what follows is not read.
    """
    if values.dtype.kind not in "OU" and not np.isnan(values.astype(float)).all():
        raise ContentError(f"notes: {column!r} must hold text; got {values.dtype}.")
    given = values.tolist() if values.dtype.kind in "OU" else [None] * values.size
    for value in given:
        if value is not None and not isinstance(value, str):
            raise ContentError(f"notes: {column!r} must hold text; got {value!r}.")
    too_long = sum(value is not None and len(value) > LONGEST for value in given)
    if too_long:
        warnings.warn(
            f"{counted(too_long, 'note has', 'notes have')} more than {LONGEST:,} characters: "
            "what follows is not read.",
            RetentionWarning,
            stacklevel=3,
        )
    return [value[:LONGEST] if value and value.strip() else None for value in given]
