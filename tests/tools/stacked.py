"""Random shops in one table, told apart by a segment, so that one question asks all of them.

A twin and Hypothesis hold pandas to the definitions, shop by shop, and shrink what they find. What
is left to ask of other engines is whether they agree with pandas: once, over all the shops that
this room draws, each small and full of edges (refunds, free lines, equal days, blanks, ends within
a day, people who come back).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import retention as rt
from naming import _LASTING, _MONTHS, _ORDERS, AS_OF, OFFER, PLAIN, STEPS, Step

N_SHOPS = 16
LEFT_OUT = {"reason incidence", "order_id", "who", "standardised"}
"""One end of each customer is asked for, and some of these have two; which column a door reads;
two segments."""
TARGET = "shop 03"
FIRST = pd.Timestamp("2024-01-01")

RENEWING = rt.repeat_buying.fit_beta_geometric(
    pd.DataFrame({
        "duration": [1, 2, 3, 3], "churned": [True, True, True, False], "n_spells": [30, 10, 5, 15],
    })
)  # fmt: skip
"""How customers renew, in some other shop."""

_PLAN = {"arms": {"control": 0.4, "offer": 0.6}, "salt": "shops", "assigned": "2024-03-01"}
_OFFERED = {"uplift": "score", "treated": "treated"}
_OFFER = rt.targeting.Offer(making=1, taking=2, success=None, stayers_taking=0.5, stayers_lost=None)

_COMPARED = {"control": "control", "horizon": 30, "as_of": AS_OF}
_PAID = {"profit": 9.0, "length": "month", "discount": 0.1}

Lines = list[tuple[Any, ...]]


def shops(seed: int = 1) -> dict[str, pd.DataFrame]:
    """The tables of all shops, one under the other."""
    draw = np.random.default_rng(seed)
    tables: dict[str, list[pd.DataFrame]] = {}
    for number in range(N_SHOPS):
        for name, frame in _shop(f"shop {number:02}", draw).items():
            tables.setdefault(name, []).append(frame)
    stacked = {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}
    labels = stacked["notes"][["note_id"]].assign(category="pricing").iloc[::2]
    months = pd.date_range(FIRST, periods=6, freq="MS")
    markets = pd.DataFrame({"date": months, "market": [9000.0 + i for i in range(6)]})
    return stacked | {"labels": labels.reset_index(drop=True), "markets": markets}


def _shop(shop: str, draw: np.random.Generator) -> dict[str, pd.DataFrame]:
    people = [f"{shop} {name}" for name in ("Ann", "Bob", "Cem", "Dee", "Eva", "Fay")]
    made = {
        "orders": _orders(people, draw),
        "contracts": _contracts(people, draw),
        "contacts": _contacts(people, draw),
        "surveys": _surveys(people, draw),
        "costs": _costs(people, draw),
        "outages": _outages(draw),
        "notes": _notes(people, draw),
        "wallets": _wallets(people, draw),
        "sign-ups": _sign_ups(people, draw),
        "came": _referrals(people),
        "published": _published(int(shop[-2:])),
        **_signs(people, np.random.default_rng(int(shop[-2:]))),
        **_trials(people, np.random.default_rng(int(shop[-2:]))),
        "bases": _customers_by_tenure(int(shop[-2:])),
        "effects": _effects(int(shop[-2:])),
        "offered": _offered(people, np.random.default_rng(100 + int(shop[-2:]))),
    }
    return {name: frame.assign(**{PLAIN: shop}) for name, frame in made.items()}


def _trials(people: list[str], draw: np.random.Generator) -> dict[str, pd.DataFrame]:
    """What was known of customers, and who was in which arm: some in both, some too early."""
    n = 2 * len(people)
    risk = np.where(draw.random(len(people)) < 0.2, np.nan, draw.integers(0, 9, len(people)))
    plan = [[None, "a", "b"][i] for i in draw.integers(0, 3, len(people))]
    days = draw.integers(0, 90, n)
    saw = [_day(day + draw.integers(-1, 20)) if draw.random() < 0.7 else None for day in days]
    tried = {
        "who": [*people[:2], *(people[i] for i in draw.integers(2, len(people), n))],
        "group": ["control", "offer", *draw.choice(["control", "offer"], n, p=[0.3, 0.7])],
        "day": [_day(0), _day(1), *(_day(day) for day in days)],
        "saw": [None, _day(9), *saw],
    }
    known = pd.DataFrame({"customer_id": people, "risk": risk, "plan": plan})
    return {"known": known, "tried": pd.DataFrame(tried), **_arms_in_contracts(people)}


def _arms_in_contracts(people: list[str]) -> dict[str, pd.DataFrame]:
    """Arms of those who have contracts: one by one within strata, and in clusters of two."""
    n, days = len(people), [-20, -10, 0, 10, 30, 200]
    plain = pd.DataFrame({
        "customer_id": people, "arm": ["control", "offer"] * (n // 2), "share": 0.5,
        "assigned": [FIRST + pd.Timedelta(days=day) for day in days[:n]],
    })  # fmt: skip
    clusters = plain.assign(cluster=[f"{people[0]} {i % 2} {i // 4}" for i in range(n)])
    return {
        "arms in contracts": plain.assign(stratum=[i // 2 % 2 for i in range(n)]),
        "clusters in contracts": clusters,
    }


def _day(number: int) -> str:
    return f"{FIRST + pd.Timedelta(days=int(number)):%Y-%m-%d}"


def _orders(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    rows: Lines = [(people[0], _day(0), 5.0, 1.0, f"{people[0]} first")]
    for number in range(draw.integers(12, 40)):
        who = people[draw.integers(len(people) - 1)]
        order = f"{who} {number // 2}"
        sales = float(draw.choice([-4, -1, 0, 1, 3, 8, 8.1]))
        rows.append((who, _day(draw.integers(0, 182)), sales, float(draw.integers(-3, 4)), order))
    return pd.DataFrame(rows, columns=["who", "day", "paid", "gain", "order"])


def _contracts(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    rows: Lines = [(people[0], _day(-200), None, 3.0, "price")]
    for who in people[1:]:
        start = int(draw.integers(-200, 120))
        for _ in range(draw.integers(1, 3)):
            end = start + int(draw.choice([1, 20, 31, 60, 200]))
            why = str(draw.choice(["price", "service"]))
            rows.append((who, _day(start), _day(end), float(draw.integers(1, 9)), why))
            start = end + int(draw.choice([0, 1, 15, 80]))
            if start > 150:
                break
    frame = pd.DataFrame(rows, columns=["who", "from", "to", "paid", "reason"])
    frame = frame.assign(to=frame["to"].where(draw.random(len(frame)) > 0.2, None))
    tried = [["yes", "no", "", "no"][i % 4] for i in range(len(frame))]
    return frame.assign(seats=[1 + i % 4 for i in range(len(frame))], tried=tried)


def _contacts(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    n = 14
    hours = draw.integers(0, 60, n).astype(float)
    frame = pd.DataFrame(
        {
            "who": [people[i] for i in draw.integers(0, len(people), n)],
            "day": [f"{_day(i)} 09:30:00" for i in draw.integers(0, 160, n)],
            "first": np.where(draw.random(n) < 0.2, np.nan, hours),
        }
    )
    solved = np.where(draw.random(n) < 0.3, np.nan, frame["first"] * draw.integers(1, 4, n))
    frame = frame.assign(solved=solved)
    return frame.drop_duplicates(["who", "day"], ignore_index=True)


def _surveys(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    n = 12
    score = lambda: np.where(draw.random(n) < 0.3, np.nan, draw.integers(1, 6, n))  # noqa: E731
    frame = pd.DataFrame(
        {
            "who": [people[i] for i in draw.integers(0, len(people), n)],
            "day": [_day(i) for i in draw.integers(0, 150, n)],
            "happy": score(),
            "again": score(),
        }
    )
    return frame.drop_duplicates(["who", "day"], ignore_index=True)


def _costs(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    n = 10
    return pd.DataFrame(
        {
            "who": [people[i] for i in draw.integers(0, len(people), n)],
            "day": [_day(i) for i in draw.integers(0, 182, n)],
            "what": [("wages", "parts")[i] for i in draw.integers(0, 2, n)],
            "amount": draw.integers(1, 50, n) / 4,
        }
    ).drop_duplicates(ignore_index=True)


def _outages(draw: np.random.Generator) -> pd.DataFrame:
    starts = [pd.Timestamp(_day(i)) + pd.Timedelta(hours=20) for i in draw.integers(0, 180, 3)]
    ends = [start + pd.Timedelta(hours=int(draw.integers(1, 90))) for start in starts]
    return pd.DataFrame({"down": starts, "up": ends}).drop_duplicates("down", ignore_index=True)


def _notes(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    texts = ["too expensive for me", "the staff was rude", "I moved to another city", "no reason"]
    frame = pd.DataFrame({"customer_id": people})
    return frame.assign(
        note_id=[f"note of {who}" for who in people],
        text=[texts[i] for i in draw.integers(0, 4, len(people))],
        date=[pd.Timestamp(_day(i)) for i in draw.integers(0, 150, len(people))],
        code=[("P1", "S1")[i] for i in draw.integers(0, 2, len(people))],
    )


def _wallets(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    rows = [(who, _day(i), float(draw.integers(5, 90))) for who in people for i in (10, 70)]
    return pd.DataFrame(rows, columns=["who", "day", "spent"])


def _sign_ups(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    days = [pd.Timestamp(_day(i)) for i in draw.integers(0, 120, len(people))]
    return pd.DataFrame({"customer_id": people, "start": days})


def _referrals(people: list[str]) -> pd.DataFrame:
    others = [*people[1:], people[0]]
    return pd.DataFrame({"by": people, "won": others, "day": [_day(20 * i) for i in range(6)]})


def _published(number: int) -> pd.DataFrame:
    rate, days = {"whose": ["a study"], "lost": [number / 20]}, {"within": [30], "when": [2020]}
    return pd.DataFrame(rate | days | {"counted": ["no_purchase"], "where": ["a table"]})


def _signs(people: list[str], draw: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Events, invoices, offers and calls: some open, some told later, a credit note without due."""
    n = 14
    who = [people[i] for i in draw.integers(0, len(people) - 1, n)]
    days = draw.integers(0, 150, n)
    later = lambda longest: [  # noqa: E731
        _day(day + wait) if wait >= 0 else None
        for day, wait in zip(days, draw.integers(-longest // 3, longest, n), strict=True)
    ]
    frame = pd.DataFrame({"who": who, "day": [_day(day) for day in days], "told": later(30)})
    owed = draw.choice([-2.5, 0.0, 4.0, 7.25], n)
    due = [None if o < 0 else _day(day + 10) for o, day in zip(owed, days, strict=True)]
    invoices = frame.assign(owed=owed, due=due)
    return {
        "events": frame.assign(what=draw.choice(["login", "moved", "closed"], n)),
        "invoices": invoices.assign(settled=later(60), asked=later(60)),
        "offers": frame.assign(reply=later(40)),
        "calls": frame.assign(then=draw.choice(["stays", "", "gone"], n)),
    }


BUYING = rt.repeat_buying.fit_bg_nbd(
    rt.purchase_summary(rt.sample_company(300, seed=1).orders, as_of="2024-12-31")
)
"""How often customers buy, in some other shop."""

_LIST_DAYS = ["2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"]
_JUDGED = {
    "horizon": 60, "apart": 30, "as_of": AS_OF, "observed_from": "2024-02-01", "silence": None,
}  # fmt: skip

_LISTED = {"severity": {"overdue contact": 1, "overdue invoice": 2}, "allow_unvalued": 999}

_POLICIES = {"refunds": "net", "zero_orders": "drop", "duplicates": "keep"}


def _customers_by_tenure(number: int) -> pd.DataFrame:
    return pd.DataFrame({"tenure": [0, 1, number], "n_customers": [7.0, number, 2.0]})


def _effects(number: int) -> pd.DataFrame:
    middle = (number - 4) / 100
    return pd.DataFrame({"difference": [middle], "lower": middle - 0.05, "upper": middle + 0.05})


def _offered(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    """What came of customers to whom an offer was made, or not, by lot."""
    n = len(people)
    return pd.DataFrame(
        {
            "customer_id": people,
            "score": draw.integers(0, 9, n) / 4,
            "treated": np.arange(n) % 2 == 0,
            "on_list": draw.integers(0, 2, n),
            "brought": draw.integers(0, 90, n) / 2,
            "duration": draw.integers(1, 120, n),
            "churned": draw.random(n) < 0.6,
        }
    )


def _classifier(rows: pd.DataFrame) -> pd.Series:
    """What anybody's model may say of customers by their tenure."""
    return (rows["tenure"].astype(float) % 7 + 1) / 9


_TOLD = {"customer_id": "who", "date": "day", "known": "told"}

ASKED: dict[str, Step] = {
    **{name: step for name, step in STEPS.items() if name not in LEFT_OUT},
    # of two levels: coefficients of sixteen may agree but for their last bits, which orders them
    "cox": lambda n, w: rt.fit_cox(w["spells"], covariates="reason"),
    "aft": lambda n, w: rt.survival.fit_aft(w["spells"], covariates="reason"),
    "cox reference": lambda n, w: rt.fit_cox(w["spells"], covariates=n, reference={n: TARGET}),
    "transactions": lambda n, w: rt.as_transactions(
        w["orders"], **_ORDERS, profit="gain", order_id="order", order_day="first", keep=n,
        **_POLICIES,
    ),
    "contracts": lambda n, w: rt.as_contracts(
        w["contracts"], customer_id="who", start="from", end="to", sales="paid",
        sales_per="month", end_is="first_day_out", keep=[n, "reason", "seats", "tried"],
    ),
    "transactions alone": lambda n, w: rt.as_transactions(w["orders"], **_ORDERS, **_POLICIES),
    "spells": lambda n, w: rt.contract_spells(
        w["contracts"], as_of=AS_OF, grace=0, keep=n, keep_last="reason"
    ),
    "target_customers": lambda n, w: rt.kpis.target_customers(w["activity"], target={n: TARGET}),
    "target of customers": lambda n, w: rt.kpis.target_customers(
        w["activity"], target={n: TARGET}, customers=w["spells"]
    ),
    **{
        f"outcome: {sales}, {profit}, {lost}": (
            lambda n, w, sales=sales, profit=profit, lost=lost: rt.outcome_kpis(
                w["activity"], by=n, lag=2, lost_to=lost, sales_basis=sales, profit_basis=profit
            )
        )
        for sales, profit, lost in (
            ("base", "base", "segment"), ("current", "current", "firm"), ("capped", "base", "firm"),
        )
    },
    **{
        f"churn: {convention}": (
            lambda n, w, convention=convention: rt.churn_rate(
                w["spells"], by=n, **{**_LASTING, "convention": convention}
            )
        )
        for convention in ("start_cohort", "active_and_new", "all_cancellations", "exposure")
    },
    "by week": lambda n, w: rt.outcome_kpis(
        rt.customer_periods(w["transactions"], by=n, freq="week", as_of=AS_OF), by=n
    ),
    "by reason": lambda n, w: rt.contract_periods(w["contracts"], by=[n, "reason"], **_MONTHS),
    "plan waterfall": lambda n, w: rt.kpis.plan_waterfall(w["by reason"], plan="reason", by=n),
    "plan migrations": lambda n, w: rt.kpis.plan_migrations(
        w["by reason"], plan="reason", by=n, lag=1
    ),
    "cut before leaving": lambda n, w: rt.kpis.contraction_before_leaving(
        w["in force"], before=1, by=n
    ),
    "contract movements": lambda n, w: rt.revenue_movements(w["in force"], by=n),
    "contract cohorts": lambda n, w: rt.cohort_retention(w["in force"], by=n),
    "split": lambda n, w: rt.repeat_buying.split_summary(
        w["transactions"], cut="2024-03-31", as_of=AS_OF
    ),
    "profit": lambda n, w: rt.profit_adjusted_retention(w["activity"], by=n, lag=2),
    "wallets": lambda n, w: rt.as_wallet(
        w["wallets"], customer_id="who", date="day", wallet="spent", duplicates="drop"
    ),
    "share of wallet": lambda n, w: rt.share_of_wallet(
        rt.customer_periods(w["transactions alone"], **_MONTHS), w["wallets"]
    ),
    "market": lambda n, w: rt.kpis.market_share(w["activity"], w["markets"]),
    "kept by service": lambda n, w: rt.kpis.retention_by_service(
        w["contacts"],
        w["activity"],
        targets={"first_response": 4, "resolution": 48},
        business_hours="always",
    ),
    "unallocated": lambda n, w: rt.kpis.unallocated_costs(
        w["costs"], w["activity"], of=["wages", "parts"], allocation="sales", within=n
    ),
    "rolling": lambda n, w: rt.kpis.rolling_retention(
        w["transactions"], days=30, as_of=AS_OF, by=n
    ),
    "rolling in segments": lambda n, w: rt.kpis.rolling_retention(
        w["transactions"], days=30, as_of=AS_OF, freq="week", by=n, lost_to="segment"
    ),
    "rolling in all": lambda n, w: rt.kpis.rolling_retention(
        w["transactions"], days=30, as_of=AS_OF
    ),
    "by sign-up": lambda n, w: rt.cohort_retention(w["activity"], started=w["sign-ups"], by=n),
    "changed": lambda n, w: rt.findings.has_changed(w["retention_rate"], by=n),
    "compared rates": lambda n, w: rt.benchmarks.compare_rates(
        w["retention_rate"], of="period", by=n, margin=0.2, activity=w["activity"]
    ),
    "compared segments": lambda n, w: rt.benchmarks.compare_rates(
        w["retention_rate"], of=n, by="period", against="rest", activity=w["activity"]
    ),
    "usual band": lambda n, w: rt.benchmarks.usual_band(
        w["by week"], by=n, figure="churn_rate", level=0.9, spread="overdispersed"
    ),
    "gain": lambda n, w: rt.benchmarks.retention_gain(
        w["retention_rate"], by=n, apart=2, activity=w["activity"]
    ),
    "pooled": lambda n, w: rt.findings.pool_small_segments(w["activity"], by=n, least=5),
    "at risk": lambda n, w: rt.findings.customers_at_risk(
        w["transactions"], as_of=AS_OF, within=30, lost_after=60
    ),
    "churn score": lambda n, w: rt.churn_score(w["transactions"], as_of=AS_OF, within=30),
    "survival": lambda n, w: rt.survival.predict_survival(
        w["spells"], model=w["cox"], times=[60, 120], given=None
    ),
    "remaining": lambda n, w: rt.survival.expected_remaining_lifetime(
        w["spells"], model=w["aft"], horizon=90, given=None
    ),
    "whole brier": lambda n, w: rt.survival.integrated_brier_score(
        w["scored"], survival={90: "survival_90", 180: "survival_180"}
    ),
    "auc": lambda n, w: rt.survival.time_dependent_auc(w["scored"], times=[60, 120]),
    "tested back": lambda n, w: rt.survival.backtest(
        w["spells"],
        fit=lambda known: rt.fit_cox(known, covariates="reason"),
        cuts=["2024-03-31"],
        horizon=60,
    ),
    "published rates": lambda n, w: rt.loading.as_benchmarks(
        w["published"], name="whose", rate="lost", measure="retention", rate_lower="stated",
        rate_upper="stated", days="within", convention="counted", source="where", year="when",
        segment=n,
    ),
    "standardised by shop": lambda n, w: rt.benchmarks.standardised_churn(
        w["churn_by"], benchmark=w["published rates"], method="indirect", by=n,
        convention="no_purchase",
    ),
    "referrals": lambda n, w: rt.as_referrals(
        w["came"], customer_id="by", referred_id="won", date="day"
    ),
    "signs: events": lambda n, w: rt.loading.as_events(
        w["events"], **_TOLD, event="what", keep=n, duplicates="keep"
    ),
    "signs: invoices": lambda n, w: rt.loading.as_invoices(
        w["invoices"], **_TOLD, due="due", paid="settled", amount="owed", queried="asked", keep=n,
        credits="keep", duplicates="keep",
    ),
    "recovered": lambda n, w: rt.kpis.dunning_recovery(
        w["signs: invoices"], as_of=AS_OF, days=[3, 30], by=n
    ),
    "signs: offers": lambda n, w: rt.loading.as_offers_made(
        w["offers"], **_TOLD, responded="reply", keep=n, duplicates="keep"
    ),
    "signs: calls": lambda n, w: rt.loading.as_calls(
        w["calls"], **_TOLD, outcome="then", keep=n, duplicates="keep"
    ),
    "arms": lambda n, w: rt.experiments.assign_arms(
        w["known"], **_PLAN, strata=n, method="list"
    ),
    "arms as they come": lambda n, w: rt.experiments.assign_arms(
        w["known"], **_PLAN, method="rolling"
    ),
    "arms of others": lambda n, w: rt.loading.as_assignment(
        w["tried"], customer_id="who", arm="group", assigned="day", exposed="saw", keep=n,
        shares={"control": 0.4, "offer": 0.6}, duplicates="drop", incomplete="drop",
    ),
    "arm sizes": lambda n, w: rt.experiments.sample_ratio(w["arms of others"], by=n),
    "arms alike": lambda n, w: rt.experiments.arm_balance(
        w["arms of others"], w["known"], covariates=["risk", "plan"]
    ),
    "arms compared": lambda n, w: rt.experiments.retention_effect(
        w["arms in contracts"], w["spells"], estimator="kaplan-meier", by=n, **_COMPARED
    ),
    "arms compared by cluster": lambda n, w: rt.experiments.retention_effect(
        w["clusters in contracts"], w["spells"], estimator="mature", by=n, **_COMPARED
    ),
    "arms' lifetimes": lambda n, w: rt.experiments.lifetime_effect(
        w["arms in contracts"], w["spells"], by=n, **_COMPARED
    ),
    "asked of signs": lambda n, w: rt.signals.snapshots(
        w["transactions alone"], dates=["2024-03-31", "2024-05-15"], active_within=90
    ),
    "features: contacts": lambda n, w: rt.signals.contact_features(
        w["asked of signs"], w["contacts"], window=40, business_hours="always",
        targets={"first_response": 4, "resolution": 48}, observed_from="2024-01-15",
    ),
    "features: surveys": lambda n, w: rt.signals.survey_features(
        w["asked of signs"], w["surveys"], window=60, patience=14
    ),
    "features: invoices": lambda n, w: rt.signals.invoice_features(
        w["asked of signs"], w["signs: invoices"], window=60
    ),
    "features: offers": lambda n, w: rt.signals.offer_features(
        w["asked of signs"], w["signs: offers"], window=60, patience=14
    ),
    "features: wallets": lambda n, w: rt.signals.wallet_features(
        w["asked of signs"], w["wallets"], transactions=w["transactions alone"], freq="month",
        window=60,
    ),
    "features: events": lambda n, w: rt.signals.event_features(
        w["features: offers"], w["signs: events"], window=60, of=["login", "moved"], suffix="_60"
    ),
    "profit by tenure": lambda n, w: rt.economics.profit_by_tenure(
        w["tenure"], by=n, served=w["cost to serve"], referrals=w["referrals"], referral_value=9.0
    ),
    "lifetime profit": lambda n, w: rt.economics.lifetime_profit(
        w["tenure"], by=n, discount=0.1, acquisition_cost=2.0
    ),
    "cohort value": lambda n, w: rt.economics.cohort_value(
        w["activity"], by=n, of="profit", acquisition_cost=9.0, washout=0
    ),
    "cohort value together": lambda n, w: rt.economics.cohort_value(
        w["activity"], by=n, of="sales", cohorts="attribute", washout=1
    ),
    "cohort value of contracts": lambda n, w: rt.economics.cohort_value(
        w["in force"], by=n, of="sales"
    ),
    "payback": lambda n, w: rt.economics.payback_age(w["cohort value"], by=n),
    "break even": lambda n, w: rt.economics.break_even_tenure(w["lifetime profit"], by=n),
    "renewals": lambda n, w: rt.repeat_buying.renewal_periods(w["spells"], length="month"),
    "staff": lambda n, w: rt.economics.staff_and_customers(w["in force"], w["in force"], by=n),
    "staff link": lambda n, w: rt.economics.loyalty_link(
        w["staff"], x="staff_retention", y="customer_retention", by=n
    ),
    "worth": lambda n, w: rt.economics.residual_value(
        w["renewals"], model=RENEWING, horizon=12, timing="start", keep=n, **_PAID
    ),
    "equity": lambda n, w: rt.economics.customer_equity(w["worth"], by=n),
    "forecast": lambda n, w: rt.economics.base_forecast(
        w["bases"], model=RENEWING, periods=4, acquired=5, **_PAID
    ),
    "money effect": lambda n, w: rt.experiments.profit_effect(
        w["arms of others"], w["transactions"], by=n, control="control", within=30, as_of=AS_OF,
        of="profit", before=30, observed_from="2023-12-01",
    ),
    "orders by arm": lambda n, w: rt.experiments.profit_effect(
        w["arms of others"], w["transactions"], control="control", within=45, as_of=AS_OF,
        of="orders",
        cap=2, peeking="always-valid", tuned_for=200,
    ),
    "survival test": lambda n, w: rt.experiments.survival_test_size(
        rt.survival_curve(w["spells"]), test="log-rank", enrolment=20, follow_up=30,
        hazard_ratio=0.8, power=0.8,
    ),
    "programme": lambda n, w: rt.economics.programme_value(
        w["effects"], by=n, n_offered=1000, value_saved=500.0, spend=600.0
    ),
    "offers: profit": lambda n, w: rt.targeting.offer_profit(
        w["churn score"], offer=OFFER, churn="p_no_purchase", value="days_since_last"
    ),
    "offers: list": lambda n, w: rt.targeting.offer_list(
        w["offers: profit"], budget=50, always=w["strategic"]
    ),
    "offers: due": lambda n, w: rt.targeting.due_for_renewal(
        w["contracts"], as_of=AS_OF, within=200, since="2024-03-01", keep=n
    ),
    "offers: best": lambda n, w: rt.targeting.maximum_profit(
        w["scored"], offer=OFFER, value=60.0, time=90, seed=1
    ),
    "offers: expected": lambda n, w: rt.targeting.expected_maximum_profit(
        w["scored"], offer=OFFER, success_shape=(6, 14), value=60.0, time=90
    ),
    "who responded": lambda n, w: rt.experiments.uplift_curve(w["offered"], time=60, **_OFFERED),
    "responded in groups": lambda n, w: rt.experiments.uplift_curve(
        w["offered"], outcome="brought", groups=5, **_OFFERED
    ),
    "gain of targeting": lambda n, w: rt.experiments.targeting_gain(
        w["offered"], outcome="brought", measure="autoc", **_OFFERED
    ),
    "profit of rules": lambda n, w: rt.targeting.rule_profit(
        w["offered"], rules={"best": ("score", 0.4), "listed": "on_list"}, offer=_OFFER,
        treated="treated", share=0.5, value="brought", time=60,
    ),
    "notes": lambda n, w: rt.reasons.note_reasons(w["tags"]),
    "agreement": lambda n, w: rt.reasons.reason_agreement(w["tags"], w["labels"], fewest=1),
    "spend": lambda n, w: rt.repeat_buying.spend_independence(w["purchases"]),
    "value": lambda n, w: rt.repeat_buying.customer_value(
        w["purchases"], model=BUYING, spend=20.0, horizon=52, margin=0.3, discount=0.1
    ),
    "discounted": lambda n, w: rt.repeat_buying.discounted_purchases(
        w["purchases"], model=BUYING, discount=0.1
    ),
    "outlook": lambda n, w: rt.economics.expected_customers(
        w["purchases"], model=BUYING, as_of=AS_OF, freq="month", periods=3, acquired=2
    ),
    "outlook of contracts": lambda n, w: rt.economics.expected_customers(
        w["renewals"], model=RENEWING, as_of=AS_OF, freq="month", periods=3, acquired=2
    ),
    "outlook of spells": lambda n, w: rt.economics.expected_customers(
        w["spells"], model=rt.survival_curve(w["spells"], by=n), as_of=AS_OF, freq="month",
        periods=2, acquired=0, by=n,
    ),
    "outlook of fees": lambda n, w: rt.economics.expected_sales(
        w["spells"], model=rt.survival_curve(w["spells"]), spend=20.0, as_of=AS_OF, freq="month",
        periods=2, acquired=0, by=n,
    ),
    "outlook of contracts tested back": lambda n, w: rt.economics.backtest_outlook(
        w["contracts"], fit=rt.survival_curve, spend="sales", as_of=AS_OF, freq="month", periods=2,
        grace=0,
    ),
    "outlook of sales": lambda n, w: rt.economics.expected_sales(
        w["purchases"], model=BUYING, spend=20.0, as_of=AS_OF, freq="month", periods=3,
        acquired=[1, 2, 3],
    ),
    "outlook tested back": lambda n, w: rt.economics.backtest_outlook(
        w["transactions"], fit=lambda _: BUYING, spend=lambda _: 20.0, as_of=AS_OF, freq="month",
        periods=2,
    ),
    "tracked": lambda n, w: rt.repeat_buying.tracking_table(
        w["transactions"], model=BUYING, cut="2024-03-31", as_of=AS_OF
    ),
    "purchases calibrated": lambda n, w: rt.repeat_buying.purchase_calibration(
        w["split"], model=BUYING
    ),
    "purchases tested back": lambda n, w: rt.repeat_buying.backtest_purchases(
        w["transactions"], fit=lambda _: BUYING, cuts=["2024-03-31"], within=60
    ),
    "watched": lambda n, w: rt.signals.label_silence(
        rt.signals.snapshots(
            w["transactions"], dates=["2024-03-01", "2024-04-15"], active_within=30
        ),
        w["transactions"], within=30, as_of=AS_OF,
    ),
    "own windows": lambda n, w: rt.signals.label_silence(
        rt.signals.snapshots(w["transactions"], dates="2024-03-01", active_within=60),
        w["transactions"], within=90, as_of=AS_OF, window="own", miss=0.5,
        model=BUYING,
    ),
    "known of buying": lambda n, w: rt.signals.purchase_features(
        w["watched"], w["transactions"], window=30, category=n, model=BUYING,
    ),
    "running": lambda n, w: rt.signals.contract_snapshots(
        w["spells"], dates=["2024-02-01", "2024-04-30"]
    ),
    "ending": lambda n, w: rt.signals.label_churn(
        w["running"], w["spells"], within=30, lead=5, as_of=AS_OF
    ),
    "silent": lambda n, w: rt.signals.silences(
        w["watched"], w["transactions"], as_of=AS_OF, most=40
    ),
    "screened": lambda n, w: rt.signals.feature_screen(w["watched"], features="tenure"),
    "classified": lambda n, w: rt.signals.backtest_snapshots(
        w["watched"], fit=lambda _: _classifier, features="tenure", cuts="2024-04-15"
    ),
    "drivers": lambda n, w: rt.signals.model_drivers(
        _classifier, w["watched"], families={"tenure": "tenure"}, seed=1, repeats=2
    ),
    "leaks": lambda n, w: rt.signals.leakage_check(
        lambda known, day: rt.purchase_summary(known["log"], as_of=day),
        {"log": w["transactions"]}, dates="2024-03-31",
    ),
    "scan": lambda n, w: rt.signals.churn_scan(
        w["person-periods"], outcome="churned", conditions=[n, "interval"], at_least=5
    ),
    "scan of pairs": lambda n, w: rt.signals.churn_scan(
        w["person-periods"], outcome="churned", conditions=["interval", n], depth=2, at_least=3,
        holdout="customers",
    ),
    "listed": lambda n, w: rt.signals.snapshots(
        w["transactions alone"], dates=_LIST_DAYS, active_within=90
    ),
    "rung": lambda n, w: rt.signals.ring_alarms(
        w["listed"], score="tenure", calls=9, apart=30, signal="tenure"
    ),
    "rung at a threshold": lambda n, w: rt.signals.ring_alarms(
        w["listed"], score="tenure", policy="threshold", threshold=40, apart=1, signal="tenure"
    ),
    "alarm kpis": lambda n, w: rt.signals.alarm_kpis(w["rung"], w["spells"], by=n, **_JUDGED),
    "alarm kpis of value": lambda n, w: rt.signals.alarm_kpis(
        w["rung at a threshold"], w["spells"], values=w["value"], **{**_JUDGED, "apart": 1}
    ),
    "alarm leads": lambda n, w: rt.signals.alarm_leads(w["rung"], w["spells"], by=n, **_JUDGED),
    "trade-off": lambda n, w: rt.signals.alarm_trade_off(
        w["listed"], w["spells"], signals="tenure", calls=[5, 20], **_JUDGED
    ),
    "scored by rank": lambda n, w: rt.signals.rfm_scores(
        w["transactions"], as_of=AS_OF, ties="middle", nesting="nested", bins=3
    ),
    "scored by kept cuts": lambda n, w: rt.signals.rfm_scores(
        w["transactions"], as_of=AS_OF,
        cuts=rt.signals.rfm_cuts(w["transactions alone"], as_of="2024-03-31", money="mean_order"),
    ),
    "states": lambda n, w: rt.signals.customer_states(w["activity"], lost_after=2),
    "states ago": lambda n, w: rt.signals.customer_states(
        w["in force"], lost_after=2, periods_ago=2
    ),
    "tiers": lambda n, w: rt.signals.value_tiers(w["scored by rank"]),
    "tiers of value": lambda n, w: rt.signals.value_tiers(w["scored by rank"], of="value"),
    "matrix": lambda n, w: rt.signals.segment_matrix(
        w["states"], w["tiers"], values=w["tiers"], outcomes=w["own windows"]
    ),
    "migrations": lambda n, w: rt.signals.segment_migrations(w["tiers"], w["tiers of value"]),
    "migrations of states": lambda n, w: rt.signals.segment_migrations(
        w["states ago"], w["states"]
    ),
    "profile": lambda n, w: rt.signals.segment_profile(
        w["scored by rank"], segment="segment", columns=["n_orders", "value", "f", "ties"],
        defining="f",
    ),
    "silence": lambda n, w: rt.signals.silence_alarms(
        w["transactions"], as_of=AS_OF, false_alarms=10, model=BUYING
    ),
    "daily: renewals": lambda n, w: rt.signals.renewal_entries(w["offers: due"], within=200),
    "daily: contacts": lambda n, w: rt.signals.overdue_contacts(
        w["contacts"], as_of=AS_OF, business_hours="always",
        targets={"first_response": 4, "resolution": 48},
    ),
    "daily: invoices": lambda n, w: rt.signals.overdue_invoices(
        w["signs: invoices"], as_of=AS_OF, grace=5
    ),
    "daily: alarms": lambda n, w: rt.signals.alarm_entries(
        w["rung"], as_of="2024-05-01", valid_for=60
    ),
    "daily: list": lambda n, w: rt.signals.watchlist(
        w["daily: contacts"], as_of=AS_OF, values=w["value"], calls=w["signs: calls"],
        quiet_days=60, escalate_top=0.2, escalate_after={"overdue contact": 30}, at_most=9,
        **_LISTED,
    ),
    "daily: list of bills": lambda n, w: rt.signals.watchlist(
        w["daily: invoices"], as_of="2024-07-01", values=w["value"], opted_out=w["daily: alarms"],
        **_LISTED,
    ),
    "daily: changes": lambda n, w: rt.signals.watchlist_changes(
        w["daily: list"], w["daily: list of bills"]
    ),
    "card": lambda n, w: rt.findings.loyalty_card(
        "shop 03 Ann", as_of="2024-05-01", transactions=w["transactions alone"],
        contacts=w["contacts"], targets={"first_response": 4, "resolution": 48},
        business_hours="always", surveys=w["surveys"], invoices=w["signs: invoices"],
        calls=w["signs: calls"], window=60,
    ),
    "spiked": lambda n, w: rt.signals.spike_departures(
        w["transactions alone"], as_of=AS_OF, between=("2024-03-01", "2024-04-01"), share=0.5,
        seed=1, keep=0.3,
    ).transactions,
}  # fmt: skip
"""Every step of the company with names, over doors that let edges in, and further readings."""
