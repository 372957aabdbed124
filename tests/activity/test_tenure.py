"""tenure_periods and contract_tenure, against definitions in loops over orders and over days."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from lasting import contracts
from retention.activity.tenure.tenure_of_contracts import contract_tenure
from retention.activity.tenure.tenure_of_purchases import tenure_periods
from shops import orders

MONTHS = {"month": 1, "quarter": 3, "year": 12}
AS_OF = date(2024, 6, 30)
NEVER = date(2100, 1, 1)
KEYS = ["customer_id", "age"]
in_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

names = st.sampled_from(["Ann", "Bob", "Cem", "Dee"])
days = st.one_of(
    st.dates(date(2022, 1, 1), date(2024, 8, 31)),
    st.sampled_from([date(2022, 1, 31), date(2023, 11, 30), date(2024, 2, 29), date(2024, 6, 30)]),
)
bought = st.tuples(
    names, days, st.integers(-3, 9), st.integers(-5, 5), st.sampled_from(["web", "shop", None])
)
signed = st.tuples(
    names, days, st.none() | st.integers(0, 400), st.integers(1, 9),
    st.sampled_from(["web", "shop", None]),
)  # fmt: skip


def anniversary(start, months):
    """The day so many months later, or the last of a shorter month."""
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


def windows(start, length, until):
    """The ages that are over, as (first day, first day after)."""
    k = MONTHS[length]
    found = []
    while (closes := anniversary(start, (len(found) + 1) * k)) <= until + timedelta(days=1):
        found.append((anniversary(start, len(found) * k), closes))
    return found


def least_text(values):
    """The smallest known text."""
    return min((v for v in values if isinstance(v, str)), default="(missing)")


def naive_tenure(lines, length, since=None, started=None):
    """{(customer, age): row}, by adding up orders window by window."""
    started, found = started or {}, {}
    for who in {line[0] for line in lines} | set(started):
        by_day = defaultdict(list)
        for line in lines:
            if line[0] == who and line[1] <= AS_OF:
                by_day[line[1]].append(line)
        firsts = [day for day in by_day if sum(line[2] for line in by_day[day]) >= 0]
        first = min(firsts, default=NEVER)
        start = started.get(who, first)
        if start > min(first, AS_OF) or (since and who not in started and first < since):
            continue
        ages = windows(start, length, AS_OF)
        seen = [k for k, (opens, _) in enumerate(ages) if not since or opens >= since]
        channel = least_text(line[4] for line in by_day.get(first, []))
        for k in seen:
            inside = [d for d in by_day if ages[k][0] <= d < ages[k][1]]
            here = [d for d in inside if sum(line[2] for line in by_day[d]) >= 0]
            if inside or k == seen[0]:
                rows = [line for d in inside for line in by_day[d]]
                found[who, k + 1] = (
                    channel, str(start), len(here), sum(r[2] for r in rows),
                    sum(r[3] for r in rows), bool(here), seen[0] + 1, len(ages),
                )  # fmt: skip
    return found


def rows_of(answer):
    """The answer as the twin has it."""
    told = ["channel", "start", "n_orders", "sales", "profit", "here", "first_age", "n_complete"]
    return {
        (row["customer_id"], row["age"]): tuple(
            str(row[name])[:10] if name == "start" else row[name] for name in told
        )
        for row in answer.to_dict("records")
    }


def agrees_with_orders(engine, lines, length, since=None, started=None):
    """Every row is the one added up by hand."""
    lines = [("Eve", date(2022, 1, 1), 5, 1, "web"), *lines]
    frame = orders(*lines, columns=("profit", "channel")).assign(
        profit=lambda table: table["profit"].astype(float)
    )
    said = {"length": length, "as_of": AS_OF, "by": "channel"}
    if since:
        said["observed_from"] = since
    if started:
        table = pd.DataFrame(started.items(), columns=["customer_id", "start"])
        table["start"] = pd.to_datetime(table["start"]).astype("datetime64[us]")
        said["started"] = engine.table(table)
    found = engine.read(tenure_periods(engine.table(frame), **said), order=KEYS)
    assert rows_of(found) == naive_tenure(lines, length, since, started)
    assert (found["length"] == length).all()


@in_silence
@given(
    lines=st.lists(bought, max_size=12),
    length=st.sampled_from(sorted(MONTHS)),
    since=st.none() | st.just(date(2022, 9, 15)),
    started=st.none() | st.dictionaries(names, st.dates(date(2020, 1, 31), AS_OF), min_size=1),
)
def test_agrees_with_orders_added_up_window_by_window(lines, length, since, started):
    """Refunds, ends of months, gone customers, starts before the log and after the first order."""
    lines = [("Fay", date(2023, 3, 31), 5, 1, "web"), *lines]
    agrees_with_orders(Engine("pandas"), lines, length, since, started if since else None)


LINES = [
    ("Ann", date(2022, 1, 31), 9, 4, "web"), ("Ann", date(2023, 1, 30), 4, 1, "shop"),
    ("Ann", date(2023, 1, 31), 3, 1, "shop"), ("Ann", date(2024, 1, 31), -3, -1, "shop"),
    ("Bob", date(2022, 3, 1), -5, -1, None), ("Bob", date(2023, 2, 28), 5, 2, None),
    ("Bob", date(2024, 2, 29), 7, 2, "web"), ("Cem", date(2022, 11, 30), 6, 2, "web"),
    ("Cem", date(2022, 11, 30), 2, 2, "shop"), ("Cem", date(2024, 8, 1), 2, 2, "shop"),
    ("Dee", date(2024, 2, 1), 2, 2, "shop"),
]  # fmt: skip


@in_silence
@pytest.mark.parametrize("length", ["quarter"])
def test_every_engine_agrees_with_orders_added_up(engine, length):
    """With starts before the log, one of somebody who never bought in it."""
    started = {"Ann": date(2021, 8, 31), "Gil": date(2020, 2, 29), "Dee": date(2024, 2, 2)}
    agrees_with_orders(engine, LINES, length, date(2022, 3, 1), started)


def naive_contracts(rows, length, grace):
    """{(customer, age): row}, by walking through the days of each age."""
    until, found = AS_OF - timedelta(days=grace), {}
    for who in {row[0] for row in rows}:
        begun = [[s, s + timedelta(days=n) if n is not None else NEVER, *more]
                 for name, s, n, *more in rows if name == who and s <= AS_OF]  # fmt: skip
        if not begun:
            continue
        start = min(row[0] for row in begun)
        channel = least_text(row[3] for row in begun if row[0] == start)
        for renewal in sorted({row[0] for row in begun}):
            before = [row for row in begun if row[0] < renewal]
            reach = max((row[1] for row in before), default=renewal)
            if 0 < (renewal - reach).days <= grace:
                for row in before:
                    row[1] = renewal if row[1] == reach else row[1]
        ages = windows(start, length, until)
        for k, (opens, closes) in enumerate(ages):
            span = [opens + timedelta(days=i) for i in range((closes - opens).days)]
            on = [[row for row in begun if row[0] <= day < row[1]] for day in span]
            if any(on) or k == 0:
                sales = sum(row[2] for day in on for row in day) * MONTHS[length] / len(span)
                found[who, k + 1] = (
                    channel, str(start), len(on[0]), round(sales, 9),
                    round(sales * 2, 9), all(on), 1, len(ages), bool(on[0]),
                )  # fmt: skip
    return found


def agrees_with_days(engine, rows, length, grace):
    """Every row is the one that a walk through the days gives."""
    rows = [("Eve", date(2022, 1, 1), 500, 5, "web"), *rows]
    ends = [None if n is None else start + timedelta(days=n) for _, start, n, *_ in rows]
    table = contracts(
        *((who, start, end, float(paid), paid * 2.0, channel)
          for (who, start, _, paid, channel), end in zip(rows, ends, strict=True)),
        columns=("sales", "profit", "channel"),
    )  # fmt: skip
    found = contract_tenure(
        engine.table(table), length=length, as_of=AS_OF, grace=grace, by="channel"
    )
    read = engine.read(found, order=KEYS)
    mine = {key: (*row, opened) for (key, row), opened in
            zip(rows_of(read).items(), read["opened"], strict=True)}  # fmt: skip
    expected = naive_contracts(rows, length, grace)
    assert set(mine) == set(expected)
    for key, row in mine.items():
        assert row == pytest.approx(expected[key]), key


@given(
    rows=st.lists(signed, max_size=7),
    length=st.sampled_from(sorted(MONTHS)),
    grace=st.sampled_from([0, 0, 5, 40]),
)
def test_agrees_with_contracts_walked_day_by_day(rows, length, grace):
    """Contracts that overlap, touch, lapse and last no day; ends of months, pauses."""
    agrees_with_days(Engine("pandas"), rows, length, grace)


@pytest.mark.parametrize("length", ["month"])
def test_every_engine_agrees_with_contracts_walked_day_by_day(engine, length):
    """A renewal after a pause, one that comes too late, two at once, one that is running."""
    rows = [
        ("Ann", date(2022, 1, 31), 200, 5, "web"), ("Ann", date(2022, 8, 25), 400, 4, "shop"),
        ("Bob", date(2022, 2, 28), 30, 3, None), ("Bob", date(2022, 2, 28), None, 2, "web"),
        ("Cem", date(2023, 1, 31), 0, 2, "web"), ("Cem", date(2023, 3, 1), 90, 2, "web"),
        ("Cem", date(2024, 1, 1), None, 9, "web"), ("Dee", date(2024, 7, 1), None, 9, "web"),
    ]  # fmt: skip
    agrees_with_days(engine, rows, length, 10)


@in_silence
def test_what_lies_outside_and_how_lines_lie_change_nothing():
    """Shuffled, split and with lines after the last day, the answer is the same."""
    lines = orders(*LINES, columns=("profit", "channel"))
    said = {"length": "quarter", "as_of": "2024-06-30", "by": "channel"}
    once = tenure_periods(lines, **said)
    later = orders(("Eve", "2024-07-01", 5, 1, "web"), columns=("profit", "channel"))
    halves = lines.assign(sales=lines["sales"] / 2, profit=lines["profit"] / 2)
    other = pd.concat([halves, later, halves]).sample(frac=1, random_state=1)
    found = tenure_periods(other, **said)
    pd.testing.assert_frame_equal(found, once, check_dtype=False)


def test_a_customer_who_always_brings_the_same_does_so_at_every_age():
    """By calendar years the first would seem half a year; as e6 of the design has it."""
    months = pd.date_range("2020-07-01", "2023-12-01", freq="MS")
    lines = orders(*(("Ann", day, 10) for day in months))
    by_age = tenure_periods(lines, length="year", as_of="2023-12-31")
    by_year = rt.customer_periods(
        lines, freq="year", as_of="2023-12-31", observed_from="2020-01-01"
    )
    assert by_age["sales"].tolist() == [120, 120, 120]
    assert by_year["sales"].tolist() == [60, 120, 120, 120]


@in_silence
def test_an_age_counts_once_its_last_day_is_over():
    """29 February has its anniversary on 28 February, and as_of is a whole day."""
    lines = orders(("Ann", "2020-02-29", 10), ("Bob", "2020-03-01", 10))
    with pytest.raises(rt.ContentError, match="first year was over by 2021-02-26; the earliest"):
        tenure_periods(lines, length="year", as_of="2021-02-26")
    assert tenure_periods(lines, length="year", as_of="2021-02-27")["customer_id"].tolist() == [
        "Ann"
    ]
    assert tenure_periods(lines, length="year", as_of="2021-02-28")["n_complete"].tolist() == [1, 1]


def test_starts_that_are_not_known_are_left_out_and_counted():
    """The warning says how many, and started= helps."""
    lines = orders(("Ann", "2020-01-10", 10), ("Ann", "2021-06-10", 9), ("Bob", "2021-02-01", 10))
    said = {"length": "quarter", "as_of": "2021-07-31", "observed_from": "2021-01-01"}
    with pytest.warns(rt.RetentionWarning, match=r"1 customer is left out: .* Give started="):
        assert set(tenure_periods(lines, **said)["customer_id"]) == {"Bob"}
    started = pd.DataFrame({"customer_id": ["Ann"], "start": pd.to_datetime(["2020-01-10"])})
    found = tenure_periods(lines, started=started, **said)
    assert found[found["customer_id"] == "Ann"]["age"].tolist() == [5, 6]
    late = started.assign(start=pd.Timestamp("2020-02-01"))
    with pytest.warns(rt.RetentionWarning, match="1 customer is left out: by started= they began"):
        assert set(tenure_periods(lines, started=late, **said)["customer_id"]) == {"Bob"}


def test_contracts_that_began_before_are_left_out_and_counted():
    """Of their like who left by then nothing is known."""
    table = contracts(("Ann", "2020-01-10", None), ("Bob", "2021-02-01", None))
    said = {"length": "quarter", "as_of": "2021-07-31", "grace": 0}
    with pytest.warns(rt.RetentionWarning, match="1 customer is left out: they began before"):
        found = contract_tenure(table, observed_from="2021-01-01", **said)
    assert set(found["customer_id"]) == {"Bob"}
    assert found["sales"].isna().all()


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"length": "week"}, rt.RetentionError, "length must be one of 'month', 'quarter', 'year'"),
        ({"length": None}, rt.RetentionError, "length must be one of"),
        ({"observed_from": "2025-01-01"}, rt.RetentionError, "after as_of"),
        ({"by": "age"}, rt.ColumnError, "'age' is a name that answers use themselves"),
        ({"by": "region"}, rt.ColumnError, "by names 'region', which is not a column"),
        ({"as_of": "2021-01-01"}, rt.ContentError, "nothing was observed by then"),
        ({"as_of": "2022-06-30"}, rt.ContentError,
         r"No customer's first year was over by 2022-06-30; the earliest start is 2022-01-31. "
         r"Take length='quarter'"),
        ({"as_of": "2022-02-02", "length": "month"}, rt.ContentError, "Wait until one is"),
    ],
)  # fmt: skip
@in_silence
def test_what_cannot_be_counted_is_refused(said, error, message):
    """In the user's words, for orders and for contracts."""
    lines = orders(*LINES, columns=("profit", "channel"))
    asked = {"length": "year", "as_of": "2024-06-30", **said}
    with pytest.raises(error, match=message):
        tenure_periods(lines, **asked)
    table = contracts(("Ann", "2022-01-31", None), ("Bob", "2022-03-01", "2023-01-01"))
    with pytest.raises(error, match=message):
        contract_tenure(table, grace=0, **asked)


