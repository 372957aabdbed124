"""customer_periods: who was active in which period, against a twin in sets and by example."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.frames import as_lazy
from retention.periods import first_day, step_of, whole_periods
from shops import (
    a_month_with_nobody,
    new_year_week,
    orders,
    refund_only,
    same_day_twice,
)

KEYS = ["step", "customer_id"]


START, AS_OF = date(2023, 12, 1), date(2024, 3, 31)

ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def naive_activity(frame, freq, by=()):
    """The definition in loops: an order is the lines of a customer, order id and day."""
    first, last, _ = whole_periods(START, AS_OF, freq)
    orders_, money = defaultdict(lambda: defaultdict(int)), defaultdict(int)
    for row in frame.to_dict("records"):
        day = row["date"].date()
        step = step_of(day, freq)
        segment = tuple(row[name] for name in by)
        if first <= step <= last:
            order = (row["customer_id"], step, row.get("order_id"), day)
            orders_[order][segment] += row["sales"]
            money[row["customer_id"], step, segment] += row["sales"]
    bought = defaultdict(set)
    for (customer, step, order, day), parts in orders_.items():
        for segment, total in parts.items():
            if total >= 0 and sum(parts.values()) >= 0:
                bought[customer, step, segment].add((order, day))
    return {key: (len(bought[key]), float(money[key])) for key in money}


line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem"]),
    st.dates(date(2023, 12, 20), date(2024, 4, 5)),
    st.integers(-3, 6),
    st.sampled_from(["o1", "o2", "o3", "o4"]),
    st.sampled_from(["north", "south"]),
)
COLUMNS = ("order_id", "region")


@ignore_silence
@given(
    lines=st.lists(line, min_size=1, max_size=25),
    freq=st.sampled_from(["day", "week", "month"]),
    by=st.sampled_from([(), ("region",)]),
    by_order=st.booleans(),
)
def test_agrees_with_the_definition_in_sets(engine, lines, freq, by, by_order):
    """Counts, money and activity are those of the definition."""
    frame = orders(("Ann", "2023-12-05", 1, "o0", "north"), *lines, columns=COLUMNS)
    frame = frame if by_order else frame.drop(columns="order_id")
    answer = rt.customer_periods(
        engine.table(frame), freq=freq, as_of=AS_OF, by=by, observed_from=START
    )
    found = engine.read(answer, order=KEYS)
    seen = {
        (row["customer_id"], row["step"], tuple(row[name] for name in by)): (
            row["n_orders"],
            row["sales"],
        )
        for row in found.to_dict("records")
    }
    assert seen == naive_activity(frame, freq, by)
    assert (found["active"] == (found["n_orders"] > 0)).all()
    assert [d.date() for d in found["period"]] == [first_day(s, freq) for s in found["step"]]


@ignore_silence
@given(lines=st.lists(line, min_size=1, max_size=25))
def test_active_in_some_segment_is_active_in_the_firm(lines):
    """Segments taken together give the activity of the firm, whatever was refunded where."""
    frame = orders(("Ann", "2023-12-05", 1, "o0", "north"), *lines, columns=COLUMNS)
    say = {"freq": "month", "as_of": AS_OF, "observed_from": START}
    firm = rt.customer_periods(frame, **say).set_index(KEYS)["active"]
    parts = rt.customer_periods(frame, by="region", **say).groupby(KEYS)["active"].any()
    pd.testing.assert_series_equal(firm.sort_index(), parts.sort_index())


def test_answer_is_of_the_kind_that_was_given(engine):
    """The same kind of table comes back, with the same columns."""
    answer = rt.customer_periods(engine.table(refund_only()), freq="month", as_of="2024-02-29")
    assert engine.is_mine(answer)
    assert list(engine.read(answer).columns) == [
        "customer_id",
        "period",
        "step",
        "n_orders",
        "sales",
        "profit",
        "active",
        "first_step",
        "last_step",
        "freq",
    ]


def test_eager_activity_is_sorted_by_customer_segment_and_period():
    """Shuffling the lines changes nothing, not even the order of the answer."""
    frame = orders(
        ("Bob", "2024-01-01", 1, "b"),
        ("Ann", "2024-01-02", 1, "a"),
        ("Ann", "2024-02-28", 1, "b"),
        columns=("region",),
    )
    say = {"freq": "month", "as_of": "2024-02-29", "by": "region"}
    straight = rt.customer_periods(frame, **say)
    shuffled = rt.customer_periods(frame.iloc[::-1], **say)
    pd.testing.assert_frame_equal(straight, shuffled)
    assert list(straight["customer_id"]) == ["Ann", "Ann", "Bob"]


def test_a_refund_alone_makes_nobody_active():
    """Bob's return in February lowers sales and leaves him inactive."""
    found = rt.customer_periods(refund_only(), freq="month", as_of="2024-02-29")
    bob = found[(found["customer_id"] == "Bob") & (found["step"] == 2024 * 12 + 1)]
    assert bob[["n_orders", "sales", "active"]].values.tolist() == [[0, -20.0, False]]


