"""Covariates: how columns of a table become the numbers that a model multiplies."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from re import fullmatch
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention.errors import ColumnError, ContentError, RetentionError, count_of, warn
from retention.numerics.codes import (
    MOST_GROUPS,
    MOST_LEVELS,
    Key,
    filled_label_codes,
    group_numbers,
    label_codes,
    refuse_identifier,
)
from retention.tables import LIFETIMES
from retention.tables.checks import given_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

Labels = Mapping[str, int]
"""How many rows have each of some labels."""

_CLASSES, _ENDS = 12, 5
"""Up to so many levels, such as the months, nobody asks; beyond, each should have seen some end."""

_MOST = 1e100  # so that squares, and sums of them, are finite
_CHUNK = 16_384


class Covariate(BaseModel):
    """One covariate as a model knows it.

    Attributes:
        name: its column.
        kind: "number" (taken as it is), "flag" (1 where true) or "label" (1 for each level but the
            first).
        levels: the labels; the first is the reference, which the others are compared with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["number", "flag", "label"]
    levels: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of its columns in the design: one per coefficient."""
        if self.kind == "label":
            return tuple(f"{self.name}={level}" for level in self.levels[1:])
        return (self.name,)

    def read(self, values: NDArray[Any]) -> NDArray[Any]:
        """Its numbers, or for labels the place of each among the levels.

        Raises:
            ContentError: if a value is missing, or a label that the model was not fitted on.
        """
        _refuse_missing_values(values, self.name)
        if self.kind == "label":
            return _places_of_labels(values, self.name, self.levels)
        return _numbers_of_covariate(values, self)

    def read_known(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_], Labels]:
        """The same of rows some of which cannot be told.

        Returns:
            What `read` gives, with −1 where a label is missing or was not seen, and any number
            where a number is missing; which rows have none; and how many rows have each label that
            the model was not fitted on.

        Raises:
            ColumnError: if the column holds something else than when the model was fitted.
        """
        missing = _is_missing(values)
        if self.kind == "label":
            codes, unseen = _places_of_known_labels(values, self)
            return codes, missing, unseen
        if not missing.any():
            return _numbers_of_covariate(values, self), missing, {}
        found = np.zeros(values.size)
        known = _numbers_of_covariate(values[~missing], self)
        found[missing], found[~missing] = known[0] if known.size else 0.0, known
        return found, missing, {}


def named_columns(covariates: str | Sequence[str], argument: str = "covariates") -> list[str]:
    """The columns a user named, as a list; none may be a column that spells have anyway.

    Raises:
        ColumnError: if one is no text, is named twice or is a column of spells.
    """
    names = given_names(covariates, argument=argument)
    for name in names:
        if name in LIFETIMES.names:
            raise ColumnError(f"{argument}: {name!r} is a column of spells itself.")
    if len(set(names)) < len(names):
        raise ColumnError(f"{argument} names a column twice: {names}.")
    return names


def learnt_covariates(
    names: Sequence[str],
    columns: Columns,
    reference: Mapping[str, str],
    weights: NDArray[np.int64] | None = None,
) -> tuple[Covariate, ...]:
    """The covariates of a table: which are numbers, flags or labels, and which labels there are.

    Args:
        names: their columns.
        columns: the values.
        reference: for labels, the level that others are compared with. Default: the first in
            alphabetical order.
        weights: how many rows of the table each value stands for; None for one.

    Raises:
        RetentionError: if a reference is no level of a covariate that has levels.
        ContentError: if a value is missing or there are too many labels.
    """
    for name in reference:
        if name not in names:
            raise RetentionError(f"reference names {name!r}, which is not among the covariates.")
    for name in names:
        _refuse_missing_values(columns[name], name, weights)
    return tuple(_learnt_covariate(name, columns[name], reference.get(name)) for name in names)


def warn_of_labels(covariates: Sequence[Covariate], n_churned: int) -> None:
    """Warn of labels that are numbers written as text, and of more than the ends can tell of.

    Args:
        covariates: as learnt from the table.
        n_churned: how many ends the model is fitted to.
    """
    for covariate in covariates:
        n, name = len(covariate.levels), covariate.name
        if n <= _CLASSES:
            continue
        numbers = sum(map(_is_number, covariate.levels))
        if numbers >= 0.9 * n:
            which = "all numbers" if numbers == n else f"numbers but for {n - numbers:,}"
            warn(
                f"Covariate {name!r} holds {n:,} different texts that are {which}, and each is a "
                f"level with a coefficient of its own. Convert it first: spells[{name!r}] = "
                f"{_conversion_to_numbers(name, covariate.levels, every=numbers == n)}. "
                "If they are codes of classes, say so in the text, as in 'code 12'."
            )
        elif n_churned < _ENDS * n:
            warn(
                f"Covariate {name!r} has {n:,} levels for {n_churned:,} ends, fewer than {_ENDS} "
                "each: coefficients of levels with so few say little. Put rare levels together "
                "under one name before fitting."
            )


def design_from_columns(
    covariates: Sequence[Covariate], columns: Columns, n: int
) -> NDArray[np.float64]:
    """The design of n rows: a column per term, in the order of the covariates."""
    return design_from_values(covariates, [each.read(columns[each.name]) for each in covariates], n)


def design_from_values(
    covariates: Sequence[Covariate], read: Sequence[NDArray[Any]], n: int
) -> NDArray[np.float64]:
    """The design of n rows whose covariates have been read."""
    found = np.empty((n, len(names_of_terms(covariates))))
    for first in range(0, n, _CHUNK):  # a table is filled twice as fast while it is in the cache
        rows, place = slice(first, first + _CHUNK), 0
        for covariate, values in zip(covariates, read, strict=True):
            width, column = len(covariate.terms), values[rows, None]
            labels = covariate.kind == "label"
            found[rows, place : place + width] = (
                column == np.arange(1, width + 1) if labels else column
            )
            place += width
    return found


def names_of_terms(covariates: Sequence[Covariate]) -> tuple[str, ...]:
    """The names of the columns of the design."""
    return tuple(term for covariate in covariates for term in covariate.terms)


def _conversion_to_numbers(name: str, levels: Sequence[str], *, every: bool) -> str:
    """What to write, in pandas, to have the numbers that a column of texts holds."""
    column, commas = f"spells[{name!r}]", [level for level in levels if "," in level]
    if commas:
        thousands = all(fullmatch(r"\s*[+-]?\d{1,3}(,\d{3})+(\.\d*)?\s*", text) for text in commas)
        column += f".str.replace(',', {'' if thousands else '.'!r})"
    return f"pd.to_numeric({column}{'' if every else ', errors=' + repr('coerce')})"


def _is_number(text: str) -> bool:
    """Whether a text is a number, with a point or a comma, of decimals or thousands."""
    try:
        float(text.strip().replace(",", "." if text.count(",") == 1 and "." not in text else ""))
    except ValueError:
        return False
    return True


def _is_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind not in "fO":
        return np.zeros(values.size, np.bool_)
    import pandas as pd

    return np.asarray(pd.isna(values))


def _learnt_covariate(name: str, values: NDArray[Any], reference: str | None) -> Covariate:
    kind = _kind_of_values(name, values)
    if kind != "label":
        if reference is not None:
            raise RetentionError(f"reference: {name!r} holds numbers or flags, not labels.")
        return Covariate(name=name, kind=kind)
    levels = label_codes(values)[1]
    numbers = f"; if it holds numbers as text, say spells[{name!r}] = "
    numbers += f"pd.to_numeric(spells[{name!r}], errors='coerce')"
    refuse_identifier("covariates", [name], len(levels), MOST_LEVELS, "levels", numbers)
    if reference is not None:
        if reference not in levels:
            raise RetentionError(
                f"reference: {name!r} has no level {reference!r}; it has {labels_in_words(levels)}."
            )
        levels = [reference, *(level for level in levels if level != reference)]
    return Covariate(name=name, kind="label", levels=tuple(levels))


def _kind_of_values(name: str, values: NDArray[Any]) -> Literal["number", "flag", "label"]:
    """What a column holds; of objects, what all that are not missing are."""
    if values.dtype.kind in "biuf":
        return "flag" if values.dtype.kind == "b" else "number"
    if values.dtype.kind not in "OUT":
        raise ColumnError(f"covariates: {name!r} holds {values.dtype}: give numbers or labels.")
    import pandas as pd

    types = {type(value) for value in pd.unique(values[~_is_missing(values)]).tolist()}
    if types and types <= {bool, np.bool_}:
        return "flag"
    return "number" if types and types <= {int, float, Decimal} else "label"


def _numbers_of_covariate(values: NDArray[Any], covariate: Covariate) -> NDArray[np.float64]:
    """Numbers or flags, of which none is missing."""
    name, held = covariate.name, "held numbers or flags when the model was fitted"
    try:
        if values.dtype.kind not in "biufO" or any(map(_is_text, _object_values(values))):
            raise TypeError
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise ColumnError(f"covariates: {name!r} {held}.") from None
    if covariate.kind == "flag" and (other := numbers[(numbers != 0) & (numbers != 1)]).size:
        raise ColumnError(
            f"covariates: {name!r} held true or false when the model was fitted; got {other[0]:g}."
        )
    beyond = ~(np.abs(numbers) <= _MOST)
    if beyond.any():
        rows = count_of(int(beyond.sum()), "row has", "rows have")
        raise ContentError(f"covariates: {rows} an infinite {name!r}, or one above 1e100.")
    return np.asarray(numbers)


def _object_values(values: NDArray[Any]) -> NDArray[Any]:
    """The values, if they are Python's own and so may be anything."""
    return values if values.dtype.kind == "O" else values[:0]


