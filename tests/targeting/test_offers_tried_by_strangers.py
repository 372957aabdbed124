"""Offers and lists as one who did not write them would try them: what must not be so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retention import RetentionError, RetentionWarning
from retention.targeting import Offer, due_for_renewal, offer_list, profit_curve, rule_profit

FREE = {"success": None, "stayers_lost": None}
GIFT = Offer(making=1, taking=10, stayers_taking=0.5, **FREE)


def skew_holdout(draw, n=600):
    """Customers of very unequal value, watched for a year; of the treated one in twenty is kept."""
    offered = draw.random(n) < 0.5
    stays = draw.random(n) < 0.85 + 0.05 * offered
    return pd.DataFrame(
        {
            "offered": offered,
            "value": np.exp(4 + draw.normal(size=n)),
            "duration": np.where(stays, 12, draw.integers(1, 12, n)),
            "churned": ~stays,
            "planned": 0.5,
            "listed": draw.random(n) < 0.6,
        }
    )


def gain_by_hand(made, on, offer=GIFT, *, taken_off):
    """The gain and the cost of a list, of customers who were all watched for long enough."""
    stays, w = ~made["churned"].to_numpy(), 1 / made["planned"].to_numpy()
    v, offered, q = made["value"].to_numpy(), made["offered"].to_numpy(), on.mean()
    share = (w * on * stays).sum() / (w * on).sum() if taken_off else 0.0
    means, taking = [], []
    for arm in (True, False):
        own = w * on * (offered == arm)
        means.append((own * v * (stays - share)).sum() / own.sum())
        took = stays * (1.0 if arm else 1 - offer.stayers_taking)
        taking.append((own * took).sum() / own.sum())
    cost = q * (offer.making + offer.taking * (taking[0] - taking[1]))
    return q * (means[0] - means[1]) - cost, cost


ASKED = {"rules": {"ours": "listed"}, "treated": "offered", "time": 11}
SOUND = {"offer": GIFT, "value": "value", "share": 0.5} | ASKED


def rule_rows(made, **said):
    """An answer by its rules, beside nobody."""
    found = rule_profit(made, **SOUND | said)
    return found[found["compared_to"] == "nobody"].set_index("rule")


def test_what_customers_bring_in_either_arm_is_taken_off():
    """V (s − s̄), with s̄ of the list's own customers, of both arms by their weights."""
    draw = np.random.default_rng(1)
    made = skew_holdout(draw)
    third = draw.random(600) < 0.3
    made["planned"] = np.where(made["offered"], 0.4 + 0.2 * third, 0.6 - 0.2 * third)
    found = rule_rows(made, share="planned")
    for rule, on in (("ours", made["listed"].to_numpy()), ("everyone", np.ones(600))):
        gain, cost = gain_by_hand(made, 1.0 * on, taken_off=True)
        assert found.loc[rule, "rule_profit"] == pytest.approx(gain)
        assert found.loc[rule, "cost"] == pytest.approx(cost)


def test_one_value_for_all_has_nothing_to_be_taken_off():
    """Whether it is said or stands in a column."""
    made = skew_holdout(np.random.default_rng(2)).assign(value=70.0)
    one, other = rule_rows(made), rule_rows(made, value=70)
    columns = ["rule_profit", "lower", "upper", "cost", "difference", "p_value"]
    pd.testing.assert_frame_equal(one[columns], other[columns])
    plain = gain_by_hand(made, np.ones(600), taken_off=False)
    assert one.loc["everyone", "rule_profit"] == pytest.approx(plain[0])


def test_unequal_values_do_not_make_the_gain_uncertain():
    """The error is half of what it would be, the mean the same, and the bounds hold the truth."""
    draw = np.random.default_rng(3)
    found, plain = [], []
    for _ in range(120):
        made = skew_holdout(draw)
        found.append(rule_rows(made).loc["everyone", ["rule_profit", "lower", "upper"]])
        plain.append(gain_by_hand(made, np.ones(600), taken_off=False)[0])
    gain, lower, upper = np.array(found, dtype=float).T
    truth = np.exp(4.5) * 0.05 - 1 - 10 * (0.9 - 0.5 * 0.85)
    assert gain.std() < 0.55 * np.std(plain)
    assert abs(gain.mean() - truth) < 3 * gain.std() / np.sqrt(120)
    assert 0.9 <= ((lower <= truth) & (truth <= upper)).mean() <= 0.99
    assert ((upper - lower) / 2 / 1.959964).mean() == pytest.approx(gain.std(), rel=0.15)


