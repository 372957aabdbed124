"""Churn of revenue, contraction, plans and seats, against dictionaries of customers and months."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention as rt
from lasting import contracts
from retention.intervals import wilson_bounds

QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")
N_SHOPS = 30
N_MONTHS = 7
PLANS = ["Light", "Office", "Regular"]
ASKED = {"freq": "month", "as_of": "2024-06-30"}


@cache
def files():
    """Small shops whose customers change plan, price and seats, come back, and hold two at once."""
    draw, rows = np.random.default_rng(3), []
    first = pd.Timestamp("2024-01-01")
    for shop in range(N_SHOPS):
        rows.append((f"{shop} Zoe", first, None, 20.0, "Light", 2, shop))
        for who in range(6):
            month = int(draw.integers(0, 4))
            while month < 7:
                until = month + int(draw.integers(1, 4))
                for plan in draw.choice(PLANS, size=1 + (draw.random() < 0.2), replace=False):
                    money = 10.0 * draw.integers(0, 4) + 0.1
                    start, end = (first + pd.DateOffset(months=m) for m in (month, until))
                    rows.append((f"{shop} c{who}", start, end, money, plan,
                                 int(draw.integers(1, 9)), shop))  # fmt: skip
                month = until + int(draw.choice([0, 0, 0, 1, 2]))
    named = ("sales", "plan", "seats", "shop")
    return contracts(*rows, columns=named).astype({"shop": str})


@cache
def activity(by=("shop", "plan")):
    """Their activity by month."""
    return rt.contract_periods(files(), by=list(by), **ASKED)


@cache
def held(value="sales"):
    """Of each shop, by month: customer → plan → what they have of it, from the contracts alone."""
    first, found = pd.Timestamp("2024-01-01"), {}
    for i in range(N_MONTHS):
        opens = first + pd.DateOffset(months=i)
        for r in files().itertuples():
            shop = found.setdefault(r.shop, [defaultdict(dict) for _ in range(N_MONTHS)])
            if r.start <= opens and (pd.isna(r.end) or opens < r.end):
                mine = shop[i][r.customer_id]
                mine[r.plan] = mine.get(r.plan, 0) + getattr(r, value)
    return found


def totals(month):
    """Customer → money over all plans."""
    return {who: sum(plans.values()) for who, plans in month.items()}


def close(found, expected):
    """Equal but for rounding."""
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@QUIET
@pytest.mark.parametrize("lag", [1, 3])
def test_churn_of_logos_and_revenue_is_that_of_dictionaries(engine, lag):
    """Shop by shop and month by month, also over several months."""
    made = rt.kpis.logo_and_revenue_churn(engine.table(activity()), lag=lag, by="shop")
    assert engine.is_mine(made)
    found = engine.read(made, order=["shop", "step"])
    assert len(found) == N_SHOPS * (N_MONTHS - lag)
    for shop, rows in found.groupby("shop"):
        for i, row in enumerate(rows.itertuples()):
            base, later = (totals(held()[shop][m]) for m in (i, i + lag))
            stay = base.keys() & later
            churned = sum(base[w] for w in base.keys() - stay)
            less = sum(max(base[w] - later[w], 0) for w in stay)
            more = sum(max(later[w] - base[w], 0) for w in stay)
            assert (row.n_base, row.n_lost) == (len(base), len(base) - len(stay))
            close([row.sales_churned, row.sales_contraction], [churned, less])
            close([row.sales_base, row.sales_expansion], [sum(base.values()), more])
            total = sum(base.values())
            rates = [row.logo_churn, row.gross_revenue_churn, row.net_revenue_churn]
            close(rates, [row.n_lost / len(base), (churned + less) / total,
                          (churned + less - more) / total])  # fmt: skip
            assert row.contraction_rate == pytest.approx(less / total)


@QUIET
def test_side_by_side_they_are_the_rates_they_are_called_after():
    """With the bounds of each, in a company large enough to have some."""
    company = rt.sample_company(1_500, seed=3).contracts
    months = rt.contract_periods(company, freq="month", as_of="2024-12-31", by="region")
    say = {"lag": 12, "by": "region"}
    found = rt.kpis.logo_and_revenue_churn(months, **say)
    gross, net = rt.gross_revenue_retention(months, **say), rt.net_revenue_retention(months, **say)
    logo = rt.logo_churn(months, **say)
    close(found[["logo_churn", "logo_lower", "logo_upper"]], logo[["logo_churn", "lower", "upper"]])
    for name, other in (("gross", gross), ("net", net)):
        close(1 - found[f"{name}_revenue_churn"], other[f"{name}_revenue_retention"])
        assert (found[f"{name}_bounds"] == other["bounds"]).all()
        both = found[[f"{name}_upper", f"{name}_lower"]].to_numpy()
        np.testing.assert_allclose(1 - both, other[["lower", "upper"]], atol=1e-7)
    assert (found["gross_bounds"] == "linearised").sum() > 20
    left = found["sales_base"] - found["sales_churned"] - found["sales_contraction"]
    close(left + found["sales_expansion"], found["sales_retained"])


def signs_twin(months, before):
    """Who left and who stayed after each month, with a whole history, and who had contracted."""
    rows = []
    for t in range(len(months) - 1):
        here, after = totals(months[t]), totals(months[t + 1])
        for who in here:
            past = [totals(months[m]).get(who) for m in range(t - before, t + 1) if m >= 0]
            whole = len(past) == before + 1 and None not in past
            cuts = [max(a - b, 0) for a, b in pairwise(past)] if whole else []
            cut = sum(c for c in cuts if c > 1e-6)
            rows.append((t, who, who not in after, whole, cut, here[who]))
    return rows


@QUIET
@pytest.mark.parametrize("before", [1, 3])
def test_signs_of_leaving_are_those_of_histories_looked_at_one_by_one(engine, before):
    """Counts, shares, what was cut, and the stayers' share by the months of the leavers."""
    made = rt.kpis.contraction_before_leaving(engine.table(activity()), before=before, by="shop")
    found = engine.read(made, order=["shop"])
    assert len(found) == N_SHOPS
    for row in found.itertuples():
        rows = signs_twin(held()[row.shop], before)
        left = [r for r in rows if r[2] and r[3]]
        stayed = [r for r in rows if not r[2] and r[3]]
        assert (row.n_left, row.n_left_contracted) == (len(left), sum(r[4] > 0 for r in left))
        assert (row.n_stayed, row.n_left_short) == (
            len(stayed),
            sum(r[2] and not r[3] for r in rows),
        )
        close([row.sales_contracted, row.sales_at_leaving],
              [sum(r[4] for r in left), sum(r[5] for r in left)])  # fmt: skip
        months = Counter(r[0] for r in left)
        share = {t: [r[4] > 0 for r in stayed if r[0] == t] for t in months}
        told = {t: n for t, n in months.items() if share[t]}
        if told:
            expected = sum(n * np.mean(share[t]) for t, n in told.items()) / sum(told.values())
            assert float(row.stayed_share) == pytest.approx(expected, abs=1e-12)
            assert float(row.difference) == pytest.approx(
                row.n_left_contracted / row.n_left - expected
            )
            assert row.difference_lower <= row.difference + 1e-9
            assert row.difference - 1e-9 <= row.difference_upper


