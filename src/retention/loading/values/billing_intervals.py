"""What the amounts of contracts are for: a month, three months, a whole term, or once and for all.

Said in one word for the whole table, or by a column of it, with a number in the same cell ("3
months", "P1Y") or in a column of its own. What has two readings ("biweekly") is not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import collect
from retention.loading.rows.row_checks import Check
from retention.loading.rows.text import LOW_BLANKS, OURS, flat_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.frames import Frame
    from retention.loading.rows.columns import Source

ONCE, TERM = 0.0, -1.0
"""In place of a number of months: paid once, so that nothing recurs; for the whole contract."""

MONTHS = f"{OURS}months"
"""How many months an amount is for, `ONCE` where it is paid once; null where it is not known."""

_UNITS = {
    1 / periods.DAYS_A_MONTH: "d day days daily tag tage täglich jour jours quotidien",
    7 / periods.DAYS_A_MONTH: "w wk wks week weeks weekly woche wochen wöchentlich semaine semaines"
    " hebdomadaire",
    14 / periods.DAYS_A_MONTH: "fortnight fortnights fortnightly",
    1.0: "mo mos mon mth mths month months monthly monat monate monatlich mois mensuel mensuelle",
    3.0: "q qtr quarter quarters quarterly quartal quartale vierteljahr vierteljährlich trimestre"
    " trimestres trimestriel trimestrielle",
    6.0: "semiannual semiannually halfyear halfyearly halbjahr halbjährlich semestre semestres"
    " semestriel semestrielle",
    12.0: "y yr yrs year years yearly annual annually annum pa jahr jahre jährlich an ans année"
    " années annuel annuelle",
    TERM: "term subscriptionterm contractterm wholeterm",
    ONCE: "once onetime oneoff lifetime life forever perpetual einmalig",
}
_MONTHS_OF = {word: months for months, words in _UNITS.items() for word in words.split()}
_NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
)
_LEAD = r"^(?:(?:per|every|each|a|an|the|in|pro|je|alle|im|par|tous les|toutes les) |/ ?)+"
_ISO = re.compile(r"p(?=\d)(?:(\d+)y)?(?:(\d+)m)?(?:(\d+)w)?(?:(\d+)d)?")
_ISO_MONTHS = (12.0, 1.0, 7 / periods.DAYS_A_MONTH, 1 / periods.DAYS_A_MONTH)
_SPECIFIC = {"specific months": 1.0, "specific weeks": 7 / periods.DAYS_A_MONTH}
_MOST = 1200  # months
_READS = (
    "It is an interval (day, week, month, quarter, year) with a number before it where there are "
    "several ('2 weeks', '18 months', 'P1Y'), 'term' (for the whole contract) or 'once' (nothing "
    "recurs)"
)


def months_of_interval(said: str) -> float | None:
    """How many months an interval lasts, `TERM` or `ONCE`; None if it cannot be read in one way.

    Example:
        >>> [months_of_interval(text) for text in ("monthly", "3 months", "P1Y", "semi-annual")]
        [1.0, 3.0, 12.0, 6.0]
        >>> [months_of_interval(text) for text in ("Subscription_Term", "one-time", "biweekly")]
        [-1.0, 0.0, None]
    """
    text = " ".join(re.sub(r"[_\-.\s]+", " ", said.lower()).split())
    if iso := _ISO.fullmatch(text):
        months = sum(int(n or 0) * m for n, m in zip(iso.groups(), _ISO_MONTHS, strict=True))
        return months if 0 < months <= _MOST else None
    text = re.sub(_LEAD, "", text)
    if (whole := _MONTHS_OF.get(text.replace(" ", ""))) is not None:
        return whole
    counted = re.fullmatch(r"(\d{1,4}|[a-z]+) ?(.+)", text)
    if counted is None:
        return None
    number, unit = counted[1], _MONTHS_OF.get(counted[2].replace(" ", ""))
    n = int(number) if number.isdigit() else _number_of_word(number)
    return n * unit if n and unit and unit > 0 and n * unit <= _MOST else None


def _number_of_word(word: str) -> int:
    return _NUMBERS.index(word) + 1 if word in _NUMBERS else 0


def is_interval(said: object) -> bool:
    """Whether what was said is an interval itself, and no name of a column that holds one."""
    return isinstance(said, str) and months_of_interval(said) is not None


def with_months_of_amount(
    source: Source, frame: Frame, said: str, days: tuple[str, str]
) -> tuple[Frame, list[Check]]:
    """The frame with how many months each amount is for, and what can be wrong with that.

    Args:
        source: the table; where a column says the interval, its role is `sales_per`.
        frame: the same with its amounts and days read.
        said: the interval, where it is one for all.
        days: the columns of the first day and the first day out, as numbers.
    """
    checks: list[Check] = []
    if "sales_per" in source.roles:
        frame, checks = _with_months_by_column(source, frame)
        kinds = {ONCE, TERM}
    else:
        months = months_of_interval(said)
        kinds = {months or ONCE}
        frame = frame.with_columns(nw.lit(months).cast(nw.Float64).alias(MONTHS))
    if "sales_per_count" in source.roles:
        frame, more = _with_months_counted(source, frame)
        checks += more
    if TERM in kinds:
        frame, more = _with_months_of_term(source, frame, days)
        checks += more
    return frame, checks


def amount_per_month(role: str) -> nw.Expr:
    """An amount, for one month of those that it is for."""
    months = nw.when(nw.col(MONTHS) > 0).then(nw.col(MONTHS)).otherwise(nw.lit(1.0))
    per_month = nw.col(f"{OURS}{role}") / months
    return nw.when(nw.col(MONTHS) == ONCE).then(nw.lit(0.0)).otherwise(per_month)


def _with_months_by_column(source: Source, frame: Frame) -> tuple[Frame, list[Check]]:
    """The months that each row says."""
    column, text = source.roles["sales_per"], f"{OURS}sales_per_text"
    frame = frame.with_columns(flat_text(column, source.schema[column]).alias(text))
    texts = [str(each) for each in collect(frame.select(text).unique())[text]]
    specific = _SPECIFIC if "sales_per_count" in source.roles else {}
    known = {each: months_of_text(each, specific) for each in texts}
    months = nw.lit(None, dtype=nw.Float64)
    for value in sorted({value for value in known.values() if value is not None}):
        these = [each for each, one in known.items() if one == value]
        months = nw.when(nw.col(text).is_in(these)).then(nw.lit(value)).otherwise(months)
    blank = nw.col(text).str.to_lowercase().is_in(LOW_BLANKS)
    fill = "Fill them in or leave those rows out."
    number = (
        f" If they are numbers of months, say `sales_per='month'` and `sales_per_count={column!r}`."
    )
    bare = number if any(re.fullmatch(r"\d+(?:\.0)?", each) for each in texts) else ""
    advice = f"{_READS}: recode the column.{bare}"
    frame = frame.with_columns(months.alias(MONTHS))
    return frame.with_columns((~blank & nw.col(MONTHS).is_null()).alias(f"{OURS}unread")), [
        Check("missing sales_per", column, fill, blank),
        Check("unreadable sales_per", column, advice, nw.col(f"{OURS}unread")),
    ]


def months_of_text(text: str, specific: Mapping[str, float]) -> float | None:
    """What a cell says; "Specific Months" is one where a column beside it says how many."""
    plain = " ".join(re.sub(r"[_\-\s]+", " ", text.lower()).split())
    return specific[plain] if plain in specific else months_of_interval(text)


def _with_months_counted(source: Source, frame: Frame) -> tuple[Frame, list[Check]]:
    """The months times how many; where nothing is filled in it is one."""
    n, column = nw.col(f"{OURS}sales_per_count"), source.roles["sales_per_count"]
    wrong = (n <= 0) | (n > _MOST)
    counted = (nw.col(MONTHS) > 0) & (n > 0)
    times = nw.when(counted).then(nw.col(MONTHS) * n).otherwise(nw.col(MONTHS))
    advice = "It is how many intervals the amount is for, 1 or more: correct them."
    return frame.with_columns(times.alias(MONTHS)), [
        Check("sales_per_count that is no number of intervals", column, advice, wrong)
    ]


def _with_months_of_term(
    source: Source, frame: Frame, days: tuple[str, str]
) -> tuple[Frame, list[Check]]:
    """The months of a contract where its amount is for all of it: whole ones, and days beside.

    From 15 March to 15 June are three; from 31 January to 29 February is one, as systems renew at
    the end of a shorter month; what is left over counts as days of a month of 30.4375.
    """
    engine, known = frame.implementation, {"first": f"{OURS}first", "out": f"{OURS}until"}
    frame = frame.with_columns(
        (nw.col(MONTHS) == TERM).alias(f"{OURS}term"),
        *(
            nw.col(day).fill_null(0).cast(nw.Int64).alias(name)
            for name, day in zip(known.values(), days, strict=True)
        ),
    )
    for name, day in known.items():
        date = f"{OURS}{name}_date"
        for column, moved in ((date, 0), (f"{date}_next", 1)):
            frame = frame.with_columns(periods.date_expr(nw.col(day) + moved, engine).alias(column))
        month = nw.col(date).dt.year().cast(nw.Int64) * 12 + nw.col(date).dt.month() - 1
        frame = frame.with_columns(
            month.cast(nw.Int64).alias(f"{OURS}{name}_month"),
            nw.col(date).dt.day().cast(nw.Int64).alias(f"{OURS}{name}_day"),
            (nw.col(f"{date}_next").dt.day() == 1).alias(f"{OURS}{name}_closes"),
        )
    start, out = (nw.col(f"{OURS}{name}_day") for name in ("first", "out"))
    short = (out < start) & ~nw.col(f"{OURS}out_closes")
    between = nw.col(f"{OURS}out_month") - nw.col(f"{OURS}first_month")
    frame = frame.with_columns((between - short.cast(nw.Int64)).alias(f"{OURS}whole"))
    step = nw.col(f"{OURS}first_month") + nw.col(f"{OURS}whole")
    opens = periods.first_day_number(step, "month")
    length = periods.first_day_number(step + 1, "month") - opens
    at = nw.when(start <= length).then(start).otherwise(length)
    rest = nw.col(known["out"]) - (opens + at - 1)
    rest = nw.when(nw.col(f"{OURS}first_closes") & (out >= start)).then(nw.lit(0)).otherwise(rest)
    term = nw.col(f"{OURS}whole") + rest / periods.DAYS_A_MONTH
    months = nw.when(nw.col(f"{OURS}term")).then(term).otherwise(nw.col(MONTHS))
    advice = (
        "A whole term needs its end: fill it in. If they are paid once, and nothing recurs, say so "
        "(`sales_per='once'`, or once in the column that says it)."
    )
    endless = nw.col(f"{OURS}term") & nw.col(days[1]).is_null()
    column = source.roles["end"]
    return frame.with_columns(months.alias(MONTHS)), [
        Check("amount for a term without an end", column, advice, endless, asks=True)
    ]
