"""retention assign: the library's arms in a file, what it says of them, and what it refuses."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import retention as rt
from retention.cli import main

PLAN = ["--arms", "control=0.5,offer=0.5", "--salt", "spring-offer", "--assigned", "2024-05-01"]
SAID = {
    "arms": {"control": 0.5, "offer": 0.5}, "salt": "spring-offer", "assigned": "2024-05-01",
}  # fmt: skip
PEOPLE = pd.DataFrame({"Kunde": ["007", "08", "9", "10", "Änne", "12"], "region": list("NNSSSN")})


@pytest.fixture
def people(tmp_path):
    """A file of customers."""
    path = tmp_path / "customers.csv"
    PEOPLE.assign(spent=1.5).to_csv(path, index=False)
    return path


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in ("assign", *words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def told(**further):
    """What the library says of the same customers."""
    table = PEOPLE.rename(columns={"Kunde": "customer_id"})
    return rt.experiments.assign_arms(table, **{**SAID, "method": "list", **further})


@pytest.mark.parametrize("flag", ["--id", "--customer-id"])
def test_arms_are_those_of_the_library(people, capsys, flag):
    """To a file of CSV, ids as they stand there, and a sentence to standard error."""
    target = people.with_name("arms.csv")
    words = [people, flag, "Kunde", *PLAN, "--strata", "region", "-o", target]
    code, out, err = run(capsys, *words)
    assert (code, out) == (0, "")
    found = pd.read_csv(target, dtype={"customer_id": str})
    expected = told(strata="region")
    assert found["customer_id"].tolist() == expected["customer_id"].tolist()
    assert found["arm"].tolist() == expected["arm"].tolist()
    assert found["stratum"].tolist() == expected["stratum"].tolist()
    assert set(found["assigned"]) == {"2024-05-01"}
    assert "of a closed list (--method)" in err
    assert (
        "6 customers by the salt 'spring-offer' from 2024-05-01 on, within 2 strata of region: "
        "control 3 (planned 50.0%), offer 3 (planned 50.0%)"
    ) in err


def test_rolling_arms_as_json(people, capsys):
    """Each customer alone; no default is told where one was said."""
    words = [people, "--id", "Kunde", *PLAN, "--method", "rolling", "--format", "json"]
    code, out, err = run(capsys, *words)
    assert code == 0
    expected = told(method="rolling")
    assert [row["arm"] for row in json.loads(out)] == expected["arm"].tolist()
    assert "--method" not in err


def test_a_config_file_says_the_same(people, capsys, tmp_path):
    """Arms and strata as TOML writes them."""
    config = tmp_path / "trial.toml"
    config.write_text(
        f"file = {str(people)!r}\n[arms]\ncustomer_id = 'Kunde'\nsalt = 'spring-offer'\n"
        "assigned = 2024-05-01\narms = {control = 0.5, offer = 0.5}\nstrata = ['region']\n"
        "[output]\nformat = 'csv'\n",
        encoding="utf-8",
    )
    code, out, _ = run(capsys, "--config", config)
    assert code == 0
    _, typed, _ = run(
        capsys, people, "--id", "Kunde", *PLAN, "--strata", "region", "--format", "csv"
    )
    assert out == typed


def test_parquet_and_a_separator(tmp_path, capsys):
    """What a file is like is said as for other commands."""
    source, target = tmp_path / "p.csv", tmp_path / "arms.parquet"
    PEOPLE.rename(columns={"Kunde": "customer_id"}).to_csv(source, index=False, sep=";")
    code, _, _ = run(capsys, source, *PLAN, "--separator", ";", "-o", target)
    assert code == 0
    assert pd.read_parquet(target)["arm"].tolist() == told()["arm"].tolist()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "Say --arms, the share of each arm, such as control=0.5,offer=0.5; and --salt"),
        ([*PLAN[2:]], 2, "Say --arms, "),
        ([*PLAN, "--arms", "a=1,b"], 2, "--arms: must be each arm once with its share"),
        ([*PLAN, "--arms", "a=.5,a=.5"], 2, "--arms: must be each arm once with its share"),
        ([*PLAN, "--assigned", "soon"], 2, "--assigned: must be a day"),
        ([*PLAN, "--arms", "a=.5,b=.6"], 1, "--arms: the shares must sum to 1; they sum to 1.1."),
        ([*PLAN, "--id", "Kundin"], 1, "--customer-id names 'Kundin', which is not a column. Did"),
        ([*PLAN, "--strata", "regio"], 1, "--strata names 'regio', which is not a column. Did you"),
        ([*PLAN, "--strata", "region", "--method", "rolling"], 1, "Say --method list, or leave --"),
        ([*PLAN, "--id", "region"], 1, "2 customers have several rows, such as 'N'. Keep one"),
        ([*PLAN, "--salt", " "], 1, "salt must be the name of the experiment"),
    ],
)
def test_what_cannot_be_assigned_is_refused(people, capsys, words, code, message):
    """With the option that is wrong, and nothing on standard output."""
    start = [people, *([] if "--id" in words else ["--id", "Kunde"])]
    found, out, err = run(capsys, *start, *words)
    assert (found, out) == (code, "")
    assert message in err
