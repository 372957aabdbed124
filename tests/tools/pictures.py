"""Tables to draw, and what can be asked of a picture: its words, what overlaps, what is cut off."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

import retention as rt
from alarm_lives import customers, day, listed
from offered_worlds import holdout

SEEN = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}


NAMES = [
    "A very long segment name, longer than anybody needs",
    *("Short", "Ünïcödé & <b>", "North-north-west by west", "(missing)", "g"),
    *("wholesale and hospitality customers abroad", "Direct-to-consumer subscription"),
]
"""Of as many segments as can be drawn."""


@cache
def company() -> rt.samples.SampleCompany:
    """A small company."""
    return rt.sample_company(400, seed=1)


@cache
def activity(by: str = "") -> pd.DataFrame:
    """Its activity by quarter."""
    return rt.customer_periods(
        company().orders, freq="quarter", **SEEN, **({"by": by} if by else {})
    )


@cache
def spells() -> pd.DataFrame:
    """Its contracts as spells, with the region, a reason and predictions."""
    table = rt.contract_spells(company().contracts, as_of="2024-12-31", grace=0, keep_first="plan")
    draws = np.random.default_rng(1)
    lasting = np.clip(0.3 + table["duration"] / 1500 + draws.normal(0, 0.1, len(table)), 0.01, 0.99)
    reasons = draws.choice(
        ["price", "rival", "service", "moved"], len(table), p=[0.4, 0.3, 0.2, 0.1]
    )
    x = draws.normal(size=len(table))
    return table.assign(reason=reasons, lasting=lasting, risk=1 - lasting, x=x)


@cache
def tags() -> pd.DataFrame:
    """Reasons that its customers gave, with a region."""
    draws = np.random.default_rng(2)
    codes = ["too_expensive", "switched_service", "unused", "low_quality", "other"]
    given = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(200)],
            "region": np.repeat(["north", "south"], 100),
            "reason": draws.choice(codes, 200, p=[0.4, 0.2, 0.2, 0.15, 0.05]),
        }
    )
    return rt.map_reason_codes(given, scheme="stripe", keep="region")


@cache
def levers() -> pd.DataFrame:
    """What five points are worth, by all levers, of a model that was fitted on three years."""
    years = pd.DataFrame(
        {"duration": [1, 2, 3, 3], "churned": [True] * 3 + [False], "n_spells": [30, 15, 9, 46]}
    )
    model = rt.repeat_buying.fit_beta_geometric(years)
    asked = {"points": 0.05, "profit": 100, "discount": 0.1, "length": "year", "horizon": 50}
    every = ("rates", "hazards", "customers", "once_as_survivors", "once")
    return pd.concat(
        [
            rt.economics.value_of_retention(model, lever=lever, timing="end", **asked)
            for lever in every
        ],
        ignore_index=True,
    )


@cache
def scanned(depth: int = 1) -> pd.DataFrame:
    """Which of its customers left, by plan and by two numbers."""
    lives = (
        spells()
        .assign(
            left=spells()["churned"], x=spells()["x"].round(1), lasting=spells()["lasting"].round(1)
        )
        .drop_duplicates("customer_id")
    )
    known = lives[["customer_id", "plan", "left", "x", "lasting"]]
    return rt.signals.churn_scan(
        known, outcome="left", conditions=["plan", "x", "lasting"], depth=depth,
        at_least=20 // depth**2, holdout="customers",
    )  # fmt: skip


@cache
def judged() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What more calls find, and how early, by scores that know something and nothing."""
    lost, draws = customers(400), np.random.default_rng(3)
    scores = listed(lost).merge(lost[["customer_id", "end"]])
    near = (scores["end"] - scores["as_of"]).dt.days.fillna(999) < 60
    scores["complaint"] = draws.random(len(scores)) + 0.4 * near
    scores["noise"] = draws.random(len(scores))
    values = lost[["customer_id"]].assign(value=draws.gamma(1, 100, len(lost)))
    asked = {"horizon": 90, "apart": 30, "as_of": day(300), "observed_from": day(0)}
    asked |= {"silence": None, "values": values}
    cost = rt.signals.alarm_trade_off(
        scores, lost, signals=["complaint", "noise"], calls=[1, 3, 6, 10], least=7, **asked
    )
    rung = [
        rt.signals.ring_alarms(scores, score=name, policy="top", calls=4, apart=30, signal=name)
        for name in ("complaint", "noise")
    ]
    leads = rt.signals.alarm_leads(pd.concat(rung, ignore_index=True), lost, **asked)
    return cost, leads


