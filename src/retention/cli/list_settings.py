"""What the list of a night is told: its files, and the firm's rules."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from retention.cli.typed_values import Section, numbers_of_names, texts_of_names

_Whole = Annotated[dict[str, int] | None, BeforeValidator(numbers_of_names)]
_Hours = Annotated[dict[str, float] | None, BeforeValidator(numbers_of_names)]


class Watched(Section):
    """Which files the list is made of, and the firm's rules for it."""

    contracts: Path | None = Field(
        default=None, description="file of contracts: those that end within --within days"
    )
    within: int | None = Field(default=None, description="days to look ahead for --contracts")
    lapsed_within: int | None = Field(
        default=None, description="days to look back for contracts that were not renewed [none]"
    )
    contacts: Path | None = Field(
        default=None, description="file of contacts: those that wait for longer than --targets"
    )
    targets: _Hours = Field(
        default=None, description="hours for --contacts: first_response=24,resolution=168"
    )
    business_hours: Annotated[str | dict[str, Any] | None, BeforeValidator(texts_of_names)] = Field(
        default=None,
        description="when your desk is open: always, or mon-fri=09:00-17:30,tz=Europe/Berlin",
    )
    invoices: Path | None = Field(
        default=None, description="file of invoices: those not paid --grace days after they are due"
    )
    grace: int | None = Field(default=None, description="days that --invoices may be late")
    alarms: Path | None = Field(
        default=None, description="file of alarms (customer_id, date, signal)"
    )
    valid_for: int | None = Field(default=None, description="days for which --alarms stand")
    severity: _Whole = Field(
        default=None, description="of each reason how severe it is: 'overdue contact=2,lapsing=1'"
    )
    values: Path | None = Field(
        default=None, description="file of what customers are worth (customer_id, value)"
    )
    allow_unvalued: int = Field(
        default=0, description="of how many on the list the value may be unknown [0]"
    )
    owners: Path | None = Field(
        default=None, description="file of who looks after whom (customer_id, owner, lead)"
    )
    calls: Path | None = Field(default=None, description="file of your calls (customer_id, date)")
    quiet_days: int | None = Field(
        default=None, description="days after a call in which a customer is left alone"
    )
    opted_out: Path | None = Field(
        default=None, description="file of whom nobody may call (customer_id)"
    )
    escalate_top: float | None = Field(
        default=None, description="share of customers whose trouble may be escalated, such as 0.1"
    )
    escalate_after: _Whole = Field(
        default=None, description="of each such reason after how many days: 'overdue contact=3'"
    )
    at_most: int | None = Field(default=None, description="calls an owner can make a day")
    order: Literal["severity", "expected_loss"] = Field(
        default="severity", description="who is called first [severity]"
    )
    risk: Path | None = Field(
        default=None, description="file of the chance that customers leave (customer_id, risk)"
    )
    previous: Path | None = Field(
        default=None, description="the list of an earlier night, as --output wrote it"
    )
    first: bool = Field(default=False, description="the first night: there is no list before")
    closed_by: Path | None = Field(
        default=None, description="file of what became of customers (customer_id, date, outcome)"
    )
    changes: Path | None = Field(
        default=None, description="file to write of who is new, worse, better, or closed and why"
    )
    per_owner: Path | None = Field(
        default=None, description="folder, or .xlsx, to write with the list of each owner"
    )
