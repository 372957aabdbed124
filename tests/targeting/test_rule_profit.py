"""rule_profit: what lists bring on a randomised holdout, paired, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import offered_worlds
import retention as rt
from retention.targeting import Offer, rule_profit

FREE = {"success": None, "stayers_lost": None}
OFFER = Offer(making=1, taking=10, stayers_taking=0.5, **FREE)
MADE_ONLY = Offer(making=1, taking=0, stayers_taking=1, **FREE)
ASKED = {"treated": "offered", "share": 0.5}

rows = st.tuples(
    st.booleans(), st.integers(1, 4), st.booleans(), st.integers(0, 9), st.booleans(),
    st.sampled_from([0.25, 0.5]),
)  # fmt: skip
holdouts = st.lists(rows, min_size=2, max_size=14).filter(
    lambda many: len({r[0] for r in many}) == 2
)


def outcomes(many):
    """Customers: the arm, a rank, whether on a list, money, whether they took it, the share."""
    names = ["offered", "rank", "listed", "money", "took", "planned"]
    return pd.DataFrame(many, columns=names)


def by_pair(found):
    """An answer by its rules."""
    return found.set_index(["rule", "compared_to"])


def brought(n=400, seed=1):
    """A holdout of customers with all that can be asked of it."""
    made = offered_worlds.holdout(n, np.random.default_rng(seed), correlation=0.3, of=4.0)
    took = np.where(made["offered"], (np.arange(n) % 3 == 0) * 1.0, np.nan)
    return made.assign(took=took, customer_id=np.arange(n))


def on_the_list(many, rule):
    """How much of each is on the list, by hand."""
    if rule == "all":
        return [1.0] * len(many)
    if rule == "listed":
        return [float(r[2]) for r in many]
    places, on = 0.5 * len(many), {}
    for rank in sorted({r[1] for r in many}, reverse=True):
        n = sum(r[1] == rank for r in many)
        on[rank] = min(max(places / n, 0.0), 1.0)
        places -= n
    return [on[r[1]] for r in many]


@given(many=holdouts)
@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_agrees_with_the_definition(engine, many):
    """Weighted means of the arms on the list, times its share, less what the offer cost."""
    table = outcomes(many)
    rules = {"ranked": ("rank", 0.5), "listed": "listed"}
    answer = rule_profit(
        engine.table(table), rules=rules, offer=OFFER, treated="offered", share="planned",
        value="money", taken="took",
    )  # fmt: skip
    assert engine.is_mine(answer)
    found = by_pair(engine.read(answer))
    for rule, said in (("ranked", "ranked"), ("listed", "listed"), ("all", "everyone")):
        on, row = on_the_list(many, rule), found.loc[(said, "nobody")]
        assert row["n_offered"] == pytest.approx(sum(on))
        weights = [
            [(part / r[5], r) for part, r in zip(on, many, strict=True) if r[0] == arm and part]
            for arm in (True, False)
        ]
        if sum(on) == 0:
            assert (row["rule_profit"], row["reason"]) == (0, "nobody is on the list")
            continue
        if not all(weights):
            assert np.isnan(row["rule_profit"])
            assert row["reason"] == "on the list there is nobody of an arm"
            continue
        treated = sum(w * (r[3] - 10 * r[4]) for w, r in weights[0]) / sum(w for w, _ in weights[0])
        control = sum(w * r[3] for w, r in weights[1]) / sum(w for w, _ in weights[1])
        share = sum(on) / len(many)
        assert row["rule_profit"] == pytest.approx(share * (treated - control) - share)
        took = sum(w * r[4] for w, r in weights[0]) / sum(w for w, _ in weights[0])
        assert row["cost"] == pytest.approx(share * (1 + 10 * took))


def test_everyone_is_the_effect_times_the_value_less_the_cost():
    """The effect is that of uplift_curve's last list, of Kaplan–Meier in each arm."""
    made = brought()
    found = by_pair(
        rule_profit(made, rules={"r": ("risk", 0.3)}, offer=OFFER, value=200, time=12, **ASKED)
    ).loc[("everyone", "nobody")]
    last = rt.experiments.uplift_curve(made, uplift="score", treated="offered", time=12).iloc[-1]
    survival = rt.survival_curve(made.assign(arm=made["offered"].astype(str)), by="arm")
    kept = survival[survival["duration"] <= 12].groupby("arm")["survival"].last()
    cost = 1 + 10 * (kept["True"] - 0.5 * kept["False"])
    assert found["cost"] == pytest.approx(cost)
    assert found["rule_profit"] == pytest.approx(200 * last["effect"] - cost)
    assert found["cost_basis"].startswith("assumed: all who stay for it take it")


