"""Every public function that takes a column of the user's, run on one company under any name.

A step takes the name of the segment column, the engine and what the steps before it made, so that
the same figures can be asked for under a plain name and under a strange one, and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import Any

import pandas as pd
import pydantic

import retention as rt

PLAIN = "seg"
AS_OF = "2024-06-30"

STRANGE = [
    *("a.b", ".", "a..b", "x.customer_id", "*", "COLUMNS(*)", "^seg$", "^.*$", "^", "$", "$1"),
    *('"', '"a"', 'a"b', '"a.b"', "'", "`", "a`b", "`a.b`", "%", "%s", "{}", "{0}", "[x]", "[0]"),
    *("\\", "a\\", "\\n", ";", "; DROP TABLE x", "--", "/*", "a\nb", "\t", " seg", "seg ", " "),
    *(
        "a,b",
        "(x)",
        "sum(x)",
        "count",
        "index",
        "rowid",
        "EXCLUDE",
        "select",
        "end ",
        "group",
        "len",
    ),
    *(
        "",
        "#1",
        "?",
        ":x",
        "a->b",
        "a::int",
        "@x",
        "!",
        "~",
        "<b>",
        "&amp;",
        "|",
        "literal",
        "kind ",
    ),
    *("n", "k", "f", "o", "x", "a", "t", "nan", "None", "null", "true", "0", "1.5", "é", "e\u0301"),
    *(
        "$x^2$",
        "\\alpha",
        "🙂",
        "\u200b",
        "\u00a0",
        "名前",
        "n" * 300,
        "__index_level_0__",
        "level_0",
    ),
    *(
        "Seg",
        "place",
        "row",
        "rows",
        "key",
        "value",
        "variable",
        "name",
        "weight",
        "values",
        "self",
    ),
]
"""Names that mean something in some engine's own language, or look as if they did."""


def world() -> dict[str, pd.DataFrame]:
    """A company of thirty customers in two segments, with all the tables it may have."""
    return {"orders": _orders(), "contracts": _contracts(), **_asked(), **_told()}


def _orders() -> pd.DataFrame:
    rows = []
    for i in range(30):
        for j in range(1, 7):
            if (i * j + i) % 4 and not (i % 7 == 0 and j > 3):
                # text, since times of Spark have a zone
                day = f"2024-{j:02}-{1 + (i * 5 + j * 3) % 28:02}"
                rows.append((f"c{i:02}", day, 10.0 + i + j, "AB"[i % 2], f"o{i}-{j}"))
    start = ("c98", "2024-01-01", 5.0, "A", "o98")
    return pd.DataFrame([start, *rows], columns=["who", "day", "paid", PLAIN, "order"])


