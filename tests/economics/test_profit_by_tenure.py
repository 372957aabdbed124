"""profit_by_tenure: against loops over customers, worlds whose causes are known, and identities."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import retention as rt
from ages import N_AGES, YEARS, small_ones_leave_sooner, tenure_of
from conftest import Engine
from lasting import contracts
from retention.economics.tenure.profit_by_tenure import profit_by_tenure
from shops import orders

PARTS = ["cohorts", "sorting", "growth", "returned"]
FIGURES = [
    *("n_eligible", "n_customers", "sales_per_customer", "profit_per_customer"),
    *("profit_per_acquired", "n_both", "change", *PARTS, "volume", "margin"),
]


def table_of(customers, columns=()):
    """Tenure of customers as (first age, ages over, {age: (sales, profit, here)}, segment)."""
    rows = []
    for who, (first, over, brought, segment) in enumerate(customers):
        for age in sorted({first, *(k for k in brought if first <= k <= over)}):
            sales, profit, here = brought.get(age, (0.0, 0.0, False))
            rows.append((f"c{who}", age, float(sales), float(profit), here, first, over, segment))
    names = ["customer_id", "age", "sales", "profit", "here", "first_age", "n_complete", "segment"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(start=pd.Timestamp("2020-01-15"), n_orders=1, length="year")


def mean(values):
    """The mean; None of nobody."""
    return sum(values) / len(values) if values else None


def less(a, b):
    """The difference; None where one is not known."""
    return None if a is None or b is None else a - b


def naive_profile(customers):
    """{(segment, age): figures}, each a mean over people found one by one."""
    found = {}
    for segment in {one[3] for one in customers}:
        people = [one for one in customers if one[3] == segment]
        first, last = min(p[0] for p in people), max(p[1] for p in people)
        seen = {k: [p for p in people if p[0] <= k <= p[1]] for k in range(last + 2)}
        here = {k: [p for p in seen[k] if p[2].get(k, (0, 0, False))[2]] for k in seen}

        def of(people, k, what=1):
            return mean([p[2].get(k, (0, 0, False))[what] for p in people])

        for k in range(first, last + 1):
            on = [p for p in here[k - 1] if p in seen[k]]
            both = [p for p in here[k - 1] if p in here[k]]
            watched = [p for p in here[k] if p[0] < k]
            change = less(of(here[k], k), of(here[k - 1], k - 1))
            came_in = less(of(here[k], k), of(watched, k)) or 0.0
            older = less(of(on, k - 1), of(here[k - 1], k - 1))
            s0, s1, y0, y1 = (of(both, k - 1 + i, what) for what in (0, 1) for i in (0, 1))
            volume = margin = None
            if both and s0 > 0 and s1 > 0:
                volume = (y0 / s0 + y1 / s1) / 2 * (s1 - s0)
                margin = (s0 + s1) / 2 * (y1 / s1 - y0 / s0)
            found[segment, k] = (
                len(seen[k]), len(here[k]), of(here[k], k, 0), of(here[k], k), of(seen[k], k),
                len(both), change, None if older is None else older + came_in,
                less(of(both, k - 1), of(on, k - 1)), less(of(both, k), of(both, k - 1)),
                less(of(watched, k), of(both, k)), volume, margin,
            )  # fmt: skip
    return found


def agrees_with_loops(engine, customers):
    """Every figure is the one found by hand, and the parts make up the change."""
    answer = engine.read(profit_by_tenure(engine.table(table_of(customers)), by="segment"))
    told = answer.astype(dict.fromkeys(FIGURES, float))
    found = {
        (row["segment"], row["age"]): [None if np.isnan(row[n]) else row[n] for n in FIGURES]
        for row in told.to_dict("records")
    }
    expected = naive_profile(customers)
    assert set(found) == set(expected)
    for key, figures in found.items():
        for name, mine, theirs in zip(FIGURES, figures, expected[key], strict=True):
            assert mine == (theirs if theirs is None else pytest.approx(theirs)), (key, name)
    apart = answer["change"] - answer[PARTS].sum(axis=1)
    assert np.nanmax([0, *apart[answer[PARTS].notna().all(axis=1)].abs()]) < 1e-9


brought = st.tuples(st.integers(-2, 9), st.integers(-9, 9), st.booleans())
customer = st.tuples(
    st.sampled_from([1, 1, 2, 3]), st.integers(1, 5), st.dictionaries(st.integers(1, 5), brought),
    st.sampled_from(["north", "south"]),
).filter(lambda one: one[0] <= one[1])  # fmt: skip

SOME = [
    (1, 3, {1: (9, 4, True), 2: (5, 2, True), 3: (6, 1, False)}, "north"),
    (1, 4, {1: (2, 1, True), 3: (5, 2, True), 4: (5, 3, True)}, "north"),
    (1, 2, {1: (4, 4, True)}, "north"), (2, 4, {2: (3, 1, True), 4: (1, -1, True)}, "north"),
    (1, 1, {1: (4, 2, True)}, "south"), (3, 3, {}, "south"),
]  # fmt: skip


@given(customers=st.lists(customer, min_size=1, max_size=9))
def test_agrees_with_loops_over_customers(customers):
    """Gone, back, seen late, refunds, nobody here at an age."""
    agrees_with_loops(Engine("pandas"), customers)


def test_every_engine_agrees_with_loops_over_customers(engine):
    """A table with one of each."""
    agrees_with_loops(engine, SOME)


def test_the_parts_of_segments_are_those_of_the_firm():
    """Σ over segments of profit_per_acquired times customers is the firm's."""
    firm = profit_by_tenure(table_of(SOME)).set_index("age")
    parts = profit_by_tenure(table_of(SOME), by="segment")
    parts["sum"] = parts["profit_per_acquired"] * parts["n_eligible"]
    total = parts.groupby("age")["sum"].sum()
    assert total.tolist() == pytest.approx(
        (firm["profit_per_acquired"] * firm["n_eligible"]).tolist()
    )


