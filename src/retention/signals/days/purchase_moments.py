"""What customers had bought by a day, and when they next bought: one sort of both together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from retention.frames import Frame

_FAR = 10**9
_ASKED = ["customer_id", "_day"]


def with_next_purchase(asked: Frame, bought: Frame, *, lead: int) -> Frame:
    """The first purchase after the `lead` days that follow each day, as `_next`; null if none.

    Args:
        asked: customers and days, `customer_id` and `_day`.
        bought: the days of purchases, in the same columns, each once a customer.
        lead: days to pass over.

    Returns:
        `customer_id`, `_day` and `_next`, each customer and day once.
    """
    days = _purchases_and_questions(asked, bought, lead)
    key = nw.col("_key") * -1
    back = days.with_columns(_back=key).with_columns(
        _next=nw.col("_at").cum_min().over("customer_id", order_by="_back")
    )
    found = back.filter(nw.col("_is_asked") == 1)
    known = nw.when(nw.col("_next") < _FAR).then(nw.col("_next"))
    return found.select("customer_id", "_day", known.cast(nw.Float64).alias("_next"))


def with_record(asked: Frame, bought: Frame) -> Frame:
    """What each customer had bought by each day: `_x` purchases after the first, `_t_x`, `_s`.

    Args:
        asked: customers and days, `customer_id` and `_day`.
        bought: the days of purchases, in the same columns, each once a customer.

    Returns:
        `customer_id`, `_day`, `_x`, `_t_x` (days from the first to the last) and `_s` (days since
        the last), each customer and day once; null where nothing was bought by then.
    """
    days = _purchases_and_questions(asked, bought, 0).with_columns(
        _one=1 - nw.col("_is_asked"),
        _ago=nw.when(nw.col("_is_asked") == 0).then(nw.col("_at")).otherwise(nw.lit(-_FAR)),
    )
    running = {
        "_n": nw.col("_one").cum_sum(),
        "_first": nw.col("_at").cum_min(),
        "_last": nw.col("_ago").cum_max(),
    }
    over = {name: e.over("customer_id", order_by="_key") for name, e in running.items()}
    found = days.with_columns(**over).filter(nw.col("_is_asked") == 1)
    there = nw.col("_n") > 0
    told = {
        "_x": nw.col("_n") - 1,
        "_t_x": nw.col("_last") - nw.col("_first"),
        "_s": nw.col("_day") - nw.col("_last"),
    }
    known = {name: nw.when(there).then(e).cast(nw.Float64) for name, e in told.items()}
    return found.select("customer_id", "_day", **known)


def _purchases_and_questions(asked: Frame, bought: Frame, lead: int) -> Frame:
    """Purchases and days asked for under one another, each later than the purchases of its day."""
    purchase = bought.select(
        "customer_id",
        "_day",
        _at=nw.col("_day").cast(nw.Int64),
        _key=(nw.col("_day") * 2).cast(nw.Int64),
        _is_asked=nw.lit(0).cast(nw.Int64),
    )
    question = (
        asked.select(*_ASKED)
        .unique()
        .select(
            "customer_id",
            "_day",
            _at=nw.lit(_FAR).cast(nw.Int64),
            _key=((nw.col("_day") + lead) * 2 + 1).cast(nw.Int64),
            _is_asked=nw.lit(1).cast(nw.Int64),
        )
    )
    return nw.concat([purchase, question], how="vertical")
