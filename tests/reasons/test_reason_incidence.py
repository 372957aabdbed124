"""reason_incidence: against a twin in loops, the survival wing, identities, refusals, engines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import ColumnError, ContentError, RetentionError, RetentionWarning
from retention.reasons.figures.incidence import reason_incidence
from retention.reasons.tags.by_code import map_reason_codes
from retention.survival.curves.competing_risks import cumulative_incidence

REASONS = ["pricing", "competition", "unspecified", "missing", "x_switching_barrier", None]
ORDER = ["pricing", "competition"]

histories = st.lists(
    st.tuples(
        st.integers(1, 5),  # duration
        st.booleans(),
        st.lists(
            st.tuples(st.sampled_from(REASONS[:5]), st.sampled_from([0.5, 0.9]), st.booleans()),
            max_size=3,
        ),
    ),
    min_size=2,
    max_size=15,
)


def tables(rows):
    """Spells of customers, and the tags of each one's notes."""
    spells = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(len(rows))],
            "duration": [duration for duration, *_ in rows],
            "churned": [churned for _, churned, _ in rows],
        }
    )
    tags = [
        (f"c{i}", f"c{i}-{j}", category, score, first)
        for i, (*_, told) in enumerate(rows)
        for j, (category, score, first) in enumerate(told)
    ]
    names = ["customer_id", "note_id", "category", "score", "is_primary"]
    frame = pd.DataFrame(tags, columns=names)
    return spells, frame.astype({"score": "float64", "is_primary": bool, "category": "str",
                                 "note_id": "str", "customer_id": "str"})  # fmt: skip


def reason_of(told):
    """The first reason to leave: primary ones first, then the strongest, then in order."""
    reasons = [
        (not first, -score, ORDER.index(category), category)
        for category, score, first in told
        if category in ORDER
    ]
    return min(reasons)[-1] if reasons else "unspecified"


def twin(rows, reason, until):
    """Cumulative incidence of one reason, risk set by risk set."""
    survival, share = 1.0, 0.0
    for u in range(1, until + 1):
        n = sum(duration >= u for duration, *_ in rows)
        ended = [reason_of(told) for duration, churned, told in rows if duration == u and churned]
        if n:
            share += survival * ended.count(reason) / n
            survival *= 1 - len(ended) / n
    return share, survival


@given(rows=histories)
def test_agrees_with_the_definition_in_loops(rows):
    """Every reason at every duration, and everybody left for one of them or is still here."""
    spells, tags = tables(rows)
    if not spells["churned"].any():
        return
    found = reason_incidence(spells, tags)
    for row in found.to_dict("records"):
        share, survival = twin(rows, row["category"], int(row["duration"]))
        assert row["cumulative_incidence"] == pytest.approx(share)
        assert row["survival"] == pytest.approx(survival)
    together = found.groupby("duration")["cumulative_incidence"].sum()
    survival = found.groupby("duration")["survival"].first()
    np.testing.assert_allclose(together + survival, 1)
    assert found["n_churned"].sum() == spells["churned"].sum()


def fractional_twin(rows, reason, until):
    """The same with 1/m of an end for each of its m reasons."""
    survival, share, without = 1.0, 0.0, 1.0
    for u in range(1, until + 1):
        n = sum(duration >= u for duration, *_ in rows)
        told = [
            {category for category, *_ in told if category in ORDER} or {"unspecified"}
            for duration, churned, told in rows
            if duration == u and churned
        ]
        part = sum((reason in one) / len(one) for one in told)
        if n:
            share += survival * part / n
            survival *= 1 - len(told) / n
            without *= 1 - (len(told) - part) / n
    return share, 1 - without


@given(rows=histories)
def test_parts_of_ends_agree_with_the_definition_in_loops(rows):
    """With "fractional" an end of two reasons is half an end for each."""
    spells, tags = tables(rows)
    if not spells["churned"].any():
        return
    found = reason_incidence(spells, tags, several="fractional")
    for row in found.to_dict("records"):
        share, without = fractional_twin(rows, row["category"], int(row["duration"]))
        assert row["cumulative_incidence"] == pytest.approx(share)
        assert row["churn_share_without"] == pytest.approx(without)
    together = found.groupby("duration")["cumulative_incidence"].sum()
    np.testing.assert_allclose(together + found.groupby("duration")["survival"].first(), 1)
    assert found["churned_weight"].sum() == pytest.approx(spells["churned"].sum())


def test_where_each_has_one_reason_both_ways_are_the_same(engine):
    """Every column, with its bounds, on every engine."""
    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe")
    expected = reason_incidence(spells, tags, by="region").drop(columns="several")
    answer = reason_incidence(engine.table(spells), tags, by="region", several="fractional")
    found = engine.read(answer, order=["region", "category", "duration"])
    assert found["note"].isna().all()
    assert expected["note"].isna().all()
    for name in expected.columns.drop(["region", "category", "note"]):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-12, err_msg=name)
    assert set(found["several"]) == {"fractional"}


