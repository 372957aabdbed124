"""Amounts as whole numbers, whose sums are exact: they do not depend on the order of the rows.

An amount is so many whole ones, so many parts of one (2⁻⁴⁰), and so many parts of these. That is
all of a float that is not far below a billionth of a billionth of the currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from retention.frames import Frame

_GRAIN = 2.0**40


def exact_parts(name: str) -> list[str]:
    """What the parts of an amount are called."""
    return [f"{name} {k}" for k in range(3)]


def with_exact_parts(rows: Frame, value: str, name: str) -> Frame:
    """Rows with the parts of an amount; null and NaN are 0."""
    size = nw.col(value).abs()
    rest = nw.when(size >= 0).then(size).otherwise(nw.lit(0.0))
    rows = rows.with_columns(_rest=rest, _back=nw.col(value) < 0)
    for part in exact_parts(name):
        whole = nw.col("_rest").floor().cast(nw.Int64)
        signed = nw.when(nw.col("_back")).then(whole * -1).otherwise(whole)
        left = (nw.col("_rest") - whole.cast(nw.Float64)) * _GRAIN
        rows = rows.with_columns(signed.alias(part), _rest=left)
    return rows.drop("_rest", "_back")


def exact_amount(name: str) -> nw.Expr:
    """The amount whose parts these are, or sums of its parts."""
    ones, parts, grains = (nw.col(part).cast(nw.Float64) for part in exact_parts(name))
    return ones + (parts + grains / _GRAIN) / _GRAIN
