"""The tables of a day's list as they are read: entries, and what is known of their customers."""

from __future__ import annotations

from math import ceil, isnan
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import YOURS, ContentError, count_of
from retention.frames import Frame, beside, collect, one_row
from retention.orders import MOST
from retention.signals.daily.entries import refuse_unsaid_rows
from retention.tables import (
    CALLS,
    CUSTOMER,
    ENTRIES,
    OWNERS,
    RISKS,
    VALUES,
    Adds,
    Kind,
    refuse_other_ids,
    require,
    typed_as,
)
from retention.wording import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SIGNED = 2**63 - 1
OPTED_OUT = Kind("opted_out", "a customer whom nobody may call", YOURS, (CUSTOMER,))


class Entry(NamedTuple):
    """A reason to look after a customer, and the number of its first day."""

    reason: str
    since: int
    detail: str | None


def listed_entries(entries: object) -> Frame:
    """The table of entries, once each says of whom it is, why and since when.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if an entry does not say it.
    """
    frame = require(entries, ENTRIES, by_row=True, adds="none")
    refuse_unsaid_rows(frame, "entries", ("customer_id", "reason", "since"))
    return frame


def entries_by_customer(frame: Frame, last: int) -> tuple[NDArray[Any], dict[Any, list[Entry]]]:
    """The customers' ids as they are in the table, and the entries of each.

    Raises:
        ContentError: if an entry begins after the day of the list.
    """
    there = "detail" in frame.collect_schema().names()
    detail = nw.col("detail") if there else nw.lit(None, dtype=nw.String)
    day = periods.day_expr("since", frame.implementation).cast(nw.Int64)
    told = frame.select("customer_id", "reason", _since=day, _detail=detail)
    found = collect(told, exact=True)
    of: dict[Any, list[Entry]] = {}
    rows = zip(*(v.tolist() for v in found.values()), strict=True)
    for who, reason, since, said in rows:
        sentence = None if is_missing(said) else str(said)
        of.setdefault(who, []).append(Entry(str(reason), since, sentence))
    later = [(who, each) for who, listed in of.items() for each in listed if each.since > last]
    if later:
        who, each = min(later, key=lambda one: (one[1].since, str(one[0])))
        raise ContentError(
            f"entries: {count_of(len(later), 'row begins', 'rows begin')} after as_of "
            f"{periods.day_of(last)}, the first on {periods.day_of(each.since)} of customer "
            f"{who!r}. Leave them out, or say a later as_of."
        )
    return found["customer_id"], of


def values_by_customer(
    frame: Frame, values: object, top: float | None
) -> tuple[dict[Any, float], float]:
    """The known values of listed customers, and the least value of the top share of all customers.

    Args:
        frame: the entries.
        values: the table of values.
        top: that share; None if nobody asks: then no value is among them.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a customer has two rows, or a value is infinite.
    """
    table = _told_once(frame, values, VALUES, adds="all")
    amount = table.with_columns(_value=nw.col("value").cast(nw.Float64))
    known = amount.filter(~nw.col("_value").is_null(), ~nw.col("_value").is_nan())
    limits = known.select(least=nw.col("_value").min(), most=nw.col("_value").max())
    ends = one_row(limits)
    if ends["most"] is not None and not -MOST <= ends["least"] <= ends["most"] <= MOST:
        raise ContentError("values: a value is infinite, or beyond what money can be.")
    line = float("inf")
    if top is not None and ends["most"] is not None:
        line = _least_of_top(collect(known.select("_value"))["_value"], top)
    return _numbers_by_customer(_of_listed(frame, known), "_value"), line


def _least_of_top(amounts: NDArray[Any], share: float) -> float:
    """The value that the last of the top share has, who are ⌈share · n⌉ and all who tie."""
    many = max(1, ceil(amounts.size * share - 1e-9))  # in a computer 0.07 · 100 is above 7
    return float(np.partition(amounts, amounts.size - many)[amounts.size - many])


def risks_by_customer(frame: Frame, risk: object) -> dict[Any, float]:
    """The known risks of listed customers.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a customer has two rows, or a risk is no chance.
    """
    table = _told_once(frame, risk, RISKS)
    chance = _of_listed(frame, table.with_columns(_risk=nw.col("risk").cast(nw.Float64)))
    found = _numbers_by_customer(chance, "_risk")
    if odd := [each for each in found.values() if not 0 <= each <= 1]:
        raise ContentError(
            f"risk: {count_of(len(odd), 'customer has a risk', 'customers have risks')} outside 0 "
            f"to 1, such as {odd[0]:g}. It is the chance of leaving: say 0.4 for 40 %."
        )
    return found


