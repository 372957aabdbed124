"""Staff and customers side by side: how many of each a unit keeps from period to period."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.window import window_of
from retention.errors import ColumnError, ContentError
from retention.frames import Columns, as_lazy, collect, table_like
from retention.kpis.outcome.rates import retention_rate
from retention.numerics.codes import distinct_segments
from retention.tables import ACTIVITY, require, segments
from retention.tables.answer_columns import (
    constants,
    gives,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.kpis.outcome.counts import LostTo
    from retention.periods import Window

_COUNTS = ("n_base", "n_retained")


@gives(
    "unit, such as a branch, and base period",
    times("period"),
    whole_numbers("step", "n_staff", "n_staff_retained"),
    shares("staff_retention", "staff_lower", "staff_upper"),
    whole_numbers("n_customers", "n_customers_retained"),
    shares("customer_retention", "customer_lower", "customer_upper"),
    constants(whole_numbers("lag"), texts("lost_to")),
)
def staff_and_customers(
    staff: IntoFrameT,
    customers: IntoFrameT,
    *,
    by: str | Sequence[str],
    lag: int = 1,
    lost_to: LostTo = "firm",
    level: float = 0.95,
) -> IntoFrameT:
    """Of its staff and of its customers, the shares that each branch keeps.

    An employee's job is a contract: `as_contracts(staff, customer_id="employee", start=...,
    end=..., keep="branch")`, then `contract_periods(..., by="branch")` give the activity of staff.
    Both shares are `retention_rate`, |R| / |B|: of those there in a period, who are there `lag`
    periods later.

    That a branch which keeps its staff keeps its customers does not say that the one makes the
    other: see `loyalty_link`.

    Args:
        staff: activity of employees, from `contract_periods(..., by=...)`.
        customers: activity of customers, from `customer_periods` or `contract_periods`, of the same
            freq and with the same `by` columns.
        by: what a unit is: a column that both tables have, such as the branch, or several.
        lag: how many periods later, 1 or more.
        lost_to: "firm" (who moves to another branch has stayed) or "segment" (has left this one).
        level: confidence of the bounds.

    Returns:
        One row per unit and base period that both tables cover, in the kind of `staff`, sorted: the
        `by` columns, `period`, `step`; `n_staff`, `n_staff_retained`, `staff_retention`,
        `staff_lower`, `staff_upper` (Wilson); `n_customers`, `n_customers_retained`,
        `customer_retention`, `customer_lower`, `customer_upper`; and the conventions `lag`,
        `lost_to`. A unit that only one of the tables knows has 0 of the other, whose retention is
        null.

    Raises:
        ColumnError: if one is not an activity table, or `by` is empty or names no column of it.
        ContentError: if the two have different freq, no base period or no unit in common, or cover
            too few periods.

    Example:
        In the north Ann, who serves, stays, and so do both customers; in the south Bob leaves, and
        one customer of two.

        >>> import pandas as pd
        >>> import retention as rt
        >>> def monthly(rows):
        ...     names = ["customer_id", "start", "end", "branch"]
        ...     table = pd.DataFrame(rows, columns=names)
        ...     days = {name: pd.to_datetime(table[name]) for name in ("start", "end")}
        ...     contracts = table.assign(**days)
        ...     return rt.contract_periods(contracts, freq="month", as_of="2024-02-29", by="branch")
        >>> jobs = monthly([
        ...     ("Ann", "2024-01-01", None, "north"), ("Bob", "2024-01-01", "2024-02-01", "south")
        ... ])
        >>> customers = monthly([
        ...     ("Cem", "2024-01-01", None, "north"), ("Dee", "2024-01-01", None, "north"),
        ...     ("Eve", "2024-01-01", None, "south"), ("Fay", "2024-01-01", "2024-01-20", "south"),
        ... ])
        >>> both = rt.economics.staff_and_customers(jobs, customers, by="branch")
        >>> january = both[both["period"] == "2024-01-01"].reset_index(drop=True)
        >>> january[["branch", "n_staff", "staff_retention", "n_customers", "customer_retention"]]
          branch  n_staff  staff_retention  n_customers  customer_retention
        0  north        1              1.0            2                 1.0
        1  south        1              0.0            2                 0.5

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapter 4: customers stay where staff stays;
        Heskett, J. L. and others (1994), Putting the service-profit chain to work, Harvard Business
        Review 72(2), 164–174. Bounds: Wilson (1927).
    """
    if by != "" and not by:  # a column may have no name
        raise ColumnError("staff_and_customers needs by=: the column that says the branch.")
    names = segments(by, ACTIVITY)
    given = {"staff": staff, "customers": customers}
    windows = {name: _window_of_table(table, name, names) for name, table in given.items()}
    steps = _common_base_periods(windows, lag)
    asked = {"by": by, "lag": lag, "lost_to": lost_to, "level": level}
    found = {
        name: collect(
            as_lazy(retention_rate(table, **asked))  # type: ignore[arg-type]
            .filter(nw.col("step") >= int(steps[0]), nw.col("step") <= int(steps[-1]))
            .select(*names, "step", *_COUNTS)
        )
        for name, table in given.items()
    }
    labels, counts = _counts_side_by_side(found, names, steps)
    n_units = len(labels[names[0]])
    keys: Columns = {name: np.repeat(values, steps.size) for name, values in labels.items()}
    grid = np.tile(steps, n_units)
    keys |= {"period": periods.first_days(grid, windows["staff"].freq), "step": grid}
    rates = {
        **_rate_columns("staff", "n_staff", counts["staff"], level),
        **_rate_columns("customer", "n_customers", counts["customers"], level),
    }
    said = {"lag": np.full(grid.size, lag), "lost_to": np.full(grid.size, lost_to, dtype=object)}
    return table_like({**keys, **rates, **said}, staff)


def _window_of_table(table: object, name: str, names: Sequence[str]) -> Window:
    """The whole periods that one of the two tables covers."""
    frame = require(table, replace(ACTIVITY, name=name), extra=names, adds="none")
    return window_of(frame, empty=f"{name} has nobody")


def _common_base_periods(windows: Mapping[str, Window], lag: int) -> NDArray[np.int64]:
    """The base periods of both tables."""
    periods.check_lag(lag)
    staff, customers = windows["staff"], windows["customers"]
    if staff.freq != customers.freq:
        raise ContentError(
            f"staff is by {staff.freq}, customers are by {customers.freq}: make both with one freq."
        )
    first = max(window.first_step for window in windows.values())
    last = min(window.last_step for window in windows.values()) - lag
    if last < first:
        told = [
            f"{name} covers {periods.label(window.first_step, window.freq)} to "
            f"{periods.label(window.last_step, window.freq)}"
            for name, window in windows.items()
        ]
        raise ContentError(
            f"{' and '.join(told)}: retention over `lag={lag}` needs {lag + 1} whole periods that "
            "both cover."
        )
    return np.arange(first, last + 1)


def _counts_side_by_side(
    found: Mapping[str, Columns], names: Sequence[str], steps: NDArray[np.int64]
) -> tuple[Columns, dict[str, Columns]]:
    """The units of both tables in order, and the counts of each table on units × base periods."""
    sizes = [found[name]["step"].size for name in found]
    both = {n: np.concatenate([found[name][n] for name in found]) for n in (*names, "step")}
    labels, place = distinct_segments(both, names)
    mine = dict(zip(found, np.split(place, [sizes[0]]), strict=True))
    if not np.intersect1d(mine["staff"], mine["customers"]).size:
        first = {name: [found[name][n][:1].tolist() for n in names] for name in found}
        shown = {name: ", ".join(str(v) for part in first[name] for v in part) for name in first}
        raise ContentError(
            f"No {' and '.join(names)} of staff is one of customers. In staff there is "
            f"{shown['staff']!r}, in customers {shown['customers']!r}: name them alike."
        )
    counts = {}
    for name, columns in found.items():
        row = mine[name] * steps.size + (columns["step"].astype(np.int64) - steps[0])
        counts[name] = {n: np.zeros(len(labels[names[0]]) * steps.size, np.int64) for n in _COUNTS}
        for n in _COUNTS:
            counts[name][n][row] = columns[n]
    return labels, counts


def _rate_columns(name: str, counted: str, counts: Columns, level: float) -> Columns:
    """Counts, share and bounds of one of the two."""
    base, retained = (counts[n] for n in _COUNTS)
    lower, upper = intervals.wilson_bounds(retained, base, level)
    return {
        counted: base,
        f"{counted}_retained": retained,
        f"{name}_retention": intervals.ratio(retained, base),
        f"{name}_lower": lower,
        f"{name}_upper": upper,
    }
