"""churn_scan: a slow definition, Pearson's χ², what is found where nothing is, refusals."""

from __future__ import annotations

import zlib
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most

COLUMNS = [
    *("condition", "value", "condition_2", "value_2", "n", "n_churned", "churn_rate", "lower"),
    *("upper", "n_rest", "rest_rate", "difference", "difference_lower", "difference_upper"),
    *("expected_rate", "excess", "z", "p_value", "q_value", "differs", "confirmed_n"),
    *("confirmed_rate", "confirmed_lower", "confirmed_upper", "sentence", "reason", "n_tested"),
    *("n_unknown", "against", "fdr"),
]
KEYS = ["condition", "value", "condition_2", "value_2"]


def scan(table, conditions, **asked):
    """The scan of a table whose outcome is `left`, of groups of any size."""
    given = {"outcome": "left", "conditions": conditions, "at_least": 1, **asked}
    return rt.signals.churn_scan(table, **given)


def world(n=600, seed=1, effect=0.0):
    """Customers of three columns whose effects add up; in a pair `effect` more leave."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "plan": rng.choice(["basic", "plus", "top"], n, p=[0.5, 0.3, 0.2]),
            "pays": rng.choice(["card", "bank"], n),
            "area": rng.choice(["north", "south", "west"], n),
        }
    )
    logit = -1 + 1.2 * (table["plan"] == "basic") - 0.8 * (table["pays"] == "bank")
    logit += effect * ((table["plan"] == "top") & (table["area"] == "west"))
    return table.assign(left=rng.random(n) < 1 / (1 + np.exp(-logit)))


THREE = ["plan", "pays", "area"]


def naive_scores(table, conditions, *, pairs, main_effects):
    """U, V and z of every group from a row per customer, by projecting its indicator."""
    y = table["left"].to_numpy(float)
    met = {
        (name, value): (table[name] == value).to_numpy(float)
        for name in conditions
        for value in sorted(set(table[name]))
    }
    design = np.column_stack([np.ones(y.size), *(met.values() if main_effects else ())])
    chance = np.full(y.size, y.mean())
    for _ in range(60):
        weight = chance * (1 - chance)
        predictor = np.log(chance / (1 - chance))
        working = predictor + (y - chance) / weight
        root = np.sqrt(weight)
        effects = np.linalg.lstsq(design * root[:, None], working * root, rcond=1e-9)[0]
        chance = np.clip(1 / (1 + np.exp(-(design @ effects))), 1e-9, 1 - 1e-9)
    weight = chance * (1 - chance)
    groups = (
        {a + b: met[a] * met[b] for a, b in combinations(met, 2) if a[0] != b[0]}
        if pairs
        else {(*a, None, None): m for a, m in met.items()}
    )
    found = {}
    for key, m in groups.items():
        if not m.sum():
            continue
        root = np.sqrt(weight)
        told = design @ np.linalg.lstsq(design * root[:, None], m * root, rcond=1e-9)[0]
        left = (weight * (m - told) ** 2).sum()
        spread = left > 1e-5 * (weight * m).sum()
        z = (m * (y - chance)).sum() / np.sqrt(left) if spread else None
        found[key] = (m.sum(), (m * y).sum(), (m * chance).sum(), z)
    return found


@settings(max_examples=at_most(6))
@given(seed=st.integers(0, 10_000), pairs=st.booleans(), main=st.booleans())
def test_agrees_with_the_definition_row_by_row(seed, pairs, main):
    """Small tables in which pairs are missing and columns nearly tell each other."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.choice(list("abc"), 60) for name in "xyz"})
    table["z"] = np.where(rng.random(60) < 0.7, table["x"], table["z"])
    table["left"] = rng.random(60) < 0.2 + 0.5 * (table["x"] == "a")
    main = main and pairs
    asked = {"depth": 2 if pairs else 1, "against": "main_effects" if main else "rest"}
    found = scan(table, ["x", "y", "z"], **asked)
    expected = naive_scores(table, ["x", "y", "z"], pairs=pairs, main_effects=main)
    rows = {tuple(map(nothing, key)): row for *key, row in keyed(found)}
    assert rows.keys() == expected.keys()
    for key, (n, churned, surely, z) in expected.items():
        row = rows[key]
        assert (row["n"], row["n_churned"]) == (n, churned)
        assert row["n"] * row["expected_rate"] == pytest.approx(surely, rel=1e-5, abs=1e-4)
        assert row["excess"] == pytest.approx(churned - surely, abs=1e-4)
        if z is None:
            assert row["reason"] == "its conditions one by one tell the same"
        elif row["reason"] is None or pd.isna(row["reason"]):
            assert row["z"] == pytest.approx(z, abs=1e-3)


