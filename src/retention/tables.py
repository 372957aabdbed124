"""The named tables, declared as data, and the one check that every public function starts with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw

from retention.errors import YOURS, ColumnError
from retention.frames import Frame, as_lazy
from retention.periods import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Type = Literal["id", "id or none", "time", "number", "integer", "flag", "text"]

_SAID: Mapping[Type, str] = {
    "id": "text or whole numbers",
    "id or none": "text or whole numbers",
    "time": "dates",
    "number": "numbers",
    "integer": "whole numbers",
    "flag": "true or false",
    "text": "text",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a named table: its name, type, meaning and unit."""

    name: str
    type: Type
    meaning: str
    unit: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A named table: what one row is, the function that makes it (or `YOURS`), its columns."""

    name: str
    row: str
    door: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(column.name for column in self.columns)


CUSTOMER = Column("customer_id", "id", "who bought")
STEPS = (
    Column("first_step", "integer", "first period that was observed"),
    Column("last_step", "integer", "last period that was observed"),
    Column("freq", "text", "length of a period: day, week, month, quarter or year"),
)

TRANSACTIONS = Kind(
    "transactions",
    "one line of an order",
    "as_transactions",
    (
        CUSTOMER,
        Column("date", "time", "when it was bought"),
        Column("sales", "number", "net revenue of the line, refunds negative", "currency"),
        Column("profit", "number", "contribution of the line", "currency", optional=True),
        Column("order_id", "id", "which order the line belongs to", optional=True),
    ),
)

ACTIVITY = Kind(
    "activity",
    "a customer in a period (and segment)",
    "customer_periods",
    (
        CUSTOMER,
        Column("period", "time", "first day of the period"),
        Column("step", "integer", "consecutive number of the period"),
        Column("n_orders", "integer", "orders that count as purchases", "orders"),
        Column("sales", "number", "net revenue in the period", "currency"),
        Column("profit", "number", "contribution in the period, null where unknown", "currency"),
        Column("active", "flag", "bought in the period"),
        *STEPS,
    ),
)


CONTRACTS = Kind(
    "contracts",
    "one contract of a customer",
    "as_contracts",
    (
        CUSTOMER,
        Column("start", "time", "first day in force"),
        Column("end", "time", "first day out of force, null while it runs"),
        Column("sales", "number", "recurring net revenue", "currency per month", optional=True),
        Column("profit", "number", "recurring contribution", "currency per month", optional=True),
        Column("contract_id", "id", "which contract", optional=True),
    ),
)

SPELLS = Kind(
    "spells",
    "one uninterrupted relationship of a customer",
    "purchase_spells or contract_spells",
    (
        CUSTOMER,
        Column("spell", "integer", "1 for a customer's first relationship, 2 for the next, …"),
        Column("start", "time", "first day of the relationship"),
        Column("end", "time", "the day it ended, null while it goes on"),
        Column("entry", "number", "when it came under observation, null if from its start", "days"),
        Column("duration", "integer", "time from start to end, or as far as it was seen", "days"),
        Column("churned", "flag", "whether its end was seen (false: censored)"),
        Column("set_aside", "text", "why it cannot be used in survival analysis, null if it can"),
        Column("reactivation", "text", "new_spell, or same_spell which looks into the future"),
    ),
)

LIFETIMES = Kind(
    "spells",
    "what survival functions ask of spells, whoever made them",
    "as_spells",
    (
        Column("duration", "number", "time from start to end, or as far as it was seen"),
        Column("churned", "flag", "whether its end was seen (false: censored)"),
        Column(
            "entry",
            "number",
            "time at which it came under observation, null if from its start",
            optional=True,
        ),
        Column("n_spells", "integer", "how many spells the row stands for", optional=True),
        Column("set_aside", "text", "why it cannot be used, null if it can", optional=True),
        Column("reactivation", "text", "new_spell, or same_spell which is refused", optional=True),
    ),
)
"""What survival functions ask of spells: ours have it, anybody's may."""

CURVE = Kind(
    "curve",
    "a duration at which spells end or are censored",
    "survival_curve",
    (
        Column("duration", "number", "time since the start"),
        Column("n_at_risk", "integer", "spells that lasted so long under observation"),
        Column("n_churned", "integer", "spells that end there"),
        Column("n_censored", "integer", "spells seen no further than that"),
        Column("n_entered", "integer", "spells under observation since the duration before"),
    ),
)

CUSTOMERS = Kind(
    "customers",
    "a customer whose future is asked for",
    YOURS,
    (
        CUSTOMER,
        Column("tenure", "number", "how long the customer has stayed already", optional=True),
    ),
)

WALLET = Kind(
    "wallet",
    "a customer's spending in the category in a period",
    "as_wallet",
    (
        CUSTOMER,
        Column("date", "time", "any day of the period"),
        Column(
            "wallet", "number", "what the customer spent on the category, with everyone", "currency"
        ),
    ),
)

