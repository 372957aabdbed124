"""The report as a page: it stands alone, runs nothing, can be heard, and is the same each time."""

from __future__ import annotations

import re
from html import unescape

import pytest

import retention as rt
import shops
from retention.report.markdown import plain_words

pytestmark = pytest.mark.once


SAY = {"as_of": "2024-12-31", "freq": "year", "observed_from": "2022-01-01"}


@pytest.fixture(scope="module")
def company():
    """A small coffee roaster."""
    return rt.sample_company(300, seed=2)


@pytest.fixture(scope="module")
def orders(company):
    """Its order lines, checked."""
    return rt.as_transactions(
        company.orders,
        customer_id="customer_id",
        date="date",
        sales="sales",
        profit="profit",
        refunds="net",
        keep="region",
    )


@pytest.fixture(scope="module")
def whole(orders, company):
    """The report of its orders, with every section and picture."""
    return rt.retention_report(orders, **SAY, by="region", notes=company.notes)


def test_the_same_input_gives_the_same_bytes(whole, orders, company):
    """Pictures included: nothing of the day or of chance."""
    again = rt.retention_report(orders, **SAY, by="region", notes=company.notes)
    assert again.to_html() == whole.to_html()
    assert again.to_markdown() == whole.to_markdown()


def test_an_html_report_stands_alone(whole):
    """Nothing is fetched, nothing can run, and it is small enough for a letter."""
    page = whole.to_html()
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert {link[0] for link in links} == {"#", "d"}
    assert [link for link in links if link[0] == "d"] == ["data:,"]
    assert "url(http" not in page
    assert "@import" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert len(page.encode()) < 2_000_000


def test_an_html_report_can_be_heard_and_walked_through(whole):
    """A language, one main part, named sections, headers with a scope, pictures with words."""
    page = whole.to_html()
    assert '<html lang="en">' in page
    assert page.count("<main") == page.count("<h1>") == 1
    assert '<a class="skip" href="#main">' in page
    assert len(re.findall(r'<th scope="(?:col|row)"', page)) == page.count("<th ")
    assert page.count("<table") == page.count("<caption>")
    assert page.count('role="img" aria-labelledby') == page.count("<desc id=") == 9
    assert page.count('role="img" aria-label="') == page.count('<svg class="spark"') > 6
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    named = set(ids)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= named
    for several in re.findall(r'aria-labelledby="([^"]+)"', page):
        assert set(several.split()) <= named


def test_names_are_shown_and_never_run(orders):
    """Customers, segments and titles are text, whatever stands in them."""
    nasty = "<script>alert(1)</script>"
    table = orders.assign(
        region=orders["region"].replace("West", nasty),
        customer_id=orders["customer_id"] + '"><img src=x onerror=alert(2)>',
    )
    report = rt.retention_report(table, **SAY, by="region", title=f"{nasty} & more")
    page = report.to_html()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page
    assert "<script" not in report.to_markdown()
    assert "<script" not in report._repr_html_()


def test_markdown_keeps_tables_whole():
    """A bar in a name is no new column, and a line break no new row."""
    lines = [
        (f"c{i}", day, 10, "a|b\nc" if i % 2 else "x*y")
        for i in range(40)
        for day in ("2024-01-01", "2024-02-10", "2024-03-31")
    ]
    table = shops.orders(*lines, columns=("region",))
    report = rt.retention_report(
        table, as_of="2024-03-31", freq="month", by="region", gap=60, pictures=False
    )
    text = report.to_markdown()
    assert r"a\|b c" in text
    assert r"x\*y" in text


def test_the_list_of_names_can_be_left_out(orders):
    """A report that goes round need not name anybody."""
    report = rt.retention_report(orders, **SAY, at_risk=0, pictures=False)
    ids = set(orders["customer_id"])
    assert next(part for part in report.sections if part.key == "risk").grids == ()
    assert not [word for word in re.findall(r"\w+", report.to_html()) if word in ids]


def test_reports_are_saved_by_their_ending(whole, tmp_path):
    """HTML or Markdown; the other forms are in test_report_forms.py."""
    whole.save(tmp_path / "r.html")
    whole.save(str(tmp_path / "r.md"))
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == whole.to_html()
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == whole.to_markdown()
    with pytest.raises(rt.RetentionError, match="A PDF is printed by a browser"):
        whole.save("r.pdf")


def test_names_that_look_like_ids_or_lack_a_glyph_are_drawn_as_they_are(orders):
    """Words of a picture are no attributes; other alphabets and control characters warn not."""
    names = {
        "North": 'id="boo" url(#x)', "South": "中文 😀 שלום", "East": "$x$", "West": "a\x00b"
    }  # fmt: skip
    named = orders.assign(region=orders["region"].replace(names))
    page = rt.retention_report(named, **SAY, by="region").to_html()
    pictures = unescape("".join(re.findall(r"<svg xmlns.*?</svg>", page, re.DOTALL)))
    for name in names.values():
        shown = re.sub(r"[\x00-\x1f]", "\ufffd", name)
        assert f">{shown}</text>" in pictures
    assert not re.search(r"[\x00-\x08\x0b]", page)


def test_markdown_shows_entities_and_dollars_as_they_are():
    """R&amp;D stays R&amp;D, and two prices are no formula."""
    assert plain_words("R&amp;D &lt;b> $5 or $6") == r"R&amp;amp;D &amp;lt;b\> \$5 or \$6"


def test_wide_tables_say_on_a_phone_that_they_scroll(whole):
    """Those of few columns fit, and say nothing."""
    page = whole.to_html()
    assert page.count('class="scroll wide drawing"') == page.count("<figure>")
    assert page.count('class="scroll"') == page.count('<table class="few">')
    assert page.count('class="scroll wide"') == page.count("<table>")
    assert "Swipe sideways" in page


def test_a_cell_of_the_heat_map_tells_its_bounds_and_its_customers(whole, orders):
    """Without a script: the title of a clear box over it."""
    picture = next(one for one in whole.sections if one.key == "cohorts").pictures[0]
    days = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
    cells = rt.cohort_retention(rt.customer_periods(orders, freq="year", **days))
    told = re.findall(r"<rect [^>]*><title>([^<]+)</title></rect>", picture.svg)
    seen = cells[cells["observed"] & (cells["n_cohort"] >= 10)]
    assert len(told) == len(seen)
    row = seen[seen["age"] == 1].iloc[0]
    words = f"{row['rate']:.1%} ({row['lower']:.1%} to {row['upper']:.1%})"
    assert f"2022, year 1: {words} of {row['n_eligible']:,} customers" in told
