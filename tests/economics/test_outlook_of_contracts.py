"""expected_customers, expected_sales and backtest_outlook of contracts: loops, identities, no's."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.economics.outlook.backtest_outlook import backtest_outlook
from retention.economics.outlook.expected_customers import expected_customers
from retention.economics.outlook.expected_sales import expected_sales
from retention.survival.aft.model import fit_aft

AS_OF = pd.Timestamp("2024-03-31")
ASKED = {"as_of": AS_OF.date(), "freq": "month", "periods": 3}
CLOSES = [1, 31, 62, 92]
"""Days from the last observed one to the openings of April to July."""


def random_spells(seed, n=14, late=False):
    """Some ended, some go on, in two segments, some under observation from 10 January on."""
    draw = np.random.default_rng(seed)
    age = draw.integers(1, 140, n)
    left = draw.random(n) < 0.55
    lasted = np.where(left, draw.integers(1, 140, n) % age + 1, age)
    spells = pd.DataFrame({
        "customer_id": range(n), "start": AS_OF - pd.to_timedelta(age, unit="D"),
        "duration": np.minimum(lasted, age), "churned": left, "plan": draw.choice(["a", "b"], n),
        "fee": draw.choice([0.0, 5.0, 12.5], n), "entry": np.nan, "set_aside": None,
    })  # fmt: skip
    if late:
        entry = (age - 81).astype(float)
        spells["entry"] = np.where(entry > 0, entry, np.nan)
        spells = spells[~(spells["entry"] >= spells["duration"])]
    return spells.reset_index(drop=True)


def naive_chance(lives, a, b):
    """S(b)/S(a) by loops, or None: somebody must have been watched on each day between."""
    entry = [max(e, 0) for e in lives["entry"].fillna(0)]
    rows = list(zip(entry, lives["duration"], lives["churned"], strict=True))
    last = max(d for _, d, _ in rows)
    at_last = [left for e, d, left in rows if e < last <= d]
    until = last if b > last and all(at_last) and a < last else b
    for day in range(max(int(a), 0), int(until)):
        if not any(e <= day < d for e, d, _ in rows):
            return None
    if until > last:
        return None
    chance, steps = 1.0, []
    for u in sorted({d for _, d, left in rows if left and a < d <= b}):
        n = sum(e < u <= d for e, d, _ in rows)
        gone = sum(left and d == u for _, d, left in rows)
        chance *= 1 - gone / n
        steps.append((u, gone, n))
    return chance, steps


def naive_outlook(spells, lives, acquired, fee_of_won, level_z=1.959963984540054):
    """Old, new, beyond, lower, upper of customers (fee 1) or of fees, month by month."""
    rows = []
    for j in (1, 2, 3):
        old = new = beyond = spread = 0.0
        through = {}
        people = [
            (s.duration, s.duration + CLOSES[j], s.fee, 1.0)
            for s in spells.itertuples() if not s.churned
        ]  # fmt: skip
        for a, b, fee, n in people:
            found = naive_chance(lives, a, b)
            if found is None:
                beyond += n * fee
                continue
            old += fee * found[0]
            spread += fee**2 * found[0] * (1 - found[0])
            for step in found[1]:
                through[step] = through.get(step, 0.0) + fee * found[0]
        for t in range(j):
            length, total = CLOSES[t + 1] - CLOSES[t], 0.0
            for day in range(CLOSES[t], CLOSES[t + 1]):
                found = naive_chance(lives, -1, CLOSES[j] - day)
                if found is None:
                    beyond += acquired[t] * fee_of_won / length
                    continue
                total += found[0] / length
                for step in found[1]:
                    add = acquired[t] * fee_of_won * found[0] / length
                    through[step] = through.get(step, 0.0) + add
            new += acquired[t] * fee_of_won * total
            spread += acquired[t] * fee_of_won**2 * total * (1 - total)
        unsure = sum(
            g**2 * d / (n * (n - d)) if n > d else math.nan for (_, d, n), g in through.items()
        )
        half = level_z * math.sqrt(spread + unsure) if math.isfinite(unsure) else math.nan
        rows.append([old, new, beyond, max(old + new - half, 0), old + new + beyond + half])
    return np.array(rows)


CUSTOMERS = ["n_old", "n_new", "n_beyond", "lower", "upper"]
SALES = ["sales_old", "sales_new", "sales_beyond", "lower", "upper"]


def close(found, expected):
    """Alike, bounds that are null with bounds that are."""
    expected[np.isnan(expected[:, 4]), 3] = np.nan
    np.testing.assert_allclose(found.to_numpy(float), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:spells")
@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_loops_over_customers_and_days(seed):
    """Chances, Greenwood's variance and who is beyond, of customers and of fees, by segment."""
    spells = random_spells(seed, late=seed % 2 == 1)
    curve = rt.survival_curve(spells, by="plan" if seed % 4 > 1 else ())
    won = pd.DataFrame({
        "plan": ["a"] * 3 + ["b"] * 3, "period": pd.to_datetime(["2024-04-09", "2024-05-01",
        "2024-06-30"] * 2), "acquired": [4.0, 0, 2.5, 0, 1, 0], "spend": 7.0,
    })  # fmt: skip
    counted = expected_customers(spells, model=curve, acquired=won, by="plan", **ASKED)
    money = expected_sales(spells, model=curve, spend="fee", acquired=won, by="plan", **ASKED)
    for plan, part in spells.groupby("plan"):
        lives = part if seed % 4 > 1 else spells
        acquired = won.loc[won["plan"] == plan, "acquired"].tolist()
        mine = counted[counted["plan"] == plan]
        close(mine[CUSTOMERS], naive_outlook(part.assign(fee=1.0), lives, acquired, 1.0))
        close(money.loc[money["plan"] == plan, SALES], naive_outlook(part, lives, acquired, 7.0))
        unknown = mine["n_beyond"] > 0
        assert mine["n_customers"].isna().tolist() == unknown.tolist()
        whole = (mine["n_old"] + mine["n_new"])[~unknown]
        assert mine.loc[~unknown, "n_customers"].tolist() == pytest.approx(whole.tolist())


