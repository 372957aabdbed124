"""purchase_features: what was known of buying on a day, against lists of purchases by then."""

from __future__ import annotations

from math import isclose, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from shops import orders
from watched_days import BEGIN, MODEL, asked_table, day

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

W, FIRST = 14, 6
NAMES = ["customer_id", "as_of", "plan"]

line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem"]),
    st.integers(0, 70),
    st.sampled_from([10.0, 19.99, 0.0, -5.0, 0.1]),
    st.sampled_from(["tea", "milk", "bread", None]),
    st.sampled_from(["o1", "o2"]),
)
asked = st.sets(
    st.tuples(st.sampled_from(["Ann", "Bob", "Cem", "Eva"]), st.integers(0, 75)),
    min_size=1,
    max_size=8,
)


def table_of(lines):
    """Order lines as (customer, day number, sales, category, order)."""
    rows = ((who, str(day(n)), paid, kind, name) for who, n, paid, kind, name in lines)
    return orders(*rows, columns=("category", "order_id"))


def change(now, before):
    """From −1 to 1, of nothing none."""
    if now is None or before is None or now + before < 1e-9:
        return None
    return (now - before) / (now + before)


def naive_features(lines, who, a, first, model):
    """All features of one customer on one day, from the lists of what was bought by then."""
    nets, kinds = {}, {}
    for one, n, paid, kind, name in lines:
        if one == who and n <= a:
            nets[n, name] = nets.get((n, name), 0.0) + paid
            kinds[n, name, kind] = kinds.get((n, name, kind), 0.0) + paid
    sales, refunds, bought = {}, {}, set()
    for (n, _), paid in nets.items():
        into = sales if paid >= -1e-9 else refunds
        into[n] = into.get(n, 0.0) + paid
    for (n, name, kind), paid in kinds.items():
        if kind is not None and paid >= -1e-9 and nets[n, name] >= -1e-9:
            bought.add((n, kind))
    days = sorted(sales)
    told = {"n_orders": float(len(days))}
    now = lambda n: a - W < n <= a  # noqa: E731
    before = lambda n: a - 2 * W < n <= a - W  # noqa: E731
    seen_now = a - W + 1 >= first
    seen_before = a - 2 * W + 1 >= first and bool(days) and days[0] <= a - 2 * W
    for name, counted in {
        "orders": lambda ends: float(sum(map(ends, days))),
        "sales": lambda ends: sum(paid for n, paid in sales.items() if ends(n)),
        "breadth": lambda ends: float(len({kind for n, kind in bought if ends(n)})),
    }.items():
        told[f"{name}_now"] = counted(now) if seen_now else None
        told[f"{name}_before"] = counted(before) if seen_before else None
        told[f"{name}_change"] = change(told[f"{name}_now"], told[f"{name}_before"])
    if told["sales_now"] and told["sales_now"] > 1e-9:
        told["refund_share"] = -sum(v for n, v in refunds.items() if now(n)) / told["sales_now"]
    if days:
        mean = told["mean_order"] = sum(sales.values()) / len(days)
        if told["orders_now"]:
            told["mean_order_now"] = told["sales_now"] / told["orders_now"]
            told["mean_order_change"] = change(told["mean_order_now"], mean)
        told |= naive_rhythm(days, a) | naive_chances(days, a, first, model)
    return told


def naive_rhythm(days, a):
    """Gaps, and the silence beside them."""
    s, gaps = float(a - days[-1]), np.diff(days)
    told = {"days_since_last": s}
    if gaps.size:
        told |= {"mean_gap": gaps.mean(), "longest_gap": gaps.max()}
        told |= {"gap_ratio": s / gaps.mean(), "overrun": s / gaps.max()}
    if gaps.size > 1:
        told["sd_gap"] = gaps.std(ddof=1)
    return told


def naive_chances(days, a, first, model):
    """By the closed form, and by the model itself."""
    if model is None:
        return {}
    r, alpha = model.parameters[0], model.parameters[1]
    x, t_x, s = len(days) - 1, days[-1] - days[0], a - days[-1]
    told = {
        "own_rate": (r + x) / (alpha + t_x + s),
        "p_silence": ((alpha + t_x) / (alpha + t_x + s)) ** (r + x),
    }
    if days[0] >= first:
        one = {"customer_id": [1], "x": [x], "t_x": [float(t_x)], "T": [float(a - days[0])]}
        summary = pd.DataFrame({**one, "unit": "day"})
        told["p_no_purchase"] = model.p_no_purchase(summary, within=W)["p_no_purchase"][0]
    return told


