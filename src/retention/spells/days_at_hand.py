"""The days on which customers bought, of a table at hand: the next one is the next row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import periods
from retention.activity.at_hand import lines_at_hand
from retention.activity.purchases_at_hand import days_of_purchases
from retention.frames import frame_at_hand
from retention.log_holes import days_of_lines, hole_among, tell_of_hole
from retention.numerics.keyed_rows import cells_of_keys, starts_of_runs
from retention.spells.days import QUIET_DAYS, harm_of_hole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import narwhals.stable.v2 as nw
    from numpy.typing import NDArray

    from retention.activity.at_hand import LinesAtHand
    from retention.frames import Columns, Frame, Numbered

    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DaysAtHand:
    """Days with a purchase, in the order of customer and day.

    Attributes:
        customer: of each, as a number.
        day: since 1970-01-01.
        known: the customers that have these numbers.
        engine: of the table.
    """

    customer: Whole
    day: Whole
    known: Numbered
    engine: nw.Implementation

    def joined_to_spells(self, allowed: int) -> Frame:
        """Days that follow within `allowed` days as spells, see `stays_joined_to_spells`."""
        who = starts_of_runs(self.customer)
        opens = who | (np.diff(self.day, prepend=0) > allowed)
        starts = np.flatnonzero(opens)
        number = np.cumsum(opens)[starts]
        before = (number - 1)[who[starts]]  # spells of the customers before
        many = np.diff(before, append=number.size)
        last = self.day[np.append(starts[1:], self.day.size) - 1]
        columns = {
            "customer_id": self.known.named(self.customer[starts]),
            "spell": number - np.repeat(before, many),
            "_start": self.day[starts],
            "_last": last,
            "_at": last,
        }
        return frame_at_hand(columns, self.engine)

    def record_silences(self, limits: Sequence[int], shortest: int, as_of: int) -> Columns | None:
        """Silences that outlasted all earlier ones of their customer, and first days, counted.

        Args:
            limits: the lengths that matter, to which they are rounded down.
            shortest: those below it do not count.
            as_of: the last observed day.

        Returns:
            `_first`, `_back`, `_day`, `_longest`, `_length` and `n`; None where no number holds
            them.
        """
        first = starts_of_runs(self.customer)
        back = ~np.append(first[1:], True)
        apart = np.diff(self.day, append=0) - 1
        length = np.where(back, apart, as_of - self.day)
        quiet = np.where(first, 0, np.append(0, apart[:-1]))
        span = int(quiet.max()) + 1
        longest = np.maximum.accumulate(self.customer * span + quiet) - self.customer * span
        kept = first | ((length > longest) & (length >= shortest))
        reached = np.array([0, *limits], np.int64)

        def rounded(values: Whole) -> Whole:
            return reached[np.searchsorted(reached, values[kept], side="right") - 1]

        keyed = cells_of_keys(
            {
                "_first": first[kept].astype(np.int64),
                "_back": back[kept].astype(np.int64),
                "_day": self.day[kept],
                "_longest": rounded(longest),
                "_length": rounded(length),
            }
        )
        return None if keyed is None else {**keyed[1], "n": keyed[0].counts()}


def days_at_hand(
    transactions: Frame, *, as_of: date, gap: int, way: str, since: date | None = None
) -> DaysAtHand | None:
    """The days of `purchase_days` of a pandas or Polars table, with its warnings.

    Args:
        transactions: checked order lines.
        as_of: the last observed day.
        gap: the shortest silence that will count as a loss.
        way: what to say where the log has a hole, with {since} for the day after it.
        since: the first observed day, where it is known.

    Returns:
        None where there is something to refuse, nobody bought, or no number holds a line.
    """
    names = transactions.collect_schema().names()
    read = [name for name in ("customer_id", "order_id", "date", "sales") if name in names]
    lines = lines_at_hand(transactions.select(*read), ())
    log = None if lines is None else lines.log(as_of=as_of, opens=as_of)
    if lines is None or log is None:
        return None
    log.warn_of_silence(as_of, usual=QUIET_DAYS)
    _tell_of_holes(lines, (since, as_of), gap, way)
    seen = lines.day <= periods.number_of(as_of)
    days = days_of_purchases(lines if seen.all() else lines.part(seen))
    if days is None or not days[1].size:
        return None
    return DaysAtHand(*days, lines.known["customer_id"], lines.engine)


def _tell_of_holes(
    lines: LinesAtHand, observed: tuple[date | None, date], gap: int, way: str
) -> None:
    """Warn of a time in which nobody bought."""
    since, until = (None if day is None else periods.number_of(day) for day in observed)
    who = lines.known["customer_id"].number
    days = days_of_lines(lines.day, who, since=since, until=until or 0)
    tell_of_hole(hole_among(*days, least=gap // 2), then=harm_of_hole(gap, way))
