"""Checks of a purchase model: does each class of buyers come true, is spend as assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ContentError, count_of, whole_number
from retention.frames import Columns, table_like
from retention.repeat_buying.buying.purchase_model import check_purchase_model
from retention.repeat_buying.summary.purchase_histories import (
    pandas_columns,
    problems_of_counts,
    read_spend,
    refuse_problems,
)
from retention.tables import PURCHASE_SUMMARY, Kind, require
from retention.tables.answer_columns import gives, numbers, shares, texts, whole_numbers
from retention.tables.declaring import Column

if TYPE_CHECKING:
    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.repeat_buying.buying.purchase_model import PurchaseModel

    Floats = NDArray[np.float64]

_SPLIT = Kind(
    "split summary",
    "what was known of a customer, beside what they bought since",
    "split_summary",
    (
        *PURCHASE_SUMMARY.columns,
        Column("n_holdout", "number", "days with a purchase after the cut"),
        Column("T_holdout", "number", "length of the holdout period", "`unit`"),
    ),
)


@gives(
    "class of customers",
    whole_numbers("x_from"),
    numbers("x_to", unit="purchases"),
    whole_numbers("n_customers", "n_holdout"),
    numbers("purchases_per_customer", "purchases_lower", "purchases_upper", unit="purchases"),
    texts("bounds"),
    numbers("expected_per_customer", unit="purchases"),
    whole_numbers("n_without"),
    shares("no_purchase_share", "no_purchase_lower", "no_purchase_upper", "p_no_purchase"),
)
def purchase_calibration(
    split: IntoFrameT, *, model: PurchaseModel, top: int = 7, level: float = 0.95
) -> IntoFrameT:
    """Of customers who had bought so often, whether they bought again as the model said.

    Customers are put into classes by x, their repeat purchases before the cut: 0, 1, …, and `top`
    or more. For each class, what the model (fitted on the same table) expected of the holdout
    period stands beside what came: purchases per customer, and the share that bought nothing. Where
    the bounds of what came miss what was expected, chance alone hardly explains the difference.

    Args:
        split: a table of `split_summary`.
        model: fitted on it, which looks at what was known by the cut alone.
        top: the last class holds all who bought again so often or more; 1 or more.
        level: confidence of the bounds.

    Returns:
        One row per class, in the caller's kind, classes of nobody included: `x_from`, `x_to` (null
        for the last), `n_customers`, `n_holdout` (their purchases in the holdout period),
        `purchases_per_customer` with `purchases_lower`, `purchases_upper` and `bounds` (how these
        were made, or why there are none), `expected_per_customer`, `n_without` (of them, bought
        nothing), `no_purchase_share` (n_without / n_customers) with `no_purchase_lower`,
        `no_purchase_upper` (Wilson), `p_no_purchase` (said by the model, on average).

    Raises:
        RetentionError: if `top` is no whole number above 0, or the model is none.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no customer, a history cannot be, an `n_holdout` is missing,
            negative or no whole number, or holdout periods differ.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> split = pd.DataFrame({
        ...     "customer_id": [1, 2, 3, 4], "x": [0, 0, 2, 6], "t_x": [0.0, 0.0, 10.0, 10.0],
        ...     "T": 10.0, "n_holdout": [0, 1, 0, 5], "T_holdout": 5.0,
        ... })
        >>> model = rt.repeat_buying.fit_bg_nbd(split)
        >>> found = rt.repeat_buying.purchase_calibration(split, model=model, top=2)
        >>> found[["x_from", "n_customers", "n_holdout", "expected_per_customer"]].round(2)
           x_from  n_customers  n_holdout  expected_per_customer
        0       0            2          1                    0.2
        1       1            0          0                    NaN
        2       2            2          5                    1.8
        >>> found[["x_from", "n_without", "no_purchase_share", "p_no_purchase"]].round(2)
           x_from  n_without  no_purchase_share  p_no_purchase
        0       0          1                0.5           0.85
        1       1          0                NaN            NaN
        2       2          1                0.5           0.27

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), Marketing Science 24(2), figure 4
        (conditional expectations by frequency in the calibration period).
    """
    check_purchase_model(model)
    classes = np.arange(whole_number("top", top, least=1) + 1, dtype=np.int64)
    intervals.quantile_of(level)
    rows = pandas_columns(split, _SPLIT, model.covariate_columns)
    ahead = _holdout_length(rows["T_holdout"].to_numpy(np.float64, na_value=np.nan))
    bought = _holdout_counts(rows)
    said = {
        "expected": model.expected_purchases(rows, within=ahead)["expected_purchases"],
        "none": model.p_no_purchase(rows, within=ahead)["p_no_purchase"],
    }
    place = np.minimum(rows["x"].to_numpy(np.int64), classes[-1])
    came = _purchases_by_class(place, bought, classes.size, level)
    n = came["n_customers"]
    expected, none = (
        intervals.ratio(_sums_by_class(place, values, classes.size), n) for values in said.values()
    )
    none_lower, none_upper = intervals.wilson_bounds(came["n_without"], n, level)
    made: Columns = {
        "x_from": classes,
        "x_to": np.append(classes[:-1].astype(np.float64), np.nan),
        **{name: values for name, values in came.items() if name != "n_without"},
        "expected_per_customer": expected,
        "n_without": came["n_without"],
        "no_purchase_share": intervals.ratio(came["n_without"], n),
        "no_purchase_lower": none_lower,
        "no_purchase_upper": none_upper,
        "p_no_purchase": none,
    }
    return table_like(made, split)


@gives(
    "measure of correlation",
    texts("measure"),
    whole_numbers("n_customers", "n_left_out"),
    numbers("correlation", "lower", "upper"),
    texts("reason"),
)
def spend_independence(summary: IntoFrameT, *, level: float = 0.95) -> IntoFrameT:
    """Whether customers who buy often spend more at a time, which the spend model takes not to be.

    `fit_gamma_gamma` and `customer_value` take what a customer spends at a purchase to have nothing
    to do with how often they buy. This is the correlation of `x` and `mean_sales` over customers
    with a repeat purchase: of their ranks (Spearman; heavy spenders do not carry it away) and of
    their logarithms (Pearson). Up to ±0.1 nobody minds; beyond ±0.3 value the frequent buyers
    apart, as with a spend model for each class of x.

    Args:
        summary: a table of `purchase_summary`, with `x` and `mean_sales`.
        level: confidence of the bounds.

    Returns:
        Two rows, in the caller's kind: `measure` ("ranks", "logarithms"), `n_customers` (with a
        repeat purchase and mean sales above 0), `n_left_out` (with a repeat purchase and mean sales
        of 0 or less), `correlation` (−1 to 1), `lower`, `upper` (by Fisher's z; null for fewer than
        4 customers), `reason` (why there is no correlation; else null).

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if it is empty, or a customer with a repeat purchase has no mean sales.

    Example:
        The more often, the less: perfectly so by rank.

        >>> import pandas as pd
        >>> import retention as rt
        >>> summary = pd.DataFrame({"x": [0, 1, 2, 4, 8], "mean_sales": [None, 32.0, 16, 8, 2]})
        >>> summary = summary.assign(t_x=[0.0, 9, 9, 9, 9], T=9.0)
        >>> found = rt.repeat_buying.spend_independence(summary)
        >>> found[["measure", "n_customers", "n_left_out", "correlation"]].round(3)
              measure  n_customers  n_left_out  correlation
        0       ranks            4           0       -1.000
        1  logarithms            4           0       -0.983

    Source:
        Fader and Hardie (2013), note 025 (the assumption and its check by correlation); Bonett,
        D. G. and Wright, T. A. (2000), Psychometrika 65, 23–28 (bounds of rank correlation).
    """
    z = intervals.quantile_of(level)
    found = read_spend(summary)
    some = found.mean_sales > 0
    x, sales, n = found.x[some], found.mean_sales[some], found.n[some]
    many = int(n.sum())
    ranks = _weighted_correlation(_weighted_mean_ranks(x, n), _weighted_mean_ranks(sales, n), n)
    logs = _weighted_correlation(np.log(x), np.log(sales), n)
    r = np.array([ranks, logs])
    spread = np.array([1 + ranks**2 / 2, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        half = z * np.sqrt(spread / (many - 3)) if many > 3 else np.full(2, np.nan)
        ends = [np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)]
    why = "fewer than two different values of x or of mean sales"
    made: Columns = {
        "measure": np.array(["ranks", "logarithms"], dtype=object),
        "n_customers": np.full(2, many, np.int64),
        "n_left_out": np.full(2, int(found.n[~some].sum()), np.int64),
        "correlation": r,
        "lower": ends[0],
        "upper": ends[1],
        "reason": np.array([why if np.isnan(value) else None for value in r], dtype=object),
    }
    return table_like(made, summary)


def _holdout_counts(rows: pd.DataFrame) -> Floats:
    """What each customer bought in the holdout period."""
    came = rows["n_holdout"].to_numpy(np.float64, na_value=np.nan)
    ones, frame = np.ones(came.size, np.int64), require(rows, _SPLIT, by_row=True)
    refuse_problems(
        problems_of_counts(came, "n_holdout"), ones, {"n_holdout": came}, frame, _SPLIT.name
    )
    return came


def _sums_by_class(place: NDArray[np.int64], values: Any, classes: int) -> Floats:
    """The sum over the customers of each class; NaN of nobody."""
    n = np.bincount(place, minlength=classes)
    total = np.bincount(place, weights=np.asarray(values, np.float64), minlength=classes)
    return np.asarray(np.where(n > 0, total, np.nan))


def _purchases_by_class(
    place: NDArray[np.int64], came: Floats, classes: int, level: float
) -> dict[str, NDArray[Any]]:
    """What the customers of each class bought."""
    n = np.bincount(place, minlength=classes).astype(np.int64)
    bought, without = (np.nan_to_num(_sums_by_class(place, v, classes)) for v in (came, came == 0))
    mean = intervals.ratio(bought, n)
    squares = np.nan_to_num(_sums_by_class(place, (came - mean[place]) ** 2, classes))
    lower, upper, bounds = intervals.ratio_bounds(mean, n, n, squares, n, level)
    return {
        "n_customers": n,
        "n_holdout": bought.astype(np.int64),
        "purchases_per_customer": mean,
        "purchases_lower": np.maximum(lower, 0.0),
        "purchases_upper": upper,
        "bounds": bounds,
        "n_without": without.astype(np.int64),
    }


def _holdout_length(lengths: Floats) -> float:
    """The one length of the holdout period."""
    if not lengths.size:
        raise ContentError("split summary is empty: there is no customer in it.")
    least, most, gaps = lengths.min(), lengths.max(), int(np.isnan(lengths).sum())
    if not least == most > 0:
        raise ContentError(
            "split summary: T_holdout must be one length above 0, the same for all; "
            + (
                f"{count_of(gaps, 'is', 'are')} missing."
                if gaps
                else f"it goes from {least:g} to {most:g}."
            )
        )
    return float(lengths[0])


def _weighted_mean_ranks(values: Floats, n: NDArray[np.int64]) -> Floats:
    """Mean ranks among customers, each value standing for so many."""
    different, place = np.unique(values, return_inverse=True)
    each = np.bincount(place, weights=n, minlength=different.size)
    return np.asarray((np.cumsum(each) - (each - 1) / 2)[place])


def _weighted_correlation(first: Floats, second: Floats, n: NDArray[np.int64]) -> float:
    """Pearson's correlation of values that stand for so many customers; NaN if one is constant."""
    if not n.size or first.min() == first.max() or second.min() == second.max():
        return float("nan")
    a, b = (values - float(n @ values) / float(n.sum()) for values in (first, second))
    r = float((n * a) @ b) / float(np.sqrt((n * a) @ a * ((n * b) @ b)))
    return min(max(r, -1.0), 1.0)
