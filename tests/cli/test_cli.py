"""The command line: what it prints, writes and refuses, and with which exit code."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import retention as rt
from retention.cli import main
from retention.cli.entry import message_in_options
from retention.cli.options import command_line_parser, flags_of_command
from retention.cli.settings import Output
from retention.cli.writing import harmless_value, write_answer

NAMED = ["--customer-id", "Kunde", "--date", "Datum", "--sales", "Betrag"]
KPIS = ["--refunds", "net", "--as-of", "2024-03-31", "--freq", "month"]


@pytest.fixture
def shop(tmp_path):
    """An order file with German names: of three customers of January one leaves."""
    path = tmp_path / "export.csv"
    path.write_text(
        "Kunde;Datum;Betrag;Region\n"
        "Ann;01.01.2024;10,00;Nord\n"
        "Bob;20.01.2024;20,50;=SUM(1)\n"
        "Cem;25.01.2024;5,00;Nord\n"
        "Ann;10.02.2024;30,00;Nord\n"
        "Bob;14.02.2024;7,00;=SUM(1)\n"
        "Bob;15.02.2024;-7,00;=SUM(1)\n"
        "Ann;29.03.2024;12,00;Nord\n",
        encoding="utf-8",
    )
    return path


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def records_of(path):
    """The rows of a CSV as they stand in it."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_kpis_are_those_of_the_library(shop, capsys):
    """The command line adds nothing to the numbers."""
    code, out, _ = run(capsys, "kpis", shop, *NAMED, *KPIS, "--format", "json")
    orders = rt.as_transactions(
        shop, customer_id="Kunde", date="Datum", sales="Betrag", refunds="net"
    )
    expected = rt.outcome_kpis(rt.customer_periods(orders, freq="month", as_of="2024-03-31"))
    found = json.loads(out)
    assert code == 0
    assert list(found[0]) == list(expected.columns)
    assert [row["n_retained"] for row in found] == expected["n_retained"].tolist() == [2, 1]
    assert [row["retention_rate"] for row in found] == expected["retention_rate"].tolist()


def test_json_has_nulls_and_iso_days(shop, capsys):
    """What is not known is null, never NaN, and a day is a day."""
    _, out, _ = run(capsys, "kpis", shop, *NAMED, *KPIS, "--format", "json")
    first = json.loads(out)[0]
    assert first["profit_adjusted_retention"] is None
    assert first["period"] == "2024-01-01"
    assert "NaN" not in out


def test_a_last_day_that_nobody_named_is_told_aside(shop, capsys):
    """The default is said on the error stream, so that the output stays the answer."""
    code, out, err = run(capsys, "kpis", shop, *NAMED, "--refunds", "net", "--format", "csv")
    assert code == 0
    assert (
        "as of 2024-03-29, the last day in the file (--as-of); 2024-03 is not whole by then" in err
    )
    assert "careful: Left out, as not observed whole: 2024-03 (1 order of 1 customer" in err
    assert "say --as-of 2024-03-31." in err
    assert "by month" in err
    assert out.startswith("period,")


def test_a_quiet_run_says_nothing_aside(shop, capsys):
    """In a pipe, with everything said, there is only the answer."""
    assert run(capsys, "kpis", shop, *NAMED, *KPIS)[2] == ""


def test_refused_data_is_one_message_in_the_words_of_the_command_line(shop, capsys):
    """Exit code 1, the library's refusal, options in place of keywords, no traceback."""
    code, out, err = run(capsys, "kpis", shop, *NAMED)
    assert (code, out) == (1, "")
    assert "refund: 1 row" in err
    assert "Say --refunds net" in err
    assert "retention audit parts such rows" in err
    assert "Traceback" not in err


