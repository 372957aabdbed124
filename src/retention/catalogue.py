"""What each figure means, as data: docs, axis labels, report wording and property tests read it.

A record a figure. A figure is a column that some function of the library gives under that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retention.errors import ColumnError

__all__ = ["FIGURES", "Figure", "figure"]

_BUTTLE = "Buttle (2009), Customer Relationship Management, 2nd ed., ch. 9"


@dataclass(frozen=True, slots=True)
class Figure:
    """The meaning of one figure.

    Attributes:
        name: the column that holds it.
        label: how people write it, on an axis or in a sentence.
        unit: "share of 1", "currency", "customers", "days".
        better: "higher", "lower" or "neither".
        low: the least it can be, None if there is none.
        high: the most it can be, None if there is none.
        formula: how it is computed, each symbol explained.
        made_by: the function that gives it.
        source: where the definition stands.
    """

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    low: float | None
    high: float | None
    formula: str
    made_by: str
    source: str


_RATE_SYMBOLS = (
    "B: customers active in the base period; R: those of B active lag periods later; "
    "s0, s1 (p0, p1): a customer's sales (profit) in the base and the later period"
)

OUTCOME_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="retention_rate",
        label="Raw retention rate",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=f"|R| / |B|. {_RATE_SYMBOLS}",
        made_by="retention_rate",
        source=_BUTTLE,
    ),
    Figure(
        name="churn_rate",
        label="Customer churn rate",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"1 − |R| / |B|. {_RATE_SYMBOLS}",
        made_by="retention_rate, churn_by",
        source=_BUTTLE,
    ),
    Figure(
        name="sales_adjusted_retention",
        label="Sales-adjusted retention rate",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=(
            "Σ_R s0 / Σ_B s0 (basis base), Σ_R s1 / Σ_B s0 (current), "
            f"Σ_R min(s0, s1) / Σ_B s0 (capped). {_RATE_SYMBOLS}"
        ),
        made_by="sales_adjusted_retention",
        source=_BUTTLE,
    ),
    Figure(
        name="sales_adjusted_churn",
        label="Sales-adjusted churn rate",
        unit="share of 1",
        better="lower",
        low=None,
        high=None,
        formula="1 − sales-adjusted retention",
        made_by="sales_adjusted_retention, churn_by",
        source=_BUTTLE,
    ),
    Figure(
        name="profit_adjusted_retention",
        label="Profit-adjusted retention rate",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=f"Σ_R p0 / Σ_B p0 (basis base), Σ_R p1 / Σ_B p0 (current). {_RATE_SYMBOLS}",
        made_by="profit_adjusted_retention",
        source=_BUTTLE,
    ),
    Figure(
        name="profit_adjusted_churn",
        label="Profit-adjusted churn rate",
        unit="share of 1",
        better="lower",
        low=None,
        high=None,
        formula="1 − profit-adjusted retention",
        made_by="profit_adjusted_retention, churn_by",
        source=_BUTTLE,
    ),
    Figure(
        name="share_of_wallet",
        label="Share of wallet",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula="Σ sales / Σ wallet over the active customers whose category spending is known",
        made_by="share_of_wallet",
        source=_BUTTLE,
    ),
    Figure(
        name="retained_share_of_wallet",
        label="Share of wallet of retained customers",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula="share of wallet over those who were active lag periods before as well",
        made_by="share_of_wallet",
        source=_BUTTLE,
    ),
    Figure(
        name="lost_share",
        label="Share of customers called lost",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="called lost at some time / customers whose first order is at least gap days old",
        made_by="gap_table",
        source="a convention of practice",
    ),
    Figure(
        name="came_back_share",
        label="Share of those called lost who came back",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="ordered again by as_of / called lost at some time",
        made_by="gap_table",
        source="a convention of practice",
    ),
    Figure(
        name="false_churn_rate",
        label="False churn rate of a gap",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="ordered within so many days of being called lost / called lost that long ago",
        made_by="gap_table",
        source="a convention of practice",
    ),
)


_STEPS = "d_u: spells that end at duration u; n_u: spells at risk then (entry < u ≤ duration)"
_PAIRS = "pairs of customers of whom the one is seen to leave before the other"

SURVIVAL_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="survival",
        label="Survival: share still here",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=f"S(t) = Π over u ≤ t of (1 − d_u / n_u). {_STEPS}; models: e^(−H(t))",
        made_by="survival_curve, conditional_survival, predict_survival",
        source="Kaplan and Meier (1958), JASA 53",
    ),
    Figure(
        name="hazard",
        label="Hazard: chance of leaving then, given still here",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"d_u / n_u. {_STEPS}",
        made_by="survival_curve, cumulative_hazard, cumulative_incidence",
        source="Kaplan and Meier (1958), JASA 53",
    ),
    Figure(
        name="cumulative_hazard",
        label="Cumulative hazard",
        unit="expected ends",
        better="lower",
        low=0.0,
        high=None,
        formula=f"H(t) = Σ over u ≤ t of d_u / n_u. {_STEPS}",
        made_by="cumulative_hazard, cumulative_incidence",
        source="Aalen (1978), Annals of Statistics 6",
    ),
    Figure(
        name="lifetime",
        label="Lifetime by which a share has left",
        unit="as duration",
        better="higher",
        low=0.0,
        high=None,
        formula="first duration at which S ≤ 1 − lost; lost is ½ for the median",
        made_by="median_lifetime, lifetime_quantile",
        source="Brookmeyer and Crowley (1982), Biometrics 38",
    ),
    Figure(
        name="restricted_mean",
        label="Mean stay within a horizon",
        unit="as duration",
        better="higher",
        low=0.0,
        high=None,
        formula="∫ from 0 to the horizon of S(t) dt",
        made_by="restricted_mean",
        source="Klein and Moeschberger (2003), Survival Analysis, section 4.5",
    ),
    Figure(
        name="cumulative_incidence",
        label="Share that has left for a reason",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"F_k(t) = Σ over u ≤ t of S(u−) d_ku / n_u, k: the reason. {_STEPS}",
        made_by="cumulative_incidence",
        source="Aalen and Johansen (1978), Scandinavian Journal of Statistics 5",
    ),
    Figure(
        name="gained_share",
        label="Share kept if nobody left for a reason",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula=f"1 − S(t) − (1 − Π over u ≤ t of (1 − (d_u − d_ku) / n_u)). {_STEPS}",
        made_by="cause_removed",
        source="Klein and Moeschberger (2003), section 2.7; holds for independent reasons only",
    ),
    Figure(
        name="churn_probability",
        label="Chance of leaving within a time",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="1 − P(T > s + within | T > s), s: tenure",
        made_by="predict_churn",
        source="Klein and Moeschberger (2003), section 8.8",
    ),
    Figure(
        name="expected_lifetime",
        label="Expected further stay within a horizon",
        unit="as duration",
        better="higher",
        low=0.0,
        high=None,
        formula="∫ from 0 to the horizon of P(T > s + u | T > s) du, s: tenure",
        made_by="expected_remaining_lifetime",
        source="Klein and Moeschberger (2003), section 2.4",
    ),
    Figure(
        name="concordance",
        label="Concordance of risk and leaving",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=f"(pairs in the right order + ½ of equal risks) / {_PAIRS}",
        made_by="concordance, backtest",
        source="Harrell et al. (1982), JAMA 247",
    ),
    Figure(
        name="auc",
        label="AUC at a time",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula="chance that one who has left by the time has a higher risk than one who has not",
        made_by="time_dependent_auc, backtest",
        source="Uno et al. (2007), JASA 102",
    ),
    Figure(
        name="brier_score",
        label="Brier score at a time",
        unit="squared share",
        better="lower",
        low=0.0,
        high=None,
        formula="mean of (still here at t − predicted S(t))², weighted for those not seen so long",
        made_by="brier_score, backtest",
        source="Graf et al. (1999), Statistics in Medicine 18",
    ),
    Figure(
        name="skill",
        label="Skill: Brier score against saying the same of everybody",
        unit="share of 1",
        better="higher",
        low=None,
        high=1.0,
        formula="1 − Brier score / Brier score of the Kaplan–Meier S(t)",
        made_by="brier_score, backtest",
        source="Graf et al. (1999), Statistics in Medicine 18",
    ),
    Figure(
        name="lift",
        label="Lift of a group",
        unit="times the average",
        better="higher",
        low=0.0,
        high=None,
        formula="churn of the group / churn of all, at a time",
        made_by="lift",
        source="Blattberg, Kim and Neslin (2008), Database Marketing, section 10.3",
    ),
)

FIGURES: tuple[Figure, ...] = (*OUTCOME_FIGURES, *SURVIVAL_FIGURES)


def figure(name: str) -> Figure:
    """The record of one figure.

    Raises:
        ColumnError: if there is no figure of that name, with the nearest one.

    Example:
        >>> import retention as rt
        >>> rt.figure("churn_rate").better
        'lower'
    """
    for record in FIGURES:
        if record.name == name:
            return record
    raise ColumnError.unknown("figure", name, [record.name for record in FIGURES])
