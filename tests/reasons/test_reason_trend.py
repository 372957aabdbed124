"""reason_trend: against a twin in loops, empty periods, refusals, every engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import ColumnError, ContentError, RetentionError
from retention.reasons.figures.trend import reason_trend

CATEGORIES = ["pricing", "competition", "unspecified", "missing", "x_switching_barrier"]
REASONS = ["pricing", "competition"]
tag_rows = st.lists(
    st.tuples(
        st.integers(0, 4),  # customer
        st.integers(1, 4),  # month
        st.sampled_from(CATEGORIES),
        st.sampled_from(["north", "south"]),
    ),
    min_size=1,
    max_size=20,
)


def tags_of(rows):
    """A note each."""
    return pd.DataFrame(
        {
            "note_id": range(len(rows)),
            "customer_id": [who for who, *_ in rows],
            "category": [category for *_, category, _ in rows],
            "date": pd.to_datetime([f"2023-{month + 9:02}-{1 + i}" if month < 4 else "2024-01-31"
                                    for i, (_, month, *_) in enumerate(rows)]),
            "region": [region for *_, region in rows],
        }
    )  # fmt: skip


def compare(found, frame):
    """What reason_trend gives beside sets of customers."""
    for row in found.to_dict("records"):
        here = frame[(frame["region"] == row["region"]) & (frame["date"] >= row["period"])]
        here = here[here["date"] < row["period"] + pd.offsets.MonthBegin(1)]
        named = set(here.loc[here["category"] == row["category"], "customer_id"])
        told = set(here.loc[here["category"].isin(REASONS), "customer_id"])
        wrote = set(here.loc[here["category"] != "missing", "customer_id"])
        counts = row["n_customers"], row["n_tagged"], row["n_wrote"]
        assert counts == (len(named), len(told), len(wrote))
        assert row["share"] == (
            len(named) / len(told) if told else pytest.approx(np.nan, nan_ok=True)
        )


@given(rows=tag_rows)
def test_agrees_with_sets_of_customers(rows):
    """Every reason in every month from the first note on, empty ones too."""
    frame = tags_of(rows)
    found = reason_trend(frame, freq="month", as_of="2024-01-31", by="region")
    compare(found, frame)
    first = frame["date"].min()
    months = (2024 - first.year) * 12 + 1 - first.month + 1
    seen = frame["category"][frame["category"].isin(REASONS)].nunique()
    assert len(found) == months * frame["region"].nunique() * seen


def test_every_engine_gives_the_same_trend(engine):
    """The answer is of the caller's kind; notes of a month that is not over are not counted."""
    rows = [(0, 1, "pricing", "north"), (1, 2, "competition", "north"), (1, 3, "pricing", "south")]
    frame = tags_of([*rows, (2, 4, "pricing", "north")])
    answer = reason_trend(engine.table(frame), freq="month", as_of="2024-01-30", by="region")
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["region", "period", "category"])
    compare(found.assign(period=pd.to_datetime(found["period"])), frame)
    assert len(found) == 2 * 3 * 2
    assert found["n_customers"].sum() == 3


@pytest.mark.parametrize("freq", ["day", "week", "month", "quarter", "year"])
def test_periods_come_in_order_across_the_end_of_a_year(freq):
    """The next period is the next step."""
    frame = tags_of([(0, 1, "pricing", "north"), (1, 3, "pricing", "north")])
    found = reason_trend(frame, freq=freq, as_of="2024-12-31")
    assert found["step"].diff().dropna().eq(1).all()
    assert found["n_customers"].sum() == 2


def test_refusals():
    """No date, no dates, a missing one, no whole period, no such length."""
    frame = tags_of([(0, 1, "pricing", "north"), (1, 1, "pricing", "north")])
    say = {"freq": "month", "as_of": "2024-12-31"}
    with pytest.raises(ColumnError, match="tags lacks 'date'.*keep='date'"):
        reason_trend(frame.drop(columns="date"), **say)
    with pytest.raises(ColumnError, match="'date' must be dates"):
        reason_trend(frame.assign(date="2024-01-01"), **say)
    with pytest.raises(ColumnError, match="time zone"):
        reason_trend(frame.assign(date=frame["date"].dt.tz_localize("UTC")), **say)
    with pytest.raises(ContentError, match="1 of 2 rows have no 'date'"):
        reason_trend(frame.assign(date=[None, frame["date"][0]]), **say)
    with pytest.raises(ContentError, match="No month is whole"):
        reason_trend(frame, freq="month", as_of="2023-10-15")
    with pytest.raises(ContentError, match="empty"):
        reason_trend(frame.iloc[:0], **say)
    with pytest.raises(RetentionError, match="freq"):
        reason_trend(frame, freq="decade", as_of="2024-12-31")
