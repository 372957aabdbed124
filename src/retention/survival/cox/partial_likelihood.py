"""The partial likelihood of Cox on sorted arrays: sums over risk sets, and what follows from them.

Rows are sorted by stratum and duration; a bin is a duration of a stratum. Sums over risk sets are
sums over bins, cumulated from the last one, less those who have not entered yet. Between bins there
is no loop, and no array of rows × bins: indicator matrices add up the rows of each bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories

    Floats = NDArray[np.float64]

_CHUNK = 16_384  # rows at a time where p × p sums are made: they stay in the cache
_ENDS = 1_048_576  # ends at a time where Efron's terms are made
_WIDE = 300.0  # e to this, squared, is still a float


@dataclass(frozen=True, slots=True)
class Ranks:
    """Some of the ends, bin by bin: with weights they may be far more than there are rows.

    Attributes:
        bins: the bins they belong to.
        n: how many of each bin.
        first: where those of each bin begin.
        share: l / d of each end, the l-th of the d of its bin.
    """

    bins: NDArray[np.intp]
    n: NDArray[np.int64]
    first: NDArray[np.int64]
    share: Floats


@dataclass(frozen=True)
class RiskData:
    """Spells sorted for the partial likelihood.

    Attributes:
        order: the row of the table that each sorted row was.
        design: covariates, centred and scaled, one row a sorted row.
        churned: whether the end was seen.
        weight: how many spells a row stands for, or its sampling weight.
        starts: the first row of each bin.
        stratum_starts: the first bin of each stratum.
        bin: the bin of each row.
        entry: the time at which each row came under observation, −inf if from the origin; None if
            nobody entered late.
        entry_bin: the last bin at or before the entry of each row, −1 if none; None likewise.
        time: the duration of each bin.
        efron: whether ties are Efron's (else Breslow's).
        sampled: whether weights are no counts of spells.
    """

    order: NDArray[np.intp]
    design: Floats
    churned: NDArray[np.bool_]
    weight: NDArray[Any]
    starts: NDArray[np.intp]
    stratum_starts: NDArray[np.intp]
    bin: NDArray[np.intp]
    entry: Floats | None
    entry_bin: NDArray[np.intp] | None
    time: NDArray[Any]
    efron: bool
    sampled: bool = False

    @cached_property
    def ended(self) -> Floats:
        """How many ends each row stands for."""
        return np.asarray(self.weight * self.churned, np.float64)

    @cached_property
    def at_ends(self) -> Floats:
        """The design summed over the ends."""
        return np.asarray(self.ended @ self.design)

    @cached_property
    def n_ends(self) -> NDArray[np.int64]:
        """Ends in each bin: those that share its risk set, however much they weigh."""
        each = self.churned.astype(np.int64) if self.sampled else self.weight * self.churned
        return np.asarray(np.add.reduceat(each, self.starts))

    @cached_property
    def end_weight(self) -> Floats:
        """What an end of each bin weighs on average: 1 where rows count spells, or without ends."""
        if not self.sampled:
            return np.ones(self.starts.size)
        total = np.add.reduceat(self.ended, self.starts)
        return np.divide(total, self.n_ends, out=np.ones(total.size), where=self.n_ends > 0)

    @cached_property
    def events(self) -> NDArray[np.intp]:
        """The bins in which there are ends."""
        return np.flatnonzero(self.n_ends)

    @cached_property
    def has_ties(self) -> bool:
        """Whether Efron's terms differ from Breslow's: somewhere two spells end together."""
        return self.efron and bool((self.n_ends > 1).any())

    @cached_property
    def ranks(self) -> list[Ranks]:
        """The ends one by one, some at a time."""
        d = self.n_ends[self.events]
        last = np.cumsum(d)
        first, total = last - d, int(last[-1])
        made = []
        for low in range(0, total, _ENDS):
            high = min(low + _ENDS, total)
            here = slice(np.searchsorted(last, low, "right"), np.searchsorted(first, high))
            n = np.minimum(last[here], high) - np.maximum(first[here], low)
            share = (np.arange(low, high) - np.repeat(first[here], n)) / np.repeat(d[here], n)
            made.append(Ranks(self.events[here], n, np.cumsum(n) - n, share))
        return made

    @cached_property
    def in_bin(self) -> NDArray[np.int32]:
        """Row pointers of the indicator matrix bin × row."""
        return np.append(self.starts, self.bin.size).astype(np.int32)

    @cached_property
    def columns(self) -> NDArray[np.int32]:
        """Column numbers of the indicator matrix bin × row."""
        return np.arange(self.bin.size, dtype=np.int32)

    @cached_property
    def late_rows(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Rows that entered after a bin or more had passed, by that bin, and where each bin's lie.

        For spells with entries only.
        """
        assert self.entry_bin is not None
        order = np.argsort(self.entry_bin, kind="stable")
        edges = np.searchsorted(self.entry_bin[order], np.arange(self.starts.size + 1))
        return order[edges[0] :].astype(np.int32), (edges - edges[0]).astype(np.int32)

    def sums_over_rows(
        self, values: Floats, rows: NDArray[np.int32], edges: NDArray[np.int32]
    ) -> Floats:
        """Σ values · design over some rows, which lie bin by bin between the edges."""
        from scipy.sparse import csr_matrix  # loaded late: SciPy takes longer to import than us

        shape = (self.starts.size, self.bin.size)
        if not self.design.shape[1]:
            return np.zeros((shape[0], 0))
        indicator = csr_matrix((values, rows, edges), shape=shape)
        return np.asarray(indicator @ self.design)

    def sums_from_behind(self, values: Floats) -> Floats:
        """Sums over this bin and those after it, within each stratum."""
        wide = values if self.entry_bin is None else values.astype(np.longdouble)
        edges = [*self.stratum_starts.tolist(), len(values)]
        parts = [np.cumsum(wide[a:b][::-1], axis=0)[::-1] for a, b in pairwise(edges)]
        return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def sums_since_entry(self, per_bin: Floats) -> Floats:
        """For each row the sum over the bins in which it is at risk."""
        wide = per_bin if self.entry_bin is None else per_bin.astype(np.longdouble)
        total = np.concatenate([np.zeros_like(wide[:1]), np.cumsum(wide, axis=0)])
        if self.stratum_starts.size == 1 and self.entry_bin is None:
            return np.asarray(total[self.bin + 1])
        first = self.stratum_starts[np.searchsorted(self.stratum_starts, self.bin, "right") - 1]
        if self.entry_bin is not None:
            first = np.maximum(first, self.entry_bin + 1)
        return np.asarray(total[self.bin + 1] - total[first]).astype(per_bin.dtype, copy=False)


