"""Alarms of silence: when a customer is silent for too long, by the customer's own rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError, is_number
from retention.frames import FewTexts, table_like
from retention.periods import observed_days
from retention.repeat_buying.buying.bg_nbd import fit_mbg_nbd
from retention.repeat_buying.buying.pareto_nbd import fit_pareto_nbd
from retention.repeat_buying.summary.purchase_histories import pandas_columns
from retention.repeat_buying.summary.purchase_summary import (
    purchase_summary,
    refuse_no_customer,
)
from retention.signals.days.own_rates import (
    density_of_budget,
    false_alarms_per_month,
    own_rate,
    p_silence,
    purchase_density,
    rates_of_purchases,
    rings_after,
)
from retention.tables import PURCHASE_SUMMARY
from retention.tables.answer_columns import (
    constants,
    flags,
    gives,
    ids,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.repeat_buying.buying.purchase_model import PurchaseModel

    Floats = NDArray[np.float64]

_MODELS = (("pareto_nbd", fit_pareto_nbd), ("mbg_nbd", fit_mbg_nbd))
_GIVEN = "model given"
_FAR = 1e6
"""Beyond so many days of silence no customer is looked at: there is no date for the alarm."""

_SLACK = 1e-9


@gives(
    "customer",
    ids("customer_id"),
    whole_numbers("x"),
    whole_numbers("days_since_last", unit="days"),
    numbers("own_rate", unit="purchases a day"),
    shares("p_silence"),
    numbers("false_alarms_per_month", unit="alarms per 100 customer-months"),
    times("rings_on"),
    flags("rings"),
    shares("p_gone"),
    constants(texts("method"), numbers("false_alarms", unit="alarms per 100 customer-months")),
)
def silence_alarms(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    false_alarms: float,
    model: PurchaseModel | None = None,
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """Who has been silent for too long at their own pace, and on which day the others would be.

    Customers who are here buy at rates λ of their own, which are Gamma(r, α) among them. Of one who
    bought again x times in t_x days and has been silent for s days since,

        own_rate = (r + x) / (α + t_x + s)
        p_silence = ((α + t_x) / (α + t_x + s))^(r + x)        still here, and silent for so long
        false_alarms_per_month = 30.4375 · 100 · own_rate · p_silence

    The last is E[λ e^(−λs)], the density of a purchase on this day. Who rings once it falls to c a
    day rings in vain about c times a day, whatever the pace: all customers have much the same false
    alarms. By p_silence alone the quickest buyers would have most of them. It is reached after

        (α + t_x) [((r + x) / ((α + t_x) c))^(1 / (r + x + 1)) − 1]   days of silence, 0 at least,

    so the day of the alarm, `rings_on`, is known at the last purchase already and calls can be
    planned; a purchase before it moves it on. Against departures put into logs this is as quick as
    P(gone) of Pareto/NBD, whose rate of leaving is hard to fit, and quicker than rules of thumb.

    What is promised is not quite what comes: at 10 false alarms per 100 customer-months 8.7 and 8.8
    came on two logs, at 1 between a quarter and twice as many, since people buy more regularly
    than at random, and by season. `spike_departures` tells how long an alarm takes in your log.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        false_alarms: how many of a hundred customers who are still here may ring in a month.
        model: a fitted model of purchases; by default `fit_pareto_nbd`, or `fit_mbg_nbd` where the
            data do not tell the parameters of the former.
        observed_from: where the log was cut at the front: customers with a purchase before this day
            are left out, since they were not new; see `purchase_summary`.

    Returns:
        One row per customer, in the caller's kind, eager ones sorted by customer: `customer_id`,
        `x` (repeat purchases), `days_since_last` (s), `own_rate` (purchases a day), `p_silence`,
        `false_alarms_per_month` (per 100 customer-months, if who is like that rang), `rings_on`
        (the first day on which that is `false_alarms` or less; null beyond a million days),
        `rings` (that day has come), `p_gone` (1 − P(alive) of the model; null where its status is
        "flat"), and the conventions `method` ("pareto_nbd", "mbg_nbd" or "model given") and
        `false_alarms`.

    Raises:
        RetentionError: if `false_alarms` is not above 0, or `model` is no fitted model of
            purchases.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `as_of`, or the purchases tell no rates.

    Example:
        Ann bought five times in 80 days and has been silent for 60. She rings after 100.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": "Ann", "sales": 10.0,
        ...     "date": pd.Timestamp("2024-01-01") + pd.to_timedelta([0, 20, 40, 60, 80], unit="D"),
        ... })
        >>> model = rt.repeat_buying.fit_pareto_nbd(rt.purchase_summary(orders, as_of="2024-05-20"))
        >>> rates = dict(zip(model.names, model.parameters))
        >>> model = model.model_copy(update={"parameters": tuple(
        ...     {**rates, "r": 0.5, "alpha": 20.0}[name] for name in model.names
        ... )})
        >>> (alarm,) = rt.signals.silence_alarms(
        ...     orders, as_of="2024-05-20", false_alarms=3, model=model
        ... ).to_dict("records")
        >>> print(f"{alarm['p_silence']:.6f} {alarm['false_alarms_per_month']:.3f}")
        0.120631 10.327
        >>> print(alarm["rings_on"].date(), alarm["rings"])
        2024-06-30 False

    Source:
        The purchases of Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your
        customers, Management Science 33, 1–24, of customers who are still here.
    """
    last, first = observed_days(as_of, observed_from)
    budget = _budget_of_alarms(false_alarms)
    rows = pandas_columns(
        purchase_summary(transactions, as_of=last, observed_from=first), PURCHASE_SUMMARY
    )
    refuse_no_customer(len(rows), last, first is not None)
    rows = rows.sort_values("customer_id", ignore_index=True)
    method, fitted = (_GIVEN, model) if model is not None else _first_model_that_tells(rows)
    rates = rates_of_purchases(fitted)
    x, t_x, age = (rows[name].to_numpy(np.float64) for name in ("x", "t_x", "T"))
    silence = age - t_x
    density = purchase_density(rates, x, t_x, silence)
    until = np.ceil(rings_after(rates, x, t_x, density_of_budget(budget)) - _SLACK)
    made: dict[str, Any] = {
        "customer_id": rows["customer_id"].to_numpy(),
        "x": x.astype(np.int64),
        "days_since_last": silence.astype(np.int64),
        "own_rate": own_rate(rates, x, t_x, silence),
        "p_silence": p_silence(rates, x, t_x, silence),
        "false_alarms_per_month": false_alarms_per_month(density),
        "rings_on": _days_from(periods.number_of(last) - silence, until),
        "rings": until <= silence,
        "p_gone": _chances_of_being_gone(fitted, rows),
        "method": FewTexts(np.zeros(x.size, np.int8), (method,)),
        "false_alarms": np.full(x.size, budget),
    }
    return table_like(made, transactions)


def _budget_of_alarms(false_alarms: object) -> float:
    if not (is_number(false_alarms) and false_alarms > 0):
        raise RetentionError(
            "`false_alarms` is how many of a hundred customers who are still here may ring in a "
            f"month, above 0; got {false_alarms!r}."
        )
    return float(false_alarms)


def _first_model_that_tells(rows: pd.DataFrame) -> tuple[str, PurchaseModel]:
    """The first model whose parameters the purchases tell, and its name."""
    for name, fit in _MODELS if rows["x"].any() else ():  # else rates run down to nothing
        fitted = cast("PurchaseModel", fit(rows))
        if fitted.status != "flat":
            return name, fitted
    raise ContentError(
        "transactions: too few customers bought again to tell at what rates they do. Say `model=` "
        "one of a longer log, as fit_pareto_nbd(purchase_summary(...))."
    )


def _days_from(purchase: Floats, until: Floats) -> NDArray[np.datetime64]:
    """The days so long after the last purchases; none where that is beyond all planning."""
    near = until <= _FAR
    day = (purchase + np.where(near, until, 0.0)).astype(np.int64).astype("datetime64[D]")
    day[~near] = np.datetime64("NaT")
    return day


def _chances_of_being_gone(model: PurchaseModel, rows: pd.DataFrame) -> Floats:
    """1 − P(alive) of each customer, in the unit of the model; NaN where it cannot tell."""
    if model.status == "flat":
        return np.full(len(rows), np.nan)
    days = periods.DAYS[str(model.unit)]
    ages = rows.assign(t_x=rows["t_x"] / days, T=rows["T"] / days, unit=model.unit)
    return 1 - model.p_alive(ages)["p_alive"].to_numpy(np.float64)
