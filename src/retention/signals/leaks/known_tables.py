"""Tables as they were known at the end of a day: later rows are not there, later answers not given.

Ours are told by their columns, and so is anybody's table with a `date`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.business_hours import calendar_of
from retention.errors import ColumnError, ContentError, RetentionError
from retention.frames import Frame, as_lazy, collect, in_kind_of, one_row
from retention.survival.scores.known_by_then import spells_cut_off
from retention.tables import CONTACTS
from retention.tables.checks import given_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

_FILLED_LATER = ("paid", "queried", "responded")
"""Times that are filled into a row after its own date: of invoices and offers."""

_HOURS = ("first_response_hours", "resolution_hours", "unsatisfied_hours")
"""Of contacts: what was measured once it was over."""

_TOLD_AT_THE_END = ("right_first_time", "parts_available")
"""Of contacts: what is known when they are solved."""

_TOLD_BY_THE_END = ("reason", "category", "subcategory")
"""Of contracts and spells: what is known when they end."""

_LABELS = ("churned", "label_reason")


@dataclass(frozen=True, slots=True)
class Dated:
    """A table that can be cut to what was known on a day.

    Attributes:
        table: as its owner gave it.
        name: what its owner calls it.
        by: the column by which it is cut.
        filled_later: further times that are filled into a row after its own date.
    """

    table: Any
    name: str
    by: str
    filled_later: tuple[str, ...] = field(default=())

    def known(self, day: date) -> Any:
        """What was known of it at the end of a day, in its own kind."""
        frame = self._frame()
        names = frame.collect_schema().names()
        if self.by == "start" and "duration" in names:
            return _without_reasons(spells_cut_off(self.table, day), self.table)
        last, engine = periods.number_of(day), frame.implementation
        frame = frame.filter(periods.day_expr(self.by, engine) <= last)
        if "known" in names:
            told = nw.col("known").is_null() | (periods.day_expr("known", engine) <= last)
            frame = frame.filter(told)
        for filled in self.filled_later:
            frame = _blanked(frame, [filled], periods.day_expr(filled, engine) <= last)
        if self.by == "start":
            frame = _contracts_open_again(frame, last)
        if self.by == "as_of":
            frame = _labels_open_again(frame, last)
        if set(CONTACTS.names[:4]) <= set(names):
            frame = _contacts_open_again(frame, last)
        return in_kind_of(frame.select(*names), self.table)

    def span(self) -> tuple[int, int] | None:
        """The first and the latest day of its rows, from 1970-01-01; None if it has none."""
        frame = self._frame()
        day = periods.day_expr(self.by, frame.implementation)
        found = one_row(frame.select(first=day.min(), last=day.max()))
        return None if found["last"] is None else (int(found["first"]), int(found["last"]))

    def _frame(self) -> Frame:
        return as_lazy(self.table, name=self.name, by_row=True)


def dated_tables(
    tables: object, filled_later: Mapping[str, str | Sequence[str]]
) -> dict[str, Dated]:
    """The tables that a user gave by name, each with the column by which it is cut.

    Args:
        tables: what the user gave.
        filled_later: for tables by name, their further times that are filled in after the date.

    Raises:
        RetentionError: if there are no tables by name.
        ColumnError: if one has no date, or a time that is filled in later is none.
    """
    if not (isinstance(tables, Mapping) and tables):
        raise RetentionError(
            "tables must be tables by name, as in {'orders': orders, 'contacts': contacts}, which "
            f"build is given in the same form; got {type(tables).__name__}."
        )
    known = ", ".join(map(str, tables))
    for name in filled_later:
        if name not in tables:
            raise RetentionError(
                f"filled_later names {name!r}, which is none of the tables: {known}."
            )
    return {
        name: _dated_table(table, str(name), filled_later.get(name, ()))
        for name, table in tables.items()
    }


def _dated_table(table: object, name: str, filled_later: str | Sequence[str]) -> Dated:
    frame = as_lazy(table, name=name, by_row=True)
    schema, engine = frame.collect_schema(), frame.implementation
    by = next((column for column in ("date", "start", "as_of") if column in schema), None)
    if by is None:
        raise ColumnError(
            f"{name} has no column 'date', 'start' or 'as_of', so what was known of it on a day "
            f"cannot be told. Leave it out of tables=, and screen what comes of it with "
            "feature_screen(...). It has: "
            f"{', '.join(map(repr, schema.names()[:20])) or 'no columns'}."
        )
    asked = given_names(filled_later, argument="filled_later")
    for column in asked:
        if column not in schema:
            raise ColumnError.unknown("filled_later", column, schema.names())
    for column in (by, "known", *asked):
        if column in schema and (zone := periods.zone_of(schema[column], engine)):
            raise ColumnError(
                f"{name}: {column!r} has the time zone {zone}, in which your days need not begin. "
                "Give local dates without a zone, by the clock your books keep."
            )
        if column in schema and not schema[column].is_temporal():
            raise ColumnError(
                f"{name}: {column!r} must be dates, by which it is cut; got {schema[column]}."
            )
    ours = [c for c in _FILLED_LATER if c in schema and schema[c].is_temporal()]
    return Dated(table, name, by, tuple(dict.fromkeys([*ours, *asked])))


def refuse_vacuous_days(tables: Mapping[str, Dated], days: Sequence[date]) -> None:
    """Refuse days by which nothing was known, or after which nothing came.

    Raises:
        ContentError: at the first at which to cut would prove nothing.
    """
    spans = [span for table in tables.values() if (span := table.span()) is not None]
    if not spans:
        raise ContentError("tables: there is no row in any of them.")
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    for day in days:
        if periods.number_of(day) >= last:
            raise ContentError(
                f"dates: after {day} nothing came that could leak: the last row is of "
                f"{periods.day_of(last)}. Take earlier dates."
            )
        if periods.number_of(day) < first:
            raise ContentError(
                f"dates: by {day} nothing was known: the first row is of {periods.day_of(first)}. "
                "Take later dates."
            )


def _blanked(frame: Frame, names: Sequence[str], known: nw.Expr) -> Frame:
    """The frame with columns that are null where something was not known."""
    there = [name for name in names if name in frame.collect_schema()]
    return frame.with_columns(nw.when(known).then(nw.col(name)).alias(name) for name in there)


def _contracts_open_again(frame: Frame, last: int) -> Frame:
    """Contracts, or outages: later ends are not known, nor why they came."""
    if "end" not in frame.collect_schema():
        return frame
    ended = periods.day_expr("end", frame.implementation) <= last
    return _blanked(frame, [*_TOLD_BY_THE_END, "end"], ended)


def _without_reasons(spells: Any, like: Any) -> Any:
    """Spells that were cut off: why one ended is known of those that had."""
    frame = as_lazy(spells, name="spells", by_row=True)
    return in_kind_of(_blanked(frame, _TOLD_BY_THE_END, nw.col("churned")), like)


def _labels_open_again(frame: Frame, last: int) -> Frame:
    """Snapshots: labels that came later are not known."""
    if "known_on" not in frame.collect_schema():
        return frame
    known = periods.day_expr("known_on", frame.implementation) <= last
    return _blanked(frame, _LABELS, known)


def _contacts_open_again(frame: Frame, last: int) -> Frame:
    """Contacts: what took until a later day is not over yet; a contact solved later is open.

    By working hours what was done between the closing and the next opening cannot be told from what
    was done at the closing, and counts as over, as in the figures of service.
    """
    schema, engine = frame.collect_schema(), frame.implementation
    begun = periods.second_expr("date", schema["date"], engine).cast(nw.Float64)
    ends = {"_over": nw.lit((last + 1) * 86_400.0), "_by_clock": nw.lit(0)}
    frame = frame.with_columns(_begun=begun, **ends)
    if "business_hours" in schema:
        frame = _with_worked_time(frame)
    passed = (nw.col("_over") - nw.col("_begun")) / 3600
    frame = frame.with_columns(_passed=passed)
    there = [name for name in _HOURS if name in schema]
    for name in (name for name in there if name != _HOURS[0]):
        over = nw.col(name).is_null() | _is_over(name)
        frame = _blanked(frame, _TOLD_AT_THE_END, over)
    for name in there:
        frame = _blanked(frame, [name], _is_over(name))
    return frame


def _is_over(name: str) -> nw.Expr:
    """Whether what took so many hours was over when what is known ends."""
    hours, passed = nw.col(name).cast(nw.Float64), nw.col("_passed")
    return (hours < passed) | ((hours == passed) & (nw.col("_by_clock") == 1))


def _with_worked_time(frame: Frame) -> Frame:
    """Contacts whose hours are counted while a desk is open: both moments by its clock."""
    told = collect(frame.select("business_hours").unique())["business_hours"]
    calendars = {text: calendar_of(text) for text in told.tolist() if isinstance(text, str)}
    for text, calendar in calendars.items():
        if calendar is None:
            continue
        seconds = frame.with_columns(
            _from=nw.col("_begun").cast(nw.Int64), _to=nw.col("_over").cast(nw.Int64)
        )
        worked = calendar.with_worked(calendar.with_worked(seconds, "_from", "_a"), "_to", "_b")
        mine = nw.col("business_hours") == text
        frame = worked.with_columns(
            _begun=nw.when(mine).then(nw.col("_a").cast(nw.Float64)).otherwise(nw.col("_begun")),
            _over=nw.when(mine).then(nw.col("_b").cast(nw.Float64)).otherwise(nw.col("_over")),
            _by_clock=nw.when(mine).then(nw.lit(1)).otherwise(nw.col("_by_clock")),
        )
    return frame
