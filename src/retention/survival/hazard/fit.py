"""A hazard model as it is fitted, and in the units of the covariates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics.frozen import frozen_numbers, frozen_table
from retention.numerics.newton import (
    NOT_ARRIVED,
    Maximum,
    covariance_of_estimates,
    moments,
    terms_without_bound,
    usable_by_moments,
)
from retention.survival.hazard.clustered_levels import Robust, robust_covariances
from retention.survival.hazard.likelihood import Arrow, Design, hazard_maximum
from retention.survival.models.clustered_scores import note_of_few_clusters, numbers_of_clusters
from retention.survival.models.distributions import LINKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.numerics.frozen import Status
    from retention.survival.hazard.exposure import Exposure

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scaled:
    """The effects that are fitted, and their terms at mean 0 and variance 1.

    Attributes:
        design: the scaled terms.
        places: of the effects, among all terms and, after them, all terms whose effect changes.
        n_effects: how many places there are.
        mean: of their terms.
        scale: the standard deviation of their terms.
        names: of the effects.
        notes: which terms were left out, and why.
    """

    design: Design
    places: NDArray[np.intp]
    n_effects: int
    mean: Floats
    scale: Floats
    names: list[str]
    notes: list[str]

    @property
    def multiplier(self) -> Floats:
        """What is multiplied by the terms, a row per level: 1, or the logarithm of time."""
        logs = self.design.log_interval[:, None]
        lasting = np.arange(self.places.size) < self.design.fixed.shape[1]
        return np.where(lasting, 1.0, logs)

    @property
    def spread(self) -> Floats:
        """The range of what each effect adds to the linear predictor, at 1."""
        terms = np.concatenate([self.design.fixed, self.design.varying], axis=1)
        if not terms.size or not self.design.log_interval.size:
            return np.zeros(self.places.size)
        return np.asarray(np.ptp(terms, axis=0) * self.multiplier.max(axis=0))


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit: what was counted, how it was scaled, where the likelihood is largest.

    Attributes:
        null: the log-likelihood without covariates.
        status: how it ended.
        said: what is to be said of that.
        robust: the errors by clusters; None if rows do not depend on one another.
    """

    counts: Exposure
    scaled: Scaled
    found: Maximum[Arrow]
    null: float
    status: Status
    said: list[str]
    robust: Robust | None


def fit_exposure(
    counts: Exposure,
    terms: Sequence[str],
    changes: NDArray[np.bool_],
    link: str,
    members: NDArray[np.intp] | None,
) -> Fit:
    """The hazard model of these counts.

    Args:
        counts: who was at risk and who left.
        terms: the names of the columns of its design.
        changes: for each of them, whether its effect changes over time.
        link: "logit" or "cloglog".
        members: the cluster of each row of the table; None if rows do not depend on one another.
    """
    scaled = _scaled_effects(counts, terms, changes)
    at_risk, ended = counts.mass[:, counts.has_level]
    hazard = ended / at_risk
    null = float(ended @ np.log(hazard) + (at_risk - ended) @ np.log1p(-hazard))
    levels = LINKS[link].at_cumulative(-np.log1p(-hazard))
    start = np.concatenate([np.zeros(scaled.places.size), levels])
    found = hazard_maximum(counts, scaled.design, LINKS[link], start)
    status, said = _status_and_notes(found, scaled)
    fit = Fit(counts, scaled, found, null, status, said, None)
    if members is None or status != "converged":
        return fit
    return _fit_with_clusters(fit, link, members[counts.row])


def _fit_with_clusters(fit: Fit, link: str, members: NDArray[np.intp]) -> Fit:
    """The same with the errors that the cluster of each stretch gives."""
    n_effects, design = fit.scaled.places.size, fit.scaled.design
    member, n = numbers_of_clusters(members)
    if few := note_of_few_clusters(max(n_effects, 1), n):
        none = _unknown_errors(n_effects, fit.found.point.size)
        return replace(fit, said=[*fit.said, *few], robust=none)
    arrow = fit.found.hessian
    maximum = (fit.found.point, arrow, covariance_of_estimates(arrow.profile))
    robust = robust_covariances(fit.counts, design, LINKS[link], maximum, (member, n))
    return replace(fit, robust=robust)


def _unknown_errors(n_effects: int, n: int) -> Robust:
    """Of so many effects among n parameters."""
    n_levels = n - n_effects
    return Robust(
        np.full((n_effects, n_effects), np.nan),
        np.full((n_effects, n_levels), np.nan),
        np.full((n_levels, n_levels), np.nan),
    )


