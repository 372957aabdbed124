"""Sizes, looks and effects on money held to what they promise: oracles and simulation.

    PYTHONPATH=src python tests/benchmarks/sizes.py [draws]

Prints sizes beside those of statsmodels (where it is installed; it is no dependency), the simulated
power of each size, how often the bounds of `profit_effect` hold the truth, and how often a test
without an effect raises an alarm: at four planned looks, and watched after every customer. Each
draw is a segment of one table, so that the public function answers all of them at once.
"""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from statistics import NormalDist

import numpy as np
import pandas as pd

import retention as rt
from retention.experiments.looks.always_valid import always_valid_quantile

Z = NormalDist().inv_cdf(0.975)
FIRST = pd.Timestamp("2024-01-01")
SHARES = [
    (p, d, power, ratio, alpha)
    for p, d in ((0.8, 0.02), (0.8, 0.05), (0.9, 0.01), (0.9, 0.05), (0.5, 0.25), (0.6, -0.1))
    for power in (0.8, 0.9)
    for ratio, alpha in ((1, 0.05), (3, 0.05), (0.25, 0.01))
]
MONEY = [
    (sd, d, power, ratio, alpha)
    for sd, d in ((15, 0.5), (15, 2), (40, 3), (1, 0.2))
    for power in (0.8, 0.9)
    for ratio, alpha in ((1, 0.05), (3, 0.1), (0.25, 0.01))
]


def sizes_beside_statsmodels() -> None:
    """Customers with the offer, ours beside those of the oracle."""
    if find_spec("statsmodels") is None:
        print("statsmodels is not installed: sizes stand alone")
        return
    import statsmodels
    from statsmodels.stats.power import NormalIndPower, TTestIndPower
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

    worst = {"shares": 0.0, "money": 0.0, "Student's t": 0.0}
    for p, d, power, ratio, alpha in SHARES:
        arms = {"shares": (ratio / (1 + ratio), 1 / (1 + ratio)), "level": 1 - alpha}
        found = rt.experiments.retention_test_size(retention=p, difference=d, power=power, **arms)
        told = samplesize_proportions_2indep_onetail(d, p, power, ratio=ratio, alpha=alpha)
        worst["shares"] = max(worst["shares"], abs(found["n_treated"][0] - math.ceil(told)))
    for sd, d, power, ratio, alpha in MONEY:
        arms = {"shares": (ratio / (1 + ratio), 1 / (1 + ratio)), "level": 1 - alpha}
        found = rt.experiments.profit_test_size(sd=sd, difference=d, power=power, **arms)
        asked = {"alpha": alpha, "power": power, "ratio": ratio}
        for name, oracle in (("money", NormalIndPower), ("Student's t", TTestIndPower)):
            told = math.ceil(oracle().solve_power(d / sd, **asked))
            worst[name] = max(worst[name], abs(found["n_treated"][0] - told))
    student = worst["Student's t"]
    print(
        f"statsmodels {statsmodels.__version__}, largest distance: {worst['shares']:.0f} customers "
        f"in {len(SHARES)} tests of shares, {worst['money']:.0f} in {len(MONEY)} of money; "
        f"{student:.0f} from Student's t"
    )


