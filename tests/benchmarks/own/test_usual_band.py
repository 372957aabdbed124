"""The band of a rate over time: by hand, by loops, and never looking ahead."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import betainc, stdtrit

import retention as rt

band = rt.benchmarks.usual_band
BINOMIAL = {"level": 0.99, "spread": "binomial"}
LANEY = {"level": 0.99, "spread": "overdispersed"}


def months(*kept_of_all, start="2020-01-01", **more):
    """Rates by month: so many kept of so many."""
    kept, of_all = zip(*kept_of_all, strict=True)
    days = pd.date_range(start, periods=len(kept), freq="MS")
    return pd.DataFrame({"period": days, "n_base": of_all, "n_retained": kept, **more})


def baseline_twin(days, now, baseline):
    """The places of the periods that tell what was usual."""
    if baseline is None:
        return list(range(now))
    if isinstance(baseline, int):
        return list(range(max(0, now - baseline), now))
    first, last = map(pd.Timestamp, baseline)
    there = [i for i in range(now) if first <= days[i] <= last]
    return there if days[now] > last else []


def least_twin(p, n, tail):
    """The share below which a binomial of n, whole or not, lies with that chance: P = I(1−p)."""
    chance = lambda k: betainc(n - k, k + 1, 1 - p) - tail  # noqa: E731
    return brentq(chance, 0, n - 1e-9) / n if chance(0) < 0 else 0.0


def band_twin(table, now, spread, season, baseline):
    """The band of one period, in loops."""
    days, n, k = (table[name].tolist() for name in ("period", "n_base", "n_retained"))
    place = [day.month if season == "year" else 0 for day in days]
    there = [i for i in baseline_twin(days, now, baseline) if n[i] > 0]
    alike = [i for i in there if place[i] == place[now]]
    if len(there) < 8 or len(alike) < 2 or not n[now]:
        return None
    total = {p: sum(n[i] for i in there if place[i] == p) for p in set(place)}
    usual = {p: sum(k[i] for i in there if place[i] == p) / n_p for p, n_p in total.items() if n_p}
    p, n_alike, sigma = usual[place[now]], total[place[now]], 1.0
    spread_p = p if 0 < p < 1 else (p * n_alike + 0.5) / (n_alike + 1)
    told = 1 / n[now] + 1 / n_alike
    low, high = (least_twin(chance, 1 / told, 0.005) for chance in (spread_p, 1 - spread_p))
    if spread == "overdispersed":
        rest, chance, moves = {}, {}, {}
        for i in there:
            p, own = usual[place[i]], total[place[i]] if season == "year" else math.inf
            if 1 / n[i] - 1 / own > 1e-12:
                rest[i], chance[i] = k[i] / n[i] - p, p * (1 - p) * (1 / n[i] - 1 / own)
                squares = sum(n[j] ** 2 for j in there if place[j] == place[i])
                moves[i] = 1 - 2 * n[i] / own + squares / own**2
        pairs = [(i, i - 1) for i in rest if i - 1 in rest]
        freedom = 0.62 * (len(pairs) - (len({place[i] for i in there}) - 1))
        if freedom < 1:
            return None

        def times_as_far(square):
            found = [
                abs(rest[i] - rest[j]) / math.sqrt((v + square * (moves[i] + moves[j])) / 2)
                for i, j in pairs
                if (v := chance[i] + chance[j]) > 0
            ]
            return sum(found) / len(pairs) / 1.128

        chance_now = spread_p * (1 - spread_p) * told
        sigma = times_as_far(0.0) or 1.0
        if sigma > 1:
            square = brentq(lambda each: times_as_far(each) - 1, 0, 100, xtol=1e-15, rtol=1e-13)
            squares = sum(n[i] ** 2 for i in alike) / n_alike**2
            sigma = math.sqrt(1 + square * (1 + squares) / chance_now)
        half, p = stdtrit(freedom, 0.995) * sigma * math.sqrt(chance_now), usual[place[now]]
        low, high = p - half, 1 - p - half
    return usual[place[now]], max(low, 0), min(1 - high, 1), sigma


counts = st.integers(0, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize("season", ["none", "year"])
@pytest.mark.parametrize("spread", ["binomial", "overdispersed"])
@given(
    rows=st.lists(counts, min_size=30, max_size=44),
    baseline=st.sampled_from([None, 8, 26, ("2020-03-01", "2022-04-30")]),
)
def test_the_band_is_that_of_loops(spread, season, rows, baseline):
    """Of every period, whatever its baseline."""
    table = months(*rows)
    asked = {"level": 0.99, "spread": spread, "season": season, "baseline": baseline}
    found = band(table, **asked)
    for now, row in enumerate(found.itertuples()):
        expected = band_twin(table, now, spread, season, baseline)
        if expected is None:
            assert math.isnan(row.lower)
            assert pd.isna(row.outside)
            continue
        shown = (row.usual_rate, row.lower, row.upper, row.dispersion)
        assert shown == pytest.approx(expected)
        if abs(row.rate - row.lower) > 1e-12 and abs(row.rate - row.upper) > 1e-12:
            side = "below" if row.rate < expected[1] else "above" if row.rate > expected[2] else ""
            assert row.outside == (side or "inside")


CANS = [
    *(12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22),
    *(8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6),
]
"""Of 50 cans of orange juice each, those that leak: Montgomery (2009), table 7.1."""


@pytest.mark.parametrize(
    ("count", "outside"), [(2, "below"), (3, "inside"), (20, "inside"), (22, "above")]
)
def test_the_chart_of_a_textbook_has_its_centre_and_its_limits(count, outside):
    """Centre .2313, limits .0524 and .4102: 22 and 24 of 50 are above, all others inside.

    Ours are exact, for one more sample and with what 30 samples do not know of the centre.
    """
    months = pd.date_range("2022-01-01", periods=31, freq="MS")
    rates = pd.DataFrame({"period": months, "n_base": 50, "n_retained": [*CANS, count]})
    said = {"level": 0.9973, "baseline": ("2022-01-01", "2024-06-01")}
    found = rt.benchmarks.usual_band(rates, spread="binomial", **said).iloc[-1]
    assert round(found["usual_rate"], 4) == 0.2313
    assert found["outside"] == outside
    assert found[["lower", "upper"]].tolist() == pytest.approx([0.0524, 0.4102], abs=0.03)
    normal = 3 * math.sqrt(found["usual_rate"] * (1 - found["usual_rate"]) / 50)
    assert [round(found["usual_rate"] + side * normal, 4) for side in (-1, 1)] == [0.0524, 0.4102]


def test_laneys_sigma_by_hand():
    """Ten months of 1,000 at .8 and .9 in turn: z = ∓.05/√(.85 · .15/1000), a range of 2 |z|."""
    table = months(*[(800, 1000), (900, 1000)] * 5, (850, 1000))
    last = band(table, **LANEY).iloc[-1]
    sigma = 2 * 0.05 / math.sqrt(0.85 * 0.15 / 1000) / 1.128
    assert last["dispersion"] == pytest.approx(sigma)
    q = stdtrit(0.62 * 9, 0.995)
    half = q * sigma * math.sqrt(0.85 * 0.15 * (1 / 1000 + 1 / 10_000))
    assert last["lower"] == pytest.approx(max(0.85 - half, 0))
    assert last["outside"] == "inside"
    assert band(table, **BINOMIAL)["outside"].tolist()[-2:] == ["above", "inside"]


def test_what_moves_everybody_is_added_to_the_chance_of_each():
    """Those of above, and then 100,000: τ² = σ² pq/1000 − pq/1000, and it stays what it is."""
    table = months(*[(800, 1000), (900, 1000)] * 5, (85_000, 100_000))
    last = band(table, **LANEY).iloc[-1]
    alone = 0.85 * 0.15 / 1000
    square = (2 * 0.05 / 1.128) ** 2 - alone
    variance = 0.85 * 0.15 * (1 / 100_000 + 1 / 10_000) + square * (1 + 1 / 10)
    half = stdtrit(0.62 * 9, 0.995) * math.sqrt(variance)
    assert 0.85 - last["lower"] == pytest.approx(half)
    assert last["dispersion"] ** 2 == pytest.approx(variance / (0.1275 * (1e-5 + 1e-4)))


@pytest.mark.parametrize("grows", [1, 10, 0.1])
def test_a_firm_that_grows_tenfold_is_outside_as_often_as_another(grows):
    """Of 60 months: with σ times the chance it was 18 in 100 of the last 20, or less than 1."""
    draw = np.random.default_rng(1)
    n = (draw.integers(1500, 4500, (80, 60)) * grows ** np.linspace(0, 1, 60)).astype(int)
    chance = 1 / (1 + np.exp(-1.4 - 0.15 * draw.standard_normal((80, 60))))
    days = np.tile(pd.date_range("2020-01-01", periods=60, freq="MS"), 80)
    table = pd.DataFrame({"period": days, "n_base": n.ravel()})
    table["n_retained"] = draw.binomial(n, chance).ravel()
    table["world"] = np.repeat([f"{i:02}" for i in range(80)], 60)
    found = band(table, level=0.95, spread="overdispersed", by="world")
    late = found["outside"].to_numpy().reshape(80, 60)[:, 40:]
    assert (late != "inside").mean() == pytest.approx(0.05, abs=0.017)  # three standard errors


def test_small_numbers_are_outside_no_oftener_than_promised():
    """Of 20 customers who stay with 0.99, and of 200: with p ± z SE it was 5 and 2 in 100."""
    draw = np.random.default_rng(1)
    for size, chance in ((20, 0.99), (200, 0.99), (500, 0.7)):
        kept = draw.binomial(size, chance, (300, 24)).ravel()
        days = np.tile(pd.date_range("2020-01-01", periods=24, freq="MS"), 300)
        world = pd.DataFrame({"period": days, "n_base": size, "n_retained": kept})
        world["world"] = np.repeat([f"{i:03}" for i in range(300)], 24)
        judged = band(world, by="world", **BINOMIAL)["outside"].dropna()
        outside = (judged != "inside").mean()
        assert outside < 0.0115  # one standard error is 0.0014
    assert outside > 0.006  # of 500, where counts are fine enough to reach the level


def test_a_period_of_which_nothing_is_known_hides_itself_alone():
    """Its count or its base is missing: the periods before and after it keep their bands."""
    table = months(*[(80.0 + i * 7 % 13, 100.0) for i in range(14)])
    for name in ("n_retained", "n_base"):
        holed = table.copy()
        holed.loc[10, name] = np.nan
        found = band(holed, **BINOMIAL)
        alone = band(table.drop(index=10), **BINOMIAL)
        pd.testing.assert_frame_equal(found.drop(index=10).reset_index(drop=True), alone)
        assert found.loc[10, ["n", "count", "rate", "lower"]].isna().all()


def test_a_retail_month_is_judged_by_the_same_month_of_other_years():
    """4-5-4: January ended on 28 Jan 2023 and on 3 Feb 2024; a low January is usual."""
    days = pd.date_range("2019-01-01", "2024-12-31").to_frame(name="date")
    orders = days.assign(customer_id="Ann", sales=1.0)
    retail = rt.Calendar("month", weeks="4-5-4", year_ends="nearest saturday to january")
    window = {"as_of": "2024-12-31", "observed_from": "2019-02-03"}
    table = rt.retention_rate(rt.customer_periods(orders, freq=retail, **window))
    assert len(table) > 60
    place = np.arange(len(table)) % 12
    table = table.assign(
        n_base=1000, n_retained=np.where(place == 11, 500, 900 + place), retention_rate=None
    ).drop(columns="retention_rate")
    found = band(table, season="year", **BINOMIAL).iloc[24:]
    assert (found["usual_rate"] == found["rate"]).all()


def test_nothing_looks_ahead():
    """A period's band is the same whatever came after it."""
    rows = [(80 + i * 7 % 13, 100) for i in range(30)]
    whole = band(months(*rows), **LANEY)
    cut = band(months(*rows[:20]), **LANEY)
    pd.testing.assert_frame_equal(whole.head(20), cut)
    assert whole["outside"].isna().sum() == 8
    changed = band(months(*rows[:19], (1, 100), *rows[20:]), **LANEY)
    assert changed["outside"][19] == "below"
    columns = ["usual_rate", "lower", "upper"]
    pd.testing.assert_frame_equal(changed[columns].head(20), whole[columns].head(20))


