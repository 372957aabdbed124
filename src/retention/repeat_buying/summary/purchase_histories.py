"""From a purchase summary to the different histories in it, each with how many customers share it.

Models are fitted on different histories and their predictions are made on them, so that the cost
grows with how many differ and not with how many customers there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, RetentionError, count_of
from retention.frames import Columns, Frame, as_lazy, collect, count, is_lazy, one_row
from retention.names import inner_name, own_name
from retention.numerics.distinct_rows import Alike, distinct_rows
from retention.orders import MOST
from retention.periods import DAYS
from retention.repeat_buying.summary.covariate_terms import (
    covariates_of_table,
    refuse_useless_terms,
)
from retention.tables import PURCHASE_SUMMARY, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from retention.repeat_buying.summary.covariate_terms import Covariates
    from retention.tables import Adds, Kind

    Floats = NDArray[np.float64]

LONGEST = 1e9
"""No age may be longer: in days it is more than two million years."""

_OFTENEST = 1_000_000
"""Nobody buys on more days."""

_MOST = {"x": _OFTENEST, "t_x": LONGEST, "T": LONGEST}
_NUMBER, _UNIT = own_name("n"), own_name("unit")


@dataclass(frozen=True, slots=True)
class Histories:
    """The different histories of customers, sorted by x, T and t_x.

    Attributes:
        x: repeat purchases, whole numbers.
        t_x: age at the last purchase, 0 where x is 0.
        T: age on the last observed day.
        n: how many customers have the history.
        unit: of the ages, "day" or "week"; None where the summary does not say.
        terms: numbers of covariates, one row a history; None where there are none. Histories differ
            where they do, and are sorted by them before t_x.
    """

    x: Floats
    t_x: Floats
    T: Floats
    n: NDArray[np.int64]
    unit: str | None
    terms: Floats | None = None

    @property
    def n_customers(self) -> int:
        """How many customers there are."""
        return int(self.n.sum())


@dataclass(frozen=True, slots=True)
class Customers:
    """The customers of a summary, in its order, and the different histories they have.

    Attributes:
        customer_id: of each customer.
        histories: the different ones.
        place: which of the histories is the customer's: `values[place]` is a value a customer.
        mean_sales: of the customer's repeat purchases, NaN where there is none; None if not asked.
    """

    customer_id: NDArray[Any]
    histories: Histories
    place: NDArray[np.int64]
    mean_sales: Floats | None


@dataclass(frozen=True, slots=True)
class Spend:
    """What customers with a repeat purchase spend.

    Attributes:
        x: repeat purchases, 1 or more.
        mean_sales: mean sales of a repeat purchase; may be 0 or less where zero orders or refunds
            are counted.
        n: how many customers an element stands for: those of a lazy summary are counted by the
            engine that holds it, those of an eager one seldom have the same mean.
    """

    x: Floats
    mean_sales: Floats
    n: NDArray[np.int64]


def read_histories(summary: object, *, table: str = "summary") -> Histories:
    """The different histories of a summary; a lazy one is counted by the engine that holds it.

    Args:
        summary: a table of kind `PURCHASE_SUMMARY`.
        table: what messages call it.

    Raises:
        ColumnError: if `x`, `t_x` or `T` is missing or of the wrong type.
        ContentError: if it is empty, holds a history that cannot be, or several units.
    """
    frame, found = collected_histories(summary)
    return distinct_histories(found, frame, table)[0]


def collected_histories(summary: object, further: Sequence[str] = ()) -> tuple[Frame, Columns]:
    """The summary, and its histories with further columns, counted if it is a lazy one.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
    """
    by_row = not is_lazy(summary)
    frame = require(
        summary, PURCHASE_SUMMARY, extra=further, alone=True, by_row=by_row, adds="none"
    )
    rows = _histories_with_unit(frame, *further)
    if is_lazy(summary):
        rows = rows.group_by(*rows.collect_schema()).agg(nw.len().alias(_NUMBER))
    return frame, collect(rows)


def histories_with_covariates(
    summary: object, buying: Sequence[str], leaving: Sequence[str], *, table: str = "summary"
) -> tuple[Covariates, Histories]:
    """The covariates of a summary, as they are learnt from it, and its different histories.

    Args:
        summary: a table of kind `PURCHASE_SUMMARY` with the columns of the covariates.
        buying: columns that tell how often customers buy.
        leaving: columns that tell how soon they leave.
        table: what messages call it.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: as `read_histories`, or if a covariate is missing for somebody, is the same
            for all or follows from others.
    """
    asked = {"buying_covariates": buying, "leaving_covariates": leaving}
    refuse_unknown_columns(summary, asked)
    frame, found = collected_histories(summary, list(dict.fromkeys([*buying, *leaving])))
    each, size = found.get(_NUMBER), found["x"].size
    if not size:
        raise ContentError(f"{table} is empty: there is no customer in it.")
    known = covariates_of_table(buying, leaving, found, each)
    terms = known.terms_of(found, size)
    on = distinct_histories(found, frame, table, terms)[0]
    refuse_useless_terms(known, terms, np.ones(size, np.int64) if each is None else each)
    return known, on


def refuse_unknown_columns(summary: object, asked: Mapping[str, Sequence[str]]) -> None:
    """Refuse columns that the summary does not have.

    Args:
        summary: the table.
        asked: the columns, by who names them.

    Raises:
        ColumnError: if there is one.
    """
    if not any(asked.values()):
        return
    present = as_lazy(summary, name=PURCHASE_SUMMARY.name, by_row=True).collect_schema()
    for argument, names in asked.items():
        for name in names:
            if inner_name(name) not in present:
                raise ColumnError.unknown(argument, name, present)


def read_customers(
    summary: object,
    *,
    spend: bool = False,
    table: str = "summary",
    covariates: Covariates | None = None,
) -> Customers:
    """The customers of a summary, for values that go back to each of them.

    Args:
        summary: a table of kind `PURCHASE_SUMMARY` with `customer_id`.
        spend: whether `mean_sales` is wanted as well.
        table: what messages call it.
        covariates: that tell customers apart as well.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if it is empty, holds a history that cannot be, or several units.
    """
    adds: Adds = "all" if spend else "none"
    further = () if covariates is None else covariates.columns
    refuse_unknown_columns(summary, {"the model": further})
    frame = require(summary, PURCHASE_SUMMARY, extra=further, alone=True, by_row=True, adds=adds)
    _refuse_absent(frame, ["customer_id", *(["mean_sales"] if spend else [])], table)
    money = [nw.col("mean_sales").cast(nw.Float64)] if spend else []
    found = collect(_histories_with_unit(frame, "customer_id", *money, *further))
    terms = None if covariates is None else covariates.terms_of(found, found["x"].size)
    different, gathered = distinct_histories(found, frame, table, terms)
    mean_sales = found["mean_sales"].astype(np.float64) if spend else None
    return Customers(found["customer_id"], different, gathered.places(), mean_sales)


def read_spend(summary: object, *, table: str = "summary") -> Spend:
    """What the customers with a repeat purchase spend; the others tell nothing.

    Args:
        summary: a table of kind `PURCHASE_SUMMARY` with `mean_sales`.
        table: what messages call it.

    Raises:
        ColumnError: if `x` or `mean_sales` is missing or of the wrong type.
        ContentError: if it is empty, or a customer with a repeat purchase has no mean sales.
    """
    by_row = not is_lazy(summary)
    frame = require(summary, PURCHASE_SUMMARY, alone=True, by_row=by_row, adds="all")
    _refuse_absent(frame, ["mean_sales"], table)
    numbers = frame.select(nw.col("x", "mean_sales").cast(nw.Float64))
    if is_lazy(summary):
        numbers = numbers.group_by("x", "mean_sales").agg(nw.len().alias(_NUMBER))
    found = collect(numbers)
    rows = {name: found[name].astype(np.float64, copy=False) for name in ("x", "mean_sales")}
    n = found.get(_NUMBER, np.ones(rows["x"].size, np.int64)).astype(np.int64, copy=False)
    if not n.size:
        raise ContentError(f"{table} is empty: there is no customer in it.")
    again = ~(rows["x"] <= 0)
    blank = again & ~(np.abs(rows["mean_sales"]) <= MOST)
    problems = {"have repeat purchases but no usable mean_sales": blank}
    refuse_problems(problems_of_counts(rows["x"], "x") | problems, n, rows, frame, table)
    return Spend(rows["x"][again], rows["mean_sales"][again], n[again])


def distinct_pairs(on: Histories) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Which histories, sorted by x, T and covariates, are the first with these; and each's place.

    Returns:
        Whether each is the first of its kind, and which kind each is of.
    """
    new = np.ones(on.x.size, np.bool_)
    new[1:] = (on.x[1:] != on.x[:-1]) | (on.T[1:] != on.T[:-1])
    if on.terms is not None:
        new[1:] |= (on.terms[1:] != on.terms[:-1]).any(axis=1)
    return new, np.cumsum(new) - 1


