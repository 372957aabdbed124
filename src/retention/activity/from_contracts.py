"""Who was under contract as each period opened, for how much: activity from contracts."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.contracts_at_hand import (
    ContractsAtHand,
    contract_activity_at_hand,
    contracts_at_hand,
)
from retention.activity.window import Openings
from retention.errors import ContentError, RetentionError
from retention.frames import Frame, as_lazy, as_text, in_kind_of, is_at_hand, table_like
from retention.orders import first_contract_day
from retention.tables import CONTRACT_ACTIVITY, CONTRACTS, require, segments
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_FIRSTS = ("_day", "_step")
_RUNNING = 10_000_000
"""The day on which a running contract ends: later than any other."""


@gives(CONTRACT_ACTIVITY)
def contract_periods(
    contracts: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    by: str | Sequence[str] = (),
    observed_from: date | str | None = None,
    grace: int = 0,
) -> IntoFrameT:
    """Who was under contract as each period opened, with how many contracts and for how much.

    A contract is in force from its `start` to the day before its `end`. A customer is active in a
    period if a contract is in force on its first day: start ≤ first day < end, or without an end.
    So the customers of a period are its base, those in force as it opens, and of them those are
    retained who are in force as it closes, which is as the next one opens. A contract that starts
    and ends within one period is in force at no opening.

    So that nobody is lost who was in force at no opening, whose first contract began within a
    period has a row for that period too, in which nothing is in force (`active` false, `n_orders`
    and `sales` 0). It opens the history that `cohort_retention` follows; other figures look at the
    openings alone, and those that tell of lives warn of customers whom they never see.

    With m the length of a period in months (month 1, quarter 3, year 12, day 1/30.4375, week
    7/30.4375) and r the recurring revenue a month,

        sales = m · Σ r  over the customer's contracts in force at the opening,

    the amount at which the period begins, whatever happens later in it; `profit` likewise.

    Given are the periods that open from `observed_from` to the midnight that closes `as_of`: the
    last one holds `as_of`, or opens right after it where a period closes with `as_of`, so that the
    period that was observed whole can be judged. A contract whose first day out is the day after
    `as_of` is out as that period closes, unless another one in the table starts on that day. What
    starts or ends later changes nothing.

    With `grace`, as in `contract_spells`, a customer whose next contract starts at most so many
    days after the end of what came before (its first day out) never left. What was in force last,
    the contracts with that latest end, is held in force until the next one starts, for the amount
    it had: a pause of three days at a change of system is no churn, no contraction and no win-back,
    and a change of price shows when the next contract starts. An end is known only once so many
    days have passed without a renewal, so periods are given that open up to the midnight that
    closes `as_of` − grace, and nobody is called lost who may still come back in time. The rule
    looks at the customer, not at single contracts: if another contract of the customer is in force
    in the pause, nothing is held, and the amount that stopped is contraction.

    Args:
        contracts: a table from `as_contracts`.
        freq: length of a period: "day", "week" (from Monday), "month", "quarter", "year", or a
            `Calendar`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        by: segment columns of the contracts (plan, region …). They come back as text, with
            "(missing)" for those not filled in.
        observed_from: the first day from which every contract in force is in the table. Default:
            the first start, so that the first period is the one that opens on it or after it. Say
            the first day of an earlier one if nobody was under contract before: whoever starts in
            it is then new in the next.
        grace: pause in days that does not end a customer's time, as in `contract_spells`; 0 where
            contracts must touch.

    Returns:
        One row per customer, segment and period at whose opening a contract was in force, and one
        for the period of a first contract that began within it, in the caller's kind:
        `customer_id`, the `by` columns, `period` (first day), `step` (its consecutive number),
        `n_orders` (contracts in force), `sales` and `profit` (currency a period; null where the
        contracts have none), `active` (whether a contract was in force at the opening), the
        constants `first_step`, `last_step` (the periods whose opening was observed) and `freq`;
        `started` (number of the period in which the customer's first contract in the table began),
        `sales_at_start` and `profit_at_start` (in the row of that period what the contracts of the
        customer's first day bring a period; 0 in other rows). Where `observed_from` is said, there
        is no row of the start of contracts that began before it, or before the first period that
        opens after it; by default nothing was cut. Eager tables are sorted by customer, segment
        and period.

    Raises:
        RetentionError: if `observed_from` comes after `as_of`, or `grace` is not a whole number of
            at least 0.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no contract starts by `as_of`, no period opens in the time observed, or
            amounts are in several currencies and `by` does not keep these apart.

    Example:
        Ann pays 10 a month and leaves on 15 February; Bob comes on 20 January, after its opening.
        March closes with `as_of`, so who is there as April opens is known.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-01-20"]),
        ...     "end": pd.to_datetime(["2024-02-15", None]),
        ...     "sales": [10.0, 20.0],
        ... })
        >>> activity = rt.contract_periods(contracts, freq="month", as_of="2024-03-31")
        >>> activity[["customer_id", "period", "n_orders", "sales", "active", "sales_at_start"]]
          customer_id     period  n_orders  sales  active  sales_at_start
        0         Ann 2024-01-01         1   10.0    True            10.0
        1         Ann 2024-02-01         1   10.0    True             0.0
        2         Bob 2024-01-01         0    0.0   False            20.0
        3         Bob 2024-02-01         1   20.0    True             0.0
        4         Bob 2024-03-01         1   20.0    True             0.0
        5         Bob 2024-04-01         1   20.0    True             0.0

        Bob's contract was moved to another system, and lapsed on 31 March for three days.

        >>> moved = contracts.assign(end=pd.to_datetime(["2024-02-15", "2024-03-31"]))
        >>> again = moved.tail(1).assign(start=pd.Timestamp("2024-04-03"), end=pd.NaT)
        >>> both = pd.concat([moved, again])
        >>> activity = rt.contract_periods(both, freq="month", as_of="2024-05-31", grace=7)
        >>> activity[activity["customer_id"] == "Bob"][["period", "n_orders", "sales", "active"]]
              period  n_orders  sales  active
        2 2024-01-01         0    0.0   False
        3 2024-02-01         1   20.0    True
        4 2024-03-01         1   20.0    True
        5 2024-04-01         1   20.0    True
        6 2024-05-01         1   20.0    True

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: customers at the
        beginning of the period who are still customers at its end.
    """
    names = segments(by, CONTRACTS)
    segments(names, CONTRACT_ACTIVITY)
    periods.check_freq(freq)
    at_hand = is_at_hand(contracts)
    frame = require(contracts, CONTRACTS, extra=names, alone=True, by_row=at_hand)
    pause = periods.whole_days(grace, argument="grace", least=0)
    read = contracts_at_hand(frame, names) if at_hand else None
    seen = _observed_openings((frame, read), freq, as_of, observed_from, pause)
    at_once = None if read is None else contract_activity_at_hand(read, names, seen)
    if at_once is not None:
        return in_kind_of(at_once, contracts, keep_type=("customer_id",), fresh=True)
    dated = _contracts_with_openings(frame, names, seen)
    opened = _contract_at_each_opening(_openings_in_force(dated, names, seen), seen)
    rows = _contracts_per_period(
        nw.concat([opened, _contracts_of_first_day(dated, opened, seen)]), names, seen
    )
    order = ["customer_id", *names, "step"]
    return in_kind_of(
        _columns_of_contract_activity(rows, names, seen),
        contracts,
        order=order,
        keep_type=("customer_id",),
    )


def _observed_openings(
    contracts: tuple[Frame, ContractsAtHand | None],
    freq: str,
    as_of: date | str,
    observed_from: date | str | None,
    grace: int,
) -> Openings:
    last = periods.as_day(as_of, argument="as_of")
    begin = (
        None if observed_from is None else periods.as_day(observed_from, argument="observed_from")
    )
    if begin is not None and begin > last:
        raise RetentionError(
            f"`observed_from` is {begin}, after `as_of` {last}: nothing was observed."
        )
    frame, read = contracts
    known = None if read is None else read.first_day(as_of=last)
    earliest = first_contract_day(frame, as_of=last) if known is None else known
    first_step = periods.step_of(periods.days_after(begin or earliest, -1), freq) + 1
    # Where a period closes with as_of, the next one opens at that same midnight.
    last_step = periods.step_of(periods.days_after(last, 1 - grace), freq)
    window = periods.Window(first_step, last_step, str(freq))
    if not window.n_steps > 0:
        less = f", less the {grace:,} days of grace after which an end is known" if grace else ""
        raise ContentError(
            f"No {freq} opens between {begin or earliest} and `as_of` {last}{less}. "
            "Take a shorter freq, or say `observed_from=` if contracts were in force before."
        )
    named = None if begin is None else periods.number_of(begin)
    return Openings(window, named, periods.number_of(last) - grace, grace)


def _contracts_with_openings(frame: Frame, by: Sequence[str], seen: Openings) -> Frame:
    """Each contract with the openings it begins and ends at (`_from`, `_to`), and its first days.

    `_day` and `_step` are the contract's own, `_first_day` and `_first_step` the customer's.
    """
    schema, engine, freq = frame.collect_schema(), frame.implementation, seen.window.freq
    money = _money_columns_of_contracts(frame)
    dated = frame.select(
        "customer_id",
        "start",
        *(nw.col(name).cast(nw.Float64) for name in money),
        *(as_text(name, schema[name]) for name in by),
        _open=nw.col("end").is_null(),
        _out=nw.coalesce("end", "start"),
    )
    # The first period that opens on or after a day follows the one that holds the day before.
    dated = dated.with_columns(
        _begins=periods.day_expr("start", engine), _ends=periods.day_expr("_out", engine)
    )
    if seen.grace:
        dated = held_until_renewal(dated, seen.grace)
    for name, number in (("_begins", "_from"), ("_ends", "_to")):
        before = dated.with_columns(_day=nw.col(name) - 1)
        before = before.with_columns(_eve=periods.date_expr(nw.col("_day"), engine))
        next_step = periods.step_expr("_eve", "_day", freq) + 1
        dated = before.with_columns(next_step.alias(number))
    dated = dated.with_columns(_day=nw.col("_begins"))
    dated = dated.with_columns(_step=periods.step_expr("start", "_day", freq).cast(nw.Int64))
    firsts = {f"_first{name}": nw.col(name).min().over("customer_id") for name in _FIRSTS}
    return dated.with_columns(**firsts)


def held_until_renewal(dated: Frame, grace: int) -> Frame:
    """The contracts of a customer's latest end, in force until one that starts within the grace."""
    running = nw.when(nw.col("_open")).then(nw.lit(_RUNNING)).otherwise(nw.col("_ends"))
    ends = dated.select("customer_id", "_begins", _ends=running.cast(nw.Int64))
    stays = ends.group_by("customer_id", "_begins").agg(nw.col("_ends").max())
    reach = nw.col("_ends").cum_max().over("customer_id", order_by="_begins")
    following = nw.col("_begins").shift(-1).over("customer_id", order_by="_begins")
    edges = stays.with_columns(_reach=reach, _renewed=following)
    pause = nw.col("_renewed") - nw.col("_reach")
    bridged = edges.filter(pause > 0, pause <= grace)
    held = bridged.select("customer_id", _ends=nw.col("_reach"), _renewed=nw.col("_renewed"))
    # A reach may come from an earlier start than this row's: it bridges once all the same.
    there = dated.with_columns(nw.col("_ends").cast(nw.Int64))
    joined = there.join(held.unique(), on=["customer_id", "_ends"], how="left")
    renewed = ~nw.col("_renewed").is_null() & ~nw.col("_open")
    until = nw.when(renewed).then(nw.col("_renewed")).otherwise(nw.col("_ends"))
    return joined.with_columns(_ends=until).drop("_renewed")


