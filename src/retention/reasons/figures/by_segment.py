"""Where a reason is named more often than elsewhere: shares by segment, and tests of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError, check_choice, count_of
from retention.frames import Columns, table_like
from retention.numerics.codes import long_table
from retention.reasons.figures.counts import Named, named_and_sizes
from retention.reasons.figures.reason_summary import shares_of_customers
from retention.tables import TAGS, segments
from retention.tables.answer_columns import constants, gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Base = Literal["customers", "tagged"]
Correction = Literal["holm", "benjamini_hochberg"]


@gives(
    "segment and category",
    texts("category"),
    whole_numbers("n_customers"),
    constants(texts("base")),
    whole_numbers("n_base"),
    shares("share", "lower", "upper"),
    texts("bounds"),
    shares("share_overall"),
    texts("test"),
    numbers("chi_squared", "degrees_of_freedom", "p_value", "p_adjusted"),
    constants(texts("correction"), whole_numbers("n_tests")),
    numbers("cramers_v", unit="0 to 1"),
)
def reasons_by_segment(
    tags: IntoFrameT,
    *,
    by: str | Sequence[str],
    n_customers: Mapping[Any, int] | None = None,
    base: Base = "customers",
    correction: Correction = "holm",
    level: float = 0.95,
) -> IntoFrameT:
    """How often each reason was named in each segment, and whether segments differ in it.

    For each reason to leave the customers of each segment are counted who named it and who did not.
    With O the counts of these 2 × S cells, E what they would be if all segments were alike, and N
    all customers:

        χ² = Σ (O − E)² / E with S − 1 degrees of freedom,  Cramér's V = √(χ² / N).

    Where the counts are too small for it (Cochran: some E below 1, or more than a fifth below 5),
    two segments are tested by Fisher's exact test, and more than two not at all. V is 0 where
    segments are alike and 1 where they have nothing in common; it is never 0 by chance, so read it
    beside the p-value.

    One reason in twenty differs "significantly" by chance alone, so p-values are corrected for
    their number, over all reasons tested: "holm" bounds the chance of a single false alarm,
    "benjamini_hochberg" the share of false ones among the alarms.

    Args:
        tags: a table from `tag_reasons` or `map_reason_codes`.
        by: segment columns of the tags (`keep=`). No customer may be in two segments.
        n_customers: {segment: how many customers were asked}, see `reason_summary`.
        base: "customers" or "tagged", as for `reason_summary`. Mentions cannot be tested: those of
            one customer go together.
        correction: "holm" or "benjamini_hochberg".
        level: confidence of the bounds.

    Returns:
        One row per segment and category, in the caller's kind: the `by` columns, `category`,
        `n_customers` who named it, `base`, `n_base`, `share`, `lower`, `upper`, `bounds` (as in
        `reason_summary`), `share_overall` (of all segments together); then of the category, the
        same in every segment: `test` ("chi_squared", "fisher", "none: few customers", "none: all
        alike" where nobody or everybody named it, or "none: no reason" for what is no reason to
        leave), `chi_squared`, `degrees_of_freedom`, `p_value`, `p_adjusted`, `correction`,
        `n_tests` (that it corrects for) and `cramers_v`.

    Raises:
        RetentionError: if a keyword is none of its values, or numbers of customers are lacking.
        ColumnError: if `by` names no column of tags.
        ContentError: as `reason_summary`; if there is one segment only, or customers are in two.

    Example:
        Of four in the north three name the price, of four in the south none.

        >>> import pandas as pd
        >>> import retention as rt
        >>> given = pd.DataFrame({
        ...     "customer_id": list("ABCDEFGH"), "region": ["north"] * 4 + ["south"] * 4,
        ...     "reason": ["too_expensive"] * 3 + ["unused"] * 5,
        ... })
        >>> tags = rt.map_reason_codes(given, scheme="stripe", keep="region")
        >>> found = rt.reasons.reasons_by_segment(tags, by="region", base="tagged")
        >>> price = found[found["category"] == "pricing"]
        >>> price[["region", "share", "test", "p_value", "p_adjusted", "cramers_v"]].round(3)
           region  share    test  p_value  p_adjusted  cramers_v
        0   north   0.75  fisher    0.143       0.286      0.775
        16  south   0.00  fisher    0.143       0.286      0.775

    Source:
        Cochran, W. G. (1954), Biometrics 10, 417–451. Fisher, R. A. (1935), Journal of the Royal
        Statistical Society 98, 39–82. Cramér, H. (1946), Mathematical Methods of Statistics,
        section 21.9. Holm, S. (1979), Scandinavian Journal of Statistics 6, 65–70. Benjamini, Y.
        and Hochberg, Y. (1995), Journal of the Royal Statistical Society B 57, 289–300.
    """
    check_choice("base", base, get_args(Base))
    check_choice("correction", correction, get_args(Correction))
    intervals.quantile_of(level)
    names = segments(by, TAGS)
    if not names:
        raise ColumnError("by must name at least one column of tags.")
    named, sizes = named_and_sizes(tags, names, n_customers, base)
    _refuse_untestable_segments(named)
    n_named, n_base = _counts_by_segment(named, sizes, base)
    tests = _tests_of_categories(n_named, n_base, named.reasons, correction)
    overall = np.where(
        named.reasons | (base == "customers"),
        intervals.ratio(n_named.sum(axis=0), n_base.sum()),
        np.nan,
    )
    columns = [
        {
            "category": np.array(named.categories, dtype=object),
            "n_customers": n_named[i],
            "base": np.full(named.reasons.size, base, dtype=object),
            **shares_of_customers(
                np.where(np.isnan(overall), np.nan, n_named[i]), int(n_base[i]), level
            ),
            "share_overall": overall,
            **tests,
        }
        for i in range(len(named.keys))
    ]
    return table_like(long_table(list(zip(named.keys, columns, strict=True)), names), tags)


def _refuse_untestable_segments(named: Named) -> None:
    if len(named.keys) < 2:
        raise ContentError(
            f"by: all customers are in one segment, {', '.join(named.keys[0])!r}: there is nothing "
            "to compare. See reason_summary."
        )
    counts = np.bincount(named.who)
    if n := int((counts > 1).sum()):
        raise ContentError(
            f"by: {count_of(n, 'customer has', 'customers have')} notes in more than one "
            "segment, so that segments cannot be "
            "tested against each other. Give each customer one segment."
        )


def _counts_by_segment(
    named: Named, sizes: Mapping[Any, int], base: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many customers of each segment (rows) named each category, and of how many."""
    n_named = named.per_segment((named.mentions > 0).astype(np.int64))
    wrote = np.bincount(named.segment, minlength=len(named.keys)).astype(np.int64)
    asked = np.array([sizes.get(key, n) for key, n in zip(named.keys, wrote, strict=True)])
    n_named[:, -1] += asked - wrote
    told = named.per_segment((named.n_told > 0).astype(np.int64))
    return n_named, asked.astype(np.int64) if base == "customers" else told


