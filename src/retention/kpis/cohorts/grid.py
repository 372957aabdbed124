"""The cells of a cohort table: from counts a start and age to a row per segment, cohort and age.

Only starts that were followed to the end of a cell are in it, so that a cell is never half of those
who could have come back by now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import ContentError
from retention.kpis.outcome.counts import sums_without_noise
from retention.numerics.codes import distinct_segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.kpis.cohorts.counts import Ageing, Seen

MOST_CELLS = 20_000_000
"""More cells than this are no table that anybody reads."""


class CohortGrid:
    """Every segment, cohort and age in a row of its own, and what was counted there."""

    def __init__(
        self, counted: Columns, seen: Seen, asked: Ageing, by: Sequence[str], washout: int
    ) -> None:
        self.seen, self.asked, self.by, self.washout = seen, asked, by, washout
        first = seen.first + washout
        step = seen.cohort_of(counted["_start"])
        inside = (step >= first) & (step <= seen.last)
        self.counted = {name: values[inside] for name, values in counted.items()}
        self.labels, place = distinct_segments(self.counted, by)
        self.pooled = asked.cohorts == "attribute"
        self.steps = np.arange(first, first + 1 if self.pooled else seen.last + 1)
        self.longest = int(seen.follow_up(np.array([seen.first_start(first)]))[0])
        self.ages, self.ends = self._ages_of_cells()
        n_segments = len(self.labels[by[0]]) if by else 1
        self.shape = (n_segments * self.steps.size, self.ages.size)
        if self.shape[0] * self.shape[1] > MOST_CELLS:
            raise ContentError(
                f"{self.shape[0]:,} cohorts of {self.shape[1]:,} ages are too many to read. Take a "
                "longer freq, fewer segments or `kind='bracket'`."
            )
        self.row = place * self.steps.size + (0 if self.pooled else step[inside] - first)
        self.n_followed = np.searchsorted(
            self.ends, seen.follow_up(self.counted["_start"]), side="right"
        )

    def _ages_of_cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first age of each cell, and the age to the end of which it has to be followed."""
        if self.asked.kind == "bracket":
            edges = np.array(self.asked.edges, dtype=np.int64)
            return edges[:-1], edges[1:] - 1
        ages = np.arange(self.longest + 1)
        return ages, ages

    def keys(self) -> Columns:
        """Segment, cohort and age of each row."""
        n_rows, n_ages = self.shape
        each = self.steps.size * n_ages
        keys: Columns = {name: np.repeat(values, each) for name, values in self.labels.items()}
        days = self.seen.first_days(self.steps)
        if self.pooled:
            days = np.full(1, np.datetime64("NaT", "D"))
        keys["cohort"] = np.repeat(np.tile(days, n_rows // self.steps.size), n_ages)
        ends = self.ends if self.asked.kind != "on_or_after" else self.ages * 0 + self.longest
        return keys | {"age": np.tile(self.ages, n_rows), "age_to": np.tile(ends, n_rows)}

    def rates(self, level: float) -> Columns:
        """Counts, sums, rate and bounds of each row, null where nobody was followed so long."""
        begun = self.counted["_begun"] == 1
        cohort = np.bincount(self.row[begun], self.counted["_n"][begun], minlength=self.shape[0])
        n_cohort = np.repeat(cohort, self.shape[1])
        eligible = self._sums_followed("_n")
        observed = (eligible > 0) | ((n_cohort == 0) & self._are_closed())
        n_retained = np.where(observed, self._sums_back("_n"), np.nan)
        counts = {"n_cohort": n_cohort.astype(np.int64), "n_eligible": eligible.astype(np.int64)}
        sums = (
            self._rates_of_money(eligible, level)
            if self.asked.in_money
            else self._rates_of_customers(level)
        )
        for name in ("base", "retained", "rate", "lower", "upper"):
            sums[name] = np.where(observed, sums[name], np.nan)
        return {**counts, "n_retained": n_retained, **sums, "observed": observed}

    def conventions(self) -> Columns:
        """What the reader must know of how the rows were counted."""
        asked, size = self.asked, self.shape[0] * self.shape[1]
        later = np.repeat(np.tile(self.steps > self.seen.first, self._n_segments), self.shape[1])
        told = {
            "kind": asked.kind,
            "measure": asked.measure,
            "basis": asked.basis,
            "cohorts": asked.cohorts,
            "clock": asked.clock,
            "freq": self.seen.freq,
            "week_start": asked.week_start,
        }
        columns: Columns = {"start_observed": later | (asked.cohorts in ("every", "started"))}
        columns |= {name: np.full(size, value, dtype=object) for name, value in told.items()}
        return columns | {"washout": np.full(size, self.washout, dtype=np.int64)}

    @property
    def _n_segments(self) -> int:
        return self.shape[0] // self.steps.size

    def _rates_of_customers(self, level: float) -> Columns:
        base, back = self._sums_followed("_n"), self._sums_back("_n")
        lower, upper = intervals.wilson_bounds(back, base, level)
        sums = {"base": base, "retained": back, "rate": intervals.ratio(back, base)}
        method = np.full(base.size, "wilson", dtype=object)
        method[base == 0] = "none"
        return {**sums, "lower": lower, "upper": upper, "bounds": method}

    def _rates_of_money(self, n: NDArray[np.float64], level: float) -> Columns:
        unknown = self._sums_followed("_unknown") + self._sums_back("_unknown") > 0
        base, back = (
            np.where(unknown, np.nan, v) for v in (self._sums_followed("_x"), self._sums_back("_y"))
        )
        squares = self._sums_followed("_xx")
        base = sums_without_noise(base, squares)
        rate = intervals.ratio(back, base)
        xy, yy = self._sums_back("_xy"), self._sums_back("_yy")
        residuals = intervals.squared_residuals(squares, xy, yy, rate)
        lower, upper, method = intervals.ratio_bounds(rate, base, squares, residuals, n, level)
        sums = {"base": base, "retained": back, "rate": rate}
        return {**sums, "lower": lower, "upper": upper, "bounds": method}

    def _sums_followed(self, name: str) -> NDArray[np.float64]:
        """The sum over those followed to the end of each cell, from their first age."""
        return self._sums_up_to(name, self.counted["_begun"] == 1, self.n_followed)

    def _sums_back(self, name: str) -> NDArray[np.float64]:
        """The sum over those of them who were active in the cell."""
        cell = self.counted["_cell"]
        if self.asked.kind == "on_or_after":
            return self._sums_up_to(name, cell >= 0, np.minimum(cell + 1, self.n_followed))
        inside = (cell >= 0) & (cell < self.n_followed)
        place = self.row[inside] * self.shape[1] + cell[inside]
        values = self._known_sums(name)[inside]
        sums = np.bincount(place, values, minlength=self.shape[0] * self.shape[1])
        return np.asarray(sums, dtype=np.float64)

    def _sums_up_to(
        self, name: str, which: NDArray[np.bool_], n_cells: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Each value put into the first so many cells of its row, and added up."""
        width = self.shape[1] + 1
        place = self.row[which] * width + n_cells[which]
        ends = np.bincount(place, self._known_sums(name)[which], minlength=self.shape[0] * width)
        spread = ends.reshape(-1, width)[:, ::-1].cumsum(axis=1)[:, ::-1]
        return spread[:, 1:].ravel()

    def _known_sums(self, name: str) -> NDArray[np.float64]:
        """Sums of nothing known are NaN on some engines; `_unknown` says so on all."""
        return np.nan_to_num(self.counted[name].astype(np.float64))

    def _are_closed(self) -> NDArray[np.bool_]:
        """Whether even the last who could have joined a cohort would have been followed so long."""
        after = np.array([self.seen.first_start(step + 1) for step in self.steps.tolist()])
        followed = self.seen.follow_up(after - 1)[:, None] >= self.ends[None, :]
        return np.tile(followed, (self._n_segments, 1)).ravel()
