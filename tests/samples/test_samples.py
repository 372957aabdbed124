"""The sample company: the truth that it promises can be found in its tables."""

from __future__ import annotations

import gc
import re
import zlib
from dataclasses import fields
from datetime import date

import numpy as np
import pandas as pd
import pytest

from retention.errors import RetentionError
from retention.samples import SampleCompany, sample_company
from retention.samples.sample_notes import SENTENCES

TABLES = [field.name for field in fields(SampleCompany)]
AS_OF = pd.Timestamp("2024-12-31")
DAY_AFTER = pd.Timestamp("2025-01-01")


@pytest.fixture(scope="module")
def company() -> SampleCompany:
    """Enough customers for the effects to stand out of chance."""
    return sample_company(12_000, seed=1)


@pytest.fixture(scope="module")
def lives(company) -> pd.DataFrame:
    """The truth with the years each customer was there."""
    end = company.truth["left_on"].fillna(DAY_AFTER)
    years = (end - company.truth["first_order"]).dt.days / 365.25
    return company.truth.assign(years=years)


def as_pandas(table) -> pd.DataFrame:
    """Any engine's table with missing text and missing times each in one form."""
    for method in ("to_pandas", "df"):
        if hasattr(table, method):
            table = getattr(table, method)()
            break
    return pd.DataFrame(
        {
            name: column.astype("datetime64[us]")
            if column.dtype.kind == "M"
            else column
            if column.dtype.kind in "bf"
            else column.astype(object).where(column.notna(), None)
            for name, column in table.items()
        }
    )


def leaving_rate(lives: pd.DataFrame, by: str) -> pd.Series:
    """Leavers by customer years."""
    sums = lives.groupby(by)[["left", "years"]].sum()
    return sums["left"] / sums["years"]


def badly_served(contacts: pd.DataFrame) -> pd.Series:
    """Answered after more than a day or solved after more than a week."""
    return (contacts["first_response_hours"] > 24) | (contacts["resolution_hours"] > 168)


def no_refunds(orders: pd.DataFrame) -> pd.DataFrame:
    """The lines of purchases."""
    return orders[orders["order_id"].str.startswith("O")]


# --- the same from the same seed, on every engine, at any size


def test_same_seed_same_company():
    """A seed names a company, down to the last cent."""
    one, two = sample_company(300, seed=5), sample_company(300, seed=5)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))


def test_different_seeds_differ():
    """No table is the same for two seeds."""
    one, two = sample_company(300, seed=5), sample_company(300, seed=6)
    assert not any(getattr(one, name).equals(getattr(two, name)) for name in TABLES)


@pytest.mark.parametrize("n_customers", [1, 400])
@pytest.mark.parametrize("engine", ["polars", "pyarrow", "duckdb"])
def test_engines_hold_the_same_company(engine, n_customers):
    """The same columns, rows, order and values; also where tables are empty."""
    ours, theirs = sample_company(n_customers), sample_company(n_customers, engine=engine)
    for name in TABLES:
        pd.testing.assert_frame_equal(
            as_pandas(getattr(theirs, name)), as_pandas(getattr(ours, name)), check_dtype=False
        )


@pytest.mark.parametrize(
    ("engine", "kind"),
    [
        ("pandas", "pandas.*DataFrame"),
        ("polars", "polars.*DataFrame"),
        ("pyarrow", "pyarrow.*Table"),
        ("duckdb", "duckdb.*Relation"),
    ],
)
def test_each_engine_is_the_one_asked_for(engine, kind):
    """The tables are native, and the company prints the rows of each."""
    made = sample_company(20, engine=engine)
    assert re.search(kind, f"{type(made.orders).__module__}.{type(made.orders).__name__}")
    assert re.search(r"truth +20  customer_id", repr(made))