def test_bounds_are_students_of_the_mean_and_of_differences():
    """As SciPy has them; of fewer than 30, or all alike, there are none."""
    rng = np.random.default_rng(3)
    y = rng.gamma(2, 5, (40, 2))
    stays = np.arange(40) < 34
    people = [
        (1, 2, {1: (9, y[i, 0], True)} | ({2: (9, y[i, 1], True)} if stays[i] else {}), "x")
        for i in range(40)
    ]
    found = profit_by_tenure(table_of(people), level=0.9).set_index("age")

    def student(values, effective=None):
        freedom = (effective or np.abs(values).sum() ** 2 / (values**2).sum()) - 1
        low, high = stats.t.interval(0.9, freedom, np.mean(values), stats.sem(values))
        return pytest.approx((low, high))

    acquired = np.where(stays, y[:, 1], 0.0)
    assert tuple(found.loc[1, ["lower", "upper"]]) == student(y[:, 0])
    assert tuple(found.loc[2, ["lower", "upper"]]) == student(y[stays, 1])
    assert tuple(found.loc[2, ["acquired_lower", "acquired_upper"]]) == student(acquired)
    grown = y[stays, 1] - y[stays, 0]
    assert tuple(found.loc[2, ["growth_lower", "growth_upper"]]) == student(grown, grown.size)
    few = profit_by_tenure(table_of(people[:29]))
    assert few["bounds"].tolist() == ["none: few customers"] * 2
    alike = profit_by_tenure(table_of([(1, 1, {1: (9, 3, True)}, "x")] * 30))
    assert alike[["bounds", "acquired_bounds"]].to_numpy().tolist() == [["none: all alike"] * 2]
    assert alike[["lower", "upper"]].isna().all(axis=None)


def world(n, seed, profits):
    """Many customers whose profit is made of a level of their own, as e5 of the design has them."""
    rng = np.random.default_rng(seed)
    start, level = rng.uniform(0, YEARS, n), rng.lognormal(3.5, 0.6, n)
    life, each = profits(rng, start, level)
    return profit_by_tenure(tenure_of(start, life, np.repeat(each[:, None], N_AGES, axis=1)))


