"""How often each reason was named, and which are named together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import intervals
from retention.errors import check_choice
from retention.frames import Columns, table_like
from retention.numerics.codes import long_table
from retention.reasons.categories import ReasonCategory, reason_categories
from retention.reasons.figures.counts import Named, named_and_sizes, named_by_customers
from retention.tables import TAGS, require, segments
from retention.tables.answer_columns import (
    constants,
    flags,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

Base = Literal["customers", "tagged", "mentions"]


@gives(
    "segment and category",
    texts("category", "label", "force", "preventable"),
    whole_numbers("n_customers", "n_mentions", "n_first", "n_only"),
    constants(texts("base")),
    whole_numbers("n_base"),
    shares("share", "lower", "upper"),
    texts("bounds"),
    whole_numbers("n_one_reason", "n_several_reasons"),
    constants(texts("unit")),
    shares("keaveney_share"),
    flags("keaveney_verified"),
)
def reason_summary(
    tags: IntoFrameT,
    *,
    n_customers: int | Mapping[Any, int] | None = None,
    by: str | Sequence[str] = (),
    base: Base = "customers",
    categories: Sequence[ReasonCategory] | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """How often each reason was named, of a base that cannot shrink in silence.

    Customers may name several reasons, so that shares of customers sum to more than 1. A customer
    counts once for a reason, in however many notes they name it. Share = n / base, by `base`:

    - "customers": n customers name it, of all `n_customers` you say (those who left, say), whether
      or not they wrote a note, and whether or not it tells a reason.
    - "tagged": n customers name it, of those who told any reason to leave. Who tells one may not be
      like who does not.
    - "mentions": n mentions, of all mentions of reasons to leave; a note mentions a reason once.
      These shares sum to 1, and who writes much weighs much.

    "x_switching_barrier" holds customers back: it is a row of its own but no reason to leave.

    Args:
        tags: a table from `tag_reasons` or `map_reason_codes`. Without customers in it, each note
            counts as a customer (`unit`).
        n_customers: how many customers the notes were asked of, as {segment: number} with `by`;
            {(first, second): number} with several columns. Needed for the base "customers". Where
            it is given, those who have no note at all count as "missing".
        by: segment columns of the tags (`keep=`).
        base: what the shares are of.
        categories: from `reason_categories`, with your own judgements.
        level: confidence of the bounds.

    Returns:
        One row per segment and category, of the shipped categories and of your own, in the caller's
        kind: the `by` columns, `category`, `label`, `force`, `preventable` ("yes" or "no"; null
        for what is not a shipped category); `n_customers` who named it, `n_mentions` (notes),
        `n_first` (whose first reason it is), `n_only` (who named no other); `base`, `n_base`,
        `share`, `lower`, `upper`, `bounds`: "wilson" for customers; for mentions "linearised" with
        customers as clusters, or "none: few customers" below 30, "none: few effective customers"
        below 10 of these, "none: all alike"; "none" where the row is not of the base. Then of the
        segment: `n_one_reason`, `n_several_reasons` (customers who told one, or several) and
        `unit` ("customers" or "notes"); at last `keaveney_share` and `keaveney_verified`: context
        from other trades and times, not to be tested against, since later surveys found markedly
        different shares.

        The rows "unspecified" (told no reason to leave) and "missing" (no note) are customers who
        named none; with those who told one reason or several they are all customers.

    Raises:
        RetentionError: if a keyword is none of its values, or the base "customers" lacks their
            number.
        ColumnError: if a column is missing.
        ContentError: if tags are empty or say of some notes only whose they are, or of more
            customers than there are.

    Example:
        Of ten who left three wrote: two over the price, one of them over a rival too.

        >>> import pandas as pd
        >>> import retention as rt
        >>> given = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Bob", "Cem"],
        ...     "reason": ["too_expensive", "too_expensive", "switched_service", "other"],
        ... })
        >>> tags = rt.map_reason_codes(given, scheme="stripe")
        >>> found = rt.reason_summary(tags, n_customers=10)
        >>> shown = ["category", "n_customers", "n_only", "n_base", "share"]
        >>> found[found["n_customers"] > 0][shown]
               category  n_customers  n_only  n_base  share
        0       pricing            2       1      10    0.2
        5   competition            1       0      10    0.1
        14  unspecified            1       0      10    0.1
        15      missing            7       0      10    0.7

    Source:
        Categories and shares: Keaveney (1995), Journal of Marketing 59 (2), 71–82; other shares:
        East, R., Grandcolas, U., Riley, F. D. and Lomax, W. (2012), Australasian Marketing Journal
        20, 164–170.
    """
    check_choice("base", base, get_args(Base))
    intervals.quantile_of(level)
    named, sizes = named_and_sizes(tags, by, n_customers, base)
    shown = {one.name: one for one in categories or reason_categories()}
    parts = [
        (
            key,
            _columns_of_categories(named, shown)
            | _summary_of_segment(named, i, sizes.get(key), base, level),
        )
        for i, key in enumerate(named.keys)
    ]
    columns = long_table(parts, segments(by, TAGS))
    return table_like({name: columns[name] for name in _columns_in_order(columns)}, tags)


@gives(
    "segment and ordered pair of reasons to leave",
    texts("category", "other"),
    whole_numbers("n_customers", "n_other", "n_both", "n_tagged"),
    shares("share", "lower", "upper"),
    numbers("lift", unit="times the average"),
)
def reason_cooccurrence(
    tags: IntoFrameT, *, by: str | Sequence[str] = (), level: float = 0.95
) -> IntoFrameT:
    """Which reasons are named together: of those who named one, the share that named another.

    With n customers who told any reason to leave, n_a and n_b of whom named a and b, and n_ab both:
    share = n_ab / n_a, and lift = share / (n_b / n): 1 where the two have nothing to do with each
    other, more where one goes with the other.

    Args:
        tags: a table from `tag_reasons` or `map_reason_codes`.
        by: segment columns of the tags.
        level: confidence of the bounds.

    Returns:
        One row per segment and ordered pair of reasons to leave that anybody named, in the caller's
        kind: the `by` columns, `category`, `other`, `n_customers` (named the first), `n_other`
        (named the other), `n_both`, `n_tagged` (told any reason to leave), `share`, `lower`,
        `upper` (Wilson), `lift` (null where nobody named one of the two).

    Raises:
        ColumnError: if a column is missing.
        ContentError: if tags are empty, or say of some notes only whose they are.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> given = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Bob", "Cem"],
        ...     "reason": ["too_expensive", "too_expensive", "switched_service", "low_quality"],
        ... })
        >>> tags = rt.map_reason_codes(given, scheme="stripe")
        >>> found = rt.reasons.reason_cooccurrence(tags)
        >>> found[found["n_both"] > 0][["category", "other", "n_customers", "n_both", "lift"]]
              category        other  n_customers  n_both  lift
        1      pricing  competition            2       1   1.5
        4  competition      pricing            1       1   1.5

    Source:
        Practice; that most who switch name several reasons: Keaveney (1995).
    """
    intervals.quantile_of(level)
    names = segments(by, TAGS)
    named = named_by_customers(require(tags, TAGS, extra=names), names)
    seen = np.flatnonzero(named.reasons & (named.mentions > 0).any(axis=0))
    parts = [(key, _pairs_of_segment(named, i, seen, level)) for i, key in enumerate(named.keys)]
    return table_like(long_table(parts, names), tags)


def _summary_of_segment(named: Named, i: int, size: int | None, base: str, level: float) -> Columns:
    """The counts and shares of one segment, a row per category."""
    mentions, reasons = named.mentions[named.segment == i], named.reasons
    told = (mentions[:, reasons] > 0).sum(axis=1)
    n_named = (mentions > 0).sum(axis=0).astype(np.int64)
    n_named[-1] += 0 if size is None else size - told.size
    first = named.first[named.segment == i][told > 0]
    n_mentions = mentions.sum(axis=0)
    n_mentions[-2:] = 0
    counts: Columns = {
        "n_customers": n_named,
        "n_mentions": n_mentions,
        "n_first": np.bincount(first, minlength=reasons.size).astype(np.int64),
        "n_only": (mentions[told == 1] > 0).sum(axis=0) * reasons,
        "base": np.full(reasons.size, base, dtype=object),
    }
    if base == "mentions":
        counts |= _shares_of_mentions(mentions[told > 0], reasons, level)
    elif base == "tagged":
        counts |= shares_of_customers(
            np.where(reasons, n_named, np.nan), int((told > 0).sum()), level
        )
    else:
        counts |= shares_of_customers(n_named, int(size or 0), level)
    of_all = {"n_one_reason": (told == 1).sum(), "n_several_reasons": (told > 1).sum()}
    return counts | {name: np.full(reasons.size, n, np.int64) for name, n in of_all.items()}


def shares_of_customers(n: NDArray[Any], base: int, level: float) -> Columns:
    """Shares of customers with Wilson's bounds; nothing where n is missing or nobody is there."""
    share = intervals.ratio(n, base)
    lower, upper = intervals.wilson_bounds(n, base, level)
    return {
        "n_base": np.full(n.size, base, np.int64),
        "share": share,
        "lower": lower,
        "upper": upper,
        "bounds": np.where(np.isnan(share), "none", "wilson").astype(object),
    }


