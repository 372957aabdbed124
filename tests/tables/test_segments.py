"""Segments and their refusals: alike on every engine, in the words of the user."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from retention.tables import ACTIVITY, SPELLS, segments

ASKED = {"freq": "month", "as_of": "2024-02-29"}
USED = "is a name that answers use themselves. Rename it"


def orders(**columns):
    """Three customers, each with an order in January and February."""
    dates = pd.to_datetime(["2024-01-01", "2024-02-29"] * 3).as_unit("us")
    who = ["Ann", "Ann", "Bob", "Bob", "Cem", "Cem"]
    return pd.DataFrame({"customer_id": who, "date": dates, "sales": 1.0, **columns})


def contracts(**columns):
    """A contract that ends, and one that goes on."""
    start, end = pd.to_datetime(["2024-01-01"] * 2), pd.to_datetime(["2024-02-10", None])
    frame = pd.DataFrame({"customer_id": ["Ann", "Bob"], "start": start, "end": end, **columns})
    return frame.astype({"start": "datetime64[us]", "end": "datetime64[us]"})


@pytest.mark.parametrize("name", ["Step", "PERIOD", "Active", "First_Step"])
def test_a_segment_named_like_ours_but_for_case_is_refused(engine, name):
    """DuckDB and Spark do not tell case apart; so no engine does where the name is ours."""
    with pytest.raises(rt.ColumnError, match=f"'{name}' {USED}"):
        rt.customer_periods(engine.table(orders(**{name: "x"})), by=name, **ASKED)


@pytest.mark.parametrize("name", ["Convention", "Exposure", "N_other"])
def test_functions_guard_the_columns_of_their_own_answers(engine, name):
    """What only the answer of one function has is refused there."""
    table = engine.table(contracts(**{name: ["x", "y"]}))
    spells = rt.contract_spells(table, as_of="2024-06-30", grace=0, keep=name)
    asked = {"freq": "month", "as_of": "2024-06-30", "convention": "endpoint"}
    with pytest.raises(rt.ColumnError, match=f"'{name}' {USED}"):
        rt.churn_rate(spells, by=name, **asked)


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (lambda t, by: rt.lifecycle_states(t, by=by, lost_after=1), "Share"),
        (lambda t, by: rt.kpis.quick_ratio(t, by=by), "Reactivation"),
    ],
)
def test_answers_of_activity_guard_theirs(run, name):
    """A segment that the activity may have, but not the answer."""
    activity = rt.customer_periods(orders(**{name: "x"}), by=name, **ASKED)
    with pytest.raises(rt.ColumnError, match=f"'{name}' {USED}"):
        run(activity, name)


@pytest.mark.parametrize("name", ["Duration", "Grace", "last_ORDER"])
def test_kept_attributes_are_not_named_like_columns_of_spells(engine, name):
    """Whatever their case."""
    table = engine.table(contracts(**{name: ["x", "y"]}))
    with pytest.raises(rt.ColumnError, match=f"keep: '{name}' is a (name|column)"):
        rt.contract_spells(table, as_of="2024-06-30", grace=0, keep=name)


def test_names_that_differ_from_one_another_by_case_are_the_users_business():
    """Real files have columns such as "Region" and "region"."""
    assert segments(["Region", "region"], ACTIVITY) == ["Region", "region"]
    found = rt.customer_periods(orders(Region="x", region="y"), by=["Region", "region"], **ASKED)
    assert found[["Region", "region"]].values.tolist() == [["x", "y"]] * len(found)


@pytest.mark.parametrize("by", [[3], [["r"]], [None], [("a", "b")]])
def test_segments_are_named_by_text(by):
    """Anything else is shown as it was given."""
    with pytest.raises(rt.ColumnError, match="by must name columns, as text; got"):
        segments(by, SPELLS)


def test_labels_with_gaps_are_told_their_type():
    """pandas makes decimals of whole numbers with a gap, and objects of true and false."""
    with pytest.raises(rt.ColumnError, match=r"Float64, not labels.*astype\('Int64'\)"):
        rt.customer_periods(orders(r=[1, None, 2] * 2), by="r", **ASKED)
    with pytest.raises(rt.ColumnError, match=r"Object, not labels.*astype\('boolean'\)"):
        rt.customer_periods(orders(r=[True, None, False] * 2), by="r", **ASKED)
    frame = orders(r=pd.array([1, None, 2] * 2, "Int64"), b=pd.array([True, None] * 3, "boolean"))
    found = rt.customer_periods(frame, by=["r", "b"], **ASKED)
    assert set(found["r"]) == {"1", "2", "(missing)"}
    assert set(found["b"]) == {"true", "(missing)"}


def test_tables_of_arrow_types_may_have_columns_of_nothing():
    """An aggregate of nothing but missing values is missing, whatever pandas calls it."""
    spells = rt.contract_spells(contracts(), as_of="2024-06-30", grace=0)
    asked = {"freq": "month", "as_of": "2024-06-30", "convention": "endpoint"}
    texts = spells.astype({"set_aside": "string"})
    arrow = texts.convert_dtypes(dtype_backend="pyarrow")
    found = [rt.churn_rate(table, **asked) for table in (spells, arrow)]
    pd.testing.assert_frame_equal(*found)


def test_days_beyond_any_calendar_are_refused():
    """Whole numbers of Python are larger than any engine's."""
    for days in (10**30, 1_000_001):
        with pytest.raises(rt.RetentionError, match=f"1,000,000 days at most; got {days:,}"):
            rt.contract_spells(contracts(), as_of="2024-06-30", grace=days)


