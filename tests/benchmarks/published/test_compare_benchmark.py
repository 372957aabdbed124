"""Our churn beside published churn: what is compared, and what is not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.benchmarks import compare_benchmark, published_benchmarks
from retention.tables import BENCHMARKS, CHURN_CONVENTIONS, require

CONVENTIONS = ("start_cohort", "endpoint", "no_purchase", "not stated")


def benchmark(**columns):
    """One published rate of a year: 16 %, to the digit printed."""
    row = {
        "name": "a carrier",
        "rate": 0.16,
        "rate_lower": 0.155,
        "rate_upper": 0.165,
        "days": 365.25,
        "convention": "start_cohort",
        "year": 2020,
        "source": "a filing",
        "standing": "filing",
    }
    return pd.DataFrame([{**row, **columns}])


def churned(n_churned, n_base=1000, **columns):
    """Rates of churn of ours, one a row, with Wilson's bounds."""
    lost = np.atleast_1d(n_churned).astype(float)
    lower, upper = rt.intervals.wilson_bounds(lost, n_base)
    made = {"n_base": n_base, "n_churned": lost, "churn_rate": lost / n_base}
    return pd.DataFrame(made | {"lower": lower, "upper": upper} | columns)


SAID = {"convention": "start_cohort", "days": 365}


@pytest.mark.parametrize(
    ("n_churned", "verdict"),
    [
        *((0, "below"), (100, "below"), (220, "above"), (1000, "above")),
        *((lost, "cannot tell") for lost in (140, 160, 185)),
    ],
)
def test_a_rate_is_above_or_below_where_the_ranges_do_not_touch(n_churned, verdict):
    """And the difference lies between the corners of the two."""
    found = compare_benchmark(churned(n_churned), benchmark(), **SAID).loc[0]
    assert found["verdict"] == verdict
    assert found["difference"] == pytest.approx(n_churned / 1000 - 0.16)
    assert found["difference_lower"] == pytest.approx(found["lower"] - 0.165)
    assert found["difference_upper"] == pytest.approx(found["upper"] - 0.155)
    assert found["note"] is None or pd.isna(found["note"])
    assert (found["same_convention"], found["same_length"]) == (True, True)


def test_retention_is_never_compared_with_churn():
    """A table of retention gives what the one of churn gives; passed for it, it is refused."""
    rates = churned([100, 400], group=["a", "b"])
    kept = pd.DataFrame({"group": ["a", "b"], "n_base": 1000, "n_retained": [900, 600]})
    kept["retention_rate"] = kept["n_retained"] / 1000
    kept["lower"], kept["upper"] = 1 - rates["upper"], 1 - rates["lower"]
    asked = {**SAID, "by": "group"}
    expected = compare_benchmark(rates, benchmark(), **asked)
    pd.testing.assert_frame_equal(compare_benchmark(kept, benchmark(), **asked), expected)
    for mistaken in (
        rates.assign(churn_rate=1 - rates["churn_rate"]),
        rates.assign(n_churned=1000 - rates["n_churned"]),
        kept.rename(columns={"retention_rate": "churn_rate"}).assign(n_churned=[100, 400]),
        kept.assign(lower=rates["lower"], upper=rates["upper"]),
        kept.assign(n_retained=[100, 400]),
        rates.drop(columns="n_churned").assign(n_retained=[100, 400]),
    ):
        with pytest.raises(rt.ContentError, match="of another figure|kept instead of lost"):
            compare_benchmark(mistaken, benchmark(), **asked)


def test_other_conventions_are_said_instead_of_compared():
    """Nothing is made of the two rates; where one is not stated the note says it."""
    found = compare_benchmark(churned(900), benchmark(convention="endpoint"), **SAID).loc[0]
    assert found["verdict"] == "cannot tell"
    assert np.isnan(found["difference"])
    assert found["same_convention"] == np.False_
    assert found["note"] == "another convention: ours is start_cohort, theirs endpoint"
    for ours, theirs, said in (
        ("endpoint", "not stated", "the benchmark does not state its convention"),
        ("not stated", "endpoint", "our convention is not stated"),
    ):
        asked = {"convention": ours, "days": 365}
        found = compare_benchmark(churned(900), benchmark(convention=theirs), **asked).loc[0]
        assert (found["verdict"], found["note"]) == ("above", said)
        assert pd.isna(found["same_convention"])


