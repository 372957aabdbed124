"""The list of a day: whose contract ends, has its anniversary, or ended and was not renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError, RetentionError
from retention.frames import Frame, in_kind_of, is_at_hand
from retention.orders import first_contract_day
from retention.tables import CONTRACTS, column_names, require
from retention.tables.answer_columns import (
    answer_of,
    gives,
    ids,
    numbers,
    texts,
    times,
    whole_numbers,
)
from retention.targeting.offers.due_at_hand import RUNNING, contracts_due_at_hand

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_CONTRACT = ("customer_id", "_begins", "_ends")


@gives(
    "contract that is due",
    ids("customer_id"),
    times("start", "due"),
    whole_numbers("days_left", unit="days"),
    texts("renewal"),
    numbers("anniversary", unit="years"),
)
def due_for_renewal(
    contracts: IntoFrameT,
    *,
    as_of: date | str,
    within: int,
    since: date | str | None = None,
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """Whose contract ends or has its anniversary in the days to come, and who lapsed of late.

    Of a contract with start s and end e (the first day out of force) that is in force on the day a,

        renewal "end"           a < e ≤ a + within
        renewal "anniversary"   a < s + k years ≤ a + within, before e; the next one

    and of one that is not any more, from the day `since` on,

        renewal "lapsed"        since ≤ e ≤ a.

    Who has a contract that began no earlier and ends later has renewed, and is not due for the one
    that ends. An end after a counts as the term that was agreed: if your books write cancellations
    there too, leave those out. An anniversary in a shorter month is its last day.

    Args:
        contracts: a table from `as_contracts`.
        as_of: a, the last observed day.
        within: how many days to look ahead, 1 or more.
        since: from which day on ends that were not renewed are listed; None for none.
        keep: columns of `contracts` that come along, such as `contract_id`, behind all others.

    Returns:
        One row per contract that is due, in the caller's kind: `customer_id`, `start`, `due` (the
        day of its end or anniversary), `days_left` (from `as_of` to it, below 1 for the lapsed),
        `renewal` ("end", "anniversary" or "lapsed"), `anniversary` (which one; null else), then the
        `keep` columns. Eager tables are sorted by `due`, customer and start. Join it with
        `offer_list` by `customer_id`.

    Raises:
        RetentionError: if `within` is no whole number of days, or `since` comes after `as_of`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no contract starts by `as_of`, or one lacks its customer or start.

    Example:
        Ann's year ends in a week. Bob's runs on, and has its anniversary. Cem's ended two days ago.
        Dee's ends too, but she has signed a new one.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee", "Dee"],
        ...     "start": pd.to_datetime(
        ...         ["2023-06-08", "2021-06-05", "2023-01-01", "2023-06-04", "2024-06-04"]
        ...     ),
        ...     "end": pd.to_datetime(["2024-06-08", None, "2024-05-30", "2024-06-04", None]),
        ... })
        >>> rt.targeting.due_for_renewal(
        ...     contracts, as_of="2024-06-01", within=14, since="2024-05-25"
        ... )
          customer_id      start        due  days_left      renewal  anniversary
        0         Cem 2023-01-01 2024-05-30         -2       lapsed          NaN
        1         Bob 2021-06-05 2024-06-05          4  anniversary          3.0
        2         Ann 2023-06-08 2024-06-08          7          end          NaN

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapter 4, on State Farm's agents, who work
        with such a list.
    """
    days = periods.whole_days(within, argument="within", least=1)
    last = periods.as_day(as_of, argument="as_of")
    first = None if since is None else periods.as_day(since, argument="since")
    if first is not None and first > last:
        raise RetentionError(f"since is {first}, after as_of {last}.")
    at_hand = is_at_hand(contracts)
    frame = require(contracts, CONTRACTS, adds="none", by_row=at_hand)
    kept = _names_beside(frame, keep)
    first_contract_day(frame, as_of=last)
    found = contracts_due_at_hand(frame, kept, last, (days, first)) if at_hand else None
    found = _due_by_query(frame, kept, last, (days, first)) if found is None else found
    answer = found.select(*answer_of(due_for_renewal).names, *kept)
    return in_kind_of(
        answer, contracts, order=["due", "customer_id", "start"], keep_type=["customer_id"]
    )


def _names_beside(frame: Frame, keep: str | Sequence[str]) -> list[str]:
    """The columns that come along."""
    present = frame.collect_schema()
    hidden = [name for name in present if name.startswith("_")]
    names = column_names(keep, answer=hidden, argument="keep")
    for name in names:
        if name not in present:
            raise ColumnError.unknown("keep", name, present)
    return names


def _due_by_query(
    frame: Frame, kept: Sequence[str], last: date, asked: tuple[int, date | None]
) -> Frame:
    """The contracts that are due, by the user's engine."""
    dated = _contracts_with_days(frame, kept)
    due = _contracts_due(dated, last, *asked)
    found = due.join(_renewed_contracts(due, dated), on=list(_CONTRACT), how="anti")
    return found.with_columns(due=periods.date_expr(nw.col("_due"), frame.implementation))