@in_silence
def test_further_refusals():
    """started= alone, several currencies of a customer, nobody whose start is known."""
    lines = orders(*LINES, columns=("profit", "channel"))
    said = {"length": "year", "as_of": "2024-06-30"}
    started = pd.DataFrame({"customer_id": ["Ann"], "start": pd.to_datetime(["2020-01-10"])})
    with pytest.raises(rt.RetentionError, match="say observed_from= as well"):
        tenure_periods(lines, started=started, **said)
    with pytest.raises(rt.ColumnError, match="Give both the same type"):
        tenure_periods(
            lines, started=started.assign(customer_id=1), observed_from="2022-01-01", **said
        )
    mixed = lines.assign(currency=["EUR", "USD"] * 5 + ["EUR"])
    with pytest.raises(rt.ContentError, match="several currencies"):
        tenure_periods(mixed, by="currency", **said)
    with pytest.raises(rt.ContentError, match="sales in 2 currencies, which cannot be added up"):
        tenure_periods(mixed, **said)
    with pytest.raises(rt.ContentError, match=r"No customer's start is known from observed_from"):
        tenure_periods(lines, observed_from="2024-06-01", **said)
    with pytest.raises(rt.RetentionError, match="grace must be a whole number of days"):
        contract_tenure(contracts(("Ann", "2022-01-31", None)), grace=-1, **said)
    kept = tenure_periods(mixed[mixed["currency"] == "EUR"], by="currency", **said)
    assert set(kept["currency"]) == {"EUR"}
    assert np.isfinite(kept["sales"]).all()
