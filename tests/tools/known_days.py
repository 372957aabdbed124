"""Small dated tables by numbers of days, and what of them was known on a day."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
from hypothesis import strategies as st

BEGIN = datetime(2024, 1, 1)
NAMES = ["Ann", "Bob", "Cem"]
LAST = 40

who = st.sampled_from(NAMES)
number = st.integers(0, LAST)
wait = st.integers(0, 25)
maybe = st.one_of(st.none(), wait)
some_rows = {"max_size": 12}

asked = st.lists(st.tuples(who, number), min_size=1, max_size=6, unique=True)
offers = st.lists(st.tuples(who, number, maybe, maybe), **some_rows)
invoices = st.lists(
    st.tuples(who, number, wait, maybe, maybe, maybe, st.sampled_from([-5.0, 0.0, 7.0])),
    **some_rows,
)
surveys = st.lists(st.tuples(who, number, st.sampled_from([None, 1.0, 2.0, 4.5])), **some_rows)
events = st.lists(
    st.tuples(who, number, st.sampled_from(["log in", "moved", "other"]), maybe), **some_rows
)
hours = st.one_of(st.none(), st.sampled_from([0.0, 3.0, 12.0, 24.0, 24.5, 60.0, 200.0]))
contacts = st.lists(
    st.tuples(who, number, st.sampled_from([0, 9, 23]), hours, hours, hours), **some_rows
)
money = st.lists(st.tuples(who, number, st.sampled_from([10.0, 5.0, -5.0, 0.0])), **some_rows)
"""Rows of each table: the customer, the day, and days or hours after it."""


def moment(days, hour=0):
    """The day so many days after the first, at an hour of it; NaT of None."""
    return pd.NaT if days is None else BEGIN + timedelta(days=days, hours=hour)


def times(values):
    """A column of times, as doors give them."""
    return pd.to_datetime(pd.Series(list(values), dtype=object)).astype("datetime64[us]")


def after(day, wait):
    """A day so many days later; None where there is none."""
    return None if wait is None else day + wait


def snapshots_of(rows, **columns):
    """Snapshots of (customer, day)."""
    rows = sorted(rows)
    made = {"customer_id": [w for w, _ in rows], "as_of": times(moment(a) for _, a in rows)}
    return pd.DataFrame({**made, **columns})


def table_of(rows, **columns):
    """A table of rows that begin with a customer and a day; further columns of each row."""
    made = {"customer_id": pd.Series([row[0] for row in rows], dtype="str")}
    made["date"] = times(moment(row[1]) for row in rows)
    for name, (value, kind) in columns.items():
        values = [value(row) for row in rows]
        made[name] = times(values) if kind == "time" else pd.Series(values, dtype=kind)
    return pd.DataFrame(made)


def offers_of(rows):
    """Offers made: (customer, day, days to the answer, days to when we learnt of it)."""
    return table_of(
        rows,
        responded=(lambda r: moment(after(r[1], r[2])), "time"),
        known=(lambda r: moment(after(r[1], r[3])), "time"),
    )


def invoices_of(rows):
    """Invoices: (customer, day, terms, days to payment, to the query, to our knowing; amount)."""
    return table_of(
        rows,
        due=(lambda r: moment(after(r[1], r[2])), "time"),
        paid=(lambda r: moment(after(r[1], r[3])), "time"),
        amount=(lambda r: r[6], float),
        queried=(lambda r: moment(after(r[1], r[4])), "time"),
        known=(lambda r: moment(after(r[1], r[5])), "time"),
    )


def surveys_of(rows):
    """Surveys: (customer, day, score or None where there was no answer)."""
    return table_of(
        rows,
        answered=(lambda r: r[2] is not None, bool),
        satisfaction=(lambda r: r[2], float),
    )


def events_of(rows):
    """Events: (customer, day, what, days to when we learnt of it)."""
    return table_of(
        rows, event=(lambda r: r[2], "str"), known=(lambda r: moment(after(r[1], r[3])), "time")
    )


def contacts_of(rows):
    """Contacts: (customer, day, hour, hours to the answer, to content, to a solution without)."""
    made = table_of(
        rows,
        first_response_hours=(lambda r: r[3], float),
        resolution_hours=(lambda r: r[4], float),
        unsatisfied_hours=(lambda r: None if r[4] is not None else r[5], float),
    )
    return made.assign(date=times(moment(row[1], row[2]) for row in rows))


def amounts_of(rows, name):
    """Amounts: (customer, day, how much)."""
    return table_of(rows, **{name: (lambda r: r[2], float)})


def known_by(table, a):
    """What of a table was known on the evening of day a: no later row, and no later end of one."""
    evening = moment(a + 1)
    cut = table[table["date"] < evening]
    if "known" in cut:
        cut = cut[cut["known"].isna() | (cut["known"] < evening)]
    cut = cut.copy()
    for name in {"paid", "queried", "responded"} & set(cut):
        cut[name] = cut[name].where(cut[name] < evening)
    for name in [name for name in cut if name.endswith("_hours")]:
        ends = cut["date"] + pd.to_timedelta(cut[name], unit="h")
        cut[name] = cut[name].where(ends < evening)
    return cut.reset_index(drop=True)
