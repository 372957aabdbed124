"""What every curve asks of spells: what is refused, what is left out, what is warned of."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.numerics.codes import MOST_GROUPS
from retention.survival.counts.risk_sets import risk_sets_by_segment
from risk_by_hand import Spell, expanded, frame_of, many

some_are_left_out = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

FUNCTIONS = {
    "survival_curve": rt.survival_curve,
    "cumulative_hazard": rt.survival.cumulative_hazard,
    "cumulative_incidence": rt.survival.cumulative_incidence,
    "cause_removed": rt.survival.cause_removed,
    "compare_curves": partial(rt.compare_curves, by="plan"),
}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
GOOD = [Spell(2, True), Spell(3, False, 1.0), Spell(3, True, plan="full"), Spell(5, False)]


def with_missing(column, rows, kind="float64"):
    """A good table in which a column lacks the values of some rows."""
    table = frame_of(GOOD)
    values = table[column].astype("boolean" if kind == "boolean" else "float64")
    values[rows] = None
    return table.assign(**{column: values})


@every_function
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            frame_of(GOOD).iloc[:0],
            "there is none that can be used. Is the table empty, or all set aside",
        ),
        (with_missing("duration", [0]), "spells: 1 has a missing duration. Correct those rows"),
        (with_missing("duration", [0, 1]), "2 have a missing duration"),
        (frame_of(GOOD, duration=[-1, 2, -3, 0]), "2 have a negative duration"),
        (frame_of(GOOD, duration=[1, np.inf, 2.0, 3]), "1 has an infinite duration"),
        (with_missing("churned", [1, 2], "boolean"), "2 have a missing churned"),
        (
            frame_of(GOOD, duration=[np.nan, -1.0, 2, 3], n_spells=[1, 5, 1, 1]),
            "1 has a missing duration; 5 have a negative duration. Correct",
        ),
        (frame_of(GOOD, n_spells=[3, 1, 0, 1]), r"1 row stands for fewer than 1 \(n_spells\)"),
        (frame_of([*GOOD, *GOOD], n_spells=[3] * 5 + [-1, -2, 3]), "2 rows stand for fewer than 1"),
    ],
)
def test_what_cannot_be_a_spell_is_refused(function, table, message):
    """All that is wrong, in spells, and what to do, although late rows or rows alike hide it."""
    with pytest.raises(rt.ContentError, match=message):
        function(table)


def test_what_cannot_be_a_spell_is_refused_on_every_engine(engine):
    """Missing values of either kind; weights that vanish in a sum."""
    bad = [
        (with_missing("duration", [1]), "1 has a missing duration"),
        (with_missing("churned", [0], "boolean"), "1 has a missing churned"),
        (frame_of([*GOOD, *GOOD], n_spells=[3] * 7 + [-1]), "1 row stands for fewer than 1"),
        (frame_of([*GOOD, *GOOD], n_spells=pd.array([3] * 7 + [None], "Int64")), "1 row stands"),
    ]
    for table, message in bad:
        with pytest.raises(rt.ContentError, match=message):
            rt.survival_curve(engine.table(table))


@every_function
def test_columns_are_checked_before_anything_runs(function):
    """A column that is not there or cannot carry its meaning, by its name."""
    table = frame_of(GOOD)
    with pytest.raises(rt.ColumnError, match="lacks 'duration'"):
        function(table.drop(columns="duration"))
    with pytest.raises(rt.ColumnError, match="'churned'.*must be true or false; got Int64"):
        function(table.assign(churned=[1, 0, 1, 0]))
    with pytest.raises(rt.ColumnError, match="'n_spells'.*must be"):
        function(table.assign(n_spells=0.5))
    with pytest.raises(rt.TableError, match="must be a pandas, Polars"):
        function(table["duration"].tolist())


@pytest.mark.parametrize("function", [rt.survival_curve, rt.survival.cumulative_hazard])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"by": "plam"}, rt.ColumnError, "by names 'plam'.*Did you mean 'plan'"),
        ({"by": "churned"}, rt.ColumnError, "by: 'churned' is a column of spells itself"),
        ({"by": "hazard"}, rt.ColumnError, "by: 'hazard' is a name that answers use themselves"),
        ({"by": "score"}, rt.ColumnError, "by: column 'score' holds Float64, not labels"),
        ({"by": ["plan", "plan"]}, rt.ColumnError, "names a column twice"),
        ({"level": 95}, rt.RetentionError, "level must lie between 0 and 1, such as 0.95; got 95"),
        ({"level": 0}, rt.RetentionError, "got 0"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(function, change, error, message):
    """The message names the argument and the nearest there is."""
    with pytest.raises(error, match=message):
        function(frame_of(GOOD, hazard="high", score=0.5), **change)


def test_identifiers_are_no_segments():
    """A hundred thousand curves are enough."""
    table = pd.DataFrame({"duration": 1, "churned": True, "customer_id": range(MOST_GROUPS + 1)})
    with pytest.raises(rt.ContentError, match="100,001 segments.*is an identifier"):
        rt.survival_curve(table, by="customer_id")


def test_spells_that_know_the_future_are_refused(engine):
    """Made with reactivation="same_spell", whatever else stands in the column."""
    table = frame_of(GOOD, reactivation=["new_spell", "same_spell", None, "zz"])
    with pytest.raises(rt.RetentionError, match="knows of every silence.*needs reactivation='new_"):
        rt.survival_curve(engine.table(table))
    rt.survival_curve(engine.table(table.assign(reactivation="new_spell")))


def test_categories_are_text_too():
    """Segments, reasons, why a spell is set aside, and reactivation as pandas categories."""
    table = frame_of(GOOD, reactivation="new_spell", set_aside=[None, "late", None, None])
    names = ["plan", "reason", "set_aside", "reactivation"]
    found = rt.survival.cumulative_incidence(
        table.astype(dict.fromkeys(names, "category")), by="plan"
    )
    pd.testing.assert_frame_equal(found, rt.survival.cumulative_incidence(table, by="plan"))


@every_function
def test_what_is_set_aside_is_left_out(function):
    """Even if nothing in it makes sense; without a word, since the table itself says why."""
    table = frame_of([*GOOD, Spell(-7, True, n_spells=0)])
    table["set_aside"] = [None] * 4 + ["start unknown"]
    pd.testing.assert_frame_equal(function(table), function(frame_of(GOOD)))
    with pytest.raises(rt.ContentError, match="or all set aside"):
        function(table.assign(set_aside="start unknown"))


def test_entries_that_are_no_earlier_than_the_end_are_left_out_and_counted(engine):
    """In spells, not rows; an entry of 0 or less, missing or NaN is the origin."""
    spells = [Spell(0, True, 0.0), Spell(2, True, -1.0), Spell(3, True), Spell(3, False, 2.9)]
    late = [Spell(2, True, 2.0, 2), Spell(1, False, 7.0), Spell(4, False, float("inf"))]
    table = engine.table(frame_of([*spells, *late]))
    with pytest.warns(rt.RetentionWarning, match="spells: 4 spells have an entry that is") as said:
        curve = engine.read(rt.survival_curve(table), order=["duration"])
    assert [one.filename for one in said] == [__file__]
    expected = rt.survival_curve(frame_of(spells))
    assert curve["note"].isna().all()
    assert expected["note"].isna().all()
    curve, expected = curve.drop(columns="note"), expected.drop(columns="note")
    pd.testing.assert_frame_equal(curve, expected, check_dtype=False)
    with pytest.raises(rt.ContentError, match="none was at risk under obs.*Is 'entry' right"):
        rt.survival_curve(engine.table(frame_of(late)))


def test_the_caller_of_each_function_is_warned():
    """The line that a warning names is the user's."""
    table = frame_of([*GOOD, Spell(2, True, 3.0), Spell(9, False, 3.0)])
    asked = [*FUNCTIONS.values(), partial(rt.fit_cox, covariates="plan")]
    for function in asked:
        with pytest.warns(rt.RetentionWarning, match="1 spell has an entry") as said:
            function(table)
        assert said[0].filename == __file__


