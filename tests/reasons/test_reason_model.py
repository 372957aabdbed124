"""fit_reason_model: twins, nothing seen of what is judged, persistence, refusals, engines."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from functools import cache
from math import log, sqrt
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import at_most
from retention.errors import ColumnError, ContentError, ReadError, RetentionError, RetentionWarning
from retention.reasons.agreement.labels import read_labelled
from retention.reasons.learning import (
    calibration_of,
    fit_reason_model,
    folds_of_notes,
    groups_of_alike_notes,
    parts_by_fold,
    scores_held_back,
    threshold_of,
)
from retention.reasons.lexicon.lexicon import extend_lexicon, load_lexicon
from retention.reasons.model.model import calibrated_scores, load_reason_model
from retention.reasons.model.vectors import Reader, learn_terms, places_of_terms
from retention.reasons.tags.tagging import tag_reasons

SAID = {
    "pricing": [
        "my coins melt away",
        "coins and yet more coins",
        "the purse is thin, the coins go",
    ],
    "competition": ["the blue van came", "I like that blue van", "that van has a blue door, nice"],
    "x_switching_barrier": ["only the bridge holds me", "no bridge, no way", "the bridge is far"],
}
PLAIN = ["hello there", "kind regards", "this is a letter", "as you know", "it rains in June"]


def some_notes(n=60, seed=3, share=0.4):
    """Notes of a firm whose customers speak in words no lexicon knows, and their labels."""
    rng = np.random.default_rng(seed)
    texts, rows = [], []
    for i in range(n):
        told = [category for category in SAID if rng.random() < share]
        parts = [str(rng.choice(SAID[category])) for category in told]
        parts += [str(one) for one in rng.choice(PLAIN, 2)] + [f"number w{i}q"]
        rng.shuffle(parts)
        texts.append(". ".join(parts).capitalize() + ".")
        rows += [(i, category) for category in told or ["unspecified"]]
    notes = pd.DataFrame({"note_id": range(n), "text": texts, "place": np.arange(n) % 6})
    return notes, pd.DataFrame(rows, columns=["note_id", "category"])


NOTES, LABELS = some_notes()
NEW, NEW_LABELS = some_notes(40, seed=8)
FEW = NOTES[:30]
ONE = LABELS[(LABELS["note_id"] < 30) & LABELS["category"].isin(["pricing", "unspecified"])]
ONE = pd.concat([ONE, pd.DataFrame({"note_id": range(30), "category": "unspecified"})])
FAST = {"seed": 1, "lexicon": None, "fewest": 5}


@cache
def fitted():
    """A model of sixty notes, beside the English lexicon."""
    return fit_reason_model(NOTES, labels=LABELS, seed=1)


@pytest.fixture(scope="module")
def model():
    """The same for tests that ask for it."""
    return fitted()


@pytest.fixture(scope="module")
def grouped():
    """A model of one category, by place, without a lexicon."""
    return fit_reason_model(FEW, labels=ONE, groups="place", **FAST)


def row_of(report, rule, category):
    """One line of a report."""
    return report[(report["rule"] == rule) & (report["category"] == category)].iloc[0]


# ------------------------------------------------------------------ thresholds and probabilities

SCORES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.7, 0.9]), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(notes=SCORES)
def test_the_threshold_has_the_best_f1_there_is(notes):
    """Against every cut there is, tried one by one; of equals the highest."""
    score, carried = (np.array(values) for values in zip(*notes, strict=True))
    best, kept = 0.0, set()
    for cut in sorted({one for one, _ in notes if one > 0}):
        told = {i for i, (one, _) in enumerate(notes) if one >= cut}
        truth = {i for i, (_, there) in enumerate(notes) if there}
        f1 = 2 * len(told & truth) / (len(told) + len(truth))
        if f1 >= best and f1 > 0:
            best, kept = f1, told
    least = threshold_of(score, carried)
    assert set(np.flatnonzero((score >= least) & (score > 0)).tolist()) == kept
    assert (least == np.inf) == (not kept)


@settings(max_examples=at_most(8))
@given(notes=SCORES)
def test_the_curve_is_platts(notes):
    """Its errors against his targets balance, alone and weighted by the score: the optimum."""
    score, carried = (np.array(values) for values in zip(*notes, strict=True))
    slope, offset = calibration_of(score, carried)
    n1, n0 = carried.sum(), (~carried).sum()
    target = np.where(carried, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    error = 1 / (1 + np.exp(-(slope * score + offset))) - target
    assert abs(error.mean()) < 1e-3
    assert abs((score * error).mean()) < 1e-3


def test_what_nothing_speaks_for_has_no_probability():
    """A score of 0 stays 0, whatever the curve."""
    assert calibrated_scores(np.array([0.0, 0.5]), np.array(2.0), np.array(3.0))[0] == 0


# ------------------------------------------------------------------ what is counted

ODD = st.text(alphabet="aBİßﬁé' .,3$’\u0301", max_size=25)


@given(text=ODD)
def test_terms_stand_where_they_are_said_to(text):
    """Places lie in the text, in order; a pair reaches from its first word to its second."""
    found = list(places_of_terms(text))
    words = [one for one in found if " " not in one[0]]
    assert all(0 <= start < end <= len(text) for _, start, end in found)
    assert [start for _, start, _ in words] == sorted(start for _, start, _ in words)
    for term, start, end in found:
        if " " in term:
            assert {start, end} <= {at for _, *both in words for at in both}


def test_words_are_weighted_by_their_rarity():
    """Twin in loops: (1 + ln f)(1 + ln((1 + N) / (1 + n))), brought to length 1."""
    texts = ["Coins, coins! My coins don't 3", "my van 4", "van and coins don't", "a 5"]
    terms = learn_terms(texts)
    counts = [[term for term, *_ in places_of_terms(text)] for text in texts]
    every = sorted({term for one in counts for term in one})
    known = [term for term in every if sum(term in one for one in counts) >= 2]
    assert terms.words == tuple(known)
    assert {"#", "do not", "coins"} <= set(known)
    weights = Reader(terms).weights(texts)[0].toarray()
    for row, one in zip(weights, counts, strict=True):
        raw = [
            (1 + log(one.count(term))) * (1 + log(5 / (1 + sum(term in o for o in counts))))
            if term in one
            else 0.0
            for term in known
        ]
        length = sqrt(sum(value**2 for value in raw)) or 1.0
        np.testing.assert_allclose(row, [value / length for value in raw])


# ------------------------------------------------------------------ folds


@given(
    notes=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["x", "X ", "y", "z", "u", "v"])),
        min_size=1,
        max_size=12,
    )
)
def test_groups_hold_together_what_is_alike(notes):
    """Twin: merged one by one until nothing of one value or one text stands apart."""
    group = list(range(len(notes)))
    for i, (value, text) in enumerate(notes):
        for j, (other, words) in enumerate(notes):
            if value == other or text.strip().lower() == words.strip().lower():
                old, new = group[i], group[j]
                group = [new if one == old else one for one in group]
    found = groups_of_alike_notes(
        [text for _, text in notes], np.array([value for value, _ in notes])
    )
    for i in range(len(notes)):
        for j in range(len(notes)):
            assert (found[i] == found[j]) == (group[i] == group[j])


def test_no_group_is_in_two_folds_and_categories_are_spread():
    """Each of five folds has a fifth of the notes and of every category, or one more or less."""
    rng = np.random.default_rng(2)
    carried = rng.random((100, 3)) < [0.5, 0.2, 0.1]
    fold = folds_of_notes(carried, np.arange(100), 5, 1)
    for column in (*carried.T, np.ones(100, bool)):
        counts = np.bincount(fold, weights=column, minlength=5)
        assert counts.max() - counts.min() <= 4
    group = rng.integers(0, 7, 100)
    fold = folds_of_notes(carried, group, 5, 1)
    assert all(len(set(fold[group == one])) == 1 for one in range(7))
    assert set(fold) == set(range(5))
    for others, judged in parts_by_fold(fold):
        assert sorted([*others, *judged]) == list(range(100))


# ------------------------------------------------------------------ nothing seen


def test_out_of_fold_means_that_the_note_was_not_there():
    """Each fold's scores are those of scikit-learn's own pipeline on the other folds alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    labelled = read_labelled(NOTES, LABELS, ("text", "note_id", "place"))
    held = scores_held_back(
        labelled, groups_of_alike_notes(labelled.texts, labelled.values), None, 1
    )
    texts = np.array(labelled.texts, dtype=object)
    for others, judged in parts_by_fold(held.fold):
        assert not set(labelled.values[others]) & set(labelled.values[judged])
        words = TfidfVectorizer(
            analyzer=lambda text: [term for term, *_ in places_of_terms(text)],
            sublinear_tf=True,
            min_df=2,
        )
        runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2)
        line = LogisticRegression(C=10, class_weight="balanced", solver="liblinear")
        twin = make_pipeline(make_union(words, runs), line)
        twin.fit(texts[others], labelled.carried[others, 0])
        expected = twin.predict_proba(texts[judged])[:, 1]
        found = held.score[judged, 0]
        np.testing.assert_allclose(found[found > 0], expected[found > 0], atol=1e-4)


