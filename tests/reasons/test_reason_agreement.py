"""reason_agreement: against scikit-learn, a published κ, formulas, identities, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score, precision_recall_fscore_support

from retention.errors import ColumnError, ContentError, RetentionError
from retention.reasons.agreement.reason_agreement import reason_agreement

CATEGORIES = ["pricing", "competition", "x_merger"]
sets_of_reasons = st.lists(
    st.tuples(
        st.sets(st.sampled_from(CATEGORIES)),
        st.sets(st.sampled_from(CATEGORIES)),
    ),
    min_size=2,
    max_size=12,
)


def long(sets, **columns):
    """One row per note and reason; a note without any has one row unspecified."""
    rows = [(i, one) for i, found in enumerate(sets) for one in sorted(found) or ["unspecified"]]
    return pd.DataFrame(rows, columns=["note_id", "category"]).assign(**columns)


def flags(sets):
    """One column per category."""
    return np.array([[category in found for category in CATEGORIES] for found in sets])


@pytest.mark.filterwarnings("ignore:.*cohen_kappa_score. is undefined")
@given(notes=sets_of_reasons)
def test_agrees_with_scikit_learn(notes):
    """Precision, recall, F1 and κ of each category; micro and macro of all."""
    tagged, labelled = [one for one, _ in notes], [one for _, one in notes]
    found = reason_agreement(long(tagged), long(labelled), fewest=1).set_index("category")
    truth, said = flags(labelled), flags(tagged)
    scores = precision_recall_fscore_support(truth, said, average=None, zero_division=np.nan)
    for k, category in enumerate(CATEGORIES):
        if category not in found.index:
            assert not (truth[:, k] | said[:, k]).any()
            continue
        row = found.loc[category]
        np.testing.assert_allclose(row[["precision", "recall"]].to_numpy(float), [
            scores[0][k], scores[1][k],
        ])  # fmt: skip
        union = (truth[:, k] | said[:, k]).any()
        assert row["f1"] == pytest.approx(scores[2][k] if union else np.nan)
        with np.errstate(all="ignore"):
            kappa = cohen_kappa_score(truth[:, k], said[:, k], labels=[False, True])
        assert row["kappa"] == pytest.approx(kappa, nan_ok=True)
    for average, kept in (("micro", [0, 1, 2]), ("macro", np.flatnonzero(truth.any(axis=0)))):
        expected = [0, 0, 0]
        if len(kept):
            expected = precision_recall_fscore_support(
                truth, said, labels=kept, average=average, zero_division=0
            )[:3]
        row = found.loc[average, ["precision", "recall", "f1"]]
        np.testing.assert_allclose(np.nan_to_num(row.to_numpy(float)), expected)


def random_notes(n, seed):
    """Labels, and tags that are right more often than not."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n, 3)) < [0.4, 0.3, 0.2]
    said = np.where(rng.random((n, 3)) < 0.8, truth, rng.random((n, 3)) < 0.3)
    sets = [
        [{c for c, there in zip(CATEGORIES, row, strict=True) if there} for row in one]
        for one in (said, truth)
    ]
    return sets[0], sets[1]


def test_every_engine_gives_the_same_scores(engine):
    """The answer is of the kind of the tags; labels may be another kind."""
    said, truth = random_notes(40, 1)
    expected = reason_agreement(long(said), long(truth))
    answer = reason_agreement(engine.table(long(said)), long(truth))
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["category"])
    expected = expected.sort_values("category", ignore_index=True)
    assert found["n_both"].tolist() == expected["n_both"].tolist()
    np.testing.assert_allclose(found["f1_lower"], expected["f1_lower"])
    other = reason_agreement(long(said), engine.table(long(truth)))
    assert other["n_both"].sum() == expected["n_both"].sum()


