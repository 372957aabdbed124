"""Shares of reasons: against twins in sets, statsmodels-free formulas, refusals, every engine."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from conftest import Engine
from retention.errors import ColumnError, ContentError, RetentionError
from retention.reasons.categories import reason_categories
from retention.reasons.figures.by_segment import adjusted_p_values, reasons_by_segment
from retention.reasons.figures.reason_summary import reason_cooccurrence, reason_summary
from retention.reasons.tags.by_code import map_reason_codes

PANDAS = Engine("pandas")
NO_REASON = {"unspecified", "missing", "x_switching_barrier"}
CATEGORIES = ["pricing", "competition", "x_merger", *sorted(NO_REASON)]

tag_rows = st.lists(
    st.tuples(
        st.integers(0, 6),  # note
        st.sampled_from(CATEGORIES),
        st.sampled_from([None, 0.5, 0.9]),
    ),
    min_size=1,
    max_size=25,
)


def tags_of(rows, customers=True):
    """A table of tags; note 5 and 6 are of one customer, so are 1 and 2; regions are fixed."""
    owner = ["a", "b", "b", "c", "d", "e", "e"]
    region = ["north", "north", "north", "south", "south", "south", "south"]
    notes = [note for note, *_ in rows]
    found = pd.DataFrame(
        {
            "note_id": notes,
            "customer_id": [owner[note] for note in notes],
            "category": [category for _, category, _ in rows],
            "score": pd.Series([score for *_, score in rows], dtype="float64"),
            "region": [region[note] for note in notes],
        }
    )
    return found if customers else found.drop(columns="customer_id")


def what_each_named(frame, unit):
    """The reasons of each customer, and whether there was a note that is not missing."""
    reasons, wrote = defaultdict(set), defaultdict(bool)
    for row in frame.to_dict("records"):
        reasons[row[unit]] |= {row["category"]} - NO_REASON
        wrote[row[unit]] |= row["category"] != "missing"
    return reasons, wrote


def twin(frame, category, unit):
    """How many named it, how many mentions there are, and how many named nothing else."""
    reasons, wrote = what_each_named(frame, unit)
    if category in ("unspecified", "missing"):
        wanted = category == "unspecified"
        n = sum(not reasons[who] and wrote[who] == wanted for who in reasons)
        return n, 0, 0
    rows = frame[frame["category"] == category]
    alone = 0 if category in NO_REASON else sum(reasons[who] == {category} for who in reasons)
    return rows[unit].nunique(), rows["note_id"].nunique(), alone


@pytest.mark.parametrize("unit", ["customer_id", "note_id"])
@given(rows=tag_rows)
def test_counts_agree_with_sets(unit, rows):
    """Customers, mentions and sole reasons of every category, in every segment."""
    frame = tags_of(rows, customers=unit == "customer_id")
    found = reason_summary(frame, by="region", base="tagged")
    assert set(found["unit"]) == {{"customer_id": "customers", "note_id": "notes"}[unit]}
    for row in found.to_dict("records"):
        here = frame[frame["region"] == row["region"]]
        reasons, _ = what_each_named(here, unit)
        n, n_mentions, n_only = twin(here, row["category"], unit)
        assert (row["n_customers"], row["n_mentions"], row["n_only"]) == (n, n_mentions, n_only)
        told = [len(one) for one in reasons.values() if one]
        assert row["n_base"] == len(told)
        assert row["n_one_reason"] == told.count(1)
        assert row["n_several_reasons"] == len(told) - told.count(1)
        if row["category"] in NO_REASON or not told:
            assert np.isnan(row["share"])
        else:
            assert row["share"] == n / len(told)


@given(rows=tag_rows)
def test_nobody_drops_out(rows):
    """Who told one reason or several, none, or wrote no note: together they are all customers."""
    found = reason_summary(tags_of(rows), n_customers=20).set_index("category")
    first = found.iloc[0]
    silent = found.loc[["unspecified", "missing"], "n_customers"].sum()
    assert first["n_one_reason"] + first["n_several_reasons"] + silent == 20
    assert set(found["n_base"]) == {20}
    assert found["n_first"].sum() == first["n_one_reason"] + first["n_several_reasons"]
    np.testing.assert_allclose(found["share"], found["n_customers"] / 20)


@given(rows=tag_rows)
def test_shares_of_mentions_sum_to_one(rows):
    """Every mention of a reason is one of all of them."""
    found = reason_summary(tags_of(rows), base="mentions")
    total = found["share"].sum()
    assert total == pytest.approx(1.0) or found["n_base"].max() == 0
    reasons = ~found["category"].isin(NO_REASON)
    assert found.loc[reasons, "n_mentions"].sum() == found["n_base"][0]


def test_every_engine_gives_the_same_summary(engine):
    """Counts, shares and words are alike, and the answer is of the caller's kind."""
    rows = [
        (0, "pricing", 0.9),
        (1, "competition", None),
        (2, "pricing", 0.5),
        (5, "missing", None),
    ]
    frame = tags_of(rows)
    answer = reason_summary(engine.table(frame), by="region", n_customers={"north": 4, "south": 3})
    assert engine.is_mine(answer)
    order = ["region", "category"]
    expected = PANDAS.read(
        reason_summary(frame, by="region", n_customers={"north": 4, "south": 3}), order=order
    )
    found = engine.read(answer, order=order)
    assert list(found.columns) == list(expected.columns)
    for name in ("category", "n_customers", "n_first", "n_base", "bounds"):
        assert found[name].tolist() == expected[name].tolist()
    np.testing.assert_allclose(found["share"], expected["share"])
    other = engine.read(reason_cooccurrence(engine.table(frame)), order=["category"])
    assert other["n_both"].tolist() == [1, 1]


