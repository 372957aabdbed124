"""The list of each owner, in a file or a sheet of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.cli.settings import UsageError
from retention.cli.writing import csv_of_columns
from retention.errors import count_of
from retention.written_files.safe_names import file_names_of, sheet_names_of
from retention.written_files.whole_files import write_whole_bytes
from retention.written_files.workbook_bytes import workbook_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Columns = dict[str, list[Any]]
"""Columns of a table as Python values."""

_NOBODY = "(no owner)"
_OF_A_CALL = (
    *("rank", "change", "customer_id", "owner", "reason", "detail", "reasons", "since", "days"),
    *("severity", "value", "risk", "expected_loss", "last_call", "escalate", "escalated_to"),
    *("status", "why", "as_of"),
)


def lists_of_owners(
    today: Columns, changes: Mapping[Any, str], owners: Iterable[str]
) -> dict[str | None, Columns]:
    """The rows of the list that each person looks after, or that are escalated to them.

    Args:
        today: the list.
        changes: of each customer on it what has changed.
        owners: everybody who looks after customers, on the list or not: theirs may be empty.

    Returns:
        By person, in order of their names, the columns that a call needs; None: nobody's, last.
    """
    rows: dict[str | None, list[int]] = {one: [] for one in sorted(set(owners))}
    people = zip(today["owner"], today["escalated_to"], today["escalate"], strict=True)
    for at, (owner, lead, escalate) in enumerate(people):
        for one in {owner, lead} if escalate and lead else {owner}:
            rows.setdefault(one, []).append(at)
    ranks = [None if rank is None else int(rank) for rank in today["rank"]]
    told = today | {"rank": ranks, "change": [changes.get(who, "") for who in today["customer_id"]]}
    order = sorted((one for one in rows if one is not None), key=str)
    return {
        one: {name: [told[name][at] for at in rows[one]] for name in _OF_A_CALL}
        for one in [*order, *([None] if None in rows else [])]
    }


def refuse_other_lists(folder: Path, people: Iterable[str | None]) -> None:
    """Refuse a folder in which lists would be left that are not of this night.

    Raises:
        UsageError: if it holds such a file, or is none.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--per-owner {folder}: that is a file. Name a folder, or a file.xlsx.")
    ours = set(_files_of_people(people).values())
    others = sorted(each.name for each in folder.glob("*") if each.name not in ours)
    if others:
        raise UsageError(
            f"--per-owner {folder} holds {count_of(len(others), 'file')} that this night does not "
            f"write, such as {others[0]!r}, which somebody might take for today's. Name a folder "
            "of the night's own, such as lists/2024-03-11."
        )


def write_owner_files(lists: Mapping[str | None, Columns], folder: Path) -> None:
    """A CSV for each person."""
    folder.mkdir(parents=True, exist_ok=True)
    for person, name in _files_of_people(lists).items():
        (folder / name).write_text(csv_of_columns(lists[person]), encoding="utf-8-sig", newline="")


def _files_of_people(people: Iterable[str | None]) -> dict[str | None, str]:
    everybody = list(people)
    named = file_names_of([one for one in everybody if one is not None])
    return {one: f"{_NOBODY if one is None else named[one]}.csv" for one in everybody}


def write_owner_sheets(lists: Mapping[str | None, Columns], file: Path) -> None:
    """A workbook with a sheet for each person who has somebody to look after."""
    filled = {one: columns for one, columns in lists.items() if columns["customer_id"]}
    named = sheet_names_of([one for one in filled if one is not None])
    sheets = {_NOBODY if one is None else named[one]: columns for one, columns in filled.items()}
    if not sheets:
        sheets = {_NOBODY: {name: [] for name in _OF_A_CALL}}
    write_whole_bytes(workbook_bytes(sheets), file)
