"""Which one segment or group a customer counts in: the main or first segment, targets or the rest.

What comes back is an activity again, one row per customer and period, so that the same code counts.
"""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.activity.base_and_later import activity_by_segments
from retention.errors import ColumnError, ContentError, RetentionError, check_choice
from retention.frames import Frame, as_text, beside, collect, count
from retention.names import inner_name, outer_text
from retention.tables import ACTIVITY, CUSTOMERS, refuse_other_ids, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.tables import Adds

_ROW = ("period", "step", "first_step", "last_step", "freq")
_MISSING = "(missing)"


def activity_in_one_segment(activity: object, by: str | Sequence[str], overlap: str) -> object:
    """The activity with each customer in one segment, as far as that was asked for."""
    adds: Adds = "none" if overlap in ("error", "pairs") else "all"
    frame, names = activity_by_segments(activity, by, adds=adds)
    if overlap in ("error", "pairs"):
        return activity
    active = frame.filter(nw.col("active")).select(*ACTIVITY.names, *names)
    if overlap == "main":
        return _main_rows(active, names)
    began = active.with_columns(_began=nw.col("step").min().over("customer_id"))
    first = began.filter(nw.col("step") == nw.col("_began")).drop("_began")
    home = _main_rows(first, names).select("customer_id", *names)
    return _rows_of_firm(active, {}).join(home, on="customer_id", how="inner")


def groups_by_money(
    activity: object, target: object, top: float | None, customers: object
) -> Frame:
    """Activity with the customers of each period in groups, by what they brought in it."""
    check_choice("target", target, ("sales", "profit"))
    if customers is not None:
        raise RetentionError("customers= goes with target={'column': 'value'}, a column of it.")
    if not isinstance(top, int | float) or not 0 < top < 1:
        raise RetentionError(
            f"target={target!r} needs top=, the share of customers that is wanted, between 0 and "
            f"1, such as 0.1; got {top!r}."
        )
    frame, _ = activity_by_segments(activity, (), adds="all")
    active = frame.filter(nw.col("active")).select(*ACTIVITY.names)
    worth = nw.col(str(target))
    told = worth.round(6).fill_null(-1e308)  # 0.1 + 0.2 is as much as 0.3
    rows = active.with_columns(_known=count(~worth.is_null()), _x=told)
    ranked = rows.with_columns(
        _rank=nw.col("_x").rank("min", descending=True).over("step"),
        _n=nw.col("_known").sum().over("step"),
    )
    # Those are in above whom fewer than top · n stand; in a computer 0.07 · 100 is above 7.
    inside = nw.col("_rank") - 1 < nw.col("_n") * top - 1e-9
    return _rows_with_group(ranked, inside & (nw.col("_known") == 1), nw.col("_known") == 0)


def groups_by_value(
    activity: object, wanted: Mapping[str, Sequence[str]], customers: object
) -> Frame:
    """Activity with the customers of each period in groups, by a segment or an attribute."""
    if customers is None:
        frame, names = activity_by_segments(activity, list(wanted), adds="none")
        schema = frame.collect_schema()
        labels = [as_text(name, schema[name]) for name in names]
        active = frame.filter(nw.col("active")).select(*ACTIVITY.names, *labels)
        rows = _rows_of_firm(active, _flags_of_wanted(wanted))
        return _rows_with_group(rows, nw.col("_fits") == 1, nw.col("_may_fit") == 1)
    frame, _ = activity_by_segments(activity, (), adds="none")
    given = require(customers, CUSTOMERS)
    refuse_other_ids(frame, given, ("activity", "customers"))
    schema = given.collect_schema()
    for name in wanted:
        if name not in schema:
            raise ColumnError.unknown("target", name, schema)
    told = beside(frame, customers, name="customers")
    told = told.select("customer_id", *(as_text(name, schema[name]) for name in wanted))
    flags = _flags_of_wanted(wanted)
    told = told.with_columns(**flags).group_by("customer_id").agg(*(nw.col(f).max() for f in flags))
    active = frame.filter(nw.col("active")).select(*ACTIVITY.names)
    rows = active.join(told, on="customer_id", how="left").with_columns(
        _fits=nw.col("_fits").fill_null(0), _may_fit=nw.col("_may_fit").fill_null(1)
    )
    return _rows_with_group(rows, nw.col("_fits") == 1, nw.col("_may_fit") == 1)


