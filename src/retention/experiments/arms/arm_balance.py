"""Whether the arms of an experiment were alike before it began."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.errors import YOURS, ColumnError, ContentError, count_of
from retention.experiments.arms.ratio_test import (
    ArmCounts,
    counts_of_arms,
    refuse_clusters_of_several,
)
from retention.frames import Columns, Frame, as_text, beside, collect, one_row, table_like
from retention.names import outer_text
from retention.numerics.codes import MOST_LEVELS, refuse_identifier
from retention.orders import MOST
from retention.tables import (
    ASSIGNMENT,
    CUSTOMER,
    Kind,
    column_names,
    refuse_other_ids,
    refuse_repeated_customers,
    require,
)
from retention.tables.answer_columns import constants, gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_KNOWN = Kind("customers", "what was known of a customer", YOURS, (CUSTOMER,))
_MISSING = "(missing)"
_ALIKE = "all of both arms are alike"
_TOO_FEW = "fewer than two known in an arm"


@gives(
    "two arms and a covariate (or a level of it)",
    texts("covariate", "covariate_level", "arm", "compared_to"),
    whole_numbers("n", "n_compared", "n_missing", "n_missing_compared"),
    numbers("mean", "mean_compared", "sd", "sd_compared"),
    numbers("standardised_difference", "chance_bound", unit="standard deviations"),
    texts("reason"),
    constants(shares("level")),
)
def arm_balance(
    assignment: IntoFrameT,
    customers: IntoFrameT,
    *,
    covariates: str | Sequence[str],
    level: float = 0.95,
) -> IntoFrameT:
    """Were the arms alike before the experiment, in what was known of their customers?

    With m the mean of a covariate in an arm and s its standard deviation, for each two arms

        standardised_difference = (m₁ − m₀) / √((s₁² + s₀²) / 2),

    in standard deviations, so that covariates can be compared. Of a category each level is such a
    covariate, 1 for who has it and 0 for the others (s² = m (1 − m)), and so is "missing". Where
    arms were assigned at random, `level` of the differences lie within

        chance_bound = z √(1/n₁ + 1/n₀);

    of many covariates a few lie beyond it. One that does is no reason to draw anew, but to adjust
    for it; it is a reason to look for what went wrong if `sample_ratio` finds a mismatch as well. A
    rule of thumb calls 0.1 and less small.

    What is compared must have been known **before** `assigned`: what came later may be an effect.

    Args:
        assignment: a table from `assign_arms` or `as_assignment`, a row per customer.
        customers: a row per customer: `customer_id` and the covariates, of the same kind.
        covariates: columns of `customers`: numbers, or text and true/false as categories.
        level: confidence of the bound.

    Returns:
        One row per covariate and two arms (`arm` against `compared_to`, which comes first by name);
        of categories one per level. `covariate_level` is the level, null of a number; a number of
        which some are missing has a row "(missing)" besides. `n`, `n_compared` are the customers of
        the two arms with a known value (of levels: all), `n_missing`, `n_missing_compared` those
        without, `mean`, `sd` and likewise `_compared` (of levels: shares), then
        `standardised_difference` (null where nothing varies, with a `reason`), `chance_bound` (with
        clusters, by their number, as if all customers of one were alike), `reason`, `level`.

    Raises:
        ColumnError: if a covariate is missing, or is neither a number nor a category.
        ContentError: if a table is empty, no customer stands in both, one stands in one twice, a
            cluster is in several arms, a number is infinite, or a category has more than 1,000
            levels.

    Example:
        The two arms have means of 2 and 3, each with a standard deviation of 1.

        >>> import pandas as pd
        >>> import retention as rt
        >>> arms = ["control"] * 3 + ["offer"] * 3
        >>> assignment = pd.DataFrame({
        ...     "customer_id": range(6), "arm": arms,
        ...     "assigned": pd.Timestamp("2024-05-01"), "share": 0.5,
        ... })
        >>> known = pd.DataFrame({"customer_id": range(6), "risk": [1, 2, 3, 2, 3, 4]})
        >>> balance = rt.experiments.arm_balance(assignment, known, covariates="risk")
        >>> balance[["arm", "compared_to", "mean", "mean_compared", "standardised_difference"]]
             arm compared_to  mean  mean_compared  standardised_difference
        0  offer     control   3.0            2.0                      1.0

    Source:
        Austin, P. C. (2009), Balance diagnostics for comparing the distribution of baseline
        covariates, Statistics in Medicine 28, 3083–3107.
    """
    z = intervals.quantile_of(level)
    names = column_names(covariates, argument="covariates", answer=("customer_id",))
    if not names:
        raise ColumnError("covariates names no column: say which of customers to compare.")
    frame = require(assignment, ASSIGNMENT, adds="none")
    known = require(customers, _KNOWN, adds="none")
    for name in names:
        if name not in known.collect_schema():
            raise ColumnError.unknown("covariates", name, known.collect_schema())
    refuse_other_ids(frame, known, ("assignment", "customers"))
    refuse_repeated_customers(frame)
    refuse_repeated_customers(known, "customers")
    refuse_clusters_of_several(frame)
    counts = counts_of_arms(frame)
    rows = _arms_and_covariates(frame, beside(frame, customers, name="customers"), names)
    _refuse_nobody_in_common(rows, counts)
    compared = [
        row
        for place, name in enumerate(names)
        for moments in _moments_of_covariate(rows, place, outer_text(name), counts)
        for row in moments.rows_of_pairs(counts, z)
    ]
    columns: Columns = {
        name: np.array([row[name] for row in compared], dtype=kind)
        for name, kind in _COLUMNS.items()
    }
    return table_like({**columns, "level": np.full(len(compared), float(level))}, assignment)


_COLUMNS: Mapping[str, type] = {
    **dict.fromkeys(("covariate", "covariate_level", "arm", "compared_to"), object),
    **dict.fromkeys(("n", "n_compared", "n_missing", "n_missing_compared"), np.int64),
    **dict.fromkeys(("mean", "mean_compared", "sd", "sd_compared"), np.float64),
    **dict.fromkeys(("standardised_difference", "chance_bound"), np.float64),
    "reason": object,
}


@dataclass(frozen=True, slots=True)
class _Moments:
    """A covariate, or a level of one, in each arm: how many are known, and how they lie."""

    name: str
    label: str | None
    n: Floats
    missing: Floats
    mean: Floats
    sd: Floats

    def rows_of_pairs(self, counts: ArmCounts, z: float) -> Iterator[dict[str, Any]]:
        """Each two arms compared."""
        units = counts.n[0] if counts.unit == "cluster" else self.n
        with np.errstate(divide="ignore"):  # an arm of which nobody is known
            width = 1 / units
        for other, arm in combinations(range(len(counts.arms)), 2):
            row: dict[str, Any] = {"covariate": self.name, "covariate_level": self.label}
            for end, at in (("", arm), ("_compared", other)):
                row |= {f"n{end}": self.n[at], f"n_missing{end}": self.missing[at]}
                row |= {f"mean{end}": self.mean[at], f"sd{end}": self.sd[at]}
            bound = z * np.sqrt(width[arm] + width[other])
            yield {
                **row,
                "arm": counts.arms[arm],
                "compared_to": counts.arms[other],
                "chance_bound": bound if np.isfinite(bound) else np.nan,
                **self._difference(arm, other),
            }

    def _difference(self, arm: int, other: int) -> dict[str, Any]:
        """The difference of two arms in standard deviations, or why there is none."""
        spread = np.sqrt((self.sd[arm] ** 2 + self.sd[other] ** 2) / 2)
        if spread > 0:
            difference = (self.mean[arm] - self.mean[other]) / spread
            return {"standardised_difference": difference, "reason": None}
        known = min(self.n[arm], self.n[other]) > 1
        reason = _ALIKE if known else _TOO_FEW
        return {"standardised_difference": np.nan, "reason": reason}


def _arms_and_covariates(frame: Frame, customers: Frame, names: Sequence[str]) -> Frame:
    """The arm of each customer as `_arm`, and what was known of them as `_0`, `_1` and so on."""
    arm = frame.select("customer_id", nw.col("arm").cast(nw.String).alias("_arm"))
    schema = customers.collect_schema()
    columns = (
        _number_or_label(name, schema[name]).alias(f"_{place}") for place, name in enumerate(names)
    )
    known = customers.select("customer_id", *columns, _known=nw.lit(1))
    return arm.join(known, on="customer_id", how="left")


def _number_or_label(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """A covariate as it can be joined: true/false beside nobody would be of no type in pandas."""
    if dtype.is_numeric():
        return nw.col(name)
    try:
        return as_text(name, dtype)
    except ColumnError:
        raise ColumnError(
            f"covariates: {outer_text(name)!r} holds {dtype}, which is neither a number nor a "
            "category. Make a number of it, such as days before `assigned`, or put it into classes."
        ) from None


def _refuse_nobody_in_common(rows: Frame, counts: ArmCounts) -> None:
    """Refuse a table in which no customer of the assignment stands, as where it is empty."""
    if not int(one_row(rows.select(n=nw.col("_known").count()))["n"]):
        raise ContentError(
            f"customers: none of the {count_of(int(counts.n_customers.sum()), 'customer')} of the "
            "assignment is in it. Are these the same customers, by the same ids?"
        )


def _moments_of_covariate(
    rows: Frame, place: int, name: str, counts: ArmCounts
) -> Iterator[_Moments]:
    """A number, and which of it are missing; or each level of a category."""
    column, sizes = f"_{place}", counts.n_customers[0]
    dtype = rows.collect_schema()[column]
    if dtype.is_numeric():
        n, mean, sd = _moments_of_number(rows, column, name, counts.arms)
        missing = sizes - n
        yield _Moments(name, None, n, missing, mean, sd)
        levels = {_MISSING: missing} if missing.any() else {}
    else:
        levels = _counts_of_levels(rows, column, name, counts.arms)
        missing = levels.get(_MISSING, np.zeros_like(sizes))
    for label, n in sorted(levels.items()):
        share = n / sizes
        yield _Moments(name, label, sizes, missing, share, np.sqrt(share * (1 - share)))


def _moments_of_number(
    rows: Frame, column: str, name: str, arms: Sequence[str]
) -> tuple[Floats, Floats, Floats]:
    """How many are known in each arm, their mean and standard deviation.

    Values are counted from the mean of their arm, so that squares lose no digits; where all of an
    arm are alike, nothing that rounding leaves is taken for a spread.
    """
    told = rows.select("_arm", _value=nw.col(column).cast(nw.Float64))
    value = nw.col("_value")
    told = told.with_columns(_value=nw.when(~value.is_nan()).then(value))
    ends = told.group_by("_arm").agg(
        nw.col("_value").min().alias("least"),
        nw.col("_value").max().alias("most"),
        nw.col("_value").count().alias("n"),
    )
    found = _in_order_of_arms(ends, arms)
    least, most, n = (found[part] for part in ("least", "most", "n"))
    _refuse_beyond_comparison(np.concatenate([least, most]), name)
    about = told.with_columns(_mean=value.mean().over("_arm")).with_columns(
        _off=value - nw.col("_mean")
    )
    squared = about.with_columns(_square=nw.col("_off") * nw.col("_off"))
    sums = squared.group_by("_arm").agg(
        nw.col("_mean").max(), nw.col("_off").sum(), nw.col("_square").sum()
    )
    found = _in_order_of_arms(sums, arms)
    n, off, square = (np.nan_to_num(part) for part in (n, found["_off"], found["_square"]))
    rest = intervals.ratio(off, n)
    variance = np.maximum(intervals.ratio(square - n * rest**2, n - 1), 0)
    alike = least == most
    mean = np.where(alike, least, found["_mean"] + rest)
    return n, mean, np.sqrt(np.where(alike & (n > 1), 0.0, variance))


def _in_order_of_arms(counted: Frame, arms: Sequence[str]) -> dict[str, Floats]:
    """What was counted of each arm, in the order of the arms."""
    found = collect(counted)
    place = {arm: row for row, arm in enumerate(found.pop("_arm").tolist())}
    at = [place[arm] for arm in arms]
    return {part: values.astype(np.float64)[at] for part, values in found.items()}


def _refuse_beyond_comparison(values: Floats, name: str) -> None:
    if (beyond := values[np.abs(values) > MOST]).size:
        raise ContentError(
            f"covariates: {name!r} holds {beyond[0]:g}, beyond what can be compared. Correct it "
            "first."
        )


def _counts_of_levels(
    rows: Frame, column: str, name: str, arms: Sequence[str]
) -> dict[str, Floats]:
    """How many of each arm have each level; those without one are "(missing)"."""
    level = nw.col(column).fill_null(_MISSING).alias("_level")
    found = collect(rows.select("_arm", level).group_by("_arm", "_level").agg(nw.len().alias("n")))
    different = set(found["_level"].tolist())
    refuse_identifier("covariates", [name], len(different), MOST_LEVELS, "levels")
    counts = {label: np.zeros(len(arms)) for label in different}
    for arm, label, n in zip(*(found[part] for part in ("_arm", "_level", "n")), strict=True):
        counts[label][arms.index(arm)] = n
    return counts
