"""What each command does with what it was told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.activity.from_contracts import contract_periods
from retention.activity.from_purchases import customer_periods
from retention.activity.tenure.tenure_of_contracts import contract_tenure
from retention.activity.tenure.tenure_of_purchases import tenure_periods
from retention.cli.settings import Output, UsageError
from retention.cli.sources import Source, audit_of_file, notes_of_file, read_source
from retention.cli.writing import format_of_answer, write_answer, write_text
from retention.economics.tenure.break_even_tenure import break_even_tenure
from retention.economics.tenure.lifetime_profit import lifetime_profit
from retention.errors import count_of
from retention.frames import read_out, table_like
from retention.frames.python_rows import columns_as_lists, rows_as_dicts
from retention.kpis.outcome.rates import churn_by, outcome_kpis
from retention.printed import text_without_calls
from retention.progress import progress_bar
from retention.signals.alarms.silence_alarms import silence_alarms
from retention.wording import money, percent, spoken_period, with_commas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from retention.cli.settings import Settings
    from retention.report.asked.presentation import Presentation
    from retention.report.report import Report

_RATES = ("retention_rate", "sales_adjusted_retention", "profit_adjusted_retention")
_SHOWN = ("period", "n_base", "n_retained", _RATES[0], f"{_RATES[0]}_lower", f"{_RATES[0]}_upper")
_WORTH = ("age", "n_eligible", "profit_per_acquired", "cumulative_profit", "lower", "upper", "net")
_SILENT = ("customer_id", "days_since_last", "rings_on", "p_silence", "p_gone")
_LENGTHS = ("month", "quarter", "year")
_OPENED, _AS_OF = "2022-01-01", "2024-12-31"


def write_kpis(settings: Settings, say: Callable[[str], None]) -> None:
    """Buttle's outcome KPIs of a file, period by period."""
    format_of_answer(settings.output)  # before anything is read
    with progress_bar("retention kpis", "steps", 3) as done:
        source = read_source(settings, say)
        done(1)
        if "freq" not in settings.counting.model_fields_set:
            say("by month (--freq)")
        activity = activity_of_source(source, settings)
        done(1)
        by = list(settings.counting.by)
        answer = outcome_kpis(activity, by=by, lag=settings.rates.lag)
        done(1)
    write_answer(answer, settings.output, people=[*by, *_SHOWN, *_RATES[1:]])


def write_value(settings: Settings, say: Callable[[str], None]) -> None:
    """What a customer won has brought by each age, and when winning one has paid.

    Raises:
        UsageError: if the discount rate or the cost of winning a customer is not said, or a period
            of a life is neither a month nor a quarter nor a year.
    """
    format_of_answer(settings.output)  # before anything is read
    told = settings.worth
    if told.discount is None or told.acquisition_cost is None:
        raise UsageError(
            "Say --discount, a rate a year such as 0.1, or 0 for none; and --acquisition-cost, "
            "what it costs to win a customer, or 0."
        )
    length = _length_of_ages(settings, say)
    with progress_bar("retention value", "steps", 3) as done:
        source = read_source(settings, say)
        done(1)
        tenure = _tenure_of_source(source, settings, length)
        done(1)
        by = list(settings.counting.by)
        asked: dict[str, Any] = {"discount": told.discount, "timing": told.timing, "by": by}
        answer = lifetime_profit(tenure, acquisition_cost=told.acquisition_cost, **asked)
        done(1)
    for row in rows_as_dicts(break_even_tenure(answer, by=by)):
        say(_break_even_in_words(row, by))
    write_answer(answer, settings.output, people=[*by, *_WORTH])


def _length_of_ages(settings: Settings, say: Callable[[str], None]) -> str:
    """The period of a life that was asked for, by default a year."""
    if "freq" not in settings.counting.model_fields_set:
        say("by year (--freq)")
        return "year"
    length = str(settings.counting.freq)
    if length not in _LENGTHS:
        raise UsageError(f"--freq of a customer's life is month, quarter or year; got {length!r}.")
    return length


def _tenure_of_source(source: Source, settings: Settings, length: str) -> Any:
    """What each customer brought at each age."""
    told = settings.counting
    held: Any = partial(contract_tenure, grace=told.grace or 0)
    make: Any = held if source.of_contracts else tenure_periods
    return make(
        source.table,
        as_of=source.as_of,
        length=length,
        observed_from=told.observed_from,
        by=list(told.by),
    )


