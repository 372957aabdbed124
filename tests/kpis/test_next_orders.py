"""Who orders again and after how long, against customers followed one by one."""

from __future__ import annotations

import re
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from shops import orders, refund_only

QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")
AS_OF = pd.Timestamp("2024-03-31")


def days_twin(lines):
    """The days on which each customer bought, and the least kind of the first one's purchases."""
    parts = defaultdict(list)
    for row in lines[lines["date"] <= AS_OF].to_dict("records"):
        parts[row["customer_id"], row["date"], row["order_id"]].append(row)
    bought = {key: rows for key, rows in parts.items() if sum(r["sales"] for r in rows) >= 0}
    days, kinds = defaultdict(set), {}
    for who, day, _ in bought:
        days[who].add(day)
    for who in days:
        first = [
            r["kind"]
            for (one, day, _), rows in bought.items()
            for r in rows
            if one == who and day == min(days[who])
        ]
        kinds[who] = min((kind for kind in first if isinstance(kind, str)), default="(missing)")
    return {who: sorted(found) for who, found in days.items()}, kinds


def waits_twin(lines, k, since):
    """For each kind the waits after the k-th order: day of it, length, whether it ended."""
    days, kinds = days_twin(lines)
    waits, aside = defaultdict(list), defaultdict(int)
    for who, on in days.items():
        if since is not None and on[0] < pd.Timestamp(since):
            aside[kinds[who]] += 1
        elif len(on) >= k:
            back = len(on) > k
            end = on[k] if back else AS_OF
            waits[kinds[who]].append((on[k - 1], (end - on[k - 1]).days, back))
    return waits, aside


def curve_twin(waits):
    """Kaplan–Meier as fractions: duration, at risk, returned, censored, share."""
    share, rows = Fraction(1), []
    for t in sorted({length for _, length, _ in waits}):
        at_risk = sum(length >= t for _, length, _ in waits)
        back = sum(length == t and came for _, length, came in waits)
        share *= 1 - Fraction(back, at_risk)
        censored = sum(length == t and not came for _, length, came in waits)
        rows.append((t, at_risk, back, censored, float(1 - share)))
    return rows


@st.composite
def logs(draw):
    """Lines of some customers, in orders that may be returned, of kinds that may be missing."""
    line = st.tuples(
        st.sampled_from("abcdefg"),
        st.integers(0, 95),
        st.sampled_from([1.0, 2.0, 3.0, -2.0]),
        st.sampled_from(["x", "y", None]),
        st.integers(0, 1),
    )
    rows = draw(st.lists(line, min_size=1, max_size=40))
    frame = pd.DataFrame([("z", 3, 1.0, "y", 0), *rows])
    frame.columns = pd.Index(["customer_id", "date", "sales", "kind", "order_id"])
    frame["order_id"] = "o" + frame["order_id"].astype(str)
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["date"], unit="D")
    return frame.astype({"date": "datetime64[us]"})


@QUIET
@given(lines=logs(), since=st.sampled_from([None, "2024-01-03"]))
def test_every_curve_is_that_of_customers_followed_one_by_one(engine, lines, since):
    """By the kind of the first order, after the first, second and third one."""
    said = {"as_of": AS_OF, "observed_from": since, "by": "kind", "orders": (3, 1, 2)}
    found = engine.read(rt.kpis.time_to_next_order(engine.table(lines), **said))
    seen = dict(tuple(found.groupby(["kind", "order"])))
    for k in (1, 2, 3):
        waits, aside = waits_twin(lines, k, since)
        assert {kind for kind, order in seen if order == k} == set(waits)
        for kind, mine in waits.items():
            part = seen[kind, k].sort_values("duration")
            counts = part[["duration", "n_at_risk", "n_returned", "n_censored", "returned_share"]]
            np.testing.assert_allclose(counts.astype(float), curve_twin(mine), atol=1e-12)
            assert set(part["n_customers"]) == {len(mine)}
            assert set(part["n_set_aside"]) == {aside[kind]}