@dataclass(frozen=True, slots=True)
class RiskSums:
    """Everything at one value of the coefficients.

    With q_l = S0 − (l/d) D0 the risk sum as the l-th of d tied ends leaves (Breslow: q_l = S0):

    Attributes:
        log_likelihood: the log partial likelihood.
        risk: e^η of each row for one spell, scaled by e^−shift.
        shift: the largest η.
        s1: Σ risk · design over each risk set.
        d1: the same over the ends of each bin.
        a: Σ_l 1/q_l in each bin: the hazard it adds, scaled by e^shift.
        b: Σ_l (l/d)/q_l.
        p: Σ_l 1/q_l².
        q: Σ_l (l/d)/q_l².
        r: Σ_l (l/d)²/q_l².
    """

    log_likelihood: float
    risk: Floats
    shift: float
    s1: Floats
    d1: Floats
    a: Floats
    b: Floats
    p: Floats
    q: Floats
    r: Floats


def prepared_risk_data(
    spells: Histories, design: Floats, stratum: NDArray[np.intp], *, efron: bool
) -> RiskData:
    """The spells sorted by stratum and duration, with their bins.

    Raises:
        ContentError: if nobody's end was seen.
    """
    if not spells.churned.any():
        raise ContentError("spells: nobody's end was seen, so nothing says what shortens a stay.")
    order = _order_of_rows(spells.duration, stratum)
    time, group = spells.duration[order], stratum[order]
    new = np.concatenate([[True], (time[1:] != time[:-1]) | (group[1:] != group[:-1])])
    starts = np.flatnonzero(new)
    first = np.flatnonzero(np.concatenate([[True], np.diff(group[starts]) > 0]))
    entry = None if spells.entry is None else spells.entry[order]
    return RiskData(
        order=order,
        design=np.take(design, order, axis=0),  # thrice as fast as design[order]
        churned=spells.churned[order],
        weight=spells.likelihood_weights[order],
        sampled=spells.sampling is not None,
        starts=starts,
        stratum_starts=first,
        bin=np.cumsum(new) - 1,
        entry=entry,
        entry_bin=None if entry is None else _entry_bins(entry, time, starts, first),
        time=time[starts],
        efron=efron,
    )


