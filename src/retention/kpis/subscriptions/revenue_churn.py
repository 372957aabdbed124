"""Logo churn and revenue churn side by side, of the same base and of one pass over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.base_and_later import activity_by_segments, base_and_later
from retention.activity.panel_at_hand import panel_at_hand
from retention.activity.window import window_of
from retention.errors import ContentError, count_of
from retention.frames import Columns, Frame, collect, is_at_hand, table_like
from retention.kpis.outcome.counts import counts_on_grid, sums_without_noise
from retention.numerics.keyed_rows import row_of_later_key
from retention.periods import check_lag
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_KEPT = {"gross": "s_gross", "net": "s1", "contraction": "s_less"}
"""What of the later sales each rate sets against the sales of the base."""

_SUMS = tuple(
    f"sales_{name}" for name in ("base", "gross", "net", "contraction", "squares", "churned")
)
_PRODUCTS = tuple(f"sales_{name}_{power}" for name in _KEPT for power in ("xy", "yy"))
_WORKING = ("n_base", "n_retained", *_SUMS, *_PRODUCTS, "sales_known", "sales_least")


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_lost"),
    shares("logo_churn", "logo_lower", "logo_upper"),
    amounts("sales_base", "sales_churned", "sales_contraction", "sales_expansion"),
    amounts("sales_retained"),
    shares("gross_revenue_churn", "gross_lower", "gross_upper"),
    texts("gross_bounds"),
    shares("net_revenue_churn", "net_lower", "net_upper"),
    texts("net_bounds"),
    shares("contraction_rate", "contraction_lower", "contraction_upper"),
    texts("contraction_bounds"),
    constants(whole_numbers("lag")),
)
def logo_and_revenue_churn(
    activity: IntoFrameT, *, lag: int, by: str | Sequence[str] = (), level: float = 0.95
) -> IntoFrameT:
    """Do we lose customers or revenue, by leaving or by shrinking: the rates of one base together.

    With B the customers active in the base period, R those of B active `lag` periods later, and s0,
    s1 a customer's sales in the two periods,

        logo churn           1 − |R| / |B|
        gross revenue churn  (churned + contraction) / Σ_B s0
        net revenue churn    (churned + contraction − expansion) / Σ_B s0
        contraction rate     contraction / Σ_B s0

    where churned is Σ s0 of those of B who are not in R, contraction Σ_R max(s0 − s1, 0) and
    expansion Σ_R max(s1 − s0, 0). They are the complements of `gross_revenue_retention` and
    `net_revenue_retention`, and `logo_churn` itself, with the defaults of these. Logo churn above
    gross revenue churn: the small leave. Below it: the large do, or those who stay shrink. Net
    churn below 0 is growth of those who were there.

    Args:
        activity: a table from `contract_periods` or `customer_periods`, in one currency.
        lag: how many periods later, 1 or more.
        by: segment columns of the activity; later sales are those in the same segment.
        level: confidence of the bounds.

    Returns:
        One row per segment and base period whose later period was observed whole, in the caller's
        kind: the `by` columns, `period`, `step`, `n_base` |B|, `n_lost` |B| − |R|, `logo_churn`,
        `logo_lower`, `logo_upper` (Wilson); in currency `sales_base` Σ_B s0, `sales_churned`,
        `sales_contraction`, `sales_expansion`, `sales_retained` Σ_R s1, which is sales_base −
        sales_churned − sales_contraction + sales_expansion; then `gross_revenue_churn`,
        `gross_lower`, `gross_upper` and how these were made (`gross_bounds`, as in
        `net_revenue_retention`); `net_revenue_churn`, `net_lower`, `net_upper`, `net_bounds`;
        `contraction_rate`, `contraction_lower`, `contraction_upper`, `contraction_bounds`; `lag`.
        Null where nobody was in the base, and rates of revenue where Σ_B s0 is not above 0 or sales
        are not known.

    Raises:
        RetentionError: if `lag` is not a whole number above 0.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed, or currencies are mixed.

    Example:
        Of 100 + 60 + 40, Ann grows by 20, Bob shrinks by 15, Cem leaves with 40.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-02-01"] * 2 + ["2024-01-01"]),
        ...     "end": pd.to_datetime(["2024-02-01", None] * 2 + ["2024-01-20"]),
        ...     "sales": [100.0, 120.0, 60.0, 45.0, 40.0],
        ... })
        >>> activity = rt.contract_periods(contracts, freq="month", as_of="2024-01-31")
        >>> rates = rt.kpis.logo_and_revenue_churn(activity, lag=1)
        >>> rates[["n_base", "n_lost", "sales_churned", "sales_contraction", "sales_expansion"]]
           n_base  n_lost  sales_churned  sales_contraction  sales_expansion
        0       3       1           40.0               15.0             20.0
        >>> rates[["logo_churn", "gross_revenue_churn", "net_revenue_churn", "contraction_rate"]]
           logo_churn  gross_revenue_churn  net_revenue_churn  contraction_rate
        0    0.333333                0.275              0.175             0.075

    Source:
        A convention of practice in subscription businesses, as `net_revenue_retention`; bounds as
        there.
    """
    keys, rates = revenue_churn_columns(activity, lag, by, level)
    return table_like({**keys, **rates, "lag": np.full(keys["step"].size, lag)}, activity)


def revenue_churn_columns(
    activity: object, lag: int, by: str | Sequence[str], level: float
) -> tuple[Columns, Columns]:
    """The keys of each segment and base period, and the columns of its churn."""
    check_lag(lag)
    intervals.quantile_of(level)
    at_hand = is_at_hand(activity)
    frame, names = activity_by_segments(activity, by, working=_WORKING, by_row=at_hand)
    window = _base_window(frame, lag)
    found = _sums_at_hand(frame, names, lag, window) if at_hand else None
    if found is None:
        pairs = base_and_later(frame, lag=lag, by=names, lost_to="segment", later=["sales"])
        found = _sums_of_pairs(pairs, names)
    keys, sums = counts_on_grid(found, names, window)
    sums["sales_base"] = sums_without_noise(sums["sales_base"], sums["sales_squares"])
    return keys, _columns_of_churn(sums, level)


def refuse_repeated_rows(repeated: NDArray[np.int64]) -> None:
    """Refuse rows that stand beside another of the same customer, segment and period."""
    n = int(repeated.sum())
    if n:
        raise ContentError(
            f"activity: {count_of(n, 'row stands', 'rows stand')} beside another of the same "
            "customer in the same period, so that both would count. Was a table put below itself?"
        )


def _base_window(frame: Frame, lag: int) -> periods.Window:
    """The base periods whose later period was observed."""
    first, last, freq = window_of(frame, empty="there is no revenue to follow")
    if last - lag < first:
        raise ContentError(
            f"A lag={lag} needs {lag + 1} whole periods; the activity covers {last - first + 1} "
            f"({periods.label(first, freq)} to {periods.label(last, freq)})."
        )
    return periods.Window(first, last - lag, freq)


def _sums_at_hand(
    frame: Frame, names: Sequence[str], lag: int, window: periods.Window
) -> Columns | None:
    """The sums of each segment and base period with customers, of a table at hand."""
    panel = panel_at_hand(frame, names, money=("sales",))
    if panel is None or not np.isfinite(panel.money["sales"]).all():
        return None
    on = panel.part(panel.active)
    if on.repeats or not on.n:
        return None
    base = np.flatnonzero(on.step <= window.last_step)
    row = row_of_later_key(on.places.place, on.places.n + lag, base, lag)
    kept = (row >= 0) & (on.places.step[base] + lag < on.places.n_steps)
    cells, found = on.part(base).cells()
    sales = on.money["sales"]

    def terms(rows: slice) -> Columns:
        return _terms_of_rows(sales[base[rows]], sales[row[rows]], kept[rows])

    sums = cells.sums_of_terms(terms)
    found |= {f"sales_{name}": total for name, total in sums.items()}
    n = cells.counts()
    found |= {"n_base": n, "n_retained": cells.counts(kept), "sales_known": n}
    return found | {"sales_least": cells.least_below_zero(sales[base])}


def _terms_of_rows(x: NDArray[Any], later: NDArray[Any], stays: NDArray[np.bool_]) -> Columns:
    """What is summed over the base, of sales in its period and later of those who stay."""
    y = np.where(stays, later, 0.0)
    sets = {"gross": np.where(stays, np.minimum(x, y), 0.0), "net": y}
    sets["contraction"] = np.where(stays, np.maximum(x - y, 0.0), 0.0)
    terms = {"base": x, "squares": x * x, "churned": np.where(stays, 0.0, x), **sets}
    terms |= {f"{name}_xy": x * values for name, values in sets.items()}
    return terms | {f"{name}_yy": values * values for name, values in sets.items()}


def _sums_of_pairs(pairs: Frame, names: Sequence[str]) -> Columns:
    """Counts, sums and sums of products of each segment and base period with customers."""
    before, after = nw.col("s0"), nw.col("s1")
    kept, none = nw.col("retained") == 1, nw.col("s0") * 0.0
    falls = after < before
    terms = pairs.with_columns(
        s_gross=nw.when(kept & falls).then(after).when(kept).then(before).otherwise(none),
        s_less=nw.when(kept & falls).then(before - after).otherwise(none),
        sales_churned=nw.when(kept).then(none).otherwise(before),
        sales_base=before,
        sales_least=before,
        sales_squares=before * before,
        sales_known=nw.when(~(kept & after.is_null())).then(before),
    )
    terms = terms.with_columns(
        **{f"sales_{name}": nw.col(column) for name, column in _KEPT.items()},
        **{f"sales_{name}_xy": before * nw.col(column) for name, column in _KEPT.items()},
        **{f"sales_{name}_yy": nw.col(column) * nw.col(column) for name, column in _KEPT.items()},
    )
    cells = terms.group_by(*names, "step").agg(
        nw.len().alias("n_base"),
        nw.col("retained").sum().alias("n_retained"),
        *(nw.col(name).sum() for name in (*_SUMS, *_PRODUCTS)),
        nw.col("sales_least").min(),
        nw.col("sales_known").count(),
    )
    whole = ("n_base", "n_retained", "sales_known", "step")
    return collect(cells.with_columns(nw.col(*whole).cast(nw.Int64)))


def _columns_of_churn(sums: Columns, level: float) -> Columns:
    """The rates of customers and of revenue, and what the latter are made of."""
    n, base = sums["n_base"], sums["sales_base"]
    lost = n - sums["n_retained"]
    lower, upper = intervals.wilson_bounds(lost, n, level)
    columns = {"n_base": n, "n_lost": lost}
    columns |= {"logo_churn": intervals.ratio(lost, n), "logo_lower": lower, "logo_upper": upper}
    shrunk, stayed = sums["sales_contraction"], sums["sales_net"]
    money = {"base": base, "churned": sums["sales_churned"], "contraction": shrunk}
    money |= {"expansion": stayed - sums["sales_gross"], "retained": stayed}
    columns |= {f"sales_{name}": values for name, values in money.items()}
    parts = {"gross": "gross_revenue_churn", "net": "net_revenue_churn"}
    parts |= {"contraction": "contraction_rate"}
    for name, figure in parts.items():
        rate, low, high, method = _revenue_share_with_bounds(sums, name, level)
        if name != "contraction":
            rate, low, high = 1 - rate, 1 - high, 1 - low
        columns |= {figure: rate, f"{name}_lower": low, f"{name}_upper": high}
        columns[f"{name}_bounds"] = method
    return columns


def _revenue_share_with_bounds(sums: Columns, name: str, level: float) -> tuple[NDArray[Any], ...]:
    """One sum over the sales of the base, with its bounds; within 0 to 1 where it is a share."""
    base, squares = sums["sales_base"], sums["sales_squares"]
    rate = intervals.ratio(sums[f"sales_{name}"], base)
    xy, yy = sums[f"sales_{name}_xy"], sums[f"sales_{name}_yy"]
    residuals = intervals.squared_residuals(squares, xy, yy, rate)
    lower, upper, method = intervals.ratio_bounds(
        rate, base, squares, residuals, sums["n_base"], level
    )
    share = (sums["sales_least"] >= 0) & (name != "net")
    lower = np.where(share, np.maximum(lower, 0.0), lower)
    return rate, lower, np.where(share, np.minimum(upper, 1.0), upper), method
