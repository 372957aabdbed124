"""purchase_calibration, spend_independence and backtest_purchases: against loops and SciPy."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from buyers import CDNOW, cohort, model_of, summary_of
from conftest import at_most
from retention import intervals
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from shops import orders

MODEL = model_of(ParetoNbdModel, CDNOW[ParetoNbdModel])
CALIBRATION = [
    "x_from",
    "x_to",
    "n_customers",
    "n_holdout",
    "purchases_per_customer",
    "purchases_lower",
    "purchases_upper",
    "bounds",
    "expected_per_customer",
    "n_without",
    "no_purchase_share",
    "no_purchase_lower",
    "no_purchase_upper",
    "p_no_purchase",
]
INDEPENDENCE = [
    "measure",
    "n_customers",
    "n_left_out",
    "correlation",
    "lower",
    "upper",
    "reason",
]


def split_of(rows):
    """A split summary of (x, what came) with made-up ages."""
    x = [x for x, _ in rows]
    return summary_of(
        x,
        [min(3.0 * k, 30) for k in x],
        [35.0] * len(x),
        n_holdout=[came for _, came in rows],
        T_holdout=13.0,
    )


def naive_calibration(split, top):
    """Class by class, customer by customer."""
    said = MODEL.expected_purchases(split, within=13)["expected_purchases"]
    none = MODEL.p_no_purchase(split, within=13)["p_no_purchase"]
    rows = []
    for low in range(top + 1):
        mine = [i for i, x in enumerate(split["x"]) if min(x, top) == low]
        came = [split["n_holdout"][i] for i in mine]
        n = len(mine)
        rows.append(
            {
                "x_from": low,
                "x_to": low if low < top else None,
                "n_customers": n,
                "n_holdout": sum(came),
                "purchases_per_customer": sum(came) / n if n else None,
                "expected_per_customer": sum(said[i] for i in mine) / n if n else None,
                "n_without": came.count(0),
                "no_purchase_share": came.count(0) / n if n else None,
                "p_no_purchase": sum(none[i] for i in mine) / n if n else None,
            }
        )
    return pd.DataFrame(rows)


@settings(max_examples=at_most(4))
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=30),
    st.integers(1, 8),
)
def test_calibration_agrees_with_a_loop_over_classes(engine, rows, top):
    """Counts, means and what was expected."""
    split = split_of(rows)
    answer = rt.repeat_buying.purchase_calibration(engine.table(split), model=MODEL, top=top)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["x_from"])
    assert list(found.columns) == CALIBRATION
    expected = naive_calibration(split, top)
    expected = expected.astype({name: float for name in expected if expected[name].isna().any()})
    found = found[expected.columns].astype(expected.dtypes.to_dict())
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


def test_a_model_that_is_right_is_within_its_bounds():
    """Customers who live as the model says: eight classes, two kinds of bounds each."""
    told = cohort(ParetoNbdModel, CDNOW[ParetoNbdModel], 4_000, horizon=39, seed=5)
    split = told.rename(columns={"later": "n_holdout"}).assign(T_holdout=39.0)
    table = rt.repeat_buying.purchase_calibration(split, model=MODEL, level=0.999)
    some = table[table["purchases_lower"].notna()]
    assert len(some) >= 6
    assert (some["expected_per_customer"] > some["purchases_lower"]).all()
    assert (some["expected_per_customer"] < some["purchases_upper"]).all()
    assert (
        table["p_no_purchase"].between(table["no_purchase_lower"], table["no_purchase_upper"]).all()
    )


def test_bounds_are_wilsons_and_those_of_a_mean():
    """A class of 40: the mean's with Student's t, none for a class of 3."""
    came = [0, 1, 2, 3] * 10
    table = rt.repeat_buying.purchase_calibration(
        split_of([*((0, k) for k in came), (1, 0), (1, 1), (1, 0)]), model=MODEL, top=2
    )
    first = table.iloc[0]
    assert (first["bounds"], table["bounds"][1]) == ("linearised", "none: few customers")
    half = 2.0227 * np.std(came, ddof=1) / np.sqrt(40)
    assert first["purchases_upper"] - 1.5 == pytest.approx(half, rel=1e-4)
    lower, upper = intervals.wilson_bounds([10], [40])
    assert (first["no_purchase_lower"], first["no_purchase_upper"]) == (lower[0], upper[0])


@settings(max_examples=at_most(6))
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from([-1.0, 0.0, 2.0, 5.0, 11.0])),
        min_size=1,
        max_size=25,
    )
)
def test_independence_agrees_with_scipy(engine, rows):
    """Rank and log correlation over those with a repeat purchase above 0."""
    from scipy import stats

    summary = summary_of(
        [x for x, _ in rows],
        [5.0 * (x > 0) for x, _ in rows],
        [9.0] * len(rows),
        mean_sales=[sales if x else np.nan for x, sales in rows],
    )
    answer = rt.repeat_buying.spend_independence(engine.table(summary))
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["measure"]).set_index("measure").astype({"lower": float})
    assert ["measure", *found.columns] == INDEPENDENCE
    kept = [(x, sales) for x, sales in rows if x and sales > 0]
    assert set(found["n_customers"]) == {len(kept)}
    assert set(found["n_left_out"]) == {sum(x > 0 and sales <= 0 for x, sales in rows)}
    x, sales = np.array(kept).T if kept else (np.ones(0), np.ones(0))
    if len(set(x)) < 2 or len(set(sales)) < 2:
        assert found["correlation"].isna().all()
        assert found["reason"].str.startswith("fewer than two different").all()
        return
    expected = stats.spearmanr(x, sales).statistic
    assert found.loc["ranks", "correlation"] == pytest.approx(expected, abs=1e-9)
    expected = stats.pearsonr(np.log(x), np.log(sales)).statistic
    assert found.loc["logarithms", "correlation"] == pytest.approx(expected, abs=1e-9)
    assert found["reason"].isna().all()


def test_bounds_of_a_correlation_are_fishers():
    """As SciPy gives them for Pearson's, a little wider for ranks."""
    from scipy import stats

    rng = np.random.default_rng(3)
    x = rng.integers(1, 9, 200)
    sales = np.exp(rng.normal(size=200) + 0.2 * np.log(x))
    summary = summary_of(x, [5.0] * 200, [9.0] * 200, mean_sales=sales)
    ranks, logs = rt.repeat_buying.spend_independence(summary, level=0.9).to_dict("records")
    expected = stats.pearsonr(np.log(x), np.log(sales)).confidence_interval(0.9)
    assert (logs["lower"], logs["upper"]) == pytest.approx((expected.low, expected.high), rel=1e-9)
    width = np.arctanh(ranks["upper"]) - np.arctanh(ranks["lower"])
    narrow = np.arctanh(logs["upper"]) - np.arctanh(logs["lower"])
    assert width / narrow == pytest.approx(np.sqrt(1 + ranks["correlation"] ** 2 / 2), rel=1e-9)


