"""The door for wallets."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from retention.tables import WALLET, require

NAMES = {"customer_id": "who", "date": "month"}


def survey(**columns):
    """What three customers spend."""
    known = {"who": ["Ann", "Bob", "Cem"], "month": ["2024-01-01"] * 3, "all": [50.0, 45.0, 0.0]}
    return pd.DataFrame({**known, **columns})


def test_a_wallet_is_what_is_spent_with_everyone(engine):
    """Said as such, or as the sum of what is spent with us and elsewhere."""
    table = engine.table(survey(us=[30, 0, 0], others=[20, 45, 0]))
    one = rt.as_wallet(table, **NAMES, wallet="all")
    other = rt.as_wallet(table, **NAMES, sales="us", elsewhere="others")
    assert engine.is_mine(one)
    order = ["customer_id"]
    pd.testing.assert_frame_equal(engine.read(one, order=order), engine.read(other, order=order))
    assert list(require(one, WALLET).collect_schema()) == ["customer_id", "date", "wallet"]


def test_a_wallet_below_0_is_refused(engine):
    """Nobody spends less than nothing."""
    with pytest.raises(rt.ContentError, match="wallet below 0: 1 row"):
        rt.as_wallet(engine.table(survey(all=[1.0, -1.0, 0.0])), **NAMES, wallet="all")


@pytest.mark.parametrize("said", [{}, {"sales": "all"}, {"wallet": "all", "elsewhere": "all"}])
def test_a_wallet_is_said_in_one_way(said):
    """The whole, or both parts."""
    with pytest.raises(rt.RetentionError, match="Say either wallet="):
        rt.as_wallet(survey(), **NAMES, **said)


def test_a_wallet_goes_into_its_figure():
    """From the file to the share of wallet."""
    orders = pd.DataFrame(
        {"who": "Ann", "month": ["2024-01-01", "2024-01-31"], "paid": [5.0, 20.0]}
    )
    activity = rt.customer_periods(
        rt.as_transactions(orders, **NAMES, sales="paid"), freq="month", as_of="2024-01-31"
    )
    share = rt.share_of_wallet(activity, rt.as_wallet(survey(), **NAMES, wallet="all"))
    assert share["share_of_wallet"].tolist() == [0.5]
