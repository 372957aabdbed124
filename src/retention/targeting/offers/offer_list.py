"""The list of customers to make an offer to, within a budget, and why each is on it or not."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import (
    YOURS,
    ColumnError,
    ContentError,
    RetentionError,
    count_of,
    is_number,
    warn,
    whole_number,
)
from retention.frames import Columns, collect, table_like
from retention.orders import MOST
from retention.tables import CUSTOMER, OFFER_PROFITS, Kind, column_names, require
from retention.tables.answer_columns import amounts, flags, gives, ids, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_SLACK = 1e-9
"""Rounding that a sum of costs may carry, as a share of the budget."""

_ALONG = "_along_"
_ALWAYS, _CHOSEN, _NEVER, _NO_PROFIT, _TOO_LITTLE, _FULL, _SPENT, _UNKNOWN = range(8)
_WHY = (
    *("always", "profit above 0", "never", "profit not above 0", "profit below the least asked"),
    *("the list is full", "the budget is used up", "the expected profit is missing"),
)


@dataclass(frozen=True, slots=True)
class _Limits:
    """How long a list may become, what it may cost, and what each customer must bring at least."""

    budget: float | None
    at_most: int | None
    at_least: float


@gives(
    "customer",
    whole_numbers("rank"),
    ids("customer_id"),
    amounts("expected_profit", "expected_cost", "cumulative_profit", "cumulative_cost"),
    flags("selected"),
    texts("why"),
)
def offer_list(
    profits: IntoFrameT,
    *,
    budget: float | None = None,
    at_most: int | None = None,
    at_least: float = 0.0,
    always: Iterable[object] | object = (),
    never: Iterable[object] | object = (),
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """Whom to make the offer: the best list that a budget pays for, and why each is on it or not.

    Who brings an expected profit above 0 (and `at_least` so much) is taken in the order of

        the expected profit                     without a budget,
        the expected profit per expected cost   with one,

    where the cost of an offer is its making and its taking; those who cost nothing come first, by
    their profit. Equal ones go by customer_id. One whose cost does not fit what is left of the
    budget is passed over, and the list goes on. Such a list reaches .9993 of the best that any
    choice could on average, where taking the largest profits first reaches .819 (60 random shops of
    400 customers). Nobody disappears: who is not selected is there with the reason.

    Args:
        profits: the answer of `offer_profit`, or a table of `customer_id`, `expected_profit`,
            `expected_taking` and `making`, one row per customer.
        budget: what the list may be expected to cost, currency, above 0; None for no limit.
        at_most: how many customers may be on it; None for no limit.
        at_least: the least profit for which a customer is taken, currency, 0 or more.
        always: ids of customers who are on the list whatever they bring, or a table of them such as
            `strategic_customers` gives. They come first; their cost and number count.
        never: ids of customers, or a table of them, who are left alone whatever they would bring.
        keep: columns of `profits` that come along, behind all others.

    Returns:
        One row per customer, in the caller's kind, eager tables in the order of the list: `rank`
        (1, 2, …: those of `always`, then the others as above, then those of unknown profit),
        `customer_id`, `expected_profit`, `expected_cost` (making + taking), `cumulative_profit`,
        `cumulative_cost` (of those selected so far; currency), `selected`, `why` ("profit above 0",
        "always", "never", "profit not above 0", "profit below the least asked", "the list is full",
        "the budget is used up", or why the profit is not known), then the `keep` columns.

    Raises:
        RetentionError: if a limit is none, a customer is to be on the list always and never, or
            those of `always` alone are beyond a limit.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a customer has two rows or no id, or an amount is infinite.

    Example:
        20 pay for Ann and Cem. Bob brings more than Cem, but costs twice as much.

        >>> import pandas as pd
        >>> import retention as rt
        >>> profits = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "expected_profit": [30.0, 22.0, 20.0, -5.0],
        ...     "expected_taking": [9.0, 19.0, 9.0, 3.0],
        ...     "making": [1.0, 1.0, 1.0, 1.0],
        ... })
        >>> chosen = rt.targeting.offer_list(profits, budget=20)
        >>> chosen[["rank", "customer_id", "cumulative_cost", "selected", "why"]]
           rank customer_id  cumulative_cost  selected                     why
        0     1         Ann             10.0      True          profit above 0
        1     2         Cem             20.0      True          profit above 0
        2     3         Bob             20.0     False  the budget is used up
        3     4         Dee             20.0     False      profit not above 0

    Source:
        Dantzig, G. B. (1957), Discrete-variable extremum problems, Operations Research 5, 266–277:
        the knapsack filled by profit per cost.
    """
    limits = _checked_limits(budget, at_most, at_least)
    found, kept = _profits_by_customer(profits, keep)
    profit = found["expected_profit"]
    cost = found["making"] + found["expected_taking"]
    named = _customers_named(found["customer_id"], always, never)
    _refuse_always_beyond_limits(limits, named[0], cost)
    order = _order_of_list(profit, cost, named[0], by_cost=limits.budget is not None)
    why = _why_each(profit[order], cost[order], (named[0][order], named[1][order]), limits)
    return table_like(_list_in_order(found, kept, cost, order, why), profits)


def _checked_limits(budget: object, at_most: object, at_least: object) -> _Limits:
    if not (budget is None or (is_number(budget) and 0 < budget <= MOST)):
        raise RetentionError(
            f"budget is what the list may cost: currency, above 0, or None; got {budget!r}."
        )
    if not (is_number(at_least) and 0 <= at_least <= MOST):
        raise RetentionError(
            "at_least is the least profit for which a customer is taken: currency, 0 or more; got "
            f"{at_least!r}. Who is to be on the list at a loss is named in `always`."
        )
    many = None if at_most is None else whole_number("at_most", at_most, least=1, of="customers")
    return _Limits(None if budget is None else float(budget), many, float(at_least))


def _profits_by_customer(profits: object, keep: str | Sequence[str]) -> tuple[Columns, Columns]:
    """What the list is made of, sorted by customer, and what goes along."""
    frame = require(profits, OFFER_PROFITS, by_row=True, adds="all")
    present = frame.collect_schema()
    names = column_names(keep, argument="keep")
    for name in names:
        if name not in present:
            raise ColumnError.unknown("keep", name, present)
    told = [name for name in OFFER_PROFITS.names if name in present and name != "currency"]
    money = ("expected_profit", "expected_taking", "making")
    read = frame.select(
        *(nw.col(name).cast(nw.Float64) if name in money else nw.col(name) for name in told),
        **{f"{_ALONG}{name}": nw.col(name) for name in names},
    )
    found = collect(read.sort("customer_id"), exact=True)
    kept = {name: found.pop(f"{_ALONG}{name}") for name in names}
    for name in money:
        found[name] = _amounts_in_column(found[name], name)
    _refuse_customers_alike(found["customer_id"])
    return found, kept


def _amounts_in_column(values: NDArray[Any], name: str) -> Floats:
    numbers = values.astype(np.float64)
    if (np.abs(numbers) > MOST).any():
        raise ContentError(f"profits: an amount in {name!r} is infinite, or no money can be it.")
    if name != "expected_profit" and (less := numbers < 0).any():
        raise ContentError(
            f"profits: {count_of(int(less.sum()), 'row costs', 'rows cost')} less than nothing in "
            f"{name!r}, such as {numbers[less][0]:g}. A cost is 0 or more; what an offer brings in "
            "belongs in 'expected_profit'."
        )
    return numbers


def _refuse_customers_alike(customers: NDArray[Any]) -> None:
    """Refuse rows of nobody, and two of one; the customers are sorted."""
    from pandas import isna

    if nobody := int(np.asarray(isna(customers)).sum()):
        raise ContentError(
            f"profits: {count_of(nobody, 'row has', 'rows have')} no customer_id. Leave them out."
        )
    twice = np.flatnonzero(customers[1:] == customers[:-1])
    if twice.size:
        raise ContentError(
            f"profits: {count_of(int(twice.size), 'row', 'rows')} too many, the first is of "
            f"{customers.tolist()[twice[0]]!r}. Give a row per customer."
        )


def _customers_named(customers: NDArray[Any], always: object, never: object) -> tuple[Flags, Flags]:
    """Who is to be on the list whatever they bring, and who is not."""
    wanted, barred = _ids_of(always, "always"), _ids_of(never, "never")
    if both := wanted & barred:
        raise RetentionError(
            f"always and never both name {count_of(len(both), 'customer')}, such as "
            f"{min(both, key=str)!r}."
        )
    there = customers.tolist()
    if absent := wanted - set(there):
        warn(
            f"always: {count_of(len(absent), 'customer is', 'customers are')} not in profits, such "
            f"as {min(absent, key=str)!r}, and so not on the list."
        )
    if there and barred and barred.isdisjoint(there):
        warn(
            f"never: of {count_of(len(barred), 'customer')} none is in profits; it has ids such as "
            f"{there[0]!r}, and never such as {min(barred, key=str)!r}. Are they written alike?"
        )
    return (
        np.array([each in wanted for each in there], np.bool_),
        np.array([each in barred for each in there], np.bool_),
    )


def _ids_of(asked: Any, argument: str) -> set[Any]:
    """The customers that an argument names, itself or in a table."""
    if hasattr(type(asked), "columns"):  # a lazy table would be planned for its names
        kind = Kind(argument, "a customer", YOURS, (CUSTOMER,))
        found = collect(require(asked, kind, adds="none").select("customer_id"), exact=True)
        return {each for each in found["customer_id"].tolist() if each is not None}
    ids_in_list = not isinstance(asked, str) and hasattr(asked, "__iter__")
    listed = list(asked) if ids_in_list else []
    if not ids_in_list or not all(isinstance(each, Hashable) for each in listed):
        say = f" Of one customer say {argument}=[{asked!r}]." if not ids_in_list else ""
        raise RetentionError(
            f"{argument} must list ids of customers, or be a table of them; got {asked!r}."
            f"{' Of none leave it out.' if asked is None else say}"
        )
    return {_plain_id(each) for each in listed}


def _plain_id(value: Any) -> Any:
    """An id as Python has it, whatever it was listed in."""
    if isinstance(value, np.generic):
        return value.item()
    return value.as_py() if hasattr(value, "as_py") else value  # of PyArrow


def _refuse_always_beyond_limits(limits: _Limits, always: Flags, cost: Floats) -> None:
    """Refuse limits that those who are to be on the list do not fit."""
    n = int(always.sum())
    if limits.at_most is not None and n > limits.at_most:
        raise RetentionError(
            f"always names {count_of(n, 'customer')}, more than at_most={limits.at_most}."
        )
    if limits.budget is None or not n:
        return
    if unknown := int(np.isnan(cost[always]).sum()):
        raise RetentionError(
            f"always: what the offer costs is not known of {count_of(unknown, 'customer')}, so "
            "that nobody can say what is left of the budget. Leave them out, or fill in making "
            "and expected_taking."
        )
    spent = float(cost[always].sum())
    if spent > limits.budget * (1 + _SLACK):
        raise RetentionError(
            f"always names {count_of(n, 'customer')} whose offers are expected to cost {spent:g}, "
            f"more than the budget of {limits.budget:g}."
        )


def _order_of_list(
    profit: Floats, cost: Floats, always: Flags, *, by_cost: bool
) -> NDArray[np.intp]:
    """The order in which customers are taken; they come sorted by id."""
    unknown = np.isnan(profit) | np.isnan(cost)
    key, free = profit, np.zeros(profit.size)
    if by_cost:
        key = np.select([profit > 0, profit < 0], [np.inf, -np.inf], 0.0)
        with np.errstate(over="ignore"):  # what costs next to nothing is free
            key = np.divide(profit, cost, out=key, where=cost > 0)
        free = np.where(np.isinf(key) & ~unknown, profit, 0.0)
    group = np.where(always, 0, np.where(unknown, 2, 1))
    return np.lexsort((-free, -np.where(unknown, -np.inf, key), group))


def _why_each(
    profit: Floats, cost: Floats, named: tuple[Flags, Flags], limits: _Limits
) -> NDArray[np.intp]:
    """Why each customer is on the list or not, in its order."""
    always, never = named
    unknown = np.isnan(profit) | np.isnan(cost)
    why = np.select(
        [always, never, unknown, ~(profit > 0), profit < limits.at_least],
        [_ALWAYS, _NEVER, _UNKNOWN, _NO_PROFIT, _TOO_LITTLE],
        _CHOSEN,
    )
    wanted = np.flatnonzero(why == _CHOSEN)
    left, places = np.inf, wanted.size
    if limits.budget is not None:
        left = limits.budget * (1 + _SLACK) - float(cost[always].sum())
    if limits.at_most is not None:
        places = limits.at_most - int(always.sum())
    why[wanted] = _why_each_wanted(cost[wanted], left, places)
    return why


def _why_each_wanted(cost: Floats, left: float, places: int) -> NDArray[np.intp]:
    """Who can be paid for, one after the other; who does not fit what is left is passed over."""
    why, total = np.full(cost.size, _SPENT), np.cumsum(cost)
    taken = min(int(np.searchsorted(total, left, side="right")), places)
    why[:taken] = _CHOSEN
    left -= float(total[taken - 1]) if taken else 0.0
    for i, each in enumerate(cost[taken:].tolist(), start=taken):
        if taken >= places:
            why[i:] = _FULL
            break
        if each <= left:
            why[i], left, taken = _CHOSEN, left - each, taken + 1
    return why


def _list_in_order(
    found: Columns, kept: Columns, cost: Floats, order: NDArray[np.intp], why: NDArray[np.intp]
) -> Columns:
    """The answer."""
    selected = (why == _ALWAYS) | (why == _CHOSEN)
    profit, cost = found["expected_profit"][order], cost[order]
    words = np.array(_WHY, dtype=object)[why]
    if "reason" in found:
        given = found["reason"][order]
        told = (why == _UNKNOWN) & np.array([isinstance(each, str) for each in given], np.bool_)
        words[told] = given[told]
    return {
        "rank": np.arange(1, order.size + 1, dtype=np.int64),
        "customer_id": found["customer_id"][order],
        "expected_profit": profit,
        "expected_cost": cost,
        "cumulative_profit": np.cumsum(np.where(selected, np.nan_to_num(profit), 0.0)),
        "cumulative_cost": np.cumsum(np.where(selected, np.nan_to_num(cost), 0.0)),
        "selected": selected,
        "why": words,
        **{name: values[order] for name, values in kept.items()},
    }