def test_a_label_written_in_its_own_note_does_not_help():
    """Words that tell the label of one group alone tell nothing where that group is held back."""
    rng = np.random.default_rng(4)
    place = np.repeat(np.arange(30), 4)
    there = rng.random(30)[place] < 0.5
    names = ["".join(rng.choice(list("bcdfghjklmnprstvz"), 9)) for _ in range(30)]
    texts = [f"{names[p]} {names[p]}, {PLAIN[i % 5]} v{i}" for i, p in enumerate(place)]
    notes = pd.DataFrame({"note_id": range(120), "text": texts, "place": place})
    labels = pd.DataFrame(
        {"note_id": range(120), "category": np.where(there, "pricing", "unspecified")}
    )
    known = fit_reason_model(notes, labels=labels, seed=1, lexicon=None)
    assert row_of(known.report, "model", "pricing")["kappa"] > 0.9
    try:
        honest = fit_reason_model(notes, labels=labels, groups="place", seed=1, lexicon=None)
    except ContentError as refused:
        assert "no better than by chance" in str(refused)  # noqa: PT017 - either is right
    else:
        assert row_of(honest.report, "model", "pricing")["kappa"] < 0.25


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_labels_are_told_no_better_than_by_chance(seed):
    """No category agrees beyond what its share in notes and tags would give."""
    ids = np.random.default_rng(seed).permutation(60)
    shuffled = LABELS.assign(note_id=ids[LABELS["note_id"]])
    try:
        with catch_warnings():
            simplefilter("ignore", RetentionWarning)
            found = fit_reason_model(NOTES, labels=shuffled, seed=1, lexicon=None).report
    except ContentError as refused:
        assert "no better than by chance" in str(refused)  # noqa: PT017 - either is right
    else:
        kappa = found[found["rule"] == "model"]["kappa"].dropna()
        assert (kappa < 0.3).all()