def test_the_error_of_parts_is_that_of_drawing_customers_anew():
    """The standard error agrees with a bootstrap over 400 customers, one to three reasons each."""
    rng = np.random.default_rng(7)
    names = np.array(["pricing", "competition", "inconvenience"])
    rows = [
        (int(rng.integers(1, 6)), bool(rng.random() < 0.6), [
            (name, 0.9, True) for name in rng.permutation(names)[: rng.integers(1, 4)]
        ])
        for _ in range(400)
    ]  # fmt: skip
    spells, tags = tables(rows)
    found = reason_incidence(spells, tags, several="fractional")
    row = found[(found["category"] == "pricing") & (found["duration"] == 4)].iloc[0]
    duration, churned = spells["duration"].to_numpy(), spells["churned"].to_numpy()
    share = np.array([
        ("pricing" in [name for name, *_ in told]) / len(told) for *_, told in rows
    ])  # fmt: skip
    draws = []
    for _ in range(1000):
        i = rng.integers(0, 400, 400)
        ends = [churned[i] & (duration[i] == u) for u in range(1, 5)]
        n = [(duration[i] >= u).sum() for u in range(1, 5)]
        left = np.cumprod([1.0, *(1 - end.sum() / m for end, m in zip(ends, n, strict=True))])
        draws.append(sum(s * share[i][e].sum() / m for s, e, m in zip(left, ends, n, strict=False)))
    assert row["cumulative_incidence"] == pytest.approx(np.mean(draws), abs=0.003)
    assert row["standard_error"] == pytest.approx(np.std(draws), rel=0.08)


def small_shop():
    """Ten customers of two regions; two enter late, some leave on one day."""
    spells = pd.DataFrame(
        {
            "customer_id": range(10),
            "duration": [1, 2, 2, 3, 3, 3, 4, 5, 5, 5],
            "churned": [True, True, True, True, False, True, True, False, True, False],
            "entry": [None, None, 1.0, None, 2.0, None, None, None, None, None],
            "region": ["north", "south"] * 5,
        }
    )
    codes = pd.DataFrame(
        {
            "customer_id": [0, 1, 2, 3, 5, 6],
            "reason": [
                "too_expensive",
                "switched_service",
                "too_expensive",
                "other",
                None,
                "unused",
            ],
        }
    )
    return spells, codes


def test_it_is_the_survival_wings_with_the_reasons_joined(engine):
    """The same table as cumulative_incidence of spells that have a column of reasons."""
    spells, codes = small_shop()
    told = {0: "pricing", 1: "competition", 2: "pricing", 6: "x_no_longer_needed"}
    reasons = spells["customer_id"].map(told).fillna("unspecified")
    expected = cumulative_incidence(spells.assign(reason=reasons), by="region")
    tags = map_reason_codes(codes, scheme="stripe")
    answer = reason_incidence(engine.table(spells), engine.table(tags), by="region")
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["region", "category", "duration"])
    expected = expected.sort_values(["region", "reason", "duration"], ignore_index=True)
    assert found["category"].tolist() == expected["reason"].tolist()
    assert found["note"].isna().all()
    for name in expected.columns.drop(["region", "reason", "note"]):
        np.testing.assert_allclose(found[name], expected[name], err_msg=name)


def test_tags_may_be_of_another_kind_of_table():
    """Spells in Polars, notes in pandas; ids of other widths."""
    import polars as pl

    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe")
    wide = pl.from_pandas(spells).with_columns(pl.col("customer_id").cast(pl.Int32))
    found = reason_incidence(wide, tags)
    assert isinstance(found, pl.DataFrame)
    assert found.to_pandas()["n_churned"].sum() == 7


def test_without_the_reason_fewer_leave():
    """At the end 1 − Π(1 − (d − d_k)/n), and what is gained is the rest of the churn."""
    spells, codes = small_shop()
    spells = spells.drop(columns="entry")
    found = reason_incidence(spells, map_reason_codes(codes, scheme="stripe"))
    price = found[found["category"] == "pricing"].iloc[-1]
    without = 1 - (1 - 0 / 10) * (1 - 1 / 9) * (1 - 2 / 7) * (1 - 1 / 4) * (1 - 1 / 3)
    assert price["churn_share_without"] == pytest.approx(without)
    assert price["gained_share"] == pytest.approx(1 - price["survival"] - without)


