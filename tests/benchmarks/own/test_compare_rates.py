"""Rates side by side: published bounds, customers counted by sets, and what is refused."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.benchmarks.own import shared_customers

QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")
compare = rt.benchmarks.compare_rates
OWN = {"of": "group", "figure": "renewed", "count": "kept", "base": "all"}
BOUNDS = ["difference", "difference_lower", "difference_upper"]


def counted(*pairs, **more):
    """A table of own counts, a row each: kept of all."""
    kept, of_all = zip(*pairs, strict=True)
    names = [chr(ord("a") + i) for i in range(len(pairs))]
    return pd.DataFrame({"group": names, "kept": kept, "all": of_all, **more})


NEWCOMBE = [
    ((56, 70), (48, 80), 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.1705, 0.8090),
    ((6, 7), (2, 7), 0.0582, 0.8062),
    ((5, 56), (0, 29), -0.0381, 0.1926),
    ((0, 10), (0, 20), -0.1611, 0.2775),
    ((0, 10), (0, 10), -0.2775, 0.2775),
    ((10, 10), (0, 20), 0.6791, 1.0),
    ((10, 10), (0, 10), 0.6075, 1.0),
]


@pytest.mark.parametrize(("one", "other", "lower", "upper"), NEWCOMBE)
def test_bounds_are_those_of_newcombe_1998_table_2(one, other, lower, upper):
    """Method 10, to the last printed digit, with nobody and everybody kept."""
    row = compare(counted(one, other), **OWN).iloc[0]
    assert (round(row["difference_lower"], 4), round(row["difference_upper"], 4)) == (lower, upper)


def wilson(k, n, z):
    """Wilson's bounds, written plainly."""
    p, z2 = k / n, z * z
    middle, spread = p + z2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - spread) / (1 + z2 / n), (middle + spread) / (1 + z2 / n)


def plain_bounds(first, second, z, phi=0.0):
    """The bounds of a difference, written plainly."""
    (k, n), (j, m) = first, second
    p, q = k / n, j / m
    (l1, u1), (l2, u2) = wilson(k, n, z), wilson(j, m, z)
    width = lambda a, b: math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0))  # noqa: E731
    return p - q - width(p - l1, u2 - q), p - q + width(u1 - p, q - l2)


pairs = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(rows=st.lists(pairs, min_size=2, max_size=5), margin=st.sampled_from([0.01, 0.1, 0.4]))
def test_a_p_value_is_where_the_bounds_reach_what_it_asks_about(rows, margin):
    """Nothing, the margin below and the margin above, of every pair."""
    found = compare(counted(*rows), better="higher", margin=margin, correction="none", **OWN)
    assert len(found) == math.comb(len(rows), 2)
    normal = NormalDist()
    for row, (one, other) in zip(found.itertuples(), itertools.combinations(rows, 2), strict=True):
        apart = one[0] / one[1] - other[0] / other[1]
        assert row.difference == pytest.approx(apart)
        if abs(apart) > 1e-12 and row.p_value > 1e-9:
            z = -normal.inv_cdf(row.p_value / 2)
            lower, upper = plain_bounds(one, other, z)
            assert (lower if apart > 0 else upper) == pytest.approx(0, abs=1e-6)
        if 1e-9 < row.p_no_worse < 0.5:
            lower, _ = plain_bounds(one, other, -normal.inv_cdf(row.p_no_worse))
            assert lower == pytest.approx(-margin, abs=1e-6)
        clear = row.difference_lower > 0 or row.difference_upper < 0
        assert clear == (row.p_value < 0.05)
        assert (row.verdict == "no worse") == (row.difference_lower > -margin)
        within = row.difference_lower > -margin and row.difference_upper < margin
        assert row.equivalent == within


