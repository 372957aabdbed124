"""Subscriptions: terms that are renewed back to back, early, after a pause, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.samples.world import (
    PLAN_MARGIN,
    PLAN_PRICE,
    PLAN_SHARE,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    cents,
    names,
    numbered_ids,
    pick,
    weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.customers import Customers

SUBSCRIBER_SHARE, TRIAL_SHARE, TRIAL_DAYS = 0.30, 0.25, 30
TERM_SHARE = {"91": 0.35, "182": 0.25, "365": 0.40}
"""Days that a term lasts; one drawn anew at each renewal."""
NEXT_SHARE = {"renews": 0.74, "renews early": 0.08, "returns": 0.08, "stops": 0.10}
PRICE_RISE, PLAN_CHANGES, TRIAL_CONVERTS = 1.02, 0.12, 0.6

_ROOM = 7


@dataclass(frozen=True, eq=False)
class _Round:
    """The n-th contracts of those who have one; `end` is the first day out."""

    who: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    plan: NDArray[np.int8]
    price: Floats
    trial: NDArray[np.bool_]

    def take(self, rows: NDArray[Any]) -> _Round:
        return _Round(**{name: column[rows] for name, column in vars(self).items()})


def contracts_table(customers: Customers, window: SimulatedDays) -> Columns:
    """All contracts in the order of their starts."""
    rng = window.stream(_ROOM)
    terms = _all_rounds(rng, customers)
    ends = np.minimum(terms.end, customers.until[terms.who])
    end = window.date(ends)
    end[ends >= window.n_days] = np.datetime64("NaT")
    margin = np.where(terms.trial, -0.25, weights(PLAN_MARGIN)[terms.plan])
    return {
        "customer_id": customers.id_of(terms.who),
        "contract_id": Text(np.arange(len(terms.who)), numbered_ids("K", len(terms.who), digits=6)),
        "start": window.date(terms.start),
        "end": end,
        "sales": np.where(terms.trial, 0.0, cents(terms.price)),
        "profit": cents(cents(terms.price) * margin),
        "plan": Text(terms.plan, names(PLAN_SHARE)),
        "region": customers.region_of(terms.who),
        "is_trial": terms.trial,
    }


def _all_rounds(rng: np.random.Generator, customers: Customers) -> _Round:
    """First contracts, their successors, and so on until nobody has one, in order of start."""
    rounds = [_first_round(rng, customers)]
    while len(rounds[-1].who):
        following = _next_round(rng, rounds[-1])
        rounds.append(following.take(following.start < customers.until[following.who]))
    parts = [vars(one) for one in rounds]
    every = _Round(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    in_time = np.lexsort((every.who, every.start))
    return every.take(in_time)


def _first_round(rng: np.random.Generator, customers: Customers) -> _Round:
    subscribes = rng.random(len(customers)) < SUBSCRIBER_SHARE
    start = customers.joined + rng.exponential(60.0, len(customers))
    who = np.flatnonzero(subscribes & (start < customers.until)).astype(np.int32)
    plan = pick(rng, PLAN_SHARE, len(who))
    trial = rng.random(len(who)) < TRIAL_SHARE
    day = np.floor(start[who]).astype(np.int64)
    return _Round(
        who=who,
        start=day,
        end=day + np.where(trial, TRIAL_DAYS, _drawn_terms(rng, len(who))),
        plan=plan,
        price=weights(PLAN_PRICE)[plan] * np.exp(0.2 * rng.standard_normal(len(who))),
        trial=trial,
    )


def _next_round(rng: np.random.Generator, last: _Round) -> _Round:
    size = len(last.who)
    way = pick(rng, NEXT_SHARE, size)
    pause = np.array([[0, 0], [-40, -10], [30, 240], [0, 0]])[way]
    start = last.end + np.where(last.trial, 0, rng.integers(pause[:, 0], pause[:, 1] + 1))
    goes_on = np.where(last.trial, rng.random(size) < TRIAL_CONVERTS, way < 3)
    plan = np.where(rng.random(size) < PLAN_CHANGES, pick(rng, PLAN_SHARE, size), last.plan)
    moved = weights(PLAN_PRICE)[plan] / weights(PLAN_PRICE)[last.plan]
    rise = np.where(last.trial, 1.0, PRICE_RISE)
    renewed = _Round(
        who=last.who,
        start=start,
        end=start + _drawn_terms(rng, size),
        plan=plan,
        price=last.price * moved * rise,
        trial=np.zeros(size, dtype=np.bool_),
    )
    return renewed.take(goes_on)


def _drawn_terms(rng: np.random.Generator, size: int) -> NDArray[np.int64]:
    return names(TERM_SHARE).astype(np.int64)[pick(rng, TERM_SHARE, size)]
