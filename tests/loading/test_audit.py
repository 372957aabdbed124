"""The audit: every row is accepted or set aside with a reason, and the summary adds up."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from datetime import date

import narwhals.stable.v2 as nw
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import Engine, at_most

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
ORDER = [
    "blank customer_id",
    "total in place of customer_id",
    "customer_id that is not a whole number",
    "missing date",
    "unreadable date",
    "ambiguous date",
    "date that does not exist",
    "date after as_of",
    "missing sales",
    "sales that is not a number",
    "ambiguous sales",
    "infinite or too large sales",
    "exact duplicate line",
    "refund",
    "zero order",
]
"""The documented order of the checks."""

AMOUNTS = {"10": 10.0, "£5.50": 5.5, "(10)": -10.0, "0": 0.0, "-5.50": -5.5, "1e300": 1e300}
DAYS = {
    "2024-01-01": date(2024, 1, 1),
    "02/01/2024": date(2024, 1, 2),
    "31/01/2024": date(2024, 1, 31),
}
IDS = ["Ann", " Ann ", "Bob", "", "nan", None]


def summary_of(audit):
    """The summary, whatever its kind, as rows of Python values."""
    return list(nw.from_native(audit.summary, eager_only=True).iter_rows(named=True))


def naive_reasons(rows, *, refunds, duplicates, zero_orders, as_of):
    """The checks in plain Python: the reason of each row, None where it is accepted."""
    reasons, seen = [], Counter()
    for row in rows:
        who, day, paid = row
        seen[row] += 1
        money = AMOUNTS.get(paid)
        reasons.append(
            "blank customer_id"
            if (who or "").strip() in ("", "nan")
            else "missing date"
            if day is None
            else "date that does not exist"
            if day == "30/02/2024"
            else "unreadable date"
            if day not in DAYS
            else "date after as_of"
            if DAYS[day] > as_of
            else "missing sales"
            if paid is None
            else "sales that is not a number"
            if money is None
            else "infinite or too large sales"
            if abs(money) > 1e15
            else "exact duplicate line"
            if duplicates != "keep" and seen[row] > 1
            else "refund"
            if refunds != "net" and money < 0
            else None
        )
    orders = defaultdict(list)
    for i, (who, day, paid) in enumerate(rows):
        if reasons[i] is None:
            orders[who.strip(), day].append((i, AMOUNTS[paid]))
    for lines in orders.values():
        if zero_orders != "count" and math.fsum(money for _, money in lines) == 0:
            for i, _ in lines:
                reasons[i] = "zero order"
    return reasons


lines = st.tuples(
    st.sampled_from(IDS),
    st.sampled_from([*DAYS, *DAYS, "30/02/2024", "soon", None]),
    st.sampled_from([*AMOUNTS, "10", "(10)", "abc", None]),
)
policies = st.fixed_dictionaries(
    {
        "refunds": st.sampled_from(["error", "net", "drop"]),
        "duplicates": st.sampled_from(["error", "keep", "drop"]),
        "zero_orders": st.sampled_from(["error", "count", "drop"]),
    }
)


@given(rows=st.lists(lines, min_size=1, max_size=12), said=policies)
def test_the_audit_agrees_with_its_definition_in_plain_python(rows, said):
    """Every row's reason, on random dirty files; accepted and set aside are together the input."""
    if all(any(cell is not None for cell in column) for column in zip(*rows, strict=True)):
        agrees(Engine("pandas"), rows, said)  # a column with nothing in it has no type


@pytest.mark.parametrize("duplicates", ["error", "keep", "drop"])
def test_engines_agree_with_its_definition_in_plain_python(engine, duplicates):
    """All kinds of rows in one file."""
    draw = random.Random(duplicates)
    pools = [IDS, [*DAYS, *DAYS, "30/02/2024", "soon", None], [*AMOUNTS, "abc", None]]
    rows = [tuple(map(draw.choice, pools)) for _ in range(200)]
    said = {"refunds": "net" if duplicates == "keep" else "drop", "zero_orders": "drop"}
    agrees(engine, rows, {**said, "duplicates": duplicates})


