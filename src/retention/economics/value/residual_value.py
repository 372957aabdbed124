"""What each customer is worth from now on, by how long they have stayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention.economics.value.curve_or_model import refuse_no_model
from retention.economics.value.payments import (
    Length,
    Payments,
    Profit,
    Timing,
    payments_to_come,
    read_profit,
    unknown_profit_error,
)
from retention.economics.value.renewal_chances import saved_kept, survivors_kept
from retention.errors import ColumnError, ContentError, check_choice, count_of
from retention.frames import Columns, FewTexts, table_like
from retention.names import inner_name
from retention.orders import MOST
from retention.repeat_buying.renewal.models import RenewalModel
from retention.survival.curves.curve_tables import text_column
from retention.survival.models.customers_given import (
    ASIDE_COLUMN,
    chunks_of_customers,
    columns_of_model,
    columns_with_tenure,
    refuse_absent_columns,
)
from retention.survival.models.lifetime_model import LifetimeModel
from retention.survival.models.unknowns import ASIDE, WHY
from retention.survival.models.unpredicted import Why
from retention.tables import CUSTOMERS, column_names, require
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    ids,
    numbers,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Frame

    Floats = NDArray[np.float64]
    Texts = NDArray[np.object_]

Whose = Literal["survivors", "saved"]

_FITS = "fit_beta_geometric, fit_beta_discrete_weibull, fit_cox, fit_aft or fit_hazard"
_CALL = "residual_value(customers, model=model, profit=100, ...)"
_NOT_YET = "nobody is saved before a first renewal"
_NO_PROFIT = "the profit is missing"
_UNKNOWN = "the profit is unknown from age {:,} on"


@gives(
    "customer",
    ids("customer_id"),
    numbers("tenure", unit="as horizon"),
    amounts("value"),
    texts("reason", "note"),
    constants(
        texts("whose"),
        whole_numbers("horizon", unit="periods"),
        texts("timing", "length"),
        numbers("discount", unit="rate a year"),
    ),
)
def residual_value(  # noqa: PLR0913 - money and its conventions have no silent defaults
    customers: IntoFrameT,
    *,
    model: RenewalModel | LifetimeModel,
    profit: Any,
    length: Length,
    discount: float,
    horizon: int,
    timing: Timing,
    whose: Whose = "survivors",
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """What each customer is worth from now on, given how long they have stayed.

    With tenure s, w_j the discounted profit of the j-th payment from now and t_j how long the
    customer must still be here to make it (`lifetime_value` says which `timing` means what),

        value = Σ over j ≤ horizon of w_j P(T > s + t_j | T > s).

    In a model of renewal s is the renewals behind, and what a customer did tells who they are: of
    those with n behind, θ (their chance to leave at a renewal) has a beta(a, b + n) distribution,
    so that the longer they have stayed the more they are worth.

    **`whose="saved"`** asks for another customer: one who *would have left* at the last renewal and
    was kept. Such customers leave easily: θ has the distribution beta(a + 1, b + n − 1), n being
    the renewals behind with the saved one among them. They are worth about half of a survivor, so
    a campaign that is valued at the average customer looks twice as good as it is. This rests on
    customers keeping their θ. Of a model of lifetimes (Cox and its like) the two are equal, as
    covariates are taken to explain all.

    Values are means over customers alike: add them up (`customer_equity`), of one customer they say
    little. There are no bounds, as all rest on one estimate and their errors do not even out;
    `RenewalModel.expected_renewals` has those of each tenure.

    Args:
        customers: a table with `customer_id`, `tenure` (of a model of renewal, renewals behind;
            of lifetimes, in the unit of the durations) and a lifetime model's covariates and
            strata. Or the table of spells that the model was fitted on: those that go on are
            valued, their `duration` is the tenure.
        model: from `fit_beta_geometric` or `fit_beta_discrete_weibull`; or from `fit_cox`,
            `fit_aft`, `fit_hazard` or `from_lifelines`, fitted on durations in periods.
        profit: what a customer who is here brings a period (currency): an amount; the name of a
            column of `customers`, each one's own; or a table with `profit_per_customer` by `age`.
        length: how long a period is, the unit of tenures, horizon and profit: "day", "week",
            "month", "quarter", "year" or a number of days.
        discount: effective rate a year, such as 0.1; 0 for none.
        horizon: how many periods to look ahead. Beyond what was seen, a model of renewal alone
            speaks; a Cox model says nothing.
        timing: "start", "middle", "end", "arrears" or "renewal": see `lifetime_value`.
        whose: "survivors", who renewed of themselves, or "saved".
        keep: columns of `customers` that come along, behind all others.

    Returns:
        One row per customer, in the caller's kind and the customers' order: `customer_id`,
        `tenure`, `value` (currency), `reason` (why there is none; else null), `note` (what it is
        given: that customers are still here when the first came under observation; else null), the
        constants `whose`, `horizon`, `timing`, `length`, `discount`, then the `keep` columns.

    Raises:
        RetentionError: if a keyword is none of what it may be.
        ColumnError: if a column is missing.
        ContentError: if a tenure is missing or, in a model of renewal, no whole number; or if the
            profit of the ages to come is known of nobody.

    Example:
        With a = b = 1, who has renewed once renews again with the chance 2/3, and twice with 2/4.
        Who would have left at that renewal and was kept does so with 1/3 and 1/6.

        >>> import pandas as pd
        >>> import retention as rt
        >>> years = pd.DataFrame({
        ...     "duration": [1, 2, 3, 3],
        ...     "churned": [True, True, True, False],
        ...     "n_spells": [30, 10, 5, 15],
        ... })
        >>> model = rt.repeat_buying.fit_beta_geometric(years)
        >>> customers = pd.DataFrame({"customer_id": ["Ann"], "tenure": [1]})
        >>> asked = {"profit": 12, "length": "year", "discount": 0, "horizon": 3}
        >>> both = [
        ...     rt.economics.residual_value(
        ...         customers, model=model, timing="start", whose=whose, **asked
        ...     )
        ...     for whose in ("survivors", "saved")
        ... ]
        >>> [round(float(values["value"][0]), 4) for values in both]
        [26.0, 18.0]

    Source:
        Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting,
        Marketing Science 29, 85–93, equation (6) and table 3 (timing "renewal"). The saved: Bayes'
        rule, as there for survivors.
    """
    refuse_no_model(model, _CALL, (RenewalModel, LifetimeModel), _FITS)
    check_choice("whose", whose, ("survivors", "saved"))
    asked = payments_to_come(horizon, timing, length, discount)
    keys, kept, worth = _customers_and_profit(customers, model, profit, keep, asked.length)
    if isinstance(model, RenewalModel):
        found = _values_by_renewals(model, keys, asked, worth, whose)
    else:
        found = _values_by_lifetime(model, keys, asked, worth)
    n = keys["tenure"].size
    if n and not np.isfinite(found.value).any() and (found.unknown_age > 0).all():
        known = found.unknown_age - np.floor(keys["tenure"]) - asked.ages[0]
        raise unknown_profit_error(int(found.unknown_age.max()), int(known.max()))
    value, reason = _with_own_profit(found, keys.get("_profit"))
    made = {"value": value, "reason": reason, "note": found.note}
    head = {name: keys[name] for name in ("customer_id", "tenure")}
    return table_like(
        {**head, **made, **_constants_of_customers(asked, whose, n), **kept}, customers
    )


def _constants_of_customers(
    asked: Payments, whose: str, n: int
) -> dict[str, NDArray[Any] | FewTexts]:
    """The conventions as columns of many rows."""

    def one_text(text: str) -> FewTexts:
        return FewTexts(np.zeros(n, np.int8), (text,))

    return {
        "whose": one_text(whose),
        "horizon": np.full(n, asked.horizon),
        "timing": one_text(asked.timing),
        "length": one_text(asked.length),
        "discount": np.full(n, asked.discount),
    }


@dataclass(frozen=True, slots=True)
class _Values:
    """What customers are worth.

    Attributes:
        value: of each, NaN where it is not known.
        reason: why it is not.
        note: what it is given.
        unknown_age: the first age of which the profit is not known; 0 where all are.
    """

    value: Floats
    reason: Texts
    note: Texts
    unknown_age: NDArray[np.int64]


def _customers_and_profit(
    customers: object, model: object, profit: Any, keep: str | Sequence[str], length: str
) -> tuple[Columns, Columns, Profit]:
    """What is needed of the customers (`_profit`: each one's own), what goes along, the profit."""
    names = column_names(keep, argument="keep")
    frame = require(customers, CUSTOMERS, by_row=True)
    schema = frame.collect_schema()
    _refuse_unknown_tenures(frame)
    needed = []
    if isinstance(model, LifetimeModel):
        refuse_absent_columns(model, schema)
        needed = columns_of_model(model)
    if not isinstance(profit, str):
        keys, kept = columns_with_tenure(frame, needed, "tenure", names)
        return keys, kept, read_profit(profit, length=length)
    if inner_name(profit) not in schema:
        raise ColumnError.unknown("profit", profit, schema)
    if not schema[inner_name(profit)].is_numeric():
        raise ColumnError(f"customers: {profit!r}, the profit, must be numbers. Convert it.")
    keys, kept = columns_with_tenure(frame, [*needed, profit], "tenure", names)
    keys["_profit"] = keys[profit].astype(np.float64)
    if (np.abs(keys["_profit"]) > MOST).any():
        raise ContentError(
            f"customers: an amount in {profit!r} is infinite, or no money can be it."
        )
    return keys, kept, read_profit(1.0)


def _refuse_unknown_tenures(frame: Frame) -> None:
    schema = frame.collect_schema()
    if "tenure" not in schema and not {"duration", "churned"} <= set(schema):
        raise ColumnError(
            "customers lacks 'tenure' (how long each has stayed, in periods). Add it, 0 for "
            "a new customer, or give the table of spells that the model was fitted on."
        )


def _values_by_renewals(
    model: RenewalModel, keys: Columns, asked: Payments, worth: Profit, whose: str
) -> _Values:
    """The value of each tenure, once, and of all who have it."""
    tenure = keys["tenure"]
    if (parts := tenure % 1 != 0).any():
        raise ContentError(
            f"customers: {count_of(int(parts.sum()), 'has', 'have')} a tenure that is no whole "
            f"number of renewals; the first is {tenure[parts][0]:g}. Count those behind."
        )
    each, place = np.unique(tenure, return_inverse=True)
    kept = saved_kept if whose == "saved" else survivors_kept
    least = 1 if whose == "saved" else 0
    value, unknown = np.full(each.size, np.nan), np.zeros(each.size, np.int64)
    for i, n in enumerate(each.tolist()):
        ages = asked.ages + int(n)
        profit = worth.of_ages((), ages)
        unknown[i] = ages[np.isnan(profit)][0] if np.isnan(profit).any() else 0
        if n >= least:
            chances = kept(model.theta, n, asked.renewals.astype(np.float64))
            value[i] = float((profit * asked.discounts) @ chances)
    reason = _reasons_of_profit(unknown)
    reason[each < least] = _NOT_YET
    value, reason, unknown = value[place], reason[place], unknown[place]
    aside = keys.get(ASIDE_COLUMN, np.zeros(tenure.size)).astype(np.bool_)
    value[aside], reason[aside] = np.nan, WHY[ASIDE]
    return _Values(value, reason, text_column([None] * tenure.size), unknown)


def _values_by_lifetime(
    model: LifetimeModel, keys: Columns, asked: Payments, worth: Profit
) -> _Values:
    n = keys["tenure"].size
    value, why = np.zeros(n), Why.of(model, n)
    terms = list(
        zip(asked.due.tolist(), asked.discounts.tolist(), asked.ages.tolist(), strict=True)
    )
    first = np.full(n, np.iinfo(np.int64).max)
    for some in chunks_of_customers(model, keys, keys["start"]):
        rows, start = some.rows, some.start
        kept = np.ones(start.size)
        for due, counts, age in terms:
            if due:
                hazard, _ = model.hazard_between(some.design, some.stratum, start, start + due)
                kept = np.exp(-some.where_known(hazard))
            ages = np.floor(start).astype(np.int64) + age
            profit = worth.of_ages((), ages)
            value[rows] += counts * profit * kept
            lacking = np.isnan(profit)
            first[rows][lacking] = np.minimum(first[rows][lacking], ages[lacking])
        places = np.arange(rows.start, rows.stop)
        why.explain(places, kept, some.stratum, (start, start + asked.due[-1]), some.why)
    unknown = np.where(first == np.iinfo(np.int64).max, 0, first)
    told = why.columns()
    reason = told["reason"].spelled_out()
    mine = np.flatnonzero((unknown > 0) & (reason == np.array(None)))
    reason[mine] = _reasons_of_profit(unknown[mine])
    return _Values(value, reason, told["note"].spelled_out(), unknown)


def _reasons_of_profit(unknown: NDArray[np.int64]) -> Texts:
    return text_column([_UNKNOWN.format(age) if age else None for age in unknown.tolist()])


def _with_own_profit(found: _Values, own: Floats | None) -> tuple[Floats, Texts]:
    """Values of one unit of profit, times each customer's own."""
    if own is None:
        return found.value, found.reason
    reason = found.reason.copy()
    reason[np.isnan(own) & ~np.isnan(found.value)] = _NO_PROFIT
    return found.value * own, reason