def test_everyone_is_what_retention_effect_says_times_the_value():
    """From an assignment and contracts: the same difference, and the same error but for 1/n."""
    n = 300
    draw = np.random.default_rng(4)
    life = draw.exponential(90, n).astype(int) + 1
    start = pd.Timestamp("2024-01-01")
    contracts = pd.DataFrame({"customer_id": range(n), "start": start})
    contracts["end"] = (start + pd.to_timedelta(life, unit="D")).astype("datetime64[us]")
    assigned = start + pd.to_timedelta(np.arange(n) % 40, unit="D")
    assignment = pd.DataFrame(
        {"customer_id": range(n), "assigned": assigned.astype("datetime64[us]")}
    )
    assignment["arm"] = np.where(draw.random(n) < 0.5, "offer", "control")
    here = (contracts["end"] > assignment["assigned"]).to_numpy()
    assignment = assignment[here].assign(share=0.5)
    spells = rt.contract_spells(contracts, as_of="2024-04-10", grace=0)
    effect = rt.experiments.retention_effect(
        assignment, spells, control="control", horizon=60, as_of="2024-04-10",
        estimator="kaplan-meier",
    ).iloc[0]  # fmt: skip
    kept = ["arm", "share"]
    since = rt.spells.spells_since(spells, assignment, since="assigned", keep=kept)
    since = since.assign(offered=since["arm"] == "offer")
    found = by_pair(
        rule_profit(
            since, rules={"all": "offered"}, offer=MADE_ONLY, treated="offered", share="share",
            value=200, time=60,
        )
    ).loc[("everyone", "nobody")]  # fmt: skip
    assert found["rule_profit"] == pytest.approx(200 * effect["difference"] - 1)
    error = (found["upper"] - found["lower"]) / 2 / 1.959964
    assert error == pytest.approx(200 * effect["standard_error"], rel=0.01)


def test_a_difference_is_paired():
    """Its error is that of the difference, below that of two rules that share no customers."""
    found = by_pair(
        rule_profit(
            brought(2000), rules={"a": ("risk", 0.5), "b": ("score", 0.5)}, offer=MADE_ONLY,
            value="value", time=12, **ASKED,
        )
    )  # fmt: skip
    one, other = found.loc[("a", "nobody")], found.loc[("b", "nobody")]
    pair = found.loc[("a", "b")]
    assert pair["difference"] == pytest.approx(one["rule_profit"] - other["rule_profit"])
    apart = np.hypot(one["upper"] - one["rule_profit"], other["upper"] - other["rule_profit"])
    assert pair["difference_upper"] - pair["difference"] < 0.9 * apart
    assert found.loc[("a", "nobody"), "difference_lower"] == pytest.approx(one["lower"])


@pytest.mark.once
def test_bounds_hold_the_truth():
    """Few holdouts of a fixed seed, all figures; tests/benchmarks/rules.py draws a thousand."""
    found = offered_worlds.coverage_of_bounds(8, seed=1, n=800)
    assert (found["coverage"] >= 0.5).all()
    assert found["coverage"].mean() >= 0.85  # errors half as large would give 0.67
    assert len(found) == 18


