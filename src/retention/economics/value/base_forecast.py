"""How many customers there will be: the leaky bucket, its profit, share and cost per customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.economics.value.curve_or_model import refuse_no_model
from retention.economics.value.payments import (
    Length,
    Profit,
    checked_cost,
    is_amount,
    length_in_words,
    read_profit,
    unknown_profit_error,
    years_of_period,
)
from retention.economics.value.renewal_chances import survivors_kept
from retention.errors import ContentError, RetentionError, discount_a_year, whole_number
from retention.frames import collect, count, one_row, table_like
from retention.repeat_buying.renewal.models import BetaGeometricModel, RenewalModel
from retention.survival.curves.curve_tables import text_column
from retention.tables import BASE, require
from retention.tables.answer_columns import (
    amounts,
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

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

_MOST = 10_000
_CALL = "base_forecast(base, model=model, acquired=100, periods=5)"
_FITS = "fit_beta_geometric or fit_beta_discrete_weibull, or be one retention rate such as 0.9"


@gives(
    "period",
    whole_numbers("period"),
    numbers("n_old", "n_acquired", "n_new", "n_customers", unit="customers"),
    amounts("profit", "profit_discounted"),
    shares("market_share"),
    amounts("cost_per_customer"),
    constants(
        numbers("steady_state", unit="customers"),
        texts("reason", "length"),
        numbers("discount", unit="rate a year"),
    ),
)
def base_forecast(  # noqa: PLR0913 - money and its conventions have no silent defaults
    base: IntoFrameT,
    *,
    model: RenewalModel | float,
    periods: int,
    acquired: float | Sequence[float] | None = None,
    win_rate: float | None = None,
    market: float | None = None,
    profit: Any = None,
    length: Length | None = None,
    discount: float | None = None,
    acquisition_cost: float | None = None,
    service_cost: float | None = None,
) -> IntoFrameT:
    """How many customers there will be in the periods to come, and what they bring: a leaky bucket.

    Of today's customers with n renewals behind, base_n, and of the A_t who are won in period t,

        N_t = Σ over n of base_n S(n + t) / S(n)  +  Σ over j < t of A_{t−j} S(j).

    In the long run, if A customers are won in every period, N approaches A · Σ over j of S(j): with
    one rate r for all that is A / (1 − r), in the beta-geometric model A (a + b − 1) / (a − 1). If
    a ≤ 1 the mean customer never leaves, and there is no steady state. A better rate takes long to
    tell: of 1,000 customers with 100 won a year, 90 % to 95 % makes 1,226 in five years, 2,000 in
    the end.

    Args:
        base: today's customers: `tenure` (renewals behind, 0 in the first period) and `n_customers`
            (how many there are; rows of one tenure are added up). Without rows, nobody.
        model: from `fit_beta_geometric` or `fit_beta_discrete_weibull`, or one retention rate of
            all customers at every renewal, 0 to 1.
        periods: how many to look ahead.
        acquired: customers won a period: a number, or one for each period.
        win_rate: instead of these, the share of the market's other customers that is won a period;
            needs `market`. With s the share of the market, s' = s r + (1 − s) · win_rate.
        market: how many customers there are in the market, ours included.
        profit: what a customer brings a period, before the costs below (currency): an amount, or a
            table with `profit_per_customer` by `age`. Customers with n renewals behind are in age
            n + 1.
        length: how long a period is; needed with `discount`.
        discount: effective rate a year, from the end of each period.
        acquisition_cost: of winning a customer (currency); off the profit if given.
        service_cost: of serving a customer a period (currency); off the profit if given.

    Returns:
        One row per period, in the kind of `base`: `period` (1 is the next), `n_old` (of today's
        customers, those still here), `n_acquired` (won in the period), `n_new` (won from now on
        and still here), `n_customers`, `profit` (of the period, currency; null without one),
        `profit_discounted` (null without a rate), `market_share` (of customers; null without a
        market), `cost_per_customer` ((service_cost · N + acquisition_cost · A) / N, of what is
        given), and the constants `steady_state`, `reason` (why there is none; else null), `length`,
        `discount`. They are means, which the parameters' own errors and chance are around.

    Raises:
        RetentionError: if a keyword is none of what it may be, or not exactly one of `acquired` and
            `win_rate` is given.
        ColumnError: if the base lacks a column.
        ContentError: if a tenure is below 0 or a number of customers is; if the profit of an age is
            not known; or if the market is too small.

    Example:
        A bucket that loses a fifth and wins ten holds fifty in the end.

        >>> import pandas as pd
        >>> import retention as rt
        >>> today = pd.DataFrame({"tenure": [0, 3], "n_customers": [10.0, 20.0]})
        >>> ahead = rt.economics.base_forecast(today, model=0.8, acquired=10, periods=2)
        >>> ahead[["period", "n_old", "n_new", "n_customers", "steady_state"]]
           period  n_old  n_new  n_customers  steady_state
        0       1   24.0   10.0         34.0          50.0
        1       2   19.2   18.0         37.2          50.0

        An insurer's cost per policy falls by 18 % from 85 % to 90 % retention with as many
        policies, if winning one costs eight times a year's service:

        >>> cost = {"service_cost": 1, "acquisition_cost": 8, "periods": 1}
        >>> policies = pd.DataFrame({"tenure": [0], "n_customers": [1000]})
        >>> before = rt.economics.base_forecast(policies, model=0.85, acquired=150, **cost)
        >>> after = rt.economics.base_forecast(policies, model=0.90, acquired=100, **cost)
        >>> change = after["cost_per_customer"][0] / before["cost_per_customer"][0] - 1
        >>> print(f"{change:.1%}")
        -18.2%

        A card issuer's profit, with 100 new customers a year who cost 51 each and bring 30, 42, 44,
        49 and then 55 a year: from 90 % to 95 % adds 27 % in five years, not 60, and more than
        doubles it only in the end.

        >>> ages = pd.DataFrame({"age": range(1, 900)})
        >>> ages["profit_per_customer"] = [30.0, 42.0, 44.0, 49.0, *[55.0] * 895]
        >>> today = pd.DataFrame({"tenure": range(400)})
        >>> today["n_customers"] = 100 * 0.9 ** today["tenure"]
        >>> card = {"acquired": 100, "profit": ages, "acquisition_cost": 51, "periods": 60}
        >>> at = [rt.economics.base_forecast(today, model=r, **card)["profit"] for r in (0.9, 0.95)]
        >>> [f"{at[1][year - 1] / at[0][year - 1] - 1:+.1%}" for year in (1, 2, 3, 4, 5, 10, 60)]
        ['+5.8%', '+11.5%', '+16.9%', '+22.2%', '+27.2%', '+48.6%', '+116.3%']

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapter 2, for the bucket and for both
        sentences; Fader and Hardie (2010), Marketing Science 29, 85–93, for customers who differ.
    """
    ahead = whole_number("periods", periods, least=1, of="periods", most=_MOST)
    stay = _stays_of_model(model)
    costs = _costs_asked(acquisition_cost, service_cost)
    name, rate, factor = _discount_factor(length, discount)
    worth = None if profit is None else read_profit(profit, length=name)
    winning = _winning_asked(acquired, win_rate, market, ahead)
    tenure, people = _read_base(base)
    flow = _flow_of_customers(stay, tenure, people, winning, ahead)
    money = np.full(ahead, np.nan) if worth is None else _profits(flow, worth, tenure, costs)
    steady, why = _steady_state(stay, winning)
    made = {
        "period": np.arange(1, ahead + 1),
        "n_old": flow.old.sum(axis=1),
        "n_acquired": flow.acquired,
        "n_new": flow.new,
        "n_customers": flow.total,
        "profit": money,
        "profit_discounted": money * factor ** np.arange(1, ahead + 1),
        "market_share": intervals.ratio(flow.total, np.full(ahead, winning.market)),
        "cost_per_customer": _costs_per_customer(flow, costs),
        "steady_state": np.full(ahead, steady),
        "reason": text_column([why] * ahead),
        "length": text_column([name] * ahead),
        "discount": np.full(ahead, rate),
    }
    return table_like(made, base)


@dataclass(frozen=True, slots=True)
class _Winning:
    """How customers are won: so many a period, or a share of those in the market who are not ours.

    Attributes:
        acquired: of each period; NaN where the share decides.
        rate: the share.
        market: how many there are, ours included; NaN where it is not said.
    """

    acquired: Floats
    rate: float
    market: float


@dataclass(frozen=True, slots=True)
class _Flow:
    """Customers by period: the old by their tenure today, the acquired, the share of them left."""

    old: Floats
    acquired: Floats
    kept: Floats

    @property
    def new(self) -> Floats:
        """Won from now on and still here, at the end of each period."""
        return np.convolve(self.acquired, self.kept)[: self.acquired.size]

    @property
    def total(self) -> Floats:
        """All who are here at the end of each period."""
        return np.asarray(self.old.sum(axis=1) + self.new)


def _stays_of_model(model: object) -> RenewalModel | float:
    """The model, or the one rate of all."""
    if not is_amount(model):
        refuse_no_model(model, _CALL, fits=_FITS)
        return cast("RenewalModel", model)
    rate = float(model)
    if not 0 <= rate <= 1:
        raise RetentionError(
            "model is one of renewal, or one retention rate of all, between 0 and 1 such as 0.9; "
            f"got {model!r}."
        )
    return rate


def _kept_customers(model: RenewalModel | float, tenure: Floats, periods: Floats) -> Floats:
    """The share of customers of a tenure who are here so many periods later."""
    if isinstance(model, float):
        return np.asarray(np.full(np.broadcast(tenure, periods).shape, model) ** periods)
    return survivors_kept(model.theta, tenure, periods)


def _costs_asked(acquisition_cost: object, service_cost: object) -> list[float | None]:
    """Of winning a customer, and of serving one a period; None where not said."""
    told = (
        ("acquisition_cost", acquisition_cost, "what it costs to win a customer"),
        ("service_cost", service_cost, "what it costs to serve a customer a period"),
    )
    return [None if cost is None else checked_cost(name, cost, what) for name, cost, what in told]


def _discount_factor(length: object, discount: object) -> tuple[str | None, float, float]:
    """The length in words, the rate a year, and the factor of a period; NaN without a rate."""
    name = None if length is None else length_in_words(length)
    years = np.nan if length is None else years_of_period(length)
    if discount is None:
        return name, np.nan, np.nan
    rate = discount_a_year(discount)
    if name is None:
        raise RetentionError(
            "discount is a rate a year: say how long a period is, such as length='year'."
        )
    return name, rate, float((1 + rate) ** -years)


def _winning_asked(acquired: Any, win_rate: Any, market: Any, periods: int) -> _Winning:
    if market is not None and not (is_amount(market) and market > 0):
        raise RetentionError(f"market is how many customers it has, above 0; got {market!r}.")
    size = np.nan if market is None else float(market)
    if (acquired is None) == (win_rate is None):
        raise RetentionError(
            "Say how customers are won, in one of two ways: acquired=100 a period, or "
            "win_rate=0.02 of the others in the market, with market=."
        )
    if win_rate is not None:
        if not (is_amount(win_rate) and 0 <= win_rate <= 1):
            raise RetentionError(f"win_rate is a share, 0 to 1; got {win_rate!r}.")
        if market is None:
            raise RetentionError("win_rate is a share of the market's others: say market=, too.")
        return _Winning(np.full(periods, np.nan), float(win_rate), size)
    won = np.asarray(acquired if not is_amount(acquired) else [acquired] * periods, dtype=object)
    if won.shape != (periods,) or not all(is_amount(n) and n >= 0 for n in won):
        raise RetentionError(
            f"acquired is how many customers are won a period, 0 or more: one number, or "
            f"{periods:,} of them, one for each; got {acquired!r}."
        )
    return _Winning(won.astype(np.float64), 0.0, size)


def _read_base(base: object) -> tuple[Floats, Floats]:
    """The tenures of today's customers, ascending, and how many have each."""
    frame = require(base, BASE, alone=True)
    lacks = count(nw.col("tenure").is_null() | nw.col("n_customers").is_null())
    below = count((nw.col("tenure") < 0) | (nw.col("n_customers") < 0))
    odd = frame.with_columns(_lacks=lacks, _below=below)
    wrong = one_row(odd.select(nw.col("_lacks", "_below").sum()))
    if wrong["_lacks"]:
        raise ContentError("base: a tenure or a number of customers is missing.")
    if wrong["_below"]:
        raise ContentError("base: a tenure or a number of customers is below 0.")
    grouped = frame.group_by("tenure").agg(nw.col("n_customers").sum())
    found = collect(grouped)
    order = np.argsort(found["tenure"])
    tenure, people = (found[n].astype(np.float64)[order] for n in ("tenure", "n_customers"))
    if not np.isfinite(people).all():
        raise ContentError("base: a number of customers is infinite or missing.")
    return tenure, people


