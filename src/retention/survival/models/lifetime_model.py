"""What fitted models of lifetimes have in common: small frozen values that read alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention import intervals
from retention.errors import RetentionError, count_of
from retention.numerics.frozen import (
    Numbers,
    Status,
    array_of_numbers,
    array_of_table,
    rows_of_estimates,
)
from retention.printed import Printed, Shown
from retention.survival.counts.observation import NOTHING, Unseen
from retention.survival.models.covariates import Covariate, names_of_terms

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SHOWN = ["term", "coef", "standard_error", "ratio", "ratio_lower", "ratio_upper", "p_value"]

ORIGIN = -1e-300
"""Just before a stay begins: for whoever is only starting, ends at time 0 lie ahead."""


class LifetimeModel(Printed, BaseModel, ABC):
    """A fitted model of how long customers stay: a frozen value, in and out of JSON bit for bit.

    `model.model_dump_json()` writes it; `type(model).model_validate_json(text)` reads it back.

    Attributes:
        covariates: the covariates with their levels; the first level of each is the reference.
        coef: one per term, null where it cannot be told.
        covariance: of the coefficients, null where it cannot be told.
        n_spells: spells it was fitted on.
        n_churned: of these, ends that were seen.
        log_likelihood: at the coefficients; its meaning is the model's.
        log_likelihood_null: the same without covariates.
        status: "converged"; "separated" (a covariate tells ends from the rest without a fault, so
            that its coefficient has no bound), "flat" (the data do not tell the coefficients) or
            "not converged".
        notes: in words what was left out of the fit or is not to be relied on, and why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    covariates: tuple[Covariate, ...]
    coef: Numbers
    covariance: tuple[Numbers, ...]
    n_spells: int
    n_churned: int
    log_likelihood: float
    log_likelihood_null: float
    status: Status
    notes: tuple[str, ...] = ()

    def _shown(self) -> Shown:
        spells, ends = count_of(self.n_spells, "spell"), count_of(self.n_churned, "end")
        told = (self._told_of_form(), self._told_of_ratios() * bool(self.coef), *self.notes)
        return Shown(
            head=f"{type(self).__name__} of {spells}, {ends}: {self.status}",
            rows=rows_of_estimates(self.coefficients()[_SHOWN]),
            notes=tuple(filter(None, told)),
            then=self._calls_to_make(),
            whole="model.coefficients()",
        )

    def _told_of_form(self) -> str:
        """The model beside its coefficients, in a few words."""
        return ""

    def _told_of_ratios(self) -> str:
        """What a ratio above 1 means."""
        return "ratio above 1: leaves sooner"

    def _calls_to_make(self) -> tuple[str, ...]:
        """What a model like this is asked next."""
        return ("rt.predict_churn(spells, model=model, within=90)",)

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the coefficients: a covariate, or a covariate and its level."""
        return names_of_terms(self.covariates)

    @property
    def beta(self) -> Floats:
        """The coefficients as numbers; 0 where one cannot be told, as if it were left out."""
        return np.nan_to_num(array_of_numbers(self.coef))

    def coefficients(self, *, level: float = 0.95) -> pd.DataFrame:
        """The coefficients as a pandas table.

        Returns:
            One row per coefficient: `term`, `reference` (the level it is compared with, null for
            numbers and flags), `coef`, `ratio` (e to the coef), `standard_error`, `lower`, `upper`
            (of the coef), `ratio_lower`, `ratio_upper`, `z`, `p_value`; null where not known, as
            is a ratio beyond what numbers can hold.
        """
        import pandas as pd

        z = intervals.quantile_of(level)
        coef, error = array_of_numbers(self.coef), self.standard_errors
        score = np.divide(coef, error, out=np.full(coef.size, np.nan), where=error > 0)
        low, high = coef - z * error, coef + z * error
        reference = [c.levels[0] if c.levels else None for c in self.covariates for _ in c.terms]
        columns = {
            "term": np.array(self.terms, dtype=object),
            "reference": np.array(reference, dtype=object),
            "coef": coef,
            "ratio": _finite_exponential(coef),
            "standard_error": error,
            "lower": low,
            "upper": high,
            "ratio_lower": _finite_exponential(low),
            "ratio_upper": _finite_exponential(high),
            "z": score,
            "p_value": intervals.p_value(score),
        }
        return pd.DataFrame(columns)

    @property
    def standard_errors(self) -> Floats:
        """One a coefficient; NaN where it cannot be told."""
        return np.sqrt(np.diagonal(array_of_table(self.covariance, len(self.coef))))

    @property
    def interval_length(self) -> float:
        """The length of the intervals at whose ends alone survival steps down; 0 without them."""
        return 0.0

    @abstractmethod
    def risk_score(self, design: Floats) -> Floats:
        """A number for each row of the design that is higher the sooner a customer leaves."""

    @abstractmethod
    def hazard_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, end: Floats
    ) -> tuple[Floats, Floats]:
        """For each row the cumulative hazard after `start` up to `end`, and its variance.

        S(end given start) is e to minus that. The variance is that of the estimate (delta method),
        NaN where it cannot be told.
        """

    @abstractmethod
    def area_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, horizon: float
    ) -> Floats:
        """For each row the expected time from `start` to the end, cut at `start` + `horizon`."""

    @property
    def stratum_columns(self) -> tuple[str, ...]:
        """Columns that choose a customer's stratum."""
        return ()

    @property
    def stratum_keys(self) -> tuple[tuple[str, ...], ...]:
        """The strata that the model knows."""
        return ((),)

    def unseen(self, stratum: int) -> Unseen:
        """Where nobody of a stratum was under observation; a formula carries on there."""
        del stratum
        return NOTHING

    @property
    def follow_up(self) -> float:
        """The longest time for which it can predict; infinite where a formula carries on."""
        return float("inf")


