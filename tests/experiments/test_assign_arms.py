"""assign_arms: golden values on every engine, a slow twin, balance, order, salts, refusals."""

from __future__ import annotations

from hashlib import sha256
from math import ceil, floor
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.experiments.arms.assign_arms import unit_hashes
from retention.tables import ASSIGNMENT, require

HALVES = {"control": 0.5, "offer": 0.5}
SPRING = {"arms": HALVES, "salt": "spring-offer", "assigned": "2024-05-01"}
ROLLING = {**SPRING, "method": "rolling"}
LISTED = {**SPRING, "method": "list"}


def people(ids, **columns):
    """A table of customers."""
    return pd.DataFrame({"customer_id": ids, **columns})


def arms_by_id(table):
    """The arm of each customer."""
    return dict(zip(table["customer_id"].tolist(), table["arm"].tolist(), strict=True))


def u_of(salt, text):
    """The hash as the docstring defines it."""
    return int.from_bytes(sha256(f"{salt}\x1f{text}".encode()).digest()[:8], "big") / 2**64


def naive_list(customers, shares, salt):
    """Arms by sorting and counting: (id, stratum) to (arm), a stratum at a time."""
    found = {}
    for stratum in {s for _, s in customers}:
        queue = sorted((u_of(salt, i), str(i), i) for i, s in customers if s == stratum)
        quotas = {arm: floor(len(queue) * share + 1e-9) for arm, share in shares.items()}
        odd = len(queue) - sum(quotas.values())
        points = [u_of(f"{salt}|rest", stratum) + j for j in range(odd)]
        start = 0.0
        for arm in sorted(shares):
            stop = start + max(len(queue) * shares[arm] - quotas[arm], 0)
            last = arm == max(shares)
            quotas[arm] += sum(
                start <= point < stop or (last and point >= stop) for point in points
            )
            start = stop
        for arm in sorted(shares):
            for _ in range(quotas[arm]):
                found[queue.pop(0)[2]] = arm
    return found


def test_golden_numbers():
    """Of the experiment "spring-offer": they stay what they are for ever."""
    found = unit_hashes(["C000001", "C000002", 1], "spring-offer").tolist()
    assert found == [0.8196943429905417, 0.5513832125172586, 0.4666094571028513]
    assert unit_hashes(["", "Zoë", -7], "spring-offer").tolist() == [
        u_of("spring-offer", text) for text in ("", "Zoë", "-7")
    ]


@pytest.mark.parametrize("ids", [range(1, 9), [str(i) for i in range(1, 9)]], ids=["int", "text"])
def test_every_engine_gives_the_golden_arms(engine, ids):
    """Whole numbers and their texts alike; rows in any order; the same kind of table."""
    region = ["N", "N", "N", None, "S", "S", "S", "S"]
    table = engine.table(people(ids, region=region).sample(frac=1, random_state=3))
    listed = rt.experiments.assign_arms(table, **LISTED, strata="region")
    assert engine.is_mine(listed)
    assert list(require(listed, ASSIGNMENT).collect_schema())[:5] == [*ASSIGNMENT.names][:5]
    read = engine.read(listed, order=["customer_id"])
    assert read["customer_id"].tolist() == list(ids)
    assert read["arm"].tolist() == GOLDEN_LIST
    assert read["stratum"].tolist() == ["N", "N", "N", "(missing)", "S", "S", "S", "S"]
    assert read["assigned"].astype(str).unique().tolist() == ["2024-05-01"]
    rolling = engine.read(rt.experiments.assign_arms(table, **ROLLING), order=["customer_id"])
    assert rolling["arm"].tolist() == GOLDEN_ROLLING
    assert list(rolling.columns) == ["customer_id", "arm", "assigned", "share"]


GOLDEN_LIST = ["offer", "control", "offer", "control", "control", "offer", "offer", "control"]
GOLDEN_ROLLING = ["control", "control", "offer", "control", "offer", "offer", "offer", "offer"]


