"""Contracts that may be counted twice: rows of one that overlap, one under two ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames import as_lazy, collect, one_row
from retention.loading.rows.columns import ROW
from retention.loading.rows.row_checks import Note, with_flag_of
from retention.loading.rows.text import OURS, value_as_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.frames import Frame
    from retention.loading.rows.columns import Source
    from retention.loading.rows.row_checks import Check

START, OUT = f"{OURS}start_day", f"{OURS}out"
"""First day in force and first day out of force, as numbers; the latter null while it runs."""

_ID, _AFTER, _UNTIL = f"{OURS}contract_id", f"{OURS}after", f"{OURS}until"
_APART = f"{OURS}apart"
_ONE = (f"{OURS}customer_id", _ID)
"""Rows of one contract: ids are given out by customer in some systems."""
_NEVER = 10**9  # days
_CUT = (
    "Their sales add up while they overlap. If a later row replaces an earlier one, say "
    "`overlaps='cut'` (the earlier one ends where the later one starts); if both hold, "
    "`overlaps='keep'`."
)
_SIDE = (
    "Neither ends the other, and their sales add up. If the last one replaces the others, keep it "
    "alone, in pandas: df = df.drop_duplicates({}, keep='last')."
)
_TWICE = (
    "They agree in everything but {column!r}, and both count. If they are one, leave out the "
    "second, in pandas: df = df.drop_duplicates(df.columns.drop({column!r}))."
)


def contracts_cut_at_next(frame: Frame, checks: Sequence[Check]) -> Frame:
    """Contracts of which each row ends, at the latest, where a later one of the same id starts.

    Rows that start on one day hold side by side. Those that fail a check end no other.
    """
    frame, one = with_flag_of(frame, checks, _APART), (*_ONE, _APART)
    following = nw.col(START).shift(-1).over(*one, order_by=START)
    frame = frame.with_columns(following.alias(_AFTER))
    frame = frame.with_columns(
        nw.when(nw.col(_AFTER) > nw.col(START)).then(nw.col(_AFTER)).alias(_AFTER)
    )
    frame = frame.with_columns(nw.col(_AFTER).max().over(*one, START).alias(_AFTER))
    lasts = nw.col(OUT).is_null() | (nw.col(OUT) > nw.col(_AFTER))
    cut = lasts & ~nw.col(_AFTER).is_null() & ~nw.col(_ID).is_null()
    return frame.with_columns(nw.when(cut).then(nw.col(_AFTER)).otherwise(nw.col(OUT)).alias(OUT))


def overlap_notes(source: Source, frame: Frame, *, cut: bool = False) -> list[Note]:
    """Rows of one contract id that begin before an earlier one of it is over.

    Args:
        source: the user's table.
        frame: the accepted rows.
        cut: whether later rows have ended earlier ones, so that only those are left that start on
            one day.
    """
    named = frame.filter(~nw.col(_ID).is_null()).with_columns(
        nw.col(OUT).fill_null(_NEVER).alias(_UNTIL)
    )
    named = named.with_columns(nw.col(_UNTIL).cum_max().over(*_ONE, order_by=START).alias(_UNTIL))
    named = named.with_columns(nw.col(_UNTIL).shift(1).over(*_ONE, order_by=START).alias(_UNTIL))
    rows = named.filter(nw.col(_UNTIL) > nw.col(START))
    told = [nw.len().alias("n"), nw.col(f"{OURS}customer_id").n_unique(), nw.col(_ID).min()]
    found = one_row(rows.select(*told))
    if not found["n"]:
        return []
    what, say = "rows of one contract_id that overlap in time", _CUT
    if cut:
        what = "rows of one contract_id that start on the same day as another"
        say = _SIDE.format([source.roles["contract_id"], source.roles["start"]])
    customers = int(found[f"{OURS}customer_id"])
    return [Note(what, int(found["n"]), customers, value_as_written(found[_ID]), say)]


def twin_notes(source: Source, frame: Frame) -> list[Note]:
    """Contracts that agree in every column of the user's table but the one of their ids."""
    column, who, most = source.roles["contract_id"], f"{OURS}who", f"{OURS}most"
    texts = {
        name: nw.col(name).cast(nw.String).alias(f"{OURS}{i}")
        for i, name in enumerate(source.schema)
        if isinstance(source.schema[name], nw.Object | nw.Unknown)  # no engine groups by these
    }
    keys = [
        f"{OURS}{i}" if name in texts else name
        for i, name in enumerate(source.schema)
        if name != column
    ]
    whole = _whole_rows(source, frame).filter(~nw.col(_ID).is_null())
    named = whole.with_columns(
        *texts.values(), nw.col(_ID).alias(most), nw.col(f"{OURS}customer_id").alias(who)
    )
    groups = named.group_by(*keys).agg(
        nw.col(_ID).min(), nw.col(most).max(), nw.len().alias("n"), nw.col(who).min()
    )
    twins = groups.filter(nw.col(_ID) < nw.col(most)).with_columns(nw.col("n").cast(nw.Int64))
    told = [nw.col("n").sum(), nw.col(who).n_unique(), nw.col(_ID).min()]
    found = one_row(twins.select(*told))
    if not found["n"]:
        return []
    what, customers = "equal contracts under several ids", int(found[who])
    say = _TWICE.format(column=column)
    return [Note(what, int(found["n"]), customers, value_as_written(found[_ID]), say)]


def _whole_rows(source: Source, frame: Frame) -> Frame:
    """The accepted rows with all of the user's columns beside our ids."""
    if not source.eager:
        return frame
    who = f"{OURS}customer_id"
    found = collect(frame.select(ROW, _ID, who).sort(ROW), exact=True)
    given = nw.from_native(cast("Any", source.table), eager_only=True)[found[ROW].astype(np.int64)]
    ids = [
        nw.new_series(name, found[name].tolist(), backend=given.implementation)
        for name in (_ID, who)
    ]
    return as_lazy(given.with_columns(*ids), name=source.kind.name, by_row=True)
