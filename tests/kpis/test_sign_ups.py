"""Cohorts by the day of sign-up, against sets of customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt

QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")
SAID = {"observed_from": "2024-01-01", "as_of": "2024-06-30"}


def orders(*rows):
    """Customer and day of each."""
    table = pd.DataFrame(rows, columns=["customer_id", "date"]).assign(sales=1.0)
    return table.assign(date=pd.to_datetime(table["date"]))


def sign_ups(**days):
    """The day on which each customer signed up, with its channel."""
    table = pd.DataFrame({"customer_id": list(days), "start": pd.to_datetime(list(days.values()))})
    return table.assign(channel=["web" if who < "C" else "shop" for who in days])


LINES = orders(
    ("A", "2024-01-20"), ("A", "2024-03-02"), ("B", "2024-02-01"), ("D", "2024-02-28"),
    ("D", "2024-06-01"), ("E", "2024-01-02"),
)  # fmt: skip
STARTS = sign_ups(A="2024-01-05", B="2024-01-31", C="2024-01-10", D="2024-02-01", E="2024-02-02")


def ages(table, **chosen):
    """Retained of eligible at each age of a cohort, as far as it was observed."""
    rows = table[table["observed"]]
    for name, value in chosen.items():
        rows = rows[rows[name] == value]
    return list(zip(rows["n_retained"].astype(int), rows["n_eligible"], strict=True))


def test_engines_count_all_who_signed_up_whether_or_not_they_bought(engine):
    """C never bought, B first in the month after, E only before it signed up."""
    activity = rt.customer_periods(engine.table(LINES), freq="month", **SAID)
    found = engine.read(rt.cohort_retention(activity, started=engine.table(STARTS)))
    assert ages(found, cohort="2024-01-01") == [(1, 3), (1, 3), (1, 3), (0, 3), (0, 3), (0, 3)]
    assert ages(found, cohort="2024-02-01") == [(1, 2), (0, 2), (0, 2), (0, 2), (1, 2)]
    assert set(found["cohorts"]) == {"started"}
    assert found["start_observed"].all()
    by = engine.read(rt.cohort_retention(activity, started=engine.table(STARTS), by="channel"))
    assert ages(by, cohort="2024-01-01", channel="shop") == [(0, 1)] * 6
    assert ages(by, cohort="2024-01-01", channel="web") == [(1, 2), (1, 2), (1, 2)] + [(0, 2)] * 3


def test_other_kinds_of_retention_go_by_sign_up_as_well():
    """On or after an age, in brackets, in weeks since the day, and pooled by channel."""
    activity = rt.customer_periods(LINES, freq="month", **SAID)
    later = rt.cohort_retention(activity, started=STARTS, kind="on_or_after")
    assert ages(later, cohort="2024-01-01") == [(2, 3), (2, 3), (1, 3), (0, 3), (0, 3), (0, 3)]
    brackets = rt.cohort_retention(activity, started=STARTS, kind="bracket", brackets=[0, 2, 4])
    assert ages(brackets, cohort="2024-01-01") == [(2, 3), (1, 3)]
    pooled = rt.cohort_retention(activity, started=STARTS, by="channel", cohorts="attribute")
    assert ages(pooled, channel="web") == [(1, 2), (1, 2), (1, 2), (0, 2), (0, 2), (0, 2)]
    daily = rt.customer_periods(LINES, freq="day", **SAID)
    weeks = rt.cohort_retention(daily, started=STARTS, freq="week", clock="elapsed")
    first = ages(weeks, cohort="2024-01-29")  # B on the day after, D in its fourth week
    assert first[:5] == [(1, 3), (0, 3), (0, 3), (1, 3), (0, 3)]


DAYS = st.integers(0, 180)


@QUIET
@given(
    bought=st.lists(st.tuples(st.integers(0, 4), DAYS), min_size=1, max_size=12),
    signed=st.lists(DAYS, min_size=5, max_size=5),
    freq=st.sampled_from(["month", "week"]),
)
def test_every_cell_is_that_of_sets_of_customers(bought, signed, freq):
    """Whichever came first, the sign-up or a purchase."""
    day = pd.Timestamp("2024-01-01")
    lines = orders(*((f"c{who}", day + pd.Timedelta(n, "D")) for who, n in bought))
    starts = sign_ups(**{f"c{i}": day + pd.Timedelta(n, "D") for i, n in enumerate(signed)})
    activity = rt.customer_periods(lines, freq=freq, **SAID)
    found = rt.cohort_retention(activity, started=starts)
    unit = "M" if freq == "month" else "W-SUN"
    began = dict(zip(starts["customer_id"], starts["start"].dt.to_period(unit), strict=True))
    active = set(zip(lines["customer_id"], lines["date"].dt.to_period(unit), strict=True))
    for row in found[found["observed"]].itertuples():
        cohort = pd.Period(row.cohort, unit)
        members = {who for who, start in began.items() if start == cohort}
        assert row.n_cohort == row.n_eligible == len(members)
        assert row.n_retained == sum((who, cohort + row.age) in active for who in members)


def test_the_average_over_cohorts_is_that_of_any_cohorts():
    """A table of sign-ups goes where a table of cohorts does."""
    activity = rt.customer_periods(LINES, freq="month", **SAID)
    table = rt.cohort_retention(activity, started=STARTS)
    curve = rt.kpis.average_retention(table)
    np.testing.assert_allclose(curve["rate"][:3].astype(float), [2 / 5, 1 / 5, 1 / 5])


def test_customers_without_a_sign_up_are_counted():
    """They are in no cohort, and a warning says so."""
    activity = rt.customer_periods(LINES, freq="month", **SAID)
    with pytest.warns(rt.RetentionWarning, match="1 customer of the activity, such as 'E'"):
        rt.cohort_retention(activity, started=STARTS.iloc[:4])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"measure": "sales"}, "say measure='customers'"),
        ({"cohorts": "every"}, "or say cohorts='first'"),
        ({"cohorts": "started"}, "'first', 'every', 'attribute'"),
        ({"cohorts": "started", "started": None}, "'first', 'every', 'attribute'"),
        ({"by": "plan"}, "plan"),
        ({"started": pd.concat([STARTS, STARTS])}, "10 starts of 5 customers: keep one row"),
        ({"started": STARTS.drop(columns="start")}, "start"),
        ({"started": STARTS.assign(start=pd.NaT)}, "no customer with a start"),
        ({"started": STARTS.assign(customer_id=range(5))}, "Give both the same type"),
    ],
)
def test_what_has_no_sign_up_is_refused(said, message):
    """In words that name what helps."""
    activity = rt.customer_periods(LINES, freq="month", **SAID)
    with pytest.raises(rt.RetentionError) as refusal:
        rt.cohort_retention(activity, **{"started": STARTS, **said})
    assert message in str(refusal.value).replace("`", "")


def test_an_activity_of_contracts_is_refused():
    """It has starts of its own."""
    contracts = pd.DataFrame({"customer_id": ["A"], "start": [pd.Timestamp("2024-01-01")]})
    contracts["end"] = pd.NaT
    months = rt.contract_periods(contracts, freq="month", as_of="2024-06-30")
    with pytest.raises(rt.RetentionError, match="goes with an activity of purchases"):
        rt.cohort_retention(months, started=STARTS)
