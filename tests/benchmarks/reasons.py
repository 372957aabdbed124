"""How well and how fast reasons are found in notes.

    python tests/benchmarks/reasons.py labelled.csv        # scores and speed; takes minutes
    python tests/benchmarks/reasons.py                     # speed alone, on the sample company

The CSV has a note a row: `text`, a column of 0 and 1 for each of Keaveney's categories, and where
known `source` and `split`. Beside every score stands its interval, from drawing notes anew (a
note's tags hang together, so notes are drawn and not tags). A score on notes that the author of the
lexicon has read says nothing about others, and that of what learns beside it no more.

What else could be done stands beside: to say the most frequent reason always, and to learn from
labels: "both" is `fit_reason_model`, which takes the mean of lexicon and words, "words" are words
and their parts alone (TF-IDF, a logistic regression a category). What learned is scored on notes
that it was not fitted to: those of another fifth, or of another source, which is what happens to a
model that was made for another trade.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

import retention as rt
from retention.reasons.lexicon.finding import tag_text
from retention.reasons.lexicon.lexicon import load_lexicon
from retention.reasons.lexicon.matching import Matcher
from retention.reasons.tags.tagging import tag_reasons

CATEGORIES = [
    *("pricing", "inconvenience", "core_service_failure", "service_encounter_failure"),
    *("response_to_failure", "competition", "ethical_problems", "involuntary_switching"),
]
DRAWS, FOLDS, LENGTH, FEWEST, STRONG = 2_000, 5, 180, 10, 0.97
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Names = np.ndarray[Any, np.dtype[np.object_]]
Learner = Callable[[Names, Bools, Names], Bools]
"""Texts to learn from, their categories, and other texts → the categories of these."""


def strengths(tags: pd.DataFrame, n: int) -> Floats:
    """The strength of each category in each note; 0 where it was not found."""
    best = tags.groupby(["note_id", "category"])["score"].max().unstack()
    return best.reindex(index=range(n), columns=CATEGORIES).fillna(0.0).to_numpy()


def most_frequent(_: Names, true: Bools, others: Names) -> Bools:
    """Say of every note what most notes say."""
    told = np.zeros((others.size, len(CATEGORIES)), dtype=bool)
    told[:, true.sum(axis=0).argmax()] = True
    return told


def words_alone(texts: Names, true: Bools, others: Names) -> Bools:
    """Learn from words, pairs of words and parts of words, category by category."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    both = make_union(words, parts).fit(texts)
    known, new = both.transform(texts), both.transform(others)
    told = np.zeros((others.size, len(CATEGORIES)), dtype=bool)
    for at, labels in enumerate(true.T):
        if labels.any() and not labels.all():
            regression = LogisticRegression(class_weight="balanced", solver="liblinear")
            told[:, at] = regression.fit(known, labels).predict(new)
    return told


def words_and_lexicon(texts: Names, true: Bools, others: Names) -> Bools:
    """Learn with `fit_reason_model`, which leaves to the lexicon what has too few notes."""
    notes = pd.DataFrame({"text": texts})
    labelled, of = np.nonzero(true)
    none = np.flatnonzero(~true.any(axis=1))
    names = [CATEGORIES[k] for k in of] + ["unspecified"] * none.size
    labels = pd.DataFrame({"note_id": np.concatenate([labelled, none]), "category": names})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rt.RetentionWarning)  # of categories with too few notes
        model = rt.reasons.fit_reason_model(notes, labels=labels, seed=1)
    return strengths(tag_reasons(pd.DataFrame({"text": others}), model=model), others.size) > 0


def crossed(learn: Learner, texts: Names, true: Bools, folds: Names) -> Bools:
    """What is told of each fold by who learned from all others."""
    told = np.zeros_like(true)
    for fold in np.unique(folds):
        here = folds == fold
        told[here] = learn(texts[~here], true[~here], texts[here])
    return told


def contestants(texts: Names, true: Bools, sources: Names) -> tuple[dict[str, Bools], Floats]:
    """What each of them tells of each note, and the strengths that the lexicon gives."""
    strength = strengths(tag_reasons(pd.DataFrame({"text": texts})), texts.size)
    rng = np.random.default_rng(1)
    fifths = (rng.permutation(texts.size) % FOLDS).astype(object)
    folds = {"fifths": fifths} | ({"sources": sources} if np.unique(sources).size > 1 else {})
    told = {"lexicon": strength > 0}
    for name, learn in {"both": words_and_lexicon, "words": words_alone}.items():
        for kept, fold in folds.items():
            told[f"{name}, from other {kept}"] = crossed(learn, texts, true, fold)
    return told | {"always the most frequent": most_frequent(texts, true, texts)}, strength


