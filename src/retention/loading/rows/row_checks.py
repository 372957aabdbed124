"""The one mechanism of checks: a row's reason is the first check it fails, in a documented order.

`as_…` refuses a table with every problem in one error; `audit` sets the same rows aside. Both
judge the same reading, so that one accepts exactly what the other sets nothing aside of.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ContentError, count_of, warn
from retention.frames import Frame, count, one_row
from retention.loading.rows.columns import (
    CHOSEN,
    ROW,
    Source,
    example_in_words,
    example_value,
    signs_of_years,
)
from retention.loading.rows.fingerprints import fingerprint
from retention.loading.rows.text import (
    ADVICE_ON_YEARS,
    OURS,
    advice_on_months,
    signs_that_occur,
    value_as_written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def _no_notes(_: Frame, __: int) -> tuple[()]:
    return ()


REASON = f"{OURS}reason"
"""Why a row is not accepted: the reason of the first check it fails, null if it fails none."""

_N, _PRINT = f"{OURS}n", f"{OURS}print"


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """One thing that can be wrong with a row.

    `fails` holds where it is wrong, null where it cannot be. `later` stands for checks that need
    more than the row: it is given the frame on demand (with `REASON` from the checks before it),
    what the first look told and the name of the flag to add, and answers None if no row fails.
    `advice` says what to do, and may look at the frame for it. `asks` says that a keyword answers
    it; else nothing helps such a row but a correction, and it is incomplete.
    """

    reason: str
    shows: str
    advice: str | Callable[[Frame], str]
    fails: nw.Expr | None = None
    later: Callable[[Callable[[], Frame], Mapping[str, bool], str], Frame | None] | None = None
    drops: bool = False
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """A column on its way out: its name, where it stands, and where it is unlike "17850.0".

    If no row is unlike it, these are whole numbers that a float turned into text: ".0" goes.
    """

    name: str
    column: str
    other: nw.Expr | None = None

    def expr(self, look: Mapping[str, bool]) -> nw.Expr:
        """The column under its name."""
        value = nw.col(self.column)
        if self.other is not None and not look[f"other {self.name}"]:
            value = value.str.replace_all(r"\.0$", "")
        return value.alias(self.name)


@dataclass(frozen=True, slots=True)
class TableFault:
    """What is wrong with a table as a whole if one sign holds and another does not.

    `asks` says that it leaves open what rows mean: an audit cannot answer that either.
    """

    holds: str
    lacks: str
    text: str
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What deserves a look in a table, though nothing is refused for it.

    Attributes:
        note: what it is, in the words of the table.
        rows: how many rows it concerns.
        customers: how many customers, as the table has them.
        first_example: the smallest case.
        advice: what to do if it is as it seems.
    """

    note: str
    rows: int
    customers: int
    first_example: str
    advice: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A table as read: the user's columns, the values, the checks in order and what comes out.

    `signs` are further questions to the first look; `faults` concern the table as a whole; `notes`
    looks at the accepted rows, of which there are so many, for what deserves a look; `repeats` says
    whether repeated lines matter; `may_be_empty` says
    that a table without rows has a meaning, too; `shuffled`, that the rows of an eager table may
    have lost their order, as DuckDB's windows and joins lose it; `parted` makes several rows of
    some accepted ones.
    """

    source: Source
    frame: Frame
    checks: Sequence[Check]
    outputs: Sequence[Output]
    signs: Mapping[str, nw.Expr] = field(default_factory=dict)
    faults: Sequence[TableFault] = ()
    notes: Callable[[Frame, int], Sequence[Note]] = _no_notes
    repeats: bool = True
    may_be_empty: bool = False
    shuffled: bool = False
    parted: Callable[[Frame], Frame] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A reading after its checks: which of them some row fails, and every row's reason."""

    reading: Reading
    frame: Frame
    failing: Sequence[Check]
    look: Mapping[str, bool]
    n_rows: int

    @property
    def accepted(self) -> Frame:
        """The rows that fail no check, as the door hands them out."""
        frame = self._rows_left
        shuffled = self.reading.shuffled or any(check.later for check in self.failing)
        if shuffled and self.reading.source.eager:
            frame = frame.sort(ROW)  # DuckDB's window functions, under PyArrow, shuffle the rows
        if self.reading.parted is not None:
            frame = self.reading.parted(frame)
        return frame.select(*(output.expr(self.look) for output in self.reading.outputs))

    @property
    def notes(self) -> Sequence[Note]:
        """What deserves a look in the accepted rows."""
        if not self.n_rows:
            return ()
        left, reading = self._rows_left, self.reading
        notes = [*_month_notes(reading.source, left), *reading.notes(left, self.n_rows)]
        return [*notes, *_year_notes(reading.source, left, self.look)]

    @property
    def _rows_left(self) -> Frame:
        return self.frame.filter(nw.col(REASON).is_null()) if self.failing else self.frame


