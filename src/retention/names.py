"""A name is data: what an engine would read as its own language is written otherwise inside.

DuckDB reads "a.b" as a column of a table, Polars "*" as all columns and "^x$" as a pattern, Spark a
backtick as the end of a name, and none of them an empty name. So columns of the user's are given
other letters on their way in (`inner_name`), of a block of Unicode that nobody writes with, and
their own back on their way out (`outer_text`), wherever that is: in a table, a model or a message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_BLOCK = 0x10F000  # of private use
_EMPTY = chr(_BLOCK)
_MEANT = '.*"`^$\\\n\r\t'
_INWARD = {ord(letter): chr(_BLOCK + ord(letter)) for letter in _MEANT}
_OUTWARD = {_BLOCK: ""} | {_BLOCK + ord(letter): letter for letter in _MEANT}


def inner_name(name: str) -> str:
    """The name that a column of the user's has inside; that of one already inside is itself."""
    return name.translate(_INWARD) if name else _EMPTY


def own_name(word: str) -> str:
    """What a column of ours is called beside a user's, none of which can be called so."""
    return _EMPTY + word


def outer_text(text: str) -> str:
    """A name, or a text in which names stand, as the user wrote them."""
    return text if text.isascii() else text.translate(_OUTWARD)


MARKED = re.compile(r"`((?:[a-z]\w*\([^`]*\)|[A-Za-z_]\w*(?:=[^`]*)?))`")
"""What is written in Python, marked in a message: a keyword, its value, the call it is said in."""


def marked_argument(argument: str) -> str:
    """What a user's argument is called in a message, marked where it is a keyword."""
    return f"`{argument}`" if argument.isidentifier() else argument


def plain_message(text: str) -> str:
    """A message with names as the user wrote them, and without marks.

    Quoted by Python, letters inside are escaped.
    """
    text = MARKED.sub(r"\1", text)
    shown = re.sub(r"\\U0010f0([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)
    return outer_text(shown.replace("\0", ""))


def inner_names(names: Iterable[object]) -> list[str]:
    """The inner names of columns; what is no text goes by the text it is shown as."""
    return [inner_name(str(name)) for name in names]


def columns_as_asked(columns: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Columns of a frame under the names by which they were asked for, inner or not."""
    asked = {inner_name(name): name for name in names}
    return {asked.get(name, name): values for name, values in columns.items()}