def test_the_bounds_of_kappa_are_those_of_fleiss_cohen_and_everitt():
    """Of 100 notes 40 both, 9 and 6 one alone, 45 neither: κ 0.70, its error from the formula."""
    sets = [({"pricing"}, {"pricing"})] * 40 + [({"pricing"}, set())] * 9
    sets += [(set(), {"pricing"})] * 6 + [(set(), set())] * 45
    found = reason_agreement(long([a for a, _ in sets]), long([b for _, b in sets]))
    row = found.iloc[0]
    p = np.array([[0.40, 0.09], [0.06, 0.45]])
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    chance = rows @ columns
    kappa = (np.trace(p) - chance) / (1 - chance)
    total = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    total += (1 - kappa) ** 2 * sum(p[i, 1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in range(2))
    error = np.sqrt((total - (kappa - chance * (1 - kappa)) ** 2) / 100) / (1 - chance)
    assert row["kappa"] == pytest.approx(kappa)
    assert row["kappa_upper"] - row["kappa"] == pytest.approx(stats.norm.ppf(0.975) * error)


def test_bounds_cover_what_drawing_notes_anew_gives():
    """Micro, macro, F1 and κ: the linearised spread is that of a bootstrap over notes."""
    said, truth = random_notes(300, 2)
    row = reason_agreement(long(said), long(truth)).set_index("category")
    t, m = flags(said), flags(truth)
    rng = np.random.default_rng(5)
    draws = []
    for _ in range(400):
        i = rng.integers(0, 300, 300)
        b, tagged, labelled = (t[i] & m[i]).sum(0), t[i].sum(0), m[i].sum(0)
        f1 = 2 * b / (tagged + labelled)
        draws.append([2 * b.sum() / (tagged + labelled).sum(), f1.mean(), f1[0]])
    spread = np.std(draws, axis=0) * stats.norm.ppf(0.975)
    for name, half in zip(["micro", "macro", "pricing"], spread, strict=True):
        width = row.loc[name, "f1_upper"] - row.loc[name, "f1_lower"]
        assert width / 2 == pytest.approx(half, rel=0.15)


def test_what_is_found_is_the_same_in_either_direction():
    """Swapping tags and labels swaps precision and recall, and leaves F1 and κ."""
    said, truth = random_notes(40, 3)
    one, other = (reason_agreement(a, b) for a, b in [
        (long(said), long(truth)), (long(truth), long(said)),
    ])  # fmt: skip
    for mine, theirs in (("precision", "recall"), ("f1", "f1"), ("kappa", "kappa")):
        np.testing.assert_allclose(one[mine][:3], other[theirs][:3])


def test_weak_tags_count_as_none_and_their_notes_stay():
    """With min_score a note loses its tag, not its place in the count."""
    tags = pd.DataFrame(
        {"note_id": [1, 2, 3], "category": ["pricing", "pricing", "unspecified"],
         "score": [0.9, 0.5, None]}
    )  # fmt: skip
    labels = pd.DataFrame({"note_id": [1, 2, 3], "category": "pricing"})
    row = reason_agreement(tags, labels, min_score=0.8).iloc[0]
    assert (row["n_notes"], row["n_tagged"], row["n_labelled"]) == (3, 1, 3)


def test_a_barrier_is_scored_apart_and_rare_categories_too():
    """Neither is in the averages; which are can be said."""
    tags = pd.DataFrame(
        {
            "note_id": range(4),
            "category": ["pricing", "x_switching_barrier", "competition", "pricing"],
        }
    )
    found = reason_agreement(tags, tags, fewest=2).set_index("category")
    assert found["scored"].to_dict() == {
        "pricing": True, "competition": False, "x_switching_barrier": False,
        "micro": True, "macro": True,
    }  # fmt: skip
    assert found.loc["micro", "n_both"] == 3
    assert found.loc["macro", "n_both"] == 2
    chosen = reason_agreement(tags, tags, categories=["competition"], fewest=1)
    assert chosen.set_index("category").loc["micro", "n_both"] == 1


def test_notes_without_labels_are_counted():
    """They are left out, and said."""
    found = reason_agreement(long([{"pricing"}] * 5), long([{"pricing"}] * 2))
    assert set(found["n_notes"]) == {2}
    assert set(found["n_unlabelled"]) == {3}


@pytest.mark.parametrize(
    ("error", "message", "said"),
    [
        (RetentionError, "min_score must lie", {"min_score": 2}),
        (RetentionError, "must be a list", {"categories": "pricing"}),
        (RetentionError, "Did you mean 'pricing'", {"categories": ["prising"]}),
        (RetentionError, "level must lie", {"level": 0}),
    ],
)
def test_keywords_are_checked(error, message, said):
    """What may be said, and what was."""
    one = long([{"pricing"}])
    with pytest.raises(error, match=message):
        reason_agreement(one, one, **said)


def test_labels_are_reasons():
    """Other words are refused, categories of one's own are not; a sub-category is its category."""
    tags = long([{"pricing"}, {"x_mine"}])
    with pytest.raises(RetentionError, match="labels names 'Pricing'.*Did you mean 'pricing'"):
        reason_agreement(tags, long([{"Pricing"}, {"x_mine"}]))
    found = reason_agreement(tags, long([{"pricing.high_price"}, {"x_mine"}]))
    assert found["n_both"].tolist()[:2] == [1, 1]


def test_tables_that_do_not_go_together_are_refused():
    """Labelled notes without tags, no labels, other ids, missing categories."""
    one, two = long([{"pricing"}]), long([{"pricing"}] * 2)
    with pytest.raises(ContentError, match="1 of 2 notes with labels are not among the tags"):
        reason_agreement(one, two)
    with pytest.raises(ContentError, match="labels: the table is empty"):
        reason_agreement(one, two.iloc[:0])
    with pytest.raises(ColumnError, match="text in one table and numbers"):
        reason_agreement(one, two.assign(note_id=["a", "b"]))
    with pytest.raises(ContentError, match="labels: 1 of 2 rows have no 'category'"):
        reason_agreement(two, two.assign(category=["pricing", None]))
    with pytest.raises(ColumnError, match="labels .* lacks 'category'"):
        reason_agreement(one, one.drop(columns="category"))
