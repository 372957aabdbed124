"""Columns of a whole order, which stand on its first line or on each, and what was paid back."""

from __future__ import annotations

import re
from collections import defaultdict

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt

NAMES = {"customer_id": "who", "date": "day", "order_id": "Order"}
LINES = {
    "Order": ["1", "1", "2", "3", "3", "3"],
    "who": ["Ann", None, "Bob", "Cem", None, None],
    "day": ["2024-01-05", None, "2024-01-07", "2024-02-01", None, None],
    "Total": [30.0, None, 12.5, 60.0, None, None],
    "Back": [0.0, None, 2.5, None, None, None],
    "Status": ["paid", None, "paid", "on hold", None, None],
    "Quantity": [1, 2, 1, 1, 1, 1],
    "Price": [10.0, 10.0, 12.5, 20.0, 25.0, 15.0],
}
WHOLE = ["who", "day", "Total", "Back", "Status"]


def shop(**columns):
    """Three orders of six lines; all but the lines' own columns stand on the first of each."""
    return pd.DataFrame({**LINES, **columns})


def test_a_total_on_the_first_line_counts_once_on_every_engine(engine):
    """One row an order; its further lines are set aside and counted."""
    said = {**NAMES, "sales": "Total", "per_order": ["who", "day", "Total"]}
    lines = engine.read(rt.as_transactions(engine.table(shop()), **said), order=["order_id"])
    assert lines["customer_id"].tolist() == ["Ann", "Bob", "Cem"]
    assert lines["sales"].tolist() == [30.0, 12.5, 60.0]
    audit = rt.audit(rt.as_transactions, engine.table(shop()), **said)
    aside = engine.read(audit.set_aside, order=["Price"])
    assert aside["Price"].tolist() == [10.0, 15.0, 25.0]
    assert set(aside["reason"]) == {"further line of an order"}


def test_a_total_that_is_said_on_each_line_counts_once(engine):
    """Other systems repeat it: the same keyword, the same numbers."""
    repeated = shop(Total=[30.0, 30.0, 12.5, 60.0, 60.0, 60.0])
    said = {**NAMES, "sales": "Total", "per_order": ["who", "day", "Total"]}
    lines = engine.read(rt.as_transactions(engine.table(repeated), **said), order=["order_id"])
    assert lines["sales"].tolist() == [30.0, 12.5, 60.0]


def test_lines_with_amounts_of_their_own_take_the_rest_from_their_order(engine):
    """Customer, day and status hold for each line; every line counts."""
    lines = rt.as_transactions(
        engine.table(shop()),
        **NAMES,
        quantity="Quantity",
        unit_price="Price",
        keep="Status",
        per_order=["who", "day", "Status"],
        where={"Status": "paid"},
    )
    read = engine.read(lines, order=["order_id", "sales"])
    assert read["customer_id"].tolist() == ["Ann", "Ann", "Bob"]
    assert read["sales"].tolist() == [10.0, 20.0, 12.5]
    assert read["Status"].tolist() == ["paid"] * 3


@given(
    st.lists(
        st.tuples(st.sampled_from("12"), st.sampled_from([None, 5, 7]), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_an_order_has_what_its_lines_say_once_by_its_definition(rows):
    """Set by set: one value an order, or the lines are refused; an order without any lacks it."""
    said = defaultdict(set)
    for order, total, _ in rows:
        said[order] |= {total} - {None}
    table = pd.DataFrame(rows, columns=["Order", "Total", "Blank"]).assign(who="Ann")
    table = table.assign(day="2024-01-05", Total=table["Total"].astype("float"))
    audit = rt.audit(
        rt.as_transactions, table, **NAMES, sales="Total", per_order="Total", duplicates="keep"
    )
    whole = {order: totals for order, totals in said.items() if len(totals) == 1}
    found = dict(zip(audit.accepted["order_id"], audit.accepted["sales"], strict=True))
    assert found == {order: float(min(totals)) for order, totals in whole.items()}
    assert len(audit.accepted) == len(found)
    reasons = audit.set_aside["reason"].tolist()
    assert len(audit.accepted) + len(reasons) == len(rows)
    lacking = [order for order, *_ in rows if not said[order]]
    assert reasons.count("missing sales") == len(set(lacking))
    differing = [order for order, *_ in rows if len(said[order]) > 1]
    assert reasons.count("Total that differs within an order") == len(differing)


def test_what_differs_within_an_order_is_refused(engine):
    """A price of the line is no total of the order."""
    with pytest.raises(rt.ContentError, match="Total that differs within an order: 3 rows") as no:
        rt.as_transactions(
            engine.table(shop(who="Ann", day="2024-01-05", Total=[1.0, 1.0, 2.0, 3.0, 4.0, 4.0])),
            **NAMES,
            sales="Total",
            per_order="Total",
        )
    assert "leave it out of per_order=" in str(no.value)


def test_a_refusal_names_the_keyword_that_fills_in_and_it_does():
    """Each column whose blanks other lines of the order fill, and only these."""
    said = {**NAMES, "sales": "Total"}
    with pytest.raises(rt.ContentError) as refusal:
        rt.as_transactions(shop(), **said)
    named = re.findall(r"name '(\w+)' in per_order=", str(refusal.value))
    assert named == ["who", "day", "Total"]
    assert len(rt.as_transactions(shop(), **said, per_order=named)) == 3


def test_a_blank_that_no_line_of_the_order_fills_is_a_blank():
    """The advice would not help."""
    with pytest.raises(rt.ContentError, match="missing sales: 4 rows") as refusal:
        rt.as_transactions(
            shop(who="Ann", day="2024-01-05", Total=[30.0, None, None, 60.0, None, None]),
            **NAMES,
            sales="Total",
        )
    assert "per_order" not in str(refusal.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"per_order": "Totals"}, "per_order names 'Totals', which is not a column. Did you mean"),
        ({"per_order": 3}, "per_order must name a column, or several in a list; got 3."),
        ({"per_order": "Total", "cost": "Price"}, "per_order= lacks 'Price', the column of cost."),
        ({"per_order": "Total", "order_id": None}, "per_order= is about the lines of one order"),
    ],
)
def test_a_whole_order_that_cannot_be_is_refused(said, words):
    """No such column, no orders, or amounts of which some are the order's and some the line's."""
    with pytest.raises(rt.RetentionError, match=re.escape(words)):
        rt.as_transactions(shop(), **{**NAMES, "sales": "Total", **said})


