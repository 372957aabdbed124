"""The report in a browser: headless Chromium says what fits, what complains and what runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest

import retention as rt

pytestmark = pytest.mark.browser

WIDTHS = (390, 1440)
NASTY = "<script>document.title='run'</script>"
FRAME = """<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>
<iframe id="page" style="border:0;height:900px" srcdoc="{page}"></iframe>
<script>
const frame = document.getElementById("page");
frame.addEventListener("load", () => {{
  const found = {widths}.map((width) => {{
    frame.style.width = width + "px";
    const page = frame.contentDocument;
    const wide = [...page.querySelectorAll("body *")]
      .filter((one) => !one.parentElement.closest(".scroll, .skip") && one.className !== "skip")
      .filter((one) => one.getBoundingClientRect().right > width + 1)
      .map((one) => one.tagName);
    return {{width, scroll: page.documentElement.scrollWidth, wide, title: page.title}};
  }});
  document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
}});
</script></body></html>"""


def chromium(tmp_path, *words):
    """What Chromium prints when it has opened a page, and what it complains of."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "these tests need Chromium: apt-get install chromium"
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", *words]
    found = subprocess.run(command, capture_output=True, timeout=120, check=True)
    complaints = re.findall(r"CONSOLE.*", found.stderr.decode("utf-8", "replace"))
    return found.stdout.decode("utf-8", "replace"), complaints


@pytest.fixture(scope="module")
def page():
    """A whole report, pictures and all, of a company with a segment that would be a script."""
    company = rt.sample_company(600, seed=3)
    region = company.orders["region"].replace("West", NASTY)
    orders = rt.as_transactions(
        company.orders.assign(region=region),
        customer_id="customer_id",
        date="date",
        sales="sales",
        profit="profit",
        refunds="net",
        keep=["region", "channel"],
    )
    return rt.retention_report(
        orders,
        as_of="2024-12-31",
        observed_from="2022-01-01",
        freq="month",
        by=["region", "channel"],
        notes=company.notes,
        title="A long title of a company that retains its customers, customerwise",
    ).to_html()


def test_nothing_is_wider_than_the_page(page, tmp_path):
    """On a telephone and on a desk; wide tables and pictures scroll in boxes of their own."""
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=escape(page), widths=list(WIDTHS)), encoding="utf-8")
    out, _ = chromium(tmp_path, "--window-size=1500,1000", "--dump-dom", frame.as_uri())
    found = json.loads(unescape(re.search(r"FOUND(.*?)END", out)[1]))
    assert [one["width"] for one in found] == list(WIDTHS)
    for one in found:
        assert one["scroll"] <= one["width"]
        assert one["wide"] == []


def test_the_browser_has_nothing_to_complain_of_and_runs_nothing(page, tmp_path):
    """No console message, no blocked request, and a segment called <script> stays a word."""
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    out, complaints = chromium(tmp_path, "--dump-dom", file.as_uri())
    assert complaints == []
    assert "<title>A long title" in out
    assert "<script" not in out
    assert escape(NASTY, quote=False) in out


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_follows_the_readers_choice_of_light_and_dark(page, tmp_path, dark):
    """The corner of the screenshot is the paper's colour."""
    from matplotlib.image import imread

    file, picture = tmp_path / "report.html", tmp_path / "shot.png"
    file.write_text(page, encoding="utf-8")
    words = ["--window-size=1440,900", f"--screenshot={picture}", file.as_uri()]
    chromium(tmp_path, *(["--force-dark-mode"] if dark else []), *words)
    corner = imread(picture)[5, 5, :3].mean()
    assert (corner < 0.3) if dark else (corner > 0.9)
