"""Spells as they were known on an earlier day: cut off there, or made anew of what was there."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError, RetentionError, RetentionWarning
from retention.frames import as_lazy, in_kind_of, one_row
from retention.tables import CONTRACTS, SPELLS, TRANSACTIONS, require

if TYPE_CHECKING:
    from collections.abc import Iterable

Build = Callable[[Any, date], Any]


def check_build(build: object) -> None:
    """Refuse what makes nothing of a table.

    Raises:
        RetentionError: with what to write.
    """
    if build is not None and not callable(build):
        example = "lambda orders, as_of: rt.purchase_spells(orders, gap=90, as_of=as_of)"
        raise RetentionError(
            f"build must be a function of the table and a day that makes spells, as in {example}; "
            f"got {build!r}."
        )


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Spells as they were known on any day."""

    table: Any
    build: Build | None

    def known(self, day: date) -> Any:
        """Spells as of a day, from what was there by then, in the caller's kind."""
        if self.build is None:
            return spells_cut_off(self.table, day)
        frame = as_lazy(self.table, name="table", by_row=True)
        last, engine = periods.number_of(day), frame.implementation
        schema = frame.collect_schema()
        seen = frame.filter(periods.day_expr(_date_column(schema), engine) <= last)
        if "date" not in schema and "end" in schema:
            ended = periods.day_expr("end", engine) <= last
            seen = seen.with_columns(end=nw.when(ended).then(nw.col("end")))
        with warnings.catch_warnings():  # that the log falls silent just before a cut is chance
            warnings.simplefilter("ignore", RetentionWarning)
            return self.build(in_kind_of(seen, self.table), day)

    def outcome(self, day: date) -> Any:
        """Spells as they turned out: the whole table, or what was known on a day."""
        return self.table if self.build is None else self.known(day)

    def refuse_beyond(self, day: date) -> None:
        """Refuse to score a time that the data do not reach."""
        if self.build is None:
            frame = require(self.table, SPELLS)
            start = periods.day_expr("start", frame.implementation)
            last = one_row(frame.select(last=(start + nw.col("duration")).max()))["last"]
        else:
            frame = as_lazy(self.table, name="table")
            schema = frame.collect_schema()
            dated = [
                _date_column(schema),
                *(["end"] if "date" not in schema and "end" in schema else []),
            ]
            latest = [periods.day_expr(name, frame.implementation).max() for name in dated]
            lasts = one_row(frame.select(**dict(zip(dated, latest, strict=True)))).values()
            last = max((day for day in lasts if day is not None), default=None)
        if last is None or last < periods.number_of(day) - _days_of_silence(self.build):
            seen = "nothing" if last is None else f"no further than {periods.day_of(last)}"
            raise ContentError(
                f"cuts: the last one + horizon is {day}, but the data reach {seen}: what happened "
                "then is not known. Take earlier cuts or a shorter horizon."
            )


def _date_column(schema: Iterable[str]) -> str:
    """The column by which a table is cut off on a day."""
    names = list(schema)
    if "date" in names:
        return "date"
    if "start" in names and "duration" not in names:  # spells know on the first day how they end
        return "start"
    raise ContentError(
        f"table: with build= it needs a column 'date' ({TRANSACTIONS.name}) or 'start' "
        f"({CONTRACTS.name}), by which it is cut. Spells are cut off without build=."
    )


def _days_of_silence(build: Build | None) -> int:
    """Days for which a log of orders may be silent at its end; spells reach to the day itself."""
    return 0 if build is None else 31


def spells_cut_off(spells: Any, day: date) -> Any:
    """Spells as of a day: later ones are not there, later ends are not known.

    Args:
        spells: spells of any engine.
        day: the last day that is known.
    """
    frame = require(spells, SPELLS)
    engine, last = frame.implementation, periods.number_of(day)
    start = periods.day_expr("start", engine)
    ended = nw.col("churned") & (start + nw.col("duration") <= last)
    so_far = nw.when(last - start < nw.col("duration")).then(last - start)
    known = frame.filter(start <= last).with_columns(
        churned=ended,
        end=nw.when(ended).then(nw.col("end")),
        duration=so_far.otherwise(nw.col("duration")).cast(nw.Int64),
    )
    if "last_order" in frame.collect_schema():
        by_then = periods.day_expr("last_order", engine) <= last
        known = known.with_columns(last_order=nw.when(by_then).then(nw.col("last_order")))
    entry = nw.col("entry").cast(nw.Float64)
    under_observation = nw.col("entry").is_null() | ~(entry >= nw.col("duration"))
    return in_kind_of(known.filter(under_observation), spells)
