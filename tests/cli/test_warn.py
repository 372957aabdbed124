"""retention warn: who has been silent for too long, in the library's numbers."""

from __future__ import annotations

import json

import pytest

import retention as rt
from retention.cli import main

ASKED = ["--refunds", "net", "--as-of", "2024-12-31"]


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """The sample company's orders as a file."""
    path = tmp_path_factory.mktemp("warn") / "orders.csv"
    rt.sample_company(300, seed=1).orders.to_csv(path, index=False)
    return path


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in ("warn", *words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_whoever_rings_is_listed_newest_alarm_first(orders, capsys):
    """As `silence_alarms` says it; who does not ring is counted alone."""
    code, out, err = run(capsys, orders, *ASKED, "--false-alarms", "3", "--format", "json")
    lines = rt.as_transactions(
        orders, customer_id="customer_id", date="date", sales="sales", refunds="net"
    )
    every = rt.signals.silence_alarms(lines, as_of="2024-12-31", false_alarms=3)
    rung = every[every["rings"]]
    found = json.loads(out)
    assert code == 0
    assert {row["customer_id"] for row in found} == set(rung["customer_id"])
    days = [row["rings_on"] for row in found]
    assert days == sorted(days, reverse=True)
    assert f"{len(rung)} of 300 customers have been silent for longer" in err


def test_people_see_few_columns(orders, capsys):
    """The chance of such a silence among those who are here, and that of being gone."""
    code, out, _ = run(capsys, orders, *ASKED, "--false-alarms", "3")
    assert code == 0
    heads = ["customer_id", "days_since_last", "rings_on", "p_silence", "p_gone"]
    assert out.splitlines()[0].split() == heads
    assert "%" in out.splitlines()[1]


def test_how_many_false_alarms_are_borne_must_be_said(orders, capsys):
    """It is a policy: nobody else knows how much time there is for calls."""
    code, out, err = run(capsys, orders, *ASKED)
    assert (code, out) == (2, "")
    assert "Say --false-alarms" in err


def test_whoever_rings_on_one_day_stands_in_the_order_of_customers(orders, capsys):
    """Of equal days the first customer comes first, as in every other table."""
    _, out, _ = run(capsys, orders, *ASKED, "--false-alarms", "30", "--format", "json")
    found = [(row["rings_on"], row["customer_id"]) for row in json.loads(out)]
    days = [day for day, _ in found]
    assert len(set(days)) < len(days)
    assert found == sorted(sorted(found), key=lambda row: row[0], reverse=True)


def test_refusals_name_the_option(orders, capsys):
    """As it is typed here."""
    code, _, err = run(capsys, orders, *ASKED, "--false-alarms", "0")
    assert (code, err[:29]) == (1, "retention: --false-alarms is ")
    _, _, err = run(capsys, orders, *ASKED, "--false-alarms", "3", "--observed-from", "2024-12-30")
    assert err.startswith("retention: --observed-from leaves nobody")


def test_contracts_have_no_silence_to_listen_to(tmp_path, capsys):
    """They say themselves when they end."""
    path = tmp_path / "contracts.csv"
    rt.sample_company(50, seed=1).contracts.to_csv(path, index=False)
    words = ["--start", "start", "--end", "end", "--end-is", "first_day_out", "--trials", "exclude"]
    code, _, err = run(capsys, path, *words, "--trial", "is_trial", "--false-alarms", "3")
    assert code == 2
    assert "a file of contracts" in err
