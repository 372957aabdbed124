"""An assignment read for comparing its arms, and what many comparisons do to a test."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from retention.errors import ColumnError, ContentError, RetentionError, RetentionWarning
from retention.experiments.effects.compared_arms import read_trial
from retention.experiments.effects.corrected_effects import (
    Difference,
    difference_with_tests,
    p_of_interaction,
    reading_of,
    relative_columns,
)
from retention.frames import as_lazy, collect

DAY = pd.Timestamp("2024-05-01")
PLAIN = {"level": 0.95, "correction": "holm", "peeking": "none", "tuned_for": None}


def assigned(arms="bbaacc", **further):
    """An assignment of equal arms, all on one day unless said otherwise."""
    table = pd.DataFrame({"customer_id": range(len(arms)), "arm": list(arms), "assigned": DAY})
    return table.assign(share=1 / len(set(arms)), **further)


def trial_of(table, control="b", by=(), **said):
    """The same read, beside a table of customers."""
    other = as_lazy(table[["customer_id"]].copy())
    return read_trial(table, other, control=control, by=by, as_of=date(2024, 6, 1), **said)


def test_the_control_comes_first_and_comparisons_go_by_segment():
    """Cells are segment by arm; a comparison names the cell of its arm and of the control."""
    plans = ["x", "y", "x", "y", "x", "y"]
    trial = trial_of(assigned(plan=plans), by="plan")
    assert trial.arms == ("b", "a", "c")
    assert [pair.tolist() for pair in trial.pairs()] == [[1, 2, 4, 5], [0, 0, 3, 3]]
    told = trial.comparison_columns()
    assert list(zip(told["plan"], told["arm"], told["compared_to"], strict=True)) == [
        ("x", "a", "b"), ("x", "c", "b"), ("y", "a", "b"), ("y", "c", "b"),
    ]  # fmt: skip
    found = collect(trial.frame)
    order = np.argsort(found["customer_id"])
    assert trial.cells(found)[order].tolist() == [0, 3, 1, 4, 2, 5]


def test_who_is_assigned_later_is_not_in_it_yet():
    """The day itself counts."""
    days = [DAY, pd.Timestamp("2024-06-01"), pd.Timestamp("2024-06-02"), DAY, DAY, DAY]
    trial = trial_of(assigned(assigned=days))
    assert sorted(collect(trial.frame)["customer_id"]) == [0, 1, 3, 4, 5]


def test_from_exposure_on_those_count_who_saw_it():
    """In every arm, and their sizes are judged."""
    seen = [DAY, None, DAY, None, DAY, DAY]
    trial = trial_of(assigned(exposed=pd.to_datetime(seen)), clock="exposed")
    assert sorted(collect(trial.frame)["customer_id"]) == [0, 2, 4, 5]
    assert trial.sample_ratio_p == pytest.approx([np.exp(-0.25)])  # χ² = .5, 2 degrees


@pytest.mark.parametrize(
    ("change", "said", "error", "words"),
    [
        ({}, {"control": "z"}, RetentionError, "'a' (2 customers), 'b' (2 customers), 'c' (2"),
        ({}, {"clock": "seen"}, RetentionError, "clock must be one of 'assigned', 'exposed'"),
        ({}, {"clock": "exposed"}, ColumnError, "lacks 'exposed'"),
        ({}, {"by": "plan"}, ColumnError, "by names 'plan', which is not a column"),
        ({}, {"by": "arm"}, ColumnError, "'arm' is a column of assignment itself"),
        ({"assigned": DAY + pd.Timedelta(days=99)}, {}, ContentError, "after as_of 2024-06-01"),
        ({"assigned": [None, *[DAY] * 5]}, {}, ContentError, "1 row has no day in 'assigned'"),
        ({"cluster": list("NNNSSS")}, {}, ContentError, "2 clusters have customers in sever"),
        (
            {"cluster": list("NNSSTT"), "stratum": list("uvuuvv")}, {}, ContentError,
            "1 cluster has customers in several strata, such as 'N'",
        ),
        ({"stratum": [0.5] * 6}, {}, ColumnError, "'stratum' holds Float64, not labels"),
        (
            {"exposed": DAY - pd.Timedelta(days=1)}, {"clock": "exposed"}, ContentError,
            "6 customers saw the offer before they were assigned",
        ),
        (
            {"exposed": pd.NaT}, {"clock": "exposed"}, ContentError,
            "nobody has a day in 'exposed'",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(change, said, error, words):
    """By what the user wrote, with what there is."""
    with pytest.raises(error) as raised:
        trial_of(assigned().assign(**change), **said)
    assert words in str(raised.value)


def test_the_advice_on_clusters_and_exposure_works():
    """Without the column, and by the other clock."""
    table = assigned(cluster=list("NNNSSS"), exposed=pd.NaT)
    assert not trial_of(table.drop(columns="cluster"), clock="assigned").clustered


def test_arms_of_other_sizes_than_planned_are_warned_of():
    """The p-value stands in every comparison."""
    with pytest.warns(RetentionWarning, match="not as large as planned"):
        trial = trial_of(assigned("a" * 30 + "b" * 90))
    assert trial.sample_ratio_p[0] == pytest.approx(4.3e-8, rel=0.01)


def difference(*middle, error=0.1, n=400.0, freedom=np.inf):
    """Differences with the normal law."""
    d, e = np.array(middle), np.full(len(middle), error)
    return Difference(
        d, e, np.full(d.size, n), np.full(d.size, freedom), lambda z: (d - z * e, d + z * e)
    )


def test_many_comparisons_by_hand():
    """Three differences of 1, 2 and 3 errors: Holm's and Bonferroni's figures."""
    trial = trial_of(assigned("aabbccdd"))
    told = difference_with_tests(difference(0.1, 0.2, 0.3), trial, reading_of(**PLAIN))
    p = [0.31731, 0.04550, 0.0027]
    assert told["p_value"] == pytest.approx(p, rel=1e-3)
    assert told["p_adjusted"] == pytest.approx([p[0], 2 * p[1], 3 * p[2]], rel=1e-3)
    assert told["lower_all"] == pytest.approx([0.1 * (k - 2.39398) for k in (1, 2, 3)])
    assert told["upper_all"] == pytest.approx([0.1 * (k + 2.39398) for k in (1, 2, 3)])
    assert np.isnan(told["p_interaction"]).all()
    plain = difference_with_tests(
        difference(0.1, 0.2, 0.3), trial, reading_of(**{**PLAIN, "correction": "none"})
    )
    assert plain["p_adjusted"].tolist() == plain["p_value"].tolist()


def test_what_is_not_known_is_no_comparison():
    """A missing difference counts in no correction."""
    trial = trial_of(assigned("aabbcc"))
    told = difference_with_tests(difference(0.2, np.nan), trial, reading_of(**PLAIN))
    assert told["p_adjusted"][0] == told["p_value"][0]
    assert told["lower_all"][0] == told["difference_lower"][0]


def test_interaction_by_hand():
    """0.1, 0.3 in two segments of equal error 0.1: Q = 2, on one degree."""
    p = p_of_interaction(difference(0.1, 0.0, 0.3, 0.0), 2)
    assert p == pytest.approx([0.1572992, 1.0, 0.1572992, 1.0])


def test_few_clusters_take_students_t():
    """With 10 degrees of freedom 2.2281 errors are at 95 %."""
    trial = trial_of(assigned("aabb"))
    told = difference_with_tests(difference(0.22281, freedom=10), trial, reading_of(**PLAIN))
    assert told["p_value"] == pytest.approx([0.05], rel=1e-3)
    assert told["difference_lower"] == pytest.approx([0.0], abs=1e-5)
    none = difference_with_tests(difference(0.2, freedom=np.nan), trial, reading_of(**PLAIN))
    assert np.isnan([none["p_value"], none["difference_lower"]]).all()


def test_bounds_for_every_look_contain_the_plain_ones():
    """Wider, and below 200 none."""
    trial = trial_of(assigned("aabb"))
    looks = reading_of(**{**PLAIN, "peeking": "always-valid", "tuned_for": 400})
    plain = difference_with_tests(difference(0.25), trial, reading_of(**PLAIN))
    wide = difference_with_tests(difference(0.25), trial, looks)
    assert wide["difference_lower"] < plain["difference_lower"]
    assert wide["p_value"] > plain["p_value"]
    few = difference_with_tests(difference(0.25, n=199.0), trial, looks)
    assert np.isnan([few["p_value"], few["difference_upper"]]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"correction": "bonferroni"}, "correction must be one of 'holm', 'benjamini_hochberg'"),
        ({"peeking": "daily"}, "peeking must be one of 'none', 'always-valid'"),
        ({"peeking": "always-valid"}, "say tuned_for=, how many customers"),
        ({"tuned_for": 500}, "say peeking='always-valid' too"),
        ({"level": 95}, "level must lie between 0 and 1"),
    ],
)
def test_readings_that_make_no_sense_are_refused(change, words):
    """Each with what may be said."""
    with pytest.raises(RetentionError) as raised:
        reading_of(**{**PLAIN, **change})
    assert words in str(raised.value)


def test_a_ratio_has_the_bounds_of_its_logarithm():
    """.6/.5 with errors of a tenth each: .2 (−.0904, .5835)."""
    one, other = (np.array([0.6]), np.array([0.06])), (np.array([0.5]), np.array([0.05]))
    told = relative_columns(one, other, lambda _: np.array([1.96]))
    width = 1.96 * 0.02**0.5
    assert told["relative"] == pytest.approx([0.2])
    assert told["relative_lower"] == pytest.approx([1.2 * np.exp(-width) - 1])
    assert told["relative_upper"] == pytest.approx([1.2 * np.exp(width) - 1])
    nobody = relative_columns((np.zeros(1), np.zeros(1)), other, lambda _: np.array([1.96]))
    assert np.isnan([*nobody.values()]).all()
