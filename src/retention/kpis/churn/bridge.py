"""Why a churn rate changed from one period to another, segment by segment, and who it is that left.

With w a segment's share of the base, r its churn rate, 0 and 1 the earlier and the later period and
c the mean of the two totals, a segment's part of the change of the total Σ w r is

- rate effect (w0 + w1)/2 · (r1 − r0) and mix effect (w1 − w0) · ((r0 + r1)/2 − c), if in both
- new segments w1 (r1 − c), gone segments −w0 (r0 − c)

The parts sum to the change of the total: Σ w0 = Σ w1 = 1, so c falls out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError, check_choice
from retention.frames import Columns, table_like
from retention.kpis.churn.target_groups import (
    activity_in_one_segment,
    groups_by_money,
    groups_by_value,
    nobody_wanted_error,
    wanted_in_words,
    wanted_values,
)
from retention.kpis.outcome.counts import Asked, Cells, count_cells, warn_of_empty_base_periods
from retention.tables.answer_columns import (
    constants,
    differences,
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

Overlap = Literal["error", "pairs", "main", "first"]

_GROUPS = ("target", "rest", "unknown")


@gives(
    "segment and later base period",
    times("period"),
    whole_numbers("step"),
    times("period_before"),
    whole_numbers("n_base_before", "n_churned_before"),
    shares("churn_rate_before", "lower_before", "upper_before", "share_before"),
    whole_numbers("n_base_after", "n_churned_after"),
    shares("churn_rate_after", "lower_after", "upper_after", "share_after"),
    differences("rate_change", "change_lower", "change_upper"),
    texts("presence"),
    differences("rate_effect", "mix_effect", "new_effect", "gone_effect", "effect"),
    whole_numbers("total_n_base_before", "total_n_churned_before"),
    shares("total_rate_before"),
    whole_numbers("total_n_base_after", "total_n_churned_after"),
    shares("total_rate_after"),
    differences("total_change"),
    whole_numbers("firm_n_base_before", "firm_n_churned_before"),
    shares("firm_rate_before"),
    whole_numbers("firm_n_base_after", "firm_n_churned_after"),
    shares("firm_rate_after"),
    differences("firm_change", "overlap_effect"),
    texts("simpson"),
    constants(whole_numbers("apart"), texts("overlap"), whole_numbers("lag")),
)
def churn_bridge(
    activity: IntoFrameT,
    *,
    by: str | Sequence[str],
    apart: int = 1,
    overlap: Overlap = "error",
    lag: int = 1,
    level: float = 0.95,
) -> IntoFrameT:
    """Why the churn rate changed: what the rate and the share of each segment did to it.

    With w a segment's share of the base, r its churn rate, 0 and 1 the earlier and the later base
    period, and c the mean of the two total rates:

        rate effect   (w0 + w1)/2 · (r1 − r0)        its customers left more often, or less
        mix effect    (w1 − w0) · ((r0 + r1)/2 − c)  its share grew or shrank; it is 0 for a
                                                     segment that churns as the total does
        new segment   w1 (r1 − c)                    nobody was in it before
        gone segment  −w0 (r0 − c)                   nobody is in it any more

    All effects of a period sum to the change of the total rate exactly. A customer has churned who
    is active nowhere in the firm `lag` periods after the base period.

    Shares of a base make sense only where each customer is in one segment. Who buys in two regions
    is in both, and the regions' customers are more than the firm's. `overlap` says what then:

    - "error": refuse, with the counts. Nothing is refused where segments are fixed for a customer.
    - "main": each customer counts in the segment (or pair of segments) with most of their sales in
      the base period; among equals, the first in alphabetical order.
    - "first": each counts in the segment of their first period in the activity (the main one of
      that period), which is fixed for the customer: nobody moves from one to another.
    - "pairs": each counts once in every segment. The bridge is then over pairs of customer and
      segment, and has a total of its own, in which who buys in many segments weighs more; how far
      its change is from the firm's is in `overlap_effect`.

    With the first three the total is the firm's rate. With "error" and "main" customers may change
    segment between the two periods; that is part of the mix effect.

    Args:
        activity: a table from `customer_periods(..., by=...)` or `contract_periods`.
        by: one segment column, or several: then each combination that occurs is a segment.
        apart: how many periods the two base periods are apart: 1 for the period before; 4 with
            quarters for the same quarter of the year before.
        overlap: "error", "main", "first" or "pairs".
        lag: a customer is lost who is not active this many periods later, 1 or more.
        level: confidence of the bounds.

    Returns:
        One row per segment and later base period, in the caller's kind: the `by` columns, `period`,
        `step`, `period_before`; for the earlier (`…_before`) and the later period (`…_after`)
        `n_base_…`, `n_churned_…`, `churn_rate_…`, `lower_…`, `upper_…` (Wilson), `share_…` w;
        `rate_change` r1 − r0 with `change_lower`, `change_upper` (Newcombe's, as if the two bases
        were different people); `presence` ("both", "new", "gone", "neither"); `rate_effect`,
        `mix_effect`, `new_effect`, `gone_effect` (0 where they do not apply) and their sum
        `effect`; then, the same in all rows of a period, `total_n_base_…`, `total_n_churned_…`,
        `total_rate_…`, `total_change`; `firm_n_base_…`, `firm_n_churned_…`, `firm_rate_…`,
        `firm_change`; `overlap_effect` (`firm_change` − `total_change`); `simpson`: "all up, total
        down" or "all down, total up" where the rates of all segments in both periods (two or more)
        move one way and the total moves the other, else "none"; and the conventions `apart`,
        `overlap`, `lag`. Rates, shares and effects are shares of 1. A rate of nobody is null, and
        the effects are where one of the two periods has no customers at all.

    Raises:
        ColumnError: if `by` is empty or names no column of the activity.
        ContentError: if segments overlap and `overlap` is "error", or there are too few periods.

    Example:
        In January north loses 1 of 2 and south 0 of 2; in February north 1 of 1 and south 0 of 3.
        The total stays 1/4: north's worse rate, 3/4 · 1/2 · 1/2 = 3/16, is hidden by its smaller
        share, −1/4 · (3/4 − 1/4) = −1/8, and south's larger one, 1/4 · (0 − 1/4) = −1/16.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee", "Eve"],
        ...     "start": pd.to_datetime(["2024-01-01"] * 4 + ["2024-02-01"]),
        ...     "end": pd.to_datetime(["2024-01-20", "2024-02-15", None, None, None]),
        ...     "region": ["north", "north", "south", "south", "south"],
        ... })
        >>> activity = rt.contract_periods(
        ...     contracts, freq="month", as_of="2024-02-29", by="region"
        ... )
        >>> bridge = rt.kpis.churn_bridge(activity, by="region")
        >>> bridge[["region", "n_base_before", "n_base_after", "rate_effect", "mix_effect"]]
          region  n_base_before  n_base_after  rate_effect  mix_effect
        0  north              2             1       0.1875     -0.1250
        1  south              2             3       0.0000     -0.0625

    Source:
        Kitagawa, E. M. (1955), Components of a difference between two rates, Journal of the
        American Statistical Association 50, 1168–1194 (rate and mix with mean weights); Simpson,
        E. H. (1951), Journal of the Royal Statistical Society B 13, 238–241; bounds: Wilson (1927),
        Newcombe (1998), see `target_customers`.
    """
    if by != "" and not by:  # a column may have no name
        raise ColumnError("churn_bridge needs by=: one segment column of the activity, or several.")
    check_choice("overlap", overlap, ("error", "pairs", "main", "first"))
    placed = activity_in_one_segment(activity, by, overlap)
    firm = count_cells(activity, Asked((), lag, "firm", level), {})
    _refuse_wrong_apart(apart, firm)
    warn_of_empty_base_periods(firm)
    cells = count_cells(placed, Asked(by, lag, "firm", level), {})
    if overlap == "error":
        _refuse_overlap(cells, firm)
    table = _bridge_columns(cells, firm, apart)
    table |= {"apart": apart, "overlap": overlap, "lag": lag}
    keys = _keys_of_later_periods(cells, firm, apart)
    return table_like(keys | _columns_of_one_length(table, len(keys["step"])), activity)


@gives(
    "base period",
    times("period"),
    whole_numbers("step", "n_target", "n_target_churned"),
    shares("target_churn_rate", "target_lower", "target_upper"),
    whole_numbers("n_rest", "n_rest_churned"),
    shares("rest_churn_rate", "rest_lower", "rest_upper"),
    whole_numbers("n_unknown", "n_unknown_churned"),
    differences("difference", "difference_lower", "difference_upper"),
    numbers("ratio", unit="times"),
    constants(texts("target"), whole_numbers("lag")),
)
def target_customers(
    activity: IntoFrameT,
    *,
    target: Literal["sales", "profit"] | Mapping[str, object],
    top: float | None = None,
    customers: IntoFrameT | None = None,
    lag: int = 1,
    level: float = 0.95,
) -> IntoFrameT:
    """Churn among the customers one wants to keep, against that of all others.

    A total rate counts everybody alike. With T the target customers among those active in the base
    period and O the others, each rate is of those active nowhere `lag` periods later:

        difference = churn(T) − churn(O),  ratio = churn(T) / churn(O)

    Three ways to say who is wanted:

    - `target="sales"` or `"profit"` with `top=0.1`: the tenth of the customers who brought most in
      the base period: ⌈top · n⌉ of n, and all who brought as much as the last of these.
    - `target={"channel": "web"}`: who bought in this segment in the base period, whatever else they
      bought. Several columns must hold together in one row of the activity; of several values one.
    - the same with `customers`, a table with a row per customer in which these columns stand, such
      as how they were won: `target={"won_by": ["referral", "full price"]}`.

    Who cannot be placed, because the money, the value or the whole customer is missing, is in
    neither group and is counted.

    Args:
        activity: a table from `customer_periods` or `contract_periods`, segmented by the columns
            that `target` names unless `customers` has them.
        target: "sales", "profit", or for each column the value or values that are wanted.
        top: with "sales" or "profit", the share of customers that is wanted, between 0 and 1.
        customers: `customer_id` and attributes, of the same kind as `activity`. A customer with
            several rows is a target if one of them is.
        lag: how many periods later, 1 or more.
        level: confidence of the bounds.

    Returns:
        One row per base period, in the caller's kind: `period`, `step`; `n_target`,
        `n_target_churned`, `target_churn_rate`, `target_lower`, `target_upper` (Wilson); the same
        of the others, `n_rest`, `n_rest_churned`, `rest_churn_rate`, `rest_lower`, `rest_upper`;
        `n_unknown` (in neither group), `n_unknown_churned`; `difference` with `difference_lower`,
        `difference_upper` (Newcombe); `ratio`; and the conventions `target` in words, `lag`. A
        rate of nobody is null, as is the ratio where no other customer left.

    Raises:
        RetentionError: if `target` and `top` do not go together.
        ColumnError: if `target` names a column that is not there.
        ContentError: if nobody in any base period has the wanted value, or fewer than `lag` + 1
            whole periods were observed.

    Example:
        Of ten customers the one with the largest sales leaves, as does one other: 1/1 against 1/9.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": [*range(10), *range(2, 10)],
        ...     "date": pd.to_datetime(["2024-01-01"] * 10 + ["2024-02-29"] * 8),
        ...     "sales": [500.0] + [20.0] * 17,
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> found = rt.kpis.target_customers(activity, target="sales", top=0.1)
        >>> found[["n_target", "n_target_churned", "n_rest", "n_rest_churned", "ratio", "target"]]
           n_target  n_target_churned  n_rest  n_rest_churned  ratio            target
        0         1                 1       9               1    9.0  top 0.1 by sales

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapters 3 and 8: it is the defection of the
        right customers that matters. Newcombe, R. G. (1998), Statistics in Medicine 17, 873–890,
        method 10.
    """
    if isinstance(target, Mapping):
        wanted = wanted_values(target, top)
        rows = groups_by_value(activity, wanted, customers)
    else:
        wanted = {}
        rows = groups_by_money(activity, target, top, customers)
    cells = count_cells(rows, Asked("group", lag, "firm", level), {})
    if wanted and not (cells.keys["group"] == "target").any():
        raise nobody_wanted_error(activity if customers is None else customers, wanted)
    warn_of_empty_base_periods(cells)
    # Where nobody is in any base period there is no group, but the periods have their rows.
    firm = Asked((), lag, "firm", level)
    periods_of = cells if cells.keys["step"].size else count_cells(rows, firm, {})
    steps, first = np.unique(periods_of.keys["step"], return_index=True)
    keys: Columns = {"period": periods_of.keys["period"][first], "step": steps}
    compared = _comparison_of_groups(cells, steps.size, level)
    said = f"top {top:g} by {target}" if not wanted else wanted_in_words(wanted)
    return table_like(
        keys | compared | _columns_of_one_length({"target": said, "lag": lag}, steps.size), activity
    )


def _refuse_wrong_apart(apart: int, firm: Cells) -> None:
    """Refuse a distance that is no whole number or for which there are too few base periods."""
    periods.check_lag(apart, argument="apart")
    days = firm.keys["period"]
    if days.size <= apart:
        raise ContentError(
            f"apart={apart} compares two of at least {apart + 1} base periods; the activity has "
            f"{days.size} with a whole period lag={firm.asked.lag} later "
            f"(the first begins on {days[0]}, the last on {days[-1]})."
        )


def _refuse_overlap(cells: Cells, firm: Cells) -> None:
    """Refuse segments whose customers are more than the firm's."""
    people = firm.sums["n_base"]
    pairs = cells.sums["n_base"].reshape(-1, people.size).sum(axis=0)
    place = int(np.argmax(pairs - people))
    if pairs[place] > people[place]:
        raise ContentError(
            f"by={list(cells.names)}: the {people[place]:,} customers of the period from "
            f"{firm.keys['period'][place]} stand {pairs[place]:,} times in its segments, since "
            "some buy in several. Say overlap='main' (count them where they buy most), 'first' "
            "(where they bought first) or 'pairs' (in each, with a total of its own)."
        )


