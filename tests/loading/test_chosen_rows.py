"""Which rows are meant: by the values of their columns, and without those that are incomplete."""

from __future__ import annotations

import ast
import re

import narwhals.stable.v2 as nw
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
MEANT = {"Status": ["completed", "processing"]}
SHOP = {
    "who": ["Ann", "Bob", "Bob", "Cem", None],
    "day": ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-09", "2024-01-10"],
    "paid": [10.0, 20.0, 30.0, -7.0, 5.0],
    "Status": ["completed", "processing", "failed", "refunded", None],
    "Test": [False, False, False, False, True],
    "Store": [1, 2, 1, 2, 1],
}


def shop(**columns):
    """Five orders: completed, processing, failed, refunded, and one without customer or status."""
    return pd.DataFrame({**SHOP, **columns})


def test_rows_without_one_of_the_values_are_set_aside_with_a_reason_on_every_engine(engine):
    """An empty cell is none of the values; what is set aside is asked nothing else."""
    table = engine.table(shop())
    lines = engine.read(rt.as_transactions(table, **NAMES, where=MEANT), order=["customer_id"])
    assert lines[["customer_id", "sales"]].values.tolist() == [["Ann", 10.0], ["Bob", 20.0]]
    audit = rt.audit(rt.as_transactions, table, **NAMES, where=MEANT)
    aside = engine.read(audit.set_aside, order=["day"])
    assert aside["paid"].tolist() == [30.0, -7.0, 5.0]
    assert set(aside["reason"]) == {"Status not in where"}
    found = {row[0]: row[1:4] for row in nw.from_native(audit.summary, eager_only=True).rows()}
    assert found["Status not in where"] == (3, 2, 28.0)
    assert found["accepted"] == (2, 2, 30.0)
    assert found["input"] == (5, 3, 58.0)


STATUSES = st.sampled_from(["paid", "Paid ", "sent", "void", "", None])


@given(
    rows=st.lists(
        st.tuples(STATUSES, st.sampled_from(["2024-01-02", "x"]), st.integers(-2, 9)), min_size=1
    ),
    meant=st.lists(st.sampled_from(["paid", "SENT", None]), min_size=1, unique=True),
)
def test_a_choice_is_the_table_with_the_other_rows_taken_away(rows, meant):
    """The definition: both answers, or both refusals, whatever stands in the other rows."""
    status, day, paid = map(list, zip(*rows, strict=True))
    table = pd.DataFrame(
        {"who": [f"c{n}" for n in range(len(rows))], "day": day, "paid": paid, "Status": status}
    )
    plain = [(text or "").strip().lower() for text in status]
    wanted = {(value or "").lower() for value in meant}
    if not wanted <= set(plain):
        with pytest.raises(rt.ContentError, match="which stands in no row"):
            rt.as_transactions(table, **NAMES, where={"Status": meant})
        return
    left = table[[text in wanted for text in plain]]
    answers = []
    for given_table, said in ((left, {}), (table, {"where": {"Status": meant}})):
        audit = rt.audit(rt.as_transactions, given_table, **NAMES, **said)
        answers.append(audit.accepted.reset_index(drop=True))
    pd.testing.assert_frame_equal(*answers)


@pytest.mark.filterwarnings("ignore:.*If they brought nothing")
@pytest.mark.parametrize(
    ("column", "value", "left"),
    [
        ("Test", False, 4),
        ("Test", "false", 4),
        ("Test", "TRUE", 1),
        ("Store", 2, 2),
        ("Store", "2", 2),
        ("Store", 1.0, 3),
        ("Status", " Completed ", 1),
        ("Status", ("failed", "refunded"), 2),
        ("Status", None, 1),
        ("Status", float("nan"), 1),
        ("Status", pd.NA, 1),
        ("Status", pd.Series(["failed", "refunded"]), 2),
        ("Status", "", 1),
        ("Status", [None, "failed"], 2),
        (" status", {"failed"}, 1),
    ],
)
def test_values_are_said_as_the_file_writes_them(engine, column, value, left):
    """True, false and numbers as such or as text; case and padding do not matter; None is empty."""
    table = engine.table(shop(who="Ann", paid=5.0))
    lines = rt.as_transactions(table, **NAMES, where={column: value}, duplicates="keep")
    assert len(engine.read(lines, order=["date"])) == left


@pytest.mark.filterwarnings("ignore:.*If they brought nothing")
def test_a_file_of_text_is_chosen_from_as_a_typed_table(tmp_path):
    """True/false and numbers of a CSV are text; of a file only what is named is read."""
    file = tmp_path / "orders.csv"
    shop(who="Ann", paid=5.0).to_csv(file, index=False)
    for where in ({"Test": False}, {"Test": "false", "Store": 2}, {"Store": "1"}):
        lines = rt.as_transactions(file, **NAMES, where=where, duplicates="keep")
        table = rt.as_transactions(
            shop(who="Ann", paid=5.0), **NAMES, where=where, duplicates="keep"
        )
        assert lines["date"].tolist() == table["date"].tolist()


