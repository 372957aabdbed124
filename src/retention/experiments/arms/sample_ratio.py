"""Whether an experiment is sound: arms of the sizes that were planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import RetentionError, is_number
from retention.experiments.arms.ratio_test import (
    LEAST_P,
    ArmCounts,
    counts_of_arms,
    ratio_of_counts,
    refuse_clusters_of_several,
)
from retention.frames import Columns, table_like
from retention.tables import ASSIGNMENT, refuse_repeated_customers, require, segments
from retention.tables.answer_columns import (
    constants,
    flags,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray


@gives(
    "an arm (and segment)",
    texts("arm"),
    whole_numbers("n", "n_all", "n_customers"),
    shares("share", "observed_share", "lower", "upper"),
    numbers("expected", unit="customers or clusters"),
    numbers("chi_squared"),
    shares("p_value"),
    flags("mismatch"),
    constants(texts("unit"), shares("least_p", "level")),
)
def sample_ratio(
    assignment: IntoFrameT,
    *,
    by: str | Sequence[str] = (),
    least_p: float = LEAST_P,
    level: float = 0.95,
) -> IntoFrameT:
    """Are the arms as large as planned? If not, no effect that is read from them can be trusted.

    With n the customers of a segment, O those of an arm and s its planned share, expected are n s,
    and

        chi_squared = Σ over the arms (O − n s)² / (n s)

    on one degree of freedom less than there are arms; p_value is the chance of one as large if all
    went as planned. A mismatch (p below `least_p`) is no effect of the offer: customers were lost
    or came in by the arm they were in, as by a redirect that fails, a log that only one arm fills,
    or a list that was filtered afterwards. The line is low because the question is asked of every
    experiment, and often.

    Where whole clusters were assigned (a column `cluster`), these are counted, not their customers.

    Args:
        assignment: a table from `assign_arms` or `as_assignment`, a row per customer.
        by: columns of it to read apart, such as `stratum`, or the way on which customers came: a
            mismatch is found where it arises. It tests each of them alone.
        least_p: from which p-value on counts are taken for chance, between 0 and 1.
        level: confidence of the bounds.

    Returns:
        One row per arm and segment, in order: the `by` columns, `arm`, `n` (in the arm), `n_all`
        (in all arms), `n_customers` (in the arm; differs from n for clusters only), `share`
        (planned; of the arms there are, so that they sum to 1), `observed_share` with Wilson's
        bounds `lower`, `upper`, `expected` (n_all × share); of the segment `chi_squared`,
        `p_value`, `mismatch`; and `unit` ("customer" or "cluster"), `least_p`, `level`.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the table is empty, a customer stands in it twice, a row lacks its
            customer, arm, share or cluster, an arm has several planned shares, a cluster is in
            several arms, or there is one arm.
        RetentionError: if `least_p` or `level` is not between 0 and 1.

    Example:
        Twelve of twenty where ten were planned is chance.

        >>> import pandas as pd
        >>> import retention as rt
        >>> assignment = pd.DataFrame({
        ...     "customer_id": range(20), "arm": ["control"] * 12 + ["offer"] * 8,
        ...     "assigned": pd.Timestamp("2024-05-01"), "share": 0.5,
        ... })
        >>> ratio = rt.experiments.sample_ratio(assignment)
        >>> ratio[["arm", "n", "expected", "chi_squared", "p_value", "mismatch"]].round(4)
               arm   n  expected  chi_squared  p_value  mismatch
        0  control  12      10.0          0.8   0.3711     False
        1    offer   8      10.0          0.8   0.3711     False

    Source:
        Pearson, K. (1900), Philosophical Magazine 50, 157–175; Fabijan, A. and others (2019),
        Diagnosing sample ratio mismatch in online controlled experiments, KDD 2019, 2156–2164.
    """
    names = segments(by, ASSIGNMENT)
    if not (is_number(least_p) and 0 < least_p < 1):
        raise RetentionError(
            f"least_p must lie between 0 and 1, such as {LEAST_P}; got {least_p!r}."
        )
    frame = require(assignment, ASSIGNMENT, extra=names, adds="none")
    refuse_repeated_customers(frame)
    refuse_clusters_of_several(frame)
    counts = counts_of_arms(frame, names)
    return table_like(_ratio_columns(counts, least_p, level), assignment)


def _ratio_columns(counts: ArmCounts, least_p: float, level: float) -> Columns:
    """A row per arm, the arms of a segment beneath each other."""
    n_segments, n_arms = counts.n.shape
    n, share = counts.n.ravel(), np.tile(counts.shares, n_segments)
    total = np.repeat(counts.n.sum(axis=1), n_arms)
    chi_squared, p = ratio_of_counts(counts.n, counts.shares)
    lower, upper = intervals.wilson_bounds(n, total, level)
    segments_of = {name: np.repeat(values, n_arms) for name, values in counts.segments.items()}
    return {
        **segments_of,
        "arm": np.tile(np.array(counts.arms, dtype=object), n_segments),
        "n": _whole(n),
        "n_all": _whole(total),
        "n_customers": _whole(counts.n_customers.ravel()),
        "share": share,
        "observed_share": n / total,
        "lower": lower,
        "upper": upper,
        "expected": total * share,
        "chi_squared": np.repeat(chi_squared, n_arms),
        "p_value": np.repeat(p, n_arms),
        "mismatch": np.repeat(p < least_p, n_arms),
        "unit": np.full(n.size, counts.unit, dtype=object),
        "least_p": np.full(n.size, float(least_p)),
        "level": np.full(n.size, float(level)),
    }


def _whole(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.round(counts), np.int64)
