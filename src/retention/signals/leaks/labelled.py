"""Snapshots as arrays: who, on which day, what was known of them, what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ColumnError, ContentError, count_of
from retention.frames import Columns, collect
from retention.names import outer_text
from retention.survival.scores.holdouts import held_out
from retention.tables import SNAPSHOTS, Kind, column_names, require

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

SAY_LABELS = "Say label_silence(...) or label_churn(...) first."
"""What to do about snapshots of which nobody knows what became."""

_TAKEN = tuple(name for name in SNAPSHOTS.names if name != "tenure")
"""Columns of snapshots that say who, when and what became of them: nothing to foresee it by."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Snapshots and their labels, in the order of the table.

    Attributes:
        columns: all columns of the table; features as floats, NaN where they are missing.
        customers: the different ids.
        group: the place of each row's customer among them.
        day: of the snapshot, counted from 1970-01-01.
        label: 1 lost, 0 not, NaN unknown.
        known: the day on which the label is known, NaN where it is not or nobody said.
        until: the last day of the label's window, NaN where nobody said.
    """

    columns: Columns
    customers: NDArray[Any]
    group: Rows
    day: NDArray[np.int64]
    label: Floats
    known: Floats
    until: Floats

    @property
    def held_out(self) -> Flags:
        """Whether each row is of a customer of the fifth that is kept apart."""
        return held_out(self.customers.tolist())[self.group]

    @property
    def has_label(self) -> Flags:
        """Whether it is known what became of each."""
        return np.isfinite(self.label)

    @property
    def order(self) -> Rows:
        """The places of the rows by customer, day and spell."""
        known = self.customers.tolist()
        ids = np.array(sorted(range(len(known)), key=known.__getitem__), np.intp)
        rank = np.empty(ids.size, np.intp)
        rank[ids] = np.arange(ids.size)
        spell = self.columns.get("spell", np.zeros(self.day.size))
        return np.lexsort((spell.astype(np.float64), self.day, rank[self.group]))

    def part(self, rows: Flags | Rows) -> Labelled:
        """Some of the rows."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        arrays = {name: getattr(self, name)[rows] for name in _ARRAYS}
        return replace(self, columns=columns, **arrays)

    def pandas_frame(self) -> Any:
        """The rows as a table of pandas, under the names that their owner gave the columns."""
        import pandas as pd

        return pd.DataFrame({outer_text(name): each for name, each in self.columns.items()})


_ARRAYS = ("group", "day", "label", "known", "until")


def labelled_snapshots(
    snapshots: object,
    *,
    features: Sequence[str] = (),
    needs: Sequence[str] = ("churned",),
    argument: str = "features",
) -> Labelled:
    """The rows of a table of snapshots and what is known of their labels.

    Args:
        snapshots: a table of any engine.
        features: columns of which true and false are read as 1 and 0.
        needs: which columns of labels have to be there.
        argument: what names the features.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a row has no customer or no day, or a label is neither 1, 0 nor null.
    """
    import pandas as pd

    frame = require(snapshots, _kind_with(needs), by_row=True)
    schema, engine = frame.collect_schema(), frame.implementation
    for name in features:
        if name not in schema:
            raise ColumnError.unknown(argument, name, schema)
    flags = [name for name in features if isinstance(schema[name], nw.Boolean)]
    counted = [name for name in features if schema[name].is_numeric()]
    sources = ("as_of", "known_on", "label_to")
    days = {_name_beside(schema, source): source for source in sources}
    frame = frame.with_columns(
        *(
            nw.when(nw.col(name)).then(1.0).when(~nw.col(name)).then(0.0).alias(name)
            for name in flags
        ),
        *(nw.col(name).cast(nw.Float64) for name in counted),
        *(
            periods.day_expr(source, engine).alias(name)
            for name, source in days.items()
            if source in schema
        ),
    )
    columns = collect(frame, exact=True)
    _refuse_gaps_of_keys(columns)
    made = {source: columns.pop(name, None) for name, source in days.items()}
    nothing = np.full(columns["customer_id"].size, np.nan)
    group, customers = pd.factorize(columns["customer_id"])
    return Labelled(
        columns=columns,
        customers=np.asarray(customers),
        group=np.asarray(group, np.intp),
        day=_floats_of(made["as_of"], nothing).astype(np.int64),
        label=_checked_labels(_floats_of(columns.get("churned"), nothing)),
        known=_floats_of(made["known_on"], nothing),
        until=_floats_of(made["label_to"], nothing),
    )


def _name_beside(schema: Container[str], source: str) -> str:
    """What the days of a column are called, where no column of the table is called so."""
    name = f"_{source}"
    while name in schema:
        name = f"_{name}"
    return name


def names_of_features(features: str | Sequence[str], *, argument: str = "features") -> list[str]:
    """The columns that tell of a customer on the day, none of them the label or the key.

    Raises:
        ColumnError: if one says who, when or what became of them, or there is none.
    """
    asked = [features] if isinstance(features, str) else features
    names = column_names(asked, argument=argument)
    for name in names:
        if name in _TAKEN:
            raise ColumnError(
                f"{argument} names {name!r}, which says who the row is of, when, or what became "
                "of them: nothing that was known on the day. Leave it out."
            )
    if not names:
        raise ColumnError(f"{argument}: name at least one column.")
    return names


def _kind_with(needs: Sequence[str]) -> Kind:
    """Snapshots that have been given labels."""
    columns = tuple(
        replace(column, optional=column.optional and column.name not in needs)
        for column in SNAPSHOTS.columns
    )
    return replace(SNAPSHOTS, door="label_silence or label_churn", columns=columns)


def _floats_of(values: NDArray[Any] | None, nothing: Floats) -> Floats:
    """Numbers with NaN where one is missing; all missing where there is no such column."""
    return nothing if values is None else values.astype(np.float64)


def _refuse_gaps_of_keys(columns: Columns) -> None:
    import pandas as pd

    for name in ("customer_id", "as_of"):
        n = int(pd.isna(columns[name]).sum())
        if n:
            raise ContentError(
                f"snapshots: {count_of(n, 'row has', 'rows have')} no {name!r}. Leave them out."
            )


def refuse_twice_on_a_day(found: Labelled) -> None:
    """Refuse snapshots that count a customer twice.

    Raises:
        ContentError: if a customer (of one spell) has several on one day.
    """
    order = found.order
    spell = found.columns.get("spell", np.zeros(found.day.size)).astype(np.float64)
    same = np.ones(max(order.size - 1, 0), np.bool_)
    for values in (found.group, found.day, np.nan_to_num(spell, nan=-1.0)):
        same &= np.diff(values[order]) == 0
    if n := int(same.sum()):
        place = order[int(np.argmax(same))]
        who = found.customers.tolist()[found.group[place]]
        raise ContentError(
            f"snapshots: {count_of(n, 'row', 'rows')} too many: customer {who!r} has several on "
            f"{periods.day_of(found.day[place])}. Keep one of them."
        )


def _checked_labels(label: Floats) -> Floats:
    odd = np.isfinite(label) & (label != 0) & (label != 1) | np.isinf(label)
    if odd.any():
        raise ContentError(
            f"snapshots: 'churned' must be 1 (lost), 0 (not) or null (unknown); it is "
            f"{label[odd][0]:g} in {count_of(int(odd.sum()), 'row')}."
        )
    return label
