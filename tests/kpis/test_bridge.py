"""Bridges of churn and target customers: twins in fractions, the identity, the named reversal."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.kpis.churn.bridge import churn_bridge, target_customers
from shops import orders

EFFECTS = ["rate_effect", "mix_effect", "new_effect", "gone_effect"]
REGIONS = ("north", "south", "west")
JANUARY = "2024-01-01"
ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def contracts_shop(before, after):
    """Activity of contracts: how many each segment has and loses, in January and in February.

    Who stays in January is there in February; newcomers fill up what February has more.
    """
    rows = []
    for place, segment in enumerate(sorted({*before, *after})):
        n, left = before.get(segment, (0, 0))
        m, gone = after.get(segment, (0, 0))
        stay = n - left
        assert m >= stay, "who stays is there in February"
        for number in range(n):
            end = "2024-01-15" if number < left else None
            rows.append([f"{place}-{number}", JANUARY, end, segment])
        rows += [
            [f"{place}-new-{number}", "2024-02-01", None, segment] for number in range(m - stay)
        ]
        there = [row for row in rows if row[3] == segment and row[2] is None]
        for row in there[:gone]:
            row[2] = "2024-02-15"
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "region"])
    frame = frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]))
    return rt.contract_periods(frame, freq="month", as_of="2024-02-29", by="region")


def naive_home(rows, by, overlap):
    """The segments that each customer counts in, in each period: the definition in loops."""
    segment = lambda row: tuple(row[name] for name in by)  # noqa: E731
    bought = {}
    for row in rows:
        cell = bought.setdefault((row["customer_id"], row["step"], segment(row)), [False, 0])
        cell[0] |= row["active"]
        cell[1] += Fraction(row["sales"])
    there = {}
    for (customer, step, part), (active, sales) in bought.items():
        if active:
            there.setdefault((customer, step), []).append((-sales, part))
    if overlap == "main":
        return {key: [min(parts)[1]] for key, parts in there.items()}
    if overlap == "first":
        began = {}
        for customer, step in there:
            began[customer] = min(step, began.get(customer, step))
        return {(c, s): [min(there[c, began[c]])[1]] for c, s in there}
    return {key: [part for _, part in parts] for key, parts in there.items()}


def naive_counts(home, step, lag):
    """Base and churned of each segment in a period."""
    counts = {}
    for (customer, when), parts in home.items():
        for part in parts if when == step else ():
            n, x = counts.get(part, (0, 0))
            counts[part] = (n + 1, x + ((customer, step + lag) not in home))
    return counts


def naive_effects(before, after):
    """The parts of each segment in fractions, as the formula says them; None without customers."""
    totals, sizes = [], []
    for counts in (before, after):
        sizes.append(sum(n for n, _ in counts.values()))
        if not sizes[-1]:
            return None
        totals.append(Fraction(sum(x for _, x in counts.values()), sizes[-1]))
    c = (totals[0] + totals[1]) / 2
    found = {}
    for part in {*before, *after}:
        (n0, x0), (n1, x1) = before.get(part, (0, 0)), after.get(part, (0, 0))
        w0, w1 = Fraction(n0, sizes[0]), Fraction(n1, sizes[1])
        if n0 and n1:
            r0, r1 = Fraction(x0, n0), Fraction(x1, n1)
            found[part] = ((w0 + w1) / 2 * (r1 - r0), (w1 - w0) * ((r0 + r1) / 2 - c), 0, 0)
        elif n1:
            found[part] = (0, 0, w1 * (Fraction(x1, n1) - c), 0)
        else:
            found[part] = (0, 0, 0, -w0 * (Fraction(x0, n0) - c))
    assert sum(sum(parts) for parts in found.values()) == totals[1] - totals[0]
    return found


line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee", "Eve"]),
    st.dates(pd.Timestamp(JANUARY).date(), pd.Timestamp("2024-05-31").date()),
    st.integers(-2, 6),
    st.sampled_from(REGIONS),
    st.sampled_from(["shop", "web"]),
)


def assert_bridge(activity, found, by, overlap, apart, lag):
    """The bridge, read as pandas, has the counts and effects of the definition."""
    home = naive_home(activity.to_dict("records"), by, overlap)
    for step, rows in found.groupby("step"):
        before, after = (naive_counts(home, when, lag) for when in (step - apart, step))
        effects = naive_effects(before, after)
        firm = [len([1 for _, when in home if when == s]) for s in (step - apart, step)]
        for row in rows.to_dict("records"):
            part = tuple(row[name] for name in by)
            assert (row["n_base_before"], row["n_churned_before"]) == before.get(part, (0, 0))
            assert (row["n_base_after"], row["n_churned_after"]) == after.get(part, (0, 0))
            assert [row["firm_n_base_before"], row["firm_n_base_after"]] == firm
            mine = [row[name] for name in EFFECTS]
            if effects is None:
                assert np.isnan([*mine, row["effect"]]).all()
            else:
                expected = effects.get(part, (0, 0, 0, 0))
                assert mine == pytest.approx([float(value) for value in expected], abs=1e-14)
                assert row["effect"] == pytest.approx(float(sum(expected)), abs=1e-14)
        assert set(before) | set(after) <= {tuple(row) for row in rows[by].values}


asked = {
    "lines": st.lists(line, min_size=5, max_size=40),
    "by": st.sampled_from([["region"], ["region", "channel"]]),
    "apart": st.sampled_from([1, 2]),
    "lag": st.sampled_from([1, 2]),
}


def crowded():
    """Sixty customers who buy here and there, some days only return, in five months."""
    rng = np.random.default_rng(4)
    day = pd.Timestamp(JANUARY) + pd.to_timedelta(rng.integers(0, 152, 300), unit="D")
    frame = pd.DataFrame({
        "customer_id": np.char.add("c", rng.integers(0, 60, 300).astype(str)),
        "date": day.astype("datetime64[us]"),
        "sales": rng.integers(-2, 6, 300).astype(float),
        "region": rng.choice(REGIONS, 300),
        "channel": rng.choice(["shop", "web"], 300),
    })  # fmt: skip
    return pd.concat([orders(("c1", JANUARY, 1)).assign(region="north", channel="web"), frame])


def test_agrees_with_the_definition_on_every_engine(engine):
    """Counts are exact and effects are those of the formula, for every overlap."""
    both = ["region", "channel"]
    say = {"freq": "month", "as_of": "2024-05-31", "by": both}
    activity = rt.customer_periods(engine.table(crowded()), **say)
    for by, overlap in ((both, "pairs"), (both, "main"), (["region"], "first")):
        answer = churn_bridge(activity, by=by, overlap=overlap, apart=2)
        assert engine.is_mine(answer)
        assert_bridge(engine.read(activity), engine.read(answer), by, overlap, 2, 1)


@ignore_silence
@settings(max_examples=at_most(10))
@given(overlap=st.sampled_from(["pairs", "main", "first"]), **asked)
def test_agrees_with_the_definition_in_fractions(lines, by, overlap, apart, lag):
    """The same on more shops, with many ties, in pandas."""
    frame = orders(("Ann", JANUARY, 1, "north", "web"), *lines, columns=("region", "channel"))
    activity = rt.customer_periods(
        frame, freq="month", as_of="2024-05-31", by=["region", "channel"]
    )
    answer = churn_bridge(activity, by=by, overlap=overlap, apart=apart, lag=lag)
    assert_bridge(activity, answer, by, overlap, apart, lag)


def test_the_parts_sum_to_the_change_of_the_total_and_of_the_firm():
    """Segment by segment and for pairs of segments: nothing is left over."""
    company = rt.sample_company(400, seed=3).orders
    activity = rt.customer_periods(
        company, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01",
        by=["region", "channel"],
    )  # fmt: skip
    rates = rt.retention_rate(activity).set_index("step")["churn_rate"]
    for by in ("region", ["region", "channel"]):
        for overlap in ("pairs", "main", "first"):
            found = churn_bridge(activity, by=by, overlap=overlap, apart=4).groupby("step")
            total, firm = found["total_change"].first(), found["firm_change"].first()
            np.testing.assert_allclose(found["effect"].sum(), total, atol=1e-14)
            left = found["overlap_effect"].first()
            np.testing.assert_allclose(found["effect"].sum() + left, firm, atol=1e-14)
            assert (left == 0).all() == (overlap != "pairs")
            np.testing.assert_allclose(firm, (rates - rates.shift(4)).dropna(), atol=1e-14)


def test_segments_that_are_fixed_for_a_customer_are_not_refused_and_add_up():
    """Where everybody has one region, all four ways to deal with overlap agree."""
    company = rt.sample_company(300, seed=3).orders
    home = company.groupby("customer_id")["region"].transform("first")
    activity = rt.customer_periods(
        company.assign(region=home), by="region", freq="quarter", as_of="2024-12-31",
        observed_from="2022-01-01",
    )  # fmt: skip
    tables = [
        churn_bridge(activity, by="region", overlap=overlap).drop(columns="overlap")
        for overlap in ("error", "pairs", "main", "first")
    ]
    for other in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], other)
    sums = tables[0].groupby("step")["n_base_after"].sum().tolist()
    assert sums == rt.retention_rate(activity)["n_base"].tolist()[1:]


def test_who_buys_in_two_regions_is_refused_unless_one_says_where_they_count():
    """Ann buys most in the south, first in the north; as pairs she counts twice, Bob once."""
    frame = orders(
        ("Ann", JANUARY, 5, "north"), ("Bob", JANUARY, 5, "north"),
        ("Ann", "2024-02-01", 1, "north"), ("Ann", "2024-02-01", 9, "south"),
        ("Bob", "2024-02-01", 1, "north"), ("Bob", "2024-03-31", 1, "north"),
        columns=("region",),
    )  # fmt: skip
    activity = rt.customer_periods(frame, freq="month", as_of="2024-03-31", by="region")
    refusal = r"the 2 customers of the period from 2024-02-01 stand 3 times .*overlap='main'"
    with pytest.raises(rt.ContentError, match=refusal):
        churn_bridge(activity, by="region")
    shown = ["n_base_after", "n_churned_after"]
    said = {
        overlap: churn_bridge(activity, by="region", overlap=overlap)[shown].values.tolist()
        for overlap in ("main", "first", "pairs")
    }
    assert said == {"main": [[1, 0], [1, 1]], "first": [[2, 1]], "pairs": [[2, 1], [1, 1]]}
    pairs = churn_bridge(activity, by="region", overlap="pairs").iloc[0]
    assert (pairs["total_rate_after"], pairs["firm_rate_after"]) == (2 / 3, 1 / 2)
    assert pairs["overlap_effect"] == pytest.approx(1 / 2 - 2 / 3)


def test_a_simpson_reversal_is_named():
    """North 80 % → 90 %, south 10 % → 20 %, and the total falls: most are now in the south."""
    before = {"north": (50, 40), "south": (10, 1)}
    after = {"north": (10, 9), "south": (50, 10)}
    found = churn_bridge(contracts_shop(before, after), by="region")
    assert found["rate_change"].tolist() == pytest.approx([0.1, 0.1])
    assert found["total_change"].tolist() == pytest.approx([19 / 60 - 41 / 60] * 2)
    assert found["simpson"].tolist() == ["all up, total down"] * 2
    assert (found["rate_effect"] > 0).all()
    assert found["mix_effect"].sum() < 0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"n": (10, 1), "s": (10, 9)}, {"n": (9, 0), "s": (90, 72)}, "all down, total up"),
        ({"n": (10, 2), "s": (10, 4)}, {"n": (10, 3), "s": (10, 5)}, "none"),
        # South stands still, so that not all have moved.
        ({"n": (10, 1), "s": (10, 8)}, {"n": (50, 6), "s": (10, 8)}, "none"),
        # Only north is in both: there is nothing to reverse.
        ({"n": (10, 1)}, {"n": (10, 2), "s": (90, 0)}, "none"),
        # New segments do not hide that all others moved one way.
        (
            {"n": (4, 1), "s": (4, 1)},
            {"n": (5, 2), "s": (5, 2), "w": (90, 0)},
            "all up, total down",
        ),
    ],
)
def test_what_is_a_reversal_and_what_is_not(before, after, said):
    """All segments in both periods, two or more, must move, and the total the other way."""
    assert set(churn_bridge(contracts_shop(before, after), by="region")["simpson"]) == {said}


def test_new_and_gone_segments():
    """West is new with 2 of 4, south is gone with 1 of 2: w1 (r1 − c) and −w0 (r0 − c)."""
    found = churn_bridge(
        contracts_shop({"north": (2, 0), "south": (2, 2)}, {"north": (4, 1), "west": (4, 4)}),
        by="region",
    ).set_index("region")
    c = (Fraction(1, 2) + Fraction(5, 8)) / 2
    assert found["presence"].to_dict() == {"north": "both", "south": "gone", "west": "new"}
    assert found.loc["west", "new_effect"] == float(Fraction(1, 2) * (1 - c))
    assert found.loc["south", "gone_effect"] == float(-Fraction(1, 2) * (1 - c))
    assert np.isnan(found.loc["west", "churn_rate_before"])
    assert found["effect"].sum() == pytest.approx(1 / 8, abs=1e-15)


def test_a_period_without_customers_has_no_effects():
    """In February nobody bought: rates are null, and so is what made them change."""
    frame = orders(
        ("Ann", JANUARY, 1, "north"), ("Bob", "2024-03-01", 1, "south"),
        ("Bob", "2024-04-30", 1, "south"), columns=("region",),
    )  # fmt: skip
    found = churn_bridge(
        rt.customer_periods(frame, freq="month", as_of="2024-04-30", by="region"), by="region"
    )
    assert found[[*EFFECTS, "effect", "total_change"]].isna().all(axis=None)
    assert found["n_base_before"].tolist() == [1, 0, 0, 0]


def test_a_segment_that_churns_as_the_total_does_has_no_mix_effect():
    """Only a segment unlike the rest moves the total by growing."""
    found = churn_bridge(
        contracts_shop({"n": (2, 1), "s": (2, 1)}, {"n": (4, 2), "s": (8, 4)}), by="region"
    )
    assert found["mix_effect"].tolist() == [0.0, 0.0]
    assert found["share_after"].tolist() == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("target", "rest", "difference", "lower", "upper"),
    [
        ((56, 70), (48, 80), 0.2, 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.6, 0.1705, 0.8090),
        ((6, 7), (2, 7), 4 / 7, 0.0582, 0.8062),
        ((5, 56), (0, 29), 5 / 56, -0.0381, 0.1926),
    ],
)
def test_agrees_with_newcombe_1998_table_2(target, rest, difference, lower, upper):
    """Method 10 of Newcombe, Statistics in Medicine 17, 873, to the last printed digit."""
    lines = []
    for name, (left, n) in {"wanted": target, "other": rest}.items():
        lines += [(f"{name}{i}", JANUARY, 1, name) for i in range(n)]
        lines += [(f"{name}{i}", "2024-02-01", 1, name) for i in range(left, n)]
    lines.append(("late", "2024-02-29", 1, "other"))
    activity = rt.customer_periods(
        orders(*lines, columns=("kind",)), freq="month", as_of="2024-02-29", by="kind"
    )
    found = target_customers(activity, target={"kind": "wanted"}).iloc[0]
    assert (found["n_target_churned"], found["n_target"]) == target
    assert (found["n_rest_churned"], found["n_rest"]) == rest
    assert found["difference"] == pytest.approx(difference)
    bounds = found[["difference_lower", "difference_upper"]].tolist()
    assert bounds == pytest.approx([lower, upper], abs=5.1e-5)


def naive_groups(rows, target, top, attributes):
    """Which group each customer is in, in each period: the definition in loops."""
    there = {}
    for row in rows:
        if row["active"]:
            there.setdefault((row["customer_id"], row["step"]), []).append(row)
    groups = {}
    if isinstance(target, str):
        # Net sales of the period, also of segments in which the customer only returned something.
        money = {
            key: sum(Fraction(r[target]) for r in rows if (r["customer_id"], r["step"]) == key)
            for key in there
        }
        for customer, step in there:
            others = [worth for (_, when), worth in money.items() if when == step]
            above = sum(worth > money[customer, step] for worth in others)
            inside = above < Fraction(str(top)) * len(others)
            groups[customer, step] = "target" if inside else "rest"
        return groups
    ((name, value),) = target.items()
    for (customer, step), parts in there.items():
        values = (
            [row[name] for row in parts] if attributes is None else attributes.get(customer, [])
        )
        unknown = not values or "(missing)" in values
        inside = value in values
        groups[customer, step] = "target" if inside else "unknown" if unknown else "rest"
    return groups


TARGETS = ("sales", {"region": "north"}, {"won_by": "friend"})


def assert_groups(activity, found, lag, *told):
    """The answer, read as pandas, has the groups and counts of the definition."""
    groups = naive_groups(activity.to_dict("records"), *told)
    for row in found.to_dict("records"):
        for group in ("target", "rest", "unknown"):
            mine = [c for (c, s), g in groups.items() if (s, g) == (row["step"], group)]
            left = [c for c in mine if (c, row["step"] + lag) not in groups]
            assert (row[f"n_{group}"], row[f"n_{group}_churned"]) == (len(mine), len(left))
            if group != "unknown" and mine:
                assert row[f"{group}_churn_rate"] == pytest.approx(len(left) / len(mine))


def asked_of(target, top, won):
    """The keywords of target_customers for a target, and each customer's attributes."""
    if isinstance(target, str):
        return {"target": target, "top": top}, None
    if "won_by" not in target:
        return {"target": target}, None
    attributes = {}
    for customer, how in won:
        attributes.setdefault(customer, []).append(how or "(missing)")
    table = pd.DataFrame(won, columns=["customer_id", "won_by"])
    return {"target": target, "customers": table}, attributes


