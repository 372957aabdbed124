"""Amounts as whole numbers, whose sums are exact: they do not depend on the order of the rows.

An amount is so many parts of one (2⁻⁶⁴) where the engine adds up whole numbers of 128 bits; else it
is so many whole ones, so many parts of one (2⁻⁴⁰), and so many parts of these. Either is all of a
float but for what is below a billionth of a billionth of the currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames import has_wide_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.frames import Frame

_GRAIN, _FINE = 2.0**40, 2.0**64
_MOST_WHOLE = 2.0**53
"""Up to so much floats are whole numbers, and their sums exact."""


def exact_parts(name: str, frame: Frame) -> list[str]:
    """What the parts of an amount are called, on the engine of a frame."""
    return [f"{name} {k}" for k in range(1 if has_wide_numbers(frame) else 3)]


def exact_kind(frame: Frame) -> type[nw.Int64 | nw.Int128]:
    """The type of the parts of an amount, on the engine of a frame."""
    return nw.Int128 if has_wide_numbers(frame) else nw.Int64


def with_exact_parts(rows: Frame, value: str, name: str) -> Frame:
    """Rows with the parts of an amount; null and NaN are 0."""
    size = nw.col(value).abs()
    rest = nw.when(size >= 0).then(size).otherwise(nw.lit(0.0))
    rows = rows.with_columns(_rest=rest, _back=nw.col(value) < 0)
    kind = exact_kind(rows)
    if has_wide_numbers(rows):
        rows = rows.with_columns(_rest=nw.col("_rest") * _FINE)
    for part in exact_parts(name, rows):
        whole = nw.col("_rest").floor().cast(kind)
        signed = nw.when(nw.col("_back")).then(whole * -1).otherwise(whole)
        left = (nw.col("_rest") - whole.cast(nw.Float64)) * _GRAIN
        rows = rows.with_columns(signed.alias(part), _rest=left)
    return rows.drop("_rest", "_back")


def exact_amount(name: str, frame: Frame) -> nw.Expr:
    """The amount whose parts these are, or sums of its parts."""
    parts = [nw.col(part).cast(nw.Float64) for part in exact_parts(name, frame)]
    if len(parts) == 1:
        return parts[0] / _FINE
    return parts[0] + (parts[1] + parts[2] / _GRAIN) / _GRAIN


def exact_totals(
    place: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """The exact sum of an amount at each place, of numbers at hand.

    None where a sum of parts may be more than floats tell exactly.

    Args:
        place: of each value, 0 or more.
        values: amounts, none of them missing.
    """
    rest, sign = np.abs(values), np.where(values < 0, -1.0, 1.0)
    if rest.sum() >= _MOST_WHOLE or np.bincount(place).max(initial=0) * _GRAIN >= _MOST_WHOLE:
        return None
    parts = []
    for _ in range(3):
        whole = np.floor(rest)
        parts.append(np.bincount(place, whole * sign))
        rest = (rest - whole) * _GRAIN
    return np.asarray(parts[0] + (parts[1] + parts[2] / _GRAIN) / _GRAIN)
