"""Billing at the door for contracts: intervals of rows, seats, terms, lifetime deals, trials."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from retention.cli import main
from retention.loading.values.billing_intervals import months_of_interval

NAMES = {"customer_id": "who", "start": "from", "end": "to", "end_is": "first_day_out"}


def file(**columns):
    """Five contracts of a year from 1 January 2024, each of 120."""
    n = max(map(len, columns.values()), default=5)
    known = {
        "who": list("ABCDEFGH"[:n]),
        "from": ["2024-01-01"] * n,
        "to": ["2025-01-01"] * n,
        "paid": [120.0] * n,
    }
    return pd.DataFrame({**known, **columns})


def monthly(engine, table, **said):
    """What each contract brings a month, by customer."""
    out = rt.as_contracts(engine.table(table), **NAMES, **{"sales": "paid", **said})
    found = engine.read(out, order=["customer_id", "start"])
    return found["sales"].tolist()


def refused(table, **said):
    """The message with which a table is refused."""
    with pytest.raises(rt.RetentionError) as caught:
        rt.as_contracts(table, **{**NAMES, "sales": "paid", **said})
    return str(caught.value)


def test_each_row_says_what_its_amount_is_for(engine):
    """Week, month, quarter, year, once: 120 each."""
    table = file(every=["week", "Month", "QUARTERLY", " annual ", "lifetime"])
    expected = [120 / 7 * 30.4375, 120, 40, 10, 0]
    assert monthly(engine, table, sales_per="every") == pytest.approx(expected)


def test_how_many_intervals_may_stand_in_a_column_of_their_own(engine):
    """Stripe's interval and interval_count, Chargebee's billing_period and its unit; empty is 1."""
    table = file(unit=["month", "month", "year", "week", "month"], n=[3, 12, 2, 2, None])
    found = monthly(engine, table, sales_per="unit", sales_per_count="n")
    assert found == pytest.approx([40, 10, 5, 120 / 14 * 30.4375, 120])
    assert monthly(engine, table, sales_per="month", sales_per_count="n")[:2] == [40, 10]
    texts = table.assign(n=["3", "12", "2", "2", ""])
    assert monthly(engine, texts, sales_per="unit", sales_per_count="n") == found


def test_how_many_may_stand_in_the_same_cell(engine):
    """As people and programs write it."""
    table = file(every=["3 months", "P1Y", "every 2 weeks", "24 months", "Semi_Annual"])
    expected = [40, 10, 120 / 14 * 30.4375, 5, 20]
    assert monthly(engine, table, sales_per="every") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("/month", 1), ("per month", 1), ("mo", 1), ("1 month", 1), ("3month", 3), ("P3M", 3),
        ("Eighteen_Months", 18), ("Two Years", 24), ("halbjährlich", 6), ("pro Jahr", 12),
        ("mensuel", 1), ("par an", 12), ("p.a.", 12), ("Monatlich", 1), ("Quartal", 3),
        ("P1Y6M", 18), ("Half-Yearly", 6), ("one-time", 0), ("Subscription Term", -1),
    ],
)  # fmt: skip
def test_intervals_as_systems_and_people_write_them(text, months):
    """Each has one reading."""
    assert months_of_interval(text) == months


@pytest.mark.parametrize(
    "text",
    ["biweekly", "bi-monthly", "biannual", "12", "1.5 months", "0 months", "m", "P", "PT1H",
     "every", "never", "9999 years", "", "day month", "3 once", "month to month"],
)  # fmt: skip
def test_what_has_two_readings_or_none_is_not_read(text):
    """Twice a week or every second one?"""
    assert months_of_interval(text) is None


def test_an_interval_that_cannot_be_read_is_refused_with_its_rows(engine):
    """Unreadable and missing ones, each by its name."""
    table = file(every=["month", "biweekly", "", "soon", None])
    with pytest.raises(rt.ContentError) as caught:
        rt.as_contracts(engine.table(table), **NAMES, sales="paid", sales_per="every")
    assert "unreadable sales_per: 2 rows" in str(caught.value)
    assert "missing sales_per: 2 rows" in str(caught.value)
    mended = table.assign(every=["month", "2 weeks", "year", "year", "year"])
    assert monthly(engine, mended, sales_per="every")[2:] == [10, 10, 10]


def test_a_column_of_bare_numbers_is_asked_about_and_the_advice_works():
    """12 of what? The message says how to say months."""
    table = file(n=[12, 3, 1, 12, 12])
    message = refused(table, sales_per="n")
    assert "say sales_per='month' and sales_per_count='n'" in message
    out = rt.as_contracts(table, **NAMES, sales="paid", sales_per="month", sales_per_count="n")
    assert out["sales"].tolist() == [10, 40, 120, 10, 10]


def test_a_count_below_one_is_refused(engine):
    """No interval at all, or a negative number of them."""
    table = engine.table(file(n=[0, -1, 1, 1, 2]))
    with pytest.raises(rt.ContentError, match="sales_per_count that is no number of.*: 2 rows"):
        rt.as_contracts(table, **NAMES, sales="paid", sales_per="month", sales_per_count="n")


@pytest.mark.parametrize(
    ("start", "out", "months"),
    [
        ("2024-01-01", "2025-01-01", 12),
        ("2024-03-15", "2024-06-15", 3),
        ("2024-01-31", "2024-02-29", 1),
        ("2024-02-29", "2024-03-31", 1),
        ("2024-04-30", "2024-05-30", 1),
        ("2024-01-31", "2024-02-01", 1 / 30.4375),
        ("2024-01-31", "2024-03-01", 1 + 1 / 30.4375),
        ("2024-01-15", "2024-02-29", 1 + 14 / 30.4375),
        ("2024-01-15", "2024-01-25", 10 / 30.4375),
        ("2024-02-28", "2024-03-28", 1),
        ("2023-02-28", "2024-02-28", 12),
        ("2024-02-29", "2025-02-28", 12),
        ("2023-11-10", "2024-02-20", 3 + 10 / 30.4375),
    ],
)
def test_an_amount_for_the_whole_term_is_spread_over_its_months(engine, start, out, months):
    """Whole months first, then days; a month's last day stands for the later ones."""
    table = file(**{"from": [start], "to": [out], "paid": [120.0]})
    assert monthly(engine, table, sales_per="term") == pytest.approx([120 / months])


