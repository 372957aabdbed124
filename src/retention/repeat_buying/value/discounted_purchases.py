"""How many purchases are still to come, each discounted: what a base is worth in purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.errors import RetentionError, discount_a_year
from retention.frames import table_like
from retention.repeat_buying.buying.bg_bb import BgBbModel, refuse_parts_of_opportunities
from retention.repeat_buying.buying.bg_cnbd import BgCnbdModel, MbgCnbdModel
from retention.repeat_buying.buying.purchase_model import (
    PurchaseModel,
    check_purchase_model,
    refuse_another_unit,
)
from retention.repeat_buying.value.customer_value import A_YEAR, unit_of_ages
from retention.repeat_buying.value.regular_discount import discounted_if_regular
from retention.tables.answer_columns import constants, gives, ids, numbers, shares

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]

_MOST_OPPORTUNITIES = 10_000
_NOTHING = 1e-14


@gives(
    "customer",
    ids("customer_id"),
    constants(numbers("discount")),
    shares("p_alive"),
    numbers("discounted_purchases", unit="purchases"),
)
def discounted_purchases(
    summary: IntoFrameT, *, model: PurchaseModel, discount: float
) -> IntoFrameT:
    """How many purchases each customer will still make for good, counted less the later they come.

    Discounted expected residual transactions (DERT). With E(t) the purchases expected within t from
    now, which counts those who may be gone as such, and i the discount rate,

        discounted_purchases = ∫ (1 + i)^(−t / year) dE(t)   for t from 0 without end.

    Times the margin of a purchase it is the value of all that is still to come: `customer_value`
    without a horizon. It says more about the model than the log does: most of it lies beyond the
    time that was observed.

    Args:
        summary: a table of `purchase_summary`, in the unit that the model was fitted on.
        model: of purchases, from `fit_pareto_nbd` or any other fit of purchases.
        discount: effective rate a year, such as 0.15 for 15 % a year (of 365.25 days), above 0; for
            a model from `fit_bg_bb` the rate from one opportunity to the next, and the next one
            counts 1/(1 + i).

    Returns:
        One row per customer, in the caller's kind and the customers' order: `customer_id`,
        `discount`, `p_alive` (of BG/BB at the last opportunity) and `discounted_purchases`.

    Raises:
        RetentionError: if the discount rate is out of its range, so low that a BG/BB model would
            have to look more than 10,000 opportunities ahead, the model is none, or its unit is not
            known.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a history cannot be, or is in another unit.

    Example:
        Nobody seems to leave, so Bob buys (r + 2)/(α + 10) times a week for ever, which at 10 % a
        year is worth that over δ = log(1.1) · 7/365.25.

        >>> import math
        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3})
        >>> summary = summary.assign(customer_id=["Ann", "Bob", "Cem"], unit="week")
        >>> model = rt.repeat_buying.fit_bg_nbd(summary)
        >>> r, alpha, a, b = model.parameters
        >>> delta = math.log(1.1) * 7 / 365.25
        >>> print(f"{(r + 2) / (alpha + 10) / delta:.1f}")
        120.2
        >>> rt.repeat_buying.discounted_purchases(summary, model=model, discount=0.1).round(1)
          customer_id  discount  p_alive  discounted_purchases
        0         Ann       0.1      1.0                  42.9
        1         Bob       0.1      1.0                 120.2
        2         Cem       0.1      1.0                 274.8

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV: using iso-value curves
        for customer base analysis, Journal of Marketing Research 42(4), 415–430; Fader, P. S.,
        Hardie, B. G. S. and Shang, J. (2010), Marketing Science 29(6), 1086–1108, equation 14.
    """
    check_purchase_model(model)
    rate = discount_a_year(discount)
    if not rate:
        raise RetentionError("discount must be above 0: without one purchases to come do not sum.")
    customers = model.customers_of(summary)
    on = customers.histories
    refuse_another_unit(model, on.unit)
    if isinstance(model, BgBbModel):
        refuse_parts_of_opportunities(on)
        ahead = _discounted_opportunities(model.theta, on, rate)
    else:
        delta = float(np.log1p(rate)) / A_YEAR[unit_of_ages(model, on.unit)]
        if isinstance(model, BgCnbdModel | MbgCnbdModel):
            ahead = discounted_if_regular(model, on, delta)
        else:
            ahead = _discounted_if_alive(model, on, delta)
    with np.errstate(over="ignore"):
        alive = np.exp(-np.logaddexp(0.0, -model.log_odds_alive(model.theta, on)))
    return table_like(
        {
            "customer_id": customers.customer_id,
            "discount": np.full(customers.place.size, rate),
            "p_alive": alive[customers.place],
            "discounted_purchases": (alive * ahead)[customers.place],
        },
        summary,
    )


def _discounted_if_alive(model: PurchaseModel, on: Histories, delta: float) -> Floats:
    """∫ e^(−δ t) dE(t) = ∫ e^(−u) E(u/δ) du of those alive, with u = e^(y − e^(−y))."""
    step = 0.0625
    total = np.zeros(on.x.size)
    for y in np.arange(-3.75, 3.75, step):
        u = np.exp(y - np.exp(-y))
        weight = step * u * (1 + np.exp(-y)) * np.exp(-u)
        if weight > 0:
            with np.errstate(divide="ignore"):
                logs = model.log_purchases_if_alive(model.theta, on, float(u / delta))
            total += weight * np.exp(logs)
    return total


def _discounted_opportunities(theta: Floats, on: Histories, rate: float) -> Floats:
    """E[p] Σ_k P(still here k opportunities later) (1 + d)^(−k), of those here at the last one."""
    a, b, c, d = theta
    last = int(np.ceil(-np.log(_NOTHING * rate) / np.log1p(rate)))
    if last > _MOST_OPPORTUNITIES:
        raise RetentionError(
            f"discount is too low: {last:,} opportunities ahead still count, and "
            f"{_MOST_OPPORTUNITIES:,} are the most; got {rate!r}."
        )
    here, total = np.ones(on.x.size), np.zeros(on.x.size)
    for k in range(last):
        here = here * (d + on.T + k) / (c + d + on.T + k) / (1 + rate)
        total += here
    return np.asarray((a + on.x) / (a + b + on.T) * total)
