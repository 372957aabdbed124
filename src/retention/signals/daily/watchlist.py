"""The list of a day: a row per customer, in the order in which they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import periods
from retention.errors import (
    ContentError,
    RetentionError,
    check_choice,
    count_of,
    is_number,
    whole_number,
)
from retention.frames import Columns, table_like
from retention.periods import whole_days
from retention.signals.daily.list_tables import (
    Entry,
    customers_among,
    entries_by_customer,
    last_calls,
    listed_entries,
    owners_by_customer,
    risks_by_customer,
    values_by_customer,
)
from retention.tables import WATCHLIST
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

Order = Literal["severity", "expected_loss"]
"""What customers are called by, those that are escalated first."""

CALL, SUPPRESSED = "call", "suppressed"


@dataclass(frozen=True, slots=True)
class _Policy:
    """How a list is made: what is severe, whom to leave alone, what goes to the lead."""

    last: int
    severity: dict[str, int]
    quiet: int
    top: float | None
    after: dict[str, int]
    at_most: int | None
    order: Order


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the customers on a list."""

    value: dict[Any, float]
    line: float
    owner: dict[Any, tuple[str | None, str | None]]
    risk: dict[Any, float]
    called: dict[Any, int]
    opted_out: set[Any]


@dataclass(frozen=True, slots=True)
class _Line:
    """A customer on the list."""

    who: Any
    main: Entry
    reasons: tuple[str, ...]
    severity: int
    owner: str | None
    lead: str | None
    value: float
    risk: float
    called: int | None
    escalate: bool
    why: str | None

    @property
    def loss(self) -> float:
        """Risk times value, NaN where either is not known."""
        return self.risk * self.value


