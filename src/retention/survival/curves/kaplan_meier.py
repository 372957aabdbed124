"""Survival curves: of those who came, the share still here after each length of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.frames import Columns, table_like
from retention.numerics import step_functions
from retention.numerics.codes import long_table
from retention.survival.counts.clustered_rows import ClusteredRows, rows_of_clusters
from retention.survival.counts.risk_sets import RiskSets, risk_sets_by_segment, warn_of_the_unseen
from retention.survival.curves.clustered_errors import (
    clustered_variance_of_hazard,
    clustered_variance_of_log_survival,
)
from retention.tables import LIFETIMES, segments
from retention.tables.answer_columns import gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.numerics.codes import Key


@gives(
    "segment and duration",
    numbers("duration", unit="as duration"),
    whole_numbers("n_at_risk", "n_churned", "n_censored", "n_entered"),
    shares("hazard", "survival", "standard_error", "lower", "upper"),
    numbers("observed_from", unit="as duration"),
    texts("note"),
)
def survival_curve(
    spells: IntoFrameT,
    *,
    by: str | Sequence[str] = (),
    level: float = 0.95,
    cluster: str | None = None,
) -> IntoFrameT:
    """Of those who came, the share still here after each length of time (Kaplan–Meier).

    With n_u the spells at risk at duration u and d_u those that end there,

        S(t) = Π over u ≤ t of (1 − d_u / n_u).

    A spell is at risk at u if entry < u ≤ duration; without an entry, from the origin on. At equal
    durations ends come before censorings. If nobody was under observation before the least entry,
    S is given that a customer was still here then, as R prints it, and `note` says so. Behind a
    later stretch in which nobody was under observation S is not known: null, and `note` names the
    stretch. One warning says either. If S falls to 0 because a few early spells all ended just as
    others came under observation, a warning says so too. Durations and entries that are equal but
    for rounding, and rows of one customer that overlap, are counted and warned of.

    Args:
        spells: a table from `purchase_spells`, `contract_spells` or `as_spells`. Spells that are
            set aside are left out; a column `n_spells` says how many spells a row stands for.
        by: segment columns: a curve each. They come back as text, with "(missing)" for those not
            filled in.
        level: confidence of the bounds.
        cluster: a column, as a rule `customer_id`, whose rows may depend on one another (several
            spells of a customer). Survival stays as it is; its error is then √Σ U_c², with U_c what
            S gains as the rows of cluster c weigh a little more (the infinitesimal jackknife),

                U_c(t) = −S(t) Σ over u ≤ t of (d_cu − n_cu d_u / n_u) / (n_u − d_u),

            d_cu and n_cu its own ends and spells at risk. It takes some 30 clusters in a segment to
            be relied on; of one alone there is none, and null.

    Returns:
        One row per segment and duration at which a spell ends or is censored, in the caller's kind,
        sorted: the `by` columns, `duration`, `n_at_risk`, `n_churned`, `n_censored`, `n_entered`
        (came under observation since the duration before), `hazard` (d/n), `survival`,
        `standard_error` (Greenwood; null where S is 0), `lower`, `upper` (from log(−log S); null
        where S is 0, and 1 where it is 1),
        `observed_from` (since when somebody was under observation without a gap, in the unit of the
        durations; 0 from the start), `note` (what S is given, or why it is null; else null). In
        each segment n_at_risk = the one before − its n_churned − its n_censored + n_entered.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no spell, or a duration or an end is missing or impossible.
        RetentionError: if the spells know the future (reactivation "same_spell").

    Example:
        Of four customers one leaves after 2 days and one after 3; one was seen for 2 days only.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [2, 2, 3, 5], "churned": [True, False, True, False],
        ... })
        >>> curve = rt.survival_curve(spells)
        >>> curve[["duration", "n_at_risk", "n_churned", "n_censored", "survival"]]
           duration  n_at_risk  n_churned  n_censored  survival
        0         2          4          1           1     0.750
        1         3          2          1           0     0.375
        2         5          1          0           1     0.375

    Source:
        Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53,
        457–481. Late entry: Klein, J. P. and Moeschberger, M. L. (2003), Survival Analysis, 2nd
        ed., section 4.6. Bounds: Kalbfleisch, J. D. and Prentice, R. L. (2002), The Statistical
        Analysis of Failure Time Data, 2nd ed., section 1.4. Clusters: Efron, B. (1982), The
        Jackknife, the Bootstrap and Other Resampling Plans, chapter 6. Williams, R. L. (1995),
        Lifetime Data Analysis 1, 171–186.
    """
    intervals.quantile_of(level)

    def columns(one: RiskSets, rows: ClusteredRows | None) -> Columns:
        d, n = one.n_churned[:, 0], one.n_at_risk
        survival = step_functions.kaplan_meier(d, n)
        variance = np.cumsum(step_functions.greenwood_terms(d, n))
        if rows is not None:
            clustered = clustered_variance_of_log_survival(one, rows)
            variance = np.where(np.isfinite(variance), clustered, np.inf)
        lower, upper = step_functions.log_log_bounds(survival, variance, level)
        lower, upper = (np.where(np.isnan(variance), np.nan, each) for each in (lower, upper))
        known = np.isfinite(variance)
        error = np.where(known, survival * np.sqrt(np.where(known, variance, 0.0)), np.nan)
        bounds = {"lower": lower, "upper": upper}
        return {"survival": survival, "standard_error": error, **bounds}

    groups = risk_sets_by_segment(spells, by)
    warn_of_the_unseen(groups)
    members = {} if cluster is None else rows_of_clusters(spells, by, cluster=cluster)
    return table_like(_table_of_all_curves(groups, by, columns, members), spells)


@gives(
    "segment and duration",
    numbers("duration", unit="as duration"),
    whole_numbers("n_at_risk", "n_churned", "n_censored", "n_entered"),
    shares("hazard"),
    numbers("cumulative_hazard", "standard_error", "lower", "upper", unit="expected ends"),
    numbers("observed_from", unit="as duration"),
    texts("note"),
)
def cumulative_hazard(
    spells: IntoFrameT,
    *,
    by: str | Sequence[str] = (),
    level: float = 0.95,
    cluster: str | None = None,
) -> IntoFrameT:
    """How much risk of leaving a customer has run through after each length of time (Nelson–Aalen).

    H(t) = Σ over u ≤ t of d_u / n_u, with the risk sets of `survival_curve`. Ties are not smoothed
    over: spells that end on one day leave one risk set together. The variance is Σ d_u / n_u², and
    the bounds are those of log H.

    Args:
        spells: as in `survival_curve`.
        by: segment columns.
        level: confidence of the bounds.
        cluster: as in `survival_curve`, with U_c(t) = Σ over u ≤ t of (d_cu − n_cu d_u / n_u) /
            n_u.

    Returns:
        The columns of `survival_curve` up to `hazard`; then `cumulative_hazard`, `standard_error`,
        `lower`, `upper` (null before the first end), `observed_from` and `note`.

    Raises:
        as `survival_curve`.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [2, 2, 3, 5], "churned": [True, False, True, False],
        ... })
        >>> hazards = rt.survival.cumulative_hazard(spells)
        >>> hazards[["duration", "hazard", "cumulative_hazard"]]
           duration  hazard  cumulative_hazard
        0         2    0.25               0.25
        1         3    0.50               0.75
        2         5    0.00               0.75

    Source:
        Aalen, O. O. (1978), Annals of Statistics 6, 701–726. Klein and Moeschberger (2003),
        sections 4.2 and 4.3.
    """
    z = intervals.quantile_of(level)

    def columns(one: RiskSets, rows: ClusteredRows | None) -> Columns:
        d, n = one.n_churned[:, 0], one.n_at_risk
        total = np.cumsum(step_functions.hazard(d, n))
        variance = np.cumsum(np.divide(d, n * n.astype(np.float64), where=n > 0, out=0.0 * n))
        if rows is not None:
            variance = clustered_variance_of_hazard(one, rows)
        error = np.sqrt(variance)
        begun = total > 0
        spread = np.exp(z * error / np.where(begun, total, 1.0))
        return {
            "cumulative_hazard": total,
            "standard_error": error,
            "lower": np.where(begun, total / spread, np.nan),
            "upper": np.where(begun, total * spread, np.nan),
        }

    groups = risk_sets_by_segment(spells, by)
    warn_of_the_unseen(groups, zero=False)
    members = {} if cluster is None else rows_of_clusters(spells, by, cluster=cluster)
    return table_like(_table_of_all_curves(groups, by, columns, members), spells)


def _table_of_all_curves(
    groups: Sequence[RiskSets],
    by: str | Sequence[str],
    columns: Callable[[RiskSets, ClusteredRows | None], Columns],
    members: Mapping[Key, ClusteredRows],
) -> Columns:
    """All curves in one long table, with their counts."""
    parts = []
    for group in groups:
        d = group.n_churned[:, 0]
        counts = {
            "duration": group.duration,
            "n_at_risk": group.n_at_risk,
            "n_churned": d,
            "n_censored": group.n_censored,
            "n_entered": group.n_entered,
            "hazard": step_functions.hazard(d, group.n_at_risk),
        }
        known = group.unseen.known(group.duration)
        drawn = columns(group, members.get(group.key))
        drawn = {name: np.where(known, values, np.nan) for name, values in drawn.items()}
        parts.append((group.key, counts | drawn | group.observation_columns))
    return long_table(parts, segments(by, LIFETIMES))
