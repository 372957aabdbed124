"""contract_periods: who is in force as each period opens, against a loop over openings."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from lasting import contracts, day
from retention.periods import first_day, step_of

BEGIN, AS_OF = date(2023, 12, 1), date(2024, 2, 29)
MONTHS = {"day": 1 / 30.4375, "week": 7 / 30.4375, "month": 1, "quarter": 3, "year": 12}
KEYS = ["plan", "step", "customer_id"]


def openings(freq, first, last):
    """The periods that open from the first day to the midnight that closes the last."""
    closing = last + timedelta(days=1)
    steps = range(step_of(first, freq), step_of(closing, freq) + 1)
    return [step for step in steps if first <= first_day(step, freq) <= closing]


def naive_rows(rows, freq, observed_from):
    """For each opening, the contracts in force on that day."""
    found = {}
    for step in openings(freq, observed_from, AS_OF):
        opens = first_day(step, freq)
        for who, start, end, plan, sales in rows:
            if start <= opens and (end is None or opens < end):
                n, money = found.get((plan, step, who), (0, 0))
                found[plan, step, who] = n + 1, money + sales
    return {key: (n, pytest.approx(MONTHS[freq] * money)) for key, (n, money) in found.items()}


def naive_starts(rows, freq, observed_from):
    """Each customer's first period in each plan of their first day, and what it brings there."""
    found = {}
    first_seen = openings(freq, observed_from or BEGIN, AS_OF)[0]
    for who in {row[0] for row in rows}:
        first = min(start for name, start, *_ in rows if name == who)
        step = step_of(first, freq)
        cut = observed_from is not None and (first < observed_from or step < first_seen)
        if first > AS_OF or cut:
            continue
        for name, start, _, plan, sales in rows:
            if name == who and start == first:
                found[plan, step, who] = found.get((plan, step, who), 0) + sales
    return {key: pytest.approx(MONTHS[freq] * money) for key, money in found.items()}


def starts_of(found):
    """The rows of the periods in which customers began, and the money named there."""
    began = found[found["step"] == found["started"]]
    rows = began.to_dict("records")
    sums = {tuple(row[name] for name in KEYS): row["sales_at_start"] for row in rows}
    assert (found.loc[found["step"] != found["started"], "sales_at_start"] == 0).all()
    assert (found.loc[~found["active"], ["n_orders", "sales"]] == 0).all(axis=None)
    return sums


def contract(customer, start, days, plan, sales):
    """One contract, running where it has no days."""
    end = None if days is None else start + timedelta(days=days)
    return customer, start, end, plan, sales


contract_rows = st.lists(
    st.builds(
        contract,
        st.sampled_from(["Ann", "Bob", "Cem"]),
        st.dates(BEGIN, date(2024, 3, 10)),
        st.none() | st.integers(0, 60),
        st.sampled_from(["basic", "plus"]),
        st.integers(0, 9),
    ),
    max_size=10,
)
FIRST = ("Ann", BEGIN, BEGIN + timedelta(days=40), "basic", 5)


def file_of(rows):
    """Contracts with a plan and monthly sales; the first begins on the first day."""
    frame = contracts(FIRST, *rows, columns=("plan", "sales"))
    return frame.assign(sales=frame["sales"].astype(float))


@given(
    rows=contract_rows,
    freq=st.sampled_from(["day", "week", "month"]),
    observed_from=st.none() | st.dates(date(2023, 11, 1), date(2024, 2, 1)),
)
def test_agrees_with_a_loop_over_openings(engine, rows, freq, observed_from):
    """Customers, contracts in force and money of each period."""
    answer = rt.contract_periods(
        engine.table(file_of(rows)), freq=freq, as_of=AS_OF, by="plan", observed_from=observed_from
    )
    found = engine.read(answer, order=KEYS)
    assert set(found["first_step"]) <= {openings(freq, observed_from or BEGIN, AS_OF)[0]}
    assert starts_of(found) == naive_starts([FIRST, *rows], freq, observed_from)
    found = found[found["active"]]
    seen = {
        tuple(row[name] for name in KEYS): (row["n_orders"], row["sales"])
        for row in found.to_dict("records")
    }
    expected = naive_rows([FIRST, *rows], freq, observed_from or BEGIN)
    assert seen == expected
    assert [d.date() for d in found["period"]] == [first_day(s, freq) for s in found["step"]]
    steps = openings(freq, observed_from or BEGIN, AS_OF)
    assert set(found["first_step"]) <= {steps[0]}
    assert set(found["last_step"]) <= {steps[-1]}