@QUIET
@given(lines=logs(), within=st.integers(1, 60))
def test_every_rate_is_that_of_customers_followed_one_by_one(engine, lines, within):
    """By the kind of the first order and by the month of the one that is counted from."""
    said = {"as_of": AS_OF, "within": within, "by": "kind", "orders": [1, 2]}
    found = engine.read(rt.kpis.repeat_rate(engine.table(lines), freq="month", **said))
    expected = []
    for k in (1, 2):
        for kind, waits in waits_twin(lines, k, None)[0].items():
            for month in {day.replace(day=1) for day, _, _ in waits}:
                mine = [one for one in waits if one[0].replace(day=1) == month]
                mature = [one for one in mine if (AS_OF - one[0]).days >= within]
                again = sum(back and length <= within for _, length, back in mature)
                ever = sum(back for _, _, back in mine)
                expected.append((kind, month, k, len(mine), len(mature), again, ever))
    names = ["kind", "period", "order", "n_customers", "n_followed", "n_repeat", "n_repeat_to_date"]
    assert [tuple(row) for row in found[names].itertuples(index=False)] == sorted(expected)
    rates = rt.intervals.ratio(found["n_repeat"], found["n_followed"])
    np.testing.assert_allclose(found["repeat_rate"].astype(float), rates)
    whole = rt.intervals.ratio(found["n_repeat_to_date"], found["n_customers"])
    np.testing.assert_allclose(found["to_date_share"].astype(float), whole)