@pytest.mark.parametrize("value", ["value", 7.3])
def test_outcomes_that_are_alike_have_no_bounds_whatever_is_rounded(value):
    """All of the treated stayed and all of the control left: no spread, so no error is known."""
    offered = np.arange(400) % 10 < 3
    made = pd.DataFrame({"offered": offered, "churned": ~offered, "value": 100.1, "listed": True})
    made["duration"] = np.where(offered, 12, 3)
    offer = Offer(making=0.7, taking=3.3, stayers_taking=0.3, **FREE)
    row = rule_rows(made, share=0.3, value=value, offer=offer).loc["everyone"]
    assert row[["lower", "upper", "p_value"]].isna().all()
    assert row["reason"] == "in each arm all outcomes on the list are alike: no bounds"


def test_what_pandas_cannot_say_is_said(engine):
    """A flag that is missing in a column of true and false, ids that are categories."""
    made = skew_holdout(np.random.default_rng(4), 80).assign(customer_id=np.arange(80))
    for column, argument in (("offered", "treated"), ("listed", r"rules\['ours'\]")):
        flags = made[column].astype("boolean").where(made.index > 2)
        with pytest.raises(RetentionError, match=f"{argument}: 3 rows have no number"):
            rule_rows(engine.table(made.assign(**{column: flags})))
    ids = made["customer_id"].astype(str).astype("category")
    found = rule_profit(made.assign(customer_id=ids), **SOUND)
    pd.testing.assert_frame_equal(found, rule_profit(made, **SOUND))
    with pytest.raises(RetentionError, match="1 customer has several rows, such as"):
        rule_profit(made.assign(customer_id=ids.where(ids != "7", "6")), **SOUND)


def test_flags_of_no_type_are_made_to_have_one():
    """As a merge leaves them; the advice is followed."""
    made = skew_holdout(np.random.default_rng(5), 80)
    mixed = made.assign(offered=made["offered"].astype(object))
    with pytest.raises(RetentionError, match=r"\['offered'\]\.astype\('boolean'\)"):
        rule_profit(mixed, **SOUND)
    follow = mixed.assign(treated=mixed["offered"].astype("boolean"))
    found = rule_profit(follow, **SOUND | {"treated": "treated"})
    pd.testing.assert_frame_equal(found, rule_profit(made, **SOUND))


PROFITS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "expected_profit": [5.0, 6.0, 7.0],
        "expected_taking": 1.0,
        "making": 1.0,
    }
)


@pytest.mark.parametrize("column", ["making", "expected_taking"])
def test_no_offer_costs_less_than_nothing(column):
    """A sum of costs that falls would let others in; what comes in is profit."""
    odd = PROFITS.assign(**{column: [-5.0, 1.0, 1.0]})
    with pytest.raises(RetentionError, match=f"1 row costs less than nothing in '{column}'"):
        offer_list(odd, budget=4)


def test_customers_never_to_be_asked_are_not_missed_in_silence():
    """Ids that are written otherwise; those of another library's array are read."""
    with pytest.warns(RetentionWarning, match="never: of 2 customers none is in profits"):
        offer_list(PROFITS, never=["A", "B"])
    found = offer_list(PROFITS, never=pa.array(["a"]), always=np.array(["b"]))
    assert dict(zip(found["customer_id"], found["why"], strict=True)) == {
        "a": "never",
        "b": "always",
        "c": "profit above 0",
    }
    assert offer_list(PROFITS[:0], never=["A"]).empty