def _break_even_in_words(row: Mapping[str, Any], by: list[str]) -> str:
    """When winning a customer has paid, in a sentence."""
    whose = f"{', '.join(str(row[name]) for name in by)}: " if by else ""
    cost, length = money(row["acquisition_cost"]), row["length"]
    if row["break_even_acquired"] is None:
        return f"{whose}{cost} for winning a customer: not paid back ({row['reason']})"
    known = row["lower"] is not None and row["upper"] is not None
    bounds = f" ({row['lower']:.1f} to {row['upper']:.1f})" if known else ""
    age = f"{row['break_even_acquired']:.1f} {length}s{bounds}"
    return f"{whose}{cost} for winning a customer is paid back after {age}"


def write_warnings(settings: Settings, say: Callable[[str], None]) -> None:
    """Who has been silent for longer than their own rhythm allows, newest alarm first.

    Raises:
        UsageError: if it is not said how many false alarms are borne, or the file is of contracts.
    """
    format_of_answer(settings.output)  # before anything is read
    borne = settings.warned.false_alarms
    if borne is None:
        raise UsageError(
            "Say --false-alarms, how many a month you bear among 100 customers who are still here, "
            "such as 3."
        )
    with progress_bar("retention warn", "steps", 2) as done:
        source = read_source(settings, say)
        if source.of_contracts:
            raise UsageError(
                "warn listens to the silence between orders, and this is a file of contracts, "
                "which say themselves when they end: ask retention report."
            )
        done(1)
        told: dict[str, Any] = {"observed_from": settings.counting.observed_from}
        found = silence_alarms(source.table, as_of=source.as_of, false_alarms=borne, **told)
        done(1)
    columns = read_out(found, name="the alarms")
    rung = columns["rings"].astype(bool)
    say(_silence_in_words(int(rung.sum()), rung.size, borne))
    newest = np.argsort(
        -columns["rings_on"][rung].astype("datetime64[D]").astype(np.int64), kind="stable"
    )
    shown = {name: values[rung][newest] for name, values in columns.items()}
    write_answer(table_like(shown, found), settings.output, people=_SILENT)


def _silence_in_words(n_rung: int, n: int, borne: float) -> str:
    return (
        f"{with_commas(n_rung)} of {count_of(n, 'customer')} "
        f"{'has' if n_rung == 1 else 'have'} been silent for longer than their own rhythm allows, "
        f"if {borne:g} in 100 may ring in vain each month"
    )


def write_audit(settings: Settings, files: Mapping[str, Path | None]) -> None:
    """The summary of what a file's checks found; to files the rows `accepted` and `set_aside`."""
    form = format_of_answer(settings.output)
    asked = {name: Output(output=file) for name, file in files.items() if file is not None}
    for told in asked.values():
        format_of_answer(told)  # before anything is read
    found = audit_of_file(settings)
    if form == "table":
        write_text(f"{text_without_calls(found)}\n", settings.output.output)
    else:
        write_answer(found.summary, settings.output)
    for name, told in asked.items():
        write_answer(getattr(found, name), told)


def write_demo(customers: int, seed: int, orders: Path | None) -> None:
    """The main job on the sample company."""
    from retention.loading.doors.transactions import as_transactions
    from retention.samples import sample_company

    company = sample_company(customers, seed=seed, start=_OPENED, as_of=_AS_OF)
    lines = as_transactions(
        company.orders,
        customer_id="customer_id",
        date="date",
        sales="sales",
        profit="profit",
        order_id="order_id",
        keep="region",
        refunds="net",
    )
    years = customer_periods(lines, freq="year", by="region", as_of=_AS_OF, observed_from=_OPENED)
    write_text(_text_of_demo(len(lines), customers, years), None)
    if orders is not None:
        company.orders.to_csv(orders, index=False)
        write_text(
            f"\n{orders} holds the orders. Try: retention kpis {orders} --refunds net "
            f"--freq year --by region --as-of {_AS_OF}\n",
            None,
        )


