"""The chance to renew, period by period: as it was counted, and as two models have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.errors import ContentError
from retention.frames import as_lazy
from retention.numerics.log_beta import (
    digamma_step,
    log_mean_kept,
    mixed_difference,
    trigamma,
    trigamma_step,
)
from retention.survival.counts.histories import read_spells

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]
    Derived = tuple[Floats, Floats, Floats]
    Curve = Callable[[Floats, Floats], Derived]

_FARTHEST = 300.0
"""The log of the largest t^c: the squares of larger ones cannot be held."""

LONGEST = 100_000
"""Periods that a spell may last: more are no renewals."""


@dataclass(frozen=True, slots=True)
class Renewals:
    """How many came to the end of each period under observation, and how many left there.

    Attributes:
        n_at_risk: one per period, from the first on.
        n_churned: of these, those who did not renew.
        n: how many spells have each of the different histories.
    """

    n_at_risk: Counts
    n_churned: Counts
    n: Counts


def read_renewals(spells: object) -> Renewals:
    """Spells in whole periods, counted period by period.

    A spell that came under observation late counts from its entry on: it is compared only with
    those who got so far.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is none, or a duration or an entry is no whole number of periods.
        RetentionError: if the spells know the future (reactivation "same_spell").
    """
    columns = as_lazy(spells, name="spells", by_row=True).collect_schema()
    if "grace" in columns and "length" not in columns:
        raise ContentError(
            "spells: contract_spells counts days, and contracts are not renewed every day. Say "
            "renewal_periods(spells, length='month'), or however long a contract runs."
        )
    found = read_spells(spells, collapse=True)
    duration, weights = found.duration.astype(np.float64), found.weights
    entry = np.zeros(duration.size) if found.entry is None else np.maximum(found.entry, 0.0)
    _refuse_parts_of_periods(duration, entry, found.churned, weights)
    length = max(int(duration.max()), 1) + 1
    entered, gone = (_spells_by_period(times, weights, length) for times in (entry, duration))
    left = _spells_by_period(duration[found.churned], weights[found.churned], length)
    at_risk = (entered - gone).cumsum()[:-1]
    if not at_risk.any():
        raise ContentError(
            "spells: none came to the end of a period under observation, so nothing is known of "
            "renewal yet."
        )
    return Renewals(at_risk, left[1:], weights)


def log_likelihood(curve: Curve, counted: Renewals, theta: Floats) -> tuple[float, Floats, Floats]:
    """Σ over periods of n_churned · log(1 − r) + (n_at_risk − n_churned) · log r.

    With its gradient and Hessian in the parameters. Since everyone counts in those periods only
    in which they were watched, this is the likelihood given survival to each entry.
    """
    there = np.flatnonzero(counted.n_at_risk)
    left = counted.n_churned[there].astype(np.float64)
    kept = counted.n_at_risk[there].astype(np.float64) - left
    log_r, first, second = curve(theta, there.astype(np.float64) + 1)
    some = left > 0
    d = log_r[some]
    value = kept @ log_r + left[some] @ np.log(-np.expm1(d))
    slope, bend = kept.copy(), np.zeros(kept.size)
    slope[some] -= left[some] / np.expm1(-d)
    bend[some] = -left[some] * np.exp(d) / np.expm1(d) ** 2
    hessian = np.einsum("t,ti,tj->ij", bend, first, first) + np.tensordot(slope, second, 1)
    return float(value), slope @ first, hessian


def beta_geometric(theta: Floats, period: Floats) -> Derived:
    """The log of (b + t − 1) / (a + b + t − 1), its gradient and Hessian in a and b."""
    z = theta[1] + period - 1
    one, both = 1 / z, 1 / (theta[0] + z)
    square, mixed = both**2, (both - one) * (both + one)
    gradient = np.stack([-both, theta[0] * one * both], axis=-1)
    hessian = np.stack([square, square, square, mixed], axis=-1).reshape(-1, 2, 2)
    return -np.log1p(theta[0] * one), gradient, hessian


def discrete_weibull(theta: Floats, period: Floats) -> Derived:
    """The log of B(a, b + t^c) / B(a, b + (t−1)^c), its gradient and Hessian in a, b and c."""
    a, b, c = theta
    ratio = np.log1p(1 / np.maximum(period - 1, 1))
    later = period > 1
    before = np.where(later, _power(np.maximum(period - 1, 1), c), 0.0)
    longer = np.where(later, before * np.expm1(np.minimum(c * ratio, _FARTHEST)), 1.0)
    in_a = -digamma_step(a + b + before, longer)
    in_aa = -trigamma_step(a + b + before, longer)
    in_b = -mixed_difference(digamma_step, b + before, a, longer)
    in_bb = -mixed_difference(trigamma_step, b + before, a, longer)
    ends = _derivatives_in_end(theta, _power(period, c), np.log(period))
    begins = _derivatives_in_end(theta, before, np.log(np.maximum(period - 1, 1)))
    in_c, in_ac, in_bc, in_cc = ends - begins
    rows = [in_aa, in_aa, in_ac, in_aa, in_bb, in_bc, in_ac, in_bc, in_cc]
    gradient = np.stack([in_a, in_b, in_c], axis=-1)
    return log_mean_kept(a, b + before, longer), gradient, np.stack(rows, axis=-1).reshape(-1, 3, 3)


def _power(t: Floats, c: float) -> Floats:
    """t^c, as far as numbers reach."""
    return np.asarray(np.exp(np.minimum(c * np.log(t), _FARTHEST)))


def _derivatives_in_end(theta: Floats, s: Floats, log_t: Floats) -> Floats:
    """The derivatives of log B(a, b + t^c) in c, a and c, b and c, c twice; s is t^c."""
    a, b, _ = theta
    first, second = s * log_t, s * log_t**2
    slope, bend = -digamma_step(b + s, a), -trigamma_step(b + s, a)
    in_cc = bend * first**2 + slope * second
    return np.stack([slope * first, -trigamma(a + b + s) * first, bend * first, in_cc])


def _spells_by_period(times: Floats, weights: Counts, length: int) -> Counts:
    """How many spells there are at each whole number of periods, from 0 on."""
    found = np.zeros(length, np.int64)
    np.add.at(found, times.astype(np.int64), weights)
    return found


def _refuse_parts_of_periods(
    duration: Floats, entry: Floats, churned: NDArray[np.bool_], weights: Counts
) -> None:
    """Refuse spells that are not in whole periods, in one message."""
    problems = {
        "last no whole number of periods": duration % 1 != 0,
        "have an entry that is no whole number of periods": entry % 1 != 0,
        "end before a first period is over (duration 0)": churned & (duration == 0),
        f"last more than {LONGEST:,} periods": duration > LONGEST,
    }
    said = [f"{int(weights[bad].sum()):,} {what}" for what, bad in problems.items() if bad.any()]
    if said:
        first = duration[np.logical_or.reduce(list(problems.values()))][0]
        raise ContentError(
            f"spells: {'; '.join(said)}; the first lasts {first:g}. Durations are whole numbers of "
            "contract periods, 1 for who leaves at the first renewal: renewal_periods(...) makes "
            "them of spells in days."
        )