def test_lengths_are_alike_or_both_of_a_year():
    """A month is not compared with a year unless both are carried over to one."""
    asked = {"convention": "start_cohort", "days": 30.4375}
    found = compare_benchmark(churned(100), benchmark(), **asked).loc[0]
    assert found["verdict"] == "cannot tell"
    assert np.isnan(found["difference_upper"])
    assert found["note"] == "another length: 30.44 days, theirs 365.25 days; say period='year'"
    found = compare_benchmark(churned(100), benchmark(), period="year", **asked).loc[0]
    assert found["churn_rate"] == pytest.approx(1 - 0.9**12)
    assert found["lower"] == rt.kpis.annualise(churned(100)["lower"][0], 30.4375)
    assert found["benchmark_rate"] == pytest.approx(0.16)
    assert (found["verdict"], found["days"], found["same_length"]) == ("above", 30.4375, False)
    assert "carried over from 30.44 days: new customers leave faster" in found["note"]


@pytest.mark.parametrize(("days", "alike"), [(28, True), (31, True), (33, True), (34, False)])
def test_months_of_any_length_are_months(days, alike):
    """Lengths are one where they differ by a tenth at most."""
    asked = {"convention": "start_cohort", "days": days}
    found = compare_benchmark(churned(10), benchmark(days=30.4375), **asked).loc[0]
    assert found["same_length"] == alike


def test_a_filing_of_a_month_is_that_of_a_year():
    """Verizon's 1.05 % and 0.84 % a month come to 11.90 % and 9.63 % a year."""
    filed = published_benchmarks().query("standing == 'filing'")
    asked = {"convention": "start_cohort", "days": 365.25, "period": "year"}
    found = compare_benchmark(churned(107), filed, **asked)
    assert found["benchmark_year"].tolist() == [2010, 2012]
    assert found["benchmark_rate"].round(4).tolist() == [0.1190, 0.0963]
    assert found["benchmark_days"].tolist() == [30.4375] * 2
    assert found["note"].str.contains("theirs carried over from 30.44 days").all()


def test_published_rates_are_a_table_of_benchmarks():
    """Each with a source and a standing; none claims a convention that nobody states."""
    table = published_benchmarks()
    assert list(require(table, BENCHMARKS).collect_schema()) == list(table.columns)
    assert (table["convention"] == "not stated").all()
    assert not table["standing"].isin(["quoted without source", "not stated"]).any()
    assert (table["rate_lower"] < table["rate_upper"]).all()
    known = table["rate"].notna()
    middle = (table["rate_lower"] + table["rate_upper"]) / 2
    assert middle[known].to_numpy() == pytest.approx(table["rate"][known].to_numpy())
    assert not table["name"].str.contains("State Farm").any()
    assert 0.40 not in table["rate"].tolist()
    assert 0.07 not in table["rate"].tolist()
    again = rt.loading.as_benchmarks(
        table, measure="churn", **{name: name for name in table.columns}
    )
    both = [each.astype(object).where(each.notna(), None) for each in (again, table)]
    pd.testing.assert_frame_equal(*both)


# --- the twin ---------------------------------------------------------------------------------


