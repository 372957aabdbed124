"""Names of files and sheets that any system takes, and that keep different people apart."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_NOT_IN_FILES = re.compile(r"[^\w \-&+,.@]")
_NOT_IN_SHEETS = re.compile(
    r"[\[\]:*?/\\()\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff\ud800-\udfff\ufffe\uffff]"
)
_TAKEN = re.compile(r"(?i)(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$) *(\..*)?")
"""Windows has devices of these names, whatever ends them."""

_MARKED = re.compile(r" [0-9a-f]{8}\Z")
"""So end the names that we made; a person who is called so gets a fingerprint, too."""

_LONGEST_FILE, _LONGEST_SHEET = 60, 31
_MARK = 8  # letters of a fingerprint


def file_names_of(people: Collection[str]) -> dict[str, str]:
    r"""A file's name without its ending for each of several people, the same whoever else is there.

    A name that has to be changed, and names that differ in nothing but case or accents, carry a
    fingerprint of the whole name. Nothing of it leads out of a folder.

    Example:
        >>> file_names_of(["Ann", "A/B", ".."])
        {'Ann': 'Ann', 'A/B': 'A_B 998d3ed8', '..': '_ 5ec1f7e7'}
    """
    return _names_apart(people, _plain_file_name, _LONGEST_FILE)


def sheet_names_of(people: Collection[str]) -> dict[str, str]:
    """The name of a sheet for each of several people, as `file_names_of`.

    Example:
        >>> sheet_names_of(["Ann", "A/B"])
        {'Ann': 'Ann', 'A/B': 'A_B 998d3ed8'}
    """
    return _names_apart(people, _plain_sheet_name, _LONGEST_SHEET)


def _names_apart(
    people: Collection[str], plain: Callable[[str], str], longest: int
) -> dict[str, str]:
    """Names, with a fingerprint those that alone would not tell whose they are."""
    written = {one: plain(one) for one in people}
    alike: dict[str, int] = {}
    for name in written.values():
        alike[_name_as_compared(name)] = alike.get(_name_as_compared(name), 0) + 1
    return {
        one: name
        if name == one
        and _units_of_name(name) <= longest
        and alike[_name_as_compared(name)] == 1
        and not _MARKED.search(name)
        else f"{_cut_name(name, longest - _MARK - 1).rstrip()} {_fingerprint_of_name(one)}"
        for one, name in written.items()
    }


def _units_of_name(name: str) -> int:
    """The length as Excel and Windows count it: letters beyond 65,535 are two."""
    return len(name.encode("utf-16-le", "surrogatepass")) // 2


def _cut_name(name: str, longest: int) -> str:
    while _units_of_name(name) > longest:
        name = name[: longest if len(name) > longest else -1]
    return name


def _fingerprint_of_name(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]


def _name_as_compared(name: str) -> str:
    """As systems compare names that hold case, accents or width for no difference."""
    return unicodedata.normalize("NFKC", name).casefold()


def _plain_file_name(name: str) -> str:
    """A name without what a system forbids, or takes for a folder or a device."""
    letters = _NOT_IN_FILES.sub("_", unicodedata.normalize("NFC", name)).strip(" .@+-,&")
    return f"_{letters}" if not letters or _TAKEN.fullmatch(letters) else letters


def _plain_sheet_name(name: str) -> str:
    """A name without what a workbook forbids."""
    letters = _NOT_IN_SHEETS.sub("_", name).strip(" '=+-@")
    return f"_{letters}" if not letters or letters.casefold() == "history" else letters
