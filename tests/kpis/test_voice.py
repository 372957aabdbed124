"""voice_kpis, repeat_behaviour and market_share: against twins in loops, formulas and refusals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import retention as rt
from answers import (
    FIGURES,
    QUESTIONS,
    answers,
    invitations,
    loaded,
    mean,
    people,
    random_rows,
    said,
)
from conftest import Engine
from retention.intervals import wilson_bounds
from retention.kpis.market.market_share import market_share
from retention.kpis.voice.intentions import repeat_behaviour
from retention.kpis.voice.voice_kpis import voice_kpis
from retention.loading.doors.surveys import as_surveys
from shops import orders

ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def last_of(rows, question):
    """A customer's last answer to a question; of several at one moment the lowest."""
    given = [(row["date"], row[question]) for row in rows if row[question] == row[question]]
    last = max((day for day, _ in given), default=None)
    return [min(value for day, value in given if day == last)] if given else []


def twin(frame, repeated):
    """Counts and values of each region, month and figure, by the definition in loops."""
    cells = defaultdict(lambda: defaultdict(list))
    for row in frame.to_dict("records"):
        cells[row["region"], row["date"].month][row["customer_id"]].append(row)
    for (region, month), customers in cells.items():
        units = list(customers.values()) if repeated == "last" else [
            [row] for rows in customers.values() for row in rows
        ]  # fmt: skip
        answered = [any(row[q] == row[q] for row in unit for q in QUESTIONS) for unit in units]
        for figure, (question, counts) in FIGURES.items():
            values = [counts(x) for unit in units for x in last_of(unit, question)]
            yield (region, month, figure), (len(units), sum(answered), values)


PANDAS = Engine("pandas")


@pytest.mark.parametrize("repeated", ["last", "all"])
@given(rows=st.lists(answers, min_size=1, max_size=25))
def test_agrees_with_the_definition_in_loops(repeated, rows):
    """Counts, response and value of every figure, by segment and month, before as_of."""
    compare_with_loops(PANDAS, repeated, rows)


@pytest.mark.parametrize("repeated", ["last", "all"])
def test_agrees_with_the_definition_on_every_engine(engine, repeated):
    """The same on a table of more rows, with ties."""
    compare_with_loops(engine, repeated, random_rows(80, seed=1))


def compare_with_loops(engine, repeated, rows):
    """What voice_kpis gives beside what the loops give."""
    frame = invitations([("Ann", "2024-01-05", *[None] * 6, "north"), *rows])
    found = engine.read(
        voice_kpis(
            engine.table(loaded(frame)), as_of="2024-03-30", freq="month", by="region",
            repeated=repeated,
        ),
        order=["region", "period"],
    )  # fmt: skip
    expected = dict(twin(frame[frame["date"] < "2024-03-01"], repeated))
    assert len(found) == frame[frame["date"] < "2024-03-01"]["region"].nunique() * 2 * len(FIGURES)
    for row in found.to_dict("records"):
        key = row["region"], row["period"].month, row["figure"]
        n_asked, n_answered, values = expected.get(key, (0, 0, []))
        assert (row["n_asked"], row["n_answered"]) == (n_asked, n_answered)
        assert row["n_answers"] == len(values)
        np.testing.assert_allclose(row["value"], mean(values), rtol=1e-12)
        share = n_answered / n_asked if n_asked else np.nan
        np.testing.assert_allclose(row["response_share"], share)


def test_a_mean_has_students_bounds():
    """M ± t s/√n, within the scale; and Wilson's for a share."""
    scores = [5, 4, 4, 3, 5, 2, 4, 4, 5, 3, 1, 4]
    found = voice_kpis(said(list(range(12)), ["2024-01-01"] * 12, scores), as_of="2024-01-31")
    row = found[found["figure"] == "satisfaction"].iloc[0]
    low, high = stats.t.interval(0.95, 11, loc=np.mean(scores), scale=stats.sem(scores))
    assert (row["lower"], row["upper"]) == pytest.approx((low, high))
    assert row["bounds"] == "student"
    top = found[found["figure"] == "satisfied_share"].iloc[0]
    wilson = stats.binomtest(3, 12).proportion_ci(0.95, method="wilson")
    assert (top["lower"], top["upper"]) == pytest.approx((wilson.low, wilson.high))
    assert top["bounds"] == "wilson"


