"""The door for wallets: what customers spend on the category, with us and with others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import narwhals.stable.v2 as nw

from retention.errors import RetentionError, check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Output, Reading
from retention.loading.rows.text import OURS, Written
from retention.loading.values.amounts import too_large_check
from retention.tables import WALLET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.columns import Source

_WALLET = f"{OURS}wallet"


@entrance("customer_id", "date", "wallet", "sales", "elsewhere", "currency")
def as_wallet(
    table: IntoFrameT,
    *,
    customer_id: str,
    date: str,
    wallet: str | None = None,
    sales: str | None = None,
    elsewhere: str | None = None,
    currency: str | None = None,
    rates: Any = None,
    duplicates: str = "error",
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """What your customers spend on the category, checked and typed: for `share_of_wallet`.

    One row is what a customer spent on the category in a period with everyone, you included, as a
    survey or a panel tells. Customers of whom it is not known have no row.

    The checks, in this order: blank customer_id; a date that is missing, cannot be read, could be
    read in two ways or does not exist; an amount that is missing, no number, could be read in two
    ways; a wallet that is infinite or beyond 1e15, or below 0; exact duplicates. Text is read as in
    `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of whose wallet it is: text or whole numbers.
        date: column of any day of the period.
        wallet: column of what the customer spent with everyone, in currency; or else …
        sales: … the column of what they spent with you, with …
        elsewhere: … the column of what they spent with others: wallet = sales + elsewhere.
        currency: column of the currency of the amounts: ISO codes or signs ("€"). To take it
            from the signs in the amounts themselves, name their column again.
        rates: exchange rates that convert the amounts: how much of the currency you convert to one
            unit of each is worth, {"EUR": 1, "USD": 0.92}; or a table of any engine with columns
            `currency`, `date` and `rate`: the last rate on or before the row's day holds.
        duplicates: rows that repeat an earlier one: "error", "keep" (several rows of a period add
            up), or "drop" all but the first.
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
        A table of the same kind, lazy if yours is: `customer_id`, `date`, `wallet` (currency) and
        `currency` where it is named and no `rates` convert.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> survey = pd.DataFrame({
        ...     "who": ["Ann", "Bob"],
        ...     "month": ["2024-01-01", "2024-01-01"],
        ...     "with us": [30, 0],
        ...     "with others": [20, 45],
        ... })
        >>> rt.as_wallet(
        ...     survey, customer_id="who", date="month", sales="with us", elsewhere="with others"
        ... )
          customer_id       date  wallet
        0         Ann 2024-01-01    50.0
        1         Bob 2024-01-01    45.0
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    roles = {"customer_id": customer_id, "date": date, **_amount_columns(wallet, sales, elsewhere)}
    roles["currency"] = currency
    source = source_of_rows(table, WALLET, roles, ())
    written = Written(day_first, date_format, decimal, tz, blanks, rates, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_wallets(source, written, duplicates), table)


def _amount_columns(
    wallet: str | None, sales: str | None, elsewhere: str | None
) -> dict[str, str | None]:
    if (sales is not None, elsewhere is not None) != ((wallet is None),) * 2:
        raise RetentionError(
            "Say either `wallet=` (spent with everyone), or both `sales=` (with you) and "
            "`elsewhere=`."
        )
    return {"wallet": wallet, "sales": sales, "elsewhere": elsewhere}


def _reading_of_wallets(source: Source, written: Written, duplicates: str) -> Reading:
    named = ("wallet", "sales", "elsewhere")
    values = read_values(
        source, written, id_roles=("customer_id",), date_roles=("date",), amount_roles=named
    )
    frame = values.frame
    if "wallet" not in source.roles:
        both = nw.col(f"{OURS}sales") + nw.col(f"{OURS}elsewhere")
        frame = frame.with_columns(both.alias(_WALLET))
    negative = "Nobody spends less than nothing: correct them or leave those rows out."
    return Reading(
        source=source,
        frame=frame,
        checks=[
            *values.checks_of("customer_id", "date", *named, "currency"),
            too_large_check("wallet", _WALLET),
            Check("wallet below 0", _WALLET, negative, nw.col(_WALLET) < 0),
            duplicate_check(source, duplicates),
        ],
        outputs=[
            values.ids["customer_id"],
            Output("date", f"{OURS}date"),
            Output("wallet", _WALLET),
            *values.currency,
        ],
        notes=partial(id_notes, source),
        repeats=duplicates != "keep",
        shuffled=values.shuffled,
    )
