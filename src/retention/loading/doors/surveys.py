"""The door for surveys: what customers said when they were asked, and who did not answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial, reduce
from math import isfinite
from numbers import Real
from operator import and_
from typing import TYPE_CHECKING, Unpack

import narwhals.stable.v2 as nw

from retention.errors import ColumnError, RetentionError, check_choice
from retention.frames import count, one_row
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Note, Output, Reading
from retention.loading.rows.text import OURS, Written
from retention.loading.values.amounts import is_fractional
from retention.loading.values.flags import read_flag
from retention.tables import SURVEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame
    from retention.loading.read_values import Values
    from retention.loading.rows.columns import Source

_SCALED = ("satisfaction", "value_for_money", "repeat_intention")
_SCORES = (*_SCALED, "recommend")
_FLAGS = ("spoke_well", "spoke_ill")
_ANSWERS = (*_SCORES, *_FLAGS)
_YES, _NOTHING, _LOW, _HIGH = (f"{OURS}{name}" for name in ("yes", "nothing", "low", "high"))
_ENOUGH = 5  # answers, before the unused half of a scale is noticed
_RATHER = "If the question had another scale, say it, such as `scale=(1, {most:g})`."
_NOT_TEN = (
    "Net promoters are counted on 0 to 10. If the question went to {most:g}, it is no such "
    "question: say `satisfaction=` and `scale=(1, {most:g})` in place of `recommend=`."
)
_FIX = "Correct them or leave those rows out."

_KIND = replace(
    SURVEYS,
    columns=tuple(
        replace(column, optional=True) if column.name == "answered" else column
        for column in SURVEYS.columns
    ),
)


@entrance(
    "customer_id",
    "date",
    "satisfaction",
    "value_for_money",
    "repeat_intention",
    "recommend",
    "spoke_well",
    "spoke_ill",
    "answered",
)
def as_surveys(
    table: IntoFrameT,
    *,
    customer_id: str,
    date: str,
    satisfaction: str | None = None,
    value_for_money: str | None = None,
    repeat_intention: str | None = None,
    recommend: str | None = None,
    spoke_well: str | None = None,
    spoke_ill: str | None = None,
    answered: str | None = None,
    scale: tuple[float, float] | None = None,
    keep: str | Sequence[str] = (),
    duplicates: str = "error",
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """What your customers said when they were asked, checked and typed: for `voice_kpis`.

    One row is one customer who was asked once, whether or not an answer came back: without the rows
    of those who kept silent nobody can say how many did. Any question may be left unanswered.

    The checks, in this order: blank customer_id; a date that is missing, cannot be read, could be
    read in two ways or does not exist; a score that is no number, could be read in two ways or lies
    off its scale, a `recommend` that is no whole number of 0 to 10; a flag that is neither yes nor
    no; a blank `answered`; answers in a row that says answered = no; exact duplicates. Text is read
    as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of who was asked: text or whole numbers.
        date: column of when they answered, or were asked if they did not.
        satisfaction: column of how satisfied they are, on `scale`.
        value_for_money: column of what they think of the price, on `scale`.
        repeat_intention: column of how likely they buy again, on `scale`.
        recommend: column of how likely they recommend us, 0 to 10.
        spoke_well: column of whether they spoke well of us to others: true/false, yes/no, y/n, 1/0.
        spoke_ill: column of whether they spoke ill of us to others.
        answered: column of whether any answer came back. Default: where any answer is filled in.
        scale: the worst and the best answer of the first three, such as (1, 5). Required as soon as
            one of them is named. On a scale where low is good, turn the scores round first.
        keep: further columns to keep as they are, such as segments.
        duplicates: rows that repeat an earlier one: "error", "keep", or "drop" all but the first.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written (see `as_transactions`).
        decimal: the decimal sign of scores in text, "." or ",".
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        tz: for times that carry a time zone: in whose local days they fall.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, as in `as_transactions`.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id`, `date`, `answered` (true or
        false); of the answers those named: the scores, and `spoke_well` and `spoke_ill` as 1 or 0,
        null where not answered; with any score on the scale, `scale_low` and `scale_high`, the same
        in every row; the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning, or no answer is named.
        ContentError: if the table is empty or has any problem in its rows.
        RetentionError: if the scale is missing, or is no lower and higher number.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> sent = pd.DataFrame({
        ...     "who": ["Ann", "Bob", "Cem"],
        ...     "sent": ["2024-03-01", "2024-03-01", "2024-03-02"],
        ...     "happy": [5, 2, None],
        ... })
        >>> rt.as_surveys(
        ...     sent, customer_id="who", date="sent", satisfaction="happy", scale=(1, 5)
        ... ).drop(columns=["scale_low", "scale_high"])
          customer_id       date  answered  satisfaction
        0         Ann 2024-03-01      True           5.0
        1         Bob 2024-03-01      True           2.0
        2         Cem 2024-03-02     False           NaN
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    answers = {
        "satisfaction": satisfaction,
        "value_for_money": value_for_money,
        "repeat_intention": repeat_intention,
        "recommend": recommend,
        "spoke_well": spoke_well,
        "spoke_ill": spoke_ill,
    }
    ends = _ends_of_scale(answers, scale)
    roles = {"customer_id": customer_id, "date": date, **answers, "answered": answered}
    written = Written(day_first, date_format, decimal, tz, blanks, from_tz=from_tz).checked()
    source = source_of_rows(table, _KIND, roles, keep)
    values = read_values(
        source, written, id_roles=("customer_id",), date_roles=("date",), amount_roles=_SCORES
    )
    return accepted_or_audit(_reading_of_surveys(source, values, ends, duplicates), table)


def _ends_of_scale(
    answers: Mapping[str, str | None], scale: tuple[float, float] | None
) -> tuple[float, float] | None:
    """The worst and the best answer of the scale, if any score is on it."""
    if not any(answers.values()):
        raise ColumnError(
            "Name at least one column of answers: satisfaction, value_for_money, repeat_intention, "
            "recommend, spoke_well or spoke_ill."
        )
    named = [f"{role}={answers[role]!r}" for role in _SCALED if answers[role] is not None]
    if scale is None and not named:
        return None
    if scale is None:
        raise RetentionError(
            f"Say the worst and the best answer of {', '.join(named)}, such as `scale=(1, 5)`: the "
            "numbers do not tell how far they go."
        )
    if not named:
        raise RetentionError(
            f"`scale={scale!r}` is of satisfaction, value_for_money and repeat_intention, of which "
            "none is named; recommend always goes from 0 to 10."
        )
    return _two_numbers(scale)


def _two_numbers(scale: object) -> tuple[float, float]:
    ends = list(scale) if isinstance(scale, Iterable) and not isinstance(scale, str) else []
    kinds = (Real, Decimal)
    numbers = [float(x) for x in ends if isinstance(x, kinds) and not isinstance(x, bool)]
    if len(ends) == len(numbers) == 2 and isfinite(sum(numbers)) and numbers[0] < numbers[1]:
        return numbers[0], numbers[1]
    raise RetentionError(
        f"scale must be the worst and the best answer, the lower number first, such as (1, 5); got "
        f"{scale!r}. Where low is good, turn the scores round first: 6 − score on one of 1 to 5."
    )


def _reading_of_surveys(
    source: Source, values: Values, ends: tuple[float, float] | None, duplicates: str
) -> Reading:
    frame, checks = values.frame, values.checks_of("customer_id", "date")
    for role in _named_roles(source, _SCORES):
        name = f"{OURS}{role}"
        frame = frame.with_columns(nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name))
        read = [c for c in values.checks_of(role) if c.reason != f"missing {role}"]
        checks += [*read, _off_scale_check(source, role, ends)]
    for role in _named_roles(source, (*_FLAGS, "answered")):
        frame, (blank, *read) = read_flag(source, frame, role)
        checks += [blank, *read] if role == "answered" else read
    return Reading(
        source=source,
        frame=_with_scale(_with_answered(source, frame), ends),
        checks=[*checks, *_answered_no_checks(source), duplicate_check(source, duplicates)],
        outputs=_columns_of_surveys(source, values, ends),
        notes=partial(_notes_on_surveys, source, ends),
        repeats=duplicates != "keep",
    )


def _notes_on_surveys(
    source: Source, ends: tuple[float, float] | None, frame: Frame, n_rows: int
) -> list[Note]:
    """What deserves a look among answers: who is who, and a scale of which half was never used."""
    notes = id_notes(source, frame, n_rows)
    scales = dict.fromkeys(_named_roles(source, _SCALED), ends) | {"recommend": (0.0, 10.0)}
    named = {role: scale for role in _named_roles(source, _SCORES) if (scale := scales.get(role))}
    told = {f"n {r}": count(~nw.col(f"{OURS}{r}").is_null()) for r in named}
    told |= {f"most {r}": nw.col(f"{OURS}{r}") for r in named}
    sums = [nw.col(f"n {r}").sum() for r in named] + [nw.col(f"most {r}").max() for r in named]
    found = one_row(frame.with_columns(**told).select(*sums)) if named else {}
    for role, (low, high) in named.items():
        n, most = int(found[f"n {role}"] or 0), found[f"most {role}"]
        if n >= _ENOUGH and most <= (low + high) / 2:
            what = f"a scale of {low:g} to {high:g} of which nobody used more than {most:g}"
            advice = _RATHER if role != "recommend" else _NOT_TEN
            notes.append(Note(f"{what} in {role}", n, n, f"{most:g}", advice.format(most=most)))
    return notes


def _named_roles(source: Source, roles: Sequence[str]) -> list[str]:
    return [role for role in roles if role in source.roles]


def _off_scale_check(source: Source, role: str, ends: tuple[float, float] | None) -> Check:
    score, column = nw.col(f"{OURS}{role}"), source.roles[role]
    if role == "recommend" or ends is None:
        reason = "recommend that is not a whole number of 0 to 10"
        wrong = (score < 0) | (score > 10) | is_fractional(score)
        return Check(reason, column, _FIX, ~score.is_null() & wrong)
    reason = f"{role} off the scale of {ends[0]:g} to {ends[1]:g}"
    advice = "Say the scale that was used, or correct them: an empty cell is no answer."
    return Check(reason, column, advice, (score < ends[0]) | (score > ends[1]), asks=True)


def _with_answered(source: Source, frame: Frame) -> Frame:
    """The frame with whether a row has no answer, and whether it counts as answered."""
    nothing = reduce(and_, (nw.col(f"{OURS}{r}").is_null() for r in _named_roles(source, _ANSWERS)))
    frame = frame.with_columns(nothing.alias(_NOTHING))
    said = nw.col(f"{OURS}answered") == 1.0 if "answered" in source.roles else ~nw.col(_NOTHING)
    return frame.with_columns(said.alias(_YES))


def _with_scale(frame: Frame, ends: tuple[float, float] | None) -> Frame:
    if ends is None:
        return frame
    return frame.with_columns(nw.lit(ends[0]).alias(_LOW), nw.lit(ends[1]).alias(_HIGH))


def _answered_no_checks(source: Source) -> list[Check]:
    if "answered" not in source.roles:
        return []
    wrong = (nw.col(f"{OURS}answered") == 0.0) & ~nw.col(_NOTHING)
    advice = "Either they answered or they did not: correct the one or the other."
    return [Check("answers where answered is no", source.roles["answered"], advice, wrong)]


def _columns_of_surveys(
    source: Source, values: Values, ends: tuple[float, float] | None
) -> list[Output]:
    """The columns of surveys in their order, then the kept ones."""
    return [
        values.ids["customer_id"],
        Output("date", f"{OURS}date"),
        Output("answered", _YES),
        *(Output(role, f"{OURS}{role}") for role in _named_roles(source, _ANSWERS)),
        *([] if ends is None else [Output("scale_low", _LOW), Output("scale_high", _HIGH)]),
        *(Output(name, column) for name, column in source.keep.items()),
    ]
