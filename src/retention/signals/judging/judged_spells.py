"""Spells as alarms are judged by them: on which terms, seen until when, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError, RetentionError, count_of, warn
from retention.frames import Frame, as_text, count, one_row
from retention.periods import whole_days
from retention.tables import CUSTOMER, Column, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

ENDS = Kind(
    "spells",
    "one uninterrupted relationship of a customer",
    "purchase_spells or contract_spells",
    (
        CUSTOMER,
        Column("start", "time", "first day of the relationship"),
        Column("end", "time", "the day it ended, null while it goes on"),
        Column("churned", "flag", "whether its end was seen (false: censored)"),
        Column("duration", "number", "days from start to end, or as far as it was seen", "days"),
        Column("reactivation", "text", "new_spell, or same_spell", optional=True),
        Column("last_order", "time", "the last purchase, of spells of purchases", optional=True),
    ),
)
"""What judging asks of spells: ours have it."""


@dataclass(frozen=True, slots=True)
class Judging:
    """How alarms are judged: over which days, and when one counts.

    Attributes:
        horizon: days after an alarm within which the end proves it right.
        least: days before the end by which it must ring.
        apart: days between alarms of one customer.
        first: the first observed day, since 1970-01-01.
        last: the last one.
        silence: the days of silence that the ends were made of, None where they were seen.
    """

    horizon: int
    least: int
    apart: int
    first: int
    last: int
    silence: int | None

    @property
    def n_days(self) -> int:
        """How many days were observed."""
        return self.last - self.first + 1


def judging_of(
    *,
    horizon: object,
    least: object,
    apart: object,
    as_of: date | str,
    observed_from: date | str,
    silence: object,
) -> Judging:
    """The terms of judging that a user gave.

    Raises:
        RetentionError: if one is none of what it may be.
    """
    within = whole_days(horizon, argument="horizon", least=1)
    ahead = whole_days(least, argument="least", least=1)
    between = whole_days(apart, argument="apart", least=1)
    gap = None if silence is None else whole_days(silence, argument="silence", least=1)
    if observed_from is None:
        raise RetentionError(
            "observed_from is the first day on which a signal could ring, such as '2024-01-01'; "
            "got None."
        )
    last, first = periods.observed_days(as_of, observed_from)
    if ahead > within:
        raise RetentionError(
            f"least is {ahead:,} days, more than the horizon of {within:,}: no alarm could be in "
            "time. Say a longer `horizon=`."
        )
    if between < ahead:
        raise RetentionError(
            f"apart is {between:,} days, fewer than least, {ahead:,}: a customer warned in time "
            f"would ring again too late, and count twice. Say `apart={ahead}` or more, and ring so."
        )
    return Judging(
        within,
        ahead,
        between,
        periods.number_of(first or last),
        periods.number_of(last),
        gap,
    )


def spells_until_seen(given: Frame, names: Sequence[str], terms: Judging) -> Frame:
    """Spells with their first day, and the day of their end or on which they were last seen.

    Raises:
        RetentionError: if they look into the future.
        ContentError: if they are not told in full, overlap, or were made by another silence.
    """
    schema, engine = given.collect_schema(), given.implementation
    if "reactivation" in schema:
        later = count(nw.col("reactivation") == "same_spell")
        found = one_row(given.select(_later=later).select(nw.col("_later").sum()))
        if found["_later"]:
            raise RetentionError(
                "spells: made with `reactivation='same_spell'`, which knows of every silence "
                "whether it was going to end. Make them with `reactivation='new_spell'`."
            )
    last = {"_ordered": periods.day_expr("last_order", engine)} if "last_order" in schema else {}
    lasted = nw.col("duration").cast(nw.Float64)
    whole = nw.when(~lasted.is_nan()).then(lasted.floor().cast(nw.Float64))  # seen for whole days
    told = given.select(
        "customer_id",
        *(as_text(name, schema[name]) for name in names),
        _whole=count(~nw.col("customer_id").is_null() & ~nw.col("start").is_null()),
        _churned=count(nw.col("churned")),
        _dated=count(~nw.col("end").is_null()),
        _start=periods.day_expr("start", engine),
        _end=periods.day_expr("end", engine),
        _lasted=whole,
        **last,
    )
    ended = (nw.col("_churned") == 1) & (nw.col("_end") <= terms.last)
    reached = nw.col("_start") + nw.col("_lasted")
    seen = nw.when(reached < terms.last).then(reached).otherwise(nw.lit(float(terms.last)))
    running = nw.when(nw.col("_churned") == 1).then(nw.lit(float(terms.last))).otherwise(seen)
    until = nw.when(ended).then(nw.col("_end").cast(nw.Float64)).otherwise(running)
    ends = told.with_columns(_left=count(ended), _until=until)
    _refuse_what_cannot_end(ends)
    _tell_of_silence(ends, terms)
    return ends


def _refuse_what_cannot_end(ends: Frame) -> None:
    """Refuse spells that lack what is asked of them, end before they start, or run at once."""
    churned, dated = nw.col("_churned") == 1, nw.col("_dated") == 1
    flagged = ends.with_columns(
        _undated=count(churned & ~dated),
        _unlike=count(~churned & dated),
        _backwards=count(churned & (nw.col("_end") < nw.col("_start"))),
        _unknown=count(~churned & (nw.col("_lasted").is_null() | (nw.col("_lasted") < 0))),
        _sits=nw.when(nw.col("_left") == 1).then(nw.col("_until") - 1).otherwise(nw.col("_until")),
        _next=nw.col("_start").shift(-1).over("customer_id", order_by="_start"),
    ).with_columns(_twice=count(nw.col("_next") <= nw.col("_sits")))
    names = ("_whole", *_WRONG)
    found = one_row(flagged.select(nw.len().alias("n"), *(nw.col(name).sum() for name in names)))
    if not found["n"]:
        raise ContentError("spells is empty: there is nobody whose loss could be foreseen.")
    if gaps := int(found["n"] - found["_whole"]):
        raise ContentError(
            f"spells: {count_of(gaps, 'row has', 'rows have')} no customer_id or no start. Leave "
            "them out."
        )
    for name, (one, many, advice) in _WRONG.items():
        if n := int(found[name]):
            raise ContentError(f"spells: {count_of(n, one, many)}. {advice}")


_WRONG = {
    "_undated": (
        "row is churned and has no end",
        "rows are churned and have no end",
        "Say when it was, or let churned be false.",
    ),
    "_unlike": (
        "row has an end and is not churned",
        "rows have an end and are not churned",
        "Let churned be true, or the end be null and `duration` say how long it was seen.",
    ),
    "_backwards": (
        "row ends before it starts",
        "rows end before they start",
        "Make them with purchase_spells(...) or contract_spells(...).",
    ),
    "_unknown": (
        "running row has no duration of at least 0",
        "running rows have no duration of at least 0",
        "Say how many days each was seen.",
    ),
    "_twice": (
        "row is still running as the same customer's next one starts",
        "rows are still running as the same customer's next ones start",
        "Join them: an alarm would belong to both.",
    ),
}


def _tell_of_silence(ends: Frame, terms: Judging) -> None:
    """Warn of ends that a rule of silence made, and refuse a silence that is another than theirs.

    Spells of purchases know of their last order; of other ends nobody can tell how they were made.
    """
    if "_ordered" not in ends.collect_schema():
        return
    gap = ends.filter(nw.col("_left") == 1).select(_gap=nw.col("_end") - nw.col("_ordered"))
    found = one_row(
        gap.select(
            nw.len().alias("n"),
            nw.col("_gap").count().alias("known"),
            nw.col("_gap").min().alias("least"),
            nw.col("_gap").max().alias("most"),
        )
    )
    n, made = int(found["n"]), found["least"]
    if not n or found["known"] < n or made != found["most"] or made < 1:
        return
    days = int(made)
    if terms.silence is None and n > 1:
        warn(
            f"spells: all {n:,} ends lie {count_of(days, 'day')} after the last order: a rule made "
            "them, by which silence itself is bound to warn in time. Say "
            f"`silence={days}` to see how many were warned before their last order."
        )
    if terms.silence not in (None, days):
        raise ContentError(
            f"spells: ends lie {count_of(days, 'day')} after the last order, not silence="
            f"{terms.silence}. Say `silence={days}`."
        )
