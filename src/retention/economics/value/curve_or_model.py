"""What values are read off: the curves of survival_curve, or a fitted model of renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.economics.value.payments import periods_in_words
from retention.errors import RetentionError
from retention.numerics import step_functions
from retention.repeat_buying.renewal.models import RenewalModel
from retention.survival.models.lifetime_model import LifetimeModel, description_of, is_table
from retention.tables import CURVE, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.curves.curve_tables import Curve

    Floats = NDArray[np.float64]


_RENEWAL_FITS = "fit_beta_geometric or fit_beta_discrete_weibull"


def renewal_model_of(curve: object, by: str | Sequence[str], call: str) -> RenewalModel | None:
    """The model that was given, None if it was a table.

    Args:
        curve: whatever the user gave.
        by: the segment columns; a model has none.
        call: how it is said, for those who gave a model of lifetimes.

    Raises:
        RetentionError: if it is neither a table nor a model of renewal, or a model beside `by`.
    """
    if isinstance(curve, RenewalModel):
        if segments(by, CURVE):
            raise RetentionError(
                "by= goes with a curve: a model is of all its customers together. Fit one per "
                "segment."
            )
        return curve
    if isinstance(curve, LifetimeModel):
        raise RetentionError(f"{type(curve).__name__} is asked customer by customer: {call}.")
    if not is_table(curve):
        raise RetentionError(
            "curve must be a table of survival_curve or a model from fit_beta_geometric; got "
            f"{description_of(curve)}."
        )
    return None


def refuse_no_model(
    model: object,
    call: str | None,
    kinds: tuple[type, ...] = (RenewalModel,),
    fits: str = _RENEWAL_FITS,
) -> None:
    """Refuse what is none of these fitted models.

    Args:
        model: whatever the user gave.
        call: how it is said, for those who changed the places of model and table; None where there
            is no table.
        kinds: the models that fit.
        fits: where they come from, in words.

    Raises:
        RetentionError: if it is none.
    """
    if isinstance(model, kinds):
        return
    way = "Fit one, as in model = fit_beta_geometric(spells)."
    if call and is_table(model):
        way = f"The table comes first and the model by name, as in {call}."
    raise RetentionError(f"model must come from {fits}; got {description_of(model)}. {way}")


def kept_at(one: Curve, times: Floats) -> Floats:
    """S of a curve at some ascending times, NaN where it was not seen so far.

    Under late entry it is given that customers are still here when the first came under
    observation, if somebody was watched at the last of the times.
    """
    last = float(one.survival[-1])
    seen = (times <= one.duration[-1]) | (last == 0)
    unseen = one.unseen
    hole = unseen.first_unknown(np.zeros(times.size), times) >= 0
    if unseen.leading and times[-1] > unseen.until[0]:
        hole &= times > unseen.until[0]
    found = step_functions.values_at(one.duration, one.survival, times, 1.0)
    return np.where(seen & ~hole, found, np.nan)


def sums_from(times: Floats, terms: Floats, since: NDArray[Any]) -> Floats:
    """Of terms that fall due at ascending times, the sum from each of some moments on."""
    rest = np.append(terms[::-1].cumsum()[::-1], 0.0)
    return np.asarray(rest[np.searchsorted(times, since, side="left")])


def why_not_valued(one: Curve, observed: int, horizon: int, length: str) -> str | None:
    """Why a value is not known, of a curve that was observed for so many of the periods."""
    if observed == horizon:
        return None
    hole = one.unseen.note(0.0, float(horizon))
    if hole and one.unseen.first_unknown(np.zeros(1), np.array([float(horizon)]))[0] >= 0:
        return hole
    return (
        f"observed for {periods_in_words(observed, length)}; for more, give a model from "
        "fit_beta_geometric"
    )
