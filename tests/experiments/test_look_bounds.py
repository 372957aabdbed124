"""Critical values of a test that is read at several looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import norm

import retention as rt
from retention.errors import RetentionError

look_bounds = rt.experiments.look_bounds

FOUR, FIVE = [4.3326, 2.9631, 2.3590, 2.0141], [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]


def test_four_and_five_equal_looks_are_those_of_gs_design_and_ld_bounds():
    """Lan–DeMets spending of O'Brien–Fleming, two-sided 5 %: 0.025 on each side."""
    assert look_bounds(4)["z"].round(4).tolist() == FOUR
    assert look_bounds([0.2, 0.4, 0.6, 0.8, 1])["z"].round(4).tolist() == FIVE


def test_one_sided_looks_are_those_of_seq_bounds():
    """SeqBounds.jl, one-sided 5 %, four looks: its coarser grid is 4e-5 off."""
    z = look_bounds(4, sides=1)["z"]
    assert z.to_numpy() == pytest.approx([3.74955, 2.53993, 2.01604, 1.72014], abs=4.5e-5)


def test_pocock_spending_is_that_of_lan_and_demets():
    """Five equal looks, two-sided 5 %: 2.438, 2.427, 2.410, 2.397, 2.386 (ldBounds)."""
    z = look_bounds(5, spending="pocock")["z"]
    assert z.round(3).tolist() == [2.438, 2.427, 2.41, 2.397, 2.386]


def test_plain_reading_gives_the_false_alarms_of_armitage_and_others():
    """Armitage, McPherson and Rowe (1969), table 2, at 5 %: 2, 3, 4, 5, 10 and 20 looks."""
    alarms = look_bounds(20)["plain_alarm"].round(3)
    table = [0.05, 0.083, 0.107, 0.126, 0.142, 0.193, 0.248]
    assert alarms.iloc[[0, 1, 2, 3, 4, 9, 19]].tolist() == table


def naive_bounds(seen, spent, sides, n=2_001):
    """The recursion by Simpson's rule over a plain grid, and by halving."""
    z, places, chances, before = [], np.zeros(1), np.ones(1), 0.0
    for share, part in zip(seen, np.diff(spent, prepend=0.0), strict=True):
        error, low, high = math.sqrt(share - before), 0.0 if sides == 2 else -8.0, 12.0
        for _ in range(60):
            middle = (low + high) / 2
            bound = middle * math.sqrt(share)
            out = norm.sf((bound - places) / error)
            if sides == 2:
                out = out + norm.sf((bound + places) / error)
            low, high = (middle, high) if out @ chances > part else (low, middle)
        z.append((low + high) / 2)
        top = z[-1] * math.sqrt(share)
        grid = np.linspace(-top if sides == 2 else min(top, 0) - 8, top, n)
        density = norm.pdf((grid[:, None] - places) / error) @ chances / error
        weights = np.where(np.arange(n) % 2, 4.0, 2.0)
        weights[[0, -1]] = 1.0
        places, before = grid, share
        chances = density * weights * (grid[1] - grid[0]) / 3
    return z


@pytest.mark.parametrize(
    ("seen", "sides", "level", "spending"),
    [
        ([0.38, 0.57, 0.74, 1], 2, 0.95, "obrien-fleming"),
        ([0.1, 0.7, 1], 1, 0.9, "pocock"),
        ([0.5, 1], 1, 0.4, "obrien-fleming"),  # more likely than not: bounds below 0
    ],
)
def test_bounds_are_those_of_the_recursion_on_a_plain_grid(seen, sides, level, spending):
    """The twin: other nodes, other weights, halving for the root, and SciPy's own tails."""
    found = look_bounds(seen, level=level, spending=spending, sides=sides)
    part = (1 - level) / sides
    if spending == "pocock":
        spent = sides * part * np.log(1 + (math.e - 1) * np.array(seen))
    else:
        spent = sides * 2 * norm.sf(norm.isf(part / 2) / np.sqrt(seen))
    assert found["spent"].to_numpy() == pytest.approx(spent, rel=1e-12)
    assert found["spent"].iloc[-1] == pytest.approx(1 - level)
    assert found["z"].to_numpy() == pytest.approx(naive_bounds(seen, spent, sides), abs=2e-6)