def test_what_is_said_of_those_who_stay_counts_nowhere():
    """A complaint of a customer who is still here is no reason for leaving."""
    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe")
    more = pd.DataFrame({"customer_id": [4, 7], "reason": ["low_quality", "low_quality"]})
    both = pd.concat([codes, more], ignore_index=True)
    expected = reason_incidence(spells, tags)
    pd.testing.assert_frame_equal(
        reason_incidence(spells, map_reason_codes(both, scheme="stripe")), expected
    )


def test_who_left_twice_has_a_reason_for_each_spell():
    """With a column spell each end has its own; without it nobody knows which end is meant."""
    spells = pd.DataFrame(
        {"customer_id": ["a", "a"], "spell": [1, 2], "duration": [1, 2], "churned": [True, True]}
    )
    codes = pd.DataFrame(
        {"customer_id": ["a", "a"], "spell": [2, 1], "reason": ["unused", "too_expensive"]}
    )
    tags = map_reason_codes(codes, scheme="stripe", keep="spell")
    found = reason_incidence(spells, tags)
    ends = found[found["n_churned"] == 1].set_index("category")["duration"]
    assert ends.to_dict() == {"pricing": 1, "x_no_longer_needed": 2}
    with pytest.raises(ContentError, match="1 customers of tags have ended more than once"):
        reason_incidence(spells, tags.drop(columns="spell"))


def test_spells_set_aside_and_weights_are_respected():
    """A spell set aside is not counted, one that stands for three counts three times."""
    spells = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "duration": [1, 2, 2],
            "churned": [True, True, False],
            "n_spells": [1, 3, 1],
            "set_aside": ["no first purchase", None, None],
        }
    )
    codes = pd.DataFrame({"customer_id": ["a", "b"], "reason": ["unused", "too_expensive"]})
    with pytest.warns(RetentionWarning, match="1 of their 2 customers are not in spells"):
        found = reason_incidence(spells, map_reason_codes(codes, scheme="stripe"))
    assert found["category"].tolist() == ["pricing"]
    assert found["n_churned"].tolist() == [3]
    assert found["cumulative_incidence"].tolist() == [0.75]


def test_strangers_are_refused_or_told():
    """No customer in common is a mistake; some who are not there are counted."""
    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe")
    with pytest.raises(ContentError, match="none of their 6 customers is in spells"):
        reason_incidence(spells, tags.assign(customer_id=range(100, 106)))
    with pytest.warns(RetentionWarning, match="1 of their 6 customers are not in spells"):
        reason_incidence(spells, tags.assign(customer_id=[0, 1, 2, 3, 5, 99]))
    with pytest.raises(ColumnError, match="'customer_id' holds"):
        reason_incidence(spells, tags.assign(customer_id=list("abcdef")))


def test_nobody_told_anything():
    """An empty table of tags: all left for no reason that we know."""
    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe").iloc[:0]
    for several in ("primary", "fractional"):
        found = reason_incidence(spells, tags, several=several)
        assert set(found["category"]) == {"unspecified"}


def test_tables_without_customers_are_refused():
    """Each says which table, and where the customers come from."""
    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe")
    with pytest.raises(ColumnError, match="spells .* lacks 'customer_id'"):
        reason_incidence(spells.drop(columns="customer_id"), tags)
    with pytest.raises(ColumnError, match="tags lacks 'customer_id'"):
        reason_incidence(spells, tags.drop(columns="customer_id"))
    with pytest.raises(ContentError, match="1 of 6 rows have no 'customer_id'"):
        reason_incidence(spells, tags.assign(customer_id=[None, 1, 2, 3, 5, 6]))
    with pytest.raises(ColumnError, match="by: 'customer_id'"):
        reason_incidence(spells, tags, by="customer_id")
    for own in ("several", "churned_weight", "gained_share"):
        with pytest.raises(ColumnError, match="a name that answers use"):
            reason_incidence(spells.assign(**{own: "a"}), tags, by=own)
    with pytest.raises(RetentionError, match="several must be one of"):
        reason_incidence(spells, tags, several="all")


@pytest.mark.parametrize("several", ["primary", "fractional"])
def test_reasons_come_from_the_tags_alone(several):
    """Whatever columns the spells have beside those that count."""
    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe")
    found = reason_incidence(spells.assign(_reason="mine"), tags, several=several)
    pd.testing.assert_frame_equal(found, reason_incidence(spells, tags, several=several))


def test_the_callers_tables_are_not_changed():
    """Neither of them."""
    spells, codes = small_shop()
    tags = map_reason_codes(codes, scheme="stripe")
    before = spells.copy(deep=True), tags.copy(deep=True)
    reason_incidence(spells, tags)
    pd.testing.assert_frame_equal(spells, before[0])
    pd.testing.assert_frame_equal(tags, before[1])
