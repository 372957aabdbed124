"""Gray's test: against loops and what cmprsk prints."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt

# R 4.2.2, cmprsk 2.2-11, of the table of `in_r`:
#   cuminc(d$duration, d$status, d$plan)$Tests; cuminc(..., strata = d$region)$Tests
GRAY = {
    3: (
        [1.239170706926, 0.9707996344423, 0.1087715686262],
        [1.171033425512, 1.01530240408, 0.09544026884437],
    ),
    2: (
        [0.1997081120273, 7.709996840649, 1.031693557965],
        [0.2116723801315, 6.895062781817, 0.972603859476],
    ),
}


def in_r(plans=3):
    """90 spells without chance, with ties."""
    i = np.arange(90)
    return pd.DataFrame(
        {
            "duration": 1 + (i * 7 + i // 5 * 3) % 13,
            "churned": i % 5 != 1,
            "reason": np.array(["price", "rival", "rival", "moved"])[(i * 5 + i // 4) % 7 % 4],
            "plan": np.array(["a", "b", "c"])[(i * 11 + i // 6) % plans],
            "region": np.array(["n", "s"])[(i // 7) % 2],
        }
    )


def statistics(table, **asked):
    """χ² of each reason."""
    found = rt.survival.compare_incidence(table, by="plan", **asked)
    return found.drop_duplicates("reason")["statistic"].to_numpy()


def naive_test(table, reason, plans):
    """Observed less expected ends of each plan and their covariance, duration by duration."""
    k = len(plans)
    fall, before, left = np.ones(k), np.ones(k), np.zeros(k)
    pooled, reach = 0.0, np.zeros((k, k))
    excess, covariance, mixed, squares = (
        np.zeros(k),
        np.zeros((k, k)),
        np.zeros((k, k)),
        np.zeros(k),
    )
    seen = table[table["churned"]]
    for time in sorted(set(seen["duration"])):
        n, d, other = np.zeros(k), np.zeros(k), np.zeros(k)
        for j, plan in enumerate(plans):
            n[j] = ((table["plan"] == plan) & (table["duration"] >= time)).sum()
            here = seen[(seen["plan"] == plan) & (seen["duration"] == time)]
            d[j], other[j] = (here["reason"] == reason).sum(), (here["reason"] != reason).sum()
        risk = [n[j] / before[j] if n[j] else 0.0 for j in range(k)]
        total, ends = sum(risk), d.sum()
        at_risk = np.array([risk[j] * (1 - left[j]) for j in range(k)])
        excess += d - ends * at_risk / at_risk.sum()
        apart = np.array(
            [[risk[i] * ((i == j) - risk[j] / total) for j in range(k)] for i in range(k)]
        )
        reach = reach + apart * ends / (total * (1 - pooled))
        pooled += ends / total
        for j in range(k):
            if not n[j]:
                continue
            fall[j] = before[j] * (1 - (d[j] + other[j]) / n[j])
            ratio = (1 - pooled) / fall[j] if fall[j] > 1e-12 else 0.0
            if ends:
                ties = 1 - (ends - 1) / (total * before[j] - 1) if ends > 1 else 1.0
                each = ties * before[j] * ends / (total * n[j])
                pull, gained = 1 - ratio, apart[:, j] - (1 - ratio) * reach[:, j]
                covariance += np.outer(gained, gained) * each
                mixed[:, j] += gained * pull * each
                squares[j] += pull**2 * each
            if other[j] and fall[j] > 1e-12:
                ties = 1 - (other[j] - 1) / (n[j] - 1) if other[j] > 1 else 1.0
                each = ties * before[j] ** 2 * other[j] / n[j] ** 2
                gained = ratio * reach[:, j]
                covariance += np.outer(gained, gained) * each
                mixed[:, j] -= gained * ratio * each
                squares[j] += ratio**2 * each
            left[j] += before[j] * d[j] / n[j]
        before = fall.copy()
    both = reach @ mixed.T
    return excess, covariance + reach @ np.diag(squares) @ reach.T + both + both.T


def test_the_statistic_agrees_with_cmprsk():
    """Three plans and two, without and with strata; reasons in alphabetical order."""
    for plans, expected in GRAY.items():
        table = in_r(plans)
        assert statistics(table) == pytest.approx(expected[0], rel=1e-9)
        assert statistics(table, strata="region") == pytest.approx(expected[1], rel=1e-9)


def test_the_statistic_agrees_with_loops():
    """On random tables with many ties, segments that die out early among them."""
    rng = np.random.default_rng(4)
    for _ in range(5):
        n = int(rng.integers(12, 40))
        table = pd.DataFrame(
            {
                "duration": rng.integers(1, 7, n),
                "churned": rng.random(n) < 0.7,
                "reason": rng.choice(["price", "rival"], n),
                "plan": rng.choice(["a", "b", "c"], n),
            }
        )
        table.loc[table["plan"] == "c", "duration"] %= 4
        plans = sorted(set(table["plan"]))
        found = rt.survival.compare_incidence(table, by="plan").set_index("reason")
        for reason in found.index.unique():
            excess, covariance = naive_test(table, reason, plans)
            expected = excess @ np.linalg.pinv(covariance, rcond=1e-9) @ excess
            assert found.loc[reason, "statistic"].iloc[0] == pytest.approx(expected, rel=1e-8)
            assert found.loc[reason, "n_expected"].sum() == pytest.approx(
                found.loc[reason, "n_churned"].sum()
            )


def test_without_competition_or_censoring_it_is_of_shares_alone():
    """The order of plans says nothing, n_spells is rows written out, one reason goes through."""
    table = in_r()
    other = table.assign(plan=table["plan"].map({"a": "z", "b": "b", "c": "a"}))
    assert statistics(other) == pytest.approx(statistics(table), rel=1e-9)
    twice = pd.concat([table, table], ignore_index=True)
    assert statistics(twice) == pytest.approx(statistics(table.assign(n_spells=2)), rel=1e-12)
    one = rt.survival.compare_incidence(table.assign(reason="left"), by="plan")
    assert one["n_churned"].sum() == table["churned"].sum()


def test_every_engine_says_the_same(engine):
    """On its tables, in its kind."""
    found = engine.read(
        rt.survival.compare_incidence(engine.table(in_r()), by="plan"), order=["reason", "plan"]
    )
    same = rt.survival.compare_incidence(in_r(), by="plan")
    assert found["n_spells"].tolist() == same["n_spells"].tolist()
    for name in ("n_expected", "statistic", "p_value"):
        assert found[name].to_numpy(dtype=float) == pytest.approx(same[name].to_numpy())


def test_what_cannot_be_compared_is_refused():
    """One segment, none, late entry; where nobody left nothing tells segments apart."""
    table = in_r()
    with pytest.raises(rt.RetentionError, match="compare_incidence needs by="):
        rt.survival.compare_incidence(table, by=())
    with pytest.raises(rt.ContentError, match="one segment only"):
        rt.survival.compare_incidence(table.assign(plan="a"), by="plan")
    late = table.assign(entry=np.where(table["duration"] > 5, 2, 0))
    with pytest.raises(rt.ContentError, match="came under observation after their start"):
        rt.survival.compare_incidence(late, by="plan")
    nobody = rt.survival.compare_incidence(table.assign(churned=False), by="plan")
    assert nobody["statistic"].isna().all()
    assert nobody["reason"].tolist() == ["(missing)"] * 3
