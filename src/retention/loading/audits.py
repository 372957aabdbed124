"""What a door found: the rows it accepts, the rows it sets aside with a reason, and a summary."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, cast

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.stable.v2.typing import IntoFrameT

from retention.errors import ColumnError, count_of
from retention.frames import (
    Columns,
    Frame,
    collect,
    in_kind_of,
    is_pandas,
    one_row,
    table_like,
)
from retention.loading.refusals import refuse_faults
from retention.loading.rows.columns import ROW, example_in_words, example_value
from retention.loading.rows.row_checks import REASON, Judged, Note, Reading, verdict_on_rows
from retention.loading.rows.text import OURS
from retention.loading.values.amounts import LARGEST
from retention.names import plain_message
from retention.printed import Printed, Shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audit(Printed, Generic[IntoFrameT]):
    """What a door found in a table. Every row of the input is accepted or set aside, never both.

    Attributes:
        accepted: the table that the door would hand out, without the rows set aside.
        set_aside: the other rows, with the user's own columns and `reason`, the first check failed.
        summary: an eager table with one row per check, in the order of the checks, then "accepted"
            and "input", their total: `check`, `rows`, `customers` (distinct ids; one customer may
            appear under several checks), `sales` (sum of those that can be read, in currency; null
            where the table names none) and `first_example` (of lazy tables, the smallest value;
            empty where there is none).
        notes: an eager table of what deserves a look among the accepted rows, though nothing is
            set aside for it: `note`, `rows`, `customers`, `first_example`, `advice`. No row if
            there is nothing.
    """

    accepted: IntoFrameT
    set_aside: IntoFrameT
    summary: Any
    notes: Any

    def _shown(self) -> Shown:
        """The checks that set rows aside, the totals, then the notes: none is left out."""
        table = nw.from_native(self.summary, eager_only=True)
        rows = [row for row in table.rows() if row[1] or row[0] in (_ACCEPTED, "input")]
        cells = [(str(row[0]), f"{row[1]:,}", f"{row[2]:,}", row[4]) for row in rows]
        notes = nw.from_native(self.notes, eager_only=True).rows()
        aside = sum(row[1] for row in rows if row[0] not in (_ACCEPTED, "input"))
        return Shown(
            head=f"Audit of {count_of(rows[-1][1], 'row')}: {aside:,} set aside",
            rows=(("check", "rows", "customers", "first example"), *cells),
            notes=tuple(f"look at {_note_in_words(note)}" for note in notes),
            then=("audit.accepted", *["audit.set_aside"] * bool(aside)),
        )


def audit_of_reading(reading: Reading, table: IntoFrameT) -> Audit[IntoFrameT]:
    """The rows of a reading parted by its checks.

    Raises:
        ColumnError: if the user's table has a column "reason" already.
        ContentError: if the accepted rows leave open what the table means.
    """
    if "reason" in reading.source.schema:
        raise ColumnError(
            f"{reading.source.kind.name}: rows set aside get a column 'reason', and the table has "
            "one already. Rename it first."
        )
    verdict = verdict_on_rows(reading)
    refuse_faults(verdict, [fault for fault in reading.faults if fault.asks])
    return Audit(
        accepted=in_kind_of(verdict.accepted, table),
        set_aside=_rows_set_aside(verdict, table),
        summary=_summary_table(verdict),
        notes=_notes_table(verdict),
    )


def _note_in_words(note: Sequence[Any]) -> str:
    return f"{note[0]}: {count_of(note[1], 'row')}, such as {note[3]}"


def _notes_table(verdict: Judged) -> Any:
    notes = verdict.notes
    columns: Columns = {}
    for name in (field.name for field in fields(Note)):
        values = [getattr(note, name) for note in notes]
        values = [plain_message(value) if isinstance(value, str) else value for value in values]
        columns[name] = np.array(values, np.int64 if name in ("rows", "customers") else object)
    return _eager_table(columns, verdict)


def _rows_set_aside(verdict: Judged, table: IntoFrameT) -> IntoFrameT:
    """The user's own rows that fail a check; of an eager table, taken from it by position."""
    source = verdict.reading.source
    frame = _rows_with_reasons(verdict).filter(~nw.col(REASON).is_null())
    if not source.eager:
        return in_kind_of(frame.select(*source.schema, nw.col(REASON).alias("reason")), table)
    found = collect(frame.select(ROW, REASON).sort(ROW))
    given = nw.from_native(cast("Any", table))
    rows = given[found[ROW].astype(np.int64)]
    backend = given.implementation
    reasons = nw.new_series("reason", found[REASON].tolist(), nw.String(), backend=backend)
    answer = rows.with_columns(reasons)
    if is_pandas(given):  # whose labels may be anything, and come back as they were
        labels = [*nw.to_native(given).columns, "reason"]
        answer = nw.from_native(answer.to_native().set_axis(labels, axis="columns"))
    return cast("IntoFrameT", answer if isinstance(table, nw.DataFrame) else answer.to_native())


