"""Do customers pay less before they leave, and is that more than those do who stay?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.activity.base_and_later import activity_by_segments
from retention.activity.panel_at_hand import PanelAtHand, panel_at_hand
from retention.activity.window import window_of
from retention.errors import ContentError
from retention.frames import (
    Columns,
    Frame,
    added_up,
    as_lazy,
    collect,
    count,
    is_at_hand,
    one_row,
    table_like,
)
from retention.kpis.subscriptions.revenue_churn import refuse_repeated_rows
from retention.numerics.codes import distinct_segments
from retention.numerics.keyed_rows import starts_of_runs
from retention.orders import NOISE
from retention.periods import check_lag
from retention.tables.answer_columns import (
    amounts,
    constants,
    differences,
    gives,
    shares,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Spread = Callable[[Floats, Floats], Columns]

_COUNTS = ("n_left", "n_left_contracted", "n_left_short", "n_stayed", "n_stayed_contracted")
_AMOUNTS = ("sales_contracted", "sales_at_leaving")


@gives(
    "segment",
    whole_numbers("n_left", "n_left_contracted"),
    shares("left_share", "left_lower", "left_upper"),
    whole_numbers("n_stayed", "n_stayed_contracted"),
    shares("stayed_share", "stayed_lower", "stayed_upper"),
    differences("difference", "difference_lower", "difference_upper"),
    amounts("sales_contracted", "sales_at_leaving"),
    shares("contracted_part"),
    whole_numbers("n_left_short"),
    constants(whole_numbers("before")),
)
def contraction_before_leaving(
    activity: IntoFrameT, *, before: int, by: str | Sequence[str] = (), level: float = 0.95
) -> IntoFrameT:
    """Of those who left, how many had cut down before, and is that more than among those who stay?

    Let a customer be active in the periods t − n … t without a gap, n being `before`. They left
    after t if not active in t + 1, else they stayed; and they had contracted if in some of the
    periods t − n + 1 … t they spent less than in the period before it. With L the leavers, the
    share of them that had contracted is set beside that of those who stayed in the same periods:
    with s_t the share of those who stayed after t,

        difference = |contracted of L| / |L| − Σ_t s_t |L_t| / |L|,

    so that a month in which everybody's price fell, or many left, does not make a sign of it. What
    leavers took with them is parted likewise: what they had cut before, and what was left to lose.

    Whoever came so late that the n periods are not behind them had no time to contract. They are
    left out, leavers counted as `n_left_short`. A difference above 0 does not say that contraction
    is a cause; it says that there is a sign to act upon, and how often it is a false one.

    Args:
        activity: a table from `contract_periods` or `customer_periods`, in one currency. Of orders,
            whose amounts vary by themselves, nearly everybody contracts.
        before: n, how many periods before leaving are looked at, 1 or more.
        by: segment columns of the activity. Who goes to another segment has left this one.
        level: confidence of the bounds.

    Returns:
        One row per segment, in the caller's kind: the `by` columns; `n_left` |L|,
        `n_left_contracted`, `left_share`, `left_lower`, `left_upper` (Wilson); `n_stayed` and
        `n_stayed_contracted` (customers × periods), `stayed_share` (as in the formula),
        `stayed_lower`, `stayed_upper` (Wilson's with the effective number of customers, as the same
        one may stay often); `difference`, `difference_lower`, `difference_upper`; in currency a
        period, of the leavers, `sales_contracted` (falls in the n periods), `sales_at_leaving`
        (their sales in t) and `contracted_part`, the first over both; `n_left_short`, and `before`.
        Null where nobody left, or nobody stayed.

    Raises:
        RetentionError: if `before` is not a whole number above 0.
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `before` + 2 whole periods were observed, sales are not known,
            or currencies are mixed.

    Example:
        Ann cuts down in February and leaves after it; Bob stays as he is, Cem cuts down and stays.

        >>> import pandas as pd
        >>> import retention as rt
        >>> day = pd.to_datetime
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem", "Cem", "Dee"],
        ...     "start": day(["2024-01-01", "2024-02-01"] + ["2024-01-01"] * 2 + ["2024-02-01"]
        ...                  + ["2024-01-01"]),
        ...     "end": day(["2024-02-01", "2024-02-20", None, "2024-02-01", None, "2024-02-10"]),
        ...     "sales": [50.0, 30.0, 40.0, 40.0, 35.0, 20.0],
        ... })
        >>> activity = rt.contract_periods(contracts, freq="month", as_of="2024-02-29")
        >>> found = rt.kpis.contraction_before_leaving(activity, before=1)
        >>> found[["n_left", "left_share", "n_stayed", "stayed_share", "difference"]]
           n_left  left_share  n_stayed  stayed_share  difference
        0       2         0.5         2           0.5         0.0
        >>> found[["sales_contracted", "sales_at_leaving"]].values.tolist()
        [[20.0, 50.0]]

    Source:
        A convention of practice. Bounds of the difference: Zou, G. Y. and Donner, A. (2008),
        Statistics in Medicine 27, 1693–1702; effective number: Kish, L. (1965), Survey Sampling.
    """
    check_lag(before, argument="before")
    intervals.quantile_of(level)
    at_hand = is_at_hand(activity)
    frame, names = activity_by_segments(activity, by, working=(*_COUNTS, *_AMOUNTS), by_row=at_hand)
    first, last, _ = window_of(frame, empty="there is nobody who could leave")
    if last - first < before + 1:
        raise ContentError(
            f"before={before} needs {before + 2} whole periods; the activity covers "
            f"{last - first + 1}."
        )
    active = frame.filter(nw.col("active"))
    _refuse_where_sales_lack(active)
    signs = _signs_at_hand(active, names, before, last) if at_hand else None
    if signs is None:
        signs = _signs_of_query(active, names, before, last)
    found, spread_of = signs
    refuse_repeated_rows(found["_again"])
    labels, place = distinct_segments(found, names)
    size = len(labels[names[0]]) if names else 1
    sums = {name: np.bincount(place, found[name], size) for name in (*_COUNTS, *_AMOUNTS)}
    share, weight, mean = _share_of_stayers(found, place, sums["n_left"])
    spread = spread_of(weight, mean)
    variance = np.zeros(size)
    for values, at in zip(spread["_z2"].tolist(), _places_in(spread, labels, names), strict=True):
        variance[at] += values
    columns = _columns_of_signs(sums, share, variance, level)
    return table_like({**labels, **columns, "before": np.full(size, before)}, activity)


def _refuse_where_sales_lack(active: Frame) -> None:
    counted = one_row(active.select(nw.len().alias("n"), nw.col("sales").count().alias("known")))
    if counted["known"] < counted["n"]:
        raise ContentError(
            f"activity: the sales of {int(counted['n'] - counted['known']):,} rows are not known, "
            "so that nobody knows who contracted. Contracts need a column of sales."
        )


def _signs_at_hand(
    active: Frame, names: Sequence[str], before: int, last: int
) -> tuple[Columns, Spread] | None:
    """What is counted of each segment and period before the last, of a table at hand."""
    on = panel_at_hand(active, names, money=("sales",))
    if on is None or on.repeats:
        return None
    since = on.since_row_before()
    less = _falls_at_hand(since, on.money["sales"])
    lost = less.copy()
    for back in range(1, before):
        lost[back:] += less[:-back]
    run = np.arange(on.n) - np.maximum.accumulate(np.where(since == 1, 0, np.arange(on.n)))
    stays = np.append(since[1:], 0)[: on.n] == 1
    inside = on.step < last
    part, whole, fell = on.part(inside), (run >= before)[inside], (lost > 0)[inside]
    outcomes = _outcomes_at_hand(whole, stays[inside], fell)
    cells, keys = part.cells()
    found = keys | {name: cells.counts(rows) for name, rows in outcomes.items()}
    left, stayed = (np.flatnonzero(outcomes[name]) for name in ("n_left", "n_stayed"))
    found["sales_contracted"] = cells.sums(lost[inside][left], left)
    found["sales_at_leaving"] = cells.sums(part.money["sales"][left], left)
    found["_again"] = np.zeros(cells.keys.size, np.int64)

    def spread_of(weight: Floats, mean: Floats) -> Columns:
        apart = fell[stayed] - cells.of_rows(mean)[stayed]
        return _spread_at_hand(part.part(stayed), cells.of_rows(weight)[stayed] * apart)

    return found, spread_of


def _falls_at_hand(since: NDArray[np.int64], sales: Floats) -> Floats:
    """By how much each row lies below the period before it, 0 where it does not."""
    paid = np.append(0.0, sales[:-1])[: sales.size]
    fall = paid - sales
    fell = (since == 1) & (fall > (np.abs(sales) + np.abs(paid)) * NOISE)
    return np.where(fell, fall, 0.0)


def _spread_at_hand(stayed: PanelAtHand, parts: Floats) -> Columns:
    """The squared parts of customers in the share of their segment, summed by segment."""
    line = stayed.places.place // stayed.places.n_steps
    starts = np.flatnonzero(starts_of_runs(line))
    each = np.add.reduceat(parts, starts) if starts.size else parts
    segment = stayed.segment_of_rows()[starts]
    sums = np.bincount(segment, each * each, stayed.places.n_segments)
    there = np.flatnonzero(np.bincount(segment, minlength=sums.size))
    return {**stayed.named_segments(there), "_z2": sums[there]}


def _outcomes_at_hand(
    whole: NDArray[np.bool_], stays: NDArray[np.bool_], fell: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """Each row counted as a leaver or as one who stayed, if its history is whole."""
    left, stayed = whole & ~stays, whole & stays
    return dict(zip(_COUNTS, (left, left & fell, ~whole & ~stays, stayed, stayed & fell),
                    strict=True))  # fmt: skip


def _signs_of_query(
    active: Frame, names: Sequence[str], before: int, last: int
) -> tuple[Columns, Spread]:
    """What is counted of each segment and period before the last, by the user's engine."""
    rows = _rows_by_query(active, names, before).filter(nw.col("step") < last)
    rows = _rows_with_outcomes(rows)
    counts = [*_COUNTS, *_AMOUNTS, "_again"]
    cells = rows.group_by(*names, "step").agg(*(nw.col(name).sum() for name in counts))
    found = collect(cells.with_columns(nw.col(*_COUNTS, "_again", "step").cast(nw.Int64)))

    def spread_of(weight: Floats, mean: Floats) -> Columns:
        key = {name: found[name] for name in (*names, "step")}
        return _spread_of_share(rows, names, {**key, "_weight": weight, "_mean": mean})

    return found, spread_of