def nothing(value):
    """None for what is missing."""
    return None if pd.isna(value) else value


def keyed(found):
    """Each row with its four keys before it."""
    return [(*(row[key] for key in KEYS), row) for _, row in found.iterrows()]


@pytest.mark.parametrize("depth", [1, 2])
def test_agrees_on_every_engine_with_the_definition_in_pandas(engine, depth):
    """Texts, flags, numbers with gaps; outcomes that are not known; customers held out."""
    rng = np.random.default_rng(5)
    table = world(300, seed=3).assign(
        flag=rng.random(300) < 0.4,
        spent=np.where(rng.random(300) < 0.1, np.nan, rng.gamma(2, 30, 300).round(1)),
        tickets=rng.integers(0, 3, 300),
        left=np.where(rng.random(300) < 0.05, np.nan, rng.integers(0, 2, 300)),
    )
    table.loc[::17, "area"] = None
    asked = {"depth": depth, "holdout": "customers", "at_least": 20}
    conditions = ["plan", "area", "flag", "spent", "tickets"]
    expected = scan(table, conditions, **asked)
    answer = scan(engine.table(table), conditions, **asked)
    assert engine.is_mine(answer)
    found = engine.read(answer)
    assert list(found.columns) == COLUMNS
    order = ["condition", "value", *(["condition_2", "value_2"] if depth == 2 else [])]
    expected, found = (t.sort_values(order, ignore_index=True) for t in (expected, found))
    for name in COLUMNS:
        mine, other = ([nothing(v) for v in t[name].tolist()] for t in (expected, found))
        assert mine == other, name
    assert set(expected["n_unknown"]) == {int(table["left"].isna().sum())}
    values = expected.loc[expected["condition"] == "spent", "value"]
    assert values.str.startswith(("up to", "over", "(missing)")).all()
    assert set(expected.loc[expected["condition"] == "tickets", "value"]) <= {"0", "1", "2"}


def test_z_squared_of_single_conditions_is_pearsons_chi_square():
    """Of the two by two table, without a correction; its p-value too."""
    from scipy.stats import chi2_contingency

    table = world()
    for _, row in scan(table, THREE).iterrows():
        mine = table[row["condition"]] == row["value"]
        found = chi2_contingency(pd.crosstab(mine, table["left"]), correction=False)
        assert row["z"] ** 2 == pytest.approx(found.statistic, rel=1e-9)
        assert row["p_value"] == pytest.approx(found.pvalue, rel=1e-6 if abs(row["z"]) < 2 else 1)
        assert row["difference"] == pytest.approx(row["churn_rate"] - row["rest_rate"])


def test_p_values_are_right_where_few_leave():
    """Of 100 of 5,000, of whom 1 is expected: the hypergeometric law's, not the normal one's."""
    from scipy.stats import hypergeom, norm

    for k in (3, 5, 8):
        group = np.arange(5_000) < 100
        left = np.isin(np.arange(5_000), [*range(k), *range(100, 150 - k)])
        table = pd.DataFrame({"plan": np.where(group, "a", "b"), "left": left})
        row = scan(table, "plan").set_index("value").loc["a"]
        law = hypergeom(5_000, 50, 100)
        exact = law.sf(k) + law.pmf(k) / 2  # nobody can be as far below 1 as that
        assert row["p_value"] == pytest.approx(exact, rel=0.2)
        if k == 5:
            assert row["p_value"] > 20 * 2 * norm.sf(row["z"])


