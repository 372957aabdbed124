"""Benchmarks: a rate beside others, published ones and our own, and whether they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.benchmarks.own.compared_rates import compare_rates as compare_rates
    from retention.benchmarks.own.retention_gain import retention_gain as retention_gain
    from retention.benchmarks.own.usual_band import usual_band as usual_band
    from retention.benchmarks.published.compare_benchmark import (
        compare_benchmark as compare_benchmark,
    )
    from retention.benchmarks.published.published_benchmarks import (
        published_benchmarks as published_benchmarks,
    )
    from retention.benchmarks.published.standardised_churn import (
        standardised_churn as standardised_churn,
    )

_HOMES: dict[str, str] = {
    "compare_benchmark": "published.compare_benchmark",
    "compare_rates": "own.compared_rates",
    "published_benchmarks": "published.published_benchmarks",
    "retention_gain": "own.retention_gain",
    "standardised_churn": "published.standardised_churn",
    "usual_band": "own.usual_band",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
