"""Customers whose loss would hurt more than their number says, and the rule that says so."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw

from retention.activity.base_and_later import activity_by_segments
from retention.errors import ContentError, RetentionError, check_choice
from retention.frames import Frame, collect, count, in_kind_of, one_row
from retention.tables.answer_columns import amounts, gives, ids, texts, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

Volume = Literal["sales", "orders"]

_COLUMNS = {"profit": "profit", "sales": "sales", "orders": "n_orders"}
_LISTED = {
    "benchmark": "named as a benchmark, whom other customers copy",
    "door_openers": "named as a door opener to new customers or markets",
}
_SIGNIFICANCE = {"benchmark": "benchmark", "door_openers": "door opener"}


@gives(
    "flagged customer and rule",
    ids("customer_id"),
    texts("significance", "rule"),
    whole_numbers("n_orders"),
    amounts("sales", "profit"),
)
def strategic_customers(
    activity: IntoFrameT,
    *,
    value: float | None = None,
    volume: float | None = None,
    volume_by: Volume = "sales",
    benchmark: Iterable[object] | None = None,
    door_openers: Iterable[object] | None = None,
) -> IntoFrameT:
    """Strategically significant customers, each with the rule that flags them.

    The firm would miss them more than one customer of many. Four rules, each only if you ask:

    - `value`: the customers who brought most profit. Buttle and Maklan mean lifetime value still to
      come; what was earned over all periods of the activity stands in for it.
    - `volume`: those who bought most, by sales or orders: they carry fixed costs even where they
      bring little profit. In a segmented activity an order in two segments counts twice.
    - `benchmark`: customers whom others copy. No order tells who they are: you list them.
    - `door_openers`: customers who gave access to new customers or markets. You list them.

    The top share of n customers is ⌈share · n⌉ of them, and all who brought as much as the last of
    these. Here n counts those who were active in some period; for `value`, those of known profit.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        value: the share of customers with most profit, between 0 and 1, such as 0.1.
        volume: the share of customers with most sales or orders, between 0 and 1.
        volume_by: "sales" or "orders".
        benchmark: ids of customers.
        door_openers: ids of customers.

    Returns:
        One row per flagged customer and rule, in the caller's kind: `customer_id`, `significance`
        ("value", "volume", "benchmark" or "door opener"), `rule` (in words, with the threshold that
        was met), and over all periods of the activity `n_orders`, `sales`, `profit` (currency; null
        where not known). Eager tables are sorted by customer and significance.

    Raises:
        RetentionError: if no rule is asked for, or a share is not between 0 and 1.
        ContentError: if the activity is empty or does not know the money of a rule, or a listed
            customer is not in it.

    Example:
        Of four customers the best by profit is Ann; Dee is copied by others.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-01-21", "2024-01-31"]),
        ...     "sales": [60.0, 90.0, 5.0, 10.0],
        ...     "profit": [30.0, 10.0, 1.0, 2.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-01-31")
        >>> found = rt.kpis.strategic_customers(activity, value=0.25, benchmark=["Dee"])
        >>> for row in found.itertuples():
        ...     print(row.customer_id, "-", row.rule)
        Ann - among the top 25 % by profit: 30.00 or more
        Dee - named as a benchmark, whom other customers copy

    Source:
        Buttle, F. and Maklan, S. (2019), Customer Relationship Management, 4th ed.: strategically
        significant customers.
    """
    check_choice("volume_by", volume_by, ("sales", "orders"))
    shares = {"value": value, "volume": volume}
    lists = {"benchmark": benchmark, "door_openers": door_openers}
    if all(asked is None for asked in (*shares.values(), *lists.values())):
        raise RetentionError(
            "Say at least one rule: value=0.1, volume=0.1, benchmark=[...] or door_openers=[...]."
        )
    people = _customers_ever_active(activity)
    by = {"value": "profit", "volume": volume_by}
    flagged = [
        _top_customers(people, r, by[r], share) for r, share in shares.items() if share is not None
    ]
    flagged += [
        _listed_customers(people, rule, ids) for rule, ids in lists.items() if ids is not None
    ]
    order = ["customer_id", "significance"]
    return in_kind_of(nw.concat(flagged), activity, order=order, keep_type=("customer_id",))


def _customers_ever_active(activity: object) -> Frame:
    """One row per customer who was ever active, with what they brought over all periods."""
    frame, _ = activity_by_segments(activity, (), adds="all")
    marked = frame.with_columns(
        _active=count(nw.col("active")),
        _no_sales=count(nw.col("sales").is_null()),
        _no_profit=count(nw.col("profit").is_null()),
    )
    names = ("n_orders", "sales", "profit", "_active", "_no_sales", "_no_profit")
    summed = marked.group_by("customer_id").agg(*(nw.col(name).sum() for name in names))
    known = summed.filter(nw.col("_active") > 0).with_columns(
        nw.col("n_orders").cast(nw.Int64),
        sales=nw.when(nw.col("_no_sales") == 0).then(nw.col("sales")),
        profit=nw.when(nw.col("_no_profit") == 0).then(nw.col("profit")),
    )
    return known.select("customer_id", "n_orders", "sales", "profit")


def _top_customers(people: Frame, rule: str, by: str, share: Any) -> Frame:
    """The top share by one measure, and all who tie with the last of them."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise RetentionError(
            f"{rule} must be the share of customers that is wanted, between 0 and 1, such as 0.1; "
            f"got {share!r}."
        )
    known = people.with_columns(_x=nw.col(_COLUMNS[by]).cast(nw.Float64), _all=nw.lit(1))
    known = known.filter(~nw.col("_x").is_null()).with_columns(_one=nw.lit(1).cast(nw.Int64))
    ranked = known.with_columns(
        _rank=nw.col("_x").rank("min", descending=True).over("_all"),
        _n=nw.col("_one").sum().over("_all"),
    )
    # Those are in above whom fewer than share · n stand; in a computer 0.07 · 100 is above 7.
    top = ranked.filter(nw.col("_rank") - 1 < nw.col("_n") * share - 1e-9)
    least = one_row(top.select(nw.col("_x").min()))["_x"]
    if least is None:
        raise ContentError(f"activity does not know the {by} of any customer, so {rule}= is void.")
    amount = f"{least:,.0f}" if by == "orders" else f"{least:,.2f}"
    return _rows_with_rule(
        top, rule, f"among the top {share * 100:.4g} % by {by}: {amount} or more"
    )


