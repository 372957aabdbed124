"""The public door: a whole simulated company, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retention.errors import check_choice, whole_number
from retention.samples.branches import branches_table, referrals_table, staff_table
from retention.samples.customers import draw_customers, truth_table
from retention.samples.making.asked_window import simulated_window
from retention.samples.making.native_tables import ENGINES, SampleWorld, as_tables
from retention.samples.money import costs_table, wallet_table
from retention.samples.sample_contracts import contracts_table
from retention.samples.sample_notes import notes_table
from retention.samples.sample_orders import orders_table
from retention.samples.sample_surveys import surveys_table
from retention.samples.service import contacts_table, draw_contacts, let_leave

if TYPE_CHECKING:
    from datetime import date

    from retention.samples.world import Columns, SimulatedDays


@dataclass(frozen=True, eq=False, repr=False)
class SampleCompany(SampleWorld):
    """The tables of a simulated company, as `sample_company` describes them, and its truth."""

    orders: Any
    contracts: Any
    contacts: Any
    costs: Any
    surveys: Any
    wallet: Any
    notes: Any
    branches: Any
    staff: Any
    referrals: Any
    truth: Any


def sample_company(
    n_customers: int = 1_000,
    *,
    seed: int = 0,
    start: str | date = "2022-01-01",
    as_of: str | date = "2024-12-31",
    engine: str = "pandas",
) -> SampleCompany:
    """A company whose customers, and why they leave, are known, to try any analysis on.

    A coffee roaster opens on `start` and is watched until `as_of`. Customers arrive all the time,
    more of them before Christmas. Each buys at a gamma-distributed rate, for lognormal amounts,
    following the season (December has 1.5 times the orders of an average month). Each leaves
    with the hazard

        h(t) = h_region_channel · (1 + 8 · bad contacts in the last 90 days)

    where h is 0.22 a year, twice that in the home region West, 0.8 times in the home channel store
    and 1.6 times in partner; a contact is bad if answered after more than 24 hours or solved
    after more than 168. The category Machines loses money. Orders and subscriptions are separate
    businesses: no contract's money stands in `orders`. About ten orders a customer in three years;
    ten million need 1,000,000 customers.

    Args:
        n_customers: how many ever buy, at least 1.
        seed: a whole number from 0; the same one gives the same company on every engine.
        start: the first day; all first orders fall in the window.
        as_of: the last day, included; nothing is recorded after it.
        engine: "pandas", "polars", "pyarrow" or "duckdb" (relations on a connection of their own).

    Returns:
        A frozen value with these tables, rows in the order of time, money in whole cents of one
        currency, days as midnight timestamps:

        - `orders`, a row per order and category: order_id, customer_id, date (to the second),
          category, region, channel, sales, profit. A refund is negative lines under R and the
          number of its order, on a later day. Some customers buy in regions other than their own.
        - `contracts`: customer_id, contract_id, start, end (the first day out, so load it with
          `end_is="first_day_out"`; null while it runs), sales and profit a month, plan, region,
          is_trial (30 days, sales 0). Some overlap, some touch, some come after a pause.
        - `contacts`: contact_id, customer_id, date, topic, first_response_hours (null while
          unanswered), resolved, resolution_hours (null while open), right_first_time.
        - `costs`, of winning and of keeping customers: date (first day of the month), customer_id
          (null for costs that a region shares), region, kind, amount. To win a customer costs in
          the median 14 through web, 9 store, 18 app, 32 partner. To serve one: each contact 8.50
          of wages, and if it is a repair in 60 of 100 cases 19.00 of parts, in 35 of 100 26.00 of
          travel (medians); shared in a month for each customer there as it opens 0.45 of space,
          0.12 of subscriptions, 0.20 of materials. None of it hangs on how long one has stayed.
        - `surveys`, a row per invitation: survey_id, customer_id, date, answered, satisfaction,
          value_for_money and repeat_intention (1 to 5), recommend (0 to 10), null if unanswered.
        - `wallet`, a fifth of the customers, a row per customer and whole quarter from the first
          order on: customer_id, period (the quarter's first day), elsewhere (their spending with
          competitors), wallet (elsewhere plus our net sales to them in `orders`).
        - `notes`, by two in three of those who left: note_id, customer_id, date, text.
        - `branches`, a row per customer: customer_id, branch. Each of the four regions has six,
          from 34 to 5 in 100 of its customers; branches 1, 3 and 5 draw those who are likelier to
          leave, by their channel.
        - `staff`, a row per job that somebody held: employee, branch, start, end (the first day
          out, null while there). One job for 30 customers, two at least; who leaves is replaced
          after 20 days in the mean. An employee leaves with the hazard 0.35 a year times the mean
          `hazard` of the branch's customers over that of all: here the customers make a job that
          one keeps, and no customer stays for the staff's sake.
        - `referrals`, of 15 in 100 newcomers: customer_id (who sent them), referred_id, date (of
          the first order). Everybody who is a customer that day may have, three times as likely
          after a first year. Who was sent buys and stays like anybody else.
        - `truth`, a row per customer: customer_id, region, channel, first_order, left, left_on (the
          first day without the customer, null while alive: no order falls on it or later), reason
          (one of Keaveney's eight categories, null while alive), orders_per_year and spend (latent
          repeat-order rate and price level), hazard (of leaving, a year, without bad contacts).

    Raises:
        RetentionError: if `n_customers` is below 1, `seed` negative, `engine` unknown, a day not a
            day, or `start` not before `as_of`.

    Example:
        >>> company = sample_company(50, seed=7)
        >>> list(company.truth.columns[:4])
        ['customer_id', 'region', 'channel', 'first_order']
        >>> bool((company.orders["date"] < "2025-01-01").all())
        True
    """
    whole_number("n_customers", n_customers, least=1)
    check_choice("engine", engine, ENGINES)
    window = simulated_window(start, as_of, seed)
    return SampleCompany(**as_tables(_simulate(int(n_customers), window), engine))


def _simulate(n_customers: int, window: SimulatedDays) -> dict[str, Columns]:
    newcomers = draw_customers(n_customers, window)
    customers, contacts = let_leave(newcomers, draw_contacts(newcomers, window), window)
    orders = orders_table(customers, window)
    return {
        "orders": orders,
        "contracts": contracts_table(customers, window),
        "contacts": contacts_table(customers, contacts, window),
        "costs": costs_table(customers, contacts, window),
        "surveys": surveys_table(customers, window),
        "wallet": wallet_table(customers, orders, window),
        "notes": notes_table(customers, window),
        "branches": branches_table(customers, window),
        "staff": staff_table(customers, window),
        "referrals": referrals_table(customers, window),
        "truth": truth_table(customers, window),
    }
