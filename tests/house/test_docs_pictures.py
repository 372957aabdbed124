"""Pages of the docs that plot are shown what they drew, the same bytes each time."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location

from matplotlib import pyplot

from documents import ROOT

PAGE = """# A page

```python
import pandas as pd
import retention as rt

curve = rt.survival_curve(pd.DataFrame({"duration": [1, 2], "churned": [True, False]}))
ax = rt.plots.plot_survival(curve)
```

Words behind it.

```python
ax = rt.plots.plot_survival(curve.head(0))
```
"""


def pictures():
    """The part of the site's build that draws."""
    spec = spec_from_file_location("pictures_of_docs", ROOT / "docs" / "pictures.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_picture_stands_behind_the_block_that_drew_it():
    """a line for each, with what it shows in words; nothing of pyplot is left open."""
    shown, drawn = pictures().with_pictures(PAGE, "page")
    lines = shown.splitlines()
    first = lines.index("![Survival: share still here](page-1.svg)")
    assert lines[first - 2] == "```"
    assert (
        first
        < lines.index("Words behind it.")
        < lines.index("![Survival: share still here](page-2.svg)")
    )
    assert list(drawn) == ["page-1.svg", "page-2.svg"]
    assert all("<svg" in svg for svg in drawn.values())
    assert pyplot.get_fignums() == []


def test_the_same_page_gives_the_same_pictures():
    """no date, no random ids."""
    build = pictures()
    assert build.with_pictures(PAGE, "page") == build.with_pictures(PAGE, "page")


def test_a_page_that_draws_nothing_is_left_alone():
    """its code is not even run."""
    page = "```python\nraise SystemExit\n```\n"
    assert pictures().with_pictures(page, "page") == (page, {})


def test_the_gallery_has_every_picture_with_a_link_to_its_page(monkeypatch):
    """Titles are escaped; the front page lies one folder up."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import gallery

    gallery.keep_picture("how-to/plots-2.svg", "Lost & won")
    gallery.keep_picture("index-1.svg", "Cohorts")
    html = gallery.gallery_in_html()
    assert html.count("<figure>") == 2
    assert '<a href="../how-to/plots/"><img loading="lazy" src="../how-to/plots-2.svg"' in html
    assert '<a href="../"><img loading="lazy" src="../index-1.svg" alt="Cohorts"' in html
    assert "Lost &amp; won" in html
