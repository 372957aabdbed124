"""What people write: blanks, padding, and the conventions of a file that its door must be told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from retention.errors import RetentionError, check_choice
from retention.frames import conditions_met

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame

OURS = "_retention_"
"""Columns that the doors add while they work start with this."""

BLANKS = (
    *("", "nan", "NaN", "None", "NULL", "null", "NA", "N/A", "n/a", "#N/A", "NaT", "<NA>"),
    *("#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"),
)
"""Texts that mean nothing was filled in, or that a spreadsheet could not work it out."""

_NOBODY = ("(not set)", "(other)")
"""What Google Analytics says of whom it does not know, and of the many it keeps no row of."""

_TOTAL_WORDS = """
total|totals|grand total|sub total|subtotal|sub-total|sum|gesamt|summe|gesamtsumme|zwischensumme
|insgesamt|total general|total général|sous-total|somme|total geral|subtotale|totale|totaal
|suma|razem|celkem|összesen|toplam|genel toplam|yhteensä|summa|totalt|i alt|итого|всего|разом|усього
|σύνολο|合计|總計|总计|合計|小計|小计|합계|총계|المجموع|الإجمالي|סה״כ|jumlah|tổng|tổng cộng|कुल
"""
_TOTALS = [word.strip() for word in _TOTAL_WORDS.replace("\n", "").split("|")]
TOTALS = tuple(
    dict.fromkeys(
        f"{said}{end}"
        for word in _TOTALS
        for said in (word, word.capitalize(), word.title(), word.upper())
        for end in ("", ":")
    )
)
"""Texts in the place of an id that say that the row adds up others."""

LOW_BLANKS = tuple(dict.fromkeys(word.lower() for word in BLANKS))
"""The same in lower case."""

_NO_DAYS = ("0000-00-00", "0000/00/00", "00.00.0000", "00/00/0000", "00-00-0000", "00000000")
NO_DATES = (
    *LOW_BLANKS,
    *("-", "--", "–", "—"),
    *_NO_DAYS,
    *(f"{day}{clock}" for day in _NO_DAYS for clock in (" 00:00", " 00:00:00", "t00:00:00")),
)
"""Texts in lower case that mean that no date was filled in: dashes, and the day nought."""

ADVICE_ON_YEARS = (
    "Years are read as those of the Gregorian calendar: if they are of another (Buddhist, Persian, "
    "Islamic), convert them first."
)
"""What to do about dates in years that no file of today is about."""

_PAD = "[ \t\r\n\u00a0\u200b\ufeff]"
MARKED = '^="[^"]*"$|^\'[0-9]+$'
"""A pattern of texts that are marked as such for a spreadsheet: ="00123" and '00123."""

PADDED = f"^{_PAD}|{_PAD}$|{MARKED}"
"""A pattern of texts with a space, no-break space or byte-order mark at either end, or marked."""

EPOCHS: Mapping[str, int] = {
    "epoch_s": 1,
    "epoch_ms": 1_000,
    "epoch_us": 1_000_000,
    "epoch_ns": 1_000_000_000,
}
"""Values of `date_format` for whole numbers since 1970-01-01, and how many make a second."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a file writes its dates, amounts and blank ids, as far as the user said so.

    `rates` are the exchange rates that convert its amounts; `from_tz` is the zone whose clock its
    times without an offset show.
    """

    day_first: bool | None = None
    date_format: str | None = None
    decimal: str | None = None
    tz: str | None = None
    blanks: Sequence[str] | None = None
    rates: object = None
    from_tz: str | None = None

    @property
    def blank_ids(self) -> tuple[str, ...]:
        """Texts that are no id: those that mean that none was filled in, and those of totals."""
        return (*BLANKS, *_NOBODY, *TOTALS) if self.blanks is None else ("", *self.blanks)

    def checked(self) -> Written:
        """Itself, once its values make sense.

        Raises:
            RetentionError: if one of them is not a known choice.
        """
        if self.day_first not in (None, True, False):
            raise RetentionError(f"day_first must be True or False; got {self.day_first!r}.")
        if self.decimal is not None:
            check_choice("decimal", self.decimal, (".", ","))
        if self.date_format is not None and "%" not in self.date_format:
            check_choice(
                "date_format", self.date_format, (*EPOCHS, "excel", "a format such as '%d/%m/%Y'")
            )
        if self.tz is not None:
            check_zone(self.tz)
        if self.from_tz is not None:
            check_zone(self.from_tz, argument="from_tz")
            if self.tz is None:
                raise RetentionError(
                    f"`from_tz={self.from_tz!r}` says whose clock the times show: say in whose "
                    "days they count as well, such as `tz='Europe/Berlin'`."
                )
        if self.blanks is not None and (
            not isinstance(self.blanks, list | tuple | set | frozenset)
            or not all(isinstance(text, str) for text in self.blanks)
        ):
            raise RetentionError(
                f"blanks must be a list of texts, such as ['NA'], or () for none; got "
                f"{self.blanks!r}."
            )
        return self