def test_a_later_cancellation_does_not_undo_activity():
    """An order cancelled on a later day was a purchase all the same."""
    frame = orders(
        ("Ann", "2024-01-01", 10, "o1"), ("Ann", "2024-01-30", -10, "o1"), columns=("order_id",)
    )
    found = rt.customer_periods(frame, freq="month", as_of="2024-01-31")
    assert found[["n_orders", "sales", "active"]].values.tolist() == [[1, 0.0, True]]


def test_an_order_that_nets_to_less_than_nothing_is_no_purchase():
    """Lines are summed within the order before it is judged."""
    frame = orders(("Ann", "2024-01-01", 10), ("Ann", "2024-01-01", -11), ("Bob", "2024-01-30", 1))
    found = rt.customer_periods(frame, freq="month", as_of="2024-01-31")
    assert list(found["active"]) == [False, True]


def test_float_noise_in_an_order_of_zero_does_not_decide(engine):
    """0.1 + 0.2 − 0.3 is an order of 0 in whatever order the engine adds."""
    parts = [(0.1, 0.2, -0.3), (-0.3, 0.1, 0.2), (0.2, -0.3, 0.1)]
    lines = [(f"c{i}", "2024-01-01", s) for i, three in enumerate(parts) for s in three]
    frame = orders(*lines, ("z", "2024-01-30", 1))
    answer = rt.customer_periods(engine.table(frame), freq="month", as_of="2024-01-31")
    assert engine.read(answer)["active"].all()


def test_two_orders_on_one_day_count_as_two():
    """Order ids tell orders apart that share a day."""
    found = rt.customer_periods(same_day_twice(), freq="day", as_of="2024-01-01")
    assert list(found["n_orders"]) == [2]


def test_without_order_ids_a_day_is_an_order():
    """Lines of one customer and day are one order where no ids are known."""
    frame = same_day_twice().drop(columns="order_id")
    assert list(rt.customer_periods(frame, freq="day", as_of="2024-01-01")["n_orders"]) == [1]


def test_weeks_run_on_across_the_new_year():
    """The week of 30 December 2024 is followed by that of 6 January 2025."""
    found = rt.customer_periods(new_year_week(), freq="week", as_of="2025-01-12")
    assert list(found["step"].diff().dropna()) == [1]
    assert [str(day.date()) for day in found["period"]] == ["2024-12-30", "2025-01-06"]
    assert list(found["sales"]) == [15.0, 5.0]


def test_an_empty_month_lies_within_the_observed_steps():
    """Nobody bought in February, and it was observed all the same."""
    found = rt.customer_periods(a_month_with_nobody(), freq="month", as_of="2024-03-31")
    assert set(found["step"]) == {24288, 24290}
    assert set(found["first_step"]) == {24288}
    assert set(found["last_step"]) == {24290}


