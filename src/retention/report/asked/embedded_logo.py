"""A picture of a file as part of a page: as an image, in which no script runs."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

from retention.errors import ReadError

_LARGEST = 1_000_000
_BY_START = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_SVG = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*+-->\s*)*+<svg[\s>]", re.DOTALL
)
_ACTIVE = re.compile(
    rb"<(?:[\w.-]+:)?(?:script|foreignobject)|<!entity|<!doctype|javascript:|[\s/\"']on[a-z]+\s*=",
    re.I,
)


def logo_as_data(path: str | Path) -> str:
    """The picture as a data URI.

    Raises:
        ReadError: if it is no PNG, JPEG or SVG, is too large, or is an SVG with something in it
            that runs.
    """
    try:
        size = Path(path).stat().st_size
        content = Path(path).read_bytes() if size <= _LARGEST else b""
    except (OSError, ValueError, TypeError) as error:
        raise ReadError(f"`logo=` {path}: {getattr(error, 'strerror', None) or error}.") from None
    if size > _LARGEST:
        raise ReadError(f"`logo=` {path} has {size:,} bytes; {_LARGEST:,} is the most.")
    kind = next((kind for start, kind in _BY_START.items() if content.startswith(start)), None)
    if kind is None and _SVG.match(content):
        if found := _ACTIVE.search(content):
            what = found[0].decode("ascii").strip()
            raise ReadError(f"`logo=` {path} holds {what!r}. Give one that only draws, or a PNG.")
        kind = "image/svg+xml"
    if kind is None:
        raise ReadError(f"`logo=` {path} is no PNG, JPEG or SVG.")
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"
