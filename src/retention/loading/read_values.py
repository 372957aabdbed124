"""The values of a table: ids, dates and amounts read from its columns, with what can be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retention.loading import plain_texts
from retention.loading.dates import patterns, reading, time_zones
from retention.loading.rows.text import signs_that_occur
from retention.loading.values import amounts, currencies, ids
from retention.loading.values.different_ids import DifferentIds, different_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import narwhals.stable.v2 as nw

    from retention.frames import Frame
    from retention.loading.rows.columns import Source
    from retention.loading.rows.row_checks import Check, Output
    from retention.loading.rows.text import Written


@dataclass(frozen=True, slots=True)
class Values:
    """The frame with the values read, the checks of each role, and how ids and currency go out.

    `shuffled` says that rows may have lost their order; `customers` are the different ones, where
    they were asked instead of the rows.
    """

    frame: Frame
    checks: Mapping[str, Sequence[Check]]
    ids: Mapping[str, Output]
    currency: Sequence[Output] = ()
    shuffled: bool = False
    customers: DifferentIds | None = None

    def checks_of(self, *roles: str) -> list[Check]:
        """The checks of those of the roles that the user named."""
        return [check for role in roles for check in self.checks.get(role, ())]


def read_values(
    source: Source,
    written: Written,
    *,
    id_roles: Sequence[str],
    date_roles: Sequence[str],
    amount_roles: Sequence[str],
) -> Values:
    """Every named column read, once it is known how its text is written."""
    on_ids, on_dates, on_amounts = (
        [role for role in roles if role in source.roles]
        for roles in (id_roles, date_roles, amount_roles)
    )
    frame = time_zones.with_local_times(source, on_dates, written)
    customers = None
    if "customer_id" in on_ids:
        conditions = ids.conditions_on_texts("customer_id", written.blank_ids)
        customers = different_ids(source, "customer_id", conditions)
    asked = [role for role in on_ids if customers is None or role != "customer_id"]
    known = _signs_of_plain_text(source, frame, written, asked, on_dates, on_amounts)
    plain = plain_texts.forms_of_plain_texts(known, on_dates, on_amounts)
    frame, checks = plain_texts.with_plain_values(source, frame, plain)
    odd_dates, odd_amounts = (
        [role for role in roles if role not in plain] for roles in (on_dates, on_amounts)
    )
    for role in odd_dates:
        frame = reading.with_date_text(source, frame, role)
    for role in odd_amounts:
        frame = amounts.with_amount_text(source, frame, role)
    known |= _signs_of_odd_text(source, frame, written, odd_dates, odd_amounts)
    outputs: dict[str, Output] = {}
    for role in on_ids:
        different = customers if role == "customer_id" else None
        frame, checks[role], outputs[role] = ids.read_id(
            source, frame, role, known, written.blank_ids, different
        )
    ways = patterns.Ways(odd_dates, known, written)
    for role in odd_dates:
        frame, checks[role] = reading.read_date(source, frame, role, ways)
    decimal = amounts.decimal_sign(known, odd_amounts, written)
    for role in odd_amounts:
        frame, checks[role] = amounts.read_amount(source, frame, role, decimal)
    told = currencies.read_currency(source, frame, known, (on_amounts, on_dates), written.rates)
    checks["currency"] = told.checks
    return Values(told.frame, checks, outputs, told.outputs, told.shuffled, customers)


def _signs_of_plain_text(
    source: Source,
    frame: Frame,
    written: Written,
    id_roles: Sequence[str],
    date_roles: Sequence[str],
    amount_roles: Sequence[str],
) -> dict[str, bool]:
    """Which columns are plain texts. A lazy table whose only text are ids is not asked."""
    asked = plain_texts.signs_of_plain_texts(source, written, date_roles, amount_roles)
    if asked or source.eager:
        for role in id_roles:
            asked |= {
                sign: source.among_meant(holds)
                for sign, holds in ids.id_signs(source, role, written.blank_ids).items()
            }
    return signs_that_occur(frame, asked)


def _signs_of_odd_text(
    source: Source,
    frame: Frame,
    written: Written,
    date_roles: Sequence[str],
    amount_roles: Sequence[str],
) -> dict[str, bool]:
    """How the other columns of text are written."""
    asked: dict[str, nw.Expr] = {}
    for role in date_roles:
        asked |= reading.date_signs(source, role, written)
    for role in amount_roles:
        asked |= amounts.amount_signs(source, role)
    return signs_that_occur(source.rows_meant(frame), asked)
