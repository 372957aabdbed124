"""silence_alarms: the closed form by hand, its day, its budget, and spike_departures."""

from __future__ import annotations

from math import ceil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.signals.alarms.silence_alarms import silence_alarms

FIRST = pd.Timestamp("2024-01-01")
AS_OF = "2024-07-18"  # day 199


def orders_of(days):
    """Orders of {customer: days}."""
    rows = [(who, FIRST + pd.Timedelta(days=d), 5.0) for who, on in days.items() for d in on]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    return frame.assign(date=frame["date"].astype("datetime64[us]"))


def model_of(r, alpha, unit="day"):
    """A model of purchases whose rates are these."""
    summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 10, 10], "T": [10.0] * 3, "unit": unit})
    fitted = rt.repeat_buying.fit_pareto_nbd(summary)
    rates = {**dict(zip(fitted.names, fitted.parameters, strict=True)), "r": r, "alpha": alpha}
    return fitted.model_copy(update={"parameters": tuple(rates[name] for name in fitted.names)})


def naive_alarm(days, r, alpha, budget):
    """What is said of one customer, by counting and by waiting day by day."""
    x, t_x, silent = len(days) - 1, max(days) - min(days), 199 - max(days)

    def density(s):
        chance = ((alpha + t_x) / (alpha + t_x + s)) ** (r + x)
        return chance, (r + x) / (alpha + t_x + s), 3043.75 * chance * (r + x) / (alpha + t_x + s)

    after = next(s for s in range(10_000) if density(s)[2] <= budget * (1 + 1e-12))
    chance, rate, false = density(silent)
    return {
        "x": x, "days_since_last": silent, "own_rate": rate, "p_silence": chance,
        "false_alarms_per_month": false, "rings_on": FIRST + pd.Timedelta(days=max(days) + after),
        "rings": after <= silent,
    }  # fmt: skip


def agrees_with_waiting(engine, days, r, alpha, budget):
    """Every customer's row is that found by hand."""
    answer = silence_alarms(
        engine.table(orders_of(days)), as_of=AS_OF, false_alarms=budget, model=model_of(r, alpha)
    )
    assert engine.is_mine(answer)
    rows = engine.read(answer, order=["customer_id"]).to_dict("records")
    assert [row["customer_id"] for row in rows] == sorted(days)
    for row in rows:
        expected = naive_alarm(days[row["customer_id"]], r, alpha, budget)
        assert {name: row[name] for name in expected} == {
            name: pytest.approx(value) if isinstance(value, float) else value
            for name, value in expected.items()
        }
        assert 0 <= row["p_gone"] <= 1
        assert row["method"] == "model given"


bought = st.dictionaries(
    st.sampled_from(["Ann", "Bob", "Cem"]), st.sets(st.integers(0, 199), min_size=1, max_size=9),
    min_size=1,
)  # fmt: skip
SOME = {"Ann": {0, 20, 40, 60, 80}, "Bob": {3}, "Cem": {10, 12, 13, 199}, "Dee": {5, 90, 170}}
quiet = pytest.mark.filterwarnings("ignore:The last order is of")


@quiet
@given(
    days=bought,
    rates=st.tuples(st.floats(0.2, 3.0), st.floats(5.0, 80.0)),
    budget=st.sampled_from([1, 3, 10, 200]),
)
def test_agrees_with_waiting_day_by_day(days, rates, budget):
    """Whoever bought once, today, or for whom the budget is large enough to ring at once."""
    agrees_with_waiting(Engine("pandas"), days, *rates, budget)


@quiet
def test_every_engine_agrees_with_waiting_day_by_day(engine):
    """Four customers."""
    agrees_with_waiting(engine, SOME, 0.5, 20.0, 3)


def test_a_vector_worked_by_hand():
    """r .5, α 20, x 4, t_x 80, s 60: .120631, 10.327; at a budget of 3 day 100.32."""
    orders = orders_of({"Ann": SOME["Ann"]})
    (row,) = silence_alarms(
        orders, as_of="2024-05-20", false_alarms=3, model=model_of(0.5, 20.0)
    ).to_dict("records")
    assert row["p_silence"] == pytest.approx(0.120631, abs=5e-7)
    assert row["false_alarms_per_month"] == pytest.approx(10.327, abs=5e-4)
    assert row["rings_on"] == FIRST + pd.Timedelta(days=80 + ceil(100.32))


