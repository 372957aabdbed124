"""Benchmarks: a rate beside others, published ones and our own, and whether they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
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
    "published_benchmarks": "published.published_benchmarks",
    "standardised_churn": "published.standardised_churn",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
