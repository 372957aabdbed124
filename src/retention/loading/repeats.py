"""Exact duplicate lines: rows that repeat an earlier one in every column of the user's table.

All columns count, not only the named ones: two lines of one invoice may agree in customer, time,
quantity and price, and differ in the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import as_lazy, one_row
from retention.loading.checks import Check
from retention.loading.columns import ROW
from retention.loading.text import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.frames import Frame
    from retention.loading.columns import Source

_COPY, _LINE = f"{OURS}copy", f"{OURS}line"


def check(source: Source, policy: str) -> Check:
    """The check on repeated lines, asked of the whole table only if fingerprints repeat."""

    def later(frame: Frame, look: Mapping[str, bool], flag: str) -> Frame | None:
        return None if look["apart"] else _with_repeats(source, frame, flag)

    return Check(
        "exact duplicate line",
        source.roles["customer_id"],
        "They repeat an earlier row in every column. Say duplicates='drop' or duplicates='keep'.",
        later=None if policy == "keep" else later,
        drops=policy == "drop",
    )


def _with_repeats(source: Source, frame: Frame, flag: str) -> Frame | None:
    """The frame with a flag on every copy of a line but the first; None if no line is repeated."""
    if not _n_copies(source):
        return None
    texts = _as_text(source.schema)
    line = [f"{_LINE}{i}" if name in texts else name for i, name in enumerate(source.schema)]
    named = zip(source.schema, line, strict=True)
    frame = frame.with_columns(
        nw.lit(1).alias(_COPY), *(texts[name].alias(ours) for name, ours in named if name in texts)
    )
    order = ROW if source.eager else _COPY
    copy = nw.col(_COPY).cum_sum().over(*line, order_by=order)
    frame = frame.with_columns(copy.alias(_COPY))
    return frame.with_columns((nw.col(_COPY) > 1).alias(flag))


def _as_text(schema: Mapping[str, nw.dtypes.DType]) -> dict[str, nw.Expr]:
    """Columns of mixed Python objects, which engines cannot group by as they are, as text."""
    odd = nw.Object | nw.Unknown
    return {n: nw.col(n).cast(nw.String) for n, dtype in schema.items() if isinstance(dtype, odd)}


def _n_copies(source: Source) -> int:
    """How many rows repeat an earlier one, counted by the engine that counts fastest."""
    frame, texts = as_lazy(source.table, name=source.kind.name), _as_text(source.schema)
    frame = frame.with_columns(**texts) if texts else frame
    lines = frame.group_by(*source.schema).agg(nw.len().alias(_COPY))
    extra = lines.with_columns(nw.col(_COPY).cast(nw.Int64) - 1)
    return int(one_row(extra.select(nw.col(_COPY).sum()))[_COPY] or 0)
