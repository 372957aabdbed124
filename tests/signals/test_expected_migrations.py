"""expected_migrations: a twin that integrates, luck drawn, conditional trends, refusals."""

from __future__ import annotations

from math import exp, factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import gamma

import retention as rt
from retention.signals.groups.expected_migrations import expected_migrations


def model_of(r, alpha, unit="day"):
    """A model of purchases whose rates are these."""
    summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3, "unit": unit})
    fitted = rt.repeat_buying.fit_pareto_nbd(summary)
    rates = {**dict(zip(fitted.names, fitted.parameters, strict=True)), "r": r, "alpha": alpha}
    return fitted.model_copy(update={"parameters": tuple(rates[name] for name in fitted.names)})


def score_of(n, cuts, none):
    """The name of the score of a number of purchases."""
    return str(1 + sum(cut < n for cut in cuts)) if n else none


def naive_shares(r, alpha, days, cuts):
    """The share of all in each pair but those with the top score, by integrating over rates."""
    found = {}
    for a in range(int(cuts[-1]) + 1):
        for b in range(int(cuts[-1]) + 1):

            def chance(rate, a=a, b=b):
                mean = rate * days
                luck = exp(-2 * mean) * mean ** (a + b) / (factorial(a) * factorial(b))
                return luck * gamma.pdf(rate, r, scale=1 / alpha)

            pair = score_of(a, cuts, "(not yet)"), score_of(b, cuts, "(gone)")
            found[pair] = found.get(pair, 0) + quad(chance, 0, np.inf)[0]
    return found


@settings(max_examples=5)
@given(
    r=st.floats(1.0, 3.0), alpha=st.floats(20.0, 80.0), days=st.integers(10, 60),
    cuts=st.lists(st.floats(0.0, 4.0), min_size=1, max_size=3).map(sorted),
)  # fmt: skip
def test_agrees_with_integrating_over_rates(r, alpha, days, cuts):
    """Cuts between numbers, at them, twice the same, at nothing."""
    found = expected_migrations(model_of(r, alpha), days=days, cuts=cuts)
    shares = found.set_index(["segment_before", "segment_after"])["share_of_all"]
    for pair, share in naive_shares(r, alpha, days, cuts).items():
        if pair != ("(not yet)", "(gone)"):
            assert shares[pair] == pytest.approx(share, abs=1e-7)


def test_agrees_with_luck_that_was_drawn():
    """200,000 customers with rates of their own, two windows each."""
    rng = np.random.default_rng(1)
    r, alpha, days, cuts = 0.7, 60.0, 90, [1, 2.5, 5]
    rates = rng.gamma(r, 1 / alpha, 200_000)
    drawn = [rng.poisson(rates * days) for _ in range(2)]
    placed = [np.where(n == 0, 0, 1 + (n[:, None] > cuts).sum(axis=1)) for n in drawn]
    found = expected_migrations(model_of(r, alpha), days=days, cuts=cuts)
    for row in found.itertuples():
        a = int(row.segment_before) if row.segment_before.isdigit() else 0
        b = int(row.segment_after) if row.segment_after.isdigit() else 0
        share = ((placed[0] == a) & (placed[1] == b)).mean()
        assert row.share_of_all == pytest.approx(share, abs=5 * np.sqrt(0.25 / 200_000))


def test_shares_add_up_and_the_two_windows_are_alike():
    """Of each segment before 1 in all; all who might buy but those who never do; symmetric."""
    found = expected_migrations(model_of(0.5, 30.0), days=45, cuts=[1, 1, 3])
    sums = found.groupby("segment_before")["expected_share"].sum(min_count=1)
    assert sums.drop(["2", "(not yet)"]).tolist() == [pytest.approx(1)] * 3
    assert np.isnan(sums["2"])  # nobody is between two equal cuts
    never = (30 / (30 + 90)) ** 0.5
    assert found["share_of_all"].sum() == pytest.approx(1 - never)
    grid = found.pivot(index="segment_before", columns="segment_after", values="share_of_all")
    grid = grid.rename(index={"(not yet)": "none"}, columns={"(gone)": "none"})
    grid.loc["none", "none"] = never
    np.testing.assert_allclose(grid.to_numpy(), grid.to_numpy().T, atol=1e-12)


def test_conditional_trend_analysis_of_goodhardt_and_ehrenberg():
    """Of those who did not buy, the share who buy next is 1 − ((α + T) / (α + 2T))^r."""
    r, alpha, days = 0.8, 50.0, 30
    found = expected_migrations(model_of(r, alpha), days=days, cuts=[2])
    never = (alpha / (alpha + days)) ** r
    some = found.loc[found["segment_before"] == "(not yet)", "share_of_all"].sum()
    assert some / never == pytest.approx(1 - ((alpha + days) / (alpha + 2 * days)) ** r)


def test_weeks_are_days_by_the_day():
    """A model of weeks says the same."""
    days = expected_migrations(model_of(0.5, 21.0), days=30, cuts=[1, 2])
    weeks = expected_migrations(model_of(0.5, 3.0, unit="week"), days=30, cuts=[1, 2])
    pd.testing.assert_frame_equal(days, weeks)


def test_the_cuts_of_scores_are_taken_as_they_are():
    """And the names are those that the scores have."""
    dates = pd.date_range("2024-01-01", periods=5)
    rows = [(who, day, 1.0) for n, who in enumerate("abcde", 1) for day in dates[:n]]
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    cuts = rt.signals.rfm_cuts(orders, as_of="2024-01-05", window=30)
    found = expected_migrations(model_of(1.0, 30.0), days=30, cuts=cuts.f[0])
    assert set(found["segment_before"]) == {*"12345", "(not yet)"}
    assert set(found["segment_after"]) == {*"12345", "(gone)"}


@pytest.mark.parametrize("cuts", [[], [2, 1], ["a"], [-1], [3_000], None, 3, [np.nan]])
def test_what_are_no_cuts_is_refused(cuts):
    """What it says instead is taken."""
    with pytest.raises(rt.RetentionError, match=r"cuts must be ascending numbers of purchases"):
        expected_migrations(model_of(1.0, 30.0), days=30, cuts=cuts)
    assert len(expected_migrations(model_of(1.0, 30.0), days=30, cuts=[1, 2, 5])) == 24


def test_no_model_and_no_window_are_refused():
    """In the user's words."""
    with pytest.raises(rt.RetentionError, match="model must be fitted"):
        expected_migrations("best", days=30, cuts=[1])
    with pytest.raises(rt.RetentionError, match="days"):
        expected_migrations(model_of(1.0, 30.0), days=0, cuts=[1])
