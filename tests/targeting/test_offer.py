"""Offer: five numbers without defaults, a frozen value that prints, compares and travels."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import RetentionError
from retention.targeting import Offer

PUBLISHED = {"making": 1, "taking": 10, "success": 0.3, "stayers_taking": 1, "stayers_lost": 0}

chances = st.floats(0, 1) | st.sampled_from(["own", "Their chance"])
costs = st.floats(0, 1e9) | st.sampled_from(["cost", "f"])


def made(**changed):
    """The published offer with some numbers changed."""
    return Offer(**PUBLISHED | changed)


def test_it_prints_itself():
    """What it prints can be typed."""
    assert repr(made()) == str(made())
    assert str(made()) == (
        "Offer(making=1.0, taking=10.0, success=0.3, stayers_taking=1.0, stayers_lost=0.0)"
    )
    assert eval(repr(made())) == made()


@given(f=costs, d=costs, success=chances, a=chances, b=chances)
def test_it_compares_hashes_and_goes_to_json_and_back(f, d, success, a, b):
    """Through JSON and pickle it comes back the same, and is equal to its like alone."""
    offer = Offer(making=f, taking=d, success=success, stayers_taking=a, stayers_lost=b)
    back = Offer.model_validate_json(offer.model_dump_json())
    assert back == offer
    assert hash(back) == hash(offer)
    assert pickle.loads(pickle.dumps(offer)) == offer
    assert (offer == made()) == (hash(offer) == hash(made()))


def test_no_number_has_a_default():
    """Money and policy have no silent defaults."""
    told = inspect.signature(Offer).parameters
    assert list(told) == list(PUBLISHED)
    assert all(each.default is inspect.Parameter.empty for each in told.values())
    for name in PUBLISHED:
        rest = {other: value for other, value in PUBLISHED.items() if other != name}
        with pytest.raises(TypeError, match=name):
            Offer(**rest)


def test_it_cannot_be_changed():
    """It is a value."""
    with pytest.raises(ValueError, match="frozen"):
        made().success = 0.5


def test_numbers_of_other_libraries_are_numbers():
    """NumPy's numbers become Python's."""
    assert made(making=np.float64(1), taking=np.int64(10)) == made()


def test_where_uplift_is_measured_two_numbers_are_left_open():
    """An uplift stands for both."""
    offer = made(success=None, stayers_lost=None)
    assert offer.leaves_uplift_open
    assert not made().leaves_uplift_open
    assert Offer.model_validate_json(offer.model_dump_json()) == offer


def test_columns_that_it_names():
    """What is text is a column."""
    assert made(taking="discount", success="chance").named_columns == {
        "taking": "discount",
        "success": "chance",
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"success": 30}, "success is a chance: 0 to 1; got 30. For 30 % say 0.3."),
        ({"stayers_taking": 100}, "stayers_taking is a share: 0 to 1; got 100. For 100 % say 1."),
        ({"stayers_lost": -0.1}, "stayers_lost is a share: 0 to 1; got -0.1."),
        ({"making": -1}, "making is what making the offer costs: currency, 0 or more; got -1."),
        ({"taking": float("inf")}, "currency, 0 or more; got inf."),
        ({"taking": float("nan")}, "currency, 0 or more; got nan."),
        ({"taking": None}, "got None. Give a number, or the name of the column"),
        ({"taking": [1]}, "got [1]. Give a number, or the name of the column"),
        ({"success": True}, "success is a chance: 0 to 1; got True."),
        ({"success": None}, "stayers_lost is 0.0 and success is None"),
        ({"stayers_lost": None}, "success is 0.3 and stayers_lost is None"),
    ],
)
def test_what_is_out_of_its_range_is_refused(wrong, said):
    """In the user's words, with what to say instead."""
    with pytest.raises(RetentionError) as refused:
        made(**wrong)
    assert said in str(refused.value)