def test_p_values_of_pairs_are_those_of_drawn_outcomes():
    """A pair of two columns in which few leave: how often drawn scores lie as far, by the model."""
    from retention.signals.scan.tail_chances import Score, two_sided_chance

    rng = np.random.default_rng(4)
    n, chance = np.full(40, 25.0), rng.uniform(0.002, 0.02, 40)
    residual = np.where(np.arange(40) < 6, 0.8, -0.1) * rng.uniform(0.5, 1, 40)
    score = Score(n, chance, residual)
    drawn = (rng.binomial(25, chance, (150_000, 40)) - n * chance) @ residual
    for far in (2.5, 3.5):
        value = far * score.variance**0.5
        assert two_sided_chance(score, value) == pytest.approx(
            (np.abs(drawn) >= value).mean(), rel=0.25
        )
    assert two_sided_chance(score, 0.0) == 1
    assert two_sided_chance(score, float(n @ np.abs(residual))) == 0


def test_excess_over_a_partition_sums_to_nothing():
    """Of the conditions of a column, and of a condition's pairs with those of another column."""
    table = world(effect=2.0)
    single = scan(table, THREE)
    assert single.groupby("condition")["excess"].sum().abs().max() < 1e-9
    pairs = scan(table, THREE, depth=2)
    for key in (["condition", "value"], ["condition_2", "value_2"]):
        sums = pairs.groupby([*key, "condition_2" if key[0] == "condition" else "condition"])
        assert sums["excess"].sum().abs().max() < 1e-6


def test_other_words_for_the_same_conditions_change_no_z():
    """Nor does the order of the rows or of the columns, but for which comes first of a pair."""
    table = world(effect=1.0)
    renamed = table.assign(plan=table["plan"].map({"basic": "z", "plus": "(missing)", "top": "a"}))
    shuffled = renamed.sample(frac=1, random_state=1)
    first = scan(table, THREE, depth=2)["z"].to_numpy()
    other = scan(shuffled, THREE[::-1], depth=2)["z"].to_numpy()
    np.testing.assert_allclose(np.sort(first), np.sort(other), atol=1e-7)


def test_a_column_that_is_there_twice_tells_nothing_new():
    """Its pairs with itself are left out with a reason; the others are as before, twice."""
    table = world()
    once = scan(table, ["plan", "pays"], depth=2)
    twice = scan(table.assign(tariff=table["plan"]), ["plan", "tariff", "pays"], depth=2)
    itself = twice[(twice["condition"] == "plan") & (twice["condition_2"] == "tariff")]
    assert set(itself["reason"]) == {"its conditions one by one tell the same"}
    assert itself[["z", "p_value", "q_value"]].isna().all(axis=None)
    assert len(itself) == 3
    rest = twice[twice["reason"].isna()]
    np.testing.assert_allclose(
        np.sort(rest["z"]), np.sort(np.repeat(once["z"].to_numpy(), 2)), atol=1e-7
    )
    assert set(twice["n_tested"]) == {12}


def test_a_pair_is_found_that_says_more_than_its_conditions():
    """Planted; pairs that only add up are not, though nearly all differ from the rest."""
    table = world(4_000, seed=2, effect=2.5)
    found = scan(table, THREE, depth=2, at_least=50)
    first = found.iloc[0]
    assert {first["value"], first["value_2"]} == {"top", "west"}
    assert first["differs"]
    assert first["excess"] > 0
    plain = world(4_000, seed=2)
    assert not scan(plain, THREE, depth=2)["differs"].any()
    assert scan(plain, THREE, depth=2, against="rest")["differs"].mean() > 0.6


def test_chance_findings_are_as_rare_as_is_said():
    """Sixty draws of a world of main effects: p < .05 in 5 of 100 rows, q < .05 nearly never."""
    found, p = [], []
    for seed in range(60):
        answer = scan(world(500, seed=seed), ["plan", "area"], depth=2, at_least=20)
        found.append(answer["differs"].any())
        p += answer["p_value"].tolist()
    assert np.mean(found) <= 0.07
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08