def checked_length(value: object, *, argument: str = "within") -> float:
    """One length of time as a number.

    Raises:
        RetentionError: if it is none, below 0 or longer than any age may be.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 <= (length := float(cast("float", value))) <= LONGEST:
        raise RetentionError(
            f"{argument} must be one length of time from 0 to {LONGEST:,.0f}; got {value!r}."
        )
    return length


def _histories_with_unit(frame: Frame, *further: str | nw.Expr) -> Frame:
    """The histories as numbers, with that of their unit, beside further columns."""
    unit = []
    if "unit" in frame.collect_schema():
        text = nw.col("unit").cast(nw.String)
        numbers = (count(text == name) * at for at, name in enumerate(DAYS, start=1))
        unit = [nw.sum_horizontal(*numbers).alias(_UNIT)]
    return frame.select(nw.col(*_MOST).cast(nw.Float64), *unit, *further)


def distinct_histories(
    found: Columns, frame: Frame, table: str, terms: Floats | None = None
) -> tuple[Histories, Alike]:
    """The different histories, and the rows they were gathered from.

    Args:
        found: the histories of the customers, or of each some and how many they are.
        frame: the table they come from.
        table: what messages call it.
        terms: of covariates, one row each.
    """
    rows = {name: found[name].astype(np.float64, copy=False) for name in _MOST}
    each = found.get(_NUMBER)
    if not rows["x"].size:
        raise ContentError(f"{table} is empty: there is no customer in it.")
    ones = np.ones(rows["x"].size, np.int64) if each is None else each.astype(np.int64)
    if not all(0 <= rows[name].min() <= rows[name].max() <= most for name, most in _MOST.items()):
        refuse_problems(_problems_of_histories(**rows), ones, rows, frame, table)
    moved = [] if terms is None else list(terms.T)
    gathered = distinct_rows([rows["x"], rows["T"], *moved, rows["t_x"]], each)
    x, age, *others, t_x = gathered.columns
    different = {"x": x, "t_x": t_x, "T": age}
    refuse_problems(_problems_of_histories(**different), gathered.n, different, frame, table)
    unit = _only_unit(found[_UNIT], frame, table) if _UNIT in found else None
    kinds = None if terms is None else np.column_stack(others)
    return Histories(x, t_x, age, gathered.n, unit, kinds), gathered


def _problems_of_histories(x: Floats, t_x: Floats, T: Floats) -> dict[str, NDArray[np.bool_]]:  # noqa: N803
    """What a history cannot be, and which ones are."""
    aged, seen = _is_usable(t_x), _is_usable(T)
    return {
        **problems_of_counts(x, "x"),
        "have no usable t_x (missing, negative or infinite)": ~aged,
        "have no usable T (missing, negative or infinite)": ~seen,
        f"have a T beyond {LONGEST:,.0f} (are ages in days or weeks?)": seen & (T > LONGEST),
        "bought last after they were observed (t_x > T)": aged & seen & (t_x > T),
        "have no repeat purchase and yet an age at it (x = 0, t_x > 0)": (x == 0) & (t_x > 0),
        "have repeat purchases at age 0 (x > 0, t_x = 0)": (x > 0) & (t_x == 0),
    }


def problems_of_counts(values: Floats, name: str) -> dict[str, NDArray[np.bool_]]:
    """What cannot be of a count of a customer's purchases, and where it is."""
    counted = _is_usable(values)
    return {
        f"have no usable {name} (missing, negative or infinite)": ~counted,
        f"have a value of {name} that is no whole number": counted & (np.rint(values) != values),
        f"have a value of {name} beyond {_OFTENEST:,}": counted & (values > _OFTENEST),
    }


