"""Maximum likelihood for positive parameters, where data often tell less than a model asks for.

The likelihoods of this room have ridges: where nobody seems to leave, or customers hardly differ,
they keep rising as some parameters run to 0 or to infinity. That is an answer about the data and no
failure, so it is said in words, never raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.newton import (
    MOST_PASSES,
    ascent_step,
    covariance_of_estimates,
    maximise,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from retention.numerics.frozen import Status

    Floats = NDArray[np.float64]
    Likelihood = Callable[[Floats], tuple[float, Floats, Floats]]


_LONGEST = 2.0
"""No step changes the log of a parameter by more: there the parabola is no guide."""

_AWAY = 12.0
"""The log of a parameter that has moved farther from its start has run to 0 or to infinity."""

_FARTHEST = 60.0
"""Beyond this distance nothing is evaluated: only rounding errors are left there."""

_STILL_MOVING = 0.01
"""A log-parameter whose last step was longer had not arrived."""

_ALIKE = 1e-6
"""Log-likelihoods that differ by less are the same, and a fit that has converged is preferred."""

_NOTHING = (
    "The likelihood cannot be computed for these data: their numbers are too large or too small. "
    "The parameters are a first guess only."
)


@dataclass(frozen=True, slots=True)
class Found:
    """The parameters at which a likelihood is largest, and how well the data tell them.

    Attributes:
        parameters: on their natural scale, above 0.
        covariance: of the logs of the parameters; NaN where it cannot be told.
        log_likelihood: at the parameters; −∞ where nothing could be evaluated.
        status: "converged"; "boundary" (a parameter runs to 0 or to infinity) or "flat" (the data
            do not tell the parameters apart).
        notes: the reason in words where the status is not "converged".
        limits: 0 or infinity for a parameter that runs there, NaN for the others.
    """

    parameters: Floats
    covariance: Floats
    log_likelihood: float
    status: Status
    notes: tuple[str, ...]
    limits: Floats


def fit_logs(
    evaluate: Likelihood,
    starts: Sequence[Floats],
    names: Sequence[str],
    *,
    thorough: bool = False,
    origin: Floats | None = None,
    most: int = MOST_PASSES,
) -> Found:
    """The best parameters by Newton's method in their logs.

    It has arrived when a step promises to gain less than 1e-10 in the log-likelihood of all
    customers together, so that neither their number nor the unit of time counts. Three steps in a
    row that promise less than 1e-6 without arriving are a ridge: it stops there. The further starts
    are tried while none before them has converged.

    Args:
        evaluate: gives log-likelihood, gradient and Hessian at parameters on their natural scale;
            what is not finite is out of bounds.
        starts: where to begin, the best guess first.
        names: of the parameters.
        thorough: whether every start is tried all the same: wise for few customers, whose
            likelihood may have several peaks.
        origin: the first guess that the starts come from, from which parameters run to a limit;
            each start is its own if it is not said.
        most: evaluations after which a start is given up.
    """
    found: list[Found] = []
    for start in starts:
        begin = np.asarray(start, np.float64)
        first = begin if origin is None else np.asarray(origin, np.float64)
        found.append(_fit_from(evaluate, begin, first, names, most))
        if found[-1].status == "converged" and not thorough:
            break
    best = max(one.log_likelihood for one in found)
    as_good = [one for one in found if one.log_likelihood >= best - _ALIKE] or found
    return next((one for one in as_good if one.status == "converged"), as_good[0])


def _fit_from(
    evaluate: Likelihood, start: Floats, origin: Floats, names: Sequence[str], most: int
) -> Found:
    begin = np.log(start)
    in_logs = _likelihood_of_logs(evaluate, begin)
    none = np.full((start.size, start.size), np.nan)
    if not np.isfinite(in_logs(begin)[0]):
        return Found(start, none, -np.inf, "flat", (_NOTHING,), none[0])
    end = maximise(in_logs, begin, step=_bounded_step, most=most)
    limits = _limits_of_parameters(end.point - np.log(origin))
    moving = np.abs(end.step) > _STILL_MOVING
    covariance = covariance_of_estimates(end.hessian)
    status: Status = "converged"
    notes: tuple[str, ...] = ()
    if end.status != "converged" or moving.any() or np.isnan(covariance).any():
        covariance, status, notes = (
            none,
            "flat",
            (_note_on_untold(_names_where(names, moving) or names),),
        )
        if not np.isnan(limits).all():
            status, notes = "boundary", (_note_on_limits(limits, names),)
    known = limits if status == "boundary" else none[0]
    return Found(np.exp(end.point), covariance, end.value, status, notes, known)


def _likelihood_of_logs(evaluate: Likelihood, begin: Floats) -> Likelihood:
    """The same likelihood of the logs of the parameters; −∞ where it is not finite."""

    def likelihood_there(logs: Floats) -> tuple[float, Floats, Floats]:
        if np.abs(logs - begin).max(initial=0.0) > _FARTHEST:
            return -np.inf, logs, np.diag(logs)
        with np.errstate(all="ignore"):
            theta = np.exp(logs)
            value, gradient, hessian = evaluate(theta)
            slope = theta * gradient
            curve = theta[:, None] * hessian * theta + np.diag(slope)
        usable = np.isfinite(value) and np.isfinite(slope).all() and np.isfinite(curve).all()
        return float(value) if usable else -np.inf, slope, curve

    return likelihood_there


def _bounded_step(hessian: Floats, gradient: Floats) -> Floats:
    full = ascent_step(hessian, gradient)
    return full * min(1.0, _LONGEST / max(float(np.abs(full).max(initial=0.0)), _LONGEST))


def _limits_of_parameters(moved: Floats) -> Floats:
    """Where the parameters run whose logs have moved that far."""
    return np.where(np.abs(moved) > _AWAY, np.where(moved > 0, np.inf, 0.0), np.nan)


def _note_on_limits(limits: Floats, names: Sequence[str]) -> str:
    ways = [
        f"{_list_in_words(some)} run{'s' if len(some) == 1 else ''} to {end}"
        for end, there in (("0", limits == 0), ("infinity", np.isposinf(limits)))
        if (some := _names_where(names, there))
    ]
    return (
        f"The likelihood rises for ever, by less and less, as {_list_in_words(ways)}. Predictions "
        "are those of the limit; there are no standard errors."
    )


def _note_on_untold(names: Sequence[str]) -> str:
    return (
        f"The data do not tell {_list_in_words(names)}: many values fit alike. Predictions are "
        "those of one choice among them; there are no standard errors."
    )


def _names_where(names: Sequence[str], which: NDArray[np.bool_]) -> list[str]:
    return [name for name, yes in zip(names, which, strict=True) if yes]


def _list_in_words(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