def _openings_in_force(dated: Frame, by: Sequence[str], seen: Openings) -> Frame:
    """Each contract with the first opening at which it was seen in force, and their number."""
    money = _money_columns_of_contracts(dated)
    past = (nw.col("_to") > seen.window.last_step) | nw.col("_open")
    early = nw.col("_from") < seen.window.first_step
    clipped = dated.with_columns(
        _from=nw.when(early).then(nw.lit(seen.window.first_step)).otherwise(nw.col("_from")),
        _to=nw.when(past).then(nw.lit(seen.window.last_step + 1)).otherwise(nw.col("_to")),
    ).with_columns(_n=(nw.col("_to") - nw.col("_from")).cast(nw.Int64))
    kept = ("customer_id", *by, *money, "_first_step", "_from", "_n")
    return clipped.filter(nw.col("_n") > 0).select(*kept)


def _contracts_of_first_day(dated: Frame, opened: Frame, seen: Openings) -> Frame:
    """The contracts of each customer's first day, in the period in which it lies.

    Where `observed_from` cut the file at the front, only periods that were observed from their
    first day: of others some who began may have left before and are not in the table.
    """
    day = nw.col("_day")
    opening = (nw.col("_step") == nw.col("_from")) & (nw.col("_from") <= seen.window.last_step)
    first = dated.filter(day == nw.col("_first_day"), (day <= seen.until) | opening)
    if seen.begin is not None:
        first = first.filter(day >= seen.begin, nw.col("_step") >= seen.window.first_step)
    rows = first.with_columns(
        _on=nw.lit(0).cast(nw.Int64),
        step=nw.col("_step"),
        **{f"{name}_at_start": nw.col(name) for name in _money_columns_of_contracts(dated)},
    )
    names = opened.collect_schema().names()
    none = dict.fromkeys(_money_columns_of_contracts(dated), nw.lit(0.0))
    return rows.select(*(none.get(name, nw.col(name)).alias(name) for name in names))