def test_the_best_of_many_is_exaggerated_and_those_held_out_say_so():
    """Nothing matters: the best of fifty conditions, and the same among the others."""
    rng = np.random.default_rng(1)
    best, again = [], []
    for _ in range(8):
        table = pd.DataFrame(rng.integers(0, 2, (500, 25)).astype(str)).add_prefix("x")
        table = table.assign(left=rng.random(500) < 0.3, customer_id=np.arange(500))
        answer = scan(table, list(table.columns[:25]), holdout="customers")
        top = answer.sort_values("churn_rate").iloc[-1]
        best.append(top["churn_rate"])
        again.append(top["confirmed_rate"])
    assert np.mean(best) > 0.345
    assert abs(np.mean(again) - 0.3) < 0.04


def test_a_fifth_is_held_out_by_the_checksum_of_the_id():
    """Those that `backtest` scores; numbers are cut by the others alone."""
    table = world(400)
    held = table["customer_id"].map(lambda who: zlib.crc32(who.encode()) % 5 == 0)
    found = scan(table, "plan", holdout="customers").set_index("value")
    apart = scan(table[~held], "plan").set_index("value")
    others = table[held].groupby("plan")["left"].agg(["size", "mean"])
    for value in ("basic", "plus", "top"):
        assert found.loc[value, "z"] == apart.loc[value, "z"]
        assert found.loc[value, "confirmed_n"] == others.loc[value, "size"]
        assert found.loc[value, "confirmed_rate"] == pytest.approx(others.loc[value, "mean"])
    spent = pd.DataFrame({"customer_id": table["customer_id"], "left": table["left"]})
    spent["spent"] = np.where(held, 1e6, np.arange(400.0))
    labels = scan(spent, "spent", bins=2, holdout="customers")["value"].tolist()
    assert not any("1,000,000" in label for label in labels)


@pytest.mark.parametrize("bins", [2, 4, 5])
def test_numbers_are_cut_at_numpys_quantiles(bins):
    """As many below each inner quantile, or at it; equal ones make one class."""
    rng = np.random.default_rng(0)
    spent = rng.exponential(50, 97).round()
    table = pd.DataFrame({"spent": spent, "left": rng.random(97) < 0.3})
    cuts = np.unique(np.quantile(spent, np.arange(1, bins) / bins))
    sizes = np.bincount(np.searchsorted(cuts, spent), minlength=cuts.size + 1)
    found = scan(table, "spent", bins=bins)
    assert sorted(found["n"]) == sorted(sizes)
    flat = pd.DataFrame({"spent": [0.0] * 90 + [1.0, 2, 3, 4, 5, 6], "left": [0, 1] * 48})
    assert set(scan(flat, "spent")["value"]) == {"up to 0", "over 0"}
    near = pd.DataFrame({"x": 1e9 + np.arange(8) / 1e4, "left": [0, 1] * 4})
    assert len(set(scan(near, "x")["value"])) == 4


def test_rows_of_person_periods_count_the_time_at_risk():
    """Of spells in one row and of spells that stand for several; plain spells are refused."""
    spells = pd.DataFrame(
        {
            "customer_id": range(8),
            "duration": [1, 2, 2, 3, 1, 4, 4, 4],
            "churned": [True, True, False, True, True, False, True, False],
            "plan": list("aabbbbaa"),
        }
    )
    with pytest.raises(rt.ContentError, match="spells of different lengths, from 1 to 4"):
        rt.signals.churn_scan(spells, outcome="churned", conditions="plan")
    asked = {"outcome": "churned", "conditions": ["plan", "interval"], "at_least": 1}
    periods = rt.survival.person_periods(spells, unit="day", keep="plan")
    found = rt.signals.churn_scan(periods, **asked)
    row = found[found["value"] == "a"].iloc[0]
    assert (row["n"], row["n_churned"]) == (11, 3)
    counted = spells.drop(columns="customer_id").assign(n_spells=2)
    twice = rt.survival.person_periods(counted, unit="day", keep="plan")
    doubled = rt.signals.churn_scan(twice, **asked)
    both = found.merge(doubled, on=["condition", "value"])
    np.testing.assert_allclose(both["z_y"], both["z_x"] * 2**0.5)
    assert both["n_y"].tolist() == (2 * both["n_x"]).tolist()
    same = spells.assign(duration=4)
    assert len(rt.signals.churn_scan(same, outcome="churned", conditions="plan", at_least=1)) == 2


