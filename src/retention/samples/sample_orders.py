"""Order lines: who bought what, when, where and for how much, and what was sent back later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.samples.world import (
    CATEGORY_ADDED,
    CATEGORY_MARGIN,
    CATEGORY_PRICE,
    CATEGORY_SHARE,
    CHANNEL_SHARE,
    DAYS_A_YEAR,
    OTHER_CHANNEL_ORDERS,
    REFUND_DAYS,
    REFUNDED_ORDERS,
    REGION_SHARE,
    ROAMING_ORDERS,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    cents,
    names,
    numbered_ids,
    pick,
    relettered_ids,
    seconds_when_open,
    weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.customers import Customers

_TIMES_ROOM, _LINES_ROOM, _REFUNDS_ROOM = 4, 5, 6


@dataclass(frozen=True, eq=False)
class _Orders:
    """One place an order, in the order of time; `second` since the window opened."""

    who: NDArray[np.int32]
    second: NDArray[np.int64]
    region: NDArray[np.int8]
    channel: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class _Lines:
    """One place an order line; `order` is the place of its order."""

    order: NDArray[np.int32]
    category: NDArray[np.int8]
    sales: Floats
    profit: Floats


def orders_table(customers: Customers, window: SimulatedDays) -> Columns:
    """All order lines, refunds among them, in the order of time."""
    orders = _draw_orders(customers, window)
    lines = _draw_lines(orders, customers, window)
    sent_back, refunded_at = _draw_refunds(orders, customers, window)
    back = np.flatnonzero(sent_back[lines.order])
    second = np.concatenate([orders.second[lines.order], refunded_at[lines.order[back]]])
    row = np.concatenate([np.arange(len(lines.order)), back])
    refund = np.arange(len(row)) >= len(lines.order)
    in_time = np.argsort(second, kind="stable")
    row, refund = row[in_time], refund[in_time]
    order, sign = lines.order[row], np.where(refund, -1.0, 1.0)
    who = orders.who[order]
    return {
        "order_id": _order_ids(order, refund, sent_back),
        "customer_id": customers.id_of(who),
        "date": window.stamp(second[in_time]),
        "category": Text(lines.category[row], names(CATEGORY_SHARE)),
        "region": Text(orders.region[order], names(REGION_SHARE)),
        "channel": Text(orders.channel[order], names(CHANNEL_SHARE)),
        "sales": sign * lines.sales[row],
        "profit": sign * lines.profit[row] + 0.0,  # never -0.0
    }


def _draw_orders(customers: Customers, window: SimulatedDays) -> _Orders:
    rng = window.stream(_TIMES_ROOM)
    first, last = window.busy_at(customers.joined), window.busy_at(customers.until)
    count = 1 + rng.poisson(customers.rate / DAYS_A_YEAR * (last - first))
    who = np.repeat(np.arange(len(customers), dtype=np.int32), count)
    passed = rng.random(len(who))
    passed[np.cumsum(count) - count] = 0.0  # the first order is the arrival itself
    second = _order_seconds(first[who] + passed * (last - first)[who], who, customers, window)
    in_time = np.argsort(second, kind="stable")
    who = who[in_time]
    strays = customers.roams[who] & (rng.random(len(who)) < ROAMING_ORDERS)
    elsewhere = rng.random(len(who)) < OTHER_CHANNEL_ORDERS
    return _Orders(
        who=who,
        second=second[in_time],
        region=np.where(strays, pick(rng, REGION_SHARE, len(who)), customers.region[who]),
        channel=np.where(elsewhere, pick(rng, CHANNEL_SHARE, len(who)), customers.channel[who]),
    )


def _order_seconds(
    busy: Floats, who: NDArray[np.int32], customers: Customers, window: SimulatedDays
) -> NDArray[np.int64]:
    """The seconds of orders; rounding must not carry one outside its customer's days."""
    at = window.when_busy(busy)
    np.maximum(at, customers.joined[who], out=at)
    np.minimum(at, np.nextafter(customers.until, 0.0)[who], out=at)
    return seconds_when_open(at)


def _draw_lines(orders: _Orders, customers: Customers, window: SimulatedDays) -> _Lines:
    """Each order's own category and what was taken along: never one category twice."""
    rng = window.stream(_LINES_ROOM)
    size = len(orders.who)
    basket = rng.random((size, len(CATEGORY_ADDED)), dtype=np.float32) < weights(CATEGORY_ADDED)
    basket[np.arange(size), pick(rng, CATEGORY_SHARE, size)] = True
    order, category = (place.astype(np.int32) for place in np.nonzero(basket))
    noise = np.exp(0.45 * rng.standard_normal(len(order), dtype=np.float32))
    level = customers.spend[orders.who[order]]
    sales = cents(np.maximum(weights(CATEGORY_PRICE)[category] * level * noise, 0.5))
    wobble = 0.08 * rng.standard_normal(len(order), dtype=np.float32)
    profit = cents(sales * (weights(CATEGORY_MARGIN)[category] + wobble))
    return _Lines(order, category.astype(np.int8), sales, profit)


def _draw_refunds(
    orders: _Orders, customers: Customers, window: SimulatedDays
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which orders were sent back as a whole, and when; nobody does so after having left."""
    rng = window.stream(_REFUNDS_ROOM)
    sent_back = rng.random(len(orders.who)) < REFUNDED_ORDERS
    days = 1 + rng.exponential(REFUND_DAYS, int(sent_back.sum())).astype(np.int64)
    at = orders.second.copy()
    at[sent_back] += days * 86_400
    sent_back &= at // 86_400 < customers.until[orders.who]
    return sent_back, at


def _order_ids(
    order: NDArray[np.int32], refund: NDArray[np.bool_], sent_back: NDArray[np.bool_]
) -> Text:
    """O00000001, and R00000001 for the refund of that order."""
    bought = numbered_ids("O", len(sent_back), digits=8)
    returned = relettered_ids(bought[sent_back], "R")
    place = np.cumsum(sent_back) - 1 + len(bought)
    return Text(np.where(refund, place[order], order), np.concatenate([bought, returned]))