def lasting(days, churned):
    """The curve of spells that lasted so long."""
    return rt.survival_curve(pd.DataFrame({"duration": days, "churned": churned}))


def test_a_curve_of_one_keeps_all_and_segments_add_up():
    """Nobody leaves: those open now, and all who are won; one curve for all adds up."""
    spells = random_spells(3, n=60)
    open_now = int((~spells["churned"]).sum())
    kept = expected_customers(spells, model=lasting([999], [False]), acquired=5, **ASKED)
    assert kept["n_customers"].tolist() == pytest.approx([open_now + n for n in (5, 10, 15)])
    assert kept["upper"].tolist() == pytest.approx(kept["lower"].tolist())
    common = lasting([40, 70, 120, 999], [True, True, True, False])
    won = pd.DataFrame({"plan": ["a", "b", "new"], "acquired": [3.0, 4.0, 1.0]})
    parts = expected_customers(spells, model=common, acquired=won, by="plan", **ASKED)
    whole = expected_customers(spells, model=common, acquired=8, **ASKED)
    assert parts["plan"].unique().tolist() == ["a", "b", "new"]
    added = parts.groupby("step")[["n_old", "n_new", "n_customers"]].sum()
    for name in added:
        assert added[name].tolist() == pytest.approx(whole[name].tolist(), rel=1e-12)
    paid = expected_sales(spells, model=common, spend=1.0, acquired=8, **ASKED)
    for one, other in (("sales", "n_customers"), ("lower", "lower"), ("upper", "upper")):
        assert paid[one].tolist() == pytest.approx(whole[other].tolist(), rel=1e-12)
    quarter = {**ASKED, "freq": "quarter", "periods": 1}
    paid = expected_sales(spells, model=common, spend=2.0, acquired=0, **quarter)
    whole = expected_customers(spells, model=common, acquired=0, **quarter)
    assert paid["sales"][0] == pytest.approx(6 * whole["n_customers"][0])