def _is_text(value: object) -> bool:
    return isinstance(value, str | bytes)


def _places_of_labels(values: NDArray[Any], name: str, levels: Sequence[str]) -> NDArray[np.intp]:
    place = {level: i for i, level in enumerate(levels)}
    found, texts = label_codes(values)
    codes = np.array([place.get(text, -1) for text in texts], np.intp)[found]
    if (codes < 0).any():
        strange = [text for text in texts if text not in place]
        rows = count_of(int((codes < 0).sum()), "row has", "rows have")
        raise ContentError(
            f"covariates: {rows} a {name!r} that the model was not "
            f"fitted on: {labels_in_words(strange)}. It knows {labels_in_words(levels)}."
        )
    return codes


def _places_of_known_labels(
    values: NDArray[Any], covariate: Covariate
) -> tuple[NDArray[np.intp], Labels]:
    """The place of each label among the levels, −1 for none, and those that are no level."""
    place = {level: i for i, level in enumerate(covariate.levels)}
    found, texts = label_codes(values)
    codes = np.array([*(place.get(text, -1) for text in texts), -1], np.intp)[found]
    if all(text in place for text in texts):
        return codes, {}
    n = np.bincount(found[found >= 0], minlength=len(texts))
    unseen = {text: int(n[i]) for i, text in enumerate(texts) if text not in place}
    if values.dtype.kind not in "OUT" and len(unseen) == len(texts):
        raise ColumnError(
            f"covariates: {covariate.name!r} held labels when the model was fitted, "
            f"{labels_in_words(covariate.levels)}; got {values.dtype}."
        )
    return codes, unseen


