"""How many failed payments are recovered, and how soon; what is not is lost involuntarily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ContentError
from retention.frames import (
    Columns,
    Frame,
    as_text,
    collect,
    count,
    is_at_hand,
    numbers_of_values,
    rows_at_hand,
    table_like,
)
from retention.kpis.subscriptions.followed.reached_in_time import (
    DURATION,
    FOLLOWED,
    REACHED,
    N,
    Reached,
    days_after_start,
    reached_of_counts,
)
from retention.numerics.keyed_rows import cells_of_keys
from retention.tables import INVOICES, require, segments
from retention.tables.answer_columns import amounts, gives, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_AMOUNT, _SQUARES = "_amount", "_squares"


@gives(
    "segment and number of days",
    whole_numbers("days", unit="days"),
    whole_numbers("n_failed", "n_recovered", "n_open"),
    shares("recovered_share", "lower", "upper"),
    whole_numbers("n_mature", "n_mature_recovered", "n_lost"),
    shares("mature_share", "mature_lower", "mature_upper"),
    amounts("amount_mature", "amount_recovered", "amount_lost"),
    shares("recovered_amount_share", "amount_lower", "amount_upper"),
    texts("amount_bounds"),
)
def dunning_recovery(
    invoices: IntoFrameT,
    *,
    as_of: date | str,
    days: int | Sequence[int],
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of the payments that failed, the share recovered within so many days, by number and amount.

    A payment has failed if nothing was paid by the end of the day on which the invoice was due: of
    a card that is charged on one day, that day. It is recovered on the day it is paid, after the
    days between; one not paid by `as_of` is open and followed so far. With n_u the failed payments
    at risk after u days and d_u those recovered then,

        recovered by t = 1 − Π over u ≤ t of (1 − d_u / n_u)        (Kaplan–Meier)

    Beside it stand the mature ones, which failed t days or more before `as_of`: of them what is not
    recovered within t days is lost, if t is when you give up (the end of dunning). Recovered over
    failed, as dashboards have it, counts the failures of this week as lost.

    Args:
        invoices: a table from `as_invoices`: a row per invoice, `due` the day of the first charge,
            `paid` the day on which it was paid after all. Credit notes are left out.
        as_of: the last observed day, itself included. What was paid after it is open.
        days: the t, one or several, in days since the payment was due.
        by: segment columns of the invoices (`keep=`): plan, card, reason of the failure.
        level: confidence of the bounds.

    Returns:
        One row per segment and number of days, in the caller's kind: the `by` columns, `days`,
        `n_failed`, `n_recovered` (seen to be recovered by then), `n_open` (not recovered, and not
        followed so long), `recovered_share`, `lower`, `upper` (Wilson's with the effective number
        of payments); of the mature ones `n_mature`, `n_mature_recovered`, `n_lost`, `mature_share`,
        `mature_lower`, `mature_upper` (Wilson), in currency `amount_mature`, `amount_recovered`,
        `amount_lost`, then `recovered_amount_share`, `amount_lower`, `amount_upper` and how these
        were made (`amount_bounds`, as in `net_revenue_retention`). Null where no failed payment was
        followed so long.

    Raises:
        RetentionError: if `days` are no whole numbers of at least 0.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no payment failed by `as_of`, or currencies are mixed.

    Example:
        Of four due, one is paid in time, one after 3 days, one not at all, one failed yesterday.

        >>> import pandas as pd
        >>> import retention as rt
        >>> invoices = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "date": pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-28"]),
        ...     "due": pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-28"]),
        ...     "paid": pd.to_datetime(["2024-01-01", "2024-01-04", None, None]),
        ...     "amount": [20.0, 30.0, 10.0, 20.0],
        ... })
        >>> found = rt.kpis.dunning_recovery(invoices, as_of="2024-02-29", days=7)
        >>> found[["n_failed", "n_recovered", "n_open", "recovered_share", "n_mature", "n_lost"]]
           n_failed  n_recovered  n_open  recovered_share  n_mature  n_lost
        0         3            1       1              0.5         2       1
        >>> found[["amount_recovered", "amount_lost", "recovered_amount_share"]].values.tolist()
        [[30.0, 10.0, 0.75]]

    Source:
        Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53,
        457–481; bounds: Rothman, K. J. (1978), Journal of Chronic Diseases 31, 557–560. That what
        dunning does not recover is involuntary churn is a convention of practice.
    """
    intervals.quantile_of(level)
    wanted = days_after_start(days)
    last = periods.number_of(periods.as_day(as_of, argument="as_of"))
    names = segments(by, INVOICES)
    at_hand = is_at_hand(invoices)
    frame = require(invoices, INVOICES, extra=names, by_row=at_hand)
    counted = _failures_at_hand(frame, names, last, wanted) if at_hand else None
    counted = _counts_of_failures(frame, names, last) if counted is None else counted
    if not counted[N].size:
        raise ContentError(f"invoices: no payment that was due before {as_of} failed.")
    reached = reached_of_counts(counted, names, wanted)
    n, k, lower, upper = reached.mature_columns(level)
    share, low, high = reached.kaplan_meier(level)
    columns = {
        "n_failed": reached.by_days(N, mature=False, reached=False),
        "n_recovered": reached.by_days(N, mature=False, reached=True),
        "n_open": reached.open_by_days(),
        "recovered_share": share,
        "lower": low,
        "upper": high,
        "n_mature": n,
        "n_mature_recovered": k,
        "n_lost": n - k,
        "mature_share": intervals.ratio(k, n),
        "mature_lower": lower,
        "mature_upper": upper,
    }
    whole = {name: columns[name].astype(np.int64) for name in columns if name.startswith("n_")}
    money = _columns_of_amounts(reached, n, level)
    return table_like({**reached.keys(), **columns, **whole, **money}, invoices)