def test_tables_that_no_door_makes_are_told_so():
    """The market is brought as it is: there is no function to load it with."""
    activity = rt.customer_periods(orders(), **ASKED)
    market = pd.DataFrame({"date": pd.to_datetime(["2024-01-01"]), "market": ["500"]})
    with pytest.raises(rt.ColumnError, match=r"must be numbers; got String. Convert it\."):
        rt.kpis.market_share(activity, market)
    with pytest.raises(rt.ColumnError, match="Rename your column to 'market'"):
        rt.kpis.market_share(activity, market.rename(columns={"market": "total"}))
    with pytest.raises(rt.ColumnError, match="Rename 'Market' to 'market'"):
        rt.kpis.market_share(activity, market.rename(columns={"market": "Market"}))
    zoned = market.assign(date=market["date"].dt.tz_localize("UTC"), market=5)
    with pytest.raises(rt.ColumnError, match="time zone UTC.*Give local dates without a zone"):
        rt.kpis.market_share(activity, zoned)


def test_only_a_name_that_is_near_is_suggested():
    """The hours to an answer are not those to a solution."""
    contacts = pd.DataFrame({"customer_id": ["Ann"], "date": pd.to_datetime(["2024-03-01"])})
    contacts = contacts.assign(first_response_hours=1.0)
    targets = {"first_response": 4, "resolution": 48}
    with pytest.raises(rt.ColumnError, match=r"Name it with as_contacts\(..., resolution_hours="):
        rt.kpis.service_kpis(contacts, as_of="2024-03-02", targets=targets)
    near = contacts.assign(ResolutionHour=2.0)
    with pytest.raises(rt.ColumnError, match="resolution_hours='ResolutionHour'"):
        rt.kpis.service_kpis(near, as_of="2024-03-02", targets=targets)


def test_a_duckdb_table_beside_one_of_arrow_is_told_both_reasons():
    """Whether the other is on another connection or no DuckDB table at all."""
    import duckdb
    import pyarrow as pa

    sent = pd.DataFrame({"who": ["Ann"], "on": ["2024-01-10"], "q": [5]})
    said = {"customer_id": "who", "date": "on", "satisfaction": "q", "scale": (1, 5)}
    surveys = rt.as_surveys(duckdb.connect().from_df(sent), **said)
    table = pa.Table.from_pandas(contracts(), preserve_index=False)
    spells = rt.contract_spells(table, as_of="2024-06-30", grace=0)
    with pytest.raises(rt.TableError, match="or that is no DuckDB table: give both as the same"):
        rt.kpis.voice_by_outcome(surveys, spells, as_of="2024-06-30", within=30)
