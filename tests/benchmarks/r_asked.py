"""What the library says of one table, under the names under which against_r.R says it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import retention as rt

if TYPE_CHECKING:
    from r_tables import Drawn

Answers = dict[tuple[str, str], np.ndarray]
"""Numbers by call and column."""

PARTS = ("survival", "lower", "upper")
BOUNDS = ("standard_error", "lower", "upper")


class Told(dict[tuple[str, str], np.ndarray]):
    """Answers, and what the library says of them in words.

    Attributes:
        reserved: why nothing of a model can be compared, by a part of the calls' names.
        words: for each number of an answer why it is not known, or None, by call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reserved: dict[str, str] = {}
        self.words: dict[str, list[str | None]] = {}

    def say(self, call: str, table: Any, *columns: str, **others: Any) -> None:
        """Columns of a table, and numbers of other names."""
        for name in columns:
            self[call, name] = np.asarray(table[name], dtype=float)
        said = [table[name] for name in ("reason", "note") if name in table and columns]
        if said:
            self.words[call] = [
                next((text for text in row if isinstance(text, str)), None)
                for row in zip(*said, strict=True)
            ]
        for name, values in others.items():
            self[call, name] = np.atleast_1d(np.asarray(values, dtype=float)).ravel()

    def attempt(self, call: str, code: Callable[[], None]) -> None:
        """Run something that the library may refuse."""
        try:
            code()
        except rt.RetentionError as refused:
            self.reserved[call] = str(refused)


def answers_of(drawn: Drawn) -> Told:
    """Everything that R is asked too."""
    told = Told()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rt.errors.RetentionWarning)
        for part in (_curves, _clusters, _incidence, _compared, _cox, _causes, _aft, _scores):
            part(drawn, told)
        told.attempt("fit_hazard", lambda: _hazards(drawn, told))
    return told


def _per_plan(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(plan), mine) for plan, mine in table.groupby("plan", sort=True)]


def _curves(drawn: Drawn, told: Told) -> None:
    asked, by = drawn.asked, "plan"
    curve = rt.survival_curve(drawn.table, by=by)
    hazard = rt.survival.cumulative_hazard(drawn.table, by=by)
    quantile = rt.survival.lifetime_quantile(curve, lost=[0.25, 0.5, 0.75], by=by)
    mean = rt.survival.restricted_mean(curve, horizon=asked["horizon"], by=by)
    ahead = [asked["ahead1"], asked["ahead2"]]
    later = rt.survival.conditional_survival(curve, tenure=asked["tenure"], horizon=ahead, by=by)
    counts = ("duration", "n_at_risk", "n_churned", "n_censored")
    for plan, mine in _per_plan(curve):
        told.say(f"survival_curve {plan}", mine, *counts, "survival", *BOUNDS)
    for plan, mine in _per_plan(hazard):
        told.say(f"cumulative_hazard {plan}", mine, "cumulative_hazard", *BOUNDS)
    for plan, mine in _per_plan(quantile):
        told.say(f"lifetime_quantile {plan}", mine, "lifetime", "lower", "upper")
    for plan, mine in _per_plan(mean):
        told.say(f"restricted_mean {plan}", mine, "restricted_mean", *BOUNDS)
    for plan, mine in _per_plan(later):
        told.say(f"conditional_survival {plan}", mine, *PARTS)
    if drawn.spells["plan"].nunique() > 1:
        apart = rt.survival.restricted_mean_difference(curve, horizon=asked["horizon"], by=by)
        told.say("restricted_mean_difference", apart, "difference", "standard_error")


def _clusters(drawn: Drawn, told: Told) -> None:
    for plan, mine in _per_plan(rt.survival_curve(drawn.table, by="plan", cluster="who")):
        told.say(f"survival_curve cluster {plan}", mine, *BOUNDS)
    for plan, mine in _per_plan(
        rt.survival.cumulative_hazard(drawn.table, by="plan", cluster="who")
    ):
        told.say(f"cumulative_hazard cluster {plan}", mine, "standard_error")


