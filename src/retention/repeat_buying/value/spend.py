"""What a customer spends at a purchase: between their own mean so far and everybody's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from retention import intervals
from retention.errors import ContentError
from retention.frames import FewTexts, collect, table_like
from retention.numerics.log_beta import digamma_step, trigamma, trigamma_step
from retention.numerics.newton import chunks
from retention.numerics.positive_parameters import fit_logs
from retention.repeat_buying.buying.purchase_model import RepeatBuyingModel, fields_of_model
from retention.repeat_buying.summary.purchase_histories import (
    Spend,
    problems_of_counts,
    read_spend,
    refuse_problems,
)
from retention.tables import PURCHASE_SUMMARY, Kind, require

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrame, IntoFrameT
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SPENT = Kind(
    PURCHASE_SUMMARY.name,
    PURCHASE_SUMMARY.row,
    PURCHASE_SUMMARY.door,
    tuple(
        replace(column, optional=False)
        for column in PURCHASE_SUMMARY.columns
        if column.name in ("customer_id", "x", "mean_sales")
    ),
)
"""What is asked of customers whose spend is to be told."""

_REASONS = (
    "the mean has no bound: sales differ too much (p x + q ≤ 1)",
    "mean sales below 0: the model knows no refunds",
    "purchases without mean sales",
)
_STARTS = ((2.0, 3.0), (20.0, 20.0), (1.0, 1.5))
_NO_BOUND, _BELOW, _MISSING = range(len(_REASONS))


class GammaGammaModel(RepeatBuyingModel):
    """A fitted gamma-gamma model of spend: each customer's purchases vary around their own mean.

    The sales of a purchase are gamma(p, ν) distributed, of mean p / ν, and ν is gamma(q, v) over
    customers. Over all customers the mean sale is p v / (q − 1). The larger p, the less purchases
    of one customer vary; the larger q, the less customers differ.

    `n_customers` are those with a repeat purchase and sales above 0, on whom it was fitted.
    """

    names: ClassVar[tuple[str, ...]] = ("p", "q", "v")
    model: Literal["gamma_gamma"] = "gamma_gamma"

    def _told_of_form(self) -> str:
        mean = self.population_mean
        return "" if mean is None else f"mean sales of a purchase, over all customers: {mean:,.2f}"

    def _calls_to_make(self) -> tuple[str, ...]:
        return ("model.expected_spend(summary)",)

    @property
    def population_mean(self) -> float | None:
        """The mean sales of one of whom nothing is known, p v / (q − 1); null if q ≤ 1."""
        p, q, v = self.parameters
        return p * v / (q - 1) if q > 1 else None

    def expected_spend(self, summary: IntoFrameT, *, level: float = 0.95) -> IntoFrameT:
        """What each customer may be expected to spend at a purchase from now on.

        E = p (v + x · mean_sales) / (p x + q − 1)

        is the population mean for those without a repeat purchase, and moves to the customer's own
        mean the more of them there are: a single large order tells little.

        Args:
            summary: a table of `purchase_summary`, with `customer_id`, `x` and `mean_sales`.
            level: confidence of the bounds, which are those of the estimate (delta method on the
                log scale): what a customer spends varies beyond them.

        Returns:
            One row per customer, in the caller's kind and the customers' order: `customer_id`, `x`,
            `expected_spend` (currency), `lower`, `upper` (null where the model's status is not
            "converged"), `reason` (why there is no expectation; else null).

        Raises:
            ColumnError: if a column is missing or of the wrong type.
            ContentError: if an x is missing, negative or no whole number.

        Source:
            Fader and Hardie (2013), The gamma-gamma model of monetary value, equation (5).
        """
        z = intervals.quantile_of(level)
        frame = require(summary, SPENT, by_row=True, adds="all")
        found = collect(frame.select("customer_id", "x", "mean_sales"))
        x, mean = (found[name].astype(np.float64) for name in ("x", "mean_sales"))
        refuse_problems(
            problems_of_counts(x, "x"), np.ones(x.size, np.int64), {"x": x}, frame, "summary"
        )
        value, error = self.expectation(x, mean)
        reason = np.full(x.size, -1, np.int8)
        reason[np.isnan(value)] = _NO_BOUND
        reason[(x > 0) & (mean < 0)] = _BELOW
        reason[(x > 0) & np.isnan(mean)] = _MISSING
        made: dict[str, NDArray[Any] | FewTexts] = {
            "customer_id": found["customer_id"],
            "x": x.astype(np.int64),
            "expected_spend": value,
            "lower": value * np.exp(-z * error),
            "upper": value * np.exp(z * error),
            "reason": FewTexts(reason, _REASONS),
        }
        return table_like(made, summary)

    def expectation(self, x: ArrayLike, mean_sales: ArrayLike) -> tuple[Floats, Floats]:
        """The expected sales of a purchase, and the standard error of their log.

        Args:
            x: repeat purchases, one value a customer.
            mean_sales: of these; whatever where x is 0.

        Returns:
            Both NaN where there is no expectation; the error NaN where it cannot be told.
        """
        p, q, v = self.parameters
        number = np.asarray(x, np.float64)
        own = np.where(number > 0, number * np.asarray(mean_sales, np.float64), 0.0)
        weight = p * number + q - 1
        known = (weight > 0) & (own >= 0)
        bottom, top = np.where(known, weight, np.nan), np.where(known, v + own, np.nan)
        slopes = np.stack([(q - 1) / bottom, -q / bottom, v / top])
        variance = ((self.covariance_of_logs @ slopes) * slopes).sum(axis=0)
        return p * top / bottom, np.sqrt(variance)


def fit_gamma_gamma(summary: IntoFrame) -> GammaGammaModel:
    """What customers spend at a purchase, where some have bought often and some once.

    The sales of a customer's purchases are gamma(p, ν) distributed and ν is gamma(q, v), so a
    customer with x repeat purchases of mean m has the likelihood

        Γ(p x + q) / (Γ(p x) Γ(q)) · v^q m^(p x − 1) x^(p x) / (v + x m)^(p x + q).

    It takes spend and frequency to be independent: whether they are can be looked at in the data.
    Customers without a repeat purchase say nothing and are left out, as are those with mean sales
    of 0 or less, of which a note tells.

    Args:
        summary: a table of `purchase_summary`, with `x` and `mean_sales` (mean sales of the repeat
            purchases, currency).

    Returns:
        A `GammaGammaModel`: a frozen value. `expected_spend(summary)` says what to expect of each
        customer; `status` and `notes` say what is wrong, if anything is.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if nobody bought again for more than 0.

    Example:
        Those who bought nine times again are taken at nearly their own mean; those who bought once
        again are drawn to the mean of all, at which Zoe is taken, who has not bought again.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee", "Eve", "Fay", "Zoe"],
        ...     "x": [9, 9, 9, 1, 1, 1, 0],
        ...     "t_x": [8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 0.0],
        ...     "T": [9.0] * 7,
        ...     "mean_sales": [5.0, 10.0, 20.0, 2.0, 10.0, 40.0, None],
        ... })
        >>> model = rt.repeat_buying.fit_gamma_gamma(summary)
        >>> model.expected_spend(summary)[["customer_id", "x", "expected_spend"]].round(1)
          customer_id  x  expected_spend
        0         Ann  9             7.0
        1         Bob  9            10.8
        2         Cem  9            18.5
        3         Dee  1            10.4
        4         Eve  1            12.5
        5         Fay  1            20.6
        6         Zoe  0            13.4

    Source:
        Fader, P. S. and Hardie, B. G. S. (2013), The gamma-gamma model of monetary value, note 025
        at brucehardie.com, equations (1a) and (5); Colombo, R. and Jiang, W. (1999), A stochastic
        RFM model, Journal of Interactive Marketing 13 (3), 2–12.
    """
    found = read_spend(summary)
    some = found.mean_sales > 0
    if not some.any():
        raise ContentError(
            "summary: nobody has bought again for more than 0, so nothing is known of spend."
        )
    kept = Spend(found.x[some], found.mean_sales[some], found.n[some])
    data = spend_with_sums(kept)
    mean = float(kept.n @ kept.mean_sales) / float(kept.n.sum())
    starts = [np.array([p, q, mean * (q - 1) / p]) for p, q in _STARTS]
    fit = fit_logs(partial(log_likelihood, data), starts, GammaGammaModel.names)
    fields = fields_of_model(fit, kept.n, None)
    notes = [*fields["notes"]]
    if fit.parameters[1] <= 1:
        notes.append("q ≤ 1: sales differ so much that their mean over all customers has no bound.")
    if out := int(found.n[~some].sum()):
        notes.append(f"Left out: {out:,} with mean sales of 0 or less.")
    return GammaGammaModel(**fields | {"notes": tuple(notes)})


@dataclass(frozen=True, slots=True)
class Summed:
    """Spend, and what of its likelihood need be summed only once.

    Attributes:
        total: sales of all repeat purchases of a customer.
        weights: how many customers have them, and that times their repeat purchases.
        x: the different numbers of repeat purchases.
        n: how many customers have each.
        log_total: Σ x log(total) over customers.
        log_mean: Σ log(mean sales) over customers.
    """

    total: Floats
    weights: Floats
    x: Floats
    n: Floats
    log_total: float
    log_mean: float


def spend_with_sums(spend: Spend) -> Summed:
    """Spend of customers with a repeat purchase and sales above 0, ready for its likelihood."""
    total, n = spend.x * spend.mean_sales, spend.n.astype(np.float64)
    each = np.bincount(spend.x.astype(np.int64), weights=n)
    x = np.flatnonzero(each)
    return Summed(
        total=total,
        weights=np.stack([n, n * spend.x]),
        x=x.astype(np.float64),
        n=each[x].astype(np.float64),
        log_total=float((n * spend.x) @ np.log(total)),
        log_mean=float(n @ np.log(spend.mean_sales)),
    )


def log_likelihood(data: Summed, theta: Floats) -> tuple[float, Floats, Floats]:
    """The log-likelihood of p, q and v, its gradient and Hessian."""
    from scipy.special import betaln

    p, q, v = theta
    logs, first, second = np.zeros(2), np.zeros(2), np.zeros(2)
    for rows in chunks(data.total.size):
        weights, sums = data.weights[:, rows], v + data.total[rows]
        inverse = 1 / sums
        logs += weights @ np.log1p(data.total[rows] / v)
        first += weights @ inverse
        second += weights @ inverse**2
    x, n = data.x, data.n
    size, bought = n.sum(), n @ x
    fixed = data.log_total - bought * np.log(v)
    value = p * (fixed - logs[1]) - q * logs[0] - n @ betaln(p * x, q) - data.log_mean
    in_p = n @ (x * digamma_step(p * x, q)) + fixed - logs[1]
    in_q = n @ digamma_step(q, p * x) - logs[0]
    gradient = np.array([in_p, in_q, size * q / v - p * first[1] - q * first[0]])
    pp, qq = n @ (x**2 * trigamma_step(p * x, q)), n @ trigamma_step(q, p * x)
    pq, pv, qv = n @ (x * trigamma(p * x + q)), -first[1], size / v - first[0]
    vv = p * second[1] + q * second[0] - size * q / v**2
    return float(value), gradient, np.array([[pp, pq, pv], [pq, qq, qv], [pv, qv, vv]])
