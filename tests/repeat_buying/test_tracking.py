"""tracking_table: repeat purchases period by period, against a loop over customers and days."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from buyers import CDNOW, model_of
from conftest import at_most
from retention import periods
from retention.repeat_buying.buying.bg_nbd import BgNbdModel
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from shops import orders

AS_OF = date(2024, 2, 29)
COLUMNS = [
    "period",
    "step",
    "freq",
    "n_customers",
    "actual",
    "expected",
    "cumulative_actual",
    "cumulative_expected",
    "is_holdout",
]
WEEKS = model_of(ParetoNbdModel, CDNOW[ParetoNbdModel], unit="week")

ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
    st.dates(date(2023, 12, 1), date(2024, 3, 10)),
    st.integers(-2, 6),
)


def days_bought(frame, cut, since):
    """The purchase days of each customer who was won by the cut."""
    totals = {}
    for row in frame.itertuples():
        key = row.customer_id, row.date.date()
        totals[key] = totals.get(key, 0) + row.sales
    bought = {}
    for (customer, day), total in totals.items():
        if total >= 0 and day <= AS_OF:
            bought.setdefault(customer, set()).add(day)
    firsts = {who: min(days) for who, days in bought.items()}
    return [
        sorted(bought[who])
        for who, first in firsts.items()
        if first <= cut and (since is None or first >= since)
    ]


def naive_rows(bought, cut, freq):
    """Day by day from the first purchase on; a period counts once its last day is over."""
    start, rows, cumulative = min(days[0] for days in bought), [], 0
    actual = 0
    day = start
    while day <= AS_OF:
        actual += sum(day in days[1:] for days in bought)
        if periods.step_of(day + timedelta(1), freq) > periods.step_of(day, freq):
            cumulative += actual
            expected = sum(
                float(WEEKS.purchases_of_new(WEEKS.theta, np.array([(day - days[0]).days / 7]))[0])
                for days in bought
                if days[0] <= day
            )
            rows.append(
                {
                    "step": periods.step_of(day, freq),
                    "n_customers": sum(days[0] <= day for days in bought),
                    "actual": actual,
                    "cumulative_actual": cumulative,
                    "cumulative_expected": expected,
                    "is_holdout": day > cut,
                }
            )
            actual = 0
        day += timedelta(1)
    return rows


@ignore_silence
@settings(max_examples=at_most(5))
@given(
    lines=st.lists(line, min_size=1, max_size=25),
    cut=st.dates(date(2023, 12, 20), AS_OF),
    freq=st.sampled_from(["day", "week", "month"]),
    since=st.sampled_from([None, date(2023, 12, 10)]),
)
def test_agrees_with_a_loop_over_customers_and_days(engine, lines, cut, freq, since):
    """Every count, what is expected and where the holdout begins."""
    frame = orders(("Ann", date(2023, 12, 5), 5), ("Bob", date(2023, 12, 20), 5), *lines)
    expected = pd.DataFrame(naive_rows(days_bought(frame, cut, since) or [[cut]], cut, freq))
    table = engine.table(frame)
    options = {"model": WEEKS, "as_of": AS_OF, "cut": cut, "freq": freq, "observed_from": since}
    if not days_bought(frame, cut, since):
        with pytest.raises(rt.ContentError, match="no base to follow"):
            rt.repeat_buying.tracking_table(table, **options)
        return
    answer = rt.repeat_buying.tracking_table(table, **options)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["step"])
    assert list(found.columns) == COLUMNS
    first_days = [periods.first_day(step, freq) for step in expected["step"]]
    assert pd.to_datetime(found["period"]).dt.date.tolist() == first_days
    np.testing.assert_allclose(found["expected"].cumsum(), expected["cumulative_expected"])
    pd.testing.assert_frame_equal(found[expected.columns], expected, rtol=1e-9)


def test_totals_are_those_of_the_summary():
    """On the last day of a week all repeat purchases are those of the summary's x."""
    lines = rt.sample_company(300, seed=2).orders
    summary = rt.purchase_summary(lines, as_of="2024-12-29")
    model = rt.repeat_buying.fit_mbg_nbd(summary)
    table = rt.repeat_buying.tracking_table(lines, model=model, as_of="2024-12-29")
    last = table.iloc[-1]
    assert last["cumulative_actual"] == summary["x"].sum()
    assert last["n_customers"] == len(summary)
    assert last["cumulative_expected"] == pytest.approx(summary["x"].sum(), rel=0.1)
    assert not table["is_holdout"].any()


def test_days_and_weeks_expect_alike():
    """The unit of the model changes nothing."""
    lines = rt.sample_company(100, seed=2).orders
    r, alpha, a, b = CDNOW[BgNbdModel]
    tables = [
        rt.repeat_buying.tracking_table(
            lines, model=model_of(BgNbdModel, (r, scale, a, b), unit=unit), as_of="2023-12-31"
        )
        for unit, scale in (("week", alpha), ("day", 7 * alpha))
    ]
    pd.testing.assert_frame_equal(*tables, rtol=1e-9)


FRAME = orders(("Ann", "2024-01-03", 5), ("Ann", "2024-02-20", 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "pareto"}, r"model must be fitted, as by fit_pareto_nbd\(summary\); got str"),
        ({"model": WEEKS.model_copy(update={"unit": None})}, "does not say what its ages are in"),
        ({"cut": "2024-03-01"}, "cut is 2024-03-01, after as_of 2024-02-29"),
        ({"cut": "2024-01-01"}, "Nobody first bought by 2024-01-01"),
        ({"observed_from": "2024-01-04"}, "Nobody first bought from 2024-01-04 on and by"),
        ({"freq": "year"}, "No year since the first purchase .2024-01-03. is over by 2024-02-29"),
        ({"freq": "weeks"}, "freq must be one of 'day', 'week'"),
    ],
)
def test_refusals(options, message):
    """What cannot be asked is said in the user's words."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.repeat_buying.tracking_table(FRAME, **{"model": WEEKS, "as_of": AS_OF, **options})