SURVEYS = Kind(
    "surveys",
    "a customer who was asked",
    "as_surveys",
    (
        Column("customer_id", "id", "who was asked"),
        Column("date", "time", "when they answered, or were asked if they did not"),
        Column("answered", "flag", "whether any answer came back"),
        Column("satisfaction", "number", "how satisfied they are", "scale", optional=True),
        Column("value_for_money", "number", "what they think of the price", "scale", optional=True),
        Column("repeat_intention", "number", "how likely they buy again", "scale", optional=True),
        Column("recommend", "number", "how likely they recommend us", "0 to 10", optional=True),
        Column(
            "spoke_well", "number", "1 if they spoke well of us to others, 0 if not", optional=True
        ),
        Column(
            "spoke_ill", "number", "1 if they spoke ill of us to others, 0 if not", optional=True
        ),
        Column("scale_low", "number", "the worst answer of the scale", "scale", optional=True),
        Column("scale_high", "number", "the best answer of the scale", "scale", optional=True),
    ),
)

MARKET = Kind(
    "market",
    "what the whole market sold, us included",
    YOURS,
    (
        Column("date", "time", "any day of the period"),
        Column("market", "number", "sales of all who sell in it, us included", "currency"),
    ),
)

CONTACTS = Kind(
    "contacts",
    "one time a customer needed us",
    "as_contacts",
    (
        Column("customer_id", "id", "who needed us"),
        Column("date", "time", "when they got in touch"),
        Column(
            "first_response_hours", "number", "time to our first answer, null while none", "hours"
        ),
        Column(
            "resolution_hours", "number", "time until solved to their content, null if not", "hours"
        ),
        Column(
            "unsatisfied_hours",
            "number",
            "time until a solution that did not content them, after which no more was seen",
            "hours",
            optional=True,
        ),
        Column(
            "right_first_time",
            "number",
            "whether the first diagnosis was right: 1, 0 or null",
            optional=True,
        ),
        Column(
            "parts_available",
            "number",
            "whether the parts needed were at hand: 1, 0, or null where none were",
            optional=True,
        ),
    ),
)

OUTAGES = Kind(
    "outages",
    "one interruption of a service",
    "as_outages",
    (
        Column("start", "time", "when it went down"),
        Column("end", "time", "when it was back, null while it is down"),
    ),
)

COSTS = Kind(
    "costs",
    "one cost of winning, keeping or serving customers",
    "as_costs",
    (
        Column("date", "time", "when it was incurred, or any day of its period"),
        Column("kind", "text", "what for: wages, space, parts, …"),
        Column("amount", "number", "how much, credits negative", "currency"),
        Column("customer_id", "id or none", "whom it was for, null if for many", optional=True),
    ),
)

CHURNED = Kind(
    "churned",
    "a customer who counts in the churn rate of a period (and segment)",
    "churned_customers",
    (
        CUSTOMER,
        Column("period", "time", "first day of the period"),
        Column("step", "integer", "consecutive number of the period"),
        Column("part", "text", "there or joined; stayed, cancelled or returned"),
        Column("n_churned", "integer", "how often the customer counts above the line"),
        Column("at_risk", "number", "how much the customer counts below it", "customers"),
        Column("sales", "number", "what the customer brings, null where unknown", "currency"),
        Column("convention", "text", "the convention of the churn rate"),
        *STEPS,
    ),
)


TAGS = Kind(
    "tags",
    "a reason found in a note, or that there was none",
    "tag_reasons or map_reason_codes",
    (
        Column("note_id", "id", "which note"),
        Column("customer_id", "id or none", "whose note, null where not known", optional=True),
        Column("category", "text", "the reason; unspecified: none told; missing: no note"),
        Column(
            "subcategory", "text", "the reason more closely, null where not told", optional=True
        ),
        Column("score", "number", "strength, not a probability", "0 to 1", optional=True),
        Column("rank", "number", "1 for the strongest of the note, 2 for the next", optional=True),
        Column("is_primary", "flag", "whether it is the first reason of the note", optional=True),
        Column("evidence", "text", "the words that tell it, or the code", optional=True),
        Column("start", "number", "where the evidence starts", "characters", optional=True),
        Column("end", "number", "where the evidence ends", "characters", optional=True),
        Column("phrase", "text", "what found it", optional=True),
    ),
)

LABELS = Kind(
    "labels",
    "a reason that people found in a note",
    YOURS,
    (
        Column("note_id", "id", "which note"),
        Column("category", "text", "the reason; unspecified where they found none"),
    ),
)


