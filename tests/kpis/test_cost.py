"""cost_kpis: against a twin in loops, by example, that no cost is lost, and its refusals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.kpis.costs.retention_costs import cost_kpis
from retention.periods import step_of
from shops import orders

FIRST, LAST = 24288, 24290  # January to March 2024
KEEPING = ["wages", "space"]

names = st.sampled_from(["Ann", "Bob", "Cem", "Dee"])
regions = st.sampled_from(["north", "south"])
days = st.dates(date(2024, 1, 1), date(2024, 3, 31))
incurred = st.tuples(
    st.dates(date(2023, 12, 1), date(2024, 4, 30)),
    st.sampled_from(["wages", "space", "acquisition"]),
    st.integers(-9, 30),
    st.sampled_from(["north", "south", "west", None]),
)
in_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def costs(*rows):
    """Costs as (day, kind, amount, region)."""
    frame = pd.DataFrame(rows, columns=["date", "kind", "amount", "region"])
    days = pd.to_datetime(frame["date"], format="ISO8601").astype("datetime64[us]")
    region = frame["region"].astype("str").where(frame["region"].notna(), None)
    return frame.assign(date=days, amount=frame["amount"].astype(float), region=region)


def by_hand(lines, spent, by, lag):
    """Amounts, counts of customers and sales of each (region, step), in loops."""
    amount, outside = defaultdict(float), defaultdict(float)
    base, anywhere, sales = defaultdict(set), defaultdict(set), defaultdict(float)
    for row in lines.to_dict("records"):
        region = row["region"] if by else ""
        sales[region, row["step"]] += row["sales"]
        if row["active"]:
            base[region, row["step"]].add(row["customer_id"])
            anywhere[row["step"]].add(row["customer_id"])
    for row in spent.to_dict("records"):
        region = (row["region"] if isinstance(row["region"], str) else "(missing)") * by
        step = step_of(row["date"].date(), "month")
        kinds = [row["kind"], *["(all)"] * (row["kind"] in KEEPING)]
        for kind in kinds:
            if FIRST <= step <= LAST:
                amount[region, step, kind] += row["amount"]
            else:
                outside[region, kind] += row["amount"]
    kept = {
        (region, step): len(who & anywhere[step + lag]) if step + lag <= LAST else np.nan
        for (region, step), who in base.items()
    }
    return amount, outside, base, kept, sales


def agrees_with_loops(engine, lines, spent, by, lag):
    """Each row is that of the definition, and every cost is in one of them."""
    frame = orders(("Ann", "2024-01-01", 5, "north"), *lines, columns=("region",))
    spent = costs(("2024-01-05", "wages", 1, "north"), *spent, ("2024-01-06", "space", 1, "west"))
    activity = rt.customer_periods(
        engine.table(frame), freq="month", as_of="2024-03-31", by="region",
        observed_from="2024-01-01",
    )  # fmt: skip
    asked = {"of": KEEPING, "by": "region" if by else (), "lag": lag}
    found = engine.read(cost_kpis(engine.table(spent), activity, **asked))
    amount, outside, base, kept, sales = by_hand(engine.read(activity), spent, by, lag)
    kinds = {"wages", "space", "(all)", *spent["kind"]}
    places = {key[0] for key in (*amount, *outside, *base, *sales)}
    assert len(found) == len(places) * 3 * len(kinds)
    for row in found.to_dict("records"):
        region = row["region"] if by else ""
        cell, kind = (region, row["step"]), row["kind"]
        cost, whole = amount[(*cell, kind)], amount[(*cell, "(all)")]
        again = kept.get(cell, 0 if row["step"] + lag <= LAST else np.nan)
        assert row["n_base"] == len(base[cell])
        assert [row["n_retained"]] == pytest.approx([again], nan_ok=True)
        assert (row["amount"], row["sales"]) == pytest.approx((cost, sales[cell]))
        assert row["amount_outside"] == pytest.approx(outside[region, kind])
        quotients = {
            "cost_per_customer": len(base[cell]),
            "cost_per_customer_retained": again,
            "cost_to_sales": sales[cell],
            "retention_cost_share": whole if row["counts_as"] != "other" else 0,
        }
        for name, below in quotients.items():
            expected = cost / below if below > 0 else np.nan
            assert [row[name]] == pytest.approx([expected], nan_ok=True)
    single = found[found["counts_as"] != "total"]
    apart = single[single["step"] == FIRST]["amount_outside"].sum()
    assert single["amount"].sum() + apart == pytest.approx(spent["amount"].sum())
    assert single["n_costs"].sum() + single[single["step"] == FIRST]["n_outside"].sum() == len(
        spent
    )


@in_silence
@example(lines=[("Ann", date(2024, 1, 1), -1, "south")], spent=[], by=True, lag=1)
@given(
    lines=st.lists(st.tuples(names, days, st.integers(-5, 9), regions), max_size=12),
    spent=st.lists(incurred, max_size=10),
    by=st.booleans(),
    lag=st.integers(1, 4),
)
def test_agrees_with_the_definition_in_loops(lines, spent, by, lag):
    """Amounts, customers and quotients of each segment, period and kind; no cost is lost."""
    agrees_with_loops(Engine("pandas"), lines, spent, by, lag)


@in_silence
def test_every_engine_agrees_with_the_definition_in_loops(engine):
    """On a table with credits, refunds, strange regions and costs of no region."""
    lines = [
        ("Ann", "2024-02-03", 9, "south"),
        ("Bob", "2024-01-05", 4, "north"),
        ("Bob", "2024-02-09", -9, "north"),
        ("Cem", "2024-01-20", 7, "south"),
        ("Ann", "2024-03-31", 5, "south"),
    ]
    days = ["2023-12-31", "2024-01-02", "2024-02-02", "2024-03-03", "2024-04-01"]
    spent = [
        (day, kind, amount, region)
        for i, day in enumerate(days)
        for kind, amount in (("wages", 3 + i), ("space", -i), ("acquisition", 50))
        for region in ("north", "south", "west", None)
    ]
    agrees_with_loops(engine, lines, spent, by=True, lag=1)


def two_months():
    """Ann and Bob buy in January, Ann in February."""
    frame = orders(("Ann", "2024-01-01", 60), ("Bob", "2024-01-20", 40), ("Ann", "2024-02-29", 10))
    return rt.customer_periods(frame, freq="month", as_of="2024-02-29")


def test_a_table_by_kind_and_period():
    """Of 37 spent in January 30 kept one customer of two; February was not followed."""
    spent = costs(
        ("2024-01-05", "wages", 20, None),
        ("2024-01-31", "space", 10, None),
        ("2024-01-31", "acquisition", 7, None),
    )
    found = cost_kpis(spent, two_months(), of=KEEPING)
    january = found[found["step"] == FIRST].set_index("kind")
    assert list(january.index) == ["acquisition", "space", "wages", "(all)"]
    assert january["counts_as"].tolist() == ["other", "retention", "retention", "total"]
    assert january["amount"].tolist() == [7, 10, 20, 30]
    assert january["retention_cost_share"].fillna(-1).tolist() == [-1, 1 / 3, 2 / 3, 1]
    assert january["cost_per_customer"].tolist() == [3.5, 5, 10, 15]
    assert january["cost_per_customer_retained"].tolist() == [7, 10, 20, 30]
    assert january["cost_to_sales"].tolist() == [0.07, 0.1, 0.2, 0.3]
    february = found[found["step"] == FIRST + 1]
    assert february["n_retained"].isna().all()
    assert february["cost_per_customer_retained"].isna().all()
    assert (february["n_base"] == 1).all()
    assert (february["cost_per_customer"] == 0).all()


def test_costs_outside_the_whole_periods_are_told_and_counted_apart():
    """They are in no period's figure, and not gone either."""
    spent = costs(("2023-12-31", "wages", 5, None), ("2024-01-05", "wages", 20, None),
                  ("2024-03-01", "space", 2.5, None))  # fmt: skip
    with pytest.warns(rt.RetentionWarning, match=r"2 costs \(7\.50 in sum\) dated outside "
                                                 "2024-01 to 2024-02"):  # fmt: skip
        found = cost_kpis(spent, two_months(), of=KEEPING)
    first = found[found["step"] == FIRST].set_index("kind")
    assert first["n_outside"].to_dict() == {"space": 1, "wages": 1, "(all)": 2}
    assert first["amount_outside"].to_dict() == {"space": 2.5, "wages": 5, "(all)": 7.5}
    assert found.groupby("kind")["amount"].sum().to_dict() == {"space": 0, "wages": 20, "(all)": 20}


