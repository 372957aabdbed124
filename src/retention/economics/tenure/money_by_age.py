"""What customers have brought since they began, summed by the period of that and by age."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.activity.at_hand import Places
from retention.activity.base_and_later import activity_by_segments, has_starts
from retention.activity.panel_at_hand import PanelAtHand, panel_at_hand, rows_in_first_segments
from retention.activity.window import CONSTANTS, window_of
from retention.frames import Columns, Frame, collect, is_at_hand, same_values_of, with_first
from retention.kpis.cohorts.counts import Ageing, activity_by_unit
from retention.numerics.keyed_rows import KeyedRows, cells_of_keys, starts_of_runs
from retention.tables import ACTIVITY, refuse_several_each, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

_WHO = "customer_id"
_SUMS = ("_y", "_squares", "_size", "_unknown")


@dataclass(frozen=True, slots=True)
class Watched:
    """Which periods customers were watched in.

    Attributes:
        first: the first whole period; of contracts that of the first start, if it came before.
        last: the last one that is over.
        freq: its length.
        starts_known: whether it is known of everybody when they began, as of contracts.
    """

    first: int
    last: int
    freq: str
    starts_known: bool


def money_by_age(activity: object, of: str, by: Sequence[str]) -> tuple[Columns, Watched]:
    """Sums over customers for each segment, period of the start and age.

    With y what a customer brought at an age and c all since the start, at this age and before it:

    Returns:
        One row per segment, `_start` and `_age` of which somebody has a row: `n` (customers who
        have one), `_y` (Σ y), `_squares` (by how much Σ c² grew), `_size` (by how much Σ |c| grew),
        `_unknown` (of how many y is not known); and what was watched.

    Raises:
        ContentError: if the activity is empty.
    """
    plain = is_at_hand(activity)
    scanned = require(activity, ACTIVITY, extra=by, by_row=plain)
    refuse_several_each(scanned, ACTIVITY, by)
    starts = has_starts(scanned)
    counted = None
    if plain and not starts:
        counted = _money_at_hand(scanned, of, by)
    if counted is None:
        counted = _money_by_query(scanned, of, by, starts=starts)
    limits = window_of(scanned, empty="there is no customer to follow", counted=counted)
    first = int(counted["_start"].min(initial=limits.first_step)) if starts else limits.first_step
    # Of contracts the last period has only opened: what it brings is still to come.
    watched = Watched(first, limits.last_step - starts, limits.freq, starts)
    return {name: values for name, values in counted.items() if name not in CONSTANTS}, watched


def _money_by_query(scanned: Frame, of: str, by: Sequence[str], *, starts: bool) -> Columns:
    """The sums by the user's engine."""
    asked = Ageing("bracket", of, "current", (), "first", None, "calendar", "monday")
    firm = activity_by_segments(scanned, (), adds="none", starts=starts)[0]
    # What is the same in every row is not sorted along, as far as it is known.
    same = same_values_of(firm)
    told = [name for name in CONSTANTS if name not in same]
    units = activity_by_unit(firm, asked, None).drop(*same)
    began = units.with_columns(_when=nw.when(nw.col("_on") == 1).then(nw.col("_unit")))
    rows = with_first(began, _WHO, "_when", "_start").drop("_when")
    rows = rows.filter(nw.col("_unit") >= nw.col("_start"))
    known = nw.when(nw.col("_unknown") == 0).then(nw.col("_y")).otherwise(nw.lit(0.0))
    rows = rows.with_columns(_y=known, _age=nw.col("_unit") - nw.col("_start"))
    rows = rows.with_columns(_sum=nw.col("_y").cum_sum().over(_WHO, order_by="_unit"))
    rows = rows.with_columns(_before=nw.col("_sum") - nw.col("_y"))
    rows = rows.with_columns(
        _squares=nw.col("_y") * (nw.col("_sum") + nw.col("_before")),
        _size=nw.col("_sum").abs() - nw.col("_before").abs(),
    )
    if by:
        parts = activity_by_segments(scanned, by, adds="none", starts=starts)[0]
        there = activity_by_unit(parts, asked, None, by).filter(nw.col("_on") == 1)
        there = there.select(_WHO, *by, _start=nw.col("_unit"))
        rows = rows.join(there, on=[_WHO, "_start"], how="inner")
    keys = ["_start", "_age"]
    grouped = rows.group_by(*by, *keys).agg(
        nw.len().alias("_n"),
        *(nw.col(name).sum() for name in _SUMS),
        *(nw.col(name).min() for name in told),
    )
    found = collect(grouped.with_columns(nw.col(*keys, "_n").cast(nw.Int64)))
    return found | {name: np.full(found["_n"].size, value) for name, value in same.items()}