def test_the_report_holds_on_notes_to_come(model):
    """What is told of notes held back is told of new ones of the same firm, beside two rules."""
    report = model.report
    assert report["rule"].unique().tolist() == ["model", "lexicon", "most frequent"]
    assert report["category"].unique().tolist() == [*SAID, "micro", "macro"]
    assert row_of(report, "model", "micro")["f1"] > 0.9
    assert row_of(report, "lexicon", "micro")["n_tagged"] == 0
    assert row_of(report, "most frequent", "micro")["n_tagged"] == len(NOTES)
    tags = tag_reasons(NEW, model=model)
    merged = set(zip(tags["note_id"], tags["category"], strict=True))
    truth = set(zip(NEW_LABELS["note_id"], NEW_LABELS["category"], strict=True))
    assert len(merged & truth) / len(merged | truth) > 0.9
    assert model.n_labelled == tuple((LABELS["category"] == c).sum() for c in SAID)
    counts = [model.n_notes, model.n_groups, model.n_folds, model.groups, model.notes]
    assert counts == [60, 60, 5, None, ()]


# ------------------------------------------------------------------ what does not matter


def test_the_order_of_notes_does_not_matter_and_the_table_stays():
    """Shuffled notes and labels, other ids, numbers or texts: the same model, bit for bit."""
    notes, labels = FEW.copy(), ONE.copy()
    one = fit_reason_model(notes, labels=labels, **FAST)
    pd.testing.assert_frame_equal(notes, FEW)
    mixed, others = FEW.sample(frac=1, random_state=2), ONE.sample(frac=1, random_state=3)
    renamed = [
        table.assign(note_id="n" + table["note_id"].astype(str)) for table in (mixed, others)
    ]
    other = fit_reason_model(renamed[0], labels=renamed[1], **FAST)
    assert one == other
    assert hash(one) == hash(other)
    assert one != fit_reason_model(notes, labels=labels, **{**FAST, "seed": 2})


