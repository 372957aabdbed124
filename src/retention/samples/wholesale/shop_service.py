"""How customers are served and what they say: worse and less while they are unhappy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.samples.sample_surveys import scores_of_mood
from retention.samples.wholesale.shops import Moments, random_moments
from retention.samples.wholesale.wholesale_world import (
    ANSWER_HOURS,
    ANSWERED_AFTER_HOURS,
    ANSWERING_SHARE,
    ASKED_A_YEAR,
    CONTACTS_UNHAPPY_A_YEAR,
    CONTACTS_WELL_A_YEAR,
    CONTENT,
    ISSUE_SHARE,
    SOLUTION_HOURS,
    UNHAPPY_FALL,
)
from retention.samples.world import (
    DAYS_A_YEAR,
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

    from retention.samples.wholesale.shop_signs import Signs
    from retention.samples.wholesale.shops import Shops

_CONTACTS_ROOM, _SURVEYS_ROOM = 30, 31
_RIGHT_IF_SOON, _RIGHT_IF_LATE = 0.82, 0.5


def shop_contacts_table(shops: Shops, signs: Signs, window: SimulatedDays) -> Columns:
    """The service desk's log as it stands at the end: later answers and solutions are not in it."""
    rng = window.stream(_CONTACTS_ROOM)
    contacts, first = _draw_issues(rng, shops, signs)
    size = len(contacts.who)
    answer = _hours(rng, *ANSWER_HOURS, size)
    late = np.round(ANSWERED_AFTER_HOURS * (1 + rng.exponential(size=size)) + 0.1, 1)
    answer = np.where(first, late, answer)
    solution = answer + _hours(rng, *SOLUTION_HOURS, size)
    right = np.where(answer > ANSWERED_AFTER_HOURS, _RIGHT_IF_LATE, _RIGHT_IF_SOON)
    seen = (window.n_days - contacts.at) * 24
    return {
        "contact_id": Text(np.arange(size), numbered_ids("S", size, digits=6)),
        "customer_id": shops.id_of(contacts.who),
        "date": window.stamp(seconds_when_open(contacts.at)),
        "topic": Text(pick(rng, ISSUE_SHARE, size), names(ISSUE_SHARE)),
        "first_response_hours": np.where(answer < seen, answer, np.nan),
        "resolved": solution < seen,
        "resolution_hours": np.where(solution < seen, solution, np.nan),
        "right_first_time": rng.random(size) < right,
    }


def _draw_issues(
    rng: np.random.Generator, shops: Shops, signs: Signs
) -> tuple[Moments, NDArray[np.bool_]]:
    """When customers get in touch, and whether it is the contact with which unhappiness begins."""
    usual = random_moments(rng, shops, CONTACTS_WELL_A_YEAR / DAYS_A_YEAR)
    more = random_moments(rng, shops, CONTACTS_UNHAPPY_A_YEAR / DAYS_A_YEAR)
    more = more.take(signs.showing("unhappy", more.who, more.at))
    begun = signs.of_kind("unhappy")
    who = np.concatenate([usual.who, more.who, begun.who])
    at = np.concatenate([usual.at, more.at, begun.began])
    first = np.arange(len(who)) >= len(usual.who) + len(more.who)
    in_time = np.argsort(at, kind="stable")
    return Moments(who[in_time], at[in_time]), first[in_time]


def _hours(rng: np.random.Generator, median: float, spread: float, size: int) -> Floats:
    hours: Floats = np.round(median * np.exp(spread * rng.standard_normal(size)), 1)
    return hours


def shop_surveys_table(shops: Shops, signs: Signs, window: SimulatedDays) -> Columns:
    """One row per invitation, in the order of time; the scores are null where nobody answered."""
    rng = window.stream(_SURVEYS_ROOM)
    own = CONTENT + 0.5 * rng.standard_normal(len(shops))
    asked = random_moments(rng, shops, ASKED_A_YEAR / DAYS_A_YEAR)
    size = len(asked.who)
    mood = own[asked.who] - UNHAPPY_FALL * signs.showing("unhappy", asked.who, asked.at)
    answered = rng.random(size) < ANSWERING_SHARE
    return {
        "survey_id": Text(np.arange(size), numbered_ids("V", size, digits=6)),
        "customer_id": shops.id_of(asked.who),
        "date": window.stamp(seconds_when_open(asked.at)),
        "answered": answered,
        **{
            name: np.where(answered, score, np.nan)
            for name, score in scores_of_mood(rng, mood).items()
        },
    }
