"""Earlier snapshots to fit on and a later day to score: folds in which no label comes too early."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods
from retention.errors import (
    ContentError,
    RetentionError,
    TableError,
    check_choice,
    count_of,
    whole_number,
)
from retention.frames import is_lazy
from retention.signals.leaks.labelled import SAY_LABELS, labelled_snapshots
from retention.survival.scores.holdouts import HOLDOUTS, Holdout
from retention.tables import SNAPSHOTS, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.signals.leaks.labelled import Labelled

    Flags = NDArray[np.bool_]


def snapshot_folds(
    snapshots: Any,
    *,
    cuts: date | str | Sequence[date | str],
    holdout: Holdout = "time",
    least: int = 200,
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit on and rows to score, for each day: only labels known by then are fitted on.

    For a cut c, of rows with as_of a, label y, and known_on k,

        train = {y not null, k ≤ c},   test = {y not null, a = c}.

    Folds of shuffled rows, and earlier snapshots whose windows reach beyond the cut, promise more
    than the next day gives: the same customers, the same season and half of the same days stand on
    both sides. What is given fits `cv=` of scikit-learn, as in
    `cross_val_score(model, X, y, cv=rt.signals.snapshot_folds(labelled, cuts=days))` with X and y
    made of all rows of the table, in its order. Rows without a label are in no fold, so fill y with
    anything there.

    Args:
        snapshots: labelled snapshots (`label_silence`, `label_churn`, or `customer_id`, `as_of`,
            `churned` and `known_on` of your own), as rows at hand.
        cuts: the days that are scored, in any order: days of the snapshots whose labels are known.
        holdout: "time" (customers are on both sides, on different days) or "customers" (a fifth of
            them, chosen by a checksum of the id as in `survival.backtest`, is scored, the others
            are fitted on, so that no customer is on both sides).
        least: rows that there must be to fit on.

    Returns:
        A list of one pair a cut, the earliest first: positions of the rows to fit on, and of those
        to score, as integers from 0.

    Raises:
        TableError: if the rows of the table are a query, which has no positions: collect it first.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a cut is no day of the snapshots, its labels are not known, or too few are
            known by then.
        RetentionError: if an argument is out of its range.

    Example:
        The label of January is known in February; that of February only in March.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
        >>> labelled = pd.DataFrame({
        ...     "customer_id": ["Ann"] * 3, "as_of": days, "churned": [0.0, 0.0, 1.0],
        ...     "known_on": pd.to_datetime(["2024-02-01", "2024-03-02", "2024-04-01"]),
        ... })
        >>> folds = rt.signals.snapshot_folds(labelled, cuts=["2024-03-01"], least=1)
        >>> [(train.tolist(), test.tolist()) for train, test in folds]
        [([0], [2])]

    Source:
        Purging of labels that reach into the test: López de Prado, M. (2018), Advances in Financial
        Machine Learning, section 7.4.1. scikit-learn's `TimeSeriesSplit` counts rows, not days.
    """
    check_choice("holdout", holdout, HOLDOUTS)
    fewest = whole_number("least", least, least=1, of="rows")
    days = days_of_cuts(cuts)
    require(snapshots, SNAPSHOTS)
    if is_lazy(snapshots):
        raise TableError(
            "snapshots: a query has no order of rows, and folds are positions of rows. Collect it "
            "into rows first (Polars: .collect(), DuckDB: .df(), Spark: .toPandas())."
        )
    found = labelled_snapshots(snapshots, needs=("churned", "known_on"))
    refuse_unlabelled(found, days)
    sides = [rows_of_cut(found, day, holdout) for day in days]
    for day, (train, test) in zip(days, sides, strict=True):
        _refuse_small_side(day, train, test, fewest)
    return [(np.flatnonzero(train), np.flatnonzero(test)) for train, test in sides]


def days_of_cuts(cuts: object, *, argument: str = "cuts") -> list[date]:
    """The days that a user named, each once, in order.

    Raises:
        RetentionError: if one is no day, or there is none.
    """
    several = list(cuts) if isinstance(cuts, Iterable) and not isinstance(cuts, str) else [cuts]
    days = sorted({periods.as_day(cut, argument=argument) for cut in several})
    if not days:
        raise RetentionError(f"{argument}: name at least one day.")
    return days


def rows_of_cut(found: Labelled, day: date, holdout: Holdout) -> tuple[Flags, Flags]:
    """Whose labels were known on a day, and who is scored on it: the two sides of one fold."""
    cut = periods.number_of(day)
    known = found.has_label & (found.known <= cut) & (found.day < cut)
    scored = found.has_label & (found.day == cut)
    if holdout == "customers":
        return known & ~found.held_out, scored & found.held_out
    return known, scored


def refuse_unlabelled(found: Labelled, days: Sequence[date]) -> None:
    """Refuse cuts on which there are no snapshots, or none with a label.

    Raises:
        ContentError: at the first one.
    """
    for day in days:
        there = found.day == periods.number_of(day)
        if not there.any():
            raise ContentError(
                f"cuts: there is no snapshot of {day}. {_days_in_words(found.day)} Name days of "
                "the snapshots."
            )
        if not found.has_label[there].any():
            known = found.day[found.has_label]
            say = (
                f"The last day with labels is {periods.day_of(known.max())}: take earlier cuts."
                if known.size
                else f"No row has one. {SAY_LABELS}"
            )
            raise ContentError(
                f"cuts: no label of {day} is known, so nothing can score what is said of that day. "
                f"{say}"
            )


def _days_in_words(day: NDArray[np.int64]) -> str:
    if not day.size:
        return "The table is empty."
    first, last = periods.day_of(day.min()), periods.day_of(day.max())
    return f"There are {count_of(np.unique(day).size, 'day')}, {first} to {last}."


def _refuse_small_side(day: date, train: Flags, test: Flags, fewest: int) -> None:
    n = int(train.sum())
    if n < fewest:
        raise ContentError(
            f"cuts: on {day} {count_of(n, 'label was', 'labels were')} known, fewer than "
            f"least={fewest:,}. Take later cuts, snapshots of earlier days, or say least= lower."
        )
    if not test.any():
        raise ContentError(
            f"cuts: of the customers of {day} none is in the fifth that holdout='customers' "
            "scores. Say holdout='time'."
        )
