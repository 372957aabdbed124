"""A file that is written whole, or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Where to write what becomes `target` once all of it is there; if it fails, nothing changes.

    What is no file, such as a pipe, is written to as it stands. Of a link, what it leads to is
    written.

    Raises:
        OSError: if nothing can be written there; it names the file that was asked for.
    """
    real = target.resolve() if target.is_symlink() else target
    if real.exists() and not real.is_file():
        yield real
        return
    part = real.with_name(f"{real.name}.part")
    try:
        yield part
        part.replace(real)
    except OSError as error:
        if error.filename != str(part):
            raise
        raise type(error)(error.errno, error.strerror, str(target)) from None
    finally:
        part.unlink(missing_ok=True)


def write_whole_text(text: str, target: Path) -> None:
    """A text in UTF-8, its lines as they are."""
    with whole_file(target) as part:
        part.write_text(text, encoding="utf-8", newline="")


def write_whole_bytes(content: bytes, target: Path) -> None:
    """Bytes as they are."""
    with whole_file(target) as part:
        part.write_bytes(content)
