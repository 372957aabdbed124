"""retention value: what a customer won brings by each age, in the library's numbers."""

from __future__ import annotations

import csv
import json
import re

import pandas as pd
import pytest

import retention as rt
from retention.cli import main

ASKED = ["--profit", "profit", "--refunds", "net", "--as-of", "2024-12-31"]
WORTH = ["--discount", "0.1", "--acquisition-cost", "60"]


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """The sample company's orders as a file."""
    path = tmp_path_factory.mktemp("value") / "orders.csv"
    rt.sample_company(400, seed=1).orders.to_csv(path, index=False)
    return path


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in ("value", *words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def by_library(orders, length, **by):
    """The same in Python."""
    lines = rt.as_transactions(
        orders, customer_id="customer_id", date="date", sales="sales", profit="profit",
        refunds="net", **({"keep": by["by"]} if by else {}),
    )  # fmt: skip
    tenure = rt.activity.tenure_periods(lines, as_of="2024-12-31", length=length, **by)
    return rt.economics.lifetime_profit(tenure, discount=0.1, acquisition_cost=60, **by)


def test_the_numbers_are_those_of_the_library(orders, capsys):
    """Nothing is added to them."""
    code, out, err = run(capsys, orders, *ASKED, *WORTH, "--freq", "quarter", "--format", "json")
    expected = by_library(orders, "quarter")
    found = pd.DataFrame(json.loads(out))
    assert code == 0
    assert list(found) == list(expected)
    for name in ("age", "n_eligible", "cumulative_profit", "net_lower"):
        assert found[name].tolist() == pytest.approx(expected[name].tolist(), nan_ok=True)
    even = rt.economics.break_even_tenure(expected)["break_even_acquired"][0]
    assert f"60.00 for winning a customer is paid back after {even:.1f} quarters (" in err


def test_a_year_is_the_period_until_another_is_said(orders, capsys):
    """And that is told aside; people see few columns, a segment first."""
    code, out, err = run(capsys, orders, *ASKED, *WORTH, "--by", "region")
    assert code == 0
    assert "by year (--freq)" in err
    assert "West: 60.00 for winning a customer" in err
    heads = out.splitlines()[0].split()
    assert heads[:4] == ["region", "age", "n_eligible", "profit_per_acquired"]
    assert len(out.splitlines()) == 1 + len(by_library(orders, "year", by="region"))


def test_contracts_are_valued_too(tmp_path, capsys):
    """A file is of contracts if a column of theirs is named."""
    path = tmp_path / "contracts.csv"
    rt.sample_company(600, seed=1).contracts.to_csv(path, index=False)
    told = ["--start", "start", "--end", "end", "--end-is", "first_day_out", "--sales", "sales"]
    told += ["--trial", "is_trial", "--trials", "exclude", "--sales-per", "month"]
    told += ["--contract-id", "contract_id"]
    csv_file = tmp_path / "worth.csv"
    words = [path, *ASKED[:2], *ASKED[4:], *told, *WORTH, "--freq", "quarter", "-o", csv_file]
    code, _, err = run(capsys, *words)
    assert code == 0, err
    rows = list(csv.DictReader(csv_file.read_text(encoding="utf-8").splitlines()))
    assert rows[0]["age"] == "1"
    assert float(rows[1]["cumulative_profit"]) > float(rows[0]["cumulative_profit"]) > 0


def test_a_cost_that_never_comes_back_is_said_to(orders, capsys):
    """With the reason of the library."""
    dear = ["--discount", "0.1", "--acquisition-cost", "6000"]
    code, _, err = run(capsys, orders, *ASKED, *dear)
    assert code == 0
    assert "6,000 for winning a customer: not paid back (not within 2 observed years)" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([*ASKED], 2, "Say --discount, a rate a year such as 0.1, or 0 for none; and --acquis"),
        ([*ASKED, "--discount", "0"], 2, "and --acquisition-cost"),
        ([*ASKED, *WORTH, "--freq", "week"], 2, "life is month, quarter or year; got 'week'"),
        ([*ASKED, "--discount", "10", "--acquisition-cost", "6"], 1, "0.1 for 10 %, or 0 for none"),
        ([*ASKED[2:], *WORTH], 1, "the profit of .* is not known. Say --profit"),
        ([*ASKED, "--discount", "x", "--acquisition-cost", "6"], 2, "--discount"),
    ],
)
def test_refuses_in_the_words_of_the_command_line(orders, capsys, words, code, message):
    """One message, nothing on standard output."""
    found, out, err = run(capsys, orders, *words)
    assert (found, out) == (code, "")
    assert re.search(message, err), err
    assert "Traceback" not in err


def test_settings_of_a_file_are_taken(orders, tmp_path, capsys):
    """Options come before them."""
    config = tmp_path / "retention.toml"
    config.write_text(
        f'file = "{orders.as_posix()}"\n[columns]\nprofit = "profit"\n[policies]\nrefunds = "net"\n'
        "[counting]\nas_of = 2024-12-31\nfreq = 'year'\n[worth]\ndiscount = 0.0\n"
        "acquisition_cost = 5.0\n"
    )
    code, _, err = run(capsys, "--config", config, "--acquisition-cost", "7")
    assert code == 0
    assert "7.00 for winning a customer is paid back" in err


def test_a_report_discounts_at_the_rate_that_is_said(tmp_path, capsys):
    """The same option, of the report."""
    path, report = tmp_path / "contracts.csv", tmp_path / "report.md"
    rt.sample_company(400, seed=1).contracts.to_csv(path, index=False)
    told = ["--start", "start", "--end", "end", "--end-is", "first_day_out", "--sales", "sales"]
    told += ["--profit", "profit", "--trial", "is_trial", "--trials", "exclude"]
    told += ["--sales-per", "month", "--contract-id", "contract_id", "--as-of", "2024-12-31"]
    told += ["--freq", "year", "--discount", "0.1", "--no-pictures", "-o", str(report)]
    assert main(["report", str(path), *told]) == 0, capsys.readouterr().err
    assert "Discounted at 10.0% a year." in report.read_text(encoding="utf-8")
