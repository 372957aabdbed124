"""What can be seen of trouble, and what looks the same and means nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.samples.wholesale.shop_lives import first_day_out
from retention.samples.wholesale.shops import random_moments
from retention.samples.wholesale.wholesale_world import (
    HARMLESS_A_YEAR,
    HARMLESS_DAYS,
    SIGN_CHANCE,
    SIGN_DELAY,
)
from retention.samples.world import (
    DAYS_A_YEAR,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    Whole,
    names,
    weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.wholesale.shop_lives import Troubles
    from retention.samples.wholesale.shops import Shops

_ROOM = 23
SIGNS = tuple(SIGN_CHANCE)


@dataclass(frozen=True, eq=False)
class Signs:
    """Arrays of one length, one place a sign, in the order in which they began.

    `kind` is the place in `SIGNS`, `over` the moment at which it ended, `trouble` the place of the
    time of trouble that it tells of, -1 where it is harmless.
    """

    who: NDArray[np.int32]
    kind: NDArray[np.int8]
    began: Floats
    over: Floats
    trouble: NDArray[np.int64]

    def of_kind(self, sign: str) -> Signs:
        """Those of one kind."""
        rows = self.kind == SIGNS.index(sign)
        return Signs(**{name: column[rows] for name, column in vars(self).items()})

    def showing(self, sign: str, who: Whole, at: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether these customers give the sign at these moments.

        Of a customer's signs as many are on as have begun less those that are over; in one sorted
        line of (customer, moment) all earlier customers' have both begun and ended.
        """
        these = self.of_kind(sign)
        some = np.flatnonzero(np.isin(who, these.who))  # nobody else gives it at any time
        apart = float(max(these.over.max(initial=0.0), np.max(at, initial=0.0)) + 1)
        asked = who[some] * apart + at[some]
        begun, over = (
            np.searchsorted(np.sort(these.who * apart + moment), asked, side="right")
            for moment in (these.began, these.over)
        )
        on = np.zeros(len(who), dtype=np.bool_)
        on[some] = begun > over
        return on


def draw_signs(shops: Shops, troubles: Troubles, window: SimulatedDays) -> Signs:
    """The signs of trouble and the harmless ones together, in the order of time."""
    rng = window.stream(_ROOM)
    true, harmless = _signs_of_trouble(rng, troubles), _harmless_signs(rng, shops)
    both = {
        name: np.concatenate([getattr(true, name), getattr(harmless, name)]) for name in vars(true)
    }
    in_time = np.argsort(both["began"], kind="stable")
    return Signs(**{name: column[in_time] for name, column in both.items()})


def _signs_of_trouble(rng: np.random.Generator, troubles: Troubles) -> Signs:
    """Each with its chance, after its delay, if trouble lasts so long."""
    began = troubles.began[:, None] + weights(SIGN_DELAY)
    drawn = rng.random(began.shape) < weights(SIGN_CHANCE)
    trouble, kind = np.nonzero(drawn & (began < troubles.over[:, None]))
    return Signs(
        who=troubles.who[trouble],
        kind=kind.astype(np.int8),
        began=began[trouble, kind],
        over=troubles.over[trouble],
        trouble=trouble.astype(np.int64),
    )


def _harmless_signs(rng: np.random.Generator, shops: Shops) -> Signs:
    """They come to anybody, well or in trouble, and end at the latest when the customer leaves."""
    drawn = [random_moments(rng, shops, each / DAYS_A_YEAR) for each in HARMLESS_A_YEAR.values()]
    who = np.concatenate([moments.who for moments in drawn])
    began = np.concatenate([moments.at for moments in drawn])
    lasts = rng.exponential(HARMLESS_DAYS, len(who))
    return Signs(
        who=who,
        kind=np.repeat(np.arange(len(drawn), dtype=np.int8), [len(m.who) for m in drawn]),
        began=began,
        over=np.minimum(began + lasts, shops.gone[who]),
        trouble=np.full(len(who), -1, dtype=np.int64),
    )


def signs_table(shops: Shops, signs: Signs, window: SimulatedDays) -> Columns:
    """Each sign, and whether it tells of trouble, as nobody sees it."""
    return {
        "customer_id": shops.id_of(signs.who),
        "sign": Text(signs.kind, names(SIGN_CHANCE)),
        "start": window.date(signs.began.astype(np.int64)),
        "end": first_day_out(signs.over, window),
        "troubled": signs.trouble >= 0,
    }
