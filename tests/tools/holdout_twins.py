"""Holdouts and offers for the tests, and what a list would have brought, in sets and loops."""

from __future__ import annotations

import pandas as pd
from hypothesis import strategies as st

from retention.targeting import Offer

PUBLISHED = {"making": 1, "taking": 10, "success": 0.3, "stayers_taking": 1, "stayers_lost": 0}
TIME = 4

EIGHT = pd.DataFrame({
    "duration": [9, 1] * 4, "churned": [False, True] * 4,
    "risk": [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9],
})  # fmt: skip
"""The authority's: y = 0 1 0 1 0 1 0 1 by rising score."""

histories = st.lists(
    st.tuples(
        st.integers(1, 7),
        st.booleans(),
        st.integers(0, 4).map(lambda n: n / 4),
        st.integers(0, 800).map(lambda n: n / 4),
        st.integers(1, 3),
        st.sampled_from("ab"),
    ),
    min_size=1,
    max_size=9,
)
"""Customers, as (duration, churned, risk, worth, how many there are, stratum)."""


def offered(**changed):
    """The offer of the published studies, with some numbers changed."""
    return Offer(**PUBLISHED | changed)


def holdout(rows):
    """The table of some histories."""
    names = ["duration", "churned", "risk", "worth", "n_spells", "plan"]
    return pd.DataFrame(rows, columns=names)


def chance_uncensored(people, time, *, before):
    """G(t−) or G(t), from who was at risk of being censored at each duration, one by one."""
    chance = 1.0
    for now in sorted({duration for duration, _ in people}):
        if now < time or (now == time and not before):
            at_risk = [p for p in people if p[0] >= now and not (p[0] == now and p[1])]
            censored = [p for p in people if p[0] == now and not p[1]]
            if at_risk:
                chance *= 1 - len(censored) / len(at_risk)
    return chance


def weight_by_definition(person, people, time):
    """1/G(T−) of one who left by then, 1/G(time) of one who went on, 0 of one censored."""
    duration, churned = person
    if duration > time:
        return 1 / chance_uncensored(people, time, before=False)
    return 1 / chance_uncensored(people, duration, before=True) if churned else 0.0


def profit_by_definition(rows, offer, time, least, *, strata=False):
    """What an offer to those of a risk of `least` or more would have brought, a customer.

    Args:
        rows: histories.
        offer: with numbers for all.
        time: by when leaving counts.
        least: the lowest risk on the list.
        strata: whether censoring is told apart by the last column.
    """
    people = [row for row in rows for _ in range(row[4])]
    total = 0.0
    for duration, churned, risk, worth, _, plan in people:
        if risk < least:
            continue
        alike = [(p[0], p[1]) for p in people if p[5] == plan or not strata]
        weight = weight_by_definition((duration, churned), alike, time)
        total -= offer.making
        if duration > time:
            kept = (1 - offer.stayers_lost) * offer.stayers_taking * offer.taking
            total -= weight * (kept + offer.stayers_lost * worth)
        elif churned:
            total += weight * offer.success * (worth - offer.taking)
    return total / len(people)


def can_be_weighed(rows, time, *, strata=False):
    """Whether somebody in each stratum is seen beyond the time."""
    plans = {row[5] for row in rows} if strata else {None}
    return all(
        any(row[0] > time and (row[5] == plan or not strata) for row in rows) for plan in plans
    )
