"""segment_migrations: a twin in sets, sums that reconcile, ranks that regress, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention import intervals
from retention.signals.groups.segment_migrations import segment_migrations

NOT_YET, GONE = "(not yet)", "(gone)"
TEXT = pd.Series(["a"]).dtype


def segments_of(rows):
    """A table of {customer: (segment, value)}."""
    return pd.DataFrame(
        {
            "customer_id": pd.Series(list(rows), dtype=TEXT),
            "segment": pd.Series([segment for segment, _ in rows.values()], dtype=TEXT),
            "value": pd.Series([value for _, value in rows.values()], dtype=float),
        }
    )


def naive_migrations(before, after):
    """Every pair with its people's count and worth, by sets."""
    of = [
        {who: (segment or "(missing)", value) for who, (segment, value) in rows.items()}
        for rows in (before, after)
    ]
    first = [*sorted({segment for segment, _ in of[0].values()}), NOT_YET]
    second = [*sorted({segment for segment, _ in of[1].values()}), GONE]
    people = {*before, *after}
    found = {}
    for a in first:
        for b in second:
            here = {
                w for w in people
                if of[0].get(w, (NOT_YET,))[0] == a and of[1].get(w, (GONE,))[0] == b
            }  # fmt: skip
            worth = [[rows[w][1] if w in rows else 0 for w in sorted(here)] for rows in of]
            found[a, b] = (len(here), *(None if None in v else sum(v) for v in worth))
    del found[NOT_YET, GONE]
    return found


def agrees_with_sets(engine, before, after):
    """Every row is that of the twin, in its order."""
    answer = segment_migrations(*(engine.table(segments_of(rows)) for rows in (before, after)))
    assert engine.is_mine(answer)
    found = engine.read(answer)
    expected = naive_migrations(before, after)
    rows = {
        (r.segment_before, r.segment_after): (r.n, r.value_before, r.value_after)
        for r in found.itertuples()
    }
    assert rows == {
        pair: tuple(pytest.approx(np.nan if v is None else v, nan_ok=True) for v in each)
        for pair, each in expected.items()
    }
    reconciles(found, len(before), len(after))


def reconciles(found, n_start, n_end):
    """Rows add up to n_from, columns to n_to, start + new − gone to the end."""
    for side, total in (("before", "n_from"), ("after", "n_to")):
        groups = found.groupby(f"segment_{side}")
        assert (groups["n"].sum() == groups[total].first()).all()
    new = found.loc[found["segment_before"] == NOT_YET, "n"].sum()
    gone = found.loc[found["segment_after"] == GONE, "n"].sum()
    assert found["n"].sum() == n_start + new
    assert n_start + new - gone == n_end
    known = found[found["n_from"] > 0]
    assert known["share"].tolist() == (known["n"] / known["n_from"]).tolist()
    lower, upper = intervals.wilson_bounds(known["n"], known["n_from"])
    assert known["lower"].tolist() == lower.tolist()
    assert known["upper"].tolist() == upper.tolist()
    assert found.loc[found["n_from"] == 0, ["share", "lower", "upper"]].isna().all(axis=None)


some = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.tuples(st.sampled_from(["A", "B", "C", None]), st.sampled_from([None, 0, 1, 5, -2])),
    min_size=1,
)
OLD = {"b": ("A", 5), "a": ("A", 3), "c": ("B", None), "d": (None, 1), "f": ("B", 2)}
NEW = {"a": ("A", 4), "b": ("B", 1), "e": ("C", 2), "d": ("A", 0), "f": (None, None)}


@given(before=some, after=some)
def test_agrees_with_sets(before, after):
    """Missing segments, missing values, newcomers, nobody in both."""
    agrees_with_sets(Engine("pandas"), before, after)


def test_every_engine_agrees_with_sets(engine):
    """Six customers: one stays, one falls, one comes, one goes, two are not told."""
    agrees_with_sets(engine, OLD, NEW)


def test_without_values_what_they_were_worth_is_null():
    """Nothing else changes."""
    old, new = segments_of(OLD), segments_of(NEW)
    told = segment_migrations(old, new)
    plain = segment_migrations(old.drop(columns="value"), new)
    moved = plain["segment_before"] != NOT_YET
    assert plain["value_before"].isna().all()
    assert moved.any()
    pd.testing.assert_frame_equal(
        plain.drop(columns="value_before"), told.drop(columns="value_before")
    )


