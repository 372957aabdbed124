"""Cohorts: against a twin in sets, the vectors of the issue, and their identities."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.kpis.cohorts.cohort_retention import average_retention, cohort_retention
from retention.plots.styled import cohort_triangle
from shops import everyone_stays, orders

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")  # silences
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def active_money(activity, by=(), measure="sales"):
    """Of each customer the money of each active step, and the segments of each step."""
    money, parts = defaultdict(lambda: defaultdict(Fraction)), defaultdict(set)
    active = {(r["customer_id"], r["step"]) for r in activity.to_dict("records") if r["active"]}
    for row in activity.to_dict("records"):
        who, step = row["customer_id"], row["step"]
        if (who, step) in active:
            money[who][step] += Fraction(row[measure])
        if row["active"]:
            parts[who, step].add(tuple(row[name] for name in by))
    return money, parts


def naive_cohorts(activity, *, kind, brackets, by, cohorts, basis, measure, washout):
    """The definition in loops over customers: counts and sums of every cell."""
    money, parts = active_money(activity, by, measure)
    first, last = activity["first_step"].iloc[0], activity["last_step"].iloc[0]
    starts = [
        (segment, start, who)
        for who, steps in money.items()
        for start in (steps if cohorts == "every" else [min(steps)])
        if start >= first + washout
        for segment in parts[who, start]
    ]
    ages = [(age, age) for age in range(last - first - washout + 1)]
    if kind == "bracket":
        ages = [(a, b - 1) for a, b in pairwise(brackets)]
    found = {}
    groups = {(segment, None if cohorts == "attribute" else start) for segment, start, _ in starts}
    for group in groups:
        members = [
            (who, start)
            for segment, start, who in starts
            if (segment, None if cohorts == "attribute" else start) == group
        ]
        for age, to in ages:
            eligible = [(who, start) for who, start in members if start + to <= last]
            until = last if kind == "on_or_after" else to
            back = {
                (who, start): [
                    money[who][step]
                    for step in money[who]
                    if age <= step - start and (step - start <= until or kind == "on_or_after")
                ]
                for who, start in eligible
            }
            kept = [key for key in eligible if back[key]]
            base = sum(money[who][start] for who, start in eligible)
            current = sum(sum(back[key]) for key in kept)
            stayed = sum(money[who][start] for who, start in kept)
            found[group, age] = {
                "counts": (len(members), len(eligible), len(kept)),
                "base": base,
                "retained": stayed if basis == "base" else current,
            }
    return found


line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
    st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-05-31").date()),
    st.integers(-4, 8),
    st.integers(-4, 6),
    st.sampled_from(["north", "south"]),
)


@given(
    lines=st.lists(line, min_size=1, max_size=25),
    kind=st.sampled_from(["on", "on_or_after", "bracket"]),
    by=st.sampled_from([(), ("region",)]),
    cohorts=st.sampled_from(["first", "every", "attribute"]),
    measure=st.sampled_from(["customers", "sales", "profit"]),
    basis=st.sampled_from(["base", "current"]),
    washout=st.sampled_from([0, 1, 2]),
)
def test_agrees_with_the_definition_in_sets(
    engine, lines, kind, by, cohorts, measure, basis, washout
):
    """Counts are exact and money agrees, for every kind, measure and cohort."""
    basis = "base" if kind == "on_or_after" else basis
    washout = 0 if cohorts == "every" else washout
    brackets = [0, 1, 3, 5] if kind == "bracket" else []
    frame = orders(("Ann", "2024-01-01", 1, 1, "north"), *lines, columns=("profit", "region"))
    known = rt.customer_periods(frame, freq="month", as_of="2024-05-31", by="region")
    activity = engine.table(known)
    say = {"kind": kind, "by": by, "cohorts": cohorts, "washout": washout, "basis": basis}
    money = "sales" if measure == "customers" else measure
    expected = naive_cohorts(known, brackets=brackets, measure=money, **say)
    answer = cohort_retention(activity, measure=measure, brackets=brackets, **say)
    assert engine.is_mine(answer)
    found = {key_of(row, by): row for row in engine.read(answer).to_dict("records")}
    assert set(expected) <= set(found)
    for key, row in found.items():
        cell = expected.get(key)
        if cell is None:
            assert row["n_cohort"] == 0
            assert np.isnan(row["rate"])
            continue
        n_cohort, n_eligible, n_retained = cell["counts"]
        assert (row["n_cohort"], row["n_eligible"]) == (n_cohort, n_eligible)
        assert row["observed"] == (n_eligible > 0)
        if not n_eligible:
            assert np.isnan([row[name] for name in ("n_retained", "base", "rate", "lower")]).all()
            continue
        assert row["n_retained"] == n_retained
        top, bottom = cell["retained"], cell["base"]
        if measure == "customers":
            top, bottom = n_retained, n_eligible
        assert row["base"] == pytest.approx(float(bottom), rel=1e-9)
        assert row["retained"] == pytest.approx(float(top), rel=1e-9)
        rate = float(Fraction(top) / Fraction(bottom)) if bottom > 0 else np.nan
        assert row["rate"] == pytest.approx(rate, rel=1e-9, nan_ok=True)


def key_of(row, by):
    """The key of the twin: segment and month number of the cohort, and age."""
    start = None if pd.isna(row["cohort"]) else row["cohort"].year * 12 + row["cohort"].month - 1
    return ((tuple(row[name] for name in by), start), row["age"])


@given(
    days=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 40)), min_size=1, max_size=25),
    as_of=st.integers(30, 45),
    clock=st.sampled_from(["calendar", "elapsed"]),
    week_start=st.sampled_from(WEEKDAYS),
    kind=st.sampled_from(["on", "on_or_after"]),
)
def test_weeks_of_days_by_both_clocks(engine, days, as_of, clock, week_start, kind):
    """Weeks that begin on any day, counted by the calendar or from the first purchase."""
    begin = pd.Timestamp("2024-01-03")  # a Wednesday
    frame = orders(*((who, begin + pd.Timedelta(days=d), 1) for who, d in [("F", 0), *days]))
    frame = frame[frame["date"] <= begin + pd.Timedelta(days=as_of)]
    activity = engine.table(
        rt.customer_periods(frame, freq="day", as_of=begin + pd.Timedelta(days=as_of))
    )
    answer = cohort_retention(activity, freq="week", clock=clock, week_start=week_start, kind=kind)
    found = engine.read(answer)
    assert set(found["week_start"]) == {week_start}
    assert set(found["clock"]) == {clock}
    bought = defaultdict(set)
    for who, date in zip(frame["customer_id"], frame["date"], strict=True):
        bought[who].add((date - begin).days)
    opening = (WEEKDAYS.index(week_start) - 2) % 7  # the first day on which a week begins
    n_weeks = (as_of + 1 - opening) // 7
    assert set(found["cohort"]) == {
        begin + pd.Timedelta(days=opening + 7 * w) for w in range(n_weeks)
    }
    for row in found.to_dict("records"):
        week = ((row["cohort"] - begin).days - opening) // 7
        starts = {w: min(d) for w, d in bought.items() if (min(d) - opening) // 7 == week}
        n_eligible = n_retained = 0
        for who, start in starts.items():
            zero = start if clock == "elapsed" else opening + 7 * week
            if zero + 7 * (row["age"] + 1) - 1 > as_of:
                continue
            n_eligible += 1
            last_age = (as_of + 1 - zero) // 7 - 1
            ages = {(d - zero) // 7 for d in bought[who]}
            ages = {age for age in ages if age <= last_age}
            back = row["age"] in ages if kind == "on" else max(ages) >= row["age"]
            n_retained += back
        assert (row["n_cohort"], row["n_eligible"]) == (len(starts), n_eligible)
        assert row["rate"] == pytest.approx(
            n_retained / n_eligible if n_eligible else np.nan, nan_ok=True
        )


def three_users():
    """Active on days {0}, {0, 1} and {0, 5}."""
    days = [("a", 1), ("b", 1), ("b", 2), ("c", 1), ("c", 6)]
    return orders(*((who, f"2024-01-{day:02}", 10) for who, day in days))


@pytest.mark.parametrize("clock", ["calendar", "elapsed"])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("on", [1, 1 / 3, 0, 0, 0, 1 / 3, 0]),
        ("on_or_after", [1, 2 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 0]),
    ],
)
def test_three_users_over_seven_days(engine, kind, expected, clock):
    """The vectors of on and on-or-after retention, by either clock."""
    activity = rt.customer_periods(engine.table(three_users()), freq="day", as_of="2024-01-07")
    found = engine.read(cohort_retention(activity, kind=kind, clock=clock), order=["cohort", "age"])
    assert found["rate"].head(7).tolist() == pytest.approx(expected, abs=1e-15)
    assert set(found["clock"]) == {clock}
    assert found["n_eligible"].head(7).tolist() == [3] * 7


def test_brackets_have_an_eligibility_of_their_own(engine):
    """Ages 1–3 and 4–6 are followed to their end; ages 7–9 are not, and are null."""
    activity = rt.customer_periods(engine.table(three_users()), freq="day", as_of="2024-01-07")
    answer = cohort_retention(activity, kind="bracket", brackets=[1, 4, 7, 10])
    found = engine.read(answer, order=["cohort", "age"]).head(3)
    assert found["rate"].tolist() == pytest.approx([1 / 3, 1 / 3, np.nan], nan_ok=True)
    assert found["n_eligible"].tolist() == [3, 3, 0]
    assert found["observed"].tolist() == [True, True, False]
    wide = engine.read(cohort_triangle(answer), order=["cohort"])
    assert wide.columns.tolist()[2:] == ["age_1_to_3", "age_4_to_6", "age_7_to_9"]


def ten_and_a_hundred():
    """January's cohort of 10 of whom 2 are back, February's of 100 of whom nobody is."""
    first = [(f"j{i}", "2024-01-01", 1) for i in range(10)]
    back = [(f"j{i}", "2024-02-10", 1) for i in range(2)]
    return orders(*first, *back, *((f"f{i}", "2024-02-10", 1) for i in range(100)))


def test_an_average_of_cohorts_says_whether_customers_or_cohorts_count(engine):
    """A cohort of 10 at 20 % and one of 100 at 0 %: 1.8 % pooled, 10 % simple."""
    activity = rt.customer_periods(
        engine.table(ten_and_a_hundred()), freq="month", as_of="2024-03-31"
    )
    cohorts = cohort_retention(activity)
    pooled = engine.read(average_retention(cohorts), order=["age"]).iloc[1]
    simple = engine.read(average_retention(cohorts, weights="cohort"), order=["age"]).iloc[1]
    assert (pooled["rate"], simple["rate"]) == (2 / 110, pytest.approx(0.1))
    assert (pooled["n_cohorts"], pooled["n_eligible"], pooled["n_retained"]) == (2, 110, 2)
    assert (pooled["lower"], pooled["upper"]) == (
        pytest.approx(0.004996, abs=1e-5),
        pytest.approx(0.063890, abs=1e-5),
    )
    assert np.isnan(simple["lower"])
    assert simple["bounds"] == "none: a mean of rates"


def company(seed, n=300):
    """Activity of a simulated company by month, whole from 2022 on."""
    return rt.customer_periods(
        rt.sample_company(n, seed=seed).orders,
        freq="month", as_of="2024-12-31", observed_from="2022-01-01",
    )  # fmt: skip


def test_on_at_age_one_pooled_is_the_one_step_retention_of_new_customers():
    """Whoever is new in a period is its cohort: together they are the new customers retained."""
    activity = company(11)
    active = activity[activity["active"]]
    new = active.groupby("customer_id")["step"].min()
    pairs = set(zip(active["customer_id"], active["step"], strict=True))
    base = [(who, step) for who, step in new.items() if step < active["last_step"].iloc[0]]
    kept = sum((who, step + 1) in pairs for who, step in base)
    pooled = average_retention(cohort_retention(activity)).iloc[1]
    assert (pooled["n_eligible"], pooled["n_retained"]) == (len(base), kept)


def test_recurring_cohorts_at_each_age_are_raw_retention_with_that_lag():
    """cohorts="every" at age a says what retention_rate and its adjusted rates say with lag a."""
    activity = company(12)
    for measure, figure in (("customers", "retention_rate"), ("sales", "sales_adjusted_retention")):
        every = cohort_retention(activity, cohorts="every", measure=measure)
        for lag in (1, 7):
            cells = every[(every["age"] == lag) & every["observed"]]
            expected = getattr(rt, figure)(activity, lag=lag)
            assert cells["cohort"].tolist() == expected["period"].tolist()
            np.testing.assert_allclose(cells["rate"], expected[figure], rtol=1e-9)
            if measure == "customers":
                np.testing.assert_allclose(cells["upper"], expected["upper"])


def test_one_cohort_of_all_is_the_cohorts_pooled():
    """cohorts="attribute" counts what average_retention pools, and has bounds for money, too."""
    activity = company(13)
    for measure in ("customers", "profit"):
        one = cohort_retention(activity, cohorts="attribute", measure=measure, basis="current")
        many = cohort_retention(activity, measure=measure, basis="current")
        pooled = average_retention(many)
        for name in ("n_eligible", "n_retained", "retained", "rate"):
            np.testing.assert_allclose(one[name], pooled[name], rtol=1e-9)
    assert "linearised" in set(one["bounds"])
    assert set(pooled["bounds"]) == {"none: money"}


def test_segments_fixed_for_a_customer_add_up():
    """Where every customer has one region, the regions' cohorts are the firm's."""
    frame = rt.sample_company(300, seed=14).orders
    home = frame.groupby("customer_id")["region"].transform("first")
    activity = rt.customer_periods(
        frame.assign(region=home), by="region", freq="quarter", as_of="2024-12-31"
    )
    firm = cohort_retention(activity).set_index(["cohort", "age"])
    parts = cohort_retention(activity, by="region")
    for name in ("n_cohort", "n_eligible", "n_retained"):
        assert parts.groupby(["cohort", "age"])[name].sum(min_count=1).equals(firm[name])
    curves = average_retention(parts, by="region")
    assert curves.groupby("age")["n_retained"].sum().tolist() == (
        average_retention(parts)["n_retained"].tolist()
    )
    wide = cohort_triangle(parts, value="n_retained")
    assert len(wide) == parts[["region", "cohort"]].drop_duplicates().shape[0]


def test_money_bounds_are_those_of_a_ratio_of_sums():
    """The linearised bounds of a cell, from its customers one by one."""
    activity = company(15, 2000)
    found = cohort_retention(activity, measure="sales", basis="current", cohorts="attribute")
    money, _ = active_money(activity)
    last = activity["last_step"].iloc[0]
    pairs = [
        (float(m[min(m)]), float(m.get(min(m) + 3, 0)))
        for m in money.values()
        if min(m) + 3 <= last
    ]
    x, y = np.array(pairs).T
    rate = y.sum() / x.sum()
    residuals = ((y - rate * x) ** 2).sum()
    lower, upper, _ = rt.intervals.ratio_bounds(
        [rate], [x.sum()], [(x**2).sum()], [residuals], [len(x)]
    )
    row = found.iloc[3]
    assert row["bounds"] == "linearised"
    assert (row["rate"], row["lower"], row["upper"]) == pytest.approx((rate, lower[0], upper[0]))


def test_the_triangle_is_the_long_table_spread(engine):
    """Each cell stands where its cohort and age say; what was not observed is null."""
    activity = rt.customer_periods(
        engine.table(ten_and_a_hundred()), freq="month", as_of="2024-03-31"
    )
    wide = cohort_triangle(cohort_retention(activity))
    assert engine.is_mine(wide)
    found = engine.read(wide, order=["cohort"])
    assert found["n_cohort"].tolist() == [10, 100, 0]
    shown = found[["age_0", "age_1", "age_2"]].to_numpy()
    nan = np.nan
    np.testing.assert_array_equal(shown, [[1, 0.2, 0], [1, 0, nan], [nan, nan, nan]])


def test_a_cohort_whose_start_was_not_observed_says_so():
    """The first period's customers may be old ones: it is marked, and washout leaves them out."""
    activity = rt.customer_periods(ten_and_a_hundred(), freq="month", as_of="2024-03-31")
    found = cohort_retention(activity)
    assert found.groupby("cohort")["start_observed"].first().tolist() == [False, True, True]
    washed = cohort_retention(activity, washout=1)
    assert washed["start_observed"].all()
    assert washed.groupby("cohort")["n_cohort"].first().tolist() == [100, 0]
    assert set(washed["washout"]) == {1}