def owners_by_customer(frame: Frame, owners: object) -> dict[Any, tuple[str | None, str | None]]:
    """The owner of each listed customer and the owner's lead, None where nobody is.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a customer has two owners.
    """
    table = _told_once(frame, owners, OWNERS)
    there = "lead" in table.collect_schema().names()
    lead = nw.col("lead") if there else nw.lit(None, dtype=nw.String)
    told = _of_listed(frame, table).select("customer_id", "owner", _lead=lead)
    found = collect(told, exact=True)
    rows = zip(*(values.tolist() for values in found.values()), strict=True)
    return {who: (_text_or_none(owner), _text_or_none(to)) for who, owner, to in rows}


def _text_or_none(value: object) -> str | None:
    return None if is_missing(value) or not str(value) else str(value)


def last_calls(frame: Frame, calls: object, last: int) -> dict[Any, int]:
    """The number of the day on which each listed customer was last called, as was known by a day.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
    """
    table = _of_listed(frame, _table_beside(frame, calls, CALLS))
    engine = table.implementation
    dated = table.with_columns(_day=periods.day_expr("date", engine).cast(nw.Float64))
    made = dated.filter(nw.col("_day") <= last)
    if "known" in made.collect_schema().names():
        known = made.with_columns(_known=periods.day_expr("known", engine).cast(nw.Float64))
        made = known.filter(nw.col("_known").is_null() | (nw.col("_known") <= last))
    found = _numbers_by_customer(made.group_by("customer_id").agg(nw.col("_day").max()), "_day")
    return {who: int(day) for who, day in found.items()}


def customers_among(frame: Frame, opted_out: object) -> set[Any]:
    """The listed customers whom nobody may call.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
    """
    table = _of_listed(frame, _table_beside(frame, opted_out, OPTED_OUT))
    return set(collect(table.select("customer_id").unique(), exact=True)["customer_id"].tolist())


def _table_beside(frame: Frame, given: object, kind: Kind, adds: Adds = "none") -> Frame:
    """A table of customers on the engine of the entries; rows of nobody are left out."""
    checked = require(given, kind, by_row=True, adds=adds)
    refuse_other_ids(frame, checked, ("entries", kind.name))
    table = typed_as(beside(frame, given, name=kind.name), checked)
    return _with_wide_ids(table.filter(~nw.col("customer_id").is_null()))


def _told_once(frame: Frame, given: object, kind: Kind, adds: Adds = "none") -> Frame:
    """The same, of a table that has a row per customer."""
    table = _table_beside(frame, given, kind, adds)
    found = one_row(table.select(nw.len().alias("n"), nw.col("customer_id").n_unique()))
    if twice := int(found["n"] - (found["customer_id"] or 0)):
        each = table.group_by("customer_id").agg(nw.len().alias("n")).filter(nw.col("n") > 1)
        first = one_row(each.select(nw.col("customer_id").min()))["customer_id"]
        raise ContentError(
            f"{kind.name}: {count_of(twice, 'row', 'rows')} too many: customer {first!r} has "
            "several. Give a row per customer."
        )
    return table


def _of_listed(frame: Frame, table: Frame) -> Frame:
    """The rows of customers who are on the list."""
    ids = _ids_of_type(frame.select("customer_id"), table.collect_schema()["customer_id"])
    return table.join(ids.unique(), on="customer_id", how="semi")


def _ids_of_type(ids: Frame, wide: nw.dtypes.DType) -> Frame:
    """Ids in one of the two widest types, without those that it cannot hold."""
    mine, who = ids.collect_schema()["customer_id"], nw.col("customer_id")
    if mine == wide or not mine.is_integer():
        return ids
    if wide == nw.UInt64:
        ids = ids.filter(who >= 0)
    elif mine == nw.UInt64:
        ids = ids.filter(who <= _MOST_SIGNED)
    return ids.with_columns(who.cast(wide))


def _with_wide_ids(table: Frame) -> Frame:
    """A table whose ids, if they are whole numbers, have the widest type of their kind."""
    mine = table.collect_schema()["customer_id"]
    narrow = mine.is_integer() and mine != nw.UInt64
    return table.with_columns(nw.col("customer_id").cast(nw.Int64)) if narrow else table


def _numbers_by_customer(table: Frame, name: str) -> dict[Any, float]:
    """A number of each customer of whom it is known."""
    found = collect(table.select("customer_id", name), exact=True)
    rows = zip(found["customer_id"].tolist(), found[name].astype(float).tolist(), strict=True)
    return {who: number for who, number in rows if not isnan(number)}
