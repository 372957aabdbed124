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
from retention.report.asked.called_segments import labelled_table
from retention.report.asked.goal import goal_of_target, section_with_goal
from retention.report.asked.presentation import AS_IT_IS, Presentation, texts_of_argument
from retention.report.drawing import png_of_picture
from retention.report.forms.earlier_report import (
    Basis,
    changes_section,
    figures_before,
    refuse_other_basis,
    report_as_json,
    sections_safe_beside,
    shown_figures,
)
from retention.report.forms.report_sheets import report_as_workbook
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
from retention.spelling import spelled_by
from retention.tables import says_currency
from retention.wording import as_date, day
from retention.written_files.whole_files import write_whole_bytes, write_whole_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrame

    from retention.loading.audits import Audit
    from retention.report.forms.earlier_report import Shown
    from retention.report.parts import Section


REPORTS = (".html", ".htm", ".md", ".xlsx", ".json")
"""How the file of a report may end."""

_PRINTED = (
    "A PDF is printed by a browser: save the report as .html, open it and print it to PDF; it is "
    "laid out for that. In a job: chromium --headless --print-to-pdf=report.pdf report.html"
)


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A report, as `retention_report` makes it.

    Attributes:
        title: what stands above it.
        subtitle: what it is of.
        sections: its parts: a heading, one sentence of finding, cards, pictures, tables, notes.
        presentation: how it is shown.
        basis: what another report is compared with it by.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    presentation: Presentation = AS_IT_IS
    basis: Basis | None = None

    def to_html(self) -> str:
        """One HTML page that needs nothing else."""
        return page.whole_page(self.title, self.subtitle, self.sections, self.presentation)

    def to_markdown(self) -> str:
        """Markdown, with the pictures in words."""
        return markdown.report_in_markdown(self._head(), self.sections)

    def to_workbook(self) -> bytes:
        """A workbook for Excel: a sheet for each section, numbers as numbers, no formulas."""
        return report_as_workbook(self._head(), self.sections, self.presentation.signs)

    def to_json(self) -> str:
        """The figures it shows, and no others: for `compared_to` of the report after it."""
        if self.basis is None:
            raise RetentionError("A report that was put together by hand cannot be compared.")
        return report_as_json(self.title, self.basis, shown_figures(self.sections))

    def save_pictures(self, folder: str | Path) -> list[Path]:
        """Write its pictures as PNG files, for a mail: 01-rates.png, 02-came.png.

        Args:
            folder: where to; it is made where there is none.

        Returns:
            The files, in the order of the report.

        Raises:
            RetentionError: if it has no pictures, or came out of a pickle, which holds none.
        """
        drawn = [(one.key, picture) for one in self.sections for picture in one.pictures]
        files = [(key, png_of_picture(picture)) for key, picture in drawn]
        if not files or any(content is None for _, content in files):
            raise RetentionError("There are no pictures to write: make the report with pictures.")
        Path(folder).mkdir(parents=True, exist_ok=True)
        paths = [Path(folder) / f"{n:02d}-{key}.png" for n, (key, _) in enumerate(files, 1)]
        for path, (_, content) in zip(paths, files, strict=True):
            write_whole_bytes(content or b"", path)
        return paths

    def _head(self) -> tuple[str, ...]:
        shown = self.presentation
        return (self.title, self.subtitle, *[shown.author] * bool(shown.author), *shown.text)

    def save(self, path: str | Path) -> None:
        """Write it as HTML (.html, .htm), Markdown (.md), a workbook (.xlsx) or JSON (.json).

        JSON holds the figures alone, for the report after it. The file is there whole, or as it was
        before.

        Raises:
            RetentionError: if the file's ending is another one.
        """
        file = Path(path)
        ending = file.suffix.lower()
        if ending == ".pdf":
            raise RetentionError(_PRINTED)
        if ending not in REPORTS:
            known = f"{', '.join(REPORTS[:-1])} or {REPORTS[-1]}"
            raise RetentionError(f"A report ends in {known}; got {str(path)!r}.")
        if ending == ".xlsx":
            write_whole_bytes(self.to_workbook(), file)
            return
        texts = {".md": self.to_markdown, ".json": self.to_json}
        write_whole_text(texts.get(ending, self.to_html)(), file)

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
    table: IntoFrame | Audit[Any],
    *,
    as_of: date | str,
    freq: periods.Freq,
    by: str | Sequence[str] = (),
    notes: IntoFrame | None = None,
    alarms: IntoFrame | None = None,
    assignment: IntoFrame | None = None,
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
    target: float | None = None,
    compared_to: Report | str | Path | None = None,
    presentation: Presentation = AS_IT_IS,
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
        target: the least share of customers to be kept from one period to the next, such as 0.8: a
            line in the picture, and whether it is met, as far as the bounds tell.
        compared_to: the report before: a `Report`, or the path of one saved as .json. A section
            "changes" then has the headline then and now, and the figures of past periods that are
            others now. No difference of fewer than `min_customers` customers is shown.
        presentation: how it is shown, which changes no figure: see `rt.report.Presentation`. Its
            sections are "headline", "rates", "recurring" (of contracts), "came" and "value" (of
            orders), "losses", "cohorts", "survival", "reasons" (with `notes`), "worth" (where
            profit is known), "warned" (with `alarms`), "tested" (with `assignment`), "risk",
            "changes" (with `compared_to`), "read" and "definitions".

    Returns:
        A `Report`: `to_html()`, `to_markdown()`, `to_workbook()`, `save(path)`; in a notebook it
        shows itself. The same input gives the same bytes.

    Raises:
        RetentionError: if a keyword is none of its values, or a section is named that the data
            do not allow; or if the report before counts otherwise, or shows smaller groups.
        ReadError: if the file of the report before is none.
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
    _refuse_unknown_sections(presentation.sections)
    texts_of_argument("title", [title])
    before = None if compared_to is None else figures_before(compared_to)
    given, segments = labelled_table(table, segments_as_tuple(by), presentation.labels)
    asked = Asked(
        as_of=periods.as_day(as_of, argument="as_of"),
        observed_from=None
        if observed_from is None
        else periods.as_day(observed_from, argument="observed_from"),
        history=history,
        freq=freq,
        by=segments,
        gap=gap,
        min_customers=min_customers,
        at_risk=at_risk,
        level=level,
        pictures=pictures,
        discount=discount_a_year(discount),
        goal=goal_of_target(target),
    )
    _refuse_one_currency_of_many(presentation, segments)
    with warnings.catch_warnings(record=True) as caught, spelled_by(presentation.signs):
        warnings.simplefilter("always", RetentionWarning)
        made = material_of_report(given, asked, notes, alarms, assignment, control)
        report = report_of_material(made, title, presentation, before)
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


