"""What was found by trying economics as a stranger would, and corrected: each once."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention as rt

pytestmark = pytest.mark.filterwarnings("ignore:The last order is of")

LINES = pl.DataFrame({
    "customer_id": [1, 2], "date": [date(2022, 1, 1)] * 2, "sales": [5.0, 5.0],
    "profit": [4.0, 4.0],
})  # fmt: skip
WATCHED = {"as_of": "2022-12-31", "length": "year", "observed_from": "2022-01-01"}


def tenure_of(kind, **started):
    """Tenure by a table of true starts, which customers are in it."""
    told = pl.DataFrame(started, schema={"customer_id": pl.Int64, "start": pl.Date})
    if kind == "polars":
        return rt.activity.tenure_periods(LINES, started=told, **WATCHED)
    frame = told.to_pandas().astype({"customer_id": "Int64"})
    return rt.activity.tenure_periods(LINES.to_pandas(), started=frame, **WATCHED)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_start_of_nobody_is_no_customer(kind):
    """A row without an id is passed over."""
    tenure = tenure_of(kind, customer_id=[1, None], start=[date(2021, 1, 1)] * 2)
    ages = rt.economics.profit_by_tenure(tenure)
    assert list(ages["n_eligible"]) == [1, 1]
    assert list(ages["profit_per_acquired"]) == [4.0, 4.0]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_start_that_is_not_told_or_lies_ahead_leaves_the_customer_out(kind):
    """Neither is a new customer: each is counted in a warning."""
    with pytest.warns(rt.RetentionWarning, match="1 customer is left out.*names no day"):
        tenure = tenure_of(kind, customer_id=[1], start=[None])
    assert list(tenure["customer_id"]) == [2]
    with pytest.warns(rt.RetentionWarning, match="1 customer is left out.*after their first order"):
        tenure = tenure_of(kind, customer_id=[1], start=[date(2025, 1, 1)])
    assert list(tenure["customer_id"]) == [2]


def test_beyond_an_age_of_nobody_nothing_is_known():
    """Of one customer ages 5 and later were seen, of the other the first alone."""
    tenure = tenure_of("pandas", customer_id=[1], start=[date(2018, 1, 1)])
    found = rt.economics.lifetime_profit(tenure, discount=0.1, acquisition_cost=10.0)
    assert found["n_eligible"].tolist() == [1, 0, 0, 0, 1]
    assert found["cumulative_profit"].isna().tolist() == [False, True, True, True, True]
    assert found["standard_error"].isna().tolist() == [False, True, True, True, True]
    even = rt.economics.break_even_tenure(found)
    assert even["reason"][0] == "not within 1 observed year"


def test_days_of_nobody_and_days_that_are_none():
    """A row without an id is refused; a column without a day says so of each."""
    contracts = pd.DataFrame({"customer_id": [1, 2], "start": pd.Timestamp("2024-01-01")})
    spells = rt.contract_spells(contracts.assign(end=pd.NaT), as_of="2024-03-31", grace=0)
    days = pd.DataFrame({"customer_id": pd.array([1, None], dtype="Int64")})
    with pytest.raises(rt.ContentError, match="1 row has no customer_id"):
        rt.spells.spells_since(spells, days.assign(d=pd.Timestamp("2024-02-01")), since="d")
    none = rt.spells.spells_since(spells, contracts[["customer_id"]].assign(d=None), since="d")
    assert none["set_aside"].tolist() == ["no day is said"] * 2


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
@pytest.mark.parametrize(
    ("won", "message"), [([8, None], "one has no referred_id"), ([1, 8], "won themselves")]
)
def test_referrals_made_by_hand_are_checked_as_at_the_door(engine, won, message):
    """A row without an id or of oneself is no customer won."""
    tenure = rt.activity.tenure_periods(
        engine.table(LINES.to_pandas()), as_of="2022-12-31", length="year"
    )
    table = pd.DataFrame({
        "customer_id": [1, 2], "referred_id": pd.array(won, dtype="Int64"),
        "date": pd.Timestamp("2022-06-01"),
    })  # fmt: skip
    with pytest.raises(rt.ContentError, match=message):
        rt.economics.profit_by_tenure(tenure, referrals=engine.table(table), referral_value=1.0)


def branches(**changed):
    """Ten branches, the more of whose staff stays the more customers do."""
    kept = np.linspace(0.5, 0.95, 10)
    noise = np.array([1, -1, 2, -2, 1, 1, -1, -2, 2, -1]) / 500
    table = pd.DataFrame({"branch": list("abcdefghij"), "step": 0, "n_customers": 100})
    return table.assign(**({"staff": kept, "stay": 0.8 + 0.1 * kept + noise} | changed))


def link_of(table):
    """The comparison between branches."""
    return rt.economics.loyalty_link(table, x="staff", y="stay", by="branch").iloc[0]


def test_a_link_of_few_of_one_line_or_of_large_numbers_says_what_it_is():
    """Missing customers are left out, floats are counts, offsets cost no digits."""
    whole = link_of(branches())
    more = pd.concat([branches(), branches().tail(1).assign(branch="k", n_customers=np.nan)])
    left_out = link_of(more)
    assert left_out["n_left_out"] == 1
    assert left_out["slope"] == pytest.approx(whole["slope"])
    few = link_of(branches(n_customers=[10**9] + [1] * 9))
    assert few["reason"].startswith("A few units have nearly all customers")
    assert np.isnan(few["slope_lower"])
    line = link_of(branches(staff=np.arange(10.0), stay=np.arange(10.0)))
    assert line["correlation"] == pytest.approx(1)
    assert line["reason"] == "Chance cannot be told of points that lie on one line."
    far = branches()
    far["staff"] += 1e9
    assert link_of(far)["slope"] == pytest.approx(whole["slope"], rel=1e-5)
    with pytest.raises(rt.ContentError, match="infinite or too large"):
        link_of(branches(stay=np.linspace(1e199, 1e200, 10)))


def test_numbers_that_are_no_money_are_refused():
    """Of a programme, and periods of more than a century."""
    effects = pd.DataFrame({"difference": [0.1], "lower": [0.05], "upper": [0.15]})
    for asked in ({"n_offered": 1e308}, {"n_offered": 1e-300}, {"value_saved": 1e308}):
        said = {"n_offered": 10, "value_saved": 5.0, "spend": 1.0} | asked
        with pytest.raises(rt.RetentionError, match="must be"):
            rt.economics.programme_value(effects, **said)
    curve = rt.survival_curve(pd.DataFrame({"duration": [1, 2], "churned": [True, False]}))
    with pytest.raises(rt.RetentionError, match="length is how long a period is"):
        rt.economics.lifetime_value(
            curve, profit=1, acquisition_cost=0, length=10**400, discount=0.1, horizon=2,
            timing="end",
        )  # fmt: skip


def test_where_nobody_leaves_a_market_is_won_in_the_end():
    """s' = s + (1 − s) · win rate has the limit 1."""
    base = pd.DataFrame({"tenure": [2], "n_customers": [10.0]})
    ahead = rt.economics.base_forecast(base, model=1.0, periods=60, win_rate=0.2, market=20.0)
    assert ahead["steady_state"][0] == 20
    assert ahead["n_customers"].iloc[-1] == pytest.approx(20, rel=1e-4)
