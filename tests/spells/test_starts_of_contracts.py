"""Lives of contracts from their start: cohorts, ends of spells, and churn for a cause."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from lasting import contracts, kaplan_meier
from retention.periods import first_day, step_of

BEGIN, AS_OF = date(2024, 1, 1), date(2024, 4, 30)
MONTH = {"freq": "month", "as_of": "2024-04-30"}


def hundred():
    """100 contracts start on 5 January, 60 of them end on the 25th."""
    ends = ["2024-01-25"] * 60 + [None] * 40
    rows = ((f"c{i}", "2024-01-05", end, 10.0, "ab"[i % 2]) for i, end in enumerate(ends))
    return contracts(*rows, columns=("sales", "plan"))


@pytest.mark.parametrize("kind", ["on", "on_or_after"])
def test_all_who_started_are_in_the_cohort_of_their_start(engine, kind):
    """60 of 100 were in force at no opening: .4 of 100 in January's cohort at every age."""
    activity = rt.contract_periods(engine.table(hundred()), **MONTH)
    rows = engine.read(rt.cohort_retention(activity, kind=kind), order=["cohort", "age"])
    january = rows[rows["cohort"] == pd.Timestamp("2024-01-01")]
    assert january["n_cohort"].tolist() == [100] * 5
    assert january["rate"].tolist() == [1, 0.4, 0.4, 0.4, 0.4]
    assert (rows.loc[rows["cohort"] > pd.Timestamp("2024-01-31"), "n_cohort"] == 0).all()


def test_money_and_segments_of_a_cohort_are_those_of_the_first_day(engine):
    """Half of the 100 have plan a; they begin with 500 a month and keep 200."""
    activity = rt.contract_periods(engine.table(hundred()), **MONTH, by="plan")
    rows = engine.read(rt.cohort_retention(activity, measure="sales", by="plan"))
    began = rows[(rows["n_cohort"] > 0) & (rows["plan"] == "a")].sort_values("age")
    assert began["base"].tolist() == [500] * 5
    assert began["retained"].tolist() == [500, 200, 200, 200, 200]


def test_triangle_and_average_count_everyone_too():
    """What is made from the cohorts has all 100 in it."""
    cohorts = rt.cohort_retention(rt.contract_periods(hundred(), **MONTH))
    assert rt.cohort_triangle(cohorts).loc[0, ["n_cohort", "age_3"]].tolist() == [100, 0.4]
    average = rt.kpis.average_retention(cohorts)
    assert average["rate"].tolist() == [1, 0.4, 0.4, 0.4, 0.4]


def test_days_are_not_merged_into_months():
    """Whoever is there on some day of a month need not be there as it opens."""
    days = rt.contract_periods(
        hundred(), freq="day", as_of="2024-04-30", observed_from="2024-01-01"
    )
    with pytest.raises(rt.RetentionError, match=r"make it with contract_periods\(..., freq="):
        rt.cohort_retention(days, freq="month")


def test_who_began_before_the_window_is_in_no_cohort():
    """Of those who started before observed_from, others had left and are not in the table."""
    frame = contracts(
        ("old", "2023-11-20", None),
        ("back", "2023-12-05", "2024-01-20"),
        ("back", "2024-02-10", None),
        ("new", "2024-02-10", "2024-02-20"),
        ("late", "2024-04-10", None),
    )
    activity = rt.contract_periods(frame, freq="month", as_of="2024-04-15", observed_from=BEGIN)
    rows = rt.cohort_retention(activity)
    assert rows.loc[rows["age"] == 0, "n_cohort"].tolist() == [0, 1, 0]
    # April was not over, so that more may begin in it: it has no cohort yet.
    assert rows["cohort"].max() == pd.Timestamp("2024-03-01")


def test_a_file_of_one_unfinished_period_is_refused_in_words():
    """Nobody's cohort is whole before the period has closed."""
    frame = contracts(("Ann", "2024-04-01", None))
    activity = rt.contract_periods(frame, freq="month", as_of="2024-04-15")
    with pytest.raises(rt.ContentError, match="leaves nothing"):
        rt.cohort_retention(activity)
    whole = rt.contract_periods(frame, freq="month", as_of="2024-04-30")
    assert rt.cohort_retention(whole)["rate"].tolist() == [1, 1]


stays = st.lists(
    st.tuples(
        st.sampled_from("ABCD"),
        st.dates(BEGIN, date(2024, 5, 9)),
        st.none() | st.integers(0, 70),
    ),
    max_size=8,
)


def rows_of(drawn):
    """Contracts of the drawn customers, beside one who is there from the first day."""
    ends = [None if days is None else start + timedelta(days=days) for _, start, days in drawn]
    return [("Z", BEGIN, None), *((w, s, e) for (w, s, _), e in zip(drawn, ends, strict=True))]


