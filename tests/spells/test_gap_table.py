"""gap_table: what each candidate gap would have said, against a loop over customers and gaps."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from shops import orders, refund_only

AS_OF = date(2024, 2, 29)
COUNTS = ["n_customers", "n_eligible", "n_lost", "n_came_back", "n_followed", "n_false"]
COLUMNS = [
    "gap",
    "n_customers",
    "n_eligible",
    "n_lost",
    "lost_share",
    "lost_share_lower",
    "lost_share_upper",
    "median_follow_up",
    "n_came_back",
    "came_back_share",
    "came_back_share_lower",
    "came_back_share_upper",
    "n_followed",
    "n_false",
    "false_churn_rate",
    "false_churn_rate_lower",
    "false_churn_rate_upper",
    "within",
]

ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def naive_row(bought, gap, within):
    """For one gap: walk each customer's days until a silence of `gap` days, then look what came."""
    row = dict.fromkeys(COUNTS, 0)
    follow_up = []
    for days in bought.values():
        row["n_customers"] += 1
        row["n_eligible"] += (AS_OF - min(days)).days >= gap
        lost_on = next(
            (
                day.toordinal() + gap
                for day in sorted(days)
                if not any(0 < (later - day).days <= gap for later in days)
                and day.toordinal() + gap <= AS_OF.toordinal()
            ),
            None,
        )
        if lost_on is None:
            continue
        row["n_lost"] += 1
        follow_up.append(AS_OF.toordinal() - lost_on)
        back = [day.toordinal() - lost_on for day in days if day.toordinal() > lost_on]
        row["n_came_back"] += bool(back)
        if follow_up[-1] >= within:
            row["n_followed"] += 1
            row["n_false"] += bool(back) and min(back) <= within
    return {**row, "median_follow_up": median(follow_up) if follow_up else None}


line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
    st.dates(date(2023, 12, 1), date(2024, 3, 10)),
    st.integers(-2, 6),
)
logs = st.lists(line, min_size=1, max_size=25)
candidates = st.lists(st.integers(1, 45), min_size=1, max_size=4)
FIRST = ("Ann", date(2023, 12, 1), 5)


@ignore_silence
@given(lines=logs, gaps=candidates, within=st.integers(1, 45))
def test_agrees_with_a_loop_over_customers(engine, lines, gaps, within):
    """Every count and the median."""
    frame = orders(FIRST, *lines)
    totals = defaultdict(int)
    for row in frame.itertuples():
        totals[row.customer_id, row.date.date()] += row.sales
    bought = defaultdict(set)
    for (customer, day), total in totals.items():
        if total >= 0 and day <= AS_OF:
            bought[customer].add(day)
    table = rt.gap_table(engine.table(frame), as_of=AS_OF, gaps=gaps, within=within)
    answer = engine.read(table, order=["gap"])
    assert list(answer["gap"]) == sorted(set(gaps))
    for row in answer.to_dict("records"):
        expected = naive_row(bought, row["gap"], within)
        seen = {name: row[name] for name in COUNTS}
        follow_up = None if pd.isna(row["median_follow_up"]) else row["median_follow_up"]
        assert {**seen, "median_follow_up": follow_up} == expected


def test_answer_is_of_the_kind_that_was_given(engine):
    """The same kind of table, with the same columns."""
    answer = rt.gap_table(engine.table(refund_only()), as_of="2024-02-29", gaps=[10, 500])
    assert engine.is_mine(answer)
    assert list(engine.read(answer).columns) == COLUMNS


@ignore_silence
@given(lines=logs, gap=st.integers(1, 45))
def test_lost_customers_are_those_with_an_ended_spell(lines, gap):
    """What the rule calls lost is what purchase_spells ends; who came back has another spell."""
    frame = orders(FIRST, *lines)
    spells = rt.purchase_spells(frame, gap=gap, as_of=AS_OF)
    row = rt.gap_table(frame, as_of=AS_OF, gaps=[gap]).iloc[0]
    assert row["n_lost"] == spells.loc[spells["churned"], "customer_id"].nunique()
    assert row["n_came_back"] == spells.loc[spells["spell"] == 2, "customer_id"].nunique()


