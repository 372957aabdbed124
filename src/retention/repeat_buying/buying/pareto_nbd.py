"""Pareto/NBD: customers who may leave at any time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from retention.numerics.newton import chunks
from retention.repeat_buying.buying.fit import CovariateModel, fit_with_covariates
from retention.repeat_buying.buying.gamma_rates import purchase_chances
from retention.repeat_buying.buying.pareto_likelihood import (
    ROWS,
    ParetoLikelihood,
    Powers,
    log_odds_gone,
    log_odds_with_slopes,
)
from retention.repeat_buying.summary.purchase_histories import distinct_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]


_FARTHEST = 3.7
"""Beyond it what is left at either end of the time is nothing: e^(−π sinh y) is below 1e-27."""

_PLACES = 241


class ParetoNbdModel(CovariateModel):
    """A fitted Pareto/NBD model: customers buy at random and may leave at any time.

    `parameters` are r and α (rates of buying are Gamma(r, α), on average r/α in a unit of time) and
    s and β (rates of leaving are Gamma(s, β), on average s/β). With covariates α and β are those of
    customers whose covariates are 0; others have α e^(−γ′z) and β e^(−γ′z), with γ in `effects`.
    """

    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    moved: ClassVar[tuple[int, int]] = (3, -1)
    model: Literal["pareto_nbd"] = "pareto_nbd"

    def log_odds_alive(self, theta: Floats, on: Histories) -> Floats:
        """The log-odds −d; see the likelihood."""
        return -log_odds_gone(self.own_parameters(theta, on.terms), on, 24)

    def purchases_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """(r + x)/(α + T) · (β + T)/(s − 1) · (1 − ((β + T)/(β + T + t))^(s − 1))."""
        r, alpha, s, beta = theta
        return np.asarray((r + x) / (alpha + age) * time_alive(s, beta + age, within))

    def some_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """∫ (r + x)/a (1 + u/a)^(−r − x − 1) (1 + u/b)^(−s) du to t, with a = α + T, b = β + T."""
        r, alpha, s, beta = theta
        until_a, until_b = alpha + age, beta + age
        found = np.empty(x.size)
        for rows in chunks(x.size, ROWS):
            k, a = r + x[rows], until_a[rows]
            powers = Powers(a, until_b[rows], k + 1, s, np.full(k.size, within))
            found[rows] = k / a * np.exp(powers.log_integral(32))
        return np.minimum(found, 1.0)

    def slopes_of_silence(self, on: Histories, within: float) -> Floats | None:
        """By derivatives, which cost as much as two predictions; differences take eight."""
        if self.effects or within == 0:
            return None
        log_odds, slopes = log_odds_with_slopes(self.theta, on, 24)
        first, place = distinct_pairs(on)
        some, some_slopes = self._log_some_with_slopes(on.x[first], on.T[first], within)
        gone = np.exp(-np.logaddexp(0.0, -log_odds))
        chance = some[place] - np.logaddexp(0.0, log_odds)
        found = (gone * slopes - some_slopes[:, place]) / -np.expm1(chance)
        return np.asarray(found * self.theta[:, None])

    def _log_some_with_slopes(self, x: Floats, age: Floats, within: float) -> tuple[Floats, Floats]:
        """The log of `some_if_alive`, and its slopes by r, α, s and β."""
        r, alpha, s, beta = self.theta
        found, slopes = np.empty(x.size), np.empty((4, x.size))
        for rows in chunks(x.size, ROWS):
            k, a, b = r + x[rows], alpha + age[rows], beta + age[rows]
            log_integral, means = Powers(a, b, k + 1, s, np.full(k.size, within)).means(32)
            found[rows] = np.log(k / a) + log_integral
            slopes[0, rows] = 1 / k - means[0]
            slopes[1, rows] = (k + 1) * means[1] - 1 / a
            slopes[2, rows] = -means[2]
            slopes[3, rows] = s * means[3]
        return np.minimum(found, 0.0), slopes

    def purchases_of_new(self, theta: Floats, times: Floats) -> Floats:
        """(r/α) · β/(s − 1) · (1 − (β/(β + t))^(s − 1))."""
        r, alpha, s, beta = theta
        return np.asarray(r / alpha * time_alive(s, beta, times))

    def chances_by_number(self, theta: Floats, within: float, most: int) -> Floats:
        """Of those still here, a negative binomial; of those who left at u, one up to u.

        (β/(β + t))^s P(n; t) + ∫ s β^s (β + u)^(−s − 1) P(n; u) du to t, the integral by the
        trapezoid rule in y, with u = t/(1 + e^(−π sinh y)).
        """
        r, alpha, s, beta = (float(np.squeeze(each)) for each in theta)
        y = np.linspace(-_FARTHEST, _FARTHEST, _PLACES)
        share = np.pi * np.sinh(y)
        u = within * np.exp(-np.logaddexp(0.0, -share))
        log_width = np.log(np.pi * np.cosh(y) * (y[1] - y[0])) - np.logaddexp(0.0, share)
        log_density = np.log(s / beta) - (s + 1) * np.log1p(u / beta) + log_width
        gone = u * np.exp(log_density) @ purchase_chances(r, alpha, u, most)
        here = np.exp(-s * np.log1p(within / beta))
        stay = purchase_chances(r, alpha, np.array([within]), most)[0]
        return np.asarray(here * stay + gone)


def fit_pareto_nbd(
    summary: IntoFrame,
    *,
    buying_covariates: str | Sequence[str] = (),
    leaving_covariates: str | Sequence[str] = (),
) -> ParetoNbdModel:
    """How often customers buy and how soon they leave, if they may leave at any time.

    While a customer, each buys at random at an own rate, and each leaves at random at another own
    rate. Rates are Gamma(r, α) and Gamma(s, β); the likelihood of a history is

        L = Γ(r + x) α^r β^s / Γ(r) · [(α + T)^(−r − x) (β + T)^(−s)
            + s ∫ (α + u)^(−r − x) (β + u)^(−s − 1) du from t_x to T].

    With covariates z that do not change, such as the channel that won the customer, α is α e^(−γ′z)
    for a customer, with the z and γ of `buying_covariates`: for each 1 more in z they buy e^γ times
    as often on average. And β is β e^(−γ′z) with those of `leaving_covariates`: customers leave e^γ
    times as fast. A column may be in both.

    Fitted by maximum likelihood on the different histories. Where the data do not tell the
    parameters, the model says so in `status` and `notes`; it is not refused.

    Args:
        summary: a table of `purchase_summary`: `x`, `t_x`, `T`, one row per customer, with the
            columns of the covariates joined to it, if there are any.
        buying_covariates: columns that may tell how often customers buy: numbers, true or false,
            or text (one effect for each label but the first in the alphabet).
        leaving_covariates: columns that may tell how soon they leave.

    Returns:
        The model; see `ParetoNbdModel` and its methods. What it is asked about must have the
        columns of the covariates too.

    Raises:
        ColumnError: if `x`, `t_x`, `T` or a covariate is missing or of the wrong type.
        ContentError: if the summary is empty or a history cannot be; if a covariate is missing for
            somebody, is the same for all, or follows from others.

    Example:
        All bought on the last day, so nobody seems to leave; on average (1 + 1 + 3 + 11)/4 = 4
        times in 10 days.

        >>> import math
        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [1, 1, 3, 11], "t_x": [10.0] * 4, "T": [10.0] * 4})
        >>> model = rt.repeat_buying.fit_pareto_nbd(summary)
        >>> r, alpha, s, beta = model.parameters
        >>> print(f"{r / alpha:.4f} a day; {model.status}. {model.notes[-1]}")
        0.4000 a day; boundary. Nobody seems to leave.

        Those who came through an advertisement bought 6 times on average, the others twice.

        >>> summary = pd.DataFrame({"x": [1, 3, 4, 8], "t_x": [10.0] * 4, "T": [10.0] * 4})
        >>> summary["from_ad"] = [False, False, True, True]
        >>> model = rt.repeat_buying.fit_pareto_nbd(summary, buying_covariates="from_ad")
        >>> print(f"{math.exp(model.effects[0]):.4f} times as often")
        3.0000 times as often

    Source:
        Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are
        they and what will they do next?, Management Science 33(1), 1–24; in the form of Fader,
        P. S. and Hardie, B. G. S. (2005), A note on deriving the Pareto/NBD model. Covariates:
        Fader, P. S. and Hardie, B. G. S. (2007), Incorporating time-invariant covariates into the
        Pareto/NBD and BG/NBD models, note 019 at brucehardie.com.
    """
    asked = (buying_covariates, leaving_covariates)
    return ParetoNbdModel(
        **fit_with_covariates(
            ParetoLikelihood,
            _starting_points,
            ParetoNbdModel,
            summary,
            asked,
            rough=partial(ParetoLikelihood, n=12),
        )
    )


def time_alive(s: float, scale: Floats | float, time: Floats | float) -> Floats:
    """How long one stays within some time whose chance of staying is ((B/(B + u))^s).

    B/(s − 1) · (1 − (B/(B + t))^(s − 1)), which at s = 1 is B log(1 + t/B).
    """
    grown = np.log1p(np.asarray(time) / scale)
    if abs(s - 1) < 1e-12:
        return np.asarray(scale * grown)
    return np.asarray(-scale * np.expm1((1 - s) * grown) / (s - 1))


def _starting_points(on: Histories) -> list[Floats]:
    n = on.n_customers
    x, age = float(on.n @ on.x) / n, float(on.n @ on.T) / n or 1.0
    often = max(x, 1e-3) / age
    tried = ((0.7, 0.7, 0.6, 0.5), (0.2, 1.0, 0.3, 0.1), (3.0, 1.0, 2.0, 2.0))
    return [np.array([r, c * r / often, s, b * age]) for r, c, s, b in tried]
