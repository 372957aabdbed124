"""The figures of our rates beside published ones."""

from __future__ import annotations

from retention.catalogue.record import Figure

_BRESLOW = (
    "Breslow and Day (1987), Statistical Methods in Cancer Research II, IARC, chapter 2; Byar's "
    "bounds"
)
_SYMBOLS = (
    "r, b: our churn and the benchmark's in a segment; n: our customers in it; W: its share of the "
    "benchmark's customers"
)

PUBLISHED_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="benchmark_rate",
        label="Churn of the benchmark",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula=f"as published, of a year where that is asked; by segment Σ W b. {_SYMBOLS}",
        made_by="compare_benchmark, standardised_churn",
        source="the source that the row names",
        conventions=("period",),
    ),
    Figure(
        name="standardised_rate",
        label="Churn at the benchmark's mix",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=None,
        formula=f"direct Σ W r; indirect Σ W b times Σ n r / Σ n b. {_SYMBOLS}",
        made_by="standardised_churn",
        source=_BRESLOW,
        conventions=("method",),
    ),
    Figure(
        name="churn_ratio",
        label="Churn as a multiple of the benchmark's",
        unit="times",
        better="lower",
        low=0.0,
        high=None,
        formula=f"direct Σ W r / Σ W b; indirect Σ n r / Σ n b, lost over expected. {_SYMBOLS}",
        made_by="standardised_churn",
        source=_BRESLOW,
        conventions=("method",),
    ),
)