def _rows_by_query(active: Frame, names: Sequence[str], before: int) -> Frame:
    """The same by the user's engine."""
    line = ["customer_id", *names]

    def shifted(name: str, by: int) -> nw.Expr:
        return nw.col(name).shift(by).over(*line, order_by="step")

    step, sales = nw.col("step"), nw.col("sales")
    beside = active.select(*line, "step", "sales").with_columns(
        _before=shifted("step", 1), _paid=shifted("sales", 1), _after=shifted("step", -1),
        _start=shifted("step", before),
    )  # fmt: skip
    fall = nw.col("_paid") - sales
    more = fall > (sales.abs() + nw.col("_paid").abs()) * NOISE
    fell = (nw.col("_before") == step - 1) & more
    marked = beside.with_columns(_less=nw.when(fell).then(fall).otherwise(nw.lit(0.0)))
    late = {f"_less_{back}": shifted("_less", back) for back in range(1, before)}
    summed = added_up([nw.col(name).fill_null(0.0) for name in ("_less", *late)])
    return (
        (marked.with_columns(**late) if late else marked)
        .with_columns(
            _less=summed,
            _stays=count((nw.col("_after") == step + 1).fill_null(value=False)),
            _whole=count((nw.col("_start") == step - before).fill_null(value=False)),
            _again=count((nw.col("_before") == step).fill_null(value=False)),
        )
        .with_columns(_fell=count(nw.col("_less") > 0))
        .select(*line, "step", "_stays", "_whole", "_fell", "_less", "_again", "sales")
    )


