"""The counts and sums behind every outcome KPI, of customers at hand: as a query tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.activity.window import CONSTANTS
from retention.frames import numbers_of_values, rows_at_hand
from retention.numerics.keyed_rows import KeyedRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns, Frame

    Floats = NDArray[np.float64]


def counted_at_hand(
    pairs: Frame,
    names: Sequence[str],
    bases: Mapping[str, str],
    called: Mapping[str, tuple[str, str]],
) -> Columns | None:
    """Counts and sums of each segment and base period in which there is somebody.

    Args:
        pairs: customers and what became of them, of a pandas or Polars table.
        names: the segments.
        bases: for each money that is wanted, its basis.
        called: what each is called in the base period and later.

    Returns:
        None where there is nobody.
    """
    money = [called[name][basis != "base"] for name, basis in bases.items()]
    money = sorted({*money, *(called[name][0] for name in bases)})
    table = rows_at_hand(pairs.select(*names, "step", "retained", *CONSTANTS, *money))
    segments = {name: numbers_of_values(table[name]) for name in names}
    known = {name: each for name, each in segments.items() if each and not each.has_missing}
    if not len(table) or len(known) < len(names):
        return None
    step, stayed = (table[name].to_numpy().astype(np.int64) for name in ("step", "retained"))
    first = int(step.min())
    n_steps = int(step.max()) - first + 1
    key, size = step - first, n_steps
    for name in reversed(names):
        key, size = key + known[name].number * size, size * known[name].size
    cells = KeyedRows(key, size)
    found: Columns = {}
    rest = cells.keys // n_steps
    for name in reversed(names):
        rest, place = np.divmod(rest, known[name].size)
        found[name] = np.asarray(known[name].named(place).to_numpy(), dtype=object)
    found["step"] = cells.keys % n_steps + first
    found |= {"n_base": cells.counts(), "n_retained": cells.counts(stayed == 1)}
    constants = (table["first_step"].min(), table["last_step"].max(), table["freq"][0])
    for name, value in zip(CONSTANTS, constants, strict=True):
        found[name] = np.full(cells.keys.size, value)
    for name, basis in bases.items():
        base, later = called[name]
        x = table[base].to_numpy().astype(np.float64)
        y = x if basis == "base" else table[later].to_numpy().astype(np.float64)
        y = np.minimum(x, y) if basis == "capped" else y
        sums = _sums_of_money(cells, x, y, stayed == 1, of_base=basis == "base")
        found |= {f"{name}_{which}": values for which, values in sums.items()}
    return found


def _sums_of_money(
    cells: KeyedRows, x: Floats, y: Floats, stayed: NDArray[np.bool_], *, of_base: bool
) -> Columns:
    """The sums of one money, of which `x` is the base and `y` what the retained count for."""
    kept = np.where(stayed, y, x * 0.0)
    there = ~(np.isnan(x) | (stayed & np.isnan(y)))
    known, counted = np.where(np.isnan(x), 0.0, x), np.where(np.isnan(kept), 0.0, kept)
    total, retained = cells.sums(known), cells.sums(counted)
    if of_base:
        # The residuals are (1 − r) x and −r x: their squares need no second pass.
        squared = counted * known
    else:
        rate = np.divide(retained, total, out=np.full(total.size, np.nan), where=total > 0)
        residual = kept - cells.of_rows(rate) * x
        squared = np.where(np.isnan(residual), 0.0, residual * residual)
    return {
        "base": total,
        "retained": retained,
        "squares": cells.sums(known * known),
        "residuals": cells.sums(squared),
        "least": cells.least_below_zero(known),
        "known": cells.counts(there),
    }
