"""Newton's method for likelihoods, and what stands in its way: terms that data cannot tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHUNK = 32_768
"""Rows that a likelihood is summed over at a time, so that they stay in the processor's cache."""

NOT_ARRIVED = "Newton's method did not arrive: do not rely on the coefficients."
"""What models note when it did not."""

_NO_SPREAD = 1e-9
"""A column is a constant, or a combination of others, if no more of its variance is left."""

_CLOSE = 1e-10
"""Newton's method has arrived when a step would gain less, in units of the log-likelihood."""

_SETTLED = 1e-9
"""A last step that moves second derivatives by no larger a share of them is not looked behind."""

_SLOW = 1e-6
"""Three steps in a row that gain less without arriving: nothing more can be learnt."""

_STILL_MOVING = 0.01
"""A term whose last step moved the linear predictor of some row by more had not arrived."""

MOST_PASSES = 100
"""Evaluations after which a fit that has not arrived is given up."""

_MOST_HALVES = 30
_LEAST_EIGENVALUE = 1e-13

H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Maximum(Generic[H]):
    """Where Newton's method ended.

    Attributes:
        point: the parameters.
        value: the log-likelihood there.
        gradient: its first derivatives there.
        hessian: its second derivatives there, in whatever form `evaluate` gives them.
        step: the last step that was taken.
        status: "converged"; "flat" (the likelihood hardly rises any more, but the steps do not get
            smaller) or "not converged".
        n: how many times the likelihood was evaluated.
    """

    point: Floats
    value: float
    gradient: Floats
    hessian: H
    step: Floats
    status: Literal["converged", "flat", "not converged"]
    n: int


