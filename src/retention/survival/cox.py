"""Cox's proportional hazards: what shortens a stay, without saying how long stays are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention.errors import RetentionError, one_of
from retention.survival import design as designs
from retention.survival.baselines import Baseline, baselines, step_area
from retention.survival.histories import Histories, read
from retention.survival.models import (
    LifetimeModel,
    Status,
    frozen,
    frozen_table,
    numbers,
    table,
)
from retention.survival.newton import (
    Maximum,
    inverse,
    maximise,
    moments,
    usable_of,
    without_bound,
)
from retention.survival.risk_sums import (
    RiskData,
    RiskSums,
    gradient_and_information,
    prepared,
    risk_sums,
    score_residuals,
)
from retention.survival.strata import labelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from retention.survival.design import Covariate

    Floats = NDArray[np.float64]


class CoxModel(LifetimeModel):
    """A fitted Cox model: hazard of a customer = baseline of the stratum · e^(coef · covariates).

    `coef` are log hazard ratios: above 0 means that customers leave sooner. `ratio` in
    `coefficients()` is the hazard ratio.

    Attributes:
        ties: "efron" or "breslow"; the baseline is of the same kind.
        strata: columns each of whose combinations has a baseline of its own.
        cluster: the column whose rows may depend on one another; null if rows do not. With it the
            covariance is the robust one.
        penalty: of the squared standardised coefficients.
        means: of the terms, at which the baselines stand.
        baselines: one a stratum.
        score_statistic: of the score test that all coefficients are 0.
    """

    ties: Literal["efron", "breslow"]
    strata: tuple[str, ...]
    cluster: str | None
    penalty: float
    means: tuple[float, ...]
    baselines: tuple[Baseline, ...]
    score_statistic: float | None

    @property
    def stratum_columns(self) -> tuple[str, ...]:
        """The strata."""
        return self.strata

    @property
    def stratum_keys(self) -> tuple[tuple[str, ...], ...]:
        """Their values, one for each baseline."""
        return tuple(baseline.stratum for baseline in self.baselines)

    @property
    def follow_up(self) -> float:
        """The longest duration that was seen."""
        return max(baseline.follow_up for baseline in self.baselines)

    def tests(self) -> pd.DataFrame:
        """Whether the covariates together say anything.

        Returns:
            A pandas table, one row a test: `test` ("likelihood ratio", "wald", "score"),
            `statistic` (χ²), `degrees_of_freedom`, `p_value`.
        """
        import pandas as pd
        from scipy.special import chdtrc

        told = np.isfinite(self.standard_errors)
        covariance = table(self.covariance, len(self.coef))[np.ix_(told, told)]
        beta = numbers(self.coef)[told]
        wald = float(beta @ np.linalg.solve(covariance, beta)) if told.any() else np.nan
        score = np.nan if self.score_statistic is None else self.score_statistic
        ratio = 2 * (self.log_likelihood - self.log_likelihood_null)
        statistic = np.array([ratio, wald, score])
        freedom = sum(value is not None for value in self.coef)
        return pd.DataFrame(
            {
                "test": ["likelihood ratio", "wald", "score"],
                "statistic": statistic,
                "degrees_of_freedom": freedom,
                "p_value": chdtrc(freedom, statistic),
            }
        )

    def baseline(self) -> pd.DataFrame:
        """The baselines at the mean of the covariates.

        Returns:
            A pandas table, one row a stratum and duration at which spells end: the `strata`
            columns, `duration`, `cumulative_hazard`, `survival` (e to minus that).
        """
        import pandas as pd

        sizes = [len(baseline.duration) for baseline in self.baselines]
        keys = {
            name: np.repeat(np.array([b.stratum[i] for b in self.baselines], dtype=object), sizes)
            for i, name in enumerate(self.strata)
        }
        duration = np.concatenate([numbers(b.duration) for b in self.baselines])
        hazard = np.concatenate([numbers(b.cumulative_hazard) for b in self.baselines])
        counted = {"cumulative_hazard": hazard, "survival": np.exp(-hazard)}
        return pd.DataFrame({**keys, "duration": duration, **counted})

    def risk_score(self, design: Floats) -> Floats:
        """η = coef · (covariates − means)."""
        return np.asarray((design - np.array(self.means)) @ self.beta)

    def hazard_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, end: Floats
    ) -> tuple[Floats, Floats]:
        """e^η (H0(end) − H0(start)); NaN beyond the stratum's follow-up."""
        hazard, variance = np.full(start.size, np.nan), np.full(start.size, np.nan)
        covariance = table(self.covariance, len(self.coef))
        covariance = np.where(np.isnan(covariance), 0.0, covariance)
        told = self.status == "converged"
        risk = np.exp(self.risk_score(design))
        for number, baseline in enumerate(self.baselines):
            rows = np.flatnonzero((stratum == number) & (end <= baseline.follow_up))
            away = design[rows] - np.array(self.means)
            added = baseline.between(start[rows], end[rows])
            drift = away * added.hazard[:, None] - added.drift
            spread = added.variance + ((drift @ covariance) * drift).sum(axis=1)
            hazard[rows] = risk[rows] * added.hazard
            variance[rows] = risk[rows] ** 2 * spread if told else np.nan
        return hazard, variance

    def area_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, horizon: float
    ) -> Floats:
        """The area under S given `start`; NaN where the stratum was not seen that long."""
        found = np.full(start.size, np.nan)
        eta = self.risk_score(design)
        for number, baseline in enumerate(self.baselines):
            rows = np.flatnonzero((stratum == number) & (start + horizon <= baseline.follow_up))
            duration, hazard = numbers(baseline.duration), numbers(baseline.cumulative_hazard)
            found[rows] = step_area(duration, hazard, eta[rows], start[rows], horizon)
        return found


