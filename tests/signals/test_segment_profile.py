"""segment_profile: a twin in loops, SciPy's tests, few flukes among random segments, refusals."""

from __future__ import annotations

from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, mannwhitneyu

import retention as rt
from conftest import Engine
from retention.intervals import adjusted_p
from retention.signals.groups.segment_profile import segment_profile

TEXT = pd.Series(["a"]).dtype
NUMBERS = ["median", "median_rest", "share", "share_rest", "effect"]


def customers_of(rows):
    """A table of (segment, tenure, pays)."""
    group, tenure, pays = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "group": pd.Series(group, dtype=TEXT), "tenure": pd.Series(tenure, dtype=float),
            "pays": pd.Series(pays, dtype=TEXT),
        }
    )  # fmt: skip


def naive_profile(rows):
    """Every row's counts and figures, by looking at pairs of customers."""
    found = {}
    for group in sorted({g or "(missing)" for g, _, _ in rows}):
        sides = [[r for r in rows if ((r[0] or "(missing)") == group) is here]
                 for here in (True, False)]  # fmt: skip
        one, other = ([t for _, t, _ in side if t is not None] for side in sides)
        wins = [(a > b) + (a == b) / 2 for a in one for b in other]
        found[group, "tenure", None] = (
            len(one), len(other), len(sides[0]) - len(one),
            median(one) if one else None, median(other) if other else None, None, None,
            sum(wins) / len(wins) if wins else None,
        )  # fmt: skip
        one, other = ([p for _, _, p in side if p] for side in sides)
        for label in sorted({*one, *other}):
            shares = [side.count(label) / len(side) if side else None for side in (one, other)]
            apart = None if None in shares else shares[0] - shares[1]
            found[group, "pays", label] = (
                len(one), len(other), len(sides[0]) - len(one), None, None, *shares, apart,
            )  # fmt: skip
    return found


def agrees_with_pairs(engine, rows):
    """Every row is that of the twin, its p-value SciPy's."""
    answer = segment_profile(
        engine.table(customers_of(rows)), segment="group", columns=["tenure", "pays"]
    )
    assert engine.is_mine(answer)
    found = engine.read(answer)
    expected = naive_profile(rows)
    seen = {
        (r.segment, r.feature, None if pd.isna(r.label) else r.label): r for r in found.itertuples()
    }
    assert set(seen) == set(expected)
    for key, told in expected.items():
        row = seen[key]
        assert (row.n, row.n_rest, row.n_null) == told[:3]
        figures = [getattr(row, name) for name in NUMBERS]
        known = [np.nan if v is None else float(v) for v in told[3:]]
        assert figures == pytest.approx(known, nan_ok=True)
        if not np.isnan(row.lower):
            assert row.lower <= row.effect + 1e-12
            assert row.effect <= row.upper + 1e-12
    q = adjusted_p(found["p_value"]).tolist()
    assert found["q_value"].tolist() == pytest.approx(q, nan_ok=True)


people = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C", None]), st.sampled_from([None, 0.0, 1.0, 1.0, 5.0, -2.0]),
        st.sampled_from(["card", "cheque", None]),
    ),
    max_size=14,
).map(lambda some: [("A", 1.0, "card"), ("B", None, None), *some])  # fmt: skip
SOME = [
    ("A", 1, "card"), ("A", 4, "card"), ("A", 2, None), ("B", 5, "cheque"), ("B", 4, "card"),
    ("B", None, "cheque"), (None, 9, "card"),
]  # fmt: skip


@given(rows=people)
def test_agrees_with_looking_at_pairs(rows):
    """Ties, nobody known on one side, a segment of one, a missing segment."""
    agrees_with_pairs(Engine("pandas"), rows)


def test_every_engine_agrees_with_looking_at_pairs(engine):
    """Seven customers."""
    agrees_with_pairs(engine, SOME)


def drawn_customers(n, rng):
    """Customers whose segments tell something of their tenure and how they pay."""
    group = rng.choice([*"ABC"], n)
    tenure = rng.integers(0, 30, n) + 5.0 * (group == "A")
    pays = np.where(rng.random(n) < 0.3 + 0.2 * (group == "B"), "card", "cheque")
    return pd.DataFrame({"group": group, "tenure": tenure, "pays": pays})


