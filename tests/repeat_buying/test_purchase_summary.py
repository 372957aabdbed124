"""purchase_summary and split_summary: customers in a few numbers, against loops over orders."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from shops import orders, refund_only, same_day_twice

AS_OF, CUT, NEW_FROM = date(2024, 2, 28), date(2024, 1, 31), date(2023, 12, 20)
COLUMNS = ["customer_id", "x", "t_x", "T", "mean_sales", "n_orders", "unit"]
HOLDOUT = ["n_holdout", "holdout_sales", "T_holdout"]
DAYS = {"day": 1, "week": 7}

ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def week_of(day):
    """The Monday of a day."""
    return day - timedelta(day.weekday())


def last_whole(day, grain):
    """The last day, or the Monday of the last week, that had passed by the end of a day."""
    if grain == "day":
        return day
    return week_of(day) if day.weekday() == 6 else week_of(day) - timedelta(7)


def bought(frame, grain):
    """For each customer and day (or Monday): the sales of every order that is a purchase."""
    totals = defaultdict(int)
    for row in frame.to_dict("records"):
        day = row["date"].date()
        totals[row["customer_id"], row.get("order_id", day), day] += int(row["sales"])
    days = defaultdict(lambda: defaultdict(list))
    for (customer, _, day), total in totals.items():
        if total >= 0:
            days[customer][day if grain == "day" else week_of(day)].append(total)
    return days


def naive(frame, *, as_of, unit, grain, observed_from=None, cut=None):
    """Walk each customer's days: those up to the cut, then those after it."""
    rows = []
    end, known = last_whole(as_of, grain), last_whole(cut or as_of, grain)
    for customer, sales in sorted(bought(frame, grain).items()):
        seen = [day for day in sorted(sales) if day <= known]
        later = [day for day in sales if known < day <= end]
        if not seen or (observed_from and seen[0] < observed_from):
            continue
        repeats = [sum(sales[day]) for day in seen[1:]]
        row = {
            "customer_id": customer,
            "x": len(repeats),
            "t_x": Fraction((seen[-1] - seen[0]).days, DAYS[unit]),
            "T": Fraction((known - seen[0]).days, DAYS[unit]),
            "mean_sales": Fraction(sum(repeats), len(repeats)) if repeats else None,
            "n_orders": sum(len(sales[day]) for day in seen),
            "unit": unit,
        }
        if cut:
            row["n_holdout"] = len(later)
            row["holdout_sales"] = sum(sum(sales[day]) for day in later)
            row["T_holdout"] = Fraction((end - known).days, DAYS[unit])
        rows.append(row)
    return rows


def agree(answer, expected):
    """Counts are exact; ages and money are the floats nearest to the fractions."""
    assert answer["customer_id"].tolist() == [row["customer_id"] for row in expected]
    for column in answer.columns[1:]:
        seen = [None if pd.isna(value) else value for value in answer[column]]
        wanted = [row[column] for row in expected]
        floats = [float(value) if isinstance(value, Fraction) else value for value in wanted]
        assert seen == floats, column


line = st.tuples(
    st.integers(1, 4),
    st.dates(date(2023, 12, 4), date(2024, 3, 10)),
    st.integers(-2, 6),
    st.integers(1, 3),
)
logs = st.lists(line, min_size=1, max_size=40)
FIRST = (1, date(2024, 1, 2), 100, 1)
NAMES = {1: "Ann", 2: "Bob", 3: "Cem", 4: "Dee"}
units = st.sampled_from(["day", "week"])


def log_of(lines, *, named, ordered, refunds=True):
    """A log with a first line that is a purchase; text or whole numbers for ids."""
    frame = orders(FIRST, *lines, columns=("order_id",))
    if named:
        frame["customer_id"] = frame["customer_id"].map(NAMES)
    if not refunds:
        frame["sales"] = frame["sales"].abs()
    return frame if ordered else frame.drop(columns="order_id")


