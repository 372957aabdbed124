"""Customers in tiers of value: the best so many of them, or those who hold so much of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention.errors import ContentError, RetentionError, check_choice, is_number
from retention.frames import FewTexts, table_like
from retention.numerics.keyed_rows import starts_of_runs
from retention.signals.groups.customer_rows import check_amounts, rows_of_customers
from retention.tables import VALUES
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    ids,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Of = Literal["customers", "value"]

UNKNOWN = "(unknown)"
_SLACK = 1e-9
"""In a computer 0.07 · 100 is above 7."""


@gives(
    "customer",
    ids("customer_id"),
    amounts("value"),
    texts("segment"),
    constants(whole_numbers("n_customers", "n_unknown"), texts("of")),
)
def value_tiers(
    values: IntoFrameT,
    *,
    tiers: Mapping[str, float] = {"A": 0.2, "B": 0.3, "C": 0.5},
    of: Of = "customers",
) -> IntoFrameT:
    """Which tier of value each customer is in: A for the best fifth, B for the next, and so on.

    With s the shares of the tiers down to one, added up, n customers of known value and their total
    V, a customer is in that tier or a better one if

        "customers": fewer than s · n customers have a greater value
        "value":     those of greater value hold less than s · V together

    so all who tie with the last of a tier are in it, and a tier may hold more than its share, the
    next one fewer, or nobody. With of="value" amounts below 0 are not taken off V; who has nothing
    above 0 is in the last tier. Tiers are ranks: when one customer rises another falls, so a move
    down is no sign that the customer changed (see `segment_migrations`).

    Args:
        values: a table of `customer_id` and `value`, such as that of `rfm_scores` or
            `rt.economics.customer_value`.
        tiers: names of the tiers, best first, and the share of each; together 1.
        of: shares of the "customers" or of their "value".

    Returns:
        One row per customer, in the caller's kind, eager ones sorted by customer: `customer_id`,
        `value` (as given, currency), `segment` (the tier; "(unknown)" where there is no value), and
        the constants `n_customers` (of known value), `n_unknown` and `of`.

    Raises:
        RetentionError: if the shares are not above 0 or do not add up to 1, or a name is none.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no value is known, a customer has several rows, or with of="value" nobody
            has a value above 0.

    Example:
        The best of five is A, and so is Bob, who ties with her.

        >>> import pandas as pd
        >>> import retention as rt
        >>> values = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee", "Eva", "Fay"],
        ...     "value": [50.0, 50.0, 20.0, 10.0, 5.0, None],
        ... })
        >>> found = rt.signals.value_tiers(values)
        >>> print(dict(zip(found["customer_id"], found["segment"])))
        {'Ann': 'A', 'Bob': 'A', 'Cem': 'B', 'Dee': 'C', 'Eva': 'C', 'Fay': '(unknown)'}

    Source:
        ABC analysis: Dickie, H. F. (1951), Factory Management and Maintenance 109, 92–94. The rule
        for ties is that of `rt.kpis.strategic_customers`.
    """
    check_choice("of", of, ("customers", "value"))
    names, shares = _checked_tiers(tiers)
    rows = rows_of_customers(values, VALUES, adds="all")
    value = rows["value"]
    check_amounts(value, "values")
    known = np.isfinite(value)
    if not known.any():
        raise ContentError("values is empty, or holds no value that is known: there are no tiers.")
    place = np.full(value.size, len(names), np.int64)
    place[known] = _tiers_of_values(value[known], np.cumsum(shares)[:-1], of)
    n = int(known.sum())
    made: dict[str, Any] = {
        "customer_id": rows["customer_id"],
        "value": value,
        "segment": FewTexts(place, (*names, UNKNOWN)),
        "n_customers": np.full(value.size, n, np.int64),
        "n_unknown": np.full(value.size, value.size - n, np.int64),
        "of": FewTexts(np.zeros(value.size, np.int8), (of,)),
    }
    return table_like(made, values)


def _checked_tiers(tiers: object) -> tuple[list[str], Floats]:
    """The names of the tiers and their shares.

    Raises:
        RetentionError: if they are none.
    """
    if not (isinstance(tiers, Mapping) and tiers):
        raise RetentionError(
            'tiers must say the share of each, best first, as {"A": 0.2, "B": 0.8}; got '
            f"{tiers!r}."
        )
    for name, share in tiers.items():
        if not (isinstance(name, str) and name) or name in (UNKNOWN, "(missing)"):
            raise RetentionError(
                f'tiers must be named by text, such as "A", and not {UNKNOWN!r} or "(missing)"; '
                f"got {name!r}."
            )
        if not (is_number(share) and 0 < share <= 1):
            raise RetentionError(
                f"tiers: the share of {name!r} must be above 0 and at most 1 (say 0.2 for 20 %); "
                f"got {share!r}."
            )
    total = float(sum(tiers.values()))
    if abs(total - 1) > _SLACK:
        raise RetentionError(f"the shares of the tiers must add up to 1; they add up to {total:g}.")
    return list(tiers), np.array([float(share) for share in tiers.values()])


def _tiers_of_values(value: Floats, upto: Floats, of: Of) -> NDArray[np.int64]:
    """The number of the tier of each value, 0 for the best; `upto`: shares but for the last."""
    if of == "customers":
        # So many have a greater value as the cut says, or more: as many greatest are above it.
        greatest = np.ceil(upto * value.size * (1 - _SLACK)).astype(np.int64)
        least = np.sort(value)[value.size - greatest]
        return upto.size - np.searchsorted(least[::-1], value, "right")
    order = np.argsort(-value)
    ordered = value[order]
    begins = np.flatnonzero(starts_of_runs(ordered))
    above = np.empty(value.size, np.int64)
    above[order] = np.repeat(begins, np.diff(begins, append=value.size))
    held = np.concatenate([[0.0], np.cumsum(np.maximum(ordered, 0))])
    if held[-1] <= 0:
        raise ContentError(
            'values: nobody has a value above 0, so nobody holds a share of it. Say of="customers".'
        )
    place = np.searchsorted(upto * (1 - _SLACK), held[above] / held[-1], "right")
    return np.where(value > 0, place, upto.size)
