"""The card of a customer: by hand, beside a slow definition, and with nothing known later."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.frames import read_out

DAY = "2024-03-31"
TARGETS = {"first_response": 24, "resolution": 168}
ORDERS = pd.DataFrame({
    "customer_id": ["Ann", "Ann", "Ann", "Bob"],
    "date": pd.to_datetime(["2024-01-01", "2024-01-31", "2024-04-01", "2024-02-01"]),
    "sales": [20.0, 30.0, 99.0, 5.0],
})  # fmt: skip
FIRM = {
    "transactions": ORDERS,
    "contracts": pd.DataFrame({
        "customer_id": ["Ann", "Ann", "Bob"],
        "start": pd.to_datetime(["2023-12-01", "2024-06-01", "2024-01-01"]),
        "end": pd.to_datetime(["2024-06-01", None, None]),
    }),
    "contacts": pd.DataFrame({
        "customer_id": ["Ann", "Ann", "Ann"],
        "date": pd.to_datetime(["2024-03-01 10:00", "2024-03-31 08:00", "2024-04-02 09:00"]),
        "first_response_hours": [2.0, None, None],
        "resolution_hours": [None, None, None],
    }).astype({"resolution_hours": float}),
    "surveys": pd.DataFrame({
        "customer_id": ["Ann", "Ann", "Ann"],
        "date": pd.to_datetime(["2022-01-01", "2024-03-01", "2024-04-01"]),
        "satisfaction": [4.0, 2.0, 5.0],
        "answered": True,
    }),
    "invoices": pd.DataFrame({
        "customer_id": ["Ann", "Ann"],
        "date": pd.to_datetime(["2024-02-01", "2024-02-01"]),
        "due": pd.to_datetime(["2024-03-01", "2024-03-21"]),
        "paid": pd.to_datetime(["2024-03-05", "2024-04-03"]),
        "amount": [50.0, 60.0],
    }),
    "calls": pd.DataFrame({
        "customer_id": ["Ann", "Ann", "Ann"],
        "date": pd.to_datetime(["2024-03-01", "2024-03-20", "2024-04-01"]),
        "outcome": ["no answer", "stays", "gone"],
        "known": pd.to_datetime([None, "2024-04-02", None]),
    }),
    "tiers": pd.DataFrame({"customer_id": ["Ann", "Bob"], "segment": ["A", "B"]}),
    "segments": pd.DataFrame({
        "customer_id": ["Ann"] * 3,
        "segment": ["111", "345", "555"],
        "as_of": pd.to_datetime(["2024-01-31", "2024-02-29", "2024-04-30"]),
    }),
    "risk": pd.DataFrame({"customer_id": ["Ann"], "risk": [0.4]}),
}  # fmt: skip


def card(customer_id="Ann", **said):
    """Of the whole firm, or of what is told; null where the table says null."""
    told = {"as_of": DAY, **(said or {"targets": TARGETS, **FIRM})}
    row = rt.findings.loyalty_card(customer_id, **told).iloc[0]
    return {name: None if pd.isna(value) else value for name, value in row.items()}


@pytest.fixture(scope="module")
def whole():
    """Of Ann, from all that the firm has."""
    return card()


def test_a_card_worked_by_hand(whole):
    """What came on 1 April or later, or was known only then, is not on it."""
    found = dict(whole)
    days = {name: found.pop(name) for name, value in FIRM.items() if name in found}
    assert days == {"risk": 0.4}
    sentence = found.pop("sentence")
    assert {name: str(found.pop(name))[:10] for name in (
        "as_of", "customer_since", "last_purchase", "contract_until", "last_call",
    )} == {
        "as_of": DAY, "customer_since": "2023-12-01", "last_purchase": "2024-01-31",
        "contract_until": "2024-06-01", "last_call": "2024-03-01",
    }  # fmt: skip
    assert found == {
        "customer_id": "Ann", "tenure": 121, "days_since_last": 60, "n_orders": 2, "sales": 50,
        "sales_now": 50, "mean_gap": 30, "gap_ratio": 2, "p_silence": None, "p_no_purchase": None,
        "tier": "A", "segment": "345", "state": None, "contract": "ends", "n_contacts": 2,
        "n_late": 1, "n_open": 2, "n_waiting": 1, "longest_open_hours": 734, "satisfaction": 2,
        "satisfaction_change": -2, "n_overdue": 1, "days_overdue": 10,
        "last_outcome": "no answer", "window": 365,
    }  # fmt: skip
    assert sentence == (
        "Customer since 1 Dec 2023. Tier A, segment 345. 2 orders, 50.00 in total and 50.00 in the "
        "last 365 days; the last on 31 Jan 2024, 60 days ago, where 30 days between orders are "
        "usual. The contract ends on 1 Jun 2024. 2 contacts are open, 1 of them for too long. Last "
        "satisfaction 2 (down 2). We last got in touch on 1 Mar 2024: no answer. 1 invoice is "
        "overdue, for up to 10 days. The chance of leaving is 40.0%."
    )


def test_columns_never_depend_on_what_there_is(whole):
    """A card of calls alone has them all, and nulls; the table that is given is not changed."""
    before = FIRM["calls"].copy()
    few = rt.findings.loyalty_card("Ann", as_of=DAY, calls=FIRM["calls"])
    assert list(few) == list(whole)
    assert few["n_orders"].isna().all()
    assert few["sentence"][0] == "We last got in touch on 1 Mar 2024: no answer."
    pd.testing.assert_frame_equal(FIRM["calls"], before)


def test_who_is_not_in_a_table_has_none_of_it():
    """Bob never called, and has no bill: 0, not null; how content he is nobody knows."""
    found = card("Bob", targets=TARGETS, **FIRM)
    assert (found["n_contacts"], found["n_open"], found["n_overdue"]) == (0, 0, 0)
    assert (found["satisfaction"], found["risk"], found["last_call"]) == (None, None, None)
    assert (found["contract"], found["contract_until"]) == ("running", None)
    assert found["mean_gap"] is None
    early = card("Bob", as_of="2024-01-15", transactions=ORDERS, contracts=FIRM["contracts"])
    assert (early["n_orders"], early["tenure"]) == (0, 14)


def test_with_a_model_silence_has_a_chance():
    """Those of `purchase_features` on the same day."""
    model = rt.repeat_buying.fit_bg_nbd(
        rt.repeat_buying.purchase_summary(
            rt.sample_company(400, seed=1).orders, as_of="2024-06-30", observed_from="2022-01-01"
        )
    )
    found = card(model=model, window=90, transactions=ORDERS)
    days = pd.DataFrame({"customer_id": ["Ann"], "as_of": pd.to_datetime([DAY])})
    told = rt.signals.purchase_features(days, ORDERS, window=90, model=model).iloc[0]
    for name in ("p_silence", "p_no_purchase", "sales_now"):
        assert found[name] == pytest.approx(told[name], rel=1e-12)
    assert "Of such customers who are still here" in found["sentence"]


@pytest.mark.parametrize("seed", range(5))
def test_orders_are_those_of_a_slow_definition(seed):
    """Day by day: what was bought, how long ago, in which gaps; ids may be numbers."""
    draw = Random(seed)
    lines = [
        (draw.choice([1, 1, 2]), draw.randint(0, 60), draw.choice([10.0, 2.5, -3.0]))
        for _ in range(draw.randint(2, 14))
    ]
    at, window = draw.randint(20, 70), draw.randint(1, 40)
    first = date(2024, 1, 1)
    table = pd.DataFrame(
        [(who, pd.Timestamp(first + timedelta(days=d)), sales) for who, d, sales in lines],
        columns=["customer_id", "date", "sales"],
    )
    mine = [(day, sales) for who, day, sales in lines if who == 1 and day <= at]
    asked = {"as_of": first + timedelta(days=at), "window": window, "transactions": table}
    if not mine:
        with pytest.raises(rt.ContentError, match="customer 1 is in none of transactions by"):
            rt.findings.loyalty_card(1, **asked)
        return
    found = rt.findings.loyalty_card(1, **asked).iloc[0]
    bought = sorted(day for day in {d for d, _ in mine} if sum(s for d, s in mine if d == day) > 0)
    assert found["n_orders"] == len(bought)
    assert found["sales"] == pytest.approx(sum(s for _, s in mine))
    assert found["sales_now"] == pytest.approx(sum(s for d, s in mine if d > at - window))
    if bought:
        assert found["days_since_last"] == at - bought[-1]
        assert found["tenure"] == at - bought[0]
    if len(bought) > 1:
        gap = (bought[-1] - bought[0]) / (len(bought) - 1)
        assert found["mean_gap"] == pytest.approx(gap)
        assert found["gap_ratio"] == pytest.approx((at - bought[-1]) / gap)


def test_a_day_later_changes_nothing_that_was_known(whole):
    """The card of a day is the same from tables that end on it."""
    cut = dict(FIRM)
    for name, day in (("transactions", "date"), ("contacts", "date"), ("surveys", "date")):
        cut[name] = FIRM[name][FIRM[name][day] < "2024-04-01"]
    cut["calls"] = FIRM["calls"].iloc[:1]
    assert card(targets=TARGETS, **cut) == whole


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"customer_id": "Eve"}, rt.ContentError, "'Eve' is in none of calls, tiers, risk by"),
        ({"customer_id": 7}, rt.RetentionError, "those of calls are text"),
        ({"customer_id": None}, rt.RetentionError, "is text or a whole number; got None"),
        ({"contacts": FIRM["contacts"]}, rt.RetentionError, "contacts and targets go together"),
        ({"window": 0}, rt.RetentionError, "window"),
        ({"tiers": FIRM["segments"][["customer_id", "segment"]]},
         rt.ContentError, "tiers: customer 'Ann' has several, such as '111' and '345'"),
        ({"risk": FIRM["risk"].assign(risk=1.5)}, rt.ContentError, "1.5 of customer 'Ann' is no"),
        ({"risk": pd.concat([FIRM["risk"]] * 2)}, rt.ContentError, "has several"),
    ],
)  # fmt: skip
def test_what_makes_no_card_is_refused(said, error, message):
    """And nobody learns who else there is."""
    few = {name: FIRM[name] for name in ("calls", "tiers", "risk")}
    with pytest.raises(error, match=message) as refusal:
        card(**{"customer_id": "Ann", **few, **said})
    assert "Bob" not in str(refusal.value)


def test_a_card_of_nothing_is_refused():
    """There must be a table."""
    with pytest.raises(rt.RetentionError, match="Hand over what there is"):
        rt.findings.loyalty_card("Ann", as_of=DAY)


@pytest.mark.parametrize("engine", ["polars", "duckdb", "pyarrow"], indirect=True)
def test_engines_agree(engine):
    """One row in the caller's kind, from lazy and eager tables."""
    told = {name: FIRM[name] for name in ("transactions", "calls", "tiers")}
    expected = card(**told)
    found = rt.findings.loyalty_card(
        "Ann", as_of=DAY, **{name: engine.table(table) for name, table in told.items()}
    )
    assert engine.is_mine(found)
    row = {name: values[0] for name, values in read_out(found).items()}
    for name in ("n_orders", "sales", "gap_ratio", "tier", "last_outcome", "sentence", "window"):
        assert row[name] == expected[name]


