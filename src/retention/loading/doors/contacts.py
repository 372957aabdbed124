"""The door for service contacts: when customers needed us, and how long we let them wait."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Unpack

import narwhals.stable.v2 as nw

from retention import periods
from retention.business_hours import BusinessHours, Calendar, calendar_of
from retention.errors import RetentionError, check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.dates import time_zones
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Output, Reading
from retention.loading.rows.text import OURS, Written
from retention.loading.values.flags import read_flag
from retention.tables import CONTACTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame
    from retention.loading.read_values import Values
    from retention.loading.rows.columns import Source

_TIMES = {"first_response": "first_response_hours", "resolved": "resolution_hours"}
"""What may be said as a time, and the column of hours that it becomes."""

_FLAGS = ("satisfied", "right_first_time", "parts_available")
_ANSWER, _SOLVED, _UNSATISFIED = (
    f"{OURS}{name}" for name in (*_TIMES.values(), "unsatisfied_hours")
)
_LONGEST = 1e6  # a hundred years
_FIX = "Correct them or leave those rows out."


@entrance(
    "customer_id",
    "date",
    "first_response",
    "first_response_hours",
    "resolved",
    "resolution_hours",
    "satisfied",
    "right_first_time",
    "parts_available",
)
def as_contacts(
    table: IntoFrameT,
    *,
    customer_id: str,
    date: str,
    first_response: str | None = None,
    first_response_hours: str | None = None,
    resolved: str | None = None,
    resolution_hours: str | None = None,
    satisfied: str | None = None,
    unrated: str = "error",
    right_first_time: str | None = None,
    parts_available: str | None = None,
    business_hours: BusinessHours | None = None,
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
    """The times customers needed your service, checked and typed: for `service_kpis`.

    One row is one contact, also one that is still waiting for an answer or a solution: those are
    what a log of closed tickets leaves out. The first answer and the solution are each said as a
    time or as hours since the contact; empty means that there was none so far.

    Where `satisfied` is named, a solution counts only if the customer was content with it. One who
    was not has no `resolution_hours`; the hours to that solution stand in `unsatisfied_hours`. The
    contact is open as far as it was seen, and it was seen until then: in survival words it is
    censored at that time. (If such customers take longer than others to be content, and they may,
    the curve of solutions is still somewhat too bright.)

    The checks, in this order: blank customer_id; a date that is missing, cannot be read, could be
    read in two ways or does not exist; likewise the two times, or hours that are no number or could
    be read in two ways; an answer before the contact, one infinite or beyond a million hours, the
    same of solutions; a solution before the first answer or without any; a flag that is neither yes
    nor no; satisfaction without a solution, a solution without satisfaction; exact duplicates. Text
    is read as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of who needed you: text or whole numbers.
        date: column of when they got in touch, to the second; a day without a time is its midnight.
        first_response: column of the time of your first answer; or else …
        first_response_hours: … column of the hours it took.
        resolved: column of the time it was solved; or else …
        resolution_hours: … column of the hours it took.
        satisfied: column of whether the customer was content with the solution: true/false, yes/no,
            y/n or 1/0, empty where not asked.
        unrated: solutions of which `satisfied` is empty: "error", "solved" or "unsatisfied".
        right_first_time: column of whether the first diagnosis was right, empty if not known.
        parts_available: column of whether the parts needed were at hand, empty if none were needed.
        business_hours: when your desk is open, if waiting is counted in working hours: days with
            their hours, `tz` and `holidays`, such as `{"mon-fri": "09:00-17:30", "sat":
            "10:00-12:00,13:00-14:00", "tz": "Europe/Berlin", "holidays": ["2024-12-25"]}`; or
            "always" of hours that run day and night, as those made of times do unless you say a
            calendar. Of times, the working hours between them are counted, by the clock on the
            wall. Columns of hours must have been counted by it already. If you say nothing of
            them, nobody knows how long a contact that is still open has waited by their clock, and
            `service_kpis` gives null where that matters.
        keep: further columns to keep as they are, such as segments.
        duplicates: rows that repeat an earlier one: "error", "keep", or "drop" all but the first.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written (see `as_transactions`).
        decimal: the decimal sign of hours in text, "." or ",".
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        tz: for times that carry a time zone: whose clock `date` is read by. The hours are those
            that passed, whether or not that clock was put forward or back in between; times
            without a zone cannot tell, and count by the clock.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, as in `as_transactions`.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id`, `date`, `first_response_hours`,
        `resolution_hours` (null while there is none), and as far as named `unsatisfied_hours` (of
        `satisfied`), `right_first_time` and `parts_available` (1, 0 or null); `business_hours`
        where hours do not run day and night (the calendar as text, by which `service_kpis` counts
        the open ones; null where hours were named and no clock was said); the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.
        RetentionError: if the answer or the solution is said in no way or in two, or
            `business_hours` cannot be understood.

    Example:
        Bob is not content with the solution he got, Cem has none yet.

        >>> import pandas as pd
        >>> import retention as rt
        >>> log = pd.DataFrame({
        ...     "who": ["Ann", "Bob", "Cem"],
        ...     "called": ["2024-03-01 10:00", "2024-03-01 12:00", "2024-03-02 09:00"],
        ...     "answered": ["2024-03-01 10:30", "2024-03-01 13:00", ""],
        ...     "solved": ["2024-03-02 10:00", "2024-03-01 18:00", ""],
        ...     "happy": ["yes", "no", ""],
        ... })
        >>> contacts = rt.as_contacts(
        ...     log, customer_id="who", date="called", first_response="answered",
        ...     resolved="solved", satisfied="happy",
        ... )
        >>> contacts.drop(columns=["date"])
          customer_id  first_response_hours  resolution_hours  unsatisfied_hours
        0         Ann                   0.5              24.0                NaN
        1         Bob                   1.0               NaN                6.0
        2         Cem                   NaN               NaN                NaN

        Friday at four to Monday at ten, at a desk that is open from nine to five:

        >>> log = pd.DataFrame({
        ...     "who": ["Ann"], "called": ["2024-03-01 16:00"], "answered": ["2024-03-04 10:00"],
        ...     "solved": [""],
        ... })
        >>> worked = rt.as_contacts(
        ...     log, customer_id="who", date="called", first_response="answered",
        ...     resolved="solved", business_hours={"mon-fri": "09:00-17:00"},
        ... )
        >>> float(worked["first_response_hours"][0])
        2.0
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    check_choice("unrated", unrated, ("error", "solved", "unsatisfied"))
    given = {"first_response": first_response, "first_response_hours": first_response_hours}
    given |= {"resolved": resolved, "resolution_hours": resolution_hours}
    given |= {"satisfied": satisfied, "right_first_time": right_first_time}
    given |= {"parts_available": parts_available}
    roles = {"customer_id": customer_id, "date": date, **_columns_said_once(given)}
    if unrated != "error" and satisfied is None:
        raise RetentionError(
            f"`unrated={unrated!r}` is about solutions not rated: say `satisfied=`."
        )
    source = source_of_rows(table, CONTACTS, roles, keep)
    written = Written(day_first, date_format, decimal, tz, blanks, from_tz=from_tz).checked()
    clock = _clock_of_contacts(business_hours, roles, tz)
    return accepted_or_audit(
        _reading_of_contacts(source, written, unrated, duplicates, clock), table
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """By what hours run: a calendar or day and night, and whether the table must say so."""

    calendar: Calendar | None
    told: bool


def _clock_of_contacts(
    said: BusinessHours | None, roles: Mapping[str, str | None], tz: str | None
) -> _Clock:
    """The clock of the contacts; it is not known of hours of which nothing was said."""
    if said is None:
        return _Clock(None, told=any(roles.get(hours) for hours in _TIMES.values()))
    calendar = calendar_of(said)
    if calendar is not None and calendar.tz and tz is not None and calendar.tz != tz:
        raise RetentionError(
            f"business_hours are by the clock of {calendar.tz}, the dates by that of `tz={tz!r}`: "
            f"say `tz={calendar.tz!r}`."
        )
    return _Clock(calendar, told=calendar is not None)


def _columns_said_once(given: Mapping[str, str | None]) -> dict[str, str | None]:
    """The columns that were named, once answers and solutions are said in one way each."""
    for time, hours in _TIMES.items():
        if (given[time] is None) == (given[hours] is None):
            raise RetentionError(
                f"Say either {time}= (a column of times) or {hours}= (a column of hours since the "
                "contact)."
            )
    optional = ("satisfied", *_FLAGS)
    return {role: c for role, c in given.items() if c is not None or role in optional}


def _reading_of_contacts(
    source: Source, written: Written, unrated: str, duplicates: str, clock: _Clock
) -> Reading:
    """The table read, with its checks in their order."""
    hours = tuple(_TIMES.values())
    values = read_values(
        source,
        written,
        id_roles=("customer_id",),
        date_roles=("date", *_TIMES),
        amount_roles=hours,
    )
    timed = _with_hours(source, values.frame, written.tz, clock.calendar)
    frame, odd_flags = _with_flags(source, timed)
    if clock.told:
        said = None if clock.calendar is None else str(clock.calendar)
        frame = frame.with_columns(nw.lit(said, dtype=nw.String).alias(f"{OURS}business_hours"))
    rated = "satisfied" in source.roles
    return Reading(
        source=source,
        frame=_with_satisfied(frame, unrated) if rated else frame,
        checks=[
            *values.checks_of("customer_id", "date"),
            *_time_checks(source, values, worked=clock.calendar is not None),
            *odd_flags,
            *(_rating_checks(source, unrated) if rated else []),
            duplicate_check(source, duplicates),
        ],
        outputs=_columns_of_contacts(source, values, clock),
        notes=partial(id_notes, source),
        repeats=duplicates != "keep",
    )


def _with_hours(source: Source, frame: Frame, tz: str | None, calendar: Calendar | None) -> Frame:
    """The frame with hours since the contact, of times computed, null where there are none."""
    told = {_TIMES[role]: role for role in _TIMES if role in source.roles}
    if told and calendar is None:
        frame = time_zones.with_instants(source, frame, ("date", *told.values()), tz)
    elif calendar is not None and told:
        frame = time_zones.with_instants(source, frame, ("date", *told.values()), tz)
        frame = frame.with_columns(
            (nw.col(f"{OURS}{role}_at") - nw.col(f"{OURS}date_at")).alias(f"{OURS}{hours}_passed")
            for hours, role in told.items()
        )
        frame = _with_worked(frame, ("date", *told.values()), calendar)
    made = {
        f"{OURS}{hours}": ((nw.col(f"{OURS}{role}_at") - nw.col(f"{OURS}date_at")) / 3600.0).cast(
            nw.Float64
        )
        for hours, role in told.items()
    }
    frame = frame.with_columns(**made) if made else frame
    if calendar is not None and told:
        frame = frame.with_columns(_hours_in_order(f"{OURS}{hours}") for hours in told)
    return frame.with_columns(
        nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name)
        for name in (_ANSWER, _SOLVED)
    ).with_columns((~nw.col(name).is_null()).alias(f"{name}_seen") for name in (_ANSWER, _SOLVED))


def _hours_in_order(hours: str) -> nw.Expr:
    """Hours worked; below 0 where less than nothing passed, and only there.

    While the desk is closed no hour is worked, whichever came first; and where clocks are turned
    back, what came later shows an earlier time.
    """
    worked, passed = nw.col(hours), nw.col(f"{hours}_passed")
    backwards = nw.when(passed < 0).then((passed / 3600.0).cast(nw.Float64))
    return backwards.when(worked < 0).then(nw.lit(0.0)).otherwise(worked).alias(hours)


def _with_worked(frame: Frame, roles: Sequence[str], calendar: Calendar) -> Frame:
    """The frame with `{role}_at` of dates that were read: seconds whose differences are worked."""
    schema, engine = frame.collect_schema(), frame.implementation
    walls = {
        f"{OURS}{role}_wall": periods.second_expr(f"{OURS}{role}", schema[f"{OURS}{role}"], engine)
        for role in roles
    }
    frame = frame.with_columns(**walls)
    for role in roles:
        frame = calendar.with_worked(frame, f"{OURS}{role}_wall", f"{OURS}{role}_at")
    return frame


def _with_flags(source: Source, frame: Frame) -> tuple[Frame, list[Check]]:
    """The frame with the flags that were named, and the checks that each is one, or empty."""
    checks = []
    for role in (role for role in _FLAGS if role in source.roles):
        frame, (_, odd) = read_flag(source, frame, role)
        checks.append(odd)
    return frame, checks


def _with_satisfied(frame: Frame, unrated: str) -> Frame:
    """Solutions with which the customer was not content, apart from those that count."""
    content, hours = nw.col(f"{OURS}satisfied"), nw.col(_SOLVED)
    rating = content.fill_null(0.0 if unrated == "unsatisfied" else 1.0)
    frame = frame.with_columns(rating.alias(f"{OURS}content"))
    yes = nw.col(f"{OURS}content") == 1.0
    return frame.with_columns(
        nw.when(yes).then(hours).alias(f"{OURS}resolution_counts"),
        nw.when(~yes).then(hours).alias(_UNSATISFIED),
    )


def _time_checks(source: Source, values: Values, *, worked: bool) -> list[Check]:
    """What can be wrong with answers and solutions; without one they are open, which is not."""
    checks = []
    for (time, hours), what in zip(_TIMES.items(), ("answer", "solution"), strict=True):
        role = time if time in source.roles else hours
        value, column = nw.col(f"{OURS}{hours}"), source.roles[role]
        checks += [c for c in values.checks_of(role) if c.reason != f"missing {role}"]
        checks += [
            Check(f"{what} before the contact", column, _FIX, value < 0),
            Check(f"infinite or too large {role}", column, _FIX, value > _LONGEST),
        ]
    shows = source.roles["resolved" if "resolved" in source.roles else "resolution_hours"]
    answered, solved = nw.col(f"{_ANSWER}_seen"), nw.col(f"{_SOLVED}_seen")
    both = "The solution is the first answer where none came before: give that the same time."
    after = "_passed" if worked and all(time in source.roles for time in _TIMES) else ""
    early = answered & solved & (nw.col(f"{_SOLVED}{after}") < nw.col(f"{_ANSWER}{after}"))
    return [
        *checks,
        Check("solution before the first answer", shows, _FIX, early),
        Check("solution without a first answer", shows, both, solved & ~answered),
    ]


def _rating_checks(source: Source, unrated: str) -> list[Check]:
    """That customers rate what they got, and that it is said what no rating means."""
    solved, shows = nw.col(f"{_SOLVED}_seen"), source.roles["customer_id"]
    rating = nw.col(f"{OURS}satisfied")
    choice = "Say `unrated='solved'` (they count as content) or `unrated='unsatisfied'`."
    missing = solved & rating.is_null() if unrated == "error" else None
    return [
        Check("satisfied without a solution", shows, _FIX, ~solved & (rating == 1.0)),
        Check("solution of unknown satisfaction", shows, choice, missing, asks=True),
    ]


def _columns_of_contacts(source: Source, values: Values, clock: _Clock) -> list[Output]:
    """The columns of contacts in their order, then the kept ones."""
    rated = "satisfied" in source.roles
    flags = [role for role in _FLAGS[1:] if role in source.roles]
    return [
        values.ids["customer_id"],
        Output("date", f"{OURS}date"),
        Output("first_response_hours", _ANSWER),
        Output("resolution_hours", f"{OURS}resolution_counts" if rated else _SOLVED),
        *([Output("unsatisfied_hours", _UNSATISFIED)] if rated else []),
        *(Output(role, f"{OURS}{role}") for role in flags),
        *([Output("business_hours", f"{OURS}business_hours")] if clock.told else []),
        *(Output(name, column) for name, column in source.keep.items()),
    ]
