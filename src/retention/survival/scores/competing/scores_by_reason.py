"""How good predicted chances of leaving for each reason are: error, areas and order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import RetentionError
from retention.frames import Columns, table_like
from retention.numerics import step_functions
from retention.numerics.codes import filled_label_codes
from retention.survival.scores.brier_and_auc import area_and_error
from retention.survival.scores.censoring_weights import (
    censoring_weighting,
    is_exploding,
    strata_names,
)
from retention.survival.scores.competing.wolbers_pairs import WolbersPairs, wolbers_pairs
from retention.survival.scores.scored_tables import (
    check_landmark,
    check_times,
    column_of_probabilities,
    ends_of,
    read_scored,
)
from retention.tables.answer_columns import gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories

    Floats = NDArray[np.float64]

_MEANING = "the chance of leaving for the reason by then"


@gives(
    "reason and time",
    texts("reason"),
    numbers("time", unit="as duration"),
    whole_numbers("n_spells", "n_churned", "n_other", "n_still", "n_unknown"),
    numbers("n_effective", unit="customers"),
    numbers("brier_score", "reference", unit="squared share"),
    shares("skill", "auc", "auc_error", "concordance", "concordance_lower", "concordance_upper"),
    texts("note"),
)
def scores_by_reason(
    scored: IntoFrameT,
    *,
    chances: Mapping[str, Mapping[float, str]],
    cause: str = "reason",
    censoring: object | None = None,
    censoring_by: str | Sequence[str] = (),
    landmark: float | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """How good the predicted chances of leaving for each reason are: error, areas and order.

    With p_i the predicted chance that spell i ends for the reason by t, T_i its duration, n the
    number of spells and G the chance of not having been censored (see `brier_score`), an end by t
    weighs w_i = 1/G(T_i−), who goes on beyond t weighs 1/G(t), who was censored by t nothing:

        score(t) = 1/n (Σ ends for the reason of w_i (1 − p_i)² + Σ other ends of w_i p_i²
                        + Σ over T_i > t of p_i² / G(t)),
        AUC(t) = Σ_i Σ_j w_i w_j (1[p_i > p_j] + ½ 1[p_i = p_j]) / (Σ_i w_i · Σ_j w_j),

    i those who left for the reason by t (cases), j all who had not, whether they go on or left for
    another reason (controls: the second definition of Blanche et al.). `reference` is the score of
    saying the Aalen–Johansen F(t) of the scored spells of everybody; skill = 1 − score / reference,
    the scaled Brier score. Wolbers' concordance is the share of pairs (i, j), i an end for the
    reason by t and j somebody who stays longer, or left for another reason at whatever time, in
    which i has the higher chance (ties half). Pairs weigh w_i² if j stays longer, else w_i w_j.

    Args:
        scored: a table of spells with the reason of each end, and the predictions as columns, as
            `with_reason_predictions` makes them.
        chances: for each reason the column of the chance at each time, from the start of the spell,
            as in {"price": {30: "price_30", 90: "price_90"}}.
        cause: the column that says why a spell ended. Seen ends without one are a reason of their
            own, "(missing)"; of spells that did not end it is not looked at.
        censoring: as in `brier_score`.
        censoring_by: as in `brier_score`.
        landmark: as in `brier_score`.
        level: confidence of the bounds of the concordance, normal in log(C / (1 − C)).

    Returns:
        One row per reason, in the order given, and time, rising, in the caller's kind: `reason`,
        `time`, `n_spells`, `n_churned` (for the reason by then), `n_other` (for others), `n_still`,
        `n_unknown` (censored by then), `n_effective` (equally weighted spells that would say as
        much), `brier_score` (0 is perfect), `reference`, `skill` (0 is no better than the
        reference), `auc` (1 is perfect, ½ a coin's), `auc_error` (DeLong's, with the weights taken
        as known), `concordance`, `concordance_lower`, `concordance_upper` (null where C is 0 or 1),
        `note` (null, or why scores are).

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a prediction is missing or not between 0 and 1.
        RetentionError: if `chances` names no column for a reason and time, or spells came under
            observation late and there is no landmark.

    Example:
        Ann left over the price and was given ½; Bob, who left for a rival, and Cem, who stays, 0
        and ½: (¼ + 0 + ¼) / 3, where saying a third of everybody gets (4/9 + 1/9 + 1/9) / 3. Of
        the two pairs with Ann one is right and one a tie.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [2, 1, 4], "churned": [True, True, False],
        ...     "reason": ["price", "rival", ""], "price_3": [0.5, 0.0, 0.5],
        ... })
        >>> score = rt.survival.scores_by_reason(scored, chances={"price": {3: "price_3"}})
        >>> score[["n_churned", "n_other", "brier_score", "reference", "skill", "auc"]].round(4)
           n_churned  n_other  brier_score  reference  skill   auc
        0          1        1       0.1667     0.2222   0.25  0.75

    Source:
        Blanche, P., Dartigues, J.-F. and Jacqmin-Gadda, H. (2013), Statistics in Medicine 32,
        5381–5397. Brier score: Schoop, R. et al. (2011), Biometrical Journal 53, 88–112.
        Concordance: Wolbers, M. et al. (2009), Epidemiology 20, 555–561, with the weights of
        Wolbers, M. et al. (2014), Biostatistics 15, 526–539.
    """
    z, mark = intervals.quantile_of(level), check_landmark(landmark)
    asked = _columns_by_reason(chances, mark)
    names = strata_names(censoring_by)
    columns = {"chances": [column for *_, column in asked], "cause": [cause], "censoring_by": names}
    found = read_scored(scored, columns, mark)
    weighting = censoring_weighting(found, "scores_by_reason", censoring, names, mark)
    code, labels = filled_label_codes(found.columns[cause], cause, argument="cause")
    times = [time for _, time, _ in asked]
    ends, points = weighting.weights_of_ends(found), weighting.points(times)
    rows = []
    others = weighting.weights_of_others(found, times)
    for (reason, time, column), other, n, why in zip(
        asked, others, points.n_effective.tolist(), points.reason, strict=True
    ):
        own = found.churned & (code == (labels.index(reason) if reason in labels else -1))
        fates = _fates_at_time(found, own, time, (ends, other))
        chance = column_of_probabilities(found, column, "chances", _MEANING)
        share = _share_by_then(found, own, time)
        point = _scores_of_point(fates, chance, share, why, (ends, found.churned & ~own), z)
        rows.append({"reason": reason, "time": time, **fates.counts, "n_effective": n, **point})
    return table_like(_columns_of_points(rows), scored)


def _columns_by_reason(
    chances: Mapping[str, Mapping[float, str]], landmark: float | None
) -> list[tuple[str, float, str]]:
    """Each reason and time with the column of its chance.

    Raises:
        RetentionError: if there is none, or something else than a mapping of mappings.
    """
    example = "as in chances={'price': {30: 'price_30'}}"
    if not isinstance(chances, Mapping) or not chances:
        raise RetentionError(f"chances must map each reason to columns by time, {example}.")
    found = []
    for reason, columns in chances.items():
        if not isinstance(columns, Mapping) or not isinstance(reason, str):
            raise RetentionError(
                f"chances: {reason!r} must be the text of a reason, and map times to columns, "
                f"{example}; got {columns!r}."
            )
        times = sorted(check_times(columns, landmark, "chances"))
        by_time = {float(time): column for time, column in columns.items()}
        found += [(reason, time, by_time[time]) for time in times]
    return found


def _share_by_then(found: Histories, own: NDArray[np.bool_], time: float) -> float:
    """Aalen–Johansen: the share of all that has left for the reason by a time."""
    every, some = ends_of(found), ends_of(replace(found, churned=own))
    staying = step_functions.kaplan_meier(every.n_churned, every.n_at_risk)
    before = np.concatenate([[1.0], staying[:-1]])
    step = before * step_functions.hazard(some.n_churned, every.n_at_risk)
    return float(step[every.duration <= time].sum())


@dataclass(frozen=True, slots=True)
class _Fates:
    """What had become of the spells by a time, for one reason.

    Attributes:
        found: the spells.
        case: who left for the reason by then.
        other: who left for another by then.
        still: who goes on beyond.
        weight: of each spell: 1/G(T−) of ends, 1/G(t) of those who go on, else 0.
    """

    found: Histories
    case: NDArray[np.bool_]
    other: NDArray[np.bool_]
    still: NDArray[np.bool_]
    weight: Floats

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind, and how many were censored by then."""
        copies = self.found.weights
        known = [int(copies[which].sum()) for which in (self.case, self.other, self.still)]
        n = self.found.n
        names = ("n_churned", "n_other", "n_still")
        return {"n_spells": n, **dict(zip(names, known, strict=True)), "n_unknown": n - sum(known)}

    def brier_score(self, chance: Floats | float) -> float:
        """The weighted mean of squared errors."""
        error = (self.case - chance) ** 2
        return float((self.found.weights * self.weight) @ error) / self.found.n

    def area_under_curve(self, chance: Floats) -> tuple[float, float]:
        """AUC of cases against all others whose fate is known, and its standard error."""
        order = np.argsort(chance)
        ranked, copies = chance[order], self.found.weights[order].astype(np.float64)
        begins = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
        weight, case = self.weight[order], self.case[order]
        kinds = np.where(case, copies * weight, 0.0), np.where(case, 0.0, copies * weight)
        sides = [np.add.reduceat(each, begins) for each in (*kinds, *(weight * k for k in kinds))]
        return area_and_error(sides, (float(copies[case].sum()), float(copies @ (kinds[1] > 0))))


