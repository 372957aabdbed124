"""Who is still a customer when nobody says goodbye: repeat buying and renewal models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.repeat_buying.buying.bg_bb import BgBbModel as BgBbModel
    from retention.repeat_buying.buying.bg_bb import fit_bg_bb as fit_bg_bb
    from retention.repeat_buying.buying.bg_cnbd import BgCnbdModel as BgCnbdModel
    from retention.repeat_buying.buying.bg_cnbd import MbgCnbdModel as MbgCnbdModel
    from retention.repeat_buying.buying.bg_cnbd import fit_bg_cnbd as fit_bg_cnbd
    from retention.repeat_buying.buying.bg_cnbd import fit_mbg_cnbd as fit_mbg_cnbd
    from retention.repeat_buying.buying.bg_nbd import BgNbdModel as BgNbdModel
    from retention.repeat_buying.buying.bg_nbd import MbgNbdModel as MbgNbdModel
    from retention.repeat_buying.buying.bg_nbd import fit_bg_nbd as fit_bg_nbd
    from retention.repeat_buying.buying.bg_nbd import fit_mbg_nbd as fit_mbg_nbd
    from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel as ParetoNbdModel
    from retention.repeat_buying.buying.pareto_nbd import fit_pareto_nbd as fit_pareto_nbd
    from retention.repeat_buying.buying.purchase_model import PurchaseModel as PurchaseModel
    from retention.repeat_buying.renewal.fit import (
        fit_beta_discrete_weibull as fit_beta_discrete_weibull,
    )
    from retention.repeat_buying.renewal.fit import fit_beta_geometric as fit_beta_geometric
    from retention.repeat_buying.renewal.models import BetaGeometricModel as BetaGeometricModel
    from retention.repeat_buying.renewal.models import DiscreteWeibullModel as DiscreteWeibullModel
    from retention.repeat_buying.renewal.models import RenewalModel as RenewalModel
    from retention.repeat_buying.renewal.renewal_periods import renewal_periods as renewal_periods
    from retention.repeat_buying.scores.backtests import backtest_purchases as backtest_purchases
    from retention.repeat_buying.scores.churn_score import churn_score as churn_score
    from retention.repeat_buying.scores.diagnostics import (
        purchase_calibration as purchase_calibration,
    )
    from retention.repeat_buying.scores.diagnostics import spend_independence as spend_independence
    from retention.repeat_buying.scores.tracking import tracking_table as tracking_table
    from retention.repeat_buying.summary.purchase_gaps import summary_with_gaps as summary_with_gaps
    from retention.repeat_buying.summary.purchase_summary import (
        purchase_summary as purchase_summary,
    )
    from retention.repeat_buying.summary.purchase_summary import split_summary as split_summary
    from retention.repeat_buying.value.customer_value import customer_value as customer_value
    from retention.repeat_buying.value.discounted_purchases import (
        discounted_purchases as discounted_purchases,
    )
    from retention.repeat_buying.value.spend import GammaGammaModel as GammaGammaModel
    from retention.repeat_buying.value.spend import fit_gamma_gamma as fit_gamma_gamma

_HOMES = {
    "BetaGeometricModel": "renewal.models",
    "BgBbModel": "buying.bg_bb",
    "BgCnbdModel": "buying.bg_cnbd",
    "BgNbdModel": "buying.bg_nbd",
    "DiscreteWeibullModel": "renewal.models",
    "GammaGammaModel": "value.spend",
    "MbgCnbdModel": "buying.bg_cnbd",
    "MbgNbdModel": "buying.bg_nbd",
    "ParetoNbdModel": "buying.pareto_nbd",
    "PurchaseModel": "buying.purchase_model",
    "RenewalModel": "renewal.models",
    "backtest_purchases": "scores.backtests",
    "churn_score": "scores.churn_score",
    "customer_value": "value.customer_value",
    "discounted_purchases": "value.discounted_purchases",
    "fit_beta_discrete_weibull": "renewal.fit",
    "fit_beta_geometric": "renewal.fit",
    "fit_bg_bb": "buying.bg_bb",
    "fit_bg_cnbd": "buying.bg_cnbd",
    "fit_bg_nbd": "buying.bg_nbd",
    "fit_gamma_gamma": "value.spend",
    "fit_mbg_cnbd": "buying.bg_cnbd",
    "fit_mbg_nbd": "buying.bg_nbd",
    "fit_pareto_nbd": "buying.pareto_nbd",
    "purchase_calibration": "scores.diagnostics",
    "purchase_summary": "summary.purchase_summary",
    "renewal_periods": "renewal.renewal_periods",
    "spend_independence": "scores.diagnostics",
    "split_summary": "summary.purchase_summary",
    "summary_with_gaps": "summary.purchase_gaps",
    "tracking_table": "scores.tracking",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
