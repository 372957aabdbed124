"""Texts as programs write them are read at once, as they are read the long way beside odd ones."""

from __future__ import annotations

import re
from datetime import datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.loading.plain_texts import _AMOUNT, _DAY, _FORMS

ROLES = {"customer_id": "who", "date": "day", "sales": "paid"}
AS_IT_IS = {"refunds": "net", "zero_orders": "count", "duplicates": "keep"}


def lines(days, paid):
    """A file of text: one customer for each line."""
    who = [f"C{i}" for i in range(len(days))]
    return pd.DataFrame({"who": who, "day": days, "paid": paid}, dtype="str")


def loaded(engine, file, **said):
    """Days and amounts as a door reads them."""
    found = engine.read(rt.as_transactions(engine.table(file), **ROLES, **AS_IT_IS, **said))
    found = found.sort_values("customer_id", ignore_index=True)
    return [str(day) for day in found["date"]], found["sales"].tolist()


stamps = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)
numbers = st.decimals(1, 10**9, places=2, allow_nan=False, allow_infinity=False)


@given(
    moments=st.lists(stamps, min_size=1, max_size=6),
    paid=st.lists(numbers, min_size=6, max_size=6),
    form=st.sampled_from(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]),
    places=st.sampled_from([0, 1, 2, 4, 5]),
)
def test_a_line_written_otherwise_changes_nothing_in_the_others(
    engine, moments, paid, form, places
):
    """One odd date and one odd amount send both columns the long way, to the same values."""
    days = [moment.strftime(form) for moment in moments]
    amounts = [f"{value:.{places}f}" for value in paid[: len(days)]]
    at_once = loaded(engine, lines(days, amounts))
    the_long_way = loaded(engine, lines([*days, " 2024-1-5 "], [*amounts, "€12.50"]))
    assert at_once[0] == the_long_way[0][:-1]
    assert at_once[1] == the_long_way[1][:-1]
    assert at_once[1] == [float(amount) for amount in amounts]


def test_every_engine_reads_plain_days_times_and_amounts(engine):
    """Values by hand: a leap day, the last second of a day, a refund, a long amount."""
    days = ["2024-02-29", "2000-02-29", "1999-12-31"]
    assert loaded(engine, lines(days, ["-12.5", "1234567.125", "0.125"])) == (
        [f"{day} 00:00:00" for day in days],
        [-12.5, 1234567.125, 0.125],
    )
    times = ["2024-02-29 23:59:59", "2024-03-01T00:00:00", "2024-03-01 12:30:05"]
    found, _ = loaded(engine, lines(times, ["1", "2", "3"]))
    assert found == [time.replace("T", " ") for time in times]


@pytest.mark.parametrize("column", ["day", "paid"])
def test_a_missing_plain_value_is_missing(engine, column):
    """Only that row is set aside."""
    file = lines(["2024-01-01", "2024-01-02"], ["1.50", "2.50"])
    file.loc[1, column] = None
    found = rt.audit(rt.as_transactions, engine.table(file), **ROLES)
    reason = engine.read(found.set_aside)["reason"].tolist()
    assert reason == [f"missing {'date' if column == 'day' else 'sales'}"]
    assert len(engine.read(found.accepted)) == 1


def test_the_pattern_of_days_holds_those_that_exist():
    """Each day from 1900 to 2199 that exists, and none that does not."""
    texts = [
        f"{year}-{month:02}-{day:02}"
        for year in (1899, 1900, 1904, 2000, 2023, 2024, 2100, 2196, 2200)
        for month in range(14)
        for day in range(33)
    ]
    real = {text for text in texts if pd.to_datetime(text, errors="coerce") is not pd.NaT}
    held = {text for text in texts if re.search(f"^(?:{_DAY})$", text)}
    assert held == {text for text in real if "1900" <= text[:4] < "2200"}
    assert all(re.search(_FORMS["second"][0], f"{text} 23:59:59") for text in held)
    assert not re.search(_FORMS["second"][0], "2024-01-01 24:00:00")


@pytest.mark.parametrize("text", ["12", "12.5", "12.50", "-3", "0.125", "1234.567", "1.2345"])
def test_amounts_that_read_one_way_are_plain(text):
    """Digits, with a point that can part no thousands."""
    assert re.search(_AMOUNT, text)


@pytest.mark.parametrize("text", ["1.234", "12.345", "1,5", "", " 1", "1e5", "+1", "1.", "1 "])
def test_amounts_that_ask_for_thought_are_not(text):
    """A point before three digits may part thousands."""
    assert not re.search(_AMOUNT, text)


def test_plain_dates_beside_what_was_said_of_dates():
    """A format or a zone decides how they are read, plain or not."""
    file = lines(["2024-01-02", "2024-01-03"], ["1", "2"])
    with pytest.raises(rt.ContentError, match="unreadable date"):
        rt.as_transactions(file, **ROLES, date_format="%d.%m.%Y")
    with pytest.raises(rt.ContentError, match="sales that is not a number"):
        rt.as_transactions(file.assign(paid=["1.50", "2.50"]), **ROLES, decimal=",")


def test_rows_left_out_may_hold_anything(engine):
    """What is written in rows that are not meant is not read."""
    file = lines(["2024-01-02", "yesterday"], ["1", "gratis"]).assign(state=["paid", "void"])
    assert loaded(engine, file, where={"state": "paid"}) == (["2024-01-02 00:00:00"], [1.0])


def test_plain_amounts_beside_cells_of_several_kinds_decide_with_them():
    """A comma in the costs is that of thousands, since the sales have decimal points."""
    file = lines(["2024-01-02", "2024-01-03"], ["1500.50", "2.50"])
    file["paid_out"] = pd.Series(["1,234", 5], dtype=object)
    read = rt.as_transactions(file, **ROLES, cost="paid_out")
    assert read["profit"].tolist() == [1500.5 - 1234, 2.5 - 5]


@pytest.mark.parametrize("dtype", ["str", object])
def test_a_line_feed_at_the_end_is_no_part_of_a_day(dtype):
    """Patterns of Python let one pass at the end."""
    for day in ("2024-01-02\n", "2024-01-02 00:00:00\n"):
        file = lines([day, "2024-01-03"], ["1.50\n", "2.50"]).astype({"day": dtype, "paid": dtype})
        days, paid = loaded(Engine("pandas"), file)
        assert [text[:10] for text in days] == ["2024-01-02", "2024-01-03"]
        assert paid == [1.5, 2.5]