def test_the_bounds_are_wilsons():
    """Of 10 customers 3 named the price."""
    frame = pd.DataFrame({"note_id": range(3), "customer_id": range(3), "category": "pricing"})
    row = reason_summary(frame, n_customers=10).iloc[0]
    wilson = stats.binomtest(3, 10).proportion_ci(0.95, method="wilson")
    assert (row["lower"], row["upper"]) == pytest.approx((wilson.low, wilson.high))


def test_bounds_of_mentions_take_customers_as_clusters():
    """r ± t √(n/(n−1) Σ(y − r x)²) / Σx over customers."""
    rng = np.random.default_rng(3)
    who = rng.integers(0, 40, 90)
    kind = np.where(rng.random(90) < 0.3, "pricing", "competition")
    frame = pd.DataFrame({"note_id": range(90), "customer_id": who, "category": kind})
    row = reason_summary(frame, base="mentions").iloc[0]
    x = frame.groupby("customer_id").size()
    y = (frame["category"] == "pricing").groupby(frame["customer_id"]).sum()
    r, n = y.sum() / x.sum(), len(x)
    error = np.sqrt(n / (n - 1) * ((y - r * x) ** 2).sum()) / x.sum()
    t = stats.t.ppf(0.975, x.sum() ** 2 / (x**2).sum() - 1)
    assert row["bounds"] == "linearised"
    assert (row["share"], row["lower"], row["upper"]) == pytest.approx(
        (r, r - t * error, r + t * error)
    )


def test_a_sub_category_more_is_no_mention_more():
    """A note that names two kinds of one category mentions it once."""
    frame = pd.DataFrame({"note_id": [1, 1], "category": "pricing", "subcategory": ["a", "b"]})
    assert reason_summary(frame, base="mentions")["n_mentions"].iloc[0] == 1


def test_segments_without_a_note_are_there():
    """Seven in the west were asked and wrote nothing: they are missing, not gone."""
    frame = tags_of([(0, "pricing", 1.0)])
    found = reason_summary(frame, by="region", n_customers={"north": 1, "west": 7})
    west = found[found["region"] == "west"].set_index("category")
    assert west.loc["missing", "n_customers"] == 7
    assert west.loc["missing", "share"] == 1
    assert west.loc["pricing", "share"] == 0


def test_own_judgements_and_keaveneys_shares_stand_beside():
    """Hers are not verified, and there are none for extensions."""
    changed = reason_categories(preventable={"pricing": False})
    found = reason_summary(tags_of([(0, "x_merger", 1.0)]), base="tagged", categories=changed)
    named = found.set_index("category")
    assert named.loc["pricing", "preventable"] == "no"
    assert named.loc["core_service_failure", "keaveney_share"] == 0.443
    assert not named["keaveney_verified"].any()
    assert named.loc["x_merger", "label"] == "x_merger"
    assert named.loc[["x_merger", "x_terms_policy"], "keaveney_share"].isna().all()
    assert named.loc["x_merger", "share"] == 1


