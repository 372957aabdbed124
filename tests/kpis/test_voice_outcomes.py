"""voice_by_outcome: against a twin in loops, in closed form, and its refusals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import retention as rt
from answers import FIGURES, answers, invitations, loaded, mean, people, random_rows, said
from conftest import Engine, at_most
from lasting import contracts
from retention.kpis.voice.before_leaving import voice_by_outcome

PANDAS = Engine("pandas")
LAST = date(2024, 3, 25)
starts = st.dates(date(2023, 12, 1), date(2024, 3, 20))
terms = st.lists(st.tuples(people, starts, st.none() | st.integers(1, 60)), max_size=8)


def became(day, spells, *, within, lead):
    """What became of a customer who answered on a day, by the definition."""
    running = [s for s in spells if s[0] <= day and (s[1] is None or day < s[1])]
    if not running:
        return "no_spell"
    end = running[0][1]
    if day + timedelta(days=lead + within) > LAST:
        return "unobserved"
    if end is not None and end <= day + timedelta(days=lead):
        return "lead"
    return "left" if end is not None and end <= day + timedelta(days=lead + within) else "stayed"


def compare_with_loops(engine, rows, lasting):
    """What voice_by_outcome gives beside what the loops give."""
    rows = [("Ann", date(2024, 1, 1), 3, *[None] * 5, "north"), *rows]
    lasting = [("Ann", date(2023, 12, 1), None), *lasting]
    table = contracts(
        *((who, start, start + timedelta(days=days) if days else None)
          for who, start, days in lasting)
    )  # fmt: skip
    spells = rt.contract_spells(table, as_of=LAST, grace=0)
    known = defaultdict(list)
    for row in spells.itertuples():
        end = row.end.date() if row.churned else None
        known[row.customer_id].append((row.start.date(), end))
    found = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row[1] <= LAST:
            what = became(row[1], known[row[0]], within=20, lead=5)
            found[row[8], what]["asked"].append(any(x is not None for x in row[2:8]))
            values = dict(zip(("satisfaction", "value_for_money", "repeat_intention", "recommend",
                               "well", "ill"), row[2:8], strict=True))  # fmt: skip
            for figure, (question, counts) in FIGURES.items():
                if values[question] is not None:
                    found[row[8], what][figure].append((row[0], counts(values[question])))
    answer = engine.read(
        voice_by_outcome(
            engine.table(loaded(invitations(rows))), engine.table(spells), as_of=LAST, within=20,
            lead=5, by="region",
        )
    )  # fmt: skip
    assert len(answer) == 2 * len(FIGURES) * len({row[8] for row in rows if row[1] <= LAST})
    for row in answer.to_dict("records"):
        mine = found[row["region"], row["outcome"]]
        values = [value for _, value in mine[row["figure"]]]
        assert (row["n_asked"], row["n_answered"]) == (len(mine["asked"]), sum(mine["asked"]))
        assert row["n_answers"] == len(values)
        assert row["n_customers"] == len({who for who, _ in mine[row["figure"]]})
        np.testing.assert_allclose(row["value"], mean(values), rtol=1e-12)
        for why in ("no_spell", "unobserved", "lead"):
            assert row[f"n_{why}"] == len(found[row["region"], why][row["figure"]])
        left, stayed = (
            mean([value for _, value in found[row["region"], outcome][row["figure"]]])
            for outcome in ("left", "stayed")
        )
        np.testing.assert_allclose(row["difference"], left - stayed, rtol=1e-9, atol=1e-12)


@given(rows=st.lists(answers, min_size=1, max_size=20), lasting=terms)
@settings(max_examples=at_most(15))
def test_agrees_with_the_definition_in_loops(rows, lasting):
    """Every answer is with those who stayed, those who left, or set aside for one reason."""
    compare_with_loops(PANDAS, rows, lasting)


def test_agrees_with_the_definition_on_every_engine(engine):
    """The same on tables of more rows."""
    lasting = [(row[0], row[1], row[5] and 9 * row[5]) for row in random_rows(15, seed=5)]
    compare_with_loops(engine, random_rows(80, seed=4), lasting)


def half_and_half(n):
    """Spells of 2n customers: the first n leave on 1 March, the others stay."""
    rows = ((who, "2024-01-01", "2024-03-01" if who < n else None) for who in range(2 * n))
    return rt.contract_spells(contracts(*rows), as_of="2024-12-31", grace=0)


def test_customers_who_answer_once_differ_as_in_two_samples():
    """The variance of the difference is then s²/n of the one and of the other (Welch)."""
    rng = np.random.default_rng(1)
    scores = np.r_[rng.integers(1, 5, 40), rng.integers(2, 6, 40)]
    surveys = said(list(range(80)), ["2024-02-15"] * 80, scores)
    found = voice_by_outcome(surveys, half_and_half(40), as_of="2024-12-31", within=30)
    row = found[found["figure"] == "satisfaction"].iloc[0]
    left, stayed = scores[:40], scores[40:]
    error = np.sqrt(left.var(ddof=1) / 40 + stayed.var(ddof=1) / 40)
    half = stats.t.ppf(0.975, 39) * error
    difference = left.mean() - stayed.mean()
    assert row["difference"] == pytest.approx(difference)
    assert (row["difference_lower"], row["difference_upper"]) == pytest.approx(
        (difference - half, difference + half)
    )
    assert row["difference_bounds"] == "linearised"
    low, high = stats.t.interval(0.95, 39, loc=stayed.mean(), scale=stats.sem(stayed))
    assert (row["lower"], row["upper"]) == pytest.approx((low, high))


def test_customers_on_both_sides_differ_as_in_pairs():
    """Who answers long before leaving, and shortly before, is compared with themselves."""
    rng = np.random.default_rng(2)
    before = rng.integers(2, 6, 40)
    after = np.clip(before - rng.integers(0, 3, 40), 1, 5)
    who = list(range(40))
    surveys = said(who * 2, ["2024-01-02"] * 40 + ["2024-02-15"] * 40, np.r_[before, after])
    found = voice_by_outcome(surveys, half_and_half(40), as_of="2024-12-31", within=30)
    row = found[found["figure"] == "satisfaction"].iloc[0]
    low, high = stats.ttest_rel(after, before).confidence_interval(0.95)
    assert (row["difference_lower"], row["difference_upper"]) == pytest.approx((low, high))
    assert row["n_answers"] == row["n_customers"] == 40


def test_few_customers_have_values_and_no_bounds():
    """Fewer than 30 on one side: the reason stands in place of the method."""
    surveys = said(list(range(20)), ["2024-02-15"] * 20, [1, 2, 3, 4, 5] * 4)
    found = voice_by_outcome(surveys, half_and_half(10), as_of="2024-12-31", within=30)
    row = found[found["figure"] == "satisfaction"].iloc[0]
    assert row["difference_bounds"] == row["bounds"] == "none: few customers"
    assert np.isnan(row["difference_lower"])
    assert row["difference"] == pytest.approx(0.0)


def test_a_window_that_is_not_over_is_unobserved_whatever_happened():
    """Those whose end was seen early would otherwise be the only ones counted."""
    surveys = said([0, 1], ["2024-02-15"] * 2, [2, 4])
    found = voice_by_outcome(surveys, half_and_half(1), as_of="2024-03-10", within=30)
    assert found.loc[0, ["n_answers", "n_unobserved"]].tolist() == [0, 2]


def test_what_was_said_before_a_spell_came_under_observation_is_unobserved():
    """Who left before then is not among the spells, so whoever is had to stay."""
    table = contracts(("Ann", "2023-01-01", None), ("Bob", "2024-01-05", None))
    spells = rt.contract_spells(table, as_of="2024-12-31", observed_from="2024-01-01", grace=0)
    surveys = said(["Ann", "Ann", "Bob"], ["2023-12-31", "2024-01-01", "2024-01-05"], [1, 2, 3])
    found = voice_by_outcome(surveys, spells, as_of="2024-12-31", within=30)
    assert found.loc[0, ["outcome", "n_answers", "n_unobserved"]].tolist() == ["stayed", 2, 1]


def test_nothing_after_as_of_is_looked_at():
    """Spells seen for longer, and later answers, give what those known by then give."""
    early = rt.contract_spells(
        contracts(*((w, "2024-01-01", "2024-03-01" if w < 3 else None) for w in range(6))),
        as_of="2024-03-20", grace=0,
    )  # fmt: skip
    late = rt.contract_spells(
        contracts(*((w, "2024-01-01", "2024-03-01" if w < 3 else "2024-04-01") for w in range(6))),
        as_of="2024-12-31", grace=0,
    )  # fmt: skip
    who, days = list(range(6)) * 2, ["2024-02-10"] * 6 + ["2024-03-21"] * 6
    surveys = said(who, days, [1, 2, 3, 4, 5, 1] * 2)
    first, second = (
        voice_by_outcome(s, spells, as_of="2024-03-20", within=30)
        for s, spells in ((surveys[:6], early), (surveys, late))
    )
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    "made_on_renewal",
    [("2024-05-15", None), ("2024-12-31", None), ("2024-12-31", "2024-05-20")],
    ids=["seen to as_of", "seen for longer", "renewed after as_of"],
)
def test_with_a_grace_nothing_after_as_of_is_looked_at_either(engine, made_on_renewal):
    """An end of 10 May, with 30 days of grace, is not known on 15 May: nor is its renewal."""
    made_on, renewal = made_on_renewal
    rows = [("Ann", "2024-01-01", "2024-05-10"), ("Bob", "2024-01-01", None)]
    rows += [("Ann", renewal, "2024-12-31")] if renewal else []
    spells = rt.contract_spells(engine.table(contracts(*rows)), as_of=made_on, grace=30)
    surveys = engine.table(said(["Ann", "Bob"], ["2024-05-01"] * 2, [2, 5]))
    found = engine.read(voice_by_outcome(surveys, spells, as_of="2024-05-15", within=14))
    mine = found[found["figure"] == "satisfaction"]
    assert mine[["n_answers", "n_unobserved"]].values.tolist() == [[0, 2], [0, 2]]


def test_no_bound_of_a_difference_leaves_what_is_possible():
    """Everybody content who stayed, but one, and nobody who left, but one: −1 and no further."""
    scores = [1] * 29 + [5] + [5] * 29 + [1]
    surveys = said(list(range(60)), ["2024-02-15"] * 60, scores)
    found = voice_by_outcome(surveys, half_and_half(30), as_of="2024-12-31", within=30)
    rows = found.set_index("figure")
    row = rows[rows["outcome"] == "left"].loc["satisfied_share"]
    assert (row["difference"], row["difference_lower"]) == (pytest.approx(-28 / 30), -1)
    assert -1 < row["difference_upper"] < row["difference"] + 0.2
    scaled = rows[rows["outcome"] == "left"].loc["satisfaction"]
    assert scaled["difference_lower"] == -4


def test_refuses_an_as_of_before_everything():
    """Nobody was asked by then: nothing is said of periods, of which there are none here."""
    surveys = said([0, 1], ["2024-02-15"] * 2, [2, 4])
    with pytest.raises(rt.ContentError, match="nobody was asked by as_of 2023-06-01"):
        voice_by_outcome(surveys, half_and_half(1), as_of="2023-06-01", within=30)


def test_refuses_spells_that_do_not_say_when_ends_are_known():
    """Those of contracts carry their grace, those of purchases their last order."""
    surveys = said([0, 1], ["2024-02-15"] * 2, [2, 4])
    spells = half_and_half(1).drop(columns="grace")
    with pytest.raises(rt.ColumnError, match="lacks 'grace' .how many days after an end it is"):
        voice_by_outcome(surveys, spells, as_of="2024-12-31", within=30)


def test_the_sample_company_was_made_so_that_satisfaction_falls_before_leaving():
    """By 1.5 points over the last 120 days: those who leave soon are less satisfied."""
    company = rt.sample_company(3_000, seed=1)
    sent = company.surveys.assign(region="all", well=np.nan, ill=np.nan)
    truth = company.truth[["customer_id", "first_order", "left_on"]]
    truth = truth.rename(columns={"first_order": "start", "left_on": "end"})
    spells = rt.contract_spells(truth.dropna(subset=["start"]), as_of="2024-12-31", grace=0)
    found = voice_by_outcome(loaded(sent), spells, as_of="2024-12-31", within=60)
    row = found[found["figure"] == "satisfaction"].iloc[0]
    assert row["difference_upper"] < -0.5


@pytest.mark.parametrize("rows", [30, 80])
def test_large_tables_that_go_through_duckdb_meet_small_ones(monkeypatch, rows):
    """Whichever of the two is large: surveys follow the spells to the engine that counts."""
    spells = half_and_half(20)
    surveys = said(list(range(40)) * 2, ["2024-02-15"] * 80, [1, 2, 3, 4] * 20)
    small = voice_by_outcome(surveys, spells, as_of="2024-12-31", within=30)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", rows)
    routed = voice_by_outcome(surveys, spells, as_of="2024-12-31", within=30)
    pd.testing.assert_frame_equal(routed, small)


def test_refuses_what_cannot_be_compared():
    """Windows of no days, spells that look ahead, customers who never meet, another kind."""
    import polars as pl

    spells, surveys = half_and_half(1), said([0, 1], ["2024-02-15"] * 2, [2, 4])
    say = {"as_of": "2024-12-31", "within": 30}
    with pytest.raises(rt.RetentionError, match="within must be a whole number of days, 1 or more"):
        voice_by_outcome(surveys, spells, as_of="2024-12-31", within=0)
    with pytest.raises(rt.RetentionError, match="lead must be a whole number of days, 0 or more"):
        voice_by_outcome(surveys, spells, **say, lead=-1)
    with pytest.raises(rt.RetentionError, match="reactivation='same_spell'"):
        voice_by_outcome(surveys, spells.assign(reactivation="same_spell"), **say)
    with pytest.raises(rt.ContentError, match="Nobody who was asked has a spell on that day"):
        voice_by_outcome(surveys.assign(customer_id=[8, 9]), spells, **say)
    with pytest.raises(rt.ColumnError, match="surveys: 'customer_id' holds String"):
        voice_by_outcome(surveys.assign(customer_id=["a", "b"]), spells, **say)
    with pytest.raises(rt.TableError, match="surveys is a polars table beside a pandas one"):
        voice_by_outcome(pl.DataFrame(surveys.to_dict("list")), spells, **say)
