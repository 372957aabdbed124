"""The figures of all arms beside the control's, with what is known of the customers of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import count_of, warn
from retention.experiments.effects.corrected_effects import (
    TOO_FEW_TO_LOOK,
    Difference,
    difference_with_tests,
    freedom_of_sum,
    relative_columns,
)
from retention.experiments.effects.stratified_curves import estimates_of_pair
from retention.experiments.looks.always_valid import FEWEST_ALWAYS_VALID

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from retention.experiments.effects.compared_arms import Trial
    from retention.experiments.effects.corrected_effects import Reading
    from retention.experiments.effects.followed_customers import Followed
    from retention.experiments.effects.stratified_curves import Of
    from retention.frames import Columns

    Floats = NDArray[np.float64]
    Bounds = Callable[["Side", Floats], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Side:
    """The figures of one side of all comparisons, the further arms or their control.

    Attributes:
        value: the figure.
        variance: of it, the strata being as they are.
        of_mix: what it varies more as other customers would mix the strata otherwise.
        n_known: customers who left by the horizon or were followed to it.
        units: those, or clusters where these were assigned.
        freedom: infinite, or of the clusters.
    """

    value: Floats
    variance: Floats
    of_mix: Floats
    n_known: Floats
    units: Floats
    freedom: Floats


def effect_columns(
    trial: Trial,
    followed: Followed,
    reading: Reading,
    *,
    of: Of,
    horizon: int,
    figure: str,
    bounds: Bounds,
    mature: bool = False,
) -> Columns:
    """All that is found of the arms: counts, figures, differences, tests, reasons.

    Args:
        trial: the assignment.
        followed: its counted customers.
        reading: how differences are read.
        of: the share that stays to the horizon, or the mean of the days within it.
        horizon: in days.
        figure: what the figure of an arm is called.
        bounds: of the figure of a side, so many standard errors away. Those of a difference are
            made of them, but of clusters, which take Student's t as it is.
        mature: whether those alone count who were assigned a horizon ago.
    """
    sides = both_sides(followed, trial, of=of, horizon=horizon, mature=mature)
    counts = counts_of_customers(followed, trial, horizon, mature=mature)
    found = _difference_of_sides(sides, bounds_about if trial.clustered else bounds)
    tests = difference_with_tests(found, trial, reading)
    freedoms = np.array([side.freedom for side in sides])

    def quantiles_of(freedom: Floats) -> Floats:
        return reading.quantiles(replace(found, freedom=freedom), reading.level)

    one, other = ((side.value, np.sqrt(side.variance)) for side in sides)
    relative = relative_columns(
        one, other, lambda parts: quantiles_of(freedom_of_sum(parts, freedoms))
    )
    made = {**counts, **tests, **relative}
    for end, side in zip(("", "_control"), sides, strict=True):
        names = (f"{figure}{end}", f"lower{end}", f"upper{end}")
        alone = replace(side, variance=side.variance + side.of_mix)
        own = bounds(alone, quantiles_of(side.freedom))
        made |= dict(zip(names, (side.value, *own), strict=True))
    lower = made["difference_lower"]
    made["reason"] = reasons_without_bounds(counts, sides, found.difference, lower, reading)
    return made


def bounds_about(side: Side, quantiles: Floats) -> tuple[Floats, Floats]:
    """Bounds of a figure that lie evenly about it."""
    half = quantiles * np.sqrt(side.variance)
    return side.value - half, side.value + half


def _difference_of_sides(sides: tuple[Side, Side], bounds: Bounds) -> Difference:
    """The difference of two figures, bounded by the bounds of both."""
    one, other = sides
    variances = np.array([one.variance, other.variance])

    def bounds_of_both(quantiles: Floats) -> tuple[Floats, Floats]:
        first, second = ((side.value, *bounds(side, quantiles)) for side in sides)
        return intervals.bounds_of_difference(first, second)

    return Difference(
        difference=one.value - other.value,
        error=np.sqrt(one.variance + other.variance),
        n=one.units + other.units,
        freedom=freedom_of_sum(variances, np.array([one.freedom, other.freedom])),
        bounds=bounds_of_both,
    )


def both_sides(
    followed: Followed, trial: Trial, *, of: Of, horizon: int, mature: bool
) -> tuple[Side, Side]:
    """The figures of the further arms, and those of the control beside each.

    Args:
        followed: the counted customers.
        trial: the assignment.
        of: the share that stays to the horizon, or the mean of the days within it.
        horizon: in days.
        mature: whether those alone count who were assigned a horizon ago.
    """
    used = _mature_and_known(followed, horizon) if mature else followed
    ends = np.searchsorted(used.cell, np.arange(trial.n_cells + 1))
    cells = [used.rows(slice(*ends[i : i + 2])) for i in range(trial.n_cells)]
    pairs = [
        estimates_of_pair(
            cells[arm], cells[control], of=of, horizon=horizon, clustered=trial.clustered
        )
        for arm, control in zip(*trial.pairs(), strict=True)
    ]
    names = ("value", "variance", "of_mix", "n_known", "units", "freedom")
    one, other = (
        Side(*(np.array([getattr(pair[side], name) for pair in pairs]) for name in names))
        for side in (0, 1)
    )
    return one, other


def _mature_and_known(followed: Followed, horizon: int) -> Followed:
    """Those assigned a horizon ago; of whom it is not known all the same a warning tells."""
    known = followed.left | (followed.day >= horizon)
    if n := int(followed.n[followed.mature & ~known].sum()):
        said = ("customer was", "customers were")
        warn(
            f"{count_of(n, *said)} assigned early enough and yet not followed to the horizon. They "
            "are left out: say `estimator='kaplan-meier'`, which counts them as long as they were."
        )
    return followed.rows(followed.mature & known)


def counts_of_customers(followed: Followed, trial: Trial, horizon: int, *, mature: bool) -> Columns:
    """What is known of the customers of each arm, and with `_control` of those of the control.

    `n`, `n_mature` (assigned a horizon before the last day seen), `n_churned` (left within the
    horizon; of the mature where these alone count), `n_unknown` (neither left nor followed to it),
    `n_set_aside`.
    """
    known = followed.left | (followed.day >= horizon)
    cells = {
        "n": followed.per_cell(),
        "n_mature": followed.per_cell(followed.mature),
        "n_churned": followed.per_cell(followed.left & (followed.mature | (not mature))),
        "n_unknown": followed.per_cell(~known),
        "n_set_aside": followed.n_set_aside,
    }
    arm, control = trial.pairs()
    mine = {name: values[arm] for name, values in cells.items()}
    return mine | {f"{name}_control": values[control] for name, values in cells.items()}


def reasons_without_bounds(
    counts: Columns, sides: tuple[Side, Side], difference: Floats, lower: Floats, reading: Reading
) -> NDArray[np.object_]:
    """Why a difference or its bounds are not known; None where they are.

    Args:
        counts: of the customers.
        sides: the figures of both arms.
        difference: of them.
        lower: its lower bound.
        reading: how it is to be read.
    """
    unknown, looking = np.isnan(difference), reading.peeking == "always-valid"
    cases = {
        "There is nobody in the arm.": counts["n"] == 0,
        "There is nobody in the control.": counts["n_control"] == 0,
        "Nobody of the arm was assigned a horizon ago.": unknown & (counts["n_mature"] == 0),
        "Nobody of the control was assigned a horizon ago.": unknown
        & (counts["n_mature_control"] == 0),
        "Nobody was followed to the horizon.": unknown,
        TOO_FEW_TO_LOOK: looking & (sides[0].units + sides[1].units < FEWEST_ALWAYS_VALID),
        "The clusters are too few, or all alike.": ~np.isinf(sides[0].freedom + sides[1].freedom),
        "All customers of an arm are alike: they do not tell how much is chance.": True,
    }
    conditions = [np.isnan(lower) & np.broadcast_to(case, lower.shape) for case in cases.values()]
    place = np.select(conditions, range(1, len(cases) + 1), 0)
    return np.asarray(np.array([None, *cases], dtype=object)[place])
