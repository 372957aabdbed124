"""Covariates of buying and of leaving: columns of a summary beside x, t_x and T."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError
from retention.names import inner_name
from retention.numerics.newton import usable_terms
from retention.survival.models.covariates import (
    Covariate,
    design_from_columns,
    learnt_covariates,
    names_of_terms,
)
from retention.tables import PURCHASE_SUMMARY
from retention.tables.checks import given_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Covariates:
    """The covariates of a model: some tell how often customers buy, some how soon they leave."""

    buying: tuple[Covariate, ...] = ()
    leaving: tuple[Covariate, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Their columns, each once."""
        return list(dict.fromkeys(each.name for each in (*self.buying, *self.leaving)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the terms, in the order of `terms_of`."""
        sides = (("buying", self.buying), ("leaving", self.leaving))
        return tuple(f"{side}: {name}" for side, some in sides for name in names_of_terms(some))

    def terms_of(self, found: Columns, n: int) -> Floats:
        """The terms of n rows: those of buying, then those of leaving."""
        both = (design_from_columns(some, found, n) for some in (self.buying, self.leaving))
        return np.hstack(list(both))


def asked_columns(argument: str, columns: str | Sequence[str]) -> list[str]:
    """The columns of covariates that a user named.

    Raises:
        ColumnError: if one is no text, is named twice or is a column that every summary has.
    """
    names = [inner_name(name) for name in given_names(columns, argument=argument)]
    for name in names:
        if name in PURCHASE_SUMMARY.names:
            raise ColumnError(f"{argument}: {name!r} is a column of the summary itself.")
    if len(set(names)) < len(names):
        raise ColumnError(f"{argument} names a column twice: {names}.")
    return names


def covariates_of_table(
    buying: Sequence[str], leaving: Sequence[str], found: Columns, each: NDArray[Any] | None
) -> Covariates:
    """What the columns hold: numbers, true or false, or labels.

    Args:
        buying: columns that tell how often customers buy.
        leaving: columns that tell how soon they leave.
        found: the columns.
        each: how many customers a row stands for; one if it is not said.

    Raises:
        ContentError: if a value is missing or there are too many labels.
    """
    return Covariates(
        learnt_covariates(buying, found, {}, each), learnt_covariates(leaving, found, {}, each)
    )


def refuse_useless_terms(known: Covariates, terms: Floats, n: NDArray[np.int64]) -> None:
    """Refuse covariates that tell nothing, or nothing that others do not tell.

    Raises:
        ContentError: with the columns, and what to do.
    """
    place, said = 0, []
    sides = (("buying_covariates", known.buying), ("leaving_covariates", known.leaving))
    for argument, some in sides:
        names = names_of_terms(some)
        _, notes = usable_terms(terms[:, place : place + len(names)], n, names)
        said += [f"{argument}: {note.removesuffix(': left out.')}" for note in notes]
        place += len(names)
    if said:
        raise ContentError(f"{'; '.join(said)}. It tells nothing of its own: leave it out.")
