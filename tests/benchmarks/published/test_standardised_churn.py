"""Our churn at the benchmark's mix of customers, both ways."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

import retention as rt
from retention.benchmarks import standardised_churn
from retention.benchmarks.published.standardised_churn import byar_bounds

SAID = {"by": "tenure", "convention": "start_cohort", "days": 365.25}


def ours(lost=(270, 5), base=(900, 100), tenure=("new", "old"), **columns):
    """Our customers by tenure, and those of them who left."""
    n, k = (np.asarray(list(one), float) for one in (base, lost))
    rate = np.divide(k, n, out=np.full(n.size, np.nan), where=n > 0)
    lower, upper = rt.intervals.wilson_bounds(k, n)
    made = {"tenure": list(tenure), "n_base": n, "n_churned": k, "churn_rate": rate}
    return pd.DataFrame(made | {"lower": lower, "upper": upper} | columns)


def study(rate=(0.4, 0.15), share=(0.4, 0.6), segment=("new", "old"), wide=0.0, **columns):
    """What a study found by tenure, and of whom."""
    rates = np.asarray(list(rate), float)
    made = {
        "name": "a study",
        "rate": rates,
        "rate_lower": np.clip(rates - wide, 0, 1),
        "rate_upper": np.clip(rates + wide, 0, 1),
        "days": 365.25,
        "convention": "start_cohort",
        "year": 2020,
        "source": "a study",
        "standing": "research",
        "segment": list(segment),
        "share": list(share),
    }
    return pd.DataFrame(made | columns)


def test_more_leave_because_more_are_new():
    """27.5 % against 25 %; at the benchmark's mix 15 %, and 275 lost where 375 were expected."""
    found = standardised_churn(ours(), benchmark=study(), **SAID).loc[0]
    assert found["churn_rate"] == pytest.approx(0.275)
    assert found["benchmark_rate"] == pytest.approx(0.25)
    assert found["lower"] < 0.25 + 0.025  # the crude rate stands above it
    assert found["standardised_rate"] == pytest.approx(0.15)
    error = (0.4**2 * 0.3 * 0.7 / 900 + 0.6**2 * 0.05 * 0.95 / 100) ** 0.5
    assert found["standard_error"] == pytest.approx(error)
    assert (found["churn_ratio"], found["verdict"]) == (pytest.approx(0.6), "below")
    found = standardised_churn(ours(), benchmark=study(), method="indirect", **SAID).loc[0]
    assert (found["n_churned"], found["n_expected"]) == (275, pytest.approx(375))
    assert found["churn_ratio"] == pytest.approx(0.733, abs=5e-4)
    assert found["standardised_rate"] == pytest.approx(275 / 375 * 0.25)
    assert found["verdict"] == "below"


@pytest.mark.parametrize("observed", [1, 2, 5, 10, 30, 100, 275, 1000])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_byars_bounds_are_nearly_the_exact_ones(observed, level):
    """Of a Poisson count, from the χ² distribution: to 1 in 100 from ten on."""
    lower, upper = byar_bounds(observed, level)
    tail = (1 - level) / 2
    exact = chi2.ppf(tail, 2 * observed) / 2, chi2.ppf(1 - tail, 2 * observed + 2) / 2
    allowed = 0.01 if observed >= 10 else 0.12
    assert upper == pytest.approx(exact[1], rel=0.01)
    assert lower == pytest.approx(exact[0], rel=allowed, abs=0.03)


def test_byars_bounds_in_print():
    """Breslow and Day's worked numbers are those of a count of 1 to 10; none gives 0 and 3.67."""
    lower, upper = byar_bounds(0)
    assert (lower, upper) == (0.0, pytest.approx(3.669, abs=0.05))


# --- the twin ---------------------------------------------------------------------------------


