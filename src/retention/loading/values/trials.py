"""Days in force of contracts, and their trials: marked ones, and those that open a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError
from retention.loading.rows.contract_notes import OUT, START
from retention.loading.rows.row_checks import Check
from retention.loading.rows.text import OURS, flat_text, is_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from retention.frames import Frame
    from retention.loading.rows.columns import Source

_YES, _NO = ("true", "t", "yes", "y", "1", "1.0"), ("", "false", "f", "no", "n", "0", "0.0", "nan")
END, BEGAN, PAID = f"{OURS}end_day", f"{OURS}began", f"{OURS}paid"
"""End and start as they are written; of a contract with a trial, the first day after the trial."""


def with_days_in_force(
    source: Source, frame: Frame, policies: Mapping[str, str], as_of: date | None
) -> tuple[Frame, list[Check]]:
    """Start and end as numbers of days, the end as the first day out of force.

    Where trials are left out, a contract that begins with one starts on the first day after it.
    """
    engine, last = frame.implementation, int(policies["end_is"] != "first_day_out")
    frame = frame.with_columns(
        periods.day_expr(f"{OURS}start", engine).alias(START),
        periods.day_expr(f"{OURS}end", engine).alias(END),
    )
    frame = frame.with_columns((nw.col(END) + last).alias(OUT), nw.col(START).alias(BEGAN))
    if "trial_end" not in source.roles:
        return frame, []
    paid = periods.day_expr(f"{OURS}trial_end", engine) + last
    frame = frame.with_columns(paid.alias(PAID))
    tried = nw.col(PAID) > nw.col(BEGAN)
    checks = _checks_of_trial_ends(source, policies["trials"], tried, as_of)
    if policies["trials"] != "exclude":
        return frame, checks
    moved = nw.when(tried).then(nw.col(PAID)).otherwise(nw.col(START))
    return frame.with_columns(moved.alias(START)), checks


def with_trial_marks(source: Source, frame: Frame, policy: str) -> tuple[Frame, list[Check]]:
    """The checks on trials: that their mark reads as yes or no, and that they are wanted."""
    if "trial" not in source.roles:
        return frame, []
    column, mark = source.roles["trial"], f"{OURS}trial"
    dtype = source.schema[column]
    if not (is_text(dtype) or dtype.is_integer() or dtype.is_float() or dtype == nw.Boolean):
        raise ColumnError(f"trial: column {column!r} holds {dtype}, not yes or no.")
    frame = frame.with_columns(flat_text(column, dtype).str.to_lowercase().alias(mark))
    said, wanted = nw.col(mark), "Say `trials='exclude'` (they are no customers yet) or 'include'."
    odd = "A trial mark is true/false, yes/no, 1/0 or empty: recode the column."
    marked = None if policy == "include" else said.is_in(_YES)
    return frame, [
        Check("unreadable trial mark", mark, odd, ~said.is_in(_YES) & ~said.is_in(_NO)),
        Check("trial", source.roles["customer_id"], wanted, marked, drops=policy == "exclude"),
    ]


def _checks_of_trial_ends(
    source: Source, policy: str, tried: nw.Expr, as_of: date | None
) -> list[Check]:
    """That it is said what trials at the start are, and which of them nobody has paid for."""
    column, drops = source.roles["trial_end"], policy == "exclude"
    wanted = (
        "Say `trials='exclude'` (they are customers once the trial is over, if they stay) or "
        "'include'."
    )
    asked = tried if policy == "error" else None
    lapsed = tried & (nw.col(OUT) <= nw.col(PAID)) if drops else None
    until = None if as_of is None else periods.number_of(as_of)
    running = tried & (nw.col(PAID) > until) if drops and until is not None else None
    return [
        Check("trial", column, wanted, asked),
        Check("trial that did not convert", column, "", lapsed, drops=True),
        Check("trial that is not over", column, "", running, drops=True),
    ]