def naive(rate, lower, upper, own, other, period):
    """What comes of one rate and one benchmark, said in plain words."""
    days, convention = own

    def of(value, length):
        return 1 - (1 - value) ** (365.25 / length) if period == "year" else value

    mine = [of(value, days) for value in (rate, lower, upper)]
    theirs = [of(other[name], other["days"]) for name in ("rate", "rate_lower", "rate_upper")]
    stated = "not stated" not in (convention, other["convention"])
    if stated and convention != other["convention"]:
        return mine, theirs, None, "cannot tell"
    longer, shorter = max(days, other["days"]), min(days, other["days"])
    if period != "year" and longer - shorter > longer / 10:
        return mine, theirs, None, "cannot tell"
    verdict = "cannot tell"
    if mine[1] > theirs[2]:
        verdict = "above"
    if mine[2] < theirs[1]:
        verdict = "below"
    return mine, theirs, mine[0] - theirs[0], verdict


@given(st.data())
def test_random_tables_agree_with_the_definition(data):
    """Each pair of a rate and a benchmark, by period and segment."""
    draw = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    n, m = int(draw.integers(1, 6)), int(draw.integers(1, 5))
    base = draw.integers(1, 300, n)
    rates = churned(draw.binomial(base, draw.random(n)), base, part=[f"p{i}" for i in range(n)])
    rate = draw.random(m).round(3)
    others = pd.concat(
        [
            benchmark(
                name=f"b{j}",
                rate=rate[j],
                rate_lower=max(rate[j] - 0.02, 0),
                rate_upper=min(rate[j] + 0.02, 1),
                days=float(draw.choice([28, 30.4375, 90, 365.25])),
                convention=str(draw.choice(CONVENTIONS)),
            )
            for j in range(m)
        ],
        ignore_index=True,
    )
    own = float(draw.choice([28, 31, 92, 366])), str(draw.choice(CONVENTIONS))
    for period in ("as_measured", "year"):
        found = compare_benchmark(
            rates.sample(frac=1, random_state=1),
            others.sample(frac=1, random_state=1),
            days=own[0],
            convention=own[1],
            by="part",
            period=period,
        )
        assert len(found) == n * m
        assert found[["part", "benchmark"]].apply(tuple, axis=1).is_monotonic_increasing
        for row, (i, j) in zip(
            found.itertuples(), ((i, j) for i in range(n) for j in range(m)), strict=True
        ):
            mine = rates.loc[i, ["churn_rate", "lower", "upper"]].tolist()
            expected = naive(*mine, own, others.loc[j], period)
            assert [row.churn_rate, row.lower, row.upper] == pytest.approx(expected[0], abs=1e-12)
            told = [row.benchmark_rate, row.benchmark_lower, row.benchmark_upper]
            assert told == pytest.approx(expected[1], abs=1e-12)
            assert row.verdict == expected[3]
            apart = np.nan if expected[2] is None else expected[2]
            assert row.difference == pytest.approx(apart, abs=1e-12, nan_ok=True)


# --- every answer of ours that has such a rate -------------------------------------------------


@pytest.fixture(scope="module")
def company():
    """Two and a half years of a small company."""
    return rt.sample_company(120, seed=3)


@pytest.fixture(scope="module")
def answers_of_ours(company):
    """Tables with a rate of customers: each with the column of churn, and its length."""
    bought = rt.customer_periods(
        company.orders, freq="month", as_of="2024-12-31", observed_from="2022-01-01"
    )
    held = rt.contract_periods(company.contracts, freq="quarter", as_of="2024-12-31", by="region")
    spells = rt.contract_spells(company.contracts, as_of="2024-12-31", grace=0)
    bought_no = {"convention": "no_purchase"}
    ends = {"convention": "endpoint"}
    lasting = {"freq": "month", "as_of": "2024-12-31"}
    return [
        (rt.outcome_kpis(bought, lag=12), bought_no, 365),
        (rt.retention_rate(bought), bought_no, 30),
        (rt.kpis.churn_by(held, by="region"), {**ends, "by": "region"}, 91),
        (rt.logo_churn(held, lag=4), ends, 365),
        (rt.logo_churn(held, lag=4, reactivation="include"), ends, 365),
        (rt.kpis.rolling_retention(company.orders, days=90, as_of="2024-12-31"), bought_no, 90),
        *(
            (rt.churn_rate(spells, convention=word, **lasting), {}, 30)
            for word in ("start_cohort", "endpoint", "active_and_new", "all_cancellations")
        ),
        (rt.churn_rate(spells, convention="exposure", **lasting), {}, 30),
    ]