def features_on(engine, lines, asked, **said):
    """The library's answer, in pandas, by customer and day."""
    tables = engine.table(asked_table(asked)), engine.table(table_of(lines))
    answer = engine.read(rt.signals.purchase_features(*tables, window=W, **said))
    return answer.sort_values(["customer_id", "as_of"], ignore_index=True)


def agrees_with_lists(engine, lines, asked, late, model=MODEL):
    """Every feature of every customer and day."""
    said = {"observed_from": day(FIRST)} if late else {}
    answer = features_on(engine, lines, asked, model=model, category="category", **said)
    assert len(answer) == len(asked)
    for row in answer.to_dict("records"):
        a = (pd.Timestamp(row["as_of"]).date() - BEGIN).days
        first = FIRST if late else -(10**6)
        told = naive_features(lines, row["customer_id"], a, first, model)
        for name in set(answer.columns) - set(NAMES):
            if told.get(name) is None:
                assert pd.isna(row[name]), (name, row)
            else:
                assert isclose(row[name], told[name], rel_tol=1e-9, abs_tol=1e-12), (name, row)


SHOP = [
    ("Ann", 0, 10.0, "tea", "o1"), ("Ann", 9, 19.99, "milk", "o1"), ("Ann", 9, 0.1, "tea", "o2"),
    ("Ann", 22, 5.0, None, "o1"), ("Ann", 23, -5.0, "milk", "o1"), ("Ann", 40, 0.0, "tea", "o1"),
    ("Bob", 5, 8.0, "tea", "o1"), ("Bob", 5, -9.0, "milk", "o1"), ("Bob", 12, 8.0, "tea", "o1"),
    ("Bob", 12, -3.0, "milk", "o1"), ("Bob", 26, 1.0, "tea", "o1"), ("Bob", 27, 1.0, "milk", "o1"),
]  # fmt: skip
DAYS = {(who, a) for who in ("Ann", "Bob", "Eva") for a in (5, 13, 23, 28, 29, 42, 54)}


@given(lines=st.lists(line, max_size=14), asked=asked, late=st.booleans())
def test_agrees_with_lists_of_what_was_bought_by_then(lines, asked, late):
    """Refunds within orders and alone, free orders, missing categories, strangers, early days."""
    lines = [("Dee", 0, 5.0, "tea", "o1"), *lines]
    agrees_with_lists(Engine("pandas"), lines, asked, late)


@pytest.mark.parametrize("late", [False, True])
def test_every_engine_agrees_with_lists_of_what_was_bought_by_then(engine, late):
    """Purchases on the edges of both windows, refunds, a stranger."""
    agrees_with_lists(engine, SHOP, DAYS, late)


def test_on_every_engine_the_log_cut_on_a_day_tells_the_same_to_the_last_bit(engine):
    """Later orders of the same and other customers, huge ones among them, change nothing."""
    asked = {(who, 30) for who in ("Ann", "Bob")}
    later = [("Ann", 31, 1e15, "milk", "o1"), ("Cem", 40, 0.1, "tea", "o1"),
             ("Bob", 45, -0.3, "tea", "o1")]  # fmt: skip
    some = [(who, n % 30, 0.1 * n, "tea", f"p{n}") for n in range(60) for who in ("Ann", "Bob")]
    told = {"model": MODEL, "category": "category"}
    cut = features_on(engine, SHOP[:4] + some, asked, **told)
    whole = features_on(engine, SHOP[:4] + some + later, asked, **told)
    pd.testing.assert_frame_equal(cut, whole, check_exact=True)


