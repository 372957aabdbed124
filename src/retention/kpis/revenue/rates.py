"""Revenue retention: net and gross, the quick ratio and logo churn, each convention by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals
from retention.errors import ContentError, check_choice
from retention.frames import Columns, table_like
from retention.kpis.revenue.kept_revenue import Kept, sums_of_kept_revenue
from retention.kpis.revenue.movements import ledger_of_movements
from retention.periods import check_lag
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

Path = Literal["endpoint", "chained"]
Choice = Literal["exclude", "include"]

_COUNTS = ("n_base", "n_retained", "n_reactivated")


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained", "n_reactivated"),
    amounts("sales_base", "sales_retained"),
    shares("net_revenue_retention", "lower", "upper"),
    texts("bounds"),
    constants(whole_numbers("lag"), texts("path", "reactivation", "contraction", "base")),
)
def net_revenue_retention(
    activity: IntoFrameT,
    *,
    lag: int,
    reactivation: Choice = "exclude",
    contraction: Choice = "include",
    path: Path = "endpoint",
    by: str | Sequence[str] = (),
    renewals: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of the revenue of a period's customers, what the same customers bring `lag` periods on.

    With B the customers active in the base period, R those of B active `lag` periods later, and
    s0, s1 a customer's sales in the two periods, net revenue retention (NRR) is Σ_R s1 / Σ_B s0:
    expansion counted, new customers not. What the field disagrees on:

    - `reactivation="include"` adds Σ_E s1, where E are customers who had been active before the
      base period, were not in it, and are active `lag` periods later. Then the rate is not that of
      one set of customers.
    - `contraction="exclude"` gives Σ_R max(s0, s1) / Σ_B s0: only leaving counts as loss.
    - `path="chained"` multiplies the rates of the `lag` single periods, each on its own base,
      newcomers of the time between included. After a total loss a chain stays 0. "endpoint" looks
      at the two ends only: who left and came back between them was kept.
    - `renewals` narrows the base to customers who could leave: see there.

    With the defaults it is `sales_adjusted_retention(basis="current", lag=lag)`, within the
    segment where there is one.

    Args:
        activity: a table from `customer_periods` or `contract_periods`, in one currency.
        lag: how many periods later, 1 or more: 12 for the usual year of months.
        reactivation: "exclude" or "include", see above.
        contraction: "include" or "exclude", see above.
        path: "endpoint" or "chained", see above.
        by: segment columns of the activity; later sales are those in the same segment.
        renewals: a table of `customer_id` and `date`, of the same kind as `activity`: the first day
            no longer covered unless the contract is renewed (for contracts, their `end`). The base
            is then only those for whom the last day covered lies in the base period or one of the
            `lag` − 1 after it. It is meant for activity from `contract_periods`.
        level: confidence of the bounds.

    Returns:
        One row per segment and base period whose later period was observed whole, in the caller's
        kind: the `by` columns, `period`, `step`, `n_base` |B|, `n_retained` |R|, `n_reactivated`
        |E| (0 where they are left out), `sales_base` Σ_B s0, `sales_retained` (the numerator; with
        a chain, rate · Σ_B s0), `net_revenue_retention`, `lower`, `upper`, `bounds` (as in
        `sales_adjusted_retention`; a chain has none), and the conventions `lag`, `path`,
        `reactivation`, `contraction`, `base` ("all" or "up_for_renewal"). Null where Σ_B s0 is not
        above 0 or sales are not known.

    Raises:
        RetentionError: if `lag` is not a whole number above 0, or renewals and reactivation
            are asked for together.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed, or currencies are
            mixed.

    Example:
        Ann grows from 100 to 150, Bob leaves with 100: 150 of 200.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-28"]),
        ...     "sales": [100.0, 100.0, 150.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> nrr = rt.net_revenue_retention(activity, lag=1)
        >>> nrr[["n_base", "sales_base", "sales_retained", "net_revenue_retention"]]
           n_base  sales_base  sales_retained  net_revenue_retention
        0       2       200.0           150.0                   0.75

    Source:
        A convention of practice in subscription businesses without a standard: hence the keywords.
        Bounds: Cochran (1977), Sampling Techniques, section 6.4.
    """
    check_choice("contraction", contraction, ("include", "exclude"))
    counted = "net" if contraction == "include" else "no contraction"
    asked = Kept(counted, by, lag, path, reactivation, level, renewals)
    keys, found = sums_of_kept_revenue(activity, asked)
    figure = _money_rate_columns(found, "net_revenue_retention")
    said = {
        **_columns_of_path(asked, keys),
        "contraction": _constant_column(contraction, keys),
        **_column_of_base(asked, keys),
    }
    return table_like({**keys, **figure, **said}, activity)


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained"),
    amounts("sales_base", "sales_retained"),
    shares("gross_revenue_retention", "lower", "upper"),
    texts("bounds"),
    constants(whole_numbers("lag"), texts("path", "base")),
)
def gross_revenue_retention(
    activity: IntoFrameT,
    *,
    lag: int,
    path: Path = "endpoint",
    by: str | Sequence[str] = (),
    renewals: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of the revenue of a period's customers, what is left of it later, growth not counted.

    Gross revenue retention (GRR) is Σ_R min(s0, s1) / Σ_B s0, in the words of
    `net_revenue_retention`: losses and contraction counted, expansion and returns not. On the same
    base and path it is at most NRR, and where no customer's sales are negative at most 1.

    A customer who pays 100, then 60, then 100 is at 100 % over two periods by
    `path="endpoint"`, and at 60 % by "chained", where what was once lost does not come back.

    Args:
        activity: a table from `customer_periods` or `contract_periods`, in one currency.
        lag: how many periods later, 1 or more.
        path: "endpoint" (the two ends only) or "chained" (the product of single periods).
        by: segment columns of the activity.
        renewals: customers up for renewal, as in `net_revenue_retention`.
        level: confidence of the bounds.

    Returns:
        As `net_revenue_retention`, with the figure `gross_revenue_retention`, and without
        `n_reactivated`, `reactivation` and `contraction`.

    Raises:
        RetentionError: if `lag` is not a whole number above 0.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed, or currencies are
            mixed.

    Example:
        Ann's growth does not make up for Bob.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-28"]),
        ...     "sales": [100.0, 100.0, 150.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> grr = rt.gross_revenue_retention(activity, lag=1)
        >>> float(grr["gross_revenue_retention"][0])
        0.5

    Source:
        As `net_revenue_retention`.
    """
    asked = Kept("gross", by, lag, path, "exclude", level, renewals)
    keys, found = sums_of_kept_revenue(activity, asked)
    figure = _money_rate_columns(found, "gross_revenue_retention")
    said = _columns_of_path(asked, keys)
    del figure["n_reactivated"], said["reactivation"]
    return table_like({**keys, **figure, **said, **_column_of_base(asked, keys)}, activity)


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained", "n_reactivated"),
    shares("logo_churn", "lower", "upper"),
    texts("bounds"),
    constants(whole_numbers("lag"), texts("path", "reactivation", "base")),
)
def logo_churn(
    activity: IntoFrameT,
    *,
    lag: int,
    reactivation: Choice = "exclude",
    path: Path = "endpoint",
    by: str | Sequence[str] = (),
    renewals: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of a period's customers, large and small alike, the share that is gone later: 1 − |R| / |B|.

    In the words of `net_revenue_retention`. With `reactivation="include"` returns are netted,
    1 − (|R| + |E|) / |B|, which may fall below 0 and is no proportion. With `path="chained"` it is
    one minus the product of the single periods' retention.

    With the defaults it is the `churn_rate` of `retention_rate(lag=lag)`, within the segment
    where there is one.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        lag: how many periods later, 1 or more.
        reactivation: "exclude" or "include".
        path: "endpoint" or "chained".
        by: segment columns of the activity.
        renewals: customers up for renewal, as in `net_revenue_retention`.
        level: confidence of the bounds.

    Returns:
        One row per segment and base period, in the caller's kind: the `by` columns, `period`,
        `step`, `n_base`, `n_retained`, `n_reactivated`, `logo_churn`, `lower`, `upper` (Wilson),
        `bounds` ("wilson", "none", "none: not a proportion" or "none: chained"), and the
        conventions `lag`, `path`, `reactivation`, `base`. Null where nobody was in the base.

    Raises:
        RetentionError: if `lag` is not a whole number above 0, or renewals and reactivation
            are asked for together.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed.

    Example:
        One of two customers is gone, whatever they paid.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-28"]),
        ...     "sales": [100.0, 900.0, 150.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> float(rt.logo_churn(activity, lag=1)["logo_churn"][0])
        0.5

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, "raw customer
        retention rate"; bounds: Wilson (1927).
    """
    asked = Kept("customers", by, lag, path, reactivation, level, renewals)
    keys, found = sums_of_kept_revenue(activity, asked)
    figure = {name: found[name] for name in _COUNTS} | _logo_churn_columns(found, asked)
    return table_like(
        {**keys, **figure, **_columns_of_path(asked, keys), **_column_of_base(asked, keys)},
        activity,
    )


@gives(
    "segment and period",
    times("period"),
    whole_numbers("step", "n_gained", "n_lost"),
    amounts("sales_gained", "sales_lost"),
    numbers("quick_ratio", unit="times"),
    constants(whole_numbers("lag"), texts("reactivation")),
)
def quick_ratio(
    activity: IntoFrameT,
    *,
    lag: int = 1,
    reactivation: Choice = "include",
    by: str | Sequence[str] = (),
) -> IntoFrameT:
    """How many units of revenue were gained for each one lost.

    From `revenue_movements`, summed over the last `lag` periods:
    (new + reactivated + expansion) / (contraction + churned). Above 1 revenue grows.

    Args:
        activity: a table from `customer_periods` or `contract_periods`, in one currency.
        lag: number of periods added up, that of the row the last.
        reactivation: "include", or "exclude" where revenue won back is not a gain.
        by: segment columns of the activity, as in `revenue_movements`.

    Returns:
        One row per segment and period with `lag` movements up to it, in the caller's kind: the
        `by` columns, `period`, `step`, `n_gained` and `n_lost` (movements of customers),
        `sales_gained`, `sales_lost` (currency), `quick_ratio`, and the conventions `lag`,
        `reactivation`. Null where nothing was lost.

    Raises:
        RetentionError: if `lag` is not a whole number above 0.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if `revenue_movements` would refuse it, or fewer than `lag` + 1 whole
            periods were observed.

    Example:
        Ann grows by 40, Bob leaves with 10.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-28"]),
        ...     "sales": [100.0, 10.0, 140.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> rt.kpis.quick_ratio(activity)[["sales_gained", "sales_lost", "quick_ratio"]]
           sales_gained  sales_lost  quick_ratio
        0          40.0        10.0          4.0

    Source:
        Named by Mamoon Hamid (Social Capital) for subscription businesses, without reactivation;
        a convention of practice.
    """
    check_lag(lag)
    check_choice("reactivation", reactivation, ("exclude", "include"))
    ledger = ledger_of_movements(activity, by)
    first, last, _ = ledger.window
    if lag > last - first:
        raise ContentError(
            f"A lag={lag} needs {lag + 1} whole periods; the activity covers {last - first + 1}."
        )
    back = reactivation == "include"
    parts = {
        "n_gained": ["n_new", "n_expanded", *["n_reactivated"] * back],
        "n_lost": ["n_contracted", "n_churned"],
        "sales_gained": ["sales_new", "sales_expansion", *["sales_reactivated"] * back],
        "sales_lost": ["sales_contraction", "sales_churned"],
    }
    moves = last - first
    sums: Columns = {}
    for name, columns in parts.items():
        total = np.sum([ledger.columns[column] for column in columns], axis=0)
        kind = np.int64 if name.startswith("n_") else np.float64
        sums[name] = _runs_of_periods(total, moves, lag).sum(axis=-1).ravel().astype(kind)
    ends = {name: _runs_of_periods(values, moves, lag) for name, values in ledger.keys.items()}
    keys = {name: windows[..., -1].ravel() for name, windows in ends.items()}
    ratio = intervals.ratio(sums["sales_gained"], sums["sales_lost"])
    said = {
        "lag": _constant_column(lag, keys),
        "reactivation": _constant_column(reactivation, keys),
    }
    return table_like({**keys, **sums, "quick_ratio": ratio, **said}, activity)


def _runs_of_periods(values: NDArray[Any], n_movements: int, length: int) -> NDArray[Any]:
    """Each run of `length` periods of each segment, the first period left out."""
    table = values.reshape(-1, n_movements + 1)[:, 1:]
    return np.lib.stride_tricks.sliding_window_view(table, length, axis=-1)


def _money_rate_columns(found: Columns, figure: str) -> Columns:
    sums = {name: found[name] for name in (*_COUNTS, "sales_base", "sales_retained")}
    bounds = {name: found[name] for name in ("lower", "upper", "bounds")}
    return {**sums, figure: found["rate"], **bounds}


def _logo_churn_columns(found: Columns, asked: Kept) -> Columns:
    """The churn of customers with its bounds, from what became of them."""
    base = found["n_base"]
    nothing = np.full(base.size, np.nan)
    if asked.path == "chained":
        bounds = {"lower": nothing, "upper": nothing, "bounds": found["bounds"]}
        return {"logo_churn": 1 - found["customers"], **bounds}
    there = found["n_retained"] + found["n_reactivated"]
    churn = 1 - intervals.ratio(there, base)
    if asked.reactivation == "include":
        method = np.full(base.size, "none: not a proportion", dtype=object)
        return {"logo_churn": churn, "lower": nothing, "upper": nothing, "bounds": method}
    lower, upper = intervals.wilson_bounds(there, base, asked.level)
    method = np.where(base > 0, "wilson", "none").astype(object)
    return {"logo_churn": churn, "lower": 1 - upper, "upper": 1 - lower, "bounds": method}


def _columns_of_path(asked: Kept, keys: Columns) -> Columns:
    said = {"lag": asked.lag, "path": asked.path, "reactivation": asked.reactivation}
    return {name: _constant_column(value, keys) for name, value in said.items()}


def _column_of_base(asked: Kept, keys: Columns) -> Columns:
    return {"base": _constant_column("all" if asked.renewals is None else "up_for_renewal", keys)}


def _constant_column(value: object, keys: Columns) -> NDArray[np.generic]:
    """A column that says the same in every row."""
    return np.full(len(keys["step"]), value, dtype=object if isinstance(value, str) else None)