@gives(WATCHLIST)
def watchlist(  # noqa: PLR0913 - a list has that many rules, each of them the firm's own
    entries: IntoFrameT,
    *,
    as_of: date | str,
    severity: Mapping[str, int],
    values: IntoFrameT,
    allow_unvalued: int = 0,
    owners: IntoFrameT | None = None,
    calls: IntoFrameT | None = None,
    quiet_days: int | None = None,
    opted_out: IntoFrameT | None = None,
    escalate_top: float | None = None,
    escalate_after: Mapping[str, int] | None = None,
    at_most: int | None = None,
    order: Order = "severity",
    risk: IntoFrameT | None = None,
) -> IntoFrameT:
    """Whom to look after today, in which order, who does it, and who is left alone and why.

    Of each customer with an entry the reason that counts is the severest; of equal ones the older,
    then the first by name. `days` = as_of − `since` of it.

    A customer is escalated who is worth as much as the top `escalate_top` of all in `values`
    (⌈share · n⌉ of those whose value is known, and all who tie with the last of them) and has an
    entry of a reason in `escalate_after` that has stood for so many days or more, and who did not
    opt out.

    A customer is suppressed, the first that holds,

        "opted out"                       who is in `opted_out`;
        "called 3 days ago"               whose last call is less than `quiet_days` old, unless
                                          escalated;
        "over the owner's limit of 20"    whose owner has `at_most` calls before them on the list
                                          (customers without an owner have one limit together).

    Nobody disappears: who is suppressed is there with the reason, behind the others and unranked.

    The order is: escalated ones; then the severest, or with `order="expected_loss"` the largest
    risk · value and of equal ones the severest; then the largest value, the longest `days`, and
    customer_id. What is not known comes last. The same rows in any order, of any engine, give the
    same list.

    The list keeps no memory: yesterday's is a table that you kept, see `watchlist_changes`.

    Args:
        entries: reasons to look after customers: tables of `renewal_entries`, `overdue_contacts`,
            `overdue_invoices`, `alarm_entries` and your own, one under the other.
        as_of: the day of the list. Entries that begin later are refused.
        severity: of each reason a whole number, the higher the more severe. It is the firm's
            policy, and has no default. Reasons that are not among the entries may be there.
        values: `customer_id` and `value` of all customers, such as `residual_value` gives.
        allow_unvalued: of how many customers on the list the value may be unknown.
        owners: `customer_id`, `owner` and, if there is one, the owner's `lead`.
        calls: a table from `as_calls`. Calls after `as_of` are not looked at.
        quiet_days: so many days after a call a customer is left alone, 1 or more.
        opted_out: a table of the `customer_id` of those whom nobody may call.
        escalate_top: the share of customers whose trouble may be escalated, between 0 and 1.
        escalate_after: of each reason that is escalated, after how many days, such as
            `{"overdue contact": 3}`.
        at_most: how many calls an owner can make a day, 1 or more.
        order: "severity" or "expected_loss".
        risk: `customer_id` and `risk`, the chance that a customer leaves.

    Returns:
        One row per customer with an entry, in the caller's kind and the order above: `rank` (1, 2,
        … of those to be called), `customer_id`, `owner`, `reason`, `detail`, `reasons` (the
        severest first), `n_reasons` (different ones), `since`, `days`, `severity`, `value`
        (currency), `risk`, `expected_loss` (risk · value, currency), `last_call`, `escalate`,
        `escalated_to` (the lead), `status` ("call" or "suppressed"), `why`, and the conventions
        `as_of` and `severities` (the severity of each reason, as text).

    Raises:
        RetentionError: if an argument is none of what it may be, or needs another one.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if an entry lacks something, begins after `as_of` or has a reason without a
            severity; a customer has two rows where there is one; more customers than
            `allow_unvalued` have no value; or a value or risk is none.
        TableError: if the tables are of different kinds.

    Example:
        Ann has two troubles, and is called first; Cem was called yesterday.

        >>> import pandas as pd
        >>> import retention as rt
        >>> day = pd.Timestamp("2024-03-10")
        >>> entries = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "reason": ["lapsing", "overdue contact", "lapsing", "overdue contact"],
        ...     "since": [day, day - pd.Timedelta(days=2), day - pd.Timedelta(days=5), day],
        ... })
        >>> people = {"customer_id": ["Ann", "Bob", "Cem"]}
        >>> found = rt.signals.watchlist(
        ...     entries, as_of="2024-03-10", severity={"overdue contact": 2, "lapsing": 1},
        ...     values=pd.DataFrame(people | {"value": [100.0, 900.0, 300.0]}),
        ...     calls=pd.DataFrame({"customer_id": ["Cem"], "date": [day - pd.Timedelta(days=1)]}),
        ...     quiet_days=7,
        ... )
        >>> found[["rank", "customer_id", "reason", "days", "severity", "status"]]
           rank customer_id           reason  days  severity      status
        0   1.0         Ann  overdue contact     2         2        call
        1   2.0         Bob          lapsing     5         1        call
        2   NaN         Cem  overdue contact     0         2  suppressed
        >>> found["reasons"][0], found["why"][2]
        ('overdue contact, lapsing', 'called 1 day ago')

    Source:
        Reichheld, F. F. (1993), Loyalty-based management, Harvard Business Review 71 (2), on State
        Farm's agents, who find the customers that have not renewed on their desk each day.
    """
    last = periods.number_of(periods.as_day(as_of, argument="as_of"))
    policy = _checked_policy(
        last, severity, quiet_days, (escalate_top, escalate_after), at_most, order
    )
    unvalued = whole_number("allow_unvalued", allow_unvalued, least=0, of="customers")
    _refuse_half_a_question(order, risk, quiet_days, calls)
    frame = listed_entries(entries)
    ids, listed = entries_by_customer(frame, last)
    _refuse_unknown_reasons(listed, policy.severity)
    worth, line = values_by_customer(frame, values, policy.top)
    _refuse_unvalued(listed, worth, unvalued)
    known = _Known(
        worth,
        line,
        {} if owners is None else owners_by_customer(frame, owners),
        {} if risk is None else risks_by_customer(frame, risk),
        {} if calls is None else last_calls(frame, calls, last),
        set() if opted_out is None else customers_among(frame, opted_out),
    )
    lines = [_line_of_customer(who, of_one, known, policy) for who, of_one in listed.items()]
    return table_like(_list_as_columns(_lines_in_order(lines, policy), ids, policy), entries)


