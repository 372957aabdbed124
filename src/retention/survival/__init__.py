"""How long customers stay: curves, models, predictions, and how good those are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.survival.aft.model import AftModel as AftModel
    from retention.survival.aft.model import fit_aft as fit_aft
    from retention.survival.causes.cause_specific import CauseSpecificModel as CauseSpecificModel
    from retention.survival.causes.cause_specific import fit_cause_specific as fit_cause_specific
    from retention.survival.causes.fine_gray import FineGrayModel as FineGrayModel
    from retention.survival.causes.fine_gray import fit_fine_gray as fit_fine_gray
    from retention.survival.causes.reason_predictions import predict_reasons as predict_reasons
    from retention.survival.causes.reason_predictions import (
        with_reason_predictions as with_reason_predictions,
    )
    from retention.survival.counts.person_periods import person_periods as person_periods
    from retention.survival.cox.model import CoxModel as CoxModel
    from retention.survival.cox.model import fit_cox as fit_cox
    from retention.survival.cox.proportionality import (
        proportional_hazards_test as proportional_hazards_test,
    )
    from retention.survival.curves.competing_risks import cause_removed as cause_removed
    from retention.survival.curves.competing_risks import (
        cumulative_incidence as cumulative_incidence,
    )
    from retention.survival.curves.gray_test import compare_incidence as compare_incidence
    from retention.survival.curves.kaplan_meier import cumulative_hazard as cumulative_hazard
    from retention.survival.curves.kaplan_meier import survival_curve as survival_curve
    from retention.survival.curves.log_rank import compare_curves as compare_curves
    from retention.survival.curves.typical_lifetimes import (
        conditional_survival as conditional_survival,
    )
    from retention.survival.curves.typical_lifetimes import lifetime_quantile as lifetime_quantile
    from retention.survival.curves.typical_lifetimes import median_lifetime as median_lifetime
    from retention.survival.curves.typical_lifetimes import restricted_mean as restricted_mean
    from retention.survival.curves.typical_lifetimes import (
        restricted_mean_difference as restricted_mean_difference,
    )
    from retention.survival.hazard.model import HazardModel as HazardModel
    from retention.survival.hazard.model import fit_hazard as fit_hazard
    from retention.survival.lifelines_models import from_lifelines as from_lifelines
    from retention.survival.models.lifetime_model import LifetimeModel as LifetimeModel
    from retention.survival.models.prediction import (
        expected_remaining_lifetime as expected_remaining_lifetime,
    )
    from retention.survival.models.prediction import predict_churn as predict_churn
    from retention.survival.models.prediction import predict_survival as predict_survival
    from retention.survival.models.prediction import with_predictions as with_predictions
    from retention.survival.scores.backtesting import backtest as backtest
    from retention.survival.scores.brier_and_auc import brier_score as brier_score
    from retention.survival.scores.brier_and_auc import (
        integrated_brier_score as integrated_brier_score,
    )
    from retention.survival.scores.brier_and_auc import time_dependent_auc as time_dependent_auc
    from retention.survival.scores.calibration_and_lift import calibration as calibration
    from retention.survival.scores.calibration_and_lift import lift as lift
    from retention.survival.scores.competing.scores_by_reason import (
        scores_by_reason as scores_by_reason,
    )
    from retention.survival.scores.concordance_index import concordance as concordance

_HOMES = {
    "AftModel": "aft.model",
    "CauseSpecificModel": "causes.cause_specific",
    "CoxModel": "cox.model",
    "FineGrayModel": "causes.fine_gray",
    "HazardModel": "hazard.model",
    "LifetimeModel": "models.lifetime_model",
    "backtest": "scores.backtesting",
    "brier_score": "scores.brier_and_auc",
    "calibration": "scores.calibration_and_lift",
    "cause_removed": "curves.competing_risks",
    "compare_curves": "curves.log_rank",
    "compare_incidence": "curves.gray_test",
    "concordance": "scores.concordance_index",
    "conditional_survival": "curves.typical_lifetimes",
    "cumulative_hazard": "curves.kaplan_meier",
    "cumulative_incidence": "curves.competing_risks",
    "expected_remaining_lifetime": "models.prediction",
    "fit_aft": "aft.model",
    "fit_cause_specific": "causes.cause_specific",
    "fit_cox": "cox.model",
    "fit_fine_gray": "causes.fine_gray",
    "fit_hazard": "hazard.model",
    "from_lifelines": "lifelines_models",
    "integrated_brier_score": "scores.brier_and_auc",
    "lifetime_quantile": "curves.typical_lifetimes",
    "lift": "scores.calibration_and_lift",
    "median_lifetime": "curves.typical_lifetimes",
    "person_periods": "counts.person_periods",
    "predict_churn": "models.prediction",
    "predict_reasons": "causes.reason_predictions",
    "predict_survival": "models.prediction",
    "proportional_hazards_test": "cox.proportionality",
    "restricted_mean": "curves.typical_lifetimes",
    "restricted_mean_difference": "curves.typical_lifetimes",
    "scores_by_reason": "scores.competing.scores_by_reason",
    "survival_curve": "curves.kaplan_meier",
    "time_dependent_auc": "scores.brier_and_auc",
    "with_predictions": "models.prediction",
    "with_reason_predictions": "causes.reason_predictions",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
