"""Learning from a firm's own labelled notes, and telling how well by notes held back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError, RetentionError, warn, whole_number
from retention.intervals import check_seed
from retention.reasons.agreement.labels import read_labelled
from retention.reasons.agreement.reason_agreement import reason_agreement
from retention.reasons.categories import NO_REASON, UNSPECIFIED
from retention.reasons.lexicon.lexicon import Lexicon, load_lexicon
from retention.reasons.model.model import (
    LEAST,
    SILENT,
    ReasonModel,
    found_by_lexicon,
    loudness_of_words,
    scores_of_both,
    strengths_in_texts,
)
from retention.reasons.model.vectors import Reader, learn_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    from retention.reasons.agreement.labels import Labelled
    from retention.reasons.model.model import Report
    from retention.reasons.model.vectors import Floats, Weights

    Flags = NDArray[np.bool_]
    Places = NDArray[np.intp]

FOLDS = 5
"""In how many parts the notes are put."""

LOOSENESS = 10.0
"""The inverse of the penalty on squared coefficients, C of scikit-learn."""


def fit_reason_model(
    notes: IntoFrame,
    *,
    labels: IntoFrame,
    groups: str | None = None,
    seed: int,
    text: str = "text",
    note_id: str = "note_id",
    lexicon: str | Path | Lexicon | None = "en",
    fewest: int = 10,
) -> ReasonModel:
    """A model of the reasons in your own notes, learnt from some hundred that people labelled.

    For each category a logistic regression reads a note's words, pairs of words and runs of 3 to 5
    characters, weighted by their rarity (TF-IDF). The score of a category is the mean of what it
    says and of the lexicon's strength; where nothing in the note speaks for the category it is 0.
    A logistic curve of that score, p = 1 / (1 + exp(−(a s + b))), is the probability. A category is
    told where p reaches its threshold, the one with the highest F1.

    Thresholds, a and b come from notes held back: the notes are put in five folds, and each is
    scored by a model of the other four, which has seen neither it nor one like it (nor one of its
    group). In the report the thresholds too are those of the other folds. The model itself then
    learns from all notes.

    Why the mean: on half of the notes that "Reasons in notes" in the docs speaks of, with phrases
    of the lexicon left out at random until it was as good as on notes never seen, it told notes
    held back better than strengths that are further features of the regression, and than a second
    regression on both, with whole sources held back and without.

    Args:
        notes: a note a row; those without labels are left out.
        labels: one row per note and reason that people found in it: `note_id`, `category`; a note
            in which they found none has one row "unspecified". Of any kind of table. Of a
            sub-category ("pricing.high_price") the category is learnt.
        groups: a column of `notes`, such as the customer, the region or the trade: no value of it
            is on both sides. Say it wherever the notes to come will be of other values, or the
            report tells how well the model knows those that it knows.
        seed: of the order in which notes are put in folds.
        text: the column of what was written.
        note_id: the column that says which note; rows are numbered from 0 where there is none.
        lexicon: as in `tag_reasons`; None learns without one.
        fewest: of how many notes that carry it, and as many that do not, a category can be learnt.

    Returns:
        The model, a frozen value, for `tag_reasons(model=)`; `report` tells how good it is.

    Raises:
        RetentionError: if a keyword is none of its values.
        ColumnError: if a column is missing, or note ids are text in one table and numbers in the
            other.
        ContentError: if there are no labels, notes with labels are not there, all notes are of one
            group, or no category can be learnt.

    Warns:
        RetentionWarning: if categories cannot be learnt: too few notes, or told no better than by
            chance. They are left to the lexicon; the model's `notes` name them.

    Example:
        The firm's customers say "beans" where they mean the price, as no lexicon knows.

        >>> import pandas as pd
        >>> import retention as rt
        >>> price = [f"It is the beans again, {name}." for name in "abcdefghijkl"]
        >>> other = [f"Thank you and goodbye, {name}." for name in "abcdefghijkl"]
        >>> notes = pd.DataFrame({"text": price + other})
        >>> labels = pd.DataFrame({
        ...     "note_id": range(24), "category": ["pricing"] * 12 + ["unspecified"] * 12,
        ... })
        >>> model = rt.reasons.fit_reason_model(notes, labels=labels, seed=1)
        >>> model
        ReasonModel(1 categories of 24 notes, beside Lexicon('en', '1.1.0'))
        category  n_labelled  n_tagged  precision  recall  f1
        pricing           12        12          1       1   1
        micro             12        12          1       1   1
        macro             12        12          1       1   1
        of notes that it had not seen
        next: rt.tag_reasons(notes, model=model); model.report
        >>> new = pd.DataFrame({"text": ["Beans, beans, beans.", "Goodbye!"]})
        >>> rt.tag_reasons(new, model=model)[["category", "evidence"]].fillna("")
              category evidence
        0      pricing    Beans
        1  unspecified

    Source:
        TF-IDF and logistic regression: scikit-learn. Calibration: Platt, J. (1999), Probabilistic
        Outputs for Support Vector Machines, in Advances in Large Margin Classifiers, 61–74, with
        his targets (section 2.2). Thresholds by F1: Lipton, Z. C., Elkan, C. and Naryanaswamy, B.
        (2014), Optimal Thresholding of Classifiers to Maximize F1 Measure, ECML PKDD.
    """
    if seed is None:
        raise RetentionError("seed must be a whole number, 0 or more; got None.")
    check_seed(seed)
    whole_number("fewest", fewest, least=2)
    known = lexicon if isinstance(lexicon, Lexicon | None) else load_lexicon(lexicon)
    labelled = read_labelled(notes, labels, (text, note_id, groups))
    group = _groups_of_notes(labelled, groups)
    learnable, few = _learnable_categories(labelled, group, fewest)
    held, poor = _held_better_than_chance(
        scores_held_back(labelled.only(learnable), group, known, seed)
    )
    if few or poor:
        warn(" ".join((*few, *poor)))
    fitted = _model_of_all_notes(held, known, groups, seed)
    return replace(fitted, notes=(*labelled.remarks, *few, *poor))


@dataclass(frozen=True, slots=True)
class Held:
    """Labelled notes, and what models that had not seen them say of them.

    Attributes:
        labelled: the notes.
        group, fold: of each note.
        score: of each category (columns), by a model of the other folds and the lexicon.
        strength: by the lexicon alone; null where there is none.
        slope, offset: of the curve that makes a score a probability.
    """

    labelled: Labelled
    group: Places
    fold: Places
    score: Floats
    strength: Floats | None
    slope: Floats
    offset: Floats


def threshold_of(score: Floats, carried: Flags) -> float:
    """The least score from which on a category is told, so that F1 is highest.

    It lies half way between the lowest score that is told and the next lower one. Of thresholds
    that are as good the highest is taken; a score of 0 is never told. Infinite where none finds
    any.

    Args:
        score: of each note.
        carried: whether it carries the category.
    """
    levels, level = np.unique(score, return_inverse=True)
    hits = np.bincount(level, weights=carried, minlength=levels.size)[::-1].cumsum()
    told = np.bincount(level, minlength=levels.size)[::-1].cumsum()
    down = levels[::-1]
    f1 = np.where(down > 0, 2 * hits / np.maximum(told + carried.sum(), 1), 0.0)
    best = int(f1.argmax())
    if not f1[best] > 0:
        return float("inf")
    lower = down[best + 1] if best + 1 < down.size else down[best]
    return float((down[best] + lower) / 2)


def calibration_of(score: Floats, carried: Flags) -> tuple[float, float]:
    """Slope and offset of the logistic curve that makes a score a probability.

    Of N₁ notes that carry the category and N₀ that do not, the former stand for (N₁ + 1) / (N₁ + 2)
    and the latter for 1 / (N₀ + 2), so that no probability is 0 or 1.
    """
    from sklearn.linear_model import LogisticRegression

    positives, n = carried.sum(), score.size
    target = np.where(carried, (positives + 1) / (positives + 2), 1 / (n - positives + 2))
    both = np.concatenate([score, score])[:, None]
    is_it = np.repeat([True, False], n)
    found = LogisticRegression(C=1e6, tol=1e-8, solver="liblinear", max_iter=1000).fit(
        both, is_it, sample_weight=np.concatenate([target, 1 - target])
    )
    return float(found.coef_[0, 0]), float(found.intercept_[0])


def _learnable_categories(
    labelled: Labelled, group: Places, fewest: int
) -> tuple[Flags, tuple[str, ...]]:
    """Which categories can be learnt, and in words which cannot.

    Raises:
        ContentError: if none can.
    """
    carried, n = labelled.carried, len(labelled.texts)
    positives = carried.sum(axis=0)
    enough = np.minimum(positives, n - positives) >= fewest
    spread = np.array([np.unique(group[one]).size > 1 for one in carried.T], np.bool_)
    few = ", ".join(
        f"{name} ({count:,})"
        for name, count, there in zip(labelled.categories, positives, enough, strict=True)
        if not there
    )
    alone = ", ".join(np.array(labelled.categories, dtype=object)[enough & ~spread])
    remarks = []
    if few:
        remarks.append(
            f"Not learnt, of {n:,} labelled notes fewer than {fewest:,} carry it or do not: {few}."
        )
    if alone:
        remarks.append(f"Not learnt, all notes that carry it are of one group: {alone}.")
    if not (enough & spread).any():
        said = " ".join(remarks) or "No note carries any."
        raise ContentError(f"labels: no category can be learnt. {said} Label more notes.")
    return enough & spread, tuple(remarks)


def _groups_of_notes(labelled: Labelled, groups: str | None) -> Places:
    """The group of each note.

    Raises:
        ContentError: if there is one only.
    """
    if not labelled.texts:
        raise ContentError("labels: every labelled note is blank.")
    group = groups_of_alike_notes(labelled.texts, labelled.values)
    if not group.max():
        what = "alike" if groups is None else f"of one {groups!r}, or alike across its values"
        raise ContentError(
            f"notes: all {len(labelled.texts):,} labelled notes are {what}: none can be held back "
            "to judge a model of the others."
        )
    return group


def scores_held_back(labelled: Labelled, group: Places, lexicon: Lexicon | None, seed: int) -> Held:
    """Every note scored by a model of the other folds."""
    carried = labelled.carried
    fold = folds_of_notes(carried, group, min(FOLDS, int(group.max()) + 1), seed)
    chance, loudest = np.zeros(carried.shape), np.full(carried.shape, SILENT, np.intp)
    for learnt, judged in parts_by_fold(fold):
        terms = learn_terms([labelled.texts[i] for i in learnt])
        words, characters = Reader(terms).weights(labelled.texts)
        lines = _regression_weights((words[learnt], characters[learnt]), carried[learnt])
        chance[judged], loudest[judged] = loudness_of_words(
            (words[judged], characters[judged]), *lines
        )
    strength = None
    if lexicon is not None:
        strength = strengths_in_texts(
            found_by_lexicon(labelled.texts, lexicon), labelled.categories
        )
    score = scores_of_both(chance, loudest, strength)
    curves = [calibration_of(s, y) for s, y in zip(score.T, carried.T, strict=True)]
    slope, offset = np.array(curves).T
    return Held(labelled, group, fold, score, strength, slope, offset)


def _held_better_than_chance(held: Held) -> tuple[Held, tuple[str, ...]]:
    """Without the categories whose score says nothing, or the contrary; and these in words.

    Raises:
        ContentError: if none is left.
    """
    good = held.slope > 0
    if good.all():
        return held, ()
    bad = ", ".join(np.array(held.labelled.categories, dtype=object)[~good])
    remark = f"Not learnt, notes held back were told no better than by chance: {bad}."
    if not good.any():
        raise ContentError(f"labels: no category can be learnt. {remark} Label more notes.")
    return (
        Held(
            held.labelled.only(good),
            held.group,
            held.fold,
            held.score[:, good],
            None if held.strength is None else held.strength[:, good],
            held.slope[good],
            held.offset[good],
        ),
        (remark,),
    )


def _model_of_all_notes(
    held: Held, lexicon: Lexicon | None, groups: str | None, seed: int
) -> ReasonModel:
    """The model of all notes, with the thresholds and the curves of notes held back."""
    from scipy.special import expit

    labelled = held.labelled
    least = [threshold_of(s, y) for s, y in zip(held.score.T, labelled.carried.T, strict=True)]
    terms = learn_terms(labelled.texts)
    coef, intercept = _regression_weights(Reader(terms).weights(labelled.texts), labelled.carried)
    return ReasonModel(
        categories=labelled.categories,
        thresholds=expit(held.slope * np.array(least) + held.offset),
        n_labelled=tuple(labelled.carried.sum(axis=0).tolist()),
        n_notes=len(labelled.texts),
        groups=groups,
        n_groups=int(held.group.max()) + 1,
        n_folds=int(held.fold.max()) + 1,
        seed=int(seed),
        lexicon=lexicon,
        notes=(),
        terms=terms,
        coef=coef,
        intercept=intercept,
        slope=held.slope,
        offset=held.offset,
        told=_report_of_held_back(held),
    )


def _regression_weights(weights: Weights, carried: Flags) -> tuple[Floats, Floats]:
    """A logistic regression a category; one that all notes carry, or none, is told so always."""
    from scipy.sparse import hstack
    from sklearn.linear_model import LogisticRegression

    given = hstack(weights).tocsr()
    coef = np.zeros((carried.shape[1], given.shape[1]))
    intercept = np.where(carried.all(axis=0), 30.0, -30.0)
    for k in np.flatnonzero(carried.any(axis=0) & ~carried.all(axis=0)):
        line = LogisticRegression(C=LOOSENESS, class_weight="balanced", solver="liblinear")
        line.fit(given, carried[:, k])
        coef[k], intercept[k] = line.coef_[0], line.intercept_[0]
    return coef, intercept


def _report_of_held_back(held: Held) -> Report:
    """How well notes held back were told, by thresholds of the other folds, and by simple rules."""
    carried = held.labelled.carried
    told = np.zeros(carried.shape, np.bool_)
    for others, judged in parts_by_fold(held.fold):
        for k in range(carried.shape[1]):
            least = threshold_of(held.score[others, k], carried[others, k])
            told[judged, k] = held.score[judged, k] >= least
    rules = {"model": told}
    if held.strength is not None:
        rules["lexicon"] = held.strength >= LEAST
    leaving = ~np.isin(np.array(held.labelled.categories, dtype=object), NO_REASON)
    rules["most frequent"] = np.zeros(carried.shape, np.bool_)
    rules["most frequent"][:, np.where(leaving, carried.sum(axis=0), 0).argmax()] = True
    return _report_of_tables(
        [_scores_of_rule(rule, one, held.labelled) for rule, one in rules.items()]
    )


def _scores_of_rule(rule: str, told: Flags, labelled: Labelled) -> pd.DataFrame:
    """What one rule tells against the labels, category by category."""
    names = labelled.categories
    found = reason_agreement(
        _rows_per_category(told, names),
        _rows_per_category(labelled.carried, names),
        categories=[name for name in names if name not in NO_REASON],
        fewest=1,
    )
    found.insert(0, "rule", rule)
    return found


def _rows_per_category(flags: Flags, names: Sequence[str]) -> pd.DataFrame:
    """One row per note and category; a note without any has one row "unspecified"."""
    import pandas as pd

    whole = np.column_stack([flags, ~flags.any(axis=1)])
    note, place = np.nonzero(whole)
    category = np.array([*names, UNSPECIFIED], dtype=object)[place]
    return pd.DataFrame({"note_id": note, "category": category})


def _report_of_tables(tables: list[pd.DataFrame]) -> Report:
    """Tables beneath each other as a value; what is not known is None."""
    import pandas as pd

    whole = pd.concat(tables, ignore_index=True)
    known = whole.astype(object).where(whole.notna(), None)
    return tuple((str(name), tuple(known[name].tolist())) for name in known.columns)


def groups_of_alike_notes(texts: Sequence[str], values: NDArray[Any] | None) -> Places:
    """The group of each note, from 0: notes of one value, and notes that are alike, share one.

    Texts are alike that differ in case and white space alone. Where such texts stand under two
    values, all notes of both are one group.

    Args:
        texts: the notes.
        values: what they are grouped by; None groups by likeness alone.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    text = _numbers_in_order([" ".join(text.casefold().split()) for text in texts])
    if values is None:
        return text
    value = _numbers_in_order([str(value) for value in values.tolist()])
    size = len(text)
    links = (np.ones(size), (value, value.max() + 1 + text))
    nodes = int(value.max() + text.max()) + 2
    group = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)[1]
    return _numbers_in_order(group[value].tolist())


