"""The door for spells that are there already."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.loading.doors.spells import as_spells
from retention.tables import LIFETIMES, require

NAMES = {"duration": "time", "churned": "status"}
NEVER = "never at risk under observation"


def lung(**columns):
    """The first patients of R's lung: days, and 1 for alive, 2 for dead."""
    known = {"time": [306, 455, 1010, 210], "status": [2, 2, 1, 2]}
    return pd.DataFrame({**known, **columns})


def telco(**columns):
    """Four customers of a telephone company: months, and whether they left."""
    known = {
        "customerID": ["7590-VHVEG", "5575-GNVDE", "3668-QPYBK", "4472-LVYGI"],
        "tenure": [1, 34, 2, 0],
        "Contract": ["Month-to-month", "One year", "Month-to-month", "Two year"],
        "Churn": ["No", "No", "Yes", "No"],
    }
    return pd.DataFrame({**known, **columns})


def refused(table, error=rt.ContentError, **said):
    """The message with which a table is refused."""
    with pytest.raises(error) as caught:
        as_spells(table, **{**NAMES, **said})
    return str(caught.value)


def nulls(values):
    """A column as a list in which everything missing is None."""
    return [None if pd.isna(value) else value for value in values]


def ends(engine, marks, **said):
    """Who has churned, by the marks of one row each."""
    table = pd.DataFrame({"time": range(1, len(marks) + 1), "status": marks})
    answer = as_spells(engine.table(table), **NAMES, **said)
    return engine.read(answer, order=["duration"])["churned"].tolist()


def test_a_telco_file_becomes_spells(engine):
    """Months and Yes/No need no further word; what is kept stays as it is."""
    said = {"duration": "tenure", "churned": "Churn", "customer_id": "customerid"}
    answer = as_spells(engine.table(telco()), **said, keep="Contract")
    assert engine.is_mine(answer)
    names = ["customer_id", "duration", "churned", "set_aside", "Contract"]
    assert list(require(answer, LIFETIMES).collect_schema()) == names
    found = engine.read(answer, order=["duration"])
    assert found["customer_id"].tolist() == ["4472-LVYGI", "7590-VHVEG", "3668-QPYBK", "5575-GNVDE"]
    assert found["duration"].dtype == np.int64
    assert found["duration"].tolist() == [0, 1, 2, 34]
    assert found["churned"].dtype == np.bool_
    assert found["churned"].tolist() == [False, False, True, False]
    assert found["set_aside"].isna().all()
    assert found["Contract"].tolist()[-1] == "One year"


def test_a_table_of_r_says_which_code_is_the_end(engine):
    """1/2 is asked about with the values there are; 2 answers it."""
    table = engine.table(lung())
    message = refused(table)
    assert "churned of unsaid meaning: 3 rows" in message
    assert "There is: 1, 2. Say churned_is=..." in message
    found = engine.read(as_spells(table, **NAMES, churned_is=2), order=["duration"])
    assert found["churned"].tolist() == [True, True, True, False]


row = st.tuples(st.integers(0, 5), st.sampled_from(["a", "B", "c"]), st.none() | st.integers(-1, 6))