def test_money_in_another_unit_leaves_every_change_as_it_was():
    """In cents, and in thousands."""
    rows = {}
    for unit in (1.0, 100.0, 0.001):
        scaled = [(who, n, paid * unit, kind, name) for who, n, paid, kind, name in SHOP]
        rows[unit] = features_on(Engine("pandas"), scaled, DAYS, category="category")
    names = [name for name in rows[1.0] if name.endswith("_change")]
    assert len(names) == 4
    for unit in (100.0, 0.001):
        pd.testing.assert_frame_equal(rows[unit][names], rows[1.0][names], rtol=1e-9)
        assert isclose(rows[unit]["sales_now"].sum(), unit * rows[1.0]["sales_now"].sum())


def test_two_windows_stand_side_by_side_and_other_columns_stay():
    """Each under its suffix; the label and the plan are as they were."""
    days = asked_table(DAYS)
    table = table_of(SHOP)
    both = rt.signals.purchase_features(
        rt.signals.purchase_features(days, table, window=7, suffix="_7"),
        table, window=30, suffix="_30",
    )  # fmt: skip
    assert list(both.columns[:3]) == NAMES
    alone = rt.signals.purchase_features(days, table, window=30)
    for name in set(alone.columns) - set(NAMES):
        pd.testing.assert_series_equal(both[f"{name}_30"], alone[name], check_names=False)
    assert not both["orders_now_7"].equals(both["orders_now_30"])


def test_snapshots_of_nobody_have_the_columns():
    """An empty table in, an empty table out."""
    days = asked_table(DAYS).head(0)
    found = rt.signals.purchase_features(days, table_of(SHOP), window=7, model=MODEL)
    assert len(found) == 0
    assert found.columns[-1] == "p_no_purchase"


def test_a_model_of_weeks_says_the_same_as_one_of_days():
    """Its α is seven times as long in days."""
    r, alpha, a, b = MODEL.parameters
    weeks = MODEL.model_copy(update={"unit": "week", "parameters": (r, alpha / 7, a, b)})
    by_days = features_on(Engine("pandas"), SHOP, DAYS, model=MODEL)
    by_weeks = features_on(Engine("pandas"), SHOP, DAYS, model=weeks)
    pd.testing.assert_frame_equal(by_days, by_weeks, rtol=1e-9)


def test_the_spread_of_gaps_is_worked_by_hand():
    """Gaps of 2, 4 and 9 days: mean 5, variance (9 + 1 + 16) / 2."""
    lines = [("Ann", n, 1.0, "tea", "o1") for n in (0, 2, 6, 15)]
    found = features_on(Engine("pandas"), lines, {("Ann", 20)})
    assert found["sd_gap"][0] == sqrt(13)
    assert found[["mean_gap", "gap_ratio", "overrun"]].to_numpy().tolist() == [[5, 1, 5 / 9]]


def test_refuses_what_cannot_be_and_says_what_to_do():
    """Names taken, windows, suffixes, categories, models, currencies, tables of two kinds."""
    days, table = asked_table(DAYS), table_of(SHOP)
    ask = rt.signals.purchase_features
    with pytest.raises(rt.RetentionError, match="window must be a whole number of days"):
        ask(days, table, window=0)
    with pytest.raises(rt.RetentionError, match="suffix must be text"):
        ask(days, table, window=7, suffix=7)
    with pytest.raises(rt.RetentionError, match="observed_from must be a day"):
        ask(days, table, window=7, observed_from="once")
    with pytest.raises(rt.RetentionError, match="model must be fitted"):
        ask(days, table, window=7, model=3)
    with pytest.raises(rt.ColumnError, match="category names 'kind'"):
        ask(days, table, window=7, category="kind")
    with pytest.raises(rt.ColumnError, match="not labels"):
        ask(days, table, window=7, category="sales")
    once = ask(days, table, window=7)
    with pytest.raises(rt.ColumnError, match="'days_since_last' is there already"):
        ask(once, table, window=7)
    assert len(ask(once, table, window=7, suffix="_b")) == len(days)
    mixed = table.assign(currency=["EUR", "USD"] * (len(table) // 2))
    with pytest.raises(rt.ContentError, match="EUR"):
        ask(days, mixed, window=7)
    with pytest.raises(rt.TableError, match="give both as the same kind"):
        ask(Engine("polars").table(days), table, window=7)
    with pytest.raises(rt.ContentError, match="transactions is empty"):
        ask(days, table.head(0), window=7)
