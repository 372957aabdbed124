"""Who is likely gone, in one call: a chance from a model, rules of thumb and the base rate."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import RetentionWarning
from retention.frames import FewTexts, Frame, collect, count, table_like, with_first
from retention.numerics.keyed_rows import starts_of_runs
from retention.periods import observed_days, whole_days
from retention.repeat_buying.buying.bg_nbd import fit_mbg_nbd
from retention.repeat_buying.buying.pareto_nbd import fit_pareto_nbd
from retention.repeat_buying.buying.purchase_model import pandas_columns
from retention.repeat_buying.summary.fast_summary import days_by_sorting
from retention.repeat_buying.summary.purchase_summary import (
    LogAtHand,
    log_at_hand,
    purchase_counts,
    refuse_no_customer,
)
from retention.spells.days import purchase_days
from retention.tables import PURCHASE_SUMMARY, TRANSACTIONS, require
from retention.tables.answer_columns import (
    constants,
    flags,
    gives,
    ids,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.repeat_buying.buying.purchase_model import PurchaseModel

    Floats = NDArray[np.float64]

_MODELS = (("pareto_nbd", "Pareto/NBD", fit_pareto_nbd), ("mbg_nbd", "MBG/NBD", fit_mbg_nbd))
_STATUS = {"boundary": "on its boundary", "flat": "flat"}
_RULE = "inactivity"
_NOBODY = "There is no share to count either: nobody had bought by then and was as silent."
_VERDICTS = ("better", "not clearly better", "unknown")
_PERCENT = 95
"""Of gaps between purchases, so many in a hundred are no longer than the window."""


@gives(
    "customer",
    ids("customer_id"),
    whole_numbers("x"),
    whole_numbers("days_since_last", unit="days"),
    constants(whole_numbers("within", unit="days")),
    shares("p_no_purchase", "lower", "upper"),
    constants(texts("method")),
    texts("reason"),
    constants(numbers("window", unit="days")),
    flags("silent_beyond_window"),
    numbers("mean_gap", unit="days"),
    numbers("gap_ratio", unit="times"),
    constants(
        whole_numbers("n_base", "n_base_silent"),
        shares("base_rate", "base_rate_lower", "base_rate_upper"),
        numbers("brier_score", "brier_reference", unit="squared share"),
        texts("against_base"),
    ),
)
def churn_score(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    within: int,
    observed_from: date | str | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Who is likely gone: the chance that a customer buys nothing in the days to come.

    The score is P(no purchase on the `within` days after `as_of`), which the days to come can
    check. It is taken from the first of these that can be had, named in `method`:

    - `pareto_nbd`: `fit_pareto_nbd` on `purchase_summary` in days;
    - `mbg_nbd`: `fit_mbg_nbd`, if the status of the first is "flat";
    - `inactivity`, if that of the second is flat too: of those who `within` days ago had been
      silent for longer than the window (or had not, as the customer now has or has not), the share
      that bought nothing since.

    Where a parameter runs to its boundary (nobody seems to leave, or customers hardly differ) the
    score is that of the limit: as good as any, but without bounds. `reason` says so.

    Models overstate it: on the CDNOW data, 39 weeks ahead, they say 74 to 78 % where 71 % bought
    nothing, for who is slow looks like who is gone. `base_rate` stands beside the score so that
    this can be seen: the share of the customers of `within` days ago that bought nothing since. It
    is not the same customers a while later, but where the mean score is far from it, ask why.

    A score is worth no more than it knew. So the same score is made as of `within` days before
    `as_of`, from what was known then, and set against what these customers did since: with p the
    score told, b the base rate and y = 1 for who bought nothing,

        brier_score = mean (p − y)²,  brier_reference = mean (b − y)² = b (1 − b).

    `against_base` is "better" where the mean of (b − y)² − (p − y)² is above 0 with its lower
    bound, "not clearly better" where it is not, and "unknown" where the log is too short. Only a
    score that is better tells customers apart; else say the base rate, and rank nobody.

    Rules of thumb stand beside it. The window is the 95th percentile of the days between two
    purchases of a customer, all customers' together: a heuristic, no chance of coming back, since
    long gaps are still running when the log ends. `gap_ratio` is the silence in multiples of the
    customer's own mean gap; for regular buyers 2 or more is the better rule.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        within: days after `as_of` in which no purchase comes.
        observed_from: where the log was cut at the front: customers with a purchase before this day
            are left out, since they were not new; see `purchase_summary`. Default: all are new.
        level: confidence of the bounds.

    Returns:
        One row per customer, in the caller's kind (eager tables sorted by customer): `customer_id`,
        `x` (repeat purchases: days with one after the first), `days_since_last`, `within`,
        `p_no_purchase`, `lower`, `upper` (of a model by the delta method, of the rule Wilson's),
        `method`, `reason` (why it is not the first method, or there are no bounds; else null);
        `window` (days, null if nobody bought twice), `silent_beyond_window` (days_since_last >
        window; false without one),
        `mean_gap` (the customer's own, days; null if x = 0), `gap_ratio` (days_since_last /
        mean_gap); and, the same in all rows, `n_base` (customers who had bought by `within` days
        before `as_of`), `n_base_silent` (of them, without a purchase since), `base_rate`
        (n_base_silent / n_base, null if n_base is 0), `base_rate_lower`, `base_rate_upper`
        (Wilson); `brier_score` of the score that these customers would have been given then,
        `brier_reference` of the base rate (null if n_base is 0), and `against_base` ("better",
        "not clearly better", "unknown").

    Raises:
        RetentionError: if `within` is no whole number of days above 0, or `observed_from` comes
            after `as_of`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `as_of`, or none by a new customer.

    Example:
        Two customers bought again twice in 70 + 56 days; whether they differ or leave, so few do
        not tell. So either buys nothing in 30 days with a chance of e^(−30 · 2 / 126). Thirty days
        ago there were the same two, and Bob has bought nothing since.

        >>> import math
        >>> print(f"{math.exp(-30 * 2 / 126):.4f}")
        0.6211

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-03-01", "2024-01-15"]),
        ...     "sales": [10.0, 20.0, 30.0, 20.0],
        ... })
        >>> scores = rt.churn_score(orders, as_of="2024-03-11", within=30)
        >>> names = ["customer_id", "days_since_last", "p_no_purchase", "method", "window"]
        >>> scores[names].round(4)
          customer_id  days_since_last  p_no_purchase      method  window
        0         Ann               10         0.6211  pareto_nbd    50.0
        1         Bob               56         0.6211  pareto_nbd    50.0
        >>> scores[["silent_beyond_window", "mean_gap", "n_base", "n_base_silent", "base_rate"]]
           silent_beyond_window  mean_gap  n_base  n_base_silent  base_rate
        0                 False      30.0       2              1        0.5
        1                  True       NaN       2              1        0.5

        Two customers cannot show that the score knew better than to say 1/2 of both:

        >>> scores[["brier_reference", "against_base"]].head(1)
           brier_reference        against_base
        0             0.25  not clearly better

    Source:
        Schmittlein, Morrison and Colombo (1987), Batislam, Denizel and Filiztekin (2007), as the
        fits. Wübben, M. and Wangenheim, F. v. (2008), Instant customer base analysis: managerial
        heuristics often "get it right", Journal of Marketing 72(3), 82–93, for the rules. Brier,
        G. W. (1950), Monthly Weather Review 78, 1–3, for the holdout.
    """
    ahead = whole_days(within, argument="within", least=1)
    intervals.quantile_of(level)
    last, first = observed_days(as_of, observed_from)
    log = log_at_hand(transactions)
    summary = purchase_counts(transactions, as_of=last, observed_from=first, log=log)
    rows = pandas_columns(summary, PURCHASE_SUMMARY)
    refuse_no_customer(len(rows), last, first is not None)
    habits = _habits_of_log(transactions, log, (first, last), ahead)
    x, t_x, age = (rows[name].to_numpy(np.float64) for name in ("x", "t_x", "T"))
    silence, own = age - t_x, np.where(x > 0, t_x / np.maximum(x, 1), np.nan)
    beyond = silence > habits.window
    made: dict[str, Any] = {
        "customer_id": rows["customer_id"].to_numpy(),
        "x": x.astype(np.int64),
        "days_since_last": silence.astype(np.int64),
        "within": np.full(x.size, ahead, np.int64),
        **_scores_with_reasons(rows, habits, beyond, ahead, level),
        "window": np.full(x.size, habits.window),
        "silent_beyond_window": beyond,
        "mean_gap": own,
        "gap_ratio": silence / own,
    }
    made |= habits.base(x.size, level)
    past = _Past(transactions, log, first, periods.days_after(last, -ahead), ahead)
    known = habits.n.sum() > 0
    return table_like(made | _score_of_past(rows, past if known else None, level), transactions)


