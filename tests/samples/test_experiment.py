"""The sample experiment: both outcomes are as its docstring says, and it stays as it is."""

from __future__ import annotations

import zlib
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.errors import RetentionError
from retention.samples import SampleExperiment, sample_experiment
from retention.tables import ASSIGNMENT, CONTRACTS, TRANSACTIONS, require

DAY = pd.Timedelta(days=1)
AS_OF, FAR = pd.Timestamp("2024-10-28"), pd.Timestamp("2200-01-01")
TABLES = [field.name for field in fields(SampleExperiment)]


@pytest.fixture(scope="module")
def experiment() -> SampleExperiment:
    """Enough customers for shares to stand out of chance."""
    return sample_experiment(20_000, seed=3)


@pytest.fixture(scope="module")
def lives(experiment) -> pd.DataFrame:
    """All that is known of each customer, and the truth."""
    table = experiment.truth
    for name in ("assignment", "contracts", "customers"):
        table = table.merge(getattr(experiment, name), on="customer_id", validate="1:1")
    return table


def within_chance(found: float, expected: float, sd: float, n: int) -> bool:
    """Whether a mean of so many is within four standard errors."""
    return abs(found - expected) < 4 * sd / np.sqrt(n)


GOLDEN = {
    "contracts": 4050383219,
    "assignment": 1711636303,
    "transactions": 1586714715,
    "customers": 92311628,
    "truth": 979246221,
}
"""Checksums of the tables of 100 customers and seed 7."""


def checksum(table: pd.DataFrame) -> int:
    """Of all that the table holds, numbers to six digits."""
    return zlib.crc32(table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode())


def test_the_experiment_stays_as_it_is():
    """Pages and tests rest on it: no row of it ever changes."""
    made = sample_experiment(100, seed=7)
    assert {name: checksum(getattr(made, name)) for name in TABLES} == GOLDEN


def test_the_tables_are_of_the_kinds_that_figures_take(experiment):
    """As they are, without a door."""
    require(experiment.assignment, ASSIGNMENT)
    require(experiment.contracts, CONTRACTS)
    require(experiment.transactions, TRANSACTIONS)
    assert not rt.experiments.sample_ratio(experiment.assignment)["mismatch"].any()


def test_a_tenth_is_harmed_and_the_risk_does_not_tell_who(lives):
    """Four in ten are persuaded; risk and response are uncorrelated."""
    n, saved = len(lives), lives["p_without"] - lives["p_with"]
    for response, share in {"harmed": 0.1, "unmoved": 0.5, "persuaded": 0.4}.items():
        found = (lives["response"] == response).mean()
        assert within_chance(found, share, np.sqrt(share * (1 - share)), n)
    assert ((saved < 0) == (lives["response"] == "harmed")).all()
    assert ((saved > 0) == (lives["response"] == "persuaded")).all()
    assert abs(np.corrcoef(lives["p_without"], saved)[0, 1]) < 4 / np.sqrt(n)
    assert within_chance(saved.mean(), 0.054, saved.std(), n)
    assert within_chance(lives["p_without"].mean(), 0.36, 0.08, n)


def test_chances_are_those_of_both_outcomes(lives):
    """Within 90 days, in each arm and in the arm that was not; so is theta within 30."""
    n = len(lives)
    for chance, days in (("p_without", "days_without"), ("p_with", "days_with")):
        left = lives[days] <= 90
        assert within_chance((left - lives[chance]).mean(), 0, 0.46, n)
        high = lives[chance] > lives[chance].median()
        assert within_chance((left - lives[chance])[high].mean(), 0, 0.5, int(high.sum()))
    left = lives["days_without"] <= 30
    assert within_chance((left - lives["theta"]).mean(), 0, 0.35, n)
    later = lives[lives["days_with"] > 90]
    left = later["days_with"] <= 120
    assert within_chance((left - later["theta"]).mean(), 0, 0.35, len(later))


def test_a_contract_shows_the_outcome_of_its_arm(lives):
    """Up to the last day; who has not left by then runs on."""
    days = lives["days_with"].where(lives["arm"] == "offer", lives["days_without"])
    end = lives["assigned"] + days * DAY
    assert (lives["end"].fillna(FAR) == end.where(end <= AS_OF, FAR)).all()
    assert ((lives["assigned"] - lives["start"]) / DAY == lives["tenure"]).all()
    assert lives["tenure"].min() >= 90


def test_assignments_ramp_up_by_the_month_and_a_third_is_immature(lives):
    """1 to 5 parts of 15 from April to August, of which the last is watched for under 90 days."""
    months = lives["assigned"].dt.month.value_counts(normalize=True).sort_index()
    assert months.index.tolist() == [4, 5, 6, 7, 8]
    for share, parts in zip(months, range(1, 6), strict=True):
        assert within_chance(share, parts / 15, 0.48, len(lives))
    immature = lives["assigned"] + 90 * DAY > AS_OF + DAY
    assert (immature == (lives["assigned"].dt.month == 8)).all()


def test_models_know_something_of_risk_and_of_the_effect(lives):
    """And nothing of each other."""
    effect = lives["p_without"] - lives["p_with"]
    assert 0.65 < lives["risk"].corr(lives["p_without"]) < 0.85
    assert 0.7 < lives["uplift"].corr(effect) < 0.9
    assert abs(lives["risk"].corr(lives["uplift"])) < 4 / np.sqrt(len(lives))
    assert lives["branch"].nunique() == 20


def test_orders_come_while_the_contract_runs_and_pay_what_the_truth_says(experiment, lives):
    """Two in 30 days; a year's profit is the value."""
    both = experiment.transactions.merge(lives, on="customer_id", validate="m:1")
    assert (both["date"] >= both["start"]).all()
    assert (both["date"] < both["end"].fillna(AS_OF + DAY)).all()
    opened = lives["start"].clip(lower=pd.Timestamp("2024-01-01"))
    years = (lives["end"].fillna(AS_OF + DAY) - opened) / DAY / 365
    expected = (years * lives["value"]).sum()
    assert both["profit"].sum() == pytest.approx(expected, rel=0.02)
    assert len(both) == pytest.approx(years.sum() * 365 / 15, rel=0.03)
    assert both["date"].is_monotonic_increasing


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "duckdb"])
def test_every_engine_has_the_same_experiment(kind):
    """In its own kind of table."""
    mine, pandas = sample_experiment(60, seed=2, engine=kind), sample_experiment(60, seed=2)
    for name in TABLES:
        table = getattr(mine, name)
        read = table.df() if kind == "duckdb" else table.to_pandas()
        for column in read:
            expected = getattr(pandas, name)[column]
            if expected.dtype.kind == "M":
                expected, read[column] = expected.astype(str), read[column].astype(str)
            assert read[column].astype(object).where(read[column].notna(), None).tolist() == (
                expected.astype(object).where(expected.notna(), None).tolist()
            )


@pytest.mark.parametrize(
    "said", [{"n_customers": 0}, {"seed": -1}, {"engine": "dask"}, {"n_customers": 1.5}]
)
def test_what_cannot_be_made_is_refused(said):
    """Nobody, a seed below 0, an engine that is none."""
    with pytest.raises(RetentionError, match=next(iter(said))):
        sample_experiment(**said)


def test_one_customer_is_an_experiment_too():
    """And two seeds differ."""
    assert len(sample_experiment(1).truth) == 1
    one, two = (sample_experiment(50, seed=seed) for seed in (1, 2))
    assert not one.truth.equals(two.truth)
