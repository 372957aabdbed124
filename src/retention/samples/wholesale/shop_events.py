"""What is noted of customers beside orders: events, offers made to them, and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.samples.wholesale.shop_invoices import date_if_seen
from retention.samples.wholesale.shops import Moments, once_a_day, random_moments
from retention.samples.wholesale.wholesale_world import (
    CALL_SHARE,
    CALLS_A_YEAR,
    LEARNT_DAYS,
    LEARNT_LATER_SHARE,
    LOGINS_A_YEAR,
    MOVES_A_YEAR,
    NEW_BUYERS_A_YEAR,
    NOTED_SHARE,
    OFFERS_A_YEAR,
    RESPONSE_DAYS,
    RESPONSE_SHARE,
    SLOWED_SHARE,
)
from retention.samples.world import (
    DAYS_A_YEAR,
    Columns,
    SimulatedDays,
    Text,
    names,
    pick,
    seconds_when_open,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.wholesale.shop_signs import Signs
    from retention.samples.wholesale.shops import Shops

_EVENTS_ROOM, _OFFERS_ROOM, _CALLS_ROOM = 27, 28, 29
_EVENTS = ("store closed", "moved", "new buyer", "login")
_LEARNT_LATER = 2
"""The first so many of these may be learnt later."""


def events_table(shops: Shops, signs: Signs, window: SimulatedDays) -> Columns:
    """All that were known by the end, in the order in which they happened."""
    rng = window.stream(_EVENTS_ROOM)
    event, all_ = _draw_events(rng, shops, signs)
    later = (event < _LEARNT_LATER) & (rng.random(len(event)) < LEARNT_LATER_SHARE)
    delay = 1 + rng.exponential(LEARNT_DAYS, len(event)).astype(np.int64)
    learnt = all_.day + np.where(later, delay, 0)
    rows = learnt < window.n_days
    who, at, event, later = all_.who[rows], all_.at[rows], event[rows], later[rows]
    timed = np.where(
        event == _EVENTS.index("login"), seconds_when_open(at), all_.day[rows] * 86_400
    )
    return {
        "customer_id": shops.id_of(who),
        "date": window.stamp(timed),
        "event": Text(event, np.array(_EVENTS)),
        "known": date_if_seen(np.where(later, learnt[rows], window.n_days), window),
    }


def _draw_events(
    rng: np.random.Generator, shops: Shops, signs: Signs
) -> tuple[NDArray[np.int8], Moments]:
    """What happened, as places in `_EVENTS`, and when: logins to the second, the others by day."""
    closings = signs.of_kind("store_closes")
    noted = [
        Moments(closings.who, closings.began),
        random_moments(rng, shops, MOVES_A_YEAR / DAYS_A_YEAR),
        random_moments(rng, shops, NEW_BUYERS_A_YEAR / DAYS_A_YEAR),
    ]
    drawn = [Moments(each.who, np.floor(each.at)) for each in noted]
    drawn = [once_a_day(each, len(shops)) for each in [*drawn, _draw_logins(rng, shops, signs)]]
    event = np.repeat(np.arange(len(drawn), dtype=np.int8), [len(each.who) for each in drawn])
    who, at = (np.concatenate([getattr(each, name) for each in drawn]) for name in ("who", "at"))
    in_time = np.argsort(at, kind="stable")
    return event[in_time], Moments(who[in_time], at[in_time])


def _draw_logins(rng: np.random.Generator, shops: Shops, signs: Signs) -> Moments:
    logins = random_moments(rng, shops, LOGINS_A_YEAR / DAYS_A_YEAR)
    return logins.take(_goes_on(rng, signs, logins))


def _goes_on(rng: np.random.Generator, signs: Signs, moments: Moments) -> NDArray[np.bool_]:
    """Whether a customer does what they would if they did not slow."""
    slow = signs.showing("slows", moments.who, moments.at)
    return ~slow | (rng.random(len(moments.who)) < SLOWED_SHARE)


def offers_table(shops: Shops, signs: Signs, window: SimulatedDays) -> Columns:
    """Offers in the order of time, and when they were answered."""
    rng = window.stream(_OFFERS_ROOM)
    made = once_a_day(random_moments(rng, shops, OFFERS_A_YEAR / DAYS_A_YEAR), len(shops))
    size = len(made.who)
    responds = (rng.random(size) < RESPONSE_SHARE) & _goes_on(rng, signs, made)
    answered = made.day + 1 + rng.exponential(RESPONSE_DAYS, size).astype(np.int64)
    responds &= answered < shops.gone[made.who]
    return {
        "customer_id": shops.id_of(made.who),
        "date": window.date(made.day),
        "responded": date_if_seen(np.where(responds, answered, window.n_days), window),
    }


def calls_table(shops: Shops, window: SimulatedDays) -> Columns:
    """The times somebody of the firm got in touch, in the order of time."""
    rng = window.stream(_CALLS_ROOM)
    made = once_a_day(random_moments(rng, shops, CALLS_A_YEAR / DAYS_A_YEAR), len(shops))
    outcome = pick(rng, CALL_SHARE, len(made.who))
    noted = rng.random(len(made.who)) < NOTED_SHARE
    return {
        "customer_id": shops.id_of(made.who),
        "date": window.date(made.day),
        "outcome": Text(np.where(noted, outcome, -1), names(CALL_SHARE)),
    }
