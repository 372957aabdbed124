"""What was open, late or silent on a day: spans of days, against a look at each row and day."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.business_hours import calendar_of
from retention.errors import ColumnError, ContentError
from retention.frames import as_lazy, collect
from retention.kpis.service.counts import contacts_with_state
from retention.signals.known.known_sums import known_sums
from retention.signals.known.open_by_then import oldest_open

BEGIN = pd.Timestamp("2023-12-20")
CALENDARS = [
    {"mon-fri": "09:00-17:30", "sat": "10:00-14:00"},
    {"mon-sun": "00:00-24:00", "holidays": ["2024-01-01", "2024-01-06", "2024-01-07"]},
    {
        "tue": "08:00-12:00,13:00-17:00",
        "thu": "10:00-10:01",
        "holidays": ["2023-12-28", "2024-01-02", "2024-01-04", "2024-01-06", "2024-01-09"],
    },
]
TARGETS = {"first_response": 8.5, "resolution": 1 / 3}
HOURS = ("first_response_hours", "resolution_hours", "unsatisfied_hours")


@pytest.mark.parametrize("said", CALENDARS)
def test_the_first_evening_by_which_so_much_was_worked(said):
    """The least day whose end shows as many working seconds, weeks with holidays and without."""
    calendar = calendar_of(said)
    first = (BEGIN - pd.Timestamp("1970-01-01")).days
    days = np.arange(first - 10, first + 50)
    evenings = as_lazy(pd.DataFrame({"at": (days + 1) * 86_400}))
    worked = collect(calendar.with_worked(evenings, "at", "worked"))["worked"].astype(np.int64)
    asked = np.unique(np.concatenate([worked[3:-3] + k for k in (-3600, -1, 0, 1, 1800)]))
    found = collect(calendar.with_first_day(as_lazy(pd.DataFrame({"n": asked})), "n", "day"))
    assert found["day"].astype(np.int64).tolist() == days[np.searchsorted(worked, asked)].tolist()


def contacts_at_random(seed, n, said):
    """Contacts of three customers, with hours that end on a closing, before and after it."""
    draw = np.random.default_rng(seed)
    pick = lambda share: np.where(  # noqa: E731
        draw.random(n) < share, draw.choice([0, 0.1, 1 / 3, 3, 8.5, 8.6, 12, 24, 100], n), np.nan
    )
    hours = pd.to_timedelta(draw.integers(0, 30 * 48, n) * 30, unit="m")
    table = pd.DataFrame({"customer_id": draw.integers(0, 3, n), "date": BEGIN + hours})
    for name, share in zip(HOURS, (0.7, 0.5, 0.4), strict=True):
        table[name] = pick(share)
    table.loc[table["resolution_hours"].notna(), "unsatisfied_hours"] = np.nan
    text = None if said is None else str(calendar_of(said))
    return table if text is None else table.assign(business_hours=text)


@pytest.mark.parametrize("said", [None, *CALENDARS])
def test_contacts_are_what_they_were_by_the_clock_of_service_figures(said):
    """Each contact beside each day, in the state that retention_by_service gives it."""
    contacts = contacts_at_random(4, 150, said)
    days = BEGIN + pd.to_timedelta(np.arange(-1, 45), unit="D")
    asked = pd.DataFrame({"customer_id": np.repeat([0, 1, 2], 46), "as_of": np.tile(days, 3)})
    found = rt.signals.contact_features(asked, contacts, window=9, targets=TARGETS)
    each = asked.merge(contacts, on="customer_id")
    each["_day"] = (each["as_of"] - pd.Timestamp("1970-01-01")).dt.days
    clock = None if said is None else calendar_of(said)
    stood = contacts_with_state(as_lazy(each), day=nw.col("_day"), clock=clock).to_native()
    seen = stood[stood["date"] < stood["as_of"] + pd.Timedelta(days=1)]
    now = seen["date"].dt.normalize() > seen["as_of"] - pd.Timedelta(days=9)
    late = [
        np.where(seen[f"_{t}_done"] == 1, seen[f"_{t}"], seen["_seen"]) > TARGETS[t]
        for t in TARGETS
    ]
    closed = (seen["_resolution_done"] == 1) | (seen["_given_up"] == 1)
    told = {
        "n_contacts": now,
        "n_late": now & (late[0] | late[1]),
        "n_unsatisfied": now & (seen["_given_up"] == 1),
    }
    keys = [seen["customer_id"], seen["as_of"]]
    order = pd.MultiIndex.from_frame(asked)
    for name, flag in told.items():
        expected = flag.groupby(keys).sum().reindex(order, fill_value=0)
        assert found[name].tolist() == expected.tolist(), name
    waits = seen["_seen"].where(~closed).groupby(keys).max().reindex(order).fillna(0)
    assert found["longest_open_hours"].tolist() == waits.tolist()


def test_the_oldest_of_what_was_open():
    """Of matters that begin on one day, that end before they begin, and that never end."""
    draw = np.random.default_rng(2)
    n = 60
    rows = pd.DataFrame({"customer_id": draw.integers(0, 4, n), "age": draw.integers(0, 30, n)})
    rows["closes"] = np.where(draw.random(n) < 0.1, np.nan, rows["age"] + draw.integers(-3, 12, n))
    asked = pd.DataFrame({"customer_id": np.repeat(range(5), 40), "_day": np.tile(range(40), 5)})
    told = oldest_open(as_lazy(rows), age="age", value="age", start="age", end="closes")
    found = collect(known_sums(as_lazy(asked), [told]))
    for who, day, some, oldest in zip(
        found["customer_id"], found["_day"], found["_n_open"], found["_oldest"], strict=True
    ):
        mine = rows[(rows["customer_id"] == who) & (rows["age"] <= day)]
        ages = mine["age"][mine["closes"].isna() | (mine["closes"] > day)]
        assert (some, oldest) == ((1, ages.min()) if len(ages) else (0, 0))


@pytest.mark.parametrize("amount", [np.inf, 1e308, np.nan])
def test_what_is_no_money_is_refused_before_it_is_added_up(amount):
    """The same refusal as in every figure of transactions, not an error of pandas."""
    orders = pd.DataFrame(
        {"customer_id": ["a", "b"], "date": pd.Timestamp("2024-01-02"), "sales": [amount, 1.0]}
    )
    asked = pd.DataFrame({"customer_id": ["a"], "as_of": [pd.Timestamp("2024-01-05")]})
    with pytest.raises(ContentError, match="no usable 'sales'"):
        rt.signals.purchase_features(asked, orders, window=9)


def test_days_with_a_zone_and_days_as_text_are_refused_with_advice_that_works():
    """No maker of snapshots takes a zone, so none is named: dates by the clock of the books do."""
    asked = pd.DataFrame({"customer_id": ["a"], "as_of": [pd.Timestamp("2024-01-05")]})
    events = pd.DataFrame(
        {"customer_id": ["a"], "date": [pd.Timestamp("2024-01-02")], "event": ["moved"]}
    )
    ask = lambda days: rt.signals.event_features(  # noqa: E731
        asked.assign(as_of=days), events, window=9, of="moved"
    )
    zoned = asked["as_of"].dt.tz_localize("Europe/Berlin")
    with pytest.raises(ColumnError, match="Give local dates without a zone"):
        ask(zoned)
    assert ask(zoned.dt.tz_localize(None))["n_moved"].tolist() == [1.0]
    with pytest.raises(ColumnError, match=r"must be dates; got String\. Make the table with"):
        ask("2024-01-05")
