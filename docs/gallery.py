"""The gallery of all pictures that the pages drew, and the example report, made at the build."""

from __future__ import annotations

from html import escape
from pathlib import PurePosixPath

REPORT = "example/report.html"

_DRAWN: dict[str, str] = {}
"""The address of each picture, and what it shows in words."""


def keep_picture(address: str, title: str) -> None:
    """Remember a picture that a page drew."""
    _DRAWN[address] = title


def gallery_in_html() -> str:
    """A figure for each, which leads to its page; the page of the gallery lies one level deep."""
    return f'<div class="gallery">{"".join(map(_figure_in_html, sorted(_DRAWN)))}</div>'


def _figure_in_html(address: str) -> str:
    picture = PurePosixPath(address)
    page = picture.with_name(picture.stem.rpartition("-")[0])
    home = "../" if page.name == "index" else f"../{page}/"
    title = escape(_DRAWN[address])
    return (
        f'<figure><a href="{home}"><img loading="lazy" src="../{address}" alt="{title}"></a>'
        f"<figcaption>{title}</figcaption></figure>"
    )


def example_report() -> str:
    """The page of a report on the simulated firm."""
    import retention as rt

    orders = rt.sample_company(600, seed=1).orders
    say = {"customer_id": "customer_id", "date": "date", "sales": "sales", "profit": "profit"}
    lines = rt.audit(rt.as_transactions, orders, **say, refunds="net", keep="region")
    window = {"observed_from": "2022-01-01", "as_of": "2024-12-31"}
    title = "Coffee roaster: customer retention"
    return rt.retention_report(lines, freq="quarter", by="region", title=title, **window).to_html()
