"""Text files as bytes: unpacking, encoding, line ends, and a plain copy where DuckDB needs one."""

from __future__ import annotations

import io
import shutil
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from retention.errors import ReadError, warn
from retention.loading.files.letters import ASSUMED, Letters, cells_in_quotes, readings_in_words
from retention.loading.files.relations import require_library
from retention.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

HEAD = 1 << 16
"""How many bytes of a file are looked at to find its separator and column names."""

UTF8 = "utf-8-sig"
"""UTF-8, with a byte-order mark or without."""

_PIECE = 1 << 20
_MARKS = {
    b"\xff\xfe\0\0": "utf-32",  # before UTF-16, whose mark is the start of it
    b"\0\0\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": UTF8,
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


_STARTS = {
    b"PK\x03\x04": "a workbook (.xlsx) or a zip archive: name it .xlsx, or unpack it",
    b"\xd0\xcf\x11\xe0": "a workbook with a password, or of the old kind: open it and save it as "
    ".xlsx without a password",
    b"PAR1": "a Parquet file: name it .parquet",
    b"\x1f\x8b": "packed with gzip: name it .csv.gz",
    b"BZh": "packed with bzip2: name it .csv.bz2",
    b"\x28\xb5\x2f\xfd": "packed with Zstandard: name it .csv.zst",
    b"%PDF": "a PDF: export the table as CSV",
    b"SQLite format 3": "a database: open it with sqlite3 and say `connection=`",
    b"<!doctype": "a web page, perhaps one to log in: download the file itself",
    b"<html": "a web page, perhaps one to log in: download the file itself",
    b"<?xml": "XML: export the table as CSV or .xlsx",
    b'{"': "JSON: name it .jsonl",
    b'[{"': "JSON: name it .json",
}
"""How files start that are not CSV, and what is to be done."""


def other_kind(head: bytes) -> str | None:
    """What a file is by its first bytes, if they are not those of a CSV."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16]
    found = (said for mark, said in _STARTS.items() if start.lower().startswith(mark.lower()))
    return next(found, None)


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over all bytes of a text file told."""

    encoding: str
    """The one in which every byte can be read, as Python calls it."""
    mixed_ends: bool
    """Whether its lines end in different ways."""
    open_ends: bool
    """Whether some line ends with the separator."""
    cells: tuple[bytes, ...] = ()
    """Where the encoding is a guess: some cells with letters that depend on it."""


@contextmanager
def unpacked_stream(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed by the ending of its name.

    Raises:
        ReadError: if it cannot be opened, or is compressed and not whole.
    """
    try:
        with _opened_file(path) as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as problem:
        if path.suffix.lower() in _PACKED:
            what = f"is not a complete {path.suffix} file (cut short or damaged)"
        else:
            what = "cannot be read"
        raise ReadError(f"{path} {what}: {problem}.") from problem


def head_of(path: Path) -> bytes:
    """The first bytes of a text file.

    Raises:
        ReadError: if there is nothing in it, or if it is not text.
    """
    with unpacked_stream(path) as stream:
        head = stream.read(HEAD)
    if not head.strip():
        raise ReadError(f"{path} is empty: it has no column names and no rows.")
    return head


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte-order mark at the start tells, if there is one."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def survey(path: Path, separator: str) -> Survey:
    """Read every byte once: is it UTF-8, or else cp1252, and is it regular enough for DuckDB?

    Raises:
        ReadError: if some lines are UTF-8 and others are not, for then no encoding fits, or if the
            letters do not speak for cp1252.
    """
    ends = _Ends(separator.encode())
    with unpacked_stream(path) as stream, progress_bar(f"checking {path.name}", "B") as done:
        encoding, cells = _encoding_and_cells(
            path, ends.pieces_seen(_pieces_of_stream(stream, done))
        )
    return Survey(encoding, ends.are_mixed, ends.open, cells)


def warn_of_guess(path: Path, others: int, cells: Sequence[bytes]) -> None:
    """Say which encoding was assumed, of a file and so many others, and how it reads."""
    more = f" and {others:,} other file{'s' * (others > 1)}" if others else ""
    also = (
        readings_in_words(cells, most=2)
        or "`encoding='cp1251'` is Cyrillic, 'cp1250' Central European"
    )
    warn(
        f"{path}{more} is not UTF-8 and was read as {ASSUMED} (Western European), which is a "
        f"guess: it holds {cells_in_quotes(cells)}. If that is right, say "
        f"`encoding={ASSUMED!r}`; if not, say what it is: {also}."
    )


def copy_plain(path: Path, encoding: str, target: Path, *, skip: int, spaced: bool) -> None:
    """A copy in UTF-8 with one kind of line end, without its first lines.

    Args:
        path: the file.
        encoding: its encoding; a byte that it does not know is refused, never replaced.
        target: where the copy goes.
        skip: how many lines are left out.
        spaced: true where runs of blanks separate the columns: they become tabs.

    Raises:
        ReadError: if the file is not of this encoding.
    """
    with (
        unpacked_stream(path) as stream,
        refusing_bytes(path, encoding),
        io.TextIOWrapper(stream, encoding=encoding) as source,  # any line end is read as "\n"
        target.open("w", encoding="utf-8", newline="\n") as copy,
    ):
        for _ in range(skip):
            source.readline()
        if spaced:
            copy.writelines("\t".join(line.split()) + "\n" for line in source)
        else:
            shutil.copyfileobj(source, copy, _PIECE)


@contextmanager
def refusing_bytes(path: Path, encoding: str) -> Iterator[None]:
    """Within it, a byte that the encoding does not know is refused in the user's words.

    Raises:
        ReadError: names the byte and what to say.
    """
    try:
        yield
    except LookupError as problem:
        raise ReadError(
            f"`encoding={encoding!r}` is not an encoding that Python knows."
        ) from problem
    except UnicodeError as problem:
        raise ReadError(
            f"{path} is not {encoding} text ({problem}). Say `encoding=` if you know what it is."
        ) from problem


class _Ends:
    """Looks at the line ends of pieces passing by; each piece ends where a line ends."""

    def __init__(self, separator: bytes) -> None:
        self._separator = separator
        self._kinds: set[bytes] = set()
        self.open = False

    def pieces_seen(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            kinds = _kinds_of_ends(piece)
            self._kinds |= kinds
            empty = (self._separator, self._separator + b'""')
            self.open = self.open or any(one + end in piece for end in kinds for one in empty)
            self.open = self.open or piece.endswith(empty)
            yield piece

    @property
    def are_mixed(self) -> bool:
        return len(self._kinds) > 1


def _kinds_of_ends(piece: bytes) -> set[bytes]:
    if b"\r" not in piece:  # the usual case, and the fast one
        return {b"\n"} if b"\n" in piece else set()
    windows = piece.count(b"\r\n")
    counts = {
        b"\r\n": windows,
        b"\n": piece.count(b"\n") - windows,
        b"\r": piece.count(b"\r") - windows,
    }
    return {kind for kind, count in counts.items() if count}


def _pieces_of_stream(stream: BinaryIO, done: Callable[[int], object]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        whole = piece + stream.readline()
        done(len(whole))
        yield whole


def _encoding_and_cells(path: Path, pieces: Iterable[bytes]) -> tuple[str, tuple[bytes, ...]]:
    """UTF-8, else cp1252 if its letters speak for it, and the cells that show what was guessed."""
    accents = False
    letters, other = Letters(), False
    for piece in pieces:
        if piece.isascii():
            continue
        for line in [piece] if _is_utf8(piece) else piece.splitlines():
            if not _is_utf8(line):
                other = True
                letters.count_words(line)
            elif not line.isascii():
                accents = True
    if accents and other:
        raise _mixed_encodings_refusal(path)
    if other and not letters.speak_for_western:
        raise _unlikely_encoding_refusal(path, letters.cells)
    return (ASSUMED, tuple(letters.cells)) if other else (UTF8, ())


def _mixed_encodings_refusal(path: Path) -> ReadError:
    with unpacked_stream(path) as stream:
        number = next(n for n, line in enumerate(stream, 1) if not _is_utf8(line))
    return ReadError(
        f"{path}: line {number} is not UTF-8, though other lines with accents are: the file "
        "mixes encodings or is damaged. Save it anew, or say `encoding=` to read it all in one."
    )


def _unlikely_encoding_refusal(path: Path, cells: Sequence[bytes]) -> ReadError:
    say = (
        readings_in_words(cells, most=8)
        or "`encoding='cp1251'`, 'cp932' or another name that Python knows"
    )
    return ReadError(
        f"{path} is not UTF-8, and its letters do not look like {ASSUMED} (Western European), in "
        f"which it would hold {cells_in_quotes(cells)}. Say what it is: {say}."
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _opened_file(path: Path) -> BinaryIO:
    packed = path.suffix.lower()
    if packed not in _PACKED:
        return path.open("rb")
    return cast("BinaryIO", _PACKED[packed](path))


def _gzip_stream(path: Path) -> object:
    import gzip

    return gzip.open(path, "rb")


def _bz2_stream(path: Path) -> object:
    import bz2

    return bz2.open(path, "rb")


def _zip_stream(path: Path) -> object:
    """The one file in an archive."""
    from zipfile import BadZipFile, ZipFile

    try:
        archive = ZipFile(path)
        inside = [
            each for each in archive.infolist() if not (each.is_dir() or _is_marker(each.filename))
        ]
        if len(inside) == 1:
            return archive.open(inside[0])
    except (BadZipFile, RuntimeError, NotImplementedError) as problem:
        raise ReadError(
            f"{path} is not an archive that can be read ({problem}): unpack it, and say the file "
            "in it."
        ) from problem
    names = [each.filename for each in inside]
    raise ReadError(f"{path} holds {len(names)} files, not one: {names[:5]}. Unpack it.")


def _is_marker(name: str) -> bool:
    """Whether a file in an archive was put there by the program that packed it."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


def _zstd_stream(path: Path) -> object:
    require_library("pyarrow", f"Reading {path.name}", "arrow")
    import pyarrow as pa

    return io.BufferedReader(pa.input_stream(str(path), compression="zstd"), _PIECE)


_PACKED = {".gz": _gzip_stream, ".bz2": _bz2_stream, ".zst": _zstd_stream, ".zip": _zip_stream}