def check_zone(name: str, *, argument: str = "tz") -> None:
    """Refuse a time zone that is not an IANA name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError):
        raise RetentionError(
            f"{argument} must be an IANA time zone such as 'Europe/Berlin' or 'UTC'; got {name!r}."
        ) from None


def is_text(dtype: nw.dtypes.DType) -> bool:
    """Whether values of this type are read as text: text, categories, and pandas' mixed objects."""
    return isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Object | nw.Unknown)


def stripped_text(text: nw.Expr) -> nw.Expr:
    """Text without padding at its ends, the no-break space included."""
    return text.str.replace_all(f"^{_PAD}+|{_PAD}+$", "")


def unmarked_text(text: nw.Expr) -> nw.Expr:
    """Text without padding, and without what tells a spreadsheet that it is text."""
    bare = stripped_text(text)
    inner = stripped_text(bare.str.replace_all('^="|^\'|"$', ""))
    return nw.when(bare.str.contains(MARKED)).then(inner).otherwise(bare)


def column_of_cells(column: str) -> str:
    """Where the text of a column stands whose cells are Python objects of several kinds."""
    return f"{OURS}cells {column}"


def column_as_text(column: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """A column as text, however it is kept."""
    if isinstance(dtype, nw.String):
        return nw.col(column)
    cells = nw.col(column_of_cells(column) if isinstance(dtype, nw.Object) else column)
    return nw.when(~cells.is_null()).then(cells.cast(nw.String))  # pandas would make "None" of None


def flat_text(column: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """A column as text without padding or odd spaces; what is missing is the empty text."""
    text = column_as_text(column, dtype)
    return stripped_text(
        text.fill_null("").str.replace_all("[\u00a0\u2000-\u200a\u202f\u205f\u3000]", " ")
    )


_ENGLISH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    "sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)  # months that a format can say with %b


def advice_on_months(text: str) -> str:
    """What is made of months, and how to say that it is meant."""
    made = "Each is read as its first day, and days within a month are not known."
    if "q" in text or re.search("[^-0-9/., ]", re.sub(rf"\b(?:{_ENGLISH})\b", "", text)):
        return made
    written = re.sub("[a-z]+", "%b", re.sub("[0-9]{4}", "@", text))
    written = re.sub("[0-9]{1,2}", "%m", written).replace("@", "%Y")
    return f"{made} If all are written alike and that is meant, say `date_format={written!r}`."


def signs_that_occur(frame: Frame, conditions: Mapping[str, nw.Expr]) -> dict[str, bool]:
    """Whether each condition holds in any row, in one query; no conditions, no query."""
    if not conditions:
        return {}
    named = {f"{OURS}sign{i}": condition for i, condition in enumerate(conditions.values())}
    found = conditions_met(frame, named)
    return {name: found[ours] for name, ours in zip(conditions, named, strict=True)}


def value_as_written(value: Any) -> str:
    """A value as the user wrote it: text in quotes, a midnight as its day."""
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return str(value.date())
    return repr(value) if isinstance(value, str) else f"{value}"
