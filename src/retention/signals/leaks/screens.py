"""Each column alone, beside the labels: what knows too much to have been known on the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError
from retention.frames import as_lazy, table_like
from retention.names import outer_text
from retention.numerics.rank_areas import area_under_curve, area_with_terms, error_of_groups
from retention.signals.leaks.labelled import SAY_LABELS, labelled_snapshots, names_of_features
from retention.tables.answer_columns import (
    differences,
    gives,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.signals.leaks.labelled import Labelled

    Floats = NDArray[np.float64]

_KNOWS_MUCH = 0.9
_GAPS_KNOW = 0.1
_APART = 0.1
_SHIFTED = 0.3


@gives(
    "a feature",
    texts("feature"),
    whole_numbers("n_rows", "n_churned", "n_null"),
    shares("auc", "lower", "upper", "auc_of_null", "auc_first", "auc_last"),
    differences("shift"),
    texts("note"),
)
def feature_screen(
    snapshots: IntoFrameT, *, features: str | Sequence[str], level: float = 0.95
) -> IntoFrameT:
    """What each column says of the loss by itself, and whether it says too much to be honest.

    Of rows whose label is known, with v the column,

        auc = P(v of one who left > v of one who stayed) + ½ P(equal),

    over rows with a value; `auc_of_null` the same of "v is missing", over all rows; `auc_first` and
    `auc_last` of the rows of the first and the last day that have labels; shift = the largest
    difference between the shares of rows of the first and of the last day up to a value
    (Kolmogorov and Smirnov's), labels or not.

    It is a hint, not a proof: a column that was summed over the whole log may have an AUC like any
    other, and an honest column a high one. `leakage_check` proves, where tables have dates; a list
    of customers without any can only be screened.

    Args:
        snapshots: labelled snapshots (`label_silence`, `label_churn`, or your own with
            `customer_id`, `as_of` and `churned`) with features as columns of numbers or true and
            false.
        features: the columns.
        level: confidence of the bounds of `auc`, in which the rows of a customer count as one.

    Returns:
        One row per feature, in the caller's kind and the order asked for: `feature`, `n_rows` (with
        a label), `n_churned` of them, `n_null` of them; `auc` with `lower` and `upper`, which is
        below ½ where a lower value means a loss; `auc_of_null`; `auc_first`, `auc_last` and
        `shift` (null where there is one day only); `note` (what deserves a look, else null: an AUC
        of 0.9 or more or 0.1 or less, missing values that tell by 0.1 or more, an AUC that differs
        between the days by 0.1 or more, a shift of 0.3 or more, a column of nothing or of one
        value). What one class alone cannot tell is null.

    Raises:
        ColumnError: if a column is missing, is no number, or says who, when or what became of them.
        ContentError: if no label is known.

    Example:
        Whoever paid late left, and whoever left has no next order: that was known too late.

        >>> import pandas as pd
        >>> import retention as rt
        >>> labelled = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"], "as_of": pd.Timestamp("2024-03-31"),
        ...     "churned": [1.0, 1.0, 0.0, 0.0], "days_late": [9, 4, 4, 0],
        ...     "next_order": [None, None, 12.0, 30.0],
        ... })
        >>> screen = rt.signals.feature_screen(labelled, features=["days_late", "next_order"])
        >>> screen[["feature", "n_null", "auc", "auc_of_null"]]
              feature  n_null    auc  auc_of_null
        0   days_late       0  0.875          0.5
        1  next_order       2    NaN          1.0

    Source:
        DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837–845, clustered as in Obuchowski
        (1997), Biometrics 53, 567–578. Kaufman and others (2012), Leakage in data mining, ACM
        Transactions on Knowledge Discovery from Data 6(4).
    """
    z = intervals.quantile_of(level)
    names = names_of_features(features)
    _refuse_no_numbers(snapshots, names)
    found = labelled_snapshots(snapshots, features=names)
    if not found.has_label.any():
        raise ContentError(f"snapshots: no label is known. {SAY_LABELS}")
    rows = [_screened_feature(found, name, z) for name in names]
    labels = found.label[found.has_label]
    columns = {
        "feature": np.array([outer_text(name) for name in names], dtype=object),
        "n_rows": np.full(len(names), labels.size, np.int64),
        "n_churned": np.full(len(names), int(labels.sum()), np.int64),
    }
    kinds = {"n_null": np.int64, "note": object}
    columns |= {
        name: np.array([row[name] for row in rows], dtype=kinds.get(name, np.float64))
        for name in rows[0]
    }
    return table_like(columns, snapshots)


def _refuse_no_numbers(snapshots: object, names: Sequence[str]) -> None:
    """Refuse labels and days, of which it is not said in which order they foretell anything."""
    import narwhals.stable.v2 as nw

    schema = as_lazy(snapshots, name="snapshots", by_row=True).collect_schema()
    for name in names:
        dtype = schema.get(name)
        if dtype is not None and not (dtype.is_numeric() or isinstance(dtype, nw.Boolean)):
            raise ColumnError(
                f"features: {name!r} holds {dtype}; a screen needs numbers, or true and false. "
                "Leave it out, or give a column for each of its values."
            )


def _screened_feature(found: Labelled, name: str, z: float) -> dict[str, Any]:
    """What one column says of the labels."""
    told = found.part(found.has_label)
    values, left = told.columns[name].astype(np.float64), told.label == 1
    missing = np.isnan(values)
    area, error = _area_with_error(values, left, told.group, ~missing)
    days = np.unique(told.day)
    ends = [_area_of_day(values, left, told.day == day) for day in days[[0, -1]]]
    row: dict[str, Any] = {
        "n_null": int(missing.sum()),
        "auc": area,
        "lower": max(area - z * error, 0.0) if np.isfinite(error) else np.nan,
        "upper": min(area + z * error, 1.0) if np.isfinite(error) else np.nan,
        "auc_of_null": area_under_curve(missing.astype(np.float64), left),
        "auc_first": ends[0] if days.size > 1 else np.nan,
        "auc_last": ends[1] if days.size > 1 else np.nan,
        "shift": _shift_between_days(found.columns[name].astype(np.float64), found.day),
    }
    return row | {"note": _note_on_feature(row, values[~missing])}


def _area_with_error(
    values: Floats, left: NDArray[np.bool_], group: NDArray[np.intp], here: NDArray[np.bool_]
) -> tuple[float, float]:
    """The area over some rows and its standard error; NaN where one class alone is there.

    Where one class lies wholly above the other the terms say 0, which is no error that is known.
    """
    if np.isnan(area_under_curve(values[here], left[here])):
        return np.nan, np.nan
    area, terms = area_with_terms(values[here], left[here])
    error = error_of_groups(terms, group[here])
    return area, error if error > 0 else np.nan


def _area_of_day(values: Floats, left: NDArray[np.bool_], of_day: NDArray[np.bool_]) -> float:
    here = of_day & ~np.isnan(values)
    return area_under_curve(values[here], left[here])


def _shift_between_days(values: Floats, day: NDArray[np.int64]) -> float:
    """Kolmogorov and Smirnov's distance between the values of the first and of the last day."""
    known = ~np.isnan(values)
    if not known.any() or day.min() == day.max():
        return np.nan
    ends = [np.sort(values[known & (day == end)]) for end in (day.min(), day.max())]
    if not all(end.size for end in ends):
        return np.nan
    at = np.concatenate(ends)
    upto = [np.searchsorted(end, at, side="right") / end.size for end in ends]
    return float(np.abs(upto[0] - upto[1]).max())


def _note_on_feature(row: dict[str, Any], values: Floats) -> str | None:
    """What deserves a look, in words; None if nothing does."""
    if not values.size:
        return "null in all rows"
    if values.min() == values.max() and not row["n_null"]:
        return "the same in all rows"
    notes = []
    if max(row["auc"], 1 - row["auc"]) >= _KNOWS_MUCH:
        notes.append("alone it tells almost all: was it known on the day?")
    if abs(row["auc_of_null"] - 0.5) >= _GAPS_KNOW:
        notes.append("that it is missing tells of the loss: since when is it filled in?")
    if abs(row["auc_last"] - row["auc_first"]) >= _APART:
        notes.append("it tells more on one day than on another: does it look beyond the day?")
    if row["shift"] >= _SHIFTED:
        notes.append("its values differ between the first and the last day")
    return "; ".join(notes) or None
