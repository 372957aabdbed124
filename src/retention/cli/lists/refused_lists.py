"""What a list of a night cannot be made of, or written to: refused in words of options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.cli.lists.list_files import refuse_other_doors
from retention.cli.settings import Output, UsageError
from retention.cli.writing import format_of_answer, refuse_overwriting
from retention.errors import ContentError, RetentionError, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.cli.list_settings import Watched
    from retention.cli.settings import Settings

_TOGETHER = {
    "contracts": ("within", "how many days ahead contracts are looked at, such as 30"),
    "contacts": ("targets", "hours, such as first_response=24,resolution=168"),
    "invoices": ("grace", "how many days late an invoice may be, such as 7"),
    "alarms": ("valid_for", "for how many days an alarm stands, such as 14"),
}
"""Of each file that makes entries what must be said beside it."""

_MANY = 5
"""With fewer on a list it may well be that all are others the next night."""

_READ = (*("previous", *_TOGETHER, "values", "owners", "calls", "opted_out", "risk", "closed_by"),)


def refuse_half_told_lists(settings: Settings) -> None:
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
    refuse_other_doors(settings)
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
    """Refuse to write to what is read, to one file twice, or where nothing can be written."""
    told = settings.watched
    read = {_flag_of_list(name): getattr(told, name) for name in _READ}
    read["the file of entries"] = None if settings.file is None else Path(settings.file)
    written = {
        "--per-owner": told.per_owner,
        "--output": settings.output.output,
        "--changes": told.changes,
    }
    refuse_overwriting(written, read, again=True)
    for flag, path in written.items():
        if path is not None:
            _refuse_no_place(flag, path, may_be_folder=flag == "--per-owner")


def _flag_of_list(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _refuse_no_place(flag: str, path: Path, *, may_be_folder: bool) -> None:
    """Refuse before the work what cannot be written after it.

    Raises:
        RetentionError: if it is a folder, or its folder is not there.
    """
    if may_be_folder and path.suffix.lower() != ".xlsx":
        return
    if path.is_dir():
        raise RetentionError(f"{flag} {path} is a folder. Name a file in it.")
    if not path.resolve().parent.is_dir():
        raise RetentionError(f"{flag} {path}: there is no folder {path.parent}. Make it first.")


def refuse_other_policies(before: Any, today: Any, settings: Settings) -> None:
    """Refuse a list before that was made with other severities: see `watchlist_changes`."""
    old, new = (sorted(set(table["severities"])) for table in (before, today))
    if old and new and old != new:
        raise ContentError(
            f"--previous {settings.watched.previous} was made with the severity {old[0]!r}, "
            f"tonight's list with {new[0]!r}: what is worse would be the policy, not the "
            "customers. For the one night after a change say --first in place of --previous."
        )


def refuse_edited_list(told: Watched, table: Any) -> None:
    """Refuse a list before of which somebody has changed what we wrote.

    Raises:
        ContentError: if it does not say who was to be called, and who was escalated, as we do; or
            how long and how severe in whole numbers.
    """
    status, escalate = table["status"].astype(str), table["escalate"].astype(str)
    wrong = {
        "status": (~status.isin(["call", "suppressed"]), "call or suppressed"),
        "escalate": (~escalate.str.lower().isin(["true", "false"]), "true or false"),
    }
    wrong |= {name: (table[name] % 1 != 0, "a whole number") for name in ("days", "severity")}
    for name, (odd, known) in wrong.items():
        if odd.any():
            raise ContentError(
                f"--previous {told.previous}: {name} is {table[name][odd].iloc[0]!s} in "
                f"{int(odd.sum()):,} of {len(odd):,} rows, and may be {known}. Give the list as "
                "--output wrote it; best keep it as .parquet."
            )


def warn_of_strangers(told: Watched, tables: Mapping[str, Any], known: set[str]) -> None:
    """Warn of a file of customers of whom none has a value or an entry: are its ids others?"""
    for name, table in tables.items():
        if table is None or not len(table) or known & set(table["customer_id"]):
            continue
        warn(
            f"None of the {len(table):,} rows of {getattr(told, name)} is of a customer in "
            f"--values or on the list, so --{name.replace('_', '-')} changes nothing. Are the ids "
            f"written alike? {_ids_beside(table['customer_id'], known)}"
        )


def warn_of_other_people(told: Watched, before: Any, today: Any) -> None:
    """Warn of two lists that have nobody in common: are their ids written alike?"""
    old, new = set(before["customer_id"]), set(today["customer_id"])
    if min(len(old), len(new)) >= _MANY and not old & new:
        warn(
            f"None of the {len(old):,} customers of --previous {told.previous} is on the list "
            "tonight: all are closed, and all on it are new. Are the ids written alike? "
            f"{_ids_beside(old, new)}"
        )


def _ids_beside(some: Any, others: Any) -> str:
    first = [next(iter(sorted(ids)), "") for ids in (some, others)]
    return f"The first are {first[0]!r} there and {first[1]!r} here."