def test_answer_is_of_the_kind_that_was_given(engine):
    """The columns of customer_periods and those of starts, whether or not there is money."""
    frame = file_of([])
    activity = rt.contract_periods(engine.table(frame), freq="month", as_of=AS_OF, by="plan")
    bare = frame[["customer_id", "start", "end"]]
    plain = rt.contract_periods(engine.table(bare), freq="month", as_of=AS_OF)
    from_orders = rt.customer_periods(
        frame.rename(columns={"start": "date"}), freq="day", as_of="2023-12-01"
    )
    assert engine.is_mine(activity)
    names = [*from_orders.columns, "started", "sales_at_start", "profit_at_start"]
    assert list(engine.read(plain).columns) == names
    assert [c for c in engine.read(activity).columns if c != "plan"] == names
    assert engine.read(plain)["sales"].isna().all()
    assert engine.read(activity)["profit"].isna().all()


def test_raw_retention_counts_who_is_in_force_as_the_period_opens_and_closes(engine):
    """Ann leaves in February, Bob on 1 March: of two in February, one is there as March opens.

    The first day out is no day in force, so who leaves on 1 March is not retained over February.
    """
    frame = contracts(
        ("Ann", "2024-01-01", "2024-02-15"),
        ("Bob", "2024-01-15", "2024-03-01"),
        ("Cem", "2024-02-01", None),
        ("Dee", "2024-01-02", "2024-01-30"),
    )
    activity = rt.contract_periods(engine.table(frame), freq="month", as_of="2024-03-31")
    rates = engine.read(rt.retention_rate(activity), order=["step"])
    assert rates[["n_base", "n_retained"]].values.tolist() == [[1, 1], [3, 1], [1, 1]]


def test_an_end_after_as_of_changes_nothing():
    """What was not observed is not looked at."""
    ended = contracts(("Ann", "2024-01-01", "2024-04-01"))
    running = contracts(("Ann", "2024-01-01", None))
    say = {"freq": "month", "as_of": "2024-03-01"}
    pd.testing.assert_frame_equal(
        rt.contract_periods(ended, **say), rt.contract_periods(running, **say)
    )


def test_contracts_that_overlap_count_once_as_a_customer_and_add_their_money():
    """Two contracts in force make one active customer."""
    frame = contracts(
        ("Ann", "2024-01-01", None, 10.0), ("Ann", "2024-01-15", None, 5.0), columns=("sales",)
    )
    activity = rt.contract_periods(frame.assign(profit=1.0), freq="quarter", as_of="2024-04-01")
    assert activity[["n_orders", "sales", "profit"]].values.tolist() == [[1, 30, 3], [2, 45, 6]]


@pytest.mark.parametrize("freq", ["day", "week", "month", "quarter", "year"])
def test_a_year_of_any_period_is_worth_what_the_contract_brings_in_a_year(freq):
    """Over four years the periods add up to 48 months, to within a period."""
    frame = contracts(("Ann", "2021-01-01", None, 100.0), columns=("sales",))
    activity = rt.contract_periods(frame, freq=freq, as_of="2024-12-30")
    assert activity["sales"].sum() == pytest.approx(4800, rel=0.005)


@given(rows=contract_rows, at=st.integers(1, 20))
def test_a_contract_written_in_two_parts_is_in_force_all_the_same(rows, at):
    """Splitting contracts into touching parts changes nothing."""
    parts = []
    for who, start, end, *rest in rows:
        middle = start + timedelta(days=at)
        if end is None or middle < end:
            parts += [(who, start, middle, *rest), (who, middle, end, *rest)]
        else:
            parts.append((who, start, end, *rest))
    say = {"freq": "week", "as_of": AS_OF, "by": "plan"}
    pd.testing.assert_frame_equal(
        rt.contract_periods(file_of(parts), **say), rt.contract_periods(file_of(rows), **say)
    )


@given(rows=contract_rows)
def test_shuffled_contracts_change_nothing(rows):
    """Neither the order of the rows nor contracts that start after as_of matter."""
    frame = file_of(rows)
    later = ("Ann", "2024-03-01", None, "plus", 3)
    mixed = file_of([later, *rows]).sample(frac=1, random_state=1)
    say = {"freq": "week", "as_of": AS_OF}
    pd.testing.assert_frame_equal(
        rt.contract_periods(mixed, **say), rt.contract_periods(frame, **say)
    )


