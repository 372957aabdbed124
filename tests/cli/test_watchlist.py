"""retention watchlist: the library's list of a night, its changes, and what a job can act on."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from random import Random

import duckdb
import openpyxl
import pandas as pd
import pytest

import retention as rt
from retention.cli import main
from retention.written_files.safe_names import file_names_of, sheet_names_of
from retention.written_files.workbook_bytes import workbook_bytes

POLICY = """
values = "values.csv"
allow_unvalued = 1
owners = "owners.csv"
calls = "calls.csv"
opted_out = "nobody.csv"
quiet_days = 7
escalate_top = 0.25
escalate_after = {"overdue contact" = 3}
severity = {"overdue contact" = 3, "not renewed" = 2, "overdue invoice" = 2, lapsing = 1, moved = 1}
"""
FILES = {
    "contracts.csv": "customer_id,start,end\n"
    "001,2023-03-20,2024-03-20\n002,2023-01-01,2024-03-05\n003,2022-05-01,\n",
    "contacts.csv": "customer_id,date,first_response_hours,resolution_hours\n"
    "002,2024-03-01 10:00,,\n003,2024-03-09 12:00,,\n",
    "invoices.csv": "customer_id;date;due;paid;amount\n"
    "004;2024-02-01;2024-03-01;;50,00\n005;2024-02-01;2024-03-01;;-9,00\n",
    "own.csv": "customer_id,reason,since\n005,moved,2024-03-07\n",
    "values.csv": "customer_id;value\n001;100,5\n002;900\n003;300\n004;250\n005;\n",
    "owners.csv": "customer_id,owner,lead\n001,A/B,Boss\n002,=cmd,Boss\n003,,Boss\n004,A/B,Boss\n"
    "009,Nina,\n",
    "calls.csv": "customer_id,date\n001,2024-03-08\n",
    "closed.csv": "customer_id,date,outcome\n002,2024-03-11,solved\n",
    "nobody.csv": "customer_id\n",
    "all.csv": "customer_id,reason,since\n001,lapsing,2024-02-19\n002,overdue contact,2024-03-02\n"
    "002,not renewed,2024-03-05\n003,overdue contact,2024-03-10\n004,overdue invoice,2024-03-02\n"
    "005,moved,2024-03-07\n",
    "files.toml": f"""
file = "own.csv"
[watched]
contracts = "contracts.csv"
within = 30
lapsed_within = 14
contacts = "contacts.csv"
business_hours = "always"
targets = {{first_response = 24, resolution = 168}}
invoices = "invoices.csv"
grace = 3
{POLICY}
[policies]
end_is = "first_day_out"
[reading]
decimal = ","
""",
    "watch.toml": f"""
file = "all.csv"
[watched]
{POLICY}
[reading]
decimal = ","
""",
}
DAY = ["--config", "watch.toml", "--as-of"]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """The files of a small firm, and the folder in which the job runs."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *words):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in ("watchlist", *words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def by_hand():
    """The same list from the library, table by table."""
    contracts = rt.as_contracts(
        "contracts.csv", customer_id="customer_id", start="start", end="end", end_is="first_day_out"
    )
    due = rt.targeting.due_for_renewal(contracts, as_of="2024-03-10", within=30, since="2024-02-25")
    contacts = rt.loading.as_contacts(
        "contacts.csv",
        customer_id="customer_id",
        date="date",
        first_response_hours="first_response_hours",
        resolution_hours="resolution_hours",
        business_hours="always",
    )
    invoices = rt.loading.as_invoices(
        "invoices.csv",
        **{name: name for name in ("customer_id", "date", "due", "paid", "amount")},
        credits="exclude",
        decimal=",",
    )
    entries = pd.concat([
        rt.signals.renewal_entries(due, within=30),
        rt.signals.overdue_contacts(
            contacts, as_of="2024-03-10", targets={"first_response": 24, "resolution": 168}
        ),
        rt.signals.overdue_invoices(invoices, as_of="2024-03-10", grace=3),
        pd.DataFrame({
            "customer_id": ["005"], "reason": "moved", "since": pd.to_datetime(["2024-03-07"]),
        }),
    ])  # fmt: skip
    who = [f"{n:03}" for n in range(1, 6)]
    owners = pd.read_csv("owners.csv", dtype=str)
    return rt.signals.watchlist(
        entries,
        as_of="2024-03-10",
        severity={
            "overdue contact": 3, "not renewed": 2, "overdue invoice": 2, "lapsing": 1, "moved": 1,
        },
        values=pd.DataFrame({"customer_id": who, "value": [100.5, 900, 300, 250, None]}),
        allow_unvalued=1,
        owners=owners,
        calls=pd.DataFrame({"customer_id": ["001"], "date": pd.to_datetime(["2024-03-08"])}),
        quiet_days=7,
        escalate_top=0.25,
        escalate_after={"overdue contact": 3},
    )  # fmt: skip


