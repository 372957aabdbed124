"""Branches, who works in them, and which customers brought others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.samples.world import (
    BRANCH_LEANING,
    BRANCH_SHARE,
    CHANNEL_HAZARD,
    CUSTOMERS_A_JOB,
    DAYS_A_YEAR,
    FEWEST_JOBS,
    LATER_DAYS,
    LATER_REFERRALS,
    REFERRED_SHARE,
    REGION_SHARE,
    STAFF_LEAVING_A_YEAR,
    VACANT_DAYS,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    Whole,
    names,
    numbered_ids,
    weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.customers import Customers

_BRANCH_ROOM, _STAFF_ROOM, _REFERRAL_ROOM = 12, 13, 14
_TRIES = 200
"""How often a referrer is sought among those who came before; most are found at once."""


def branches_table(customers: Customers, window: SimulatedDays) -> Columns:
    """Which branch serves each customer."""
    everyone = np.arange(len(customers))
    place = branch_of_customers(customers, window)
    return {"customer_id": customers.id_of(everyone), "branch": Text(place, _branch_names())}


def branch_of_customers(customers: Customers, window: SimulatedDays) -> Whole:
    """A branch of the home region; some draw more of those who are likelier to leave."""
    share, leaning = weights(BRANCH_SHARE), weights(BRANCH_LEANING)
    chance = share * weights(CHANNEL_HAZARD)[:, None] ** (2 * leaning)
    edges = np.cumsum(chance / chance.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    drawn = window.stream(_BRANCH_ROOM).random(len(customers))
    local = (drawn[:, None] >= edges[customers.channel]).sum(axis=1)
    place: Whole = customers.region.astype(np.int64) * len(share) + local
    return place


def staff_table(customers: Customers, window: SimulatedDays) -> Columns:
    """Who held which job from when to when: each is filled on the first day, and again when left.

    The hazard of an employee is that of the firm's staff times the mean hazard of the branch's
    customers over the firm's: where customers do not stay, nor does who serves them.
    """
    rng = window.stream(_STAFF_ROOM)
    place = branch_of_customers(customers, window)
    n_branches = len(_branch_names())
    n_served = np.bincount(place, minlength=n_branches)
    mean = np.bincount(place, customers.hazard, n_branches) / np.maximum(n_served, 1)
    hazard = STAFF_LEAVING_A_YEAR * mean / customers.hazard.mean()
    n_jobs = np.maximum(FEWEST_JOBS, np.rint(n_served / CUSTOMERS_A_JOB).astype(np.int64))
    n_jobs[n_served == 0] = 0
    branch, start, end = _holders_of_jobs(rng, np.repeat(np.arange(n_branches), n_jobs), hazard,
                                          window)  # fmt: skip
    in_time = np.lexsort((branch, start))
    branch, start, end = branch[in_time], start[in_time], end[in_time]
    gone = window.date(np.minimum(end, window.n_days))
    gone[end >= window.n_days] = np.datetime64("NaT")
    return {
        "employee": Text(np.arange(len(branch)), numbered_ids("E", len(branch), digits=5)),
        "branch": Text(branch, _branch_names()),
        "start": window.date(start),
        "end": gone,
    }


def _holders_of_jobs(
    rng: np.random.Generator, jobs: Whole, hazard: Floats, window: SimulatedDays
) -> tuple[Whole, Whole, Whole]:
    """Branch, first day and first day out of all who held one of the jobs, one after another."""
    start, found = np.zeros(jobs.size, dtype=np.int64), []
    while jobs.size:
        lasts = rng.exponential(size=jobs.size) * DAYS_A_YEAR / hazard[jobs]
        end = start + 1 + lasts.astype(np.int64)
        found.append((jobs, start, end))
        again = end + rng.exponential(VACANT_DAYS, jobs.size).astype(np.int64)
        goes_on = again < window.n_days
        jobs, start = jobs[goes_on], again[goes_on]
    branch, first, last = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return branch, first, last


def referrals_table(customers: Customers, window: SimulatedDays) -> Columns:
    """Who was sent by whom, on the day of the first order of the one who was sent."""
    rng = window.stream(_REFERRAL_ROOM)
    sent = np.flatnonzero(rng.random(len(customers)) < REFERRED_SHARE)
    by = _referrers(rng, customers, sent)
    sent, by = sent[by >= 0], by[by >= 0]
    return {
        "customer_id": customers.id_of(by),
        "referred_id": customers.id_of(sent),
        "date": window.date(customers.joined[sent].astype(np.int64)),
    }


def _referrers(rng: np.random.Generator, customers: Customers, sent: NDArray[Any]) -> Whole:
    """For each of these newcomers somebody who is a customer on that day; -1 where nobody was."""
    by = np.full(sent.size, -1, dtype=np.int64)
    day = np.floor(customers.joined[sent])
    open_ = np.flatnonzero(sent > 0)
    for _ in range(_TRIES):
        if not open_.size:
            break
        who = (rng.random(open_.size) * sent[open_]).astype(np.int64)
        here = customers.until[who] > day[open_]
        late = day[open_] - np.floor(customers.joined[who]) >= LATER_DAYS
        taken = here & (rng.random(open_.size) < np.where(late, 1.0, 1 / LATER_REFERRALS))
        by[open_[taken]] = who[taken]
        open_ = open_[~taken]
    return by


def _branch_names() -> NDArray[np.str_]:
    return np.array([f"{region} {one}" for region in names(REGION_SHARE) for one in BRANCH_SHARE])
