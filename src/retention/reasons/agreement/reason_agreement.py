"""How well tags agree with what people found in the same notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError, RetentionError
from retention.frames import Columns, collect, table_like
from retention.reasons.agreement.labels import read_labels
from retention.reasons.categories import MISSING, NO_REASON, UNSPECIFIED, check_category
from retention.reasons.figures.primary_reasons import complete_column, places_of
from retention.tables import TAGS, require
from retention.tables.answer_columns import constants, flags, gives, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrame, IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_NOTHING = 1e-12  # of a variance or a sum of squares: what rounding leaves of 0
_SCORES = ("precision", "recall", "f1", "kappa")


@dataclass(frozen=True, slots=True)
class _Pair:
    """What was tagged and what labelled: a row per note with labels, a column per category."""

    categories: list[str]
    tagged: Flags
    labelled: Flags
    n_unlabelled: int


@gives(
    "category, and one for each way of averaging",
    texts("category"),
    whole_numbers("n_notes", "n_tagged", "n_labelled", "n_both"),
    shares(
        "precision",
        "precision_lower",
        "precision_upper",
        "recall",
        "recall_lower",
        "recall_upper",
        "f1",
        "f1_lower",
        "f1_upper",
        "kappa",
        "kappa_lower",
        "kappa_upper",
    ),
    flags("scored"),
    constants(whole_numbers("n_unlabelled")),
)
def reason_agreement(
    tags: IntoFrameT,
    labels: IntoFrame,
    *,
    min_score: float = 0.0,
    categories: Sequence[str] | None = None,
    fewest: int = 10,
    level: float = 0.95,
) -> IntoFrameT:
    """How well tags agree with labels of the same notes, category by category and together.

    Of n notes with labels, T carry the tag, L the label and B both:

        precision = B / T,  recall = B / L,  F1 = 2 B / (T + L)
        κ = (p_o − p_e) / (1 − p_e)

    with p_o the share of notes on which both agree (carry it both, or neither) and p_e the share on
    which they would by chance, T L / n² + (n − T)(n − L) / n². Cohen's κ is the same whichever of
    the two is right; the others take the labels for the truth. "micro" sums B, T and L over the
    categories before it divides, so that frequent ones weigh more; "macro" is the mean over those
    with at least `fewest` labels, where a precision without any tag is 0.

    Compare only with notes that nobody looked at while the tags' rules were written, and with what
    a second person would agree to: two people's κ is the ceiling.

    Args:
        tags: a table from `tag_reasons` (all of it, with the notes that have no reason).
        labels: one row per note and reason found by people: `note_id`, `category` (or
            "category.subcategory", which counts for its category); a note in which they found none
            has one row "unspecified". Of any kind of table. Notes without labels are left out, and
            counted.
        min_score: tags of a lower score count as none.
        categories: those that "micro" and "macro" are of; None takes every reason to leave that
            was tagged or labelled.
        fewest: categories with fewer labels than this are left out of "macro" (`scored` is false):
            their scores say little.
        level: confidence of the bounds.

    Returns:
        One row per category, then "micro" and "macro", in the caller's kind: `category`, `n_notes`,
        `n_tagged`, `n_labelled`, `n_both`, then `precision`, `recall`, `f1` and `kappa`, each with
        `…_lower` and `…_upper`, `scored`, and the constant `n_unlabelled` (notes of tags without
        labels). Bounds of precision and recall are Wilson's; of F1 they are Wilson's of B / (T + L
        − B), of which F1 is a function; of κ they are those of large samples. Those of "micro" and
        "macro" are linearised over notes, whose tags go together. All but Wilson's need 30 notes;
        what cannot be had is null, as is κ of "micro" and "macro".

    Raises:
        RetentionError: if a keyword is none of its values, or a label is no reason.
        ColumnError: if a column is missing, or note ids are text in one table and numbers in the
            other.
        ContentError: if there are no labels, or notes with labels are not among the tags.

    Example:
        Of four notes, two are tagged with the price, and people found it in two.

        >>> import pandas as pd
        >>> import retention as rt
        >>> tags = pd.DataFrame({
        ...     "note_id": [1, 2, 3, 4],
        ...     "category": ["pricing", "pricing", "competition", "unspecified"],
        ... })
        >>> labels = pd.DataFrame({
        ...     "note_id": [1, 2, 3, 4],
        ...     "category": ["pricing", "unspecified", "competition", "pricing"],
        ... })
        >>> found = rt.reasons.reason_agreement(tags, labels, fewest=1)
        >>> found[["category", "n_tagged", "n_labelled", "n_both", "f1", "kappa"]].round(3)
              category  n_tagged  n_labelled  n_both     f1  kappa
        0      pricing         2           2       1  0.500    0.0
        1  competition         1           1       1  1.000    1.0
        2        micro         3           3       2  0.667    NaN
        3        macro         3           3       2  0.750    NaN

    Source:
        Cohen, J. (1960), Educational and Psychological Measurement 20, 37–46; its variance: Fleiss,
        J. L., Cohen, J. and Everitt, B. S. (1969), Psychological Bulletin 72, 323–327. Micro and
        macro: Sebastiani, F. (2002), ACM Computing Surveys 34, 1–47, section 7.
    """
    intervals.quantile_of(level)
    if not (isinstance(min_score, int | float) and 0 <= min_score <= 1):
        raise RetentionError(f"min_score must lie between 0 and 1; got {min_score!r}.")
    pair = _flags_of_both_tables(tags, labels, min_score)
    both = (pair.tagged & pair.labelled).astype(np.int64)
    t, m = pair.tagged.astype(np.int64), pair.labelled.astype(np.int64)
    averaged = _averaged_categories(pair.categories, categories)
    scored = averaged & (m.sum(axis=0) >= fewest)
    found = [
        _scores_of_categories(both.sum(axis=0), t.sum(axis=0), m.sum(axis=0), len(t), level),
        _micro_scores(both[:, averaged], t[:, averaged], m[:, averaged], level),
        _macro_scores(both[:, scored], t[:, scored], m[:, scored], level),
    ]
    columns: Columns = {
        "category": np.array([*pair.categories, "micro", "macro"], dtype=object),
        **{name: np.concatenate([one[name] for one in found]) for name in found[0]},
        "scored": np.array([*scored, averaged.any(), scored.any()], np.bool_),
    }
    columns["n_unlabelled"] = np.full(columns["scored"].size, pair.n_unlabelled, np.int64)
    return table_like(columns, tags)


def _flags_of_both_tables(tags: object, labels: object, min_score: float) -> _Pair:
    """Both tables as flags of the notes that have labels."""
    import pandas as pd

    frame = require(tags, TAGS)
    schema = frame.collect_schema()
    kept = ["note_id", "category", *(["score"] if "score" in schema else [])]
    told, truth = collect(frame.select(kept)), read_labels(labels)
    for name in ("note_id", "category"):
        told[name] = complete_column(told[name], name)
    if (told["note_id"].dtype.kind in "iu") != (truth["note_id"].dtype.kind in "iu"):
        raise ColumnError(
            "labels: 'note_id' is text in one table and numbers in the other. Give both the same."
        )
    note, notes = pd.factorize(truth["note_id"])
    place, names = places_of(np.concatenate([told["category"], truth["category"]]).astype(object))
    tagged_note = pd.Index(notes).get_indexer(pd.Index(told["note_id"]))
    if lacking := len(notes) - np.unique(tagged_note[tagged_note >= 0]).size:
        raise ContentError(
            f"labels: {lacking:,} of {len(notes):,} notes with labels are not among the tags. Give "
            "all tags, those of notes without a reason too; min_score= leaves out weak ones."
        )
    score = told.get("score", np.ones(len(tagged_note))).astype(np.float64)
    strong = (tagged_note >= 0) & ~(score < min_score)
    tagged, labelled = (np.zeros((len(notes), len(names)), np.bool_) for _ in range(2))
    tagged[tagged_note[strong], place[: len(tagged_note)][strong]] = True
    labelled[note, place[len(tagged_note) :]] = True
    seen = (tagged | labelled).any(axis=0) & ~np.isin(names, (UNSPECIFIED, MISSING))
    unlabelled = np.unique(told["note_id"][tagged_note < 0].astype(object)).size
    shown = [name for name, there in zip(names, seen, strict=True) if there]
    return _Pair(shown, tagged[:, seen], labelled[:, seen], unlabelled)


def _averaged_categories(shown: list[str], asked: Sequence[str] | None) -> Flags:
    """Which categories "micro" and "macro" are of."""
    if asked is None:
        return ~np.isin(np.array(shown, dtype=object), NO_REASON)
    if isinstance(asked, str):
        raise RetentionError(f"categories must be a list of names; got {asked!r}.")
    for name in asked:
        check_category(name, argument="categories", own=True)
    return np.isin(np.array(shown, dtype=object), list(asked))


def _scores_of_categories(
    both: NDArray[Any], t: NDArray[Any], m: NDArray[Any], n: int, level: float
) -> Columns:
    """The scores of every category, from its counts."""
    union = t + m - both
    lower, upper = intervals.wilson_bounds(both, union, level)
    scores = {
        "precision": (intervals.ratio(both, t), *intervals.wilson_bounds(both, t, level)),
        "recall": (intervals.ratio(both, m), *intervals.wilson_bounds(both, m, level)),
        "f1": (intervals.ratio(2 * both, t + m), 2 * lower / (1 + lower), 2 * upper / (1 + upper)),
        "kappa": _kappa(both, t, m, n, level),
    }
    return _counts_of_agreement(both, t, m, n) | _score_columns(scores)


def _kappa(
    both: NDArray[Any], t: NDArray[Any], m: NDArray[Any], n: int, level: float
) -> tuple[Floats, Floats, Floats]:
    """Cohen's κ of each category, and its bounds in large samples."""
    tagged, labelled = (np.stack([x, n - x]) / n for x in (t, m))  # carry it, or not
    cells = np.stack([[both, t - both], [m - both, n - t - m + both]]) / n
    chance = (tagged * labelled).sum(axis=0)
    agreed = cells[0, 0] + cells[1, 1]
    kappa = intervals.ratio(agreed - chance, 1 - chance)
    alike = sum(cells[i, i] * (1 - (tagged[i] + labelled[i]) * (1 - kappa)) ** 2 for i in (0, 1))
    unlike = sum(
        cells[i, 1 - i] * (labelled[i] + tagged[1 - i]) ** 2 * (1 - kappa) ** 2 for i in (0, 1)
    )
    variance = alike + unlike - (kappa - chance * (1 - kappa)) ** 2
    variance = np.where(variance > _NOTHING, variance, 0.0)
    error = np.sqrt(variance / n) / np.where(chance < 1, 1 - chance, np.nan)
    known = (n >= intervals.FEWEST) & (error > 0)
    half = np.where(known, intervals.quantile_of(level) * error, np.nan)
    return kappa, np.maximum(kappa - half, -1.0), np.minimum(kappa + half, 1.0)


