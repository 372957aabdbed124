"""Recordings: an answer keeps what it rests on, and two of them tell why a figure moved."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.recording.fingerprint import fingerprint

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
    activity = rt.recorded(rt.customer_periods, lines, freq="month", **window)
    return rt.recorded(rt.retention_rate, activity, **keywords)


def moved(before, after, **keywords):
    """The comparison of two runs, retention only, by month."""
    table = rt.compare_runs(before, after, **keywords)
    return table[table["compared"] == "retention_rate"].reset_index(drop=True)


def test_the_recorded_table_is_what_the_function_answers(engine):
    """Nothing but the function's own answer, in the caller's kind."""
    activity = engine.table(rt.customer_periods(shop(), freq="month", **WINDOW))
    plain = rt.retention_rate(activity, lag=2)
    made = rt.recorded(rt.retention_rate, activity, lag=2)
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
        rt.recorded(rt.share_of_wallet, activity, wallet),
        rt.recorded(rt.share_of_wallet, activity, wallet=wallet, lag=1),
    ):
        assert [given["argument"] for given in made.definition["inputs"]] == ["activity", "wallet"]
        assert made.definition["keywords"] == {"wallet": "a table", "lag": 1, "level": 0.95}


@given(data=st.data())
def test_digits_change_with_the_content_and_with_nothing_else(data):
    """Another order of rows and columns and other names keep them; another cell does not."""
    n = data.draw(st.integers(1, 8))
    cells = {
        "customer_id": st.sampled_from(["a", "b", "c"]),
        "sales": st.sampled_from([-1.5, 0.0, 2.0, 2.0001, 1e6, np.nan]),
        "region": st.sampled_from(["west", "east", None]),
        "vip": st.booleans(),
    }
    drawn = {
        name: data.draw(st.lists(cell, min_size=n, max_size=n)) for name, cell in cells.items()
    }
    frame = pd.DataFrame(drawn).astype({"region": "str", "customer_id": "str"})
    digits = fingerprint(frame, name="x")["digits"]
    order = data.draw(st.permutations(range(n)))
    renamed = frame.assign(customer_id=frame["customer_id"].map({"a": "z9", "b": "y", "c": "x"}))
    assert fingerprint(renamed.iloc[order][list(cells)[::-1]], name="x")["digits"] == digits
    row, column = data.draw(st.integers(0, n - 1)), data.draw(st.sampled_from(["sales", "vip"]))
    other = frame.copy()
    old = other.loc[row, column]
    other.loc[row, column] = (not old) if column == "vip" else (3.25 if old != 3.25 else 4.0)
    assert fingerprint(other, name="x")["digits"] != digits


def test_digits_see_whose_row_it_is():
    """Two customers who swap their amounts are another table."""
    frame = shop()
    swapped = frame.assign(customer_id=frame["customer_id"].iloc[[0, 3, 2, 1, 4, 5, 6]].to_numpy())
    assert fingerprint(frame, name="x")["digits"] != fingerprint(swapped, name="x")["digits"]


def test_a_late_order_is_named():
    """Bob's order of February came in after the report."""
    table = moved(run(shop()), run(shop(("Bob", "2024-02-20", 10.0))))
    assert table["cause"].tolist() == ["late data", "late data", "unchanged"]
    assert table["detail"][0] == "transactions: 2024-02 +1 rows (+10.00)"
    assert table["data_change"].tolist() == table["change"].tolist()
    assert table["definition_change"].tolist() == [0.0, 0.0, 0.0]


def test_refunds_are_told_from_late_orders():
    """A refund changes the sales-adjusted rate only."""

    def adjusted(lines):
        activity = rt.recorded(rt.customer_periods, lines, freq="month", **WINDOW)
        return rt.recorded(rt.outcome_kpis, activity)

    refund = shop(("Cem", "2024-03-20", -5.0))
    table = rt.compare_runs(adjusted(shop()), adjusted(refund))
    causes = table.groupby("compared", sort=False)["cause"].agg(set)
    assert causes["retention_rate"] == {"unchanged"}
    assert "refunds" in causes["sales_adjusted_retention"]
    assert "2024-03 +1 refunds (-5.00)" in table["detail"][0]


