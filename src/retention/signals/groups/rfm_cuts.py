"""Where the scores of recency, frequency and money are cut, as a value that later days are held to.

Each of the three is a number of which more is better; recency is less by every day since the last
purchase. A score is 1 + the number of cuts below the value.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 (pydantic reads the annotation)
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from retention import periods
from retention.errors import RetentionError, check_choice, count_of, warn, whole_number
from retention.numerics.frozen import Numbers, array_of_numbers, frozen_numbers
from retention.printed import Printed, Shown
from retention.signals.groups.rfm_customers import Money, RfmCustomers, rfm_customers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

Ties = Literal["cuts", "middle"]
Nesting = Literal["independent", "nested"]

_BY_ROW_ORDER = ("first", "ntile", "NTILE", "qcut", "row_number", "rows", "ordinal")
_MOST_BINS = 9
"""With more of them a segment would not be three digits."""


class RfmCuts(Printed, BaseModel):
    """Where the scores of one day are cut: give it back, and later days are on the same scale.

    A frozen value: `cuts.model_dump_json()` writes it, `RfmCuts.model_validate_json(text)` reads it
    back. Cuts are ascending in what is better, and as many as `bins` less one; None is below
    everything. Of nested scores the first row is of all customers, then one of each score (for
    money: of each score of recency and, within it, of frequency).

    Attributes:
        as_of: the day they were made on.
        n_customers: of how many customers.
        bins: how many scores there are.
        ties: "cuts" or "middle".
        nesting: "independent" or "nested".
        money: "sales", "profit" or "mean_order".
        window: days that were looked at; None for all.
        r: cuts of days since the last purchase, from the most days to the fewest.
        f: cuts of days with a purchase.
        m: cuts of money.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    as_of: date
    n_customers: int
    bins: int
    ties: Ties
    nesting: Nesting
    money: Money
    window: int | None
    r: tuple[Numbers, ...]
    f: tuple[Numbers, ...]
    m: tuple[Numbers, ...]

    def _shown(self) -> Shown:
        of = f"RfmCuts of {count_of(self.n_customers, 'customer')} as of {self.as_of}"
        cuts = zip(self.r[0], self.f[0], self.m[0], strict=True)
        rows = [
            (f"{k} | {k + 1}", *("–" if cut is None else f"{cut:,.6g}" for cut in row))
            for k, row in enumerate(cuts, 1)
        ]
        nested = "of all customers; f and m are cut anew within each score of r"
        return Shown(
            f"{of}: {self.bins} scores, {self.nesting}",
            (("between scores", "days since last", "days with a purchase", self.money), *rows),
            notes=(nested,) * (self.nesting == "nested"),
            then=("rt.signals.rfm_scores(transactions, as_of=..., cuts=cuts)",),
        )

    @model_validator(mode="after")
    def _has_the_cuts_of_its_scores(self) -> Self:
        """Refuse cuts that are not as many as the scores need."""
        checked_scoring(self.bins, self.ties, self.nesting, self.money, self.window)
        nested = self.nesting == "nested"
        rows = {"r": 1, "f": 1 + nested * self.bins, "m": 1 + nested * self.bins**2}
        for name, n in rows.items():
            if [len(row) for row in getattr(self, name)] != [self.bins - 1] * n:
                raise RetentionError(
                    f"RfmCuts: {name} must be {n:,} times {self.bins - 1} cuts, for "
                    f"bins={self.bins}, nesting={self.nesting!r}. Make them with `rfm_cuts(...)`."
                )
        return self


