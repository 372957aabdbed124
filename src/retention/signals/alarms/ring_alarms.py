"""Alarms: for whom a score rings, and when, at a number of calls or a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from retention.errors import RetentionError, check_choice, is_number, whole_number
from retention.frames import table_like
from retention.periods import whole_days
from retention.signals.alarms.list_days import ListedScores, Policy, listed_scores
from retention.tables import ALARMS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns

    Whole = NDArray[np.int64]


@gives(ALARMS)
def ring_alarms(
    scores: IntoFrameT,
    *,
    score: str,
    policy: Policy = "top",
    calls: int | None = None,
    threshold: float | None = None,
    clear: float | None = None,
    apart: int,
    signal: str,
) -> IntoFrameT:
    """For whom a score rings on which day, so that it can be judged by what came of them.

    A list is made on each day of the snapshots, the earliest first:

    - "top": the `calls` highest scores ring, of the customers whose last alarm lies `apart` days or
      more before. Those who tie for the last calls draw lots, made of the customer and the day
      alone, so that neither the order of the rows nor what came later decides.
    - "threshold": a customer rings whose score reaches `threshold`, on the first such day that lies
      `apart` days or more after the last alarm; and rings again only after the score has been below
      `clear` in between, without which a score that hovers about the threshold would ring each day.

    A budget is met by "top" alone: the number of alarms does not fall as a threshold rises, for one
    that is always passed is passed once. Of two scores of which one rises with the other "top"
    makes the same alarms. A row whose score is not known cannot ring, nor tell that all is clear.

    Args:
        scores: a table of snapshots, each a customer on a day, with a column of scores known then.
        score: that column, numbers, higher for who is sooner to leave. Of one that falls give the
            opposite.
        policy: "top" or "threshold".
        calls: of "top", how many may ring on each day of a list.
        threshold: of "threshold", the score from which on it rings.
        clear: of "threshold", below it all is clear, at most `threshold`. Default: `threshold`.
        apart: days before the same customer may ring again, 1 or more.
        signal: what the alarms are called, as in "late complaint".

    Returns:
        A row per alarm, in the caller's kind, sorted by day and customer: `customer_id`, `date`,
        `signal`, `score`.

    Raises:
        RetentionError: if an argument is none of what it may be, lacks or is of another policy.
        ColumnError: if `score` is no column of numbers, or says who the customer is or became.
        ContentError: if the table is empty, lacks a customer or a day, or has two rows of a
            customer on one day.

    Example:
        One call a week. Ann has the highest score in both, but rang a week ago.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scores = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Bob"],
        ...     "as_of": pd.to_datetime(["2024-01-01"] * 2 + ["2024-01-08"] * 2),
        ...     "risk": [0.9, 0.4, 0.8, 0.5],
        ... })
        >>> rt.signals.ring_alarms(scores, score="risk", calls=1, apart=28, signal="risk")
          customer_id       date signal  score
        0         Ann 2024-01-01   risk    0.9
        1         Bob 2024-01-08   risk    0.5

    Source:
        Fawcett, T. and Provost, F. (1999), Activity monitoring: noticing interesting changes in
        behavior, KDD-99, 53–62: alarms rather than rows are judged.
    """
    check_choice("policy", policy, get_args(Policy))
    _refuse_other_policy(policy, {"calls": calls, "threshold": threshold, "clear": clear})
    days, name = whole_days(apart, argument="apart", least=1), _name_of_signal(signal)
    if policy == "top":
        budget = whole_number("calls", calls, least=1, of="calls")
        listed = listed_scores(scores, [score], argument="score")
        rows = listed.ranked(listed.scores[score], budget, days)
    else:
        lines = _lines_of_threshold(threshold, clear)
        listed = listed_scores(scores, [score], argument="score")
        rows = listed.passing(listed.scores[score], *lines, days)
    return table_like(columns_of_alarms(listed, rows, score, name), scores)


def columns_of_alarms(listed: ListedScores, rows: Whole, score: str, signal: str) -> Columns:
    """The columns of a table of alarms, of the rows that ring."""
    return {
        "customer_id": listed.ids[listed.customer[rows]],
        "date": listed.day[rows].astype("datetime64[D]"),
        "signal": np.full(rows.size, signal, object),
        "score": listed.scores[score][rows],
    }


def _refuse_other_policy(policy: Policy, given: dict[str, object]) -> None:
    """Refuse what is said of the other policy, and a policy without its measure."""
    measure, others = {
        "top": ("calls", ("threshold", "clear")),
        "threshold": ("threshold", ("calls",)),
    }[policy]
    if given[measure] is None:
        raise RetentionError(f"`policy={policy!r}` asks how much: say `{measure}=`.")
    for name in others:
        if given[name] is not None:
            raise RetentionError(f"`{name}=` says nothing where `policy={policy!r}`: leave it out.")


def _lines_of_threshold(threshold: object, clear: object) -> tuple[float, float]:
    """The score that rings, and that below which all is clear."""
    line = _number_of_score("threshold", threshold)
    below = line if clear is None else _number_of_score("clear", clear)
    if below > line:
        raise RetentionError(
            f"clear is {below:g}, above threshold {line:g}: all would be clear where it rings. Say "
            "`clear=` at most the threshold."
        )
    return line, below


def _number_of_score(argument: str, value: object) -> float:
    if not is_number(value):
        raise RetentionError(f"{argument} is a score, a number; got {value!r}.")
    return float(value)


def _name_of_signal(signal: object) -> str:
    if not isinstance(signal, str) or not signal.strip():
        raise RetentionError(f"signal is what the alarms are called, a text; got {signal!r}.")
    return signal
