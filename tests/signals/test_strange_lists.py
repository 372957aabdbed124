"""Daily lists and groups from tables that are not as one expects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention as rt
from conftest import Engine
from retention.errors import ColumnError, ContentError, RetentionError
from retention.signals import (
    expected_migrations,
    overdue_invoices,
    rfm_cuts,
    rfm_scores,
    segment_matrix,
    segment_migrations,
    segment_profile,
    value_tiers,
    watchlist,
    watchlist_changes,
)

DAY = pd.Timestamp("2024-03-10")


def orders_of(rows):
    """Order lines of (customer, day of January, sales)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    return frame.assign(date=pd.Timestamp("2023-12-31") + pd.to_timedelta(frame["date"], unit="D"))


@pytest.mark.filterwarnings("ignore:Nobody has", "ignore:The last order is of")
@pytest.mark.parametrize("ties", ["cuts", "middle"])
def test_equal_amounts_have_equal_scores_however_they_were_added_up(ties):
    """0.3 is three times 0.1, also where a computer says otherwise; so are their means."""
    thrice = [("b", day, 0.1) for day in (1, 2, 3)]
    asked_of = {"as_of": "2024-01-31", "bins": 2, "ties": ties}
    sums = rfm_scores(orders_of([("a", 1, 0.3), *thrice]), **asked_of)
    assert sums["m"].nunique() == 1
    means = rfm_scores(orders_of([("a", 1, 0.1), *thrice]), money="mean_order", **asked_of)
    assert means["m"].nunique() == 1
    assert means["value"].tolist() == [0.1, 0.1]


@pytest.mark.filterwarnings("ignore:Nobody has", "ignore:The last order is of")
def test_what_is_said_beside_cuts_must_be_a_way_of_scoring():
    """Not an error of numpy."""
    orders = orders_of([("a", 1, 1.0), ("b", 2, 2.0)])
    cuts = rfm_cuts(orders, as_of="2024-01-31", bins=2)
    with pytest.raises(RetentionError, match="window must be a whole number of days"):
        rfm_scores(orders, as_of="2024-01-31", cuts=cuts, window=np.array([1, 2]))


def test_the_best_is_in_the_best_tier_however_small_it_is():
    """Fewer than any share above 0 of the customers are worth more: none."""
    values = pd.DataFrame({"customer_id": ["a", "b"], "value": [1.0, 2.0]})
    assert value_tiers(values, tiers={"A": 1e-10, "B": 1 - 1e-10})["segment"].tolist() == ["B", "A"]


def segments_of(ids, kind, segments=("x", "y")):
    """A table of segments with ids of a type."""
    return pl.DataFrame({"customer_id": pl.Series(ids, dtype=kind), "segment": segments})


def test_large_ids_without_a_sign_are_not_rounded():
    """Two neighbours beyond 2⁵³ stay two."""
    ids = [2**60, 2**60 + 1]
    signed, unsigned = segments_of(ids, pl.Int64), segments_of(ids, pl.UInt64)
    for pair in ((signed, unsigned), (unsigned, signed)):
        found = segment_migrations(*pair)
        stayed = found.filter(pl.col("segment_before") == pl.col("segment_after"))
        assert stayed["n"].to_list() == [1, 1]
    values = pl.DataFrame({"customer_id": pl.Series(ids, dtype=pl.UInt64), "value": [1.0, 2.0]})
    worth = segment_matrix(signed, signed, values=values).filter(pl.col("n") > 0)
    assert worth["value"].to_list() == [1.0, 2.0]


def test_ids_that_no_type_holds_are_refused():
    """And the advice works."""
    large, small = segments_of([2**63, 1], pl.UInt64), segments_of([1, 2], pl.Int64)
    with pytest.raises(ColumnError, match="beyond 2⁶³.*Give all the same type"):
        segment_migrations(large, small)
    found = segment_migrations(large, small.cast({"customer_id": pl.UInt64}))
    assert found["n"].sum() == 3