def test_the_first_period_counts_only_if_the_log_starts_at_its_beginning():
    """A log that starts on 2 January has no whole January unless it is said to be observed."""
    frame = orders(("Ann", "2024-01-02", 1), ("Ann", "2024-02-28", 1))
    with pytest.warns(rt.RetentionWarning, match="Left out"):
        late = rt.customer_periods(frame, freq="month", as_of="2024-02-29")
    assert list(late["step"]) == [24289]
    told = rt.customer_periods(frame, freq="month", as_of="2024-02-29", observed_from="2024-01-01")
    assert list(told["step"]) == [24288, 24289]


def test_what_lies_after_as_of_is_not_looked_at():
    """An unfinished last month is left out, and later orders change nothing."""
    january = [("Ann", f"2024-01-{day:02}", 1) for day in range(1, 32)]
    early = orders(*january, ("Ann", "2024-02-10", 1))
    late = pd.concat([early, orders(("Bob", "2024-03-01", 9))], ignore_index=True)
    say = {"freq": "month", "as_of": "2024-02-15"}
    pd.testing.assert_frame_equal(
        rt.customer_periods(early, **say), rt.customer_periods(late, **say)
    )


def test_times_of_day_belong_to_their_day(engine):
    """An order a minute before midnight of as_of counts."""
    frame = orders(("Ann", "2024-01-01 00:00:00", 1), ("Bob", "2024-01-31 23:59:59", 1))
    answer = rt.customer_periods(engine.table(frame), freq="month", as_of="2024-01-31")
    assert sorted(engine.read(answer)["customer_id"]) == ["Ann", "Bob"]


def test_dates_before_1970_fall_into_the_right_period(engine):
    """Day numbers below 0 are floored, not truncated."""
    frame = orders(
        ("Ann", "1969-12-31 12:00", 1), ("Ann", "1970-01-01", 1), ("Ann", "1969-12-29", 1)
    )
    answer = rt.customer_periods(engine.table(frame), freq="day", as_of="1970-01-01")
    assert sorted(engine.read(answer)["step"]) == [-3, -1, 0]


def test_segments_not_filled_in_are_a_segment_of_their_own(engine):
    """A null region is "(missing)", and so is a null among whole numbers."""
    frame = orders(
        ("Ann", "2024-01-01", 1, "north", 1.0),
        ("Ann", "2024-01-30", 1, None, None),
        columns=("region", "store"),
    ).astype({"store": "Int64"})
    answer = rt.customer_periods(
        engine.table(frame), freq="month", as_of="2024-01-31", by=["region", "store"]
    )
    found = engine.read(answer, order=["region"])
    assert found[["region", "store"]].values.tolist() == [
        ["(missing)", "(missing)"],
        ["north", "1"],
    ]


def test_customer_ids_keep_their_type(engine):
    """Whole numbers stay whole numbers, text stays text."""
    frame = orders((1, "2024-01-01", 1), (2, "2024-01-30", 1)).astype({"customer_id": "int32"})
    answer = rt.customer_periods(engine.table(frame), freq="month", as_of="2024-01-31")
    assert engine.read(answer)["customer_id"].dtype == "int32"


def test_the_callers_table_is_not_changed():
    """Columns, index and values stay as they were."""
    frame = refund_only().set_index(pd.Index([3, 3, 1, 0]))
    before = frame.copy(deep=True)
    rt.customer_periods(frame, freq="month", as_of="2024-02-29")
    pd.testing.assert_frame_equal(frame, before)