@given(
    rows=st.lists(st.tuples(st.integers(-50, 50), st.sampled_from("abc")), min_size=1, max_size=30),
    parts=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    salt=st.text(min_size=1, max_size=3).filter(str.strip),
    by_text=st.booleans(),
)
def test_arms_agree_with_their_definition(rows, parts, salt, by_text):
    """Sorted, counted and cut by a loop; and by cumulated shares."""
    lives = {str(i) if by_text else i: stratum for i, stratum in rows}
    shares = {f"arm {k}": part / sum(parts) for k, part in enumerate(parts)}
    told = {"arms": shares, "salt": salt, "assigned": "2024-05-01"}
    table = people(list(lives), plan=list(lives.values()))
    listed = rt.experiments.assign_arms(table, **told, strata="plan", method="list")
    assert arms_by_id(listed) == naive_list(list(lives.items()), shares, salt)
    for stratum, some in listed.groupby("stratum"):
        for arm, share in shares.items():
            n = (some["arm"] == arm).sum()
            assert floor(len(some) * share - 1e-9) <= n <= ceil(len(some) * share + 1e-9), stratum
    rolling = rt.experiments.assign_arms(table, **told, method="rolling")
    ends = np.cumsum(list(shares.values()))
    for who, arm in arms_by_id(rolling).items():
        assert arm == list(shares)[min(int((ends <= u_of(salt, who)).sum()), len(parts) - 1)]


def test_rows_and_arms_in_another_order_change_nothing():
    """Nor does the order in which the arms are said."""
    table = people([f"C{i}" for i in range(50)], plan=list("abcde") * 10)
    first = rt.experiments.assign_arms(table, **LISTED, strata="plan")
    turned = {**LISTED, "arms": dict(reversed(HALVES.items()))}
    again = rt.experiments.assign_arms(table.iloc[::-1], **turned, strata="plan")
    pd.testing.assert_frame_equal(first, again)


def test_shares_hold_over_strata_of_three():
    """Of 30,000 customers in 10,000 strata 50.007 % are in the control; no stratum is off by 1."""
    ids = [f"C{i:06d}" for i in range(30_000)]
    table = people(ids, s=[f"s{i // 3}" for i in range(30_000)])
    found = rt.experiments.assign_arms(table, **{**LISTED, "salt": "exp-1"}, strata="s")
    control = found["arm"] == "control"
    assert control.mean() == pytest.approx(0.50007, abs=5e-6)
    assert set(control.groupby(found["stratum"]).sum()) == {1, 2}
    tenth = {"arms": {"control": 0.1, "offer": 0.9}, "salt": "exp-1", "assigned": "2024-05-01"}
    few = rt.experiments.assign_arms(table, **tenth, strata="s", method="list")
    assert (few["arm"] == "control").mean() == pytest.approx(0.1, abs=0.006)  # not 0


def test_nobody_moves_as_customers_come():
    """A rolling assignment of some is that of all, and so is one day's after another's."""
    everyone = arms_by_id(rt.experiments.assign_arms(people(range(400)), **ROLLING))
    some = arms_by_id(rt.experiments.assign_arms(people(range(0, 400, 3)), **ROLLING))
    assert some.items() <= everyone.items()


def test_two_salts_are_independent_where_crc32_gives_the_same_arms():
    """Of 20,000 customers half agree by SHA-256, all by CRC-32 of "spring" and "summer"."""
    ids = [f"C{i:06d}" for i in range(20_000)]
    arms = {
        salt: rt.experiments.assign_arms(people(ids), **{**ROLLING, "salt": salt})["arm"]
        for salt in ("spring", "summer")
    }
    assert (arms["spring"] == arms["summer"]).mean() == pytest.approx(0.5, abs=0.011)
    cheap = {s: np.array([crc32(f"{s}{i}".encode()) for i in ids]) < 2**31 for s in arms}
    assert (cheap["spring"] == cheap["summer"]).all()