def test_the_variance_of_the_net_promoter_score_is_that_of_its_two_shares():
    """With p promoters and d detractors of n, (p + d − (p − d)²)/(n − 1), within −1 to 1."""
    scores = [10] * 9 + [8] * 5 + [3] * 6
    sent = pd.DataFrame(
        {"who": range(20), "date": pd.to_datetime(["2024-01-01"] * 20), "likely": scores}
    )
    surveys = as_surveys(sent, customer_id="who", date="date", recommend="likely")
    found = voice_kpis(surveys, as_of="2024-01-31").set_index("figure")
    row = found.loc["net_promoter_score"]
    p, d = 9 / 20, 6 / 20
    half = stats.t.ppf(0.975, 19) * np.sqrt((p + d - (p - d) ** 2) / 19)
    assert row["value"] == pytest.approx(p - d)
    assert (row["lower"], row["upper"]) == pytest.approx((p - d - half, p - d + half))
    shares = found.loc[["promoter_share", "detractor_share"], "value"].tolist()
    assert shares == pytest.approx([p, d])


def test_answers_of_one_customer_are_no_independent_answers():
    """With repeated="all" the bounds are those of a ratio with customers as clusters."""
    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(60), rng.integers(1, 5, 60))
    scores = np.clip(np.rint(rng.normal(3, 1, 60)[who] + rng.normal(0, 0.3, who.size)), 1, 5)
    surveys = said(who, ["2024-01-01"] * who.size, scores)
    found = voice_kpis(surveys, as_of="2024-01-31", repeated="all")
    row = found[found["figure"] == "satisfaction"].iloc[0]
    x, r = np.bincount(who), scores.mean()
    residuals = np.bincount(who, weights=scores) - r * x
    freedom = x.sum() ** 2 / (x**2).sum() - 1
    half = stats.t.ppf(0.975, freedom) * np.sqrt(60 / 59 * (residuals**2).sum()) / x.sum()
    assert (row["n_answers"], row["n_customers"]) == (who.size, 60)
    assert (row["lower"], row["upper"]) == pytest.approx((r - half, r + half))
    assert row["bounds"] == "linearised"


def test_where_no_bounds_cover_there_are_none():
    """Few answers, answers all alike, few customers: said in words."""
    nine = said(list(range(9)), ["2024-01-01"] * 9, [1, 2, 3, 4, 5, 1, 2, 3, 4])
    alike = said(list(range(40)), ["2024-01-01"] * 40, [4] * 40)

    def bounds(surveys, **say):
        return voice_kpis(surveys, as_of="2024-01-31", **say).set_index("figure")["bounds"]

    assert bounds(nine)["satisfaction"] == "none: few answers"
    assert bounds(nine)["satisfied_share"] == "wilson"
    assert bounds(nine)["net_promoter_score"] == "none"
    assert bounds(alike)["satisfaction"] == "none: all alike"
    assert bounds(alike, repeated="all")["satisfied_share"] == "none: all alike"
    assert bounds(nine, repeated="all")["satisfaction"] == "none: few customers"


def test_the_last_answer_to_each_question_counts():
    """A later survey that did not ask it takes no answer away; nor does one left unanswered."""
    frame = invitations([
        ("Ann", "2024-01-01", 5, None, None, None, None, None, "north"),
        ("Ann", "2024-01-02", 2, None, None, 9, None, None, "north"),
        ("Ann", "2024-01-03", None, None, None, None, None, None, "north"),
    ])  # fmt: skip
    found = voice_kpis(loaded(frame), as_of="2024-01-31").set_index("figure")
    assert found.loc["satisfaction", ["n_asked", "n_answered", "value"]].tolist() == [1, 1, 2]
    assert found.loc["promoter_share", "value"] == 1
    every = voice_kpis(loaded(frame), as_of="2024-01-31", repeated="all").set_index("figure")
    assert every.loc["satisfaction", ["n_asked", "n_answered", "value"]].tolist() == [3, 2, 3.5]