def test_a_large_pandas_table_goes_through_duckdb_and_comes_back_the_same(monkeypatch):
    """Which engine groups changes neither values nor types."""
    frame = orders(
        *(("Bob", "2024-01-01", 1, "a"), ("Ann", "2024-02-28", 1, None)), columns=("region",)
    )
    activity = rt.customer_periods(frame, freq="month", as_of="2024-02-29", by="region")
    nobody_yet = {"movement": ""}  # missing is None or NaN in pandas 2
    small = rt.kpis.customer_movements(activity, by="region").fillna(nobody_yet)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 1)
    assert as_lazy(activity).implementation.is_duckdb()
    large = rt.kpis.customer_movements(activity, by="region").fillna(nobody_yet)
    pd.testing.assert_frame_equal(large, small)


def test_warns_when_the_log_falls_silent_before_as_of():
    """Daily orders that stop a month before as_of are incomplete data, not churn."""
    frame = orders(*(("Ann", f"2024-01-{day:02}", 1) for day in range(1, 32)))
    with pytest.warns(rt.RetentionWarning, match="29 days before as_of 2024-02-29"):
        rt.customer_periods(frame, freq="month", as_of="2024-02-29")


def test_refuses_an_empty_table(engine):
    """Nothing to count is said, not answered with an empty table."""
    empty = engine.table(orders(("Ann", "2024-01-01", 1))[:0].astype({"customer_id": "str"}))
    with pytest.raises(rt.ContentError, match="transactions is empty"):
        rt.customer_periods(empty, freq="month", as_of="2024-01-31")


@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"as_of": "2023-12-31"}, "as_of is 2023-12-31, but the first order is of 2024-01-01"),
        ({"as_of": "2024-01-30"}, "no whole month between 2024-01-01 and as_of 2024-01-30"),
        ({"observed_from": "2024-09-01"}, "observed_from is 2024-09-01, after as_of"),
        ({"as_of": "soon"}, "as_of must be a day such as '2024-12-31'"),
        ({"freq": "monthly"}, "freq must be one of 'day', 'week', 'month', 'quarter', 'year'"),
        ({"by": "regoin"}, "by names 'regoin', which is not a column. Did you mean 'region'"),
        ({"by": "sales"}, "by: 'sales' is a name that answers use"),
        ({"by": ["region", "region"]}, "by names a column twice"),
        ({"by": "weight"}, "column 'weight' holds Float64, not labels"),
        ({"by": None}, "by must name a column, or several in a list; got None"),
        ({"as_of": pd.NaT}, "as_of must be a day"),
    ],
)
def test_refuses_in_the_users_words(say, message):
    """Each wrong argument gets one sentence that says what to do."""
    frame = orders(("Ann", "2024-01-01", 1, "north", 0.5), columns=("region", "weight"))
    with pytest.raises(rt.RetentionError, match=message):
        rt.customer_periods(frame, **{"freq": "month", "as_of": "2024-01-31", **say})


def test_refuses_a_table_without_customers_and_names_the_nearest_column():
    """The message says what is missing, what there is and what to say."""
    frame = orders(("Ann", "2024-01-01", 1)).rename(columns={"customer_id": "CustomerID"})
    with pytest.raises(rt.ColumnError) as refusal:
        rt.customer_periods(frame, freq="month", as_of="2024-01-31")
    assert str(refusal.value) == (
        "transactions (one line of an order) lacks 'customer_id' (who bought). It has: "
        "'CustomerID', 'date', 'sales'. Say as_transactions(..., customer_id='CustomerID')."
    )


def test_refuses_dates_that_are_text():
    """Text is for the door to read, not for the figures to guess at."""
    frame = orders(("Ann", "2024-01-01", 1)).astype({"date": "str"})
    with pytest.raises(rt.ColumnError, match="'date' .* must be dates; got String"):
        rt.customer_periods(frame, freq="month", as_of="2024-01-31")


@pytest.mark.parametrize("kind", ["pandas", "polars", "duckdb"])
def test_refuses_times_with_a_zone_until_the_local_day_is_known(kind):
    """A purchase at 23:30 UTC is of the next day in Berlin: nobody guesses which is meant."""
    frame = orders(("Ann", "2024-01-01 23:30", 1))
    frame = frame.assign(date=frame["date"].dt.tz_localize("UTC"))
    with pytest.raises(rt.ColumnError, match=r"time zone (Etc/)?UTC.*tz='Europe/Berlin'"):
        rt.customer_periods(Engine(kind).table(frame), freq="day", as_of="2024-01-02")


