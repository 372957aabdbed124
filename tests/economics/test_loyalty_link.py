"""loyalty_link: against least squares with dummies, the trap of small branches, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

import retention as rt
from retention.economics import loyalty_link
from unequal_branches import branches, drawn_branches

ASKED = {"x": "x", "y": "y", "by": "branch"}
LEFT = ["x", "y"]


def weighted_fit(w, x, y, beside):
    """Slope and correlation of what least squares on `beside` leaves of x and y."""
    root = np.sqrt(w)
    design = beside * root[:, None]
    left = [v * root - design @ np.linalg.lstsq(design, v * root, rcond=None)[0] for v in (x, y)]
    xx, yy, xy = left[0] @ left[0], left[1] @ left[1], left[0] @ left[1]
    return xy / xx, xy / np.sqrt(xx * yy)


def slow_link(table, comparison):
    """The definition: means a unit, or dummies of units and periods, and each unit left out."""
    rows = table.dropna(subset=LEFT).query("n_customers > 0")
    if comparison == "within":
        rows = rows[rows.groupby("branch")["step"].transform("size") > 1]

    def of(part):
        w = part["n_customers"].astype(float)
        if comparison == "between":
            sums = part.assign(w=w, x=part["x"] * w, y=part["y"] * w).groupby("branch")
            sums = sums[["w", "x", "y"]].sum()
            each = sums["w"].to_numpy()
            return weighted_fit(
                each, *(sums[v].to_numpy() / each for v in LEFT), np.ones((len(each), 1))
            )
        dummies = [pd.get_dummies(part[name]).to_numpy(float) for name in ("branch", "step")]
        return weighted_fit(
            w.to_numpy(), *(part[v].to_numpy() for v in LEFT), np.concatenate(dummies, axis=1)
        )

    units = rows["branch"].unique()
    slope, r = of(rows)
    without = np.array([of(rows[rows["branch"] != unit]) for unit in units])
    spread = (len(units) - 1) / len(units)
    w = rows.groupby("branch")["n_customers"].sum()
    freedom = max(w.sum() ** 2 / (w**2).sum() - 2, 1)
    half = student.ppf(0.975, freedom)
    s = half * np.sqrt(spread * ((without[:, 0] - slope) ** 2).sum())
    z = half * np.sqrt(spread * ((np.arctanh(without[:, 1]) - np.arctanh(r)) ** 2).sum())
    slopes = [slope / 10, (slope - s) / 10, (slope + s) / 10]
    return [*slopes, r, np.tanh(np.arctanh(r) - z), np.tanh(np.arctanh(r) + z)], len(units)


NAMES = [f"{name}{end}" for name in ("slope", "correlation") for end in ("", "_lower", "_upper")]


@given(seed=st.integers(0, 10_000), n_units=st.integers(10, 14), n_periods=st.integers(1, 4))
def test_agrees_with_least_squares_with_dummies(engine, seed, n_units, n_periods):
    """Both comparisons, with gaps, and the bounds from leaving out each unit."""
    rng = np.random.default_rng(seed)
    size = n_units * n_periods
    table = pd.DataFrame(
        {
            "branch": np.repeat([f"b{i:02}" for i in range(n_units)], n_periods),
            "step": np.tile(np.arange(n_periods), n_units),
            "n_customers": rng.integers(1, 900, size),
            "x": rng.random(size),
        }
    )
    table["y"] = 0.8 + 0.1 * table["x"] + 0.1 * rng.standard_normal(size)
    if n_periods > 2:
        table.loc[rng.choice(size, 3, replace=False), "x"] = np.nan
    answer = loyalty_link(engine.table(table), **ASKED)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["comparison"]).set_index("comparison")
    for comparison in ("between", *(["within"] if n_periods > 2 else [])):
        wanted, units = slow_link(table, comparison)
        row = found.loc[comparison]
        assert row["n_units"] == units
        np.testing.assert_allclose(row[NAMES].astype(float), wanted, rtol=1e-6)
        assert row["n_rows"] + row["n_left_out"] == size


def test_small_branches_hide_what_weighting_shows():
    """True rates correlate at −0.79; each branch once shows −0.23, weighted −0.51 and more."""
    rng = np.random.default_rng(3)
    seen = []
    for _ in range(60):
        table, true = drawn_branches(rng, 40)
        link = loyalty_link(table, x="turnover", y="retention", by="branch").iloc[0]
        each_once = np.corrcoef(table["turnover"], table["retention"])[0, 1]
        seen.append((true, each_once, link["correlation"]))
    true, each_once, weighted = np.mean(seen, axis=0)
    assert true == pytest.approx(-0.79, abs=0.03)
    assert each_once == pytest.approx(-0.23, abs=0.06)
    assert weighted == pytest.approx(-0.51, abs=0.06)


@pytest.mark.once
@pytest.mark.parametrize("n_units", [12, 40])
def test_bounds_hold_the_truth(n_units):
    """Of very unequal branches; tests/benchmarks/loyalty_bounds.py draws a thousand times."""
    rng = np.random.default_rng(n_units)
    whole = loyalty_link(branches(rng, 4_000, 4), x="staff", y="kept", by="branch")
    truth = whole.set_index("comparison")
    drawn = [
        loyalty_link(branches(rng, n_units, 4), x="staff", y="kept", by="branch") for _ in range(60)
    ]
    for place, comparison in enumerate(("between", "within")):
        rows = pd.DataFrame([one.iloc[place] for one in drawn])
        for name in ("slope", "correlation"):
            true = truth.loc[comparison, name]
            held = (rows[f"{name}_lower"] <= true) & (true <= rows[f"{name}_upper"])
            assert held.mean() >= 0.86


def plain(n_units=12, n_periods=3, seed=0):
    """Branches of equal size."""
    rng = np.random.default_rng(seed)
    size = n_units * n_periods
    return pd.DataFrame(
        {
            "branch": np.repeat([f"b{i:02}" for i in range(n_units)], n_periods),
            "step": np.tile(np.arange(n_periods), n_units),
            "n_customers": 100,
            "x": rng.random(size),
            "y": rng.random(size),
        }
    )


def figures(table):
    """The six numbers of both comparisons."""
    return loyalty_link(table, **ASKED)[NAMES].to_numpy(float)


def test_units_and_scales_change_the_slope_and_not_the_correlation():
    """x in percent: the slope is a hundredth; y turned round: both change sign."""
    table = plain()
    before, percent = figures(table), figures(table.assign(x=table["x"] * 100))
    np.testing.assert_allclose(percent[:, :3], before[:, :3] / 100, rtol=1e-8)
    np.testing.assert_allclose(percent[:, 3:], before[:, 3:], rtol=1e-8)
    turned = figures(table.assign(y=1 - table["y"]))
    np.testing.assert_allclose(turned[:, [0, 2, 1, 3, 5, 4]], -before, rtol=1e-8)


def test_order_names_and_ten_times_the_customers_change_nothing():
    """Weights count by their proportions."""
    table = plain()
    shuffled = table.sample(frac=1, random_state=1)
    renamed = shuffled.assign(branch=shuffled["branch"].str[::-1], n_customers=1_000)
    np.testing.assert_allclose(figures(renamed), figures(table), rtol=1e-8)


def test_what_is_always_so_in_a_branch_or_so_everywhere_cancels_within():
    """A good site, or a good year, moves no number of "within"; a good site moves "between"."""
    table = plain()
    site, year = table["branch"].str[1:].astype(int) / 10, table["step"] ** 2
    moved = table.assign(x=table["x"] + site + year, y=table["y"] + 2 * site - year)
    np.testing.assert_allclose(figures(moved)[1], figures(table)[1], rtol=1e-7)
    assert figures(moved)[0, 3] > 0.8 > figures(table)[0, 3]


def test_one_period_tells_nothing_over_time():
    """Said in words, not with an error."""
    found = loyalty_link(plain(n_periods=1), **ASKED)
    assert found["reason"][1] == "0 units have two periods or more; 10 are needed."
    assert found.loc[1, NAMES].isna().all()
    assert found["n_left_out"].tolist() == [0, 12]


def test_what_is_the_same_everywhere_is_said_to_be():
    """No correlation with a constant."""
    for name in LEFT:
        found = loyalty_link(plain().assign(**{name: 0.9}), **ASKED)
        assert set(found["reason"]) == {f"{name} is the same in all that are compared."}
        assert found[NAMES].isna().all(axis=None)


def test_the_two_steps_go_together():
    """The table of staff_and_customers is taken as it is."""
    rng = np.random.default_rng(5)
    day = pd.Timestamp("2024-01-01")

    def lives(n, prefix):
        end = day + pd.to_timedelta(rng.integers(1, 300, n), unit="D")
        frame = pd.DataFrame(
            {
                "customer_id": [f"{prefix}{i}" for i in range(n)],
                "start": day,
                "end": pd.Series(end).where(end <= "2024-06-30").astype("datetime64[us]"),
                "branch": [f"b{i % 11}" for i in range(n)],
            }
        )
        return rt.contract_periods(frame, freq="month", as_of="2024-06-30", by="branch")

    both = rt.economics.staff_and_customers(lives(150, "E"), lives(900, "C"), by="branch")
    found = loyalty_link(both, x="staff_retention", y="customer_retention", by="branch")
    assert found["n_units"].tolist() == [11, 11]
    assert found[NAMES].notna().all(axis=None)


@pytest.mark.parametrize(
    ("table", "asked", "message"),
    [
        (plain(9), {}, "9 of 9 units have 'x', 'y' and customers; of fewer than 10 no link"),
        (plain().assign(x=np.nan), {}, "0 of 12 units have"),
        (plain().head(0), {}, "0 of 0 units have"),
        (plain(), {"x": "z"}, "x names 'z', which is not a column"),
        (plain(), {"y": "branch"}, "y: column 'branch' must be numbers"),
        (plain(), {"by": ()}, "needs by="),
        (plain(), {"level": 2}, "level must lie between 0 and 1"),
        (plain().assign(x=np.inf), {}, "a number is infinite"),
        (plain().assign(n_customers=-1), {}, "'n_customers' is negative"),
        (plain().assign(step=0), {}, "the unit b00 has 3 rows for one period. Say by="),
        (plain().drop(columns="n_customers"), {}, "lacks 'n_customers' .customers of the unit"),
        (plain().drop(columns="step"), {}, "lacks 'step'.*Make the table with staff_and_custom"),
    ],
)
def test_refuses_in_the_users_words(table, asked, message):
    """Which column, how many, what to do."""
    with pytest.raises(rt.RetentionError, match=message):
        loyalty_link(table, **(ASKED | asked))