@dataclass(frozen=True, slots=True)
class _Habits:
    """What a log tells without a model.

    Attributes:
        window: days that most gaps between purchases do not exceed; NaN if there is no gap.
        n: customers of some days ago, who had not and who had been silent beyond the window then.
        n_silent: those of them who bought nothing since.
    """

    window: float
    n: NDArray[np.int64]
    n_silent: NDArray[np.int64]

    def base(self, size: int, level: float) -> Columns:
        """The base rate and its counts, in every row."""
        n, silent = int(self.n.sum()), int(self.n_silent.sum())
        lower, upper = intervals.wilson_bounds([silent], [n], level)
        return {
            "n_base": np.full(size, n, np.int64),
            "n_base_silent": np.full(size, silent, np.int64),
            "base_rate": np.full(size, intervals.ratio([silent], [n])[0]),
            "base_rate_lower": np.full(size, lower[0]),
            "base_rate_upper": np.full(size, upper[0]),
        }


@dataclass(frozen=True, slots=True)
class _Past:
    """The log as it was on an earlier day, on which the same score is made again."""

    transactions: Any
    log: LogAtHand | None
    first: date | None
    cut: date
    within: int

    def scored(self, level: float) -> tuple[NDArray[Any], Floats]:
        """The customers of that day, and the score that each would have been given."""
        with warnings.catch_warnings():  # what there is to say was said of the whole log
            warnings.simplefilter("ignore", RetentionWarning)
            summary = purchase_counts(
                self.transactions, as_of=self.cut, observed_from=self.first, log=self.log
            )
            rows = pandas_columns(summary, PURCHASE_SUMMARY)
            found, _, _ = _scores_by_model(rows, self.within, level)
        customers = rows["customer_id"].to_numpy()
        if found is not None:
            return customers, found["p_no_purchase"].to_numpy(np.float64)
        habits = _habits_of_log(self.transactions, self.log, (self.first, self.cut), self.within)
        silence = (rows["T"] - rows["t_x"]).to_numpy(np.float64)
        beyond = (silence > habits.window).astype(np.intp)
        return customers, intervals.ratio(habits.n_silent, habits.n)[beyond]


