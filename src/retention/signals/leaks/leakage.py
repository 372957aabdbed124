"""Built on all tables and on what was known that day: whatever differs looked beyond the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError, RetentionError
from retention.frames import Columns, as_lazy, collect, table_like
from retention.names import outer_text
from retention.signals.leaks.folds import days_of_cuts
from retention.signals.leaks.known_tables import dated_tables, refuse_vacuous_days
from retention.tables.answer_columns import flags, gives, numbers, texts, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]

_KEYS = ("customer_id", "as_of", "spell")
_ROUNDING = 1e-9
"""Sums that an engine adds up in another order differ by less, relative to the larger."""

_NOTHING = 1e-12
"""What is left of a difference that should be 0, relative to the largest value of the column."""


@gives(
    "a day and a column of the table that was built",
    times("date"),
    texts("column"),
    whole_numbers("n_rows", "n_different"),
    texts("first_customer"),
    numbers("largest_difference", unit="as the column"),
    flags("leaks"),
)
def leakage_check(
    build: Callable[[dict[str, Any], date], Any],
    tables: Mapping[str, Any],
    *,
    dates: date | str | Sequence[date | str],
    filled_later: Mapping[str, str | Sequence[str]] | None = None,
) -> Any:
    """Whether features look beyond their day: built on all tables, and on what was known by then.

    For each day a, `build(tables, a)` is called twice: with the tables as they are, and with each
    cut to what was known at the end of day a. Rows are matched by `customer_id` (and `as_of`,
    `spell`, where they are there) and compared value by value. What differs cannot have been known
    on the day, whatever its AUC: that of a column which was summed over the whole log is often no
    higher than an honest one's.

    A table is cut by its `date`, else its `start` or `as_of`; a row with a `known` day after a is
    not there either. Of what remains is not known: an invoice's `paid` and `queried` and an offer's
    `responded` after a, answers and solutions of contacts that came after a (an open contact, by
    the hours that the desk works where it says them), a later `end` of a contract or an outage with
    its `reason`, a label with a later `known_on`; spells go on. `filled_later` names further such
    times of your own tables.

    What it cannot see: a column that was overwritten since (the plan of today, a date of the last
    login), for which a table of changes is needed; and a table that `build` takes from elsewhere.
    Spells of purchases end by a silence that was not over on the day of their end: give the orders
    and make them in `build`.

    Args:
        build: a function of the tables by name and the day, which gives a table with a
            `customer_id` and one row per customer (and `as_of`, and `spell`), the same each time it
            is asked: set seeds in it. As in
            `lambda tables, day: features(tables["orders"], as_of=day)`.
        tables: tables by name.
        dates: the days, before the last one of the tables.
        filled_later: for tables by name, their times that are filled into a row after its date, as
            in `{"tickets": ["closed"]}`.

    Returns:
        One row per day and column of what was built, in its kind: `date`, `column`, `n_rows` (built
        on all tables), `n_different` (for `customer_id`: rows that are in one of the two only; for
        the other columns: rows of both that differ, by more than 1e-9 of the larger for numbers),
        `first_customer` (the id of the first that differs, as text, else null),
        `largest_difference` (of numbers, and of days in days; null where no two numbers differ),
        `leaks` (`n_different` above 0).

    Raises:
        RetentionError: if `tables` are not given by name, `build` is no function or gives no table.
        ColumnError: if a table has no date, or what is built lacks `customer_id`.
        ContentError: if nothing came after a day, nothing was known by then, or a customer has
            several rows in what is built.

    Example:
        An average over the whole log knows of Ann's order in June; days since the last one do not.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"], "sales": [10.0, 30.0, 20.0],
        ...     "date": pd.to_datetime(["2024-01-10", "2024-06-01", "2024-02-01"]),
        ... })
        >>> def build(tables, day):
        ...     log = tables["orders"]
        ...     past = log[log["date"] <= pd.Timestamp(day)].groupby("customer_id")
        ...     last = (pd.Timestamp(day) - past["date"].max()).dt.days
        ...     average = log.groupby("customer_id")["sales"].mean()
        ...     return pd.DataFrame({"days_since": last, "average": average}).reset_index()
        >>> found = rt.signals.leakage_check(build, {"orders": orders}, dates="2024-03-01")
        >>> found[["column", "n_rows", "n_different", "leaks"]]
                column  n_rows  n_different  leaks
        0  customer_id       2            0  False
        1   days_since       2            0  False
        2      average       2            1   True
        >>> found["first_customer"][2], float(found["largest_difference"][2])
        ('Ann', 10.0)

    Source:
        Kaufman, Rosset, Perlich and Stitelman (2012), Leakage in data mining, ACM Transactions on
        Knowledge Discovery from Data 6(4), article 15: "no time machine".
    """
    if not callable(build):
        raise RetentionError(
            "build must be a function of the tables by name and a day, as in "
            "lambda tables, day: features(tables['orders'], as_of=day); "
            f"got {type(build).__name__}."
        )
    dated = dated_tables(tables, filled_later or {})
    days = days_of_cuts(dates, argument="dates")
    refuse_vacuous_days(dated, days)
    parts: list[Columns] = []
    for day in days:
        built = build({name: each.table for name, each in dated.items()}, day)
        then = build({name: each.known(day) for name, each in dated.items()}, day)
        parts.append(_differences_by_column(_Built.of(built, day), _Built.of(then, day), day))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return table_like(columns, built)


@dataclass(frozen=True, slots=True)
class _Built:
    """What was built, as arrays, and the key of each row."""

    columns: Columns
    keys: Any

    @classmethod
    def of(cls, table: object, day: date) -> _Built:
        """The rows of a table that `build` gave.

        Raises:
            RetentionError: if it is no table with one row per customer.
        """
        import pandas as pd

        frame = as_lazy(table, name="what build gives", by_row=True)
        schema = frame.collect_schema()
        if "customer_id" not in schema:
            raise ColumnError(
                "build: its table lacks 'customer_id', by which rows are matched. It has: "
                f"{', '.join(map(repr, schema.names()[:20])) or 'no columns'}."
            )
        columns = collect(frame, exact=True)
        keys = pd.MultiIndex.from_arrays([columns[name] for name in _KEYS if name in columns])
        twice = keys.duplicated()
        if twice.any():
            key = ", ".join(str(part) for part in keys[twice][0])
            raise ContentError(
                f"build: on {day} its table has several rows of {key}. Give one row per customer "
                "(and `as_of`, and `spell`)."
            )
        return cls(columns, keys)


def _differences_by_column(built: _Built, then: _Built, day: date) -> Columns:
    """Each column of the two tables, beside each other: a row of the answer each."""
    place = then.keys.get_indexer(built.keys)
    both = place >= 0
    ids = built.columns["customer_id"]
    gone = ids[~both].tolist()
    come = then.columns["customer_id"][built.keys.get_indexer(then.keys) < 0].tolist()
    rows = [("customer_id", len(gone) + len(come), _first_of([*gone, *come]), np.nan)]
    for name in dict.fromkeys([*built.columns, *then.columns]):
        if name in _KEYS:
            continue
        differs, largest = _different_values(
            _values_of_rows(built, name, np.flatnonzero(both)),
            _values_of_rows(then, name, place[both]),
        )
        first = _first_of(ids[both][differs].tolist())
        rows.append((name, int(differs.sum()), first, largest))
    n = np.array([row[1] for row in rows], np.int64)
    return {
        "date": np.full(len(rows), np.datetime64(day, "D")),
        "column": np.array([outer_text(row[0]) for row in rows], dtype=object),
        "n_rows": np.full(len(rows), ids.size, np.int64),
        "n_different": n,
        "first_customer": np.array([row[2] for row in rows], dtype=object),
        "largest_difference": np.array([row[3] for row in rows], np.float64),
        "leaks": n > 0,
    }


def _first_of(ids: Sequence[Any]) -> str | None:
    """The first customer of some, in order, as text."""
    return str(min(ids)) if ids else None


def _values_of_rows(built: _Built, name: str, rows: NDArray[np.intp]) -> NDArray[Any] | None:
    """A column of some rows; None where there is no such column."""
    return built.columns[name][rows] if name in built.columns else None


def _different_values(one: NDArray[Any] | None, other: NDArray[Any] | None) -> tuple[Flags, float]:
    """Which values differ, and by how much at most: NaN where no two numbers do."""
    if one is None or other is None:
        there = one if one is not None else other
        return np.ones(0 if there is None else there.size, np.bool_), np.nan
    a, b = _as_numbers(one), _as_numbers(other)
    if a is None or b is None:
        return _different_objects(one, other), np.nan
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
        finite = np.concatenate([a[np.isfinite(a)], b[np.isfinite(b)], [0.0]])
        slack = np.maximum(
            np.maximum(np.abs(a), np.abs(b)) * _ROUNDING, np.abs(finite).max() * _NOTHING
        )
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.isfinite(apart) & (apart <= slack))
    known = apart[~same & np.isfinite(apart)]
    return ~same, float(known.max()) if known.size else np.nan


def _as_numbers(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """Numbers, flags and days as floats, NaN where one is missing; None of texts."""
    if values.dtype.kind == "M":
        days = values.astype("datetime64[us]").astype(np.int64) / 86_400_000_000
        return np.where(np.isnat(values), np.nan, days)
    if values.dtype.kind in "iufb":
        return values.astype(np.float64)
    try:
        return None if any(isinstance(v, str) for v in values) else values.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _values_as_wholes(values: NDArray[Any]) -> list[Any]:
    """Values that can be told from one another by one answer: arrays as lists."""
    return [v.tolist() if isinstance(v, np.ndarray) else v for v in values.tolist()]


def _different_objects(one: NDArray[Any], other: NDArray[Any]) -> Flags:
    """Whether texts, or values of any other kind, differ; missing ones are alike."""
    import pandas as pd

    sides = [_values_as_wholes(values) for values in (one, other)]
    gaps = [
        np.array([pd.api.types.is_scalar(v) and pd.isna(v) for v in side], np.bool_)
        for side in sides
    ]
    unequal = np.array([a != b for a, b in zip(*sides, strict=True)], np.bool_)
    return np.where(gaps[0] | gaps[1], gaps[0] != gaps[1], unequal)
