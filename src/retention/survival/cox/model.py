"""Cox's proportional hazards: what shortens a stay, without saying how long stays are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from retention.errors import RetentionError, check_choice, count_of
from retention.numerics.frozen import array_of_numbers, array_of_table
from retention.survival.counts.dependence import columns_of_dependence, members_of_clusters
from retention.survival.counts.histories import read_spells
from retention.survival.counts.sampling_weights import with_sampling_weights
from retention.survival.cox.areas import step_area
from retention.survival.cox.baselines import Baseline  # noqa: TC001 - pydantic reads it
from retention.survival.cox.fit import fields_of_cox, fit_partial_likelihood
from retention.survival.models import covariates as designs
from retention.survival.models.covariates import strata_of_rows
from retention.survival.models.lifetime_model import LifetimeModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    from retention.survival.counts.observation import Unseen

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
        sampling_weights: the column of what each row weighed in the fit; null if rows were counted.
    """

    ties: Literal["efron", "breslow"]
    strata: tuple[str, ...]
    cluster: str | None
    penalty: float
    means: tuple[float, ...]
    baselines: tuple[Baseline, ...]
    score_statistic: float | None
    sampling_weights: str | None = None

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

    def _told_of_form(self) -> str:
        by = f" by {', '.join(self.strata)}" if self.strata else ""
        baselines = count_of(len(self.baselines), "baseline")
        return f"{baselines}{by}, followed up to {self.follow_up:,g}"

    def _calls_to_make(self) -> tuple[str, ...]:
        test = "rt.survival.proportional_hazards_test(spells, model=model)"
        return (*super()._calls_to_make(), *[test] * bool(self.coef))

    def tests(self) -> pd.DataFrame:
        """Whether the covariates together say anything.

        The likelihood ratio and the score test take the rows for independent; with `cluster` only
        Wald's does not, nor do they know of sampling weights.

        Returns:
            A pandas table, one row per test: `test` ("likelihood ratio", "wald", "score"),
            `statistic` (χ²), `degrees_of_freedom`, `p_value`; null where not known, and p-values
            where there is a penalty.
        """
        import pandas as pd
        from scipy.special import chdtrc

        ratio = 2 * (self.log_likelihood - self.log_likelihood_null)
        score = np.nan if self.score_statistic is None else self.score_statistic
        statistic = np.array([ratio, self._wald_statistic(), score])
        freedom = sum(value is not None for value in self.coef)
        known = freedom > 0 and self.penalty == 0
        p_value = chdtrc(freedom, statistic) if known else np.full(3, np.nan)
        return pd.DataFrame(
            {
                "test": ["likelihood ratio", "wald", "score"],
                "statistic": statistic,
                "degrees_of_freedom": freedom,
                "p_value": p_value,
            }
        )

    def _wald_statistic(self) -> float:
        kept = np.array([value is not None for value in self.coef], np.bool_)
        error = self.standard_errors[kept]
        if not (error > 0).all():
            return float("nan")
        z = array_of_numbers(self.coef)[kept] / error
        covariance = array_of_table(self.covariance, len(self.coef))[np.ix_(kept, kept)]
        if np.isnan(covariance).any():
            return float("nan")
        return float(z @ np.linalg.pinv(covariance / np.outer(error, error), hermitian=True) @ z)

    def baseline(self) -> pd.DataFrame:
        """The baselines at the mean of the covariates.

        Returns:
            A pandas table, one row per stratum and duration at which spells end: the `strata`
            columns, `duration`, `cumulative_hazard`, `survival` (e to minus that; both null behind
            a time in which nobody was under observation), `note` (what they are given, or why not
            known; else null).
        """
        import pandas as pd

        sizes = [len(baseline.duration) for baseline in self.baselines]
        keys = {
            name: np.repeat(np.array([b.stratum[i] for b in self.baselines], dtype=object), sizes)
            for i, name in enumerate(self.strata)
        }
        duration = np.concatenate([array_of_numbers(b.duration) for b in self.baselines])
        hazard = np.concatenate([array_of_numbers(b.cumulative_hazard) for b in self.baselines])
        seen = [b.hidden.known(array_of_numbers(b.duration)) for b in self.baselines]
        hazard = np.where(np.concatenate(seen), hazard, np.nan)
        counted = {"cumulative_hazard": hazard, "survival": np.exp(-hazard)}
        note = np.concatenate(
            [b.hidden.notes(array_of_numbers(b.duration)) for b in self.baselines]
        )
        return pd.DataFrame({**keys, "duration": duration, **counted, "note": note})

    def unseen(self, stratum: int) -> Unseen:
        """Where nobody of a stratum was under observation."""
        return self.baselines[stratum].hidden

    def risk_score(self, design: Floats) -> Floats:
        """η = coef · (covariates − means)."""
        return np.asarray((design - np.array(self.means)) @ self.beta)

    def hazard_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, end: Floats
    ) -> tuple[Floats, Floats]:
        """e^η (H0(end) − H0(start)); NaN where nobody was under observation, but for before all."""
        hazard, variance = np.full(start.size, np.nan), np.full(start.size, np.nan)
        covariance = np.nan_to_num(array_of_table(self.covariance, len(self.coef)))
        for baseline, rows in self._rows_by_stratum(stratum):
            added = baseline.path.between(start[rows], end[rows])
            away = design[rows] - np.array(self.means)
            drift = away * added.hazard[:, None] - added.drift
            spread = added.variance + ((drift @ covariance) * drift).sum(axis=1)
            with np.errstate(over="ignore", invalid="ignore"):
                risk = np.exp(away @ self.beta)
                hazard[rows] = np.where(added.hazard == 0, 0.0, risk * added.hazard)
                variance[rows] = risk**2 * spread
        return hazard, variance if self.status == "converged" else np.full(start.size, np.nan)

    def area_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, horizon: float
    ) -> Floats:
        """The area under S given `start`; NaN where nobody was under observation, as above."""
        found = np.full(start.size, np.nan)
        eta = self.risk_score(design)
        for baseline, rows in self._rows_by_stratum(stratum):
            path = baseline.path
            told = rows[path.is_observed(start[rows], start[rows] + horizon)]
            found[told] = step_area(path.duration, path.hazard, eta[told], start[told], horizon)
        return found

    def _rows_by_stratum(
        self, stratum: NDArray[np.intp]
    ) -> Iterator[tuple[Baseline, NDArray[np.intp]]]:
        """The rows of each stratum that there are."""
        if len(self.baselines) == 1:
            yield self.baselines[0], np.flatnonzero(stratum == 0)
            return
        order = np.argsort(stratum, kind="stable")
        edges = np.searchsorted(stratum[order], np.arange(len(self.baselines) + 1))
        for number in np.flatnonzero(np.diff(edges)):
            yield self.baselines[number], order[edges[number] : edges[number + 1]]


