"""Rao's score test: do those who meet conditions leave more often than without them is expected?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import warn
from retention.numerics.newton import NOT_ARRIVED, chunks, maximise
from retention.signals.scan.tail_chances import Score, two_sided_chance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.signals.scan.conditions import Cells

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

_NUMBERS = 4_000_000
"""So many numbers of a table of cells and conditions are held at a time."""

_NO_SPREAD = 1e-10
"""Of a matrix at a unit diagonal: directions that have less say nothing of their own."""

_NO_VARIANCE = 1e-6
"""A group whose score keeps less of its variance is told by the model already."""

_SURE = 1e-9
"""Below this variance the model tells who of the group leaves."""

_NORMAL = 100.0
"""From this variance on the normal law tells how likely a score is by chance."""

_FAR = 2.0
"""Nearer to 0, in standard deviations, it does so anyway."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Who is expected to leave, cell by cell, by a model.

    Attributes:
        chance: p̂ of each cell.
        inverse: of the information ZᵀWZ on the model's terms, in the directions that it knows;
            None where there is one term, which all meet.
    """

    chance: Floats
    inverse: Floats | None


@dataclass(frozen=True, slots=True)
class Groups:
    """Customers who meet a condition, or two.

    Attributes:
        first: the condition.
        second: the other, which is the first again where there is none.
        n: how many there are.
        churned: those of them who left.
        expected: how many of them were expected to.
        variance: of the difference of the two, in chance alone; 0 where there is none.
    """

    first: Whole
    second: Whole
    n: Floats
    churned: Floats
    expected: Floats
    variance: Floats

    @property
    def z(self) -> Floats:
        """The difference in its standard deviations; NaN where it has none."""
        known = self.variance > 0
        spread = np.sqrt(np.where(known, self.variance, 1.0))
        return np.where(known, (self.churned - self.expected) / spread, np.nan)


def same_for_all(cells: Cells) -> Expected:
    """Everybody is expected to leave as often as all do."""
    return Expected(np.full(cells.n.size, cells.churn_rate), None)


def main_effects(cells: Cells) -> Expected:
    """A logistic model in which each condition has its effect, whatever the others are.

    There is a term for each condition of each column, so that those of a column sum to 1: what the
    terms cannot tell apart is left as it is, as it changes no chance.
    """
    n_columns, mean = cells.met.shape[1], cells.churn_rate
    level = np.log(mean / (1 - mean)) if 0 < mean < 1 else 0.0
    start = np.full(cells.column.size, level / n_columns)
    found = maximise(
        lambda effects: _log_likelihood_of_effects(cells, effects),
        start,
        step=lambda hessian, gradient: _inverse_where_known(-hessian) @ gradient,
        settled=False,
    )
    if found.status == "not converged":
        warn(f"churn_scan: the model of single conditions: {NOT_ARRIVED}")
    chance = _chances_of_cells(cells, found.point)
    return Expected(chance, _inverse_where_known(_information_of_cells(cells, chance)))


def _log_likelihood_of_effects(cells: Cells, effects: Floats) -> tuple[float, Floats, Floats]:
    predictor = effects[cells.met].sum(axis=1)
    value = cells.churned @ predictor - cells.n @ np.logaddexp(0, predictor)
    chance = _chances_of_cells(cells, effects)
    surplus = cells.churned - cells.n * chance
    gradient = np.zeros(effects.size)
    for met in cells.met.T:
        gradient += np.bincount(met, surplus, effects.size)
    return float(value), gradient, -_information_of_cells(cells, chance)


def _chances_of_cells(cells: Cells, effects: Floats) -> Floats:
    predictor = effects[cells.met].sum(axis=1)
    return np.asarray(np.exp(-np.logaddexp(0, -predictor)))


def _information_of_cells(cells: Cells, chance: Floats) -> Floats:
    return sums_of_those_who_meet(cells, cells.n * chance * (1 - chance))


def sums_of_those_who_meet(cells: Cells, each: Floats) -> Floats:
    """Sums over the cells that meet one condition and another: a row and a column for each."""
    size = cells.column.size
    found = np.zeros((size, size))
    for rows in chunks(each.size, max(1, _NUMBERS // size)):
        met = cells.indicator(rows)
        found += (met * each[rows, None]).T @ met
    return found


def _inverse_where_known(information: Floats) -> Floats:
    """The inverse in the directions in which there is information, 0 in the others."""
    diagonal = np.diagonal(information)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    unit = information / np.outer(scale, scale)
    inverse = np.linalg.pinv(unit, rcond=_NO_SPREAD, hermitian=True)
    return np.asarray(inverse / np.outer(scale, scale))


def groups_of_cells(cells: Cells, model: Expected, *, pairs: bool) -> Groups:
    """Those who meet a condition, or two of different columns, as far as there is anybody."""
    n, churned, expected, own = (
        sums_of_those_who_meet(cells, each)
        for each in (
            cells.n,
            cells.churned,
            cells.n * model.chance,
            cells.n * model.chance * (1 - model.chance),
        )
    )
    first = second = np.flatnonzero(np.diagonal(n) > 0)
    if pairs:
        first, second = np.nonzero((n > 0) & (cells.column[:, None] < cells.column))
    at = (first, second)
    explained = _variance_explained(cells, model, at, own)
    left = own[at] - explained
    variance = np.where((own[at] > _SURE) & (left > _NO_VARIANCE * own[at]), left, 0.0)
    return Groups(first, second, n[at], churned[at], expected[at], variance)


def _variance_explained(
    cells: Cells, model: Expected, at: tuple[Whole, Whole], own: Floats
) -> Floats:
    """What the fit takes of the variance of each group's score: mᵀWZ (ZᵀWZ)⁻¹ ZᵀWm."""
    if model.inverse is None:
        everybody = float((cells.n * model.chance * (1 - model.chance)).sum())
        return own[at] ** 2 / everybody if everybody > 0 else own[at]
    found = np.empty(at[0].size)
    for condition in np.unique(at[0]).tolist():
        mine = np.flatnonzero(at[0] == condition)
        shared = _weight_shared_with_terms(cells, model.chance, condition, at[1][mine])
        found[mine] = ((shared @ model.inverse) * shared).sum(axis=1)
    return found