def test_it_takes_mapped_codes():
    """A table of map_reason_codes is one of tags."""
    codes = pd.DataFrame({"customer_id": [1, 2, 3], "reason": ["unused", "other", None]})
    found = reason_summary(map_reason_codes(codes, scheme="stripe"), n_customers=3)
    named = found.set_index("category")["n_customers"]
    assert named[["x_no_longer_needed", "unspecified", "missing"]].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("error", "message", "said"),
    [
        (RetentionError, "needs n_customers=", {}),
        (RetentionError, "base must be one of", {"base": "notes"}),
        (RetentionError, "level must lie", {"n_customers": 9, "level": 2}),
        (RetentionError, "whole number of customers, 0 or more; got 2.5", {"n_customers": 2.5}),
        (ContentError, "n_customers is 1, but tags hold 2 customers", {"n_customers": 1}),
        (RetentionError, "say how many customers each", {"n_customers": 9, "by": "region"}),
        (RetentionError, "lacks 1 segments", {"n_customers": {"north": 9}, "by": "region"}),
        (RetentionError, "does not name one", {"n_customers": {("a", "b"): 9}, "by": "region"}),
        (ColumnError, "by names 'city'", {"by": "city", "base": "tagged"}),
        (ColumnError, "is a name that answers use", {"by": "category", "base": "tagged"}),
    ],
)
def test_refusals(error, message, said):
    """What is wrong, and what there is instead."""
    with pytest.raises(error, match=message):
        reason_summary(tags_of([(0, "pricing", 1.0), (3, "pricing", 1.0)]), **said)


def test_segments_are_named_as_they_are_shown():
    """True and "true", 1 and "1" are one segment; two numbers for one are refused."""
    frame = tags_of([(0, "pricing", 1.0), (3, "pricing", 1.0)]).assign(vip=[True, False], k=[1, 2])
    found = reason_summary(frame, by="vip", n_customers={True: 3, False: 4})
    assert dict(zip(found["vip"], found["n_base"], strict=True)) == {"true": 3, "false": 4}
    with pytest.raises(RetentionError, match="says twice how many '1' has"):
        reason_summary(frame, by="k", n_customers={1: 3, "1": 900, 2: 4})


def test_a_base_that_is_not_known_is_refused():
    """Empty tables, categories that are missing, notes of which only some say whose they are."""
    frame = tags_of([(0, "pricing", 1.0), (3, "pricing", 1.0)])
    with pytest.raises(ContentError, match="empty"):
        reason_summary(frame.iloc[:0], base="tagged")
    with pytest.raises(ContentError, match="1 of 2 rows have no 'category'"):
        reason_summary(frame.assign(category=["pricing", None]), base="tagged")
    with pytest.raises(ContentError, match="1 of 2 rows have no 'customer_id'"):
        reason_summary(frame.assign(customer_id=["a", None]), base="tagged")


@given(rows=tag_rows)
def test_cooccurrence_agrees_with_sets(rows):
    """Of those who named one the share that named the other, and its lift."""
    frame = tags_of(rows)
    reasons, _ = what_each_named(frame, "customer_id")
    told = [one for one in reasons.values() if one]
    found = reason_cooccurrence(frame)
    pairs = list(permutations(sorted(set().union(*told)), 2)) if told else []
    assert sorted(zip(found["category"], found["other"], strict=True)) == sorted(pairs)
    for row in found.to_dict("records"):
        a, b = ({i for i, one in enumerate(told) if row[c] in one} for c in ("category", "other"))
        assert (row["n_customers"], row["n_other"], row["n_both"]) == (len(a), len(b), len(a & b))
        assert row["n_tagged"] == len(told)
        assert row["lift"] == pytest.approx(len(a & b) * len(told) / len(a) / len(b))


def random_tags(n, seed):
    """Customers of three regions, of whom the north names the price more often."""
    rng = np.random.default_rng(seed)
    region = rng.choice(["north", "south", "west"], n)
    dear = rng.random(n) < np.where(region == "north", 0.5, 0.2)
    other = rng.choice(["competition", "inconvenience", "x_merger"], n)
    return pd.DataFrame(
        {
            "note_id": range(n),
            "customer_id": range(n),
            "region": region,
            "category": np.where(dear, "pricing", other),
        }
    )


