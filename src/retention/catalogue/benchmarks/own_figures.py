"""The figures of one's own rates side by side and over time."""

from __future__ import annotations

from retention.catalogue.record import Figure

_LANEY = "Laney, D. B. (2002), Quality Engineering 14, 531–537"
_NEWCOMBE = "Newcombe, R. G. (1998), Statistics in Medicine 17, 873–890 (bounds)"
_MOVER = "Newcombe, R. G. (2016), Statistical Methods in Medical Research 25, 1774–1778 (bounds)"

OWN_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="rate_ratio",
        label="Ratio of two rates",
        unit="share of the other's",
        better="neither",
        low=0.0,
        high=None,
        formula="p / q, p: rate of the group; q: rate of the other",
        made_by="compare_rates",
        source=_MOVER,
        conventions=("of", "against"),
    ),
    Figure(
        name="usual_rate",
        label="Usual rate",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="Σ k / Σ n over the baseline; of the same place where there are seasons",
        made_by="usual_band",
        source=_LANEY,
        conventions=("baseline", "season"),
    ),
    Figure(
        name="dispersion",
        label="Dispersion of a rate",
        unit="standard errors",
        better="neither",
        low=0.0,
        high=None,
        formula=(
            "√(1 + τ² (1 + Σ n_i²/N²)/(p̂ (1 − p̂)(1/n + 1/N))); "
            "if below 1, mean |z_i − z_(i−1)|/1.128"
        ),
        made_by="usual_band",
        source=_LANEY,
        conventions=("spread", "season"),
    ),
    Figure(
        name="gain_points",
        label="Gain in retention",
        unit="difference of shares",
        better="higher",
        low=-1.0,
        high=1.0,
        formula="p1 − p0, p: retention of the later and of the earlier period",
        made_by="retention_gain",
        source=_NEWCOMBE,
        conventions=("apart",),
    ),
    Figure(
        name="gain_relative",
        label="Relative gain in retention",
        unit="share of 1",
        better="higher",
        low=-1.0,
        high=None,
        formula="p1 / p0 − 1, p: retention of the later and of the earlier period",
        made_by="retention_gain",
        source=_MOVER,
        conventions=("apart",),
    ),
    Figure(
        name="churn_relative",
        label="Relative change of churn",
        unit="share of 1",
        better="lower",
        low=-1.0,
        high=None,
        formula="(1 − p1) / (1 − p0) − 1, p: retention of the later and of the earlier period",
        made_by="retention_gain",
        source=_MOVER,
        conventions=("apart",),
    ),
)
