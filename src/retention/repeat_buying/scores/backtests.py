"""Would a purchase model have known who falls silent: the backtest of survival, asked that way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import in_kind_of
from retention.periods import whole_days
from retention.repeat_buying.buying.purchase_model import (
    check_purchase_model,
    refuse_covariates,
)
from retention.repeat_buying.summary.purchase_summary import purchase_counts
from retention.spells.spell_rows import columns_of_spells
from retention.survival.scores.backtesting import backtest
from retention.tables import PURCHASE_SUMMARY, require
from retention.tables.answer_columns import answer_of, gives

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT

    from retention.repeat_buying.buying.purchase_model import PurchaseModel


@gives("cut", answer_of(backtest).columns)
def backtest_purchases(
    transactions: IntoFrameT,
    *,
    fit: Callable[[Any], PurchaseModel],
    cuts: date | str | Sequence[date | str],
    within: int,
    observed_from: date | str | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Whether a purchase model would have known who falls silent: fitted on a day, scored after it.

    For each cut the model is fitted on all customers as they were known on it; those who had bought
    in the `within` days up to the cut are given P(no purchase in the next `within` days), and who
    bought nothing then scores it. Customers who had been silent for longer are fitted on but not
    scored: that they stay silent is easy to say, and nobody needs to be told.

    It is `backtest` on one spell a customer that runs while they bought within so many days.

    Args:
        transactions: a table from `as_transactions`.
        fit: `fit_pareto_nbd`, `fit_mbg_nbd` or `fit_bg_nbd`, or any function from a table of
            `purchase_summary` in days to such a model.
        cuts: the days, in any order. The log must reach to the last one + `within`.
        within: days without a purchase.
        observed_from: customers with a purchase before this day are left out, since they were not
            new; see `purchase_summary`.
        level: confidence of the bounds.

    Returns:
        One row per cut, in the caller's kind, as of `backtest`: `n_fitted` are customers known,
        `n_running` those scored, `n_churned` those of them who bought nothing, `horizon` is
        `within`; `predicted_churn` and `observed_churn` with bounds, `concordance`, `auc`,
        `brier_score`, `brier_reference`, `skill`, `top_lift` and others.

    Raises:
        RetentionError: if `within` is no whole number of days above 0, or `fit` gives no model of
            purchases.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the last cut + `within` lies after the last observed day, or nobody was
            there.

    Example:
        >>> import retention as rt
        >>> orders = rt.sample_company(1_000, seed=1).orders
        >>> scores = rt.repeat_buying.backtest_purchases(
        ...     orders, fit=rt.repeat_buying.fit_mbg_nbd, cuts=["2023-12-31"], within=90
        ... )
        >>> bool(scores["auc"][0] > 0.6)
        True

    Source:
        As `backtest`.
    """
    ahead = whole_days(within, argument="within", least=1)
    start = (
        None if observed_from is None else periods.as_day(observed_from, argument="observed_from")
    )
    return backtest(
        transactions,
        fit=partial(_chances_by_model, fit),
        build=partial(_spells_with_summary, ahead, start),
        cuts=cuts,
        horizon=ahead,
        level=level,
    )


def _chances_by_model(
    fit: Callable[[Any], PurchaseModel], spells: Any
) -> Callable[[pd.DataFrame, float], Any]:
    """What gives each running spell its chance of falling silent."""
    model = fit(spells)
    check_purchase_model(model)
    refuse_covariates(model)
    return _Chances(model, model.status)


@dataclass(frozen=True, slots=True)
class _Chances:
    """A model of purchases as a function of running spells, with its own word of how it went."""

    model: PurchaseModel
    status: str

    def __call__(self, running: pd.DataFrame, horizon: float) -> Any:
        return self.model.p_no_purchase(running, within=horizon)["p_no_purchase"]


def _spells_with_summary(
    within: int, observed_from: date | None, transactions: Any, day: date
) -> Any:
    """One spell a customer, ended if they bought nothing for `within` days, and their summary."""
    summary = purchase_counts(transactions, as_of=day, observed_from=observed_from)
    frame = require(summary, PURCHASE_SUMMARY, adds="none")
    last = periods.number_of(day)
    age = nw.col("T").cast(nw.Int64)
    rows = frame.with_columns(
        spell=nw.lit(1, nw.Int64),
        churned=(nw.col("T") - nw.col("t_x")) >= within,
        _start=last - age,
        _end=last - age + age,
        _entry=age * 0,
    )
    spells = columns_of_spells(
        rows, reactivation="new_spell", reasons={}, extra=("x", "t_x", "T", "unit")
    )
    return in_kind_of(spells, transactions, order=["customer_id"])
