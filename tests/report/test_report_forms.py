"""What a report is saved as: workbooks whose numbers are numbers, whole files, amounts in euros."""

from __future__ import annotations

import io
import pickle
import re
import sys

import openpyxl
import pytest

import retention as rt
import shops
from retention.report import Presentation

SAY = {
    "as_of": "2024-03-31",
    "observed_from": "2024-01-01",
    "freq": "month",
    "gap": 40,
    "min_customers": 2,
    "pictures": False,
}
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(0)")


@pytest.fixture(scope="module")
def orders():
    """Sixty customers in regions whose names a spreadsheet would run; two buy for thousands."""
    lines = [
        (f"=C{i}" if i < 3 else f"C{i}", f"2024-0{month}-28", 1500.5 if i < 2 else 10.25, region)
        for i in range(60)
        for region in [FORMULAS[i % len(FORMULAS)]]
        for month in (1, 2, 3)
        if (i + month) % 4
    ]
    return shops.orders(*lines, columns=("region",))


@pytest.fixture(scope="module")
def report(orders):
    """Their report in plain numbers."""
    how = Presentation(labels={"region": "=Region"})
    return rt.retention_report(orders, **SAY, by="region", title="=cmd", presentation=how)


@pytest.fixture(scope="module")
def workbook(report):
    """The report as a spreadsheet opens it."""
    return openpyxl.load_workbook(io.BytesIO(report.to_workbook()))


def cells_of(workbook):
    """Every cell in which something stands."""
    rows = [row for sheet in workbook for row in sheet.iter_rows()]
    return [cell for row in rows for cell in row if cell.value is not None]


def test_a_workbook_has_a_sheet_for_each_section(report, workbook):
    """After one with all findings; heading and finding stay in sight."""
    assert workbook.sheetnames == ["Report", *(one.key.capitalize() for one in report.sections)]
    for sheet, one in zip(workbook.worksheets[1:], report.sections, strict=True):
        assert (sheet["A1"].value, sheet["A2"].value) == (one.heading, one.finding)
        assert sheet.freeze_panes == "B3"
    findings = [row[1] for row in workbook["Report"].iter_rows(min_row=5, values_only=True)]
    assert findings == [one.finding for one in report.sections]


def test_no_text_of_a_workbook_is_a_formula(workbook):
    """Not the title, nor a label, a segment, a customer's name; all stand there as they are."""
    cells = cells_of(workbook)
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    texts = {cell.value for cell in cells if cell.data_type == "s"}
    assert {"=cmd", "=Region", *FORMULAS} <= texts
    assert all(cell.quotePrefix for cell in cells if str(cell.value).startswith(("=", "+", "@")))


def test_numbers_of_a_workbook_are_whole_numbers_shares_amounts_and_days(workbook, orders):
    """Unrounded, each with its format; bounds are two columns."""
    activity = rt.customer_periods(
        orders, freq="month", as_of="2024-03-31", observed_from="2024-01-01"
    )
    last = rt.outcome_kpis(activity).iloc[-1]
    rows = list(workbook["Rates"].iter_rows(min_row=5))
    heads = [cell.value for cell in rows[0]]
    row = dict(zip(heads, rows[1], strict=True))
    assert (row["Customers"].value, row["Customers"].number_format) == (last["n_base"], "#,##0")
    for head, name in (
        ("Of the customers", "retention_rate"),
        ("Of their sales", "sales_adjusted_retention"),
    ):
        at = heads.index(head)
        found = [cell.value for cell in rows[1][at : at + 3]]
        expected = [last[name], last[f"{name}_lower"], last[f"{name}_upper"]]
        assert found == pytest.approx(expected, rel=1e-12)
        assert rows[1][at].number_format == "0.0%"
    assert heads[4:6] == ["Bounds: lower", "Bounds: upper"]
    read = {row[0].value: row[1] for row in workbook["Read"].iter_rows(min_row=6)}
    assert read["Last observed day"].is_date
    sales = next(cell for name, cell in read.items() if name and name.startswith("Sales"))
    assert sales.value == pytest.approx(orders["sales"].sum())


def test_a_workbook_is_the_same_bytes_again_and_wide_enough(report, workbook):
    """No clock is read; no column is narrower than a number."""
    assert report.to_workbook() == report.to_workbook()
    for sheet in workbook:
        assert all(one.width >= 11 for one in sheet.column_dimensions.values())


