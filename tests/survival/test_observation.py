"""Where nobody was watching, and at equal moments: one rule, said in the row and in one warning."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest

import retention as rt

GIVEN = "given still here at 0.0015: nobody was watched before"
HOLE = "nobody was watched from 5 to 7"


def late():
    """Everybody came under observation late, the first after 0.0015.

    At 1 two are at risk and one leaves, at 2 one of two, at 3 none of one: S = 1/2, 1/4, 1/4.
    """
    return pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob", "Cem"],
            "entry": [0.0015, 0.5, 1.25],
            "duration": [1.0, 2.0, 3.0],
            "churned": [True, True, False],
            "reason": ["price", "rival", None],
            "plan": ["basic"] * 3,
        }
    )


def broken():
    """Nobody was watched before 3, nor between 5 and 7."""
    return pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob", "Cem", "Dee"],
            "entry": [3.0, 3.0, 7.0, 7.0],
            "duration": [4, 5, 8, 9],
            "churned": [True, False, True, True],
            "reason": ["price", None, "rival", "price"],
            "plan": ["basic", "basic", "full", "full"],
        }
    )


def some(tenure):
    """A customer of that tenure."""
    return pd.DataFrame({"customer_id": ["Zoe"], "tenure": [tenure]})


def quietly(function, *tables, **said):
    """What a function answers, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rt.RetentionWarning)
        return function(*tables, **said)


def once(function, *tables, **said):
    """What a function answers, and its one warning, which names this file."""
    with pytest.warns(rt.RetentionWarning) as heard:
        answer = function(*tables, **said)
    assert [each.filename for each in heard] == [__file__]
    return answer, str(heard[0].message)


