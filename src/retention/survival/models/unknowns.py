"""Customers of whom a model can say nothing: a covariate is missing, or has a level of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from retention.errors import ColumnError, ContentError, count_of, warn
from retention.survival.models import covariates as designs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.survival.models.covariates import Covariate

MISSING, UNSEEN = 0, 1
WHY = (
    "a covariate is missing",
    "of a level that the model has not seen",
    "its spell is set aside, so the tenure is not known",
)
ASIDE = WHY.index("its spell is set aside, so the tenure is not known")


class Reader:
    """Reads the covariates of a table, some rows at a time, and keeps count of what it cannot read.

    Attributes:
        n: rows that were read.
        unknown: rows of which a covariate cannot be told.
        known: for each covariate the rows in which it can.
        missing: for each covariate the rows in which it is missing.
        unseen: for each covariate the rows of each label that the model was not fitted on.
    """

    def __init__(self, covariates: Sequence[Covariate]) -> None:
        self.covariates = covariates
        self.n, self.unknown = 0, 0
        self.known: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.unseen: dict[str, Counter[str]] = {each.name: Counter() for each in covariates}

    def read(self, columns: Columns, n: int) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
        """The design of n rows, and why a row cannot be read: its place in `WHY`, −1 if it can.

        Raises:
            ColumnError: if a column is not there, or holds something else than in the fit.
        """
        why, read = np.full(n, -1, np.int8), []
        for covariate in self.covariates:
            name = covariate.name
            if name not in columns:
                raise ColumnError.unknown("the model", name, columns)
            values, missing, unseen = covariate.read_known(columns[name])
            if unseen:
                why[(values < 0) & (why < 0)] = UNSEEN
            why[missing] = MISSING
            self.missing[name] += int(missing.sum())
            self.unseen[name].update(unseen)
            self.known[name] += n - int(missing.sum()) - sum(unseen.values())
            read.append(values)
        self.n += n
        self.unknown += int((why >= 0).sum())
        return designs.design_from_values(self.covariates, read, n), why

    def refuse_foreign(self, table: str) -> None:
        """Refuse a table in which a covariate can be told of nobody: it is of something else.

        One customer alone may be the first of a kind.

        Raises:
            ContentError: with what the model knows.
        """
        for covariate in self.covariates:
            name = covariate.name
            if self.known[name] or self.n < 2:
                continue
            if not self.unseen[name]:
                raise ContentError(
                    f"{table}: none of {self.n:,} rows has a {name!r}, which the model asks for. "
                    "Fill it in."
                )
            raise ContentError(
                f"{table}: none of {self.n:,} rows has a {name!r} that the model was fitted on: "
                f"there is {designs.labels_in_words(sorted(self.unseen[name]))}; it knows "
                f"{designs.labels_in_words(covariate.levels)}. Write the labels as they were "
                "in the fit, or fit the model on spells that have these."
            )

    def warn(self, table: str) -> None:
        """Say once how many rows have no prediction, and why."""
        if not self.unknown:
            return
        said = []
        for name, unseen in self.unseen.items():
            if self.missing[name]:
                said.append(f"{count_of(self.missing[name], 'has', 'have')} no {name!r}")
            if unseen:
                n = count_of(sum(unseen.values()), "has", "have")
                labels = designs.labels_in_words(sorted(unseen))
                said.append(f"{n} a {name!r} that the model was not fitted on ({labels})")
        get = "gets" if self.unknown == 1 else "get"
        warn(
            f"{table}: {self.unknown:,} of {count_of(self.n, 'row')} {get} no prediction: "
            f"{'; '.join(said)}. Fill in what is missing, and fit the model on spells that have "
            "these labels, or give those customers labels that it knows."
        )
