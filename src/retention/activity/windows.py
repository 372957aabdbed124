"""Which whole periods an activity covers, as its constant columns say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ContentError
from retention.frames import one_row

if TYPE_CHECKING:
    from retention.frames import Columns, Frame

CONSTANTS = ("first_step", "last_step", "freq")


def window_of(frame: Frame, *, empty: str, counted: Columns | None = None) -> tuple[int, int, str]:
    """The first and the last whole period, and their length.

    Args:
        frame: the activity.
        empty: what is lacking in one without a row.
        counted: what was counted of it, the `CONSTANTS` beside, so that a lazy activity is not
            computed twice; it is asked where nothing was counted.

    Raises:
        ContentError: if the activity is empty.
    """
    if counted is not None and counted["freq"].size:
        first, last = counted["first_step"].min(), counted["last_step"].max()
        return int(first), int(last), str(counted["freq"][0])
    limits = [nw.col("first_step").min(), nw.col("last_step").max(), nw.col("freq").min()]
    row = one_row(frame.select(*limits))
    if row["freq"] is None:
        raise ContentError(f"activity is empty: {empty}.")
    return int(row["first_step"]), int(row["last_step"]), str(row["freq"])