@ignore_silence
@settings(max_examples=at_most(6))
@given(lines=logs, named=st.booleans(), ordered=st.booleans(), units=st.tuples(units, units))
def test_agrees_with_a_loop_over_customers(engine, lines, named, ordered, units):
    """Every column, with or without refunds, orders of several lines."""
    frame = log_of(lines, named=named, ordered=ordered, refunds=named)
    unit, grain = units
    chosen = {"as_of": AS_OF, "unit": unit, "grain": grain, "observed_from": None}
    answer = rt.purchase_summary(engine.table(frame), **chosen)
    assert engine.is_mine(answer)
    agree(engine.read(answer, order=["customer_id"])[COLUMNS], naive(frame, **chosen))


@ignore_silence
@settings(max_examples=at_most(6))
@given(lines=logs, ordered=st.booleans(), unit=units, grain=units)
def test_the_split_agrees_with_a_loop_over_customers(engine, lines, ordered, unit, grain):
    """What was known at the cut and what came after it."""
    frame = log_of(lines, named=True, ordered=ordered)
    chosen = {"cut": CUT, "as_of": AS_OF, "unit": unit, "grain": grain}
    answer = rt.repeat_buying.split_summary(engine.table(frame), **chosen)
    assert engine.is_mine(answer)
    agree(engine.read(answer, order=["customer_id"])[[*COLUMNS, *HOLDOUT]], naive(frame, **chosen))


@ignore_silence
@settings(max_examples=at_most(12))
@given(lines=logs, ordered=st.booleans(), unit=units, grain=units, far=st.booleans())
def test_ids_that_are_whole_numbers_make_no_difference(lines, ordered, unit, grain, far):
    """Sorted out by one key, they give what an engine gives for names, however far they lie."""
    frame = log_of(lines, named=False, ordered=ordered, refunds=False)
    start, apart = len(lines) % 2, 10**15 if far else 1
    from_then = (NEW_FROM if grain == "day" else date(2023, 12, 25)) if start else None
    chosen = {"as_of": AS_OF, "unit": unit, "grain": grain, "observed_from": from_then}
    ids = [name for name in ("customer_id", "order_id") if name in frame]
    scaled = frame.assign(**(frame[ids] * apart))
    known = frame.assign(customer_id=frame["customer_id"].map(NAMES))
    told = naive(scaled, **chosen)
    if not told:
        for table in (scaled, known):
            with pytest.raises(rt.ContentError, match="observed_from leaves nobody"):
                rt.purchase_summary(table, **chosen)
        return
    numbered, named = (rt.purchase_summary(table, **chosen) for table in (scaled, known))
    agree(numbered, told)
    pd.testing.assert_frame_equal(
        numbered.drop(columns="customer_id"), named.drop(columns="customer_id")
    )