def test_a_segment_that_is_missing_is_not_known():
    """It is null on the card, not a text such as "nan", and not a word of the sentence."""
    tiers = pd.DataFrame({"customer_id": ["Ann", "Bob"], "segment": ["A", None]})
    found = card("Bob", transactions=ORDERS, tiers=tiers)
    assert found["tier"] is None
    assert "Tier" not in found["sentence"]


def test_what_is_of_no_day_comes_before_what_is_of_one():
    """A segment without a day counts until there is one of a day."""
    days = pd.to_datetime([None, "2024-03-01", "2024-05-01"])
    states = pd.DataFrame({"customer_id": ["Ann"] * 3, "segment": ["x", "y", "z"], "as_of": days})
    assert card(transactions=ORDERS, states=states)["state"] == "y"
    assert card(transactions=ORDERS, states=states[::2])["state"] == "x"


def test_a_risk_of_a_later_day_is_not_on_the_card():
    """Of several days the last by the one asked counts, as with segments."""
    risk = pd.DataFrame({
        "customer_id": ["Ann"] * 3,
        "risk": [0.1, 0.4, 0.9],
        "as_of": pd.to_datetime(["2024-01-31", "2024-03-31", "2024-04-01"]),
    })  # fmt: skip
    assert card(transactions=ORDERS, risk=risk)["risk"] == 0.4
    assert card(transactions=ORDERS, risk=risk[2:])["risk"] is None


def test_ids_may_be_beyond_the_signed_numbers():
    """An id of 64 bits without a sign is found, and stands on the card as it is."""
    who = 2**63 + 5
    orders = ORDERS.assign(customer_id=np.array([who, who, who, 1], np.uint64))
    found = card(who, as_of=DAY, transactions=orders)
    assert found["customer_id"] == who
    assert found["n_orders"] == 2