def test_p_values_are_those_of_scipy():
    """Mann and Whitney's with ties, the chi-squared test; q-values are adjusted over all rows."""
    customers = drawn_customers(200, np.random.default_rng(1))
    found = segment_profile(customers, segment="group", columns=["tenure", "pays"])
    for row in found.itertuples():
        mine = customers["group"] == row.segment
        if row.feature == "tenure":
            one, other = customers.loc[mine, "tenure"], customers.loc[~mine, "tenure"]
            test = mannwhitneyu(one, other, method="asymptotic", use_continuity=False)
            assert row.effect == pytest.approx(test.statistic / (len(one) * len(other)))
            assert row.p_value == pytest.approx(test.pvalue)
        else:
            table = pd.crosstab(mine, customers["pays"] == row.label)
            assert row.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert found["q_value"].tolist() == pytest.approx(adjusted_p(found["p_value"]).tolist())
    assert found["differs"].tolist() == (found["q_value"] <= 0.05).tolist()


def test_bounds_of_an_effect_hold_the_truth_as_often_as_they_say():
    """Normal values one apart: P is Φ(1 / √2); 150 draws, at 95 % and some room for chance."""
    from statistics import NormalDist

    rng, truth, held = np.random.default_rng(2), NormalDist().cdf(2**-0.5), 0
    group = np.repeat(["A", "B"], [40, 60])
    for _ in range(150):
        values = rng.normal((group == "A") * 1.0, 1.0)
        table = pd.DataFrame({"group": group, "x": values})
        row = segment_profile(table, segment="group", columns="x").iloc[0]
        held += row["lower"] <= truth <= row["upper"]
    assert 0.9 <= held / 150 <= 0.99


def test_among_random_segments_hardly_anything_differs():
    """Ten random segments, three columns: by p-values most draws find something, by q few do."""
    rng, by_p, by_q = np.random.default_rng(3), 0, 0
    for _ in range(40):
        table = pd.DataFrame(rng.normal(size=(200, 3)), columns=[*"xyz"])
        table["group"] = rng.permutation(np.arange(200) % 10)
        found = segment_profile(table, segment="group", columns=[*"xyz"])
        by_p += bool((found["p_value"] < 0.05).any())
        by_q += bool(found["differs"].any())
    assert by_p >= 24
    assert by_q <= 7


def test_what_made_the_segments_is_told_but_not_tested():
    """And does not change the q-values of the others."""
    customers = drawn_customers(60, np.random.default_rng(4))
    asked = {"segment": "group", "columns": ["tenure", "pays"]}
    found = segment_profile(customers, **asked, defining="tenure")
    made = found["feature"] == "tenure"
    assert found["defining"].tolist() == made.tolist()
    assert found.loc[made, ["p_value", "q_value", "differs"]].isna().all(axis=None)
    assert found.loc[made, "effect"].notna().all()
    alone = segment_profile(customers, segment="group", columns="pays")
    assert found.loc[~made, "q_value"].tolist() == alone["q_value"].tolist()


def test_sentences_say_what_the_numbers_are():
    """A share beside the others', a median beside theirs."""
    found = segment_profile(customers_of(SOME), segment="group", columns=["tenure", "pays"])
    said = found.loc[found["segment"] == "A", "sentence"].tolist()
    assert said == [
        "tenure: median 2.00, others 5.00",
        "pays card: 100%, others 50%",
        "pays cheque: 0%, others 50%",
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"columns": "age"}, "columns.*'age'"),
        ({"segment": "tier"}, "segment.*'tier'"),
        ({"columns": []}, "columns names none"),
        ({"columns": ["pays", "pays"]}, "columns names a column twice"),
        ({"columns": "group"}, "columns names 'group', the column of the segments. Leave it out"),
        ({"defining": "pays"}, "defining names 'pays', which is not among the columns"),
        ({"columns": "day"}, "holds Datetime"),
        ({"fdr": 5}, "fdr must lie between 0 and 1"),
        ({"level": 95}, "level must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_told_is_refused(said, told):
    """In the user's words."""
    table = customers_of(SOME).assign(day=pd.Timestamp("2024-01-01"))
    with pytest.raises(rt.RetentionError, match=told):
        segment_profile(table, **{"segment": "group", "columns": "tenure", **said})


def test_nobody_to_compare_with_is_refused():
    """Nobody at all, or all in one segment."""
    table = customers_of(SOME)
    asked = {"segment": "group", "columns": "tenure"}
    with pytest.raises(rt.ContentError, match="customers: there is nobody in it"):
        segment_profile(table[:0], **asked)
    with pytest.raises(rt.ContentError, match="one segment only, so nobody to compare it with"):
        segment_profile(table[:3], **asked)
