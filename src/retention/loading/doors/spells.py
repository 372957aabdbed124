"""The door for spells that are there already: how long they lasted, and which ends were seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack, cast

import narwhals.stable.v2 as nw

from retention.errors import ColumnError, RetentionError, warn
from retention.frames import Frame, collect
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import Values, read_values
from retention.loading.rows.identity import id_notes
from retention.loading.rows.records import text_of_value
from retention.loading.rows.row_checks import Check, Output, Reading, TableFault
from retention.loading.rows.text import (
    BLANKS,
    LOW_BLANKS,
    OURS,
    Written,
    flat_text,
    is_text,
    value_as_written,
)
from retention.loading.values.amounts import is_fractional
from retention.tables import CUSTOMER, LIFETIMES, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.columns import Source

_REASON = Column("reason", "text", "why it ended, null where no end was seen", optional=True)
_ANSWER = [column for column in LIFETIMES.columns if column.name != "reactivation"]
_KIND = replace(LIFETIMES, columns=(replace(CUSTOMER, optional=True), *_ANSWER, _REASON))
_NUMBERS = ("duration", "entry", "n_spells")
_YES, _NO = ("yes", "y", "true", "1", "1.0"), ("no", "n", "false", "0", "0.0")
_HUGE = 2.0**63  # from here on no whole number of 64 bits
_TOO_LATE = "never at risk under observation"
_MARK, _TEXT, _CHURNED, _WHY, _WHY_TEXT, _ASIDE = (
    f"{OURS}{name}" for name in ("mark", "mark_text", "churned", "why", "why_text", "aside")
)
_NO_COUNT = "n_spells that is not a whole number of at least 1"


@dataclass(frozen=True, slots=True)
class _Meaning:
    """The marks of a seen end, and those of none (None: all others); text in lower case."""

    yes: Sequence[Any]
    no: Sequence[Any] | None
    text: bool

    @property
    def is_blank(self) -> nw.Expr:
        """Where there is no mark."""
        return nw.col(_MARK).is_in(LOW_BLANKS) if self.text else nw.col(_MARK).is_null()


@dataclass(frozen=True, slots=True)
class _Number(Output):
    """A number on its way out: a whole one, unless some row is unlike that."""

    def expr(self, look: Mapping[str, bool]) -> nw.Expr:
        """The column under its name."""
        value = nw.col(self.column)
        whole = self.other is None or not look[f"other {self.name}"]
        return (value.cast(nw.Int64) if whole else value).alias(self.name)


@entrance("duration", "churned", "entry", "customer_id", "n_spells", "reason")
def as_spells(
    table: IntoFrameT,
    *,
    duration: str,
    churned: str,
    entry: str | None = None,
    customer_id: str | None = None,
    n_spells: str | None = None,
    churned_is: object = None,
    reason: str | None = None,
    keep: str | Sequence[str] = (),
    blanks: Sequence[str] | None = None,
    decimal: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """Spells that you have already, checked and typed: the way into survival analysis.

    One row is one uninterrupted relationship of a customer, or several that are alike: how long it
    lasted, as far as it was seen, and whether its end was seen. It is at risk of ending at t if
    entry < t ≤ duration; with an entry above 0 and not below its duration it never was while it was
    observed, and comes back with that reason in `set_aside`.

    The checks, in this order: blank customer_id; a duration that is missing, no number, could be
    read in two ways, is below 0, infinite or beyond 2^63; a blank `churned`, or one of unsaid
    meaning; an entry that is no number, could be read in two ways, or is infinite; an `n_spells`
    that is missing, no number, could be read in two ways, or is not a whole number of at least 1.
    Text is read as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        duration: column of the time from start to end, or as far as it was seen, in any unit.
        churned: column of whether the end was seen.
        entry: column of the time at which it came under observation, in the unit of `duration`,
            empty where from its start.
        customer_id: column of whose spell it is: text or whole numbers.
        n_spells: column of how many spells the row stands for.
        churned_is: the value of `churned`, or a list of them, that says that the end was seen; any
            other says that it was not. Text counts in any case. Not needed for true/false, yes/no,
            y/n and 0/1; for R's codes 1/2 it is 2. Nothing but 1 could be either: say which.
        reason: column of why it ended: text or codes.
        keep: further columns to keep as they are.
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        decimal: the decimal sign of numbers in text, "." or ",".
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id` and `entry` (null where none),
        where named; `duration` (whole numbers if all are); `churned` (true or false); `n_spells`
        and `reason` (text, null where not churned), where named; `set_aside` (why it cannot be
        used, null if it can); the columns of `keep`. Rows keep their order.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.
        RetentionError: if `churned_is` can be no value of its column. A RetentionWarning says if it
            could, but is in no row.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> lung = pd.DataFrame({"time": [306, 1010, 90], "status": [2, 1, 1], "seen": [0, 5, 90]})
        >>> rt.as_spells(lung, duration="time", churned="status", churned_is=2, entry="seen")
           entry  duration  churned                        set_aside
        0    0.0       306     True                              NaN
        1    5.0      1010    False                              NaN
        2   90.0        90    False  never at risk under observation
    """
    roles = {"customer_id": customer_id, "duration": duration, "churned": churned}
    roles |= {"entry": entry, "n_spells": n_spells, "reason": reason}
    source = source_of_rows(table, _KIND, roles, keep)
    _refuse_types_of_numbers(source)
    written = Written(decimal=decimal, blanks=blanks).checked()
    return accepted_or_audit(
        _reading_of_spells(source, written, _meaning_of_mark(source, churned_is)), table
    )


def _refuse_types_of_numbers(source: Source) -> None:
    """Refuse dates, lengths of time and whatever else is neither a number nor text."""
    needs = dict.fromkeys(_NUMBERS, "numbers")
    needs |= {"churned": "true or false, codes or text", "reason": "text or codes"}
    for role, column in source.roles.items():
        dtype = source.schema[column]
        fits = dtype.is_numeric() or is_text(dtype)
        if role in needs and not (fits or (role == "churned" and dtype == nw.Boolean)):
            raise ColumnError(
                f"`{role}`: column {column!r} holds {dtype}, not {needs[role]}. Convert it first."
            )


def _meaning_of_mark(source: Source, churned_is: object) -> _Meaning:
    """What the values of `churned` mean, in the form in which they are compared."""
    column = source.roles["churned"]
    dtype = source.schema[column]
    text = is_text(dtype)
    if churned_is is None:
        return _Meaning(_YES, _NO, text) if text else _Meaning([1.0], [0.0], text)
    one = isinstance(churned_is, str) or not isinstance(churned_is, Iterable)
    said = [churned_is] if one else list(cast("Iterable[Any]", churned_is))
    if text:
        return _Meaning([text_of_value(value).strip().lower() for value in said], None, text)
    try:
        return _Meaning([float(cast("Any", value)) for value in said], None, text)
    except (TypeError, ValueError):
        raise RetentionError(
            f"`churned_is={churned_is!r}`: column {column!r} holds {dtype}, so it is never that."
        ) from None


def _reading_of_spells(source: Source, written: Written, meaning: _Meaning) -> Reading:
    values = read_values(
        source, written, id_roles=("customer_id",), date_roles=(), amount_roles=_NUMBERS
    )
    one = nw.col(_MARK).is_in(("1", "1.0") if meaning.text else [1.0])
    return Reading(
        source=source,
        frame=_with_reason(source, _with_values(source, values.frame, meaning)),
        checks=_checks_of_spells(source, values, meaning),
        outputs=_columns_of_spells(source, values),
        signs={"churned": nw.col(_CHURNED), "one": one, "not one": ~one & ~meaning.is_blank},
        faults=_faults_of_spells(source, meaning),
        notes=partial(id_notes, source),
        repeats=False,
    )


def _with_values(source: Source, frame: Frame, meaning: _Meaning) -> Frame:
    """The frame with its numbers, null where missing, and what follows from them."""
    column = source.roles["churned"]
    if meaning.text:
        frame = frame.with_columns(flat_text(column, source.schema[column]).alias(_TEXT))
        frame = frame.with_columns(nw.col(_TEXT).str.to_lowercase().alias(_MARK))
    else:
        frame = frame.with_columns(nw.col(column).cast(nw.Float64).alias(_MARK))
    numbers = [f"{OURS}{role}" for role in _NUMBERS if role in source.roles]
    numbers += [] if meaning.text else [_MARK]
    frame = frame.with_columns(
        nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name) for name in numbers
    )
    late: nw.Expr = nw.lit(None, dtype=nw.String)
    if "entry" in source.roles:
        entry = nw.col(f"{OURS}entry")
        never = (entry > 0) & (entry >= nw.col(f"{OURS}duration"))
        late = nw.when(never).then(nw.lit(_TOO_LATE))
    return frame.with_columns(late.alias(_ASIDE), nw.col(_MARK).is_in(meaning.yes).alias(_CHURNED))


def _with_reason(source: Source, frame: Frame) -> Frame:
    """The frame with the reason as text, null where no end was seen."""
    if "reason" not in source.roles:
        return frame
    column, why = source.roles["reason"], nw.col(_WHY_TEXT)
    frame = frame.with_columns(flat_text(column, source.schema[column]).alias(_WHY_TEXT))
    return frame.with_columns(nw.when(nw.col(_CHURNED) & ~why.is_in(BLANKS)).then(why).alias(_WHY))


def _checks_of_spells(source: Source, values: Values, meaning: _Meaning) -> list[Check]:
    """What can be wrong with one spell, in order; one without an entry was seen from its start."""
    duration, entry, count = (nw.col(f"{OURS}{role}") for role in _NUMBERS)
    no_count = (count < 1) | is_fractional(count) | (count >= _HUGE)
    return [
        *values.checks_of("customer_id", "duration"),
        *_check_of_number(source, "duration", "duration below 0", duration < 0),
        *_check_of_number(
            source, "duration", "infinite or too large duration", duration.abs() >= _HUGE
        ),
        *_checks_of_mark(source, meaning),
        *(check for check in values.checks_of("entry") if check.reason != "missing entry"),
        *_check_of_number(source, "entry", "infinite or too large entry", entry.abs() >= _HUGE),
        *values.checks_of("n_spells"),
        *_check_of_number(source, "n_spells", _NO_COUNT, ~count.is_null() & no_count),
    ]


def _check_of_number(source: Source, role: str, reason: str, fails: nw.Expr) -> list[Check]:
    """A check of a number, if the user named its column."""
    advice = "Correct them or leave those rows out."
    return [Check(reason, source.roles[role], advice, fails)] if role in source.roles else []


def _checks_of_mark(source: Source, meaning: _Meaning) -> list[Check]:
    """That a mark is there, and that it is known what it means; a warning if nobody has churned."""
    column = source.roles["churned"]
    unsaid = None
    if meaning.no is not None:
        unsaid = ~meaning.is_blank & ~nw.col(_MARK).is_in([*meaning.yes, *meaning.no])

    def advice_on_values(frame: Frame) -> str:
        name = _TEXT if meaning.text else column
        values = frame.filter(~meaning.is_blank).select(name).unique().sort(name).head(11)
        listed = [value_as_written(value) for value in collect(values)[name].tolist()]
        return (
            f"There is: {', '.join(listed[:10])}{', …' * (len(listed) > 10)}. Say `churned_is=...`"
        )

    def warn_if_nobody_churned(
        frame: Callable[[], Frame], look: Mapping[str, bool], _: str
    ) -> None:
        if meaning.no is None and look["rows"] and not look["churned"]:
            said = f"spells: no row of {column!r} is what churned_is says, so nobody has churned. "
            warn(f"{said}{advice_on_values(frame())} if not so.")

    return [
        Check("blank churned", column, "Fill them in or leave those rows out.", meaning.is_blank),
        Check(
            "churned of unsaid meaning",
            column,
            advice_on_values,
            unsaid,
            asks=True,
            later=warn_if_nobody_churned,
        ),
    ]


def _faults_of_spells(source: Source, meaning: _Meaning) -> list[TableFault]:
    """The question that nothing but 1 leaves open."""
    column = source.roles["churned"]
    if meaning.no is None or source.schema[column] == nw.Boolean:
        return []
    two = "All have churned if the codes are 0/1, nobody if they are 1/2"
    text = f"churned: {column!r} holds nothing but 1. {two}: say `churned_is=1` or `churned_is=2`."
    return [TableFault("one", "not one", text, asks=True)]


def _columns_of_spells(source: Source, values: Values) -> list[Output]:
    """The columns of spells in their order, then the kept ones."""
    whole, named = source.schema[source.roles["duration"]].is_integer(), source.roles
    length, duration = nw.col(f"{OURS}duration"), source.roles["duration"]
    fraction = None if whole else is_fractional(length)
    coded = nw.col(_WHY_TEXT).is_in(BLANKS) | nw.col(_WHY_TEXT).str.contains(r"^[0-9]+\.0$")
    return [
        *values.ids.values(),
        *([Output("entry", f"{OURS}entry")] if "entry" in named else []),
        _Number("duration", duration if whole else f"{OURS}duration", fraction),
        Output("churned", _CHURNED),
        *([_Number("n_spells", f"{OURS}n_spells")] if "n_spells" in named else []),
        *([Output("reason", _WHY, ~coded)] if "reason" in named else []),
        Output("set_aside", _ASIDE),
        *(Output(name, column) for name, column in source.keep.items()),
    ]
