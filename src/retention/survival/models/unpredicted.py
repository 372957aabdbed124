"""Why a model says nothing of some customers, and what the others' predictions are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import warn
from retention.frames import FewTexts
from retention.survival.counts.observation import time_in_words
from retention.survival.models import unknowns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.counts.observation import Unseen
    from retention.survival.models.lifetime_model import LifetimeModel

    Floats = NDArray[np.float64]
    Places = NDArray[np.signedinteger[Any]]
    Span = tuple[Floats, Floats]

REASONS = (
    "outside what the model has seen",
    "of a stratum that the model has not seen",
    *unknowns.WHY,
)
_OF_COVARIATES = 2  # the place of the first reason that covariates give
BEHIND = "customers with a tenure of {until} or more have it behind them: say tenure={until}"


@dataclass(slots=True)
class Why:
    """Why there is no prediction, or what it is given, row by row.

    Attributes:
        unseen: where nobody of each stratum was under observation; none if that was nowhere.
        reason: the place among `REASONS`, and after them the texts.
        note: the place among the texts.
        texts: what is said of such stretches.
        until: of each text, when somebody was watched again.
    """

    unseen: list[Unseen]
    reason: Places
    note: Places
    texts: list[str]
    until: list[float]

    @classmethod
    def of(cls, model: LifetimeModel, n: int) -> Why:
        """Nothing to be said of n rows."""
        every = [model.unseen(place) for place in range(len(model.stratum_keys))]
        unseen = every if any(every) else []
        kind = np.int32 if unseen else np.int8
        return cls(unseen, np.full(n, -1, kind), np.full(n, -1, kind), [], [])

    def explain(
        self,
        rows: NDArray[np.intp],
        values: Floats,
        stratum: NDArray[np.intp],
        span: Span,
        lacking: Places,
    ) -> None:
        """Say what holds for some rows, of which these are the predictions.

        Args:
            rows: their places.
            values: the predictions, NaN where there is none.
            stratum: the number of each one's stratum, −1 if the model has not seen it.
            span: from when to when they are predicted.
            lacking: the place in `unknowns.WHY` of what their covariates lack, −1 if nothing.
        """
        unknown = np.isnan(values)
        if unknown.any():
            self.reason[rows[unknown]] = 0
            self.reason[rows[stratum < 0]] = 1
        for number, unseen in enumerate(self.unseen):
            mine = stratum == number
            if unseen and mine.any():
                self._explain_stratum(
                    rows[mine], unseen, (span[0][mine], span[1][mine]), unknown[mine]
                )
        untold = lacking >= 0
        self.reason[rows[untold]] = lacking[untold] + _OF_COVARIATES

    def _explain_stratum(
        self, rows: NDArray[np.intp], unseen: Unseen, span: Span, unknown: NDArray[np.bool_]
    ) -> None:
        lacking = unseen.first_unknown(*span)
        for hole in np.unique(lacking[lacking >= 0]).tolist():
            place = len(REASONS) + self._place_of_text(
                unseen.stretch_in_words(hole), unseen.until[hole]
            )
            self.reason[rows[lacking == hole]] = place
        assumed = unseen.starts_in_leading(*span) & ~unknown
        if assumed.any():
            self.note[rows[assumed]] = self._place_of_text(unseen.condition, unseen.until[0])

    def _place_of_text(self, text: str, until: float) -> int:
        if text not in self.texts:
            self.texts.append(text)
            self.until.append(until)
        return self.texts.index(text)

    def warn(self, table: str, way: str) -> None:
        """One warning of all stretches, if there are any.

        Args:
            table: what messages call the table.
            way: what to write instead, with {until} for the end of the last stretch.
        """
        if self.texts:
            more = len(self.texts) - 1
            others = f", and {more:,} more like it" if more else ""
            until = time_in_words(max(self.until))
            warn(f"{table}: {self.texts[0]}{others}; {way.format(until=until)}.")

    def columns(self) -> dict[str, FewTexts]:
        """The columns of an answer; one warning says what stands in them."""
        self.warn("customers", BEHIND)
        reasons = (*REASONS, *self.texts)
        return {
            "reason": FewTexts(self.reason, reasons),
            "note": FewTexts(self.note, tuple(self.texts)),
        }
