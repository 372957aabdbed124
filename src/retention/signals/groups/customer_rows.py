"""Tables with a row per customer as arrays, sorted by customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, count_of
from retention.frames import Columns, as_text, collect, one_row
from retention.orders import MOST
from retention.tables import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.tables import Kind
    from retention.tables.checks import Adds


def rows_of_customers(table: object, kind: Kind, *, adds: Adds = "none") -> Columns:
    """The columns of a kind, as far as they are there, a row per customer, sorted by customer.

    Labels are text, the missing ones "(missing)"; numbers are floats.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a row has no customer, or a customer has two.
    """
    frame = require(table, kind, alone=True, by_row=True, adds=adds)
    present = frame.collect_schema()
    read = []
    for column in kind.columns:
        if column.name in present and column.type == "label":
            read.append(_label_as_text(column.name, present[column.name], kind))
        elif column.name in present and column.type == "number":
            read.append(nw.col(column.name).cast(nw.Float64))
        elif column.name in present:
            read.append(nw.col(column.name))
    found = collect(frame.select(*read))
    _refuse_nobody_named(frame, kind)
    order = np.argsort(found["customer_id"], kind="stable")
    rows = {name: values[order] for name, values in found.items()}
    _refuse_repeated(rows["customer_id"], kind)
    return rows


def _label_as_text(name: str, dtype: nw.dtypes.DType, kind: Kind) -> nw.Expr:
    """A column of labels as text, told by its table's name where it holds none."""
    try:
        return as_text(name, dtype)
    except ColumnError as error:
        raise ColumnError(str(error).replace("by:", f"{kind.name}:", 1)) from None


def check_amounts(values: NDArray[np.float64], table: str) -> None:
    """Refuse amounts that are infinite, or too large to be money.

    Raises:
        ContentError: if there are some.
    """
    if n := int((np.abs(values) > MOST).sum()):
        raise ContentError(
            f"{table}: {count_of(n, 'row has', 'rows have')} a 'value' that is no amount of money "
            "(infinite, or beyond 10¹⁵). Correct it, or leave it empty."
        )


def _refuse_nobody_named(frame: Any, kind: Kind) -> None:
    found = one_row(frame.select(nw.len().alias("n"), nw.col("customer_id").count()))
    if n := int(found["n"]) - int(found["customer_id"]):
        raise ContentError(
            f"{kind.name}: {count_of(n, 'row has', 'rows have')} no 'customer_id'. Leave them out."
        )


def _refuse_repeated(ids: NDArray[Any], kind: Kind) -> None:
    again = ids[1:][ids[1:] == ids[:-1]]
    if again.size:
        first = again[0].item() if hasattr(again[0], "item") else again[0]
        several = count_of(np.unique(again).size, "customer has", "customers have")
        raise ContentError(
            f"{kind.name}: {several} several rows, such as {first!r}. Keep one of them."
        )
