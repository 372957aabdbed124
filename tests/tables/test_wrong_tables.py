"""The wrong table is recognised, and what to write instead is said: and works as it is written."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import retention as rt
from everywhere import public

RAW = pd.DataFrame(
    {
        "who": ["a", "b"] * 3,
        "on": pd.date_range("2024-01-01", periods=6, freq="20D"),
        "paid": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    }
)
ORDERS = rt.as_transactions(RAW, customer_id="who", date="on", sales="paid")
AS_OF = "2024-04-30"


def activity():
    """Months of the orders."""
    return rt.customer_periods(ORDERS, freq="month", as_of=AS_OF)


def spells():
    """Stays of the orders."""
    return rt.purchase_spells(ORDERS, gap=30, as_of=AS_OF)


CASES = {
    "raw orders to a rate": (rt.retention_rate, lambda: RAW),
    "transactions to a rate": (rt.retention_rate, lambda: ORDERS),
    "spells to a rate": (rt.retention_rate, spells),
    "transactions to a curve": (rt.survival_curve, lambda: ORDERS),
    "activity to a curve": (rt.survival_curve, activity),
    "spells to a median": (rt.median_lifetime, spells),
    "transactions to a model": (rt.repeat_buying.fit_bg_nbd, lambda: ORDERS),
    "transactions to churned customers": (
        lambda t: rt.kpis.explain_difference(t, t),
        lambda: ORDERS,
    ),
}


def written(message, table):
    """What the message says to write, with the table and the days filled in, evaluated."""
    call = re.search(r"first: (.*)\.$", message).group(1)
    call = call.replace("as_of=...", f"as_of='{AS_OF}'")
    call = call.replace(
        "as_transactions(...)",
        "as_transactions(RAW, customer_id='who', date='on', sales='paid')",
    )
    names = {name: public(name) for name in re.findall(r"(\w+)\(", call)}
    return eval(call, {**names, "RAW": RAW, "table": table})


@pytest.mark.parametrize("case", CASES)
def test_the_maker_of_the_right_table_is_named_and_works(case):
    """Whatever it was given, the function is content with what its refusal says to write."""
    ask, make = CASES[case]
    table = make()
    with pytest.raises(rt.ColumnError, match=r"Make .* first: ") as refused:
        ask(table)
    assert "rename" not in str(refused.value)
    right = written(str(refused.value), table)
    try:
        ask(right)
    except rt.ColumnError as again:  # another fault of so small a file may remain, not this one
        pytest.fail(str(again))
    except rt.RetentionError:
        pass


def test_an_answer_is_recognised_as_one():
    """The KPIs of an activity are no activity."""
    with pytest.raises(rt.ColumnError, match="an answer already. Give the activity"):
        rt.churn_by(rt.outcome_kpis(activity()), by="region")
