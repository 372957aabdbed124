"""Revenue movements and retention: against twins in fractions, the field's cases, identities."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from lasting import contracts
from retention.kpis.revenue.movements import customer_movements, revenue_movements
from retention.kpis.revenue.rates import (
    gross_revenue_retention,
    logo_churn,
    net_revenue_retention,
    quick_ratio,
)
from shops import everyone_leaves, everyone_stays, orders, refund_only

FEBRUARY = {"freq": "month", "as_of": "2024-02-29"}
APRIL = {"freq": "month", "as_of": "2024-04-30", "observed_from": "2024-01-01"}
FLOWS = ("start", "new", "reactivated", "expansion", "contraction", "churned", "end")
SIGNS = np.array([1, 1, 1, 1, -1, -1, -1])
ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
    st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-04-30").date()),
    st.integers(-4, 8),
    st.sampled_from(["north", "south"]),
)
lines_of_a_shop = st.lists(line, min_size=1, max_size=25)
plain_line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
    st.sampled_from(["2024-01-10", "2024-02-10", "2024-03-10", "2024-04-10"]),
    st.integers(1, 8),
)


def five_customers():
    """A 100→150, B 100→60, C 100→0, D 100→100 from February to March; E returns with 80."""
    before = [(name, "2024-02-10", 100) for name in "ABCD"]
    later = [("A", "2024-03-10", 150), ("B", "2024-03-10", 60), ("D", "2024-03-10", 100)]
    return orders(("E", "2024-01-05", 70), *before, *later, ("E", "2024-03-31", 80))


MARCH = {"freq": "month", "as_of": "2024-03-31", "observed_from": "2024-01-01"}


def dip_and_back():
    """Ann buys for 100, then 60, then 100."""
    amounts = zip(("2024-01-10", "2024-02-10", "2024-03-10"), (100, 60, 100), strict=True)
    return orders(*(("Ann", day, amount) for day, amount in amounts))


def activity_of(frame, say=APRIL, **kwargs):
    """Activity of a small shop on pandas."""
    return rt.customer_periods(frame, **say, **kwargs)


def books(activity, by):
    """Sales of each segment, customer and step, of the active and of all."""
    active, money = defaultdict(dict), defaultdict(dict)
    for row in activity.to_dict("records"):
        part = tuple(row[name] for name in by)
        key = (row["customer_id"], row["step"])
        money[part][key] = money[part].get(key, 0) + Fraction(row["sales"])
        active[part][key] = active[part].get(key, False) or row["active"]
    return active, money


def naive_movements(activity, by):
    """The definition in sets of customers, segment by segment and period by period."""
    active, money = books(activity, by)
    first, last = activity["first_step"].iloc[0], activity["last_step"].iloc[0]
    found = {}
    for part, sales in money.items():
        there = {
            step: {c for (c, s), is_active in active[part].items() if s == step and is_active}
            for step in range(first, last + 1)
        }
        for step, now in there.items():
            before = there.get(step - 1, set())
            ever = {c for s, customers in there.items() if s < step for c in customers}
            rise = {c: sales[c, step] - sales[c, step - 1] for c in now & before}
            row = {
                "start": (before, sum(sales[c, step - 1] for c in before)),
                "new": (now - ever, sum(sales[c, step] for c in now - ever)),
                "reactivated": ((now & ever) - before, 0),
                "expansion": ([c for c in rise if rise[c] > 0], 0),
                "contraction": ([c for c in rise if rise[c] < 0], 0),
                "churned": (before - now, sum(sales[c, step - 1] for c in before - now)),
                "end": (now, sum(sales[c, step] for c in now)),
            }
            back = row["reactivated"][0]
            row["reactivated"] = (back, sum(sales[c, step] for c in back))
            row["expansion"] = (row["expansion"][0], sum(max(r, 0) for r in rise.values()))
            row["contraction"] = (row["contraction"][0], sum(max(-r, 0) for r in rise.values()))
            refunds = [v for (c, s), v in sales.items() if s == step and c not in now]
            row["refunds"] = ([v for v in refunds if v], sum(refunds))
            found[part, step] = {name: (len(who), much) for name, (who, much) in row.items()}
    return found, first


@ignore_silence
@settings(max_examples=at_most(6))
@given(lines=lines_of_a_shop, by=st.sampled_from([(), ("region",)]))
def test_movements_agree_with_the_definition_in_sets(engine, lines, by):
    """Counts are exact, money agrees and every line balances."""
    frame = orders(("Ann", "2024-01-01", 1, "north"), *lines, columns=("region",))
    activity = rt.customer_periods(engine.table(frame), **APRIL, by="region")
    expected, first = naive_movements(engine.read(activity), by)
    answer = revenue_movements(activity, by=by)
    assert engine.is_mine(answer)
    found = engine.read(answer)
    assert len(found) == len(expected)
    counted = {"expansion": "expanded", "contraction": "contracted"}
    for row in found.to_dict("records"):
        cell = expected[tuple(row[name] for name in by), row["step"]]
        known = ("end",) if row["step"] == first else FLOWS
        for name in known:
            assert row[f"n_{counted.get(name, name)}"] == cell[name][0]
            assert row[f"sales_{name}"] == pytest.approx(float(cell[name][1]), rel=1e-9)
        assert row["n_refunds_inactive"] == cell["refunds"][0]
        assert row["refunds_inactive"] == pytest.approx(float(cell["refunds"][1]), rel=1e-9)
        assert row["sales"] == pytest.approx(row["sales_end"] + row["refunds_inactive"])
    later = found[found["step"] > first]
    flows = later[[f"sales_{name}" for name in FLOWS]].to_numpy(dtype=float)
    np.testing.assert_allclose(flows @ SIGNS, 0, atol=1e-9)
    people = [f"n_{name}" for name in ("start", "new", "reactivated", "churned", "end")]
    counts = later[people].to_numpy(dtype=float) @ np.array([1, 1, 1, -1, -1])
    assert (counts == 0).all()


@ignore_silence
@settings(max_examples=at_most(15))
@given(lines=lines_of_a_shop, by=st.sampled_from([(), ("region",)]))
def test_movements_of_customers_add_up_to_those_of_the_firm(lines, by):
    """The sums of the customers' rows are the firm's, and a customer has one row per period."""
    frame = orders(("Ann", "2024-01-01", 1, "north"), *lines, columns=("region",))
    activity = activity_of(frame, by="region")
    each, firm = customer_movements(activity, by=by), revenue_movements(activity, by=by)
    assert not each.duplicated(["customer_id", *by, "step"]).any()
    amounts = [name for name in each if name.startswith(("sales_", "refunds"))]
    sums = each.groupby([*by, "step"])[amounts].sum().stack()
    stated = firm.set_index([*by, "step"])[amounts].fillna(0).stack()
    np.testing.assert_allclose(
        sums.reindex(stated.index, fill_value=0), stated, atol=1e-9, rtol=1e-9
    )
    counts = each.groupby([*by, "step"])["movement"].value_counts()
    for movement in ("new", "reactivated", "churned"):
        said = firm.set_index([*by, "step"])[f"n_{movement}"]
        for place, n in said[said > 0].items():
            key = place if isinstance(place, tuple) else (place,)
            assert counts[(*key, movement)] == n


def test_what_led_to_the_first_period_is_null(engine):
    """Of January only its end is known; its customers are not called new."""
    activity = rt.customer_periods(engine.table(everyone_leaves()), **FEBRUARY)
    row = engine.read(revenue_movements(activity)).iloc[0]
    assert row[[f"sales_{name}" for name in FLOWS[:-1]]].isna().all()
    assert (row["n_end"], row["sales_end"]) == (2, 15.0)
    answer = customer_movements(activity)
    assert engine.is_mine(answer)
    moves = engine.read(answer, order=["step", "customer_id"])
    assert moves["movement"].fillna("").tolist() == ["", "", "churned", "churned", "new"]


def test_a_refund_of_who_is_gone_is_kept_apart():
    """Bob is paid back 20 in February: not churned twice, and the books still agree."""
    row = revenue_movements(activity_of(refund_only(), FEBRUARY)).iloc[1]
    assert (row["sales_churned"], row["sales_end"]) == (20.0, 10.0)
    assert (row["n_refunds_inactive"], row["refunds_inactive"], row["sales"]) == (1, -20.0, -10.0)


def test_a_month_without_anybody_loses_all_and_the_next_wins_it_back():
    """Churned in February, reactivated in March."""
    frame = orders(("Ann", "2024-01-01", 10), ("Ann", "2024-03-25", 12))
    rows = revenue_movements(activity_of(frame, MARCH))
    assert rows["sales_churned"].tolist()[1:] == [10.0, 0.0]
    assert rows["sales_reactivated"].tolist()[1:] == [0.0, 12.0]


def test_a_free_month_is_not_churn(engine):
    """A contract at 0 is in force: contraction, then expansion, and nobody leaves."""
    frame = contracts(
        ("Ann", "2024-01-01", "2024-02-01", 10.0), ("Ann", "2024-02-01", "2024-03-01", 0.0),
        ("Ann", "2024-03-01", None, 10.0), columns=("sales",),
    )  # fmt: skip
    activity = rt.contract_periods(engine.table(frame), freq="month", as_of="2024-03-15")
    rows = engine.read(revenue_movements(activity))
    assert rows["n_churned"].tolist()[1:] == [0, 0]
    assert rows["sales_contraction"].tolist()[1:] == [10.0, 0.0]
    assert rows["sales_expansion"].tolist()[1:] == [0.0, 10.0]
    assert logo_churn(pd.DataFrame(engine.read(activity)), lag=1)["logo_churn"].max() == 0


def test_a_plan_paid_by_the_year_counts_with_its_twelfth_each_month():
    """120 a year is 10 each month, with no movement until it is given up."""
    bills = pd.DataFrame(
        {"who": ["Ann"], "from": ["2024-01-01"], "until": ["2024-12-31"], "paid": [120.0]}
    )
    frame = rt.as_contracts(
        bills, customer_id="who", start="from", end="until", end_is="last_day",
        sales="paid", sales_per="year",
    )  # fmt: skip
    rows = revenue_movements(rt.contract_periods(frame, freq="month", as_of="2025-01-31"))
    assert rows["sales_end"].tolist() == [*[10.0] * 12, 0.0, 0.0]
    assert rows["sales_churned"].tolist()[1:] == [*[0.0] * 11, 10.0, 0.0]
    changed = rows[["sales_new", "sales_expansion", "sales_contraction"]]
    assert changed.iloc[1:].eq(0).all(axis=None)


def test_several_currencies_are_not_added_up(engine):
    """Activity by currency is refused together and answered apart."""
    frame = orders(
        ("Ann", "2024-01-01", 10, "EUR"), ("Bob", "2024-02-28", 10, "USD"), columns=("currency",)
    )
    activity = rt.customer_periods(engine.table(frame), by="currency", **FEBRUARY)
    for figure in (revenue_movements, quick_ratio):
        with pytest.raises(rt.ContentError, match="2 currencies, which cannot be added up"):
            figure(activity)
    with pytest.raises(rt.ContentError, match="by='currency'"):
        net_revenue_retention(activity, lag=1)
    rows = engine.read(revenue_movements(activity, by="currency"), order=["currency", "step"])
    assert rows["sales_end"].tolist() == [10.0, 0.0, 0.0, 10.0]


def test_logos_are_counted_whatever_they_pay(engine):
    """Customers of two currencies, or of contracts without sales, have a logo churn too."""
    frame = orders(
        ("Ann", "2024-01-01", 10, "EUR"), ("Bob", "2024-01-28", 10, "USD"),
        ("Bob", "2024-02-28", 10, "EUR"), columns=("currency",),
    )  # fmt: skip
    paid = rt.customer_periods(engine.table(frame), by="currency", **FEBRUARY)
    assert engine.read(logo_churn(paid, lag=1))["logo_churn"].tolist() == [0.5]
    free = contracts(("Ann", "2024-01-01", "2024-02-01"), ("Bob", "2024-01-01", None))
    unpaid = rt.contract_periods(engine.table(free), freq="month", as_of="2024-02-15")
    assert engine.read(logo_churn(unpaid, lag=1))["logo_churn"].tolist() == [0.5]
    found = engine.read(net_revenue_retention(unpaid, lag=1)).iloc[0]
    assert (found["n_base"], found["n_retained"]) == (2, 1)
    assert np.isnan(found["net_revenue_retention"])


def test_one_currency_need_not_be_named():
    """Where all is in one currency it is added up."""
    frame = orders(("Ann", "2024-01-01", 10, "EUR"), columns=("currency",))
    frame = pd.concat([frame, frame.assign(date=pd.Timestamp("2024-02-29"))])
    activity = activity_of(frame, FEBRUARY, by="currency")
    assert revenue_movements(activity)["sales_end"].tolist() == [10.0, 10.0]


@pytest.mark.parametrize("figure", [revenue_movements, customer_movements, quick_ratio])
def test_what_cannot_balance_is_refused(figure):
    """Repeated rows, unknown and infinite sales: no table rather than a wrong one."""
    activity = activity_of(everyone_stays(), FEBRUARY)
    with pytest.raises(rt.ContentError, match=r"4 rows stand beside another of the same customer"):
        figure(pd.concat([activity, activity]))
    with pytest.raises(rt.ContentError, match=r"the sales of 4 rows are not known"):
        figure(activity.assign(sales=np.nan))
    with pytest.raises(rt.ContentError, match=r"do not balance. Sales must be finite."):
        figure(activity.assign(sales=np.inf))
    with pytest.raises(rt.ContentError, match="activity is empty"):
        figure(activity.iloc[:0])


@pytest.mark.parametrize(
    ("figure", "say", "expected"),
    [
        (net_revenue_retention, {}, 0.775),
        (net_revenue_retention, {"reactivation": "include"}, 0.975),
        (net_revenue_retention, {"contraction": "exclude"}, 0.875),
        (gross_revenue_retention, {}, 0.65),
        (logo_churn, {}, 0.25),
        (logo_churn, {"reactivation": "include"}, 0.0),
    ],
)
@pytest.mark.parametrize("path", ["endpoint", "chained"])
def test_five_customers(engine, figure, say, expected, path):
    """150, 60, 0 and 100 of four times 100, and 80 of one who had left, by every convention."""
    activity = rt.customer_periods(engine.table(five_customers()), **MARCH)
    found = engine.read(figure(activity, lag=1, path=path, **say))
    row = found[found["period"] == "2024-02-01"].iloc[0]
    assert row[figure.__name__] == pytest.approx(expected, rel=1e-12)
    assert row["n_base"] == 4


def test_quick_ratio_of_five_customers(engine):
    """50 grown and 80 won back over 40 shrunk and 100 lost; without the return, 50 over 140."""
    activity = rt.customer_periods(engine.table(five_customers()), **MARCH)
    found = engine.read(quick_ratio(activity))
    assert found["quick_ratio"].iloc[-1] == pytest.approx(130 / 140)
    without = engine.read(quick_ratio(activity, reactivation="exclude"))
    assert without["quick_ratio"].iloc[-1] == pytest.approx(50 / 140)
    both = engine.read(quick_ratio(activity, lag=2)).iloc[0]
    assert (both["sales_gained"], both["sales_lost"]) == (530.0, 210.0)
    assert (both["n_gained"], both["n_lost"]) == (6, 3)


def test_quick_ratio_is_null_where_nothing_is_lost():
    """Neither infinity nor 0."""
    assert quick_ratio(activity_of(everyone_stays(), FEBRUARY))["quick_ratio"].isna().all()


def test_what_was_lost_on_the_way_does_not_come_back_in_a_chain(engine):
    """100, 60, 100: gross retention is 1 by its ends and 0.6 chained; net is 1 by both."""
    activity = rt.customer_periods(engine.table(dip_and_back()), **MARCH)
    for path, gross in (("endpoint", 1.0), ("chained", 0.6)):
        found = engine.read(gross_revenue_retention(activity, lag=2, path=path)).iloc[0]
        assert found["gross_revenue_retention"] == pytest.approx(gross)
        assert found["sales_retained"] == pytest.approx(gross * 100)
        net = engine.read(net_revenue_retention(activity, lag=2, path=path)).iloc[0]
        assert net["net_revenue_retention"] == pytest.approx(1)


@pytest.mark.parametrize("reactivation", ["exclude", "include"])
def test_a_chain_stays_at_nothing_after_a_total_loss(reactivation):
    """All leave in February; who returns in March or joins then does not lift the chain from 0."""
    frame = orders(
        ("Ann", "2024-01-10", 10), ("Ann", "2024-03-10", 10), ("Bob", "2024-03-12", 5),
        ("Ann", "2024-04-10", 10), ("Bob", "2024-04-12", 5),
    )  # fmt: skip
    say = {"path": "chained", "lag": 3, "reactivation": reactivation}
    found = net_revenue_retention(activity_of(frame), **say).iloc[0]
    assert found["net_revenue_retention"] == 0
    assert logo_churn(activity_of(frame), **say)["logo_churn"].tolist() == [1.0]
    ends = net_revenue_retention(activity_of(frame), lag=3).iloc[0]
    assert ends["net_revenue_retention"] == 1


def naive_retention_of_revenue(activity, by, step, lag, choice):
    """Numerator and denominator from one period to a later one, customer by customer."""
    reactivation, contraction, gross = choice
    active, money = books(activity, by)
    found = {}
    for part, sales in money.items():
        there = {key for key, is_active in active[part].items() if is_active}
        base = {c for c, s in there if s == step}
        later = {c for c, s in there if s == step + lag}
        before = {c for c, s in there if s < step}
        kept = 0
        for customer in base & later:
            s0, s1 = sales[customer, step], sales[customer, step + lag]
            kept += min(s0, s1) if gross else s1 if contraction == "include" else max(s0, s1)
        back = (later & before) - base if reactivation == "include" else set()
        kept += sum(sales[c, step + lag] for c in back)
        total = sum(sales[c, step] for c in base)
        found[part] = (total, kept, len(base), len(base & later), len(back))
    return found


def rate_of(total, kept):
    """A ratio, or nothing where there is no positive total."""
    return Fraction(kept) / Fraction(total) if total > 0 else None


@ignore_silence
@settings(max_examples=at_most(8))
@given(
    lines=lines_of_a_shop,
    by=st.sampled_from([(), ("region",)]),
    lag=st.sampled_from([1, 2]),
    choice=st.tuples(
        st.sampled_from(["exclude", "include"]), st.sampled_from(["include", "exclude"]),
        st.booleans(),
    ),
    path=st.sampled_from(["endpoint", "chained"]),
)  # fmt: skip
def test_retention_agrees_with_the_definition_in_sets(engine, lines, by, lag, choice, path):
    """Every reading of net and gross retention, by its ends and chained."""
    reactivation, contraction, gross = choice = (*choice[:2], choice[2] and choice[0] == "exclude")
    frame = orders(("Ann", "2024-01-01", 1, "north"), *lines, columns=("region",))
    activity = rt.customer_periods(engine.table(frame), **APRIL, by="region")
    say = {"lag": lag, "path": path, "by": by}
    if not gross:
        say |= {"reactivation": reactivation, "contraction": contraction}
    figure = gross_revenue_retention if gross else net_revenue_retention
    answer = figure(activity, **say)
    assert engine.is_mine(answer)
    table = engine.read(activity)
    for row in engine.read(answer).to_dict("records"):
        part = tuple(row[name] for name in by)
        cell = naive_retention_of_revenue(table, by, row["step"], lag, choice)[part]
        assert row["sales_base"] == pytest.approx(float(cell[0]), rel=1e-9)
        assert (row["n_base"], row["n_retained"]) == cell[2:4]
        expected = rate_of(*cell[:2])
        if path == "chained":
            steps = range(row["step"], row["step"] + lag)
            links = (naive_retention_of_revenue(table, by, s, 1, choice)[part] for s in steps)
            expected = 1
            for total, kept, *_ in links:
                rate = rate_of(total, kept)
                expected = None if rate is None or expected is None else expected * rate
                if expected == 0:
                    break
        else:
            assert row["sales_retained"] == pytest.approx(float(cell[1]), rel=1e-9)
            assert gross or row["n_reactivated"] == cell[4]
        if expected is None:
            assert np.isnan(row[figure.__name__])
        else:
            assert row[figure.__name__] == pytest.approx(float(expected), rel=1e-9)


@ignore_silence
@given(
    lines=st.lists(plain_line, min_size=1, max_size=20),
    lag=st.sampled_from([1, 2, 3]),
    path=st.sampled_from(["endpoint", "chained"]),
)
def test_gross_is_at_most_net_and_at_most_one(lines, lag, path):
    """With contraction counted, the same base and path, and no negative sales."""
    activity = activity_of(orders(("Ann", "2024-01-01", 1), *lines))
    gross = gross_revenue_retention(activity, lag=lag, path=path)
    net = net_revenue_retention(activity, lag=lag, path=path)
    low, high = gross["gross_revenue_retention"], net["net_revenue_retention"]
    assert low.isna().equals(high.isna())
    known = low.notna()
    assert (low[known] <= np.minimum(1, high[known]) * (1 + 1e-12)).all()


def test_the_defaults_are_the_rates_of_the_outcome_kpis():
    """NRR is the current basis, GRR the capped one, logo churn the complement; bounds as well."""
    company = rt.sample_company(300, seed=5).orders
    say = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(company, by="category", **say)
    same = {"by": "category", "lost_to": "segment", "lag": 2}
    for figure, basis in ((net_revenue_retention, "current"), (gross_revenue_retention, "capped")):
        mine = figure(activity, lag=2, by="category")
        other = rt.sales_adjusted_retention(activity, basis=basis, **same)
        for name in ("lower", "upper", "n_base", "n_retained", "sales_base"):
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-9)
        assert mine["bounds"].tolist() == other["bounds"].tolist()
        rate = other["sales_adjusted_retention"]
        np.testing.assert_allclose(mine[figure.__name__], rate, rtol=1e-9)
    logos = logo_churn(activity, lag=2, by="category")
    raw = rt.retention_rate(activity, **same)
    np.testing.assert_allclose(logos["logo_churn"], raw["churn_rate"])
    np.testing.assert_allclose(1 - logos["lower"], raw["upper"])


def test_movements_of_segments_that_are_fixed_for_a_customer_add_up():
    """Where every customer has one region, counts and amounts of regions are the firm's."""
    company = rt.sample_company(300, seed=3).orders
    home = company.groupby("customer_id")["region"].transform("first")
    say = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(company.assign(region=home), by="region", **say)
    firm = revenue_movements(activity).iloc[1:].set_index("step").drop(columns="period")
    parts = revenue_movements(activity, by="region").groupby("step").sum(numeric_only=True)
    np.testing.assert_allclose(parts[firm.columns].iloc[1:], firm, rtol=1e-9, atol=1e-6)


