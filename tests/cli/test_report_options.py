"""retention report: what is said in Python is said in options and in a config file."""

from __future__ import annotations

import openpyxl
import pytest

from retention.cli import main

SAY = ["--as-of", "2024-04-30", "--observed-from", "2024-01-01", "--gap", "40", "--freq", "month"]


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """Sixty customers' orders as a file."""
    path = tmp_path_factory.mktemp("report") / "orders.csv"
    lines = [
        f"C{i},2024-0{month}-28,10.25,R{i % 2}"
        for i in range(60)
        for month in (1, 2, 3, 4)
        if (i + month) % 4
    ]
    path.write_text("\n".join(["customer_id,date,sales,region", *lines, ""]))
    return path


def run(capsys, *words):
    """Exit code and standard error of a command."""
    code = main(["report", *map(str, words)])
    return code, capsys.readouterr().err


def test_every_way_of_showing_has_an_option(orders, tmp_path, capsys):
    """Sections, labels, a goal, an author, text; then the report after it, and its pictures."""
    before = tmp_path / "before.json"
    first = ["--as-of", "2024-03-31", "--incomplete", "drop", "--no-pictures", *SAY[2:]]
    code, err = run(capsys, orders, *first, "-o", before)
    assert code == 0, err
    told = ["--sections", "rates,losses", "--sections", "headline", "--sections", "changes"]
    told += ["--by", "region", "--label", "region=Gebiet", "--label", "R0=Nord", "--target", "0.7"]
    told += ["--author", "Ann", "--text", "One.", "--text", "Two.", "--compared-to", before]
    code, err = run(
        capsys, orders, *SAY, *told, "-o", tmp_path / "r.md", "--pictures-to", tmp_path / "mail"
    )
    assert (code, "careful" in err) == (0, False)
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads[0].startswith("## What was kept")
    assert heads[2:] == ["## Headline figures", "## What has changed since the last report"]
    assert "by Gebiet" in text
    assert "| Nord |" in text
    assert "The goal of 70.0% is" in text
    assert "\n\nAnn\n\nOne.\n\nTwo.\n\n" in text
    assert sorted(path.name for path in (tmp_path / "mail").iterdir())[0] == "01-rates.png"


def test_a_config_file_says_the_same_and_a_workbook_is_written(orders, tmp_path, capsys):
    """The ending says what is written."""
    pytest.importorskip("babel")
    (tmp_path / "c.toml").write_text(
        '[report]\nsections = ["came"]\ndetail = "full"\nin_currency = "EUR"\npictures = false\n'
        'locale = "de_DE"\n[report.label]\nregion = "Gebiet"\n[counting]\nby = ["region"]\n'
    )
    path = tmp_path / "r.xlsx"
    code, _ = run(capsys, orders, *SAY, "--config", tmp_path / "c.toml", "-o", path)
    assert code == 0
    sheet = openpyxl.load_workbook(path)["Came"]
    assert '#,##0.00"\xa0€"' in {cell.number_format for cell in sheet[6]}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("-o", "r.docx"), 2, "Say where to: -o report.html"),
        (("-o", "r.md", "--label", "region"), 2, "must be NAME=LABEL, such as plan_tier=Plan"),
        (("-o", "r.md", "--sections", "head"), 1, "sections must be one of 'headline'"),
        (("-o", "r.md", "--logo", "none.png"), 1, "--logo none.png: No such file"),
        (("-o", "r.md", "--target", "80"), 1, "--target is the least share"),
        (("-o", "b.json", "--compared-to", "b.json"), 2, "would overwrite --compared-to"),
        (("-o", "r.md", "--no-pictures", "--pictures-to", "x"), 2, "--no-pictures draws none"),
    ],
)
def test_what_cannot_be_is_refused_in_options(
    orders, tmp_path, monkeypatch, capsys, words, code, said
):
    """And nothing is written."""
    monkeypatch.chdir(tmp_path)
    found, err = run(capsys, orders, *SAY, *words)
    assert (found, said in err) == (code, True), err
    assert list(tmp_path.iterdir()) == []
