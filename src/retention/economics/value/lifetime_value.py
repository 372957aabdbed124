"""What a new customer is worth: what was seen and what a model foretells, told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.economics.value.curve_or_model import (
    kept_at,
    renewal_model_of,
    sums_from,
    why_not_valued,
)
from retention.economics.value.payments import (
    Length,
    Payments,
    Profit,
    Timing,
    checked_cost,
    payments_to_come,
    read_profit,
)
from retention.economics.value.renewal_chances import (
    error_by_moving,
    survivors_kept,
    watched_renewals,
    why_no_bounds,
)
from retention.frames import table_like
from retention.numerics import step_functions
from retention.survival.curves.curve_tables import (
    Curve,
    curves_of,
    notes_of_spans,
    table_of_curves,
    text_column,
)
from retention.tables import CURVE, segments
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.repeat_buying.renewal.models import RenewalModel

    Floats = NDArray[np.float64]

_CALL = "say residual_value(customers, model=model, ...), with a tenure of 0 for a new one"


@gives(
    "segment",
    whole_numbers("horizon_observed", unit="periods"),
    amounts("value_observed", "value_forecast", "value"),
    shares("share_forecast"),
    amounts("standard_error", "lower", "upper"),
    amounts("acquisition_cost", "net", "net_lower", "net_upper"),
    texts("reason", "note"),
    constants(
        whole_numbers("horizon", unit="periods"),
        texts("timing", "length"),
        numbers("discount", unit="rate a year"),
    ),
)
def lifetime_value(  # noqa: PLR0913 - money and its conventions have no silent defaults
    curve: Any,
    *,
    profit: Any,
    acquisition_cost: float,
    length: Length,
    discount: float,
    horizon: int,
    timing: Timing,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> Any:
    """What a new customer is worth, with what was observed and what is forecast told apart.

    With S the survival of a customer just won, v what an amount counts a period before it is paid
    and π_j the profit of period j,

        V = Σ over j ≤ horizon of w_j S(t_j),   w_j = π_j v^(τ_j),   v = (1 + discount)^(−years),

    where `timing` says who makes the payment of period j and how far it is discounted:

    | timing | made by those still here at t_j | discounted by τ_j |
    | --- | --- | --- |
    | "start" | j − 1: as the period opens, the first at once | j − 1 |
    | "middle" | j − ½ | j − ½ |
    | "end" | j: who has renewed at its end | j |
    | "arrears" | j − 1: all who were here as it opened | j |
    | "renewal" | j: at the renewal, the first being due now; it pays for period j + 1 | j − 1 |

    Of a curve, A_u being Σ over t_j ≥ u of w_j S(t_j), the variance is
    Σ A_u² d_u / (n_u (n_u − d_u)), that of `restricted_mean` (which V is where π and v are 1). Of a
    model it is that of the estimate (delta method).

    A curve has no forecast: beyond its last duration there is no value, and `reason` says so. Of a
    model, `value_forecast` is the part that rests on periods nobody has watched. That part is often
    half of all, and where one rate is taken for ever, most.

    Args:
        curve: a table of `survival_curve`, its durations in periods (`renewal_periods` makes them
            of days), or a model from `fit_beta_geometric` or `fit_beta_discrete_weibull`.
        profit: what a customer who is here brings a period (currency): an amount, or a table with
            `profit_per_customer` by `age` (1 for the first period), and by segment if it has
            their columns. Without the column `age` it is the same at all ages.
        acquisition_cost: what it costs to win one (currency), 0 if nothing; it is taken off `net`.
        length: how long a period is, the unit of durations, horizon and profit: "day", "week",
            "month", "quarter", "year" or a number of days.
        discount: effective rate a year, such as 0.1; 0 for none.
        horizon: how many periods to look ahead.
        timing: when payments fall due, as above; it moves the value by more than a year's discount.
        by: the segment columns that the curve was made with.
        level: confidence of the bounds.

    Returns:
        One row per segment, in the caller's kind (of a model, one row in pandas): the `by` columns,
        `horizon_observed` (periods whose payment was watched), `value_observed` (of these),
        `value_forecast` (of the rest; 0 where all was observed), `value` (their sum),
        `share_forecast` (of the value; null where that is not above 0), `standard_error`, `lower`,
        `upper`, `acquisition_cost`, `net` (value less the cost), `net_lower`, `net_upper`
        (currency), `reason` (why the value or its bounds are not known; else null), `note` (what a
        curve under late entry is given; else null), and the constants `horizon`, `timing`,
        `length`, `discount`. Bounds are null where the model has none, and of a curve where all
        left at one moment, which says nothing of chance.

    Raises:
        RetentionError: if a keyword is none of what it may be, or `by` stands beside a model.
        ColumnError: if a table lacks a column.
        ContentError: if the profit of an age before the horizon is not known, or the curve holds
            several segments that `by` does not tell apart.

    Example:
        Of four customers one leaves at the first renewal and two at the second: 1, ¾ and ¼ of them
        pay 10 as the years open. A fourth year nobody has seen.

        >>> import pandas as pd
        >>> import retention as rt
        >>> years = pd.DataFrame({
        ...     "duration": [1, 2, 2, 3], "churned": [True, True, True, False],
        ... })
        >>> asked = {"profit": 10, "acquisition_cost": 5, "discount": 0, "length": "year"}
        >>> curve = rt.survival_curve(years)
        >>> value = rt.economics.lifetime_value(curve, horizon=3, timing="start", **asked)
        >>> value[["value_observed", "value_forecast", "value", "net"]]
           value_observed  value_forecast  value   net
        0            20.0             0.0   20.0  15.0
        >>> later = rt.economics.lifetime_value(curve, horizon=5, timing="start", **asked)
        >>> later[["horizon_observed", "value_observed", "value"]]
           horizon_observed  value_observed  value
        0                 4            22.5    NaN
        >>> later["reason"][0]
        'observed for 4 years; for more, give a model from fit_beta_geometric'

    Source:
        Kaplan–Meier areas: Klein and Moeschberger (2003), Survival Analysis, section 4.5, here with
        weights. Timing: Gupta, S. and Lehmann, D. R. (2003), Customers as assets, Journal of
        Interactive Marketing 17(1), 9–24, and Fader and Hardie (2010), Marketing Science 29, 85–93.
    """
    z = intervals.quantile_of(level)
    model = renewal_model_of(curve, by, _CALL)
    asked = payments_to_come(horizon, timing, length, discount)
    cost = checked_cost("acquisition_cost", acquisition_cost, "what it costs to win a customer")
    names = segments(by, CURVE)
    worth = read_profit(profit, by=names, length=asked.length)
    if model is not None:
        import pandas as pd

        row = _value_of_model(model, asked, worth)
        return table_like(_columns_of_values([row], [None], asked, cost, z), pd.DataFrame())
    chosen = curves_of(curve, names)
    rows = [_value_of_curve(one, asked, worth) for one in chosen]
    notes = notes_of_spans([(one, 0.0, float(asked.due[-1])) for one in chosen])
    parts = _columns_of_values(rows, notes, asked, cost, z)
    return table_like(table_of_curves(chosen, names, parts), curve)


Row = tuple[int, float, float, float, str | None]
"""Periods observed, value observed, value forecast, standard error, reason."""


def _value_of_curve(one: Curve, asked: Payments, worth: Profit) -> Row:
    weights = worth.of_payments(one.key, asked.ages) * asked.discounts
    kept = kept_at(one, asked.due)
    observed = int((~np.isnan(kept)).sum())
    terms = (weights * kept)[:observed]
    reason = why_not_valued(one, observed, asked.horizon, asked.length)
    if reason is not None:
        return observed, float(terms.sum()), np.nan, np.nan, reason
    return observed, float(terms.sum()), 0.0, _error_of_curve(one, asked.due, terms), None


def _error_of_curve(one: Curve, due: Floats, terms: Floats) -> float:
    """The standard error of Σ w S, NaN where ends were seen and the variance tells nothing."""
    later = sums_from(due, terms, one.duration)
    each = step_functions.greenwood_terms(one.n_churned, one.n_at_risk)
    counted = later != 0
    variance = float((later[counted] ** 2 * each[counted]).sum())
    if not variance and one.n_churned[one.duration <= due[-1]].any():
        return float("nan")
    return float(np.sqrt(variance))


def _value_of_model(model: RenewalModel, asked: Payments, worth: Profit) -> Row:
    weights = worth.of_payments((), asked.ages) * asked.discounts
    renewals = asked.renewals.astype(np.float64)

    def value(theta: Floats) -> float:
        return float(weights @ survivors_kept(theta, 0, renewals))

    terms = weights * survivors_kept(model.theta, 0, renewals)
    observed = int((asked.renewals <= watched_renewals(model)).sum())
    error = error_by_moving(model, value)
    seen, foretold = float(terms[:observed].sum()), float(terms[observed:].sum())
    return observed, seen, foretold, error, why_no_bounds(model)


def _columns_of_values(
    rows: Sequence[Row], notes: Sequence[str | None], asked: Payments, cost: float, z: float
) -> dict[str, Any]:
    observed, seen, foretold, error, reasons = zip(*rows, strict=True)
    value = np.array(seen) + np.array(foretold)
    lower, upper = value - z * np.array(error), value + z * np.array(error)
    return {
        "horizon_observed": np.array(observed, np.int64),
        "value_observed": np.array(seen),
        "value_forecast": np.array(foretold),
        "value": value,
        "share_forecast": intervals.ratio(foretold, value),
        "standard_error": np.array(error),
        "lower": lower,
        "upper": upper,
        "acquisition_cost": np.full(value.size, cost),
        "net": value - cost,
        "net_lower": lower - cost,
        "net_upper": upper - cost,
        "reason": text_column(reasons),
        "note": text_column(notes),
        **asked.constants(value.size),
    }
