"""Customers whose outcome is looked at: all must have had the same time to leave in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import YOURS, ColumnError, ContentError, count_of
from retention.frames import Frame, as_lazy, beside, collect, count, one_row, table_like
from retention.names import inner_name, outer_text
from retention.signals.scan.conditions import refuse_nobody
from retention.survival.scores.holdouts import held_out
from retention.tables import Column, Kind, require
from retention.wording import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

SCANNED = Kind(
    "customers",
    "a customer, on a day or in an interval",
    YOURS,
    (
        Column("customer_id", "id", "who", optional=True),
        *(
            Column(name, "time", meaning, optional=True)
            for name, meaning in (
                ("as_of", "the day on which the customer is looked at"),
                ("label_from", "first day of the window in which the outcome falls"),
                ("label_to", "last day of it"),
            )
        ),
        Column("n_spells", "integer", "how many the row stands for", optional=True),
    ),
)

_OWN = ("customer_id", "as_of", "label_from", "label_to", "known_on", "label_reason", "n_spells")
"""Columns that say whose the row is and where its outcome comes from: no conditions."""


def customers_to_scan(
    customers: IntoFrameT, outcome: str, names: Sequence[str], *, split: bool
) -> tuple[Frame, int]:
    """Rows with a known outcome: `_n`, `_churned`, `_held`, and the conditions as `_0`, `_1`, ….

    Args:
        customers: the caller's table.
        outcome: the column of the outcome.
        names: those of the conditions.
        split: whether a fifth of the customers is held out.

    Returns:
        The rows, and of how many customers the outcome is not known.

    Raises:
        ColumnError: if a column is missing, or cannot be what it is named for.
        ContentError: if the outcomes cannot be compared, or nobody's is known.
    """
    schema = as_lazy(customers, name="customers").collect_schema()
    result = _checked_names(outcome, names, schema)
    if split and "customer_id" not in schema:
        raise ColumnError(
            "customers lacks 'customer_id', by which a fifth is held out. Rename yours to that, or "
            "leave `holdout` out."
        )
    timed = [n for n in ("interval", "duration") if n in schema and schema[n].is_numeric()]
    extra = [*dict.fromkeys([result, *names, *timed])]
    frame = require(customers, SCANNED, extra=extra, alone=True, adds="none")
    every = _read_rows(frame, result, names, timed)
    n_unknown = _refuse_other_outcomes(every, outcome)
    rows = every.filter(~nw.col("_left").is_null())
    _refuse_unequal_times(rows, timed)
    left = (nw.col("_n") * nw.col("_left").cast(nw.Int64)).cast(nw.Int64)
    kept = ["customer_id"] if split else []
    conditions = [f"_{place}" for place in range(len(names))]
    given = rows.select(*kept, "_n", *conditions, _churned=left)
    return _with_held_out(given, customers, split=split), n_unknown


def _read_rows(frame: Frame, outcome: str, names: Sequence[str], timed: Sequence[str]) -> Frame:
    """The rows with their weight `_n`, the outcome `_left`, and conditions by their places."""
    schema = frame.collect_schema()
    own = [name for name in ("customer_id", "as_of", "label_from", "label_to") if name in schema]
    value = nw.col(outcome).cast(nw.Float64)
    weight = nw.col("n_spells") if "n_spells" in schema else nw.lit(1)
    return frame.select(
        *own,
        *timed,
        *(nw.col(name).alias(f"_{place}") for place, name in enumerate(names)),
        _n=weight.cast(nw.Int64),
        _left=nw.when(~value.is_nan()).then(value),
    )


def _checked_names(outcome: object, names: Sequence[str], schema: Mapping[str, Any]) -> str:
    """The outcome's column, once it and the conditions are columns that can be such."""
    if not isinstance(outcome, str):
        raise ColumnError(f"outcome must name a column, as text; got {outcome!r}.")
    result = inner_name(outcome)
    for argument, name in (("outcome", result), *(("conditions", name) for name in names)):
        if name not in schema:
            raise ColumnError.unknown(argument, name, schema)
    for name in names:
        if name == result or name in _OWN:
            what = "the outcome itself" if name == result else "no condition of a customer"
            raise ColumnError(f"conditions: {outer_text(name)!r} is {what}. Leave it out.")
    held = schema[result]
    if not (isinstance(held, nw.Boolean) or held.is_numeric()):
        column = f"customers[{outcome!r}]"
        how = (
            f".astype('boolean') of {column}"
            if isinstance(held, nw.Object)
            else f"{column} == 'Yes'"
        )
        raise ColumnError(
            f"outcome: {outcome!r} holds {held}; who left is true or false, or 1 or 0. Convert it, "
            f"as by {how} in pandas."
        )
    return result


