"""From the likelihood of purchases to the fields of a model, and what a fit that fails means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics.positive_parameters import fit_logs
from retention.repeat_buying.buying.purchase_model import fields_of_model
from retention.repeat_buying.summary.purchase_histories import Histories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from retention.numerics.positive_parameters import Likelihood

    Floats = NDArray[np.float64]

_FEW = 2_000
"""Up to so many customers every start is tried: with some dozens several peaks were seen."""

_MANY = 8_000
"""From so many different histories on, a part of them gives the start for all."""

_PASSES = 30
"""A fit of so many histories goes over them no more often."""


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
    if on.x.size < _MANY:
        found = fit_logs(likelihood_of(on), starts, names, thorough=on.n_customers <= _FEW)
    else:
        part = fit_logs((rough or likelihood_of)(_sample_of_histories(on)), starts, names)
        whole = likelihood_of(on)
        for begin in (part.parameters, *starts):
            found = fit_logs(whole, [begin], names, origin=starts[0], most=_PASSES)
            if np.isfinite(found.log_likelihood):
                break
    fields = fields_of_model(found, on.n, on.unit)
    return fields | {
        "notes": (*_notes_if_all_returned(on), *found.notes, *_notes_of_limits(found.limits))
    }


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
    return Histories(on.x[rows], on.t_x[rows], on.T[rows], n, on.unit)


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
