"""Customer retention and churn analytics, as pure functions over DataFrames.

    import retention as rt

Importing costs nothing: a name loads the file that holds it on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retention.activity.purchases import customer_periods as customer_periods
    from retention.errors import ColumnError as ColumnError
    from retention.errors import ContentError as ContentError
    from retention.errors import RetentionError as RetentionError
    from retention.errors import RetentionWarning as RetentionWarning
    from retention.errors import TableError as TableError
    from retention.kpis.outcome import retention_rate as retention_rate

_HOMES = {
    "ColumnError": "errors",
    "ContentError": "errors",
    "RetentionError": "errors",
    "RetentionWarning": "errors",
    "TableError": "errors",
    "customer_periods": "activity.purchases",
    "retention_rate": "kpis.outcome",
}

__all__ = sorted([*_HOMES, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("retention-analytics")
    if name not in _HOMES:
        raise AttributeError(f"module 'retention' has no attribute {name!r}")
    value = getattr(import_module(f"retention.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