wanted = {
    "lines": st.lists(line, min_size=5, max_size=40),
    "top": st.sampled_from([0.1, 0.2, 0.5]),
    "lag": st.sampled_from([1, 2]),
    "won": st.lists(
        st.tuples(st.sampled_from(["Bob", "Cem", "Dee"]), st.sampled_from(["friend", "ad", None])),
        max_size=5,
    ),
}


def test_target_customers_on_every_engine(engine):
    """By money with ties, by segment and by attribute, the groups and their counts are exact."""
    say = {"freq": "month", "as_of": "2024-05-31", "by": "region"}
    activity = rt.customer_periods(engine.table(crowded()), **say)
    won = [(f"c{i}", ("friend", "ad", None)[i % 3]) for i in range(50)]
    won += [(f"c{i}", "ad") for i in range(0, 50, 7)]
    for target in TARGETS:
        keywords, attributes = asked_of(target, 0.2, won)
        if "customers" in keywords:
            keywords["customers"] = engine.table(keywords["customers"])
        answer = target_customers(activity, **keywords)
        assert engine.is_mine(answer)
        read = engine.read(activity), engine.read(answer)
        assert_groups(*read, 1, target, 0.2, attributes)


@ignore_silence
@settings(max_examples=at_most(10))
@given(target=st.sampled_from(TARGETS), **wanted)
def test_target_customers_agree_with_the_definition_in_sets(lines, target, top, lag, won):
    """The same on more shops, in pandas."""
    frame = orders(("Ann", JANUARY, 1, "north", "web"), *lines, columns=("region", "channel"))
    activity = rt.customer_periods(frame, freq="month", as_of="2024-05-31", by="region")
    say, attributes = asked_of(target, top, [("Ann", "friend"), *won])
    answer = target_customers(activity, lag=lag, **say)
    assert_groups(activity, answer, lag, target, top, attributes)


