"""staff_and_customers: against sets, beside retention_rate, and its refusals."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import Engine, at_most
from retention.economics import staff_and_customers

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

AS_OF = "2024-03-31"
FIRST_DAYS = [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1)]

days = st.integers(0, 80).map(lambda n: date(2024, 1, 1) + timedelta(n))
lives = st.lists(
    st.tuples(days, st.none() | days, st.sampled_from(["north", "south"])), min_size=1, max_size=8
)


def jobs(*rows, prefix="E", **renamed):
    """Who was there, as (start, end, branch)."""
    kept = [
        (f"{prefix}{i}", *row) for i, row in enumerate(rows) if row[1] is None or row[0] < row[1]
    ]
    frame = pd.DataFrame(kept, columns=["customer_id", "start", "end", "branch"])
    dates = {
        name: pd.to_datetime(frame[name]).astype("datetime64[us]") for name in ("start", "end")
    }
    return frame.assign(**dates).rename(columns=renamed)


def monthly(engine, frame, **said):
    """Activity by month and branch."""
    asked = {"freq": "month", "as_of": AS_OF, "by": "branch", "observed_from": "2024-01-01"} | said
    return rt.contract_periods(engine.table(frame), **asked)


def there(frame, day, branch):
    """Who is in force on a day."""
    here = (frame["start"] <= pd.Timestamp(day)) & ~(frame["end"] <= pd.Timestamp(day))
    return set(frame[here & (frame["branch"] == branch)]["customer_id"])


ALWAYS = (date(2024, 1, 1), None, "north")


@settings(max_examples=at_most(4))
@given(staff=lives, customers=lives)
def test_agrees_with_the_definition_in_sets(engine, staff, customers):
    """Of those there as a month opens, who is as it closes; of staff and of customers."""
    tables = {"staff": jobs(ALWAYS, *staff), "customers": jobs(ALWAYS, *customers, prefix="C")}
    answer = staff_and_customers(
        *(monthly(engine, frame) for frame in tables.values()), by="branch"
    )
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["branch", "step"])
    names = {"staff": ("n_staff", "staff_retention"), "customers": ("n_customers",
             "customer_retention")}  # fmt: skip
    units = {b for frame in tables.values() for b in frame["branch"]}
    assert set(found["branch"]) <= units
    for row in found.to_dict("records"):
        opens = row["period"].date()
        closes = FIRST_DAYS[FIRST_DAYS.index(opens) + 1]
        for table, (counted, rate) in names.items():
            base = there(tables[table], opens, row["branch"])
            anywhere = set().union(*(there(tables[table], closes, b) for b in units))
            assert row[counted] == len(base)
            assert row[counted + "_retained"] == len(base & anywhere)
            if base:
                assert row[rate] == pytest.approx(len(base & anywhere) / len(base))
            else:
                assert np.isnan(row[rate])


def many(n, seed, prefix):
    """Lives in three branches."""
    rng = np.random.default_rng(seed)
    start = [date(2024, 1, 1) + timedelta(int(d)) for d in rng.integers(-40, 30, n)]
    stay = rng.integers(10, 200, n)
    rows = [
        (s, s + timedelta(int(d)) if s + timedelta(int(d)) < date(2024, 4, 1) else None, b)
        for s, d, b in zip(start, stay, rng.choice(["east", "north", "south"], n), strict=True)
    ]
    return jobs(*rows, prefix=prefix)


def test_each_half_is_the_retention_rate_of_its_table(engine):
    """Counts, rates and bounds, in every unit and period that both have."""
    pair = [monthly(engine, many(40, 1, "E")), monthly(engine, many(200, 2, "C"))]
    found = engine.read(staff_and_customers(*pair, by="branch", lag=2, level=0.9))
    found = found.sort_values(["branch", "step"], ignore_index=True)
    for table, counted, name in zip(
        pair, ("n_staff", "n_customers"), ("staff", "customer"), strict=True
    ):
        rates = engine.read(rt.retention_rate(table, by="branch", lag=2, level=0.9))
        rates = rates.sort_values(["branch", "step"], ignore_index=True)
        pairs = {
            counted: "n_base",
            f"{counted}_retained": "n_retained",
            f"{name}_retention": "retention_rate",
            f"{name}_lower": "lower",
            f"{name}_upper": "upper",
        }
        for mine, theirs in pairs.items():
            np.testing.assert_allclose(found[mine], rates[theirs])


def test_who_moves_to_another_branch_has_stayed_with_the_firm():
    """Or has left the branch: both are asked for by name."""
    pandas = Engine("pandas")
    moved = jobs(("2024-01-01", "2024-02-01", "north"), ("2024-02-01", None, "south"), ALWAYS)
    moved["customer_id"] = ["E0", "E0", "E1"]
    pair = [monthly(pandas, moved), monthly(pandas, jobs(ALWAYS, (*ALWAYS[:2], "south")))]
    firm, own = (
        staff_and_customers(*pair, by="branch", lost_to=lost_to) for lost_to in ("firm", "segment")
    )
    assert firm["n_staff_retained"].tolist()[0] == 2
    assert own["n_staff_retained"].tolist()[0] == 1
    assert set(own["lost_to"]) == {"segment"}


def test_a_unit_of_one_table_has_nobody_of_the_other():
    """It stays in, so that a branch named otherwise is seen."""
    pandas = Engine("pandas")
    staff = monthly(pandas, jobs(ALWAYS, (*ALWAYS[:2], "head office")))
    found = staff_and_customers(staff, monthly(pandas, jobs(ALWAYS)), by="branch")
    office = found[found["branch"] == "head office"]
    assert office["n_customers"].tolist() == [0] * len(office) != []
    assert office["customer_retention"].isna().all()


def test_periods_are_those_that_both_tables_cover():
    """The customers' log begins a month later."""
    pandas = Engine("pandas")
    late = jobs(("2024-02-01", None, "north"))
    pair = [monthly(pandas, jobs(ALWAYS)), monthly(pandas, late, observed_from="2024-02-01")]
    found = staff_and_customers(*pair, by="branch")
    assert found["period"].min() == pd.Timestamp("2024-02-01")