def test_several_columns_choose_together():
    """A row is kept that has a value of each of them; its reason is the first that it lacks."""
    where = {"Store": 1, "Status": "completed"}
    audit = rt.audit(rt.as_transactions, shop(), **NAMES, where=where)
    assert audit.accepted["customer_id"].tolist() == ["Ann"]
    assert audit.set_aside["reason"].tolist() == [
        "Store not in where",
        "Status not in where",
        "Store not in where",
        "Status not in where",
    ]


def test_a_value_of_no_row_is_refused_and_the_advice_works(engine):
    """A misspelt status would leave its rows out unseen: the nearest that occurs is named."""
    table = engine.table(shop())
    with pytest.raises(rt.ContentError, match="asks for 'complete' in 'Status'") as refusal:
        rt.as_transactions(table, **NAMES, where={"Status": ["complete", "processing"]})
    near = re.search(r"Did you mean ('\w+')\?", str(refusal.value))[1]
    assert "There is: 'completed', 'failed', 'processing', 'refunded'." in str(refusal.value)
    where = {"Status": [ast.literal_eval(near), "processing"]}
    assert len(engine.read(rt.as_transactions(table, **NAMES, where=where), order=["date"])) == 2


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"Stat": "paid"}, "where names 'Stat', which is not a column. Did you mean 'Status'?"),
        ({"Test": "no"}, "asks for 'no' in 'Test', which stands in no row. There is: 'False', 'T"),
        ({"Store": 2.5}, "asks for 2.5 in 'Store', which stands in no row. There is: '1', '2'."),
        ({"Store": None}, "asks for None in 'Store', which stands in no row. There is: '1', '2'."),
        ({"when": "2024"}, "cannot choose '2024' in a column that holds Datetime"),
        ({}, "where must name columns, each with the values"),
        ({3: "x"}, "where must name columns, each with the values"),
        ("Status", "where must name columns, each with the values"),
        ({"Status": []}, "where must name columns, each with the values"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(where, said):
    """Neither an unknown column nor an unknown value chooses all rows, or none."""
    table = shop(when=pd.to_datetime(SHOP["day"]))
    with pytest.raises(rt.RetentionError, match=re.escape(said)):
        rt.as_transactions(table, **NAMES, where=where)


def test_the_example_in_the_message_is_a_choice():
    """What the refusal shows can be written."""
    with pytest.raises(rt.RetentionError) as refusal:
        rt.as_transactions(shop(), **NAMES, where=3)
    where = ast.literal_eval(re.search(r"where=(\{.*?\})", str(refusal.value))[1])
    assert len(rt.as_transactions(shop(), **NAMES, where=where)) == 2


def test_a_choice_of_nothing_says_what_left_the_rows_out():
    """Each value occurs, but no row has one of each."""
    with pytest.raises(rt.ContentError, match="every row was left out .*Status not in where"):
        rt.as_transactions(shop(), **NAMES, where={"Status": "failed", "Store": 2})


def test_rows_left_out_say_nothing_of_how_the_others_are_written():
    """Another currency, another decimal sign, a date in words: none of it is asked about."""
    table = shop(
        paid=["1,50", "2,50", "3.75", "$4.00", "x"],
        day=["02/01/2024", "13/01/2024", "01/31/2024", "soon", ""],
        Currency=["EUR", "EUR", "USD", "USD", ""],
    )
    lines = rt.as_transactions(table, **NAMES, where=MEANT)
    assert lines["sales"].tolist() == [1.5, 2.5]
    assert [str(day.date()) for day in lines["date"]] == ["2024-01-02", "2024-01-13"]
    one = rt.as_transactions(table, **NAMES, where={"Currency": "eur"})
    assert one["sales"].tolist() == [1.5, 2.5]


def test_a_copy_that_is_left_out_is_no_duplicate():
    """A failed try of the same order is not the order itself."""
    twice = shop().iloc[[0, 0]].assign(Status=["failed", "completed"])
    assert len(rt.as_transactions(twice, **NAMES, where={"Status": "completed"})) == 1


def test_an_order_is_dated_by_its_lines_that_are_meant():
    """A cancelled line of an earlier day gives the order no day."""
    lines = pd.DataFrame(
        {"who": "Ann", "day": ["2024-01-01", "2024-01-03", "2024-01-05"], "paid": [1.0, 2.0, 3.0]}
    ).assign(Order="1", Status=["void", "paid", "paid"])
    told = rt.as_transactions(
        lines, **NAMES, order_id="Order", order_day="first", where={"Status": "paid"}
    )
    assert [day.day for day in told["date"]] == [3, 3]


BY_DAY = {"customer_id": "who", "date": "from"}
SPELL = {"customer_id": "who", "duration": "days", "churned": "left"}
DOORS = [
    (rt.as_contracts, {"customer_id": "who", "start": "from", "end": "to", "end_is": "last_day"}),
    (rt.as_contacts, {**BY_DAY, "first_response_hours": "days", "resolution_hours": "days"}),
    (rt.as_surveys, {**BY_DAY, "satisfaction": "days", "scale": (1, 5)}),
    (rt.as_costs, {**BY_DAY, "amount": "days", "kind": "mode"}),
    (rt.as_wallet, {**BY_DAY, "wallet": "days"}),
    (rt.as_spells, SPELL),
    (rt.as_outages, {"start": "from", "end": "to"}),
]


@pytest.mark.parametrize(("door", "told"), DOORS)
def test_every_door_takes_a_choice_of_rows(door, told):
    """One keyword, the same at each door and in each audit."""
    table = pd.DataFrame(
        {"who": ["Ann", "Bob", "Cem"], "from": "2024-01-01", "to": "2024-01-02", "days": [3, 4, 5]}
    ).assign(left=[1, 0, 1], mode="service", kind=["real", "real", "test"])
    assert len(door(table, **told, where={"kind": "real"})) == 2
    audit = rt.audit(door, table, **told, where={"kind": "real"})
    assert audit.set_aside["reason"].tolist() == ["kind not in where"]
    with pytest.raises(rt.ContentError, match="stands in no row. Did you mean 'real'"):
        door(table, **told, where={"kind": "reel"})


def test_incomplete_rows_are_left_out_and_counted(engine):
    """What can only be corrected goes, with the number of rows; all else is still asked."""
    table = engine.table(shop(day=["2024-01-02", "x", "2024-02-30", "2024-01-09", "2024-01-10"]))
    with pytest.raises(rt.ContentError, match="1 problem .*\n - refund"):
        rt.as_transactions(table, **NAMES, incomplete="drop")
    counted = (
        "3 rows of 5 left out as incomplete: blank customer_id 1, unreadable date 1, date that "
        "does not exist 1"
    )
    with pytest.warns(rt.RetentionWarning, match=counted):
        lines = rt.as_transactions(table, **NAMES, incomplete="drop", refunds="net")
    assert engine.read(lines, order=["customer_id"])["sales"].tolist() == [10.0, -7.0]


def test_a_complete_table_is_not_told_of_incomplete_rows():
    """A nightly job may say it always."""
    assert len(rt.as_transactions(shop().iloc[:2], **NAMES, incomplete="drop")) == 2


def test_incomplete_is_one_of_two_words():
    """A misspelt policy is no policy."""
    with pytest.raises(rt.RetentionError, match="incomplete must be one of 'error', 'drop'"):
        rt.as_transactions(shop(), **NAMES, incomplete="skip")


SOLD = {"who": list("abcd"), "paid": [1.0, 2.0, 3.0, -3.0], "day": "2024-01-02"}
STANDS = [" Completed", "Cancelled", "sent", "refunded"]


def test_sales_of_cancelled_orders_are_looked_at_and_the_advice_works(engine):
    """A status that says there was no sale: nothing is refused, and a choice of rows is shown."""
    table = engine.table(pd.DataFrame({**SOLD, "Order Status": STANDS}))
    said = {**NAMES, "refunds": "net"}
    with pytest.warns(rt.RetentionWarning, match="Order Status is that of none: 1 row") as told:
        rt.as_transactions(table, **said)
    advice = re.search(r"say where=(\{.*?\})", str(told[0].message))[1]
    lines = rt.as_transactions(table, **said, where=ast.literal_eval(advice))
    assert engine.read(lines, order=["sales"])["sales"].tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    "columns",
    [
        {"Fulfillment Status": ["fulfilled", "pending", None, "restocked"]},
        {"Status": ["paid", "paid", "paid", "refunded"]},
        {"Note": ["cancelled"] * 4},
        {"Status": [1, 2, 3, 4]},
    ],
)
def test_a_status_that_says_nothing_of_the_kind_is_not_looked_at(columns):
    """No warning: of a parcel, of a refund that is told, in another column, or of numbers."""
    table = pd.DataFrame({**SOLD, **columns})
    assert len(rt.as_transactions(table, **NAMES, refunds="net")) == 4


def test_a_status_that_rows_were_chosen_by_is_not_looked_at():
    """Who chose the cancelled ones, meant them."""
    table = pd.DataFrame({**SOLD, "Status": STANDS})
    assert len(rt.as_transactions(table, **NAMES, where={"Status": ["sent", "cancelled"]})) == 2


def test_rows_left_out_are_no_duplicates_either():
    """Copies of a failed payment are left out as what they are."""
    table = pd.DataFrame({**SOLD, "Status": ["sent", "failed", "failed", "sent"]})
    table = pd.concat([table, table.iloc[[1]]])
    table["paid"] = table["paid"].abs()
    assert len(rt.as_transactions(table, **NAMES, where={"Status": "sent"})) == 2
