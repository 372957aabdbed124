"""spells_since: what is left of a spell after a day, against a look at each spell in turn."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from lasting import contracts, day_number
from shops import orders

BEGIN, AS_OF = date(2024, 1, 1), date(2024, 3, 31)
NAMES = ["Ann", "Bob", "Cem"]

days = st.dates(BEGIN - timedelta(days=20), AS_OF + timedelta(days=20))
signed = st.tuples(st.sampled_from(NAMES), st.dates(BEGIN, AS_OF), st.none() | st.integers(0, 70))
asked = st.dictionaries(
    st.tuples(st.sampled_from([*NAMES, "Dee"]), days), st.sampled_from(["a", "b"]), min_size=1
)


def table_of(rows):
    """Contracts as (customer, start, days or None)."""
    until = lambda start, n: None if n is None else start + timedelta(days=n)  # noqa: E731
    return contracts(*((who, start, until(start, n)) for who, start, n in rows))


def customers_of(asked):
    """Customers and days as (customer, day): arm."""
    frame = pd.DataFrame(
        [(who, day, arm) for (who, day), arm in asked.items()],
        columns=["customer_id", "assigned", "arm"],
    )
    return frame.assign(assigned=pd.to_datetime(frame["assigned"]).astype("datetime64[us]"))


def naive_rows(spells, asked):
    """Each customer and day with the spell that holds the day, by looking at all of them."""
    found = {}
    for (who, day), arm in asked.items():
        n, row = day_number(day), (None, None, None, False, "not a customer on that day")
        for spell in spells[spells["customer_id"] == who].to_dict("records"):
            start, lasted = day_number(spell["start"]), spell["duration"]
            if start > n or (spell["churned"] and n >= start + lasted):
                continue
            if n > start + lasted:
                row = (None, None, None, False, "observation ended before that day")
                continue
            ahead = spell["entry"] - (n - start)
            why = spell["set_aside"] if isinstance(spell["set_aside"], str) else None
            row = (n - start, start + lasted - n, ahead if ahead > 0 else None,
                   spell["churned"], why)  # fmt: skip
        found[who, pd.Timestamp(day)] = (arm, *row)
    return found


def agrees_with_a_look_at_each(engine, rows, asked, observed_from=None):
    """Every row of the answer is the one found by hand."""
    spells = rt.contract_spells(
        engine.table(table_of(rows)), as_of=AS_OF, grace=3, observed_from=observed_from
    )
    given = engine.table(customers_of(asked))
    answer = engine.read(rt.spells.spells_since(spells, given, since="assigned", keep="arm"))
    mine = {}
    for row in answer.replace({np.nan: None, pd.NaT: None}).to_dict("records"):
        told = [row[name] for name in ("arm", "tenure", "duration", "entry", "churned")]
        mine[row["customer_id"], pd.Timestamp(row["since"])] = (*told, row["set_aside"])
    assert len(answer) == len(asked)
    assert mine == naive_rows(engine.read(spells), asked)


@given(rows=st.lists(signed, max_size=6), asked=asked, late=st.booleans())
def test_agrees_with_a_look_at_each_spell(rows, asked, late):
    """Starts, ends, renewals within the grace, late entry, days before and after all of it."""
    rows = [("Ann", BEGIN, 30), *rows]
    observed_from = BEGIN + timedelta(days=20) if late else None
    agrees_with_a_look_at_each(Engine("pandas"), rows, asked, observed_from)


def test_every_engine_agrees_with_a_look_at_each_spell(engine):
    """A day of each kind: before, within, at the end, after what was seen; and a stranger."""
    rows = [("Ann", BEGIN, 30), ("Ann", BEGIN + timedelta(days=60), None), ("Bob", BEGIN, 80)]
    asked = {
        (who, BEGIN + timedelta(days=n)): "a"
        for who in ("Ann", "Bob", "Dee")
        for n in (-1, 0, 29, 30, 70, 80, 87, 95)
    }
    agrees_with_a_look_at_each(engine, rows, asked, BEGIN + timedelta(days=10))


def test_of_one_start_the_curve_since_a_day_is_the_conditional_one():
    """S(tenure + t) / S(tenure), at every t."""
    ends = [5, 10, 10, 20, 25, 40, 55, None, None]
    table = table_of([(f"c{i}", BEGIN, n) for i, n in enumerate(ends)])
    spells = rt.contract_spells(table, as_of=AS_OF, grace=0)
    asked = customers_of({(f"c{i}", BEGIN + timedelta(days=15)): "a" for i in range(len(ends))})
    since = rt.spells.spells_since(spells, asked, since="assigned", keep="arm")
    assert since["set_aside"].notna().sum() == 3
    whole = rt.survival_curve(spells).set_index("duration")["survival"]
    later = rt.survival_curve(since, by="arm").set_index("duration")["survival"]
    for t in (5, 10, 25, 40):
        assert later[t] == pytest.approx(whole[15 + t] / whole[10])


def test_of_purchases_who_is_silent_is_a_customer_until_it_is_known():
    """Ann's silence of 30 days ends on the 40th day; on the 39th she is still a customer."""
    lines = orders(("Ann", "2024-01-01", 5), ("Ann", "2024-01-11", 5), ("Bob", "2024-03-01", 5))
    spells = rt.purchase_spells(lines, gap=30, as_of=AS_OF)
    asked = customers_of({("Ann", date(2024, 2, 9)): "a", ("Ann", date(2024, 2, 10)): "a"})
    since = rt.spells.spells_since(spells, asked, since="assigned")
    assert since["duration"].fillna(-1).tolist() == [1, -1]
    assert since["set_aside"].fillna("").tolist() == ["", "not a customer on that day"]


