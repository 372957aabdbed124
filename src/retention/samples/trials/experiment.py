"""The public door: a whole simulated experiment, and what the offer would change for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retention.errors import check_choice, whole_number
from retention.samples.making.asked_window import simulated_window
from retention.samples.making.native_tables import ENGINES, SampleWorld, as_tables
from retention.samples.trials.trial_customers import draw_tried
from retention.samples.trials.trial_tables import (
    trial_arms_table,
    trial_contracts_table,
    trial_known_table,
    trial_orders_table,
    trial_truth_table,
)
from retention.samples.trials.trial_world import FIRST_DAY, LAST_DAY


@dataclass(frozen=True, eq=False, repr=False)
class SampleExperiment(SampleWorld):
    """The tables of a simulated experiment, as `sample_experiment` describes, and its truth."""

    contracts: Any
    assignment: Any
    transactions: Any
    customers: Any
    truth: Any


def sample_experiment(
    n_customers: int = 5_000, *, seed: int = 0, engine: str = "pandas"
) -> SampleExperiment:
    """An experiment with an offer to stay, of which both outcomes of each customer are known.

    Everybody has a contract and has been a customer for at least 90 days. From April to August 2024
    customers are put into the arms "control" and "offer", half and half by chance, one part in 15
    of them in April, two in May, …, five in August, each on some day of the first 28. All is seen
    until `as_of` "2024-10-28", orders from "2024-01-01" on. So a third of the customers, those of
    August, were assigned less than 90 days before: they are immature.

    - Without the offer a customer leaves within 90 days with the chance p_without = 0.2 + 0.4 B,
      where B is Beta(2, 3), 0.36 in the mean; at a constant hazard, on and on.
    - With it the chance is p_with, at a constant hazard; after 90 days the offer binds nobody, and
      the hazard is what it was. One in ten is harmed (p_with is 0.04 to 0.08 higher, evenly), four
      in ten are persuaded (0.10 to 0.20 lower), and for the others it changes nothing.
    - How a customer responds has nothing to do with the risk: an offer to the riskiest keeps no
      more of them than one to anybody. In the mean 0.054 more stay of those who got it.

    Orders come at a gamma-distributed rate (mean 2 in 30 days, shape 2) while the contract runs;
    their profit is 0.30 of the sales, and what the offer costs is not in it.

    Args:
        n_customers: how many there are, at least 1.
        seed: a whole number from 0; the same one gives the same experiment on every engine.
        engine: "pandas", "polars", "pyarrow" or "duckdb" (relations on a connection of their own).

    Returns:
        A frozen value with these tables:

        - `contracts`, a row per customer: customer_id, start, end (the first day out, null while it
          runs).
        - `assignment`, likewise: customer_id, arm, assigned, share, as `retention_effect` and
          `sample_ratio` take it.
        - `transactions`, a row per order: order_id, customer_id, date (to the second), sales,
          profit.
        - `customers`, what was known on the day: customer_id, risk (a model's estimate of
          p_without, whose log odds err by 0.3), uplift (one of p_without − p_with, which errs by
          0.06), tenure (days), region, plan, branch (of 20); none of the last four matters.
        - `truth`: customer_id, p_without, p_with, theta (the chance to leave in 30 days without the
          offer), value (expected profit of a year as a customer), response ("harmed", "unmoved",
          "persuaded"), days_without and days_with (after how many days from `assigned` they leave
          in either case; the arm shows one of them).

    Raises:
        RetentionError: if `n_customers` is below 1, `seed` negative, or `engine` unknown.

    Example:
        >>> import retention as rt
        >>> experiment = rt.samples.sample_experiment(1_000, seed=1)
        >>> experiment  # doctest: +ELLIPSIS
        SampleExperiment, its tables by name:
        table           rows  columns
        contracts      1,000  customer_id, start, end
        assignment     1,000  customer_id, arm, assigned, share
        transactions  18,410  order_id, customer_id, date, sales, profit
        customers      1,000  customer_id, risk, uplift, tenure, region, plan, branch
        truth          1,000  customer_id, p_without, p_with, theta, value, response, ...
        >>> truth = experiment.truth
        >>> print(round((truth["p_without"] - truth["p_with"]).mean(), 3))
        0.054
    """
    whole_number("n_customers", n_customers, least=1)
    check_choice("engine", engine, ENGINES)
    window = simulated_window(FIRST_DAY, LAST_DAY, seed)
    tried = draw_tried(int(n_customers), window)
    made = {
        "contracts": trial_contracts_table(tried, window),
        "assignment": trial_arms_table(tried, window),
        "transactions": trial_orders_table(tried, window),
        "customers": trial_known_table(tried, window),
        "truth": trial_truth_table(tried),
    }
    return SampleExperiment(**as_tables(made, engine))