def agrees(engine, rows, said):
    """The audit of rows against the checks in plain Python."""
    table = pd.DataFrame(rows, columns=["who", "day", "paid"], dtype=object)
    as_of = date(2024, 1, 2)
    expected = naive_reasons(rows, **said, as_of=as_of)
    audit = rt.audit(
        rt.as_transactions,
        engine.table(table),
        **NAMES,
        **said,
        as_of=as_of,
        day_first=True,
        decimal=".",
    )
    aside = engine.read(audit.set_aside)
    assert list(aside.columns) == ["who", "day", "paid", "reason"]
    found = aside.astype(object).where(aside.notna(), None)
    told = [(*row, reason) for row, reason in zip(rows, expected, strict=True) if reason]
    assert Counter(map(tuple, found.to_numpy().tolist())) == Counter(told)
    accepted = engine.read(audit.accepted)
    good = [row for row, reason in zip(rows, expected, strict=True) if reason is None]
    assert Counter(
        zip(accepted["customer_id"], accepted["date"].dt.date, accepted["sales"], strict=True)
    ) == Counter((who.strip(), DAYS[day], AMOUNTS[paid]) for who, day, paid in good)
    counts = {row["check"]: row["rows"] for row in summary_of(audit)}
    assert counts == {
        **{check: expected.count(check) for check in ORDER},
        "accepted": len(good),
        "input": len(rows),
    }


@settings(max_examples=at_most(12))
@given(rows=st.lists(lines, min_size=1, max_size=8), said=policies)
def test_the_door_accepts_what_the_audit_sets_nothing_aside_of(rows, said):
    """Both judge by the same checks; a table of refunds only is refused on top."""
    table = pd.DataFrame(rows, columns=["who", "day", "paid"], dtype=object)
    said = {**NAMES, **said, "day_first": True, "decimal": "."}
    audit = rt.audit(rt.as_transactions, table, **said)
    dropped = {"drop"} & set(said.values())
    try:
        answer = rt.as_transactions(table, **said)
    except rt.ContentError:
        only_refunds = not (audit.accepted["sales"] >= 0).any()
        assert len(audit.set_aside) or only_refunds
    else:
        pd.testing.assert_frame_equal(answer, audit.accepted)
        assert dropped or not len(audit.set_aside)


def test_the_summary_has_every_check_in_order_and_adds_up(engine):
    """Also those that found nothing; then the accepted, then the input."""
    table = pd.DataFrame(
        {
            "who": ["Ann", "Ann", None, "Bob", "Cem"],
            "day": ["2024-01-01", "2024-01-01", "2024-01-01", "2024-01-02", "2024-01-03"],
            "paid": [10.0, 10.0, 20.0, -5.0, 7.0],
        }
    )
    summary = summary_of(rt.audit(rt.as_transactions, engine.table(table), **NAMES))
    assert [row["check"] for row in summary] == [*ORDER, "accepted", "input"]
    by_name = {row["check"]: (row["rows"], row["customers"], row["sales"]) for row in summary}
    assert by_name["blank customer_id"] == (1, 0, 20.0)
    assert by_name["exact duplicate line"] == (1, 1, 10.0)
    assert by_name["refund"] == (1, 1, -5.0)
    assert by_name["zero order"] == (0, 0, 0.0)
    assert by_name["accepted"] == (2, 2, 17.0)
    assert by_name["input"] == (5, 3, 42.0)


def test_the_summary_is_an_eager_table_of_the_users_engine(engine):
    """pandas where the engine has none of its own."""
    import polars as pl
    import pyarrow as pa

    kinds = {"polars": pl.DataFrame, "polars_lazy": pl.DataFrame, "pyarrow": pa.Table}
    table = pd.DataFrame({"who": [1, 2], "day": ["2024-01-01"] * 2, "paid": [1.0, -1.0]})
    audit = rt.audit(rt.as_transactions, engine.table(table), **NAMES)
    assert isinstance(audit.summary, kinds.get(engine.name, pd.DataFrame))
    assert engine.is_mine(audit.accepted)
    assert engine.is_mine(audit.set_aside)


def test_first_examples_are_rows_of_eager_tables_and_smallest_values_of_lazy_ones(engine):
    """A lazy table has no first row."""
    table = pd.DataFrame({"who": [1, 2, 3], "day": ["2024-01-01"] * 3, "paid": [1.0, -1.0, -7.0]})
    summary = summary_of(rt.audit(rt.as_transactions, engine.table(table), **NAMES))
    example = {row["check"]: row["first_example"] for row in summary}
    lazy = engine.name in ("polars_lazy", "duckdb", "ibis", "spark")
    assert example["refund"] == ("smallest -7.0" if lazy else "row 1: -1.0")
    assert example["accepted"] == ""