def naive_cohorts(rows):
    """In sets: who began in each month, and which of them are in force at each later opening."""
    began = {who: min(s for name, s, _ in rows if name == who) for who, *_ in rows}
    first, last = step_of(BEGIN, "month"), step_of(AS_OF, "month")
    found = {}
    for step in range(first, last + 1):
        cohort = {who for who, start in began.items() if step_of(start, "month") == step}
        found[step - first, 0] = (len(cohort), len(cohort))
        for age in range(1, last + 2 - step):
            opens = first_day(step + age, "month")
            there = {w for w, s, e in rows if s <= opens and (e is None or e > opens)}
            found[step - first, age] = (len(cohort), len(cohort & there))
    return found


@given(drawn=stays)
def test_cohorts_of_contracts_agree_with_sets(engine, drawn):
    """Everyone by their start, and who is in force at each opening after."""
    frame = contracts(*rows_of(drawn))
    activity = rt.contract_periods(engine.table(frame), **MONTH)
    rows = engine.read(rt.cohort_retention(activity), order=["cohort", "age"])
    seen = {
        (row["cohort"].month - 1, row["age"]): (row["n_cohort"], row["n_retained"])
        for row in rows[rows["observed"]].to_dict("records")
    }
    # A cohort without anybody has 0 of 0 in cells that were observed whoever had come.
    assert {k: v for k, v in seen.items() if v[0]} == {
        k: v for k, v in naive_cohorts(rows_of(drawn)).items() if v[0]
    }


@given(days=st.lists(st.integers(1, 120), min_size=1, max_size=8))
@settings(max_examples=at_most(8))
def test_a_cohort_without_returns_is_kaplan_meier(days):
    """Contracts that start as January opens: S at the openings of the spells' own curve."""
    rows = [(f"c{i}", BEGIN, BEGIN + timedelta(days=n)) for i, n in enumerate(days)]
    frame = contracts(("stays", BEGIN, None), *rows)
    spells = rt.contract_spells(frame, as_of=AS_OF, grace=0)
    cohort = rt.cohort_retention(rt.contract_periods(frame, **MONTH)).query("n_cohort > 0")
    for age, opening in zip(cohort["age"], (0, 31, 60, 91, 121), strict=True):
        expected = kaplan_meier(spells, opening)
        assert Fraction(int(cohort["n_retained"].iloc[age]), len(frame)) == expected


def test_figures_of_openings_say_whom_they_never_see():
    """Lives warn with the count and what to write; rates and movements of a base need not."""
    activity = rt.contract_periods(hundred(), **MONTH)
    for ask in (
        lambda table: rt.lifecycle_states(table, lost_after=1),
        lambda table: rt.kpis.win_back(table, lost_after=1),
    ):
        with pytest.warns(rt.RetentionWarning, match="60 customers were .* of no month") as told:
            ask(activity)
        assert len(told) == 1
        assert told[0].filename == __file__
    base = rt.retention_rate(activity)
    assert base["n_base"].tolist() == [40, 40, 40]
    curve = rt.survival_curve(rt.contract_spells(hundred(), as_of="2024-04-30", grace=0))
    assert curve["survival"].iloc[-1] == pytest.approx(0.4)
    rt.lifecycle_states(
        rt.contract_periods(hundred(), freq="day", as_of="2024-04-30"), lost_after=1
    )


def switchers():
    """Ann changes plan, then leaves over the price; Bob's longer contract ends over the service."""
    return contracts(
        ("Ann", "2024-01-01", "2024-02-01", "switched_plan", "basic"),
        ("Ann", "2024-02-01", "2024-03-15", "too_expensive", "plus"),
        ("Bob", "2024-01-01", "2024-03-20", "service", "basic"),
        ("Bob", "2024-01-10", "2024-02-10", "switched_plan", "basic"),
        ("Cem", "2024-01-03", None, None, "basic"),
        columns=("reason", "plan"),
    )


def test_a_reason_is_that_of_the_end_and_a_plan_that_of_the_end_asked_for(engine):
    """The contract that ends last, not the one that starts first (or last)."""
    say = {"as_of": "2024-04-30", "grace": 0}
    table = engine.table(switchers())
    last = engine.read(
        rt.contract_spells(table, **say, keep_last="reason", keep_first="plan"),
        order=["customer_id"],
    )
    assert last["reason"].fillna("").tolist() == ["too_expensive", "service", ""]
    assert last["plan"].tolist() == ["basic", "basic", "basic"]
    plans = engine.read(rt.contract_spells(table, **say, keep_last="plan"), order=["customer_id"])
    assert plans["plan"].tolist() == ["plus", "basic", "basic"]


