"""The door for costs: of winning, keeping and serving customers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import narwhals.stable.v2 as nw

from retention.errors import ColumnError, check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Output, Reading
from retention.loading.rows.text import BLANKS, OURS, Written, flat_text, is_text
from retention.loading.values.amounts import too_large_check
from retention.tables import COSTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.columns import Source

_DOUBT = f"{OURS}doubt"
_NOBODY = (
    "Is it an id, or does it say that the cost is of no customer? Say `blanks=()` or, for "
    "instance, "
    "`blanks=['NA']`."
)
_KIND, _WHOSE, _HAS_ID = f"{OURS}kind", f"{OURS}customer_id", f"{OURS}has_id"


@entrance("date", "kind", "amount", "customer_id", "currency")
def as_costs(
    table: IntoFrameT,
    *,
    date: str,
    kind: str,
    amount: str,
    customer_id: str | None = None,
    currency: str | None = None,
    rates: Any = None,
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
    """Your costs of customers, checked and typed: for `cost_kpis` and `cost_to_serve`.

    One row is one cost: when it was incurred, what for, how much, and for whom if it was for one
    customer. A cost with a blank customer is shared by many, such as the rent of a region's stores:
    name the region in `keep`. A credit is a negative amount.

    The checks, in this order: a missing kind; a date that is missing, cannot be read, could be read
    in two ways or does not exist; an amount that is missing, no number, could be read in two ways,
    is infinite or beyond 1e15; a customer_id that is not a whole number; exact duplicates. Text is
    read as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        date: column of when it was incurred, or of any day of its period.
        kind: column of what for: text such as "wages" or whole numbers such as account codes.
        amount: column of how much, in currency; credits are negative.
        customer_id: column of for whom it was: text or whole numbers, blank where for many.
        currency: column of the currency of the amount: ISO codes or signs ("€"). To take it
            from the signs in the amounts themselves, name their column again.
        rates: exchange rates that convert the amounts: how much of the currency you convert to one
            unit of each is worth, {"EUR": 1, "USD": 0.92}; or a table of any engine with columns
            `currency`, `date` and `rate`: the last rate on or before its day holds.
        keep: further columns to keep as they are, such as a region that shares costs.
        duplicates: rows that repeat an earlier one: "error", "keep" (both were incurred), or "drop"
            all but the first.
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
        A table of the same kind, lazy if yours is: `date`, `kind` (text), `amount` (currency),
        `customer_id` where named (null if for many; in a pandas table whole numbers then are
        decimals, as always there beside a gap), `currency` where named (unless `rates` convert),
        the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> ledger = pd.DataFrame({
        ...     "month": ["2024-01-01", "2024-01-01"],
        ...     "account": ["wages", "space"],
        ...     "paid": ["12.50", "300.00"],
        ...     "client": ["Ann", None],
        ... })
        >>> rt.as_costs(ledger, date="month", kind="account", amount="paid", customer_id="client")
                date   kind  amount customer_id
        0 2024-01-01  wages    12.5         Ann
        1 2024-01-01  space   300.0         NaN
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    roles = {"date": date, "kind": kind, "amount": amount, "customer_id": customer_id}
    roles["currency"] = currency
    source = source_of_rows(table, COSTS, roles, keep)
    _refuse_types_of_kind(source)
    written = Written(day_first, date_format, decimal, tz, blanks, rates, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_costs(source, written, duplicates), table)


def _refuse_types_of_kind(source: Source) -> None:
    column = source.roles["kind"]
    dtype = source.schema[column]
    if not (dtype.is_integer() or is_text(dtype)):
        raise ColumnError(f"kind: column {column!r} holds {dtype}, not text. Convert it first.")


def _reading_of_costs(source: Source, written: Written, duplicates: str) -> Reading:
    values = read_values(
        source,
        written,
        id_roles=("customer_id",),
        date_roles=("date",),
        amount_roles=("amount",),
    )
    column = source.roles["kind"]
    frame = values.frame.with_columns(flat_text(column, source.schema[column]).alias(_KIND))
    doubt = _doubtful_customers(source, written)
    if "customer_id" in source.roles:
        frame = frame.with_columns(nw.col(_WHOSE).alias(_DOUBT))
        frame = frame.with_columns(nw.when(nw.col(_HAS_ID)).then(nw.col(_WHOSE)).alias(_WHOSE))
    unnamed = "Say what they were for, or leave those rows out."
    whose = [c for c in values.checks_of("customer_id") if c.reason != "blank customer_id"]
    named_by_kind = replace(source, roles={"customer_id": column})  # costs need have no customer
    return Reading(
        source=source,
        frame=frame,
        checks=[
            Check("missing kind", column, unnamed, nw.col(_KIND).is_in(BLANKS)),
            *values.checks_of("date", "amount", "currency"),
            too_large_check("amount", source.roles["amount"]),
            *whose,
            Check("customer_id that may be blank", _DOUBT, _NOBODY, doubt, asks=True),
            duplicate_check(named_by_kind, duplicates),
        ],
        outputs=[
            Output("date", f"{OURS}date"),
            Output("kind", _KIND),
            Output("amount", f"{OURS}amount"),
            *(_output_of_filled_ids(output) for output in values.ids.values()),
            *values.currency,
            *(Output(name, column) for name, column in source.keep.items()),
        ],
        notes=partial(id_notes, source),
        repeats=duplicates != "keep",
        shuffled=values.shuffled,
    )


def _doubtful_customers(source: Source, written: Written) -> nw.Expr | None:
    """Where text stands for a customer that may mean that there is none; None if that was said."""
    column = source.roles.get("customer_id")
    if column is None or written.blanks is not None or not is_text(source.schema[column]):
        return None
    return nw.col(_DOUBT).is_in([text for text in BLANKS if text])


def _output_of_filled_ids(whose: Output) -> Output:
    """An id that may be blank: what stands in blanks says nothing about how ids are written."""
    other = None if whose.other is None else nw.col(_HAS_ID) & whose.other
    return replace(whose, other=other)
