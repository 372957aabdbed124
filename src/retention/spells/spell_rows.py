"""What spells of purchases and of contracts have in common: joined stays, and their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError, ContentError
from retention.frames import AFTER_ALL, count, one_row
from retention.names import inner_name, marked_argument
from retention.orders import Together
from retention.tables import Kind, keeping, refuse_hidden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.frames import Frame

UNSEEN = "ended before it came under observation"
TOO_LATE = "observation ended before it came under observation"


@dataclass(frozen=True, slots=True)
class Kept:
    """The attributes a user wants carried along, and from which end of the spell each is taken."""

    columns: Mapping[str, nw.Expr]
    agreed: tuple[str, ...]
    """Taken at the start, once it is sure that they are the same throughout each spell."""
    last: tuple[str, ...]
    texts: tuple[str, ...] = ()
    """Those of text, in which what is missing is `AFTER_ALL`, after every other text."""

    @property
    def names(self) -> list[str]:
        """All names, in the order of the answer."""
        return list(self.columns)

    @property
    def first(self) -> list[str]:
        """The names of those whose value at the start is taken."""
        return [name for name in self.columns if name not in self.last]

    @property
    def columns_of_rows(self) -> dict[str, nw.Expr]:
        """What is looked at of each row: the attributes, and what tells whether rows agree."""
        told = dict(self.columns)
        for place, name in enumerate(self.agreed):
            column = self.columns[name]
            known = column != AFTER_ALL if name in self.texts else ~column.is_null()
            told |= {f"_most_{place}": column, f"_n_{place}": count(known)}
        return {**told, "_rows": nw.lit(1).cast(nw.Int64)} if self.agreed else told

    @property
    def aggregation_of_rows(self) -> Together:
        """The same of several rows: the least known value, the greatest, how many are known."""
        places = range(len(self.agreed))
        n = [f"_n_{place}" for place in places]
        return Together(
            tuple(self.columns),
            tuple(f"_most_{place}" for place in places),
            (*n, "_rows") if self.agreed else (),
        )


def kept_columns(
    frame: Frame,
    kind: Kind,
    *,
    keep: str | Sequence[str],
    keep_first: str | Sequence[str],
    keep_last: str | Sequence[str],
) -> Kept:
    """The attributes a user wants carried along; categories as text, which has an order.

    Raises:
        ColumnError: if one is not a column, is named twice or already has a meaning.
    """
    asked = {"keep": keep, "keep_first": keep_first, "keep_last": keep_last}
    lists = {
        word: [inner_name(name) for name in ([n] if isinstance(n, str) else n)]
        for word, n in asked.items()
    }
    schema = frame.collect_schema()
    own = {taken.lower() for taken in (*kind.names, "last_order")}
    for word, names in lists.items():
        for name in names:
            if str(name).lower() in own:
                raise ColumnError(f"{word}: {name!r} is a column of {kind.name} or spells itself.")
            if name not in schema:
                raise ColumnError.unknown(word, name, schema, kept=keeping(kind))
        refuse_hidden(names, argument=word)
        if len(set(names)) < len(names):
            raise ColumnError(f"{marked_argument(word)} names a column twice: {names}.")
    every = [name for names in lists.values() for name in names]
    for name in every:
        if every.count(name) > 1:
            raise ColumnError(
                f"{name!r} cannot be taken at both ends under one name: copy the column, and name "
                "the copy in `keep_last=`."
            )
    coded = {name for name in every if isinstance(schema[name], nw.Categorical | nw.Enum)}
    columns = {n: nw.col(n).cast(nw.String) if n in coded else nw.col(n) for n in every}
    texts = tuple(n for n in every if n in coded or isinstance(schema[n], nw.String))
    columns |= {n: columns[n].fill_null(AFTER_ALL) for n in texts}
    return Kept(columns, tuple(lists["keep"]), tuple(lists["keep_last"]), texts)


def refuse_changes_within_spells(stays: Frame, *, allowed: int, kept: Kept) -> None:
    """Refuse to guess from which end of a spell a column is taken whose value changes within one.

    Raises:
        ContentError: if it does, with the number of spells and what to say.
    """
    if not kept.agreed:
        return
    before = _value_in_nearby_row("_until", 1)
    opens = before.is_null() | (nw.col("_start") - before > allowed)
    numbered = stays.with_columns(_opens=count(opens), _key=nw.col("_start"))
    number = nw.col("_opens").cum_sum().over("customer_id", order_by="_key")
    spells = numbered.with_columns(_spell=number).group_by("customer_id", "_spell")
    aggregation = kept.aggregation_of_rows
    every = spells.agg(
        *(nw.col(name).min() for name in aggregation.least),
        *(nw.col(name).max() for name in aggregation.most),
        *(nw.col(name).sum() for name in aggregation.sums),
    )
    changes = every.with_columns(**_change_within_spell(kept))
    found = one_row(changes.select(nw.col(name).sum() for name in _change_within_spell(kept)))
    for place, name in enumerate(kept.agreed):
        if n := int(found[f"_changes_{place}"] or 0):
            raise ContentError(
                f"`keep={name!r}`: its value changes within {n:,} "
                f"{'spell' if n == 1 else 'spells'}, and belongs to one end. Say "
                f"`keep_last={name!r}` for the value as the spell ends (why somebody left), or "
                f"`keep_first={name!r}` for that at its start (what was known then)."
            )


def _change_within_spell(kept: Kept) -> dict[str, nw.Expr]:
    """Whether an attribute has two values in a spell, or one beside none, each as 1 or 0."""
    changes = {}
    for place, name in enumerate(kept.agreed):
        n = nw.col(f"_n_{place}")
        unlike = (n > 0) & (nw.col(name) != nw.col(f"_most_{place}"))
        partly = (n > 0) & (n < nw.col("_rows"))
        changes[f"_changes_{place}"] = count(unlike | partly)
    return changes


def spells_with_last_values(spells: Frame, rows: Frame, kept: Kept) -> Frame:
    """Spells with the columns that are taken at their end.

    Args:
        spells: see `stays_joined_to_spells`, of stays that say `_at`.
        rows: `customer_id`, `_start` (no two alike for a customer) and these columns.
        kept: which they are.
    """
    if kept.last:
        there = rows.select("customer_id", *kept.last, _at=nw.col("_start"))
        return spells.join(there, on=["customer_id", "_at"], how="left")
    return spells


def texts_as_they_were(spells: Frame, kept: Kept) -> Frame:
    """Spells whose columns of text have nothing again where nothing was."""
    told = {name: nw.when(nw.col(name) != AFTER_ALL).then(nw.col(name)) for name in kept.texts}
    return spells.with_columns(**told) if told else spells


def stays_joined_to_spells(stays: Frame, *, allowed: int, keep: Sequence[str]) -> Frame:
    """Stays of a customer that follow one another within `allowed` days, as one spell.

    Args:
        stays: `customer_id`, `_start` (no two alike for a customer), `_until` (the latest day that
            this stay or an earlier one reaches), `_at` (the start of the one that does; the latest
            of several), and the `keep` columns.
        allowed: a stay that starts at most so many days after `_until` continues the spell.
        keep: columns whose value at the start of the spell is carried along.

    Returns:
        One row per spell: `customer_id`, `spell` (1, 2, …), `_start`, `_last` (the latest day that
        it reaches), `_at` (the start of the stay that does) and the `keep` columns.
    """
    paired = stays.with_columns(
        _before=_value_in_nearby_row("_until", 1), _after=_value_in_nearby_row("_start", -1)
    )
    edges = paired.with_columns(
        _opens=nw.col("_before").is_null() | (nw.col("_start") - nw.col("_before") > allowed),
        _closes=nw.col("_after").is_null() | (nw.col("_after") - nw.col("_until") > allowed),
    ).filter(nw.col("_opens") | nw.col("_closes"))
    # Only first and last stays are left: a spell's last one is its first or the next row.
    following = {
        f"_next{name}": _value_in_nearby_row(name, -1).fill_null(0).cast(nw.Int64)
        for name in ("_until", "_at")
    }
    closes = nw.col("_closes")
    reached = edges.with_columns(**following).with_columns(
        _last=nw.when(closes).then(nw.col("_until")).otherwise(nw.col("_next_until")),
        _at=nw.when(closes).then(nw.col("_at")).otherwise(nw.col("_next_at")).cast(nw.Int64),
    )
    first = reached.filter(nw.col("_opens"))
    # Counted on another column than the one in order: narwhals' pandas miscounts that one.
    number = nw.col("_until").cum_count().over("customer_id", order_by="_start")
    numbered = first.with_columns(spell=number.cast(nw.Int64))
    return numbered.select("customer_id", "spell", "_start", "_last", "_at", *keep)


def columns_of_spells(
    spells: Frame, *, reactivation: str, reasons: Mapping[str, nw.Expr], extra: Sequence[str]
) -> Frame:
    """The columns of a table of spells, from whole numbers of days.

    Args:
        spells: `customer_id`, `spell`, `_start`, `_end` (the day up to which it lasted), `churned`,
            `_entry` (days from its start until it came under observation; 0 or less: from its
            start), and the `extra` columns.
        reactivation: "new_spell" or "same_spell".
        reasons: why a spell is set aside, beside entering too late, and the condition for it.
        extra: further columns, which come last.
    """
    engine = spells.implementation
    rows = spells.with_columns(duration=(nw.col("_end") - nw.col("_start")).cast(nw.Int64))
    late = (nw.col("_entry") > 0) & (nw.col("_entry") >= nw.col("duration"))
    every = {**reasons, UNSEEN: late & nw.col("churned"), TOO_LATE: late}
    return rows.select(
        "customer_id",
        "spell",
        periods.date_expr(nw.col("_start"), engine).alias("start"),
        nw.when(nw.col("churned")).then(periods.date_expr(nw.col("_end"), engine)).alias("end"),
        nw.when(nw.col("_entry") > 0).then(nw.col("_entry").cast(nw.Float64)).alias("entry"),
        "duration",
        "churned",
        _first_reason_that_holds(every).alias("set_aside"),
        nw.lit(reactivation).alias("reactivation"),
        *extra,
    )


def _value_in_nearby_row(column: str, places: int) -> nw.Expr:
    """The value in the customer's row `places` before this one (after it, where negative)."""
    return nw.col(column).shift(places).over("customer_id", order_by="_start")


def _first_reason_that_holds(reasons: Mapping[str, nw.Expr]) -> nw.Expr:
    (text, condition), *others = reasons.items()
    found = nw.when(condition).then(nw.lit(text))
    for text, condition in others:
        found = found.when(condition).then(nw.lit(text))
    return found
