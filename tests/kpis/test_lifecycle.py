"""States of customers and the return of the lost: against a twin that walks through each life."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.kpis.cohorts.lifecycle import lifecycle_states, win_back
from shops import everyone_stays, orders

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")  # silences

NOBODY = "not yet a customer"


def steps_of(activity, by):
    """The active steps of each customer, and the segments of the first of them."""
    active = activity[activity["active"]]
    steps, parts = defaultdict(set), {}
    for row in active.to_dict("records"):
        steps[row["customer_id"]].add(row["step"])
    for who, mine in steps.items():
        first = active[(active["customer_id"] == who) & (active["step"] == min(mine))]
        parts[who] = {tuple(row[name] for name in by) for row in first.to_dict("records")}
    return steps, parts


def state_at(step, steps, lost_after):
    """The state of one customer in one period, by its definition."""
    before = [s for s in steps if s < step]
    if step in steps:
        if not before:
            return "new"
        return "retained" if max(before) == step - 1 else "reactivated"
    if not before:
        return NOBODY
    return "lapsed" if step - max(before) < lost_after else "lost"


line = st.tuples(
    st.sampled_from("ABCDE"),
    st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-08-31").date()),
    st.integers(-2, 8),
    st.sampled_from(["north", "south"]),
)
lines = st.lists(line, min_size=1, max_size=20)
rules = st.sampled_from([1, 2, 3])
segments = st.sampled_from([(), ("region",)])


def known_activity(some):
    """Eight months of activity by region."""
    frame = orders(("A", "2024-01-01", 1, "north"), *some, columns=("region",))
    return rt.customer_periods(frame, freq="month", as_of="2024-08-31", by="region")


@given(some=lines, lost_after=rules, by=segments)
def test_states_agree_with_a_walk_through_each_customers_life(engine, some, lost_after, by):
    """Every flow of every period is the number of customers who made it."""
    known = known_activity(some)
    steps, parts = steps_of(known, by)
    first, last = known["first_step"].iloc[0], known["last_step"].iloc[0]
    expected, held = Counter(), Counter()
    for who, mine in steps.items():
        for part in parts[who]:
            for step in range(first, last + 1):
                state = state_at(step, mine, lost_after)
                held[part, step, state] += 1
                expected[part, step, state_at(step - 1, mine, lost_after), state] += 1
    answer = lifecycle_states(engine.table(known), lost_after=lost_after, by=by)
    assert engine.is_mine(answer)
    found = engine.read(answer)
    told = {}
    for row in found.to_dict("records"):
        part, step = tuple(row[name] for name in by), row["step"]
        told[part, step, row["state_before"], row["state"]] = row["n_customers"]
        assert row["n_state"] == held[part, step, row["state"]]
        if row["state_before"] == NOBODY or step == first:
            assert np.isnan(row["n_before"])
            continue
        n_before = held[part, step - 1, row["state_before"]]
        assert row["n_before"] == n_before
        share = row["n_customers"] / n_before if n_before else np.nan
        assert row["share"] == pytest.approx(share, nan_ok=True)
    expected = {flow: n for flow, n in expected.items() if flow[3] != NOBODY}
    assert {flow: n for flow, n in told.items() if n} == expected


@given(some=lines, lost_after=rules, by=segments)
def test_win_back_agrees_with_kaplan_meier_by_hand(engine, some, lost_after, by):
    """Losses, those still watched, returns and the product of their shares."""
    known = known_activity(some)
    steps, parts = steps_of(known, by)
    last = known["last_step"].iloc[0]
    losses = defaultdict(list)
    for who, mine in steps.items():
        ordered = sorted(mine)
        for step, after in zip(ordered, [*ordered[1:], None], strict=True):
            lost = step + lost_after
            if lost <= last and (after is None or after > lost):
                for part in parts[who]:
                    losses[part].append((lost, after))
    found = engine.read(win_back(engine.table(known), lost_after=lost_after, by=by))
    lasting = defaultdict(lambda: Fraction(1))
    order = [*by, "periods_since_loss"]
    for row in found.sort_values(order).to_dict("records"):
        part, time = tuple(row[name] for name in by), row["periods_since_loss"]
        mine = losses[part]
        watched = [(lost, after) for lost, after in mine if lost + time <= last]
        at_risk = [(lost, after) for lost, after in watched if not after or after >= lost + time]
        back = [lost for lost, after in at_risk if after == lost + time]
        counts = (len(mine), len(watched), len(at_risk), len(back))
        names = ("n_lost", "n_eligible", "n_at_risk", "n_came_back")
        assert tuple(row[name] for name in names) == counts
        if at_risk:
            lasting[part] *= 1 - Fraction(len(back), len(at_risk))
            assert row["win_back_rate"] == pytest.approx(float(1 - lasting[part]))
            assert row["hazard"] == pytest.approx(len(back) / len(at_risk))


def coming_and_going():
    """Ann in January, February, April; Bob in January and August; Cem from July on."""
    return orders(
        *(("Ann", f"2024-{month:02}-01", 1) for month in (1, 2, 4)),
        ("Bob", "2024-01-15", 1),
        ("Bob", "2024-08-15", 1),
        ("Cem", "2024-07-15", 1),
        ("Cem", "2024-08-31", 1),
    )


def test_the_life_of_three_customers(engine):
    """Who is what in each month, when two months of silence make a loss."""
    activity = rt.customer_periods(
        engine.table(coming_and_going()), freq="month", as_of="2024-08-31"
    )
    found = engine.read(lifecycle_states(activity, lost_after=2))
    sizes = found.drop_duplicates(["step", "state"]).pivot(
        index="step", columns="state", values="n_state"
    )
    states = ["new", "retained", "reactivated", "lapsed", "lost"]
    assert sizes[states].values.tolist() == [
        [2, 0, 0, 0, 0],
        [0, 1, 0, 1, 0],
        [0, 0, 0, 1, 1],
        [0, 0, 1, 0, 1],
        [0, 0, 0, 1, 1],
        [0, 0, 0, 0, 2],
        [1, 0, 0, 0, 2],
        [0, 1, 1, 0, 1],
    ]
    assert found.groupby("step")["start_observed"].first().tolist() == [False] + [True] * 7


def company():
    """Three years of activity of a simulated company, by month."""
    return rt.customer_periods(
        rt.sample_company(400, seed=21).orders,
        freq="month", as_of="2024-12-31", observed_from="2022-01-01",
    )  # fmt: skip


def test_flows_balance():
    """All who were in a state before are somewhere now, and the new come on top."""
    flows = lifecycle_states(company(), lost_after=3)
    left = flows.groupby(["step", "state_before"])["n_customers"].sum()
    held = flows.groupby(["step", "state"])["n_customers"].sum()
    for step in range(flows["step"].min(), flows["step"].max()):
        for state in ("new", "retained", "reactivated", "lapsed", "lost"):
            assert left[step + 1, state] == held[step, state]
    assert held.groupby("step").sum().is_monotonic_increasing


def test_the_states_agree_with_cohorts_and_raw_retention():
    """The new are the cohorts; the retained are the base of the period before that stayed."""
    activity = company()
    flows = lifecycle_states(activity, lost_after=3)
    sizes = flows.groupby(["step", "state"])["n_customers"].sum().unstack()
    from retention.kpis.cohorts.cohort_retention import cohort_retention

    cohorts = cohort_retention(activity).groupby("cohort")["n_cohort"].first()
    assert sizes["new"].tolist() == cohorts.tolist()
    kept = rt.retention_rate(activity)
    assert sizes["retained"].tolist()[1:] == kept["n_retained"].tolist()
    active = sizes[["new", "retained", "reactivated"]].sum(axis=1)
    assert active.tolist()[:-1] == kept["n_base"].tolist()


def test_win_back_is_one_minus_the_survival_of_being_lost():
    """The same as survival_curve on a table of losses made by hand, bounds included."""
    activity = company()
    found = win_back(activity, lost_after=4)
    active = activity[activity["active"]].sort_values(["customer_id", "step"])
    after = active.groupby("customer_id")["step"].shift(-1)
    last = active["last_step"].iloc[0]
    lost = active["step"] + 4
    losses = pd.DataFrame({"duration": (after.fillna(last) - lost), "churned": after.notna()})
    losses = losses[(losses["duration"] > 0)].astype({"duration": int})
    curve = rt.survival_curve(losses)
    at_ends = found.set_index("periods_since_loss").loc[curve["duration"]]
    inside = curve["survival"].between(0, 1, inclusive="neither").to_numpy()
    assert at_ends["n_came_back"].tolist() == curve["n_churned"].tolist()
    assert at_ends["n_at_risk"].tolist() == curve["n_at_risk"].tolist()
    np.testing.assert_allclose(at_ends["win_back_rate"], 1 - curve["survival"])
    np.testing.assert_allclose(at_ends["lower"][inside], 1 - curve["upper"][inside])
    np.testing.assert_allclose(at_ends["upper"][inside], 1 - curve["lower"][inside])


def test_nobody_lost_has_no_rate(engine):
    """Who is never silent for two months is never lost, and cannot be won back."""
    frame = orders(*(("Ann", f"2024-{month:02}-01", 1) for month in (1, 2, 4, 5)))
    activity = rt.customer_periods(engine.table(frame), freq="month", as_of="2024-05-31")
    found = engine.read(win_back(activity, lost_after=2))
    assert found["n_lost"].tolist() == [0, 0]
    assert found["win_back_rate"].isna().all()


@pytest.mark.parametrize("figure", [lifecycle_states, win_back])
@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"lost_after": 0}, "lost_after must be a whole number of periods, 1 or more; got 0"),
        ({"lost_after": 1.5}, "lost_after must be a whole number"),
        ({"lost_after": 1, "level": 0}, "level must lie between 0 and 1"),
        ({"lost_after": 1, "by": "region"}, "by names 'region', which is not a column"),
        ({"lost_after": 1, "by": "state"}, "'state' is a name that answers use themselves"),
    ],
)
def test_refuses_in_the_users_words(figure, say, message):
    """Each wrong argument gets one sentence."""
    activity = rt.customer_periods(everyone_stays(), freq="month", as_of="2024-02-29")
    with pytest.raises(rt.RetentionError, match=message):
        figure(activity, **say)


def test_refuses_what_nobody_could_have_been_seen_to_do():
    """Two months are too few to be lost and come back, and an empty table has nobody."""
    activity = rt.customer_periods(everyone_stays(), freq="month", as_of="2024-02-29")
    with pytest.raises(rt.ContentError, match="lost_after=1 needs 3 whole periods .* covers 2"):
        win_back(activity, lost_after=1)
    for figure in (lifecycle_states, win_back):
        with pytest.raises(rt.ContentError, match="activity is empty"):
            figure(activity.head(0), lost_after=1)
