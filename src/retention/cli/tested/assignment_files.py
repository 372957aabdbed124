"""The file of who was in which arm, by whatever tool it was written."""

from __future__ import annotations

from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from retention.cli.settings import UsageError
from retention.errors import ColumnError, ContentError, RetentionError, count_of
from retention.loading.doors.signs.assignments import as_assignment
from retention.loading.files.reading import read_table
from retention.tables.trial_kinds import planned_shares

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from retention.cli.settings import Settings

OF_ARMS = ("customer_id", "arm", "assigned", "share")
_BESIDE = ("stratum", "cluster")
_AS_THE_ORDERS = {"day_first", "date_format", "blanks", "tz", "from_tz"}
_ISO = r"\d{4}-\d\d-\d\d(?:\D.*)?"
_TEXTS = (".csv", ".tsv", ".txt")
_AUDIT = "`audit(as_assignment, ...)` parts such rows from those that can be used."


def read_assignment(path: Path, settings: Settings, say: Callable[[str], None]) -> Any:
    """The assignment in a file, whose columns have the names that `assign_arms` gives them.

    Days, ids and rows that are doubtful are read as those of the orders or contracts are.

    Raises:
        UsageError: if a segment is what the arms themselves are made of.
        ColumnError: if a column is not there.
        ContentError: if a share is no number, an arm has several planned shares, or a row cannot be
            used.
    """
    by = list(settings.tested.by)
    table = _table_of_arms(path, by, settings.reading.encoding)
    table["arm"] = table["arm"].map(_plain_name)
    named = [name for name in (*OF_ARMS[:3], *_BESIDE) if name in table.columns]
    told: dict[str, Any] = {name: name for name in named} | _keywords_of_arms(settings, table)
    told |= {"shares": _shares_of_column(table), "keep": [n for n in by if n not in _BESIDE]}
    door: Any = as_assignment
    try:
        found = door(table, **told)
    except ContentError as refusal:  # retention audit knows orders and contracts alone
        said = refusal.marked.replace(f"{_AUDIT} ", "").replace(_AUDIT, "").rstrip()
        raise ContentError(said) from None
    if "drop" in told.values() and (n := len(table) - len(found)):
        say(f"{count_of(n, 'row')} of {path} left out, as --duplicates or --incomplete say")
    return found


def _table_of_arms(path: Path, by: list[str], encoding: str | None) -> Any:
    """The file, with the columns that an assignment has and those of the segments."""
    if taken := [name for name in by if name in OF_ARMS]:
        raise UsageError(
            f"--by {taken[0]}: a segment is what customers have beside the arm, such as a plan; "
            f"{taken[0]!r} is of the assignment itself."
        )
    table = read_table(str(path), **_encoding_of_arms(path, encoding))
    present = ", ".join(map(repr, table.columns))
    for name in OF_ARMS:
        if name not in table.columns:
            raise ColumnError(
                f"{path} has no column {name!r}, and --assignment needs the columns "
                f"{', '.join(OF_ARMS)}, as retention assign writes them. There is: {present}. "
                "Rename or add it."
            )
    for name in by:
        if name not in table.columns:
            raise ColumnError.unknown("`by`", name, table.columns)
    return table


def _encoding_of_arms(path: Path, encoding: str | None) -> dict[str, Any]:
    """That of the orders, for text that is not in UTF-8, in which retention assign writes."""
    if encoding is None or path.suffix.lower() not in _TEXTS or not path.is_file():
        return {}
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return {"encoding": encoding}
    return {}


def _plain_name(arm: object) -> object:
    """The name of an arm without blanks around it."""
    return arm.strip() if isinstance(arm, str) else arm


def _keywords_of_arms(settings: Settings, table: Any) -> dict[str, Any]:
    """How the file is to be read: as the orders; but days that are plain ones are read as such."""
    told = settings.reading.model_dump(include=_AS_THE_ORDERS, exclude_none=True)
    days = table["assigned"].dropna()
    if "date_format" in told and days.map(str).str.fullmatch(_ISO).all():
        del told["date_format"]
    policies = settings.policies
    asked = {"incomplete": policies.incomplete, "duplicates": policies.duplicates}
    return told | {name: "drop" for name, policy in asked.items() if policy == "drop"}


def _shares_of_column(table: Any) -> dict[str, float]:
    """The planned share of each arm.

    Raises:
        ContentError: if one is no number, an arm has several, or they do not sum to 1.
    """
    rows = table.loc[table["arm"].notna() & (table["arm"] != ""), ["arm", "share"]]
    found: dict[Any, float] = {}
    for arm, written in rows.drop_duplicates().itertuples(index=False):
        share = _share_of_text(arm, written)
        if found.setdefault(arm, share) != share:
            both = f"{found[arm]:g} and {share:g}"
            raise ContentError(
                f"assignment: {arm!r} has several planned shares in 'share', such as {both}. "
                "Correct the file."
            )
    try:
        return planned_shares(found, argument="share")
    except RetentionError as refusal:
        raise ContentError(f"assignment: {refusal}") from None


def _share_of_text(arm: object, written: object) -> float:
    """A share as a number, 0,5 as well as 0.5."""
    try:
        share = float(str(written).replace(",", "."))
    except ValueError:
        share = nan
    if not isfinite(share):
        found = "what is empty" if str(written) in ("None", "nan", "<NA>") else repr(written)
        raise ContentError(
            f"assignment: {found} in 'share' is no planned share of {arm!r}, such as 0.5. Fill in "
            "the one that was planned."
        )
    return share