def _incidence(drawn: Drawn, told: Told) -> None:
    table = drawn.table.loc[drawn.table.index.repeat(drawn.table["n_spells"])]
    table = table.drop(columns="n_spells").assign(row=range(int(drawn.table["n_spells"].sum())))
    ask = rt.survival.cumulative_incidence
    several = table.groupby("plan")["who"].nunique() > 1
    for plan, cause, mine in _per_cause(ask(table, by="plan")):
        told.say(f"cumulative_incidence {cause} {plan}", mine, "n_churned", "cumulative_incidence")
        told.say(f"cumulative_incidence {plan}", mine, "survival", "n_at_risk")
        if not drawn.late and mine["n_churned"].any():
            told.say(f"cuminc {cause} {plan}", mine, "cumulative_incidence")
            told.say(f"prodlim {cause} {plan}", mine, "standard_error")
    for plan, cause, mine in _per_cause(ask(table, by="plan", cluster="row")):
        told.say(f"cumulative_incidence own rows {cause} {plan}", mine, *BOUNDS)
        if several[plan]:
            told.say(f"cluster beside id {cause} {plan}", mine, "standard_error")
    for plan, cause, mine in _per_cause(ask(table, by="plan", cluster="who")):
        if several[plan]:
            told.say(f"cumulative_incidence cluster {cause} {plan}", mine, "standard_error")
    for plan, cause, mine in _per_cause(rt.survival.cause_removed(table, by="plan")):
        told.say(f"cause_removed {cause} {plan}", mine, "churn_share_without")


