"""When trouble begins and ends, and who leaves: a chain of well, in trouble, and gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retention.samples.wholesale.wholesale_world import (
    LEAVING_TROUBLED_A_YEAR,
    LEAVING_WELL_A_YEAR,
    RECOVERY_A_YEAR,
    TROUBLE_A_YEAR,
)
from retention.samples.world import DAYS_A_YEAR, Columns, Floats, SimulatedDays, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.wholesale.shops import Shops

_ROOM = 22
_OUT_OF_WELL = LEAVING_WELL_A_YEAR + TROUBLE_A_YEAR
_OUT_OF_TROUBLE = LEAVING_TROUBLED_A_YEAR + RECOVERY_A_YEAR


@dataclass(frozen=True, eq=False)
class Troubles:
    """Arrays of one length, one place a time of trouble, in the order in which they began.

    `over` is when it passed or the customer left (the number of days simulated if neither came),
    `fatal` whether they left.
    """

    who: NDArray[np.int32]
    began: Floats
    over: Floats
    fatal: NDArray[np.bool_]


def live_through(shops: Shops, window: SimulatedDays) -> tuple[Shops, Troubles]:
    """The same customers with the moment of their leaving, and all their times of trouble."""
    rng = window.stream(_ROOM)
    who, at = np.arange(len(shops), dtype=np.int32), shops.joined
    gone, found = shops.gone.copy(), []
    while who.size:
        next_, leaves = _next_change(rng, at, _OUT_OF_WELL, LEAVING_WELL_A_YEAR)
        gone[who[leaves]] = next_[leaves]
        falls = ~leaves & (next_ < window.n_days)
        who, began = who[falls], next_[falls]
        over, fatal = _next_change(rng, began, _OUT_OF_TROUBLE, LEAVING_TROUBLED_A_YEAR)
        gone[who[fatal]] = over[fatal]
        found.append((who, began, over, fatal))
        well = ~fatal & (over < window.n_days)
        who, at = who[well], over[well]
    return replace(shops, gone=np.minimum(gone, window.n_days)), _troubles_in_time(found, window)


def _next_change(
    rng: np.random.Generator, at: Floats, hazard: float, leaving: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """When a state is left, and whether the customer leaves with it."""
    until: Floats = at + rng.exponential(DAYS_A_YEAR / hazard, at.size)
    return until, rng.random(at.size) < leaving / hazard


def _troubles_in_time(
    found: list[tuple[NDArray[np.int32], Floats, Floats, NDArray[np.bool_]]], window: SimulatedDays
) -> Troubles:
    who, began, over, fatal = (np.concatenate(parts) for parts in zip(*found, strict=True))
    in_time = np.argsort(began, kind="stable")
    over = np.minimum(over, window.n_days)
    return Troubles(
        who[in_time], began[in_time], over[in_time], (fatal & (over < window.n_days))[in_time]
    )


def troubles_table(shops: Shops, troubles: Troubles, window: SimulatedDays) -> Columns:
    """Each time of trouble, as nobody sees it."""
    ended = first_day_out(troubles.over, window)
    how = np.where(np.isnat(ended), -1, np.where(troubles.fatal, 0, 1))
    return {
        "customer_id": shops.id_of(troubles.who),
        "start": window.date(troubles.began.astype(np.int64)),
        "end": ended,
        "ended_by": Text(how, np.array(["leaving", "recovery"])),
    }


def first_day_out(moment: Floats, window: SimulatedDays) -> NDArray[np.datetime64]:
    """The first whole day after these moments, null where it is not seen."""
    day = np.floor(moment).astype(np.int64) + 1
    dates = window.date(np.minimum(day, window.n_days))
    dates[day >= window.n_days] = np.datetime64("NaT")
    return dates
