"""Ages of customers, by the anniversaries of their own starts: which are over, and the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError, check_choice, count_of, warn
from retention.frames import AFTER_ALL, Frame, as_text, count, one_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

Length = Literal["month", "quarter", "year"]
"""How long a period of tenure is."""

_SHORTER = {"year": "quarter", "quarter": "month"}


@dataclass(frozen=True, slots=True)
class Ages:
    """How ages are counted, and between which days.

    Attributes:
        length: of a period.
        until: the last day of which everything is known.
        since: the first observed day, None where the table holds everything.
    """

    length: str
    until: date
    since: date | None

    @property
    def months(self) -> int:
        """How many months a period has."""
        return periods.months_of(self.length)

    @property
    def words_of_since(self) -> str:
        """What the user said of the first observed day."""
        return f"`observed_from` {self.since}"


def check_length(length: object) -> None:
    """Refuse a length of tenure that is none of the three."""
    check_choice("length", length, get_args(Length))


def age_of_day(day_after: str, ages: Ages) -> nw.Expr:
    """The age in which a day lies, from the column of the day after it."""
    return periods.months_before(day_after, "start") // ages.months + 1


def with_ages_observed(starts: Frame, ages: Ages) -> Frame:
    """Starts (`_start`, a number) with their date, and the first and last age that was observed."""
    engine = starts.implementation
    after = periods.day_literal(periods.days_after(ages.until, 2), engine)
    dated = starts.with_columns(
        start=periods.date_expr(nw.col("_start"), engine),
        _after=after,
        _since=periods.day_literal(ages.since or ages.until, engine),
    )
    first = nw.lit(1)
    if ages.since is not None:
        early = nw.col("_start") < periods.number_of(ages.since)
        seen = periods.months_before("_since", "start") // ages.months + 2
        first = nw.when(early).then(seen).otherwise(first)
    return dated.with_columns(
        first_age=first.cast(nw.Int64),
        n_complete=(periods.months_before("_after", "start") // ages.months).cast(nw.Int64),
    ).drop("_after", "_since")


def starts_with_whole_ages(starts: Frame, ages: Ages) -> Frame:
    """The customers of whom some age was observed whole.

    Raises:
        ContentError: if there is none.
    """
    whole = starts.filter(nw.col("n_complete") >= nw.col("first_age"))
    if one_row(whole.select(n=nw.len()))["n"]:
        return whole
    earliest = one_row(starts.select(n=nw.col("_start").min()))["n"]
    if earliest is None:
        raise ContentError(
            f"No customer's start is known from {ages.words_of_since} on: say an earlier day."
        )
    shorter = _SHORTER.get(ages.length)
    advice = f"Take `length={shorter!r}`." if shorter else "Wait until one is, or say a later day."
    raise ContentError(
        f"No customer's first {ages.length} was over by {ages.until}; the earliest start is "
        f"{periods.day_of(int(earliest))}. {advice}"
    )


def warn_of_customers_left_out(n: int, why: str) -> None:
    """Warn of customers who are not in the table, and what to say so that they are."""
    if n:
        warn(f"{count_of(n, 'customer is', 'customers are')} left out: {why}")


def segment_texts(names: Sequence[str], schema: Mapping[str, nw.dtypes.DType]) -> list[nw.Expr]:
    """Segments as text, of which the least is a known one if any is."""
    told = {name: as_text(name, schema[name]) for name in names}
    known = {name: nw.when(text != "(missing)").then(text) for name, text in told.items()}
    return [text.fill_null(AFTER_ALL).alias(name) for name, text in known.items()]


def columns_of_tenure(rows: Frame, by: Sequence[str], ages: Ages, *told: str) -> Frame:
    """The columns of a table of tenure, of rows by customer and age.

    Args:
        rows: `customer_id`, the segments, `_start`, `age`, `n_orders`, `sales`, `profit`, `_here`
            (above 0 where the customer was), `first_age`, `n_complete`, and what is `told` beside.
        by: the segments.
        ages: how ages are counted.
        told: columns of 1 and 0 that only some tables have.
    """
    present = rows.collect_schema()
    unknown = nw.lit(None, dtype=nw.Float64)
    money = {name: nw.col(name) if name in present else unknown for name in ("sales", "profit")}
    texts = [
        nw.when(nw.col(name) == AFTER_ALL)
        .then(nw.lit("(missing)"))
        .otherwise(nw.col(name))
        .alias(name)
        for name in by
    ]
    return rows.select(
        "customer_id",
        *texts,
        periods.date_expr(nw.col("_start"), rows.implementation).alias("start"),
        nw.col("age", "n_orders").cast(nw.Int64),
        *(amount.cast(nw.Float64).alias(name) for name, amount in money.items()),
        (nw.col("_here") > 0).alias("here"),
        *((nw.col(name) > 0).alias(name) for name in told),
        nw.col("first_age", "n_complete").cast(nw.Int64),
        nw.lit(ages.length).alias("length"),
    )


def n_where(frame: Frame, condition: nw.Expr) -> int:
    """Of how many rows a condition holds."""
    marked = frame.with_columns(_holds=count(condition))
    return int(one_row(marked.select(nw.col("_holds").sum()))["_holds"] or 0)