def test_strata_of_two_columns_are_called_by_both():
    """And refused where two of them would be called alike; the advice helps."""
    table = people(range(8), region=list("NNNNSSSS"), vip=[True, False] * 4)
    found = rt.experiments.assign_arms(table, **LISTED, strata=["region", "vip"])
    assert set(found["stratum"]) == {"N / true", "N / false", "S / true", "S / false"}
    assert (found.groupby("stratum")["arm"].nunique() == 2).all()
    table = people([1, 2], a=["x / y", "x"], b=["z", "y / z"])
    with pytest.raises(rt.ContentError, match=r"'x / y / z' alike\. Write ' / ' otherwise"):
        rt.experiments.assign_arms(table, **LISTED, strata=["a", "b"])
    other = table.replace("x / y", "x-y")
    assert len(rt.experiments.assign_arms(other, **LISTED, strata=["a", "b"])) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"arms": {"control": 0.5, "offer": 0.4}}, r"must sum to 1; they sum to 0\.9\.$"),
        ({"arms": {"control": 50, "offer": 50}}, "they sum to 100. Of percent take the hundredth"),
        ({"arms": {"control": 1.0}}, r"two arms or more, .*; got \['control'\]"),
        ({"arms": {}}, "two arms or more"),
        ({"arms": ["control", "offer"]}, r"as in arms=\{'control': 0\.5"),
        ({"arms": {"control": 1.0, "offer": 0}}, "that of 'offer' must be above 0; got 0"),
        ({"arms": {"control": 0.5, "offer": float("nan")}}, "above 0; got nan"),
        ({"arms": {"control": 0.5, "offer": "half"}}, "above 0; got 'half'"),
        ({"arms": {"control": 0.5, " ": 0.5}}, "arms have names, as text; got ' '"),
        ({"salt": " "}, "salt must be the name of the experiment"),
        ({"salt": 7}, "Got 7"),
        ({"assigned": "soon"}, "assigned must be a day such as"),
        ({"assigned": None}, "assigned must be a day such as"),
        ({"method": "random"}, "method must be one of 'list', 'rolling'; got 'random'"),
        ({"method": "rolling", "strata": "plan"}, "Say method='list', or leave strata out"),
        ({"strata": "plans"}, "Did you mean 'plan'"),
        ({"strata": "customer_id"}, "strata names 'customer_id', which is not a column"),
        (
            {"strata": "spent"},
            "strata: column 'spent' holds Float64, not labels.* put it into classes",
        ),
        ({"strata": ["plan", "plan"]}, "names a column twice"),
    ],
)
def test_what_is_no_plan_is_refused(changed, said):
    """Before anybody is put into an arm."""
    table = people([1, 2], plan=["a", "b"], spent=[1.5, 2.5])
    with pytest.raises(rt.RetentionError, match=said):
        rt.experiments.assign_arms(table, **{**LISTED, **changed})
    assert len(rt.experiments.assign_arms(table, **LISTED, strata="plan")) == 2


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (people([1, 2, 2, 3, 3]), "2 customers have several rows, such as 2. Keep one"),
        (people(["a", None, "b"]), "1 row has no customer_id. Leave them out"),
        (people(["a"]).head(0), "customers: the table is empty"),
        (people([1.5, 2.0]), "'customer_id' .* must be text or whole numbers"),
        (pd.DataFrame({"who": [1]}), "Rename"),
    ],
)
def test_what_are_no_customers_is_refused(table, said):
    """A customer twice, nobody, no id, an id that is none."""
    with pytest.raises(rt.RetentionError, match=said):
        rt.experiments.assign_arms(table, **LISTED)


def test_a_method_has_to_be_said():
    """None is better for everybody."""
    with pytest.raises(TypeError, match="'method'"):
        rt.experiments.assign_arms(people([1]), **SPRING)


def test_long_numbers_keep_all_their_digits():
    """Beyond 2^53, where a float would lose them, and as DuckDB's numbers of 128 bits."""
    import duckdb

    ids = [2**53 + 1, 2**53 + 2, 2**62 + 1]
    found = rt.experiments.assign_arms(people(ids), **ROLLING)
    assert found["customer_id"].tolist() == ids
    control = [unit_hashes([i], "spring-offer")[0] < 0.5 for i in ids]
    assert (found["arm"] == "control").tolist() == control
    connection = duckdb.connect()
    wide = connection.sql(f"SELECT unnest({ids})::HUGEINT AS customer_id")
    again = rt.experiments.assign_arms(wide, **ROLLING).df()
    assert again["customer_id"].tolist() == ids
    assert again["arm"].tolist() == found["arm"].tolist()
    huge = connection.sql(f"SELECT {2**70}::HUGEINT AS customer_id")
    with pytest.raises(rt.ColumnError, match=r"beyond 2\^63. Give ids as text"):
        rt.experiments.assign_arms(huge, **ROLLING)
    text = huge.project("customer_id::VARCHAR AS customer_id")
    assert rt.experiments.assign_arms(text, **ROLLING).df()["customer_id"].tolist() == [str(2**70)]
