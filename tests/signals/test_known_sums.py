"""known_sums: what had come together by a day, against exact sums over the rows known then."""

from __future__ import annotations

from fractions import Fraction

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Engine
from retention.frames import as_lazy, beside, collect
from retention.signals.known.known_sums import (
    ONE,
    Span,
    Told,
    ever,
    in_window,
    in_window_before,
    known_sums,
    with_moments,
)

WINDOW = 7
ASKED = [(who, day) for who in "abcd" for day in (5, 12, 13, 40, 61)]
COLUMNS = ["customer_id", "_date", "_known", "paid", "i", "_end"]
SUMS = ("n", "all", "now", "before", "i_before", "open", "_date", "i")

maybe = st.none() | st.integers(0, 80)
row = st.tuples(
    st.sampled_from("abc"),
    st.integers(0, 60),
    maybe,
    st.sampled_from([0.1, 0.2, -0.3, 1e6, 19.99, -0.01, 1e15, 1e-4]),
    st.integers(-3, 5),
    maybe,
)


def exact(rows):
    """The sum of amounts without any rounding but that of the end."""
    return float(sum((Fraction(one[3]) for one in rows), Fraction(0)))


def naive_sums(rows):
    """What had come together of each customer by each day, row by row."""
    found = {}
    for who, a in ASKED:
        mine = [one for one in rows if one[0] == who and one[1] <= a]
        known = [one for one in mine if one[2] is None or one[2] <= a]
        now = [one for one in known if one[1] > a - WINDOW]
        before = [one for one in known if a - 2 * WINDOW < one[1] <= a - WINDOW]
        still = [one for one in mine if one[5] is None or one[5] > max(a, one[1])]
        found[who, a] = (
            *(len(known), exact(known), exact(now), exact(before)),
            *(sum(one[4] for one in before), len(still)),
            *(min((one[1] for one in known), default=None),),
            *(max((one[4] for one in known), default=None),),
        )
    return found


def sums_on(engine, rows):
    """What the library says, in the same form."""
    frame = pd.DataFrame(rows, columns=COLUMNS).astype({"_known": float, "_end": float})
    asked = as_lazy(engine.table(pd.DataFrame(ASKED, columns=["customer_id", "_day"])))
    table = beside(asked, engine.table(frame), name="rows").with_columns(_one=ONE)
    spans = (
        *(ever("n", "_one"), ever("all", "paid"), in_window("now", "paid")),
        *(in_window_before("before", "paid"), in_window_before("i_before", "i")),
        Span("open", "_one", "_date", "_end"),
    )
    told = Told(with_moments(table, window=WINDOW), spans, least=("_date",), most=("i",))
    found = collect(known_sums(asked, [told]))
    keys = zip(found["customer_id"], found["_day"].astype(int), strict=True)
    values = zip(*(found[name].tolist() for name in SUMS), strict=True)
    none = lambda v: None if v is None or np.isnan(v) else v  # noqa: E731
    return {key: tuple(none(v) for v in told) for key, told in zip(keys, values, strict=True)}


def assert_same_sums(engine, rows):
    """All but the last bit, which is that of rounding the exact sum once more."""
    found, expected = sums_on(engine, rows), naive_sums(rows)
    assert set(found) == set(expected)
    for key, told in expected.items():
        missing = [value is None for value in told]
        assert [value is None for value in found[key]] == missing
        numbers = [value for value in told if value is not None]
        mine = [value for value in found[key] if value is not None]
        assert mine == pytest.approx(numbers, rel=3e-16, abs=0)


@given(rows=st.lists(row, min_size=1, max_size=12))
def test_agrees_with_exact_sums_over_the_rows_known_then(rows):
    """Rows learnt late, after they left the window, before their date; spans without an end."""
    assert_same_sums(Engine("pandas"), rows)


def test_every_engine_agrees_with_exact_sums_over_the_rows_known_then(engine):
    """To the last bit: amounts that cancel, huge ones beside tiny ones."""
    draw = np.random.default_rng(3)
    paid = [0.1, 0.2, -0.3, 1e6, 19.99, -0.01, 1e15, 1e-4]
    late = lambda: None if draw.random() < 0.4 else int(draw.integers(0, 80))  # noqa: E731
    rows = [
        ("abc"[draw.integers(3)], int(draw.integers(0, 61)), late(), paid[draw.integers(8)],
         int(draw.integers(-3, 6)), late())
        for _ in range(60)
    ]  # fmt: skip
    assert_same_sums(engine, rows)


def test_several_tables_are_summed_under_one_name_and_nobody_asked_for_is_nothing():
    """Two tables of one customer, one day; an empty question has an empty answer."""
    asked = as_lazy(pd.DataFrame({"customer_id": ["a"], "_day": [5]}))
    rows = as_lazy(pd.DataFrame({"customer_id": ["a", "a"], "_day": [1, 9], "v": [2, 3]}))
    told = [Told(rows, (Span("v", "v", "_day"),)), Told(rows, (Span("v", "v", "_day"),))]
    assert collect(known_sums(asked, told))["v"].tolist() == [4]
    assert collect(known_sums(asked.filter(nw.col("_day") > 5), told))["v"].size == 0