def usable_terms(
    design: Floats, weights: NDArray[Any], names: Sequence[str]
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which columns of a design say something that the ones before them do not.

    A column is left out if it is a constant, or if regressing it on the columns kept before it
    leaves less than 1e-9 of its variance.

    Args:
        design: one row per kind of spell, one column per term.
        weights: how many spells each row stands for.
        names: of the terms.

    Returns:
        For each term whether to keep it, and in words which were left out and why.
    """
    return usable_by_moments(*moments(design, weights), names)


def usable_by_moments(
    mean: Floats, covariance: Floats, names: Sequence[str]
) -> tuple[NDArray[np.bool_], list[str]]:
    """The same from the moments of the design."""
    variance = np.diagonal(covariance)
    constant = variance <= (_NO_SPREAD * np.maximum(np.abs(mean), np.finfo(float).tiny)) ** 2
    scale = np.sqrt(np.where(constant, 1.0, variance))
    correlation = covariance / np.outer(scale, scale)
    keep: list[int] = []
    notes: list[str] = []
    for j, name in enumerate(names):
        if constant[j]:
            notes.append(f"{name!r} is a constant: left out.")
            continue
        share = np.linalg.solve(correlation[np.ix_(keep, keep)], correlation[keep, j])
        if 1 - share @ correlation[keep, j] > _NO_SPREAD:
            keep.append(j)
            continue
        others = ", ".join(repr(names[i]) for i in np.array(keep)[np.abs(share) > 1e-4])
        notes.append(f"{name!r} is a combination of {others}: left out.")
    return np.isin(np.arange(len(names)), keep), notes


def moments(design: Floats, weights: NDArray[Any]) -> tuple[Floats, Floats]:
    """The weighted mean of each column and their covariance, which is exactly 0 for a constant."""
    total = float(weights.sum())
    first = design[0] if design.shape[0] else np.zeros(design.shape[1])
    shift = sum((weights[rows] @ (design[rows] - first) for rows in chunks(design.shape[0])), 0.0)
    mean = first + np.asarray(shift) / total
    covariance = np.zeros((design.shape[1], design.shape[1]))
    for rows in chunks(design.shape[0]):
        centred = design[rows] - mean
        covariance += (centred * weights[rows, None]).T @ centred
    return mean, covariance / total


def chunks(n: int, size: int = CHUNK) -> Iterator[slice]:
    """The rows of a table of n rows, some at a time."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def ascent_step(hessian: Floats, gradient: Floats) -> Floats:
    """Newton's step uphill, also where the likelihood is not concave.

    The Hessian is brought to a unit diagonal, and the absolute values of its eigenvalues are taken,
    none below 1e-13 of the largest.
    """
    scale, values, vectors = _eigen_system(hessian)
    floor = np.maximum(np.abs(values), _LEAST_EIGENVALUE * np.abs(values).max(initial=0.0))
    turned = np.divide(vectors.T @ (gradient / scale), floor, where=floor > 0, out=0 * floor)
    return np.asarray((vectors @ turned) / scale)


def covariance_of_estimates(hessian: Floats) -> Floats:
    """The covariance of the estimates: minus the inverse Hessian; NaN where that is none."""
    scale, values, vectors = _eigen_system(hessian)
    if not values.size or values.min() <= _LEAST_EIGENVALUE * values.max():
        return np.full(hessian.shape, np.nan)
    return np.asarray((vectors / values) @ vectors.T / np.outer(scale, scale))


def maximise(
    evaluate: Callable[[Floats], tuple[float, Floats, H]],
    start: Floats,
    *,
    step: Callable[[H, Floats], Floats] = ascent_step,  # type: ignore[assignment]
    most: int = MOST_PASSES,
    settled: bool = True,
) -> Maximum[H]:
    """The parameters at which a log-likelihood is largest, by Newton's method with step halving.

    It has arrived when a step promises less than 1e-10 (half the gradient times the step: the same
    rule for any number of spells and any unit). That last step is still taken. Near the maximum a
    step of length λ, in standard errors, leaves one of C λ² and moves the second derivatives, and
    with them what errors are made of, by a share of about 2 C λ. So the gains that this step and
    the one before promise tell by their ratio how far derivatives are from those at the end; if it
    is more than 1e-9 they are evaluated there once more.

    Args:
        evaluate: gives value, gradient and Hessian at a point; a value that is not finite means
            that the point is out of bounds.
        start: where to begin; the value there must be finite.
        step: turns Hessian and gradient into a step uphill.
        most: so many evaluations, and no more.
        settled: whether value and derivatives shall be those of the last point; else they are of
            the point before, for those who evaluate there themselves.
    """
    point, n, slow = np.asarray(start, np.float64), 1, 0
    value, gradient, hessian = evaluate(point)
    move, last = np.zeros(point.size), 0.0
    status: Literal["converged", "flat", "not converged"] = "not converged"
    while status == "not converged" and n < most:
        full = step(hessian, gradient)
        promised = float(gradient @ full) / 2
        slow = slow + 1 if promised < _SLOW else 0
        if promised < _CLOSE:
            at_end = Maximum(point + full, value, gradient, hessian, full, "converged", n)
            near = promised <= _SETTLED * last or not settled or n == most
            return at_end if near else _evaluated_at_end(evaluate, at_end)
        found, tried = _first_uphill_step(evaluate, point, value, full, min(most - n, _MOST_HALVES))
        n += tried
        if found is None and promised < _SLOW:
            status = "converged"
        elif slow == 3:
            status = "flat"
        if found is None:
            break
        move = found[0] - point
        point, (value, gradient, hessian) = found
        last = promised
    return Maximum(point, value, gradient, hessian, move, status, n)


def _evaluated_at_end(
    evaluate: Callable[[Floats], tuple[float, Floats, H]], found: Maximum[H]
) -> Maximum[H]:
    """The same with value and derivatives of its point, if that is not out of bounds."""
    value, gradient, hessian = evaluate(found.point)
    n = found.n + 1
    if not np.isfinite(value):
        return replace(found, n=n)
    return replace(found, value=value, gradient=gradient, hessian=hessian, n=n)


def terms_without_bound(
    found: Maximum[Any], spread: Floats, names: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Terms whose coefficient has no bound: they tell ends from the rest without a fault.

    The likelihood rises for ever as such a coefficient grows, by less and less, while Newton's
    steps keep their length: at the end the others hardly move, these still do.

    Args:
        found: where Newton's method ended; its first parameters are those of `names`.
        spread: largest less smallest value of each term, in the unit in which the step multiplies.
        names: of the terms.

    Returns:
        Their names, and a note for each.
    """
    moved = np.abs(found.step[: len(names)]) * spread
    away = [name for name, far in zip(names, moved, strict=True) if far > _STILL_MOVING]
    said = "tells those who left from the rest without a fault: its coefficient has no bound."
    return away, [f"{name!r} {said}" for name in away]


def _first_uphill_step(
    evaluate: Callable[[Floats], tuple[float, Floats, H]],
    point: Floats,
    value: float,
    full: Floats,
    most: int,
) -> tuple[tuple[Floats, tuple[float, Floats, H]] | None, int]:
    """The first of the full step, its half, its quarter, … that does not lead down; None if all."""
    rounding = 1e-12 * max(abs(value), 1.0)
    for tried in range(1, most + 1):
        there = point + full / 2 ** (tried - 1)
        found = evaluate(there)
        if np.isfinite(found[0]) and found[0] >= value - rounding:
            return (there, found), tried
    return None, most


def _eigen_system(hessian: Floats) -> tuple[Floats, Floats, Floats]:
    """The scale of minus the Hessian, and its eigenvalues and vectors at a unit diagonal."""
    diagonal = np.abs(np.diagonal(hessian))
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(-hessian / np.outer(scale, scale))
    return scale, values, vectors
