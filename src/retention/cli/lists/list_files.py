"""The files of a night's list, read as the tables of the library, whoever wrote them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals.stable.v2 as nw
import pandas as pd

from retention.cli.settings import Policies, UsageError
from retention.cli.writing import without_our_apostrophes
from retention.errors import ColumnError, ContentError, RetentionError, count_of, nearest_name
from retention.loading.chosen_rows import rows_chosen, source_of_rows
from retention.loading.doors.contacts import as_contacts
from retention.loading.doors.contracts import as_contracts
from retention.loading.doors.entrance import accepted_or_audit
from retention.loading.doors.signs.calls import as_calls
from retention.loading.doors.signs.invoices import as_invoices
from retention.loading.doors.signs.sign_rows import (
    checks_where_filled,
    columns_of_signs,
    with_text_of,
)
from retention.loading.files.reading import read_table
from retention.loading.read_values import read_values
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Reading
from retention.loading.rows.text import OURS, Written
from retention.loading.values.amounts import too_large_check
from retention.tables import ALARMS, CLOSINGS, ENTRIES, OWNERS, RISKS, VALUES, WATCHLIST, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from retention.cli.settings import Settings

_TEXTS = (".csv", ".tsv", ".txt")
_OF_TEXT_FILES = ("encoding", "separator")
_OF_FILES = (*_OF_TEXT_FILES, "sheet", "header_row", "headings")
_WRITTEN = ("day_first", "date_format", "decimal", "blanks", "tz", "from_tz")
_POLICIES = ("end_is", "trials", "duplicates")


class _Plain(NamedTuple):
    """A table whose columns have one way to be read: which are days, numbers and texts."""

    kind: Kind
    days: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


_PLAIN = {
    "entries": _Plain(
        ENTRIES, days=("since",), texts=("reason", "detail"), needs=("since", "reason")
    ),
    "alarms": _Plain(ALARMS, ("date",), ("score",), ("signal",), needs=("date", "signal")),
    "values": _Plain(VALUES, numbers=("value",), needs=("value",)),
    "owners": _Plain(OWNERS, texts=("owner", "lead"), needs=("owner",)),
    "risk": _Plain(RISKS, numbers=("risk",), needs=("risk",)),
    "opted_out": _Plain(replace(RISKS, name="opted_out", columns=RISKS.columns[:1])),
    "closed_by": _Plain(CLOSINGS, ("date",), texts=("outcome",), needs=("date", "outcome")),
    "previous": _Plain(
        WATCHLIST,
        days=("as_of",),
        numbers=("days", "severity"),
        texts=("reason", "status", "severities", "escalate"),
        needs=("as_of", "days", "severity", "reason", "status", "severities", "escalate"),
    ),
}
_NO_KEYWORDS = {"table", "file", "as_of", "keep"}
_NO_POLICIES = Policies()
_MAY_LACK = {"value", "owner", "risk"}
"""Cells of these may be empty."""

_DOORS: dict[str, tuple[Callable[..., Any], tuple[str, ...], tuple[str, ...]]] = {
    "contracts": (as_contracts, ("customer_id", "start", "end"), ("contract_id",)),
    "contacts": (
        as_contacts,
        ("customer_id", "date"),
        ("first_response_hours", "resolution_hours", "first_response", "resolved"),
    ),
    "invoices": (
        as_invoices,
        ("customer_id", "date", "due", "paid", "amount"),
        ("queried", "known"),
    ),
    "calls": (as_calls, ("customer_id", "date"), ("outcome", "known")),
}
"""Of each door the columns that are always there, and those that are read where they are."""

_HOURS = {"first_response_hours": "first_response", "resolution_hours": "resolved"}


def table_of_list(name: str, path: Path | str, settings: Settings) -> Any:
    """A file of the list as a pandas table, its ids as text; a file without rows as an empty one.

    Args:
        name: what the file is, as its setting is called: "contracts", "values", …
        path: where it is.
        settings: how files are written; of this file alone, what stands in `[doors.<name>]`.

    Raises:
        UsageError: if the config file says of it what is no keyword of its door.
        ColumnError: if a column is not there, or is not what it should be.
        ContentError: if a row cannot be used.
    """
    own = dict(settings.doors.get(name, {}))
    if name == "previous":  # we wrote it, however the files of others are written
        ours = type(settings.reading)(blanks=settings.reading.blanks)
        settings = settings.model_copy(update={"reading": ours, "policies": _NO_POLICIES})
    opened = {key: own.pop(key) for key in _OF_FILES if key in own}
    try:
        raw = read_table(str(path), **(_keywords_of_text(path, settings) | opened))
        if not len(raw):
            _refuse_file_of_another_kind(name, raw, own)
            return table_of_nobody(name)
        if name == "previous":
            raw = _list_as_it_was(raw, as_text=str(path).lower().endswith(_TEXTS))
        read = _table_by_door if name in _DOORS else _plain_table
        with rows_chosen({}, settings.policies.incomplete or "error"):
            found = read(name, raw, settings, own)
    except RetentionError as refusal:
        raise _refusal_of_file(refusal, name, path) from None
    return found.assign(customer_id=found["customer_id"].astype(str))


def _list_as_it_was(raw: Any, *, as_text: bool) -> Any:
    """A list of ours, true and false as text; in a CSV some texts have an apostrophe before them.

    Raises:
        ContentError: if there are such ids, of which nobody knows what they were.
    """
    texts = [name for name in ("customer_id", "reason", "severities") if name in raw and as_text]
    found = raw.assign(escalate=raw["escalate"].astype(str)) if "escalate" in raw else raw
    for name in texts:
        told = raw[name].astype(str)
        plain = told.map(without_our_apostrophes)
        odd = plain != told
        if name == "customer_id" and odd.any():
            raise ContentError(
                f"{count_of(int(odd.sum()), 'customer_id has', 'customer_ids have')} an "
                f"apostrophe before a sign, such as {told[odd].iloc[0]!r}: a CSV is for people "
                "and spreadsheets. Keep the list as .parquet."
            )
        found = found.assign(**{name: plain.where(odd, raw[name])}) if odd.any() else found
    return found


def _keywords_of_text(path: Path | str, settings: Settings) -> dict[str, Any]:
    """How a file of text is to be opened; other files say it themselves."""
    if not str(path).lower().endswith(_TEXTS):
        return {}
    return settings.reading.model_dump(include=set(_OF_TEXT_FILES), exclude_none=True)


def _refuse_file_of_another_kind(name: str, raw: Any, own: Mapping[str, Any]) -> None:
    """Refuse a file without rows that is of something else; JSON without rows names no columns.

    Raises:
        ColumnError: if it is.
    """
    needed = _DOORS[name][1] if name in _DOORS else ("customer_id", *_PLAIN[name].needs)
    for role in needed if len(raw.columns) else ():
        if own.get(role, role) not in raw.columns:
            raise ColumnError.unknown(role, str(own.get(role, role)), raw.columns)


def refuse_other_doors(settings: Settings) -> None:
    """Refuse what is said of a file that no list has, or what is no keyword of its door.

    Raises:
        UsageError: if there is any.
    """
    files = [*_PLAIN, *_DOORS]
    for name, own in settings.doors.items():
        if name not in files:
            near = nearest_name(name, files)
            hint = f" Did you mean [doors.{near}]?" if near else f" There is: {', '.join(files)}."
            raise UsageError(f"[doors.{name}] is of no file of a list.{hint}")
        _refuse_other_keywords(name, own)


def _refuse_other_keywords(name: str, own: Mapping[str, Any]) -> None:
    known = [*_WRITTEN, *_OF_FILES, *_roles_of_plain(name)]
    if name in _DOORS:
        of_door = [key for key in signature(_DOORS[name][0]).parameters if key not in _NO_KEYWORDS]
        known = [*of_door, *_OF_FILES, "where", "incomplete"]
    for keyword in own:
        if keyword not in known:
            near = nearest_name(keyword, known)
            hint = f" Did you mean {near}?" if near else ""
            raise UsageError(f"doors.{name}.{keyword} is no setting of that file.{hint}")


def _roles_of_plain(name: str) -> tuple[str, ...]:
    """The columns of a plain table, the customer first."""
    if name not in _PLAIN:
        return ()
    told = _PLAIN[name]
    return ("customer_id", *told.days, *told.numbers, *told.texts)


def _table_by_door(name: str, raw: Any, settings: Settings, own: dict[str, Any]) -> Any:
    """The table as its door gives it."""
    door, needed, further = _DOORS[name]
    takes = signature(door).parameters
    columns: dict[str, Any] = {role: role for role in needed}
    columns |= {
        role: role
        for role in further
        if role in raw.columns and _HOURS.get(role) not in own and role not in _hours_said(raw)
    }
    told = settings.reading.model_dump(include=set(_WRITTEN) & set(takes), exclude_none=True)
    asked = {"incomplete", *(set(_POLICIES) & set(takes))}
    told |= settings.policies.model_dump(include=asked, exclude_none=True)
    if name == "invoices":
        told["credits"] = "exclude"  # a credit note is no bill, so never overdue
    if name == "contacts" and settings.watched.business_hours is not None:
        told["business_hours"] = settings.watched.business_hours
    return door(raw, **(columns | told | own))


def _hours_said(raw: Any) -> set[str]:
    """The moments of which a file says the hours as well."""
    return {moment for hours, moment in _HOURS.items() if hours in raw.columns}


def _plain_table(name: str, raw: Any, settings: Settings, own: dict[str, Any]) -> Any:
    """A table whose columns are days, numbers and texts."""
    told = _PLAIN[name]
    said = settings.reading.model_dump(include=set(_WRITTEN), exclude_none=True)
    said |= {key: own.pop(key) for key in _WRITTEN if key in own}
    roles = {
        role: own.get(role, role)
        for role in _roles_of_plain(name)
        if role in own or role in raw.columns or role in ("customer_id", *told.needs)
    }
    source = source_of_rows(raw, told.kind, roles, ())
    written = Written(**said).checked()
    values = read_values(
        source,
        written,
        id_roles=("customer_id",),
        date_roles=told.days,
        amount_roles=told.numbers,
    )
    frame = values.frame
    checks = [*values.checks_of("customer_id", *told.days)]
    for role in told.numbers:
        if role in roles:
            checks += checks_where_filled(values, role)
            checks += [too_large_check(role, roles[role])]
    for role in told.texts:
        if role in roles:
            frame = with_text_of(source, frame, role)
    checks += [
        Check(f"blank {role}", roles[role], "Fill it in.", nw.col(f"{OURS}{role}").is_null())
        for role in (*told.texts, *told.numbers)
        if role in told.needs and role not in _MAY_LACK
    ]
    reading = Reading(
        source=source,
        frame=frame,
        checks=checks,
        outputs=columns_of_signs(source, values, *_roles_of_plain(name)[1:]),
        notes=partial(id_notes, source),
        repeats=True,
        shuffled=values.shuffled,
    )
    return accepted_or_audit(reading, raw)


def table_of_nobody(name: str) -> Any:
    """A table without rows, of the types that the library asks for; None of what adds entries."""
    if name == "calls":
        name = "closed_by"  # the same columns
    if name in _DOORS:
        return None
    told = _PLAIN[name]
    types = dict.fromkeys(("customer_id", *told.texts), "object")
    types |= dict.fromkeys(told.days, "datetime64[us]")
    types |= dict.fromkeys(told.numbers, "float64")
    return pd.DataFrame({role: pd.Series([], dtype=kind) for role, kind in types.items()})


def _refusal_of_file(refusal: RetentionError, name: str, path: Path | str) -> RetentionError:
    """A refusal that says which file it is about, and where its columns are named."""
    hint, said = "", refusal.marked
    if name == "previous":  # nothing of it is left out, nor does a door read it
        said = said.split("\n`audit(")[0].replace(" or leave those rows out", "")
        hint = (
            " A list is read as --output wrote it: best keep it as .parquet. What was written "
            "otherwise since is said in the config file, in [doors.previous]."
        )
    elif isinstance(refusal, ColumnError):
        hint = f" In the config file, [doors.{name}] says which column is which."
    return type(refusal)(f"{path}: {said}{hint}")