def fit_cox(
    spells: IntoFrame,
    *,
    covariates: str | Sequence[str] = (),
    strata: str | Sequence[str] = (),
    ties: Literal["efron", "breslow"] = "efron",
    cluster: str | None = None,
    sampling_weights: str | None = None,
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
            spells of a customer): the covariance is then Lin and Wei's robust one. It takes more
            clusters than coefficients. Bounds of predictions take rows for independent in the
            baseline.
        sampling_weights: a column of what each row weighs that is no count: one over the chance
            with which it was drawn or treated, or how many customers it speaks for (a column
            `n_spells` counts copies instead). Only their proportions matter; they are made 1 on
            average, also in the log-likelihood. Each of d tied ends has then their mean weight, as
            in R. Errors are the robust ones, by row, or by `cluster`; predictions have no bounds.
        penalty: λ of the ridge penalty λ/2 · Σ (β · standard deviation of the covariate)², which
            is taken off log L; 0 for none.
        reference: for text covariates the level that others are compared with; by default the
            first in alphabetical order.

    Returns:
        A `CoxModel`: a frozen value. `coefficients()`, `tests()` and `baseline()` read it as pandas
        tables; `status` and `notes` say what is wrong, if anything is: covariates are left out and
        named if they are constant, collinear, or alike in all who are at risk as somebody leaves
        (then with the status "flat"); perfectly separating ones are named and given no errors.

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
    check_choice("ties", ties, ("efron", "breslow"))
    check_penalty(penalty)
    names = designs.named_columns(covariates)
    within = designs.named_columns(strata, "strata")
    depend = columns_of_dependence(cluster, sampling_weights)
    asked = {"covariates": names, "strata": within, **depend}
    found = read_spells(spells, columns=asked, collapse=cluster is sampling_weights is None)
    found = with_sampling_weights(found, sampling_weights)
    known = designs.learnt_covariates(names, found.columns, reference or {}, found.weight)
    designs.warn_of_labels(known, int(found.weights[found.churned].sum()))
    members = members_of_clusters(found, cluster)
    fit = fit_partial_likelihood(
        found, known, strata_of_rows(found.columns, within, found.duration.size), ties, penalty
    )
    return CoxModel(
        **fields_of_cox(fit, members),
        covariates=known,
        n_spells=found.n,
        n_churned=int(found.weights[found.churned].sum()),
        ties=ties,
        strata=tuple(within),
        cluster=cluster,
        sampling_weights=sampling_weights,
        penalty=float(penalty),
    )


def check_penalty(penalty: float) -> None:
    """Refuse what is no penalty."""
    number = isinstance(penalty, int | float) and not isinstance(penalty, bool)
    if not number or not 0 <= penalty < np.inf:
        raise RetentionError(f"penalty must be a number, 0 or more; got {penalty!r}.")
