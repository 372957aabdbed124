"""The door of reports: a checked table in, a report to forward out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retention import periods
from retention.errors import (
    RetentionError,
    RetentionWarning,
    check_choice,
    discount_a_year,
    warn,
    whole_number,
)
from retention.report import markdown, page
from retention.report.material import Asked, Material, material_of_report, segments_as_tuple
from retention.report.sections.basis import definitions_section, what_was_read_section
from retention.report.sections.came import came_section
from retention.report.sections.headline import headline_section, three_rates_section
from retention.report.sections.lasting import cohorts_section, how_long_section
from retention.report.sections.losses import where_lost_section
from retention.report.sections.reasons import why_left_section
from retention.report.sections.risk import at_risk_section
from retention.report.sections.tested import tested_section
from retention.report.sections.trade.cohort_money import value_section
from retention.report.sections.trade.recurring import recurring_section
from retention.report.sections.warned import warned_section
from retention.report.sections.worth import worth_section
from retention.wording import day

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from retention.report.parts import Section


REPORTS = (".html", ".htm", ".md")
"""How the file of a report may end."""


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A report, as `retention_report` makes it.

    Attributes:
        title: what stands above it.
        subtitle: what it is of.
        sections: its parts: a heading, one sentence of finding, cards, pictures, tables, notes.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    def to_html(self) -> str:
        """One HTML page that needs nothing else."""
        return page.whole_page(self.title, self.subtitle, self.sections)

    def to_markdown(self) -> str:
        """Markdown, with the pictures in words."""
        return markdown.report_in_markdown(self.title, self.subtitle, self.sections)

    def save(self, path: str | Path) -> None:
        """Write it as HTML (.html, .htm) or Markdown (.md).

        Raises:
            RetentionError: if the file's ending is another one.
        """
        file = Path(path)
        if file.suffix.lower() not in REPORTS:
            raise RetentionError(f"A report ends in .html or .md; got {str(path)!r}.")
        whole = self.to_markdown() if file.suffix.lower() == ".md" else self.to_html()
        file.write_text(whole, encoding="utf-8", newline="")

    def __repr__(self) -> str:
        lines = [f"- {one.finding}" for one in self.sections if one.key != "definitions"]
        return "\n".join([f"{self.title}: {self.subtitle}", *lines])

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that the styles of notebook and report stay apart."""
        return (
            f'<iframe title="{escape(self.title)}" sandbox="" srcdoc="{escape(self.to_html())}" '
            'style="width:100%;height:48rem;border:1px solid #ccc"></iframe>'
        )


