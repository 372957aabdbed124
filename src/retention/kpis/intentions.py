"""What customers said they would do, and what they did: buying again by intention to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError
from retention.frames import Columns, Frame, beside, collect, count, table_like
from retention.kpis.cells import distinct_segments
from retention.kpis.voice_counts import asked, segment_names
from retention.spells.days import purchase_days
from retention.spells.rows import whole_days
from retention.tables import SURVEYS, TRANSACTIONS, refuse_other_ids, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

MOST_SCORES = 101
"""More different answers than this are not a scale but measurements."""


def repeat_behaviour(
    surveys: IntoFrameT,
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    within: int,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of those who said how likely they buy again, the share that did, by what they had said.

    Of the customers whose answer to `repeat_intention` was given on day t, with t + within ≤ as_of,
    those with a purchase in (t, t + within]: on the day of the answer does not count. What is a
    purchase is said in `customer_periods`.

    Everybody counts once, with their first answer. Which answer is the last depends on what came
    after it: where buyers are asked after they buy, nothing was bought after the last. Few do just
    what they say; the table translates what is said into what is done.

    Args:
        surveys: a table from `as_surveys` with `repeat_intention`.
        transactions: a table from `as_transactions`, of the same kind.
        as_of: the last observed day of both. Nothing after it is looked at.
        within: how many days after the answer a purchase counts, 1 or more.
        by: segment columns of the surveys (`keep=`); the first answer is then that in the segment.
        level: confidence of the bounds.

    Returns:
        One row a segment and score that anybody gave, in the caller's kind: the `by` columns,
        `score`, `scale_low`, `scale_high`; `n_customers` (who gave it), `n_unobserved` (of them,
        whose `within` days are not over by `as_of`), `n_observed` (the others), `n_bought`,
        `repeat_share` (`n_bought` / `n_observed`), `lower`, `upper`, `bounds` ("wilson", or "none"
        where nobody was observed) and `within`.

    Raises:
        RetentionError: if `within` is no whole number of days.
        ColumnError: if a column is missing, or the score lacks its scale.
        TableError: if the two tables are of different kinds.
        ContentError: if nobody answered by `as_of`, nobody who did ever bought, or there are more
            than 101 different answers.

    Example:
        Ann (5) buys again, Bob (5) does not, Cem (1) does not; Dee's 30 days are not over.

        >>> import pandas as pd
        >>> import retention as rt
        >>> sent = pd.DataFrame({
        ...     "who": ["Ann", "Bob", "Cem", "Dee"],
        ...     "sent": ["2024-01-01", "2024-01-01", "2024-01-02", "2024-03-20"],
        ...     "again": [5, 5, 1, 5],
        ... })
        >>> surveys = rt.as_surveys(
        ...     sent, customer_id="who", date="sent", repeat_intention="again", scale=(1, 5)
        ... )
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2023-12-01", "2024-01-20", "2024-03-25"]),
        ...     "sales": [10.0, 20.0, 30.0],
        ... })
        >>> found = rt.repeat_behaviour(surveys, orders, as_of="2024-03-31", within=30)
        >>> found[["score", "n_customers", "n_unobserved", "n_bought", "repeat_share"]]
           score  n_customers  n_unobserved  n_bought  repeat_share
        0    1.0            1             0         0           0.0
        1    5.0            3             1         1           0.5

    Source:
        Juster, F. T. (1966), Journal of the American Statistical Association 61, 658–696 (purchases
        by stated probability); Buttle, F. and Maklan, S., Customer Relationship Management
        (attitudinal and behavioural loyalty).
    """
    intervals.quantile_of(level)
    length = whole_days(within, argument="within", least=1)
    names = segment_names(by)
    last = periods.as_day(as_of, argument="as_of")
    given, lines = _checked(surveys, names), require(transactions, TRANSACTIONS)
    refuse_other_ids(lines, given, ("transactions", "surveys"))
    bought = purchase_days(lines, as_of=last, keep={}).rename({"_day": "_bought"})
    rows, scale = asked(beside(lines, surveys, name="surveys"), names, last)
    followed = _followed(_first_answers(rows, names), bought, names, length)
    counted = _counted(followed, names, periods.number_of(last) - length)
    if not counted["n"].size:
        raise ContentError(f"surveys: nobody answered repeat_intention by as_of {last}.")
    if not counted["_known"].any():
        raise ContentError(
            f"Nobody who answered by {last} has a purchase at all: do the ids agree?"
        )
    keys, found = _on_scores(counted, names)
    ends = {"scale_low": scale.low, "scale_high": scale.high}
    keys |= {name: np.full(keys["score"].size, end) for name, end in ends.items()}
    return table_like({**keys, **_described(found, length, level)}, surveys)


