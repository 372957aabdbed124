"""What the library says when it refuses: one clear sentence in the user's words.

Every error is a `ValueError`, so code that does not know this library catches it all the same.
"""

from __future__ import annotations

import inspect
import warnings
from difflib import get_close_matches
from math import isfinite
from numbers import Integral, Real
from typing import TYPE_CHECKING, TypeGuard

from retention.names import marked_argument, plain_message
from retention.spelling import signs_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ColumnError",
    "ContentError",
    "ReadError",
    "RetentionError",
    "RetentionWarning",
    "TableError",
]


YOURS = ""
"""In place of the function that makes a table: users bring it as it is."""


class RetentionError(ValueError):
    """Anything this library refuses to do, with what to do instead.

    Attributes:
        marked: the message with `marks` around what is written in Python, so that the command line
            can say it in its own words.
    """

    def __init__(self, *said: object) -> None:
        super().__init__(*(plain_message(text) if isinstance(text, str) else text for text in said))
        self.marked = " ".join(map(str, said))


class TableError(RetentionError):
    """What was given is not a table this library can read."""


class ColumnError(RetentionError):
    """A column is missing, named twice, or of a type that cannot carry its meaning."""

    @classmethod
    def missing(
        cls,
        table: str,
        column: str,
        meaning: str,
        present: Iterable[str],
        door: str,
        say: str | None = None,
    ) -> ColumnError:
        """A column that is not there, with what to `say`, by default of the nearest name there."""
        names = [str(name) for name in present]
        has = ", ".join(repr(name) for name in names[:20]) + (", …" if len(names) > 20 else "")
        near = nearest_name(column, names, least=0.7)
        if say is not None:
            pass
        elif door == YOURS:
            say = f"Rename {repr(near) if near else 'your column'} to {column!r}."
        elif not door.startswith("as_"):  # it works the column out, and nobody names it
            say = f"Make the table with {door}, or rename your column to {column!r}."
        elif near:
            say = f"Say {door}(..., {column}={near!r})."
        else:
            say = f"Name it with {door}(..., {column}=...)."
        return cls(f"{table} lacks {column!r} ({meaning}). It has: {has or 'no columns'}. {say}")

    @classmethod
    def unknown(
        cls, asked: str, name: str, present: Iterable[str], *, kept: str = ""
    ) -> ColumnError:
        """A column the user named that the table does not have.

        Args:
            asked: what the user calls it, such as the argument.
            name: the column.
            present: those that there are.
            kept: where a column has to be named so that the table has it, with {} for the name.
        """
        names = [str(column) for column in present]
        near = nearest_name(name, names)
        hint = f" Did you mean {near!r}?" if near else ""
        if not near and 2 * sum(column.startswith("unnamed_") for column in names) >= len(names):
            hint = " The first line seems to be a title: say `header_row=`, the line of the names."
        has = ", ".join(repr(column) for column in names[:20]) + (", …" if len(names) > 20 else "")
        say = f" Say {kept.replace('{}', repr(name))} to keep it." if kept and not hint else ""
        return cls(
            f"{marked_argument(asked)} names {name!r}, which is not a column.{hint} "
            f"There is: {has}.{say}"
        )


class ContentError(RetentionError):
    """The columns are right but what stands in them cannot be used as it is."""


class ReadError(RetentionError):
    """A file or a query cannot be read: missing, cut short, or not what its name says."""


class RetentionWarning(UserWarning):
    """The answer stands, but something about the data deserves a look; marked as in errors."""

    def __init__(self, *said: object) -> None:
        super().__init__(*(plain_message(text) if isinstance(text, str) else text for text in said))
        self.marked = " ".join(map(str, said))


def warn(message: str, category: type[Warning] | None = None) -> None:
    """Warn of something that deserves a look, at the line of the code that asked the library.

    Args:
        message: one sentence, and what to write.
        category: of a warning that is given on; None for one of ours.
    """
    said = (category or RetentionWarning)(message)
    warnings.warn(said, stacklevel=_level_outside())


def _level_outside() -> int:
    """How far up the first code lies that is not this library's: one answer may ask another."""
    frame, level = inspect.currentframe(), 0
    while frame and frame.f_globals.get("__name__", "").startswith("retention."):
        frame, level = frame.f_back, level + 1
    return level


def nearest_name(name: str, candidates: Iterable[str], *, least: float = 0.6) -> str | None:
    """The candidate most like `name`, by letters and digits alone; None if none is near.

    Args:
        name: what is looked for.
        candidates: what there is.
        least: how much of the two must agree, 0 to 1.
    """
    plain = {_letters_and_digits(candidate): candidate for candidate in reversed(list(candidates))}
    wanted = _letters_and_digits(str(name))
    found = get_close_matches(wanted, list(plain), n=1, cutoff=least)
    inside = [key for key in reversed(list(plain)) if wanted and wanted in key]
    return plain[(found or inside)[0]] if found or inside else None


def check_choice(argument: str, value: object, allowed: Iterable[str]) -> None:
    """Refuse a keyword value that is not one of its named choices."""
    choices = list(allowed)
    known = value is None or isinstance(value, str)  # an array answers == with many
    if not known or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise RetentionError(f"{marked_argument(argument)} must be one of {listed}; got {value!r}.")


def whole_number(
    argument: str, value: object, *, least: int, of: str = "", most: int = 2**53
) -> int:
    """A whole number that a user gave, as an int.

    Args:
        argument: the keyword.
        value: what was given.
        least: the smallest that makes sense.
        of: what is counted, such as "periods".
        most: the largest.

    Raises:
        RetentionError: if it is none, below `least` or above `most`.
    """
    given = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None
    if given is None or given < least:
        what = f"a whole number of {of}" if of else "a whole number"
        raise RetentionError(
            f"{marked_argument(argument)} must be {what}, {least} or more; got {value!r}."
        )
    if given > most:
        what = f"{most:,} {of}" if of else f"{most:,}"
        raise RetentionError(f"{marked_argument(argument)} may be {what} at most; got {given:,}.")
    return given


def is_number(value: object) -> TypeGuard[float]:
    """Whether a user gave one number, and not an infinite one."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond what a float holds
        return False


def discount_a_year(discount: object) -> float:
    """The effective discount rate a year that a user gave.

    Raises:
        RetentionError: if it is none, from 0 to 1.
    """
    if not (is_number(discount) and 0 <= discount <= 1):
        raise RetentionError(
            "discount is an effective rate a year, such as 0.1 for 10 %, or 0 for none; got "
            f"{discount!r}."
        )
    return float(discount)


def count_of(n: float, one: str, many: str = "") -> str:
    """A number with what it counts: 1 row, 2 rows; 1 spell has, 1,200 spells have.

    Args:
        n: how many.
        one: the word, or words, for one.
        many: for any other number; the same with an s if left out.
    """
    return f"{signs_in_use().number_text(f'{n:,}')} {one if n == 1 else many or one + 's'}"


def _letters_and_digits(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
