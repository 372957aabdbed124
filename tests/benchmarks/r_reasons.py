"""Why a number of ours is not R's, where there is a reason: each is looked at, number by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r_asked import Answers, Told
    from r_tables import Drawn

    Key = tuple[str, str]

KINDS = {
    "survival_curve cluster": "Kaplan–Meier, clusters",
    "cumulative_hazard cluster": "Nelson–Aalen, clusters",
    "survival_curve": "Kaplan–Meier",
    "cumulative_hazard": "Nelson–Aalen",
    "lifetime_quantile": "quantiles",
    "restricted_mean": "restricted means",
    "conditional_survival": "conditional survival",
    "cumulative_incidence own rows": "Aalen–Johansen, infinitesimal jackknife",
    "cumulative_incidence cluster": "Aalen–Johansen, clusters",
    "cluster beside id": "Aalen–Johansen, clusters",
    "cumulative_incidence": "Aalen–Johansen",
    "prodlim": "Aalen–Johansen, delta method (prodlim)",
    "cuminc": "Aalen–Johansen (cmprsk)",
    "cause_removed": "cause removed",
    "compare_curves cluster": "log-rank, clusters",
    "compare_curves": "log-rank and G-rho",
    "compare_incidence": "Gray's test (cmprsk)",
    "baseline": "Cox: baselines",
    "proportional_hazards_test": "Cox: cox.zph",
    "expected predict_survival": "Cox: predictions",
    "given predict_survival": "Cox: predictions",
    "predict_survival aft": "survreg",
    "predict_survival": "Cox: predictions",
    "fit_cause_specific": "reasons: cause-specific Cox",
    "predict_reasons": "reasons: multi-state predictions",
    "CSC": "reasons: riskRegression's sums",
    "fit_cox ridge": "Cox: ridge",
    "fit_cox": "Cox: coefficients, errors, tests",
    "fit_aft": "survreg",
    "concordance uno": "concordance, Uno",
    "concordance": "concordance",
    "brier_score": "Brier score (riskRegression)",
    "time_dependent_auc": "AUC (riskRegression)",
    "fit_hazard": "hazards in discrete time (glm)",
}
ROUGH = 1e-5  # relative: what the last step of Newton's method moves errors by, in tiny tables
MODELS = ("fit_", "baseline", "predict_", "proportional", "expected", "given", "CSC")
LAST = "behind the last duration, or where nobody was watched for a while, we say null"


def kind_of(call: str) -> str:
    """In the words of the table that is printed."""
    return next(said for start, said in KINDS.items() if call.startswith(start))


def reason_for_one(key: Key, ours: Told, refused: Mapping[str, str], drawn: Drawn) -> str | None:
    """Why only one of the two says something."""
    call, _ = key
    if call.startswith(MODELS) and (why := _without_maximum(call, ours, refused)):
        return why
    if drawn.late and call.startswith("compare_curves"):
        if "log-rank" in call:
            return "late entry and ties: R's exact likelihood takes too long"
        return "late entry: R has no such test"
    if call in refused:
        return f"R refuses: {refused[call]}"
    if call.startswith("prodlim"):
        return "prodlim: one reason alone is another function there"
    return None


def _without_maximum(call: str, ours: Told, refused: Mapping[str, str]) -> str | None:
    of_ours = any(_is_part(part, call) for part in ours.reserved)
    of_r = any(_is_part(_model_of_call(part), call) for part in refused)
    if of_ours and of_r:
        return "both say that a model has no maximum"
    if of_ours or of_r:
        return f"{'we' if of_ours else 'R'} alone say that a model has no maximum"
    return None


def _is_part(part: str, call: str) -> bool:
    if part == "causes":
        return call.startswith(("fit_cause", "predict_reasons", "CSC"))
    return part in call


def _model_of_call(call: str) -> str:
    if call.startswith("causes"):
        return "causes"
    return call.removeprefix("fit_cox ").removeprefix("fit_aft ").removeprefix("fit_hazard ")


@dataclass(frozen=True, slots=True)
class Pair:
    """A number of ours beside R's.

    Attributes:
        call: of which answer.
        column: of which column.
        place: in the column.
        ours: our number.
        theirs: R's.
    """

    call: str
    column: str
    place: int
    ours: float
    theirs: float


def reasons_of(key: Key, ours: Told, theirs: Answers) -> list[str | None]:
    """For each number the reason why it may differ, if one holds there."""
    pairs = [
        Pair(*key, i, a, b) for i, (a, b) in enumerate(zip(ours[key], theirs[key], strict=True))
    ]
    return [
        next((said for rule in RULES if (said := rule(pair, ours, theirs))), None) for pair in pairs
    ]


def _null_with_words(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """We have no number and say why."""
    del theirs
    words = ours.words.get(pair.call, [])
    said = words[pair.place] if pair.place < len(words) else None
    if said is None or not np.isnan(pair.ours):
        return None
    if any(word in said for word in ("observ", "watched", "seen", "followed")):
        return LAST
    return "the weights explode: null" if "explode" in said else f"null, as {said}"


def _edge_of_survival(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """Nobody has left yet, or all have."""
    del theirs
    survival = ours.get((pair.call.replace(" cluster", ""), "survival"), np.array([]))
    at = survival[pair.place] if pair.place < survival.size else np.nan
    if np.isnan(pair.theirs) and at == pair.ours == 1 and pair.column in ("lower", "upper"):
        return "where S is 1 so are its bounds; R has none"
    gone = np.isnan(pair.ours) and at == 0 and abs(pair.theirs) < 1e-12
    if gone and pair.column == "standard_error":
        return "where S is 0 there is no error; R's jackknife says 0"
    if pair.call.startswith("prodlim") and np.isnan(pair.theirs):
        return "prodlim has no error where all have left"
    return None


def _bounds_that_rise(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """By hand: the first duration at which R's own bound is at the level, or below it."""
    del ours
    if not pair.call.startswith("lifetime_quantile") or pair.column == "lifetime":
        return None
    call = pair.call.replace("lifetime_quantile", "survival_curve")
    bound, duration = theirs[call, pair.column], theirs[call, "duration"]
    below = np.flatnonzero(bound <= (0.75, 0.5, 0.25)[pair.place] + 1e-9)
    rises = np.diff(bound[~np.isnan(bound)]).max(initial=-1.0) > 0
    if rises and below.size and np.isclose(duration[below[0]], pair.ours):
        return "R's quantile takes bounds to fall always; they need not"
    return None


def _last_step(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """Errors of tiny tables."""
    del ours, theirs
    near = abs(pair.ours - pair.theirs) < ROUGH * abs(pair.theirs)
    if pair.call.startswith(("fit_aft", "fit_hazard")) and near:
        return "Newton's last step, worth 1e-10 of log L, is taken: errors are those before it"
    return None


RULES = (_null_with_words, _edge_of_survival, _bounds_that_rise, _last_step)
