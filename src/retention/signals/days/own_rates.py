"""Each customer's own rate of buying, and how unlikely a silence is at it: a closed form.

Customers who are here buy by a Poisson process, at rates λ that are Gamma(r, α) among them. Of one
who bought again x times in t_x days and has been silent for s days since, λ is Gamma(r + x,
α + t_x + s), so

    own_rate  = (r + x) / (α + t_x + s),
    p_silence = ((α + t_x) / (α + t_x + s))^(r + x),
    density   = E[λ e^(−λs)] = (r + x) / (α + t_x + s) · p_silence,

where the last two know of the customer what was known at the last purchase. Days are the unit
throughout. Each function takes numbers, arrays or expressions of an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from retention.errors import RetentionError
from retention.periods import DAYS, DAYS_A_MONTH
from retention.repeat_buying.buying.purchase_model import (
    check_purchase_model,
    refuse_covariates,
)

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_Number = TypeVar("_Number", float, "Floats", "nw.Expr")

_HUNDRED = 100.0


class Rates(NamedTuple):
    """How rates of buying differ among customers: Gamma(r, alpha), alpha in days."""

    r: float
    alpha: float


def rates_of_purchases(model: Any) -> Rates:
    """The rates of a fitted model of purchases, whatever unit its ages were in.

    Raises:
        RetentionError: if it is no such model, or its ages are in a unit that is not said.
    """
    check_purchase_model(model)
    refuse_covariates(model)
    r, alpha = (model.parameters[model.names.index(name)] for name in ("r", "alpha"))
    if model.unit is None:
        raise RetentionError(
            "model: nothing says whether its ages are in days or weeks. Fit it on a table of "
            "purchase_summary, which has a column 'unit'."
        )
    return Rates(r, alpha * DAYS[model.unit])


def own_rate(rates: Rates, x: _Number, t_x: _Number, silence: _Number) -> _Number:
    """Purchases a day that may be expected of a customer who is still here."""
    return (x + rates.r) / (t_x + silence + rates.alpha)


def p_silence(rates: Rates, x: _Number, t_x: _Number, silence: _Number) -> _Number:
    """The chance that a customer who is still here is silent for so long."""
    known = t_x + rates.alpha
    chance: _Number = (known / (known + silence)) ** (x + rates.r)
    return chance


def purchase_density(rates: Rates, x: _Number, t_x: _Number, silence: _Number) -> _Number:
    """The density of a purchase on this day of the silence, a day."""
    return own_rate(rates, x, t_x, silence) * p_silence(rates, x, t_x, silence)


def false_alarms_per_month(density: _Number) -> _Number:
    """How many customers of a hundred like this one ring in a month though they are still here.

    A customer who rings once the density falls to c is rung for nothing c times a day.
    """
    return density * (DAYS_A_MONTH * _HUNDRED)


def density_of_budget(false_alarms: float) -> float:
    """The density a day at which a customer rings, for false alarms per 100 customer-months."""
    return false_alarms / (DAYS_A_MONTH * _HUNDRED)


def rings_after(rates: Rates, x: Floats, t_x: Floats, density: float) -> Floats:
    """The days of silence after which the density of a purchase falls to a level; 0 if at once."""
    known = t_x + rates.alpha
    days = known * (((x + rates.r) / (known * density)) ** (1 / (x + rates.r + 1)) - 1)
    return np.maximum(days, 0.0)


def own_window(rates: Rates, x: _Number, t_x: _Number, silence: _Number, miss: float) -> _Number:
    """The days in which a customer who is still here buys, but for a chance of `miss`."""
    known = t_x + silence + rates.alpha
    longer: _Number = (1 / miss) ** (1 / (x + rates.r)) - 1
    return known * longer