def snapshots(days, window):
    """Two customers on some days, with labels of so many days."""
    rows = [(who, pd.Timestamp(day)) for day in days for who in ("Ann", "Bob")]
    table = pd.DataFrame(rows, columns=["customer_id", "as_of"])
    return table.assign(
        churned=[1.0, 0.0] * len(days),
        label_from=table["as_of"] + pd.Timedelta(days=1),
        label_to=table["as_of"] + pd.to_timedelta(window, unit="D"),
        plan=["a", "b"] * len(days),
    )


def test_snapshots_need_one_window_and_days_that_are_a_window_apart():
    """Else one loss counts twice, or who has longer to leave in seems to be at risk."""
    asked = {"outcome": "churned", "conditions": "plan", "at_least": 1}
    days = ["2024-01-01", "2024-01-31", "2024-03-01"]
    found = rt.signals.churn_scan(snapshots(days, 30), **asked)
    assert found["n"].tolist() == [3, 3]
    with pytest.raises(rt.ContentError, match="2 customers are there on several days, 30 days"):
        rt.signals.churn_scan(snapshots(days, 31), **asked)
    unequal = snapshots(days[:1], [30, 60])
    with pytest.raises(rt.ContentError, match="windows of the label from 30 to 60 days"):
        rt.signals.churn_scan(unequal, **asked)
    bare = snapshots(days, 30).drop(columns=["label_from", "label_to"])
    with pytest.raises(rt.ContentError, match="no window of the label"):
        rt.signals.churn_scan(bare, **asked)
    one = bare[bare["as_of"] == days[0]]
    assert len(rt.signals.churn_scan(one, **asked)) == 2
    nobody_twice = bare.assign(customer_id=range(6))
    assert len(rt.signals.churn_scan(nobody_twice, **asked)) == 2


def test_what_cannot_be_tested_says_why():
    """Few who meet it, few who do not, one outcome alone; a level that tells all."""
    table = world(200)
    few = scan(table, "plan", at_least=70).set_index("value")
    assert few.loc["top", "reason"] == "fewer than 70 meet it"
    assert few.loc["top", "sentence"].endswith("Not tested: fewer than 70 meet it.")
    assert scan(table, "plan", at_least=120).set_index("value")["reason"]["basic"].startswith("few")
    for left in (0, 1):
        alike = scan(table.assign(left=left), ["plan", "pays"], depth=2)
        assert set(alike["reason"]) == {"all have the same outcome"}
        assert alike["excess"].abs().max() < 1e-6
        assert not alike["differs"].any()
    sure = table.assign(left=table["left"] & (table["plan"] != "top"))
    answer = scan(sure, THREE, depth=2)
    told = answer[(answer["value"] == "top") | (answer["value_2"] == "top")]
    assert told["z"].abs().fillna(0).max() < 0.01
    constant = scan(table.assign(plan="one"), "plan")
    assert constant["reason"].tolist() == ["fewer than 1 do not meet it"]
    assert constant["rest_rate"].isna().all()


def test_sentences_say_the_rates_and_what_they_are_held_against():
    """Against the others, against each condition alone; with those held out; by chance."""
    table = world(4_000, seed=2, effect=2.5)
    top = scan(table, THREE)["sentence"]
    assert top[0] == "plan = plus: 21.5% of 1,151 left, of the others 44.2%."
    assert any(text.endswith("no more apart than by chance.") for text in top)
    pair = scan(table, THREE, depth=2, holdout="customers")["sentence"][0]
    assert pair.startswith("plan = top and area = west: ")
    assert " left, by each condition alone " in pair
    assert " held out " in pair


