"""snapshot_folds: who is fitted on and who is scored, against a look at each row."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt

FIRST = pd.Timestamp("2024-01-01")


def table_of(rows):
    """Snapshots of (customer, day number, label, day number on which it is known)."""
    days = pd.to_datetime([FIRST + pd.Timedelta(days=row[1]) for row in rows])
    known = [None if row[3] is None else FIRST + pd.Timedelta(days=row[3]) for row in rows]
    return pd.DataFrame(
        {
            "customer_id": [row[0] for row in rows],
            "as_of": days.astype("datetime64[us]"),
            "churned": pd.Series([row[2] for row in rows], dtype=float),
            "known_on": pd.to_datetime(pd.Series(known, dtype=object)).astype("datetime64[us]"),
        }
    )


def apart(customer):
    """Whether the customer is of the fifth that backtests score."""
    return zlib.crc32(str(customer).encode()) % 5 == 0


IDS = st.sampled_from([f"C{i}" for i in range(9)])
row = st.tuples(IDS, st.integers(0, 4), st.sampled_from([0.0, 1.0, None]), st.integers(1, 8))


@given(rows=st.lists(row, max_size=25), customers=st.booleans())
def test_agrees_with_a_look_at_each_row(rows, customers):
    """Fitted on: a label known by the cut; scored: the labelled rows of the cut."""
    rows = [("C0", 0, 1.0, 1), ("C1", 0, 1.0, 1), ("C2", 3, 0.0, 9), ("C4", 3, 1.0, 9), *rows]
    one = next(f"C{i}" for i in range(99) if apart(f"C{i}"))
    rows = [*rows, (one, 3, 0.0, 9)]
    how = "customers" if customers else "time"
    cuts = [FIRST + pd.Timedelta(days=3)]
    ((train, test),) = rt.signals.snapshot_folds(table_of(rows), cuts=cuts, holdout=how, least=1)
    both = [
        (label is not None and known <= 3 and day < 3, label is not None and day == 3, apart(who))
        for who, day, label, known in rows
    ]
    assert train.tolist() == [i for i, b in enumerate(both) if b[0] and not (customers and b[2])]
    assert test.tolist() == [i for i, b in enumerate(both) if b[1] and (b[2] or not customers)]


@pytest.fixture(scope="module")
def labelled():
    """A year of a company's snapshots, a label of 60 days each."""
    orders = rt.sample_company(500, seed=5).orders
    days = pd.date_range("2023-12-31", periods=10, freq="30D")
    seen = rt.signals.snapshots(orders, dates=list(days), active_within=120)
    seen = rt.signals.label_silence(seen, orders, within=60, as_of="2024-12-31")
    return seen.assign(x=np.arange(len(seen)) % 7 + seen["churned"].fillna(0))


CUTS = ["2024-05-29", "2024-07-28", "2024-08-27"]


@pytest.mark.parametrize("holdout", ["time", "customers"])
def test_no_label_comes_too_early_and_every_row_of_the_cuts_is_scored_once(labelled, holdout):
    """max(known_on of train) ≤ as_of of test; no label null; no customer on both sides if asked."""
    folds = rt.signals.snapshot_folds(labelled, cuts=CUTS, holdout=holdout, least=50)
    assert len(folds) == len(CUTS)
    for cut, (train, test) in zip(CUTS, folds, strict=True):
        before, then = labelled.iloc[train], labelled.iloc[test]
        assert before["known_on"].max() <= pd.Timestamp(cut) == then["as_of"].min()
        assert then["as_of"].nunique() == 1
        assert before["churned"].notna().all()
        assert then["churned"].notna().all()
        if holdout == "customers":
            assert not set(before["customer_id"]) & set(then["customer_id"])
    scored = np.concatenate([test for _, test in folds])
    there = labelled["as_of"].isin(pd.to_datetime(CUTS)) & labelled["churned"].notna()
    of_fifth = labelled["customer_id"].map(apart) | (holdout == "time")
    assert scored.size == np.unique(scored).size
    assert set(scored) == set(np.flatnonzero(there & of_fifth))


