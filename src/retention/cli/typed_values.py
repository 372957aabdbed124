"""What is typed, or stands in a config file, as the value of a setting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ConfigDict, field_validator

from retention.calendars import Calendar
from retention.errors import RetentionError

if TYPE_CHECKING:
    from pydantic import ValidationInfo

_MUST_BE = {
    "model": "a section: write its name in brackets, and its settings beneath",
    "date": "a day, such as 2024-12-31",
    "int": "a whole number",
    "float": "a number",
    "dict": "a section, with a line NAME = VALUE for each",
    "bool": "true or false",
    "string": "text in quotes",
    "tuple": "a list, such as ['region', 'plan']",
    "path": "the name of a file",
}
"""By the start of the name that pydantic has for what is wrong."""


class Section(BaseModel):
    """Settings that belong together, of which none is unknown."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_flags_as_numbers(cls, value: object, info: ValidationInfo) -> object:
        return number_or_no_flag(value, cls.model_fields[str(info.field_name)].annotation)


def calendar_of_name(name: Any) -> Any:
    """The calendar of a name; of one that is none, pydantic is told so."""
    try:
        return Calendar(name)
    except RetentionError:
        known = "choose from 'day', 'week', 'month', 'quarter', 'year', or a calendar's"
        what = f"invalid choice: {name!r} ({known}, such as 'April fiscal quarter')"
        raise ValueError(what) from None


def number_or_no_flag(value: object, kind: object) -> object:
    """What a setting is given, but for true where a number is meant: pydantic takes it for 1.

    Nor is no text the name of a file: pydantic takes it for the folder in which the job runs.
    """
    if value == "" and Path in {kind, *get_args(kind)}:
        raise ValueError("must be the name of a file")
    if isinstance(value, bool) and {int, float} & {kind, *get_args(kind)}:
        raise ValueError("must be a number")
    return value


def tuple_of_values(value: object) -> object:
    """One name as a list of one."""
    return (value,) if isinstance(value, str) else value


def choices_by_column(value: object) -> object:
    """What is typed, COLUMN=VALUE and again for another, as in a config file: values by column."""
    if not isinstance(value, list):
        return value
    found: dict[str, list[str]] = {}
    for said in map(str, value):
        column, equals, wanted = said.partition("=")
        if not equals or not column:
            raise ValueError("must be COLUMN=VALUE, such as Status=completed")
        found.setdefault(column, []).append(wanted)
    return found


def names_in_order(value: object) -> object:
    """What is typed, headline,risk or one and again another, as in a config file: a list."""
    said = [value] if isinstance(value, str) else value
    if not isinstance(said, list | tuple) or not all(isinstance(each, str) for each in said):
        return value
    return tuple(name.strip() for each in said for name in each.split(","))


def labels_of_names(value: object) -> object:
    """What is typed, NAME=LABEL and again for another, as in a config file: labels by name."""
    if not isinstance(value, list):
        return value
    found: dict[str, str] = {}
    for said in map(str, value):
        name, equals, label = said.partition("=")
        if not equals or not name or not label:
            raise ValueError("must be NAME=LABEL, such as plan_tier=Plan")
        found[name] = label
    return found


def shares_of_arms(value: object) -> object:
    """What is typed, control=0.5,offer=0.5, as in a config file: shares by arm."""
    if not isinstance(value, str):
        return value
    found: dict[str, float] = {}
    for part in value.split(","):
        arm, equals, share = part.partition("=")
        try:
            number = float(share)
        except ValueError:
            equals = ""
        if not equals or arm.strip() in found:
            raise ValueError("must be each arm once with its share, such as control=0.5,offer=0.5")
        found[arm.strip()] = number
    return found


def numbers_of_names(value: object) -> object:
    """What is typed, names with numbers behind them, as in a config file: numbers by name."""
    if isinstance(value, dict) and any(isinstance(each, bool) for each in value.values()):
        raise ValueError("must be a number of each name, such as lapsing = 1")
    return _parts_by_name(value) if isinstance(value, str) else value


def texts_of_names(value: object) -> object:
    """What is typed, one word or names with texts behind them, as in a config file."""
    return _parts_by_name(value) if isinstance(value, str) and "=" in value else value


def _parts_by_name(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, said = (each.strip() for each in part.rpartition("="))
        if not equals or not name or name in found:
            raise ValueError("must be each name once with its value, such as lapsing=1")
        found[name] = said
    return found


def demand_in_words(kind: str, message: str) -> str:
    """What a setting must be, in words of people who write TOML."""
    found = next((words for start, words in _MUST_BE.items() if kind.startswith(start)), None)
    said = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return f"must be {found}" if found else said[0].lower() + said[1:]