def test_a_formula_s_bounds_are_those_of_its_rate():
    """Exponential: each stays e^(−λt); the error of log λ is 1/√(ends), so of Σ p it is λtΣp/√d."""
    ends = pd.DataFrame({"duration": [50.0] * 40, "churned": [True] * 25 + [False] * 15})
    model = fit_aft(ends, distribution="exponential")
    rate = 25 / 2000
    spells = random_spells(5, n=50)
    n = int((~spells["churned"]).sum())
    ahead = expected_customers(spells, model=model, acquired=0, **ASKED)
    for j, t in enumerate(CLOSES[1:]):
        p = math.exp(-rate * t)
        half = 1.959963984540054 * math.sqrt(n * p * (1 - p) + (n * p * rate * t) ** 2 / 25)
        assert ahead["n_customers"][j] == pytest.approx(n * p, rel=1e-8)
        assert ahead["upper"][j] - n * p == pytest.approx(half, rel=1e-5)
    flat = model.model_copy(update={"status": "flat", "notes": ("It is flat.",)})
    ahead = expected_customers(spells, model=flat, acquired=1, **ASKED)
    assert ahead["bounds"][0] == "none: It is flat."


def test_who_cannot_be_reached_is_counted_and_not_invented():
    """Too old, of no known age, or past an age at which all left: null, from none to all."""
    spells = pd.DataFrame({
        "start": AS_OF - pd.to_timedelta([10, 90, 10], unit="D"), "duration": [10, 90, 10],
        "churned": False, "set_aside": [None, None, "start unknown"],
    })  # fmt: skip
    asked = {**ASKED, "periods": 1, "acquired": 0}
    ahead = expected_customers(spells, model=lasting([99, 99], [False, False]), **asked)
    assert ahead[["n_old", "n_beyond", "lower", "upper"]].to_numpy().tolist() == [[1, 2, 1, 3]]
    assert ahead["n_customers"].isna().all()
    assert ahead["bounds"][0].endswith("beyond it from none to all")
    gone = lasting([30, 30], [True, True])
    ahead = expected_customers(spells.head(1), model=gone, **asked)
    assert ahead["n_customers"][0] == 0
    assert ahead["bounds"][0].startswith("none: all who were watched left at one age")