def test_scikit_learn_takes_them_as_cv(labelled):
    """cross_val_score with cv= of folds gives the AUC of a fit on each train, on its test."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_score

    folds = rt.signals.snapshot_folds(labelled, cuts=CUTS)
    table, y = labelled[["x"]], labelled["churned"].fillna(-1)
    model = LogisticRegression()
    scores = cross_val_score(model, table, y, cv=folds, scoring="roc_auc")
    expected = []
    for train, test in folds:
        model.fit(table.iloc[train], y.iloc[train])
        expected.append(roc_auc_score(y.iloc[test], model.predict_proba(table.iloc[test])[:, 1]))
    assert scores.tolist() == expected


def test_the_fifth_is_that_of_backtest():
    """Customers whom survival.backtest scores are those who are scored here."""
    ids = [f"C{i:03d}" for i in range(200)]
    start = FIRST.as_unit("us")
    spells = pd.DataFrame(
        {"customer_id": ids, "spell": 1, "start": start, "end": pd.NaT, "entry": np.nan}
    ).assign(duration=300, churned=False, set_aside=None, reactivation="new_spell")
    spells["end"] = spells["end"].astype("datetime64[us]")
    spells["set_aside"] = spells["set_aside"].astype("str").where(spells["churned"], None)
    scored = []

    def fit(known):
        def chance(customers, horizon):
            scored.extend(customers["customer_id"])
            return np.full(len(customers), 0.5)

        return chance

    rt.survival.backtest(spells, fit=fit, cuts="2024-03-01", horizon=30, holdout="customers")
    rows = [(who, day, 0.0, day + 10) for day in (0, 60) for who in ids]
    cut = FIRST + pd.Timedelta(days=60)
    table = table_of(rows)
    ((_, test),) = rt.signals.snapshot_folds(table, cuts=cut, holdout="customers", least=1)
    assert sorted(table["customer_id"].iloc[test]) == sorted(scored)


def test_engines_with_rows_at_hand_agree(engine, labelled):
    """Positions are those of the rows as they were given; a query has none and is refused."""
    table = labelled.sample(frac=1, random_state=1).reset_index(drop=True)
    if engine.name not in ("pandas", "polars", "pyarrow"):
        with pytest.raises(rt.errors.TableError, match="Collect it into rows first"):
            rt.signals.snapshot_folds(engine.table(table), cuts=CUTS)
        return
    expected = rt.signals.snapshot_folds(table, cuts=CUTS)
    found = rt.signals.snapshot_folds(engine.table(table), cuts=CUTS)
    for mine, theirs in zip(found, expected, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_what_is_no_fold_is_refused_and_its_advice_holds(labelled):
    """Each message says which cut, why, and what to do."""
    folds = rt.signals.snapshot_folds
    late = labelled.assign(churned=labelled["churned"].where(labelled["as_of"] < "2024-07-01"))
    with pytest.raises(rt.errors.ContentError, match="The last day with labels is 2024-06-28"):
        folds(late, cuts="2024-08-27")
    assert len(folds(late, cuts="2024-06-28")) == 1
    with pytest.raises(rt.errors.ContentError, match="No row has one. Say label_silence"):
        folds(labelled.assign(churned=np.nan), cuts="2024-08-27")
    with pytest.raises(
        rt.errors.ContentError, match="no snapshot of 2024-08-28. There are 10 days"
    ):
        folds(labelled, cuts="2024-08-28")
    with pytest.raises(rt.errors.ContentError, match="fewer than least=200. Take later cuts"):
        folds(labelled, cuts="2024-01-30")
    with pytest.raises(rt.errors.ContentError, match="fewer than least=1."):
        folds(labelled, cuts="2023-12-31", least=1)
    with pytest.raises(rt.errors.RetentionError, match="holdout must be one of"):
        folds(labelled, cuts=CUTS, holdout="rows")
    with pytest.raises(rt.errors.RetentionError, match="cuts: name at least one day"):
        folds(labelled, cuts=[])
    with pytest.raises(rt.errors.RetentionError, match="least must be a whole number"):
        folds(labelled, cuts=CUTS, least=0)
    with pytest.raises(rt.errors.ColumnError, match="lacks 'known_on'.*label_silence"):
        folds(labelled.drop(columns="known_on"), cuts=CUTS)
    with pytest.raises(rt.errors.ContentError, match="'churned' must be 1 .lost., 0"):
        folds(labelled.assign(churned=0.5), cuts=CUTS)
    with pytest.raises(rt.errors.ContentError, match="1 row has no 'customer_id'"):
        folds(labelled.assign(customer_id=[None, *labelled["customer_id"][1:]]), cuts=CUTS)
    few = labelled[~labelled["customer_id"].map(apart)]
    with pytest.raises(rt.errors.ContentError, match="none is in the fifth.*Say holdout='time'"):
        folds(few, cuts=CUTS, holdout="customers")
    assert len(folds(few, cuts=CUTS, holdout="time")) == 3
