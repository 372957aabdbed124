"""What a customer did or met, by name: how often in a window, and how long ago, as of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import RetentionError
from retention.frames import count
from retention.signals.known.known_sums import Told, in_window, known_sums, with_moments
from retention.signals.known.seen_by_then import (
    DAY,
    KEYS,
    asked_and_log,
    count_or_nought,
    features_made,
    with_day_numbers,
    with_features,
)
from retention.tables import EVENTS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame


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
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: a
        changed touch point and a changed address as signs of coming defection.
    """
    named = _names_of_events(of)
    made = [name for word in named for name in (f"n_{word}", f"days_since_{word}")]
    asked, log = asked_and_log(snapshots, events, EVENTS, made, (window, observed_from, suffix))
    told = _events_asked_of(log, named, asked.window)
    found = known_sums(asked.rows.select(*KEYS), [told])
    features: dict[str, nw.Expr] = {}
    for place, word in enumerate(named):
        features[f"n_{word}"] = asked.seen(count_or_nought(f"_n{place}"))
        features[f"days_since_{word}"] = (DAY - nw.col(f"_last{place}")).cast(nw.Float64)
    return with_features(asked, [found], features, snapshots)


def _events_asked_of(log: Frame, named: Mapping[str, str], window: int) -> Told:
    """Of each event, which rows are of it and when these were."""
    dated = with_day_numbers(log, {"_date": "date", "_known": "known"})
    known = [name for name in ("_known",) if name in dated.collect_schema().names()]
    event = nw.col("event").cast(nw.String)
    rows = dated.select("customer_id", "_date", *known, _event=event)
    meant = rows.filter(nw.col("_event").is_in(list(named.values())), ~nw.col("_date").is_null())
    marks: dict[str, nw.Expr] = {}
    for place, name in enumerate(named.values()):
        here = nw.col("_event") == name
        marks |= {f"_n{place}": count(here), f"_last{place}": nw.when(here).then(nw.col("_date"))}
    counts, lasts = list(marks)[::2], list(marks)[1::2]
    whole = meant.with_columns(nw.col("_date").cast(nw.Int64)).with_columns(**marks)
    spans = tuple(in_window(name, name) for name in counts)
    return Told(with_moments(whole, window=window), spans, most=tuple(lasts))


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