def _micro_scores(both: NDArray[Any], t: NDArray[Any], m: NDArray[Any], level: float) -> Columns:
    """The scores of all categories together; a note is one draw, whatever it carries."""
    b, tagged, labelled = (one.sum(axis=1) for one in (both, t, m))
    scores = {"precision": (b, tagged), "recall": (b, labelled), "f1": (2 * b, tagged + labelled)}
    found = {name: _ratio_of_sums(*one, level) for name, one in scores.items()}
    of_all = _counts_of_agreement(b.sum(), tagged.sum(), labelled.sum(), len(b))
    return of_all | _score_columns(found | {"kappa": _unknown_with_bounds()})


def _ratio_of_sums(y: NDArray[Any], x: NDArray[Any], level: float) -> tuple[Floats, Floats, Floats]:
    rate = intervals.ratio([y.sum()], [x.sum()])
    residuals = ((y - rate * x) ** 2).sum()
    lower, upper, _ = intervals.ratio_bounds(rate, x.sum(), (x * x).sum(), residuals, y.size, level)
    if not residuals > _NOTHING * (y * y).sum():
        return rate, np.full(1, np.nan), np.full(1, np.nan)
    return rate, np.maximum(lower, 0.0), np.minimum(upper, 1.0)


def _macro_scores(both: NDArray[Any], t: NDArray[Any], m: NDArray[Any], level: float) -> Columns:
    """The mean of the categories' scores, with the spread that notes give it."""
    scores = {"precision": (both, t), "recall": (both, m), "f1": (2 * both, t + m)}
    found = {name: _mean_of_ratios(*one, level) for name, one in scores.items()}
    of_all = _counts_of_agreement(both.sum(), t.sum(), m.sum(), len(both))
    return of_all | _score_columns(found | {"kappa": _unknown_with_bounds()})