@ignore_silence
@given(lines=logs, gaps=candidates)
def test_shares_are_their_counts_and_lie_within_their_bounds(lines, gaps):
    """Of nobody there is no share."""
    table = rt.gap_table(orders(FIRST, *lines), as_of=AS_OF, gaps=gaps, within=15)
    for name, part, whole in [
        ("lost_share", "n_lost", "n_eligible"),
        ("came_back_share", "n_came_back", "n_lost"),
        ("false_churn_rate", "n_false", "n_followed"),
    ]:
        some = table[table[whole] > 0]
        assert (some[name] == some[part] / some[whole]).all()
        assert (some[f"{name}_lower"] <= some[name]).all()
        assert (some[f"{name}_upper"] >= some[name]).all()
        none = table.loc[table[whole] == 0, [name, f"{name}_lower", f"{name}_upper"]]
        assert none.isna().to_numpy().all()


def test_who_comes_back_later_than_within_is_no_false_churn():
    """Lost on 11 January: back on the 16th is within five days, on the 17th no longer."""
    for back, n_false in [("2024-01-16", 1), ("2024-01-17", 0)]:
        frame = orders(("Ann", "2024-01-01", 1), ("Ann", back, 1))
        row = rt.gap_table(frame, as_of="2024-01-22", gaps=[10], within=5).iloc[0]
        assert row[["n_lost", "n_followed", "n_came_back", "n_false"]].tolist() == [
            1,
            1,
            1,
            n_false,
        ]


@ignore_silence
def test_a_rate_that_cannot_be_known_yet_is_null_not_nothing():
    """Lost eight days ago: whether that was false within ten days is not known."""
    table = rt.gap_table(orders(("Ann", "2024-01-01", 1)), as_of="2024-01-19", gaps=[10], within=10)
    assert table[["n_lost", "n_followed"]].values.tolist() == [[1, 0]]
    assert table["false_churn_rate"].isna().all()


def test_false_churn_of_regular_buyers_falls_as_the_gap_grows():
    """Customers who never leave and buy every ten days on average are hardly called lost at 60."""
    rng = np.random.default_rng(0)
    days = np.cumsum(rng.geometric(0.1, (3000, 60)), axis=1)
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(3000), 60),
            "date": pd.to_datetime(days.ravel(), unit="D").astype("datetime64[us]"),
            "sales": 1.0,
        }
    )
    frame = frame[frame["date"] < "1971-01-01"]
    table = rt.gap_table(frame, as_of="1970-12-31", gaps=[10, 20, 30, 60], within=15)
    assert table["lost_share"].is_monotonic_decreasing
    assert table["lost_share"].iloc[0] > 0.9
    assert table["lost_share"].iloc[-1] < 0.1
    # Nobody leaves and nobody remembers, so at any gap the share back within 15 days is 1 − 0.9^15.
    chance = 1 - 0.9**15
    assert (table["false_churn_rate_lower"] < chance).all()
    assert (table["false_churn_rate_upper"] > chance).all()


ONE = orders(("Ann", "2024-01-01", 1))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"gaps": []}, rt.RetentionError, r"gaps must name one silence or more.*got \[\]"),
        ({"gaps": 30}, rt.RetentionError, "as in gaps=.30, 60, 90.; got 30"),
        (
            {"gaps": [30, 0]},
            rt.RetentionError,
            "gaps must be a whole number of days, 1 or more; got 0",
        ),
        ({"gaps": [30.5]}, rt.RetentionError, "got 30.5"),
        ({"within": 0}, rt.RetentionError, "within must be a whole number of days, 1 or more"),
        ({"level": 95}, rt.RetentionError, "level must lie between 0 and 1"),
        ({"as_of": "2023-12-01"}, rt.ContentError, "first order is of 2024-01-01"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        rt.gap_table(ONE, **{"gaps": [30], "as_of": "2024-01-05", **change})