def rfm_cuts(
    transactions: IntoFrame,
    *,
    as_of: date | str,
    bins: int = 5,
    ties: Ties = "cuts",
    nesting: Nesting = "independent",
    money: Money = "sales",
    window: int | None = None,
) -> RfmCuts:
    """Where `rfm_scores` cuts recency, frequency and money on a day, to score later days alike.

    Scores cut anew each day are ranks: a fifth of the customers is always best, and somebody falls
    whenever somebody rises. Cuts that are kept say whether a customer changed.

    With v(1) ≤ … ≤ v(n) the values of all customers and K bins, the k-th cut is

        "cuts":   the quantile k / K, linear between v(i) and v(i + 1)
        "middle": the greatest value whose score by mean rank, ⌈K · mean rank / n⌉, is k at most

    and a score is 1 + the number of cuts below the value, so on the day itself the scores are those
    that `rfm_scores` gives. Of days since the last purchase, fewer are better.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        bins: how many scores there are, 2 to 9.
        ties: how equal values are scored, "cuts" or "middle": see `rfm_scores`.
        nesting: "independent" or "nested": see `rfm_scores`.
        money: "sales", "profit" or "mean_order": see `rfm_scores`.
        window: days up to `as_of` that are looked at; by default all.

    Returns:
        `RfmCuts`, a frozen value with all that was said here. A nested score that nobody has on the
        day has no cuts of its own: whoever comes to it later is cut as all customers are.

    Raises:
        RetentionError: if an argument is none of those it may be; ties by the order of rows are
            refused by name.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if nobody bought in the window.

    Example:
        Five customers bought once to five times; the cuts lie between them.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.date_range("2024-01-01", periods=5)
        >>> rows = [(who, day, 10.0) for n, who in enumerate("abcde", 1) for day in days[:n]]
        >>> orders = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
        >>> cuts = rt.signals.rfm_cuts(orders, as_of="2024-01-05")
        >>> print([round(cut, 2) for cut in cuts.f[0]])
        [1.8, 2.6, 3.4, 4.2]
        >>> print([round(cut, 2) for cut in cuts.r[0]])
        [3.2, 2.4, 1.6, 0.8]

    Source:
        Hughes, A. M. (1994), Strategic Database Marketing, for the scores; linear quantiles:
        Hyndman, R. J. and Fan, Y. (1996), The American Statistician 50, 361–365, type 7.
    """
    day = periods.as_day(as_of, argument="as_of")
    checked_scoring(bins, ties, nesting, money, window)
    people = rfm_customers(transactions, as_of=day, window=window, money=money)
    cuts = cuts_of_customers(people, day, (bins, ties, nesting, money, window))
    warn_of_empty_scores(scores_of_customers(people, cuts), cuts)
    return cuts


def checked_scoring(
    bins: object, ties: object, nesting: object, money: object, window: object
) -> None:
    """Refuse a way of scoring that is none.

    Raises:
        RetentionError: if it is none, or goes by the order of rows.
    """
    whole_number("bins", bins, least=2, most=_MOST_BINS)
    if isinstance(ties, str) and ties in _BY_ROW_ORDER:
        raise RetentionError(
            f"ties={ties!r} splits customers with equal values by the order of the rows, so that "
            'the same customers in another order have other scores. Say ties="cuts", which gives '
            'them the lower score, or ties="middle", the one of their mean rank.'
        )
    check_choice("ties", ties, ("cuts", "middle"))
    check_choice("nesting", nesting, ("independent", "nested"))
    check_choice("money", money, ("sales", "profit", "mean_order"))
    if window is not None:
        periods.whole_days(window, argument="window", least=1)


def cuts_of_customers(
    people: RfmCustomers, as_of: date, scoring: tuple[int, Ties, Nesting, Money, int | None]
) -> RfmCuts:
    """The cuts of a day, from its customers and a way of scoring that was checked."""
    bins, ties, nesting, money, window = scoring
    recency, frequency, value = _better_is_more(people)
    r = [_cuts_of_values(recency, bins, ties)]
    f = [_cuts_of_values(frequency, bins, ties)]
    m = [_cuts_of_values(value, bins, ties)]
    if nesting == "nested":
        by_r = _scores_by_cuts(recency, r, np.zeros(recency.size, np.int64))
        f += _cuts_within(frequency, by_r - 1, bins, (bins, ties))
        by_f = _scores_by_cuts(frequency, f, by_r)
        m += _cuts_within(value, (by_r - 1) * bins + by_f - 1, bins * bins, (bins, ties))
    return RfmCuts(
        as_of=as_of,
        n_customers=recency.size,
        bins=bins,
        ties=ties,
        nesting=nesting,
        money=money,
        window=window,
        r=tuple(frozen_numbers(-cuts) for cuts in r),
        f=tuple(map(frozen_numbers, f)),
        m=tuple(map(frozen_numbers, m)),
    )