def _mean_of_ratios(
    y: NDArray[Any], x: NDArray[Any], level: float
) -> tuple[Floats, Floats, Floats]:
    n, k = y.shape
    if not k:
        return _unknown_with_bounds()
    total = np.maximum(x.sum(axis=0), 1)
    rates = y.sum(axis=0) / total
    influence = ((y - rates * x) / total).mean(axis=1)
    error = np.sqrt(n / max(n - 1, 1) * (influence**2).sum())
    known = n >= intervals.FEWEST and error > _NOTHING
    half = intervals.quantile_of(level) * error if known else np.nan
    mean = np.array([rates.mean()])
    return mean, np.maximum(mean - half, 0.0), np.minimum(mean + half, 1.0)


def _counts_of_agreement(both: Any, t: Any, m: Any, n: int) -> Columns:
    counts = {"n_tagged": t, "n_labelled": m, "n_both": both}
    columns: Columns = {"n_notes": np.full(np.size(t), n, np.int64)}
    return columns | {name: np.atleast_1d(one) for name, one in counts.items()}


def _score_columns(scores: dict[str, tuple[Floats, Floats, Floats]]) -> Columns:
    """Each score and its bounds as columns."""
    return {
        f"{name}{end}": values
        for name in _SCORES
        for end, values in zip(("", "_lower", "_upper"), scores[name], strict=True)
    }


def _unknown_with_bounds() -> tuple[Floats, Floats, Floats]:
    return np.full(1, np.nan), np.full(1, np.nan), np.full(1, np.nan)
