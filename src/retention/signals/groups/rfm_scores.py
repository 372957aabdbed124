"""Recency, frequency and money of each customer, scored on a scale that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods
from retention.errors import RetentionError
from retention.frames import FewTexts, table_like
from retention.signals.groups.rfm_customers import Money, rfm_customers
from retention.signals.groups.rfm_cuts import (
    Nesting,
    RfmCuts,
    Ties,
    checked_scoring,
    cuts_of_customers,
    scores_of_customers,
    warn_of_empty_scores,
)
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    ids,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_USUAL = {
    "bins": 5, "ties": "cuts", "nesting": "independent", "money": "sales", "window": None,
}  # fmt: skip


@gives(
    "customer",
    ids("customer_id"),
    times("as_of"),
    whole_numbers("days_since_last", unit="days"),
    whole_numbers("n_orders"),
    amounts("value"),
    whole_numbers("r", "f", "m"),
    texts("segment"),
    constants(whole_numbers("n_customers"), texts("ties", "nesting", "money")),
)
def rfm_scores(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    bins: int = 5,
    ties: Ties = "cuts",
    nesting: Nesting = "independent",
    money: Money = "sales",
    window: int | None = None,
    cuts: RfmCuts | None = None,
) -> IntoFrameT:
    """How lately, how often and for how much each customer bought, scored from 1 to `bins`, best.

    Scores are a convention, not a model, and another convention gives another code: of the 23,502
    buyers of CDNOW 57 in 100 change theirs between the two ways with ties. So the conventions are
    columns of the answer. Of n customers and K bins,

        "cuts":   score = 1 + number of the quantiles 1/K, …, (K − 1)/K below the value
        "middle": score = ⌈K · mean rank / n⌉, ranks from the worst, equal values at their mean

    Recency is better the fewer days have passed. By either way equal values have equal scores, and
    a score may be empty where many have the same value, such as those who bought once: a
    RetentionWarning names it. Splitting equals by the order of the rows (SQL's NTILE, or ranks of
    pandas with method="first") is refused: other rows first, other scores.

    With nesting="nested" frequency is scored among those of the same recency score, money among
    those of the same two, so that an f of 5 means something else for each r.

    Scores made anew each day are ranks: somebody falls whenever somebody rises. Say `cuts` from
    `rfm_cuts` to score a later day on the scale of an earlier one.

    There are no names such as "champions" here: join your own, from a table of `segment` and name.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        bins: how many scores there are, 2 to 9.
        ties: how equal values are scored: "cuts" or "middle".
        nesting: "independent", each of the three among all; or "nested".
        money: "sales" or "profit", all of them net of refunds, or "mean_order", the sales for each
            day with a purchase.
        window: days up to `as_of` that are looked at; customers without a purchase in them are left
            out. By default all.
        cuts: from `rfm_cuts`, of this day or another: it says all of the above but `as_of`.

    Returns:
        One row per customer, in the caller's kind, eager ones sorted by customer: `customer_id`,
        `as_of`, `days_since_last`, `n_orders` (days with a purchase), `value` (the money scored,
        currency), `r`, `f`, `m` (1 to `bins`), `segment` ("543": the three as text), and the
        constants `n_customers`, `ties`, `nesting`, `money`.

    Raises:
        RetentionError: if an argument is none of those it may be, ties go by the order of rows, or
            one is said that `cuts` says otherwise.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if nobody bought in the window.

    Example:
        Two halves: those who bought on more than 1.5 days, and the others.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem", "Cem", "Dee"],
        ...     "date": pd.to_datetime([
        ...         "2024-01-01", "2024-01-31", "2024-01-10", "2024-01-02", "2024-01-20",
        ...         "2024-01-05",
        ...     ]),
        ...     "sales": [10.0, 10.0, 50.0, 10.0, 5.0, 1.0],
        ... })
        >>> scored = rt.signals.rfm_scores(orders, as_of="2024-01-31", bins=2)
        >>> scored[["customer_id", "days_since_last", "n_orders", "value", "segment"]]
          customer_id  days_since_last  n_orders  value segment
        0         Ann                0         2   20.0     222
        1         Bob               21         1   50.0     112
        2         Cem               11         2   15.0     221
        3         Dee               26         1    1.0     111

    Source:
        Hughes, A. M. (1994), Strategic Database Marketing. Nested scores: Hughes's "RFM cells", and
        the "nested" binning of SPSS; "cuts" is its rule for equal values.
    """
    day = periods.as_day(as_of, argument="as_of")
    checked_scoring(bins, ties, nesting, money, window)
    if cuts is None:
        people = rfm_customers(transactions, as_of=day, window=window, money=money)
        scale = cuts_of_customers(people, day, (bins, ties, nesting, money, window))
        scores = scores_of_customers(people, scale)
        warn_of_empty_scores(scores, scale)
    else:
        said = {"bins": bins, "ties": ties, "nesting": nesting, "money": money, "window": window}
        scale = _checked_scale(cuts, said)
        people = rfm_customers(transactions, as_of=day, window=scale.window, money=scale.money)
        scores = scores_of_customers(people, scale)
    n = people.customer_id.size
    made: dict[str, Any] = {
        "customer_id": people.customer_id,
        "as_of": np.full(n, np.datetime64(day, "D")),
        "days_since_last": people.days_since_last,
        "n_orders": people.n_orders,
        "value": people.value,
        **dict(zip("rfm", scores, strict=True)),
        "segment": _codes_of_scores(*scores),
        "n_customers": np.full(n, n, np.int64),
    }
    for name in ("ties", "nesting", "money"):
        made[name] = FewTexts(np.zeros(n, np.int8), (getattr(scale, name),))
    return table_like(made, transactions)


def _checked_scale(cuts: object, said: Mapping[str, object]) -> RfmCuts:
    """The scale of another day, once nothing else is said that it says otherwise.

    Raises:
        RetentionError: if it is none, or something is.
    """
    if not isinstance(cuts, RfmCuts):
        raise RetentionError(f"`cuts` must be a value from `rfm_cuts(...)`; got {cuts!r}.")
    for name, value in said.items():
        meant = getattr(cuts, name)
        if value not in (_USUAL[name], meant):
            raise RetentionError(
                f"`cuts` was made with {name}={meant!r}, so {name}={value!r} is another scale. "
                f"Leave {name} out, or make other cuts with `rfm_cuts(..., {name}={value!r})`."
            )
    return cuts


def _codes_of_scores(r: NDArray[np.int64], f: NDArray[np.int64], m: NDArray[np.int64]) -> FewTexts:
    """Three scores as one text: 5, 4 and 3 are "543"."""
    codes, place = np.unique(r * 100 + f * 10 + m, return_inverse=True)
    return FewTexts(place.astype(np.int64), tuple(map(str, codes.tolist())))
