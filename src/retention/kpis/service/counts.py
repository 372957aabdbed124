"""What became of each service contact, as it stood at a moment, counted by segment and figure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from numbers import Real
from typing import TYPE_CHECKING, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.base_and_later import activity_by_segments
from retention.activity.window import window_of
from retention.business_hours import BusinessHours, Calendar, calendar_of
from retention.errors import ColumnError, ContentError, RetentionError, warn
from retention.frames import Columns, Frame, as_text, beside, collect, count, one_row
from retention.numerics.codes import distinct_segments
from retention.tables import CONTACTS, refuse_other_ids, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

TIMES = ("first_response", "resolution")
"""Figures that are times, in hours."""

FLAGS = ("right_first_time", "parts_available")
"""Figures that are shares of contacts."""

CLASSES: Mapping[str, tuple[str, ...]] = {
    "times": ("no contact", "within target", "outside target", "open"),
    "right_first_time": (
        *("no contact", "right first time", "not right first time", "open", "not noted"),
    ),
    "parts_available": (
        *("no contact", "parts available", "parts not available", "open", "not noted"),
    ),
}
"""By quality, how customers were served in a period: not at all, well, badly …; see
`activity_by_service`."""

OPEN, DONE, UNKNOWN = 0, 1, 2
"""How a contact stands: not answered or solved yet, done, or answered with nothing noted."""

_NOT_NOTED, _WELL, _OPEN, _BADLY = 1, 2, 3, 4
"""How contacts rank, the worst last."""

_PLACES = {_WELL: 1, _BADLY: 2, _OPEN: 3, _NOT_NOTED: 4}
"""The place among `CLASSES` of customers whose worst contact ranks so."""

_HOURS = ("first_response_hours", "resolution_hours", "unsatisfied_hours")
_DAY = 86_400
SAY_CLOCK = (
    "Say business_hours='always' of hours that run day and night, or when the desk is open, such "
    "as business_hours={'mon-fri': '09:00-17:30', 'tz': 'Europe/Berlin'}."
)
"""What to do about hours of which nobody knows the clock."""

_NEGATIVE = "contacts: hours below 0. Load the table with as_contacts(...)."


def target_hours(targets: object) -> dict[str, float]:
    """The hours within which customers are to be answered and to be content.

    Raises:
        RetentionError: if it is not said for each of the two, in hours above 0.
    """
    given = dict(targets) if isinstance(targets, Mapping) else {}
    if set(given) != set(TIMES) or not all(_is_length(hours) for hours in given.values()):
        raise RetentionError(
            "targets must say in hours, above 0, by when customers are to be answered and to be "
            f"content, such as {{'first_response': 24, 'resolution': 168}}; got {targets!r}."
        )
    return {name: float(given[name]) for name in TIMES}


def _is_length(hours: object) -> bool:
    real = isinstance(hours, Real) and not isinstance(hours, bool)
    return real and 0 < float(cast("float", hours)) < np.inf


class Unknown(Enum):
    """The clock of hours of which nobody said whether they run day and night."""

    CLOCK = "unknown"


Clock = Calendar | Unknown | None
"""By what hours of contacts are counted: a calendar, one not known, or None: day and night."""


def clock_of(contacts: object, said: BusinessHours | None) -> Clock:
    """The clock that contacts were loaded with, or else the one that was said.

    Raises:
        RetentionError: if `said` cannot be understood, or differs from what the table says.
        ContentError: if the table holds contacts of two clocks.
    """
    calendar = None if said is None else calendar_of(said)
    frame = require(contacts, CONTACTS)
    if "business_hours" not in frame.collect_schema():
        if calendar is not None:
            raise RetentionError(
                "business_hours: the hours of these contacts run day and night, since they were "
                "loaded without a calendar. Leave it out here, or load them with "
                "as_contacts(..., business_hours=...) anew."
            )
        return None
    told = frame.select(_told=nw.col("business_hours").fill_null(""))
    limits = [nw.col("_told").min().alias("least"), nw.col("_told").max().alias("most")]
    found = one_row(told.select(*limits, nw.len().alias("n")))
    if found["least"] != found["most"]:
        raise ContentError(
            "contacts: 'business_hours' differ from row to row. Give contacts of one clock at a "
            "time."
        )
    if not found["least"]:
        return Unknown.CLOCK if said is None and found["n"] else calendar
    own = calendar_of(found["least"])
    if said is not None and calendar != own:
        raise RetentionError(
            f"business_hours: these contacts were loaded with {found['least']!r}. Leave it out "
            "here, or load them with as_contacts(..., business_hours=...) anew."
        )
    return own


def counts_of_contacts(
    contacts: object, names: Sequence[str], as_of: date, clock: Clock
) -> tuple[Columns, Columns]:
    """How the contacts up to `as_of` stood at its end, counted by the engine that holds them.

    Args:
        contacts: a table from `as_contacts`.
        names: the segment columns.
        as_of: the last observed day.
        clock: by what hours are counted.

    Returns:
        The segments, one row each; and the counts: `_segment` (its place among them), `_figure`
        (its place among `TIMES` and `FLAGS`), `_value` (hours to when it was done or seen last; 1
        or 0), `_state` (see `OPEN`) and `_n`, how many contacts there are of that kind.

    Raises:
        ContentError: if there is no contact up to `as_of`, or hours below 0.
    """
    frame = require(contacts, CONTACTS, extra=names)
    schema = frame.collect_schema()
    flags = [name for name in FLAGS if name in schema]
    labels = [as_text(name, schema[name]) for name in names]
    told = frame.with_columns(*labels) if names else frame
    day = nw.lit(periods.number_of(as_of))
    stood = contacts_with_state(told, day=day, clock=clock).filter(nw.col("_age") > 0)
    marked = stood.with_columns(
        nw.col(name).cast(nw.Float64).alias(f"_{name}")
        if name in flags
        else nw.lit(None, dtype=nw.Float64).alias(f"_{name}")
        for name in FLAGS
    )
    rows = nw.concat(
        [_contacts_of_figure(marked, names, place) for place in range(len(TIMES + FLAGS))]
    )
    kinds = [*names, "_figure", "_value", "_state"]
    counted = rows.group_by(*kinds).agg(nw.len().alias("_n"))
    whole = nw.col("_figure", "_state", "_n").cast(nw.Int64)
    found = collect(counted.with_columns(whole))
    if not found["_n"].size:
        raise ContentError(f"contacts: there is none up to as_of {as_of}.")
    if (found["_value"] < 0).any():
        raise ContentError(_NEGATIVE)
    segments, found["_segment"] = distinct_segments(found, names)
    return segments, found


def contacts_with_state(contacts: Frame, *, day: nw.Expr, clock: Clock) -> Frame:
    """Contacts as they stood at the end of a day, each at its own if need be.

    Added are `_age`, the hours from the contact to that end (0 or less: it came later), `_seen`,
    the same by the clock, and for each of the times whether it was done by then
    (`_first_response_done`, `_resolution_done`: 1 or 0) and the hours to when it was done or seen
    last (`_first_response`, `_resolution`). A solution that did not content the customer is none,
    and ends what was seen. By working hours, what was done between that end and the next opening
    cannot be told from what was done at the last closing, and counts as done. By a clock that is
    not known, all was done but what takes more hours than had passed by any clock.
    """
    schema, engine = contacts.collect_schema(), contacts.implementation
    at = periods.second_expr("date", schema["date"], engine)
    hours = {
        f"_{name}": nw.col(name).cast(nw.Float64)
        if name in schema
        else nw.lit(None, dtype=nw.Float64)
        for name in _HOURS
    }
    aged = contacts.with_columns(_at=at, _day_end=(day + 1) * _DAY, **hours)
    from_, to = "_at", "_day_end"
    aged = aged.with_columns(_age=((nw.col(to) - nw.col(from_)) / 3600.0).cast(nw.Float64))
    if isinstance(clock, Calendar):
        aged = clock.with_worked(clock.with_worked(aged, from_, "_begun"), to, "_ended")
        from_, to = "_begun", "_ended"
    aged = aged.with_columns(_seen=((nw.col(to) - nw.col(from_)) / 3600.0).cast(nw.Float64))
    answer, solution, last = (nw.col(f"_{name}") for name in _HOURS)
    age = nw.col("_seen")
    marked = aged.with_columns(
        _first_response_done=count(_is_done_by_end(answer, clock)),
        _resolution_done=count(_is_done_by_end(solution, clock)),
        _given_up=count(_is_done_by_end(last, clock)),
    )
    answered, solved = nw.col("_first_response_done") == 1, nw.col("_resolution_done") == 1
    unsolved = nw.when(nw.col("_given_up") == 1).then(last).otherwise(age)
    return marked.with_columns(
        _first_response=nw.when(answered).then(answer).otherwise(age),
        _resolution=nw.when(solved).then(solution).otherwise(unsolved),
    )


def _is_done_by_end(hours: nw.Expr, clock: Clock) -> nw.Expr:
    """Whether something was done by the end of what was seen."""
    if clock is None:
        return hours < nw.col("_seen")
    if isinstance(clock, Calendar):
        return hours <= nw.col("_seen")
    return (hours >= 0) & (hours < nw.col("_age"))


def _contacts_of_figure(stood: Frame, names: Sequence[str], place: int) -> Frame:
    """Each contact's value and state in one figure."""
    figure = (*TIMES, *FLAGS)[place]
    if figure in TIMES:
        value, state = nw.col(f"_{figure}"), nw.col(f"_{figure}_done")
        return stood.select(*names, _figure=nw.lit(place), _value=value, _state=state)
    # A diagnosis, and a look for parts, come with the first answer.
    flag = nw.col(f"_{figure}")
    known, answered = (flag == 1) | (flag == 0), nw.col("_first_response_done") == 1
    noted = nw.when(known).then(nw.lit(DONE)).otherwise(nw.lit(UNKNOWN))
    state = nw.when(answered).then(noted).otherwise(nw.lit(OPEN))
    value = nw.when(answered & known).then(flag).otherwise(nw.lit(0.0))
    return stood.select(*names, _figure=nw.lit(place), _value=value, _state=state.cast(nw.Int64))