def _checked_policy(
    last: int, severity: object, quiet: object, escalate: Any, at_most: object, order: Any
) -> _Policy:
    check_choice("order", order, ("severity", "expected_loss"))
    top, after = escalate
    if (top is None) != (after is None):
        raise RetentionError(
            "escalate_top and escalate_after go together: say of which share of customers and "
            "after how many days, such as escalate_top=0.1, escalate_after={'overdue contact': 3}."
        )
    if top is not None and not (is_number(top) and 0 < top < 1):
        raise RetentionError(
            "escalate_top must be the share of customers whose trouble may be escalated, between 0 "
            f"and 1, such as 0.1; got {top!r}."
        )
    severe = _whole_by_reason("severity", severity, "{'overdue contact': 2, 'lapsing': 1}")
    late = (
        {}
        if after is None
        else _whole_by_reason("escalate_after", after, "{'overdue contact': 3}", least=0)
    )
    if strange := sorted(set(late) - set(severe)):
        raise RetentionError(
            f"escalate_after names {strange[0]!r}, which has no severity. Name it as `severity` "
            "does."
        )
    many = None if at_most is None else whole_number("at_most", at_most, least=1, of="calls")
    silent = 0 if quiet is None else whole_days(quiet, argument="quiet_days", least=1)
    return _Policy(last, severe, silent, top, late, many, order)


def _whole_by_reason(
    argument: str, given: object, such_as: str, *, least: int = -(2**53)
) -> dict[str, int]:
    """A whole number of each reason, as the user said it."""
    if not isinstance(given, Mapping) or not given or not all(isinstance(k, str) for k in given):
        raise RetentionError(
            f"{argument} must say a whole number of each reason, such as {such_as}; got {given!r}."
        )
    return {
        reason: whole_number(f"{argument}[{reason!r}]", given[reason], least=least)
        for reason in sorted(given)
    }


def _refuse_half_a_question(order: str, risk: object, quiet: object, calls: object) -> None:
    """Refuse an argument that needs a table which is not there."""
    if order == "expected_loss" and risk is None:
        raise RetentionError(
            "order='expected_loss' needs the chance that each customer leaves: say `risk=`, a "
            "table of customer_id and risk."
        )
    if quiet is not None and calls is None:
        raise RetentionError(
            "quiet_days needs to know who was called when: say `calls=`, a table from as_calls."
        )


def _refuse_unknown_reasons(listed: Mapping[Any, list[Entry]], severity: Mapping[str, int]) -> None:
    """Refuse entries of which nobody said how severe they are."""
    told = [each.reason for of_one in listed.values() for each in of_one]
    if unknown := sorted(set(told) - set(severity)):
        n = sum(reason in unknown for reason in told)
        raise ContentError(
            f"entries: {count_of(n, 'row has a reason', 'rows have reasons')} without a severity: "
            f"{', '.join(map(repr, unknown[:5]))}. Say it in `severity`, or leave them out."
        )


def _refuse_unvalued(listed: Iterable[Any], worth: Mapping[Any, float], allowed: int) -> None:
    """Refuse a list that would be put in order by values of which too many are unknown."""
    unknown = sorted((who for who in listed if who not in worth), key=str)
    if len(unknown) > allowed:
        raise ContentError(
            f"values: {count_of(len(unknown), 'customer', 'customers')} on the list have no value, "
            f"such as {unknown[0]!r}. Fill them in, or say allow_unvalued={len(unknown)} to call "
            "them last."
        )