def test_every_answer_of_ours_is_taken_as_it_comes(answers_of_ours):
    """Its churn, its counts, and its length by the calendar."""
    others = benchmark(days=365.25, convention="not stated")
    for rates, said, days in answers_of_ours:
        found = compare_benchmark(rates, others, **said)
        assert len(found) == len(rates)
        name = "logo_churn" if "logo_churn" in rates else "churn_rate"
        order = (
            [said["by"], "period"] if "by" in said else ["date" if "date" in rates else "period"]
        )
        expected = rates.sort_values(order)[name].to_numpy(dtype=float)
        assert found["churn_rate"].to_numpy() == pytest.approx(expected, abs=1e-12, nan_ok=True)
        known = found["churn_rate"].notna()
        assert (found["n_churned"] / found["n_base"])[known].to_numpy() == pytest.approx(
            found["churn_rate"][known].to_numpy(), abs=1e-9
        )
        assert found["days"].between(0.9 * days, 1.1 * days).all()
        assert found["same_length"].eq(days == 365).all()
        assert not found["note"].str.contains("causes").any()


def test_what_is_no_proportion_is_not_carried_over(answers_of_ours):
    """Ours is refused; a benchmark's is left without a rate of a year, and the note says why."""
    *_, (rates, _, _) = answers_of_ours
    with pytest.raises(rt.RetentionError, match="'exposure' is no proportion"):
        compare_benchmark(rates, benchmark(), period="year")
    theirs = benchmark(convention="all_cancellations")
    found = compare_benchmark(churned(100), theirs, days=365, convention="not stated",
                              period="year").loc[0]  # fmt: skip
    assert np.isnan(found["benchmark_rate"])
    assert found["verdict"] == "cannot tell"
    assert "no proportion" in found["note"]


def test_causes_and_missing_rates_are_noted(company):
    """A rate of some causes alone is less than all of it; a rate of nobody is not known."""
    spells = rt.contract_spells(company.contracts, as_of="2024-12-31", grace=0, keep_last="plan")
    told = spells["plan"].dropna().unique()[0]
    rates = rt.churn_rate(
        spells, freq="year", as_of="2024-12-31", convention="start_cohort", causes=[told],
        cause="plan", others="compete",
    )  # fmt: skip
    found = compare_benchmark(rates, benchmark())
    assert (found["note"] == "ours counts some causes alone").all()
    nobody = churned(0, 1).assign(n_base=0, churn_rate=np.nan, lower=np.nan, upper=np.nan)
    found = compare_benchmark(nobody, benchmark(standing="quoted without source"), **SAID).loc[0]
    assert found["note"] == "our rate is not known; the benchmark is quoted without source"
    unbounded = churned(100).assign(lower=np.nan, upper=np.nan)
    found = compare_benchmark(unbounded, benchmark(), **SAID).loc[0]
    assert (found["verdict"], found["note"]) == ("cannot tell", "our rate has no bounds")
    assert found["difference"] == pytest.approx(-0.06)


# --- engines, edges, refusals -------------------------------------------------------------------