@pytest.mark.parametrize("groups", ["value", "category", "text", "note_id"])
def test_groups_are_of_the_column_that_was_named(groups):
    """Whatever its name is inside this library."""
    notes = FEW.assign(value=FEW["place"], category=FEW["place"])
    read = read_labelled(notes, ONE, ("text", "note_id", groups))
    by_text = dict(zip(notes["text"], notes[groups], strict=True))
    assert [by_text[text] for text in read.texts] == list(read.values)


def test_sub_categories_are_learnt_as_their_category():
    """And notes without labels or text are left out, and named."""
    closer = ONE.replace({"category": {"pricing": "pricing.high_price"}})
    more = pd.concat([FEW, NEW.assign(note_id=lambda t: t["note_id"] + 100)])
    more.loc[more["note_id"] == 0, "text"] = "  "
    found = fit_reason_model(more, labels=closer, **FAST)
    assert found.categories == ("pricing",)
    assert found.notes == (
        "40 notes have no labels and were left out.",
        "1 labelled notes are blank and were left out.",
    )


def test_nothing_is_learnt_from_what_tagging_does_not_read():
    """Of each note the first 20,000 characters are learnt from, as they are read when tagging."""
    tail = " " * 20_000 + "unread unread"
    longer = FEW.assign(text=FEW["text"] + tail)
    with pytest.warns(RetentionWarning, match="30 notes have more than 20,000 characters"):
        found = fit_reason_model(longer, labels=ONE, **FAST)
    assert "unread" not in found.terms.words
    assert found.terms.words == fit_reason_model(FEW, labels=ONE, **FAST).terms.words


def test_every_engine_fits_and_tags_alike(engine, grouped):
    """Notes and labels of any kind give one model, and tags in the caller's kind."""
    found = fit_reason_model(engine.table(FEW), labels=engine.table(ONE), groups="place", **FAST)
    assert found == grouped
    new = NEW[:8]
    answer = tag_reasons(engine.table(new), model=found)
    assert engine.is_mine(answer)
    told = engine.read(answer, order=["note_id", "rank"])
    plain = tag_reasons(new, model=grouped)
    assert told["category"].tolist() == plain["category"].tolist()
    np.testing.assert_array_equal(told["score"], plain["score"])


# ------------------------------------------------------------------ tagging


@settings(max_examples=at_most(15))
@given(
    odd=ODD,
    said=st.lists(
        st.sampled_from([one for sentences in SAID.values() for one in sentences]), max_size=2
    ),
)
def test_evidence_is_always_in_the_text(odd, said):
    """Also where small letters are longer than capitals; a tag has words, or is not told."""
    text = odd + "İİ " + ". ".join(said) + " It is overpriced."
    rows = tag_reasons(pd.DataFrame({"text": [text]}), model=fitted(), min_score=0.01)
    for row in rows.to_dict("records"):
        if row["category"] != "unspecified":
            assert row["evidence"] == text[int(row["start"]) : int(row["end"])] != ""
            assert row["category"] in SAID or isinstance(row["phrase"], str)


def test_the_lexicon_tells_more_closely_what_the_model_tells(model):
    """Its sub-category and phrase where it found one, the loudest word where it did not."""
    text = "İİİ Overpriced, and my coins melt away. The BLUE van came."
    found = tag_reasons(pd.DataFrame({"text": [text]}), model=model).set_index("category")
    pricing, competition = found.loc["pricing"], found.loc["competition"]
    assert (pricing["subcategory"], pricing["evidence"]) == ("pricing.high_price", "Overpriced")
    assert isinstance(pricing["phrase"], str)
    assert pd.isna(competition["subcategory"])
    assert pd.isna(competition["phrase"])
    assert competition["evidence"] in {"BLUE", "van", "BLUE van", "The BLUE"}


def test_what_the_model_does_not_know_is_left_to_the_lexicon(model):
    """By its own rule, and by min_score where that is said; barriers come last."""
    text = "Your clerk was rude to me. My coins melt away, coins! Only the bridge holds me."
    notes = pd.DataFrame({"text": [text]})
    found = tag_reasons(notes, model=model)
    assert set(found["category"]) == {"service_encounter_failure", *SAID} - {"competition"}
    assert found["category"].iloc[-1] == "x_switching_barrier"
    alone = tag_reasons(notes).set_index("category")["score"]
    beside = found.set_index("category")["score"]
    assert beside["service_encounter_failure"] == alone["service_encounter_failure"]
    strict = tag_reasons(notes, model=model, min_score=0.999)
    assert strict["category"].tolist() == ["unspecified"]


