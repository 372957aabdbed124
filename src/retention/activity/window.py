"""Which whole periods an activity covers, as its constant columns say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, warn
from retention.frames import one_row
from retention.log_holes import BUSY, RARE, is_closing_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.frames import Columns, Frame

CONSTANTS = ("first_step", "last_step", "freq")


_IF_LACKING = {
    "was": "the retention of the {freq} before is 0 for that alone, as if all had left",
    "became": "customers of earlier cohorts who came back then are counted as if they had not",
}
"""What it does to a figure if a period lacks in which nobody was, or became, a customer."""


@dataclass(frozen=True, slots=True)
class Openings:
    """The periods whose opening was observed, and their length."""

    window: periods.Window
    begin: int | None
    """The first day from which every contract is in the table, where the user named it."""
    until: int
    """The last observed day, less the days of grace after which an end is known."""
    grace: int


def window_of(frame: Frame, *, empty: str, counted: Columns | None = None) -> periods.Window:
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
        return periods.Window(int(first), int(last), str(counted["freq"][0]))
    limits = [nw.col("first_step").min(), nw.col("last_step").max(), nw.col("freq").min()]
    row = one_row(frame.select(*limits))
    if row["freq"] is None:
        raise ContentError(
            f"activity is empty: {empty}. If it is of contracts, none was in force when a period "
            "opened: a shorter freq has more openings."
        )
    return periods.Window(int(row["first_step"]), int(row["last_step"]), str(row["freq"]))


def warn_of_holes(
    steps: NDArray[np.int64], customers: NDArray[np.int64], freq: str, *, seen: str = "was"
) -> None:
    """Warn where nobody at all was a customer for whole periods: a month may lack in the file.

    The periods stay, for an empty one was observed too; but where the file has a hole the rate of
    the period before it is 0 for that alone.

    Args:
        steps: consecutive periods.
        customers: how many there were in each.
        freq: the length of a period.
        seen: "was" where customers were counted, "became" where new ones were.
    """
    found = _runs_without_customers(steps, customers, freq)
    if not found:
        return
    named = [
        periods.label(first, freq)
        if first == last
        else f"{periods.label(first, freq)} to {periods.label(last, freq)}"
        for first, last in found
    ]
    more = f" and {len(named) - 3:,} more times" if len(named) > 3 else ""
    after = periods.first_day(found[-1][1] + 1, freq)
    empty = all(not customers[(steps >= a) & (steps <= b)].any() for a, b in found)
    warn(
        f"{'Nobody at all' if empty else 'Hardly anybody'} {seen} a customer in "
        f"{', '.join(named[:3])}{more}, between busy {freq}s. "
        f"If that lacks in the file, {_IF_LACKING[seen].format(freq=freq)}: add what lacks, or "
        "make the activity of what came after, with "
        f"`observed_from='{after}'`."
    )


def _runs_without_customers(
    steps: NDArray[np.int64], customers: NDArray[np.int64], freq: str
) -> list[tuple[int, int]]:
    """Runs of periods with hardly a customer between busy ones, the first and the last of each.

    A run at the end counts by what was before it; what comes after it is not in the table.
    """
    usual = np.median(customers[customers > 0]) if customers.any() else 0.0
    edges = np.flatnonzero(np.diff(np.r_[False, customers <= usual / RARE, False]))
    found = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        beside = [customers[start - 1] if start else 0, *customers[stop : stop + 1]]
        first, last = int(steps[start]), int(steps[stop - 1])
        opens, ends = (
            periods.first_day_number(first, freq),
            periods.first_day_number(last + 1, freq),
        )
        if min(beside) >= BUSY and not is_closing_time(opens, ends):
            found.append((first, last))
    return found