def _keys_of_later_periods(cells: Cells, firm: Cells, apart: int) -> Columns:
    """Segment and later period of each row, and the first day of the earlier period."""
    n_steps = firm.keys["step"].size
    keys: Columns = {
        name: values.reshape(-1, n_steps)[:, apart:].ravel() for name, values in cells.keys.items()
    }
    earlier = cells.keys["period"].reshape(-1, n_steps)[:, : n_steps - apart]
    return keys | {"period_before": earlier.ravel()}


def _bridge_columns(cells: Cells, firm: Cells, apart: int) -> dict[str, Any]:
    """All columns but the keys, as arrays of segments × later periods or of later periods."""
    n_steps = firm.keys["step"].size
    base = cells.sums["n_base"].reshape(-1, n_steps)
    churned = base - cells.sums["n_retained"].reshape(-1, n_steps)
    earlier, later = slice(None, n_steps - apart), slice(apart, None)
    n0, x0, n1, x1 = base[:, earlier], churned[:, earlier], base[:, later], churned[:, later]
    table: dict[str, Any] = _rates_of_both_periods(n0, x0, n1, x1, cells.asked.level)
    table |= _effects_of_segments(n0, x0, n1, x1)
    total = {"total": (base.sum(axis=0), churned.sum(axis=0))}
    whole = firm.sums["n_base"]
    for name, (n, x) in (total | {"firm": (whole, whole - firm.sums["n_retained"])}).items():
        for when, part in (("before", earlier), ("after", later)):
            table[f"{name}_n_base_{when}"] = n[part]
            table[f"{name}_n_churned_{when}"] = x[part]
            table[f"{name}_rate_{when}"] = intervals.ratio(x[part], n[part])
        table[f"{name}_change"] = table[f"{name}_rate_after"] - table[f"{name}_rate_before"]
    table["overlap_effect"] = table["firm_change"] - table["total_change"]
    return table | {"simpson": _reversal(n0, x0, n1, x1)}


