"""What every section of a report is made from, gathered once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw

from retention import periods
from retention.activity.from_contracts import contract_periods
from retention.activity.from_purchases import customer_periods
from retention.findings.small_segments import Pool, pooled_table, small_segments
from retention.frames import as_lazy, one_row
from retention.frames.python_rows import rows_as_dicts
from retention.kpis.outcome.rates import outcome_kpis
from retention.loading.audits import Audit
from retention.spells.gap_choice import gap_table
from retention.spells.of_contracts import contract_spells
from retention.spells.of_purchases import purchase_spells
from retention.tables import CONTRACTS, TRANSACTIONS, require, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

GAPS = (30, 45, 60, 90, 120, 150, 180, 240, 300, 365, 545, 730)
FALSE_ALARMS, LATE_ALARMS, WATCHED = 0.25, 0.5, 30
"""Of those called lost: most who may be back within a year, most who may be back by now, fewest."""

A_YEAR = {"day": 7, "week": 52, "month": 12, "quarter": 4, "year": 1}
"""How many periods back a like season lies; of days the same weekday."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked of a report."""

    as_of: date
    observed_from: date | None
    history: Literal["whole", "cut"]
    freq: periods.Freq
    by: tuple[str, ...]
    gap: int | None
    min_customers: int
    at_risk: int
    level: float
    pictures: bool
    discount: float = 0.0
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """The tables behind a report.

    Attributes:
        asked: what the user asked.
        table: the checked order lines or contracts.
        of_contracts: which of the two.
        audit: what a door found, if the user gave that.
        first: the first day of the table.
        steps: the first and the last whole period: of contracts, that closed by the last day.
        activity: who was active in which period.
        kpis: the outcome KPIs period by period; empty where one whole period was observed only.
        kpi_table: the same as the library gave them; None likewise.
        spells: how long customers stayed; None where no rule for silence could be found.
        gap: days of silence after which a customer is lost, None where no silence tells; of
            contracts, the pause that ends none.
        gap_row: of orders, how many came back after such a silence (without a gap, after the
            longest one looked at); None where too few were watched for a year.
        notes: what customers who left wrote, or None.
        alarms: days on which signals rang, or None.
        assignment: who was in which arm of a test, or None.
        control: the arm with which the others are compared.
        small: by segment column, the segments too small to be shown: in `activity` they are one.
        kept: tables that were worked out once, by name.
    """

    asked: Asked
    table: Any
    of_contracts: bool
    audit: Audit[Any] | None
    first: date
    steps: tuple[int, int]
    activity: Any
    kpis: list[dict[str, Any]]
    kpi_table: Any
    spells: Any
    gap: int | None
    gap_row: dict[str, Any] | None
    notes: Any
    alarms: Any
    assignment: Any
    control: str
    small: dict[str, Pool]
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """A table that several sections show, worked out the first time it is asked for."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    @property
    def people(self) -> str:
        """What makes a customer one, in a sentence."""
        return "were under contract" if self.of_contracts else "bought"

    @property
    def knows_profit(self) -> bool:
        """Whether the profit of any base period with customers is known."""
        return any(row["profit_base"] is not None and row["n_base"] for row in self.kpis)

    @property
    def freq(self) -> periods.Freq:
        """The length of a period."""
        return self.asked.freq

    @property
    def told_by_silence(self) -> bool:
        """Whether who is silent for so long mostly stays away, or nothing speaks against it."""
        row = self.gap_row
        return self.gap is not None and (row is None or is_telling(row))

    @property
    def smallest(self) -> int:
        """The smallest group that is shown."""
        return self.asked.min_customers


def material_of_report(
    given: Any,
    asked: Asked,
    notes: Any = None,
    alarms: Any = None,
    assignment: Any = None,
    control: str = "control",
) -> Material:
    """Everything that sections are made from.

    Raises:
        ColumnError: if the table is neither of order lines nor of contracts.
        ContentError: if there is nothing to count up to `as_of`.
    """
    audit = given if isinstance(given, Audit) else None
    table = given if audit is None else audit.accepted
    of_contracts = is_table_of_contracts(table)
    segments(asked.by, CONTRACTS if of_contracts else TRANSACTIONS)
    activity = _activity_of_table(table, of_contracts, asked)
    kpi_table = _outcome_kpis(activity, asked)
    small = {} if kpi_table is None else _small_segments_by_column(activity, asked)
    if small:
        activity = _activity_of_table(pooled_table(table, small), of_contracts, asked)
    gap, gap_row = _gap_and_its_row(table, of_contracts, asked)
    return Material(
        asked=asked,
        table=table,
        of_contracts=of_contracts,
        audit=audit,
        first=_first_day(table, of_contracts),
        steps=_first_and_last_period(activity, of_contracts),
        activity=activity,
        kpis=[] if kpi_table is None else rows_as_dicts(kpi_table, order=("step",)),
        kpi_table=kpi_table,
        spells=_spells_of_table(table, of_contracts, gap, asked),
        gap=gap,
        gap_row=gap_row,
        notes=notes,
        alarms=alarms,
        assignment=assignment,
        control=control,
        small=small,
    )


def _activity_of_table(table: Any, of_contracts: bool, asked: Asked) -> Any:
    held: Any = partial(contract_periods, grace=asked.gap or 0)
    make = held if of_contracts else customer_periods
    return make(
        table,
        freq=asked.freq,
        as_of=asked.as_of,
        by=list(asked.by),
        observed_from=asked.observed_from,
    )


def _small_segments_by_column(activity: Any, asked: Asked) -> dict[str, Pool]:
    """The segments of each column that are too small to be shown."""
    apart, least = A_YEAR[periods.length_of(asked.freq)], asked.min_customers
    found = {
        column: small_segments(activity, column, least=least, apart=apart) for column in asked.by
    }
    return {column: pool for column, pool in found.items() if pool is not None}


def is_table_of_contracts(table: object) -> bool:
    """Whether a table is of contracts: it has `start` and no `date`; then it is checked as such.

    Raises:
        ColumnError: if it has not the columns of either.
    """
    columns = as_lazy(table, name="the table").collect_schema()
    of_contracts = "start" in columns and "date" not in columns
    require(table, CONTRACTS if of_contracts else TRANSACTIONS, adds="all")
    return of_contracts


def _first_day(table: object, of_contracts: bool) -> date:
    column = "start" if of_contracts else "date"
    frame = as_lazy(table, name="the table")
    found = one_row(frame.select(nw.col(column).min()))[column]
    return periods.as_day(found, argument=column)


def _outcome_kpis(activity: Any, asked: Asked) -> Any:
    """The outcome KPIs, or None where there is no later period to be kept in."""
    first, last = _first_and_last_period(activity, of_contracts=False)
    if last <= first:
        return None
    return outcome_kpis(activity, level=asked.level)


def _first_and_last_period(activity: Any, of_contracts: bool) -> tuple[int, int]:
    """The first and the last period of an activity; the last opening of contracts opens another."""
    ends = as_lazy(activity, name="activity").select(
        nw.col("first_step").min(), nw.col("last_step").max()
    )
    found = one_row(ends)
    if found["first_step"] is None:
        return 0, -1
    return int(found["first_step"]), int(found["last_step"]) - of_contracts


def _gap_and_its_row(
    table: Any, of_contracts: bool, asked: Asked
) -> tuple[int | None, dict[str, Any] | None]:
    """The gap that was said; else for contracts 0, and for orders the shortest that rarely errs.

    That is the first of `GAPS` of which at most one in four called lost came back within a year, of
    those with enough customers watched for a year, and at most one in two whenever later. If none
    is as good there is no gap: a silence after which most come back tells of nobody that they have
    left. Beside it stands what was found about it, and where there is none about the longest.
    """
    if of_contracts:
        return asked.gap or 0, None
    gaps = [asked.gap] if asked.gap else list(GAPS)
    rows = rows_as_dicts(gap_table(table, as_of=asked.as_of, gaps=gaps), order=("gap",))
    fit = [row for row in rows if row["n_followed"] >= WATCHED]
    if asked.gap is not None:
        return asked.gap, fit[0] if fit and asked.gap else None
    good = [row for row in fit if is_telling(row)]
    if good:
        return int(good[0]["gap"]), good[0]
    return None, fit[-1] if fit else None


def is_telling(row: Mapping[str, Any]) -> bool:
    """Whether a silence tells that somebody has left: most stayed away, soon and later."""
    return bool(row["false_churn_rate"] <= FALSE_ALARMS and row["came_back_share"] <= LATE_ALARMS)


def _spells_of_table(table: Any, of_contracts: bool, gap: int | None, asked: Asked) -> Any:
    if gap is None:
        return None
    cut = asked.observed_from or _first_day(table, of_contracts) if asked.history == "cut" else None
    if of_contracts:
        return contract_spells(table, grace=gap, as_of=asked.as_of, observed_from=cut)
    return purchase_spells(table, gap=gap, as_of=asked.as_of, observed_from=cut)


def segments_as_tuple(by: str | Sequence[str]) -> tuple[str, ...]:
    """Segment columns as a tuple."""
    return (by,) if isinstance(by, str) else tuple(by)