def _refuse_missing_values(
    values: NDArray[Any], name: str, weights: NDArray[np.int64] | None = None
) -> None:
    missing = _is_missing(values)
    if missing.any():
        n = int(missing.sum() if weights is None else weights[missing].sum())
        rows, them = count_of(n, "row has", "rows have"), "it" if n == 1 else "them"
        raise ContentError(f"covariates: {rows} no {name!r}. Fill {them} in, or leave {them} out.")


def labels_in_words(names: Sequence[str]) -> str:
    """Labels as messages name them: the first ten."""
    return ", ".join(repr(name) for name in names[:10]) + (", …" if len(names) > 10 else "")


def strata_of_rows(
    columns: Columns, names: Sequence[str], n: int
) -> tuple[NDArray[np.intp], list[Key]]:
    """For each of n rows the number of its stratum, and the strata, sorted.

    Raises:
        ColumnError: if a column holds decimals or times, which are no labels.
        ContentError: if there are too many.
    """
    numbers, keys = group_numbers(columns, names, n, partial(filled_label_codes, argument="strata"))
    refuse_identifier("strata", names, len(keys), MOST_GROUPS, "strata")
    return numbers, keys


def places_of_strata(
    columns: Columns, names: Sequence[str], keys: Sequence[Key], n: int
) -> NDArray[np.intp]:
    """For each of n rows the place of its stratum among those known; −1 if it is none of them."""
    numbers, found = strata_of_rows(columns, names, n)
    place = {key: i for i, key in enumerate(keys)}
    return np.asarray(np.array([place.get(key, -1) for key in found], np.intp)[numbers])