def test_refusals():
    """What cannot be asked is said in the user's words, and its advice works."""
    table = world(120).assign(
        when=pd.Timestamp("2024-01-01"), much=np.where(np.arange(120) == 3, np.inf, 1.0)
    )
    table["answer"] = np.where(table["left"], "Yes", "No")
    wrong = [
        ({"conditions": "paln"}, "conditions.* names 'paln', which is not a column. Did you mean"),
        ({"outcome": "lost"}, "outcome.* names 'lost', which is not a column"),
        ({"outcome": None}, "outcome must name a column"),
        ({"outcome": "answer"}, r"as by customers\['answer'\] == 'Yes' in pandas"),
        ({"conditions": ["plan", "left"]}, "'left' is the outcome itself"),
        ({"conditions": ["plan", "customer_id"]}, "'customer_id' is no condition"),
        ({"conditions": []}, "name at least one column"),
        ({"conditions": ["plan", "plan"]}, "names a column twice"),
        ({"conditions": "when"}, "or make a number of it, such as the days since"),
        ({"conditions": "much"}, "'much' holds an infinite number"),
        ({"conditions": "plan", "depth": 2}, "name another in conditions"),
        ({"depth": 3}, "depth must be 1 .* got 3"),
        ({"against": "main_effects"}, "Say depth=2"),
        ({"against": "all"}, "against must be one of"),
        ({"bins": 1}, "bins must be"),
        ({"at_least": 0}, "at_least must be"),
        ({"fdr": 5}, "such as 0.05 for 5 in 100; got 5"),
        ({"level": 95}, "level must lie between 0 and 1"),
        ({"holdout": "time"}, "holdout must be one of 'customers'"),
    ]
    for change, message in wrong:
        with pytest.raises(rt.RetentionError, match=message):
            scan(table, **{"conditions": ["plan", "pays"], **change})
    yes = table.assign(left=table["answer"] == "Yes")
    assert len(scan(yes, "plan")) == 3


def test_tables_that_cannot_be_scanned_are_refused():
    """Empty, without outcomes, with others than 1 and 0, with customers twice or without an id."""
    table = world(50)
    for wrong, message in [
        (table.head(0), "nobody's outcome is known .*: the table is empty"),
        (table.assign(left=np.nan), "50 outcomes are unknown"),
        (table.assign(left=2), "in 50 rows 'left' is neither 1 nor 0, such as 2"),
        (pd.concat([table, table]), "50 customers have several rows"),
        (table.assign(n_spells=[0] + [1] * 49), "1 row has no 'n_spells' of 1 or more"),
        (table.assign(left=table["left"].astype(object)), r"as by .astype\('boolean'\) of"),
        ([1], "customers must be a pandas"),
    ]:
        with pytest.raises(rt.RetentionError, match=message):
            scan(wrong, "plan")
    with pytest.raises(rt.ColumnError, match="lacks 'customer_id', by which a fifth is held out"):
        scan(table.drop(columns="customer_id"), "plan", holdout="customers")
    held = table["customer_id"].map(lambda who: zlib.crc32(who.encode()) % 5 == 0)
    with pytest.raises(rt.ContentError, match="all whose outcome is known are among the fifth"):
        scan(table[held], ["plan", "pays"], holdout="customers")
    assert scan(table[held], "plan")["confirmed_n"].isna().all()
    gaps = table.assign(customer_id=table["customer_id"].where(table.index > 0))
    with pytest.raises(rt.ContentError, match="some have no 'customer_id'"):
        scan(gaps, "plan", holdout="customers")
    many = pd.DataFrame({"who": [f"w{i}" for i in range(1_200)], "left": [0, 1] * 600})
    with pytest.raises(rt.ContentError, match="that is an identifier"):
        scan(many, "who")


def test_columns_may_be_named_like_those_of_the_answer():
    """Conditions are values here, so no name is taken; whatever engines make of it."""
    table = world(60)
    expected = scan(table, THREE, depth=2, holdout="customers")[["value", "z"]]
    for names in (["value", "n", "a.b"], ["_n", "_left", "_0"], ["_held", "_churned", "_1"]):
        renamed = table.rename(columns=dict(zip(THREE, names, strict=True)))
        found = scan(renamed, names, depth=2, holdout="customers")
        assert set(found["condition"]) | set(found["condition_2"]) == set(names)
        assert found["sentence"].str.startswith(tuple(f"{name} = " for name in names)).all()
        pd.testing.assert_frame_equal(found[["value", "z"]], expected)
