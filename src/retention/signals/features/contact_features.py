"""Who was kept waiting: a customer's service contacts as they stood on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ContentError
from retention.frames import count, one_row
from retention.kpis.service.counts import (
    SAY_CLOCK,
    TIMES,
    Unknown,
    clock_of,
    contacts_with_state,
    target_hours,
)
from retention.signals.known.seen_by_then import (
    DAY,
    KEYS,
    asked_and_log,
    count_or_nought,
    features_made,
    rows_by_then,
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
    hours, clock = target_hours(targets), _known_clock(contacts, business_hours)
    said = (window, observed_from, suffix)
    asked, log = asked_and_log(snapshots, contacts, CONTACTS, _MADE, said)
    there = [name for name in _HOURS if name in log.collect_schema().names()]
    _refuse_negative_hours(log, there)
    dated = with_day_numbers(log, {"_date": "date"}).select("customer_id", "date", "_date", *there)
    stood = contacts_with_state(rows_by_then(asked, dated), day=DAY, clock=clock)
    found = _contacts_as_they_stood(asked, stood, hours)
    n_unsatisfied = count_or_nought("_unsatisfied")
    if "unsatisfied_hours" not in there:
        n_unsatisfied = nw.lit(None, dtype=nw.Float64)
    features = {
        "n_contacts": asked.seen(count_or_nought("_n")),
        "n_contacts_change": asked.change("_n", "_n_before"),
        "n_late": asked.seen(count_or_nought("_late")),
        "n_unsatisfied": asked.seen(n_unsatisfied),
        "longest_open_hours": count_or_nought("_open"),
    }
    return with_features(asked, [found], features, snapshots, of_both=["n_contacts_change"])


def _known_clock(contacts: object, said: BusinessHours | None) -> Calendar | None:
    """The clock of the contacts, once it is sure that it is known."""
    clock = clock_of(contacts, said)
    if isinstance(clock, Unknown):
        raise ContentError(
            "contacts: hours were named and not by what clock they run, so nobody knows what was "
            f"late on which day. {SAY_CLOCK}"
        )
    return clock


def _contacts_as_they_stood(asked: Asked, stood: Frame, targets: Mapping[str, float]) -> Frame:
    """How many contacts of each customer there were and were late, and the longest open wait."""
    given_up = nw.col("_given_up") == 1
    late = _is_late(TIMES[0], targets) | _is_late(TIMES[1], targets)
    unsatisfied = given_up & ~nw.col("_unsatisfied_hours").is_null()
    is_open = (nw.col("_resolution_done") == 0) & ~given_up
    marked = stood.with_columns(
        _n=count(asked.in_window),
        _n_before=count(asked.in_window_before),
        _late=count(asked.in_window & late),
        _unsatisfied=count(asked.in_window & unsatisfied),
        _open=nw.when(is_open).then(nw.col("_seen")),
    )
    sums = [nw.col(name).sum() for name in ("_n", "_n_before", "_late", "_unsatisfied")]
    return marked.group_by(*KEYS).agg(*sums, nw.col("_open").max())


def _is_late(time: str, targets: Mapping[str, float]) -> nw.Expr:
    """Whether a contact was answered or solved after its target, or had waited for longer."""
    done = nw.col(f"_{time}_done") == 1
    return nw.when(done).then(nw.col(f"_{time}")).otherwise(nw.col("_seen")) > targets[time]


def _refuse_negative_hours(log: Frame, names: list[str]) -> None:
    """Refuse contacts that were answered or solved before they came."""
    found = one_row(log.select(nw.col(name).cast(nw.Float64).min() for name in names))
    if any(value is not None and value < 0 for value in found.values()):
        raise ContentError("contacts: hours below 0. Load the table with as_contacts(...).")
