"""Rows counted, summed and found by their keys, beside a loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.numerics import keyed_rows
from retention.numerics.keyed_rows import (
    KeyedRows,
    different_keys,
    row_of_key,
    row_of_later_key,
)

rows = st.lists(
    st.tuples(st.integers(0, 9), st.floats(-100, 100, allow_subnormal=False)),
    min_size=1,
    max_size=30,
)


@given(rows=rows)
@pytest.mark.parametrize("size", [10, 10**12])
def test_counts_and_sums_are_those_of_a_loop(rows, size):
    """Of cells side by side, and of cells that are too many for that."""
    key = np.array([k for k, _ in rows], np.int64) * (size // 10)
    values = np.array([value for _, value in rows])
    found = KeyedRows(key, size)
    keys = sorted(set(key.tolist()))
    assert found.keys.tolist() == keys
    mine = [[value for k, value in zip(key, values, strict=True) if k == one] for one in keys]
    assert found.counts().tolist() == [len(some) for some in mine]
    assert found.counts(values > 0).tolist() == [sum(v > 0 for v in some) for some in mine]
    np.testing.assert_allclose(found.sums(values), [math.fsum(some) for some in mine], atol=1e-12)
    assert found.least_below_zero(values).tolist() == [min(0.0, *some) for some in mine]
    back = found.of_rows(np.arange(len(keys), dtype=float))
    assert [keys[int(place)] for place in back] == key.tolist()
    assert different_keys(key, size).tolist() == keys


@pytest.mark.parametrize("size", [3, 10**12])
@pytest.mark.parametrize("n", [0, 1, 10])
def test_sums_of_stretches_of_rows_are_the_sums(n, size, monkeypatch):
    """Of no rows, of one, and of more than are worked on at once, also where cells are empty."""
    monkeypatch.setattr(keyed_rows, "_BLOCK", 4)
    key, values = np.arange(n) % 2, np.arange(n) ** 2 / 4
    cells = KeyedRows(key, size)
    found = cells.sums_of_terms(lambda rows: {"x": values[rows], "twice": 2 * values[rows]})
    assert found["x"].tolist() == cells.sums(values).tolist()
    assert found["twice"].tolist() == cells.sums(2 * values).tolist()


@given(keys=st.sets(st.integers(0, 60), min_size=1), wanted=st.lists(st.integers(0, 60)))
@pytest.mark.parametrize("order", ["rising", "falling"])
@pytest.mark.parametrize("size", [61, 10**12])
def test_a_row_is_found_by_its_key(keys, wanted, order, size):
    """However the rows lie, and however their keys are held."""
    key = np.array(sorted(keys, reverse=order == "falling"), np.int64)
    found = row_of_key(key, size, np.array(wanted, np.int64))
    place = {int(k): i for i, k in enumerate(key)}
    assert found.tolist() == [place.get(one, -1) for one in wanted]
    ahead = wanted[0] + 1 if wanted else 1
    at = np.arange(key.size)
    later = row_of_later_key(key, size + ahead, at, ahead)
    assert later.tolist() == [place.get(int(k) + ahead, -1) for k in key]