def test_p_is_near_that_of_the_score_test_of_large_groups():
    """Pearson's χ² without a correction, which is the pooled z test."""
    from scipy.stats import chi2_contingency

    for one, other in (
        ((700, 1000), (660, 1000)),
        ((90, 900), (80, 1100)),
        ((560, 700), (480, 800)),
    ):
        table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
        expected = chi2_contingency(table, correction=False).pvalue
        p = compare(counted(one, other), **OWN)["p_value"][0]
        assert math.log(p) == pytest.approx(math.log(expected), rel=0.03)


def test_many_comparisons_are_adjusted_together():
    """Holm's and the false discovery rate's, over all rows of the answer."""
    rows = counted((90, 100), (70, 100), (80, 100))
    found = {
        name: compare(rows, correction=name, **OWN)
        for name in ("none", "holm", "benjamini_hochberg")
    }
    p = sorted(found["none"]["p_value"])
    assert sorted(found["none"]["p_adjusted"]) == p
    holm = np.maximum.accumulate([3 * p[0], 2 * p[1], p[2]])
    np.testing.assert_allclose(sorted(found["holm"]["p_adjusted"]), np.minimum(holm, 1))
    fdr = np.minimum.accumulate([p[2], 1.5 * p[1], 3 * p[0]])[::-1]
    np.testing.assert_allclose(sorted(found["benjamini_hochberg"]["p_adjusted"]), fdr)
    assert found["holm"]["verdict"].isin(["higher", "lower", "cannot tell"]).all()


def test_a_ratio_has_the_bounds_of_newcombe_2016():
    """The value at which the bounds of p − R q reach 0; null where the other kept nobody."""
    found = compare(counted((30, 100), (20, 110), (0, 9)), **OWN)
    first = found.iloc[0]
    assert first["rate_ratio"] == pytest.approx(0.3 / (20 / 110))
    z = NormalDist().inv_cdf(0.975)
    (l1, u1), (l2, u2) = wilson(30, 100, z), wilson(20, 110, z)
    p, q = 0.3, 20 / 110
    low, high = first["rate_ratio_lower"], first["rate_ratio_upper"]
    assert p - low * q == pytest.approx(math.hypot(p - l1, low * (u2 - q)))
    assert p - high * q == pytest.approx(-math.hypot(u1 - p, high * (q - l2)))
    assert found["rate_ratio"].isna().tolist() == [False, True, True]


def test_each_against_the_rest_and_against_one():
    """The rest is all others together; a group named is compared with each of the others."""
    rows = counted((9, 10), (4, 10), (7, 30))
    rest = compare(rows, against="rest", **OWN)
    assert rest["group"].tolist() == ["a", "b", "c"]
    assert rest[["count_other", "n_other"]].to_numpy().tolist() == [[11, 40], [16, 40], [13, 20]]
    one = compare(rows, against="b", **OWN)
    assert list(zip(one["group"], one["other"], strict=True)) == [("a", "b"), ("c", "b")]
    back = compare(rows.iloc[::-1], **OWN)
    pd.testing.assert_frame_equal(back, compare(rows, **OWN))


def test_within_segments_only_their_own_rows_are_compared():
    """By period, the groups of each."""
    both = pd.concat([
        counted((9, 10), (4, 10)).assign(period=pd.Timestamp("2024-01-01")),
        counted((8, 10), (5, 10), (1, 2)).assign(period=pd.Timestamp("2024-02-01")),
    ])  # fmt: skip
    found = compare(both, by="period", **OWN)
    assert found["period"].dt.month.tolist() == [1, 2, 2, 2]
    assert found["other"].tolist() == ["b", "b", "c", "c"]
    assert compare(both, by="period", against="c", **OWN)["group"].tolist() == ["a", "b"]


def sets_of_customers(activity, names, lag):
    """Of each key the customers of the base, and of each period who was active anywhere."""
    base, firm = {}, {}
    for row in activity[activity["active"]].itertuples():
        key = (*(getattr(row, name) for name in names), row.step)
        base.setdefault(key, set()).add(row.customer_id)
        firm.setdefault(row.step, set()).add(row.customer_id)
    return {
        key: (who, {one for one in who if one in firm.get(key[-1] + lag, set())})
        for key, who in base.items()
    }