def with_flag_of(frame: Frame, checks: Sequence[Check], name: str) -> Frame:
    """The frame with 1 in a column of that name where a row fails one of the checks, else 0.

    Checks that need more than the row are not asked.
    """
    fails = [count(check.fails) for check in checks if check.fails is not None]
    fails += [count(~nw.col(CHOSEN))] if CHOSEN in frame.collect_schema() else []
    return frame.with_columns(nw.max_horizontal(nw.lit(0), *fails).alias(name))


def verdict_on_rows(reading: Reading) -> Judged:
    """Run the checks: one look at the table, and a second only where the first found something.

    Rows that are left out are asked nothing else.
    """
    reading = _reading_of_rows_meant(_reading_without_incomplete(reading))
    flags = {_flag_name(check): check.fails for check in reading.checks if check.fails is not None}
    frame = reading.frame.with_columns(**flags)
    look, n_rows = _first_look(reading, frame, list(flags))
    failing = [check for check in reading.checks if look.get(_flag_name(check))]
    for i, check in enumerate(reading.checks):
        if check.later is not None:
            before = [c for c in failing if c in reading.checks[:i]]
            found = check.later(partial(_with_first_reason, frame, before), look, _flag_name(check))
            if found is not None and reading.source.choices:
                found = _flagged_if_meant(found, _flag_name(check))
            if found is not None:
                frame, failing = found, [*failing, check]
    failing = [check for check in reading.checks if check in failing]
    if failing:
        frame = _with_first_reason(frame, failing)
        look |= _look_at_rest(reading, frame, look)
    return Judged(reading, frame, failing, look, n_rows)


def _look_at_rest(reading: Reading, frame: Frame, look: Mapping[str, bool]) -> dict[str, bool]:
    """How ids go out by those of rows that fail no check: names of columns, repeated, are none."""
    others = {f"other {o.name}": o.other for o in reading.outputs if o.other is not None}
    left = nw.col(REASON).is_null()
    asked = {sign: left & other for sign, other in others.items() if look[sign]}
    return signs_that_occur(frame, asked)


def _flagged_if_meant(frame: Frame, flag: str) -> Frame | None:
    """The frame with a flag of rows that are meant only; None if there is none of them."""
    frame = frame.with_columns((nw.col(flag) & nw.col(CHOSEN)).alias(flag))
    return frame if signs_that_occur(frame, {flag: nw.col(flag)})[flag] else None


def _reading_without_incomplete(reading: Reading) -> Reading:
    """The reading that leaves incomplete rows out, if that is asked."""
    if not reading.source.drops_incomplete:
        return reading
    checks = [replace(c, drops=c.drops or not c.asks) for c in reading.checks]
    return replace(reading, checks=checks)


def _reading_of_rows_meant(reading: Reading) -> Reading:
    """The reading with checks that leave rows out first, and no other check of such rows."""
    source = reading.source
    if not source.choices:
        return reading
    out = [
        Check(c.reason, c.column, c.advice, nw.col(c.flag), drops=not c.advice)
        for c in source.choices
    ]
    others = [
        check if check.fails is None else replace(check, fails=source.among_meant(check.fails))
        for check in reading.checks
    ]
    signs = {sign: source.among_meant(holds) for sign, holds in reading.signs.items()}
    outputs = [
        output if output.other is None else replace(output, other=source.among_meant(output.other))
        for output in reading.outputs
    ]
    return replace(reading, checks=[*out, *others], signs=signs, outputs=outputs)