def scores_of_customers(people: RfmCustomers, cuts: RfmCuts) -> tuple[Whole, Whole, Whole]:
    """The scores of recency, frequency and money, by cuts that may be of another day."""
    recency, frequency, value = _better_is_more(people)
    all_alike = np.zeros(recency.size, np.int64)
    r = _scores_by_cuts(recency, [-_cut_points(row, np.inf) for row in cuts.r], all_alike)
    nested = cuts.nesting == "nested"
    by_f, by_m = ([_cut_points(row, -np.inf) for row in rows] for rows in (cuts.f, cuts.m))
    f = _scores_by_cuts(frequency, by_f, r if nested else all_alike)
    cell = (r - 1) * cuts.bins + f if nested else all_alike
    return r, f, _scores_by_cuts(value, by_m, cell)


def warn_of_empty_scores(scores: Sequence[Whole], cuts: RfmCuts) -> None:
    """Warn where nobody has a score, on the day of the cuts."""
    empty = [
        f"{name} {score}"
        for name, found in zip("rfm", scores, strict=True)
        for score in range(1, cuts.bins + 1)
        if not bool((found == score).any())
    ]
    if empty:
        warn(
            f"Nobody has {', '.join(empty)}: too many of {cuts.n_customers:,} customers have the "
            "same value to be told apart. Say fewer `bins`, or read the scores as they are."
        )


def _better_is_more(people: RfmCustomers) -> tuple[Floats, Floats, Floats]:
    return (
        -people.days_since_last.astype(np.float64),
        people.n_orders.astype(np.float64),
        people.value,
    )


def _cuts_of_values(values: Floats, bins: int, ties: Ties) -> Floats:
    """The cuts between scores; −∞ where nobody has a score so low."""
    ordered = np.sort(values)
    n, k = ordered.size, np.arange(1, bins)
    if ties == "cuts":  # in whole numbers: in a computer 0.6 of 35 is less than 21
        at, rest = np.divmod(k * (n - 1), bins)
        apart = ordered[np.minimum(at + 1, n - 1)] - ordered[at]
        return np.asarray(ordered[at] + apart * rest / bins)
    twice_mean_rank = (
        np.searchsorted(ordered, ordered) + 1 + np.searchsorted(ordered, ordered, "right")
    )
    score = -(-bins * twice_mean_rank // (2 * n))
    upto = np.searchsorted(score, k, "right")
    return np.where(upto > 0, ordered[np.maximum(upto - 1, 0)], -np.inf)


def _cuts_within(
    values: Floats, group: Whole, n_groups: int, scoring: tuple[int, Ties]
) -> list[Floats]:
    """The cuts of each group alone; those of all where there is nobody in it."""
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(1, n_groups))
    parts = np.split(values[order], ends)
    return [_cuts_of_values(part if part.size else values, *scoring) for part in parts]


def _scores_by_cuts(values: Floats, cuts: Sequence[Floats], row: Whole) -> Whole:
    """1 + how many cuts lie below each value, by its row of them."""
    below = np.stack(cuts)[row] < values[:, None]
    return np.asarray(1 + below.sum(axis=1), np.int64)


def _cut_points(cuts: Numbers, lowest: float) -> Floats:
    found = array_of_numbers(cuts)
    return np.where(np.isnan(found), lowest, found)
