"""Random shops in one table, told apart by a segment, so that one question asks all of them.

A twin and Hypothesis hold pandas to the definitions, shop by shop, and shrink what they find. What
is left to ask of other engines is whether they agree with pandas: once, over all the shops that
this room draws, each small and full of edges (refunds, free lines, equal days, blanks, ends within
a day, people who come back).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import retention as rt
from naming import _LASTING, _ORDERS, AS_OF, PLAIN, STEPS, Step

N_SHOPS = 16
ONE_END = "reason incidence"
"""A step that asks for one end of each customer; some of these have two."""
TARGET = "shop 03"
FIRST = pd.Timestamp("2024-01-01")

Lines = list[tuple[Any, ...]]


def shops(seed: int = 1) -> dict[str, pd.DataFrame]:
    """The tables of all shops, one under the other."""
    draw = np.random.default_rng(seed)
    tables: dict[str, list[pd.DataFrame]] = {}
    for number in range(N_SHOPS):
        for name, frame in _shop(f"shop {number:02}", draw).items():
            tables.setdefault(name, []).append(frame)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}


def _shop(shop: str, draw: np.random.Generator) -> dict[str, pd.DataFrame]:
    people = [f"{shop} {name}" for name in ("Ann", "Bob", "Cem", "Dee", "Eva", "Fay")]
    made = {
        "orders": _orders(people, draw),
        "contracts": _contracts(people, draw),
        "contacts": _contacts(people, draw),
        "surveys": _surveys(people, draw),
        "costs": _costs(people, draw),
        "outages": _outages(draw),
        "notes": _notes(people, draw),
    }
    return {name: frame.assign(**{PLAIN: shop}) for name, frame in made.items()}


def _day(number: int) -> str:
    return f"{FIRST + pd.Timedelta(days=int(number)):%Y-%m-%d}"


def _orders(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    rows: Lines = [(people[0], _day(0), 5.0, 1.0, f"{people[0]} first")]
    for number in range(draw.integers(12, 40)):
        who = people[draw.integers(len(people) - 1)]
        order = f"{who} {number // 2}"
        sales = float(draw.choice([-4, -1, 0, 1, 3, 8, 8.1]))
        rows.append((who, _day(draw.integers(0, 182)), sales, float(draw.integers(-3, 4)), order))
    return pd.DataFrame(rows, columns=["who", "day", "paid", "gain", "order"])


def _contracts(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    rows: Lines = [(people[0], _day(-200), None, 3.0, "price")]
    for who in people[1:]:
        start = int(draw.integers(-200, 120))
        for _ in range(draw.integers(1, 3)):
            end = start + int(draw.choice([1, 20, 31, 60, 200]))
            why = str(draw.choice(["price", "service"]))
            rows.append((who, _day(start), _day(end), float(draw.integers(1, 9)), why))
            start = end + int(draw.choice([0, 1, 15, 80]))
            if start > 150:
                break
    frame = pd.DataFrame(rows, columns=["who", "from", "to", "paid", "reason"])
    return frame.assign(to=frame["to"].where(draw.random(len(frame)) > 0.2, None))


def _contacts(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    n = 14
    hours = draw.integers(0, 60, n).astype(float)
    frame = pd.DataFrame(
        {
            "who": [people[i] for i in draw.integers(0, len(people), n)],
            "day": [f"{_day(i)} 09:30:00" for i in draw.integers(0, 160, n)],
            "first": np.where(draw.random(n) < 0.2, np.nan, hours),
        }
    )
    solved = np.where(draw.random(n) < 0.3, np.nan, frame["first"] * draw.integers(1, 4, n))
    frame = frame.assign(solved=solved)
    return frame.drop_duplicates(["who", "day"], ignore_index=True)


def _surveys(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    n = 12
    score = lambda: np.where(draw.random(n) < 0.3, np.nan, draw.integers(1, 6, n))  # noqa: E731
    frame = pd.DataFrame(
        {
            "who": [people[i] for i in draw.integers(0, len(people), n)],
            "day": [_day(i) for i in draw.integers(0, 150, n)],
            "happy": score(),
            "again": score(),
        }
    )
    return frame.drop_duplicates(["who", "day"], ignore_index=True)


def _costs(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    n = 10
    return pd.DataFrame(
        {
            "who": [people[i] for i in draw.integers(0, len(people), n)],
            "day": [_day(i) for i in draw.integers(0, 182, n)],
            "what": [("wages", "parts")[i] for i in draw.integers(0, 2, n)],
            "amount": draw.integers(1, 50, n) / 4,
        }
    ).drop_duplicates(ignore_index=True)


def _outages(draw: np.random.Generator) -> pd.DataFrame:
    starts = [pd.Timestamp(_day(i)) + pd.Timedelta(hours=20) for i in draw.integers(0, 180, 3)]
    ends = [start + pd.Timedelta(hours=int(draw.integers(1, 90))) for start in starts]
    return pd.DataFrame({"down": starts, "up": ends}).drop_duplicates("down", ignore_index=True)


def _notes(people: list[str], draw: np.random.Generator) -> pd.DataFrame:
    texts = ["too expensive for me", "the staff was rude", "I moved to another city", "no reason"]
    frame = pd.DataFrame({"customer_id": people})
    return frame.assign(
        note_id=[f"note of {who}" for who in people],
        text=[texts[i] for i in draw.integers(0, 4, len(people))],
        date=[pd.Timestamp(_day(i)) for i in draw.integers(0, 150, len(people))],
        code=[("P1", "S1")[i] for i in draw.integers(0, 2, len(people))],
    )


_POLICIES = {"refunds": "net", "zero_orders": "drop", "duplicates": "keep"}

ASKED: dict[str, Step] = {
    **{name: step for name, step in STEPS.items() if name != ONE_END},
    # of two levels: coefficients of sixteen may agree but for their last bits, which orders them
    "cox": lambda n, w: rt.fit_cox(w["spells"], covariates="reason"),
    "aft": lambda n, w: rt.survival.fit_aft(w["spells"], covariates="reason"),
    "cox reference": lambda n, w: rt.fit_cox(w["spells"], covariates=n, reference={n: TARGET}),
    "transactions": lambda n, w: rt.as_transactions(
        w["orders"], **_ORDERS, profit="gain", order_id="order", order_day="first", keep=n,
        **_POLICIES,
    ),
    "contracts": lambda n, w: rt.as_contracts(
        w["contracts"], customer_id="who", start="from", end="to", sales="paid",
        sales_per="month", end_is="first_day_out", keep=[n, "reason"],
    ),
    "transactions alone": lambda n, w: rt.as_transactions(w["orders"], **_ORDERS, **_POLICIES),
    "order_id": lambda n, w: rt.as_transactions(w["orders"], **_ORDERS, order_id=n, **_POLICIES),
    "who": lambda n, w: rt.as_transactions(
        w["orders"], customer_id=n, date="day", sales="paid", **_POLICIES
    ),
    "spells": lambda n, w: rt.contract_spells(
        w["contracts"], as_of=AS_OF, grace=0, keep=n, keep_last="reason"
    ),
    "target_customers": lambda n, w: rt.kpis.target_customers(w["activity"], target={n: TARGET}),
    "target of customers": lambda n, w: rt.kpis.target_customers(
        w["activity"], target={n: TARGET}, customers=w["spells"]
    ),
    **{
        f"outcome: {sales}, {profit}, {lost}": (
            lambda n, w, sales=sales, profit=profit, lost=lost: rt.outcome_kpis(
                w["activity"], by=n, lag=2, lost_to=lost, sales_basis=sales, profit_basis=profit
            )
        )
        for sales, profit, lost in (
            ("base", "base", "segment"), ("current", "current", "firm"), ("capped", "base", "firm"),
        )
    },
    **{
        f"churn: {convention}": (
            lambda n, w, convention=convention: rt.churn_rate(
                w["spells"], by=n, **{**_LASTING, "convention": convention}
            )
        )
        for convention in ("start_cohort", "active_and_new", "all_cancellations", "exposure")
    },
    "by week": lambda n, w: rt.outcome_kpis(
        rt.customer_periods(w["transactions"], by=n, freq="week", as_of=AS_OF), by=n
    ),
    "contract movements": lambda n, w: rt.revenue_movements(w["in force"], by=n),
    "contract cohorts": lambda n, w: rt.cohort_retention(w["in force"], by=n),
    "split": lambda n, w: rt.repeat_buying.split_summary(
        w["transactions"], cut="2024-03-31", as_of=AS_OF
    ),
}  # fmt: skip
"""Every step of the company with names, over doors that let edges in, and further readings."""
