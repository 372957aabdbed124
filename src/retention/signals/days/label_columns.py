"""The columns of labels, whatever made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import in_kind_of
from retention.tables.answer_columns import numbers, texts, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame

LABELS_MADE = (
    *numbers("churned"),
    *times("label_from", "label_to", "known_on"),
    *texts("label_reason"),
)
NAMES = tuple(column.name for column in LABELS_MADE)
NOT_OVER = "window not over"


def labelled(rows: Frame, like: IntoFrameT, names: Sequence[str]) -> IntoFrameT:
    """Snapshots with labels, in the caller's kind.

    Args:
        rows: snapshots with `_label` (1, 0), `_from`, `_to`, `_known` (days as numbers, null where
            there is none) and `_why`, null where the label is known.
        like: the table that the caller gave.
        names: its columns.
    """
    why = nw.col("_why")
    known = nw.when(why.is_null()).then(nw.col("_label")).cast(nw.Float64)
    days = {"label_from": "_from", "label_to": "_to", "known_on": "_known"}
    engine = rows.implementation
    whole = rows.with_columns(
        **{f"{name}_day": nw.col(name).fill_null(0).cast(nw.Int64) for name in days.values()}
    )
    dates = {
        made: nw.when(~nw.col(name).is_null()).then(
            periods.date_expr(nw.col(f"{name}_day"), engine)
        )
        for made, name in days.items()
    }
    answer = whole.select(*names, churned=known, **dates, label_reason=why)
    order = [name for name in ("customer_id", "as_of", "spell") if name in names]
    return in_kind_of(answer, like, order=order, keep_type=names)
