"""The spells that run on a day, counted from there: how much longer customers stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import YOURS, ColumnError, ContentError, RetentionError, count_of
from retention.frames import Frame, beside, count, in_kind_of, one_row
from retention.tables import (
    CUSTOMER,
    SPELLS,
    Column,
    Kind,
    column_names,
    refuse_other_ids,
    require,
    typed_as,
)
from retention.tables.answer_columns import answer_of, flags, gives, ids, numbers, texts, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

_NO_DAY = "no day is said"
_NO_CUSTOMER = "not a customer on that day"
NOT_SEEN = "observation ended before that day"
"""Why nothing is counted of one who was a customer when last seen, which was before the day."""

_BESIDE = ("_day", "_known", "_left", "_start", "_lasted", "_entry", "_why", "_tenure", "_whole")
"""What stands beside kept columns on the way to the answer."""

_SAME_SPELL = (
    "spells: made with `reactivation='same_spell'`, which knows of every silence whether it was "
    "going to end. Make them with `reactivation='new_spell'`."
)


@gives(
    "a customer and a day",
    ids("customer_id"),
    times("since"),
    numbers("spell"),
    numbers("tenure", "entry", "duration", unit="days"),
    flags("churned"),
    texts("set_aside", "reactivation"),
)
def spells_since(
    spells: IntoFrameT,
    customers: IntoFrameT,
    *,
    since: str,
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """How much longer customers stayed after a day: of an offer, an assignment, a score.

    Of each customer the spell that runs on the day S counts: start ≤ S < end, or seen up to S and
    running on. With s its start and d its duration,

        tenure = S − s,   duration = d − tenure,

    so that survival functions count from S on, and who was not seen to leave is censored as before.
    A spell that comes under observation after S does so `entry` days later. The day itself may
    differ from customer to customer, and a customer may have several rows, on different days.

    Args:
        spells: a table from `purchase_spells` or `contract_spells`.
        customers: a table of `customer_id` and a column of days, of the same kind as `spells`.
        since: that column.
        keep: columns of `customers` to carry along, such as the arm of an experiment, a score, or
            the plan on that day.

    Returns:
        One row per row of `customers`, in the kind of `spells`: `customer_id`, `since` (the day),
        `spell` (which of the customer's), `tenure`, `entry` (null if watched from the day on),
        `duration` (days from the day to the end, or as far as it was seen), `churned`, `set_aside`
        (why it is of no use to survival analysis: "no day is said", "not a customer on that day",
        "observation ended before that day", or what the spell was set aside for; else null; the
        numbers of the first three are null, and `churned` is false), `reactivation`, and the
        columns to carry along. Eager tables are sorted by customer and day.

    Raises:
        RetentionError: if `since` is no text, or the spells were made with
            `reactivation="same_spell"`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a customer has two rows on one day, or two spells that run on it.

    Example:
        Both were made an offer on 1 February. Ann left four weeks later; Bob was not a customer.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-03-01", "2024-01-01"]),
        ...     "end": pd.to_datetime(["2024-02-29", None, None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-03-31", grace=0)
        >>> offers = contracts[["customer_id"]].assign(offered=pd.Timestamp("2024-02-01"))
        >>> later = rt.spells.spells_since(spells, offers, since="offered")
        >>> later[["customer_id", "tenure", "duration", "churned"]]
          customer_id  tenure  duration  churned
        0         Ann    31.0      28.0     True
        1         Bob     NaN       NaN    False
        2         Cem    31.0      59.0    False
        >>> later["set_aside"][1]
        'not a customer on that day'

    Source:
        Landmark analysis: van Houwelingen, H. C. and Putter, H. (2012), Dynamic Prediction in
        Clinical Survival Analysis, chapter 2.
    """
    frame = require(spells, SPELLS, adds="none")
    asked, kept = _customers_and_days(frame, customers, since, keep)
    if one_row(frame.select(n=nw.col("reactivation").max()))["n"] == "same_spell":
        raise RetentionError(_SAME_SPELL)
    found = _running_on_day(frame, asked)
    _refuse_two_on_one_day(asked, found)
    answer = _columns_since(asked.join(found, on=["customer_id", "_day"], how="left"), kept)
    order = ["customer_id", "since"]
    return in_kind_of(answer, spells, order=order, keep_type=["customer_id"])


def _customers_and_days(
    frame: Frame, customers: object, since: str, keep: str | Sequence[str]
) -> tuple[Frame, list[str]]:
    """The customers and their days (`since`, and `_day` as a number) beside the spells."""
    if not isinstance(since, str):
        raise RetentionError(
            f"since must name the column of customers that says the day; got {since!r}."
        )
    name = column_names(since, argument="since")[0]
    taken = (*answer_of(spells_since).names, *_BESIDE)
    kept = column_names(keep, answer=taken, argument="keep")
    day = Column(name, "time", "the day from which time is counted")
    given = require(customers, Kind("customers", "a customer and a day", YOURS, (CUSTOMER, day)))
    for other in kept:
        if other not in given.collect_schema():
            raise ColumnError.unknown("keep", other, given.collect_schema())
    refuse_other_ids(frame, given, ("spells", "customers"))
    table = typed_as(beside(frame, customers, name="customers"), given)
    _refuse_rows_of_nobody(table)
    engine = table.implementation
    rows = table.select(
        "customer_id", *kept, _day=periods.day_expr(name, engine), _known=~nw.col(name).is_null()
    )
    whole = nw.when(nw.col("_known")).then(nw.col("_day")).cast(nw.Float64)
    return rows.with_columns(_day=whole), kept


def _refuse_rows_of_nobody(table: Frame) -> None:
    """Refuse rows without an id: nothing can be counted of them, and nobody would miss them."""
    found = one_row(table.select(n=nw.len(), known=nw.col("customer_id").count()))
    if n := int(found["n"]) - int(found["known"]):
        raise ContentError(
            f"customers: {count_of(n, 'row has', 'rows have')} no customer_id. Leave them out."
        )


def _running_on_day(frame: Frame, asked: Frame) -> Frame:
    """The spells that run on the days that are asked for, or ran on when last seen before them."""
    start = periods.day_expr("start", frame.implementation)
    told = frame.select(
        "customer_id",
        "spell",
        _left=count(nw.col("churned")),
        _start=start,
        _lasted=nw.col("duration").cast(nw.Float64),
        _entry=nw.col("entry").cast(nw.Float64),
        _why=nw.col("set_aside"),
    )
    days = asked.filter(nw.col("_known")).select("customer_id", "_day").unique()
    met = days.join(told, on="customer_id", how="inner")
    tenure = met.with_columns(_tenure=nw.col("_day") - nw.col("_start"))
    begun = nw.col("_tenure") >= 0
    running = (nw.col("_left") == 0) | (nw.col("_tenure") < nw.col("_lasted"))
    return tenure.filter(begun, running)


def _refuse_two_on_one_day(asked: Frame, found: Frame) -> None:
    """Refuse what makes two rows of one customer and day."""
    twice = {"customers": asked.filter(nw.col("_known")), "spells": found}
    for name, rows in twice.items():
        each = rows.group_by("customer_id", "_day").agg(nw.len().alias("n"))
        several = each.filter(nw.col("n") > 1)
        told = one_row(several.select(nw.len().alias("n"), nw.col("customer_id").min()))
        if n := int(told["n"]):
            what = "rows on one day" if name == "customers" else "spells that run on one day"
            raise ContentError(
                f"{name}: {count_of(n, 'customer has', 'customers have')} several {what}, "
                f"such as {told['customer_id']!r}. Keep one of them."
            )


def _columns_since(rows: Frame, kept: Sequence[str]) -> Frame:
    """The answer: what is counted from the day, or why nothing is."""
    met, left = ~nw.col("_tenure").is_null(), nw.col("_lasted") - nw.col("_tenure")
    seen, ahead = met & (left >= 0), nw.col("_entry") - nw.col("_tenure")
    why = (
        nw.when(~nw.col("_known"))
        .then(nw.lit(_NO_DAY))
        .when(~met)
        .then(nw.lit(_NO_CUSTOMER))
        .when(~seen)
        .then(nw.lit(NOT_SEEN))
        .otherwise(nw.col("_why"))
    )
    day = nw.when(nw.col("_known")).then(nw.col("_day")).otherwise(nw.lit(0.0)).cast(nw.Int64)
    numbered = rows.with_columns(_whole=day)
    date = periods.date_expr(nw.col("_whole"), rows.implementation)
    return numbered.select(
        "customer_id",
        nw.when(nw.col("_known")).then(date).alias("since"),
        nw.when(seen).then(nw.col("spell")).cast(nw.Float64).alias("spell"),
        nw.when(seen).then(nw.col("_tenure")).cast(nw.Float64).alias("tenure"),
        nw.when(seen & (ahead > 0)).then(ahead).alias("entry"),
        nw.when(seen).then(left).alias("duration"),
        (count(seen & (nw.col("_left") == 1)) == 1).alias("churned"),
        why.alias("set_aside"),
        nw.lit("new_spell").alias("reactivation"),
        *kept,
    )
