"""What customers are worth: the margin of what they may be expected to buy, discounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.errors import RetentionError, discount_a_year, is_number
from retention.frames import table_like
from retention.periods import DAYS
from retention.repeat_buying.buying.bg_bb import BgBbModel
from retention.repeat_buying.buying.purchase_model import (
    PurchaseModel,
    check_purchase_model,
)
from retention.repeat_buying.summary.purchase_histories import checked_length, pandas_columns
from retention.repeat_buying.value.spend import GammaGammaModel
from retention.tables import PURCHASE_SUMMARY
from retention.tables.answer_columns import amounts, constants, gives, ids, numbers, texts

if TYPE_CHECKING:
    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

A_YEAR = {unit: 365.25 / days for unit, days in DAYS.items()}
"""How many units a year has."""

_NODES = 16


@gives(
    "customer",
    ids("customer_id"),
    constants(numbers("horizon", unit="the unit of T")),
    numbers("expected_purchases", unit="purchases"),
    amounts("expected_spend"),
    numbers("discount_factor"),
    amounts("value"),
    texts("reason"),
)
def customer_value(
    summary: IntoFrameT,
    *,
    model: PurchaseModel,
    spend: GammaGammaModel | float,
    horizon: float,
    margin: float,
    discount: float,
) -> IntoFrameT:
    """What each customer is worth from now on: expected purchases times spend times margin.

    With E(t) the purchases expected within t from now (`model.expected_purchases`, which counts
    those who may be gone as such), m the margin, s the expected spend at a purchase and i the
    discount rate,

        value = m · s · ∫ (1 + i)^(−t / year) dE(t)   for t from 0 to the horizon:

    each purchase is discounted from the time at which it is expected. It is the value of what is
    still to come, whatever was spent before; what it costs to keep the customer is not in it.

    Values are means over customers alike. Add them up to value a base; of one customer alone they
    say little. They are as sure as their parts: `expected_purchases` of the model and
    `expected_spend` of the spend model have bounds. Spend and frequency are taken to be
    independent: see `spend_independence`.

    Args:
        summary: a table of `purchase_summary`, in the unit that the model was fitted on.
        model: of purchases, from `fit_pareto_nbd`, `fit_mbg_nbd` or `fit_bg_nbd`; one from
            `fit_bg_bb` with discount=0 only, as opportunities are no lengths of time.
        spend: of a purchase: a model from `fit_gamma_gamma`, or an amount that is the same for all
            (currency).
        horizon: how far to look ahead, in that unit. Beyond the time the log spans, the model
            alone speaks.
        margin: share of sales that is left when all that varies with them is paid, such as 0.3.
        discount: effective rate a year, such as 0.1 for 10 % a year (of 365.25 days); 0 for none.

    Returns:
        One row per customer, in the caller's kind and the customers' order: `customer_id`,
        `horizon`, `expected_purchases` (within the horizon, not discounted), `expected_spend` (of a
        purchase, currency), `discount_factor` (0 to 1, of the purchases on average), `value`
        (currency: the product of these three and the margin), `reason` (why there is no value; else
        null).

    Raises:
        RetentionError: if the horizon, the margin or the discount rate is out of its range, the
            model is none, or its unit is not known, or it is a BG/BB model and there is a discount.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a history cannot be, or is in another unit.

    Example:
        Nobody seems to leave, so Bob buys (r + 2)/(α + 10) times a week, for 20 each time, of which
        6 are left. At 10 % a year the weeks count e^(−δ t), with δ = log(1.1) · 7/365.25.

        >>> import math
        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3})
        >>> summary = summary.assign(customer_id=["Ann", "Bob", "Cem"], unit="week")
        >>> model = rt.repeat_buying.fit_bg_nbd(summary)
        >>> r, alpha, a, b = model.parameters
        >>> delta = math.log(1.1) * 7 / 365.25
        >>> discounted_weeks = (1 - math.exp(-delta * 26)) / delta
        >>> print(f"{(r + 2) / (alpha + 10) * discounted_weeks * 20 * 0.3:.3f}")
        33.458
        >>> values = rt.repeat_buying.customer_value(
        ...     summary, model=model, spend=20.0, horizon=26, margin=0.3, discount=0.1
        ... )
        >>> values[["customer_id", "expected_purchases", "discount_factor", "value"]].round(3)
          customer_id  expected_purchases  discount_factor   value
        0         Ann               2.039            0.977  11.949
        1         Bob               5.710            0.977  33.458
        2         Cem              13.051            0.977  76.475

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV: using iso-value curves
        for customer base analysis, Journal of Marketing Research 42(4), 415–430, equations 1 and 2:
        margin × revenue per transaction × discounted expected transactions.
    """
    check_purchase_model(model)
    ahead = checked_length(horizon, argument="horizon")
    kept, rate = _checked_margin(margin), discount_a_year(discount)
    rows = pandas_columns(summary, PURCHASE_SUMMARY, model.covariate_columns)
    purchases = model.expected_purchases(rows, within=ahead)["expected_purchases"].to_numpy()
    each, reason = _spend_per_purchase(rows, spend)
    factor = _discount_factors(model, rows, ahead, rate)
    return table_like(
        {
            "customer_id": rows["customer_id"].to_numpy(),
            "horizon": np.full(purchases.size, ahead),
            "expected_purchases": purchases,
            "expected_spend": each,
            "discount_factor": factor,
            "value": purchases * each * factor * kept,
            "reason": reason,
        },
        summary,
    )


def _checked_margin(margin: object) -> float:
    if not (is_number(margin) and -1 <= margin <= 1):
        raise RetentionError(
            f"margin is the share of sales that is left, such as 0.3 for 30 %; got {margin!r}."
        )
    return float(margin)


def _spend_per_purchase(rows: pd.DataFrame, spend: object) -> tuple[Floats, NDArray[np.object_]]:
    """What each customer may be expected to spend at a purchase, and why not, where not."""
    if isinstance(spend, GammaGammaModel):
        found = spend.expected_spend(rows)
        reason = found["reason"].astype(object)
        return found["expected_spend"].to_numpy(np.float64), reason.where(
            reason.notna(), None
        ).to_numpy(dtype=object)
    if not is_number(spend):
        raise RetentionError(
            "spend is what a purchase brings: a model from fit_gamma_gamma(summary) or one amount, "
            f"the same for all; got {spend!r}."
        )
    return np.full(len(rows), float(spend)), np.full(len(rows), None, dtype=object)


def _discount_factors(
    model: PurchaseModel, rows: pd.DataFrame, horizon: float, rate: float
) -> Floats:
    """What a purchase within the horizon counts on average, of each customer.

    ∫ e^(−δt) dE(t) / E(h), by parts (e^(−δh) E(h) + δ ∫ e^(−δt) E(t) dt) / E(h). The chance of
    being alive is in both parts of the ratio.
    """
    customers = model.customers_of(rows)
    if not rate or not horizon:
        return np.ones(customers.place.size)
    if isinstance(model, BgBbModel):
        raise RetentionError(
            "discount is a rate a year, and a BG/BB model counts opportunities, which are no "
            "lengths of time: say discount=0, or fit another model on ages in days."
        )
    delta = np.log1p(rate) / A_YEAR[unit_of_ages(model, customers.histories.unit)]

    def expected(time: float) -> Floats:
        with np.errstate(divide="ignore"):
            logs = model.log_purchases_if_alive(model.theta, customers.histories, time)
        return np.asarray(np.exp(logs))

    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    # Purchases thin out, so most of the nodes lie early: t = h u², dt = 2 h u du.
    early = (nodes + 1) / 2
    times, widths = horizon * early**2, weights * horizon * early
    parts = (w * np.exp(-delta * t) * expected(t) for t, w in zip(times, widths, strict=True))
    whole = expected(horizon)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.exp(-delta * horizon) + delta * sum(parts) / whole
    return np.asarray(np.where(whole > 0, factor, 1.0)[customers.place])


def unit_of_ages(model: PurchaseModel, said: str | None) -> str:
    """The unit of the ages, of the model or as the summary says it.

    Raises:
        RetentionError: if neither says it.
    """
    unit = model.unit or said
    if unit is None:
        raise RetentionError(
            "discount is a rate a year, but neither the model nor the summary says what its ages "
            "are in: give the summary a column 'unit' of 'day' or 'week', or say discount=0."
        )
    return unit