def contacts_summed_where(
    counts: Columns, n_groups: int, where: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Contacts of each segment and figure, of those kinds that `where` holds of."""
    group = counts["_segment"] * len(TIMES + FLAGS) + counts["_figure"]
    n = np.bincount(group[where], weights=counts["_n"][where], minlength=n_groups)
    return np.rint(n).astype(np.int64)


def activity_by_service(
    contacts: object, activity: object, quality: str, targets: Mapping[str, float], clock: Clock
) -> Frame:
    """Activity with a column `service`: the class of each customer's service in each period.

    Args:
        contacts: a table from `as_contacts`.
        activity: an activity table of the same kind; segments are taken together.
        quality: one of `CLASSES`.
        targets: see `target_hours`.
        clock: by what hours are counted.

    Raises:
        ColumnError: if the contacts lack what is asked for.
        ContentError: if the activity is empty, hours are below 0 or of a clock that is not known,
            or no contact falls in one of its periods or is one of its customers'.
    """
    if isinstance(clock, Unknown):
        raise ContentError(
            "contacts: hours were named and not by what clock they run, so nobody knows whether an "
            f"answer came before a period was over. {SAY_CLOCK}"
        )
    frame, _ = activity_by_segments(activity, (), adds="all")
    refuse_other_ids(frame, require(contacts, CONTACTS), ("activity", "contacts"))
    window = window_of(frame, empty="there is no customer who could be served")
    stood = _contacts_at_period_end(beside(frame, contacts, name="contacts"), window.freq, clock)
    worst = _worst_contacts(_contacts_with_rank(stood, quality, targets))
    _refuse_unfit_contacts(worst, frame, window)
    joined = frame.join(
        worst.select("customer_id", "step", "_worst"), on=["customer_id", "step"], how="left"
    )
    rank, classes = nw.col("_worst").fill_null(0), CLASSES[quality]
    service: nw.Expr = nw.lit(classes[0])
    for worse, place in _PLACES.items():
        if place < len(classes):
            service = nw.when(rank == worse).then(nw.lit(classes[place])).otherwise(service)
    return joined.with_columns(service=service).drop("_worst")


def _contacts_at_period_end(contacts: Frame, freq: str, clock: Clock) -> Frame:
    """Contacts with their period, as they stood at its end."""
    dated = contacts.with_columns(_day=periods.day_expr("date", contacts.implementation))
    numbered = dated.with_columns(step=periods.step_expr("date", "_day", freq).cast(nw.Int64))
    day = periods.first_day_number(nw.col("step") + 1, freq) - 1
    return contacts_with_state(numbered, day=day, clock=clock)


def _contacts_with_rank(stood: Frame, quality: str, targets: Mapping[str, float]) -> Frame:
    """Contacts with how each ranks (`_rank`)."""
    if quality == "times":
        ranks = [_rank_of_time(name, targets[name]).alias(f"_rank_{name}") for name in TIMES]
        each = stood.with_columns(*ranks)
        return each.with_columns(_rank=nw.max_horizontal(*(f"_rank_{name}" for name in TIMES)))
    schema = stood.collect_schema()
    if quality not in schema:
        what = f"{CONTACTS.name} ({CONTACTS.row})"
        meaning = next(column.meaning for column in CONTACTS.columns if column.name == quality)
        raise ColumnError.missing(what, quality, meaning, schema, CONTACTS.door)
    flag = nw.col(quality).cast(nw.Float64)
    noted = nw.when(flag == 0).then(nw.lit(_BADLY)).when(flag == 1).then(nw.lit(_WELL))
    known = noted.otherwise(nw.lit(_NOT_NOTED))
    answered = nw.col("_first_response_done") == 1
    return stood.with_columns(_rank=nw.when(answered).then(known).otherwise(nw.lit(_OPEN)))


def _rank_of_time(name: str, target: float) -> nw.Expr:
    """Done in time, open but no longer than the target, or done late or open for longer."""
    done = nw.col(f"_{name}_done") == 1
    waited = nw.when(done).then(nw.col(f"_{name}")).otherwise(nw.col("_seen"))
    late = nw.when(waited > target).then(nw.lit(_BADLY)).otherwise(nw.lit(_WELL))
    return nw.when(~done & (waited <= target)).then(nw.lit(_OPEN)).otherwise(late)


def _worst_contacts(ranked: Frame) -> Frame:
    """The worst of each customer's contacts in a period, their first day, and wrong hours."""
    negative = [nw.col(f"_{name}") < 0 for name in _HOURS]
    told = ranked.with_columns(
        _worst=nw.col("_rank").cast(nw.Int64),
        _negative=sum((count(x) for x in negative), nw.lit(0)),
    )
    most = [nw.col(name).max() for name in ("_worst", "_negative")]
    return told.group_by("customer_id", "step").agg(*most, nw.col("_day").min())


def _refuse_unfit_contacts(worst: Frame, activity: Frame, window: periods.Window) -> None:
    """Refuse contacts of other times or customers, and warn of those that begin too late."""
    first, last, freq = window
    step, mine = nw.col("step"), activity.select("customer_id").unique()
    met = worst.with_columns(_inside=count((step >= first) & (step <= last))).join(
        mine.with_columns(_mine=nw.lit(1)), on="customer_id", how="left"
    )
    sums = [nw.col(name).sum() for name in ("_inside", "_negative")]
    found = one_row(met.select(*sums, nw.col("_mine").count(), nw.col("_day").min()))
    if found["_negative"]:
        raise ContentError(_NEGATIVE)
    said = f"{periods.label(first, freq)} to {periods.label(last, freq)}"
    if not found["_inside"]:
        raise ContentError(f"contacts: none falls in a period of the activity ({said}).")
    if not found["_mine"]:
        raise ContentError("No customer_id of contacts is in the activity: do the ids agree?")
    begun = periods.day_of(int(found["_day"]))
    if periods.step_of(begun, freq) > first:
        until = periods.first_day(last + 1, freq)
        whole = periods.whole_periods(begun, until, freq).first_step
        warn(
            f"The first contact is of {begun}; the activity begins with "
            f"{periods.label(first, freq)}. If the log of contacts begins there, customers of "
            "earlier periods are in 'no contact' whatever they went through: trust the classes "
            f"from {periods.label(whole, freq)} on."
        )