def test_missing_values_are_null_not_nan_on_polars_and_arrow():
    """Who stays has no leaving date and no reason; who did not answer has no score."""
    columns = {"truth": ["left_on", "reason"], "surveys": ["satisfaction"], "contracts": ["end"]}
    pandas, polars, arrow = (sample_company(200, engine=e) for e in ("pandas", "polars", "pyarrow"))
    for table, names in columns.items():
        for name in names:
            missing = int(getattr(pandas, table)[name].isna().sum())
            assert missing > 0
            assert getattr(polars, table)[name].null_count() == missing
            assert getattr(arrow, table)[name].null_count == missing


def test_duckdb_relations_outlive_the_making():
    """A relation answers as long as somebody holds it."""
    orders = sample_company(20, engine="duckdb").orders
    gc.collect()
    assert len(orders.fetchall()) == len(sample_company(20).orders)


def test_pandas_columns_are_text_and_microseconds(company):
    """Text is plain text, never a category, and dates are to the microsecond."""
    orders = company.orders
    assert str(orders["date"].dtype) == "datetime64[us]"
    for name in ("order_id", "customer_id", "category", "region", "channel"):
        assert str(orders[name].dtype) in {"str", "object"}


@pytest.mark.parametrize("n_customers", [1, 500, 2_000])
def test_sizes_scale_with_customers(n_customers):
    """One row of truth a customer, and about ten orders."""
    made = sample_company(n_customers, seed=2)
    assert len(made.truth) == n_customers
    assert made.truth["customer_id"].is_unique
    if n_customers > 1:
        orders = no_refunds(made.orders)["order_id"].nunique()
        assert orders / n_customers == pytest.approx(10, rel=0.15)


def test_ids_are_padded_and_numbered_by_arrival(company):
    """C000001 came first."""
    truth = company.truth
    assert truth["customer_id"].iloc[0] == "C000001"
    assert truth["customer_id"].str.len().eq(7).all()
    assert truth["first_order"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("start", "as_of"), [("2024-02-29", "2024-03-01"), ("1999-05-17", "2001-02-03")]
)
def test_any_window_holds_everything(start, as_of):
    """Nothing is dated outside the window, however short or old (costs: by their month)."""
    made = sample_company(300, start=start, as_of=date.fromisoformat(as_of))
    opens, closes = pd.Timestamp(start), pd.Timestamp(as_of) + pd.Timedelta(days=1)
    for name in ("orders", "contacts", "surveys", "notes"):
        assert getattr(made, name)["date"].between(opens, closes, inclusive="left").all()
    assert (made.costs["date"] >= opens.replace(day=1)).all()
    assert made.truth["left_on"].dropna().between(opens, closes, inclusive="left").all()


# --- the truth


def test_truth_is_consistent(company):
    """Who left has a day and a reason, who stays has neither."""
    truth = company.truth
    left = truth["left"]
    assert 0.2 < left.mean() < 0.6
    assert truth.loc[left, ["left_on", "reason"]].notna().all(axis=None)
    assert truth.loc[~left, ["left_on", "reason"]].isna().all(axis=None)
    assert (truth["left_on"] > truth["first_order"])[left].all()
    assert (truth["left_on"] <= AS_OF)[left].all()
    assert set(truth["reason"].dropna()) == set(SENTENCES)


def test_first_order_is_the_first_order(company):
    """The truth's first day is the day of the first line in the log."""
    first = company.orders.groupby("customer_id")["date"].min().dt.normalize()
    told = company.truth.set_index("customer_id")["first_order"]
    pd.testing.assert_series_equal(first, told.loc[first.index], check_names=False)
    assert len(first) == len(told)


@pytest.mark.parametrize("name", ["orders", "contacts", "surveys"])
def test_nothing_happens_on_or_after_the_day_of_leaving(company, name):
    """No order, refund, contact or survey of somebody who is gone."""
    rows = getattr(company, name).merge(company.truth, on="customer_id", validate="m:1")
    gone = rows[rows["left"]]
    assert len(gone) > 100
    assert (gone["date"] < gone["left_on"]).all()
    assert (rows["date"] >= rows["first_order"]).all()