def _refuse_one_currency_of_many(shown: Presentation, by: Sequence[str]) -> None:
    several = [one for one in by if says_currency(one)]
    if several and shown.currency:
        raise RetentionError(
            f"currency={shown.currency!r} says that all amounts are in it, and by= parts them by "
            f"{several[0]!r}. Leave one of them out."
        )


def _refuse_unknown_sections(asked: Sequence[str]) -> None:
    for key in asked:
        check_choice("sections", key, [*_MAKERS, "changes"])


def report_of_material(
    material: Material,
    title: str,
    shown: Presentation = AS_IT_IS,
    before: tuple[Basis, Sequence[Shown]] | None = None,
) -> Report:
    """The report of the material, section by section.

    Raises:
        RetentionError: if a section is asked for that cannot be made of it, or the report before
            cannot be compared with it.
    """
    what, goal = "contracts" if material.of_contracts else "orders", material.asked.goal
    subtitle = f"From {what} up to {day(material.asked.as_of)}, by {material.freq}"
    basis = _basis_of_report(material, what, shown)
    keys = _keys_to_show(material, shown, compared=before is not None)
    parts = [_MAKERS[key](material) for key in keys if key != "changes"]
    if goal is not None:
        parts = [section_with_goal(one, material, goal) for one in parts]
    if before is not None:
        refuse_other_basis(before[0], basis)
        parts = list(sections_safe_beside(before, basis, parts))
        if "changes" in keys:
            seen = [*parts, *_parts_beside_changes(material, keys)]
            changes = changes_section(before, basis, shown_figures(seen))
            parts.insert(keys.index("changes"), changes)
    if shown.level_of_detail == "short":
        parts = [_section_in_short(one) for one in parts]
    return Report(title, subtitle, tuple(parts), shown, basis)