def _refuse_other_outcomes(rows: Frame, outcome: str) -> int:
    """The number of customers whose outcome is not known, once all others are 1 or 0."""
    value = nw.col("_left")
    strange = ~value.is_null() & (value != 0) & (value != 1)  # in pandas a missing one is not 0
    sums = {"_known": ~value.is_null(), "_other": strange, "_stands": nw.col("_n") >= 1}
    flagged = rows.with_columns(**{name: count(each) for name, each in sums.items()})
    row = one_row(flagged.select(nw.len().alias("n"), *(nw.col(name).sum() for name in sums)))
    n, known, other, stands = (int(row[name] or 0) for name in ("n", *sums))
    refuse_nobody(known, n)
    if stands < n:
        raise ContentError(
            f"customers: {count_of(n - stands, 'row has', 'rows have')} no 'n_spells' of 1 or "
            "more, which says how many a row stands for. Leave them out, or the column."
        )
    if other:
        first = one_row(rows.filter(strange).select(value.min()))["_left"]
        raise ContentError(
            f"outcome: in {count_of(other, 'row', 'rows')} {outcome!r} is neither 1 nor 0, such as "
            f"{first:g}. Say who left, 1, and who did not, 0."
        )
    return n - known


def _refuse_unequal_times(rows: Frame, timed: Sequence[str]) -> None:
    """Refuse customers who had more time to leave in than others, or are there twice.

    Raises:
        ContentError: with what to do.
    """
    schema = rows.collect_schema()
    if "interval" in timed:
        return
    if "as_of" in schema:
        _refuse_unequal_windows(rows, windows={"label_from", "label_to"} <= set(schema))
        return
    if "duration" in timed:
        length = nw.col("duration")
        found = one_row(rows.select(least=length.min(), most=length.max()))
        if found["least"] != found["most"]:
            raise ContentError(
                f"customers: spells of different lengths, from {found['least']:,.15g} to "
                f"{found['most']:,.15g}: who came early had longer to leave in, and whatever is "
                "common among them would seem to matter. Give snapshots of one day, from "
                "contract_snapshots(...) and label_churn(...), or the rows of "
                "person_periods(...), which count the time that each was at risk."
            )
    if "customer_id" in schema and (several := _n_with_several_rows(rows)):
        raise ContentError(
            f"customers: {count_of(several, 'customer has', 'customers have')} several rows. Keep "
            "one of each; if each is of another day, call that day 'as_of'."
        )


def _refuse_unequal_windows(rows: Frame, *, windows: bool) -> None:
    """Refuse labels of windows of different lengths, or that count the same loss twice."""
    engine, longest = rows.implementation, None
    if windows:
        first, last = (periods.day_expr(n, engine) for n in ("label_from", "label_to"))
        length = rows.with_columns(_length=last - first + 1)
        found = one_row(length.select(least=nw.col("_length").min(), most=nw.col("_length").max()))
        longest = found["most"]
        if found["least"] != longest:
            raise ContentError(
                f"customers: windows of the label from {found['least']:,.0f} to {longest:,.0f} "
                "days: who has the longer one has longer to leave in. Give labels of one window, "
                "as label_churn(...) and label_silence(..., window='fixed') make them."
            )
    day = rows.with_columns(_day=periods.day_expr("as_of", engine).cast(nw.Int64))
    days = np.sort(collect(day.select("_day").unique())["_day"].astype(np.float64))
    if days.size < 2 or (longest is not None and np.diff(days).min() >= longest):
        return
    if "customer_id" in rows.collect_schema() and (several := _n_with_several_rows(rows)):
        apart = f"{np.diff(days).min():,.0f} days apart"
        what = f"a window of {longest:,.0f}" if longest is not None else "no window of the label"
        raise ContentError(
            f"customers: {count_of(several, 'customer is', 'customers are')} there on several "
            f"days, {apart}, beside {what}: one loss would count several times. Keep days that "
            "are at least a window apart, or one day."
        )


def _n_with_several_rows(rows: Frame) -> int:
    each = rows.group_by("customer_id").agg(nw.len().alias("n"))
    return int(one_row(each.filter(nw.col("n") > 1).select(nw.len().alias("n")))["n"])


def _with_held_out(rows: Frame, customers: IntoFrameT, *, split: bool) -> Frame:
    """The rows with `_held`: 1 for the fifth of the customers that is held out, else 0."""
    if not split:
        return rows.with_columns(_held=nw.lit(0).cast(nw.Int64))
    schema, who = rows.collect_schema(), nw.col("customer_id")
    wide = isinstance(schema["customer_id"], nw.Int128 | nw.UInt128)  # NumPy has none of these
    told = rows.select(who.cast(nw.Int64) if wide else who)
    ids = collect(told.unique(), exact=True)["customer_id"]
    if any(map(is_missing, ids.tolist())):
        raise ContentError(
            "customers: some have no 'customer_id', by which a fifth is held out. Fill it in, or "
            "leave `holdout` out."
        )
    chosen = held_out(ids.tolist()).astype(np.int64)
    folds: Any = table_like({"customer_id": ids, "_held": chosen}, customers)
    fold = beside(rows, folds, name="customers")
    same_type = who.cast(schema["customer_id"])
    return rows.join(fold.with_columns(same_type), on="customer_id", how="inner")
