"""Odd tables for the fuzzer, and the doors that they are sent through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
from fuzz_pieces import AMOUNTS, CELLS, DATES, NAMES, WRITTEN
from hypothesis import strategies as st

import retention as rt

ODD: list[Any] = [
    *(None, float("nan"), float("inf"), 1e308, 10**30, -(2**63), True, b"\xff", Decimal("1e50")),
    *(date.max, datetime.min, datetime(2024, 1, 31, tzinfo=UTC), pd.NaT, pd.NA, pd.Timedelta(1)),
    *(
        [1, [2]],
        {"a": 1},
        {1},
        (),
        1j,
        pd.Period("2024-01"),
        pd.Interval(0, 1),
        object,
        "\ud800",
        "",
    ),
]
VALUES = st.one_of(CELLS, st.integers(), st.floats(), st.sampled_from(ODD))
CASTS = st.sampled_from(
    [
        None,
        None,
        None,
        None,
        "category",
        "string",
        "Int64",
        "datetime64[ns, Europe/Berlin]",
        "complex128",
    ]
)
KINDS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": lambda table: pl.DataFrame(table.to_dict("list"), strict=False),
    "lazy": lambda table: pl.LazyFrame(table.to_dict("list"), strict=False),
    "pyarrow": lambda table: pa.table(table.to_dict("list")),
}
DOORS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "transactions": (rt.as_transactions, ("customer_id", "date", "sales")),
    "audit": (partial(rt.audit, rt.as_transactions), ("customer_id", "date", "sales")),
    "priced": (rt.as_transactions, ("customer_id", "date", "quantity", "unit_price", "order_id")),
    "contracts": (rt.as_contracts, ("customer_id", "start", "end", "sales", "trial")),
    "audit of contracts": (partial(rt.audit, rt.as_contracts), ("customer_id", "start", "end")),
    "contacts": (rt.as_contacts, ("customer_id", "date", "resolved", "satisfied")),
    "referrals": (rt.as_referrals, ("customer_id", "referred_id", "date")),
    "events": (rt.loading.as_events, ("customer_id", "date", "event", "amount", "known")),
    "invoices": (
        rt.loading.as_invoices,
        ("customer_id", "date", "due", "paid", "amount", "queried"),
    ),
    "offers made": (rt.loading.as_offers_made, ("customer_id", "date", "responded", "known")),
    "calls": (rt.loading.as_calls, ("customer_id", "date", "outcome")),
    "benchmarks": (
        partial(
            rt.loading.as_benchmarks, measure="churn", rate_lower="stated", rate_upper="stated"
        ),
        ("name", "rate", "days", "convention", "source", "year"),
    ),
    "wallet": (rt.as_wallet, ("customer_id", "date", "wallet")),
    "spells": (rt.as_spells, ("duration", "churned", "entry")),
    "outages": (rt.as_outages, ("start", "end")),
    "costs": (rt.as_costs, ("date", "kind", "amount")),
    "surveys": (rt.as_surveys, ("customer_id", "date", "satisfaction")),
}


@st.composite
def tables(draw: st.DrawFn) -> Any:
    """A door, a kind of table, its columns and which of them it is told."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5))
    rows = draw(st.integers(0, 4))
    cells = [st.one_of(VALUES, DATES), st.integers(-3, 99), DATES, AMOUNTS, VALUES]
    columns = [
        draw(st.lists(draw(st.sampled_from(cells)), min_size=rows, max_size=rows)) for _ in names
    ]
    door = draw(st.sampled_from(sorted(DOORS)))
    roles = {role: draw(st.sampled_from(names)) for role in DOORS[door][1]}
    keep = draw(st.lists(NAMES, max_size=1))
    casts = [draw(CASTS) for _ in names]
    options = draw(WRITTEN) if door not in ("spells", "costs", "surveys", "outages") else {}
    return (
        door,
        draw(st.sampled_from(["pandas", *KINDS])),
        names,
        columns,
        casts,
        roles,
        options,
        keep,
    )


def through_door(given: Any, _: Path) -> object:
    """A table of odd columns through a door; a kind that cannot hold them gives way to pandas."""
    door, kind, names, columns, casts, roles, options, keep = given
    made = []
    for values, cast in zip(columns, casts, strict=True):
        column = pd.Series(values, dtype=object)
        try:
            made.append(column if cast is None else column.astype(cast))
        except Exception:
            made.append(column.infer_objects())
    table = pd.concat(made, axis=1)
    table.columns = pd.Index(names, dtype=object)
    given_kind: Any = table
    if kind in KINDS:
        try:
            given_kind = KINDS[kind](table) if table.columns.is_unique else table
        except BaseException:
            given_kind = table
    options = options | ({"keep": keep} if keep and door not in ("wallet",) else {})
    answer = DOORS[door][0](given_kind, **roles, **options)
    return answer.collect() if isinstance(answer, pl.LazyFrame) else answer


@st.composite
def dated(draw: st.DrawFn) -> Any:
    """Orders with dates in one way of writing, or in several."""
    dates = draw(st.lists(DATES, min_size=1, max_size=6))
    kind = draw(st.sampled_from(["pandas", "polars", "lazy", "pyarrow"]))
    names, n = ["customer_id", "date", "sales"], len(dates)
    columns = [list(map(str, range(n))), dates, draw(st.lists(AMOUNTS, min_size=n, max_size=n))]
    roles = {name: name for name in names}
    door = draw(st.sampled_from(["transactions", "audit"]))
    return door, kind, names, columns, [None] * 3, roles, draw(WRITTEN), []