@st.composite
def shops(draw):
    """Orders of a few customers who buy in one region, in two, now and then."""
    line = st.tuples(st.integers(1, 8), st.integers(0, 5), st.sampled_from(["north", "south"]))
    rows = draw(st.lists(line, min_size=12, max_size=40))
    frame = pd.DataFrame(rows, columns=["who", "month", "region"])
    dates = pd.Timestamp("2024-01-05") + frame["month"].map(lambda n: pd.DateOffset(months=n))
    return pd.DataFrame({
        "customer_id": frame["who"].astype(str), "date": pd.to_datetime(dates),
        "sales": 1.0, "region": frame["region"],
    })  # fmt: skip


WINDOW = {"freq": "month", "as_of": "2024-06-30", "observed_from": "2024-01-01"}


def phi_of_sets(one, other):
    """The correlation of two rates by the customers on both sides."""
    (b1, r1), (b2, r2) = one, other
    p, q = len(r1) / len(b1), len(r2) / len(b2)
    covered = sum(((who in r1) - p) * ((who in r2) - q) for who in b1 & b2)
    spread = math.sqrt(len(b1) * p * (1 - p) * len(b2) * q * (1 - q))
    return covered / spread if spread else 0.0


@QUIET
@pytest.mark.parametrize("of", ["region", "period"])
@given(orders=shops(), lag=st.integers(1, 2), churn=st.booleans())
def test_customers_in_both_are_those_of_sets(of, orders, lag, churn):
    """How many stand on both sides, and the bounds that follow."""
    activity = rt.customer_periods(orders, by="region", **WINDOW)
    names = ["region"] if of == "region" else []
    make = rt.churn_by if churn else rt.retention_rate
    rates = (
        make(activity, by=names, lag=lag)
        if names or not churn
        else rt.outcome_kpis(activity, lag=lag)
    )
    figure = "churn_rate" if churn else "retention_rate"
    by = ["period"] if of == "region" else []
    found = compare(rates, of=of, by=by, figure=figure, activity=activity)
    sets = sets_of_customers(activity, names, lag)
    step = dict(zip(rates["period"].dt.strftime("%Y-%m-%d"), rates["step"], strict=True))
    for row in found.itertuples():
        if of == "period":
            keys = [(step[row.group],), (step[row.other],)]
        else:
            day = row.period.strftime("%Y-%m-%d")
            keys = [(row.group, step[day]), (row.other, step[day])]
        one, other = (sets.get(key, (set(), set())) for key in keys)
        assert row.n_in_both == len(one[0] & other[0])
        if not (one[0] and other[0]):
            assert math.isnan(row.difference)
            continue
        sides = [(len(b) - len(r) if churn else len(r), len(b)) for b, r in (one, other)]
        assert (row.count, row.n) == sides[0]
        z = NormalDist().inv_cdf(0.975)
        expected = plain_bounds(*sides, z, phi_of_sets(one, other))
        assert (row.difference_lower, row.difference_upper) == pytest.approx(expected)


@QUIET
def test_the_same_customers_on_both_sides_are_newcombes_pairs():
    """Of 21 children, Fagerland's example: 1 both, 1 and 7 on one side alone, 12 on neither."""
    rows = []
    kinds = [(1, 1)] * 1 + [(1, 0)] * 1 + [(0, 1)] * 7 + [(0, 0)] * 12
    for number, (first, second) in enumerate(kinds):
        days = ["2024-01-01", "2024-03-01"] + ["2024-02-01"] * first + ["2024-04-01"] * second
        rows += [(number, day) for day in days]
    orders = pd.DataFrame(rows, columns=["customer_id", "date"]).assign(sales=1.0)
    orders["date"] = pd.to_datetime(orders["date"])
    activity = rt.customer_periods(orders, **{**WINDOW, "as_of": "2024-04-30"})
    rates = rt.retention_rate(activity)
    kept = rates[rates["period"].isin(pd.to_datetime(["2024-01-01", "2024-03-01"]))]
    row = compare(kept, of="period", activity=activity).iloc[0]
    assert (row["n_in_both"], row["count"], row["count_other"]) == (21, 2, 8)
    phi = (1 * 12 - 1 * 7) / math.sqrt(2 * 19 * 8 * 13)
    lower, upper = plain_bounds((2, 21), (8, 21), NormalDist().inv_cdf(0.975), phi)
    assert (row["difference_lower"], row["difference_upper"]) == pytest.approx((lower, upper))
    # with phi corrected to 0 these are Newcombe's method 10 as Fagerland et al. (2014) print it
    rounded = [round(x, 3) for x in plain_bounds((2, 21), (8, 21), 1.959964)]
    assert rounded == [-0.507, -0.026]


