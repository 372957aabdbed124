"""From spells to the few counts and arrays that every survival function works on.

A spell is at risk of ending at time t if entry < t ≤ duration; one without an entry, or with one of
0 or less, is at risk from the origin, time 0 included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, RetentionError, count_of, warn
from retention.frames import (
    Columns,
    Frame,
    as_lazy,
    collect,
    count,
    frame_at_hand,
    is_at_hand,
    numbers_of_values,
    one_row,
    rows_at_hand,
)
from retention.names import columns_as_asked, inner_name, own_name
from retention.numerics.keyed_rows import cells_of_keys
from retention.survival.counts.equal_moments import warn_of_rounding
from retention.survival.counts.own_rows import warn_of_overlaps
from retention.tables import LIFETIMES, keeping, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

N, LATE = own_name("n"), own_name("late")
"""Columns of counts: all spells, and those that were never at risk under observation."""

_NONE = "_none"


@dataclass(frozen=True, slots=True)
class Histories:
    """Spells as arrays, one element a row of the table that can be used.

    Attributes:
        duration: as in the table, whole numbers or floats.
        churned: whether the end was seen.
        entry: time of coming under observation, −inf where from the origin; None if all are.
        weight: how many spells a row stands for; None if every row is one.
        columns: further columns that were asked for.
        sampling: what each row weighs in a likelihood, if that is no count; None where it is.
    """

    duration: NDArray[Any]
    churned: NDArray[np.bool_]
    entry: NDArray[np.float64] | None
    weight: NDArray[np.int64] | None
    columns: Columns
    sampling: NDArray[np.float64] | None = None

    @property
    def n(self) -> int:
        """How many spells there are."""
        return int(self.duration.size if self.weight is None else self.weight.sum())

    @property
    def weights(self) -> NDArray[np.int64]:
        """How many spells each row stands for, ones where each is one."""
        return np.ones(self.duration.size, np.int64) if self.weight is None else self.weight

    @property
    def likelihood_weights(self) -> NDArray[Any]:
        """What each row weighs in a likelihood: so many spells, or its sampling weight."""
        return self.weights if self.sampling is None else self.sampling


_OF_ROWS = ("cause", "cluster", "sampling_weights")
"""Arguments that name a column of the rows, which none of a spell's own can be."""


def read_spells(
    spells: object,
    *,
    columns: Mapping[str, Sequence[str]] | None = None,
    collapse: bool = False,
    table: str = "spells",
) -> Histories:
    """The spells a fit or a score is made of, brought into Python.

    Args:
        spells: a table of spells of any engine.
        columns: further columns, under the name of the argument that asked for them.
        collapse: rows that are alike become one row and a weight, counted by the engine that holds
            the data; not where a further column holds decimals, of which no two are alike.
        table: what messages call it.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if it is empty, or a duration, an end or a weight is missing or impossible.
        RetentionError: if the spells look into the future.
    """
    asked = [name for names in (columns or {}).values() for name in names]
    for role in _OF_ROWS:
        for name in (columns or {}).get(role, ()):
            if name in LIFETIMES.names:
                raise ColumnError(f"{role}: {name!r} is a column of spells itself.")
    frame = usable_spells(spells, asked=columns or {}, table=table)
    names = [name for name in dict.fromkeys(asked) if name not in LIFETIMES.names]
    schema = frame.collect_schema()
    own = {name: inner_name(name) for name in names}
    # pandas' categories come out as what they are categories of: 1 and 2 would be numbers.
    classes = [name for name in own.values() if isinstance(schema[name], nw.Categorical | nw.Enum)]
    if classes:
        frame = frame.with_columns(nw.col(name).cast(nw.String) for name in classes)
    keys = ["duration", "churned", *(["entry"] if "entry" in schema else []), *own.values()]
    if collapse and not any(schema[name].is_float() for name in own.values()):
        found = columns_as_asked(collect(counts_of_spells(frame, keys)), names)
    else:
        weight = ["n_spells"] if "n_spells" in schema else []
        found = columns_as_asked(collect(frame.select(*keys, *weight)), names)
        if weight:
            found[N] = found["n_spells"]
    made = _histories_from_columns(found, names, table)
    warn_of_doubtful_rows(spells, made.duration, made.entry, table=table)
    return made


