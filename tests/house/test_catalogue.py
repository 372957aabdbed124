"""The catalogue: every figure a function gives is in it, and its range and direction are true."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import retention as rt
from everywhere import public
from retention.catalogue.glossary import GLOSSARY


@pytest.fixture(scope="module")
def answers():
    """All outcome figures of a sample company, by quarter."""
    company = rt.sample_company(500, seed=2)
    activity = rt.customer_periods(
        company.orders, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01"
    )
    wallet = company.wallet.rename(columns={"period": "date"})
    gaps = rt.gap_table(company.orders, as_of="2024-12-31", gaps=[60, 180])
    outcome = [rt.outcome_kpis(activity), rt.share_of_wallet(activity, wallet), gaps]
    revenue = [
        rt.net_revenue_retention(activity, lag=4),
        rt.gross_revenue_retention(activity, lag=4),
        rt.logo_churn(activity, lag=4),
        rt.kpis.quick_ratio(activity),
        rt.cohort_retention(activity),
        rt.kpis.win_back(activity, lost_after=2),
    ]
    revenue += subscription_answers(company)
    bridges = [
        rt.kpis.churn_bridge(by_region(company), by="region", overlap="main"),
        rt.kpis.target_customers(activity, target="profit", top=0.1),
    ]
    operations = operation_answers(company, activity)
    told = [*voice_answers(company, activity), *reason_answers(company)]
    lasting = [*survival_answers(company), *repeat_answers(company)]
    worth = [*tenure_answers(company), *value_answers(), *programme_answers()]
    worth += [late_payers(company), list_answer(company)]
    found = [scan_answer(), *alarm_answers(company), *model_answers(company)]
    found += group_answers(company)
    found += rate_answers(activity)
    found += benchmark_answers()
    found += [feature_answer(company), *offer_answers(), *response_answers()]
    found += buyer_answers(company)
    found += [*arm_answers(), *planned_answers(), *effect_answers(), money_answer(company)]
    found += [card_answer(company)]
    return [*outcome, *revenue, *bridges, *told, *operations, *lasting, *worth, *found]


def buyer_answers(company):
    """Who comes, how often, and who comes again."""
    asked = {"as_of": "2024-12-31", "observed_from": "2022-01-01", "by": "region"}
    return [
        rt.kpis.active_customers(company.orders, freq="quarter", **asked),
        rt.kpis.time_to_next_order(company.orders, orders=[1, 2], **asked),
        rt.kpis.repeat_rate(company.orders, within=90, **asked),
    ]


def subscription_answers(company):
    """Who decided to leave, at what tenure, from which plan."""
    listed = company.contracts.assign(reason=np.arange(len(company.contracts)) % 3)
    listed = listed.assign(reason=listed["reason"].map({0: "price", 1: "card", 2: None}))
    spells = rt.contract_spells(listed, as_of="2024-12-31", grace=14, keep_last="reason")
    asked = {"freq": "quarter", "as_of": "2024-12-31", "convention": "endpoint"}
    return [
        rt.kpis.voluntary_churn(spells, involuntary="card", **asked),
        rt.kpis.churn_by_tenure(spells, bands=[0, 3, 12], length="month"),
        *plan_answers(listed),
    ]


def plan_answers(listed):
    """What plans, trials, payments and seats do."""
    months = rt.contract_periods(listed, freq="quarter", as_of="2024-12-31", by="plan")
    due = listed["start"]
    bills = listed[["customer_id"]].assign(date=due, due=due, amount=listed["sales"])
    bills["paid"] = due + pd.to_timedelta(np.arange(len(due)) % 9, unit="D")
    seats = listed.assign(seats=np.arange(len(listed)) % 7)
    asked = {"freq": "quarter", "as_of": "2024-12-31"}
    return [
        rt.kpis.logo_and_revenue_churn(months, lag=4),
        rt.kpis.contraction_before_leaving(months, before=2),
        rt.kpis.resurrected_share(months),
        rt.kpis.plan_waterfall(months),
        rt.kpis.plan_migrations(months, lag=4),
        rt.kpis.trial_conversion(listed, as_of="2024-12-31", days=[14, 60]),
        rt.kpis.dunning_recovery(bills, as_of="2024-12-31", days=[3, 14]),
        rt.kpis.seat_expansion(seats, **asked),
    ]


def arm_answers():
    """Who is in which arm, and whether these are sound."""
    known = pd.DataFrame({"customer_id": range(60), "plan": list("xyz") * 20, "risk": range(60)})
    plan = {"arms": {"control": 0.5, "offer": 0.5}, "salt": "spring", "assigned": "2024-05-01"}
    assignment = rt.experiments.assign_arms(known, **plan, method="rolling")
    return [
        assignment,
        rt.experiments.sample_ratio(assignment),
        rt.experiments.arm_balance(assignment, known, covariates=["plan", "risk"]),
    ]


def rate_answers(activity):
    """Rates of the company side by side."""
    rates = rt.retention_rate(activity)
    return [
        rt.benchmarks.compare_rates(rates, of="period", activity=activity),
        rt.benchmarks.retention_gain(rates, apart=4),
        rt.benchmarks.usual_band(rates, level=0.99, spread="overdispersed"),
    ]


def effect_answers():
    """What an offer did to who stays, and for how long."""
    who, day = range(60), pd.Timestamp("2024-01-01")
    assignment = pd.DataFrame({"customer_id": who, "arm": ["none", "offer"] * 30, "share": 0.5})
    assignment = assignment.assign(assigned=day, plan=["basic"] * 30 + ["top"] * 30)
    ends = pd.Series(day + pd.to_timedelta(np.arange(60) ** 2 % 70, unit="D"))
    contracts = pd.DataFrame({"customer_id": who, "start": pd.Timestamp("2023-12-01")})
    contracts["end"] = ends.where(np.arange(60) % 3 > 0, ends + pd.Timedelta(days=80))
    spells = rt.contract_spells(contracts, as_of="2024-03-31", grace=0)
    asked = {"control": "none", "horizon": 60, "as_of": "2024-03-31", "by": "plan"}
    return [
        rt.experiments.retention_effect(assignment, spells, estimator="mature", **asked),
        rt.experiments.lifetime_effect(assignment, spells, **asked),
    ]


def feature_answer(company):
    """What was known of buying on a day."""
    seen = rt.signals.snapshots(company.orders, dates="2024-06-30", active_within=90)
    model = rt.repeat_buying.fit_mbg_nbd(rt.purchase_summary(company.orders, as_of="2024-06-30"))
    return rt.signals.purchase_features(
        seen, company.orders, window=90, model=model, category="category"
    )


def planned_answers():
    """How many customers a test takes, and how far apart they must be to stop early."""
    spells = pd.DataFrame({"duration": [1, 2, 3] * 9, "churned": [True, True, False] * 9})
    plan = {"test": "log-rank", "enrolment": 0, "follow_up": 3, "hazard_ratio": 0.5}
    return [
        rt.experiments.look_bounds(4),
        rt.experiments.retention_test_size(retention=0.8, difference=0.02, power=0.8),
        rt.experiments.survival_test_size(rt.survival_curve(spells), n=500, **plan),
        rt.experiments.profit_test_size(sd=15, n=500, power=0.8),
    ]


def money_answer(company):
    """What customers of two arms bought after a day, by what they bought before."""
    ids = company.orders["customer_id"].drop_duplicates().reset_index(drop=True)
    arms = np.where(np.arange(len(ids)) % 2, "offer", "none")
    assigned = ids.to_frame().assign(arm=arms, assigned=pd.Timestamp("2024-06-01"), share=0.5)
    assigned = assigned.assign(plan=np.arange(len(ids)) // 2 % 2)
    asked = {"control": "none", "within": 90, "as_of": "2024-12-31", "of": "sales", "before": 90}
    asked |= {"by": "plan"}
    return rt.experiments.profit_effect(assigned, company.orders, **asked)


def benchmark_answers():
    """Our churn beside that of a study, by segment and all in all."""
    rates = pd.DataFrame({"plan": ["a", "b"], "n_base": 100, "n_churned": [30, 5]})
    rates = rates.assign(churn_rate=[0.3, 0.05], lower=[0.2, 0.0], upper=[0.4, 0.1])
    study = pd.DataFrame({"name": "a study", "rate": [0.4, 0.15], "segment": ["a", "b"]})
    study = study.assign(rate_lower=study["rate"], rate_upper=study["rate"], days=365, year=2020)
    study = study.assign(convention="endpoint", source="a", standing="research", share=[0.4, 0.6])
    said = {"by": "plan", "convention": "endpoint", "days": 365}
    return [
        rt.benchmarks.compare_benchmark(rates, study, **said),
        rt.benchmarks.standardised_churn(rates, benchmark=study, **said),
    ]


def model_answers(company):
    """What a classifier on snapshots knew, and what it rests on."""
    from sklearn.linear_model import LogisticRegression

    days = ["2024-03-31", "2024-06-30", "2024-09-30"]
    seen = rt.signals.snapshots(company.orders, dates=days, active_within=90)
    labelled = rt.signals.label_silence(seen, company.orders, within=90, as_of="2024-12-31")
    labelled = labelled.assign(late=labelled["tenure"].fillna(0.0) % 7, plan=1.0)
    ask = {"fit": LogisticRegression(), "features": ["late", "plan"], "cuts": "2024-09-30"}
    return [
        rt.signals.feature_screen(labelled, features=["tenure", "late"]),
        rt.signals.backtest_snapshots(labelled, **ask),
        rt.signals.model_drivers(
            lambda rows: rows["late"], labelled, families={"late": "late", "plan": "plan"}, seed=1
        ),
    ]


def response_answers():
    """In whom an offer did most, and which rule of whom to make it brings more."""
    n = np.arange(120)
    made = pd.DataFrame({"score": n % 7, "offered": n % 2, "stayed": n % 3 % 2, "value": 9.0})
    asked = {"uplift": "score", "treated": "offered", "outcome": "stayed"}
    offer = rt.targeting.Offer(
        making=1, taking=0, success=None, stayers_taking=1, stayers_lost=None
    )
    rules = {"best": ("score", 0.5)}
    return [
        rt.experiments.uplift_curve(made, **asked),
        rt.experiments.targeting_gain(made, measure="area", **asked),
        rt.targeting.rule_profit(
            made, rules=rules, offer=offer, treated="offered", share=0.5, value="value"
        ),
    ]


def scan_answer():
    """In which groups more left than elsewhere."""
    plans = ["basic"] * 60 + ["top"] * 60
    customers = pd.DataFrame({"customer_id": range(120), "plan": plans, "left": [0, 1, 1, 0] * 30})
    return rt.signals.churn_scan(
        customers, outcome="left", conditions="plan", at_least=20, holdout="customers"
    )


def alarm_answers(company):
    """What alarms are worth, where ends are made of 30 days of silence; and who is silent."""
    days = pd.Series(pd.date_range("2024-01-01", periods=9, freq="20D"))
    spells = pd.DataFrame({"customer_id": range(9), "start": days[0], "end": days})
    spells = spells.assign(duration=(spells["end"] - days[0]).dt.days, churned=True)
    alarms = spells[["customer_id"]].assign(date=days[2], signal="all at once")
    asked = {"horizon": 60, "least": 21, "apart": 60, "silence": 30}
    asked |= {"as_of": "2024-07-01", "observed_from": "2024-01-01"}
    worth = spells[["customer_id"]].assign(value=1.0)
    kpis = rt.signals.alarm_kpis(alarms, spells, values=worth, **asked)
    del asked["least"]
    leads = rt.signals.alarm_leads(alarms, spells, values=worth, **asked)
    silent = rt.signals.silence_alarms(company.orders, as_of="2024-12-31", false_alarms=3)
    return [kpis, leads, silent]


def group_answers(company):
    """Groups of customers by how they buy."""
    scored = rt.signals.rfm_scores(company.orders, as_of="2024-12-31", bins=2)
    seen = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(company.orders, freq="quarter", **seen)
    states = rt.signals.customer_states(activity, lost_after=2)
    tiers = rt.signals.value_tiers(scored)
    left = scored[["customer_id"]].assign(churned=scored["r"] % 2)
    matrix = rt.signals.segment_matrix(states, tiers, values=scored, outcomes=left)
    model = rt.repeat_buying.fit_mbg_nbd(rt.purchase_summary(company.orders, **seen))
    luck = rt.signals.expected_migrations(model, days=90, cuts=[1, 3])
    profile = rt.signals.segment_profile(tiers, segment="segment", columns="value")
    moved = rt.signals.segment_migrations(tiers, states)
    return [scored, tiers, states, matrix, moved, luck, profile]


def late_payers(company):
    """Who of some customers pays late."""
    days = rt.signals.snapshots(company.orders, dates="2024-09-30", active_within=90)
    issued = company.orders[["customer_id", "date", "sales"]].rename(columns={"sales": "amount"})
    issued = issued.assign(due=issued["date"] + pd.Timedelta(days=14))
    paid = issued["date"] + pd.to_timedelta(np.arange(len(issued)) % 20, unit="D")
    return rt.signals.invoice_features(days, issued.assign(paid=paid), window=90)


def list_answer(company):
    """Whom to look after on a day."""
    day = pd.Timestamp("2024-12-31")
    contacts = company.contacts.drop(columns="right_first_time")
    targets = {"first_response": 24, "resolution": 168}
    entries = rt.signals.overdue_contacts(contacts, as_of=day, targets=targets)
    more = entries.assign(reason="lapsing").iloc[::2]
    people = entries[["customer_id"]].drop_duplicates()
    return rt.signals.watchlist(
        pd.concat([entries, more]),
        as_of=day,
        severity={"overdue contact": 2, "lapsing": 1},
        values=people.assign(value=9.0),
        risk=people.assign(risk=0.5),
    )


def card_answer(company):
    """What is known of a customer who waits."""
    contacts = company.contacts.drop(columns="right_first_time")
    return rt.findings.loyalty_card(
        contacts["customer_id"].iloc[0],
        as_of="2024-12-31",
        contacts=contacts,
        targets={"first_response": 24, "resolution": 168},
    )


def offer_answers():
    """What an offer is expected to bring, and what a ranking would have brought on a holdout."""
    offer = rt.targeting.Offer(making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0)
    people = pd.DataFrame({"customer_id": range(9), "risk": np.arange(9) / 10})
    profits = rt.targeting.offer_profit(people, offer=offer, churn="risk", value=200)
    seen = people.assign(duration=[9, 1, 2] * 3, churned=[False, True, False] * 3)
    asked = {"offer": offer, "value": 200, "time": 5}
    return [
        profits,
        rt.targeting.offer_list(profits, budget=30),
        rt.targeting.profit_curve(seen, **asked),
        rt.targeting.maximum_profit(seen, chosen_on=seen, **asked),
        rt.targeting.expected_maximum_profit(seen, success_shape=(6, 14), **asked),
    ]


def programme_answers():
    """What a programme was worth, and how staff and customers hang together."""
    effects = pd.DataFrame({"difference": [0.02], "lower": [0.01], "upper": [0.03]})
    day = pd.Timestamp("2024-01-01")
    lives = pd.DataFrame({"customer_id": range(90), "start": day, "branch": np.arange(90) % 10})
    ends = lives["start"] + pd.to_timedelta(20 + lives["customer_id"] ** 2 % 70, unit="D")
    contracts = lives.assign(end=ends.astype("datetime64[us]"))
    activity = rt.contract_periods(contracts, freq="month", as_of="2024-03-31", by="branch")
    both = rt.economics.staff_and_customers(activity, activity, by="branch")
    asked = {"x": "staff_retention", "y": "customer_retention", "by": "branch"}
    return [
        rt.economics.programme_value(effects, n_offered=1_000, value_saved=500, spend=6_000),
        both,
        rt.economics.loyalty_link(both, **asked),
    ]


def tenure_answers(company):
    """What customers bring as they stay."""
    tenure = rt.activity.tenure_periods(company.orders, as_of="2024-12-31", length="quarter")
    lifetime = rt.economics.lifetime_profit(tenure, discount=0.1, acquisition_cost=30.0)
    activity = rt.customer_periods(
        company.orders, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01"
    )
    values = rt.economics.cohort_value(activity, of="profit", acquisition_cost=30.0, washout=0)
    return [
        values,
        rt.economics.payback_age(values),
        rt.economics.profit_by_tenure(tenure),
        lifetime,
        rt.economics.break_even_tenure(lifetime),
    ]


def value_answers():
    """What customers are worth, and what keeping them is."""
    cohort = pd.DataFrame({"duration": [1, 2, 3, 4, 4], "churned": [True] * 4 + [False]})
    model, asked = rt.repeat_buying.fit_beta_geometric(cohort), {"length": "year", "discount": 0.1}
    pay = {**asked, "profit": 10, "horizon": 6, "timing": "start"}
    customers = pd.DataFrame({"customer_id": [1, 2], "tenure": [0, 3]})
    values = rt.economics.residual_value(customers, model=model, **pay)
    base = pd.DataFrame({"tenure": [0, 3], "n_customers": [1, 1]})
    return [
        rt.economics.lifetime_value(model, acquisition_cost=5, **pay),
        values,
        rt.economics.customer_equity(values),
        rt.economics.value_of_retention(model, lever="hazards", churn_cut=0.1, **pay),
        rt.economics.retention_elasticity(model, horizon=6, **asked),
        rt.economics.base_forecast(base, model=0.8, acquired=2, periods=3),
    ]


def repeat_answers(company):
    """Who buys again, how often, and what it is worth."""
    window = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
    summary = rt.purchase_summary(company.orders, unit="week", **window)
    model, spend = rt.repeat_buying.fit_bg_nbd(summary), rt.repeat_buying.fit_gamma_gamma(summary)
    value = {"horizon": 52, "margin": 0.3, "discount": 0.1}
    split = rt.repeat_buying.split_summary(company.orders, unit="week", cut="2024-06-30", **window)
    cohort = pd.DataFrame({"duration": [1, 2, 3, 4, 4], "churned": [True] * 4 + [False]})
    return [
        rt.churn_score(company.orders, within=90, as_of="2024-12-31"),
        model.p_alive(summary),
        rt.repeat_buying.discounted_purchases(summary, model=model, discount=0.1),
        spend.expected_spend(summary),
        rt.repeat_buying.customer_value(summary, model=model, spend=spend, **value),
        *outlook_answers(company),
        rt.repeat_buying.purchase_calibration(split, model=model),
        rt.repeat_buying.fit_beta_geometric(cohort).expected_renewals(2, horizon=5, discount=0.1),
    ]


def outlook_answers(company):
    """What the next quarters bring, and whether that would have been right."""
    window = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
    summary = rt.purchase_summary(company.orders, **window)
    fit, spend = rt.repeat_buying.fit_mbg_nbd, rt.repeat_buying.fit_gamma_gamma
    ahead = {"as_of": "2024-12-31", "freq": "quarter", "periods": 2}
    return [
        rt.economics.expected_sales(
            summary, model=fit(summary), spend=spend(summary), acquired=5, **ahead
        ),
        rt.economics.backtest_outlook(
            company.orders, fit=fit, spend=lambda _: 60.0, observed_from="2022-01-01", **ahead
        ),
    ]


def reason_answers(company):
    """Why customers left, by region, and how well their notes tell it."""
    left = company.truth[company.truth["left"]]
    own = {one.name: one.name for one in rt.reasons.reason_categories()}
    codes = rt.map_reason_codes(left, scheme=own, code="reason", keep="region")
    true = company.notes["customer_id"].map(left.set_index("customer_id")["reason"])
    labels = company.notes[["note_id"]].assign(category=true)
    return [
        rt.reasons.reasons_by_segment(codes, by="region", base="tagged"),
        rt.reasons.reason_agreement(rt.tag_reasons(company.notes), labels),
    ]


def voice_answers(company, activity):
    """What customers said, and whether they did it."""
    surveys = rt.as_surveys(
        company.surveys.assign(well=company.surveys["recommend"] > 8, ill=False),
        **{name: name for name in ("customer_id", "date", "satisfaction", "value_for_money")},
        **{name: name for name in ("repeat_intention", "recommend")},
        spoke_well="well",
        spoke_ill="ill",
        scale=(1, 5),
    )
    market = pd.DataFrame({"date": pd.to_datetime(["2024-05-01"]), "market": [1e6]})
    return [
        rt.kpis.voice_kpis(surveys, as_of="2024-12-31"),
        rt.kpis.repeat_behaviour(surveys, company.orders, as_of="2024-12-31", within=90),
        rt.kpis.market_share(activity, market),
    ]


def by_region(company):
    """Activity by region and quarter, in which segments come and go."""
    orders = company.orders
    late = (orders["region"] == "West") & (orders["date"] < "2023-06-01")
    early = (orders["region"] == "East") & (orders["date"] > "2024-01-01")
    window = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
    return rt.customer_periods(orders[~late & ~early], freq="quarter", by="region", **window)


def operation_answers(company, activity):
    """How customers were served, and what it cost."""
    contacts = rt.as_contacts(
        company.contacts.assign(parts=np.arange(len(company.contacts)) % 3 > 0),
        customer_id="customer_id",
        date="date",
        first_response_hours="first_response_hours",
        business_hours="always",
        resolution_hours="resolution_hours",
        right_first_time="right_first_time",
        parts_available="parts",
    )
    down = pd.DataFrame({"down": ["2024-05-01 10:00"], "up": ["2024-05-01 22:00"]})
    outages = rt.as_outages(down, start="down", end="up")
    costs = rt.as_costs(
        company.costs, date="date", kind="kind", amount="amount", customer_id="customer_id"
    )
    targets = {"first_response": 24, "resolution": 168}
    window = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
    return [
        rt.kpis.service_kpis(contacts, as_of="2024-12-31", targets=targets),
        rt.kpis.service_availability(outages, freq="month", **window),
        rt.kpis.cost_kpis(costs, activity, of=["wages", "parts"]),
        rt.kpis.cost_to_serve(costs, activity, of=["wages", "parts"], allocation="orders"),
    ]


def survival_answers(company):
    """All figures of lifetimes, their models and scores."""
    spells = rt.purchase_spells(company.orders, gap=120, as_of="2024-12-31", keep_first="region")
    spells["reason"] = np.where(spells["spell"] == 1, "price", "rival")
    curve = rt.survival_curve(spells)
    model = rt.fit_cox(spells, covariates="region")
    running = spells[~spells["churned"]].rename(columns={"duration": "tenure"})
    scored = rt.survival.with_predictions(spells, model=model, times=180)
    return [
        rt.survival.cumulative_hazard(spells),
        curve,
        rt.median_lifetime(curve),
        rt.survival.restricted_mean(curve, horizon=365),
        rt.survival.cumulative_incidence(spells),
        rt.survival.cause_removed(spells),
        rt.predict_churn(running, model=model, within=90),
        rt.survival.predict_reasons(
            running, model=rt.survival.fit_cause_specific(spells), times=[90]
        ),
        rt.survival.expected_remaining_lifetime(running, model=model, horizon=90),
        rt.survival.concordance(scored),
        rt.survival.time_dependent_auc(scored, times=[180]),
        rt.survival.brier_score(scored, survival={180: "survival_180"}),
        rt.survival.lift(scored, time=180),
    ]


def values_of(name, table):
    """A figure's values in an answer: of its column, or of its rows; None where it has neither."""
    if name in table:
        return table[name].to_numpy(float)
    rows = table[table["figure"] == name] if "figure" in table else table.head(0)
    return rows["share" if "share" in rows else "value"].to_numpy(float) if len(rows) else None


