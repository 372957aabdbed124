"""Rolling retention as of few days: each customer has marks of those on which they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError
from retention.frames import HALF_WORD, collect, counts_of_marks, one_row
from retention.numerics.codes import distinct_segments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Columns, Frame

    Days = NDArray[np.int64]

_WORD = 2 * HALF_WORD
_MOST_MARKS = 4 * _WORD
"""Up to so many days asked about, marks cost less than to put purchases in order."""


def first_purchase_day(bought: Frame, last: date) -> int:
    """The first day of a purchase.

    Raises:
        ContentError: if there is none.
    """
    found = one_row(bought.select(nw.len().alias("n"), nw.col("_day").min().alias("day")))
    if not found["n"]:
        raise nothing_bought(last)
    return int(found["day"])


def nothing_bought(last: date) -> ContentError:
    """What is said of a log in which every order is given back."""
    return ContentError(
        f"There is no purchase up to `as_of` {last}: the lines of every order sum to less than 0."
    )


def customers_by_marks(
    bought: Frame, asked: Days, n: int, by: Sequence[str], *, in_firm: bool
) -> tuple[Columns, Days, Days] | None:
    """The segments, and for each of them and each day how many are in the base, and also after.

    Args:
        bought: the days of purchases.
        asked: the days, ascending.
        n: how many days a window has.
        by: the segments.
        in_firm: whether somebody is retained who buys in another segment.

    Returns:
        None where the engine has a better way, or too many days are asked about.
    """
    if asked.size > _MOST_MARKS:
        return None
    marks = _marks_of_days(asked, n)
    found = counts_of_marks(bought, "customer_id", by, at="_day", marks=marks, anywhere=in_firm)
    if found is None:
        return None
    counted = collect(found)
    labels, place = distinct_segments(counted, by)
    counts = [_counts_of_words(counted, side, asked.size)[np.argsort(place)] for side in "ab"]
    return labels, counts[0], counts[1]


def _marks_of_days(asked: Days, n: int) -> dict[str, NDArray[Any]]:
    """For each day of a purchase, those asked about as of which it is in the base, or after it."""
    day = np.arange(asked[0] - 2 * n + 1, asked[-1] + 1)
    marks = {"_day": day}
    for word in range(-(-asked.size // _WORD)):
        base, later = np.zeros(day.size, np.int64), np.zeros(day.size, np.int64)
        for bit, at in enumerate(asked[word * _WORD : (word + 1) * _WORD].tolist()):
            base |= ((day > at - 2 * n) & (day <= at - n)).astype(np.int64) << bit
            later |= ((day > at - n) & (day <= at)).astype(np.int64) << bit
        marks |= {f"_a{word}": base, f"_b{word}": later}
    seen = np.any([values != 0 for name, values in marks.items() if name != "_day"], axis=0)
    return {name: values[seen] for name, values in marks.items()}


def _counts_of_words(counted: Columns, side: str, n_asked: int) -> Days:
    """The counts of one kind of marks, a row per segment."""
    words = []
    for word in range(-(-n_asked // _WORD)):
        names = [f"_{side}{word}_{bit}" for bit in range(HALF_WORD)]
        both = np.column_stack([counted[name].astype(np.int64) for name in names])
        words += [both % 2**HALF_WORD, both // 2**HALF_WORD]
    return np.hstack(words)[:, :n_asked]


def days_fit(begin: int, last: date, n: int, freq: str) -> ContentError:
    """What is said where two windows do not fit into what was observed."""
    return ContentError(
        f"Two windows of {n:,} days, one after the other, do not fit between "
        f"{periods.day_of(begin)} and `as_of` {last}"
        f"{'' if freq == 'day' else f', with a {freq} that ends there'}. Take fewer `days=`."
    )