def test_looks_by_information_are_those_of_the_prototype():
    """Days 75, 90, 105 and 150 of an enrolment: information .38 .57 .74 1 of Kaplan–Meier."""
    z = look_bounds([0.38, 0.57, 0.74, 1])["z"].to_numpy()
    assert z == pytest.approx([3.452, 2.757, 2.395, 2.014], abs=4e-3)  # of rounded shares


def test_what_passes_two_looks_is_the_integral_over_the_plane():
    """The chance to stay within both bounds, by integrating the density of two sums."""
    found = look_bounds([0.3, 1])
    one, two = found["z"] * np.sqrt(found["information"])
    density = lambda y, x: norm.pdf(x / 0.3**0.5) / 0.3**0.5 * norm.pdf((y - x) / 0.7**0.5)  # noqa: E731
    within, _ = dblquad(density, -one, one, -two, two, epsabs=1e-10)
    assert 1 - within / 0.7**0.5 == pytest.approx(0.05, abs=1e-8)


def test_one_look_is_the_plain_test():
    """All is spent at once: z 1.96, or 1.645 with one side."""
    for sides, z in ((1, norm.isf(0.05)), (2, norm.isf(0.025))):
        row = look_bounds(1, sides=sides).iloc[0]
        assert row["z"] == pytest.approx(z)
        assert row[["spent", "plain_alarm", "p"]].tolist() == pytest.approx([0.05] * 3)


def test_later_plans_do_not_move_earlier_bounds():
    """A look is worth the same whatever is planned after it."""
    plan, other = look_bounds([0.3, 0.6, 1])["z"], look_bounds([0.3, 0.45, 0.9, 1])["z"]
    assert plan[0] == pytest.approx(other[0], rel=1e-12)


def test_the_level_of_the_bounds_is_that_of_their_p_value():
    """An effect asked for at that level leaves out 0 just where its p is at most p."""
    two, one = look_bounds(3), look_bounds(3, sides=1)
    assert (1 - two["bounds_level"]).to_numpy() == pytest.approx(two["p"].to_numpy(), rel=1e-9)
    assert (1 - one["bounds_level"]).to_numpy() == pytest.approx(2 * one["p"], rel=1e-9)


def test_simulated_tests_without_an_effect_pass_in_five_of_a_hundred():
    """A/A at four looks: plain readings raise an alarm in 12.6, these in 5 of 100."""
    steps = np.random.default_rng(3).normal(size=(100_000, 4))
    z = np.abs(steps.cumsum(1) / np.sqrt(np.arange(1, 5)))
    assert (z > look_bounds(4)["z"].to_numpy()).any(1).mean() == pytest.approx(0.05, abs=0.002)
    assert (z > 1.96).any(1).mean() == pytest.approx(0.126, abs=0.003)


@pytest.mark.parametrize(
    "information",
    [[0.25, 0.5], [0.5, 0.25, 1], [0.001, 1], [0.5, 0.5, 1], [25, 50, 100], [0.5, math.nan, 1]],
)
def test_information_rises_to_1(information):
    """Shares that end below 1, fall, stand still or are percent are refused."""
    with pytest.raises(RetentionError, match="information must"):
        look_bounds(information)
    look_bounds([0.25, 0.5, 0.75, 1])  # as it says


@pytest.mark.parametrize("information", [0, 51, 2.5, True, None, "four", [], ["a"], [True]])
def test_looks_are_counted_or_listed(information):
    """What is neither a whole number of looks nor a list of shares is refused."""
    with pytest.raises(RetentionError, match="information"):
        look_bounds(information)


def test_other_keywords_are_named():
    """A level is a share, spending one of two, sides 1 or 2; many looks are watched otherwise."""
    for wrong in ({"level": 95}, {"spending": "haybittle"}, {"sides": 3}, {"sides": True}):
        with pytest.raises(RetentionError, match=next(iter(wrong))):
            look_bounds(4, **wrong)
    with pytest.raises(RetentionError, match="always-valid"):
        look_bounds(np.linspace(0.01, 1, 60))