def test_thresholds_decide_which_categories_are_told(model):
    """A tag's score is at least its category's threshold, and lower ones appear on request."""
    least = dict(zip(model.categories, model.thresholds, strict=True))
    found = tag_reasons(NEW, model=model)
    known = found[found["category"].isin(SAID)]
    assert (known["score"] >= known["category"].map(least)).all()
    assert len(tag_reasons(NEW, model=model, min_score=0.0)) > len(found)


def test_nobody_is_asked_twice(model):
    """A model or an annotator, and a model's own lexicon with its own names."""
    with pytest.raises(RetentionError, match="a model or an annotator, not both"):
        tag_reasons(NEW, model=model, annotator=lambda texts: [[] for _ in texts])
    english = load_lexicon("en")
    mine = extend_lexicon(english, own_brand=["Orange"])
    rows = {"category": ["pricing"], "phrase": ["more coins"], "weight": [0.9]}
    longer = extend_lexicon(english, phrases=pd.DataFrame(rows))
    for said, why in {
        "of own_brand it knew nothing of .'Orange'.. Leave .* fit the model anew": {
            "own_brand": ["Orange"]
        },
        "of competitors it knew nothing of .'Blue Van'.": {"competitors": ["Blue Van"]},
        rf"{len(english.entries)} phrases\), not .*{len(longer.entries)} phrases": {
            "lexicon": longer
        },
        "phrases, lists or rules of the two differ": {"lexicon": replace(english, window=2)},
    }.items():
        with pytest.raises(RetentionError, match=f"fitted with another lexicon: .*{said}"):
            tag_reasons(NEW, model=model, **why)
    named = fit_reason_model(FEW, labels=ONE, **{**FAST, "lexicon": mine})
    given = tag_reasons(NEW, model=named, own_brand=["Orange"], lexicon="en")
    pd.testing.assert_frame_equal(given, tag_reasons(NEW, model=named))


def test_an_annotator_is_asked_instead_of_the_lexicon():
    """What it finds is told, with the evidence it gives, from 0.6 on."""

    def ask(texts):
        return [
            [{"category": "competition", "evidence": "van", "score": s} for s in (0.9,)]
            for _ in texts
        ]

    found = tag_reasons(pd.DataFrame({"text": ["An overpriced van."]}), annotator=ask)
    assert found[["category", "evidence", "start"]].values.tolist() == [["competition", "van", 14]]
    none = tag_reasons(pd.DataFrame({"text": ["A van."]}), annotator=ask, min_score=0.95)
    assert none["category"].tolist() == ["unspecified"]


# ------------------------------------------------------------------ saved