def test_ranks_regress_where_nobody_changes():
    """Rates fixed, two halves of a year: of the best fifth by luck and rate only part stay best."""
    rng = np.random.default_rng(1)
    rates = rng.gamma(1.0, 2.0, 4_000)
    people = pd.DataFrame({"customer_id": range(4_000)})
    tiers = [
        rt.signals.value_tiers(people.assign(value=rng.poisson(rates) + rng.random(4_000)))
        for _ in range(2)
    ]
    found = segment_migrations(*tiers).set_index(["segment_before", "segment_after"])
    assert found.loc[("A", "A"), "n_from"] == 800
    assert 0.55 < found.loc[("A", "A"), "share"] < 0.75
    assert found.loc[("A", "A"), "n"] < found.loc[("A", "A"), "n_to"]


@pytest.mark.filterwarnings("ignore:The last order is of")
def test_moves_between_states_are_the_flows_of_lifecycle_states():
    """State by state, month to month."""
    rng = np.random.default_rng(2)
    who, month = rng.integers(0, 40, 120), rng.integers(1, 7, 120)
    orders = pd.DataFrame(
        {
            "customer_id": who, "sales": 1.0,
            "date": pd.to_datetime([f"2024-{m:02}-03" for m in month]),
        }
    )  # fmt: skip
    asked = {"freq": "month", "as_of": "2024-06-30", "observed_from": "2024-01-01"}
    activity = rt.customer_periods(orders, **asked)
    flows = rt.lifecycle_states(activity, lost_after=2)
    flows = flows[(flows["step"] == flows["step"].max()) & (flows["n_customers"] > 0)]
    states = [rt.signals.customer_states(activity, lost_after=2, periods_ago=ago) for ago in (1, 0)]
    moves = segment_migrations(*states)
    with pytest.raises(rt.ContentError, match="say the earlier table first"):
        segment_migrations(*reversed(states))
    moves = moves[moves["n"] > 0].replace(NOT_YET, "not yet a customer")
    keys = ["segment_before", "segment_after"]
    flows = flows.rename(columns=dict(zip(["state_before", "state"], keys, strict=True)))
    assert moves.set_index(keys)["n"].to_dict() == flows.set_index(keys)["n_customers"].to_dict()


def test_tables_that_cannot_be_compared_are_refused():
    """In disorder, empty, twice the same customer, our names, other ids, strange levels."""
    old, new = segments_of(OLD), segments_of(NEW)
    dated = [
        t.assign(as_of=pd.Timestamp(day)) for t, day in ((old, "2024-01-31"), (new, "2024-06-30"))
    ]
    assert len(segment_migrations(*dated)) == len(segment_migrations(old, new))
    with pytest.raises(rt.ContentError, match="before is of 2024-06-30, after of 2024-01-31: say"):
        segment_migrations(*dated[::-1])
    with pytest.raises(rt.ContentError, match="before is empty"):
        segment_migrations(old[:0], new)
    with pytest.raises(rt.ContentError, match="after is empty"):
        segment_migrations(old, new[:0])
    with pytest.raises(rt.ContentError, match="before: 1 customer has several rows, such as 'b'"):
        segment_migrations(pd.concat([old, old[:1]]), new)
    for label in (NOT_YET, GONE):
        with pytest.raises(rt.ContentError, match="after: a segment is named '.*Name it otherwise"):
            segment_migrations(old, new.assign(segment=label))
    with pytest.raises(rt.ColumnError, match="holds whole numbers, in the first it holds text"):
        segment_migrations(old, new.assign(customer_id=range(len(new))))
    with pytest.raises(rt.RetentionError, match="level must lie between 0 and 1"):
        segment_migrations(old, new, level=95)
    with pytest.raises(rt.ContentError, match="after: 1 row has a 'value' that is no amount"):
        segment_migrations(old, new.assign(value=[np.inf, 0, 0, 0, 0]))
    with pytest.raises(rt.ColumnError, match="lacks 'segment'"):
        segment_migrations(old.drop(columns="segment"), new)
