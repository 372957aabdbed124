"""How long a customer must stay to pay back what winning it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ContentError, count_of
from retention.frames import Columns, as_text, collect, table_like
from retention.numerics.codes import distinct_segments
from retention.tables import Column, Kind, require, segments
from retention.tables.answer_columns import amounts, gives, numbers, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LIFETIME = Kind(
    "lifetime",
    "what a customer won brings up to an age",
    "lifetime_profit",
    (
        Column("age", "integer", "1 for the first period of the tenure"),
        Column("acquisition_cost", "number", "what winning a customer costs", "currency"),
        Column("net", "number", "what is left of the profit so far", "currency"),
        Column("net_lower", "number", "its lower bound", "currency"),
        Column("net_upper", "number", "its upper bound", "currency"),
        Column("net_staying", "number", "what one who stays leaves", "currency"),
        Column("length", "text", "length of a period", constant=True),
    ),
)

_LINES = {
    "break_even_acquired": "net",
    "lower": "net_upper",
    "upper": "net_lower",
    "break_even_staying": "net_staying",
}
"""Of each answer, the line that passes 0 there: the upper bound of a profit does so first."""

_UNIT = "length"


@gives(
    "segment",
    numbers(*_LINES, unit=_UNIT),
    texts("reason", "reason_staying"),
    whole_numbers("n_ages"),
    amounts("acquisition_cost"),
    texts("length"),
)
def break_even_tenure(lifetime: IntoFrameT, *, by: str | Sequence[str] = ()) -> IntoFrameT:
    """After how long a customer has paid back what winning it cost.

    It is the first age at which `net` is not below 0, read along straight lines between ages from
    −acquisition_cost at the start on: with n_k the net after age k,

        k − 1 + (0 − n_{k−1}) / (n_k − n_{k−1})   at the first k with n_k ≥ 0.

    Once for a customer won, who may leave before (`break_even_acquired`), and once for one who
    stays, who brings what those here do (`break_even_staying`). The former takes longer, and may
    never come. The bounds are where those of `net` pass 0.

    Args:
        lifetime: a table from `lifetime_profit`.
        by: the segment columns it was made with.

    Returns:
        One row per segment, in the caller's kind: the `by` columns, `break_even_acquired`, `lower`,
        `upper`, `break_even_staying` (in periods of tenure, as `length` says; null where it does
        not come within the ages observed, or a bound is not known), `reason` and `reason_staying`
        (why it is null, as "not within 4 observed years"; else null), `n_ages` (ages observed),
        `acquisition_cost` and `length`. Sorted by segment.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the table is empty, or holds several segments that `by` does not tell
            apart.

    Example:
        The profits of a credit card that cost 51 to win, by Reichheld: whoever stays has paid it
        back in the middle of the second year.

        >>> import pandas as pd
        >>> import retention as rt
        >>> net = pd.Series([30.0, 42, 44, 49, 55]).cumsum() - 51
        >>> lifetime = pd.DataFrame({
        ...     "age": range(1, 6), "acquisition_cost": 51.0, "net": net, "net_lower": None,
        ...     "net_upper": None, "net_staying": net, "length": "year",
        ... }).astype({"net_lower": float, "net_upper": float})
        >>> float(rt.economics.break_even_tenure(lifetime)["break_even_staying"][0])
        1.5

    Source:
        Reichheld, F. F. and Sasser, W. E. (1990), Zero defections: quality comes to services,
        Harvard Business Review 68(5), 105–111.
    """
    names = segments(by, LIFETIME, working=("reason", "reason_staying", "n_ages", *_LINES))
    frame = require(lifetime, LIFETIME, extra=names)
    schema = frame.collect_schema()
    numbered = [name for name in LIFETIME.names if name != "length"]
    rows = frame.select(
        *(as_text(name, schema[name]) for name in names),
        *(nw.col(name).cast(nw.Float64) for name in numbered),
        "length",
    )
    found = collect(rows)
    if not found["age"].size:
        raise ContentError("lifetime is empty: there is no age in it.")
    labels, segment = distinct_segments(found, names)
    order = np.lexsort([found["age"], segment])
    parts = np.split(order, np.cumsum(np.bincount(segment))[:-1])
    every = [_break_even_of_segment({n: found[n][part] for n in LIFETIME.names}) for part in parts]
    answer: Columns = {
        name: np.array([one[name] for one in every], dtype=_DTYPES.get(name)) for name in every[0]
    }
    return table_like({**labels, **answer}, lifetime)


_DTYPES = {"reason": object, "reason_staying": object, "length": object}


def _break_even_of_segment(rows: Columns) -> dict[str, object]:
    """The answer of one segment, from its ages in order."""
    _refuse_mixed_lifetimes(rows["age"])
    cost, length = float(rows["acquisition_cost"][0]), str(rows["length"][0])
    passed = {name: _first_passing(rows[line], cost) for name, line in _LINES.items()}
    n = int(rows["age"].size)
    unknown = np.flatnonzero(np.isnan(rows["net"]))
    n_known = int(unknown[0]) if unknown.size else n
    why = f"not within {count_of(n_known, f'observed {length}')}"
    return {
        **passed,
        "reason": why if np.isnan(passed["break_even_acquired"]) else None,
        "reason_staying": why if np.isnan(passed["break_even_staying"]) else None,
        "n_ages": n,
        "acquisition_cost": cost,
        "length": length,
    }


def _refuse_mixed_lifetimes(age: Floats) -> None:
    if (age != np.arange(1, age.size + 1)).any():
        raise ContentError(
            "lifetime: ages of a segment must be 1, 2, 3, … once each. Give the whole table of "
            "lifetime_profit, and by= with its segments."
        )


def _first_passing(net: Floats, cost: float) -> float:
    """When a line from −cost on first reaches 0, NaN where it does not."""
    if cost <= 0:
        return 0.0
    after = np.append(-cost, net)
    reached = np.flatnonzero(after >= 0)
    if not reached.size:
        return float("nan")
    k = int(reached[0])
    before, now = after[k - 1], after[k]
    return float(k - 1 + (0 - before) / (now - before))
