"""In which currency the amounts of a row are: as the user says, or as the table gives away.

Amounts are converted here where there are rates. Where nothing is said, signs in the amounts, or a
column beside them, may show that there are several currencies, which nobody can add up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ColumnError, RetentionError
from retention.frames import Frame, as_lazy, collect, table_like
from retention.loading.rows.columns import ROW, SAMPLE
from retention.loading.rows.row_checks import Check, Output
from retention.loading.rows.text import OURS
from retention.loading.values.amounts import is_money, written_sign
from retention.loading.values.rates import Rates, read_rates
from retention.names import outer_text
from retention.tables.currency_signs import is_known_currency, possible_currencies
from retention.tables.mixed_currencies import (
    Found,
    are_currency_codes,
    currencies_in_column,
    currencies_in_text,
    currencies_in_words,
    currency_columns,
    currency_names,
    currency_text,
    merged_currencies,
    names_no_currency,
    rates_to_write,
    unnamed_columns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.loading.rows.columns import Source

_TEXT, _NAME, _RATE, _DAY = (f"{OURS}currency_{name}" for name in ("text", "name", "rate", "day"))
_MOST = 200


@dataclass(frozen=True, slots=True)
class Told:
    """The frame with its amounts in their currencies or converted, and what can be wrong.

    `outputs` is the column `currency`, where one was named and nothing is converted. `shuffled`
    says that rows may have lost their order.
    """

    frame: Frame
    checks: Sequence[Check] = ()
    outputs: Sequence[Output] = ()
    shuffled: bool = False


@dataclass(frozen=True, slots=True)
class _Money:
    """The amounts of a table, those of them whose texts carry signs, and its dates."""

    source: Source
    roles: Sequence[str]
    signed: Sequence[str]
    dates: Sequence[str] = field(default=())

    @property
    def row(self) -> str | None:
        """The column of row numbers, where there are any."""
        return ROW if self.source.eager else None

    @property
    def column(self) -> str:
        """The column that says the currency."""
        return self.source.roles["currency"]

    def signs(self, frame: Frame, role: str) -> list[Found]:
        """The signs that the amounts of a role carry."""
        return currencies_in_text(
            self.source.rows_meant(frame), nw.col(_sign_name(role)), row=self.row
        )


def read_currency(
    source: Source,
    frame: Frame,
    known: Mapping[str, bool],
    roles: tuple[Sequence[str], Sequence[str]],
    rates: object,
) -> Told:
    """The amounts, once it is told in which currency they are, or nothing speaks of several.

    Args:
        source: the table.
        frame: the same with its amounts and dates read.
        known: what was learned of its texts.
        roles: which amounts and which dates it has.
        rates: what the user said of exchange rates.

    Raises:
        RetentionError: if there are rates and no currency, or rates that are none.
        ColumnError: if a column cannot be of currencies.
    """
    amounts = [role for role in roles[0] if is_money(source, role)]
    signed = [role for role in amounts if known.get(f"signed {role}")]
    money = _Money(source, amounts, signed, roles[1])
    if signed:
        frame = frame.with_columns(written_sign(role).alias(_sign_name(role)) for role in signed)
    if "currency" in source.roles:
        return _amounts_by_column(money, frame, None if rates is None else read_rates(rates))
    if rates is not None:
        raise RetentionError(
            "`rates=` needs `currency=`, the column that says in which currency a row's amounts "
            "are. "
            "Where their signs say it, name the column of the amounts."
        )
    return Told(
        frame, [*_several_signs_checks(money, frame), *_several_beside_checks(money, frame)]
    )


def likely_currency_columns(frame: Frame) -> list[str]:
    """The columns of a table, by its own names, that may say in which currencies amounts are."""
    schema = frame.collect_schema()
    return [
        outer_text(name) for name in (*currency_columns(schema), *_columns_of_codes(frame, schema))
    ]


def _amounts_by_column(money: _Money, frame: Frame, rates: Rates | None) -> Told:
    """Amounts in the currencies that a column names, or converted."""
    frame = frame.with_columns(_text_of_currency(money).alias(_TEXT))
    found = currencies_in_text(money.source.rows_meant(frame), nw.col(_TEXT), row=money.row)
    if len(found) > _MOST:
        raise ColumnError(
            f"currency: column {money.column!r} holds {len(found):,} different texts. These are no "
            "currencies: name the column that says them."
        )
    frame = frame.with_columns(currency_names(_TEXT, found).alias(_NAME))
    fill = "Fill them in or leave those rows out."
    missing = Check("missing currency", money.column, fill, names_no_currency(_TEXT))
    checks = [missing, *_contradicted_sign_checks(money, frame, found)]
    if rates is None:
        return Told(frame, checks, [Output("currency", _NAME)])
    frame = _with_rate(money, frame, found, rates)
    factor = nw.col(_RATE).fill_null(1.0)  # such rows are refused, by their true reason
    columns = [f"{OURS}{role}" for role in money.roles]
    frame = frame.with_columns((nw.col(name) * factor).alias(name) for name in columns)
    return Told(frame, [*checks, *_missing_rate_checks(money, found, rates)], shuffled=True)


def _sign_name(role: str) -> str:
    return f"{OURS}{role}_sign"


def _text_of_currency(money: _Money) -> nw.Expr:
    """What a row says of its currency: in a column of its own, or by the sign of an amount."""
    source, column = money.source, money.column
    for role in money.roles:
        if source.roles[role] == column:
            if role in money.signed:
                return nw.col(_sign_name(role))
            raise ColumnError(
                f"currency names {column!r}, the column of {role}, whose amounts carry no signs of "
                "currencies. Name another one."
            )
    dtype = source.schema[column]
    if dtype.is_temporal() or isinstance(dtype, nw.Boolean):
        raise ColumnError(f"currency: column {column!r} holds {dtype}, not names of currencies.")
    return currency_text(column, dtype)


def _with_rate(money: _Money, frame: Frame, found: Sequence[Found], rates: Rates) -> Frame:
    """Each row beside its rate, null where there is none: a join with the few that are needed."""
    keys, needed = [_NAME], {_NAME: np.array([one.name for one in found], object)}
    if rates.by_day:
        day = periods.day_expr(f"{OURS}{money.dates[0]}", frame.implementation)
        frame = frame.with_columns(day.cast(nw.Float64).alias(_DAY))
        keys = [_NAME, _DAY]
        pairs = collect(frame.select(*keys).filter(~nw.col(_DAY).is_null()).unique())
        of = {one.name for one in found}
        there = np.array([name in of for name in pairs[_NAME].tolist()], bool)
        needed = {name: pairs[name][there] for name in keys}
    rate = np.full(needed[_NAME].size, np.nan)
    days = needed.get(_DAY, np.zeros(rate.size)).astype(np.int64)
    for name in {one.name for one in found}:
        here = needed[_NAME] == name
        rate[here] = rates.rates_on(name, days[here])
    table = table_like({**needed, _RATE: rate}, frame.to_native())
    return frame.join(as_lazy(table, by_row=True), on=keys, how="left")


def _missing_rate_checks(money: _Money, found: Sequence[Found], rates: Rates) -> list[Check]:
    """The checks that every row has a rate, and that its day has one."""
    name, lacking = nw.col(_NAME), [one for one in found if one.name not in rates.of]
    add = (
        f"Add to `rates=` what one unit of each is worth: {currencies_in_words(lacking)}. It is 1 "
        "for the currency you convert to."
        if lacking
        else ""
    )
    unknown = name.is_in([one.name for one in lacking]) if lacking else None
    checks = [Check("currency without an exchange rate", money.column, add, unknown, asks=True)]
    if rates.by_day:
        first = {one.name: rates.first_day(one.name) for one in found if one.name in rates.of}
        told = ", ".join(f"{one} from {day}" for one, day in first.items())
        early = f"There are rates of {told}: add earlier ones, or leave those rows out."
        no_rate = name.is_in(list(first)) & nw.col(_RATE).is_null() & ~nw.col(_DAY).is_null()
        column = money.source.roles[money.dates[0]]
        checks.append(
            Check(
                f"{money.dates[0]} before the first exchange rate",
                column,
                early,
                no_rate,
                asks=True,
            )
        )
    return checks


def _contradicted_sign_checks(money: _Money, frame: Frame, found: Sequence[Found]) -> list[Check]:
    """The checks that the signs of amounts do not say another currency than the column does."""
    checks = []
    for role in money.signed:
        column = money.source.roles[role]
        fails = (
            []
            if column == money.column
            else _contradicted_rows(money.signs(frame, role), found, role)
        )
        if fails:
            said = f"Their sign says another currency than column {money.column!r} does: "
            advice = f"{said}correct them or leave those rows out."
            reason = f"{role} with the sign of another currency"
            checks.append(Check(reason, column, advice, reduce(or_, fails)))
    return checks


def _contradicted_rows(signs: Sequence[Found], found: Sequence[Found], role: str) -> list[nw.Expr]:
    """Where a sign stands beside a currency that it cannot be of."""
    fails = []
    for sign in signs:
        other = [
            one.name
            for one in found
            if is_known_currency(one.name) and one.name not in possible_currencies(sign.name)
        ]
        if other:
            fails.append(
                nw.col(_sign_name(role)).is_in(list(sign.texts)) & nw.col(_NAME).is_in(other)
            )
    return fails


def _several_signs_checks(money: _Money, frame: Frame) -> list[Check]:
    """The check that the signs in amounts are all of one currency."""
    found = merged_currencies([one for role in money.signed for one in money.signs(frame, role)])
    if len(found) < 2:
        return []
    column = money.source.roles[money.signed[0]]
    advice = (
        f"There are {currencies_in_words(found)}. Say `currency={column!r}` to read the "
        "currency from the signs, "
        f"and to convert `rates={rates_to_write(found)}` as well; or load the rows of each apart."
    )
    reason, every = "amounts with signs of several currencies", nw.lit(value=True)
    return [
        Check(reason, column, advice, every, asks=True)
    ]  # those without a sign are of an unknown one


def _several_beside_checks(money: _Money, frame: Frame) -> list[Check]:
    """The check that no column beside the amounts, which nobody named, says several currencies."""
    taken = set(money.source.roles.values())
    there = money.source.frame.collect_schema()  # of an eager table, the columns that may matter
    schema = {name: dtype for name, dtype in money.source.schema.items() if name in there}
    others = {name: dtype for name, dtype in schema.items() if name not in taken}
    if not money.roles or not others:
        return []
    one_only, frame = "", money.source.rows_meant(frame)
    for column in currency_columns(others):
        found = currencies_in_column(frame, column, others[column], row=money.row)
        if len(found) > 1:
            return [_unnamed_column_check(column, found, one_only)]
        if found:
            one_only = column
    for column in _columns_of_codes(money.source.rows_meant(money.source.frame), others):
        found = currencies_in_column(frame, column, others[column], row=money.row)
        if len(found) > 1 and are_currency_codes(text for one in found for text in one.texts):
            return [_unnamed_column_check(column, found, one_only)]
    return []


def _columns_of_codes(frame: Frame, others: Mapping[str, nw.dtypes.DType]) -> list[str]:
    """The columns whose first rows hold codes of currencies under a name that says nothing."""
    texts = unnamed_columns(others)
    if not texts:
        return []
    sample = collect(frame.head(SAMPLE).select(*texts))
    return [name for name in texts if are_currency_codes(sample[name].tolist())]


def _unnamed_column_check(column: str, found: Sequence[Found], one_only: str) -> Check:
    same = rates_to_write(found, rate="1")
    advice = (
        f"Column {column!r} says {currencies_in_words(found)}. Say `currency={column!r}`, and "
        f"to convert `rates={rates_to_write(found)}` as well; where all amounts are in one "
        "currency "
        f"already, `rates={same}`" + (f" or `currency={one_only!r}`." if one_only else ".")
    )
    return Check("amounts in several currencies", column, advice, nw.lit(value=True), asks=True)