def _flow_of_customers(
    model: RenewalModel | float, tenure: Floats, people: Floats, winning: _Winning, periods: int
) -> _Flow:
    later = np.arange(1.0, periods + 1)[:, None]
    old = people * _kept_customers(model, tenure, later)
    kept = _kept_customers(model, np.zeros(periods), np.arange(float(periods)))
    won = winning.acquired.copy()
    if np.isnan(won).any():
        before = np.append(people.sum(), old.sum(axis=1))
        for t in range(periods):
            here = before[t] + won[:t] @ kept[:t][::-1]
            won[t] = winning.rate * max(winning.market - here, 0.0)
    flow = _Flow(old, won, kept)
    above = np.flatnonzero(flow.total > winning.market * (1 + 1e-9))
    if above.size:
        raise ContentError(
            f"market: its {winning.market:,.0f} customers are fewer than our own "
            f"{flow.total[above[0]]:,.0f} in period {above[0] + 1:,}."
        )
    return flow


def _profits(flow: _Flow, worth: Profit, tenure: Floats, costs: Sequence[float | None]) -> Floats:
    """What all customers bring in each period, less the costs that are given."""
    steps = np.arange(1, flow.acquired.size + 1)
    of_new = worth.of_ages((), steps)
    ages = tenure.astype(np.int64) + steps[:, None] + 1
    of_old = worth.of_ages((), ages)
    unknown = [*ages[np.isnan(of_old) & (flow.old > 0)], *steps[np.isnan(of_new)]]
    if unknown:
        raise unknown_profit_error(int(min(unknown)), 0)
    old = np.where(flow.old > 0, flow.old * of_old, 0.0).sum(axis=1)
    new = np.convolve(flow.acquired, flow.kept * of_new)[: steps.size]
    return np.asarray(old + new - _sum_of_costs(flow, costs))