def test_withdrawn_and_corrected_rows_are_named():
    """Fewer rows; as many with other amounts; as many with the same amounts of others."""
    base = run(shop())
    withdrawn = moved(base, run(shop(without=[3])))
    assert withdrawn["cause"].tolist() == ["withdrawn data", "only before", "unchanged"]
    corrected = shop()
    corrected.loc[3, "customer_id"] = "Bob"
    table = moved(base, run(corrected))
    assert set(table["cause"]) == {"unchanged", "corrected data"}
    assert "other content in the same months" in table["detail"][0]


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
        rt.compare_runs(before, after, between=before)


def test_the_same_run_is_unchanged(engine):
    """Nothing moved and nothing is said, on every engine."""
    table = engine.read(rt.compare_runs(run(engine.table(shop())), run(engine.table(shop()))))
    assert set(table["cause"]) == {"unchanged"}
    assert set(table["detail"]) == {""}


def test_segments_are_compared_with_themselves():
    """Rows are matched by the columns of by=, whatever the order."""
    lines = shop().assign(region=["W", "E", "E", "W", "W", "E", "W"])

    def by_region(frame):
        activity = rt.recorded(rt.customer_periods, frame, freq="month", by="region", **WINDOW)
        return rt.recorded(rt.churn_by, activity, by="region")

    more = pd.concat([lines, lines.iloc[[2]].assign(date=pd.Timestamp("2024-02-02"))])
    table = rt.compare_runs(by_region(lines), by_region(more))
    east = table[(table["region"] == "E") & (table["compared"] == "churn_rate")]
    assert "late data" in set(east["cause"])
    assert set(table.loc[table["region"] == "W", "cause"]) == {"unchanged"}


def test_what_survival_leaves_out_and_doors_drop_is_counted():
    """Reasons and numbers of rows, on the way to the answer."""
    spells = pd.DataFrame({"duration": [5, 9, 7], "churned": [True, False, True]})
    spells = spells.assign(entry=[np.nan, 9.0, 2.0])
    checked = rt.recorded(
        rt.as_spells, spells, duration="duration", churned="churned", entry="entry"
    )
    curve = rt.recorded(rt.survival_curve, checked)
    reason = "spells: never at risk under observation"
    assert curve.definition["exclusions"] == [{"reason": reason, "n_rows": 1}]
    lines = pd.concat([shop(), shop().head(2)])
    say = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    door = rt.recorded(rt.as_transactions, lines, **say, duplicates="drop")
    assert [each["n_rows"] for each in door.definition["exclusions"]] == [2]
    assert "left out: 2" in repr(door)


def test_warnings_are_kept_and_still_heard():
    """The caller is warned as without recording."""
    with pytest.warns(rt.RetentionWarning):
        made = rt.recorded(rt.customer_periods, shop(), freq="month", as_of="2025-12-31")
    assert len(made.definition["warnings"]) == 1
    assert made.definition["warnings"][0] in repr(made)


def test_only_functions_of_the_library_that_answer_with_a_table_are_recorded():
    """Others are refused in words."""
    with pytest.raises(rt.RetentionError, match="functions of this library"):
        rt.recorded(len, shop())
    with pytest.raises(rt.RetentionError, match="annualise answers with a float"):
        rt.recorded(rt.annualise, rate=0.1, days=90)
    with pytest.raises(rt.RetentionError, match="retention_rate: got an unexpected keyword"):
        rt.recorded(rt.retention_rate, shop(), lags=1)


def test_what_cannot_be_compared_is_refused():
    """Not a recording; no figure in common; rows that cannot be told apart."""
    made = run(shop())
    with pytest.raises(rt.RetentionError, match="before must be a recording"):
        rt.compare_runs(made.table, made)
    activity = rt.recorded(rt.customer_periods, shop(), freq="month", **WINDOW)
    with pytest.raises(rt.ColumnError, match="no figure in common"):
        rt.compare_runs(made, activity)
