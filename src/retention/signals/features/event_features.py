"""What a customer did or met, by name: how often in a window, and how long ago, as of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import RetentionError
from retention.frames import count
from retention.signals.known.seen_by_then import (
    DATE,
    DAY,
    KEYS,
    asked_and_log,
    count_or_nought,
    features_made,
    rows_by_then,
    with_day_numbers,
    with_features,
)
from retention.tables import EVENTS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT


@gives("a customer on a day, with `n_…` and `days_since_…` of each event", *features_made())
def event_features(
    snapshots: IntoFrameT,
    events: IntoFrameT,
    *,
    window: int,
    of: str | Sequence[str],
    observed_from: date | str | None = None,
    suffix: str = "",
) -> IntoFrameT:
    """How often each customer had done or met something by a day, and how long ago the last time.

    Of day a, for each event of `of`, over the rows dated and known by then:

        n_<event>          = those on (a − window, a],
        days_since_<event> = a − the day of the last one, however long ago.

    Args:
        snapshots: a table of `snapshots` or `contract_snapshots`.
        events: a table from `as_events`, of the same kind.
        window: days of the window that ends on the day, itself included, 1 or more.
        of: the events that are asked of, by name as they stand in the table, such as
            ["store closed", "moved"]. They are not taken from the table: an event that nobody has
            met yet is a column, too. Spaces become "_" in the names of the features.
        observed_from: the first day of which the table has events, where there were some before
            it, too: a window that begins earlier was not seen whole, and what is asked of it is
            null. Default: all that ever were are in it.
        suffix: what the names of the features end with, so that several windows can stand beside
            one another.

    Returns:
        The snapshots, in the caller's kind, with two columns for each event: `n_<event>`, 0 where
        there was none, and `days_since_<event>` (days; null where there was none by then). Eager
        tables are sorted by customer and day.

    Raises:
        RetentionError: if `window` is no whole number of days, or `of` names no event, or
            two whose features would have one name.
        ColumnError: if a column is missing, of the wrong type, or a feature is there already.
        ContentError: if a snapshot lacks its customer or day.
        TableError: if the two are different kinds of table.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "as_of": pd.to_datetime(["2024-03-31"] * 2)
        ... })
        >>> events = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-10", "2024-03-21"]),
        ...     "event": ["store closed", "login"],
        ... })
        >>> found = rt.signals.event_features(days, events, window=30, of=["store closed", "login"])
        >>> found[["n_store_closed", "days_since_store_closed", "n_login"]]
           n_store_closed  days_since_store_closed  n_login
        0             0.0                     81.0      1.0
        1             0.0                      NaN      0.0

    Source:
        Buttle, F. and Maklan, S. (2019), Customer Relationship Management, 4th ed., chapter 4: a
        changed touch point and a changed address as signs of coming defection.
    """
    named = _names_of_events(of)
    made = [name for word in named for name in (f"n_{word}", f"days_since_{word}")]
    asked, log = asked_and_log(snapshots, events, EVENTS, made, (window, observed_from, suffix))
    dated = with_day_numbers(log, {"_date": "date", "_known": "known"})
    told = dated.with_columns(_event=nw.col("event").cast(nw.String))
    names = [name for name in ("_date", "_known") if name in told.collect_schema().names()]
    meant = told.filter(nw.col("_event").is_in(list(named.values())))
    beside_days = rows_by_then(asked, meant.select("customer_id", "_event", *names))
    marks: dict[str, nw.Expr] = {}
    features: dict[str, nw.Expr] = {}
    for place, (word, event) in enumerate(named.items()):
        here = nw.col("_event") == event
        n, last = f"_n{place}", f"_last{place}"
        marks |= {n: count(here & asked.in_window), last: nw.when(here).then(DATE)}
        features[f"n_{word}"] = asked.seen(count_or_nought(n))
        features[f"days_since_{word}"] = (DAY - nw.col(last)).cast(nw.Float64)
    counts, lasts = list(marks)[::2], list(marks)[1::2]
    found = beside_days.with_columns(**marks).group_by(*KEYS)
    each = found.agg(*(nw.col(n).sum() for n in counts), *(nw.col(n).max() for n in lasts))
    return with_features(asked, [each], features, snapshots)


def _names_of_events(of: object) -> dict[str, str]:
    """The events by the word that stands for each in the names of features.

    Raises:
        RetentionError: if there is none, one is no text, or two have one word.
    """
    several = [of] if isinstance(of, str) else list(of) if isinstance(of, list | tuple) else []
    if not several or not all(isinstance(event, str) and event.strip() for event in several):
        raise RetentionError(
            f"of names the events that are asked of, such as of=['login', 'moved']; got {of!r}."
        )
    named: dict[str, str] = {}
    for event in several:
        word = "_".join(event.split())
        if word.lower() in (known.lower() for known in named):
            raise RetentionError(
                f"of: the features of {event!r} and of another event would have one name. Name "
                "each event once, and rename one of two that differ by case or spaces alone."
            )
        named[word] = event
    return named