def test_a_last_day_and_a_first_day_out_of_one_term_are_one():
    """A year to 31 December is a year to 1 January."""
    table = file(to=["2024-12-31"], paid=[120.0])
    out = rt.as_contracts(table, **{**NAMES, "end_is": "last_day"}, sales="paid", sales_per="term")
    assert out["sales"].tolist() == [10.0]


def test_a_term_without_an_end_is_refused_and_the_advice_works(engine):
    """Nobody knows over how long to spread it; paid once, nothing recurs."""
    table = file(to=["2025-01-01", None], paid=[120.0, 999.0], every=["term", "term"])
    message = refused(table, sales_per="term")
    assert "amount for a term without an end: 1 row" in message
    assert "sales_per='once'" in message
    assert "amount for a term without an end: 1 row" in refused(table, sales_per="every")
    assert monthly(engine, table, sales_per="once") == [0.0, 0.0]
    table["every"] = ["term", "once"]
    assert monthly(engine, table, sales_per="every") == [10.0, 0.0]


def test_a_lifetime_deal_is_a_customer_and_brings_nothing_again(engine):
    """In force at every opening, for 0: it counts among customers, not in recurring revenue."""
    table = file(to=[None, None], paid=[499.0, 10.0], every=["lifetime", "month"])
    out = rt.as_contracts(engine.table(table), **NAMES, sales="paid", sales_per="every")
    activity = rt.contract_periods(out, freq="month", as_of="2024-03-31")
    rates = engine.read(rt.retention_rate(activity), order=["step"])
    assert rates["n_base"].tolist() == [2, 2, 2]
    money = engine.read(activity, order=["step", "customer_id"])
    assert money["sales"].tolist() == [0, 10] * 4


def test_seats_times_price_are_sales_as_for_transactions(engine):
    """Three seats of 20 a quarter are 20 a month."""
    table = file(seats=[3, 1], price=["20,00", "45,50"], paid=[0.0, 0.0])
    out = rt.as_contracts(
        engine.table(table), **NAMES, quantity="seats", unit_price="price", sales_per="quarter"
    )
    found = engine.read(out, order=["customer_id"])
    assert list(found.columns) == ["customer_id", "start", "end", "sales"]
    assert found["sales"].tolist() == pytest.approx([20, 45.5 / 3])


def test_prices_are_converted_and_seats_are_not(engine):
    """2 seats of 100 USD at 0.9 are 180."""
    table = file(seats=[2], price=[100.0], cur=["USD"])
    out = rt.as_contracts(
        engine.table(table), **NAMES, quantity="seats", unit_price="price", sales_per="month",
        currency="cur", rates={"EUR": 1, "USD": 0.9},
    )  # fmt: skip
    assert engine.read(out)["sales"].tolist() == pytest.approx([180])


TRIALS = {
    "who": ["Ann", "Bob", "Cem", "Dee", "Eve"],
    "from": ["2024-01-01"] * 5,
    "to": [None, "2024-01-15", "2024-01-10", None, "2024-03-01"],
    "paid": [10.0] * 5,
    "trial": ["2024-01-15", "2024-01-15", "2024-01-15", None, "2023-12-20"],
}


def test_who_converts_is_a_customer_from_the_end_of_the_trial(engine):
    """Ann converts; Bob and Cem end with or within it; Dee had none, Eve's was over before."""
    table = engine.table(pd.DataFrame(TRIALS))
    said = {**NAMES, "trial_end": "trial"}
    with pytest.raises(rt.ContentError, match="trial: 3 rows"):
        rt.as_contracts(table, **said)
    found = engine.read(rt.as_contracts(table, **said, trials="exclude"), order=["customer_id"])
    starts = {r.customer_id: str(r.start)[:10] for r in found.itertuples()}
    assert starts == {"Ann": "2024-01-15", "Dee": "2024-01-01", "Eve": "2024-01-01"}
    kept = engine.read(rt.as_contracts(table, **said, trials="include"), order=["customer_id"])
    assert {str(day)[:10] for day in kept["start"]} == {"2024-01-01"}
    assert len(kept) == 5


