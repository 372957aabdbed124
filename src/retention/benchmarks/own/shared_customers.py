"""Customers who stand in two rates at once, and how far the rates hang together because of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.activity.base_and_later import activity_by_segments, base_and_later
from retention.benchmarks.own.shared_at_hand import (
    MOMENTS,
    Beside,
    stands_at_hand,
    sums_side_by_side,
)
from retention.errors import ColumnError, ContentError, RetentionError, warn
from retention.frames import as_lazy, as_text, collect, count, is_at_hand
from retention.intervals import ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.benchmarks.own.counted_rates import CountedRates
    from retention.frames import Columns, Frame

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

SUMS = ("n", "k", "k_other", "k_both")
"""Over the customers of both sides: how many, kept on the one, on the other, on both."""


class SharedCustomers:
    """How many customers any two rows of a table of rates share, and what became of them."""

    def __init__(self, n_rows: int, one: Rows, other: Rows, sums: Columns) -> None:
        order = np.argsort(one * n_rows + other)
        self._n_rows, self._code = n_rows, (one * n_rows + other)[order]
        self._one, self._other = one[order], other[order]
        self._sums = {name: values[order].astype(np.float64) for name, values in sums.items()}

    def sums_between(self, one: Rows, other: Rows, name: str) -> Floats:
        """A sum over the customers whom pairs of rows share, 0 where they share none."""
        wanted = one * self._n_rows + other
        if not self._code.size:
            return np.zeros(wanted.size)
        place = np.minimum(np.searchsorted(self._code, wanted), self._code.size - 1)
        return np.where(self._code[place] == wanted, self._sums[name][place], 0.0)

    def sums_with_rest(self, cell: Rows) -> Columns:
        """For each row the sums over all others of its cell, and those of these among themselves.

        A customer counts once for each other row, and once for each two of them: "n", "k",
        "k_other" and "k_both" as between two rows, "rest_n", "rest_k" and "rest_both" of the rest.
        """
        same = cell[self._one] == cell[self._other]
        one, size = self._one[same], self._n_rows
        sums = {
            name: np.bincount(one, weights=values[same], minlength=size)
            for name, values in self._sums.items()
        }
        of_cell = {
            name: np.bincount(cell, weights=sums[name], minlength=size)[cell]
            for name in ("n", "k", "k_both")
        }
        return sums | {
            "rest_n": of_cell["n"] - 2 * sums["n"],
            "rest_k": of_cell["k"] - sums["k"] - sums["k_other"],
            "rest_both": of_cell["k_both"] - 2 * sums["k_both"],
        }


def shared_customers(
    rates: CountedRates,
    activity: object,
    names: Sequence[str],
    table: object,
    beside: Beside,
) -> SharedCustomers:
    """The customers whom the rows of a table of retention rates share, from its activity.

    Args:
        rates: with `step` among their keys.
        activity: from which they were made.
        names: the columns that tell their rows apart.
        table: the rates as they were given, which says with what lag they were made.
        beside: which rows are compared.

    Raises:
        RetentionError: if it is another rate than that of those kept or lost.
        ColumnError: if the rates have no `step`.
        ContentError: if the rates are not those of the activity.
    """
    if rates.figure not in ("retention_rate", "churn_rate"):
        raise RetentionError(
            "`activity` tells who was kept, so it goes with `figure='retention_rate'` or "
            f"`figure='churn_rate'`; got {rates.figure!r}."
        )
    if "step" not in rates.keys:
        raise ColumnError(
            "`activity` tells the customers of a period, and this table of rates has no 'step'."
        )
    who = [name for name in names if name not in MOMENTS]
    at_hand = is_at_hand(activity)
    frame, who = activity_by_segments(activity, who, adds="none", by_row=at_hand)
    schema = frame.collect_schema()
    lag, lost_to = _lag_of_rates(table)
    row_of = _rows_by_key(rates, who)
    stands = stands_at_hand(frame, row_of, who, lag=lag, lost_to=lost_to) if at_hand else None
    if stands is not None:
        n = np.bincount(stands.row, minlength=rates.n.size)
        k = np.bincount(stands.row, stands.kept, minlength=rates.n.size).astype(np.float64)
        _refuse_other_activity(rates, n.astype(np.float64), k)
        found = sums_side_by_side(stands, beside, rates.n.size)
        return SharedCustomers(rates.n.size, *found)
    pairs = base_and_later(frame, lag=lag, by=who, lost_to=lost_to, later=())
    step, kept = rates.keys["step"], [as_text(name, schema[name]) for name in who]
    pairs = pairs.select("customer_id", *kept, "step", "retained")
    pairs = pairs.filter(nw.col("step").is_in(np.unique(step).tolist()))
    _refuse_other_activity(rates, *_bases_of_query(pairs, row_of, who, rates.n.size))
    other = pairs
    if beside.others is not None:
        other = pairs.filter(nw.col("step").is_in(np.unique(step[beside.others]).tolist()))
    return _shared_in_pairs(rates.n.size, _beside_each_other(pairs, other, who, beside), row_of)


def _lag_of_rates(rates: object) -> tuple[int, str]:
    """The lag and `lost_to` with which a table of rates was made, 1 and "firm" if it is silent."""
    frame = as_lazy(rates)
    there = [name for name in ("lag", "lost_to") if name in frame.collect_schema()]
    found = collect(frame.select(*there).unique()) if there else {}
    lags, words = found.get("lag", np.array([1])), found.get("lost_to", np.array(["firm"]))
    if max(lags.size, words.size) > 1:
        raise ContentError("The rates were made with several lags: compare those of one.")
    return (int(lags[0]), str(words[0])) if lags.size and words.size else (1, "firm")


def _bases_of_query(
    pairs: Frame, row_of: Mapping[tuple[object, ...], int], who: Sequence[str], n_rows: int
) -> tuple[Floats, Floats]:
    """How many customers the activity has in each row, and how many of them were kept."""
    counted = pairs.group_by(*who, "step").agg(nw.len().alias("_n"), nw.col("retained").sum())
    found = collect(counted)
    row = _rows_found(found, (*who, "step"), row_of)
    n, k = np.zeros(n_rows), np.zeros(n_rows)
    n[row[row >= 0]] = found["_n"][row >= 0]
    k[row[row >= 0]] = found["retained"][row >= 0]
    return n, k


def _rows_by_key(rates: CountedRates, who: Sequence[str]) -> dict[tuple[object, ...], int]:
    columns = [rates.keys[name].tolist() for name in (*who, "step")]
    return {key: row for row, key in enumerate(zip(*columns, strict=True))}


def _rows_found(
    found: Columns, columns: Sequence[str], row_of: Mapping[tuple[object, ...], int]
) -> Rows:
    """The row of each key, −1 where the table of rates has none."""
    keys = zip(*(found[name].tolist() for name in columns), strict=True)
    return np.array([row_of.get(key, -1) for key in keys], np.intp)


def _refuse_other_activity(rates: CountedRates, n: Floats, k: Floats) -> None:
    kept = rates.n - rates.k if rates.figure == "churn_rate" else rates.k
    wrong = (np.nan_to_num(rates.n) != n) | (np.nan_to_num(kept) != k)
    wrong &= ~np.isnan(rates.n)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ContentError(
            f"The rates are not those of `activity`: {int(wrong.sum()):,} rows differ. The first "
            f"keeps {kept[at]:g} of {rates.n[at]:g} customers, in the activity {k[at]:g} of "
            f"{n[at]:g}. Give the activity of which retention_rate, churn_by or outcome_kpis "
            "made them, with the same `by=`."
        )


def _beside_each_other(
    pairs: Frame, other: Frame, who: Sequence[str], beside: Beside
) -> tuple[Columns, list[str], list[str]]:
    """Counted in the engine: each customer's rows beside each other, of which rows.

    Returns:
        The counts, the columns that tell the one row, and those that tell the other.
    """
    same = beside.alike
    cell = [*who, "step"]
    others = [name if name in same else f"_other_{i}" for i, name in enumerate(cell)]
    if beside.apart:
        other = other.with_columns(step=nw.col("step") + beside.apart)
    renamed = {name: new for name, new in zip(cell, others, strict=True) if new != name}
    other = other.rename({**renamed, "retained": "_kept"})
    both = count((nw.col("retained") == 1) & (nw.col("_kept") == 1))
    met = pairs.join(other, on=["customer_id", *same], how="inner").with_columns(_both=both)
    summed = met.group_by(*dict.fromkeys([*cell, *others])).agg(
        nw.len().alias("n"),
        nw.col("retained").sum().alias("k"),
        nw.col("_kept").sum().alias("k_other"),
        nw.col("_both").sum().alias("k_both"),
    )
    found = collect(summed)
    if beside.apart:
        found["_before"], others[-1] = found["step"] - beside.apart, "_before"
    return found, cell, others


def _shared_in_pairs(
    n_rows: int,
    counted: tuple[Columns, list[str], list[str]],
    row_of: Mapping[tuple[object, ...], int],
) -> SharedCustomers:
    found, cell, others = counted
    one, two = _rows_found(found, cell, row_of), _rows_found(found, others, row_of)
    known = (one >= 0) & (two >= 0) & (one != two)
    sums = {name: found[name][known] for name in SUMS}
    return SharedCustomers(n_rows, one[known], two[known], sums)


def correlation_of_rates(
    sums: Columns, first: tuple[Floats, Floats], second: tuple[Floats, Floats]
) -> Floats:
    """The correlation of two rates that share customers, Σ (x − p)(y − q) / √(n p(1−p) m q(1−q)).

    Args:
        sums: over the customers shared: how many `n`, of them kept on the one side `k`, on the
            other `k_other`, on both `k_both`.
        first: k and n of the one rate.
        second: of the other.
    """
    (k, n), (k_other, n_other) = first, second
    p, q = ratio(k, n), ratio(k_other, n_other)
    covered = sums["k_both"] - p * sums["k_other"] - q * sums["k"] + p * q * sums["n"]
    spread = np.sqrt(n * p * (1 - p) * n_other * q * (1 - q))
    return np.clip(np.nan_to_num(ratio(covered, spread)), -1.0, 1.0)


def repeats_of_rest(sums: Columns, kept: tuple[Floats, Floats]) -> Floats:
    """How many times wider the rest's variance is because people stand in several of its parts.

    1 + Σ over each two parts and those in both of (x − q)(y − q) / (m q(1 − q)), and at least 1.

    Args:
        sums: of `sums_with_rest`.
        kept: k and n of the rest.
    """
    q = ratio(*kept)
    covered = sums["rest_both"] - 2 * q * sums["rest_k"] + q**2 * sums["rest_n"]
    return np.maximum(1.0 + np.nan_to_num(ratio(covered, kept[1] * q * (1 - q))), 1.0)


def warn_of_same_customers(of: str, n: int) -> None:
    """Warn that n comparisons of periods take their customers for different people."""
    if of in MOMENTS and n:
        warn(
            f"The {of}s compared have customers in common, and the bounds are those of different "
            "people: too wide as a rule. Give the table from which the rates were made, "
            "`activity=`, and they are counted."
        )