def p_values_of_groups(cells: Cells, model: Expected, groups: Groups) -> Floats:
    """The chance of so large a difference where there is none, NaN where that cannot be told.

    By the normal law of z, or where few are expected to leave, or to stay, by the saddlepoint.
    """
    z = groups.z
    found = np.where(np.isfinite(z), intervals.p_value(np.nan_to_num(z)), np.nan)
    few = np.flatnonzero((groups.variance < _NORMAL) & (np.abs(z) > _FAR))
    for place in few.tolist():
        score = _score_of_group(cells, model, int(groups.first[place]), int(groups.second[place]))
        surplus = float(groups.churned[place] - groups.expected[place])
        found[place] = two_sided_chance(score, surplus)
    return found


def _score_of_group(cells: Cells, model: Expected, first: int, second: int) -> Score:
    """The score of a group as a sum over cells of what the model has not told."""
    met = ((cells.met == first).any(axis=1) & (cells.met == second).any(axis=1)).astype(np.float64)
    if model.inverse is None:
        total = float(cells.n.sum())
        n = float(cells.n @ met)
        share = n / total
        rate = np.full(2, cells.churn_rate)
        return Score(np.array([n, total - n]), rate, np.array([1 - share, -share]))
    shared = _weight_shared_with_terms(cells, model.chance, first, np.array([second]))
    effects = model.inverse @ shared[0]
    return Score(cells.n, model.chance, met - effects[cells.met].sum(axis=1))


def _weight_shared_with_terms(
    cells: Cells, chance: Floats, condition: int, others: Whole
) -> Floats:
    """ZᵀWm, a row for each pair of a condition and another, a column for each term."""
    size, here = cells.column.size, cells.meeting(condition)
    weight = (cells.n * chance * (1 - chance))[here]
    found = np.zeros((others.size, size))
    for rows in chunks(here.size, max(1, _NUMBERS // size)):
        met = cells.indicator(here[rows])
        found += (met[:, others] * weight[rows, None]).T @ met
    return found
