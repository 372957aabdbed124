"""What changes if fewer customers leave: the ways to read "five points more retention"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from retention.economics.value.renewal_chances import (
    kept_with_less_churn,
    saved_kept,
    survivors_kept,
)
from retention.errors import RetentionError, check_choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Lever = Literal["rates", "hazards", "customers", "once", "once_as_survivors"]

LEVERS = ("rates", "hazards", "customers", "once", "once_as_survivors")
OF_MODELS = ("customers", "once")
"""Levers that only a model knows how to pull: they ask how customers differ."""

_ROUNDING = 1e-12


def check_lever(lever: object) -> None:
    """Refuse what is no lever, and above all none.

    Raises:
        RetentionError: with the choices.
    """
    if lever is None:
        raise RetentionError(
            "Five points of what? lever= says: 'rates', 'hazards', 'customers', 'once' or "
            "'once_as_survivors'; they differ by a factor of ten and more."
        )
    check_choice("lever", lever, LEVERS)


class Pull:
    """How far a lever is pulled: by points of the first rate, or by a part of the churn.

    Attributes:
        points: by how much the first retention rate rises; None where the part is said.
        cut: the part of the first churn rate that is gone; None where the points are said.
    """

    def __init__(self, points: float | None, cut: float | None) -> None:
        self.points = points
        self.cut = cut

    def points_of(self, first: float) -> float:
        """By how much the first rate rises."""
        return self.points if self.points is not None else float(self.cut or 0.0) * (1 - first)

    def left_of(self, first: float) -> float:
        """The part of the churn that is left: c = 1 − points / (1 − first rate)."""
        if self.points is None:
            return 1 - float(self.cut or 0.0)
        return max(1 - self.points / (1 - first), 0.0) if self.points else 1.0

    def slopes(self, first: float) -> tuple[float, float]:
        """How the points and the part that is left move with the first rate."""
        if self.points is None:
            return -float(self.cut or 0.0), 0.0
        return 0.0, -self.points / (1 - first) ** 2 if self.points else 0.0


def rates_pulled(lever: str, rates: Floats, pull: Pull) -> Floats:
    """The retention rates of renewals 1, 2, … after the lever is pulled, each 1 at most."""
    points, left = pull.points_of(rates[0]), pull.left_of(rates[0])
    if lever == "rates":
        return np.minimum(rates + points, 1.0)
    pulled = 1 - left * (1 - rates)
    return pulled if lever == "hazards" else np.append(pulled[:1], rates[1:])


def n_capped(lever: str, rates: Floats, pull: Pull) -> int:
    """How many rates cannot rise by all of the points."""
    if lever != "rates":
        return 0
    return int((rates + pull.points_of(rates[0]) > 1 + _ROUNDING).sum())


def kept_in_model(lever: str | None, theta: Floats, renewals: Floats, pull: Pull) -> Floats:
    """Of new customers of a model of renewal, the share kept through so many renewals.

    Args:
        lever: that is pulled; None for none.
        theta: the parameters.
        renewals: whole numbers, ascending.
        pull: how far.
    """
    if lever is None:
        return survivors_kept(theta, 0, renewals)
    steps = np.arange(1.0, max(renewals[-1], 1.0) + 1)
    first = float(survivors_kept(theta, 0, np.ones(1))[0])
    if lever == "customers":
        return kept_with_less_churn(theta, pull.left_of(first), renewals)
    if lever == "once":
        extra = pull.points_of(first) * saved_kept(theta, 1, np.maximum(renewals - 1, 0))
        return survivors_kept(theta, 0, renewals) + np.where(renewals > 0, extra, 0.0)
    pulled = rates_pulled(lever, rates_of_model(theta, steps), pull)
    return np.append(1.0, pulled.cumprod())[renewals.astype(np.int64)]


def rates_of_model(theta: Floats, steps: Floats) -> Floats:
    """The retention rate of each renewal in a model of renewal."""
    return survivors_kept(theta, steps - 1, np.ones(steps.size))
