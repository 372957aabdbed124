"""What the customers of a segment are like, beside all others: with bounds, and without flukes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError, RetentionError, count_of, is_number
from retention.frames import Columns, as_lazy, collect, table_like
from retention.names import outer_text
from retention.numerics.codes import label_codes
from retention.signals.groups.customer_rows import label_as_text
from retention.tables import column_names
from retention.tables.answer_columns import flags, gives, numbers, shares, texts, whole_numbers
from retention.wording import number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Row = dict[str, Any]

_MISSING = "(missing)"
_NAN = float("nan")
_HIGHER, _DIFFERENCE = "chance to be higher", "difference of shares"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is compared, and how surely."""

    columns: tuple[str, ...]
    defining: tuple[str, ...]
    fdr: float
    level: float


@gives(
    "segment and feature, and value of it where it has labels",
    texts("segment", "feature", "label"),
    whole_numbers("n", "n_rest", "n_null"),
    numbers("median", "median_rest"),
    shares("share", "share_rest"),
    texts("measure"),
    numbers("effect", "lower", "upper", "p_value", "q_value"),
    flags("differs", "defining"),
    texts("sentence"),
)
def segment_profile(
    customers: IntoFrameT,
    *,
    segment: str,
    columns: str | Sequence[str],
    defining: str | Sequence[str] = (),
    fdr: float = 0.05,
    level: float = 0.95,
) -> IntoFrameT:
    """What the customers of each segment are like, beside all others: persons made of data.

    A column of numbers is told by its medians, and by the effect

        P(one of the segment > one of the others) + ½ P(equal)

    with bounds by DeLong's error; its p-value is that of Mann and Whitney's test, corrected for
    ties. A column of labels is told for each label by its two shares and their difference, with
    Newcombe's bounds; its p-value is that of the chi-squared test.

    Where many columns are looked at, some differ by chance: of ten segments drawn at random
    something "differs" at p < 0.05 in most draws. So `differs` goes by the q-value of Benjamini and
    Hochberg over all rows, which keeps the share of flukes among findings at `fdr`. Columns that a
    segment was made of differ by design: name them in `defining`, and they are not tested.

    Args:
        customers: a table with a row per customer.
        segment: the column of their segments, from whatever source: `rfm_scores`, `value_tiers`,
            labels of a clustering.
        columns: what is told of them: columns of numbers, or of labels (text, true or false).
        defining: those of the columns that segments were made of.
        fdr: the share of chance findings among all that differ, at most.
        level: confidence of the bounds.

    Returns:
        One row per segment and column, or label of it, in the caller's kind: `segment`, `feature`
        (the column), `label` (null for numbers), `n` (customers of the segment whose value is
        known), `n_rest` (of the others), `n_null` (of the segment, not known); `median`,
        `median_rest` (of numbers, else null); `share`, `share_rest` (of labels, else null);
        `measure` ("chance to be higher" or "difference of shares"), `effect`, `lower`, `upper` in
        it; `p_value`, `q_value`, `differs` (q_value ≤ `fdr`), `defining`, and `sentence`. Bounds
        are null where one side is a single customer, all of one side are above the other, or all
        are equal; of `defining` columns the p-value, q-value and `differs` are null.

    Raises:
        RetentionError: if `fdr` or `level` is not between 0 and 1.
        ColumnError: if a column is not there, is named twice, or holds neither numbers nor labels;
            or if `defining` names one that is not among the columns.
        ContentError: if the table is empty, all customers are in one segment, or a number is
            infinite.

    Example:
        Those by the month pay by cheque more often, and stay for less time.

        >>> import pandas as pd
        >>> import retention as rt
        >>> customers = pd.DataFrame({
        ...     "contract": ["month"] * 4 + ["year"] * 4,
        ...     "tenure": [1, 2, 3, 40, 30, 50, 60, 70],
        ...     "pays": ["cheque", "cheque", "cheque", "card", "card", "card", "cheque", "card"],
        ... })
        >>> found = rt.signals.segment_profile(
        ...     customers, segment="contract", columns=["tenure", "pays"]
        ... )
        >>> monthly = found[found["segment"] == "month"]
        >>> monthly[["feature", "n", "effect", "p_value"]].round(3)
          feature  n  effect  p_value
        0  tenure  4   0.062    0.043
        1    pays  4  -0.500    0.157
        2    pays  4   0.500    0.157
        >>> print(found["sentence"][0])
        tenure: median 2.50, others 55.00

    Source:
        DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988), Biometrics 44, 837–845;
        Newcombe, R. G. (1998), Statistics in Medicine 17, 873–890, method 10; Benjamini, Y. and
        Hochberg, Y. (1995), Journal of the Royal Statistical Society B 57, 289–300.
    """
    names, within, given = _names_of_features(segment, columns, defining)
    if not (is_number(fdr) and 0 < fdr < 1):
        raise RetentionError(f"fdr must lie between 0 and 1, such as 0.05; got {fdr!r}.")
    intervals.quantile_of(level)
    read = _features_of_customers(customers, given, names)
    rows = list(_rows_of_profile(read, names, _Asked(names, within, fdr, level)))
    p = np.array([row["p_value"] for row in rows], np.float64)
    q = intervals.adjusted_p(p)
    made: dict[str, Any] = {
        name: np.array([row[name] for row in rows], kind) for name, kind in _NUMBERS.items()
    }
    made |= {name: np.array([row[name] for row in rows], object) for name in _TEXTS}
    made |= {"q_value": q, "differs": _differs(q, fdr)}
    return table_like({name: made[name] for name in _ORDER}, customers)


