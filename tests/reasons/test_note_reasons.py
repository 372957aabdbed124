"""note_reasons: against a twin in loops, on every engine, and its refusals."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import ColumnError
from retention.reasons.categories import reason_categories
from retention.reasons.tags.note_table import note_reasons
from retention.reasons.tags.tagging import tag_reasons

NAMES = [category.name for category in reason_categories()]
TEXTS = [
    "It is overpriced. The fees went up.",
    "It is overpriced, I hardly use it, and you have a monopoly.",
    "A monopoly, I am trapped in it.",
    "Hello.",
    None,
]


def twin(tags):
    """The rows by the definition, in loops."""
    for note in dict.fromkeys(tags["note_id"]):
        rows = [row for row in tags.to_dict("records") if row["note_id"] == note]
        scores = {
            name: max((r["score"] for r in rows if r["category"] == name), default=0.0)
            for name in NAMES
        }
        if rows[0]["category"] == "missing":
            scores = dict.fromkeys(NAMES, math.nan)
        not_told = {"unspecified", "missing", "x_switching_barrier"}
        told = {row["category"] for row in rows} - not_told
        first = min(rows, key=lambda row: row["rank"])["category"]
        yield {"note_id": note, "primary": first, "n_reasons": len(told), **scores}


@given(texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6), seed=st.randoms())
def test_agrees_with_the_definition_in_loops(texts, seed):
    """Primary reason, count and strengths of every note, whatever the order of the tags."""
    tags = tag_reasons(pd.DataFrame({"text": texts}))
    order = list(range(len(tags)))
    seed.shuffle(order)
    tags = tags.iloc[order].reset_index(drop=True)
    found = note_reasons(tags).drop(columns="customer_id")
    pd.testing.assert_frame_equal(found, pd.DataFrame(list(twin(tags))), check_dtype=False)


def test_works_on_every_engine(engine):
    """The caller's kind comes back."""
    tags = tag_reasons(pd.DataFrame({"note_id": range(5), "text": TEXTS, "customer_id": range(5)}))
    answer = note_reasons(engine.table(tags))
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["note_id"])
    assert found["customer_id"].tolist() == [0, 1, 2, 3, 4]
    assert found["n_reasons"].tolist() == [1, 2, 0, 0, 0]
    assert found["primary"].tolist() == [
        *("pricing", "pricing", "x_switching_barrier", "unspecified", "missing")
    ]
    assert list(found.columns[4:]) == NAMES


def test_categories_of_ones_own_count_and_have_no_column():
    """Columns do not depend on the data."""
    tags = pd.DataFrame({"note_id": [1], "category": ["x_mine"], "score": [0.9], "rank": [1]})
    found = note_reasons(tags)
    assert found[["primary", "n_reasons"]].values.tolist() == [["x_mine", 1]]
    assert (found[NAMES] == 0).to_numpy().all()
    assert found["customer_id"].isna().all()


def test_a_strength_that_is_not_known_is_null():
    """Beside others of the category too, and without a warning."""
    rows = {"note_id": [1, 1, 2], "category": ["pricing"] * 3, "rank": [1, 2, 1]}
    found = note_reasons(pd.DataFrame({**rows, "score": [0.5, None, 0.5]}))
    assert found["pricing"].isna().tolist() == [True, False]
    assert found["competition"].tolist() == [0, 0]


def test_refuses_tags_without_strength():
    """The column that is missing is named."""
    with pytest.raises(ColumnError, match="tags lacks 'score'"):
        note_reasons(pd.DataFrame({"note_id": [1], "category": ["pricing"]}))
