"""share_of_wallet: against a twin in loops, by example, and its refusals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.periods import step_of
from shops import orders

names = st.sampled_from(["Ann", "Bob", "Cem", "Dee"])
days = st.dates(date(2024, 1, 1), date(2024, 3, 31))
ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def wallets(*rows):
    """What customers spend on the category, as (customer, day, wallet)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "wallet"])
    days = pd.to_datetime(frame["date"], format="ISO8601").astype("datetime64[us]")
    return frame.assign(date=days, wallet=frame["wallet"].astype(float))


@ignore_silence
@given(
    lines=st.lists(st.tuples(names, days, st.integers(1, 9)), min_size=1, max_size=20),
    spent=st.lists(st.tuples(names, days, st.integers(1, 30)), max_size=15),
)
def test_agrees_with_the_definition_in_sets(engine, lines, spent):
    """Counts, sums and shares of all and of the retained are those of the definition."""
    frame = orders(("Ann", "2024-01-01", 1), *lines)
    wallet = wallets(("Ann", "2024-01-01", 3), *spent)
    sales, purse = defaultdict(int), defaultdict(int)
    for row in frame.itertuples():
        sales[row.customer_id, step_of(row.date.date(), "month")] += row.sales
    for row in wallet.itertuples():
        purse[row.customer_id, step_of(row.date.date(), "month")] += row.wallet
    activity = rt.customer_periods(engine.table(frame), freq="month", as_of="2024-03-31")
    found = engine.read(rt.share_of_wallet(activity, engine.table(wallet)), order=["step"])
    for row in found.to_dict("records"):
        active = [c for c, step in sales if step == row["step"]]
        known = [c for c in active if (c, row["step"]) in purse]
        assert (row["n_customers"], row["n_with_wallet"]) == (len(active), len(known))
        assert row["n_without_wallet"] == len(active) - len(known)
        ours = sum(sales[c, row["step"]] for c in known)
        theirs = sum(purse[c, row["step"]] for c in known)
        assert (row["sales"], row["wallet"]) == pytest.approx((ours, theirs))
        assert np.isnan(row["share_of_wallet"]) if not known else True
        if known:
            assert row["share_of_wallet"] == pytest.approx(ours / theirs, rel=1e-9)
        stayed = [c for c in active if (c, row["step"] - 1) in sales]
        if row["step"] == 24288:
            assert np.isnan(row["n_retained"])
        else:
            assert row["n_retained"] == len(stayed)
            assert row["n_retained_with_wallet"] == len([c for c in stayed if c in known])


def test_sample_company_gives_away_the_share_it_was_made_with():
    """The sample's wallet is what customers spend with us plus elsewhere."""
    company = rt.sample_company(2_000, seed=1)
    activity = rt.customer_periods(
        company.orders, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01"
    )
    wallet = company.wallet.rename(columns={"period": "date"})
    found = rt.share_of_wallet(activity, wallet)
    assert (found["n_above_wallet"] == 0).all()
    assert found["share_of_wallet"].between(0, 1).all()
    bound = found[found["bounds"] == "linearised"]
    assert len(bound) >= 6
    assert (bound["lower"] < bound["share_of_wallet"]).all()
    last = found.iloc[-1]
    us = company.wallet[company.wallet["period"] == "2024-10-01"]
    buyers = set(company.orders.query("'2024-10-01' <= date and sales > 0")["customer_id"])
    mine = us[us["customer_id"].isin(buyers)]
    share = (mine["wallet"] - mine["elsewhere"]).sum() / mine["wallet"].sum()
    assert last["share_of_wallet"] == pytest.approx(share, rel=1e-9)


def test_customers_who_spend_more_with_us_than_at_all_are_counted():
    """A wallet below our own sales is wrong somewhere; it stays in and is pointed out."""
    activity = rt.customer_periods(
        orders(("Ann", "2024-01-01", 30)), freq="day", as_of="2024-01-01"
    )
    found = rt.share_of_wallet(activity, wallets(("Ann", "2024-01-01", 20)))
    assert found[["n_above_wallet", "share_of_wallet"]].values.tolist() == [[1, 1.5]]


