"""Reasons to look after a customer: contracts that are due, and alarms that still stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods, wording
from retention.errors import ContentError, count_of
from retention.frames import Columns, Frame, collect, one_row, table_like
from retention.periods import whole_days
from retention.tables import ALARMS, DUE, ENTRIES, require
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_REASONS = {"end": "lapsing", "anniversary": "anniversary", "lapsed": "not renewed"}
_DUE = ("customer_id", "start", "due", "days_left", "renewal")


@gives(ENTRIES)
def renewal_entries(due: IntoFrameT, *, within: int) -> IntoFrameT:
    """Contracts that are due, as reasons to look after their customers.

    Of each row of `due_for_renewal`, with the day `due` and the start s of its contract:

        reason "lapsing"      it ends in the days to come:   since = max(due − within, s)
        reason "anniversary"  its anniversary comes:         since = max(due − within, s)
        reason "not renewed"  it ended and was not renewed:  since = due

    so that a contract stands on the list from the same day on, whichever day the list is made.

    Args:
        due: the answer of `due_for_renewal`.
        within: the days that it looked ahead, 1 or more: its own `within`.

    Returns:
        One row per row of `due`, in the caller's kind: `customer_id`, `reason`, `since` (its first
        day), `detail` (the same in a sentence). Eager tables are sorted by customer, reason and
        day.

    Raises:
        RetentionError: if `within` is no whole number of days.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a row lacks something, is due for something else, or lies further ahead
            than `within`.

    Example:
        Ann's contract ends in a week and stands on the list since a week ago; Cem's ended.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Cem"],
        ...     "start": pd.to_datetime(["2023-06-08", "2023-01-01"]),
        ...     "end": pd.to_datetime(["2024-06-08", "2024-05-30"]),
        ... })
        >>> due = rt.targeting.due_for_renewal(
        ...     contracts, as_of="2024-06-01", within=14, since="2024-05-25"
        ... )
        >>> entries = rt.signals.renewal_entries(due, within=14)
        >>> entries[["customer_id", "reason", "since"]]
          customer_id       reason      since
        0         Ann      lapsing 2024-05-25
        1         Cem  not renewed 2024-05-30
        >>> entries["detail"].tolist()
        ['ends on 8 Jun 2024, in 7 days', 'ended on 30 May 2024']

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapter 4, on State Farm's agents, who find
        customers that have not renewed on their desk each day.
    """
    ahead = whole_days(within, argument="within", least=1)
    frame = require(due, DUE, by_row=True, adds="none")
    refuse_unsaid_rows(frame, "due", _DUE)
    engine = frame.implementation
    found = collect(
        frame.select(
            "customer_id",
            "renewal",
            _start=periods.day_expr("start", engine).cast(nw.Int64),
            _due=periods.day_expr("due", engine).cast(nw.Int64),
            _left=nw.col("days_left").cast(nw.Int64),
        ),
        exact=True,
    )
    _refuse_other_renewals(found, ahead)
    rows = zip(*(found[name].tolist() for name in ("renewal", "_start", "_due")), strict=True)
    since = [day if kind == "lapsed" else max(day - ahead, start) for kind, start, day in rows]
    told = zip(*(found[name].tolist() for name in ("renewal", "_due", "_left")), strict=True)
    return entries_like(
        found["customer_id"],
        [_REASONS[kind] for kind in found["renewal"].tolist()],
        since,
        [_renewal_in_words(*row) for row in told],
        like=due,
    )


def _refuse_other_renewals(found: Columns, ahead: int) -> None:
    """Refuse what is due for another thing, or later than the list could know."""
    kinds = found["renewal"].tolist()
    if odd := [kind for kind in kinds if kind not in _REASONS]:
        raise ContentError(
            f"due: renewal is 'end', 'anniversary' or 'lapsed'; {count_of(len(odd), 'row')} say "
            f"other things, such as {odd[0]!r}. Make the table with due_for_renewal(...)."
        )
    lefts = found["_left"].tolist()
    told = zip(kinds, lefts, strict=True)
    if wrong := [one for one in told if (one[1] > 0 if one[0] == "lapsed" else one[1] < 0)]:
        kind, left = wrong[0]
        raise ContentError(
            f"due: {count_of(len(wrong), 'row has', 'rows have')} days_left that their renewal "
            f"cannot have, such as {left} of {kind!r}. Make the table with due_for_renewal(...)."
        )
    far = [left for left in lefts if left > ahead]
    if far:
        raise ContentError(
            f"due: {count_of(len(far), 'row lies', 'rows lie')} further ahead than within="
            f"{ahead}, up to {count_of(max(far), 'day')}. Say the `within` that due_for_renewal "
            "was told."
        )


def _renewal_in_words(kind: str, due: int, left: int) -> str:
    """Such as "ends on 8 Jun 2024, in 7 days"."""
    on = wording.day(periods.day_of(due))
    if kind == "lapsed":
        return f"ended on {on}"
    return f"{'ends' if kind == 'end' else 'anniversary'} on {on}, in {count_of(left, 'day')}"


@gives(ENTRIES)
def alarm_entries(alarms: IntoFrameT, *, as_of: date | str, valid_for: int) -> IntoFrameT:
    """Alarms that still stand on a day, as reasons to look after their customers.

    An alarm of day d stands on the day a if d ≤ a < d + valid_for. Its reason is the signal, so
    that each signal may be of another severity.

    A score that hovers about a threshold rings on and off. On a grocer's log, 90 days, a signal
    without a level at which it is clear had 207 onsets, 86 of them back within 14 days; with
    `clear` at .9 of the threshold 94 and 1: see `ring_alarms`.

    Args:
        alarms: a table from `ring_alarms`, or your own: `customer_id`, `date`, `signal`.
        as_of: a, the day of the list. What rang later is not looked at.
        valid_for: for how many days an alarm stands, 1 or more; 1 for its own day alone.

    Returns:
        One row per alarm that stands, in the caller's kind: `customer_id`, `reason` (the signal),
        `since` (when it rang), `detail`. Eager tables are sorted by customer, reason and day.

    Raises:
        RetentionError: if `valid_for` is no whole number of days, or `as_of` no day.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if an alarm lacks its customer, day or signal.

    Example:
        Bob's alarm is 10 days old, and stood for 7.

        >>> import pandas as pd
        >>> import retention as rt
        >>> alarms = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-02-28", "2024-02-20"]),
        ...     "signal": "silent",
        ...     "score": [0.925, 0.97],
        ... })
        >>> rt.signals.alarm_entries(alarms, as_of="2024-03-01", valid_for=7)
          customer_id  reason      since                           detail
        0         Ann  silent 2024-02-28  rang on 28 Feb 2024, score 0.925

    Source:
        Fawcett, T. and Provost, F. (1999), Activity monitoring, KDD-99, 53–62.
    """
    last = periods.number_of(periods.as_day(as_of, argument="as_of"))
    stands = whole_days(valid_for, argument="valid_for", least=1)
    frame = require(alarms, ALARMS, by_row=True, adds="none")
    refuse_unsaid_rows(frame, "alarms", ("customer_id", "date", "signal"))
    there = "score" in frame.collect_schema().names()
    score = nw.col("score").cast(nw.Float64) if there else nw.lit(None, dtype=nw.Float64)
    day = periods.day_expr("date", frame.implementation).cast(nw.Int64)
    told = frame.select("customer_id", "signal", _day=day, _score=score)
    found = collect(told.filter(nw.col("_day") <= last, nw.col("_day") > last - stands), exact=True)
    days, scores = found["_day"].tolist(), found["_score"].tolist()
    return entries_like(
        found["customer_id"],
        found["signal"].tolist(),
        days,
        [_alarm_in_words(*row) for row in zip(days, scores, strict=True)],
        like=alarms,
    )


def _alarm_in_words(day: int, score: float | None) -> str:
    """Such as "rang on 28 Feb 2024, score 0.925"."""
    rang = f"rang on {wording.day(periods.day_of(day))}"
    return rang if score is None or wording.is_missing(score) else f"{rang}, score {score:.4g}"


def refuse_unsaid_rows(frame: Frame, table: str, names: Sequence[str]) -> None:
    """Refuse rows that lack what each must say.

    Raises:
        ContentError: at the first column that some row lacks.
    """
    found = one_row(frame.select(nw.len().alias("n"), nw.col(*names).count()))
    for name in names:
        if gaps := int(found["n"] - (found[name] or 0)):
            raise ContentError(
                f"{table}: {count_of(gaps, 'row has', 'rows have')} no {name}. Leave them out."
            )


def entries_like(
    customers: NDArray[Any],
    reasons: Sequence[str],
    since: Sequence[int],
    details: Sequence[str],
    *,
    like: IntoFrameT,
) -> IntoFrameT:
    """Entries, as a table of the caller's kind, in an order that no order of rows changes."""
    keys = list(zip(customers.tolist(), reasons, since, details, strict=True))
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    columns: Columns = {
        "customer_id": customers[order],
        "reason": np.array([str(text) for text in reasons], dtype=object)[order],
        "since": np.array(since, np.int64)[order].astype("datetime64[D]"),
        "detail": np.array(details, dtype=object)[order],
    }
    return table_like(columns, like)
