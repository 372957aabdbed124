"""The door for surveys."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.loading.doors.surveys import as_surveys
from retention.tables import SURVEYS, require

NAMES = {"customer_id": "who", "date": "sent"}


def sent(**columns):
    """Three customers who were asked, of whom Cem kept silent."""
    known = {
        "who": ["Ann", "Bob", "Cem"],
        "sent": ["2024-03-01", "2024-03-01", "2024-03-02"],
        "happy": [5, 2, None],
        "likely": [10, 0, None],
        "praised": ["Yes", "n", ""],
    }
    return pd.DataFrame({**known, **columns})


def test_a_survey_is_read_with_its_scale(engine):
    """Scores, flags and the scale go out under our names; who kept silent has not answered."""
    table = engine.table(sent(region=["north", "south", "north"]))
    found = as_surveys(
        table, **NAMES, satisfaction="happy", recommend="likely", spoke_well="praised",
        scale=(1, 5), keep="region",
    )  # fmt: skip
    assert engine.is_mine(found)
    require(found, SURVEYS)
    read = engine.read(found, order=["customer_id"])
    assert read.columns.tolist() == [
        *("customer_id", "date", "answered", "satisfaction", "recommend", "spoke_well"),
        *("scale_low", "scale_high", "region"),
    ]
    assert read["answered"].tolist() == [True, True, False]
    for name, values in {
        "satisfaction": [5, 2, np.nan],
        "recommend": [10, 0, np.nan],
        "spoke_well": [1, 0, np.nan],
        "scale_low": [1, 1, 1],
        "scale_high": [5, 5, 5],
    }.items():
        np.testing.assert_array_equal(read[name].astype(float), values)


@pytest.mark.parametrize(
    "flags",
    [[True, False, None], [1, 0, None], ["TRUE", " no ", "n/a"], ["1.0", "0", None]],
    ids=["flags", "numbers", "words", "digits"],
)
def test_flags_are_read_in_the_ways_people_write_them(flags):
    """True and false, 1 and 0, yes and no; a blank is no answer."""
    found = as_surveys(sent(praised=flags), **NAMES, spoke_ill="praised")
    np.testing.assert_array_equal(found["spoke_ill"], [1, 0, np.nan])
    assert "scale_low" not in found


def test_who_answered_may_be_said():
    """An answer may have come back in which every question asked here was left open."""
    came = {"answered": "back", "satisfaction": "happy", "scale": (1, 5)}
    found = as_surveys(sent(back=["yes", "yes", "yes"]), **NAMES, **came)
    assert found["answered"].tolist() == [True, True, True]
    with pytest.raises(rt.ContentError, match="answers where answered is no: 1 row"):
        as_surveys(sent(back=["yes", "no", "no"]), **NAMES, **came)
    with pytest.raises(rt.ContentError, match="blank answered: 1 row"):
        as_surveys(sent(back=["yes", "yes", None]), **NAMES, **came)


def test_every_problem_is_in_one_error(engine):
    """Scores off their scale, a recommendation between two numbers, a flag of no meaning."""
    table = engine.table(sent(happy=[6, 0, 3.5], likely=[7.5, 11, -1], praised=["yes", "no", "x"]))
    with pytest.raises(rt.ContentError) as refusal:
        as_surveys(
            table, **NAMES, satisfaction="happy", recommend="likely", spoke_well="praised",
            scale=(1, 5),
        )  # fmt: skip
    text = str(refusal.value)
    assert "satisfaction off the scale of 1 to 5: 2 rows" in text
    assert "recommend that is not a whole number of 0 to 10: 3 rows" in text
    assert "spoke_well that is neither yes nor no: 1 row" in text


def test_a_score_that_is_no_number_is_refused():
    """An empty cell is no answer; a word is a mistake."""
    with pytest.raises(rt.ContentError, match="satisfaction that is not a number: 1 row"):
        as_surveys(sent(happy=["5", "good", ""]), **NAMES, satisfaction="happy", scale=(1, 5))


def test_a_scale_must_be_said_and_only_where_there_is_one():
    """Nothing tells a 4 of 5 from a 4 of 10."""
    with pytest.raises(
        rt.RetentionError, match="worst and the best answer of satisfaction='happy'"
    ):
        as_surveys(sent(), **NAMES, satisfaction="happy")
    with pytest.raises(rt.RetentionError, match="recommend always goes from 0 to 10"):
        as_surveys(sent(), **NAMES, recommend="likely", scale=(0, 10))


@pytest.mark.parametrize("scale", [(5, 1), (1,), 5, (1, float("nan")), ("1", "5"), (True, 5)])
def test_a_scale_is_two_numbers_in_order(scale):
    """Where low is good the scores are to be turned round, not the scale."""
    with pytest.raises(rt.RetentionError, match="scale must be the worst and the best answer"):
        as_surveys(sent(), **NAMES, satisfaction="happy", scale=scale)


def test_refuses_a_survey_in_which_nothing_was_asked():
    """The date and the customer alone say nothing."""
    with pytest.raises(rt.ColumnError, match="Name at least one column of answers"):
        as_surveys(sent(back=True), **NAMES, answered="back")


def test_refuses_a_flag_that_is_a_date():
    """A column of dates cannot say yes or no."""
    day = pd.to_datetime(["2024-01-01"] * 3)
    with pytest.raises(rt.ColumnError, match="spoke_well: column 'praised' holds Datetime"):
        as_surveys(sent(praised=day), **NAMES, spoke_well="praised")


def test_repeated_rows_are_refused_kept_or_dropped():
    """Two invitations on one day may be two, or one counted twice: the user knows."""
    twice = pd.concat([sent(), sent()[:1]], ignore_index=True)
    say = {"satisfaction": "happy", "scale": (1, 5)}
    with pytest.raises(rt.ContentError, match="exact duplicate line: 1 row"):
        as_surveys(twice, **NAMES, **say)
    assert len(as_surveys(twice, **NAMES, **say, duplicates="keep")) == 4
    assert len(as_surveys(twice, **NAMES, **say, duplicates="drop")) == 3


def test_the_sample_company_is_asked_through_the_door():
    """The columns of the sample need no other preparation."""
    surveys = rt.sample_company(200, seed=1).surveys
    found = as_surveys(
        surveys, customer_id="customer_id", date="date", satisfaction="satisfaction",
        value_for_money="value_for_money", repeat_intention="repeat_intention",
        recommend="recommend", answered="answered", scale=(1, 5),
    )  # fmt: skip
    assert found["answered"].sum() == surveys["answered"].sum()
    assert found["satisfaction"].sum() == surveys["satisfaction"].sum()


def test_scores_of_arrow_types_are_read():
    """pandas has no remainder of Arrow's numbers."""
    frame = pd.DataFrame({"who": ["a", "b"], "on": ["2024-01-01"] * 2, "r": [9, None], "q": [1, 5]})
    table = frame.convert_dtypes(dtype_backend="pyarrow")
    said = {"customer_id": "who", "date": "on", "satisfaction": "q", "scale": (1, 5)}
    found = rt.as_surveys(table, recommend="r", **said)
    assert found["recommend"].fillna(-1).tolist() == [9, -1]
    assert found["satisfaction"].tolist() == [1, 5]
    with pytest.raises(rt.ContentError, match="not a whole number of 0 to 10: 2 rows"):
        rt.as_surveys(
            table.assign(r=9.5).convert_dtypes(dtype_backend="pyarrow"), recommend="r", **said
        )