def test_nothing_after_as_of_is_looked_at():
    """Later surveys change nothing, and a period that is not over is left out."""
    early = said([1, 2], ["2024-01-10", "2024-01-20"], [5, 3])
    late = said([1, 2, 3], ["2024-01-10", "2024-01-20", "2024-02-10"], [5, 3, 1])
    for freq in (None, "week"):
        pd.testing.assert_frame_equal(
            voice_kpis(early, as_of="2024-02-09", freq=freq),
            voice_kpis(late, as_of="2024-02-09", freq=freq),
        )
    assert voice_kpis(late, as_of="2024-02-28", freq="month")["until"].max() == pd.Timestamp(
        "2024-01-31"
    )


def test_one_shape_with_and_without_periods(engine):
    """The whole window is a period from the first survey to as_of."""
    surveys = engine.table(said([1, 2], ["2024-01-10", "2024-02-20"], [5, 3]))
    whole = voice_kpis(surveys, as_of="2024-02-29")
    parts = voice_kpis(surveys, as_of="2024-02-29", freq="month")
    assert engine.is_mine(whole)
    one, two = engine.read(whole), engine.read(parts, order=["period"])
    assert one.columns.tolist() == two.columns.tolist()
    assert pd.to_datetime(one["period"]).unique() == [pd.Timestamp("2024-01-10")]
    assert pd.to_datetime(one["until"]).unique() == [pd.Timestamp("2024-02-29")]
    assert sorted(set(two["n_asked"])) == [1]


def test_good_and_ill_are_never_netted():
    """A customer who does both is in both shares."""
    frame = invitations([("Ann", "2024-01-01", None, None, None, None, 1, 1, "north")])
    found = voice_kpis(loaded(frame), as_of="2024-01-31").set_index("figure")["value"]
    assert found[["positive_word_of_mouth", "negative_word_of_mouth"]].tolist() == [1, 1]


def test_the_more_who_answer_the_higher_the_response_share_and_nothing_else():
    """Silent customers move the response share and no figure."""
    few = said([1, 2], ["2024-01-10"] * 2, [5, 3])
    more = said([1, 2, 3, 4], ["2024-01-10"] * 4, [5, 3, None, None])
    columns = ["figure", "n_answers", "value", "lower", "upper", "bounds"]
    first, second = (voice_kpis(s, as_of="2024-01-31") for s in (few, more))
    pd.testing.assert_frame_equal(first[columns], second[columns])
    assert (first["response_share"] == 1).all()
    assert (second["response_share"] == 0.5).all()


def test_refuses_what_cannot_be_a_voice():
    """No survey, no whole period, no scale, two scales, a name of the answer as a segment."""
    surveys = said([1], ["2024-01-10"], [5])
    with pytest.raises(rt.ContentError, match="nobody was asked by as_of 2023-12-31"):
        voice_kpis(surveys, as_of="2023-12-31")
    with pytest.raises(rt.ContentError, match="No month is whole"):
        voice_kpis(surveys, as_of="2024-01-30", freq="month")
    with pytest.raises(rt.ColumnError, match="'satisfaction' lack their scale"):
        voice_kpis(surveys.drop(columns="scale_high"), as_of="2024-01-31")
    two = pd.concat([surveys, surveys.assign(scale_high=10.0)], ignore_index=True)
    with pytest.raises(rt.ContentError, match="'scale_high' goes from 5 to 10"):
        voice_kpis(two, as_of="2024-01-31")
    with pytest.raises(rt.ColumnError, match="'figure' is a name that answers use"):
        voice_kpis(surveys.assign(figure="a"), as_of="2024-01-31", by="figure")
    with pytest.raises(rt.RetentionError, match="repeated must be one of 'last', 'all'"):
        voice_kpis(surveys, as_of="2024-01-31", repeated="first")
    with pytest.raises(rt.ColumnError, match="surveys .* lacks 'answered'"):
        voice_kpis(surveys.drop(columns="answered"), as_of="2024-01-31")