@pytest.mark.once
@pytest.mark.parametrize("figure", rt.catalogue.FIGURES, ids=lambda figure: figure.name)
def test_each_figure_is_a_column_within_its_range(answers, figure):
    """A figure's values keep to the range the catalogue states."""
    values = next(v for v in (values_of(figure.name, table) for table in answers) if v is not None)
    values = values[np.isfinite(values)]
    assert values.size
    assert figure.low is None or (values >= figure.low).all()
    assert figure.high is None or (values <= figure.high).all()


@pytest.mark.parametrize("figure", rt.catalogue.FIGURES, ids=lambda figure: figure.name)
def test_each_record_says_what_a_reader_needs(figure):
    """Label, unit, formula, source, functions that exist and conventions that they know."""
    assert figure.label
    assert figure.unit
    assert figure.formula
    assert figure.source
    makers = [public(name) for name in figure.made_by.split(", ")]
    keywords = {name for maker in makers for name in inspect.signature(maker).parameters}
    assert set(figure.conventions) <= keywords


def test_where_everyone_stays_the_figures_reach_their_best():
    """Better "higher" reaches 1 and better "lower" reaches 0 when nobody leaves."""
    from shops import everyone_stays

    frame = everyone_stays().assign(profit=2.0)
    kpis = rt.outcome_kpis(rt.customer_periods(frame, freq="month", as_of="2024-02-29"))
    for figure in rt.catalogue.FIGURES:
        if figure.name in kpis:
            best = 1.0 if figure.better == "higher" else 0.0
            assert kpis[figure.name].tolist() == [best]


