"""A report one would forward: sections of findings, as one HTML file or as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.report.asked.presentation import Presentation as Presentation
    from retention.report.report import Report as Report
    from retention.report.report import retention_report as retention_report

_HOMES = {
    "Presentation": "asked.presentation",
    "Report": "report",
    "retention_report": "report",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
