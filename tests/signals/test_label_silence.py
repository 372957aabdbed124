"""label_silence: who bought nothing in a window after a day, against a look at each customer."""

from __future__ import annotations

from math import ceil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.signals.days import own_rates
from watched_days import MODEL, asked_table, day, line, naive_days, table_of

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

AS_OF = 60
asked = st.sets(
    st.tuples(st.sampled_from(["Ann", "Bob", "Cem", "Dee", "Eva"]), st.integers(0, 58)),
    min_size=1,
    max_size=8,
)


def naive_window(known, a, miss):
    """The own window of a customer who bought on these days, by the formula."""
    rates = own_rates.rates_of_purchases(MODEL)
    x, t_x, s = len(known) - 1, max(known) - min(known), a - max(known)
    return ceil((rates.alpha + t_x + s) * (miss ** (-1 / (rates.r + x)) - 1))


def naive_label(bought, a, lead, within, miss):
    """The label of one customer and day, its window and why it is not known."""
    known = [n for n in bought if n <= a]
    w = within
    if miss is not None:
        if not known:
            return None, None, "no purchase by that day"
        w = naive_window(known, a, miss)
    last = a + lead + w
    if w > within:
        return None, last, "own window longer than within"
    if last > AS_OF:
        return None, last, "window not over"
    return float(not any(a + lead < n <= last for n in bought)), last, None


def agrees_with_a_look_at_each(engine, lines, asked, lead, within, miss=None):
    """Every label of the answer is the one found by hand."""
    own = {} if miss is None else {"window": "own", "model": MODEL, "miss": miss}
    tables = (engine.table(asked_table(asked)), engine.table(table_of(lines)))
    question = {"within": within, "lead": lead, "as_of": day(AS_OF), **own}
    answer = engine.read(rt.signals.label_silence(*tables, **question))
    bought = naive_days([row for row in lines if row[1] <= AS_OF])
    assert len(answer) == len(asked)
    assert set(answer["plan"]) == {"basic"}
    for row in answer.to_dict("records"):
        a = (pd.Timestamp(row["as_of"]).date() - day(0)).days
        label, last, why = naive_label(bought.get(row["customer_id"], ()), a, lead, within, miss)
        told = row["churned"]
        assert (None if np.isnan(told) else told) == label
        assert row["label_reason"] == why or (why is None and pd.isna(row["label_reason"]))
        assert pd.Timestamp(row["label_from"]).date() == day(a + lead + 1)
        ends = [pd.isna(row[name]) for name in ("label_to", "known_on")]
        assert ends == [last is None] * 2
        if last is not None:
            assert pd.Timestamp(row["label_to"]).date() == day(last)
            assert row["known_on"] == row["label_to"]
    return answer


@given(lines=st.lists(line, max_size=10), asked=asked, lead=st.integers(0, 9), w=st.integers(1, 30))
def test_agrees_with_a_look_at_each_customer(lines, asked, lead, w):
    """Refunds, strangers, purchases on the edges of lead and window, orders after as_of."""
    lines = [("Dee", 0, 5.0), ("Dee", 61, 5.0), *lines]
    agrees_with_a_look_at_each(Engine("pandas"), lines, asked, lead, w)


@given(lines=st.lists(line, max_size=10), asked=asked, miss=st.sampled_from([0.05, 0.4, 0.8]))
def test_own_windows_agree_with_the_formula(lines, asked, miss):
    """Of customers who bought once, often, not yet."""
    lines = [("Dee", 0, 5.0), ("Dee", 60, 5.0), *lines]
    agrees_with_a_look_at_each(Engine("pandas"), lines, asked, 2, 40, miss)


@pytest.mark.parametrize("miss", [None, 0.8])
def test_every_engine_agrees_with_a_look_at_each_customer(engine, miss):
    """A purchase on the last day of the lead, on the edges of the window, none, a stranger."""
    lines = [("Ann", 0, 5.0), ("Ann", 12, 5.0), ("Ann", 13, 5.0), ("Ann", 22, 5.0),
             ("Bob", 4, 5.0), ("Bob", 6, -5.0), ("Bob", 61, 5.0)]  # fmt: skip
    asked = {(who, a) for who in ("Ann", "Bob", "Eva") for a in (5, 10, 11, 12, 48, 49)}
    answer = agrees_with_a_look_at_each(engine, lines, asked, 2, 10, miss)
    assert answer["churned"].nunique() == 2


