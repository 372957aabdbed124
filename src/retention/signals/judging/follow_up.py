"""What became of alarms that were not all seen to the end: shares, their errors, and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.numerics import step_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Followed:
    """Alarms, and how long after each the customer was seen.

    Attributes:
        after: days from the alarm to the end, or as far as it was seen.
        ended: whether the end was seen.
        customer: of each, as a number.
    """

    after: Whole
    ended: Flags
    customer: Whole

    def share_ended(self, within: int) -> tuple[float, Floats]:
        """1 − Kaplan–Meier after so many days, and what each alarm adds to its error.

        With Y_v the alarms followed for v days or more and D_v those that ended on day v, S is the
        product of 1 − D_v / Y_v, and an alarm adds

            S(t) (1{ended on v ≤ t} / Y_v − Σ_{v ≤ t, after} D_v / Y_v²).

        The share is NaN if none was followed so long, and some were still there when last seen.
        """
        time = np.minimum(self.after, within + 1)
        gone = self.ended & (self.after <= within)
        many = np.bincount(time, minlength=within + 2)
        at_risk = many[::-1].cumsum()[::-1][: within + 1].astype(np.float64)
        ends = np.bincount(time[gone], minlength=within + 1)
        left = step_functions.kaplan_meier(ends, at_risk)[-1]
        known = at_risk[-1] > 0 or left == 0
        counted = np.maximum(at_risk, 1.0)
        passed = np.cumsum(ends / counted**2)[np.minimum(time, within)]
        met = np.where(gone, 1 / counted[np.minimum(time, within)], 0.0)
        return (1 - float(left) if known else np.nan), left * (met - passed)

    def shares(self, least: int, horizon: int, level: float) -> dict[str, float]:
        """The share warned in time with its bounds, the share too late, and the share in vain.

        Alarms of one customer are no trials of their own: the variance is that of sums by customer,
        C/(C−1) Σ_customers (Σ_alarms)². The bounds are Wilson's of so many trials as would have
        that variance; where nothing varies, of the customers who were followed to the horizon.
        """
        within, whole = self.share_ended(horizon)
        late, early = self.share_ended(least - 1)
        share = within - late
        of_each = np.bincount(self.customer, whole - early)[np.unique(self.customer)]
        lower, upper = (np.array([np.nan]),) * 2
        if of_each.size > 1 and not np.isnan(share):
            variance = of_each.size / (of_each.size - 1) * float((of_each**2).sum())
            seen = np.unique(self.customer[self.ended | (self.after >= horizon)]).size
            varies = variance > _ROUNDING and 0 < share < 1
            trials = share * (1 - share) / variance if varies else float(seen)
            lower, upper = intervals.wilson_bounds([share * trials], [trials], level)
        return {
            "precision": share,
            "lower": float(lower[0]),
            "upper": float(upper[0]),
            "late_share": late if not np.isnan(within) else np.nan,
            "false_share": 1 - within,
        }


_ROUNDING = 1e-24


def chance_share(watched: Whole, left: Whole, many: Whole, span: tuple[int, int]) -> float:
    """The share of days at risk that lie from `least` to `horizon` days before an end.

    It is the precision of alarms on days at random, by the same reading of those not seen to the
    end. Of a spell watched for n days one day lies each number of days up to n before its end.

    Args:
        watched: days at risk of spells.
        left: 1 if their end was seen.
        many: how many such spells there are.
        span: the least days, and the most.
    """
    least, horizon = span
    width = max(int(watched.max(initial=0)), horizon) + 2
    as_long = np.bincount(watched, many, width)[::-1].cumsum()[::-1]
    ends = np.bincount(watched[left == 1], many[left == 1], width)[::-1].cumsum()[::-1]
    at_risk = as_long[::-1].cumsum()[::-1]
    ends[0] = 0
    stays = step_functions.kaplan_meier(ends, at_risk)
    known = at_risk[horizon] > 0 or stays[horizon] == 0
    return float(stays[least - 1] - stays[horizon]) if known else np.nan


def chance_of_alarm(days: Floats, rate: float, apart: int) -> Floats:
    """The chance that random alarms ring on one of so many days, at least `apart` days apart.

    Within `apart` days at most one rings, so chances add up: rate · days. Over more days nobody
    rings if none did in the first `apart` of them, and none on each day after, on which who is free
    to ring does with the chance h = rate / (1 − rate · (apart − 1)).
    """
    full = min(1.0, rate * apart)
    if full == 1.0:
        return np.minimum(1.0, rate * days)
    free = rate / (1 - rate * (apart - 1))
    longer = 1 - (1 - full) * np.power(1 - free, np.maximum(days - apart, 0.0))
    return np.where(days <= apart, rate * days, longer)