def test_refuses_two_columns_of_one_name():
    """pandas allows it, no figure can."""
    frame = orders(("Ann", "2024-01-01", 1))
    twice = pd.concat([frame, frame[["sales"]]], axis=1)
    with pytest.raises(rt.ColumnError, match="two columns are named 'sales'"):
        rt.customer_periods(twice, freq="month", as_of="2024-01-31")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("customer_id", None),
        ("sales", None),
        ("sales", 1e300),
        ("sales", float("inf")),
        ("date", None),
    ],
)
def test_rows_that_cannot_be_counted_are_refused_on_every_engine(engine, column, value):
    """A table that did not pass the door is refused, not counted in a way of each engine's own."""
    frame = orders(("Ann", "2024-01-01", 1), ("Bob", "2024-01-30", 1))
    frame.loc[1, column] = value
    with pytest.raises(rt.ContentError, match=f"1 of 2 rows have no usable '{column}'"):
        rt.customer_periods(engine.table(frame), freq="month", as_of="2024-01-31")


def test_a_log_of_refunds_only_is_refused():
    """Nobody bought anything."""
    with pytest.raises(rt.ContentError, match="refunds only: nobody bought"):
        rt.customer_periods(orders(("Ann", "2024-01-01", -1)), freq="day", as_of="2024-01-01")


@pytest.mark.parametrize("name", ["_date", "active", "first_step", "freq"])
def test_segments_named_as_columns_of_answers_are_refused(name):
    """They could not be told apart."""
    frame = orders(("Ann", "2024-01-01", 1, "x"), columns=(name,))
    with pytest.raises(rt.ColumnError, match=f"by: '{name}' is a name that answers use"):
        rt.customer_periods(frame, freq="day", as_of="2024-01-01", by=name)


def test_dates_of_arrow_in_pandas_are_dates():
    """As pandas.read_parquet gives them with its pyarrow types."""
    frame = orders(("Ann", "2024-01-01", 1), ("Ann", "2024-01-31", 1))
    arrow = frame.astype({"date": "date32[pyarrow]"})
    say = {"freq": "month", "as_of": "2024-01-31"}
    found = rt.customer_periods(arrow, **say)
    assert found["sales"].tolist() == rt.customer_periods(frame, **say)["sales"].tolist()


def test_a_segment_in_which_nothing_stands_is_missing_throughout(engine):
    """Also where the engine does not know its type, and where it is empty text."""
    frame = orders(("Ann", "2024-01-01", 1, ""), ("Ann", "2024-01-31", 1, ""), columns=("region",))
    found = rt.customer_periods(engine.table(frame), freq="month", as_of="2024-01-31", by="region")
    assert set(engine.read(found)["region"]) == {"(missing)"}


def test_a_users_own_tables_are_never_read_in_place_of_ours():
    """Whatever the tables on a DuckDB connection are called."""
    import duckdb

    connection = duckdb.connect()
    for name in ("small", "given", "answer", "first", "relation"):
        connection.execute(f"CREATE TABLE {name} AS SELECT 42 AS x")
    frame = orders(("Ann", "2024-01-01", 1), ("Ann", "2024-02-29", 1))
    activity = rt.customer_periods(connection.from_df(frame), freq="month", as_of="2024-02-29")
    assert rt.retention_rate(activity).fetchall()[0][2:4] == (1, 1)


def test_refuses_what_is_not_a_table():
    """A list of rows is not a table."""
    with pytest.raises(rt.TableError, match="must be a pandas, Polars, .* got builtins.list"):
        rt.customer_periods([1, 2], freq="month", as_of="2024-01-31")
