"""Of the customers of a period, those who had been away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.frames import table_like
from retention.kpis.revenue.movements import ledger_of_movements
from retention.tables.answer_columns import amounts, gives, shares, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT


@gives(
    "segment and period",
    times("period"),
    whole_numbers("step", "n_active", "n_resurrected"),
    shares("resurrected_share", "lower", "upper"),
    amounts("sales", "sales_resurrected"),
    shares("resurrected_sales_share"),
)
def resurrected_share(
    activity: IntoFrameT, *, by: str | Sequence[str] = (), level: float = 0.95
) -> IntoFrameT:
    """How much of a period rests on customers who had left and came back in it.

    With A the customers active in a period, and X those of A who were not active in the period
    before but were earlier, the share is |X| / |A|, of their sales Σ_X s / Σ_A s. X are the
    `reactivated` of `lifecycle_states` and `revenue_movements`. In the next period they count as
    retained: the share is of those who return now, and not of all who ever did.

    Without it growth of active customers may hide that fewer and fewer new ones come. The longer
    the log, the more can have been away: shares of early periods are too low.

    Args:
        activity: a table from `customer_periods` or `contract_periods`, in one currency.
        by: segment columns of the activity. Who comes back into another segment is new there.
        level: confidence of the bounds.

    Returns:
        One row per segment and whole period, in the caller's kind: the `by` columns, `period`,
        `step`, `n_active` |A|, `n_resurrected` |X|, `resurrected_share`, `lower`, `upper` (Wilson);
        in currency `sales` Σ_A s and `sales_resurrected`, and `resurrected_sales_share`, which has
        no bounds: it is what was sold, and not a sample. Null in the first period, before which
        nobody can have been seen, and where nobody was active or sales are not above 0.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: as `revenue_movements`.

    Example:
        In March Ann is back, and brings 30 of 40.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Bob", "Ann", "Bob"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-20", "2024-02-10", "2024-03-02", "2024-03-31"]
        ...     ),
        ...     "sales": [10.0, 20.0, 15.0, 30.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
        >>> march = rt.kpis.resurrected_share(activity).tail(1)
        >>> march[["n_active", "n_resurrected", "resurrected_share", "resurrected_sales_share"]]
           n_active  n_resurrected  resurrected_share  resurrected_sales_share
        2         2            1.0                0.5                     0.75

    Source:
        Resurrected users in the growth accounting of Hsu, J. (2015), "Diligence at Social Capital,
        part 1: accounting for user growth"; a convention of practice.
    """
    intervals.quantile_of(level)
    ledger = ledger_of_movements(activity, by)
    found = ledger.columns
    n, back = found["n_end"], found["n_reactivated"]
    known = np.isfinite(back.astype(np.float64)) & (n > 0)
    lower, upper = intervals.wilson_bounds(back, np.where(known, n, 0), level)
    columns = {
        "n_active": n,
        "n_resurrected": back,
        "resurrected_share": intervals.ratio(back, n),
        "lower": lower,
        "upper": upper,
        "sales": found["sales_end"],
        "sales_resurrected": found["sales_reactivated"],
        "resurrected_sales_share": intervals.ratio(found["sales_reactivated"], found["sales_end"]),
    }
    return table_like({**ledger.keys, **columns}, activity)
