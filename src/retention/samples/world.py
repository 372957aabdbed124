"""The numbers that make the simulated world, its days, and how its random streams are drawn.

A coffee roaster sells beans, tea, accessories and machines (below cost), and subscriptions beside.
Shares sum to 1 and hazards are relative: an effect that an analysis should find can be read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = NDArray[np.float64]
Whole = NDArray[np.integer[Any]]

DAYS_A_YEAR = 365.25
BUSY_BY_MONTH = (0.85, 0.82, 0.92, 0.95, 0.98, 0.95, 0.88, 0.86, 0.97, 1.05, 1.25, 1.52)

REGION_SHARE = {"North": 0.30, "South": 0.28, "East": 0.22, "West": 0.20}
REGION_HAZARD = {"North": 1.0, "South": 1.0, "East": 1.0, "West": 2.0}
CHANNEL_SHARE = {"web": 0.45, "store": 0.25, "app": 0.18, "partner": 0.12}
CHANNEL_HAZARD = {"web": 1.0, "store": 0.8, "app": 1.0, "partner": 1.6}
LEAVING_A_YEAR = 0.22
"""Hazard of leaving, a year, where both relative hazards are 1 and service gave no offence."""

ORDERS_A_YEAR, ORDERS_SHAPE = 8.1, 0.6
"""Mean and gamma shape of the customers' yearly repeat orders: most are rare, a few constant."""
SPEND_SPREAD = 0.9
"""Standard deviation of the logarithm of a customer's spending level, whose median is 1."""
ROAMING_SHARE, ROAMING_ORDERS = 0.25, 0.35
OTHER_CHANNEL_ORDERS = 0.15

CATEGORY_SHARE = {"Beans": 0.55, "Tea": 0.20, "Accessories": 0.17, "Machines": 0.08}
CATEGORY_ADDED = {"Beans": 0.10, "Tea": 0.10, "Accessories": 0.12, "Machines": 0.02}
"""Chance that an order made for another category takes this one along."""
CATEGORY_PRICE = {"Beans": 21.0, "Tea": 14.0, "Accessories": 24.0, "Machines": 140.0}
CATEGORY_MARGIN = {"Beans": 0.38, "Tea": 0.42, "Accessories": 0.30, "Machines": -0.14}
REFUNDED_ORDERS, REFUND_DAYS = 0.035, 18.0

PLAN_SHARE = {"Light": 0.50, "Regular": 0.38, "Office": 0.12}
PLAN_PRICE = {"Light": 12.0, "Regular": 29.0, "Office": 79.0}
PLAN_MARGIN = {"Light": 0.30, "Regular": 0.38, "Office": 0.46}

BRANCH_SHARE = {"1": 0.34, "2": 0.24, "3": 0.17, "4": 0.12, "5": 0.08, "6": 0.05}
"""Each region has six branches, by their shares of its customers."""
BRANCH_LEANING = {"1": 1.0, "2": -1.0, "3": 0.5, "4": -0.5, "5": 1.0, "6": -1.0}
"""How much a branch draws those who are likelier to leave: a power of their channel's hazard."""
CUSTOMERS_A_JOB, FEWEST_JOBS = 30, 2
STAFF_LEAVING_A_YEAR, VACANT_DAYS = 0.35, 20.0
"""An employee's hazard of leaving, a year, where the branch's customers are as all others."""
REFERRED_SHARE, LATER_REFERRALS, LATER_DAYS = 0.15, 3.0, 365.0
"""Of newcomers those who were sent by a customer; after a year one is thrice as likely to."""

REASONS = (
    "pricing",
    "inconvenience",
    "core_service_failure",
    "service_encounter_failure",
    "response_to_failure",
    "competition",
    "ethical_problems",
    "involuntary_switching",
)
"""Keaveney's eight categories, by the keys that stand in `truth`."""
CALM_REASONS = {
    "web": (0.30, 0.12, 0.12, 0.03, 0.01, 0.25, 0.05, 0.12),
    "store": (0.20, 0.30, 0.10, 0.08, 0.01, 0.14, 0.04, 0.13),
    "app": (0.28, 0.10, 0.18, 0.03, 0.01, 0.25, 0.05, 0.10),
    "partner": (0.26, 0.12, 0.12, 0.06, 0.01, 0.20, 0.13, 0.10),
}
"""Shares of the reasons, in their order above, among those whom no bad contact drove away."""