def naive(own, theirs, method):
    """Sums over segments in plain words: the rate or ratio, and what it stands against."""
    direct = error = expected = at_mix = lost = 0.0
    below = above = 0.0
    for segment, (rate, share) in theirs.items():
        n, k = own[segment]
        p = k / n
        low, high = (bound[0] for bound in rt.intervals.wilson_bounds([k], [n]))
        direct += share * p
        error += share**2 * p * (1 - p) / n
        below += (share * (p - low)) ** 2
        above += (share * (high - p)) ** 2
        expected += n * rate
        at_mix += share * rate
        lost += k
    if method == "direct":
        bounds = direct - below**0.5, direct + above**0.5
        return direct, bounds, error**0.5, direct / at_mix
    low, high = byar_bounds(lost)
    scale = at_mix / expected
    return lost * scale, (low * scale, high * scale), lost**0.5 * scale, lost / expected


@given(st.data())
def test_random_mixes_agree_with_the_definition(data):
    """Both methods, whatever the order of rows."""
    draw = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    names = [f"s{i}" for i in range(int(draw.integers(1, 6)))]
    base = draw.integers(1, 400, len(names))
    lost = draw.binomial(base, draw.random(len(names)))
    rate = draw.uniform(0.01, 1, len(names))
    share = draw.dirichlet(np.ones(len(names)))
    own = ours(lost, base, names).sample(frac=1, random_state=1)
    theirs = study(rate, share, names, wide=0.02).sample(frac=1, random_state=2)
    for method in ("direct", "indirect"):
        found = standardised_churn(own, benchmark=theirs, method=method, **SAID).loc[0]
        counts = dict(zip(names, zip(base.tolist(), lost.tolist(), strict=True), strict=True))
        told = dict(zip(names, zip(rate.tolist(), share.tolist(), strict=True), strict=True))
        value, bounds, error, ratio = naive(counts, told, method)
        assert found["standardised_rate"] == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert found["standardised_lower"] == pytest.approx(bounds[0], rel=1e-9, abs=1e-12)
        assert found["standardised_upper"] == pytest.approx(bounds[1], rel=1e-9, abs=1e-12)
        assert found["standard_error"] == pytest.approx(error, rel=1e-9, abs=1e-12)
        assert found["churn_ratio"] == pytest.approx(ratio, rel=1e-9, abs=1e-12)
        assert found["n_churned"] == lost.sum()
        assert found["n_expected"] == pytest.approx(float(base @ rate))


def test_at_our_own_mix_both_methods_say_the_same():
    """Where their mix is ours, direct is our rate as it is, and both ratios are O/E."""
    mix = study(share=(0.9, 0.1))
    direct, indirect = (
        standardised_churn(ours(), benchmark=mix, method=method, **SAID).loc[0]
        for method in ("direct", "indirect")
    )
    assert direct["standardised_rate"] == pytest.approx(direct["churn_rate"])
    assert direct["churn_ratio"] == pytest.approx(indirect["churn_ratio"])
    one = standardised_churn(
        ours((30,), (100,), ("new",)), benchmark=study((0.4,), (1.0,), ("new",)), **SAID
    ).loc[0]
    bounds = one[["standardised_lower", "standardised_upper"]].tolist()
    assert bounds == pytest.approx(one[["lower", "upper"]].tolist())  # of one segment, Wilson's


def test_where_nobody_or_everybody_left_there_are_bounds():
    """The variance is 0 there; Wilson's bounds are not."""
    for lost in ((0, 0), (900, 100)):
        found = standardised_churn(ours(lost), benchmark=study(), **SAID).loc[0]
        assert found["standard_error"] == 0
        assert found["standardised_upper"] - found["standardised_lower"] > 0.01
    none = standardised_churn(ours((0, 0)), benchmark=study(), method="indirect", **SAID).loc[0]
    assert (none["churn_ratio"], none["churn_ratio_lower"]) == (0, 0)
    assert none["churn_ratio_upper"] > 0


def test_a_range_of_the_benchmark_widens_what_is_alike():
    """What is below a rate need not be below its range."""
    sharp = standardised_churn(ours(), benchmark=study(), **SAID).loc[0]
    vague = standardised_churn(ours(), benchmark=study(wide=0.1), **SAID).loc[0]
    assert (sharp["verdict"], vague["verdict"]) == ("below", "cannot tell")
    assert vague["benchmark_lower"] == pytest.approx(0.15)
    assert vague["n_expected_upper"] == pytest.approx(900 * 0.5 + 100 * 0.25)
    assert vague["standardised_rate"] == sharp["standardised_rate"]


