"""Pauses of contracts: from a day on nothing is in force and nothing is paid, until it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError, check_choice
from retention.loading.contract_days import contracts_with_dates
from retention.loading.rows.columns import ROW
from retention.loading.rows.contract_notes import OUT, START
from retention.loading.rows.row_checks import Check
from retention.loading.rows.text import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from retention.frames import Frame
    from retention.loading.rows.columns import Source

ROLES = ("pause_start", "pause_end")
_PAUSED, _BACK = f"{OURS}paused", f"{OURS}back"
_PIECE = f"{OURS}piece"
_NEVER = 10**9  # days


def check_pauses(roles: Mapping[str, str | None], pauses: str) -> None:
    """Refuse a word for pauses that is none, and pauses said by half.

    Raises:
        RetentionError: says what goes with what.
    """
    check_choice("pauses", pauses, ("error", "exclude", "include"))
    if roles["pause_end"] is not None and roles["pause_start"] is None:
        raise RetentionError("`pause_end=` is the end of a pause: say `pause_start=`, too.")
    if pauses != "error" and roles["pause_start"] is None:
        raise RetentionError(
            f"`pauses={pauses!r}` needs the column of when they start: say `pause_start=`."
        )


def contracts_with_pauses(
    source: Source, frame: Frame, policy: str
) -> tuple[Frame, list[Check], Callable[[Frame], Frame] | None]:
    """The days of a pause, its checks, and what parts a contract at its pause."""
    if "pause_start" not in source.roles:
        return frame, [], None
    engine, ends = frame.implementation, "pause_end" in source.roles
    back = periods.day_expr(f"{OURS}pause_end", engine) if ends else nw.lit(None, dtype=nw.Float64)
    start = periods.day_expr(f"{OURS}pause_start", engine)
    frame = frame.with_columns(start.alias(_PAUSED), back.alias(_BACK))
    checks = _checks_of_pauses(source, policy)
    if policy == "error":
        return frame, checks, None
    money = [role for role in ("sales", "profit") if f"{OURS}{role}" in frame.collect_schema()]

    def parted(rows: Frame) -> Frame:
        return _contracts_in_pieces(rows, money if policy == "include" else None, source.eager)

    return frame, checks, parted


def _checks_of_pauses(source: Source, policy: str) -> list[Check]:
    """That a pause has a start, ends after it, and that it is said what those in one are."""
    column, paused, back = source.roles["pause_start"], nw.col(_PAUSED), nw.col(_BACK)
    shows = source.roles.get("pause_end", column)
    wanted = (
        "Say `pauses='exclude'` (who is paused is no customer meanwhile) or 'include' (a customer "
        "who pays nothing)."
    )
    fill = "Fill in when it started, or leave those rows out."
    order = "They go on before they are paused: correct them or leave those rows out."
    throughout = (paused <= nw.col(START)) & (back.is_null() | (back >= nw.col(OUT)))
    gone = ~paused.is_null() & throughout if policy == "exclude" else None
    return [
        Check("end of a pause without its start", shows, fill, paused.is_null() & ~back.is_null()),
        Check("end of a pause before its start", shows, order, back < paused),
        Check("pause", column, wanted, ~paused.is_null() if policy == "error" else None, asks=True),
        Check("paused from the first day to the last", column, "", gone, drops=True, asks=True),
    ]


def _contracts_in_pieces(rows: Frame, free: Sequence[str] | None, eager: bool) -> Frame:
    """Each contract up to its pause and after it; between them, where it is free, for nothing."""
    start, out = nw.col(START), nw.col(OUT)
    paused = nw.col(_PAUSED).fill_null(_NEVER)
    back = nw.when(nw.col(_PAUSED).is_null()).then(nw.lit(_NEVER)).otherwise(nw.col(_BACK))
    until = out.fill_null(_NEVER)
    ends = rows.with_columns(
        paused.alias(_PAUSED), back.fill_null(_NEVER).alias(_BACK), until.alias(OUT)
    )
    first, last = nw.max_horizontal(START, _PAUSED), nw.min_horizontal(OUT, _PAUSED)
    pieces = [
        ends.with_columns(last.alias(OUT), nw.lit(0).alias(_PIECE)),
        ends.with_columns(nw.max_horizontal(START, _BACK).alias(START), nw.lit(2).alias(_PIECE)),
    ]
    if free is not None:
        between = ends.with_columns(
            first.alias(START), nw.min_horizontal(OUT, _BACK).alias(OUT), nw.lit(1).alias(_PIECE)
        )
        nothing = {f"{OURS}{role}": nw.lit(0.0) for role in free}
        pieces.append(between.with_columns(**nothing))
    parted = nw.concat(pieces).filter(start < out)
    parted = parted.with_columns(nw.when(out < _NEVER).then(out).alias(OUT))
    if eager:
        parted = parted.sort(ROW, _PIECE)
    return contracts_with_dates(parted)
