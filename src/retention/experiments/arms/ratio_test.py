"""Whether the arms of an experiment came out as large as planned: counts, and chi-squared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ContentError, count_of, warn
from retention.frames import Columns, Frame, as_text, collect, one_row
from retention.numerics.codes import distinct_segments
from retention.wording import is_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LEAST_P = 0.001
"""Below it arms of other sizes than planned are no chance finding."""

_ROUNDED = 1e-6  # shares that were written with few digits, as .333 and .667, come as near to 1


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """How many units, customers or whole clusters, are in each arm of each segment.

    Attributes:
        arms: the arms, sorted.
        shares: the planned share of each; of the arms there are, so that they sum to 1.
        n: the units: of each segment (a row) in each arm (a column).
        n_customers: the customers, likewise.
        segments: the segments, in order.
        unit: "customer", or "cluster" where whole clusters were assigned.
    """

    arms: tuple[str, ...]
    shares: Floats
    n: Floats
    n_customers: Floats
    segments: Columns
    unit: str

    def p_values(self) -> Floats:
        """Of each segment, the chance of counts at least as far from the plan as these."""
        return ratio_of_counts(self.n, self.shares)[1]


def ratio_of_counts(counts: ArrayLike, shares: ArrayLike) -> tuple[Floats, Floats]:
    """Pearson's chi-squared of counts against planned shares, and its p-value.

    With n the sum of the counts O and s the shares, Σ (O − ns)² / (ns), on one degree of freedom
    less than there are arms. Both are NaN where nobody was counted.

    Args:
        counts: customers of each arm, along the last axis.
        shares: planned shares above 0 that sum to 1.

    Example:
        Cookie Cats, two gates of one half each:

        >>> chi_squared, p = ratio_of_counts([44_700, 45_489], [0.5, 0.5])
        >>> print(round(float(chi_squared), 4), round(float(p), 4))
        6.9024 0.0086
    """
    from scipy.special import chdtrc  # loaded late: SciPy takes longer to import than all else

    seen, planned = np.asarray(counts, np.float64), np.asarray(shares, np.float64)
    expected = seen.sum(axis=-1, keepdims=True) * planned
    with np.errstate(invalid="ignore"):  # nobody: 0 / 0
        chi_squared = np.asarray(((seen - expected) ** 2 / expected).sum(axis=-1))
    return chi_squared, np.asarray(chdtrc(planned.size - 1, chi_squared), np.float64)


def counts_of_arms(assignment: Frame, by: Sequence[str] = ()) -> ArmCounts:
    """The units of each arm, in each segment, beside the planned shares.

    Where the assignment has clusters, these are what was assigned, and they are counted. Of an
    experiment from which an arm was left out, the planned shares of the others count as parts of
    their sum.

    Args:
        assignment: the checked table, whose customers stand in it once.
        by: its segment columns.

    Raises:
        ContentError: if the table is empty; a row has no arm, share or cluster; an arm has several
            shares; there is one arm alone; or shares are not above 0 or sum to more than 1.
    """
    found = _counted_rows(assignment, by)
    _refuse_rows_half_said(found)
    arms, place = np.unique(found["arm"].astype(str), return_inverse=True)
    named = {name: found[f"_{place}"] for place, name in enumerate(by)}
    segments, row = distinct_segments({**named, "": found["n"]}, by)
    shape = (int(row.max()) + 1, arms.size)
    n, people = np.zeros(shape), np.zeros(shape)
    np.add.at(n, (row, place), found["n"])
    np.add.at(people, (row, place), found["people"])
    shares = _planned_shares(arms, place, found["share"].astype(np.float64))
    unit = "cluster" if "cluster" in assignment.collect_schema() else "customer"
    return ArmCounts(tuple(arms.tolist()), shares, n, people, segments, unit)


def warn_of_mismatch(counts: ArmCounts, least_p: float = LEAST_P) -> Floats:
    """The p-values, with a warning if arms are not as large as planned.

    Args:
        counts: of an assignment.
        least_p: from which p-value on the counts are taken for chance.
    """
    p = counts.p_values()
    if wrong := int((p < least_p).sum()):
        worst = int(np.nanargmin(p))
        of = ", ".join(str(values[worst]) for values in counts.segments.values())
        total = counts.n[worst].sum()
        said = ", ".join(
            f"{arm} {n:,.0f} where {total * share:,.1f} were planned"
            for arm, n, share in zip(counts.arms, counts.n[worst], counts.shares, strict=True)
        )
        several = f" in {wrong:,} of {p.size:,} segments, most of all in {of}" if of else ""
        warn(
            f"The arms are not as large as planned{several}: {said} ({counts.unit}s; p = "
            f"{p[worst]:.2g}). Customers were lost, or came in, by the arm they were in, and the "
            "arms may differ for that alone: find out how before you read an effect."
        )
    return p


def refuse_clusters_of_several(
    table: Frame, whole: str = "arm", columns: tuple[str, str] = ("cluster", "arm")
) -> None:
    """Refuse clusters that are in several arms, or in several strata: they have one as a whole.

    Args:
        table: a row per customer.
        whole: "arm" or "stratum", what a cluster has one of.
        columns: the columns of the cluster, and of what it has one of; without them all is well.

    Raises:
        ContentError: if one has several.
    """
    cluster, own = columns
    if cluster not in table.collect_schema():
        return
    told = table.select(_cluster=nw.col(cluster), _own=nw.col(own).cast(nw.String))
    each = told.filter(~nw.col("_cluster").is_null()).group_by("_cluster")
    ends = each.agg(nw.col("_own").min().alias("_least"), nw.col("_own").max().alias("_most"))
    split = ends.filter(nw.col("_least") != nw.col("_most"))
    found = one_row(split.select(nw.len().alias("n"), nw.col("_cluster").min()))
    if n := int(found["n"]):
        plural = {"arm": "arms", "stratum": "strata"}[whole]
        raise ContentError(
            f"assignment: {count_of(n, 'cluster has', 'clusters have')} customers in several "
            f"{plural}, such as {found['_cluster']!r}. A cluster has one {whole} as a whole: if "
            "customers were assigned one by one, leave the column 'cluster' out."
        )


def _counted_rows(assignment: Frame, by: Sequence[str]) -> Columns:
    """Units and customers of each arm and share in each segment, as the engine counts them."""
    schema = assignment.collect_schema()
    clustered = "cluster" in schema
    rows = assignment.select(
        *(as_text(name, schema[name]).alias(f"_{place}") for place, name in enumerate(by)),
        arm=nw.col("arm").cast(nw.String),
        share=nw.col("share").cast(nw.Float64),
        **({"cluster": nw.col("cluster")} if clustered else {}),
    )
    keys = [*(f"_{place}" for place in range(len(by))), "arm", "share"]
    if not clustered:
        sizes = (nw.len().alias("n"), nw.len().alias("people"))
        return collect(rows.group_by(keys).agg(*sizes))
    each = rows.group_by([*keys, "cluster"]).agg(nw.len().alias("size"))
    unsaid = nw.when(nw.col("cluster").is_null()).then(nw.col("size")).otherwise(nw.lit(0))
    told = each.with_columns(unsaid=unsaid)
    added = (nw.col("size").sum().alias("people"), nw.col("unsaid").sum().alias("n_unsaid"))
    return collect(told.group_by(keys).agg(nw.len().alias("n"), *added))


def _refuse_rows_half_said(found: Columns) -> None:
    """Refuse no rows, and rows of which the arm, the planned share or the cluster is not said."""
    size = found["people"].astype(np.float64)
    if not size.size:
        raise ContentError("assignment: the table is empty.")
    arm, share = found["arm"].astype(object), found["share"].astype(np.float64)
    unnamed = np.array([is_missing(value) for value in arm.tolist()])
    gaps = {
        "arm": size[unnamed].sum(),
        "share": size[np.isnan(share)].sum(),
        "cluster": found["n_unsaid"].sum() if "n_unsaid" in found else 0,
    }
    for name, n in gaps.items():
        if n:
            what = count_of(int(n), "row has", "rows have")
            raise ContentError(f"assignment: {what} no {name}. Fill it in or leave them out.")


def _planned_shares(arms: NDArray[Any], place: NDArray[np.intp], share: Floats) -> Floats:
    """The planned share of each arm, as a part of the sum of those there are."""
    if arms.size < 2:
        raise ContentError(
            f"assignment: {str(arms[0])!r} is the only arm; an experiment has two or more, "
            "one of them a control. Give the table with all of them."
        )
    least, most = np.full(arms.size, np.inf), np.full(arms.size, -np.inf)
    np.minimum.at(least, place, share)
    np.maximum.at(most, place, share)
    if (several := np.flatnonzero(least < most)).size:
        at = several[0]
        raise ContentError(
            f"assignment: arm {str(arms[at])!r} has several planned shares, from {least[at]:g} to "
            f"{most[at]:g}. Arms whose shares were changed on the way are compared apart: give the "
            "rows of one plan at a time."
        )
    said = ", ".join(f"{arm} {value:g}" for arm, value in zip(arms, least, strict=True))
    if not (least > 0).all() or least.sum() > 1 + _ROUNDED:
        raise ContentError(
            f"assignment: planned shares are above 0 and sum to 1 over the arms; got {said}."
        )
    return np.asarray(least / least.sum())
