"""Scores day by day, and the customers for whom each day's list rings: whoever scored them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ColumnError, ContentError, count_of
from retention.frames import collect, one_row
from retention.names import inner_name, outer_text
from retention.numerics.keyed_rows import starts_of_runs
from retention.tables import SNAPSHOTS, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from retention.frames import Frame

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]

Policy = Literal["top", "threshold"]
"""How a day's list is made of the scores: so many calls, or all who pass a line."""

_LABELS = ("churned", "label_from", "label_to", "known_on", "spell")
_NEVER = -(10**9)


@dataclass(frozen=True, slots=True)
class ListedScores:
    """Scores of customers on the days of a list, in the order of day and customer.

    Attributes:
        customer: of each row, as a number in the order of the ids.
        day: since 1970-01-01.
        scores: by the names of their columns; NaN where not known.
        ids: the customers that have these numbers.
    """

    customer: Whole
    day: Whole
    scores: dict[str, Floats]
    ids: NDArray[Any]

    def rung(self, score: Floats, chosen: Callable[[Floats, Whole, int], Flags]) -> Whole:
        """The rows that ring, when each day those do that are chosen of its scores.

        Args:
            score: of each row.
            chosen: told the scores of a day, its customers and the day, gives which of them ring.
        """
        starts = np.append(np.flatnonzero(starts_of_runs(self.day)), self.day.size).tolist()
        parts = [
            start + np.flatnonzero(chosen(score[start:stop], self.customer[start:stop], start))
            for start, stop in pairwise(starts)
        ]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    def ranked(self, score: Floats, calls: int, apart: int) -> Whole:
        """The rows that ring where each day so many of the highest do, see `ring_alarms`."""
        last = np.full(self.ids.size, _NEVER, np.int64)
        drawn = numbers_of_lots(self.ids)

        def chosen(today: Floats, who: Whole, at: int) -> Flags:
            day = int(self.day[at])
            free = np.flatnonzero(~np.isnan(today) & (day - last[who] >= apart))
            ring = np.zeros(today.size, bool)
            ring[free[_highest(today[free], lots_of_day(drawn[who[free]], day), calls)]] = True
            last[who[ring]] = day
            return ring

        return self.rung(score, chosen)

    def passing(self, score: Floats, line: float, clear: float, apart: int) -> Whole:
        """The rows that ring where all do who reach a line after being clear of it."""
        last = np.full(self.ids.size, _NEVER, np.int64)
        armed = np.ones(self.ids.size, bool)

        def chosen(today: Floats, who: Whole, at: int) -> Flags:
            day = int(self.day[at])
            armed[who[today < clear]] = True
            ring = armed[who] & (today >= line) & (day - last[who] >= apart)
            armed[who[ring]], last[who[ring]] = False, day
            return ring

        return self.rung(score, chosen)


def _highest(score: Floats, lot: NDArray[np.uint64], calls: int) -> Whole:
    """The places of the highest scores; of those that tie for the last calls the lowest lots."""
    if score.size <= calls:
        return np.arange(score.size)
    line = np.partition(score, score.size - calls)[score.size - calls]
    above, level = np.flatnonzero(score > line), np.flatnonzero(score == line)
    drawn = level[np.argsort(lot[level], kind="stable")]
    return np.append(above, drawn[: calls - above.size])


def numbers_of_lots(ids: NDArray[Any]) -> NDArray[np.uint64]:
    """The crc32 of each id as text, which is the same on every engine and in any order."""
    return np.array([crc32(str(one).encode()) for one in ids.tolist()], np.uint64)


def lots_of_day(drawn: NDArray[np.uint64], day: int) -> NDArray[np.uint64]:
    """The lots that customers draw on a day: their crc32 and its number, well mixed.

    The mixing is the last step of SplitMix64: with crc32 of both texts alone, whoever had been
    drawn together once would be so again.
    """
    mixed = (drawn << np.uint64(32)) | np.uint64(day % 2**32)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def listed_scores(scores: object, names: Sequence[str], *, argument: str) -> ListedScores:
    """The scores of a table of snapshots as arrays.

    Args:
        scores: a table of snapshots of any engine.
        names: the columns of scores.
        argument: what the user calls these.

    Raises:
        ColumnError: if a column is missing, holds no numbers, or is the label.
        ContentError: if the table is empty, a row lacks its customer or day, or a customer has two
            rows on one day.
    """
    frame = require(scores, SNAPSHOTS, adds="none")
    _refuse_what_is_no_score(frame, names, argument)
    _refuse_unsaid_rows(frame)
    told = frame.select(
        "customer_id",
        _day=periods.day_expr("as_of", frame.implementation).cast(nw.Int64),
        **{f"_{at}": nw.col(inner_name(name)).cast(nw.Float64) for at, name in enumerate(names)},
    )
    found = collect(told, exact=True)
    customer, ids = ids_as_numbers(found["customer_id"])
    day = found["_day"].astype(np.int64)
    order = np.lexsort((customer, day))
    customer, day = customer[order], day[order]
    _refuse_two_on_a_day(customer, day, ids)
    values = {name: found[f"_{at}"].astype(np.float64) for at, name in enumerate(names)}
    return ListedScores(customer, day, {name: v[order] for name, v in values.items()}, ids)


def ids_as_numbers(ids: NDArray[Any]) -> tuple[Whole, NDArray[Any]]:
    """Ids as numbers in their order, and the different ones."""
    import pandas as pd

    number, different = pd.factorize(ids, sort=True)
    return number.astype(np.int64), np.asarray(different)


def _refuse_what_is_no_score(frame: Frame, names: Sequence[str], argument: str) -> None:
    schema = frame.collect_schema()
    for name in names:
        if not isinstance(name, str) or inner_name(name) not in schema:
            raise ColumnError.unknown(argument, str(name), map(outer_text, schema))
        if name in _LABELS:
            raise ColumnError(
                f"{argument}: {name!r} tells what came later, so an alarm by it would know the "
                "future. Name a column that was known on the day."
            )
        if not (dtype := schema[inner_name(name)]).is_numeric():
            raise ColumnError(
                f"{argument}: {name!r} holds {dtype}. A score is a number, higher for who is "
                "sooner to leave."
            )
        if name == "customer_id":
            raise ColumnError(f"{argument}: 'customer_id' says who, and is no score. Name another.")


def _refuse_unsaid_rows(frame: Frame) -> None:
    """Refuse an empty table, and rows without customer or day."""
    found = one_row(frame.select(nw.len().alias("n"), nw.col("customer_id", "as_of").count()))
    if not found["n"]:
        raise ContentError("snapshots is empty: there is no customer on any day.")
    for name in ("customer_id", "as_of"):
        if gaps := int(found["n"] - found[name]):
            raise ContentError(
                f"snapshots: {count_of(gaps, 'row has', 'rows have')} no {name}. Leave them out."
            )


def _refuse_two_on_a_day(customer: Whole, day: Whole, ids: NDArray[Any]) -> None:
    twice = (customer[1:] == customer[:-1]) & (day[1:] == day[:-1])
    if n := int(twice.sum()):
        place = int(np.argmax(twice))
        who, when = ids.tolist()[customer[place]], periods.day_of(day[place])
        raise ContentError(
            f"snapshots: {count_of(n, 'row', 'rows')} too many: customer {who!r} has several on "
            f"{when}. Keep one of them."
        )
