"""Who moved from which segment to which between two days, with counts that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ContentError
from retention.frames import table_like
from retention.signals.groups.customer_rows import SegmentPairs, read_segments, segment_pairs
from retention.tables.answer_columns import amounts, gives, shares, texts, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns

    Floats = NDArray[np.float64]

_NOT_YET, _GONE = "(not yet)", "(gone)"


@gives(
    "pair of segments, before and after",
    texts("segment_before", "segment_after"),
    whole_numbers("n", "n_from", "n_to"),
    shares("share", "lower", "upper"),
    amounts("value_before", "value_after"),
)
def segment_migrations(before: IntoFrameT, after: IntoFrameT, *, level: float = 0.95) -> IntoFrameT:
    """How many customers moved from each segment to each other one between two days.

    Every pair has a row, also if nobody made that move. Who is in the second table alone comes from
    "(not yet)", who is in the first alone went to "(gone)". So the rows of a segment before add up
    to `n_from`, those of a segment after to `n_to`, and those at the start, and the new, less the
    gone, are those at the end.

    A move down is no proof that a customer got worse. Where segments are ranks (`rfm_scores` made
    anew, `value_tiers`) somebody falls whenever somebody rises. And where nobody changes, those
    who were best in one year by luck are not best in the next: only part of the best stay best.
    Score both days by the same `rfm_cuts` to take away the first; set `expected_migrations`, which
    tells what would be seen if nobody changed, beside it before calling the second a change.

    Args:
        before: a table of `customer_id` and `segment` on a day, and perhaps `value` and `as_of`:
            that of `rfm_scores`, `value_tiers`, `customer_states` or your own.
        after: likewise on a later day.
        level: confidence of the bounds.

    Returns:
        One row per segment before and segment after, in the caller's kind: `segment_before`,
        `segment_after`, `n` (customers), `n_from` (all of the segment before), `n_to` (all of the
        segment after), `share` (n / n_from), `lower`, `upper` (Wilson), `value_before`,
        `value_after` (of the n customers, currency; 0 of those who are not in that table; null
        where the table has no `value`, or it is missing for one of them). Shares of nobody are
        null. A missing segment is "(missing)".

    Raises:
        RetentionError: if `level` is not between 0 and 1.
        ColumnError: if a column is missing or of the wrong type, or ids are numbers in one table
            and text in the other.
        ContentError: if a table is empty, a customer has two rows in it, a segment is named
            "(not yet)" or "(gone)", or the days before are not before those after.

    Example:
        Ann stays in A, Bob falls to B, Cem leaves, Dee comes.

        >>> import pandas as pd
        >>> import retention as rt
        >>> before = pd.DataFrame({"customer_id": ["Ann", "Bob", "Cem"], "segment": [*"AAB"]})
        >>> after = pd.DataFrame({"customer_id": ["Ann", "Bob", "Dee"], "segment": [*"ABB"]})
        >>> found = rt.signals.segment_migrations(before, after)
        >>> found.loc[found["n"] > 0, ["segment_before", "segment_after", "n", "n_from", "share"]]
          segment_before segment_after  n  n_from  share
        0              A             A  1       2    0.5
        1              A             B  1       2    0.5
        5              B        (gone)  1       1    1.0
        7      (not yet)             B  1       1    1.0

    Source:
        Transition counts: Anderson, T. W. and Goodman, L. A. (1957), Annals of Mathematical
        Statistics 28, 89–110; bounds as in `rt.retention_rate`.
    """
    intervals.quantile_of(level)
    old = read_segments(before, "before", taken=(_NOT_YET, _GONE))
    new = read_segments(after, "after", taken=(_NOT_YET, _GONE))
    _refuse_days_in_disorder(old, new)
    pairs = segment_pairs(old, new, (_NOT_YET, _GONE))
    grid = (len(pairs.rows), len(pairs.columns))
    n = pairs.counted().reshape(grid)
    n_from = np.broadcast_to(n.sum(axis=1)[:, None], grid).ravel()
    n_to = np.broadcast_to(n.sum(axis=0)[None, :], grid).ravel()
    lower, upper = intervals.wilson_bounds(n.ravel(), n_from, level)
    from_, to = pairs.names_of_pairs()
    made: dict[str, Any] = {
        "segment_before": from_,
        "segment_after": to,
        "n": n.ravel(),
        "n_from": n_from,
        "n_to": n_to,
        "share": intervals.ratio(n.ravel(), n_from),
        "lower": lower,
        "upper": upper,
        "value_before": _values_of_pairs(pairs, old, pairs.at[0]),
        "value_after": _values_of_pairs(pairs, new, pairs.at[1]),
    }
    # Nobody is in neither table: the last pair is none.
    return table_like({name: values[:-1] for name, values in made.items()}, before)


def _refuse_days_in_disorder(old: Columns, new: Columns) -> None:
    """Refuse tables whose days are known, and those before not before those after.

    Raises:
        ContentError: if they are not.
    """
    if "as_of" not in old or "as_of" not in new:
        return
    last, first = (days.astype("datetime64[D]") for days in (old["as_of"], new["as_of"]))
    last, first = last[~np.isnat(last)], first[~np.isnat(first)]
    if last.size and first.size and last.max() >= first.min():
        raise ContentError(
            f"before is of {last.max()}, after of {first.min()}: say the earlier table first."
        )


def _values_of_pairs(pairs: SegmentPairs, table: Columns, at: NDArray[np.int64]) -> Floats:
    """What the customers of each pair were worth in a table; NaN where that is not known of all.

    Args:
        pairs: the pairs.
        table: one of the two.
        at: which customer each of its rows is; the others had nothing.
    """
    if "value" not in table:
        return np.full(pairs.counted().size, np.nan)
    value = np.zeros(pairs.ids.size)
    value[at] = table["value"]
    return np.where(pairs.counted(np.isnan(value)) > 0, np.nan, pairs.added_up(value))