def simulated_power(draws: int) -> None:
    """How often the tests that were planned for power 0.8 find the effect."""
    draw = np.random.default_rng(1)
    n = int(rt.experiments.retention_test_size(retention=0.8, difference=0.05, power=0.8)["n"][0])
    a, b = (draw.binomial(n // 2, p, 20 * draws) / (n // 2) for p in (0.8, 0.85))
    pooled = (a + b) / 2
    found = np.abs(b - a) > Z * np.sqrt(4 * pooled * (1 - pooled) / n)
    print(f"power planned .8: two shares, {n:,} customers: {found.mean():.3f}")
    curve, plan = exponential_curve(), {"enrolment": 6, "follow_up": 12, "hazard_ratio": 0.8}
    for test, horizon in (("log-rank", None), ("restricted-mean", 12), ("difference", 12)):
        size = rt.experiments.survival_test_size(
            curve, test=test, horizon=horizon, power=0.8, **plan
        )
        n = int(size["n"][0])
        hits = [abs(z_of_curves(draw, n, test)) > Z for _ in range(draws)]
        print(f"power planned .8: {test}, {n:,} customers: {np.mean(hits):.3f}")
    row = rt.experiments.profit_test_size(
        sd=(1.0, 1.2), difference=0.2, power=0.8, shares=(0.75, 0.25)
    )
    sizes = row["n_control"][0], row["n_treated"][0]
    z = [
        welch_z(0.2 + draw.exponential(1.2, sizes[1]), draw.exponential(1.0, sizes[0]))
        for _ in range(draws)
    ]
    hits = np.abs(np.array(z)) > Z
    print(f"power planned .8: money, skewed, 3:1, {sum(sizes):,} customers: {hits.mean():.3f}")


def welch_z(one: np.ndarray, other: np.ndarray) -> float:
    """The difference of the means, less what the arms differ by in mean, over its error."""
    apart = one.mean() - other.mean() - (1.2 - 1.0)
    return float(apart / np.hypot(*(v.std(ddof=1) / np.sqrt(v.size) for v in (one, other))))


def exponential_curve() -> pd.DataFrame:
    """A `survival_curve` of rate 0.03 a month, in steps of a hundredth."""
    times = np.arange(1, 1_801) / 100
    here = np.rint(1e9 * np.exp(-0.03 * np.append(0, times))).astype(np.int64)
    last, first = np.arange(1_800) == 1_799, np.arange(1_800) == 0
    return pd.DataFrame(
        {
            "duration": times,
            "n_at_risk": here[:-1],
            "n_churned": -np.diff(here),
            "n_censored": np.where(last, here[-1], 0),
            "n_entered": np.where(first, here[0], 0),
        }
    )


def z_of_curves(draw: np.random.Generator, n: int, test: str) -> float:
    """The statistic of one simulated test of n customers."""
    arm = np.arange(n) % 2
    life = draw.exponential(1 / np.where(arm == 1, 0.024, 0.03))
    watched = 12 + 6 * draw.random(n)
    order = np.argsort(np.minimum(life, watched))
    time, ended, arm = np.minimum(life, watched)[order], (life <= watched)[order], arm[order]
    if test == "log-rank":
        at_risk = np.arange(n, 0, -1)
        share = arm[::-1].cumsum()[::-1] / at_risk
        return float((ended * (arm - share)).sum() / np.sqrt((ended * share * (1 - share)).sum()))
    told = [arm_figure(time[arm == a], ended[arm == a], test) for a in (0, 1)]
    return float((told[1][0] - told[0][0]) / math.sqrt(told[0][1] + told[1][1]))


def arm_figure(time: np.ndarray, ended: np.ndarray, test: str) -> tuple[float, float]:
    """The mean within 12 months, or the share that stays so long, and its variance."""
    n = np.arange(time.size, 0, -1)
    curve = np.cumprod(1 - ended / n)
    terms = ended * (time <= 12) / (n * np.maximum(n - 1, 1))
    if test == "difference":
        kept = float(curve[time <= 12][-1])
        return kept, kept**2 * terms.sum()
    cuts = np.append(np.minimum(np.append(0, time), 12), 12)
    pieces = np.diff(cuts) * np.append(1, curve)
    after = pieces[::-1].cumsum()[::-1][1:]
    return float(pieces.sum()), float((after**2 * terms).sum())


def experiment(
    draws: int, *, strata: bool = False, clusters: bool = False, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """So many experiments of 600 customers, arms of 3:1; slopes of what came before differ.

    Without an offer a customer of x before brings 0.5 x, with it 1.5 x − 1, and x is 2 in the mean.
    Given are also the true effects: 1, and within strata twice the share of the second.
    """
    draw, n = np.random.default_rng(seed), 600
    number = np.repeat(np.arange(draws), n)
    branch = np.tile(np.repeat(np.arange(40), n // 40), draws)
    units = (draws, 40 if clusters else n)
    kind = draw.integers(0, 2, units)
    order = np.argsort(draw.random(units) + (kind * 2 if strata else 0), axis=1)
    place = np.argsort(order, axis=1)  # in strata: place within the sorted strata
    treated = (place + draw.integers(0, 4, (draws, 1))) % 4 == 0
    if clusters:
        kind, treated = (np.repeat(values, n // 40, axis=1) for values in (kind, treated))
    kind, treated = kind.ravel(), treated.ravel()
    x = draw.exponential(1.0, number.size) + 2 * kind
    own = draw.normal(0, 1, draws * 40)[number * 40 + branch] if clusters else 0.0
    y = np.where(treated, 1.5 * x - 1, 0.5 * x) + 3 * kind + own + draw.exponential(1.0, x.size)
    frame = {"customer_id": np.arange(x.size), "draw": number}
    frame |= {"arm": np.where(treated, "offer", "none"), "share": np.where(treated, 0.25, 0.75)}
    frame |= {"assigned": FIRST + pd.Timedelta(days=60)}
    frame |= {"stratum": kind} if strata else {}
    frame |= {"cluster": number * 40 + branch} if clusters else {}
    lines = [(x, 50), (y, 65)]
    orders = pd.concat(
        pd.DataFrame({"customer_id": frame["customer_id"], "sales": money, "day": day})
        for money, day in lines
    )
    orders["date"] = FIRST + pd.to_timedelta(orders.pop("day"), unit="D")
    mix = np.array([kind[number == d].mean() for d in range(draws)])
    return pd.DataFrame(frame), orders, 2 * mix if strata else np.ones(draws)


ASKED = {"control": "none", "within": 30, "as_of": "2024-04-01", "of": "sales"}
ASKED |= {"observed_from": "2024-01-01", "by": "draw", "correction": "none"}


def coverage(draws: int) -> None:
    """How often the bounds of `profit_effect` hold the truth."""
    for name, before, made in (
        ("plain (Welch)", None, {}),
        ("own slopes", 30, {}),
        ("strata", None, {"strata": True}),
        ("strata, own slopes", 30, {"strata": True}),
        ("branches", None, {"clusters": True}),
        ("branches, own slopes", 30, {"clusters": True}),
        ("branches in strata, own slopes", 30, {"clusters": True, "strata": True}),
    ):
        assignment, orders, truth = experiment(draws, seed=len(name), **made)
        found = effect_of(assignment, orders, before=before)
        held = (found["difference_lower"] <= truth) & (truth <= found["difference_upper"])
        kind = truth / 2  # the share of the second kind, in strata as they came
        ratio = truth / (0.5 * (1 + 2 * kind) + 3 * kind + 1)
        inside = (found["relative_lower"] <= ratio) & (ratio <= found["relative_upper"])
        error = found["standard_error"].mean() / (found["difference"] - truth).std()
        print(
            f"coverage, {name}: {held.mean():.3f}; of the ratio (Fieller) {inside.mean():.3f}; "
            f"error told / seen {error:.3f}"
        )


def effect_of(assignment: pd.DataFrame, orders: pd.DataFrame, **asked: object) -> pd.DataFrame:
    """The answer, all draws at once, sorted by draw."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rt.errors.RetentionWarning)
        found = rt.experiments.profit_effect(assignment, orders, **{**ASKED, **asked})
    return found.sort_values("draw", key=lambda s: s.astype(int), ignore_index=True)


def planned_looks(draws: int) -> None:
    """Alarms of tests without an effect, read by `profit_effect` on four days."""
    draw, n = np.random.default_rng(5), 800
    ids = np.arange(draws * n)
    assignment = pd.DataFrame(
        {
            "customer_id": ids,
            "draw": ids // n,
            "arm": np.where(draw.random(ids.size) < 0.5, "offer", "none"),
            "assigned": FIRST + pd.to_timedelta(draw.integers(0, 90, ids.size), unit="D"),
            "share": 0.5,
        }
    )
    money = draw.exponential(20, ids.size) * (draw.random(ids.size) < 0.4)
    orders = pd.DataFrame({"customer_id": ids, "date": assignment["assigned"], "sales": money})
    z, n_seen = [], []
    for as_of in ("2024-02-15", "2024-03-01", "2024-03-16", "2024-04-29"):
        found = effect_of(assignment, orders, as_of=as_of)
        z.append(found["z"].abs())
        n_seen.append((1 / found["standard_error"] ** 2).mean())
    information = (np.array(n_seen) / n_seen[-1]).tolist()
    information[-1] = 1.0
    seen = np.array(z)
    for spending in ("obrien-fleming", "pocock"):
        bounds = rt.experiments.look_bounds(information, spending=spending)["z"].to_numpy()
        alarms = (seen > bounds[:, None]).any(axis=0).mean()
        print(f"A/A, four looks, {spending}: alarms {alarms:.3f}")
    told = rt.experiments.look_bounds(information)["plain_alarm"].iloc[-1]
    print(
        f"A/A, four looks, plain: alarms {(seen > Z).any(axis=0).mean():.3f} (plain_alarm "
        f"{told:.3f}); information {', '.join(f'{share:.2f}' for share in information)}"
    )


def every_customer(draws: int) -> None:
    """Alarms of tests without an effect, watched after every customer from 200 to 20,000."""
    draw, n = np.random.default_rng(2), np.arange(1, 20_001)
    valid = always_valid_quantile(n[200:], tuned_for=5_000)
    plain = held = 0
    for _ in range(draws):
        effects = np.where(draw.random(n.size) < 0.5, 2.0, -2.0) * (
            (draw.random(n.size) < 0.2) - 0.2
        )
        mean = effects.cumsum() / n
        error = np.sqrt(((effects**2).cumsum() / n - mean**2 + 1e-12) / n)
        z = np.abs(mean / error)[200:]
        plain, held = plain + (z > Z).any(), held + (z > valid).any()
    print(f"A/A, watched after every customer: plain {plain / draws:.3f}, always-valid ", end="")
    print(f"{held / draws:.3f}")


def main() -> None:
    """All of it."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    sizes_beside_statsmodels()
    simulated_power(draws)
    coverage(draws)
    planned_looks(draws)
    every_customer(draws)


if __name__ == "__main__":
    main()
