"""Small logs of orders by numbers of days, and a model of who buys how often."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
from hypothesis import strategies as st

import retention as rt
from shops import orders

BEGIN = date(2024, 1, 1)
NAMES = ["Ann", "Bob", "Cem"]

line = st.tuples(
    st.sampled_from(NAMES), st.integers(0, 60), st.sampled_from([10.0, 5.0, 0.0, -5.0])
)


def day(number):
    """The day so many days after the first."""
    return BEGIN + timedelta(days=int(number))


def table_of(lines):
    """Order lines as (customer, day number, sales)."""
    return orders(*((who, str(day(n)), paid) for who, n, paid in lines))


def naive_days(lines):
    """The days on which each customer bought: those of a customer's day do not sum below 0."""
    sums = {}
    for who, n, paid in lines:
        sums[who, n] = sums.get((who, n), 0.0) + paid
    found = {}
    for (who, n), paid in sums.items():
        if paid >= 0:
            found.setdefault(who, set()).add(n)
    return found


def asked_table(asked):
    """Snapshots of (customer, day number), with a column of the user's."""
    rows = sorted(asked)
    days = pd.to_datetime([day(a) for _, a in rows]).astype("datetime64[us]")
    return pd.DataFrame({"customer_id": [who for who, _ in rows], "as_of": days, "plan": "basic"})


def some_model():
    """A model in days, of customers who differ a good deal: r 1.2, α 8."""
    told = {"customer_id": [1, 2], "x": [1, 2], "t_x": [5.0, 9.0], "T": 10.0, "unit": "day"}
    fitted = rt.repeat_buying.fit_mbg_nbd(pd.DataFrame(told))
    return fitted.model_copy(update={"parameters": (1.2, 8.0, 0.8, 2.5)})


MODEL = some_model()
