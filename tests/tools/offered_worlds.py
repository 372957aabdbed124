"""Simulated holdouts whose truth is known: who is at risk, whom an offer moves, who got it by lot.

Without the offer a customer leaves within 12 months with the chance p = 1 / (1 + exp(1.5 − 0.9 a)),
with it with p (1 − s), where s = 0.025 + 0.05 b is negative for some: these it drives away. The two
normal draws a and b hang together by a correlation. Leaving is exponential in time; customers are
watched for 4 to 30 months; a kept one is worth exp(5 + 0.3 c).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

import retention as rt

TIME = 12.0
TOP = 0.3
OFFER = rt.targeting.Offer(
    making=0.2, taking=2.0, success=None, stayers_taking=0.5, stayers_lost=None
)
RULES = {"by risk": ("risk", TOP), "by effect": ("score", TOP), "unhappy": "unhappy"}
MEASURES = {"area": {}, "autoc": {}, "top_share": {"top": TOP}}
ASKED = {"uplift": "score", "treated": "offered"}


def customers(n: int, draw: np.random.Generator, *, correlation: float, of: float = 1.0):
    """What is true of customers: the chances, the fall of them, the value; scores that are noisy.

    Args:
        n: how many.
        draw: the source of chance.
        correlation: of risk and response.
        of: by what effects are multiplied; 0 for an offer that does nothing.
    """
    a, b, c = draw.normal(size=(3, n))
    b = correlation * a + np.sqrt(1 - correlation**2) * b
    p = 1 / (1 + np.exp(1.5 - 0.9 * a))
    saved = p - np.clip(p - of * p * (0.025 + 0.05 * b), 0.005, 0.995)
    score = p * (0.025 + 0.05 * b) + 0.01 * draw.normal(size=n)
    return pd.DataFrame(
        {
            "risk": p,
            "saved": saved,
            "score": score,
            "unhappy": c + a > 1,
            "value": np.exp(5 + 0.3 * c),
        }
    )


def holdout(n: int, draw: np.random.Generator, *, correlation: float, of: float = 1.0):
    """The same once half of them were made the offer, and what came of each."""
    made = customers(n, draw, correlation=correlation, of=of)
    offered = draw.random(n) < 0.5
    leaves = made["risk"] - made["saved"] * offered
    life = -TIME * draw.exponential(size=n) / np.log1p(-leaves)
    seen = draw.uniform(4, 30, n)
    return made.assign(
        offered=offered,
        stayed=(life > TIME).astype(int),
        brought=np.where(life > TIME, made["value"], 0.0),
        duration=np.minimum(life, seen),
        churned=life <= seen,
    )


@cache
def truths(correlation: float, of: float) -> dict[str, float]:
    """What is true, of a million customers."""
    made = customers(1_000_000, np.random.default_rng(7), correlation=correlation, of=of)
    lists = {
        "by risk": made["risk"] > made["risk"].quantile(1 - TOP),
        "by effect": made["score"] > made["score"].quantile(1 - TOP),
        "unhappy": made["unhappy"],
        "everyone": made["unhappy"] | True,
    }
    stays, saved = 1 - made["risk"], made["saved"]
    cost = OFFER.making + OFFER.taking * (saved + OFFER.stayers_taking * stays)
    net = made["value"] * saved - cost
    found = {f"gain {name}": (on * net).mean() for name, on in lists.items()}
    found["gain by effect less by risk"] = found["gain by effect"] - found["gain by risk"]
    found["gain unhappy less by effect"] = found["gain unhappy"] - found["gain by effect"]
    top = lists["by effect"]
    found["effect in the list"] = saved[top].mean()
    found["money in the list"] = (made["value"] * saved)[top].mean()
    for name, each in (("stayed", saved), ("brought", made["value"] * saved)):
        found |= {f"{m} of {name}": v for m, v in _measures(made["score"], each).items()}
    return {name: float(value) for name, value in found.items()}


def _measures(score: pd.Series, saved: pd.Series) -> dict[str, float]:
    """∫ gain − q gain(1), ∫ effect − effect(1), and gain(0.3) − 0.3 gain(1), as defined."""
    gain = saved.to_numpy()[np.argsort(-score.to_numpy())].cumsum() / score.size
    q = np.arange(1, score.size + 1) / score.size
    at = int(TOP * score.size) - 1
    return {
        "area": (gain - q * gain[-1]).mean(),
        "autoc": (gain / q - gain[-1]).mean(),
        "top_share": gain[at] - TOP * gain[-1],
    }


def asked_of_holdout(made: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Every figure with its bounds, of one holdout."""
    found: dict[str, tuple[float, float, float]] = {}
    rules = rt.targeting.rule_profit(
        made, rules=RULES, offer=OFFER, treated="offered", share=0.5, value="value", time=TIME
    ).set_index(["rule", "compared_to"])
    for rule in ("by risk", "by effect", "unhappy", "everyone"):
        found[f"gain {rule}"] = tuple(
            rules.loc[(rule, "nobody"), ["rule_profit", "lower", "upper"]]
        )
    pair = ["difference", "difference_lower", "difference_upper"]
    low, middle, high = (-1 * rules.loc[("by risk", "by effect"), pair]).iloc[[2, 0, 1]]
    found["gain by effect less by risk"] = (middle, low, high)
    middle, low, high = -1 * rules.loc[("by effect", "unhappy"), pair].iloc[[0, 2, 1]]
    found["gain unhappy less by effect"] = (middle, low, high)
    bounds = ["effect", "lower", "upper"]
    for name, said in _OUTCOMES.items():
        curve = rt.experiments.uplift_curve(made, groups=10, **ASKED, **said)
        here = "money in the list" if name == "brought" else "effect in the list"
        found[f"{here} ({curve['method'][0]})"] = tuple(curve.loc[2, bounds])
        for measure, more in MEASURES.items():
            gain = rt.experiments.targeting_gain(made, measure=measure, **more, **ASKED, **said)
            said_as = f"{measure} of {'stayed' if name == 'time' else name}"
            key = f"{said_as}, watched" if name == "time" else said_as
            found[key] = tuple(gain.loc[0, ["targeting_gain", "lower", "upper"]])
    return found