def test_where_nobody_grows_and_small_ones_leave_a_rising_curve_is_sorting():
    """Reichheld's very shape, and none of it is growth."""

    def profits(rng, start, level):
        return rng.geometric(np.clip(0.5 * (33 / level), 0.02, 0.9)), level

    found = world(40_000, 5, profits)
    rising = found["profit_per_customer"].tolist()
    assert rising == sorted(rising)
    assert rising[-1] > 1.6 * rising[0]
    assert found["growth"].abs().max() < 1e-9
    assert (found["sorting"][1:] > 4).all()
    assert found["cohorts"].abs().max() < 2


def test_where_later_cohorts_were_won_at_half_price_the_rise_is_older_starts():
    """Leaving is chance and nobody grows: 31.7 becomes 39.6, all of it cohorts."""

    def profits(rng, start, level):
        return rng.geometric(np.full(start.size, 0.3)), np.where(start > 3, level * 0.5, level)

    found = world(60_000, 6, profits)
    rise = found["profit_per_customer"].iloc[2] - found["profit_per_customer"].iloc[0]
    assert rise == pytest.approx(7.9, abs=1)
    assert found["cohorts"].iloc[1:3].sum() == pytest.approx(rise, abs=1)
    assert found["sorting"].abs().max() < 1
    assert found["growth"].abs().max() < 1e-9


def test_the_sample_companys_rise_is_sorting_against_growth():
    """From 82 to 103 a year per customer here, while the same customers buy less."""
    company = rt.sample_company(5_000, seed=1)
    tenure = rt.activity.tenure_periods(company.orders, as_of="2024-12-31", length="year")
    first, second = (row for _, row in profit_by_tenure(tenure).head(2).iterrows())
    assert (round(first["profit_per_customer"]), round(second["profit_per_customer"])) == (82, 103)
    assert second["sorting"] == pytest.approx(43.3, abs=0.1)
    assert second["growth"] == pytest.approx(-25.1, abs=0.1)
    assert second["growth_upper"] < 0
    assert second["cohorts"] == pytest.approx(2.6, abs=0.1)


@pytest.mark.once
def test_bounds_hold_the_truth_as_often_as_they_claim():
    """Two hundred samples of 400 at once, as segments; tests/benchmarks/economics.py has more."""
    rng = np.random.default_rng(11)
    start, life, profit = small_ones_leave_sooner(400 * 200, rng)
    draw = np.repeat(np.arange(200), 400)
    found = profit_by_tenure(tenure_of(start, life, profit, draw=draw), by="draw")
    many = small_ones_leave_sooner(400_000, rng)
    truth = (many[2] * (many[1][:, None] > np.arange(N_AGES))).mean(axis=0)
    for age in (1, 2, 3):
        rows = found[found["age"] == age]
        held = (rows["acquired_lower"] <= truth[age - 1]) & (
            rows["acquired_upper"] >= truth[age - 1]
        )
        assert 0.89 < held.mean() < 0.99
    grown = found[(found["age"] == 2) & found["growth_upper"].notna()]
    assert 0.89 < ((grown["growth_lower"] <= 0) & (grown["growth_upper"] >= 0)).mean() < 0.99


def shop():
    """Ann buys in both years, Bob in the first; as served and as referred, by month."""
    lines = orders(
        ("Ann", "2022-01-15", 10, 6), ("Ann", "2023-01-15", 10, 8), ("Bob", "2022-03-10", 10, 4),
        columns=("profit",),
    )  # fmt: skip
    lines = lines.assign(profit=lines["profit"].astype(float))
    return rt.activity.tenure_periods(lines, as_of="2024-03-31", length="year")


