"""How many customers will buy in each of the next periods."""

from __future__ import annotations

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
from retention.economics.outlook.renewals_ahead import renewals_ahead
from retention.frames import table_like
from retention.repeat_buying.buying.purchase_model import PurchaseModel, refuse_another_unit
from retention.repeat_buying.renewal.models import RenewalModel
from retention.repeat_buying.scores.tracking import days_of_unit
from retention.repeat_buying.summary.purchase_histories import read_histories
from retention.tables.answer_columns import (
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

    from retention.periods import Freq
    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]


@gives(
    "period",
    times("period"),
    whole_numbers("step"),
    numbers("n_old", "n_new", "n_customers", unit="customers"),
    numbers("lower", "upper", unit="customers"),
    texts("bounds"),
    constants(texts("freq")),
)
def expected_customers(
    customers: IntoFrameT,
    *,
    model: PurchaseModel | RenewalModel,
    as_of: date | str,
    freq: Freq,
    periods: int,
    acquired: Any,
    level: float = 0.95,
) -> IntoFrameT:
    """How many customers to expect in each of the next periods, of those there are and those won.

    From orders, a customer of a period is one who buys in it at least once. With p_i(j) the chance
    that customer i does so in period j, gone or not, and A_t customers won in period t,

        n_customers(j) = Σ_i p_i(j)  +  Σ over t ≤ j of A_t · p(j | won in t),

    where those won are won evenly over their period, in which they are customers for sure.

    From contracts, it is one who is under contract as the period ends: of those with n renewals
    behind S(n + j)/S(n), and of those won j periods before S(j), as in `base_forecast`. Take that
    for money and for what is left in the long run; take this for bounds.

    The bounds are those of what will be counted, by the normal distribution. They contain the
    chance of each customer, Σ p (1 − p), and the errors of the parameters (delta method on their
    logs); not that the model is wrong, that times change, or that more or fewer are won than you
    say. So try `backtest_outlook` on your own past.

    Args:
        customers: of orders, a table of `purchase_summary(..., as_of=as_of)` of grain "day"; of
            contracts, one of `renewal_periods`, whose running spells are those there are.
        model: of orders from `fit_pareto_nbd`, `fit_bg_nbd` or `fit_mbg_nbd`; of contracts from
            `fit_beta_geometric` or `fit_beta_discrete_weibull`.
        as_of: the last observed day; it must be the last one of a period.
        freq: length of a period; of contracts that of a renewal.
        periods: how many to look ahead.
        acquired: customers won in each period: a number, or one for each. 0: of those there are.
        level: confidence of the bounds.

    Returns:
        One row per period, in the caller's kind: `period` (its first day), `step`, `n_old` (of
        today's customers), `n_new` (of those to be won), `n_customers`, `lower`, `upper`, `bounds`
        ("customers and model", or why there are none: the model's status is not "converged"),
        `freq`.

    Raises:
        RetentionError: if the model is none of these, `as_of` is not the last day of a period, or a
            number is out of bounds.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the summary is empty, a history cannot be or its ages are in another unit
            than the model's; or if contracts do not say whether or how long they have run.

    Example:
        Nobody seems to leave, so each who is there stays silent for 29 days with the chance
        ((α + 10)/(α + 39))^(r + x); the two who are won buy for sure.

        >>> import pandas as pd
        >>> import retention as rt
        >>> today = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": 10.0, "unit": "day"})
        >>> model = rt.repeat_buying.fit_bg_nbd(today)
        >>> ahead = rt.economics.expected_customers(
        ...     today, model=model, as_of="2024-01-31", freq="month", periods=1, acquired=2
        ... )
        >>> r, alpha, a, b = model.parameters
        >>> silent = [((alpha + 10) / (alpha + 39)) ** (r + x) for x in (0, 2, 6)]
        >>> print(f"{3 - sum(silent):.4f} {ahead['n_old'][0]:.4f} {ahead['n_new'][0]:.1f}")
        2.6784 2.6784 2.0

    Source:
        Schmittlein, Morrison and Colombo (1987), Management Science 33(1), 1–24, and Fader, Hardie
        and Lee (2005), Marketing Science 24(2), 275–284, for the models; Fader and Hardie (2007),
        Journal of Interactive Marketing 21(1), 76–90, for renewals.
    """
    intervals.quantile_of(level)
    window = window_ahead(as_of, freq, periods, acquired)
    if isinstance(model, RenewalModel):
        old, new, variance = renewals_ahead(customers, model, window)
    else:
        check_model_ahead(model)
        old, new, variance = _buyers_ahead(customers, model, window)
    total = old + new
    lower, upper, bounds = bounds_of_totals(total, variance, level, why_unbounded(model))
    made = {
        "period": window.days,
        "step": window.steps,
        "n_old": old,
        "n_new": new,
        "n_customers": total,
        "lower": lower,
        "upper": upper,
        "bounds": bounds,
        "freq": np.full(total.size, window.freq, dtype=object),
    }
    return table_like(made, customers)


def _buyers_ahead(
    customers: object, model: PurchaseModel, window: Window
) -> tuple[Floats, Floats, Floats]:
    """Of the present, of those won, and the variance of both together, period by period."""
    on, unit = read_histories(customers), days_of_unit(model)
    refuse_another_unit(model, on.unit)
    old, new, chance = _sums_of_buyers(model, model.theta, on, window, unit)

    def total(theta: Floats) -> Floats:
        present, won, _ = _sums_of_buyers(model, theta, on, window, unit)
        return np.asarray(present + won)

    unsure = np.full(old.size, np.nan)
    if why_unbounded(model) is None:
        unsure = variance_of_model(model.theta, model.covariance_of_logs, total)
    return old, new, chance + unsure


def _sums_of_buyers(
    model: PurchaseModel, theta: Floats, on: Histories, window: Window, unit: int
) -> tuple[Floats, Floats, Floats]:
    """Sums of chances to buy, of the present and of those won, and of p (1 − p)."""
    chances = [each.active for each in ahead_of_present(model, theta, on, window, unit)]
    old = np.array([on.n @ p for p in chances])
    spread = np.array([on.n @ (p * (1 - p)) for p in chances])
    n, won = ahead_of_won(model, theta, window, unit)
    p = won.active
    return old, (n * p).sum(axis=(0, 2)), spread + (n * p * (1 - p)).sum(axis=(0, 2))
