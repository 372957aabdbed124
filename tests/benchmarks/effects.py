"""Whether tests of effects keep their level, and bounds hold the truth, by simulation.

    python tests/benchmarks/effects.py [--draws 1000] [--seed 1]

Without an effect 5 tests in 100 alarm, up to chance 6.3 in 100 of a thousand; bounds of 0.95 hold
the truth between 93 and 97 times in 100, and those for every look more often.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import retention as rt
from retention.experiments.effects.corrected_effects import Reading
from simulated_trials import Draw, World, told_of

STRATA = ((0.5, 0.3), (0.3, 1.0), (0.2, 4.0))
BRANCHES = World(n=1000, branches=20, spread=0.25, enrolled=((0, 90), (0, 90)))
WORLDS = {
    "ramp-up, 500 an arm": World(),
    "ramp-up, 80 an arm": World(n=80, rates=(0.02, 0.02)),
    "three strata, ramp-up": World(strata=STRATA),
    "20 branches an arm": BRANCHES,
    "20 unequal branches an arm": replace(BRANCHES, unequal=True),
    "20 branches an arm in 2 regions": replace(BRANCHES, strata=((0.5, 0.6), (0.5, 1.5))),
}
"""Without an effect; with one the further arms leave a fifth more rarely."""

FAMILY = World(
    n=300, rates=(0.012,) * 4, enrolled=((0, 90),) * 4, segments=2
)  # three arms beside the control, two segments
LOOKS = (75, 90, 105, 150)
FIGURES = ("kaplan-meier", "mature", "lifetime")


def with_effect(world: World) -> World:
    """The same world in which further arms leave more rarely."""
    return replace(world, rates=(world.rates[0], *(0.8 * rate for rate in world.rates[1:])))


def levels_of_tests(n_draws: int, seed: int) -> None:
    """How often there is an alarm where there is no effect."""
    print(f"alarms at 5 %, no effect, {n_draws} draws")
    for name, world in WORLDS.items():
        rng = np.random.default_rng(seed)
        draws = [Draw(world, rng) for _ in range(n_draws)]
        said = [
            f"{of} {np.mean([told_of(draw, of)['p_value'][0] < 0.05 for draw in draws]):.3f}"
            for of in FIGURES
        ]
        print(f"  {name}: {', '.join(said)}", flush=True)
    rng = np.random.default_rng(seed)
    told = [told_of(Draw(FAMILY, rng), "kaplan-meier") for _ in range(n_draws)]
    for name in ("p_value", "p_adjusted"):
        any_alarm = np.mean([(one[name] < 0.05).any() for one in told])
        print(f"  3 arms x 2 segments, any {name}: {any_alarm:.3f}", flush=True)
    apart = np.mean([one["p_interaction"][0] < 0.05 for one in told])
    print(f"  3 arms x 2 segments, p_interaction of an arm: {apart:.3f}", flush=True)


def levels_of_looks(n_draws: int, seed: int) -> None:
    """Four looks, plainly, at planned critical values, and at any time."""
    rng = np.random.default_rng(seed)
    world = World(n=800, enrolled=((0, 90), (0, 90)))
    any_time = Reading(0.95, "holm", "always-valid", 1600)
    z, information, alarms = [], [], []
    for _ in range(n_draws):
        draw = Draw(world, rng)
        told = [told_of(draw, "kaplan-meier", as_of=day) for day in LOOKS]
        z.append([one["z"][0] for one in told])
        information.append([one["standard_error"][0] ** -2 for one in told])
        looked = [
            told_of(draw, "kaplan-meier", as_of=day, reading=any_time)["p_value"][0] < 0.05
            for day in range(66, 151, 4)
        ]
        alarms.append(any(looked))
    planned = np.mean(information, axis=0)
    bounds = rt.experiments.look_bounds((planned / planned[-1]).tolist())
    critical = bounds["z"].to_numpy()
    print(f"  information shares {np.round(planned / planned[-1], 2)}, z {np.round(critical, 3)}")
    beyond = np.abs(np.array(z))
    print(f"  four looks at 1.96: {(beyond > 1.959964).any(axis=1).mean():.3f}")
    print(f"  four looks at look_bounds: {(beyond > critical).any(axis=1).mean():.3f}")
    print(f"  22 looks, always-valid: {np.mean(alarms):.3f}", flush=True)


def coverage_of_bounds(n_draws: int, seed: int) -> None:
    """How often the bounds hold the truth."""
    print(f"bounds of 0.95 that hold the truth, {n_draws} draws")
    for name, plain in WORLDS.items():
        world, rng = with_effect(plain), np.random.default_rng(seed)
        draws = [Draw(world, rng) for _ in range(n_draws)]
        for of in FIGURES:
            lifetime = of == "lifetime"
            one, other = (
                world.mean_stay(arm) if lifetime else world.lasting(arm, world.horizon)
                for arm in (1, 0)
            )
            told = [told_of(draw, of) for draw in draws]
            held = {
                "difference": held_by(told, "difference_lower", "difference_upper", one - other),
                "relative": held_by(told, "relative_lower", "relative_upper", one / other - 1),
                "the arm": held_by(told, "lower", "upper", one),
            }
            said = ", ".join(f"{what} {share:.3f}" for what, share in held.items())
            print(f"  {name}, {of}: {said}", flush=True)
    world, rng = with_effect(FAMILY), np.random.default_rng(seed)
    truth = np.tile(
        [world.lasting(arm, world.horizon) - world.lasting(0, world.horizon) for arm in (1, 2, 3)],
        2,
    )
    told = [told_of(Draw(world, rng), "kaplan-meier") for _ in range(n_draws)]
    share = held_by(told, "lower_all", "upper_all", truth)
    print(f"  3 arms x 2 segments, all simultaneous bounds at once: {share:.3f}")
    world, rng = with_effect(World()), np.random.default_rng(seed)
    any_time = Reading(0.95, "holm", "always-valid", 1000)
    told = [told_of(Draw(world, rng), "kaplan-meier", reading=any_time) for _ in range(n_draws)]
    truth = world.lasting(1, world.horizon) - world.lasting(0, world.horizon)
    share = held_by(told, "difference_lower", "difference_upper", truth)
    print(f"  always-valid bounds at one look: {share:.3f}")


def held_by(told: list, lower: str, upper: str, truth: float | np.ndarray) -> float:
    """The share of draws in which all bounds hold the truth."""
    inside = [((one[lower] <= truth) & (truth <= one[upper])).all() for one in told]
    return float(np.mean(inside))


def main() -> None:
    """Draw, ask, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    levels_of_tests(asked.draws, asked.seed)
    levels_of_looks(asked.draws, asked.seed)
    coverage_of_bounds(asked.draws, asked.seed)


if __name__ == "__main__":
    main()