def _per_cause(table: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """With `reason` out of the way, which elsewhere says why there is no number."""
    found = table.rename(columns={"reason": "cause"}).groupby(["plan", "cause"], sort=True)
    return [(str(plan), str(cause), mine) for (plan, cause), mine in found]


def _compared(drawn: Drawn, told: Told) -> None:
    if drawn.spells["plan"].nunique() < 2:
        return
    for named, strata in (("all", ()), ("strata", "region")):
        for test in ("log-rank", "fleming-harrington"):
            call = f"compare_curves {test} {named}"
            found = rt.compare_curves(drawn.table, by="plan", test=test, strata=strata)
            told.say(call, found.iloc[:1], "statistic", "p_value")
            if test == "log-rank":
                told.say(call, found, "n_spells", "n_churned", "n_expected")
        n = drawn.spells["who"].nunique()
        if n > drawn.spells["plan"].nunique():
            found = rt.compare_curves(drawn.table, by="plan", strata=strata, cluster="who")
            statistic = found["statistic"][0] * n / (n - 1)  # R does not correct for few clusters
            told.say(f"compare_curves cluster {named}", {}, statistic=statistic)
        if not drawn.late:
            found = rt.survival.compare_incidence(drawn.table, by="plan", strata=strata)
            for cause, mine in found.groupby("reason"):  # which is what they left for, no excuse
                first = mine[:1].drop(columns="reason")
                told.say(f"compare_incidence {cause} {named}", first, "statistic", "p_value")


def _reserved(told: Told, call: str, model: Any) -> bool:
    """Whether a fit has no maximum, or terms were left out: R's numbers have no meaning then."""
    if model.status != "converged" or any(value is None for value in _coefficients(model)):
        told.reserved[call] = model.status if model.status != "converged" else "terms left out"
        return True
    return False


def _coefficients(model: Any) -> tuple[float | None, ...]:
    parts = model.models if hasattr(model, "models") else [model]
    return tuple(value for part in parts for value in part.coef)


def _cox(drawn: Drawn, told: Told) -> None:
    plain = ["x", "flag", "plan"] if drawn.spells["plan"].nunique() > 1 else ["x", "flag"]
    for ties in ("efron", "breslow"):
        for kind, within in (("plain", {}), ("strata", {"strata": "region"})):
            names = plain if kind == "plain" else ["x", "flag"]
            call = f"{ties} {kind}"
            model = rt.fit_cox(drawn.table, covariates=names, ties=ties, **within)
            if _reserved(told, call, model):
                continue
            _fit_of_cox(told, call, model)
            _predicted(told, f"predict_survival {call}", model, drawn)
            others = ["rank", "identity", *(["log"] if drawn.spells["duration"].min() > 0 else [])]
            for g in ("km", *(others if ties == "efron" else [])):
                found = rt.survival.proportional_hazards_test(drawn.table, model=model, transform=g)
                told.say(f"proportional_hazards_test {g} {call}", found, "statistic", "p_value")
            if drawn.spells["who"].nunique() > 2 * len(model.coef):
                robust = rt.fit_cox(
                    drawn.table, covariates=names, ties=ties, cluster="who", **within
                )
                found = robust.coefficients()
                wald = robust.tests()["statistic"][1:2]
                told.say(f"fit_cox {call} cluster", found, "standard_error", "p_value", tests=wald)
    model = rt.fit_cox(drawn.table, covariates=["x", "flag"], penalty=3.0)
    if not _reserved(told, "ridge", model):
        told.say("fit_cox ridge", {}, coef=model.coef)


def _fit_of_cox(told: Told, call: str, model: Any) -> None:
    found = model.coefficients()
    told.say(
        f"fit_cox {call}",
        found,
        *("coef", "standard_error", "p_value"),
        log_likelihood=[model.log_likelihood_null, model.log_likelihood],
        tests=model.tests()["statistic"],
    )
    at_zero = np.exp(-np.dot(model.beta, model.means))
    base = model.baseline()
    base["cumulative_hazard"] *= at_zero
    told.say(f"baseline {call}", base, "cumulative_hazard")


def _predicted(told: Told, call: str, model: Any, drawn: Drawn) -> None:
    asked = drawn.asked
    times = [asked["t1"], asked["t2"], asked["t3"]]
    who = drawn.customers.assign(tenure=0.0)
    found = rt.survival.predict_survival(who, model=model, times=times, given=None)
    mean = rt.survival.expected_remaining_lifetime(
        who, model=model, horizon=asked["horizon"], given=None
    )
    later = rt.predict_churn(
        who.assign(tenure=asked["tenure"]), model=model, within=asked["ahead1"]
    )
    for i in range(3):
        told.say(f"{call} {i + 1}", found[3 * i : 3 * i + 3], *PARTS)
        told.say(f"expected {call} {i + 1}", mean[i : i + 1], "expected_lifetime")
        told.say(f"given {call} {i + 1}", later[i : i + 1], "churn_probability")


def _causes(drawn: Drawn, told: Told) -> None:
    asked, who = drawn.asked, drawn.customers.assign(tenure=0.0)
    times = [asked["t1"], asked["t2"], asked["t3"]]
    for ties in ("efron", "breslow"):
        model = rt.survival.fit_cause_specific(drawn.table, covariates=["x", "flag"], ties=ties)
        if len(model.reasons) < 2:
            return
        if _reserved(told, "causes", model):
            return
        found = model.coefficients()
        told.say(f"fit_cause_specific {ties}", found, "coef", "standard_error")
    chances = rt.survival.predict_reasons(who, model=model, times=times, given=None)
    n = len(model.reasons)
    for i in range(3):
        mine = chances[3 * n * i : 3 * n * (i + 1)].drop(columns="reason")
        told.say(f"predict_reasons {i + 1}", mine, "reason_probability")
        told.say(f"predict_reasons {i + 1}", mine[::n], "survival")
    if not drawn.late and asked["slow"]:
        design = who[["x", "flag"]].to_numpy(dtype=float)
        for k, cause in enumerate(model.reasons):
            told.say(f"CSC {cause}", {}, reason_probability=_whole_steps(model, k, design, times))


def _whole_steps(model: Any, k: int, design: np.ndarray, times: list[float]) -> np.ndarray:
    """From our hazards what riskRegression sums: Σ e^(−H(u−)) ΔH_k(u).

    Ours lets no more leave in a step than there are, (S(u−) − S(u)) ΔH_k(u) / ΔH(u), so that shares
    and survival sum to 1; R's survfit of a multi-state model does the same.
    """
    at = sorted({t for each in model.models for t in each.baselines[0].duration})
    steps = []
    for each in model.models:
        base = each.baselines[0]
        total = dict(zip(base.duration, np.diff([0.0, *base.cumulative_hazard]), strict=True))
        risk = np.exp((design - np.array(each.means)) @ each.beta)
        steps.append(np.outer(risk, [total.get(t, 0.0) for t in at]))
    hazard = np.cumsum(sum(steps), axis=1)
    share = np.cumsum(np.exp(sum(steps) - hazard) * steps[k], axis=1)
    last = np.searchsorted(at, times, side="right")
    return np.concatenate([np.zeros((3, 1)), share], axis=1)[:, last]


def _aft(drawn: Drawn, told: Told) -> None:
    if drawn.late or (drawn.spells["duration"] <= 0).any():
        return
    names = ["x", "flag", "plan"] if drawn.spells["plan"].nunique() > 1 else ["x", "flag"]
    times = [drawn.asked[name] for name in ("t1", "t2", "t3")]
    who = drawn.customers.assign(tenure=0.0)
    for kind in ("weibull", "exponential", "lognormal", "loglogistic"):
        model = rt.survival.fit_aft(drawn.table, covariates=names, distribution=kind)
        if _reserved(told, kind, model):
            continue
        k = len(model.coef) + 1
        error = [np.sqrt(model.full_covariance[i][i]) for i in range(k)]
        likelihood = [model.log_likelihood, model.log_likelihood_null]
        told.say(f"fit_aft {kind}", {}, coef=[model.intercept, *model.coef], standard_error=error,
                 log_scale=model.log_scale, log_likelihood=likelihood)  # fmt: skip
        found = rt.survival.predict_survival(who, model=model, times=times, given=None)
        told.say(f"predict_survival aft {kind}", found, "survival")


def _scores(drawn: Drawn, told: Told) -> None:
    times = [drawn.asked[name] for name in ("t1", "t2", "t3")]
    for kind, until in (("all", None), ("until", times[2])):
        found = rt.survival.concordance(drawn.table, until=until)
        counts = [found[f"n_{name}"][0] for name in ("concordant", "discordant", "tied_risk")]
        of_r = ("concordance", "standard_error")
        told.say(f"concordance harrell {kind}", found, *of_r, counts=counts)
        if not drawn.late:
            found = rt.survival.concordance(drawn.table, until=until, method="uno")
            told.say(f"concordance uno {kind}", found, "concordance")
    if drawn.late or not drawn.asked["slow"]:
        return
    columns = dict(zip(times, ("s1", "s2", "s3"), strict=True))
    found = rt.survival.brier_score(drawn.table, survival=columns)
    told.say("brier_score", found, "brier_score", "reference")
    areas = [
        rt.survival.time_dependent_auc(drawn.table.assign(risk=1 - drawn.table[name]), times=[time])
        for time, name in columns.items()
    ]
    told.say("time_dependent_auc", pd.concat(areas), "auc")


def _hazards(drawn: Drawn, told: Told) -> None:
    unit = "week" if drawn.asked["interval"] == 7 else "day"
    if (drawn.spells["duration"] <= 0).any():
        return
    for link in ("logit", "cloglog"):
        model = rt.survival.fit_hazard(
            drawn.table, covariates=["x", "flag"], link=link, unit=unit, duration_unit="day"
        )
        if _reserved(told, link, model):
            continue
        found = model.coefficients()
        level = [value for value in model.level if value is not None]
        told.say(f"fit_hazard {link}", found, "coef", "standard_error", level=level,
                 log_likelihood=model.log_likelihood)  # fmt: skip
        if link == "logit":
            told.say("fit_hazard glm", found, "standard_error")
