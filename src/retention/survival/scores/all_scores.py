"""Every score of the predictions of one day, once it is known what came of them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import RetentionWarning
from retention.survival.scores.brier_and_auc import brier_score, time_dependent_auc
from retention.survival.scores.calibration_and_lift import calibration, lift
from retention.survival.scores.concordance_index import concordance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.frames import Columns

    Floats = NDArray[np.float64]

FEWEST = 10
"""Customers: of fewer, scores say nothing."""


def all_scores(
    since: Floats, churned: NDArray[np.bool_], chance: Floats, horizon: int, level: float
) -> dict[str, Any]:
    """Every score of one cut; null where nobody, or too few, can be scored.

    Args:
        since: how long each was seen since the cut.
        churned: whether it ended then.
        chance: of leaving within the horizon, as it was predicted.
        horizon: how long after the cut leaving counts.
        level: confidence of the bounds.
    """
    import pandas as pd

    within = churned & (since <= horizon)
    found: dict[str, Any] = dict.fromkeys(_SCORES)
    found["n_churned"] = int(within.sum())
    if since.size < FEWEST:
        return found
    # Seen as far as the horizon is seen beyond it: ends come before censorings.
    seen = np.where(~within & (since >= horizon), horizon + 1.0, since)
    scored = pd.DataFrame({"duration": seen, "churned": within, "risk": chance})
    scored["survival"] = 1 - scored["risk"]
    with warnings.catch_warnings():  # said once for all cuts
        warnings.filterwarnings("ignore", "risk: the ", RetentionWarning)
        pairs = concordance(scored, level=level).iloc[0]
        area = time_dependent_auc(scored, times=[horizon]).iloc[0]
    point = brier_score(scored, survival={horizon: "survival"}).iloc[0]
    mean = calibration(scored, survival="survival", time=horizon, groups=1, level=level).iloc[0]
    top = lift(scored, time=horizon, level=level).iloc[0]
    found |= {"predicted_churn": mean["predicted"], "observed_churn": mean["observed"]}
    found |= {name: mean[name] for name in ("lower", "upper")}
    found |= {"concordance": pairs["concordance"], "concordance_lower": pairs["lower"]}
    found |= {"concordance_upper": pairs["upper"], "auc": area["auc"]}
    found |= {"auc_error": area["standard_error"], "brier_score": point["brier_score"]}
    found |= {"brier_reference": point["reference"], "skill": point["skill"]}
    found["top_lift"] = top["lift"]
    return found


_SCORES = (
    *("n_churned", "predicted_churn", "observed_churn", "lower", "upper", "concordance"),
    *("concordance_lower", "concordance_upper", "auc", "auc_error", "brier_score"),
    *("brier_reference", "skill", "top_lift"),
)


def columns_of_scores(rows: list[dict[str, Any]]) -> Columns:
    """The scores of several days as columns: what is not known is NaN, of texts None."""
    return {
        name: np.array([row[name] for row in rows], dtype=object)
        if name in _TEXTS
        else _column_of_numbers([row[name] for row in rows])
        for name in rows[0]
    }


_TEXTS = ("status", "reason", "note")


def _column_of_numbers(values: list[Any]) -> NDArray[Any]:
    """Counts stay whole numbers, what is not known becomes NaN."""
    if all(isinstance(value, int) for value in values):
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else value for value in values], np.float64)
