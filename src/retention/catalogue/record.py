"""One record of the catalogue: what a figure means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retention.printed import Printed, Shown


@dataclass(frozen=True, slots=True, repr=False)
class Figure(Printed):
    """The meaning of one figure.

    Attributes:
        name: the column that holds it; in a table with a column `figure`, what stands there.
        label: how people write it, on an axis or in a sentence.
        unit: "share of 1", "currency", "customers", "days".
        better: "higher", "lower" or "neither".
        low: the least it can be, None if there is none.
        high: the most it can be, None if there is none.
        formula: how it is computed, each symbol explained.
        made_by: the functions that give it.
        source: where the definition stands.
        conventions: keywords of these functions by which it is one thing or another.
    """

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    low: float | None
    high: float | None
    formula: str
    made_by: str
    source: str
    conventions: tuple[str, ...] = ()

    def _shown(self) -> Shown:
        by = (
            f", by {', '.join(f'{name}=' for name in self.conventions)}" if self.conventions else ""
        )
        limits = " to ".join("…" if each is None else f"{each:g}" for each in (self.low, self.high))
        return Shown(
            f"{self.name}: {self.label}",
            notes=(
                self.formula,
                f"{self.unit}, {limits}; better: {self.better}",
                f"given by {self.made_by}{by}",
                f"source: {self.source}",
            ),
        )