def test_a_wrong_column_name_is_answered_with_the_columns_there_are(shop, capsys):
    """The nearest name, as an option."""
    wrong = ["--customer-id", "Kunden", "--date", "Datum", "--sales", "Betrag"]
    code, _, err = run(capsys, "kpis", shop, *wrong, *KPIS)
    assert code == 1
    assert err.startswith("retention: --customer-id names 'Kunden'")
    assert "Did you mean 'Kunde'?" in err
    assert run(capsys, "kpis", shop, *NAMED, *KPIS, "--by", "x")[2].startswith("retention: --by")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["kpis", "x.csv", "--freq", "fortnight"], "invalid choice: 'fortnight'"),
        (["kpis"], "Say which file"),
        (["kpis", "x.csv", "--as-of", "soon"], "--as-of: must be a day, such as 2024-12-31"),
        (["kpis", "x.csv", "--date", "d", "--start", "s"], "order lines or contracts"),
        (["report", "x.csv"], "-o report.html"),
        (["kpis", "x.csv", "-o", "kpis.xls"], "no format ends in '.xls'"),
        (["kpis", "x.csv", "--format", "parquet"], "--format parquet needs a file"),
        (["forecast", "x.csv"], "invalid choice: 'forecast'"),
    ],
)
def test_a_wrong_question_is_exit_code_2(words, said, capsys):
    """What cannot be run is told before any data is read."""
    code, _, err = run(capsys, *words)
    assert code == 2
    assert said in err


def test_a_missing_file_is_refused(capsys, tmp_path):
    """Exit code 1 and the file's name."""
    code, _, err = run(capsys, "audit", tmp_path / "nothing.csv", *NAMED)
    assert code == 1
    assert "nothing.csv" in err


def test_the_format_is_that_of_the_ending(shop, capsys, tmp_path):
    """CSV, JSON and Parquet hold the same answer."""
    said = ["kpis", shop, *NAMED, *KPIS, "--by", "Region"]
    for ending in ("csv", "json", "parquet"):
        assert run(capsys, *said, "-o", tmp_path / f"kpis.{ending}") == (0, "", "")
    parquet = rt.read_table(tmp_path / "kpis.parquet")
    records = json.loads((tmp_path / "kpis.json").read_text(encoding="utf-8"))
    lines = records_of(tmp_path / "kpis.csv")
    counts = [row["n_base"] for row in records]
    assert counts == parquet["n_base"].tolist() == [int(line["n_base"]) for line in lines]
    assert list(parquet.columns) == list(records[0]) == list(lines[0])


def test_a_csv_cell_is_never_a_formula(shop, capsys):
    """Text that begins like one has an apostrophe before it; numbers stay numbers."""
    _, out, _ = run(capsys, "kpis", shop, *NAMED, *KPIS, "--by", "Region", "--format", "csv")
    assert "\n'=SUM(1)," in out
    assert [harmless_value(text) for text in ("=1", "+1", "-1", "@x", "\tx", "\rx", "x=1", "")] == [
        *("'=1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "x=1", "")
    ]
    assert [harmless_value(number) for number in (-1, -1.5, None)] == [-1, -1.5, None]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@example("\r")
@example('="a",\n')
def test_any_text_comes_back_from_csv_and_json(text):
    """Quotes, commas, line breaks, marks: CSV gives back the harmless text, JSON the text."""
    table = pd.DataFrame({"name": [text], "n": [-1.5]})
    with redirect_stdout(StringIO(newline="")) as out:
        write_answer(table, Output(format="csv"))
    lines = list(csv.reader(StringIO(out.getvalue(), newline="")))
    assert lines[1:] == ([[harmless_value(text), "-1.5"]])
    with redirect_stdout(StringIO()) as out:
        write_answer(table, Output(format="json"))
    assert json.loads(out.getvalue()) == [{"name": text, "n": -1.5}]


def test_a_column_name_is_data(tmp_path, capsys):
    """Whatever it looks like to a database or a shell."""
    path, name = tmp_path / "x.csv", 'a"; drop table x; --'
    quoted = name.replace('"', '""')
    lines = [f'customer_id,date,sales,"{quoted}"', "A,2024-01-01,1,n", "A,2024-02-29,1,n"]
    path.write_text("\n".join(lines), encoding="utf-8")
    code, out, _ = run(capsys, "kpis", path, "--by", name, "--freq", "month", "--format", "json")
    assert code == 0
    assert [row[name] for row in json.loads(out)] == ["n"]


def test_a_header_is_no_formula_either(capsys):
    """A segment's name is the user's as well."""
    write_answer(pd.DataFrame({"=cmd": [-1]}), Output(format="csv"))
    assert capsys.readouterr().out == "'=cmd\n-1\n"


def test_people_read_percent_and_threes(shop, capsys):
    """The table for people has fewer columns, and rounds."""
    _, out, _ = run(capsys, "kpis", shop, *NAMED, *KPIS)
    first = out.splitlines()[1].split("  ")
    assert out.split()[:4] == ["period", "n_base", "n_retained", "retention_rate"]
    assert "66.7%" in [cell.strip() for cell in first]


def test_audit_tells_what_is_set_aside_and_writes_it(shop, capsys, tmp_path):
    """The summary adds up, and the rows themselves come in the file's own columns."""
    aside = tmp_path / "aside.csv"
    code, out, _ = run(capsys, "audit", shop, *NAMED, "--set-aside", aside)
    rows = records_of(aside)
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()][2:] == [
        *(["refund", "1"], ["accepted", "6"], ["input", "7"])
    ]
    assert rows == [
        {"Kunde": "Bob", "Datum": "15.02.2024", "Betrag": "'-7,00", "Region": "'=SUM(1)"}
        | {"reason": "refund"}
    ]


