"""Edges that twins written from docstrings alone came upon, each with its value by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from shops import orders

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
three = pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
MONTH = {"freq": "month"}
PAIR = (("2024-01-01", 10.0), ("2024-02-29", 20.0))


def one(engine, table, column, **where):
    """One value of an answer, in the row that is said."""
    rows = engine.read(table)
    for name, value in where.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1
    return rows[column].iloc[0]


@three
def test_amounts_that_cancel_are_nothing_to_divide_by(engine):
    """0.1 + 0.2 − 0.3 is 2.8e-17 in floats, and was a base of which 1.8e17 was kept."""
    lines = orders(
        ("A", "2024-01-01", 0.1),
        ("A", "2024-01-05", 0.2),
        ("A", "2024-01-09", -0.3),
        ("A", "2024-02-10", 5.0),
        ("Z", "2024-03-31", 0.01),
    )
    activity = rt.customer_periods(engine.table(lines), as_of="2024-03-31", **MONTH)
    assert one(engine, activity, "sales", customer_id="A", step=24288) == 0
    january = {"step": 24288}
    for rates, figure in (
        (rt.net_revenue_retention(activity, lag=1), "net_revenue_retention"),
        (rt.net_revenue_retention(activity, lag=1, path="chained"), "net_revenue_retention"),
        (rt.gross_revenue_retention(activity, lag=1), "gross_revenue_retention"),
        (rt.sales_adjusted_retention(activity), "sales_adjusted_retention"),
        (rt.sales_adjusted_retention(activity, basis="current"), "sales_adjusted_retention"),
    ):
        assert one(engine, rates, "sales_base", **january) == 0
        assert pd.isna(one(engine, rates, figure, **january))


@three
def test_customers_whose_profits_cancel_are_nothing_to_divide_by_either(engine):
    """The sum over three customers, none of whom is noise."""
    lines = orders(*((who, "2024-01-01", 1.0) for who in "abc"), ("a", "2024-02-29", 1.0))
    lines["profit"] = [0.1, 0.2, -0.3, 0.1]
    activity = rt.customer_periods(engine.table(lines), as_of="2024-02-29", **MONTH)
    rates = engine.read(rt.profit_adjusted_retention(activity))
    assert rates["profit_base"].tolist() == [0.0]
    assert rates["profit_adjusted_retention"].isna().all()


@three
def test_an_amount_that_differs_by_rounding_is_no_movement(engine):
    """0.3 in one month, 0.1 + 0.2 in the next."""
    lines = orders(("A", "2024-01-01", 0.3), ("A", "2024-02-03", 0.1), ("A", "2024-02-29", 0.2))
    activity = rt.customer_periods(engine.table(lines), as_of="2024-02-29", **MONTH)
    february = {"step": 24289}
    moves = rt.kpis.customer_movements(activity)
    assert one(engine, moves, "movement", **february) == "unchanged"
    assert one(engine, rt.revenue_movements(activity), "n_expanded", **february) == 0


@three
@pytest.mark.parametrize("clock", ["calendar", "elapsed"])
def test_weeks_made_of_days_hold_the_refunds_of_their_days(engine, clock):
    """10 − 4 in the first week, 10 − 8 in the second: 2 of 6, as activity by week says."""
    lines = orders(
        ("A", "2024-01-01", 10.0),
        ("A", "2024-01-03", -4.0),
        ("A", "2024-01-08", 10.0),
        ("A", "2024-01-10", -8.0),
    )
    asked = {"measure": "sales", "basis": "current"}
    days = rt.customer_periods(engine.table(lines), freq="day", as_of="2024-01-14")
    weeks = rt.customer_periods(engine.table(lines), freq="week", as_of="2024-01-14")
    for cohorts in (
        rt.cohort_retention(days, freq="week", clock=clock, **asked),
        rt.cohort_retention(weeks, **asked),
    ):
        rows = engine.read(cohorts, order=["cohort", "age"])
        rows = rows[rows["n_cohort"] > 0]
        assert rows["base"].tolist() == [6.0, 6.0]
        assert rows["rate"].tolist() == pytest.approx([1, 1 / 3])


@three
def test_brackets_of_days_hold_the_refunds_of_their_days(engine):
    """Of 10 on the first day, 10 − 4 stayed in days 0 to 6."""
    lines = orders(("A", "2024-01-01", 10.0), ("A", "2024-01-03", -4.0))
    days = rt.customer_periods(engine.table(lines), freq="day", as_of="2024-01-07")
    asked = {"measure": "sales", "basis": "current", "kind": "bracket", "brackets": [0, 7]}
    cohorts = rt.cohort_retention(days, **asked)
    assert one(engine, cohorts, "rate", n_cohort=1) == pytest.approx(0.6)


@three
def test_segments_of_an_elapsed_week_are_those_of_all_its_days(engine):
    """Wednesday in a, Friday in b, and Tuesday after, the seventh day, in c."""
    lines = orders(("A", "2024-01-03", 1.0), ("A", "2024-01-05", 1.0), ("A", "2024-01-09", 1.0))
    lines["cat"] = ["a", "b", "c"]
    lines = pd.concat([lines, orders(("Z", "2024-01-21", 1.0)).assign(cat="z")])
    days = rt.customer_periods(
        engine.table(lines), freq="day", as_of="2024-01-21", observed_from="2024-01-01", by="cat"
    )
    rows = engine.read(rt.cohort_retention(days, freq="week", clock="elapsed", by="cat"))
    found = rows[(rows["age"] == 0) & (rows["n_cohort"] > 0)]
    assert set(found["cat"]) >= {"a", "b", "c"}


@three
def test_bounds_of_a_share_are_shares_and_are_not_made_of_no_spread(engine):
    """Of 60 customers who spend alike 57, 1 and none stay."""
    for n, rate in ((57, 0.95), (1, 1 / 60), (0, 0.0)):
        lines = [(f"c{i:02}", "2024-01-01", 10.0) for i in range(60)]
        lines += [(f"c{i:02}", "2024-02-29", 10.0) for i in range(n)]
        lines += [("new", "2024-02-29", 10.0)]
        activity = rt.customer_periods(engine.table(orders(*lines)), as_of="2024-02-29", **MONTH)
        row = engine.read(rt.gross_revenue_retention(activity, lag=1)).iloc[0]
        assert row["gross_revenue_retention"] == pytest.approx(rate)
        if n:
            assert 0 <= row["lower"] < rate < row["upper"] <= 1
        else:
            assert row["bounds"] == "none: all alike"
            assert pd.isna(row["lower"])
            assert pd.isna(row["upper"])


@three
@pytest.mark.parametrize("seed", [None, 1])
def test_who_buys_elsewhere_later_counts_in_the_bounds_as_one_who_does_not(engine, seed):
    """Both have the same forty pairs of amounts in x: half of them 10 and 10, half 10 and 0."""
    lines = [(f"c{i:02}", "2024-01-01", 10.0, "x") for i in range(40)]
    lines += [(f"c{i:02}", "2024-02-29", 10.0, "x" if i < 20 else "y") for i in range(40)]
    table = pd.DataFrame(lines, columns=["customer_id", "date", "sales", "seg"])
    table["date"] = pd.to_datetime(table["date"])
    activity = rt.customer_periods(engine.table(table), as_of="2024-02-29", by="seg", **MONTH)
    asked = {"by": "seg", "basis": "current", "seed": seed}
    firm, segment = (
        engine.read(rt.sales_adjusted_retention(activity, lost_to=lost_to, **asked)).iloc[0]
        for lost_to in ("firm", "segment")
    )
    assert firm["sales_adjusted_retention"] == 0.5
    assert firm["bounds"] == ("linearised" if seed is None else "bootstrap")
    assert (firm["lower"], firm["upper"]) == (segment["lower"], segment["upper"])


def test_a_profit_not_known_in_one_segment_is_not_known_in_the_firm():
    """It counted as 0."""
    lines = orders(*((who, "2024-01-01", 1.0) for who in "aab"), ("a", "2024-02-29", 1.0))
    lines["seg"], lines["profit"] = list("xyxx"), [1.0, 2.0, 3.0, 1.0]
    activity = rt.customer_periods(lines, as_of="2024-02-29", by="seg", **MONTH)
    activity.loc[activity["profit"] == 2, "profit"] = None
    assert rt.profit_adjusted_retention(activity)["profit_base"].isna().all()
    later = activity.assign(profit=np.where(activity["step"] == 24289, np.nan, 1.0))
    assert rt.profit_adjusted_retention(later, basis="current")["profit_retained"].isna().all()


@three
def test_sums_over_nobody_are_0_whoever_stands_in_other_rows(engine):
    """Refunds alone in January and February; a purchase in April, which is not over."""
    lines = orders(("A", "2024-01-10", -5.0), ("A", "2024-02-10", -6.0), ("B", "2024-04-20", 9.0))
    activity = rt.customer_periods(
        engine.table(lines), as_of="2024-04-25", observed_from="2024-01-01", **MONTH
    )
    for rates in (
        rt.net_revenue_retention(activity, lag=1),
        rt.sales_adjusted_retention(activity),
    ):
        assert engine.read(rates)["sales_base"].tolist() == [0.0, 0.0]


@three
def test_paths_have_the_same_segments_and_a_refund_of_nothing_is_no_movement(engine):
    """B, who is in no base period, and who gives back 5 in x and 0 in y."""
    lines = orders(("A", "2024-01-01", 5.0), ("B", "2024-02-10", 6.0), ("B", "2024-03-31", 9.0))
    lines["cat"] = ["a", "b", "b"]
    activity = rt.customer_periods(engine.table(lines), as_of="2024-03-31", by="cat", **MONTH)
    for path in ("endpoint", "chained"):
        rates = engine.read(rt.logo_churn(activity, lag=2, path=path, by="cat"))
        assert rates["cat"].tolist() == ["a"]
    lines = orders(("B", "2024-02-10", -5.0), ("B", "2024-02-10", 0.0), ("A", "2024-02-29", 5.0))
    lines["cat"] = ["x", "y", "y"]
    activity = rt.customer_periods(
        engine.table(lines), as_of="2024-02-29", observed_from="2024-01-01", by="cat", **MONTH
    )
    moves = engine.read(rt.kpis.customer_movements(activity, by="cat"))
    assert moves.loc[moves["movement"] == "refund", "cat"].tolist() == ["x"]


@three
def test_pooled_segments_have_no_bounds_of_customers_counted_once(engine):
    """One customer in two segments is two of them."""
    lines = orders(("A", "2024-01-01", 5.0), ("A", "2024-01-08", 5.0), ("A", "2024-02-29", 5.0))
    lines["cat"] = list("aba")
    activity = rt.customer_periods(engine.table(lines), as_of="2024-02-29", by="cat", **MONTH)
    cohorts = rt.cohort_retention(activity, by="cat")
    rows = engine.read(rt.kpis.average_retention(cohorts))
    assert set(rows["bounds"]) == {"none: customers are counted more than once"}
    assert set(engine.read(rt.kpis.average_retention(cohorts, by="cat"))["bounds"]) == {"wilson"}


@three
def test_what_cuts_a_contract_is_a_later_row_of_its_own(engine):
    """Not another customer's of the same number, nor a trial that is left out."""
    say = {"customer_id": "who", "start": "from", "end": "to", "contract_id": "no", "sales": "paid"}
    say |= {"sales_per": "month", "overlaps": "cut"}
    table = pd.DataFrame(
        {
            "who": ["A", "B"],
            "from": ["2024-01-01", "2024-02-01"],
            "to": [None, "2024-12-31"],
            "no": ["1", "1"],
            "paid": [10.0, 20.0],
        }
    )
    read = rt.as_contracts(engine.table(table), end_is="last_day", **say)
    assert pd.isna(one(engine, read, "end", customer_id="A"))
    table["who"], table["trial"] = ["A", "A"], ["no", "yes"]
    say |= {"trial": "trial", "trials": "exclude"}
    read = rt.as_contracts(engine.table(table), end_is="last_day", **say)
    assert pd.isna(one(engine, read, "end", customer_id="A"))
    paid = rt.as_contracts(engine.table(table), end_is="last_day", **say | {"trials": "include"})
    ends = pd.to_datetime(engine.read(paid, order=["start"])["end"])
    assert ends.tolist() == [pd.Timestamp("2024-02-01"), pd.Timestamp("2025-01-01")]


