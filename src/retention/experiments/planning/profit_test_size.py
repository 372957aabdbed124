"""How many customers a test of money takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import RetentionError, is_number
from retention.experiments.planning.planned_arms import (
    ARMS,
    CONVENTIONS,
    Contrast,
    Effects,
    arms_of,
    refuse_other_than_one_unknown,
    single_row_answer,
    solved_for,
)
from retention.orders import MOST
from retention.tables.answer_columns import amounts, gives, shares

if TYPE_CHECKING:
    import pandas as pd

_METHOD = "two means, each with its own variance (Welch), two sides"

_LEAST = 1e-100  # of a deviation, whose square is a float
_MOST_LEFT = 1.5  # slopes that explain nothing leave a little more than all of it


@gives(
    "a test",
    ARMS,
    amounts("difference"),
    shares("power"),
    amounts("sd_control", "sd_treated"),
    shares("variance_left"),
    CONVENTIONS,
)
def profit_test_size(  # noqa: PLR0913 - a test of money has that many terms
    *,
    sd: float | tuple[float, float],
    difference: float | None = None,
    n: int | None = None,
    power: float | None = None,
    variance_left: float = 1.0,
    shares: tuple[float, float] = (0.5, 0.5),
    level: float = 0.95,
    cluster_size: float | None = None,
    icc: float | None = None,
) -> pd.DataFrame:
    """How many customers show that an offer brings more money, which gain they show, how surely.

    Of `difference`, `n` and `power` leave out the one you want to know. With σ₀ and σ₁ the standard
    deviations of a customer's money in the arms, w₀ and w₁ their shares, r the variance left and z
    the normal quantiles, the customers of both arms are

        n = (z_{(1+level)/2} + z_{power})² r (σ₀²/w₀ + σ₁²/w₁) / difference²

    and the same solved for the power, or for the difference. Student's t, by which small arms are
    read, would take one customer more in each. Only the side of the effect counts as found.

    Customers who buy nothing count with 0, in σ too. σ hangs on the days that are watched: take it
    from `profit_effect` over as many (`sd`), or from the sales of past customers. If what they
    bought before is used to explain what they buy (`before=`), its `variance_left` is r: 0.4 means
    that four of ten customers are enough. The few who spend a hundred times the mean make σ: with a
    `cap=` it is smaller, and what is capped is no longer part of the question.

    Customers in clusters (all of a branch or an agent in one arm) say less: n is multiplied by the
    design effect 1 + (m − 1) ρ, with m customers in a cluster and their correlation ρ. Of clusters
    of unequal size take m = Σ m² / Σ m. With fewer than some thirty clusters take one more in each
    arm, for Student's t.

    Args:
        sd: σ, currency a customer; one number, or two, of the control and of those who get the
            offer.
        difference: currency a customer, offer less control; negative if a loss is to be found.
        n: customers of both arms together.
        power: chance that the difference is found, 0.5 to 1.
        variance_left: r, share of the variance that what came before does not explain.
        shares: of the control and of those who get the offer.
        level: 1 less the chance of a false alarm.
        cluster_size: m, customers in a cluster; None if each customer is assigned alone.
        icc: ρ, correlation of two customers of a cluster, 0 to 1; goes with `cluster_size`.

    Returns:
        A pandas table of one row: `n_control`, `n_treated` (rounded up), `n`; `difference` (if left
        out, the least that is found, above 0); `power` (of the whole customers in the row);
        `sd_control`, `sd_treated`, `variance_left`; and the conventions `design_effect`,
        `n_clusters` (of both arms, rounded up in each; null without clusters), `level`,
        `share_treated`, `method`.

    Raises:
        RetentionError: if not exactly one of the three is left out, or a number is none it may be.
        ContentError: if the effect is too small for any test, or n for any effect.

    Example:
        Money that spreads by 15 a customer hides a gain of 0.50 from all but 14,128 in each arm.

        >>> import retention as rt
        >>> size = rt.experiments.profit_test_size(sd=15, difference=0.5, power=0.8)
        >>> size[["n_control", "n_treated", "power"]].round(3)
           n_control  n_treated  power
        0      14128      14128    0.8

        By hand: (1.96 + 0.84)² 2 · 15² / 0.5², and with half of the variance left half of it.

        >>> half = rt.experiments.profit_test_size(
        ...     sd=15, difference=0.5, power=0.8, variance_left=0.5
        ... )
        >>> print(half["n_control"][0])
        7064

    Source:
        Lachin, J. M. (1981), Introduction to sample size determination and power analysis for
        clinical trials, Controlled Clinical Trials 2, 93–113; R's `power.t.test` adds what
        Student's t takes. Clusters: Donner, A. and Klar, N. (2000), Design and Analysis of Cluster
        Randomization Trials, chapter 5.
    """
    refuse_other_than_one_unknown({"difference": difference, "n": n, "power": power})
    arms = arms_of(shares, level, cluster_size, icc)
    control, treated = _deviations(sd)
    _refuse_no_money(difference, variance_left)
    difference = None if difference is None else float(difference)  # not as NumPy reckons
    variance = variance_left * (control**2 / arms.control + treated**2 / arms.treated)
    farthest = 100 * variance**0.5  # any n of two in each arm finds that
    effects = Effects(
        lambda apart: Contrast(apart, variance, variance), 0.0, farthest, "a hundred deviations"
    )
    found = solved_for(arms, effects, effect=difference, n=n, power=power)
    return single_row_answer(
        {
            **found.columns,
            "difference": float(found.effect),
            "power": found.power,
            "sd_control": control,
            "sd_treated": treated,
            "variance_left": float(variance_left),
            **arms.conventions(found.sizes, _METHOD),
        }
    )


def _deviations(sd: object) -> tuple[float, float]:
    """The standard deviations of the control and of those who get the offer."""
    two: list[Any] = list(sd) if isinstance(sd, list | tuple | np.ndarray) else [sd, sd]
    if len(two) != 2 or not all(is_number(one) and _LEAST < one <= MOST for one in two):
        raise RetentionError(
            "sd (the standard deviation of a customer's money) must be a number above 0, or two of "
            f"them, of the control and of those who get the offer; got {sd!r}."
        )
    return float(two[0]), float(two[1])


def _refuse_no_money(difference: object, variance_left: object) -> None:
    """Refuse a difference that is none or 0, and a variance left that is no share."""
    if difference is not None and not (is_number(difference) and 0 < abs(difference) <= MOST):
        raise RetentionError(
            "difference (currency a customer, offer less control) must be a number and not 0; got "
            f"{difference!r}."
        )
    if not (is_number(variance_left) and 0 < variance_left <= _MOST_LEFT):
        raise RetentionError(
            "variance_left must lie above 0 and be about 1 at most, such as 0.4 if what came "
            f"before explains 60 % of it; got {variance_left!r}."
        )
