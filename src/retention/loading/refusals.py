"""What a door says of a reading: the rows it accepts, or one refusal with every problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ContentError, count_of, warn
from retention.frames import count, one_row
from retention.loading.rows.columns import ROW, example_in_words, example_value
from retention.loading.rows.row_checks import REASON, flag_name, verdict_on_rows
from retention.loading.rows.text import OURS, signs_that_occur

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.frames import Frame
    from retention.loading.rows.row_checks import Check, Judged, Reading, TableFault


def accepted_rows(reading: Reading) -> Frame:
    """The accepted rows, or one error that lists every problem of the table.

    Raises:
        ContentError: if there is no row, or one that is neither accepted nor left out on request.
    """
    kind = reading.source.kind
    verdict = verdict_on_rows(reading)
    look = verdict.look
    if not look["rows"] and not reading.may_be_empty:
        raise ContentError(f"{kind.name} cannot be used: the table is empty, it has no row at all.")
    problems = [check for check in verdict.failing if not check.drops]
    said = [fault.text for fault in reading.faults if look[fault.holds] and not look[fault.lacks]]
    if problems or said:
        raise _refusal_of_problems(verdict, problems, said)
    if verdict.failing:
        _refuse_empty_rest(verdict)
    if reading.source.drops_incomplete:
        _warn_of_incomplete(verdict)
    _warn_of_notes(verdict)
    return verdict.accepted


def _refuse_empty_rest(verdict: Judged) -> None:
    """Refuse a table of which nothing is left, or nothing that is of use."""
    name, dropped = verdict.reading.source.kind.name, _dropped_reasons(verdict)
    if not signs_that_occur(verdict.frame, {"left": nw.col(REASON).is_null()})["left"]:
        chosen = {choice.reason for choice in verdict.reading.source.choices}
        incomplete = [c for c in verdict.failing if not c.asks and c.reason not in chosen]
        said = incomplete if verdict.reading.source.drops_incomplete else []
        lines, _ = _problems_in_words(verdict, said)
        head = f"{name}: nothing is left, every row was left out ({dropped})"
        raise ContentError("\n".join([head + (":" if lines else "."), *lines]))
    refuse_faults(verdict, verdict.reading.faults)


def refuse_faults(verdict: Judged, faults: Sequence[TableFault]) -> None:
    """Refuse a table whose accepted rows have one of these faults.

    Raises:
        ContentError: names the first.
    """
    reading, left = verdict.reading, nw.col(REASON).is_null()
    asked = {sign for fault in faults for sign in (fault.holds, fault.lacks)}
    if not asked:
        return
    found = verdict.look
    if verdict.failing:
        found = signs_that_occur(
            verdict.frame, {sign: left & reading.signs[sign] for sign in asked}
        )
    for fault in faults:
        if found[fault.holds] and not found[fault.lacks]:
            rest = (
                f", without the rows left out ({_dropped_reasons(verdict)})"
                if verdict.failing
                else ""
            )
            raise ContentError(f"{reading.source.kind.name}{rest}: {fault.text}")


def _warn_of_incomplete(verdict: Judged) -> None:
    """One warning that counts the rows left out because something in them is missing or wrong."""
    left_out = {choice.reason for choice in verdict.reading.source.choices}
    checks = [c for c in verdict.failing if not c.asks and c.reason not in left_out]
    reasons = {f"{OURS}n{i}": nw.col(REASON) == check.reason for i, check in enumerate(checks)}
    if not checks:
        return
    flags = verdict.frame.with_columns(**{name: count(holds) for name, holds in reasons.items()})
    found = one_row(flags.select(*(nw.col(name).sum() for name in reasons)))
    ns = [int(found[name] or 0) for name in reasons]
    said = ", ".join(f"{c.reason} {n:,}" for c, n in zip(checks, ns, strict=True) if n)
    if said:
        rows = f"{count_of(sum(ns), 'row')} of {verdict.n_rows:,}"
        warn(f"{verdict.reading.source.kind.name}: {rows} left out as incomplete: {said}.")


def _dropped_reasons(verdict: Judged) -> str:
    return ", ".join(check.reason for check in verdict.failing)


def _warn_of_notes(verdict: Judged) -> None:
    """One warning of all that deserves a look."""
    notes, door = verdict.notes, verdict.reading.source.kind.door
    if notes:
        said = " ".join(
            f"{note.note}: {count_of(note.rows, 'row')}, such as {note.first_example}. "
            f"{note.advice}"
            for note in notes
        )
        more = f" `audit({door}, ...)`.notes counts them."
        warn(f"{verdict.reading.source.kind.name}: nothing is refused, but look at {said}{more}")


def _refusal_of_problems(
    verdict: Judged, problems: Sequence[Check], said: Sequence[str]
) -> ContentError:
    kind, source = verdict.reading.source.kind, verdict.reading.source
    lines, rows = _problems_in_words(verdict, problems)
    lines += [f" - {text}" for text in said]
    many = f"{len(lines)} problem{'s' * (len(lines) > 1)} in {_rows_in_words(rows)}"
    counted = "; rows are counted from 0" if source.eager else ""
    head = f"{kind.name}: this table cannot be used as it is ({many}{counted}):"
    if problems:
        more = (
            " `incomplete='drop'` leaves out those that can only be corrected, and counts them."
            if not all(check.asks for check in problems)
            else ""
        )
        parts = f"`audit({kind.door}, ...)` parts such rows from those that can be used."
        lines.append(parts + more)
    return ContentError("\n".join([head, *lines]))


def _problems_in_words(verdict: Judged, problems: Sequence[Check]) -> tuple[list[str], int]:
    """A line for each check that rows fail, with what to do, and how many rows there are."""
    if not problems:
        return [], verdict.n_rows
    rows, found = _failures_of_checks(verdict, problems)
    eager = verdict.reading.source.eager
    return [
        f" - {check.reason}: {_rows_in_words(n)}{_place_in_words(text, eager=eager)}. "
        + (check.advice if isinstance(check.advice, str) else check.advice(verdict.frame))
        for check, (n, text) in zip(problems, found, strict=True)
    ], rows


def _failures_of_checks(
    verdict: Judged, checks: Sequence[Check]
) -> tuple[int, list[tuple[int, str]]]:
    """How many rows fail each check, whatever else they fail, with the first of them."""
    frame, eager = verdict.frame, verdict.reading.source.eager
    columns, sums = {}, [nw.len().alias("rows")]
    for i, check in enumerate(checks):
        fails = nw.col(flag_name(check))
        columns[f"{OURS}n{i}"] = count(fails)
        shows = nw.col(ROW) if eager else example_value(frame, check.shows)
        columns[f"{OURS}first{i}"] = nw.when(fails).then(shows)
        sums += [nw.col(f"{OURS}n{i}").sum(), nw.col(f"{OURS}first{i}").min()]
    found = one_row((frame.with_columns(**columns) if columns else frame).select(*sums))
    ns = [int(found[f"{OURS}n{i}"]) for i in range(len(checks))]
    firsts = [found[f"{OURS}first{i}"] for i in range(len(checks))]
    texts = [
        example_in_words(frame, c.shows, first) for c, first in zip(checks, firsts, strict=True)
    ]
    return int(found["rows"]), list(zip(ns, texts, strict=True))


def _rows_in_words(n: int) -> str:
    return f"{n:,} row{'s' * (n != 1)}"


def _place_in_words(text: str, *, eager: bool) -> str:
    return f", {'first in ' * eager}{text}" if text else ""
