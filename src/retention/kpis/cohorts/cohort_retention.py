"""Cohorts: of the customers who began together, who is back at which age."""

from __future__ import annotations

from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.window import warn_of_holes
from retention.errors import ContentError, RetentionError, check_choice, whole_number
from retention.frames import Columns, collect, table_like
from retention.kpis.cohorts.counts import WEEKDAYS, Ageing, Seen, count_ages
from retention.kpis.cohorts.grid import CohortGrid
from retention.kpis.cohorts.sign_ups import count_ages_since_start
from retention.numerics.codes import distinct_segments
from retention.tables import ACTIVITY, Column, Kind, refuse_mixed, require, segments
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

COHORTS = Kind(
    "cohorts",
    "a cohort at an age",
    "cohort_retention",
    (
        Column("cohort", "time", "first day of the period the cohort began in"),
        Column("age", "integer", "the first age of the cell", "periods"),
        Column("age_to", "integer", "the last age of the cell", "periods"),
        Column("n_cohort", "integer", "customers of the cohort"),
        Column("n_eligible", "integer", "of them, those who were followed to the cell's last age"),
        Column("n_retained", "number", "of those, the ones who were back"),
        Column("base", "number", "what the rate is a share of", "customers or currency"),
        Column("retained", "number", "what of it was kept", "customers or currency"),
        Column("rate", "number", "retained / base", "share of 1"),
        Column("lower", "number", "lower bound of the rate", "share of 1"),
        Column("upper", "number", "upper bound of the rate", "share of 1"),
        Column("bounds", "text", "how the bounds were made"),
        Column("observed", "flag", "whether the cell was observed to its end"),
        Column("start_observed", "flag", "whether a period before the cohort's was observed"),
        Column("kind", "text", "on, on_or_after or bracket", constant=True),
        Column("measure", "text", "customers, sales or profit", constant=True),
        Column("basis", "text", "base or current", constant=True),
        Column("cohorts", "text", "first, every or attribute", constant=True),
        Column("clock", "text", "calendar or elapsed", constant=True),
        Column("freq", "text", "length of a period", constant=True),
        Column("week_start", "text", "the day on which weeks begin", constant=True),
        Column(
            "washout",
            "integer",
            "first periods whose customers are left out",
            "periods",
            constant=True,
        ),
    ),
)