def _first_look(
    reading: Reading, frame: Frame, flags: Sequence[str]
) -> tuple[dict[str, bool], int]:
    """Whether any row fails each check, and whatever else the door asked, and how many there are.

    "apart" says that all lines of a lazy table differ in their fingerprint.
    """
    others = {f"other {o.name}": o.other for o in reading.outputs if o.other is not None}
    asked = {flag: nw.col(flag) for flag in flags}
    years = signs_of_years(reading.source, frame)
    asked |= {**others, **reading.signs, **years, "rows": nw.lit(True)}
    names = {f"{OURS}sign{i}": condition for i, condition in enumerate(asked.values())}
    aggregates = [nw.len().alias(_N), *(nw.col(name).any() for name in names)]
    if reading.repeats and not reading.source.eager:
        names[_PRINT] = fingerprint(reading.source)
        aggregates.append(nw.col(_PRINT).n_unique())
    found = one_row(frame.with_columns(**names).select(*aggregates))
    look = {name: bool(found[ours]) for name, ours in zip(asked, names, strict=False)}
    return {**look, "apart": found.get(_PRINT) == found[_N]}, int(found[_N])


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
        more = verdict.reading.source.drops_incomplete * (
            " Without `incomplete='drop'` you are told what to say instead."
        )
        raise ContentError(f"{name}: nothing is left, every row was left out ({dropped}).{more}")
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


def _month_notes(source: Source, frame: Frame) -> list[Note]:
    """Dates that say no more than their month, where no format says that this is meant."""
    notes, schema = [], frame.collect_schema()
    for role in (role for role in source.roles if f"{OURS}{role}_months" in schema):
        text = f"{OURS}{role}_text"
        some = frame.filter(nw.col(f"{OURS}{role}_months"))
        found = one_row(some.select(nw.col(text).min(), nw.len().alias("n")))
        if n := int(found["n"]):
            what = f"months in {role} column {source.roles[role]!r}"
            notes.append(Note(what, n, n, repr(found[text]), advice_on_months(found[text])))
    return notes


def _year_notes(source: Source, frame: Frame, look: Mapping[str, bool]) -> list[Note]:
    """Dates before 1900 or after 2199, which other calendars are full of."""
    notes, odd = [], signs_of_years(source, frame)
    for role in (sign.removeprefix("year ") for sign in odd if look[sign]):
        day = nw.col(f"{OURS}{role}").cast(nw.Datetime("us"))
        rows = frame.filter(odd[f"year {role}"])
        found = one_row(rows.select(day.min().alias("first"), nw.len().alias("n")))
        if n := int(found["n"]):
            what = f"{role}s before 1900 or after 2199 in column {source.roles[role]!r}"
            notes.append(Note(what, n, n, value_as_written(found["first"]), ADVICE_ON_YEARS))
    return notes


def _flag_name(check: Check) -> str:
    return f"{OURS}fails {check.reason}"


def _with_first_reason(frame: Frame, checks: Sequence[Check]) -> Frame:
    reason: nw.Expr = nw.lit(None, dtype=nw.String)
    for check in reversed(checks):
        reason = nw.when(nw.col(_flag_name(check))).then(nw.lit(check.reason)).otherwise(reason)
    return frame.with_columns(reason.alias(REASON))


def _refusal_of_problems(
    verdict: Judged, problems: Sequence[Check], said: Sequence[str]
) -> ContentError:
    kind, source = verdict.reading.source.kind, verdict.reading.source
    rows, found = _failures_of_checks(verdict, problems)
    lines = [
        f" - {check.reason}: {_rows_in_words(n)}{_place_in_words(text, eager=source.eager)}. "
        + (check.advice if isinstance(check.advice, str) else check.advice(verdict.frame))
        for check, (n, text) in zip(problems, found, strict=True)
    ]
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


def _failures_of_checks(
    verdict: Judged, checks: Sequence[Check]
) -> tuple[int, list[tuple[int, str]]]:
    """How many rows fail each check, whatever else they fail, with the first of them."""
    frame, eager = verdict.frame, verdict.reading.source.eager
    columns, sums = {}, [nw.len().alias("rows")]
    for i, check in enumerate(checks):
        fails = nw.col(_flag_name(check))
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
