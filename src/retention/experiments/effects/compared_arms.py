"""An assignment read for comparing its arms: the control first, in each segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ColumnError, ContentError, RetentionError, check_choice, count_of
from retention.experiments.arms.ratio_test import (
    LEAST_P,
    ArmCounts,
    counts_of_arms,
    refuse_clusters_of_several,
    warn_of_mismatch,
)
from retention.frames import Columns, Frame, as_text, beside, count, one_row
from retention.numerics.codes import group_numbers
from retention.tables import (
    ASSIGNMENT,
    refuse_other_ids,
    refuse_repeated_customers,
    require,
    segments,
    typed_as,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Clock = Literal["assigned", "exposed"]

SINCE, ARM, STRATUM, CLUSTER = "_since", "_arm", "_stratum", "_cluster"
"""Columns of a trial: the day from which is counted, and whereto a customer belongs, as text."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An assignment, read for comparing its arms with the control.

    A comparison is a segment and a further arm: the first segment with all further arms, then the
    next. All arrays of comparisons are in this order. A cell is a segment and any arm.

    Attributes:
        frame: a row per customer: `customer_id`, `_since`, `_arm`, the segment columns
            `_segment_0`, …, and `_stratum` and `_cluster` where there are any; on the engine of
            the other table.
        names: the segment columns.
        segments: the segments, in order, by column.
        arms: the arms, the control first.
        sample_ratio_p: of each segment, the chance of arms as far from the planned sizes as these.
        stratified: whether arms were chosen within strata.
        clustered: whether whole clusters have one arm.
    """

    frame: Frame
    names: tuple[str, ...]
    segments: Columns
    arms: tuple[str, ...]
    sample_ratio_p: Floats
    stratified: bool
    clustered: bool

    @property
    def keys(self) -> list[str]:
        """The columns of `frame` that tell the cells apart."""
        return [ARM, *segment_keys(self.names)]

    @property
    def n_segments(self) -> int:
        """How many segments there are."""
        return int(self.sample_ratio_p.size)

    @property
    def n_cells(self) -> int:
        """How many segments there are, times arms."""
        return self.n_segments * len(self.arms)

    def cells(self, found: Columns) -> NDArray[np.intp]:
        """Of each counted row, which has `keys`, the number of its cell: segment × arms + arm."""
        names = [*segment_keys(self.names), ARM]
        place, keys = group_numbers(found, names, found[ARM].size)
        segment = {key: i for i, key in enumerate(_rows_of(self.segments, self.n_segments))}
        arm = {name: i for i, name in enumerate(self.arms)}
        whole = [segment[key[:-1]] * len(self.arms) + arm[key[-1]] for key in keys]
        return np.asarray(np.array(whole, np.intp)[place], np.intp)

    def pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of each comparison the cell of the further arm, and that of the control."""
        table = np.arange(self.n_cells).reshape(self.n_segments, len(self.arms))
        control = np.repeat(table[:, :1], len(self.arms) - 1, axis=1)
        return table[:, 1:].ravel(), control.ravel()

    def comparison_columns(self) -> Columns:
        """The columns that say what is compared: the segments, `arm` and `compared_to`."""
        further = len(self.arms) - 1
        keys = {name: np.repeat(values, further) for name, values in self.segments.items()}
        arms = np.tile(np.array(self.arms[1:], dtype=object), self.n_segments)
        control = np.full(arms.size, self.arms[0], dtype=object)
        return {**keys, "arm": arms, "compared_to": control}

    def constant_columns(self, said: Mapping[str, str | int]) -> Columns:
        """Columns that say the same in all comparisons: the conventions of an answer."""
        n = self.n_segments * (len(self.arms) - 1)
        return {
            name: np.full(n, value, dtype=np.int64 if isinstance(value, int) else object)
            for name, value in said.items()
        }

    def answer_columns(self, made: Columns, order: Iterable[str]) -> Columns:
        """The columns of an answer in order: the segments, and those that are declared."""
        every = self.comparison_columns() | made
        return {name: every[name] for name in (*self.names, *order)}


def segment_keys(names: Sequence[str]) -> list[str]:
    """What segment columns are called in a trial: the user's names may be taken there."""
    return [f"_segment_{i}" for i in range(len(names))]