def test_one_kind_may_be_said_as_text():
    """A kind of several letters is not several kinds."""
    spent = costs(("2024-01-05", "wages", 20, None))
    one, listed = (cost_kpis(spent, two_months(), of=of) for of in ("wages", ["wages"]))
    pd.testing.assert_frame_equal(one, listed)


def test_the_columns_are_always_the_same(engine):
    """And the answer is in the caller's kind."""
    frame = engine.table(orders(("Ann", "2024-01-01", 60), ("Ann", "2024-01-31", 60)))
    activity = rt.customer_periods(frame, freq="month", as_of="2024-01-31")
    spent = engine.table(costs(("2024-01-05", "wages", 20, "north")))
    found = cost_kpis(spent, activity, of="wages")
    assert engine.is_mine(found)
    assert list(engine.read(found)) == [
        *("period", "step", "kind", "counts_as", "n_costs", "amount", "retention_cost_share"),
        *("n_base", "n_retained", "cost_per_customer", "cost_per_customer_retained", "sales"),
        *("cost_to_sales", "n_outside", "amount_outside", "lag"),
    ]


@pytest.mark.parametrize("name", ["n", "own", "rows", "known", "place"])
def test_segments_may_have_the_names_of_what_is_counted(engine, name):
    """Only names that stand in the answer are refused."""
    frame = orders(("Ann", "2024-01-01", 60), ("Ann", "2024-01-31", 60)).assign(**{name: "a"})
    activity = rt.customer_periods(engine.table(frame), freq="month", as_of="2024-01-31", by=name)
    spent = engine.table(costs(("2024-01-05", "wages", 20, "north")).assign(**{name: "a"}))
    found = engine.read(cost_kpis(spent, activity, of="wages", by=name))
    assert found[[name, "amount"]].values.tolist() == [["a", 20], ["a", 20]]
    served = rt.kpis.cost_to_serve(spent, activity, of="wages", allocation="equal", within=name)
    assert engine.read(served)["cost_to_serve"].tolist() == [20]