def _is_usable(values: Floats) -> NDArray[np.bool_]:
    """Whether each is there, and neither negative nor infinite."""
    return (values >= 0) & (values < np.inf)


def refuse_problems(
    problems: Mapping[str, NDArray[np.bool_]],
    n: NDArray[np.int64],
    rows: Mapping[str, Floats],
    frame: Frame,
    table: str,
) -> None:
    """Refuse what cannot be, in one message that counts it and names the first.

    Args:
        problems: what cannot be, and for which elements it is so.
        n: how many customers an element stands for.
        rows: what the elements hold, columns of the table.
        frame: the table.
        table: what messages call it.

    Raises:
        ContentError: if there is a problem.
    """
    said = [
        _problem_in_words(int(n[bad].sum()), what) for what, bad in problems.items() if bad.any()
    ]
    if not said:
        return
    at = int(np.argmax(np.logical_or.reduce(list(problems.values()))))
    first = {name: float(values[at]) for name, values in rows.items()}
    shown = ", ".join(
        f"{name} = {'missing' if np.isnan(value) else f'{value:g}'}"
        for name, value in first.items()
    )
    raise ContentError(
        f"{table}: of {count_of(int(n.sum()), 'customer')} {'; '.join(said)}. For "
        f"example{_customer_with_history(first, frame)}"
        f" {shown}. purchase_summary(...) and split_summary(...) make such tables from orders; "
        "correct those rows or leave them out."
    )