def test_keep_is_refused_only_where_its_value_changes_within_a_spell(engine):
    """The message says what to write, and that works; with two spells there is nothing to say."""
    say = {"as_of": "2024-04-30", "grace": 0}
    table = engine.table(switchers())
    with pytest.raises(rt.ContentError, match=r"within 2 spells.*Say keep_last='reason'"):
        rt.contract_spells(table, **say, keep="reason")
    rt.contract_spells(table, **say, keep_last="reason")
    apart = switchers().assign(start=lambda f: f["start"].where(f["plan"] == "basic", "2024-02-05"))
    apart = engine.table(apart[apart["customer_id"] != "Bob"])
    found = engine.read(
        rt.contract_spells(apart, **say, keep="reason"), order=["customer_id", "spell"]
    )
    assert found["reason"].fillna("").tolist() == ["switched_plan", "too_expensive", ""]


def test_a_value_beside_none_changes_within_a_spell():
    """None and a value are two, whichever comes first."""
    frame = switchers().query("customer_id == 'Ann'").assign(reason=[None, "price"])
    with pytest.raises(rt.ContentError, match="within 1 spell, "):
        rt.contract_spells(frame, as_of="2024-04-30", grace=0, keep="reason")
    kept = rt.contract_spells(frame, as_of="2024-04-30", grace=0, keep_first="reason")
    assert kept["reason"].isna().all()


def test_of_two_contracts_that_end_together_the_later_one_tells_why(engine):
    """Ends on one day: the latest start; starts on one day too: the smallest known value."""
    frame = contracts(
        ("Ann", "2024-01-01", "2024-03-01", "a"),
        ("Ann", "2024-02-01", "2024-03-01", "c"),
        ("Ann", "2024-02-01", "2024-03-01", "b"),
        ("Ann", "2024-02-01", "2024-02-20", "0"),
        ("Ann", "2024-02-01", "2024-03-01", None),
        columns=("reason",),
    )
    spells = rt.contract_spells(
        engine.table(frame), as_of="2024-04-30", grace=0, keep_last="reason"
    )
    assert engine.read(spells)["reason"].tolist() == ["b"]


def test_purchases_have_two_ends_too(engine):
    """The region of the first day and of the last; the region of a refund is neither."""
    orders = pd.DataFrame(
        {
            "customer_id": ["Ann"] * 4,
            "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-11", "2024-01-15"]),
            "sales": [5.0, 5.0, 5.0, -2.0],
            "region": ["west", "south", "north", "east"],
        }
    ).astype({"date": "datetime64[us]"})
    say = {"gap": 30, "as_of": "2024-01-15"}
    table = engine.table(orders.assign(first=orders["region"]))
    spells = rt.purchase_spells(table, **say, keep_first="first", keep_last="region")
    assert engine.read(spells)[["first", "region"]].values.tolist() == [["west", "north"]]
    with pytest.raises(rt.ContentError, match="keep_first='region'"):
        rt.purchase_spells(table, **say, keep="region")
    with pytest.raises(rt.ColumnError, match="copy the column"):
        rt.purchase_spells(table, **say, keep_first="region", keep_last="region")


CAUSES = ("price", "service", None)
causes = st.lists(
    st.tuples(
        st.sampled_from("ABCDE"), st.integers(0, 80), st.integers(1, 40), st.sampled_from(CAUSES)
    ),
    max_size=12,
)


def spells_for(drawn):
    """Spells that do not overlap, each with a cause; one customer stays, one leaves over each."""
    rows = [("Z", BEGIN, None, None)]
    rows += [(f"y{i}", BEGIN, date(2024, 2, 9), cause) for i, cause in enumerate(CAUSES)]
    free = {}
    for who, wait, days, cause in drawn:
        start = free.get(who, BEGIN) + timedelta(days=wait + 1)
        free[who] = start + timedelta(days=days)
        if start <= AS_OF:
            rows.append((who, start, free[who], cause))
    frame = contracts(*rows, columns=("reason",))
    return frame, rows


def naive_churned(rows, convention, wanted):
    """In sets: whose deciding end in each month was for a cause that is wanted."""
    found = []
    for step in range(step_of(BEGIN, "month"), step_of(AS_OF, "month") + 1):
        opens, closes = first_day(step, "month"), first_day(step + 1, "month")
        n = 0
        for who in {row[0] for row in rows}:
            mine = [(s, e, c or "(missing)") for w, s, e, c in rows if w == who]
            base = any(s <= opens and (e is None or e > opens) for s, e, _ in mine)
            ends = sorted((e, c) for _, e, c in mine if e and opens < e <= closes)
            there = any(s <= closes and (e is None or e > closes) for s, e, _ in mine)
            if convention == "exposure":
                n += sum(c in wanted for _, c in ends)
            elif convention == "endpoint":
                n += bool(base and ends and not there and ends[-1][1] in wanted)
            elif ends and (base or convention != "start_cohort"):
                n += ends[0][1] in wanted
        found.append(n)
    return found


