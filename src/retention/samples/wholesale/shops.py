"""Who the wholesaler's customers are: when they came, how often and for how much they buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.samples.wholesale.wholesale_world import (
    ORDERS_A_YEAR,
    ORDERS_SHAPE,
    SHOP_SPREAD,
)
from retention.samples.world import Floats, SimulatedDays, Text, Whole, numbered_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOM = 21


@dataclass(frozen=True, eq=False)
class Shops:
    """Arrays of one length, one place a customer, in the order in which they came.

    `joined` is the day and part of it of the first order, `gone` that of leaving (the number of
    days simulated where they stayed); `rate` orders a year after the first, `size` a factor on
    amounts.
    """

    ids: NDArray[np.str_]
    joined: Floats
    gone: Floats
    rate: Floats
    size: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def id_of(self, who: Whole) -> Text:
        """The column `customer_id` for these places."""
        return Text(who, self.ids)

    def while_here(self, who: Whole, at: NDArray[Any]) -> Floats:
        """These moments, or the customer's first or last one if they lie outside."""
        last = np.nextafter(self.gone, 0.0)[who]
        within: Floats = np.minimum(np.maximum(at, self.joined[who]), last)
        return within


@dataclass(frozen=True, eq=False)
class Moments:
    """Arrays of one length in the order of time: who, and the day and part of it."""

    who: NDArray[np.int32]
    at: Floats

    @property
    def day(self) -> NDArray[np.int64]:
        """The day of each."""
        return self.at.astype(np.int64)

    def take(self, rows: NDArray[np.bool_]) -> Moments:
        """Some of them."""
        return Moments(self.who[rows], self.at[rows])


def draw_shops(count: int, window: SimulatedDays) -> Shops:
    """Customers who all still stay: arrivals follow the season, everything else is independent."""
    rng = window.stream(_ROOM)
    return Shops(
        ids=numbered_ids("W", count, digits=6),
        joined=window.when_busy(np.sort(rng.random(count)) * window.busy[-1]),
        gone=np.full(count, float(window.n_days)),
        rate=rng.gamma(ORDERS_SHAPE, ORDERS_A_YEAR / ORDERS_SHAPE, count),
        size=np.exp(SHOP_SPREAD * rng.standard_normal(count)),
    )


def random_moments(rng: np.random.Generator, shops: Shops, a_day: float) -> Moments:
    """A Poisson process for each customer from the first to the last moment, all at one rate."""
    here = shops.gone - shops.joined
    who = np.repeat(np.arange(len(shops), dtype=np.int32), rng.poisson(a_day * here))
    at = shops.while_here(who, shops.joined[who] + rng.random(len(who)) * here[who])
    return moments_in_time(who, at)


def moments_in_time(who: NDArray[np.int32], at: Floats) -> Moments:
    """The same in the order of time."""
    in_time = np.argsort(at, kind="stable")
    return Moments(who[in_time], at[in_time])


def once_a_day(moments: Moments, n_customers: int) -> Moments:
    """The first of each customer and day."""
    _, first = np.unique(moments.day * n_customers + moments.who, return_index=True)
    rows = np.sort(first)
    return Moments(moments.who[rows], moments.at[rows])
