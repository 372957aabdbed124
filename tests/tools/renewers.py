"""What the tests of value share: models with known parameters, and customers drawn from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import retention as rt
from retention.repeat_buying.renewal.models import BetaGeometricModel, DiscreteWeibullModel

HIGH_END = (0.66808834, 3.8060949)
REGULAR = (0.70407730, 1.18204302)
CASE_1, CASE_2 = (3.8, 15.2), (1 / 15, 4 / 15)
"""Fader and Hardie (2007) and (2010); their case 2 is printed as .067 and .267."""

YEARS = {"length": "year", "discount": 0.1}


def model_with(*parameters: float, watched: int = 7, **fields: Any) -> Any:
    """A model of renewal with these parameters, as if so many renewals had been watched."""
    kind = BetaGeometricModel if len(parameters) == 2 else DiscreteWeibullModel
    size = len(parameters)
    known = {"unit": None, "covariance": ((None,) * size,) * size, "status": "flat", "notes": ()}
    counted = {"n_customers": 1, "n_histories": 1, "log_likelihood": 0.0}
    seen = {"n_at_risk": (10,) * watched, "n_churned": (1,) * watched}
    return kind(parameters=parameters, **{**known, **counted, **seen, **fields})


def cohort_drawn(
    rng: np.random.Generator, a: float, b: float, n: int, reach: tuple[int, int]
) -> pd.DataFrame:
    """Spells of n customers whose chances to leave have a beta(a, b) distribution.

    Each is watched for `reach` renewals, at least and at most.
    """
    lasted = rng.geometric(np.maximum(rng.beta(a, b, n), 1e-12))
    watched = rng.integers(reach[0], reach[1] + 1, n)
    spells = pd.DataFrame({"duration": np.minimum(lasted, watched), "churned": lasted <= watched})
    return spells.groupby(["duration", "churned"]).size().reset_index(name="n_spells")


QUESTIONS = (
    ("value of a curve", "curve", None, {}),
    ("value of a model", "model", None, {}),
    ("hazards, churn cut, curve", "curve", "hazards", {"churn_cut": 0.2}),
    ("hazards, points, curve", "curve", "hazards", {"points": 0.03}),
    ("rates, points, curve", "curve", "rates", {"points": 0.03}),
    ("rates, churn cut, curve", "curve", "rates", {"churn_cut": 0.2}),
    ("once as survivors, points, curve", "curve", "once_as_survivors", {"points": 0.03}),
    ("once as survivors, churn cut, curve", "curve", "once_as_survivors", {"churn_cut": 0.2}),
    ("hazards, churn cut, model", "model", "hazards", {"churn_cut": 0.2}),
    ("rates, points, model", "model", "rates", {"points": 0.03}),
    ("customers, churn cut, model", "model", "customers", {"churn_cut": 0.2}),
    ("once as survivors, points, model", "model", "once_as_survivors", {"points": 0.03}),
    ("once, points, model", "model", "once", {"points": 0.03}),
    ("once, churn cut, model", "model", "once", {"churn_cut": 0.2}),
)
"""What has bounds: a name, what it is read off, the lever, and how far it is pulled."""

PAY = {"profit": 10.0, "length": "month", "discount": 0.1, "horizon": 24, "timing": "start"}


def answer_with_bounds(source: Any, lever: str | None, pull: Any) -> pd.Series:
    """The value, or the gain, of a curve or a model: `figure`, `lower`, `upper`."""
    if lever is None:
        found = rt.economics.lifetime_value(source, acquisition_cost=0, **PAY)
        return found.rename(columns={"value": "figure"}).iloc[0]
    found = rt.economics.value_of_retention(source, lever=lever, **pull, **PAY)
    return found.rename(columns={"gain": "figure"}).iloc[0]


def coverage_of_bounds(
    draws: int, *, seed: int, n: int = 300, theta: tuple[float, float] = (1.0, 9.0)
) -> pd.DataFrame:
    """How often each question's bounds hold the truth, over so many drawn cohorts.

    Curves that were not seen to the horizon, and models that the data do not tell, have no bounds:
    they are counted as `without`.
    """
    rng = np.random.default_rng(seed)
    truth = model_with(*theta)
    true = [answer_with_bounds(truth, lever, pull)["figure"] for _, _, lever, pull in QUESTIONS]
    hit, asked = np.zeros(len(QUESTIONS), int), np.zeros(len(QUESTIONS), int)
    for _ in range(draws):
        spells = cohort_drawn(rng, *theta, n, (1, 36))
        sources = {
            "curve": rt.survival_curve(spells),
            "model": rt.repeat_buying.fit_beta_geometric(spells),
        }
        for i, (_, kind, lever, pull) in enumerate(QUESTIONS):
            found = answer_with_bounds(sources[kind], lever, pull)
            if np.isfinite(found["lower"]):
                asked[i] += 1
                hit[i] += found["lower"] <= true[i] <= found["upper"]
    return pd.DataFrame({
        "question": [name for name, *_ in QUESTIONS], "truth": true, "coverage": hit / asked,
        "without": draws - asked,
    })  # fmt: skip
