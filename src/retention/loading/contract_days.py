"""The days of contracts: when they start, when a trial is over, and the first day out of force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError, count_of
from retention.frames import Frame, count, one_row
from retention.loading.rows.contract_notes import OUT, START
from retention.loading.rows.row_checks import Check
from retention.loading.rows.text import OURS, flat_text, is_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from retention.loading.rows.columns import Source

_YES, _NO = ("true", "t", "yes", "y", "1", "1.0"), ("", "false", "f", "no", "n", "0", "0.0", "nan")
_START, _END, _OUT, _ID = START, f"{OURS}end_day", OUT, f"{OURS}customer_id"
BEGAN, _PAID = f"{OURS}began", f"{OURS}paid"
"""The start as it is written; of a contract with a trial, the first day after the trial."""


def contracts_with_days(
    source: Source, frame: Frame, policies: Mapping[str, str], as_of: date | None
) -> tuple[Frame, list[Check]]:
    """Start and end as numbers of days, the end as the first day out of force.

    Where trials are left out, a contract that begins with one starts on the first day after it.
    """
    engine, last = frame.implementation, int(policies["end_is"] != "first_day_out")
    frame = frame.with_columns(
        periods.day_expr(f"{OURS}start", engine).alias(_START),
        periods.day_expr(f"{OURS}end", engine).alias(_END),
    )
    out = _first_day_out(frame, policies["end_is"])
    frame = frame.with_columns(out.alias(_OUT), nw.col(_START).alias(BEGAN))
    if "trial_end" not in source.roles:
        return frame, []
    paid = periods.day_expr(f"{OURS}trial_end", engine) + last
    frame = frame.with_columns(paid.alias(_PAID))
    tried = nw.col(_PAID) > nw.col(BEGAN)
    checks = _checks_of_trial_ends(source, policies["trials"], tried, as_of)
    if policies["trials"] != "exclude":
        return frame, checks
    moved = nw.when(tried).then(nw.col(_PAID)).otherwise(nw.col(_START))
    return frame.with_columns(moved.alias(_START)), checks


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
    lapsed = tried & (nw.col(_OUT) <= nw.col(_PAID)) if drops else None
    until = None if as_of is None else periods.number_of(as_of)
    running = tried & (nw.col(_PAID) > until) if drops and until is not None else None
    return [
        Check("trial", column, wanted, asked, asks=True),
        Check("trial that did not convert", column, "", lapsed, drops=True, asks=True),
        Check("trial that is not over", column, "", running, drops=True, asks=True),
    ]


def _first_day_out(frame: Frame, end_is: str) -> nw.Expr:
    """The number of the first day out of force: of an end that is a month, the next month's."""
    if end_is == "first_day_out":
        return nw.col(_END)
    out, spans = nw.col(_END) + 1, f"{OURS}end_spans"
    if spans in frame.collect_schema():
        month = periods.step_expr(f"{OURS}end", _END, "month") + nw.col(spans)
        next_month = periods.first_day_number(month, "month")
        out = nw.when(nw.col(spans) > 0).then(next_month).otherwise(out)
    return out


def contracts_with_dates(frame: Frame) -> Frame:
    """Start and end as whole days."""
    engine = frame.implementation
    return frame.with_columns(
        periods.date_expr(nw.col(_START), engine).alias(f"{OURS}start"),
        periods.date_expr(nw.col(_OUT), engine).alias(f"{OURS}end"),
    )


def contracts_with_trial_marks(
    source: Source, frame: Frame, policy: str
) -> tuple[Frame, list[Check]]:
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
        Check(
            "trial",
            source.roles["customer_id"],
            wanted,
            marked,
            drops=policy == "exclude",
            asks=True,
        ),
    ]


def late_start_check(source: Source, as_of: date | None) -> Check:
    """The check that no contract starts after the last observed day."""
    fails = None if as_of is None else nw.col(BEGAN) > periods.number_of(as_of)
    advice = "Nothing after `as_of` is observed: leave those rows out, or say a later `as_of`."
    return Check("start after as_of", source.roles["start"], advice, fails)


def unsaid_end_check(source: Source, end_is: str) -> Check:
    """The check that it is said what an end means, with what the table tells of it."""
    filled = ~nw.col(_END).is_null()
    if "trial_end" in source.roles:
        filled = filled | ~nw.col(_PAID).is_null()
    fails = filled if end_is == "error" else None
    return Check("end of unsaid meaning", source.roles["end"], _evidence_on_ends, fails, asks=True)


def too_short_check(source: Source) -> Check:
    """The check that a contract was in force for a day."""
    advice = "They were in force for no day: correct them or leave those rows out."
    return Check("end before start", source.roles["end"], advice, nw.col(_OUT) <= nw.col(BEGAN))


def _evidence_on_ends(frame: Frame) -> str:
    """What to say about ends, with what the customers' next contracts tell about their meaning."""
    starts = frame.select(_ID, nw.col(_START).alias("next")).unique()
    ends = frame.filter(nw.col(_END) > nw.col(_START)).select(_ID, nw.col(_END).alias("next"))
    found = []
    for gap in (0, 1):
        due = ends.with_columns(nw.col("next") + gap)
        renewed = due.join(starts, on=[_ID, "next"], how="inner").select(nw.len().alias("n"))
        found.append(int(one_row(renewed)["n"]))
    all_ends = one_row(frame.select(n=count(~nw.col(_END).is_null())).select(nw.col("n").sum()))[
        "n"
    ]
    return (
        "Say `end_is='last_day'` (in force that day) or `end_is='first_day_out'`. An end that "
        "is the "
        f"last day, read as the first day out, makes every renewal churn. Of {int(all_ends):,} "
        f"ends, {count_of(found[1], 'is', 'are')} followed by a contract of the same customer "
        f"from the next day on (as after a last day), {found[0]:,} by one from the same day on."
    )