def test_days_of_grace_are_counted():
    """Seen to go on 7 days ago: those days count; who began within them has begun."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann", "Bob"], "end": pd.NaT,
        "start": AS_OF - pd.to_timedelta([27, 3], unit="D"),
    })  # fmt: skip
    contracts["end"] = pd.to_datetime(contracts["end"])
    spells = rt.contract_spells(contracts, as_of=AS_OF.date(), grace=7)
    assert spells["duration"].tolist() == [20, 0]
    curve = lasting([22, 34, 58, 99], [True, True, True, False])
    ahead = expected_customers(spells, model=curve, acquired=0, **{**ASKED, "periods": 1})
    # Ann was seen at 20 and will be 27 + 31 = 58: ¾ · ⅔ · ½; Bob 34: ¾ · ⅔
    assert ahead["n_customers"][0] == pytest.approx(1 / 4 + 1 / 2)


def test_purchases_and_renewals_by_segment_are_those_of_each_alone():
    """One model for all; each segment as if it were asked alone, and nobody where nobody is."""
    today = pd.DataFrame({
        "customer_id": range(6), "x": [0, 1, 2, 5, 9, 0], "unit": "week", "T": 38.0,
        "t_x": [0.0, 7, 30, 20, 38, 0], "plan": ["a", "b", "a", None, "b", "b"],
    })  # fmt: skip
    model = rt.repeat_buying.fit_mbg_nbd(today)
    asked = {"as_of": "2023-12-31", "freq": "week", "periods": 2}
    won = pd.DataFrame({"plan": ["a", "b", "(missing)"], "acquired": [2, 0, 6]})
    by = expected_customers(today, model=model, acquired=won, by="plan", **asked)
    paid = expected_sales(today, model=model, spend=3.0, acquired=won, by="plan", **asked)
    assert by["plan"].tolist() == ["(missing)", "(missing)", "a", "a", "b", "b"]
    names = ["n_old", "n_new", "n_customers"]
    alone = expected_customers(today[today["plan"] == "a"], model=model, acquired=2, **asked)
    assert by.loc[by["plan"] == "a", names].to_numpy() == pytest.approx(alone[names].to_numpy())
    whole = expected_sales(today, model=model, spend=3.0, acquired=8, **asked)
    assert paid.groupby("step")["sales"].sum().tolist() == pytest.approx(whole["sales"].tolist())
    typed = pd.DataFrame({"plan": ["A", "a", "b", "(missing)"], "acquired": 1})
    with pytest.raises(rt.ContentError, match="the segment 'A', of which there is no customer"):
        expected_customers(today, model=model, acquired=typed, by="plan", **asked)
    years = pd.DataFrame({"duration": [1, 2, 3, 3], "churned": [True, True, False, False],
                          "n_spells": [30, 10, 5, 15], "plan": ["a", "b", "a", "b"]})  # fmt: skip
    renewing = rt.repeat_buying.fit_beta_geometric(years)
    asked = {"as_of": "2024-12-31", "freq": "year", "periods": 2, "acquired": 0}
    parts = expected_customers(years, model=renewing, by="plan", **asked)
    whole = expected_customers(years, model=renewing, **asked)
    added = parts.groupby("step")["n_customers"].sum()
    assert added.tolist() == pytest.approx(whole["n_customers"].tolist())


def random_contracts(seed, n=50):
    """Contracts of a few customers, some of whom pause, and a day after the last observed one."""
    draw = np.random.default_rng(seed)
    start = pd.Timestamp("2023-10-01") + pd.to_timedelta(draw.integers(0, 183, n), unit="D")
    lasted = draw.integers(5, 120, n)
    start = pd.Series(start).where(draw.random(n) < 0.7, start.to_period("M").to_timestamp())
    end = (start + pd.to_timedelta(lasted, unit="D")).where(draw.random(n) < 0.8)
    return pd.DataFrame({
        "customer_id": draw.integers(0, 30, n), "start": start, "end": end,
        "sales": draw.choice([2.0, 3.0], n),
    })  # fmt: skip


def came_by_days(contracts, grace, newcomers):
    """Won, there and paid by days: of February and March, or with grace of the two before."""
    known = [("2024-02-01", "2024-03-01"), ("2024-03-01", "2024-04-01")]
    if grace:
        known = [("2024-01-01", "2024-02-01"), *known[:1]]
    opens = [(pd.Timestamp(a), pd.Timestamp(b)) for a, b in known]
    far = pd.Timestamp("2100-01-01")
    stays = []
    seen = contracts[contracts["start"] <= AS_OF + pd.Timedelta(days=1)]
    for who, rows in seen.assign(end=seen["end"].fillna(far)).groupby("customer_id"):
        for row in rows.sort_values("start").itertuples():
            last = stays[-1] if stays and stays[-1][0] == who else None
            if last and row.start <= last[2] + pd.Timedelta(days=grace):
                stays[-1] = (who, last[1], max(last[2], row.end))
            else:
                stays.append((who, row.start, row.end))
    found = []
    for a, b in opens:
        new = [s for s in stays if a <= s[1] < b]
        there = [s for s in stays if s[1] < b < s[2]]
        if newcomers == "left_out":
            new, there = [], [s for s in there if s[1] < opens[0][0]]
        found.append([len(new), len(there)])
    return found


@pytest.mark.parametrize("seed", range(3))
def test_what_became_of_contracts_agrees_with_days(seed):
    """Who was won, and who was there at the close, with and without a pause that counts as none."""
    contracts = random_contracts(seed)
    grace = 9 * (seed % 2)
    newcomers = "left_out" if seed == 2 else "as_came"
    table = backtest_outlook(
        contracts, fit=lambda _: lasting([999] * 9, [False] * 9), spend=None,
        as_of=AS_OF.date(), freq="month", periods=2, grace=grace, newcomers=newcomers,
    )  # fmt: skip
    found = table[["n_acquired", "actual"]].to_numpy().tolist()
    assert found == came_by_days(contracts, grace, newcomers)


def test_a_backtest_of_contracts_foretells_what_it_is_told():
    """By hand: of two of 10 and 30, known at the end of February, the one of 30 left in March."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann", "Bob", "Bob", "Cem", "Dee"],
        "start": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-02-01", "2024-03-05",
                                 "2024-04-01"]),
        "end": pd.to_datetime([None, "2024-02-01", "2024-03-20", None, None]),
        "sales": [10.0, 20.0, 30.0, 8.0, 99.0],
    })  # fmt: skip
    asked = {"as_of": AS_OF.date(), "freq": "month", "periods": 1, "grace": 0}
    stay = lasting([999] * 4, [False] * 4)
    table = backtest_outlook(contracts, fit=lambda _: stay, spend="sales", **asked)
    row = table.iloc[0]
    figures = ["n_acquired", "n_customers", "actual", "sales", "sales_actual", "error"]
    assert row[figures].tolist() == pytest.approx([1, 3, 2, 48, 18, 1])
    assert not row["covered"]
    alone = backtest_outlook(contracts, fit=lambda _: stay, spend=None, **asked)
    assert alone["sales"].isna().all()
    assert alone["actual"][0] == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"by": "plan", "acquired": 3}, "not of which segment"),
        ({"by": "plan", "acquired": pd.DataFrame({"plan": ["a"], "acquired": [1]})}, "'b'. Give"),
        ({"acquired": pd.DataFrame({"acquired": [1, 2]})}, "several rows: give one"),
        ({"acquired": pd.DataFrame({"acquired": [-1]})}, "1 row has no 'acquired', or one below 0"),
        ({"acquired": pd.DataFrame({"acquired": [1], "period": [AS_OF]})}, "no row for 2024-04"),
        ({"acquired": pd.DataFrame({"n": [1]})}, "lacks 'acquired'"),
        ({"as_of": "2024-02-29"}, "Make the spells with the same as_of"),
        ({"model": "covariates"}, "covariates 'plan', which those to be won do not have"),
        ({"model": "cox"}, "CoxModel knows customers by their covariates"),
        ({"model": "short", "by": "plan", "acquired": 0}, "the curve has no segment 'b'"),
        ({"spend": "nothing"}, "nothing"),
        ({"spend": "plan"}, "what each pays, must be numbers"),
        ({"spend": "fee", "acquired": 2}, "but not what they pay"),
        ({"spend": -1.0}, "one amount of 0 or more"),
    ],
)
def test_says_no_in_words_to_contracts(asked, message):
    """What cannot be, or was not said."""
    spells = random_spells(1, n=40)
    models = {
        "covariates": lambda: fit_aft(spells, covariates="plan"),
        "cox": lambda: rt.fit_cox(spells),
        "short": lambda: rt.survival_curve(spells[spells["plan"] == "a"], by="plan"),
    }
    given = {"model": lasting([99], [False]), "acquired": 0, **ASKED, **asked}
    if isinstance(given["model"], str):
        given["model"] = models[given["model"]]()
    ask = expected_sales if "spend" in given else expected_customers
    with pytest.raises(rt.RetentionError, match=message):
        ask(spells, **given)


