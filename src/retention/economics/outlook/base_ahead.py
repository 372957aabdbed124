"""Present customers and those to be won, period by period: sums of what is expected of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals, periods
from retention.economics.outlook.purchases_ahead import (
    Ahead,
    chance_of_staying,
    legendre_places,
    purchases_ahead,
)
from retention.errors import RetentionError, whole_number
from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from retention.repeat_buying.buying.purchase_model import (
    check_purchase_model,
    refuse_covariates,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from numpy.typing import NDArray

    from retention.repeat_buying.buying.purchase_model import PurchaseModel
    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]

_MOST = 1_000
_STEP = 1e-4  # in the log of a parameter
_WON = 4  # moments of a period at which customers are taken to be won


@dataclass(frozen=True, slots=True)
class Window:
    """The periods to come.

    Attributes:
        steps: their numbers.
        edges: days from the last observed one to the end of each, that of the one before the first.
        freq: their length.
        acquired: how many customers are won in each.
    """

    steps: NDArray[np.int64]
    edges: Floats
    freq: str
    acquired: Floats

    @property
    def days(self) -> NDArray[np.datetime64]:
        """The first day of each."""
        return periods.first_days(self.steps, self.freq)

    def winning(self, acquired: Floats) -> Window:
        """The same periods, in which so many are won."""
        return replace(self, acquired=acquired)


@dataclass(frozen=True, slots=True)
class Foretold:
    """What is expected of one segment, period by period.

    Attributes:
        old: of today's customers.
        new: of those to be won.
        variance: of both together, NaN where it is not known.
        beyond: what those bring of whom the model says nothing, if all of them stay.
        why: why there are no bounds; None if there are.
        unbounded: why there are none in a period whose variance is not known.
    """

    old: Floats
    new: Floats
    variance: Floats
    beyond: Floats
    why: str | None
    unbounded: str = ""

    def total(self) -> Floats:
        """Of all, NaN where the model says nothing of some."""
        return np.where(self.beyond > 0, np.nan, self.old + self.new)


def window_ahead(as_of: date | str, freq: periods.Freq, n: object) -> Window:
    """The next periods after the last observed day.

    Raises:
        RetentionError: if the day is not the last one of a period, or a number is out of bounds.
    """
    periods.check_freq(freq)
    last = periods.as_day(as_of, argument="as_of")
    many = whole_number("periods", n, least=1, of="periods", most=_MOST)
    first = periods.step_of(last, freq) + 1
    steps = np.arange(first, first + many, dtype=np.int64)
    opens = np.asarray(periods.first_day_number(np.append(steps, first + many), freq))
    edges = (opens - 1 - periods.number_of(last)).astype(np.float64)
    if edges[0] != 0:
        end = periods.day_of(int(opens[0]) - 1)
        raise RetentionError(
            f"as_of is {last}, within a {freq} that ends on {end}: who is won in the rest of it is "
            f"in no forecast. Say as_of='{end}', the last day of an earlier {freq}, or another "
            "freq."
        )
    return Window(steps, edges, str(freq), np.zeros(many))


def ahead_of_present(
    model: PurchaseModel, theta: Floats, on: Histories, window: Window, unit: int
) -> Iterable[Ahead]:
    """What is expected of the customers of each history, period by period."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        alive = np.exp(-np.logaddexp(0.0, -model.log_odds_alive(theta, on)))
    for start, end in zip(window.edges[:-1] / unit, window.edges[1:] / unit, strict=True):
        times = (np.array([start]), np.array([end]))
        yield purchases_ahead(model, theta, (on.x, on.T), times).weighed(alive)


def ahead_of_won(
    model: PurchaseModel, theta: Floats, window: Window, unit: int
) -> tuple[Floats, Ahead]:
    """What is expected of those to be won, by the period that wins them and a later one.

    They are won evenly over a period, and the purchase that wins them counts.

    Returns:
        How many customers each row stands for, periods × periods × moments; and what is expected of
        one, of the same shape. Rows of periods before they are won stand for nobody.
    """
    edges, n = window.edges / unit, window.steps.size
    at, weight = legendre_places(_WON)
    won = edges[:-1, None] + np.diff(edges)[:, None] * at
    start = np.maximum(edges[None, :-1, None] - won[:, None, :], 0.0)
    end = np.maximum(edges[None, 1:, None] - won[:, None, :], 0.0)
    none = np.zeros(1)
    found = purchases_ahead(model, theta, (none, none), (start.ravel(), end.ravel()))
    found = found.weighed(chance_of_staying(model, theta))
    active, mean, pairs = (v.reshape(start.shape) for v in (found.active, found.mean, found.pairs))
    at_once = np.eye(n)[:, :, None]
    later = np.triu(np.ones((n, n)))[:, :, None]
    # With the purchase that wins them N = 1 + M, and N (N − 1) = M (M − 1) + 2 M.
    ahead = Ahead(np.where(at_once > 0, 1.0, active), mean + at_once, pairs + 2 * at_once * mean)
    return window.acquired[:, None, None] * weight * later, ahead


def variance_of_model(
    theta: Floats, covariance: Floats, total: Callable[[Floats], Floats]
) -> Floats:
    """The variance of totals that comes from the parameters: delta method on their logs."""
    moves = np.exp(_STEP * np.eye(theta.size))
    slope = np.array([(total(theta * m) - total(theta / m)) / (2 * _STEP) for m in moves])
    return np.asarray(np.maximum(((covariance @ slope) * slope).sum(axis=0), 0.0))


def bounds_of_totals(found: Foretold, level: float) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Bounds of totals, the lower at least 0, and how they were made or why there are none.

    Those of whom the model says nothing are counted from none to all.
    """
    total = found.old + found.new
    half = intervals.quantile_of(level) * np.sqrt(found.variance)
    known = np.isfinite(half) & (found.why is None)
    method = np.full(total.size, "customers and model", dtype=object)
    method[found.beyond > 0] = "customers and model; those beyond it from none to all"
    method[~known] = f"none: {found.why or found.unbounded}"
    lower = np.where(known, np.maximum(total - half, 0.0), np.nan)
    return lower, np.where(known, total + found.beyond + half, np.nan), method


def check_model_ahead(model: PurchaseModel) -> None:
    """Refuse what is no model of purchases in days or weeks.

    Raises:
        RetentionError: with what to give instead.
    """
    check_purchase_model(model)
    refuse_covariates(model)
    if not isinstance(model, ParetoNbdModel | BgNbdModel | MbgNbdModel):
        raise RetentionError(
            f"model: {type(model).__name__} knows opportunities and no days, so it says nothing of "
            "a month or a quarter. Fit fit_pareto_nbd, fit_bg_nbd or fit_mbg_nbd, or ask it for "
            "expected_purchases."
        )


def why_unbounded(*models: Any) -> str | None:
    """Why the parameters of models have no errors, None if they have."""
    for model in models:
        if model.status != "converged":
            return " ".join(model.notes) or f"the model is {model.status}"
    return None
