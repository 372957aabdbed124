"""Calendars other than the civil one, against loops over every day and published year starts."""

from __future__ import annotations

import pickle
import re
from datetime import date, timedelta
from itertools import pairwise

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention import periods, wording
from retention.frames import as_lazy, collect

DAYS = [date(1990, 1, 1) + timedelta(n) for n in range(25_933)]  # to the end of 2060
MONTHS = ["january", "february", "march", "april", "may", "june"]
MONTHS += ["july", "august", "september", "october", "november", "december"]
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
RETAIL = [
    ("4-5-4", "nearest saturday to january"),
    ("4-4-5", "last saturday of january"),
    ("5-4-4", "nearest sunday to december"),
    ("4-4-5", "last friday of december"),
    ("4-5-4", "nearest thursday to february"),
    ("4-4-5", "last saturday of june"),
]


def retail(length, weeks="4-5-4", year_ends="nearest saturday to january"):
    """By default that of the National Retail Federation."""
    return rt.Calendar(length, weeks=weeks, year_ends=year_ends)


def ends_of_years(year_ends):
    """The last day of each retail year: the weekday looked for day by day about a month's end."""
    how, weekday, _, month = year_ends.split()
    found = []
    for year in range(1987, 2064):
        after = MONTHS.index(month) + 1
        end = date(year + after // 12, after % 12 + 1, 1) - timedelta(1)
        near = [end + timedelta(n) for n in (range(-3, 4) if how == "nearest" else range(-6, 1))]
        found += [day for day in near if day.weekday() == WEEKDAYS.index(weekday)]
    return found


def starts_twin(length, weeks, year_ends):
    """The first days of the periods: weeks dealt out one after the other, the 53rd to the last."""
    ends, starts = ends_of_years(year_ends), []
    for last, end in pairwise(ends):
        months = [int(n) for n in weeks.split("-")] * 4
        months[-1] += (end - last).days // 7 - 52
        first = last + timedelta(1)
        for i, n in enumerate(months):
            if i % {"month": 1, "quarter": 3, "year": 12}[length] == 0:
                starts.append(first)
            first += timedelta(7 * n)
        assert first == end + timedelta(1)
    return starts


def fiscal_starts(length, month):
    """The first days of fiscal quarters or years, month by month."""
    every = 3 if length == "quarter" else 12
    firsts = [date(1988 + n // 12, n % 12 + 1, 1) for n in range(12 * 75)]
    return [first for first in firsts if (first.month - 1 - MONTHS.index(month)) % every == 0]


def agrees(freq, starts):
    """Every day lies in the period of the twin, and periods are numbered one by one."""
    bounds = np.array(starts, dtype="datetime64[D]")
    place = np.searchsorted(bounds, np.array(DAYS, dtype="datetime64[D]"), side="right") - 1
    steps = np.array([periods.step_of(day, freq) for day in DAYS])
    assert (steps - place == steps[0] - place[0]).all()
    assert (periods.first_days(steps, freq) == bounds[place]).all()
    for step in range(int(steps[0]), int(steps[-1]), 7):
        assert periods.first_day(step, freq) == starts[step - int(steps[0]) + int(place[0])]


@pytest.mark.parametrize(("weeks", "year_ends"), RETAIL)
@pytest.mark.parametrize("length", ["month", "quarter", "year"])
def test_every_day_from_1990_to_2060_lies_in_its_retail_period(length, weeks, year_ends):
    """Weeks dealt out one by one; the 53rd is the last month's."""
    agrees(retail(length, weeks, year_ends), starts_twin(length, weeks, year_ends))


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("length", ["quarter", "year"])
def test_every_day_from_1990_to_2060_lies_in_its_fiscal_period(length, month):
    """Whichever month the year starts in."""
    agrees(rt.Calendar(length, year_starts=month), fiscal_starts(length, month))


@pytest.mark.parametrize("weekday", WEEKDAYS)
def test_every_day_from_1990_to_2060_lies_in_its_week(weekday):
    """Whichever day weeks start on."""
    first = next(day for day in DAYS if day.weekday() == WEEKDAYS.index(weekday)) - timedelta(7)
    starts = [first + timedelta(7 * n) for n in range(3710)]
    agrees(rt.Calendar("week", week_starts=weekday), starts)


@pytest.mark.parametrize("days", [2, 30, 90, 365])
def test_every_day_from_1990_to_2060_lies_in_its_window(days):
    """Windows of days follow one another before and after the day on which one ends."""
    first = DAYS[0] - timedelta(400)
    starts = [first + timedelta(days * n) for n in range(27_000 // days)]
    agrees(rt.Calendar(f"{days} days", ends=starts[50] - timedelta(1)), starts)


def test_years_of_the_national_retail_federation_start_as_published():
    """NRF, 4-5-4 calendar: fiscal 2006, 2012, 2017 and 2023 have 53 weeks."""
    published = ["2017-01-29", "2018-02-04", "2019-02-03", "2020-02-02", "2021-01-31", "2022-01-30"]
    published += ["2023-01-29", "2024-02-04", "2025-02-02"]
    year = retail("year")
    steps = [periods.step_of(date.fromisoformat(day), year) for day in published]
    assert steps == list(range(2017, 2026))
    assert [str(periods.first_day(step, year)) for step in steps] == published
    lengths = [(periods.first_day(y + 1, year) - periods.first_day(y, year)).days for y in steps]
    assert [y for y, n in zip(steps, lengths, strict=True) if n == 53 * 7] == [2017, 2023]
    month = retail("month")
    january = periods.step_of(date(2024, 1, 31), month)
    assert periods.first_day(january, month) == date(2023, 12, 31)
    assert periods.first_day(january + 1, month) == date(2024, 2, 4)  # five weeks of January


def test_iso_years_are_those_of_python():
    """A year that ends on the Sunday nearest to the end of December."""
    iso = retail("year", "4-4-5", "nearest sunday to december")
    assert {periods.step_of(day, iso) + 1 - day.isocalendar()[0] for day in DAYS} == {0}


@pytest.mark.parametrize(
    "freq",
    [
        retail("month"),  # the one that lazy engines are asked about, as the longest
        rt.Calendar("quarter", year_starts="november"),
        rt.Calendar("week", week_starts="sunday"),
        rt.Calendar("90 days", ends="2024-12-31"),
        retail("year", "4-4-5", "nearest sunday to december"),
    ],
)
def test_every_engine_numbers_every_day_alike(engine, freq):
    """The engine numbers all days of 71 years as Python does, and the first days of periods."""
    step_by = 61 if engine.name in ("spark", "ibis") else 1
    days = DAYS[::step_by]
    frame = pd.DataFrame({"date": pd.Series(days, dtype="datetime64[us]"), "row": range(len(days))})
    lazy = as_lazy(engine.table(frame))
    numbered = lazy.with_columns(day=periods.day_expr("date", lazy.implementation))
    numbered = numbered.with_columns(step=periods.step_expr("date", "day", freq).cast(nw.Int64))
    start = periods.period_expr("step", freq, lazy.implementation)
    found = collect(numbered.with_columns(start=start).sort("row").select("step", "start"))
    steps = [periods.step_of(day, freq) for day in days]
    assert found["step"].tolist() == steps
    starts = found["start"].astype("datetime64[D]")
    assert (starts == periods.first_days(steps, freq)).all()


def test_a_calendar_is_a_value():
    """Equal by what it means, hashed, pickled, and as its name in tables."""
    april = rt.Calendar("quarter", year_starts="april")
    assert april == rt.Calendar("quarter", year_starts="April") == rt.Calendar(str(april).lower())
    assert pickle.loads(pickle.dumps(april)) == april
    assert len({april, rt.Calendar("quarter", year_starts="APRIL")}) == 1
    assert rt.Calendar("year", year_starts="january") == "year"
    assert rt.Calendar("week", week_starts="monday") == "week"
    assert eval(repr(april), {"Calendar": rt.Calendar}) == april
    window = rt.Calendar("90 days", ends="2024-12-31")
    assert window == rt.Calendar("90-DAY PERIOD", ends=date(2024, 12, 31)) == rt.Calendar(window)
    assert eval(repr(window), {"Calendar": rt.Calendar}) == window
    assert rt.Calendar("1 day", ends="2024-12-31") == "day"
    assert str(retail("month")) == "4-5-4 January-nearest-Saturday month"


@pytest.mark.parametrize(
    ("length", "said", "message"),
    [
        ("month", {"year_starts": "april"}, "freq='month'"),
        ("week", {"weeks": "4-5-4", "year_ends": "last friday of june"}, "week_starts"),
        ("month", {"week_starts": "sunday"}, "is about a week, not a month"),
        ("month", {"weeks": "4-5-4"}, "weeks= and year_ends=.*nearest saturday to january"),
        ("month", {"weeks": "4-5-5", "year_ends": "last friday of june"}, "'4-4-5', '4-5-4'"),
        ("month", {"weeks": "4-5-4", "year_ends": "january"}, "'last saturday of june'"),
        ("quarter", {"year_starts": "Avril"}, "'january', 'february'"),
        ("quarter", {"year_starts": 4}, "'january', 'february'"),
        ("90 days", {}, "ends='2024-12-31'"),
        ("month", {"ends": "2024-12-31"}, "Windows of days"),
        ("90 days", {"ends": "2024-12-31", "week_starts": "sunday"}, "and nothing else"),
        ("90 days", {"ends": "31.12.2024"}, "ends must be a day such as '2024-12-31'"),
        ("fortnight", {}, "length must be one of 'day'"),
    ],
)
def test_words_that_make_no_calendar_are_refused(length, said, message):
    """With what to say."""
    with pytest.raises(rt.RetentionError) as refusal:
        rt.Calendar(length, **said)
    assert re.search(message, str(refusal.value).replace("`", ""))


def test_a_length_that_is_none_is_refused_and_names_the_calendar():
    """At the door of a figure."""
    with pytest.raises(rt.RetentionError, match=r"a Calendar\(...\).*got 'fortnight'"):
        periods.check_freq("fortnight")


def test_periods_of_a_calendar_are_labelled_without_a_year_that_firms_count_in_two_ways():
    """By their months, or by their first day."""
    quarter, year = (rt.Calendar(each, year_starts="november") for each in ("quarter", "year"))
    assert wording.period(date(2023, 11, 1), quarter) == "Nov 2023–Jan 2024"
    assert wording.period(date(2024, 2, 1), quarter) == "Feb–Apr 2024"
    assert wording.period(date(2023, 11, 1), year) == "Nov 2023–Oct 2024"
    assert wording.period(date(2024, 2, 4), retail("month")) == "4 Feb 2024"
    assert wording.spoken_period(date(2024, 2, 4), retail("month")) == "the month from 4 Feb 2024"
    sunday = rt.Calendar("week", week_starts="sunday")
    assert wording.spoken_period(date(2024, 2, 4), sunday) == "the week of 4 Feb 2024"
    window = rt.Calendar("90 days", ends="2024-02-03")
    assert wording.spoken_period(date(2024, 2, 4), window) == "the 90 days from 4 Feb 2024"
    step = periods.step_of(date(2024, 2, 4), window)
    assert (step, periods.label(step, window)) == (0, "the 90 days from 2024-02-04")
    step = periods.step_of(date(2024, 2, 4), retail("month"))
    assert periods.label(step, retail("month")) == "the month from 2024-02-04"


@pytest.mark.parametrize(
    "freq",
    [
        retail("month"),
        rt.Calendar("year", year_starts="june"),
        rt.Calendar("90 days", ends="2022-06-04"),
    ],
)
def test_a_table_of_periods_tells_its_calendar_by_their_numbers(freq):
    """As plots do, which are given no more; two years tell a calendar from the others."""
    first = periods.step_of(date(2022, 6, 5), freq)
    steps = np.arange(first, first + 24)
    assert periods.freq_of(periods.first_days(steps, freq), steps) == freq