def test_who_bought_in_a_first_week_that_is_not_whole_is_not_new_in_the_next():
    """Days before the first whole week belong to nobody's cohort, but their customers are known."""
    frame = orders(("Ann", "2024-01-05", 1), ("Ann", "2024-01-09", 1), ("Bob", "2024-01-09", 1))
    activity = rt.customer_periods(frame, freq="day", as_of="2024-01-14")
    found = cohort_retention(activity, freq="week")
    assert found[["n_cohort", "n_retained"]].values.tolist() == [[1, 1]]


def test_profit_that_is_not_known_is_null(engine):
    """Without a profit column there are customers to count, but no rate."""
    activity = rt.customer_periods(engine.table(everyone_stays()), freq="month", as_of="2024-02-29")
    found = engine.read(cohort_retention(activity, measure="profit"), order=["cohort", "age"])
    assert found["n_retained"].head(2).tolist() == [2, 2]
    assert found[["base", "retained", "rate"]].head(2).isna().all(axis=None)


def test_what_happens_outside_the_window_changes_nothing():
    """A customer who comes after as_of, and one who only returns goods, are in no cohort."""
    more = orders(("Zoe", "2024-04-02", 5), ("Yan", "2024-02-02", -5))
    say = {"freq": "month", "as_of": "2024-03-31"}
    before = cohort_retention(rt.customer_periods(ten_and_a_hundred(), **say))
    after = pd.concat([ten_and_a_hundred(), more], ignore_index=True)
    pd.testing.assert_frame_equal(before, cohort_retention(rt.customer_periods(after, **say)))