def _score_of_past(rows: pd.DataFrame, past: _Past | None, level: float) -> dict[str, Any]:
    """What the score of an earlier day was worth, against the base rate told of everybody."""
    score, reference, verdict = np.nan, np.nan, 2
    if past is not None:
        import pandas as pd

        customers, told = past.scored(level)
        place = pd.Index(rows["customer_id"]).get_indexer(customers)
        silence = (rows["T"] - rows["t_x"]).to_numpy(np.float64)[place]
        silent = (silence >= past.within).astype(np.float64)
        reference = float(silent.mean() * (1 - silent.mean()))
        known = ~np.isnan(told)
        if known.any():
            errors = (told - silent)[known] ** 2
            score = float(errors.mean())
            gain = (silent.mean() - silent[known]) ** 2 - errors
            spread = float(gain.std(ddof=1)) if gain.size > 1 else np.inf
            least = gain.mean() - intervals.quantile_of(level) * spread / np.sqrt(gain.size)
            verdict = 0 if least > 0 else 1
    size = len(rows)
    return {
        "brier_score": np.full(size, score),
        "brier_reference": np.full(size, reference),
        "against_base": FewTexts(np.full(size, verdict, np.int8), _VERDICTS),
    }


def _scores_with_reasons(
    rows: pd.DataFrame, habits: _Habits, beyond: NDArray[np.bool_], within: int, level: float
) -> dict[str, Any]:
    """The score of each customer, how it was made and why so."""
    names = ("p_no_purchase", "lower", "upper")
    found, method, reasons = _scores_by_model(rows, within, level)
    if found is None:
        share = intervals.ratio(habits.n_silent, habits.n)
        ends = (share, *intervals.wilson_bounds(habits.n_silent, habits.n, level))
        values = [end[beyond.astype(np.intp)] for end in ends]
    else:
        values = [found[name].to_numpy(np.float64) for name in names]
    why = " ".join(reasons)
    place = np.zeros(beyond.size, np.int8)
    given = np.where(np.isnan(values[0]), 1, place if reasons else -1).astype(np.int8)
    said = dict(zip(names, values, strict=True))
    return {
        **said,
        "method": FewTexts(place, (method,)),
        "reason": FewTexts(given, (why, f"{why} {_NOBODY}")),
    }


def _scores_by_model(
    rows: pd.DataFrame, within: int, level: float
) -> tuple[pd.DataFrame | None, str, list[str]]:
    """The scores of the first model that can be had, its name, and why it is not the first."""
    reasons: list[str] = []
    for short, name, fit in _MODELS:
        model = cast("PurchaseModel", fit(rows))
        if model.status != "converged":
            reasons.append(" ".join([f"{name} is {_STATUS[model.status]}:", *model.notes]))
        if model.status != "flat":
            return model.p_no_purchase(rows, within=within, level=level), short, reasons
    return None, _RULE, reasons


