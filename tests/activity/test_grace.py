"""contract_periods with a grace period: a pause at a migration is no churn."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from lasting import contracts
from retention.cli import main
from retention.periods import first_day, step_of

BEGIN, AS_OF = date(2023, 12, 1), date(2024, 2, 29)


def in_force(rows, day, grace):
    """The contracts that count on a day: those in force, or else those held until a renewal."""
    there = [row for row in rows if row[1] <= day and (row[2] is None or day < row[2])]
    begun = [row for row in rows if row[1] <= day]
    if there or not begun:
        return there
    ended = max(row[2] for row in begun)
    later = [row[1] for row in rows if row[1] > day]
    if not later or (min(later) - ended).days > grace:
        return []
    return [row for row in begun if row[2] == ended]


def naive_rows(rows, freq, grace):
    """For each opening whose ends are known, each customer's contracts and their amount."""
    found = {}
    last = step_of(AS_OF + timedelta(days=1 - grace), freq)
    first = step_of(BEGIN - timedelta(days=1), freq) + 1
    for step in range(first, last + 1):
        for who in {row[0] for row in rows}:
            mine = [row for row in rows if row[0] == who]
            if there := in_force(mine, first_day(step, freq), grace):
                found[step, who] = (len(there), sum(row[3] for row in there))
    return found


contract_rows = st.lists(
    st.builds(
        lambda who, start, days, sales: (
            who,
            start,
            None if days is None else start + timedelta(days=days),
            sales,
        ),
        st.sampled_from(["Ann", "Bob"]),
        st.dates(BEGIN, date(2024, 3, 10)),
        st.none() | st.integers(0, 30),
        st.integers(1, 9),
    ),
    max_size=8,
)
FIRST = ("Ann", BEGIN, BEGIN + timedelta(days=12), 5)


def file_of(rows):
    """Contracts with sales a month; the first begins on the first day."""
    return contracts(FIRST, *rows, columns=("sales",)).astype({"sales": float})


@given(rows=contract_rows, grace=st.integers(0, 20), freq=st.sampled_from(["day", "week"]))
def test_agrees_with_the_definition_in_sets(engine, rows, grace, freq):
    """Who counts at each opening, with which contracts and for how much."""
    answer = rt.contract_periods(engine.table(file_of(rows)), freq=freq, as_of=AS_OF, grace=grace)
    found = engine.read(answer, order=["step", "customer_id"])
    months = {"day": 1 / 30.4375, "week": 7 / 30.4375}[freq]
    seen = {
        (row["step"], row["customer_id"]): (row["n_orders"], pytest.approx(row["sales"] / months))
        for row in found[found["active"]].to_dict("records")
    }
    assert seen == naive_rows([FIRST, *rows], freq, grace)
    assert (found["step"] <= found["last_step"]).all()


@given(rows=contract_rows, grace=st.integers(0, 20))
def test_who_is_in_force_is_whose_spell_of_the_same_grace_is(rows, grace):
    """One rule: at each opening the customers are those of contract_spells."""
    frame = file_of(rows)
    activity = rt.contract_periods(frame, freq="day", as_of=AS_OF, grace=grace)
    spells = rt.contract_spells(frame, as_of=AS_OF, grace=grace)
    known = AS_OF - timedelta(days=grace)
    active = activity[activity["active"] & (activity["period"] <= pd.Timestamp(known))]
    found = set(zip(active["customer_id"], active["period"], strict=True))
    expected = {
        (row.customer_id, day)
        for row in spells.itertuples()
        for day in pd.date_range(row.start, known)
        if pd.isna(row.end) or day < row.end
    }
    assert found == expected


@given(rows=contract_rows)
def test_later_rows_change_nothing_that_was_given(rows):
    """What an opening says with grace is final: what starts after as_of changes none of it."""
    known = [row for row in rows if row[1] <= AS_OF]
    say = {"freq": "day", "as_of": AS_OF - timedelta(days=1), "grace": 5}
    pd.testing.assert_frame_equal(
        rt.contract_periods(file_of(known), **say), rt.contract_periods(file_of(rows), **say)
    )


MIGRATED = contracts(
    ("Ann", "2024-01-01", "2024-03-31", 10.0),
    ("Ann", "2024-04-03", None, 12.0),
    ("Bob", "2024-01-01", None, 30.0),
    ("Cem", "2024-01-01", "2024-03-31", 40.0),
    columns=("sales",),
)


