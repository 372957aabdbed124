"""Why a customer is counted in one churn rate and not, or otherwise, in another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.kpis.churn.churned_customers import PARTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONLY = ("only in a: customer not there in b", "only in b: customer not there in a")
_MOVED = "there in one, joined in the other"
_NOT_DUE = "not up for renewal"

ABOVE = (
    "counted alike",
    *_ONLY,
    "cancelled in a only",
    "cancelled in b only",
    _MOVED,
    "returned before the close",
    "joined and cancelled in the period",
    _NOT_DUE,
    "left on another day than the renewal",
    "a spell of no days",
    "ended more than once",
)
"""What those who count above the line, the churned, can have to do with a difference."""

BELOW = (
    "at risk alike",
    *_ONLY,
    _MOVED,
    "joined: in the denominator",
    _NOT_DUE,
    "time under observation instead of heads",
    "under observation for another time",
)
"""What those who count below the line can."""

MORE_THAN_ONCE = ABOVE.index("ended more than once")

_STAYED, _LEFT, _BACK = range(3)
_NOBODY, _THERE, _JOINED, _NO_DAYS = range(4)
_STANDING = np.array([_NOBODY, *[_THERE] * 3, *[_JOINED] * 3, _NO_DAYS])
_FATE = np.array([_LEFT, *[_STAYED, _LEFT, _BACK] * 2, _LEFT])

_LOOKED_AT = {
    "start_cohort": PARTS[:3],
    "endpoint": PARTS[:3],
    "all_cancellations": (*PARTS[:3], *PARTS[4:6]),
    "active_and_new": PARTS[:6],
    "exposure": PARTS,
    "renewals_due": (),
}
"""Who has a row under a convention for certain: of renewals only who was due has one."""


@dataclass(frozen=True, slots=True)
class Side:
    """Customers as one of the two tables has them.

    Attributes:
        convention: how the table counts.
        part: what each did: the place in `PARTS`, from 1 on; 0 without a row.
        n_churned: how often each counts above the line.
        counts_below: whether each counts below the line at all.
        only: the place in `_ONLY` of customers who are in this table alone.
    """

    convention: str
    part: NDArray[np.int64]
    n_churned: NDArray[np.int64]
    counts_below: NDArray[np.bool_]
    only: int

    @property
    def lacks(self) -> NDArray[np.bool_]:
        """Who has no row."""
        without: NDArray[np.bool_] = self.part == 0
        return without

    def looks_at(self, part: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of parts, whether customers who did that would have a row here."""
        known = [False, *(name in _LOOKED_AT[self.convention] for name in PARTS)]
        return np.array(known)[part]


def items_above_line(a: Side, b: Side) -> NDArray[np.int64]:
    """The place in `ABOVE` of those who churned in a table or both, −1 for others.

    Ends beyond a customer's first one have an item of their own and are not looked at here.
    """
    in_a, in_b = a.n_churned > 0, b.n_churned > 0
    items = np.where(in_a & in_b, ABOVE.index("counted alike"), -1)
    items = np.where(in_a & ~in_b, _reasons_not_churned(b, a), items)
    return np.where(in_b & ~in_a, _reasons_not_churned(a, b), items)


def items_below_line(a: Side, b: Side, same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place in `BELOW` of those at risk in a table or both, −1 for others.

    Args:
        a: the one table.
        b: the other.
        same: who is at risk as much in the one as in the other.
    """
    in_a, in_b = a.counts_below, b.counts_below
    both = np.select(
        [same, _STANDING[a.part] != _STANDING[b.part]],
        [BELOW.index("at risk alike"), BELOW.index(_MOVED)],
        BELOW.index("time under observation instead of heads")
        if a.convention != b.convention
        else BELOW.index("under observation for another time"),
    )
    items = np.where(in_a & in_b, both, -1)
    items = np.where(in_a & ~in_b, _reasons_not_at_risk(b, a), items)
    return np.where(in_b & ~in_a, _reasons_not_at_risk(a, b), items)


def _reasons_not_churned(side: Side, other: Side) -> NDArray[np.int64]:
    """Why customers churned in the other table do not count above the line of this one."""
    standing, fate = _STANDING[side.part], _FATE[side.part]
    by_renewal = side.convention == "renewals_due"
    returned = (side.convention == "endpoint") & (fate == _BACK)
    reasons = [
        (side.lacks & side.looks_at(other.part), _ONLY[other.only]),
        (side.lacks & by_renewal, _NOT_DUE),
        (side.lacks & (_STANDING[other.part] == _JOINED), "joined and cancelled in the period"),
        (side.lacks, "a spell of no days"),
        (standing != _STANDING[other.part], _MOVED),
        (fate == _STAYED, ("cancelled in a only", "cancelled in b only")[other.only]),
        (~side.lacks & by_renewal, "left on another day than the renewal"),
        (returned, "returned before the close"),
    ]
    return np.select(
        [holds for holds, _ in reasons], [ABOVE.index(item) for _, item in reasons], -1
    )


def _reasons_not_at_risk(side: Side, other: Side) -> NDArray[np.int64]:
    """Why customers at risk in the other table do not count below the line of this one."""
    joined = _STANDING[other.part] == _JOINED
    reasons = [
        (side.lacks & side.looks_at(other.part), _ONLY[other.only]),
        (side.lacks & (side.convention == "renewals_due"), _NOT_DUE),
        (~side.lacks & (_STANDING[side.part] != _STANDING[other.part]), _MOVED),
        (joined, "joined: in the denominator"),
    ]
    return np.select(
        [holds for holds, _ in reasons], [BELOW.index(item) for _, item in reasons], -1
    )