def test_set_aside_has_the_users_own_rows():
    """Types, values and, in pandas, the index, so that they can be corrected in place."""
    table = pd.DataFrame(
        {
            "who": pd.Categorical(["Ann", None, "Bob"]),
            "day": pd.to_datetime(["2024-01-01"] * 3).tz_localize("Asia/Tokyo"),
            "paid": pd.array([1, 2, 3], dtype="Int8"),
            "tags": [[1], [2], [3]],
        },
        index=[10, 20, 30],
    )
    audit = rt.audit(rt.as_transactions, table, **NAMES, tz="UTC")
    pd.testing.assert_frame_equal(audit.set_aside.drop(columns="reason"), table.iloc[[1]])
    assert audit.set_aside["reason"].tolist() == ["blank customer_id"]


def test_a_clean_table_is_accepted_whole(engine):
    """Nothing is set aside, and the columns are there all the same."""
    table = pd.DataFrame({"who": [1, 2], "day": ["2024-01-01"] * 2, "paid": [1.0, 2.0]})
    audit = rt.audit(rt.as_transactions, engine.table(table), **NAMES)
    assert list(engine.read(audit.set_aside).columns) == ["who", "day", "paid", "reason"]
    assert len(engine.read(audit.set_aside)) == 0
    assert len(engine.read(audit.accepted)) == 2


def test_an_empty_table_is_audited(engine):
    """The audit never raises on content, not even on none."""
    table = pd.DataFrame({"who": [1], "day": ["2024-01-01"], "paid": [1.0]}).iloc[:0]
    audit = rt.audit(rt.as_transactions, engine.table(table), **NAMES)
    assert {row["rows"] for row in summary_of(audit)} == {0}
    assert len(engine.read(audit.accepted)) == len(engine.read(audit.set_aside)) == 0


def test_ambiguity_is_content(engine):
    """What cannot be read without an answer is set aside; nothing raises."""
    table = pd.DataFrame(
        {"who": [1, 2], "day": ["03/04/2024", "2024-01-31"], "paid": ["1,234", "5"]}
    )
    audit = rt.audit(rt.as_transactions, engine.table(table), **NAMES)
    assert engine.read(audit.set_aside)["reason"].tolist() == ["ambiguous date"]
    numbers = table.assign(day=[20240101, 20240102], paid=[1.0, 2.0])
    audit = rt.audit(rt.as_transactions, engine.table(numbers), **NAMES)
    assert engine.read(audit.set_aside)["reason"].tolist() == ["ambiguous date"] * 2


def test_all_of_a_column_missing_is_content():
    """A pandas column of None only has no type, but rows to set aside."""
    table = pd.DataFrame({"who": [1, 2], "day": [None, None], "paid": [None, None]}, dtype=object)
    audit = rt.audit(rt.as_transactions, table, **NAMES)
    assert audit.set_aside["reason"].tolist() == ["missing date"] * 2


def test_a_table_with_a_reason_of_its_own_is_refused():
    """The column would be overwritten."""
    table = pd.DataFrame({"who": [1], "day": ["2024-01-01"], "paid": [1.0], "reason": ["x"]})
    with pytest.raises(rt.ColumnError, match="the table has one already"):
        rt.audit(rt.as_transactions, table, **NAMES)


def test_an_audit_is_frozen_and_prints_its_summary():
    """Checks that found nothing are left out of the print."""
    table = pd.DataFrame({"who": ["Ann", None], "day": ["2024-01-01"] * 2, "paid": [1.0, 2.0]})
    audit = rt.audit(rt.as_transactions, table, **NAMES)
    with pytest.raises(AttributeError):
        audit.accepted = None
    assert repr(audit).splitlines() == [
        "Audit of 2 rows: 1 set aside",
        "check              rows  customers  first example",
        "blank customer_id     1          0  row 1",
        "accepted              1          1",
        "input                 2          1",
        "next: audit.accepted; audit.set_aside",
    ]