def fit_cox(
    spells: object,
    *,
    covariates: str | Sequence[str] = (),
    strata: str | Sequence[str] = (),
    ties: Literal["efron", "breslow"] = "efron",
    cluster: str | None = None,
    penalty: float = 0.0,
    reference: Mapping[str, str] | None = None,
) -> CoxModel:
    """What shortens or lengthens a stay: the hazard ratios of Cox's model, without bias from ties.

    The hazard at duration t is h0(t) e^(β x). β maximises the partial likelihood: at each duration
    the ends are compared with all who are at risk then (entry < t ≤ duration). With d spells ending
    together, S0 the sum of e^(β x) over the risk set and D0 that over the d ends,

        log L = Σ over ends of β x − Σ over durations of Σ_{l=0}^{d−1} log(S0 − (l/d) D0)   (Efron),

    and d log S0 instead of the inner sum (Breslow; biased to 0 where ties are heavy). A row of a
    table with `n_spells` counts as so many spells of their own: the answer is that of the rows
    written out. The baseline has the same risk sums, 1/(S0 − (l/d) D0) for each end.

    Args:
        spells: as in `survival_curve`. Covariates that change over time are several rows of a
            customer, each with the `entry` at which its values begin to hold and the `duration` at
            which they end, `churned` in the last one only; then say `cluster="customer_id"` too.
        covariates: columns: numbers, true or false, or text (one coefficient for each level but the
            reference). Without any the model is the baseline alone.
        strata: columns each of whose combinations has a baseline of its own.
        ties: "efron" or "breslow".
        cluster: a column, as a rule `customer_id`, whose rows may depend on one another (several
            spells of a customer): the covariance is then Lin and Wei's robust one.
        penalty: λ of the ridge penalty λ/2 · Σ (β · standard deviation of the covariate)², which
            is taken off log L; 0 for none.
        reference: for text covariates the level that others are compared with; by default the
            first in alphabetical order.

    Returns:
        A `CoxModel`: a frozen value. `coefficients()`, `tests()` and `baseline()` read it as pandas
        tables; `status` and `notes` say what is wrong, if anything is: constant and collinear
        covariates are left out and named, perfectly separating ones named and given no errors.

    Raises:
        RetentionError: if `ties` or `penalty` is not one of its values.
        ColumnError: if a column is missing or of a type that is no covariate.
        ContentError: if a covariate is missing somewhere, or nobody's end was seen.

    Example:
        Six customers, of whom those with x = 1 tend to leave earlier.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [9, 1, 1, 6, 6, 8], "churned": [True, True, False, True, True, False],
        ...     "x": [0, 1, 1, 1, 0, 0],
        ... })
        >>> model = rt.fit_cox(spells, covariates="x", ties="breslow")
        >>> print(f"{model.coef[0]:.6f}")  # log(3/2 + √33/2)
        1.475285

    Source:
        Cox, D. R. (1972), Journal of the Royal Statistical Society B 34, 187–220. Efron, B. (1977),
        Journal of the American Statistical Association 72, 557–565. Lin, D. Y. and Wei, L. J.
        (1989), same journal 84, 1074–1078. Therneau, T. M. and Grambsch, P. M. (2000), Modeling
        Survival Data, chapter 3 and section 8.2.
    """
    one_of("ties", ties, ("efron", "breslow"))
    if isinstance(penalty, bool) or not isinstance(penalty, int | float) or not penalty >= 0:
        raise RetentionError(f"penalty must be a number, 0 or more; got {penalty!r}.")
    names, within = designs.named(covariates), designs.named(strata, "strata")
    clusters = [] if cluster is None else [cluster]
    asked = {"covariates": names, "strata": within, "cluster": clusters}
    found = read(spells, columns=asked, collapse=cluster is None)
    known = designs.learnt(names, found.columns, reference or {})
    fit = _fitted(found, known, labelled(found.columns, within, found.duration.size), ties, penalty)
    covariance = fit.covariance
    if cluster is not None:
        covariance = _robust(fit, found, clusters=found.columns[cluster])
    return CoxModel(
        **_fields(fit, covariance),
        covariates=known,
        n_spells=found.n,
        n_churned=int(found.weights[found.churned].sum()),
        ties=ties,
        strata=tuple(within),
        cluster=cluster,
        penalty=float(penalty),
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """A fit in the units of the scaled design, of the terms that were kept."""

    data: RiskData
    sums: RiskSums
    strata: Sequence[tuple[str, ...]]
    terms: Sequence[str]
    keep: NDArray[np.bool_]
    mean: Floats
    scale: Floats
    found: Maximum[Floats]
    null: tuple[float, Floats, Floats]
    notes: list[str]

    @property
    def kept(self) -> list[str]:
        return [term for term, keep in zip(self.terms, self.keep, strict=True) if keep]

    @property
    def covariance(self) -> Floats:
        return inverse(self.found.hessian)


def _fitted(
    spells: Histories,
    covariates: Sequence[Covariate],
    labels: tuple[NDArray[np.intp], Sequence[tuple[str, ...]]],
    ties: str,
    penalty: float,
) -> _Fit:
    names = designs.terms(covariates)
    matrix = designs.matrix(covariates, spells.columns, spells.duration.size)
    mean, spread = moments(matrix, spells.weights)
    keep, notes = usable_of(mean, spread, names)
    scale = np.sqrt(np.diagonal(spread)[keep])
    matrix = matrix if keep.all() else matrix[:, keep]
    matrix -= mean[keep]
    matrix /= scale
    data = prepared(spells, matrix, labels[0], efron=ties == "efron")

    def evaluate(beta: Floats) -> tuple[float, Floats, Floats]:
        sums = risk_sums(data, beta)
        score, information = gradient_and_information(data, sums)
        value = sums.log_likelihood - penalty / 2 * float(beta @ beta)
        return value, score - penalty * beta, -information - penalty * np.eye(beta.size)

    zero = np.zeros(scale.size)
    null = evaluate(zero)
    found = maximise(lambda beta: evaluate(beta) if beta.any() else null, zero)
    sums = risk_sums(data, found.point)
    return _Fit(data, sums, labels[1], names, keep, mean, scale, found, null, notes)


def _separating(fit: _Fit) -> tuple[list[str], list[str]]:
    """Terms without a bound; no row lies further from the mean than √n standard deviations."""
    if (np.abs(fit.found.step) * np.sqrt(fit.data.weight.sum()) < 1e-3).all():
        return [], []
    return without_bound(fit.found, np.ptp(fit.data.design, axis=0), fit.kept)


def _robust(fit: _Fit, spells: Histories, *, clusters: NDArray[Any]) -> Floats:
    """Lin and Wei's covariance: the score residuals, added up within each cluster."""
    residuals = score_residuals(fit.data, fit.sums) * spells.weights[:, None]
    _, member = np.unique(clusters, return_inverse=True)
    summed = np.zeros((int(member.max()) + 1, residuals.shape[1]))
    np.add.at(summed, member, residuals)
    return np.asarray(fit.covariance @ (summed.T @ summed) @ fit.covariance)


def _fields(fit: _Fit, covariance: Floats) -> dict[str, Any]:
    """What a fit says, in the units of the covariates."""
    away, said = _separating(fit)
    status: Status = "separated" if away else fit.found.status
    beta = np.full(fit.keep.size, np.nan)
    beta[fit.keep] = fit.found.point / fit.scale
    wide = np.full((fit.keep.size, fit.keep.size), np.nan)
    if status == "converged":
        wide[np.ix_(fit.keep, fit.keep)] = covariance / np.outer(fit.scale, fit.scale)
    score, hessian = fit.null[1], fit.null[2]
    told = np.isfinite(inverse(hessian)).all()
    return {
        "coef": frozen(beta),
        "covariance": frozen_table(wide),
        "log_likelihood": fit.sums.log_likelihood,
        "log_likelihood_null": fit.null[0],
        "status": status,
        "notes": (*fit.notes, *said),
        "means": tuple(fit.mean.tolist()),
        "baselines": baselines(fit.data, fit.sums, fit.strata, fit.scale, fit.keep),
        "score_statistic": float(score @ inverse(hessian) @ score) if told else None,
    }
