"""What an offer is expected to bring, customer by customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import ColumnError, ContentError
from retention.frames import Frame, count, in_kind_of, one_row
from retention.tables import column_names
from retention.tables.answer_columns import amounts, answer_of, gives, ids, shares, texts
from retention.targeting.offers.offer import checked_offer
from retention.targeting.offers.offer_numbers import (
    chance_of_leaving,
    customers_with_numbers,
    fall_of_chance,
    numbers_as_columns,
    quantities_of_offer,
    value_of_saved,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.targeting.offers.offer import Offer
    from retention.targeting.offers.offer_numbers import Quantity

_LACKING = {
    "churn": "the chance to leave is missing",
    "value": "the value is missing",
    "uplift": "the uplift is missing",
}
_ABOVE = "the uplift is larger than the chance to leave: no more than all who would leave are saved"
_BELOW = "the uplift loses more than would stay: no more than all of these are lost"
_HERE = "_made_of_"


@gives(
    "customer",
    ids("customer_id"),
    shares("churn_probability"),
    amounts("value"),
    shares("saved", "lost"),
    amounts("expected_gain", "expected_taking", "expected_loss", "making", "expected_profit"),
    shares("break_even_risk"),
    texts("reason", "note"),
)
def offer_profit(
    customers: IntoFrameT,
    *,
    offer: Offer,
    churn: str = "churn_probability",
    value: float | str = "value",
    uplift: str | None = None,
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """What making an offer to each customer is expected to bring.

    With p the chance that a customer leaves if nothing is done, V what one is worth who is saved,
    and the numbers of the offer (f making, d taking, γ success, α stayers_taking, β stayers_lost):

        saved            = p γ                         lost = (1 − p) β
        expected_gain    = saved V                     expected_loss = lost V
        expected_taking  = d (saved + α ((1 − p) − lost)),   making = f
        expected_profit  = gain − taking − loss − making
                         = p γ (V − d) − (1 − p) ((1 − β) α d + β V) − f
        break_even_risk  = ((1 − β) α d + β V + f) / (γ (V − d) + (1 − β) α d + β V)

    With `uplift`, a column u of how far the offer lowers each one's chance to leave, as an
    experiment found it,

        saved = max(u, 0),   lost = max(−u, 0).

    **Which p, which V.** p is the chance to leave within the time for which the offer binds
    (`predict_churn`; of orders `p_no_purchase` of `churn_score`, but not buying for some days is
    not yet leaving). V is what a kept customer brings from the day they would have left:
    `residual_value(..., whose="saved")`, for the saved leave more easily than others. An offer that
    only delays leaving needs V over the delay (`horizon` = its length). High risk is not high
    profit, nor is it responsiveness: see `rule_profit`.

    Args:
        customers: a table with `customer_id` and the columns named below, such as the answers of
            `predict_churn` and `residual_value` joined.
        offer: the offer.
        churn: the column of p, 0 to 1.
        value: the column of V, or one amount for all; currency.
        uplift: the column of u, −1 to 1; the offer then leaves success and stayers_lost open
            (None).
        keep: columns of `customers` that come along, behind all others.

    Returns:
        One row per customer, in the caller's kind and, but for lazy tables, order: `customer_id`,
        `churn_probability` (p), `value` (V), `saved`, `lost` (chances), `expected_gain`,
        `expected_taking`, `expected_loss`, `making`, `expected_profit` (currency),
        `break_even_risk` (p from which on the offer pays; null where none from 0 to 1 parts profit
        from loss, or with `uplift`), `reason` (why the profit is null; else null), `note` (where
        the uplift had to be cut to what the risk allows; else null), then the `keep` columns.

    Raises:
        RetentionError: if the offer is none, or it and the table both say what it does.
        ColumnError: if a column is missing or holds no numbers.
        ContentError: if a number is out of its range, or nobody has a chance or a value.

    Example:
        A call costs 1 and the discount 10; three in ten leavers are kept, all stayers take it:
        0.5 · 0.3 · 190 − 0.5 · 10 − 1 = 22.5.

        >>> import pandas as pd
        >>> import retention as rt
        >>> offer = rt.targeting.Offer(
        ...     making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0
        ... )
        >>> customers = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"],
        ...     "churn_probability": [0.5, 0.2, 0.05],
        ...     "value": [200, 400, 100],
        ... })
        >>> profits = rt.targeting.offer_profit(customers, offer=offer)
        >>> profits[["customer_id", "expected_profit", "break_even_risk"]].round(4)
          customer_id  expected_profit  break_even_risk
        0         Ann            22.50           0.1642
        1         Bob            14.40           0.0866
        2         Cem            -9.15           0.2973

    Source:
        Neslin, S. A. and others (2006), Defection detection, Journal of Marketing Research 43,
        204–211; Verbraken, T., Verbeke, W. and Baesens, B. (2013), A novel profit maximizing
        metric, IEEE Transactions on Knowledge and Data Engineering 25, 961–973, where α = 1 and
        β = 0.
    """
    said = checked_offer(offer, measured=uplift is not None)
    asked = [chance_of_leaving(churn), value_of_saved(value)]
    asked += [] if uplift is None else [fall_of_chance(uplift)]
    asked += quantities_of_offer(said)
    frame = customers_with_numbers(customers, asked)
    kept = _names_to_keep(frame, keep)
    number = numbers_as_columns(frame, asked)
    _refuse_all_missing(frame, asked, number)
    inside = {f"{_HERE}{name}": each for name, each in number.items()}
    read = frame.select("customer_id", *kept, **inside)
    if uplift is None:
        read = read.with_columns(**_effect_of_offer())
    else:
        read = read.with_columns(**_effect_of_uplift())
    return in_kind_of(_columns_of_profit(read, asked, kept, measured=uplift is not None), customers)


def _names_to_keep(frame: Frame, keep: str | Sequence[str]) -> list[str]:
    """The columns that come along."""
    present = frame.collect_schema()
    hidden = [name for name in present if name.startswith(_HERE)]
    names = column_names(keep, answer=hidden, argument="keep")
    for name in names:
        if name not in present:
            raise ColumnError.unknown("keep", name, present)
    return [name for name in names if name != "customer_id"]


def _refuse_all_missing(
    frame: Frame, asked: Sequence[Quantity], number: Mapping[str, nw.Expr]
) -> None:
    """Refuse a table in which nobody has what a profit is made of."""
    ways = {
        "churn": "Make it with predict_churn(...).",
        "value": "Make it with residual_value(...).",
        "uplift": "Take it from a model of an experiment.",
    }
    named = [each for each in asked if each.column is not None and each.argument in ways]
    known = {each.argument: count(~number[each.argument].is_null()) for each in named}
    told = one_row(frame.select(_n=nw.lit(1), **known).select(nw.all().sum()))
    for each in named:
        if told["_n"] and not told[each.argument]:
            what = {"churn": "a chance to leave", "value": "a value", "uplift": "an uplift"}
            raise ContentError(
                f"customers: nobody has {what[each.argument]} in {each.said!r}. "
                f"{ways[each.argument]}"
            )


def _part(name: str) -> nw.Expr:
    return nw.col(f"{_HERE}{name}")


def _effect_of_offer() -> dict[str, nw.Expr]:
    """Who is saved and who is lost, as the offer says."""
    p = _part("churn")
    return {
        f"{_HERE}saved": p * _part("success"),
        f"{_HERE}lost": (1 - p) * _part("stayers_lost"),
    }


def _effect_of_uplift() -> dict[str, nw.Expr]:
    """Who is saved and who is lost, as an experiment says; no more than there are."""
    p, u = _part("churn"), _part("uplift")
    known = ~p.is_null() & ~u.is_null()
    nobody = nw.lit(0.0).cast(nw.Float64)
    saved = nw.when(u > p).then(p).when(u > 0).then(u).otherwise(nobody)
    lost = nw.when(u < p - 1).then(1 - p).when(u < 0).then(-u).otherwise(nobody)
    return {
        f"{_HERE}saved": nw.when(known).then(saved),
        f"{_HERE}lost": nw.when(known).then(lost),
    }


def _columns_of_profit(
    read: Frame, asked: Sequence[Quantity], kept: Sequence[str], *, measured: bool
) -> Frame:
    """The answer, from the numbers of each customer."""
    p, v = _part("churn"), _part("value")
    saved, lost = _part("saved"), _part("lost")
    taking = _part("taking") * (saved + _part("stayers_taking") * ((1 - p) - lost))
    money = read.select(
        "customer_id",
        *kept,
        *(f"{_HERE}{each.argument}" for each in asked),
        churn_probability=p,
        value=v,
        saved=saved,
        lost=lost,
        expected_gain=saved * v,
        expected_taking=taking,
        expected_loss=lost * v,
        making=_part("making"),
    )
    earned = nw.col("expected_gain") - nw.col("expected_taking") - nw.col("expected_loss")
    profit = money.with_columns(expected_profit=earned - nw.col("making"))
    told = profit.with_columns(
        break_even_risk=_null_number() if measured else _break_even_risk(),
        reason=_why_unknown(asked),
        note=_what_was_cut() if measured else nw.lit(None).cast(nw.String),
    )
    return told.select(*answer_of(offer_profit).names, *kept)


def _null_number() -> nw.Expr:
    return nw.lit(None).cast(nw.Float64)


def _break_even_risk() -> nw.Expr:
    """The chance to leave at which the offer neither wins nor loses, where there is one."""
    v, d, lost = _part("value"), _part("taking"), _part("stayers_lost")
    stayer = (1 - lost) * _part("stayers_taking") * d + lost * v
    least, slope = stayer + _part("making"), _part("success") * (v - d) + stayer
    return nw.when((slope > 0) & (least >= 0) & (least <= slope)).then(least / slope)


def _why_unknown(asked: Sequence[Quantity]) -> nw.Expr:
    """Why the profit of a customer is null."""
    why = nw.lit(None).cast(nw.String)
    for each in reversed([each for each in asked if each.column is not None]):
        said = _LACKING.get(each.argument, f"the offer's {each.argument} is missing")
        why = nw.when(_part(each.argument).is_null()).then(nw.lit(said)).otherwise(why)
    return why


def _what_was_cut() -> nw.Expr:
    """Where an uplift and a risk do not go together."""
    p, u = _part("churn"), _part("uplift")
    below = nw.when(u < p - 1).then(nw.lit(_BELOW)).otherwise(nw.lit(None).cast(nw.String))
    return nw.when(u > p).then(nw.lit(_ABOVE)).otherwise(below)
