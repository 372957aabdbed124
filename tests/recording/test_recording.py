"""Recordings: an answer keeps what it rests on, and two of them tell why a figure moved."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.recording.profile import profile_of

WINDOW = {"observed_from": "2024-01-01", "as_of": "2024-04-30"}


def shop(*more, without=()):
    """Three customers over four months, and further lines."""
    lines = [
        ("Ann", "2024-01-03", 20.0),
        ("Bob", "2024-01-08", 20.0),
        ("Cem", "2024-01-09", 10.0),
        ("Ann", "2024-02-11", 30.0),
        ("Ann", "2024-03-02", 30.0),
        ("Cem", "2024-03-05", 10.0),
        ("Ann", "2024-04-02", 30.0),
        *more,
    ]
    kept = [line for i, line in enumerate(lines) if i not in without]
    frame = pd.DataFrame(kept, columns=["customer_id", "date", "sales"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def run(lines, window=WINDOW, **keywords):
    """From orders to retention by month, each step recorded."""
    activity = rt.recording.recorded(rt.customer_periods, lines, freq="month", **window)
    return rt.recording.recorded(rt.retention_rate, activity, **keywords)


def moved(before, after, **keywords):
    """The comparison of two runs, retention only, by month."""
    table = rt.recording.compare_runs(before, after, **keywords)
    return table[table["compared"] == "retention_rate"].reset_index(drop=True)


def test_the_recorded_table_is_what_the_function_answers(engine):
    """Nothing but the function's own answer, in the caller's kind."""
    activity = engine.table(rt.customer_periods(shop(), freq="month", **WINDOW))
    plain = rt.retention_rate(activity, lag=2)
    made = rt.recording.recorded(rt.retention_rate, activity, lag=2)
    assert engine.is_mine(made.table)
    pd.testing.assert_frame_equal(
        engine.read(made.table, order=["period"]), engine.read(plain, order=["period"])
    )


def test_the_definition_is_the_same_on_every_engine(engine):
    """Engines differ in nothing that is kept."""
    lines = shop(("Dee", "2024-02-20", -5.0))
    assert run(engine.table(lines)).definition == run(lines).definition


def test_the_definition_is_plain_data():
    """It goes to JSON and back unchanged, dates and lists among the keywords too."""
    window = {"observed_from": pd.Timestamp("2024-01-01").date(), "as_of": "2024-04-30"}
    made = run(shop(), window=window, by=[])
    assert json.loads(json.dumps(made.definition)) == made.definition
    step = made.definition["inputs"][0]["made_by"]
    assert step["keywords"]["observed_from"] == "2024-01-01"
    assert made.definition["keywords"]["by"] == []


def test_the_definition_says_every_keyword_window_and_figure():
    """Defaults too, so that a default that changes one day shows."""
    definition = run(shop()).definition
    assert definition["function"] == "retention_rate"
    assert definition["figures"] == ["retention_rate", "churn_rate"]
    assert definition["version"] == rt.__version__
    assert definition["keywords"] == {"lag": 1, "by": [], "lost_to": "firm", "level": 0.95}
    assert definition["as_of"] == "2024-04-30"
    months = {"first_period": "2024-01-01", "last_period": "2024-04-01"}
    assert definition["window"] == {"freq": "month", **months}
    assert (definition["warnings"], definition["exclusions"]) == ([], [])


def test_months_count_rows_customers_and_refunds_apart():
    """What compare_runs looks at."""
    lines = shop(("Ann", "2024-01-20", -5.0))
    step = run(lines).definition["inputs"][0]["made_by"]["inputs"][0]
    assert len(step["months"][0].pop("digits")) == 8
    assert step["months"][0] == {
        "month": "2024-01",
        "n_customers": 3,
        "n_rows": 4,
        "n_refunds": 1,
        "sales": 50.0,
        "refunds": -5.0,
    }


def test_a_second_table_is_an_input_too():
    """A wallet beside the activity, given by position or by keyword."""
    activity = rt.customer_periods(shop(), freq="month", **WINDOW)
    wallet = shop().groupby(["customer_id", "date"], as_index=False)["sales"].sum()
    wallet = wallet.rename(columns={"sales": "wallet"})
    for made in (
        rt.recording.recorded(rt.share_of_wallet, activity, wallet),
        rt.recording.recorded(rt.share_of_wallet, activity, wallet=wallet, lag=1),
    ):
        assert [given["argument"] for given in made.definition["inputs"]] == ["activity", "wallet"]
        assert made.definition["keywords"] == {"wallet": "a table", "lag": 1, "level": 0.95}


CELLS = {
    "customer_id": st.sampled_from(["a", "b", "c", None]),
    "sales": st.sampled_from([-1.5, 0.0, 2.0, 2.000001, 1e12, np.inf, np.nan]),
    "region": st.sampled_from(["west", "east", "", None]),
    "vip": st.booleans(),
    "at": st.datetimes(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-03")),
}
OTHER = {
    "customer_id": "d",
    "sales": 3.25,
    "region": "north",
    "vip": None,
    "at": pd.Timestamp("2025-01-01"),
}


def digits(frame):
    """What stands for the content of a table."""
    return profile_of(frame, name="x", as_of=None)["digits"]


@settings(max_examples=at_most(8))
@given(data=st.data())
def test_digits_change_with_the_content_and_with_nothing_else(data):
    """Another order of rows and columns keeps them; another cell does not."""
    n = data.draw(st.integers(1, 8))
    drawn = {name: data.draw(st.lists(c, min_size=n, max_size=n)) for name, c in CELLS.items()}
    frame = pd.DataFrame(drawn).astype({"region": "string", "customer_id": "string"})
    order = data.draw(st.permutations(range(n)))
    assert digits(frame.iloc[order][list(CELLS)[::-1]]) == digits(frame)
    row, column = data.draw(st.integers(0, n - 1)), data.draw(st.sampled_from(list(CELLS)))
    cells = frame[column].tolist()
    cells[row] = OTHER[column] if column != "vip" else not cells[row]
    other = frame.assign(**{column: pd.Series(cells, dtype=frame[column].dtype)})
    assert digits(other) != digits(frame)


@settings(max_examples=at_most(8))
@given(data=st.data())
def test_digits_see_what_stands_beside_what(data):
    """Two cells of a column that change places, in rows that differ, are another table."""
    n = data.draw(st.integers(2, 6))
    drawn = {name: data.draw(st.lists(c, min_size=n, max_size=n)) for name, c in CELLS.items()}
    frame = pd.DataFrame(drawn).astype({"region": "string", "customer_id": "string"})
    column = data.draw(st.sampled_from(list(CELLS)))
    cells = frame[column].tolist()
    cells[0], cells[1] = cells[1], cells[0]
    other = frame.assign(**{column: pd.Series(cells, dtype=frame[column].dtype)})
    rows, others = (sorted(map(repr, t.to_numpy().tolist())) for t in (frame, other))
    assert (digits(frame) == digits(other)) == (rows == others)


def test_digits_are_those_of_every_engine_and_type(engine):
    """Missing texts, truths and numbers too; whole numbers are those of any width."""
    frame = pd.DataFrame(
        {
            "customer_id": ["a", None, "c"],
            "sales": [1.5, np.nan, -2.0],
            "n": [1, 2, 3],
            "at": pd.to_datetime(["2024-01-01 10:00", None, "2024-01-03 00:00"]),
            "vip": [True, False, True],
        }
    ).astype({"customer_id": "string", "at": "datetime64[us]"})
    assert digits(engine.table(frame)) == digits(frame)
    assert digits(frame.convert_dtypes()) == digits(frame)
    assert digits(frame.astype({"n": float})) == digits(frame)


def test_objects_of_python_are_seen():
    """Decimals of a database, days without a time."""
    from datetime import date
    from decimal import Decimal

    frame = pd.DataFrame({"sales": [Decimal("1.50"), None], "day": [date(2024, 1, 1)] * 2})
    other = frame.assign(sales=[Decimal("9.50"), None])
    assert digits(frame) != digits(other)
    assert digits(frame) == digits(frame.copy())


def test_digits_see_whose_row_it_is():
    """Two customers who swap their amounts are another table."""
    frame = shop()
    swapped = frame.assign(customer_id=frame["customer_id"].iloc[[0, 3, 2, 1, 4, 5, 6]].to_numpy())
    assert digits(frame) != digits(swapped)


def test_a_late_order_is_named():
    """Bob's order of February came in after the report."""
    table = moved(run(shop()), run(shop(("Bob", "2024-02-20", 10.0))))
    assert table["cause"].tolist() == ["late data", "late data", "unchanged"]
    assert table["detail"][0] == "transactions: 2024-02 +1 row (+10.00)"
    assert table["data_change"].tolist() == table["change"].tolist()
    assert table["definition_change"].tolist() == [0.0, 0.0, 0.0]