def test_splitting_lines_renaming_and_shuffling_change_nothing():
    """Movements depend on who bought how much when, not on how it was written down."""
    frame = rt.sample_company(200, seed=4).orders[["customer_id", "date", "sales"]]
    frame = frame[frame["sales"] > 0]
    say = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    halves = pd.concat([frame, frame]).assign(sales=lambda t: t["sales"] / 2)
    renamed = halves.assign(customer_id="x" + halves["customer_id"].str[::-1])
    shuffled = activity_of(renamed.sample(frac=1, random_state=1), say)
    before = revenue_movements(activity_of(frame, say))
    pd.testing.assert_frame_equal(before, revenue_movements(shuffled), rtol=1e-9)


def test_movements_and_one_period_of_retention_say_the_same():
    """NRR is 1 + (expansion − contraction − churned) / start, and GRR leaves expansion out."""
    company = rt.sample_company(300, seed=6).orders
    say = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(company, **say)
    moves = revenue_movements(activity).iloc[1:]
    lost = moves["sales_contraction"] + moves["sales_churned"]
    net = net_revenue_retention(activity, lag=1)["net_revenue_retention"]
    kept = 1 + (moves["sales_expansion"] - lost) / moves["sales_start"]
    np.testing.assert_allclose(net, kept)
    gross = gross_revenue_retention(activity, lag=1)["gross_revenue_retention"]
    np.testing.assert_allclose(gross, 1 - lost / moves["sales_start"])
    back = net_revenue_retention(activity, lag=1, reactivation="include")
    np.testing.assert_allclose(
        back["net_revenue_retention"], kept + moves["sales_reactivated"] / moves["sales_start"]
    )