def warn_of_doubtful_rows(
    spells: object, duration: NDArray[Any], entry: NDArray[Any] | None, *, table: str
) -> None:
    """Warn of moments that are equal but for rounding, and of customers at risk twice at once.

    Args:
        spells: the caller's table.
        duration: the durations of those at risk under observation, or the distinct ones.
        entry: likewise the entries; None if nobody entered after the origin.
        table: what messages call it.
    """
    late = None if entry is None else entry[entry > 0]
    warn_of_rounding({"duration": duration, "entry": late}, table=table)
    if late is not None and late.size:
        warn_of_overlaps(spells, table=table)


def usable_spells(spells: object, *, asked: Mapping[str, Sequence[str]], table: str) -> Frame:
    """The spells that are not set aside, once it is sure that none of them knows the future."""
    _refuse_other_names(asked)
    wanted = [*LIFETIMES.names, *(inner_name(name) for names in asked.values() for name in names)]
    given = as_lazy(spells, name=table, only=wanted)
    present = given.collect_schema()
    for argument, names in asked.items():
        for name in names:
            if inner_name(name) not in present:
                raise ColumnError.unknown(argument, name, present, kept=keeping(LIFETIMES))
    frame = require(given, LIFETIMES, extra=wanted[len(LIFETIMES.names) :], alone=True)
    if "reactivation" in present:
        _refuse_foresight(frame)
    if "set_aside" in present:
        frame = frame.filter(nw.col("set_aside").is_null())
    exact = [name for name in ("duration", "entry") if present.get(name) == nw.Decimal]
    return frame.with_columns(nw.col(name).cast(nw.Float64) for name in exact) if exact else frame


def _refuse_other_names(asked: Mapping[str, Sequence[object]]) -> None:
    """What asks for a column is a name: a list of names where one is asked for is none."""
    for argument, names in asked.items():
        for name in names:
            if not isinstance(name, str) or not name:
                raise RetentionError(f"{argument} must be the name of one column; got {name!r}.")


def _refuse_foresight(frame: Frame) -> None:
    said = frame.select(_same=nw.col("reactivation").cast(nw.String))
    if one_row(said.filter(nw.col("_same") == "same_spell").select(nw.len().alias("n")))["n"]:
        raise RetentionError(
            "spells: these were made with reactivation='same_spell', which knows of every silence "
            "whether it was going to end. Survival needs reactivation='new_spell'."
        )


def counts_of_spells(frame: Frame, keys: Sequence[str], *, late: bool = False) -> Frame:
    """How many spells there are of each kind, as signed numbers on every engine.

    `_n` counts them all, `_late` those that were never at risk under observation, and `_none` the
    rows that stand for no spell.
    """
    marks: dict[str, nw.Expr] = {}
    each = nw.lit(1, nw.Int64)
    if "n_spells" in frame.collect_schema():
        each = nw.col("n_spells").cast(nw.Int64)
        marks = {N: each, _NONE: count(each.is_null() | (each < 1))}
    if late:
        marks[LATE] = nw.when(_never_at_risk(frame)).then(each).otherwise(nw.lit(0, nw.Int64))
    frame = frame.with_columns(**marks) if marks else frame
    total = [] if N in marks else [nw.len().alias(N)]
    counts = frame.group_by(*keys).agg(*total, *(nw.col(mark).sum() for mark in marks))
    return counts.with_columns(nw.col(name).cast(nw.Int64) for name in {N: 0, **marks})


def _never_at_risk(frame: Frame) -> nw.Expr:
    entry = nw.col("entry")
    never = (entry > 0) & (entry >= nw.col("duration"))
    # To some engines NaN is larger than any number.
    return never & ~entry.is_nan() if frame.collect_schema()["entry"].is_float() else never