def test_refunds_are_told_from_late_orders():
    """A refund changes the sales-adjusted rate only."""

    def adjusted(lines):
        activity = rt.recording.recorded(rt.customer_periods, lines, freq="month", **WINDOW)
        return rt.recording.recorded(rt.outcome_kpis, activity)

    refund = shop(("Cem", "2024-03-20", -5.0))
    table = rt.recording.compare_runs(adjusted(shop()), adjusted(refund))
    causes = table.groupby("compared", sort=False)["cause"].agg(set)
    assert causes["retention_rate"] == {"unchanged"}
    assert "refunds" in causes["sales_adjusted_retention"]
    assert "2024-03 +1 refund (-5.00)" in table["detail"][0]


def test_withdrawn_and_corrected_rows_are_named():
    """Fewer rows; as many with other amounts; as many with the same amounts of others."""
    base = run(shop())
    withdrawn = moved(base, run(shop(without=[3])))
    assert withdrawn["cause"].tolist() == ["withdrawn data", "only before", "unchanged"]
    corrected = shop()
    corrected.loc[3, "customer_id"] = "Bob"
    table = moved(base, run(corrected))
    assert set(table["cause"]) == {"unchanged", "corrected data"}
    assert "as many rows, other content" in table["detail"][0]


def test_another_definition_is_named():
    """The keyword that differs is said, and the whole change is its."""
    table = moved(run(shop()), run(shop(), lag=2))
    both = table[table["before"].notna() & table["after"].notna()]
    assert set(both["cause"]) <= {"definition", "unchanged"}
    assert "definition" in set(both["cause"])
    assert both["definition_change"].tolist() == both["change"].tolist()
    assert table["detail"][0] == "retention_rate lag: 1 → 2"