def _parts_beside_changes(material: Material, keys: Sequence[str]) -> list[Section]:
    """The tiles and the rates of each period, which are compared even where they are not shown."""
    plain = replace(material, asked=replace(material.asked, pictures=False))
    return [_MAKERS[key](plain) for key in ("headline", "rates") if key not in keys]


def _basis_of_report(material: Material, what: str, shown: Presentation) -> Basis:
    asked = material.asked
    return Basis(
        of=what,
        as_of=asked.as_of.isoformat(),
        freq=str(material.freq),
        by=asked.by,
        min_customers=asked.min_customers,
        currency=shown.currency or "",
        latest=as_date(material.kpis[-1]["period"]).isoformat() if material.kpis else "",
    )


def _keys_to_show(material: Material, shown: Presentation, *, compared: bool) -> list[str]:
    """The sections that are asked for, or all that can be made."""
    lacking = {key: needs for key, (has, needs) in _NEEDS.items() if not has(material)}
    lacking |= {} if compared else {"changes": "`compared_to=`"}
    for key in shown.sections:
        if key in lacking:
            raise RetentionError(f"`sections=`: {key!r} needs {lacking[key]}.")
    if shown.sections:
        return list(shown.sections)
    keys = [key for key in _MAKERS if key not in _LAST]
    keys += ["changes", *_LAST]
    there = [key for key in keys if key not in lacking]
    return [key for key in there if shown.level_of_detail == "full" or key != "definitions"]


def _section_in_short(one: Section) -> Section:
    """Of a section what a minute is enough for; what is asked for by name stays whole."""
    if one.key in ("changes", "definitions"):
        return one
    return replace(one, pictures=one.pictures[:1], grids=(), notes=())


_MAKERS: dict[str, Callable[[Material], Section]] = {
    "headline": headline_section,
    "rates": three_rates_section,
    "recurring": recurring_section,
    "came": came_section,
    "value": value_section,
    "losses": where_lost_section,
    "cohorts": cohorts_section,
    "survival": how_long_section,
    "reasons": why_left_section,
    "worth": worth_section,
    "warned": warned_section,
    "tested": tested_section,
    "risk": at_risk_section,
    "read": what_was_read_section,
    "definitions": definitions_section,
}
"""The sections by key, in the order of a report."""

_LAST = ("read", "definitions")
"""What stands behind all that was found."""

_NEEDS: dict[str, tuple[Callable[[Material], bool], str]] = {
    "recurring": (lambda made: made.of_contracts, "contracts; this is a table of orders"),
    "came": (lambda made: not made.of_contracts, "orders; this is a table of contracts"),
    "value": (lambda made: not made.of_contracts, "orders; this is a table of contracts"),
    "reasons": (lambda made: made.notes is not None, "`notes=`"),
    "worth": (lambda made: made.knows_profit, "the profit of orders or contracts"),
    "warned": (lambda made: made.alarms is not None, "`alarms=`"),
    "tested": (lambda made: made.assignment is not None, "`assignment=`"),
}
"""What a section cannot be made without."""
