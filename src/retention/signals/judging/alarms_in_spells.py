"""Alarms beside the spells they rang in: matched and counted where the tables are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, count_of
from retention.frames import Columns, Frame, beside, collect, count, one_row
from retention.numerics.codes import distinct_segments
from retention.orders import MOST
from retention.signals.alarms.list_days import ids_as_numbers
from retention.signals.judging.judged_spells import ENDS, Judging, spells_until_seen
from retention.tables import (
    ALARMS,
    VALUES,
    refuse_other_ids,
    require,
    segments,
    typed_as,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Matched:
    """Alarms that lie in spells, and all spells, by segment.

    Attributes:
        names: the segment columns.
        keys: the segments, sorted.
        signals: what rang, sorted.
        aside: alarms in no spell, by signal and segment.
        alarms: of each in a spell `signal`, `segment`, `customer` and `spell` as numbers, `day`,
            `after` (days to the end, or as far as seen), `ended`, `due` (1 if its spell ended when
            it could have been warned of in full), `value`.
        spells: `segment`, `watched` (days at risk), `left`, `due`, `n`, `value` and `valued` (the
            sum of values, and of how many it is).
    """

    names: tuple[str, ...]
    keys: list[tuple[str, ...]]
    signals: list[str]
    aside: NDArray[np.int64]
    alarms: Columns
    spells: Columns

    def parts(self) -> list[tuple[int, int, Columns]]:
        """Each segment and signal, as the numbers of signal and segment, with its alarms."""
        n = len(self.signals)
        key = self.alarms["segment"] * n + self.alarms["signal"]
        order = np.argsort(key, kind="stable")
        edges = np.searchsorted(key[order], np.arange(len(self.keys) * n + 1))
        sorted_alarms = {name: values[order] for name, values in self.alarms.items()}
        return [
            (at % n, at // n, {k: v[start:stop] for k, v in sorted_alarms.items()})
            for at, (start, stop) in enumerate(pairwise(edges.tolist()))
        ]

    def labels(self, segment: int) -> dict[str, str]:
        """The columns that tell a segment."""
        return dict(zip(self.names, self.keys[segment], strict=True))

    def of_segment(self, segment: int) -> Columns:
        """The spells of a segment."""
        mine = self.spells["segment"] == segment
        return {name: values[mine] for name, values in self.spells.items()}


def matched_alarms(
    alarms: object,
    spells: object,
    values: object | None,
    *,
    terms: Judging,
    by: str | Sequence[str],
    working: Sequence[str],
    signals: Sequence[str] = (),
) -> Matched:
    """Alarms in the spells in which they rang, with what became of these.

    Args:
        alarms: a table of alarms of any engine.
        spells: a table of spells.
        values: a table of values, None for none.
        terms: how they are judged.
        by: segment columns of spells.
        working: columns of the answer, which no segment may be named like.
        signals: what might have rung; else what did.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a table is empty or cannot be used as it is.
    """
    names = segments(by, ENDS, working=working)
    given = require(spells, ENDS, extra=names, adds="none")
    rang = _checked_alarms(given, alarms)
    ends = spells_until_seen(given, names, terms)
    worth = _spells_with_values(ends.filter(nw.col("_start") <= terms.last), given, values)
    many = collect(rang.group_by("signal").agg(nw.len().alias("n")))
    asked = sorted({*many["signal"].tolist(), *signals})
    within = collect(_alarms_within(rang, worth, terms, names), exact=True)
    counted = collect(_spells_counted(worth, terms, names))
    return _numbered_by_segment(within, counted, (names, asked, many))


def _checked_alarms(given: Frame, alarms: object) -> Frame:
    """The alarms on the engine of the spells, as `customer_id`, `signal` and `_day`."""
    checked = require(alarms, ALARMS, adds="none")
    refuse_other_ids(given, checked, ("spells", "alarms"))
    table = typed_as(beside(given, alarms, name="alarms"), checked)
    if not refuse_unsaid_alarms(table):
        raise ContentError("alarms is empty: nothing rang, so there is no signal to be judged.")
    return table.select(
        "customer_id",
        signal=nw.col("signal").cast(nw.String),
        _day=periods.day_expr("date", table.implementation).cast(nw.Int64),
    )


def refuse_unsaid_alarms(table: Frame) -> int:
    """How many alarms there are, once each says for whom it rang, when and what.

    Raises:
        ContentError: if one does not.
    """
    names = ("customer_id", "date", "signal")
    found = one_row(table.select(nw.len().alias("n"), nw.col(*names).count()))
    for name in names:
        if gaps := int(found["n"] - found[name]):
            raise ContentError(
                f"alarms: {count_of(gaps, 'row has', 'rows have')} no {name}. Leave them out."
            )
    return int(found["n"])


def _spells_with_values(ends: Frame, given: Frame, values: object | None) -> Frame:
    """The spells with the value of their customer, and 1 where it is known."""
    if values is None:
        return ends.with_columns(_value=nw.lit(0.0), _valued=nw.lit(0).cast(nw.Int64))
    checked = require(values, VALUES, adds="all")
    refuse_other_ids(given, checked, ("spells", "values"))
    table = beside(given, values, name="values")
    amount = nw.col("value").cast(nw.Float64)
    told = table.filter(~nw.col("customer_id").is_null()).select("customer_id", _value=amount)
    fit = (nw.col("_value") >= -MOST) & (nw.col("_value") <= MOST)
    blank = nw.col("_value").is_null() | nw.col("_value").is_nan()
    told = told.with_columns(_valued=count(fit & ~blank), _odd=count(~fit & ~blank))
    found = one_row(
        told.select(nw.len().alias("n"), nw.col("customer_id").n_unique(), nw.col("_odd").sum())
    )
    if twice := int(found["n"] - (found["customer_id"] or 0)):
        raise ContentError(
            f"values: {count_of(twice, 'row', 'rows')} too many. Give a row per customer: add up "
            "what one of them is worth."
        )
    if found["_odd"]:
        raise ContentError("values: a value is infinite, or beyond what money can be.")
    joined = ends.join(told.drop("_odd"), on="customer_id", how="left")
    known = nw.col("_valued") == 1
    return joined.with_columns(
        _value=nw.when(known).then(nw.col("_value")).otherwise(nw.lit(0.0)), _valued=count(known)
    )


def _alarms_within(rang: Frame, ends: Frame, terms: Judging, names: Sequence[str]) -> Frame:
    """Each alarm in the spell that it rang in, while both were observed."""
    met = rang.join(_spells_due(ends, terms), on="customer_id", how="inner")
    day, until = nw.col("_day"), nw.col("_until")
    here = (day < until) | ((day == until) & (nw.col("_left") == 0))
    inside = met.filter(here, day >= nw.col("_start"), day >= terms.first, day <= terms.last)
    whole = ("_day", "_start", "_left", "_due", "_valued")
    return inside.select(
        "customer_id",
        "signal",
        *names,
        *(nw.col(name).cast(nw.Int64) for name in whole),
        _after=(until - day).cast(nw.Int64),
        _value=nw.col("_value"),
    )


def _spells_due(ends: Frame, terms: Judging) -> Frame:
    """Spells with the days at risk, and whether their end could have been warned of in full."""
    start = nw.col("_start").cast(nw.Float64)
    opens = nw.when(start < terms.first).then(nw.lit(float(terms.first))).otherwise(start)
    days = nw.col("_until") - opens
    due = (nw.col("_left") == 1) & (nw.col("_until") >= terms.first + terms.horizon)
    return ends.with_columns(
        _watched=nw.when(days > 0).then(days).otherwise(nw.lit(0.0)).cast(nw.Int64),
        _due=count(due),
    )


def _spells_counted(ends: Frame, terms: Judging, names: Sequence[str]) -> Frame:
    """How many spells there are of each number of days at risk, and what the lost were worth."""
    due = nw.col("_due") == 1
    told = _spells_due(ends, terms).with_columns(
        _lost=nw.when(due).then(nw.col("_value")).otherwise(nw.lit(0.0)),
        _told=count(due & (nw.col("_valued") == 1)),
    )
    keys = (*names, "_watched", "_left", "_due")
    grouped = told.group_by(*keys).agg(
        nw.len().alias("_n"), nw.col("_lost").sum(), nw.col("_told").sum()
    )
    return grouped.with_columns(nw.col("_n", "_watched", "_left", "_due", "_told").cast(nw.Int64))


def _numbered_by_segment(
    within: Columns, counted: Columns, asked: tuple[Sequence[str], list[str], Columns]
) -> Matched:
    """The same as arrays, with signals, segments, customers and spells as numbers."""
    names, signals, many = asked
    if not counted["_n"].size:
        raise ContentError("spells: none had started by `as_of`, so nobody could be warned.")
    refused, _ = distinct_segments(counted, names)
    place = {signal: at for at, signal in enumerate(signals)}
    rang = np.array([place[one] for one in within["signal"].tolist()], np.int64)
    total = np.zeros(len(signals), np.int64)
    total[[place[one] for one in many["signal"].tolist()]] = many["n"].astype(np.int64)
    outside = total - np.bincount(rang, minlength=len(signals))
    keys = set(_keys_of_rows(refused, names)) or {()}
    if outside.any():
        keys.add((_NOWHERE,) * len(names))
    ordered = sorted(keys)
    number = {key: at for at, key in enumerate(ordered)}
    aside = np.zeros((len(signals), len(ordered)), np.int64)
    aside[:, number.get((_NOWHERE,) * len(names), 0)] = outside
    found = _alarms_as_numbers(within, rang, [number[key] for key in _keys_of_rows(within, names)])
    lasted = _spells_as_numbers(counted, [number[key] for key in _keys_of_rows(counted, names)])
    return Matched(tuple(names), ordered, signals, aside, found, lasted)


_NOWHERE = "(missing)"
"""The segment of alarms that lie in no spell."""


def _keys_of_rows(rows: Columns, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The segment of each row, in the order of the names."""
    if not names:
        return [()] * next(iter(rows.values())).size if rows else []
    return list(zip(*(rows[name].tolist() for name in names), strict=True))