def _fates_at_time(found: Histories, own: NDArray[np.bool_], time: float, weights: Any) -> _Fates:
    """What had become of each by a time; `weights` are those of ends and of the others."""
    gone = found.duration <= time
    ended = found.churned & gone
    weight = np.where(gone, np.where(ended, weights[0], 0.0), weights[1])
    return _Fates(found, own & gone, ended & ~own, ~gone, weight)


def _scores_of_point(
    fates: _Fates, chance: Floats, share: float, why: str | None, ends: tuple[Floats, Any], z: float
) -> dict[str, Any]:
    """Every score of one reason and time; null where it cannot be had, with the note why."""
    scores: dict[str, Any] = dict.fromkeys(_SCORES, np.nan)
    if why is not None:
        return {**scores, "note": why}
    score, reference = fates.brier_score(chance), fates.brier_score(share)
    scores |= {"brier_score": score, "reference": reference}
    scores["skill"] = 1 - float(intervals.ratio(score, reference))
    if not fates.case.any():
        return {**scores, "note": "nobody had left for this reason by this time"}
    scores["auc"], scores["auc_error"] = fates.area_under_curve(chance)
    heavy, note = _why_no_order(fates), None
    if not (fates.other.any() or fates.still.any()):
        note = "everyone had left for this reason by this time"
    if heavy is None:
        pairs = wolbers_pairs(fates.found, chance, ends[0], fates.case, ends[1])
        scores |= _concordance_of_pairs(pairs, fates.found.weights, z)
    return {**scores, "note": note or heavy}


