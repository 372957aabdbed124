"""What messages count agrees with the number: forced to one, where "1 rows have" used to stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.errors import count_of

SPELLS = pd.DataFrame(
    {"duration": [1.0, 2, 3, 4], "churned": [True, True, False, True], "x": [1.0, 3, 2, 1]}
)
MANY = re.compile(r"\b1 (rows|spells|customers|notes|clusters|labels|answers|have|are|say|stand)\b")


def one_of_each():
    """Calls that one row, spell or customer is in the way of."""
    summary = pd.DataFrame({"x": [0, 2], "t_x": [0.0, 12.0], "T": 10.0})
    late = SPELLS.assign(entry=[0.0, 1, 0, 0])
    return [
        lambda: rt.fit_cox(SPELLS.assign(x=[np.nan, 1, 2, 3]), covariates="x"),
        lambda: rt.fit_cox(SPELLS.assign(x=[np.inf, 1, 2, 3]), covariates="x"),
        lambda: rt.fit_cox(SPELLS.assign(id=[None, 1, 2, 3]), covariates="x", cluster="id"),
        lambda: rt.survival_curve(SPELLS.assign(duration=[np.nan, 1, 2, 3])),
        lambda: rt.survival_curve(SPELLS.assign(n_spells=[0, 1, 1, 1])),
        lambda: rt.survival.concordance(late, risk="x", method="uno"),
        lambda: rt.survival.concordance(SPELLS.assign(risk=[np.nan, 1, 2, 3])),
        lambda: rt.survival.brier_score(SPELLS.assign(s=[3.0, 1, 1, 1]), survival={2: "s"}),
        lambda: rt.repeat_buying.fit_bg_nbd(summary),
        lambda: rt.predict_churn(
            pd.DataFrame({"customer_id": [1], "tenure": [-1]}), model=rt.fit_cox(SPELLS), within=1
        ),
    ]


@pytest.mark.parametrize("place", range(10))
def test_one_is_counted_as_one(place):
    """The refusal says "1 row has" and the like."""
    with pytest.raises(rt.RetentionError) as caught:
        one_of_each()[place]()
    assert re.search(r"\b1\b", str(caught.value))
    assert not MANY.search(str(caught.value)), str(caught.value)


def test_the_warning_of_one_that_was_never_at_risk_agrees():
    """One spell has, and it is left out; two have, and they are."""
    with pytest.warns(rt.RetentionWarning, match="1 spell has an entry .* It is left out"):
        rt.fit_cox(SPELLS.assign(entry=[1.0, 0, 0, 0]))
    with pytest.warns(rt.RetentionWarning, match="2 spells have an entry .* They are left out"):
        rt.fit_cox(SPELLS.assign(entry=[1.0, 2, 0, 0]))


def test_a_number_and_its_words_agree():
    """Thousands are set apart, as everywhere."""
    assert [count_of(n, "row") for n in (0, 1, 2, 1200)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,200 rows",
    ]
    assert count_of(1, "spell has", "spells have") == "1 spell has"


def test_no_message_counts_rows_without_asking_whether_there_is_one():
    """A number set straight before a plural and its verb is a slip; counted() writes both."""
    slip = re.compile(r"(?<!of )\{[^{}]*:,\} (rows|spells|customers|notes|clusters) \w+e\b")
    source = Path(rt.__file__).parent
    found = [
        f"{path.relative_to(source)}: {line.strip()}"
        for path in sorted(source.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if slip.search(line) and not re.search(r" of \{[^{}]*:,\}", line)
    ]
    assert found == []


WORDS = {
    r"\b[Rr]ows? an? (customer|segment|period|note|spell|cell|group|figure|cohort)\b": "row per",
    r"\b[Cc]olumns? an? (customer|segment|period|interval|term|age|category|cell)\b": "column per",
    r"\b[Mm]end(s|ed|ing)? (the|those|these|it|this)\b": "correct",
    r"\binformations\b|\bdatas\b": "information, data",
    r"\butili[sz]e\b|\bleverage\b|\bperform an?\b": "use, do",
    r"\bin order to\b": "to",
}
"""What a technical editor would strike out, and what to write instead."""


def test_prose_keeps_to_plain_words():
    """Docstrings, messages and pages; a word list cannot tell good English, but it can tell bad."""
    root = Path(rt.__file__).parent.parent.parent
    pages = [*root.glob("src/**/*.py"), *root.glob("docs/**/*.md"), *root.glob("*.md")]
    found = [
        f"{path.relative_to(root)}: {line.strip()} ({better})"
        for path in sorted(pages)
        for line in path.read_text(encoding="utf-8").splitlines()
        for wrong, better in WORDS.items()
        if re.search(wrong, line)
    ]
    assert found == []
