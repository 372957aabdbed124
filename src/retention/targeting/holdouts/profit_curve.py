"""What an offer to the top of a ranking would have brought, list by list, on a holdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import whole_number
from retention.frames import table_like
from retention.tables.answer_columns import (
    amounts,
    constants,
    flags,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)
from retention.targeting.holdouts.ranked_holdout import (
    Asked,
    Ranked,
    checked_seed,
    chosen_threshold,
    profit_bounds,
    ranked_holdout,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.targeting.offers.offer import Offer


@gives(
    "list",
    shares("share"),
    whole_numbers("n_offered"),
    numbers("threshold", unit="as the rank"),
    whole_numbers("n_churned", "n_still", "n_unknown"),
    amounts("profit_per_customer", "lower", "upper"),
    constants(amounts("profit_everyone", "profit_nobody")),
    amounts("profit_random"),
    flags("chosen"),
    constants(shares("success_assumed"), texts("reason")),
)
def profit_curve(  # noqa: PLR0913 - money has no defaults, and the words are those of the scores
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
    points: int = 100,
) -> IntoFrameT:
    """What an offer would have brought had the top of a ranking got it, list by list.

    On customers who got no offer and of whom it is known who left, at each length q of the list,

        P(q) = 1/n Σ over the top q of [ w 1[left] γ (V − d) − w 1[stayed] ((1 − β) α d + β V) − f ]

    with V what a saved customer is worth and f, d, γ, α, β the offer's numbers. Who was not watched
    up to `time` is in the list and costs f, but what became of them is not known: the weights w
    make up for them (see `brier_score`). To drop them instead would overstate the best list by
    28 %, to count them as stayers would understate it by 11 %, where 23 % are censored.

    Equal ranks are in a list together. What is assumed stays assumed: `success` was not measured
    here, nor that those at the top can be kept at all. Compare rules by `rule_profit` where an
    experiment was made.

    Args:
        scored: spells since the day of the ranking (`spells_since`): `duration`, `churned`, perhaps
            `n_spells`, with the ranking as a column, of customers who were not made the offer.
        offer: the offer; numbers that stand in columns are each customer's.
        rank: the column of the ranking, higher is offered first: a risk, or `expected_profit`.
        value: V, an amount or the column in which it stands; currency for a customer kept.
        time: by when leaving counts, in the unit of `duration`.
        landmark: as in `brier_score`.
        censoring: as in `brier_score`.
        censoring_by: as in `brier_score`.
        level: confidence of the bounds.
        seed: of the redraws for the bounds; None for no bounds.
        chosen_on: a table like `scored`, of other customers, on whom the best list is chosen; the
            row of that list, by its threshold, is marked.
        points: how many lists are shown at most, spread evenly; all if there are no more.

    Returns:
        One row per list, from nobody to everyone, in the caller's kind: `share` (q), `n_offered`,
        `threshold` (the lowest rank in it, null for nobody), `n_churned` (of them, by `time`),
        `n_still`, `n_unknown` (censored by then), `profit_per_customer` (currency for each customer
        of the holdout, in the list or not), `lower`, `upper` (at the row's threshold, by redrawing
        customers 999 times; null without a seed, or of a list of fewer than 30), `profit_everyone`,
        `profit_nobody` (0), `profit_random` (q of profit_everyone: a list by lot), `chosen` (true
        in the row of the list that `chosen_on` chose), `success_assumed` (γ, the mean),
        `reason` (why the profits are null; else null).

    Raises:
        ColumnError: if a column is missing or holds no numbers.
        ContentError: if a rank or a number is missing or out of its range, or nobody in `chosen_on`
            was followed for so long.
        RetentionError: if an argument is none of what it may be, or spells came under observation
            late and there is no landmark.

    Example:
        The two with the highest risk left by day 2, one of them could be kept: 0.5 · (100 − 10)
        less the call of 1 each. The third stayed and took the discount.

        >>> import pandas as pd
        >>> import retention as rt
        >>> offer = rt.targeting.Offer(
        ...     making=1, taking=10, success=0.5, stayers_taking=1, stayers_lost=0
        ... )
        >>> scored = pd.DataFrame({
        ...     "duration": [1, 2, 5, 5], "churned": [True, True, False, False],
        ...     "risk": [0.9, 0.7, 0.4, 0.1],
        ... })
        >>> curve = rt.targeting.profit_curve(scored, offer=offer, value=100, time=3)
        >>> curve[["share", "n_offered", "threshold", "profit_per_customer", "profit_random"]]
           share  n_offered  threshold  profit_per_customer  profit_random
        0   0.00          0        NaN                 0.00          0.000
        1   0.25          1        0.9                11.00          4.125
        2   0.50          2        0.7                22.00          8.250
        3   0.75          3        0.4                19.25         12.375
        4   1.00          4        0.1                16.50         16.500

    Source:
        Verbraken, T., Verbeke, W. and Baesens, B. (2013), A novel profit maximizing metric, IEEE
        Transactions on Knowledge and Data Engineering 25, 961–973; the weights: Graf, E. et al.
        (1999), Statistics in Medicine 18, 2529–2545.
    """
    intervals.quantile_of(level)
    draws = None if seed is None else checked_seed(seed)
    most = whole_number("points", points, least=1, of="lists")
    asked = Asked(offer, rank, value, time, landmark, censoring, censoring_by)
    ranked = ranked_holdout(scored, asked, "profit_curve", redrawn=draws is not None)
    chosen = (
        None
        if chosen_on is None
        else ranked.list_from(chosen_threshold(chosen_on, asked, "profit_curve"))
    )
    lists = _lists_to_show(ranked, most, chosen)
    n = ranked.counts_over_lists()
    share = n[lists] / ranked.n
    known = ranked.reason is None
    profit = np.where(known, ranked.profits, np.nan)
    lower, upper = profit_bounds(ranked, lists, draws, level)
    return table_like(
        {
            "share": share,
            "n_offered": n[lists],
            "threshold": ranked.thresholds[lists],
            **{name: counted[lists] for name, counted in fates_in_lists(ranked).items()},
            "profit_per_customer": profit[lists],
            "lower": lower,
            "upper": upper,
            "profit_everyone": np.full(lists.size, profit[-1]),
            "profit_nobody": np.zeros(lists.size),
            "profit_random": share * profit[-1] + 0.0,  # never −0
            "chosen": lists == (-1 if chosen is None else chosen),
            "success_assumed": np.full(lists.size, ranked.success_assumed),
            "reason": np.full(lists.size, ranked.reason, dtype=object),
        },
        scored,
    )


def fates_in_lists(ranked: Ranked) -> dict[str, NDArray[np.int64]]:
    """What became of those in each list, the empty one first."""
    return {
        "n_churned": ranked.counts_over_lists(ranked.left),
        "n_still": ranked.counts_over_lists(ranked.still),
        "n_unknown": ranked.counts_over_lists(~(ranked.left | ranked.still)),
    }


def _lists_to_show(ranked: Ranked, most: int, chosen: int | None) -> NDArray[np.intp]:
    """Nobody, everyone, and lists between them, spread evenly over the customers."""
    many = ranked.counts_over_lists()
    if many.size - 1 > most:
        wanted = np.arange(1, most + 1) / most * many[-1]
        after = np.searchsorted(many, wanted - 0.5)
        nearer = wanted - many[after - 1] < many[after] - wanted
        lists = np.where(nearer, after - 1, after)
    else:
        lists = np.arange(many.size)
    marked = [] if chosen is None else [chosen]
    return np.unique(np.concatenate([[0, many.size - 1], lists, marked])).astype(np.intp)