def _spells_as_numbers(counted: Columns, segment: list[int]) -> Columns:
    told = {
        "segment": np.array(segment, np.int64),
        **{name: counted[f"_{name}"].astype(np.int64) for name in ("watched", "left", "due")},
        "n": counted["_n"].astype(np.int64),
        "value": counted["_lost"].astype(np.float64),
        "valued": counted["_told"].astype(np.int64),
    }
    return _sorted_columns(told, ("due", "left", "watched", "segment"))


def _sorted_columns(columns: Columns, by: Sequence[str]) -> Columns:
    """The rows in an order that does not hang on the engine's, the last column first."""
    order = np.lexsort([columns[name] for name in by])
    return {name: values[order] for name, values in columns.items()}


def _alarms_as_numbers(within: Columns, signal: Whole, segment: list[int]) -> Columns:
    customer, _ = ids_as_numbers(within["customer_id"])
    start, day, after = (within[name].astype(np.int64) for name in ("_start", "_day", "_after"))
    both = np.unique(np.stack([customer, start]), axis=1, return_inverse=True)[1]
    told = {
        "signal": signal,
        "segment": np.array(segment, np.int64),
        "customer": customer,
        "spell": both.ravel().astype(np.int64),
        "day": day,
        "after": after,
        "ended": within["_left"].astype(np.int64) == 1,
        "due": within["_due"].astype(np.int64) == 1,
        "value": within["_value"].astype(np.float64),
    }
    return _sorted_columns(told, ("day", "customer"))
