"""What an offer brought: twins, authorities, identities, refusals, simulated bounds."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t, ttest_ind, ttest_ind_from_stats

import retention as rt
from conftest import Engine
from retention.errors import ColumnError, ContentError, RetentionError, RetentionWarning

FIRST = pd.Timestamp("2024-01-01")
AS_OF = 120  # days after it
BASE = {"control": "none", "as_of": "2024-04-30", "of": "sales", "within": 30}


def effect(assignment, orders, **asked):
    """The answer in pandas."""
    return rt.experiments.profit_effect(assignment, orders, **{**BASE, **asked})


def trial(customers, **columns):
    """An assignment of so many customers to two equal arms on one day, 60 days after the first."""
    arm = np.where(np.arange(customers) % 2, "offer", "none")
    frame = {"customer_id": range(customers), "arm": arm, "assigned": day(60), "share": 0.5}
    return pd.DataFrame(frame | columns)


def day(number):
    """A day, by its number."""
    return FIRST + pd.to_timedelta(number, unit="D")


def spending(y, x=None, new=()):
    """Orders by which customers bring y on day 65 and brought x on day 50; some came on day 60."""
    y = np.asarray(y, dtype=float)
    ids = np.arange(y.size)
    rows = [pd.DataFrame({"customer_id": ids, "date": day(65), "sales": y})]
    if x is not None:
        old = ~np.isin(ids, new)
        rows.append(
            pd.DataFrame({"customer_id": ids[old], "date": day(50), "sales": np.asarray(x)[old]})
        )
    rows.append(pd.DataFrame({"customer_id": [-1], "date": [day(0)], "sales": [1.0]}))
    return pd.concat(rows, ignore_index=True)


# --- the twin: customers one by one, regressions by least squares ---


def drawn(seed, *, strata=False, clusters=False, arms=("none", "a", "b")):
    """A random experiment: rolling assignment, some days not over, refunds, new customers."""
    draw = np.random.default_rng(seed)
    n = 90
    cluster = np.arange(n) // 3
    arm = np.array(arms)[(cluster % len(arms)) if clusters else draw.integers(0, len(arms), n)]
    frame = {
        "customer_id": [f"c{i:02}" for i in range(n)],
        "arm": arm,
        "assigned": day(draw.integers(40, 100, n)),
        "share": 1 / len(arms),
        "plan": np.where(draw.random(n) < 0.5, "top", "basic"),
    }
    if strata:
        kind = np.where(draw.random(n) < 0.75, "big", "small")
        frame["stratum"] = kind[cluster] if clusters else kind
    if clusters:
        frame["cluster"] = [f"branch {i}" for i in cluster]
    lines = draw.integers(200, 400)
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{i:02}" for i in draw.integers(0, n + 5, lines)],
            "date": day(draw.integers(0, 130, lines)),
            "sales": draw.choice([-5, 0, 1, 3, 8.5, 40], lines),
            "profit": draw.choice([-2, 0.5, 3], lines),
            "order_id": draw.integers(0, 150, lines),
        }
    )
    return pd.DataFrame(frame), orders


def customers_one_by_one(assignment, orders, *, of, within, before, cap):
    """Of each customer whose days are over: y, x, whether new, and whereto they belong."""
    rows, lines = [], {}
    for line in orders.to_dict("records"):
        if line["date"] <= day(AS_OF):
            lines.setdefault(line["customer_id"], []).append(line)
    for person in assignment.to_dict("records"):
        if person["assigned"] + pd.Timedelta(days=within - 1) > day(AS_OF):
            continue
        mine = lines.get(person["customer_id"], [])
        new = not any(line["date"] < person["assigned"] for line in mine)
        if of == "orders":
            each = {}
            for line in mine:
                key = line["order_id"], line["date"]
                each[key] = each.get(key, 0) + line["sales"]
            amounts = [(date, 1.0) for (_, date), sales in each.items() if sales >= 0]
            new = not any(date < person["assigned"] for date, _ in amounts)
        else:
            amounts = [(line["date"], line[of]) for line in mine]
        gone = [((date - person["assigned"]).days, amount) for date, amount in amounts]
        y = sum(amount for number, amount in gone if 0 <= number < within)
        x = sum(amount for number, amount in gone if -(before or 0) <= number < 0)
        most, pace = (math.inf, math.inf) if cap is None else (cap, cap * (before or 0) / within)
        rows.append(
            person
            | {"y": min(max(y, -most), most), "x": min(max(x, -pace), pace), "new": new}
            | {"capped": abs(y) > most}
        )
    return rows


def together(arms, unit, least):
    """Strata with few units in an arm are one; if that is small too it joins the smallest."""

    def count(rows, stratum):
        return len({r[unit] for r in rows if r["stratum"] == stratum})

    strata = {r["stratum"] for rows in arms for r in rows}
    small = {s for s in strata if min(count(rows, s) for rows in arms) < least}
    into = "together"
    if small and strata - small:
        rest = [sum(count(rows, s) for s in small) for rows in arms]
        if min(rest) < least:
            into = min(strata - small, key=lambda s: sum(count(rows, s) for rows in arms))
    return {s: into if s in small else s for s in strata}


def naive_effect(one, other, *, before, clustered):
    """Means, error, degrees of freedom by least squares with an intercept for each stratum."""
    arms = (one, other)
    unit = "cluster" if clustered else "customer_id"
    place = together(arms, unit, 2 if clustered else 10)
    strata = sorted(set(place.values()))
    old = [[r["x"] for r in rows if not r["new"]] for rows in arms]
    new = [sum(r["new"] for r in rows) for rows in arms]
    apart = min(len(old[0]), len(old[1]), *new) >= 10
    fill = np.mean(old[0] + old[1]) if old[0] + old[1] else 0.0
    y, z, k = [], [], []
    for rows in arms:
        y.append(np.array([r["y"] for r in rows]))
        x = [fill if r["new"] else r["x"] for r in rows]
        flag = [float(r["new"]) for r in rows]
        columns = [x, flag] if apart else [x]
        z.append(np.array(columns).T if before else np.zeros((len(rows), 0)))
        k.append(np.array([strata.index(place[r["stratum"]]) for r in rows]))
    n = np.array([[np.sum(k[a] == s) for s in range(len(strata))] for a in (0, 1)])
    q = n.sum(axis=0) / n.sum()
    middle = np.array([
        np.concatenate([z[a][k[a] == s] for a in (0, 1)]).mean(axis=0) for s in range(len(strata))
    ])  # fmt: skip
    means, slopes, residuals = [], [], []
    for a in (0, 1):
        dummies = (k[a][:, None] == np.arange(len(strata))).astype(float)
        table = np.hstack([dummies, z[a]])
        fitted, *_ = np.linalg.lstsq(table, y[a], rcond=None)
        b = fitted[len(strata) :]
        rank = np.linalg.matrix_rank(table) - len(strata)
        means.append(q @ (fitted[: len(strata)] + middle @ b))
        slopes.append(b)
        residuals.append((y[a] - table @ fitted, rank))
    away = [z[a] - middle[k[a]] for a in (0, 1)]
    n_all = n.sum(axis=0)
    if clustered:
        variance = freedom = 0.0
        for a, sign in ((0, 1.0), (1, -1.0)):
            psi = sign * q[k[a]] / n[a][k[a]] * residuals[a][0]
            psi = psi + q[k[a]] / n_all[k[a]] * (away[a] @ (slopes[0] - slopes[1]))
            names = np.array([r["cluster"] for r in arms[a]])
            sums = [psi[names == name].sum() for name in set(names)]
            sizes = np.array([np.sum(names == name) for name in set(names)])
            c = len(sums)
            variance += np.sum(np.square(sums)) * c / (c - len(strata))
            freedom += sizes.sum() ** 2 / np.sum(sizes**2) - len(strata)
        return means, math.sqrt(variance), freedom
    terms = []
    for a in (0, 1):
        e, rank = residuals[a]
        left = 1 - rank / np.sum(n[a] - 1)
        for s in range(len(strata)):
            df = (n[a][s] - 1) * left
            terms.append((q[s] ** 2 * np.sum(e[k[a] == s] ** 2) / df / n[a][s], df))
    b = slopes[0] - slopes[1]
    spread = sum(
        q[s] ** 2 * np.sum((np.concatenate([away[a][k[a] == s] for a in (0, 1)]) @ b) ** 2)
        / (n_all[s] * (n_all[s] - 1))
        for s in range(len(strata))
    )  # fmt: skip
    terms.append((spread, np.sum(n_all - 1)))
    variance = sum(v for v, _ in terms)
    return means, math.sqrt(variance), variance**2 / sum(v**2 / df for v, df in terms if v > 0)


@given(
    seed=st.integers(0, 10**6),
    strata=st.booleans(),
    clusters=st.booleans(),
    of=st.sampled_from(["sales", "profit", "orders"]),
    before=st.sampled_from([None, 25]),
    cap=st.sampled_from([None, 6.0]),
)
@pytest.mark.filterwarnings("ignore:The arms are not as large")
def test_effects_are_those_of_the_definition(seed, strata, clusters, of, before, cap):
    """Customers summed one by one; Lin's regression by least squares; Welch, or between branches."""
    assignment, orders = drawn(seed, strata=strata, clusters=clusters)
    asked = {"of": of, "before": before, "cap": cap}
    found = effect(assignment, orders, **asked, observed_from=FIRST.date(), correction="none")
    rows = customers_one_by_one(assignment, orders, within=30, **asked)
    for row in rows:
        row.setdefault("stratum", "all")
    by_arm = {arm: [r for r in rows if r["arm"] == arm] for arm in ("none", "a", "b")}
    assert found["arm"].tolist() == ["a", "b"]
    for row in found.to_dict("records"):
        one, other = by_arm[row["arm"]], by_arm["none"]
        means, error, freedom = naive_effect(one, other, before=before, clustered=clusters)
        assert row["n"] == (assignment["arm"] == row["arm"]).sum()
        assert (row["n_mature"], row["n_mature_control"]) == (len(one), len(other))
        assert row["n_new"] == sum(r["new"] for r in one)
        assert row["n_capped_control"] == sum(r["capped"] for r in other)
        assert row["sd"] == pytest.approx(np.std([r["y"] for r in one], ddof=1))
        assert [row["mean"], row["mean_control"]] == pytest.approx(means, rel=1e-9, abs=1e-9)
        assert row["difference"] == pytest.approx(means[0] - means[1], rel=1e-9, abs=1e-9)
        assert row["standard_error"] == pytest.approx(error, rel=1e-7)
        half = t.ppf(0.975, freedom) * error
        assert row["difference_upper"] - row["difference"] == pytest.approx(half, rel=1e-6)
        p = 2 * t.sf(abs(row["difference"]) / error, freedom)
        assert row["p_value"] == pytest.approx(p, rel=1e-6, abs=1e-12)