def _rates_of_both_periods(
    n0: NDArray[Any], x0: NDArray[Any], n1: NDArray[Any], x1: NDArray[Any], level: float
) -> Columns:
    """Counts, rates, bounds and shares of both periods, and the change of the rate."""
    made: Columns = {}
    for when, n, x in (("before", n0, x0), ("after", n1, x1)):
        lower, upper = intervals.wilson_bounds(x, n, level)
        made |= {f"n_base_{when}": n, f"n_churned_{when}": x}
        made |= {f"churn_rate_{when}": intervals.ratio(x, n)}
        made |= {f"lower_{when}": lower, f"upper_{when}": upper}
        made |= {f"share_{when}": intervals.ratio(n, n.sum(axis=0))}
    change, lower, upper = intervals.difference_with_bounds((x1, n1), (x0, n0), level)
    return made | {"rate_change": change, "change_lower": lower, "change_upper": upper}


def _effects_of_segments(
    n0: NDArray[Any], x0: NDArray[Any], n1: NDArray[Any], x1: NDArray[Any]
) -> dict[str, Any]:
    """The four effects and their sum; all null where a period has no customers."""
    w0, w1 = intervals.ratio(n0, n0.sum(axis=0)), intervals.ratio(n1, n1.sum(axis=0))
    r0, r1 = intervals.ratio(x0, n0), intervals.ratio(x1, n1)
    totals = [intervals.ratio(x.sum(axis=0), n.sum(axis=0)) for x, n in ((x0, n0), (x1, n1))]
    c = (totals[0] + totals[1]) / 2
    both, new, gone = (n0 > 0) & (n1 > 0), (n0 == 0) & (n1 > 0), (n0 > 0) & (n1 == 0)
    none = 0.0 * c  # null where the totals are
    effects = {
        "rate_effect": np.where(both, (w0 + w1) / 2 * (r1 - r0), none),
        "mix_effect": np.where(both, (w1 - w0) * ((r0 + r1) / 2 - c), none),
        "new_effect": np.where(new, w1 * (r1 - c), none),
        "gone_effect": np.where(gone, -w0 * (r0 - c), none),
    }
    presence = np.select([both, new, gone], ["both", "new", "gone"], "neither").astype(object)
    return {"presence": presence, **effects, "effect": sum(effects.values())}