def test_what_is_missing_is_set_aside():
    """No day, no customer: a row each, with its reason."""
    spells = rt.contract_spells(table_of([("Ann", BEGIN, None)]), as_of=AS_OF, grace=0)
    asked = customers_of({("Ann", BEGIN): "a", ("Bob", BEGIN): "b"})
    asked["assigned"] = asked["assigned"].where(asked["customer_id"] == "Ann")
    asked = pd.concat([asked, asked.tail(1)])
    since = rt.spells.spells_since(spells, asked, since="assigned", keep="arm")
    assert since["set_aside"].fillna("").tolist() == ["", "no day is said", "no day is said"]
    assert since["since"].isna().tolist() == [False, True, True]


def test_what_cannot_be_counted_is_refused():
    """Each refusal says what to do, and that helps."""
    spells = rt.contract_spells(table_of([("Ann", BEGIN, None)]), as_of=AS_OF, grace=0)
    asked = customers_of({("Ann", BEGIN): "a"})

    def ask(spells=spells, asked=asked, **said):
        return rt.spells.spells_since(spells, asked, **{"since": "assigned", **said})

    for said, error, message in [
        ({"asked": pd.concat([asked, asked])}, rt.ContentError,
         "1 customer has several rows on one day, such as 'Ann'. Keep one of them"),
        ({"spells": pd.concat([spells, spells])}, rt.ContentError,
         "1 customer has several spells that run on one day"),
        ({"spells": spells.assign(reactivation="same_spell")}, rt.RetentionError,
         "Make them with reactivation='new_spell'"),
        ({"since": "asigned"}, rt.ColumnError, "lacks 'asigned'"),
        ({"since": 3}, rt.RetentionError, "since must name the column"),
        ({"since": "arm"}, rt.ColumnError, "'arm' .* must be dates"),
        ({"keep": "segment"}, rt.ColumnError, "keep names 'segment', which is not a column"),
        ({"keep": "churned"}, rt.ColumnError, "'churned' is a name that answers use"),
        ({"asked": asked.assign(customer_id=1)}, rt.ColumnError, "Give both the same type"),
        ({"asked": asked.assign(assigned=asked["assigned"].dt.tz_localize("UTC"))},
         rt.ColumnError, "has the time zone UTC"),
        ({"spells": asked}, rt.ColumnError, "spells"),
    ]:  # fmt: skip
        with pytest.raises(error, match=message):
            ask(**said)
    assert len(ask(asked=pd.concat([asked, asked]).drop_duplicates())) == 1


def test_nobody_asked_is_an_empty_table():
    """With the columns of any other."""
    spells = rt.contract_spells(table_of([("Ann", BEGIN, None)]), as_of=AS_OF, grace=0)
    none = rt.spells.spells_since(spells, customers_of({("Ann", BEGIN): "a"}).head(0),
                                  since="assigned", keep="arm")  # fmt: skip
    assert len(none) == 0
    assert list(none.columns)[-1] == "arm"


@pytest.mark.parametrize("name", ["_day", "_Tenure", "tenure", "churned", "spell"])
def test_a_kept_column_that_the_answer_has_too_is_refused(name):
    """It ended in an error of the engine's."""
    spells = rt.contract_spells(table_of([("Ann", BEGIN, 40)]), as_of=AS_OF, grace=0)
    customers = pd.DataFrame({"customer_id": ["Ann"], "day": [pd.Timestamp(BEGIN)], name: [1]})
    with pytest.raises(rt.ColumnError, match=f"keep: '{name}' is a name that answers use"):
        rt.spells.spells_since(spells, customers, since="day", keep=name)