def _text_of_demo(n_lines: int, customers: int, years: Any) -> str:
    """The headline figures in sentences, then where customers are lost."""
    kept = {name: values[-1] for name, values in columns_as_lists(outcome_kpis(years)).items()}
    low, high = (percent(kept[f"{_RATES[0]}_{bound}"]) for bound in ("lower", "upper"))
    return "\n".join(
        [
            f"A simulated coffee roaster, {_OPENED} to {_AS_OF}: {with_commas(n_lines)} order "
            f"lines of {with_commas(customers)} customers.\n",
            f"Of the {with_commas(kept['n_base'])} customers of "
            f"{spoken_period(kept['period'], 'year')}, {with_commas(kept['n_retained'])} "
            "bought in the year after:",
            f"  {percent(kept[_RATES[0]]):>7}  raw retention: of the customers ({low} to {high})",
            f"  {percent(kept[_RATES[1]]):>7}  sales-adjusted: of their sales",
            f"  {percent(kept[_RATES[2]]):>7}  profit-adjusted: of their profit\n",
            "Where they were lost:",
            *_lines_of_losses(columns_as_lists(churn_by(years, by="region")), kept["period"]),
            "",
        ]
    )


def _lines_of_losses(lost: dict[str, list[Any]], last: Any) -> list[str]:
    """A line a region of the last base period."""
    names = ("period", "region", "n_churned", "n_base", "churn_rate", "lower", "upper")
    rows = zip(*(lost[name] for name in names), strict=True)
    return [
        f"  {region:<6} {with_commas(churned):>5} of {with_commas(base):>5}  {percent(rate):>7}"
        f"  ({percent(low)} to {percent(high)})"
        for day, region, churned, base, rate, low, high in rows
        if day == last
    ]


def activity_of_source(source: Source, settings: Settings) -> Any:
    """Who was a customer in which period."""
    told = settings.counting
    held: Any = partial(contract_periods, grace=told.grace or 0)
    make = held if source.of_contracts else customer_periods
    return make(
        source.table,
        freq=told.freq,
        as_of=source.as_of,
        by=list(told.by),
        observed_from=told.observed_from,
    )


def write_report(settings: Settings, say: Callable[[str], None]) -> None:
    """A report of a file, written as the ending of the file says, and its pictures.

    Raises:
        UsageError: if no file is named that it could be written to.
    """
    from retention.report.report import REPORTS

    path = settings.output.output
    if path is None or path.suffix.lower() not in REPORTS:
        raise UsageError(
            "Say where to: -o report.html, or report.md for Markdown, report.xlsx for Excel. A "
            "browser prints the .html to PDF."
        )
    shown = _presentation_of_settings(settings)  # before anything is read
    with progress_bar("retention report", "steps", 3) as done:
        source = read_source(settings, say)
        done(1)
        if "freq" not in settings.counting.model_fields_set:
            say("by month (--freq)")
        report = _report_of_source(source, settings, shown)
        done(1)
        report.save(path)
        if settings.report.pictures_to is not None:
            report.save_pictures(settings.report.pictures_to)
        done(1)


def _presentation_of_settings(settings: Settings) -> Presentation:
    """How the report is shown.

    Raises:
        UsageError: if pictures are to be written and none are to be drawn.
    """
    from retention.report.asked.presentation import Presentation

    told = settings.report
    if told.pictures_to is not None and not told.pictures:
        raise UsageError("--pictures-to writes pictures, and --no-pictures draws none.")
    return Presentation(
        sections=told.sections,
        level_of_detail=told.detail,
        labels=told.label,
        currency=told.in_currency,
        locale=told.locale,
        logo=told.logo,
        author=told.author,
        text=told.text,
    )


def _report_of_source(source: Source, settings: Settings, shown: Presentation) -> Report:
    from retention.report.report import retention_report

    told, asked = settings.report, settings.counting
    return retention_report(
        source.found or source.table,
        as_of=source.as_of,
        freq=asked.freq,
        by=list(asked.by),
        notes=_notes_of_settings(settings),
        gap=asked.grace if told.gap is None else told.gap,
        observed_from=asked.observed_from,
        history=told.history,
        title=told.title or "Customer retention",
        min_customers=told.min_customers,
        at_risk=told.at_risk,
        pictures=told.pictures,
        discount=told.discount,
        target=told.target,
        compared_to=told.compared_to,
        presentation=shown,
    )


def _notes_of_settings(settings: Settings) -> Any:
    told = settings.report
    if told.notes is None:
        return None
    return notes_of_file(told.notes, told.notes_text, settings.reading.date_format)