def test_says_no_to_spells_of_another_kind_and_to_missing_words():
    """Renewals are no days; a fee below 0; foresight; no grace; a function that is none."""
    spells, curve = random_spells(1, n=40), lasting([99], [False])
    ask = {"model": curve, "acquired": 0, **ASKED}
    for wrong, message in (
        (spells.assign(length="month"), "durations are no days"),
        (spells.assign(reactivation="same_spell"), "knows the future"),
        (spells.assign(n_spells=-1), "n_spells is missing, or n_spells is below 0"),
        (spells.drop(columns="start"), "lacks 'start'"),
    ):
        with pytest.raises(rt.RetentionError, match=message):
            expected_customers(wrong, **ask)
    with pytest.raises(rt.ContentError, match="have no 'fee', or one below 0"):
        expected_sales(spells.assign(fee=-1.0), spend="fee", **ask)
    asked = {"as_of": AS_OF.date(), "freq": "month", "periods": 1}
    with pytest.raises(rt.RetentionError, match="Say grace="):
        backtest_outlook(random_contracts(1), fit=rt.survival_curve, spend="sales", **asked)
    orders = pd.DataFrame({"customer_id": [1], "date": [AS_OF], "sales": [2.0]})
    with pytest.raises(rt.RetentionError, match="spend of orders is a function"):
        backtest_outlook(orders, fit=rt.repeat_buying.fit_bg_nbd, spend="sales", **asked)
