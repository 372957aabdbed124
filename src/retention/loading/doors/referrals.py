"""The door for referrals: which customers were won by others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Unpack

import narwhals.stable.v2 as nw

from retention.errors import check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Output, Reading
from retention.loading.rows.text import OURS, Written
from retention.tables import REFERRALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.columns import Source

_ITSELF = "Nobody wins itself: correct them or leave those rows out."


@entrance("customer_id", "referred_id", "date")
def as_referrals(
    table: IntoFrameT,
    *,
    customer_id: str,
    referred_id: str,
    date: str,
    keep: str | Sequence[str] = (),
    duplicates: str = "error",
    day_first: bool | None = None,
    date_format: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """Customers who were won by others, checked and typed: for `profit_by_tenure`.

    One row is one customer who came on the word of another: who spoke, who came, and when. Only
    who became a customer belongs here, not everybody to whom we were recommended.

    The checks, in this order: blank customer_id; blank referred_id; a date that is missing, cannot
    be read, could be read in two ways or does not exist; a customer who referred itself; exact
    duplicates. Text is read as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of who referred: text or whole numbers.
        referred_id: column of who was won, in the same ids.
        date: column of the day on which they became a customer.
        keep: further columns to keep as they are, such as the programme.
        duplicates: rows that repeat an earlier one: "error", "keep", or "drop" all but the first.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written (see `as_transactions`).
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
        A table of the same kind, lazy if yours is: `customer_id`, `referred_id`, `date` and the
        columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> came = pd.DataFrame({"by": ["Ann"], "who": ["Bob"], "joined": ["2024-01-20"]})
        >>> rt.as_referrals(came, customer_id="by", referred_id="who", date="joined")
          customer_id referred_id       date
        0         Ann         Bob 2024-01-20
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    roles = {"customer_id": customer_id, "referred_id": referred_id, "date": date}
    source = source_of_rows(table, REFERRALS, roles, keep)
    written = Written(day_first, date_format, None, tz, blanks, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_referrals(source, written, duplicates), table)


def _reading_of_referrals(source: Source, written: Written, duplicates: str) -> Reading:
    ids = ("customer_id", "referred_id")
    values = read_values(source, written, id_roles=ids, date_roles=("date",), amount_roles=())
    who, whom = (nw.col(f"{OURS}{role}") for role in ids)
    column = source.roles["referred_id"]
    return Reading(
        source=source,
        frame=values.frame,
        checks=[
            *values.checks_of(*ids, "date"),
            Check("referred by itself", column, _ITSELF, who == whom),
            duplicate_check(source, duplicates),
        ],
        outputs=[
            values.ids["customer_id"],
            values.ids["referred_id"],
            Output("date", f"{OURS}date"),
            *(Output(name, kept) for name, kept in source.keep.items()),
        ],
        notes=partial(id_notes, source),
        repeats=duplicates != "keep",
        shuffled=values.shuffled,
    )