_TAKEN = {
    *("n_base", "n_retained", "n_churned", "retention_rate", "churn_rate", "lower", "upper"),
    *("bounds", "basis", "lag", "lost_to", "retained", "s0", "s1", "p0", "p1"),
    *(
        f"{money}_{name}"
        for money in ("sales", "profit")
        for name in ("base", "retained", "churned", "squares", "residuals", "least", "known")
    ),
}
"""Columns of the answers that segments must not be confused with."""


def require(
    table: object,
    kind: Kind,
    *,
    extra: Sequence[str] = (),
    alone: bool = False,
    by_row: bool = False,
) -> Frame:
    """The table as a LazyFrame, once it is sure that it has the columns of `kind` and `extra`.

    Columns beyond those asked for stay, unless these are wanted `alone`; optional ones that are
    absent stay absent. `by_row` says that nothing is grouped: a large pandas table stays in pandas.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing, named twice or of the wrong type.
    """
    only = [*kind.names, *extra] if alone else None
    frame = as_lazy(table, name=kind.name, by_row=by_row, only=only)
    schema = frame.collect_schema()
    for column in kind.columns:
        if column.name in schema:
            _check_type(kind, column, schema[column.name])
            if zone := zone_of(schema[column.name], frame.implementation):
                say = f"Say {kind.door}(..., tz='Europe/Berlin') or whichever zone your books keep."
                if kind.door == YOURS:
                    say = "Give local dates without a zone, by the clock your books keep."
                raise ColumnError(
                    f"{kind.name}: {column.name!r} has the time zone {zone}, in which your days "
                    f"need not begin. {say}"
                )
        elif not column.optional:
            what = f"{kind.name} ({kind.row})"
            raise ColumnError.missing(what, column.name, column.meaning, schema, kind.door)
    for name in extra:
        if name not in schema:
            raise ColumnError.unknown("by", name, schema)
    return frame


def segments(
    by: str | Sequence[str], kind: Kind, *, taken: Iterable[str] = (), argument: str = "by"
) -> list[str]:
    """The segment columns a user asked for, as a list; none may be a column of `kind` itself.

    Args:
        by: what the user gave.
        kind: the table that has the columns.
        taken: further columns of the answer, which no segment may be named like.
        argument: what the user calls the segments.

    Raises:
        ColumnError: if one is no text, named twice, or a column that already has a meaning.
    """
    if not isinstance(by, Iterable):
        raise ColumnError(f"{argument} must name a column, or several in a list; got {by!r}.")
    names = [by] if isinstance(by, str) else list(by)
    for name in names:
        if not isinstance(name, str):
            raise ColumnError(
                f"{argument} must name columns, as text; got {name!r}. Where columns have numbers "
                "for names, rename them first."
            )
        if name in kind.names:
            raise ColumnError(
                f"{argument}: {name!r} is a column of {kind.name} itself, not a segment."
            )
    own = [name for name in names if name.startswith("_")]
    refuse_taken(names, (*_TAKEN, *kind.names, *taken, *own), argument=argument)
    if len(set(names)) < len(names):
        raise ColumnError(f"{argument} names a column twice: {names}.")
    return names


def refuse_taken(names: Iterable[str], answer: Iterable[str], *, argument: str = "by") -> None:
    """Refuse a user's columns that are named like one of the answer, in whatever case.

    To DuckDB and Spark "Share" and "share" are one name.

    Raises:
        ColumnError: at the first that is.
    """
    own = {name.lower() for name in answer}
    for name in names:
        if name.lower() in own:
            raise ColumnError(
                f"{argument}: {name!r} is a name that answers use themselves. Rename it."
            )


def refuse_other_ids(first: Frame, second: Frame, names: tuple[str, str]) -> None:
    """Refuse two tables whose customers cannot be the same: numbers in one, text in the other.

    Raises:
        ColumnError: if the ids are of different types.
    """
    mine, other = (table.collect_schema()["customer_id"] for table in (first, second))
    if mine.is_integer() != other.is_integer():
        raise ColumnError(
            f"{names[1]}: 'customer_id' holds {other}, in {names[0]} it holds {mine}. "
            "Give both the same type."
        )


def _check_type(kind: Kind, column: Column, dtype: nw.dtypes.DType) -> None:
    fits = {
        "id": dtype.is_integer() or isinstance(dtype, nw.String),
        "id or none": dtype.is_numeric() or isinstance(dtype, nw.String),  # pandas: 7.0 beside NaN
        "time": isinstance(dtype, nw.Date | nw.Datetime),
        "number": dtype.is_numeric(),
        "integer": dtype.is_integer(),
        "flag": isinstance(dtype, nw.Boolean),
        "text": isinstance(dtype, nw.String | nw.Categorical | nw.Enum),
    }
    if not fits[column.type]:
        load = "Convert it" if kind.door == YOURS else f"Load the table with {kind.door}(...)"
        raise ColumnError(
            f"{kind.name}: {column.name!r} ({column.meaning}) must be {_SAID[column.type]}; "
            f"got {dtype}. {load}."
        )
