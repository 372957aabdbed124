"""Invoices: one for each day on which a customer was delivered to, and when it was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.samples.wholesale.wholesale_world import (
    LATE_DAYS,
    OVERDUE_DAYS,
    QUERIED_SHARE,
    QUERIED_UNHAPPY_SHARE,
    TARDY_DAYS,
    TARDY_SHARE,
    TERM_DAYS,
)
from retention.samples.world import Columns, Floats, SimulatedDays, Whole, cents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.wholesale.shop_orders import Deliveries
    from retention.samples.wholesale.shop_signs import Signs
    from retention.samples.wholesale.shops import Shops

_ROOM = 26


def invoices_table(shops: Shops, signs: Signs, made: Deliveries, window: SimulatedDays) -> Columns:
    """All invoices in the order of time; what is paid or questioned after the end is open."""
    rng = window.stream(_ROOM)
    who, day, amount = _daily_sales(made, len(shops))
    due = day + TERM_DAYS
    paid = _paid_days(rng, day, signs.showing("pays_late", who, shops.while_here(who, due)))
    unhappy = signs.showing("unhappy", who, shops.while_here(who, day))
    share = np.where(unhappy, QUERIED_UNHAPPY_SHARE, QUERIED_SHARE)
    queried = np.minimum(day + 1 + rng.integers(0, 10, len(who)), paid)
    queried[rng.random(len(who)) >= share] = window.n_days
    return {
        "customer_id": shops.id_of(who),
        "date": window.date(day),
        "due": window.date(due),
        "paid": date_if_seen(paid, window),
        "amount": amount,
        "queried": date_if_seen(queried, window),
    }


def _daily_sales(made: Deliveries, n_customers: int) -> tuple[Whole, Whole, Floats]:
    """Who was delivered to on which day, and for how much in all."""
    key = (made.orders.day * n_customers + made.orders.who)[made.order]
    days, place = np.unique(key, return_inverse=True)
    return days % n_customers, days // n_customers, cents(np.bincount(place, made.sales))


def _paid_days(rng: np.random.Generator, day: Whole, late: NDArray[np.bool_]) -> Whole:
    """The day of payment: within the term, a few days later, or much later."""
    size = len(day)
    usual = 1 + rng.integers(0, TERM_DAYS, size)
    tardy = TERM_DAYS + 1 + rng.integers(0, TARDY_DAYS, size)
    overdue = TERM_DAYS + OVERDUE_DAYS + rng.exponential(LATE_DAYS, size).astype(np.int64)
    in_time = np.where(rng.random(size) < TARDY_SHARE, tardy, usual)
    paid: Whole = day + np.where(late, overdue, in_time)
    return paid


def date_if_seen(day: Whole, window: SimulatedDays) -> NDArray[np.datetime64]:
    """These days, null where they are after the last."""
    dates = window.date(np.minimum(day, window.n_days))
    dates[day >= window.n_days] = np.datetime64("NaT")
    return dates