def _reversal(
    n0: NDArray[Any], x0: NDArray[Any], n1: NDArray[Any], x1: NDArray[Any]
) -> NDArray[Any]:
    """Of each pair of periods, whether all segments move one way and the total the other.

    Whole numbers are compared, x1 n0 with x0 n1, so that equal rates are equal.
    """
    moves = np.sign(x1 * n0 - x0 * n1)
    both = (n0 > 0) & (n1 > 0)
    several = both.sum(axis=0) > 1
    total = np.sign(x1.sum(axis=0) * n0.sum(axis=0) - x0.sum(axis=0) * n1.sum(axis=0))
    up = several & ((moves > 0) | ~both).all(axis=0) & (total < 0)
    down = several & ((moves < 0) | ~both).all(axis=0) & (total > 0)
    said = np.select([up, down], ["all up, total down", "all down, total up"], "none")
    return said.astype(object)


def _columns_of_one_length(columns: Mapping[str, Any], n_rows: int) -> Columns:
    """Columns of one length: of segments × periods as they are, else the same in each segment."""
    made: Columns = {}
    for name, given in columns.items():
        values = np.asarray(given, dtype=object if isinstance(given, str) else None)
        repeats = n_rows // max(values.size, 1)
        made[name] = values.ravel() if values.ndim == 2 else np.tile(values, repeats)
    return made


def _comparison_of_groups(cells: Cells, n_steps: int, level: float) -> Columns:
    """Counts and rates of the groups, their difference and their ratio."""
    counts = {}
    for group in _GROUPS:
        mine = cells.keys["group"] == group
        nothing = np.zeros(n_steps, dtype=np.int64)
        n, kept = (cells.sums[c][mine] if mine.any() else nothing for c in ("n_base", "n_retained"))
        counts[group] = (n - kept, n)
    made: Columns = {}
    for group, (x, n) in counts.items():
        made |= {f"n_{group}": n, f"n_{group}_churned": x}
        if group != "unknown":
            lower, upper = intervals.wilson_bounds(x, n, level)
            made |= {f"{group}_churn_rate": intervals.ratio(x, n)}
            made |= {f"{group}_lower": lower, f"{group}_upper": upper}
    difference, lower, upper = intervals.difference_with_bounds(
        counts["target"], counts["rest"], level
    )
    made |= {"difference": difference, "difference_lower": lower, "difference_upper": upper}
    return made | {"ratio": intervals.ratio(made["target_churn_rate"], made["rest_churn_rate"])}