LINES = rt.sample_company(600, seed=4).orders[["customer_id", "date", "sales", "order_id"]]
CUTS = ["2023-06-30", "2024-03-31"]


def test_backtest_is_fit_on_the_cut_and_counted_after_it(engine):
    """Who bought in the 90 days before the cut, and of them who did not in the 90 days after."""
    scores = rt.repeat_buying.backtest_purchases(
        engine.table(LINES), fit=rt.repeat_buying.fit_mbg_nbd, cuts=CUTS, within=90
    )
    assert engine.is_mine(scores)
    bought = LINES[LINES["sales"] >= 0].assign(day=LINES["date"].dt.normalize())
    for row in engine.read(scores, order=["cut"]).to_dict("records"):
        cut = pd.Timestamp(row["cut"])
        known = bought[bought["day"] <= cut]
        summary = rt.purchase_summary(known, as_of=cut.date())
        running = summary[summary["T"] - summary["t_x"] < 90]
        ahead = bought[(bought["day"] > cut) & (bought["day"] <= cut + timedelta(90))]
        silent = ~running["customer_id"].isin(ahead["customer_id"]).to_numpy()
        model = rt.repeat_buying.fit_mbg_nbd(summary)
        said = model.p_no_purchase(running, within=90)["p_no_purchase"].to_numpy()
        assert (row["n_fitted"], row["n_running"]) == (len(summary), len(running))
        assert (row["n_churned"], row["horizon"]) == (silent.sum(), 90)
        assert row["observed_churn"] == pytest.approx(silent.mean())
        assert row["predicted_churn"] == pytest.approx(said.mean(), rel=1e-6)
        assert row["brier_score"] == pytest.approx(((said - silent) ** 2).mean(), rel=1e-6)
        pairs = [(a > b) + (a == b) / 2 for a in said[silent] for b in said[~silent]]
        assert row["auc"] == pytest.approx(np.mean(pairs), rel=1e-6)


