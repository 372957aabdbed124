"""Do customers of different segments stay differently long? Tests that compare whole curves."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention.errors import ContentError, RetentionError, check_choice
from retention.frames import Columns, table_like
from retention.numerics import step_functions
from retention.survival.counts.clustered_rows import rows_of_clusters
from retention.survival.counts.observation import warn_of_unseen_stretches
from retention.survival.counts.risk_sets import RiskSets, risk_sets_by_segment
from retention.survival.curves.clustered_excess import (
    ComparedStratum,
    clustered_covariance_of_excess,
)
from retention.tables import LIFETIMES, refuse_taken, segments
from retention.tables.answer_columns import constants, gives, numbers, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.numerics.codes import Key

    Floats = NDArray[np.float64]
    Placed = tuple[int, RiskSets]  # with the place of its segment

Test = Literal["log-rank", "wilcoxon", "tarone-ware", "peto", "fleming-harrington"]

MOST_COMPARED = 1_000
"""More segments than this are not compared with one another."""

_SINCE = "survival_curve(spells, by=...) says in observed_from since when each was watched."
_NOTHING = 1e-9  # rounding: the excess of all segments together is 0, and so is its variance


@gives(
    "segment",
    whole_numbers("n_spells", "n_churned"),
    numbers("n_expected", unit="customers"),
    constants(texts("test")),
    numbers("statistic"),
    whole_numbers("degrees_of_freedom"),
    numbers("p_value"),
    texts("note"),
)
def compare_curves(
    spells: IntoFrameT,
    *,
    by: str | Sequence[str],
    test: Test = "log-rank",
    strata: str | Sequence[str] = (),
    cluster: str | None = None,
) -> IntoFrameT:
    """Whether customers of different segments stay differently long, over all durations.

    At each duration u, of d_u ends among n_u at risk, a segment with n_ku at risk expects
    d_u n_ku / n_u if all leave alike. Summed with weights w_u, observed minus expected, with the
    hypergeometric covariance, gives a χ² with as many degrees of freedom as that has rank: one less
    than there are segments, and fewer where some are never at risk together.

    Args:
        spells: as in `survival_curve`.
        by: the segment columns that are compared.
        test: the weights: "log-rank" (1: best where hazards are proportional), "wilcoxon" (Gehan's:
            n), "tarone-ware" (√n), "peto" (Peto and Peto's version of Wilcoxon: Π over durations
            up to u of 1 − d / (n + 1), of all together; Stata's, SAS's and lifelines' "peto"),
            "fleming-harrington" (Kaplan and Meier's S just before u, of all together: Harrington
            and Fleming's G with ρ = 1, which R's survdiff(rho = 1) calls the Peto & Peto
            modification of the Gehan-Wilcoxon test). All but the first look more at early
            durations.
        strata: columns within whose values the segments are compared; the sums are then added.
        cluster: a column, as a rule `customer_id`, whose rows may depend on one another (several
            spells of a customer). The covariance is then G / (G − 1) Σ over the G clusters of
            U_c U_c', where a row of segment k adds to U_c, with p_u the segments' parts of those at
            risk, w (e_k − p) at its own end, less the sum of w_u (d_u / n_u) (e_k − p_u) over the
            durations at which it is at risk: but for G / (G − 1), the usual correction for few
            clusters, the robust score test of Cox's model with Breslow's ties. With 40 customers of
            three dependent spells each it said otherwise at .05 in 5.4 of 100 simulated worlds in
            which two segments were alike, uncorrected in 5.8; F in place of χ² would be too careful
            with several segments.

    Returns:
        One row per segment, in the caller's kind: the `by` columns, `n_spells`, `n_churned` (seen
        ends), `n_expected` (ends if all left alike), and the same in each row: `test`,
        `statistic` (χ²), `degrees_of_freedom`, `p_value`; then `note` (when nobody of the segment
        was under observation: there it is not compared; else null). The statistic is null where no
        duration tells segments apart.

    Raises:
        RetentionError: if `test` is none of the five, or `by` is empty.
        ContentError: if there is one segment only, or more than 1,000, or no more clusters than
            segments.
        and as `survival_curve`.

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
        Klein and Moeschberger (2003), sections 7.3 and 7.5. Tarone, R. E. and
        Ware, J. (1977), Biometrika 64, 156–160. Peto, R. and Peto, J. (1972), Journal of the Royal
        Statistical Society A 135, 185–207. Harrington, D. P. and Fleming, T. R. (1982), Biometrika
        69, 553–566. Clusters: Lin, D. Y. and Wei, L. J. (1989), Journal of the American Statistical
        Association 84, 1074–1078; few of them: Cameron, A. C. and Miller, D. L. (2015), Journal of
        Human Resources 50, 317–372.
    """
    check_choice("test", test, get_args(Test))
    names, within = segments(by, LIFETIMES), segments(strata, LIFETIMES)
    if not names:
        raise RetentionError("compare_curves needs by=: the segment columns to compare.")
    sets = risk_sets_by_segment(spells, [*within, *names])
    keys = sorted_segments([one.key[len(within) :] for one in sets], names)
    place = {key: i for i, key in enumerate(keys)}
    placed = [(place[one.key[len(within) :]], one) for one in sets]
    notes = _notes_of_segments(placed, keys)
    strata_of = groupby(placed, key=lambda each: each[1].key[: len(within)])
    parts_of = [list(found) for _, found in strata_of]
    compared = [_compared_stratum(found, len(keys), test) for found in parts_of]
    excess, covariance, expected = _sums_over_strata(compared, len(keys))
    if cluster is not None:
        members = rows_of_clusters(spells, [*within, *names], cluster=cluster)
        rows = [(i, j, members[one.key]) for i, found in enumerate(parts_of) for j, one in found]
        clustered = clustered_covariance_of_excess(compared, rows, len(keys))
        covariance = _without_roundings(clustered, np.diag(covariance))
    statistic, freedom = chi_squared(excess, covariance)
    constant = {"statistic": statistic, "degrees_of_freedom": freedom}
    parts: Columns = {
        **_counts_of_segments(placed, len(keys)),
        "n_expected": expected,
        "test": np.full(len(keys), test, dtype=object),
        **{name: np.full(len(keys), value) for name, value in constant.items()},
        "p_value": np.full(len(keys), upper_tail(statistic, freedom)),
        "note": notes,
    }
    refuse_taken(names, parts)
    of_keys = {name: np.array([key[i] for key in keys], object) for i, name in enumerate(names)}
    return table_like(of_keys | parts, spells)


def _notes_of_segments(placed: Sequence[Placed], keys: Sequence[Key]) -> NDArray[Any]:
    """What was not observed of each segment, in words; a warning says so."""
    told = [(" / ".join(keys[i]), one.unseen, 0.0, float(one.duration[-1])) for i, one in placed]
    warn_of_unseen_stretches(told, _SINCE, table="spells", beyond="that time is not compared")
    notes: list[list[str]] = [[] for _ in keys]
    for (i, _), (_, unseen, start, end) in zip(placed, told, strict=True):
        if (note := unseen.note(start, end)) and note not in notes[i]:
            notes[i].append(note)
    return np.array(["; ".join(each) or None for each in notes], dtype=object)


def sorted_segments(found: Sequence[Key], names: Sequence[str]) -> list[Key]:
    """The segments, sorted."""
    keys = sorted(set(found))
    said = f"by: {', '.join(names)} makes"
    if len(keys) < 2:
        raise ContentError(f"{said} one segment only, so nothing to compare.")
    if len(keys) > MOST_COMPARED:
        raise ContentError(
            f"{said} {len(keys):,} segments; {MOST_COMPARED:,} at most are compared."
        )
    return keys


def _sums_over_strata(strata: Sequence[ComparedStratum], k: int) -> tuple[Floats, ...]:
    """Over all strata: weighted observed minus expected ends, their covariance, expected ends."""
    total: tuple[Floats, ...] = np.zeros(k), np.zeros((k, k)), np.zeros(k)
    for one in strata:
        total = tuple(a + b for a, b in zip(total, _excess_of_stratum(one), strict=True))
    return total


def _compared_stratum(placed: Sequence[Placed], k: int, test: Test) -> ComparedStratum:
    """The segments of a stratum side by side."""
    seen = [one.duration[one.n_churned[:, 0] > 0] for _, one in placed]
    times = np.unique(np.concatenate(seen))
    d, n = np.zeros((times.size, k)), np.zeros((times.size, k))
    for i, one in placed:
        d[:, i], n[:, i] = _ends_and_risk_at(times, one)
    return ComparedStratum(times, d, n, _weights_of_test(d.sum(axis=1), n.sum(axis=1), test))


def _excess_of_stratum(one: ComparedStratum) -> tuple[Floats, ...]:
    weight, share = one.weight, one.share
    all_d, all_n = one.ended.sum(axis=1), one.at_risk.sum(axis=1)
    expected = all_d[:, None] * share
    spread = weight**2 * all_d * (all_n - all_d) / np.maximum(all_n - 1, 1)
    common = (share * spread[:, None]).T @ share
    np.fill_diagonal(common, 0)
    # Each row sums to 0, so that no variance is the difference of two large numbers.
    covariance = np.diag(common.sum(axis=1)) - common
    return weight @ (one.ended - expected), covariance, expected.sum(axis=0)


def _weights_of_test(d: Floats, n: Floats, test: Test) -> Floats:
    if test == "peto":
        return step_functions.kaplan_meier(d, n + 1)
    if test == "fleming-harrington":
        survival = step_functions.kaplan_meier(d, n)
        return np.append(1.0, survival)[: d.size]  # just before each duration
    return np.asarray(n ** {"log-rank": 0.0, "tarone-ware": 0.5, "wilcoxon": 1.0}[test])


def _ends_and_risk_at(times: NDArray[Any], one: RiskSets) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ends and spells at risk of one segment at durations that need not be its own."""
    here = np.searchsorted(one.duration, times)
    found = np.minimum(here, one.duration.size - 1)
    mine = one.duration[found] == times
    ends = np.where(mine, one.n_churned[found, 0], 0)
    return ends, one.at_risk(times)


