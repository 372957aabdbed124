"""How many customers will be won in each period to come: as the user says, segment by segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.economics.value.payments import is_amount
from retention.errors import YOURS, ColumnError, ContentError, RetentionError, count_of
from retention.frames import Columns, as_text, collect
from retention.numerics.codes import MOST_LEVELS, refuse_identifier
from retention.orders import MOST
from retention.survival.models.lifetime_model import is_table
from retention.tables import Column, Kind, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from retention.economics.outlook.base_ahead import Window
    from retention.numerics.codes import Key

    Floats = NDArray[np.float64]

_WON = Kind(
    "acquired",
    "how many customers are won in a period",
    YOURS,
    (
        Column("acquired", "number", "how many customers are won in a period"),
        Column("period", "time", "a day of the period; without it, of each", optional=True),
        Column("spend", "number", "what each of them pays a month", "currency", optional=True),
    ),
)


@dataclass(frozen=True, slots=True)
class CustomersWon:
    """How many are won of each segment, period by period.

    Attributes:
        counts: of each segment named; of the only one where there are no segments.
        spend: what each of them pays a month, NaN where it is not said.
        nobody: of a segment that is not named, where nobody is won at all; None if all must be.
    """

    counts: Mapping[Key, Floats]
    spend: Mapping[Key, Floats]
    nobody: Floats | None

    def of_segment(self, key: Key) -> tuple[Floats, Floats]:
        """How many are won in each period, and what each of them pays.

        Raises:
            ContentError: if that was not said.
        """
        if key in self.counts:
            return self.counts[key], self.spend[key]
        if self.nobody is None:
            raise ContentError(
                f"acquired has no row for the segment {', '.join(map(repr, key))}. Give one for "
                "each, 0 where nobody is won."
            )
        return self.nobody, np.full(self.nobody.size, np.nan)


def customers_won(acquired: Any, window: Window, by: Sequence[str]) -> CustomersWon:
    """What was said of those to be won.

    Raises:
        RetentionError: if it is neither numbers of 0 or more nor a table of them.
        ColumnError: if the table lacks a column.
        ContentError: if a number is missing or below 0, or a period is there twice or not at all.
    """
    n = window.steps.size
    if is_table(acquired):
        return _won_by_table(acquired, window, by)
    told = [acquired] * n if is_amount(acquired) else acquired
    won = np.asarray(told, dtype=object)
    if won.shape != (n,) or not all(is_amount(each) and each >= 0 for each in won):
        raise RetentionError(
            "acquired is how many customers are won a period, 0 or more: one number, or "
            f"{n:,} of them, one for each, or a table; got {acquired!r}."
        )
    counts = won.astype(np.float64)
    if by and counts.any():
        listed = ", ".join(repr(name) for name in (*by, "acquired"))
        raise RetentionError(
            f"acquired says how many are won, but not of which segment: give a table of {listed} "
            "(and 'period' where it changes), or 0."
        )
    if by:
        return CustomersWon({}, {}, counts)
    return CustomersWon({(): counts}, {(): np.full(n, np.nan)}, None)


def _won_by_table(table: object, window: Window, by: Sequence[str]) -> CustomersWon:
    frame = require(table, _WON, extra=by, adds="none")
    schema = frame.collect_schema()
    if "period" not in schema and "_day" in schema:
        raise ColumnError("acquired: '_day' is a name that is taken. Rename it.")
    columns = [as_text(name, schema[name]) for name in by]
    columns += [nw.col(name).cast(nw.Float64) for name in ("acquired", "spend") if name in schema]
    if "period" in schema:
        columns.append(periods.day_expr("period", frame.implementation).alias("_day"))
    found = collect(frame.select(*columns))
    for name in ("acquired", *(["spend"] if "spend" in found else [])):
        values = found[name] = found[name].astype(np.float64)
        if wrong := int((~((values >= 0) & (values <= MOST))).sum()):
            raise ContentError(
                f"acquired: {count_of(wrong, 'row has', 'rows have')} no {name!r}, or one below 0 "
                "or infinite."
            )
    return _won_by_segment(found, window, by)


def _won_by_segment(found: Columns, window: Window, by: Sequence[str]) -> CustomersWon:
    keys: list[Key] = [*zip(*(found[name].tolist() for name in by), strict=True)]
    keys = keys or [()] * found["acquired"].size
    counts: dict[Key, Floats] = {}
    spend: dict[Key, Floats] = {}
    every: dict[Key, list[int]] = {}
    for place, key in enumerate(keys):
        every.setdefault(key, []).append(place)
    for key, mine in every.items():
        rows = {name: values[mine] for name, values in found.items()}
        of_period = _rows_of_periods_won(rows, window, key)
        counts[key] = rows["acquired"][of_period]
        spend[key] = rows.get("spend", np.full(of_period.max() + 1, np.nan))[of_period]
    if not by and not counts:
        raise ContentError("acquired is a table without rows. Say how many are won, 0 if nobody.")
    return CustomersWon(counts, spend, None)


def _rows_of_periods_won(rows: Columns, window: Window, key: Key) -> NDArray[np.intp]:
    """For each period the row that speaks of it."""
    named = f" of {', '.join(map(repr, key))}" if key else ""
    steps = window.steps
    if "_day" not in rows:
        if rows["acquired"].size != 1:
            raise ContentError(
                f"acquired has several rows{named}: give one, or tell them apart by 'period'."
            )
        return np.zeros(steps.size, np.intp)
    if not np.isfinite(rows["_day"].astype(np.float64)).all():
        raise ContentError(f"acquired: a row{named} has no 'period'.")
    opens = periods.first_day_number(np.append(steps, steps[-1] + 1), window.freq)
    told = np.searchsorted(np.asarray(opens), rows["_day"].astype(np.int64), side="right") - 1
    inside = np.flatnonzero((told >= 0) & (told < steps.size))
    n = np.bincount(told[inside], minlength=steps.size)
    if (n != 1).any():
        at = int(np.argmax(n != 1))
        raise ContentError(
            f"acquired has {'several rows' if n[at] else 'no row'} for "
            f"{periods.label(int(steps[at]), window.freq)}{named}. Give one for each "
            f"{periods.length_of(window.freq)}."
        )
    return inside[np.argsort(told[inside])]


def segments_of(there: Iterable[Key], won: CustomersWon) -> list[Key]:
    """The segments of customers, and those in which some will be won, sorted.

    Raises:
        ContentError: if there is none.
    """
    keys = sorted({*there, *won.counts})
    if not keys:
        raise ContentError(
            "customers holds nobody who is still there, and nobody is won: there is no segment to "
            "tell of."
        )
    return keys


def parts_by_segment(
    customers: object, kind: Kind, by: Sequence[str], won: CustomersWon
) -> list[tuple[Key, Any]]:
    """The customers of each segment, as tables of the engine that holds them.

    Raises:
        ContentError: if customers are won of a segment that has none.
    """
    if not by:
        return [((), customers)]
    frame = require(customers, kind, extra=by, adds="within")
    schema = frame.collect_schema()
    told = frame.with_columns(*(as_text(name, schema[name]) for name in by))
    found = collect(told.group_by(*by).agg(nw.len().alias("_n")))
    keys: list[Key] = [*zip(*(found[name].tolist() for name in by), strict=True)]
    refuse_identifier("by", by, len(keys), MOST_LEVELS, "segments")
    if strange := sorted({*won.counts} - {*keys}):
        raise ContentError(
            f"acquired names the segment {', '.join(map(repr, strange[0]))}, of which there is no "
            "customer. Is it spelled alike?"
        )
    parts = []
    for key in segments_of(keys, won):
        mine = told
        for name, value in zip(by, key, strict=True):
            mine = mine.filter(nw.col(name) == value)
        parts.append((key, mine.drop(*by).to_native()))
    return parts