def test_rows_of_one_run_only_are_said_to_be():
    """A month more was observed."""
    early = run(shop(), window={"observed_from": "2024-01-01", "as_of": "2024-03-31"})
    table = moved(early, run(shop()))
    assert table["cause"].tolist() == ["unchanged", "unchanged", "only after"]
    assert table["detail"][0] == "as_of: 2024-03-31 → 2024-04-30"


def test_two_runs_cannot_part_data_and_definition_and_a_third_can():
    """With the old definition on the new data the two changes add up to the whole."""
    before, lines = run(shop()), shop(("Bob", "2024-02-20", 10.0))
    after, between = run(lines, lag=2), run(lines)
    blind = moved(before, after)
    assert blind["data_change"].isna().all()
    assert "late data + definition" in set(blind["cause"])
    table = moved(before, after, between=between)
    table = table[table["change"].notna()]
    np.testing.assert_allclose(
        table["data_change"] + table["definition_change"], table["change"], atol=1e-15
    )
    assert (
        table["data_change"].tolist()
        == (between.table["retention_rate"].to_numpy() - before.table["retention_rate"].to_numpy())[
            table.index
        ].tolist()
    )
    with pytest.raises(rt.RetentionError, match="between must be the definition of before"):
        rt.recording.compare_runs(before, after, between=before)