def _rows_with_outcomes(rows: Frame) -> Frame:
    """Each row counted as a leaver or as one who stayed, if its history is whole."""
    whole, stays = nw.col("_whole") == 1, nw.col("_stays") == 1
    left, fell, none = whole & ~stays, nw.col("_fell") == 1, nw.lit(0.0)
    return rows.with_columns(
        n_left=count(left),
        n_left_contracted=count(left & fell),
        n_left_short=count(~whole & ~stays),
        n_stayed=count(whole & stays),
        n_stayed_contracted=count(whole & stays & fell),
        sales_contracted=nw.when(left).then(nw.col("_less")).otherwise(none),
        sales_at_leaving=nw.when(left).then(nw.col("sales")).otherwise(none),
    )


def _share_of_stayers(
    found: Columns, place: NDArray[np.int64], n_left: NDArray[Any]
) -> tuple[Floats, Floats, Floats]:
    """The stayers' share by the periods of leavers, and of each cell its weight and own share."""
    usable = np.where(found["n_stayed"] > 0, found["n_left"], 0)
    total = np.bincount(place, usable, n_left.size)
    part = np.nan_to_num(intervals.ratio(usable, total[place]))
    mean = np.nan_to_num(intervals.ratio(found["n_stayed_contracted"], found["n_stayed"]))
    share = np.bincount(place, part * mean, n_left.size)
    weight = np.nan_to_num(intervals.ratio(part, found["n_stayed"]))
    return np.where(total > 0, share, np.nan), weight, mean


