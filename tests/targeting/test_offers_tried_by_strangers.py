"""Offers and lists as one who did not write them would try them: what must not be so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.targeting import Offer, rule_profit

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


def rule_rows(made, **said):
    """An answer by its rules, beside nobody."""
    found = rule_profit(made, **{"offer": GIFT, "value": "value", "share": 0.5} | ASKED | said)
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
