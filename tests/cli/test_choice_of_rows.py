"""The command line: which rows are meant, where both parts of an audit go, what is incomplete."""

from __future__ import annotations

import csv
import re
import shlex

import pytest

import retention as rt
from retention.cli import main

pytestmark = pytest.mark.once


NAMED = ["--customer-id", "who", "--date", "day", "--sales", "paid"]
MONTHS = ["--observed-from", "2024-01-01", "--as-of", "2024-02-29", "--format", "csv"]


@pytest.fixture
def orders(tmp_path):
    """Of three customers of January, one of them a test, one comes back in February."""
    path = tmp_path / "orders.csv"
    path.write_text(
        "who,day,paid,Order Status,Cancelled at\n"
        "Ann,2024-01-02,10,paid,\n"
        "Bob,2024-01-03,20,paid,\n"
        "Bob,x,20,failed,\n"
        "Cem,2024-01-09,7,test,2024-01-10\n"
        "Ann,2024-02-02,10,sent,\n",
        encoding="utf-8",
    )
    return path


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def first_of(out):
    """The first row of an answer in CSV."""
    return next(csv.DictReader(out.splitlines()))


@pytest.mark.parametrize(
    ("said", "base"),
    [
        (["--where", "Order Status=paid", "--where", "Order Status=sent"], "2"),
        (["--where", "Order Status=PAID", "--where", "Order Status=test"], "3"),
        (["--where", "Cancelled at=", "--incomplete", "drop"], "2"),
    ],
)
def test_rows_are_chosen_by_column_and_value(orders, capsys, said, base):
    """Said again for another value; nothing after the sign is an empty cell."""
    code, out, err = run(capsys, "kpis", orders, *NAMED, *said, *MONTHS)
    assert (code, first_of(out)["n_base"]) == (0, base), err


def test_a_config_file_chooses_rows_as_python_does(orders, capsys, tmp_path):
    """A value, or several in a list, by column."""
    config = tmp_path / "retention.toml"
    text = "[policies.where]\n'Order Status' = ['paid', 'sent']\n'Cancelled at' = ''\n"
    config.write_text(text, encoding="utf-8")
    code, out, _ = run(capsys, "kpis", orders, *NAMED, *MONTHS, "--config", config)
    where = {"Order Status": ["paid", "sent"], "Cancelled at": None}
    lines = rt.as_transactions(orders, customer_id="who", date="day", sales="paid", where=where)
    days = {"as_of": "2024-02-29", "observed_from": "2024-01-01"}
    kept = rt.outcome_kpis(rt.customer_periods(lines, freq="month", **days))
    assert code == 0
    assert first_of(out)["n_base"] == str(kept["n_base"][0]) == "2"
    assert first_of(out)["n_retained"] == str(kept["n_retained"][0]) == "1"


def test_both_parts_of_an_audit_go_to_files(orders, capsys, tmp_path):
    """The accepted part is a file that needs no preparation; no row is in neither."""
    parts = {name: tmp_path / f"{name}.csv" for name in ("accepted", "set_aside")}
    code, out, _ = run(
        capsys,
        *("audit", orders, *NAMED, "--where", "Order Status=paid", "--where", "Order Status=sent"),
        *("--accepted", parts["accepted"], "--set-aside", parts["set_aside"]),
    )
    rows = {
        name: list(csv.DictReader(path.read_text().splitlines())) for name, path in parts.items()
    }
    assert code == 0
    assert "Order Status not in where     2" in out
    assert [row["customer_id"] for row in rows["accepted"]] == ["Ann", "Bob", "Ann"]
    assert [row["reason"] for row in rows["set_aside"]] == ["Order Status not in where"] * 2
    again, answer, _ = run(capsys, "kpis", parts["accepted"], *MONTHS)
    assert (again, first_of(answer)["n_base"]) == (0, "2")


