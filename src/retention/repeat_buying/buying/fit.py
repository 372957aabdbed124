"""From the likelihood of purchases to the fields of a model, and what a fit that fails means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics.positive_parameters import fit_logs
from retention.repeat_buying.buying.purchase_model import fields_of_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from retention.numerics.positive_parameters import Likelihood
    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]

_FEW = 2_000
"""Up to so many customers every start is tried: with some dozens several peaks were seen."""


def fit_purchases(
    likelihood: Likelihood, starts: Sequence[Floats], names: Sequence[str], on: Histories
) -> dict[str, Any]:
    """The fields of a `PurchaseModel`; where it has not converged, with what that means.

    A table without one-time buyers is noted too.

    Args:
        likelihood: of four parameters: of buying, one that makes it more and one that makes it
            less frequent, and of leaving, one that makes it sooner and one that makes it later.
        starts: where to begin.
        names: of the parameters.
        on: the different histories.
    """
    found = fit_logs(likelihood, starts, names, thorough=on.n_customers <= _FEW)
    fields = fields_of_model(found, on.n, on.unit)
    return fields | {
        "notes": (*_notes_if_all_returned(on), *found.notes, *_notes_of_limits(found.limits))
    }


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
