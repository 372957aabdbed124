"""The door for invoices: what customers owe, until when, and when they paid or questioned it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import narwhals.stable.v2 as nw

from retention.errors import check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.doors.signs.sign_rows import (
    checks_where_filled,
    columns_of_signs,
    early_check,
    with_days_of,
)
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Reading
from retention.loading.rows.text import OURS, Written
from retention.loading.values.amounts import too_large_check
from retention.tables import INVOICES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.read_values import Values
    from retention.loading.rows.columns import Source

_CREDIT = f"{OURS}credit"
_CREDITS = (
    "Credit notes: say `credits='exclude'` (they are no bills) or `credits='keep'` (they stay, "
    "below 0)."
)
_FIX = "Correct them or leave those rows out."
_PREPAID = (
    "What is paid before the bill is not late: give them the day of the invoice, or correct them."
)


@entrance("customer_id", "date", "due", "paid", "amount", "queried", "currency", "known")
def as_invoices(
    table: IntoFrameT,
    *,
    customer_id: str,
    date: str,
    due: str,
    paid: str,
    amount: str,
    queried: str | None = None,
    currency: str | None = None,
    rates: Any = None,
    credits: str = "error",
    known: str | None = None,
    keep: str | Sequence[str] = (),
    duplicates: str = "error",
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """Your invoices to customers, checked and typed: for `invoice_features`.

    One row is one invoice, paid or open: those that are not paid yet are what a list of payments
    leaves out. An invoice is overdue from the day after `due` until the day on which it is paid.

    The checks, in this order: blank customer_id; a date that is missing, cannot be read, could be
    read in two ways or does not exist; an amount that is missing, no number, could be read in two
    ways, infinite or beyond 1e15; the currency; a credit note (an amount below 0); a due date as
    the date, which only credit notes may lack; a due date before that of the invoice; likewise a
    `paid`, which may be missing; paid before the invoice; likewise `queried`, and queried before
    the invoice; likewise a date in `known`, which may be missing; exact duplicates. Days are
    compared, not hours: a payment on the very day of the invoice is fine. Text is read as in
    `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of who owes it: text or whole numbers.
        date: column of when it was issued.
        due: column of the last day on which it may be paid. With terms alone, add them to the date.
        paid: column of when it was paid in full, empty while it is open.
        amount: column of what is owed, in currency.
        queried: column of when the customer questioned it, empty where they did not.
        currency: column of the currency of the amounts: ISO codes or signs ("€"). To take it
            from the signs in the amounts themselves, name their column again.
        rates: exchange rates that convert the amounts: how much of the currency you convert to one
            unit of each is worth, {"EUR": 1, "USD": 0.92}; or a table of any engine with columns
            `currency`, `date` and `rate`: the last rate on or before the row's day holds.
        credits: credit notes, which have an amount below 0: "error"; "exclude" leaves them out;
            "keep" keeps them as they are (`invoice_features` does not count them as bills).
        known: column of when you learnt of it, where that may be later than `date` (it was entered
            a week on, or came with a file of the month); empty where it was known on the day. What
            was known before it happened, as a move that is announced, counts from `date` all the
            same: a row counts on a day once both have come.
        keep: further columns to keep as they are, such as the number of the invoice.
        duplicates: rows that repeat an earlier one: "error", "keep", or "drop" all but the first.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written (see `as_transactions`).
        decimal: the decimal sign of amounts in text, "." or ",".
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        tz: for times that carry a time zone: in whose local days they fall.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, as in `as_transactions`.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id`, `date`, `due`, `paid` (null while
        open), `amount` (currency) and, where named, `queried`, `known` and `currency` (unless
        `rates` convert), and the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> books = pd.DataFrame({
        ...     "who": ["Ann", "Bob"],
        ...     "issued": ["2024-01-20", "2024-02-01"],
        ...     "until": ["2024-02-19", "2024-03-02"],
        ...     "settled": ["2024-02-25", None],
        ...     "total": ["120.50", "80.00"],
        ... })
        >>> rt.loading.as_invoices(
        ...     books, customer_id="who", date="issued", due="until", paid="settled", amount="total"
        ... )
          customer_id       date        due       paid  amount
        0         Ann 2024-01-20 2024-02-19 2024-02-25   120.5
        1         Bob 2024-02-01 2024-03-02        NaT    80.0
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    check_choice("credits", credits, ("error", "exclude", "keep"))
    roles: dict[str, str | None] = {"customer_id": customer_id, "date": date, "due": due}
    roles |= {"paid": paid, "amount": amount, "queried": queried, "known": known}
    roles["currency"] = currency
    source = source_of_rows(table, INVOICES, roles, keep)
    written = Written(day_first, date_format, decimal, tz, blanks, rates, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_invoices(source, written, credits, duplicates), table)


def _reading_of_invoices(
    source: Source, written: Written, credits: str, duplicates: str
) -> Reading:
    dates = ("date", "due", "paid", "queried", "known")
    values = read_values(
        source, written, id_roles=("customer_id",), date_roles=dates, amount_roles=("amount",)
    )
    negative = nw.when(nw.col(f"{OURS}amount") < 0).then(nw.lit(1)).otherwise(nw.lit(0))
    frame = values.frame.with_columns(negative.alias(_CREDIT))
    return Reading(
        source=source,
        frame=with_days_of(source, frame, ("date", "due", "paid", "queried")),
        checks=[
            *values.checks_of("customer_id", "date", "amount", "currency"),
            too_large_check("amount", source.roles["amount"]),
            _credit_note_check(source, credits),
            *_checks_of_invoice_days(source, values),
            *checks_where_filled(values, "known"),
            duplicate_check(source, duplicates),
        ],
        outputs=columns_of_signs(
            source, values, "date", "due", "paid", "amount", "queried", "known"
        ),
        notes=partial(id_notes, source),
        repeats=duplicates != "keep",
        shuffled=values.shuffled,
    )


def _credit_note_check(source: Source, policy: str) -> Check:
    fails = None if policy == "keep" else nw.col(_CREDIT) == 1
    shows = source.roles["amount"]
    return Check("credit note", shows, _CREDITS, fails, drops=policy == "exclude", asks=True)


def _checks_of_invoice_days(source: Source, values: Values) -> list[Check]:
    """That each day can be read and none is before the invoice; credit notes need not be due."""
    lacks = [
        replace(check, fails=check.fails & (nw.col(_CREDIT) == 0))
        for check in values.checks_of("due")
        if check.reason == "missing due" and check.fails is not None
    ]
    return [
        *lacks,
        *checks_where_filled(values, "due"),
        *early_check(source, "due", "the invoice", _FIX),
        *checks_where_filled(values, "paid"),
        *early_check(source, "paid", "the invoice", _PREPAID),
        *checks_where_filled(values, "queried"),
        *early_check(source, "queried", "the invoice", _FIX),
    ]
