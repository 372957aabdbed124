"""The public door: a whole simulated wholesaler, and the truth about its customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retention.errors import check_choice, whole_number
from retention.samples.making.asked_window import simulated_window
from retention.samples.making.native_tables import ENGINES, SampleWorld, as_tables
from retention.samples.wholesale.shop_events import calls_table, events_table, offers_table
from retention.samples.wholesale.shop_invoices import invoices_table
from retention.samples.wholesale.shop_lives import live_through, troubles_table
from retention.samples.wholesale.shop_orders import draw_deliveries, shop_orders_table
from retention.samples.wholesale.shop_service import shop_contacts_table, shop_surveys_table
from retention.samples.wholesale.shop_signs import draw_signs, signs_table
from retention.samples.wholesale.shop_truth import shop_truth_table
from retention.samples.wholesale.shops import draw_shops

if TYPE_CHECKING:
    from datetime import date

    from retention.samples.world import Columns, SimulatedDays


@dataclass(frozen=True, eq=False, repr=False)
class SampleWholesaler(SampleWorld):
    """The tables of a simulated wholesaler, as `sample_wholesaler` describes, and its truth."""

    orders: Any
    invoices: Any
    events: Any
    offers: Any
    contacts: Any
    surveys: Any
    calls: Any
    truth: Any
    troubles: Any
    signs: Any


def sample_wholesaler(
    n_customers: int = 1_000,
    *,
    seed: int = 0,
    start: str | date = "2022-01-01",
    as_of: str | date = "2024-12-31",
    engine: str = "pandas",
) -> SampleWholesaler:
    """A wholesaler whose customers give signs before they leave, some of them, and others in vain.

    It delivers to small shops from `start` on and is watched until `as_of`. Customers arrive all
    the time, and buy at gamma-distributed rates (mean 24 a year, shape 2) with the season of
    `sample_company`. There leaving is memoryless; here a customer is well or in trouble, a hidden
    state, with constant hazards a year:

        well → trouble 0.30,  trouble → well 1.00,  well → gone 0.05,  trouble → gone 3.00

    Trouble thus lasts a quarter of a year (91.3 days in the mean), and three in four leave of it.
    Everybody is well at first. In trouble each sign begins so many days after trouble did, with its
    chance, if trouble lasts so long, whatever the other signs do, and is over when trouble is:

    - slows (0 days after, chance 0.50): of its orders, logins and answers to offers 0.3 remain, of
      the categories that an order takes along 0.4;
    - pays_late (14 days, 0.40): invoices that fall due now are paid 8 days late at least, about 33
      in the mean;
    - store_closes (30 days, 0.20): an event "store closed";
    - unhappy (7 days, 0.30): a contact that is answered after more than 24 hours, then contacts at
      4 a year beside the usual 0.6, satisfaction 1.5 lower, 0.20 of the invoices queried, not 0.02.

    The same signs come to anybody, well or in trouble, and mean nothing: slows 0.10 times a year,
    pays_late 0.08, store_closes 0.02, unhappy 0.05. They too last 91.3 days in the mean, or until
    the customer leaves: some slow down for a season, or pay late, and stay. One such sign looks
    exactly like one of trouble; two at a time are seldom harmless. The events "moved" (0.06 a year)
    and "new buyer" (0.15), and calls (3 a year), mean nothing either.

    From these numbers follows, of those who have been customers for a year (before, fewer are in
    trouble yet):

    - 7.4 in 100 are in trouble; of a hundred 24 leave within a year, 6.4 within 90 days: 47.3 of
      those in trouble and 3.1 of those who are well.
    - Where a sign begins, this share is in trouble, and this share leaves within 90 days: slows
      0.612 and 0.302, pays_late 0.580 and 0.287, store_closes 0.696 and 0.338, unhappy 0.637 and
      0.313. An alarm on one sign is right five times as often as chance, and wrong two times of
      three.
    - Of all who ever leave 0.818 leave in trouble; of these slows is shown by 0.500, pays_late by
      0.343, store_closes by 0.144, unhappy by 0.278, and none by 0.211. So 0.354 of the leavers are
      silent: nothing foresees them.
    - A sign of the trouble in which somebody leaves comes a quarter of a year before in the mean.

    Args:
        n_customers: how many ever buy, at least 1.
        seed: a whole number from 0; the same one gives the same wholesaler on every engine.
        start: the first day; all first orders fall in the window.
        as_of: the last day, included; nothing that happens after it is recorded.
        engine: "pandas", "polars", "pyarrow" or "duckdb" (relations on a connection of their own).

    Returns:
        A frozen value with these tables, rows in the order of time, money in whole cents of one
        currency. No row is that of a customer who is gone, but payments of what they owed:

        - `orders`, a row per order and category, none negative: order_id, customer_id, date (to the
          second), category, sales, profit.
        - `invoices`, a row per customer and day of delivery: customer_id, date, due (14 days after,
          be it after `as_of`), paid (null while open), amount (the day's sales), queried (null if
          never). Of those not late by the sign one in ten is, by one to five days.
        - `events`: customer_id, date, event ("store closed", "moved", "new buyer", or 24 times a
          year "login"), known (the day on which it was learnt, for 0.4 of the closings and moves,
          11 days later in the mean; null where on the day itself). What is not learnt by `as_of` is
          not there.
        - `offers`, 6 a year, of which 0.40 are answered: customer_id, date, responded (null if
          not).
        - `contacts`: contact_id, customer_id, date, topic, first_response_hours (null while
          unanswered), resolved, resolution_hours (null while open), right_first_time. Hours run
          day and night.
        - `surveys`, a row per invitation, 2 a year, of which 0.45 are answered: survey_id,
          customer_id, date, answered, satisfaction, value_for_money and repeat_intention (1 to 5),
          recommend (0 to 10), null if unanswered.
        - `calls`, at random, without any effect: customer_id, date, outcome (null if not noted).
        - `truth`, a row per customer: customer_id, first_order, left, left_on (the first day
          without the customer, null while there), reason (of Keaveney's, null while there),
          troubled_on (when the trouble began that lasts or in which they left, null if well then),
          slows, pays_late, store_closes and unhappy (whether it gave the sign), n_recovered (how
          many troubles passed), slows_anyway and so on (whether the sign came harmlessly, ever),
          orders_per_year and size (latent rate and level of amounts).
        - `troubles`, a row each: customer_id, start, end (the first day out, null while it lasts),
          ended_by ("leaving" or "recovery").
        - `signs`, a row each: customer_id, sign, start, end (the first day out, null while it
          lasts), troubled (false: harmless).

    Raises:
        RetentionError: if `n_customers` is below 1, `seed` negative, `engine` unknown, a day not a
            day, or `start` not before `as_of`.

    Example:
        >>> import retention as rt
        >>> wholesaler = rt.samples.sample_wholesaler(50, seed=7)
        >>> list(wholesaler.invoices.columns)
        ['customer_id', 'date', 'due', 'paid', 'amount', 'queried']
        >>> truth = wholesaler.truth
        >>> int(truth["left"].sum()), int((truth["left"] & truth["slows"]).sum())
        (10, 4)
    """
    whole_number("n_customers", n_customers, least=1)
    check_choice("engine", engine, ENGINES)
    window = simulated_window(start, as_of, seed)
    return SampleWholesaler(**as_tables(_simulated_tables(int(n_customers), window), engine))


def _simulated_tables(n_customers: int, window: SimulatedDays) -> dict[str, Columns]:
    shops, troubles = live_through(draw_shops(n_customers, window), window)
    signs = draw_signs(shops, troubles, window)
    made = draw_deliveries(shops, signs, window)
    return {
        "orders": shop_orders_table(shops, made, window),
        "invoices": invoices_table(shops, signs, made, window),
        "events": events_table(shops, signs, window),
        "offers": offers_table(shops, signs, window),
        "contacts": shop_contacts_table(shops, signs, window),
        "surveys": shop_surveys_table(shops, signs, window),
        "calls": calls_table(shops, window),
        "truth": shop_truth_table(shops, troubles, signs, window),
        "troubles": troubles_table(shops, troubles, window),
        "signs": signs_table(shops, signs, window),
    }