def test_periods_without_their_activity_are_warned_of():
    """Nobody knows how many of the customers are the same."""
    table = counted((9, 10), (4, 10), period=pd.to_datetime(["2024-01-01", "2024-02-01"]))
    with pytest.warns(rt.RetentionWarning, match="customers in common.*activity="):
        found = compare(table, **{**OWN, "of": "period"})
    assert found["n_in_both"].isna().all()
    assert found["group"].tolist() == ["2024-01-01"]


def test_nobody_and_nothing_known_stay_null():
    """A group of nobody, a rate not observed to its end, one group alone, no rows."""
    found = compare(counted((0, 0), (4, 10)), margin=0.1, better="higher", **OWN)
    assert found[["difference", "p_value", "p_no_worse", "equivalent"]].isna().all(axis=None)
    assert found["verdict"].tolist() == ["cannot tell"]
    assert found["finding"][0] == "a – against b 40.0%: cannot tell."
    assert compare(counted((3, 4)), **OWN).empty
    assert compare(counted((3, 4)).head(0), **OWN).empty
    assert compare(counted((3, 4)), against="rest", **OWN).empty
    one = compare(counted((0, 1), (1, 1)), **OWN)
    assert one["verdict"].tolist() == ["cannot tell"]


@QUIET
def test_rates_that_the_library_makes_are_known():
    """Cohorts by age, and churn of spells."""
    company = rt.sample_company(300, seed=1)
    activity = rt.customer_periods(company.orders, freq="quarter", as_of="2024-12-31", by="region")
    cohorts = rt.cohort_retention(activity)
    ages = cohorts[cohorts["age"].isin([1, 2]) & cohorts["observed"]]
    found = compare(ages, of="cohort", by="age", against="rest", figure="rate")
    assert set(found["age"]) == {"1", "2"}
    averages = rt.kpis.average_retention(cohorts, weights="cohort")
    with pytest.raises(rt.ContentError, match="is not the share of its counts"):
        compare(averages, of="age", figure="rate")
    spells = rt.purchase_spells(company.orders, gap=90, as_of="2024-12-31")
    churn = rt.churn_rate(spells, freq="quarter", convention="exposure", as_of="2024-12-31")
    with pytest.raises(rt.ContentError, match="no share of customers"):
        compare(churn, of="period", figure="churn_rate")