@dataclass(frozen=True, eq=False)
class Text:
    """A text column: row by row the place of its value in `values`; -1 where there is none."""

    codes: Whole
    values: NDArray[np.str_]

    def take(self, rows: NDArray[Any]) -> Text:
        """The same column with these rows only."""
        return Text(self.codes[rows], self.values)


Columns = dict[str, "NDArray[Any] | Text"]
"""A table before any engine has seen it."""


@dataclass(frozen=True, eq=False)
class SimulatedDays:
    """The simulated days, numbered from 0, the seed, and how much busyness has passed by each.

    `busy[d]` is the sum of the busyness of the days before day d: the clock that orders follow.
    """

    start: np.datetime64
    n_days: int
    seed: int
    busy: Floats

    @classmethod
    def of(cls, start: np.datetime64, as_of: np.datetime64, seed: int) -> SimulatedDays:
        """The days from `start` to `as_of`, both included."""
        n_days = int((as_of - start).astype(np.int64)) + 1
        month = (start + np.arange(n_days)).astype("datetime64[M]").astype(np.int64) % 12
        busy = np.concatenate([[0.0], np.cumsum(np.array(BUSY_BY_MONTH)[month])])
        return cls(start, n_days, seed, busy)

    def stream(self, room: int) -> np.random.Generator:
        """A table's own random numbers, so that a change in one table leaves the others as is."""
        return np.random.Generator(np.random.PCG64([self.seed, room]))

    def busy_at(self, at: NDArray[Any]) -> Floats:
        """Busyness passed by these days and parts of days."""
        busy: Floats = np.interp(at, np.arange(self.n_days + 1), self.busy)
        return busy

    def when_busy(self, busy: Floats) -> Floats:
        """The day and part of it by which so much busyness has passed."""
        return np.interp(busy, self.busy, np.arange(self.n_days + 1))

    def date(self, day: Whole) -> NDArray[np.datetime64]:
        """Midnight at the start of each day."""
        return (self.start + day.astype(np.int64)).astype("datetime64[us]")

    def month(self, day: Whole) -> NDArray[np.datetime64]:
        """The first day of each day's month."""
        return self.date(day).astype("datetime64[M]").astype("datetime64[us]")

    def stamp(self, second: Whole) -> NDArray[np.datetime64]:
        """The moment so many seconds after the window opens."""
        moment: NDArray[np.datetime64] = self.date(np.array(0)) + second.astype("timedelta64[s]")
        return moment


def seconds_when_open(at: Floats) -> NDArray[np.int64]:
    """Seconds since the window opened, with a day's time squeezed into 8 to 22 o'clock."""
    day = np.floor(at)
    seconds = day * 86_400 + 28_800 + (at - day) * 50_400
    return seconds.astype(np.int64)


def weights(by_name: Mapping[str, float]) -> Floats:
    """The numbers of a named list, in its order."""
    return np.array(list(by_name.values()))


def names(by_name: Mapping[str, Any]) -> NDArray[np.str_]:
    """The names of a named list, in its order."""
    return np.array(list(by_name))


def pick(rng: np.random.Generator, shares: Mapping[str, float], size: int) -> NDArray[np.int8]:
    """So many draws from a named list, as places in it."""
    edges = np.cumsum(weights(shares))[:-1]
    return np.searchsorted(edges, rng.random(size), side="right").astype(np.int8)


def cents(amount: NDArray[Any]) -> Floats:
    """Money as it is written in a record: whole cents."""
    rounded: Floats = np.rint(np.asarray(amount, dtype=np.float64) * 100) / 100 + 0.0
    return rounded


def numbered_ids(prefix: str, count: int, digits: int) -> NDArray[np.str_]:
    """Ids such as C000001, of one width, with more digits only where `count` needs them."""
    width = max(digits, len(str(count)))
    number = np.arange(1, count + 1)
    letters = np.empty((count, width + 1), dtype=np.uint32)
    letters[:, 0] = ord(prefix)
    for place in range(width):
        letters[:, width - place] = number // 10**place % 10 + ord("0")
    return letters.view(f"U{width + 1}").ravel()


def relettered_ids(ids: NDArray[np.str_], prefix: str) -> NDArray[np.str_]:
    """The same numbers under another letter."""
    letters = ids.view(np.uint32).reshape(len(ids), ids.itemsize // 4).copy()
    letters[:, 0] = ord(prefix)
    return letters.view(ids.dtype).ravel()