def _failures_at_hand(
    frame: Frame, names: Sequence[str], last: int, wanted: NDArray[np.int64]
) -> Columns | None:
    """How many failed payments are alike as far as is asked, of a table at hand.

    None where there is none, or a column has a type that has no such way. Of the days followed it
    is counted which of those asked about they reach, and not how long after all of them it took.
    """
    schema = frame.collect_schema()
    labels = (as_text(name, schema[name]) for name in names)
    amount = nw.col("amount").cast(nw.Float64).alias(_AMOUNT)
    table = rows_at_hand(frame.select(*labels, "due", "paid", amount))
    due, paid, owed = (table[name].to_numpy() for name in ("due", "paid", _AMOUNT))
    dated = due.dtype.kind == paid.dtype.kind == "M"
    if not dated or int(np.isnan(owed).sum()) > table[_AMOUNT].null_count():
        return None
    found = {name: numbers_of_values(table[name]) for name in names}
    known = {name: each for name, each in found.items() if each}
    if len(known) < len(found):
        return None
    row, followed, took, waits = _failed_rows(due, paid, owed, last)
    passed = np.searchsorted(wanted, followed, side="right")
    keys = {name: each.number[row] for name, each in known.items()}
    keys |= {DURATION: np.minimum(took, wanted[-1] + 1), FOLLOWED: passed}
    counted = cells_of_keys(keys | {REACHED: (~waits).astype(np.int64)})
    if counted is None:
        return None
    cells, columns = counted
    columns |= {name: each.named(columns[name]).to_numpy() for name, each in known.items()}
    columns[FOLLOWED] = np.append(-1, wanted)[columns[FOLLOWED]]
    money = {_AMOUNT: owed[row], _SQUARES: owed[row] ** 2}
    return columns | {N: cells.counts()} | {name: cells.sums(v) for name, v in money.items()}


def _failed_rows(
    due: NDArray[Any], paid: NDArray[Any], owed: NDArray[np.float64], last: int
) -> tuple[NDArray[Any], ...]:
    """Failed payments: their rows, days followed, days until paid or last seen, if still open."""
    row = np.flatnonzero(~(paid <= due) & (owed > 0) & ~np.isnat(due))
    failed, settled = periods.day_numbers(due[row]), periods.day_numbers(paid[row])
    unpaid = np.isnat(paid[row])
    kept = np.flatnonzero((failed < last) & (unpaid | (settled > failed)))
    followed, settled = last - failed[kept], settled[kept]
    waits = unpaid[kept] | (settled > last)
    return row[kept], followed, np.where(waits, followed, settled - failed[kept]), waits


def _counts_of_failures(frame: Frame, names: Sequence[str], last: int) -> Columns:
    """How many failed payments are alike, and what they amount to."""
    schema, engine = frame.collect_schema(), frame.implementation
    owed = frame.filter(nw.col("amount") > 0, ~nw.col("due").is_null())
    kept = owed.select(
        *(as_text(name, schema[name]) for name in names),
        "due",
        _open=nw.col("paid").is_null(),
        _settled=nw.coalesce("paid", "due"),
        _amount=nw.col("amount").cast(nw.Float64),
    )
    dated = kept.with_columns(
        _due=periods.day_expr("due", engine), _settled=periods.day_expr("_settled", engine)
    )
    due, settled = nw.col("_due"), nw.col("_settled")
    waits = nw.col("_open") | (settled > last)
    failed = dated.filter(due < last, nw.col("_open") | (settled > due))
    timed = failed.with_columns(
        (last - due).cast(nw.Int64).alias(FOLLOWED),
        nw.when(waits).then(last - due).otherwise(settled - due).cast(nw.Int64).alias(DURATION),
        count(~waits).alias(REACHED),
        (nw.col(_AMOUNT) * nw.col(_AMOUNT)).alias(_SQUARES),
    )
    alike = (DURATION, FOLLOWED, REACHED)
    cells = timed.group_by(*names, *alike).agg(
        nw.len().alias(N), *(nw.col(name).sum() for name in (_AMOUNT, _SQUARES))
    )
    counted = collect(cells)
    return {n: v.astype(np.int64) if n in (*alike, N) else v for n, v in counted.items()}


def _columns_of_amounts(reached: Reached, n: Any, level: float) -> Columns:
    """What the mature failures amount to, what was recovered of it, and the bounds of its share."""
    sums = {
        (name, got): reached.by_days(name, mature=True, reached=got)
        for name in (_AMOUNT, _SQUARES)
        for got in (False, True)
    }
    total, back = sums[_AMOUNT, False], sums[_AMOUNT, True]
    squares, kept = sums[_SQUARES, False], sums[_SQUARES, True]
    share = intervals.ratio(back, total)
    residuals = (1 - share) ** 2 * kept + share**2 * (squares - kept)
    lower, upper, method = intervals.ratio_bounds(share, total, squares, residuals, n, level)
    return {
        "amount_mature": total,
        "amount_recovered": back,
        "amount_lost": total - back,
        "recovered_amount_share": share,
        "amount_lower": np.maximum(lower, 0.0),
        "amount_upper": np.minimum(upper, 1.0),
        "amount_bounds": method,
    }
