"""Currencies: which columns say them, how people write them, and that two are never added up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING
from unicodedata import combining, normalize

import narwhals.stable.v2 as nw

from retention.errors import ContentError, warn
from retention.frames import Frame, collect, one_row
from retention.tables.currency_signs import (
    MAJOR,
    currency_code,
    is_known_currency,
    possible_currencies,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from retention.tables.declaring import Kind

_STEMS = (
    *("currency", "currencies", "wahrung", "waehrung", "devise", "moneda", "divisa", "monnaie"),
    *(
        "valuta",
        "moeda",
        "waluta",
        "penznem",
        "parabirimi",
        "валют",
        "通貨",
        "货币",
        "貨幣",
        "币种",
    ),
    "통화",
)
_SHORT = frozenset({"ccy", "cur", "curr", "crncy", "waers", "waerk", "hwaer"})
_NUMBERED = frozenset({"id", "code", "key", "iso", "no", "nr", "num", "number", "numeric", "fk"})
_NAMES = """
country countries nation land pays pais airport origin destination city language lang sprache state
product products sku item items article artikel name customer ticker asset coin pair
"""
_OTHERWISE = frozenset(_NAMES.split())
"""Words of headers whose three letters are no currency, or one that was bought."""

_NOTHING = ("", "NAN", "NONE", "NULL", "NA", "N/A", "#N/A", "NAT", "<NA>", "(MISSING)", "-", "–")
_FLAGS = frozenset({*("YES", "NO", "Y", "N", "TRUE", "FALSE", "T", "F", "JA", "NEIN", "J"), "OUI"})
_MISSING = "(missing)"
_PAD = "[ \t\r\n\u00a0\u200b\ufeff]"
_MOST = 100
"""More different texts than this are no currencies."""


@dataclass(frozen=True, slots=True)
class Found:
    """A currency in a column: how it is called, in how many rows it stands, and the first row.

    `first` is null where rows have no number. `texts` are the ways in which it is written.
    """

    name: str
    n: int
    first: int | None
    texts: tuple[str, ...]

    def __str__(self) -> str:
        first = "" if self.first is None else f", first in row {self.first:,}"
        return f"{self.name} ({self.n:,} row{'s' * (self.n != 1)}{first})"


def says_currency(header: str) -> bool:
    """Whether a column's name means currency, as Currency, presentment_currency or Währung do."""
    words = _words_of_header(header)
    plain = "".join(words)
    stems = "concurren" not in plain and any(stem in plain for stem in _STEMS)
    return stems or not _SHORT.isdisjoint(words)


def currency_columns(schema: Mapping[str, nw.dtypes.DType]) -> list[str]:
    """The columns that say by their name in which currency amounts are."""
    named = [column for column in schema if says_currency(column)]
    return [
        name
        for name in named
        if _may_hold_text(schema[name]) or _may_be_numbers(name, schema[name])
    ]


def unnamed_columns(schema: Mapping[str, nw.dtypes.DType]) -> list[str]:
    """Text columns that could hold codes of currencies, though their name does not say so."""
    texts = [
        name
        for name, dtype in schema.items()
        if isinstance(dtype, nw.String | nw.Categorical | nw.Enum)
    ]
    said = [name for name in texts if name != "*" and _OTHERWISE.isdisjoint(_words_of_header(name))]
    return said[:_MOST]  # to engines "*" is every column


def are_currency_codes(texts: Iterable[object]) -> bool:
    """Whether all that is filled in are codes or signs of currencies, some of the most used."""
    filled = {str(text).strip() for text in texts if text is not None}
    names = {currency_code(text) for text in filled if text.upper() not in _NOTHING}
    return all(map(is_known_currency, names)) and not (MAJOR | {"$", "¥"}).isdisjoint(names)