def test_contracts_have_cohorts_too():
    """Ann and Bob are under contract from January and February on; Ann leaves in March."""
    contracts = pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob"],
            "start": pd.to_datetime(["2024-01-01", "2024-02-01"]),
            "end": pd.to_datetime(["2024-03-01", None]),
        }
    )
    activity = rt.contract_periods(contracts, freq="month", as_of="2024-03-31")
    wide = cohort_triangle(cohort_retention(activity, kind="on_or_after"))
    assert wide.loc[0, ["age_0", "age_1", "age_2", "age_3"]].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"kind": "since"}, "kind must be one of 'on', 'on_or_after', 'bracket'; got 'since'"),
        ({"measure": "orders"}, "measure must be one of 'customers', 'sales', 'profit'"),
        ({"basis": "capped"}, "basis must be one of"),
        ({"cohorts": "all"}, "cohorts must be one of 'first', 'every', 'attribute'"),
        ({"clock": "wall"}, "clock must be one of 'calendar', 'elapsed'"),
        ({"week_start": "Sun"}, "week_start must be one of 'monday'"),
        ({"freq": "fortnight"}, "freq must be one of"),
        ({"kind": "bracket"}, "brackets must be two or more rising ages .* got \\(\\)"),
        ({"kind": "bracket", "brackets": [3, 1]}, "brackets must be two or more rising ages"),
        ({"brackets": [1, 3]}, "goes with kind='bracket'; kind is 'on'"),
        ({"washout": -1}, "washout must be a whole number of periods, 0 or more; got -1"),
        ({"washout": 2}, "washout=2 leaves nothing: the activity covers 2 whole periods"),
        ({"washout": 1, "cohorts": "every"}, "cohorts='every' takes all who are active"),
        (
            {"kind": "on_or_after", "measure": "sales", "basis": "current"},
            "Money on or after an age grows with every period",
        ),
        ({"clock": "elapsed"}, "activity is by month, .* start from customer_periods"),
        ({"week_start": "sunday"}, "activity is by month"),
        ({"freq": "week"}, "activity is by month"),
        ({"by": "region"}, "by names 'region', which is not a column"),
        ({"by": "cohort"}, "'cohort' is a name that answers use themselves"),
        ({"level": 95}, "level must lie between 0 and 1"),
    ],
)
def test_refuses_in_the_users_words(say, message):
    """Each contradiction gets one sentence."""
    activity = rt.customer_periods(everyone_stays(), freq="month", as_of="2024-02-29")
    with pytest.raises(rt.RetentionError, match=message):
        cohort_retention(activity.assign(cohort="x"), **say)


