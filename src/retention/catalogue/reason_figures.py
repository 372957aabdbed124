"""The figures of why customers leave: how reasons differ by segment, how well they were found."""

from __future__ import annotations

from retention.catalogue.record import Figure

_COUNTS = "n_both: notes with the category in tags and labels alike"
_RIJSBERGEN = "van Rijsbergen, C. J. (1979), Information Retrieval, 2nd ed., chapter 7"


_AFTER = (
    "F(t): 1 − Kaplan–Meier of the days from an alarm to the end, alarms not followed to the "
    "horizon H censored"
)
_LOST = "losses: spells that ended H days or more after observed_from"


def _agreement_figure(
    name: str, label: str, formula: str, *, source: str = _RIJSBERGEN, of_alarms: str = ""
) -> Figure:
    """A figure of tags against labels, and of alarms against ends where it has one name of both."""
    also = f"; of alarms {of_alarms}" if of_alarms else ""
    return Figure(
        name=name,
        label=label,
        unit="share of 1",
        better="higher",
        low=-1.0 if name == "kappa" else 0.0,
        high=1.0,
        formula=f"{formula}. {_COUNTS}{also}",
        made_by="reason_agreement, alarm_kpis, alarm_trade_off"
        if of_alarms
        else "reason_agreement",
        source=source,
        conventions=("horizon", "least") if of_alarms else (),
    )


REASON_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="cramers_v",
        label="Cramér's V of a reason over segments",
        unit="0 to 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="√(χ² / n), of the table of segments by named or not",
        made_by="reasons_by_segment",
        source="Cramér, H. (1946), Mathematical Methods of Statistics, section 21.9",
        conventions=("base",),
    ),
    _agreement_figure(
        "precision",
        "Precision",
        "n_both / n_tagged",
        of_alarms=f"F(H) − F(least − 1), the share right in time. {_AFTER}",
    ),
    _agreement_figure(
        "recall",
        "Recall",
        "n_both / n_labelled",
        of_alarms=f"losses with an alarm from H to least days before / losses. {_LOST}",
    ),
    _agreement_figure("f1", "F1 of tags", "2 · n_both / (n_tagged + n_labelled)"),
    _agreement_figure(
        "kappa",
        "Cohen's kappa of tags and labels",
        "(agreement − agreement by chance) / (1 − agreement by chance)",
        source="Cohen, J. (1960), Educational and Psychological Measurement 20, 37–46",
    ),
)
