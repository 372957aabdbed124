"""churn_score: the rule's parts against loops over customers, the model's against its own room."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention import intervals
from retention.repeat_buying.scores import churn_score
from retention.repeat_buying.scores.method_contest import best_method
from shops import orders

AS_OF = date(2024, 2, 29)
COLUMNS = [
    "customer_id",
    "x",
    "days_since_last",
    "within",
    "p_no_purchase",
    "lower",
    "upper",
    "method",
    "reason",
    "window",
    "silent_beyond_window",
    "mean_gap",
    "gap_ratio",
    "n_base",
    "n_base_silent",
    "base_rate",
    "base_rate_lower",
    "base_rate_upper",
    "brier_score",
    "brier_reference",
    "against_base",
    "brier_pareto_nbd",
    "brier_mbg_nbd",
    "brier_mbg_cnbd",
    "brier_inactivity",
]

ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
    st.dates(date(2023, 12, 1), date(2024, 3, 10)),
    st.integers(-2, 6),
)
logs = st.lists(line, min_size=1, max_size=25)
FIRST = ("Ann", date(2023, 12, 20), 5)


def days_bought(frame):
    """The days of each customer up to AS_OF on which sales do not sum to less than 0."""
    totals = defaultdict(float)
    for row in frame.itertuples():
        totals[row.customer_id, row.date.date()] += row.sales
    bought = defaultdict(list)
    for (customer, day), total in sorted(totals.items(), key=lambda item: item[0][1]):
        if total >= 0 and day <= AS_OF:
            bought[customer].append(day)
    return bought


def naive_window(bought):
    """The shortest length that at least 95 in 100 gaps do not exceed."""
    gaps = [
        (later - day).days for days in bought.values() for day, later in itertools.pairwise(days)
    ]
    reached = [w for w in range(1, 400) if gaps and sum(g <= w for g in gaps) >= 0.95 * len(gaps)]
    return min(reached, default=None)


def naive_base(bought, within, window):
    """Customers of `within` days before AS_OF by whether they were silent, and who stayed so."""
    cut = AS_OF - timedelta(within)
    n, silent = Counter(), Counter()
    for days in bought.values():
        known = [day for day in days if day <= cut]
        if known:
            beyond = window is not None and (cut - max(known)).days > window
            n[beyond] += 1
            silent[beyond] += not any(day > cut for day in days)
    return n, silent


def naive_rule(bought, as_of, within):
    """Each customer's share of those who were as silent `within` days before, and bought nothing.

    None where nobody was.
    """
    known = {who: [d for d in days if d <= as_of] for who, days in bought.items()}
    known = {who: days for who, days in known.items() if days}
    window = naive_window(known)
    cut = as_of - timedelta(within)
    n, silent = Counter(), Counter()
    beyond = lambda days, day: window is not None and (day - max(days)).days > window  # noqa: E731
    for days in known.values():
        before = [day for day in days if day <= cut]
        if before:
            n[beyond(before, cut)] += 1
            silent[beyond(before, cut)] += max(days) <= cut
    sides = {who: beyond(days, as_of) for who, days in known.items()}
    return {who: silent[side] / n[side] if n[side] else None for who, side in sides.items()}


def naive_test(bought, within):
    """Brier scores of that share as of `within` days ago, and of the base rate."""
    cut = AS_OF - timedelta(within)
    told = naive_rule(bought, cut, within)
    came = {who: float(max(bought[who]) <= cut) for who in told}
    if not told:
        return None, None, "unknown"
    base = sum(came.values()) / len(came)
    pairs = [(told[who], y) for who, y in came.items() if told[who] is not None]
    if not pairs:
        return None, base * (1 - base), "unknown"
    gains = [(base - y) ** 2 - (p - y) ** 2 for p, y in pairs]
    error = sum((p - y) ** 2 for p, y in pairs) / len(pairs)
    half = 1.959963984540054 * np.std(gains, ddof=1) / len(gains) ** 0.5 if gains[1:] else np.inf
    better = np.mean(gains) - half > 0
    return error, base * (1 - base), "better" if better else "not clearly better"


def naive_score(bought, within):
    """One row per customer of all that needs no model."""
    window = naive_window(bought)
    n, silent = naive_base(bought, within, window)
    rows = []
    for customer, days in sorted(bought.items()):
        since, x = (AS_OF - days[-1]).days, len(days) - 1
        beyond = window is not None and since > window
        mean = (days[-1] - days[0]).days / x if x else None
        rows.append(
            {
                "customer_id": customer,
                "x": x,
                "days_since_last": since,
                "within": within,
                "rule": silent[beyond] / n[beyond] if n[beyond] else None,
                "window": window,
                "silent_beyond_window": beyond,
                "mean_gap": mean,
                "gap_ratio": since / mean if x else None,
                "n_base": n.total(),
                "n_base_silent": silent.total(),
                "base_rate": silent.total() / n.total() if n.total() else None,
                **dict(zip(COLUMNS[-7:-4], naive_test(bought, within), strict=True)),
            }
        )
    numbers = ("rule", "window", "mean_gap", "gap_ratio", "base_rate", *COLUMNS[-7:-5])
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))


@ignore_silence
@settings(max_examples=at_most(3))
@given(
    lines=logs,
    within=st.integers(1, 60),
    since=st.sampled_from([None, date(2023, 12, 15), date(2023, 12, 20)]),
)
def test_agrees_with_a_loop_over_customers(engine, lines, within, since):
    """Rules, base rate, counts and the score where no model can tell."""
    frame = orders(FIRST, *lines)
    bought = days_bought(frame)
    kept = {who: days for who, days in bought.items() if since is None or days[0] >= since}
    if not kept:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(churn_score, "_MODELS", ())
        table = rt.churn_score(engine.table(frame), as_of=AS_OF, within=within, observed_from=since)
    assert engine.is_mine(table)
    answer = engine.read(table, order=["customer_id"])
    assert list(answer.columns) == COLUMNS
    expected = naive_score(kept, within)
    rule = expected.pop("rule")
    found = answer[expected.columns].astype(expected.dtypes.to_dict())
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
    np.testing.assert_allclose(answer["p_no_purchase"].astype(float), rule, rtol=1e-12)


def roastery(n):
    """The orders of the sample company."""
    return rt.sample_company(n, seed=3).orders[["customer_id", "date", "sales", "order_id"]]


@cache
def fitted():
    """A base that a model can be fitted to, and its scores."""
    lines = roastery(800)
    return lines, rt.churn_score(lines, as_of="2023-12-31", within=90)


def test_score_is_that_of_pareto_nbd_on_the_summary_in_days():
    """The sensible default is what three calls would give."""
    lines, scores = fitted()
    summary = rt.purchase_summary(lines, as_of="2023-12-31")
    expected = rt.repeat_buying.fit_pareto_nbd(summary).p_no_purchase(summary, within=90)
    names = ["customer_id", "p_no_purchase", "lower", "upper"]
    pd.testing.assert_frame_equal(scores[names], expected[names])
    assert set(scores["method"]) == {"pareto_nbd"}
    assert scores["reason"].isna().all()


def test_base_rate_is_what_a_split_would_have_shown():
    """Of the customers of 90 days ago, those without a purchase in the holdout period."""
    lines, scores = fitted()
    split = rt.repeat_buying.split_summary(lines, cut="2023-10-02", as_of="2023-12-31")
    silent = int((split["n_holdout"] == 0).sum())
    row = scores.iloc[0]
    assert (row["n_base"], row["n_base_silent"]) == (len(split), silent)
    assert row["base_rate"] == silent / len(split)
    lower, upper = intervals.wilson_bounds([silent], [len(split)])
    assert (row["base_rate_lower"], row["base_rate_upper"]) == (lower[0], upper[0])


def test_what_comes_after_as_of_changes_nothing():
    """Nor do the order of rows and the names of customers."""
    lines, scores = fitted()
    known = lines[lines["date"] < "2024-01-01"].sample(frac=1, random_state=1)
    renamed = known.assign(customer_id="new " + known["customer_id"])
    again = rt.churn_score(renamed, as_of="2023-12-31", within=90)
    again["customer_id"] = again["customer_id"].str.removeprefix("new ")
    pd.testing.assert_frame_equal(again, scores, rtol=1e-9)


class Flat:
    """A fit that fails."""

    status, notes = "flat", ("The data do not tell.",)


@pytest.mark.parametrize(("failing", "method"), [(1, "mbg_nbd"), (3, "inactivity")])
def test_falls_back_when_a_model_is_flat_and_says_why(monkeypatch, failing, method):
    """MBG/NBD for Pareto/NBD, the rule for both; all else stays as it was."""
    lines, before = fitted()
    models = [(*names, lambda _: Flat()) for *names, _ in churn_score._MODELS[:failing]]
    monkeypatch.setattr(churn_score, "_MODELS", (*models, *churn_score._MODELS[failing:]))
    scores = rt.churn_score(lines, as_of="2023-12-31", within=90)
    assert set(scores["method"]) == {method}
    said = scores["reason"].iloc[0]
    assert said.startswith("Pareto/NBD is flat: The data do not tell.")
    assert ("MBG/NBD is flat" in said) == (method == "inactivity")
    own = ["p_no_purchase", "lower", "upper", "method", "reason", *COLUMNS[-7:]]
    assert scores["brier_pareto_nbd"].isna().all()
    assert (scores["brier_score"] == scores[f"brier_{method}"]).all()
    pd.testing.assert_frame_equal(scores.drop(columns=own), before.drop(columns=own))
    assert ((scores["lower"] < scores["p_no_purchase"]) & scores["p_no_purchase"].le(1)).all()


def yearly(n=250):
    """Customers who order about once a year, of whom three in ten leave after each order."""
    rng = np.random.default_rng(2)
    rows = []
    for who in range(n):
        day = float(rng.integers(0, 1400))
        while day < 2190:
            rows.append((who, pd.Timestamp("2018-01-01") + pd.Timedelta(round(day), "D"), 10.0))
            day += 365 * rng.gamma(40) / 40 if rng.random() < 0.7 else 9999
    return pd.DataFrame(rows, columns=["customer_id", "date", "sales"])


@ignore_silence
def test_who_buys_on_a_schedule_is_scored_by_the_model_of_regular_buyers():
    """The past shows that it knew better; the score, its reason and all errors say so."""
    lines = yearly()
    scores = rt.churn_score(lines, as_of="2023-12-31", within=365)
    row = scores.iloc[0]
    assert row["method"] == "mbg_cnbd"
    assert row["reason"].startswith("365 days ago MBG/CNBD-k told who would buy nothing better ")
    assert row["brier_score"] == row["brier_mbg_cnbd"] < row["brier_pareto_nbd"] - 0.03
    summary = rt.repeat_buying.summary_with_gaps(lines, as_of="2023-12-31")
    model = rt.repeat_buying.fit_mbg_cnbd(summary)
    expected = model.p_no_purchase(summary, within=365)["p_no_purchase"]
    np.testing.assert_allclose(scores["p_no_purchase"], expected, rtol=1e-9)


def test_a_method_is_taken_that_none_is_clearly_better_than():
    """The first within chance of the best; one that knows nothing of some is not compared."""
    silent = np.tile([1.0, 0.0], 50)
    good, bad = np.tile([0.8, 0.2], 50), np.full(100, 0.5)
    same = good + np.tile([0.01, 0.01, -0.01, -0.01], 25)
    hole = np.where(np.arange(100) > 0, good, np.nan)
    assert best_method({"bad": bad, "good": good}, silent) == "good"
    assert best_method({"same": same, "good": good}, silent) == "same"
    assert best_method({"hole": hole, "bad": bad}, silent) == "bad"
    assert best_method({"bad": bad[:1], "good": good[:1]}, silent[:1]) == "bad"
    assert best_method({"hole": hole}, silent) is None


def test_a_model_on_its_boundary_is_used_and_has_no_bounds():
    """All who bought again did so today, so nobody seems to leave: better than any rule."""
    days = [("Ann", "2024-02-01"), ("Bob", "2024-02-01"), ("Cem", "2024-01-20")]
    frame = orders(*((who, day, 1) for who, first in days for day in (first, AS_OF)))
    scores = rt.churn_score(frame, as_of=AS_OF, within=30)
    summary = rt.purchase_summary(frame, as_of=AS_OF)
    expected = rt.repeat_buying.fit_pareto_nbd(summary).p_no_purchase(summary, within=30)[
        "p_no_purchase"
    ]
    pd.testing.assert_series_equal(scores["p_no_purchase"], expected)
    assert set(scores["method"]) == {"pareto_nbd"}
    assert scores[["lower", "upper"]].isna().all(axis=None)
    assert scores["reason"].str.startswith("Pareto/NBD is on its boundary: ").all()
    assert scores["reason"].str.endswith("Nobody seems to leave.").all()


def test_rule_gives_each_side_of_the_window_its_own_share(monkeypatch):
    """Whoever has been silent for long bought less often than who has not, and is said to."""
    lines, _ = fitted()
    monkeypatch.setattr(churn_score, "_MODELS", ())
    scores = rt.churn_score(lines, as_of="2023-12-31", within=90)
    each = scores.groupby("silent_beyond_window")["p_no_purchase"].agg(["min", "max"])
    assert (each["min"] == each["max"]).all()
    assert each.loc[True, "min"] > each.loc[False, "min"]


def test_the_score_is_tested_on_what_came_of_the_customers_of_some_days_ago():
    """By hand: the same score made 90 days ago, its squared errors against those of one rate."""
    lines, scores = fitted()
    then = rt.churn_score(lines, as_of="2023-10-02", within=90)
    now = scores.set_index("customer_id").loc[then["customer_id"]]
    silent = (now["days_since_last"] >= 90).to_numpy(float)
    error = (then["p_no_purchase"].to_numpy() - silent) ** 2
    row = scores.iloc[0]
    assert row["brier_score"] == pytest.approx(error.mean())
    assert row["brier_reference"] == pytest.approx(row["base_rate"] * (1 - row["base_rate"]))
    gain = (row["base_rate"] - silent) ** 2 - error
    assert gain.mean() - 1.96 * gain.std(ddof=1) / len(gain) ** 0.5 > 0
    assert row["against_base"] == "better"


def alike(n=120):
    """Customers who buy at random, all at one pace, and never leave: nobody can be told apart."""
    rng = np.random.default_rng(7)
    days = pd.Timestamp("2024-12-31") - pd.to_timedelta(rng.integers(0, 720, (n, 8)).ravel(), "D")
    names = np.repeat([f"c{i:03}" for i in range(n)], 8)
    return pd.DataFrame({"customer_id": names, "date": days, "sales": 10.0})


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
def test_a_score_that_cannot_tell_customers_apart_says_so(engine):
    """All alike: whatever the model says is no better than one rate told of everybody."""
    say = {"as_of": "2024-12-31", "within": 90}
    found = engine.read(rt.churn_score(engine.table(alike()), **say), order=["customer_id"])
    assert set(found["against_base"]) == {"not clearly better"}
    assert found["brier_score"][0] > 0.9 * found["brier_reference"][0]


def test_a_log_too_short_has_no_base_rate():
    """Nobody had bought 400 days ago; the score stands."""
    lines = roastery(800)
    early = lines[lines["date"] < "2023-01-01"]
    scores = rt.churn_score(early, as_of="2022-12-31", within=400)
    assert (scores["n_base"] == 0).all()
    assert scores[["base_rate", "base_rate_lower", "base_rate_upper"]].isna().all(axis=None)
    assert scores[["brier_score", "brier_reference"]].isna().all(axis=None)
    assert set(scores["against_base"]) == {"unknown"}
    assert scores["p_no_purchase"].notna().all()


def test_nobody_bought_twice():
    """No gap, so no window, and nobody is beyond it."""
    frame = orders(("Ann", "2024-01-01", 1), ("Bob", "2024-02-25", 1))
    scores = rt.churn_score(frame, as_of=AS_OF, within=30)
    assert scores[["window", "mean_gap", "gap_ratio"]].isna().all(axis=None)
    assert not scores["silent_beyond_window"].any()
    assert scores["base_rate"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"within": 0}, "within must be a whole number of days, 1 or more; got 0."),
        ({"within": 30.5}, "within must be a whole number of days, 1 or more; got 30.5."),
        ({"level": 95}, "level must lie between 0 and 1, such as 0.95; got 95."),
        ({"observed_from": "2024-03-01"}, "observed_from is 2024-03-01, after as_of 2024-02-29"),
        ({"as_of": "2023-01-01"}, "as_of is 2023-01-01, but the first order is of 2023-12-20"),
    ],
)
def test_refusals(options, message):
    """What cannot be asked is said in the user's words."""
    with pytest.raises(rt.RetentionError, match=message.replace(".", r"\.")):
        rt.churn_score(orders(FIRST), **{"as_of": AS_OF, "within": 30, **options})


def test_a_table_without_customers_is_refused():
    """The door is named."""
    with pytest.raises(rt.ColumnError, match=r"lacks 'customer_id'.*as_transactions"):
        rt.churn_score(orders(FIRST).drop(columns="customer_id"), as_of=AS_OF, within=30)