def _problem_in_words(n: int, what: str) -> str:
    """How many have a problem that is worded for many."""
    return count_of(n, what.replace("have ", "has ", 1), what)


def _customer_with_history(history: Mapping[str, float], frame: Frame) -> str:
    """A customer who has the history, where the summary names customers."""
    if "customer_id" not in frame.collect_schema():
        return ""
    for name, value in history.items():
        number = nw.col(name).cast(nw.Float64)
        missing = number.is_null() | number.is_nan()
        frame = frame.filter(missing if np.isnan(value) else ~missing & (number == value))
    return f" {one_row(frame.select(nw.col('customer_id').min()))['customer_id']!r}:"


def _refuse_absent(frame: Frame, names: Sequence[str], table: str) -> None:
    """Refuse a summary that lacks a column which may be absent elsewhere."""
    present = frame.collect_schema()
    meanings = {column.name: column.meaning for column in PURCHASE_SUMMARY.columns}
    for name in names:
        if name not in present:
            door = PURCHASE_SUMMARY.door
            raise ColumnError.missing(table, name, meanings[name], present, door)


def _only_unit(numbers: NDArray[np.int64], frame: Frame, table: str) -> str:
    """The only unit there is."""
    at = int(numbers.min())
    if at and at == numbers.max():
        return list(DAYS)[at - 1]
    found = collect(frame.group_by("unit").agg(nw.len().alias(_NUMBER)))["unit"]
    listed = ", ".join(sorted(repr(unit) for unit in found.tolist())[:5])
    raise ContentError(
        f"{table}: 'unit' must be 'day' or 'week', the same for all customers; found {listed}. "
        "Ages in another unit need no such column: drop it."
    )


def pandas_columns(table: object, kind: Kind, further: Sequence[str] = ()) -> pd.DataFrame:
    """The columns that a kind of table has, as far as they are there, and further ones, in pandas.

    A lazy table gives its rows in another order each time it is asked.
    """
    import pandas as pd

    refuse_unknown_columns(table, {"the model": further})
    frame = require(table, kind, extra=further, by_row=True, adds="all")
    present = frame.collect_schema()
    names = (*(n for n in kind.names if n in present), *further)
    return pd.DataFrame(collect(frame.select(*names)))
