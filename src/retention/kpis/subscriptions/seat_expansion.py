"""Seats: how many were added, removed and lost, and what is left of those there were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.from_contracts import contract_periods
from retention.errors import ColumnError, ContentError, count_of
from retention.frames import Columns, Frame, count, one_row, table_like
from retention.kpis.revenue.movements import ledger_of_movements
from retention.kpis.subscriptions.revenue_churn import revenue_churn_columns
from retention.tables import CONTRACTS, require, segments
from retention.tables.answer_columns import gives, numbers, shares, texts, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_STAGES = {
    "start": "start",
    "new": "new",
    "reactivated": "reactivated",
    "expansion": "added",
    "contraction": "removed",
    "churned": "lost",
    "end": "end",
}
"""What movements of revenue are called of seats."""

_COUNTED = {
    "n_start": "n_start",
    "n_new": "n_new",
    "n_reactivated": "n_reactivated",
    "n_expanded": "n_adding",
    "n_contracted": "n_removing",
    "n_churned": "n_churned",
    "n_end": "n_end",
}


@gives(
    "segment and whole period",
    times("period"),
    whole_numbers("step", *_COUNTED.values()),
    numbers(*(f"seats_{name}" for name in _STAGES.values()), unit="seats"),
    shares("net_seat_retention", "net_lower", "net_upper"),
    texts("net_bounds"),
    shares("gross_seat_retention", "gross_lower", "gross_upper"),
    texts("gross_bounds"),
)
def seat_expansion(
    contracts: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    seats: str = "seats",
    by: str | Sequence[str] = (),
    observed_from: date | str | None = None,
    grace: int = 0,
    level: float = 0.95,
) -> IntoFrameT:
    """Do customers take more seats or fewer: what growth of use does before prices do anything.

    With u a customer's seats in force as a period opens, summed over contracts, the movements are
    those of `revenue_movements` with u in the place of sales:

        start + new + reactivated + added − removed − lost = end

    added and removed being rises and falls of customers who were there before and still are. Of the
    seats at the start, net seat retention is (start − lost − removed + added) / start, and gross
    seat retention (start − lost − removed) / start. Beside `net_revenue_retention` the net rate
    tells how much of the expansion is seats, and how much price or plan.

    Args:
        contracts: a table from `as_contracts(..., keep="seats")`.
        freq: length of a period: "day", "week", "month", "quarter", "year", or a `Calendar`.
        as_of: the last observed day.
        seats: the column that holds how many seats, licences or users a contract has, 0 or more.
        by: segment columns of the contracts.
        observed_from: as for `contract_periods`.
        grace: as for `contract_periods`.
        level: confidence of the bounds.

    Returns:
        One row per segment and whole period, in the caller's kind: the `by` columns, `period`,
        `step`; in customers `n_start`, `n_new`, `n_reactivated`, `n_adding`, `n_removing`,
        `n_churned`, `n_end`; in seats `seats_start`, `seats_new`, `seats_reactivated`,
        `seats_added`, `seats_removed`, `seats_lost`, `seats_end`; `net_seat_retention`,
        `net_lower`, `net_upper`, `net_bounds`, `gross_seat_retention`, `gross_lower`,
        `gross_upper` and `gross_bounds` (as in `net_revenue_retention`). In the first period only
        the end is known.

    Raises:
        RetentionError: as `contract_periods`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: as `contract_periods`; if fewer than two periods open in the time observed, or
            seats are missing or below 0.

    Example:
        Ann goes from 10 to 14 seats, Bob's 5 are lost, Cem comes with 3.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-01", "2024-01-20"]),
        ...     "end": pd.to_datetime(["2024-02-01", None, "2024-01-31", None]),
        ...     "seats": [10, 14, 5, 3],
        ... })
        >>> found = rt.kpis.seat_expansion(contracts, freq="month", as_of="2024-01-31").tail(1)
        >>> found[["seats_start", "seats_new", "seats_added", "seats_lost", "seats_end"]]
           seats_start  seats_new  seats_added  seats_lost  seats_end
        1         15.0        3.0          4.0         5.0       17.0
        >>> found[["net_seat_retention", "gross_seat_retention"]].round(4).values.tolist()
        [[0.9333, 0.6667]]

    Source:
        A convention of practice, as `net_revenue_retention`, whose bounds these are.
    """
    intervals.quantile_of(level)
    periods.check_freq(freq)
    names = segments(by, CONTRACTS)
    frame = require(contracts, CONTRACTS, extra=names, adds="none")
    stays: Any = _contracts_of_seats(frame, seats, names, freq)
    activity = contract_periods(
        stays, freq=freq, as_of=as_of, by=names, observed_from=observed_from, grace=grace
    )
    ledger = ledger_of_movements(activity, names)
    base, rates = revenue_churn_columns(activity, 1, names, level)
    columns = {new: ledger.columns[old] for old, new in _COUNTED.items()}
    columns |= {
        f"seats_{new}": _whole_seats(ledger.columns[f"sales_{old}"]) for old, new in _STAGES.items()
    }
    row = _rows_of_base(ledger.keys, base, names)
    for name in ("net", "gross"):
        columns |= _columns_of_retention(rates, name, row)
    return table_like({**ledger.keys, **columns}, contracts)


def _contracts_of_seats(frame: Frame, seats: str, names: Sequence[str], freq: str) -> object:
    """Contracts whose sales a period are their seats.

    Raises:
        ColumnError: if there is no column of seats.
        ContentError: if some are not known, or below 0.
    """
    schema = frame.collect_schema()
    if seats not in schema:
        raise ColumnError.unknown("seats", seats, schema, kept="`as_contracts(..., keep={})`")
    if not schema[seats].is_numeric():
        raise ColumnError(f"seats: column {seats!r} holds {schema[seats]}, not numbers.")
    many = nw.col(seats).cast(nw.Float64)
    marked = frame.with_columns(_bad=count(~((many >= 0).fill_null(value=False))))
    bad = int(one_row(marked.select(nw.col("_bad").sum()))["_bad"] or 0)
    if bad:
        raise ContentError(
            f"contracts: {count_of(bad, 'row has', 'rows have')} no number of seats in {seats!r}, "
            "or one below 0. Fill them in, or leave those rows out."
        )
    kept = frame.select("customer_id", "start", "end", *names, _seats=many)
    told = kept.with_columns(sales=nw.col("_seats") / periods.amount_months(freq))
    return told.drop("_seats").to_native()


def _whole_seats(values: NDArray[Any]) -> NDArray[np.float64]:
    """Sums of seats without the noise of having been told by the month."""
    near = np.rint(values)
    return np.where(np.abs(values - near) <= 1e-6 * np.maximum(1.0, np.abs(near)), near, values)


def _rows_of_base(keys: Columns, base: Columns, names: Sequence[str]) -> NDArray[np.int64]:
    """For each row the one of the base of the period before; −1 where there is none."""

    def told(table: Columns, later: int) -> list[tuple[Any, ...]]:
        segment = [table[name].tolist() for name in names]
        return list(zip(*segment, (table["step"] + later).tolist(), strict=True))

    place = {key: i for i, key in enumerate(told(base, 1))}
    return np.array([place.get(key, -1) for key in told(keys, 0)], np.int64)


def _columns_of_retention(rates: Columns, name: str, row: NDArray[np.int64]) -> Columns:
    """The complement of a churn of seats, in the row of the period in which it shows."""

    def at(column: str) -> NDArray[np.float64]:
        return np.append(rates[column], np.nan)[row]

    method = np.append(rates[f"{name}_bounds"], "none").astype(object)[row]
    return {
        f"{name}_seat_retention": 1 - at(f"{name}_revenue_churn"),
        f"{name}_lower": 1 - at(f"{name}_upper"),
        f"{name}_upper": 1 - at(f"{name}_lower"),
        f"{name}_bounds": method,
    }
