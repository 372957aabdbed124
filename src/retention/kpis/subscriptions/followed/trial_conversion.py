"""How many trials become paying customers, those still running not counted as lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError
from retention.frames import AFTER_ALL, Columns, Frame, as_text, collect, count, table_like
from retention.kpis.subscriptions.followed.reached_in_time import (
    DURATION,
    FOLLOWED,
    REACHED,
    N,
    days_after_start,
    reached_of_counts,
)
from retention.tables import CONTRACTS, require, segments
from retention.tables.answer_columns import gives, shares, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_YES = ("true", "t", "yes", "y", "1", "1.0")
_EARLIER = "_earlier"
"""How many customers had paid before their trial."""

_WORKING = ("n_trials", "n_converted", "n_paid_before")


@gives(
    "segment and number of days",
    whole_numbers("days", unit="days"),
    whole_numbers("n_trials", "n_converted", "n_open"),
    shares("conversion_share", "lower", "upper"),
    whole_numbers("n_mature", "n_mature_converted"),
    shares("mature_share", "mature_lower", "mature_upper"),
    whole_numbers("n_paid_before"),
)
def trial_conversion(
    contracts: IntoFrameT,
    *,
    as_of: date | str,
    days: int | Sequence[int],
    trial: str = "is_trial",
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of the trials that began, the share that pays within so many days, trials under way censored.

    A customer's trial is the first contract marked as one. It converts on the day the customer's
    first contract starts that is none, on the day of the trial's start or after it; the time is the
    days between. A trial that ended without it may convert later, so it is open, too: every trial
    that has not converted is followed to `as_of`. With n_u the trials at risk after u days and d_u
    those that convert then,

        conversion by t = 1 − Π over u ≤ t of (1 − d_u / n_u)       (Kaplan–Meier)

    and beside it the share of mature trials, those that began t days or more before `as_of`. Both
    say the same of a business that does not change; if they part, newer trials convert otherwise.
    Converted over started, as dashboards have it, counts the trials of this week as lost.

    Args:
        contracts: a table from `as_contracts(..., trial="is_trial", trials="include",
            keep="is_trial")`: trials are contracts of their own, followed by those that are paid.
        as_of: the last observed day, itself included. What starts after it is not looked at.
        days: the t, one or several, in days since the start of the trial.
        trial: the column that marks trials: true/false, yes/no or 1/0; empty means no.
        by: segment columns of the contracts, of the trial. They come back as text.
        level: confidence of the bounds.

    Returns:
        One row per segment and number of days, in the caller's kind: the `by` columns, `days`,
        `n_trials`, `n_converted` (seen to convert by then), `n_open` (not converted, and not
        followed so long), `conversion_share`, `lower`, `upper` (Wilson's with the effective number
        of trials), `n_mature`, `n_mature_converted`, `mature_share`, `mature_lower`, `mature_upper`
        (Wilson), and `n_paid_before` (customers who had paid before their trial; they are in no
        other count). Null where no trial was followed so long.

    Raises:
        RetentionError: if `days` are no whole numbers of at least 0.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no trial begins by `as_of`.

    Example:
        Ann pays after 14 days, Bob does not, Cem's trial began 5 days ago.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-01-15", "2024-01-01", "2024-02-24"]),
        ...     "end": pd.to_datetime(["2024-01-15", None, "2024-01-15", None]),
        ...     "is_trial": [True, False, True, True],
        ... })
        >>> found = rt.kpis.trial_conversion(contracts, as_of="2024-02-29", days=[7, 14])
        >>> found[["days", "n_trials", "n_converted", "n_open", "conversion_share", "n_mature"]]
           days  n_trials  n_converted  n_open  conversion_share  n_mature
        0     7         3            0       1               0.0         2
        1    14         3            1       1               0.5         2

    Source:
        Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53,
        457–481; bounds: Rothman, K. J. (1978), Journal of Chronic Diseases 31, 557–560.
    """
    intervals.quantile_of(level)
    wanted = days_after_start(days)
    last = periods.number_of(periods.as_day(as_of, argument="as_of"))
    names = segments(by, CONTRACTS, working=_WORKING)
    frame = require(contracts, CONTRACTS, extra=names, adds="none")
    people = _customers_with_trials(frame, trial, names, last)
    counted = _counts_of_trials(people, names, last)
    if not counted[N].any():
        raise ContentError(
            f"contracts: no trial of a new customer begins by {as_of}. Are they marked in "
            f"{trial!r}, and kept by as_contracts(..., trials='include')?"
        )
    reached = reached_of_counts(counted, names, wanted)
    n, k, lower, upper = reached.mature_columns(level)
    share, low, high = reached.kaplan_meier(level)
    columns = {
        "n_trials": reached.by_days(N, mature=False, reached=False),
        "n_converted": reached.by_days(N, mature=False, reached=True),
        "n_open": reached.open_by_days(),
        "conversion_share": share,
        "lower": low,
        "upper": high,
        "n_mature": n,
        "n_mature_converted": k,
        "mature_share": intervals.ratio(k, n),
        "mature_lower": lower,
        "mature_upper": upper,
        "n_paid_before": reached.by_days(_EARLIER, mature=False, reached=False),
    }
    whole = {name: columns[name].astype(np.int64) for name in columns if name.startswith("n_")}
    return table_like({**reached.keys(), **columns, **whole}, contracts)