def test_a_config_file_makes_a_nightly_job_one_line(shop, capsys, tmp_path):
    """Options come before what stands in the file."""
    config = tmp_path / "retention.toml"
    config.write_text(
        f"""
        file = '{shop}'
        [columns]
        customer_id = "Kunde"
        date = "Datum"
        sales = "Betrag"
        [policies]
        refunds = "net"
        [counting]
        as_of = 2024-03-31
        freq = "quarter"
        by = "Region"
        """,
        encoding="utf-8",
    )
    code, out, err = run(capsys, "kpis", "--config", config, "--freq", "month", "--format", "csv")
    assert (code, err) == (0, "")
    assert out == run(capsys, "kpis", shop, *NAMED, *KPIS, "--by", "Region", "--format", "csv")[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[policies]\nrefund = 'net'", "policies.refund is no setting. Did you mean refunds in"),
        ("[policies]\nrefunds = 'netto'", "policies.refunds: must be 'error', 'net' or"),
        ("[columns", "is no TOML"),
        ("columns = 3", "columns: must be a section"),
        ("[counting]\nas_of = 12", "counting.as_of: must be a day, such as 2024-12-31; got 12."),
        ("[counting]\nby = [1]", "counting.by: must be text in quotes; got 1."),
        ("[report]\ngap = 'long'", "report.gap: must be a whole number; got 'long'."),
        ("[report]\npictures = 7", "report.pictures: must be true or false; got 7."),
    ],
)
def test_a_config_file_is_checked(text, said, capsys, tmp_path):
    """A wrong setting is named by where it stands."""
    config = tmp_path / "retention.toml"
    config.write_text(text, encoding="utf-8")
    code, _, err = run(capsys, "kpis", "x.csv", "--config", config)
    assert code == 2
    assert said in err


def test_contracts_are_told_by_their_columns(capsys, tmp_path):
    """Whoever names a start has a file of contracts; the last start is the last day seen."""
    path = tmp_path / "contracts.csv"
    path.write_text(
        "customer_id,start,until,mrr\nA,2024-01-01,2024-02-10,10\nB,2024-01-01,,20\n"
        "C,2024-03-31,2025-01-01,5\n",
        encoding="utf-8",
    )
    words = ["--end", "until", "--end-is", "last_day", "--sales", "mrr", "--sales-per", "month"]
    code, out, err = run(capsys, "kpis", path, *words, "--start", "start", "--format", "json")
    assert code == 0
    assert [(row["n_base"], row["n_retained"]) for row in json.loads(out)] == [
        *((2, 2), (2, 1), (1, 1))
    ]
    assert "as of 2024-03-31, the last start" in err


def test_demo_does_the_main_job(capsys, tmp_path):
    """The figures of the sample company, and its orders to go on with."""
    path = tmp_path / "orders.csv"
    code, out, _ = run(capsys, "demo", "--customers", 300, "--orders", path)
    assert code == 0
    assert "raw retention: of the customers" in out
    assert "Where they were lost:" in out
    assert run(capsys, "kpis", path, "--refunds", "net", "--freq", "year")[0] == 0


