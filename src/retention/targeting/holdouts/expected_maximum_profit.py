"""The most that an offer by a ranking can bring, on average over what its success may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retention.errors import RetentionError, is_number
from retention.frames import table_like
from retention.tables.answer_columns import amounts, gives, numbers, shares, texts, whole_numbers
from retention.targeting.holdouts.profit_curve import fates_in_lists
from retention.targeting.holdouts.ranked_holdout import Asked, ranked_holdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.targeting.holdouts.ranked_holdout import Ranked
    from retention.targeting.offers.offer import Offer

    Floats = NDArray[np.float64]

_LARGEST_SHAPE = 1e9


class _Expected(NamedTuple):
    """What is expected of the best list, the success of the offer being uncertain."""

    profit: float
    share: float


@gives(
    "ranking",
    shares("share"),
    whole_numbers("n_customers", "n_churned", "n_still", "n_unknown"),
    amounts("profit_per_customer", "profit_everyone", "profit_nobody"),
    shares("success_assumed"),
    numbers("success_a", "success_b"),
    texts("reason"),
)
def expected_maximum_profit(  # noqa: PLR0913 - the words are those of the scores
    scored: IntoFrameT,
    *,
    offer: Offer,
    success_shape: tuple[float, float],
    rank: str = "risk",
    value: float | str,
    time: float,
    landmark: float | None = None,
    censoring: object | None = None,
    censoring_by: str | Sequence[str] = (),
) -> IntoFrameT:
    """The most that an offer by this ranking brings, if its success is known only roughly.

    With P_γ(q) the profit of the top q where the offer keeps a share γ of the leavers
    (`profit_curve`) and γ of a beta distribution with the shape (a, b), mean a / (a + b),

        expected maximum profit = ∫ max over q of P_γ(q) dBeta(γ; a, b),

    exactly: the lists that are best for some γ are the corners of the hull of the lists' gains and
    costs, and between two corners the integral is one of the beta distribution. The criterion EMPC
    of the literature, here with censored customers weighted (`brier_score`) and each customer's own
    value.

    It sums up a ranking in one number, to compare rankings on one holdout. It cannot tell a ranking
    that is wrong from none: if making everyone the offer pays, then a constant rank scores as much
    as a reversed one. So `profit_everyone` stands beside it: only what lies above it (and above 0)
    is the ranking's merit. There are no bounds: redrawn, a maximum rises.

    Args:
        scored: as in `profit_curve`.
        offer: as in `profit_curve`; its `success` is one number, the mean of the shape.
        success_shape: a and b, above 0. (6, 14) is that of the published studies, mean 0.3.
        rank: as in `profit_curve`.
        value: as in `profit_curve`.
        time: as in `profit_curve`.
        landmark: as in `profit_curve`.
        censoring: as in `profit_curve`.
        censoring_by: as in `profit_curve`.

    Returns:
        One row, in the caller's kind: `share` (of customers in the best list, on average over γ),
        `n_customers`, `n_churned`, `n_still`, `n_unknown`, `profit_per_customer` (the expected
        maximum, currency for each of n_customers), `profit_everyone` (if all are made the offer, at
        the mean of γ), `profit_nobody` (0), `success_assumed` (that mean), `success_a`,
        `success_b`, `reason` (why the profits are null; else null).

    Raises:
        RetentionError: if the shape is none, or its mean is not the success that the offer says;
            else as `profit_curve`.

    Example:
        The eight customers of `maximum_profit`:

        >>> import pandas as pd
        >>> import retention as rt
        >>> offer = rt.targeting.Offer(
        ...     making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0
        ... )
        >>> scored = pd.DataFrame({
        ...     "duration": [9, 1] * 4, "churned": [False, True] * 4,
        ...     "risk": [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9],
        ... })
        >>> best = rt.targeting.expected_maximum_profit(
        ...     scored, offer=offer, success_shape=(6, 14), value=200, time=5
        ... )
        >>> best[["share", "profit_per_customer", "profit_everyone"]].round(4)
            share  profit_per_customer  profit_everyone
        0  0.8744              23.8756             22.5

    Source:
        Verbraken, T., Verbeke, W. and Baesens, B. (2013), A novel profit maximizing metric, IEEE
        Transactions on Knowledge and Data Engineering 25, 961–973, equation (16). That the hull is
        an isotonic regression: Fawcett, T. and Niculescu-Mizil, A. (2007), PAV and the ROC convex
        hull, Machine Learning 68, 97–106.
    """
    first, second = _checked_shape(success_shape)
    mean = first / (first + second)
    asked = Asked(offer, rank, value, time, landmark, censoring, censoring_by)
    ranked = ranked_holdout(scored, asked, "expected_maximum_profit")
    _refuse_other_success(offer, mean, success_shape)
    gains, costs = ranked.gains, ranked.costs
    known = ranked.reason is None
    found = _Expected(np.nan, np.nan)
    if known:
        found = _expected_maximum(gains, costs, _shares_of_lists(ranked), first, second)
    return table_like(
        {
            "share": np.array([found.share]),
            "n_customers": np.array([ranked.n]),
            **{name: counted[-1:] for name, counted in fates_in_lists(ranked).items()},
            "profit_per_customer": np.array([found.profit]),
            "profit_everyone": np.array([mean * gains[-1] - costs[-1] if known else np.nan]),
            "profit_nobody": np.zeros(1),
            "success_assumed": np.array([mean]),
            "success_a": np.array([first]),
            "success_b": np.array([second]),
            "reason": np.array([ranked.reason], dtype=object),
        },
        scored,
    )


def _checked_shape(shape: object) -> tuple[float, float]:
    listed = list(shape) if isinstance(shape, tuple | list | np.ndarray) else []
    if len(listed) != 2 or not all(is_number(s) and 0 < s <= _LARGEST_SHAPE for s in listed):
        raise RetentionError(
            "success_shape is the shape of a beta distribution of the offer's success, two numbers "
            f"above 0, as in (6, 14), mean 0.3; got {shape!r}."
        )
    return float(listed[0]), float(listed[1])


def _refuse_other_success(offer: Offer, mean: float, shape: object) -> None:
    """Refuse an offer that says another success than the shape has on average."""
    said = offer.success
    if not is_number(said) or abs(said - mean) > 1e-9:
        raise RetentionError(
            f"The offer says success={said!r}, and success_shape={shape!r} has the mean {mean:g}. "
            f"Say success={mean!r} in the Offer, or a shape with its mean."
        )


def _shares_of_lists(ranked: Ranked) -> Floats:
    return ranked.counts_over_lists() / ranked.n


def _expected_maximum(
    gains: Floats, costs: Floats, shares: Floats, first: float, second: float
) -> _Expected:
    """∫ max over lists of γ gain − cost over a beta distribution, and the mean share of the best.

    A list is a line in γ. The best of them at each γ are the corners of the least concave majorant
    of −cost over gain, whose slopes are an isotonic regression of the lists' steps.
    """
    from scipy.special import betainc

    corners, edges = _corners_of_hull(gains, costs)
    bounds = np.concatenate([[0.0], np.clip(edges, 0.0, 1.0), [1.0]])
    chance = np.diff(betainc(first, second, bounds))
    mean = first / (first + second) * np.diff(betainc(first + 1, second, bounds))
    profit = mean @ gains[corners] - chance @ costs[corners]
    return _Expected(float(profit), float(chance @ shares[corners]))


def _corners_of_hull(gains: Floats, costs: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The lists that are best for some γ, by rising gain, and the γ at which each takes over."""
    from sklearn.isotonic import isotonic_regression

    order = np.arange(gains.size)
    if (np.diff(gains) < 0).any():
        order = np.argsort(gains, kind="stable")
    first = np.concatenate([[0], np.flatnonzero(np.diff(gains[order]) > 0) + 1])
    cheapest = _cheapest_of_each(costs[order], first)
    order = order[cheapest]
    steps = np.diff(gains[order])
    if not steps.size:
        return order, np.empty(0)
    slope = isotonic_regression(np.diff(costs[order]) / steps, sample_weight=steps)
    last = np.append(np.flatnonzero(np.diff(slope) > 0), slope.size - 1)
    return order[np.concatenate([[0], last + 1])], slope[last]


def _cheapest_of_each(costs: Floats, first: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each run of lists with equal gain, the first of those that cost least."""
    least = np.minimum.reduceat(costs, first)
    run = np.zeros(costs.size, np.intp)
    run[first[1:]] = 1
    run = np.cumsum(run)
    cheap = np.flatnonzero(costs == least[run])
    return np.asarray(cheap[np.concatenate([[True], np.diff(run[cheap]) > 0])])