def _line_of_customer(who: Any, entries: list[Entry], known: _Known, policy: _Policy) -> _Line:
    """A customer on the list, as yet without the owner's limit."""
    severe = policy.severity
    ordered = sorted(entries, key=lambda e: (-severe[e.reason], e.since, e.reason, e.detail or ""))
    value, called = known.value.get(who, nan), known.called.get(who)
    barred = who in known.opted_out
    stood = any(policy.last - e.since >= policy.after.get(e.reason, inf) for e in entries)
    escalate = stood and value >= known.line and not barred
    recent = called is not None and policy.last - called < policy.quiet and not escalate
    owner, lead = known.owner.get(who, (None, None))
    return _Line(
        who=who,
        main=ordered[0],
        reasons=tuple(dict.fromkeys(e.reason for e in ordered)),
        severity=severe[ordered[0].reason],
        owner=owner,
        lead=lead if escalate else None,
        value=value,
        risk=known.risk.get(who, nan),
        called=called,
        escalate=escalate,
        why="opted out" if barred else _called_in_words(policy.last, called) if recent else None,
    )


def _called_in_words(last: int, called: int | None) -> str:
    """Such as "called 3 days ago"."""
    days = last - (last if called is None else called)
    return f"called {count_of(days, 'day')} ago" if days else "called today"


def _lines_in_order(lines: list[_Line], policy: _Policy) -> list[_Line]:
    """The list in its order, suppressed ones behind the others."""
    by_loss = policy.order == "expected_loss"

    def place(line: _Line) -> tuple[Any, ...]:
        first = _largest_first(line.loss) if by_loss else ()
        rest = (_largest_first(line.value), line.main.since, line.who)
        return (not line.escalate, first, -line.severity, *rest)

    taken: dict[str | None, int] = {}
    called, left = [], []
    for line in sorted(lines, key=place):
        if line.why is not None:
            left.append(line)
        elif taken.get(line.owner, 0) >= (policy.at_most or inf):
            left.append(replace(line, why=f"over the owner's limit of {policy.at_most}"))
        else:
            taken[line.owner] = taken.get(line.owner, 0) + 1
            called.append(line)
    return called + left


def _largest_first(number: float) -> tuple[bool, float]:
    """A key by which the largest comes first, and what is not known last."""
    return isnan(number), 0.0 if isnan(number) else -number


def _list_as_columns(lines: list[_Line], ids: NDArray[Any], policy: _Policy) -> Columns:
    """The answer."""
    n, last = len(lines), policy.last
    ranked = sum(line.why is None for line in lines)
    never = np.datetime64("NaT", "D")
    called = [never if one.called is None else np.datetime64(one.called, "D") for one in lines]
    since = np.array([one.main.since for one in lines], np.int64)
    severities = ", ".join(f"{reason}={how}" for reason, how in policy.severity.items())
    return {
        "rank": np.where(np.arange(n) < ranked, np.arange(1.0, n + 1), nan),
        "customer_id": np.array([one.who for one in lines], dtype=ids.dtype),
        "owner": _texts_of_lines([one.owner for one in lines]),
        "reason": _texts_of_lines([one.main.reason for one in lines]),
        "detail": _texts_of_lines([one.main.detail for one in lines]),
        "reasons": _texts_of_lines([", ".join(one.reasons) for one in lines]),
        "n_reasons": np.array([len(one.reasons) for one in lines], np.int64),
        "since": since.astype("datetime64[D]"),
        "days": last - since,
        "severity": np.array([one.severity for one in lines], np.int64),
        "value": np.array([one.value for one in lines], np.float64),
        "risk": np.array([one.risk for one in lines], np.float64),
        "expected_loss": np.array([one.loss for one in lines], np.float64),
        "last_call": np.array(called, "datetime64[D]"),
        "escalate": np.array([one.escalate for one in lines], np.bool_),
        "escalated_to": _texts_of_lines([one.lead for one in lines]),
        "status": _texts_of_lines([CALL if one.why is None else SUPPRESSED for one in lines]),
        "why": _texts_of_lines([one.why for one in lines]),
        "as_of": np.full(n, last, np.int64).astype("datetime64[D]"),
        "severities": _texts_of_lines([severities] * n),
    }


def _texts_of_lines(values: list[str | None]) -> NDArray[Any]:
    return np.array(values, dtype=object)