def test_the_same_run_is_unchanged(engine):
    """Nothing moved and nothing is said, on every engine."""
    table = engine.read(
        rt.recording.compare_runs(run(engine.table(shop())), run(engine.table(shop())))
    )
    assert set(table["cause"]) == {"unchanged"}
    assert set(table["detail"]) == {""}


def test_segments_are_compared_with_themselves():
    """Rows are matched by the columns of by=, whatever the order."""
    lines = shop().assign(region=["W", "E", "E", "W", "W", "E", "W"])

    def by_region(frame):
        activity = rt.recording.recorded(
            rt.customer_periods, frame, freq="month", by="region", **WINDOW
        )
        return rt.recording.recorded(rt.churn_by, activity, by="region")

    more = pd.concat([lines, lines.iloc[[2]].assign(date=pd.Timestamp("2024-02-02"))])
    table = rt.recording.compare_runs(by_region(lines), by_region(more))
    east = table[(table["region"] == "E") & (table["compared"] == "churn_rate")]
    assert "late data" in set(east["cause"])
    west = table[table["region"] == "W"]
    of_the_rest = west["compared"].str.contains("rest|difference")  # they are the east's customers
    assert set(west.loc[~of_the_rest, "cause"]) == {"unchanged"}
    assert "late data" in set(west.loc[of_the_rest, "cause"])


def test_what_survival_leaves_out_and_doors_drop_is_counted():
    """Reasons and numbers of rows, on the way to the answer."""
    spells = pd.DataFrame({"duration": [5, 9, 7], "churned": [True, False, True]})
    spells = spells.assign(entry=[np.nan, 9.0, 2.0])
    checked = rt.recording.recorded(
        rt.as_spells, spells, duration="duration", churned="churned", entry="entry"
    )
    curve = rt.recording.recorded(rt.survival_curve, checked)
    reason = "spells: never at risk under observation"
    assert curve.definition["exclusions"] == [{"reason": reason, "n_rows": 1}]
    lines = pd.concat([shop(), shop().head(2)])
    say = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    door = rt.recording.recorded(rt.as_transactions, lines, **say, duplicates="drop")
    assert [each["n_rows"] for each in door.definition["exclusions"]] == [2]
    assert "left out: 2" in repr(door)


def test_warnings_are_kept_and_still_heard():
    """The caller is warned as without recording."""
    say = {"observed_from": "2024-01-01", "as_of": "2025-12-31"}
    with pytest.warns(rt.RetentionWarning):
        made = rt.recording.recorded(rt.customer_periods, shop(), freq="month", **say)
    assert len(made.definition["warnings"]) == 1
    assert made.definition["warnings"][0] in " ".join(repr(made).split())


def test_only_functions_of_the_library_that_answer_with_a_table_are_recorded():
    """Others are refused in words."""
    with pytest.raises(rt.RetentionError, match="functions of this library"):
        rt.recording.recorded(len, shop())
    with pytest.raises(rt.RetentionError, match="annualise answers with a float"):
        rt.recording.recorded(rt.kpis.annualise, rate=0.1, days=90)
    with pytest.raises(rt.RetentionError, match="retention_rate: got an unexpected keyword"):
        rt.recording.recorded(rt.retention_rate, shop(), lags=1)


def test_what_cannot_be_compared_is_refused():
    """Not a recording; no figure in common; rows that cannot be told apart."""
    made = run(shop())
    with pytest.raises(rt.RetentionError, match="before must be a recording"):
        rt.recording.compare_runs(made.table, made)
    activity = rt.recording.recorded(rt.customer_periods, shop(), freq="month", **WINDOW)
    with pytest.raises(rt.ColumnError, match="no figure in common"):
        rt.recording.compare_runs(made, activity)