PLAIN = Engine("pandas")


@pytest.mark.parametrize(
    ("pair", "asked", "message"),
    [
        ((jobs(ALWAYS), jobs(ALWAYS)), {"by": ()}, "needs by=: the column that says the branch"),
        ((jobs(ALWAYS), jobs(ALWAYS)), {"by": "site"}, "by names 'site', which is not a column"),
        ((jobs(ALWAYS), jobs(ALWAYS)), {"by": "step"}, "'step' is a name that answers use"),
        ((jobs(ALWAYS), jobs(ALWAYS)), {"lag": 9}, "needs 10 whole periods that both cover"),
        ((jobs(ALWAYS), jobs(ALWAYS)), {"lag": 0}, "lag must be a whole number"),
        ((jobs(ALWAYS), jobs(ALWAYS)), {"lost_to": "x"}, "lost_to must be one of"),
        (
            (jobs(ALWAYS), jobs((*ALWAYS[:2], "North"))),
            {},
            "No branch of staff is one of customers. In staff there is 'north', in customers 'Nort",
        ),
    ],
)
def test_refuses_in_the_users_words(pair, asked, message):
    """Which table, what there is, what to do."""
    tables = [monthly(PLAIN, frame) for frame in pair]
    with pytest.raises(rt.RetentionError, match=message):
        staff_and_customers(*tables, **({"by": "branch"} | asked))


def test_refuses_tables_that_are_no_activity_or_of_another_freq():
    """The table that is wrong is named."""
    staff, weekly = monthly(PLAIN, jobs(ALWAYS)), monthly(PLAIN, jobs(ALWAYS), freq="week")
    with pytest.raises(rt.ContentError, match="staff is by month, customers are by week"):
        staff_and_customers(staff, weekly, by="branch")
    with pytest.raises(rt.ColumnError, match="customers .* lacks 'period'.*contract_periods"):
        staff_and_customers(staff, jobs(ALWAYS), by="branch")
    with pytest.raises(rt.TableError):
        staff_and_customers(None, staff, by="branch")
    with pytest.raises(rt.ContentError, match="empty"):
        staff_and_customers(staff.head(0), staff, by="branch")
