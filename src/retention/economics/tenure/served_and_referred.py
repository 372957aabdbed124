"""What it cost to serve customers at each age, and whom they won for us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError
from retention.frames import Frame, beside, collect, count, one_row
from retention.tables import CUSTOMER, REFERRALS, Column, Kind, refuse_other_ids, require

if TYPE_CHECKING:
    from retention.economics.tenure.counts import Tenure

SERVED = Kind(
    "served",
    "what it cost to serve a customer in a period",
    "cost_to_serve",
    (
        CUSTOMER,
        Column("period", "time", "first day of the period"),
        Column("step", "integer", "consecutive number of the period"),
        Column("cost_to_serve", "number", "what it cost", "currency"),
    ),
)


def with_costs_of_ages(tenure: Tenure, served: object) -> Frame:
    """The rows of tenure with `_cost`, and `_covered`: 1 where the costs reach over the whole age.

    A period's cost belongs to the age in which the period opens; that of the period in which the
    customer began, to the first.

    Raises:
        ContentError: if nobody of the one table is in the other.
    """
    given = require(served, SERVED, adds="all")
    refuse_other_ids(tenure.frame, given, ("tenure", "served"))
    table = beside(tenure.frame, served, name="served")
    window = _periods_of_costs(table)
    engine, months = table.implementation, periods.months_of(tenure.length)
    dated = table.select(
        "customer_id",
        nw.col("step").cast(nw.Int64),
        _cost=nw.col("cost_to_serve").cast(nw.Float64),
        _day=periods.day_expr("period", engine),
    )
    after = dated.with_columns(_after=periods.date_expr(nw.col("_day") + 1, engine))
    own = tenure.frame.select("customer_id", "start").unique()
    begun = own.with_columns(_began=periods.day_expr("start", engine))
    numbered = begun.with_columns(
        _step=periods.step_expr("start", "_began", window.freq).cast(nw.Int64)
    )
    met = after.join(numbered, on="customer_id", how="inner")
    _refuse_strangers_of(met, "served")
    since = met.filter(nw.col("step") >= nw.col("_step"))
    age = periods.months_before("_after", "start") // months + 1
    aged = since.with_columns(_age=age)
    first = nw.when(nw.col("_age") < 1).then(nw.lit(1)).otherwise(nw.col("_age"))
    summed = aged.with_columns(age=first.cast(nw.Int64)).group_by("customer_id", "age")
    costs = summed.agg(nw.col("_cost").sum())
    rows = tenure.frame.join(costs, on=["customer_id", "age"], how="left")
    covered = rows.with_columns(
        _opens=periods.anniversary_number("start", (nw.col("age") - 1) * months),
        _closes=periods.anniversary_number("start", nw.col("age") * months),
    )
    return covered.with_columns(nw.col("_cost").fill_null(0.0), _covered=count(_is_covered(window)))


def _periods_of_costs(table: Frame) -> periods.Window:
    """The first and the last period for which there are costs, and their length."""
    found = collect(table.select("period", "step").unique())
    if not found["step"].size:
        raise ContentError("served is empty: there is no cost of any customer in it.")
    freq = periods.freq_of(found["period"], found["step"])
    return periods.Window(int(found["step"].min()), int(found["step"].max()), freq)


def _is_covered(window: periods.Window) -> nw.Expr:
    """Whether every period that opens in the age is one of which there are costs."""
    before = periods.first_day_number(window.first_step - 1, window.freq)
    begins = periods.first_day_number(window.first_step, window.freq)
    over = periods.first_day_number(window.last_step + 1, window.freq)
    later = (nw.col("age") > 1) & (nw.col("_opens") > before)
    return ((nw.col("_opens") >= begins) | later) & (nw.col("_closes") <= over)


def referrals_by_age(tenure: Tenure, referrals: object) -> Frame:
    """How many customers each customer won at each age (`_won`), of those that tenure knows.

    A customer who was referred several times was won by the first who did.

    Raises:
        ContentError: if nobody who referred is in the table of tenure.
    """
    given = require(referrals, REFERRALS, adds="none")
    refuse_other_ids(tenure.frame, given, ("tenure", "referrals"))
    table = beside(tenure.frame, referrals, name="referrals")
    engine, months = table.implementation, periods.months_of(tenure.length)
    day = periods.day_expr("date", engine)
    _refuse_odd_referrals(table)
    dated = table.select("customer_id", "referred_id", _day=day)
    least = nw.col("_day").min().over("referred_id")
    first = dated.with_columns(_least=least).filter(nw.col("_day") == nw.col("_least"))
    once = first.group_by("referred_id").agg(nw.col("customer_id").min(), nw.col("_day").min())
    own = tenure.frame.select("customer_id", "start").unique()
    met = once.join(own, on="customer_id", how="inner")
    _refuse_strangers_of(met, "referrals")
    after = met.with_columns(
        _after=periods.date_expr(nw.col("_day") + 1, engine),
        _began=periods.day_expr("start", engine),
    ).filter(nw.col("_day") >= nw.col("_began"))
    age = periods.months_before("_after", "start") // months + 1
    aged = after.with_columns(age=age.cast(nw.Int64))
    won = aged.group_by("customer_id", "age").agg(nw.len().alias("_won"))
    return won.with_columns(nw.col("_won").cast(nw.Float64))


def _refuse_odd_referrals(table: Frame) -> None:
    """Refuse what the door would have set aside."""
    names = ("customer_id", "referred_id", "date")
    schema = table.collect_schema()
    alike = schema["customer_id"] == schema["referred_id"]
    same = nw.col("customer_id") == nw.col("referred_id") if alike else nw.lit(value=False)
    rows = table.with_columns(_own=count(same)).select(
        *(nw.col(name).count() for name in names), nw.col("_own").sum(), n=nw.len()
    )
    found = {name: int(n or 0) for name, n in one_row(rows).items()}
    odd = {f"has no {name}": found["n"] - found[name] for name in names}
    odd["says that customers won themselves"] = found["_own"]
    for what, n in odd.items():
        if n:
            raise ContentError(
                f"referrals: {n:,} of {found['n']:,} rows are odd: one {what}. "
                "as_referrals(...) names them, audit(as_referrals, ...) sets them aside."
            )


def _refuse_strangers_of(met: Frame, name: str) -> None:
    if not one_row(met.select(n=nw.len()))["n"]:
        raise ContentError(f"No customer_id of {name} is in tenure: do the ids agree?")
