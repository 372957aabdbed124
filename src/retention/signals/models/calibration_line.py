"""Whether chances are too bold or too high: the logistic line through them and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.newton import maximise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


def calibration_line(chance: Floats, lost: Flags) -> tuple[float, float]:
    """The slope of the line on the scale of log odds, and the intercept where the slope is 1.

    NaN where a chance is 0 or 1, whose log odds are infinite, where one class alone is there, and
    for the slope where it has no bound: the chances are all alike, or tell the classes apart
    without a fault.

    Args:
        chance: of a loss, as it was predicted.
        lost: whether it came.
    """
    if not (lost.any() and not lost.all()) or chance.min() <= 0 or chance.max() >= 1:
        return np.nan, np.nan
    odds = np.log(chance) - np.log1p(-chance)
    ones = np.ones((odds.size, 1))
    intercept = _logistic_estimates(ones, odds, lost)[0]
    apart = odds[lost].min() > odds[~lost].max() or odds[lost].max() < odds[~lost].min()
    if apart or odds.min() == odds.max():
        return np.nan, intercept
    design = np.column_stack([odds, ones])
    return _logistic_estimates(design, np.zeros(odds.size), lost)[0], intercept


def _logistic_estimates(design: Floats, offset: Floats, lost: Flags) -> list[float]:
    """Coefficients of a logistic regression; NaN if they cannot be found."""

    def terms(point: Floats) -> tuple[float, Floats, Floats]:
        line = design @ point + offset
        p = 0.5 * (1 + np.tanh(line / 2))
        value = float((line[lost]).sum() - np.logaddexp(0, line).sum())
        return value, design.T @ (lost - p), -(design.T * (p * (1 - p))) @ design

    found = maximise(terms, np.zeros(design.shape[1]), settled=False)
    if found.status == "not converged":
        return [np.nan] * design.shape[1]
    return [float(each) for each in found.point]