@given(rows=st.lists(row, min_size=1, max_size=12), half=st.booleans())
@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_agrees_with_the_definition_row_by_row(engine, rows, half):
    """Each row is as told: its end, its entry and whether it was ever at risk while observed."""
    unit = 0.5 if half else 1
    table = pd.DataFrame(
        {
            "time": [duration * unit for duration, _, _ in rows],
            "status": [mark for _, mark, _ in rows],
            "seen": pd.Series([entry for _, _, entry in rows], dtype="float64") * unit,
            "row": range(len(rows)),
        }
    )
    said = {"entry": "seen", "churned_is": ["A", "b"], "keep": "row"}
    found = engine.read(as_spells(engine.table(table), **NAMES, **said), order=["row"])
    for got, (duration, mark, entry) in zip(found.to_dict("records"), rows, strict=True):
        assert got["duration"] == duration * unit
        assert got["churned"] == (mark != "c")
        assert nulls([got["entry"]]) == [None if entry is None else entry * unit]
        never = entry is not None and entry > 0 and entry >= duration
        assert nulls([got["set_aside"]]) == [NEVER if never else None]
    whole = all(duration * unit == duration * unit // 1 for duration, _, _ in rows)
    assert found["duration"].dtype == (np.int64 if whole else np.float64)


@pytest.mark.parametrize(
    "marks",
    [
        [True, False, True],
        [1, 0, 1],
        [1.0, 0.0, 1.0],
        ["Yes", "no", "YES"],
        ["true", "False", "TRUE"],
        ["Y", "n", " y "],
        ["1", "0", "1"],
    ],
    ids=["flags", "integers", "floats", "yes", "true", "y", "digits"],
)
def test_unmistakable_marks_need_no_word(engine, marks):
    """Flags, 0/1 and pairs of words say themselves what they mean."""
    assert ends(engine, marks) == [True, False, True]


@pytest.mark.parametrize(
    ("marks", "value", "expected"),
    [
        ([1, 2, 2], 2, [False, True, True]),
        ([1, 2, 2], "2", [False, True, True]),
        (["1", "2", "2"], 2, [False, True, True]),
        ([1.0, 2.0, 3.0], [2, 3], [False, True, True]),
        (["Stayed", "churned", "Joined"], "Churned", [False, True, False]),
        (["Stayed", "Left", "Sued"], ("left", "sued"), [False, True, True]),
        (["Stayed", "Left", "Left"], {"Stayed"}, [True, False, False]),
        ([True, False, False], False, [False, True, True]),
        ([1, 1, 1], 2, None),
        ([1, 1, 1], 1, [True, True, True]),
        (["No", "No", "Yes"], "No", [True, True, False]),
    ],
)
def test_churned_is_says_what_the_end_is(engine, marks, value, expected):
    """One value or several; every other means that the end was not seen."""
    if expected is None:
        with pytest.warns(rt.RetentionWarning, match="nobody has churned. There is: 1. Say"):
            assert ends(engine, marks, churned_is=value) == [False, False, False]
    else:
        assert ends(engine, marks, churned_is=value) == expected


def test_the_warning_points_at_the_users_line():
    """It says where the door was opened, not where it was built."""
    with pytest.warns(rt.RetentionWarning, match="There is: 1, 2.") as caught:
        as_spells(lung(), **NAMES, churned_is=3)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("marks", [[1, 1, 1], [1.0, 1.0, 1.0], ["1", "1", "1"]])
def test_nothing_but_1_is_asked_about(engine, marks):
    """In 0/1 everybody has churned, in 1/2 nobody: a wrong guess would turn all around."""
    table = engine.table(pd.DataFrame({"time": [1, 2, 3], "status": marks}))
    message = refused(table)
    assert "'status' holds nothing but 1" in message
    assert "say churned_is=1 or churned_is=2" in message


def test_nothing_but_flags_or_words_is_not_asked_about(engine):
    """All true, all 0 and all yes have one meaning each."""
    assert ends(engine, [True, True]) == [True, True]
    assert ends(engine, [0, 0]) == [False, False]
    assert ends(engine, ["yes", "yes"]) == [True, True]


def test_values_of_unsaid_meaning_are_listed_up_to_ten(engine):
    """Enough to see what the column is."""
    table = pd.DataFrame({"time": range(12), "status": [f"code {i:02d}" for i in range(12)]})
    message = refused(engine.table(table))
    assert "'code 00', 'code 01', " in message
    assert "'code 09', …. Say churned_is=..." in message
    assert "'code 10'" not in message


def test_a_single_odd_value_among_yes_and_no_is_refused(engine):
    """Perhaps is neither."""
    message = refused(engine.table(lung(status=["Yes", "No", "Perhaps", "No"])))
    assert "churned of unsaid meaning: 1 row" in message
    assert "There is: 'No', 'Perhaps', 'Yes'." in message


@pytest.mark.parametrize("value", ["left", [2, "left"], object()])
def test_a_value_that_its_column_cannot_hold_is_refused(value):
    """Text is never among numbers."""
    message = refused(lung(), rt.RetentionError, churned_is=value)
    assert "column 'status' holds Int64, so it is never that" in message


def test_every_problem_is_in_one_refusal(engine):
    """With its rows, the first of them and what to do."""
    table = pd.DataFrame(
        {
            "time": ["1", "-2", None, "x", "5", "1e300"],
            "status": ["Yes", None, "maybe", "No", " ", "No"],
            "seen": ["soon", None, "", "2", "1e300", "4"],
            "n": [1.0, 0.0, 1.5, None, 2.0, 3.0],
            "who": ["a", "", None, "d", "e", "f"],
        }
    )
    said = {"entry": "seen", "n_spells": "n", "customer_id": "who"}
    message = refused(engine.table(table), **said)
    reasons = {
        "blank customer_id": 2,
        "missing duration": 1,
        "duration that is not a number": 1,
        "duration below 0": 1,
        "infinite or too large duration": 1,
        "blank churned": 2,
        "churned of unsaid meaning": 1,
        "entry that is not a number": 1,
        "infinite or too large entry": 1,
        "missing n_spells": 1,
        "n_spells that is not a whole number of at least 1": 2,
    }
    lines = [f" - {reason}: {n} row{'s' * (n > 1)}" for reason, n in reasons.items()]
    listed = [line.split(",")[0].split(". ")[0] for line in message.splitlines()[1:-1]]
    assert listed == lines
    assert message.splitlines()[-1].startswith("audit(as_spells, ...) parts such rows")
    assert f"spells: this table cannot be used as it is ({len(lines)} problems in 6 rows" in message
    assert "'-2'" in message


def test_numbers_that_are_none_are_refused(engine):
    """Missing and infinite ones are told apart on every engine."""
    table = lung(time=[1.0, np.nan, np.inf, -np.inf], seen=[np.inf, 0.0, np.nan, 1.0])
    message = refused(engine.table(table), churned_is=2, entry="seen")
    assert "missing duration: 1 row" in message
    assert "duration below 0: 1 row" in message
    assert "infinite or too large duration: 2 rows" in message
    assert "infinite or too large entry: 1 row" in message
    assert "missing entry" not in message


def test_an_empty_table_is_refused(engine):
    """There is nothing to learn from it, whatever was said."""
    assert "the table is empty" in refused(engine.table(lung()[:0]), churned_is=2)


def test_numbers_in_text_are_read(engine):
    """As at the other doors: a decimal comma is seen, or said where it must be."""
    table = engine.table(lung(time=["1,5", "2", " 3,25", "4"], status=[0, 1, 0, 1]))
    found = engine.read(as_spells(table, **NAMES), order=["duration"])
    assert found["duration"].tolist() == [1.5, 2.0, 3.25, 4.0]
    table = engine.table(lung(time=["1,500", "2", "3", "4"], status=[0, 1, 0, 1]))
    assert "ambiguous duration: 1 row" in refused(table)
    found = engine.read(as_spells(table, **NAMES, decimal="."), order=["duration"])
    assert found["duration"].tolist() == [2, 3, 4, 1500]
    assert found["duration"].dtype == np.int64


def test_spells_that_stand_for_several_and_their_reasons(engine):
    """Weights are whole numbers; a reason counts only where the end was seen."""
    table = lung(n=[3.0, 1.0, 2.0, 1.0], why=["price", " ", "n/a", "moved "])
    said = {"churned_is": 2, "n_spells": "n", "reason": "why"}
    found = engine.read(as_spells(engine.table(table), **NAMES, **said), order=["duration"])
    assert list(found) == ["duration", "churned", "n_spells", "reason", "set_aside"]
    assert found["n_spells"].dtype == np.int64
    assert found["n_spells"].tolist() == [1, 3, 1, 2]
    assert nulls(found["reason"]) == ["moved", "price", None, None]
    table = engine.table(table.assign(status=[2, 1, 1, 1]))
    found = engine.read(as_spells(table, **NAMES, **said), order=["duration"])
    assert nulls(found["reason"]) == [None, "price", None, None]


@pytest.mark.parametrize("codes", [[1, 2, 3, 12], [1.0, None, np.nan, 12.0], ["1", None, "", "12"]])
def test_reasons_may_be_codes(engine, codes):
    """Whole numbers that a gap made into floats are the same codes."""
    table = engine.table(lung(why=codes))
    found = engine.read(as_spells(table, **NAMES, churned_is=2, reason="why"), order=["duration"])
    assert nulls(found["reason"])[:2] == ["12", "1"]
    assert nulls(found["reason"])[-1] is None


def test_ids_that_were_read_as_floats_are_whole_again(engine):
    """17850.0 is customer 17850."""
    table = engine.table(lung(who=[17850.0, 3.0, 2.0, 1.0]))
    found = engine.read(as_spells(table, **NAMES, churned_is=2, customer_id="who"))
    assert sorted(found["customer_id"].tolist()) == [1, 2, 3, 17850]


def test_the_callers_table_stays_as_it_is():
    """Another index, other types: nothing of it changes."""
    table = lung(seen=[None, 5, 2_000, 0]).set_index(pd.Index([7, 7, 7, 7]))
    before = table.copy()
    found = as_spells(table, **NAMES, churned_is=2, entry="seen")
    pd.testing.assert_frame_equal(table, before)
    assert nulls(found["set_aside"]) == [None, None, NEVER, None]
    assert found.index.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("backed", ["Int64", "int64[pyarrow]", "category", "object"])
def test_other_types_of_pandas_are_read(backed):
    """Nullable, Arrow and mixed columns give the same spells."""
    table = lung(seen=[None, 5, 2_000, 0]).astype({"time": backed, "status": backed})
    seen = pd.Series([None, 5, 2_000, 0], dtype="Int64" if backed == "category" else backed)
    found = as_spells(table.assign(seen=seen), **NAMES, churned_is=2, entry="seen")
    assert found["duration"].astype("int64").tolist() == [306, 455, 1010, 210]
    assert found["churned"].astype(bool).tolist() == [True, True, False, True]
    assert nulls(found["entry"]) == [None, 5, 2_000, 0]
    assert nulls(found["set_aside"]) == [None, None, NEVER, None]


@pytest.mark.parametrize("backed", ["boolean", "bool[pyarrow]", "object"])
def test_a_blank_flag_is_refused(backed):
    """Missing is not false."""
    flags = pd.Series([True, None, False, True], dtype=backed)
    assert "blank churned: 1 row, first in row 1" in refused(lung(status=flags))
    found = as_spells(lung(status=flags)[lambda table: table["status"].notna()], **NAMES)
    assert found["churned"].astype(bool).tolist() == [True, False, True]


def test_decimals_of_a_database_are_numbers():
    """Whole ones are whole numbers."""
    import duckdb

    table = duckdb.connect().sql(
        "SELECT 12::DECIMAL(9,2) AS time, 1::DECIMAL(3,0) AS status UNION ALL SELECT 3.00, 0"
    )
    found = as_spells(table, **NAMES).order("duration").fetchall()
    assert found == [(3, False, None), (12, True, None)]
    found = as_spells(lung(time=[Decimal("1.5")] * 4), **NAMES, churned_is=2)
    assert found["duration"].tolist() == [1.5] * 4


def test_long_durations_stay_exact():
    """Nanoseconds of a year are beyond the whole numbers that floats tell apart."""
    long = 2**60 + 1
    found = as_spells(lung(time=[long, 1, 2, 3]), **NAMES, churned_is=2)
    assert found["duration"].tolist() == [long, 1, 2, 3]


@pytest.mark.parametrize(
    ("role", "need"),
    [
        ("duration", "numbers"),
        ("entry", "numbers"),
        ("n_spells", "numbers"),
        ("churned", "true or false, codes or text"),
        ("reason", "text or codes"),
    ],
)
def test_dates_and_lengths_of_time_are_refused(engine, role, need):
    """Which column, what it holds, what it should."""
    table = engine.table(lung(when=pd.to_datetime(["2024-01-01"] * 4).astype("datetime64[us]")))
    message = refused(table, rt.ColumnError, **{"churned_is": 2, role: "when"})
    assert message.startswith(f"{role}: column 'when' holds Datetime")
    assert f"not {need}. Convert it first." in message


def test_a_missing_column_is_refused_with_the_nearest():
    """A slip is pointed out."""
    message = refused(lung(), rt.ColumnError, duration="tim")
    assert "duration names 'tim', which is not a column. Did you mean 'time'?" in message


def test_a_kept_column_must_not_hide_one_of_ours():
    """What a spell has of itself is named as such."""
    message = refused(lung(churned=1), rt.ColumnError, churned_is=2, keep="churned")
    assert "keep names 'churned', which is a column of spells itself" in message


def test_a_lazy_table_is_looked_at_once(monkeypatch):
    """One query for all checks, and none for the answer."""
    import polars as pl

    seen = []
    collect = pl.LazyFrame.collect
    monkeypatch.setattr(
        pl.LazyFrame, "collect", lambda self, *a, **k: seen.append(1) or collect(self, *a, **k)
    )
    answer = as_spells(pl.LazyFrame(lung().to_dict("list")), **NAMES, churned_is=2)
    assert isinstance(answer, pl.LazyFrame)
    assert seen == [1]