def test_before_the_first_was_watched_a_curve_is_given_that_and_says_so(engine):
    """S as R prints it under left truncation, the condition in each row, one warning."""
    curve, said = once(rt.survival_curve, engine.table(late()))
    found = engine.read(curve, order=["duration"])
    assert found["survival"].tolist() == [0.5, 0.25, 0.25]
    assert found["observed_from"].tolist() == [0.0015] * 3
    assert found["note"].tolist() == [GIVEN] * 3
    assert said == (
        f"spells: {GIVEN}. conditional_survival(survival_curve(spells), tenure=0.0015, "
        "horizon=...) says what follows from there on."
    )
    median, said = once(rt.median_lifetime, curve)
    row = engine.read(median).iloc[0]
    assert (row["lifetime"], row["note"]) == (1.5, GIVEN)
    assert said.startswith(f"curve: {GIVEN}. conditional_survival(curve, tenure=0.0015, ")
    mean, _ = once(rt.survival.restricted_mean, curve, horizon=3)
    row = engine.read(mean).iloc[0]
    assert row["restricted_mean"] == pytest.approx(1 + 0.5 + 0.25)
    assert row["note"] == GIVEN


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (rt.survival_curve, {}),
        (rt.survival.cumulative_hazard, {}),
        (rt.survival.cumulative_incidence, {}),
        (rt.survival.cause_removed, {}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_every_curve_keeps_the_rule(function, said):
    """Given the leading stretch; null behind the inner one, named; never a column more or less."""
    whole = late().drop(columns="entry").assign(churned=[True, True, False])
    clean = function(whole, **said)
    assert clean["note"].isna().all()
    assert (clean["observed_from"] == 0).all()
    first, _ = once(function, late(), **said)
    assert set(first["note"]) == {GIVEN}
    found, heard = once(function, broken(), **said)
    assert list(found) == list(first) == list(clean)
    behind = found["duration"] > 5
    assert set(found.loc[behind, "note"]) == {HOLE}
    assert set(found.loc[~behind, "note"]) == {"given still here at 3: nobody was watched before"}
    known = [
        *("survival", "cumulative_hazard", "cumulative_incidence"),
        *("churn_share", "churn_share_without", "gained_share"),
    ]
    drawn = [name for name in known if name in found]
    assert drawn
    assert found.loc[behind, drawn].isna().all(axis=None)
    assert found.loc[~behind, drawn].notna().all(axis=None)
    assert f"{HOLE}, and what lies beyond is null" in heard
    if "hazard" in found:
        assert found["hazard"].notna().all()


def test_what_the_warning_of_a_curve_says_to_write_works(engine):
    """From a tenure of 7 on, S is 1/2 at 8: no warning, no note."""
    curve, said = once(rt.survival_curve, engine.table(broken()))
    assert "conditional_survival(survival_curve(spells), tenure=7, horizon=...)" in said
    later = engine.read(rt.survival.conditional_survival(curve, tenure=7, horizon=1)).iloc[0]
    assert later["survival"] == 0.5
    assert pd.isna(later["note"])


def test_a_span_within_or_across_what_nobody_watched_is_null():
    """Spans from 0, within the leading stretch, across the inner one, and from its end."""
    curve = quietly(rt.survival_curve, broken())
    tenure, horizon = [0, 1, 3, 5, 6, 7], [1, 2, 5]
    found, _ = once(rt.survival.conditional_survival, curve, tenure=tenure, horizon=horizon)
    found = found.set_index(["tenure", "horizon"])
    before, given = "nobody was watched from 0 to 3", "given still here at 3: nobody was watched"
    for span in [(0, 1), (0, 2), (1, 1), (1, 2)]:
        assert pd.isna(found.loc[span, "survival"])
        assert found.loc[span, "note"] == before
    assert found.loc[(0, 5), "survival"] == 0.5
    assert found.loc[(0, 5), "note"].startswith(given)
    for span in [(1, 5), (3, 5), (5, 1), (6, 2), (6, 1)]:
        assert pd.isna(found.loc[span, "survival"])
        assert found.loc[span, "note"] == HOLE
    assert found.loc[(7, 1), "survival"] == 0.5
    assert pd.isna(found.loc[(7, 1), "note"])


def test_a_quantile_that_lies_behind_a_hole_is_null_and_named():
    """S is 1/2 at 4; a quarter still here would lie behind 5."""
    curve = quietly(rt.survival_curve, broken())
    found = quietly(rt.survival.lifetime_quantile, curve, lost=[0.4, 0.75])
    assert found["lifetime"].tolist()[0] == 4
    assert np.isnan(found["lifetime"].tolist()[1])
    assert found["note"].tolist()[1] == HOLE
    mean, said = once(rt.survival.restricted_mean, curve, horizon=8)
    assert mean["restricted_mean"].isna().all()
    assert mean["note"].tolist() == [HOLE]
    assert "tenure=7" in said
    inside = quietly(rt.survival.restricted_mean, curve, horizon=5)
    assert inside["restricted_mean"].tolist() == [4.5]


def test_each_segment_has_its_own_stretches_and_the_warning_is_one():
    """Plan basic was watched from 3 on, full from 7 on; the difference of means says both."""
    curve, said = once(rt.survival_curve, broken(), by="plan")
    assert "(of basic and 1 more segment)" in said
    notes = curve.groupby("plan")["note"].unique().map(list).to_dict()
    assert notes == {
        "basic": ["given still here at 3: nobody was watched before"],
        "full": ["given still here at 7: nobody was watched before"],
    }
    longer, _ = once(rt.survival.restricted_mean_difference, curve, horizon=5, by="plan")
    assert longer["difference"].isna().all()
    assert longer["note"].tolist() == [
        "nobody was watched from 0 to 7; basic: given still here at 3: nobody was watched before"
    ]
    compared, said = once(rt.compare_curves, broken(), by="plan")
    assert compared["note"].tolist() == [notes["basic"][0], notes["full"][0]]
    assert "observed_from since when each was watched" in said


def test_a_table_of_a_curve_without_its_notes_still_knows_where_it_is_empty():
    """From the counts alone: after 5 nobody is left, and others come by 8."""
    curve = quietly(rt.survival_curve, broken()).drop(columns=["observed_from", "note"])
    found = quietly(rt.survival.conditional_survival, curve, tenure=[3, 4], horizon=[1, 4])
    assert found["survival"].isna().tolist() == [False, True, False, True]


def test_a_stay_of_no_length_does_not_make_the_leading_stretch_an_inner_one():
    """Whoever came on the last day was watched for no time at all."""
    spells = pd.concat(
        [late(), pd.DataFrame({"customer_id": ["Eve"], "duration": [0.0], "churned": [False]})]
    )
    found = quietly(rt.survival_curve, spells)
    assert found["survival"].tolist() == [1, 0.5, 0.25, 0.25]
    assert found["note"].tolist()[1:] == [GIVEN] * 3
    left = quietly(rt.survival_curve, spells.assign(churned=[True, True, False, True]))
    assert left["survival"].isna().tolist() == [False, True, True, True]
    assert set(left["note"].dropna()) == {"nobody was watched from 0 to 0.0015"}


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_is_given_the_leading_stretch_as_the_curve_is(ties):
    """H = 1/2 at 1, 1/2 more at 2, whoever the customer; nobody is left without a prediction."""
    model = rt.fit_cox(late(), ties=ties)
    found, said = once(rt.survival.predict_survival, some(0), model=model, times=[1, 2])
    assert found["survival"].tolist() == pytest.approx([math.exp(-0.5), math.exp(-1)])
    assert found["note"].tolist() == [GIVEN] * 2
    assert found["reason"].isna().all()
    assert said == (
        f"customers: {GIVEN}; customers with a tenure of 0.0015 or more have it behind them: say "
        "tenure=0.0015."
    )
    there = rt.survival.predict_survival(some(0.0015), model=model, times=[1])
    assert there["note"].isna().all()
    churn, _ = once(rt.predict_churn, some(0), model=model, within=1)
    assert churn["churn_probability"].tolist() == pytest.approx([1 - math.exp(-0.5)])
    stay, _ = once(rt.survival.expected_remaining_lifetime, some(0), model=model, horizon=2)
    assert stay["expected_lifetime"].tolist() == pytest.approx([1 + math.exp(-0.5)])
    assert {churn["note"][0], stay["note"][0]} == {GIVEN}
    assert model.baseline()["note"].tolist() == [GIVEN] * 2


def test_cox_names_the_stretch_that_a_prediction_would_cross():
    """In each stratum its own; the answer is null."""
    model = rt.fit_cox(broken())
    found, said = once(rt.survival.predict_survival, some(4), model=model, times=[0.5, 4])
    assert found["reason"].tolist()[1] == HOLE
    assert found["survival"].isna().tolist() == [False, True]
    assert "tenure=7" in said
    assert rt.survival.predict_survival(some(7), model=model, times=[1])["survival"].notna().all()
    baseline = model.baseline()
    assert baseline["survival"].isna().tolist() == [False, True, True]
    assert baseline["note"].tolist()[1:] == [HOLE] * 2
    strata = rt.fit_cox(broken(), strata="plan")
    both = pd.DataFrame({"customer_id": [1, 2], "tenure": [0, 0], "plan": ["basic", "full"]})
    found = quietly(rt.survival.predict_survival, both, model=strata, times=4.5)
    assert found["survival"].isna().tolist() == [False, True]
    assert found["note"].tolist()[0] == "given still here at 3: nobody was watched before"
    assert found["reason"].tolist()[1] == "nobody was watched from 0 to 7"


def months():
    """Eight stays in months, watched from the end of the first one on."""
    return pd.DataFrame(
        {
            "duration": [2, 2, 3, 3, 4, 4, 4, 4],
            "churned": [True, True, True, False, True, True, False, False],
            "entry": 1,
        }
    )


MONTHS = {"unit": "month", "duration_unit": "month"}


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_an_interval_in_which_nobody_was_at_risk_has_no_hazard(link):
    """Month 1: null, not 0; then 2 of 8, 1 of 6 and 2 of 4, given still here at 1."""
    model = rt.survival.fit_hazard(months(), link=link, **MONTHS)
    table = model.hazards()
    assert table["n_at_risk"].tolist() == [0, 8, 6, 4]
    assert np.isnan(table["hazard"][0])
    assert table["hazard"].tolist()[1:] == pytest.approx([2 / 8, 1 / 6, 2 / 4])
    assert table["note"][0] == "nobody was watched"
    found, _ = once(rt.survival.predict_survival, some(0), model=model, times=[1, 2, 3])
    assert found[["survival", "lower", "upper"]].iloc[0].isna().all()
    assert found["reason"][0] == "nobody was watched from 0 to 1"
    assert found["survival"].tolist()[1:] == pytest.approx([6 / 8, 6 / 8 * 5 / 6])
    assert found["note"].tolist()[1:] == ["given still here at 1: nobody was watched before"] * 2
    assert rt.survival.predict_survival(some(1), model=model, times=[1])["survival"].tolist() == [
        pytest.approx(0.75)
    ]
    rows, said = once(rt.survival.person_periods, months(), **MONTHS)
    assert sorted(rows["interval"].unique()) == [2, 3, 4]
    assert "given still here at 1: nobody was watched before" in said


def test_a_hole_between_intervals_is_null_in_predictions_of_hazards():
    """Nobody is at risk in months 3 and 4."""
    spells = pd.DataFrame(
        {
            "duration": [1, 2, 2, 5, 6, 6],
            "churned": [True, True, False, True, True, False],
            "entry": [0, 0, 0, 4, 4, 4],
        }
    )
    model = rt.survival.fit_hazard(spells, **MONTHS)
    assert model.hazards()["hazard"].isna().tolist() == [False, False, True, True, False, False]
    found, said = once(rt.survival.predict_survival, some(0), model=model, times=[1, 2, 3, 5])
    assert found["survival"].isna().tolist() == [False, False, True, True]
    assert found["reason"].tolist()[2:] == ["nobody was watched from 2 to 4"] * 2
    assert "tenure=4" in said
    assert rt.survival.predict_survival(some(4), model=model, times=[1])["survival"].tolist() == [
        pytest.approx(2 / 3)
    ]
    area = quietly(rt.survival.expected_remaining_lifetime, some(0), model=model, horizon=5)
    assert area["expected_lifetime"].isna().all()


def test_scores_name_the_hole_and_what_they_say_to_write_works():
    """No "predict them too" where no model can; with the landmark all goes well."""
    model, spells = rt.fit_cox(broken()), broken()
    scored, said = once(rt.survival.with_predictions, spells, model=model, times=8)
    assert "say landmark=7, here and in the score" in said
    with pytest.raises(rt.ContentError) as refused:
        rt.survival.calibration(scored, survival="survival_8", time=8, groups=1)
    assert "Predict them too" not in str(refused.value)
    assert HOLE in str(refused.value)
    assert "landmark=7" in str(refused.value)
    again = rt.survival.with_predictions(spells, model=model, times=8, landmark=7)
    table = rt.survival.calibration(again, survival="survival_8", time=8, groups=1, landmark=7)
    assert table["observed"].tolist() == [0.5]
    assert rt.survival.brier_score(again, survival={8: "survival_8"}, landmark=7)[
        "n_still"
    ].tolist() == [1]


def test_a_group_watched_late_is_given_that_in_calibration_and_lift():
    """Observed is of those still here at 0.0015; a hole within is null and named."""
    scored = late().assign(s=0.5, risk=1.0)
    table, said = once(rt.survival.calibration, scored, survival="s", time=2, groups=1)
    assert table["observed"].tolist() == [0.75]
    assert table["note"].tolist() == [GIVEN]
    assert "Say landmark=0.0015" in said
    gains, _ = once(rt.survival.lift, scored, time=2, groups=1)
    assert gains["note"].tolist() == [GIVEN]
    null, _ = once(rt.survival.calibration, broken().assign(s=0.5), survival="s", time=8, groups=1)
    assert null["observed"].isna().all()
    assert null["reason"].tolist() == [f"{HOLE}: say landmark=7"]


def test_the_reasons_of_notes_keep_the_rule():
    """Whether ends count for one reason or in parts."""
    given = pd.DataFrame({"customer_id": ["Ann", "Cem"], "reason": ["too_expensive"] * 2})
    tags = rt.map_reason_codes(given, scheme="stripe")
    for several in ("primary", "fractional"):
        found, said = once(rt.reasons.reason_incidence, broken(), tags, several=several)
        behind = found["duration"] > 5
        assert found.loc[behind, "cumulative_incidence"].isna().all()
        assert set(found.loc[behind, "note"]) == {HOLE}
        assert HOLE in said


THIRDS = pd.DataFrame(
    {"duration": [0.1 + 0.2, 0.3, 1.0], "churned": [True, True, False], "entry": [0.0, 0.0, 0.0]}
)


@pytest.mark.parametrize(
    "function",
    [rt.survival_curve, rt.fit_cox, rt.survival.cumulative_hazard],
    ids=lambda f: f.__name__,
)
def test_moments_equal_but_for_rounding_are_warned_of_not_merged(function):
    """0.1 + 0.2 and 0.3 are two; rounded as the warning says they are one, and nothing is said."""
    _, said = once(function, THIRDS)
    assert said == (
        "spells: 1 pair of durations or entries differs by no more than rounding, such as 0.3 and "
        "0.30000000000000004, but count as different moments. Round them first: "
        'spells["duration"] = spells["duration"].round(6).'
    )
    spells = THIRDS.copy()
    spells["duration"] = spells["duration"].round(6)
    function(spells)
    assert len(quietly(rt.survival_curve, THIRDS)) == 3
    assert len(rt.survival_curve(spells)) == 2


def test_joints_of_own_rows_are_compared_with_durations(engine):
    """An entry of 0.3 beside a duration of 0.1 + 0.2: at risk twice; months of 30.4375 days too."""
    spells = pd.DataFrame(
        {
            "customer_id": ["Ann", "Ann", "Bob"],
            "entry": [0.0, 0.3, 0.0],
            "duration": [0.1 + 0.2, 1.0, 2.0],
            "churned": [False, True, True],
        }
    )
    _, said = once(rt.survival_curve, engine.table(spells))
    assert 'spells["entry"] = spells["entry"].round(6)' in said
    rt.survival_curve(engine.table(spells.round(6)))


def test_numbers_of_32_bits_beside_those_of_64_are_warned_of():
    """To 32 bits 0.1 is another number; widened and rounded as the warning says they agree."""
    spells = pd.DataFrame(
        {"duration": np.array([0.1, 0.3, 0.5], "float32"), "churned": True, "entry": [0, 0.1, 0]}
    )
    _, said = once(rt.survival_curve, spells)
    assert 'spells["duration"] = spells["duration"].astype("float64").round(6)' in said
    spells["duration"] = spells["duration"].astype("float64").round(6)
    spells["entry"] = spells["entry"].round(6)
    rt.survival_curve(spells)


def test_what_is_far_apart_or_whole_is_not_warned_of():
    """Whole numbers of any size, and moments that span many magnitudes."""
    for duration in ([10**15, 10**15 + 1], [1e-12, 2e-12], [1e15, 1e15 + 1], [0.5, 0.5000001]):
        rt.survival_curve(pd.DataFrame({"duration": duration, "churned": True}))


def test_moments_that_are_close_by_chance_are_not_warned_of():
    """Of 40,000 random ones a few are; a sum that ought to be among them is found all the same."""
    duration = np.random.default_rng(1).exponential(2, 40_000)
    rt.survival_curve(pd.DataFrame({"duration": duration, "churned": True}))
    both = np.append(duration, [0.1 + 0.2, 0.3])
    _, said = once(rt.survival_curve, pd.DataFrame({"duration": both, "churned": True}))
    assert "such as 0.3 and 0.30000000000000004" in said


def test_the_digits_to_round_to_fit_the_scale():
    """Nanoseconds in seconds, and many days; a difference that ought to be 0."""
    small = pd.DataFrame({"duration": [3e-8, np.nextafter(3e-8, 1), 5e-8], "churned": True})
    _, said = once(rt.survival_curve, small)
    assert ".round(8)" in said
    rt.survival_curve(small.assign(duration=small["duration"].round(8)))
    nothing = pd.DataFrame({"duration": [0.3, 0.5], "churned": True, "entry": [0.3 - 0.1 * 3, 0]})
    nothing["entry"] = abs(nothing["entry"])
    _, said = once(rt.survival_curve, nothing)
    assert "such as 0.0 and 5.551115123125783e-17" in said
    nothing["entry"] = nothing["entry"].round(6)
    rt.survival_curve(nothing)


def stretches(**columns):
    """Rows of two customers on one scale of time: Ann's overlap, Bob churns where he goes on."""
    table = {
        "customer_id": ["Ann", "Ann", "Bob", "Bob"],
        "entry": [0, 2, 0, 3],
        "duration": [3, 5, 3, 5],
        "churned": [False, True, True, True],
    }
    return pd.DataFrame(table | columns)


@pytest.mark.parametrize("function", [rt.survival_curve, rt.fit_cox], ids=lambda f: f.__name__)
def test_rows_of_one_customer_that_overlap_are_counted_and_warned_of(engine, function):
    """What the warning says to write is done, and nothing is said."""
    _, said = once(function, engine.table(stretches()))
    assert said == (
        "spells: 1 row overlaps another of the same customer, such as (0, 3] and (2, 5] of Ann, "
        "who is at risk twice there: end each row where the next begins; 1 row begins where "
        "another of the same customer ended as churned, such as (3, 5] of Bob: say churned in the "
        "last row of a stay only. If each row is a stay that is counted from a start of its own, "
        "number the stays of each customer in a column 'spell'."
    )
    mended = stretches(duration=[2, 5, 3, 5], churned=[False, True, False, True])
    function(engine.table(mended))
    function(engine.table(stretches(spell=[1, 2, 1, 2])))


def test_stays_counted_from_their_own_start_are_as_they_are():
    """All from 0, whether alike or not; and rows of different customers."""
    rt.survival_curve(stretches(entry=0))
    rt.fit_cox(stretches(customer_id=list("abcd")))
    rt.survival_curve(stretches().drop(columns="customer_id"))


def test_a_long_row_overlaps_all_that_begin_within_it():
    """Not only the one behind it; rows that are set aside are not looked at."""
    spells = pd.DataFrame(
        {"customer_id": "Ann", "entry": [0, 1, 3, 8], "duration": [9, 2, 4, 12], "churned": False}
    )
    _, said = once(rt.survival_curve, spells)
    assert said.startswith("spells: 3 rows overlap another of the same customer")
    aside = spells.assign(set_aside=["not meant", None, None, None])
    with pytest.warns(rt.RetentionWarning, match="nobody was watched") as heard:
        rt.survival_curve(aside)
    assert len(heard) == 1


def test_models_of_every_kind_look_at_the_rows():
    """Also where rows are collapsed or expanded."""
    spells = stretches(duration=[3.0, 5.0, 3.0, 5.0])
    for function, said in [
        (rt.survival.fit_hazard, MONTHS),
        (rt.survival.fit_aft, {}),
        (rt.survival.person_periods, MONTHS),
        (rt.survival.cumulative_incidence, {"cause": "customer_id"}),
        (rt.compare_curves, {"by": "customer_id"}),
        (rt.survival.concordance, {"risk": "entry_risk"}),
    ]:
        table = spells.assign(entry_risk=[1.0, 2.0, 3.0, 4.0])
        _, heard = once(function, table, **said)
        assert "overlaps another of the same customer" in heard


def test_a_picture_ends_where_nobody_was_watching():
    """It begins at 3 and ends at 5; beneath, nobody is at risk at 0, 2 and 6."""
    ax = rt.plots.plot_survival(quietly(rt.survival_curve, broken()), unit="days")
    (line,) = ax.lines
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == (3, 5)
    words = [text.get_text() for text in ax.texts]
    assert "50.0%\nof those here at 3" in words
    assert words[-5:] == ["0", "0", "2", "0", "2"]
    areas = rt.plots.plot_incidence(quietly(rt.survival.cumulative_incidence, broken()))
    assert "Still here 50.0%" in [" ".join(text.get_text().split()) for text in areas.texts]