def test_figures_that_stand_in_rows_are_compared(engine):
    """A net promoter score of 1 that falls to 0.5, in a table with a row per figure."""

    def asked(last):
        answers = pd.DataFrame(
            {"who": list("abcd"), "day": "2024-01-01", "score": [10, 10, 10, last]}
        )
        table = engine.table(answers)
        surveys = rt.as_surveys(table, customer_id="who", date="day", recommend="score")
        return rt.recording.recorded(rt.kpis.voice_kpis, surveys, as_of="2024-06-30")

    before, after = asked(10), asked(0)
    assert "net_promoter_score" in after.definition["figures"]
    table = engine.read(rt.recording.compare_runs(before, after))
    row = table[(table["figure"] == "net_promoter_score") & (table["compared"] == "value")].iloc[0]
    assert (row["before"], row["after"], row["cause"]) == (1.0, 0.5, "corrected data")


def test_answers_by_service_and_by_score_are_compared_row_by_row():
    """Their rows are told apart by what they are about."""
    company = rt.sample_company(300, seed=1)
    activity = rt.customer_periods(company.orders, freq="quarter", as_of="2024-12-31")
    contacts = company.contacts[["customer_id", "date", "first_response_hours", "resolution_hours"]]
    targets = {"first_response": 24, "resolution": 168}
    made = rt.recording.recorded(rt.kpis.retention_by_service, contacts, activity, targets=targets)
    assert set(rt.recording.compare_runs(made, made)["cause"]) == {"unchanged"}
    names = {name: name for name in ("customer_id", "date", "repeat_intention")}
    surveys = rt.as_surveys(company.surveys, **names, scale=(1, 5))
    say = {"as_of": "2024-12-31", "within": 90}
    kept = rt.recording.recorded(rt.kpis.repeat_behaviour, surveys, company.orders, **say)
    assert set(rt.recording.compare_runs(kept, kept)["cause"]) == {"unchanged"}


def test_a_file_that_is_read_is_an_input(tmp_path):
    """What it held is kept, and a late order in it is found; the path is no definition."""

    def from_file(lines, name):
        path = tmp_path / name
        lines.to_csv(path, index=False)
        say = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
        orders = rt.recording.recorded(rt.as_transactions, path, **say)
        return run(orders)

    before = from_file(shop(), "old.csv")
    after = from_file(shop(("Bob", "2024-02-20", 10.0)), "new.csv")
    table = moved(before, after)
    assert table["cause"].tolist() == ["late data", "late data", "unchanged"]


def test_connections_are_not_kept():
    """Nothing secret goes into a definition."""
    query = "select 'Ann' as who"
    made = rt.recording.recorded(rt.read_table, query, connection="sqlite:///:memory:")
    assert "memory" not in json.dumps(made.definition)
    assert made.definition["keywords"]["connection"] == "str"


def test_columns_of_text_at_a_door_are_recorded(engine):
    """Dates and amounts as they are written, before the door has read them."""
    raw = pd.DataFrame({"customer_id": ["Ann"], "date": ["2024-01-03"], "sales": ["1,200.50"]})
    say = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    made = rt.recording.recorded(rt.as_transactions, engine.table(raw), **say)
    assert made.definition["inputs"][0]["months"] == []
    assert engine.read(made.table)["sales"].tolist() == [1200.5]


def test_orders_after_as_of_are_no_cause():
    """A table that keeps growing: the definition alone moved the figure."""
    grown = shop(("Bob", "2024-05-20", 10.0))
    table = moved(run(shop()), run(grown, lag=2))
    assert set(table["cause"]) <= {"definition", "unchanged", "only before", "only after"}
    middle = {"observed_from": "2024-01-01", "as_of": "2024-04-01"}
    later = run(shop(("Bob", "2024-04-20", 10.0)), window=middle)
    assert set(moved(run(shop(), window=middle), later)["cause"]) == {"unchanged"}
    assert moved(run(shop(), window=middle), later)["detail"][0] == ""


