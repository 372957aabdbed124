"""retention_elasticity: printed figures, formulas, value moved by a little, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from renewers import CASE_1, CASE_2, HIGH_END, YEARS, model_with

FAR = {"horizon": 2000, **YEARS}


def elasticity(model, **asked):
    """The table in pandas."""
    return rt.economics.retention_elasticity(model, **{**FAR, **asked})


def test_four_answers_differ():
    """High end 7.578, 5.923, 4.412; case 2 as printed (.067, .267) 10.379, 7.973, 3.659."""
    for theta, figures in [
        ((0.668, 3.806), [7.578, 5.923, 4.412]),
        ((0.067, 0.267), [10.379, 7.973, 3.659]),
    ]:
        found = elasticity(model_with(*theta)).iloc[0]
        named = found[["of_base", "of_customers", "one_rate"]].astype(float)
        assert named.round(3).tolist() == figures
    found = elasticity(model_with(0.668, 3.806))["share_at_limit"][0]
    assert round(found, 3) == 0.119
    assert round(elasticity(model_with(*CASE_2))["share_at_limit"][0], 1) == 0.6


def test_formulas_without_a_horizon_are_those_of_fader_and_hardie_2010():
    """Equation 8, ₂F₁(1, b + n; a + b + n; v), and (1 + d) / (1 + d − r)."""
    from scipy.special import hyp2f1

    n = np.arange(5)
    for a, b in (HIGH_END, CASE_1, CASE_2):
        found = elasticity(model_with(a, b), tenure=n.tolist())
        np.testing.assert_allclose(
            found["of_customers"], hyp2f1(1, b + n, a + b + n, 1 / 1.1), rtol=1e-8
        )
        rate = (b + n) / (a + b + n)
        np.testing.assert_allclose(found["one_rate"], 1.1 / (1.1 - rate), rtol=1e-12)
        assert found["tenure"].tolist() == n.tolist()


def test_two_million_customers_who_are_drawn_say_the_same():
    """Values of customers with 1 % more, in a base without those who cannot have it."""
    rng = np.random.default_rng(1)
    stays = 1 - rng.beta(*HIGH_END, 200_000)
    found = elasticity(model_with(*HIGH_END)).iloc[0]

    def worth(r):
        return r / (1 - r / 1.1)

    step = 1e-6
    moved = (worth(stays * (1 + step)).mean() / worth(stays).mean() - 1) / step
    assert moved == pytest.approx(found["of_base"], rel=5e-3)
    assert (1 / (1 - stays / 1.1)).mean() == pytest.approx(found["of_customers"], rel=5e-3)
    less = (worth(1 - (1 - stays) * (1 + step)).mean() / worth(stays).mean() - 1) / step
    assert less == pytest.approx(found["of_churn"], rel=2e-2)
    assert (stays > 1 / 1.01).mean() == pytest.approx(found["share_at_limit"], abs=3e-3)


@settings(max_examples=at_most(8))
@given(
    a=st.floats(0.2, 20), b=st.floats(0.2, 20), c=st.sampled_from([None, 0.8, 1.3]),
    horizon=st.integers(1, 30), discount=st.sampled_from([0, 0.1]),
)  # fmt: skip
def test_is_the_change_of_value_where_retention_or_churn_is_moved_a_little(
    a, b, c, horizon, discount
):
    """Renewal rates times 1 + ε; everyone's θ times c, by the lever "customers"."""
    model = model_with(*((a, b) if c is None else (a, b, c)))
    asked = {"length": "year", "discount": discount, "horizon": horizon}
    found = elasticity(model, **asked).iloc[0]
    kept = model.survival(range(1, horizon + 1))["survival"].to_numpy()
    steps = np.arange(1, horizon + 1)
    counts = (1 + discount) ** -(steps - 1.0)
    step = 1e-6
    moved = (counts @ (kept * (1 + step) ** steps) / (counts @ kept) - 1) / step
    assert found["of_base"] == pytest.approx(moved, rel=1e-4)
    cut = rt.economics.value_of_retention(
        model, lever="customers", churn_cut=1e-5, profit=1, timing="renewal", **asked
    )
    assert found["of_churn"] == pytest.approx(-cut["gain_share"][0] / 1e-5, rel=1e-3)
    assert found["of_churn"] <= 0
    assert 1 - 1e-9 <= found["of_customers"] <= found["of_base"] + 1e-9


def test_parameters_at_their_limits_give_numbers():
    """Customers who hardly differ, who differ most, and powers beyond what numbers hold."""
    alike = elasticity(model_with(1e6, 9e6)).iloc[0]
    assert alike["of_base"] == pytest.approx(alike["one_rate"], rel=1e-5)
    assert alike["of_customers"] == pytest.approx(alike["one_rate"], rel=1e-5)
    for theta in ((1e-8, 1e-9), (0.3, 2.0, 90.0), (1e-6, 1e6), (1e6, 9e6), (1e9, 2e10)):
        assert np.isfinite(elasticity(model_with(*theta), horizon=40)["of_customers"]).all()
        for lever in ("customers", "once"):
            found = rt.economics.value_of_retention(
                model_with(*theta), lever=lever, churn_cut=0.5, profit=1, horizon=40, timing="end",
                **YEARS,
            )  # fmt: skip
            assert np.isfinite(found["gain"]).all()


def test_of_customers_agrees_with_a_grid_of_chances_after_some_renewals():
    """In the Weibull model, of those with two renewals behind and five ahead."""
    a, b, c = 1.5, 3.0, 1.4
    chance = ((np.arange(200_000) + 0.5) / 200_000) ** (1 / a)
    weight = (1 - chance) ** (b - 1 + 2**c)
    ahead = [(2 + k) ** c - 2**c for k in range(1, 6)]
    terms = [1.1 ** -(k - 1) * (1 - chance) ** m for k, m in enumerate(ahead, start=1)]
    own = sum(k * t for k, t in enumerate(terms, start=1)) / sum(terms)
    found = elasticity(model_with(a, b, c), tenure=2, horizon=5)["of_customers"][0]
    assert found == pytest.approx((own * weight).sum() / weight.sum(), rel=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": pd.DataFrame()},
            "got pandas.DataFrame. Fit one, as in model = fit_beta_geometric",
        ),
        ({"model": 0.9}, "model must come from fit_beta_geometric or fit_beta_discrete_weibull"),
        ({"tenure": -1}, "tenure must be whole numbers from 0"),
        ({"horizon": 0}, "horizon must be a whole number"),
        ({"discount": None}, "discount is an effective rate"),
        ({"length": "x"}, "length is how long a period is"),
    ],
)
def test_refusals(change, message):
    """What cannot be asked is said in the user's words."""
    asked = {"model": model_with(*HIGH_END), **change}
    with pytest.raises(rt.RetentionError, match=message):
        elasticity(**asked)
