"""What fitted models of repeat buying have in common, and what they say of customers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from retention import intervals
from retention.errors import ContentError, RetentionError, count_of
from retention.frames import collect, table_like
from retention.numerics.frozen import (
    Numbers,
    Status,
    array_of_table,
    frozen_table,
    rows_of_estimates,
)
from retention.printed import Printed, Shown
from retention.repeat_buying.summary.purchase_histories import (
    Histories,
    checked_length,
    read_customers,
)
from retention.tables import require

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import ArrayLike, NDArray

    from retention.frames import Columns
    from retention.numerics.positive_parameters import Found
    from retention.tables import Kind

    Floats = NDArray[np.float64]

_STEP = 1e-4
"""The step in the log of a parameter from which the gradient of a prediction is taken."""


class RepeatBuyingModel(Printed, BaseModel, ABC):
    """A fitted model of repeat buying or renewal: a frozen value, in and out of JSON bit for bit.

    `model.model_dump_json()` writes it; `type(model).model_validate_json(text)` reads it back. What
    another model wrote is refused: its parameters mean something else.

    Attributes:
        model: which one it is, such as "pareto_nbd" (the same for all models of a class).
        names: of the parameters (the same for all models of a class).
        unit: of the ages it was fitted on, "day" or "week"; null where the table did not say.
        parameters: all above 0.
        covariance: of the logs of the parameters, null where it cannot be told.
        n_customers: customers it was fitted on.
        n_histories: different histories among them.
        log_likelihood: at the parameters; null where it cannot be computed.
        status: "converged"; "boundary" (a parameter runs to 0 or to infinity: nobody seems to
            leave, or customers hardly differ) or "flat" (the data do not tell the parameters).
        notes: the reason in words where the status is not "converged", and what of the data
            deserves a look: a table without one-time buyers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    names: ClassVar[tuple[str, ...]]

    model: str
    unit: str | None
    parameters: tuple[float, ...]
    covariance: tuple[Numbers, ...]
    n_customers: int
    n_histories: int
    log_likelihood: float | None
    status: Status
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_its_parameters(self) -> Self:
        size = len(self.names)
        if len(self.parameters) != size or not all(value > 0 for value in self.parameters):
            raise ContentError(
                f"parameters of {self.model} are {', '.join(self.names)}, all above 0; "
                f"got {self.parameters}."
            )
        if [len(row) for row in self.covariance] != [size] * size:
            raise ContentError(f"covariance of {self.model} must have {size} rows of {size}.")
        return self

    def _shown(self) -> Shown:
        told = (self._told_of_form(), *self.notes)
        return Shown(
            head=f"{type(self).__name__} of {self._counted_customers()}: {self.status}",
            rows=rows_of_estimates(self.coefficients()),
            notes=tuple(filter(None, told)),
            then=self._calls_to_make(),
            whole="model.coefficients()",
        )

    def _counted_customers(self) -> str:
        """On how many it was fitted."""
        return count_of(self.n_customers, "customer")

    def _told_of_form(self) -> str:
        """What the parameters say of a mean customer, in a few words."""
        return ""

    @abstractmethod
    def _calls_to_make(self) -> tuple[str, ...]:
        """What a model like this is asked next."""

    @property
    def theta(self) -> Floats:
        """The parameters as an array."""
        return np.array(self.parameters, np.float64)

    @property
    def covariance_of_logs(self) -> Floats:
        """The covariance as an array, NaN where it cannot be told."""
        return array_of_table(self.covariance, len(self.parameters))

    def coefficients(self, *, level: float = 0.95) -> pd.DataFrame:
        """The parameters as a pandas table.

        Args:
            level: confidence of the bounds, which are symmetric in the log: always above 0.

        Returns:
            One row a parameter: `parameter` (its name), `estimate`, `standard_error` (delta method,
            on the natural scale), `lower`, `upper`; all but the estimate null where the status is
            not "converged".
        """
        import pandas as pd

        z = intervals.quantile_of(level)
        error = np.sqrt(np.diagonal(self.covariance_of_logs))
        with np.errstate(over="ignore"):
            lower, upper = self.theta * np.exp(-z * error), self.theta * np.exp(z * error)
        return pd.DataFrame(
            {
                "parameter": np.array(self.names, dtype=object),
                "estimate": self.theta,
                "standard_error": self.theta * error,
                "lower": lower,
                "upper": np.where(np.isfinite(upper), upper, np.nan),
            }
        )