@pytest.mark.parametrize("command", ["demo", "kpis", "audit", "report"])
def test_help_has_an_example(command, capsys):
    """Each command shows how it is typed."""
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"Example:\n  retention {command}" in out


def test_python_runs_it_too():
    """`python -m retention` is the same command line; without a command it prints its help."""
    command = [sys.executable, "-W", "error", "-m", "retention"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "usage: retention" in found.stdout
    command += ["kpis", "no.csv"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stdout == ""


def test_report_is_that_of_the_library(shop, capsys, tmp_path):
    """The same page, byte for byte."""
    path = tmp_path / "report.html"
    said = [*KPIS, "--gap", "30", "--title", "Our shop", "--by", "Region", "--no-pictures"]
    assert run(capsys, "report", shop, *NAMED, *said, "-o", path) == (0, "", "")
    orders = rt.as_transactions(
        shop, customer_id="Kunde", date="Datum", sales="Betrag", refunds="net", keep="Region"
    )
    report = rt.retention_report(
        orders,
        as_of="2024-03-31",
        freq="month",
        by="Region",
        gap=30,
        title="Our shop",
        pictures=False,
    )
    assert path.read_text(encoding="utf-8") == report.to_html()


def test_report_tells_of_rows_left_out_and_reads_notes(shop, capsys, tmp_path):
    """What a policy drops is counted, and notes come from a file of their own."""
    notes, path = tmp_path / "notes.csv", tmp_path / "report.md"
    notes.write_text("customer_id,Notiz\nCem,Far too expensive for me.\n", encoding="utf-8")
    said = ["--refunds", "drop", "--as-of", "2024-03-31", "--freq", "month", "--no-pictures"]
    said += ["--notes", notes, "--notes-text", "Notiz", "--min-customers", "1", "-o", path]
    code, out, err = run(capsys, "report", shop, *NAMED, *said)
    text = path.read_text(encoding="utf-8")
    assert (code, out, err) == (0, "", "")
    assert "1 row was set aside" in text
    assert "Pricing was named by 100.0% of the 1 customer" in text


@pytest.mark.parametrize("kind", ["csv", "parquet", "html"])
def test_a_file_that_cannot_be_written_is_one_message(kind, shop, capsys, tmp_path):
    """Whoever writes it, the library, pandas or DuckDB: exit code 1 and the file's name."""
    path = tmp_path / f"no_folder/out.{kind}"
    command = "report" if kind == "html" else "kpis"
    code, _, err = run(capsys, command, shop, *NAMED, *KPIS, "-o", path)
    assert code == 1
    assert str(path) in err.splitlines()[-1]


def test_standard_output_that_lacks_a_letter_is_written_in_utf_8(shop):
    """A dash or a customer's name in a terminal of few letters is no traceback."""
    words = [sys.executable, "-m", "retention", "kpis", str(shop), *NAMED, *KPIS]
    ran = subprocess.run(
        words, capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "–" in ran.stdout.decode("utf-8")


def test_a_wrong_number_is_refused_by_the_name_of_its_option(shop, capsys, tmp_path):
    """n_customers of the library is --customers here."""
    code, _, err = run(capsys, "demo", "--customers", "0")
    assert code == 1
    assert err.startswith("retention: --customers must be")
    assert "1 or more; got 0." in err
    page = ["-o", tmp_path / "x.html", "--at-risk", "-1"]
    assert "--at-risk must be" in run(capsys, "report", shop, *NAMED, *KPIS, *page)[2]


def test_notes_of_a_file_have_days_and_a_column_of_texts(shop, capsys, tmp_path):
    """A day after as_of is left out; what cannot be read as a day is one message."""
    notes, page = tmp_path / "notes.csv", tmp_path / "page.md"
    told = ["--notes", notes, "--notes-text", "said", "--min-customers", "1", "-o", page]
    words = ["report", shop, *NAMED, *KPIS, *told]
    late = "Bob,2024-05-01,,too expensive"
    notes.write_text(f"customer_id,date,text,said\nAnn,2024-02-01,,too expensive\n{late}\n")
    assert run(capsys, *words)[0] == 0
    assert "of the 1 customer who told a reason" in page.read_text(encoding="utf-8")
    notes.write_text("customer_id,date,said\nAnn,01.02.2024,too expensive\n")
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "notes: '01.02.2024' in 'date' is no day such as 2024-12-31" in err
    assert "Say --date-format %d.%m.%Y, for instance" in err


COMMANDS = ("kpis", "audit", "report", "watchlist")


def options_of(command):
    """Every option that argparse knows of a command."""
    choices = command_line_parser()._subparsers._group_actions[0].choices
    return set(choices[command]._option_string_actions)


def literal_of(node):
    """A text of the source, with a word in the place of each value."""
    if isinstance(node, ast.JoinedStr):
        filled = {ord("r"): "'x'", -1: "7"}
        return "".join(
            v.value if isinstance(v, ast.Constant) else filled[v.conversion] for v in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def sentences():
    """What the library may say to a run of the command line: its texts that name a keyword."""
    root = Path(rt.__file__).parent
    wings = ("loading", "activity", "tables", "spells", "frames", "cli", "findings")
    wings += ("kpis/outcome", "kpis/cohorts")
    rooms = [*root.glob("*.py"), *(p for wing in wings for p in (root / wing).rglob("*.py"))]
    for room in rooms:
        if room.parent.name == "lists" or room.name == "list_settings.py":
            continue  # retention watchlist alone says it
        tree = ast.parse(room.read_text(encoding="utf-8"))
        joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        parts = {part for node in joined for part in ast.walk(node) if part is not node}
        for node in ast.walk(tree):
            text = "" if node in parts else literal_of(node)
            markup = re.search(
                r"^retention |<|SELECT|>>>|Args:|^\"?\??sep=|read_csv|\n\n|"
                r"df\[|df = |\.str\.|pl\.|=\"",
                text,
            )
            if re.search(r"\b[a-z_]+=|\bas_of\b|\bheader_row\b", text) and not markup:
                yield text


_OTHERWISE = (
    r"\b[a-z_0-9.]+\([^)]*\)|connection=duckdb\S+|--where \S+|--targets \S+|control=\S+|"
    r"lapsing=\S+|plan_tier=Plan"
)
"""What is Python alone, and what is typed with its sign of equality."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_message_names_options_that_the_command_has(command):
    """No keyword of Python is left in a message, and no option that is none."""
    known = options_of(command)
    assert flags_of_command(command) <= known
    said = list(sentences())
    assert len(said) > 50
    for text in said:
        shown = message_in_options(text, flags_of_command(command))
        assert set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", shown)) <= known, shown
        calls = re.sub(_OTHERWISE, "", shown)
        assert not re.search(r"\b[a-z]+(_[a-z]+)*=(?!=)", calls), shown


def test_a_silent_first_period_is_told_on_the_error_stream(tmp_path, capsys):
    """With the option that cures it, which a second run says."""
    path = tmp_path / "orders.csv"
    lines = [f"c{i % 9},2024-0{1 + i // 28}-{1 + i % 28:02}," for i in range(4, 84)]
    path.write_text("customer_id,date,sales\n" + "10\n".join([*lines, ""]))
    words = ["kpis", path, "--as-of", "2024-03-31", "--freq", "month", "--format", "csv"]
    code, out, err = run(capsys, *words)
    assert (code, out.count("\n")) == (0, 2)
    assert "careful: Left out, as not observed whole: 2024-01 (24 orders of 9 customers" in err
    cure = re.search(r"--observed-from \S+", err)[0].rstrip(".").split()
    code, out, err = run(capsys, *words, *cure)
    assert (code, out.count("\n"), err) == (0, 3, "")


def test_the_lag_of_the_rates_is_an_option(shop, capsys):
    """Retention two months later; a refusal names the option that there is."""
    code, out, err = run(capsys, "kpis", shop, *NAMED, *KPIS, "--lag", "2", "--format", "csv")
    assert (code, err) == (0, "")
    assert [row["lag"] for row in csv.DictReader(StringIO(out))] == ["2"]
    code, _, err = run(capsys, "kpis", shop, *NAMED, *KPIS, "--lag", "5")
    assert code == 1
    assert "Retention over --lag 5 needs 6 whole periods" in err
    assert run(capsys, "kpis", shop, *NAMED, *KPIS, "--lag", "0")[0] == 1