def records(table):
    """The rows of a table as they are, days as text."""
    return json.loads(table.to_json(orient="records", date_format="iso"))


def test_the_list_is_that_of_the_library(capsys):
    """From four files and a table of one's own, with ids as they stand in the files."""
    told = ["--config", "files.toml", "--as-of", "2024-03-10", "--first"]
    code, out, err = run(capsys, *told, "-o", "d10.parquet")
    assert (code, out) == (3, "")
    found, expected = pd.read_parquet("d10.parquet"), by_hand()
    assert list(found) == list(expected)
    assert records(found) == records(expected)
    assert "list of 2024-03-10: 4 customers to call, 1 of them escalated; 1 suppressed" in err
    assert "new to act on: 4" in err


def test_a_night_without_news_ends_with_0_and_changes_are_told(capsys):
    """The list itself is the only memory: yesterday's file."""
    run(capsys, *DAY, "2024-03-10", "--first", "-o", "d10.parquet")
    code, _, err = run(capsys, *DAY, "2024-03-11", "--previous", "d10.parquet", "-o", "d11.parquet")
    assert code == 0
    assert "0 new, 0 back, 0 worse, 0 better, 0 suppressed, 5 same, 0 closed" in err
    rows = FILES["all.csv"].splitlines()
    rows[2] = "001,overdue contact,2024-03-12"  # that of 002 is solved
    Path("all.csv").write_text("\n".join([*rows, ""]))
    code, _, err = run(
        capsys, *DAY, "2024-03-12", "--previous", "d11.parquet", "--changes", "c12.csv",
        "-o", "d12.parquet",
    )  # fmt: skip
    changes = pd.read_csv("c12.csv", dtype={"customer_id": str}).set_index("customer_id")
    assert code == 0  # 001 is worse, but was called of late
    assert changes["change"].to_dict() == {
        "001": "worse", "002": "better", "003": "same", "004": "same", "005": "same",
    }  # fmt: skip
    code, _, err = run(capsys, *DAY, "2024-03-16", "--previous", "d12.parquet")
    assert code == 3
    assert "new to act on: 1" in err  # the quiet days of 001 are over


def test_who_is_off_the_list_is_told_with_the_outcome(capsys):
    """And whose outcome nobody noted is not known."""
    run(capsys, *DAY, "2024-03-10", "--first", "-o", "d10.parquet")
    kept = [row for row in FILES["all.csv"].splitlines() if row[:3] not in ("001", "002", "003")]
    Path("all.csv").write_text("\n".join([*kept, ""]))
    _, _, err = run(
        capsys, *DAY, "2024-03-11", "--previous", "d10.parquet", "--closed-by", "closed.csv"
    )
    assert "2 same, 3 closed (2 not known, 1 solved)" in err


def test_shuffled_rows_make_the_same_bytes(capsys):
    """Of the list, the changes, and the lists of owners."""
    made = []
    for seed in (None, 1):
        for name in ("all.csv", "values.csv", "owners.csv") if seed else ():
            head, *rows = FILES[name].splitlines()
            Random(seed).shuffle(rows)
            Path(name).write_text("\n".join([head, *rows, ""]))
        told = []
        for ending in ("parquet", "xlsx"):
            where = ["-o", f"d.{ending}", "--changes", f"c.{ending}", "--per-owner", "o.xlsx"]
            assert run(capsys, *DAY, "2024-03-10", "--first", *where)[0] == 3
            told += [Path(n).read_bytes() for n in (f"d.{ending}", f"c.{ending}", "o.xlsx")]
        made.append(told)
    assert made[0] == made[1]


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_any_format_of_the_list_is_read_the_next_night(capsys, ending):
    """What is typed in a Parquet file is read from text in a CSV."""
    run(capsys, *DAY, "2024-03-10", "--first", "-o", f"d10.{ending}")
    code, _, err = run(capsys, *DAY, "2024-03-11", "--previous", f"d10.{ending}")
    assert (code, "careful" in err) == (0, False)
    assert "since 2024-03-10: 0 new, 0 back, 0 worse, 0 better, 0 suppressed, 5 same" in err


