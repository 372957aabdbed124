"""What fitted models of repeat buying have in common, and what they say of customers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from retention import intervals
from retention.errors import ContentError, RetentionError, count_of, whole_number
from retention.frames import table_like
from retention.numerics.frozen import (
    Numbers,
    Status,
    array_of_table,
    frozen_table,
    rows_of_estimates,
)
from retention.numerics.log_beta import log_of_complement
from retention.printed import Printed, Shown
from retention.repeat_buying.summary.purchase_histories import (
    Customers,
    Histories,
    checked_length,
    distinct_pairs,
    read_customers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import ArrayLike, NDArray

    from retention.frames import Columns
    from retention.numerics.positive_parameters import Found

    Floats = NDArray[np.float64]

_LAST = 10_000
"""No larger number of purchases is told apart."""

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
        size += len(getattr(self, "effects", ()))
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
        return array_of_table(self.covariance, len(self.covariance))

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
        size, theta = len(self.names), np.array(self.parameters)
        error = np.sqrt(np.diagonal(self.covariance_of_logs)[:size])
        with np.errstate(over="ignore"):
            lower, upper = theta * np.exp(-z * error), theta * np.exp(z * error)
        return pd.DataFrame(
            {
                "parameter": np.array(self.names, dtype=object),
                "estimate": theta,
                "standard_error": theta * error,
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
            return log_of_complement(some) - some

        return self._table_of_values(
            summary,
            "p_no_purchase",
            log_odds,
            _chance_from_log_odds,
            level,
            asked,
            slopes=partial(self.slopes_of_silence, within=asked),
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
            gone = np.logaddexp(0.0, -self.log_odds_alive(theta, on))
            return self.log_purchases_if_alive(theta, on, asked) - gone

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
            RetentionError: if there are not as many `n` as `ages`, or the model has covariates.
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
        each = self.purchases_of_new(self.own_parameters(self.theta, None), steps * grain)
        return np.asarray(each[place.reshape(since.shape)] @ many)

    def chances_of_new(
        self,
        *,
        within: float,
        most: int = 10,
        covariates: Mapping[str, object] | None = None,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """How likely a customer just won is to buy again never, once, twice and so on.

        P(X = n) for n purchases after the first within some time of it, before anything is known of
        the customer but the covariates, if the model has any. The chances sum to 1.

        Args:
            within: the time since the first purchase, in the unit that the model was fitted on.
            most: the last row is of as many purchases or more; 1 to 10,000.
            covariates: of the customer, by column; for a model with covariates.
            level: confidence of the bounds.

        Returns:
            A pandas table, one row a number of purchases: `n_from`, `n_to` (null in the last row),
            `within`, `probability`, `lower`, `upper` (on the scale of log-odds; null where the
            model's status is not "converged").

        Raises:
            RetentionError: if `within` or `most` is out of bounds.
            ContentError: if a covariate is missing, or a label that the model was not fitted on.

        Example:
            Nobody seems to leave, and r/α purchases come a day on average: (α/(α + 5))^r buy
            nothing in 5 days.

            >>> import pandas as pd
            >>> import retention as rt
            >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3})
            >>> model = rt.repeat_buying.fit_bg_nbd(summary)
            >>> r, alpha, a, b = model.parameters
            >>> print(f"{(alpha / (alpha + 5)) ** r:.4f}")
            0.4164
            >>> model.chances_of_new(within=5, most=2)[["n_from", "n_to", "probability"]].round(4)
               n_from  n_to  probability
            0       0   0.0       0.4164
            1       1   1.0       0.2524
            2       2   NaN       0.3312

        Source:
            Fader, Hardie and Lee (2005), equation 8; Fader, P. S. and Hardie, B. G. S. (2006),
            Deriving an expression for P(X(t) = x) under the Pareto/NBD model, note 012 at
            brucehardie.com.
        """
        import pandas as pd

        asked, last = checked_length(within), whole_number("most", most, least=1, most=_LAST)
        terms = self._terms_of_new(covariates)

        def log_odds(theta: Floats) -> Floats:
            found = self.chances_by_number(self.own_parameters(theta, terms), asked, last - 1)
            logs = np.log(np.append(found, np.maximum(1 - found.sum(), 0.0)))
            return np.asarray(logs - log_of_complement(logs))

        values = self._values_with_bounds("probability", log_odds, _chance_from_log_odds, level)
        numbers = np.arange(last + 1, dtype=np.int64)
        table = {"n_from": numbers, "n_to": np.append(numbers[:-1].astype(np.float64), np.nan)}
        table["within"] = np.full(last + 1, asked)
        return pd.DataFrame(table | values)

    def expected_of_new(
        self,
        *,
        within: float | Sequence[float],
        covariates: Mapping[str, object] | None = None,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """How often a customer just won may be expected to buy again, by each of some times.

        E[X(t)], purchases after the first within t of it, before anything is known of the customer
        but the covariates, if the model has any.

        Args:
            within: one time since the first purchase or several, in the unit that the model was
                fitted on.
            covariates: of the customer, by column; for a model with covariates.
            level: confidence of the bounds.

        Returns:
            A pandas table, one row a time: `within`, `expected_purchases`, `lower`, `upper` (on the
            log scale; null where the model's status is not "converged").

        Raises:
            RetentionError: if a time is out of bounds.
            ContentError: if a covariate is missing, or a label that the model was not fitted on.

        Example:
            Nobody seems to leave: r/α a day.

            >>> import pandas as pd
            >>> import retention as rt
            >>> summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3})
            >>> model = rt.repeat_buying.fit_bg_nbd(summary)
            >>> r, alpha, a, b = model.parameters
            >>> print(f"{r / alpha:.4f}")
            0.2667
            >>> model.expected_of_new(within=[5, 30])[["within", "expected_purchases"]].round(4)
               within  expected_purchases
            0     5.0              1.3333
            1    30.0              8.0000

        Source:
            Fader, Hardie and Lee (2005), equation 9; Schmittlein, Morrison and Colombo (1987),
            equation 17.
        """
        import pandas as pd

        given = cast("list[float]", [within] if np.ndim(within) == 0 else within)
        times = np.array([checked_length(time) for time in given])
        terms = self._terms_of_new(covariates)

        def logs(theta: Floats) -> Floats:
            return np.log(self.purchases_of_new(self.own_parameters(theta, terms), times))

        values = self._values_with_bounds("expected_purchases", logs, np.exp, level)
        return pd.DataFrame({"within": times} | values)

    def _terms_of_new(self, covariates: Mapping[str, object] | None) -> Floats | None:
        """The terms of a customer just won, one row; None if the model has no covariates."""
        if covariates:
            raise RetentionError(
                f"covariates: the model was fitted without any; got {list(covariates)}."
            )
        return None

    def _values_with_bounds(
        self,
        name: str,
        line: Callable[[Floats], Floats],
        value: Callable[[Floats], Floats],
        level: float,
        slopes: Callable[[], Floats | None] | None = None,
    ) -> dict[str, Floats]:
        """Values and bounds: `line` on a scale without bounds, and back."""
        z = intervals.quantile_of(level)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            middle, error = self._value_and_error(line, slopes)
            ends = {name: middle, "lower": middle - z * error, "upper": middle + z * error}
            return {column: value(end) for column, end in ends.items()}

    @property
    def covariate_columns(self) -> list[str]:
        """The columns beyond x, t_x and T that a summary must have; most models have none."""
        return []

    def customers_of(self, summary: object, *, spend: bool = False) -> Customers:
        """The customers of a summary with their histories, as the model tells them apart."""
        return read_customers(summary, spend=spend)

    def own_parameters(self, theta: Floats, terms: Floats | None) -> Any:  # noqa: ARG002
        """The parameters of each history, which covariates may move; most models have none."""
        return theta

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

    @abstractmethod
    def chances_by_number(self, theta: Floats, within: float, most: int) -> Floats:
        """P(n repeat purchases within some time of the first) for n = 0, 1, …, most."""

    def slopes_of_silence(self, on: Histories, within: float) -> Floats | None:  # noqa: ARG002
        """Slopes of the log-odds of no purchase by the logs of parameters, where they are known."""
        return None

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
        slopes: Callable[[Histories], Floats | None] | None = None,
    ) -> IntoFrameT:
        """A table of the value of each customer: `line` on a scale without bounds, and back."""
        customers = self.customers_of(summary)
        on, place = customers.histories, customers.place
        refuse_another_unit(self, on.unit)
        known = None if slopes is None else partial(slopes, on)
        ends = self._values_with_bounds(name, lambda theta: line(theta, on), value, level, known)
        made: Columns = {"customer_id": customers.customer_id}
        if within is not None:
            made["within"] = np.full(place.size, within)
        made |= {column: end[place] for column, end in ends.items()}
        return table_like(made, summary)

    def _value_and_error(
        self, line: Callable[[Floats], Floats], slopes: Callable[[], Floats | None] | None
    ) -> tuple[Floats, Floats]:
        """Values on their line, and their standard errors there, by slopes if they are known."""
        middle = line(self.theta)
        if self.status != "converged":
            return middle, np.full(middle.shape, np.nan)
        slope = None if slopes is None else slopes()
        if slope is None:
            moves = np.exp(_STEP * np.eye(self.theta.size))
            ends = [(line(self.theta * move), line(self.theta / move)) for move in moves]
            slope = np.array([(up - down) / (2 * _STEP) for up, down in ends])
        error = np.sqrt(np.maximum(((self.covariance_of_logs @ slope) * slope).sum(axis=0), 0.0))
        return middle, np.where(np.isfinite(middle), error, 0.0)


class MemorylessModel(PurchaseModel):
    """A model in which how long somebody alive has been silent says nothing of what they do next.

    So each prediction is made once for each different pair of x and T.
    """

    def log_purchases_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of E[purchases from now on within some time], if alive, of each history."""
        return self._log_of_pairs(self.purchases_if_alive, theta, on, within)

    def log_some_if_alive(self, theta: Floats, on: Histories, within: float) -> Floats:
        """The log of P(a purchase within some time from now), if alive, of each history."""
        return self._log_of_pairs(self.some_if_alive, theta, on, within)

    def _log_of_pairs(
        self, value: Callable[..., Floats], theta: Floats, on: Histories, within: float
    ) -> Floats:
        first, place = distinct_pairs(on)
        own = self.own_parameters(theta, None if on.terms is None else on.terms[first])
        return np.asarray(np.log(value(own, on.x[first], on.T[first], within))[place])

    @abstractmethod
    def purchases_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """E[purchases from now on within some time] of one who has bought x times and is alive."""

    @abstractmethod
    def some_if_alive(self, theta: Floats, x: Floats, age: Floats, within: float) -> Floats:
        """P(a purchase within some time from now) of one who has bought x times and is alive."""


def _chance_from_log_odds(log_odds: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))


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


def refuse_covariates(model: PurchaseModel) -> None:
    """Refuse a model with covariates where these are not asked of each customer.

    Raises:
        RetentionError: with what to give instead.
    """
    if names := model.covariate_columns:
        raise RetentionError(
            f"model has covariates ({', '.join(map(repr, names))}), which are not known here of "
            "each customer. Give one fitted without covariates."
        )
