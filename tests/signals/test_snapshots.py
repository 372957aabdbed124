"""snapshots: who had bought shortly before a day, against a look at each customer and day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from watched_days import day, line, naive_days, table_of

some_days = st.lists(st.integers(0, 75), min_size=1, max_size=5)


def naive_snapshots(lines, days, active, first):
    """Each customer and day: tenure, None where the first purchase lies before `first`."""
    rows = {}
    for who, bought in naive_days(lines).items():
        for a in set(days):
            known = [n for n in bought if n <= a]
            if known and a - max(known) < active:
                rows[who, day(a)] = None if min(bought) < first else float(a - min(bought))
    return rows


def rows_of(frame):
    """What the library says, in the same form."""
    told = zip(frame["customer_id"], frame["as_of"], frame["tenure"], strict=True)
    return {(who, pd.Timestamp(a).date()): None if np.isnan(t) else t for who, a, t in told}


def agrees_with_a_look_at_each(engine, lines, days, active, first):
    """Every customer and day of the answer is one found by hand."""
    answer = engine.read(
        rt.signals.snapshots(
            engine.table(table_of(lines)),
            dates=[str(day(a)) for a in days],
            active_within=active,
            observed_from=None if first is None else day(first),
        )
    )
    assert rows_of(answer) == naive_snapshots(lines, days, active, first or 0)
    assert len(rows_of(answer)) == len(answer)
    return answer


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
@given(
    lines=st.lists(line, max_size=12),
    days=some_days,
    active=st.integers(1, 40),
    late=st.booleans(),
)
def test_agrees_with_a_look_at_each_customer_and_day(lines, days, active, late):
    """Refunds, equal days, days named twice, silences of every length, starts not seen."""
    lines = [("Dee", 0, 5.0), ("Dee", 60, 5.0), *lines]
    days = [a for a in days if a < 60 + active] or [60]
    first = 10 if late and min(days) >= 10 else None
    agrees_with_a_look_at_each(Engine("pandas"), lines, days, active, first)


def test_every_engine_agrees_with_a_look_at_each_customer_and_day(engine):
    """A silence that ends on the day, one that is too long by a day, a refund, a start unseen."""
    lines = [("Ann", 0, 5.0), ("Ann", 11, 5.0), ("Bob", 12, 8.0), ("Bob", 20, -8.0),
             ("Cem", 13, 8.0), ("Cem", 13, -8.0), ("Dee", 40, 1.0)]  # fmt: skip
    answer = agrees_with_a_look_at_each(engine, lines, [40, 12, 41, 20, 13], 30, 12)
    assert list(answer.columns) == ["customer_id", "as_of", "tenure"]


def test_a_lazy_table_stays_lazy():
    """A Polars query in, a Polars query out."""
    engine = Engine("polars_lazy")
    table = engine.table(table_of([("Ann", 0, 5.0), ("Ann", 9, 5.0)]))
    assert type(rt.signals.snapshots(table, dates=day(9), active_within=5)) is type(table)


def test_customers_added_later_change_nothing_of_a_day():
    """Who comes after a day is nothing to it."""
    lines = [("Ann", 0, 5.0), ("Bob", 8, 5.0), ("Ann", 9, 5.0)]
    asked = {"dates": [day(9)], "active_within": 5}
    alone = rt.signals.snapshots(table_of(lines), **asked)
    more = rt.signals.snapshots(table_of([*lines, ("Cem", 10, 5.0), ("Ann", 12, 5.0)]), **asked)
    pd.testing.assert_frame_equal(alone, more)


@pytest.mark.parametrize("within", [30, 90])
def test_who_is_asked_about_is_whom_the_backtest_of_purchases_scores(within):
    """As many customers, of whom as many buy nothing in as many days."""
    company = rt.sample_company(300, seed=5).orders
    cut = "2023-12-31"
    scores = rt.repeat_buying.backtest_purchases(
        company, fit=rt.repeat_buying.fit_mbg_nbd, cuts=[cut], within=within
    )
    found = rt.signals.snapshots(company, dates=cut, active_within=within)
    assert len(found) == scores["n_running"][0]
    told = rt.signals.label_silence(found, company, within=within, as_of="2024-12-31")
    assert told["churned"].sum() == scores["n_churned"][0]


def test_refuses_days_that_nothing_is_known_of():
    """No day, days before the log and behind it, a start of observation after the day."""
    table = table_of([("Ann", 5, 5.0), ("Ann", 9, 5.0)])
    ask = rt.signals.snapshots
    with pytest.raises(rt.RetentionError, match="name at least one day"):
        ask(table, dates=[], active_within=5)
    with pytest.raises(rt.RetentionError, match=r"dates must be a day such as '2024-12-31'"):
        ask(table, dates=["soon"], active_within=5)
    with pytest.raises(rt.RetentionError, match="active_within must be a whole number of days"):
        ask(table, dates=day(9), active_within=0)
    with pytest.raises(rt.ContentError, match="but the first order is of 2024-01-06"):
        ask(table, dates=[day(4), day(9)], active_within=5)
    with pytest.raises(rt.ContentError, match="nobody bought in the 5 days up to it"):
        ask(table, dates=[day(14)], active_within=5)
    assert len(ask(table, dates=[day(13)], active_within=5)) == 1
    with pytest.raises(rt.RetentionError, match="after the first of dates"):
        ask(table, dates=[day(9)], active_within=5, observed_from=day(10))
    with pytest.raises(rt.ContentError, match="transactions is empty"):
        ask(table.head(0), dates=[day(9)], active_within=5)
    with pytest.raises(rt.ColumnError, match="lacks 'sales'"):
        ask(table.drop(columns="sales"), dates=[day(9)], active_within=5)


def test_a_log_that_fell_silent_is_said_so():
    """The last order is of long before the day."""
    table = table_of([(f"c{n}", n, 5.0) for n in range(40)])
    with pytest.warns(rt.RetentionWarning, match="days before dates 2024-03-16"):
        rt.signals.snapshots(table, dates=day(75), active_within=60)
