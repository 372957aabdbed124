"""BG/CNBD-k and MBG/CNBD-k: customers who buy regularly and may leave right after a purchase."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np
from pydantic import Field

from retention.errors import ColumnError, ContentError, RetentionError, count_of
from retention.frames import count, one_row
from retention.numerics.positive_parameters import fit_logs
from retention.repeat_buying.buying.bg_likelihood import (
    BgLikelihood,
    EventsSince,
    log_odds_of_leaving,
)
from retention.repeat_buying.buying.fit import fit_purchases, histories_to_search
from retention.repeat_buying.buying.gamma_rates import chances_after_purchases
from retention.repeat_buying.buying.purchase_model import PurchaseModel
from retention.repeat_buying.summary.purchase_histories import Histories, read_histories
from retention.tables import PURCHASE_SUMMARY, require

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_REGULAR = 12
"""No k beyond it is tried: the gaps of such customers differ by less than a third of their mean."""

_NOTHING = 1e-14

_STRAIGHT = 32.0
"""From so many times L purchases ahead on, the sum over them goes in steps that grow."""

_STEPS_UP = 10
_NO_GAP = (
    "Nobody bought twice on different days, so how regularly customers buy is not told: k = 1."
)

_AT_MOST = f"k = {MOST_REGULAR} is the most that is tried: customers may buy more regularly still."


class _LeavesBetweenRegularPurchases(PurchaseModel):
    """What the two models share; they differ in whether the first purchase may be the last."""

    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    first_too: ClassVar[bool]

    k: int = Field(ge=1, le=MOST_REGULAR)

    def log_odds_alive(self, theta: Floats, on: Histories) -> Floats:
        """Log S − d; see the likelihood."""
        gone = log_odds_of_leaving(theta, on.x, on.t_x, on.T, self.first_too, self.k)[0]
        return self._events_until(theta, on, 0.0).log_weight - gone

    def log_purchases_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of Σ_m E[(1 − p)^(m − 1)] · P(the m-th purchase to come is within that time)."""
        ahead = within / (theta[1] + on.T)
        waits = self._events_until(theta, on, 0.0)
        found = regular_purchases(theta[2], theta[3] + on.x + self.first_too, waits, ahead)
        return np.asarray(np.log(found))

    def log_some_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of 1 − ((α + T)/(α + T + t))^(r + k x) · S(T + t)/S(T)."""
        r, alpha, _, _ = theta
        later, now = (self._events_until(theta, on, time) for time in (within, 0.0))
        silent = -(r + self.k * on.x) * np.log1p(within / (alpha + on.T))
        silent += later.log_weight - now.log_weight
        return np.asarray(np.log(-np.expm1(np.minimum(silent, 0.0))))

    def purchases_of_new(self, theta: Floats, times: Floats) -> Floats:
        """The same sum for x = T = 0, in MBG/CNBD-k of the b/(a + b) who stay at first."""
        r, alpha, a, b = theta
        share = b / (a + b) if self.first_too else 1.0
        at = np.asarray(times, np.float64)
        waits = EventsSince(np.full(at.size, r), np.zeros(at.size), self.k)
        staying = np.full(at.size, b + self.first_too)
        return share * regular_purchases(a, staying, waits, at / alpha)

    def chances_by_number(self, theta: Floats, within: float, most: int) -> Floats:
        """See `chances_after_purchases`."""
        return chances_after_purchases(theta, within, most, self.first_too, self.k)

    def _events_until(self, theta: Floats, on: Histories, within: float) -> EventsSince:
        """Events since the last purchase of those alive who stay silent for some time from now."""
        silence = (on.T - on.t_x + within) / (theta[1] + on.T + within)
        return EventsSince(theta[0] + self.k * on.x, silence, self.k)


class BgCnbdModel(_LeavesBetweenRegularPurchases):
    """A fitted BG/CNBD-k model: regular buyers, who may leave right after they buy again.

    `k` says how regular gaps are (Erlang-k: their standard deviation is 1/√k of their mean; k = 1
    is BG/NBD). `parameters` are r and α (on average a customer buys r/(k α) times in a unit of
    time) and a and b (chances of leaving after a repeat purchase are Beta(a, b)).
    """

    first_too: ClassVar[bool] = False
    model: Literal["bg_cnbd"] = "bg_cnbd"


class MbgCnbdModel(_LeavesBetweenRegularPurchases):
    """A fitted MBG/CNBD-k model: regular buyers, who may leave right after any purchase.

    `k` says how regular gaps are (Erlang-k: their standard deviation is 1/√k of their mean; k = 1
    is MBG/NBD). `parameters` are r and α (on average a customer buys r/(k α) times in a unit of
    time) and a and b (chances of leaving after a purchase are Beta(a, b)).
    """

    first_too: ClassVar[bool] = True
    model: Literal["mbg_cnbd"] = "mbg_cnbd"


def fit_bg_cnbd(summary: IntoFrame, *, k: int | None = None) -> BgCnbdModel:
    """How often and how regularly customers buy, if they leave after repeat purchases only.

    As `fit_mbg_cnbd`, but nobody leaves before the second purchase, as in `fit_bg_nbd`: e^d is left
    out for x = 0, and B(a + 1, b + x − 1), B(a, b + x) stand for B(a + 1, b + x), B(a, b + x + 1).

    Args:
        summary: as in `fit_mbg_cnbd`.
        k: as in `fit_mbg_cnbd`.

    Returns:
        The model; see `BgCnbdModel` and its methods.

    Raises:
        as `fit_mbg_cnbd`.

    Example:
        With k = 1 it is BG/NBD.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [0, 0, 2, 6], "t_x": [0.0, 0.0, 10.0, 10.0], "T": 10.0})
        >>> model = rt.repeat_buying.fit_bg_cnbd(summary, k=1)
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{r / alpha:.4f} a day; {model.status}. {model.notes[-1]}")
        0.2000 a day; boundary. Nobody seems to leave.

    Source:
        as `fit_mbg_cnbd`.
    """
    return BgCnbdModel(**_fields_of_cnbd(summary, k, first_too=False))


def fit_mbg_cnbd(summary: IntoFrame, *, k: int | None = None) -> MbgCnbdModel:
    """How often and how regularly customers buy, and how soon they leave, the first time too.

    For customers who buy on a schedule: every week, every season, once a year. While a customer,
    each has events at random at an own rate λ, and every k-th of them is a purchase, so that gaps
    between purchases are Erlang-k; after each purchase each leaves with an own chance p. Rates are
    Gamma(r, α), chances Beta(a, b). With g₁ … gₓ the gaps of a customer, c = r + k x and
    S = Σ_{j<k} c (c + 1) … (c + j − 1)/j! · ((T − t_x)/(α + T))^j the likelihood of a history is

        L = Π gᵢ^(k − 1)/(k − 1)! · Γ(c) α^r / Γ(r) · [B(a, b + x + 1)/B(a, b) · (α + T)^(−c) · S
            + B(a + 1, b + x)/B(a, b) · (α + t_x)^(−c)].

    k = 1 is MBG/NBD. Fitted by maximum likelihood for k = 1, 2, 3 … until two in a row fit worse
    than the best, up to 12; standard errors and bounds take k as known.

    Args:
        summary: a table of `summary_with_gaps`: `x`, `t_x`, `T`, `log_gaps`, one row per customer.
        k: how regular they are, 1 to 12; then `log_gaps` is not needed. Default: the most likely.

    Returns:
        The model; see `MbgCnbdModel` and its methods. `log_likelihood` is null where `log_gaps` is
        not there and k is above 1.

    Raises:
        RetentionError: if k is no whole number from 1 to 12.
        ColumnError: if `x`, `t_x` or `T` is missing or of the wrong type, or `log_gaps` is and k is
            not said.
        ContentError: if the summary is empty, or a history or its gaps cannot be.

    Example:
        Ten customers buy every ten days to the day; nobody seems to leave, or to be less regular
        than can be told apart.

        >>> import math
        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [5] * 10, "t_x": [50.0] * 10, "T": [55.0] * 10})
        >>> summary["log_gaps"] = 5 * math.log(10)
        >>> model = rt.repeat_buying.fit_mbg_cnbd(summary)
        >>> r, alpha, a, b = model.parameters
        >>> print(f"k = {model.k}, one purchase in {model.k * alpha / r:.1f} days")
        k = 12, one purchase in 10.0 days

    Source:
        Reutterer, T., Platzer, M. and Schröder, N. (2021), Leveraging purchase regularity for
        predicting customer behavior the easy way, International Journal of Research in Marketing
        38(1), 194–215; Platzer, M. and Reutterer, T. (2016), Ticking away the moments: Timing
        regularity helps to better predict customer activity, Marketing Science 35(5), 779–799.
    """
    return MbgCnbdModel(**_fields_of_cnbd(summary, k, first_too=True))


def _fields_of_cnbd(summary: object, k: int | None, *, first_too: bool) -> dict[str, Any]:
    if k is not None and (isinstance(k, bool) or k not in range(1, MOST_REGULAR + 1)):
        raise RetentionError(f"k must be a whole number from 1 to {MOST_REGULAR}; got {k!r}.")
    on = read_histories(summary)
    return fields_of_regular(on, read_log_gaps(summary, on, needed=k is None), k, first_too)


def fields_of_regular(
    on: Histories, log_gaps: float | None, k: int | None, first_too: bool
) -> dict[str, Any]:
    """The fields of a model of regular buyers.

    Args:
        on: the different histories.
        log_gaps: the logs of all gaps, summed over all customers; None where k is given.
        k: how regular they are; None for the most likely.
        first_too: whether customers may leave after the first purchase.
    """
    again = float(on.n @ on.x)
    fitted = k or (_most_likely_k(on, log_gaps or 0.0, first_too) if again else 1)
    likelihood_of = partial(BgLikelihood, first_too=first_too, k=fitted)
    fields = fit_purchases(likelihood_of, _starts_of_cnbd(on, fitted), ("r", "alpha", "a", "b"), on)
    if k is None and (not again or fitted == MOST_REGULAR):
        fields["notes"] = (*fields["notes"], _AT_MOST if again else _NO_GAP)
    if fitted > 1 and fields["log_likelihood"] is not None:
        told = None if log_gaps is None else _log_of_gaps(fitted, log_gaps, again)
        fields["log_likelihood"] = None if told is None else fields["log_likelihood"] + told
    return fields | {"k": fitted}


def read_log_gaps(summary: object, on: Histories, *, needed: bool) -> float | None:
    """The logs of all gaps of a summary, summed; None where they are not there.

    Raises:
        ColumnError: if they are not there and needed.
        ContentError: if they cannot be: no number, or larger than of gaps that are all alike.
    """
    frame = require(summary, PURCHASE_SUMMARY, adds="none")
    present = frame.collect_schema()
    if "log_gaps" not in present:
        if not needed:
            return None
        meaning = "the logs of the gaps between purchases, summed; or say k="
        raise ColumnError.missing("summary", "log_gaps", meaning, present, "summary_with_gaps")
    if not present["log_gaps"].is_numeric():
        raise ColumnError(f"summary: log_gaps must be numbers; got {present['log_gaps']}.")
    given, again = nw.col("log_gaps").cast(nw.Float64), nw.col("x") > 0
    lacks = again & (given.is_null() | given.is_nan())
    gaps = nw.when(again & ~lacks).then(given).otherwise(nw.lit(0.0))
    row = one_row(frame.select(gaps.alias("sum"), n=count(lacks)).select(nw.all().sum()))
    whole = float(row["sum"])
    some = on.x > 0
    most = float(on.n[some] @ (on.x[some] * np.log(on.t_x[some] / on.x[some])))
    if row["n"]:
        raise ContentError(
            f"summary: log_gaps is missing for {count_of(int(row['n']), 'customer')} with x > 0."
        )
    if not whole <= most + 1e-6 * (1 + abs(most)):
        raise ContentError(
            f"summary: log_gaps sum to {whole:g}, but gaps that sum to t_x reach {most:g} at most. "
            "They are the logs of the gaps between purchases, in the unit of t_x: "
            "summary_with_gaps(...) makes them from orders."
        )
    return whole


def _log_of_gaps(k: int, log_gaps: float, again: float) -> float:
    """Σ log(g^(k − 1)/(k − 1)!) over all gaps."""
    return (k - 1) * log_gaps - again * float(np.log(np.arange(1, k)).sum())


def _most_likely_k(on: Histories, log_gaps: float, first_too: bool) -> int:
    """The k of the highest likelihood; of very many histories a part gives the parameters."""
    again = float(on.n @ on.x)
    part = histories_to_search(on)
    best, best_k, worse = -np.inf, 1, 0
    for k in range(1, MOST_REGULAR + 1):
        found = fit_logs(
            BgLikelihood(part, first_too=first_too, k=k),
            _starts_of_cnbd(on, k),
            ("r", "alpha", "a", "b"),
        )
        value = BgLikelihood(on, first_too=first_too, k=k)(found.parameters)[0]
        value += _log_of_gaps(k, log_gaps, again)
        worse = 0 if value > best else worse + 1
        if value > best:
            best, best_k = value, k
        if worse == 2:
            break
    return best_k


def _starts_of_cnbd(on: Histories, k: int) -> list[Floats]:
    n = on.n_customers
    x, age = float(on.n @ on.x) / n, float(on.n @ on.T) / n
    often = k * max(x, 1e-3) / (age or 1.0)
    tried = ((0.5 * k, 1.0, 2.5), (0.2, 0.3, 1.0), (3 * k, 2, 20))
    return [np.array([r, r / often, a, b]) for r, a, b in tried]


def regular_purchases(a: float, stayed: Floats, waits: EventsSince, ahead: Floats) -> Floats:
    """E[purchases to come] of customers who are alive, where every k-th event is a purchase.

    Σ over m of E[(1 − p)^(m − 1)] · P(k m − j events or more), summed over the j events since the
    last purchase. Given j the rate is Gamma(c + j, α + T), so that the number of events ahead is
    negative binomial, and its tail an incomplete beta function.

    Args:
        a: first parameter of the chances of leaving.
        stayed: second parameter, of each case.
        waits: the events since the last purchase.
        ahead: t/(α + T), of each case.

    The purchases to come, m = 1, 2, 3 …, are counted one by one as long as they are few. Of more
    the sum of a smooth function is its integral: with m = y + L e^(y/L − 32) the terms for
    y = 1, 2, 3 …, each times dm/dy, sum to the same, as the trapezoid rule does for a function that
    is smooth on the scale of a step, and each step beyond 32 L goes farther by a share of 1/L.

    Returns:
        One number a case.
    """
    scale = np.maximum(8.0, 1.5 * np.sqrt(waits.shape + waits.k))
    total = np.zeros(stayed.size)
    rows = np.arange(stayed.size)
    y = 0
    while rows.size:
        y += 1
        pace = np.exp(y / scale[rows] - _STRAIGHT)
        m = y + scale[rows] * pace
        made = _chance_of_purchase(waits, rows, m, ahead[rows]) * (1 + pace)
        made *= np.exp(-_log_of_leaving(a, stayed[rows], m - 1))
        total[rows] += made
        rows = rows[made * scale[rows] > _NOTHING * total[rows]]
    return total


def _chance_of_purchase(
    waits: EventsSince, rows: NDArray[np.intp], m: Floats, ahead: Floats
) -> Floats:
    """The chance that the m-th purchase to come is made within t/(α + T)."""
    from scipy.special import betainc

    chance = ahead / (1 + ahead)
    found = np.zeros(rows.size)
    for j in range(waits.k):
        found += waits.share[j, rows] * betainc(waits.k * m - j, waits.shape[rows] + j, chance)
    return found


def _log_of_leaving(a: float, stayed: Floats, m: Floats) -> Floats:
    """−log E[(1 − p)^m] of p with the distribution Beta(a, b), for any m and not whole ones alone.

    It is log Γ(b + a + m)/Γ(b + a) − log Γ(b + m)/Γ(b). Ten steps up, where Stirling's series is
    exact, the large terms are taken from one another before they are summed.
    """
    low = np.zeros(m.size)
    for i in range(_STEPS_UP):
        low += np.log1p(a / (stayed + i)) - np.log1p(a / (stayed + m + i))
    b = stayed + _STEPS_UP
    high = m * np.log1p(a / (b + m)) + (b + a - 0.5) * np.log1p(m / (b + a))
    high -= (b - 0.5) * np.log1p(m / b)
    series = _stirling(b + a + m) - _stirling(b + a) - _stirling(b + m) + _stirling(b)
    return np.asarray(low + high + series)


def _stirling(z: Floats) -> Floats:
    """What Stirling's series adds to (z − 1/2) log z − z + log(2 π)/2."""
    w = 1 / z**2
    return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / z