def test_many_orders_are_sorted_out_like_few():
    """More customers and lines than are looked at in one stretch, some after the last day."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 100, 150_000), unit="D")
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(-40_000, 50_000, days.size),
            "date": days.astype("datetime64[us]"),
            "sales": rng.integers(0, 9, days.size),
            "order_id": rng.integers(0, 60_000, days.size),
        }
    )
    names = (frame["customer_id"] + 50_000).astype(str).str.zfill(6)
    for grain in ("day", "week"):
        numbered, named = (
            rt.purchase_summary(table, as_of="2024-03-31", grain=grain).drop(columns="customer_id")
            for table in (frame, frame.assign(customer_id=names))
        )
        pd.testing.assert_frame_equal(numbered, named)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64", "Int64"])
def test_ids_keep_their_type_and_may_lie_anywhere(dtype):
    """The lowest and the highest of a type are ids like others; so are numbers far apart."""
    limits = np.iinfo(dtype.lower())
    for ids in ([limits.min, limits.max], [5, 7]):
        frame = orders(("a", "2024-01-01", 1), ("b", "2024-01-03", 2), ("a", "2024-01-04", 3))
        names = {"a": ids[0], "b": ids[1]}
        found = [names[one] for one in frame["customer_id"]]
        frame["customer_id"] = (pd.array if dtype == "Int64" else np.array)(found, dtype=dtype)
        answer = rt.purchase_summary(frame, as_of="2024-01-05")
        assert answer["customer_id"].tolist() == ids
        assert str(answer["customer_id"].dtype) == dtype
        assert answer["x"].tolist() == [1, 0]


@ignore_silence
@settings(max_examples=at_most(5))
@given(lines=logs, named=st.booleans(), unit=units)
def test_purchase_days_are_counted_once(lines, named, unit):
    """Repeat purchases and customers add up to the purchase days; orders to the purchases."""
    frame = log_of(lines, named=named, ordered=True)
    answer = rt.purchase_summary(frame, as_of=AS_OF, unit=unit)
    by_day = rt.customer_periods(frame, freq="day", as_of=AS_OF)
    assert answer["x"].sum() + len(answer) == by_day["active"].sum()
    assert answer["n_orders"].sum() == by_day["n_orders"].sum()
    assert (answer["x"] + 1 <= answer["n_orders"]).all()


@ignore_silence
@settings(max_examples=at_most(5))
@given(lines=logs, named=st.booleans(), seed=st.integers(0, 99))
def test_neither_order_of_rows_nor_split_lines_nor_names_matter(lines, named, seed):
    """The same customers, whatever they are called and however their orders are written down."""
    frame = log_of(lines, named=named, ordered=True)
    plain = rt.purchase_summary(frame, as_of=AS_OF)
    halves = frame.assign(sales=frame["sales"] / 2)
    mixed = pd.concat([halves, halves]).sample(frac=1, random_state=seed)
    renamed = mixed.assign(customer_id="x" + mixed["customer_id"].astype(str))
    for other in (mixed, renamed):
        answer = rt.purchase_summary(other, as_of=AS_OF)
        pd.testing.assert_frame_equal(answer[COLUMNS[1:]], plain[COLUMNS[1:]])


@ignore_silence
@settings(max_examples=at_most(5))
@given(lines=logs, grain=units)
def test_weeks_are_days_divided_by_seven(lines, grain):
    """The unit is a way of writing; the grain decides what x counts."""
    frame = log_of(lines, named=True, ordered=False)
    days = rt.purchase_summary(frame, as_of=AS_OF, grain=grain)
    weeks = rt.purchase_summary(frame, as_of=AS_OF, grain=grain, unit="week")
    assert (days[["t_x", "T"]] / 7).equals(weeks[["t_x", "T"]])
    other = ["customer_id", "x", "mean_sales", "n_orders"]
    pd.testing.assert_frame_equal(days[other], weeks[other])


@ignore_silence
@settings(max_examples=at_most(5))
@given(lines=logs, named=st.booleans(), grain=units)
def test_a_split_knows_what_was_known_at_the_cut(lines, named, grain):
    """Orders after the cut change nothing but the holdout, whose days end where as_of does."""
    frame = log_of(lines, named=named, ordered=True)
    split = rt.repeat_buying.split_summary(frame, cut=CUT, as_of=AS_OF, grain=grain)
    then = rt.purchase_summary(frame, as_of=CUT, grain=grain)
    now = rt.purchase_summary(frame, as_of=AS_OF, grain=grain)
    pd.testing.assert_frame_equal(split[COLUMNS], then)
    both = now.merge(split, on="customer_id", suffixes=("_now", ""))
    assert (both["x_now"] == both["x"] + both["n_holdout"]).all()
    assert (both["T_now"] == both["T"] + both["T_holdout"]).all()


def test_two_orders_of_a_day_are_one_purchase():
    """How many were merged is n_orders − x − 1; the one after them sets the mean."""
    frame = pd.concat(
        [same_day_twice(), orders(("Ann", "2024-01-05", 7, "o3"), columns=("order_id",))]
    )
    answer = rt.purchase_summary(frame, as_of="2024-01-06")
    assert answer[["x", "t_x", "T", "mean_sales", "n_orders"]].values.tolist() == [[1, 4, 5, 7, 3]]


def test_a_refund_alone_is_no_purchase_and_does_not_lower_the_mean():
    """Bob's return is left out of everything; within an order a refund lowers its sales."""
    answer = rt.purchase_summary(refund_only(), as_of="2024-02-29")
    assert answer[["x", "t_x"]].values.tolist() == [[1, 57], [0, 0]]
    frame = orders(
        *(
            ("Ann", day, sales, order)
            for day, sales, order in [
                ("2024-01-01", 9, "o1"),
                ("2024-01-02", 8, "o2"),
                ("2024-01-02", -3, "o2"),
                ("2024-01-02", -1, "o3"),
            ]
        ),
        columns=("order_id",),
    )
    answer = rt.purchase_summary(frame, as_of="2024-01-03")
    assert answer[["x", "mean_sales", "n_orders"]].values.tolist() == [[1, 5, 2]]