def test_only_those_up_for_renewal_are_the_base(engine):
    """Ann's contract runs out with January, Bob's is not due: one of one leaves."""
    frame = contracts(
        ("Ann", "2023-02-01", "2024-02-01", 10.0), ("Bob", "2023-05-01", None, 30.0),
        ("Cem", "2023-02-01", "2024-02-01", 20.0), ("Cem", "2024-02-01", None, 25.0),
        columns=("sales",),
    )  # fmt: skip
    due = contracts(("Ann", "2024-02-01", None), ("Cem", "2024-02-01", None))
    due = engine.table(due.rename(columns={"start": "date"})[["customer_id", "date"]])
    activity = rt.contract_periods(engine.table(frame), freq="month", as_of="2024-03-15")
    for path in ("endpoint", "chained"):
        say = {"lag": 1, "renewals": due, "path": path}
        found = engine.read(net_revenue_retention(activity, **say))
        row = found[found["period"] == "2024-01-01"].iloc[0]
        assert (row["n_base"], row["sales_base"], row["base"]) == (2, 30.0, "up_for_renewal")
        assert row["net_revenue_retention"] == pytest.approx(25 / 30)
        assert found["n_base"].sum() == 2
        logos = engine.read(logo_churn(activity, **say))
        assert logos["logo_churn"].dropna().tolist() == [0.5]
    far = engine.read(gross_revenue_retention(activity, lag=2, renewals=due))
    assert far["n_base"].sum() == 4  # with December and January as the base


