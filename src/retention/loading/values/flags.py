"""Flags: true/false, yes/no, y/n and 1/0, as numbers that can also say that nothing was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ColumnError
from retention.loading.rows.row_checks import Check
from retention.loading.rows.text import LOW_BLANKS, OURS, flat_text, is_text

if TYPE_CHECKING:
    from retention.frames import Frame
    from retention.loading.rows.columns import Source

_YES, _NO = ("yes", "y", "true", "1", "1.0"), ("no", "n", "false", "0", "0.0")


def read_flag(source: Source, frame: Frame, role: str) -> tuple[Frame, list[Check]]:
    """The frame with a flag as 1.0, 0.0 or null where nothing was said, and its checks.

    The first check is that something was said; whoever allows that leaves it out.

    Raises:
        ColumnError: if the column holds dates, or anything else that is no flag.
    """
    column, said = source.roles[role], f"{OURS}{role}_said"
    dtype = source.schema[column]
    text = is_text(dtype)
    if not (text or dtype.is_numeric() or dtype == nw.Boolean):
        raise ColumnError(f"`{role}`: column {column!r} holds {dtype}, not true or false.")
    if text:
        frame = frame.with_columns(flat_text(column, dtype).alias(f"{said}_text"))
        frame = frame.with_columns(nw.col(f"{said}_text").str.to_lowercase().alias(said))
        blank = nw.col(said).is_in(LOW_BLANKS)
    else:
        frame = frame.with_columns(nw.col(column).cast(nw.Float64).alias(said))
        frame = frame.with_columns(nw.when(~nw.col(said).is_nan()).then(nw.col(said)).alias(said))
        blank = nw.col(said).is_null()
    yes = nw.col(said).is_in(_YES if text else [1.0])
    no = nw.col(said).is_in(_NO if text else [0.0])
    number = nw.when(yes).then(nw.lit(1.0)).when(no).then(nw.lit(0.0))
    advice = "Write true or false, yes or no, or 1 or 0."
    return frame.with_columns(number.alias(f"{OURS}{role}")), [
        Check(f"blank {role}", column, "Fill them in or leave those rows out.", blank),
        Check(f"{role} that is neither yes nor no", column, advice, ~blank & ~yes & ~no),
    ]