purchases = st.tuples(people, st.dates(date(2024, 1, 1), date(2024, 4, 9)), st.integers(1, 9))


@ignore_silence
@given(rows=st.lists(answers, min_size=1, max_size=20), bought=st.lists(purchases, max_size=20))
def test_repeat_behaviour_agrees_with_the_definition_in_loops(rows, bought):
    """First answers, whether their window is over, and whether a purchase fell into it."""
    compare_behaviour(PANDAS, rows, bought)


@ignore_silence
def test_repeat_behaviour_agrees_with_the_definition_on_every_engine(engine):
    """The same on tables of more rows."""
    bought = [(row[0], row[1], 3) for row in random_rows(12, seed=3)]
    compare_behaviour(engine, random_rows(60, seed=2), bought)


def compare_behaviour(engine, rows, bought):
    """What repeat_behaviour gives beside what the loops give."""
    rows = [("Ann", date(2024, 1, 1), None, None, 5, *[None] * 3, "north"), *rows]
    lines = [("Ann", date(2024, 1, 1), 5), *bought]
    expected = defaultdict(lambda: [0, 0, 0])
    for region in ("north", "south"):
        for who in ("Ann", "Bob", "Cem", "Dee", "Eve", "Fay"):
            given_by = [r for r in rows if (r[0], r[8]) == (who, region) and r[4]]
            said_by = [(r[1], r[4]) for r in given_by if r[1] <= date(2024, 3, 20)]
            if not said_by:
                continue
            day, intention = min(said_by)
            cell = expected[region, intention]
            cell[0] += 1
            if day <= date(2024, 3, 20) - timedelta(days=14):
                cell[1] += 1
                cell[2] += any(
                    other == who and day < on <= day + timedelta(days=14) for other, on, _ in lines
                )
    found = engine.read(
        repeat_behaviour(
            engine.table(loaded(invitations(rows))), engine.table(orders(*lines)),
            as_of="2024-03-20", within=14, by="region",
        )
    )  # fmt: skip
    counts = {
        (row["region"], row["score"]): [row[n] for n in ("n_customers", "n_observed", "n_bought")]
        for row in found.to_dict("records")
    }
    assert {key: cell for key, cell in counts.items() if cell[0]} == dict(expected)
    assert (found["n_unobserved"] == found["n_customers"] - found["n_observed"]).all()


def asked_again(*rows):
    """Surveys of (customer, day, how likely they buy again), on a scale of 1 to 5."""
    return invitations([(who, date.fromisoformat(day), None, None, again, *[None] * 3, "north")
                        for who, day, again in rows])  # fmt: skip


def test_answers_from_before_the_log_are_not_observed(engine):
    """What Ann bought in January is not in a log of February; whoever asks knows since when."""
    surveys = engine.table(
        loaded(
            asked_again(
                ("Ann", "2024-01-05", 5), ("Bob", "2024-02-05", 5), ("Cem", "2024-02-01", 5)
            )
        )
    )
    lines = engine.table(orders(("Bob", "2024-02-03", 1), ("Ann", "2024-02-10", 1)))
    say = {"as_of": "2024-02-20", "within": 7}
    counts = ["n_customers", "n_unobserved", "n_observed", "n_bought"]
    for since, expected in (
        (None, [3, 2, 1, 0]), ("2024-02-01", [3, 1, 2, 0]), ("2024-01-01", [3, 0, 3, 0]),
    ):  # fmt: skip
        found = engine.read(repeat_behaviour(surveys, lines, observed_from=since, **say))
        assert found[counts].values.tolist() == [expected]
    with pytest.raises(rt.RetentionError, match="observed_from is 2024-03-01, after as_of"):
        repeat_behaviour(surveys, lines, observed_from="2024-03-01", **say)