def _tests_of_categories(
    n_named: NDArray[np.int64],
    n_base: NDArray[np.int64],
    reasons: NDArray[np.bool_],
    correction: str,
) -> Columns:
    """The test of each category over all segments in which there is anybody."""
    there = n_base > 0
    nothing = ("none: no reason", np.nan, np.nan)
    found = [
        _test_of_category(n_named[there, k], n_base[there]) if reasons[k] else nothing
        for k in range(reasons.size)
    ]
    test = np.array([name for name, *_ in found], dtype=object)
    chi_squared, p = (np.array([one[i] for one in found], np.float64) for i in (1, 2))
    freedom = np.where(np.isnan(chi_squared), np.nan, there.sum() - 1.0)
    return {
        "test": test,
        "chi_squared": chi_squared,
        "degrees_of_freedom": freedom,
        "p_value": p,
        "p_adjusted": adjusted_p_values(p, correction),
        "correction": np.full(reasons.size, correction, dtype=object),
        "n_tests": np.full(reasons.size, (~np.isnan(p)).sum(), np.int64),
        "cramers_v": np.sqrt(intervals.ratio(chi_squared, n_base.sum())),
    }


def _test_of_category(yes: NDArray[np.int64], n: NDArray[np.int64]) -> tuple[str, float, float]:
    """Which test was made of S counts out of n each, χ² and the p-value."""
    observed = np.stack([yes, n - yes])
    total = observed.sum()
    if n.size < 2 or not observed.sum(axis=1).all():
        return "none: all alike", np.nan, np.nan
    expected = observed.sum(axis=1)[:, None] * n / total
    chi_squared = float(((observed - expected) ** 2 / expected).sum())
    if expected.min() >= 1 and (expected < 5).mean() <= 0.2:
        from scipy.special import gammaincc  # loaded late: SciPy takes longer than all else

        return "chi_squared", chi_squared, float(gammaincc((n.size - 1) / 2, chi_squared / 2))
    if n.size == 2:
        from scipy.stats import fisher_exact

        return "fisher", chi_squared, float(fisher_exact(observed)[1])
    return "none: few customers", chi_squared, np.nan


def adjusted_p_values(p: Floats, correction: str) -> Floats:
    """P-values corrected for their number; those that are missing do not count.

    Args:
        p: p-values.
        correction: "holm": the largest of (m − i + 1) p(i) up to each in ascending order.
            "benjamini_hochberg": the least of m p(i) / i from each on.
    """
    answer = np.full(p.size, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    m, rank = order.size, np.arange(1, order.size + 1)
    if correction == "holm":
        raised = np.maximum.accumulate((m - rank + 1) * p[order])
    else:
        raised = np.minimum.accumulate((m * p[order] / rank)[::-1])[::-1]
    answer[order] = np.minimum(raised, 1.0)
    return answer