def test_risk_is_not_responsiveness():
    """Where those at risk respond least, the list by risk loses customers, that by effect none."""
    against, apart, along = (
        offered_worlds.saved_per_thousand(r, n=100_000) for r in (-0.6, 0.0, 0.6)
    )
    assert against["by risk"] < 0 < against["by lot"] < against["by effect"]
    assert against["harmed of the riskiest"] > 0.5
    assert apart["by lot"] < apart["by risk"] < apart["by effect"]
    assert along["by risk"] == pytest.approx(along["by effect"], rel=0.1)


def test_everyone_and_nobody_stand_in_every_answer():
    """A row a rule, then a row a pair."""
    found = rule_profit(
        brought(), rules={"a": ("risk", 0.5), "b": "unhappy"}, offer=OFFER, value="value", time=12,
        **ASKED,
    )  # fmt: skip
    pairs = list(zip(found["rule"], found["compared_to"].fillna("-"), strict=True))
    assert pairs == [
        ("a", "nobody"), ("b", "nobody"), ("everyone", "nobody"), ("nobody", "-"),
        ("a", "b"), ("a", "everyone"), ("b", "everyone"),
    ]  # fmt: skip
    nobody = found[found["rule"] == "nobody"].iloc[0]
    assert (
        nobody[["share", "n_offered", "rule_profit", "lower", "upper", "cost"]].tolist() == [0] * 6
    )


def test_a_rule_of_all_is_everyone_and_of_itself_nothing_apart():
    """Two lists that are the same have no difference, and no bounds of it."""
    found = by_pair(
        rule_profit(brought(), rules={"a": ("risk", 1)}, offer=OFFER, value=1, time=12, **ASKED)
    )
    row = found.loc[("a", "everyone")]
    assert row["difference"] == pytest.approx(0)
    assert row["reason"] == "the two lists are the same"
    assert np.isnan(row["p_value"])


def test_lists_have_the_length_that_was_said_whatever_the_ties():
    """Of equals at the cut a part of each: in the mean what a lot among them brings."""
    made = brought(200)
    made["rank"] = 1
    found = by_pair(
        rule_profit(
            made, rules={"lot": ("rank", 0.3)}, offer=MADE_ONLY, value="brought", **ASKED
        )
    )  # fmt: skip
    lot, everyone = found.loc[("lot", "nobody")], found.loc[("everyone", "nobody")]
    assert lot["n_offered"] == pytest.approx(60)
    assert lot["rule_profit"] == pytest.approx(0.3 * everyone["rule_profit"])


@pytest.mark.parametrize(
    ("more", "basis"),
    [
        ({"taken": "took"}, "observed: the share of the treated on the list who took it"),
        ({}, "assumed: stayers_taking of all who are made it take it"),
    ],
)
def test_it_says_how_the_cost_was_had(more, basis):
    """Who took it is seen, or assumed."""
    found = rule_profit(
        brought(), rules={"a": ("risk", 0.5)}, offer=OFFER, value="brought", **more, **ASKED
    )
    assert found["cost_basis"].unique().tolist() == [basis]
    cost = by_pair(found).loc[("everyone", "nobody"), "cost"]
    took = brought().loc[lambda t: t["offered"], "took"].mean() if more else 0.5
    assert cost == pytest.approx(1 + 10 * took)


def test_an_offer_of_each_ones_own():
    """Costs may stand in columns; rows are the customers."""
    made = brought().assign(call=2.0, gift=10.0, fond=0.5)
    own = Offer(making="call", taking="gift", stayers_taking="fond", **FREE)
    same = Offer(making=2, taking=10, stayers_taking=0.5, **FREE)
    asked = {"rules": {"a": ("risk", 0.5)}, "value": "value", "time": 12, **ASKED}
    one, other = (rule_profit(made, offer=offer, **asked) for offer in (own, same))
    pd.testing.assert_frame_equal(one, other)


