"""Why two churn rates of the same customers differ, item by item, with nothing left over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ContentError, check_choice, count_of
from retention.frames import Columns, Frame, beside, count, one_row, table_like
from retention.kpis.churn.churned_customers import PARTS
from retention.kpis.churn.difference_counts import counts_of_both_tables
from retention.kpis.churn.difference_items import (
    ABOVE,
    BELOW,
    MORE_THAN_ONCE,
    Side,
    items_above_line,
    items_below_line,
)
from retention.kpis.churn.rates import Convention
from retention.numerics.codes import distinct_segments
from retention.tables import CHURNED, refuse_other_ids, require, segments
from retention.tables.answer_columns import (
    amounts,
    constants,
    differences,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_ROWS = ("a", *ABOVE, *BELOW, "b", "unexplained")
_LINES = ("total", *["above"] * len(ABOVE), *["below"] * len(BELOW), "total", "total")
_A, _B, _REST = 0, len(_ROWS) - 2, len(_ROWS) - 1
_ABOVE, _BELOW = slice(1, 1 + len(ABOVE)), slice(1 + len(ABOVE), _B)
_GAPS = {
    "n_churned": "n_difference",
    "at_risk": "at_risk_difference",
    "sales_churned": "sales_difference",
}
_COUNTED = (
    *("n_customers", "n_churned_a", "n_churned_b", "at_risk_a", "at_risk_b"),
    *("sales_churned_a", "sales_churned_b", "n_without_sales", "_known_a", "_known_b"),
)
_NUMBERS = (
    *("n_customers", "n_churned_a", "n_churned_b", "n_difference"),
    *("at_risk_a", "at_risk_b", "at_risk_difference"),
    *("sales_churned_a", "sales_churned_b", "sales_difference", "n_without_sales"),
    *("churn_rate", "effect_on_rate"),
)


@dataclass(frozen=True, slots=True)
class _Run:
    """What a table of churned customers says of itself."""

    convention: str
    freq: str
    first_step: int
    last_step: int

    @property
    def window(self) -> str:
        """The periods that were judged, as people write them."""
        first, last = (periods.label(s, self.freq) for s in (self.first_step, self.last_step))
        return f"{first} to {last}"


@gives(
    "segment, period and item",
    times("period"),
    whole_numbers("step"),
    texts("item", "line"),
    whole_numbers("n_customers", "n_churned_a", "n_churned_b", "n_difference"),
    numbers("at_risk_a", "at_risk_b", "at_risk_difference", unit="customers"),
    amounts("sales_churned_a", "sales_churned_b", "sales_difference"),
    whole_numbers("n_without_sales"),
    shares("churn_rate"),
    differences("effect_on_rate"),
    constants(texts("convention_a", "convention_b")),
)
def explain_difference(a: IntoFrameT, b: IntoFrameT, *, by: str | Sequence[str] = ()) -> IntoFrameT:
    """Why two churn rates do not match: what each kind of customer does to the difference.

    Each customer of a period is looked up in both tables; what they did and how they are counted
    says which item they belong to. With N the churned and R those at risk, Δ the value in b less
    that in a, and i the items above and j those below the line:

        N_b − N_a = Σ ΔN_i,  R_b − R_a = Σ ΔR_j
        rate_b − rate_a = Σ ΔN_i / R_a  −  Σ ΔR_j · rate_b / R_a

    So the items above the line are valued at the denominator of a, those below it at the rate of b.
    The last row is b less a less all items, computed: it is 0 but for the rounding of a computer.

    Items above the line, in this order: "counted alike"; "only in a: customer not there in b",
    "only in b: customer not there in a", "cancelled in a only", "cancelled in b only", "there in
    one, joined in the other", all of which need different spells; then what conventions do:
    "returned before the close", "joined and cancelled in the period", "not up for renewal", "left
    on another day than the renewal", "a spell of no days" and "ended more than once" (the second
    and further ends of a customer, of whom the first is in another item). Below it: "at risk
    alike"; "only in a: …", "only in b: …", "there in one, joined in the other"; "joined: in the
    denominator", "not up for renewal", "time under observation instead of heads", "under
    observation for another time".

    Args:
        a: a table from `churned_customers`.
        b: another one of the same kind, with the same `freq` and segments: by another convention,
            or of another run (spells from another gap or later data, another `as_of`). Compared are
            the periods that both judge.
        by: the segment columns with which both were made.

    Returns:
        One row per segment, period and item in which there is anybody, in the caller's kind: the
        `by` columns, `period`, `step`; `item`: first "a", the items, "b", last "unexplained";
        `line` ("above", "below" or "total"); `n_customers`; `n_churned_a`, `n_churned_b`
        (customers; ends, with "exposure"), `n_difference`; `at_risk_a`, `at_risk_b`,
        `at_risk_difference`; `sales_churned_a`, `sales_churned_b` (Σ n_churned · sales, in
        currency; null where the sales of nobody in the row are known), `sales_difference`;
        `n_without_sales` (churned customers whose sales are not known: they are left out of the
        sums); `churn_rate` (of rows "a" and "b"; for its bounds see `churn_rate`); `effect_on_rate`
        (null where nobody is at risk in a or in b); the constants `convention_a`, `convention_b`.
        What does not apply to a row is null.

    Raises:
        ColumnError: if a table is not from `churned_customers`, or `by` names no column of it.
        ContentError: if a table is empty or holds several runs, a customer stands twice in a period
            of it, or the two have another `freq` or no period in common.

    Example:
        Bob leaves and is back: lost for the start cohort, kept for the endpoint.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Bob", "Dee"],
        ...     "start": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-01", "2024-01-01", "2024-01-20", "2024-01-25"]
        ...     ),
        ...     "end": pd.to_datetime(["2024-01-31", "2024-01-10", None, None, None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-02-01", grace=0)
        >>> say = {"freq": "month", "as_of": "2024-02-01"}
        >>> a = rt.kpis.churned_customers(spells, convention="endpoint", **say)
        >>> b = rt.kpis.churned_customers(spells, convention="start_cohort", **say)
        >>> found = rt.kpis.explain_difference(a, b)
        >>> found[["item", "n_difference", "churn_rate", "effect_on_rate"]].round(3)
                                item  n_difference  churn_rate  effect_on_rate
        0                          a           NaN       0.333          NaN
        1              counted alike           0.0         NaN        0.000
        2  returned before the close           1.0         NaN        0.333
        3              at risk alike           NaN         NaN        0.000
        4                          b           NaN       0.667          NaN
        5                unexplained           0.0         NaN        0.000

    Source:
        Practice; the split of the difference of two ratios is arithmetic.
    """
    names = segments(by, CHURNED, working=_NUMBERS)
    first, second = (_opened_table(table, side, names) for table, side in ((a, "a"), (b, "b")))
    runs = (_run_of_table(first, "a"), _run_of_table(second, "b"))
    steps = _periods_in_common(runs)
    refuse_other_ids(first, second, ("a", "b"))
    found = counts_of_both_tables(first, beside(first, b, name="b"), names, steps)
    labels, place = distinct_segments(found, names)
    n_segments = len(labels[names[0]]) if names else 1
    cell = place * steps.size + found["step"] - steps[0]
    counted = _counts_of_rows(found, runs, cell, n_segments * steps.size)
    grid = np.tile(steps, n_segments)
    keys: Columns = {name: np.repeat(values, steps.size) for name, values in labels.items()}
    keys |= {"period": periods.first_days(grid, runs[0].freq), "step": grid}
    return table_like(_rows_of_answer(keys, _differences_of_rates(counted), runs), a)


def _opened_table(table: object, name: str, names: list[str]) -> Frame:
    """The table, once it is sure that it has the columns of churned customers."""
    return require(table, replace(CHURNED, name=name), extra=names)


def _run_of_table(frame: Frame, name: str) -> _Run:
    """What the table says of itself, the same in all rows of one run."""
    facts = ("convention", "freq", "first_step", "last_step")
    known = 1 - count(nw.col("part").is_in(list(PARTS)))
    least = [nw.col(column).min().alias(f"{column}_least") for column in facts]
    most = [nw.col(column).max().alias(f"{column}_most") for column in facts]
    asked = frame.with_columns(_other=known).select(*least, *most, nw.col("_other").sum())
    found = one_row(asked)
    if found["freq_least"] is None:
        raise ContentError(f"{name} is empty: it says nothing of any customer.")
    if any(found[f"{column}_least"] != found[f"{column}_most"] for column in facts):
        raise ContentError(
            f"{name} holds several runs of churned_customers (conventions "
            f"{found['convention_least']} to {found['convention_most']}): give one as a and "
            "another one as b."
        )
    check_choice(f"the convention of {name}", found["convention_least"], get_args(Convention))
    periods.check_freq(found["freq_least"])
    if found["_other"]:
        raise ContentError(
            f"{name}: {count_of(int(found['_other']), 'row has', 'rows have')} a part that "
            "churned_customers does not "
            "write. Give its table as it is."
        )
    return _Run(*(found[f"{column}_least"] for column in facts))


def _periods_in_common(runs: tuple[_Run, _Run]) -> NDArray[np.int64]:
    """The periods that both tables judge."""
    a, b = runs
    if a.freq != b.freq:
        raise ContentError(f"a goes by {a.freq}, b by {b.freq}: make both with one freq.")
    first, last = max(a.first_step, b.first_step), min(a.last_step, b.last_step)
    if first > last:
        raise ContentError(f"a judges {a.window}, b {b.window}: no {a.freq} is in both.")
    return np.arange(first, last + 1)


def _counts_of_rows(
    found: Columns, runs: tuple[_Run, _Run], cell: NDArray[np.int64], n_cells: int
) -> Columns:
    """All numbers as arrays of cells × `_ROWS`, without what follows from others."""
    a, b = (
        Side(run.convention, found[f"_part_{s}"], found[f"_n_{s}"], found[f"_below_{s}"] > 0, only)
        for only, (run, s) in enumerate(zip(runs, "ab", strict=True))
    )
    table: Columns = {name: np.zeros((n_cells, len(_ROWS))) for name in _COUNTED}
    for row, values in _contributions_to_rows(found, a, b):
        into = row >= 0
        for name, value in values.items():
            np.add.at(table[name], (cell[into], row[into]), value[into])
    for side, has in (("a", a), ("b", b)):
        if not found[f"_known_{side}"][~has.lacks].any():
            table[f"sales_churned_{side}"][:] = np.nan
    return table


def _contributions_to_rows(
    found: Columns, a: Side, b: Side
) -> list[tuple[NDArray[np.int64], dict[str, NDArray[Any]]]]:
    """To which row customers belong, −1 for none, and with which numbers they do."""
    none = np.zeros_like(a.n_churned)
    further = [np.maximum(side.n_churned - 1, 0) for side in (a, b)]
    apart = further[0] != further[1]
    once = [np.where(apart, np.minimum(side.n_churned, 1), side.n_churned) for side in (a, b)]
    same = found["_same"] == 1
    above, below = items_above_line(a, b), items_below_line(a, b, same)
    lost = ((above < 0) & (a.n_churned != b.n_churned)) | ((below < 0) & ~same)
    risks = {f"at_risk_{side}": found[f"_risk_{side}"] for side in "ab"}
    people = {"n_customers": found["_customers"]}
    return [
        (np.where(a.lacks, -1, _A), people | risks | _churned_of_tables(found, a.n_churned, none)),
        (np.where(above < 0, -1, _ABOVE.start + above), people | _churned_of_tables(found, *once)),
        (
            np.where(apart, _ABOVE.start + MORE_THAN_ONCE, -1),
            people | _churned_of_tables(found, *further),
        ),
        (np.where(below < 0, -1, _BELOW.start + below), people | risks),
        (np.where(b.lacks, -1, _B), people | risks | _churned_of_tables(found, none, b.n_churned)),
        (np.where(lost, _REST, -1), people),
    ]


def _churned_of_tables(found: Columns, in_a: NDArray[np.int64], in_b: NDArray[np.int64]) -> Columns:
    """So many ends of each customer in a and b, and the money of the customers."""
    unknown = np.zeros(in_a.size, dtype=bool)
    made: Columns = {}
    for side, ends in (("a", in_a), ("b", in_b)):
        made[f"n_churned_{side}"] = ends * found["_customers"]
        made[f"sales_churned_{side}"] = ends * found[f"_sales_{side}"]
        made[f"_known_{side}"] = made[f"n_churned_{side}"] * found[f"_known_{side}"]
        unknown |= (ends > 0) & (found[f"_known_{side}"] == 0)
    return made | {"n_without_sales": np.where(unknown, found["_customers"], 0)}


def _differences_of_rates(counted: Columns) -> Columns:
    """The differences, the rates, what each item does to them, and what is left unexplained."""
    table = dict(counted)
    items = slice(_A + 1, _B)
    for name, gap in _GAPS.items():
        a, b = (table[f"{name}_{side}"] for side in "ab")
        table[gap] = b - a
        table[gap][:, _REST] = b[:, _B] - a[:, _A] - table[gap][:, items].sum(axis=1)
        for values, row in ((a, _A), (b, _B)):
            values[:, _REST] = values[:, row] - values[:, items].sum(axis=1)
    rate = {s: table[f"n_churned_{s}"][:, r] for s, r in (("a", _A), ("b", _B))}
    risk = {s: table[f"at_risk_{s}"][:, r] for s, r in (("a", _A), ("b", _B))}
    rate = {side: intervals.ratio(rate[side], risk[side])[:, None] for side in "ab"}
    table["churn_rate"] = np.full_like(table["n_difference"], np.nan)
    table["churn_rate"][:, [_A, _B]] = np.hstack([rate["a"], rate["b"]])
    table["effect_on_rate"] = _effects_of_items(table, rate["a"], rate["b"], risk["a"][:, None])
    return _table_with_nulls(table)


def _effects_of_items(
    table: Columns, rate_a: NDArray[Any], rate_b: NDArray[Any], risk_a: NDArray[Any]
) -> NDArray[Any]:
    """Items above the line at the denominator of a, those below it at the rate of b."""
    unit = 1 / np.where(np.isnan(rate_a - rate_b), np.nan, risk_a)
    effect = np.zeros_like(table["n_difference"])
    effect[:, _ABOVE] = table["n_difference"][:, _ABOVE] * unit
    effect[:, _BELOW] = 0 - table["at_risk_difference"][:, _BELOW] * rate_b * unit
    effect[:, [_REST]] = rate_b - rate_a - effect.sum(axis=1, keepdims=True)
    return effect


def _table_with_nulls(table: Columns) -> Columns:
    """Null where a number does not apply to a row, or the sales of nobody in it are known."""
    for side in "ab":
        unknown = (table[f"n_churned_{side}"] > 0) & (table[f"_known_{side}"] == 0)
        unknown[:, _REST] = False
        for name in (f"sales_churned_{side}", "sales_difference"):
            table[name][unknown] = np.nan
    for name, values in table.items():
        if name == "n_customers":
            continue
        if name.endswith("_a"):
            values[:, _B] = np.nan
        elif name.endswith("_b"):
            values[:, _A] = np.nan
        elif name.endswith("_difference") or name == "effect_on_rate":
            values[:, [_A, _B]] = np.nan
        if name.startswith("at_risk"):
            values[:, _ABOVE] = np.nan
        elif name.startswith(("n_", "sales_")):
            values[:, _BELOW] = np.nan
    table["n_without_sales"][:, _REST] = np.nan
    return table


def _rows_of_answer(keys: Columns, table: Columns, runs: tuple[_Run, _Run]) -> Columns:
    """One row per cell and item in which there is anybody, and those of the totals."""
    n_cells = len(keys["step"])
    shown = table["n_customers"] > 0
    shown[:, [_A, _B, _REST]] = True
    place = shown.ravel()
    made: Columns = {n: np.repeat(v, len(_ROWS))[place] for n, v in keys.items()}
    said = {"item": _ROWS, "line": _LINES}
    made |= {n: np.tile(np.array(v, dtype=object), n_cells)[place] for n, v in said.items()}
    made |= {name: table[name].ravel()[place] for name in _NUMBERS}
    made["n_customers"] = made["n_customers"].astype(np.int64)
    for side, run in zip("ab", runs, strict=True):
        made[f"convention_{side}"] = np.full(int(place.sum()), run.convention, dtype=object)
    return made
