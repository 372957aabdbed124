"""retention watchlist: the list of a night, what has changed on it, and the list of each owner."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from retention.cli.files.workbook_bytes import workbook_bytes
from retention.cli.lists.list_files import table_of_list, table_of_nobody
from retention.cli.lists.owner_files import (
    lists_of_owners,
    refuse_other_lists,
    write_owner_files,
    write_owner_sheets,
)
from retention.cli.settings import Output, UsageError
from retention.cli.writing import format_of_answer, write_answer
from retention.errors import ContentError, RetentionError, count_of
from retention.frames.python_rows import columns_as_lists
from retention.progress import progress_bar
from retention.signals.daily.entries import alarm_entries, renewal_entries
from retention.signals.daily.overdue import overdue_contacts, overdue_invoices
from retention.signals.daily.watchlist import watchlist
from retention.signals.daily.watchlist_changes import watchlist_changes
from retention.targeting.offers.due_for_renewal import due_for_renewal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from retention.cli.list_settings import Watched
    from retention.cli.settings import Settings

_TOGETHER = {
    "contracts": ("within", "how many days ahead contracts are looked at, such as 30"),
    "contacts": ("targets", "hours, such as first_response=24,resolution=168"),
    "invoices": ("grace", "how many days late an invoice may be, such as 7"),
    "alarms": ("valid_for", "for how many days an alarm stands, such as 14"),
}
"""Of each file that makes entries what must be said beside it."""

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
    _refuse_half_told_lists(settings)
    with progress_bar("retention watchlist", "steps", 3) as done:
        before = _list_before(settings)
        done(1)
        today, owners = _list_of_night(settings)
        _refuse_other_policies(before.table, today, settings)
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


def _refuse_half_told_lists(settings: Settings) -> None:
    """Refuse before anything is read.

    Raises:
        UsageError: at the first thing that is not said, or would not be read.
    """
    told = settings.watched
    format_of_answer(settings.output)
    if told.changes is not None:
        format_of_answer(Output(output=told.changes))
    if settings.counting.as_of is None:
        raise UsageError("Say --as-of, the day of the list, such as 2024-03-11.")
    if settings.file is None and not any(getattr(told, name) for name in _TOGETHER):
        raise UsageError(
            "Say of what the list is made: --contracts, --contacts, --invoices, --alarms, or right "
            "after the command a file of entries (customer_id, reason, since)."
        )
    for name, (needs, what) in _TOGETHER.items():
        _refuse_one_without_other(told, name, needs, what)
    if told.lapsed_within is not None and told.contracts is None:
        raise UsageError("--lapsed-within is not read without --contracts: leave it out.")
    if told.severity is None or told.values is None:
        raise UsageError(
            "Say --severity, how severe each reason is, such as 'overdue contact=2,lapsing=1'; and "
            "--values, a file of what customers are worth (customer_id, value)."
        )
    _refuse_unclear_nights(told)
    _refuse_one_file_twice(settings)


def _refuse_one_without_other(told: Watched, name: str, needs: str, what: str) -> None:
    file, said = getattr(told, name), getattr(told, needs)
    option = f"--{needs.replace('_', '-')}"
    if file is not None and said is None:
        raise UsageError(f"--{name} needs {option}: {what}.")
    if file is None and said is not None:
        raise UsageError(f"{option} is not read without --{name}: leave it out.")


def _refuse_unclear_nights(told: Watched) -> None:
    """Refuse unless it is said which list came before, or that none did."""
    if told.first == (told.previous is not None):
        raise UsageError(
            "Say --previous, the list of the night before, as --output wrote it; or --first, if "
            "there is none: then all are new. Not both."
        )
    if told.previous is not None and not told.previous.exists():
        raise RetentionError(
            f"--previous {told.previous} is not there, so nobody knows what is new. On the first "
            "night say --first in its place; after a night without a list name the last one there "
            "is."
        )


def _refuse_one_file_twice(settings: Settings) -> None:
    """Refuse to write to what is read, or to one file twice."""
    told = settings.watched
    read = ("previous", *_TOGETHER, *_BESIDE, "values", "closed_by")
    taken = {path.resolve(): f"--{n}" for n in read if (path := getattr(told, n)) is not None}
    written = {
        "output": settings.output.output,
        "changes": told.changes,
        "per_owner": told.per_owner,
    }
    for name, path in written.items():
        if path is None:
            continue
        if (other := taken.get(path.resolve())) is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} {path} is {other.replace('_', '-')}, too, and a night "
                "that is run again would find it overwritten. Name another file, such as one with "
                "the day in its name."
            )
        taken[path.resolve()] = f"--{name}"


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
    today = watchlist(_entries_of_files(settings), as_of=day, severity=severity, **asked)
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
    since: Any = None if back is None or day is None else day - timedelta(days=back)
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


def _refuse_other_policies(before: Any, today: Any, settings: Settings) -> None:
    """Refuse a list before that was made with other severities: see `watchlist_changes`."""
    old, new = (sorted(set(table["severities"])) for table in (before, today))
    if old and new and old != new:
        raise ContentError(
            f"--previous {settings.watched.previous} was made with the severity {old[0]!r}, "
            f"tonight's list with {new[0]!r}: what is worse would be the policy, not the "
            "customers. For the one night after a change say --first in place of --previous."
        )


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
    form: Any = format_of_answer(settings.output)
    part: Path = target.with_name(f"{target.name}.part")
    if form == "excel":
        part.write_bytes(workbook_bytes({"list": listed, "changes": changed}))
    else:
        write_answer(today, Output(format=form, output=part), people=_PEOPLE)
    part.replace(target)
