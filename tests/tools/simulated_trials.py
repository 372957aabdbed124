"""Experiments with known truth, drawn as arrays of what the engine would have counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from retention.experiments.effects.compared_arms import Trial
from retention.experiments.effects.corrected_effects import Reading
from retention.experiments.effects.followed_customers import Followed
from retention.experiments.effects.paired_estimates import bounds_about, effect_columns
from retention.experiments.effects.retention_effect import bounds_of_share

PLAIN = Reading(0.95, "holm", "none", None)


@dataclass(frozen=True)
class World:
    """How customers are assigned, and at what rates they leave.

    Attributes:
        n: customers of each arm and segment.
        rates: of leaving, a day, of each arm, the control first.
        enrolled: the days between which each arm is filled.
        strata: the share of each stratum, and how many times the rate customers leave there.
        branches: how many of each arm; 0 where customers are assigned one by one.
        spread: of the logarithm of the branches' rates.
        unequal: whether some branches are four times as large as others.
        segments: how many there are.
        horizon: in days.
    """

    n: int = 500
    rates: tuple[float, ...] = (0.012, 0.012)
    enrolled: tuple[tuple[int, int], ...] = ((0, 90), (45, 118))
    strata: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    branches: int = 0
    spread: float = 0.0
    unequal: bool = False
    segments: int = 1
    horizon: int = 60

    def lasting(self, arm: int, day: int) -> float:
        """The true share of an arm that is still here after so many days."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(41)
        factor = np.exp(self.spread * nodes)
        each = [
            share * (weights @ np.exp(-self.rates[arm] * times * factor * day))
            for share, times in self.strata
        ]
        return float(sum(each) / weights.sum())

    def mean_stay(self, arm: int) -> float:
        """The true mean of the days within the horizon."""
        return sum(self.lasting(arm, day) for day in range(self.horizon))


class Draw:
    """One experiment: who is where, from which day, and how long they will stay."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        arms, self.world = len(world.rates), world
        n = world.n * arms * world.segments
        share, times = np.array(world.strata).T
        self.segment = np.arange(n) // (world.n * arms)
        self.cluster = np.zeros(n, np.intp)
        place = np.arange(n)
        if world.branches:
            total = world.branches * arms
            size = np.tile([1, 4] if world.unequal else [1], total)[:total]
            size = np.roll(np.repeat(size[: world.branches], arms), 0)
            self.cluster = rng.choice(total, n, p=size / size.sum())
            self.arm = self.cluster % arms
            self.stratum = (self.cluster // arms) % share.size
        else:
            self.stratum = np.sort(rng.choice(share.size, n, p=share))
            self.segment = rng.permutation(n) % world.segments
            place = np.argsort(np.lexsort((rng.random(n), self.stratum, self.segment)))
            self.arm = place % arms
        factor = np.exp(world.spread * rng.normal(size=max(world.branches, 1) * arms))
        if not world.branches:
            factor = np.ones(factor.size)
        rate = np.array(world.rates)[self.arm] * times[self.stratum] * factor[self.cluster]
        self.stay = np.ceil(rng.exponential(1 / rate))
        first, last = np.array(world.enrolled).T
        self.start = np.floor(first[self.arm] + rng.random(n) * (last - first)[self.arm])

    def trial(self) -> Trial:
        """The assignment, as it is read."""
        names = tuple(f"arm {i}" for i in range(len(self.world.rates)))
        return Trial(
            frame=None,  # type: ignore[arg-type]
            names=("segment",),
            segments={"segment": np.arange(self.world.segments).astype(object)},
            arms=names,
            sample_ratio_p=np.ones(self.world.segments),
            stratified=len(self.world.strata) > 1,
            clustered=self.world.branches > 0,
        )

    def followed(self, as_of: int = 120) -> Followed:
        """What is known of the customers on a day."""
        here = np.flatnonzero(self.start <= as_of)
        cell = (self.segment * len(self.world.rates) + self.arm)[here]
        here = here[np.argsort(cell, kind="stable")]
        seen = as_of - self.start[here]
        days = np.minimum(np.minimum(self.stay[here], seen), self.world.horizon)
        n_cells = self.world.segments * len(self.world.rates)
        return Followed(
            cell=np.sort(cell, kind="stable"),
            stratum=self.stratum[here],
            cluster=self.cluster[here],
            day=days.astype(np.int64),
            left=self.stay[here] <= np.minimum(seen, self.world.horizon),
            mature=seen >= self.world.horizon,
            n=np.ones(here.size, np.int64),
            n_set_aside=np.zeros(n_cells, np.int64),
        )


def told_of(draw: Draw, of: str, *, as_of: int = 120, reading: Reading = PLAIN) -> dict[str, Any]:
    """What the effect functions say: of "kaplan-meier", "mature" or "lifetime"."""
    mature = of == "mature"
    lifetime = of == "lifetime"
    return effect_columns(
        draw.trial(),
        draw.followed(as_of),
        reading,
        of="lifetime" if lifetime else "survival",
        horizon=draw.world.horizon,
        figure="value",
        bounds=bounds_about if lifetime else partial(bounds_of_share, mature=mature),
        mature=mature,
    )
