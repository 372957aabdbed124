"""Months and quarters where a day is meant: read as their first day, and said so."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

import retention as rt

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
MARCH = pd.Timestamp("2024-03-01")


def file(*days):
    """Orders at those times."""
    return pd.DataFrame({"who": range(len(days)), "day": list(days), "paid": 1.0})


def dates(engine, days, **said):
    """The dates that a door makes of them, or why a row is set aside."""
    audit = rt.audit(rt.as_transactions, engine.table(file(*days)), **NAMES, **said)
    good = engine.read(audit.accepted).set_index("customer_id")["date"].map(pd.Timestamp).to_dict()
    bad = engine.read(audit.set_aside).set_index("who")["reason"].to_dict()
    return [good.get(i, bad.get(i)) for i in range(len(days))]


def test_months_and_quarters_are_their_first_day_also_beside_days(engine):
    """However they are written; what is no month does not exist."""
    expected = dict.fromkeys(
        ["2024-03", "2024/3", "03.2024", "3/2024", "Mar 2024", "march-2024", "2024 Mar"], MARCH
    ) | {
        "2024-Q1": pd.Timestamp("2024-01-01"),
        "Q4 2023": pd.Timestamp("2023-10-01"),
        "2024-03-05 10:00": pd.Timestamp("2024-03-05 10:00"),
        "5 Mar 2024": pd.Timestamp("2024-03-05"),
        "2024-13": "date that does not exist",
        "00/2024": "date that does not exist",
        "202403": "ambiguous date",
        "2024-Q5": "unreadable date",
        "Mar 24": "unreadable date",
    }
    assert dates(engine, list(expected)) == list(expected.values())


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("2024-03", "%Y-%m"),
        ("03/2024", "%m/%Y"),
        ("Mar 2024", "%b %Y"),
        ("2024 march", "%Y %b"),
    ],
)
def test_a_note_counts_months_and_names_the_format_that_means_them(engine, text, date_format):
    """Which reads them without a word."""
    table = engine.table(file(text, text))
    with pytest.warns(rt.RetentionWarning, match="months in date column 'day': 2 rows") as told:
        rt.as_transactions(table, **NAMES)
    assert f"date_format='{date_format}'" in str(told[0].message).replace("`", "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = rt.as_transactions(table, **NAMES, date_format=date_format)
    assert engine.read(made)["date"].map(pd.Timestamp).tolist() == [MARCH, MARCH]


def test_months_as_numbers_or_six_digits_are_asked_about_with_their_format(engine):
    """201203 could be a day in 2012, 2003 or 2020."""
    for value in (201203, "201203"):
        table = engine.table(file(value))
        with pytest.raises(rt.ContentError, match="date_format='%Y%m'"):
            rt.as_transactions(table, **NAMES)
        made = engine.read(rt.as_transactions(table, **NAMES, date_format="%Y%m"))
        assert made["date"].map(pd.Timestamp).tolist() == [pd.Timestamp("2012-03-01")]


def test_a_format_without_a_month_is_refused():
    """A year is no day."""
    with pytest.raises(rt.RetentionError, match="'%Y' tells no month.*'%Y-%m'"):
        rt.as_transactions(file("2024"), **NAMES, date_format="%Y")


@pytest.mark.parametrize("said", [{}, {"date_format": "%Y-%m"}])
@pytest.mark.filterwarnings("ignore:contracts. nothing is refused:retention.RetentionWarning")
def test_a_contract_that_ends_in_a_month_runs_to_its_last_day_or_out_on_its_first(engine, said):
    """In force in February of a leap year up to the 29th; renewal in March has no gap."""
    frame = pd.DataFrame(
        {"who": ["Ann", "Ann"], "from": ["2024-01", "2024-03"], "until": ["2024-02", "2024-12"]}
    )
    named = {"customer_id": "who", "start": "from", "end": "until"}
    made = rt.as_contracts(engine.table(frame), **named, **said, end_is="last_day")
    ends = engine.read(made, order=["start"])["end"].map(pd.Timestamp).tolist()
    assert ends == [MARCH, pd.Timestamp("2025-01-01")]
    out = rt.as_contracts(engine.table(frame), **named, **said, end_is="first_day_out")
    ends = engine.read(out, order=["start"])["end"].map(pd.Timestamp).tolist()
    assert ends == [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-12-01")]


def test_a_quarter_at_the_end_of_a_contract_runs_to_its_last_day():
    """2024-Q1 as the last day is the 31st of March."""
    frame = pd.DataFrame({"who": ["Ann"], "from": ["2024-01-01"], "until": ["2024-Q1"]})
    with pytest.warns(rt.RetentionWarning, match="months in end column 'until': 1 row"):
        made = rt.as_contracts(
            frame, customer_id="who", start="from", end="until", end_is="last_day"
        )
    assert made["end"].tolist() == [pd.Timestamp("2024-04-01")]


def test_months_are_read_from_a_file(tmp_path):
    """A CSV's column of months is not taken for days or numbers."""
    path = tmp_path / "months.csv"
    path.write_text("who,day,paid\nAnn,2024-03,10\nBob,2024-04,10\n")
    made = rt.as_transactions(path, **NAMES, date_format="%Y-%m")
    assert made["date"].tolist() == [MARCH, pd.Timestamp("2024-04-01")]
