"""Voluntary and involuntary churn, and churn by tenure, against sets of spells day by day."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

import retention as rt
from churn_cases import dues
from lasting import contracts
from retention.intervals import wilson_bounds

QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")
REASONS = ["price", "card failed", "fraud", "other", None]
SAY = {"involuntary": ["card failed", "fraud"], "not_known": "other"}
MONTHS = {"freq": "month", "as_of": "2024-05-01"}
KINDS = ["voluntary", "involuntary", "not_known"]


N_SHOPS = 25


@cache
def files():
    """Many small shops in one table: customers with stays of some length, ended for some reason."""
    draw, rows = np.random.default_rng(7), []
    for shop in range(N_SHOPS):
        for i, why in enumerate(REASONS):
            rows.append((f"{shop} x{i}", "2024-01-01", "2024-02-09", why, shop))
        for who in range(4):
            day = pd.Timestamp("2024-01-01") + pd.Timedelta(int(draw.integers(0, 110)), "D")
            for _ in range(draw.integers(1, 4)):
                out = day + pd.Timedelta(int(draw.choice([1, 5, 14, 31, 60])), "D")
                runs = draw.random() < 0.2
                why = REASONS[draw.integers(0, 5)]
                rows.append((f"{shop} c{who}", day, None if runs else out, why, shop))
                day = out + pd.Timedelta(int(draw.choice([1, 3, 40])), "D")
                if runs:
                    break
    return contracts(*rows, columns=("reason", "shop")).astype({"shop": str})


@cache
def spells_of_file():
    """Spells with the reason of their end."""
    return rt.contract_spells(files(), as_of="2024-05-01", grace=0, keep_last="reason", keep="shop")


def kind_of(reason):
    """What a reason is called by `SAY`."""
    if reason in SAY["involuntary"]:
        return "involuntary"
    return "voluntary" if reason == "price" else "not_known"


def losses_twin(spells, first, opens_next):
    """Of those there as the month opens, the kinds of the losses of those gone at its close."""
    rows = [r for r in spells.itertuples() if pd.isna(r.end) or r.end > r.start]
    there = {r.customer_id for r in rows if r.start <= first and not r.end <= first}
    after = {r.customer_id for r in rows if r.start <= opens_next and not r.end <= opens_next}
    kinds = []
    for who in there - after:
        ended = [r for r in rows if r.customer_id == who and first < r.end <= opens_next]
        kinds.append(kind_of(max(ended, key=lambda r: r.end).reason))
    return there, kinds


@cache
def losses_of_shops():
    """Of each shop and month, how many were there, and the kinds of the losses."""
    months = pd.date_range("2024-01-01", "2024-05-01", freq="MS")
    return {
        (shop, opens): losses_twin(mine, opens, opens + pd.DateOffset(months=1))
        for shop, mine in spells_of_file().groupby("shop")
        for opens in months
    }


@cache
def logo_of_file():
    """Logo churn from the activity of the same contracts."""
    activity = rt.contract_periods(files(), freq="month", as_of="2024-05-01", by="shop")
    return rt.logo_churn(activity, lag=1, by="shop").sort_values(["shop", "step"])


@QUIET
def test_the_parts_of_logo_churn_are_those_of_sets(engine):
    """Month by month and shop by shop, and they add up to the logo churn of the same base."""
    made = rt.kpis.voluntary_churn(
        engine.table(spells_of_file()), convention="endpoint", by="shop", **MONTHS, **SAY
    )
    assert engine.is_mine(made)
    found = engine.read(made, order=["shop", "step"])
    assert found["shop"].nunique() == N_SHOPS
    for row in found.itertuples():
        there, kinds = losses_of_shops()[row.shop, pd.Timestamp(row.period)]
        assert (row.n_base, row.n_churned) == (len(there), len(kinds))
        assert [getattr(row, f"n_{kind}") for kind in KINDS] == [kinds.count(k) for k in KINDS]
    logo = logo_of_file()
    assert logo["step"].tolist() == found["step"].tolist()
    parts = found[[f"{kind}_churn" for kind in KINDS]].sum(axis=1, skipna=False)
    np.testing.assert_allclose(parts, found["churn_rate"], atol=1e-12)
    np.testing.assert_allclose(logo["logo_churn"], found["churn_rate"], atol=1e-12)


@QUIET
@pytest.mark.parametrize(
    "convention",
    ["start_cohort", "endpoint", "all_cancellations", "active_and_new", "exposure", "renewals_due"],
)
def test_each_part_is_the_churn_rate_of_its_causes(convention):
    """Under every convention and in every segment, bounds too."""
    spells = spells_of_file()
    say = {**MONTHS, "convention": convention, "by": "shop"}
    if convention == "renewals_due":
        say["renewals"] = dues(*((r.customer_id, r.end) for r in files().dropna().itertuples()))
    found = rt.kpis.voluntary_churn(spells, **say, **SAY)
    asked = {"voluntary": ["price"], "involuntary": ["card failed", "fraud"]}
    if convention == "renewals_due":  # two in a month may both be lost
        del asked["voluntary"]
    for kind, causes in asked.items():
        one = rt.churn_rate(spells, causes=causes, others="compete", **say)
        mine = found[[f"n_{kind}", f"{kind}_churn", f"{kind}_lower", f"{kind}_upper", "bounds"]]
        mine.columns = ["n_churned", "churn_rate", "lower", "upper", "bounds"]
        pd.testing.assert_frame_equal(mine, one[list(mine.columns)])
    assert (found[[f"n_{kind}" for kind in KINDS]].sum(axis=1) == found["n_churned"]).all()


def test_ten_losses_of_a_hundred_by_hand():
    """Of 100, 4 decided, 3 cards failed and 2 were fraud, of 1 nothing is known: 5 of 9."""
    why = ["price"] * 4 + ["card failed"] * 3 + ["fraud"] * 2 + [None]
    rows = [(f"c{i}", "2024-01-01", "2024-01-20", why[i]) for i in range(10)]
    rows += [(f"c{i}", "2024-01-01", None, None) for i in range(10, 100)]
    spells = rt.contract_spells(
        contracts(*rows, columns=("reason",)), as_of="2024-02-01", grace=0, keep_last="reason"
    )
    asked = {"freq": "month", "as_of": "2024-02-01", "convention": "start_cohort"}
    row = rt.kpis.voluntary_churn(spells, involuntary=SAY["involuntary"], **asked).iloc[-1]
    rates = row[[f"{kind}_churn" for kind in KINDS]].tolist()
    assert rates == [0.04, 0.05, 0.01]
    assert row["involuntary_share"] == 5 / 9
    np.testing.assert_allclose(row[["share_lower", "share_upper"]].tolist(),
                               np.ravel(wilson_bounds([5], [9])))  # fmt: skip
    assert row["involuntary"] == "card failed, fraud"
    assert row["not_known"] == ""


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"involuntary": []}, "involuntary names no reason"),
        ({"involuntary": "card fialed"}, "involuntary names 'card fialed', for which no spell"),
        ({"involuntary": "other", "not_known": "other"}, "'other', which is not known"),
        ({"involuntary": "(missing)"}, r"'\(missing\)', which is not known"),
        ({"involuntary": "fraud", "not_known": "othr"}, "not_known names 'othr'.*Did you mean"),
        ({"involuntary": "fraud", "cause": "why"}, "cause.*'why'"),
        ({"involuntary": "fraud", "convention": "logo"}, "convention must be one of"),
    ],
)
def test_reasons_that_cannot_be_meant_are_refused(said, message):
    """In words that name the keyword."""
    frame = contracts(*[(f"c{i}", "2024-01-01", "2024-01-20", why) for i, why in
                        enumerate(REASONS)], columns=("reason",))  # fmt: skip
    spells = rt.contract_spells(frame, as_of="2024-03-01", grace=0, keep_last="reason")
    say = {"freq": "month", "as_of": "2024-03-01", "convention": "endpoint"} | said
    with pytest.raises(rt.RetentionError) as refusal:
        rt.kpis.voluntary_churn(spells, **say)
    assert re.search(message, str(refusal.value).replace("`", ""))


def tenure_key(start, day):
    """Months since the start and days beyond the last anniversary."""
    months = (day.year - start.year) * 12 + day.month - start.month + 1
    while start + pd.DateOffset(months=months) > day:
        months -= 1
    return months, (day - (start + pd.DateOffset(months=months))).days


def bands_twin(spells, bands):
    """The counts and the Kaplan–Meier share of each band, spell by spell."""
    rows = []
    for r in spells[spells["set_aside"].isna()].itertuples():
        last = tenure_key(r.start, r.start + pd.Timedelta(r.duration, "D"))
        late = r.entry if r.entry > 0 else 0
        entry = tenure_key(r.start, r.start + pd.Timedelta(late, "D")) if late else (-1, 0)
        if entry < last:
            rows.append((entry, last, r.churned))
    found = []
    for low, high in zip(bands, [*bands[1:], 10_000], strict=True):
        a, b = ((low, 0) if low else (-1, 1)), (high, 0)
        reached = [r for r in rows if r[1] > a and r[0] <= a]
        ended = [r[1] for r in rows if r[2] and a < r[1] <= b]
        share = 1.0
        for t in sorted(set(ended)):
            share *= 1 - ended.count(t) / sum(r[0] < t <= r[1] for r in rows)
        censored = sum(not r[2] and a < r[1] <= b for r in rows)
        entered = sum(a < r[0] <= b for r in rows)
        seen = max(r[1] for r in rows) >= b or share == 0
        gaps = any(a < t <= b and not any(r[0] < t <= r[1] for r in rows) for t in moments(b))
        known = high < 10_000 and seen and not gaps and reached
        found.append((len(reached), entered, len(ended), censored, 1 - share if known else np.nan))
    return found


def moments(until):
    """Every day of tenure of the first months up to one."""
    return [(m, d) for m in range(min(until[0], 8) + 1) for d in range(31) if (m, d) <= until]


@cache
def stays():
    """Small shops of spells from a few starts, month ends too, to days near anniversaries."""
    draw, rows = np.random.default_rng(5), []
    for shop in range(N_SHOPS):
        rows.append((f"{shop} Zoe", "2023-01-01", None, shop))
        for i in range(draw.integers(1, 10)):
            start = pd.Timestamp(str(draw.choice(["2023-01-31", "2023-02-28", "2023-03-15"])))
            end = start + pd.DateOffset(months=int(draw.integers(0, 7)))
            end += pd.Timedelta(int(draw.integers(-1, 2)), "D")
            runs = draw.random() < 0.4 or end <= start
            rows.append((f"{shop} c{i}", start, None if runs else end, shop))
    return contracts(*rows, columns=("shop",)).astype({"shop": str})


@QUIET
@pytest.mark.parametrize("late", [False, True])
def test_bands_are_those_of_spells_looked_at_one_by_one(late):
    """By the calendar, with late entry and without."""
    begun = {"observed_from": "2023-03-01"} if late else {}
    spells = rt.contract_spells(stays(), as_of="2023-07-20", grace=0, keep="shop", **begun)
    every = rt.kpis.churn_by_tenure(spells, bands=[0, 1, 3, 6], length="month", by="shop")
    assert every["shop"].nunique() == N_SHOPS
    for shop, found in every.groupby("shop"):
        mine = spells[spells["shop"] == shop]
        expected = np.array(bands_twin(mine, [0, 1, 3, 6]), float)
        counts = found[["n_reached", "n_entered", "n_churned", "n_censored"]].to_numpy(float)
        np.testing.assert_array_equal(counts, expected[:, :4])
        np.testing.assert_allclose(found["churn_rate"], expected[:, 4], atol=1e-12)


@QUIET
def test_bands_multiply_to_the_curve_and_add_up_in_counts(engine):
    """Of weeks, as the curve of days says at their ends."""
    listed = rt.sample_company(600, seed=3).contracts
    spells = rt.contract_spells(listed, as_of="2024-12-31", grace=14, keep_first="plan")
    curve = rt.survival_curve(spells, by="plan")
    made = rt.kpis.churn_by_tenure(
        engine.table(spells), bands=[0, 13, 26, 52, 104], length="week", by="plan"
    )
    assert engine.is_mine(made)
    found = engine.read(made, order=["plan", "tenure_from"])
    for plan, bands in found.groupby("plan"):
        mine = curve[curve["plan"] == plan]
        left = np.cumprod(1 - bands["churn_rate"].astype(float))
        for end, s in zip(bands["tenure_to"].astype(float)[:-1], left[:-1], strict=True):
            at = mine[mine["duration"] <= 7 * end]["survival"].iloc[-1]
            assert s == pytest.approx(at, rel=1e-12)
        moved = bands["n_reached"] + bands["n_entered"] - bands["n_churned"] - bands["n_censored"]
        assert moved.tolist() == [*bands["n_reached"].tolist()[1:], 0]


def test_without_censoring_the_bounds_are_wilsons():
    """Of ten, three leave in the first month; c of a month over three is 1 − (1 − p)^(1/3)."""
    rows = [(f"c{i}", "2023-01-10", "2023-02-10" if i < 3 else "2023-09-10") for i in range(10)]
    spells = rt.contract_spells(contracts(*rows), as_of="2023-12-31", grace=0)
    found = rt.kpis.churn_by_tenure(spells, bands=[0, 3], length="month").iloc[0]
    assert found["churn_rate"] == pytest.approx(0.3)
    np.testing.assert_allclose(found[["lower", "upper"]].tolist(),
                               np.ravel(wilson_bounds([3], [10])))  # fmt: skip
    assert found["churn_per_period"] == pytest.approx(1 - 0.7 ** (1 / 3))


def test_three_months_not_renewed_is_a_loss_of_the_third():
    """Whatever the length of the months is."""
    starts = ["2023-01-31", "2023-02-01", "2023-11-30", "2024-01-15"]
    ends = ["2023-04-30", "2023-05-01", "2024-02-29", "2024-04-15"]
    rows = [(f"c{i}", *days) for i, days in enumerate(zip(starts, ends, strict=True))]
    spells = rt.contract_spells(contracts(*rows), as_of="2024-06-30", grace=0)
    found = rt.kpis.churn_by_tenure(spells, bands=[0, 2, 3], length="month")
    assert found["n_churned"].tolist() == [0, 4, 0]
    assert found[["churn_rate", "churn_per_period"]].iloc[-1].isna().all()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"bands": [3, 1]}, "bands must be where"),
        ({"bands": []}, "bands must be where"),
        ({"bands": ["a"]}, "bands must be where"),
        ({"bands": 3}, "bands must be where"),
        ({"bands": [-1, 3]}, "bands must be where"),
        ({"length": "fortnight"}, "length must be one of"),
        ({"by": "plan"}, "by.*'plan'"),
    ],
)
def test_bands_that_are_none_are_refused(said, message):
    """In words that name the keyword."""
    spells = rt.contract_spells(contracts(("Ann", "2023-01-01", None)), as_of="2024-06-30", grace=0)
    with pytest.raises(rt.RetentionError) as refusal:
        rt.kpis.churn_by_tenure(spells, **({"bands": [0, 3], "length": "month"} | said))
    assert re.search(message, str(refusal.value).replace("`", ""))


@pytest.mark.parametrize(
    "said", [{"involuntary": 3}, {"involuntary": None}, {"involuntary": "x", "not_known": [1]}]
)
def test_reasons_that_are_no_texts_are_refused(said):
    """In words that say what to give, whatever was given."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann", "Bob"],
        "start": pd.to_datetime(["2024-01-01"] * 2),
        "end": pd.to_datetime(["2024-01-31", None]),
        "reason": ["x", "y"],
    })  # fmt: skip
    spells = rt.contract_spells(contracts, as_of="2024-02-01", grace=0, keep_last="reason")
    asked = {"freq": "month", "as_of": "2024-02-01", "convention": "endpoint"}
    with pytest.raises(rt.RetentionError, match="must name reasons as text"):
        rt.kpis.voluntary_churn(spells, **asked, **said)