def currency_text(column: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """What a column says of currencies, as text without padding; missing is the empty text."""
    text = nw.col(column)
    text = (text if isinstance(dtype, nw.String) else text.cast(nw.String)).fill_null("")
    text = text.str.replace_all(f"^{_PAD}+|{_PAD}+$", "")
    return text if _may_hold_text(dtype) else text.str.replace_all(r"\.0$", "")


def names_no_currency(text: str) -> nw.Expr:
    """Where a text, without padding, names no currency at all."""
    return nw.col(text).str.to_uppercase().is_in(list(_NOTHING))


def currency_names(text: str, found: Sequence[Found]) -> nw.Expr:
    """The names of currencies from the texts in which they were found; null where there is none."""
    name = nw.col(text).str.to_uppercase()
    for one in found:
        ways = [said for said in one.texts if said.upper() != one.name]
        if ways:
            name = nw.when(nw.col(text).is_in(ways)).then(nw.lit(one.name)).otherwise(name)
    return nw.when(~names_no_currency(text)).then(name)


def merged_currencies(found: Iterable[Found]) -> list[Found]:
    """What was found in several columns, each currency once."""
    of: dict[str, list[Found]] = {}
    for one in found:
        of.setdefault(one.name, []).append(one)
    whole = [
        Found(
            name,
            sum(part.n for part in parts),
            min((part.first for part in parts if part.first is not None), default=None),
            tuple(sorted({text for part in parts for text in part.texts})),
        )
        for name, parts in of.items()
    ]
    return sorted(whole, key=lambda one: (-one.n, one.name))


def currencies_in_text(frame: Frame, text: nw.Expr, *, row: str | None = None) -> list[Found]:
    """The currencies that a text names, those with most rows first; blanks are none.

    Args:
        frame: the rows.
        text: what they say, without padding.
        row: the column of their numbers, where they have any.
    """
    keys = {"_text": text} | ({} if row is None else {"_row": nw.col(row)})
    least = [] if row is None else [nw.col("_row").min()]
    found = collect(frame.select(**keys).group_by("_text").agg(nw.len().alias("n"), *least))
    firsts = [None] * len(found["n"]) if row is None else found["_row"].astype(int).tolist()
    lines = zip(found["_text"].tolist(), found["n"].astype(int).tolist(), firsts, strict=True)
    return merged_currencies(
        Found(currency_code(said), n, first, (said,))
        for said, n, first in lines
        if said.upper() not in _NOTHING
    )


def currencies_in_column(
    frame: Frame, column: str, dtype: nw.dtypes.DType, *, row: str | None = None
) -> list[Found]:
    """The currencies that a column of that meaning names: none if it holds flags or amounts."""
    text = currency_text(column, dtype)
    if not _may_be_numbers(column, dtype):
        frame = frame.filter(~text.str.contains("[0-9]"))
    found = currencies_in_text(frame, text, row=row)
    names = {one.name for one in found}
    too_many = len(names) > _MOST and not any(map(is_known_currency, names))
    return [] if names <= _FLAGS or too_many else found


def currencies_in_words(found: Sequence[Found]) -> str:
    """Currencies and their rows in words."""
    shown = [str(one) for one in found[:10]]
    more = [f"{len(found) - 10} more"] * (len(found) > 10)
    *most, last = [*shown, *more]
    return f"{', '.join(most)} and {last}" if most else last


def rates_to_write(found: Sequence[Found], rate: str = "...") -> str:
    """What to write to convert all currencies into the first of them."""
    rates = [f"{one.name!r}: {1 if i == 0 else rate}" for i, one in enumerate(found[:10])]
    return f"{{{', '.join(rates)}{', ...' * (len(found) > 10)}}}"


def holds_several(frame: Frame) -> bool:
    """Whether a column of a table says that its rows are in several currencies."""
    schema = frame.collect_schema()
    columns = currency_columns(schema)
    return any(len(currencies_in_column(frame, name, schema[name])) > 1 for name in columns)


def refuse_mixed(frame: Frame, kind: Kind, by: Sequence[str], *, apart: bool = True) -> None:
    """Refuse to add up money of a table whose rows are in several currencies.

    Args:
        frame: the table.
        kind: what it is; its columns tell which ones are money.
        by: segment columns. Where one of them says the currency, nothing is added up across.
        apart: whether the user could say `by=`.

    Raises:
        ContentError: if a column says that the money is in several currencies.
    """
    schema = frame.collect_schema()
    money = [c.name for c in kind.columns if "currency" in c.unit and c.name in schema]
    columns = currency_columns(schema) if money else []
    if not columns or (apart and not set(columns).isdisjoint(by)):
        return
    known = frame.filter(reduce(or_, (~nw.col(name).is_null() for name in money)))
    for column in columns:
        found = currencies_in_column(known, column, schema[column])
        if len(found) > 1:
            raise ContentError(
                f"{kind.name} holds {money[0]} in {len(found)} currencies, which cannot be added "
                f"up: {currencies_in_words(found)} in column {column!r}. "
                f"{_ways_to_go_on(kind, column, found, apart)}"
            )


def refuse_several_each(frame: Frame, kind: Kind, by: Sequence[str]) -> None:
    """Refuse what adds up all that a customer brought, whatever the segment, where that is mixed.

    Raises:
        ContentError: if a segment is the currency and customers have several of them.
    """
    schema = frame.collect_schema()
    for column in (name for name in currency_columns(schema) if name in by):
        each = frame.select("customer_id", _text=currency_text(column, schema[column]))
        each = each.filter(~nw.col("_text").is_in(list(_NOTHING)) & (nw.col("_text") != _MISSING))
        several = each.group_by("customer_id").agg(nw.col("_text").n_unique())
        n = int(one_row(several.filter(nw.col("_text") > 1).select(nw.len().alias("n")))["n"])
        if n:
            found = currencies_in_column(frame, column, schema[column])
            raise ContentError(
                f"{kind.name}: {n:,} customer{'s' * (n != 1)} brought money in several currencies "
                f"({currencies_in_words(found)} in column {column!r}), and what a customer "
                f"brought in all is added up here. "
                f"{_ways_to_go_on(kind, column, found, apart=False)}"
            )


def refuse_apart(tables: Mapping[Kind, Frame], by: Sequence[str] = ()) -> None:
    """Refuse two tables whose money is set against each other and is in different currencies.

    Args:
        tables: both, by what they are.
        by: segment columns; where the currency is one of them, each is set against its own.

    Raises:
        ContentError: if a column of each says its currency, and these differ.
    """
    said: dict[str, set[str]] = {}
    for kind, frame in tables.items():
        schema = frame.collect_schema()
        for column in currency_columns(schema)[:1]:
            if column in by:
                return
            said[kind.name] = {
                one.name for one in currencies_in_column(frame, column, schema[column])
            }
    named = {name: found for name, found in said.items() if found}
    if any(len(found) > 1 for found in named.values()):
        return  # refused where each table is looked at alone
    parts = [f"that of {name} in {', '.join(sorted(found))}" for name, found in named.items()]
    if len(named) < len(tables):
        silent = [kind.name for kind in tables if kind.name not in named]
        if named:
            warn(
                f"Money is set against money: {' and '.join(parts)}, while {silent[0]} does not "
                "say "
                "in which currency it is. See that it is the same; `by='currency'` keeps what the "
                "door was told."
            )
        return
    first, *others = (
        {may for name in found for may in possible_currencies(name)} for found in named.values()
    )
    if not all(first & other for other in others):
        raise ContentError(
            f"Money is set against money in different currencies, {' and '.join(parts)}: that says "
            "nothing. Convert one of them at its door, `rates=`."
        )


def _ways_to_go_on(kind: Kind, column: str, found: Sequence[Found], apart: bool) -> str:
    """How to go on."""
    door = kind.door if kind.door.startswith("as_") else "as_transactions"
    named = "..." if column == "currency" else repr(column)
    rates = f"`{door}(..., currency={named}, rates={rates_to_write(found)})`"
    at = f"convert them at the door, {rates}" if kind.door else "convert them first"
    if apart:
        return f"Say `by={column!r}`, or {at}."
    return f"{at[0].upper()}{at[1:]}, or give the rows of one currency at a time."


def _may_hold_text(dtype: nw.dtypes.DType) -> bool:
    return isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Object)


def _may_be_numbers(column: str, dtype: nw.dtypes.DType) -> bool:
    """Whether currencies are numbered there: currency_id, or the 978 of ISO 4217."""
    words = [
        w for w in _words_of_header(column) if w not in _SHORT and not any(s in w for s in _STEMS)
    ]
    numbers = _may_hold_text(dtype) or dtype.is_integer() or dtype.is_float()
    return numbers and bool(words) and _NUMBERED.issuperset(words)


def _words_of_header(header: str) -> list[str]:
    """The words of a column's name, in small letters without accents."""
    parted = re.sub(r"(?<=[a-zäöü0-9])(?=[A-ZÄÖÜ])", " ", str(header))
    plain = "".join(c for c in normalize("NFKD", parted) if not combining(c)).casefold()
    return re.findall(r"[^\W_]+", plain)