def test_of_a_season_each_month_is_judged_by_its_own():
    """December is low every year: it is usual, and a low June is not."""
    rows = [((60 if i % 12 == 11 else 90) * 10, 1000) for i in range(48)]
    rows[41] = (600, 1000)
    found = band(months(*rows), season="year", **BINOMIAL)
    assert found["outside"].dropna().tolist().count("below") == 1
    assert found["outside"][41] == "below"
    plain = band(months(*rows), **BINOMIAL)
    assert set(plain["outside"][[11, 23, 35, 47]]) == {"below"}
    days = months(*rows[:28]).assign(period=pd.date_range("2024-01-01", periods=28))
    assert band(days, season="week", **BINOMIAL)["usual_rate"].notna().sum() == 14


def test_segments_have_bands_of_their_own_and_churn_has_one():
    """As if each was alone; of churn it is the mirror."""
    one = months(*[(80, 100)] * 12, seg="a")
    two = months(*[(30, 50)] * 11, (10, 50), seg="b")
    both = band(pd.concat([two, one]), by="seg", **BINOMIAL)
    assert both["seg"].tolist() == ["a"] * 12 + ["b"] * 12
    for name, alone in (("a", one), ("b", two)):
        expected = band(alone.drop(columns="seg"), **BINOMIAL)
        mine = both[both["seg"] == name].drop(columns="seg").reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, expected)
    lost = band(two, figure="churn_rate", **BINOMIAL)
    assert lost["outside"].tolist()[-1] == "above"
    assert lost["lower"][11] == pytest.approx(1 - both["upper"][23])