def retention_report(  # noqa: PLR0913 - a door
    table: Any,
    *,
    as_of: date | str,
    freq: periods.Freq,
    by: str | Sequence[str] = (),
    notes: Any = None,
    alarms: Any = None,
    assignment: Any = None,
    control: str = "control",
    gap: int | None = None,
    observed_from: date | str | None = None,
    history: Literal["whole", "cut"] = "whole",
    title: str = "Customer retention",
    min_customers: int = 10,
    at_risk: int = 20,
    level: float = 0.95,
    pictures: bool = True,
    discount: float = 0.0,
) -> Report:
    """How many customers are kept, where and why others are lost, who may be next: to be forwarded.

    Each part opens with one sentence of what was found, computed, and no louder than the bounds
    allow: where they leave a change open, it says "no clear change". A table with `start` and no
    `date` is of contracts; any other is of order lines.

    Latest is the last base period, whose customers' next period was observed whole. It is compared
    with the same period a year before; where that was not observed, with the period before. The
    bounds of a change are made from those of the two rates (see Zou and Donner); they take the two
    periods' customers for different people.

    Who is at risk: with orders, who is not yet lost and by `churn_score` more likely than not to
    buy nothing in the next 90 days; at stake is that chance times the sales of the last 12 months.
    With contracts, the chance to leave within 90 days, by `conditional_survival` at each customer's
    own tenure, and the sales at stake.

    What a customer is worth, where the file knows profit: `lifetime_profit`, and what five points
    more retention would add (`value_of_retention`), by three readings of it.

    Args:
        table: from `as_transactions` or `as_contracts`, or what an `audit` of one of these found:
            then the report tells what was set aside.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        freq: length of a period: "day", "week", "month", "quarter", "year", or a `Calendar`.
        by: segment columns of the table. The churn bridge is drawn for the first one.
        notes: what customers wrote when they left: a table with `text`, and `customer_id` where
            known; or one from `tag_reasons` or `map_reason_codes`. Notes after `as_of` are left
            out where there is a `date`. Their words are not shown.
        alarms: days on which signals rang, from `ring_alarms` or your own: `customer_id`, `date`,
            `signal`. The report then tells what each was worth (`alarm_kpis`) and how early it rang
            (`alarm_leads`), beside chance.
        assignment: who was in which arm of a test, from `assign_arms` or `as_assignment`. The
            report then tells how many more stayed than in the control (`retention_effect`, by
            Kaplan–Meier, 90 days on; of orders that and the gap), and with orders what customers
            brought in 90 days (`profit_effect`).
        control: the arm with which the others are compared.
        gap: days of silence after which a customer counts as lost. Default for orders: the first
            of 30, 45, 60 … 730 days of which at most one in four called lost came back within a
            year (`gap_table`), which the report tells. Of contracts, the longest pause that ends
            no relationship; default 0.
        observed_from: the first observed day; default: the first day in the table.
        history: "whole" if the table holds everything since the firm began, "cut" if older orders
            or contracts are missing: how long customers stay is then seen with late entry.
        title: what stands above it.
        min_customers: segments, cohorts and reasons of fewer customers are not shown; small
            segments stand together, and never one alone that could be told from the total.
        at_risk: how many customers at risk are listed by name, with most at stake first; 0: none.
        level: confidence of all bounds.
        pictures: whether there are any.
        discount: effective rate a year, such as 0.1, of what customers are worth; nothing is
            discounted by default, and the report says so.

    Returns:
        A `Report`: `to_html()`, `to_markdown()`, `save(path)`; in a notebook it shows itself. The
        same input gives the same bytes.

    Raises:
        RetentionError: if a keyword is none of its values.
        ColumnError: if the table is of neither kind, or `by` names no column of it.
        ContentError: if no whole period was observed.

    Warns:
        RetentionWarning: what the library warns of, which stands in the report too.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
        ...     "sales": [10.0, 30.0, 20.0],
        ... })
        >>> say = {"as_of": "2024-02-29", "freq": "month"}
        >>> report = rt.retention_report(orders, **say, gap=30, pictures=False)
        >>> report.sections[0].finding
        'Of the 2 customers of Jan 2024, 1 (50.0%) were kept: no change can be told.'

    Source:
        Zou, G. Y. and Donner, A. (2008), Statistics in Medicine 27, 1693–1702, for the bounds of a
        change; the figures have their sources in the report itself.
    """
    _refuse_wrong_settings(freq, history, (min_customers, at_risk), gap)
    asked = Asked(
        as_of=periods.as_day(as_of, argument="as_of"),
        observed_from=None
        if observed_from is None
        else periods.as_day(observed_from, argument="observed_from"),
        history=history,
        freq=freq,
        by=segments_as_tuple(by),
        gap=gap,
        min_customers=min_customers,
        at_risk=at_risk,
        level=level,
        pictures=pictures,
        discount=discount_a_year(discount),
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RetentionWarning)
        made = material_of_report(table, asked, notes, alarms, assignment, control)
        report = report_of_material(made, title)
    return _report_with_warnings(report, caught)


def _warnings_once(told: Iterable[tuple[str, type[Warning]]]) -> list[tuple[str, type[Warning]]]:
    """Warnings without those that say the same, whatever each figure makes of it."""
    found: dict[str, tuple[str, type[Warning]]] = {}
    for message, category in told:
        found.setdefault(message.partition(". If that lacks in the file")[0], (message, category))
    return list(found.values())


def _report_with_warnings(report: Report, caught: Sequence[warnings.WarningMessage]) -> Report:
    """The report with the library's warnings in its first part; they are given on as well."""
    told = _warnings_once((str(one.message), one.category) for one in caught)
    for message, category in told:
        warn(message, category)
    said = [f"Careful: {words}" for words, kind in told if issubclass(kind, RetentionWarning)]
    first, *others = report.sections
    first = replace(first, notes=(*first.notes, *said))
    return replace(report, sections=(first, *others))


def _refuse_wrong_settings(
    freq: str, history: str, numbers: tuple[int, int], gap: int | None
) -> None:
    periods.check_freq(freq)
    check_choice("history", history, ("whole", "cut"))
    whole_number("min_customers", numbers[0], least=1)
    whole_number("at_risk", numbers[1], least=0)
    if gap is not None:
        whole_number("gap", gap, least=0)


def report_of_material(material: Material, title: str) -> Report:
    """The report of the material, section by section."""
    parts = [headline_section, three_rates_section]
    parts += [recurring_section] if material.of_contracts else [came_section, value_section]
    parts += [where_lost_section, cohorts_section, how_long_section]
    parts += [why_left_section] if material.notes is not None else []
    parts += [worth_section] if material.knows_profit else []
    parts += [warned_section] if material.alarms is not None else []
    parts += [tested_section] if material.assignment is not None else []
    parts += [at_risk_section, what_was_read_section, definitions_section]
    what = "contracts" if material.of_contracts else "orders"
    subtitle = f"From {what} up to {day(material.asked.as_of)}, by {material.freq}"
    return Report(title, subtitle, tuple(part(material) for part in parts))
