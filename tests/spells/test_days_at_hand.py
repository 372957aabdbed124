"""Spells and silences of a table at hand: the row below tells what a query tells by windows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.activity import purchases_at_hand

line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Ð"]),
    st.integers(0, 200),
    st.integers(-300, 900).map(lambda n: n / 100),
    st.integers(1, 4),
)
shops = st.lists(line, min_size=1, max_size=40)
UNTIL = "2024-07-01"
FIGURES = {
    "spells": lambda lines: rt.purchase_spells(lines, gap=20, as_of=UNTIL),
    "one": lambda lines: rt.purchase_spells(lines, gap=20, as_of=UNTIL, reactivation="same_spell"),
    "cut": lambda lines: rt.purchase_spells(lines, gap=20, as_of=UNTIL, observed_from="2024-02-01"),
    "gaps": lambda lines: rt.gap_table(lines, as_of=UNTIL, gaps=[5, 20, 60], within=30),
}


def table_of(lines, *, order_ids):
    """The lines as a table, with a purchase so that it is a log at all."""
    names = ["customer_id", "day", "sales", "order_id"]
    table = pd.DataFrame([*lines, ("Ann", 3, 5.0, 9)], columns=names)
    table["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(table.pop("day"), "D")
    return table if order_ids else table.drop(columns="order_id")


def written(values):
    """Values as they are written, days without their midnight."""
    return ["-" if pd.isna(value) else str(value).removesuffix(" 00:00:00") for value in values]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("figure", FIGURES)
@given(lines=shops, order_ids=st.booleans())
def test_the_next_day_says_what_a_query_says(figure, lines, order_ids):
    """With refunds of orders over several days, and lines in any order."""
    table = table_of(lines, order_ids=order_ids)
    found = FIGURES[figure](table)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(purchases_at_hand, "LARGEST", 1)
        asked = FIGURES[figure](table)
    pd.testing.assert_frame_equal(found, asked)
    of_polars = FIGURES[figure](pl.from_pandas(table))
    assert of_polars.columns == list(found.columns)
    for name in of_polars.columns:
        assert written(of_polars[name].to_list()) == written(found[name].tolist()), name


def test_lines_without_what_they_need_are_refused_as_by_a_query():
    """The query says how many."""
    table = table_of([("Bob", 40, 2.0, 1)], order_ids=False)
    table.loc[0, "sales"] = np.nan
    with pytest.raises(rt.ContentError, match="1 of 2 rows have no usable 'sales'"):
        rt.purchase_spells(table, gap=20, as_of=UNTIL)


def test_a_hole_in_the_log_is_told_of_days_at_hand():
    """Twenty customers a day, but in March nobody."""
    days = [day for day in range(182) if not 60 <= day < 90]
    lines = [(f"C{who}", day, 1.0, who) for day in days for who in range(20)]
    table = table_of(lines, order_ids=False)
    with pytest.warns(rt.RetentionWarning, match="Nobody at all bought from 2024-03-01"):
        rt.purchase_spells(table, gap=20, as_of=UNTIL)
    with pytest.warns(rt.RetentionWarning, match="Nobody at all bought from 2024-03-01"):
        rt.gap_table(table, as_of=UNTIL, gaps=[20])