def test_periods_and_benchmarks_are_told_apart():
    """A row for each of both, sorted; what is of all customers is not looked at."""
    year = pd.to_datetime(["2021-01-01"] * 2 + ["2020-01-01"] * 2)
    own = pd.concat([ours(), ours((90, 10))], ignore_index=True)
    own = own.assign(period=year, step=[2021, 2021, 2020, 2020])
    whole = study((0.2,), (1.0,), ("(all)",))
    theirs = pd.concat([study(name="b"), study(name="a"), whole], ignore_index=True)
    found = standardised_churn(own, benchmark=theirs, by="tenure", convention="start_cohort")
    assert found["benchmark"].tolist() == ["a", "b"] * 2
    assert found["period"].dt.year.tolist() == [2020, 2020, 2021, 2021]
    assert found["n_churned"].tolist() == [100, 100, 275, 275]


def test_what_is_not_alike_is_not_standardised():
    """Another convention or another length: nothing is known, and the note says why."""
    for columns, said in (
        ({"convention": "endpoint"}, "another convention than the benchmark's"),
        ({"days": 30.4375}, "another length: 365.25 days, theirs 30.44 days"),
    ):
        found = standardised_churn(ours(), benchmark=study(**columns), **SAID).loc[0]
        assert np.isnan(found["standardised_rate"])
        assert np.isnan(found["churn_ratio_upper"])
        assert (found["verdict"], found["note"]) == ("cannot tell", said)
        assert found["churn_rate"] == pytest.approx(0.275)
    unsaid = standardised_churn(ours(), benchmark=study(convention="not stated"), **SAID).loc[0]
    assert unsaid["note"] == "the benchmark does not state its convention"
    assert unsaid["verdict"] == "below"


def test_a_segment_without_customers_of_ours():
    """Direct has no rate of it; indirect asks for none."""
    own = ours((270,), (900,), ("new",))
    direct = standardised_churn(own, benchmark=study(), **SAID).loc[0]
    assert np.isnan(direct["standardised_rate"])
    assert (direct["verdict"], direct["note"]) == ("cannot tell", "nobody of ours in old")
    nobody = ours((270, 0), (900, 0))
    pd.testing.assert_series_equal(
        standardised_churn(nobody, benchmark=study(), **SAID).loc[0], direct
    )
    found = standardised_churn(own, benchmark=study(), method="indirect", **SAID).loc[0]
    assert found["churn_ratio"] == pytest.approx(270 / 360)


def test_what_is_not_known_is_said_and_what_does_not_matter_is_not():
    """A rate of ours that is missing; nobody in a segment of which they have nobody either."""
    unknown = ours().assign(churn_rate=[0.3, np.nan], n_churned=[270, np.nan])
    for method in ("direct", "indirect"):
        found = standardised_churn(unknown, benchmark=study(), method=method, **SAID).loc[0]
        assert found["verdict"] == "cannot tell"
        assert found["note"] == "one of our rates is not known"
    new = study(share=(1.0, 0.0))
    found = standardised_churn(ours((270, 0), (900, 0)), benchmark=new, **SAID).loc[0]
    assert found["standardised_rate"] == pytest.approx(0.3)
    assert pd.isna(found["note"])


def test_indirect_needs_no_shares():
    """Then there is a ratio and no rate at their mix."""
    theirs = study().drop(columns="share")
    found = standardised_churn(ours(), benchmark=theirs, method="indirect", **SAID).loc[0]
    assert found["churn_ratio"] == pytest.approx(275 / 375)
    assert found["churn_ratio_lower"] == pytest.approx(byar_bounds(275)[0] / 375)
    assert np.isnan(found["standardised_rate"])
    assert found["verdict"] == "below"
    with pytest.raises(rt.ColumnError, match="benchmarks .* lacks 'share'"):
        standardised_churn(ours(), benchmark=theirs, **SAID)


