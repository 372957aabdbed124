"""The figures of arms: their counts and balance."""

from __future__ import annotations

from retention.catalogue.record import Figure

_MISMATCH = "Fabijan and others (2019), KDD 2019, 2156–2164; chi-squared: Pearson (1900)"
_BALANCE = "Austin (2009), Statistics in Medicine 28, 3083–3107"

ARM_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="observed_share",
        label="Share in an arm",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="O / n. O: customers, or clusters, in the arm; n: in all arms",
        made_by="sample_ratio",
        source=_MISMATCH,
    ),
    Figure(
        name="standardised_difference",
        label="Difference of arms before the experiment",
        unit="standard deviations",
        better="neither",
        low=None,
        high=None,
        formula="(m₁ − m₀) / √((s₁² + s₀²) / 2). m, s: mean and standard deviation of an arm",
        made_by="arm_balance",
        source=_BALANCE,
    ),
)
