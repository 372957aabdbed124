"""Who is in the experiment: what an offer would change for each, who got it, and when they left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.samples.trials.trial_world import (
    HARM,
    HARMED_SHARE,
    HELP,
    HORIZON,
    LEAST_RISK,
    OPENED_DAYS,
    ORDER_SIZE,
    ORDERS_A_DAY,
    ORDERS_SHAPE,
    PERSUADED_SHARE,
    RISK_SHAPE,
    RISK_SPAN,
    SIZE_SPREAD,
    WAVE_DAYS,
    WAVES,
    YOUNGEST_DAYS,
)
from retention.samples.world import Floats, SimulatedDays, Text, Whole, numbered_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIVES, _ARMS = 41, 42
HARMED, UNMOVED, PERSUADED = 0, 1, 2
"""How a customer takes the offer."""


@dataclass(frozen=True, eq=False)
class Tried:
    """Arrays of one length, one place a customer, in the order of their ids.

    Days are numbered from the first one of the window. `p_without` and `p_with` are the chances to
    have left within the horizon, `days_without` and `days_with` after how many days they leave,
    `response` is one of the three; `rate` orders a day, `size` the mean of an order.
    """

    ids: NDArray[np.str_]
    started: Whole
    assigned: Whole
    offered: NDArray[np.bool_]
    p_without: Floats
    p_with: Floats
    response: Whole
    days_without: Whole
    days_with: Whole
    rate: Floats
    size: Floats

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def customers(self) -> Text:
        """The column `customer_id`."""
        return self.id_of(np.arange(len(self), dtype=np.int32))

    @property
    def ends(self) -> Whole:
        """The first day without the customer, whether or not anybody sees it."""
        return self.assigned + np.where(self.offered, self.days_with, self.days_without)

    def id_of(self, who: Whole) -> Text:
        """The column `customer_id` for these places."""
        return Text(who, self.ids)


def draw_tried(count: int, window: SimulatedDays) -> Tried:
    """Customers with both outcomes, of which the arm shows one."""
    rng = window.stream(_LIVES)
    p_without = LEAST_RISK + RISK_SPAN * rng.beta(*RISK_SHAPE, count)
    response, change = _responses(rng, count)
    p_with = p_without + change
    luck = rng.exponential(1.0, count)
    rate = rng.gamma(ORDERS_SHAPE, ORDERS_A_DAY / ORDERS_SHAPE, count)
    size = ORDER_SIZE * np.exp(SIZE_SPREAD * rng.standard_normal(count))
    arms = window.stream(_ARMS)
    assigned = _days_of_waves(arms, count, window)
    offered = arms.random(count) < 0.5
    oldest = assigned - YOUNGEST_DAYS + OPENED_DAYS
    started = assigned - YOUNGEST_DAYS - (arms.random(count) * oldest).astype(np.int64)
    return Tried(
        ids=numbered_ids("X", count, digits=6),
        started=started,
        assigned=assigned,
        offered=offered,
        p_without=p_without,
        p_with=p_with,
        response=response,
        days_without=_days_to_leaving(luck, p_without, p_without),
        days_with=_days_to_leaving(luck, p_with, p_without),
        rate=rate,
        size=size,
    )


def _responses(rng: np.random.Generator, count: int) -> tuple[Whole, Floats]:
    """How customers take the offer, and by how much it changes their chance to leave."""
    kind, where = rng.random(count), rng.random(count)
    response = np.full(count, UNMOVED)
    response[kind < HARMED_SHARE] = HARMED
    response[kind >= 1 - PERSUADED_SHARE] = PERSUADED
    harm, help_ = (low + (high - low) * where for low, high in (HARM, HELP))
    return response, np.choose(response, [harm, np.zeros(count), -help_])


def _days_of_waves(rng: np.random.Generator, count: int, window: SimulatedDays) -> Whole:
    """The day on which each is assigned: more of them from month to month."""
    parts = np.arange(1, len(WAVES) + 1)
    first = (np.array(WAVES, dtype="datetime64[D]") - window.start).astype(np.int64)
    wave = rng.choice(parts.size, count, p=parts / parts.sum())
    return np.asarray(first[wave] + rng.integers(0, WAVE_DAYS, count))


def _days_to_leaving(luck: Floats, chance: Floats, later: Floats) -> Whole:
    """After how many days each leaves, 1 at least: at one hazard up to the horizon, then another.

    Args:
        luck: how much hazard each bears, exponentially distributed.
        chance: to leave within the horizon.
        later: the same, of another horizon that begins where the first one ends.
    """
    borne, after = -np.log1p(-chance), -np.log1p(-later)
    within = luck / borne
    beyond = 1 + (luck - borne) / after
    periods = np.where(luck <= borne, within, beyond)
    return np.asarray(np.maximum(np.ceil(periods * HORIZON), 1), np.int64)
