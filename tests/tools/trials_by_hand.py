"""Experiments as lists of people, and what became of them by hand: shares, means, sums by cluster.

A person is (arm, day of the assignment, first day, last day or None), days being numbers from
2024-01-01, and what further columns say of them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

import retention as rt

FIRST = pd.Timestamp("2024-01-01")

People = list[tuple[Any, ...]]
Watched = list[tuple[int, bool]]
"""Days from the assignment, and whether the customer left on the last of them."""


def day(number: int) -> pd.Timestamp:
    """The day with this number."""
    return FIRST + pd.Timedelta(days=int(number))


def trial_tables(people: People, as_of: int, **further: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The assignment and the spells of some people."""
    arms = [person[0] for person in people]
    who = [f"c{i:05}" for i in range(len(people))]
    assignment = pd.DataFrame({"customer_id": who, "arm": arms})
    days = pd.Series([day(person[1]) for person in people], dtype="datetime64[us]")
    assignment = assignment.assign(assigned=days, share=1 / len(set(arms)), **further)
    start = pd.Series([day(person[2]) for person in people], dtype="datetime64[us]")
    ends = [pd.NaT if person[3] is None else day(person[3]) for person in people]
    contracts = pd.DataFrame({"customer_id": who, "start": start})
    contracts["end"] = pd.Series(ends, dtype="datetime64[us]")
    return assignment, rt.contract_spells(contracts, as_of=day(as_of), grace=0)


def watched_days(people: People, as_of: int) -> list[tuple[int, bool] | None]:
    """How long each was followed and whether they left; None for one who was no customer then."""
    found: list[tuple[int, bool] | None] = []
    for _, assigned, start, end, *_ in people:
        left = end is not None and end <= as_of
        here = start <= assigned and not (left and end <= assigned)
        found.append(((end if left else as_of) - assigned, left) if here else None)
    return found


def share_staying(watched: Watched, horizon: int, weights: Any = None) -> float:
    """S at the horizon: day after day the share of those at risk that does not leave."""
    w = [1.0] * len(watched) if weights is None else weights
    share = 1.0
    for t in range(horizon + 1):
        at_risk = sum(x for (days, _), x in zip(watched, w, strict=True) if days >= t)
        gone = sum(x for (days, left), x in zip(watched, w, strict=True) if left and days == t)
        share *= 1 - gone / at_risk if at_risk else 1.0
    return share


def days_staying(watched: Watched, horizon: int, weights: Any = None) -> float:
    """The mean stay within the horizon: the sum over its days of the share that reaches them."""
    return sum(share_staying(watched, t, weights) for t in range(horizon))


def greenwood(watched: Watched, horizon: int) -> float:
    """The variance of the share that stays, summed day by day; 0 where nobody left."""
    total = 0.0
    for t in range(horizon + 1):
        at_risk = sum(days >= t for days, _ in watched)
        gone = sum(left and days == t for days, left in watched)
        if gone:
            total += gone / (at_risk * (at_risk - gone))
    return share_staying(watched, horizon) ** 2 * total


def variance_of_days(watched: Watched, horizon: int) -> float:
    """The variance of the mean stay, with the area after each day summed anew."""
    total = 0.0
    for u in range(horizon):
        at_risk = sum(days >= u for days, _ in watched)
        gone = sum(left and days == u for days, left in watched)
        if gone and at_risk > gone:
            area = sum(share_staying(watched, t) for t in range(u, horizon))
            total += area**2 * gone / (at_risk * (at_risk - gone))
    return total


def known_to(watched: Watched, horizon: int) -> int:
    """How many left by the horizon or were followed to it."""
    return sum(days >= horizon or left for days, left in watched)


def variance_by_cluster(
    watched: Watched, clusters: list[str], strata: list[str], size: dict[str, float], horizon: int
) -> float:
    """The squares of how much each cluster's weight moves the share that stays, each over 1 − p.

    The share is that of each stratum times the `size` of the stratum; the derivative is taken
    numerically, with the sizes as they are. p is the part of the cluster of its stratum.
    """
    names, moved = sorted(set(clusters)), []
    for name in names:
        ends = []
        for step in (1e-4, -1e-4):
            total = 0.0
            for group, weight in size.items():
                mine = [i for i, stratum in enumerate(strata) if stratum == group]
                weights = [1 + step * (clusters[i] == name) for i in mine]
                total += weight * share_staying([watched[i] for i in mine], horizon, weights)
            ends.append(total)
        part = clusters.count(name) / strata.count(strata[clusters.index(name)])
        moved.append(((ends[0] - ends[1]) / 2e-4) ** 2 / (1 - part))
    return float(sum(moved))