def _sum_of_costs(flow: _Flow, costs: Sequence[float | None]) -> Floats:
    winning, serving = (cost or 0.0 for cost in costs)
    return winning * flow.acquired + serving * flow.total


def _costs_per_customer(flow: _Flow, costs: Sequence[float | None]) -> Floats:
    if costs == [None, None]:
        return np.full(flow.total.size, np.nan)
    return intervals.ratio(_sum_of_costs(flow, costs), flow.total)


def _steady_state(model: RenewalModel | float, winning: _Winning) -> tuple[float, str | None]:
    """How many there are in the end, or why that cannot be said."""
    stay, why = _expected_stay(model)
    if model == 1 and winning.rate > 0:
        return winning.market, None  # nobody leaves, and in the end everybody is won
    if why is not None:
        return np.nan, why
    if np.isnan(winning.acquired).any():
        odds = winning.rate * stay
        return winning.market * odds / (1 + odds), None
    if (winning.acquired != winning.acquired[0]).any():
        return np.nan, "not as many are won in each period"
    return float(winning.acquired[0]) * stay, None


def _expected_stay(model: RenewalModel | float) -> tuple[float, str | None]:
    """Σ S(j): how many periods a new customer begins on average."""
    if isinstance(model, float):
        return (1 / (1 - model), None) if model < 1 else (np.nan, "nobody ever leaves")
    if not isinstance(model, BetaGeometricModel):
        return np.nan, "the expected stay in a beta-discrete-Weibull model has no formula"
    a, b = model.parameters
    if a <= 1:
        return np.nan, f"the expected stay has no end where a is 1 or less; it is {a:.3g}"
    return (a + b - 1) / (a - 1), None
