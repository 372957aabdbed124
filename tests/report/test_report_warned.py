"""The report's part on what warned of those who left."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from parts import the_part

pytestmark = pytest.mark.once


FIRST = pd.Timestamp("2023-01-01")
SAID = {"as_of": "2024-12-31", "freq": "quarter", "pictures": False}


def day(number):
    """A day by its number."""
    return FIRST + pd.Timedelta(days=number)


def contracts_of(n):
    """Every third leaves, one a day from the 200th on."""
    rows = [(f"c{i:03}", day(0), day(200 + i) if i % 3 == 0 else pd.NaT) for i in range(n)]
    table = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    return rt.as_contracts(
        table, customer_id="customer_id", start="start", end="end", end_is="first_day_out"
    )


def alarms_of(n, *, signal, rings):
    """Rings for whom it is said, a month before the customer's day."""
    told = [(f"c{i:03}", day(170 + i), signal) for i in range(n) if rings(i)]
    return pd.DataFrame(told, columns=["customer_id", "date", "signal"])


def section(table, alarms, **said):
    """The part of the report."""
    with the_part("warned"):
        report = rt.retention_report(table, alarms=alarms, **(SAID | said))
    found = [part for part in report.sections if part.key == "warned"]
    assert len(found) == 1
    return found[0]


def test_a_sign_of_all_who_leave_is_named_beside_chance():
    """It rang for each of the thirty leavers a month before, and for nobody else."""
    alarms = alarms_of(90, signal="late invoice", rings=lambda i: i % 3 == 0)
    found = section(contracts_of(90), alarms)
    assert found.finding.startswith("After “late invoice” 100.0% (")
    assert "of the customers were lost within 90 days, of any day's customers" in found.finding
    assert found.finding.endswith("it had rung for 100.0% of those who were lost.")
    worth, early = found.grids
    assert worth.rows[0][:3] == ("late invoice", "30", "100.0%")
    shares = early.rows[0][1:]
    assert shares == ("100.0%", "100.0%", "100.0%", "100.0%", "0.0%", "0.0%")


def test_a_signal_that_rings_for_anybody_warns_of_nobody():
    """Everybody is rung for, a third leaves: no louder than the bounds allow."""
    alarms = alarms_of(90, signal="newsletter", rings=lambda i: i % 3 == 1)
    assert "Nothing warned: after “newsletter”" in section(contracts_of(90), alarms).finding


def test_with_orders_it_is_said_what_a_silence_foresees():
    """A loss by silence is foreseen by silence."""
    company = rt.sample_company(400, seed=1)
    orders = rt.as_transactions(
        company.orders, customer_id="customer_id", date="date", sales="sales", refunds="net"
    )
    bad = company.contacts[~(company.contacts["first_response_hours"] <= 24)]
    alarms = bad[["customer_id", "date"]].assign(signal="answered late")
    found = section(orders, alarms, gap=120, pictures=True, observed_from="2022-01-01")
    assert any("silent for 120 days here" in note for note in found.notes)
    assert [picture.title for picture in found.pictures] == [
        "Of all who were lost, for how many it rang so early"
    ]
    assert "within 210 days" in found.finding or found.finding.startswith("Nothing warned")


@pytest.mark.parametrize(
    ("alarms", "finding"),
    [
        (alarms_of(3, signal="x", rings=lambda i: True), "Too few alarms"),
        (
            alarms_of(3, signal="x", rings=lambda i: True).assign(date=day(-9)),
            "No alarm rang in the time that the file covers.",
        ),
    ],
)
def test_few_alarms_and_none_are_told(alarms, finding):
    """Nothing is made of them."""
    assert section(contracts_of(90), alarms).finding.startswith(finding)


def test_two_alarms_of_a_day_are_one_and_engines_agree():
    """Rung twice by two systems."""
    pl = pytest.importorskip("polars")
    alarms = alarms_of(90, signal="late invoice", rings=lambda i: i % 3 == 0)
    twice = pd.concat([alarms, alarms.assign(date=alarms["date"] + pd.Timedelta(hours=5))])
    once = section(contracts_of(90), alarms)
    assert section(contracts_of(90), twice) == once
    assert section(pl.from_pandas(contracts_of(90)), pl.from_pandas(twice)) == once


def test_without_alarms_there_is_no_such_part():
    """Nobody asked."""
    report = rt.retention_report(contracts_of(90), **SAID)
    assert "warned" not in [part.key for part in report.sections]


def test_more_signals_than_one_can_tell_apart_are_drawn_in_part():
    """The table has all nine, the picture eight, and says so."""
    names = [f"s{n}" for n in range(9)]
    parts = [alarms_of(90, signal=name, rings=lambda i: i % 3 == 0) for name in names]
    found = section(contracts_of(90), pd.concat(parts), pictures=True)
    assert [row[0] for row in found.grids[0].rows] == names
    assert found.pictures[0].title.endswith("the 8 signals after which most were lost")
    assert "“s8”" not in found.pictures[0].told


@pytest.mark.parametrize("name", ["customer_id", "date", "signal"])
def test_alarms_that_do_not_say_enough_are_refused(name):
    """None is left out in silence, not even one without a day."""
    alarms = alarms_of(90, signal="s", rings=lambda i: i % 3 == 0)
    blank = alarms.assign(**{name: alarms[name].where(alarms.index > 1)})
    with pytest.raises(rt.ContentError, match=f"alarms: 2 rows have no {name}. Leave them out."):
        section(contracts_of(90), blank)
    assert section(contracts_of(90), blank.dropna()).grids[0].rows[0][1] == "28"
