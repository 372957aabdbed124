"""What public functions answer with: the columns of each, declared beside it, once.

    @gives(
        "a base period (and segment)",
        times("period"), whole_numbers("step", "n_base", "n_retained"),
        shares("retention_rate", "lower", "upper"),
        constants(whole_numbers("lag"), texts("lost_to")),
    )

Refusals of segments that are named like a column of the answer, plots, the wording of numbers and
the pages of the documentation read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from retention.catalogue import FIGURES
from retention.tables.checks import refuse_taken
from retention.tables.declaring import Column, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_P = ParamSpec("_P")
_T = TypeVar("_T")
_NAMING = ("by", "keep", "keep_first", "keep_last")
"""Arguments that name columns which stand beside those of the answer."""

_UNITS = {record.name: record.unit for record in FIGURES}

ANSWERS: dict[Any, Kind] = {}
"""The answer of each public function whose room was loaded, by the function."""


def gives(
    row: str | Kind, *parts: tuple[Column, ...]
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Declares what a public function answers with, and refuses to name other columns like these.

    Args:
        row: what one row is; or the table that the function makes, which other functions take.
        parts: its columns in order, without those of the user's.
    """

    def with_declared_answer(function: Callable[_P, _T]) -> Callable[_P, _T]:
        name = function.__name__
        made = row if isinstance(row, Kind) else Kind(name, row, name, sum(parts, ()))

        @wraps(function)
        def checked_function(*args: _P.args, **said: _P.kwargs) -> _T:
            for argument in _NAMING:
                refuse_taken(_names_among(said.get(argument, ())), made.names, argument=argument)
            return function(*args, **said)

        ANSWERS[checked_function] = made
        return checked_function

    return with_declared_answer


def answer_of(function: Callable[..., Any]) -> Kind:
    """What a public function answers with."""
    return ANSWERS[function]


def unit_of(name: str, among: Collection[str]) -> str:
    """The unit of a column of an answer, "" where it has none or nothing is known of it.

    Args:
        name: the column.
        among: all columns of the table: they tell which answer it is.
    """
    best = _nearest_answer([made for made in ANSWERS.values() if name in made.names], among)
    if best is None:
        return _UNITS.get(name, "")
    return next(column.unit for column in best.columns if column.name == name)


def constants_among(among: Collection[str]) -> list[str]:
    """Of the columns of an answer those that are the same in all rows, as the window or `lag`."""
    best = _nearest_answer(ANSWERS.values(), among)
    known = {column.name for column in best.columns if column.constant} if best else set()
    return [name for name in among if name in known]


def _nearest_answer(answers: Iterable[Kind], among: Collection[str]) -> Kind | None:
    """The one whose columns have most in common with those of a table."""
    there = set(among)
    return max(answers, key=lambda made: _share_in_common(there, set(made.names)), default=None)


def _share_in_common(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def _names_among(asked: object) -> list[str]:
    """The names among what was given, whatever else that is."""
    several = [asked] if isinstance(asked, str) or not isinstance(asked, Iterable) else asked
    return [name for name in several if isinstance(name, str)]


def _columns(names: tuple[str, ...], kind: Type, unit: str = "") -> tuple[Column, ...]:
    return tuple(Column(name, kind, unit=unit) for name in names)


def ids(*names: str) -> tuple[Column, ...]:
    """Whom a row is of."""
    return _columns(names, "id")


def times(*names: str) -> tuple[Column, ...]:
    """Days."""
    return _columns(names, "time")


def whole_numbers(*names: str, unit: str = "") -> tuple[Column, ...]:
    """Counts and other whole numbers; null where that is not known."""
    return _columns(names, "integer", unit)


def texts(*names: str) -> tuple[Column, ...]:
    """Labels, conventions and sentences."""
    return _columns(names, "text")


def flags(*names: str) -> tuple[Column, ...]:
    """True or false."""
    return _columns(names, "flag")


def shares(*names: str) -> tuple[Column, ...]:
    """Shares and chances, 0 to 1 as a rule."""
    return _columns(names, "number", "share of 1")


def differences(*names: str) -> tuple[Column, ...]:
    """Differences of shares."""
    return _columns(names, "number", "difference of shares")


def amounts(*names: str) -> tuple[Column, ...]:
    """Amounts in the currency of the table that was given."""
    return _columns(names, "number", "currency")


def numbers(*names: str, unit: str = "") -> tuple[Column, ...]:
    """Any other numbers."""
    return _columns(names, "number", unit)


def constants(*parts: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns that are the same in all rows: the conventions of the answer."""
    return tuple(replace(column, constant=True) for part in parts for column in part)


def optional_columns(*parts: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns that are there if what they tell was asked for, or is in the table that was given."""
    return tuple(replace(column, optional=True) for part in parts for column in part)