@three
def test_a_line_after_as_of_is_late_whatever_day_its_order_has(engine):
    """An order of January with a line of December, observed to June."""
    table = pd.DataFrame(
        {
            "who": ["A", "A"],
            "day": ["2024-01-01", "2024-12-31"],
            "paid": [5.0, 7.0],
            "no": ["1"] * 2,
        }
    )
    parts = rt.audit(
        rt.as_transactions,
        engine.table(table),
        customer_id="who",
        date="day",
        sales="paid",
        order_id="no",
        order_day="first",
        as_of="2024-06-30",
    )
    assert engine.read(parts.set_aside)["reason"].tolist() == ["date after as_of"]
    assert engine.read(parts.accepted)["sales"].tolist() == [5.0]


CLOSED = {"mon-fri": "09:00-17:00"}


def contacts(engine, first, solved, *, day="2024-03-01 22:00", **say):
    """One contact, of a Friday evening where nothing else is said."""
    log = pd.DataFrame({"who": ["A"], "day": [day], "first": [first], "solved": [solved]})
    roles = {"customer_id": "who", "date": "day", "first_response": "first", "resolved": "solved"}
    return rt.as_contacts(engine.table(log), **roles, **say)


@three
@pytest.mark.parametrize("seed", [None, 1])
def test_a_bootstrap_of_customers_who_are_alike_makes_nothing_certain(engine, seed):
    """Forty who spend twice as much as before."""
    lines = [(f"c{i:02}", day, s) for i in range(40) for day, s in PAIR]
    activity = rt.customer_periods(engine.table(orders(*lines)), as_of="2024-02-29", **MONTH)
    row = engine.read(rt.sales_adjusted_retention(activity, basis="current", seed=seed)).iloc[0]
    assert row["sales_adjusted_retention"] == 2
    assert row["bounds"] == "none: all alike"
    assert pd.isna(row["lower"])


