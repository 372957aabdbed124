"""Sizes, looks and lists asked by strangers: odd numbers, curves that end, levels beyond floats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.errors import ContentError, RetentionError

SHARES = {"retention": 0.8, "difference": 0.02, "power": 0.8}
OVER_TIME = {"enrolment": 0, "follow_up": 2, "hazard_ratio": 0.5, "power": 0.8}


def curve_of(durations, churned):
    """A survival curve."""
    return rt.survival_curve(pd.DataFrame({"duration": durations, "churned": churned}))


def test_numbers_of_numpy_are_numbers():
    """Of half the width too, in which NumPy would reckon on; and arrays are sequences."""
    size = rt.experiments.retention_test_size
    narrow = {name: np.float32(value) for name, value in SHARES.items()}
    pd.testing.assert_frame_equal(size(**narrow), size(**SHARES), atol=1e-4)
    assert size(**narrow)["difference"].dtype == np.float64
    assert size(**SHARES, shares=np.array([0.3, 0.7])).equals(size(**SHARES, shares=(0.3, 0.7)))
    money = {"difference": 1, "power": 0.8}
    found = rt.experiments.profit_test_size(sd=np.array([1.0, 2.0]), **money)
    assert found.equals(rt.experiments.profit_test_size(sd=(1, 2), **money))
    with pytest.raises(RetentionError, match="sd "):
        rt.experiments.profit_test_size(sd=1e-200, n=100, power=0.8)


def test_effects_beyond_floats_are_too_small_or_too_large_for_a_test():
    """Refused with what can be done, where n was not given."""
    with pytest.raises(ContentError, match="too small for any test"):
        rt.experiments.profit_test_size(sd=1, difference=1e-300, power=0.8)
    with pytest.raises(ContentError, match="So large an effect") as refusal:
        rt.experiments.profit_test_size(sd=1, difference=10, power=0.8)
    assert "take more" not in str(refusal.value)
    assert rt.experiments.profit_test_size(sd=1, difference=2, power=0.8)["n"][0] == 8
    with pytest.raises(ContentError, match=r"n=4 leaves 0 customers .* take more"):
        rt.experiments.profit_test_size(sd=1, n=4, power=0.8, shares=(0.9, 0.1))


@pytest.mark.parametrize("asked", [{"hazard_ratio": 0.5}, {"hazard_ratio": None, "n": 1_000}])
@pytest.mark.parametrize(
    ("curve", "design", "said", "instead"),
    [
        (
            curve_of([1, 2], [True, True]), {"test": "difference", "horizon": 2},
            "nobody is left at 2", {"horizon": 1},
        ),
        (
            curve_of([2, 4, 4], [True, True, False]), {"test": "restricted-mean", "horizon": 2},
            "nobody leaves before 2", {"horizon": 3, "follow_up": 3},
        ),
        (
            curve_of([2, 4, 4], [True, True, False]),
            {"test": "log-rank", "enrolment": 2, "follow_up": 0},
            "nobody leaves while still watched", {"follow_up": 2},
        ),
    ],
)  # fmt: skip
def test_a_test_that_would_see_nothing_is_refused(curve, design, said, instead, asked):
    """Whatever the offer does; and what the message advises gives an answer."""
    plan = OVER_TIME | design | asked
    with pytest.raises(ContentError, match=said):
        rt.experiments.survival_test_size(curve, **plan)
    assert rt.experiments.survival_test_size(curve, **(plan | instead))["n"][0] > 0


def test_the_level_of_a_look_can_be_asked_for():
    """However far its bound; where no bounds leave out 0, no level is given."""
    far = rt.experiments.look_bounds([0.01, 0.5, 1])
    assert far["z"][0] > 20
    assert (far["bounds_level"] < 1).all()
    size = rt.experiments.retention_test_size
    assert size(**SHARES, level=far["bounds_level"][0])["n"][0] > size(**SHARES)["n"][0]
    assert rt.experiments.look_bounds(4, level=0.05, sides=1)["bounds_level"].isna().all()


def test_looks_are_counted_in_any_kind_of_number():
    """An array without dimensions is a number, and two sides are 2."""
    expected = rt.experiments.look_bounds(4)
    assert rt.experiments.look_bounds(np.array(4)).equals(expected)
    assert rt.experiments.look_bounds(4, sides=2.0).equals(expected)
