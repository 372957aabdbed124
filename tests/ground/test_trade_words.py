"""The words of the trade lead to what answers here, by name and by search."""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path

import pytest

import retention as rt
from retention.trade_words import TRADE_WORDS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("nrr", "net_revenue_retention"),
        ("NRR", "net_revenue_retention"),
        ("grr", "gross_revenue_retention"),
        ("ltv", "repeat_buying.customer_value"),
        ("clv", "repeat_buying.customer_value"),
        ("rfm", "signals.rfm_scores"),
        ("mrr", "revenue_movements"),
        ("churn", "churn_rate"),
        ("calculate_churn", "churn_rate"),
        ("kaplan_meier", "survival_curve"),
        ("retention_rates", "retention_rate"),
        ("cohort_retentoin", "cohort_retention"),
    ],
)
def test_a_word_of_the_trade_is_answered_with_the_name_here(word, name):
    """So is a name that is nearly right."""
    with pytest.raises(AttributeError, match=rf"no attribute '{word}'. Did you mean {name}\?"):
        getattr(rt, word)


def test_what_is_in_a_wing_is_named_there_and_a_wing_answers_too():
    """As is nothing at all, without a guess; what notebooks probe for costs no import."""
    with pytest.raises(AttributeError, match="it is retention.kpis.repeat_rate"):
        _ = rt.repeat_rate
    with pytest.raises(AttributeError, match=r"Did you mean kpis.voice_kpis\?"):
        _ = rt.kpis.nps
    with pytest.raises(AttributeError, match="'zzzz'$"):
        _ = rt.zzzz
    with pytest.raises(AttributeError, match="'_repr_html_'$"):
        _ = rt._repr_html_


def test_more_than_sixty_words_lead_to_a_name_and_a_page_that_are_there():
    """No word has two meanings."""
    words = [word for line, _, _ in TRADE_WORDS for word in line.split(", ")]
    assert len(words) > 60
    assert len({word.lower() for word in words}) == len(words)
    for _, name, page in TRADE_WORDS:
        assert callable(attrgetter(name)(rt))
        assert (DOCS / f"{page}.md").is_file()


def test_search_finds_each_word_in_a_heading_of_the_glossary(monkeypatch):
    """The search of the site indexes headings, and shows the section with its link."""
    monkeypatch.syspath_prepend(str(DOCS))
    from written import trade_words

    headings = " ".join(re.findall(r"^### (.+)$", trade_words(), re.MULTILINE))
    words = [word for line, _, _ in TRADE_WORDS for word in line.split(", ")]
    assert [word for word in words if word not in headings] == []
    assert "{{ trade words }}" in (DOCS / "reference" / "glossary.md").read_text()


def test_help_is_a_map_of_one_screen():
    """Every name on it is there, and every wing is on it."""
    lines = rt.__doc__.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 102
    named = set(re.findall(r"rt\.([a-z_.]+)\b(?!`,)", rt.__doc__)) - {"nrr"}
    for name in named:
        attrgetter(name)(rt)
    wings = set(rt._MODULES) - {"activity", "calendars", "errors", "loading", "report", "spells"}
    assert wings <= named