def test_every_engine_takes_both_tables(engine):
    """Of one kind or of two: the answer is of the kind of the rates."""
    months = pd.to_datetime(["2024-01-01", "2024-02-01"] * 2)
    rates = churned([10, 20, 30, 40], period=months, step=[24288, 24289] * 2, plan=[1, 1, 2, 2])
    theirs = pd.concat([benchmark(days=30.4375), benchmark(name="x", rate=np.nan, days=31)])
    asked = {"convention": "start_cohort", "by": "plan"}
    expected = compare_benchmark(rates, theirs, **asked)
    assert expected["days"].tolist() == [31, 31, 29, 29] * 2
    order = ["plan", "period", "benchmark"]
    for others in (theirs, engine.table(theirs)):
        found = compare_benchmark(engine.table(rates), others, **asked)
        assert engine.is_mine(found)
        read = engine.read(found, order=order)
        for name in ("plan", "benchmark", "verdict", "note"):
            assert read[name].fillna("").tolist() == expected[name].fillna("").tolist(), name
        for name in ("churn_rate", "benchmark_rate", "difference_upper", "days"):
            left, right = (t[name].to_numpy(dtype=float) for t in (read, expected))
            assert left == pytest.approx(right, nan_ok=True), name


def test_an_empty_table_has_an_empty_answer():
    """Of rates or of benchmarks: the columns are the same."""
    whole = compare_benchmark(churned(100), benchmark(), **SAID)
    for rates, others in (
        (churned(100).head(0), benchmark()),
        (churned(100), benchmark().head(0)),
        (churned(100).head(0), benchmark().head(0)),
    ):
        found = compare_benchmark(rates, others, **SAID)
        assert (len(found), list(found.columns)) == (0, list(whole.columns))
    empty = churned(1, period=[pd.Timestamp("2024-01-01")], step=[24288]).head(0)
    assert len(compare_benchmark(empty, benchmark(), convention="endpoint")) == 0


def test_segments_of_a_benchmark_are_rows_of_their_own():
    """Each is compared; a benchmark without segments is of all."""
    parts = pd.concat([benchmark(segment="new", rate=0.4, rate_lower=0.39, rate_upper=0.41),
                       benchmark(segment="old")])  # fmt: skip
    found = compare_benchmark(churned(300), parts, **SAID)
    assert found["benchmark_segment"].tolist() == ["new", "old"]
    assert found["verdict"].tolist() == ["below", "above"]
    alone = compare_benchmark(churned(300), benchmark(), **SAID)
    assert alone["benchmark_segment"].tolist() == ["(all)"]


def test_a_day_or_a_segment_may_be_missing():
    """Dates without a time, segments without a name."""
    rates = churned([10, 20], period=[date(2024, 1, 1)] * 2, step=[24288] * 2, plan=["a", None])
    rates["period"] = pd.to_datetime(rates["period"])
    found = compare_benchmark(rates, benchmark(), convention="endpoint", by="plan")
    assert found["plan"].tolist() == ["(missing)", "a"]
    assert compare_benchmark(churned(5), benchmark(), **SAID)["period"].isna().all()


PERCENT = churned(100).drop(columns="n_churned") * [1, 100, 100, 100]
JANUARY = pd.Timestamp("2024-01-01")
ENDPOINT = {"convention": "endpoint"}


@pytest.mark.parametrize("name", ["lag", "step", "date", "causes"])
def test_a_segment_may_be_called_like_what_other_tables_say(name):
    """It is a segment then, and says nothing of the length or the causes."""
    found = compare_benchmark(churned([10, 20], **{name: ["a", "b"]}), benchmark(), by=name, **SAID)
    assert found[name].tolist() == ["a", "b"]
    assert found["note"].isna().all()


def test_rates_of_more_than_a_year_are_carried_over_to_one_and_said_to_be():
    """Ours of two years, theirs of two; of a year of 366 days nothing is said."""
    said = {"convention": "start_cohort", "period": "year"}
    found = compare_benchmark(churned(100, days=730.5), benchmark(days=730.5), **said)
    assert found.loc[0, "churn_rate"] == pytest.approx(1 - 0.9**0.5)
    both = "ours carried over from 730.5 days; theirs carried over from 730.5 days"
    assert found.loc[0, "note"] == both
    found = compare_benchmark(churned(100, days=366), benchmark(days=366), **said)
    assert pd.isna(found.loc[0, "note"])


