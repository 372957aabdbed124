"""Differences between arms with their tests: many arms and segments, and looks on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from retention import intervals
from retention.errors import RetentionError, check_choice
from retention.experiments.looks.always_valid import (
    FEWEST_ALWAYS_VALID,
    always_valid_p,
    always_valid_quantile,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from retention.experiments.effects.compared_arms import Trial
    from retention.frames import Columns

    Floats = NDArray[np.float64]

Correction = Literal["holm", "benjamini_hochberg", "none"]
Peeking = Literal["none", "always-valid"]

_DOUBLINGS, _STEPS, _NEAR_0 = 60, 30, 1e-13
_SUREST = 1 - 2.0**-52  # a level nearer to 1 has infinite bounds, for want of digits

TOO_FEW_TO_LOOK = (
    f"Fewer than {FEWEST_ALWAYS_VALID} are known: bounds that hold at every look are not valid yet."
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How differences are to be read.

    Attributes:
        level: confidence of the bounds.
        correction: how p-values are told of the other comparisons.
        peeking: whether the bounds hold at every look.
        tuned_for: if so, at how many customers they are narrowest.
    """

    level: float
    correction: Correction
    peeking: Peeking
    tuned_for: int | None

    def quantiles(self, found: Difference, level: float) -> Floats:
        """Of each comparison, how many standard errors the bounds lie from the middle."""
        from scipy.special import stdtrit  # loaded late: SciPy takes longer to import

        if self.peeking == "always-valid":
            return always_valid_quantile(found.n, tuned_for=self.tuned_for, level=level)
        normal = np.full(found.n.size, intervals.quantile_of(level))
        few = np.isfinite(found.freedom)
        student = stdtrit(np.where(found.freedom >= 1, found.freedom, np.nan), (1 + level) / 2)
        return np.where(few | np.isnan(found.freedom), student, normal)

    def p_values(self, found: Difference, z: Floats) -> Floats:
        """The chance of a difference at least as far from 0, if there were none."""
        from scipy.special import stdtr  # loaded late: SciPy takes longer to import

        if self.peeking == "always-valid":
            return always_valid_p(z, found.n, tuned_for=self.tuned_for, level=self.level)
        few = np.isfinite(found.freedom)
        student = 2 * stdtr(np.where(found.freedom >= 1, found.freedom, np.nan), -np.abs(z))
        return np.where(few | np.isnan(found.freedom), student, intervals.p_value(z))


def reading_of(
    *, level: float, correction: Correction, peeking: Peeking, tuned_for: int | None
) -> Reading:
    """How a user wants differences read.

    Raises:
        RetentionError: if one is none of what it may be, or `tuned_for` goes without looks.
    """
    intervals.quantile_of(level)
    check_choice("correction", correction, ("holm", "benjamini_hochberg", "none"))
    check_choice("peeking", peeking, ("none", "always-valid"))
    if peeking == "always-valid":
        always_valid_quantile([], tuned_for=tuned_for, level=level)
    elif tuned_for is not None:
        raise RetentionError(
            "`tuned_for` is of bounds that hold at every look: say `peeking='always-valid'` too."
        )
    return Reading(level, correction, peeking, tuned_for)


@dataclass(frozen=True, slots=True)
class Difference:
    """What each comparison found, NaN where it is not known: arrays in the order of a trial's.

    Attributes:
        difference: further arm less control.
        error: its standard error.
        n: customers (or clusters) on which it rests, of both arms.
        freedom: degrees of freedom of Student's t, infinite for the normal law, NaN for no bounds.
        bounds: lower and upper bounds that lie so many standard errors from the middle.
    """

    difference: Floats
    error: Floats
    n: Floats
    freedom: Floats
    bounds: Callable[[Floats], tuple[Floats, Floats]]


def difference_with_tests(found: Difference, trial: Trial, reading: Reading) -> Columns:
    """The columns of a difference, from `difference` to `sample_ratio_p`.

    `difference`, `difference_lower`, `difference_upper`, `standard_error`, `z`, `p_value`,
    `p_adjusted` (over all comparisons), `lower_all` and `upper_all` (which hold all at once, by
    Bonferroni: each at 1 − (1 − level)/m of m comparisons), `p_interaction` (Cochran's Q of an arm
    over segments) and `sample_ratio_p`.
    """
    z = quantiles_to_0(found)
    p = reading.p_values(found, z)
    level_all = 1 - (1 - reading.level) / max(int(np.isfinite(found.difference).sum()), 1)
    level_all = min(level_all, _SUREST)
    lower, upper = found.bounds(reading.quantiles(found, reading.level))
    lower_all, upper_all = found.bounds(reading.quantiles(found, level_all))
    further = len(trial.arms) - 1
    return {
        "difference": found.difference,
        "difference_lower": lower,
        "difference_upper": upper,
        "standard_error": found.error,
        "z": z,
        "p_value": p,
        "p_adjusted": _adjusted(p, reading.correction),
        "lower_all": lower_all,
        "upper_all": upper_all,
        "p_interaction": p_of_interaction(found, further),
        "sample_ratio_p": np.repeat(trial.sample_ratio_p, further),
    }


