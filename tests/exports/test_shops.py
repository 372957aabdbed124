"""Exports of shops, books, CRMs and banks: from file to figure, in Python and on the command line.

The files are invented; their columns are those of each system's own documentation. In all of them
Ann buys for 30 in January and 40 in February, Bob for 20 (in some 25, of which 5 are paid back) and
10, Cem for 50 in January alone. Whatever else they hold is no sale: orders of Dan, who never paid,
and of Cem in February, cancelled, failed or paid back whole, totals, rent, interest. So by hand:
of 3 customers 2 came back, and of 100 in sales 30 + 20 were theirs.
"""

from __future__ import annotations

import csv
import re
import shlex
import warnings
from functools import cache
from pathlib import Path

import narwhals.stable.v2 as nw
import pytest

import retention as rt

FILES = Path(__file__).parent / "files"
PAGES = Path(__file__).parents[2] / "docs" / "how-to" / "exports"
SYSTEMS: dict[str, dict[str, object]] = {
    "shopify": {
        "customer_id": "Email",
        "date": "Created at",
        "sales": "Total",
        "order_id": "Name",
        "refunded": "Refunded Amount",
        "per_order": ["Total", "Refunded Amount", "Financial Status"],
        "where": {"Financial Status": ["paid", "partially_refunded"]},
        "tz": "Europe/Berlin",
    },
    "woocommerce": {
        "customer_id": "Customer",
        "date": "Date",
        "sales": "Net Sales",
        "order_id": "Order #",
        "refunds": "net",
        "where": {"Status": ["completed", "processing", "refunded"]},
    },
    "magento": {
        "customer_id": "Customer Email",
        "date": "Purchase Date",
        "sales": "Grand Total (Base)",
        "order_id": "ID",
        "refunded": "Total Refunded",
        "where": {"Status": ["complete", "processing"]},
    },
    "prestashop": {
        "customer_id": "Customer",
        "date": "Date",
        "sales": "Total",
        "order_id": "ID",
        "where": {"Status": ["Payment accepted", "Shipped", "Delivered"]},
    },
    "square": {
        "customer_id": "Customer ID",
        "date": "Date",
        "sales": "Net Sales",
        "order_id": "Transaction ID",
        "refunds": "net",
        "incomplete": "drop",
    },
    "paypal": {
        "customer_id": "Name",
        "date": "Date",
        "sales": "Gross",
        "order_id": "Transaction ID",
        "refunds": "net",
        "where": {
            "Type": ["Express Checkout Payment", "Payment Refund"],
            "Status": ["Completed", "Partially Refunded"],
        },
    },
    "amazon": {
        "customer_id": "buyer-email",
        "date": "purchase-date",
        "sales": "item-price",
        "order_id": "order-id",
        "tz": "Europe/Berlin",
    },
    "ebay": {
        "customer_id": "Buyer Username",
        "date": "Paid On Date",
        "sales": "Total Price",
        "order_id": "Order Number",
        "per_order": ["Total Price", "Paid On Date"],
        "date_format": "%b-%d-%y",
        "incomplete": "drop",
    },
    "quickbooks": {
        "customer_id": "unnamed_1",
        "date": "Transaction date",
        "sales": "Amount",
        "order_id": "Num",
        "headings": "unnamed_1",
        "refunds": "net",
        "incomplete": "drop",
    },
    "xero": {
        "customer_id": "ContactName",
        "date": "InvoiceDate",
        "sales": "LineAmount",
        "order_id": "InvoiceNumber",
        "where": {"Status": ["Paid", "Awaiting Payment"]},
    },
    "salesforce": {
        "customer_id": "Account Name",
        "date": "Close Date",
        "sales": "Amount",
        "where": {"Stage": ["Closed Won"]},
        "incomplete": "drop",
    },
    "hubspot": {
        "customer_id": "Associated Company IDs (Primary)",
        "date": "Close Date",
        "sales": "Amount",
        "order_id": "Record ID",
        "where": {"Deal Stage": ["Closed won"]},
    },
    "ga4": {
        "customer_id": "user_id",
        "date": "event_timestamp",
        "sales": "purchase_revenue",
        "order_id": "transaction_id",
        "refunded": "refund_value",
        "refunds": "net",
        "where": {"event_name": ["purchase", "refund"]},
        "date_format": "epoch_us",
        "tz": "Europe/Berlin",
    },
    "ga4_exploration": {
        "customer_id": "Customer ID",
        "date": "Date",
        "sales": "Purchase revenue",
        "order_id": "Transaction ID",
        "incomplete": "drop",
    },
    "bank": {
        "customer_id": "Auftraggeber/Empfänger",
        "date": "Buchung",
        "sales": "Betrag",
        "refunds": "net",
        "where": {"Buchungstext": ["Gutschrift", "Überweisung"]},
        "encoding": "cp1252",
    },
    "bank_debit": {
        "customer_id": "IBAN",
        "date": "Buchungstag",
        "sales": "Haben",
        "refunded": "Soll",
        "refunds": "net",
        "where": {"Umsatzart": ["SEPA-Gutschrift von", "SEPA-Überweisung an"]},
        "incomplete": "drop",
    },
}
"""What is said of each system's file."""