@three
def test_what_came_before_its_contact_is_refused_while_the_desk_is_closed_too(engine):
    """No hour is worked between them, whichever came first."""
    with pytest.raises(rt.ContentError, match="answer before the contact"):
        contacts(engine, "2024-03-01 21:00", "2024-03-01 23:00", business_hours=CLOSED)
    with pytest.raises(rt.ContentError, match="solution before the first answer"):
        contacts(engine, "2024-03-01 23:30", "2024-03-01 23:00", business_hours=CLOSED)
    read = contacts(engine, "2024-03-01 22:30", "2024-03-01 23:00", business_hours=CLOSED)
    assert engine.read(read)["first_response_hours"].tolist() == [0.0]


@three
def test_an_answer_in_the_hour_that_clocks_repeat_is_after_its_contact(engine):
    """Twenty minutes later it is forty minutes earlier by the clock."""
    read = contacts(
        engine,
        "2024-10-27T01:10:00Z",
        "2024-10-27T03:10:00Z",
        day="2024-10-27T00:50:00Z",
        tz="Europe/Berlin",
        business_hours={"mon-sun": "00:00-24:00"},
    )
    assert engine.read(read)["first_response_hours"].tolist() == [0.0]


@three
def test_hours_of_day_and_night_are_not_counted_by_a_calendar(engine):
    """Loaded without one; what the refusal says to do works."""
    targets = {"first_response": 24, "resolution": 48}
    say = {"as_of": "2024-03-05", "targets": targets, "business_hours": CLOSED}
    times = ("2024-03-04 10:00", "2024-03-04 11:00")
    with pytest.raises(rt.RetentionError, match="run day and night"):
        rt.kpis.service_kpis(contacts(engine, *times), **say)
    worked = rt.kpis.service_kpis(contacts(engine, *times, business_hours=CLOSED), **say)
    assert one(engine, worked, "median_hours", figure="first_response") == 1.0