def scores(told: Bools, true: Bools) -> dict[str, float]:
    """Precision, recall and F1 over all categories (micro); the mean F1 of frequent ones."""
    hit, n_told, n_true = (told & true).sum(0), told.sum(0), true.sum(0)
    frequent = n_true >= FEWEST
    each = 2 * hit / np.maximum(n_told + n_true, 1)
    return {
        "precision": hit.sum() / max(n_told.sum(), 1),
        "recall": hit.sum() / max(n_true.sum(), 1),
        "F1": 2 * hit.sum() / max(n_told.sum() + n_true.sum(), 1),
        "macro F1": float(each[frequent].mean()) if frequent.any() else np.nan,
    }


def drawn(told: Bools, true: Bools) -> dict[str, str]:
    """Each score with its 95 % interval, from drawing notes anew."""
    rng = np.random.default_rng(1)
    draws = [
        scores(told[rows], true[rows])
        for rows in (rng.integers(0, len(true), len(true)) for _ in range(DRAWS))
    ]
    shown = {}
    for name, value in scores(told, true).items():
        if np.isnan(value):
            shown[name] = ""  # no category has enough notes
            continue
        lower, upper = np.nanquantile([draw[name] for draw in draws], [0.025, 0.975])
        shown[name] = f"{value:.2f} ({lower:.2f}–{upper:.2f})"
    return shown


def parts(rows: list[dict[str, str]]) -> Iterator[tuple[str, Bools]]:
    """All notes, and those of each split and source."""
    yield "all", np.ones(len(rows), dtype=bool)
    for column in ("split", "source"):
        values = [row.get(column, "") for row in rows]
        for value in sorted(set(values) - {""}):
            yield f"{column} {value}", np.array([one == value for one in values])


def report(rows: list[dict[str, str]]) -> None:
    """Print every score."""
    true = np.array([[row[name] == "1" for name in CATEGORIES] for row in rows])
    texts = np.array([row["text"] for row in rows], dtype=object)
    sources = np.array([row.get("source", "") for row in rows], dtype=object)
    told, strength = contestants(texts, true, sources)
    wide = max(map(len, told)) + 2
    for title, chosen in parts(rows):
        if not true[chosen].any():
            continue
        head = "".join(f"{name:>18}" for name in ("precision", "recall", "F1", "macro F1"))
        print(f"\n{title}: {chosen.sum()} notes\n{'':{wide}}{head}")
        for name, said in told.items():
            cells = drawn(said[chosen], true[chosen]).values()
            print(f"  {name:{wide - 2}}" + "".join(f"{cell:>18}" for cell in cells))
        strong = strength[chosen] >= STRONG
        right = (strong & true[chosen]).sum()
        print(f"  lexicon, strength ≥ {STRONG}: {right} of {strong.sum()} right")
    by_category(told, true)


def by_category(told: dict[str, Bools], true: Bools) -> None:
    """Print precision and recall of each category over all notes."""
    print("\nprecision / recall             notes" + "".join(f"{name:>27}" for name in told))
    for at, category in enumerate(CATEGORIES):
        are, line = true[:, at].sum(), ""
        for said in told.values():
            hit, n = (said & true)[:, at].sum(), said[:, at].sum()
            line += f"{f'{hit / max(n, 1):.2f} / {hit / max(are, 1):.2f}':>27}"
        print(f"{category:26}{'(few)' if are < FEWEST else '':5}{are:5}{line}")


def speed(texts: list[str]) -> None:
    """Print how many notes of 180 characters one core reads in a second, the first time."""
    matcher = Matcher(load_lexicon("en"))
    began = time.process_time()
    for text in texts:
        tag_text(text, matcher)
    seconds = time.process_time() - began
    size = sum(map(len, texts))
    print(f"\n{size / LENGTH / seconds:,.0f} notes of {LENGTH} characters a second, all different")


def main() -> None:
    """Scores of a labelled file, if there is one, and speed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("labelled", nargs="?", help="a CSV file of notes with their categories")
    path = parser.parse_args().labelled
    if path:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        report(rows)
        speed([row["text"] for row in rows])
    else:
        speed(list(dict.fromkeys(rt.sample_company(20_000, seed=1).notes["text"])))


if __name__ == "__main__":
    main()
