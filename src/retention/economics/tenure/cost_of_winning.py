"""What winning a customer cost: one amount, or one for each cohort and segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.economics.value.payments import checked_cost, is_amount
from retention.errors import YOURS, ColumnError, ContentError, RetentionError, count_of
from retention.frames import Columns, as_text, collect
from retention.orders import MOST
from retention.survival.models.lifetime_model import description_of, is_table
from retention.tables import Column, Kind, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

_COSTS = Kind(
    "acquisition_cost",
    "what winning a customer of a cohort or segment cost",
    YOURS,
    (
        Column("cohort", "time", "a day of the period the cohort began in", optional=True),
        Column("acquisition_cost", "number", "what winning a customer cost", "currency"),
    ),
)


@dataclass(frozen=True, slots=True)
class CostOfWinning:
    """What winning a customer cost.

    Attributes:
        names: the segments it is told apart by.
        by_cohort: whether it is by cohort, too.
        rows: the cost by segments, and day of the cohort where it is by cohort.
    """

    names: tuple[str, ...]
    by_cohort: bool
    rows: Mapping[tuple[Any, ...], float]

    def of_cohorts(
        self, labels: Columns, steps: Whole, freq: str, some: NDArray[np.bool_]
    ) -> Floats:
        """The cost for each segment and cohort, NaN where nobody was won.

        Args:
            labels: the segments.
            steps: the cohorts.
            freq: the length of a period.
            some: of each segment and cohort, whether there is a customer.

        Raises:
            ContentError: if one is missing, or a period has two.
        """
        known = self._by_step(freq)
        found = np.full(some.shape, np.nan)
        lacking = []
        for i, j in zip(*np.nonzero(some), strict=True):
            key = (*(labels[name][i] for name in self.names),)
            key += (int(steps[j]),) * self.by_cohort
            found[i, j] = known.get(key, np.nan)
            if key not in known:
                lacking.append(_key_in_words(key, self, freq))
        if lacking:
            raise ContentError(
                f"acquisition_cost has no row for {count_of(len(lacking), 'cohort')} in which "
                f"customers were won, such as {lacking[0]}. Give one for each."
            )
        return found

    def _by_step(self, freq: str) -> dict[tuple[Any, ...], float]:
        """The costs by segments and the number of the period."""
        if not self.by_cohort:
            return dict(self.rows)
        found: dict[tuple[Any, ...], float] = {}
        for key, cost in self.rows.items():
            at = (*key[:-1], periods.step_of(periods.day_of(key[-1]), freq))
            if at in found:
                raise ContentError(
                    "acquisition_cost has several rows for "
                    f"{_key_in_words(at, self, freq)}. Give one."
                )
            found[at] = cost
        return found


def read_cost_of_winning(cost: Any, by: Sequence[str], of: str) -> CostOfWinning:
    """The cost as it was given; not known where it was not.

    Raises:
        RetentionError: if it is no amount of at least 0 and no table, or taken from sales.
        ColumnError: if a table lacks its column, or one that tells what a row is of.
        ContentError: if a cost in it is missing, below 0 or there twice.
    """
    if cost is None:
        return CostOfWinning((), False, {(): float("nan")})
    if of == "sales":
        raise RetentionError(
            "acquisition_cost is paid back from profit, not from sales: say of='profit'. Where all "
            "of sales counts, name its column as profit at the door, as_transactions(...)."
        )
    if is_table(cost):
        return _costs_of_table(cost, by)
    if not is_amount(cost):
        raise RetentionError(
            "acquisition_cost is what winning a customer costs: an amount, or a table of it; got "
            f"{description_of(cost)}."
        )
    amount = checked_cost("acquisition_cost", cost, "what it costs to win a customer")
    return CostOfWinning((), False, {(): amount})


def _costs_of_table(table: object, by: Sequence[str]) -> CostOfWinning:
    frame = require(table, _COSTS, adds="none")
    schema = frame.collect_schema()
    names, by_cohort = tuple(name for name in by if name in schema), "cohort" in schema
    if not (names or by_cohort):
        wanted = ", ".join(repr(name) for name in ("cohort", *by))
        raise ColumnError(
            f"acquisition_cost is a table that has none of {wanted}: what is a row of? For one "
            "cost of all, give the amount."
        )
    columns = [as_text(name, schema[name]) for name in names]
    if by_cohort:
        columns.append(periods.day_expr("cohort", frame.implementation).alias("_day"))
    found = collect(frame.select(*columns, nw.col("acquisition_cost").cast(nw.Float64)))
    amounts = found["acquisition_cost"].astype(np.float64)
    if wrong := int((~((amounts >= 0) & (amounts <= MOST))).sum()):
        raise ContentError(
            f"acquisition_cost: {count_of(wrong, 'row has', 'rows have')} no cost, or one below 0 "
            "or infinite."
        )
    keys = [found[name].tolist() for name in (*names, *(["_day"] * by_cohort))]
    told = [*zip(*keys, strict=True)]
    if by_cohort and not all(np.isfinite(key[-1] or 0) for key in told):
        raise ContentError("acquisition_cost: a row has no cohort.")
    if len(set(told)) < len(told):
        raise ContentError("acquisition_cost has several rows for one cohort or segment. Give one.")
    return CostOfWinning(names, by_cohort, dict(zip(told, amounts.tolist(), strict=True)))


def _key_in_words(key: tuple[Any, ...], cost: CostOfWinning, freq: str) -> str:
    said = [f"{name} {value!r}" for name, value in zip(cost.names, key, strict=False)]
    if cost.by_cohort:
        said.append(f"cohort {periods.label(int(key[-1]), freq)}")
    return ", ".join(said) or "all"