def test_a_pause_at_a_migration_is_no_churn_and_no_movement(engine):
    """Ann lapses for three days over 1 April: with grace she stayed, and pays more from May."""
    activity = rt.contract_periods(
        engine.table(MIGRATED), freq="month", as_of="2024-06-30", grace=7
    )
    rates = engine.read(rt.retention_rate(activity), order=["step"])
    assert rates[["n_base", "n_retained"]].values.tolist() == [
        [3, 3],
        [3, 3],
        [3, 2],
        [2, 2],
        [2, 2],
    ]
    money = engine.read(rt.net_revenue_retention(activity, lag=1), order=["step"])
    assert money["net_revenue_retention"].tolist()[2:] == pytest.approx([40 / 80, 42 / 40, 1.0])
    moves = engine.read(rt.revenue_movements(activity), order=["step"])
    columns = ["n_reactivated", "n_contracted", "n_churned", "n_expanded", "sales_expansion"]
    found = moves[columns].tail(4).values.tolist()
    assert found == [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 2], [0, 0, 0, 0, 0]]


def test_without_grace_the_same_pause_is_churn_and_win_back():
    """The test above cannot pass by itself: without grace two of three leave in March."""
    activity = rt.contract_periods(MIGRATED, freq="month", as_of="2024-06-30")
    rates = rt.retention_rate(activity)
    assert rates[["n_base", "n_retained"]].values.tolist()[2:4] == [[3, 1], [1, 1]]


def test_an_end_is_told_only_when_the_grace_has_passed():
    """Ann's end of 31 March is known on 7 April, as it is with contract_spells."""
    ended = contracts(("Ann", "2024-01-01", "2024-04-01"), ("Bob", "2024-01-01", None))
    last = {
        as_of: rt.contract_periods(ended, freq="month", as_of=as_of, grace=7)["period"].max()
        for as_of in ("2024-04-06", "2024-04-07")
    }
    assert [str(day.date()) for day in last.values()] == ["2024-03-01", "2024-04-01"]


def test_grace_zero_is_what_is_given_without_it():
    """The default."""
    say = {"freq": "week", "as_of": AS_OF}
    rows = [("Bob", date(2024, 1, 5), date(2024, 1, 9), 3), ("Bob", date(2024, 1, 11), None, 3)]
    pd.testing.assert_frame_equal(
        rt.contract_periods(file_of(rows), **say),
        rt.contract_periods(file_of(rows), grace=0, **say),
    )


@pytest.mark.parametrize(
    ("grace", "error", "message"),
    [
        (-1, rt.RetentionError, "grace must be a whole number"),
        (1.5, rt.RetentionError, "grace must be a whole number"),
        (400, rt.ContentError, "less the 400 days of grace after which an end is known"),
    ],
)
def test_a_grace_that_cannot_be_meant_is_refused(grace, error, message):
    """The message says what it must be, or that nothing is known by then."""
    with pytest.raises(error, match=message):
        rt.contract_periods(MIGRATED, freq="month", as_of="2024-06-30", grace=grace)


def test_the_report_takes_its_pause_for_periods_as_for_spells():
    """With gap=7 the report counts Ann and Bob of March as kept; without it, Bob alone."""
    say = {"as_of": "2024-06-30", "freq": "month", "pictures": False, "min_customers": 1}
    report = {
        gap: rt.retention_report(MIGRATED.head(3), gap=gap, **say).to_markdown() for gap in (0, 7)
    }
    assert "| Mar 2024 | 2 | 1 | 50.0% |" in report[0]
    assert "| Mar 2024 | 2 | 2 | 100.0% |" in report[7]


def test_grace_on_the_command_line_is_that_of_the_library(tmp_path, capsys):
    """--grace 7 is grace=7; of order lines it is refused."""
    path = tmp_path / "contracts.csv"
    MIGRATED.to_csv(path, index=False)
    words = ["kpis", str(path), "--start", "start", "--end", "end", "--sales", "sales"]
    words += ["--sales-per", "month", "--end-is", "first_day_out", "--format", "json"]
    assert main([*words, "--as-of", "2024-06-30", "--grace", "7"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["n_retained"] for row in found] == [3, 3, 2, 2, 2]
    assert main(["kpis", str(path), "--date", "start", "--sales", "sales", "--grace", "7"]) == 2
    assert "--grace is of contracts" in capsys.readouterr().err