@cache
def tested() -> dict[str, pd.DataFrame]:
    """What a test of two offers found, how many customers it takes, and whom to make the offer."""
    draws, n = np.random.default_rng(4), 600
    start, arm = pd.Timestamp("2024-01-01"), draws.choice(["control", "letter", "call"], n)
    lasting = draws.exponential(np.where(arm == "call", 150, 90)).astype(int) + 1
    lives = pd.DataFrame({"customer_id": range(n), "start": start})
    lives["end"] = (start + pd.to_timedelta(lasting, unit="D")).astype("datetime64[us]")
    assigned = lives[["customer_id"]].assign(assigned=start, arm=arm, share=1 / 3)
    effect = rt.experiments.retention_effect(
        assigned, rt.contract_spells(lives, as_of="2024-06-01", grace=0), control="control",
        horizon=90, as_of="2024-06-01", estimator="kaplan-meier",
    )  # fmt: skip
    size = rt.experiments.retention_test_size
    made = holdout(400, draws, correlation=0.0, of=4.0)
    offer = rt.targeting.Offer(
        making=1, taking=10, success=0.3, stayers_taking=0.6, stayers_lost=0.01
    )
    return {
        "plot_effect": effect,
        "plot_power": pd.concat(
            [size(retention=0.8, difference=d, n=k) for d in (0.02, 0.05) for k in (900, 6000)]
        ),
        "plot_uplift": rt.experiments.uplift_curve(
            made, uplift="score", treated="offered", outcome="stayed", groups=10
        ),
        "plot_profit_curve": rt.targeting.profit_curve(
            made, offer=offer, value=200, time=12, seed=1, points=20
        ),
    }


@cache
def subscribed() -> dict[str, Any]:
    """When its subscribers leave, for which kind of reason, and what moved the revenue of plans."""
    plans = rt.contract_periods(company().contracts, freq="quarter", as_of="2024-12-31", by="plan")
    return {
        "plot_churn_by_tenure": rt.kpis.churn_by_tenure(
            spells(), bands=[0, 1, 3, 6, 12, 24], length="month"
        ),
        "plot_plan_waterfall": rt.kpis.plan_waterfall(plans),
        "plot_voluntary_churn": rt.kpis.voluntary_churn(
            spells(), freq="quarter", as_of="2024-12-31", convention="start_cohort",
            involuntary="moved", not_known="service",
        ),
    }  # fmt: skip


def followed_over_time() -> dict[str, Any]:
    """What is kept of its revenue, what moved it, its customers' states, and the lost come back."""
    return {
        "plot_revenue_retention": rt.net_revenue_retention(activity(), lag=1),
        "plot_movements": rt.revenue_movements(activity()),
        "plot_lifecycle": rt.lifecycle_states(activity(), lost_after=3),
        "plot_win_back": rt.kpis.win_back(activity(), lost_after=2),
    }


def beside_each_other() -> dict[str, Any]:
    """Rates of segments with what lies between them, and one over time in its usual band."""
    last = pd.DataFrame({"plan": NAMES[:4], "kept": [90, 60, 75, 80], "all": [100, 100, 90, 100]})
    asked = {"of": "plan", "count": "kept", "base": "all", "figure": "renewed"}
    months = pd.date_range("2022-01-01", periods=30, freq="MS")
    kept = [70 + i * 7 % 12 for i in range(30)]
    kept[20], kept[29] = 30, 99
    rates = pd.DataFrame({"period": months, "n_base": 100, "n_retained": kept})
    return {
        "plot_compared_rates": rt.benchmarks.compare_rates(last, better="higher", **asked),
        "plot_usual_band": rt.benchmarks.usual_band(rates, level=0.99, spread="overdispersed"),
    }


