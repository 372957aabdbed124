"""Spells of contracts: how long customers stayed, renewals taken together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import Frame, in_kind_of, is_at_hand
from retention.orders import first_contract_day
from retention.periods import observed_days, whole_days
from retention.spells.spell_rows import (
    Kept,
    columns_of_spells,
    kept_columns,
    refuse_changes_within_spells,
    spells_with_last_values,
    stays_joined_to_spells,
    texts_as_they_were,
)
from retention.spells.stays_at_hand import contract_spells_at_hand
from retention.tables import CONTRACTS, SPELLS, require
from retention.tables.answer_columns import constants, gives, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_RUNNING = 10_000_000  # the day a running contract ends: later than any other


@gives("spell", SPELLS.columns, constants(whole_numbers("grace", unit="days")))
def contract_spells(
    contracts: IntoFrameT,
    *,
    as_of: date | str,
    observed_from: date | str | None = None,
    grace: int,
    keep: str | Sequence[str] = (),
    keep_first: str | Sequence[str] = (),
    keep_last: str | Sequence[str] = (),
) -> IntoFrameT:
    """How long each customer stayed under contract: from the first day in force to the first out.

    Contracts of a customer that overlap or touch are one spell, and so are those with a pause of at
    most `grace` days between the end of one (its first day out) and the start of the next. With s
    the first day of a spell and e its first day out,

        duration = e − s  if churned,  as_of − grace − s  otherwise.

    An end is an end only once nothing renewed it: a contract that starts on e + grace still
    continues the spell, so the end is known when that day has passed, and a spell has churned if
    e + grace ≤ as_of. It is then dated to e, the day the customer was out, and therefore every
    other spell is counted up to as_of − grace only, the last day whose ends are all known. Counted
    further, to `as_of` or to the day after, running spells would count as outlasting ends that
    could not be seen yet. That matters most where contracts end on the same days: of monthly
    contracts renewed nine times in ten, twelve monthly cohorts seen to the end of the year, 31 %
    last eleven months; with running spells counted to the day after `as_of` it would look like
    40 %.

    A spell that began in the last `grace` days says nothing yet: its duration is 0, and it is set
    aside.

    Late entry: spells that began before O = observed_from are there because they lasted until O;
    they come under observation there, entry = O − s. Those that were over by then are set aside. A
    file of customers in force since O must therefore hold their earlier contracts too, or a renewal
    will pass for a start.

    Args:
        contracts: a table from `as_contracts`.
        as_of: the last observed day, itself included. Contracts that start after it are not looked
            at, and an `end` after it is not known yet.
        observed_from: the first day from which every contract in force is in the file, where it
            does not hold all that had ended before. Default: the file is whole.
        grace: pause in days that does not end a spell; 0 where contracts must touch.
        keep: columns of the contracts to carry along whose value is the same throughout each spell.
        keep_first: those whose value at the start of the spell is wanted, such as the first plan:
            that of the contract that starts it.
        keep_last: those whose value at its end is wanted, such as why the customer left: that of
            the contract with the latest end; of several that end on that day, the one that started
            last. A running contract ends later than any other. Of contracts that start (and end)
            on one day, the smallest known value is taken, and none where none is known.

    Returns:
        One row per spell, in the caller's kind: `customer_id`, `spell` (1, 2, … of the customer),
        `start`, `end` (first day out; null unless churned), `entry` (days; null if at risk from its
        start), `duration` (days), `churned` (true or false), `set_aside` (why it is of no use to
        survival analysis: "began within the grace period", "ended before it came under
        observation", "observation ended before it came under observation"; else null),
        `reactivation` (always "new_spell"), `grace` (the same in every row: an end is known so many
        days later) and the columns to carry along. Eager tables are sorted by customer and spell.

    Raises:
        RetentionError: if `grace` is not a whole number of at least 0, or `observed_from` comes
            after `as_of`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no contract starts by `as_of`, one ends before it starts, or the value of a
            `keep` column changes within a spell.

    Example:
        Ann's second contract touches the first, her third comes ten days late; Bob's is running.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-11", "2024-01-31"]),
        ...     "end": pd.to_datetime(["2024-02-01", "2024-03-01", "2024-04-11", None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-04-30", grace=0)
        >>> spells[["customer_id", "spell", "start", "end", "duration", "churned"]]
          customer_id  spell      start        end  duration  churned
        0         Ann      1 2024-01-01 2024-03-01        60     True
        1         Ann      2 2024-03-11 2024-04-11        31     True
        2         Bob      1 2024-01-31        NaT        90    False

    Source:
        Late entry: Klein, J. P. and Moeschberger, M. L. (2003), Survival Analysis, 2nd ed.,
        sections 3.4 and 4.6 (left truncation).
    """
    pause = whole_days(grace, argument="grace", least=0)
    last, first = observed_days(as_of, observed_from)
    frame = require(contracts, CONTRACTS, adds="none")
    kept = kept_columns(frame, CONTRACTS, keep=keep, keep_first=keep_first, keep_last=keep_last)
    begun = _contracts_begun(frame, last, kept)
    spells = texts_as_they_were(_spells_of_begun(begun, pause, kept), kept)
    known = periods.number_of(last) - pause
    ended = _contract_spells_with_ends(spells, known)
    entry = nw.lit(0) if first is None else periods.number_of(first) - nw.col("_start")
    answer = columns_of_spells(
        ended.with_columns(_entry=entry, grace=nw.lit(pause).cast(nw.Int64)),
        reactivation="new_spell",
        reasons={"began within the grace period": nw.col("_start") > known},
        extra=["grace", *kept.names],
    )
    order = ["customer_id", "spell"]
    return in_kind_of(answer, contracts, order=order, keep_type=("customer_id", *kept.names))


def _spells_of_begun(begun: Frame, pause: int, kept: Kept) -> Frame:
    """Contracts that are one spell, with the columns to carry along."""
    if is_at_hand(begun):
        found = contract_spells_at_hand(begun, pause, kept)
        if found is not None:
            return found
    stays = _stays_by_start(begun, kept)
    refuse_changes_within_spells(stays, allowed=pause, kept=kept)
    spells = stays_joined_to_spells(stays, allowed=pause, keep=kept.first)
    at_the_end = _contracts_of_latest_end(begun, kept) if kept.last else begun
    return spells_with_last_values(spells, at_the_end, kept)


def _contracts_begun(contracts: Frame, as_of: date, kept: Kept) -> Frame:
    """The contracts begun by `as_of`; an end after it is not known yet."""
    last = periods.number_of(as_of)
    first_contract_day(contracts, as_of=as_of)
    dated = _contracts_in_day_numbers(contracts, kept.columns_of_rows)
    ahead = nw.col("_end") > last
    return dated.filter(nw.col("_start") <= last).with_columns(
        _end=nw.when(ahead).then(nw.lit(_RUNNING)).otherwise(nw.col("_end"))
    )


def _stays_by_start(begun: Frame, kept: Kept) -> Frame:
    """Contracts once a customer and first day, how far they reach, and which of them does."""
    aggregation = kept.aggregation_of_rows
    once = begun.group_by("customer_id", "_start").agg(
        nw.col("_end").max(),
        *(nw.col(name).min() for name in aggregation.least),
        *(nw.col(name).max() for name in aggregation.most),
        *(nw.col(name).sum() for name in aggregation.sums),
    )
    reach = nw.col("_end").cum_max().over("customer_id", order_by="_start")
    # Of contracts that reach equally far the latest counts, which is the running maximum.
    furthest = nw.when(nw.col("_end") == nw.col("_until")).then(nw.col("_start"))
    marked = once.with_columns(_until=reach).with_columns(_at=furthest.otherwise(nw.lit(-_RUNNING)))
    at = nw.col("_at").cum_max().over("customer_id", order_by="_start")
    return marked.with_columns(_at=at)


def _contracts_of_latest_end(begun: Frame, kept: Kept) -> Frame:
    """Of the contracts of a customer and first day those with the latest end, as one row."""
    longest = nw.col("_end").max().over("customer_id", "_start")
    rows = begun.with_columns(_longest=longest).filter(nw.col("_end") == nw.col("_longest"))
    return rows.group_by("customer_id", "_start").agg(*(nw.col(name).min() for name in kept.last))


def _contracts_in_day_numbers(contracts: Frame, keep: Mapping[str, nw.Expr]) -> Frame:
    """First day in force and first day out as whole numbers."""
    running = nw.col("end").is_null()
    filled = contracts.select(
        "customer_id", "start", _running=running, _out=nw.coalesce("end", "start"), **keep
    )
    first, out = (periods.day_expr(name, contracts.implementation) for name in ("start", "_out"))
    return filled.with_columns(_start=first, _out=out).select(
        "customer_id",
        "_start",
        *keep,
        _end=nw.when(nw.col("_running")).then(nw.lit(_RUNNING)).otherwise(nw.col("_out")),
    )


def _contract_spells_with_ends(spells: Frame, known: int) -> Frame:
    """Whether each spell ended by the day `known`, and the day up to which it lasted."""
    ended = nw.col("_last") <= known
    so_far = nw.when(nw.col("_start") < known).then(nw.lit(known)).otherwise(nw.col("_start"))
    return spells.with_columns(
        churned=ended, _end=nw.when(ended).then(nw.col("_last")).otherwise(so_far)
    )