def test_freireich_1963_as_kleinbaum_and_klein_print_it():
    """Remission of 21 patients on 6-MP (Survival Analysis, 3rd ed., table 2.1): median 23 weeks."""
    ended, seen = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    day = pd.Timestamp("2024-06-01")
    rows = [(f"e{n}", "2024-01-01", 1) for n in range(9)]
    rows += [
        (f"e{n}", pd.Timestamp("2024-01-01") + pd.Timedelta(t, "D"), 1) for n, t in enumerate(ended)
    ]
    rows += [(f"c{n}", day - pd.Timedelta(t, "D"), 1) for n, t in enumerate(seen)]
    lines = orders(*((who, f"{pd.Timestamp(on):%Y-%m-%d}", paid) for who, on, paid in rows))
    curve = rt.kpis.time_to_next_order(lines, as_of=day)
    at = curve[curve["n_returned"] > 0]
    assert at["duration"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert at["n_at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    printed = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert (1 - at["returned_share"]).round(4).tolist() == printed
    assert set(curve["median_days"]) == {23}
    assert set(curve["quarter_days"]) == {13}


@QUIET
def test_the_curve_and_its_half_are_those_of_the_survival_functions():
    """Given the waits as spells: shares, bounds and the median with its own."""
    lines = rt.sample_company(400, seed=6).orders.assign(kind="x", order_id="o")
    curve = rt.kpis.time_to_next_order(lines, as_of=AS_OF)
    waits = waits_twin(
        lines[["customer_id", "date", "sales", "kind", "order_id"]].assign(
            date=lines["date"].dt.normalize()
        ),
        1,
        None,
    )[0]["x"]
    spells = pd.DataFrame(
        {"duration": [length for _, length, _ in waits], "churned": [back for _, _, back in waits]}
    )
    expected = rt.survival_curve(spells)
    assert curve["duration"].tolist() == expected["duration"].tolist()
    np.testing.assert_allclose(curve["returned_share"], 1 - expected["survival"], atol=1e-12)
    np.testing.assert_allclose(curve["lower"], 1 - expected["upper"], atol=1e-12)
    np.testing.assert_allclose(curve["upper"], 1 - expected["lower"], atol=1e-12)
    half = rt.median_lifetime(expected)
    mine = curve[["median_days", "median_days_lower", "median_days_upper"]].iloc[0].tolist()
    assert mine == half[["lifetime", "lower", "upper"]].iloc[0].tolist()


@QUIET
def test_the_rate_by_curve_is_the_curve_there_and_the_plain_one_where_all_were_followed():
    """With nobody censored before, Kaplan–Meier is the share."""
    lines = rt.sample_company(300, seed=7).orders
    said = {"as_of": "2024-12-31", "orders": [1, 2], "by": "channel"}
    curve = rt.kpis.time_to_next_order(lines, **said)
    rate = rt.kpis.repeat_rate(lines, within=60, **said)
    there = curve[curve["duration"] <= 60].groupby(["channel", "order"]).last()
    for one, other in {"returned_share": "returned_share", "returned_share_lower": "lower"}.items():
        np.testing.assert_allclose(rate[one], there[other], rtol=1e-12)
    early = lines[lines["customer_id"].isin(lines[lines["date"] < "2023-06-01"]["customer_id"])]
    old = rt.kpis.repeat_rate(early, within=60, as_of="2024-12-31")
    assert old["n_followed"].tolist() == old["n_customers"].tolist()
    np.testing.assert_allclose(old["returned_share"], old["repeat_rate"], rtol=1e-12)


@QUIET
def test_periods_and_segments_add_up():
    """Every customer has one first order, in one month, of one channel."""
    lines = rt.sample_company(300, seed=8).orders
    said = {"within": 90, "as_of": "2024-12-31", "orders": [1, 3]}
    whole = rt.kpis.repeat_rate(lines, **said).set_index("order")
    assert whole["period"].isna().all()
    counts = ["n_customers", "n_followed", "n_repeat", "n_repeat_to_date"]
    for more in ({"by": "channel"}, {"freq": "week"}, {"freq": "quarter", "by": "region"}):
        parts = rt.kpis.repeat_rate(lines, **said, **more).groupby("order")[counts].sum()
        assert parts.to_numpy().tolist() == whole[counts].to_numpy().tolist()


def test_the_rate_of_nobody_followed_so_long_is_null():
    """Of two customers who came yesterday, nothing is known of a month."""
    lines = orders(("Ann", "2024-01-01", 1), ("Bob", "2024-01-01", 1), ("Bob", "2024-01-02", 1))
    row = rt.kpis.repeat_rate(lines, within=30, as_of="2024-01-02").iloc[0]
    assert row[["n_customers", "n_followed", "n_repeat", "n_repeat_to_date"]].tolist() == [
        2,
        0,
        0,
        1,
    ]
    assert row[["repeat_rate", "lower", "upper", "returned_share"]].isna().all()
    assert row["to_date_share"] == 1 / 2


def test_several_orders_of_a_day_are_one_and_refunds_none():
    """Bob's refund is no second order; nor is Ann's other order of the same day."""
    lines = pd.concat([refund_only(), orders(("Ann", "2024-01-01", 3))])
    curve = rt.kpis.time_to_next_order(lines, as_of="2024-02-29")
    assert curve[["duration", "n_returned", "n_censored"]].to_numpy().tolist() == [
        [40, 0, 1],
        [57, 1, 0],
    ]


def test_where_half_have_not_come_back_there_is_no_median():
    """Nor a quarter, where nobody has."""
    lines = orders(("Ann", "2024-01-01", 1), ("Bob", "2024-01-01", 1))
    curve = rt.kpis.time_to_next_order(lines, as_of="2024-01-06")
    assert curve["returned_share"].tolist() == [0]
    days = ["quarter_days", "median_days", "median_days_lower", "median_days_upper"]
    assert curve[days].isna().all(axis=None)


@QUIET
def test_rows_may_come_in_any_order_and_ids_be_numbers():
    """Nor does an order line in two parts change anything."""
    lines = rt.sample_company(80, seed=9).orders
    said = {"as_of": "2024-12-31", "observed_from": "2022-03-01", "by": ["channel", "category"]}
    plain = rt.kpis.time_to_next_order(lines, orders=[1, 2], **said)
    halves = pd.concat([lines.assign(sales=lines["sales"] / 2)] * 2)
    numbers = lines.assign(customer_id=lines["customer_id"].astype("category").cat.codes + 5)
    coded = lines.assign(channel=lines["channel"].astype("category").cat.add_categories("never"))
    seconds = lines.assign(date=lines["date"].astype("datetime64[s]"))
    for other in (lines.sample(frac=1, random_state=1), halves, numbers, coded, seconds):
        found = rt.kpis.time_to_next_order(other, orders=[1, 2], **said)
        pd.testing.assert_frame_equal(found, plain, check_dtype=False)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"orders": 0}, "orders must be"),
        ({"orders": []}, "orders must name one order or more"),
        ({"orders": [1, 1.5]}, "orders must be"),
        ({"orders": 3}, "Nobody ordered first and 3 times by 2024-02-29"),
        (
            {"observed_from": "2024-02-01"},
            "Nobody ordered first on 2024-02-01.*2 had ordered before",
        ),
        ({"observed_from": "2024-03-01"}, "after as_of"),
        ({"level": 2}, "level"),
        ({"by": "duration"}, "duration"),
        ({"as_of": "2023-12-31"}, "the first order is of 2024-01-01"),
    ],
)
def test_what_cannot_be_told_is_refused(said, message):
    """In words that name the keyword."""
    with pytest.raises(rt.RetentionError) as refusal:
        rt.kpis.time_to_next_order(refund_only(), **{"as_of": "2024-02-29", **said})
    assert re.search(message, str(refusal.value).replace("`", ""))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"within": 0}, "within must be"),
        ({"within": 30, "freq": "fortnight"}, "freq must be one of"),
    ],
)
def test_a_rate_that_cannot_be_told_is_refused(said, message):
    """The same of `repeat_rate`."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.kpis.repeat_rate(refund_only(), as_of="2024-02-29", **said)
