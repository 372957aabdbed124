"""Two tables of churned customers beside each other, collapsed to customers who are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ContentError, count_of
from retention.frames import Columns, Frame, as_text, collect, count
from retention.kpis.churn.churned_customers import PARTS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def counts_of_both_tables(
    a: Frame, b: Frame, names: list[str], steps: NDArray[np.int64]
) -> Columns:
    """How many customers did and counted what in the two tables, in each segment and period.

    Args:
        a: a table of churned customers.
        b: another one, on the same engine.
        names: the segment columns.
        steps: the periods that both judge.

    Returns:
        For customers who are alike: the segments, `step`; of each table `_part_…` (the place in
        `PARTS`, from 1 on; 0 without a row), `_n_…` (how often each churned), `_known_…` (whether
        their sales are known), `_below_…` (whether they are at risk), `_same` (1 if as much in
        both); `_customers`; and the sums `_risk_…` and `_sales_…`.

    Raises:
        ContentError: if a customer stands twice in a table.
    """
    key = ["customer_id", *names, "step"]
    mine, other = (table.collect_schema()["customer_id"] for table in (a, b))
    if mine != other:
        b = b.with_columns(nw.col("customer_id").cast(mine))
    sides = [_table_on_its_side(table, side, key) for table, side in ((a, "a"), (b, "b"))]
    within = (nw.col("step") >= int(steps[0])) & (nw.col("step") <= int(steps[-1]))
    values = [name for name in sides[0].collect_schema().names() if name not in key]
    met = (
        nw.concat(sides).filter(within).group_by(*key).agg(*(nw.col(name).sum() for name in values))
    )
    told = met.with_columns(
        _below_a=count(nw.col("_risk_a") > 0),
        _below_b=count(nw.col("_risk_b") > 0),
        _same=count(nw.col("_risk_a") == nw.col("_risk_b")),
        _twice=count((nw.col("_row_a") > 1) | (nw.col("_row_b") > 1)),
    )
    alike = [f"_{name}_{side}" for name in ("part", "n", "known", "below") for side in "ab"]
    sums = [f"_{name}_{side}" for name in ("risk", "sales") for side in "ab"]
    cells = told.group_by(*names, "step", *alike, "_same").agg(
        nw.len().alias("_customers"), *(nw.col(name).sum() for name in (*sums, "_twice"))
    )
    whole = ["step", *alike, "_same", "_customers", "_twice"]
    found = collect(cells.with_columns(nw.col(*whole).cast(nw.Int64)))
    _refuse_repeats(int(found["_twice"].sum()), names)
    return found | {name: found[name].astype(np.int64) for name in whole}


def _table_on_its_side(table: Frame, side: str, key: list[str]) -> Frame:
    """One table, with its numbers under the name of its side and nothing under the other."""
    part = nw.when(nw.col("part") == PARTS[0]).then(nw.lit(1))
    for place, text in enumerate(PARTS[1:], start=2):
        part = part.when(nw.col("part") == text).then(nw.lit(place))
    whole = {
        "part": part.otherwise(nw.lit(0)),
        "n": nw.col("n_churned"),
        "known": count(~nw.col("sales").is_null()),
        "row": nw.lit(1),
    }
    amounts = {"risk": nw.col("at_risk"), "sales": nw.col("sales").fill_null(0.0)}
    made: dict[str, nw.Expr] = {}
    for to in "ab":
        made |= {f"_{n}_{to}": (v if to == side else nw.lit(0)) for n, v in whole.items()}
        made |= {f"_{n}_{to}": (v if to == side else nw.lit(0.0)) for n, v in amounts.items()}
    schema = table.collect_schema()
    labels = [as_text(name, schema[name]) for name in key[1:-1]]
    rows = table.select("customer_id", *labels, "step", **made)
    floats = [name for name in made if name.startswith(("_risk", "_sales"))]
    ints = [name for name in made if name not in floats]
    return rows.with_columns(nw.col(*ints, "step").cast(nw.Int64), nw.col(*floats).cast(nw.Float64))


def _refuse_repeats(twice: int, names: list[str]) -> None:
    if twice:
        said = f"by={names!r}" if names else "no by="
        raise ContentError(
            f"{count_of(twice, 'customer stands', 'customers stand')} twice in a period of a or "
            f"b, with {said}. Say the by= that "
            "both were made with. Was a table put below itself?"
        )
