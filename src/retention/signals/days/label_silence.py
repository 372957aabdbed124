"""Labels of silence: who bought nothing in a window after the day, once the window is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError, check_choice, is_number, warn
from retention.frames import Frame, count, one_row
from retention.periods import as_day, whole_days
from retention.signals.days.asked_days import tables_together
from retention.signals.days.label_columns import LABELS_MADE, NAMES, NOT_OVER, labelled
from retention.signals.days.own_rates import Rates, own_window, rates_of_purchases
from retention.signals.days.purchase_moments import with_next_purchase, with_record
from retention.spells.days import purchase_days
from retention.tables import SNAPSHOTS, TRANSACTIONS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.repeat_buying.buying.purchase_model import PurchaseModel

_NO_RECORD = "no purchase by that day"
_TOO_LONG = "own window longer than within"
_LONG = 1e6
"""No window is longer, in days."""
_MOST_UNKNOWN = 0.1


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a label is of.

    Attributes:
        within: days of the window, or the most that it may have.
        lead: days between the snapshot and the window.
        as_of: the last observed day, as a number.
        rates: how customers differ, where each has a window of its own.
        miss: the chance with which a customer who is still here misses the own window.
    """

    within: int
    lead: int
    as_of: int
    rates: Rates | None
    miss: float


@gives("a customer on a day, labelled", SNAPSHOTS.columns[:2], LABELS_MADE)
def label_silence(
    snapshots: IntoFrameT,
    transactions: IntoFrameT,
    *,
    within: int,
    as_of: date | str,
    lead: int = 0,
    window: Literal["fixed", "own"] = "fixed",
    model: PurchaseModel | None = None,
    miss: float = 0.05,
) -> IntoFrameT:
    """Which customers of a day bought nothing in the window after it, where that is known.

    For the snapshot of day a, with a lead of l days and a window of w,

        churned = 1 if no purchase falls on a + l + 1 … a + l + w,   0 if one does.

    A purchase within the lead counts neither way: nothing could have been done by then. A window
    that is not over by `as_of` is null for all its customers, those who bought already included:
    to keep the zeros that are known would make the days whose windows are half seen look loyal, and
    to take the rest for lost would make them look lost.

    With window="fixed" every w is `within`. "No purchase in so many days" then measures slowness as
    much as leaving: of customers who buy once a year nearly all are silent for a month. With
    window="own" each has the window in which a customer of such a record who is still here buys
    with a chance of 1 − miss: with x purchases after the first in t_x days, s days silent, and
    rates that differ by Gamma(r, α) among customers,

        w = ⌈(α + t_x + s) (miss^(−1/(r + x)) − 1)⌉,

    so that if nobody ever left, the share of ones would be `miss`, and what is beyond it estimates
    departures. A w beyond `within` is null.

    Args:
        snapshots: a table of `snapshots`.
        transactions: a table from `as_transactions`, of the same kind.
        within: days of the window, 1 or more; with window="own" the most that a window may have.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        lead: days after the snapshot that it takes to act, 0 or more.
        window: "fixed", the same for all, or "own".
        model: with window="own", of `fit_pareto_nbd`, `fit_mbg_nbd` or `fit_bg_nbd`, fitted on what
            was known by the first of the snapshots' days.
        miss: with window="own", the share of those still here that the window misses.

    Returns:
        The snapshots, in the caller's kind, with `churned` (1, 0, null where not known),
        `label_from`, `label_to` (first and last day of the window), `known_on` (the first day on
        whose evening the label is known: `label_to`) and `label_reason` (why it is null: "window
        not over", "own window longer than within", "no purchase by that day"; else null). Eager
        tables are sorted by customer and day.

    Raises:
        RetentionError: if `within` or `lead` is no whole number of days, `miss` lies not between 0
            and 1, window="own" lacks a model, or window="fixed" has one.
        ColumnError: if a column is missing, of the wrong type, or the snapshots have labels.
        ContentError: if a snapshot lacks its customer or day, or there is no purchase up to
            `as_of`.
        TableError: if the two are different kinds of table.

    Example:
        On 20 January both were there. Ann bought again within 10 days, Bob did not; of the window
        that begins on 11 February nobody knows on the 15th.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-11", "2024-01-25", "2024-01-20", "2024-02-12"]
        ...     ),
        ...     "sales": [10.0, 20.0, 30.0, 30.0, 10.0],
        ... })
        >>> days = rt.signals.snapshots(
        ...     orders, dates=["2024-01-20", "2024-02-10"], active_within=30
        ... )
        >>> found = rt.signals.label_silence(days, orders, within=10, as_of="2024-02-15")
        >>> found[["customer_id", "as_of", "churned", "label_to", "label_reason"]]
          customer_id      as_of  churned   label_to     label_reason
        0         Ann 2024-01-20      0.0 2024-01-30              NaN
        1         Ann 2024-02-10      NaN 2024-02-20  window not over
        2         Bob 2024-01-20      1.0 2024-01-30              NaN
        3         Bob 2024-02-10      NaN 2024-02-20  window not over

    Source:
        Windows with a lead and known outcomes: Gattermann-Itschert and Thonemann (2022), European
        Journal of Operational Research. The own window: the Gamma–Poisson silence of Schmittlein,
        Morrison and Colombo (1987), Management Science 33, 1–24, solved for its length.
    """
    asked = _checked_question(within, lead, as_of, window, model, miss)
    rows, log = tables_together(snapshots, transactions, TRANSACTIONS, adds=NAMES)
    names = [name for name in rows.collect_schema().names() if name != "_day"]
    bought = purchase_days(log, as_of=periods.day_of(asked.as_of), keep={})
    found = _with_window(with_next_purchase(rows, bought, lead=asked.lead), bought, asked)
    told = rows.join(found, on=["customer_id", "_day"], how="left")
    if asked.rates is not None:
        _warn_of_unknown(told)
    return labelled(told, snapshots, names)


