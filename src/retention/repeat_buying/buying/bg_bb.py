"""BG/BB: customers who may buy at certain opportunities only, such as a yearly appeal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from retention.errors import ContentError, RetentionError, count_of
from retention.numerics.log_beta import log_mean_kept
from retention.repeat_buying.buying.bg_bb_likelihood import (
    log_likelihood,
    log_likelihood_of_ways,
    ways_of_histories,
)
from retention.repeat_buying.buying.fit import fit_purchases
from retention.repeat_buying.buying.purchase_model import MemorylessModel
from retention.repeat_buying.summary.purchase_histories import Histories, read_histories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from narwhals.stable.v2.typing import IntoFrame, IntoFrameT
    from numpy.typing import NDArray

    from retention.numerics.positive_parameters import Likelihood

    Floats = NDArray[np.float64]

_LONGEST = 10_000
"""Opportunities that a customer may have: each is a term in a sum."""

_ROUNDING = 1e-9
_STARTS = ((1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 0.5, 5.0), (1.0, 3.0, 0.3, 3.0))


class BgBbModel(MemorylessModel):
    """A fitted BG/BB model: at each opportunity a customer buys or not, unless gone for good.

    `parameters` are α and β (chances to buy at an opportunity are Beta(α, β), on average α/(α + β))
    and γ and δ (chances to leave before an opportunity are Beta(γ, δ), on average γ/(γ + δ)). Ages
    and `within` are whole numbers of opportunities.
    """

    names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")
    model: Literal["bg_bb"] = "bg_bb"

    def p_alive(self, summary: IntoFrameT, *, level: float = 0.95) -> IntoFrameT:
        """The chance that a customer will still be one at the next opportunity: secondary.

        Whether a customer who is silent has gone is never seen, so no holdout tells how right this
        is. Use `p_no_purchase` to score. A customer who bought at the last opportunity was surely
        there, and may leave before the next.

        Args:
            summary: as in `p_no_purchase`.
            level: confidence of the bounds.

        Returns:
            One row per customer, in the caller's kind and the customers' order: `customer_id`,
            `p_alive`, `lower`, `upper` (on the scale of log-odds; null where the model's status is
            not "converged").

        Raises:
            as `p_no_purchase`.

        Source:
            Fader, Hardie and Shang (2010), equation (11).
        """

        def line(theta: Floats, on: Histories) -> Floats:
            stayed = (theta[3] + on.T) / (theta[2] + theta[3] + on.T)
            alive = np.log(stayed) - np.logaddexp(0.0, -self.log_odds_alive(theta, on))
            return np.asarray(alive - np.log(-np.expm1(alive)))

        def value(log_odds: Floats) -> Floats:
            return np.exp(-np.logaddexp(0.0, -log_odds))

        return self._table_of_values(summary, "p_alive", line, value, level, None)

    def log_odds_alive(self, theta: Floats, on: Histories) -> Floats:
        """Of being alive at the last opportunity: the way of staying against all others."""
        refuse_parts_of_opportunities(on)
        found = []
        for ways in ways_of_histories(on):
            logs = log_likelihood_of_ways(theta, ways)
            last = np.append(ways.first[1:], logs.size) - 1
            stayed, logs[last] = logs[last], -np.inf
            found.append(stayed - np.logaddexp.reduceat(logs, ways.first))
        return np.concatenate(found)

    def purchases_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """E[p] Σ_{k=1}^{t} P(still here k opportunities later)."""
        mean = (theta[0] + x) / (theta[0] + theta[1] + age)
        here = sum(
            (there for there, _ in _chances_by_opportunity(theta, x, age, within)), np.zeros(x.size)
        )
        return np.asarray(mean * here)

    def some_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """Σ_{k=1}^{t} P(still here k opportunities later, and buying for the first time then)."""
        parts = (there * buys for there, buys in _chances_by_opportunity(theta, x, age, within))
        return sum(parts, np.zeros(x.size))

    def purchases_of_new(self, theta: Floats, times: Floats) -> Floats:
        """E[p] Σ_{k=1}^{t} P(still here at opportunity k)."""
        a, b, c, d = theta
        k = np.arange(np.ceil(times.max(initial=0.0)))
        here = np.append(0.0, np.cumprod((d + k) / (c + d + k)).cumsum())
        return np.asarray(a / (a + b) * here[np.floor(times + _ROUNDING).astype(np.int64)])

    def chances_by_number(self, theta: Floats, within: float, most: int) -> Floats:
        """Beta-binomial chances of n among i opportunities, by when customers leave."""
        a, b, c, d = theta
        refuse_parts_ahead(within)
        i = np.arange(within + 1.0)
        here = np.exp(log_mean_kept(c, d, i))
        ends = np.append(here[:-1] * c / (c + d + i[:-1]), here[-1])
        found = np.zeros(most + 1)
        for n in range(min(most, int(within)) + 1):
            found[n] = ends[n:] @ np.exp(_log_of_purchases(a, b, float(n), i[n:]))
        return found


def _chances_by_opportunity(
    theta: Floats, x: Floats, age: Floats, within: float
) -> Iterator[tuple[Floats, Floats]]:
    """For each opportunity to come: P(still here), and P(buys then and not before, if here)."""
    refuse_parts_ahead(within)
    a, b, c, d = theta[0] + x, theta[1] + age - x, theta[2], theta[3] + age
    here, silent = np.ones(x.size), np.ones(x.size)
    for k in range(int(within)):
        here = here * (d + k) / (c + d + k)
        yield here, silent * a / (a + b + k)
        silent = silent * (b + k) / (a + b + k)


def refuse_parts_ahead(within: float) -> None:
    """Refuse a time ahead that is no whole number of opportunities.

    Raises:
        RetentionError: with the bounds.
    """
    if within % 1 or within > _LONGEST:
        raise RetentionError(
            "BG/BB looks ahead a whole number of opportunities, up to "
            f"{_LONGEST:,}; got {within:g}."
        )


def _log_of_purchases(a: float, b: float, n: float, i: Floats) -> Floats:
    """The log of C(i, n) B(α + n, β + i − n)/B(α, β)."""
    from scipy.special import betaln

    ways = -np.log1p(i) - betaln(n + 1, i - n + 1)
    return np.asarray(ways + log_mean_kept(b, a, n) + log_mean_kept(a + n, b, i - n))


def fit_bg_bb(summary: IntoFrame) -> BgBbModel:
    """How often customers buy and how soon they leave, if they can buy at certain times only.

    For purchases at opportunities that come one after the other, such as a yearly appeal, a season
    or a cruise, or for any purchases noted by period. Before each opportunity a customer leaves for
    good with a chance θ; otherwise they buy at it with a chance p. Chances p are Beta(α, β),
    chances θ Beta(γ, δ). A history of x purchases at n opportunities, the last at the t_x-th, has
    the likelihood

        L = B(α + x, β + n − x)/B(α, β) · B(γ, δ + n)/B(γ, δ)
            + Σ_{s=t_x}^{n−1} B(α + x, β + s − x)/B(α, β) · B(γ + 1, δ + s)/B(γ, δ).

    Fitted by maximum likelihood on the different histories. Where the data do not tell the
    parameters, the model says so in `status` and `notes`; it is not refused.

    Args:
        summary: one row per customer: `x` (purchases at opportunities after the first purchase),
            `t_x` (the opportunity of the last one, 0 where there is none), `T` (how many
            opportunities there were), all whole numbers.

    Returns:
        The model; see `BgBbModel` and its methods.

    Raises:
        ColumnError: if `x`, `t_x` or `T` is missing or of the wrong type.
        ContentError: if the summary is empty, a history cannot be or is not in whole opportunities.

    Example:
        Three customers bought at one, three and five of six opportunities, all at the last one too:
        nobody seems to leave, and on average they buy at half.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [1, 3, 5], "t_x": [6.0, 6.0, 6.0], "T": [6.0, 6.0, 6.0]})
        >>> model = rt.repeat_buying.fit_bg_bb(summary)
        >>> alpha, beta, _, _ = model.parameters
        >>> print(f"{alpha / (alpha + beta):.4f}; {model.status}. {model.notes[-1]}")
        0.5000; boundary. Nobody seems to leave.

    Source:
        Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-Base Analysis in a
        Discrete-Time Noncontractual Setting, Marketing Science 29 (6), 1086–1108, equation (5).
    """
    on = read_histories(summary)
    refuse_parts_of_opportunities(on)
    starts = [np.array(start) for start in _STARTS]
    return BgBbModel(**fit_purchases(_likelihood_of, starts, BgBbModel.names, on))


def _likelihood_of(on: Histories) -> Likelihood:
    return partial(log_likelihood, ways_of_histories(on))


def refuse_parts_of_opportunities(on: Histories) -> None:
    """Refuse histories that are not in whole opportunities.

    Raises:
        ContentError: if an age is no whole number or too large, or there are more purchases than
            opportunities.
    """
    problems = {
        f"have more than {_LONGEST:,} opportunities (T)": on.T > _LONGEST,
        "have an age that is no whole number of opportunities": (on.T % 1 + on.t_x % 1) != 0,
        "have more purchases than opportunities up to the last (x > t_x)": on.x > on.t_x,
    }
    said = [
        count_of(int(on.n[bad].sum()), what.replace("have", "has", 1), what)
        for what, bad in problems.items()
        if bad.any()
    ]
    if said:
        raise ContentError(
            f"summary: of {count_of(on.n_customers, 'customer')} {'; '.join(said)}. BG/BB counts "
            "opportunities to buy, such as years: T is how many there were, t_x at which the last "
            "purchase was made, x at how many there was one."
        )
