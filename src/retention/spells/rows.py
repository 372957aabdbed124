"""What spells of purchases and of contracts have in common: joined stays, and their columns."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError, RetentionError
from retention.tables import SPELLS, Kind, keeping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from retention.frames import Frame

UNSEEN = "ended before it came under observation"
TOO_LATE = "observation ended before it came under observation"
_TAKEN = (*SPELLS.names, "last_order", "grace")
_LONGEST = 1_000_000  # as many days as pass from the year 1 to 2738


def whole_days(value: object, *, argument: str, least: int) -> int:
    """A number of days that a user gave, as an int.

    Raises:
        RetentionError: if it is not a whole number, below `least`, or longer than the calendar.
    """
    try:
        days = None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        days = None
    if days is None or days < least:
        raise RetentionError(
            f"{argument} must be a whole number of days, {least} or more; got {value!r}."
        )
    if days > _LONGEST:
        raise RetentionError(f"{argument} may be {_LONGEST:,} days at most; got {days:,}.")
    return days


def observed_days(as_of: date | str, observed_from: date | str | None) -> tuple[date, date | None]:
    """The last observed day, and the first where the user named it.

    Raises:
        RetentionError: if either is not a day, or the first comes after the last.
    """
    last = periods.as_day(as_of, argument="as_of")
    if observed_from is None:
        return last, None
    first = periods.as_day(observed_from, argument="observed_from")
    if first > last:
        raise RetentionError(f"observed_from is {first}, after as_of {last}: nothing was observed.")
    return last, first


def kept_columns(keep: str | Sequence[str], frame: Frame, kind: Kind) -> dict[str, nw.Expr]:
    """The attributes a user wants carried along, by name; categories as text, which has an order.

    Raises:
        ColumnError: if one is not a column, is named twice or already has a meaning.
    """
    names = [keep] if isinstance(keep, str) else list(keep)
    schema = frame.collect_schema()
    own = {taken.lower() for taken in (*kind.names, *_TAKEN)}
    for name in names:
        if str(name).lower() in own:
            raise ColumnError(f"keep: {name!r} is a column of {kind.name} or spells itself.")
        if name not in schema:
            raise ColumnError.unknown("keep", name, schema, kept=keeping(kind))
    if len(set(names)) < len(names):
        raise ColumnError(f"keep names a column twice: {names}.")
    coded = {name for name in names if isinstance(schema[name], nw.Categorical | nw.Enum)}
    return {n: nw.col(n).cast(nw.String) if n in coded else nw.col(n) for n in names}


def joined(stays: Frame, *, allowed: int, keep: Sequence[str]) -> Frame:
    """Stays of a customer that follow one another within `allowed` days, as one spell.

    Args:
        stays: `customer_id`, `_start` (no two alike for a customer), `_until` (the latest day that
            this stay or an earlier one reaches), and the `keep` columns.
        allowed: a stay that starts at most so many days after `_until` continues the spell.
        keep: columns whose value at the start of the spell is carried along.

    Returns:
        One row a spell: `customer_id`, `spell` (1, 2, …), `_start`, `_last` (the latest day that it
        reaches) and the `keep` columns.
    """
    paired = stays.with_columns(_before=_neighbour("_until", 1), _after=_neighbour("_start", -1))
    edges = paired.with_columns(
        _opens=nw.col("_before").is_null() | (nw.col("_start") - nw.col("_before") > allowed),
        _closes=nw.col("_after").is_null() | (nw.col("_after") - nw.col("_until") > allowed),
    ).filter(nw.col("_opens") | nw.col("_closes"))
    # Only first and last stays are left: a spell's last one is its first or the next row.
    following = _neighbour("_until", -1).fill_null(0).cast(nw.Int64)
    reached = edges.with_columns(_next=following).with_columns(
        _last=nw.when(nw.col("_closes")).then(nw.col("_until")).otherwise(nw.col("_next"))
    )
    first = reached.filter(nw.col("_opens"))
    # Counted on another column than the one in order: narwhals' pandas miscounts that one.
    number = nw.col("_until").cum_count().over("customer_id", order_by="_start")
    numbered = first.with_columns(spell=number.cast(nw.Int64))
    return numbered.select("customer_id", "spell", "_start", "_last", *keep)


def described(
    spells: Frame, *, reactivation: str, reasons: Mapping[str, nw.Expr], extra: Sequence[str]
) -> Frame:
    """The columns of a table of spells, from whole numbers of days.

    Args:
        spells: `customer_id`, `spell`, `_start`, `_end` (the day up to which it lasted), `churned`,
            `_entry` (days from its start until it came under observation; 0 or less: from its
            start), and the `extra` columns.
        reactivation: "new_spell" or "same_spell".
        reasons: why a spell is set aside, beside entering too late, and the condition for it.
        extra: further columns, which come last.
    """
    engine = spells.implementation
    rows = spells.with_columns(duration=(nw.col("_end") - nw.col("_start")).cast(nw.Int64))
    late = (nw.col("_entry") > 0) & (nw.col("_entry") >= nw.col("duration"))
    every = {**reasons, UNSEEN: late & nw.col("churned"), TOO_LATE: late}
    return rows.select(
        "customer_id",
        "spell",
        periods.date_expr(nw.col("_start"), engine).alias("start"),
        nw.when(nw.col("churned")).then(periods.date_expr(nw.col("_end"), engine)).alias("end"),
        nw.when(nw.col("_entry") > 0).then(nw.col("_entry").cast(nw.Float64)).alias("entry"),
        "duration",
        "churned",
        _first_that_holds(every).alias("set_aside"),
        nw.lit(reactivation).alias("reactivation"),
        *extra,
    )


def _neighbour(column: str, places: int) -> nw.Expr:
    """The value in the customer's row `places` before this one (after it, where negative)."""
    return nw.col(column).shift(places).over("customer_id", order_by="_start")


def _first_that_holds(reasons: Mapping[str, nw.Expr]) -> nw.Expr:
    (text, condition), *others = reasons.items()
    found = nw.when(condition).then(nw.lit(text))
    for text, condition in others:
        found = found.when(condition).then(nw.lit(text))
    return found