def _shares_of_mentions(
    mentions: NDArray[Any], reasons: NDArray[np.bool_], level: float
) -> Columns:
    """Shares of all mentions of reasons, of customers who mention them more than once."""
    each = mentions[:, reasons].sum(axis=1)
    total = int(each.sum())
    share = np.where(reasons, intervals.ratio(mentions.sum(axis=0), total), np.nan)
    residuals = ((mentions - each[:, None] * share) ** 2).sum(axis=0)
    lower, upper, bounds = intervals.ratio_bounds(
        share, total, (each**2).sum(), residuals, each.size, level
    )
    return {
        "n_base": np.full(reasons.size, total, np.int64),
        "share": share,
        "lower": np.maximum(lower, 0.0),
        "upper": np.minimum(upper, 1.0),
        "bounds": bounds,
    }


def _columns_of_categories(named: Named, shown: Mapping[str, ReasonCategory]) -> Columns:
    """What is known of each category, beside its counts."""
    known = [shown.get(name) for name in named.categories]
    judged = [one and ("yes" if one.preventable else "no") for one in known]
    published = [one.published if one else None for one in known]
    return {
        "category": np.array(named.categories, dtype=object),
        "label": np.array(
            [one.label if one else name for one, name in zip(known, named.categories, strict=True)],
            dtype=object,
        ),
        "force": np.array([one and one.force for one in known], dtype=object),
        "preventable": np.array(judged, dtype=object),
        "unit": np.full(len(known), named.unit, dtype=object),
        "keaveney_share": np.array([one.share if one else np.nan for one in published]),
        "keaveney_verified": np.array([bool(one and one.verified) for one in published]),
    }