def test_arms_of_other_sizes_than_planned_are_warned_of():
    """Half were to be treated, and a third was."""
    made = brought(400).assign(offered=np.arange(400) % 3 == 0)
    with pytest.warns(
        rt.RetentionWarning, match="134 of 400 were treated, which is not as planned"
    ):
        found = rule_profit(
            made, rules={"a": ("risk", 0.5)}, offer=OFFER, value="value", time=12, **ASKED
        )
    chi_squared = (134 - 200) ** 2 / 200 * 2
    assert found["sample_ratio_p"].iloc[0] == pytest.approx(np.exp(-chi_squared / 2), rel=0.9)
    even = rule_profit(
        made, rules={"a": ("risk", 0.5)}, offer=OFFER, value="value", time=12, treated="offered",
        share=1 / 3,
    )  # fmt: skip
    assert even["sample_ratio_p"].iloc[0] > 0.9


def test_few_customers_have_a_gain_and_no_bounds():
    """Below 30 of an arm on the list."""
    found = by_pair(
        rule_profit(
            brought(100), rules={"a": ("risk", 0.3)}, offer=OFFER, value="value", time=12, **ASKED
        )
    )
    row = found.loc[("a", "nobody")]
    assert np.isfinite(row["rule_profit"])
    assert row[["lower", "upper", "difference_lower", "p_value"]].isna().all()
    assert "fewer than 30" in row["reason"]


SOUND = {"rules": {"a": ("risk", 0.5)}, "offer": OFFER, "value": "value", "time": 12, **ASKED}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"rules": {}}, "rules must name one rule or more"),
        ({"rules": ["risk"]}, "rules must name one rule or more"),
        ({"rules": {"everyone": "unhappy"}}, "not by 'everyone' or 'nobody'"),
        ({"rules": {"a": ("risk", 30)}}, "For 30 % say 0.3. A list cannot be larger"),
        ({"rules": {"a": ("risk", 0)}}, "above 0 and at most 1; got 0"),
        ({"rules": {"a": 0.3}}, "'a' must be the column of who is on the list"),
        ({"rules": {"a": "risk"}}, r"say their share, as in {'a': \('risk', 0.3\)}"),
        ({"rules": {"a": "unhappi"}}, "names 'unhappi', which is not a column. Did you mean"),
        ({"offer": 10}, "offer must be an Offer"),
        ({"share": 50}, "share is the planned share of the treated"),
        ({"share": "value"}, "must hold the planned share of each one's own arm"),
        ({"value": None}, "value is what a customer who is kept is worth"),
        ({"value": 200, "time": None}, "name its column, as in value='profit'"),
        ({"taken": "took", "treated": "turned"}, "it does not say by 1 or 0"),
        ({"time": 99}, "the longest that anyone of the treated was watched is"),
        ({"offer": Offer(making="risk", taking="cost", stayers_taking=1, **FREE)}, "'cost'"),
        ({"offer": Offer(making="loss", taking=1, stayers_taking=1, **FREE)}, "out of range"),
    ],
)  # fmt: skip
def test_refuses(said, message):
    """A mistake of the user's, in the user's words."""
    made = brought().assign(turned=lambda t: ~t["offered"], loss=-1.0)
    with pytest.raises(rt.RetentionError, match=message):
        rule_profit(made, **{**SOUND, **said})


def test_refuses_what_no_holdout_has():
    """A customer twice, several currencies, one arm, a value that is missing."""
    made = brought()
    for change, message in (
        ({"customer_id": 1}, "several rows, such as 1"),
        ({"currency": ["EUR", "USD"] * 200}, "currenc"),
        ({"offered": True}, "everyone of 400 was treated"),
        ({"value": np.nan}, "400 rows have no number in 'value'"),
    ):
        with pytest.raises(rt.RetentionError, match=message):
            rule_profit(made.assign(**change), **SOUND)


def test_spells_since_an_assignment_go_straight_in(engine):
    """On every engine: what spells_since carries along."""
    made = brought(80)[["customer_id", "duration", "churned", "offered", "risk", "value"]]
    answer = rule_profit(engine.table(made), **SOUND)
    assert engine.is_mine(answer)
    found = by_pair(engine.read(answer))
    plain = by_pair(rule_profit(made, **SOUND))
    assert found["rule_profit"].tolist() == pytest.approx(plain["rule_profit"].tolist())