def _order_of_rows(duration: NDArray[Any], stratum: NDArray[np.intp]) -> NDArray[np.intp]:
    if duration.dtype.kind in "iu" and int(duration.max()) < 65_536:
        order = np.argsort(duration.astype(np.uint16), kind="stable")  # a radix sort
    else:
        order = np.argsort(duration, kind="stable")
    return order if not stratum.any() else order[np.argsort(stratum[order], kind="stable")]


def _entry_bins(
    entry: Floats, time: NDArray[Any], starts: NDArray[np.intp], first: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The last bin of the row's stratum at or before its entry; −1 if there is none."""
    found = np.full(entry.size, -1)
    edges, rows = [*first.tolist(), starts.size], [*starts[first].tolist(), entry.size]
    for (a, b), (top, end) in zip(pairwise(edges), pairwise(rows), strict=True):
        place = np.searchsorted(time[starts[a:b]], entry[top:end], side="right") - 1
        found[top:end] = np.where(place >= 0, place + a, -1)
    return found


def risk_sums(data: RiskData, beta: Floats) -> RiskSums:
    """The sums over risk sets at some coefficients of the scaled design.

    Far from the maximum they may be infinite or not numbers. Where the risks of two rows differ by
    more than e^300 they are long doubles.
    """
    eta = data.design @ beta
    shift = float(eta.max()) if eta.size else 0.0
    wide = shift - float(eta.min()) > _WIDE if eta.size else False
    risk = np.exp((eta - shift).astype(np.longdouble if wide else np.float64))
    total: Floats = np.asarray(risk * data.weight)
    s0 = data.sums_from_behind(np.add.reduceat(total, data.starts))
    s1 = data.sums_from_behind(data.sums_over_rows(total, data.columns, data.in_bin))
    if data.entry_bin is not None:
        late = _risk_before_entry(data, total)
        s0, s1 = s0 - data.sums_from_behind(late[0]), s1 - data.sums_from_behind(late[1])
    s0, s1 = s0.astype(risk.dtype, copy=False), s1.astype(risk.dtype, copy=False)
    d0, d1 = _risk_of_tied_ends(data, total)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logs, *sums = _efron_sums(data, s0, d0) if data.has_ties else _breslow_sums(data, s0)
    value = float(data.at_ends @ beta) - logs - float(data.ended.sum()) * shift
    return RiskSums(value, risk, shift, s1, d1, *sums)


def gradient_and_information(
    data: RiskData, sums: RiskSums, per_bin: Floats | None = None
) -> tuple[Floats, Floats]:
    """The score and the information, each bin's part multiplied by `per_bin` where it is given."""
    a, b, p, q, r = parts = (sums.a, sums.b, sums.p, sums.q, sums.r)
    at_ends = data.at_ends
    if per_bin is not None:
        a, b, p, q, r = (per_bin * part for part in parts)
        at_ends = (data.ended * per_bin[data.bin]) @ data.design
    score = at_ends - a @ sums.s1
    held = data.sums_since_entry(a)
    cross = -(sums.s1 * p[:, None]).T @ sums.s1
    if data.has_ties:
        score = score + b @ sums.d1
        mixed = (sums.s1 * q[:, None]).T @ sums.d1
        cross = cross + mixed + mixed.T - (sums.d1 * r[:, None]).T @ sums.d1
        held -= data.churned * b[data.bin]
    held *= sums.risk * data.weight
    for i in range(0, held.size, _CHUNK):
        rows = data.design[i : i + _CHUNK]
        cross += (rows * held[i : i + _CHUNK, None]).T @ rows
    return score.astype(np.float64), cross.astype(np.float64)


def score_residuals(data: RiskData, sums: RiskSums) -> Floats:
    """What one spell of each row adds to the score, in the order of the table's rows."""
    a, b, p, q, r = (part[:, None] for part in (sums.a, sums.b, sums.p, sums.q, sums.r))
    d = (np.maximum(data.n_ends, 1) * data.end_weight)[:, None]
    mean = (sums.s1 * a - sums.d1 * b) / d
    drift = sums.s1 * p - sums.d1 * q
    own = data.sums_since_entry(sums.a)[:, None] * data.design - data.sums_since_entry(drift)
    found = -sums.risk[:, None] * own
    ends = np.flatnonzero(data.churned)
    bins = data.bin[ends]
    found[ends] += data.design[ends] - mean[bins]
    if data.has_ties:
        spared = data.design[ends] * b[bins] - (sums.s1 * q - sums.d1 * r)[bins]
        found[ends] += sums.risk[ends, None] * spared
    answer = np.empty(found.shape)
    answer[data.order] = found
    return answer


def _risk_before_entry(data: RiskData, total: Floats) -> tuple[Floats, Floats]:
    """Risk of those who have not entered by each bin, placed in the last bin they miss."""
    rows, edges = data.late_rows
    values = total[rows]
    added, some = np.zeros(edges.size - 1, total.dtype), np.flatnonzero(np.diff(edges))
    if some.size:
        added[some] = np.add.reduceat(values, edges[some])
    return added, data.sums_over_rows(values, rows, edges)


def _risk_of_tied_ends(data: RiskData, total: Floats) -> tuple[Floats, Floats]:
    """Risk, and risk · design, of the ends of each bin; zeros where no bin has two."""
    n = data.starts.size
    if not data.has_ties:
        return np.zeros(n), np.zeros((n, data.design.shape[1]))
    values = np.asarray(total * data.churned)
    at_ends = np.add.reduceat(values, data.starts)
    return np.asarray(at_ends), data.sums_over_rows(values, data.columns, data.in_bin)


def _breslow_sums(data: RiskData, s0: Floats) -> tuple[Any, ...]:
    k = data.events
    d = data.n_ends[k] * data.end_weight[k]
    a, p, nothing = (np.zeros(s0.size, s0.dtype) for _ in range(3))
    a[k], p[k] = d / s0[k], d / s0[k] ** 2
    return float(d @ np.log(s0[k])), a, nothing, p, nothing, nothing


def _efron_sums(data: RiskData, s0: Floats, d0: Floats) -> tuple[Any, ...]:
    sums, logs = np.zeros((5, s0.size), s0.dtype), 0.0
    for some in data.ranks:
        at_risk, ending = (np.repeat(each[some.bins], some.n) for each in (s0, d0))
        left = at_risk - some.share * ending
        f = 1 / left
        f2, shared = f * f, f * some.share
        for total, part in zip(sums, (f, shared, f2, f * shared, shared**2), strict=True):
            total[some.bins] += np.add.reduceat(part, some.first)
        logs += float(np.log(left) @ np.repeat(data.end_weight[some.bins], some.n))
    return logs, *(total * data.end_weight for total in sums)