def _columns_in_order(columns: Columns) -> list[str]:
    """Segments and categories first, what is said of them, then counts; the rest at last."""
    first = ("category", "label", "force", "preventable")
    last = ("unit", "keaveney_share", "keaveney_verified")
    counts = [name for name in columns if name not in (*first, *last)]
    split = counts.index("n_customers")
    return [*counts[:split], *first, *counts[split:], *last]


def _pairs_of_segment(named: Named, i: int, seen: NDArray[np.intp], level: float) -> Columns:
    """Every ordered pair of reasons in one segment."""
    did = (named.mentions[named.segment == i][:, seen] > 0).astype(np.int64)
    both, n_each = did.T @ did, did.sum(axis=0)
    n_tagged = int((did.sum(axis=1) > 0).sum())
    a, b = (place.ravel() for place in np.indices(both.shape))
    a, b = a[a != b], b[a != b]
    names = np.array(named.categories, dtype=object)[seen]
    lower, upper = intervals.wilson_bounds(both[a, b], n_each[a], level)
    share = intervals.ratio(both[a, b], n_each[a])
    return {
        "category": names[a],
        "other": names[b],
        "n_customers": n_each[a],
        "n_other": n_each[b],
        "n_both": both[a, b],
        "n_tagged": np.full(a.size, n_tagged, np.int64),
        "share": share,
        "lower": lower,
        "upper": upper,
        "lift": intervals.ratio(share, intervals.ratio(n_each[b], n_tagged)),
    }
