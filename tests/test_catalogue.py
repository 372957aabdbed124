"""The catalogue: every figure a function gives is in it, and its range and direction are true."""

from __future__ import annotations

import numpy as np
import pytest

import retention as rt


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
        rt.net_revenue_retention(activity, horizon=4),
        rt.gross_revenue_retention(activity, horizon=4),
        rt.logo_churn(activity, horizon=4),
        rt.quick_ratio(activity),
        rt.cohort_retention(activity),
        rt.win_back(activity, lost_after=2),
    ]
    return [*outcome, *revenue, *survival_answers(company)]


def survival_answers(company):
    """All figures of lifetimes, their models and scores."""
    spells = rt.purchase_spells(company.orders, gap=120, as_of="2024-12-31", keep="region")
    spells["reason"] = np.where(spells["spell"] == 1, "price", "rival")
    curve = rt.survival_curve(spells)
    model = rt.fit_cox(spells, covariates="region")
    running = spells[~spells["churned"]].rename(columns={"duration": "tenure"})
    scored = rt.with_predictions(model, spells, times=180)
    return [
        rt.cumulative_hazard(spells),
        curve,
        rt.median_lifetime(curve),
        rt.restricted_mean(curve, horizon=365),
        rt.cumulative_incidence(spells),
        rt.cause_removed(spells),
        rt.predict_churn(model, running, within=90),
        rt.expected_remaining_lifetime(model, running, horizon=90),
        rt.concordance(scored),
        rt.time_dependent_auc(scored, times=[180]),
        rt.brier_score(scored, survival={180: "survival_180"}),
        rt.lift(scored, time=180),
    ]


@pytest.mark.parametrize("figure", rt.FIGURES, ids=lambda figure: figure.name)
def test_each_figure_is_a_column_within_its_range(answers, figure):
    """A figure's values keep to the range the catalogue states."""
    table = next(answer for answer in answers if figure.name in answer)
    values = table[figure.name].to_numpy(float)
    values = values[np.isfinite(values)]
    assert values.size
    assert figure.low is None or (values >= figure.low).all()
    assert figure.high is None or (values <= figure.high).all()


@pytest.mark.parametrize("figure", rt.FIGURES, ids=lambda figure: figure.name)
def test_each_record_says_what_a_reader_needs(figure):
    """Label, unit, formula, source and a function that exists."""
    assert figure.label
    assert figure.unit
    assert figure.formula
    assert figure.source
    for name in figure.made_by.split(", "):
        assert callable(getattr(rt, name))


def test_where_everyone_stays_the_figures_reach_their_best():
    """Better "higher" reaches 1 and better "lower" reaches 0 when nobody leaves."""
    from shops import everyone_stays

    frame = everyone_stays().assign(profit=2.0)
    kpis = rt.outcome_kpis(rt.customer_periods(frame, freq="month", as_of="2024-02-29"))
    for figure in rt.FIGURES:
        if figure.name in kpis:
            best = 1.0 if figure.better == "higher" else 0.0
            assert kpis[figure.name].tolist() == [best]


def test_names_are_told_apart():
    """No two records share a name."""
    names = [figure.name for figure in rt.FIGURES]
    assert len(set(names)) == len(names)


def test_an_unknown_figure_is_refused_with_the_nearest():
    """A slip of the pen gets a hint."""
    with pytest.raises(rt.ColumnError, match="Did you mean 'retention_rate'"):
        rt.figure("retention rates")
