"""The figures of effects."""

from __future__ import annotations

from retention.catalogue.record import Figure

_COMPARED = "Zou and Donner (2008), Statistics in Medicine 27, 1693–1702"

EFFECT_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="retention",
        label="Share still here at the horizon",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula="S(h): Π over u ≤ h of (1 − d_u/Y_u), or of those followed for h days the share "
        "still here. h: days since the assignment; d_u: left on day u; Y_u: at risk on it",
        made_by="retention_effect",
        source="Kaplan and Meier (1958), Journal of the American Statistical Association 53; "
        "Newcombe (1998), Statistics in Medicine 17, 873–890",
        conventions=("estimator", "clock"),
    ),
    Figure(
        name="relative",
        label="Effect relative to the control",
        unit="share of the control's",
        better="neither",
        low=None,
        high=None,
        formula="figure of the arm / that of the control − 1",
        made_by="retention_effect, lifetime_effect, profit_effect",
        source=_COMPARED,
    ),
    Figure(
        name="p_interaction",
        label="Chance that an arm does the same in all segments",
        unit="p-value",
        better="neither",
        low=0.0,
        high=1.0,
        formula="of Q = Σ (d − d̄)²/se², chi-squared on one degree less than segments. d, se: "
        "difference of a segment and its standard error; d̄: mean weighted by 1/se²",
        made_by="retention_effect, lifetime_effect, profit_effect",
        source="Cochran (1954), Biometrics 10, 101–129",
    ),
    Figure(
        name="sample_ratio_p",
        label="Chance of arms so far from their planned sizes",
        unit="p-value",
        better="neither",
        low=0.0,
        high=1.0,
        formula="of χ² = Σ (O − n s)² / (n s) over the arms. O: in the arm; n: in all; s: planned",
        made_by="retention_effect, lifetime_effect, profit_effect",
        source="Fabijan and others (2019), KDD 2019, 2156–2164",
    ),
    Figure(
        name="variance_left",
        label="Variance that what came before leaves",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=None,
        formula="variance of the difference with a slope on what came before in each arm, over "
        "that without",
        made_by="profit_effect",
        source="Lin (2013), Annals of Applied Statistics 7, 295–318",
        conventions=("before",),
    ),
)
