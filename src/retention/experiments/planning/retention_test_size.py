"""How many customers a test of retention takes, counted as shares kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.errors import RetentionError, is_number
from retention.experiments.planning.planned_arms import (
    ARMS,
    CONVENTIONS,
    Arms,
    Contrast,
    Effects,
    arms_of,
    refuse_other_than_one_unknown,
    single_row_answer,
    solved_for,
)
from retention.tables.answer_columns import differences, gives, numbers, shares

if TYPE_CHECKING:
    import pandas as pd

_METHOD = (
    "two shares, variance pooled where there is no effect, two sides, not continuity corrected"
)


@gives(
    "a test",
    ARMS,
    shares("retention", "retention_treated"),
    differences("difference"),
    shares("power"),
    numbers("n_events", unit="customers"),
    CONVENTIONS,
)
def retention_test_size(
    *,
    retention: float,
    difference: float | None = None,
    n: int | None = None,
    power: float | None = None,
    shares: tuple[float, float] = (0.5, 0.5),
    level: float = 0.95,
    cluster_size: float | None = None,
    icc: float | None = None,
) -> pd.DataFrame:
    """How many customers show that an offer keeps more, which effect they show, or how surely.

    Of `difference`, `n` and `power` leave out the one you want to know. With p the retention of the
    control, q = p + difference, w₀ and w₁ the shares of the arms, p̄ = w₀ p + w₁ q and z the normal
    quantiles, the customers of both arms are

        n = ( z_{(1+level)/2} √(p̄(1 − p̄)(1/w₀ + 1/w₁)) + z_{power} √(p(1 − p)/w₀ + q(1 − q)/w₁) )²
            / difference²

    and the same solved for the power, or for the difference. It is the test of two shares with the
    variance pooled where there is no effect, on two sides, without continuity correction. Only the
    side of the effect counts as found.

    Customers in clusters (all of a branch or an agent in one arm) say less: n is multiplied by the
    design effect 1 + (m − 1) ρ, with m customers in a cluster and their correlation ρ. Of clusters
    of unequal size take m = Σ m² / Σ m. With few of them Student's t asks for more: nine to
    fourteen clusters an arm planned for a power of 0.8 had 0.78, and with one more in each arm 0.82
    in simulation; take that one.

    The size is for customers who are all mature: watched until retention is known of them. If many
    are not yet when the test is read, `survival_test_size` plans with those who are half watched.
    With several offers beside one control, plan each against it with the level 1 − 0.05 / offers.

    Args:
        retention: p, share kept of the control, such as 0.8 for 80 %.
        difference: of the share kept, offer less control, such as 0.02 for two points; negative if
            a loss is to be found.
        n: customers of both arms together.
        power: chance that the difference is found, 0.5 to 1.
        shares: of the control and of those who get the offer.
        level: 1 less the chance of a false alarm.
        cluster_size: m, customers in a cluster; None if each customer is assigned alone.
        icc: ρ, correlation of two customers of a cluster, 0 to 1; goes with `cluster_size`.

    Returns:
        A pandas table of one row: `n_control`, `n_treated` (rounded up), `n`; `retention`,
        `retention_treated`, `difference` (if left out, the least that is found, above 0); `power`
        (of the whole customers in the row); `n_events` (customers expected to leave, of both arms;
        below 5 in an arm the normal law is rough); and the conventions `design_effect`,
        `n_clusters` (of both arms, rounded up in each; null without clusters), `level`,
        `share_treated`, `method`.

    Raises:
        RetentionError: if not exactly one of the three is left out, or a share is none.
        ContentError: if the effect is too small for any test, or n for any effect.

    Example:
        To find 82 instead of 80 of 100 kept takes 6,039 customers in each arm.

        >>> import retention as rt
        >>> size = rt.experiments.retention_test_size(retention=0.8, difference=0.02, power=0.8)
        >>> size[["n_control", "n_treated", "n"]]
           n_control  n_treated      n
        0       6039       6039  12078

        With 1,000 in all, only a gain of more than 6 points would be found as surely.

        >>> found = rt.experiments.retention_test_size(retention=0.8, n=1_000, power=0.8)
        >>> print(found["difference"].round(3)[0])
        0.066

    Source:
        Fleiss, J. L., Levin, B. and Paik, M. C. (2003), Statistical Methods for Rates and
        Proportions, 3rd ed., chapter 4; R's `power.prop.test`. Clusters: Donner, A. and Klar, N.
        (2000), Design and Analysis of Cluster Randomization Trials, chapter 5.
    """
    refuse_other_than_one_unknown({"difference": difference, "n": n, "power": power})
    arms = arms_of(shares, level, cluster_size, icc)
    _refuse_no_shares(retention, difference)
    retention = float(retention)  # not as NumPy reckons
    difference = None if difference is None else float(difference)
    effects = Effects(
        lambda apart: _contrast(arms, retention, apart), 0.0, 1 - retention, "a retention of 100 %"
    )
    found = solved_for(arms, effects, effect=difference, n=n, power=power)
    kept = retention + found.effect
    left = found.sizes[0] * (1 - retention) + found.sizes[1] * (1 - kept)
    return single_row_answer(
        {
            **found.columns,
            "retention": float(retention),
            "retention_treated": kept,
            "difference": float(found.effect),
            "power": found.power,
            "n_events": left,
            **arms.conventions(found.sizes, _METHOD),
        }
    )


def _refuse_no_shares(retention: object, difference: object) -> None:
    """Refuse retention or a difference that are none, such as in per cent."""
    if not (is_number(retention) and 0 < retention < 1):
        raise RetentionError(
            "retention (of the control) must lie between 0 and 1, such as 0.8 for 80 %; got "
            f"{retention!r}."
        )
    if difference is None:
        return
    if not (is_number(difference) and 0 < abs(difference) < 1):
        raise RetentionError(
            "difference (of the shares kept, offer less control) must lie between -1 and 1 and not "
            f"be 0, such as 0.02 for two points; got {difference!r}."
        )
    if not 0 <= retention + difference <= 1:
        raise RetentionError(
            f"retention {retention:g} and difference {difference:g} make {retention + difference:g}"
            ", which is no share of customers."
        )


def _contrast(arms: Arms, retention: float, apart: float) -> Contrast:
    """Of two shares: the variance pooled where there is no effect, and that of each where there is.

    A gain to 1 in floats may come out a hair above it.
    """
    kept = min(max(retention + apart, 0.0), 1.0)
    pooled = arms.control * retention + arms.treated * kept
    plain = pooled * (1 - pooled) * (1 / arms.control + 1 / arms.treated)
    real = retention * (1 - retention) / arms.control + kept * (1 - kept) / arms.treated
    return Contrast(apart, plain, real)
