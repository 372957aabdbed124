"""The door for benchmarks: churn rates that others published, and where they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack

import narwhals.stable.v2 as nw

from retention.errors import check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.doors.signs.sign_rows import with_text_of
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.row_checks import Check, Output, Reading
from retention.loading.rows.text import OURS, Written
from retention.loading.values.amounts import is_fractional
from retention.tables import BENCHMARKS, CHURN_CONVENTIONS, STANDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame
    from retention.loading.read_values import Values
    from retention.loading.rows.columns import Source

_KIND = replace(
    BENCHMARKS,
    columns=tuple(
        replace(c, optional=c.optional or c.name in ("rate_lower", "rate_upper", "standing"))
        for c in BENCHMARKS.columns
    ),
)
_NUMBERS = ("rate", "rate_lower", "rate_upper", "days", "year", "share")
_TEXTS = ("name", "convention", "source", "standing", "population", "address", "segment")
_RATES = ("rate", "rate_lower", "rate_upper")
_STATED = "stated"
_FINEST = 9  # digits behind the decimal sign that a published rate may have
_LONGEST = 36_525  # days, a hundred years
_QUOTED = "quoted without source"

_FILL = "Fill them in or leave those rows out."
_PERCENT = "Rates are shares of 1: say 0.4 for 40 %, or leave those rows out."
_OUTSIDE = "The rate lies between the least and the most that it may be: correct them."
_NO_SOURCE = (
    "Say where it was read; where nobody says, that is what it is: name a column with "
    f"`standing=` in which it stands as {_QUOTED!r}."
)
_DAYS = "Say within how many days customers were lost: 30.4375 for a month, 365.25 for a year."
_YEAR = "Say the year as a whole number, such as 2012, or leave those rows out."


def _is_stated(value: object) -> bool:
    return value == _STATED


@entrance(*_TEXTS, *_NUMBERS, words={"rate_lower": _is_stated, "rate_upper": _is_stated})
def as_benchmarks(
    table: IntoFrameT,
    *,
    name: str,
    rate: str,
    measure: Literal["churn", "retention"],
    rate_lower: str,
    rate_upper: str,
    days: str,
    convention: str,
    source: str,
    year: str,
    population: str | None = None,
    address: str | None = None,
    standing: str | None = None,
    segment: str | None = None,
    share: str | None = None,
    keep: str | Sequence[str] = (),
    duplicates: str = "error",
    decimal: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """Churn rates that others published, checked and typed: for `compare_benchmark`.

    One row is one rate, of one population in one year. A rate without its length, its definition
    and its source says nothing, so none of them may be left out; what a source does not say is
    written down as "not stated".

    The checks, in this order: blank name; a rate that is missing (unless both ends of its range are
    columns: "20 to 40 %" has no rate), no number or outside 0 to 1, and likewise the ends of its
    range; a rate outside its range; days that are missing, no number, not above 0 or more than
    36,525; a convention that is blank or none of those below; a year that is missing or none; a
    standing that is none of those below; a blank source, unless the standing says that there is
    none; a share that is no number or outside 0 to 1; exact duplicates.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        name: column of whose rate it is, or of what, as text.
        rate: column of the rate, a share of 1: 0.0084 for 0.84 %.
        measure: what the rates are: "churn", the share lost; or "retention", the share kept, which
            becomes churn here. A file with both is read twice, with `where=`.
        rate_lower: column of the least that the rate may be, where a range is known; or "stated":
            half a unit of the last digit printed, and of a whole percent at most. 0.0084 is then
            from 0.00835 to 0.00845 and 0.4 from 0.395 to 0.405. A nought at the end does not count.
        rate_upper: column of the most that it may be, or "stated".
        days: column of within how many days they were lost: 30.4375 for a month, 365.25 for a year.
        convention: column of how it is counted: one of `churn_rate`'s words ("start_cohort",
            "endpoint", "all_cancellations", "active_and_new", "exposure", "renewals_due");
            "no_purchase", of those who bought in a period those who did not in the later one; or
            "not stated".
        source: column of where it was read.
        year: column of the year that it is of, a whole number.
        population: column of which customers they are, in words.
        address: column of where the source is found.
        standing: column of what stands behind it: "filing", "regulator's survey", "research",
            "trade press", "quoted", "quoted without source" or "not stated", which is the default.
        segment: column of the part of the population that it is of, for `standardised_churn`; empty
            means all of it, "(all)".
        share: column of that part's share of all customers, a share of 1.
        keep: further columns to keep as they are.
        duplicates: rows that repeat an earlier one: "error", "keep", or "drop" all but the first.
        decimal: the decimal sign of numbers in text, "." or ",".
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `name`, `rate` (churn, a share of 1; null where
        only a range was published), `rate_lower`, `rate_upper`, `days`, `convention`, `year`,
        `source` ("(none)" where there is none), `standing`; where named `population`, `address`,
        `segment`, `share`; and the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        84 in 100 policies are renewed, says a magazine.

        >>> import pandas as pd
        >>> import retention as rt
        >>> read = pd.DataFrame({
        ...     "whose": ["insurance agencies"], "kept": [0.84], "within": [365.25],
        ...     "counted": ["not stated"], "where": ["a magazine"], "when": [1998],
        ...     "worth": ["trade press"],
        ... })
        >>> rates = rt.loading.as_benchmarks(
        ...     read, name="whose", rate="kept", measure="retention", rate_lower="stated",
        ...     rate_upper="stated", days="within", convention="counted", source="where",
        ...     year="when", standing="worth",
        ... )
        >>> rates[["rate", "rate_lower", "rate_upper", "standing"]].round(4)
           rate  rate_lower  rate_upper     standing
        0  0.16       0.155       0.165  trade press
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    check_choice("measure", measure, ("churn", "retention"))
    ends: dict[str, str | None] = {"rate_lower": rate_lower, "rate_upper": rate_upper}
    roles: dict[str, str | None] = {"name": name, "rate": rate, "days": days}
    roles |= {role: None if _is_stated(column) else column for role, column in ends.items()}
    roles |= {"convention": convention, "source": source, "year": year, "population": population}
    roles |= {"address": address, "standing": standing, "segment": segment, "share": share}
    found = source_of_rows(table, _KIND, roles, keep)
    written = Written(None, None, decimal, None).checked()
    return accepted_or_audit(_reading_of_benchmarks(found, written, measure, duplicates), table)


