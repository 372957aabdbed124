"""retention watchlist: the list of a night, what has changed on it, and the list of each owner."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from retention.cli.lists.list_files import table_of_list, table_of_nobody
from retention.cli.lists.owner_files import (
    lists_of_owners,
    refuse_other_lists,
    write_owner_files,
    write_owner_sheets,
)
from retention.cli.lists.refused_lists import (
    refuse_edited_list,
    refuse_half_told_lists,
    refuse_other_policies,
    warn_of_other_people,
    warn_of_strangers,
)
from retention.cli.settings import Output
from retention.cli.writing import format_of_answer, write_answer
from retention.errors import RetentionError, count_of
from retention.frames.python_rows import columns_as_lists
from retention.periods import whole_days
from retention.progress import progress_bar
from retention.signals.daily.entries import alarm_entries, renewal_entries
from retention.signals.daily.overdue import overdue_contacts, overdue_invoices
from retention.signals.daily.watchlist import watchlist
from retention.signals.daily.watchlist_changes import watchlist_changes
from retention.targeting.offers.due_for_renewal import due_for_renewal
from retention.written_files.whole_files import write_whole_bytes
from retention.written_files.workbook_bytes import workbook_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from retention.cli.list_settings import Watched
    from retention.cli.settings import Settings

_BESIDE = ("owners", "calls", "opted_out", "risk")
_POLICY = ("quiet_days", "escalate_top", "escalate_after", "at_most", "order", "allow_unvalued")
_PEOPLE = (
    *("rank", "customer_id", "owner", "reason", "days", "severity", "value"),
    *("escalate", "status", "why"),
)
_CHANGES = ("new", "back", "worse", "better", "suppressed", "same", "closed")


@dataclass(frozen=True, slots=True)
class _Before:
    """The list of an earlier night, and who was escalated on it."""

    table: Any
    escalated: frozenset[str]


def write_watchlist(settings: Settings, say: Callable[[str], None]) -> bool:
    """The list of a night, its changes, and the list of each owner; the list itself comes last.

    Returns:
        Whether there is somebody to call who was not, or whose trouble was less, the night before.

    Raises:
        UsageError: if something is not said, or said of a file that is not there.
    """
    refuse_half_told_lists(settings)
    with progress_bar("retention watchlist", "steps", 3) as done:
        before = _list_before(settings)
        done(1)
        today, owners = _list_of_night(settings)
        refuse_other_policies(before.table, today, settings)
        warn_of_other_people(settings.watched, before.table, today)
        done(1)
        changes = watchlist_changes(
            before.table, today, closed_by=_table_told("closed_by", settings)
        )
        done(1)
    listed, changed = columns_as_lists(today), columns_as_lists(changes)
    _write_beside_list(listed, changed, changes, owners, settings.watched)
    news = _new_to_act_on(listed, before)
    for sentence in _night_in_words(listed, changed, len(news), settings):
        say(sentence)
    _write_list(today, listed, changed, settings)
    return bool(news)


def _list_before(settings: Settings) -> _Before:
    """The list of an earlier night; on the first one that of nobody.

    Raises:
        RetentionError: if it is of no earlier night.
        ContentError: if an id in a CSV cannot be told from how it was written.
    """
    told, day = settings.watched, settings.counting.as_of
    if told.previous is None:
        table = table_of_nobody("previous")
    else:
        table = table_of_list("previous", told.previous, _settings_of_previous(settings))
    last = None if table.empty else table["as_of"].max().date()
    if last is not None and day is not None and last >= day:
        raise RetentionError(
            f"--previous {told.previous} is of {last}, and --as-of is {day}: name the list of an "
            "earlier day."
        )
    refuse_edited_list(told, table)
    table = table.assign(**{name: table[name].astype("int64") for name in ("days", "severity")})
    marked = table["escalate"].astype(str).str.lower() == "true"
    return _Before(table.drop(columns="escalate"), frozenset(table["customer_id"][marked]))


def _settings_of_previous(settings: Settings) -> Settings:
    """The sheet of a workbook in which the list is, as it was written."""
    own = {"sheet": "list"} | settings.doors.get("previous", {})
    if str(settings.watched.previous).lower().endswith(".xlsx"):
        return settings.model_copy(update={"doors": settings.doors | {"previous": own}})
    return settings


def _list_of_night(settings: Settings) -> tuple[Any, list[str]]:
    """The list, and everybody who looks after customers, whether theirs are on it or not."""
    told = settings.watched
    tables = {name: _table_told(name, settings) for name in ("values", *_BESIDE)}
    policy = told.model_dump(include=set(_POLICY))
    asked: dict[str, Any] = policy | {name: t for name, t in tables.items() if t is not None}
    day: Any = settings.counting.as_of
    severity: Any = told.severity
    entries = _entries_of_files(settings)
    today = watchlist(entries, as_of=day, severity=severity, **asked)
    people = {*entries["customer_id"], *tables["values"]["customer_id"]}
    warn_of_strangers(told, {name: tables[name] for name in _BESIDE}, people)
    return today, _people_of_owners(tables["owners"])


def _people_of_owners(owners: Any) -> list[str]:
    """Owners and their leads."""
    if owners is None:
        return []
    named = [owners[name] for name in ("owner", "lead") if name in owners]
    return sorted({str(one) for each in named for one in each.dropna() if str(one)})


def _table_told(name: str, settings: Settings) -> Any:
    """A file that was named, as a table; None if none was."""
    path = getattr(settings.watched, name)
    return None if path is None else table_of_list(name, path, settings)


def _entries_of_files(settings: Settings) -> Any:
    """The reasons of all files, one under the other."""
    made = [
        entries(table, settings)
        for name, entries in _ENTRIES.items()
        if (table := _table_told(name, settings)) is not None and len(table)
    ]
    if settings.file is not None:
        made.append(table_of_list("entries", settings.file, settings))
    parts = [part for part in made if len(part)]
    if not parts:
        return table_of_nobody("entries")
    days = {"since": "datetime64[us]"}
    shared = [name for name in ("customer_id", "reason", "since", "detail") if name in parts[0]]
    if any("detail" in part for part in parts):
        parts = [part if "detail" in part else part.assign(detail=None) for part in parts]
        shared = ["customer_id", "reason", "since", "detail"]
    texts = {name: "object" for name in ("reason", "detail") if name in shared}
    return pd.concat([part[shared].astype(days | texts) for part in parts], ignore_index=True)


def _entries_of_contracts(table: Any, settings: Settings) -> Any:
    told, day = settings.watched, settings.counting.as_of
    back = told.lapsed_within
    since: Any = None
    if back is not None and day is not None:
        back = whole_days(back, argument="lapsed_within", least=0)
        since = date.fromordinal(max(1, day.toordinal() - back))
    ahead: Any = told.within
    due = due_for_renewal(table, as_of=day or "", within=ahead, since=since)
    return renewal_entries(due, within=ahead)


def _entries_of_contacts(table: Any, settings: Settings) -> Any:
    targets: Any = settings.watched.targets
    return overdue_contacts(table, as_of=settings.counting.as_of or "", targets=targets)


def _entries_of_invoices(table: Any, settings: Settings) -> Any:
    late: Any = settings.watched.grace
    return overdue_invoices(table, as_of=settings.counting.as_of or "", grace=late)


def _entries_of_alarms(table: Any, settings: Settings) -> Any:
    stands: Any = settings.watched.valid_for
    return alarm_entries(table, as_of=settings.counting.as_of or "", valid_for=stands)


_ENTRIES: dict[str, Callable[[Any, Settings], Any]] = {
    "contracts": _entries_of_contracts,
    "contacts": _entries_of_contacts,
    "invoices": _entries_of_invoices,
    "alarms": _entries_of_alarms,
}


def _new_to_act_on(listed: dict[str, list[Any]], before: _Before) -> list[str]:
    """Whom to call who was not to be called before, or for less, or is escalated only now."""
    called = before.table[before.table["status"] == "call"]
    was = dict(zip(called["customer_id"].tolist(), called["severity"].tolist(), strict=True))
    names = ("customer_id", "status", "severity", "escalate")
    return [
        who
        for who, status, severity, escalate in zip(*(listed[n] for n in names), strict=True)
        if status == "call"
        and (was.get(who, -1) < severity or who not in was or escalate > (who in before.escalated))
    ]


def _night_in_words(
    listed: dict[str, list[Any]], changed: dict[str, list[Any]], n_news: int, settings: Settings
) -> Iterable[str]:
    """How many are called, what has changed since the night before, and what is new."""
    n = Counter(listed["status"])
    both = sum(
        one and status == "call"
        for one, status in zip(listed["escalate"], listed["status"], strict=True)
    )
    yield (
        f"list of {settings.counting.as_of}: {count_of(n['call'], 'customer')} to call, {both} of "
        f"them escalated; {n['suppressed']} suppressed"
    )
    if settings.watched.previous is not None:
        of = Counter(changed["change"])
        said = ", ".join(f"{of[what]} {what}" for what in _CHANGES)
        closed = Counter(why for why in changed["closed_because"] if why is not None)
        whys = ", ".join(f"{many} {why}" for why, many in sorted(closed.items()))
        since = next(
            (day for day in changed["as_of_before"] if day is not None), "the night before"
        )
        yield f"since {since}: {said}{f' ({whys})' if whys else ''}"
    yield f"new to act on: {n_news}"


def _write_beside_list(
    listed: dict[str, list[Any]],
    changed: dict[str, list[Any]],
    changes: Any,
    owners: list[str],
    told: Watched,
) -> None:
    """The changes, and the lists of owners."""
    if told.per_owner is not None:
        of = dict(zip(changed["customer_id"], changed["change"], strict=True))
        lists = lists_of_owners(listed, of, owners)
        if told.per_owner.suffix.lower() == ".xlsx":
            write_owner_sheets(lists, told.per_owner)
        else:
            refuse_other_lists(told.per_owner, lists)
            write_owner_files(lists, told.per_owner)
    if told.changes is not None:
        write_answer(changes, Output(output=told.changes))


def _write_list(
    today: Any, listed: dict[str, list[Any]], changed: dict[str, list[Any]], settings: Settings
) -> None:
    """The list whole, or not at all: the next night reads it."""
    target = settings.output.output
    if target is None:
        write_answer(today, settings.output, people=_PEOPLE)
        return
    if format_of_answer(settings.output) == "excel":
        sheets = {"list": listed, "changes": changed}
        write_whole_bytes(workbook_bytes(sheets), target)
    else:
        write_answer(today, settings.output, people=_PEOPLE)
