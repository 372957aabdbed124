"""How much longer did it keep them: the mean stay within a horizon, of each arm and the control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.experiments.effects.corrected_effects import reading_of
from retention.experiments.effects.followed_customers import followed_trial
from retention.experiments.effects.paired_estimates import bounds_about, effect_columns
from retention.frames import table_like
from retention.periods import whole_days
from retention.tables.answer_columns import constants, gives, numbers, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.experiments.effects.compared_arms import Clock
    from retention.experiments.effects.corrected_effects import Correction, Peeking

LIFETIME_EFFECT = (
    texts("arm", "compared_to"),
    whole_numbers("horizon", unit="days"),
    whole_numbers("n", "n_mature", "n_churned", "n_unknown", "n_set_aside"),
    numbers("restricted_mean", "lower", "upper", unit="days"),
    whole_numbers("n_control", "n_mature_control", "n_churned_control", "n_unknown_control"),
    whole_numbers("n_set_aside_control"),
    numbers("restricted_mean_control", "lower_control", "upper_control", unit="days"),
    numbers("difference", "difference_lower", "difference_upper", "standard_error", unit="days"),
    numbers("relative", "relative_lower", "relative_upper", unit="share of the control's"),
    numbers("z", "p_value", "p_adjusted"),
    numbers("lower_all", "upper_all", unit="days"),
    numbers("p_interaction", "sample_ratio_p"),
    texts("reason"),
    constants(texts("clock", "correction", "peeking")),
)


@gives("an arm beside the control (and segment)", *LIFETIME_EFFECT)
def lifetime_effect(  # noqa: PLR0913 - a test of lifetimes has that many terms
    assignment: IntoFrameT,
    spells: IntoFrameT,
    *,
    control: str,
    horizon: int,
    as_of: date | str,
    by: str | Sequence[str] = (),
    correction: Correction = "holm",
    peeking: Peeking = "none",
    tuned_for: int | None = None,
    clock: Clock = "assigned",
    level: float = 0.95,
) -> IntoFrameT:
    """How much longer an offer kept customers: days of staying within a horizon.

    The share that stays to day h does not tell when the others left. Their mean stay within h days,
    the area under the curve of staying, does; a day more of a customer is a day more of their
    profit. With S the Kaplan–Meier curve of an arm since its assignment and A_u its area from u on,

        μ = ∫ from 0 to h of S(t) dt,   V = Σ over u < h of A_u² d_u / (Y_u (Y_u − d_u)),
        difference = μ_arm − μ_control,   standard error = √(V_arm + V_control),

    as `restricted_mean` and `restricted_mean_difference` have it. Who is in an arm, strata,
    clusters, several arms and segments, and looks on the way are as in `retention_effect`. Whether
    whole curves differ, with no horizon, `compare_curves(spells_since(...), by="arm")` tells.

    Args:
        assignment: a table from `assign_arms` or `as_assignment`; a customer stands in it once.
        spells: a table from `purchase_spells` or `contract_spells`, made with the same `as_of`.
        control: the arm with which the others are compared.
        horizon: h, days after the assignment.
        as_of: the last observed day, itself included. Who is assigned later is not in it yet.
        by: segment columns of the assignment, as they stood on the day of the assignment.
        correction: of the p-values, over arms and segments: "holm", "benjamini_hochberg" or "none".
        peeking: "none", or "always-valid": bounds and p-values hold at every look at once.
        tuned_for: of always-valid bounds, the number of customers (or clusters) in both arms at
            which they are narrowest.
        clock: "assigned", or "exposed": of those alone who saw the offer, from that day on.
        level: confidence of all bounds.

    Returns:
        One row per segment and arm other than the control, in the caller's kind, sorted: the `by`
        columns, `arm`, `compared_to`, `horizon` (days), `n`, `n_mature`, `n_churned`, `n_unknown`,
        `n_set_aside` (customers, as in `retention_effect`), `restricted_mean` (days) with `lower`
        and `upper`; the same of the control with `_control`; `difference` (days) with
        `difference_lower` and `difference_upper`, its `standard_error`; `relative` (μ_arm /
        μ_control − 1) with bounds from the normal law of its logarithm; `z`, `p_value`,
        `p_adjusted`, `lower_all`, `upper_all`, `p_interaction`, `sample_ratio_p`; `reason` (why a
        difference or its bounds are not known, as where nobody of an arm left within the horizon;
        else null), and the conventions `clock`, `correction`, `peeking`.

    Raises:
        as `retention_effect`.

    Warns:
        RetentionWarning: as `retention_effect`.

    Example:
        Within 4 days: of two without an offer one left on day 2, of two with it one on day 3.

        >>> import pandas as pd
        >>> import retention as rt
        >>> assignment = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "arm": ["none", "none", "offer", "offer"],
        ...     "assigned": pd.Timestamp("2024-05-01"), "share": 0.5,
        ... })
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"], "start": pd.Timestamp("2024-01-01"),
        ...     "end": pd.to_datetime(["2024-05-03", None, "2024-05-04", None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-05-31", grace=0)
        >>> effect = rt.experiments.lifetime_effect(
        ...     assignment, spells, control="none", horizon=4, as_of="2024-05-31"
        ... )
        >>> effect[["restricted_mean", "restricted_mean_control", "difference"]]
           restricted_mean  restricted_mean_control  difference
        0              3.5                      3.0         0.5

    Source:
        Royston, P. and Parmar, M. K. B. (2013), Restricted mean survival time: an alternative to
        the hazard ratio, BMC Medical Research Methodology 13, 152.
    """
    terms = {"clock": clock, "correction": correction, "peeking": peeking}
    reading = reading_of(level=level, correction=correction, peeking=peeking, tuned_for=tuned_for)
    within = whole_days(horizon, argument="horizon", least=1)
    answer = [column.name for part in LIFETIME_EFFECT for column in part]
    trial, followed = followed_trial(
        assignment,
        spells,
        control=control,
        by=by,
        horizon=within,
        as_of=as_of,
        clock=clock,
        answer=answer,
    )
    found = effect_columns(
        trial,
        followed,
        reading,
        of="lifetime",
        horizon=within,
        figure="restricted_mean",
        bounds=bounds_about,
    )
    said = trial.constant_columns({"horizon": within, **terms})
    return table_like(trial.answer_columns(found | said, answer), assignment)
