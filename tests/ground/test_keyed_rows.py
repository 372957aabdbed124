"""Rows counted, summed and found by their keys, beside a loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
