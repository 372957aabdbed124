"""A goal for raw retention, beside the figure and no louder than its bounds allow."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING

from retention.catalogue import figure
from retention.errors import RetentionError
from retention.findings.changes import Rate
from retention.wording import percent

if TYPE_CHECKING:
    from retention.report.material import Material
    from retention.report.parts import Section

_RATE = "retention_rate"


def goal_of_target(target: object) -> float | None:
    """The goal that was said, a share of 1.

    Raises:
        RetentionError: if it is none.
    """
    if target is None:
        return None
    if isinstance(target, bool) or not isinstance(target, Real) or not 0 < float(target) <= 1:
        raise RetentionError(
            "`target=` is the least share of customers to be kept from one period to the next, "
            f"such as 0.8; got {target!r}."
        )
    return float(target)


def section_with_goal(one: Section, material: Material, goal: float) -> Section:
    """The headline with the goal in its finding and its tile; other sections as they are."""
    if one.key != "headline" or not material.kpis:
        return one
    rate, label = Rate.of(material.kpis[-1], _RATE), figure(_RATE).label
    met = _goal_in_words(rate, goal)
    cards = tuple(
        replace(card, told=f"{card.told}; goal {percent(goal)}: {met}")
        if card.label == label
        else card
        for card in one.cards
    )
    finding = f"{one.finding} The goal of {percent(goal)} is {met}."
    return replace(one, finding=finding, cards=cards)


def _goal_in_words(rate: Rate, goal: float) -> str:
    """Whether it is met for sure, missed for sure, or nobody can tell."""
    if rate.value is None or rate.lower is None or rate.upper is None:
        return "not to be judged: too few customers"
    if rate.lower >= goal:
        return "met"
    if rate.upper < goal:
        return "missed"
    return "met, if only just" if rate.value >= goal else "not met, which may be chance"
