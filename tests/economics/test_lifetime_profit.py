"""lifetime_profit and break_even_tenure: against loops, published numbers and known worlds."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from ages import N_AGES, small_ones_leave_sooner, tenure_of
from conftest import Engine
from retention.economics.tenure.break_even_tenure import break_even_tenure
from retention.economics.tenure.lifetime_profit import lifetime_profit

LATER = {"start": 0.0, "middle": 0.5, "end": 1.0}
A_YEAR = {"month": 12, "quarter": 4, "year": 1}


def table_of(customers, length="year"):
    """Tenure of customers as (ages over, {age: profit}, segment); who brings nothing is gone."""
    rows = [
        (f"c{who}", age, float(brought.get(age, 0)), age in brought, over, segment)
        for who, (over, brought, segment) in enumerate(customers)
        for age in sorted({1, *(k for k in brought if k <= over)})
    ]
    names = ["customer_id", "age", "profit", "here", "n_complete", "segment"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(
        start=pd.Timestamp("2020-01-15"), n_orders=1, sales=1.0, first_age=1, length=length
    )


def naive_lifetimes(customers, discount, timing, length):
    """{(segment, age): sum and its error}, by going through all customers at every age."""
    found = {}
    for segment in {one[2] for one in customers}:
        people = [one for one in customers if one[2] == segment]
        last = max(over for over, *_ in people)
        seen = {k: [p for p in people if p[0] >= k] for k in range(1, last + 1)}
        mean = {k: sum(p[1].get(k, 0) for p in of) / len(of) for k, of in seen.items()}
        worth = {k: (1 + discount) ** (-(k - 1 + LATER[timing]) / A_YEAR[length]) for k in seen}
        for upto, there in seen.items():
            error = 0.0
            for over, brought, _ in people:
                own = sum(
                    worth[k] * (brought.get(k, 0) - mean[k]) / len(seen[k])
                    for k in range(1, min(over, upto) + 1)
                )
                error += own * own
            total = sum(worth[k] * mean[k] for k in range(1, upto + 1))
            found[segment, upto] = (len(there), mean[upto], total, sqrt(error))
    return found


def agrees_with_loops(engine, customers, discount, timing, length):
    """Every sum and every error is the one found by hand."""
    answer = lifetime_profit(
        engine.table(table_of(customers, length)),
        discount=discount, acquisition_cost=7.0, timing=timing, by="segment",
    )  # fmt: skip
    rows = engine.read(answer)
    told = ["n_eligible", "profit_per_acquired", "cumulative_profit", "standard_error"]
    found = {
        (row["segment"], row["age"]): tuple(row[name] for name in told)
        for row in rows.to_dict("records")
    }
    expected = naive_lifetimes(customers, discount, timing, length)
    assert set(found) == set(expected)
    for key, figures in found.items():
        assert figures == pytest.approx(expected[key], rel=1e-9, abs=1e-6), key
    assert rows["net"].tolist() == pytest.approx((rows["cumulative_profit"] - 7).tolist())
    assert set(rows["timing"]) == {timing}


customer = st.tuples(
    st.integers(1, 6),
    st.dictionaries(st.integers(1, 6), st.integers(-9, 20)),
    st.sampled_from(["north", "south"]),
)
SOME = [
    (6, {1: 4, 2: 5, 5: 9}, "north"), (4, {1: 1}, "north"), (2, {2: 6}, "north"),
    (6, {1: 3, 3: 3, 6: -2}, "north"), (1, {1: 8}, "south"), (3, {1: 8, 3: 1}, "south"),
]  # fmt: skip


@given(
    customers=st.lists(customer, min_size=1, max_size=9),
    discount=st.sampled_from([0.0, 0.1, 1.0]),
    timing=st.sampled_from(sorted(LATER)),
    length=st.sampled_from(sorted(A_YEAR)),
)
def test_agrees_with_loops_over_customers(customers, discount, timing, length):
    """Gaps between ages, losses, customers seen for one age and for six."""
    agrees_with_loops(Engine("pandas"), customers, discount, timing, length)


def test_every_engine_agrees_with_loops_over_customers(engine):
    """A table with gaps and ends of every kind."""
    agrees_with_loops(engine, SOME, 0.1, "middle", "quarter")


def test_the_sum_holds_the_truth_where_other_readings_do_not():
    """As e6 of the design: truth 104.5; profit so far, or of those who left, says far less."""
    rng = np.random.default_rng(8)
    start, life, profit = small_ones_leave_sooner(60_000, rng)
    table = tenure_of(start, life, profit)
    said = {"discount": 0.1, "acquisition_cost": 70.0, "timing": "start"}
    found = lifetime_profit(table, **said)
    truth = np.cumsum(
        np.where(life[:, None] > np.arange(N_AGES), profit, 0).mean(axis=0) * 1.1 ** -np.arange(5.0)
    )
    assert truth[-1] == pytest.approx(104.5, abs=1)
    assert (abs(found["cumulative_profit"] - truth) < 4 * found["standard_error"]).all()
    brought = table["profit"] * 1.1 ** -(table["age"] - 1.0)
    so_far = brought.groupby(table["customer_id"]).sum().mean()
    assert so_far < 0.75 * truth[-1]


@pytest.mark.once
def test_bounds_hold_the_truth_as_often_as_they_claim():
    """Two hundred samples of 400 at once, as segments; tests/benchmarks/economics.py has more."""
    rng = np.random.default_rng(12)
    start, life, profit = small_ones_leave_sooner(400 * 200, rng)
    draw = np.repeat(np.arange(200), 400)
    said = {"discount": 0.1, "acquisition_cost": 70.0, "timing": "start"}
    found = lifetime_profit(tenure_of(start, life, profit, draw=draw), by="draw", **said)
    truth = {1: 39.67, 2: 65.34, 3: 82.97, 4: 95.47, 5: 104.53}  # of four million customers
    for age, value in truth.items():
        rows = found[found["age"] == age]
        assert rows["bounds"].eq("linearised").all()
        held = (rows["lower"] <= value) & (rows["upper"] >= value)
        assert 0.89 < held.mean() < 0.99


def test_a_higher_rate_and_a_later_time_make_it_less_and_profit_counts_in_proportion():
    """Linear in profit, falling in the discount; with none, all timings agree."""
    table = table_of(SOME)

    def total(table=table, **said):
        said = {"discount": 0.1, "acquisition_cost": 0.0, **said}
        return lifetime_profit(table, **said)["cumulative_profit"].to_numpy()

    assert total(table.assign(profit=table["profit"] * 3)) == pytest.approx(3 * total())
    assert (total(discount=0.2) < total()).all()
    assert (total(timing="end") < total(timing="middle")).all()
    assert total(discount=0, timing="end") == pytest.approx(total(discount=0, timing="start"))


def test_of_customers_who_are_all_alike_there_are_no_bounds():
    """An error of 0 is no certainty."""
    found = lifetime_profit(
        table_of([(3, {1: 5, 2: 5, 3: 5}, "x")] * 40), discount=0.1, acquisition_cost=1.0
    )
    assert found["standard_error"].tolist() == [0, 0, 0]
    assert found["bounds"].tolist() == ["none: all alike"] * 3
    assert found[["lower", "net_upper"]].isna().all(axis=None)


def cards(defection, n=1000):
    """Cards that bring 30, 42, 44, 49 and 55 a year, of which a share defects after every year."""
    profits = [30, 42, 44, 49, 55]
    people = []
    for i in range(n):
        years = sum(i < round(n * (1 - defection) ** k) for k in range(5))
        people.append((5, {k + 1: profits[k] for k in range(years)}, "x"))
    return table_of(people)


@pytest.mark.parametrize(
    ("defection", "acquired"), [(0.1, 1.556), (0.2, 1.625), (0.3, 1.714), (0.5, 2.0)]
)
def test_break_even_agrees_with_reichheld_and_sasser_1990_and_their_cards(defection, acquired):
    """A card costs 51 to win: 1.5 years for one who stays, longer for one won."""
    lifetime = lifetime_profit(
        cards(defection), discount=0.0, acquisition_cost=51.0, timing="start"
    )
    found = break_even_tenure(lifetime).iloc[0]
    assert found["break_even_staying"] == pytest.approx(1.5)
    assert found["break_even_acquired"] == pytest.approx(acquired, abs=5e-4)


def lifetimes(**lines):
    """A table of two segments, as `lifetime_profit` gives it."""
    frame = pd.DataFrame({"segment": ["b"] * 3 + ["a"] * 2, "age": [1, 2, 3, 1, 2], **lines})
    for name in ("net", "net_lower", "net_upper", "net_staying"):
        frame[name] = frame[name].astype(float)
    return frame.assign(acquisition_cost=10.0, length="quarter")


def test_every_engine_reads_where_the_lines_pass_0(engine):
    """Interpolated; null with a reason where they do not; the upper bound of net comes first."""
    table = lifetimes(
        net=[-6, -1, 3, -8, -5], net_lower=[-8, -4, -2, None, None],
        net_upper=[-4, 2, 8, None, None], net_staying=[-5, 0, 9, -7, -1],
    )  # fmt: skip
    found = engine.read(break_even_tenure(engine.table(table), by="segment"))
    assert found["segment"].tolist() == ["a", "b"]
    a, b = (found.iloc[i] for i in (0, 1))
    assert (b["break_even_acquired"], b["break_even_staying"]) == (2.25, 2.0)
    assert b["lower"] == pytest.approx(1 + 4 / 6)
    assert np.isnan(b["upper"])
    assert a["reason"] == a["reason_staying"] == "not within 2 observed quarters"
    assert a[["break_even_acquired", "lower"]].isna().all()
    assert found["n_ages"].tolist() == [2, 3]


def test_what_costs_nothing_has_paid_back_at_once():
    """Without a cost of winning."""
    lifetime = lifetime_profit(cards(0.2), discount=0.1, acquisition_cost=0)
    assert break_even_tenure(lifetime)["break_even_acquired"].tolist() == [0.0]


def test_what_cannot_be_counted_is_refused():
    """Each refusal says what it wants."""
    table = table_of(SOME)
    asked = {"discount": 0.1, "acquisition_cost": 5.0}
    for said, error, message in [
        ({"discount": 10}, rt.RetentionError, "such as 0.1 for 10 %, or 0 for none; got 10"),
        ({"discount": None}, rt.RetentionError, "discount is an effective rate a year"),
        ({"acquisition_cost": -1}, rt.RetentionError, "acquisition_cost is what winning a cust"),
        ({"acquisition_cost": np.nan}, rt.RetentionError, "0 or more; got nan"),
        ({"timing": "mid"}, rt.RetentionError, "timing must be one of 'start', 'middle', 'end'"),
        ({"level": 0}, rt.RetentionError, "level must lie between 0 and 1"),
        ({"by": "net"}, rt.ColumnError, "answers use"),
        ({"table": table.head(0)}, rt.ContentError, "tenure is empty"),
        ({"table": table.assign(profit=np.nan)}, rt.ContentError, "is not known"),
        ({"table": table[table["age"] == 3].assign(first_age=3)}, rt.ContentError,
         "no customer was observed from the first age on, the earliest from age 3"),
    ]:  # fmt: skip
        with pytest.raises(error, match=message):
            lifetime_profit(**{"tenure": said.pop("table", table), **asked, **said})
    lifetime = lifetime_profit(table, by="segment", **asked)
    for broken, error, message in [
        (lifetime, rt.ContentError, "and by= with its segments"),
        (lifetime[lifetime["age"] > 1], rt.ContentError, "Give the whole table"),
        (lifetime.head(0), rt.ContentError, "lifetime is empty"),
        (lifetime.drop(columns="net"), rt.ColumnError, "lacks 'net'"),
    ]:
        with pytest.raises(error, match=message):
            break_even_tenure(broken)
    assert len(break_even_tenure(lifetime, by="segment")) == 2
