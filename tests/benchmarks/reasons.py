"""How well and how fast reasons are found in notes.

    python tests/benchmarks/reasons.py labelled.csv        # scores and speed
    python tests/benchmarks/reasons.py                     # speed alone, on the sample company

The CSV has a note a row: `text`, a column of 0 and 1 for each of Keaveney's categories, and where
known `source` and `split`. Beside every score stands its interval, from drawing notes anew (a
note's tags hang together, so notes are drawn and not tags), and what "always the most frequent"
scores. A score on notes that the author of the lexicon has read says nothing about others.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import retention as rt
from retention.reasons.finding import tag_text
from retention.reasons.lexicon import load_lexicon
from retention.reasons.matching import Matcher
from retention.reasons.tagging import tag_reasons

CATEGORIES = [
    *("pricing", "inconvenience", "core_service_failure", "service_encounter_failure"),
    *("response_to_failure", "competition", "ethical_problems", "involuntary_switching"),
]
DRAWS, LENGTH, FEWEST, STRONG = 2_000, 180, 10, 0.97
Bools = np.ndarray[Any, np.dtype[np.bool_]]


def tagged(texts: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The strength of each category in each note; 0 where it was not found."""
    tags = tag_reasons(pd.DataFrame({"text": texts}))
    best = tags.groupby(["note_id", "category"])["score"].max().unstack(fill_value=0.0)
    return best.reindex(index=range(len(texts)), columns=CATEGORIES, fill_value=0.0).to_numpy()


def scores(told: Bools, true: Bools) -> dict[str, float]:
    """Precision, recall and F1 over all categories (micro); the mean F1 of frequent ones."""
    hit, n_told, n_true = (told & true).sum(0), told.sum(0), true.sum(0)
    frequent = n_true >= FEWEST
    each = 2 * hit / np.maximum(n_told + n_true, 1)
    return {
        "micro precision": hit.sum() / max(n_told.sum(), 1),
        "micro recall": hit.sum() / max(n_true.sum(), 1),
        "micro F1": 2 * hit.sum() / max(n_told.sum() + n_true.sum(), 1),
        "macro F1": float(each[frequent].mean()) if frequent.any() else np.nan,
    }


def drawn(told: Bools, true: Bools) -> dict[str, tuple[float, float, float]]:
    """Each score with its 95 % interval, from drawing notes anew."""
    rng = np.random.default_rng(1)
    draws = [
        scores(told[rows], true[rows])
        for rows in (rng.integers(0, len(true), len(true)) for _ in range(DRAWS))
    ]
    found = scores(told, true)
    return {
        name: (value, *np.nanquantile([draw[name] for draw in draws], [0.025, 0.975]))
        for name, value in found.items()
    }


def parts(rows: list[dict[str, str]]) -> Iterator[tuple[str, Bools]]:
    """All notes, and those of each split and source."""
    yield "all notes", np.ones(len(rows), dtype=bool)
    for column in ("split", "source"):
        values = [row.get(column, "") for row in rows]
        for value in sorted(set(values) - {""}):
            yield f"{column} {value}", np.array([one == value for one in values])


def report(path: str) -> None:
    """Print every score."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    true = np.array([[row[name] == "1" for name in CATEGORIES] for row in rows])
    strength = tagged([row["text"] for row in rows])
    told = strength > 0
    for name, chosen in parts(rows):
        if not true[chosen].any():
            continue
        print(f"\n{name}: {chosen.sum()} notes")
        always = np.zeros_like(true[chosen])
        always[:, true[chosen].sum(0).argmax()] = True
        simple = scores(always, true[chosen])
        for score, (value, lower, upper) in drawn(told[chosen], true[chosen]).items():
            if np.isnan(value):
                continue  # no category has enough notes
            line = f"  {score:16} {value:.2f} ({lower:.2f} to {upper:.2f})"
            print(f"{line}   always the most frequent {simple[score]:.2f}")
        strong = strength[chosen] >= STRONG
        right = (strong & true[chosen]).sum()
        print(f"  strength ≥ {STRONG}: {right} of {strong.sum()} right")
    print("\ncategory                    notes  precision  recall")
    for at, name in enumerate(CATEGORIES):
        hit, said, are = (told & true)[:, at].sum(), told[:, at].sum(), true[:, at].sum()
        few = "   (few)" if are < FEWEST else ""
        print(f"{name:27} {are:5} {hit / max(said, 1):10.2f} {hit / max(are, 1):7.2f}{few}")


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
        report(path)
        with open(path, encoding="utf-8", newline="") as file:
            speed([row["text"] for row in csv.DictReader(file)])
    else:
        speed(list(dict.fromkeys(rt.sample_company(20_000, seed=1).notes["text"])))


if __name__ == "__main__":
    main()
