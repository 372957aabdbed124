"""Costs beside an activity: of which kind each is, whose, and in which period it falls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.activity.base_and_later import activity_by_segments
from retention.activity.window import window_of
from retention.errors import (
    ColumnError,
    ContentError,
    RetentionError,
    nearest_name,
    warn,
)
from retention.frames import Frame, as_text, beside, collect, count
from retention.orders import MOST
from retention.tables import (
    ACTIVITY,
    COSTS,
    keeping,
    refuse_apart,
    refuse_other_ids,
    require,
    segments,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Columns
    from retention.tables import Adds

_MISSING = "(missing)"
ALL = "(all)"
"""What the row of all kinds together is called."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Costs, one a row, beside the activity on whose engine they are.

    `frame` has the segments `names`, `kind`, `amount`, `step`, `_own` (1 where it was for one
    customer) and, where any was, `customer_id` as the activity writes it; `activity` is taken
    together over the same segments; `kinds` are all there are, `of` those that were asked for;
    `window` is the first and last whole period and their length.
    """

    frame: Frame
    activity: Frame
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    of: tuple[str, ...]
    window: periods.Window
    owned: bool

    @property
    def is_inside(self) -> nw.Expr:
        """Where a cost falls in the window."""
        first, last, _ = self.window
        return (nw.col("step") >= first) & (nw.col("step") <= last)

    @property
    def is_asked(self) -> nw.Expr:
        """Where a cost is of one of the kinds that were asked for."""
        return nw.col("kind").is_in(list(self.of))

    @property
    def window_in_words(self) -> str:
        """The window as people say it."""
        first, last, freq = self.window
        return f"{periods.label(first, freq)} to {periods.label(last, freq)}"


def cost_lines(
    costs: object,
    activity: object,
    *,
    of: str | Sequence[str],
    by: str | Sequence[str],
    argument: str,
    working: Sequence[str] = (),
) -> Lines:
    """The costs numbered by period, with segments and kinds as text, once they are fit for it.

    Args:
        costs: a table of costs.
        activity: an activity of the same engine.
        of: the kinds that were asked for.
        by: segment columns of both tables.
        argument: what the user calls the segments.
        working: columns on the way to the answer, which no segment may be named like.

    Raises:
        ColumnError: if a column is missing, or ids cannot be those of the activity.
        ContentError: if a table is empty, a cost lacks its kind, date or amount, or `of` names a
            kind that does not occur.
    """
    names = segments(by, COSTS)
    tables = {
        kind: require(t, kind, adds="none") for kind, t in ((ACTIVITY, activity), (COSTS, costs))
    }
    for kind, table in tables.items():
        present = table.collect_schema()
        for name in names:
            if name not in present:
                said = f"{argument} (in {kind.name})"
                raise ColumnError.unknown(said, name, present, kept=keeping(kind))
    refuse_apart(tables, names)
    adds: Adds = "within" if argument == "by" else "all"  # else the answer does not say segments
    require(costs, COSTS, extra=names, adds=adds)
    frame, _ = activity_by_segments(activity, names, working=working, adds=adds)
    schema = frame.collect_schema()
    frame = frame.with_columns(as_text(name, schema[name]) for name in names)
    window = window_of(frame, empty="there is no customer to bear a cost")
    lines = beside(frame, costs, name="costs")
    told = _counts_by_kind(lines)
    kinds = tuple(sorted(str(kind) for kind in told["kind"]))
    wanted = _wanted_kinds(of, kinds)
    owned = bool(told["own"].sum())
    numbered = _costs_by_period(lines, frame, names, window.freq, owned=owned)
    return Lines(numbered, frame, tuple(names), kinds, wanted, window, owned)


def warn_of_costs_outside(n: int, amount: float, where: str) -> None:
    """Warn of costs that are in no period's figure.

    Args:
        n: how many costs.
        amount: their sum.
        where: why, and where they are shown.
    """
    if n:
        warn(f"{n:,} cost{'s' * (n != 1)} ({amount:,.2f} in sum) {where}.")


def _counts_by_kind(lines: Frame) -> Columns:
    """How many costs there are of each kind and how many have a customer, once all are usable."""
    schema = lines.collect_schema()
    amount = nw.col("amount")
    flagged = lines.select(
        "date",
        as_text("kind", schema["kind"]),
        fit=count((amount >= -MOST) & (amount <= MOST)),
        own=count(_has_customer(schema)),
        odd=count(_is_no_id(schema)),
    )
    sums = [nw.col(name).sum() for name in ("fit", "own", "odd")]
    grouped = flagged.group_by("kind").agg(nw.len().alias("n"), nw.col("date").count(), *sums)
    found = collect(grouped.with_columns(nw.col("n", "date", "fit", "own", "odd").cast(nw.Int64)))
    _refuse_gaps_of_costs(found)
    return found


def _refuse_gaps_of_costs(found: Columns) -> None:
    n = int(found["n"].sum())
    if not n:
        raise ContentError("costs is empty: there is no cost in it.")
    gaps = {
        "kind": int(found["n"][found["kind"] == _MISSING].sum()),
        "date": n - int(found["date"].sum()),
        "amount": n - int(found["fit"].sum()),
        "customer_id": int(found["odd"].sum()),
    }
    for column, gap in gaps.items():
        if gap:
            raise ContentError(
                f"costs: {gap:,} of {n:,} rows have no usable {column!r} (missing, no amount of "
                "money, or no whole number). as_costs(...) names them."
            )
    if ALL in found["kind"]:
        raise ContentError(f"costs: a kind is called {ALL!r}, as all kinds together. Rename it.")


def _has_customer(schema: Mapping[str, nw.dtypes.DType]) -> nw.Expr:
    """Where a cost was for one customer; in pandas a gap among whole numbers is NaN."""
    if "customer_id" not in schema:
        return nw.col("kind").is_null() & ~nw.col("kind").is_null()  # nowhere
    whose, dtype = nw.col("customer_id"), schema["customer_id"]
    if dtype.is_integer():
        return ~whose.is_null()
    return ~whose.is_null() & (
        ~whose.cast(nw.Float64).is_nan() if dtype.is_numeric() else whose != ""
    )


def _is_no_id(schema: Mapping[str, nw.dtypes.DType]) -> nw.Expr:
    """Where a number in place of an id is not whole."""
    dtype = schema.get("customer_id")
    if dtype is None or not dtype.is_numeric() or dtype.is_integer():
        return nw.col("kind").is_null() & ~nw.col("kind").is_null()  # nowhere
    whose = nw.col("customer_id").cast(nw.Float64)
    return _has_customer(schema) & (whose != whose.floor())


def _wanted_kinds(of: Any, kinds: Sequence[str]) -> tuple[str, ...]:
    listed = ", ".join(map(repr, kinds[:20])) + ", …" * (len(kinds) > 20)
    if not isinstance(of, Iterable):
        raise RetentionError(f"of must name kinds of cost; got {of!r}. There is: {listed}.")
    asked = dict.fromkeys(map(str, [of] if isinstance(of, str) else of))
    if not asked:
        raise RetentionError(f"of is empty: name the kinds of cost that count. There is: {listed}.")
    for kind in asked:
        if kind not in kinds:
            near = nearest_name(str(kind), kinds)
            hint = f" Did you mean {near!r}?" if near else ""
            raise ContentError(
                f"of names {kind!r}, which is no kind of these costs.{hint} There is: {listed}."
            )
    return tuple(asked)


def _costs_by_period(
    lines: Frame, frame: Frame, names: Sequence[str], freq: str, *, owned: bool
) -> Frame:
    schema = lines.collect_schema()
    has_customer = _has_customer(schema)
    dated = lines.with_columns(_day=periods.day_expr("date", lines.implementation))
    rows = dated.select(
        *(as_text(name, schema[name]) for name in names),
        *(["customer_id"] if owned else []),
        as_text("kind", schema["kind"]),
        nw.col("amount").cast(nw.Float64),
        step=periods.step_expr("date", "_day", freq).cast(nw.Int64),
        _own=count(has_customer),
    )
    if not owned:
        return rows
    whose = nw.col("customer_id")
    if schema["customer_id"].is_numeric():
        whose = nw.when(nw.col("_own") == 1).then(whose).otherwise(nw.lit(0)).cast(nw.Int64)
    rows = rows.with_columns(customer_id=whose)
    refuse_other_ids(frame, rows, ("activity", "costs"))
    return rows.with_columns(customer_id=whose.cast(frame.collect_schema()["customer_id"]))