@pytest.mark.parametrize("convention", ["start_cohort", "endpoint", "active_and_new", "exposure"])
@given(drawn=causes)
@settings(max_examples=at_most(3))
def test_churn_for_a_cause_agrees_with_sets_and_causes_add_up(convention, drawn):
    """The deciding end's cause; competing, the rates of all causes sum to the churn rate."""
    frame, rows = spells_for(drawn)
    as_of = AS_OF + timedelta(days=1)
    spells = rt.contract_spells(frame, as_of=as_of, grace=0, keep_last="reason")
    say = {"freq": "month", "as_of": as_of, "convention": convention}
    total = rt.churn_rate(spells, **say)
    parts = []
    for cause in ("price", "service", "(missing)"):
        part = rt.churn_rate(spells, **say, causes=cause, others="compete")
        assert part["n_churned"].tolist() == naive_churned(rows, convention, {cause})
        assert (part["n_churned"] + part["n_other"] == total["n_churned"]).all()
        assert (part["at_risk"] == total["at_risk"]).all()
        parts.append(part["churn_rate"])
    assert sum(parts).tolist() == pytest.approx(total["churn_rate"].tolist())
    assert list(part.columns) == list(total.columns)


def four_of_ten():
    """Of ten 2 leave over the price, 4 were not paid for, in January."""
    why = ["price"] * 2 + ["unpaid"] * 4 + [None] * 4
    ends = ["2024-01-20"] * 6 + [None] * 4
    rows = [
        (f"c{i}", "2024-01-01", end, w) for i, (end, w) in enumerate(zip(ends, why, strict=True))
    ]
    return contracts(*rows, columns=("reason",))


@pytest.mark.parametrize(("others", "at_risk"), [("compete", 10), ("censor", 8)])
def test_others_compete_or_are_censored_by_half(engine, others, at_risk):
    """2 of 10 left over the price; had nobody left for want of pay, 2 of 10 − 4/2."""
    spells = rt.contract_spells(
        engine.table(four_of_ten()), as_of="2024-02-01", grace=0, keep_last="reason"
    )
    say = {"freq": "month", "as_of": "2024-02-01", "convention": "start_cohort"}
    row = engine.read(rt.churn_rate(spells, **say, causes=["price"], others=others)).iloc[0]
    assert (row["n_churned"], row["n_other"], row["at_risk"]) == (2, 4, at_risk)
    assert row["churn_rate"] == 2 / at_risk
    assert (row["causes"], row["others"]) == ("price", others)


def test_renewals_due_are_lost_for_a_cause_too():
    """Ten contracts run out on 20 January: 2 leave over the price."""
    spells = rt.contract_spells(four_of_ten(), as_of="2024-02-01", grace=0, keep_last="reason")
    due = pd.DataFrame({"customer_id": [f"c{i}" for i in range(10)]})
    due["date"] = pd.Timestamp("2024-01-20").as_unit("us")
    say = {"freq": "month", "as_of": "2024-02-01", "convention": "renewals_due", "renewals": due}
    row = rt.churn_rate(spells, **say, causes="price", others="compete").iloc[0]
    assert (row["n_churned"], row["n_other"], row["at_risk"]) == (2, 4, 10)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"causes": "price"}, rt.RetentionError, "Say others='compete'"),
        ({"others": "censor"}, rt.RetentionError, "others='censor' goes with causes="),
        ({"causes": "prise", "others": "compete"}, rt.ContentError, "Did you mean 'price'"),
        ({"causes": "price", "others": "ignore"}, rt.RetentionError, "others must be one of"),
        (
            {"causes": "price", "others": "compete", "cause": "raeson"},
            rt.ColumnError,
            "cause names 'raeson'.*Did you mean 'reason'",
        ),
    ],
)
def test_churn_for_a_cause_is_refused_in_words(change, error, message):
    """What is left open is asked for, and slips of the pen are no zeros."""
    spells = rt.contract_spells(four_of_ten(), as_of="2024-02-01", grace=0, keep_last="reason")
    say = {"freq": "month", "as_of": "2024-02-01", "convention": "endpoint"}
    with pytest.raises(error, match=message):
        rt.churn_rate(spells, **say, **change)