def test_a_report_is_saved_whole_or_not_at_all(report, tmp_path, monkeypatch):
    """What was there stays there if the writing fails; nothing half is left."""
    for name in ("r.html", "r.md", "r.xlsx"):
        report.save(tmp_path / name)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["r.html", "r.md", "r.xlsx"]
    assert (tmp_path / "r.xlsx").read_bytes() == report.to_workbook()
    before = (tmp_path / "r.md").read_text(encoding="utf-8")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        report.save(tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == before
    assert len(list(tmp_path.iterdir())) == 3


def test_another_ending_is_refused_and_pdf_with_how_to_print(report, tmp_path):
    """The refusal tells what there is."""
    with pytest.raises(rt.RetentionError, match=r"\.html, \.htm, \.md, \.xlsx or \.json; got"):
        report.save(tmp_path / "r.docx")
    with pytest.raises(rt.RetentionError, match="--print-to-pdf=report.pdf report.html"):
        report.save(tmp_path / "r.pdf")
    with pytest.raises(FileNotFoundError) as refused:
        report.save(tmp_path / "no" / "r.md")
    assert refused.value.filename == str(tmp_path / "no" / "r.md")


def test_a_report_keeps_its_numbers_through_pickle(report):
    """And a workbook of it is the same."""
    again = pickle.loads(pickle.dumps(report))
    assert again == report
    assert again.to_workbook() == report.to_workbook()


def euros(orders, **how):
    """The headline and the worth of the orders, in euros."""
    shown = Presentation(currency="EUR", sections=["read", "headline", "came"], **how)
    return rt.retention_report(orders, **SAY, presentation=shown)


def test_a_currency_stands_with_every_amount_as_babel_writes_it(orders, report):
    """With cents below 1,000; without the signs the report is the plain one."""
    pytest.importorskip("babel")
    text = euros(orders).to_markdown()
    plain = "\n".join(line for line in report.to_markdown().splitlines() if "€" not in line)
    assert "€10.25" not in plain
    assert re.search(r"€\d,\d{3}\b(?!\.)", text)
    assert re.search(r"€\d+\.\d{2}\b", text)
    bare = {line.replace("€", "") for line in text.splitlines()}
    kept = {line for line in report.to_markdown().splitlines() if line.startswith("| Mar 2024")}
    assert kept <= bare
    money = euros(orders).to_workbook()
    sheet = openpyxl.load_workbook(io.BytesIO(money))["Came"]
    assert {cell.number_format for cell in sheet[6]} >= {'"€"#,##0.00'}


def test_a_locale_writes_all_numbers_by_its_signs(orders):
    """Never a comma for thousands here and for cents there."""
    pytest.importorskip("babel")
    text = euros(orders, locale="de_DE").to_markdown()
    assert re.search(r"\d\.\d{3}\s€", text)
    assert re.search(r"\d,\d{2}\s€", text)
    assert not re.search(r"\d\.\d%", text)
    assert not re.search(r"\d,\d{3}\b", text)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"currency": "euro"}, "is a code such as 'EUR'; got 'euro'"),
        ({"currency": "XQQ"}, "'XQQ' is no currency"),
        ({"locale": "klingon_X"}, "such as 'en' or 'de_DE'"),
    ],
)
def test_an_unknown_currency_or_locale_is_refused(how, said):
    """At once, before anything is counted."""
    pytest.importorskip("babel")
    with pytest.raises(rt.RetentionError, match=said):
        Presentation(**how)


def test_a_currency_for_amounts_in_several_is_refused(orders):
    """Where the segments are currencies, amounts are not all in one."""
    table = orders.rename(columns={"region": "currency"})
    with pytest.raises(rt.RetentionError, match="Leave one of them out"):
        rt.retention_report(table, **SAY, by="currency", presentation=Presentation(currency="EUR"))


def test_without_babel_the_code_stands_before_amounts_and_a_message_says_what_to_install(
    orders, monkeypatch
):
    """A locale cannot be had without it."""
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.warns(rt.RetentionWarning, match="pip install babel"):
        text = euros(orders).to_markdown()
    assert re.search(r"EUR\s\d,\d{3}\b", text)
    with pytest.raises(rt.RetentionError, match="needs Babel: pip install babel"):
        Presentation(locale="de_DE")