_OUTCOMES = {
    "stayed": {"outcome": "stayed"},
    "brought": {"outcome": "brought"},
    "time": {"time": TIME},
}


def coverage_of_bounds(
    draws: int, *, seed: int, n: int, correlation: float = 0.3, of: float = 1.0
) -> pd.DataFrame:
    """How often the bounds of each figure hold the truth, over holdouts drawn anew."""
    draw, truth = np.random.default_rng(seed), truths(correlation, of)
    drawn = [
        asked_of_holdout(holdout(n, draw, correlation=correlation, of=of)) for _ in range(draws)
    ]
    rows = []
    for name in drawn[0]:
        known = truth[name.split(" (")[0].split(",")[0]]
        middle, low, high = np.array([each[name] for each in drawn], float).T
        rows.append(
            (name, known, middle.mean(), middle.std(), ((low <= known) & (known <= high)).mean())
        )
    return pd.DataFrame(rows, columns=["figure", "truth", "mean", "sd", "coverage"])


def false_alarms(draws: int, *, seed: int, n: int) -> pd.DataFrame:
    """How often targeting_gain finds something, at 0.05, where the offer does nothing."""
    draw = np.random.default_rng(seed)
    counted = {}
    for _ in range(draws):
        made = holdout(n, draw, correlation=0.3, of=0.0)
        for said in ({"outcome": "stayed"}, {"outcome": "brought"}, {"time": TIME}):
            for measure, more in MEASURES.items():
                gain = rt.experiments.targeting_gain(made, measure=measure, **more, **ASKED, **said)
                name = (measure, *said.values())
                counted[name] = counted.get(name, 0) + (gain["p_value"][0] < 0.05)
    rows = [(*name, n / draws) for name, n in counted.items()]
    return pd.DataFrame(rows, columns=["measure", "of", "false alarms"])


def saved_per_thousand(
    correlation: float, *, n: int = 2_000_000, seed: int = 3
) -> dict[str, float]:
    """Customers saved per 1,000 offers to 30 %: by risk, by effect, by lot; and who is harmed."""
    made = customers(n, np.random.default_rng(seed), correlation=correlation)
    saved = made["saved"]
    top = {name: made[name] > made[name].quantile(1 - TOP) for name in ("risk", "score")}
    return {
        "by risk": 1000 * saved[top["risk"]].mean(),
        "by effect": 1000 * saved[top["score"]].mean(),
        "by lot": 1000 * saved.mean(),
        "harmed of the riskiest": (saved[top["risk"]] < 0).mean(),
    }