def test_edges_stay_null():
    """No rows, one row, a period of nobody, everybody kept, rows in any order."""
    nothing = months((1, 2)).head(0)
    assert band(nothing, **LANEY).empty
    assert list(band(nothing, **LANEY)) == list(band(months((1, 2)), **LANEY))
    hole = band(months(*[(80, 100)] * 9, (0, 0), (79, 100)), **LANEY)
    assert pd.isna(hole["outside"][9])
    assert hole["n_baseline"].tolist()[-2:] == [9, 9]
    sure = band(months(*[(10, 10)] * 8, (9, 10)), **BINOMIAL)
    assert sure["lower"][8] == pytest.approx(least_twin(80.5 / 81, 1 / (1 / 10 + 1 / 80), 0.005))
    mixed = months(*[(80 + i, 100) for i in range(12)]).sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(band(mixed, **LANEY), band(mixed.sort_index(), **LANEY))


def test_what_makes_no_band_is_refused():
    """In the user's words."""
    table = months(*[(80, 100)] * 9)
    for said, error, message in (
        ({"level": 1}, rt.RetentionError, "level must lie"),
        ({"spread": "normal"}, rt.RetentionError, "spread must be one of"),
        ({"season": "month"}, rt.RetentionError, "season must be one of"),
        ({"baseline": 3}, rt.RetentionError, "baseline must be a whole number of periods, 8"),
        ({"baseline": "2024-01-01"}, rt.RetentionError, "the first and the last"),
        ({"baseline": ("2024-01-01", "2023-01-01")}, rt.RetentionError, "after its end"),
        ({"season": "week"}, rt.RetentionError, "season='week' compares days"),
        ({"by": "seg"}, rt.ColumnError, "by names 'seg'"),
        ({"figure": "churn"}, rt.RetentionError, "say count= and base="),
    ):
        with pytest.raises(error, match=message):
            band(table, **{**BINOMIAL, **said})
    with pytest.raises(rt.ContentError, match="several rows per 'period'"):
        band(pd.concat([table, table]), **BINOMIAL)
    weeks = table.assign(period=pd.date_range("2024-01-01", periods=9, freq="7D"))
    with pytest.raises(rt.RetentionError, match="season='year' compares months, quarters"):
        band(weeks, season="year", **BINOMIAL)
    for periods in (range(1, 10), [f"{month} 2024" for month in "ABCDEFGHI"]):
        with pytest.raises(rt.ColumnError, match="must hold days"):  # "10" comes before "2"
            band(table.assign(period=periods), **BINOMIAL)
    with pytest.raises(rt.ContentError, match="'period' is missing in 1 rows"):
        band(table.assign(period=table["period"].where(table.index > 0)), **BINOMIAL)
    with pytest.raises(rt.ColumnError, match="the table of rates lacks 'period'"):
        band(table.drop(columns="period"), **BINOMIAL)


@pytest.mark.parametrize("engine", ["polars", "polars_lazy", "duckdb"], indirect=True)
def test_bands_and_gains_are_alike_on_every_engine(engine):
    """In the caller's kind."""
    table = months(*[(80 + i * 7 % 13, 100) for i in range(26)], seg="a")
    table["step"] = range(26)
    for ask in (
        lambda t: band(t, by="seg", season="year", **LANEY),
        lambda t: rt.benchmarks.retention_gain(t, by="seg"),
    ):
        expected, found = ask(table), ask(engine.table(table))
        assert engine.is_mine(found)
        read = engine.read(found).sort_values("period", ignore_index=True)
        for frame in (read, expected):  # pandas 2 tells None from NaN
            said = [name for name in ("outside", "n_in_both") if name in expected]
            frame[said] = frame[said].astype(object).fillna("")
        pd.testing.assert_frame_equal(read[list(expected)], expected, check_dtype=False)