def test_a_copy_of_a_whole_export_is_one_order():
    """The same file twice: its lines are further lines of the same orders."""
    twice = pd.concat([shop(), shop()], ignore_index=True)
    said = {**NAMES, "sales": "Total", "per_order": ["who", "day", "Total"]}
    assert rt.as_transactions(twice, **said)["sales"].sum() == 102.5


@pytest.mark.parametrize("sign", [1, -1])
def test_what_was_paid_back_lowers_sales_whatever_its_sign(engine, sign):
    """Empty is nothing; a file that writes it below 0 throughout means the same."""
    back = [0.0, None, sign * 2.5, None, None, None]
    lines = rt.as_transactions(
        engine.table(shop(Back=back)), **NAMES, sales="Total", refunded="Back", per_order=WHOLE
    )
    assert engine.read(lines, order=["order_id"])["sales"].tolist() == [30.0, 10.0, 60.0]


def test_what_was_paid_back_is_read_as_people_write_it():
    """As any amount, and profit follows sales."""
    table = shop(who="Ann", Total="1.030,00 €", day="2024-01-05", Order=list("123456"))
    told = table.assign(Back=["30,00 €", "", None, "1.030,00", "0", "0,50"], Cost="1.000,00")
    lines = rt.as_transactions(
        told, **NAMES, sales="Total", refunded="Back", cost="Cost", zero_orders="count"
    )
    assert lines["sales"].tolist() == [1000.0, 1030.0, 1030.0, 0.0, 1030.0, 1029.5]
    assert lines["profit"].tolist() == [0.0, 30.0, 30.0, -1000.0, 30.0, 29.5]


@pytest.mark.parametrize(
    ("back", "said"),
    [
        ([0, 0, 12.51, 0, 0, 0], "refunded more than sales: 1 row, first in row 2: 12.51"),
        ([1, 0, -1, 0, 0, 0], "refunded of two signs: 1 row, first in row 2: -1."),
        (["x"] * 6, "refunded that is not a number: 3 rows"),
    ],
)
def test_more_than_was_paid_or_of_two_signs_is_refused(back, said):
    """And only that: a refund policy would not solve it."""
    table = shop(Back=back, who="Ann", day="2024-01-05", Order=list("123456"), Total=12.5)
    if back == ["x"] * 6:
        table = table.iloc[:3]
    with pytest.raises(rt.ContentError, match=re.escape(said)) as refusal:
        rt.as_transactions(table, **NAMES, sales="Total", refunded="Back")
    assert "(1 problem in" in str(refusal.value)


def test_an_order_that_was_paid_back_whole_is_asked_about():
    """Whether it was a purchase is a policy, as of every order of 0."""
    told = {**NAMES, "sales": "Total", "refunded": "Back", "per_order": WHOLE}
    back = shop(Back=[30.0, None, 0.0, 0.0, None, None])
    with pytest.raises(rt.ContentError, match="zero order: 1 row"):
        rt.as_transactions(back, **told)
    assert rt.as_transactions(back, **told, zero_orders="drop")["sales"].tolist() == [12.5, 60.0]