def test_a_segment_that_begins_late_has_its_place_in_a_chain(engine):
    """South has customers in April only: no chain of it can be closed, and north is not moved."""
    frame = orders(
        *(("Ann", f"2024-0{month}-10", 10, "north") for month in (1, 2, 3, 4)),
        ("Bob", "2024-03-10", 5, "south"), columns=("region",),
    )  # fmt: skip
    activity = rt.customer_periods(engine.table(frame), **APRIL, by="region")
    found = engine.read(net_revenue_retention(activity, lag=2, path="chained", by="region"))
    north = found[found["region"] == "north"]
    assert north["net_revenue_retention"].tolist() == [1.0, 1.0]
    assert found[found["region"] == "south"]["net_revenue_retention"].isna().all()


@pytest.mark.parametrize(
    ("figure", "say", "message"),
    [
        (net_revenue_retention, {"lag": 0}, "lag must be a whole number of periods, 1 or"),
        (net_revenue_retention, {"lag": 2}, r"lag=2 needs 3 whole periods; .* covers 2"),
        (net_revenue_retention, {"lag": 1, "path": "x"}, "path must be one of 'endpoint', 'ch"),
        (net_revenue_retention, {"lag": 1, "contraction": "x"}, "contraction must be one of"),
        (logo_churn, {"lag": 1, "reactivation": "x"}, "reactivation must be one of 'exclude'"),
        (logo_churn, {"lag": 1, "level": 95}, "level must lie between 0 and 1"),
        (gross_revenue_retention, {"lag": 1, "by": "region"}, "by names 'region', which is no"),
        (quick_ratio, {"lag": 2}, "lag=2 needs 3 whole periods; the activity covers 2"),
        (quick_ratio, {"lag": 1.5}, "lag must be a whole number"),
        (quick_ratio, {"reactivation": "x"}, "reactivation must be one of"),
        (revenue_movements, {"by": "region"}, "by names 'region', which is not a column"),
        (revenue_movements, {"by": "sales_new"}, "a name that answers use themselves"),
    ],
)
def test_refuses_in_the_users_words(figure, say, message):
    """Each wrong argument gets one sentence."""
    activity = activity_of(everyone_stays(), FEBRUARY)
    with pytest.raises(rt.RetentionError, match=message):
        figure(activity, **say)


def test_who_had_no_contract_cannot_be_up_for_renewal():
    """Reactivation and a base of renewals contradict each other."""
    due = pd.DataFrame({"customer_id": ["Ann"], "date": pd.to_datetime(["2024-02-01"])})
    activity = activity_of(everyone_stays(), FEBRUARY)
    with pytest.raises(rt.RetentionError, match="counts customers who had no contract to renew"):
        net_revenue_retention(activity, lag=1, reactivation="include", renewals=due)
    with pytest.raises(rt.ColumnError, match=r"renewals .* lacks 'date'"):
        logo_churn(activity, lag=1, renewals=due[["customer_id"]])
    with pytest.raises(rt.ColumnError, match="Give both the same type"):
        logo_churn(activity, lag=1, renewals=due.assign(customer_id=1))
