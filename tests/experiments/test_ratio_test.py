"""Chi-squared of the sizes of arms: published counts, a loop, clusters, arms left out, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from retention.errors import ContentError, RetentionWarning
from retention.experiments.arms.ratio_test import (
    counts_of_arms,
    ratio_of_counts,
    warn_of_mismatch,
)
from retention.tables import ASSIGNMENT, refuse_repeated_customers, require


def checked(arms, shares, **further):
    """A checked assignment of as many customers as there are arms said."""
    table = pd.DataFrame({"arm": list(arms), "share": [shares[arm] for arm in arms], **further})
    table.insert(0, "customer_id", range(len(arms)))
    table["assigned"] = pd.Timestamp("2024-05-01")
    return require(table, ASSIGNMENT, adds="none")


def test_cookie_cats_and_hillstrom():
    """44,700 : 45,489 and 21,307 : 21,306 : 21,387, from the public files of both."""
    cats = ratio_of_counts([44_700, 45_489], [0.5, 0.5])
    assert np.round(cats, 4).tolist() == [6.9024, 0.0086]
    mails = ratio_of_counts([21_307, 21_306, 21_387], [1 / 3] * 3)
    assert np.round(mails, 4).tolist() == [0.2025, 0.9037]


def test_unequal_shares_and_several_rows_agree_with_scipy():
    """One row a segment, a column an arm; nobody at all gives no p."""
    counts, shares = np.array([[12, 5, 3], [0, 0, 1], [0, 0, 0]]), np.array([0.5, 0.3, 0.2])
    chi_squared, p = ratio_of_counts(counts, shares)
    for row in (0, 1):
        told = chisquare(counts[row], counts[row].sum() * shares)
        assert (chi_squared[row], p[row]) == pytest.approx((told.statistic, told.pvalue))
    assert np.isnan([chi_squared[2], p[2]]).all()


def test_an_arm_that_a_segment_lacks_counts_as_nobody():
    """Segments are judged against all arms there are."""
    table = checked("aab", {"a": 0.5, "b": 0.5}, plan=["x", "x", "y"])
    counts = counts_of_arms(table, ["plan"])
    assert counts.n.tolist() == [[2, 0], [0, 1]]
    assert counts.segments["plan"].tolist() == ["x", "y"]


def test_whole_clusters_are_counted_where_they_were_assigned():
    """Two branches of three and one customers are two units."""
    table = checked("aaab", {"a": 0.5, "b": 0.5}, cluster=["N", "N", "N", "S"])
    counts = counts_of_arms(table)
    assert (counts.unit, counts.n.tolist()) == ("cluster", [[1, 1]])
    assert counts.n_customers.tolist() == [[3, 1]]


def test_of_an_arm_left_out_the_others_are_compared_by_what_is_left():
    """Two of three equal arms were to be equally large."""
    counts = counts_of_arms(checked("ab", {"a": 1 / 3, "b": 1 / 3}))
    assert counts.shares.tolist() == [0.5, 0.5]


def test_a_mismatch_is_told_with_its_counts():
    """It warns below .001 and is silent above."""
    table = checked("a" * 50 + "b" * 10, {"a": 0.5, "b": 0.5})
    with pytest.warns(RetentionWarning, match=r"a 50 where 30\.0 were planned, b 10 where 30\.0"):
        warn_of_mismatch(counts_of_arms(table))
    assert warn_of_mismatch(counts_of_arms(checked("aaab", {"a": 0.5, "b": 0.5})))[0] > 0.3


@pytest.mark.parametrize(
    ("arms", "shares", "said"),
    [
        ("aa", {"a": 0.5}, "'a' is the only arm"),
        ("ab", {"a": 0.5, "b": 0.6}, "sum to 1 over the arms; got a 0.5, b 0.6"),
        ("ab", {"a": 0.5, "b": 0.0}, "above 0"),
        (["a", None], {"a": 0.5, None: 0.5}, "1 row has no arm"),
        ("ab", {"a": 0.5, "b": np.nan}, "1 row has no share"),
    ],
)
def test_plans_that_make_no_sense_are_refused(arms, shares, said):
    """What lacks or does not add up is named."""
    with pytest.raises(ContentError, match=said):
        counts_of_arms(checked(arms, shares))


def test_what_cannot_be_counted_is_refused():
    """No rows, two plans in one table, branches without a name, a customer twice."""
    table = checked("aab", {"a": 0.5, "b": 0.5}, cluster=["N", None, "S"])
    with pytest.raises(ContentError, match="1 row has no cluster"):
        counts_of_arms(table)
    with pytest.raises(ContentError, match="table is empty"):
        counts_of_arms(checked("ab", {"a": 0.5, "b": 0.5}).head(0))
    plans = pd.DataFrame({"customer_id": [1, 2, 2, None], "arm": list("aabb")})
    plans = plans.assign(share=[0.1, 0.5, 0.5, 0.5], assigned=pd.Timestamp("2024-05-01"))
    with pytest.raises(ContentError, match=r"'a' has several planned shares, from 0\.1 to 0\.5"):
        counts_of_arms(require(plans.astype({"customer_id": "Int64"}), ASSIGNMENT, adds="none"))
    with pytest.raises(ContentError, match="1 row has no customer_id"):
        refuse_repeated_customers(require(plans.astype({"customer_id": "Int64"}), ASSIGNMENT))
    with pytest.raises(ContentError, match="1 customer has several rows, such as 2"):
        refuse_repeated_customers(require(plans[:3].astype({"customer_id": int}), ASSIGNMENT))