def test_orders_of_nothing_count_where_the_door_lets_them_in():
    """CDNOW's published values count them."""
    frame = orders(("Ann", "2024-01-01", 4), ("Ann", "2024-01-03", 0), ("Bob", "2024-01-02", 0))
    named = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    for policy, xs in {"count": [1, 0], "drop": [0]}.items():
        lines = rt.as_transactions(frame, **named, zero_orders=policy)
        answer = rt.purchase_summary(lines, as_of="2024-01-04")
        assert answer["x"].tolist() == xs
        assert answer["mean_sales"].fillna(-1).tolist()[0] == (0 if policy == "count" else -1)


@pytest.mark.parametrize("named", [True, False])
def test_who_bought_before_the_first_observed_day_is_left_out(named):
    """Ann was not new; Bob came back from before the log, which nothing tells."""
    frame = orders((1, "2024-01-01", 1), (1, "2024-02-10", 1), (2, "2024-02-05", 1))
    if named:
        frame["customer_id"] = frame["customer_id"].map(NAMES)
    answer = rt.purchase_summary(frame, as_of="2024-02-12", observed_from="2024-02-05")
    assert answer["customer_id"].tolist() == ["Bob" if named else 2]
    split = rt.repeat_buying.split_summary(
        frame, cut="2024-02-06", as_of="2024-02-12", observed_from="2024-01-02"
    )
    assert split["customer_id"].tolist() == ["Bob" if named else 2]


def test_a_week_is_observed_once_it_has_ended():
    """On Saturday 13 January the week before is the last; what came since is not looked at."""
    frame = orders(("Ann", "2024-01-02", 1), ("Ann", "2024-01-07", 3), ("Ann", "2024-01-09", 5))
    saturday = rt.purchase_summary(frame, as_of="2024-01-13", grain="week", unit="week")
    assert saturday[["x", "T", "n_orders"]].values.tolist() == [[0, 0, 2]]
    sunday = rt.purchase_summary(frame, as_of="2024-01-14", grain="week", unit="week")
    assert sunday[["x", "t_x", "T", "mean_sales"]].values.tolist() == [[1, 1, 1, 5]]


@pytest.mark.parametrize("customer", ["Ann", 7])
def test_a_log_that_fell_silent_is_worth_a_warning(customer):
    """The silence would look like customers who have gone."""
    frame = orders((customer, "2024-01-01", 1), (customer, "2024-01-03", 1))
    with pytest.warns(rt.RetentionWarning, match="last order is of 2024-01-03, 363 days") as caught:
        rt.purchase_summary(frame, as_of="2024-12-31")
    assert caught[0].filename == __file__


ONE = orders(("Ann", "2024-01-03", 1))
SEVEN = orders((7, "2024-01-03", 1))


@pytest.mark.parametrize("frame", [ONE, SEVEN], ids=["text", "numbers"])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"unit": "month"}, rt.RetentionError, "unit must be one of 'day', 'week'; got 'month'"),
        ({"grain": "hour"}, rt.RetentionError, "grain must be one of 'day', 'week'; got 'hour'"),
        ({"as_of": "5.3.2024"}, rt.RetentionError, "as_of must be a day such as .* '5.3.2024'"),
        ({"as_of": "2023-12-01"}, rt.ContentError, "as_of is 2023-12-01, but the first order is"),
        (
            {"observed_from": "2024-02-01"},
            rt.RetentionError,
            "observed_from is 2024-02-01, after 2024-01-05",
        ),
        (
            {"observed_from": "2024-01-04"},
            rt.ContentError,
            "observed_from leaves nobody: the last order is of 2024-01-03",
        ),
        (
            {"grain": "week"},
            rt.ContentError,
            "Nobody had bought by 2024-01-05 in a whole week: the first order is of 2024-01-03",
        ),
    ],
)
def test_what_cannot_be_summed_up_is_refused(frame, change, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        rt.purchase_summary(frame, **{"as_of": "2024-01-05", **change})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"cut": "2024-01-05"}, rt.RetentionError, "no whole day between them to hold out"),
        ({"grain": "week"}, rt.RetentionError, "no whole week between them"),
        ({"cut": "2024-01-02"}, rt.ContentError, "Nobody had bought by 2024-01-02: the first"),
        ({"cut": "soon"}, rt.RetentionError, "cut must be a day such as"),
    ],
)
def test_a_split_that_holds_nothing_out_is_refused(change, error, message):
    """Neither a holdout of no time nor a calibration of nobody tells anything."""
    with pytest.raises(error, match=message):
        rt.repeat_buying.split_summary(
            ONE, **{"cut": "2024-01-04", "as_of": "2024-01-05", **change}
        )