def test_a_large_activity_that_goes_through_duckdb_meets_a_small_wallet(monkeypatch):
    """The wallet follows the activity to the engine that counts."""
    frame = orders(("Ann", "2024-01-01", 30), ("Bob", "2024-01-01", 10), ("Ann", "2024-01-02", 1))
    activity = rt.customer_periods(frame, freq="day", as_of="2024-01-02")
    wallet = wallets(("Ann", "2024-01-01", 60))
    small = rt.share_of_wallet(activity, wallet)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 2)
    pd.testing.assert_frame_equal(rt.share_of_wallet(activity, wallet), small)


def test_refuses_a_wallet_of_other_customers():
    """Ids that never meet are a mistake, not a share of nothing."""
    activity = rt.customer_periods(orders(("Ann", "2024-01-01", 1)), freq="day", as_of="2024-01-01")
    with pytest.raises(rt.ContentError, match="No customer_id of wallet is active"):
        rt.share_of_wallet(activity, wallets(("ann", "2024-01-01", 1)))


def test_a_wallet_that_is_not_filled_in_is_no_wallet(engine):
    """Null is not 0: such customers are counted as without a figure."""
    activity = rt.customer_periods(
        engine.table(orders(("Ann", "2024-01-01", 10), ("Bob", "2024-01-01", 20))),
        freq="day", as_of="2024-01-01",
    )  # fmt: skip
    wallet = engine.table(wallets(("Ann", "2024-01-01", None), ("Bob", "2024-01-01", 50)))
    found = engine.read(rt.share_of_wallet(activity, wallet))
    assert found[["n_with_wallet", "share_of_wallet"]].values.tolist() == [[1, 0.4]]


def test_refuses_a_wallet_whose_ids_are_numbers_where_ours_are_text():
    """The engines would each fail in their own words."""
    activity = rt.customer_periods(orders(("Ann", "2024-01-01", 1)), freq="day", as_of="2024-01-01")
    with pytest.raises(rt.ColumnError, match="wallet: 'customer_id' holds Int64, in activity"):
        rt.share_of_wallet(activity, wallets((1, "2024-01-01", 1)))


def test_refuses_a_wallet_of_another_kind():
    """A pandas activity and a Polars wallet are not joined behind the user's back."""
    import polars as pl

    activity = rt.customer_periods(orders(("Ann", "2024-01-01", 1)), freq="day", as_of="2024-01-01")
    with pytest.raises(rt.TableError, match="wallet is a polars table beside a pandas one"):
        rt.share_of_wallet(
            activity, pl.DataFrame(wallets(("Ann", "2024-01-01", 1)).to_dict("list"))
        )


def test_refuses_a_wallet_without_amounts():
    """The missing column is named with its meaning."""
    activity = rt.customer_periods(orders(("Ann", "2024-01-01", 1)), freq="day", as_of="2024-01-01")
    with pytest.raises(rt.ColumnError, match="wallet .* lacks 'wallet' .what the customer spent"):
        rt.share_of_wallet(activity, wallets(("Ann", "2024-01-01", 1))[["customer_id", "date"]])


def test_refuses_a_wallet_on_another_duckdb_connection():
    """Two connections are two databases; the message says so before anything is computed."""
    import duckdb

    frame = orders(("Ann", "2024-01-01", 1))
    first, second = duckdb.connect(), duckdb.connect()
    activity = rt.customer_periods(first.from_df(frame), freq="day", as_of="2024-01-01")
    wallet = wallets(("Ann", "2024-01-01", 1))
    with pytest.raises(rt.TableError, match="wallet is on another DuckDB connection"):
        rt.share_of_wallet(activity, second.from_df(wallet))