def test_west_customers_leave_at_twice_the_rate(lives):
    """Leavers by customer years, home region West against the rest."""
    rate = leaving_rate(lives.assign(west=lives["region"] == "West"), "west")
    assert rate[True] / rate[False] == pytest.approx(2.0, rel=0.1)


def test_channels_keep_their_customers_differently(lives):
    """Partner 1.6 times the hazard of web and app, store 0.8 times; regions are spread alike."""
    rate = leaving_rate(lives, "channel")
    assert rate["partner"] / rate["web"] == pytest.approx(1.6, rel=0.15)
    assert rate["store"] / rate["web"] == pytest.approx(0.8, rel=0.15)


def test_the_hazard_told_is_the_hazard_before_bad_contacts(company, lives):
    """Until the first bad contact, leavers are as many as hazard times years says."""
    bad = company.contacts[badly_served(company.contacts)]
    offended = lives["customer_id"].map(bad.groupby("customer_id")["date"].min()).fillna(DAY_AFTER)
    left = lives["left_on"] <= offended
    calm_until = lives["left_on"].where(left, offended)
    years = (calm_until - lives["first_order"]) / pd.Timedelta(days=365.25)
    assert left.sum() == pytest.approx((lives["hazard"] * years).sum(), rel=0.06)


def test_bad_service_drives_customers_away(company):
    """Of those badly served, many more are gone after ninety days than of those served well."""
    contacts = company.contacts.merge(company.truth, on="customer_id")
    contacts = contacts[contacts["date"] < AS_OF - pd.Timedelta(days=100)]
    bad = badly_served(contacts)
    gone = contacts["left_on"] <= contacts["date"] + pd.Timedelta(days=90)
    assert gone[bad].mean() > 3 * gone[~bad].mean()


def test_open_contacts_are_those_the_log_has_not_seen_end(company):
    """A contact is resolved exactly if its resolution is known and falls before the end."""
    contacts = company.contacts
    hours = contacts["resolution_hours"]
    assert (contacts["resolved"] == hours.notna()).all()
    assert not contacts["resolved"].all()
    assert (hours.dropna() >= contacts.loc[hours.notna(), "first_response_hours"]).all()


def test_satisfaction_falls_before_leaving(company):
    """Answers of the last sixty days are worse by more than half a point."""
    answers = company.surveys.merge(company.truth, on="customer_id")
    last = answers["left_on"] - answers["date"] < pd.Timedelta(days=60)
    for score in ("satisfaction", "recommend"):
        assert answers.loc[last, score].mean() < answers.loc[~last, score].mean() - 0.5


def test_survey_scores_keep_their_scales(company):
    """Whole numbers on their scale where answered, nothing where not."""
    surveys = company.surveys
    for name, low, high in [
        ("satisfaction", 1, 5),
        ("value_for_money", 1, 5),
        ("repeat_intention", 1, 5),
        ("recommend", 0, 10),
    ]:
        assert (surveys[name].notna() == surveys["answered"]).all()
        assert set(surveys[name].dropna()) <= set(range(low, high + 1))


# --- orders


def test_machines_lose_money_and_nothing_else_does(company):
    """One product line has a negative margin."""
    profit = company.orders.groupby("category")["profit"].sum()
    assert profit["Machines"] < 0
    assert (profit.drop("Machines") > 0).all()