@quiet
def test_weeks_are_days_by_the_day():
    """A model of weeks says the same of the customer."""
    orders = orders_of(SOME)
    asked = {"as_of": AS_OF, "false_alarms": 3}
    days = silence_alarms(orders, model=model_of(0.5, 21.0), **asked)
    weeks = silence_alarms(orders, model=model_of(0.5, 3.0, unit="week"), **asked)
    pd.testing.assert_frame_equal(days.drop(columns="p_gone"), weeks.drop(columns="p_gone"))


def test_a_budget_is_kept_where_customers_buy_as_the_model_says():
    """Nobody leaves: the silences that ring, per 100 customer-months, are near the budget."""
    rng = np.random.default_rng(3)
    r, alpha, n, length, budget = 1.0, 20.0, 4_000, 500, 5.0
    density = budget / 3043.75
    rate = rng.gamma(r, 1 / alpha, n)
    rung = months = 0.0
    last, x = np.zeros(n), np.zeros(n)
    running = np.ones(n, bool)
    while running.any():
        after = last + rng.exponential(1 / rate)
        known = alpha + last
        wait = known * (((r + x) / (known * density)) ** (1 / (r + x + 1)) - 1)
        rang = running & (last + np.maximum(wait, 0) < np.minimum(after, length))
        rung += rang.sum()
        months += (np.minimum(after, length) - last)[running].sum() / 30.4375
        running &= after < length
        last, x = np.where(running, after, last), x + running
    assert 0.7 * budget < 100 * rung / months < 1.7 * budget


@quiet
def test_the_log_tells_the_rates_where_no_model_is_given():
    """The first model whose parameters the data tell; p_gone is its own."""
    company = rt.sample_company(300, seed=4)
    found = silence_alarms(company.orders, as_of="2024-12-31", false_alarms=10)
    assert set(found["method"]) == {"pareto_nbd"}
    summary = rt.purchase_summary(company.orders, as_of="2024-12-31")
    model = rt.repeat_buying.fit_pareto_nbd(summary)
    gone = 1 - model.p_alive(summary)["p_alive"]
    pd.testing.assert_series_equal(found["p_gone"], gone, check_names=False)
    again = silence_alarms(company.orders, as_of="2024-12-31", false_alarms=10, model=model)
    same = ["rings_on", "rings", "p_silence"]
    pd.testing.assert_frame_equal(found[same], again[same])
    more = silence_alarms(company.orders, as_of="2024-12-31", false_alarms=20)
    assert (more["rings"] >= found["rings"]).all()
    assert (more["rings_on"] <= found["rings_on"]).all()


@quiet
def test_what_cannot_be_rung_of_silence_is_refused():
    """Each message, and what it says to do."""
    orders = orders_of(SOME)
    for wrong in (0, -1, np.inf, "3", None):
        with pytest.raises(rt.RetentionError, match="false_alarms is how many of a hundred"):
            silence_alarms(orders, as_of=AS_OF, false_alarms=wrong)
    with pytest.raises(rt.RetentionError, match="model must be fitted"):
        silence_alarms(orders, as_of=AS_OF, false_alarms=3, model=0.5)
    with pytest.raises(rt.ContentError, match="nothing was observed by then"):
        silence_alarms(orders, as_of="2023-01-01", false_alarms=3)
    once = orders.drop_duplicates("customer_id")
    with pytest.raises(rt.ContentError, match="too few customers bought again.*Say model="):
        silence_alarms(once, as_of=AS_OF, false_alarms=3)
    assert len(silence_alarms(once, as_of=AS_OF, false_alarms=3, model=model_of(0.5, 20.0))) == 4
    with pytest.raises(rt.ContentError, match="empty"):
        silence_alarms(orders.iloc[:0], as_of=AS_OF, false_alarms=3)


@quiet
def test_an_alarm_beyond_all_planning_has_no_date():
    """A budget so small that nobody would live to see it."""
    orders = orders_of({"Ann": {0}, "Bob": {0, 100, 190}})
    asked = {"as_of": AS_OF, "model": model_of(0.001, 20.0)}
    found = silence_alarms(orders, false_alarms=1e-9, **asked)
    assert found["rings_on"].isna().tolist() == [True, False]
    assert found["rings"].tolist() == [False, False]
