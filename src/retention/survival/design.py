"""Covariates: how columns of a table become the numbers that a model multiplies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention.errors import ColumnError, ContentError, RetentionError
from retention.tables import LIFETIMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

MOST_LEVELS = 1_000
"""More labels than this in one covariate are not classes but identifiers."""


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
        """The names of its columns in the design: one a coefficient."""
        if self.kind == "label":
            return tuple(f"{self.name}={level}" for level in self.levels[1:])
        return (self.name,)

    def columns(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Its columns in the design, one row a value.

        Raises:
            ContentError: if a value is missing, or a label that the model was not fitted on.
        """
        if self.kind != "label":
            return _numbers(values, self.name)[:, None]
        codes = _codes(values, self.name, self.levels)
        return np.asarray(codes[:, None] == np.arange(1, len(self.levels)), np.float64)


def named(covariates: str | Sequence[str], argument: str = "covariates") -> list[str]:
    """The columns a user named, as a list; none may be a column that spells have anyway.

    Raises:
        ColumnError: if one is named twice or is a column of spells.
    """
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    for name in names:
        if name in LIFETIMES.names:
            raise ColumnError(f"{argument}: {name!r} is a column of spells itself.")
    if len(set(names)) < len(names):
        raise ColumnError(f"{argument} names a column twice: {names}.")
    return names


def learnt(
    names: Sequence[str], columns: Columns, reference: Mapping[str, str]
) -> tuple[Covariate, ...]:
    """The covariates of a table: which are numbers, flags or labels, and which labels there are.

    Args:
        names: their columns.
        columns: the values.
        reference: for labels, the level that others are compared with. Default: the first in
            alphabetical order.

    Raises:
        RetentionError: if a reference is no level of a covariate that has levels.
        ContentError: if a value is missing or there are too many labels.
    """
    for name in reference:
        if name not in names:
            raise RetentionError(f"reference names {name!r}, which is not among the covariates.")
    return tuple(_learnt(name, columns[name], reference.get(name)) for name in names)


def matrix(covariates: Sequence[Covariate], columns: Columns, n: int) -> NDArray[np.float64]:
    """The design of n rows: a column a term, in the order of the covariates."""
    found = np.empty((n, len(terms(covariates))))
    first = 0
    for covariate in covariates:
        last = first + len(covariate.terms)
        found[:, first:last] = covariate.columns(columns[covariate.name])
        first = last
    return found


def terms(covariates: Sequence[Covariate]) -> tuple[str, ...]:
    """The names of the columns of the design."""
    return tuple(term for covariate in covariates for term in covariate.terms)


def known_rows(covariates: Sequence[Covariate], columns: Columns) -> NDArray[np.bool_]:
    """The rows whose covariates a model can read: none missing, no label that it has not seen.

    Raises:
        ColumnError: if a covariate is not among the columns.
    """
    known = np.ones(len(next(iter(columns.values()))), bool)
    for covariate in covariates:
        if covariate.name not in columns:
            raise ColumnError.unknown("the model", covariate.name, columns)
        values = columns[covariate.name]
        known &= ~_missing(values)
        if covariate.kind == "label":
            known &= np.isin(values.astype(str), covariate.levels)
    return known


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.array([value is None or value != value for value in values.tolist()])  # noqa: PLR0124 - NaN
    return np.zeros(values.size, bool)


def _learnt(name: str, values: NDArray[Any], reference: str | None) -> Covariate:
    if values.dtype.kind in "biuf":
        if reference is not None:
            raise RetentionError(f"reference: {name!r} holds numbers or flags, not labels.")
        return Covariate(name=name, kind="flag" if values.dtype.kind == "b" else "number")
    if values.dtype.kind not in "OUT":
        raise ColumnError(f"covariates: {name!r} holds {values.dtype}: give numbers or labels.")
    if all(isinstance(value, bool | np.bool_) for value in values[:100]):
        return Covariate(name=name, kind="flag")
    _refuse_missing(values, name)
    levels = sorted({str(value) for value in values.tolist()})
    if len(levels) > MOST_LEVELS:
        raise ContentError(
            f"covariates: {name!r} has {len(levels):,} different labels. Is it an identifier?"
        )
    if reference is not None:
        if reference not in levels:
            raise RetentionError(
                f"reference: {name!r} has no level {reference!r}; it has {_listed(levels)}."
            )
        levels = [reference, *(level for level in levels if level != reference)]
    return Covariate(name=name, kind="label", levels=tuple(levels))


def _numbers(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    _refuse_missing(values, name)
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise ColumnError(
            f"covariates: {name!r} held numbers or flags when the model was fitted."
        ) from None
    if not np.isfinite(numbers).all():
        n = int((~np.isfinite(numbers)).sum())
        raise ContentError(f"covariates: {n:,} rows have an infinite {name!r}.")
    return np.asarray(numbers)


def _codes(values: NDArray[Any], name: str, levels: Sequence[str]) -> NDArray[np.intp]:
    _refuse_missing(values, name)
    place = {level: i for i, level in enumerate(levels)}
    codes = np.array([place.get(str(value), -1) for value in values.tolist()], np.intp)
    if (codes < 0).any():
        strange = sorted({str(value) for value in values[codes < 0].tolist()})
        raise ContentError(
            f"covariates: {int((codes < 0).sum()):,} rows have a {name!r} that the model was not "
            f"fitted on: {_listed(strange)}. It knows {_listed(levels)}."
        )
    return codes


def _refuse_missing(values: NDArray[Any], name: str) -> None:
    if values.dtype.kind == "f":
        missing = int(np.isnan(values).sum())
    elif values.dtype.kind == "O":
        missing = sum(1 for value in values.tolist() if value is None or value != value)  # noqa: PLR0124 - NaN
    else:
        return
    if missing:
        raise ContentError(
            f"covariates: {missing:,} rows have no {name!r}. Fill them in, or leave them out."
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:10]) + (", …" if len(names) > 10 else "")