@three
def test_an_answer_after_as_of_by_any_clock_is_open(engine):
    """Thirty hours of no clock have not passed twelve hours after the contact."""
    log = {"who": ["B"], "day": pd.to_datetime(["2024-03-01 12:00"]), "f": [30.0], "r": [40.0]}
    read = rt.as_contacts(
        engine.table(pd.DataFrame(log)),
        customer_id="who",
        date="day",
        first_response_hours="f",
        resolution_hours="r",
    )
    targets = {"first_response": 24, "resolution": 48}
    early = rt.kpis.service_kpis(read, as_of="2024-03-01", targets=targets)
    assert one(engine, early, "n_open", figure="first_response") == 1
    later = rt.kpis.service_kpis(read, as_of="2024-03-31", targets=targets)
    assert one(engine, later, "n_done", figure="first_response") == 1


@three
def test_more_who_name_a_barrier_than_a_reason_are_no_table_of_counts(engine):
    """Of y both name what holds them, and one a reason."""
    given = pd.DataFrame(
        {
            "customer_id": ["A", "B", "B", "C", "C"],
            "seg": list("yyyxx"),
            "reason": ["stay", "price", "stay", "rival", "stay"],
        }
    )
    scheme = {"stay": "x_switching_barrier", "price": "pricing", "rival": "competition"}
    tags = rt.map_reason_codes(engine.table(given), scheme=scheme, keep="seg")
    rows = engine.read(rt.reasons.reasons_by_segment(tags, by="seg", base="tagged"))
    barrier = rows[rows["category"] == "x_switching_barrier"]
    assert set(barrier["test"]) == {"none: no reason"}
    assert barrier["n_customers"].sum() == 3