def test_each_owner_has_a_file_the_lead_what_is_escalated(files, capsys):
    """Names stay in the folder, formulas stay text, and who has nobody today has an empty list."""
    code, _, _ = run(capsys, *DAY, "2024-03-10", "--first", "--per-owner", "lists")
    found = {path.name: path.read_text("utf-8-sig") for path in (files / "lists").iterdir()}
    ids = {name: pd.read_csv(io.StringIO(text), dtype=str) for name, text in found.items()}
    assert code == 3
    assert {name: list(table["customer_id"]) for name, table in ids.items()} == {
        "(no owner).csv": ["003", "005"],
        "A_B 998d3ed8.csv": ["004", "001"],
        "_cmd 26b1f9b9.csv": ["002"],
        "Boss.csv": ["002"],
        "Nina.csv": [],
    }
    assert set(ids["Boss.csv"]["owner"]) == {"'=cmd"}
    assert list(ids["A_B 998d3ed8.csv"]["rank"].fillna("")) == ["3", ""]
    (files / "lists" / "Otto.csv").write_text("yesterday's")
    code, _, err = run(capsys, *DAY, "2024-03-10", "--first", "--per-owner", "lists", "-o", "d.csv")
    assert (code, (files / "d.csv").exists()) == (2, False)
    assert "holds 1 file that this night does not write, such as 'Otto.csv'" in err


def test_each_owner_has_a_sheet(capsys):
    """Which Excel opens, with days as days and text that is no formula."""
    run(capsys, *DAY, "2024-03-10", "--first", "--per-owner", "o.xlsx")
    book = openpyxl.load_workbook("o.xlsx")
    assert book.sheetnames == ["cmd 26b1f9b9", "A_B 998d3ed8", "Boss", "(no owner)"]
    head, first = list(book["Boss"].iter_rows(values_only=True))
    row = dict(zip(head, first, strict=True))
    assert (row["customer_id"], row["owner"], row["rank"]) == ("002", "=cmd", 1)
    assert str(row["since"])[:10] == "2024-03-02"
    cell = book["Boss"].cell(2, head.index("owner") + 1)
    assert (cell.data_type, cell.quotePrefix) == ("s", True)


