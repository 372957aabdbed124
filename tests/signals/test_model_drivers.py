"""model_drivers: what a model loses by a family, against permutation by hand and models made up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import retention as rt
from conftest import Engine

FAMILIES = {"rhythm": ["a", "b"], "money": ["c"], "nothing": ["d"]}


def snapshots(n=1500, seed=1):
    """Snapshots whose loss hangs on a and c; b says the same as a; d says nothing."""
    draw = np.random.default_rng(seed)
    a, c, d = draw.normal(size=(3, n))
    chance = 1 / (1 + np.exp(-(1.5 * a - 0.7 * c - 0.5)))
    return pd.DataFrame(
        {
            "customer_id": np.arange(n) // 2,
            "as_of": pd.Timestamp("2024-03-31").as_unit("us"),
            "churned": (draw.random(n) < chance).astype(float),
            "a": a,
            "b": a + draw.normal(size=n) / 100,
            "c": c,
            "d": d,
        }
    )


@pytest.fixture(scope="module")
def fitted():
    """A logistic regression on all four, fitted on other rows."""
    table = snapshots(seed=2)
    return LogisticRegression(C=0.1).fit(table[list("abcd")], table["churned"])


def test_losses_are_those_of_columns_exchanged_by_hand(fitted):
    """AUC of scikit-learn, the mean over many exchanges of a family as a whole, and of the rest."""
    table = snapshots(800)
    found = rt.signals.model_drivers(fitted, table, families=FAMILIES, repeats=15, seed=3)
    told = found.set_index("family")
    whole = roc_auc_score(table["churned"], fitted.predict_proba(table[list("abcd")])[:, 1])
    assert told["auc"].tolist() == pytest.approx([whole] * 3, abs=1e-12)
    assert (found["n_rows"] == 800).all()
    assert (found["n_churned"] == table["churned"].sum()).all()
    draw = np.random.default_rng(9)
    for family, names in FAMILIES.items():
        others = [name for name in "abcd" if name not in names]
        means = []
        for mixed in (names, others):
            areas = []
            for _ in range(15):
                rows = table.copy()
                rows[mixed] = rows[mixed].to_numpy()[draw.permutation(len(rows))]
                chance = fitted.predict_proba(rows[list("abcd")])[:, 1]
                areas.append(roc_auc_score(rows["churned"], chance))
            means.append(np.mean(areas))
        assert told.loc[family, "auc_without"] == pytest.approx(means[0], abs=0.02)
        assert told.loc[family, "auc_alone"] == pytest.approx(means[1], abs=0.02)
    assert found["loss"].tolist() == sorted(found["loss"], reverse=True)
    assert (found["loss"] == found["auc"] - found["auc_without"]).all()
    assert told["direction"].tolist()[:2] == ["higher", "lower"]
    assert told.loc["nothing", "lower"] < 0.01
    assert told.loc["nothing", "auc_alone"] < 0.56


def test_one_by_one_features_that_say_the_same_stand_in_for_each_other():
    """Half of the weight on each of two twins: together they are worth far more than the sum."""
    table = snapshots()

    def model(rows):
        return np.maximum(rows["a"], rows["b"]) + rows["c"] * -0.5

    both = rt.signals.model_drivers(model, table, families={"ab": ["a", "b"]}, seed=1)
    single = rt.signals.model_drivers(model, table, families={"a": ["a"], "b": ["b"]}, seed=1)
    assert both["loss"][0] > single["loss"].sum()


def test_sentences_tell_what_the_model_loses_and_never_why():
    """Falls, stays, and what may be chance; the word because is in none."""
    table = snapshots(400)
    model = lambda rows: rows["a"]  # noqa: E731
    found = rt.signals.model_drivers(model, table, families=FAMILIES, seed=4)
    said = found.set_index("family")["sentence"]
    area = f"{found['auc'][0]:.3f}"
    assert said["rhythm"].startswith(f"Without rhythm the model's AUC falls from {area} to 0.")
    assert said["money"] == f"Without money the model's AUC stays {area}."
    faint = lambda rows: rows["a"] + rows["d"] / 20  # noqa: E731
    other = rt.signals.model_drivers(faint, table, families={"nothing": "d"}, seed=4)
    assert "which may be chance" in other["sentence"][0]
    assert not [text for text in (*said, *other["sentence"]) if "because" in text.lower()]
    assert other["auc_alone"][0] == other["auc"][0]


def test_directions_are_those_of_the_model():
    """Both columns rise with it, one falls, texts have none."""
    table = snapshots(300).assign(plan="basic")
    model = lambda rows: rows["a"] - rows["c"]  # noqa: E731
    families = {"ups": ["a", "b"], "both": ["c", "d"], "text": "plan"}
    found = rt.signals.model_drivers(model, table, families=families, seed=1)
    told = found.set_index("family")["direction"]
    assert (told["ups"], told["both"]) == ("higher", "lower")
    assert not isinstance(told["text"], str)
    table["up"] = table["a"]
    mixed = rt.signals.model_drivers(model, table, families={"all": ["up", "c"]}, seed=1)
    assert mixed["direction"][0] == "mixed"


def test_bounds_hold_the_loss_of_many_customers():
    """Of 40 samples of 150 customers the bounds hold the loss of 10,000 at least 34 times."""
    model = lambda rows: 1.5 * rows["a"] - 0.7 * rows["c"]  # noqa: E731
    ask = {"families": {"money": "c"}, "repeats": 5, "seed": 1}
    truth = rt.signals.model_drivers(model, snapshots(20_000, seed=99), **ask)["loss"][0]
    held = 0
    for seed in range(40):
        row = rt.signals.model_drivers(model, snapshots(300, seed=seed), **ask).iloc[0]
        held += row["lower"] <= truth <= row["upper"]
    assert held >= 34


def test_the_seed_decides_and_rows_without_a_label_do_not(fitted):
    """The same twice; unlabelled rows change nothing."""
    table, ask = snapshots(200), {"families": FAMILIES, "seed": 5}
    first = rt.signals.model_drivers(fitted, table, **ask)
    unknown = pd.concat([table, table.assign(churned=np.nan)], ignore_index=True)
    pd.testing.assert_frame_equal(first, rt.signals.model_drivers(fitted, unknown, **ask))
    other = rt.signals.model_drivers(fitted, table, families=FAMILIES, seed=6)
    assert (first["loss"] != other["loss"]).any()


def test_engines_agree(engine, fitted):
    """The same exchanges and numbers, however the rows lie."""
    table = snapshots(60)
    ask = {"families": FAMILIES, "seed": 5, "repeats": 2}
    table = table.drop_duplicates("customer_id", ignore_index=True)
    expected = rt.signals.model_drivers(fitted, table, **ask)
    turned = table.iloc[::-1].reset_index(drop=True)
    found = rt.signals.model_drivers(fitted, engine.table(turned), **ask)
    assert engine.is_mine(found)
    told = engine.read(found).set_index("family").loc[expected["family"]].reset_index()
    pd.testing.assert_frame_equal(told, expected, check_dtype=False, rtol=1e-9)


@pytest.mark.parametrize("kind", ["pandas", "duckdb"])
def test_features_may_have_any_name(kind):
    """Names that an engine would read are those of the model, the screen and the refusals."""
    names = {"a": "a.b", "b": 'x "y"', "c": "*", "d": "x.*"}
    table, strange = snapshots(80), snapshots(80).rename(columns=names)
    given = Engine(kind).table(strange)
    model = LogisticRegression().fit(strange[list(names.values())], strange["churned"])
    plain = LogisticRegression().fit(table[list(names)], table["churned"])
    ask = {"seed": 1, "repeats": 2}
    found = rt.signals.model_drivers(model, given, families={"x": list(names.values())}, **ask)
    expected = rt.signals.model_drivers(plain, table, families={"x": list(names)}, **ask)
    assert Engine(kind).read(found)["auc"][0] == expected["auc"][0]
    screen = Engine(kind).read(rt.signals.feature_screen(given, features=["a.b", "*"]))
    assert screen["feature"].tolist() == ["a.b", "*"]
    with pytest.raises(
        rt.errors.ColumnError, match="features names 'a.c', which is not a column. There is"
    ):
        rt.signals.feature_screen(given, features=["a.c"])


def test_families_that_make_no_sense_are_refused_and_the_advice_holds(fitted):
    """Columns named twice, unknown, not of the model; models without names; one class alone."""
    table = snapshots(60).assign(e=1.0)
    ask = rt.signals.model_drivers
    with pytest.raises(rt.errors.ColumnError, match="'a' stands in 'x' and in 'y'. Name it once"):
        ask(fitted, table, families={"x": ["a", "b"], "y": ["a"]}, seed=1)
    with pytest.raises(rt.errors.ColumnError, match="'e' is none of the columns that the model"):
        ask(fitted, table, families={"x": "e"}, seed=1)
    with pytest.raises(rt.errors.ColumnError, match="families names 'z'"):
        ask(lambda rows: rows["a"], table, families={"x": "z"}, seed=1)
    with pytest.raises(rt.errors.ColumnError, match="'churned', which says who"):
        ask(fitted, table, families={"x": "churned"}, seed=1)
    with pytest.raises(rt.errors.ColumnError, match="name at least one column"):
        ask(fitted, table, families={"x": []}, seed=1)
    for wrong in ({}, ["a"], None):
        with pytest.raises(rt.errors.RetentionError, match="which columns belong together"):
            ask(fitted, table, families=wrong, seed=1)
    nameless = LogisticRegression().fit(table[["a"]].to_numpy(), table["churned"])
    with pytest.raises(rt.errors.RetentionError, match="Fit it on a table with named columns"):
        ask(nameless, table, families={"x": "a"}, seed=1)
    named = LogisticRegression().fit(table[["a"]], table["churned"])
    assert ask(named, table, families={"x": "a"}, seed=1)["n_features"].tolist() == [1]
    with pytest.raises(rt.errors.RetentionError, match="the model must be a fitted classifier"):
        ask("model", table, families={"x": "a"}, seed=1)
    with pytest.raises(rt.errors.RetentionError, match="refused the rows"):
        ask(LogisticRegression(), table, families={"x": "a"}, seed=1)
    with pytest.raises(rt.errors.ContentError, match="no score"):
        ask(lambda rows: rows["a"].where(rows["a"] > 0), table, families={"x": "a"}, seed=1)
    for churned, why in ((np.nan, "no label is known"), (1.0, "all labels are alike")):
        with pytest.raises(rt.errors.ContentError, match=why):
            ask(fitted, table.assign(churned=churned), families={"x": "a"}, seed=1)
    for wrong in ({"repeats": 1}, {"seed": -1}, {"seed": None}, {"level": 1}):
        with pytest.raises(rt.errors.RetentionError, match=next(iter(wrong))):
            ask(fitted, table, families={"x": "a"}, **{"seed": 1, **wrong})