def _contracts_with_days(frame: Frame, kept: Sequence[str]) -> Frame:
    """The contracts with the days of their beginning and end as numbers."""
    engine = frame.implementation
    told = frame.select(
        "customer_id",
        "start",
        *kept,
        _open=nw.col("end").is_null(),
        _out=nw.coalesce("end", "start"),
    ).with_columns(
        _begins=periods.day_expr("start", engine).cast(nw.Int64),
        _closes=periods.day_expr("_out", engine).cast(nw.Int64),
    )
    ends = nw.when(nw.col("_open")).then(nw.lit(RUNNING)).otherwise(nw.col("_closes"))
    return told.with_columns(_ends=ends.cast(nw.Int64)).drop("_open", "_out", "_closes")


def _with_next_anniversary(dated: Frame, last: date) -> Frame:
    """Contracts with their next anniversary after the last day: its number, and its day."""
    after = periods.day_literal(periods.days_after(last, 1), dated.implementation)
    years = periods.months_before("_after", "start") // 12 + 1
    placed = dated.with_columns(_after=after).with_columns(_years=years).drop("_after")
    following = periods.anniversary_number("start", nw.col("_years") * 12)
    return placed.with_columns(_next=following.cast(nw.Int64))


def _contracts_due(dated: Frame, last: date, days: int, since: date | None) -> Frame:
    """The contracts that are due for one thing or another, renewed or not."""
    today = periods.number_of(last)
    from_day = today + 1 if since is None else periods.number_of(since)
    ends, following = nw.col("_ends"), nw.col("_next")
    seen = dated.filter(nw.col("_begins") <= today, ends >= from_day)
    comes = (ends > today) & (ends <= today + days)
    yearly = (ends > today + days) & (following <= today + days)
    nothing = nw.lit(None).cast(nw.String)
    said = (
        nw.when(comes)
        .then(nw.lit("end"))
        .when(ends <= today)
        .then(nw.lit("lapsed"))
        .when(yearly)
        .then(nw.lit("anniversary"))
        .otherwise(nothing)
    )
    told = _with_next_anniversary(seen, last).with_columns(
        renewal=said,
        _due=nw.when(yearly).then(following).otherwise(ends).cast(nw.Int64),
        anniversary=nw.when(yearly).then(nw.col("_years")).cast(nw.Float64),
    )
    told = told.filter(~nw.col("renewal").is_null())
    return told.with_columns(days_left=(nw.col("_due") - today).cast(nw.Int64))


def _renewed_contracts(due: Frame, dated: Frame) -> Frame:
    """Of the contracts that end, those whose customer has one that goes on."""
    ended = due.filter(nw.col("renewal") != "anniversary").select(*_CONTRACT).unique()
    mine = dated.join(ended.select("customer_id").unique(), on="customer_id", how="semi")
    starts = mine.group_by("customer_id", "_begins").agg(nw.col("_ends").max().alias("_until"))
    backwards = starts.with_columns(_key=-nw.col("_begins"))
    until = nw.col("_until").cum_max().over("customer_id", order_by="_key")
    reached = backwards.with_columns(_until=until).select("customer_id", "_begins", "_until")
    both = ended.join(reached, on=["customer_id", "_begins"], how="inner")
    return both.filter(nw.col("_until") > nw.col("_ends")).select(*_CONTRACT)
