"""From spells to the few counts and arrays that every survival function works on.

A spell is at risk of ending at time t if entry < t ≤ duration; one without an entry, or with one of
0 or less, is at risk from the origin, time 0 included.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, RetentionError, RetentionWarning
from retention.frames import Columns, Frame, as_lazy, as_text, collect, count, one_row
from retention.tables import LIFETIMES, require, segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

MOST_GROUPS = 100_000
"""More distinct values than this are not segments but identifiers."""

_N = "_n"


@dataclass(frozen=True, slots=True)
class RiskSets:
    """The risk sets of one segment: who is at risk, leaves and enters at each duration.

    Attributes:
        key: the segment's values, in the order of `by`.
        duration: the distinct durations at which spells end or are censored, ascending.
        n_at_risk: spells with entry < duration that have lasted at least as long.
        n_churned: ends at that duration, a column a cause (one column where none was asked for).
        n_censored: spells seen no further than that.
        n_entered: spells that came under observation since the duration before.
        entries: the distinct entries after the origin, ascending.
        entering: how many spells come under observation then.
    """

    key: tuple[str, ...]
    duration: NDArray[Any]
    n_at_risk: NDArray[np.int64]
    n_churned: NDArray[np.int64]
    n_censored: NDArray[np.int64]
    n_entered: NDArray[np.int64]
    entries: NDArray[np.float64]
    entering: NDArray[np.int64]

    def at_risk(self, times: NDArray[Any]) -> NDArray[np.int64]:
        """Spells at risk at any durations, not only those at which one leaves."""
        place = np.searchsorted(self.duration, times)
        later = np.append(self.n_at_risk, 0)[place]
        # Of those at risk as the next one leaves, some have not come under observation yet.
        until = np.append(self.duration, np.inf)[place]
        joined = np.concatenate([[0], np.cumsum(self.entering)])
        ahead = np.searchsorted(self.entries, [until, times], side="left")
        return np.asarray(
            np.where(place < self.duration.size, later - joined[ahead[0]] + joined[ahead[1]], 0)
        )


@dataclass(frozen=True, slots=True)
class Histories:
    """Spells as arrays, one element a row of the table that can be used.

    Attributes:
        duration: as in the table, whole numbers or floats.
        churned: whether the end was seen.
        entry: time of coming under observation, −inf where from the origin; None if all are.
        weight: how many spells a row stands for; None if every row is one.
        columns: further columns that were asked for.
    """

    duration: NDArray[Any]
    churned: NDArray[np.bool_]
    entry: NDArray[np.float64] | None
    weight: NDArray[np.int64] | None
    columns: Columns

    @property
    def n(self) -> int:
        """How many spells there are."""
        return int(self.duration.size if self.weight is None else self.weight.sum())

    @property
    def weights(self) -> NDArray[np.int64]:
        """How many spells each row stands for, ones where each is one."""
        return np.ones(self.duration.size, np.int64) if self.weight is None else self.weight


def read(
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
    frame = _usable(spells, asked=columns or {}, table=table)
    names = [name for name in dict.fromkeys(asked) if name not in LIFETIMES.names]
    keys = ["duration", "churned", *(["entry"] if _has(frame, "entry") else []), *names]
    schema = frame.collect_schema()
    if collapse and not any(schema[name].is_float() for name in names):
        found = collect(_counted(_prepared(frame, keys), keys))
    else:
        found = collect(_prepared(frame, keys))
    return _histories(found, names)


def tally(spells: object, by: str | Sequence[str], *, cause: str = "") -> list[RiskSets]:
    """The risk sets of every segment, counted by the engine that holds the spells.

    Args:
        spells: a table of spells of any engine.
        by: segment columns.
        cause: column that says why a spell ended; `n_churned` then has a column for each of
            `causes_of`, in that order.

    Raises:
        as `read`.
    """
    return [group for _, group in _tallied(spells, by, cause)]


def tally_by_cause(
    spells: object, by: str | Sequence[str], *, cause: str
) -> tuple[list[str], list[RiskSets]]:
    """The causes there are, sorted, and the risk sets with a column of `n_churned` for each."""
    found = list(_tallied(spells, by, cause))
    return found[0][0], [group for _, group in found]


def by_columns(groups: Sequence[RiskSets], names: Sequence[str], sizes: Sequence[int]) -> Columns:
    """The segment columns of a long table in which each group has so many rows."""
    return {
        name: np.repeat(np.array([group.key[i] for group in groups], dtype=object), sizes)
        for i, name in enumerate(names)
    }


def _tallied(
    spells: object, by: str | Sequence[str], cause: str
) -> Iterator[tuple[list[str], RiskSets]]:
    names = segments(by, LIFETIMES)
    asked = {"by": names, **({"cause": [cause]} if cause else {})}
    frame = _usable(spells, asked=asked, table="spells")
    schema = frame.collect_schema()
    labels = [as_text(name, schema[name]) for name in names]
    if cause:
        labels.append(as_text(cause, schema[cause]).alias("_cause"))
    keys = [*names, "duration", "churned", *(["_cause"] if cause else [])]
    ends = collect(_counted(_prepared(frame, keys, labels), keys))
    _refuse_unusable(ends)
    entries = _entries(frame, names, labels[: len(names)])
    causes, places = _coded(ends, cause)
    codes, groups = _grouped(ends, entries, names)
    ended = _rows_of(codes[0], len(groups))
    joined = _rows_of(codes[1], len(groups)) if entries else None
    for i, key in enumerate(groups):
        here = {name: ends[name][ended[i]] for name in ("duration", "churned", _N)}
        late = [entries[name][joined[i]] for name in ("entry", _N)] if entries and joined else None
        yield causes, _risk_sets(key, here, late, places[ended[i]], len(causes))


def _usable(spells: object, *, asked: Mapping[str, Sequence[str]], table: str) -> Frame:
    """The spells that can be used; a warning for those that end before they are seen."""
    wanted = [*LIFETIMES.names, *(name for names in asked.values() for name in names)]
    present = as_lazy(spells, name=table, only=wanted).collect_schema()
    for argument, names in asked.items():
        for name in names:
            if name not in present:
                raise ColumnError.unknown(argument, name, present)
    frame = require(spells, LIFETIMES, extra=wanted[len(LIFETIMES.names) :], alone=True)
    _refuse_foresight(frame)
    if _has(frame, "set_aside"):
        frame = frame.filter(nw.col("set_aside").is_null())
    if not _has(frame, "entry"):
        return frame
    entry = nw.col("entry").cast(nw.Float64)
    entry = nw.when(~entry.is_nan()).then(entry)
    frame = frame.with_columns(entry=nw.when(entry > 0).then(entry))
    unseen = count(nw.col("entry") >= nw.col("duration")).sum().alias("n")
    if n := one_row(frame.select(unseen))["n"]:
        warnings.warn(
            f"{table}: {n:,} rows have an entry that is not before their duration, so they were "
            "never at risk under observation. They are left out.",
            RetentionWarning,
            stacklevel=5,
        )
    return frame.filter(nw.col("entry").is_null() | (nw.col("entry") < nw.col("duration")))


def _refuse_foresight(frame: Frame) -> None:
    if not _has(frame, "reactivation"):
        return
    said = one_row(frame.select(nw.col("reactivation").max().alias("said")))["said"]
    if said == "same_spell":  # sorts behind "new_spell"
        raise RetentionError(
            "spells: these were made with reactivation='same_spell', which knows of every silence "
            "whether it was going to end. Survival needs reactivation='new_spell'."
        )


def _prepared(frame: Frame, keys: Sequence[str], labels: Sequence[nw.Expr] = ()) -> Frame:
    weight = ["n_spells"] if _has(frame, "n_spells") else []
    named = frame.with_columns(*labels) if labels else frame
    return named.select(*keys, *weight)


def _counted(rows: Frame, keys: Sequence[str]) -> Frame:
    """How many spells there are of each kind, as a signed number on every engine."""
    total = nw.col("n_spells").sum() if _has(rows, "n_spells") else nw.len()
    return rows.group_by(*keys).agg(total.alias(_N)).with_columns(nw.col(_N).cast(nw.Int64))


def _entries(frame: Frame, names: Sequence[str], labels: Sequence[nw.Expr]) -> Columns | None:
    """How many spells come under observation when, of those that do so after the origin."""
    if not _has(frame, "entry"):
        return None
    late = _prepared(frame.filter(~nw.col("entry").is_null()), [*names, "entry"], labels)
    return collect(_counted(late, [*names, "entry"]))


def _coded(ends: Columns, cause: str) -> tuple[list[str], NDArray[np.intp]]:
    """The causes of seen ends, and for each row the place of its cause among them."""
    if not cause:
        return [""], np.zeros(ends["duration"].size, np.intp)
    churned = ends["churned"].astype(bool)
    causes = sorted(set(ends["_cause"][churned].tolist())) or ["(missing)"]
    place = {name: i for i, name in enumerate(causes)}
    return causes, np.array([place.get(name, 0) for name in ends["_cause"].tolist()], np.intp)


def _grouped(
    ends: Columns, entries: Columns | None, names: Sequence[str]
) -> tuple[list[NDArray[np.intp]], list[tuple[str, ...]]]:
    """For the rows of both tables the number of their segment, and the segments, sorted."""
    tables = [ends] if entries is None else [ends, entries]
    sizes = [table["duration" if table is ends else "entry"].size for table in tables]
    rows: list[tuple[str, ...]] = []
    for table, size in zip(tables, sizes, strict=True):
        columns = [table[name].tolist() for name in names]
        rows += list(zip(*columns, strict=True)) if names else [()] * size
    groups = sorted(set(rows))
    if len(groups) > MOST_GROUPS:
        raise ContentError(
            f"by: {', '.join(names)} makes {len(groups):,} segments; at most {MOST_GROUPS:,} can "
            "be told apart. Is it an identifier?"
        )
    place = {key: i for i, key in enumerate(groups)}
    codes = np.array([place[key] for key in rows], np.intp)
    return np.split(codes, np.cumsum(sizes)[:-1]), groups


def _rows_of(codes: NDArray[np.intp], n_groups: int) -> list[NDArray[np.intp]]:
    """The rows of each segment."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=n_groups))[:-1])