def _contracts() -> pd.DataFrame:
    rows = []
    for i in range(30):
        start = pd.Timestamp(2023, 1 + i % 12, 1 + i % 20)
        end = start + pd.Timedelta(days=70 + i * 9) if i % 3 else pd.NaT
        day, until = f"{start:%Y-%m-%d}", None if end is pd.NaT else f"{end:%Y-%m-%d}"
        rows.append((f"c{i:02}", day, until, "AB"[i % 2], ["price", "service"][(i // 2) % 2]))
    frame = pd.DataFrame(rows, columns=["who", "from", "to", PLAIN, "reason"])
    return frame.assign(seats=[1 + i % 5 for i in range(30)], tried=["no", "yes", "yes"] * 10)


def _asked() -> dict[str, pd.DataFrame]:
    ids = [f"c{i:02}" for i in range(30)]
    days = [pd.Timestamp(2024, 1 + i % 3, 1 + i % 20, 9) for i in range(30)]
    base = {"who": ids, "day": days, PLAIN: ["AB"[i % 2] for i in range(30)]}
    hours = [1.0 + i for i in range(30)]
    contacts = pd.DataFrame(base | {"first": hours, "solved": [h * 3 for h in hours]})
    surveys = pd.DataFrame(base | {"happy": [1 + i % 5 for i in range(30)]})
    surveys["again"] = [5 - i % 4 for i in range(30)]
    kinds = [["wages", "parts"][i % 2] for i in range(30)]
    costs = pd.DataFrame(base | {"what": kinds, "amount": [5.0 + i for i in range(30)]})
    downs = [pd.Timestamp(2024, 1 + i, 3, 4) for i in range(4)]
    ups = [day + pd.Timedelta(hours=5) for day in downs]
    outages = pd.DataFrame({"down": downs, "up": ups, PLAIN: ["A", "B", "A", "B"]})
    return {"contacts": contacts, "surveys": surveys, "costs": costs, "outages": outages}


def _told() -> dict[str, pd.DataFrame]:
    texts = ["too expensive for me", "the staff was rude", "I moved to another city", "no reason"]
    note = {
        "note_id": [f"n{i:02}" for i in range(30)],
        "customer_id": [f"c{i:02}" for i in range(30)],
    }
    note |= {"text": [texts[i % 4] for i in range(30)], PLAIN: ["AB"[i % 2] for i in range(30)]}
    note["date"] = [pd.Timestamp(2024, 1 + i % 5, 3) for i in range(30)]
    note["code"] = [["P1", "S1"][i % 2] for i in range(30)]
    return {"notes": pd.DataFrame(note)}


Step = Callable[[str, dict[str, Any]], Any]

_ORDERS = {"customer_id": "who", "date": "day", "sales": "paid"}
_MONTHS = {"freq": "month", "as_of": AS_OF}
_LASTING = {"freq": "month", "as_of": AS_OF, "convention": "endpoint"}
_WIDE = {"duration": "duration", "churned": "churned"}
_SCHEME = {"P1": "pricing", "S1": "service_encounter_failure"}

OFFER = rt.targeting.Offer(making=1, taking=4, success=0.3, stayers_taking=0.5, stayers_lost=0.0)

STUDY = pd.DataFrame(
    {"name": "a study", "segment": ["A", "B"], "share": [0.3, 0.7], "rate": [0.2, 0.4]}
).assign(
    rate_lower=[0.1, 0.3], rate_upper=[0.3, 0.5], days=30.4375, convention="not stated", year=2020,
    source="a journal", standing="research",
)  # fmt: skip
"""What others lose of both segments."""

DOORS: dict[str, Step] = {
    "transactions": lambda n, w: rt.as_transactions(w["orders"], **_ORDERS, keep=n),
    "transactions alone": lambda n, w: rt.as_transactions(w["orders"], **_ORDERS),
    "order_id": lambda n, w: rt.as_transactions(w["orders"], **_ORDERS, order_id=n),
    "who": lambda n, w: rt.as_transactions(w["orders"], customer_id=n, date="day", sales="paid"),
    "audit": lambda n, w: rt.audit(rt.as_transactions, w["orders"], **_ORDERS, keep=n).accepted,
    "audit set aside": lambda n, w: (
        rt.audit(rt.as_transactions, w["orders"], **_ORDERS, as_of="2024-04-30").set_aside
    ),
    "contracts": lambda n, w: rt.as_contracts(
        w["contracts"],
        customer_id="who",
        start="from",
        end="to",
        end_is="first_day_out",
        keep=[n, "reason", "seats", "tried"],
    ),
    "contacts": lambda n, w: rt.as_contacts(
        w["contacts"],
        customer_id="who",
        date="day",
        first_response_hours="first",
        resolution_hours="solved",
        keep=n,
    ),
    "surveys": lambda n, w: rt.as_surveys(
        w["surveys"],
        customer_id="who",
        date="day",
        satisfaction="happy",
        repeat_intention="again",
        scale=(1, 5),
        keep=n,
    ),
    "costs": lambda n, w: rt.as_costs(
        w["costs"], date="day", kind="what", amount="amount", customer_id="who", keep=n
    ),
    "outages": lambda n, w: rt.as_outages(w["outages"], start="down", end="up", keep=n),
    "tags": lambda n, w: rt.tag_reasons(w["notes"], lexicon="en", keep=[n, "date"]),
    "codes": lambda n, w: rt.map_reason_codes(w["notes"], scheme=_SCHEME, code="code", keep=n),
    "redacted": lambda n, w: rt.reasons.redact_pii(w["notes"], keep=n),
}
"""The doors, and what is made of raw tables."""

TABLES: dict[str, Step] = {
    "activity": lambda n, w: rt.customer_periods(w["transactions"], by=n, **_MONTHS),
    "in force": lambda n, w: rt.contract_periods(w["contracts"], by=n, **_MONTHS),
    "spells": lambda n, w: rt.contract_spells(
        w["contracts"], as_of=AS_OF, grace=0, keep=[n, "reason"]
    ),
    "bought spells": lambda n, w: rt.purchase_spells(
        w["transactions"], gap=40, as_of=AS_OF, keep=n
    ),
    "tenure": lambda n, w: rt.activity.tenure_periods(
        w["transactions"], by=n, length="month", as_of=AS_OF
    ),
    "contract tenure": lambda n, w: rt.activity.contract_tenure(
        w["contracts"], by=n, length="month", as_of=AS_OF, grace=10
    ),
    "since": lambda n, w: rt.spells.spells_since(w["spells"], w["notes"], since="date", keep=n),
    "own spells": lambda n, w: rt.as_spells(
        w["spells"], **_WIDE, customer_id="customer_id", keep=n
    ),
    "churned": lambda n, w: rt.kpis.churned_customers(w["spells"], by=n, **_LASTING),
    "cohorts": lambda n, w: rt.cohort_retention(w["activity"], by=n),
    "curve": lambda n, w: rt.survival_curve(w["spells"], by=n),
    "incidence": lambda n, w: rt.survival.cumulative_incidence(w["spells"], by=n),
    "person-periods": lambda n, w: rt.survival.person_periods(w["spells"], keep=n),
}
"""Tables on the way, which keep the column."""

FIGURES: dict[str, Step] = {
    "retention_rate": lambda n, w: rt.retention_rate(w["activity"], by=n),
    "retention in a segment": lambda n, w: rt.retention_rate(
        w["activity"], by=n, lost_to="segment", lag=2
    ),
    "the firm": lambda n, w: rt.retention_rate(w["activity"]),
    "sales": lambda n, w: rt.sales_adjusted_retention(w["activity"], by=n, seed=1),
    "outcome_kpis": lambda n, w: rt.outcome_kpis(w["activity"], by=n),
    "contract kpis": lambda n, w: rt.outcome_kpis(w["in force"], by=n),
    "churn_by": lambda n, w: rt.churn_by(w["activity"], by=n),
    "benchmarked": lambda n, w: rt.benchmarks.compare_benchmark(
        w["retention_rate"],
        rt.benchmarks.published_benchmarks(),
        convention="no_purchase",
        period="year",
        by=n,
    ),
    "standardised": lambda n, w: rt.benchmarks.standardised_churn(
        w["churn_by"], benchmark=STUDY, convention="no_purchase", by=n
    ),
    "churn_bridge": lambda n, w: rt.kpis.churn_bridge(w["activity"], by=n, overlap="main"),
    "target_customers": lambda n, w: rt.kpis.target_customers(w["activity"], target={n: "A"}),
    "target of customers": lambda n, w: rt.kpis.target_customers(
        w["activity"], target={n: "A"}, customers=w["spells"]
    ),
    "average": lambda n, w: rt.kpis.average_retention(w["cohorts"], by=n),
    "triangle": lambda n, w: rt.cohort_triangle(w["cohorts"]),
    "attribute cohorts": lambda n, w: rt.cohort_retention(w["activity"], cohorts="first", by=n),
    "customer_movements": lambda n, w: rt.kpis.customer_movements(w["activity"], by=n),
    "revenue_movements": lambda n, w: rt.revenue_movements(w["activity"], by=n),
    "net": lambda n, w: rt.net_revenue_retention(w["activity"], lag=2, by=n),
    "net chained": lambda n, w: rt.net_revenue_retention(
        w["activity"], lag=2, path="chained", by=n
    ),
    "gross": lambda n, w: rt.gross_revenue_retention(w["activity"], lag=2, by=n),
    "logo": lambda n, w: rt.logo_churn(w["activity"], lag=2, by=n),
    "quick_ratio": lambda n, w: rt.kpis.quick_ratio(w["activity"], by=n),
    "lifecycle": lambda n, w: rt.lifecycle_states(w["activity"], lost_after=2, by=n),
    "win_back": lambda n, w: rt.kpis.win_back(w["activity"], lost_after=1, by=n),
    "strategic": lambda n, w: rt.kpis.strategic_customers(w["activity"], volume=0.1),
    "churn_rate": lambda n, w: rt.churn_rate(w["spells"], by=n, **_LASTING),
    "voluntary": lambda n, w: rt.kpis.voluntary_churn(
        w["spells"], by=n, involuntary="service", **_LASTING
    ),
    "by tenure": lambda n, w: rt.kpis.churn_by_tenure(
        w["spells"], by=n, bands=[0, 2, 4, 6], length="month"
    ),
    "logos and revenue": lambda n, w: rt.kpis.logo_and_revenue_churn(w["activity"], lag=2, by=n),
    "cut before": lambda n, w: rt.kpis.contraction_before_leaving(w["activity"], before=2, by=n),
    "resurrected": lambda n, w: rt.kpis.resurrected_share(w["activity"], by=n),
    "waterfall": lambda n, w: rt.kpis.plan_waterfall(w["activity"], plan=n),
    "plans": lambda n, w: rt.kpis.plan_migrations(w["activity"], lag=2, plan=n),
    "trials": lambda n, w: rt.kpis.trial_conversion(
        w["contracts"], as_of=AS_OF, days=[10, 90], trial="tried", by=n
    ),
    "seats": lambda n, w: rt.kpis.seat_expansion(w["contracts"], by=n, **_MONTHS),
    "explain": lambda n, w: rt.kpis.explain_difference(w["churned"], w["churned"], by=n),
    "hazards": lambda n, w: rt.survival.cumulative_hazard(w["spells"], by=n),
    "median": lambda n, w: rt.median_lifetime(w["curve"], by=n),
    "quantile": lambda n, w: rt.survival.lifetime_quantile(w["curve"], lost=0.25, by=n),
    "mean": lambda n, w: rt.survival.restricted_mean(w["curve"], horizon=90, by=n),
    "mean difference": lambda n, w: rt.survival.restricted_mean_difference(
        w["curve"], horizon=90, by=n
    ),
    "conditional": lambda n, w: rt.survival.conditional_survival(
        w["curve"], tenure=30, horizon=60, by=n
    ),
    "compare": lambda n, w: rt.compare_curves(w["spells"], by=n),
    "compare within": lambda n, w: rt.compare_curves(w["spells"], by="reason", strata=n),
    "compare incidence": lambda n, w: rt.survival.compare_incidence(w["spells"], by=n),
    "compare clusters": lambda n, w: rt.compare_curves(w["spells"], by=n, cluster="customer_id"),
    "curve clusters": lambda n, w: rt.survival_curve(w["spells"], by="reason", cluster=n),
    "incidence clusters": lambda n, w: rt.survival.cumulative_incidence(
        w["spells"], by=n, cluster="customer_id"
    ),
    "cause removed": lambda n, w: rt.survival.cause_removed(w["spells"], by=n),
    "voice": lambda n, w: rt.kpis.voice_kpis(w["surveys"], as_of=AS_OF, by=n),
    "voice by outcome": lambda n, w: rt.kpis.voice_by_outcome(
        w["surveys"], w["spells"], as_of=AS_OF, within=30, by=n
    ),
    "repeat": lambda n, w: rt.kpis.repeat_behaviour(
        w["surveys"], w["transactions"], as_of=AS_OF, within=30, by=n
    ),
    "service": lambda n, w: rt.kpis.service_kpis(
        w["contacts"], as_of=AS_OF, targets={"first_response": 4, "resolution": 48}, by=n
    ),
    "cost": lambda n, w: rt.kpis.cost_kpis(w["costs"], w["activity"], of="wages", by=n),
    "cost to serve": lambda n, w: rt.kpis.cost_to_serve(
        w["costs"], w["activity"], of=["wages", "parts"], allocation="sales", within=n
    ),
    "availability": lambda n, w: rt.kpis.service_availability(
        w["outages"], observed_from="2024-01-01", by=n, **_MONTHS
    ),
    "reasons": lambda n, w: rt.reason_summary(w["tags"], by=n, base="tagged"),
    "reasons together": lambda n, w: rt.reasons.reason_cooccurrence(w["tags"], by=n),
    "reasons by segment": lambda n, w: rt.reasons.reasons_by_segment(
        w["tags"], by=n, base="tagged"
    ),
    "reasons in time": lambda n, w: rt.reasons.reason_trend(w["tags"], by=n, **_MONTHS),
    "reason incidence": lambda n, w: rt.reasons.reason_incidence(w["spells"], w["tags"], by=n),
    "purchases": lambda n, w: rt.purchase_summary(w["transactions"], as_of=AS_OF),
    "purchases with gaps": lambda n, w: rt.repeat_buying.summary_with_gaps(
        w["transactions"], as_of=AS_OF
    ),
    "gaps": lambda n, w: rt.gap_table(w["transactions"], as_of=AS_OF, gaps=[30], within=60),
    "active customers": lambda n, w: rt.kpis.active_customers(w["transactions"], by=n, **_MONTHS),
    "next orders": lambda n, w: rt.kpis.time_to_next_order(
        w["transactions"], by=n, as_of=AS_OF, orders=[1, 2]
    ),
    "repeat rate": lambda n, w: rt.kpis.repeat_rate(
        w["transactions"], by=n, as_of=AS_OF, within=40, freq="quarter"
    ),
}
"""Answers."""

MODELS: dict[str, Step] = {
    "cox": lambda n, w: rt.fit_cox(w["spells"], covariates=n),
    "cox in strata": lambda n, w: rt.fit_cox(w["spells"], covariates="reason", strata=n),
    "aft": lambda n, w: rt.survival.fit_aft(w["spells"], covariates=n),
    "hazard": lambda n, w: rt.survival.fit_hazard(w["spells"], covariates=n),
    "cox clusters": lambda n, w: rt.fit_cox(w["spells"], covariates="reason", cluster=n),
    "cause specific": lambda n, w: rt.survival.fit_cause_specific(w["spells"], strata=n),
    "fine gray": lambda n, w: rt.survival.fit_fine_gray(w["spells"], covariates=n),
    "fine gray clusters": lambda n, w: rt.survival.fit_fine_gray(w["spells"], cluster=n),
    "cox reference": lambda n, w: rt.fit_cox(w["spells"], covariates=n, reference={n: "B"}),
}

SCORES: dict[str, Step] = {
    "predictions": lambda n, w: rt.predict_churn(
        w["spells"], model=w["cox"], within=30, given=None
    ),
    "why they leave": lambda n, w: rt.survival.predict_reasons(
        w["spells"], model=w["cause specific"], times=[30, 60], given=None, keep=n
    ),
    "scored": lambda n, w: rt.survival.with_predictions(
        w["spells"], model=w["cox"], times=[90, 180]
    ),
    "scored in strata": lambda n, w: rt.survival.with_predictions(
        w["spells"], model=w["cox in strata"], times=[90]
    ),
    "scored by aft": lambda n, w: rt.survival.with_predictions(
        w["spells"], model=w["aft"], times=[90]
    ),
    "proportional": lambda n, w: rt.survival.proportional_hazards_test(w["spells"], model=w["cox"]),
    "concordance": lambda n, w: rt.survival.concordance(w["scored"]),
    "brier": lambda n, w: rt.survival.brier_score(
        w["scored"], survival={90: "survival_90"}, censoring_by=n
    ),
    "scored by reason": lambda n, w: rt.survival.with_reason_predictions(
        w["spells"], model=w["cause specific"], times=60
    ),
    "scores by reason": lambda n, w: rt.survival.scores_by_reason(
        w["scored by reason"],
        chances={reason: {60: f"{reason}_60"} for reason in w["cause specific"].reasons},
        censoring_by=n,
    ),
    "calibration": lambda n, w: rt.survival.calibration(
        w["scored"], survival="survival_90", time=90
    ),
    "lift": lambda n, w: rt.survival.lift(w["scored"], time=90),
    "expected profit": lambda n, w: rt.targeting.offer_profit(
        rt.predict_churn(w["spells"], model=w["cox"], within=30, given=None, keep=n),
        offer=OFFER,
        value=60.0,
        keep=n,
    ),
    "profit curve": lambda n, w: rt.targeting.profit_curve(
        w["scored"],
        offer=OFFER,
        value="survival_90",
        time=90,
        censoring_by=n,
        chosen_on=w["scored"],
    ),
}

STEPS = {**DOORS, **TABLES, **FIGURES, **MODELS, **SCORES}
_EXTRA = {"own spells", "codes"}


def run(
    name: str,
    engine: Any,
    only: set[str] | None = None,
    *,
    tables: dict[str, pd.DataFrame] | None = None,
    steps: dict[str, Step] = STEPS,
    at_rest: Collection[str] = ("ibis",),
    known: dict[str, Any] | None = None,
    kept: dict[str, Any] | None = None,
) -> Iterator[tuple[str, Any]]:
    """Each step with its answer under a name: a table in pandas, a model, or what it raised.

    Steps of the engines `at_rest` go on from the rows of those before; of others, from what they
    gave, which lazy ones ask again at each step. Where answers of some steps are `known`, on
    pandas, the engine is not asked for them, but goes on from them. `kept` takes up all answers.
    """
    made: dict[str, Any] = {}
    for key, frame in (tables or world()).items():
        made[key] = engine.table(frame.rename(columns={PLAIN: name}))
    for step, action in steps.items():
        if only is not None and step not in only:
            continue
        if known is not None and step in known:
            answer = known[step]
            made[step] = engine.table(answer) if isinstance(answer, pd.DataFrame) else answer
            continue
        try:
            found = action(name, made)
            if engine.name in at_rest and engine.is_mine(found):
                found = engine.read(found)
                made[step] = engine.table(found)
            else:
                made[step] = found
            if kept is not None:
                kept[step] = found
            yield step, read(found, engine, name)
        except Exception as error:
            yield step, error


def read(found: Any, engine: Any, name: str) -> Any:
    """What can be compared: a sorted pandas table under the plain name, or the text of a model."""
    if isinstance(found, pydantic.BaseModel):
        told = found.model_dump()
        return _replaced(told, name)
    frame = engine.read(found).rename(columns={name: PLAIN})
    cells = {key: [_plain(v, name) for v in frame[key].tolist()] for key in frame}
    frame = pd.DataFrame(cells, dtype=object)
    return frame.sort_values(list(frame.columns), ignore_index=True, key=lambda c: c.astype(str))


def _plain(value: Any, name: str) -> Any:
    """Texts that name the column name it plainly: "a.b", "a.b = A", "a.b=A"; nulls are None."""
    if pd.isna(value):
        return None
    if isinstance(value, date):
        return pd.Timestamp(value)
    if isinstance(value, str):
        for after in (" = ", "=", ": "):
            if value.startswith(f"{name}{after}"):
                return PLAIN + value[len(name) :]
        return PLAIN if value == name else value
    return value


def _replaced(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {PLAIN if k == name else k: _replaced(v, name) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(each, name) for each in value]
    if isinstance(value, float):
        return round(value, 6)
    return PLAIN if value == name else value


def same(plain: Any, found: Any) -> bool:
    """Whether two answers agree."""
    if isinstance(plain, pd.DataFrame):
        try:
            pd.testing.assert_frame_equal(plain, found, check_dtype=False, rtol=1e-6, atol=1e-9)
        except AssertionError:
            return False
        return True
    return bool(plain == found)