def test_customers_have_heavy_tails(company):
    """Many buy once; a tenth of the customers brings over half of the sales."""
    orders = no_refunds(company.orders)
    count = orders.groupby("customer_id")["order_id"].nunique()
    sales = orders.groupby("customer_id")["sales"].sum().sort_values(ascending=False)
    assert 0.15 < (count == 1).mean() < 0.45
    assert count.max() > 10 * count.mean()
    assert sales.head(len(sales) // 10).sum() > 0.5 * sales.sum()


def test_december_is_the_peak(company):
    """Orders follow the season."""
    assert company.orders["date"].dt.month.value_counts().idxmax() == 12


def test_refunds_are_negative_lines_of_an_earlier_order(company):
    """A few percent of the orders come back whole, on a later day, some in a later month."""
    orders = company.orders.assign(number=company.orders["order_id"].str[1:])
    refunded = ~orders["order_id"].str.startswith("O")
    assert (orders.loc[refunded, "sales"] < 0).all()
    assert (orders.loc[~refunded, "sales"] > 0).all()
    assert 0.02 < refunded.mean() < 0.05
    keys = ["number", "category", "customer_id", "region", "channel"]
    pairs = orders[refunded].merge(orders[~refunded], on=keys, suffixes=("_back", ""))
    assert len(pairs) == refunded.sum()
    assert (pairs["sales_back"] == -pairs["sales"]).all()
    assert (pairs["profit_back"] == -pairs["profit"]).all()
    assert (pairs["date_back"].dt.normalize() > pairs["date"].dt.normalize()).all()
    assert (pairs["date_back"].dt.month != pairs["date"].dt.month).any()


def test_orders_are_clean(company):
    """In order of time, one line an order and category, one customer and time an order, cents."""
    orders = company.orders
    assert orders["date"].is_monotonic_increasing
    assert not orders.duplicated(["order_id", "category"]).any()
    assert orders.groupby("order_id")[["customer_id", "date"]].nunique().eq(1).all(axis=None)
    assert orders.notna().all(axis=None)
    for name in ("sales", "profit"):
        assert (orders[name] == orders[name].round(2)).all()


def test_some_customers_buy_in_several_regions(company):
    """Most at home, some also elsewhere, so that counts over regions do not add up."""
    several = company.orders.groupby("customer_id")["region"].nunique() > 1
    assert 0.05 < several.mean() < 0.5


# --- contracts, wallet, costs, notes


def test_contract_ends_are_the_first_day_out(company):
    """Ends come after starts, by the end of the window, by the day of leaving; renewals touch."""
    contracts = company.contracts.merge(company.truth[["customer_id", "left_on"]], on="customer_id")
    ended = contracts[contracts["end"].notna()]
    assert (ended["end"] > ended["start"]).all()
    assert (ended["end"] <= AS_OF).all()
    assert (ended["end"] <= ended["left_on"].fillna(DAY_AFTER)).all()
    assert contracts.loc[contracts["end"].isna(), "left_on"].isna().all()
    assert company.contracts["contract_id"].is_unique


def test_contracts_touch_overlap_and_pause(company):
    """All three ways of going on are there, and contracts still running."""
    contracts = company.contracts.sort_values(["customer_id", "start"])
    following = contracts.groupby("customer_id")["start"].shift(-1)
    for ways in (
        following == contracts["end"],
        following < contracts["end"],
        following > contracts["end"],
    ):
        assert ways.sum() > 50
    assert contracts["end"].isna().sum() > 50


def test_only_trials_are_free(company):
    """A trial is the first contract, brings no sales and lasts at most thirty days."""
    contracts = company.contracts
    trial = contracts["is_trial"]
    assert (contracts.loc[trial, "sales"] == 0).all()
    assert (contracts.loc[~trial, "sales"] > 0).all()
    assert not contracts[trial].duplicated("customer_id").any()
    assert ((contracts["end"] - contracts["start"])[trial].dropna() <= pd.Timedelta(days=30)).all()


def test_the_wallet_is_our_sales_and_what_goes_elsewhere(company):
    """Net sales of the quarter in `orders` plus `elsewhere`, never below our own sales."""
    orders = company.orders
    period = orders["date"].dt.to_period("Q").dt.start_time.astype("datetime64[us]")
    own = orders.groupby(["customer_id", period.rename("period")])["sales"].sum().rename("own")
    wallet = company.wallet.merge(own.reset_index(), on=["customer_id", "period"], how="left")
    wallet["own"] = wallet["own"].fillna(0)
    assert (wallet["elsewhere"] >= 0).all()
    assert (wallet["wallet"] >= wallet["own"].round(2)).all()
    np.testing.assert_allclose(wallet["wallet"], wallet["own"] + wallet["elsewhere"], atol=0.006)


def test_the_wallet_panel_is_followed_from_the_first_order_to_the_end(company):
    """A fifth of the customers, each in every quarter since the first order, also after leaving."""
    wallet = company.wallet.merge(company.truth, on="customer_id")
    first = wallet["first_order"].dt.to_period("Q").dt.start_time
    assert wallet["customer_id"].nunique() == pytest.approx(len(company.truth) / 5, rel=0.1)
    assert (
        wallet.groupby("customer_id")["period"].min().to_numpy()
        == first.groupby(wallet["customer_id"]).min().to_numpy()
    ).all()
    assert wallet.groupby("customer_id")["period"].max().eq("2024-10-01").all()
    assert not wallet.duplicated(["customer_id", "period"]).any()


def test_only_whole_quarters_have_a_wallet():
    """A quarter that the window cuts is left out."""
    wallet = sample_company(400, start="2023-01-02", as_of="2024-03-30").wallet
    assert wallet["period"].min() == pd.Timestamp("2023-04-01")
    assert wallet["period"].max() == pd.Timestamp("2023-10-01")


def test_costs_are_one_acquisition_a_customer_and_the_rest_by_month(company):
    """Positive amounts on the first of a month; shared costs belong to no customer."""
    costs = company.costs
    won = costs[costs["kind"] == "acquisition"]
    assert sorted(won["customer_id"]) == sorted(company.truth["customer_id"])
    assert costs["date"].dt.day.eq(1).all()
    assert costs["amount"].ge(0).all()
    shared = costs["customer_id"].isna()
    assert set(costs.loc[shared, "kind"]) == {"space", "subscriptions", "materials"}
    assert not costs.loc[shared].duplicated(["date", "region", "kind"]).any()


def test_notes_speak_of_the_true_reason(company):
    """Every note holds a sentence of its writer's reason and of no other, after leaving."""
    found = {
        reason: re.compile(
            "|".join(re.escape(s).replace(r"\{thing\}", "[a-z ]+") for s in sentences)
        )
        for reason, sentences in SENTENCES.items()
    }
    notes = company.notes.merge(company.truth, on="customer_id", validate="1:1")
    assert len(notes) == pytest.approx(0.65 * company.truth["left"].sum(), rel=0.1)
    assert (notes["date"] >= notes["left_on"]).all()
    for text, reason in notes[["text", "reason"]].head(500).itertuples(index=False):
        assert [name for name, pattern in found.items() if pattern.search(text)] == [reason]


def test_every_reason_has_as_many_sentences():
    """So that notes are drawn alike for each of Keaveney's eight categories."""
    assert {len(sentences) for sentences in SENTENCES.values()} == {6}
    assert len(SENTENCES) == 8


# --- what it costs to serve, branches, staff, referrals


GOLDEN = {
    "orders": (3698, [146647.85, 23684.18], 2144534272),
    "contracts": (183, [4536.48, 1579.79], 740281380),
    "contacts": (165, [2568.5, 11788.7], 1435811207),
    "costs": (942, [10479.61], 370397348),
    "surveys": (317, [534.0, 538.0, 546.0, 1066.0], 1934096680),
    "wallet": (453, [57339.17, 100541.44], 3725619781),
    "notes": (71, [], 393468359),
    "truth": (300, [2154.48, 415.13, 79.86], 3035079606),
}
"""Rows, sums of numbers and a checksum of texts of `sample_company(300, seed=7)`."""


def test_tables_that_came_later_left_the_others_as_they_were():
    """Each table has random numbers of its own."""
    made = sample_company(300, seed=7)
    for name, golden in GOLDEN.items():
        table = getattr(made, name)
        kinds = {column: table[column].dtype.kind for column in table}
        sums = [round(float(table[c].sum()), 2) for c, kind in kinds.items() if kind in "fi"]
        texts = ["".join(table[c].fillna("-")) for c, kind in kinds.items() if kind not in "fiMb"]
        assert (len(table), sums, zlib.crc32("|".join(texts).encode())) == golden


def test_serving_costs_what_is_told(company):
    """Medians of each kind a contact, shared costs a customer, of winning by channel."""
    costs = company.costs
    own = costs[costs["customer_id"].notna()]
    median = own.groupby("kind")["amount"].median()
    assert median["wages"] == pytest.approx(8.5, rel=0.03)
    assert median["parts"] == pytest.approx(19, rel=0.05)
    assert median["travel"] == pytest.approx(26, rel=0.07)
    repairs = (company.contacts["topic"] == "repair").sum()
    counts = own["kind"].value_counts()
    assert counts["wages"] == len(company.contacts)
    assert counts["parts"] / repairs == pytest.approx(0.6, abs=0.04)
    assert counts["travel"] / repairs == pytest.approx(0.35, abs=0.04)
    won = own[own["kind"] == "acquisition"].merge(company.truth, on="customer_id")
    medians = won.groupby("channel")["amount"].median()
    for channel, cost in {"web": 14, "store": 9, "app": 18, "partner": 32}.items():
        assert medians[channel] == pytest.approx(cost, rel=0.03)
    june = costs[costs["customer_id"].isna() & (costs["date"] == "2023-06-01")]
    truth, opens = company.truth, pd.Timestamp("2023-06-01")
    here = (truth["first_order"] <= opens) & ~(truth["left_on"] <= opens)
    kept = here.sum()
    shared = june.groupby("kind")["amount"].sum() / kept
    for kind, cost in {"space": 0.45, "subscriptions": 0.12, "materials": 0.20}.items():
        assert shared[kind] == pytest.approx(cost, rel=0.005)


@pytest.fixture(scope="module")
def served(company):
    """The truth with each customer's branch."""
    return company.truth.merge(company.branches, on="customer_id", validate="1:1")


def test_each_customer_has_a_branch_of_the_home_region(served):
    """Six a region, from 34 to 5 in 100 of its customers."""
    assert (served["branch"].str.split().str[0] == served["region"]).all()
    assert served["branch"].nunique() == 24
    share = served["branch"].str[-1].value_counts(normalize=True)
    assert share["1"] == pytest.approx(0.34, abs=0.03)
    assert share["6"] == pytest.approx(0.05, abs=0.015)


def test_branches_draw_customers_who_are_likelier_to_leave_or_to_stay(served):
    """Within each region 1, 3 and 5 have the higher mean hazard, 2, 4 and 6 the lower."""
    number = served["branch"].str[-1].astype(int)
    mean = served.groupby(["region", number % 2])["hazard"].mean().unstack()
    assert (mean[1] > 1.1 * mean[0]).all()


def test_staff_leave_as_the_customers_of_their_branch_do(company, served):
    """Leavers are as many as 0.35 a year times the branch's relative hazard says, high and low."""
    relative = served.groupby("branch")["hazard"].mean() / served["hazard"].mean()
    staff = company.staff.assign(relative=company.staff["branch"].map(relative))
    years = (staff["end"].fillna(DAY_AFTER) - staff["start"]) / pd.Timedelta(days=365.25)
    expected = 0.35 * staff["relative"] * years
    high = staff["relative"] > 1
    for those in (high, ~high):
        assert staff.loc[those, "end"].notna().sum() == pytest.approx(
            expected[those].sum(), rel=0.15
        )
    assert relative[relative > 1].mean() > 1.5 * relative[relative < 1].mean()


def test_jobs_are_as_many_as_customers_need_and_filled_again(company, served):
    """One for thirty customers, two at least; a successor comes after the leaver, in the window."""
    staff = company.staff
    first = staff[staff["start"] == staff["start"].min()].groupby("branch").size()
    jobs = np.maximum(2, (served.groupby("branch").size() / 30).round())
    assert (first == jobs[first.index]).all()
    assert staff["employee"].is_unique
    assert staff["start"].is_monotonic_increasing
    ended = staff.dropna(subset="end")
    assert (ended["end"] > ended["start"]).all()
    assert (ended["end"] <= AS_OF).all()
    days = pd.date_range("2022-01-01", AS_OF, freq="90D")
    held = [((staff["start"] <= day) & ~(staff["end"] <= day)).sum() / jobs.sum() for day in days]
    assert min(held) > 0.93
    assert max(held) <= 1


def test_staff_are_contracts_to_the_library(company):
    """An employee's job is loaded as one, and kept beside the customers of the branch."""
    import retention as rt

    jobs = rt.as_contracts(
        company.staff, customer_id="employee", start="start", end="end",
        end_is="first_day_out", keep="branch",
    )  # fmt: skip
    asked = {"freq": "year", "as_of": "2024-12-31", "by": "branch"}
    staff = rt.contract_periods(jobs, **asked)
    orders = company.orders.merge(company.branches, on="customer_id")
    customers = rt.customer_periods(orders, observed_from="2022-01-01", **asked)
    both = rt.economics.staff_and_customers(staff, customers, by="branch")
    names = {"x": "staff_retention", "y": "customer_retention", "by": "branch"}
    between = rt.economics.loyalty_link(both, **names).iloc[0]
    assert between["n_units"] == 24
    assert between["slope_lower"] > 0


def test_referrers_are_customers_and_likelier_after_a_year(company):
    """Of those there on the day, three times as likely after the first year; one in seven sent."""
    truth = company.truth.set_index("customer_id")
    told = company.referrals
    assert told["referred_id"].is_unique
    assert (told["date"] == told["referred_id"].map(truth["first_order"])).all()
    assert len(told) / len(truth) == pytest.approx(0.15, abs=0.015)
    came = told["customer_id"].map(truth["first_order"])
    assert (came <= told["date"]).all()
    assert not (told["customer_id"].map(truth["left_on"]) <= told["date"]).any()
    year = np.timedelta64(365, "D")
    late = (told["date"] - came >= year).sum()
    first, left = (truth[name].to_numpy() for name in ("first_order", "left_on"))
    chance = []
    for day in told["date"].to_numpy():
        here = (first <= day) & ~(left <= day)
        longer = (here & (day - first >= year)).sum()
        chance.append(3 * longer / (3 * longer + (here.sum() - longer)))
    assert late / len(told) == pytest.approx(np.mean(chance), abs=0.03)


def test_who_was_sent_stays_like_anybody_else(company):
    """Leavers are as many as their hazards say, of both."""
    truth = company.truth
    sent = truth["customer_id"].isin(company.referrals["referred_id"])
    assert truth.loc[sent, "hazard"].mean() == pytest.approx(truth["hazard"].mean(), rel=0.03)


def test_the_first_customers_were_sent_by_nobody():
    """One customer has no referrals, and staff in one branch alone."""
    made = sample_company(1, seed=3)
    assert len(made.referrals) == 0
    assert made.staff["branch"].nunique() == 1


# --- refusals


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"n_customers": 0}, r"n_customers must be .* 1 or more; got 0\."),
        ({"n_customers": 2.5}, r"n_customers must be a whole number, .* got 2\.5"),
        ({"n_customers": True}, r"n_customers must be a whole number, .* got True"),
        ({"seed": -1}, r"seed must be .* 0 or more; got -1"),
        ({"engine": "excel"}, r"engine must be one of 'pandas', .*; got 'excel'"),
        (
            {"start": "2025-01-01"},
            r"start must be before as_of; got start 2025-01-01 and as_of 2024",
        ),
        ({"start": "2024-12-31"}, r"start must be before as_of"),
        ({"as_of": "today"}, r"as_of must be a day such as '2024-12-31'.*got 'today'"),
        ({"start": 2022}, r"start must be a day .*got 2022"),
    ],
)
def test_nonsense_is_refused_in_words(keywords, says):
    """What was got, and what to say instead."""
    with pytest.raises(RetentionError, match=says):
        sample_company(**keywords)


def test_the_company_is_frozen(company):
    """Its tables cannot be swapped."""
    with pytest.raises(AttributeError):
        company.orders = None
