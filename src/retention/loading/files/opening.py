"""Whichever a source is, files or a query: opened, with what may be said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.errors import RetentionError
from retention.loading.files.databases import open_query
from retention.loading.files.formats import open_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.loading.files.relations import Opened


def open_source(door: str, source: Any, connection: Any, said: Mapping[str, Any]) -> Opened:
    """A file, several, or with a connection a query, not read yet.

    Args:
        door: the function that was called, for messages.
        source: a path, several, or a query.
        connection: of a database; None for files.
        said: `sheet`, `encoding`, `separator`, `header_row`, as far as they were said.

    Raises:
        RetentionError: if something is said of a query that is for files.
    """
    every = {name: said.get(name) for name in ("sheet", "encoding", "separator", "header_row")}
    if connection is None:
        return open_files(source, door, **every)
    for name, value in every.items():
        if value is not None:
            raise RetentionError(f"{name}= says nothing about a query. Leave it out.")
    return open_query(source, connection, door)
