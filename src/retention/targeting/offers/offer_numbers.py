"""The numbers of an offer for each customer, as said once for all or as a column has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import YOURS, ColumnError, ContentError, RetentionError, count_of, is_number
from retention.frames import Columns, Frame, as_lazy, count, one_row
from retention.names import inner_name
from retention.orders import MOST
from retention.tables import CUSTOMER, Column, Kind, require
from retention.tables.kinds import CURRENCY
from retention.targeting.offers.offer import PARTS, Offer, range_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


_MONEY = ("currency", "currency, 0 or more")


class Quantity(NamedTuple):
    """A number that each customer has.

    Attributes:
        argument: what the user calls it.
        said: the number, the same for all; or the column in which it stands.
        what: in words.
        between: in words, what it may be.
        low: the least it may be.
        high: the most it may be.
    """

    argument: str
    said: float | str
    what: str
    between: str
    low: float
    high: float

    @property
    def column(self) -> str | None:
        """The column in which it stands, by its inner name; None where it is one for all."""
        return inner_name(self.said) if isinstance(self.said, str) else None


def quantities_of_offer(offer: Offer) -> list[Quantity]:
    """The numbers of an offer that it says."""
    said = ((name, part, getattr(offer, name)) for name, part in PARTS.items())
    return [
        Quantity(name, value, part.what, range_in_words(part), 0.0, part.most)
        for name, part, value in said
        if value is not None
    ]


def chance_of_leaving(column: object) -> Quantity:
    """The chance that a customer leaves if nothing is done.

    Raises:
        RetentionError: if no column is named.
    """
    named = _named_column("churn", column, "the chance that each customer leaves")
    return Quantity("churn", named, "the chance to leave", "0 to 1", 0.0, 1.0)


def fall_of_chance(column: object) -> Quantity:
    """How far the offer lowers the chance that a customer leaves.

    Raises:
        RetentionError: if no column is named.
    """
    named = _named_column("uplift", column, "how far the offer lowers each one's chance to leave")
    return Quantity("uplift", named, "a difference of chances", "-1 to 1", -1.0, 1.0)


def value_of_saved(value: object) -> Quantity:
    """What a customer who is kept is worth: an amount, or the column in which it stands.

    Raises:
        RetentionError: if it is neither.
    """
    said: float | str
    if isinstance(value, str):
        said = value
    elif is_number(value) and abs(value) <= MOST:
        said = float(value)
    else:
        raise RetentionError(
            "value is what a customer who is kept is worth: an amount, or the name of the column "
            f"in which it stands; got {value!r}."
        )
    return Quantity("value", said, "what a saved customer is worth", "currency", -MOST, MOST)


def _named_column(argument: str, column: object, what: str) -> str:
    if not isinstance(column, str):
        raise RetentionError(f"{argument} must name the column of {what}; got {column!r}.")
    return column


def customers_with_numbers(customers: object, asked: Sequence[Quantity]) -> Frame:
    """The table of customers, once it is sure that it has the named columns and they hold numbers.

    Raises:
        ColumnError: if a named column is none, or holds no numbers.
        ContentError: if the money is in several currencies.
    """
    frame = as_lazy(customers, name="customers", by_row=True)
    present = frame.collect_schema()
    for each in asked:
        if each.column is not None and each.column not in present:
            raise ColumnError.unknown(each.argument, str(each.said), present)
    kind = kind_with_numbers(asked, "customers", "a customer who may be made an offer")
    columns = (CUSTOMER, *kind.columns)
    return require(customers, replace(kind, columns=columns), by_row=True, adds="all")


def kind_with_numbers(asked: Sequence[Quantity], name: str, row: str) -> Kind:
    """What a table is in which some quantities stand as columns; which of them are money.

    Args:
        asked: the quantities.
        name: what messages call the table.
        row: what one row is.
    """
    named = {each.column: each for each in asked if each.column is not None}
    columns = [
        Column(column, "number", each.what, "currency" if each.between in _MONEY else "")
        for column, each in named.items()
    ]
    return Kind(name, row, YOURS, (*columns, CURRENCY))


def numbers_as_columns(frame: Frame, asked: Sequence[Quantity]) -> dict[str, nw.Expr]:
    """Each quantity as an expression, null where it is missing.

    Args:
        frame: from `customers_with_numbers`.
        asked: the quantities.

    Raises:
        ContentError: if a number in a column is out of its range.
    """
    _refuse_out_of_range(frame, [each for each in asked if each.column is not None], "customers")
    return {each.argument: _expression_of(each) for each in asked}


def numbers_as_arrays(
    found: Columns, asked: Sequence[Quantity], n: int, table: str
) -> dict[str, Floats]:
    """Each quantity as an array of one number a row, none of them missing.

    Args:
        found: the columns that were read, by the names they were asked for.
        asked: the quantities.
        n: the number of rows.
        table: what messages call the table.

    Raises:
        ContentError: if a number in a column is missing or out of its range.
    """
    return {each.argument: _array_of(found, each, n, table) for each in asked}


def _array_of(found: Columns, asked: Quantity, n: int, table: str) -> Floats:
    if not isinstance(asked.said, str):
        return np.full(n, asked.said)
    values = found[asked.said]
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise ColumnError(
            f"{asked.argument}: column {asked.said!r} of {table} must be numbers; got "
            f"{values.dtype}."
        ) from None
    if none := int(np.isnan(numbers).sum()):
        raise ContentError(
            f"{table}: {count_of(none, 'row has', 'rows have')} nothing in {asked.said!r} "
            f"({asked.what}). Fill them in or leave them out."
        )
    wrong = ~((numbers >= asked.low) & (numbers <= asked.high))
    if wrong.any():
        raise _out_of_range(table, asked, int(wrong.sum()), float(numbers[wrong][0]))
    return numbers


def _expression_of(asked: Quantity) -> nw.Expr:
    """The number of each row; null where it is missing or no number."""
    if asked.column is None:
        return nw.lit(asked.said).cast(nw.Float64)
    number = nw.col(asked.column).cast(nw.Float64)
    return nw.when((number >= asked.low) & (number <= asked.high)).then(number)


def _refuse_out_of_range(frame: Frame, named: Sequence[Quantity], table: str) -> None:
    """Refuse numbers out of their range, with how many there are and the first customer's."""
    if not named:
        return
    # To some engines NaN is larger than any number, infinity included.
    number = {each.argument: nw.col(str(each.column)).cast(nw.Float64) for each in named}
    wrong = {
        each.argument: (number[each.argument] < each.low)
        | ((number[each.argument] > each.high) & (number[each.argument] <= np.inf))
        for each in named
    }
    marked = frame.select(
        "customer_id", **{f"_{name}": count(each) for name, each in wrong.items()}
    )
    told = one_row(marked.select(*(nw.col(f"_{name}").sum() for name in wrong)))
    for each in named:
        if n := int(told[f"_{each.argument}"] or 0):
            rows = frame.filter(wrong[each.argument]).sort("customer_id").head(1)
            row = one_row(rows.select("customer_id", _number=number[each.argument]))
            raise _out_of_range(table, each, n, row["_number"], row["customer_id"])


def _out_of_range(
    table: str, asked: Quantity, n: int, number: float, customer: object = None
) -> ContentError:
    of = "" if customer is None else f" of {customer!r}"
    percent = asked.high == 1 and 1 < number <= 100
    say = f" For {number:g} % say {number / 100:g}." if percent else ""
    return ContentError(
        f"{table}: {count_of(n, 'row is', 'rows are')} out of range in {asked.said!r}, such as "
        f"{number:g}{of}. {asked.argument} is {asked.what}: {asked.between}.{say}"
    )