@ignore_silence
@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (
            [("Ann", "2024-01-01", 1), ("Ann", "2024-03-01", 2)],
            {"observed_from": "2024-02-01"},
            "observed_from leaves nobody: all who bought by 2024-03-05 had bought before it too",
        ),
        (
            [("Ann", "2024-01-01", -1), ("Ann", "2024-03-09", 2)],
            {},
            "by 2024-03-05: there are .* refunds|refunds only up to as_of 2024-03-05",
        ),
        ([("Ann", "2024-01-01", -2), ("Ann", "2024-01-01", 1)], {}, "Nobody had bought by"),
    ],
)
def test_a_log_in_which_nobody_bought_is_refused_where_it_is_at_hand(lines, options, message):
    """By the summary, the split and the score alike; a lazy summary has no rows."""
    frame, said = orders(*lines), {"as_of": "2024-03-05", **options}
    numbered = frame.assign(customer_id=7)
    split = partial(rt.repeat_buying.split_summary, as_of="2024-03-10")
    for ids in (frame, numbered):
        for ask in (rt.purchase_summary, partial(rt.churn_score, within=9)):
            with pytest.raises(rt.ContentError, match=message):
                ask(ids, **said)
        with pytest.raises(rt.ContentError, match=message):
            split(ids, cut="2024-03-05", **options)
    lazy = pl.from_pandas(frame).lazy()
    with pytest.raises(rt.ContentError, match=message):
        rt.churn_score(lazy, within=9, **said)
    if "refunds only" in message:  # the look at the log shows it, before anybody is counted
        with pytest.raises(rt.ContentError, match=message):
            rt.purchase_summary(lazy, **said)
    else:
        assert rt.purchase_summary(lazy, **said).collect().is_empty()


def test_the_warning_of_silence_points_at_who_asked():
    """Whatever function of the library found it."""
    for ask in (rt.purchase_summary, partial(rt.churn_score, within=9)):
        with pytest.warns(rt.RetentionWarning, match="The last order is of") as found:
            ask(orders(*[("Ann", f"2024-01-0{day}", 5) for day in range(1, 8)]), as_of=AS_OF)
        assert {Path(warning.filename).name for warning in found} == {"test_purchase_summary.py"}


@pytest.mark.parametrize(
    ("column", "value"), [("sales", np.nan), ("date", pd.NaT), ("sales", 1e16)]
)
def test_lines_that_are_no_sales_are_refused_for_ids_of_either_kind(column, value):
    """The door would have named them."""
    for frame in (ONE, SEVEN):
        two = pd.concat([frame, frame], ignore_index=True)
        two.loc[1, column] = value
        with pytest.raises(rt.ContentError, match="1 of 2 rows have no usable"):
            rt.purchase_summary(two, as_of="2024-01-05")


def test_an_answer_that_nobody_has_read_yet_stays_what_it_was():
    """Two questions to one connection, read only afterwards, have two answers."""
    import duckdb

    orders = rt.sample_company(200, seed=1, engine="duckdb").orders
    early = rt.purchase_summary(orders, as_of="2023-06-30")
    late = rt.purchase_summary(orders, as_of="2024-12-31")
    assert isinstance(early, duckdb.DuckDBPyRelation)
    assert len(early.fetchall()) < len(late.fetchall()) == 200
