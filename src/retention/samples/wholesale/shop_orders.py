"""Deliveries to shops: when, of what and for how much; fewer and narrower while a shop slows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.samples.wholesale.shops import Moments, moments_in_time
from retention.samples.wholesale.wholesale_world import (
    LINE_ADDED,
    LINE_MARGIN,
    LINE_PRICE,
    LINE_SHARE,
    NARROWED_SHARE,
    SLOWED_SHARE,
)
from retention.samples.world import (
    DAYS_A_YEAR,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    cents,
    names,
    numbered_ids,
    pick,
    seconds_when_open,
    weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.wholesale.shop_signs import Signs
    from retention.samples.wholesale.shops import Shops

_TIMES_ROOM, _LINES_ROOM = 24, 25


@dataclass(frozen=True, eq=False)
class Deliveries:
    """When each order was, and its lines: the place of their order, what, and money."""

    orders: Moments
    order: NDArray[np.int32]
    category: NDArray[np.int8]
    sales: Floats
    profit: Floats


def draw_deliveries(shops: Shops, signs: Signs, window: SimulatedDays) -> Deliveries:
    """Every order in the order of time, with its lines."""
    orders = _draw_purchases(shops, signs, window)
    rng = window.stream(_LINES_ROOM)
    size = len(orders.who)
    slow = signs.showing("slows", orders.who, orders.at)
    along = weights(LINE_ADDED) * np.where(slow, NARROWED_SHARE, 1.0)[:, None]
    basket = rng.random(along.shape, dtype=np.float32) < along
    basket[np.arange(size), pick(rng, LINE_SHARE, size)] = True
    order, category = (place.astype(np.int32) for place in np.nonzero(basket))
    noise = np.exp(0.35 * rng.standard_normal(len(order), dtype=np.float32))
    price = weights(LINE_PRICE)[category] * shops.size[orders.who[order]]
    sales = cents(np.maximum(price * noise, 1.0))
    wobble = 0.03 * rng.standard_normal(len(order), dtype=np.float32)
    profit = cents(sales * (weights(LINE_MARGIN)[category] + wobble))
    return Deliveries(orders, order, category.astype(np.int8), sales, profit)


def _draw_purchases(shops: Shops, signs: Signs, window: SimulatedDays) -> Moments:
    """All that there would be at the usual rate, of which a slowing customer leaves most out."""
    rng = window.stream(_TIMES_ROOM)
    first, last = window.busy_at(shops.joined), window.busy_at(shops.gone)
    count = 1 + rng.poisson(shops.rate / DAYS_A_YEAR * (last - first))
    who = np.repeat(np.arange(len(shops), dtype=np.int32), count)
    passed = rng.random(len(who))
    start = np.cumsum(count) - count
    passed[start] = 0.0  # the first order is the arrival itself
    at = shops.while_here(who, window.when_busy(first[who] + passed * (last - first)[who]))
    kept = ~signs.showing("slows", who, at) | (rng.random(len(who)) < SLOWED_SHARE)
    kept[start] = True
    return moments_in_time(who[kept], at[kept])


def shop_orders_table(shops: Shops, made: Deliveries, window: SimulatedDays) -> Columns:
    """The order lines."""
    orders, order = made.orders, made.order
    return {
        "order_id": Text(order, numbered_ids("O", len(orders.who), digits=8)),
        "customer_id": shops.id_of(orders.who[order]),
        "date": window.stamp(seconds_when_open(orders.at)[order]),
        "category": Text(made.category, names(LINE_SHARE)),
        "sales": made.sales,
        "profit": made.profit,
    }