def test_of_one_month_the_bounds_of_those_who_stayed_are_wilsons_nearly():
    """Of 20 leavers 8 had contracted, of 200 stayers 20: n / (n − 1) is all that clusters add."""
    rows = []
    for i in range(220):
        left, cut = i < 20, i < 8 or 20 <= i < 40
        rows.append((f"c{i}", "2024-01-01", "2024-02-01", 20.0))
        rows.append((f"c{i}", "2024-02-01", "2024-02-20" if left else None, 15.0 if cut else 20.0))
    frame = contracts(*rows, columns=("sales",))
    months = rt.contract_periods(frame, freq="month", as_of="2024-02-29")
    row = rt.kpis.contraction_before_leaving(months, before=1).iloc[0]
    assert row["left_share"] == 0.4
    assert row["stayed_share"] == pytest.approx(0.1)
    close(row[["left_lower", "left_upper"]].tolist(), np.ravel(wilson_bounds([8], [20])))
    close(row[["stayed_lower", "stayed_upper"]].tolist(), np.ravel(wilson_bounds([20], [200])))
    assert row["difference_lower"] > 0


@QUIET
def test_the_resurrected_are_the_reactivated_of_life_and_of_revenue():
    """Counts as in `lifecycle_states`, money as in `revenue_movements`."""
    months = activity(())
    found = rt.kpis.resurrected_share(months)
    states = rt.lifecycle_states(months, lost_after=2)
    back = states[states["state"] == "reactivated"].groupby("period")["n_customers"].sum()
    assert found["n_resurrected"].tolist()[1:] == back.tolist()[1:]
    moves = rt.revenue_movements(months)
    close(found["sales_resurrected"], moves["sales_reactivated"])
    close(found["resurrected_share"], moves["n_reactivated"] / moves["n_end"])
    assert np.isnan(found[["resurrected_share", "lower", "upper"]].to_numpy()[0]).all()