def test_groups_sum_to_the_firm():
    """Target customers, the rest and the unknown are the customers of retention_rate."""
    activity = rt.customer_periods(
        rt.sample_company(300, seed=5).orders, freq="quarter", as_of="2024-12-31",
        observed_from="2022-01-01", by="channel",
    )  # fmt: skip
    firm = rt.retention_rate(activity)
    channel = sorted(set(activity["channel"]))[0]
    for say in ({"target": "profit", "top": 0.1}, {"target": {"channel": channel}}):
        found = target_customers(activity, **say)
        people = found["n_target"] + found["n_rest"] + found["n_unknown"]
        left = found["n_target_churned"] + found["n_rest_churned"] + found["n_unknown_churned"]
        assert people.tolist() == firm["n_base"].tolist()
        assert left.tolist() == (firm["n_base"] - firm["n_retained"]).tolist()


def test_seven_in_a_hundred_are_seven():
    """0.07 · 100 is a little more than 7 in a computer, and still seven customers; ties come in."""
    assert 0.07 * 100 > 7
    worth = [1000 - place for place in range(100)]
    for sales, n in ((worth, 7), ([*worth[:7], worth[6], *worth[8:]], 8)):
        lines = [(f"c{place:02}", JANUARY, each) for place, each in enumerate(sales)]
        frame = orders(*lines, ("late", "2024-02-29", 1))
        activity = rt.customer_periods(frame, freq="month", as_of="2024-02-29")
        assert target_customers(activity, target="sales", top=0.07)["n_target"].tolist() == [n]


