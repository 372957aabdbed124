"""retention check: one sentence, and an exit code that a nightly job can read."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import retention as rt
from retention.cli import main


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """A year in which 8 of 10 come back each month, and a last month in which 2 do."""
    rows = [
        (f"{region}{i}", f"{month}-25", 1.0, region)
        for region in ("north", "south")
        for step, month in enumerate(pd.period_range("2023-01", "2024-12", freq="M"))
        for i in range(20)
        if (i + step) % 5 and (step < 23 or region == "south" or i < 4)
    ]
    path = tmp_path_factory.mktemp("check") / "orders.csv"
    table = pd.DataFrame(rows, columns=["customer_id", "date", "sales", "region"])
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def before(orders):
    """The same file a month earlier."""
    table = pd.read_csv(orders)
    path = orders.with_name("before.csv")
    table[table["date"] < "2024-12-01"].to_csv(path, index=False)
    return path


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in ("check", *words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


OPENED = ["--observed-from", "2023-01-01"]
ASKED = [*OPENED, "--as-of", "2024-12-31", "--level", "0.99"]
NOVEMBER = [*OPENED, "--as-of", "2024-11-30"]


def test_a_usual_month_is_told_in_a_sentence_and_ends_with_0(before, capsys):
    """Up to November nothing has changed."""
    code, out, err = run(capsys, before, *NOVEMBER, "--level", "0.99")
    assert code == 0
    assert out.startswith("Raw retention rate of Oct 2024: 75.0% of 32 customers, inside the usual")
    assert out.count("\n") == 1
    assert "retention: by month (--freq)" in err
    assert "retention: overdispersed (--spread)" in err


def test_outside_the_band_is_3_and_below_the_target_4(orders, before, capsys):
    """3 where both are true: that something happened is the news."""
    code, out, _ = run(capsys, orders, *ASKED, "--target", "0.7")
    assert code == 3
    assert "BELOW the usual band of " in out
    assert "and the target of 70.0% MISSED." in out
    code, out, _ = run(capsys, orders, "--as-of", "2024-12-31", "--target", "0.7")
    assert code == 4
    assert "band" not in out
    code, out, _ = run(capsys, before, *NOVEMBER, "--level", "0.99", "--target", "0.7")
    assert (code, "inside" in out, "target of 70.0% met." in out) == (0, True, True)


def test_churn_is_above_its_band_and_its_target_is_the_most(orders, capsys):
    """The same month seen from the other side."""
    code, out, _ = run(capsys, orders, *ASKED, "--figure", "churn_rate", "--target", "0.3")
    assert code == 3
    assert "ABOVE the usual band" in out
    assert "target of 30.0% MISSED" in out


def test_each_segment_has_its_sentence(orders, capsys):
    """One that is outside makes the code."""
    code, out, _ = run(capsys, orders, *ASKED, "--by", "region")
    assert code == 3
    north, south = out.splitlines()
    assert north.startswith("north: ")
    assert "BELOW" in north
    assert "inside" in south


def test_the_table_is_that_of_the_library(orders, capsys, tmp_path):
    """With --output to a file, and the sentence still said."""
    code, out, _ = run(capsys, orders, *ASKED, "-o", tmp_path / "band.csv")
    assert (code, out.count("\n")) == (3, 1)
    activity = rt.customer_periods(
        rt.as_transactions(orders, customer_id="customer_id", date="date", sales="sales"),
        freq="month",
        as_of="2024-12-31",
        observed_from="2023-01-01",
    )
    expected = rt.benchmarks.usual_band(
        rt.retention_rate(activity), level=0.99, spread="overdispersed"
    )
    written = pd.read_csv(tmp_path / "band.csv", parse_dates=["period"])
    both = [each.astype(object).where(each.notna(), None) for each in (written, expected)]
    pd.testing.assert_frame_equal(*both)
    code, out, err = run(capsys, orders, *ASKED, "--format", "json")
    assert json.loads(out)[-1]["outside"] == "below"
    assert "BELOW the usual band" in err


def test_what_cannot_be_judged_is_refused(orders, capsys):
    """2 for what was asked wrongly, 1 where too little is known."""
    code, out, err = run(capsys, orders, "--as-of", "2024-12-31")
    assert (code, out) == (2, "")
    assert "Say --level" in err
    assert run(capsys, orders, *ASKED, "--target", "80")[0] == 2
    assert run(capsys, orders, *ASKED, "--level", "2")[0] == 1
    code, out, err = run(capsys, orders, *ASKED, "--freq", "quarter")
    assert (code, out) == (1, "")
    assert "6 periods before the last, and it takes 8" in err
    assert "--freq" in err


def test_the_codes_are_told_by_help(capsys):
    """Where a job's author looks for them."""
    assert run(capsys, "--help")[0] == 0
    main(["check", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "3: outside the band; 4: inside, but the target missed" in shown


def test_contracts_are_checked_likewise(tmp_path, capsys):
    """Of who is in force as a month opens."""
    n = range(240)
    starts = pd.Timestamp("2022-01-01") + pd.to_timedelta([i * 2 for i in n], unit="D")
    ends = starts + pd.to_timedelta([90 + i * 37 % 400 for i in n], unit="D")
    table = pd.DataFrame({"customer_id": n, "start": starts, "end": ends})
    table.to_csv(tmp_path / "contracts.csv", index=False)
    code, out, err = run(
        capsys, tmp_path / "contracts.csv", "--start", "start", "--end", "end", "--end-is",
        "first_day_out", "--as-of", "2023-12-31", "--target", "0.1",
    )  # fmt: skip
    assert code == 0, err
    assert out.startswith("Raw retention rate of Dec 2023: ")
