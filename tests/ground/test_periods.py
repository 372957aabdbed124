"""The calendar: every day falls in one period, and periods are numbered without a gap."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention import periods
from retention.errors import RetentionError
from retention.frames import as_lazy, collect

freqs = st.sampled_from(periods.FREQS)
days = st.dates(date(1, 1, 8), date(9998, 12, 31))


@given(day=days, freq=freqs)
def test_every_day_lies_in_its_period_and_not_in_the_next(day, freq):
    """first_day(step) ≤ day < first_day(step + 1), for any day and length."""
    step = periods.step_of(day, freq)
    assert periods.first_day(step, freq) <= day < periods.first_day(step + 1, freq)


@given(day=days, freq=freqs)
def test_the_day_before_a_period_lies_in_the_one_before(day, freq):
    """Numbers run on by one across every boundary, years' ends included."""
    step = periods.step_of(day, freq)
    before = periods.first_day(step, freq) - timedelta(days=1)
    assert periods.step_of(before, freq) == step - 1


@given(day=days)
def test_weeks_start_on_monday(day):
    """As ISO 8601 has it."""
    assert periods.first_day(periods.step_of(day, "week"), "week").isoweekday() == 1


@given(
    stamps=st.lists(
        st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=8
    ),
    freq=freqs,
)
def test_every_engine_numbers_days_and_periods_alike(engine, stamps, freq):
    """Day number, period number and first day of the period, before 1970 as well."""
    frame = pd.DataFrame(
        {"date": pd.Series(stamps, dtype="datetime64[us]"), "row": range(len(stamps))}
    )
    lazy = as_lazy(engine.table(frame))
    numbered = lazy.with_columns(day=periods.day_expr("date", lazy.implementation))
    numbered = numbered.with_columns(step=periods.step_expr("date", "day", freq))
    start = periods.period_expr("step", freq, lazy.implementation)
    dated = numbered.with_columns(start=start)
    found = collect(dated.sort("row").select("row", "day", nw.col("step").cast(nw.Int64), "start"))
    expected = [stamp.date() for stamp in stamps]
    assert found["day"].tolist() == [periods.number_of(day) for day in expected]
    steps = [periods.step_of(day, freq) for day in expected]
    assert found["step"].tolist() == steps
    first = [periods.first_day(step, freq) for step in steps]
    assert found["start"].astype("datetime64[D]").astype(date).tolist() == first
    assert periods.first_days(np.array(steps), freq).astype(date).tolist() == first


@pytest.mark.parametrize(
    ("first", "last", "freq", "expected"),
    [
        ("2024-01-01", "2024-03-31", "month", ("2024-01", "2024-03")),
        ("2024-01-02", "2024-03-30", "month", ("2024-02", "2024-02")),
        ("2024-01-01", "2024-12-31", "year", ("2024", "2024")),
        ("2024-02-01", "2024-12-31", "quarter", ("2024-Q2", "2024-Q4")),
        ("2024-12-30", "2025-01-05", "week", ("the week of 2024-12-30",) * 2),
        ("2024-02-29", "2024-02-29", "day", ("2024-02-29",) * 2),
    ],
)
def test_whole_periods_between_two_days(first, last, freq, expected):
    """A period counts if both its ends were observed, the last day included."""
    steps = periods.whole_periods(date.fromisoformat(first), date.fromisoformat(last), freq)[:2]
    assert tuple(periods.label(step, freq) for step in steps) == expected


def test_the_last_year_of_the_calendar_does_not_overflow():
    """9999-12-31, which systems write for "never", is a day like any other."""
    assert periods.whole_periods(date(9999, 1, 1), date(9999, 12, 31), "year")[:2] == (9999, 9999)


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-29",
        date(2024, 2, 29),
        datetime(2024, 2, 29, 23, 59),
        pd.Timestamp("2024-02-29 12:00"),
        np.datetime64("2024-02-29T05"),
    ],
)
def test_a_day_may_be_given_as_people_have_it(value):
    """Text, date, datetime, pandas Timestamp and NumPy's datetime64 are read alike."""
    assert periods.as_day(value, argument="as_of") == date(2024, 2, 29)


@pytest.mark.parametrize("value", ["29.02.2024", "2023-02-29", None, 20240229])
def test_what_is_not_a_day_is_refused(value):
    """A number might be anything, and 2023 had no 29 February."""
    with pytest.raises(RetentionError, match="as_of must be a day such as '2024-12-31'"):
        periods.as_day(value, argument="as_of")