def quantiles_to_0(found: Difference) -> Floats:
    """How many standard errors away the bounds just reach 0, with the sign of the difference.

    That is difference / error where the bounds lie evenly about the difference; where they do not,
    a test by it agrees with the bounds. Found by regula falsi (Illinois).
    """
    sign = np.sign(found.difference)

    def distance(quantiles: Floats) -> Floats:
        lower, upper = found.bounds(quantiles)
        return np.where(sign > 0, lower, -upper)

    known = found.error > 0
    start = np.divide(np.abs(found.difference), found.error, out=np.zeros(sign.size), where=known)
    near, far = np.zeros(sign.size), np.maximum(start, 1e-9)
    for _ in range(_DOUBLINGS):
        short = distance(far) > 0
        if not short.any():
            break
        near, far = np.where(short, far, near), np.where(short, 2 * far, far)
    root = _root_between(distance, near, far)
    return np.where(known & (sign != 0), sign * root, np.where(known, found.difference, np.nan))


def _root_between(
    distance: Callable[[Floats], Floats], near: Floats, far: Floats
) -> NDArray[np.float64]:
    """Where a falling function, above 0 at `near` and not at `far`, is 0."""
    above, below = distance(near), distance(far)
    root, moved = far, np.zeros(near.size)
    for _ in range(_STEPS):
        width = above - below
        share = np.divide(above, width, out=np.ones(near.size), where=width > 0)
        root = near + share * (far - near)
        here = distance(root)
        if not (np.abs(here) > _NEAR_0).any():
            break
        short = here > 0
        # An end that stays twice is given half its weight, or the other would creep.
        above = np.where(short, here, np.where(moved < 0, above / 2, above))
        below = np.where(short, np.where(moved > 0, below / 2, below), here)
        moved = np.where(short, 1, -1)
        near, far = np.where(short, root, near), np.where(short, far, root)
    return root


def _adjusted(p: Floats, correction: Correction) -> Floats:
    return p if correction == "none" else intervals.adjusted_p(p, correction)


def p_of_interaction(found: Difference, further: int) -> Floats:
    """Whether an arm does the same in all segments: Cochran's Q, the same for all of them.

    Q = Σ (d − d̄)²/se², d̄ the mean weighted by 1/se², is chi-squared on one degree of freedom less
    than there are segments; NaN where one segment alone is known.

    Args:
        found: the differences.
        further: how many arms there are beside the control.

    Source:
        Cochran, W. G. (1954), The combination of estimates from different experiments, Biometrics
        10, 101–129.
    """
    from scipy.special import chdtrc  # loaded late: SciPy takes longer to import than all else

    difference, error = (a.reshape(-1, further) for a in (found.difference, found.error))
    known = np.isfinite(difference) & (error > 0)
    weight = np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    middle = np.where(known, difference, 0.0)
    total, n = weight.sum(axis=0), known.sum(axis=0)
    mean = (weight * middle).sum(axis=0) / np.where(total > 0, total, 1.0)
    q = (weight * (middle - mean) ** 2).sum(axis=0)
    p = np.where(n > 1, chdtrc(np.maximum(n - 1, 1), q), np.nan)
    return np.asarray(np.tile(p, difference.shape[0]))


def freedom_of_sum(variances: Floats, freedom: Floats) -> Floats:
    """Degrees of freedom of sums of variances along the first axis: (Σ V)² / Σ V²/f.

    That of a difference is near that of the part that varies most, not the sum of both. NaN where a
    part is not known, or rests on nothing.

    Args:
        variances: what is summed.
        freedom: degrees of freedom of each, infinite where they are known.

    Source:
        Satterthwaite, F. E. (1946), An approximate distribution of estimates of variance
        components, Biometrics Bulletin 2, 110–114.

    Example:
        >>> print(freedom_of_sum(np.array([3.0, 1.0]), np.array([9.0, 29.0])).round(3))
        15.467
    """
    used = ~(variances <= 0)
    known = ~(used & ~(freedom > 0)).any(axis=0) & used.any(axis=0)
    parts = np.where(used, variances, 0.0)
    most = np.where(known, parts.max(axis=0), 1.0)
    share = parts / np.where(most > 0, most, 1.0)
    below = (share**2 / np.where(used & (freedom > 0), freedom, 1.0)).sum(axis=0)
    above = share.sum(axis=0) ** 2
    made = np.divide(above, below, out=np.full(np.shape(above), np.inf), where=below > 0)
    return np.where(known & ~np.isnan(above), made, np.nan)


def relative_columns(
    first: tuple[Floats, Floats],
    control: tuple[Floats, Floats],
    quantiles: Callable[[Floats], Floats],
) -> Columns:
    """`relative` = first / control − 1 with its bounds, from the normal law of the log ratio.

    Args:
        first: the figure of the further arms, and its standard error.
        control: the same of the control.
        quantiles: how many standard errors the bounds lie from the middle, where the variance is
            the sum of two, the rows of what is given.
    """
    (value, error), (other, spread) = first, control
    known = (value > 0) & (other > 0)
    ratio = np.divide(value, other, out=np.full(value.size, np.nan), where=known)
    parts = [
        np.divide(e, v, out=np.full(v.size, np.nan), where=known)
        for v, e in ((value, error), (other, spread))
    ]
    width = quantiles(np.square(parts)) * np.hypot(*parts)
    return {
        "relative": ratio - 1,
        "relative_lower": ratio * np.exp(-width) - 1,
        "relative_upper": ratio * np.exp(width) - 1,
    }
