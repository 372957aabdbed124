"""The figures of what customers say."""

from __future__ import annotations

from retention.catalogue.record import Figure

_BUTTLE = "Buttle and Maklan (2019), Customer Relationship Management, 4th ed."
_REICHHELD = "Reichheld (2003), The one number you need to grow, Harvard Business Review 81(12)"
_EAST = "East, Hammond and Lomax (2008), International Journal of Research in Marketing 25"
_MAKERS = "voice_kpis, voice_by_outcome"


def _mean_figure(name: str, label: str) -> Figure:
    return Figure(
        name=name,
        label=label,
        unit="points of the scale",
        better="higher",
        low=None,
        high=None,
        formula="Σ answers / number of answers",
        made_by=_MAKERS,
        conventions=("repeated",),
        source=_BUTTLE,
    )


def _share_figure(
    name: str,
    label: str,
    formula: str,
    source: str,
    *,
    good: bool = True,
    conventions: tuple[str, ...] = ("repeated",),
) -> Figure:
    return Figure(
        name=name,
        label=label,
        unit="share of 1",
        better="higher" if good else "lower",
        low=0.0,
        high=1.0,
        formula=formula,
        made_by=_MAKERS,
        conventions=conventions,
        source=source,
    )


VOICE_FIGURES: tuple[Figure, ...] = (
    _mean_figure("satisfaction", "Satisfaction"),
    _share_figure(
        "satisfied_share",
        "Share fully satisfied",
        "answers at the best end of the scale, the top_boxes best / answers",
        "Jones and Sasser (1995), Why satisfied customers defect, Harvard Business Review 73(6)",
        conventions=("repeated", "top_boxes"),
    ),
    Figure(
        name="net_promoter_score",
        label="Net promoter score",
        unit="difference of shares",
        better="higher",
        low=-1.0,
        high=1.0,
        formula="(answers of 9 or 10 − answers of 0 to 6) / answers",
        made_by=_MAKERS,
        conventions=("repeated",),
        source=_REICHHELD,
    ),
    _share_figure("promoter_share", "Promoters", "answers of 9 or 10 / answers", _REICHHELD),
    _share_figure(
        "detractor_share", "Detractors", "answers of 0 to 6 / answers", _REICHHELD, good=False
    ),
    _mean_figure("value_for_money", "Value for money"),
    _mean_figure("repeat_intention", "Repeat intention"),
    _share_figure(
        "positive_word_of_mouth", "Positive word of mouth", "spoke well of us / answers", _EAST
    ),
    _share_figure(
        "negative_word_of_mouth",
        "Negative word of mouth",
        "spoke ill of us / answers",
        _EAST,
        good=False,
    ),
    Figure(
        name="response_share",
        label="Response share",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula="answered any question / asked",
        made_by="voice_kpis, voice_by_outcome, repeat_behaviour",
        conventions=("repeated",),
        source="practice of survey research",
    ),
    Figure(
        name="repeat_share",
        label="Bought again",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=(
            "customers who bought within so many days after their first answer / customers who "
            "gave it and were observed that long"
        ),
        made_by="repeat_behaviour",
        conventions=("within", "observed_from"),
        source="after Juster (1966), Journal of the American Statistical Association 61",
    ),
    Figure(
        name="market_share",
        label="Market share",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula="Σ our sales / sales of the whole market; of a forecast: customers, not sales",
        made_by="market_share, base_forecast",
        source=_BUTTLE,
    ),
)