def test_exposure_is_counted_indirectly():
    """Ends over customer time are no proportion: a ratio, and no Wilson bounds."""
    own = ours(convention="exposure")
    asked = {"by": "tenure", "days": 365.25}
    with pytest.raises(rt.RetentionError, match="'exposure' are no proportions: say method="):
        standardised_churn(own, benchmark=study(), **asked)
    theirs = study(convention="exposure")
    found = standardised_churn(own, benchmark=theirs, method="indirect", **asked).loc[0]
    assert found["churn_ratio"] == pytest.approx(275 / 375)
    assert np.isnan(found["lower"])


def test_shares_are_printed_rounded():
    """They add up to 1 to a hundredth, and are taken to do so exactly."""
    thirds = study((0.4, 0.15, 0.1), (0.33, 0.33, 0.33), ("new", "old", "very old"))
    own = ours((270, 5, 1), (900, 100, 50), ("new", "old", "very old"))
    found = standardised_churn(own, benchmark=thirds, **SAID).loc[0]
    assert found["benchmark_rate"] == pytest.approx(0.65 / 3)


def test_every_engine_takes_both_tables(engine):
    """The answer is of the kind of our table."""
    expected = standardised_churn(ours(), benchmark=study(), **SAID)
    found = standardised_churn(engine.table(ours()), benchmark=engine.table(study()), **SAID)
    assert engine.is_mine(found)
    read = engine.read(found)
    assert list(read.columns) == list(expected.columns)
    assert read["standardised_rate"].tolist() == expected["standardised_rate"].tolist()
    assert read["verdict"].tolist() == ["below"]


def test_answers_of_ours_are_taken_as_they_come():
    """Of contracts by plan: O is what left, and at rates of our own the ratio is 1."""
    company = rt.sample_company(120, seed=3)
    held = rt.contract_periods(company.contracts, freq="year", as_of="2024-12-31", by="plan")
    rates = rt.kpis.churn_by(held, by="plan").query("period == period.max()")
    share = rates["n_base"] / rates["n_base"].sum()
    same = study(rates["churn_rate"], share, rates["plan"], convention="endpoint")
    for method in ("direct", "indirect"):
        found = standardised_churn(
            rates, benchmark=same, by="plan", convention="endpoint", method=method
        ).loc[0]
        assert found["n_churned"] == rates["n_churned"].sum()
        assert found["churn_ratio"] == pytest.approx(1)
        assert found["verdict"] == "cannot tell"


@pytest.mark.parametrize(
    ("own", "theirs", "said", "message"),
    [
        (ours(), study(segment=("new", "aged")), {}, "has no rate of 'old' .*it has 'aged', 'new'"),
        (ours(), study(share=(0.4, 0.4)), {}, "add up to 0.8, not to 1"),
        (ours(), study(share=(1.0, None)), {}, "'a study' does not say the share of 'old'. Give"),
        (ours(), study(segment=("(all)", "(all)")), {}, "every row is of all .*compare_benchmark"),
        (ours(), study(segment=("new", "new")), {}, "a segment of 'a study' has several rows"),
        (ours(), study(), {"method": "both"}, "method must be one of 'direct', 'indirect'"),
        (ours(), study(), {"by": "plan"}, "'plan'.*not a column"),
        (ours(), study(), {"by": ["tenure", "plan"]}, "by names one column of segments"),
        (ours(), study(), {"by": ()}, "by names one column of segments"),
        (ours(), study(), {"level": 1}, "level must lie between 0 and 1"),
        (ours(), study().drop(columns="segment"), {}, "benchmarks .* lacks 'segment'"),
        (ours(tenure=("new", "new")), study(), {}, "several rows of one period"),
    ],
)
def test_what_cannot_be_standardised_is_refused(own, theirs, said, message):
    """In the words of who asked."""
    with pytest.raises(rt.RetentionError, match=f"(?s){message}"):
        standardised_churn(own, benchmark=theirs, **{**SAID, **said})


def test_nothing_of_nothing_is_nothing():
    """The columns are there."""
    whole = standardised_churn(ours(), benchmark=study(), **SAID)
    for own, theirs in ((ours().head(0), study()), (ours(), study().head(0))):
        found = standardised_churn(own, benchmark=theirs, **SAID)
        assert (len(found), list(found.columns)) == (0, list(whole.columns))