def wanted_values(target: Mapping[str, object], top: float | None) -> dict[str, list[str]]:
    """The wanted values of each column, as the text that segments are."""
    if top is not None:
        raise RetentionError("top= goes with target='sales' or 'profit', not with columns.")
    if not target:
        raise RetentionError("target is empty: name a column and the value that is wanted in it.")
    wanted = {}
    for name, values in target.items():
        several = values if isinstance(values, list | tuple | set | frozenset) else [values]
        wanted[inner_name(name)] = [
            str(v).lower() if isinstance(v, bool) else str(v) for v in several
        ]
    return wanted


def wanted_in_words(wanted: Mapping[str, Sequence[str]]) -> str:
    """The wanted values as people say them."""
    said = (f"{outer_text(name)} = {' or '.join(values)}" for name, values in wanted.items())
    return " and ".join(said)


def nobody_wanted_error(table: object, wanted: Mapping[str, Sequence[str]]) -> ContentError:
    """What to say where nobody has the wanted values: which values there are."""
    frame = require(table, CUSTOMERS)
    schema = frame.collect_schema()
    there = []
    for name in wanted:
        found = collect(frame.select(as_text(name, schema[name])).unique())[name]
        values = sorted(str(value) for value in found)
        there.append(f"{name} has {', '.join(map(repr, values[:20]))}{', …' * (len(values) > 20)}")
    return ContentError(
        f"No customer of a base period has {wanted_in_words(wanted)}. There is: {'; '.join(there)}."
    )


def _main_rows(active: Frame, names: Sequence[str]) -> Frame:
    """Of each customer's rows in a period the one with most sales; among equals the first."""
    rows = active.with_columns(_worth=nw.col("sales").fill_null(0.0))
    rows = rows.with_columns(_best=nw.col("_worth").max().over("customer_id", "step"))
    rows = rows.filter(nw.col("_worth") == nw.col("_best"))
    for name in names:
        rows = rows.with_columns(_best=nw.col(name).min().over("customer_id", "step"))
        rows = rows.filter(nw.col(name) == nw.col("_best"))
    return rows.drop("_worth", "_best")


def _rows_of_firm(active: Frame, flags: Mapping[str, nw.Expr]) -> Frame:
    """Active rows of the segments as one row per customer and period; of flags the highest."""
    money = [nw.col(name).sum() for name in ("n_orders", "sales", "profit")]
    told = active.with_columns(**flags) if flags else active
    rows = told.group_by("customer_id", *_ROW)
    return rows.agg(*money, *(nw.col(name).max() for name in flags)).with_columns(
        active=nw.lit(value=True)
    )


def _flags_of_wanted(wanted: Mapping[str, Sequence[str]]) -> dict[str, nw.Expr]:
    """Whether a row has all that is wanted, and whether it may have, for all that is missing."""
    fits = [nw.col(name).is_in(list(values)) for name, values in wanted.items()]
    may = [nw.col(name).is_in([*values, _MISSING]) for name, values in wanted.items()]
    return {
        "_fits": count(reduce(and_, fits)),
        "_may_fit": count(reduce(and_, may)),
    }


def _rows_with_group(rows: Frame, inside: nw.Expr, unknown: nw.Expr) -> Frame:
    """Rows of an activity with the group of each customer."""
    other = nw.when(unknown).then(nw.lit("unknown")).otherwise(nw.lit("rest"))
    return rows.select(
        *ACTIVITY.names, group=nw.when(inside).then(nw.lit("target")).otherwise(other)
    )