def test_what_is_wrong_with_a_table_of_segments_is_told_by_its_name():
    """Of two tables one has to know which."""
    good = pd.DataFrame({"customer_id": ["a", "b"], "segment": ["x", "y"]})
    with pytest.raises(ColumnError, match=r"^after: column 'segment' holds Float64"):
        segment_migrations(good, good.assign(segment=[1.5, 2.5]))
    with pytest.raises(ContentError, match="^before: 1 customer has several rows, such as 'a'"):
        segment_migrations(good.assign(customer_id="a"), good)
    with pytest.raises(ContentError, match="^other: 1 customer has several rows"):
        segment_matrix(good, good.assign(customer_id="a"))


def invoices_of(amounts, due):
    """Open invoices of January."""
    return pd.DataFrame(
        {
            "customer_id": ["a", "b"], "date": pd.Timestamp("2024-01-01"),
            "due": pd.to_datetime(due), "paid": pd.to_datetime([None, None]), "amount": amounts,
        }
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["pandas", "polars", "duckdb"])
@pytest.mark.parametrize("amount", [np.inf, -np.inf, 1e308])
def test_invoices_over_no_money_are_refused(kind, amount):
    """They stood on the list as "– due on"."""
    table = Engine(kind).table(invoices_of([amount, 1.0], ["2024-01-15"] * 2))
    with pytest.raises(ContentError, match="invoices: 1 row has an amount that is no money"):
        overdue_invoices(table, as_of=DAY, grace=0)


def test_an_amount_that_is_no_number_is_refused():
    """In Polars it is more than 0."""
    table = pl.from_pandas(invoices_of([2.0, 1.0], ["2024-01-15"] * 2))
    odd = table.with_columns(amount=pl.Series([float("nan"), 1.0]))
    with pytest.raises(ContentError, match="1 row has an amount that is no money"):
        overdue_invoices(odd, as_of=DAY, grace=0)


@pytest.mark.parametrize("kind", ["pandas", "polars", "duckdb"])
def test_bills_that_are_due_on_no_day_are_refused(kind):
    """They would be overdue never, in silence; a credit note may lack it."""
    open_one = Engine(kind).table(invoices_of([5.0, 1.0], ["2024-01-15", None]))
    with pytest.raises(ContentError, match="1 row has no due, and credit notes alone"):
        overdue_invoices(open_one, as_of=DAY, grace=0)
    credit = Engine(kind).table(invoices_of([5.0, -1.0], ["2024-01-15", None]))
    found = Engine(kind).read(overdue_invoices(credit, as_of=DAY, grace=0))
    assert found["customer_id"].tolist() == ["a"]


def list_of(ids, day):
    """A list of customers of equal trouble."""
    entries = pd.DataFrame({"customer_id": ids, "reason": "late", "since": DAY})
    values = pd.DataFrame({"customer_id": ids, "value": 1.0})
    return watchlist(entries, as_of=day, severity={"late": 1}, values=values)


def test_ids_of_an_older_list_that_are_too_wide_for_the_newer_find_room():
    """As files have them: the narrower type of today where it suffices, else a wider one."""
    today = list_of(np.array([1, 2], "int32"), DAY + pd.Timedelta(days=1))
    found = watchlist_changes(list_of(np.array([1, 2**40], "int64"), DAY), today)
    assert found["customer_id"].tolist() == [1, 2, 2**40]
    assert found["change"].tolist() == ["same", "new", "closed"]
    same = watchlist_changes(list_of(np.array([1, 3], "int64"), DAY), today)
    assert same["customer_id"].dtype == np.dtype("int32")


PEOPLE = pd.DataFrame({"g": [*"aabbb"], "x": [1.0, 2, 3, 4, 5], "y": [*"pqpqq"]})


