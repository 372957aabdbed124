"""How old a cohort was when it had paid back what winning it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.economics.tenure.cohort_value import COHORT_VALUES
from retention.errors import ContentError, count_of
from retention.frames import Columns, as_text, collect, table_like
from retention.numerics.codes import distinct_segments
from retention.tables import require, segments
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    numbers,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LINES = {"payback_age": "net", "lower": "net_upper", "upper": "net_lower"}
"""Of each answer, the line that reaches 0 there: the upper bound of what is left does so first."""

_NOISE = 1e-9
"""Of the cost: what lacks less is the rounding of sums."""


@gives(
    "cohort (and segment)",
    times("cohort"),
    whole_numbers("n_cohort"),
    amounts("acquisition_cost"),
    numbers(*_LINES, unit="periods"),
    texts("reason"),
    whole_numbers("n_ages"),
    constants(texts("freq")),
)
def payback_age(values: IntoFrameT, *, by: str | Sequence[str] = ()) -> IntoFrameT:
    """At which age a cohort had brought as much profit as winning it had cost.

    It is the first age a with net(a) ≥ 0, at the end of which the cost is back: 0 is the period of
    the first purchase itself. The bounds are the first ages at which the upper and the lower bound
    of `net` reach 0; null where they have not yet, so that a cohort may have paid back and still
    lack an upper bound, and the lower one where an earlier age has no bounds. Later refunds may
    undo it: it is when the money was there first.

    Args:
        values: a table from `cohort_value` of profit, with `acquisition_cost=`.
        by: the segment columns it was made with.

    Returns:
        One row per segment and cohort, in the caller's kind: the `by` columns, `cohort`,
        `n_cohort`, `acquisition_cost` (of age 0, currency), `payback_age`, `lower`, `upper` (in
        periods, as `freq` says; null where that has not come, or a bound is not known), `reason`
        (why there is no age, as "not within 4 observed months"; else null), `n_ages` (ages
        observed) and `freq`. Sorted by segment and cohort.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no cost is known, or there are several segments that `by` does not tell
            apart.

    Example:
        January brings 20, 30 and 27 for each customer, who cost 25: paid back at age 1.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = ["2024-01-01", "2024-01-20", "2024-02-28", "2024-03-02", "2024-03-03"]
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Ann", "Cem"],
        ...     "date": pd.to_datetime(days),
        ...     "sales": [30.0, 10.0, 20.0, -6.0, 5.0],
        ...     "profit": [30.0, 10.0, 20.0, -6.0, 5.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
        >>> values = rt.economics.cohort_value(
        ...     activity, of="profit", acquisition_cost=25, washout=0
        ... )
        >>> table = rt.economics.payback_age(values)
        >>> print(table["payback_age"][0], "|", table["reason"][2])
        1.0 | not within 1 observed month

    Source:
        The payback period of an investment, as in Gupta, S. and Lehmann, D. R. (2005), Managing
        Customers as Investments, chapter 2.
    """
    names = segments(by, COHORT_VALUES, working=(*_LINES, "reason", "n_ages"))
    frame = require(values, COHORT_VALUES, extra=names, adds="none")
    schema = frame.collect_schema()
    numbered = ["age", "n_cohort", "acquisition_cost", *_LINES.values()]
    found = collect(
        frame.select(
            *(as_text(name, schema[name]) for name in names),
            *(nw.col(name).cast(nw.Float64) for name in numbered),
            "cohort",
            "observed",
            "freq",
        )
    )
    if not np.isfinite(found["acquisition_cost"]).any():
        raise ContentError(
            "values: no acquisition_cost is known, so nothing can be paid back. Say "
            "cohort_value(..., of='profit', acquisition_cost=...)."
        )
    return table_like(_paybacks(found, names), values)


def _paybacks(found: Columns, names: Sequence[str]) -> Columns:
    """One row per segment and cohort."""
    labels, segment = distinct_segments(found, names)
    cohort = found["cohort"].astype("datetime64[D]")
    order = np.lexsort([found["age"], cohort, segment])
    same = (np.diff(segment[order]) == 0) & _are_equal(cohort[order])
    opens = np.append(0, np.flatnonzero(~same) + 1)
    age = found["age"][order]
    _refuse_mixed_values(age, opens)
    rows = order[opens]
    n_ages = np.add.reduceat(found["observed"][order].astype(np.int64), opens)
    cost = found["acquisition_cost"][rows]
    enough = -_NOISE * np.nan_to_num(found["acquisition_cost"][order])
    made: Columns = {name: values[segment[rows]] for name, values in labels.items()}
    made |= {"cohort": cohort[rows], "n_cohort": found["n_cohort"][rows].astype(np.int64)}
    made["acquisition_cost"] = cost
    for name, line in _LINES.items():
        values = found[line][order]
        reached = np.where(values >= enough, age, np.inf)
        first = np.minimum.reduceat(reached, opens)
        if name == "lower":  # it may have been reached at an age whose bounds are not known
            unknown = np.minimum.reduceat(np.where(np.isnan(values), age, np.inf), opens)
            first = np.where(unknown < first, np.inf, first)
        made[name] = np.where(np.isfinite(first), first, np.nan)
    freq = str(found["freq"][0])
    known = np.isfinite(found["net"][order]).astype(np.int64)
    told = (made["payback_age"], n_ages, np.add.reduceat(known, opens), made["n_cohort"])
    why = [_why_no_payback(*each, freq) for each in zip(*told, strict=True)]
    made |= {"reason": np.array(why, dtype=object), "n_ages": n_ages}
    return made | {"freq": np.full(rows.size, freq, dtype=object)}


def _are_equal(cohort: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Whether each cohort is that of the row before; no cohort is one, too."""
    missing = np.isnat(cohort)
    both = missing[1:] & missing[:-1]
    return np.asarray((cohort[1:] == cohort[:-1]) | both)


def _refuse_mixed_values(age: Floats, opens: NDArray[np.intp]) -> None:
    first = np.repeat(opens, np.diff(opens, append=age.size))
    if (age != np.arange(age.size) - first).any():
        raise ContentError(
            "values: ages of a cohort must be 0, 1, 2, … once each. Give the whole table of "
            "cohort_value, and by= with its segments."
        )


def _why_no_payback(age: float, n_ages: int, n_known: int, n_cohort: int, freq: str) -> str | None:
    if not np.isnan(age):
        return None
    if not n_cohort:
        return "nobody was won"
    if n_known < n_ages:
        return f"profit is known of {n_known:,} of {count_of(n_ages, f'observed {freq}')}"
    return f"not within {count_of(n_ages, f'observed {freq}')}"
