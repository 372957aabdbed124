"""How many would move between scores of frequency if no customer changed at all."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import RetentionError, is_number
from retention.periods import whole_days
from retention.signals.days.own_rates import Rates, rates_of_purchases
from retention.tables.answer_columns import constants, gives, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from retention.repeat_buying.buying.purchase_model import PurchaseModel

    Floats = NDArray[np.float64]

_MOST = 2_000
"""More purchases in a window are not told apart: the table of pairs grows as a square."""


@gives(
    "pair of segments, before and after",
    texts("segment_before", "segment_after"),
    shares("expected_share", "share_of_all"),
    constants(whole_numbers("days", unit="days")),
)
def expected_migrations(model: PurchaseModel, *, days: int, cuts: Sequence[float]) -> pd.DataFrame:
    """How many would move between scores of frequency if nobody changed: chance alone.

    Customers who bought much in one window did so in part by luck, and luck does not come twice:
    of the best, fewer are best again, though each buys at the same rate as ever. This is what to
    set beside `segment_migrations` before a move down is called a change.

    Let rates of buying be Gamma(r, α) among customers, none of whom leaves. In two windows of T
    days one after the other a customer buys on a and b occasions with the chance

        P(a, b) = Γ(r + a + b) / (Γ(r) a! b!) · (α / (α + 2T))^r · (T / (α + 2T))^(a + b)

    and the score of a is 1 + the number of cuts below it. Who did not buy in the first window is
    "(not yet)", who did not in the second is "(gone)", as in tables of `rfm_scores` of two windows.

    Args:
        model: a fitted model of purchases, such as that of `rt.repeat_buying.fit_pareto_nbd`.
        days: the length T of each window.
        cuts: ascending numbers of purchases that scores are cut at, such as `cuts.f[0]` of
            `rfm_cuts(..., window=T)`.

    Returns:
        A pandas table of one row per pair: `segment_before`, `segment_after` ("1" to one more than
        there are cuts), `expected_share` (of the segment before; null where nobody is in it),
        `share_of_all` (of all customers who might buy) and `days`. The pair of those who bought in
        neither window is left out, so `share_of_all` adds up to less than 1.

    Raises:
        RetentionError: if `model` is no fitted model of purchases, `days` is no whole number above
            0, or the cuts are no ascending numbers from 0 to 2,000.

    Example:
        Half of those who bought more than once in 100 days would do so again, if nobody changed.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 9, 9], "T": 10.0, "unit": "day"})
        >>> model = rt.repeat_buying.fit_pareto_nbd(summary)
        >>> model = model.model_copy(update={"parameters": (1.0, 100.0, *model.parameters[2:])})
        >>> found = rt.signals.expected_migrations(model, days=100, cuts=[1])
        >>> found[["segment_before", "segment_after", "expected_share"]].round(3)
          segment_before segment_after  expected_share
        0              1             1           0.296
        1              1             2           0.259
        2              1        (gone)           0.444
        3              2             1           0.259
        4              2             2           0.519
        5              2        (gone)           0.222
        6      (not yet)             1           0.222
        7      (not yet)             2           0.111

    Source:
        Goodhardt, G. J. and Ehrenberg, A. S. C. (1967), Conditional trend analysis, Journal of
        Marketing Research 4, 155–161: the bivariate negative binomial distribution.
    """
    import pandas as pd

    window = whole_days(days, argument="days", least=1)
    rates = rates_of_purchases(model)
    joint = _shares_of_pairs(rates, window, _checked_cuts(cuts))
    scores = [str(score) for score in range(1, joint.shape[0])]
    total = np.broadcast_to(joint.sum(axis=1)[:, None], joint.shape)
    before, after = (np.array([*scores, name], object) for name in ("(not yet)", "(gone)"))
    made: dict[str, Any] = {
        "segment_before": np.repeat(before, after.size),
        "segment_after": np.tile(after, before.size),
        "expected_share": intervals.ratio(joint, total).ravel(),
        "share_of_all": joint.ravel(),
        "days": np.full(joint.size, window, np.int64),
    }
    return pd.DataFrame(made).iloc[:-1]


def _checked_cuts(cuts: object) -> list[int]:
    """The largest number of purchases below or at each cut.

    Raises:
        RetentionError: if they are no ascending numbers.
    """
    given = list(cuts) if isinstance(cuts, list | tuple | np.ndarray) else []
    given = [0 if cut is None else cut for cut in given]  # of a score that nobody had
    fit = [is_number(cut) and 0 <= cut <= _MOST for cut in given]
    if not given or not all(fit) or any(b < a for a, b in pairwise(given)):
        raise RetentionError(
            f"cuts must be ascending numbers of purchases from 0 to {_MOST:,}, such as [1, 2, 5], "
            f"or `cuts.f[0]` of `rfm_cuts(...)`; got {cuts!r}."
        )
    return [int(np.floor(cut)) for cut in given]


def _shares_of_pairs(rates: Rates, days: int, upto: list[int]) -> Floats:
    """The chance of each pair of scores, nobody's purchases last in both directions."""
    from scipy.special import gammaln  # loaded late: SciPy takes longer to import than all else

    n = np.arange(upto[-1] + 1, dtype=np.float64)
    both = n[:, None] + n[None, :]
    one = _log_chances(rates, n, days, gammaln)
    two = _log_chances(rates, both, 2 * days, gammaln)
    ways = gammaln(both + 1) - gammaln(n + 1)[:, None] - gammaln(n + 1)[None, :]
    pairs = np.exp(two + ways - both * np.log(2.0))
    # The number 0 apart, then as many as each cut has since the one before; the rest is the top.
    ends = [0, *upto]
    sums = np.zeros((len(ends), len(ends)))
    alone = np.zeros(len(ends))
    rows = [slice(0, 1), *(slice(max(a + 1, 1), b + 1) for a, b in pairwise(ends))]
    for i, mine in enumerate(rows):
        alone[i] = np.exp(one[mine]).sum()
        for j, other in enumerate(rows):
            sums[i, j] = pairs[mine, other].sum()
    beyond = alone - sums.sum(axis=1)
    top = 1.0 - alone.sum() - beyond.sum()
    whole = np.block([[sums, beyond[:, None]], [beyond[None, :], np.array([[top]])]])
    order = [*range(1, len(ends) + 1), 0]
    return np.asarray(np.clip(whole, 0.0, None)[np.ix_(order, order)], np.float64)


def _log_chances(rates: Rates, n: Floats, days: int, gammaln: Any) -> Floats:
    """The log of the chance of n purchases in so many days (negative binomial)."""
    r, alpha = rates
    binomial = gammaln(r + n) - gammaln(r) - gammaln(n + 1)
    return np.asarray(
        binomial + r * np.log(alpha / (alpha + days)) + n * np.log(days / (alpha + days))
    )