def _customers_with_trials(frame: Frame, trial: str, names: Sequence[str], last: int) -> Frame:
    """Each customer with a trial: when it began, when they first paid from then on, or before."""
    schema, engine = frame.collect_schema(), frame.implementation
    dated = frame.select(
        "customer_id",
        *(as_text(name, schema[name]) for name in names),
        periods.day_expr("start", engine).alias("_start"),
        _tries=count(_is_marked(frame, trial)),
    ).filter(nw.col("_start") <= last)
    tries, start, began = nw.col("_tries") == 1, nw.col("_start"), nw.col("_began")
    placed = dated.with_columns(_first=nw.when(tries).then(start))
    placed = placed.with_columns(_began=nw.col("_first").min().over("customer_id"))
    placed = placed.filter(~began.is_null())
    marked = placed.with_columns(
        _paid=nw.when(~tries & (start >= began)).then(start),
        _early=count(~tries & (start < began)),
        **{
            name: nw.when(tries & (start == began)).then(nw.col(name)).otherwise(nw.lit(AFTER_ALL))
            for name in names
        },
    )
    lives = marked.group_by("customer_id")
    least = ("_began", "_paid", *names)
    return lives.agg(*(nw.col(name).min() for name in least), nw.col("_early").max())


def _is_marked(frame: Frame, trial: str) -> nw.Expr:
    """Whether a contract is marked as a trial.

    Raises:
        ColumnError: if there is no such column, or it marks nothing.
    """
    schema = frame.collect_schema()
    if trial not in schema:
        raise ColumnError.unknown("trial", trial, schema, kept="`as_contracts(..., keep={})`")
    dtype, mark = schema[trial], nw.col(trial)
    if isinstance(dtype, nw.Boolean):
        return mark.fill_null(value=False)
    if dtype.is_numeric():
        return (mark == 1).fill_null(value=False)
    return as_text(trial, dtype).str.to_lowercase().is_in(_YES)


def _counts_of_trials(people: Frame, names: Sequence[str], last: int) -> Columns:
    """How many trials are alike: converted or not, after how long, and followed for how long."""
    followed = last - nw.col("_began")
    took = nw.when(nw.col("_paid").is_null()).then(followed)
    timed = people.with_columns(
        followed.cast(nw.Int64).alias(FOLLOWED),
        took.otherwise(nw.col("_paid") - nw.col("_began")).cast(nw.Int64).alias(DURATION),
        count(~nw.col("_paid").is_null()).alias(REACHED),
    )
    alike = (DURATION, FOLLOWED, REACHED, "_early")
    counted = collect(timed.group_by(*names, *alike).agg(nw.len().alias(N)))
    counted = {n: v if n in names else v.astype(np.int64) for n, v in counted.items()}
    early = counted["_early"] == 1
    return counted | {
        _EARLIER: np.where(early, counted[N], 0),
        N: np.where(early, 0, counted[N]),
    }