def test_the_half_seen_window_is_null_for_who_bought_already():
    """Ann bought in it, but it is not over; a day later it is."""
    lines = [("Ann", 0, 5.0), ("Ann", 12, 5.0), ("Bob", 20, 5.0)]
    days = asked_table({("Ann", 10)})
    ask = {"within": 10, "lead": 0}
    early = rt.signals.label_silence(days, table_of(lines), as_of=day(19), **ask)
    assert early["churned"].isna().all()
    assert early["label_reason"].tolist() == ["window not over"]
    over = rt.signals.label_silence(days, table_of(lines), as_of=day(20), **ask)
    assert over["churned"].tolist() == [0.0]


def test_who_never_leaves_is_missed_by_own_windows_as_often_as_was_said():
    """Poisson buyers of Gamma rates: the share of ones is `miss`."""
    draw = np.random.default_rng(7)
    n, r, alpha = 1500, 1.5, 30.0
    rate = draw.gamma(r, 1 / alpha, n)
    counts = draw.poisson(rate * 1500)
    who = np.repeat(np.arange(n), counts + 1)
    when = draw.integers(1, 1501, who.size)
    when[np.append(0, np.cumsum(counts + 1)[:-1])] = 0  # the first purchase
    dates = pd.Timestamp(day(0)) + pd.to_timedelta(when, unit="D")
    table = pd.DataFrame({"customer_id": who, "date": dates.astype("datetime64[us]")})
    table = table.assign(sales=1.0)
    model = MODEL.model_copy(update={"parameters": (r, alpha, *MODEL.parameters[2:])})
    days = rt.signals.snapshots(table, dates=day(400), active_within=401)
    told = rt.signals.label_silence(
        days, table, within=1000, as_of=day(1500), window="own", model=model, miss=0.2
    )
    known = told["churned"].dropna()
    assert len(known) > 0.9 * n
    assert abs(known.mean() - 0.2) < 3 * np.sqrt(0.2 * 0.8 / len(known)) + 0.01


def test_warns_where_most_own_windows_are_not_known():
    """Of slow customers the window is longer than the log allows."""
    days = asked_table({("Ann", 10)})
    with pytest.warns(rt.RetentionWarning, match="1 of 1 labels are not known"):
        rt.signals.label_silence(
            days, table_of([("Ann", 0, 5.0), ("Ann", 60, 5.0)]), within=3, as_of=day(60),
            window="own", model=MODEL, miss=0.001,
        )  # fmt: skip


def test_refuses_what_is_no_window_and_says_what_to_do():
    """Windows, leads, models, labels that are there, tables of two kinds."""
    days, table = asked_table({("Ann", 10)}), table_of([("Ann", 0, 5.0)])
    ask = rt.signals.label_silence
    fixed = {"within": 10, "as_of": day(60)}
    with pytest.raises(rt.RetentionError, match="within must be a whole number"):
        ask(days, table, within=0, as_of=day(60))
    with pytest.raises(rt.RetentionError, match="lead must be a whole number"):
        ask(days, table, lead=-1, **fixed)
    with pytest.raises(rt.RetentionError, match="window must be one of 'fixed', 'own'"):
        ask(days, table, window="each", **fixed)
    with pytest.raises(rt.RetentionError, match="say model="):
        ask(days, table, window="own", **fixed)
    with pytest.raises(rt.RetentionError, match="window='fixed' takes none"):
        ask(days, table, model=MODEL, **fixed)
    with pytest.raises(rt.RetentionError, match="model must be fitted"):
        ask(days, table, window="own", model="mbg", **fixed)
    with pytest.raises(rt.RetentionError, match="miss is a share between 0 and 1"):
        ask(days, table, window="own", model=MODEL, miss=5, **fixed)
    labelled = ask(days, table, **fixed)
    with pytest.raises(rt.ColumnError, match="'churned' is there already. Drop it"):
        ask(labelled, table, **fixed)
    again = ask(labelled[["customer_id", "as_of"]], table, **fixed)
    assert again["churned"].tolist() == labelled["churned"].tolist()
    with pytest.raises(rt.ContentError, match="1 row has no 'as_of'. Leave them out"):
        ask(days.assign(as_of=pd.NaT), table, **fixed)
    with pytest.raises(rt.ColumnError, match="Give both the same type"):
        ask(days.assign(customer_id=1), table, **fixed)
    with pytest.raises(rt.TableError, match="give both as the same kind"):
        ask(Engine("polars").table(days), table, **fixed)