@cache
def outlook() -> pd.DataFrame:
    """Customers of the next quarters."""
    summary = rt.purchase_summary(company().orders, **SEEN)
    return rt.economics.expected_customers(
        summary, model=rt.repeat_buying.fit_mbg_nbd(summary), as_of="2024-12-31", freq="quarter",
        periods=6, acquired=40,
    )  # fmt: skip


@cache
def grouped() -> dict[str, Any]:
    """Its customers by how often they bought in two years, by state and value, and by plan."""
    orders, last = company().orders, "2024-12-31"
    cuts = rt.signals.rfm_cuts(orders, as_of="2023-12-31", window=365, bins=4)
    scored = [rt.signals.rfm_scores(orders, as_of=day, cuts=cuts) for day in ("2023-12-31", last)]
    often = [rows.assign(segment=rows["f"].astype(str)) for rows in scored]
    bought = rt.purchase_summary(orders, as_of="2023-12-31")
    values = orders.groupby("customer_id")["sales"].sum().rename("value").reset_index()
    lives = spells().drop_duplicates("customer_id")
    lives = lives.assign(long=lives["lasting"] > 0.6, churned=lives["churned"].astype(int))
    states = rt.signals.customer_states(activity(), lost_after=2, periods_ago=4)
    return {
        "plot_migrations": rt.signals.segment_migrations(*often),
        "expected": rt.signals.expected_migrations(
            rt.repeat_buying.fit_pareto_nbd(bought), days=365, cuts=cuts.f[0]
        ),
        "plot_profile": rt.signals.segment_profile(
            lives, segment="plan", columns=["duration", "x", "risk", "long", "reason"],
            defining="x",
        ).query("segment == 'Regular'"),
        "plot_segments": rt.signals.segment_matrix(
            states, rt.signals.value_tiers(values, of="customers"),
            outcomes=lives[["customer_id", "churned"]], values=values,
        ),
    }  # fmt: skip


@cache
def tables() -> dict[str, Any]:
    """A table for each plot, by the plot's name."""
    cut = {"as_of": "2024-12-31", "cut": "2023-12-31"}
    model = rt.repeat_buying.fit_bg_nbd(rt.purchase_summary(company().orders, as_of=cut["cut"]))
    cox = rt.fit_cox(spells(), covariates=["plan", "x"])
    tenure = rt.activity.tenure_periods(company().orders, as_of="2024-12-31", length="quarter")
    return {
        "plot_retention": rt.outcome_kpis(activity()),
        "plot_cohorts": rt.cohort_retention(activity()),
        "plot_cohort_curves": rt.kpis.average_retention(rt.cohort_retention(activity())),
        "plot_revenue_bridge": rt.revenue_movements(activity()),
        "plot_churn_bridge": rt.kpis.churn_bridge(activity("region"), by="region", overlap="main"),
        "plot_survival": rt.survival_curve(spells()),
        "plot_incidence": rt.survival.cumulative_incidence(spells()),
        "plot_predicted_reasons": rt.survival.predict_reasons(
            spells().head(4),
            model=rt.survival.fit_cause_specific(spells(), covariates=["plan", "x"]),
            times=[90, 180],
            given=None,
        ),
        "plot_coefficients": cox.coefficients(),
        "plot_calibration": rt.survival.calibration(
            spells(), survival="lasting", time=180, groups=5
        ),
        "plot_lift": rt.survival.lift(spells(), risk="risk", time=180, groups=5),
        "plot_reasons": rt.reason_summary(tags(), n_customers=300),
        "plot_reasons_by_segment": rt.reasons.reasons_by_segment(
            tags(), by="region", base="tagged"
        ),
        "plot_tracking": rt.repeat_buying.tracking_table(
            company().orders, model=model, **cut, freq="month"
        ),
        "plot_tenure_profit": rt.economics.profit_by_tenure(tenure),
        "plot_lifetime_profit": rt.economics.lifetime_profit(
            tenure, discount=0.1, acquisition_cost=45.0
        ),
        "plot_cohort_value": rt.economics.cohort_value(
            activity(), of="profit", acquisition_cost=45.0, washout=0
        ),
        "plot_levers": levers(),
        "plot_base_forecast": rt.economics.base_forecast(
            pd.DataFrame({"tenure": [0, 2, 5], "n_customers": [400, 200, 300]}),
            model=0.8,
            acquired=240,
            periods=12,
            length="year",
        ),
        "plot_outlook": outlook(),
        "plot_scan": scanned(),
        "plot_alarm_trade_off": judged()[0],
        "plot_leads": judged()[1],
        "plot_benchmarks": rt.benchmarks.compare_benchmark(
            rt.churn_rate(
                spells(), freq="year", as_of="2024-12-31", convention="start_cohort"
            ).tail(1),
            rt.benchmarks.published_benchmarks(),
            period="year",
        ),
        "plot_gaps": rt.gap_table(company().orders, as_of="2024-12-31", gaps=[30, 60, 90, 180]),
        "plot_active_customers": rt.kpis.active_customers(company().orders, freq="month", **SEEN),
        "plot_time_to_next_order": rt.kpis.time_to_next_order(
            company().orders, as_of="2024-12-31", orders=[1, 2, 3]
        ),
        **tested(),
        **beside_each_other(),
        **{name: table for name, table in grouped().items() if name != "expected"},
        **subscribed(),
        **followed_over_time(),
    }


