"""Two ways to group customers, crossed: how many, what they are worth, how many left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ContentError
from retention.frames import table_like
from retention.signals.groups.customer_rows import (
    SegmentPairs,
    check_amounts,
    read_segments,
    rows_of_customers,
    segment_pairs,
)
from retention.tables import VALUES, Column, Kind
from retention.tables.answer_columns import amounts, gives, shares, texts, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

_OUTCOMES = Kind(
    "outcomes",
    "a customer who left or stayed",
    "label_churn or label_silence",
    (
        Column("customer_id", "id", "who"),
        Column("churned", "number", "1 lost, 0 not, null unknown"),
    ),
)
_ABSENT = "(missing)"


@gives(
    "pair of segments",
    texts("segment", "other"),
    whole_numbers("n"),
    shares("share"),
    whole_numbers("n_unvalued"),
    amounts("value"),
    shares("value_share"),
    whole_numbers("n_known", "n_churned"),
    shares("churn_rate", "lower", "upper"),
)
def segment_matrix(
    segments: IntoFrameT,
    other: IntoFrameT,
    *,
    outcomes: IntoFrameT | None = None,
    values: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Customers by two ways to group them, such as state and tier of value: how many, worth what.

    Every pair has a row, also an empty one. Who is in one of the two tables alone is "(missing)" in
    the other.

    Args:
        segments: a table of `customer_id` and `segment`, such as that of `customer_states`.
        other: likewise, such as that of `value_tiers`.
        outcomes: a table of `customer_id` and `churned` (1, 0 or null), such as snapshots of one
            day that `label_churn` labelled. Customers of neither table are left out.
        values: a table of `customer_id` and `value`. Customers of neither table are left out.
        level: confidence of the bounds.

    Returns:
        One row per pair, in the caller's kind: `segment`, `other`, `n` (customers), `share` (of
        all), `n_unvalued` (of them without a value), `value` (of the others together, currency),
        `value_share` (of the value of all; null if that is not above 0), `n_known` (of known
        outcome), `n_churned`, `churn_rate` (n_churned / n_known), `lower`, `upper` (Wilson). What
        rests on a table that is not given is null; so are rates of nobody.

    Raises:
        RetentionError: if `level` is not between 0 and 1.
        ColumnError: if a column is missing or of the wrong type, or ids are numbers in one table
            and text in another.
        ContentError: if a table of segments is empty, a customer has two rows in a table, or an
            outcome is neither 1 nor 0.

    Example:
        Of two good customers one left.

        >>> import pandas as pd
        >>> import retention as rt
        >>> states = pd.DataFrame({"customer_id": ["Ann", "Bob", "Cem"], "segment": "retained"})
        >>> tiers = pd.DataFrame({"customer_id": ["Ann", "Bob", "Cem"], "segment": [*"AAB"]})
        >>> left = pd.DataFrame({"customer_id": ["Ann", "Bob", "Cem"], "churned": [1, 0, 0]})
        >>> found = rt.signals.segment_matrix(states, tiers, outcomes=left)
        >>> found.loc[found["n"] > 0, ["segment", "other", "n", "n_churned", "churn_rate"]]
            segment other  n  n_churned  churn_rate
        0  retained     A  2          1         0.5
        1  retained     B  1          0         0.0

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 5: portfolios of
        customers by two criteria; bounds: Wilson, E. B. (1927), JASA 22, 209–212.
    """
    intervals.quantile_of(level)
    pairs = segment_pairs(
        read_segments(segments, "segments"), read_segments(other, "other"), (_ABSENT, _ABSENT)
    )
    n = pairs.counted()
    names = pairs.names_of_pairs()
    made: dict[str, Any] = {
        "segment": names[0],
        "other": names[1],
        "n": n,
        "share": n / n.sum(),
        **_worth_of_pairs(pairs, values),
        **_losses_of_pairs(pairs, outcomes, level),
    }
    return table_like(made, segments)


def _worth_of_pairs(pairs: SegmentPairs, values: object) -> dict[str, Any]:
    """What the customers of each pair are worth."""
    nothing = np.full(pairs.counted().size, np.nan)
    if values is None:
        return {"n_unvalued": _unknown_counts(pairs), "value": nothing, "value_share": nothing}
    table = rows_of_customers(values, VALUES, adds="all")
    check_amounts(table["value"], "values")
    value = pairs.found_in(table, "value")
    total = pairs.added_up(value)
    return {
        "n_unvalued": pairs.counted(np.isnan(value)),
        "value": total,
        "value_share": intervals.ratio(total, total.sum()),
    }


def _losses_of_pairs(pairs: SegmentPairs, outcomes: object, level: float) -> dict[str, Any]:
    """How many customers of each pair left, of those of whom that is known.

    Raises:
        ContentError: if an outcome is neither 1 nor 0.
    """
    nothing = np.full(pairs.counted().size, np.nan)
    rates = dict.fromkeys(("churn_rate", "lower", "upper"), nothing)
    if outcomes is None:
        return {"n_known": _unknown_counts(pairs), "n_churned": _unknown_counts(pairs), **rates}
    table = rows_of_customers(outcomes, _OUTCOMES)
    told = table["churned"]
    strange = told[~np.isnan(told) & (told != 0) & (told != 1)]
    if strange.size:
        raise ContentError(
            f"outcomes: 'churned' must be 1, 0 or missing; got {float(strange[0])!r}."
        )
    churned = pairs.found_in(table, "churned")
    n, lost = pairs.counted(~np.isnan(churned)), pairs.counted(churned == 1)
    lower, upper = intervals.wilson_bounds(lost, n, level)
    rates = {"churn_rate": intervals.ratio(lost, n), "lower": lower, "upper": upper}
    return {"n_known": n, "n_churned": lost, **rates}


def _unknown_counts(pairs: SegmentPairs) -> Any:
    """Counts that were not asked for: whole numbers that are missing."""
    return np.full(pairs.counted().size, np.nan)