def test_a_model_read_back_is_the_same_and_says_the_same(model, tmp_path):
    """Equal, and its tags are the same to the last bit; the same after pickling."""
    model.save(tmp_path / "deep" / "model")
    again = load_reason_model(tmp_path / "deep" / "model")
    assert again == model
    assert again.lexicon == load_lexicon("en")
    pd.testing.assert_frame_equal(again.report, model.report)
    expected = tag_reasons(NEW, model=model, min_score=0.0)
    pd.testing.assert_frame_equal(
        tag_reasons(NEW, model=again, min_score=0.0), expected, check_exact=True
    )
    assert pickle.loads(pickle.dumps(model)) == model
    again.save(tmp_path / "other")
    files = [tmp_path / one / "model.json" for one in ("deep/model", "other")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_model_cannot_be_changed(model):
    """Neither its fields nor its arrays; and it prints in one line."""
    for one in (model, pickle.loads(pickle.dumps(model))):
        with pytest.raises(ValueError, match="read-only"):
            one.coef[0, 0] = 1.0
        with pytest.raises(AttributeError):
            one.seed = 2
    assert repr(model).startswith("ReasonModel(3 categories of 60 notes, beside Lexicon('en'")
    assert model != "model"


def test_folders_that_hold_no_model_are_refused(model, tmp_path):
    """Missing, cut short, changed, foreign, of another version, or not to be written."""
    path = tmp_path / "model"
    with pytest.raises(ReadError, match=r"holds no model\.json"):
        load_reason_model(path)
    model.save(path)
    told, weights = (path / "model.json").read_text(), (path / "weights.npz").read_bytes()

    def refused(message, *, text=told, numbers=weights):
        (path / "model.json").write_text(text)
        (path / "weights.npz").write_bytes(numbers)
        with pytest.raises(ReadError, match=message):
            load_reason_model(path)

    refused("no JSON file, or was cut short", text=told[:-20])
    refused(r"weights\.npz was changed or cut short", numbers=weights[:-20])
    refused(r"model\.json was changed", text=told.replace('"seed": 1', '"seed": 2'))
    refused("is of version 9; this library reads version 1", text=told.replace(
        '"version": 1,', '"version": 9,'
    ))  # fmt: skip
    refused("is not of a model of reasons", text=json.dumps([1]))
    (path / "weights.npz").unlink()
    with pytest.raises(ReadError, match=r"holds no weights\.npz"):
        load_reason_model(path)
    with pytest.raises(RetentionError, match="cannot be written"):
        model.save(path / "model.json")


# ------------------------------------------------------------------ refusals


def test_rare_categories_are_left_out_and_named():
    """With a warning, and in the model; the others are learnt."""
    rare = pd.concat(
        [LABELS, pd.DataFrame({"note_id": range(4), "category": "involuntary_switching"})]
    )
    with pytest.warns(RetentionWarning, match=r"fewer than 10 .* involuntary_switching \(4\)"):
        found = fit_reason_model(NOTES, labels=rare, seed=1, lexicon=None)
    assert found.categories == tuple(SAID)
    assert "involuntary_switching (4)" in found.notes[0]
    with pytest.raises(ContentError, match=r"no category can be learnt.*pricing \(\d+\)"):
        fit_reason_model(NOTES, labels=LABELS, seed=1, fewest=50)


def test_a_category_of_one_group_alone_cannot_be_held_back():
    """No model could have learnt it elsewhere."""
    there = LABELS["category"] != "pricing"
    local = NOTES.assign(place=np.where(NOTES["note_id"].isin(LABELS[~there]["note_id"]), 9, 1))
    local.loc[::2, "place"] = local.loc[::2, "place"].replace(1, 2)
    with pytest.warns(RetentionWarning, match="of one group: pricing"):
        found = fit_reason_model(local, labels=LABELS, groups="place", seed=1, lexicon=None)
    assert "pricing" not in found.categories


@pytest.mark.parametrize(
    ("error", "message", "said"),
    [
        (RetentionError, "seed must be a whole number", {"seed": None}),
        (RetentionError, "seed must be a whole number", {"seed": 0.5}),
        (RetentionError, "fewest must be a whole number, 2 or more; got 1", {"fewest": 1}),
        (ColumnError, "groups names 'plaice'.*Did you mean 'place'", {"groups": "plaice"}),
        (ColumnError, "text names 'note'", {"text": "note"}),
        (ContentError, "labels: the table is empty", {"labels": LABELS[:0]}),
        (ContentError, "1 note with labels is not among the notes, first 99", {
            "labels": pd.DataFrame({"note_id": [1, 99], "category": "pricing"}),
        }),
        (ColumnError, "text in one table and numbers", {
            "labels": LABELS.assign(note_id=LABELS["note_id"].astype(str)),
        }),
        (RetentionError, "labels names 'prising'.*Did you mean 'pricing'", {
            "labels": LABELS.replace("pricing", "prising"),
        }),
        (ContentError, "all 60 labelled notes are of one 'same'", {"groups": "same"}),
        (ContentError, "one 'place', or alike across its values: none can be held back", {
            "notes": NOTES.assign(text="coins"), "groups": "place",
        }),
        (ContentError, "notes: 1 of 60 rows have no 'gap'", {"groups": "gap"}),
        (ContentError, "no category can be learnt. No note carries any", {
            "labels": LABELS.assign(category="unspecified"),
        }),
    ],
)  # fmt: skip
def test_refuses_what_cannot_be_learnt_from(error, message, said):
    """In the words of the user."""
    gap = [None, *("abc"[i % 3] for i in range(59))]
    notes = NOTES.assign(same="here", gap=gap)
    with pytest.raises(error, match=message):
        fit_reason_model(**{"notes": notes, "labels": LABELS, "seed": 1, **said})
