"""How many customers will buy in each of the next periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention import periods as calendar
from retention.economics.outlook.base_ahead import (
    Foretold,
    Window,
    ahead_of_present,
    ahead_of_won,
    bounds_of_totals,
    check_model_ahead,
    variance_of_model,
    why_unbounded,
    window_ahead,
)
from retention.economics.outlook.customers_won import (
    CustomersWon,
    customers_won,
    parts_by_segment,
    segments_of,
)
from retention.economics.outlook.renewals_ahead import RENEWING, renewals_ahead
from retention.economics.outlook.spells_ahead import (
    NOBODY,
    OPEN,
    Amounts,
    is_of_spells,
    open_spells,
    read_staying,
    stays_ahead,
)
from retention.frames import table_like
from retention.numerics.codes import long_table
from retention.repeat_buying.buying.purchase_model import PurchaseModel, refuse_another_unit
from retention.repeat_buying.renewal.models import RenewalModel
from retention.repeat_buying.scores.tracking import days_of_unit
from retention.repeat_buying.summary.purchase_histories import read_histories
from retention.tables import PURCHASE_SUMMARY, segments
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.numerics.codes import Key
    from retention.periods import Freq
    from retention.repeat_buying.summary.purchase_histories import Histories
    from retention.survival.aft.model import AftModel
    from retention.tables import Kind

    Floats = NDArray[np.float64]


@gives(
    "a period (and segment)",
    times("period"),
    whole_numbers("step"),
    numbers("n_old", "n_new", "n_beyond", "n_customers", unit="customers"),
    numbers("lower", "upper", unit="customers"),
    texts("bounds"),
    constants(texts("freq")),
)
def expected_customers(
    customers: IntoFrameT,
    *,
    model: PurchaseModel | RenewalModel | AftModel | IntoFrameT,
    as_of: date | str,
    freq: Freq,
    periods: int,
    acquired: Any,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """How many customers to expect in each of the next periods, of those there are and those won.

    From orders, a customer of a period is one who buys in it at least once. With p_i(j) the chance
    that customer i does so in period j, gone or not, and A_t customers won in period t,

        n_customers(j) = Σ_i p_i(j)  +  Σ over t ≤ j of A_t · p(j | won in t),

    where those won are won evenly over their period, in which they are customers for sure.

    From contracts, it is one who is under contract as the period closes, which is as the next one
    opens, as in `contract_periods`. With S a curve of how long spells last, a_i the days after
    which the running spell i was seen to go on and b_i(j) its age as period j closes,

        n_customers(j) = Σ_i S(b_i(j)) / S(a_i)  +  Σ over t ≤ j of A_t · mean of S(age at close),

    each day of a period winning as many. Beyond its last duration, and where under late entry
    nobody was watched, a curve says nothing: whom it does not reach is counted in `n_beyond`, is in
    no expectation, and the bounds count them from none to all. A model of `fit_aft` carries on.

    From contracts in whole periods (`renewal_periods`) and a model of renewal, of those with n
    renewals behind S(n + j)/S(n), and of those won j periods before S(j), as in `base_forecast`.
    Take that for money and for what is left in the long run; take this for bounds.

    The bounds are those of what will be counted, by the normal distribution. They contain the
    chance of each customer, Σ p (1 − p), and the errors of the fit (of a curve Greenwood's, of a
    model the delta method on the logs of its parameters); not that it is wrong, that times change,
    or that more or fewer are won than you say. So try `backtest_outlook` on your own past.

    Args:
        customers: of orders, a table of `purchase_summary(..., as_of=as_of)` of grain "day"; of
            contracts, one of `contract_spells(..., as_of=as_of)`, or of `renewal_periods` for a
            model of renewal. The running spells are those there are.
        model: of orders from `fit_pareto_nbd`, `fit_bg_nbd` or `fit_mbg_nbd`; of spells in days a
            table of `survival_curve`, or a model of `fit_aft` without covariates; of renewals from
            `fit_beta_geometric` or `fit_beta_discrete_weibull`.
        as_of: the last observed day; it must be the last one of a period.
        freq: length of a period; of renewals that of one.
        periods: how many to look ahead.
        acquired: customers won in each period: a number, or one for each. 0: of those there are.
            With `by`, a table of the segments and `acquired`, and `period` where it changes.
        by: segment columns of the customers. A curve that has some of them, too, is read segment by
            segment; any other model is one for all.
        level: confidence of the bounds.

    Returns:
        One row per period, in the caller's kind: the `by` columns, `period` (its first day),
        `step`, `n_old` (of today's customers, those whom the model reaches), `n_new` (of those to
        be won, likewise), `n_beyond` (of both, whom it does not reach, if all stay), `n_customers`
        (null where there are such), `lower`, `upper`, `bounds` ("customers and model", whether some
        are beyond it, or why there are none, such as that the model's status is not "converged"),
        `freq`.

    Raises:
        RetentionError: if the model is none of these, `as_of` is not the last day of a period, a
            number is out of bounds, or it is not said of which segment customers are won.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the summary is empty, a history cannot be or its ages are in another unit
            than the model's; if contracts do not say whether or how long they have run; if spells
            were made as of another day; or if a segment has no curve.

    Example:
        Nobody seems to leave, so each who is there stays silent for 29 days with the chance
        ((α + 10)/(α + 39))^(r + x); the two who are won buy for sure.

        >>> import pandas as pd
        >>> import retention as rt
        >>> today = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": 10.0, "unit": "day"})
        >>> model = rt.repeat_buying.fit_bg_nbd(today)
        >>> ahead = rt.economics.expected_customers(
        ...     today, model=model, as_of="2024-01-31", freq="month", periods=1, acquired=2
        ... )
        >>> r, alpha, a, b = model.parameters
        >>> silent = [((alpha + 10) / (alpha + 39)) ** (r + x) for x in (0, 2, 6)]
        >>> print(f"{3 - sum(silent):.4f} {ahead['n_old'][0]:.4f} {ahead['n_new'][0]:.1f}")
        2.6784 2.6784 2.0

        Of four contracts one lasted 20 days and one 50. Of the two that go on one is 30 days old
        and gets to 60 as February closes with the chance (¾ · ½) / ¾; the other would be 90, which
        nobody was seen to be.

        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "start": pd.to_datetime(["2023-11-01", "2023-12-01", "2024-01-01", "2023-12-02"]),
        ...     "end": pd.to_datetime(["2023-11-21", "2024-01-20", None, None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-01-31", grace=0)
        >>> ahead = rt.economics.expected_customers(
        ...     spells, model=rt.survival_curve(spells), as_of="2024-01-31", freq="month",
        ...     periods=1, acquired=0,
        ... )
        >>> print(f"{ahead['n_old'][0]:.4f} and {ahead['n_beyond'][0]:.0f} beyond")
        0.5000 and 1 beyond

    Source:
        Schmittlein, Morrison and Colombo (1987), Management Science 33(1), 1–24, and Fader, Hardie
        and Lee (2005), Marketing Science 24(2), 275–284, for the models; Fader and Hardie (2007),
        Journal of Interactive Marketing 21(1), 76–90, for renewals; Klein and Moeschberger (2003),
        Survival Analysis, 2nd ed., section 4.2, for the variance of a curve.
    """
    intervals.quantile_of(level)
    window = window_ahead(as_of, freq, periods)
    names = segments(by, kind_of_customers(model))
    won = customers_won(acquired, window, names)
    if is_of_spells(model):
        parts = _spells_ahead(customers, model, window, (as_of, won, names))
    else:
        parts = _models_ahead(customers, model, window, (won, names))
    made = [(key, _columns_of_expected(found, window, level)) for key, found in parts]
    return table_like(long_table(made, names), customers)


def _columns_of_expected(found: Foretold, window: Window, level: float) -> Columns:
    lower, upper, bounds = bounds_of_totals(found, level)
    return {
        "period": window.days,
        "step": window.steps,
        "n_old": found.old,
        "n_new": found.new,
        "n_beyond": found.beyond,
        "n_customers": found.total(),
        "lower": lower,
        "upper": upper,
        "bounds": bounds,
        "freq": np.full(found.old.size, window.freq, dtype=object),
    }


def _spells_ahead(
    customers: object, model: Any, window: Window, asked: tuple[Any, CustomersWon, list[str]]
) -> list[tuple[Key, Foretold]]:
    """By a curve of how long spells last, segment by segment."""
    as_of, won, names = asked
    staying = read_staying(model, names)
    there = open_spells(customers, calendar.as_day(as_of, argument="as_of"), names)
    ones = np.ones(window.steps.size)
    parts = []
    for key in segments_of(there, won):
        spells, acquired = there.get(key, NOBODY), won.of_segment(key)[0]
        amounts = Amounts(spells.n, spells.n, ones)
        parts.append((key, stays_ahead(staying(key), spells, window.winning(acquired), amounts)))
    return parts


def _models_ahead(
    customers: object,
    model: Any,
    window: Window,
    asked: tuple[CustomersWon, list[str]],
) -> list[tuple[Key, Foretold]]:
    """By one model of purchases or renewals for all, segment by segment."""
    won, names = asked
    if not isinstance(model, RenewalModel):
        check_model_ahead(model)
    parts = []
    for key, rows in parts_by_segment(customers, kind_of_customers(model), names, won):
        here = window.winning(won.of_segment(key)[0])
        if isinstance(model, RenewalModel):
            parts.append((key, renewals_ahead(rows, model, here)))
        else:
            parts.append((key, _buyers_ahead(rows, model, here)))
    return parts


def kind_of_customers(model: object) -> Kind:
    """What table of customers a model is of."""
    if is_of_spells(model):
        return OPEN
    return RENEWING if isinstance(model, RenewalModel) else PURCHASE_SUMMARY


def _buyers_ahead(customers: object, model: PurchaseModel, window: Window) -> Foretold:
    """Of the present, of those won, and the variance of both together, period by period."""
    on, unit = read_histories(customers), days_of_unit(model)
    refuse_another_unit(model, on.unit)
    old, new, chance = _sums_of_buyers(model, model.theta, on, window, unit)

    def total(theta: Floats) -> Floats:
        present, won, _ = _sums_of_buyers(model, theta, on, window, unit)
        return np.asarray(present + won)

    unsure = np.full(old.size, np.nan)
    if why_unbounded(model) is None:
        unsure = variance_of_model(model.theta, model.covariance_of_logs, total)
    return Foretold(old, new, chance + unsure, np.zeros(old.size), why_unbounded(model))


def _sums_of_buyers(
    model: PurchaseModel, theta: Floats, on: Histories, window: Window, unit: int
) -> tuple[Floats, Floats, Floats]:
    """Sums of chances to buy, of the present and of those won, and of p (1 − p)."""
    chances = [each.active for each in ahead_of_present(model, theta, on, window, unit)]
    old = np.array([on.n @ p for p in chances])
    spread = np.array([on.n @ (p * (1 - p)) for p in chances])
    n, won = ahead_of_won(model, theta, window, unit)
    p = won.active
    return old, (n * p).sum(axis=(0, 2)), spread + (n * p * (1 - p)).sum(axis=(0, 2))
