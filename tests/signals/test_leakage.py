"""leakage_check: what was known of each table on a day, against loops; planted leaks are found."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from planted import PLANTED, draw_of_build, sums_of_whole_log, with_leaks

DAY = date(2024, 3, 1)
CUT = pd.Timestamp("2024-03-01")


def moments(*values):
    """Days as a column, None missing."""
    return pd.to_datetime(pd.Series(list(values), dtype=object)).astype("datetime64[us]")


def tables_known(tables, *, day=DAY, **further):
    """What build is given on a day, by name: caught on the way."""
    caught = []

    def build(given, of):
        caught.append((given, of))
        return pd.DataFrame({"customer_id": ["Ann"]})

    rt.signals.leakage_check(build, tables, dates=[day], **further)
    assert [of for _, of in caught] == [day, day]
    assert all(caught[0][0][name] is table for name, table in tables.items())
    return caught[1][0]


def rows_of(table):
    """Rows as Python values, None missing, days as days from the first of March."""

    def plain(value):
        if pd.isna(value):
            return None
        return (value - CUT).days if isinstance(value, pd.Timestamp) else value

    return [tuple(map(plain, row)) for row in table.itertuples(index=False)]


SOONER_OR_LATER = st.integers(-3, 3)
MAYBE = st.none() | SOONER_OR_LATER
NEVER_VACUOUS = (9, None, 9, None, None)


def at(number):
    """A day so many days from the first of March."""
    return None if number is None else CUT + pd.Timedelta(days=number)


@given(rows=st.lists(st.tuples(SOONER_OR_LATER, MAYBE, SOONER_OR_LATER, MAYBE, MAYBE), max_size=6))
def test_agrees_with_a_look_at_each_invoice(rows):
    """Not there if dated or learnt later; paid and queried only once they were; due all along."""
    rows = [*rows, (-3, None, 5, 1, -1), NEVER_VACUOUS]
    table = pd.DataFrame({"customer_id": [f"C{i}" for i in range(len(rows))], "amount": 5.0})
    for place, name in enumerate(("date", "known", "due", "paid", "queried")):
        table[name] = moments(*(at(row[place]) for row in rows))
    then = [None if value is None or value > 0 else value for row in rows for value in row[3:]]
    expected = [
        (f"C{i}", 5.0, *row[:3], *then[2 * i : 2 * i + 2])
        for i, row in enumerate(rows)
        if row[0] <= 0 and (row[1] is None or row[1] <= 0)
    ]
    assert rows_of(tables_known({"invoices": table})["invoices"]) == expected


@given(rows=st.lists(st.tuples(SOONER_OR_LATER, MAYBE), max_size=6))
def test_contracts_that_ended_later_run_and_nobody_knows_why_they_end(rows):
    """Starts after the day are not there; ends after it are open, their reason unsaid."""
    rows = [*rows, (-2, 2), (8, None)]
    table = pd.DataFrame(
        {
            "customer_id": range(len(rows)),
            "start": moments(*(at(start) for start, _ in rows)),
            "end": moments(*(at(end) for _, end in rows)),
            "reason": ["price" if end is not None else None for _, end in rows],
        }
    )
    expected = [
        (i, start, end, "price") if end is not None and end <= 0 else (i, start, None, None)
        for i, (start, end) in enumerate(rows)
        if start <= 0
    ]
    assert rows_of(tables_known({"contracts": table})["contracts"]) == expected


HOURS = st.none() | st.sampled_from([0.0, 5.0, 13.0, 14.0, 30.0, 80.0])
NINE_TO_FIVE = "mon-fri 09:00-17:00"


def passed_hours(begun, *, worked):
    """Hours from a moment to the end of the first of March, a Friday: all, or those of the desk."""
    moment, hours, end = begun, 0, datetime(2024, 3, 2)
    while moment < end:
        hours += not worked or (moment.weekday() < 5 and 9 <= moment.hour < 17)
        moment += timedelta(hours=1)
    return hours


def is_open(value, left, worked):
    """Whether it took until the next day; by the clock of a desk, beyond its closing."""
    return value > left if worked else value >= left


@pytest.mark.parametrize("worked", [False, True])
@given(rows=st.lists(st.tuples(st.integers(0, 47), HOURS, HOURS, HOURS), min_size=1, max_size=5))
def test_agrees_with_a_look_at_each_hour_of_contacts(rows, worked):
    """What took until the next day is open, by the clock of the desk where the table has one."""
    begun = [datetime(2024, 2, 29) + timedelta(hours=hour) for hour, *_ in rows]
    table = pd.DataFrame({"customer_id": range(len(rows)), "date": begun})
    for place, name in enumerate(("first_response", "resolution", "unsatisfied"), 1):
        table[f"{name}_hours"] = pd.Series([row[place] for row in rows], dtype=float)
    table["right_first_time"] = 1.0
    if worked:
        table["business_hours"] = NINE_TO_FIVE
    table = pd.concat([table, table.tail(1).assign(date=datetime(2024, 3, 9))], ignore_index=True)
    known = tables_known({"contacts": table})["contacts"]
    expected = []
    for moment, (_, *hours) in zip(begun, rows, strict=True):
        left = passed_hours(moment, worked=worked)
        then = [None if value is None or is_open(value, left, worked) else value for value in hours]
        right = 1.0 if then[1:] == hours[1:] else None
        expected.append((*then, right))
    names = ["first_response_hours", "resolution_hours", "unsatisfied_hours", "right_first_time"]
    assert rows_of(known[names]) == expected


def test_spells_snapshots_offers_and_tables_of_ones_own():
    """Spells go on, labels are not known, answers have not come, nor what filled_later names."""
    company = rt.sample_company(60, seed=4)
    spells = rt.purchase_spells(company.orders, gap=90, as_of="2024-12-31")
    seen = pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob", "Cem"],
            "as_of": [at(-40), at(-20), at(9)],
            "churned": [1.0, 0.0, None],
            "known_on": [at(-10), at(10), None],
        }
    )
    offers = pd.DataFrame({"customer_id": ["Ann", "Bob"], "date": [at(-3)] * 2})
    offers["responded"] = moments(at(-1), at(2))
    mine = offers.rename(columns={"responded": "closed"}).assign(paid=[True, False])
    given = {"spells": spells, "seen": seen, "offers": offers, "mine": mine}
    known = tables_known(given, filled_later={"mine": "closed"})
    expected = rt.survival.scores.known_by_then.spells_cut_off(spells, DAY)
    pd.testing.assert_frame_equal(known["spells"], expected)
    assert known["spells"]["end"].dropna().le(CUT).all()
    assert spells["end"].gt(CUT).any()
    assert rows_of(known["seen"][["customer_id", "churned"]]) == [("Ann", 1.0), ("Bob", None)]
    assert rows_of(known["offers"]) == [("Ann", -3, -1), ("Bob", -3, None)]
    assert rows_of(known["mine"]) == [("Ann", -3, -1, True), ("Bob", -3, None, False)]
    assert rows_of(tables_known({**given, "mine": mine})["mine"])[1][2] == 2


def leaky(tables, day):
    """Honest days of silence, and four averages and sums of the whole log."""
    log = tables["orders"]
    past = log[log["date"] <= pd.Timestamp(day)].groupby("customer_id")
    made = pd.DataFrame({"days_silent": (pd.Timestamp(day) - past["date"].max()).dt.days})
    return made.reset_index().merge(sums_of_whole_log(log), on="customer_id", how="left")


def test_planted_leaks_are_found_four_of_four_and_nothing_else():
    """Columns over the whole log differ, however harmless their AUC."""
    orders = rt.sample_company(150, seed=3).orders[["customer_id", "date", "sales"]]
    days = ["2023-06-30", "2024-03-31"]
    found = rt.signals.leakage_check(leaky, {"orders": orders}, dates=days)
    assert list(found["date"].unique()) == [pd.Timestamp(each) for each in days]
    for _, part in found.groupby("date"):
        assert set(part.loc[part["leaks"], "column"]) == {*PLANTED}
        assert (part["leaks"] == (part["n_different"] > 0)).all()
    clean = found[~found["leaks"]]
    assert clean["largest_difference"].isna().all()
    assert clean["first_customer"].isna().all()


@pytest.mark.parametrize("seed", range(4))
def test_honest_builds_have_no_leak_beside_the_planted(seed):
    """Snapshots and purchase_features of random companies and days: equal to the last digit."""
    drawn = draw_of_build(seed)
    found = rt.signals.leakage_check(with_leaks(drawn), {"orders": drawn.orders}, dates=drawn.day)
    assert set(found.loc[found["leaks"], "column"]) == {*PLANTED}
    assert len(found) > 20


def test_differences_are_counted_by_hand():
    """A number, a text, a day, a gap, a flag; a customer of one side; a column of one side."""
    log = pd.DataFrame({"customer_id": ["Ann"] * 2, "date": [at(0), at(5)], "sales": 1.0})
    whole = {
        "customer_id": ["Ann", "Bob", "Cem"],
        "number": [1.0, 2.0, 3.0],
        "text": ["a", None, "c"],
        "day": moments(at(0), at(1), None),
        "flag": [True, True, False],
        "rounded": [0.1 + 0.2, 1e9, 0.0],
        "later": [1, 2, 3],
    }
    then = {
        "customer_id": ["Cem", "Ann", "Dee"],
        "number": [5.5, 1.0, 0.0],
        "text": [None, "a", "d"],
        "day": moments(at(3), at(4), None),
        "flag": [False, False, True],
        "rounded": [-1e-16, 0.3, 0.0],
    }
    asked = [pd.DataFrame(whole), pd.DataFrame(then)]
    found = rt.signals.leakage_check(lambda *_: asked.pop(0), {"log": log}, dates=DAY)
    told = found.set_index("column")[["n_different", "first_customer", "largest_difference"]]
    assert {name: rows_of(told.loc[[name]])[0] for name in told.index} == {
        "customer_id": (2, "Bob", None),
        "number": (1, "Cem", 2.5),
        "text": (1, "Cem", None),
        "day": (2, "Ann", 4.0),
        "flag": (1, "Ann", 1.0),
        "rounded": (0, None, None),
        "later": (2, "Ann", None),
    }
    assert (found["n_rows"] == 3).all()


def test_every_engine_is_cut_and_compared_alike(engine):
    """The tables are cut and the answers compared in their kind, with the same verdicts."""
    orders = rt.sample_company(40, seed=3).orders[["customer_id", "date", "sales"]]
    orders["paid"] = (orders["date"] + pd.Timedelta(days=20)).where(orders["sales"] > 30)
    day = "2024-03-31"

    def build(tables, of):
        assert engine.is_mine(tables["orders"])
        log = engine.read(tables["orders"])
        log["date"] = log["date"].dt.tz_localize(None)  # the user's are moments on Spark, in UTC
        made = leaky({"orders": log}, of)
        paid = log.dropna(subset="paid").groupby("customer_id").size()
        return engine.table(made.assign(n_paid=made["customer_id"].map(paid).fillna(0)))

    found = engine.read(
        rt.signals.leakage_check(build, {"orders": engine.table(orders)}, dates=day)
    )
    assert set(found.loc[found["leaks"], "column"]) == {*PLANTED, "n_paid"}
    assert found.loc[found["column"] == "days_silent", "n_different"].tolist() == [0]


def test_what_cannot_be_checked_is_refused_and_its_advice_holds():
    """Each message says what to do, and that works."""
    orders = pd.DataFrame({"customer_id": ["Ann", "Bob"], "date": [at(-5), at(5)], "sales": 1.0})
    customers = pd.DataFrame({"customer_id": ["Ann"], "plan": ["basic"]})

    def build(tables, day):
        return tables["orders"][["customer_id", "sales"]]

    def check(made=build, tables=None, dates=DAY, **further):
        given = {"orders": orders} if tables is None else tables
        return rt.signals.leakage_check(made, given, dates=dates, **further)

    with pytest.raises(rt.errors.RetentionError, match="build must be a function of the tables"):
        check(made="features")
    with pytest.raises(rt.errors.RetentionError, match="tables must be tables by name"):
        check(tables=orders)
    with pytest.raises(
        rt.errors.ColumnError, match=r"customers has no column 'date'.*Leave it out"
    ):
        check(tables={"orders": orders, "customers": customers})
    with pytest.raises(rt.errors.ColumnError, match="'date' must be dates"):
        check(tables={"orders": orders.assign(date="2024-01-01")})
    zoned = orders.assign(date=orders["date"].dt.tz_localize("Europe/Berlin"))
    with pytest.raises(rt.errors.ColumnError, match="time zone Europe/Berlin"):
        check(tables={"orders": zoned})
    with pytest.raises(rt.errors.ContentError, match="after 2024-03-06 nothing came that could"):
        check(dates=["2024-03-01", "2024-03-06"])
    with pytest.raises(
        rt.errors.ContentError, match="by 2024-01-01 nothing was known.*later dates"
    ):
        check(dates="2024-01-01")
    with pytest.raises(rt.errors.ContentError, match="there is no row in any"):
        check(tables={"orders": orders.head(0)})
    with pytest.raises(rt.errors.RetentionError, match="dates: name at least one day"):
        check(dates=[])
    with pytest.raises(rt.errors.RetentionError, match="filled_later names 'tickets'"):
        check(filled_later={"tickets": "closed"})
    with pytest.raises(rt.errors.ColumnError, match="filled_later names 'clsed'"):
        check(filled_later={"orders": ["clsed"]})
    with pytest.raises(rt.errors.ColumnError, match="its table lacks 'customer_id'"):
        check(made=lambda tables, day: tables["orders"][["sales"]])
    with pytest.raises(rt.errors.ContentError, match="several rows of Ann"):
        check(made=lambda tables, day: pd.concat([tables["orders"]] * 2))
    with pytest.raises(rt.errors.TableError):
        check(made=lambda tables, day: 7)
    assert check()["leaks"].tolist() == [True, False]
    assert not np.isnan(check()["n_rows"]).any()