_TEXTS = ("segment", "feature", "label", "measure", "sentence")
_NUMBERS = {
    **dict.fromkeys(("n", "n_rest", "n_null"), np.int64),
    **dict.fromkeys(("median", "median_rest", "share", "share_rest"), np.float64),
    **dict.fromkeys(("effect", "lower", "upper", "p_value"), np.float64),
    "defining": np.bool_,
}
_ORDER = (
    *("segment", "feature", "label", "n", "n_rest", "n_null", "median", "median_rest", "share"),
    *("share_rest", "measure", "effect", "lower", "upper", "p_value", "q_value", "differs"),
    *("defining", "sentence"),
)


def _differs(q: NDArray[np.float64], fdr: float) -> NDArray[Any]:
    """Whether each row differs; none where that was not tested."""
    return np.array([None if np.isnan(each) else bool(each <= fdr) for each in q], object)


def _names_of_features(
    segment: object, columns: Any, defining: Any
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The columns that are told, those of them that define segments, and the column of segments.

    Raises:
        ColumnError: if they are none, or name one another.
    """
    if not isinstance(segment, str):
        raise ColumnError(f"segment must name a column, as text; got {segment!r}.")
    (given,) = column_names([segment], argument="segment")
    names = column_names(columns, argument="columns")
    within = column_names(defining, argument="defining")
    if not names:
        raise ColumnError("columns names none: say what is to be told of the customers.")
    if given in names:
        raise ColumnError(
            f"columns names {outer_text(given)!r}, the column of the segments. Leave it out."
        )
    if strange := [name for name in within if name not in names]:
        raise ColumnError(
            f"defining names {outer_text(strange[0])!r}, which is not among the columns. Name it "
            "there too, or leave it out."
        )
    return tuple(names), tuple(within), given


def _features_of_customers(customers: object, segment: str, names: Sequence[str]) -> Columns:
    """Segments as text, numbers as floats and labels as text.

    Raises:
        ColumnError: if a column is not there, or holds neither numbers nor labels.
        ContentError: if there is nobody, or nobody to compare with.
    """
    frame = as_lazy(customers, name="customers", by_row=True)
    schema = frame.collect_schema()
    for name in (segment, *names):
        if name not in schema:
            argument = "segment" if name == segment else "columns"
            raise ColumnError.unknown(argument, name, schema, kept="`customers`")
    read = [label_as_text(segment, schema[segment], "segment").alias("_segment")]
    for place, name in enumerate(names):
        numeric = schema[name].is_numeric()
        float_or_text = (
            nw.col(name).cast(nw.Float64)
            if numeric
            else label_as_text(name, schema[name], "columns")
        )
        read.append(float_or_text.alias(f"_{place}"))
    found = collect(frame.select(*read))
    _refuse_infinite(found, names)
    n = len(label_codes(found["_segment"])[1])
    if n < 2:
        there = "nobody in it" if n == 0 else "one segment only, so nobody to compare it with"
        raise ContentError(f"customers: there is {there}.")
    return found


def _refuse_infinite(found: Columns, names: Sequence[str]) -> None:
    """Refuse numbers that have no middle.

    Raises:
        ContentError: at the first column that holds some.
    """
    for place, name in enumerate(names):
        values = found[f"_{place}"]
        if values.dtype.kind == "f" and (n := int(np.isinf(values).sum())):
            raise ContentError(
                f"customers: {count_of(n, 'row has', 'rows have')} an infinite "
                f"{outer_text(name)!r}. Correct it, or leave it empty."
            )


@dataclass(frozen=True, slots=True)
class _Feature:
    """A column as places among its different values, which ascend.

    Attributes:
        values: the different values that are known: numbers, or labels.
        place: that of each customer's value; −1 where it is missing.
        counts: how many customers have each value.
    """

    values: NDArray[Any]
    place: Whole
    counts: Whole

    def counts_within(self, mine: Whole) -> Whole:
        """How many of some customers have each value, by their places."""
        return np.bincount(mine[mine >= 0], minlength=self.values.size)


def _feature_of_values(values: NDArray[Any]) -> _Feature:
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
        different, within = np.unique(values[known], return_inverse=True)
        place = np.full(values.size, -1, np.int64)
        place[known] = within
    else:
        place, labels = label_codes(values)
        kept = [label for label in labels if label != _MISSING]
        number = {label: i for i, label in enumerate(kept)}
        place = np.array([*(number.get(label, -1) for label in labels), -1], np.int64)[place]
        different = np.array(kept, dtype=object)
    return _Feature(different, place, np.bincount(place[place >= 0], minlength=different.size))


def _rows_of_profile(read: Columns, names: Sequence[str], asked: _Asked) -> Iterator[Row]:
    """What is told of each segment, column and label."""
    group, segments = label_codes(read["_segment"])
    features = [_feature_of_values(read[f"_{i}"]) for i in range(len(names))]
    for i, segment in enumerate(segments):
        mine = np.flatnonzero(group == i)
        for name, feature in zip(names, features, strict=True):
            within = feature.counts_within(feature.place[mine])
            n = int(within.sum())
            said = {
                "segment": segment,
                "feature": outer_text(name),
                "n": n,
                "n_rest": int(feature.counts.sum()) - n,
                "n_null": mine.size - n,
                "defining": name in asked.defining,
            }
            numeric = feature.values.dtype.kind == "f"
            tell = _told_by_numbers if numeric else _told_by_labels
            for row in tell(feature.values, within, feature.counts - within, asked):
                told = said | row
                told["sentence"] = f"{_title_of_row(told)}: {told['sentence']}"
                yield told | ({"p_value": _NAN} if told["defining"] else {})


def _title_of_row(row: Row) -> str:
    label = row["label"]
    return str(row["feature"]) if label is None else f"{row['feature']} {label}"


def _told_by_numbers(values: Floats, within: Whole, without: Whole, asked: _Asked) -> Iterator[Row]:
    """The medians of both sides, and the chance that one of the segment is higher."""
    n, m = int(within.sum()), int(without.sum())
    row: Row = {
        "label": None, "measure": _HIGHER, "share": _NAN, "share_rest": _NAN,
        "median": _median_of(values, within),
        "median_rest": _median_of(values, without),
        "effect": _NAN, "lower": _NAN, "upper": _NAN, "p_value": _NAN,
    }  # fmt: skip
    if n and m:
        area, variance = _area_of_counts(within, without)
        row |= {"effect": area, "p_value": _p_of_area(within + without, area, n, m)}
        if n > 1 and m > 1 and 0 < area < 1:
            error = float(np.sqrt(variance))
            z = intervals.quantile_of(asked.level) if error > 0 else _NAN
            lower, upper = np.clip([area - z * error, area + z * error], 0.0, 1.0).tolist()
            row |= {"lower": lower, "upper": upper}
    told = f"median {number(row['median'])}, others {number(row['median_rest'])}"
    yield row | {"sentence": told}


def _median_of(values: Floats, counts: Whole) -> float:
    """The median, null of nobody; the two in the middle may be as large as numbers are."""
    upto = np.cumsum(counts)
    n = int(counts.sum())
    if not n:
        return _NAN
    middle = np.searchsorted(upto, [(n - 1) // 2, n // 2], side="right")
    low, high = values[middle].tolist()
    return float(low if low == high else low / 2 + high / 2)


def _area_of_counts(within: Whole, without: Whole) -> tuple[float, float]:
    """The chance that one within has the higher value than one without, and DeLong's variance.

    Args:
        within: how many have each of the values, which ascend; one at least.
        without: likewise of the others.
    """
    n, m = int(within.sum()), int(without.sum())
    below = 2 * np.cumsum(without) - without
    above = 2 * n - 2 * np.cumsum(within) + within
    area = int((within * below).sum()) / (2 * n * m)
    variance = 0.0
    for counts, twice, others in ((within, below, m), (without, above, n)):
        k = int(counts.sum())
        squares = float((counts * (twice / (2 * others) - area) ** 2).sum())
        variance += squares / (k * (k - 1)) if k > 1 else 0.0
    return area, variance


def _p_of_area(counts: Whole, area: float, n: int, m: int) -> float:
    """Mann and Whitney's p-value, corrected for ties; none where all values are equal."""
    total = n + m
    ties = counts.astype(np.float64)
    equal = float((ties**3 - ties).sum()) / (total * (total - 1))
    variance = (total + 1 - equal) / (12 * n * m)
    if variance <= 1e-15:
        return _NAN
    return float(intervals.p_value((area - 0.5) / np.sqrt(variance)))


def _told_by_labels(
    labels: NDArray[Any], within: Whole, without: Whole, asked: _Asked
) -> Iterator[Row]:
    """The shares of each label on both sides, and how far they are apart."""
    n, m = int(within.sum()), int(without.sum())
    for label, x, y in zip(labels.tolist(), within.tolist(), without.tolist(), strict=True):
        one, other = intervals.ratio([x, y], [n, m]).tolist()
        apart, lower, upper = intervals.difference_with_bounds((x, n), (y, m), asked.level)
        pooled = (x + y) / (n + m)
        spread = pooled * (1 - pooled) * (1 / n + 1 / m) if n and m else 0.0
        p = float(intervals.p_value((one - other) / np.sqrt(spread))) if spread > 0 else _NAN
        bounded = n > 1 and m > 1
        yield {
            "label": str(label), "measure": _DIFFERENCE, "median": _NAN, "median_rest": _NAN,
            "share": one, "share_rest": other, "effect": float(apart), "p_value": p,
            "lower": float(lower) if bounded else _NAN, "upper": float(upper) if bounded else _NAN,
            "sentence": f"{percent(one, 0)}, others {percent(other, 0)}",
        }  # fmt: skip