PAGE_OF = {"ga4_exploration": "ga4", "bank_debit": "bank"}
"""Files that share a page with another."""

ROWS = {"quickbooks": 12, "salesforce": 12, "ga4_exploration": 7, "bank_debit": 9}
"""Rows of the files that have lines which are none: footers count, headings do not."""

BY_HAND = {"n_base": 3, "n_retained": 2, "sales_base": 100.0, "sales_retained": 50.0}
DAYS = {"observed_from": "2024-01-01", "as_of": "2024-02-29"}
every_system = pytest.mark.parametrize("system", SYSTEMS)


def file_of(system):
    """The invented file of a system."""
    return next(FILES.glob(f"{system}.*"))


def typed(said):
    """The keywords as they are typed."""
    for name, value in said.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "where":
            for column, values in value.items():
                for each in values:
                    yield from (flag, f"{column}={each}")
        else:
            for each in value if isinstance(value, list) else [value]:
                yield from (flag, each)


@pytest.mark.parametrize(
    ("system", "kind"),
    [*((system, "pandas") for system in SYSTEMS), *((s, "duckdb") for s in [*SYSTEMS][::3])],
)
@pytest.mark.filterwarnings("ignore:.*left out as incomplete")
def test_a_file_becomes_the_figure_worked_out_by_hand(system, kind):
    """Read at once, and left unread in DuckDB; sales to the cent."""
    lines = rt.as_transactions(file_of(system), engine=kind, **SYSTEMS[system])
    activity = rt.customer_periods(lines, freq="month", **DAYS)
    kpis = nw.from_native(rt.outcome_kpis(activity)).lazy().collect()
    row = kpis.rows(named=True)[0]
    assert {name: row[name] for name in BY_HAND} == pytest.approx(BY_HAND)


@every_system
def test_every_row_is_a_sale_or_set_aside_with_a_reason(system):
    """Nothing goes in silence: the audit of the same file adds up, and names its reasons."""
    audit = rt.audit(rt.as_transactions, file_of(system), **SYSTEMS[system])
    said = {"encoding": SYSTEMS[system].get("encoding")}
    rows = ROWS.get(system) or len(rt.read_table(file_of(system), **said))
    assert len(audit.accepted) + len(audit.set_aside) == rows
    assert audit.accepted["sales"].sum() == pytest.approx(150.0)
    known = r".* not in where|further line of an order|missing date|blank .*_id|total in place .*"
    assert [why for why in audit.set_aside["reason"] if not re.fullmatch(known, why)] == []


@every_system
def test_its_page_shows_this_file_and_these_words(system):
    """What the docs tell to write is what is tested here; their commands run, as all of docs."""
    page = (PAGES / f"{PAGE_OF.get(system, system)}.md").read_text(encoding="utf-8")
    encoding = SYSTEMS[system].get("encoding", "utf-8")
    text = file_of(system).read_text(encoding=encoding)
    assert text.replace("\t", "\\t") in page
    lines = re.findall(r'line = r"""\n(.*?)\n"""', page, re.DOTALL)
    said = [shlex.split(line.replace("\\\n", " ")) for line in lines]
    told = [words[words.index("kpis") + 2 : words.index("--observed-from")] for words in said]
    assert [*typed(SYSTEMS[system])] in told


