"""What a run is told, by options and by a config file: one description of each setting for both."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads it
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from retention.calendars import Calendar
from retention.cli.list_settings import Watched
from retention.cli.typed_values import (
    Section,
    calendar_of_name,
    choices_by_column,
    labels_of_names,
    names_in_order,
    shares_of_arms,
    tuple_of_values,
)


class UsageError(Exception):
    """What was typed, or stands in the config file, cannot be run; exit code 2."""


_Names = Annotated[tuple[str, ...], BeforeValidator(tuple_of_values)]
_Value = str | int | float


class Columns(Section):
    """Which column of the file means what."""

    customer_id: str = Field(
        default="customer_id", description="who bought, or whose contract it is"
    )
    date: str | None = Field(default=None, description="when it was bought [date]")
    sales: str | None = Field(
        default=None, description="net revenue of the line, or of the contract"
    )
    quantity: str | None = Field(default=None, description="how many, in place of --sales")
    unit_price: str | None = Field(
        default=None, description="the price of one, in place of --sales"
    )
    profit: str | None = Field(
        default=None, description="contribution of the line, or of the contract"
    )
    cost: str | None = Field(
        default=None, description="what the line cost the firm, in place of --profit"
    )
    refunded: str | None = Field(
        default=None, description="what was paid back of the line since: sales less this"
    )
    order_id: str | None = Field(default=None, description="the order a line belongs to")
    per_order: Annotated[tuple[str, ...] | None, BeforeValidator(tuple_of_values)] = Field(
        default=None,
        description="a column of the whole order, on its first line only or on each, an amount of "
        "which counts once; say it again for another",
    )
    currency: str | None = Field(
        default=None, description="in which currency the amounts of a row are"
    )
    start: str | None = Field(
        default=None, description="first day of a contract: the file is of contracts"
    )
    end: str | None = Field(default=None, description="end of a contract, empty while it runs")
    contract_id: str | None = Field(default=None, description="which contract it is")
    trial: str | None = Field(default=None, description="marks trial contracts")
    trial_end: str | None = Field(default=None, description="when the trial of a contract ends")
    pause_start: str | None = Field(
        default=None, description="first day of the pause of a contract"
    )
    pause_end: str | None = Field(
        default=None, description="first day on which a paused contract went on"
    )
    sales_per_count: str | None = Field(
        default=None, description="how many of the intervals in --sales-per it is"
    )


class Policies(Section):
    """What to do with rows that can be read in two ways. Until it is said, they are refused."""

    where: Annotated[
        dict[str, _Value | list[_Value]] | None, BeforeValidator(choices_by_column)
    ] = Field(
        default=None,
        description="which rows are meant: Status=completed keeps those; say it again for "
        "another value; Cancelled= keeps those where nothing stands",
    )
    incomplete: Literal["error", "drop"] | None = Field(
        default=None, description="rows that can only be corrected: left out and counted (drop)"
    )
    refunds: Literal["error", "net", "drop"] | None = Field(
        default=None, description="negative lines: they lower sales (net), or are left out (drop)"
    )
    duplicates: Literal["error", "keep", "drop"] | None = Field(
        default=None, description="rows that repeat an earlier one"
    )
    zero_orders: Literal["error", "count", "drop"] | None = Field(
        default=None, description="orders that sum to 0: purchases (count), or left out (drop)"
    )
    order_day: Literal["each", "first"] | None = Field(
        default=None, description="lines of one order on several days: each an order, or the first"
    )
    overlaps: Literal["keep", "cut"] | None = Field(
        default=None, description="rows of one contract that overlap: both hold, or the later one"
    )
    end_is: Literal["error", "last_day", "first_day_out"] | None = Field(
        default=None, description="what the end of a contract means"
    )
    trials: Literal["error", "exclude", "include"] | None = Field(
        default=None, description="contracts marked as trials"
    )
    pauses: Literal["error", "exclude", "include"] | None = Field(
        default=None, description="paused contracts: no customers meanwhile, or ones who pay 0"
    )
    sales_per: str | None = Field(
        default=None,
        description="what the revenue of a contract is for: month, quarter, year, term (all of it),"
        " once, or the column that says it",
    )


class Reading(Section):
    """How the file is written, where that cannot be told from it."""

    day_first: bool | None = Field(default=None, description="03.02.2024 is in February")
    date_format: str | None = Field(default=None, description="such as %%d.%%m.%%y")
    decimal: Literal[".", ","] | None = Field(
        default=None, description="the decimal sign of amounts"
    )
    blanks: Annotated[tuple[str, ...] | None, BeforeValidator(tuple_of_values)] = Field(
        default=None, description="text that stands for a blank id, in place of NA and its like"
    )
    rates: dict[str, float] | str | None = Field(
        default=None,
        description="exchange rates that convert the amounts: EUR=1,USD=0.92 (what one of each is "
        "worth), or a file with the columns currency, date and rate",
    )
    tz: str | None = Field(default=None, description="time zone of the shop, such as Europe/Berlin")
    from_tz: str | None = Field(
        default=None, description="zone whose clock times without an offset show, such as UTC"
    )
    encoding: str | None = Field(default=None, description="of a CSV, such as cp1252")
    separator: str | None = Field(default=None, description="between the columns of a CSV")
    header_row: int | None = Field(
        default=None, description="line that holds the column names, from 1"
    )
    headings: str | None = Field(
        default=None, description="column filled in on rows of its own above those it is for"
    )
    sheet: str | None = Field(default=None, description="of a workbook")


class Counting(Section):
    """What is counted over which time."""

    as_of: date | None = Field(
        default=None, description="last observed day [the last day in the file]"
    )
    observed_from: date | None = Field(
        default=None, description="first observed day [the first order]"
    )
    freq: Annotated[Calendar, BeforeValidator(calendar_of_name)] = Field(
        default=Calendar("month"),
        description="day, week, month, quarter, year, or another calendar's, such as 'April fiscal "
        "quarter' [month]",
    )
    by: _Names = Field(default=(), description="segment column; say it again for another")
    grace: int | None = Field(
        default=None, description="days between two contracts that are no churn [0]"
    )


class Rates(Section):
    """What is asked of each period."""

    lag: int = Field(default=1, description="so many periods later [1]")


class Worth(Section):
    """What a customer is worth is asked with."""

    discount: float | None = Field(
        default=None, description="rate a year, such as 0.1 for 10 %%, or 0 for none"
    )
    acquisition_cost: float | None = Field(
        default=None, description="what it costs to win a customer, 0 if nothing"
    )
    timing: Literal["start", "middle", "end"] = Field(
        default="middle", description="when in a period its profit comes in [middle]"
    )


class Warned(Section):
    """When a silence rings."""

    false_alarms: float | None = Field(
        default=None,
        description="how many a month are borne among 100 customers who are still here, such as 3",
    )


class Checked(Section):
    """What a rate is held against: the band in which it usually lies, a target, or both."""

    figure: Literal["retention_rate", "churn_rate"] = Field(
        default="retention_rate", description="which rate [retention_rate]"
    )
    target: float | None = Field(
        default=None, description="the least it should be, such as 0.8; of churn, the most"
    )
    level: float | None = Field(
        default=None,
        description="how often it is inside the band while nothing has changed, such as 0.99",
    )
    spread: Literal["binomial", "overdispersed"] = Field(
        default="overdispersed",
        description="customers decide each for himself, or periods vary by more [overdispersed]",
    )
    season: Literal["none", "year", "week"] = Field(
        default="none", description="judged by the same month of the year, or day of the week"
    )
    baseline: int | None = Field(
        default=None, description="so many periods before it are what is usual [all of them]"
    )


class Arms(Section):
    """Which experiment it is, and who is in it."""

    customer_id: str = Field(
        default="customer_id", description="column of who is assigned [customer_id]"
    )
    arms: Annotated[dict[str, float] | None, BeforeValidator(shares_of_arms)] = Field(
        default=None, description="the share of each arm: control=0.5,offer=0.5"
    )
    salt: str | None = Field(default=None, description="name of the experiment, which no other has")
    assigned: date | None = Field(default=None, description="the day from which all is counted")
    strata: _Names = Field(
        default=(), description="column within which arms are balanced; say it again for another"
    )
    method: Literal["list", "rolling"] = Field(
        default="list",
        description="of a closed list with exact numbers, or of each customer alone [list]",
    )


class Tested(Section):
    """Which experiment is read, and how."""

    assignment: Path | None = Field(
        default=None,
        description="file of who was in which arm, as retention assign writes it: customer_id, arm,"
        " assigned, share, and if they are there stratum, cluster",
    )
    control: str = Field(
        default="control", description="the arm with which the others are compared [control]"
    )
    horizon: int | None = Field(
        default=None, description="how many stay: days after the assignment on which that is asked"
    )
    estimator: Literal["kaplan-meier", "mature"] | None = Field(
        default=None,
        description="those not watched so long: counted as long as they were, or left out (mature)",
    )
    gap: int | None = Field(
        default=None, description="of orders, days of silence after which a customer is lost"
    )
    within: int | None = Field(
        default=None, description="what they bring: days from the assignment on that count"
    )
    of: Literal["profit", "sales", "orders"] | None = Field(
        default=None, description="of what within those days"
    )
    before: int | None = Field(
        default=None, description="days before the assignment that tell what was known of them"
    )
    by: _Names = Field(
        default=(), description="segment column of the assignment; say it again for another"
    )


class Output(Section):
    """Where the answer goes."""

    format: Literal["table", "csv", "json", "parquet", "excel"] | None = Field(
        default=None, description="[by the ending of --output, else table]"
    )
    output: Path | None = Field(default=None, description="file to write [standard output]")


class Told(Section):
    """What the report is told beyond the counting."""

    title: str | None = Field(default=None, description="of the report")
    gap: int | None = Field(
        default=None, description="days of silence after which a customer is lost"
    )
    history: Literal["whole", "cut"] = Field(
        default="whole", description="cut, if the file lacks older orders or contracts [whole]"
    )
    at_risk: int = Field(default=20, description="how many customers at risk are listed [20]")
    pictures: bool = Field(default=True, description="draw pictures [yes]")
    discount: float = Field(
        default=0.0, description="rate a year at which what customers are worth is discounted [0]"
    )
    min_customers: int = Field(default=10, description="smaller segments are not shown [10]")
    notes: Path | None = Field(default=None, description="file of notes of customers who left")
    notes_text: str = Field(default="text", description="its column of what they wrote [text]")
    sections: Annotated[tuple[str, ...], BeforeValidator(names_in_order)] = Field(
        default=(), description="its parts in the order wanted: headline,losses,risk [all]"
    )
    detail: Literal["short", "full"] = Field(
        default="full", description="short: findings, tiles and pictures alone [full]"
    )
    label: Annotated[dict[str, str], BeforeValidator(labels_of_names)] = Field(
        default={},
        description="what a segment column, or a segment, is called: plan_tier=Plan; "
        "say it again for another",
    )
    in_currency: str | None = Field(
        default=None, description="code of the currency that all amounts are in, such as EUR"
    )
    locale: str = Field(default="en", description="by whose signs numbers are written [en]")
    target: float | None = Field(
        default=None, description="the least share of customers to be kept, such as 0.8"
    )
    compared_to: Path | None = Field(
        default=None, description="the report before, written as .json: what has changed since"
    )
    logo: Path | None = Field(default=None, description="PNG, JPEG or SVG to stand above it")
    author: str = Field(default="", description="who it is from")
    text: Annotated[tuple[str, ...], BeforeValidator(tuple_of_values)] = Field(
        default=(), description="a paragraph of your own; say it again for another"
    )
    pictures_to: Path | None = Field(
        default=None, description="folder to write its pictures to as PNG files, for a mail"
    )


class Settings(Section):
    """Everything a run is told."""

    file: str | None = None
    columns: Columns = Columns()
    policies: Policies = Policies()
    reading: Reading = Reading()
    counting: Counting = Counting()
    rates: Rates = Rates()
    worth: Worth = Worth()
    warned: Warned = Warned()
    checked: Checked = Checked()
    report: Told = Told()
    arms: Arms = Arms()
    tested: Tested = Tested()
    watched: Watched = Watched()
    doors: dict[str, dict[str, Any]] = Field(default={})
    output: Output = Output()