def test_missing_segments_are_a_segment_of_their_own(engine):
    """A contract without a plan is in "(missing)"."""
    frame = contracts(
        ("Ann", "2024-01-01", None, "basic"), ("Bob", "2024-01-01", None, None), columns=("plan",)
    )
    activity = rt.contract_periods(engine.table(frame), freq="month", as_of="2024-01-30", by="plan")
    assert engine.read(activity, order=["plan"])["plan"].tolist() == ["(missing)", "basic"]


def test_large_tables_take_the_way_through_duckdb(monkeypatch):
    """A pandas table that DuckDB groups gives what pandas gives."""
    rng = np.random.default_rng(1)
    start = rng.integers(0, 300, 400)
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 99, 400),
            "start": pd.to_datetime(start, unit="D").astype("datetime64[us]"),
            "end": pd.to_datetime(start + rng.integers(1, 200, 400), unit="D").astype(
                "datetime64[us]"
            ),
            "sales": rng.integers(1, 9, 400).astype(float),
        }
    )
    say = {"freq": "week", "as_of": day(400)}
    small = rt.contract_periods(frame, **say)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 100)
    pd.testing.assert_frame_equal(rt.contract_periods(frame, **say), small)


ONE = contracts(("Ann", "2024-01-02", "2024-02-01"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"freq": "decade"}, rt.RetentionError, "freq must be one of"),
        ({"as_of": "2024-01-01"}, rt.ContentError, "the first contract starts on 2024-01-02"),
        ({"as_of": "2024-01-30"}, rt.ContentError, "No month opens between 2024-01-02 and as_of"),
        ({"observed_from": "2024-03-01"}, rt.RetentionError, "after as_of 2024-02-15"),
        ({"by": "plan"}, rt.ColumnError, "by names 'plan'"),
        ({"by": "start"}, rt.ColumnError, "'start' is a column of contracts itself"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        rt.contract_periods(ONE, **{"freq": "month", "as_of": "2024-02-15", **change})


def test_without_contracts_there_is_no_activity():
    """An empty table is refused."""
    with pytest.raises(rt.ContentError, match="contracts is empty"):
        rt.contract_periods(ONE.iloc[:0], freq="month", as_of="2024-02-15")


def test_the_period_that_closes_with_as_of_is_judged():
    """Of two customers of 2024 one left in March: 1 of 2, known on the last day of the year."""
    frame = contracts(("Ann", "2024-01-01", "2024-03-05"), ("Bob", "2023-12-01", None))
    say = {"freq": "year", "observed_from": "2023-12-01"}
    found = rt.retention_rate(rt.contract_periods(frame, as_of="2024-12-31", **say))
    assert found[["step", "n_base", "n_retained"]].values.tolist() == [[2024, 2, 1]]
    later = rt.retention_rate(rt.contract_periods(frame, as_of="2025-12-30", **say))
    pd.testing.assert_frame_equal(found, later)


def strange_contracts(seed):
    """Contracts with times of day, losses, whole-number ids and two segments, some not known."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2023-11-20") + pd.to_timedelta(rng.integers(0, 200 * 86_400, 40), "s")
    end = pd.Series(start + pd.to_timedelta(rng.integers(0, 90, 40), "D"))
    end[rng.random(40) < 0.3] = pd.NaT
    return pd.DataFrame({
        "customer_id": rng.integers(0, 9, 40), "start": start, "end": end,
        "profit": rng.integers(-30, 70, 40) / 4, "region": rng.choice(["x", "y"], 40),
        "plan": rng.choice(["a", "b", None], 40, p=[0.5, 0.4, 0.1]),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("freq", "grace"),
    [("month", 0), ("quarter", 40), ("week", 3), (rt.Calendar("week", week_starts="sunday"), 9),
     (rt.Calendar("month", weeks="4-5-4", year_ends="nearest saturday to january"), 0),
     (rt.Calendar("30 days", ends="2024-05-31"), 5)],
)  # fmt: skip
def test_rows_at_hand_agree_with_a_query(freq, grace):
    """To the last row, with whatever segments and whenever the file begins."""
    import polars as pl

    frame = strange_contracts(len(freq))
    for by, since in (([], None), (["plan", "region"], "2023-12-10")):
        said = {"freq": freq, "grace": grace, "by": by, "as_of": "2024-05-31"}
        at_hand = rt.contract_periods(frame, **said, observed_from=since)
        query = rt.contract_periods(pl.from_pandas(frame).lazy(), **said, observed_from=since)
        told = query.collect().to_pandas().sort_values(["customer_id", *by, "step"])
        told["freq"] = told["freq"].astype(at_hand["freq"].dtype)
        pd.testing.assert_frame_equal(
            at_hand, told.reset_index(drop=True), check_dtype=False, rtol=1e-12
        )