def test_names_are_told_apart():
    """No two records share a name."""
    names = [figure.name for figure in rt.catalogue.FIGURES]
    assert len(set(names)) == len(names)


def test_an_unknown_figure_is_refused_with_the_nearest():
    """A slip of the pen gets a hint."""
    with pytest.raises(rt.ColumnError, match="Did you mean 'retention_rate'"):
        rt.catalogue.figure("retention rates")


def test_what_answers_call_a_rate_or_a_share_is_in_the_catalogue(answers):
    """Nothing that is named like a figure lacks its record; of two periods, each has its suffix."""
    known = {figure.name for figure in rt.catalogue.FIGURES}
    asked = {
        name.removesuffix("_before").removesuffix("_after")
        for table in answers
        for name in table
        if name.split("_")[0] not in ("firm", "total", "n")
    }
    ends = ("_rate", "_share", "_retention", "_churn", "_ratio", "_effect")
    assert {name for name in asked if name.endswith(ends)} <= known


def test_the_glossary_is_in_order_and_points_at_pages_that_are_there():
    """Words stand once, in the order of the alphabet, and each names a page of the docs."""
    words = [term.word.casefold() for term in GLOSSARY]
    assert words == sorted(set(words))
    docs = Path(__file__).parents[2] / "docs"
    assert [term.page for term in GLOSSARY if not (docs / f"{term.page}.md").exists()] == []
