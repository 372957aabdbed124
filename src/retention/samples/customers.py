"""Who the customers are: when they came, how often and for how much they buy, when they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.samples.world import (
    CHANNEL_HAZARD,
    CHANNEL_SHARE,
    LEAVING_A_YEAR,
    ORDERS_A_YEAR,
    ORDERS_SHAPE,
    REASONS,
    REGION_HAZARD,
    REGION_SHARE,
    ROAMING_SHARE,
    SPEND_SPREAD,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    Whole,
    names,
    numbered_ids,
    pick,
    weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOM = 1


@dataclass(frozen=True, eq=False)
class Customers:
    """Arrays of one length, one place a customer, in the order in which they came.

    `joined` is the day and part of it of the first order, `until` the first day without the
    customer (the number of days simulated where they stayed), `reason` the place in `REASONS`
    (-1 where they stayed); `rate` repeat orders a year, `spend` a factor on prices, `hazard` a
    year and without bad service.
    """

    ids: NDArray[np.str_]
    region: NDArray[np.int8]
    channel: NDArray[np.int8]
    joined: Floats
    rate: Floats
    spend: Floats
    roams: NDArray[np.bool_]
    hazard: Floats
    until: NDArray[np.int32]
    reason: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.ids)

    def id_of(self, who: Whole) -> Text:
        """The column `customer_id` for these places."""
        return Text(who, self.ids)

    def region_of(self, who: Whole) -> Text:
        """The home regions of these customers as a column."""
        return Text(self.region[who], names(REGION_SHARE))


def draw_customers(count: int, window: SimulatedDays) -> Customers:
    """Customers who all still stay: arrivals follow the season, everything else is independent.

    Orders a year are gamma distributed, spending levels lognormal, and the hazard of leaving is
    the product of a region's and a channel's, so that proportional hazards hold exactly.
    """
    rng = window.stream(_ROOM)
    region, channel = pick(rng, REGION_SHARE, count), pick(rng, CHANNEL_SHARE, count)
    return Customers(
        ids=numbered_ids("C", count, digits=6),
        region=region,
        channel=channel,
        joined=window.when_busy(np.sort(rng.random(count)) * window.busy[-1]),
        rate=rng.gamma(ORDERS_SHAPE, ORDERS_A_YEAR / ORDERS_SHAPE, count),
        spend=np.exp(SPEND_SPREAD * rng.standard_normal(count)),
        roams=rng.random(count) < ROAMING_SHARE,
        hazard=LEAVING_A_YEAR * weights(REGION_HAZARD)[region] * weights(CHANNEL_HAZARD)[channel],
        until=np.full(count, window.n_days, dtype=np.int32),
        reason=np.full(count, -1, dtype=np.int8),
    )


def truth_table(customers: Customers, window: SimulatedDays) -> Columns:
    """What no real company knows: one row per customer."""
    left = customers.reason >= 0
    left_on = window.date(customers.until)
    left_on[~left] = np.datetime64("NaT")
    everyone = np.arange(len(customers))
    return {
        "customer_id": customers.id_of(everyone),
        "region": customers.region_of(everyone),
        "channel": Text(customers.channel, names(CHANNEL_SHARE)),
        "first_order": window.date(customers.joined.astype(np.int64)),
        "left": left,
        "left_on": left_on,
        "reason": Text(customers.reason, np.array(REASONS)),
        "orders_per_year": customers.rate,
        "spend": customers.spend,
        "hazard": customers.hazard,
    }
