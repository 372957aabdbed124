"""Exact duplicate lines: rows that repeat an earlier one in every column of the user's table.

All columns count, not only the named ones: two lines of one invoice may agree in customer, time,
quantity and price, and differ in the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames import as_lazy, collect, numbers_rows, one_row, rows_may_repeat
from retention.loading.rows.columns import ROW, with_flag
from retention.loading.rows.fingerprints import rows_of_like_fingerprint
from retention.loading.rows.row_checks import Check
from retention.loading.rows.text import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.loading.rows.columns import Source

_COPY, _LINE = f"{OURS}copy", f"{OURS}line"


def duplicate_check(source: Source, policy: str) -> Check:
    """The check on repeated lines, asked of rows whose fingerprints repeat only."""

    def with_flag_if_repeated(
        frame: Callable[[], Frame], look: Mapping[str, bool], flag: str
    ) -> Frame | None:
        if source.eager:
            rows = _repeated_rows(source)
            return with_flag(source, frame(), rows, flag) if rows.size else None
        apart = look["apart"]
        if numbers_rows(source.frame, source.schema):
            apart = not rows_may_repeat(source.frame, source.schema, few=look["few"])
        if apart or not _n_copies(source):
            return None
        numbered = _with_copy_numbers(source, frame(), order=_COPY)
        return numbered.with_columns((nw.col(_COPY) > 1).alias(flag))

    return Check(
        "exact duplicate line",
        source.roles["customer_id"],
        "They repeat an earlier row in every column. Say `duplicates='drop'` or "
        "`duplicates='keep'`.",
        later=None if policy == "keep" else with_flag_if_repeated,
        drops=policy == "drop",
        asks=True,
    )


def _repeated_rows(source: Source) -> NDArray[np.int64]:
    """The rows of an eager table that repeat an earlier one."""
    rows = rows_of_like_fingerprint(source)
    if not rows.size:
        return rows
    given = nw.from_native(cast("Any", source.table), eager_only=True)[rows]
    number = nw.new_series(ROW, rows, backend=given.implementation)
    frame = as_lazy(given.with_columns(number), name=source.kind.name)
    again = _with_copy_numbers(source, frame, order=ROW).filter(nw.col(_COPY) > 1)
    return np.sort(collect(again.select(ROW))[ROW]).astype(np.int64)


def _with_copy_numbers(source: Source, frame: Frame, *, order: str) -> Frame:
    """The frame with the copies of a line counted from 1."""
    names = list(source.schema)
    texts = {
        name: nw.col(name).cast(nw.String).alias(f"{_LINE}{i}")
        for i, name in enumerate(names)
        if isinstance(source.schema[name], nw.Object | nw.Unknown)  # no engine groups by these
    }
    line = [f"{_LINE}{i}" if name in texts else name for i, name in enumerate(names)]
    frame = frame.with_columns(nw.lit(1).alias(_COPY), *texts.values())
    return frame.with_columns(nw.col(_COPY).cum_sum().over(*line, order_by=order).alias(_COPY))


def _n_copies(source: Source) -> int:
    """How many rows of a lazy table repeat another."""
    lines = source.frame.group_by(*source.schema).agg(nw.len().alias(_COPY))
    extra = lines.with_columns(nw.col(_COPY).cast(nw.Int64) - 1)
    return int(one_row(extra.select(nw.col(_COPY).sum()))[_COPY] or 0)
