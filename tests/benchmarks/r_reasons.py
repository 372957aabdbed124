"""Why a number of ours is not R's, where there is a reason: each is looked at, number by number."""

from __future__ import annotations

import re
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
_NUMBER = re.compile(r"[0-9][0-9.e-]*")
MODELS = ("fit_", "baseline", "predict_", "proportional", "expected", "given", "CSC")
LAST = "behind the last duration, or where nobody was watched for a while, we say null"


def kind_of(call: str) -> str:
    """In the words of the table that is printed."""
    return next(said for start, said in KINDS.items() if call.startswith(start))


def reason_for_one(
    key: Key, ours: Told, theirs: tuple[Answers, Mapping[str, str]], drawn: Drawn
) -> str | None:
    """Why only one of the two says something; `theirs` is what R says and what it refuses."""
    (call, _), refused = key, theirs[1]
    if call.startswith(MODELS) and (why := _without_maximum(call, ours, *theirs)):
        return why
    if drawn.late and call.startswith("compare_curves"):
        if "log-rank" in call:
            return "late entry and ties: R's exact likelihood takes too long"
        return "late entry: R has no such test"
    if call in refused:
        return f"R refuses: {refused[call]}"
    if call.startswith("prodlim"):
        return "prodlim: one reason alone is another function there"
    return _nothing_to_say(key, ours, drawn)


def _nothing_to_say(key: Key, ours: Told, drawn: Drawn) -> str | None:
    """We have no number at all, and R is not asked."""
    call, _ = key
    if key not in ours or not np.isnan(ours[key]).all():
        return None
    if " cluster " in call and _clusters_of(call, drawn) == 1:
        return "one cluster alone: null, R is not asked"
    if call.startswith("conditional_survival") and all(ours.words[call]):
        return "behind the last duration: null, R has nobody to ask of"
    return None


def _clusters_of(call: str, drawn: Drawn) -> int:
    """In the segment that ends the name of a call."""
    mine = drawn.spells[drawn.spells["plan"] == call.rsplit(maxsplit=1)[-1]]
    if "own rows" in call:
        return int(mine["n_spells"].sum())
    return int(mine["who"].nunique())


def _without_maximum(
    call: str, ours: Told, theirs: Answers, refused: Mapping[str, str]
) -> str | None:
    of_ours = any(_is_part(part, call) for part in ours.reserved)
    told = [why for part, why in refused.items() if _is_part(_model_of_call(part), call)]
    if not of_ours:
        return f"R alone stops: {_NUMBER.sub('...', told[0])}" if told else None
    if told:
        return "both say that a model has no maximum, or R stops there"
    fits = [theirs[key] for key in theirs if key[1] == "coef" and _alike(key[0], call)]
    if fits and all(np.isnan(coef).any() for coef in fits):
        return "we say that a model has no maximum, or that a term says nothing; R's are NaN"
    return "we alone say that a model has no maximum"


def _alike(fit: str, call: str) -> bool:
    return fit.startswith("fit_") and _is_part(_model_of_call(fit), call)


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


