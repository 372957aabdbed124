"""What sales each of the next periods brings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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
from retention.economics.outlook.spells_ahead import (
    NOBODY,
    OPEN,
    Amounts,
    is_of_spells,
    open_spells,
    read_staying,
    stays_ahead,
)
from retention.economics.value.payments import is_amount
from retention.errors import ContentError, RetentionError, count_of
from retention.frames import table_like
from retention.numerics.codes import long_table
from retention.repeat_buying.buying.purchase_model import PurchaseModel, refuse_another_unit
from retention.repeat_buying.scores.tracking import days_of_unit
from retention.repeat_buying.summary.purchase_histories import read_customers
from retention.repeat_buying.value.spend import GammaGammaModel
from retention.tables import PURCHASE_SUMMARY, segments
from retention.tables.answer_columns import (
    amounts,
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

    from retention.economics.outlook.purchases_ahead import Ahead
    from retention.economics.outlook.spells_ahead import OpenSpells
    from retention.frames import Columns
    from retention.numerics.codes import Key
    from retention.periods import Freq
    from retention.repeat_buying.summary.purchase_histories import Customers
    from retention.survival.aft.model import AftModel

    Floats = NDArray[np.float64]

_UNBOUNDED = "the spread of sales has no bound"


@gives(
    "a period (and segment)",
    times("period"),
    whole_numbers("step"),
    numbers("n_purchases", unit="purchases"),
    amounts("sales_old", "sales_new", "sales_beyond", "sales", "lower", "upper"),
    texts("bounds"),
    constants(texts("freq")),
)
def expected_sales(  # noqa: PLR0913 - who, when, by what, and what is assumed of the rest
    customers: IntoFrameT,
    *,
    model: PurchaseModel | AftModel | IntoFrameT,
    spend: GammaGammaModel | float | str,
    as_of: date | str,
    freq: Freq,
    periods: int,
    acquired: Any,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """What sales to expect in each of the next periods, of the customers there are and those won.

    From orders, with E[N_i(j)] the purchases that customer i is expected to make in period j, gone
    or not, and m_i what they are expected to spend at one,

        sales(j) = Σ_i m_i E[N_i(j)]  +  the same of those to be won, whose first purchase counts,

    each won evenly over the period. Purchases are days with one, as in x.

    From contracts, with r_i what customer i pays a month, m the months a period has and p_i(j) the
    chance of being under contract as it closes (`expected_customers` says how that is found),

        sales(j) = m (Σ_i r_i p_i(j)  +  the same of those to be won),

    the amount at which the period closes, were it to last as long: next month's MRR, if it is a
    month. Nobody is taken to pay more or less than now.

    The bounds are those of what will be sold, by the normal distribution. They contain the chance
    of each customer (how often or whether, and of orders how much they spend), and the errors of
    the fits; not that a model is wrong, that times change (no model here knows a season), or that
    more or fewer are won than you say. With one amount for `spend` sales of orders vary by the
    number of purchases alone, and the bounds are too narrow.

    Args:
        customers: of orders, a table of `purchase_summary(..., as_of=as_of)` of grain "day"; of
            contracts, one of `contract_spells(..., as_of=as_of)`.
        model: of orders from `fit_pareto_nbd`, `fit_mbg_nbd` or `fit_bg_nbd`; of contracts a table
            of `survival_curve`, or a model of `fit_aft` without covariates.
        spend: of orders from `fit_gamma_gamma`, or one amount that everybody spends at a purchase;
            of contracts the column of what each pays a month (such as one that `contract_spells`
            was told to keep), or one amount (currency).
        as_of: the last observed day; it must be the last one of a period.
        freq: length of a period.
        periods: how many to look ahead.
        acquired: customers won in each period: a number, or one for each. 0: of those there are. Or
            a table of `acquired`, with the columns of `by`, with `period` where it changes; and
            with `spend`, what each of them pays a month, where that is a column of contracts.
        by: segment columns of the customers, as in `expected_customers`.
        level: confidence of the bounds.

    Returns:
        One row per period, in the caller's kind: the `by` columns, `period` (its first day),
        `step`, `n_purchases` (expected, of all; null of contracts), `sales_old` (of today's
        customers whom the model reaches), `sales_new` (of those to be won, likewise),
        `sales_beyond` (of both, whom it does not reach, if all stay), `sales` (null where there are
        such), `lower`, `upper` (currency), `bounds` ("customers and model", whether some are beyond
        it, or why there are none), `freq`.

    Raises:
        RetentionError: if a model is none of these, `as_of` is not the last day of a period, a
            number is out of bounds, or it is not said of which segment customers are won or what
            they pay.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the summary is empty, a history cannot be, customers have no expected
            spend, spells were made as of another day, or a segment has no curve.

    Example:
        Nobody seems to leave: x + r purchases in α + T days, 29 days long, at 20 each; who is won
        makes the first one at once.

        >>> import pandas as pd
        >>> import retention as rt
        >>> today = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": 10.0, "unit": "day"})
        >>> today["customer_id"] = ["Ann", "Bob", "Cem"]
        >>> model = rt.repeat_buying.fit_bg_nbd(today)
        >>> ahead = rt.economics.expected_sales(
        ...     today, model=model, spend=20, as_of="2024-01-31", freq="month", periods=1,
        ...     acquired=2,
        ... )
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{20 * (8 + 3 * r) / (alpha + 10) * 29:.0f} {ahead['sales_old'][0]:.0f}")
        464 464
        >>> print(f"{2 * 20 * (1 + r / alpha * 14.5):.0f} {ahead['sales_new'][0]:.0f}")
        195 195

        Of two contracts that go on, of 10 and 30 a month, each goes on for another month with the
        chance ½, whatever its age: that is the formula.

        >>> spells = pd.DataFrame({
        ...     "start": pd.to_datetime(["2023-11-01", "2023-12-02"]), "duration": [91, 60],
        ...     "churned": [False, False], "fee": [10.0, 30.0],
        ... })
        >>> months = pd.DataFrame({"duration": [30] * 2, "churned": [True, False]})
        >>> model = rt.survival.fit_aft(months, distribution="exponential")
        >>> ahead = rt.economics.expected_sales(
        ...     spells, model=model, spend="fee", as_of="2024-01-31", freq="month", periods=1,
        ...     acquired=0,
        ... )
        >>> print(f"{40 * 2.718281828 ** -(30 / 60):.4f} {ahead['sales'][0]:.4f}")
        24.2612 24.2612

    Source:
        Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42(4), 415–430, for
        purchases times spend; the variance is that of a sum of independent customers.
    """
    intervals.quantile_of(level)
    window = window_ahead(as_of, freq, periods)
    if is_of_spells(model):
        names = segments(by, OPEN)
        won = customers_won(acquired, window, names)
        parts = _fees_ahead(customers, model, spend, window, (as_of, won, names))
        none = np.full(window.steps.size, np.nan)
        told = [(key, found, none) for key, found in parts]
    else:
        check_model_ahead(model)  # type: ignore[arg-type]
        names = segments(by, PURCHASE_SUMMARY)
        won = customers_won(acquired, window, names)
        told = [
            (key, *_purchases_of(rows, model, spend, window.winning(won.of_segment(key)[0])))
            for key, rows in parts_by_segment(customers, PURCHASE_SUMMARY, names, won)
        ]
    made = [(key, _columns_of_sales(found, n, window, level)) for key, found, n in told]
    return table_like(long_table(made, names), customers)


def _columns_of_sales(found: Foretold, bought: Floats, window: Window, level: float) -> Columns:
    lower, upper, bounds = bounds_of_totals(found, level)
    return {
        "period": window.days,
        "step": window.steps,
        "n_purchases": bought,
        "sales_old": found.old,
        "sales_new": found.new,
        "sales_beyond": found.beyond,
        "sales": found.total(),
        "lower": lower,
        "upper": upper,
        "bounds": bounds,
        "freq": np.full(found.old.size, window.freq, dtype=object),
    }


def _fees_ahead(
    customers: object,
    model: Any,
    spend: object,
    window: Window,
    asked: tuple[Any, CustomersWon, list[str]],
) -> list[tuple[Key, Foretold]]:
    """What those under contract pay, by how long spells last, segment by segment."""
    as_of, won, names = asked
    fee = _fee_asked(spend)
    staying = read_staying(model, names)
    there = open_spells(customers, calendar.as_day(as_of, argument="as_of"), names, fee)
    parts = []
    for key in segments_of(there, won):
        spells, (acquired, paid) = there.get(key, NOBODY), won.of_segment(key)
        here = window.winning(acquired)
        parts.append((key, stays_ahead(staying(key), spells, here, _fees(spells, here, fee, paid))))
    return parts


def _fee_asked(spend: object) -> str | float:
    if isinstance(spend, str) or (is_amount(spend) and spend >= 0):
        return spend
    raise RetentionError(
        "spend of contracts is the column of what each pays a month, or one amount of 0 or more; "
        f"got {spend!r}."
    )


def _fees(spells: OpenSpells, window: Window, fee: str | float, paid: Floats) -> Amounts:
    """What is paid a period: by those there are, and by each who is won."""
    if isinstance(fee, str):
        if (np.isnan(paid) & (window.acquired > 0)).any():
            raise RetentionError(
                "acquired says how many are won, but not what they pay: give a table of 'acquired' "
                "and 'spend' (a month), or 0."
            )
        each = np.where(window.acquired > 0, paid, 0.0)
    else:
        each = np.where(np.isnan(paid), fee, paid)
    m = calendar.amount_months(window.freq)
    return Amounts(m * spells.paid, m**2 * spells.squares, m * each)


def _purchases_of(
    customers: object, model: Any, spend: object, window: Window
) -> tuple[Foretold, Floats]:
    """Sales by a model of purchases and one of spend, and how many purchases they are of."""
    amount = _Spend.of_asked(spend)
    there = read_customers(customers, spend=amount.model is not None)
    refuse_another_unit(model, there.histories.unit)
    amount.refuse_unknown(there)
    unit = days_of_unit(model)
    ask = partial(_sums_of_sales, model, amount, there, window, unit)
    old, new, bought, chance = ask(model.theta, amount.theta)
    why = why_unbounded(model, *([] if amount.model is None else [amount.model]))
    unsure = np.full(old.size, np.nan) if why else _variance_of_both(model, amount, ask)
    none = np.zeros(old.size)
    return Foretold(old, new, chance + unsure, none, why, _UNBOUNDED), bought


@dataclass(frozen=True, slots=True)
class _Spend:
    """What is spent at a purchase: by a model, or one amount.

    Attributes:
        model: the model; None for one amount.
        theta: its parameters; the amount.
    """

    model: GammaGammaModel | None
    theta: Floats

    @classmethod
    def of_asked(cls, spend: object) -> _Spend:
        if isinstance(spend, GammaGammaModel):
            return cls(spend, spend.theta)
        if not (is_amount(spend) and spend >= 0):
            raise RetentionError(
                "spend must come from fit_gamma_gamma, or be one amount of 0 or more that is spent "
                f"at a purchase; got {spend!r}."
            )
        return cls(None, np.array([float(spend)]))

    def refuse_unknown(self, customers: Customers) -> None:
        """Refuse customers of whom no spend can be expected."""
        if self.model is None:
            return
        x, own = customers.histories.x[customers.place], customers.mean_sales
        mean = self.moments(self.theta, x, own)[0]
        if n := int((~np.isfinite(mean)).sum()):
            raise ContentError(
                f"summary: {count_of(n, 'customer has', 'customers have')} no expected spend: "
                "see the `reason` of spend.expected_spend(summary), and leave them out."
            )

    def moments(self, theta: Floats, x: Floats, mean_sales: Any) -> tuple[Floats, Floats, Floats]:
        """E[Z], E[Z²] and E[Z Z'] of two purchases of one customer, of each; infinite if unbounded.

        With Z gamma(p, ν) and ν gamma(Q, V), Q = q + p x and V = v + x m.
        """
        if self.model is None:
            one = np.full(x.shape, theta[0])
            return one, one**2, one**2
        p, q, v = theta
        own = np.where(x > 0, x * np.asarray(mean_sales, np.float64), 0.0)
        shape, scale = q + p * x, v + own
        scale = np.where(own >= 0, scale, np.nan)
        mean = np.where(shape > 1, p * scale / np.where(shape > 1, shape - 1, 1.0), np.nan)
        bounded = shape > 2
        square = scale**2 / np.where(bounded, (shape - 1) * (shape - 2), 1.0)
        square = np.where(bounded, square, np.inf)
        return mean, p * (p + 1) * square, p**2 * square


def _sums_of_sales(
    model: PurchaseModel,
    spend: _Spend,
    customers: Customers,
    window: Window,
    unit: int,
    theta: Floats,
    of_spend: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Sales of the present and of those won, purchases of both, and the variance of sales."""
    on, place = customers.histories, customers.place
    each = spend.moments(of_spend, on.x[place], customers.mean_sales)
    squared = each[0] ** 2
    by_history = [np.bincount(place, value, on.x.size) for value in (*each, squared)]
    won = [value[0] for value in spend.moments(of_spend, np.zeros(1), np.zeros(1))]
    old, bought, spread = [], [], []
    for ahead in ahead_of_present(model, theta, on, window, unit):
        old.append(by_history[0] @ ahead.mean)
        bought.append(on.n @ ahead.mean)
        spread.append(_variance_of_sales(ahead, by_history).sum())
    n, fresh = ahead_of_won(model, theta, window, unit)
    new = (n * fresh.mean * won[0]).sum(axis=(0, 2))
    spread_of_won = np.broadcast_to(_variance_of_sales(fresh, [*won, won[0] ** 2]), n.shape)
    varied = (n * np.where(n > 0, spread_of_won, 0.0)).sum(axis=(0, 2))
    purchases = np.array(bought) + (n * fresh.mean).sum(axis=(0, 2))
    return np.array(old), new, purchases, np.array(spread) + varied


def _variance_of_sales(ahead: Ahead, money: Any) -> Floats:
    """E[N] E[Z²] + E[N (N − 1)] E[Z Z'] − E[N]² E[Z]², E[Z]² the last of the moments."""
    _, square, both, squared = money
    with np.errstate(invalid="ignore"):
        found = ahead.mean * square + ahead.pairs * both - ahead.mean**2 * squared
    return np.asarray(np.nan_to_num(found, nan=0.0, posinf=np.inf))


def _variance_of_both(model: PurchaseModel, spend: _Spend, ask: Any) -> Floats:
    """The variance that comes from the parameters of purchases and of spend."""

    def by_purchases(theta: Floats) -> Floats:
        old, new, _, _ = ask(theta, spend.theta)
        return np.asarray(old + new)

    def by_spend(theta: Floats) -> Floats:
        old, new, _, _ = ask(model.theta, theta)
        return np.asarray(old + new)

    found = variance_of_model(model.theta, model.covariance_of_logs, by_purchases)
    if spend.model is None:
        return found
    covariance = spend.model.covariance_of_logs
    return found + variance_of_model(spend.theta, covariance, by_spend)
