"""Accelerated failure time: what stretches or shortens a stay, with a formula that carries on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from retention.errors import check_choice
from retention.numerics.frozen import Numbers, array_of_numbers, array_of_table
from retention.survival.aft.fit import fields_of_aft, fit_lifetimes, informative_rows
from retention.survival.counts.dependence import columns_of_dependence, members_of_clusters
from retention.survival.counts.histories import read_spells
from retention.survival.counts.observation import time_in_words, unseen_of_rows
from retention.survival.counts.sampling_weights import with_sampling_weights
from retention.survival.models import covariates as designs
from retention.survival.models.distributions import DISTRIBUTIONS, Shape
from retention.survival.models.lifetime_model import LifetimeModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Distribution = Literal["weibull", "lognormal", "loglogistic", "exponential"]

_FARTHEST = 60.0  # e^−60 of the horizon at most lies beyond so much cumulative hazard
_DIGITS = 1e6  # a sum may be so much smaller than its terms and still have ten digits


class AftModel(LifetimeModel):
    """A fitted model log T = intercept + coef · covariates + σ ε: covariates stretch time.

    `coef` are of the logarithm of time, as R and lifelines give them: above 0 means that customers
    stay longer. `ratio` in `coefficients()` is the time ratio: with 1.5 everything takes half as
    long again, the median and every other quantile. The formula carries on beyond the longest
    duration that was seen; whether customers do is another matter.

    Attributes:
        distribution: of the lifetimes: "weibull", "lognormal", "loglogistic" or "exponential".
        intercept: mean of log T − σ ε where all covariates are 0; null where it cannot be told.
        log_scale: log σ, 0 for the exponential; null where it cannot be told.
        full_covariance: of intercept, coefficients and log σ; null where it cannot be told.
        cluster: the column whose rows may depend on one another; null if rows do not. With it the
            covariance is the robust one.
        sampling_weights: the column of what each row weighed in the fit; null if rows were counted.
    """

    distribution: Distribution
    intercept: float | None
    log_scale: float | None
    full_covariance: tuple[Numbers, ...]
    cluster: str | None = None
    sampling_weights: str | None = None

    @property
    def scale(self) -> float:
        """σ; NaN where it cannot be told."""
        return float(np.exp(array_of_numbers((self.log_scale,))[0]))

    def _told_of_form(self) -> str:
        intercept, log_scale = array_of_numbers((self.intercept, self.log_scale))
        scale = f"scale {np.exp(log_scale):.4g}"
        return f"{self.distribution}: intercept {intercept:.4g} (of log time), {scale}"

    def _told_of_ratios(self) -> str:
        return "ratio above 1: stays longer, by so many times"

    def risk_score(self, design: Floats) -> Floats:
        """−coef · covariates: the less time, the higher."""
        return np.asarray(-(design @ self.beta))

    def hazard_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, end: Floats
    ) -> tuple[Floats, Floats]:
        """H(end) − H(start), H being 0 at 0 and before."""
        del stratum  # there is one
        location = self._location(design)
        with np.errstate(over="ignore", invalid="ignore"):
            hazard, *by = self._hazard_at(location, end) - self._hazard_at(location, start)
            return hazard, self._variance_from_derivatives(design, *by)

    def area_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, horizon: float
    ) -> Floats:
        """The area under S given `start`, to a relative error below 1e-8.

        With q the cumulative hazard since the start, Q that at the horizon and t(q) the time,

            ∫ S(start + u | start) du = e^(−Q) horizon + ∫ from 0 to Q of (t(q) − start) e^(−q) dq,

        in closed form where that keeps its digits (not for the log-logistic), else by Gauss's rule
        with 32 nodes in the fourth root of q, in which t is smooth also where the start is 0.
        """
        del stratum
        shape, sigma, location = (
            DISTRIBUTIONS[self.distribution],
            self.scale,
            self._location(design),
        )
        ends = (np.maximum(start, 0.0), start + horizon)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            z = tuple((np.log(time) - location) / sigma for time in ends)
            behind, ahead = (shape.cumulative(each)[0] for each in z)
            spans = _Spans(location, sigma, ends[0], ends[1] - ends[0], behind, ahead - behind)
            area, exact = spans.closed_form(shape, z)
            rows = np.flatnonzero(~exact & np.isfinite(location))
            area[rows] = spans.only(rows).quadrature(shape)
        return area

    def _location(self, design: Floats) -> Floats:
        return np.asarray(array_of_numbers((self.intercept,))[0] + design @ self.beta)

    def _hazard_at(self, location: Floats, time: Floats) -> Floats:
        """H at a time, and its derivatives by the location and by log σ."""
        with np.errstate(divide="ignore"):
            z = (np.log(np.maximum(time, 0.0)) - location) / self.scale
        cumulative, slope, _ = DISTRIBUTIONS[self.distribution].cumulative(z)
        by_scale = np.where(np.isneginf(z), 0.0, -z * slope)
        return np.array([cumulative, -slope / self.scale, by_scale])

    def _variance_from_derivatives(
        self, design: Floats, by_location: Floats, by_scale: Floats
    ) -> Floats:
        """Of what has these derivatives by the location of each row and by log σ."""
        n = len(self.coef) + 2
        covariance = array_of_table(self.full_covariance, n)
        left_out = 1 + np.flatnonzero([value is None for value in self.coef])
        covariance[left_out], covariance[:, left_out] = 0.0, 0.0
        ones = np.ones((design.shape[0], 1))
        gradient = np.concatenate([ones, design], axis=1) * by_location[:, None]
        gradient = np.concatenate([gradient, by_scale[:, None]], axis=1)
        return np.asarray(((gradient @ covariance) * gradient).sum(axis=1))


def fit_aft(
    spells: IntoFrame,
    *,
    covariates: str | Sequence[str] = (),
    distribution: Distribution = "weibull",
    cluster: str | None = None,
    sampling_weights: str | None = None,
    reference: Mapping[str, str] | None = None,
) -> AftModel:
    """What stretches or shortens a stay, and how long stays are, with a formula for every duration.

    log T = μ + σ ε with μ = intercept + β x: a covariate multiplies every duration by e^β. With
    z = (log t − μ)/σ the cumulative hazard H(z) is

        weibull       e^z              (hazard rises with time if σ < 1, falls if σ > 1)
        exponential   e^z, σ = 1       (a constant hazard)
        loglogistic   log(1 + e^z)     (rises, then falls, if σ < 1)
        lognormal     −log Φ(−z)       (rises, then falls)

    and the log-likelihood, with h = H', the entry e and the duration t of each spell,

        Σ over ends of (log h(z_t) − log σ − log t) − Σ over spells of (H(z_t) − H(z_e)),

    is maximised by Newton's method. A row of a table with `n_spells` counts as so many spells.

    Args:
        spells: as in `survival_curve`. Durations in any unit, above 0; spells censored at 0 say
            nothing and are left out.
        covariates: columns: numbers, true or false, or text (one coefficient for each level but the
            reference).
        distribution: one of the four above.
        cluster: a column, as a rule `customer_id`, whose rows may depend on one another (several
            spells of a customer). Coefficients stay as they are; with V minus the inverse of the
            second derivatives and U the score of a cluster the covariance is the robust one,
            V (Σ over clusters of U Uᵀ) V, without a correction for few clusters, and so are all
            bounds of predictions. It takes more clusters than parameters.
        sampling_weights: a column of what each row weighs that is no count: one over the chance
            with which it was drawn or treated, or how many customers it speaks for (a column
            `n_spells` counts copies instead). Only their proportions matter; they are made 1 on
            average, also in the log-likelihood. Errors are then the robust ones, by row, or by
            `cluster`.
        reference: for text covariates the level that others are compared with; by default the
            first in alphabetical order.

    Returns:
        An `AftModel`: a frozen value. `coefficients()` reads it as a pandas table; `status` and
        `notes` say what is wrong, if anything is.

    Raises:
        RetentionError: if `distribution` is none of the four.
        ColumnError: if a column is missing or of a type that is no covariate.
        ContentError: if a covariate is missing somewhere, nobody's end was seen, or an end is at
            duration 0.

    Example:
        On "basic" two stays of 1 and 3 days ended: 2 days an end. On "full" one of two ended in
        4 + 8 days: 12 days an end, six times as long.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 3, 4, 8], "churned": [True, True, True, False],
        ...     "plan": ["basic", "basic", "full", "full"],
        ... })
        >>> model = rt.survival.fit_aft(spells, covariates="plan", distribution="exponential")
        >>> print(f"{model.coefficients()['ratio'][0]:.6f}")
        6.000000

    Source:
        Kalbfleisch, J. D. and Prentice, R. L. (2002), The Statistical Analysis of Failure Time
        Data, 2nd ed., sections 2.2, 2.3 and 3.6. White, H. (1982), Econometrica 50, 1–25, for the
        robust covariance.
    """
    check_choice("distribution", distribution, DISTRIBUTIONS)
    names = designs.named_columns(covariates)
    asked = {"covariates": names, **columns_of_dependence(cluster, sampling_weights)}
    found = read_spells(spells, columns=asked, collapse=cluster is sampling_weights is None)
    found = with_sampling_weights(found, sampling_weights)
    known = designs.learnt_covariates(names, found.columns, reference or {}, found.weight)
    designs.warn_of_labels(known, int(found.weights[found.churned].sum()))
    matrix = designs.design_from_columns(known, found.columns, found.duration.size)
    members = members_of_clusters(found, cluster)
    used, notes = informative_rows(found)
    unseen = unseen_of_rows(found.entry, found.duration, found.churned)
    if unseen.leading:
        until = time_in_words(unseen.until[0])
        notes.append(f"Nobody was watched before {until}: there the formula speaks alone.")
    fit = fit_lifetimes(found, matrix, used, designs.names_of_terms(known), distribution)
    weights = found.weights[used]
    return AftModel(
        **fields_of_aft(fit, notes, None if members is None else members[used]),
        covariates=known,
        n_spells=int(weights.sum()),
        n_churned=int(weights[found.churned[used]].sum()),
        distribution=distribution,
        cluster=cluster,
        sampling_weights=sampling_weights,
    )


@dataclass(frozen=True, slots=True)
class _Spans:
    """Stretches of time, one element a customer: what `area_between` integrates over."""

    location: Floats
    sigma: float
    start: Floats
    length: Floats
    behind: Floats
    hazard: Floats

    def only(self, rows: NDArray[np.intp]) -> _Spans:
        cut = (self.start, self.length, self.behind, self.hazard)
        return _Spans(self.location[rows], self.sigma, *(values[rows] for values in cut))

    def closed_form(self, shape: Shape, z: tuple[Floats, ...]) -> tuple[Floats, NDArray[np.bool_]]:
        """The area in closed form, and where it has kept its digits."""
        if shape.early_mean is None:
            return np.full(self.start.size, np.nan), np.zeros(self.start.size, np.bool_)
        first, last = (np.exp(self.location) * shape.early_mean(each, self.sigma) for each in z)
        lost = -np.expm1(-self.hazard)
        area = (last - first) * np.exp(self.behind) - self.start * lost
        area += self.length * (1 - lost)
        return area, (last * np.exp(self.behind) + self.start) < _DIGITS * area

    def quadrature(self, shape: Shape) -> Floats:
        """The area by Gauss's rule."""
        upto = np.minimum(self.hazard, _FARTHEST)
        area = np.exp(-self.hazard) * self.length
        nodes, weights = np.polynomial.legendre.leggauss(32)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            q = upto * node**4
            z = shape.at_cumulative(self.behind + q)
            gained = np.exp(self.location + self.sigma * z) - self.start
            density = 4 * weight * node**3 * upto * np.exp(-q)
            area += np.where(q > 0, density * np.clip(gained, 0.0, self.length), 0.0)
        return np.asarray(area)
