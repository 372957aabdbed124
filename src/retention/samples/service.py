"""Service contacts, and who leaves: each bad contact adds to the hazard of leaving for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retention.samples.world import (
    CALM_REASONS,
    DAYS_A_YEAR,
    REASONS,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    names,
    numbered_ids,
    pick,
    seconds_when_open,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.customers import Customers

CONTACTS_A_YEAR = 0.6
TOPIC_SHARE = {"delivery": 0.35, "billing": 0.20, "advice": 0.20, "repair": 0.25}
SLOW_HOURS, LONG_HOURS = 24.0, 168.0
UPSET_HAZARD, UPSET_DAYS = 8.0, 90.0
"""A bad contact adds eight times the customer's own hazard for ninety days."""

_CONTACTS_ROOM, _LEAVING_ROOM = 2, 3


@dataclass(frozen=True, eq=False)
class Contacts:
    """Arrays of one length, one place a contact: whose, when, and hours to answer and to solve."""

    who: NDArray[np.int32]
    at: Floats
    topic: NDArray[np.int8]
    answer: Floats
    solution: Floats
    right_first_time: NDArray[np.bool_]

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Answered after more than a day, or solved after more than a week."""
        return (self.answer > SLOW_HOURS) | (self.solution > LONG_HOURS)

    def take(self, rows: NDArray[np.bool_]) -> Contacts:
        """Some of the contacts."""
        return Contacts(**{name: column[rows] for name, column in vars(self).items()})


def draw_contacts(customers: Customers, window: SimulatedDays) -> Contacts:
    """Every contact there would be if nobody left, in the order of time."""
    rng = window.stream(_CONTACTS_ROOM)
    here = window.n_days - customers.joined
    count = rng.poisson(CONTACTS_A_YEAR / DAYS_A_YEAR * here)
    who = np.repeat(np.arange(len(customers), dtype=np.int32), count)
    at = customers.joined[who] + rng.random(len(who)) * here[who]
    in_time = np.argsort(at, kind="stable")
    answer = _drawn_hours(rng, 6.0, 1.3, len(who))
    return Contacts(
        who=who[in_time],
        at=at[in_time],
        topic=pick(rng, TOPIC_SHARE, len(who)),
        answer=answer,
        solution=answer + _drawn_hours(rng, 30.0, 1.4, len(who)),
        right_first_time=rng.random(len(who)) < np.where(answer > SLOW_HOURS, 0.5, 0.82),
    )


def let_leave(
    customers: Customers, contacts: Contacts, window: SimulatedDays
) -> tuple[Customers, Contacts]:
    """Everyone's last day and reason, and the contacts that still took place.

    The first of independent waiting times wins, one from the customer's own hazard and one from
    each bad contact while it rankles; the sum of hazards is what that amounts to.
    """
    rng = window.stream(_LEAVING_ROOM)
    own = customers.joined + rng.exponential(size=len(customers)) * DAYS_A_YEAR / customers.hazard
    driven = _days_driven_away(rng, customers, contacts)
    leaves = own.copy()
    np.minimum.at(leaves, contacts.who, driven)
    reason = _calm_reasons(rng, customers)
    decisive = contacts.take(driven == leaves[contacts.who])
    reason[decisive.who] = _upset_reasons(rng, decisive)
    until = np.minimum(np.floor(leaves) + 1, window.n_days).astype(np.int32)
    reason[until == window.n_days] = -1
    return replace(customers, until=until, reason=reason), contacts.take(
        contacts.at < until[contacts.who]
    )


def contacts_table(customers: Customers, contacts: Contacts, window: SimulatedDays) -> Columns:
    """The service desk's log as it stands at the end: later answers and solutions are not in it."""
    hours_seen = (window.n_days - contacts.at) * 24
    resolved = contacts.solution < hours_seen
    return {
        "contact_id": Text(np.arange(len(contacts.who)), numbered_ids("S", len(contacts.who), 6)),
        "customer_id": customers.id_of(contacts.who),
        "date": window.stamp(seconds_when_open(contacts.at)),
        "topic": Text(contacts.topic, names(TOPIC_SHARE)),
        "first_response_hours": np.where(contacts.answer < hours_seen, contacts.answer, np.nan),
        "resolved": resolved,
        "resolution_hours": np.where(resolved, contacts.solution, np.nan),
        "right_first_time": contacts.right_first_time,
    }


def _drawn_hours(rng: np.random.Generator, median: float, spread: float, size: int) -> Floats:
    hours: Floats = np.round(median * np.exp(spread * rng.standard_normal(size)), 1)
    return hours


def _days_driven_away(rng: np.random.Generator, customers: Customers, contacts: Contacts) -> Floats:
    """When each contact alone would make its customer leave; infinite where it would not."""
    hazard = UPSET_HAZARD * customers.hazard[contacts.who] / DAYS_A_YEAR
    patience = rng.exponential(size=len(hazard)) / hazard
    return np.where(contacts.bad & (patience < UPSET_DAYS), contacts.at + patience, np.inf)


def _calm_reasons(rng: np.random.Generator, customers: Customers) -> NDArray[np.int8]:
    edges = np.cumsum(list(CALM_REASONS.values()), axis=1)[:, :-1]
    draw = rng.random(len(customers))
    reason: NDArray[np.int8] = (draw[:, None] >= edges[customers.channel]).sum(
        axis=1, dtype=np.int8
    )
    return reason


def _upset_reasons(rng: np.random.Generator, decisive: Contacts) -> NDArray[np.int8]:
    """The failure itself, or else what followed: left waiting for an answer, or for a solution."""
    followed = np.where(
        decisive.solution > LONG_HOURS,
        REASONS.index("response_to_failure"),
        REASONS.index("service_encounter_failure"),
    )
    failed = rng.random(len(decisive.who)) < 0.4
    return np.where(failed, REASONS.index("core_service_failure"), followed).astype(np.int8)