def fields_of_model(found: Found, n: NDArray[np.int64], unit: str | None) -> dict[str, Any]:
    """What `fit_logs` found, as the fields of a model.

    Args:
        found: the fit.
        n: how many customers have each of the different histories.
        unit: of the ages.
    """
    return {
        "unit": unit,
        "parameters": tuple(found.parameters.tolist()),
        "covariance": frozen_table(found.covariance),
        "n_customers": int(n.sum()),
        "n_histories": int(n.size),
        "log_likelihood": found.log_likelihood if np.isfinite(found.log_likelihood) else None,
        "status": found.status,
        "notes": found.notes,
    }


class PurchaseModel(RepeatBuyingModel):
    """A model of customers who buy while they are customers and leave without a word.

    What it says of a customer follows from x, t_x and T alone, so each prediction is made once for
    each different history. Bounds are those of the estimate (delta method on the logs of the
    parameters); what a customer does is chance beyond them.
    """

    def _told_of_form(self) -> str:
        return f"ages and `within` count {self.unit}s" if self.unit else ""

    def _calls_to_make(self) -> tuple[str, ...]:
        within = {"day": 90, "week": 13}.get(self.unit or "", 10)
        asked = f"(summary, within={within})"
        return (f"model.p_no_purchase{asked}", f"model.expected_purchases{asked}")

    def p_no_purchase(
        self, summary: IntoFrameT, *, within: float, level: float = 0.95
    ) -> IntoFrameT:
        """The chance that a customer buys nothing in some time from now: the churn score to use.

        P₀ = 1 − P(alive) · P(a purchase within that time, if alive). A customer may be gone or just
        slow; this counts both, as a holdout does, so it can be checked against what happens.

        Args:
            summary: a table of `purchase_summary`, in the unit that the model was fitted on.
            within: the time from now, in that unit.
            level: confidence of the bounds.

        Returns:
            One row per customer, in the caller's kind and the customers' order: `customer_id`,
            `within`, `p_no_purchase`, `lower`, `upper` (on the scale of log-odds, so within 0 to 1;
            null where the model's status is not "converged").

        Raises:
            RetentionError: if `within` is not one length of time, or the summary's unit is another.
            ColumnError: if a column is missing or of the wrong type.
            ContentError: if a history cannot be.

        Example:
            Nobody seems to leave, so it is ((α + T)/(α + T + t))^(r + x) alone.

            >>> import pandas as pd
            >>> import retention as rt
            >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3})
            >>> summary["customer_id"] = [1, 2, 3]
            >>> model = rt.repeat_buying.fit_bg_nbd(summary)
            >>> r, alpha, a, b = model.parameters
            >>> print(f"{((alpha + 10) / (alpha + 15)) ** (r + 2):.4f}")
            0.3905
            >>> model.p_no_purchase(summary, within=5)["p_no_purchase"].round(4).tolist()
            [0.7147, 0.3905, 0.1165]

        Source:
            Fader, Hardie and Lee (2005) and Fader and Hardie (2005), as the fits, for P(alive); the
            rest is the chance of no event of a Poisson process with a Gamma rate.
        """
        asked = checked_length(within)

        def log_odds(theta: Floats, on: Histories) -> Floats:
            some = self._log_chance_of_purchase(theta, on, asked)
            return _log_of_complement(some) - some

        return self._table_of_values(
            summary, "p_no_purchase", log_odds, _chance_from_log_odds, level, asked
        )

    def expected_purchases(
        self, summary: IntoFrameT, *, within: float, level: float = 0.95
    ) -> IntoFrameT:
        """How often a customer may be expected to buy in some time from now.

        P(alive) · E[purchases within that time, if alive]: those who may be gone are counted as
        such. Purchases are days with one, as in x.

        Args:
            summary: a table of `purchase_summary`, in the unit that the model was fitted on.
            within: the time from now, in that unit.
            level: confidence of the bounds.

        Returns:
            One row per customer, in the caller's kind and the customers' order: `customer_id`,
            `within`, `expected_purchases`, `lower`, `upper` (on the log scale; null where the
            model's status is not "converged").

        Raises:
            as `p_no_purchase`.

        Example:
            Nobody seems to leave, so it is (r + x)/(α + T) · t.

            >>> import pandas as pd
            >>> import retention as rt
            >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3})
            >>> summary["customer_id"] = [1, 2, 3]
            >>> model = rt.repeat_buying.fit_bg_nbd(summary)
            >>> r, alpha, a, b = model.parameters
            >>> print(f"{(r + 2) / (alpha + 10) * 5:.4f}")
            1.0980
            >>> model.expected_purchases(summary, within=5)["expected_purchases"].round(4).tolist()
            [0.3922, 1.098, 2.5098]

        Source:
            Fader, Hardie and Lee (2005), equation 10; Schmittlein, Morrison and Colombo (1987).
        """
        asked = checked_length(within)

        def log(theta: Floats, on: Histories) -> Floats:
            found = self.log_purchases_if_alive(theta, on, asked)
            return found - np.logaddexp(0.0, -self.log_odds_alive(theta, on))

        return self._table_of_values(summary, "expected_purchases", log, np.exp, level, asked)

    def p_alive(self, summary: IntoFrameT, *, level: float = 0.95) -> IntoFrameT:
        """The chance that a customer has not left for good: secondary, for nobody can check it.

        Whether a customer who is silent has gone is never seen, so no holdout tells how right this
        is, and the models disagree about it: BG/NBD gives everyone who bought once the value 1, as
        in it customers leave right after a repeat purchase only. Use `p_no_purchase` to score.

        Args:
            summary: a table of `purchase_summary`, in the unit that the model was fitted on.
            level: confidence of the bounds.

        Returns:
            One row per customer, in the caller's kind and the customers' order: `customer_id`,
            `p_alive`, `lower`, `upper` (on the scale of log-odds; null where the model's status is
            not "converged").

        Raises:
            as `p_no_purchase`.

        Example:
            Nobody seems to leave.

            >>> import pandas as pd
            >>> import retention as rt
            >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3})
            >>> summary["customer_id"] = [1, 2, 3]
            >>> model = rt.repeat_buying.fit_bg_nbd(summary)
            >>> model.p_alive(summary)["p_alive"].round(4).tolist()
            [1.0, 1.0, 1.0]

        Source:
            Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2008), Computing P(alive) using the
            BG/NBD model; Fader and Hardie (2005) for Pareto/NBD.
        """
        return self._table_of_values(
            summary, "p_alive", self.log_odds_alive, _chance_from_log_odds, level, None
        )

    def expected_cumulative(
        self, times: ArrayLike, ages: ArrayLike, n: ArrayLike | None = None
    ) -> Floats:
        """How many repeat purchases a cohort may be expected to have made by each time.

        Before anyone is looked at: Σ over customers of E[X(t − first purchase)], as a tracking plot
        wants it. Times beyond the last observed day are a forecast.

        Args:
            times: since the first purchase of whoever came first, in the model's unit.
            ages: T of each customer, one value a customer.
            n: how many customers have each age; None for one.

        Returns:
            One number a time.

        Raises:
            RetentionError: if there are not as many `n` as `ages`.
        """
        each_age = np.atleast_1d(np.asarray(ages, np.float64))
        weights = None if n is None else np.atleast_1d(np.asarray(n, np.float64))
        if each_age.ndim > 1 or (weights is not None and weights.shape != each_age.shape):
            raise RetentionError("ages is one row of numbers, and n has one number for each.")
        age, kind = np.unique(each_age, return_inverse=True)
        many = np.bincount(kind, weights=weights)
        at, oldest = np.atleast_1d(np.asarray(times, np.float64)), age.max(initial=0.0)
        since = np.maximum(at[:, None] - (oldest - age), 0.0)
        grain = max(float(since.max(initial=0.0)), 1e-300) * 1e-12  # ages apart by rounding alone
        steps, place = np.unique(np.round(since / grain), return_inverse=True)
        each = self.purchases_of_new(self.theta, steps * grain)
        return np.asarray(each[place.reshape(since.shape)] @ many)

    @abstractmethod
    def log_odds_alive(self, theta: Floats, on: Histories) -> Floats:
        """The log of the odds of being alive, of each history; infinite where that is sure."""

    @abstractmethod
    def log_purchases_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of E[purchases from now on within some time], if alive, of each history."""

    @abstractmethod
    def log_some_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of P(a purchase within some time from now), if alive, of each history."""

    @abstractmethod
    def purchases_of_new(self, theta: Floats, times: Floats) -> Floats:
        """E[repeat purchases up to each time since the first purchase] of a customer just won."""

    def _log_chance_of_purchase(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of the chance of a purchase within some time from now, of each history."""
        some = self.log_some_if_alive(theta, on, within)
        return some - np.logaddexp(0.0, -self.log_odds_alive(theta, on))

    def _table_of_values(
        self,
        summary: IntoFrameT,
        name: str,
        line: Callable[[Floats, Histories], Floats],
        value: Callable[[Floats], Floats],
        level: float,
        within: float | None,
    ) -> IntoFrameT:
        """A table of the value of each customer: `line` on a scale without bounds, and back."""
        z = intervals.quantile_of(level)
        customers = read_customers(summary)
        refuse_another_unit(self, customers.histories.unit)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            middle, error = self._value_and_error(line, customers.histories)
            ends = (value(middle), value(middle - z * error), value(middle + z * error))
        place = customers.place
        made: Columns = {"customer_id": customers.customer_id}
        if within is not None:
            made["within"] = np.full(place.size, within)
        names = (name, "lower", "upper")
        made |= {column: end[place] for column, end in zip(names, ends, strict=True)}
        return table_like(made, summary)

    def _value_and_error(
        self, line: Callable[[Floats, Histories], Floats], on: Histories
    ) -> tuple[Floats, Floats]:
        """The value of each history on its line, and its standard error there."""
        middle = line(self.theta, on)
        if self.status != "converged":
            return middle, np.full(middle.shape, np.nan)
        moves = np.exp(_STEP * np.eye(self.theta.size))
        slopes = [
            (line(self.theta * move, on) - line(self.theta / move, on)) / (2 * _STEP)
            for move in moves
        ]
        slope = np.array(slopes)
        error = np.sqrt(np.maximum(((self.covariance_of_logs @ slope) * slope).sum(axis=0), 0.0))
        return middle, np.where(np.isfinite(middle), error, 0.0)


class MemorylessModel(PurchaseModel):
    """A model in which how long somebody alive has been silent says nothing of what they do next.

    So each prediction is made once for each different pair of x and T.
    """

    def log_purchases_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of E[purchases from now on within some time], if alive, of each history."""
        x, age, place = distinct_pairs(on)
        return np.asarray(np.log(self.purchases_if_alive(theta, x, age, within))[place])

    def log_some_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of P(a purchase within some time from now), if alive, of each history."""
        x, age, place = distinct_pairs(on)
        return np.asarray(np.log(self.some_if_alive(theta, x, age, within))[place])

    @abstractmethod
    def purchases_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """E[purchases from now on within some time] of one who has bought x times and is alive."""

    @abstractmethod
    def some_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """P(a purchase within some time from now) of one who has bought x times and is alive."""


def distinct_pairs(on: Histories) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """The different pairs of x and T among histories sorted by them, and each history's place."""
    new = np.ones(on.x.size, np.bool_)
    new[1:] = (on.x[1:] != on.x[:-1]) | (on.T[1:] != on.T[:-1])
    return on.x[new], on.T[new], np.cumsum(new) - 1


def _chance_from_log_odds(log_odds: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))


