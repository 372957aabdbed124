"""Rows that may depend on one another: the spells of each segment with the cluster of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ContentError, RetentionError, count_of
from retention.frames import Columns, as_text, collect
from retention.names import inner_name
from retention.numerics.codes import group_numbers, label_codes
from retention.survival.counts.histories import usable_spells
from retention.survival.counts.risk_sets import CAUSE, cause_as_text
from retention.tables import LIFETIMES, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.numerics.codes import Key

_MEMBER = "_member"


@dataclass(frozen=True, slots=True)
class ClusteredRows:
    """The rows of one segment that were at risk under observation, in no order.

    Attributes:
        duration: as in the table.
        churned: whether the end was seen.
        entry: time of coming under observation, −inf where from the origin.
        weight: how many spells a row stands for.
        cause: the place of the reason of a seen end among all reasons; 0 where none was asked for.
        member: the number of the cluster, from 0 to one less than there are in the segment.
        cluster: its number among those of all segments.
    """

    duration: NDArray[Any]
    churned: NDArray[np.bool_]
    entry: NDArray[np.float64]
    weight: NDArray[np.float64]
    cause: NDArray[np.intp]
    member: NDArray[np.intp]
    cluster: NDArray[np.intp]

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.member.max(initial=-1)) + 1


def rows_of_clusters(
    spells: object,
    by: str | Sequence[str],
    *,
    cluster: str,
    cause: str = "",
    causes: Sequence[str] = (),
) -> dict[Key, ClusteredRows]:
    """The rows of each segment, for the errors that spells of one cluster depending leaves.

    Args:
        spells: a table of spells whose risk sets have been counted, so that all have been checked.
        by: segment columns.
        cluster: the column whose rows may depend on one another.
        cause: the column that says why a spell ended, if that matters.
        causes: all reasons.

    Raises:
        RetentionError: if `cluster` is no name of a column.
        ColumnError: if there is no such column.
        ContentError: if it is missing somewhere.
    """
    if not isinstance(cluster, str) or not cluster:
        raise RetentionError(f"cluster must be the name of one column; got {cluster!r}.")
    names = segments(by, LIFETIMES)
    asked = {"by": names, "cluster": [cluster], **({"cause": [cause]} if cause else {})}
    frame = usable_spells(spells, asked=asked, table="spells")
    schema = frame.collect_schema()
    marks = {_MEMBER: nw.col(inner_name(cluster))}
    marks |= {CAUSE: cause_as_text(cause, schema[cause])} if cause else {}
    marks |= {name: as_text(name, schema[name]) for name in names}
    own = [name for name in ("duration", "churned", "entry", "n_spells") if name in schema]
    found = collect(frame.select(*own, **marks))
    member = cluster_of_rows(found[_MEMBER], cluster)
    return _rows_by_segment(found, names, member, causes)


def cluster_of_rows(values: NDArray[Any], name: str) -> NDArray[np.intp]:
    """The number of the cluster that each row belongs to.

    Raises:
        ContentError: if one is missing.
    """
    import pandas as pd

    codes, _ = pd.factorize(values)
    if n := int((codes < 0).sum()):
        rows, them = count_of(n, "row has", "rows have"), "it" if n == 1 else "them"
        raise ContentError(f"cluster: {rows} no {name!r}. Fill {them} in, or leave {them} out.")
    return np.asarray(codes, np.intp)


def _rows_by_segment(
    found: Columns, names: Sequence[str], member: NDArray[np.intp], causes: Sequence[str]
) -> dict[Key, ClusteredRows]:
    from pandas import factorize

    n = member.size
    entry = found["entry"].astype(np.float64) if "entry" in found else np.full(n, -np.inf)
    entry = np.where(entry > 0, entry, -np.inf)
    weight = found["n_spells"].astype(np.float64) if "n_spells" in found else np.ones(n)
    churned = found["churned"].astype(bool)
    reason = _place_of_causes(found, churned, causes)
    code, keys = group_numbers(found, names, n)
    late = ~(entry < found["duration"].astype(np.float64))
    code[late] = len(keys)
    order = np.argsort(code, kind="stable") if len(keys) > 1 or late.any() else np.arange(n)
    edges = np.cumsum(np.bincount(code, minlength=len(keys)))
    return {
        key: ClusteredRows(
            duration=found["duration"][rows],
            churned=churned[rows],
            entry=entry[rows],
            weight=weight[rows],
            cause=reason[rows],
            member=np.asarray(factorize(member[rows])[0], np.intp),
            cluster=member[rows],
        )
        for key, rows in zip(keys, np.split(order, edges)[: len(keys)], strict=True)
    }


def _place_of_causes(
    found: Columns, churned: NDArray[np.bool_], causes: Sequence[str]
) -> NDArray[np.intp]:
    """For each row the place of its reason among all, 0 where its end was not seen."""
    if not causes:
        return np.zeros(churned.size, np.intp)
    code, labels = label_codes(found[CAUSE])
    place = {reason: i for i, reason in enumerate(causes)}
    return np.where(churned, np.array([place.get(label, 0) for label in labels])[code], 0)