def read_trial(
    assignment: object,
    other: Frame,
    *,
    control: str,
    by: str | Sequence[str],
    as_of: date,
    clock: Clock = "assigned",
    beside_name: str = "spells",
    answer: Iterable[str] = (),
) -> Trial:
    """An assignment for comparing its arms, beside the checked table that knows what came of it.

    Customers assigned after `as_of` are not in it yet. A warning says if arms are not as large as
    planned, in any segment with p < .001 / segments.

    Args:
        assignment: the user's table.
        other: the other table, on whose engine the two are joined.
        control: the arm with which the others are compared.
        by: segment columns of the assignment.
        as_of: the last observed day.
        clock: whether time is counted from the assignment or, of those who saw it, from there.
        beside_name: what messages call the other table.
        answer: names of columns that no segment may have.

    Raises:
        RetentionError: if `control` is no arm, or `clock` no clock.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a customer has several rows, a row lacks what it must say, a cluster is in
            several arms or strata, or nobody was assigned by `as_of`.
    """
    check_choice("clock", clock, ("assigned", "exposed"))
    names = segments(by, ASSIGNMENT, working=answer)
    given = require(assignment, ASSIGNMENT, extra=names, adds="none")
    refuse_other_ids(other, given, (beside_name, "assignment"))
    table = typed_as(beside(other, assignment, name="assignment"), given)
    refuse_repeated_customers(table)
    begun = _assigned_by(table, as_of, clock)
    counts = counts_of_arms(begun, names)
    arms = _arms_with_control_first(control, counts)
    frame = _rows_of_trial(begun, names, clock)
    stratified, clustered = (own in frame.collect_schema() for own in (STRATUM, CLUSTER))
    if clustered:
        refuse_clusters_of_several(frame, "arm", (CLUSTER, ARM))
        if stratified:
            refuse_clusters_of_several(frame, "stratum", (CLUSTER, STRATUM))
    return Trial(
        frame,
        tuple(names),
        counts.segments,
        arms,
        warn_of_mismatch(counts, LEAST_P / len(counts.n)),
        stratified=stratified,
        clustered=clustered,
    )


def _rows_of_trial(begun: Frame, names: Sequence[str], clock: Clock) -> Frame:
    """Of each customer the day from which is counted, and the cell, stratum and cluster as text."""
    schema = begun.collect_schema()
    whereto = {
        own: _label(name, schema[name])
        for own, name in ((STRATUM, "stratum"), (CLUSTER, "cluster"))
        if name in schema
    }
    segment = dict(zip(segment_keys(names), names, strict=True))
    return begun.select(
        "customer_id",
        nw.col(clock).alias(SINCE),
        nw.col("arm").cast(nw.String).alias(ARM),
        *(as_text(name, schema[name]).alias(key) for key, name in segment.items()),
        **whereto,
    )


def _assigned_by(table: Frame, as_of: date, clock: Clock) -> Frame:
    """Those who were assigned (or saw the offer) by the last observed day."""
    schema = table.collect_schema()
    if clock not in schema:
        raise ColumnError.missing(
            f"assignment ({ASSIGNMENT.row})",
            clock,
            "when the offer was seen",
            schema,
            "as_assignment",
        )
    asked = {
        "_day": periods.day_expr(clock, table.implementation),
        "_unsaid": count(nw.col("assigned").is_null()),
    }
    if clock == "exposed":
        asked["_early"] = count(nw.col("exposed") < nw.col("assigned"))
    dated = table.with_columns(**asked)
    marks = [name for name in asked if name != "_day"]
    told = one_row(dated.select(nw.col("_day").min(), *(nw.col(name).sum() for name in marks)))
    _refuse_odd_days(told, as_of, clock)
    return dated.filter(nw.col("_day") <= periods.number_of(as_of)).drop(*asked)


def _refuse_odd_days(told: Mapping[str, Any], as_of: date, clock: Clock) -> None:
    """Refuse rows without a day, offers seen before the assignment, and nobody assigned yet."""
    if n := int(told["_unsaid"] or 0):
        raise ContentError(
            f"assignment: {count_of(n, 'row has', 'rows have')} no day in 'assigned'. Fill it "
            "in or leave them out."
        )
    if n := int(told.get("_early") or 0):
        raise ContentError(
            f"assignment: {count_of(n, 'customer')} saw the offer before they were assigned. Is "
            "'exposed' right?"
        )
    if told["_day"] is not None and int(told["_day"]) > periods.number_of(as_of):
        first = periods.day_of(int(told["_day"]))
        raise ContentError(
            f"assignment: the first customer was {clock} on {first}, after `as_of` {as_of}: "
            "nothing is known yet. Say a later `as_of=`."
        )
    if told["_day"] is None and clock == "exposed":
        raise ContentError(
            "assignment: nobody has a day in 'exposed'. Log when the offer was seen, in every arm, "
            "or say `clock='assigned'`."
        )


def _arms_with_control_first(control: object, counts: ArmCounts) -> tuple[str, ...]:
    """The arms, the control first, the others sorted."""
    if not isinstance(control, str) or control not in counts.arms:
        sizes = counts.n_customers.sum(axis=0)
        there = ", ".join(
            f"{arm!r} ({count_of(int(n), 'customer')})"
            for arm, n in zip(counts.arms, sizes, strict=True)
        )
        raise RetentionError(
            f"`control` must be the arm with which the others are compared; got {control!r}. The "
            f"arms of the assignment are {there}."
        )
    return (control, *(arm for arm in counts.arms if arm != control))


def _label(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """The stratum or the cluster of a customer as text."""
    try:
        return as_text(name, dtype)
    except ColumnError:
        raise ColumnError(
            f"assignment: {name!r} holds {dtype}, not labels. Make it text or whole numbers."
        ) from None


def _rows_of(labels: Columns, n: int) -> list[tuple[str, ...]]:
    """The values of each segment."""
    if not labels:
        return [()] * n
    return list(zip(*(values.tolist() for values in labels.values()), strict=True))