@pytest.mark.filterwarnings("error")
def test_a_median_of_the_largest_numbers_is_one():
    """Their sum is beyond what a computer can say."""
    huge = PEOPLE.assign(x=[1e308, 1.2e308, 2, 1e308, 1e308])
    found = segment_profile(huge, segment="g", columns="x")
    assert found["median"].tolist() == [1.1e308, 1e308]


def test_where_all_are_equal_there_are_no_bounds():
    """They were as narrow as can be, of five customers."""
    found = segment_profile(PEOPLE.assign(x=1.0), segment="g", columns="x")
    assert found["effect"].tolist() == [0.5, 0.5]
    assert found[["lower", "upper", "p_value"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("table", "said", "error", "told"),
    [
        (PEOPLE.assign(x=np.inf), {}, ContentError, "5 rows have an infinite 'x'"),
        (PEOPLE.assign(x=DAY), {}, ColumnError, "^columns: column 'x' holds Datetime"),
        (PEOPLE.assign(g=0.5), {}, ColumnError, "^segment: column 'g' holds Float64"),
        (PEOPLE, {"segment": None}, ColumnError, "segment must name a column, as text; got None"),
        (PEOPLE, {"segment": ["g"]}, ColumnError, "segment must name a column, as text"),
    ],
)
def test_what_cannot_be_told_of_customers_is_refused(table, said, error, told):
    """By the argument that it came by."""
    with pytest.raises(error, match=told):
        segment_profile(table, **({"segment": "g", "columns": "x"} | said))


def test_cuts_below_everything_are_taken_by_what_chance_moves():
    """As cuts by mean ranks have them where many bought once: nobody has the lowest score."""
    summary = pd.DataFrame({"x": [0, 2, 6], "t_x": [0.0, 9, 9], "T": 10.0, "unit": "day"})
    model = rt.repeat_buying.fit_pareto_nbd(summary)
    found = expected_migrations(model, days=100, cuts=(None, 1.0))
    assert found.loc[found["segment_before"] == "1", "share_of_all"].tolist() == [0.0] * 4
    without = expected_migrations(model, days=100, cuts=(1.0,))
    share = found.loc[found["segment_before"].isin(["2", "3"]), "share_of_all"].sum()
    there = without.loc[without["segment_before"].isin(["1", "2"]), "share_of_all"].sum()
    assert share == pytest.approx(there)


def test_a_profile_of_nothing_known_has_its_types():
    """Whole numbers stay so."""
    nothing = pl.from_pandas(PEOPLE).with_columns(x=pl.lit(None, pl.String))
    found = segment_profile(nothing, segment="g", columns="x")
    some = segment_profile(nothing, segment="g", columns="y")
    for name in ("n", "n_rest", "n_null", "defining", "median", "share", "label"):
        assert found.schema[name] == some.schema[name], name


@pytest.mark.parametrize("kind", ["pandas", "polars", "duckdb", "pyarrow"])
@pytest.mark.parametrize("types", [("uint64", "uint64"), ("uint64", "int64"), ("int32", "uint64")])
def test_ids_beyond_all_that_have_a_sign_find_their_customers(kind, types):
    """Each table may hold them, and others that the type of the other cannot."""
    entries, values = types
    listed, worth = [5, 6], [5, 6]
    listed += {"uint64": [2**63 + 1], "int32": [-1]}[entries]
    worth += {"uint64": [2**63 + 1], "int64": [-1]}[values]
    rows = pd.DataFrame({"customer_id": np.array(listed, entries), "reason": "late", "since": DAY})
    known = pd.DataFrame({"customer_id": np.array(worth, values), "value": [1.0, 2.0, 4.0]})
    engine = Engine(kind)
    found = watchlist(
        engine.table(rows), as_of=DAY, severity={"late": 1}, values=engine.table(known),
        allow_unvalued=1,
    )  # fmt: skip
    told = engine.read(found).set_index("customer_id")["value"]
    assert told[5] == 1.0
    assert told[6] == 2.0
    assert told.notna().sum() == 2 + (entries == values)