def _checked(surveys: object, names: Sequence[str]) -> Frame:
    """The surveys, once it is sure that they ask who means to buy again."""
    frame = require(surveys, SURVEYS, extra=names)
    schema = frame.collect_schema()
    if "repeat_intention" not in schema:
        what, meaning = "surveys (a customer who was asked)", "how likely they buy again"
        raise ColumnError.missing(what, "repeat_intention", meaning, schema, "as_surveys")
    return frame


def _first_answers(rows: Frame, names: Sequence[str]) -> Frame:
    """One row a customer and segment: the day of the first answer, and the answer.

    Of several at one moment the lowest counts.
    """
    key = ["customer_id", *names]
    given = rows.filter(~nw.col("repeat_intention").is_null())
    first = given.with_columns(_first=nw.col("date").min().over(*key))
    answers = first.filter(nw.col("date") == nw.col("_first")).group_by(*key, "_day")
    return answers.agg(nw.col("repeat_intention").min())


def _followed(answers: Frame, bought: Frame, names: Sequence[str], within: int) -> Frame:
    """The answers, whether a purchase followed within so many days, and whether there is any."""
    t, day = nw.col("_day"), nw.col("_bought")
    met = answers.join(bought, on="customer_id", how="left").with_columns(
        _again=count((day > t) & (day <= t + within)), _known=count(~day.is_null())
    )
    once = met.group_by("customer_id", *names, "_day", "repeat_intention")
    return once.agg(nw.col("_again").max(), nw.col("_known").max())


def _counted(followed: Frame, names: Sequence[str], latest: int) -> Columns:
    """Customers by segment and score; observed are those who answered by the day `latest`."""
    seen = nw.col("_day") <= latest
    marked = followed.with_columns(
        _observed=count(seen), _bought=count(seen & (nw.col("_again") == 1))
    )
    sums = ["_observed", "_bought", "_known"]
    cells = marked.group_by(*names, "repeat_intention").agg(
        nw.len().alias("n"), *(nw.col(name).sum() for name in sums)
    )
    return collect(cells.with_columns(nw.col("n", *sums).cast(nw.Int64)))


def _on_scores(counted: Columns, names: list[str]) -> tuple[Columns, Columns]:
    """One row for every segment and every score that anybody gave."""
    scores, at = np.unique(counted["repeat_intention"].astype(float), return_inverse=True)
    if scores.size > MOST_SCORES:
        raise ContentError(
            f"repeat_intention: there are {scores.size:,} different answers. Put them into classes "
            "first, such as the whole numbers of the scale."
        )
    labels, place = distinct_segments(counted, names)
    n_segments = len(labels[names[0]]) if names else 1
    keys: Columns = {name: np.repeat(values, scores.size) for name, values in labels.items()}
    keys["score"] = np.tile(scores, n_segments)
    found: Columns = {}
    for name in ("n", "_observed", "_bought"):
        found[name] = np.zeros(keys["score"].size, dtype=np.int64)
        found[name][place * scores.size + at] = counted[name]
    return keys, found


def _described(found: Columns, within: int, level: float) -> Columns:
    observed, bought = found["_observed"], found["_bought"]
    lower, upper = intervals.wilson(bought, observed, level)
    return {
        "n_customers": found["n"],
        "n_unobserved": found["n"] - observed,
        "n_observed": observed,
        "n_bought": bought,
        "repeat_share": intervals.ratio(bought, observed),
        "lower": lower,
        "upper": upper,
        "bounds": np.where(observed > 0, "wilson", "none").astype(object),
        "within": np.full(observed.size, within),
    }
