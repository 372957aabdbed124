"""What became of yesterday's list: who is new on it, worse, better, or off it and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError, count_of
from retention.frames import Columns, Frame, beside, collect, table_like
from retention.signals.daily.entries import refuse_unsaid_rows
from retention.tables import CLOSINGS, WATCHLIST, refuse_other_ids, require, typed_as
from retention.tables.answer_columns import (
    constants,
    gives,
    ids,
    numbers,
    texts,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_READ = ("customer_id", "reason", "days", "severity", "status", "as_of", "severities")
_LISTED = replace(
    WATCHLIST, columns=tuple(column for column in WATCHLIST.columns if column.name in _READ)
)
_NOT_KNOWN = "not known"
_SPREAD = {"reason": object, "severity": float, "days": float, "status": object}


@dataclass(frozen=True, slots=True)
class _List:
    """A list of a day; a list of nobody does not know its day.

    Attributes:
        told: what it says of each customer, by row.
        ids: the customers.
        day: its day.
        severities: how severe each reason is.
    """

    told: Columns
    ids: NDArray[Any]
    day: int | None
    severities: str | None

    def spread(self, place: Mapping[Any, int]) -> dict[str, NDArray[Any]]:
        """What it says of each customer of either list, missing of those who are not on it."""
        at = [place[who] for who in self.ids.tolist()]
        found: dict[str, NDArray[Any]] = {"on": np.zeros(len(place), np.bool_)}
        found["on"][at] = True
        for name, kind in _SPREAD.items():
            found[name] = np.full(len(place), np.nan if kind is float else None, dtype=kind)
            found[name][at] = self.told[name].astype(kind)
        return found


@gives(
    "a customer on one of two lists",
    ids("customer_id"),
    texts("change", "reason_before", "reason_after"),
    numbers("severity_before", "severity_after"),
    numbers("days_before", "days_after", unit="days"),
    texts("status_before", "status_after", "closed_because"),
    constants(times("as_of_before", "as_of_after")),
)
def watchlist_changes(
    before: IntoFrameT, after: IntoFrameT, *, closed_by: IntoFrameT | None = None
) -> IntoFrameT:
    """What became of a list: who is new on it, who is worse or better, who is off it and why.

    Of each customer on one list or both, the first that holds is the `change`:

        "back"        on `after` alone, and `closed_by` tells of an outcome by the day of `before`;
        "new"         on `after` alone;
        "closed"      on `before` alone;
        "suppressed"  on both; to be called on `before`, and suppressed on `after`;
        "worse"       on both, and more severe on `after`;
        "better"      on both, and less severe on `after`;
        "same"        on both.

    With n the customers on a list, called or suppressed, n_before + new + back − closed = n_after.

    Args:
        before: the answer of `watchlist` of an earlier day, as you kept it.
        after: that of a later day, with the same `severity`.
        closed_by: what became of customers: `customer_id`, `date` and `outcome`, in your own words
            ("bought", "renewed", "left", "solved", "moved away"). Of one who is off the list the
            last from the day of `before` to that of `after` counts.

    Returns:
        One row per customer, in the kind of `after`, sorted by customer: `customer_id`, `change`,
        `reason_before`, `reason_after`, `severity_before`, `severity_after`, `days_before`,
        `days_after`, `status_before`, `status_after` (each null where they are not on that list),
        `closed_because` (the outcome, or "not known"; null unless closed), and the days of the
        lists `as_of_before` and `as_of_after`.

    Raises:
        RetentionError: if `before` is not older than `after`, or the two were made with another
            `severity`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a customer is twice on a list, or one is put together of several.
        TableError: if the tables are of different kinds.

    Example:
        Ann's contract was renewed; Bob has an overdue contact now; Cem is new.

        >>> import pandas as pd
        >>> import retention as rt
        >>> def on(day, **reasons):
        ...     who = {"customer_id": list(reasons)}
        ...     day = pd.Timestamp(day)
        ...     return rt.signals.watchlist(
        ...         pd.DataFrame(who | {"reason": reasons.values(), "since": day}), as_of=day,
        ...         severity={"overdue contact": 2, "lapsing": 1},
        ...         values=pd.DataFrame(who | {"value": 1.0}),
        ...     )
        >>> yesterday = on("2024-03-10", Ann="lapsing", Bob="lapsing")
        >>> today = on("2024-03-11", Bob="overdue contact", Cem="lapsing")
        >>> outcomes = pd.DataFrame({
        ...     "customer_id": ["Ann"], "date": [pd.Timestamp("2024-03-11")],
        ...     "outcome": ["renewed"],
        ... })
        >>> found = rt.signals.watchlist_changes(yesterday, today, closed_by=outcomes)
        >>> found[["customer_id", "change", "severity_before", "severity_after"]]
          customer_id  change  severity_before  severity_after
        0         Ann  closed              1.0             NaN
        1         Bob   worse              1.0             2.0
        2         Cem     new              NaN             1.0
        >>> found["closed_because"][0]
        'renewed'

    Source:
        Start and movements make the end, as in `churn_bridge`. On 120 days of the sample company,
        90 customers on a list, 2.1 were new a day, 2.3 closed and 1.6 worse, and all lists
        reconciled: tests/benchmarks/daily_lists.py.
    """
    frame = _list_of_day(after, "after")
    earlier = _list_of_day(before, "before")
    refuse_other_ids(frame, earlier, ("after", "before"))
    older = _read_list(_beside_list(frame, before, earlier, "before"), "before")
    newer = _read_list(frame, "after")
    _refuse_lists_apart(older, newer)
    outcomes = {} if closed_by is None else _outcomes_by_customer(frame, closed_by)
    everyone = sorted({*older.ids.tolist(), *newer.ids.tolist()})
    return table_like(_changes_as_columns(everyone, older, newer, outcomes), after)


def _list_of_day(table: object, name: str) -> Frame:
    """A list, once it has its columns."""
    kind = replace(_LISTED, name=name)
    frame = require(table, kind, by_row=True, adds="none")
    refuse_unsaid_rows(frame, name, _READ)
    return frame


def _beside_list(frame: Frame, table: object, checked: Frame, name: str) -> Frame:
    """A list on the engine of another one."""
    return typed_as(beside(frame, table, name=name), checked)


def _read_list(frame: Frame, name: str) -> _List:
    """A list at hand.

    Raises:
        ContentError: if a customer is on it twice, or it is of several days.
    """
    day = periods.day_expr("as_of", frame.implementation).cast(nw.Int64)
    told = ("customer_id", "reason", "days", "severity", "status", "severities")
    found = collect(frame.select(*told, _day=day), exact=True)
    seen: set[Any] = set()
    for who in found["customer_id"].tolist():
        if who in seen:
            raise ContentError(
                f"{name}: customer {who!r} is on the list twice. Give it as watchlist(...) made it."
            )
        seen.add(who)
    made = sorted(set(zip(found["_day"].tolist(), found["severities"].tolist(), strict=True)))
    if len(made) > 1:
        days_of = sorted({periods.day_of(day) for day, _ in made})
        raise ContentError(
            f"{name}: {count_of(len(made), 'list')} in one, of {days_of[0]} to {days_of[-1]}. Give "
            "one day's at a time."
        )
    day_of, severities = made[0] if made else (None, None)
    return _List(found, found["customer_id"], day_of, severities)


def _refuse_lists_apart(older: _List, newer: _List) -> None:
    """Refuse lists that cannot be compared."""
    if older.day is None or newer.day is None:
        return
    if older.day >= newer.day:
        raise RetentionError(
            f"before is of {periods.day_of(older.day)}, not older than after, of "
            f"{periods.day_of(newer.day)}. Give the earlier list first."
        )
    if older.severities != newer.severities:
        raise RetentionError(
            f"before was made with severity {older.severities!r}, after with {newer.severities!r}: "
            "what is worse would be the policy, not the customers. Make both with the same one."
        )


def _outcomes_by_customer(frame: Frame, closed_by: object) -> dict[Any, list[tuple[int, str]]]:
    """What became of customers and when, in order."""
    checked = require(closed_by, CLOSINGS, by_row=True, adds="none")
    refuse_other_ids(frame, checked, ("after", "closed_by"))
    refuse_unsaid_rows(checked, "closed_by", CLOSINGS.names)
    table = typed_as(beside(frame, closed_by, name="closed_by"), checked)
    day = periods.day_expr("date", table.implementation).cast(nw.Int64)
    found = collect(table.select("customer_id", "outcome", _day=day), exact=True)
    told: dict[Any, list[tuple[int, str]]] = {}
    names = ("customer_id", "_day", "outcome")
    for who, on, outcome in zip(*(found[name].tolist() for name in names), strict=True):
        told.setdefault(who, []).append((int(on), str(outcome)))
    return {who: sorted(all_of_one) for who, all_of_one in told.items()}


def _changes_between(
    old: Mapping[str, NDArray[Any]], new: Mapping[str, NDArray[Any]], back: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """What became of each customer on one list or both."""
    barred = (old["status"] != new["status"]) & (new["status"] == "suppressed")
    worse = new["severity"] > old["severity"]
    cases = [~new["on"], ~old["on"] & back, ~old["on"], barred, worse]
    cases.append(new["severity"] < old["severity"])
    changes = ["closed", "back", "new", "suppressed", "worse", "better"]
    return np.asarray(np.select(cases, changes, "same"), dtype=object)


def _why_closed(outcomes: list[tuple[int, str]], older: _List, newer: _List) -> str:
    """The last outcome between two lists."""
    first = -(10**9) if older.day is None else older.day
    last = 10**9 if newer.day is None else newer.day
    return next((what for on, what in reversed(outcomes) if first <= on <= last), _NOT_KNOWN)


def _changes_as_columns(
    everyone: list[Any], older: _List, newer: _List, outcomes: dict[Any, list[tuple[int, str]]]
) -> Columns:
    """The answer."""
    place = {who: i for i, who in enumerate(everyone)}
    old, new = older.spread(place), newer.spread(place)
    back, why = np.zeros(len(place), np.bool_), np.full(len(place), None, dtype=object)
    why[~new["on"]] = _NOT_KNOWN
    for who in place.keys() & outcomes.keys():
        at, of = place[who], outcomes[who]
        back[at] = older.day is not None and of[0][0] <= older.day
        if why[at] is not None:
            why[at] = _why_closed(of, older, newer)
    columns: Columns = {
        "customer_id": np.array(everyone, dtype=_type_of_ids(newer.ids, older.ids)),
        "change": _changes_between(old, new, back),
    }
    for name in _SPREAD:
        columns |= {f"{name}_before": old[name], f"{name}_after": new[name]}
    columns["closed_because"] = why
    for name, listed in (("as_of_before", older), ("as_of_after", newer)):
        day = np.datetime64("NaT" if listed.day is None else listed.day, "D")
        columns[name] = np.full(len(everyone), day, "datetime64[D]")
    return columns


def _type_of_ids(newer: NDArray[Any], older: NDArray[Any]) -> np.dtype[Any]:
    """The type of the newer list's ids, or one as wide as the older list needs."""
    whole = newer.dtype.kind in "iu" and older.dtype.kind in "iu"
    fits = not whole or not older.size or bool((older.astype(newer.dtype) == older).all())
    return newer.dtype if fits else np.result_type(np.int64, older.dtype)