def test_the_resurrected_are_those_in_sets_who_were_there_before_and_not_last_month():
    """Twin: of each shop and month a dictionary of who pays what, from the contracts alone."""
    found = rt.kpis.resurrected_share(activity(), by="shop")
    assert found["n_resurrected"].sum() > N_SHOPS
    for shop, rows in found.groupby("shop"):
        months = [{who: sum(of.values()) for who, of in month.items()} for month in held()[shop]]
        for i, row in enumerate(rows.to_dict("records")):
            there = months[i]
            assert row["n_active"] == len(there)
            close(row["sales"], sum(there.values()))
            if i == 0:
                assert np.isnan(
                    [row["n_resurrected"], row["resurrected_share"], row["lower"]]
                ).all()
                continue
            seen = set().union(*months[:i])
            back = (there.keys() & seen) - months[i - 1].keys()
            paid = sum(there[who] for who in back)
            assert row["n_resurrected"] == len(back)
            close(
                [row["resurrected_share"], row["sales_resurrected"]], [len(back) / len(there), paid]
            )
            close(row["resurrected_sales_share"], paid / sum(there.values()))


STAGES = ["new", "reactivated", "moved_in", "expansion", "contraction", "moved_out", "churned"]


def waterfall_twin(months, i, plan):
    """The movements of a plan from one month to the next, customer by customer."""
    before, now = months[i - 1], months[i]
    known = {who for m in months[:i] for who in m}
    found = dict.fromkeys(STAGES, 0.0)
    for who in before.keys() | now:
        old, new = (m.get(who, {}).get(plan) for m in (before, now))
        if old is None and new is not None:
            name = "moved_in" if who in before else "reactivated" if who in known else "new"
            found[name] += new
        elif new is None and old is not None:
            found["moved_out" if who in now else "churned"] += old
        elif old is not None:
            found["expansion" if new > old else "contraction"] += abs(new - old)
    return found


@cache
def moves_of_revenue():
    """The movements of each shop over all plans."""
    return rt.revenue_movements(activity(), by="shop").sort_values(["shop", "step"])


@cache
def waterfalls_by_hand():
    """Of each shop, plan and month, the movements, customer by customer."""
    return {
        (shop, plan, i): [*waterfall_twin(months, i, plan).values()]
        for shop, months in held().items()
        for plan in PLANS
        for i in range(1, N_MONTHS)
    }


@QUIET
def test_the_waterfall_of_plans_is_that_of_dictionaries(engine):
    """In every shop, plan and month; it balances, and over plans it is that of revenue."""
    made = rt.kpis.plan_waterfall(engine.table(activity()), by="shop")
    assert engine.is_mine(made)
    found = engine.read(made, order=["shop", "plan", "step"])
    mine, expected = [], []
    for (shop, plan), rows in found.groupby(["shop", "plan"]):
        for i, row in enumerate(rows.itertuples()):
            ends = [plans[plan] for plans in held()[shop][i].values() if plan in plans]
            assert row.n_end == len(ends)
            assert row.sales_end == pytest.approx(sum(ends))
            if i:
                mine.append([getattr(row, f"sales_{name}") for name in STAGES])
                expected.append(waterfalls_by_hand()[shop, plan, i])
    close(mine, expected)
    signs = {"start": 1, "new": 1, "reactivated": 1, "moved_in": 1, "expansion": 1, "end": -1}
    signs |= {"contraction": -1, "moved_out": -1, "churned": -1}
    later = found[found["sales_start"].notna()]
    close(sum(sign * later[f"sales_{name}"].astype(float) for name, sign in signs.items()), 0)
    moves = moves_of_revenue()
    summed = found.groupby(["shop", "step"])[[f"sales_{name}" for name in STAGES]].sum()
    for name in ("new", "reactivated", "churned"):
        close(summed[f"sales_{name}"], moves[f"sales_{name}"].fillna(0))
    net = summed["sales_expansion"] - summed["sales_contraction"]
    net += summed["sales_moved_in"] - summed["sales_moved_out"]
    close(net, (moves["sales_expansion"] - moves["sales_contraction"]).fillna(0))


