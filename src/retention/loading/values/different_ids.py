"""The different ids of a column: what is asked of texts is asked of each of them once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames import (
    Frame,
    Numbered,
    answers_at_once,
    collect,
    count,
    frame_at_hand,
    is_at_hand,
    numbers_of_values,
    one_row,
)
from retention.loading.rows.columns import ROW
from retention.loading.rows.identity import (
    N_ROWS,
    are_apart,
    keys_of_ids,
    rows_per_id,
    totals_of_keys,
)
from retention.loading.rows.text import OURS, PADDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from retention.loading.rows.columns import Source

_MANY = 10_000
"""Rows at hand, below which asking each of them is as quick."""


@dataclass(frozen=True, slots=True)
class DifferentIds:
    """What is known of the ids in a column of whole numbers, or of text without padding.

    Attributes:
        role: which id.
        known: conditions on ids, by name: plain where they hold of no row, or of every row.
        frame: one row per id of a table at hand, under the name that it has once it is read.
        numbers: which of them each row of the table has; None of a lazy table.
        apart: whether it is known that no two of them may be one.
        most: no id has more rows.
    """

    role: str
    known: Mapping[str, nw.Expr]
    frame: Frame
    numbers: Numbered | None
    apart: bool = False
    most: float = math.inf

    def who_of(self, rows: NDArray[Any]) -> NDArray[np.int64] | None:
        """The number of the id in each of some rows of a table at hand; None of a lazy one."""
        return None if self.numbers is None else self.numbers.number[rows]

    def rows_per_id(self, frame: Frame) -> Frame:
        """How many of some rows of the table each id has."""
        if self.numbers is None:
            return rows_per_id(frame, self.role)
        here = self.numbers.number[collect(frame.select(ROW))[ROW]]
        n = np.bincount(here[here >= 0], minlength=self.numbers.size)
        counted = nw.new_series(N_ROWS, n, backend=cast("Any", frame.implementation))
        return self.frame.collect().with_columns(counted).lazy().filter(nw.col(N_ROWS) > 0)


def different_ids(
    source: Source, role: str, conditions: Mapping[str, nw.Expr]
) -> DifferentIds | None:
    """What is known of ids once each of them is asked; None where it is as well to ask each row.

    Args:
        source: the table.
        role: which id.
        conditions: on ids as they are once they are read, by name.

    Returns:
        None where an id has padding, of small tables at hand, and of engines to which every
        question is an errand.
    """
    ids = _ids_to_ask(source, role)
    if ids is None:
        return None
    frame, numbers = ids
    if source.schema[source.roles[role]].is_integer():
        return DifferentIds(role, {}, frame, numbers)
    padded = nw.col(f"{OURS}{role}").str.contains(PADDED)
    found, ns = _answers_about_ids(frame, f"{OURS}{role}", {"padded": padded, **conditions})
    n = int(found["n"] or 0)
    if ns[0]:
        return None
    missing = n > int(found["known"] or 0) or (numbers is not None and numbers.has_missing)
    known = {
        name: nw.lit(times > 0) if times in (0, n) and not missing else holds
        for (name, holds), times in zip(conditions.items(), ns[1:], strict=True)
    }
    if numbers is not None:
        return DifferentIds(role, known, frame, numbers)
    return DifferentIds(role, known, frame, None, are_apart(found), float(found[N_ROWS] or 0))


def _ids_to_ask(source: Source, role: str) -> tuple[Frame, Numbered | None] | None:
    """The different ids, and where each stands in a table at hand; those of a query with N_ROWS."""
    column, ours = source.roles[role], f"{OURS}{role}"
    text = isinstance(source.schema[column], nw.String)
    if source.eager and is_at_hand(source.table) and (text or source.schema[column].is_integer()):
        table = nw.from_native(cast("Any", source.table), eager_only=True)
        numbers = None if len(table) < _MANY else numbers_of_values(table[column], ordered=False)
        if numbers is None:
            return None
        return frame_at_hand({ours: numbers.compact}, table.implementation), numbers
    if source.eager or not text or not answers_at_once(source.frame):
        return None
    ids = source.frame.select(nw.col(column).alias(ours))
    return ids.group_by(ours).agg(nw.len().alias(N_ROWS)), None


def _answers_about_ids(
    ids: Frame, ours: str, asked: Mapping[str, nw.Expr]
) -> tuple[dict[str, Any], list[int]]:
    """What one look at ids tells, and of how many each condition holds.

    If they come with their rows, the look is at a whole table, and tells more.
    """
    named = {f"{OURS}sign{i}": count(holds) for i, holds in enumerate(asked.values())}
    totals = [nw.len().alias("n"), nw.col(ours).count().alias("known")]
    totals += [nw.col(name).sum() for name in named]
    if N_ROWS in ids.collect_schema():
        named |= keys_of_ids(ids, ours)
        ids = ids.with_columns(_of_known=nw.when(~nw.col(ours).is_null()).then(nw.col(N_ROWS)))
        totals += [*totals_of_keys(), nw.col("_of_known").max().alias(N_ROWS)]
    found = one_row(ids.with_columns(**named).select(*totals))
    return found, [int(found[f"{OURS}sign{i}"] or 0) for i in range(len(asked))]
