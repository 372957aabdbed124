"""Connections to a DuckDB of ours, for tables and files that are on none of the user's."""

from __future__ import annotations

from functools import cache
from os import getpid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection


def private_connection(**settings: str) -> DuckDBPyConnection:
    """A connection to a DuckDB in memory that fetches nothing from the network, and is in UTC.

    A process starts one such DuckDB for each choice of settings, as that takes longer than a small
    figure. What a connection makes must be temporary: then no other one sees it.
    """
    connection = _duckdb_of_process(getpid(), tuple(settings.items())).cursor()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@cache
def _duckdb_of_process(_process: int, settings: Sequence[tuple[str, str]]) -> DuckDBPyConnection:
    import duckdb

    offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    return duckdb.connect(config={**offline, **dict(settings)})
