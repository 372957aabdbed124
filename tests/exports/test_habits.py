"""Combinations of people's habits: read as the numbers that made them, or refused; never else."""

from __future__ import annotations

import pytest

from habit_files import made_file
from habit_readings import FINE, engine_of, reading_of

SEED = 13


@pytest.mark.once
@pytest.mark.parametrize("place", range(6))
def test_a_file_of_any_habits_is_read_back_or_refused_and_what_a_refusal_names_cures_it(
    tmp_path, place
):
    """Ten files each; tests/benchmarks/habits.py reads as many as one likes."""
    for number in range(place * 10, place * 10 + 10):
        made = made_file(SEED, number)
        found = reading_of(made, tmp_path, engine_of(SEED, number))
        assert found.outcome in FINE, (number, found, made)


def test_most_files_of_usual_habits_are_read_right(tmp_path):
    """The test above would also pass if all were refused."""
    found = [reading_of(made_file(SEED, n), tmp_path, "polars").outcome for n in range(200, 220)]
    assert sum(outcome.startswith("right") for outcome in found) >= 13