def _habits_of_log(
    transactions: object, log: LogAtHand | None, observed: tuple[date | None, date], within: int
) -> _Habits:
    """The window, and what came of the customers of some days ago."""
    first, last = observed
    days_at_hand = days_by_sorting(log.lines, until=periods.number_of(last)) if log else None
    if days_at_hand is not None:
        return _habits_by_sorting(*days_at_hand, observed, within)
    frame = require(transactions, TRANSACTIONS, adds="none")
    with warnings.catch_warnings():  # the summary has said it
        warnings.simplefilter("ignore", RetentionWarning)
        days = purchase_days(frame, as_of=last, keep={})
    if first is not None:
        dated = with_first(days, "customer_id", "_day", "_first")
        days = dated.filter(nw.col("_first") >= periods.number_of(first))
    window = _usual_gap(days)
    n, silent = _customers_and_silent(days, periods.number_of(last) - within, window)
    return _Habits(window, n, silent)


def _habits_by_sorting(
    customer: NDArray[np.integer[Any]],
    day: NDArray[np.integer[Any]],
    observed: tuple[date | None, date],
    within: int,
) -> _Habits:
    """The same from the days of customers, in order."""
    first, last = observed
    starts = np.flatnonzero(starts_of_runs(customer))
    if first is not None:
        new = day[starts] >= periods.number_of(first)
        kept = np.repeat(new, np.diff(starts, append=day.size))
        customer, day = customer[kept], day[kept]
        starts = np.flatnonzero(starts_of_runs(customer))
    again = np.ones(day.size, bool)
    again[starts] = False
    length = np.diff(day, prepend=0)[again]
    n = np.bincount(length)
    window = _length_of_most(np.flatnonzero(n), n[n > 0])
    cut = periods.number_of(last) - within
    known = np.add.reduceat((day <= cut).astype(np.int64), starts) if day.size else starts
    ends = np.append(starts[1:], day.size)
    there = known > 0
    latest = day[(starts + known - 1)[there]]
    beyond = (latest < (cut - window if window == window else -np.inf)).astype(np.intp)  # noqa: PLR0124
    silent = (known == ends - starts)[there]
    return _Habits(
        window,
        np.bincount(beyond, minlength=2).astype(np.int64),
        np.bincount(beyond[silent], minlength=2).astype(np.int64),
    )


def _usual_gap(days: Frame) -> float:
    """The least length that 95 in 100 gaps do not exceed."""
    before = nw.col("_day").shift(1).over("customer_id", order_by="_day")
    gaps = days.with_columns(_gap=nw.col("_day") - before).filter(~nw.col("_gap").is_null())
    found = collect(gaps.group_by("_gap").agg(nw.len().alias("n")))
    length, n = found["_gap"].astype(np.int64), found["n"].astype(np.int64)
    order = np.argsort(length)
    return _length_of_most(length[order], n[order])


def _length_of_most(length: NDArray[np.int64], n: NDArray[np.int64]) -> float:
    """The least of some ascending lengths that 95 in 100 do not exceed; NaN of none."""
    if not n.size:
        return float("nan")
    reached = np.cumsum(n)
    return float(length[np.searchsorted(100 * reached, _PERCENT * reached[-1])])


def _customers_and_silent(
    days: Frame, cut: int, window: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Customers of the day `cut`, and those without a purchase since.

    Both of those who had not, and who had been silent beyond the window on that day.
    """
    known = nw.col("_day") <= cut
    marked = days.with_columns(_known=nw.when(known).then(nw.col("_day")), _later=count(~known))
    each = marked.group_by("customer_id").agg(nw.col("_known").max(), nw.col("_later").sum())
    there = each.filter(~nw.col("_known").is_null())
    limit = cut - window if window == window else -np.inf  # noqa: PLR0124 - NaN: no window
    flags = there.with_columns(
        _beyond=count(nw.col("_known") < float(limit)), _none=count(nw.col("_later") == 0)
    )
    found = collect(flags.group_by("_beyond", "_none").agg(nw.len().alias("n")))
    place, none = found["_beyond"].astype(np.intp), found["_none"].astype(np.int64)
    n = found["n"].astype(np.int64)
    many, silent = (np.zeros(2, np.int64) for _ in range(2))
    np.add.at(many, place, n)
    np.add.at(silent, place, n * none)
    return many, silent
