"""Texts that often mean "not filled in", and may be somebody's id: Namibia's NA, Mr Null."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import retention as rt
from retention.cli import main

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = {"customer_id": "who", "date": "day", "sales": "paid"}
WHO = ["NA", "Null", "NA", "Ann", "None"]


def shop(who: list[Any]) -> pd.DataFrame:
    """An order a day of each."""
    days = [f"2024-01-{1 + i:02}" for i in range(len(who))]
    return pd.DataFrame({"who": who, "day": days, "paid": [1.0] * len(who), "region": who})


def test_texts_taken_for_blank_are_named_and_counted_and_the_cure_works(engine: Any) -> None:
    """Two orders of NA and one of None; Null is no such text, but null would be."""
    table = engine.table(shop(WHO))
    with pytest.raises(rt.ContentError) as refused:
        rt.as_transactions(table, **ORDERS)
    assert "blank customer_id: 3 rows" in str(refused.value)
    assert (
        "Taken for blank is 'NA' in 2 rows, 'None' in 1 row: if that is an id, say blanks=()."
        in (str(refused.value))
    )
    found = engine.read(rt.as_transactions(table, **ORDERS, blanks=()))
    assert sorted(found["customer_id"]) == sorted(WHO)


def test_some_texts_may_be_blank_and_others_not(engine: Any) -> None:
    """Only what is named is blank, beside the empty text; the audit agrees."""
    table = engine.table(shop([*WHO, "", "-"]))
    audit = rt.audit(rt.as_transactions, table, **ORDERS, blanks=["-", "None"])
    assert sorted(engine.read(audit.accepted)["customer_id"]) == ["Ann", "NA", "NA", "Null"]
    assert sorted(engine.read(audit.set_aside)["who"]) == ["", "-", "None"]
    assert set(engine.read(audit.set_aside)["reason"]) == {"blank customer_id"}


def test_what_is_missing_stays_missing_in_a_column_of_objects() -> None:
    """None is no customer of that name, whatever texts are ids."""
    ids = pd.Series(["Ann", None, float("nan"), "NA"], dtype=object)
    audit = rt.audit(rt.as_transactions, shop(["x"] * 4).assign(who=ids), **ORDERS, blanks=())
    assert audit.accepted["customer_id"].tolist() == ["Ann", "NA"]


def test_segments_of_these_names_stay_as_they_are(engine: Any) -> None:
    """North America is no missing region."""
    door = rt.as_transactions(
        engine.table(shop(["a", "b"]).assign(region=["NA", "null"])), **ORDERS, keep="region"
    )
    assert sorted(engine.read(door)["region"]) == ["NA", "null"]


def test_a_csv_keeps_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In Python and on the command line, whose refusal names the option that lets them in."""
    path = tmp_path / "orders.csv"
    shop(WHO).to_csv(path, index=False)
    assert len(rt.as_transactions(path, **ORDERS, blanks=())) == 5
    words = ["kpis", str(path), *(["--customer-id", "who", "--date", "day", "--sales", "paid"])]
    words += ["--freq", "day", "--as-of", "2024-01-05"]
    assert main(words) == 1
    assert 'if that is an id, say --blanks "".' in capsys.readouterr().err
    assert main([*words, "--blanks", ""]) == 0


@pytest.mark.parametrize(
    ("door", "columns", "names"),
    [
        ("as_contracts", {"a": ["2024-01-01"] * 2, "b": ["2024-02-01"] * 2},
         {"start": "a", "end": "b", "end_is": "first_day_out"}),
        ("as_wallet", {"a": ["2024-01-01"] * 2, "b": [1.0] * 2}, {"date": "a", "wallet": "b"}),
        ("as_surveys", {"a": ["2024-01-01"] * 2, "b": [1] * 2}, {"date": "a", "recommend": "b"}),
        ("as_spells", {"a": [1.0] * 2, "b": [True] * 2}, {"duration": "a", "churned": "b"}),
    ],
)  # fmt: skip
def test_every_door_has_the_keyword(door: str, columns: Any, names: Any) -> None:
    """A customer is called the same in every table."""
    table = pd.DataFrame({"who": ["Ann", "NA"], **columns})
    function = getattr(rt, door)
    found = function(table, customer_id="who", **names, blanks=())
    assert found["customer_id"].tolist() == ["Ann", "NA"]


def test_a_cost_of_such_a_customer_is_nobodys_only_if_said() -> None:
    """It would be shared among all others."""
    table = pd.DataFrame(
        {"who": ["Ann", "NA", None], "day": ["2024-01-01"] * 3, "what": "visit", "cost": [1, 2, 3]}
    )
    names = {"date": "day", "kind": "what", "amount": "cost", "customer_id": "who"}
    with pytest.raises(rt.ContentError, match="customer_id that may be blank: 1 row") as refused:
        rt.as_costs(table, **names)
    assert re.search(r"Say blanks=\(\) or, for instance, blanks=\['NA'\]", str(refused.value))
    kept = rt.as_costs(table, **names, blanks=())["customer_id"]
    assert [v if isinstance(v, str) else None for v in kept] == ["Ann", "NA", None]
    shared = rt.as_costs(table, **names, blanks=["NA"])["customer_id"]
    assert [v if isinstance(v, str) else None for v in shared] == ["Ann", None, None]


@pytest.mark.parametrize("blanks", ["NA", [1], [None]])
def test_blanks_are_a_list_of_texts(blanks: Any) -> None:
    """A text alone would be taken letter by letter."""
    with pytest.raises(rt.RetentionError, match="blanks must be a list of texts"):
        rt.as_transactions(shop(["Ann"]), **ORDERS, blanks=blanks)