def _risk_sets(
    key: tuple[str, ...],
    ends: Columns,
    entered: Sequence[NDArray[Any]] | None,
    cause: NDArray[np.intp],
    n_causes: int,
) -> RiskSets:
    duration, place = np.unique(ends["duration"], return_inverse=True)
    churned, n = ends["churned"].astype(bool), ends[_N]
    left = np.zeros((duration.size, n_causes + 1), np.int64)
    np.add.at(left, (place, np.where(churned, cause, n_causes)), n)
    late = np.zeros(duration.size + 1, np.int64)
    entries, entering = (np.zeros(0), np.zeros(0, np.int64)) if entered is None else entered
    order = np.argsort(entries)
    np.add.at(late, np.searchsorted(duration, entries, side="right"), entering)
    gone = left.sum(axis=1)
    late[0] += gone.sum() - late.sum()  # from the origin on
    joined = late[:-1]
    before = np.concatenate([[0], np.cumsum(gone)[:-1]])
    return RiskSets(
        key=key,
        duration=duration,
        n_at_risk=np.cumsum(joined) - before,
        n_churned=left[:, :-1],
        n_censored=left[:, -1],
        n_entered=joined,
        entries=entries[order],
        entering=entering[order],
    )


def _histories(found: Columns, names: Sequence[str]) -> Histories:
    _refuse_unusable(found)
    entry = found.get("entry")
    if entry is not None:
        entry = entry.astype(np.float64)
        entry = None if np.isnan(entry).all() else np.where(np.isnan(entry), -np.inf, entry)
    weight = found.get(_N, found.get("n_spells"))
    if weight is not None:
        weight = weight.astype(np.int64)
    return Histories(
        duration=found["duration"],
        churned=found["churned"].astype(bool),
        entry=entry,
        weight=weight,
        columns={name: found[name] for name in names},
    )


def _refuse_unusable(found: Columns) -> None:
    """Refuse what cannot be a spell, in one message."""
    duration, churned = found["duration"], found["churned"]
    n = found.get(_N, found.get("n_spells"))
    n = np.ones(duration.size, np.int64) if n is None else n
    if not duration.size:
        raise ContentError("spells: there is none that can be used. Is the table empty?")
    real = duration.astype(np.float64)
    known = np.isin(churned.astype(object), [True, False]) if churned.dtype == object else None
    problems = {
        "a missing duration": np.isnan(real),
        "a negative duration": real < 0,
        "an infinite duration": np.isinf(real),
        "a missing churned": np.zeros(real.size, bool) if known is None else ~known,
    }
    said = [f"{int(n[bad].sum()):,} have {what}" for what, bad in problems.items() if bad.any()]
    weights = np.asarray(n, dtype=np.float64)
    if not (weights >= 1).all():
        said.append(f"{int((~(weights >= 1)).sum()):,} rows stand for fewer than 1 (n_spells)")
    if said:
        raise ContentError(f"spells: {'; '.join(said)}. Mend those rows or leave them out.")


def _has(frame: Frame, column: str) -> bool:
    return column in frame.collect_schema()
