"""Who stopped answering, and who is less content: offers made and surveys as of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import count
from retention.periods import whole_days
from retention.signals.known.known_sums import (
    ONE,
    Span,
    Told,
    in_window,
    known_sums,
    with_moments,
)
from retention.signals.known.open_by_then import earlier_of, later_of
from retention.signals.known.seen_by_then import (
    KEYS,
    asked_and_log,
    count_or_nought,
    features_made,
    latest_by_then,
    with_day_numbers,
    with_features,
)
from retention.tables import OFFERS_MADE, SURVEYS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame

_OF_OFFERS = ("n_offers", "n_unanswered")
_OF_SURVEYS = ("satisfaction", "satisfaction_change", "n_asked", "n_not_answered")


@gives("a customer on a day, with features", *features_made(*_OF_OFFERS))
def offer_features(
    snapshots: IntoFrameT,
    offers_made: IntoFrameT,
    *,
    window: int,
    patience: int,
    observed_from: date | str | None = None,
    suffix: str = "",
) -> IntoFrameT:
    """How many offers each customer had had by a day, and how many they had left unanswered.

    Of day a, over the offers of (a − window, a] that were known by then:

        n_offers     = their number,
        n_unanswered = those made `patience` days before a or earlier, with no answer by a.

    An answer that came after a is none: on the day nobody knew of it. An offer that is younger than
    `patience` days is not unanswered yet, whether or not an answer came later.

    Args:
        snapshots: a table of `snapshots` or `contract_snapshots`.
        offers_made: a table from `as_offers_made`, of the same kind.
        window: days of the window that ends on the day, itself included, 1 or more.
        patience: days that customers have for an answer before an offer counts as unanswered.
        observed_from: the first day of which the table has offers, where offers were made before
            it, too: a window that begins earlier was not seen whole, and its features are null.
            Default: all offers ever made are in it.
        suffix: what the names of the features end with, so that several windows can stand beside
            one another.

    Returns:
        The snapshots, in the caller's kind, with `n_offers` (0 where there was none) and
        `n_unanswered` (null where there was no offer: nobody asked). Eager tables are sorted by
        customer and day.

    Raises:
        RetentionError: if `window` or `patience` is no whole number of days.
        ColumnError: if a column is missing, of the wrong type, or a feature is there already.
        ContentError: if a snapshot lacks its customer or day.
        TableError: if the two are different kinds of table.

    Example:
        By 31 January Ann had answered one offer and left one unanswered; of the third nobody could
        say yet. Bob had none.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "as_of": pd.to_datetime(["2024-01-31"] * 2)
        ... })
        >>> offers = pd.DataFrame({
        ...     "customer_id": ["Ann"] * 3,
        ...     "date": pd.to_datetime(["2024-01-05", "2024-01-15", "2024-01-30"]),
        ...     "responded": pd.to_datetime(["2024-01-06", "2024-02-20", None]),
        ... })
        >>> rt.signals.offer_features(days, offers, window=60, patience=7)
          customer_id      as_of  n_offers  n_unanswered
        0         Ann 2024-01-31       3.0           1.0
        1         Bob 2024-01-31       0.0           NaN

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: no
        response to a carefully targeted offer as a sign of coming defection.
    """
    days = whole_days(patience, argument="patience", least=0)
    said = (window, observed_from, suffix)
    asked, log = asked_and_log(snapshots, offers_made, OFFERS_MADE, _OF_OFFERS, said)
    dates = {"_date": "date", "_known": "known", "_answered": "responded"}
    dated = with_day_numbers(log, dates).select(
        "customer_id", *(n for n, column in dates.items() if column in log.collect_schema().names())
    )
    moments = with_moments(dated.filter(~nw.col("_date").is_null()), window=asked.window)
    rows = moments.with_columns(
        _one=ONE,
        _silent_from=later_of(nw.col("_date") + days, nw.col("_enters")),
        _silent_until=earlier_of(nw.col("_answered"), nw.col("_passes")),
    )
    silent = Span("_unanswered", "_one", "_silent_from", "_silent_until")
    told = Told(rows, (in_window("_n", "_one"), silent))
    found = known_sums(asked.rows.select(*KEYS), [told])
    asked_for = nw.when(nw.col("_n") > 0).then(nw.col("_unanswered"))
    features = {
        "n_offers": asked.seen(count_or_nought("_n")),
        "n_unanswered": asked.seen(asked_for),
    }
    return with_features(asked, [found], features, snapshots)


@gives("a customer on a day, with features", *features_made(*_OF_SURVEYS))
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
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9:
        falling satisfaction as a sign of coming defection.
    """
    days = whole_days(patience, argument="patience", least=0)
    said = (window, observed_from, suffix)
    asked, log = asked_and_log(snapshots, surveys, SURVEYS, _OF_SURVEYS, said)
    dated = with_day_numbers(log, {"_date": "date"})
    said_so = count(nw.col("answered")).cast(nw.Int64)
    invited = dated.filter(~nw.col("_date").is_null()).select(
        "customer_id", "_date", _yes=said_so, _no=1 - said_so, _over=nw.col("_date") + days
    )
    silent = Span("_silent", "_no", "_over", "_passes")
    told = Told(with_moments(invited, window=asked.window), (in_window("_yes", "_yes"), silent))
    found = known_sums(asked.rows.select(*KEYS), [told])
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
