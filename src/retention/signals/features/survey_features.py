"""Falling satisfaction: what a customer last said as of a day, and what was left unanswered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import count
from retention.periods import whole_days
from retention.signals.known.seen_by_then import (
    DATE,
    DAY,
    KEYS,
    asked_and_log,
    count_or_nought,
    features_made,
    latest_by_then,
    rows_by_then,
    with_day_numbers,
    with_features,
)
from retention.tables import SURVEYS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame


_MADE = ("satisfaction", "satisfaction_change", "n_asked", "n_not_answered")


@gives("a customer on a day, with features", *features_made(*_MADE))
def survey_features(
    snapshots: IntoFrameT,
    surveys: IntoFrameT,
    *,
    window: int,
    patience: int,
    observed_from: date | str | None = None,
    suffix: str = "",
) -> IntoFrameT:
    """How satisfied each customer had last said to be by a day, and how that had changed.

    Of day a, with answers on (a − window, a]:

        satisfaction        = the last one,
        satisfaction_change = that − the answer before it, whenever that was,
        n_asked             = answers of the window, and invitations of it that stayed without,
        n_not_answered      = these invitations, once they are `patience` days old.

    Several answers of a day count as their mean. A row of surveys is dated by its answer, and where
    none came by its invitation. So on the day of the invitation only those who will never answer
    have a row, and to count it at once would be to know the future: such a row counts once
    `patience` days have passed. Take so many days that later answers are rare.

    Args:
        snapshots: a table of `snapshots` or `contract_snapshots`.
        surveys: a table from `as_surveys`, of the same kind.
        window: days of the window that ends on the day, itself included, 1 or more.
        patience: days that customers have for an answer before it counts as missing.
        observed_from: the first day of which the table has surveys, where there were some before
            it, too: a window that begins earlier was not seen whole, and what is asked of it is
            null. Default: all that ever were are in it.
        suffix: what the names of the features end with, so that several windows can stand beside
            one another.

    Returns:
        The snapshots, in the caller's kind, with `satisfaction` (on its scale; null where the
        window has no answer to that question, or it was never asked), `satisfaction_change` (null
        too where it was the first answer), `n_asked`, and `n_not_answered` (null where nobody
        asked). Eager tables are sorted by customer and day.

    Raises:
        RetentionError: if `window` or `patience` is no whole number of days.
        ColumnError: if a column is missing, of the wrong type, or a feature is there already.
        ContentError: if a snapshot lacks its customer or day.
        TableError: if the two are different kinds of table.

    Example:
        Ann was content in January and is less so in March. Bob did not answer.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "as_of": pd.to_datetime(["2024-03-31"] * 2)
        ... })
        >>> surveys = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-10", "2024-03-12", "2024-03-10"]),
        ...     "answered": [True, True, False],
        ...     "satisfaction": [5.0, 3.0, None],
        ... })
        >>> found = rt.signals.survey_features(days, surveys, window=60, patience=14)
        >>> found[["satisfaction", "satisfaction_change", "n_asked", "n_not_answered"]]
           satisfaction  satisfaction_change  n_asked  n_not_answered
        0           3.0                 -2.0      1.0             0.0
        1           NaN                  NaN      1.0             1.0

    Source:
        Buttle, F. and Maklan, S. (2019), Customer Relationship Management, 4th ed., chapter 4:
        falling satisfaction as a sign of coming defection.
    """
    days = whole_days(patience, argument="patience", least=0)
    said = (window, observed_from, suffix)
    asked, log = asked_and_log(snapshots, surveys, SURVEYS, _MADE, said)
    dated = with_day_numbers(log, {"_date": "date"})
    invited = dated.select("customer_id", "_date", _yes=count(nw.col("answered")))
    beside_days = rows_by_then(asked, invited).filter(asked.in_window)
    marked = beside_days.with_columns(_silent=count((nw.col("_yes") == 0) & (days <= DAY - DATE)))
    found = marked.group_by(*KEYS).agg(nw.col("_yes").sum(), nw.col("_silent").sum())
    last = latest_by_then(asked, _satisfaction_by_day(dated))
    n_asked = count_or_nought("_yes") + count_or_nought("_silent")
    features = {
        "satisfaction": asked.seen(nw.col("_score")),
        "satisfaction_change": asked.seen(nw.col("_change")),
        "n_asked": asked.seen(n_asked),
        "n_not_answered": asked.seen(nw.when(n_asked > 0).then(count_or_nought("_silent"))),
    }
    return with_features(asked, [found, last], features, snapshots)


def _satisfaction_by_day(dated: Frame) -> Frame:
    """The mean answer of each customer and day on which there was one."""
    if "satisfaction" not in dated.collect_schema().names():
        nothing = dated.with_columns(_score=nw.lit(None, dtype=nw.Float64))
    else:
        nothing = dated.with_columns(_score=nw.col("satisfaction").cast(nw.Float64))
    told = nothing.filter(~nw.col("_score").is_null(), ~nw.col("_date").is_null())
    return told.group_by("customer_id", "_date").agg(nw.col("_score").mean())
