"""What a model, of whatever maker, says of rows: its chances, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError, RetentionError, count_of
from retention.survival.models.lifetime_model import LifetimeModel, description_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def is_classifier(model: object) -> bool:
    """Whether it is a classifier in the way of scikit-learn that gives chances."""
    return not isinstance(model, type) and hasattr(model, "fit") and hasattr(model, "predict_proba")


def chances_of_rows(model: Any, rows: Any, inputs: Any) -> Floats:
    """The chance of a loss that a model gives each row; NaN where it gives none.

    Args:
        model: a fitted classifier, or a function of the rows.
        rows: all columns, as a table of pandas.
        inputs: what a classifier is given.

    Raises:
        RetentionError: if it is neither, or gives something else than a number for each row.
    """
    if is_classifier(model):
        said = _chance_of_loss(model, inputs)
    elif isinstance(model, LifetimeModel | type) or not callable(model):
        raise RetentionError(
            "the model must be a fitted classifier with predict_proba, or a function of the rows "
            f"that gives each one's chance of a loss; got {description_of(model)}."
        )
    else:
        said = _numbers_said(model(rows))
    if said.shape != (len(rows),):
        raise RetentionError(
            f"the model gave {count_of(said.size, 'chance')} of the shape {said.shape} for "
            f"{count_of(len(rows), 'row')}: it must give one for each."
        )
    return said


def check_chances(chance: Floats) -> None:
    """Refuse scores where chances are needed.

    Raises:
        ContentError: if one is not between 0 and 1.
    """
    odd = (chance < 0) | (chance > 1)
    if odd.any():
        raise ContentError(
            f"fit: {count_of(int(odd.sum()), 'prediction is', 'predictions are')} not between 0 "
            f"and 1, such as {chance[odd][0]:g}. Give the chance of a loss, as a share of 1."
        )


def _chance_of_loss(model: Any, inputs: Any) -> Floats:
    said = np.asarray(_answer_of(model.predict_proba, inputs), np.float64)
    classes = [float(each) for each in getattr(model, "classes_", (0, 1))]
    if 1.0 not in classes or said.ndim != 2:
        raise RetentionError(
            f"the model knows the classes {classes}: it must have been fitted on 'churned', 1 or 0."
        )
    return np.asarray(said[:, classes.index(1.0)])


def _numbers_said(answer: object) -> Floats:
    try:
        return np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        raise RetentionError(
            f"the model's function must give one number for each row; got {description_of(answer)}."
        ) from None


def _answer_of(method: Any, *given: Any) -> Any:
    """What a method of another library answers; what it refuses, in one sentence.

    Raises:
        RetentionError: with the other library's words.
    """
    try:
        return method(*given)
    except (TypeError, ValueError) as error:
        said = " ".join(str(error).split(". ")[0].split()).rstrip(".")
        owner = type(getattr(method, "__self__", method)).__name__
        hint = (
            " Columns have gaps: impute them first, as in make_pipeline(SimpleImputer(...), ...)."
            if "NaN" in str(error)
            else ""
        )
        raise RetentionError(f"{owner} refused the rows: {said[:300]}.{hint}") from error


def fitted_clone(classifier: Any, inputs: Any, labels: Any) -> Any:
    """An unfitted copy of a classifier, fitted.

    Raises:
        RetentionError: if it cannot be copied, or refuses the rows.
    """
    from sklearn.base import clone

    return _answer_of(_answer_of(clone, classifier).fit, inputs, labels)