def _scaled_effects(counts: Exposure, terms: Sequence[str], changes: NDArray[np.bool_]) -> Scaled:
    logs = np.log(np.maximum(counts.intervals[counts.has_level], 1))
    mean, covariance = _moments_of_terms(counts)
    keep, notes = usable_by_moments(mean, covariance, terms)
    later = keep & changes
    if later.any() and np.ptp(logs) == 0:
        notes.append("Ends are in one interval only: how effects change is left out.")
        later = np.zeros_like(keep)
    scale = np.sqrt(np.where(keep, np.diagonal(covariance), 1.0))
    design = (counts.design - mean) / scale
    lasting, changing = np.flatnonzero(keep), np.flatnonzero(later)
    both = np.concatenate([lasting, changing])
    return Scaled(
        design=Design(design[:, lasting], design[:, changing], logs),
        places=np.concatenate([lasting, keep.size + np.flatnonzero(later[changes])]),
        n_effects=int(keep.size + changes.sum()),
        mean=mean[both],
        scale=scale[both],
        names=[terms[int(i)] for i in lasting] + [f"{terms[int(i)]} × log(time)" for i in changing],
        notes=notes,
    )


def _moments_of_terms(counts: Exposure) -> tuple[Floats, Floats]:
    if not counts.weights.size:  # no interval has a level: every term is as good as a constant
        return moments(np.zeros((1, counts.design.shape[1])), np.ones(1))
    return moments(counts.design, counts.weights)


def fields_of_effects(fit: Fit) -> dict[str, Any]:
    """Coefficients and their covariance, in the units of the covariates."""
    scaled = fit.scaled
    effect = np.full(scaled.n_effects, np.nan)
    effect[scaled.places] = fit.found.point[: scaled.places.size] / scaled.scale
    covariance = np.full((scaled.n_effects, scaled.n_effects), np.nan)
    if fit.status == "converged":
        own = (
            covariance_of_estimates(fit.found.hessian.profile)
            if fit.robust is None
            else fit.robust.effects
        ) / np.outer(scaled.scale, scaled.scale)
        covariance[np.ix_(scaled.places, scaled.places)] = own
    n = fit.counts.design.shape[1]
    return {
        "coef": frozen_numbers(effect[:n]),
        "varying_coef": frozen_numbers(effect[n:]),
        "covariance": frozen_table(covariance[:n, :n]),
        "effect_covariance": frozen_table(covariance),
        "log_likelihood": fit.found.value,
        "log_likelihood_null": fit.null,
        "status": fit.status,
        "notes": (*scaled.notes, *fit.said),
    }


def fields_of_levels(fit: Fit) -> dict[str, Any]:
    """Intervals and their levels, where covariates are 0."""
    counts, scaled, hessian = fit.counts, fit.scaled, fit.found.hessian
    own = np.flatnonzero(counts.has_level)
    effect, found = np.split(fit.found.point, [scaled.places.size])
    at_mean = scaled.multiplier * scaled.mean
    n = counts.intervals.size
    level, variance = np.full(n, np.nan), np.full(n, np.nan)
    level[own] = found - at_mean @ (effect / scaled.scale)
    variance[own] = -1 / hessian.levels if fit.robust is None else np.diagonal(fit.robust.levels)
    slope = np.full((n, scaled.n_effects), np.nan)
    slope[own] = 0.0
    slope[np.ix_(own, scaled.places)] = hessian.slopes * scaled.scale - at_mean
    return {
        "intervals": tuple(counts.intervals.tolist()),
        "at_risk": tuple(counts.at_risk.tolist()),
        "ended": tuple(counts.ended.tolist()),
        "level": frozen_numbers(level),
        "level_variance": frozen_numbers(variance),
        "level_slope": frozen_table(slope),
        **_fields_of_clusters(fit, own),
    }


def _fields_of_clusters(fit: Fit, own: NDArray[np.intp]) -> dict[str, Any]:
    """How levels move together, and with the effects; nothing where rows are independent."""
    if fit.robust is None:
        return {"level_covariance": (), "mixed_covariance": ()}
    n, scaled = fit.counts.intervals.size, fit.scaled
    levels, mixed = np.full((n, n), np.nan), np.full((scaled.n_effects, n), np.nan)
    levels[np.ix_(own, own)] = fit.robust.levels
    mixed[np.ix_(scaled.places, own)] = fit.robust.mixed / scaled.scale[:, None]
    return {"level_covariance": frozen_table(levels), "mixed_covariance": frozen_table(mixed)}


def _status_and_notes(found: Maximum[Arrow], scaled: Scaled) -> tuple[Status, list[str]]:
    away, said = terms_without_bound(found, scaled.spread, scaled.names)
    if away:
        return "separated", said
    if found.status == "not converged":
        return "not converged", [NOT_ARRIVED]
    if found.status == "flat" or np.isnan(covariance_of_estimates(found.hessian.profile)).any():
        return "flat", ["The likelihood is flat: these data do not tell all the coefficients."]
    return "converged", []
