"""Moments that are equal but for rounding, such as 0.1 + 0.2 and 0.3: to a risk set they are two.

They are counted and warned of, never merged: a tolerance would merge what spans many magnitudes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import count_of, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_CLOSE = 1e-9
_CLOSER = (1e-12, 1e-14)
_CLOSE_SINGLE = 5e-7  # some units in the last place of numbers of 32 bits
_OF_NOTHING = 4e-15  # of the shortest stay: what is left of a difference that ought to be 0
_DIGITS = (6, 7, 8, 9, 10, 11, 12, 5, 4, 3, 2, 1, 0)


def warn_of_rounding(moments: Mapping[str, NDArray[Any] | None], *, table: str) -> None:
    """Warn if some moments are closer than rounding may bring them, but not equal.

    Args:
        moments: the durations and the entries, by the name of their column; whole numbers are exact
            and cost nothing.
        table: what messages call the table.
    """
    columns = {n: v for n, v in moments.items() if v is not None and v.size}
    broken = [name for name, values in columns.items() if _has_fractions(values)]
    if not broken:
        return
    every = np.concatenate([values.astype(np.float64) for values in columns.values()])
    distinct = np.unique(every[np.isfinite(every) & (every > 0)])
    single = any(columns[name].dtype == np.float32 for name in broken)
    near = _close_by_rounding(np.diff(distinct) / distinct[1:], _CLOSE_SINGLE if single else _CLOSE)
    if _has_entry_beside_zero(columns):
        distinct, near = np.append(0.0, distinct), np.append(True, near)
    if not near.any():
        return
    first = int(np.flatnonzero(near)[0])
    digits = _digits_to_round_to(distinct, near)
    round_them = "; ".join(
        f'{table}["{n}"] = {table}["{n}"]{_cast_to_double(columns[n])}.round({digits})'
        for n in broken
    )
    n = int(near.sum())
    warn(
        f"{table}: {n:,} pair{'s' * (n > 1)} of durations or entries differ{'s' * (n == 1)} by no "
        f"more than rounding, such as {float(distinct[first])!r} and "
        f"{float(distinct[first + 1])!r}, but count as different moments. Round them first: "
        f"{round_them}."
    )


def warn_of_ends(durations: NDArray[Any], length: float, *, table: str) -> None:
    """Warn of durations that lie at the end of an interval but for rounding, and count beyond it.

    Args:
        durations: whole ones are exact and cost nothing.
        length: of an interval, in their unit.
        table: what messages call the table.
    """
    if not durations.size or not _has_fractions(durations):
        return
    time = durations.astype(np.float64) / length
    ends = np.rint(time)
    near = (time != ends) & (np.abs(time - ends) <= _CLOSE * np.maximum(ends, 1.0))
    if n := int(near.sum()):
        first = float(durations[near].min())
        warn(
            f"{table}: {count_of(n, 'duration lies', 'durations lie')} beside the end of an "
            f"interval by no more than rounding, such as {first!r}, and "
            f"{'counts' if n == 1 else 'count'} as beyond it or before. "
            f'Round them first: {table}["duration"] = '
            f'{table}["duration"].round(9).'
        )


def _close_by_rounding(gaps: Floats, closest: float) -> NDArray[np.bool_]:
    """Which neighbours are closer than rounding explains, and chance does not.

    Among very many moments of any digits some are as close by chance: then about a thousandth of
    those within a thousand times the distance.
    """
    for close in (closest, *_CLOSER):
        near = gaps <= close
        if near.sum() * 100 > (gaps <= 1000 * close).sum():
            return np.asarray(near)
    return np.zeros(gaps.size, np.bool_)


def _cast_to_double(values: NDArray[Any]) -> str:
    """Numbers of 32 bits are other numbers than those of 64, however they are rounded."""
    return '.astype("float64")' if values.dtype == np.float32 else ""


def _has_fractions(values: NDArray[Any]) -> bool:
    if values.dtype.kind != "f":
        return False
    known = values[np.isfinite(values)]
    return bool((known != np.floor(known)).any())


def _has_entry_beside_zero(columns: Mapping[str, NDArray[Any]]) -> bool:
    """Whether an entry is 0 but for rounding, even beside the shortest stay."""
    duration, entry = columns["duration"].astype(np.float64), columns.get("entry")
    if entry is None or not (duration > 0).any():
        return False
    return bool(0 < entry.min() <= _OF_NOTHING * duration[duration > 0].min())


def _digits_to_round_to(distinct: Floats, near: NDArray[np.bool_]) -> int:
    """To how many digits they are to be rounded: the near become equal, and no others."""
    for digits in _DIGITS:
        if np.array_equal(np.diff(np.round(distinct, digits)) == 0, near):
            return digits
    return next((d for d in _DIGITS if not np.diff(np.round(distinct, d))[near].any()), _DIGITS[0])
