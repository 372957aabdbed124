"""The figures of planning a test and of looking at it early."""

from __future__ import annotations

from retention.catalogue.record import Figure

_SIZES = "retention_test_size, survival_test_size, profit_test_size"
_FLEISS = (
    "Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, ch. 4; "
    "Schoenfeld (1983), Biometrics 39, 499–503"
)
_LAN_DEMETS = "Lan and DeMets (1983), Biometrika 70, 659–663"

PLAN_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="power",
        label="Power of a test",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula="Φ((|Δ| √n − z √V₀) / √V₁). Δ: the effect; V₀, V₁: n times the variance of its "
        "estimate without it and with it; z: quantile of the level",
        made_by=_SIZES,
        source=_FLEISS,
        conventions=("level", "shares", "test"),
    ),
    Figure(
        name="n_events",
        label="Customers expected to leave in a test",
        unit="customers",
        better="neither",
        low=0.0,
        high=None,
        formula="Σ over arms of n times the chance that a customer's end is seen",
        made_by="retention_test_size, survival_test_size",
        source=_FLEISS,
    ),
    Figure(
        name="hazard_ratio",
        label="Hazard ratio",
        unit="offer over control",
        better="lower",
        low=0.0,
        high=None,
        formula="log S₁(t) / log S₀(t), the same at all t. S₁, S₀: share still here with and "
        "without the offer",
        made_by="survival_test_size",
        source="Schoenfeld (1983), Biometrics 39, 499–503",
    ),
    Figure(
        name="design_effect",
        label="Customers in clusters for one alone",
        unit="customers a customer",
        better="lower",
        low=1.0,
        high=None,
        formula="1 + (m − 1) ρ. m: customers of a cluster; ρ: correlation of two of them",
        made_by=_SIZES,
        source="Donner and Klar (2000), Design and Analysis of Cluster Randomization Trials, ch. 5",
        conventions=("cluster_size", "icc"),
    ),
    Figure(
        name="spent",
        label="Chance of a false alarm spent by a look",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="on each side 2 − 2 Φ(z / √t), or a log(1 + (e − 1) t). t: share of the "
        "information; a: chance of a false alarm on that side; z: quantile of 1 − a/2",
        made_by="look_bounds",
        source=_LAN_DEMETS,
        conventions=("level", "spending", "sides"),
    ),
    Figure(
        name="plain_alarm",
        label="Chance of a false alarm by a look if each is read plainly",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="P(|Z| of some look so far is beyond the quantile of a single one), without effect",
        made_by="look_bounds",
        source="Armitage, McPherson and Rowe (1969), Journal of the Royal Statistical Society A "
        "132, 235–244",
        conventions=("level", "sides"),
    ),
)
