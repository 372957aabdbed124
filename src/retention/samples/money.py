"""What customers cost, and what they spend elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from retention.samples.service import TOPIC_SHARE, Contacts
from retention.samples.world import (
    CATEGORY_ADDED,
    CATEGORY_PRICE,
    CATEGORY_SHARE,
    REGION_SHARE,
    Columns,
    Floats,
    SimulatedDays,
    Text,
    Whole,
    cents,
    names,
    weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.samples.customers import Customers

KINDS = ("acquisition", "wages", "parts", "travel", "space", "subscriptions", "materials")
ACQUISITION_COST = {"web": 14.0, "store": 9.0, "app": 18.0, "partner": 32.0}
PER_CONTACT = {"wages": (1.0, 8.5), "parts": (0.6, 19.0), "travel": (0.35, 26.0)}
"""Chance that a contact causes this cost (parts and travel: repairs only), and its median."""
SHARED_A_MONTH = {"space": 0.45, "subscriptions": 0.12, "materials": 0.20}
"""Costs of the house in a month for each customer that it keeps."""
PANEL_SHARE = 0.20

_COSTS_ROOM, _WALLET_ROOM = 9, 10

_Costs = tuple[Whole, Whole, Whole, Whole, Floats]
"""Day, customer (-1: nobody's), region, kind, amount of some costs, one place each."""


def costs_table(customers: Customers, contacts: Contacts, window: SimulatedDays) -> Columns:
    """Costs of winning and keeping customers: those one caused, and those a region shares."""
    rng = window.stream(_COSTS_ROOM)
    parts = [
        _acquisition_costs(rng, customers),
        *(_costs_per_contact(rng, customers, contacts, kind) for kind in PER_CONTACT),
        *(_shared_costs(customers, window, kind) for kind in SHARED_A_MONTH),
    ]
    day, who, region, kind, amount = (np.concatenate(column) for column in zip(*parts, strict=True))
    month = window.month(day)
    in_time = np.argsort(month, kind="stable")
    return {
        "date": month[in_time],
        "customer_id": customers.id_of(who[in_time]),
        "region": Text(region[in_time], names(REGION_SHARE)),
        "kind": Text(kind[in_time], np.array(KINDS)),
        "amount": cents(amount[in_time]),
    }


def wallet_table(customers: Customers, orders: Columns, window: SimulatedDays) -> Columns:
    """What a panel of customers spent in each whole quarter, with us and with others."""
    rng = window.stream(_WALLET_ROOM)
    panel = np.flatnonzero(rng.random(len(customers)) < PANEL_SHARE)
    edges = _quarter_edges(window)
    own = _own_spending(panel, edges, orders, window)
    elsewhere = _other_spending(rng, panel, edges, customers)
    elsewhere = np.maximum(elsewhere, -own)  # a wallet is not negative after a refund
    known = np.nonzero(edges[1:, None] > customers.joined[panel])
    return {
        "customer_id": customers.id_of(panel[known[1]]),
        "period": window.date(edges[known[0]]),
        "elsewhere": elsewhere[known],
        "wallet": cents(own[known] + elsewhere[known]),
    }


def _acquisition_costs(rng: np.random.Generator, customers: Customers) -> _Costs:
    size = len(customers)
    amount = weights(ACQUISITION_COST)[customers.channel]
    return (
        customers.joined.astype(np.int64),
        np.arange(size),
        customers.region,
        np.full(size, KINDS.index("acquisition")),
        amount * np.exp(0.3 * rng.standard_normal(size)),
    )


def _costs_per_contact(
    rng: np.random.Generator, customers: Customers, contacts: Contacts, kind: str
) -> _Costs:
    chance, median = PER_CONTACT[kind]
    repair = contacts.topic == list(TOPIC_SHARE).index("repair")
    caused = (rng.random(len(contacts.who)) < chance) & (repair | (kind == "wages"))
    who = contacts.who[caused]
    return (
        contacts.at[caused].astype(np.int64),
        who,
        customers.region[who],
        np.full(len(who), KINDS.index(kind)),
        median * np.exp(0.5 * rng.standard_normal(len(who))),
    )


def _shared_costs(customers: Customers, window: SimulatedDays, kind: str) -> _Costs:
    """One cost a month and region, by the customers there on the month's first simulated day."""
    months = window.month(np.arange(window.n_days))
    opens = np.unique(months, return_index=True)[1]
    regions = range(len(REGION_SHARE))
    kept = [_n_present(customers, customers.region == region, opens) for region in regions]
    size = len(opens) * len(kept)
    return (
        np.tile(opens, len(kept)),
        np.full(size, -1),
        np.repeat(np.arange(len(kept)), len(opens)),
        np.full(size, KINDS.index(kind)),
        SHARED_A_MONTH[kind] * np.concatenate(kept),
    )


def _n_present(customers: Customers, among: NDArray[np.bool_], days: Whole) -> Floats:
    came = np.searchsorted(customers.joined[among], days + 1.0)
    gone = np.searchsorted(np.sort(customers.until[among]), days, side="right")
    return (came - gone).astype(np.float64)


def _quarter_edges(window: SimulatedDays) -> Whole:
    """The first days of the whole quarters in the window, and the day after the last of them."""
    months = (window.start + np.arange(-1, window.n_days + 1)).astype("datetime64[M]")
    return np.flatnonzero(np.diff(months.astype(np.int64) // 3))


def _own_spending(panel: Whole, edges: Whole, orders: Columns, window: SimulatedDays) -> Floats:
    """Net sales of our orders, one row per quarter, one column per customer of the panel."""
    who = cast("Text", orders["customer_id"])
    date, sales = (cast("NDArray[Any]", orders[name]) for name in ("date", "sales"))
    shape = max(len(edges) - 1, 0), len(panel)
    place = np.full(len(who.values), -1)
    place[panel] = np.arange(len(panel))
    line = np.flatnonzero(place[who.codes] >= 0)
    day = (date[line] - window.date(np.array(0))).astype("timedelta64[D]").astype(np.int64)
    quarter = np.searchsorted(edges, day, side="right") - 1
    whole = (quarter >= 0) & (quarter < shape[0])
    cell = (quarter * len(panel) + place[who.codes[line]])[whole]
    total = np.bincount(cell, weights=sales[line][whole], minlength=shape[0] * shape[1])
    return cents(total.reshape(shape))


def _other_spending(
    rng: np.random.Generator, panel: Whole, edges: Whole, customers: Customers
) -> Floats:
    """A habitual share of the wallet goes elsewhere; after leaving, our part goes there too."""
    basket = sum(
        (CATEGORY_SHARE[name] + (1 - CATEGORY_SHARE[name]) * CATEGORY_ADDED[name]) * price
        for name, price in CATEGORY_PRICE.items()
    )
    usual = basket * customers.spend[panel] * customers.rate[panel] / 4
    ours = rng.beta(4.0, 3.0, len(panel)).clip(0.02)
    swing = np.exp(0.3 * rng.standard_normal((max(len(edges) - 1, 0), len(panel))))
    gone = edges[:-1, None] >= customers.until[panel]
    return cents(usual * ((1 - ours) / ours * swing + gone))
