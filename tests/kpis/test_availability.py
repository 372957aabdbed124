"""service_availability: against a twin that counts hours in sets, identities, refusals."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.kpis.service.availability import service_availability
from retention.periods import first_day_number, number_of, step_of

WEEKS = {"freq": "week", "as_of": "2024-01-24", "observed_from": "2023-12-30"}
WHOLE = ["2024-01-01", "2024-01-08", "2024-01-15"]  # the weeks within
START = pd.Timestamp("2024-01-01")

an_outage = st.tuples(
    st.sampled_from(["till", "shop"]),
    st.integers(-200, 700),
    st.one_of(st.none(), st.sampled_from([0, 1, 5, 24, 168, 400])),
)


def outages(*rows):
    """Interruptions as (service, hours after START, hours down or None)."""
    frame = pd.DataFrame(rows, columns=["service", "start", "end"])
    start = START + pd.to_timedelta(frame["start"], unit="h")
    end = start + pd.to_timedelta(frame["end"].astype(float), unit="h")
    return pd.DataFrame({"service": frame["service"], "start": start, "end": end}).astype(
        {"start": "datetime64[us]", "end": "datetime64[us]"}
    )


def runs(hours):
    """Sets of hours that follow one another without a gap."""
    found = []
    for hour in sorted(hours):
        if found and hour - 1 in found[-1]:
            found[-1].add(hour)
        else:
            found.append({hour})
    return found


@settings(max_examples=at_most(15))
@given(rows=st.lists(an_outage, min_size=1, max_size=10))
def test_agrees_with_hours_counted_in_sets(engine, rows):
    """Down in an hour is down once, whoever says so; runs of hours are interruptions."""
    end = 24 * ((pd.Timestamp(WEEKS["as_of"]) - START).days + 1)
    down = defaultdict(set)
    for service, start, length in rows:
        if start < end:
            down[service] |= set(range(start, end if length is None else min(start + length, end)))
    answer = service_availability(engine.table(outages(*rows)), by="service", **WEEKS)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["service", "step"])
    assert found["service"].tolist() == [name for name in sorted(down) for _ in WHOLE]
    for place, row in enumerate(found.to_dict("records")):
        week = set(range(168 * (place % 3), 168 * (place % 3 + 1)))
        hours = down[row["service"]]
        assert row["down_hours"] == len(hours & week)
        assert row["n_outages"] == sum(bool(run & week) for run in runs(hours))
        assert row["service_hours"] == 168
        assert row["availability"] == pytest.approx(1 - len(hours & week) / 168)
        assert str(row["period"])[:10] == WHOLE[place % 3]


def test_all_services_together_are_down_where_one_is():
    """Without `by`, overlaps between services are counted once, too."""
    frame = outages(("till", 0, 10), ("shop", 5, 10), ("till", 15, 1))
    found = service_availability(frame, **WEEKS)
    assert found[["n_outages", "down_hours"]].values.tolist()[0] == [1, 16]
    assert found["down_hours"].tolist()[1:] == [0, 0]


def test_days_add_up_to_months():
    """Downtime is neither lost nor doubled at the edges of periods, leap day included."""
    frame = outages(("till", 500, 900), ("till", 30, 3), ("till", 2000, None))
    asked = {"as_of": "2024-03-31", "observed_from": "2024-01-01"}
    months = service_availability(frame, freq="month", **asked)
    days = service_availability(frame, freq="day", **asked)
    of_month = [step_of(day.date(), "month") for day in days["period"]]
    assert days.groupby(of_month)["down_hours"].sum().tolist() == months["down_hours"].tolist()
    assert months["service_hours"].tolist() == [31 * 24, 29 * 24, 31 * 24]
    assert first_day_number(int(months["step"][0]), "month") == number_of(START.date())


def test_nothing_after_as_of_is_looked_at():
    """An end after it is not known yet, a start after it has not been."""
    lasting = outages(("till", 550, None))
    ended = outages(("till", 550, 300), ("till", 800, 1))
    asked = {**WEEKS, "freq": "day"}
    pd.testing.assert_frame_equal(
        service_availability(lasting, **asked), service_availability(ended, **asked)
    )


def test_a_service_that_was_never_down_was_there():
    """No interruption at all is no error."""
    found = service_availability(outages(("till", 0, 1)).head(0), **WEEKS)
    assert found["availability"].tolist() == [1.0] * 3
    assert found["n_outages"].tolist() == [0] * 3
    assert len(service_availability(outages(("till", 0, 1)).head(0), by="service", **WEEKS)) == 0


def test_refuses_windows_and_outages_that_are_none():
    """Each in the words of the caller."""
    frame = outages(("till", 0, 1))
    with pytest.raises(rt.RetentionError, match="observed_from 2024-02-01 comes after as_of"):
        service_availability(frame, **{**WEEKS, "observed_from": "2024-02-01"})
    with pytest.raises(rt.ContentError, match="There is no whole month from"):
        service_availability(frame, **{**WEEKS, "freq": "month"})
    with pytest.raises(rt.RetentionError, match="freq must be one of"):
        service_availability(frame, **{**WEEKS, "freq": "hour"})
    with pytest.raises(rt.ContentError, match="an end before its start"):
        service_availability(outages(("till", 0, -2)), **WEEKS)
    with pytest.raises(rt.ColumnError, match="lacks 'end'"):
        service_availability(frame.drop(columns=["end"]), **WEEKS)
    with pytest.raises(rt.ColumnError, match="by: 'down_hours' is a name that answers use"):
        service_availability(frame.assign(down_hours=1), by="down_hours", **WEEKS)