def folds_of_notes(carried: Flags, group: Places, n_folds: int, seed: int) -> Places:
    """The fold of each note: no group in two, and every category spread over all as far as may be.

    Groups are taken one by one, those first that hold most of some category, in an order drawn by
    the seed where they hold as much; each is put where the least of its categories is.

    Args:
        carried: which categories (columns) each note (rows) carries.
        group: of each note.
        n_folds: how many folds; at most as many as there are groups.
        seed: of the order.
    """
    counted = np.column_stack([carried, np.ones(len(group), np.bool_)]).astype(np.float64)
    counts = np.zeros((int(group.max()) + 1, counted.shape[1]))
    np.add.at(counts, group, counted)
    share = counts / np.maximum(counts.sum(axis=0), 1.0)
    drawn = np.random.default_rng(seed).permutation(len(counts))
    order = drawn[np.argsort(-share[drawn].max(axis=1), kind="stable")]
    load = np.zeros((n_folds, counted.shape[1]))
    fold = np.empty(len(counts), np.intp)
    for one in order:
        crowd = (load @ share[one]).round(12)
        fold[one] = np.lexsort((load[:, -1], crowd))[0]
        load[fold[one]] += share[one]
    return fold[group]


def parts_by_fold(fold: Places) -> Iterator[tuple[Places, Places]]:
    """The notes outside each fold, and those in it."""
    for one in np.unique(fold):
        yield np.flatnonzero(fold != one), np.flatnonzero(fold == one)


def _numbers_in_order(values: list[Any]) -> Places:
    """Numbers in the order of the values, so that the order of notes does not matter."""
    from pandas import factorize

    return np.asarray(factorize(np.array(values, dtype=object), sort=True)[0], np.intp)