@three
def test_a_note_in_a_later_segment_alone_is_a_column_of_text(engine):
    """The first segment has none."""
    spells = pd.DataFrame(
        {
            "customer_id": ["A", "B", "C"],
            "duration": [1, 2, 3],
            "entry": [None, None, 1.0],
            "churned": [True, False, True],
            "seg": ["a", "a", "b"],
        }
    )
    codes = pd.DataFrame({"customer_id": ["A"], "reason": ["too_expensive"]})
    tags = rt.map_reason_codes(engine.table(codes), scheme="stripe")
    rows = engine.read(rt.reasons.reason_incidence(engine.table(spells), tags, by="seg"))
    assert rows.loc[rows["seg"] == "a", "note"].isna().all()
    assert rows.loc[rows["seg"] == "b", "note"].str.startswith("given still here at 1").all()


def test_the_variance_of_an_auc_is_that_of_delong():
    """Two cases among three controls: the spread of each side over its number."""
    table = {"duration": [1, 2, 3, 4, 5], "churned": [True] * 5, "risk": [0.9, 0.3, 0.6, 0.4, 0.1]}
    found = rt.survival.time_dependent_auc(pd.DataFrame(table), times=[2])
    wins = np.array([[1, 1, 1], [0, 0, 1]])  # of each case over each control
    variance = wins.mean(axis=1).var(ddof=1) / 2 + wins.mean(axis=0).var(ddof=1) / 3
    assert found["auc"].tolist() == pytest.approx([wins.mean()])
    assert found["standard_error"].tolist() == pytest.approx([np.sqrt(variance)])
    alone = {"duration": [1, 5], "churned": [True, False], "risk": [0.9, 0.3]}
    assert (
        rt.survival.time_dependent_auc(pd.DataFrame(alone), times=[2])["standard_error"]
        .isna()
        .all()
    )


def test_a_contract_that_starts_as_the_last_period_opens_has_its_start():
    """On the day after `as_of`."""
    contracts = pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob"],
            "start": pd.to_datetime(["2024-01-10", "2024-03-01"]),
            "end": pd.to_datetime([None, None]),
            "sales": [1.0, 2.0],
        }
    )
    rows = rt.contract_periods(contracts, as_of="2024-02-29", **MONTH)
    assert rows.loc[rows["customer_id"] == "Bob", "sales_at_start"].tolist() == [2.0]


@three
def test_refunds_up_to_as_of_are_no_purchases_whatever_follows(engine):
    """Nothing after `as_of` is looked at, by refusals neither."""
    lines = orders(("a", "2024-01-01", -5.0), ("b", "2024-02-10", -1.0), ("a", "2024-04-10", 30.0))
    for ask in (
        lambda table: rt.customer_periods(table, as_of="2024-02-29", **MONTH),
        lambda table: rt.purchase_spells(table, gap=30, as_of="2024-02-29"),
        lambda table: rt.purchase_summary(table, as_of="2024-02-29"),
    ):
        with pytest.raises(rt.ContentError, match="refunds only up to as_of 2024-02-29"):
            ask(engine.table(lines))