def _log_of_complement(log_some: Floats) -> Floats:
    """log(1 − e^a)."""
    near = log_some > -np.log(2)
    return np.where(near, np.log(-np.expm1(log_some)), np.log1p(-np.exp(log_some)))


def pandas_columns(table: object, kind: Kind) -> pd.DataFrame:
    """The columns that a kind of table has, as far as they are there, in pandas.

    A lazy table gives its rows in another order each time it is asked.
    """
    import pandas as pd

    frame = require(table, kind, by_row=True, adds="all")
    present = frame.collect_schema()
    return pd.DataFrame(collect(frame.select(*(n for n in kind.names if n in present))))


def refuse_another_unit(model: PurchaseModel, unit: str | None) -> None:
    """Refuse a summary with ages in another unit than those that a model was fitted on.

    Raises:
        ContentError: with what to say instead.
    """
    if model.unit is not None and unit is not None and unit != model.unit:
        raise ContentError(
            f"summary: its ages are in {unit}s, the model was fitted on {model.unit}s. Say "
            f"purchase_summary(..., unit={model.unit!r})."
        )


def check_purchase_model(model: object) -> None:
    """Refuse what is not a fitted model of purchases.

    Raises:
        RetentionError: with what to give instead.
    """
    if not isinstance(model, PurchaseModel):
        raise RetentionError(
            f"model must be fitted, as by fit_pareto_nbd(summary); got {type(model).__name__}."
        )
