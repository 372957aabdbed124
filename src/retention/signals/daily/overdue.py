"""Reasons to look after a customer: who waits for us for too long, and who has not paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods, wording
from retention.errors import ContentError, count_of
from retention.frames import Frame, collect, count, one_row
from retention.kpis.service.counts import target_hours
from retention.orders import MOST
from retention.periods import whole_days
from retention.signals.daily.entries import entries_like, refuse_unsaid_rows
from retention.signals.features.contact_features import (
    evenings_of_contacts,
    known_clock,
    refuse_negative_hours,
)
from retention.signals.known.open_by_then import earlier_of
from retention.signals.known.seen_by_then import with_day_numbers
from retention.tables import CONTACTS, ENTRIES, INVOICES, require
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.business_hours import BusinessHours

_DATES = {"_date": "date", "_known": "known", "_due": "due", "_paid": "paid"}


@gives(ENTRIES)
def overdue_contacts(
    contacts: IntoFrameT,
    *,
    as_of: date | str,
    targets: Mapping[str, float],
    business_hours: BusinessHours | None = None,
) -> IntoFrameT:
    """Contacts that are open on a day and should have been answered or solved by then.

    A contact that came by the evening of the day a and was not solved by then is overdue if

        it was not answered, and waited longer than targets["first_response"] hours, or
        it was not solved,   and waited longer than targets["resolution"] hours.

    It stands on the list since the first evening of that. What was answered late and is solved, or
    still has time, is none: nobody waits. A solution that did not content the customer ends the
    wait, as in `contact_features`.

    Args:
        contacts: a table from `as_contacts`.
        as_of: a, the day of the list. What came or was done later is not looked at.
        targets: the hours within which customers are to be answered and to be content, as in
            `service_kpis`.
        business_hours: by what clock hours run, where the contacts do not say it themselves, as in
            `service_kpis`. One that is not known is refused.

    Returns:
        One row per contact that is overdue, in the caller's kind: `customer_id`, `reason`
        ("overdue contact"), `since` (the first day on whose evening it was), `detail`. Eager tables
        are sorted by customer and day.

    Raises:
        RetentionError: if `targets` does not say both, or `as_of` is no day.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a contact lacks its customer or day, or hours are below 0 or of a clock
            that is not known.

    Example:
        On 10 March at noon Ann and Bob called. Bob was answered in an hour, and has until the 17th.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contacts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-03-10 12:00"] * 2),
        ...     "first_response_hours": [None, 1.0],
        ...     "resolution_hours": pd.Series([None, None], dtype=float),
        ... })
        >>> entries = rt.signals.overdue_contacts(
        ...     contacts, as_of="2024-03-12", targets={"first_response": 24, "resolution": 168}
        ... )
        >>> entries[["customer_id", "reason", "since"]]
          customer_id           reason      since
        0         Ann  overdue contact 2024-03-11
        >>> entries["detail"].tolist()
        ['open for 2 days, not answered (target 24 hours)']

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: complaints badly
        handled as a sign of coming defection. The rule of lateness is that of `service_kpis`.
    """
    last = periods.number_of(periods.as_day(as_of, argument="as_of"))
    hours, clock = target_hours(targets), known_clock(contacts, business_hours)
    log = require(contacts, CONTACTS, by_row=True, adds="none")
    refuse_unsaid_rows(log, "contacts", ("customer_id", "date"))
    refuse_negative_hours(log)
    rows = evenings_of_contacts(log, clock, hours)
    found = collect(_contacts_still_waiting(rows, last), exact=True)
    told = zip(*(found[name].tolist() for name in ("_date", "_unanswered")), strict=True)
    said = "hours" if clock is None else "working hours"
    return entries_like(
        found["customer_id"],
        ["overdue contact"] * found["_date"].size,
        found["_since"].tolist(),
        [_contact_in_words(last - day, which, hours, said) for day, which in told],
        like=contacts,
    )


def _contacts_still_waiting(rows: Frame, last: int) -> Frame:
    """The contacts that are overdue on the evening of a day, since when, and of what."""
    closed = earlier_of(nw.col("_done_resolution_hours"), nw.col("_done_unsatisfied_hours"))
    late_answer, late_solution = nw.col("_late_first_response"), nw.col("_late_resolution")
    unanswered = (nw.col("_done_first_response_hours") > last) & (late_answer <= last)
    unsolved = late_solution <= last
    answer_first = unanswered & (~unsolved | (late_answer <= late_solution))
    since = nw.when(answer_first).then(late_answer).otherwise(late_solution)
    open_then = rows.filter(nw.col("_date") <= last, closed > last, unanswered | unsolved)
    return open_then.select(
        "customer_id",
        _date=nw.col("_date").cast(nw.Int64),
        _since=since.cast(nw.Int64),
        _unanswered=count(unanswered),
    )


def _contact_in_words(days: int, unanswered: int, targets: Mapping[str, float], said: str) -> str:
    """Such as "open for 9 days, not solved (target 168 hours)"."""
    what, name = ("answered", "first_response") if unanswered else ("solved", "resolution")
    target = f"target {targets[name]:g} {said if targets[name] != 1 else said[:-1]}"
    return f"open for {count_of(days, 'day')}, not {what} ({target})"


@gives(ENTRIES)
def overdue_invoices(invoices: IntoFrameT, *, as_of: date | str, grace: int) -> IntoFrameT:
    """Invoices that are not paid on a day and should have been.

    Of the day a, an invoice of more than 0 that was issued and known by then, was not paid by the
    evening of a, and whose last day `due` lies more than `grace` days before a:

        due + grace < a,   since = due + 1 day.

    An invoice that was paid after a is open on a. Credit notes are no bills.

    Args:
        invoices: a table from `as_invoices`.
        as_of: a, the day of the list. What came or was paid later is not looked at.
        grace: how many days late a payment may be before it is worth a call, 0 or more.

    Returns:
        One row per invoice that is overdue, in the caller's kind: `customer_id`, `reason`
        ("overdue invoice"), `since` (the first day on which it was late), `detail`. Eager tables
        are sorted by customer and day.

    Raises:
        RetentionError: if `grace` is no whole number of days, or `as_of` no day.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if an invoice lacks its customer, day or amount, a bill the day on which it is
            due, or an amount is none.

    Example:
        Both were due on 1 March. Ann paid on the 5th, which nobody knew on the 4th.

        >>> import pandas as pd
        >>> import retention as rt
        >>> invoices = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-02-01"] * 2),
        ...     "due": pd.to_datetime(["2024-03-01"] * 2),
        ...     "paid": pd.to_datetime(["2024-03-05", "2024-02-20"]),
        ...     "amount": [50.0, 60.0],
        ... })
        >>> entries = rt.signals.overdue_invoices(invoices, as_of="2024-03-04", grace=2)
        >>> entries[["customer_id", "reason", "since"]]
          customer_id           reason      since
        0         Ann  overdue invoice 2024-03-02
        >>> entries["detail"].tolist()
        ['50.00 due on 1 Mar 2024, 3 days ago']

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: late payment as a
        sign of coming defection.
    """
    last = periods.number_of(periods.as_day(as_of, argument="as_of"))
    late = whole_days(grace, argument="grace", least=0)
    log = require(invoices, INVOICES, by_row=True, adds="none")
    refuse_unsaid_rows(log, "invoices", ("customer_id", "date", "amount"))
    dated = with_day_numbers(log, _DATES)
    _refuse_no_bills(dated)
    unpaid = nw.col("_paid").is_null() | (nw.col("_paid") > last)
    issued = nw.col("_date") <= last
    if "_known" in dated.collect_schema().names():
        issued &= nw.col("_known").is_null() | (nw.col("_known") <= last)
    open_ones = dated.filter(nw.col("amount") > 0, issued, unpaid, nw.col("_due") + late < last)
    told = open_ones.select("customer_id", "_due", _owed=nw.col("amount").cast(nw.Float64))
    found = collect(told, exact=True)
    due, owed = found["_due"].astype(int).tolist(), found["_owed"].tolist()
    return entries_like(
        found["customer_id"],
        ["overdue invoice"] * len(due),
        [day + 1 for day in due],
        [_invoice_in_words(*row, last) for row in zip(owed, due, strict=True)],
        like=invoices,
    )


def _refuse_no_bills(dated: Frame) -> None:
    """Refuse amounts that are none, and bills that are due on no day.

    Raises:
        ContentError: if there are some.
    """
    amount = nw.col("amount").cast(nw.Float64)
    money = (amount >= -MOST) & (amount <= MOST) & ~amount.is_nan()
    endless = (amount > 0) & nw.col("_due").is_null()
    found = one_row(dated.select(odd=count(~money).sum(), endless=count(endless).sum()))
    if odd := int(found["odd"] or 0):
        raise ContentError(
            f"invoices: {count_of(odd, 'row has', 'rows have')} an amount that is no money "
            "(infinite, no number, or beyond what money can be). Correct it, or leave them out."
        )
    if gaps := int(found["endless"] or 0):
        raise ContentError(
            f"invoices: {count_of(gaps, 'row has', 'rows have')} no due, and credit notes alone "
            "may lack it. Say the last day on which it may be paid, or leave them out."
        )


def _invoice_in_words(owed: float, due: int, last: int) -> str:
    """Such as "50.00 due on 1 Mar 2024, 3 days ago"."""
    on = wording.day(periods.day_of(due))
    return f"{wording.money(owed)} due on {on}, {count_of(last - due, 'day')} ago"