def test_profit_that_is_not_known_places_nobody():
    """Without profit all are unknown, and no rate is made up."""
    activity = rt.customer_periods(
        orders(("Ann", JANUARY, 1), ("Bob", JANUARY, 1), ("Ann", "2024-02-29", 1)),
        freq="month", as_of="2024-02-29",
    )  # fmt: skip
    found = target_customers(activity, target="profit", top=0.5).iloc[0]
    assert (found["n_target"], found["n_rest"], found["n_unknown"]) == (0, 0, 2)
    assert found[["target_churn_rate", "rest_churn_rate", "difference", "ratio"]].isna().all()


def small():
    """Ann stays, Bob leaves; both in the north."""
    frame = orders(
        ("Ann", JANUARY, 1, "north"), ("Bob", JANUARY, 1, "north"),
        ("Ann", "2024-02-29", 1, "north"), columns=("region",),
    )  # fmt: skip
    return rt.customer_periods(frame, freq="month", as_of="2024-02-29", by="region")


@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"by": ()}, "churn_bridge needs by="),
        ({"by": "regio"}, "by names 'regio', which is not a column. Did you mean 'region'"),
        ({"by": "region", "overlap": "both"}, "overlap must be one of 'error', 'pairs'"),
        ({"by": "region", "apart": 0}, "apart must be a whole number of periods, 1 or more; got 0"),
        ({"by": "region"}, r"apart=1 compares two of at least 2 base periods; the activity has 1"),
        ({"by": "region", "lag": 0}, "lag must be a whole number of periods"),
        ({"by": "region", "level": 95}, "level must lie between 0 and 1"),
    ],
)
def test_the_bridge_refuses_in_the_users_words(say, message):
    """Each wrong argument gets one sentence."""
    with pytest.raises(rt.RetentionError, match=message):
        churn_bridge(small(), **say)