def served_in(*rows):
    """What customers cost, as (customer, first day of the month, cost)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "period", "cost_to_serve"])
    frame["period"] = pd.to_datetime(frame["period"]).astype("datetime64[us]")
    months = frame["period"].dt.year * 12 + frame["period"].dt.month - 1
    return frame.assign(step=months.astype("int64"), cost_to_serve=frame["cost_to_serve"] * 1.0)


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_every_engine_counts_costs_at_the_age_in_which_their_period_opens(engine):
    """January 2022, in which Ann began, is of her first year, and so is January 2023."""
    served = served_in(
        ("Ann", "2021-12-01", 50), ("Ann", "2022-01-01", 1), ("Ann", "2023-01-01", 2),
        ("Ann", "2023-02-01", 4), ("Ann", "2024-01-01", 16), ("Bob", "2022-03-01", 8),
        ("Cem", "2024-02-01", 99),
    )  # fmt: skip
    found = engine.read(
        profit_by_tenure(engine.table(shop()), served=engine.table(served))
    ).set_index("age")
    assert found["n_served"].tolist() == [2, 1]
    assert found["cost_to_serve"].tolist() == [(1 + 2 + 8) / 2, 4 + 16]
    assert found["profit_after_cost_to_serve"].tolist() == [(6 + 4 - 11) / 2, 8 - 20]


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_an_age_that_costs_do_not_cover_is_not_counted():
    """Costs from February 2022 on say nothing whole of Ann's first year, which began before."""
    served = served_in(("Ann", "2022-02-01", 1), ("Bob", "2022-03-01", 8), ("Bob", "2023-12-01", 1))
    found = profit_by_tenure(shop(), served=served).set_index("age")
    assert found["n_served"].tolist() == [1, 0]
    assert found["cost_to_serve"].fillna(-1).tolist() == [8, -1]


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_every_engine_counts_whom_customers_won(engine):
    """Ann won Cem in her first year and Dee in her second; Bob named Dee later; Eve is unknown."""
    came = pd.DataFrame(
        {
            "customer_id": ["Ann", "Ann", "Bob", "Eve", "Ann"],
            "referred_id": ["Cem", "Dee", "Dee", "Fay", "Gil"],
            "date": pd.to_datetime(
                ["2023-01-14", "2023-01-15", "2023-02-01", "2022-05-01", "2024-02-01"]
            ).astype("datetime64[us]"),
        }
    )
    said = {"referrals": engine.table(came), "referral_value": 30.0}
    found = engine.read(profit_by_tenure(engine.table(shop()), **said))
    assert found["n_referred"].tolist() == [0.5, 1.0]
    assert found["referral_value"].tolist() == [15.0, 30.0]