def _counts_of_segments(placed: Sequence[Placed], k: int) -> Columns:
    counts = np.zeros((2, k), np.int64)
    for i, one in placed:
        counts[:, i] += (one.n_entered.sum(), one.n_churned.sum())
    return {"n_spells": counts[0], "n_churned": counts[1]}


def chi_squared(excess: Floats, covariance: Floats) -> tuple[float, int]:
    """The statistic and its degrees of freedom, over what some duration tells apart."""
    told = np.diag(covariance) > 0
    if not told.any():
        return np.nan, 0
    scale = 1 / np.sqrt(np.diag(covariance)[told])  # small segments count as much as large ones
    values, vectors = np.linalg.eigh(covariance[np.ix_(told, told)] * np.outer(scale, scale))
    real = values > _NOTHING
    along = (excess[told] * scale) @ vectors[:, real]
    return float((along**2 / values[real]).sum()), int(real.sum())


def _without_roundings(covariance: Floats, independent: Floats) -> Floats:
    """The covariance, 0 for segments of which it is nothing beside that of independent spells."""
    told = np.diag(covariance) > _NOTHING**2 * independent
    return np.where(told[:, None] & told, covariance, 0.0)


def upper_tail(statistic: float, freedom: int) -> float:
    """The p-value of a χ²; NaN without degrees of freedom."""
    from scipy.special import chdtrc  # loaded late: SciPy takes longer to import than all else

    return float(chdtrc(freedom, statistic)) if freedom else np.nan