@three
def test_refunds_alone_that_zero_orders_leave_are_refused(engine):
    """The same refund alone was refused, beside a free order it was a table."""
    lines = pd.DataFrame({
        "who": ["A", "A", "B"], "day": ["2024-01-16", "2024-01-16", "2024-03-05"],
        "oid": ["2", "2", "3"], "paid": [0.0, 0.0, -0.1],
    })  # fmt: skip
    roles = {"customer_id": "who", "date": "day", "sales": "paid", "order_id": "oid"}
    policies = {"refunds": "net", "zero_orders": "drop", "duplicates": "keep"}
    with pytest.raises(rt.ContentError, match=r"left out \(zero order\): Every line is a refund"):
        rt.as_transactions(engine.table(lines), **roles, **policies)


@three
def test_nobody_in_any_base_period_has_a_row_among_the_targets(engine):
    """A base period has its row, whoever is in it."""
    lines = engine.table(orders(("b", "2024-02-05", 1.0)))
    window = {"as_of": "2024-02-29", "observed_from": "2024-01-01"}
    found = rt.kpis.target_customers(
        rt.customer_periods(lines, **window, **MONTH), target="sales", top=0.5
    )
    assert one(engine, found, "n_target", step=24288) == 0


@three
def test_sums_that_tie_in_money_are_both_among_the_best(engine):
    """0.1 + 0.2 is as much as 0.3."""
    lines = [("a", 0.1), ("a", 0.2), ("b", 0.3), ("c", 0.1)]
    rows = [(who, day, paid) for day in ("2024-01-01", "2024-02-05") for who, paid in lines]
    activity = rt.customer_periods(engine.table(orders(*rows)), as_of="2024-02-29", **MONTH)
    found = rt.kpis.target_customers(activity, target="sales", top=0.3)  # 0.3 of 3 customers is one
    assert one(engine, found, "n_target") == 2


@three
def test_columns_in_which_nothing_stands_have_no_type_to_be_wrong(engine):
    """An engine gives such a column any type, or none."""
    spells = pd.DataFrame({"customer_id": [1, 2], "duration": [3.0, 4.0], "churned": [True, False]})
    for name in ("set_aside", "entry", "seg"):
        given = spells.assign(**{name: pd.Series([None, None], dtype=object)})
        by = {"by": "seg"} if name == "seg" else {}
        found = rt.survival_curve(engine.table(given), **by)
        assert engine.read(found)["survival"].tolist() == [0.5, 0.5]


def test_an_empty_column_of_a_query_has_no_type_to_be_wrong():
    """DuckDB says NULL for its type; one in which something stands is refused as ever."""
    duckdb = pytest.importorskip("duckdb")
    spells = duckdb.sql(
        "SELECT 1 AS customer_id, 3.0 AS duration, true AS churned, NULL AS set_aside"
    )
    assert rt.survival_curve(spells).df()["survival"].tolist() == [0.0]
    open_ended = duckdb.sql("SELECT 1 AS customer_id, DATE '2024-01-01' AS start, NULL AS \"end\"")
    found = rt.contract_periods(open_ended, as_of="2024-03-31", **MONTH).df()
    assert found["active"].tolist() == [True] * 4
    wrong = duckdb.sql("SELECT 1 AS customer_id, 3.0 AS duration, true AS churned, 'x' AS entry")
    with pytest.raises(rt.ColumnError, match="'entry' .* must be numbers; got String"):
        rt.survival_curve(wrong)


def test_pairs_beyond_what_can_be_counted_are_refused():
    """Their number overflowed, and the concordance was −1.15."""
    scored = pd.DataFrame({
        "duration": [1, 2, 3, 4], "churned": [True, True, True, False],
        "risk": [0.9, 0.4, 0.6, 0.4], "n_spells": [5 * 10**9] * 4,
    })  # fmt: skip
    with pytest.raises(rt.ContentError, match="stand for 20,000,000,000 spells"):
        rt.survival.concordance(scored)
    most = rt.survival.concordance(
        scored.assign(n_spells=759_250_124)
    )  # four of them are one below the most
    assert most["concordance"].tolist() == [0.75]
    assert most["n_comparable"].tolist() == [6 * 759_250_124**2]