def _reading_of_benchmarks(
    source: Source, written: Written, measure: str, duplicates: str
) -> Reading:
    values = read_values(source, written, id_roles=(), date_roles=(), amount_roles=_NUMBERS)
    frame = _with_numbers_or_none(source, _with_words(source, values.frame))
    named = replace(source, roles={"customer_id": source.roles["name"]})  # shown of duplicates
    return Reading(
        source=source,
        frame=_with_filled_words(_with_rates_of_churn(_with_ends(source, frame), measure)),
        checks=[
            _blank_check(source, "name", _FILL),
            *_checks_of_rates(source, values),
            *_checks_of_circumstances(source, values),
            duplicate_check(named, duplicates),
        ],
        outputs=_columns_of_benchmarks(source),
        repeats=duplicates != "keep",
        shuffled=values.shuffled,
    )


def _with_words(source: Source, frame: Frame) -> Frame:
    """The frame with its texts; what a source or a file does not say is said to be so."""
    for role in _TEXTS:
        if role in source.roles:
            frame = with_text_of(source, frame, role)
    for role in ("convention", "standing"):
        if role in source.roles:
            frame = frame.with_columns(nw.col(f"{OURS}{role}").str.to_lowercase())
    if "standing" not in source.roles:
        frame = frame.with_columns(nw.lit("not stated").alias(f"{OURS}standing"))
    filled = {"standing": "not stated", "segment": "(all)"}
    return frame.with_columns(
        nw.col(f"{OURS}{role}").fill_null(text)
        for role, text in filled.items()
        if role == "standing" or role in source.roles
    )


def _with_numbers_or_none(source: Source, frame: Frame) -> Frame:
    """The frame with its numbers, null where there is none."""
    columns = [nw.col(f"{OURS}{role}") for role in _NUMBERS if role in source.roles]
    names = [f"{OURS}{role}" for role in _NUMBERS if role in source.roles]
    return frame.with_columns(
        nw.when(~column.is_nan()).then(column).alias(name)
        for column, name in zip(columns, names, strict=True)
    )


def _with_ends(source: Source, frame: Frame) -> Frame:
    """The frame with the ends of each rate's range: as named, or by the last digit printed."""
    rate = nw.col(f"{OURS}rate")
    half: Any = nw.lit(0.5 * 10.0**-_FINEST)
    for digits in range(_FINEST - 1, 1, -1):
        scaled = rate * 10.0**digits
        whole = (scaled - (scaled + 0.5).floor()).abs() < 1e-12 * 10.0**digits
        half = nw.when(whole).then(nw.lit(0.5 * 10.0**-digits)).otherwise(half)
    if not {"rate_lower", "rate_upper"} <= set(source.roles):
        frame = frame.with_columns(half.alias(f"{OURS}half"))
    for end, sign in (("rate_lower", -1.0), ("rate_upper", 1.0)):
        if end not in source.roles:
            frame = frame.with_columns((rate + nw.col(f"{OURS}half") * sign).alias(f"{OURS}{end}"))
    return frame