@pytest.mark.parametrize("correction", ["holm", "benjamini_hochberg"])
def test_segments_are_tested_as_scipy_does(correction, engine):
    """χ² without a continuity correction and Cramér's V, and the named correction."""
    frame = random_tags(300, 4)
    found = engine.read(
        reasons_by_segment(engine.table(frame), by="region", base="tagged", correction=correction),
        order=["category", "region"],
    )
    expected = {}
    for category in frame["category"].unique():
        table = pd.crosstab(frame["category"] == category, frame["region"])
        test = stats.chi2_contingency(table, correction=False)
        v = stats.contingency.association(table, method="cramer")
        expected[category] = (test.statistic, test.pvalue, v)
    tested = found[found["p_value"].notna()].drop_duplicates("category").set_index("category")
    assert set(tested.index) == set(expected)
    assert set(tested["n_tests"]) == {4}
    for category, values in expected.items():
        row = tested.loc[category, ["chi_squared", "p_value", "cramers_v"]]
        np.testing.assert_allclose(row.to_numpy(float), values, rtol=1e-9)
    if correction == "benjamini_hochberg":
        p = tested["p_value"].to_numpy()
        np.testing.assert_allclose(tested["p_adjusted"], stats.false_discovery_control(p))
    assert found.groupby("region")["n_customers"].sum().sum() == 300


def test_holm_by_hand():
    """Of 0.01, 0.04, 0.03: 0.03, then 0.06 for both; a missing one does not count."""
    found = adjusted_p_values(np.array([0.01, np.nan, 0.04, 0.03]), "holm")
    np.testing.assert_allclose(found, [0.03, np.nan, 0.06, 0.06])


def test_few_customers_get_fishers_test_or_none():
    """Two segments of few are tested exactly, three not at all; V stands there all the same."""
    frame = random_tags(300, 4).groupby("region").head(6)
    two = frame[frame["region"] != "west"]
    found = reasons_by_segment(two, by="region", base="tagged").set_index("category")
    table = pd.crosstab(two["category"] == "pricing", two["region"])
    row = found.loc["pricing"].iloc[0]
    assert row["test"] == "fisher"
    assert row["p_value"] == pytest.approx(stats.fisher_exact(table)[1])
    three = reasons_by_segment(frame, by="region", base="tagged").set_index("category")
    row = three.loc["pricing"].iloc[0]
    assert row["test"] == "none: few customers"
    assert np.isnan(row["p_value"])
    assert row["cramers_v"] >= 0
    assert three.loc["ethical_problems", "test"].iloc[0] == "none: all alike"
    assert three.loc["missing", "test"].iloc[0] == "none: no reason"


def test_the_silent_count_in_segments_too():
    """Shares are of all asked, and those without a note are missing."""
    frame = random_tags(60, 5)
    sizes = {"north": 100, "south": 100, "west": 100}
    found = reasons_by_segment(frame, by="region", n_customers=sizes)
    assert set(found["n_base"]) == {100}
    missing = found[found["category"] == "missing"].set_index("region")["n_customers"]
    assert missing.to_dict() == {
        region: 100 - n for region, n in frame["region"].value_counts().items()
    }
    price = found[found["category"] == "pricing"]
    assert price["share_overall"].iloc[0] == (frame["category"] == "pricing").sum() / 300


def test_segments_that_cannot_be_compared_are_refused():
    """One segment only, a customer in two, no segment at all."""
    frame = random_tags(30, 5)
    with pytest.raises(ContentError, match="in one segment, 'north'"):
        reasons_by_segment(frame.assign(region="north"), by="region", base="tagged")
    twice = frame.sort_values("region").assign(customer_id=[*range(29), 0])
    with pytest.raises(ContentError, match="1 customer has notes in more than one segment"):
        reasons_by_segment(twice, by="region", base="tagged")
    with pytest.raises(ColumnError, match="at least one column"):
        reasons_by_segment(frame, by=(), base="tagged")
    with pytest.raises(RetentionError, match="correction must be one of"):
        reasons_by_segment(frame, by="region", base="tagged", correction="none")