def test_the_way_of_every_table_is_compared():
    """Another gap of the spells beside the surveys is another definition."""
    company = rt.sample_company(200, seed=1)
    say = {name: name for name in ("customer_id", "date", "answered", "satisfaction")}
    surveys = rt.recording.recorded(rt.as_surveys, company.surveys, **say, scale=(1, 5))

    def split(gap):
        spells = rt.recording.recorded(
            rt.purchase_spells, company.orders, gap=gap, as_of="2024-12-31"
        )
        return rt.recording.recorded(
            rt.kpis.voice_by_outcome, surveys, spells, as_of="2024-12-31", within=90
        )

    table = rt.recording.compare_runs(split(60), split(200))
    assert table["detail"][0] == "purchase_spells gap: 60 → 200"
    assert "definition" in set(table["cause"])


def test_what_means_the_same_is_kept_alike():
    """One segment or a list of one; a day as text, date or timestamp."""
    lines = shop().assign(region="W")
    window = {"observed_from": pd.Timestamp("2024-01-01"), "as_of": pd.Timestamp("2024-04-30")}
    one = rt.recording.recorded(rt.customer_periods, lines, freq="month", by="region", **WINDOW)
    two = rt.recording.recorded(rt.customer_periods, lines, freq="month", by=["region"], **window)
    assert one.definition == two.definition


def test_another_version_is_named_and_no_definition():
    """The old definition on the new data may come from the new version."""
    before, lines = run(shop()), shop(("Bob", "2024-02-20", 10.0))
    before.definition["version"] = "0.0.9"
    table = moved(before, run(lines, lag=2), between=run(lines))
    assert "version: 0.0.9" in table["detail"][0]
    assert table["data_change"].notna().any()


def test_movements_are_compared_too():
    """Answers without a figure of the catalogue: every amount and count."""

    def movements(lines):
        activity = rt.recording.recorded(rt.customer_periods, lines, freq="month", **WINDOW)
        return rt.recording.recorded(rt.revenue_movements, activity)

    table = rt.recording.compare_runs(
        movements(shop()), movements(shop(("Cem", "2024-03-20", -5.0)))
    )
    ends = table[table["compared"] == "sales_end"].set_index("period")["change"]
    assert ends[pd.Timestamp("2024-03-01")] == -5.0
    assert set(table.loc[table["change"].abs() > 0, "cause"]) == {"refunds"}


def test_periods_of_another_length_are_refused():
    """January is not the first quarter."""
    activity = rt.recording.recorded(rt.customer_periods, shop(), freq="day", **WINDOW)
    with pytest.raises(rt.ColumnError, match="One answer is by month, the other by day"):
        rt.recording.compare_runs(run(shop()), rt.recording.recorded(rt.retention_rate, activity))


@pytest.mark.once
def test_a_long_way_on_a_lazy_engine_is_recorded_in_time():
    """Expressions are not written out over and over: it took minutes once."""
    import duckdb

    contracts = rt.sample_company(60, seed=3).contracts
    relation = duckdb.connect().from_df(contracts.drop(columns="is_trial"))
    spells = rt.contract_spells(relation, as_of="2024-12-31", grace=0)
    say = {"freq": "quarter", "as_of": "2024-12-31", "convention": "start_cohort"}
    made = rt.recording.recorded(rt.kpis.churned_customers, spells, **say)
    again = rt.recording.recorded(rt.kpis.explain_difference, made, made)
    assert [given["argument"] for given in again.definition["inputs"]] == ["a", "b"]


def test_sums_that_differ_in_the_last_bit_are_the_same():
    """Engines add in another order; a whole number may come out a hair below."""
    sums = pd.DataFrame({"sales": [0.1 + 0.2, 2.0, 1e6 + 0.1, -4.35]})
    near = pd.DataFrame({"sales": [0.3, np.nextafter(2.0, 0), 1000000.1, -4.3500000000000005]})
    assert digits(sums) == digits(near)
    assert digits(sums) != digits(sums + 0.00001)


def test_the_way_of_a_company_is_the_same_on_two_engines():
    """Thousands of sums of money, to the same digits."""
    import polars as pl

    orders = rt.sample_company(500, seed=1).orders
    assert run(pl.from_pandas(orders)).definition == run(orders).definition
