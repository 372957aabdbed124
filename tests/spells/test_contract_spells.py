"""contract_spells: how long customers stayed under contract, against a walk through the days."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from lasting import contracts, day, kaplan_meier, named, usable
from retention.tables import SPELLS, require

BEGIN, AS_OF = date(2023, 12, 1), date(2024, 2, 29)
KEYS = ["customer_id", "spell"]
COLUMNS = [
    "customer_id",
    "spell",
    "start",
    "end",
    "entry",
    "duration",
    "churned",
    "set_aside",
    "reactivation",
    "grace",
]
NEVER = date.max


def naive_spells(rows, grace):
    """Walk through the days: starts first, then an end if the last day out is `grace` days ago."""
    found = []
    for customer in sorted({row[0] for row in rows}):
        mine = [row for row in rows if row[0] == customer]
        running, reach, today = None, None, BEGIN
        while today <= AS_OF:
            begun = [row for row in mine if row[1] == today]
            if begun and running is None:
                running = {
                    "customer_id": customer,
                    "start": today,
                    "plan": min(r[3] for r in begun),
                }
                found.append(running)
                reach = today
            reach = max([reach, *(row[2] or NEVER for row in begun)]) if running else None
            if running and reach <= today - timedelta(days=grace):
                running["end"], running = reach, None
            today += timedelta(days=1)
    return found


def as_rows(found, grace, observed_from):
    """What the walk found, one tuple a spell."""
    known = AS_OF - timedelta(days=grace)
    rows = []
    for spell in found:
        lasted = max((spell.get("end", known) - spell["start"]).days, 0)
        entry = max((observed_from - spell["start"]).days, 0) if observed_from else 0
        reason = None
        if spell["start"] > known:
            reason = "began within the grace period"
        elif entry and lasted <= entry:
            over = "ended" if "end" in spell else "observation ended"
            reason = f"{over} before it came under observation"
        end = spell.get("end")
        rows.append(
            (
                spell["customer_id"],
                spell["start"],
                end,
                entry or None,
                lasted,
                bool(end),
                reason,
                spell["plan"],
            )
        )
    return rows


def rows_of(spells):
    """An answer of the library, one tuple a spell."""
    none = lambda value: None if pd.isna(value) else value  # noqa: E731
    return [
        (
            row["customer_id"],
            row["start"].date(),
            None if pd.isna(row["end"]) else row["end"].date(),
            none(row["entry"]),
            row["duration"],
            row["churned"],
            none(row["set_aside"]),
            row["plan"],
        )
        for row in spells.to_dict("records")
    ]


def contract(customer, start, days, plan):
    """One contract, running where it has no days."""
    return customer, start, None if days is None else start + timedelta(days=days), plan


contract_rows = st.lists(
    st.builds(
        contract,
        st.sampled_from(["Ann", "Bob", "Cem"]),
        st.dates(BEGIN, date(2024, 3, 10)),
        st.none() | st.integers(0, 40),
        st.sampled_from(["basic", "plus"]),
    ),
    max_size=14,
)
FIRST = ("Ann", BEGIN, BEGIN + timedelta(days=3), "basic")


def file_of(rows):
    """Contracts with a plan; the first begins on the first day."""
    return contracts(FIRST, *rows, columns=("plan",))


@given(
    rows=contract_rows,
    grace=st.integers(0, 20),
    observed_from=st.none() | st.dates(BEGIN, AS_OF),
)
def test_agrees_with_a_walk_through_the_days(engine, rows, grace, observed_from):
    """Merged contracts, ends, entries, reasons and attributes."""
    spells = rt.contract_spells(
        engine.table(file_of(rows)),
        as_of=AS_OF,
        observed_from=observed_from,
        grace=grace,
        keep_first="plan",
    )
    found = engine.read(spells, order=KEYS)
    expected = as_rows(naive_spells([FIRST, *rows], grace), grace, observed_from)
    assert rows_of(found) == expected
    assert (found["spell"] == found.groupby("customer_id").cumcount() + 1).all()


def test_answer_is_of_the_kind_that_was_given(engine):
    """The same kind of table comes back, its columns and types whatever the contracts say."""
    ended = [("Bob", BEGIN, BEGIN + timedelta(days=9), "plus")]
    answers = [
        rt.contract_spells(
            engine.table(file_of(rows)), as_of=AS_OF, grace=grace, observed_from=first
        )
        for rows, grace, first in [(ended, 0, None), (ended, 90, None), (ended, 0, AS_OF)]
    ]
    types = engine.read(answers[0]).dtypes.astype(str).to_dict()
    for answer in answers:
        require(answer, SPELLS)
        assert engine.is_mine(answer)
        assert list(engine.read(answer).columns) == COLUMNS
        assert engine.read(answer).dtypes.astype(str).to_dict() == types


def test_contracts_that_overlap_or_touch_are_one_spell():
    """The first day out of one is the first day of the next; a contract within one adds nothing."""
    frame = contracts(
        ("Ann", "2024-01-01", "2024-02-01"),
        ("Ann", "2024-01-05", "2024-01-10"),
        ("Ann", "2024-02-01", "2024-03-01"),
        ("Bob", "2024-01-01", "2024-02-01"),
        ("Bob", "2024-02-02", "2024-03-01"),
    )
    say = {"as_of": "2024-03-31"}
    spells = rt.contract_spells(frame, grace=0, **say)
    assert spells[["customer_id", "duration"]].values.tolist() == [
        ["Ann", 60],
        ["Bob", 31],
        ["Bob", 28],
    ]
    assert rt.contract_spells(frame, grace=1, **say)["duration"].tolist() == [60, 60]


def test_an_end_is_known_once_grace_has_passed():
    """With e + grace = as_of it has churned, on e; a day earlier it counts up to as_of − grace."""
    ann = contracts(("Ann", "2024-01-01", "2024-02-01"))
    columns = ["end", "duration", "churned"]
    known = rt.contract_spells(ann, as_of="2024-02-06", grace=5)
    open_still = rt.contract_spells(ann, as_of="2024-02-05", grace=5)
    assert known[columns].values.tolist() == [[pd.Timestamp("2024-02-01"), 31, True]]
    assert open_still[columns].values.tolist() == [[pd.NaT, 30, False]]


def test_an_end_after_as_of_is_not_known():
    """A term that ends tomorrow may be renewed: the spell is running, like one without an end."""
    frame = contracts(("Ann", "2024-01-01", "2024-02-01"), ("Bob", "2024-01-01", None))
    spells = rt.contract_spells(frame, as_of="2024-01-31", grace=0)
    assert spells[["churned", "duration"]].values.tolist() == [[False, 30], [False, 30]]


def renewals(n_cohorts, n, share, *, days=30):
    """Cohorts of n customers, one a term of so many days, of whom a share renews each time."""
    rows = []
    for cohort in range(n_cohorts):
        left, term = n, cohort
        while term < n_cohorts:
            rows += [
                (f"{cohort}-{i}", day(term * days), day((term + 1) * days)) for i in range(left)
            ]
            left, term = int(left * share), term + 1
    return contracts(*rows), day(n_cohorts * days - 1)


def test_contracts_that_end_on_the_same_days_show_the_true_share_that_renews():
    """Half renew each time: after k terms (1/2)^k are left, to the last of them, exactly.

    Running spells counted to the day after as_of meet the next renewal without a chance to be seen
    leaving, and would make it look as if many more stayed.
    """
    frame, as_of = renewals(7, 64, 0.5)
    spells = rt.contract_spells(frame, as_of=as_of, grace=0)
    left = [kaplan_meier(spells, 30 * k) for k in range(1, 7)]
    assert left == [Fraction(1, 2**k) for k in range(1, 7)]
    in_force = spells.assign(duration=spells["duration"] + ~spells["churned"])
    assert kaplan_meier(in_force, 180) == Fraction(4, 2**6)


def test_the_shares_that_the_docstring_states():
    """Twelve cohorts, nine in ten renew: 31 % last eleven terms; counted a day further, 40 %."""
    renewed = Fraction(9, 10)
    assert round(100 * renewed**11) == 31
    looks = Fraction(1)
    for k in range(1, 12):  # of 13 − k cohorts that reach term k, one cannot be seen leaving
        looks *= 1 - (1 - renewed) * Fraction(12 - k, 13 - k)
    assert round(100 * looks) == 40


@given(rows=contract_rows, grace=st.integers(0, 20))
def test_nobody_censored_could_have_been_an_end_seen_earlier(rows, grace):
    """With T the time to the end once all is known, and C = as_of − grace − s, we see min(T, C).

    A spell has churned if T ≤ C. So the time of censoring depends on the start alone.
    """
    whole = [(who, start, end or start, plan) for who, start, end, plan in rows]
    cut = usable(rt.contract_spells(file_of(whole), as_of=AS_OF, grace=grace))
    full = rt.contract_spells(file_of(whole), as_of="2025-01-01", grace=grace)
    assert full["churned"].all()
    both = cut.merge(full, on=["customer_id", "start"], suffixes=("", "_full"))
    followed = (pd.Timestamp(AS_OF) - both["start"]).dt.days - grace
    assert len(both) == len(cut)
    assert (both["duration"] == np.minimum(both["duration_full"], followed)).all()
    assert (both["churned"] == (both["duration_full"] <= followed)).all()


def test_customers_in_force_at_the_cut_enter_there():
    """With entry at observed_from the share lasting is right; without, early leavers lack."""
    rng = np.random.default_rng(1)
    n = 6_000
    start = rng.integers(0, 600, n)
    lasted = np.ceil(rng.exponential(120, n) * rng.choice([0.3, 1.5], n)).astype(int)
    frame = pd.DataFrame(
        {
            "customer_id": range(n),
            "start": pd.to_datetime(start, unit="D").astype("datetime64[us]"),
            "end": pd.to_datetime(start + lasted, unit="D").astype("datetime64[us]"),
        }
    )
    observed_from = day(450)
    seen = frame[frame["end"] > observed_from]
    spells = rt.contract_spells(seen, as_of=day(700), observed_from=observed_from, grace=0)
    true = (lasted > 180).mean()
    assert float(kaplan_meier(usable(spells), 180)) == pytest.approx(true, abs=0.025)
    assert float(kaplan_meier(spells.assign(entry=np.nan), 180)) > true + 0.08
    assert (usable(spells)["entry"].dropna() > 0).all()


@given(rows=contract_rows, grace=st.integers(0, 20), at=st.integers(1, 20))
def test_a_contract_written_in_two_parts_is_the_same_spell(rows, grace, at):
    """Splitting contracts into touching parts changes nothing."""
    parts = []
    for who, start, end, plan in rows:
        middle = start + timedelta(days=at)
        if end is None or middle < end:
            parts += [(who, start, middle, plan), (who, middle, end, plan)]
        else:
            parts.append((who, start, end, plan))
    say = {"as_of": AS_OF, "grace": grace}
    pd.testing.assert_frame_equal(
        rt.contract_spells(file_of(parts), **say), rt.contract_spells(file_of(rows), **say)
    )


@given(rows=contract_rows, grace=st.integers(0, 20))
def test_shuffled_contracts_and_contracts_after_as_of_change_nothing(rows, grace):
    """Neither the order of the rows nor what was not observed matters."""
    say = {"as_of": AS_OF, "grace": grace, "keep_first": "plan"}
    spells = rt.contract_spells(file_of(rows), **say)
    later = ("Ann", "2024-03-01", None, "plus")
    mixed = file_of([later, *rows]).sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(rt.contract_spells(mixed, **say), spells)


def test_large_tables_take_the_way_through_duckdb(monkeypatch):
    """A pandas table that DuckDB groups gives what pandas gives."""
    frame, as_of = renewals(5, 16, 0.5)
    say = {"as_of": as_of, "grace": 3, "observed_from": day(40)}
    small = rt.contract_spells(frame, **say)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 10)
    pd.testing.assert_frame_equal(named(rt.contract_spells(frame, **say)), named(small))


ONE = contracts(("Ann", "2024-01-01", "2024-02-01"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"grace": -1}, rt.RetentionError, "grace must be a whole number of days, 0 or more"),
        ({"grace": 1.5}, rt.RetentionError, "grace must be a whole number of days, 0 or more"),
        ({"as_of": "2023-12-31"}, rt.ContentError, "the first contract starts on 2024-01-01"),
        ({"observed_from": "2024-03-01"}, rt.RetentionError, "after as_of 2024-02-15"),
        ({"keep": "plan"}, rt.ColumnError, "keep names 'plan'"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        rt.contract_spells(ONE, **{"as_of": "2024-02-15", "grace": 0, **change})


def test_contracts_that_cannot_be_are_refused():
    """No contract at all, and one that ends before it starts."""
    with pytest.raises(rt.ContentError, match="contracts is empty"):
        rt.contract_spells(ONE.iloc[:0], as_of="2024-02-15", grace=0)
    backwards = contracts(("Ann", "2024-01-01", "2023-12-01"))
    with pytest.raises(rt.ContentError, match="1 of 1 rows end before they start"):
        rt.contract_spells(backwards, as_of="2024-02-15", grace=0)


def test_the_contracts_of_latest_end_are_looked_for_only_where_something_of_them_is_kept(
    monkeypatch,
):
    """Grouped for nothing, they took pandas two thirds of the time of all spells."""

    def called(*_):
        raise AssertionError

    room = "retention.spells.of_contracts"
    monkeypatch.setattr(f"{room}.contract_spells_at_hand", lambda *_: None)
    monkeypatch.setattr(f"{room}._contracts_of_latest_end", called)
    rows = pd.DataFrame({"customer_id": ["a"], "start": [pd.Timestamp("2024-01-01")],
                         "end": [pd.NaT], "plan": ["x"]})  # fmt: skip
    asked = {"as_of": "2024-01-31", "grace": 0}
    assert rt.contract_spells(rows, **asked)["duration"].tolist() == [30]
    with pytest.raises(AssertionError):
        rt.contract_spells(rows, keep_last=["plan"], **asked)
