"""The one mechanism of checks: a row's reason is the first check it fails, in a documented order.

`as_…` refuses a table with every problem in one error; `audit` sets the same rows aside. Both
judge the same reading, so that one accepts exactly what the other sets nothing aside of.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import MOST_SORTED, Frame, conditions_met, count, numbers_rows, one_row
from retention.loading.rows.columns import (
    CHOSEN,
    ROW,
    Source,
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
    flags = {flag_name(check): check.fails for check in reading.checks if check.fails is not None}
    look, n_rows = _first_look(reading, flags)
    failing = [check for check in reading.checks if look.get(flag_name(check))]
    failed = {name: fails for name, fails in flags.items() if look[name]}
    frame = reading.frame.with_columns(**failed) if failed else reading.frame
    for i, check in enumerate(reading.checks):
        if check.later is not None:
            before = [c for c in failing if c in reading.checks[:i]]
            found = check.later(partial(_with_first_reason, frame, before), look, flag_name(check))
            if found is not None and reading.source.choices:
                found = _flagged_if_meant(found, flag_name(check))
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


def _first_look(reading: Reading, flags: Mapping[str, nw.Expr]) -> tuple[dict[str, bool], int]:
    """Whether any row fails each check, and whatever else the door asked, and how many there are.

    "apart" says that all lines of a lazy table differ in their fingerprint, "few" that there are so
    few that their numbers may be sorted in memory.
    """
    others = {f"other {o.name}": o.other for o in reading.outputs if o.other is not None}
    source, frame = reading.source, reading.frame
    asked = {**others, **reading.signs, **signs_of_years(source, frame)}
    names = {sign: f"{OURS}sign{i}" for i, sign in enumerate(asked)}
    conditions = {**flags, **{names[sign]: holds for sign, holds in asked.items()}}
    further = {_N: nw.len()}
    if reading.repeats and not source.eager and not numbers_rows(source.frame, source.schema):
        frame = frame.with_columns(fingerprint(source).alias(_PRINT))
        further[_PRINT] = nw.col(_PRINT).n_unique()
    found = conditions_met(frame, conditions, further)
    look = {sign: bool(found[names.get(sign, sign)]) for sign in (*flags, *asked)}
    apart, n_rows = found.get(_PRINT) == found[_N], int(found[_N])
    few = n_rows <= MOST_SORTED
    return {**look, "rows": n_rows > 0, "few": few, "apart": apart}, n_rows


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


def flag_name(check: Check) -> str:
    """The name of the column that says where a row fails a check."""
    return f"{OURS}fails {check.reason}"


def _with_first_reason(frame: Frame, checks: Sequence[Check]) -> Frame:
    reason: nw.Expr = nw.lit(None, dtype=nw.String)
    for check in reversed(checks):
        reason = nw.when(nw.col(flag_name(check))).then(nw.lit(check.reason)).otherwise(reason)
    return frame.with_columns(reason.alias(REASON))
