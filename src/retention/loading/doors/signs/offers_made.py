"""The door for offers made: to whom we offered something, and who answered."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Unpack

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
from retention.loading.rows.row_checks import Reading
from retention.loading.rows.text import Written
from retention.tables import OFFERS_MADE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.columns import Source

_EARLY = "Nobody answers an offer before it is made: correct them or leave those rows out."


@entrance("customer_id", "date", "responded", "known")
def as_offers_made(
    table: IntoFrameT,
    *,
    customer_id: str,
    date: str,
    responded: str,
    known: str | None = None,
    keep: str | Sequence[str] = (),
    duplicates: str = "error",
    day_first: bool | None = None,
    date_format: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """The offers you made to customers, checked and typed: for `offer_features`.

    One row is one offer to one customer, whether or not an answer came: without those that were not
    answered nobody can say who stopped answering. It matters that they answered, not what they
    said.

    The checks, in this order: blank customer_id; a date that is missing, cannot be read, could be
    read in two ways or does not exist; likewise a `responded`, which may be missing; an answer on a
    day before the offer (on the very day it is fine, whatever the hour); likewise a date in
    `known`, which may be missing; exact duplicates. Text is read as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of to whom it was made: text or whole numbers.
        date: column of when it was made.
        responded: column of when they answered, empty where they did not.
        known: column of when you learnt of it, where that may be later than `date` (it was entered
            a week on, or came with a file of the month); empty where it was known on the day. What
            was known before it happened, as a move that is announced, counts from `date` all the
            same: a row counts on a day once both have come.
        keep: further columns to keep as they are, such as the campaign.
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
        A table of the same kind, lazy if yours is: `customer_id`, `date`, `responded` (null where
        not answered), `known` where named, and the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> mailed = pd.DataFrame({
        ...     "who": ["Ann", "Bob"],
        ...     "sent": ["2024-01-20", "2024-01-20"],
        ...     "reply": ["2024-01-25", None],
        ... })
        >>> rt.loading.as_offers_made(mailed, customer_id="who", date="sent", responded="reply")
          customer_id       date  responded
        0         Ann 2024-01-20 2024-01-25
        1         Bob 2024-01-20        NaT
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    roles = {"customer_id": customer_id, "date": date, "responded": responded, "known": known}
    source = source_of_rows(table, OFFERS_MADE, roles, keep)
    written = Written(day_first, date_format, None, tz, blanks, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_offers(source, written, duplicates), table)


def _reading_of_offers(source: Source, written: Written, duplicates: str) -> Reading:
    dates = ("date", "responded", "known")
    values = read_values(
        source, written, id_roles=("customer_id",), date_roles=dates, amount_roles=()
    )
    return Reading(
        source=source,
        frame=with_days_of(source, values.frame, ("date", "responded")),
        checks=[
            *values.checks_of("customer_id", "date"),
            *checks_where_filled(values, "responded"),
            *early_check(source, "responded", "the offer", _EARLY),
            *checks_where_filled(values, "known"),
            duplicate_check(source, duplicates),
        ],
        outputs=columns_of_signs(source, values, *dates),
        notes=partial(id_notes, source),
        repeats=duplicates != "keep",
        shuffled=values.shuffled,
    )