def test_what_cannot_be_counted_is_refused():
    """Each refusal says what to do, and that helps."""
    table, came = table_of(SOME), pd.DataFrame({"customer_id": ["Ann"], "referred_id": ["Bob"]})
    came["date"] = pd.Timestamp("2020-05-01")
    served = served_in(("Ann", "2022-02-01", 1))
    moved = table.assign(segment=["a", "b"] * (len(table) // 2) + ["a"] * (len(table) % 2))

    def ask(table=table, **said):
        return profit_by_tenure(table, **said)

    for said, error, message in [
        ({"referrals": came}, rt.RetentionError,
         "Say what a customer won by another is worth to you: referral_value=, such as your "
         "acquisition cost per customer"),
        ({"referral_value": 5.0}, rt.RetentionError, "goes with referrals="),
        ({"referrals": came, "referral_value": "5"}, rt.RetentionError, "must be an amount"),
        ({"referrals": came, "referral_value": 5}, rt.ContentError, "do the ids agree"),
        ({"served": served}, rt.ContentError, "do the ids agree"),
        ({"served": served.head(0)}, rt.ContentError, "served is empty"),
        ({"served": table}, rt.ColumnError, "served .* lacks 'period'"),
        ({"level": 95}, rt.RetentionError, "level must lie between 0 and 1"),
        ({"by": "region"}, rt.ColumnError, "by names 'region', which is not a column"),
        ({"by": "growth", "table": table.assign(growth="x")}, rt.ColumnError, "answers use"),
        ({"by": "segment", "table": moved}, rt.ContentError,
         "customers have several values of 'segment', such as 'c0'. Take the value at the start"),
        ({"table": table.head(0)}, rt.ContentError, "tenure is empty"),
        ({"table": pd.concat([table, table])}, rt.ContentError, "several rows of one age"),
        ({"table": table.assign(profit=np.nan)}, rt.ContentError, "the profit of 11 of 11 rows"),
        ({"table": table.assign(profit=np.inf)}, rt.ContentError, "the profit of 11 of 11 rows"),
        ({"table": table.assign(length=["year"] + ["month"] * 10)}, rt.ContentError,
         "holds ages of a year beside those of a month"),
        ({"table": table[table["age"] > 1]}, rt.ContentError,
         "2 customers have no row of the first age"),
        ({"table": table.assign(n_complete=1)}, rt.ContentError, "rows are of an age before"),
        ({"table": orders(("Ann", "2020-01-01", 5))}, rt.ColumnError,
         r"Make tenure first: tenure_periods\(table, length='year', as_of=...\)"),
        ({"table": contracts(("Ann", "2020-01-01", None))}, rt.ColumnError,
         r"Make tenure first: contract_tenure\(table"),
    ]:  # fmt: skip
        with pytest.raises(error, match=message):
            ask(**said)
    assert len(ask(referrals=came.assign(customer_id="c0"), referral_value=5)) == 4


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_where_all_of_sales_counts_its_column_is_named_as_profit():
    """As the refusal of an unknown profit says."""
    lines = orders(("Ann", "2022-01-15", 10), ("Bob", "2022-03-10", 30))
    said = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    ages = {"as_of": "2023-03-31", "length": "year"}
    bare = rt.activity.tenure_periods(rt.as_transactions(lines, **said), **ages)
    with pytest.raises(rt.ContentError, match="where all of sales counts, name its column there"):
        profit_by_tenure(bare)
    told = rt.as_transactions(lines, profit="sales", **said)
    found = profit_by_tenure(rt.activity.tenure_periods(told, **ages))
    assert found["profit_per_customer"].tolist() == [20]


def test_what_is_served_and_referred_has_the_same_ids():
    """Numbers in one and text in the other cannot be the same customers."""
    came = pd.DataFrame(
        {"customer_id": [1], "referred_id": [2], "date": [pd.Timestamp(2020, 5, 1)]}
    )
    with pytest.raises(rt.ColumnError, match="Give both the same type"):
        profit_by_tenure(table_of(SOME), referrals=came, referral_value=5)
    served = served_in((1, date(2022, 2, 1), 1))
    with pytest.raises(rt.ColumnError, match="Give both the same type"):
        profit_by_tenure(table_of(SOME), served=served)


def test_every_engine_leaves_unknown_sales_unknown(engine):
    """Contracts may know a profit and no sales: that is no 0."""
    table = contracts(
        *(("Ann", "2022-01-01", None, 5.0), ("Bob", "2022-01-01", "2023-01-01", 3.0)),
        columns=("profit",),
    )
    tenure = rt.activity.contract_tenure(
        engine.table(table), as_of="2023-12-31", length="year", grace=0
    )
    found = engine.read(profit_by_tenure(tenure))
    assert found[["sales_per_customer", "volume", "margin"]].isna().all(axis=None)
    assert found["profit_per_customer"].tolist() == [48, 60]
    assert found["sorting"].fillna(-1).tolist() == [-1, 12]


def test_one_customer_is_enough():
    """Without bounds, and with nothing before."""
    found = profit_by_tenure(table_of([(1, 1, {1: (4, 2, True)}, "x")]))
    assert found[["n_eligible", "n_customers", "profit_per_customer"]].to_numpy().tolist() == [
        [1, 1, 2]
    ]
    assert found[["change", *PARTS]].isna().all(axis=None)
    assert found["bounds"].tolist() == ["none: few customers"]


@pytest.mark.parametrize("name", ["n", "size", "y", "s0", "n_sales", "dd"])
def test_a_segment_may_be_called_as_sums_are(name):
    """Sums stand beside the segment in the query, and did under such a name."""
    table = table_of(SOME)
    expected = profit_by_tenure(table, by="segment")
    found = profit_by_tenure(table.rename(columns={"segment": name}), by=name)
    pd.testing.assert_frame_equal(found.rename(columns={name: "segment"}), expected)