def test_a_segment_may_not_be_named_like_a_column_of_the_bridge():
    """Two columns of one name would be one."""
    named = contracts_shop({"n": (2, 1)}, {"n": (2, 1)}).rename(columns={"region": "presence"})
    with pytest.raises(rt.ColumnError, match="by: 'presence' is a name that answers use"):
        churn_bridge(named, by="presence")


@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"target": "sales"}, r"target='sales' needs top=, .* such as 0.1; got None"),
        ({"target": "sales", "top": 10}, "between 0 and 1, such as 0.1; got 10"),
        ({"target": "revenue", "top": 0.1}, "target must be one of 'sales', 'profit'"),
        ({"target": {}}, "target is empty"),
        ({"target": {"region": "north"}, "top": 0.1}, "top= goes with target='sales' or 'profit'"),
        ({"target": {"regio": "north"}}, "'regio', which is not a column"),
        (
            {"target": {"region": "nort"}},
            "No customer of a base period has region = nort. There is: region has 'north'",
        ),
        (
            {"target": {"won": "ad"}, "customers": pd.DataFrame({"customer_id": ["Ann"]})},
            "target names 'won', which is not a column",
        ),
        (
            {"target": {"won": "ad"}, "customers": pd.DataFrame({"customer_id": [1], "won": "ad"})},
            "Give both the same type",
        ),
        (
            {"target": "sales", "top": 0.5, "customers": pd.DataFrame({"customer_id": ["Ann"]})},
            "customers= goes with target=",
        ),
    ],
)
def test_target_customers_refuses_in_the_users_words(say, message):
    """Each wrong argument gets one sentence, a misspelt value with the values there are."""
    with pytest.raises(rt.RetentionError, match=message):
        target_customers(small(), **say)
