"""retention effect: what an offer did, in the library's numbers, from files alone."""

from __future__ import annotations

import json

import pytest

import retention as rt
from retention.cli import main

pytestmark = pytest.mark.once


CONTRACTS = ["--start", "start", "--end", "end", "--end-is", "first_day_out"]
CONTRACTS += ["--as-of", "2024-10-28"]
STAYS = ["--horizon", "90", "--estimator", "kaplan-meier"]


@pytest.fixture(scope="module")
def firm():
    """An experiment."""
    return rt.samples.sample_experiment(600, seed=2)


@pytest.fixture(scope="module")
def files(firm, tmp_path_factory):
    """Its contracts, orders and arms as files, and the plan of each customer beside the arm."""
    folder = tmp_path_factory.mktemp("effect")
    firm.contracts.to_csv(folder / "contracts.csv", index=False)
    firm.transactions.to_csv(folder / "orders.csv", index=False)
    arms = firm.assignment.merge(firm.customers[["customer_id", "plan"]], on="customer_id")
    arms.to_csv(folder / "arms.csv", index=False)
    return folder


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in ("effect", *words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_who_stays_is_told_as_the_library_tells_it(files, firm, capsys):
    """A row an arm, and a sentence."""
    words = [files / "contracts.csv", *CONTRACTS, "--assignment", files / "arms.csv", *STAYS]
    code, out, err = run(capsys, *words, "--format", "json")
    contracts = rt.as_contracts(
        firm.contracts, customer_id="customer_id", start="start", end="end", end_is="first_day_out"
    )
    spells = rt.contract_spells(contracts, as_of="2024-10-28", grace=0)
    expected = rt.experiments.retention_effect(
        firm.assignment, spells, control="control", horizon=90, as_of="2024-10-28",
        estimator="kaplan-meier",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)[0]["difference"] == expected["difference"][0]
    assert "still here after 90 days, control " in err
    assert err.rstrip().endswith("points")


def test_money_is_counted_from_an_order_file_and_by_segments_of_the_assignment(files, capsys):
    """Two rows, each with its sentence."""
    words = [files / "orders.csv", "--profit", "profit", "--as-of", "2024-10-28"]
    words += ["--assignment", files / "arms.csv", "--within", "60", "--before", "60"]
    code, out, err = run(capsys, *words, "--of", "profit", "--by", "plan")
    assert code == 0
    heads = ["plan", "arm", "n_mature", "mean", "mean_control", "difference"]
    assert out.splitlines()[0].split()[:6] == heads
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["basic", "plus"]
    assert "retention: plus: offer " in err


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ([], "Say --assignment"),
        (["--assignment", "arms.csv"], "Say --horizon"),
        (["--assignment", "arms.csv", "--horizon", "90", "--within", "9"], "Say --horizon"),
        (["--assignment", "arms.csv", "--horizon", "90"], "Say --estimator kaplan-meier"),
        (["--assignment", "arms.csv", "--within", "90", "--of", "sales"], "say --horizon"),
    ],
)
def test_what_must_be_said_is_asked_for(files, capsys, monkeypatch, said, advice):
    """Nothing is guessed."""
    monkeypatch.chdir(files)
    code, out, err = run(capsys, "contracts.csv", *CONTRACTS, *said)
    assert (code, out) == (2, "")
    assert advice in err


@pytest.mark.parametrize(
    ("said", "advice"), [(STAYS, "say --gap"), (["--within", "60"], "Say --of profit")]
)
def test_of_orders_the_gap_or_the_money_is_asked_for(files, capsys, said, advice):
    """Either makes an answer."""
    orders = [files / "orders.csv", "--as-of", "2024-10-28", "--assignment", files / "arms.csv"]
    code, _, err = run(capsys, *orders, *said)
    assert code == 2
    assert advice in err
    more = ["--gap", "30"] if "--horizon" in said else ["--of", "orders"]
    assert run(capsys, *orders, *said, *more)[0] == 0


def test_a_horizon_beyond_what_was_watched_names_the_longest_as_an_option(files, capsys):
    """And that one works."""
    words = [files / "contracts.csv", *CONTRACTS, "--assignment", files / "arms.csv"]
    words += ["--estimator", "mature"]
    code, _, err = run(capsys, *words, "--horizon", "900")
    assert code == 1
    longest = err.split("Take --horizon ")[1].split()[0]
    assert run(capsys, *words, "--horizon", longest)[0] == 0


def test_what_retention_assign_writes_is_read(files, capsys, tmp_path):
    """From plan to reading without a word of Python."""
    target = tmp_path / "arms.csv"
    plan = ["--arms", "control=0.5,offer=0.5", "--salt", "a test", "--assigned", "2024-05-01"]
    assert main(["assign", str(files / "contracts.csv"), *plan, "-o", str(target)]) == 0
    words = [files / "contracts.csv", *CONTRACTS, "--assignment", target, *STAYS]
    code, _, err = run(capsys, *words)
    assert code == 0
    assert "offer " in err


def test_an_assignment_that_lacks_a_column_is_refused(files, capsys, tmp_path):
    """The one that is missing is named."""
    bad = tmp_path / "bad.csv"
    bad.write_text("customer_id,arm,assigned\nX1,control,2024-05-01\n")
    words = [files / "contracts.csv", *CONTRACTS, *STAYS, "--assignment", bad]
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "share" in err
