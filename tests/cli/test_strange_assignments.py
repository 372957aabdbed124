"""retention assign and effect with the files that shell users have: other tools, Excel, TOML."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from retention.cli import main

pytestmark = pytest.mark.once


CONTRACTS = ["contracts.csv", "--start", "start", "--end", "end", "--end-is", "first_day_out"]
CONTRACTS += ["--as-of", "2024-10-28"]
STAYS = ["--horizon", "90", "--estimator", "kaplan-meier"]
ORDERS = ["orders.csv", "--as-of", "2024-10-28"]
BRINGS = ["--within", "60", "--of", "sales"]
PLAN = ["--arms", "control=0.5,offer=0.5", "--salt", "a test", "--assigned", "2024-05-01"]


@pytest.fixture(scope="module")
def firm():
    """An experiment whose ids have leading zeros."""
    made = rt.samples.sample_experiment(120, seed=2)
    ids = {who: f"{i:04d}" for i, who in enumerate(sorted(made.assignment["customer_id"]))}
    tables = made.contracts, made.transactions, made.assignment
    return [t.assign(customer_id=t["customer_id"].map(ids)).dropna(subset="customer_id")
            for t in tables]  # fmt: skip


@pytest.fixture
def arms(firm, tmp_path, monkeypatch):
    """The assignment, beside the files of contracts and orders in the current folder."""
    monkeypatch.chdir(tmp_path)
    firm[0].to_csv("contracts.csv", index=False)
    firm[1].to_csv("orders.csv", index=False)
    return firm[2].reset_index(drop=True)


@pytest.fixture
def run(capsys):
    """Exit code, standard output and standard error of a command."""

    def of_words(*words):
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return of_words


@pytest.fixture
def read(run, arms):
    """What retention effect says of contracts with an assignment, written as CSV."""

    def of_table(table, *words, question=(*CONTRACTS, *STAYS), **written):
        table.to_csv("arms.csv", index=False, **written)
        return run("effect", *question, "--assignment", "arms.csv", *words)

    return of_table


@pytest.fixture
def usual(read, arms):
    """What it says of the assignment as retention assign would write it."""
    return read(arms)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"share": "0,5"}, []),
        ({"arm": lambda t: " " + t["arm"] + "  "}, []),
        ({"assigned": lambda t: t["assigned"].dt.strftime("%d.%m.%Y")}, []),
        ({"assigned": lambda t: t["assigned"].dt.strftime("%m/%d/%Y")}, ["--no-day-first"]),
        ({"assigned": lambda t: t["assigned"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")}, ["--tz", "UTC"]),
    ],
)
def test_what_other_tools_write_is_read(read, arms, usual, change, words):
    """Semicolons, decimal commas, blanks around names, days of Excel, times with a zone."""
    assert usual[0] == 0
    assert read(arms.assign(**change), *words, sep=";") == usual


def test_the_format_of_days_is_that_of_both_files_or_of_the_orders_alone(read, arms, usual):
    """The days that retention assign writes are read beside orders with days of any format."""
    orders = pd.read_csv("orders.csv", dtype={"customer_id": str}, parse_dates=["date"])
    money = [*ORDERS, *BRINGS]
    expected = read(arms, question=money)
    odd = orders.assign(date=orders["date"].dt.strftime("%Y_%m_%d"))
    odd.to_csv("orders.csv", index=False)
    assert read(arms, "--date-format", "%Y_%m_%d", question=money) == expected
    also = arms.assign(assigned=arms["assigned"].dt.strftime("%Y_%m_%d"))
    assert read(also, "--date-format", "%Y_%m_%d", question=money) == expected


def test_the_encoding_that_a_warning_names_can_be_said(read, arms):
    """And it is guessed once, not twice."""
    other = arms.assign(arm=arms["arm"].replace("control", "Körbe"))
    code, out, err = read(other, "--control", "Körbe", encoding="cp1252")
    assert code == 0
    assert err.count("which is a guess") == 1
    said = read(other, "--control", "Körbe", "--encoding", "cp1252", encoding="cp1252")
    assert said[:2] == (0, out)
    assert "guess" not in said[2]
    assert read(other, "--control", "Körbe", "--encoding", "cp1252") == said


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"share": "50%"}, "'50%' in 'share' is no planned share of "),
        ({"share": 50}, "share: the shares must sum to 1; they sum to 100. Of percent"),
        ({"share": None}, "what is empty in 'share' is no planned share"),
        ({"arm": "offer", "share": 1}, "an experiment has two arms or more"),
        ({"arm": lambda t: t["arm"].where(t.index > 2)}, "blank arm: 3 rows"),
        ({"share": lambda t: (t.index > 3) / 4 + 0.25}, "several planned shares in 'share'"),
        ({"customer_id": lambda t: "x" + t["customer_id"]}, "Are the ids those of spells"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(read, arms, change, advice):
    """No traceback, and no advice that the command cannot follow."""
    code, out, err = read(arms.assign(**change))
    assert (code, out) == (1, "")
    assert advice in err
    assert "retention audit" not in err


def test_columns_that_lack_are_named(read, arms):
    """All that are needed, and all that are there."""
    code, _, err = read(arms.rename(columns={"arm": "variant"}))
    assert code == 1
    assert "arms.csv has no column 'arm', and --assignment needs the columns customer_id, " in err
    assert "'variant'" in err


def test_customers_in_both_arms_are_left_out_when_told_so(read, arms):
    """As the refusal says; how many rows that were is said."""
    both = pd.concat([arms, arms.head(2).assign(arm=arms["arm"].head(2).map(
        {"control": "offer", "offer": "control"}))])  # fmt: skip
    code, _, err = read(both)
    assert code == 1
    assert "say --duplicates drop" in err
    code, out, err = read(both, "--duplicates", "drop")
    assert code == 0
    assert "4 rows of arms.csv left out" in err
    assert out == read(arms.iloc[2:])[1]


def test_rows_that_can_only_be_corrected_are_left_out_when_told_so(read, arms):
    """As the refusal says."""
    blank = arms.assign(arm=arms["arm"].where(arms.index > 1))
    assert "--incomplete drop" in read(blank)[2]
    code, out, err = read(blank, "--incomplete", "drop")
    assert code == 0
    assert "2 rows of arms.csv left out" in err
    assert out == read(arms.iloc[2:])[1]


def test_strata_of_retention_assign_are_segments_of_retention_effect(run, arms):
    """From plan to reading, by the column that assign itself wrote."""
    people = arms[["customer_id"]].assign(region=["north", "south"] * (len(arms) // 2))
    people.to_csv("people.csv", index=False)
    assert run("assign", "people.csv", *PLAN, "--strata", "region", "-o", "arms.csv")[0] == 0
    words = ["--assignment", "arms.csv", "--by", "stratum"]
    code, out, _ = run("effect", *CONTRACTS, *STAYS, *words)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["stratum", "north", "south"]


@pytest.mark.parametrize("name", ["customer_id", "arm", "assigned", "share"])
def test_what_makes_an_assignment_is_no_segment_of_it(read, arms, name):
    """Said in options."""
    code, _, err = read(arms, "--by", name)
    assert code == 2
    assert f"--by {name}: a segment is what customers have beside the arm" in err


def test_a_segment_named_twice_is_refused_in_options(read, arms):
    """Not as an argument of Python."""
    words = ("--by", "plan", "--by", "plan")
    assert "--by names a column twice" in read(arms.assign(plan="basic"), *words)[2]


@pytest.mark.parametrize(
    ("question", "words", "said"),
    [
        ([*ORDERS, *BRINGS], ["--gap", "30"], "--gap is not read with --within"),
        ([*ORDERS, *BRINGS], ["--estimator", "mature"], "--estimator is not read with --within"),
        ([*CONTRACTS, *STAYS], ["--of", "sales"], "--of is not read with --horizon"),
        ([*CONTRACTS, *STAYS], ["--before", "9"], "--before is not read with --horizon"),
        ([*CONTRACTS, *STAYS], ["--gap", "30"], "--gap is of orders"),
    ],
)
def test_what_would_not_be_read_is_refused(read, arms, question, words, said):
    """Nothing that was said is left aside in silence, and without it there is an answer."""
    code, _, err = read(arms, *words, question=question)
    assert code == 2
    assert said in err
    assert read(arms, question=question)[0] == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gap = true", "tested.gap: must be a number; got True"),
        ('estimator = "km"', "tested.estimator: must be 'kaplan-meier' or 'mature'; got 'km'"),
        ("horizon = 90.5", "tested.horizon: must be a whole number"),
    ],
)
def test_config_files_are_refused_in_words(run, arms, tmp_path, line, said):
    """And true is no number."""
    config = tmp_path / "c.toml"
    config.write_text(f"[tested]\n{line}\n")
    code, _, err = run("effect", *CONTRACTS, "--config", config)
    assert code == 2
    assert said in err


def test_one_customer_who_comes_alone_is_assigned(run, tmp_path, monkeypatch):
    """Whoever assigns day by day has files of one, and all of one arm."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("Kunde\n007\n")
    code, out, err = run(
        "assign", "new.csv", "--id", "Kunde", *PLAN, "--method", "rolling", "--format", "csv"
    )
    assert code == 0
    assert out.splitlines()[1].startswith("007,")
    assert "1 customer by the salt" in err
    assert "(planned 50.0%)" in err


def test_strata_are_other_columns_than_the_ids(run, tmp_path, monkeypatch):
    """One that is called as the library calls the ids is a stratum as any other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("Kunde,customer_id\na,1\nb,1\nc,2\nd,2\n")
    asked = ["assign", "p.csv", "--id", "Kunde", *PLAN, "--format", "csv"]
    code, out, _ = run(*asked, "--strata", "customer_id")
    assert code == 0
    assert [line.rsplit(",", 1)[1] for line in out.splitlines()] == ["stratum", *"1122"]
    code, _, err = run(*asked, "--strata", "Kunde")
    assert code == 2
    assert "--strata Kunde: that is who is assigned" in err


def test_which_file_is_asked_for_without_naming_another_command(run):
    """The advice works for each of them."""
    code, _, err = run("assign", *PLAN)
    assert code == 2
    assert "Say which file, right after the command" in err