def _rows_with_reasons(verdict: Judged) -> Frame:
    if verdict.failing:
        return verdict.frame
    return verdict.frame.with_columns(nw.lit(None, dtype=nw.String).alias(REASON))


def _summary_table(verdict: Judged) -> Any:
    names = [*(check.reason for check in verdict.reading.checks), _ACCEPTED]
    sums, customers = _sums_by_reason(verdict)
    firsts = _examples_of_checks(verdict)
    money = [sums.get(name, (0, 0.0))[1] for name in names] if _has_sales(verdict) else None
    columns: Columns = {
        "check": np.array([*names, "input"], dtype=object),
        "rows": _values_and_total([sums.get(name, (0, 0.0))[0] for name in names], np.int64),
        "customers": np.array([customers.get(n, 0) for n in [*names, "input"]], dtype=np.int64),
        "sales": _values_and_total(money or [np.nan] * len(names), np.float64),
        "first_example": np.array(
            [firsts.get(name, "") for name in [*names, "input"]], dtype=object
        ),
    }
    return _eager_table(columns, verdict)


def _values_and_total(values: Sequence[float], dtype: type) -> Any:
    return np.array([*values, sum(values)], dtype=dtype)


def _has_sales(verdict: Judged) -> bool:
    return any(output.column == f"{OURS}sales" for output in verdict.reading.outputs)


def _sums_by_reason(verdict: Judged) -> tuple[dict[str, tuple[int, float]], dict[str, int]]:
    """Rows and sales, and customers, by reason; "accepted" for none, "input" for all customers."""
    rows = _rows_with_reasons(verdict)
    there, who = set(rows.collect_schema()), nw.col(f"{OURS}customer_id")
    if f"{OURS}has_id" in there:
        who = nw.when(nw.col(f"{OURS}has_id")).then(who)
    elif f"{OURS}customer_id" not in there:  # outages have no customer
        who = nw.lit(None, dtype=nw.String)
    sales = nw.col(f"{OURS}sales") if _has_sales(verdict) else nw.lit(0.0)
    frame = rows.select(
        nw.col(REASON).fill_null(_ACCEPTED),
        who.alias("id"),
        nw.when(sales.abs() <= LARGEST).then(sales).otherwise(nw.lit(0.0)).alias("sales"),
    )
    frame = frame.with_columns(named=nw.col("id"))
    sums = [nw.len().alias("n"), nw.col("sales").sum()]
    sums += [nw.col("id").n_unique(), nw.col("named").count()]
    found = collect(frame.group_by(REASON).agg(*sums))
    lines = zip(*(found[name].tolist() for name in (REASON, "n", "sales")), strict=True)
    people = zip(*(found[name].tolist() for name in (REASON, "n", "id", "named")), strict=True)
    total = one_row(frame.select(*sums))
    customers = {reason: _n_different_ids(*counts) for reason, *counts in people}
    customers["input"] = _n_different_ids(total["n"], total["id"], total["named"])
    return {reason: (int(n), float(money)) for reason, n, money in lines}, customers


def _n_different_ids(n: float, different: float, named: float) -> int:
    """Of `n` ids the different ones, without the missing, which engines count as one more."""
    return int(different or 0) - int(n > named)


def _examples_of_checks(verdict: Judged) -> dict[str, str]:
    """For each check the first row it sets aside, or the smallest value of a lazy table."""
    eager, frame = verdict.reading.source.eager, verdict.frame
    if not verdict.failing:
        return {}
    columns = {}
    for i, check in enumerate(verdict.failing):
        here = nw.col(REASON) == check.reason
        shows = nw.col(ROW) if eager else example_value(frame, check.shows)
        columns[f"{OURS}example{i}"] = nw.when(here).then(shows)
    found = one_row(frame.with_columns(**columns).select(*(nw.col(c).min() for c in columns)))
    firsts = zip(verdict.failing, found.values(), strict=True)
    return {check.reason: example_in_words(frame, check.shows, first) for check, first in firsts}


def _eager_table(columns: Columns, verdict: Judged) -> Any:
    """The summary in the eager kind of the user's engine; in pandas where it has none."""
    import pandas as pd

    given = nw.from_native(cast("Any", verdict.reading.source.table))
    if isinstance(given, nw.DataFrame):
        return table_like(columns, given.to_native())
    try:
        empty = given.head(0).collect(cast("Any", given.implementation))
    except ValueError:  # narwhals knows eager tables of pandas, Polars and PyArrow only
        return table_like(columns, pd.DataFrame())
    return table_like(columns, empty.to_native())