def reasons_of(key: Key, ours: Told, theirs: Answers, drawn: Drawn) -> list[str | None]:
    """For each number the reason why it may differ, if one holds there."""
    pairs = [
        Pair(*key, i, a, b) for i, (a, b) in enumerate(zip(ours[key], theirs[key], strict=True))
    ]
    return [
        next((said for rule in RULES if (said := rule(pair, ours, theirs))), None)
        or _one_row(pair, drawn)
        or _survival_underflows(pair, ours, theirs, drawn)
        for pair in pairs
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


def _bound_behind_a_hole(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """R's bound is reached behind a time in which nobody was watched, over which it carries S."""
    if not pair.call.startswith("lifetime_quantile") or not np.isnan(pair.ours):
        return None
    call = pair.call.replace("lifetime_quantile", "survival_curve")
    at = np.searchsorted(theirs[call, "duration"], pair.theirs)
    words = ours.words[call]
    return LAST if at < len(words) and "watched" in (words[at] or "") else None


def _mean_before_an_end(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """A horizon before the first end, at which the mean is the horizon, without an error."""
    if pair.call != "restricted_mean_difference" or not np.isnan(pair.theirs):
        return None
    means = [key for key in ours if key[0].startswith("restricted_mean ")]
    if all(key in theirs for key in means) or np.isnan(pair.ours):
        return None
    return "R refuses a horizon before the first end; all stay that long"


def _no_end_between_segments(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """No end while another segment was at risk: all that left was expected, and 0/0 is no test."""
    call = pair.call.replace("fleming-harrington", "log-rank")
    if not call.startswith("compare_curves log-rank") or not np.isnan(pair.ours):
        return None
    if (call, "n_expected") not in theirs:
        return None
    left, expected = theirs[call, "n_churned"], theirs[call, "n_expected"]
    if theirs[pair.call, "statistic"][0] == 0 and np.allclose(left, expected, atol=1e-12):
        return "R says 0 where no end tells segments apart: the variance is 0 too, 0/0"
    return None


def _segment_never_at_risk(pair: Pair, ours: Told, theirs: Answers) -> str | None:
    """cuminc says −1 where the variance of a segment that nobody was left of is 0."""
    del ours
    if pair.call.startswith("compare_incidence") and theirs[pair.call, "statistic"][0] == -1:
        return "R's cuminc says -1 where a segment was never at risk; we leave it out"
    return None


def _survival_underflows(pair: Pair, ours: Told, theirs: Answers, drawn: Drawn) -> str | None:
    """By hand, from R's own coefficients and baseline: S = exp(−H0 e^(βx)) is ours, where R has 0.

    R takes S of a customer at the mean to the power of the risk. Where strata lie far apart that S
    is 0 in floating point, and so is every power of it.
    """
    found = re.fullmatch(r"(expected |given |)predict_survival (\w+ strata) (\d)", pair.call)
    if not found:
        return None
    asked, who = drawn.asked, drawn.customers.iloc[int(found[3]) - 1]
    told = theirs[f"predict_survival {found[2]} {found[3]}", "survival"]
    if told.any():
        return None
    risk = np.exp(theirs[f"fit_cox {found[2]}", "coef"] @ [who["x"], who["flag"]])
    ends = drawn.spells[drawn.spells["churned"]].groupby(["region", "duration"]).size().index
    hazard = theirs[f"baseline {found[2]}", "cumulative_hazard"]
    own = ends.get_level_values(0) == who["region"]
    at, survival = ends.get_level_values(1)[own].to_numpy(), np.exp(-hazard[own] * risk)

    def still_here(time: float) -> float:
        return float(np.append(1.0, survival)[np.searchsorted(at, time, side="right")])

    if found[1] == "expected ":
        within = np.concatenate([[0.0], at[at < asked["horizon"]], [asked["horizon"]]])
        by_hand = float(np.diff(within) @ [still_here(time) for time in within[:-1]])
    elif found[1]:
        later = still_here(asked["tenure"] + asked["ahead1"])
        by_hand = 1 - later / still_here(asked["tenure"])
    elif pair.column != "survival":
        return "R has no bounds where its S underflows to 0" if np.isnan(pair.theirs) else None
    else:
        by_hand = still_here(asked[f"t{pair.place + 1}"])
    if abs(by_hand - pair.ours) <= 1e-6 * abs(by_hand):
        return "R's S at the mean underflows to 0; from R's own hazards ours follows"
    return None


def _one_row(pair: Pair, drawn: Drawn) -> str | None:
    """Nothing to compare a cluster with: its influence is 0 by definition, and no error of 0."""
    if not pair.call.startswith("cumulative_incidence") or pair.column != "standard_error":
        return None
    if np.isnan(pair.ours) and abs(pair.theirs) < 1e-12 and _clusters_of(pair.call, drawn) == 1:
        return "one row alone: null; R's jackknife says 0"
    return None


RULES = (
    _null_with_words,
    _edge_of_survival,
    _bounds_that_rise,
    _bound_behind_a_hole,
    _mean_before_an_end,
    _no_end_between_segments,
    _segment_never_at_risk,
)
