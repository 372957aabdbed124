"""The customers behind a churn rate: what each did in a period, and how each is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast, get_args

import narwhals.stable.v2 as nw

from retention import periods
from retention.activity.from_contracts import contract_periods
from retention.errors import ContentError, check_choice
from retention.frames import Frame, as_lazy, beside, count, in_kind_of, one_row
from retention.kpis.churn.counts import (
    customers_due,
    deeds_of_customers,
    spell_days,
    window_of_churn,
)
from retention.kpis.churn.rates import Convention, check_renewals, counts_of_convention
from retention.tables import ACTIVITY, CHURNED, SPELLS, refuse_other_ids, require, segments
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

PARTS = (
    "there: stayed",
    "there: cancelled",
    "there: cancelled and returned",
    "joined: stayed",
    "joined: cancelled",
    "joined: cancelled and returned",
    "a spell of no days",
)
"""What a customer can have done in a period."""

_DID = ("n_cancelled", "n_returned", "n_joined", "n_joined_cancelled", "_out", "_days", "_stays")
_COUNTS = ("n_base", *_DID, "n_ended", "exposure")
_LONG_AGO = -10_000_000
"""A period before any other: that of a purchase which is not known."""


@gives(CHURNED)
def churned_customers(
    spells: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    convention: Convention,
    by: str | Sequence[str] = (),
    renewals: IntoFrameT | None = None,
    activity: IntoFrameT | None = None,
) -> IntoFrameT:
    """The customers whom `churn_rate` counts, each with what they did and how they are counted.

    Summed over customers, `n_churned` and `at_risk` are those of `churn_rate`, in every segment and
    period. What a customer did (`part`) does not depend on the convention; who has a row does:

    - "start_cohort", "endpoint": those there as the period opens,
    - "all_cancellations": these, and who joined and cancelled, though not at risk,
    - "active_and_new", "exposure": these, and all who joined,
    - "renewals_due": those whose contract ran out in the period.

    What a customer brings (`sales`) is, for those there at the opening, the sales of the last
    period up to this one in which they were active: with `contract_periods` the recurring revenue
    in force as the period opens, with `customer_periods` what they spent when they last bought. Who
    leaves after a silence bought nothing in the period in which the silence grew too long, so that
    the sales of the period itself would say that nothing was lost. For those who joined it is the
    sales of the period in which they did, or where there are none, of the next one: the revenue in
    force as the period closes. A contract that begins and ends between two openings is in force at
    none, and its sales are null, not 0.

    Args:
        spells: a table from `contract_spells` or `purchase_spells`.
        freq: length of a period: "day", "week", "month", "quarter", "year", or a `Calendar`.
        as_of: the last observed day.
        convention: as for `churn_rate`.
        by: segment columns of the spells that were kept along (`keep=`).
        renewals: for "renewals_due", as for `churn_rate`.
        activity: a table from `contract_periods` or `customer_periods` with the same `freq` and of
            the same kind as `spells`, in one currency. Its segments are taken together.

    Returns:
        One row per customer, segment and period in which the customer counts, in the caller's kind:
        `customer_id`, the `by` columns, `period`, `step`, `part` ("there: stayed", "there:
        cancelled", "there: cancelled and returned", the same with "joined", or "a spell of no days"
        that begins and ends at the close), `n_churned` (1 or 0; for "exposure" the number of ends),
        `at_risk` (1 or 0; for "exposure" customers × periods), `sales` (currency a period; null
        where not known or no activity is given), `convention`, and the constants `first_step`,
        `last_step` (the periods that were judged) and `freq`. Eager tables are sorted by segment,
        period and customer.

    Raises:
        RetentionError: as `churn_rate`.
        ColumnError: if a table lacks a column, or `by` names no column of the spells.
        ContentError: as `churn_rate`, and if the activity is empty, of another `freq` or in several
            currencies.

    Example:
        Of three there as January opens Ann leaves, and Bob leaves and returns; Dee joins late.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Bob", "Dee"],
        ...     "start": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-01", "2024-01-01", "2024-01-20", "2024-01-25"]
        ...     ),
        ...     "end": pd.to_datetime(["2024-01-31", "2024-01-10", None, None, None]),
        ...     "sales": [10.0, 20.0, 30.0, 25.0, 40.0],
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-02-01", grace=0)
        >>> say = {"freq": "month", "as_of": "2024-02-01"}
        >>> activity = rt.contract_periods(contracts, **say)
        >>> found = rt.kpis.churned_customers(
        ...     spells, convention="active_and_new", activity=activity, **say
        ... )
        >>> found[["customer_id", "part", "n_churned", "at_risk", "sales"]]
          customer_id                           part  n_churned  at_risk  sales
        0         Ann               there: cancelled          1      1.0   10.0
        1         Bob  there: cancelled and returned          1      1.0   20.0
        2         Cem                  there: stayed          0      1.0   30.0
        3         Dee                 joined: stayed          0      1.0   40.0

    Source:
        As `churn_rate`; what stands beside the counts is practice.
    """
    check_choice("convention", convention, get_args(Convention))
    periods.check_freq(freq)
    check_renewals(convention, renewals)
    names = _segment_columns(by)
    days = spell_days(spells, names)
    window = window_of_churn(days, freq, periods.as_day(as_of, argument="as_of"))
    last_known = None if activity is None else _last_period_of_sales(days, activity, freq)
    rows = _customers_of_periods(days, names, window)
    if renewals is None:
        above, below = counts_of_convention({name: nw.col(name) for name in _COUNTS}, convention)
    else:
        due = customers_due(days, names, window, renewals)
        rows = rows.join(due, on=["customer_id", *names, "step"], how="inner")
        above, below = nw.col("_lost"), nw.lit(1)
    counted = rows.with_columns(
        part=_part_of_customer(), n_churned=above.cast(nw.Int64), at_risk=below.cast(nw.Float64)
    ).filter((nw.col("n_churned") > 0) | (nw.col("at_risk") > 0))
    answer = _rows_with_window(_rows_with_sales(counted, names, activity, last_known), window)
    answer = answer.with_columns(convention=nw.lit(convention)).select(
        "customer_id", *names, *CHURNED.names[1:]
    )
    order = [*names, "step", "customer_id"]
    return in_kind_of(answer, spells, order=order, keep_type=("customer_id",))


def _segment_columns(by: str | Sequence[str]) -> list[str]:
    """The segment columns, none of them named like a column that the answer uses."""
    return segments(by, SPELLS, working=_COUNTS)


def _last_period_of_sales(days: Frame, activity: object, freq: str) -> int:
    """The last period of the activity, once its sales can be set beside the spells."""
    given = require(activity, ACTIVITY, adds="all")
    refuse_other_ids(days, given, ("spells", "activity"))
    asked = [nw.col("freq").min(), nw.col("last_step").max()]
    found = one_row(given.select(*asked))
    if found["freq"] is None:
        raise ContentError("activity is empty: nobody's sales are known. Leave it out.")
    if found["freq"] != freq:
        raise ContentError(
            f"activity goes by {found['freq']}, the churn rate by {freq}: make both with one freq."
        )
    return int(found["last_step"])


def _customers_of_periods(days: Frame, names: list[str], window: periods.Window) -> Frame:
    """Every customer there as a period opened or active in it, with the counts of `churn_rate`."""
    first, _, freq = window
    key = ["customer_id", *names, "step"]
    none, one = nw.lit(0).cast(nw.Int64), nw.lit(1).cast(nw.Int64)
    there = _customers_at_openings(days, names, window).select(
        *key, n_base=one, **dict.fromkeys(_DID, none)
    )
    did = deeds_of_customers(days, names, window).filter(nw.col("step") >= first)
    did = did.select(*key, n_base=none, **{name: nw.col(name).cast(nw.Int64) for name in _DID})
    both = nw.concat([there, did]).group_by(*key)
    rows = both.agg(*(nw.col(name).sum() for name in ("n_base", *_DID)))
    rows = rows.with_columns(nw.col("n_base", *_DID).cast(nw.Int64))
    step = nw.col("step")
    length = periods.first_day_number(step + 1, freq) - periods.first_day_number(step, freq)
    full = (nw.col("n_base") - nw.col("n_cancelled")) * nw.col("_length")
    return rows.with_columns(_length=length.cast(nw.Int64), n_ended=nw.col("_out")).with_columns(
        exposure=(full + nw.col("_days")).cast(nw.Float64) / nw.col("_length").cast(nw.Float64)
    )


def _customers_at_openings(days: Frame, names: list[str], window: periods.Window) -> Frame:
    """Who was there as each period opened: whose spell was in force, as if it were a contract."""
    stays: Any = days.select("customer_id", *names, "start", "end")
    opened = contract_periods(
        stays,
        freq=cast("periods.Freq", window.freq),
        as_of=window.is_over - timedelta(1),
        by=names,
        observed_from=window.begins,
    )
    there = nw.col("active") & (nw.col("step") <= window.last_step)
    return as_lazy(opened, by_row=True).filter(there)


def _part_of_customer() -> nw.Expr:
    """What the customer did, in the words of `PARTS`."""
    there, joined = nw.col("n_base") == 1, nw.col("n_joined") == 1
    left = (nw.col("n_cancelled") == 1) | (nw.col("n_joined_cancelled") == 1)
    back = nw.col("_stays") == 1
    tests = [there & ~left, there & ~back, there, joined & ~left, joined & ~back, joined]
    found = nw.when(tests[0]).then(nw.lit(PARTS[0]))
    for holds, text in zip(tests[1:], PARTS[1:], strict=False):
        found = found.when(holds).then(nw.lit(text))
    return found.otherwise(nw.lit(PARTS[-1]))


def _rows_with_sales(
    rows: Frame, names: list[str], activity: object | None, last_known: int | None
) -> Frame:
    """Each row with what the customer brings."""
    shown = ("customer_id", *names, "step", "part", "n_churned", "at_risk")
    if activity is None or last_known is None:
        return rows.select(*shown, sales=nw.lit(None, dtype=nw.Float64))
    sold = _sales_of_customers(rows, activity)
    placed = rows.select(
        *shown, _new=count(nw.col("n_base") == 0), _bought=nw.lit(_LONG_AGO), _row=nw.lit(1)
    )
    blank = dict.fromkeys((*names, "part"), nw.lit(""))
    blank |= dict.fromkeys(("n_churned", "_new", "_row"), nw.lit(0))
    step = nw.col("step")
    bought = sold.select("customer_id", "step", **blank, at_risk=nw.lit(0.0), _bought=step)
    whole = ("step", "n_churned", "_new", "_bought", "_row")
    both = [
        part.with_columns(nw.col(*whole).cast(nw.Int64)).select(*shown, "_new", "_bought", "_row")
        for part in (placed, bought)
    ]
    last = nw.col("_bought").cum_max().over("customer_id", order_by=["step", "_row"])
    walked = nw.concat(both).with_columns(_bought=last).filter(nw.col("_row") == 1)
    later = (nw.col("_new") == 1) & (nw.col("_bought") < step)
    seen = step <= last_known
    at = nw.when(seen & later).then(step + 1).when(seen).then(nw.col("_bought"))
    asked = walked.with_columns(_at=at.otherwise(nw.lit(_LONG_AGO)).cast(nw.Int64))
    money = sold.select("customer_id", "sales", _at=step)
    return asked.join(money, on=["customer_id", "_at"], how="left")


def _sales_of_customers(rows: Frame, activity: object) -> Frame:
    """The sales of each customer in each period in which they were active, over all segments."""
    told = beside(rows, activity, name="activity").filter(nw.col("active"))
    mine, other = (table.collect_schema()["customer_id"] for table in (rows, told))
    who = nw.col("customer_id") if mine == other else nw.col("customer_id").cast(mine)
    kept = told.select(who, nw.col("step", "sales"), _known=nw.col("sales"))
    sums = kept.group_by("customer_id", "step").agg(nw.col("sales").sum(), nw.col("_known").count())
    return sums.select(
        "customer_id",
        nw.col("step").cast(nw.Int64),
        sales=nw.when(nw.col("_known") > 0).then(nw.col("sales").cast(nw.Float64)),
    )


def _rows_with_window(rows: Frame, window: periods.Window) -> Frame:
    return rows.with_columns(
        period=periods.period_expr("step", window.freq, rows.implementation),
        first_step=nw.lit(window.first_step).cast(nw.Int64),
        last_step=nw.lit(window.last_step).cast(nw.Int64),
        freq=nw.lit(window.freq),
    )