def test_a_curve_that_is_0_early_is_said():
    """Of each segment in which a small early risk set is emptied, and only of those."""
    spells = [Spell(1, True), Spell(4, True, 1.0), Spell(5, False, 1.0)]
    more = [Spell(1, True, plan="full"), Spell(3, True, plan="full")]
    with pytest.warns(rt.RetentionWarning) as said:
        curve = rt.survival_curve(frame_of([*spells, *more]), by="plan")
    assert len(said) == 1
    assert str(said[0].message) == (
        "The curve of basic is 0 from duration 1 on, as the only spell at risk there ended, though "
        "others come under observation later. Read conditional_survival from a tenure of 1 or more "
        "instead."
    )
    assert said[0].filename == __file__
    later = rt.survival.conditional_survival(curve, tenure=1, horizon=[2, 3], by="plan")
    assert later["survival"].tolist()[:2] == [1, 0.5]


def test_types_of_counts_and_durations_are_whatever_the_table_has():
    """Small and unsigned numbers, nullable ones, booleans of Arrow."""
    table = frame_of(GOOD)
    expected = rt.survival_curve(table, by="plan")
    for kinds in [
        {"duration": "int8", "n_spells": "uint8", "entry": "float32"},
        {"duration": "UInt16", "churned": "boolean", "n_spells": "Int64", "entry": "Float64"},
        {"duration": "int32[pyarrow]", "churned": "bool[pyarrow]", "entry": "double[pyarrow]"},
    ]:
        found = rt.survival_curve(table.astype(kinds), by="plan")
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    many_alike = table.assign(n_spells=np.array([127] * 4, "int8"))
    assert rt.survival_curve(pd.concat([many_alike] * 9))["n_at_risk"].iloc[0] == 127 * 36


def test_the_callers_table_is_not_changed():
    """Not even its index."""
    table = frame_of([*GOOD, Spell(3, True, float("nan"))], reactivation="new_spell")
    table.index = list("vwxyz")
    before = table.copy()
    for function in FUNCTIONS.values():
        function(table)
    pd.testing.assert_frame_equal(table, before)


@some_are_left_out
@given(spells=many, times=st.lists(st.sampled_from([-1, 0, 0.25, 1, 2, 2.5, 3, 6, 9]), min_size=1))
def test_those_at_risk_are_known_at_any_time(spells, times):
    """Also between durations, and beyond the last."""
    (sets,) = risk_sets_by_segment(frame_of(spells), ())
    here = [sum(each.at_risk(time) for each in expanded(spells)) for time in times]
    assert sets.at_risk(np.array(times)).tolist() == here
