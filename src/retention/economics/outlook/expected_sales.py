"""What sales each of the next periods brings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.economics.outlook.base_ahead import (
    Window,
    ahead_of_present,
    ahead_of_won,
    bounds_of_totals,
    check_model_ahead,
    variance_of_model,
    why_unbounded,
    window_ahead,
)
from retention.economics.value.payments import is_amount
from retention.errors import ContentError, RetentionError, count_of
from retention.frames import table_like
from retention.repeat_buying.buying.purchase_model import PurchaseModel, refuse_another_unit
from retention.repeat_buying.scores.tracking import days_of_unit
from retention.repeat_buying.summary.purchase_histories import read_customers
from retention.repeat_buying.value.spend import GammaGammaModel
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    numbers,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.economics.outlook.purchases_ahead import Ahead
    from retention.periods import Freq
    from retention.repeat_buying.summary.purchase_histories import Customers

    Floats = NDArray[np.float64]


@gives(
    "period",
    times("period"),
    whole_numbers("step"),
    numbers("n_purchases", unit="purchases"),
    amounts("sales_old", "sales_new", "sales", "lower", "upper"),
    texts("bounds"),
    constants(texts("freq")),
)
def expected_sales(
    summary: IntoFrameT,
    *,
    model: PurchaseModel,
    spend: GammaGammaModel | float,
    as_of: date | str,
    freq: Freq,
    periods: int,
    acquired: Any,
    level: float = 0.95,
) -> IntoFrameT:
    """What sales to expect in each of the next periods, of the customers there are and those won.

    With E[N_i(j)] the purchases that customer i is expected to make in period j, gone or not, and
    m_i what they are expected to spend at one,

        sales(j) = Σ_i m_i E[N_i(j)]  +  the same of those to be won, whose first purchase counts,

    each won evenly over the period. Purchases are days with one, as in x.

    The bounds are those of what will be sold, by the normal distribution. They contain the chance
    of each customer (how often, and how much they spend), and the errors of the parameters of both
    models (delta method on their logs); not that a model is wrong, that times change (no model here
    knows a season), or that more or fewer are won than you say. With one amount for `spend` sales
    vary by the number of purchases alone, and the bounds are too narrow.

    Args:
        summary: a table of `purchase_summary(..., as_of=as_of)` of grain "day".
        model: from `fit_pareto_nbd`, `fit_bg_nbd` or `fit_mbg_nbd`.
        spend: from `fit_gamma_gamma`, or one amount that everybody spends at a purchase (currency).
        as_of: the last observed day; it must be the last one of a period.
        freq: length of a period.
        periods: how many to look ahead.
        acquired: customers won in each period: a number, or one for each. 0: of those there are.
        level: confidence of the bounds.

    Returns:
        One row per period, in the caller's kind: `period` (its first day), `step`, `n_purchases`
        (expected, of all), `sales_old` (of today's customers), `sales_new` (of those to be won),
        `sales`, `lower`, `upper` (currency), `bounds` ("customers and model", or why there are
        none), `freq`.

    Raises:
        RetentionError: if a model is none of these, `as_of` is not the last day of a period, or a
            number is out of bounds.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the summary is empty, a history cannot be, or customers have no expected
            spend.

    Example:
        Nobody seems to leave: x + r purchases in α + T days, 29 days long, at 20 each; who is won
        makes the first one at once.

        >>> import pandas as pd
        >>> import retention as rt
        >>> today = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": 10.0, "unit": "day"})
        >>> today["customer_id"] = ["Ann", "Bob", "Cem"]
        >>> model = rt.repeat_buying.fit_bg_nbd(today)
        >>> ahead = rt.economics.expected_sales(
        ...     today, model=model, spend=20, as_of="2024-01-31", freq="month", periods=1,
        ...     acquired=2,
        ... )
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{20 * (8 + 3 * r) / (alpha + 10) * 29:.0f} {ahead['sales_old'][0]:.0f}")
        464 464
        >>> print(f"{2 * 20 * (1 + r / alpha * 14.5):.0f} {ahead['sales_new'][0]:.0f}")
        195 195

    Source:
        Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42(4), 415–430, for
        purchases times spend; the variance is that of a sum of independent customers.
    """
    intervals.quantile_of(level)
    check_model_ahead(model)
    window = window_ahead(as_of, freq, periods, acquired)
    amount = _Spend.of_asked(spend)
    customers = read_customers(summary, spend=amount.model is not None)
    refuse_another_unit(model, customers.histories.unit)
    amount.refuse_unknown(customers)
    unit = days_of_unit(model)
    ask = partial(_sums_of_sales, model, amount, customers, window, unit)
    old, new, bought, chance = ask(model.theta, amount.theta)
    why = why_unbounded(model, *([] if amount.model is None else [amount.model]))
    unsure = np.full(old.size, np.nan) if why else _variance_of_both(model, amount, ask)
    lower, upper, bounds = bounds_of_totals(old + new, chance + unsure, level, why)
    made = {
        "period": window.days,
        "step": window.steps,
        "n_purchases": bought,
        "sales_old": old,
        "sales_new": new,
        "sales": old + new,
        "lower": lower,
        "upper": upper,
        "bounds": bounds,
        "freq": np.full(old.size, window.freq, dtype=object),
    }
    return table_like(made, summary)


@dataclass(frozen=True, slots=True)
class _Spend:
    """What is spent at a purchase: by a model, or one amount.

    Attributes:
        model: the model; None for one amount.
        theta: its parameters; the amount.
    """

    model: GammaGammaModel | None
    theta: Floats

    @classmethod
    def of_asked(cls, spend: object) -> _Spend:
        if isinstance(spend, GammaGammaModel):
            return cls(spend, spend.theta)
        if not (is_amount(spend) and spend >= 0):
            raise RetentionError(
                "spend must come from fit_gamma_gamma, or be one amount of 0 or more that is spent "
                f"at a purchase; got {spend!r}."
            )
        return cls(None, np.array([float(spend)]))

    def refuse_unknown(self, customers: Customers) -> None:
        """Refuse customers of whom no spend can be expected."""
        if self.model is None:
            return
        x, own = customers.histories.x[customers.place], customers.mean_sales
        mean = self.moments(self.theta, x, own)[0]
        if n := int((~np.isfinite(mean)).sum()):
            raise ContentError(
                f"summary: {count_of(n, 'customer has', 'customers have')} no expected spend: "
                "see the `reason` of spend.expected_spend(summary), and leave them out."
            )

    def moments(self, theta: Floats, x: Floats, mean_sales: Any) -> tuple[Floats, Floats, Floats]:
        """E[Z], E[Z²] and E[Z Z'] of two purchases of one customer, of each; infinite if unbounded.

        With Z gamma(p, ν) and ν gamma(Q, V), Q = q + p x and V = v + x m.
        """
        if self.model is None:
            one = np.full(x.shape, theta[0])
            return one, one**2, one**2
        p, q, v = theta
        own = np.where(x > 0, x * np.asarray(mean_sales, np.float64), 0.0)
        shape, scale = q + p * x, v + own
        scale = np.where(own >= 0, scale, np.nan)
        mean = np.where(shape > 1, p * scale / np.where(shape > 1, shape - 1, 1.0), np.nan)
        bounded = shape > 2
        square = scale**2 / np.where(bounded, (shape - 1) * (shape - 2), 1.0)
        square = np.where(bounded, square, np.inf)
        return mean, p * (p + 1) * square, p**2 * square


def _sums_of_sales(
    model: PurchaseModel,
    spend: _Spend,
    customers: Customers,
    window: Window,
    unit: int,
    theta: Floats,
    of_spend: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Sales of the present and of those won, purchases of both, and the variance of sales."""
    on, place = customers.histories, customers.place
    each = spend.moments(of_spend, on.x[place], customers.mean_sales)
    squared = each[0] ** 2
    by_history = [np.bincount(place, value, on.x.size) for value in (*each, squared)]
    won = [value[0] for value in spend.moments(of_spend, np.zeros(1), np.zeros(1))]
    old, bought, spread = [], [], []
    for ahead in ahead_of_present(model, theta, on, window, unit):
        old.append(by_history[0] @ ahead.mean)
        bought.append(on.n @ ahead.mean)
        spread.append(_variance_of_sales(ahead, by_history).sum())
    n, fresh = ahead_of_won(model, theta, window, unit)
    new = (n * fresh.mean * won[0]).sum(axis=(0, 2))
    spread_of_won = np.broadcast_to(_variance_of_sales(fresh, [*won, won[0] ** 2]), n.shape)
    varied = (n * np.where(n > 0, spread_of_won, 0.0)).sum(axis=(0, 2))
    purchases = np.array(bought) + (n * fresh.mean).sum(axis=(0, 2))
    return np.array(old), new, purchases, np.array(spread) + varied


def _variance_of_sales(ahead: Ahead, money: Any) -> Floats:
    """E[N] E[Z²] + E[N (N − 1)] E[Z Z'] − E[N]² E[Z]², E[Z]² the last of the moments."""
    _, square, both, squared = money
    with np.errstate(invalid="ignore"):
        found = ahead.mean * square + ahead.pairs * both - ahead.mean**2 * squared
    return np.asarray(np.nan_to_num(found, nan=0.0, posinf=np.inf))


def _variance_of_both(model: PurchaseModel, spend: _Spend, ask: Any) -> Floats:
    """The variance that comes from the parameters of purchases and of spend."""

    def by_purchases(theta: Floats) -> Floats:
        old, new, _, _ = ask(theta, spend.theta)
        return np.asarray(old + new)

    def by_spend(theta: Floats) -> Floats:
        old, new, _, _ = ask(model.theta, theta)
        return np.asarray(old + new)

    found = variance_of_model(model.theta, model.covariance_of_logs, by_purchases)
    if spend.model is None:
        return found
    covariance = spend.model.covariance_of_logs
    return found + variance_of_model(spend.theta, covariance, by_spend)