@pytest.mark.parametrize(
    "scale", [(1, 5), [1.0, 5.0], np.array([1, 5]), (Decimal(1), Decimal(5)), pd.Series([1, 5])]
)
def test_any_two_numbers_are_a_scale(scale):
    """Of whatever sort they are."""
    frame = pd.DataFrame({"who": ["a"], "on": ["2024-01-01"], "q": [5]})
    found = rt.as_surveys(frame, customer_id="who", date="on", satisfaction="q", scale=scale)
    assert found[["scale_low", "scale_high"]].values.tolist() == [[1.0, 5.0]]


@pytest.mark.parametrize("scale", [(True, 5), "15", 5, (1,), (5, 1), (1, float("inf")), ("1", "5")])
def test_anything_else_is_no_scale(scale):
    """It is shown as it was given."""
    frame = pd.DataFrame({"who": ["a"], "on": ["2024-01-01"], "q": [5]})
    with pytest.raises(rt.RetentionError, match="scale must be the worst and the best answer"):
        rt.as_surveys(frame, customer_id="who", date="on", satisfaction="q", scale=scale)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("scale_low", "'scale_low', which is a column of surveys itself: rename it first"),
        ("answered", r"say as_surveys\(..., answered=...\), or rename it first"),
        ("Date", r"a column of surveys itself but for its case \('date'\): rename it first"),
        ("CUSTOMER_ID", r"but for its case \('customer_id'\): rename it first"),
        (5, "keep must name a column, or several in a list; got 5"),
        ([5], "keep must be the name of a column, as text; got 5"),
    ],
)
def test_kept_columns_are_not_named_like_ours(engine, keep, message):
    """To DuckDB and Spark "Date" is "date", so that no engine takes it."""
    names = [keep] if isinstance(keep, str) else []
    frame = pd.DataFrame({"who": ["a"], "on": ["2024-01-01"], "r": [5]} | {n: [1] for n in names})
    with pytest.raises(rt.ColumnError, match=message):
        rt.as_surveys(engine.table(frame), customer_id="who", date="on", recommend="r", keep=keep)


def test_a_column_that_holds_no_scores_is_told_so():
    """Scores are no amounts."""
    frame = pd.DataFrame({"who": ["a"], "on": ["2024-01-01"], "r": [True]})
    with pytest.raises(rt.ColumnError, match="recommend: column 'r' holds Boolean, not scores"):
        rt.as_surveys(frame, customer_id="who", date="on", recommend="r")