def _money_at_hand(frame: Frame, of: str, by: Sequence[str]) -> Columns | None:
    """The same of a pandas or Polars table of orders; None where that is for a query."""
    panel = panel_at_hand(frame, by, money=(of,))
    if panel is None or not panel.active.any():
        return None
    firm, start = _firm_since_start(panel, of)
    y, unknown = _known_money(firm.money[of])
    so_far = _sums_so_far(y, firm.places.customer)
    before = so_far - y
    terms = {
        "_y": y,
        "_squares": y * (so_far + before),
        "_size": np.abs(so_far) - np.abs(before),
        "_unknown": unknown,
    }
    begun = start[firm.places.customer]
    keys = {"_start": begun + firm.low, "_age": firm.places.step - begun}
    if by:
        parts = panel.part(panel.active).each_once()
        row, keys_of_segment = rows_in_first_segments(firm, parts)
        keys = {"_segment": keys_of_segment} | {name: each[row] for name, each in keys.items()}
        terms = {name: each[row] for name, each in terms.items()}
    keyed = cells_of_keys(keys)
    if keyed is None:
        return None
    cells, found = keyed
    labels = panel.named_segments(found.pop("_segment")) if by else {}
    sums = {name: cells.sums(values) for name, values in terms.items()}
    told = panel.constant_columns(cells.keys.size)
    return {**labels, **found, **sums, "_n": cells.counts(), **told}


def _firm_since_start(panel: PanelAtHand, of: str) -> tuple[PanelAtHand, Whole]:
    """One row per customer and period since they began, and in which period that was."""
    at, firm = panel.places, panel
    if panel.segments or panel.repeats:
        cells = KeyedRows(at.in_firm, at.n_customers * at.n_steps)
        customer, step = np.divmod(cells.keys, at.n_steps)
        at = Places(cells.keys, customer, step, at.n_customers, 1, at.n_steps)
        active = cells.counts(np.flatnonzero(panel.active)) > 0
        money = {of: cells.sums(panel.money[of])}
        firm = replace(panel, places=at, segments={}, active=active, money=money)
    never = at.n_steps
    start = np.full(at.n_customers, never, np.int64)
    on = np.flatnonzero(firm.active)[::-1]
    start[at.customer[on]] = at.step[on]
    return firm.part(at.step >= start[at.customer]), start


def _known_money(y: Floats) -> tuple[Floats, Floats]:
    """Amounts with 0 for those that are not known, and which these are."""
    unknown = np.isnan(y)
    return (np.where(unknown, 0.0, y) if unknown.any() else y), unknown.astype(np.float64)


def _sums_so_far(y: Floats, customer: Whole) -> Floats:
    """All that a customer has brought by each row; rows of one stand one below the other."""
    opens = np.flatnonzero(starts_of_runs(customer))
    many = np.diff(opens, append=customer.size)
    found, k = y.copy(), 1
    while opens.size:
        longer = many > k
        opens, many = opens[longer], many[longer]
        found[opens + k] += found[opens + k - 1]
        k += 1
    return found