def check_model(
    model: object, call: str = "predict_churn(customers, model=model, within=90)"
) -> None:
    """Refuse what is not a fitted model of lifetimes, and say what to give instead.

    Args:
        model: whatever the user gave.
        call: how it is said, for those who changed the places of model and table.

    Raises:
        RetentionError: if it is none.
    """
    if not isinstance(model, LifetimeModel):
        raise RetentionError(
            "model must come from fit_cox, fit_aft, fit_hazard or from_lifelines; got "
            f"{description_of(model)}. {_advice_on_model(model, call)}"
        )


def description_of(value: object) -> str:
    """What somebody gave, in a few words."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    kind, name = type(value), getattr(value, "__name__", None)
    if callable(value) and isinstance(name, str):
        return f"the function {name}"
    package = kind.__module__.split(".")[0]
    return kind.__name__ if package == "retention" else f"{package}.{kind.__name__}"


def _advice_on_model(model: object, call: str) -> str:
    kind = model if isinstance(model, type) else type(model)
    if is_table(model):
        return f"The table comes first and the model by name, as in {call}."
    if isinstance(model, type) and issubclass(kind, LifetimeModel):
        return "Fit one, as in model = fit_cox(spells, covariates=['plan'])."
    if kind.__module__.startswith("lifelines"):
        of = ".fit(...)" if isinstance(model, type) else ""
        return f"Read it with from_lifelines(model{of})."
    if hasattr(model, "expected_purchases") or kind.__module__.startswith("retention.repeat_b"):
        return "A model of purchases is asked by its own methods, as in model.p_alive(summary)."
    if hasattr(model, "predict_proba"):
        return (
            "A classifier is scored by backtest(...), whose fit may give a function of spells and "
            "horizon; for a model of lifetimes say fit_cox(spells, covariates=[...])."
        )
    return "Fit one, as in model = fit_cox(spells, covariates=['plan'])."


def is_table(value: object) -> bool:
    """Whether somebody gave a table where a model was asked for."""
    names = ("columns", "column_names")  # PyArrow's
    # Asked of its type, for a lazy table works its columns out.
    return not isinstance(value, type) and any(hasattr(type(value), name) for name in names)


def _finite_exponential(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        found = np.exp(values)
    return np.where(np.isfinite(found), found, np.nan)
