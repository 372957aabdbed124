"""What ties the figures to one another, on every engine and on random small companies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from lasting import contracts
from shops import orders

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")  # silences
few = settings(max_examples=at_most(4))
WINDOW = {"observed_from": "2024-01-01", "as_of": "2024-04-30"}
HOME = {"Ann": "west", "Bob": "west", "Cem": "east", "Dee": "east"}

days = st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-04-30").date())
lines = st.lists(
    st.tuples(st.sampled_from(list(HOME)), days, st.integers(1, 9)), min_size=2, max_size=14
)


def by_month(engine, some, **window):
    """Activity by month of order lines (customer, day, sales), every customer in its own region."""
    frame = orders(*some)
    frame = frame.assign(region=frame["customer_id"].map(HOME), profit=frame["sales"] / 4)
    table = engine.table(frame)
    return rt.customer_periods(table, freq="month", by="region", **{**WINDOW, **window})


def figures(engine, activity):
    """Every count and rate of the outcome, by month, as numbers."""
    kpis = engine.read(rt.outcome_kpis(activity), order=["period"])
    return kpis.select_dtypes("number")


@few
@given(some=lines)
def test_raw_churn_and_retention_are_complements_on_one_base(engine, some):
    """Of the same customers each is either kept or lost."""
    activity = by_month(engine, some)
    kept = engine.read(rt.retention_rate(activity, by="region"), order=["period", "region"])
    lost = engine.read(rt.churn_by(activity, by="region"), order=["period", "region"])
    assert (kept["n_base"] == kept["n_retained"] + lost["n_churned"]).all()
    np.testing.assert_allclose(lost["churn_rate"], 1 - kept["retention_rate"], atol=1e-15)


@few
@given(some=lines)
def test_counts_add_up_over_segments_that_are_fixed_for_a_customer(engine, some):
    """Where nobody moves, the regions' customers, sales and losses are the firm's."""
    activity = by_month(engine, some)
    firm = engine.read(rt.outcome_kpis(activity), order=["period"]).set_index("period")
    parts = engine.read(rt.outcome_kpis(activity, by="region")).groupby("period")
    for name in ("n_base", "n_retained", "sales_base"):
        assert parts[name].sum().reindex(firm.index, fill_value=0).tolist() == firm[name].tolist()


@few
@given(some=lines)
def test_movements_lead_from_the_start_to_the_end(engine, some):
    """start + new + reactivated + expansion − contraction − churned = end, the next one's start."""
    rows = engine.read(rt.revenue_movements(by_month(engine, some)), order=["period"])
    money = {name.removeprefix("sales_"): rows[name] for name in rows if name.startswith("sales_")}
    chain = money["end"].iloc[:-1].to_numpy()
    np.testing.assert_allclose(money["start"].iloc[1:], chain, atol=1e-9)
    rows, money = rows.iloc[1:], {name: values.iloc[1:] for name, values in money.items()}
    came = money["new"] + money["reactivated"] + money["expansion"]
    gone = money["contraction"] + money["churned"]
    np.testing.assert_allclose(money["start"] + came - gone, money["end"], atol=1e-9)
    people = rows["n_start"] + rows["n_new"] + rows["n_reactivated"] - rows["n_churned"]
    assert people.tolist() == rows["n_end"].tolist()


@few
@given(some=lines)
def test_cohorts_at_age_one_are_the_retention_of_new_customers(engine, some):
    """Pooled, who came again in the period after the first is who was retained of the new."""
    activity = by_month(engine, some)
    pooled = engine.read(rt.kpis.average_retention(rt.cohort_retention(activity)), order=["age"])
    rows = engine.read(activity)
    rows = rows[rows["active"]]
    first = rows.groupby("customer_id")["step"].min()
    last = rows["last_step"].max()
    pairs = set(zip(rows["customer_id"], rows["step"], strict=True))
    base = [(who, step) for who, step in first.items() if step < last]
    one = pooled[pooled["age"] == 1]
    assert one["n_eligible"].sum() == len(base)
    assert one["n_retained"].sum() == sum((who, step + 1) in pairs for who, step in base)


@few
@given(some=lines, outside=st.sampled_from(["2023-12-31", "2023-06-01", "2024-05-01"]))
def test_a_customer_outside_the_window_changes_nothing(engine, some, outside):
    """Whoever buys before observed_from or after as_of only is not there."""
    plain = figures(engine, by_month(engine, some))
    further = figures(engine, by_month(engine, [*some, ("Eve", outside, 5)]))
    pd.testing.assert_frame_equal(further, plain)


@few
@given(some=lines)
def test_splitting_lines_into_positive_parts_changes_nothing(engine, some):
    """A line of 8 is two of 4; renamed customers and shuffled lines are the same company."""
    halves = [(who, day, sales / 2) for who, day, sales in some for _ in range(2)]
    plain = figures(engine, by_month(engine, some))
    pd.testing.assert_frame_equal(figures(engine, by_month(engine, halves[::-1])), plain)


starts = st.integers(0, 100)
stays = st.lists(
    st.tuples(starts, st.one_of(st.none(), st.integers(1, 120))), min_size=3, max_size=12
)


@few
@given(some=stays)
def test_calendar_churn_is_kaplan_meier_on_calendar_time(engine, some):
    """1 − Π(1 − churn) of those there as a month opens; who joins within it waits for the next.

    Tenure curves are another thing: they equal hazards at an age, not churn of a calendar month.
    """
    origin, close = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-05-01")
    rows = [(f"c{i}", origin, None) for i in range(2)]
    for i, (begin, length) in enumerate(some):
        start = origin + pd.Timedelta(days=begin)
        end = None if length is None else start + pd.Timedelta(days=length)
        rows.append((f"d{i}", start, end if end is not None and end <= close else None))
    spells = rt.contract_spells(engine.table(contracts(*rows)), as_of="2024-05-01", grace=0)
    say = {"freq": "month", "as_of": "2024-05-01", "convention": "start_cohort"}
    churn = engine.read(rt.churn_rate(spells, **say), order=["period"])
    opens = pd.to_datetime([f"2024-{month:02d}-01" for month in (1, 2, 3, 4)])
    on_calendar = []
    for _, start, end in rows:
        entry = next((day for day in opens if day >= start), None)
        last = close if end is None else end
        if entry is not None and last > entry:
            on_calendar.append(((last - origin).days, end is not None, (entry - origin).days))
    table = pd.DataFrame(on_calendar, columns=["duration", "churned", "entry"])
    curve = engine.read(rt.survival_curve(engine.table(table)), order=["duration"])
    lost = 1 - np.prod(1 - churn["churn_rate"])
    assert lost == pytest.approx(1 - curve["survival"].iloc[-1], abs=1e-12)
