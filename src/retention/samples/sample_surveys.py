"""What customers answer when they are asked: satisfaction falls before they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.samples.world import (
    DAYS_A_YEAR,
    REASONS,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    numbered_ids,
    seconds_when_open,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.customers import Customers

INVITATIONS_A_YEAR, ANSWERED_SHARE = 1.0, 0.45
USUAL, FALL, FALL_DAYS = 4.0, 1.5, 120.0
"""Mean satisfaction, and by how much it falls over the last days before leaving."""

_ROOM = 8


def surveys_table(customers: Customers, window: SimulatedDays) -> Columns:
    """One row per invitation, in the order of time; the scores are null where nobody answered."""
    rng = window.stream(_ROOM)
    here = customers.until - customers.joined
    who = np.repeat(
        np.arange(len(customers), dtype=np.int32),
        rng.poisson(INVITATIONS_A_YEAR / DAYS_A_YEAR * here),
    )
    at = customers.joined[who] + rng.random(len(who)) * here[who]
    in_time = np.argsort(at, kind="stable")
    who, at = (
        who[in_time],
        np.minimum(at[in_time], np.nextafter(customers.until, 0.0)[who[in_time]]),
    )
    mood = _mood(rng, customers, who, at)
    answered = rng.random(len(who)) < ANSWERED_SHARE
    scores = {
        name: np.where(answered, score, np.nan) for name, score in scores_of_mood(rng, mood).items()
    }
    priced_out = customers.reason[who] == REASONS.index("pricing")
    scores["value_for_money"] -= priced_out & (scores["value_for_money"] > 1)
    return {
        "survey_id": Text(np.arange(len(who)), numbered_ids("V", len(who), digits=6)),
        "customer_id": customers.id_of(who),
        "date": window.stamp(seconds_when_open(at)),
        "answered": answered,
        **scores,
    }


def _mood(
    rng: np.random.Generator, customers: Customers, who: NDArray[np.int32], at: Floats
) -> Floats:
    """The customer's own level, lower the nearer the day of leaving is."""
    own = USUAL + 0.6 * rng.standard_normal(len(customers))
    to_go = customers.until[who] - at
    leaves = customers.reason[who] >= 0
    mood: Floats = own[who] - FALL * leaves * np.clip(1 - to_go / FALL_DAYS, 0, 1)
    return mood


def scores_of_mood(rng: np.random.Generator, mood: Floats) -> dict[str, Floats]:
    """Whole-number answers, each with noise of its own around the mood."""
    five = {
        name: np.clip(np.rint(mood + 0.5 * rng.standard_normal(len(mood))), 1, 5)
        for name in ("satisfaction", "value_for_money", "repeat_intention")
    }
    ten = np.clip(np.rint(2.4 * mood - 1.8 + rng.standard_normal(len(mood))), 0, 10)
    return {**five, "recommend": ten}
