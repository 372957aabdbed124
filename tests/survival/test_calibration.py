"""calibration and lift: predicted and observed churn group by group, against loops over spells."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

import retention as rt
from retention.survival.scores.calibration_and_lift import calibration, lift

CALIBRATION = [
    "group",
    "time",
    "n_spells",
    "n_churned",
    "n_still",
    "n_unknown",
    "predicted",
    "observed",
    "lower",
    "upper",
    "difference",
    "reason",
    "note",
]
LIFT = [
    "group",
    "time",
    "n_spells",
    "n_churned",
    "n_still",
    "n_unknown",
    "churn_rate",
    "lower",
    "upper",
    "churners",
    "lift",
    "cumulative_share_of_customers",
    "cumulative_share_of_churn",
    "cumulative_lift",
    "reason",
    "note",
]

spell = st.tuples(
    st.integers(0, 6),
    st.booleans(),
    st.one_of(st.none(), st.integers(-1, 5)),
    st.integers(1, 3),
    st.integers(0, 8).map(lambda k: k / 8),
)
tables = st.lists(spell, min_size=1, max_size=14)


def scored(*rows):
    """Rows of (duration, churned, entry, n_spells, s) as a table; no entry at or after its end."""
    frame = pd.DataFrame(rows, columns=["duration", "churned", "entry", "n_spells", "s"])
    frame["entry"] = frame["entry"].astype(float).where(frame["entry"] < frame["duration"])
    return frame


def naive_groups(frame, groups):
    """The spells of each group, from the least churn: by the middle of those with equal chances."""
    spells = list(frame.loc[frame.index.repeat(frame["n_spells"])].itertuples())
    found = {}
    for each in spells:
        below = sum(other.s > each.s for other in spells)
        alike = sum(other.s == each.s for other in spells)
        middle = (below + Fraction(alike, 2)) / len(spells)
        found.setdefault(min(int(middle * groups), groups - 1), []).append(each)
    return [found[number] for number in sorted(found)]


def began(each):
    """When a spell came under observation: before everything where from its start."""
    return each.entry if each.entry > 0 else -math.inf


def naive_churn(spells, time):
    """1 − Kaplan–Meier with late entry; None where a stretch up to the time was not observed."""
    left = Fraction(1)
    for u in sorted({each.duration for each in spells if each.duration <= time}):
        at_risk = [each for each in spells if began(each) < u <= each.duration]
        left *= 1 - Fraction(sum(e.churned and e.duration == u for e in at_risk), len(at_risk))
        if left == 0:
            return None if any(each.duration > u for each in spells) else Fraction(1)
    moments = np.arange(0, time + 0.25, 0.25)  # finer than the whole numbers at which things happen
    empty = [u for u in moments if not any(began(each) < u <= each.duration for each in spells)]
    first = min((max(each.entry, 0) for each in spells if began(each) >= 0), default=0)
    from_start = any(began(each) < 0 < each.duration for each in spells)
    left_at_once = any(each.duration == 0 and each.churned for each in spells)
    if first and time > first and not (from_start or left_at_once):
        empty = [u for u in empty if u > first]  # given that they are still here then
    return None if empty else 1 - left


@pytest.mark.filterwarnings("ignore:scored. .*nobody was watched:retention.errors.RetentionWarning")
@given(rows=tables, time=st.integers(0, 6), groups=st.integers(1, 4))
def test_calibration_agrees_with_a_loop_over_spells(engine, rows, time, groups):
    """Groups, counts, means and Kaplan–Meier, with ties, weights and late entry; every engine."""
    frame = scored(*rows)
    table = engine.table(frame)
    answer = engine.read(calibration(table, survival="s", time=time, groups=groups))
    members = naive_groups(frame, groups)
    assert list(answer["group"]) == list(range(1, len(members) + 1))
    for row, spells in zip(answer.to_dict("records"), members, strict=True):
        observed = naive_churn(spells, time)
        assert row["n_spells"] == len(spells)
        assert row["n_churned"] == sum(each.churned and each.duration <= time for each in spells)
        assert row["n_still"] == sum(each.duration > time for each in spells)
        assert row["n_spells"] == row["n_churned"] + row["n_still"] + row["n_unknown"]
        assert row["predicted"] == pytest.approx(np.mean([1 - each.s for each in spells]))
        assert pd.isna(row["reason"]) == (observed is not None)
        if observed is None:
            assert pd.isna(row["observed"])
        else:
            assert row["observed"] == pytest.approx(float(observed), abs=1e-12)
            assert row["difference"] == pytest.approx(row["observed"] - row["predicted"])


@pytest.mark.filterwarnings("ignore:scored. .*nobody was watched:retention.errors.RetentionWarning")
@given(rows=tables, time=st.integers(0, 6), groups=st.integers(1, 4))
def test_lift_agrees_with_a_loop_over_spells(engine, rows, time, groups):
    """The riskiest first, their share of all churn so far."""
    frame = scored(*rows)
    table = engine.table(frame.assign(risk=1 - frame["s"]))
    answer = engine.read(lift(table, time=time, groups=groups))
    members = naive_groups(frame, groups)[::-1]
    rates = [naive_churn(spells, time) for spells in members]
    sizes = [len(spells) for spells in members]
    total = None if None in rates else sum(n * f for n, f in zip(sizes, rates, strict=True))
    for i, row in enumerate(answer.to_dict("records")):
        customers = Fraction(sum(sizes[: i + 1]), sum(sizes))
        assert (row["group"], row["n_spells"]) == (i + 1, sizes[i])
        assert row["cumulative_share_of_customers"] == pytest.approx(float(customers))
        assert pd.isna(row["reason"]) == (rates[i] is not None)
        if not total:
            assert pd.isna(row["lift"])
            assert pd.isna(row["cumulative_share_of_churn"])
            continue
        so_far = sum(n * f for n, f in zip(sizes[: i + 1], rates[: i + 1], strict=True)) / total
        assert row["churn_rate"] == pytest.approx(float(rates[i]), abs=1e-12)
        assert row["churners"] == pytest.approx(float(sizes[i] * rates[i]), abs=1e-12)
        assert row["lift"] == pytest.approx(float(rates[i] * sum(sizes) / total), abs=1e-12)
        assert row["cumulative_share_of_churn"] == pytest.approx(float(so_far), abs=1e-12)
        assert row["cumulative_lift"] == pytest.approx(float(so_far / customers), abs=1e-12)


def months(rng, n):
    """Monthly contracts with a known chance of leaving, some of them entered late."""
    rate = rng.uniform(0.02, 0.3, n)
    duration = np.minimum(lifetime := rng.geometric(rate), watched := rng.integers(1, 13, n))
    entry = np.where(rng.random(n) < 0.3, rng.integers(0, 4, n), 0)
    frame = pd.DataFrame(
        {"duration": duration, "churned": lifetime <= watched, "entry": entry, "risk": rate}
    ).assign(s6=(1 - rate) ** 6, s6_given_2=(1 - rate) ** 4)
    return frame[frame["entry"] < frame["duration"]].reset_index(drop=True)


def test_observed_is_the_curve_of_lifelines():
    """Kaplan–Meier and its log-log bounds in one group, with late entry."""
    frame = months(np.random.default_rng(1), 400)
    row = calibration(frame, survival="s6", time=6, groups=1, level=0.9).iloc[0]
    fitted = KaplanMeierFitter(alpha=0.1).fit(
        frame["duration"], frame["churned"], entry=frame["entry"]
    )
    low, high = fitted.confidence_interval_.loc[6]
    expected = (1 - fitted.predict(6), 1 - high, 1 - low)
    assert (row["observed"], row["lower"], row["upper"]) == pytest.approx(expected, rel=1e-9)


def test_true_chances_are_calibrated():
    """Where the predictions are the truth, bounds hold them about 95 times in 100."""
    rng = np.random.default_rng(2)
    tables = [calibration(months(rng, 2_000), survival="s6", time=6) for _ in range(30)]
    found = pd.concat(tables)
    held = (found["lower"] <= found["predicted"]) & (found["predicted"] <= found["upper"])
    assert 0.91 < held.mean() < 0.99
    assert abs(found["difference"].mean()) < 0.005


def test_landmark_looks_from_there_on():
    """The chances given two months are right for those under observation then."""
    frame = months(np.random.default_rng(3), 40_000)
    table = calibration(frame, survival="s6_given_2", time=6, landmark=2)
    here = (frame["entry"] <= 2) & (frame["duration"] > 2)
    assert table["n_spells"].sum() == here.sum()
    assert table["difference"].abs().max() < 0.03
    groups = lift(frame, time=6, landmark=2)
    assert groups["n_spells"].sum() == here.sum()
    assert groups["lift"].is_monotonic_decreasing


@pytest.mark.filterwarnings("ignore:.*nobody was watched")  # random rows enter late
@given(rows=tables, groups=st.integers(1, 4))
def test_rows_that_stand_for_several_spells_count_as_repeated(rows, groups):
    """Weights give what the repeated rows give."""
    frame = scored(*rows)
    repeated = frame.loc[frame.index.repeat(frame["n_spells"])].drop(columns="n_spells")
    for score in (
        lambda table: calibration(table, survival="s", time=3, groups=groups),
        lambda table: lift(table, risk="s", time=3, groups=groups),
    ):
        pd.testing.assert_frame_equal(score(frame), score(repeated), rtol=1e-9)


def test_without_censoring_lift_is_plain_counting():
    """Twenty customers, the four riskiest hold three of the four who left."""
    frame = pd.DataFrame({"duration": 9, "churned": True, "risk": range(20)})
    frame.loc[[19, 18, 17, 3], "duration"] = 1
    table = lift(frame, time=5, groups=5)
    assert list(table["n_churned"]) == [3, 0, 0, 0, 1]
    assert list(table["lift"]) == [3.75, 0, 0, 0, 1.25]
    assert list(table["cumulative_share_of_churn"]) == [0.75, 0.75, 0.75, 0.75, 1]
    assert table["cumulative_share_of_customers"].iloc[-1] == 1


def test_equal_predictions_stay_together():
    """Ten customers with one chance are one group, whatever was asked."""
    frame = pd.DataFrame({"duration": range(1, 11), "churned": True, "s": 0.5})
    assert list(calibration(frame, survival="s", time=5)["n_spells"]) == [10]
    frame.loc[:2, "s"] = 0.9
    assert list(calibration(frame, survival="s", time=5)["n_spells"]) == [3, 7]


def test_groups_are_of_equal_size():
    """A thousand different chances make ten groups of a hundred."""
    frame = pd.DataFrame({"duration": 3, "churned": True, "s": np.linspace(0, 1, 1000)})
    table = calibration(frame, survival="s", time=5)
    assert list(table["n_spells"]) == [100] * 10
    assert table["predicted"].is_monotonic_increasing


@pytest.mark.filterwarnings("ignore:scored. .*nobody was watched:retention.errors.RetentionWarning")
def test_what_is_not_known_is_null_with_the_reason():
    """Followed too short, gone before others came, not watched for a while, nobody left."""
    short = scored((3, False, None, 1, 0.5), (2, True, None, 1, 0.5))
    gone = scored((2, True, None, 1, 0.5), (9, True, 3, 1, 0.5))
    unseen = scored((2, False, None, 1, 0.5), (9, True, 3, 1, 0.5))
    late = scored((4, True, 3, 1, 0.5), (9, True, 3, 1, 0.5))
    for frame, said in (
        (short, "nobody of the group was followed for so long"),
        (scored((3, True, None, 1, 0.5), (9, True, 3, 1, 0.5)), "all under observation at first"),
        (gone, "nobody was watched from 2 to 3: say landmark=3"),
        (unseen, "nobody was watched from 2 to 3: say landmark=3"),
    ):
        row = calibration(frame, survival="s", time=5).iloc[0]
        assert math.isnan(row["observed"])
        assert row["reason"].startswith(said)
        assert math.isnan(lift(frame, risk="s", time=5)["cumulative_lift"][0])
    row = calibration(late, survival="s", time=5).iloc[0]
    assert row["observed"] == 0.5
    assert row["note"] == "given still here at 3: nobody was watched before"
    assert math.isnan(calibration(late, survival="s", time=3)["observed"][0])
    nobody = calibration(scored((9, False, None, 4, 0.5)), survival="s", time=5).iloc[0]
    assert nobody["observed"] == 0
    assert pd.isna(nobody["reason"])
    assert math.isnan(nobody["upper"])


def test_answers_are_of_the_kind_that_was_given(engine):
    """The same kind of table, with the same columns whatever was asked."""
    table = engine.table(scored((1, True, None, 1, 0.5), (5, False, None, 2, 0.75)))
    for options in ({}, {"landmark": 2}):
        for answer, columns in (
            (calibration(table, survival="s", time=3, **options), CALIBRATION),
            (lift(table, risk="s", time=3, **options), LIFT),
        ):
            assert engine.is_mine(answer)
            assert list(engine.read(answer).columns) == columns


GOOD = scored((1, True, None, 1, 0.5), (5, False, None, 1, 0.75))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"groups": 0}, rt.RetentionError, "groups must be a whole number, 1 or more; got 0"),
        ({"groups": 2.5}, rt.RetentionError, "got 2.5"),
        ({"groups": True}, rt.RetentionError, "got True"),
        ({"time": -3}, rt.RetentionError, "time must be a time since the start.*got -3"),
        ({"time": "5"}, rt.RetentionError, "got '5'"),
        ({"time": 3, "landmark": 3}, rt.RetentionError, "time.* must lie after landmark=3; got 3"),
        ({"landmark": 5, "time": 9}, rt.ContentError, "no spell is at risk at landmark=5"),
        ({"landmark": np.nan}, rt.RetentionError, "landmark must be a time"),
        ({"level": 1}, rt.RetentionError, "level must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        calibration(GOOD, **{"survival": "s", "time": 3, **options})
    with pytest.raises(error, match=message):
        lift(GOOD, **{"risk": "s", "time": 3, **options})


def test_columns_are_named_when_they_are_wrong():
    """Unknown, missing values, percent."""
    with pytest.raises(rt.ColumnError, match="survival names 'S_'.*Did you mean 's'"):
        calibration(GOOD, survival="S_", time=3)
    with pytest.raises(rt.ContentError, match="survival: 1 of 2 rows .* not between 0 and 1"):
        calibration(GOOD.assign(s=[0.5, 75]), survival="s", time=3)
    with pytest.raises(rt.ContentError, match="risk: 2 of 2 rows have no prediction in 's'"):
        lift(GOOD.assign(s=np.nan), risk="s", time=3)
