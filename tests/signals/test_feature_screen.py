"""feature_screen: areas by counting pairs, errors of customers, notes on what knows too much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.numerics.rank_areas import area_with_terms, error_of_groups

DAYS = pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31"]).astype("datetime64[us]")


def naive_area(values, labels):
    """Pairs of one who left and one who stayed, counted; None where there is none."""
    pairs = [
        (v > w) + (v == w) / 2
        for v, left in zip(values, labels, strict=True)
        for w, stayed in zip(values, labels, strict=True)
        if left == 1 and stayed == 0 and v is not None and w is not None
    ]
    return sum(pairs) / len(pairs) if pairs else None


def naive_shift(values, days):
    """The largest difference of shares up to a value, between the first and the last day."""
    ends = [
        [v for v, d in zip(values, days, strict=True) if d == day and v is not None]
        for day in (min(days), max(days))
    ]
    if min(days) == max(days) or not all(ends):
        return None
    up_to = lambda part, v: sum(w <= v for w in part) / len(part)  # noqa: E731
    return max(abs(up_to(ends[0], v) - up_to(ends[1], v)) for v in [*ends[0], *ends[1]])


def table_of(rows):
    """Snapshots of (customer, place of the day, label, value)."""
    return pd.DataFrame(
        {
            "customer_id": [row[0] for row in rows],
            "as_of": [DAYS[row[1]] for row in rows],
            "churned": pd.Series([row[2] for row in rows], dtype=float),
            "v": pd.Series([row[3] for row in rows], dtype=float),
        }
    )


def nothing(value):
    """None for NaN."""
    return None if pd.isna(value) else value


value = st.none() | st.sampled_from([-1.0, 0.0, 0.5, 2.0])
label = st.sampled_from([0.0, 1.0, None])
row = st.tuples(st.sampled_from("abc"), st.integers(0, 2), label, value)


@given(rows=st.lists(row, max_size=14))
def test_agrees_with_pairs_that_are_counted(rows):
    """All areas, over all rows, of gaps, of the first and the last day; the shift; the counts."""
    rows = [("a", 1, 1.0, 0.5), ("z", 1, 0.0, None), *rows]
    found = rt.signals.feature_screen(table_of(rows), features="v").iloc[0]
    told = [row for row in rows if row[2] is not None]
    labels = [row[2] for row in told]
    days = sorted({row[1] for row in told})
    of_day = [
        naive_area([r[3] for r in told if r[1] == day], [r[2] for r in told if r[1] == day])
        for day in (days[0], days[-1])
    ]
    gaps = naive_area([float(r[3] is None) for r in told], labels)
    shift = naive_shift([r[3] for r in rows], [r[1] for r in rows])
    assert (found["n_rows"], found["n_churned"]) == (len(told), sum(labels))
    assert found["n_null"] == sum(r[3] is None for r in told)
    for name, expected in {
        "auc": naive_area([r[3] for r in told], labels),
        "auc_of_null": gaps,
        "auc_first": of_day[0] if len(days) > 1 else None,
        "auc_last": of_day[1] if len(days) > 1 else None,
        "shift": shift,
    }.items():
        assert nothing(found[name]) == pytest.approx(expected), name


def test_areas_are_those_of_scikit_learn_and_errors_those_of_delong():
    """One row a customer: roc_auc_score, ks_2samp, and DeLong's variances of both classes."""
    from scipy.stats import ks_2samp
    from sklearn.metrics import roc_auc_score

    draw = np.random.default_rng(1)
    n = 400
    churned = (draw.random(n) < 0.3).astype(float)
    values = np.round(draw.normal(churned, 1), 1)
    table = pd.DataFrame({"customer_id": range(n), "as_of": DAYS.repeat(200)[:n], "v": values})
    found = rt.signals.feature_screen(table.assign(churned=churned), features="v").iloc[0]
    assert found["auc"] == pytest.approx(roc_auc_score(churned, values), abs=1e-12)
    distance = ks_2samp(values[:200], values[200:]).statistic
    assert found["shift"] == pytest.approx(distance, abs=1e-12)
    mine, others = values[churned == 1], values[churned == 0]
    wins = (mine[:, None] > others) + (mine[:, None] == others) / 2
    variance = wins.mean(1).var() / mine.size + wins.mean(0).var() / others.size
    error = np.sqrt(variance * n / (n - 1))
    assert found["upper"] - found["auc"] == pytest.approx(1.959964 * error, rel=1e-6)
    assert found["auc"] - found["lower"] == pytest.approx(1.959964 * error, rel=1e-6)


