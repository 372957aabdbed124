"""The most that an offer by a ranking can bring, and how long the list must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import warn
from retention.frames import table_like
from retention.tables.answer_columns import amounts, gives, numbers, shares, texts, whole_numbers
from retention.targeting.holdouts.profit_curve import fates_in_lists
from retention.targeting.holdouts.ranked_holdout import (
    Asked,
    best_list,
    checked_seed,
    chosen_threshold,
    profit_bounds,
    ranked_holdout,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.targeting.offers.offer import Offer

_SAME, _OTHER = "the same customers", "other customers"
_OPTIMISM = (
    "maximum_profit: the list is chosen and judged on the same customers, so the profit is "
    "overstated. Say `chosen_on=` with customers on whom to choose it."
)


@gives(
    "ranking",
    shares("share"),
    whole_numbers("n_offered"),
    numbers("threshold", unit="as the rank"),
    whole_numbers("n_customers", "n_churned", "n_still", "n_unknown"),
    amounts("profit_per_customer", "lower", "upper"),
    amounts("profit_everyone", "profit_nobody", "profit_random"),
    shares("success_assumed"),
    texts("chosen_on", "reason"),
)
def maximum_profit(  # noqa: PLR0913 - money has no defaults, and the words are those of the scores
    scored: IntoFrameT,
    *,
    offer: Offer,
    rank: str = "risk",
    value: float | str,
    time: float,
    landmark: float | None = None,
    censoring: object | None = None,
    censoring_by: str | Sequence[str] = (),
    level: float = 0.95,
    seed: int | None = None,
    chosen_on: object | None = None,
) -> IntoFrameT:
    """The most that an offer by this ranking brings, and to what share of customers to make it.

        maximum profit = max over the length q of the list of P(q)        (see `profit_curve`)

    The criterion MPC of the literature. A list that is chosen and judged on the same customers
    promises too much: where an offer hardly pays, the best list of 500, 2,000 and 10,000 customers
    promises .092, .036 and .013 a customer and earns −.058, −.016 and −.004 on others. Hence a
    warning, unless `chosen_on` has other customers.

    Args:
        scored: as in `profit_curve`.
        offer: as in `profit_curve`.
        rank: as in `profit_curve`.
        value: as in `profit_curve`.
        time: as in `profit_curve`.
        landmark: as in `profit_curve`.
        censoring: as in `profit_curve`.
        censoring_by: as in `profit_curve`.
        level: confidence of the bounds.
        seed: of the redraws for the bounds; None for no bounds.
        chosen_on: a table like `scored`, of other customers, on whom the list is chosen; its
            threshold is then judged on `scored`.

    Returns:
        One row, in the caller's kind: `share`, `n_offered`, `threshold` (the lowest rank in the
        list; null if nobody is), `n_customers`, `n_churned`, `n_still`, `n_unknown` (of all, not of
        the list), `profit_per_customer` (currency for each of n_customers), `lower`, `upper` (as in
        `profit_curve`, at that threshold; they do not know that it was chosen), `profit_everyone`,
        `profit_nobody` (0), `profit_random` (a list of that length by lot), `success_assumed`,
        `chosen_on` ("the same customers" or "other customers"), `reason` (why the profits are null;
        else null).

    Raises:
        as `profit_curve`.

    Example:
        Eight customers, of whom four left; but for the safest all of them get the offer.

        >>> import warnings
        >>> import pandas as pd
        >>> import retention as rt
        >>> offer = rt.targeting.Offer(
        ...     making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0
        ... )
        >>> scored = pd.DataFrame({
        ...     "duration": [9, 1] * 4, "churned": [False, True] * 4,
        ...     "risk": [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9],
        ... })
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     best = rt.targeting.maximum_profit(scored, offer=offer, value=200, time=5)
        >>> best[["share", "threshold", "profit_per_customer", "profit_everyone"]]
           share  threshold  profit_per_customer  profit_everyone
        0  0.875        0.2               23.875             22.5

    Source:
        Verbraken, T., Verbeke, W. and Baesens, B. (2013), A novel profit maximizing metric, IEEE
        Transactions on Knowledge and Data Engineering 25, 961–973, equation (9).
    """
    intervals.quantile_of(level)
    draws = None if seed is None else checked_seed(seed)
    asked = Asked(offer, rank, value, time, landmark, censoring, censoring_by)
    ranked = ranked_holdout(scored, asked, "maximum_profit", redrawn=draws is not None)
    if chosen_on is None:
        warn(_OPTIMISM)
        best = best_list(ranked)
    else:
        best = ranked.list_from(chosen_threshold(chosen_on, asked, "maximum_profit"))
    known = ranked.reason is None
    one = np.array([best])
    profit = np.where(known, ranked.profits, np.nan)
    lower, upper = profit_bounds(ranked, one, draws, level)
    n_offered = ranked.counts_over_lists()[one]
    share = np.where(known, n_offered / ranked.n, np.nan)
    return table_like(
        {
            "share": share,
            "n_offered": np.where(known, n_offered, 0),
            "threshold": np.where(known, ranked.thresholds[one], np.nan),
            "n_customers": np.array([ranked.n]),
            **{name: counted[-1:] for name, counted in fates_in_lists(ranked).items()},
            "profit_per_customer": profit[one],
            "lower": lower,
            "upper": upper,
            "profit_everyone": profit[-1:],
            "profit_nobody": np.zeros(1),
            "profit_random": share * profit[-1] + 0.0,  # never −0
            "success_assumed": np.array([ranked.success_assumed]),
            "chosen_on": np.array([_SAME if chosen_on is None else _OTHER], dtype=object),
            "reason": np.array([ranked.reason], dtype=object),
        },
        scored,
    )