def plot(name: str, table: Any = None, **options: Any) -> Axes:
    """Draw a table, by default the one above, on the axes of a figure that pyplot does not know."""
    figure = Figure(figsize=options.pop("size", (7.2, 4.4)), layout="constrained")
    shown = tables()[name] if table is None else table
    return getattr(rt.plots, name)(shown, ax=figure.subplots(), **options)


def words(ax: Axes) -> str:
    """All that can be read on a picture."""
    return "\n".join(said for said, _ in boxes(ax))


def boxes(ax: Axes) -> list[tuple[str, Any]]:
    """The words that are seen once the picture is laid out, and where they stand."""
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    unseen = {
        id(text)
        for part in (ax, *ax.child_axes)
        for axis in (part.xaxis, part.yaxis)
        for text in _beyond(axis)
    }
    every = [text for text in ax.findobj(Text) if id(text) not in unseen]
    seen = [text for text in every if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), Text.get_window_extent(text, renderer)) for text in seen]


def _beyond(axis: Any) -> list[Text]:
    """The labels of ticks beyond the ends of an axis, which are not drawn."""
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    return [text for at, text in ticks if not low - room <= at <= high + room]


def faults(ax: Axes) -> list[tuple[str, str]]:
    """The words that stand on others, by more than a point, or beyond the edge of the figure."""
    every = boxes(ax)
    paper = ax.get_figure().bbox.padded(1.0)
    return [
        *((said, "cut off") for said, b in every if not _within(b, paper)),
        *(
            (one, other)
            for (one, box), (other, beside) in combinations(every, 2)
            if box.padded(-1.0).overlaps(beside.padded(-1.0))
        ),
    ]


def _within(box: Any, paper: Any) -> bool:
    return bool(paper.contains(box.x0, box.y0) and paper.contains(box.x1, box.y1))


def ticks(ax: Axes, which: str) -> list[str]:
    """The words along an axis."""
    return [text.get_text() for text in (ax.xaxis if which == "x" else ax.yaxis).get_ticklabels()]


def squares(ax: Axes) -> tuple[PolyCollection, PolyCollection]:
    """The cells of a grid that are known, and the others."""
    known, blank = (c for c in ax.collections if isinstance(c, PolyCollection))
    return known, blank