def test_bounds_take_the_rows_of_a_customer_for_one():
    """Every row four times over: as many rows, no more knowledge."""
    draw = np.random.default_rng(2)
    left = draw.random(150) < 0.4
    values = draw.normal(left, 1.0)
    area, terms = area_with_terms(values, left)
    once = error_of_groups(terms, np.arange(150))
    often, again = area_with_terms(np.tile(values, 4), np.tile(left, 4))
    assert often == pytest.approx(area, rel=1e-12)
    assert error_of_groups(again, np.tile(np.arange(150), 4)) == pytest.approx(once, rel=1e-12)
    assert error_of_groups(again, np.arange(600)) == pytest.approx(once / 2, rel=0.01)


def noted(**columns):
    """The notes on columns over eighty snapshots of two days, half of them lost."""
    n = 80
    churned = np.arange(n) % 2.0
    table = pd.DataFrame({"customer_id": range(n), "as_of": DAYS[[0, 2]].repeat(n // 2), **columns})
    found = rt.signals.feature_screen(table.assign(churned=churned), features=list(columns))
    return dict(zip(found["feature"], found["note"], strict=True))


def test_notes_say_what_deserves_a_look():
    """What tells nearly all, by gaps, on one day more, moved, or is nothing; else null."""
    odd = np.arange(80) % 2
    late = np.arange(80) >= 40
    plain = (np.arange(80) // 2 % 4).astype(float)
    notes = noted(
        honest=plain,
        oracle=odd + plain / 100,
        gaps=np.where(odd == 1, np.nan, plain),
        of_late=np.where(late, odd, plain),
        moved=plain + 10 * late,
        blank=np.full(80, np.nan),
        constant=np.ones(80),
        flag=odd == 1,
    )
    assert nothing(notes["honest"]) is None
    assert "almost all" in notes["oracle"]
    assert "almost all" in notes["flag"]
    assert "missing tells" in notes["gaps"]
    assert "on one day than on another" in notes["of_late"]
    assert "first and the last day" in notes["moved"]
    assert (notes["blank"], notes["constant"]) == ("null in all rows", "the same in all rows")


def test_engines_screen_alike(engine):
    """Counts, areas and notes in the caller's kind, numbers with gaps and flags among them."""
    draw = np.random.default_rng(4)
    n = 60
    table = pd.DataFrame(
        {
            "customer_id": [f"C{i % 25}" for i in range(n)],
            "as_of": DAYS[np.arange(n) % 3],
            "churned": np.where(draw.random(n) < 0.2, np.nan, draw.integers(0, 2, n)),
            "tenure": draw.integers(0, 9, n).astype(float),
            "gap": np.where(draw.random(n) < 0.3, np.nan, draw.random(n)),
            "late": draw.random(n) < 0.5,
        }
    )
    names = ["tenure", "gap", "late"]
    expected = rt.signals.feature_screen(table, features=names)
    found = rt.signals.feature_screen(engine.table(table), features=names)
    assert engine.is_mine(found)
    told = engine.read(found).set_index("feature").loc[names].reset_index()
    pd.testing.assert_frame_equal(told, expected, check_dtype=False, rtol=1e-12)


def test_what_cannot_be_screened_is_refused():
    """Labels and keys, texts, days, columns that are not there, no labels."""
    table = table_of([("a", 0, 1.0, 1.0), ("b", 1, 0.0, 2.0)]).assign(plan="basic")
    screen = rt.signals.feature_screen
    with pytest.raises(rt.errors.ColumnError, match="'churned', which says who the row is of"):
        screen(table, features=["v", "churned"])
    with pytest.raises(rt.errors.ColumnError, match="'plan' holds String; a screen needs numbers"):
        screen(table, features="plan")
    with pytest.raises(rt.errors.ColumnError, match="'V'.*Did you mean 'v'"):
        screen(table, features="V")
    with pytest.raises(rt.errors.ColumnError, match="name at least one column"):
        screen(table, features=[])
    with pytest.raises(rt.errors.ContentError, match="no label is known. Say label_silence"):
        screen(table.assign(churned=np.nan), features="v")
    with pytest.raises(rt.errors.ContentError, match="no label is known"):
        screen(table.head(0), features="v")
    with pytest.raises(rt.errors.RetentionError, match="level must lie between"):
        screen(table, features="v", level=95)
    one = screen(table.assign(churned=1.0), features="v").iloc[0]
    assert np.isnan(one["auc"])
    assert one["n_churned"] == 2
