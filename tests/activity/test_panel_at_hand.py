"""Figures from activity at hand: the row below tells what a query tells by joins and windows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.activity import panel_at_hand
from retention.tables import ACTIVITY, require

cents = st.integers(-300, 900).map(lambda n: n / 100)
line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Ð"]),
    st.integers(0, 300),
    cents,
    st.sampled_from(["north", "south"]),
)
shops = st.lists(line, min_size=1, max_size=40)
FIGURES = {
    "movements": lambda activity, by: rt.revenue_movements(activity, by=by),
    "states": lambda activity, by: rt.lifecycle_states(activity, lost_after=2, by=by),
    "returns": lambda activity, by: rt.kpis.win_back(activity, lost_after=1, by=by),
    "cohorts": lambda activity, by: rt.cohort_retention(activity, by=by, washout=1),
    "ever": lambda activity, by: rt.cohort_retention(activity, by=by, kind="on_or_after"),
    "paid": lambda activity, by: rt.cohort_retention(
        activity, measure="sales", basis="current", by=by
    ),
    "worth": lambda activity, by: rt.cohort_retention(
        activity, measure="profit", kind="on_or_after", by=by
    ),
}


def activity_of(lines):
    """The activity of a shop by region, with a purchase so that it is a log at all."""
    table = pd.DataFrame(
        [*lines, ("Ann", 3, 5.0, "north")], columns=["who", "day", "sales", "region"]
    )
    table["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(table.pop("day"), "D")
    table = table.rename(columns={"who": "customer_id"}).assign(profit=table["sales"] / 3)
    say = {"as_of": "2024-11-30", "observed_from": "2024-01-01"}
    return rt.customer_periods(table, freq="month", by="region", **say)


def by_query(activity, figure, by, monkeypatch):
    """What the query says, of a table of which it is believed that no number holds its rows."""
    with monkeypatch.context() as patch:
        patch.setattr(panel_at_hand, "LARGEST", 1)
        return FIGURES[figure](activity, by)


def assert_alike(found, asked):
    """The same whole numbers, and money within the noise of its last digits."""
    assert list(found.columns) == list(asked.columns)
    for name in found.columns:
        if asked[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name], asked[name], rtol=1e-9, atol=1e-12)
        else:
            assert found[name].tolist() == asked[name].tolist(), name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("figure", FIGURES)
@settings(max_examples=at_most(3))
@given(lines=shops, by=st.sampled_from([(), "region"]))
def test_the_next_row_says_what_a_query_says(figure, lines, by):
    """In whatever order the rows lie, with segments that are not asked for, with refunds alone."""
    activity = activity_of(lines)
    with pytest.MonkeyPatch.context() as monkeypatch:
        asked = by_query(activity, figure, by, monkeypatch)
    assert_alike(FIGURES[figure](activity, by), asked)
    shuffled = activity.sample(frac=1, random_state=1)
    assert_alike(FIGURES[figure](shuffled, by), asked)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("figure", FIGURES)
def test_polars_says_the_same(figure):
    """Ids of text, in order and out of it."""
    lines = [("Bob", 40, 2.0, "south"), ("Cem", 41, 3.0, "north"), ("Bob", 100, -1.0, "south")]
    lines += [("Ð", 200, 1.0, "north"), ("Bob", 201, 4.0, "north"), ("Ann", 202, 4.5, "north")]
    activity = activity_of(lines)
    for rows in (activity, activity.iloc[::-1]):
        found = FIGURES[figure](pl.from_pandas(rows), "region").to_pandas()
        assert_alike(found, FIGURES[figure](activity, "region"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: pd.concat([rows, rows.head(1)]), "1 row stands beside another"),
        (lambda rows: rows.assign(sales=np.nan), "sales of 4 rows are not known"),
        (lambda rows: rows.assign(sales=np.inf), "do not balance"),
    ],
)
def test_what_cannot_balance_is_refused_at_hand_as_by_a_query(change, said):
    """The query says what is wrong."""
    activity = activity_of(
        [("Bob", 40, 2.0, "south"), ("Bob", 99, 2.0, "south"), ("Cem", 9, 1.0, "south")]
    )
    with pytest.raises(rt.ContentError, match=said):
        rt.revenue_movements(change(activity.drop(columns="region")))


@pytest.mark.filterwarnings("ignore")
def test_a_customer_without_an_id_is_left_to_the_query():
    """No number tells which it is."""
    activity = activity_of([("Bob", 40, 2.0, "south"), ("Bob", 99, 2.0, "south")])
    activity.loc[0, "customer_id"] = None
    assert panel_at_hand.panel_at_hand(require(activity, ACTIVITY)) is None


@pytest.mark.filterwarnings("ignore:Left out, as not observed whole")
@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
def test_movements_of_a_month_of_refunds_alone_are_told_on_every_engine(engine):
    """Nobody is active in it; what was refunded is told."""
    orders = pd.DataFrame({
        "customer_id": ["a", "a"], "date": pd.to_datetime(["2024-01-01", "2024-02-05"]),
        "sales": [-5.0, 10.0],
    })  # fmt: skip
    activity = rt.customer_periods(engine.table(orders), freq="month", as_of="2024-02-10")
    found = engine.read(rt.revenue_movements(activity))
    assert found["n_end"].tolist() == [0]
    assert found["refunds_inactive"].tolist() == [-5.0]
