"""Values show themselves: in ten lines, and in a notebook as a table in which all is escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib import import_module

import pandas as pd
import pytest

import retention as rt
from retention.printed import Printed, Shown, shown_as_html, shown_as_text

EVIL = '<img src="https://x.y/z" onerror=alert(1)>'


def spells(label="b"):
    """Forty spells of two plans, and of reasons."""
    rows = range(40)
    return pd.DataFrame({
        "duration": [7 + (13 * n) % 61 for n in rows], "churned": [n % 3 > 0 for n in rows],
        "plan": ["a" if n % 2 else label for n in rows],
        "reason": ["price" if n % 4 else "rival" for n in rows],
    })  # fmt: skip


@pytest.fixture(scope="module")
def company():
    """A small one."""
    return rt.sample_company(150, seed=1)


@pytest.fixture(scope="module")
def values(company):
    """One value of each kind that is made."""
    bought = rt.repeat_buying.summary_with_gaps(company.orders, as_of="2024-12-31")
    years = pd.DataFrame({"duration": [1, 2, 2], "churned": [True, True, False]})
    years["n_spells"] = [30, 10, 20]
    say = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    survival, buying = rt.survival, rt.repeat_buying
    return [
        company,
        rt.fit_cox(spells(), covariates="plan"),
        survival.fit_aft(spells(), covariates="plan"),
        survival.fit_hazard(spells(), covariates="plan", unit="week", duration_unit="day"),
        survival.fit_cause_specific(spells(), covariates="plan"),
        survival.fit_fine_gray(spells(), covariates="plan"),
        survival.fit_fine_gray(spells(), covariates="plan").models[0],
        buying.fit_bg_nbd(bought),
        buying.fit_gamma_gamma(bought),
        buying.fit_beta_geometric(years),
        rt.signals.rfm_cuts(company.orders, as_of="2024-12-31"),
        rt.reasons.load_lexicon("en"),
        rt.recording.recorded(rt.as_transactions, company.orders, **say, refunds="net"),
        rt.audit(rt.as_transactions, company.orders, **say),
        rt.catalogue.figure("retention_rate"),
    ]


class Page(HTMLParser):
    """The tags of a page, all of which must be closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Opened."""
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        """Closed, in order."""
        assert self.open.pop() == tag


def test_every_value_prints_in_a_dozen_lines_of_a_hundred_letters(values):
    """`repr` and `str` alike; what it is stands first."""
    for value in values:
        text = repr(value)
        assert text == str(value)
        lines = text.splitlines()
        assert len(lines) <= 13
        assert max(map(len, lines)) <= 110
        assert re.match(rf"({type(value).__name__}|as_transactions|retention_rate)\b", lines[0])


def test_every_value_is_a_table_in_a_notebook_without_a_request(values):
    """Nothing but paragraphs, a table and code: no script, no picture, no link."""
    for value in values:
        page = Page(value._repr_html_())
        assert page.open == []
        assert page.tags <= {"p", "strong", "table", "tr", "th", "td", "code"}


def test_what_is_called_next_is_there(values, company):
    """Each call names a public function, or what the value has."""
    known = {"audit", "spiked", "recording", "model", "lexicon"}
    for value in values:
        for call in value._shown().then:
            path = call.partition("(")[0].split(".")
            if path[0] in known:
                assert hasattr(value, path[1])
            else:
                home = ".".join(["retention", *path[1:-1]])
                assert path[-1] in import_module(home).__all__


def test_letters_of_the_user_are_escaped():
    """A label of a plan is no HTML, and cannot end a line."""
    model = rt.fit_cox(spells(f"on {EVIL}\nsecond line"), covariates="plan")
    assert "<img" not in model._repr_html_()
    assert "&lt;img" in model._repr_html_()
    assert len(repr(model).splitlines()) == 7


def test_few_rows_are_shown_and_the_rest_counted():
    """Of eight rows five; of six all, for one line is no gain."""
    rows = (("term", "ratio"), *((f"t{n}", "1.5") for n in range(8)))
    text = shown_as_text(Shown("A model", rows, whole="model.coefficients()"))
    assert text.splitlines()[5:] == [
        "t3      1.5",
        "t4      1.5",
        "… and 3 more: model.coefficients()",
    ]
    assert "more" not in shown_as_text(Shown("A model", rows[:7], whole="all()"))
    assert "more" not in shown_as_text(Shown("A model", rows))  # nothing may be left out


def test_figures_stand_to_the_right_and_text_to_the_left():
    """By what all of a column is."""
    shown = Shown("It", (("name", "n"), ("long name", "1,234"), ("b", "–")))
    assert shown_as_text(shown).splitlines()[1:] == [
        "name           n",
        "long name  1,234",
        "b              –",
    ]
    assert shown_as_html(shown).count("text-align:right") == 3


def test_a_fit_that_failed_says_so_in_its_first_line():
    """And its notes say why."""
    apart = pd.DataFrame({"duration": range(1, 9), "churned": [True] * 8, "x": range(8, 0, -1)})
    model = rt.fit_cox(apart, covariates="x")
    assert "converged" not in repr(model).splitlines()[0]
    assert model.notes[0].split()[0] in repr(model)


def test_no_public_class_shows_its_attributes_raw():
    """Each prints itself, or is small enough for one line."""
    small = {
        *("Annotation", "Annotator", "Calendar", "Offer", "Presentation", "PublishedShare"),
        *("ReasonCategory", "Report", "Subcategory"),
    }
    raw = set()
    for wing in rt._MODULES:
        face = import_module(f"retention.{wing}")
        for name in face.__all__:
            value = getattr(face, name) if name[0].isupper() else None
            if isinstance(value, type) and not issubclass(value, (Exception, Printed)):
                raw.add(name)
    assert raw <= small
