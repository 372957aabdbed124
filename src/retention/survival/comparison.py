"""Do customers of different segments stay differently long? Tests that compare whole curves."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention.errors import ContentError, RetentionError, one_of
from retention.frames import Columns, table_like
from retention.survival import steps
from retention.survival.histories import RiskSets, tally
from retention.tables import LIFETIMES, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

Test = Literal["log-rank", "wilcoxon", "tarone-ware", "peto"]


def compare_curves(
    spells: IntoFrameT,
    *,
    by: str | Sequence[str],
    test: Test = "log-rank",
    strata: str | Sequence[str] = (),
) -> IntoFrameT:
    """Whether customers of different segments stay differently long, over all durations.

    At each duration u, of d_u ends among n_u at risk, a segment with n_ku at risk expects
    d_u n_ku / n_u if all leave alike. Summed with weights w_u, observed minus expected, with the
    hypergeometric covariance, gives a χ² with one degree of freedom less than there are segments.

    Args:
        spells: as in `survival_curve`.
        by: the segment columns that are compared.
        test: the weights: "log-rank" (1: best where hazards are proportional), "wilcoxon" (Gehan's:
            n), "tarone-ware" (√n), "peto" (S just before u, of all together: Peto and Peto's
            version of Wilcoxon). The last three look more at early durations.
        strata: columns within whose values the segments are compared; the sums are then added.

    Returns:
        One row a segment, in the caller's kind: the `by` columns, `n_spells`, `n_churned` (seen
        ends), `n_expected` (ends if all left alike), and the same in each row: `test`,
        `statistic` (χ²), `degrees_of_freedom`, `p_value`. The statistic is null where no duration
        tells segments apart.

    Raises:
        RetentionError: if `test` is none of the four, or `by` is empty.
        ContentError: if there is one segment only.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [10, 20, 30, 10, 20, 50], "churned": [True] * 6,
        ...     "plan": ["basic"] * 3 + ["full"] * 3,
        ... })
        >>> compared = rt.compare_curves(spells, by="plan")
        >>> compared[["plan", "n_churned"]]
            plan  n_churned
        0  basic          3
        1   full          3
        >>> print(f"{compared['statistic'][0]:.4f} {compared['p_value'][0]:.4f}")
        0.2542 0.6141

    Source:
        Klein and Moeschberger (2003), sections 7.3 and 7.5. Tarone, R. E. and Ware, J. (1977),
        Biometrika 64, 156–160. Peto, R. and Peto, J. (1972), Journal of the Royal Statistical
        Society A 135, 185–207.
    """
    one_of("test", test, ("log-rank", "wilcoxon", "tarone-ware", "peto"))
    names, within = segments(by, LIFETIMES), segments(strata, LIFETIMES)
    if not names:
        raise RetentionError("compare_curves needs by=: the segment columns to compare.")
    sets = tally(spells, [*within, *names])
    keys = sorted({one.key[len(within) :] for one in sets})
    if len(keys) < 2:
        raise ContentError(f"by: {', '.join(names)} makes one segment only, so nothing to compare.")
    stratum = [list(found) for _, found in groupby(sets, key=lambda one: one.key[: len(within)])]
    sums = [_excess(each, keys, len(within), test) for each in stratum]
    excess, covariance, expected = (sum(terms) for terms in zip(*sums, strict=True))
    statistic, freedom = _chi_squared(excess, covariance)
    constant = {"statistic": statistic, "degrees_of_freedom": freedom}
    parts: Columns = {
        **{name: np.array([key[i] for key in keys], dtype=object) for i, name in enumerate(names)},
        **_counts(sets, keys, len(within)),
        "n_expected": np.asarray(expected),
        "test": np.full(len(keys), test, dtype=object),
        **{name: np.full(len(keys), value) for name, value in constant.items()},
        "p_value": np.full(len(keys), _upper_tail(statistic, freedom)),
    }
    return table_like(parts, spells)


def _excess(
    sets: Sequence[RiskSets], keys: Sequence[tuple[str, ...]], skip: int, test: str
) -> tuple[Any, Any, Any]:
    """Weighted observed minus expected ends of each segment, its covariance, and expected ends."""
    times = np.unique(np.concatenate([one.duration[one.n_churned[:, 0] > 0] for one in sets]))
    d, n = (np.zeros((times.size, len(keys))) for _ in range(2))
    for one in sets:
        column = keys.index(one.key[skip:])
        d[:, column], n[:, column] = _on(times, one)
    all_d, all_n = d.sum(axis=1), n.sum(axis=1)
    share = n / all_n[:, None]
    expected = all_d[:, None] * share
    weight = {
        "log-rank": np.ones(times.size),
        "wilcoxon": all_n,
        "tarone-ware": np.sqrt(all_n),
        "peto": np.concatenate([[1.0], steps.kaplan_meier(all_d, all_n)[:-1]]),
    }[test]
    spread = weight**2 * all_d * (all_n - all_d) / np.maximum(all_n - 1, 1)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return weight @ (d - expected), covariance, expected.sum(axis=0)


def _on(times: NDArray[Any], one: RiskSets) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ends and spells at risk of one segment at durations that need not be its own."""
    here = np.searchsorted(one.duration, times)
    found = np.minimum(here, one.duration.size - 1)
    mine = one.duration[found] == times
    ends = np.where(mine, one.n_churned[found, 0], 0)
    return ends, one.at_risk(times)


def _counts(sets: Sequence[RiskSets], keys: Sequence[tuple[str, ...]], skip: int) -> Columns:
    counts = np.zeros((2, len(keys)), np.int64)
    for one in sets:
        counts[:, keys.index(one.key[skip:])] += (one.n_entered.sum(), one.n_churned.sum())
    return {"n_spells": counts[0], "n_churned": counts[1]}


def _chi_squared(excess: Any, covariance: Any) -> tuple[float, int]:
    """The statistic over the segments that some duration tells from the others."""
    told = np.flatnonzero(np.diag(covariance) > 1e-12 * max(np.diag(covariance).max(), 1e-300))
    if told.size < 2:
        return np.nan, 0
    inverse = np.linalg.pinv(covariance[np.ix_(told, told)], hermitian=True)
    freedom = int(np.linalg.matrix_rank(covariance[np.ix_(told, told)], hermitian=True))
    return float(excess[told] @ inverse @ excess[told]), freedom


def _upper_tail(statistic: float, freedom: int) -> float:
    from scipy.special import chdtrc  # loaded late: SciPy takes longer to import than all else

    return float(chdtrc(freedom, statistic)) if freedom else np.nan