def test_repeat_behaviour_shows_how_many_were_asked_and_answered(engine):
    """Customers of each segment, the same in each row, also where nobody answered this question."""
    frame = pd.concat([
        asked_again(("Ann", "2024-01-05", 5), ("Ann", "2024-01-06", None), ("Bob", "2024-01-05", 3),
                    ("Cem", "2024-01-05", None)),
        asked_again(("Dee", "2024-01-05", None)).assign(region="south"),
    ], ignore_index=True)  # fmt: skip
    lines = engine.table(orders(("Ann", "2024-01-01", 1), ("Bob", "2024-01-31", 1)))
    say = {"as_of": "2024-02-01", "within": 7}
    answer = repeat_behaviour(engine.table(loaded(frame)), lines, by="region", **say)
    found = engine.read(answer, order=["region", "score"])
    names = ["region", "score", "n_asked", "n_answered", "n_customers"]
    assert found[names].values.tolist() == [
        ["north", 3, 3, 2, 1], ["north", 5, 3, 2, 1],
        ["south", 3, 1, 0, 0], ["south", 5, 1, 0, 0],
    ]  # fmt: skip
    np.testing.assert_allclose(found["response_share"], [2 / 3, 2 / 3, 0, 0])
    assert found["response_lower"][0] == pytest.approx(float(wilson_bounds([2], [3])[0][0]))


def test_segments_may_have_the_names_of_what_is_counted(engine):
    """Only names that stand in the answer are refused."""
    names = ["n", "x_satisfaction_all", "yy_satisfaction_both", "asked"]
    frame = loaded(asked_again(("Ann", "2024-01-05", 5))).assign(**dict.fromkeys(names, "a"))
    surveys = engine.table(frame)
    lines = engine.table(orders(("Ann", "2024-01-01", 1), ("Ann", "2024-02-01", 1)))
    for made in (
        voice_kpis(surveys, as_of="2024-02-01", by=[*names[1:]]),
        repeat_behaviour(surveys, lines, as_of="2024-02-01", within=7, by=names),
    ):
        assert set(engine.read(made)[names[1]]) == {"a"}


def test_repeat_behaviour_counts_a_return_as_no_purchase():
    """What brings money back is no repeat purchase; the day of the answer is none either."""
    frame = invitations([("Ann", "2024-01-01", None, None, 5, *[None] * 3, "north")])
    lines = orders(("Ann", "2024-01-01", 10), ("Ann", "2024-01-05", -10), ("Bob", "2024-02-01", 1))
    found = repeat_behaviour(loaded(frame), lines, as_of="2024-02-01", within=20)
    assert found[["score", "n_observed", "n_bought", "repeat_share"]].values.tolist() == [
        [5, 1, 0, 0]
    ]
    assert found["upper"].tolist() == pytest.approx([0.7934507])


@ignore_silence
@pytest.mark.parametrize("rows", [5, 10])
def test_repeat_behaviour_of_large_tables(monkeypatch, rows):
    """A large table goes through DuckDB, and the other one follows it there."""
    surveys = loaded(invitations(random_rows(10, seed=6)))
    lines = orders(*((row[0], row[1], 3) for row in random_rows(5, seed=7)))
    say = {"as_of": "2024-03-31", "within": 10}
    small = repeat_behaviour(surveys, lines, **say)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", rows)
    pd.testing.assert_frame_equal(repeat_behaviour(surveys, lines, **say), small)


@ignore_silence
def test_repeat_behaviour_refuses():
    """Ids that never meet, no answer, no question, no number of days."""
    frame = invitations([("Ann", "2024-01-01", None, None, 5, *[None] * 3, "north")])
    lines = orders(("ann", "2024-01-01", 10))
    say = {"as_of": "2024-02-01", "within": 20}
    with pytest.raises(rt.ContentError, match="Nobody who answered by 2024-02-01 has a purchase"):
        repeat_behaviour(loaded(frame), lines, **say)
    with pytest.raises(rt.ContentError, match="nobody answered repeat_intention"):
        repeat_behaviour(loaded(frame.assign(repeat_intention=np.nan)), lines, **say)
    with pytest.raises(rt.ColumnError, match="lacks 'repeat_intention'"):
        repeat_behaviour(said(["Ann"], ["2024-01-01"], [5]), lines, **say)
    with pytest.raises(rt.RetentionError, match="within must be a whole number of days"):
        repeat_behaviour(loaded(frame), lines, as_of="2024-02-01", within=0)
    with pytest.raises(rt.ColumnError, match="surveys: 'customer_id' holds Int64"):
        repeat_behaviour(loaded(frame.assign(customer_id=1)), lines, **say)