def _with_rates_of_churn(frame: Frame, measure: str) -> Frame:
    """The frame with the rate and its range as churn, within 0 to 1."""
    taken = dict(zip(_RATES, _RATES, strict=True))
    if measure == "retention":
        taken = {"rate": "rate", "rate_lower": "rate_upper", "rate_upper": "rate_lower"}
    said = {role: nw.col(f"{OURS}{other}") for role, other in taken.items()}
    churn = {r: value if measure == "churn" else 1.0 - value for r, value in said.items()}
    frame = frame.with_columns(**{f"{OURS}{role}_churn": value for role, value in churn.items()})
    return frame.with_columns(
        nw.when(nw.col(f"{OURS}{role}_churn") < 0.0)
        .then(nw.lit(0.0))
        .when(nw.col(f"{OURS}{role}_churn") > 1.0)
        .then(nw.lit(1.0))
        .otherwise(nw.col(f"{OURS}{role}_churn"))
        .alias(f"{OURS}{role}_churn")
        for role in _RATES
    )


def _with_filled_words(frame: Frame) -> Frame:
    """The frame with the year as a whole number, and a word where there is no source."""
    year = nw.col(f"{OURS}year")
    usable = ((year >= 1900) & (year <= 2199)).fill_null(value=False)
    whole = nw.when(usable).then(year).otherwise(nw.lit(0.0))
    return frame.with_columns(
        whole.cast(nw.Int64).alias(f"{OURS}year_out"),
        nw.col(f"{OURS}source").fill_null("(none)").alias(f"{OURS}source_out"),
    )


def _blank_check(source: Source, role: str, advice: str) -> Check:
    return Check(f"blank {role}", source.roles[role], advice, nw.col(f"{OURS}{role}").is_null())


def _checks_of_rates(source: Source, values: Values) -> list[Check]:
    """That the rate and its range can be read, and fit together."""
    checks: list[Check] = []
    ranges = {"rate_lower", "rate_upper"} <= set(source.roles)
    for role in (role for role in _RATES if role in source.roles):
        told = values.checks_of(role)
        if role == "rate" and ranges:
            told = [check for check in told if check.reason != "missing rate"]
        checks += [_advising_of_percent(check) for check in told]
        checks.append(_share_check(source, role))
    rate, lower, upper = (nw.col(f"{OURS}{role}") for role in _RATES)
    column = source.roles["rate"]
    apart = (lower > upper) | (rate < lower) | (rate > upper)
    return [
        *checks,
        Check("rate outside its range", column, _OUTSIDE, apart.fill_null(value=False)),
    ]


def _advising_of_percent(check: Check) -> Check:
    return replace(check, advice=_PERCENT) if check.reason.endswith("not a number") else check


def _share_check(source: Source, role: str) -> Check:
    value = nw.col(f"{OURS}{role}")
    outside = ((value < 0.0) | (value > 1.0)).fill_null(value=False)
    return Check(f"{role} outside 0 to 1", source.roles[role], _PERCENT, outside)


def _checks_of_circumstances(source: Source, values: Values) -> list[Check]:
    """That it is known of how long, of when and by whom a rate is, and how it is counted."""
    days, year = nw.col(f"{OURS}days"), nw.col(f"{OURS}year")
    wrong_days = ((days <= 0.0) | (days > _LONGEST)).fill_null(value=False)
    wrong_year = ((year < 1900) | (year > 2199) | is_fractional(year)).fill_null(value=False)
    checks = [
        *values.checks_of("days"),
        Check("days that are no length", source.roles["days"], _DAYS, wrong_days),
        _blank_check(source, "convention", "Where the source does not say, say 'not stated'."),
        _word_check(source, "convention", CHURN_CONVENTIONS),
        *values.checks_of("year"),
        Check("year that is none", source.roles["year"], _YEAR, wrong_year),
    ]
    if "standing" in source.roles:
        checks.append(_word_check(source, "standing", STANDINGS))
    unsaid = nw.col(f"{OURS}source").is_null() & (nw.col(f"{OURS}standing") != _QUOTED)
    checks.append(Check("blank source", source.roles["source"], _NO_SOURCE, unsaid))
    if "share" in source.roles:
        told = [check for check in values.checks_of("share") if check.reason != "missing share"]
        checks += [*map(_advising_of_percent, told), _share_check(source, "share")]
    return checks


def _word_check(source: Source, role: str, words: Sequence[str]) -> Check:
    word = nw.col(f"{OURS}{role}")
    unknown = (~word.is_in(list(words))).fill_null(value=False) & ~word.is_null()
    advice = f"It is one of {', '.join(map(repr, words))}."
    return Check(f"unknown {role}", source.roles[role], advice, unknown)


def _columns_of_benchmarks(source: Source) -> list[Output]:
    """The columns of benchmarks in their order, then the kept ones."""
    always = ("rate_lower", "rate_upper", "standing")
    there = [c for c in BENCHMARKS.names if c in source.roles or c in always]
    ends = dict.fromkeys(_RATES, "_churn") | dict.fromkeys(("year", "source"), "_out")
    return [
        *(Output(role, f"{OURS}{role}{ends.get(role, '')}") for role in there),
        *(Output(name, column) for name, column in source.keep.items()),
    ]
