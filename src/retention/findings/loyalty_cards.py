"""Loyalty card of a customer: all that is known of them on a day, in one row, for who answers."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError
from retention.findings.card_figures import CARD_TELLERS, RISKS_OF_DAYS, CardAsked, array_of_one
from retention.findings.card_sentence import sentence_of_card
from retention.frames import as_lazy, in_kind_of, one_row, table_like
from retention.periods import as_day, whole_days
from retention.tables import (
    CALLS,
    CONTACTS,
    CONTRACTS,
    INVOICES,
    SEGMENTS,
    SURVEYS,
    TRANSACTIONS,
    Kind,
    require,
)
from retention.tables.answer_columns import (
    amounts,
    answer_of,
    constants,
    gives,
    ids,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.business_hours import BusinessHours
    from retention.repeat_buying.buying.purchase_model import PurchaseModel

_KINDS: dict[str, tuple[Kind, str]] = {
    "transactions": (TRANSACTIONS, "date"),
    "contracts": (CONTRACTS, "start"),
    "contacts": (CONTACTS, "date"),
    "surveys": (SURVEYS, "date"),
    "invoices": (INVOICES, "date"),
    "calls": (CALLS, "date"),
    "tiers": (SEGMENTS, "as_of"),
    "segments": (SEGMENTS, "as_of"),
    "states": (SEGMENTS, "as_of"),
    "risk": (RISKS_OF_DAYS, "as_of"),
}
"""Of each table what it is, and the column of the day from which on a row is known."""


@gives(
    "what is known of a customer",
    ids("customer_id"),
    times("as_of", "customer_since"),
    numbers("tenure", unit="days"),
    times("last_purchase"),
    numbers("days_since_last", unit="days"),
    numbers("n_orders", unit="purchase days"),
    amounts("sales", "sales_now"),
    numbers("mean_gap", unit="days"),
    numbers("gap_ratio", unit="times"),
    shares("p_silence", "p_no_purchase"),
    texts("tier", "segment", "state"),
    texts("contract"),
    times("contract_until"),
    numbers("n_contacts", "n_late", "n_open"),
    numbers("n_waiting", unit="contacts"),
    numbers("longest_open_hours", unit="hours"),
    numbers("satisfaction", "satisfaction_change", unit="points on the scale"),
    numbers("n_overdue"),
    numbers("days_overdue", unit="days"),
    shares("risk"),
    times("last_call"),
    texts("last_outcome", "sentence"),
    constants(whole_numbers("window", unit="days")),
)
def loyalty_card(  # noqa: PLR0913 - a card is of whatever there is
    customer_id: int | str,
    *,
    as_of: date | str,
    transactions: IntoFrameT | None = None,
    contracts: IntoFrameT | None = None,
    contacts: IntoFrameT | None = None,
    targets: Mapping[str, float] | None = None,
    business_hours: BusinessHours | None = None,
    surveys: IntoFrameT | None = None,
    invoices: IntoFrameT | None = None,
    calls: IntoFrameT | None = None,
    tiers: IntoFrameT | None = None,
    segments: IntoFrameT | None = None,
    states: IntoFrameT | None = None,
    risk: IntoFrameT | None = None,
    model: PurchaseModel | None = None,
    window: int = 365,
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """All that is known of a customer on a day, in one row and in plain words, for who answers.

    Of day a nothing later is looked at: what came, was answered, paid or known after it is not on
    the card. The figures are those of `purchase_features`, `contact_features`, `survey_features`,
    `invoice_features` and `overdue_contacts` of that customer and day; the window is (a − window,
    a]. With the last purchase day d, the usual gap g and s = a − d days of silence

        gap_ratio = s / g,
        p_silence = the chance that a customer of such a record who is still here is silent so long.

    Args:
        customer_id: whose card it is.
        as_of: a, the day.
        transactions: a table from `as_transactions`.
        contracts: a table from `as_contracts`. An end after a is the term that was agreed.
        contacts: a table from `as_contacts`; needs `targets`.
        targets: the hours within which customers are to be answered and to be content, as in
            `service_kpis`.
        business_hours: by what clock hours run, as in `service_kpis`.
        surveys: a table from `as_surveys`.
        invoices: a table from `as_invoices`.
        calls: a table from `as_calls`: when you got in touch.
        tiers: `customer_id` and `segment`, such as `value_tiers` gives.
        segments: the same, such as `rfm_scores` gives.
        states: the same, such as `customer_states` gives. Of several days the last by a counts.
        risk: `customer_id` and `risk`, the chance that a customer leaves, by whatever model; with
            `as_of`, of several days, the last by a counts.
        model: a fitted model of purchases: for `p_silence` and `p_no_purchase`.
        window: the days of "of late", and of `p_no_purchase` ahead.
        observed_from: as in `purchase_features`.

    Returns:
        One row, in the kind of the first table that was handed over: `customer_id`, `as_of`,
        `customer_since` (first purchase or contract), `tenure` (days since), `last_purchase`,
        `days_since_last` (days), `n_orders` (purchase days), `sales` (currency, in total),
        `sales_now` (currency, of the window), `mean_gap` (days), `gap_ratio`, `p_silence`,
        `p_no_purchase` (in the next `window` days), `tier`, `segment`, `state`, `contract`
        ("running", "ends" or "ended"), `contract_until` (first day out; null while no end is
        agreed), `n_contacts`, `n_late` (of the window), `n_open` (contacts that are not solved),
        `n_waiting` (of them those beyond a target), `longest_open_hours`, `satisfaction` (the last
        one), `satisfaction_change`, `n_overdue`, `days_overdue`, `risk`, `last_call`,
        `last_outcome`, `sentence`, and the convention `window`. The columns are always these; null
        is what was not handed over, or is not known.

    Raises:
        RetentionError: if no table was handed over, contacts without `targets`, `window` is no
            whole number of days, or the id is of another type than those of a table.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no table knows the customer by then, or several segments or risks do.
        TableError: if it is not a table of a supported engine.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-31", "2024-02-01"]),
        ...     "sales": [20.0, 30.0, 5.0],
        ... })
        >>> card = rt.findings.loyalty_card("Ann", as_of="2024-03-31", transactions=orders)
        >>> card[["tenure", "n_orders", "sales", "mean_gap", "gap_ratio"]]
           tenure  n_orders  sales  mean_gap  gap_ratio
        0    90.0       2.0   50.0      30.0        2.0
        >>> card["sentence"][0].partition("; ")[0]
        'Customer since 1 Jan 2024. 2 orders, 50.00 in total and 50.00 in the last 365 days'
        >>> card["sentence"][0].partition("; ")[2]
        'the last on 31 Jan 2024, 60 days ago, where 30 days between orders are usual.'

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 4, on the one view of
        a customer that all who serve them share; chapter 9 for the signs of leaving.
    """
    asked = CardAsked(
        _id_of_customer(customer_id),
        as_day(as_of, argument="as_of"),
        whole_days(window, argument="window", least=1),
        targets,
        business_hours,
        model,
        observed_from,
    )
    told = {"transactions": transactions, "contracts": contracts, "contacts": contacts}
    told |= {"surveys": surveys, "invoices": invoices, "calls": calls}
    told |= {"tiers": tiers, "segments": segments, "states": states, "risk": risk}
    given = {name: table for name, table in told.items() if table is not None}
    _refuse_unclear_cards(given, asked)
    card: dict[str, Any] = {"customer_id": asked.who, "as_of": asked.day, "window": asked.window}
    known = [_rows_told(name, table, asked, card) for name, table in given.items()]
    if not any(known):
        raise ContentError(
            f"customer {asked.who!r} is in none of {', '.join(given)} by {asked.day}. Give the id "
            "as it is written there, or a later day."
        )
    _tell_whole_card(card)
    return table_like(_card_as_columns(card), next(iter(given.values())))


def _id_of_customer(customer_id: object) -> int | str:
    """The id of one customer.

    Raises:
        RetentionError: if it is none.
    """
    if isinstance(customer_id, str):
        return customer_id
    if isinstance(customer_id, Integral) and not isinstance(customer_id, bool | np.bool_):
        return int(customer_id)
    raise RetentionError(f"customer_id is text or a whole number; got {customer_id!r}.")


def _refuse_unclear_cards(given: Mapping[str, object], asked: CardAsked) -> None:
    """Refuse a card of nothing, and contacts of which nobody says what is late.

    Raises:
        RetentionError: if it is one.
    """
    if not given:
        raise RetentionError(
            "Hand over what there is, at least one table: `transactions=`, `contracts=`, "
            "`contacts=`, `surveys=`, `invoices=`, `calls=` …"
        )
    if ("contacts" in given) != (asked.targets is not None):
        raise RetentionError(
            "contacts and targets go together: say in hours by when customers are to be answered "
            "and to be content, such as `targets={'first_response': 24, 'resolution': 168}`."
        )


def _rows_told(name: str, table: object, asked: CardAsked, card: dict[str, Any]) -> bool:
    """Put on the card what a table tells; whether it knows the customer by then."""
    kind, dated = _KINDS[name]
    rows = _rows_of_customer(name, table, kind, asked)
    frame = as_lazy(rows, name=name, by_row=True)
    there = frame
    if dated in frame.collect_schema().names():
        day = periods.day_expr(dated, frame.implementation)
        there = frame.filter(day.is_null() | (day <= asked.last))
    known = bool(one_row(there.select(nw.len().alias("n")))["n"])
    card |= _NOTHING_OF.get(name, {})
    if known:
        card |= CARD_TELLERS[name](rows, asked)
    return known


def _rows_of_customer(name: str, table: object, kind: Kind, asked: CardAsked) -> Any:
    """The rows of the customer, as a table of the caller's kind.

    Raises:
        RetentionError: if the id is of another type than the table's.
    """
    frame = require(table, kind, by_row=True, adds="all" if name == "transactions" else "none")
    dtype = frame.collect_schema()["customer_id"]
    if dtype.is_integer() != isinstance(asked.who, int):
        others = "whole numbers" if dtype.is_integer() else "text"
        raise RetentionError(
            f"customer_id is {asked.who!r}, and those of {name} are {others}. Give it as it is "
            "written there."
        )
    who = nw.col("customer_id")
    mine = frame.filter((who if dtype.is_integer() else who.cast(nw.String)) == asked.who)
    return in_kind_of(mine, cast("Any", table))


_NOTHING_OF: dict[str, dict[str, Any]] = {
    "transactions": dict.fromkeys(("n_orders", "sales", "sales_now"), 0),
    "contacts": dict.fromkeys(
        ("n_contacts", "n_late", "n_open", "n_waiting", "longest_open_hours"), 0
    ),
    "invoices": {"n_overdue": 0, "days_overdue": 0},
}
"""What there is none of, where a table was handed over in which the customer is not."""


def _tell_whole_card(card: dict[str, Any]) -> None:
    """Since when they are a customer, by order or contract, and all of it in words."""
    began = [card.pop(name, None) for name in ("_bought_first", "_signed_first")]
    since = min((day for day in began if day is not None), default=None)
    card["customer_since"] = since
    card["tenure"] = None if since is None else (card["as_of"] - since).days
    card["sentence"] = sentence_of_card(card)


def _card_as_columns(card: Mapping[str, Any]) -> dict[str, Any]:
    """The row, each column of its type, missing where nothing is known."""
    made: dict[str, Any] = {}
    for column in answer_of(loyalty_card).columns:
        value = card.get(column.name)
        if column.type == "time":
            made[column.name] = np.array(["NaT" if value is None else value], "datetime64[D]")
        elif column.type == "number":
            made[column.name] = np.array([np.nan if value is None else value], np.float64)
        else:
            made[column.name] = array_of_one(value)
    return made
