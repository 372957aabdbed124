"""segment_matrix: a twin in sets, sums over a partition, a table by hand, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention import intervals
from retention.signals.groups.segment_matrix import segment_matrix

TEXT = pd.Series(["a"]).dtype


def table_of(known, name, kind):
    """A table of a row per customer and one column."""
    return pd.DataFrame(
        {
            "customer_id": pd.Series(list(known), dtype=TEXT),
            name: pd.Series(list(known.values()), dtype=kind),
        }
    )


def naive_matrix(one, two, values, outcomes):
    """Every pair, by sets."""
    of = [{who: s or "(missing)" for who, s in rows.items()} for rows in (one, two)]
    names = [[*sorted({*rows.values()} - {"(missing)"}), "(missing)"] for rows in of]
    found = {}
    for a in names[0]:
        for b in names[1]:
            here = [
                w for w in {*one, *two}
                if (of[0].get(w, "(missing)"), of[1].get(w, "(missing)")) == (a, b)
            ]  # fmt: skip
            worth = [values[w] for w in here if values.get(w) is not None]
            told = [outcomes[w] for w in here if outcomes.get(w) is not None]
            found[a, b] = (len(here), len(here) - len(worth), sum(worth), len(told), sum(told))
    return found


COUNTS = ["n", "n_unvalued", "value", "n_known", "n_churned"]


def agrees_with_sets(engine, one, two, values, outcomes):
    """Every row is that of the twin, and the shares are of its counts."""
    answer = segment_matrix(
        engine.table(table_of(one, "segment", TEXT)),
        engine.table(table_of(two, "segment", TEXT)),
        values=engine.table(table_of(values, "value", float)),
        outcomes=engine.table(table_of(outcomes, "churned", float)),
    )
    assert engine.is_mine(answer)
    found = engine.read(answer)
    keys = zip(found["segment"], found["other"], strict=True)
    rows = found[COUNTS].itertuples(index=False)
    expected = naive_matrix(one, two, values, outcomes)
    assert dict(zip(keys, map(tuple, rows), strict=True)) == expected
    assert found["n"].sum() == len({*one, *two})
    assert found["share"].sum() == pytest.approx(1)
    total = found["value"].sum()
    if total > 0:
        assert found["value_share"].tolist() == pytest.approx((found["value"] / total).tolist())
    else:
        assert found["value_share"].isna().all()
    lower, upper = intervals.wilson_bounds(found["n_churned"], found["n_known"])
    for name, bound in (("lower", lower), ("upper", upper)):
        np.testing.assert_array_equal(found[name].to_numpy(float), bound)
    rate = intervals.ratio(found["n_churned"], found["n_known"])
    np.testing.assert_array_equal(found["churn_rate"].to_numpy(float), rate)


people = st.sampled_from("abcdefgh")
groups = st.dictionaries(people, st.sampled_from(["A", "B", None]), min_size=1)
ONE = {"b": "A", "a": "A", "c": "B", "d": None, "f": "B"}
TWO = {"a": "x", "b": "y", "e": "y", "d": "x", "f": None}
WORTH = {"a": 5, "b": None, "c": -1, "z": 9, "e": 2}
LEFT = {"a": 1, "b": 0, "c": 1, "d": None, "z": 1}


@given(
    one=groups, two=groups,
    values=st.dictionaries(people, st.sampled_from([None, 0, 3, -2]), min_size=1),
    outcomes=st.dictionaries(people, st.sampled_from([None, 0, 1]), min_size=1),
)  # fmt: skip
def test_agrees_with_sets(one, two, values, outcomes):
    """People in one table alone, nobody's values, unknown outcomes."""
    agrees_with_sets(Engine("pandas"), one, two, values, outcomes)


def test_every_engine_agrees_with_sets(engine):
    """Six customers."""
    agrees_with_sets(engine, ONE, TWO, WORTH, LEFT)


def test_a_table_worked_by_hand():
    """Four of ten are good and here; one of the four left: 25 %, of Wilson 4.6 to 69.9."""
    one = table_of(dict(zip("abcdefghij", "HHHHHHHGGG", strict=True)), "segment", TEXT)
    two = table_of(dict(zip("abcdefghij", "AAAABBBABB", strict=True)), "segment", TEXT)
    left = table_of(dict(zip("abcdefghij", [1, *[0] * 9], strict=True)), "churned", float)
    found = segment_matrix(one, two, outcomes=left).set_index(["segment", "other"])
    row = found.loc[("H", "A")]
    assert (row["n"], row["share"], row["n_churned"], row["churn_rate"]) == (4, 0.4, 1, 0.25)
    assert row["lower"] == pytest.approx(0.0456, abs=5e-5)
    assert row["upper"] == pytest.approx(0.6994, abs=5e-5)


def test_what_is_not_given_is_null_in_the_same_columns():
    """The columns do not depend on what is asked."""
    one, two = table_of(ONE, "segment", TEXT), table_of(TWO, "segment", TEXT)
    full = segment_matrix(
        one, two,
        values=table_of(WORTH, "value", float), outcomes=table_of(LEFT, "churned", float),
    )  # fmt: skip
    plain = segment_matrix(one, two)
    assert list(plain) == list(full)
    assert plain.iloc[:, 4:].isna().all(axis=None)
    pd.testing.assert_frame_equal(plain.iloc[:, :4], full.iloc[:, :4])


def test_crossed_the_other_way_it_is_the_same_table():
    """And with itself it has nothing beside the diagonal."""
    one, two = table_of(ONE, "segment", TEXT), table_of(TWO, "segment", TEXT)
    here = segment_matrix(one, two).set_index(["segment", "other"])["n"]
    there = segment_matrix(two, one).set_index(["other", "segment"])["n"]
    assert here.to_dict() == there.to_dict()
    itself = segment_matrix(one, one)
    assert itself.loc[itself["segment"] != itself["other"], "n"].sum() == 0


def test_tables_that_cannot_be_crossed_are_refused():
    """Strange outcomes, repeated customers, empty tables, other ids, strange levels."""
    one, two = table_of(ONE, "segment", TEXT), table_of(TWO, "segment", TEXT)
    left, worth = table_of(LEFT, "churned", float), table_of(WORTH, "value", float)
    with pytest.raises(rt.ContentError, match="'churned' must be 1, 0 or missing; got 2.0"):
        segment_matrix(one, two, outcomes=left.assign(churned=2.0))
    with pytest.raises(rt.ContentError, match="outcomes: 1 customer has several rows"):
        segment_matrix(one, two, outcomes=pd.concat([left, left[:1]]))
    with pytest.raises(rt.ContentError, match="values: 1 customer has several rows"):
        segment_matrix(one, two, values=pd.concat([worth, worth[:1]]))
    with pytest.raises(rt.ContentError, match="values: 5 rows have a 'value' that is no amount"):
        segment_matrix(one, two, values=worth.assign(value=np.inf))
    with pytest.raises(rt.ContentError, match="segments is empty"):
        segment_matrix(one[:0], two)
    with pytest.raises(rt.ContentError, match="other is empty"):
        segment_matrix(one, two[:0])
    with pytest.raises(rt.ColumnError, match="holds whole numbers, in the first it holds text"):
        segment_matrix(one, two.assign(customer_id=range(5)))
    with pytest.raises(rt.ColumnError, match="holds whole numbers, in the first it holds text"):
        segment_matrix(one, two, values=worth.assign(customer_id=range(5)))
    with pytest.raises(rt.RetentionError, match="level must lie between 0 and 1"):
        segment_matrix(one, two, level=95)
