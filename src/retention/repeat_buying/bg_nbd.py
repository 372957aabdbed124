"""BG/NBD and MBG/NBD: customers who may leave right after a purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from retention.repeat_buying.bg_likelihood import BgLikelihood, gone
from retention.repeat_buying.expectations import purchases_until_leaving
from retention.repeat_buying.histories import Histories, read_histories
from retention.repeat_buying.models import PurchaseModel
from retention.repeat_buying.purchase_fits import fit_purchases

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class _LeavesAfterAPurchase(PurchaseModel):
    """What the two models share; they differ in whether the first purchase may be the last."""

    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    first_too: ClassVar[bool]

    def log_odds_alive(self, theta: Floats, on: Histories) -> Floats:
        """The log-odds −d; see the likelihood."""
        return -gone(theta, on.x, on.t_x, on.T, self.first_too)[0]

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


def fit_bg_nbd(summary: object) -> BgNbdModel:
    """How often customers buy and how soon they leave, if they leave after repeat purchases only.

    While a customer, each buys at random at an own rate; after each repeat purchase each leaves
    with an own chance. Rates are Gamma(r, α), chances Beta(a, b); the likelihood of a history is

        L = Γ(r + x) α^r / Γ(r) · [B(a, b + x)/B(a, b) · (α + T)^(−r − x)
            + (if x > 0) B(a + 1, b + x − 1)/B(a, b) · (α + t_x)^(−r − x)].

    Fitted by maximum likelihood on the different histories. Where the data do not tell the
    parameters, the model says so in `status` and `notes`; it is not refused.

    Args:
        summary: a table of `purchase_summary`: `x`, `t_x`, `T`, one row a customer.

    Returns:
        The model; see `BgNbdModel` and its methods.

    Raises:
        ColumnError: if `x`, `t_x` or `T` is missing or of the wrong type.
        ContentError: if the summary is empty or a history cannot be.

    Example:
        All who bought again did so on the last day, so nobody seems to leave. On average there are
        (0 + 0 + 2 + 6)/4 = 2 repeat purchases in 10 days.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [0, 0, 2, 6], "t_x": [0.0, 0.0, 10.0, 10.0], "T": 10.0})
        >>> model = rt.fit_bg_nbd(summary)
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{r / alpha:.4f} a day; {model.status}. {model.notes[-1]}")
        0.2000 a day; boundary. Nobody seems to leave.

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting Your Customers" the Easy
        Way, Marketing Science 24(2), 275–284, equation 6.
    """
    return BgNbdModel(**_fitted(read_histories(summary), first_too=False))


def fit_mbg_nbd(summary: object) -> MbgNbdModel:
    """How often customers buy and how soon they leave, if the first purchase may be the last.

    As `fit_bg_nbd`, but customers may leave after the first purchase too, so that those who bought
    once are not all alive; the likelihood of a history is

        L = Γ(r + x) α^r / Γ(r) · [B(a, b + x + 1)/B(a, b) · (α + T)^(−r − x)
            + B(a + 1, b + x)/B(a, b) · (α + t_x)^(−r − x)].

    Args:
        summary: a table of `purchase_summary`: `x`, `t_x`, `T`, one row a customer.

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
        >>> model = rt.fit_mbg_nbd(summary)
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{r / alpha:.4f} a day; {model.status}. {model.notes[-1]}")
        0.4000 a day; boundary. Nobody seems to leave.

    Source:
        Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison
        of models for customer base analysis, International Journal of Research in Marketing 24(3),
        201–209.
    """
    return MbgNbdModel(**_fitted(read_histories(summary), first_too=True))


def _fitted(on: Histories, *, first_too: bool) -> dict[str, Any]:
    n = on.n_customers
    x, age = float(on.n @ on.x) / n, float(on.n @ on.T) / n
    often = max(x, 1e-3) / (age or 1.0)
    starts = [
        np.array([r, r / often, a, b]) for r, a, b in ((0.5, 1.0, 2.5), (0.2, 0.3, 1.0), (3, 2, 20))
    ]
    likelihood = BgLikelihood(on, first_too=first_too)
    return fit_purchases(likelihood, starts, _LeavesAfterAPurchase.names, on)
