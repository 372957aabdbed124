"""Who is likely gone, in one call: a chance from a model, rules of thumb and the base rate."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from retention import intervals, periods
from retention.errors import RetentionWarning
from retention.frames import FewTexts, table_like
from retention.periods import observed_days, whole_days
from retention.repeat_buying.buying.bg_cnbd import fit_mbg_cnbd
from retention.repeat_buying.buying.bg_nbd import fit_mbg_nbd
from retention.repeat_buying.buying.pareto_nbd import fit_pareto_nbd
from retention.repeat_buying.scores.log_habits import Habits, habits_of_log
from retention.repeat_buying.scores.method_contest import (
    best_method,
    is_clearly_above,
    mean_squared_error,
)
from retention.repeat_buying.summary.purchase_histories import pandas_columns
from retention.repeat_buying.summary.purchase_summary import (
    LogAtHand,
    log_at_hand,
    purchase_counts,
    refuse_no_customer,
)
from retention.tables import PURCHASE_SUMMARY
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

    from retention.repeat_buying.buying.purchase_model import PurchaseModel

    Floats = NDArray[np.float64]

_MODELS = (
    ("pareto_nbd", "Pareto/NBD", fit_pareto_nbd),
    ("mbg_nbd", "MBG/NBD", fit_mbg_nbd),
    ("mbg_cnbd", "MBG/CNBD-k", fit_mbg_cnbd),
)
_STATUS = {"boundary": "on its boundary", "flat": "flat"}
_RULE = "inactivity"
_TRIED = ("pareto_nbd", "mbg_nbd", "mbg_cnbd", _RULE)
_NOBODY = "There is no share to count either: nobody had bought by then and was as silent."
_VERDICTS = ("better", "not clearly better", "unknown")


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
        numbers(
            "brier_pareto_nbd",
            "brier_mbg_nbd",
            "brier_mbg_cnbd",
            "brier_inactivity",
            unit="squared share",
        ),
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
    check. It is taken from one of these, named in `method`:

    - `pareto_nbd`: `fit_pareto_nbd` on `purchase_summary` in days;
    - `mbg_nbd`: `fit_mbg_nbd` on the same;
    - `mbg_cnbd`: `fit_mbg_cnbd` with the gaps between purchases, for those who buy on a schedule;
    - `inactivity`: of those who `within` days ago had been silent for longer than the window (or
      had not, as the customer now has or has not), the share that bought nothing since.

    Which one, the past says: each makes the score as of `within` days ago, from what was known
    then, and is held against what those customers did since. The first in the list is taken that
    none is clearly better than: the mean of its squared errors less those of the method with the
    least, customer by customer, is not above 0 with its lower 95 % bound, or below 1 % of the
    latter. `brier_pareto_nbd` and so
    on show all. A model whose status is "flat" is passed over. Where nobody was known so many days
    ago it is the first that can be had.

    Where a parameter runs to its boundary (nobody seems to leave, or customers hardly differ) the
    score is that of the limit: as good as any, but without bounds. `reason` says so.

    Models overstate it: on the CDNOW data, 39 weeks ahead, they say 74 to 78 % where 71 % bought
    nothing, for who is slow looks like who is gone. `base_rate` stands beside the score so that
    this can be seen: the share of the customers of `within` days ago that bought nothing since. It
    is not the same customers a while later, but where the mean score is far from it, ask why.

    A score is worth no more than it knew. With p the score that the method told so many days ago, b
    the base rate and y = 1 for who bought nothing since,

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
        "not clearly better", "unknown"); `brier_pareto_nbd`, `brier_mbg_nbd`, `brier_mbg_cnbd` and
        `brier_inactivity`: that of each method that was tried (null if it could not be had then).

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
    habits = habits_of_log(transactions, log, (first, last), ahead)
    x, t_x, age = (rows[name].to_numpy(np.float64) for name in ("x", "t_x", "T"))
    silence, own = age - t_x, np.where(x > 0, t_x / np.maximum(x, 1), np.nan)
    beyond = silence > habits.window
    past = _Past(transactions, log, first, periods.days_after(last, -ahead), ahead)
    trial = past.tried(rows) if habits.n.sum() else _Trial({}, np.empty(0), {})
    rows = _with_log_gaps(rows, habits)
    method, scores = _scores_with_reasons(rows, habits, trial, beyond, (ahead, level))
    made: dict[str, Any] = {
        "customer_id": rows["customer_id"].to_numpy(),
        "x": x.astype(np.int64),
        "days_since_last": silence.astype(np.int64),
        "within": np.full(x.size, ahead, np.int64),
        **scores,
        "window": np.full(x.size, habits.window),
        "silent_beyond_window": beyond,
        "mean_gap": own,
        "gap_ratio": silence / own,
    }
    made |= habits.base(x.size, level) | trial.verdict(method, x.size, level)
    return table_like(made, transactions)


@dataclass(frozen=True, slots=True)
class _Past:
    """The log as it was on an earlier day, on which the same score is made again."""

    transactions: Any
    log: LogAtHand | None
    first: date | None
    cut: date
    within: int

    def tried(self, rows: pd.DataFrame) -> _Trial:
        """What each method would have told of the customers of that day."""
        import pandas as pd

        with warnings.catch_warnings():  # what there is to say was said of the whole log
            warnings.simplefilter("ignore", RetentionWarning)
            summary = purchase_counts(
                self.transactions, as_of=self.cut, observed_from=self.first, log=self.log
            )
            known = pandas_columns(summary, PURCHASE_SUMMARY)
        habits = habits_of_log(self.transactions, self.log, (self.first, self.cut), self.within)
        known = _with_log_gaps(known, habits)
        told, flat = {}, {}
        for short, name, fit in _MODELS:
            model = cast("PurchaseModel", fit(known))
            if model.status == "flat":
                flat[short] = _word_of_status(name, model)
            else:
                plain = model.model_copy(update={"status": "boundary"})  # nobody reads the bounds
                found = plain.p_no_purchase(known, within=self.within)
                told[short] = found["p_no_purchase"].to_numpy(np.float64)
        beyond = ((known["T"] - known["t_x"]).to_numpy(np.float64) > habits.window).astype(np.intp)
        told[_RULE] = intervals.ratio(habits.n_silent, habits.n)[beyond]
        place = pd.Index(rows["customer_id"]).get_indexer(known["customer_id"].to_numpy())
        silence = (rows["T"] - rows["t_x"]).to_numpy(np.float64)[place]
        return _Trial(told, (silence >= self.within).astype(np.float64), flat)


@dataclass(frozen=True, slots=True)
class _Trial:
    """What each method told of the customers of an earlier day, and what came.

    Attributes:
        told: the chance that each customer buys nothing, of each method that could be had.
        silent: 1 for who bought nothing since, else 0.
        flat: why the other methods could not be had.
    """

    told: dict[str, Floats]
    silent: Floats
    flat: dict[str, str]

    def verdict(self, method: str, size: int, level: float) -> dict[str, Any]:
        """What the score of an earlier day was worth, against the base rate told of everybody."""
        share = self.silent.mean() if self.silent.size else np.nan
        errors = {name: mean_squared_error(each, self.silent) for name, each in self.told.items()}
        verdict = 2
        if not np.isnan(errors.get(method, np.nan)):
            known = ~np.isnan(self.told[method])
            silent = self.silent[known]
            gain = (share - silent) ** 2 - (self.told[method][known] - silent) ** 2
            verdict = 0 if is_clearly_above(gain, level) else 1
        made = {
            "brier_score": errors.get(method, np.nan),
            "brier_reference": float(share * (1 - share)),
        }
        each = {f"brier_{short}": errors.get(short, np.nan) for short in _TRIED}
        columns: dict[str, Any] = {name: np.full(size, value) for name, value in made.items()}
        columns["against_base"] = FewTexts(np.full(size, verdict, np.int8), _VERDICTS)
        return columns | {name: np.full(size, value) for name, value in each.items()}


def _with_log_gaps(rows: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    """With the logs of gaps, of which models read the sum alone: as if all were of one length."""
    x = rows["x"].to_numpy(np.float64)
    return rows.assign(log_gaps=x * (habits.log_gaps / max(x.sum(), 1.0)))


def _scores_with_reasons(
    rows: pd.DataFrame,
    habits: Habits,
    trial: _Trial,
    beyond: NDArray[np.bool_],
    asked: tuple[int, float],
) -> tuple[str, dict[str, Any]]:
    """The score of each customer, how it was made and why so."""
    names = ("p_no_purchase", "lower", "upper")
    chosen = best_method(trial.told, trial.silent)
    found, method, reasons = _scores_by_model(rows, asked, chosen)
    if found is None:
        share = intervals.ratio(habits.n_silent, habits.n)
        ends = (share, *intervals.wilson_bounds(habits.n_silent, habits.n, asked[1]))
        values = [end[beyond.astype(np.intp)] for end in ends]
    else:
        values = [found[name].to_numpy(np.float64) for name in names]
    if method == chosen and method != next(iter(trial.told)):
        reasons.insert(0, _word_of_contest(trial, method, asked[0]))
    reasons = [*_words_before(trial, method), *reasons]
    why = " ".join(reasons)
    place = np.zeros(beyond.size, np.int8)
    given = np.where(np.isnan(values[0]), 1, place if reasons else -1).astype(np.int8)
    return method, {
        **dict(zip(names, values, strict=True)),
        "method": FewTexts(place, (method,)),
        "reason": FewTexts(given, (why, f"{why} {_NOBODY}")),
    }


def _words_before(trial: _Trial, method: str) -> list[str]:
    """Why methods that come before the one that is taken told nothing of the customers then."""
    order = [short for short, _, _ in _MODELS]
    before = order[: order.index(method)] if method in order else order
    return [trial.flat[short] for short in before if short in trial.flat]


def _word_of_status(name: str, model: PurchaseModel) -> str:
    return " ".join([f"{name} is {_STATUS[model.status]}:", *model.notes])


def _word_of_contest(trial: _Trial, method: str, within: int) -> str:
    """Why another method is taken than the first."""
    first = next(iter(trial.told))
    own, other = (mean_squared_error(trial.told[name], trial.silent) for name in (method, first))
    named = {short: name for short, name, _ in _MODELS}
    return (
        f"{within} days ago {named.get(method, 'The rule of inactivity')} told who would buy "
        f"nothing better than {named.get(first, first)}: its mean squared error was {own:.4f}, "
        f"not {other:.4f}."
    )


def _scores_by_model(
    rows: pd.DataFrame, asked: tuple[int, float], chosen: str | None
) -> tuple[pd.DataFrame | None, str, list[str]]:
    """The scores of the method chosen, or else of the first model that can be had, and why."""
    reasons: list[str] = []
    first = [model for model in _MODELS if model[0] == chosen]
    rest = [model for model in _MODELS if model[0] != chosen]
    ordered = [] if chosen == _RULE else [*first, *rest]
    for short, name, fit in ordered:
        model = cast("PurchaseModel", fit(rows))
        if model.status != "converged":
            reasons.append(_word_of_status(name, model))
        if model.status != "flat":
            within, level = asked
            return model.p_no_purchase(rows, within=within, level=level), short, reasons
    return None, _RULE, reasons
