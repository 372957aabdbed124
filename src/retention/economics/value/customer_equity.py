"""What a customer base is worth: the sum of its customers' values, and who holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.economics.value.payments import is_amount
from retention.errors import ContentError, RetentionError
from retention.frames import Columns, Frame, as_text, collect, count, one_row, table_like
from retention.numerics.codes import distinct_segments
from retention.orders import MOST
from retention.tables import VALUES, refuse_repeated_customers, require, segments
from retention.tables.answer_columns import amounts, gives, shares, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]


@gives(
    "segment and share of customers",
    whole_numbers("n_customers", "n_valued", "n_unvalued"),
    amounts("equity", "mean_value"),
    whole_numbers("n_negative"),
    amounts("equity_negative"),
    shares("top"),
    whole_numbers("n_top"),
    amounts("equity_of_top"),
    shares("top_share"),
)
def customer_equity(
    values: IntoFrameT,
    *,
    by: str | Sequence[str] = (),
    top: float | Sequence[float] = (0.1, 0.2),
) -> IntoFrameT:
    """What the customers of a firm are worth together, and how much of it the best ones hold.

    Customer equity is the sum of the values of today's customers. Those without a value are counted
    and left out: it is then too low by what they are worth. There are no bounds: values of one
    model rest on one estimate, whose error does not even out over customers.

    Args:
        values: a table of `residual_value` or `customer_value`, or your own: `customer_id`, `value`
            (currency, null where not known), a row per customer.
        by: segment columns, such as `residual_value(..., keep=)` brings along.
        top: the share of customers that counts as best, between 0 and 1, or several.

    Returns:
        One row per segment and share, in the caller's kind, sorted: the `by` columns,
        `n_customers`, `n_valued`, `n_unvalued`, `equity`, `mean_value` (of those with a value),
        `n_negative`, `equity_negative` (customers who are expected to cost more than they bring,
        and the sum of their values), `top`, `n_top` (the best customers of those with a value,
        rounded up), `equity_of_top`, `top_share` (of the equity; null where that is not above 0,
        above 1 where others are worth less than nothing).

    Raises:
        RetentionError: if a share is not between 0 and 1.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no customer, one comes twice, or a value is infinite.

    Example:
        The best of five customers holds half.

        >>> import pandas as pd
        >>> import retention as rt
        >>> values = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee", "Eve"],
        ...     "value": [50.0, 30.0, 25.0, -5.0, None],
        ... })
        >>> equity = rt.economics.customer_equity(values, top=0.25)
        >>> equity[["n_valued", "n_unvalued", "equity", "equity_negative", "n_top", "top_share"]]
           n_valued  n_unvalued  equity  equity_negative  n_top  top_share
        0         4           1   100.0             -5.0      1        0.5

    Source:
        Blattberg, R. C. and Deighton, J. (1996), Manage marketing by the customer equity test,
        Harvard Business Review 74(4), 136–144; Gupta, S., Lehmann, D. R. and Stuart, J. A. (2004),
        Valuing customers, Journal of Marketing Research 41, 7–18.
    """
    asked = _shares_asked(top)
    names = segments(by, VALUES)
    frame = require(values, VALUES, extra=names, alone=True)
    _refuse_no_customers(frame)
    refuse_repeated_customers(frame, "values")
    counted = _customers_by_value(frame, names)
    keys, place = distinct_segments(counted, names)
    n = int(place.max()) + 1
    parts = [_equity_of_segment(counted, place == one, asked) for one in range(n)]
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    labels = {name: np.repeat(found, len(asked)) for name, found in keys.items()}
    return table_like({**labels, **made}, values)


def _shares_asked(top: object) -> list[float]:
    several: Any = [top] if is_amount(top) else top
    listed: list[Any] = list(several) if isinstance(several, list | tuple | np.ndarray) else [None]
    if not listed or not all(is_amount(one) and 0 < one < 1 for one in listed):
        raise RetentionError(
            "top is the share of customers that counts as best, between 0 and 1, such as 0.1, or "
            f"several in a list; got {top!r}."
        )
    return [float(one) for one in listed]


def _refuse_no_customers(frame: Frame) -> None:
    """Refuse a table that is empty."""
    if not one_row(frame.select(n=nw.len()))["n"]:
        raise ContentError("values: the table is empty.")


def _customers_by_value(frame: Frame, names: Sequence[str]) -> Columns:
    """How many customers have each value, by segment; counted by the engine that holds them."""
    schema = frame.collect_schema()
    known = ~nw.col("value").is_null()
    told = frame.select(
        *(as_text(name, schema[name]) for name in names),
        _known=count(known),
        _value=nw.when(known).then(nw.col("value").cast(nw.Float64)).otherwise(nw.lit(0.0)),
    )
    grouped = told.group_by(*names, "_known", "_value").agg(nw.len().alias("_n"))
    found = collect(grouped.with_columns(nw.col("_n", "_known").cast(nw.Int64)))
    if (np.abs(found["_value"]) > MOST).any():
        raise ContentError("values: a value is infinite, or beyond what money can be.")
    missing = np.isnan(found["_value"])
    found["_known"] = np.where(missing, 0, found["_known"])
    found["_value"] = np.where(missing, 0.0, found["_value"])
    return found


def _equity_of_segment(counted: Columns, mine: NDArray[np.bool_], top: Sequence[float]) -> Columns:
    """The figures of one segment, a row per share."""
    n, known = counted["_n"][mine], counted["_known"][mine] == 1
    value, many = counted["_value"][mine][known], n[known]
    order = np.argsort(-value, kind="stable")
    value, many = value[order], many[order]
    n_valued, equity = int(many.sum()), float(value @ many)
    # A computer takes 0.07 · 100 for more than 7.
    n_top = np.ceil(n_valued * np.array(top) - 1e-9).astype(np.int64)
    best = np.array([_sum_of_first(value, many, int(few)) for few in n_top])
    below = value < 0
    whole = {
        "n_customers": int(n.sum()),
        "n_valued": n_valued,
        "n_unvalued": int(n.sum()) - n_valued,
        "equity": equity,
        "mean_value": equity / n_valued if n_valued else np.nan,
        "n_negative": int(many[below].sum()),
        "equity_negative": float(value[below] @ many[below]),
    }
    made: Columns = {name: np.full(len(top), number) for name, number in whole.items()}
    shares = intervals.ratio(best, np.full(len(top), equity))
    return made | {
        "top": np.array(top), "n_top": n_top, "equity_of_top": best, "top_share": shares
    }  # fmt: skip


def _sum_of_first(value: Floats, many: Counts, few: int) -> float:
    """The sum over so many customers, in the order of their values."""
    taken = np.clip(few - (many.cumsum() - many), 0, many)
    return float(value @ taken)