def test_ends_all_split_alike_give_no_certainty():
    """One customer who left for two reasons left half for each, within no bounds at all."""
    spells = pd.DataFrame({"customer_id": ["A"], "duration": [1], "churned": [True]})
    told = pd.DataFrame({"customer_id": ["A", "A"], "reason": ["too_expensive", "unused"]})
    tags = rt.map_reason_codes(told, scheme="stripe")
    found = rt.reasons.reason_incidence(spells, tags, several="fractional")
    assert found["cumulative_incidence"].tolist() == [0.5, 0.5]
    assert found[["lower", "upper"]].isna().all(axis=None)
    thrice = pd.concat([told, pd.DataFrame({"customer_id": ["A"], "reason": ["low_quality"]})])
    found = rt.reasons.reason_incidence(
        spells, rt.map_reason_codes(thrice, scheme="stripe"), several="fractional"
    )
    assert found[["lower", "upper"]].isna().all(axis=None)


@pytest.mark.parametrize("several", ["primary", "fractional"])
def test_where_nobody_left_the_reason_is_not_said_to_be_missing(several):
    """There is no category of that name."""
    spells = pd.DataFrame(
        {"customer_id": ["A", "B"], "duration": [1, 2], "churned": [False, False]}
    )
    told = pd.DataFrame({"customer_id": ["A"], "reason": ["unused"]})
    tags = rt.map_reason_codes(told, scheme="stripe")
    found = rt.reasons.reason_incidence(spells, tags, several=several)
    assert found["category"].tolist() == ["unspecified"] * 2


@pytest.mark.parametrize("notes", range(30, 40))
def test_kappa_of_a_category_never_tagged_has_no_bounds(notes):
    """Its variance is 0, and what rounding left of it gave bounds 4e-7 apart, or none."""
    tags = pd.DataFrame({"note_id": range(notes), "category": ["pricing"] * notes})
    labels = tags.assign(category=["competition"] * 7 + ["pricing"] * (notes - 7))
    found = rt.reasons.reason_agreement(tags, labels, fewest=1).set_index("category")
    assert found.loc["competition", "kappa"] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(found.loc["competition", ["kappa_lower", "kappa_upper"]].astype(float)).all()


@three
def test_rows_set_aside_cut_no_contract_and_date_no_order(engine):
    """What is accepted is what would be accepted without them."""
    contracts = pd.DataFrame({
        "a": ["A", "A"], "s": ["2024-01-01", "2024-02-01"], "c": ["1", "1"], "m": [10.0, np.nan],
        "e": ["", "2024-02-10"],
    })  # fmt: skip
    roles = {"customer_id": "a", "start": "s", "end": "e", "contract_id": "c", "sales": "m"}
    audit = rt.audit(
        rt.as_contracts,
        engine.table(contracts),
        **roles,
        sales_per="month",
        end_is="last_day",
        overlaps="cut",
    )
    assert engine.read(audit.set_aside)["reason"].tolist() == ["missing sales"]
    assert engine.read(audit.accepted)["end"].isna().tolist() == [True]
    lines = pd.DataFrame({
        "who": ["A", "A"], "day": ["2024-01-01", "2024-02-01"], "paid": [5.0, 7.0],
        "cost": [np.nan, 1.0], "oid": ["1", "1"],
    })  # fmt: skip
    roles = {"customer_id": "who", "date": "day", "sales": "paid", "cost": "cost"}
    audit = rt.audit(
        rt.as_transactions, engine.table(lines), **roles, order_id="oid", order_day="first"
    )
    day = engine.read(audit.accepted)["date"].astype("datetime64[ns]").tolist()
    assert day == [pd.Timestamp("2024-02-01")]


def test_rows_that_only_the_halfway_run_has_are_no_rows_of_the_comparison():
    """Its rows beyond both answers were all null and unchanged."""
    lines = orders(*((who, f"2024-0{m}-01", 5.0) for m in range(1, 6) for who in "AB"))

    def run(as_of, lag):
        activity = rt.recording.recorded(rt.customer_periods, lines, as_of=as_of, **MONTH)
        return rt.recording.recorded(rt.retention_rate, activity, lag=lag)

    before, after = run("2024-03-31", 1), run("2024-05-31", 2)
    found = rt.recording.compare_runs(before, after, between=run("2024-05-31", 1))
    assert found["period"].max() == pd.Timestamp("2024-03-01")
    assert found["cause"].ne("unchanged").any()