def state_twin(months, i, who):
    """On which plan a customer is."""
    plans = months[i].get(who, {})
    return None if not plans else "(several)" if len(plans) > 1 else next(iter(plans))


@QUIET
@pytest.mark.parametrize("lag", [1, 3])
def test_migrations_are_those_of_customers_looked_at_twice(engine, lag):
    """Every way in every shop and month; rows and columns add up to customers and revenue."""
    made = rt.kpis.plan_migrations(engine.table(activity()), lag=lag, by="shop")
    assert engine.is_mine(made)
    found = engine.read(made, order=["shop", "step", "from_plan", "to_plan"])
    first = int(found["step"].min())
    for (shop, step), rows in found.groupby(["shop", "step"]):
        months, i = held()[shop], int(step) - first
        twin, money = Counter(), defaultdict(lambda: np.zeros(2))
        for who in {w for m in months[: i + lag + 1] for w in m}:
            start, end = state_twin(months, i, who), state_twin(months, i + lag, who)
            if start or end:
                seen = any(who in m for m in months[:i])
                way = (start or ("(away)" if seen else "(not yet)"), end or "(gone)")
                twin[way] += 1
                money[way] += [sum(months[j].get(who, {}).values()) for j in (i, i + lag)]
        ways = zip(rows["from_plan"], rows["to_plan"], strict=True)
        there = dict(zip(ways, rows.itertuples(), strict=True))
        assert {way: r.n_customers for way, r in there.items() if r.n_customers} == dict(twin)
        for way in twin:
            close([there[way].sales_before, there[way].sales_after], money[way])
            n_from = sum(n for (start, _), n in twin.items() if start == way[0])
            assert there[way].share == twin[way] / n_from
    moves = moves_of_revenue()
    if lag == 1:
        later = moves[moves["n_start"].notna()]
        for plan, column in (("(not yet)", "n_new"), ("(away)", "n_reactivated")):
            n = found[found["from_plan"] == plan].groupby(["shop", "step"])["n_customers"].sum()
            assert n.tolist() == later[column].tolist()
        gone = found[found["to_plan"] == "(gone)"].groupby(["shop", "step"])["n_customers"].sum()
        assert gone.tolist() == later["n_churned"].tolist()


@QUIET
@pytest.mark.parametrize("freq", ["month", "quarter", "week"])
def test_seats_move_as_revenue_does_if_each_costs_one(freq):
    """And what is kept of them is the revenue kept."""
    frame = files()
    asked = {"freq": freq, "as_of": "2024-06-30"}
    found = rt.kpis.seat_expansion(frame, by="shop", **asked)
    length = {"month": 1, "quarter": 3, "week": 7 / 30.4375}[freq]
    priced = rt.contract_periods(frame.assign(sales=frame["seats"] * 1.0), by="shop", **asked)
    moves = rt.revenue_movements(priced, by="shop")
    same = {"start": "start", "new": "new", "added": "expansion", "removed": "contraction"}
    same |= {"lost": "churned", "reactivated": "reactivated", "end": "end"}
    for seats, sales in same.items():
        close(found[f"seats_{seats}"] * length, moves[f"sales_{sales}"])
        assert (found[f"seats_{seats}"].dropna() % 1 == 0).all()
    assert found["n_end"].tolist() == moves["n_end"].tolist()
    net = rt.net_revenue_retention(priced, lag=1, by="shop").sort_values(["shop", "step"])
    mine = found[found["seats_start"].notna()]
    close(mine["net_seat_retention"], net["net_revenue_retention"])
    start, lost = mine["seats_start"], mine["seats_lost"] + mine["seats_removed"]
    close(mine["gross_seat_retention"], (start - lost) / start)