def spell_kinds_at_hand(frame: Frame, keys: Sequence[str]) -> Frame | None:
    """The same of spells at hand, in the order of the keys.

    None of other tables, where a row stands for several, or a key is missing or no such.
    """
    if not is_at_hand(frame) or "n_spells" in frame.collect_schema():
        return None
    table = rows_at_hand(frame.select(*keys))
    flags = [name for name in keys if isinstance(table[name].dtype, nw.Boolean)]
    if any(table[name].is_null().any() for name in flags):
        return None
    marked = table.with_columns(nw.col(name).cast(nw.Int64) for name in flags)
    found = {name: numbers_of_values(marked[name]) for name in keys}
    known = {name: each for name, each in found.items() if each and not each.has_missing}
    if len(known) < len(found):
        return None
    counted = cells_of_keys({name: each.number for name, each in known.items()})
    if counted is None:
        return None
    cells, place = counted
    columns = {name: each.named(place[name]) for name, each in known.items()}
    columns |= {name: np.asarray(columns[name]) == 1 for name in flags}
    return frame_at_hand(columns | {N: cells.counts()}, frame.implementation)


def spells_under_observation(found: Columns, late: NDArray[np.int64], table: str) -> Columns:
    """Those that were at risk under observation; a warning counts the others."""
    if not late.any():
        return found
    n = found.get(N, np.ones(late.size, np.int64)) - late
    if not n.any():
        raise ContentError(f"{table}: none was at risk under observation. Is 'entry' right?")
    said = (
        "spell has an entry that is not before its duration, so it was never at risk under "
        "observation. It is left out.",
        "spells have an entry that is not before their duration, so they were never at risk under "
        "observation. They are left out.",
    )
    warn(f"{table}: {count_of(int(late.sum()), *said)}")
    left = {**found, N: n} if N in found else found
    return {name: values[n > 0] for name, values in left.items()}


def _histories_from_columns(found: Columns, names: Sequence[str], table: str) -> Histories:
    refuse_impossible_spells(found, table)
    if "entry" in found:
        entries = found["entry"].astype(np.float64)
        found["entry"] = np.where(entries > 0, entries, -np.inf)
        never = found["entry"] >= found["duration"].astype(np.float64)
        found = spells_under_observation(found, np.where(never, found.get(N, 1), 0), table)
    entry, weight = found.get("entry"), found.get(N)
    return Histories(
        duration=found["duration"],
        churned=found["churned"].astype(bool),
        entry=None if entry is None or np.isneginf(entry).all() else entry,
        weight=None if weight is None else weight.astype(np.int64),
        columns={name: found[name] for name in names},
    )


def refuse_impossible_spells(found: Columns, table: str) -> None:
    """Refuse what cannot be a spell, in one message."""
    from pandas import isna

    duration, n = found["duration"].astype(np.float64), found.get(N)
    if not duration.size:
        raise ContentError(
            f"{table}: there is none that can be used. Is the table empty, or all set aside?"
        )
    problems = {
        "a missing duration": np.isnan(duration),
        "a negative duration": duration < 0,
        "an infinite duration": np.isinf(duration),
        "a missing churned": np.asarray(isna(found["churned"])),
    }
    said = [
        f"{count_of(_number_of_spells(n, bad), 'has', 'have')} {what}"
        for what, bad in problems.items()
        if bad.any()
    ]
    if n is not None and (none := found.get(_NONE, ~(n >= 1))).any():
        said.append(
            f"{count_of(int(none.sum()), 'row stands', 'rows stand')} for fewer than 1 (n_spells)"
        )
    if said:
        raise ContentError(f"{table}: {'; '.join(said)}. Correct those rows or leave them out.")


def _number_of_spells(n: NDArray[Any] | None, rows: NDArray[np.bool_]) -> int:
    """How many spells some rows stand for, each for one at least."""
    if n is None:
        return int(rows.sum())
    return int(np.maximum(np.nan_to_num(n[rows].astype(np.float64)), 1).sum())
