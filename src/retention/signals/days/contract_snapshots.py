"""Which relationships ran on a day: the customers that a warning could have been about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError
from retention.frames import Frame, count, in_kind_of, one_row
from retention.signals.days.asked_days import asked_days, rows_of_days
from retention.signals.days.running_spells import spells_with_days
from retention.tables.answer_columns import gives, ids, numbers, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.signals.days.asked_days import Days


@gives(
    "a relationship on a day",
    ids("customer_id"),
    whole_numbers("spell"),
    times("as_of"),
    numbers("tenure", unit="days"),
)
def contract_snapshots(
    spells: IntoFrameT, *, dates: date | str | Sequence[date | str]
) -> IntoFrameT:
    """The relationships that ran on each day, of which one can ask whether they were to end.

    A spell with start s that lasted d days runs on day a if s ≤ a < s + d; if it was not seen to
    end, also on s + d, the last day on which it was seen. One that came under observation later
    (`entry` e) is in it from s + e on: earlier days know of it only because it lasted. With that,

        tenure = a − s,

    null where the spell is set aside because its start is not known.

    Args:
        spells: a table from `contract_spells`, or of `purchase_spells` with
            `reactivation="new_spell"`.
        dates: the days, one or several, in any order. A day named twice is one.

    Returns:
        One row per spell and day on which it ran, in the caller's kind: `customer_id`, `spell`
        (which of the customer's), `as_of` (the day), `tenure` (days since its start). Eager tables
        are sorted by customer, day and spell.

    Raises:
        RetentionError: if there is no day in `dates`, or the spells were made with
            `reactivation="same_spell"`, which knows of every silence whether it was going to end.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a day lies before the first start or after the last day that was seen, or
            there is no spell.

    Example:
        Ann's contract ended on 1 March, Bob's began in February and runs.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-02-15"]),
        ...     "end": pd.to_datetime(["2024-03-01", None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-04-30", grace=0)
        >>> rt.signals.contract_snapshots(spells, dates=["2024-02-29", "2024-03-01"])
          customer_id  spell      as_of  tenure
        0         Ann      1 2024-02-29    59.0
        1         Bob      1 2024-02-29    14.0
        2         Bob      1 2024-03-01    15.0

    Source:
        Landmarks: van Houwelingen, H. C. and Putter, H. (2012), Dynamic Prediction in Clinical
        Survival Analysis, chapter 2; late entry: Klein, J. P. and Moeschberger, M. L. (2003),
        Survival Analysis, 2nd ed., sections 3.4 and 4.6.
    """
    days = asked_days(dates)
    frame = _spells_seen(spells_with_days(spells))
    _refuse_days_not_seen(frame, days)
    ends = nw.col("_end") + 1 - nw.col("_left")
    told = frame.select(
        "customer_id",
        "spell",
        "_start",
        _known=count(nw.col("set_aside").is_null()),
        _from=(nw.col("_start") + nw.col("_late")).cast(nw.Int64),
        _until=ends.cast(nw.Int64),
    )
    rows = rows_of_days(told, days)
    tenure = nw.when(nw.col("_known") == 1).then(nw.col("_day") - nw.col("_start"))
    answer = rows.select(
        "customer_id",
        "spell",
        periods.date_expr(nw.col("_day"), rows.implementation).alias("as_of"),
        tenure.cast(nw.Float64).alias("tenure"),
    )
    order = ["customer_id", "as_of", "spell"]
    return in_kind_of(answer, spells, order=order, keep_type=["customer_id", "spell"])


def _spells_seen(frame: Frame) -> Frame:
    """Spells without those that began too late for anything to be known of them."""
    return frame.filter((nw.col("_left") == 1) | (nw.col("_end") > nw.col("_start")))


def _refuse_days_not_seen(frame: Frame, days: Days) -> None:
    """Refuse days before the first spell, and after the last day on which any was seen."""
    found = one_row(frame.select(first=nw.col("_start").min(), last=nw.col("_end").max()))
    if found["first"] is None:
        raise ContentError("spells is empty: there is no relationship in it.")
    first, last = (periods.day_of(found[name]) for name in ("first", "last"))
    asked = [periods.day_of(int(day)) for day in (days[0], days[-1])]
    if asked[0] < first:
        raise ContentError(
            f"`dates` names {asked[0]}, but the first spell starts on {first}: nothing was "
            "observed by then."
        )
    if asked[1] > last:
        raise ContentError(
            f"`dates` names {asked[1]}, but spells were seen up to {last} only: which of them run "
            "later is not known. Name earlier days, or make the spells with a later `as_of`, by "
            "more than their grace."
        )