def test_what_a_refusal_names_solves_it(orders, capsys, tmp_path):
    """The option it says, and the audit it says, both end in figures."""
    code, _, err = run(capsys, "kpis", orders, *NAMED, *MONTHS)
    assert (code, "unreadable date: 1 row" in err) == (1, True)
    named = re.search(r"^(--\S+ \S+) leaves out those rows", err, re.MULTILINE)[1]
    code, out, told = run(capsys, "kpis", orders, *NAMED, *MONTHS, *shlex.split(named))
    assert (code, first_of(out)["n_base"]) == (0, "3")
    assert "careful: transactions: 1 row of 5 left out as incomplete: unreadable date 1." in told
    file = tmp_path / "accepted.csv"
    assert "retention audit parts such rows from those that can be used." in err
    assert run(capsys, "audit", orders, *NAMED, "--accepted", file)[0] == 0
    assert first_of(run(capsys, "kpis", file, *MONTHS)[1]) == first_of(out)


def test_a_refusal_of_a_policy_does_not_name_the_option_for_incomplete_rows(orders, capsys):
    """It would not solve it."""
    text = orders.read_text(encoding="utf-8").replace("Bob,x,20", "Bob,2024-01-05,-20")
    orders.write_text(text, encoding="utf-8")
    code, _, err = run(capsys, "kpis", orders, *NAMED, *MONTHS)
    assert (code, "Say --refunds net" in err, "--incomplete" in err) == (1, True, False)


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("paid", 2, "--where: must be COLUMN=VALUE, such as Status=completed; got ['paid']."),
        ("Order Status=payed", 1, "--where asks for 'payed' in 'Order Status', which stands in no"),
        ("Status=paid", 1, "--where names 'Status', which is not a column. Did you mean 'Order S"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused_in_options(orders, capsys, said, code, words):
    """What is typed in a wrong way, and what the file does not have."""
    found, _, err = run(capsys, "kpis", orders, *NAMED, *MONTHS, "--where", said)
    assert (found, words in err) == (code, True), err


def test_a_note_on_a_status_can_be_typed_as_it_stands(orders, capsys):
    """What the note tells to say is said, and the note is gone."""
    text = orders.read_text(encoding="utf-8").replace("x,20", "2024-01-05,20")
    orders.write_text(text, encoding="utf-8")
    code, out, err = run(capsys, "kpis", orders, *NAMED, *MONTHS)
    assert (code, first_of(out)["n_base"]) == (0, "3")
    advice = re.search(r"If they brought nothing, say ((?:--where '[^']*' ?)+)or fewer", err)[1]
    code, out, err = run(capsys, "kpis", orders, *NAMED, *MONTHS, *shlex.split(advice))
    assert (code, "brought nothing" in err) == (0, False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("kpis", "{orders}", "-o", "{orders}"), "would overwrite the file that is read"),
        (("check", "{orders}", "--level", "0.9", "-o", "{orders}"), "the file that is read"),
        (("report", "{orders}", "-o", "{orders}"), "the file that is read"),
        (("kpis", "{folder}", "-o", "{folder}/more.csv"), "lies among the files that are read"),
        (("audit", "{folder}", "--accepted", "{folder}/ok.csv"), "lies among the files"),
        (("kpis", "{folder}/*.csv", "-o", "{folder}/more.csv"), "lies among the files"),
        (("audit", "{orders}", "--accepted", "{orders}"), "--accepted {orders} would overwrite"),
        (("audit", "{orders}", "--accepted", "x.csv", "--set-aside", "x.csv"), "--accepted"),
        (("kpis", "--config", "{config}", "-o", "{config}"), "would overwrite --config"),
    ],
)
def test_nothing_that_is_read_is_overwritten(orders, capsys, words, message):
    """Nor is one of the files written that the next run would read; the message says which."""
    config = orders.with_suffix(".toml")
    config.write_text(f"file = '{orders}'\n", encoding="utf-8")
    before = orders.read_bytes()
    places = {"orders": orders, "folder": orders.parent, "config": config}
    code, _, err = run(capsys, *(word.format(**places) for word in words))
    assert code == 2
    assert message.format(**places) in err
    assert orders.read_bytes() == before
    assert sorted(path.name for path in orders.parent.iterdir()) == ["orders.csv", "orders.toml"]


def test_a_report_may_lie_beside_what_it_is_of(orders, capsys):
    """Of a folder of tables no page is read."""
    words = ("--incomplete", "drop", "--observed-from", "2024-01-01", "--as-of", "2024-02-29")
    place = orders.parent / "report.html"
    code, _, err = run(capsys, "report", orders.parent, *NAMED, *words, "-o", place)
    assert code == 0, err