@gives(COHORTS)
def cohort_retention(  # noqa: PLR0913 - each keyword is a convention on which the field disagrees
    activity: IntoFrameT,
    *,
    kind: Literal["on", "on_or_after", "bracket"] = "on",
    measure: Literal["customers", "sales", "profit"] = "customers",
    basis: Literal["base", "current"] = "base",
    brackets: Sequence[int] = (),
    by: str | Sequence[str] = (),
    cohorts: Literal["first", "every", "attribute"] = "first",
    freq: periods.Freq | None = None,
    clock: Literal["calendar", "elapsed"] = "calendar",
    week_start: str = "monday",
    washout: int = 0,
    started: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of the customers who began in the same period, the share that is back at each age.

    Age is the number of periods since the customer's first active one, which has age 0. With E the
    customers of the cohort who were followed to the end of age a,

        on           |those of E active at age a| / |E|
        on_or_after  |those of E active at age a or any later age observed| / |E|
        bracket      |those of E active at some age from a to b| / |E|, followed to the end of b

    With `measure` sales or profit, s0 is a customer's money at age 0, s that of the cell (0 unless
    active there), R those of E who are counted as back: Σ_R s0 / Σ_E s0 (`basis="base"`: whose
    money stayed, as `sales_adjusted_retention`) or Σ_R s / Σ_E s0 (`basis="current"`: the money
    they bring now; over a bracket its sum).

    A cell that nobody was followed to is null, whatever the kind. `on_or_after` falls mechanically
    in its last ages: at the last one only customers active just then count, at earlier ones also
    those who came back since; it is not comparable between cohorts of different follow-up, and
    later data can raise it.

    Contracts (`contract_periods`) have cohorts by the period in which the customer's first contract
    began. Age 0 are all who began, whether or not they were in force at any opening, with what the
    contracts of their first day bring; at age a those are active who are in force as the a-th
    period after it opens. So without returns the share is the Kaplan–Meier survival up to that
    opening. Periods that closed by `as_of` have a cohort; who began before `observed_from` where
    that was said, or before the first period that opens after it, is in none. `cohorts="every"`
    takes those in force at each opening.

    Sign-ups. With `started`, cohorts go by the day on which customers signed up, wherever that is
    known from: |E| are all who signed up in the period, whether or not they ever bought, and age 0
    is that period, with those who bought by its end. What came before the start counts nowhere, and
    a warning counts customers of the activity who are not in the table.

    Who is new? A log cut at the front shows old customers as if they began with it. The first
    observed period's cohort has `start_observed` false; `washout` leaves out customers seen in the
    first periods, so that all others had that long a silence before.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        kind: which activity counts, above.
        measure: what is counted: customers, their sales or their profit.
        basis: which money is counted, above; "current" has no meaning for "on_or_after".
        brackets: with kind "bracket", rising ages at which brackets begin, and the one at which the
            last is over: [1, 8, 31] are ages 1–7 and 8–30. Gaps need a bracket of their own.
        by: segment columns of the activity: segments in which the customer was active in the first
            period (who was in two is in both). Retained is who is active anywhere in the firm, and
            the money is that of the whole firm.
        cohorts: "first" (by the period of the first purchase), "attribute" (one cohort a segment of
            `by`, whenever they began; at each age those followed so long) or "every" (recurring
            qualification: a cohort of all who are active in a period, new or not; a customer is in
            many).
        freq: length of a period, where the activity is by day: its days are put into whole weeks,
            months … Default: that of the activity.
        clock: "calendar" (age counts the periods of the calendar: who first bought on 31 January is
            1 month old on 1 February) or "elapsed" (age 0 is the first day and the days after it,
            7 for freq "week", so that everybody is followed as long; needs activity by day. By
            day the two are the same). Cohorts are periods of the calendar either way.
        week_start: the day on which weeks begin; other than "monday" needs activity by day.
        washout: leave out customers active in the first so many whole periods. Who was active
            before the first of these (in the days of a week that the activity cuts) is in no cohort
            of first activity anyway.
        started: a table of `customer_id` and `start`, one row per customer, of the same kind as the
            activity, by which cohorts go instead of the first purchase; `by` are then columns of
            it, such as the channel. For `measure="customers"`.
        level: confidence of the bounds: Wilson for customers; for money linearised, null where
            there are fewer than 30 customers.

    Returns:
        One row per segment, cohort and age, in the caller's kind, observed or not: the `by`
        columns, `cohort` (first day of the period; null for "attribute"), `age`, `age_to` (first
        and last age of the cell; for on_or_after the last age of the table), `n_cohort`,
        `n_eligible` |E|, `n_retained`, `base`, `retained` (the sums, customers or currency),
        `rate`, `lower`, `upper`, `bounds` (how they were made), `observed`, `start_observed`, and
        the conventions `kind`, `measure`, `basis`, `cohorts`, `clock`, `freq`, `week_start`,
        `washout`.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if the activity is empty, or too short for `washout` or `freq`.
        RetentionError: if conventions contradict one another, or the activity cannot serve them.

    Example:
        Three users, the first day and six more: one never comes back, one on day 1, one on day 5.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = ["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-01", "2024-01-06"]
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Bob", "Cem", "Cem"],
        ...     "date": pd.to_datetime(days),
        ...     "sales": 10.0,
        ... })
        >>> activity = rt.customer_periods(orders, freq="day", as_of="2024-01-07")
        >>> rt.cohort_retention(activity)["n_retained"].head(7).tolist()
        [3.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        >>> rt.cohort_retention(activity, kind="on_or_after")["n_retained"].head(7).tolist()
        [3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.0]

    Source:
        Glenn, N. D. (2005), Cohort Analysis, 2nd ed. The kinds are conventions of practice (product
        analytics: "on", "on or after" or unbounded, and bracket retention).
    """
    check_choice("cohorts", cohorts, ("first", "every", "attribute"))
    asked = Ageing(
        kind,
        measure,
        basis,
        _edges_of_brackets(kind, brackets),
        "started" if started is not None and cohorts == "first" else cohorts,
        freq,
        clock,
        week_start,
    )
    if started is not None:
        _refuse_what_has_no_sign_up(measure, cohorts)
    names = _checked_segment_columns(asked, by, washout)
    intervals.quantile_of(level)
    counted, seen = (
        count_ages(activity, asked, names)
        if started is None
        else count_ages_since_start(activity, started, asked, names)
    )
    _refuse_long_washout(seen, washout)
    grid = CohortGrid(counted, seen, asked, names, washout)
    if started is None:
        _warn_of_empty_cohorts(counted, seen, asked)
    return table_like({**grid.keys(), **grid.rates(level), **grid.conventions()}, activity)


@gives(
    "segment and age",
    whole_numbers("age", "age_to", "n_cohorts", "n_eligible", "n_retained"),
    numbers("base", "retained", unit="customers or currency"),
    shares("rate", "lower", "upper"),
    texts("bounds"),
    constants(texts("weights", "kind", "measure")),
)
def average_retention(
    cohorts: IntoFrameT,
    *,
    weights: Literal["customers", "cohort"] = "customers",
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Retention at each age over all cohorts that were followed so long.

    With r_c and n_c the retained and the base of cohort c at an age, over its observed cells:

        pooled (`weights="customers"`)  Σ r_c / Σ n_c       every customer counts the same
        simple (`weights="cohort"`)     mean of r_c / n_c   every cohort counts the same

    A cohort of 10 at 20 % and one of 100 at 0 % are 1.8 % pooled and 10 % simple. Later ages are
    made of fewer, older cohorts: a bend in the curve may be a change of cohorts.

    Args:
        cohorts: a table from `cohort_retention`; leave out cohorts by filtering it.
        weights: "customers" or "cohort".
        by: segment columns of the table, a curve each. Without, segments are pooled as well, and
            who is in two of them counts twice.
        level: confidence of the bounds.

    Returns:
        One row per segment and age, in the caller's kind: the `by` columns, `age`, `age_to`,
        `n_cohorts` (with a rate at that age), `n_eligible`, `n_retained`, `base`, `retained`
        (summed over them), `rate`, `lower`, `upper`, `bounds`, `weights`, `kind`, `measure`.
        Bounds are Wilson's for pooled customers that are counted once; else null, with the reason
        in `bounds` (of pooled money, `cohort_retention(..., cohorts="attribute")` has them).

    Raises:
        ColumnError: if it is not a table of cohorts, or `by` names no column of it.
        RetentionError: if `weights` is neither of the two.

    Example:
        January's two customers stay by half, February's one has no age 1 yet.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20", "2024-02-03"]),
        ...     "sales": [10.0, 10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> curve = rt.kpis.average_retention(rt.cohort_retention(activity))
        >>> curve[["age", "n_cohorts", "n_eligible", "n_retained", "rate"]]
           age  n_cohorts  n_eligible  n_retained  rate
        0    0          2           3           3   1.0
        1    1          1           2           1   0.5

    Source:
        Pooling is the ratio estimator: Cochran, W. G. (1977), Sampling Techniques, 3rd ed.,
        section 6.2.
    """
    check_choice("weights", weights, ("customers", "cohort"))
    intervals.quantile_of(level)
    names = segments(by, COHORTS)
    frame = require(cohorts, COHORTS, extra=names, adds="none")
    pooled = set(frame.collect_schema().names()) - set(COHORTS.names) - set(names)
    refuse_mixed(frame.filter(nw.col("measure") != "customers"), COHORTS, names)
    sums = ["n_eligible", "n_retained", "base", "retained", "rate"]
    told = ["kind", "measure", "cohorts"]
    cells = frame.filter(nw.col("observed") & (nw.col("n_eligible") > 0))
    rows = collect(cells.select(*names, "age", "age_to", *sums, *told))
    method = _bounds_of_average(rows, weights, pooled=bool(pooled))
    return table_like(_average_columns(rows, names, method, (weights, level)), cohorts)


def _average_columns(
    rows: Columns, names: Sequence[str], method: str, asked: tuple[str, float]
) -> Columns:
    weights, level = asked
    labels, place = distinct_segments(rows, [*names, "age"])
    size = len(labels["age"])

    def by_age(values: NDArray[Any]) -> NDArray[np.float64]:
        sums = np.bincount(place, values.astype(np.float64), minlength=size)
        return np.asarray(sums, dtype=np.float64)

    known = ~np.isnan(rows["rate"].astype(np.float64))
    eligible, retained = by_age(rows["n_eligible"]), by_age(rows["n_retained"])
    base, kept, n_cohorts = by_age(rows["base"]), by_age(rows["retained"]), by_age(known)
    rate = intervals.ratio(kept, base)
    if weights == "cohort":
        rate = intervals.ratio(by_age(np.where(known, rows["rate"], 0.0)), n_cohorts)
    trials = np.where(method == "wilson", eligible, np.nan)
    lower, upper = intervals.wilson_bounds(retained, trials, level)
    table: Columns = {name: labels[name] for name in names}
    table |= {"age": labels["age"].astype(np.int64), "age_to": np.zeros(size, dtype=np.int64)}
    table["age_to"][place] = rows["age_to"]
    counts = {"n_cohorts": n_cohorts, "n_eligible": eligible, "n_retained": retained}
    table |= {name: values.astype(np.int64) for name, values in counts.items()}
    table |= {"base": base, "retained": kept, "rate": rate, "lower": lower, "upper": upper}
    said = {"bounds": method, "weights": weights}
    said |= {name: rows[name][0] if size else "" for name in ("kind", "measure")}
    return table | {name: np.full(size, value, dtype=object) for name, value in said.items()}


def _bounds_of_average(rows: Columns, weights: str, *, pooled: bool) -> str:
    if weights == "cohort":
        return "none: a mean of rates"
    if pooled or "every" in rows["cohorts"]:  # one who is in two segments is in both
        return "none: customers are counted more than once"
    return "none: money" if set(rows["measure"]) - {"customers"} else "wilson"


def _edges_of_brackets(kind: str, brackets: Sequence[int]) -> tuple[int, ...]:
    check_choice("kind", kind, ("on", "on_or_after", "bracket"))
    edges = list(brackets)
    if kind != "bracket":
        if edges:
            raise RetentionError(
                f"`brackets={edges}` goes with `kind='bracket'`; kind is {kind!r}."
            )
        return ()
    whole = all(isinstance(edge, Integral) and not isinstance(edge, bool) for edge in edges)
    rising = whole and all(a < b for a, b in pairwise(edges))
    if len(edges) < 2 or not rising or edges[0] < 0:
        raise RetentionError(
            "brackets must be two or more rising ages of 0 or more, such as [1, 8, 31] for ages "
            f"1–7 and 8–30; got {brackets!r}."
        )
    return tuple(int(edge) for edge in edges)


def _checked_segment_columns(asked: Ageing, by: str | Sequence[str], washout: int) -> list[str]:
    """The segment columns, once the conventions are known and do not contradict one another."""
    check_choice("measure", asked.measure, ("customers", "sales", "profit"))
    check_choice("basis", asked.basis, ("base", "current"))
    check_choice("clock", asked.clock, ("calendar", "elapsed"))
    check_choice("week_start", asked.week_start, WEEKDAYS)
    if asked.freq is not None:
        periods.check_freq(asked.freq)
    whole_number("washout", washout, least=0, of="periods")
    _refuse_contradictions(asked, washout)
    return segments(by, ACTIVITY)


def _refuse_contradictions(asked: Ageing, washout: int) -> None:
    if asked.in_money and (asked.kind, asked.basis) == ("on_or_after", "current"):
        raise RetentionError(
            "Money on or after an age grows with every period observed: "
            "say `kind='on'` or 'bracket', or `basis='base'`."
        )
    if asked.cohorts == "every" and (washout or asked.clock == "elapsed"):
        raise RetentionError(
            "`cohorts='every'` takes all who are active in a period of the calendar, new or not: "
            "`washout=` and `clock='elapsed'` go with `cohorts='first'` or 'attribute'."
        )


def _refuse_what_has_no_sign_up(measure: str, cohorts: str) -> None:
    """Refuse what customers do not have who have not bought yet."""
    if measure != "customers":
        raise RetentionError(
            f"`measure={measure!r}` compares with the money of the first purchase, and who signs "
            "up has none yet: with `started=` say `measure='customers'`."
        )
    if cohorts == "every":
        raise RetentionError(
            "`cohorts='every'` takes all who are active in a period, whenever they began: leave "
            "out `started=`, or say `cohorts='first'`."
        )


def _warn_of_empty_cohorts(counted: Columns, seen: Seen, asked: Ageing) -> None:
    """Warn where a period without anybody stands between busy ones.

    Who was back on or after an age needs no period to be whole, so one that lacks changes nothing.
    Of cohorts of first activity, brackets tell only in which period customers were new.
    """
    if asked.kind == "on_or_after" or seen.by_day:
        return
    every, later = asked.cohorts == "every", asked.kind == "on" and asked.cohorts != "every"
    rows = (counted["_begun"] == 1) | later
    step = counted["_start"] + counted["_cell"] * later - seen.first
    rows &= step >= 0
    customers = np.bincount(step[rows], counted["_n"][rows]).astype(np.int64)
    steps = np.arange(seen.first, seen.first + customers.size)
    warn_of_holes(steps, customers, seen.freq, seen="was" if every or later else "became")


def _refuse_long_washout(seen: Seen, washout: int) -> None:
    if seen.first + washout > seen.last:
        raise ContentError(
            f"`washout={washout}` leaves nothing: the activity covers "
            f"{seen.last - seen.first + 1} whole periods of a {seen.freq}."
        )
