"""customer_states: a twin in sets, counts as lifecycle_states has them, refusals."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.signals.groups.customer_states import customer_states

AS_OF = "2024-06-30"


def activity_of(months, engine=None):
    """Activity by month of customers who buy in these months (1 to 6)."""
    rows = [(who, f"2024-{m:02}-05", 10.0) for who, some in months.items() for m in sorted(some)]
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    orders["date"] = pd.to_datetime(orders["date"]).astype("datetime64[us]")
    table = orders if engine is None else engine.table(orders)
    return rt.customer_periods(table, freq="month", as_of=AS_OF, observed_from="2024-01-01")


def naive_states(months, lost_after, ago):
    """Each customer's state, by the months with purchases."""
    month, found = 6 - ago, {}
    for who, some in months.items():
        past = {m for m in some if m <= month}
        if not past:
            continue
        silence = month - max(past)
        if silence:
            state = "lost" if silence >= lost_after else "lapsed"
        elif past == {month}:
            state = "new"
        else:
            state = "retained" if month - 1 in past else "reactivated"
        found[who] = (len(past), silence, state)
    return found


def agrees_with_sets(engine, months, lost_after, ago):
    """Every customer's row is that of the twin."""
    activity = activity_of(months, engine)
    answer = customer_states(activity, lost_after=lost_after, periods_ago=ago)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["customer_id"])
    rows = found[["n_active", "silence", "segment"]].itertuples(index=False)
    expected = naive_states(months, lost_after, ago)
    assert dict(zip(found["customer_id"], map(tuple, rows), strict=True)) == expected
    if expected:
        assert engine.name != "pandas" or found["period"].dtype == activity["period"].dtype
        assert set(found["period"].astype("datetime64[us]")) == {pd.Timestamp(2024, 6 - ago, 1)}
        last = pd.Timestamp(2024, 6 - ago, 1) + pd.offsets.MonthEnd()
        assert set(found["as_of"].astype("datetime64[us]")) == {last}
        assert set(found["lost_after"]) == {lost_after}


bought = st.dictionaries(
    st.sampled_from("abcdef"), st.sets(st.integers(1, 6), min_size=1), min_size=1
)
SOME = {"b": {1, 6}, "a": {5, 6}, "c": {6}, "d": {1, 2, 4}, "e": {1}, "f": {2, 5}}
quiet = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


@quiet
@given(months=bought, lost_after=st.integers(1, 4), ago=st.integers(0, 5))
def test_agrees_with_sets(months, lost_after, ago):
    """Also where some or all came later than the period."""
    agrees_with_sets(Engine("pandas"), months, lost_after, ago)


@quiet
@pytest.mark.parametrize("ago", [0, 2])
def test_every_engine_agrees_with_sets(engine, ago):
    """Six customers, in every state."""
    agrees_with_sets(engine, SOME, 2, ago)


@quiet
@given(months=bought, lost_after=st.integers(1, 3))
def test_lifecycle_states_counts_the_same(months, lost_after):
    """As many in each state, in each period, and as many who moved from one to another."""
    activity = activity_of(months)
    flows = rt.lifecycle_states(activity, lost_after=lost_after)
    sizes = flows[flows["n_customers"] > 0].groupby("step")
    counted = {step: rows.groupby("state")["n_customers"].sum().to_dict() for step, rows in sizes}
    last = int(flows["step"].max())
    for ago in range(6):
        found = customer_states(activity, lost_after=lost_after, periods_ago=ago)
        assert found["segment"].value_counts().to_dict() == counted.get(last - ago, {})


def test_segments_of_activity_are_added_up():
    """A customer who bought here in May and there in June is retained."""
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a"], "region": ["N", "S"], "sales": 1.0,
            "date": pd.to_datetime(["2024-05-03", "2024-06-03"]),
        }
    )  # fmt: skip
    asked = {"freq": "month", "as_of": AS_OF, "observed_from": "2024-05-01"}
    activity = rt.customer_periods(orders, by="region", **asked)
    found = customer_states(activity, lost_after=2)
    assert found["segment"].tolist() == ["retained"]
    assert found["n_active"].tolist() == [2]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"lost_after": 0}, "lost_after must be a whole number of periods, 1 or more"),
        ({"lost_after": 1.5}, "lost_after must be a whole number of periods"),
        ({"lost_after": 1, "periods_ago": -1}, "periods_ago must be a whole number of periods, 0"),
        ({"lost_after": 1, "periods_ago": 6}, "covers 6. Say 5 at most"),
    ],
)
@quiet
def test_what_is_no_period_is_refused(said, told):
    """And the most it says is taken."""
    with pytest.raises(rt.RetentionError, match=told):
        customer_states(activity_of(SOME), **said)
    assert len(customer_states(activity_of(SOME), lost_after=1, periods_ago=5)) == 3


@quiet
def test_no_activity_is_refused():
    """Empty, or another table."""
    activity = activity_of(SOME)
    with pytest.raises(rt.ContentError, match="activity is empty"):
        customer_states(activity[:0], lost_after=1)
    with pytest.raises(rt.ColumnError, match="lacks 'step'"):
        customer_states(activity.drop(columns="step"), lost_after=1)
