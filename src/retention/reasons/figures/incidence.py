"""How many have left for each reason after each length of time."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError, RetentionWarning, check_choice, warn
from retention.frames import Columns, Frame, as_lazy, beside, collect, one_row, table_like
from retention.names import outer_text
from retention.reasons.categories import UNSPECIFIED
from retention.reasons.figures.primary_reasons import ENDS, every_reason, primary_reasons
from retention.reasons.figures.shared_ends import SHARED, shared_incidence
from retention.survival.counts.histories import (
    LATE,
    N,
    counts_of_spells,
    refuse_impossible_spells,
    usable_spells,
)
from retention.survival.curves.competing_risks import cause_removed, cumulative_incidence
from retention.tables import LIFETIMES, refuse_other_ids, segments
from retention.tables.answer_columns import constants, gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrameT

REASON = "_reason"
"""The column of reasons beside the spells."""

Several = Literal["primary", "fractional"]


@gives(
    "segment, category and duration",
    texts("category"),
    numbers("duration", unit="as duration"),
    whole_numbers("n_at_risk", "n_churned"),
    numbers("churned_weight", unit="customers"),
    whole_numbers("n_censored"),
    shares("hazard"),
    numbers("cumulative_hazard", unit="expected ends"),
    shares(
        "cumulative_incidence",
        "standard_error",
        "lower",
        "upper",
        "survival",
        "churn_share_without",
        "gained_share",
    ),
    numbers("observed_from", unit="as duration"),
    texts("note"),
    constants(texts("several")),
)
def reason_incidence(
    spells: IntoFrameT,
    tags: object,
    *,
    by: str | Sequence[str] = (),
    several: Several = "primary",
    level: float = 0.95,
) -> IntoFrameT:
    """The share of customers that has left for each reason after each length of time.

    Most who leave tell several reasons. `several` says how such an end counts:

    - "primary": for one reason, the first of the note, or with several notes the strongest of the
      first ones; among equals, the one that comes first in `reason_categories`.
    - "fractional": for each of its m different reasons as 1/m of an end.

    Who left and told none, or only what held them back, or has no note at all, left for
    "unspecified", which is a cause of its own: the reasons together are all who left. With d_ku the
    ends for reason k and d_u all ends at duration u, n_u the spells at risk and S Kaplan–Meier's
    survival,

        F_k(t) = Σ over u ≤ t of S(u−) d_ku / n_u,   S(t) + Σ_k F_k(t) = 1.

    `gained_share` says how many more would still be here if nobody had left for the reason: the
    churn there was less 1 − Π (1 − (d_u − d_ku) / n_u). It holds under one condition that data
    cannot show: that reasons are independent, so that those who left over k would have left over
    the others as readily as everyone else. If they were about to leave anyway, less is gained.

    Args:
        spells: as for `survival_curve`, with `customer_id`. What tags say of customers whose end
            was not seen is not looked at.
        tags: a table from `tag_reasons` or `map_reason_codes` of the notes of those who left, with
            `customer_id`; of any kind of table. If a customer has left more than once, tags need a
            column `spell` (`keep="spell"`), that of the spell which the note is about.
        by: segment columns of the spells.
        several: how an end of several reasons counts, "primary" or "fractional".
        level: confidence of the bounds.

    Returns:
        One row per segment, category and duration, in the caller's kind: the `by` columns,
        `category`, `duration`, `n_at_risk`, `n_churned` (for this reason: with "fractional" all who
        name it, so that an end may count under several), `churned_weight` (the ends that count for
        it: d_ku), `n_censored`, `hazard` (of this reason), `cumulative_hazard`,
        `cumulative_incidence`, `standard_error`, `lower`, `upper` (see `cumulative_incidence`),
        `survival` (of all reasons), `churn_share_without` (the churn without this reason),
        `gained_share`, `observed_from` and `note` (see `survival_curve`), and the constant
        `several`.

    Raises:
        RetentionError: if `several` or `level` is none of its values.
        ColumnError: if a column is missing, or ids are numbers in one table and text in the other.
        ContentError: as `survival_curve`; if tags have no customer, or none of theirs is in the
            spells, or one left more than once and it is not said which end a note is about.

    Warns:
        RetentionWarning: if some customers of the tags are not in the spells.

    Example:
        Of four customers one leaves over the price after 1 month, one after 2 and tells nothing.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "duration": [1, 2, 3, 3], "churned": [True, True, False, False],
        ... })
        >>> given = pd.DataFrame({"customer_id": ["Ann"], "reason": ["too_expensive"]})
        >>> tags = rt.map_reason_codes(given, scheme="stripe")
        >>> found = rt.reasons.reason_incidence(spells, tags)
        >>> shown = ["category", "duration", "n_churned", "cumulative_incidence", "gained_share"]
        >>> found[shown].round(3)
              category  duration  n_churned  cumulative_incidence  gained_share
        0      pricing         1          1                  0.25         0.250
        1      pricing         2          0                  0.25         0.167
        2      pricing         3          0                  0.25         0.167
        3  unspecified         1          0                  0.00         0.000
        4  unspecified         2          1                  0.25         0.250
        5  unspecified         3          0                  0.25         0.250

    Source:
        Aalen, O. O. and Johansen, S. (1978), Scandinavian Journal of Statistics 5, 141–150. Without
        a reason: Klein and Moeschberger (2003), section 2.7; Tsiatis, A. (1975), Proceedings of the
        National Academy of Sciences 72, 20–22: why data cannot show it.
    """
    intervals.quantile_of(level)
    check_choice("several", several, get_args(Several))
    taken = ("customer_id", "spell", "category", "several", *SHARED)
    names = segments(by, LIFETIMES, working=taken)
    primary = several == "primary"
    told = primary_reasons(tags) if primary else every_reason(tags)
    table = _table_of_ends(_counts_of_spells(_spells_with_reason(spells, told, names), names))
    names = [outer_text(name) for name in names]
    made = (
        _ends_for_one_reason(table, names, level)
        if primary
        else shared_incidence(table, REASON, names, level)
    )
    if not table["churned"].any():  # no end has a cause, and the one row is of ends untold
        made["category"] = np.full(made["duration"].size, UNSPECIFIED, dtype=object)
    made["several"] = np.full(made["duration"].size, several, dtype=object)
    return table_like(made, spells)


def _spells_with_reason(spells: object, told: Columns, names: list[str]) -> Frame:
    """The spells, each with the reason that its customer told, if any."""
    keys = [name for name in ENDS if name in told]
    present = as_lazy(spells, name="spells", only=[*keys, *names]).collect_schema()
    if "customer_id" not in present:
        what = f"spells ({LIFETIMES.row})"
        raise ColumnError.missing(what, "customer_id", "who left", present, LIFETIMES.door)
    frame = usable_spells(spells, asked={"by": names, "tags": keys}, table="spells")
    own = [name for name in frame.collect_schema() if name.lower() == REASON]
    frame = frame.drop(*own)
    notes = beside(frame, table_like(told, cast("Any", spells)), name="tags")
    refuse_other_ids(frame, notes, ("spells", "tags"))
    schema = frame.collect_schema()
    notes = notes.with_columns(nw.col(key).cast(schema[key]) for key in keys)
    joined = frame.join(notes.rename({"category": REASON}), on=keys, how="left")
    _refuse_other_ends(joined, told, keys)
    return joined


def _refuse_other_ends(joined: Frame, told: Columns, keys: list[str]) -> None:
    """Refuse or warn where the two tables do not speak of the same ends."""
    n_told = told["customer_id"].size
    if not n_told:
        return
    found = joined.filter(~nw.col(REASON).is_null())
    n_found = one_row(found.select(*keys).unique().select(nw.len().alias("n")))["n"]
    what = "customers" if len(keys) == 1 else "customers' spells"
    if not n_found:
        raise ContentError(
            f"tags: none of their {n_told:,} {what} is in spells. Are the ids written alike?"
        )
    ended = found.filter(nw.col("churned")).group_by(*keys).agg(nw.len().alias("n"))
    n_twice = one_row(ended.filter(nw.col("n") > 1).select(nw.len().alias("n")))["n"]
    if n_twice:
        raise ContentError(
            f"spells: {n_twice:,} {what} of tags have ended more than once, and tags do not say "
            "which end they are about. Give tags a column 'spell' (keep='spell'), or keep one "
            "spell a customer."
        )
    if n_found < n_told:
        warn(
            f"tags: {n_told - n_found:,} of their {n_told:,} {what} are not in spells and count "
            "nowhere."
        )


def _counts_of_spells(joined: Frame, names: list[str]) -> Columns:
    """How many spells there are of each kind, so that few rows are left."""
    schema = joined.collect_schema()
    entry = ["entry"] if "entry" in schema else []
    reason = nw.when(nw.col("churned")).then(nw.col(REASON).fill_null(UNSPECIFIED))
    rows = joined.with_columns(reason.otherwise(nw.lit("")).alias(REASON))
    return collect(counts_of_spells(rows, ["duration", "churned", *entry, *names, REASON]))


def _table_of_ends(ends: Columns) -> pd.DataFrame:
    import pandas as pd

    refuse_impossible_spells(ends, "spells")
    counts: dict[str, Any] = {
        outer_text(name): values for name, values in ends.items() if name not in (N, LATE, "_none")
    }
    counts["churned"] = ends["churned"].astype(np.bool_)
    return pd.DataFrame(counts | {"n_spells": ends[N]})


def _ends_for_one_reason(table: pd.DataFrame, names: list[str], level: float) -> Columns:
    """Every end for one reason."""
    left = cumulative_incidence(table, cause=REASON, by=names, level=level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RetentionWarning)  # said already
        without = cause_removed(table, cause=REASON, by=names)
    columns = {name: left[name].to_numpy() for name in left.columns}
    columns["churned_weight"] = columns["n_churned"].astype(np.float64)
    for name in ("churn_share_without", "gained_share"):
        columns[name] = without[name].to_numpy()
    order = [*names, "category", *SHARED]
    columns["category"] = columns.pop("reason")  # causes of ends are categories here
    return {name: columns[name] for name in order}