def markets(*rows):
    """What the market sold, as (day, amount)."""
    frame = pd.DataFrame(rows, columns=["date", "market"])
    return frame.assign(
        date=pd.to_datetime(frame["date"]).astype("datetime64[us]"),
        market=frame["market"].astype(float),
    )


@ignore_silence
def test_market_share_is_ours_over_theirs(engine):
    """By period; several rows of the market add up, one that is not filled in makes it unknown."""
    lines = orders(
        ("Ann", "2024-01-01", 30), ("Bob", "2024-01-31", 20), ("Bob", "2024-03-01", 90),
        ("Bob", "2024-04-01", 5),
    )  # fmt: skip
    activity = rt.customer_periods(engine.table(lines), freq="month", as_of="2024-04-30")
    market = markets(
        ("2024-01-01", 100), ("2024-01-20", 150), ("2024-02-01", 10), ("2024-03-01", 60),
        ("2024-04-01", 60), ("2024-04-02", None), ("2023-01-01", 0),
    )  # fmt: skip
    found = market_share(activity, engine.table(market))
    assert engine.is_mine(found)
    read = engine.read(found, order=["step"])
    assert read["sales"].tolist() == [50, 0, 90, 5]
    np.testing.assert_array_equal(read["market_share"], [0.2, 0, 1.5, np.nan])
    assert read["n_rows"].tolist() == [2, 1, 1, 2]
    assert read["above_market"].tolist() == [False, False, True, False]


def test_market_share_refuses_a_market_of_other_years_or_of_nothing():
    """A market that is not above 0 is no market, and one of another year is not ours."""
    activity = rt.customer_periods(orders(("A", "2024-01-01", 1)), freq="day", as_of="2024-01-01")
    with pytest.raises(rt.ContentError, match="no row falls in a period"):
        market_share(activity, markets(("2023-01-01", 10)))
    with pytest.raises(rt.ContentError, match="1 row.s. not above 0"):
        market_share(activity, markets(("2024-01-01", 0)))
    with pytest.raises(rt.ColumnError, match="market .* lacks 'market'"):
        market_share(activity, markets(("2024-01-01", 1))[["date"]])


def test_satisfied_are_those_of_the_top_boxes(engine):
    """Of 5, 4, 4, 3, 1 on a scale to 5: one, three or four, as CSAT is mostly said with two."""
    sent = pd.DataFrame({"who": list("ABCDE"), "happy": [5, 4, 4, 3, 1]})
    sent["sent"] = pd.Timestamp("2024-03-01")
    surveys = rt.as_surveys(
        engine.table(sent), customer_id="who", date="sent", satisfaction="happy", scale=(1, 5)
    )
    for boxes, share in ((1, 0.2), (2, 0.6), (3, 0.8)):
        found = engine.read(rt.kpis.voice_kpis(surveys, as_of="2024-03-31", top_boxes=boxes))
        satisfied = found[found["figure"] == "satisfied_share"]
        assert satisfied["value"].tolist() == pytest.approx([share])
        assert set(found["top_boxes"]) == {boxes}
        mean = found[found["figure"] == "satisfaction"]
        assert mean["value"].tolist() == pytest.approx([3.4])


@pytest.mark.parametrize(("boxes", "message"), [(0, "top_boxes"), (5, "Say fewer"), (1.5, "top_")])
def test_top_boxes_are_some_of_the_scale(boxes, message):
    """All of them would call everybody satisfied."""
    sent = pd.DataFrame({"who": ["A"], "happy": [5], "sent": [pd.Timestamp("2024-03-01")]})
    surveys = rt.as_surveys(
        sent, customer_id="who", date="sent", satisfaction="happy", scale=(1, 5)
    )
    with pytest.raises(rt.RetentionError, match=message):
        rt.kpis.voice_kpis(surveys, as_of="2024-03-31", top_boxes=boxes)