def test_a_cost_of_one_customer_counts_like_a_shared_one():
    """Whom it was for is a matter of cost_to_serve."""
    spent = costs(("2024-01-05", "wages", 20, None), ("2024-01-05", "wages", 4, None))
    found = cost_kpis(spent.assign(customer_id=["Ann", None]), two_months(), of="wages")
    assert found["amount"].tolist() == [24, 24, 0, 0]


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ("wage", "of names 'wage', which is no kind of these costs. Did you mean 'wages'?"),
        ([], "of is empty: name the kinds of cost that count. There is: 'space', 'wages'"),
        (None, "of must name kinds of cost; got None"),
    ],
)
def test_refuses_kinds_that_do_not_occur(of, said):
    """A misspelt kind would be a retention cost of 0."""
    spent = costs(("2024-01-05", "wages", 20, None), ("2024-01-05", "space", 20, None))
    with pytest.raises(rt.RetentionError, match=said.replace("?", r"\?")):
        cost_kpis(spent, two_months(), of=of)


@pytest.mark.parametrize("column", ["kind", "date", "amount"])
def test_refuses_costs_with_gaps(engine, column):
    """Costs that did not come through the door are looked at all the same."""
    spent = costs(("2024-01-05", "wages", 20, None), ("2024-01-05", "wages", 7, None))
    spent.loc[1, column] = None
    frame = engine.table(orders(("Ann", "2024-01-01", 60), ("Ann", "2024-01-31", 60)))
    activity = rt.customer_periods(frame, freq="month", as_of="2024-01-31")
    with pytest.raises(rt.ContentError, match=f"costs: 1 of 2 rows have no usable '{column}'"):
        cost_kpis(engine.table(spent), activity, of="wages")


def test_refuses_no_costs_at_all():
    """An empty table is not a cost of 0."""
    with pytest.raises(rt.ContentError, match="costs is empty"):
        cost_kpis(costs(("2024-01-05", "wages", 20, None))[:0], two_months(), of="wages")


def test_refuses_segments_that_one_of_the_tables_lacks():
    """The message says which."""
    spent = costs(("2024-01-05", "wages", 20, "north"))
    with pytest.raises(rt.ColumnError, match=r"by \(in activity\) names 'region'"):
        cost_kpis(spent, two_months(), of="wages", by="region")
    with pytest.raises(rt.ColumnError, match=r"by \(in costs\) names 'plan'"):
        cost_kpis(spent, two_months().assign(plan="a"), of="wages", by="plan")


def test_refuses_costs_of_another_kind_of_table():
    """A pandas activity and Polars costs are not joined behind the user's back."""
    import polars as pl

    spent = pl.DataFrame(costs(("2024-01-05", "wages", 20, "north")).to_dict("list"))
    with pytest.raises(rt.TableError, match="costs is a polars table beside a pandas one"):
        cost_kpis(spent, two_months(), of="wages")


def test_a_number_that_is_no_id_and_a_kind_named_like_all_are_refused():
    """Half a customer bears nothing; kinds are found however they are written."""
    when = pd.to_datetime(["2024-01-31"] * 2)
    spent = pd.DataFrame({"date": when, "kind": ["1", "2"], "amount": [1.0, 9.0]})
    activity = rt.customer_periods(
        pd.DataFrame({"customer_id": [1, 2], "date": when, "sales": 1.0}),
        freq="month",
        as_of="2024-01-31",
        observed_from="2024-01-01",
    )
    say = {"allocation": "equal"}
    with pytest.raises(rt.ContentError, match="1 of 2 rows have no usable 'customer_id'"):
        rt.kpis.cost_to_serve(spent.assign(customer_id=[2.0, 1.5]), activity, of=[1], **say)
    served = rt.kpis.cost_to_serve(spent.assign(customer_id=[2.0, 1.0]), activity, of=[1, 2], **say)
    assert served["cost_to_serve"].tolist() == [9.0, 1.0]
    with pytest.raises(rt.ContentError, match="a kind is called '\\(all\\)'"):
        rt.kpis.cost_kpis(spent.assign(kind=["1", "(all)"]), activity, of="1")
    with pytest.raises(rt.RetentionError, match="benchmark"):
        rt.kpis.strategic_customers(activity, benchmark=2.5)