def _checked_question(
    within: int, lead: int, as_of: date | str, window: str, model: object, miss: float
) -> _Asked:
    """The question, once it is one.

    Raises:
        RetentionError: if it is none.
    """
    check_choice("window", window, ("fixed", "own"))
    if (model is not None) != (window == "own"):
        raise RetentionError(
            "window='own' takes each customer's rate from a model: say `model=`, of "
            "fit_pareto_nbd(...) or another. window='fixed' takes none."
        )
    if not (is_number(miss) and 0 < miss < 1):
        raise RetentionError(f"miss is a share between 0 and 1, such as 0.05; got {miss!r}.")
    return _Asked(
        whole_days(within, argument="within", least=1),
        whole_days(lead, argument="lead", least=0),
        periods.number_of(as_day(as_of, argument="as_of")),
        None if model is None else rates_of_purchases(model),
        float(miss),
    )


def _with_window(rows: Frame, bought: Frame, asked: _Asked) -> Frame:
    """The label of each customer and day, the window it is of, and why it is not known."""
    first = nw.col("_day") + asked.lead + 1
    if asked.rates is None:
        sized = rows.with_columns(_w=nw.lit(float(asked.within)))
    else:
        told = rows.join(with_record(rows, bought), on=["customer_id", "_day"], how="left")
        record = (nw.col("_x"), nw.col("_t_x"), nw.col("_s"))
        days = own_window(asked.rates, *record, asked.miss).ceil().cast(nw.Float64)
        most = nw.when(days > _LONG).then(nw.lit(_LONG)).otherwise(days)
        sized = told.with_columns(_w=most)
    ends = nw.col("_day") + asked.lead + nw.col("_w")
    dated = sized.with_columns(_from=first.cast(nw.Float64), _to=ends).with_columns(
        _known=nw.col("_to")
    )
    why = (
        nw.when(nw.col("_w").is_null())
        .then(nw.lit(_NO_RECORD))
        .when(nw.col("_w") > asked.within)
        .then(nw.lit(_TOO_LONG))
        .when(nw.col("_known") > asked.as_of)
        .then(nw.lit(NOT_OVER))
    )
    silent = nw.col("_next").is_null() | (nw.col("_next") > nw.col("_to"))
    names = ("customer_id", "_day", "_from", "_to", "_known")
    return dated.with_columns(_label=count(silent), _why=why).select(*names, "_label", "_why")


def _warn_of_unknown(rows: Frame) -> None:
    """Warn where so many own windows are not known that the share of ones misleads."""
    marked = rows.with_columns(_u=count(~nw.col("_why").is_null()))
    found = one_row(marked.select(nw.len().alias("n"), unknown=nw.col("_u").sum()))
    n, unknown = int(found["n"]), int(found["unknown"] or 0)
    if unknown > _MOST_UNKNOWN * n:
        warn(
            f"label_silence: {unknown:,} of {n:,} labels are not known, of slow customers above "
            "all: the share of ones says little of departures. Take earlier days, or a longer "
            "`within` where the log allows it."
        )
