"""What customers brought in each period of their own tenure, from contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.activity.from_contracts import held_until_renewal, rows_n_times
from retention.activity.tenure_ages import (
    Ages,
    Length,
    age_of_day,
    check_length,
    columns_of_tenure,
    n_where,
    segment_texts,
    starts_with_whole_ages,
    warn_of_customers_left_out,
    with_ages_observed,
)
from retention.frames import Frame, count, in_kind_of
from retention.orders import first_contract_day
from retention.tables import CONTRACT_TENURE, CONTRACTS, refuse_several_each, require, segments
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_COUNTED = ("n_orders", "_here", "opened")


@gives(CONTRACT_TENURE)
def contract_tenure(
    contracts: IntoFrameT,
    *,
    as_of: date | str,
    length: Length,
    grace: int,
    observed_from: date | str | None = None,
    by: str | Sequence[str] = (),
) -> IntoFrameT:
    """What each customer brought in the first year under contract, in the second, and so on.

    Ages are counted from the start of the customer's first contract: with L the length, age k runs
    from the start + (k−1) L to the day before the start + k L, on the same day of the month or the
    last of a shorter one; who comes back goes on at the age that was reached by then. An age is
    given once it is over for everybody who began early enough, gone or not: `n_complete` says how
    many are over for a customer and hangs on the start alone.

    With m the months of a length, r the recurring revenue a month of a contract, and w the share of
    the days of the age on which it is in force,

        sales = m · Σ r w  over the customer's contracts;

    `profit` likewise. A customer is `here` at an age if some contract is in force on each day of
    it. Who leaves within an age is not here at it; what was brought until then is in `sales` all
    the same. So those who stay are compared over whole periods, and nothing is lost per customer
    won.

    With `grace`, as in `contract_periods`, who renews at most so many days after an end never left:
    what was in force last is held in force until then. Ends are known only so many days later, so
    ages count that are over by `as_of` − grace.

    Args:
        contracts: a table from `as_contracts`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        length: of a period of tenure: "month", "quarter" or "year".
        grace: pause in days that does not end a customer's time, as in `contract_spells`; 0 where
            contracts must touch.
        observed_from: the first day from which every contract is in the table, of one that holds
            of earlier times only what was still in force. Customers who began before are left out,
            and a warning counts them: of their like who left nothing is known. Default: the table
            is whole.
        by: columns of the contracts whose value at the start is wanted (channel, first plan …), so
            that a customer stays in one segment: that of the contract of the first day, the
            smallest known one of several; "(missing)" where none is known.

    Returns:
        One row per customer and age in which a contract was in force, and one for age 1, in the
        caller's kind: `customer_id`, the `by` columns, `start`, `age` (1, 2, …), `n_orders`
        (contracts in force as it opens), `sales` and `profit` (currency; null where the contracts
        have none), `here` (in force all through), `opened` (in force as it opens), the constants of
        the customer `first_age` (1) and `n_complete`, and `length`. Eager tables are sorted by
        customer and age.

    Raises:
        RetentionError: if `length` is none of the three, `grace` is not a whole number of at least
            0, or `observed_from` comes after `as_of`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no contract starts by `as_of`, nobody's first age was over by then, or a
            customer pays in several currencies.

    Example:
        Ann leaves in the middle of her second month, Bob stays.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2024-01-15", "2024-02-01"]),
        ...     "end": pd.to_datetime(["2024-02-29", None]),
        ...     "sales": [29.0, 10.0],
        ... })
        >>> tenure = rt.activity.contract_tenure(
        ...     contracts, as_of="2024-03-31", length="month", grace=0
        ... )
        >>> tenure[["customer_id", "age", "sales", "here", "opened", "n_complete"]]
          customer_id  age  sales   here  opened  n_complete
        0         Ann    1   29.0   True    True           2
        1         Ann    2   14.0  False    True           2
        2         Bob    1   10.0   True    True           2
        3         Bob    2   10.0   True    True           2

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapter 2: profit by year of tenure.
    """
    check_length(length)
    names = segments(by, CONTRACTS)
    segments(names, CONTRACT_TENURE)
    pause = periods.whole_days(grace, argument="grace", least=0)
    last, since = periods.observed_days(as_of, observed_from)
    ages = Ages(length, periods.days_after(last, -pause), since)
    frame = require(contracts, CONTRACTS, extra=names, alone=True)
    refuse_several_each(frame, CONTRACTS, names)
    earliest = first_contract_day(frame, as_of=last)
    dated = _contracts_by_then(frame, names, last, pause)
    starts = _starts_by_contract(dated, names, ages)
    known = starts_with_whole_ages(with_ages_observed(starts, ages), ages)
    stays = _stays_and_contracts(dated, names, ages)
    most = periods.step_of(last, "month") - periods.step_of(earliest, "month") + 2
    rows = _contracts_by_age(stays, known, ages, most // ages.months + 1)
    answer = columns_of_tenure(_ages_together(rows, known, names), names, ages, "opened")
    order = ["customer_id", "age"]
    return in_kind_of(answer, contracts, order=order, keep_type=("customer_id",))


def _contracts_by_then(frame: Frame, by: Sequence[str], last: date, grace: int) -> Frame:
    """The contracts begun by the last observed day, held in force through pauses of the grace.

    `_begins` and `_ends` are the first day in force and the first day out, as numbers; of running
    contracts the latter lies after everything.
    """
    schema, engine = frame.collect_schema(), frame.implementation
    money = [name for name in ("sales", "profit") if name in schema]
    dated = frame.select(
        "customer_id",
        "start",
        *(nw.col(name).cast(nw.Float64) for name in money),
        *segment_texts(by, schema),
        _open=nw.col("end").is_null(),
        _out=nw.coalesce("end", "start"),
    ).with_columns(
        _begins=periods.day_expr("start", engine), _ends=periods.day_expr("_out", engine)
    )
    begun = dated.filter(nw.col("_begins") <= periods.number_of(last)).drop("start", "_out")
    held = held_until_renewal(begun, grace) if grace else begun
    running = nw.when(nw.col("_open")).then(nw.lit(_RUNNING)).otherwise(nw.col("_ends"))
    return held.with_columns(nw.col("_begins").cast(nw.Int64), _ends=running.cast(nw.Int64))


_RUNNING = 10_000_000
"""The day on which a running contract ends: later than any other."""


def _starts_by_contract(dated: Frame, by: Sequence[str], ages: Ages) -> Frame:
    """The first day of each customer (`_start`), and the segments of the contracts of that day."""
    firsts = dated.group_by("customer_id").agg(nw.col("_begins").min().alias("_start"))
    if by:
        there = dated.join(firsts, on="customer_id", how="inner")
        there = there.filter(nw.col("_begins") == nw.col("_start"))
        least = [nw.col(name).min() for name in by]
        firsts = there.group_by("customer_id", "_start").agg(*least)
    if ages.since is None:
        return firsts
    early = nw.col("_start") < periods.number_of(ages.since)
    warn_of_customers_left_out(
        n_where(firsts, early),
        f"they began before {ages.words_of_since}, and of those like them who left by then "
        "nothing is known.",
    )
    return firsts.filter(~early)


def _stays_and_contracts(dated: Frame, by: Sequence[str], ages: Ages) -> Frame:
    """The contracts, and the time covered by any of them (`_stay` 1), up to the last known day."""
    stays = _stays_without_gaps(dated)
    money = [name for name in ("sales", "profit") if name in dated.collect_schema()]
    nothing = {name: nw.lit(0.0) for name in money}
    columns = ["customer_id", "_begins", "_ends", "_stay", *money]
    both = nw.concat(
        [
            dated.drop(*by).with_columns(_stay=nw.lit(0).cast(nw.Int64)).select(columns),
            stays.with_columns(_stay=nw.lit(1).cast(nw.Int64), **nothing).select(columns),
        ]
    )
    closes = periods.number_of(ages.until) + 1
    over = nw.when(nw.col("_ends") > closes).then(nw.lit(closes)).otherwise(nw.col("_ends"))
    clipped = both.with_columns(_ends=over.cast(nw.Int64))
    return clipped.filter(nw.col("_ends") > nw.col("_begins"))


def _stays_without_gaps(dated: Frame) -> Frame:
    """The times of each customer covered by contracts that overlap or touch, as one row each."""
    starts = dated.group_by("customer_id", "_begins").agg(nw.col("_ends").max())
    reach = nw.col("_ends").cum_max().over("customer_id", order_by="_begins")
    reached = starts.with_columns(_reach=reach)
    before = nw.col("_reach").shift(1).over("customer_id", order_by="_begins")
    opened = reached.with_columns(_before=before, _key=nw.col("_begins"))
    opens = count(nw.col("_before").is_null() | (nw.col("_begins") > nw.col("_before")))
    number = nw.col("_opens").cum_sum().over("customer_id", order_by="_key")
    numbered = opened.with_columns(_opens=opens).with_columns(_number=number)
    grouped = numbered.group_by("customer_id", "_number")
    return grouped.agg(nw.col("_begins").min(), nw.col("_ends").max())


def _contracts_by_age(stays: Frame, starts: Frame, ages: Ages, most: int) -> Frame:
    """Contracts and stays once for each age in which they are in force, with what they count.

    Only in its first and its last age may one be in force for a part: the others are whole.
    """
    some = _contracts_with_first_and_last_age(stays, starts, ages)
    each = rows_n_times(some.with_columns(_n=nw.col("_ages")), most)
    first, last = nw.col("_place") == 0, nw.col("_place") == nw.col("_ages") - 1
    begun, lasts = ~first | (nw.col("_begun") == 1), ~last | (nw.col("_lasts") == 1)
    part = nw.when(first).then(nw.col("_first_part")).when(last).then(nw.col("_last_part"))
    whole = each.with_columns(_part=part.otherwise(nw.lit(1.0)), _opens=begun, _closes=lasts)
    money = [name for name in ("sales", "profit") if name in each.collect_schema()]
    stay, opens = nw.col("_stay") == 1, nw.col("_opens")
    return whole.select(
        "customer_id",
        *((nw.col(name) * nw.col("_part") * ages.months).alias(name) for name in money),
        age=(nw.col("_from") + nw.col("_place")).cast(nw.Int64),
        n_orders=count(~stay & opens),
        _here=count(stay & opens & nw.col("_closes")),
        opened=count(stay & opens),
    )


def _contracts_with_first_and_last_age(stays: Frame, starts: Frame, ages: Ages) -> Frame:
    """In how many ages (`_ages`, from `_from` on) each is in force, and in which part of the ends.

    `_begun` is 1 where it is in force as its first age opens, `_lasts` as its last one closes.
    """
    engine, months = stays.implementation, ages.months
    told = starts.select("customer_id", "start", "n_complete")
    dated = stays.join(told, on="customer_id", how="inner").with_columns(
        _first=periods.date_expr(nw.col("_begins") + 1, engine),
        _last=periods.date_expr(nw.col("_ends"), engine),
    )
    spans = dated.with_columns(_from=age_of_day("_first", ages), _to=age_of_day("_last", ages))
    over = nw.when(nw.col("_to") > nw.col("n_complete")).then(nw.col("n_complete"))
    ended = spans.with_columns(_to=over.otherwise(nw.col("_to")))
    numbered = ended.with_columns(_ages=(nw.col("_to") - nw.col("_from") + 1).cast(nw.Int64))
    some = numbered.filter(nw.col("_ages") > 0)
    edges = some.with_columns(
        _a=periods.anniversary_number("start", (nw.col("_from") - 1) * months),
        _b=periods.anniversary_number("start", nw.col("_from") * months),
        _c=periods.anniversary_number("start", (nw.col("_to") - 1) * months),
        _d=periods.anniversary_number("start", nw.col("_to") * months),
    )
    return edges.with_columns(
        _first_part=_part_in_force("_a", "_b"),
        _last_part=_part_in_force("_c", "_d"),
        _begun=count(nw.col("_begins") <= nw.col("_a")),
        _lasts=count(nw.col("_ends") >= nw.col("_d")),
    ).drop("_first", "_last", "_to", "start", "n_complete", "_a", "_b", "_c", "_d")


def _part_in_force(opens: str, closes: str) -> nw.Expr:
    """The share of the days of an age on which a contract is in force."""
    ends, begins = nw.col("_ends"), nw.col("_begins")
    until = nw.when(ends > nw.col(closes)).then(nw.col(closes)).otherwise(ends)
    since = nw.when(begins < nw.col(opens)).then(nw.col(opens)).otherwise(begins)
    return (until - since) / (nw.col(closes) - nw.col(opens))


def _ages_together(rows: Frame, starts: Frame, by: Sequence[str]) -> Frame:
    """One row per customer and age, and a first one even if nothing was ever in force."""
    money = [name for name in ("sales", "profit") if name in rows.collect_schema()]
    blank = starts.select(
        "customer_id",
        age=nw.lit(1).cast(nw.Int64),
        **{name: nw.lit(0.0) for name in money},
        **{name: nw.lit(0).cast(nw.Int64) for name in _COUNTED},
    )
    columns = ["customer_id", "age", *money, *_COUNTED]
    every = nw.concat([rows.select(columns), blank.select(columns)])
    sums = [nw.col(name).sum() for name in (*money, *_COUNTED)]
    found = every.group_by("customer_id", "age").agg(*sums)
    told = starts.select("customer_id", *by, "_start", "first_age", "n_complete")
    return found.join(told, on="customer_id", how="inner")
