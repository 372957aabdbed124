"""BG/NBD and MBG/NBD: customers who may leave right after a purchase."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from retention.numerics.log_beta import log_mean_kept
from retention.numerics.newton import chunks
from retention.repeat_buying.buying.bg_likelihood import BgLikelihood, log_odds_of_leaving
from retention.repeat_buying.buying.fit import CovariateModel, fit_with_covariates
from retention.repeat_buying.buying.gamma_rates import chances_after_purchases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import ArrayLike, NDArray

    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]


class _LeavesAfterAPurchase(CovariateModel):
    """What the two models share; they differ in whether the first purchase may be the last."""

    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    moved: ClassVar[tuple[int, int]] = (2, 1)
    first_too: ClassVar[bool]

    def log_odds_alive(self, theta: Floats, on: Histories) -> Floats:
        """The log-odds −d; see the likelihood."""
        own = self.own_parameters(theta, on.terms)
        return -log_odds_of_leaving(own, on.x, on.t_x, on.T, self.first_too)[0]

    def purchases_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """E[(1 − (1 + p t/(α + T))^(−r − x)) / p] over the p of those who are still alive."""
        r, alpha, a, b = theta
        stayed = b + x + self.first_too
        return purchases_until_leaving(a, stayed, r + x, within / (alpha + age))

    def some_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """1 − ((α + T)/(α + T + t))^(r + x)."""
        r, alpha, _, _ = theta
        return np.asarray(-np.expm1(-(r + x) * np.log1p(within / (alpha + age))))

    def purchases_of_new(self, theta: Floats, times: Floats) -> Floats:
        """E[(1 − (1 + p t/α)^(−r)) / p], in MBG/NBD of the b/(a + b) who stay at first."""
        r, alpha, a, b = theta
        share = b / (a + b) if self.first_too else 1.0
        return share * purchases_until_leaving(a, b + self.first_too, r, times / alpha)

    def chances_by_number(self, theta: Floats, within: float, most: int) -> Floats:
        """See `chances_after_purchases`, with k = 1."""
        return chances_after_purchases(theta, within, most, self.first_too, 1)


class BgNbdModel(_LeavesAfterAPurchase):
    """A fitted BG/NBD model: who buys again may leave right after it.

    `parameters` are r and α (rates of buying are Gamma(r, α), on average r/α in a unit of time) and
    a and b (chances of leaving after a repeat purchase are Beta(a, b), on average a/(a + b)).
    Nobody can leave before the second purchase, so all who bought once count as alive.
    """

    first_too: ClassVar[bool] = False
    model: Literal["bg_nbd"] = "bg_nbd"


class MbgNbdModel(_LeavesAfterAPurchase):
    """A fitted MBG/NBD model: whoever buys may leave right after it, the first time too.

    `parameters` are r and α (rates of buying are Gamma(r, α), on average r/α in a unit of time) and
    a and b (chances of leaving after a purchase are Beta(a, b), on average a/(a + b)).
    """

    first_too: ClassVar[bool] = True
    model: Literal["mbg_nbd"] = "mbg_nbd"


def fit_bg_nbd(
    summary: IntoFrame,
    *,
    buying_covariates: str | Sequence[str] = (),
    leaving_covariates: str | Sequence[str] = (),
) -> BgNbdModel:
    """How often customers buy and how soon they leave, if they leave after repeat purchases only.

    While a customer, each buys at random at an own rate; after each repeat purchase each leaves
    with an own chance. Rates are Gamma(r, α), chances Beta(a, b); the likelihood of a history is

        L = Γ(r + x) α^r / Γ(r) · [B(a, b + x)/B(a, b) · (α + T)^(−r − x)
            + (if x > 0) B(a + 1, b + x − 1)/B(a, b) · (α + t_x)^(−r − x)].

    With covariates z that do not change, such as the channel that won the customer, α is α e^(−γ′z)
    for a customer, with the z and γ of `buying_covariates`: for each 1 more in z they buy e^γ times
    as often on average. And a is a e^(γ′z) with those of `leaving_covariates`: the odds a/b of
    leaving are e^γ times as high. CLVTools multiplies both a and b, which leaves the mean chance as
    it is and only makes customers more alike: its effects on leaving are others.

    Fitted by maximum likelihood on the different histories. Where the data do not tell the
    parameters, the model says so in `status` and `notes`; it is not refused.

    Args:
        summary: a table of `purchase_summary`: `x`, `t_x`, `T`, one row per customer, with the
            columns of the covariates joined to it, if there are any.
        buying_covariates: columns that may tell how often customers buy, as in `fit_pareto_nbd`.
        leaving_covariates: columns that may tell how soon they leave.

    Returns:
        The model; see `BgNbdModel` and its methods.

    Raises:
        as `fit_pareto_nbd`.

    Example:
        All who bought again did so on the last day, so nobody seems to leave. On average there are
        (0 + 0 + 2 + 6)/4 = 2 repeat purchases in 10 days.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [0, 0, 2, 6], "t_x": [0.0, 0.0, 10.0, 10.0], "T": 10.0})
        >>> model = rt.repeat_buying.fit_bg_nbd(summary)
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{r / alpha:.4f} a day; {model.status}. {model.notes[-1]}")
        0.2000 a day; boundary. Nobody seems to leave.

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting Your Customers" the Easy
        Way, Marketing Science 24(2), 275–284, equation 6. Covariates: Fader, P. S. and Hardie, B.
        G. S. (2007), note 019 at brucehardie.com.
    """
    asked = (buying_covariates, leaving_covariates)
    return BgNbdModel(**_fields_of_bg_nbd(BgNbdModel, summary, asked))


def fit_mbg_nbd(
    summary: IntoFrame,
    *,
    buying_covariates: str | Sequence[str] = (),
    leaving_covariates: str | Sequence[str] = (),
) -> MbgNbdModel:
    """How often customers buy and how soon they leave, if the first purchase may be the last.

    As `fit_bg_nbd`, but customers may leave after the first purchase too, so that those who bought
    once are not all alive; the likelihood of a history is

        L = Γ(r + x) α^r / Γ(r) · [B(a, b + x + 1)/B(a, b) · (α + T)^(−r − x)
            + B(a + 1, b + x)/B(a, b) · (α + t_x)^(−r − x)].

    Args:
        summary: as in `fit_bg_nbd`.
        buying_covariates: as in `fit_bg_nbd`.
        leaving_covariates: as in `fit_bg_nbd`.

    Returns:
        The model; see `MbgNbdModel` and its methods.

    Raises:
        as `fit_bg_nbd`.

    Example:
        All bought on the last day, so nobody seems to leave; on average (1 + 1 + 3 + 11)/4 = 4
        times in 10 days.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [1, 1, 3, 11], "t_x": [10.0] * 4, "T": [10.0] * 4})
        >>> model = rt.repeat_buying.fit_mbg_nbd(summary)
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{r / alpha:.4f} a day; {model.status}. {model.notes[-1]}")
        0.4000 a day; boundary. Nobody seems to leave.

    Source:
        Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison
        of models for customer base analysis, International Journal of Research in Marketing 24(3),
        201–209.
    """
    asked = (buying_covariates, leaving_covariates)
    return MbgNbdModel(**_fields_of_bg_nbd(MbgNbdModel, summary, asked))


def _fields_of_bg_nbd(
    kind: type[_LeavesAfterAPurchase],
    summary: object,
    asked: tuple[str | Sequence[str], str | Sequence[str]],
) -> dict[str, Any]:
    likelihood_of = partial(BgLikelihood, first_too=kind.first_too)
    return fit_with_covariates(likelihood_of, _starts_of_bg_nbd, kind, summary, asked)


def _starts_of_bg_nbd(on: Histories) -> list[Floats]:
    n = on.n_customers
    x, age = float(on.n @ on.x) / n, float(on.n @ on.T) / n
    often = max(x, 1e-3) / (age or 1.0)
    tried = ((0.5, 1.0, 2.5), (0.2, 0.3, 1.0), (3, 2, 20))
    return [np.array([r, r / often, a, b]) for r, a, b in tried]


_STEP = 0.3
"""Of the trapezoid rule: its error is e^(−π²/step) where the function oscillates most."""

_DEPTH = 42.0
"""Where the density has fallen by e to the minus this, the rest is nothing."""

_ROWS = 16_384


def purchases_until_leaving(a: ArrayLike, b: ArrayLike, k: ArrayLike, q: ArrayLike) -> Floats:
    """E[(1 − (1 + p q)^(−k)) / p] over p with the distribution Beta(a, b).

    The purchases of one whose rate is Gamma(k, α) over q = t/α. The usual form with ₂F₁ overflows
    or cancels for many purchases and where a is near 1; this one does neither. With g(p) the
    expression in brackets, g(0) = k q and c = max(1, (k + 1) q/2), the expectations of

        g(0) (1 − p)^c + g(1) p

    are exact. Like g it starts at k q and falls at the same pace, so nothing cancels, and it ends
    at g(1). What is left is summed by the trapezoid rule in log(p/(1 − p)), which converges
    exponentially.

    Args:
        a: first parameter, above 0, one for all or one a case.
        b: second parameter, above 0, one a case.
        k: the shape of the rate, above 0, one a case.
        q: how far to look, 0 or more, one a case.

    Returns:
        One number a case.
    """
    arrays = [np.asarray(values, np.float64) for values in (a, b, k, q)]
    cases = [values.reshape(-1) for values in np.broadcast_arrays(*arrays)]
    found = np.empty(cases[0].size)
    for rows in chunks(found.size, _ROWS):
        found[rows] = _integral_over_chances(*(values[rows] for values in cases))
    return found


def _integral_over_chances(a: Floats, b: Floats, k: Floats, q: Floats) -> Floats:
    from scipy.special import betaln

    first, last = k * q, -np.expm1(-k * np.log1p(q))
    power = np.maximum((k + 1) * q / 2, 1.0)
    mode = np.log((a + 1) / (b + 1))
    start = mode - reach_from_mode(a + 1, b + 1, _DEPTH) - np.log(power)
    whole = mode + reach_from_mode(b + 1, a + 1, _DEPTH) - start
    narrow = np.sqrt((a + b + 2) / ((a + 1) * (b + 1)))
    points = int(np.ceil((whole / np.minimum(_STEP, 0.7 * narrow)).max()))
    width, scale = whole / points, betaln(a, b)
    total = np.zeros(b.size)
    for point in range(points + 1):
        y = start + point * width
        log_p, log_rest = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
        p = np.exp(log_p)
        bend = -np.expm1(-k * np.log1p(p * q)) / p - first * np.exp(power * log_rest) - last * p
        total += bend * np.exp(a * log_p + b * log_rest - scale)
    mean = a / (a + b)
    found = first * np.exp(log_mean_kept(a, b, power)) + last * mean + total * width
    # g is convex and at most k q
    return np.clip(found, -np.expm1(-k * np.log1p(mean * q)) / mean, first)


def reach_from_mode(slope: Floats, other: Floats, depth: float = 75.0) -> Floats:
    """How far from its mode the density of log(p/(1 − p)) has fallen by e^(−depth), on one side.

    At a distance w the log of the density has fallen by (s + o) log(1 + o/(s + o) (e^w − 1)) − o w,
    which is convex: Newton's method from a bound beyond the root comes down to it.
    """
    total = slope + other
    curve = slope * other / total
    share = other / total
    w = np.where(curve < 3 * depth, depth / curve + 1, np.sqrt(3 * depth / curve))
    for _ in range(5):
        grown = share * np.expm1(w)
        fallen = total * np.log1p(grown) - other * w
        steepness = total * (grown + share) / (1 + grown) - other
        w = w - (fallen - depth) / steepness
    return np.asarray(w)
