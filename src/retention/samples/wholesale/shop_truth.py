"""What no real wholesaler knows of a customer: trouble, its signs, leaving, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.samples.wholesale.shop_lives import first_day_out
from retention.samples.wholesale.shop_signs import SIGNS
from retention.samples.wholesale.wholesale_world import OTHER_REASONS, UNHAPPY_REASONS
from retention.samples.world import REASONS, Columns, SimulatedDays, Text, names, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from retention.samples.wholesale.shop_lives import Troubles
    from retention.samples.wholesale.shop_signs import Signs
    from retention.samples.wholesale.shops import Shops

_ROOM = 32


def shop_truth_table(
    shops: Shops, troubles: Troubles, signs: Signs, window: SimulatedDays
) -> Columns:
    """One row per customer."""
    now = np.isnat(first_day_out(troubles.over, window)) | troubles.fatal
    who = troubles.who[now]
    troubled_on = np.full(len(shops), np.datetime64("NaT", "us"))
    troubled_on[who] = window.date(troubles.began[now].astype(np.int64))
    left_on = first_day_out(shops.gone, window)
    given = _signs_given(len(shops), signs, np.append(now, False)[signs.trouble])
    return {
        "customer_id": shops.id_of(np.arange(len(shops))),
        "first_order": window.date(shops.joined.astype(np.int64)),
        "left": ~np.isnat(left_on),
        "left_on": left_on,
        "reason": _reasons(window, given, ~np.isnat(left_on)),
        "troubled_on": troubled_on,
        **given,
        "n_recovered": np.bincount(troubles.who[~now], minlength=len(shops)),
        **{
            f"{sign}_anyway": seen
            for sign, seen in _signs_given(len(shops), signs, signs.trouble < 0).items()
        },
        "orders_per_year": shops.rate,
        "size": shops.size,
    }


def _signs_given(
    n_customers: int, signs: Signs, rows: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """Whether each customer gives each sign, of these signs."""
    given = np.zeros((len(SIGNS), n_customers), dtype=np.bool_)
    given[signs.kind[rows], signs.who[rows]] = True
    return dict(zip(SIGNS, given, strict=True))


def _reasons(
    window: SimulatedDays, given: Mapping[str, NDArray[np.bool_]], left: NDArray[np.bool_]
) -> Text:
    """Of need where the store closed, else the service where they were unhappy, else another."""
    rng = window.stream(_ROOM)
    other, service = (_reason_drawn(rng, s, left.size) for s in (OTHER_REASONS, UNHAPPY_REASONS))
    reason = np.where(given["unhappy"], service, other)
    reason[given["store_closes"]] = REASONS.index("involuntary_switching")
    return Text(np.where(left, reason, -1), np.array(REASONS))


def _reason_drawn(
    rng: np.random.Generator, shares: Mapping[str, float], size: int
) -> NDArray[np.integer[Any]]:
    """So many draws, as places in `REASONS`."""
    place = np.array([REASONS.index(name) for name in names(shares)])
    return place[pick(rng, shares, size)]