@QUIET
def test_seats_of_a_month_are_those_of_dictionaries(engine):
    """By shop, on every engine."""
    made = rt.kpis.seat_expansion(engine.table(files()), by="shop", **ASKED)
    assert engine.is_mine(made)
    found = engine.read(made, order=["shop", "step"])
    for shop, rows in found.groupby("shop"):
        months = [totals(m) for m in held("seats")[shop]]
        for i, row in enumerate(rows.itertuples()):
            assert row.seats_end == sum(months[i].values())
            if i:
                stay = months[i - 1].keys() & months[i]
                rises = [months[i][w] - months[i - 1][w] for w in stay]
                assert row.seats_added == sum(r for r in rises if r > 0)
                assert row.seats_removed == -sum(r for r in rises if r < 0)


MONTHS = activity


@QUIET
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda k: k.logo_and_revenue_churn(MONTHS(), lag=0), "lag must be a whole number"),
        (lambda k: k.logo_and_revenue_churn(MONTHS(), lag=9), "A lag=9 needs 10 whole periods"),
        (lambda k: k.contraction_before_leaving(MONTHS(), before=6), "before=6 needs 8 whole"),
        (lambda k: k.contraction_before_leaving(MONTHS(), before=0), "before must be a whole"),
        (lambda k: k.contraction_before_leaving(unpriced(), before=1), "sales of .* not known"),
        (lambda k: k.plan_waterfall(MONTHS(), plan="product"), "'product'"),
        (lambda k: k.plan_waterfall(unpriced("plan")), "not known or not finite"),
        (lambda k: k.plan_waterfall(twice(), by="shop"), "stand beside another"),
        (lambda k: k.plan_migrations(twice(), lag=1, by="shop"), "stand beside another"),
        (
            lambda k: k.contraction_before_leaving(twice(), before=1, by=["shop", "plan"]),
            "stand beside another",
        ),
        (lambda k: k.plan_migrations(MONTHS(), lag=7), "A lag=7 needs 8 whole periods"),
        (lambda k: k.plan_migrations(MONTHS(), lag=1, plan="product"), "'product'"),
        (lambda k: k.seat_expansion(files(), seats="users", **ASKED), "seats.*'users'"),
        (lambda k: k.seat_expansion(files(), seats="plan", **ASKED), "'plan' holds String"),
        (lambda k: k.seat_expansion(files().assign(seats=-1), **ASKED), "have no number of seats"),
    ],
)
def test_what_cannot_be_told_of_plans_and_revenue_is_refused(ask, message):
    """In words that name the keyword."""
    with pytest.raises(rt.RetentionError) as refusal:
        ask(rt.kpis)
    assert re.search(message, str(refusal.value).replace("`", ""))


def twice():
    """A table put below itself."""
    return pd.concat([MONTHS()] * 2, ignore_index=True)


def unpriced(*by):
    """Activity of contracts without sales."""
    return rt.contract_periods(files().drop(columns="sales"), by=list(by), **ASKED)


@pytest.mark.parametrize("name", ["(gone)", "(several)", "(not yet)", "(away)"])
@pytest.mark.parametrize("lazy", [False, True])
def test_plans_called_like_states_are_refused(name, lazy):
    """They would be counted as customers without a plan, or with several."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann", "Ann", "Bob"],
        "start": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-01"]),
        "end": pd.to_datetime(["2024-02-01", None, None]),
        "sales": [10.0, 30.0, 10.0],
        "plan": ["Light", name, "Light"],
    })  # fmt: skip
    table = pl.from_pandas(contracts).lazy() if lazy else contracts
    activity = rt.contract_periods(table, freq="month", as_of="2024-02-28", by="plan")
    with pytest.raises(rt.RetentionError, match="a plan is called"):
        rt.kpis.plan_migrations(activity, lag=1)