def test_names_are_safe_and_apart():
    """Whatever an owner is called, and whoever else there is."""
    odd = [
        "A/B",
        "A\\B",
        "..",
        "",
        "con",
        "LPT1.x",
        "x" * 300,
        "x" * 301,
        "anna",
        "Anna",
        "History",
    ]
    odd += ["É", "E\u0301", "=cmd", "\u202ecod", "a\x00b", "(no owner)", "'q'", "CON", "Zoë Müller"]
    for named, longest in ((file_names_of(odd), 60), (sheet_names_of(odd), 31)):
        names = list(named.values())
        assert len({name.casefold() for name in names}) == len(odd)
        assert all(0 < len(name) <= longest for name in names)
        assert not any(set(name) & set('/\\:*?"<>|[]\x00\u202e()') for name in names)
        assert not any(name[0] in "=' " or name[-1] in " '" for name in names)
        assert not any(name[0] == "." for name in file_names_of(odd).values())
        assert named["Zoë Müller"] == "Zoë Müller"
    for names_of in (file_names_of, sheet_names_of):  # who is called as we call another
        both = names_of(["A/B", "A_B 998d3ed8", "a_b 998D3ED8"])
        assert len({name.casefold() for name in both.values()}) == 3
        assert both["A/B"] == "A_B 998d3ed8"
    faces = sheet_names_of(["\U0001f600" * 16, "\U0001f600" * 40, "a\ufffeb\ud800"])
    assert max(len(name.encode("utf-16-le")) // 2 for name in faces.values()) <= 31  # as Excel
    assert not set("".join(faces.values())) & set("\ufffe\ud800")
    assert {name[0] for name in file_names_of(["COM¹", "con .txt"]).values()} == {"_"}
    for one in odd:
        assert file_names_of([one])[one] in (file_names_of(odd)[one], one)


def test_a_workbook_holds_what_it_is_given():
    """Numbers beyond what Excel counts exactly, letters that XML lacks, moments, and no rows."""
    made = workbook_bytes({
        "a&b": {
            "n": [1, 2**60, 1.5, True, None],
            "text": ["=1+1", "<a>", " b ", "c\x01d", "x" * 40_000],
        },
        "empty": {"n": []},
        "none": {},
    })  # fmt: skip
    book = openpyxl.load_workbook(io.BytesIO(made))
    assert [c.value for c in book["a&b"]["A"]] == ["n", 1, str(2**60), 1.5, True, None]
    assert [c.value for c in book["a&b"]["B"]][1:5] == ["=1+1", "<a>", " b ", "cd"]
    assert len(book["a&b"]["B"][5].value) == 32_767
    wide = openpyxl.load_workbook(io.BytesIO(workbook_bytes({"x": {"t": ["\U0001f600" * 20_000]}})))
    assert wide["x"]["A"][1].value == "\U0001f600" * 16_383
    with pytest.raises(rt.RetentionError, match="1,048,576 rows for sheet 'list'"):
        workbook_bytes({"list": {"n": range(1_048_576)}})
    assert all(
        info.date_time == (1980, 1, 1, 0, 0, 0)
        for info in zipfile.ZipFile(io.BytesIO(made)).filelist
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--first"], 2, "Say --as-of, the day of the list"),
        (["--as-of", "2024-03-10"], 2, "Say --previous, the list of the night before"),
        (["--as-of", "2024-03-10", "--first", "--previous", "x.csv"], 2, "Not both."),
        (["--as-of", "2024-03-10", "--previous", "x.parquet"], 1, "On the first night say --first"),
        (
            ["--as-of", "2024-03-10", "--first", "--severity", "overdue contact=1"],
            1,
            "without a severity",
        ),
        (["--as-of", "2024-03-10", "--first", "--severity", "lapsing"], 2, "--severity: must be"),
        (["--as-of", "2024-03-10", "--first", "--at-most", "0"], 1, "--at-most"),
        (["--as-of", "2024-03-10", "--first", "--allow-unvalued", "0"], 1, "1 customer"),
        (["--as-of", "2024-03-10", "--first", "--order", "expected_loss"], 1, "--risk"),
        (["--as-of", "2024-03-10", "--first", "--valid-for", "3"], 2, "without --alarms"),
        (["--as-of", "2024-03-10", "--first", "-o", "values.csv"], 2, "is --values, too"),
        (["--as-of", "2024-03-10", "--first", "-o", "a.doc"], 2, "no format ends in '.doc'"),
        (["--as-of", "2024-03-10", "--first", "--per-owner", "own.csv"], 2, "that is a file"),
        (["--as-of", "2024-03-10", "--first", "-o", "all.csv"], 2, "is the file of entries, too"),
        (["--as-of", "2024-03-10", "--first", "-o", "l/d.csv", "--per-owner", "l"], 2, "lies in"),
        (["--as-of", "2024-03-10", "--first", "-o", "lost/d.csv"], 1, "no folder lost. Make it"),
        (
            ["--as-of", "2024-03-10", "--first", "--opted-out", ""],
            2,
            "--opted-out: must be the name",
        ),
        (
            ["--as-of", "2024-03-10", "--first", "--severity", "a=1.5"],
            2,
            "--severity: must be a who",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(capsys, words, code, message):
    """With the option that is wrong, and nothing written."""
    found, out, err = run(capsys, "--config", "watch.toml", *words)
    assert (found, out) == (code, "")
    assert message in err


def test_nights_that_cannot_be_compared_are_refused_with_a_way_out(capsys):
    """The same night again, a changed policy, and ids that a CSV had to write otherwise."""
    run(capsys, *DAY, "2024-03-10", "--first", "-o", "d10.parquet")
    code, _, err = run(capsys, *DAY, "2024-03-10", "--previous", "d10.parquet")
    assert (code, "name the list of an earlier day" in err) == (1, True)
    told = "overdue contact=9,not renewed=2,overdue invoice=2,lapsing=1,moved=1"
    again = [*DAY, "2024-03-11", "--severity", told]
    code, _, err = run(capsys, *again, "--previous", "d10.parquet")
    assert (code, "say --first in place of --previous" in err) == (1, True)
    assert run(capsys, *again, "--first")[0] == 3
    run(capsys, *DAY, "2024-03-10", "--first", "-o", "d10.csv")
    text = Path("d10.csv").read_text()
    Path("d10.csv").write_text(text + text.splitlines()[1].replace("002", "'=7") + "\n")
    code, _, err = run(capsys, *DAY, "2024-03-11", "--previous", "d10.csv")
    assert (code, "Keep the list as .parquet" in err) == (1, True)


def test_a_refusal_says_which_file_it_is_about(capsys):
    """And where in the config file its columns are named."""
    for name, text in {"values.csv": "kunde,wert\n001,1\n", "own.csv": FILES["own.csv"]}.items():
        Path(name).write_text(text)
    words = ["own.csv", "--as-of", "2024-03-10", "--first", "--severity", "moved=1"]
    code, _, err = run(capsys, *words, "--values", "values.csv")
    assert code == 1
    assert err.startswith("retention: values.csv: ")
    assert "[doors.values] says which column is which" in err
    doors = "[doors.values]\ncustomer_id = 'kunde'\nvalue = 'wert'\n"
    Path("w.toml").write_text(doors)
    asked = [*words, "--values", "values.csv", "--allow-unvalued", "1", "--config", "w.toml"]
    assert run(capsys, *asked)[0] == 3
    Path("w.toml").write_text(f"{doors}valu = 'x'\n")
    code, _, err = run(capsys, *asked)
    assert (code, "doors.values.valu is no setting of that file. Did you mean value?" in err) == (
        2, True,
    )  # fmt: skip
    code, _, err = run(capsys, *words[1:], "--values", "values.csv")
    assert (code, "Say of what the list is made" in err) == (2, True)


def test_a_list_of_nobody_is_a_list(capsys):
    """Nobody is in trouble: the file is there, and the next night reads it."""
    for name in ("own.csv", "nobody.csv"):
        Path(name).write_text(FILES[name].splitlines()[0] + "\n")
    words = ["own.csv", "--severity", "moved=1", "--values", "values.csv", "--decimal", ","]
    files = ["-o", "d10.parquet", "--per-owner", "o.xlsx", "--changes", "c.parquet"]
    assert run(capsys, *words, "--as-of", "2024-03-10", "--first", *files)[0] == 0
    Path("own.csv").write_text(FILES["own.csv"])
    words += ["--allow-unvalued", "1", "--previous", "d10.parquet"]
    code, _, err = run(capsys, *words, "--as-of", "2024-03-11")
    assert code == 3
    assert "since the night before: 1 new" in err


def test_days_back_are_as_many_as_there_are(capsys):
    """Beyond the calendar it is all of it, and fewer than none are refused."""
    words = ["--config", "files.toml", "--as-of", "2024-03-10", "--first", "--lapsed-within"]
    assert run(capsys, *words, "999999")[0] == 3
    code, _, err = run(capsys, *words, "-1")
    assert (code, "--lapsed-within must be" in err) == (1, True)


def test_alarms_stand_for_as_long_as_is_said(capsys):
    """The reason is the signal."""
    rows = "customer_id,date,signal\n001,2024-03-01,silent\n002,2024-03-09,silent\n"
    Path("alarms.csv").write_text(rows)
    words = ["--alarms", "alarms.csv", "--valid-for", "7", "--severity", "silent=1", "--first"]
    code, out, _ = run(
        capsys, *words, "--values", "values.csv", "--decimal", ",", "--as-of", "2024-03-10",
        "--format", "json",
    )  # fmt: skip
    assert (code, [row["customer_id"] for row in json.loads(out)]) == (3, ["002"])


def test_the_list_before_is_read_as_it_was_written(capsys):
    """However the files of others are: their letters, separators and days are not those of ours."""
    for name in ("all.csv", "values.csv", "owners.csv", "calls.csv"):
        text = Path(name).read_text().replace("004", "Zoë").replace("2024-03-08", "08.03.2024")
        text = text if name == "values.csv" else text.replace(",", ";")
        Path(name).write_text(text, encoding="cp1252")
    Path("watch.toml").write_text(
        FILES["watch.toml"] + "encoding = 'cp1252'\nseparator = ';'\n"
        "[doors.calls]\ndate_format = '%d.%m.%Y'\n[doors.values]\nseparator = ';'\n"
    )
    assert run(capsys, *DAY, "2024-03-10", "--first", "-o", "d.csv")[0] == 3
    code, _, err = run(capsys, *DAY, "2024-03-11", "--previous", "d.csv", "--incomplete", "drop")
    assert (code, "5 same, 0 closed" in err) == (0, True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",call,", ",Call,", "status is Call in 4 of 5 rows, and may be call or suppressed"),
        ("False", "FALSCH", "escalate is FALSCH in 4 of 5 rows, and may be true or false"),
        (",20,1,", ",20,1.5,", "severity is 1.5 in 1 of 5 rows, and may be a whole number"),
        (",20,1,", ",x,1,", "Fill it in. A list is read as --output wrote it: best keep"),
    ],
)
def test_a_list_that_somebody_has_edited_is_refused(capsys, old, new, message):
    """Or the news would be of what was edited, not of the customers."""
    run(capsys, *DAY, "2024-03-10", "--first", "-o", "d.csv")
    Path("d.csv").write_text(Path("d.csv").read_text().replace(old, new).replace(";", "; "))
    code, _, err = run(capsys, *DAY, "2024-03-11", "--previous", "d.csv")
    assert (code, message in err.replace("\n", " ")) == (1, True), err


def test_ids_that_are_written_otherwise_are_pointed_at(capsys):
    """A spreadsheet takes 001 for 1: then who opted out is called, and all on a list are new."""
    run(capsys, *DAY, "2024-03-10", "--first", "-o", "d.csv")
    Path("d.csv").write_text(Path("d.csv").read_text().replace(",00", ","))
    Path("nobody.csv").write_text("customer_id\n2\n3\n")
    code, _, err = run(capsys, *DAY, "2024-03-11", "--previous", "d.csv")
    assert code == 3
    assert "None of the 2 rows of nobody.csv is of a customer in --values or on the list" in err
    assert "None of the 5 customers of --previous d.csv is on the list tonight" in err
    Path("d.csv").write_text("a,b\n")  # of something else, and without rows
    code, _, err = run(capsys, *DAY, "2024-03-11", "--previous", "d.csv")
    assert (code, "'customer_id', which is not a column" in err) == (1, True)


def test_what_a_config_file_says_of_no_file_is_refused(capsys):
    """A section misspelt would leave its file as it is; true is no number."""
    words = [*DAY, "2024-03-10", "--first"]
    for more, message in {
        "[doors.value]\nvalue = 'x'\n": "[doors.value] is of no file of a list. Did you mean",
        "[doors.calls]\nquatsch = 1\n": "doors.calls.quatsch is no setting of that file",
    }.items():
        Path("watch.toml").write_text(FILES["watch.toml"] + more)
        code, _, err = run(capsys, *words)
        assert (code, message in err) == (2, True)
    Path("watch.toml").write_text(FILES["watch.toml"].replace("moved = 1", "moved = true"))
    code, _, err = run(capsys, *words)
    assert (code, "watched.severity: must be a number of each name" in err) == (2, True)


def test_rows_that_cannot_be_used_may_be_left_out_of_plain_tables(capsys):
    """As the refusal says; and never of the list before."""
    Path("values.csv").write_text(FILES["values.csv"] + ";77\n")
    code, _, err = run(capsys, *DAY, "2024-03-10", "--first")
    assert (code, "--incomplete drop leaves out those rows" in err) == (1, True)
    code, _, err = run(capsys, *DAY, "2024-03-10", "--first", "--incomplete", "drop")
    assert (code, "careful" in err) == (3, True)


def test_formulas_stay_text_in_a_csv_that_a_spreadsheet_parts_at_semicolons(capsys):
    """Behind a semicolon, a tab or a line break begins a cell there; and a night is read again."""
    text = 'customer_id,reason,since\n001,=moved,2024-03-07\n002,"x;=1\n+2",2024-03-07\n'
    Path("own.csv").write_text(text)
    words = ["own.csv", "--values", "values.csv", "--decimal", ","]
    words += ["--severity", "=moved=1,x;=1\n+2=1"]
    assert run(capsys, *words, "--as-of", "2024-03-10", "--first", "-o", "d.csv")[0] == 3
    written = Path("d.csv").read_text()
    assert "x;'=1\n'+2" in written
    assert "'=moved" in written
    code, _, err = run(capsys, *words, "--as-of", "2024-03-11", "--previous", "d.csv")
    assert (code, "2 same" in err) == (0, True), err


def test_columns_of_a_list_have_one_type_every_night(capsys):
    """Nights are read together: a column of which nothing is there is one of texts, too."""
    run(capsys, *DAY, "2024-03-10", "--first", "-o", "d.parquet")
    types = dict(duckdb.sql("SELECT name, type FROM parquet_schema('d.parquet')").fetchall())
    assert types["detail"] == types["owner"] == "BYTE_ARRAY"