def _spread_of_share(rows: Frame, names: Sequence[str], cells: Columns) -> Columns:
    """The sum over customers of their squared part in the share of those who stayed."""
    table: Any = table_like(cells, rows.to_native())
    stayed = rows.filter(nw.col("n_stayed") == 1).select(*names, "customer_id", "step", "_fell")
    key = [*names, "step"]
    met = stayed.join(as_lazy(table, by_row=True), on=key, how="inner").with_columns(
        _z=nw.col("_weight") * (nw.col("_fell") - nw.col("_mean"))
    )
    each = met.group_by(*names, "customer_id").agg(nw.col("_z").sum())
    each = each.with_columns(_z2=nw.col("_z") * nw.col("_z"), _all=nw.lit(0))
    return collect(each.group_by(*names, "_all").agg(nw.col("_z2").sum()))


def _places_in(found: Columns, labels: Columns, names: Sequence[str]) -> list[int]:
    """Which of the segments each row is of."""
    places = {key: i for i, key in enumerate(zip(*labels.values(), strict=True))} or {(): 0}
    rows = zip(*(found[name].tolist() for name in names), strict=True) if names else None
    return [places[key] for key in rows] if rows else [0] * found["_z2"].size


def _columns_of_signs(sums: Columns, share: Floats, variance: Floats, level: float) -> Columns:
    """The shares of those who left and who stayed, how far apart they are, and the money."""
    n, k = sums["n_left"], sums["n_left_contracted"]
    left = (intervals.ratio(k, n), *intervals.wilson_bounds(k, n, level))
    some = variance > 0
    effective = share * (1 - share) / np.where(some, variance, 1.0)
    trials = np.where(some, effective, sums["n_stayed"])
    stayed = (share, *intervals.wilson_bounds(share * trials, trials, level))
    lower, upper = intervals.bounds_of_difference(left, stayed)
    cut, rest = (sums[name] for name in _AMOUNTS)
    whole = {name: sums[name].astype(np.int64) for name in _COUNTS}
    return {
        "n_left": whole["n_left"],
        "n_left_contracted": whole["n_left_contracted"],
        **dict(zip(("left_share", "left_lower", "left_upper"), left, strict=True)),
        "n_stayed": whole["n_stayed"],
        "n_stayed_contracted": whole["n_stayed_contracted"],
        **dict(zip(("stayed_share", "stayed_lower", "stayed_upper"), stayed, strict=True)),
        "difference": left[0] - share,
        "difference_lower": lower,
        "difference_upper": upper,
        "sales_contracted": cut,
        "sales_at_leaving": rest,
        "contracted_part": intervals.ratio(cut, cut + rest),
        "n_left_short": whole["n_left_short"],
    }