@pytest.mark.parametrize(
    ("rates", "said", "message"),
    [
        (churned(10), {"days": 365}, "How are the rates counted.*convention='no_purchase'"),
        (churned(10), {"convention": "endpoint"}, "within how many days.*days=30.4375"),
        (churned(10), {**SAID, "days": 0}, "above 0; got 0"),
        (churned(10), {**SAID, "days": float("inf")}, "above 0; got inf"),
        (churned(10), {**SAID, "convention": "usual"}, "convention must be one of 'start_cohort'"),
        (churned(10), {**SAID, "period": "month"}, "period must be one of 'as_measured', 'year'"),
        (churned(10), {**SAID, "days": 27, "period": "year"}, "27 days says too little"),
        (churned([1, 2]), SAID, "several rows of one period: say by="),
        (churned(10), {**SAID, "by": "plan"}, "'plan'.*not a column"),
        (churned(10, convention="endpoint"), SAID, "leave out convention="),
        (churned(10, days=30), SAID, "leave out days="),
        (churned(10).drop(columns="n_base"), SAID, "lacks 'n_base'"),
        (churned(10).drop(columns="lower"), SAID, "rates of sales or profit have no benchmark"),
        (churned(10).assign(lower="x"), SAID, "'lower' holds .*, not numbers"),
        (PERCENT, SAID, "'churn_rate' is a share of 1, such as 0.4 for 40 %; got 10"),
        (churned(10).assign(upper=np.inf), SAID, "'upper' is a share of 1.*got inf"),
        (churned(10).assign(n_base=-1000), SAID, "'n_base' counts customers.*got -1000"),
        (churned(10, days=np.nan), {"convention": "endpoint"}, "'days' is a length.*in every row"),
        (
            churned(10, convention="usual"),
            {"days": 365},
            "says 'usual', which is none",
        ),
        (churned(10, convention=None), {"days": 365}, "'convention' says 'None'.*'start_cohort'"),
        (churned(10, period=JANUARY, step=np.nan), ENDPOINT, "'step' is a whole number, known"),
        (churned(10, period="Q1", step=1), ENDPOINT, "'period' holds no days"),
    ],
)
def test_what_cannot_be_compared_is_refused(rates, said, message):
    """In the words of who asked."""
    with pytest.raises(rt.RetentionError, match=f"(?s){message}"):
        compare_benchmark(rates, benchmark(), **said)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"rate": 16.0}, "say 0.4 for 40 %; got 16"),
        ({"rate_lower": -0.1}, "'rate_lower' is a share of 1"),
        ({"days": 0.0}, "'days' is a length above 0"),
        ({"days": np.inf}, "'days' is a length above 0"),
        ({"rate_lower": 0.3, "rate_upper": 0.2}, "of 'a carrier' lies outside its range, 0.3 to"),
        ({"rate": 0.5}, "lies outside its range, 0.155 to 0.165"),
        ({"convention": "usual"}, "'usual' is no convention"),
        ({"days": 7.0}, "'a carrier' is a rate of 7 days"),
        ({"source": None}, None),
    ],
)
def test_benchmarks_that_no_door_let_in_are_looked_at(columns, message):
    """Made by hand they may be wrong."""
    asked = {"convention": "not stated", "days": 365, "period": "year"}
    if message is None:
        assert len(compare_benchmark(churned(10), benchmark(**columns), **asked)) == 1
        return
    with pytest.raises(rt.RetentionError, match=message):
        compare_benchmark(churned(10), benchmark(**columns), **asked)
    with pytest.raises(rt.ColumnError, match="benchmarks .* lacks 'year'"):
        compare_benchmark(churned(10), benchmark().drop(columns="year"), **asked)


def test_each_convention_can_be_said():
    """Those of `churn_rate`, of purchases, and none."""
    for word in CHURN_CONVENTIONS:
        found = compare_benchmark(
            churned(10), benchmark(convention=word), days=365, convention=word
        )
        same = found["same_convention"].tolist()
        assert same == [True] if word != "not stated" else pd.isna(same[0])
