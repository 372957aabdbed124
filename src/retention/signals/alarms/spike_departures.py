"""Departures put into a log of one's own, to see how soon a signal finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.stable.v2.typing import IntoFrameT

from retention import periods
from retention.errors import ContentError, RetentionError, count_of, is_number, whole_number
from retention.frames import Frame, as_lazy, collect, in_kind_of, table_like
from retention.periods import as_day
from retention.printed import Printed, Shown
from retention.signals.alarms.list_days import ids_as_numbers
from retention.spells.days import purchase_days
from retention.tables import TRANSACTIONS, require

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Columns

    Whole = NDArray[np.int64]

_DAY, _LEFT, _KEPT = "_retention_day", "_retention_left", "_retention_kept"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpikedLog(Printed, Generic[IntoFrameT]):
    """A log in which customers leave on days that are known.

    Attributes:
        transactions: the lines up to `as_of`, without those of customers after they left.
        truth: `customer_id`, `left_on` (the first day without them), sorted by customer.
        n_eligible: how many could have been chosen.
        n_left: how many were.
    """

    transactions: IntoFrameT
    truth: IntoFrameT
    n_eligible: int
    n_left: int

    def _shown(self) -> Shown:
        eligible = count_of(self.n_eligible, "eligible customer")
        return Shown(
            f"SpikedLog: {self.n_left:,} of {eligible} made to leave",
            then=("spiked.transactions", "spiked.truth"),
        )


def spike_departures(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    between: tuple[date | str, date | str],
    share: float,
    seed: int,
    keep: float = 0.0,
) -> SpikedLog[IntoFrameT]:
    """A log of your own in which some customers leave on known days, to try a signal on.

    When a customer left is never seen where nobody says goodbye, so nobody can tell from a log how
    soon an alarm found it. Here it is known: of the customers who had bought before the first day
    of `between` and bought again after its last, and so were there all the while, a share is chosen
    at random; each leaves on a day of `between`, and what they bought from that day on is taken
    out. The delay of an alarm is its day less `left_on`, of those for whom none stood before; what
    stood before, or rings for the others, is in vain.

    With `keep` above 0 they slow down instead: each later day with lines of theirs stays with that
    chance. Those who really left in the meantime are still in the log, and never in `truth`.

    In a simulated company real departures were found after 95 and 45 days in the median (at 3 and
    10 false alarms per 100 customer-months), departures put in after 91 and 45.

    Args:
        transactions: a table from `as_transactions`, which is not changed.
        as_of: the last observed day, itself included: later lines are left out.
        between: the first and the last day on which customers leave, both before `as_of`.
        share: of those who may be chosen, so many leave, above 0 and at most 1.
        seed: of the random draws: the same seed gives the same departures on every engine.
        keep: the share of later days that stays, from 0 to below 1.

    Returns:
        A value with `transactions` (the lines that stay, with all columns, in the caller's kind;
        eager ones sorted by customer and day), `truth` (`customer_id`, `left_on`), `n_eligible` and
        `n_left`.

    Raises:
        RetentionError: if an argument is none of what it may be.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `as_of`, or the share of those who were there
            all the while is nobody.

    Example:
        Ann buys each month. Bob came later, and cannot be chosen.

        >>> import pandas as pd
        >>> import retention as rt
        >>> months = pd.date_range("2024-01-01", periods=6, freq="MS")
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann"] * 6 + ["Bob"] * 2, "sales": 10.0,
        ...     "date": [*months, months[4], months[5]],
        ... })
        >>> spiked = rt.signals.spike_departures(
        ...     orders, as_of="2024-06-30", between=("2024-03-15", "2024-03-15"), share=1, seed=1
        ... )
        >>> spiked.truth
          customer_id    left_on
        0         Ann 2024-03-15
        >>> spiked.transactions["customer_id"].value_counts().to_dict()
        {'Ann': 3, 'Bob': 2}

    Source:
        As outbreaks are put into counts to try a monitor of diseases: Jackson, M. L. et al. (2007),
        A simulation study comparing aberration detection algorithms for syndromic surveillance,
        BMC Medical Informatics and Decision Making 7, 6.
    """
    last = as_day(as_of, argument="as_of")
    opens, closes = _days_of_leaving(between, last)
    some, stays = _share_of_leavers(share), _share_that_stays(keep)
    rng = np.random.default_rng(whole_number("seed", seed, least=0, most=2**128))
    frame = require(transactions, TRANSACTIONS, adds="none")
    days = purchase_days(frame, as_of=last, keep={})
    ids = _customers_all_the_while(days, opens, closes)
    chosen = _ids_chosen(ids, some, rng)
    left_on = rng.integers(opens, closes + 1, chosen.size)
    leaving = _beside(frame, {"customer_id": chosen, _LEFT: left_on})
    lines = _lines_up_to(frame, last)
    stayed = _days_that_stay(lines, leaving, stays, rng)
    rest = _lines_without(lines, leaving, None if stayed is None else _beside(frame, stayed))
    names = frame.collect_schema().names()
    return SpikedLog(
        in_kind_of(
            rest.select(*names), transactions, order=("customer_id", "date"), keep_type=names
        ),
        table_like(
            {"customer_id": chosen, "left_on": left_on.astype("datetime64[D]")}, transactions
        ),
        int(ids.size),
        int(chosen.size),
    )


def _days_of_leaving(between: Any, last: date) -> tuple[int, int]:
    """The first and the last day on which customers leave, as numbers."""
    if not isinstance(between, tuple | list) or len(between) != 2:
        raise RetentionError(
            "between is the first and the last day on which customers leave, such as "
            f"('2024-03-01', '2024-05-31'); got {between!r}."
        )
    opens, closes = (as_day(day, argument="between") for day in between)
    if opens > closes or closes >= last:
        raise RetentionError(
            f"between runs from {opens} to {closes}: say the earlier day first, and both before "
            f"`as_of` {last}, or nothing shows that they have left."
        )
    return periods.number_of(opens), periods.number_of(closes)


def _share_of_leavers(share: object) -> float:
    if not (is_number(share) and 0 < share <= 1):
        raise RetentionError(
            f"share is how many of the customers leave, above 0 and at most 1; got {share!r}."
        )
    return float(share)


def _share_that_stays(keep: object) -> float:
    if not (is_number(keep) and 0 <= keep < 1):
        raise RetentionError(
            f"keep is the share of later days that stays, from 0 to below 1; got {keep!r}."
        )
    return float(keep)


def _customers_all_the_while(days: Frame, opens: int, closes: int) -> NDArray[Any]:
    """Who had bought before the first day of leaving, and bought again after the last; sorted."""
    each = days.group_by("customer_id").agg(
        nw.col("_day").min().alias("_first"), nw.col("_day").max().alias("_last")
    )
    there = each.filter(nw.col("_first") < opens, nw.col("_last") > closes)
    return ids_as_numbers(collect(there.select("customer_id"), exact=True)["customer_id"])[1]


def _ids_chosen(ids: NDArray[Any], share: float, rng: np.random.Generator) -> NDArray[Any]:
    many = int(share * ids.size + 0.5)
    if not many:
        raise ContentError(
            f"transactions: {count_of(ids.size, 'customer')} had bought before `between` and again "
            f"after it, and a share of {share:g} of them is nobody. Say a larger `share=`, or a "
            "shorter `between=`."
        )
    return ids[np.sort(rng.choice(ids.size, many, replace=False))]


def _beside(frame: Frame, columns: Columns) -> Frame:
    """A small table on the engine of the lines."""
    return as_lazy(table_like(columns, frame.to_native()), by_row=True)


def _lines_up_to(frame: Frame, last: date) -> Frame:
    day = periods.day_expr("date", frame.implementation)
    return frame.with_columns(**{_DAY: day}).filter(nw.col(_DAY) <= periods.number_of(last))


def _days_that_stay(
    lines: Frame, leaving: Frame, stays: float, rng: np.random.Generator
) -> Columns | None:
    """Days with lines of customers who left that stay all the same; None where none does."""
    if not stays:
        return None
    later = lines.join(leaving, on="customer_id", how="inner").filter(nw.col(_DAY) >= nw.col(_LEFT))
    found = collect(later.select("customer_id", nw.col(_DAY).cast(nw.Int64)).unique(), exact=True)
    number, ids = ids_as_numbers(found["customer_id"])
    order = np.lexsort((found[_DAY], number))
    order = order[rng.random(order.size) < stays]
    return {"customer_id": ids[number[order]], _DAY: found[_DAY][order].astype(np.int64)}


def _lines_without(lines: Frame, leaving: Frame, stayed: Frame | None) -> Frame:
    """The lines of those who did not leave, and of the others those before, or that stay."""
    told = lines.join(leaving, on="customer_id", how="left")
    here = nw.col(_LEFT).is_null() | (nw.col(_DAY) < nw.col(_LEFT))
    if stayed is None:
        return told.filter(here)
    marked = stayed.with_columns(**{_KEPT: nw.lit(1)})
    both = told.join(marked, on=["customer_id", _DAY], how="left")
    return both.filter(here | ~nw.col(_KEPT).is_null())
