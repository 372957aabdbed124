"""The figures of how customers are served, and what it costs to keep them."""

from __future__ import annotations

from typing import Literal

from retention.catalogue.record import Figure

_PROCESS = "Buttle (2009), Customer Relationship Management, 2nd ed., ch. 9: process KPIs"
_COSTS = (
    "Buttle and Maklan (2019), Customer Relationship Management, 4th ed., for the idea of cost "
    "KPIs and of cost to serve; the quotients and rules are practice"
)
_WAITING = "S(h): share that waits longer than h hours, by Kaplan and Meier (1958), JASA 53"
_SPENT = (
    "C: costs of a kind in a period; B: customers active in it; R: those of B active lag periods "
    "later"
)


def _process_figure(name: str, label: str, formula: str, made_by: str = "service_kpis") -> Figure:
    return Figure(
        name=name,
        label=label,
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=formula,
        made_by=made_by,
        source=_PROCESS,
        conventions=("targets",) if "t)" in formula else (),
    )


def _wait_figure(name: str, label: str, formula: str) -> Figure:
    return Figure(
        name=name,
        label=label,
        unit="hours",
        better="lower",
        low=0.0,
        high=None,
        formula=f"{formula}. {_WAITING}",
        made_by="service_kpis",
        source=_PROCESS,
    )


def _cost_figure(
    name: str,
    label: str,
    formula: str,
    *,
    better: Literal["higher", "lower", "neither"] = "lower",
    unit: str = "currency",
    made_by: str = "cost_kpis",
) -> Figure:
    return Figure(
        name=name,
        label=label,
        unit=unit,
        better=better,
        low=None,
        high=None,
        formula=formula,
        made_by=made_by,
        source=_COSTS,
        conventions=("of", "lag") if made_by == "cost_kpis" else ("of", "allocation", "within"),
    )


OPERATION_FIGURES: tuple[Figure, ...] = (
    _process_figure(
        "first_response", "Answered within the target", f"1 − S(t), t: target. {_WAITING}"
    ),
    _process_figure("resolution", "Solved within the target", f"1 − S(t), t: target. {_WAITING}"),
    _process_figure("right_first_time", "Right first time", "right at first / answered and known"),
    _process_figure("parts_available", "Parts available", "parts at hand / answered and known"),
    _process_figure(
        "availability",
        "Availability of service",
        "1 − hours down / hours of service",
        made_by="service_availability",
    ),
    _wait_figure("median_hours", "Median time to answer or solve", "the first h with S(h) ≤ 0.5"),
    _wait_figure(
        "p90_hours", "Time within which nine in ten are done", "the first h with S(h) ≤ 0.1"
    ),
    _cost_figure("cost_per_customer", "Cost per customer", f"C / |B|. {_SPENT}"),
    _cost_figure("cost_per_customer_retained", "Cost per customer retained", f"C / |R|. {_SPENT}"),
    _cost_figure(
        "retention_cost_share",
        "Share of the retention cost",
        "C of a kind / C of all kinds in `of`",
        better="neither",
        unit="share of 1",
    ),
    _cost_figure("cost_to_sales", "Cost to sales", f"C / net sales. {_SPENT}", unit="share of 1"),
    _cost_figure(
        "cost_to_serve",
        "Cost to serve",
        "D + S · w / Σ w. D: the customer's own costs; S: costs shared in the period; w: the "
        "customer's weight by the rule",
        made_by="cost_to_serve",
    ),
    _cost_figure(
        "profit_after_cost_to_serve",
        "Profit after cost to serve",
        "profit − cost to serve",
        better="higher",
        made_by="cost_to_serve",
    ),
)
