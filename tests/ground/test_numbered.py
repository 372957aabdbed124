"""Ids and labels as whole numbers in their order, in pandas and Polars."""

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.frames import frame_at_hand, numbers_of_values

KINDS = {"pandas": pd.Series, "polars": lambda values: pl.Series("id", values)}
texts = st.lists(st.text(max_size=3), min_size=1, max_size=20)
wholes = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), min_size=1, max_size=20)


def numbered_column(kind, values, **say):
    """The values as a column of an engine, numbered."""
    column = KINDS[kind](values) if isinstance(values, list | np.ndarray) else values
    return numbers_of_values(nw.from_native(column, series_only=True), **say)


@pytest.mark.parametrize("kind", KINDS)
@given(values=texts | wholes)
def test_numbers_follow_the_order_of_the_values_and_name_them_again(kind, values):
    """As Python sorts them: by code points, whatever the language."""
    found = numbered_column(kind, values)
    different = sorted(set(values))
    assert list(found.distinct) == different
    assert [different[place] for place in found.number] == values
    assert list(found.named(found.number)) == values


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_text_has_no_number(kind):
    """It is −1, and the others count from 0."""
    found = numbered_column(kind, ["b", None, "a", "b"])
    assert found.number.tolist() == [1, -1, 0, 1]
    assert found.has_missing
    unordered = numbered_column(kind, ["b", None, "a", "b"], ordered=False)
    assert [None if n < 0 else list(unordered.distinct)[n] for n in unordered.number] == [
        *("b", None, "a", "b")
    ]


@pytest.mark.parametrize("dtype", ["int8", "uint64", "int64", "Int64"])
def test_whole_numbers_keep_their_type(dtype):
    """Also where they lie at the end of what the type holds."""
    limits = {"int8": 127, "uint64": 2**64 - 1}
    high = limits.get(dtype, 2**63 - 1)
    found = numbered_column("pandas", pd.Series([high, 5, high], dtype=dtype))
    assert found.number.tolist() == [1, 0, 1]
    assert found.distinct.dtype == dtype


@pytest.mark.parametrize("values", [pd.Series([1.5, 2.0]), pd.Series([1, None], dtype="Int64")])
def test_other_columns_have_no_numbers(values):
    """Floats, and whole numbers of which one is missing."""
    assert numbered_column("pandas", values) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_of_new_columns_is_of_its_engine(kind):
    """Days, few texts over and over, and what is not a number."""
    from retention.frames import FewTexts

    engine = nw.from_native(KINDS[kind](["a"]), series_only=True).implementation
    days = np.array(["2024-02-29", "2024-03-01"], "datetime64[D]")
    columns = {"day": days, "text": FewTexts(np.zeros(2, np.int8), ("x",)), "n": [1.0, np.nan]}
    found = frame_at_hand(columns | {"n": np.array([1.0, np.nan])}, engine).collect()
    assert [str(day)[:10] for day in found["day"].to_list()] == ["2024-02-29", "2024-03-01"]
    assert found["text"].to_list() == ["x", "x"]
    assert found["n"].is_null().to_list() == [False, True]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("swapped", [(), (0, 1), (150, 299), (298, 299)])
def test_texts_that_lie_in_order_are_numbered_like_any_others(kind, swapped):
    """Nothing is hashed of them; one text out of place, wherever it is, and all are."""
    values = [f"C{i // 3:04d}" for i in range(300)]
    if swapped:
        one, other = swapped
        values[one], values[other] = values[other], "A" if one == 0 else values[one]
    found = numbered_column(kind, values)
    different = sorted(set(values))
    assert list(found.distinct) == different
    assert [different[place] for place in found.number] == values


def test_texts_that_share_their_hash_are_told_apart(monkeypatch):
    """Polars makes a number of each text; where two have one, the texts themselves are asked."""
    monkeypatch.setattr(
        pl.Series, "hash", lambda texts: pl.Series([7] * len(texts), dtype=pl.UInt64)
    )
    found = numbered_column("polars", ["b", "a", None, "b", "c"])
    assert found.number.tolist() == [1, 0, -1, 1, 2]
    assert list(found.distinct) == ["a", "b", "c"]