_SCORES = (
    *("brier_score", "reference", "skill", "auc", "auc_error"),
    *("concordance", "concordance_lower", "concordance_upper"),
)


def _concordance_of_pairs(
    pairs: WolbersPairs, weight: NDArray[np.int64], z: float
) -> dict[str, float]:
    index, error = pairs.index_and_error(weight)
    lower = upper = np.nan
    if 0 < index < 1:
        spread = np.exp(z * error / (index * (1 - index)))
        lower, upper = index / (index + (1 - index) * spread), index * spread
        upper /= index * spread + 1 - index
    return {"concordance": index, "concordance_lower": lower, "concordance_upper": upper}


def _why_no_order(fates: _Fates) -> str | None:
    """Why the concordance cannot be had: its weights, those of ends squared, explode."""
    copies, squares = fates.found.weights[fates.case], fates.weight[fates.case] ** 2
    effective = float(intervals.effective_n(copies @ squares, copies @ squares**2))
    if is_exploding(float(squares.max()), effective):
        return f"the weights of the concordance explode: one end stands for {squares.max():.0f}"
    return None


def _columns_of_points(rows: list[dict[str, Any]]) -> Columns:
    texts_of = ("reason", "note")
    return {
        name: np.array([row[name] for row in rows], dtype=object if name in texts_of else None)
        for name in rows[0]
    }