def test_advice_on_ids_can_be_followed(engine):
    """None is nobody; of one customer a list; a customer twice is called by the own id."""
    with pytest.raises(RetentionError, match=r"got None\. Of none leave it out\."):
        offer_list(PROFITS, always=None)
    with pytest.raises(RetentionError, match=r"Of one customer say always=\['a'\]"):
        offer_list(PROFITS, always="a")
    assert offer_list(PROFITS, always=["a"])["why"][0] == "always"
    with pytest.raises(RetentionError, match="the first is of 'a'"):
        offer_list(engine.table(pd.concat([PROFITS, PROFITS[:1]])))


def test_short_lists_of_a_ranking_have_no_bounds():
    """Redrawn, a handful of customers promises too much: below 30 of a list there are none."""
    draw = np.random.default_rng(6)
    made = skew_holdout(draw, 60).assign(risk=np.arange(60))
    offer = Offer(making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0)
    curve = profit_curve(made, offer=offer, value="value", time=11, seed=1)
    told = curve["lower"].notna()
    assert curve.loc[told, "n_offered"].tolist() == [0, *range(30, 61)]
    assert (curve.loc[told, "lower"] <= curve.loc[told, "upper"]).all()


def test_messages_name_the_table_that_was_wrong():
    """The other customers are no table called scored."""
    made = skew_holdout(np.random.default_rng(7), 60).assign(risk=np.arange(60))
    offer = Offer(making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0)
    asked = {"offer": offer, "value": "value", "time": 11}
    for other in (made[:0], 5, made.assign(value=np.nan)):
        with pytest.raises(RetentionError, match="^chosen_on"):
            profit_curve(made, chosen_on=other, **asked)


def test_thousands_of_contracts_of_one_customer_do_not_meet_each_other():
    """Each with each, 20,000 of them would be 200 million pairs."""
    start = pd.Timestamp("1910-01-01") + pd.to_timedelta(np.arange(20_000) * 2, unit="D")
    start = start.astype("datetime64[us]")
    contracts = pd.DataFrame(
        {"customer_id": "a", "start": start, "end": start + pd.Timedelta(days=1)}
    )
    found = due_for_renewal(contracts, as_of="2024-06-01", within=14, since="1910-01-01")
    assert found["start"].tolist() == [start[-1]]


def test_a_copy_of_an_offer_is_checked_as_a_new_one():
    """As one does to try several numbers: a percentage, or a name that is none, is no silence."""
    offer = Offer(making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0)
    more = offer.model_copy(update={"success": 0.4})
    assert (more.success, more.making, offer.success) == (0.4, 1, 0.3)
    assert offer.model_copy() == offer
    for update, message in (
        ({"success": 30}, "For 30 % say 0.3"),
        ({"sucess": 0.4}, "update names 'sucess', which is no number of an offer"),
        ({"success": None}, "make both None"),
    ):
        with pytest.raises(RetentionError, match=message):
            offer.model_copy(update=update)


def test_of_customers_who_cost_nothing_the_best_come_first():
    """Profit per cost is infinite for all of them; so it is where the cost is next to nothing."""
    free = PROFITS.assign(making=[0.0, 1e-320, 0.0], expected_taking=0.0)
    found = offer_list(free, budget=5, at_most=2)
    assert found["customer_id"].tolist() == ["c", "b", "a"]
    assert found["selected"].tolist() == [True, True, False]


def test_the_share_of_the_treated_in_every_row_is_told_from_lost_customers():
    """Both ways that the warning names give what was meant."""
    offered = np.arange(400) % 5 == 0
    made = skew_holdout(np.random.default_rng(8), 400).assign(offered=offered, planned=0.2)
    with pytest.warns(RetentionWarning, match="0.2 of the treated in every row.* control 0.8, "):
        rule_rows(made, share="planned")
    own = made.assign(planned=np.where(offered, 0.2, 0.8))
    columns = ["rule_profit", "lower", "sample_ratio_p"]
    one, other = rule_rows(own, share="planned"), rule_rows(made, share=0.2)
    pd.testing.assert_frame_equal(one[columns], other[columns])
    assert one["sample_ratio_p"].iloc[0] == 1


def test_no_columns_to_keep_is_no_column_called_none():
    """The advice was to say keep='None'."""
    with pytest.raises(
        RetentionError, match="keep must name a column, or several in a list; got None.$"
    ):
        offer_list(PROFITS, keep=None)