def _money_columns_of_contracts(frame: Frame) -> list[str]:
    present = frame.collect_schema().names()
    return [name for name in ("sales", "profit") if name in present]


def _contract_at_each_opening(runs: Frame, seen: Openings) -> Frame:
    """Each contract once for every opening it is in force at, numbered by `step`."""
    size = isqrt(seen.window.n_steps) + 1
    blocks = runs.with_columns(_length=nw.col("_n"), _n=(nw.col("_n") - 1) // size + 1)
    repeated = rows_n_times(blocks, (seen.window.n_steps - 1) // size + 1).with_columns(
        _from=nw.col("_from") + nw.col("_place") * size,
        _n=nw.col("_length") - nw.col("_place") * size,
    )
    full = nw.when(nw.col("_n") > size).then(nw.lit(size)).otherwise(nw.col("_n"))
    rest = repeated.with_columns(_n=full.cast(nw.Int64)).drop("_place", "_length")
    each = rows_n_times(rest, size)
    return each.with_columns(
        step=(nw.col("_from") + nw.col("_place")).cast(nw.Int64),
        _on=nw.lit(1).cast(nw.Int64),
        **dict.fromkeys(
            (f"{name}_at_start" for name in _money_columns_of_contracts(runs)), nw.lit(0.0)
        ),
    ).drop("_from", "_place")


def rows_n_times(rows: Frame, most: int) -> Frame:
    """Each row `_n` times, numbered from 0 in `_place`: a join, which every engine does well."""
    n, place = np.tril_indices(most)
    table = as_lazy(table_like({"_n": n + 1, "_place": place}, rows.to_native()), by_row=True)
    return rows.join(table, on="_n", how="inner").drop("_n")


def _contracts_per_period(opened: Frame, by: Sequence[str], seen: Openings) -> Frame:
    months = periods.amount_months(seen.window.freq)
    money = _money_columns_of_contracts(opened)
    sums = [each for name in money for each in (name, f"{name}_at_start")]
    rows = opened.group_by("customer_id", *by, "step").agg(
        *(nw.col(name).sum() for name in sums),
        nw.col("_on").sum().alias("n_orders"),
        nw.col("_first_step").min().alias("started"),
    )
    unknown = nw.lit(None, dtype=nw.Float64)
    amounts = {
        name: nw.col(name) * months if name in sums else unknown
        for name in ("sales", "profit", "sales_at_start", "profit_at_start")
    }
    return rows.with_columns(**amounts)


def _columns_of_contract_activity(rows: Frame, by: Sequence[str], seen: Openings) -> Frame:
    return rows.select(
        "customer_id",
        *by,
        periods.period_expr("step", seen.window.freq, rows.implementation).alias("period"),
        nw.col("step").cast(nw.Int64),
        nw.col("n_orders").cast(nw.Int64),
        nw.col("sales").cast(nw.Float64),
        nw.col("profit").cast(nw.Float64),
        (nw.col("n_orders") > 0).alias("active"),
        nw.lit(seen.window.first_step).cast(nw.Int64).alias("first_step"),
        nw.lit(seen.window.last_step).cast(nw.Int64).alias("last_step"),
        nw.lit(seen.window.freq).alias("freq"),
        nw.col("started").cast(nw.Int64),
        nw.col("sales_at_start").cast(nw.Float64),
        nw.col("profit_at_start").cast(nw.Float64),
    )