@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"clock": "elapsed", "freq": "month"}, "a month has no fixed number"),
        (
            {"week_start": "sunday"},
            "week_start='sunday' says where weeks begin, .* Say freq='week'",
        ),
        (
            {"freq": "year"},
            "no whole year within the days of the activity, 2024-01-01 to 2024-02-29",
        ),
    ],
)
def test_refuses_what_days_cannot_serve(say, message):
    """Months have no fixed number of days, and too few days make no year."""
    activity = rt.customer_periods(everyone_stays(), freq="day", as_of="2024-02-29")
    with pytest.raises(rt.RetentionError, match=message):
        cohort_retention(activity, **say)


def test_refuses_other_tables_and_words():
    """Activity is no table of cohorts, and an empty one has nobody to follow."""
    activity = rt.customer_periods(everyone_stays(), freq="month", as_of="2024-02-29")
    with pytest.raises(rt.ColumnError, match=r"cohorts .* lacks 'cohort' .*cohort_retention"):
        average_retention(activity)
    with pytest.raises(rt.ContentError, match="activity is empty"):
        cohort_retention(activity.head(0))
    cohorts = cohort_retention(activity)
    with pytest.raises(rt.RetentionError, match="weights must be one of 'customers', 'cohort'"):
        average_retention(cohorts, weights="sales")
    with pytest.raises(rt.RetentionError, match="value must be one of 'rate'"):
        cohort_triangle(cohorts, value="share")


def test_the_callers_tables_are_left_alone():
    """Neither activity nor cohorts are changed."""
    activity = rt.customer_periods(three_users(), freq="day", as_of="2024-01-07")
    copy = activity.copy()
    cohorts = cohort_retention(activity, freq="week", clock="elapsed", measure="sales")
    kept = cohorts.copy()
    cohort_triangle(cohorts)
    average_retention(cohorts)
    pd.testing.assert_frame_equal(activity, copy)
    pd.testing.assert_frame_equal(cohorts, kept)