@pytest.mark.parametrize("system", [name for name in SYSTEMS if "where" in SYSTEMS[name]])
@pytest.mark.filterwarnings("ignore:.*If they brought nothing", "ignore:.*left out as incomplete")
def test_without_a_choice_of_rows_another_figure_comes_out_or_a_question(system):
    """The choice is what makes it right: the files would not test it otherwise."""
    said = {name: value for name, value in SYSTEMS[system].items() if name != "where"}
    try:
        lines = rt.as_transactions(file_of(system), **said)
    except rt.ContentError:
        return
    activity = rt.customer_periods(lines, freq="month", **DAYS)
    assert rt.outcome_kpis(activity)["n_base"][0] != BY_HAND["n_base"]


def test_a_total_without_its_keyword_is_asked_about_and_named():
    """Shopify's blanks: the refusal names the column and the keyword that reads it."""
    said = {**SYSTEMS["shopify"], "per_order": ["Financial Status"]}
    said.pop("refunded")
    with pytest.raises(rt.ContentError, match="name 'Total' in per_order="):
        rt.as_transactions(file_of("shopify"), **said)


def test_what_is_left_out_as_incomplete_is_counted():
    """Square's walk-in customers."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rt.as_transactions(file_of("square"), **SYSTEMS["square"])
    assert [str(each.message) for each in told] == [
        "transactions: 1 row of 7 left out as incomplete: blank customer_id 1."
    ]


# --- what spreadsheets and download buttons make of them


def saved_with_mark(text, separator):
    """As Excel's "CSV UTF-8"."""
    return "\ufeff" + text


def saved_with_windows_ends(text, separator):
    """By a spreadsheet on Windows."""
    return text.replace("\n", "\r\n")


def with_blank_rows_at_the_end(text, separator):
    """Rows that were once filled in."""
    return text + (separator * width_of(text, separator) + "\n") * 3


def with_a_line_for_excel(text, separator):
    """For a file that Excel should open whatever its locale."""
    return f"sep={separator}\n{text}"


def with_a_title(text, separator):
    """As a report is printed."""
    return f"Orders of the year\n\n{text}"


def with_a_total(text, separator):
    """A row that adds up the others, which somebody wrote below them."""
    return f"{text}Total{separator * width_of(text, separator)}\n"


def with_a_note(text, separator):
    """A line below the table that is no row of it."""
    return f"{text}\nExported by Kim\n"


HABITS = {each.__name__: each for each in (
    *(saved_with_mark, saved_with_windows_ends, with_blank_rows_at_the_end),
    *(with_a_line_for_excel, with_a_title, with_a_total, with_a_note),
)}  # fmt: skip
SEPARATORS = {"amazon": "\t", "prestashop": ";", "bank": ";", "bank_debit": ";"}


def width_of(text, separator):
    """How many separators a row has, quoted ones not counted."""
    rows = csv.reader(text.splitlines(), delimiter=separator)
    return max(len(row) for row in rows if "Grand total" not in row) - 1


def read_as_advised(path, said, *, may_ask):
    """The file read; where it `may_ask`, with the keyword that the refusal names."""
    try:
        return rt.as_transactions(path, engine="polars", **said)
    except rt.RetentionError as refusal:
        if not may_ask or "incomplete='drop'" not in str(refusal):
            raise
    return rt.as_transactions(path, engine="polars", **said | {"incomplete": "drop"})


@pytest.mark.once
@pytest.mark.parametrize(
    ("system", "habit"),
    [(s, h) for i, s in enumerate(SYSTEMS) for j, h in enumerate(HABITS) if (i + j) % 2],
)
@pytest.mark.filterwarnings("ignore:.*left out as incomplete")
def test_habits_of_writers_change_no_figure_or_the_keyword_is_named(tmp_path, system, habit):
    """Either it is read as the file was, or one keyword is asked for, with which it is."""
    said = {**SYSTEMS[system]}
    encoding = str(said.pop("encoding", "utf-8"))
    text = file_of(system).read_text(encoding=encoding)
    path = tmp_path / file_of(system).name
    changed = HABITS[habit](text, SEPARATORS.get(system, ","))
    path.write_text(changed, encoding="utf-8", newline="")
    lines = read_as_advised(path, said, may_ask=habit in ("with_a_total", "with_a_note"))
    assert lines.equals(lines_of_file(system))


@cache
def lines_of_file(system):
    """What is read of the file as it is, from which the figures by hand come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rt.RetentionWarning)
        return rt.as_transactions(file_of(system), engine="polars", **SYSTEMS[system])
