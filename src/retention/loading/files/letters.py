"""Which encoding the letters of a file are in where no mark tells: what speaks for cp1252.

One byte in cp1252 is a letter in a dozen other encodings as well, so nothing proves it. But words
of Western languages are mostly ASCII with single accents in them; text in Cyrillic, Greek or
Japanese, or from an old Mac or DOS, read as cp1252, has runs of accents, and signs inside of words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ASSUMED = "cp1252"
"""What a file that is not UTF-8 is taken for, if its letters speak for it."""

_OTHERS = {
    "cp1251": "Cyrillic",
    "mac_roman": "old Mac",
    "cp850": "DOS",
    "cp1250": "Central European",
    "cp1254": "Turkish",
    "cp1253": "Greek",
    "koi8-r": "Cyrillic",
    "cp866": "Cyrillic of DOS",
    "cp932": "Japanese",
    "gbk": "Chinese",
    "big5": "Chinese",
    "cp949": "Korean",
    "cp1255": "Hebrew",
    "cp1256": "Arabic",
    "cp1257": "Baltic",
    "cp852": "Central European of DOS",
    "iso8859-2": "Central European",
    "iso8859-5": "Cyrillic",
    "euc_jp": "Japanese",
}
"""Encodings that people still write, the likeliest first, and of what."""

_LOOKED_AT = 50_000
_STRANGE_SHARE = 0.1
_SHOWN = 3
_LONGEST = 30

_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_PARTING = re.compile(rb"[,;\t|\"\r\n]+")
_LOW, _UP = "a-zß-öø-ÿœšž", "À-ÖØ-ÞŒŠŽŸ"
_ACCENT = "À-ÖØ-öø-ÿŒœŠšŽžŸ"
_LETTER = f"A-Za-z{_ACCENT}"
_FINE = "’‘–—\xa0\xad·´®©™"  # in d’Or, Paris–London, col·lecció
_SIGNS = "¢¤¥¦§¨¬¯¶¸¼½¾±×÷µ‡†‰ˆ‹›ƒ‚„"
_STRANGE = re.compile(
    "|".join(
        (
            f"[{_ACCENT}]{{3}}",  # a run of accents
            f"^[{_ACCENT}]{{2,}}$",
            f"(?<=[{_LETTER}])[^{_LETTER}{_FINE}](?=[{_LETTER}])",  # a sign inside of a word
            f"(?<=[{_LETTER}])[–—](?=[{_LOW}])",
            f"[{_LETTER}][{_UP}][{_LOW}]|[{_LOW}][{_UP}]",  # a capital inside of a word
            f"^[€†‡ˆ‰¢¤£][{_LOW}]|[{_LOW}][‚„†‡ˆ‰¤¢£¥‹]$",
            f"[{_SIGNS}][{_SIGNS}{_ACCENT}]|[{_ACCENT}][{_SIGNS}]",
        )
    )
)


class Letters:
    """Looks at the lines of a file that are not UTF-8, passing by."""

    def __init__(self) -> None:
        self._n_words = self._n_strange = 0
        self._undefined = False
        self._cells: dict[bool, dict[bytes, None]] = {True: {}, False: {}}

    def count_words(self, line: bytes) -> None:
        """Count the words of a line, and keep the first cells of them."""
        undefined = _UNDEFINED.search(line) is not None
        self._undefined = self._undefined or undefined
        if self._n_words > _LOOKED_AT and not undefined:
            return
        words = _doubtful_words(line)
        self._n_words += len(words)
        self._n_strange += sum(map(is_strange, words))
        if min(map(len, self._cells.values())) < _SHOWN:
            for cell in _PARTING.split(line):
                kept = self._cells[any(map(is_strange, _doubtful_words(cell)))]
                if len(kept) < _SHOWN and not cell.isascii():
                    kept[cell.strip()] = None

    @property
    def speak_for_western(self) -> bool:
        """Whether the bytes speak for cp1252."""
        return not self._undefined and self._n_strange <= self._n_words * _STRANGE_SHARE

    @property
    def cells(self) -> list[bytes]:
        """A few cells that show it: those of usual words if it is cp1252, else of strange ones."""
        usual, strange = list(self._cells[False]), list(self._cells[True])
        return usual or strange if self.speak_for_western else strange or usual


def _doubtful_words(text: bytes) -> list[bytes]:
    """The words of which a letter depends on the encoding; in one pass, however long they are."""
    return [word for word in _WORD.findall(text) if not word.isascii()]


def is_strange(word: bytes) -> bool:
    """Whether no word of a Western language looks like this in cp1252.

    Example:
        >>> [is_strange(word.encode("cp1252")) for word in ("Größe", "l’été", "Île", "ÎLE")]
        [False, False, False, False]
        >>> [is_strange("Müller".encode(encoding)) for encoding in ("mac_roman", "cp850")]
        [True, True]
        >>> is_strange("Москва".encode("cp1251"))
        True
    """
    if _UNDEFINED.search(word):
        return True
    return _STRANGE.search(word.decode(ASSUMED)) is not None


def cells_in_quotes(cells: Iterable[bytes], encoding: str = ASSUMED) -> str:
    """Cells as they read in an encoding, in quotes."""
    return _texts_in_quotes(cell.decode(encoding, "replace") for cell in cells)


def _texts_in_quotes(texts: Iterable[str]) -> str:
    return ", ".join(repr(text[:_LONGEST]) for text in texts)


def readings_in_words(cells: Sequence[bytes], *, most: int) -> str:
    """How the cells read in encodings in which they make sense and differ from cp1252, in words.

    Example:
        >>> readings_in_words(["Москва".encode("cp1251")], most=1)
        "`encoding='cp1251'` (Cyrillic) reads 'Москва'"
    """
    assumed = [cell.decode(ASSUMED, "replace") for cell in cells]
    found = []
    for encoding, of in _OTHERS.items():
        read = _decoded_cells(cells, encoding)
        if read and read != assumed and all(map(_makes_sense, read)):
            found.append(f"`encoding={encoding!r}` ({of}) reads {_texts_in_quotes(read)}")
    return "; ".join(found[:most])


def _decoded_cells(cells: Sequence[bytes], encoding: str) -> list[str]:
    try:
        return [cell.decode(encoding) for cell in cells]
    except UnicodeDecodeError:
        return []


def _makes_sense(text: str) -> bool:
    """Words of one script each, capitals at their start or throughout, and no stray signs."""
    if re.search(r"[^\W\d_a-zA-Z]\d|\d[^\W\d_a-zA-Z]", text):  # "Ј5": a sign for money, surely
        return False
    words = re.findall(r"[^\W\d_]+", text)
    signs = [sign for sign in text if ord(sign) > 127 and not sign.isalpha()]
    return all(map(_is_word, words)) and all(sign in "’‘“”„–—…€£©®™°\xa0" for sign in signs)


def _is_word(word: str) -> bool:
    if word.isascii():
        return True
    names = (re.split("[ -]", unicodedata.name(letter, ""))[0] for letter in word)
    scripts = {"CJK" if name in ("HIRAGANA", "KATAKANA") else name for name in names}
    return len(scripts) == 1 and word in (word.lower(), word.upper(), word.title())