def test_what_cannot_be_compared_is_refused():
    """In the user's words, with what to do."""
    rows = counted((9, 10), (4, 10))
    for table, said, error, message in (
        (rows, {"of": "grp"}, rt.ColumnError, "of names 'grp'.*Did you mean 'group'"),
        (rows, {"by": "x"}, rt.ColumnError, "by names 'x'"),
        (rows, {"count": None}, rt.RetentionError, "both count= and base="),
        (rows, {"count": None, "base": None}, rt.RetentionError, "say count= and base="),
        (rows, {"count": "n"}, rt.ColumnError, "count names 'n'"),
        (rows, {"count": "group"}, rt.ColumnError, "must hold numbers"),
        (rows, {"count": "all", "base": "kept"}, rt.ContentError, "has 10 of 9"),
        (rows, {"against": "z"}, rt.ContentError, "no group of 'group'. There is: 'a', 'b'"),
        (rows, {"margin": 0.1}, rt.RetentionError, "say better='higher'"),
        (rows, {"margin": 2, "better": "lower"}, rt.RetentionError, "margin is a difference"),
        (rows, {"correction": "bonferroni"}, rt.RetentionError, "correction must be one of"),
        (rows, {"better": "up"}, rt.RetentionError, "better must be one of"),
        (rows, {"level": 2}, rt.RetentionError, "level must lie"),
        (rows, {"activity": rows}, rt.RetentionError, "goes with figure='retention_rate'"),
        (pd.concat([rows, rows]), {}, rt.ContentError, "several rows per 'group'.*by="),
        (rows.assign(group=["rest", "b"]), {"against": "rest"}, rt.ContentError, "Rename it"),
    ):
        with pytest.raises(error, match=message):
            compare(table, **{**OWN, **said})


@QUIET
def test_rates_of_another_activity_are_refused():
    """Customers in both can only be counted where the rates come from."""
    company = rt.sample_company(60, seed=1)
    activity = rt.customer_periods(company.orders, freq="quarter", as_of="2024-12-31", by="region")
    rates = rt.retention_rate(activity, by="region")
    rates = rates[rates["period"] == "2024-01-01"]
    here = activity[activity["active"] & (activity["period"] == "2024-01-01")]
    fewer = activity[activity["customer_id"] != here["customer_id"].iloc[0]]
    with pytest.raises(rt.ContentError, match="not those of activity"):
        compare(rates, of="region", activity=fewer)
    with pytest.raises(rt.ColumnError, match="has no 'step'"):
        compare(rates.drop(columns="step"), of="region", activity=activity)


@pytest.mark.parametrize("engine", ["pandas", "polars", "polars_lazy", "duckdb"], indirect=True)
def test_every_engine_says_the_same(engine):
    """Also with the customers counted."""
    rows = [("a", "01-05", "n"), ("a", "01-06", "s"), ("b", "01-05", "n"), ("c", "01-09", "s"),
            ("a", "02-01", "n"), ("c", "02-01", "s")]  # fmt: skip
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "region"]).assign(sales=1.0)
    orders["date"] = pd.to_datetime("2024-" + orders["date"])
    window = {"freq": "month", "as_of": "2024-02-29", "observed_from": "2024-01-01"}
    activity = rt.customer_periods(orders, by="region", **window)
    rates = rt.retention_rate(activity, by="region")
    asked = {"of": "region", "margin": 0.3}
    expected = compare(rates, activity=activity, **asked)
    assert expected["n_in_both"].tolist() == [1]
    found = compare(engine.table(rates), activity=engine.table(activity), **asked)
    assert engine.is_mine(found)
    pd.testing.assert_frame_equal(engine.read(found)[list(expected)], expected, check_dtype=False)


@pytest.mark.parametrize(
    ("against", "lost_to"),
    [("each other", "firm"), ("rest", "segment"), ("2023-04-01", "firm")],
)
@QUIET
def test_customers_at_hand_are_counted_as_a_query_counts_them(against, lost_to, monkeypatch):
    """Of periods within regions and over them, two periods later, the same to the last digit."""
    company = rt.sample_company(60, seed=4)
    window = {"freq": "quarter", "as_of": "2024-12-31", "by": "region"}
    activity = rt.customer_periods(company.orders, **window)
    for by in ["region"], []:
        rates = rt.retention_rate(activity, by=by, lag=2, lost_to=lost_to)
        asked = {"of": "period", "by": by, "against": against, "activity": activity}
        found = compare(rates, **asked)
        with monkeypatch.context() as patched:
            patched.setattr(shared_customers, "is_at_hand", lambda _: False)
            pd.testing.assert_frame_equal(found, compare(rates, **asked))
        assert (found["n_in_both"] > 0).any()
