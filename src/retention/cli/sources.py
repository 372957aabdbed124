"""From what a run is told to a checked table, and to the last day that was observed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention.cli.settings import UsageError
from retention.errors import ColumnError
from retention.frames import as_lazy, one_row
from retention.loading.doors.contracts import as_contracts
from retention.loading.doors.entrance import audit as audited
from retention.loading.doors.transactions import as_transactions
from retention.loading.files.reading import read_table
from retention.periods import as_day, label, step_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from retention.cli.settings import Settings
    from retention.loading.audits import Audit

_OF_THE_FILE = ("encoding", "separator", "header_row", "headings", "sheet")
_LINE = ("date", "cost", "order_id", "refunded", "per_order")
_CONTRACT = (
    *("start", "end", "contract_id", "trial", "trial_end"),
    *("pause_start", "pause_end", "sales_per_count"),
)
_ASKED_OF = {
    False: ("where", "incomplete", "refunds", "duplicates", "zero_orders", "order_day"),
    True: (
        *("where", "incomplete", "refunds", "duplicates", "overlaps"),
        *("end_is", "trials", "pauses", "sales_per"),
    ),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A checked table, whether it is of contracts, the last observed day, what was left out."""

    table: Any
    of_contracts: bool
    as_of: date
    found: Audit[Any] | None = None


def read_source(settings: Settings, say: Callable[[str], None]) -> Source:
    """The file's table through its door; `say` is told a last day that nobody named."""
    of_contracts = is_file_of_contracts(settings)
    door: Any = as_contracts if of_contracts else as_transactions
    told = _keywords_of_door(settings, of_contracts)
    if settings.counting.as_of is not None:
        told["as_of"] = settings.counting.as_of
    table = door(
        file_of(settings), keep=_kept_segments(settings), **told, **keywords_of_file(settings)
    )
    last = settings.counting.as_of or _last_day_of_table(table, settings.counting.freq, say)
    said = settings.policies.model_dump(exclude={"where"}).values()
    leaves_out = settings.policies.where or {"drop", "exclude"} & set(said)
    return Source(table, of_contracts, last, audit_of_file(settings) if leaves_out else None)


def notes_of_file(path: Path, text: str, date_format: str | None = None) -> Any:
    """A file of notes, its texts in a column `text`, its days, if it has any, in `date`.

    Raises:
        ColumnError: if there is no such column of texts, or a date cannot be read.
    """
    notes = read_table(str(path))
    if text not in notes.columns:
        raise ColumnError.unknown("notes_text", text, notes.columns)
    if "date" in notes.columns:
        notes = notes.assign(date=_days_of_notes(notes["date"], date_format))
    others = [name for name in ("text",) if name != text and name in notes.columns]
    return notes.drop(columns=others).rename(columns={text: "text"})


def _days_of_notes(written: Any, date_format: str | None) -> Any:
    import pandas as pd

    told = written.replace("", None)
    days = pd.to_datetime(told, format=date_format or "ISO8601", errors="coerce")
    unread = told[days.isna() & told.notna()]
    if len(unread):
        raise ColumnError(
            f"notes: {unread.iloc[0]!r} in 'date' is no day such as 2024-12-31 ({len(unread):,} "
            f"of {len(told):,} rows). Say `date_format='%d.%m.%Y'`, for instance, or drop the "
            "column."
        )
    return days


def audit_of_file(settings: Settings) -> Audit[Any]:
    """The file's rows parted into those that can be used and the others."""
    of_contracts = is_file_of_contracts(settings)
    door: Any = as_contracts if of_contracts else as_transactions
    told = _keywords_of_door(settings, of_contracts) | keywords_of_file(settings)
    last = settings.counting.as_of
    return audited(door, file_of(settings), **told, keep=_kept_segments(settings), as_of=last)


def file_of(settings: Settings) -> str:
    """The file a run is told.

    Raises:
        UsageError: if there is none.
    """
    if settings.file is None:
        raise UsageError(
            "Say which file, right after the command, or file = '...' in the config file."
        )
    return settings.file


def is_file_of_contracts(settings: Settings) -> bool:
    """Whether the file is of contracts: a column is named that only contracts have.

    Raises:
        UsageError: if columns of contracts and of order lines are named together.
    """
    named = settings.columns.model_fields_set
    line = [name for name in _LINE if name in named and getattr(settings.columns, name)]
    contract = [name for name in _CONTRACT if name in named and getattr(settings.columns, name)]
    if line and contract:
        raise UsageError(
            f"A file holds order lines or contracts: {_flag_of_name(line[0])} is of the one, "
            f"{_flag_of_name(contract[0])} of the other."
        )
    if settings.counting.grace is not None and not contract:
        raise UsageError("--grace is of contracts, and this file is of order lines: leave it out.")
    return bool(contract)


def _keywords_of_door(settings: Settings, of_contracts: bool) -> dict[str, Any]:
    """The keywords of a door; what was not said is left to it, or has our own name."""
    columns = settings.columns.model_dump(exclude_none=True)
    priced = "quantity" in columns or "unit_price" in columns
    own = {"start": "start", "end": "end"} if of_contracts else {"date": "date"}
    if not of_contracts and not priced:
        own["sales"] = "sales"
    if "currency" in settings.counting.by:
        own["currency"] = "currency"
    asked = settings.policies.model_dump(include=set(_ASKED_OF[of_contracts]), exclude_none=True)
    written = settings.reading.model_dump(exclude=set(_OF_THE_FILE), exclude_none=True)
    if isinstance(written.get("rates"), str):
        written["rates"] = _exchange_rates(written["rates"])
    return {**own, **columns, **asked, **written}


def _kept_segments(settings: Settings) -> list[str]:
    """The segment columns, but for the currency, which has a meaning of its own."""
    return [name for name in settings.counting.by if name != "currency"]


def _exchange_rates(told: str) -> Any:
    """Exchange rates from what was typed, EUR=1,USD=0.92, or from the file of that name.

    Raises:
        UsageError: if a rate is no number.
    """
    if "=" not in told or Path(told).exists():
        return read_table(told)
    rates = {}
    for part in told.split(","):
        name, _, rate = part.partition("=")
        try:
            rates[name.strip()] = float(rate)
        except ValueError:
            raise UsageError(f"--rates: {part!r} is no rate such as USD=0.92.") from None
    return rates


def keywords_of_file(settings: Settings) -> dict[str, Any]:
    """How a file is to be opened, as far as that was said."""
    return settings.reading.model_dump(include=set(_OF_THE_FILE), exclude_none=True)


def _last_day_of_table(table: Any, freq: str, say: Callable[[str], None]) -> date:
    """The last day in the table: of contracts the last start, as ends may lie in the future."""
    frame = as_lazy(table, name="the file")
    column = "start" if "start" in frame.collect_schema() else "date"
    found = one_row(frame.select(nw.col(column).max()))[column]
    if found is None:
        raise ColumnError(f"The file has no {column}. Say the last observed day with --as-of.")
    last = as_day(found, argument="as_of")
    step = step_of(last, freq)
    whole = column == "start" or step_of(last + timedelta(days=1), freq) > step
    cut = "" if whole else f"; {label(step, freq)} is not whole by then"
    what = "start" if column == "start" else "day"
    say(f"as of {last}, the last {what} in the file (--as-of){cut}")
    return last


def _flag_of_name(name: str) -> str:
    return f"--{name.replace('_', '-')}"
