"""What customers said they would do, and what they did: buying again by intention to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError
from retention.frames import Columns, Frame, beside, collect, count, one_row, table_like
from retention.kpis.voice.counts import segment_names, surveys_asked
from retention.numerics.codes import distinct_segments
from retention.periods import observed_days, whole_days
from retention.spells.days import purchase_days
from retention.tables import SURVEYS, TRANSACTIONS, refuse_other_ids, require
from retention.tables.answer_columns import constants, gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

MOST_SCORES = 101
"""More different answers than this are not a scale but measurements."""


@gives(
    "segment and score",
    numbers("score", "scale_low", "scale_high", unit="points of the scale"),
    whole_numbers("n_asked", "n_answered"),
    shares("response_share", "response_lower", "response_upper"),
    whole_numbers("n_customers", "n_unobserved", "n_observed", "n_bought"),
    shares("repeat_share", "lower", "upper"),
    texts("bounds"),
    constants(whole_numbers("within", unit="days")),
)
def repeat_behaviour(
    surveys: IntoFrameT,
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    within: int,
    observed_from: date | str | None = None,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of those who said how likely they buy again, the share that did, by what they had said.

    Of the customers whose answer to `repeat_intention` was given on day t, with t + within ≤ as_of
    and t on or after the first observed day, those with a purchase in (t, t + within]: on the day
    of the answer does not count. What is a purchase is said in `customer_periods`.

    Everybody counts once, with their first answer. Which answer is the last depends on what came
    after it: where buyers are asked after they buy, nothing was bought after the last. Few do just
    what they say; the table translates what is said into what is done.

    Args:
        surveys: a table from `as_surveys` with `repeat_intention`.
        transactions: a table from `as_transactions`, of the same kind.
        as_of: the last observed day of both. Nothing after it is looked at.
        within: how many days after the answer a purchase counts, 1 or more.
        observed_from: the first day from which orders are in the log. What was bought after an
            earlier answer is not known. Default: the day of the first order.
        by: segment columns of the surveys (`keep=`); the first answer is then that in the segment.
        level: confidence of the bounds.

    Returns:
        One row per segment and score that anybody gave, in the caller's kind: the `by` columns,
        `score`, `scale_low`, `scale_high`; the same in all rows of a segment, `n_asked` and
        `n_answered` (customers, any question), `response_share`, `response_lower`,
        `response_upper`; `n_customers` (who gave this score), `n_unobserved` (of them, who answered
        before the first observed day, or whose `within` days are not over by `as_of`), `n_observed`
        (the others), `n_bought`, `repeat_share` (`n_bought` / `n_observed`), `lower`, `upper`,
        `bounds` ("wilson", or "none" where nobody was observed) and `within`.

    Raises:
        RetentionError: if `within` is no whole number of days, or `observed_from` comes after
            `as_of`.
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
        >>> found = rt.kpis.repeat_behaviour(surveys, orders, as_of="2024-03-31", within=30)
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
    last, first = observed_days(as_of, observed_from)
    given = _surveys_of_intention(surveys, names)
    lines = require(transactions, TRANSACTIONS, adds="none")
    refuse_other_ids(lines, given, ("transactions", "surveys"))
    bought = purchase_days(lines, as_of=last, keep={}).rename({"_day": "_bought"})
    rows, scale = surveys_asked(beside(lines, surveys, name="surveys"), names, last)
    earliest = _day_of_first_order(lines) if first is None else periods.number_of(first)
    followed = _answers_with_purchase(
        _first_answers_of_customers(rows, names), bought, names, length
    )
    counted = _customers_by_score(followed, names, (earliest, periods.number_of(last) - length))
    if not counted["_n"].size:
        raise ContentError(f"surveys: nobody answered repeat_intention by as_of {last}.")
    if not counted["_known"].any():
        raise ContentError(
            f"Nobody who answered by {last} has a purchase at all: do the ids agree?"
        )
    keys, found = _counts_on_scores(counted, _counts_of_responses(rows, names), names)
    ends = {"scale_low": scale.low, "scale_high": scale.high}
    keys |= {name: np.full(keys["score"].size, end) for name, end in ends.items()}
    return table_like({**keys, **_columns_of_scores(found, length, level)}, surveys)


def _surveys_of_intention(surveys: object, names: Sequence[str]) -> Frame:
    """The surveys, once it is sure that they ask who means to buy again."""
    frame = require(surveys, SURVEYS, extra=names)
    schema = frame.collect_schema()
    if "repeat_intention" not in schema:
        what, meaning = "surveys (a customer who was asked)", "how likely they buy again"
        raise ColumnError.missing(what, "repeat_intention", meaning, schema, "as_surveys")
    return frame


def _first_answers_of_customers(rows: Frame, names: Sequence[str]) -> Frame:
    """One row per customer and segment: the day of the first answer, and the answer.

    Of several at one moment the lowest counts.
    """
    key = ["customer_id", *names]
    given = rows.filter(~nw.col("repeat_intention").is_null())
    first = given.with_columns(_first=nw.col("date").min().over(*key))
    answers = first.filter(nw.col("date") == nw.col("_first")).group_by(*key, "_day")
    return answers.agg(nw.col("repeat_intention").min())


def _answers_with_purchase(
    answers: Frame, bought: Frame, names: Sequence[str], within: int
) -> Frame:
    """The answers, whether a purchase followed within so many days, and whether there is any."""
    t, day = nw.col("_day"), nw.col("_bought")
    met = answers.join(bought, on="customer_id", how="left").with_columns(
        _again=count((day > t) & (day <= t + within)), _known=count(~day.is_null())
    )
    once = met.group_by("customer_id", *names, "_day", "repeat_intention")
    return once.agg(nw.col("_again").max(), nw.col("_known").max())


def _day_of_first_order(lines: Frame) -> int:
    """The day of the first order."""
    dated = lines.select(_day=periods.day_expr("date", lines.implementation))
    return int(one_row(dated.select(nw.col("_day").min()))["_day"])


def _customers_by_score(followed: Frame, names: Sequence[str], window: tuple[int, int]) -> Columns:
    """Customers by segment and score; observed are those who answered on a day of the window."""
    seen = (nw.col("_day") >= window[0]) & (nw.col("_day") <= window[1])
    marked = followed.with_columns(
        _observed=count(seen), _bought=count(seen & (nw.col("_again") == 1))
    )
    sums = ["_observed", "_bought", "_known"]
    cells = marked.group_by(*names, "repeat_intention").agg(
        nw.len().alias("_n"), *(nw.col(name).sum() for name in sums)
    )
    return collect(cells.with_columns(nw.col("_n", *sums).cast(nw.Int64)))


def _counts_of_responses(rows: Frame, names: Sequence[str]) -> Columns:
    """How many customers were asked in each segment, and how many of them answered anything."""
    customers = rows.group_by("customer_id", *names).agg(nw.col("response").max())
    said = customers.with_columns(_answered=count(nw.col("response") > 0), _all=nw.lit(1))
    cells = said.group_by("_all", *names).agg(nw.len().alias("_asked"), nw.col("_answered").sum())
    return collect(cells.with_columns(nw.col("_asked", "_answered").cast(nw.Int64)))


def _counts_on_scores(
    counted: Columns, responses: Columns, names: list[str]
) -> tuple[Columns, Columns]:
    """One row for every segment that was asked and every score that anybody gave."""
    scores, at = np.unique(counted["repeat_intention"].astype(float), return_inverse=True)
    if scores.size > MOST_SCORES:
        raise ContentError(
            f"repeat_intention: there are {scores.size:,} different answers. Put them into classes "
            "first, such as the whole numbers of the scale."
        )
    n_scored = counted["_n"].size
    both = {name: np.concatenate([counted[name], responses[name]]) for name in names}
    both["_n"] = np.concatenate([counted["_n"], responses["_asked"]])
    labels, every = distinct_segments(both, names)
    place, asked_at = every[:n_scored], every[n_scored:]
    n_segments = responses["_asked"].size
    keys: Columns = {name: np.repeat(values, scores.size) for name, values in labels.items()}
    keys["score"] = np.tile(scores, n_segments)
    found: Columns = {}
    for name in ("_n", "_observed", "_bought"):
        found[name] = np.zeros(keys["score"].size, dtype=np.int64)
        found[name][place * scores.size + at] = counted[name]
    for name in ("_asked", "_answered"):
        found[name] = np.repeat(responses[name][np.argsort(asked_at)], scores.size)
    return keys, found


def _columns_of_scores(found: Columns, within: int, level: float) -> Columns:
    observed, bought = found["_observed"], found["_bought"]
    lower, upper = intervals.wilson_bounds(bought, observed, level)
    asked_whom, answered = found["_asked"], found["_answered"]
    response_lower, response_upper = intervals.wilson_bounds(answered, asked_whom, level)
    return {
        "n_asked": asked_whom,
        "n_answered": answered,
        "response_share": intervals.ratio(answered, asked_whom),
        "response_lower": response_lower,
        "response_upper": response_upper,
        "n_customers": found["_n"],
        "n_unobserved": found["_n"] - observed,
        "n_observed": observed,
        "n_bought": bought,
        "repeat_share": intervals.ratio(bought, observed),
        "lower": lower,
        "upper": upper,
        "bounds": np.where(observed > 0, "wilson", "none").astype(object),
        "within": np.full(observed.size, within),
    }