def test_backtest_leaves_older_customers_out():
    """Fitted on and scored are those who were new under observation."""
    scores = rt.repeat_buying.backtest_purchases(
        LINES,
        fit=rt.repeat_buying.fit_mbg_nbd,
        cuts=CUTS[1:],
        within=90,
        observed_from="2023-01-01",
    )
    known = rt.purchase_summary(LINES, as_of=CUTS[1], observed_from="2023-01-01")
    assert scores["n_fitted"][0] == len(known)


def refused(call, message):
    """The call is refused in these words."""
    with pytest.raises(rt.RetentionError, match=message):
        call()


def test_refusals():
    """What cannot be asked is said in the user's words."""
    split = split_of([(0, 1), (2, 0)])
    calibrate, independent, back = (
        rt.repeat_buying.purchase_calibration,
        rt.repeat_buying.spend_independence,
        rt.repeat_buying.backtest_purchases,
    )
    refused(lambda: calibrate(split, model=MODEL, top=0), "top must be a whole number, 1 or more")
    refused(lambda: calibrate(split, model=None), "model must be fitted.*got NoneType")
    summary = split.drop(columns="T_holdout")
    refused(lambda: calibrate(summary, model=MODEL), "lacks 'T_holdout'.*split_summary")
    mixed = split.assign(T_holdout=[13.0, 14.0])
    refused(lambda: calibrate(mixed, model=MODEL), "T_holdout must be one length .* from 13 to 14")
    gap = split.assign(T_holdout=[13.0, np.nan])
    refused(lambda: calibrate(gap, model=MODEL), "T_holdout must be one length .*; 1 is missing")
    refused(lambda: calibrate(split[:0], model=MODEL), "split summary is empty")
    refused(lambda: independent(split), "lacks 'mean_sales'")
    late = {"cuts": ["2024-12-31"], "within": 90}
    refused(
        lambda: back(LINES, fit=rt.repeat_buying.fit_mbg_nbd, **late), "the data reach no further"
    )
    bad = {"cuts": CUTS, "within": 0.5}
    refused(
        lambda: back(LINES, fit=rt.repeat_buying.fit_mbg_nbd, **bad),
        "within must be a whole number",
    )
    none = {"cuts": CUTS, "within": 90}
    refused(lambda: back(LINES, fit=len, **none), "model must be fitted.*got int")


def test_what_came_must_be_known_to_be_compared(engine):
    """Nobody is taken to have bought nothing for want of a number; whole floats will do."""
    rows = [(0, 1), (2, 0), (3, 4)]
    split = split_of(rows)
    floats = split.assign(n_holdout=[1.0, 0.0, 4.0])
    first = rt.repeat_buying.purchase_calibration(engine.table(floats), model=MODEL)
    again = rt.repeat_buying.purchase_calibration(split, model=MODEL)
    pd.testing.assert_frame_equal(engine.read(first, order=["x_from"]), again, check_dtype=False)
    for bad, message in (
        ([1, None, 4], "of 3 customers 1 has no usable n_holdout"),
        ([1, -1, 4], "1 has no usable n_holdout .missing, negative.* n_holdout = -1"),
        ([1, 0.5, 4], "1 has a value of n_holdout that is no whole number"),
    ):
        table = engine.table(split.assign(n_holdout=pd.array(bad, "Float64").astype(float)))
        refused(
            lambda table=table: rt.repeat_buying.purchase_calibration(table, model=MODEL), message
        )
    missing = split.assign(n_holdout=pd.array([1, None, 4], "Int64"))
    refused(
        lambda: rt.repeat_buying.purchase_calibration(missing, model=MODEL),
        "1 has no usable n_holdout",
    )


def test_backtest_counts_a_purchase_on_the_last_day_but_none_after():
    """Silent from the day after the cut through the last day of the horizon."""
    cut = date(2024, 1, 31)
    lines = [(f"c{i}", cut - timedelta(i), 5) for i in range(12)]
    back = [("c0", cut + timedelta(30), 5), ("c1", cut + timedelta(31), 5), ("c2", cut, 5)]
    frame = orders(*lines, *back, ("old", cut - timedelta(30), 5), ("c3", "2024-03-20", 5))
    scores = rt.repeat_buying.backtest_purchases(
        frame, fit=rt.repeat_buying.fit_mbg_nbd, cuts=[cut], within=30
    )
    row = scores.iloc[0]
    assert (row["n_fitted"], row["n_running"], row["n_churned"]) == (13, 12, 11)
