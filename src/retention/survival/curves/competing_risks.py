"""Several ways to leave: how many have left for each reason after each length of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.frames import Columns, table_like
from retention.numerics import step_functions
from retention.numerics.codes import long_table
from retention.survival.counts.clustered_rows import rows_of_clusters
from retention.survival.counts.risk_sets import RiskSets, risk_sets_by_cause, warn_of_the_unseen
from retention.survival.curves.clustered_errors import clustered_errors_of_incidence
from retention.tables import LIFETIMES, segments
from retention.tables.answer_columns import gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@gives(
    "segment, reason and duration",
    texts("reason"),
    numbers("duration", unit="as duration"),
    whole_numbers("n_at_risk", "n_churned", "n_censored"),
    shares("hazard"),
    numbers("cumulative_hazard", unit="expected ends"),
    shares("cumulative_incidence", "standard_error", "lower", "upper", "survival"),
    numbers("observed_from", unit="as duration"),
    texts("note"),
)
def cumulative_incidence(
    spells: IntoFrameT,
    *,
    cause: str = "reason",
    by: str | Sequence[str] = (),
    level: float = 0.95,
    cluster: str | None = None,
) -> IntoFrameT:
    """The share of customers that has left for each reason after each length of time.

    With d_ku the ends for reason k and d_u all ends at duration u, n_u the spells at risk and S the
    Kaplan–Meier survival of staying with us for whatever reason (Aalen–Johansen),

        F_k(t) = Σ over u ≤ t of S(u−) d_ku / n_u,   S(t) + Σ_k F_k(t) = 1.

    Ends on one day leave one risk set together: nothing is drawn at random to break ties. The
    variance is that of the delta method with multinomial ends; with one reason it is Greenwood's.

    Args:
        spells: as in `survival_curve`, with a column that says why a spell ended. Seen ends without
            a reason are a reason of their own, "(missing)"; of spells that did not end it is not
            looked at.
        cause: that column.
        by: segment columns.
        level: confidence of the bounds.
        cluster: a column, as a rule `customer_id`, whose rows may depend on one another, as in
            `survival_curve`: the error is that of the infinitesimal jackknife, √Σ U_c², with what a
            cluster adds to F_k, U_c(t) = Σ over u ≤ t of V_c(u−) h_ku + S(u−) (d_cku − n_cu h_ku) /
            n_u, with V_c its influence on S and h_ku = d_ku / n_u.

    Returns:
        One row per segment, reason and duration, in the caller's kind: the `by` columns, `reason`,
        `duration`, `n_at_risk`, `n_churned` (for this reason), `n_censored`, `hazard` (of this
        reason: d_ku / n_u), `cumulative_hazard` (of this reason), `cumulative_incidence`,
        `standard_error`, `lower`, `upper` (from log(−log(1 − F)); null before the first end for
        this reason, and where F is 1), `survival` (of all reasons), `observed_from` and `note` (see
        `survival_curve`, whose rule for what nobody observed this keeps). A reason that a segment
        does not have is there with zeros; where no end was seen at all, the one reason is
        "(missing)".

    Raises:
        as `survival_curve`.

    Example:
        Of four customers one leaves over the price on day 1, one for a rival on day 2.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 3, 3], "churned": [True, True, False, False],
        ...     "reason": ["price", "rival", None, None],
        ... })
        >>> left = rt.survival.cumulative_incidence(spells)
        >>> left[["reason", "duration", "n_churned", "cumulative_incidence", "survival"]]
          reason  duration  n_churned  cumulative_incidence  survival
        0  price         1          1                  0.25      0.75
        1  price         2          0                  0.25      0.50
        2  price         3          0                  0.25      0.50
        3  rival         1          0                  0.00      0.75
        4  rival         2          1                  0.25      0.50
        5  rival         3          0                  0.25      0.50

    Source:
        Aalen, O. O. and Johansen, S. (1978), Scandinavian Journal of Statistics 5, 141–150.
        Variance: Marubini, E. and Valsecchi, M. G. (1995), Analysing Survival Data from Clinical
        Trials and Observational Studies, section 10.3. Clusters: Zhou, B., Fine, J., Latouche, A.
        and Labopin, M. (2012), Biostatistics 13, 371–383; Efron (1982), chapter 6.
    """
    intervals.quantile_of(level)
    causes, groups = risk_sets_by_cause(spells, by, cause=cause)
    warn_of_the_unseen(groups)
    errors = {}
    if cluster is not None:
        members = rows_of_clusters(spells, by, cluster=cluster, cause=cause, causes=causes)
        errors = {one.key: clustered_errors_of_incidence(one, members[one.key]) for one in groups}

    def columns(one: RiskSets, k: int) -> Columns:
        return _incidence_of_cause(one, k, level, errors[one.key][k] if errors else None)

    return table_like(_table_of_all_causes(groups, causes, by, columns), spells)


@gives(
    "segment, reason and duration",
    texts("reason"),
    numbers("duration", unit="as duration"),
    whole_numbers("n_at_risk", "n_churned", "n_censored"),
    shares("churn_share", "churn_share_without", "gained_share"),
    numbers("observed_from", unit="as duration"),
    texts("note"),
)
def cause_removed(
    spells: IntoFrameT, *, cause: str = "reason", by: str | Sequence[str] = ()
) -> IntoFrameT:
    """How many more would still be here if nobody had left for one of the reasons.

    Without reason k, with the other hazards as they are,

        churn without k (t) = 1 − Π over u ≤ t of (1 − (d_u − d_ku) / n_u),

    and what is gained is the churn that was, 1 − S(t), less that. It holds under one condition that
    data cannot show: that reasons are independent, so that those who left over k would have left
    over the others as readily as everyone else. If they were about to leave anyway, less is gained.

    Args:
        spells: as in `cumulative_incidence`.
        cause: the column that says why a spell ended.
        by: segment columns.

    Returns:
        One row per segment, reason and duration, in the caller's kind: the `by` columns, `reason`,
        `duration`, `n_at_risk`, `n_churned` (for this reason), `n_censored`, `churn_share`
        (1 − S), `churn_share_without`, `gained_share` (their difference), `observed_from` and
        `note` (see `survival_curve`).

    Raises:
        as `survival_curve`.

    Example:
        Half of four have left by day 2; without those who left over the price, a third would have.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 3, 3], "churned": [True, True, False, False],
        ...     "reason": ["price", "rival", None, None],
        ... })
        >>> removed = rt.survival.cause_removed(spells)
        >>> price = removed[(removed["reason"] == "price") & (removed["duration"] == 2)]
        >>> price[["churn_share", "churn_share_without"]].round(3)
           churn_share  churn_share_without
        1          0.5                0.333

    Source:
        Klein and Moeschberger (2003), section 2.7: the net survival function. Tsiatis, A. (1975),
        Proceedings of the National Academy of Sciences 72, 20–22: why data cannot show it.
    """
    causes, groups = risk_sets_by_cause(spells, by, cause=cause)
    warn_of_the_unseen(groups)
    return table_like(_table_of_all_causes(groups, causes, by, _shares_without_cause), spells)


def _table_of_all_causes(
    groups: Sequence[RiskSets],
    causes: Sequence[str],
    by: str | Sequence[str],
    columns: Callable[[RiskSets, int], Columns],
) -> Columns:
    """Every reason of every segment in one long table, with its counts."""
    parts = []
    for one in groups:
        known = one.unseen.known(one.duration)
        for k, reason in enumerate(causes):
            counts: Columns = {
                "reason": np.full(one.duration.size, reason, dtype=object),
                "duration": one.duration,
                "n_at_risk": one.n_at_risk,
                "n_churned": one.n_churned[:, k],
                "n_censored": one.n_censored,
            }
            drawn = columns(one, k)
            hazard = {name: drawn.pop(name) for name in ("hazard",) if name in drawn}
            drawn = {name: np.where(known, values, np.nan) for name, values in drawn.items()}
            parts.append((one.key, counts | hazard | drawn | one.observation_columns))
    return long_table(parts, segments(by, LIFETIMES))


def _incidence_of_cause(one: RiskSets, k: int, level: float, clustered: Floats | None) -> Columns:
    d, n = one.n_churned.sum(axis=1), one.n_at_risk
    hazard = step_functions.hazard(one.n_churned[:, k], n)
    survival = step_functions.kaplan_meier(d, n)
    before = np.concatenate([[1.0], survival[:-1]])
    share = np.cumsum(before * hazard)
    error = np.sqrt(_variance_of_incidence(one, k, before, share))
    error = error if clustered is None else clustered
    # F is 1 − something that behaves like a survival: its bounds are those of that.
    logarithm = np.divide(error, 1 - share, out=np.full_like(share, np.inf), where=share < 1)
    lower, upper = step_functions.log_log_bounds(1 - share, logarithm**2, level)
    begun = share > 0
    return {
        "hazard": hazard,
        "cumulative_hazard": np.cumsum(hazard),
        "cumulative_incidence": share,
        "standard_error": error,
        "lower": np.where(begun, 1 - upper, np.nan),
        "upper": np.where(begun, 1 - lower, np.nan),
        "survival": survival,
    }


def _variance_of_incidence(one: RiskSets, k: int, before: Floats, share: Floats) -> Floats:
    """Var F(t) = Σ_u (F(t) − F(u))² a_u + S(u−)² b_u − 2 (F(t) − F(u)) S(u−) c_u, from sums."""
    d, n = one.n_churned.sum(axis=1).astype(float), one.n_at_risk.astype(float)
    dk = one.n_churned[:, k].astype(float)
    some = (n > 0) & (d < n)  # where all leave, F stays as it is, so that the terms vanish
    a = np.divide(d, n * (n - d), out=np.zeros_like(d), where=some)
    b = np.divide(dk * (n - dk), n**3, out=np.zeros_like(d), where=n > 0)
    c = np.divide(dk, n * n, out=np.zeros_like(d), where=some)
    total: Any = share**2 * np.cumsum(a) - 2 * share * np.cumsum(share * a)
    total = total + np.cumsum(share**2 * a) + np.cumsum(before**2 * b)
    total = total - 2 * (share * np.cumsum(before * c) - np.cumsum(share * before * c))
    return np.asarray(np.maximum(total, 0.0))


def _shares_without_cause(one: RiskSets, k: int) -> Columns:
    d = one.n_churned.sum(axis=1)
    churn = 1 - step_functions.kaplan_meier(d, one.n_at_risk)
    other = 1 - step_functions.kaplan_meier(d - one.n_churned[:, k], one.n_at_risk)
    return {"churn_share": churn, "churn_share_without": other, "gained_share": churn - other}
