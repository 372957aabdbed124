"""Periods that are left out at the edges of a log are named, with what to say if they count."""

from __future__ import annotations

import re
import warnings

import duckdb
import pandas as pd
import pytest

import retention as rt
import shops

DAYS = ["2024-01-05", "2024-01-20", "2024-02-03", "2024-02-20", "2024-03-05", "2024-03-31"]
SHOP = [("Ann", day, 10) for day in DAYS] + [("Bob", "2024-01-20", 5), ("Bob", "2024-03-02", 5)]
MONTHS = {"freq": "month", "as_of": "2024-03-31"}


def said_by(function, *args, **say):
    """The library's warnings, and the answer."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = function(*args, **say)
    return [str(one.message) for one in caught], answer, caught


def cures_of(text):
    """The keywords that a warning tells to say."""
    return dict(re.findall(r"([a-z_]+)='([^']+)'", text))


def test_a_first_period_that_is_left_out_is_named_and_its_cure_works(engine):
    """Three orders of two customers in a January of which the first four days are unknown."""
    table = engine.table(shops.orders(*SHOP))
    (text,), answer, caught = said_by(rt.customer_periods, table, **MONTHS)
    assert text == (
        "Left out, as not observed whole: 2024-01 (3 orders of 2 customers; the first order is of "
        "2024-01-05). If the data cover the days that lack and nobody bought on them, say "
        "observed_from='2024-01-01'."
    )
    assert caught[0].filename == __file__
    assert str(engine.read(answer)["period"].min())[:10] == "2024-02-01"
    quiet, answer, _ = said_by(rt.customer_periods, table, **MONTHS, **cures_of(text))
    assert quiet == []
    assert str(engine.read(answer)["period"].min())[:10] == "2024-01-01"


@pytest.mark.parametrize(
    ("freq", "first", "last", "named"),
    [
        ("year", "2014-01-03", "2017-12-30", ["2014 (", "2017 ("]),
        ("quarter", "2024-01-02", "2024-12-31", ["2024-Q1 ("]),
        ("week", "2024-01-02", "2024-03-31", ["the week of 2024-01-01 ("]),
        ("month", "2024-01-01", "2024-04-28", ["2024-04 ("]),
        ("month", "2024-01-01", "2024-04-30", []),
        ("month", "2023-01-01", "2024-04-27", ["2024-04 ("]),  # may be whole with quiet days
        ("month", "2023-01-01", "2024-04-26", []),  # has only begun, as in every nightly run
        ("day", "2024-01-02", "2024-01-30", []),
    ],
)
def test_every_period_left_out_at_an_edge_is_named_once(freq, first, last, named):
    """Both edges in one warning; two days of four years cost two years."""
    days = pd.date_range(first, last, freq="D")
    table = shops.orders(*((f"c{i % 7}", str(day.date()), 1) for i, day in enumerate(days)))
    told, _, _ = said_by(rt.customer_periods, table, freq=freq, as_of=last)
    assert len(told) == (len(named) > 0)
    for text in told:
        assert [part for part in named if part in text] == named
        assert text.count("(") == len(named)
        window = {"as_of": last} | cures_of(text)
        _, answer, _ = said_by(rt.customer_periods, table, freq=freq, **window)
        whole = pd.Period(first, freq[0].upper()).start_time
        assert answer["period"].min() == whole
        assert said_by(rt.customer_periods, table, freq=freq, **window)[0] == []


def test_an_unfinished_period_is_no_news_unless_it_holds_a_tenth_of_the_log():
    """Every nightly run has one; of a short log it is much."""
    days = pd.date_range("2022-01-01", "2024-03-12", freq="D")
    lines = [(f"c{i % 7}", str(day.date()), 1) for i, day in enumerate(days)]
    long, short = shops.orders(*lines), shops.orders(*lines[-72:])
    say = {"freq": "month", "as_of": "2024-03-12"}
    assert said_by(rt.customer_periods, long, **say)[0] == []
    (text,), _, _ = said_by(rt.customer_periods, short, **say)
    assert "2024-03 (12 orders of 7 customers; as_of is 2024-03-12)" in text


def test_several_lines_of_one_order_are_one_order_in_the_count():
    """Orders are told apart by customer, order_id and day; what lies after as_of is not counted."""
    table = pd.DataFrame(
        {
            "customer_id": ["Ann", "Ann", "Ann", "Ann", "Bob"],
            "order_id": ["1", "1", "2", "3", "4"],
            "date": pd.to_datetime(["2024-01-05"] * 3 + ["2024-02-28", "2024-04-01"]),
            "sales": 1.0,
        }
    )
    (text,), _, _ = said_by(rt.customer_periods, table, freq="month", as_of="2024-02-29")
    assert "2024-01 (2 orders of 1 customer; the first order is of 2024-01-05)" in text


def test_no_whole_period_is_refused_with_what_would_make_one():
    """Both ends are named, and saying them answers."""
    table = shops.orders(("Ann", "2024-01-05", 1), ("Bob", "2024-02-20", 1))
    with pytest.raises(rt.ContentError) as refusal:
        rt.customer_periods(table, freq="quarter", as_of="2024-03-30")
    window = cures_of(str(refusal.value))
    assert window == {"observed_from": "2024-01-01", "as_of": "2024-03-31"}
    assert len(said_by(rt.customer_periods, table, freq="quarter", **window)[1]) == 2


def test_a_clean_log_costs_one_look_and_a_cut_one_a_second():
    """Counted are DuckDB's queries: nothing more is asked where nothing is left out."""

    def looks(lines, **say):
        connection = duckdb.connect()
        connection.execute("SET enable_profiling = 'no_output'")
        frame = shops.orders(*lines)
        connection.register("orders", frame)
        seen = []
        from retention import frames
        from retention.activity import from_purchases

        with pytest.MonkeyPatch.context() as patch:
            for module in (from_purchases, frames):
                patch.setattr(
                    module,
                    "collect",
                    lambda *a, f=frames.collect, **k: seen.append(1) or f(*a, **k),
                )
            said_by(rt.customer_periods, connection.table("orders"), **MONTHS, **say)
        return len(seen)

    assert looks(SHOP, observed_from="2024-01-01") == 0
    assert looks(SHOP) == 1


def test_report_and_recording_say_it_once():
    """In the report, in the definition of a recorded answer, and to the caller."""
    table = shops.orders(*SHOP)
    say = MONTHS | {"gap": 60, "pictures": False}
    told, report, caught = said_by(rt.retention_report, table, **say)
    assert [text for text in told if "2024-01 (3 orders of 2 customers" in text] == told
    assert len(told) == 1
    assert caught[0].filename == __file__
    assert report.to_markdown().count("Left out, as not observed whole") == 1
    told, made, _ = said_by(rt.recording.recorded, rt.customer_periods, table, **MONTHS)
    assert made.definition["warnings"] == told
    assert len(told) == 1
    assert said_by(rt.retention_report, table, **say, observed_from="2024-01-01")[0] == []