def test_the_audit_tells_trials_apart():
    """Unconverted ones, and those that are still trials as of the last observed day."""
    table = pd.DataFrame(TRIALS)
    said = {**NAMES, "trial_end": "trial", "trials": "exclude"}
    early = rt.audit(rt.as_contracts, table, **said, as_of="2024-01-12")
    reasons = early.set_aside.set_index("who")["reason"].to_dict()
    assert reasons == {
        "Ann": "trial that is not over",
        "Bob": "trial that did not convert",
        "Cem": "trial that did not convert",
    }
    late = rt.audit(rt.as_contracts, table, **said, as_of="2024-01-31")
    assert late.accepted["customer_id"].tolist() == ["Ann", "Dee", "Eve"]


def test_a_trial_with_a_last_day_is_paid_from_the_next_one():
    """end_is is said of every end in the file."""
    table = pd.DataFrame(TRIALS).head(1)
    said = {**NAMES, "end_is": "last_day", "trial_end": "trial", "trials": "exclude"}
    assert str(rt.as_contracts(table, **said)["start"][0])[:10] == "2024-01-16"
    unsaid = {**said, "end_is": "error"}
    with pytest.raises(rt.ContentError, match="end of unsaid meaning: 1 row"):
        rt.as_contracts(table, **unsaid)


def test_the_amount_of_a_term_is_for_all_of_it_trial_included():
    """A year billed once, two weeks of it free, is a year's amount a twelfth at a time."""
    table = pd.DataFrame({**TRIALS, "to": "2025-01-01", "paid": 120.0}).head(1)
    said = {**NAMES, "trial_end": "trial", "trials": "exclude"}
    out = rt.as_contracts(table, **said, sales="paid", sales_per="term")
    assert out["sales"].tolist() == [10.0]


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"quantity": "n"}, "either sales="),
        ({"quantity": "n", "unit_price": "paid"}, "either sales="),
        ({"sales": None, "unit_price": "n"}, "either sales="),
        ({"sales_per_count": "n"}, "Say what sales and profit are for"),
        ({"sales": None, "sales_per_count": "n"}, "say sales_per=, too"),
        ({"sales_per": "monthy"}, "Or say 'month'"),
        ({"sales_per": 12}, "sales_per must be the name of a column"),
        ({"trial": "n", "trial_end": "to", "sales_per": "month"}, "not both"),
        ({"trials": "exclude", "sales_per": "month"}, "trial_end="),
    ],
)
def test_what_does_not_fit_together_is_refused(said, match):
    """With what to say instead."""
    with pytest.raises(rt.RetentionError, match=match):
        rt.as_contracts(file(n=[1]), **{**NAMES, "sales": "paid", **said})


def test_intervals_are_read_from_files_and_on_the_command_line(tmp_path, capsys):
    """A word is no column of the file; a column is found in it; both in Python and typed."""
    path = tmp_path / "subscriptions.csv"
    file(every=["month", "year"], n=[3, 1], paid=[30.0, 120.0]).to_csv(path, index=False)
    for engine in ("pandas", "duckdb"):
        for said in ({"sales_per": "every", "sales_per_count": "n"}, {"sales_per": "3 months"}):
            out = rt.as_contracts(
                str(path), **NAMES, sales="paid", **said, duplicates="keep", engine=engine
            )
            assert len(rt.contract_periods(out, freq="month", as_of="2024-02-29").columns)
    words = ["kpis", str(path), "--customer-id", "who", "--start", "from", "--end", "to"]
    words += ["--end-is", "first_day_out", "--sales", "paid", "--as-of", "2024-02-29"]
    assert main([*words, "--sales-per", "every", "--sales-per-count", "n"]) == 0
    assert "100.0%" in capsys.readouterr().out
    assert main([*words, "--sales-per", "monthy"]) == 1
    assert "--sales-per names 'monthy'" in capsys.readouterr().err


def test_a_credit_is_asked_about_and_each_answer_works(engine):
    """Of a year's 120, 60 are credited for its second half: netted, or left out."""
    table = file(**{
        "who": ["A", "A"], "from": ["2024-01-01", "2024-07-01"],
        "to": ["2025-01-01", "2025-01-01"], "paid": [120.0, -60.0],
    })  # fmt: skip
    message = refused(table, sales_per="term")
    assert "sales below 0: 1 row" in message
    assert "refunds='net'" in message
    assert monthly(engine, table, sales_per="term", refunds="net") == [10.0, -10.0]
    assert monthly(engine, table, sales_per="term", refunds="drop") == [10.0]
    with pytest.raises(rt.RetentionError, match="refunds must be one of"):
        rt.as_contracts(table, **NAMES, sales="paid", sales_per="term", refunds="yes")
