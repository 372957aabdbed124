"""From the likelihood of purchases to a model, with covariates or without, and why a fit fails."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from pydantic import model_validator

from retention import intervals
from retention.errors import ContentError, RetentionError, count_of
from retention.numerics.newton import moments
from retention.numerics.positive_parameters import fit_logs
from retention.repeat_buying.buying.gamma_rates import Moves
from retention.repeat_buying.buying.purchase_model import (
    MemorylessModel,
    fields_of_model,
    refuse_covariates,
)
from retention.repeat_buying.summary.covariate_terms import Covariates, asked_columns
from retention.repeat_buying.summary.purchase_histories import (
    Customers,
    Histories,
    histories_with_covariates,
    read_customers,
    read_histories,
)
from retention.survival.models.covariates import Covariate, names_of_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from retention.numerics.positive_parameters import Found, Likelihood

    Floats = NDArray[np.float64]

_UNHEARD = 46.0
"""A customer whose parameter has a log beyond it, above 1e20 or below 1e-20, is like nobody."""

_FEW = 2_000
"""Up to so many customers every start is tried: with some dozens several peaks were seen."""

_MANY = 8_000
"""From so many different histories on, a part of them gives the start for all."""

_PASSES = 30
"""A fit of so many histories goes over them no more often."""


class CovariateModel(MemorylessModel):
    """A model in which covariates may move how often customers buy and how soon they leave.

    Attributes:
        buying: covariates of how often they buy.
        leaving: covariates of how soon they leave.
        effects: γ of each of their terms, those of buying first. `covariance` has them after the
            logs of the parameters.
    """

    moved: ClassVar[tuple[int, int]]
    """The place of the parameter that covariates of leaving move, and whether up or down."""

    buying: tuple[Covariate, ...] = ()
    leaving: tuple[Covariate, ...] = ()
    effects: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _has_its_effects(self) -> Self:
        terms = self.covariates.names
        if len(terms) != len(self.effects):
            raise ContentError(f"effects of {self.model} must be {len(terms)}: {terms}.")
        return self

    @property
    def covariates(self) -> Covariates:
        """The covariates of both kinds."""
        return Covariates(self.buying, self.leaving)

    @property
    def covariate_columns(self) -> list[str]:
        """The columns of covariates that a summary must have."""
        return self.covariates.columns

    @property
    def theta(self) -> Floats:
        """The parameters as an array, followed by e^γ of each term."""
        return np.append(self.parameters, np.exp(self.effects))

    def coefficients(self, *, level: float = 0.95) -> pd.DataFrame:
        """The parameters as a pandas table, followed by the effects of covariates.

        Args:
            level: confidence of the bounds; those of parameters are symmetric in the log.

        Returns:
            One row a parameter: `parameter` (its name; of an effect "buying: …" or "leaving: …"),
            `estimate` (of an effect γ: customers buy, or leave, e^γ times as readily for each 1
            more), `standard_error` (delta method, on the natural scale), `lower`, `upper`; all but
            the estimate null where the status is not "converged".
        """
        import pandas as pd

        found = super().coefficients(level=level)
        if not self.effects:
            return found
        z = intervals.quantile_of(level)
        gamma = np.array(self.effects)
        error = np.sqrt(np.diagonal(self.covariance_of_logs)[len(self.names) :])
        effects = pd.DataFrame(
            {
                "parameter": np.array(self.covariates.names, dtype=object),
                "estimate": gamma,
                "standard_error": error,
                "lower": gamma - z * error,
                "upper": gamma + z * error,
            }
        )
        return pd.concat([found, effects], ignore_index=True)

    def customers_of(self, summary: object, *, spend: bool = False) -> Customers:
        """The customers of a summary with their histories and covariates."""
        known = self.covariates if self.effects else None
        customers = read_customers(summary, spend=spend, covariates=known)
        if known is not None:
            on = customers.histories
            self._refuse_far_terms(cast("Floats", on.terms), on.n)
        return customers

    def own_parameters(self, theta: Floats, terms: Floats | None) -> Any:
        """The four parameters, of each history as covariates move them."""
        if terms is None:
            refuse_covariates(self)
            return theta
        return self.moves.own_parameters(theta, terms)

    def _terms_of_new(self, covariates: Mapping[str, object] | None) -> Floats | None:
        """The terms of a customer just won, one row; None if the model has no covariates."""
        if not self.effects:
            return super()._terms_of_new(covariates)
        given = _values_by_column(covariates)
        if set(given) != set(self.covariate_columns):
            raise RetentionError(
                "covariates: say those that the model was fitted with, "
                f"{', '.join(map(repr, self.covariate_columns))}; got {list(given)}."
            )
        columns = {name: np.array([value]) for name, value in given.items()}
        terms = self.covariates.terms_of(columns, 1)
        self._refuse_far_terms(terms, np.ones(1, np.int64))
        return terms

    def _refuse_far_terms(self, terms: Floats, n: NDArray[np.int64]) -> None:
        """Refuse covariates by which a parameter is so large or small that nothing is computed.

        Raises:
            ContentError: with the number of customers and the parameter.
        """
        with np.errstate(over="ignore", divide="ignore"):
            own = np.abs(np.log(np.column_stack(self._moved_parameters(terms))))
        far = ~(own < _UNHEARD)
        if far.any():
            which = count_of(int(n[far.any(axis=1)].sum()), "customer")
            moved = [self.names[place] for place, _, _ in self.moves.directions()]
            name = moved[int(np.argmax(far.any(axis=0)))]
            raise ContentError(
                f"covariates: those of {which} are so far from what the model was fitted on that "
                f"{name} runs to 0 or to infinity. Are they in the same units?"
            )

    def _moved_parameters(self, terms: Floats) -> list[Floats]:
        own = self.moves.own_parameters(self.theta, terms)
        return [own[place] for place, _, _ in self.moves.directions()]

    @property
    def moves(self) -> Moves:
        """How covariates move the parameters."""
        return moves_of(self.covariates, *self.moved)


def _values_by_column(covariates: object) -> dict[str, object]:
    """The covariates of one customer.

    Raises:
        RetentionError: if they are not one value by column.
    """
    if covariates is None:
        return {}
    given: dict[str, Any] = {}
    if hasattr(covariates, "keys"):
        given = dict(covariates)  # type: ignore[call-overload]
    if not hasattr(covariates, "keys") or any(np.ndim(value) for value in given.values()):
        raise RetentionError(
            "covariates: give one value for each column, as in covariates={'channel': 'web'}; got "
            f"{covariates!r}."
        )
    return given


def moves_of(known: Covariates, place: int, sign: int) -> Moves:
    """How covariates move α, and a parameter of leaving."""
    buying, leaving = (len(names_of_terms(some)) for some in (known.buying, known.leaving))
    return Moves(buying, leaving, place, sign)


def fit_purchases(
    likelihood_of: Callable[[Histories], Likelihood],
    starts: Sequence[Floats],
    names: Sequence[str],
    on: Histories,
    *,
    rough: Callable[[Histories], Likelihood] | None = None,
) -> dict[str, Any]:
    """The fields of a `PurchaseModel`; where it has not converged, with what that means.

    A table without one-time buyers is noted too. Of very many different histories a part is fitted
    first, which finds the peak, or that there is none but a ridge: there all of them start, and
    thirty times at most is the likelihood of all computed.

    Args:
        likelihood_of: histories, of four parameters: of buying, one that makes it more and one that
            makes it less frequent, and of leaving, one that makes it sooner and one that makes it
            later.
        starts: where to begin.
        names: of the parameters.
        on: the different histories.
        rough: a likelihood that is quicker to compute, and near enough to find a start.
    """
    found = _most_likely(likelihood_of, starts, names, on, rough)
    return fields_of_model(found, on.n, on.unit) | {"notes": _notes_of_fit(found, on)}


def fit_with_covariates(
    likelihood_of: Callable[..., Likelihood],
    starts_of: Callable[[Histories], Sequence[Floats]],
    kind: type[CovariateModel],
    summary: object,
    asked: tuple[str | Sequence[str], str | Sequence[str]],
    *,
    rough: Callable[..., Likelihood] | None = None,
) -> dict[str, Any]:
    """The fields of a `CovariateModel`, fitted on the histories and covariates of a summary.

    Args:
        likelihood_of: histories, of four parameters, and of covariates where it is told `moves`.
        starts_of: where to begin with the histories.
        kind: the model.
        summary: the table.
        asked: the columns of covariates of buying, and of leaving.
        rough: as in `fit_purchases`.
    """
    buying = asked_columns("buying_covariates", asked[0])
    leaving = asked_columns("leaving_covariates", asked[1])
    if not buying and not leaving:
        on = read_histories(summary)
        return fit_purchases(likelihood_of, starts_of(on), kind.names, on, rough=rough)
    known, on = histories_with_covariates(summary, buying, leaving)
    terms = cast("Floats", on.terms)
    mean, covariance = moments(terms, on.n)
    spread = np.sqrt(np.diagonal(covariance))
    moves = moves_of(known, *kind.moved)
    starts = [np.append(start, np.ones(mean.size)) for start in starts_of(on)]
    found = _most_likely(
        partial(likelihood_of, moves=moves),
        starts,
        (*kind.names, *known.names),
        replace(on, terms=(terms - mean) / spread),
        None if rough is None else partial(rough, moves=moves),
    )
    fields = fields_of_model(_at_no_covariates(found, moves, mean, spread), on.n, on.unit)
    whole = fields["parameters"]
    return fields | {
        "notes": _notes_of_fit(found, on),
        "parameters": whole[:4],
        "effects": tuple(np.log(whole[4:]).tolist()),
        "buying": known.buying,
        "leaving": known.leaving,
    }


def _at_no_covariates(found: Found, moves: Moves, mean: Floats, spread: Floats) -> Found:
    """From terms in standard deviations from their mean back to terms as they are.

    Raises:
        ContentError: if a parameter cannot be told at covariates of 0, far from those there are.
    """
    change = np.diag(np.append(np.ones(4), 1 / spread))
    for place, sign, some in moves.directions():
        change[place, 4:][some] = -sign * mean[some] / spread[some]
    with np.errstate(over="ignore"):
        parameters = np.exp(change @ np.log(found.parameters))
    if not (np.isfinite(parameters) & (parameters > 0)).all():
        raise ContentError(
            "covariates are so far from 0 that the parameters, which are those of customers whose "
            "covariates are 0, cannot be told: take a usual value from them, as in year − 2020."
        )
    return replace(found, parameters=parameters, covariance=change @ found.covariance @ change.T)


def _most_likely(
    likelihood_of: Callable[[Histories], Likelihood],
    starts: Sequence[Floats],
    names: Sequence[str],
    on: Histories,
    rough: Callable[[Histories], Likelihood] | None,
) -> Found:
    if on.x.size < _MANY:
        return fit_logs(likelihood_of(on), starts, names, thorough=on.n_customers <= _FEW)
    part = fit_logs((rough or likelihood_of)(_sample_of_histories(on)), starts, names)
    whole = likelihood_of(on)
    for begin in (part.parameters, *starts):
        found = fit_logs(whole, [begin], names, origin=starts[0], most=_PASSES)
        if np.isfinite(found.log_likelihood):
            break
    return found


def _notes_of_fit(found: Found, on: Histories) -> tuple[str, ...]:
    limits = found.limits[:4]
    return (*_notes_if_all_returned(on), *found.notes, *_notes_of_limits(limits))


def histories_to_search(on: Histories) -> Histories:
    """The histories on which variants of a model are compared: all, or a part of very many."""
    return on if on.x.size < _MANY else _sample_of_histories(on)


def _sample_of_histories(on: Histories) -> Histories:
    """The commonest histories, and one in so many of the others with the weight of all of these."""
    order = np.argsort(-on.n, kind="stable")
    kept, rest = order[: _MANY // 8], order[_MANY // 8 :]
    step = max(rest.size // (_MANY // 8), 1)
    drawn = np.sort(rest)[::step]
    rows = np.concatenate([kept, drawn])
    n = np.concatenate([on.n[kept], on.n[drawn] * step])
    terms = None if on.terms is None else on.terms[rows]
    return Histories(on.x[rows], on.t_x[rows], on.T[rows], n, on.unit, terms)


def _notes_if_all_returned(on: Histories) -> Iterator[str]:
    """What to think of a table in which everybody bought again: in hardly any shop does everybody.

    Left out of the table, those who bought once cannot be told from the data.
    """
    if (on.x > 0).all():
        yield (
            "Nobody in the table bought once only (x = 0). If one-time buyers were left out, "
            "customers seem to buy more often and to leave later than they do: fit on "
            "purchase_summary(...) of all orders."
        )


def _notes_of_limits(limits: Floats) -> Iterator[str]:
    """In words what it says of customers that parameters run away."""
    said = (
        ("how often they buy", "Hardly anyone bought again", "They buy without end"),
        ("how soon they leave", "Nobody seems to leave", "All seem to have left at once"),
    )
    for (more, less), (differ, never, ever) in zip(limits.reshape(2, 2), said, strict=True):
        if np.isposinf(more) and np.isposinf(less):
            yield f"Customers hardly differ in {differ}."
        elif more == 0 and less == 0:
            yield f"Customers differ in {differ} as much as they can."
        elif more == 0 or np.isposinf(less):
            yield f"{never}."
        elif less == 0 or np.isposinf(more):
            yield f"{ever}."
