"""programme_value: the arithmetic of a programme, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.economics import programme_value

ASKED = {"n_offered": 1_000, "value_saved": 500, "spend": 6_000}
VECTOR = {"n_saved": 20.0, "profit_saved": 10_000.0, "net_gain": 4_000.0, "cost_per_saved": 300.0}

shares = st.integers(-50, 50).map(lambda n: n / 100)


def effects(*rows, columns=("difference", "lower", "upper")):
    """Effects, as (difference, lower, upper)."""
    return pd.DataFrame(rows, columns=list(columns))


def test_the_vector_of_a_thousand_offered():
    """N 1,000, Δ .02, V 500, C 6,000: 20 saved, 10,000 of profit, 4,000 net, 300 each, .012."""
    found = programme_value(effects((0.02, 0.01, 0.03)), **ASKED).iloc[0]
    assert {name: found[name] for name in VECTOR} == pytest.approx(VECTOR)
    assert found["break_even_effect"] == pytest.approx(0.012)
    assert found[["net_gain_lower", "net_gain_upper"]].tolist() == pytest.approx([-1_000, 9_000])
    assert found["cost_per_saved_lower"] == pytest.approx(200)
    assert found["cost_per_saved_upper"] == pytest.approx(600)
    assert found["basis"] == "a value for each customer kept"
    assert found["pays"] == "not known"


def test_the_programme_of_ten_thousand():
    """Spend 135,000; net −63,000 (−111,000 to −15,000); each saved 1,125 (675 to 3,375)."""
    spend = 10_000 * 1.5 + 10_000 * 0.6 * 20
    table = effects((0.012, 0.004, 0.020))
    found = programme_value(table, n_offered=10_000, value_saved=600, spend=spend).iloc[0]
    names = ["net_gain", "net_gain_lower", "net_gain_upper", "cost_per_saved"]
    names += ["cost_per_saved_lower", "cost_per_saved_upper", "break_even_effect"]
    wanted = [-63_000, -111_000, -15_000, 1_125, 675, 3_375, 0.0225]
    assert found[names].tolist() == pytest.approx(wanted)
    assert found["pays"] == "no"


@given(
    rows=st.lists(
        st.tuples(shares, shares, shares, st.integers(1, 900), st.integers(0, 9_000)), min_size=1
    ),
    value=st.integers(2, 800),
)
def test_agrees_with_the_definition_row_by_row(engine, rows, value):
    """Each figure, and each bound of it, is the formula of that bound of the effect."""
    ordered = [(*sorted(row[:3]), *row[3:]) for row in rows]
    named = [
        (str(i), middle, low, high, n, c) for i, (low, middle, high, n, c) in enumerate(ordered)
    ]
    columns = ("arm", "difference", "difference_lower", "difference_upper", "n", "cost")
    table = effects(*named, columns=columns)
    asked = {"n_offered": "n", "value_saved": value, "spend": "cost", "by": "arm"}
    answer = programme_value(engine.table(table), **asked)
    assert engine.is_mine(answer)
    found = engine.read(answer).set_index("arm")
    for arm, middle, low, high, n, cost in named:
        row = found.loc[arm]
        for end, effect in (("", middle), ("_lower", low), ("_upper", high)):
            assert row["n_saved" + end] == pytest.approx(n * effect)
            assert row["profit_saved" + end] == pytest.approx(n * effect * value)
            assert row["net_gain" + end] == pytest.approx(n * effect * value - cost)
        for end, effect in (("", middle), ("_lower", high), ("_upper", low)):
            price = row["cost_per_saved" + end]
            if effect > 0:
                assert price == pytest.approx(cost / (n * effect))
            else:
                assert np.isnan(price)
        assert row["break_even_effect"] == pytest.approx(cost / (n * value))
        lowest = row["break_even_effect"]
        assert row["pays"] == ("yes" if low >= lowest else "no" if high < lowest else "not known")


def test_at_the_break_even_effect_the_net_gain_is_nothing():
    """And the cost of a saved customer is what one is worth."""
    even = programme_value(effects((0.02, 0.01, 0.03)), **ASKED)["break_even_effect"].iloc[0]
    found = programme_value(effects((even, even, even)), **ASKED).iloc[0]
    assert found["net_gain"] == pytest.approx(0, abs=1e-9)
    assert found["cost_per_saved"] == pytest.approx(ASKED["value_saved"])
    assert found["pays"] == "yes"


def test_segments_add_up_to_the_whole_where_they_are_of_one_effect():
    """Half the customers and half the spend, twice."""
    halves = effects(("a", 0.02, 0.0, 0.04), ("b", 0.02, 0.0, 0.04), columns=(
        "half", "difference", "lower", "upper"))  # fmt: skip
    asked = {"n_offered": 500, "value_saved": 500, "spend": 3_000}
    parts = programme_value(halves, by="half", **asked)
    whole = programme_value(halves.head(1), **ASKED).iloc[0]
    for name in ("n_saved", "profit_saved", "net_gain", "net_gain_lower"):
        assert parts[name].sum() == pytest.approx(whole[name])


def test_nobody_has_a_negative_price():
    """Where the effect may be 0 or less there is no highest price; where it is, none at all."""
    rows = [("open", 0.02, -0.01, 0.05), ("harm", -0.01, -0.02, 0.01), ("bad", -0.2, -0.3, -0.1)]
    table = effects(*rows, columns=("arm", "difference", "lower", "upper"))
    found = programme_value(table, by="arm", **ASKED).set_index("arm")
    prices = found.filter(like="cost_per_saved")
    assert prices.loc["open"].isna().tolist() == [False, False, True]
    assert prices.loc["harm"].isna().tolist() == [True, False, True]
    assert prices.loc["bad"].isna().all()
    assert prices.min().min() > 0
    assert "no highest price" in found.loc["open", "reason"]
    assert "saved nobody" in found.loc["bad", "reason"]


def test_an_effect_on_profit_counts_what_was_watched_alone():
    """Currency a customer: no customers are saved, and nothing lies beyond the experiment."""
    table = effects((0.77, 0.49, 1.05))
    found = programme_value(table, n_offered=21_307, value_saved=1, spend=10_000).iloc[0]
    assert found["profit_saved"] == pytest.approx(21_307 * 0.77)
    assert found[["n_saved", "cost_per_saved"]].isna().all()
    assert found["basis"] == "money that was watched"
    assert found["pays"] == "yes"
    assert programme_value(effects((35.0, 20.0, 50.0)), n_offered=2, value_saved=1, spend=0)[
        "net_gain"
    ].tolist() == [70.0]


def test_bounds_of_the_difference_come_before_bounds_of_something_else():
    """The table of an arm has bounds of its rate under `lower` and `upper`."""
    table = effects(
        (0.02, 0.01, 0.03, 0.80, 0.90),
        columns=("difference", "difference_lower", "difference_upper", "lower", "upper"),
    )
    found = programme_value(table, **ASKED).iloc[0]
    assert (found["lower"], found["upper"]) == (0.01, 0.03)


def test_what_is_not_known_stays_unknown(engine):
    """No effect, no gain; no bounds, none of any figure."""
    rows = [("a", None, None, None), ("b", 0.02, None, None)]
    table = effects(*rows, columns=("arm", "difference", "lower", "upper"))
    table = table.astype(dict.fromkeys(("difference", "lower", "upper"), float))
    found = engine.read(programme_value(engine.table(table), by="arm", **ASKED), order=["arm"])
    assert found["net_gain"].isna().tolist() == [True, False]
    assert found["net_gain_lower"].isna().all()
    assert found["reason"].tolist()[0] == "The effect is not known."
    assert found["pays"].tolist() == ["not known"] * 2


@pytest.mark.parametrize(
    ("table", "asked", "message"),
    [
        (
            effects((1, 2), columns=("effect", "n")),
            {},
            r"effects .* lacks 'difference' .*It has: 'effect', 'n'. Rename your column to",
        ),
        (effects((0.1,), columns=("difference",)), {}, "lacks 'lower' .*goes with its bounds"),
        (effects((0.1, 0.2, 0.3)), {}, "0.1 is not within its bounds 0.2 to 0.3"),
        (effects((np.inf, 0.2, np.inf)), {}, "infinite"),
        (effects(), {}, "lacks|empty|must be"),
        (effects((2.0, 1.0, 3.0)), {}, "2 is no share of customers.*say value_saved=1"),
        (effects((0.1, 0, 0.2), (0.1, 0, 0.2)), {}, "effects has 2 rows. Say by="),
        (effects((0.1, 0, 0.2)), {"n_offered": 0}, "n_offered must be a number of customers, 1 o"),
        (effects((0.1, 0, 0.2)), {"n_offered": True}, "n_offered must be .* got True"),
        (effects((0.1, 0, 0.2)), {"n_offered": float("nan")}, "n_offered must be .* got nan"),
        (effects((0.1, 0, 0.2)), {"value_saved": -5}, "value_saved must be currency .* got -5"),
        (effects((0.1, 0, 0.2)), {"spend": -1}, "spend must be what the programme cost.* got -1"),
        (effects((0.1, 0, 0.2)), {"spend": "cost"}, "spend names 'cost', which is not a column"),
        (
            effects((0.1, 0, 0.2, -1.0), columns=("difference", "lower", "upper", "n")),
            {"n_offered": "n"},
            "column 'n' of effects must hold a number of customers, 1 or more, in every row; it h",
        ),
        (
            effects((0.1, 0, 0.2, "x"), columns=("difference", "lower", "upper", "n")),
            {"n_offered": "n"},
            "column 'n' of effects must be numbers",
        ),
        (effects((0.1, 0, 0.2)), {"by": "net_gain"}, "'net_gain' is a name that answers use"),
        (effects((0.1, 0, 0.2)), {"by": "arm"}, "by names 'arm', which is not a column"),
    ],
)
def test_refuses_in_the_users_words(table, asked, message):
    """Which table, which column, what there is, what to do."""
    with pytest.raises(rt.RetentionError, match=message):
        programme_value(table, **(ASKED | asked))


def test_the_advice_for_several_rows_works():
    """By the arm they are told apart."""
    table = effects(("a", 0.1, 0, 0.2), ("b", 0.1, 0, 0.2), columns=(
        "arm", "difference", "lower", "upper"))  # fmt: skip
    with pytest.raises(rt.ContentError, match="2 rows. Say by= with the columns"):
        programme_value(table, **ASKED)
    assert programme_value(table, by="arm", **ASKED)["arm"].tolist() == ["a", "b"]


def test_the_callers_table_is_not_changed():
    """And its order is kept."""
    table = effects(("z", 0.1, 0, 0.2), ("a", 0.1, 0, 0.2), columns=(
        "arm", "difference", "lower", "upper"))  # fmt: skip
    before = table.copy()
    assert programme_value(table, by="arm", **ASKED)["arm"].tolist() == ["z", "a"]
    pd.testing.assert_frame_equal(table, before)
