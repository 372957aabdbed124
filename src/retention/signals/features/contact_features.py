"""Who was kept waiting: a customer's service contacts as they stood on a day."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError
from retention.frames import one_row
from retention.kpis.service.counts import (
    SAY_CLOCK,
    TIMES,
    Unknown,
    clock_of,
    target_hours,
)
from retention.signals.known.known_sums import (
    ONE,
    Span,
    Told,
    in_window,
    in_window_before,
    known_sums,
    with_moments,
)
from retention.signals.known.open_by_then import FAR, earlier_of, later_of, oldest_open
from retention.signals.known.seen_by_then import (
    DAY,
    KEYS,
    asked_and_log,
    count_or_nought,
    features_made,
    with_day_numbers,
    with_features,
)
from retention.tables import CONTACTS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.business_hours import BusinessHours, Calendar
    from retention.frames import Frame
    from retention.signals.known.seen_by_then import Asked


_MADE = ("n_contacts", "n_contacts_change", "n_late", "n_unsatisfied", "longest_open_hours")
_DAY_SECONDS = 86_400
_LONG = 1e8
"""More hours than lie between any two days."""
_NEVER = nw.lit(None, dtype=nw.Float64)
_HOURS = ("first_response_hours", "resolution_hours", "unsatisfied_hours")


@gives("a customer on a day, with features", *features_made(*_MADE))
def contact_features(
    snapshots: IntoFrameT,
    contacts: IntoFrameT,
    *,
    window: int,
    targets: Mapping[str, float],
    business_hours: BusinessHours | None = None,
    observed_from: date | str | None = None,
    suffix: str = "",
) -> IntoFrameT:
    """How each customer had been served by a day: how often they called, how long they waited.

    Of day a, over the contacts of (a − window, a] as they stood on the evening of a:

        n_contacts         = their number,
        n_contacts_change  = (n_contacts − n_before) / (n_contacts + n_before), with the n_before of
                             the window of the same length before that one, −1 to 1,
        n_late             = those that were answered or solved after their target, or had waited
                             for longer than that by then,
        n_unsatisfied      = those closed with a solution that did not content the customer,
        longest_open_hours = the longest wait of the contacts that were open by then, however old.

    A contact is late from the day on which its target passed, not from that on which it was solved
    at last: on the former day it was known. One that was solved after a is open on a. The rule is
    that of `retention_by_service`: a solution that did not content the customer is none, so that
    the contact waits for one.

    Args:
        snapshots: a table of `snapshots` or `contract_snapshots`.
        contacts: a table from `as_contacts`, of the same kind.
        window: days of the window that ends on the day, itself included, 1 or more.
        targets: the hours within which customers are to be answered and to be content, as in
            `service_kpis`.
        business_hours: by what clock hours run, where the contacts do not say it themselves, as in
            `service_kpis`. One that is not known is refused.
        observed_from: the first day of which the table has contacts, where there were some before
            it, too: a window that begins earlier was not seen whole, and what is asked of it is
            null. Default: all that ever were are in it.
        suffix: what the names of the features end with, so that several windows can stand beside
            one another.

    Returns:
        The snapshots, in the caller's kind, with `n_contacts`; `n_contacts_change` (null where
        there was no contact in either window, or the earlier one began before the customer did, as
        far as the snapshots say their `tenure`); `n_late`; `n_unsatisfied` (null where satisfaction
        is not in the contacts); `longest_open_hours` (hours; 0 where none is open). Eager tables
        are sorted by customer and day.

    Raises:
        RetentionError: if `window` is no whole number of days, or `targets` does not say both.
        ColumnError: if a column is missing, of the wrong type, or a feature is there already.
        ContentError: if a snapshot lacks its customer or day, or hours of contacts are
            below 0 or of a clock that is not known.
        TableError: if the two are different kinds of table.

    Example:
        Ann called on the 10th at noon and is to be answered within a day. On the 11th she was
        answered after 40 hours; on its evening nobody had answered yet, and 36 hours had passed.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.DataFrame({
        ...     "customer_id": ["Ann"] * 3,
        ...     "as_of": pd.to_datetime(["2024-01-10", "2024-01-11", "2024-01-31"]),
        ... })
        >>> contacts = pd.DataFrame({
        ...     "customer_id": ["Ann"],
        ...     "date": pd.to_datetime(["2024-01-10 12:00"]),
        ...     "first_response_hours": [40.0],
        ...     "resolution_hours": [50.0],
        ... })
        >>> found = rt.signals.contact_features(
        ...     days, contacts, window=30, targets={"first_response": 24, "resolution": 168}
        ... )
        >>> found[["as_of", "n_contacts", "n_late", "longest_open_hours"]]
               as_of  n_contacts  n_late  longest_open_hours
        0 2024-01-10         1.0     0.0                12.0
        1 2024-01-11         1.0     1.0                36.0
        2 2024-01-31         1.0     1.0                 0.0

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9:
        complaints badly handled, and fewer calls for help, as signs of coming defection.
    """
    hours, clock = target_hours(targets), known_clock(contacts, business_hours)
    said = (window, observed_from, suffix)
    asked, log = asked_and_log(snapshots, contacts, CONTACTS, _MADE, said)
    refuse_negative_hours(log)
    found = _contacts_as_they_stood(asked, _with_days_of_states(log, clock, hours), clock)
    n_unsatisfied = count_or_nought("_unsatisfied")
    if "unsatisfied_hours" not in log.collect_schema().names():
        n_unsatisfied = nw.lit(None, dtype=nw.Float64)
    features = {
        "n_contacts": asked.seen(count_or_nought("_n")),
        "n_contacts_change": asked.change("_n", "_n_before"),
        "n_late": asked.seen(count_or_nought("_late")),
        "n_unsatisfied": asked.seen(n_unsatisfied),
        "longest_open_hours": count_or_nought("_open"),
    }
    return with_features(asked, [found], features, snapshots, of_both=["n_contacts_change"])


def known_clock(contacts: object, said: BusinessHours | None) -> Calendar | None:
    """The clock of the contacts, once it is sure that it is known."""
    clock = clock_of(contacts, said)
    if isinstance(clock, Unknown):
        raise ContentError(
            "contacts: hours were named and not by what clock they run, so nobody knows what was "
            f"late on which day. {SAY_CLOCK}"
        )
    return clock


def _contacts_as_they_stood(asked: Asked, rows: Frame, clock: Calendar | None) -> Frame:
    """How many contacts of each customer there were and were late, and the longest open wait."""
    moments = with_moments(rows.with_columns(_one=ONE), window=asked.window)
    spans = (
        *(in_window("_n", "_one"), in_window_before("_n_before", "_one")),
        Span("_late", "_one", "_late_from", "_passes"),
        Span("_unsatisfied", "_one", "_given_up_from", "_passes"),
    )
    oldest = oldest_open(moments, age="_at", value="_begun", start="_enters", end="_closed_from")
    found = known_sums(asked.rows.select(*KEYS), [Told(moments, spans), oldest])
    evening = (DAY + 1) * _DAY_SECONDS
    ended = _with_seconds_by_clock(found.with_columns(_evening=evening), clock, "_evening", "_end")
    waited = ((nw.col("_end") - nw.col("_oldest")) / 3600.0).cast(nw.Float64)
    return ended.with_columns(_open=nw.when(nw.col("_n_open") > 0).then(waited))


def _with_seconds_by_clock(rows: Frame, clock: Calendar | None, at: str, name: str) -> Frame:
    """Rows with the seconds that the clock shows at a moment, from some day long ago on."""
    if clock is None:
        return rows.with_columns(nw.col(at).alias(name))
    return clock.with_worked(rows, at, name)


def _with_days_of_states(log: Frame, clock: Calendar | None, targets: Mapping[str, float]) -> Frame:
    """Contacts, with the first day on whose evening each was late, given up, or closed."""
    rows = evenings_of_contacts(log, clock, targets)
    late = earlier_of(nw.col("_late_first_response"), nw.col("_late_resolution"))
    date, given_up = nw.col("_date"), nw.col("_done_unsatisfied_hours")
    closed = earlier_of(nw.col("_done_resolution_hours"), given_up)
    return rows.select(
        *("customer_id", "_date", "_at", "_begun"),
        _late_from=later_of(late, date),
        _given_up_from=later_of(given_up, date),
        _closed_from=later_of(closed, date),
    )


def evenings_of_contacts(log: Frame, clock: Calendar | None, targets: Mapping[str, float]) -> Frame:
    """Contacts, with the first day on whose evening each of their states had come about.

    Added are `_date`, and of each of the hours the first evening by which that was done (such as
    `_done_resolution_hours`; one that is far off if never), and of each of the times that by which
    its target had passed (such as `_late_resolution`; far off if it was done in time).
    """
    schema, engine = log.collect_schema(), log.implementation
    rows = with_day_numbers(log, {"_date": "date"}).filter(~nw.col("_date").is_null())
    at = periods.second_expr("date", schema["date"], engine)
    hours = {n: nw.col(n).cast(nw.Float64) if n in schema else _NEVER for n in _HOURS}
    timed = rows.select("customer_id", "_date", _at=at, **hours)
    rows = _with_seconds_by_clock(timed, clock, "_at", "_begun")
    for name in _HOURS:
        rows = _with_first_evening(rows, clock, f"_done_{name}", _seconds_of(name, clock))
    for name in TIMES:
        waits = nw.lit(_seconds_beyond(targets[name])).cast(nw.Int64)
        rows = _with_first_evening(rows, clock, f"_late_{name}", waits)
        in_time = nw.col(f"{name}_hours") <= targets[name]
        late = nw.when(in_time).then(nw.lit(FAR)).otherwise(nw.col(f"_late_{name}"))
        rows = rows.with_columns(late.alias(f"_late_{name}"))
    return rows


def _with_first_evening(rows: Frame, clock: Calendar | None, name: str, waits: nw.Expr) -> Frame:
    """Rows with the first day on whose evening so many seconds had passed since a contact began."""
    then = rows.with_columns((nw.col("_begun") + waits).alias("_then"))
    if clock is not None:
        return clock.with_first_day(then, "_then", name)
    return then.with_columns(((nw.col("_then") - 1) // _DAY_SECONDS).alias(name))


def _seconds_of(name: str, clock: Calendar | None) -> nw.Expr:
    """The whole seconds after which something is done that took so many hours.

    By working hours what was done at the last closing is done by then, see `contacts_with_state`.
    """
    hours = nw.when(nw.col(name) < _LONG).then(nw.col(name)).otherwise(nw.lit(_LONG))
    whole = (hours * 3600.0).floor().cast(nw.Int64)
    told: nw.Expr = whole + 2
    for seconds in (whole + 1, whole, whole - 1):
        passed = seconds.cast(nw.Float64) / 3600.0
        is_done = passed > hours if clock is None else passed >= hours
        told = nw.when(is_done).then(seconds).otherwise(told)
    return told.cast(nw.Int64)


def _seconds_beyond(hours: float) -> int:
    """The fewest whole seconds that are more than so many hours."""
    whole = floor(min(hours, _LONG) * 3600.0)
    return next(n for n in range(whole - 1, whole + 3) if n / 3600.0 > min(hours, _LONG))


def refuse_negative_hours(log: Frame) -> None:
    """Refuse contacts that were answered or solved before they came."""
    names = [name for name in _HOURS if name in log.collect_schema().names()]
    found = one_row(log.select(nw.col(name).cast(nw.Float64).min() for name in names))
    if any(value is not None and value < 0 for value in found.values()):
        raise ContentError("contacts: hours below 0. Load the table with as_contacts(...).")
