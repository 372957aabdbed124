"""What is seen of the experiment: contracts, arms, orders, what was known; and the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.samples.trials.trial_world import (
    HORIZON,
    LINE_SPREAD,
    MARGIN,
    N_BRANCHES,
    PLANS,
    REGIONS,
    RISK_NOISE,
    UPLIFT_NOISE,
)
from retention.samples.world import (
    Columns,
    SimulatedDays,
    Text,
    cents,
    names,
    numbered_ids,
    pick,
    seconds_when_open,
)

if TYPE_CHECKING:
    from retention.samples.trials.trial_customers import Tried

_KNOWN, _BOUGHT = 43, 44


def trial_contracts_table(tried: Tried, window: SimulatedDays) -> Columns:
    """A contract each; its end is seen up to the last day."""
    end = window.date(tried.ends)
    end[tried.ends >= window.n_days] = np.datetime64("NaT")
    return {"customer_id": tried.customers, "start": window.date(tried.started), "end": end}


def trial_arms_table(tried: Tried, window: SimulatedDays) -> Columns:
    """Who was in which arm, from which day on."""
    return {
        "customer_id": tried.customers,
        "arm": Text(tried.offered.astype(np.int32), np.array(["control", "offer"])),
        "assigned": window.date(tried.assigned),
        "share": np.full(len(tried), 0.5),
    }


def trial_orders_table(tried: Tried, window: SimulatedDays) -> Columns:
    """The orders of the window while the contract runs, in the order of time."""
    rng = window.stream(_BOUGHT)
    first = np.maximum(tried.started, 0).astype(np.float64)
    here = np.minimum(tried.ends, window.n_days) - first
    who = np.repeat(np.arange(len(tried), dtype=np.int32), rng.poisson(tried.rate * here))
    at = first[who] + rng.random(who.size) * here[who]
    order = np.argsort(at, kind="stable")
    who, at = who[order], at[order]
    noise = np.exp(LINE_SPREAD * rng.standard_normal(who.size) - LINE_SPREAD**2 / 2)
    sales = cents(np.maximum(tried.size[who] * noise, 0.01))
    return {
        "order_id": Text(
            np.arange(who.size, dtype=np.int32), numbered_ids("T", who.size, digits=7)
        ),
        "customer_id": tried.id_of(who),
        "date": window.stamp(seconds_when_open(at)),
        "sales": sales,
        "profit": cents(MARGIN * sales),
    }


def trial_known_table(tried: Tried, window: SimulatedDays) -> Columns:
    """What was known of each on the day of the assignment: models err, and the rest is as it is."""
    rng = window.stream(_KNOWN)
    odds = np.log(tried.p_without / (1 - tried.p_without))
    odds += RISK_NOISE * rng.standard_normal(len(tried))
    uplift = tried.p_without - tried.p_with + UPLIFT_NOISE * rng.standard_normal(len(tried))
    branches = numbered_ids("B", N_BRANCHES, digits=2)
    return {
        "customer_id": tried.customers,
        "risk": 1 / (1 + np.exp(-odds)),
        "uplift": uplift,
        "tenure": (tried.assigned - tried.started).astype(np.int64),
        "region": Text(pick(rng, REGIONS, len(tried)), names(REGIONS)),
        "plan": Text(pick(rng, PLANS, len(tried)), names(PLANS)),
        "branch": Text(rng.integers(0, N_BRANCHES, len(tried)).astype(np.int32), branches),
    }


def trial_truth_table(tried: Tried) -> Columns:
    """What nobody sees: both chances, both outcomes, and what the customer is worth."""
    return {
        "customer_id": tried.customers,
        "p_without": tried.p_without,
        "p_with": tried.p_with,
        "theta": 1 - (1 - tried.p_without) ** (30 / HORIZON),
        "value": 365 * tried.rate * tried.size * MARGIN,
        "response": Text(
            tried.response.astype(np.int32), np.array(["harmed", "unmoved", "persuaded"])
        ),
        "days_without": tried.days_without,
        "days_with": tried.days_with,
    }
