"""The door for costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import ColumnError, ContentError
from retention.loading.doors.costs import as_costs
from retention.tables import COSTS, require

NAMES = {"date": "month", "kind": "account", "amount": "paid"}
WHOSE = {**NAMES, "customer_id": "client"}


def ledger(**columns):
    """Three costs: one was for Ann."""
    known = {
        "month": ["2024-01-01", "2024-01-31", "2024-02-29"],
        "account": ["wages", "space", "space"],
        "paid": [12.5, 300.0, -4.0],
        "client": ["Ann", None, " "],
    }
    return pd.DataFrame({**known, **columns})


def test_a_cost_has_a_customer_or_is_shared(engine):
    """A blank customer is null, a credit stays negative, and further columns go along."""
    table = engine.table(ledger(region=["north", "north", "south"]))
    found = as_costs(table, **WHOSE, keep="region")
    assert engine.is_mine(found)
    names = ["date", "kind", "amount", "customer_id", "region"]
    assert list(require(found, COSTS).collect_schema()) == names
    read = engine.read(found, order=["date"])
    assert read["kind"].tolist() == ["wages", "space", "space"]
    assert read["amount"].tolist() == [12.5, 300.0, -4.0]
    assert read["customer_id"].fillna("").tolist() == ["Ann", "", ""]
    assert read["region"].tolist() == ["north", "north", "south"]


def test_costs_need_have_no_customer(engine):
    """Where the column is not named it is not there."""
    found = as_costs(engine.table(ledger()), **NAMES)
    assert list(require(found, COSTS).collect_schema()) == ["date", "kind", "amount"]


def test_ids_that_are_whole_numbers_stay_numbers_beside_a_gap(engine):
    """A gap is no reason to make text of them, nor to make a 0 of the gap."""
    table = engine.table(ledger(client=pd.array([7, None, 8], dtype="Int64")))
    found = engine.read(as_costs(table, **WHOSE), order=["date"])["customer_id"]
    assert [None if pd.isna(value) else int(value) for value in found] == [7, None, 8]
    require(as_costs(table, **WHOSE), COSTS)


def test_ids_that_pandas_read_as_decimals_are_whole_numbers_again():
    """In text ".0" goes; as numbers they are what pandas makes of whole numbers with a gap."""
    text = as_costs(ledger(client=["17.0", None, "18.0"]), **WHOSE)
    assert text["customer_id"].fillna("").tolist() == ["17", "", "18"]
    decimals = as_costs(ledger(client=[17.0, np.nan, 18.0]), **WHOSE)
    assert decimals["customer_id"].fillna(-1).tolist() == [17, -1, 18]
    nobody = as_costs(ledger(client=None), **WHOSE)
    assert nobody["customer_id"].isna().all()


def test_account_codes_are_kinds():
    """A whole number names a kind as well as a word does, once it is text."""
    found = as_costs(ledger(account=[4100, 4200, 4200]), **NAMES)
    assert found["kind"].tolist() == ["4100", "4200", "4200"]


def test_a_cost_of_no_kind_is_refused(engine):
    """What it was for decides whether it counts."""
    with pytest.raises(ContentError, match="missing kind: 2 rows"):
        as_costs(engine.table(ledger(account=["wages", None, " "])), **NAMES)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"paid": [1.0, None, 2.0]}, "missing amount: 1 row"),
        ({"paid": [1.0, 2.0, float("inf")]}, "infinite or too large amount: 1 row"),
        ({"paid": ["1", "2", "two"]}, "amount that is not a number: 1 row"),
        ({"month": ["2024-01-01", "2024-02-30", "2024-01-01"]}, "does not exist"),
        ({"client": [1.5, np.nan, 2.0]}, "customer_id that is not a whole number: 1 row"),
    ],
)
def test_what_cannot_be_read_is_refused(wrong, said):
    """Each problem with its count."""
    with pytest.raises(ContentError, match=said):
        as_costs(ledger(**wrong), **WHOSE)


def test_a_repeated_line_is_a_question(engine):
    """The same cost twice is two costs or a mistake: the user says."""
    table = engine.table(pd.concat([ledger(), ledger()[:1]], ignore_index=True))
    with pytest.raises(ContentError, match="exact duplicate line: 1 row"):
        as_costs(table, **NAMES)
    assert len(engine.read(as_costs(table, **NAMES, duplicates="keep"))) == 4
    assert len(engine.read(as_costs(table, **NAMES, duplicates="drop"))) == 3


def test_a_kind_is_text():
    """Decimals and dates name nothing."""
    with pytest.raises(ColumnError, match="kind: column 'account' holds Float64, not text"):
        as_costs(ledger(account=[1.5, 2.5, 3.5]), **NAMES)


def test_the_columns_that_matter_must_be_said():
    """A misspelt column is refused with the nearest there is."""
    with pytest.raises(ColumnError, match="amount names 'pay', which is not a column"):
        as_costs(ledger(), date="month", kind="account", amount="pay")