def _listed_customers(people: Frame, rule: str, ids: Iterable[object]) -> Frame:
    """The customers on a list of the user's, all of whom must be known."""
    wanted = _listed_ids(people, rule, ids)
    listed = people.filter(nw.col("customer_id").is_in(wanted))
    found = set(collect(listed.select("customer_id"))["customer_id"].tolist())
    strangers = [customer for customer in wanted if customer not in found]
    if strangers:
        some = ", ".join(map(repr, strangers[:5])) + ", …" * (len(strangers) > 5)
        raise ContentError(
            f"{rule} names {len(strangers):,} of {len(wanted):,} customers who were never active "
            f"in the activity: {some}. Correct them or leave them out."
        )
    return _rows_with_rule(listed, _SIGNIFICANCE[rule], _LISTED[rule])


def _listed_ids(people: Frame, rule: str, ids: Any) -> list[Any]:
    """The listed ids, once each, of the type that the activity has."""
    given = list(ids) if isinstance(ids, Iterable) and not isinstance(ids, str) else [ids]
    whole = people.collect_schema()["customer_id"].is_integer()
    kind, said = (Integral, "whole numbers") if whole else (str, "text")
    for customer in given:
        if not isinstance(customer, kind):
            raise RetentionError(
                f"{rule} must list ids as the activity has them, {said}; got {customer!r}."
            )
    if not given:
        raise RetentionError(f"{rule} is empty: list the ids of customers, or leave it out.")
    return list(dict.fromkeys(int(customer) if whole else str(customer) for customer in given))


def _rows_with_rule(rows: Frame, significance: str, rule: str) -> Frame:
    return rows.select(
        "customer_id",
        nw.lit(significance).alias("significance"),
        nw.lit(rule).alias("rule"),
        *("n_orders", "sales", "profit"),
    )
