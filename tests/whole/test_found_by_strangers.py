"""What strangers found after everything had been tried: a case of each, with values by hand."""

from __future__ import annotations

import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention as rt
from shops import orders

three = pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
quiet = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
ROLES = {"customer_id": "c", "date": "d", "sales": "s"}


def lines(**columns):
    """Two order lines."""
    return pd.DataFrame(
        {"c": ["A", "B"], "d": ["2024-01-01", "2024-01-02"], "s": [1.0, 2.0]}
    ).assign(**columns)


@quiet
@three
def test_small_segments_that_one_customer_has_are_pooled_once(engine):
    """60 buy from G and X, 40 from Y: X and Y together are 100 customers, and none counts twice."""
    rows = [
        (f"a{i}", f"2024-0{month}-03", segment, 1.0)
        for i in range(60) for month in (1, 2) for segment in ("G", "X", "Z")
        if month == 1 or i % 10
    ] + [(f"b{i}", "2024-01-04", "Y", 2.0) for i in range(40)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["c", "d", "s", "x"])
    table.columns = ["c", "d", "g", "s"]
    activity = rt.customer_periods(
        rt.as_transactions(engine.table(table), **ROLES, keep="g", duplicates="keep"),
        freq="month", as_of="2024-02-29", by="g", observed_from="2024-01-01",
    )  # fmt: skip
    pooled = rt.findings.pool_small_segments(activity, by="g", least=61)
    assert engine.is_mine(pooled)
    found = engine.read(rt.churn_by(pooled, by="g")).set_index("g")
    assert found["n_base"].to_dict() == {"(smaller segments)": 100}
    assert found["n_rest"].tolist() == [0]
    rows = engine.read(pooled)
    assert not rows.duplicated(["customer_id", "step", "g"]).any()
    january = rows[rows["step"] == rows["step"].min()].set_index("customer_id")
    assert january.loc["a0", "sales"] == 3.0  # of G, X and Z
    assert list(rows) == list(engine.read(activity))


TWO = {"c": list("AABBCC"), "d": ["2024-01-01", "2024-02-01"] * 3, "s": [1.0, 2, 3, 4, 5, 6],
       "q": ["EUR"] * 2 + ["USD"] * 2 + ["GBP"] * 2}  # fmt: skip


@quiet
@three
def test_money_of_several_currencies_is_not_pooled(engine):
    """One customer a currency: too few to be shown, and not to be added up."""
    table = rt.as_transactions(engine.table(pd.DataFrame(TWO)), **ROLES, currency="q")
    activity = rt.customer_periods(table, freq="month", as_of="2024-02-29", by="currency")
    with pytest.raises(rt.ContentError, match="several currencies cannot be put together"):
        rt.findings.pool_small_segments(activity, by="currency", least=2)
    rt.findings.pool_small_segments(activity, by="currency", least=1)


@quiet
def test_a_panel_that_does_not_say_its_currency_is_told_aside():
    """Beside a wallet in dollars; "$" may be dollars, and euros are euros."""
    told = {name: rt.as_wallet(pd.DataFrame({"c": ["A"], "d": DAY, "w": [10.0], "q": [name]}),
                               customer_id="c", date="d", wallet="w", currency="q")
            for name in ("USD", "EUR")}  # fmt: skip
    asked = {"freq": "month", "as_of": "2024-01-31", "observed_from": "2024-01-01"}
    days = {"d": ["2024-01-01", "2024-01-31"]}
    euros = rt.as_transactions(lines(q="EUR", **days), **ROLES, currency="q")
    silent = rt.customer_periods(euros, **asked)
    with pytest.warns(rt.RetentionWarning, match="of wallet in USD, while activity does not say"):
        rt.share_of_wallet(silent, told["USD"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", rt.RetentionWarning)
        rt.share_of_wallet(rt.customer_periods(euros, by="currency", **asked), told["EUR"])
        dollars = rt.as_transactions(lines(q="$", **days), **ROLES, currency="q")
        rt.share_of_wallet(rt.customer_periods(dollars, by="currency", **asked), told["USD"])


@quiet
@three
def test_pools_of_one_segment_beside_the_currency(engine):
    """The pooled one is counted in customers, whatever they pay in; names are data."""
    table = pd.DataFrame(
        {
            "c": list("ABC") * 2,
            "d": ["2024-01-01"] * 3 + ["2024-02-29"] * 3,
            "s": 1.0,
            "q": ["EUR", "EUR", "USD"] * 2,
            "a.b*": list("xxy") * 2,
        }
    )
    loaded = rt.as_transactions(engine.table(table), **ROLES, currency="q", keep="a.b*")
    activity = rt.customer_periods(loaded, freq="month", as_of="2024-02-29",
                                   by=["a.b*", "currency"], observed_from="2024-01-01")  # fmt: skip
    found = engine.read(rt.findings.pool_small_segments(activity, by="a.b*", least=2))
    assert set(found["a.b*"]) == {"x and smaller ones"}
    assert str(found["n_orders"].dtype) == "int64"


@quiet
def test_what_is_at_stake_is_of_one_currency():
    """Sales of the last year are added up over all lines."""
    table = rt.as_transactions(pd.DataFrame(TWO), **ROLES, currency="q")
    with pytest.raises(rt.ContentError, match="in 3 currencies, which cannot be added up"):
        rt.findings.customers_at_risk(table, as_of="2024-03-01", within=30)


EUROS = rt.as_transactions(lines(q="EUR"), **ROLES, currency="q")
DOLLARS = {"q": ["USD"]}
DAY = pd.to_datetime(["2024-01-05"])


@quiet
@pytest.mark.parametrize(
    "ask",
    [
        lambda activity: rt.kpis.cost_kpis(
            rt.as_costs(pd.DataFrame({"d": DAY, "k": ["x"], "a": [6.0], **DOLLARS}), date="d",
                        kind="k", amount="a", currency="q"), activity, of="x"),
        lambda activity: rt.kpis.cost_to_serve(
            rt.as_costs(pd.DataFrame({"d": DAY, "k": ["x"], "a": [6.0], **DOLLARS}), date="d",
                        kind="k", amount="a", currency="q"), activity, of="x", allocation="sales"),
        lambda activity: rt.share_of_wallet(
            activity, rt.as_wallet(pd.DataFrame({"c": ["A"], "d": DAY, "w": [10.0], **DOLLARS}),
                                   customer_id="c", date="d", wallet="w", currency="q")),
        lambda activity: rt.kpis.market_share(
            activity, pd.DataFrame({"date": DAY, "market": [10.0], "currency": ["USD"]})),
    ],
)  # fmt: skip
def test_money_is_not_set_against_money_of_another_currency(ask):
    """Six dollars of three euros are not 2."""
    activity = rt.customer_periods(EUROS, freq="month", as_of="2024-01-31", by="currency")
    with pytest.raises(
        rt.ContentError,
        match=r"different currencies, that of activity in EUR and that of \w+ in USD",
    ):
        ask(activity)


@three
def test_ids_that_differ_by_a_blank_of_another_kind(engine):
    """A no-break space is undone as a blank and as another form, and told once."""
    table = engine.table(lines(c=["A\u00a0B", "A B"]))
    with pytest.warns(rt.RetentionWarning, match="differ only in blanks: 2 rows"):
        rt.as_transactions(table, **ROLES)


LOG = [
    (f"k{i}", str(pd.Timestamp("2022-01-01") + pd.Timedelta(days=30 * j + i % 30))[:10], 5.0 + i)
    for i in range(100)
    for j in range(36)
]


@three
def test_a_hole_in_the_log_is_no_loss_in_silence(engine):
    """100 buy every 30 days; three months lack, after which a gap of 45 calls all lost."""
    whole = pd.DataFrame(LOG, columns=["c", "d", "s"])
    holed = whole[~whole["d"].between("2023-04-01", "2023-06-30")]
    table = rt.as_transactions(engine.table(holed), **ROLES)
    says = r"Nobody at all bought from 2023-04-01 to 2023-06-30 \(91 days\)"
    with pytest.warns(rt.RetentionWarning, match=says + ".*say observed_from='2023-07-01'"):
        spells = rt.purchase_spells(table, gap=45, as_of="2024-12-15")
    assert engine.read(spells)["churned"].sum() == 100
    with pytest.warns(rt.RetentionWarning, match=says):
        rt.gap_table(table, gaps=[45, 90], within=90, as_of="2024-12-15")
    with pytest.warns(rt.RetentionWarning, match=says):
        rt.repeat_buying.purchase_summary(table, as_of="2024-12-15")
    numbered = holed.assign(c=holed["c"].str[1:].astype(int))
    with pytest.warns(rt.RetentionWarning, match=says):  # the way of whole-number ids
        rt.repeat_buying.purchase_summary(
            rt.as_transactions(engine.table(numbered), **ROLES), as_of="2024-12-15"
        )


HOLED = pd.DataFrame(LOG, columns=["c", "d", "s"]).pipe(
    lambda log: log[~log["d"].between("2023-04-01", "2023-06-30")]
)


@three
def test_a_stray_order_does_not_hide_a_hole(engine):
    """Three of them, in the midst of three months in which a hundred would have bought."""
    stray = pd.DataFrame({"c": ["x", "y", "z"], "d": ["2023-04-20", "2023-05-16", "2023-06-08"],
                          "s": 1.0})  # fmt: skip
    table = rt.as_transactions(engine.table(pd.concat([HOLED, stray])), **ROLES)
    says = r"Hardly anybody bought from 2023-04-01 to 2023-06-30 \(91 days\)"
    with pytest.warns(rt.RetentionWarning, match=says):
        rt.purchase_spells(table, gap=45, as_of="2024-12-10")
    activity = rt.customer_periods(table, freq="month", as_of="2024-11-30")
    with pytest.warns(rt.RetentionWarning, match="Hardly anybody was a customer in 2023-04 to"):
        rt.retention_rate(activity)


@three
def test_a_hole_that_empties_no_month_is_told(engine):
    """From 5 April to 27 May nobody bought, and a sixth of March's customers seems kept."""
    whole = pd.DataFrame(LOG, columns=["c", "d", "s"])
    holed = whole[~whole["d"].between("2023-04-05", "2023-05-27")]
    table = rt.as_transactions(engine.table(holed), **ROLES)
    says = r"Nobody at all bought from 2023-04-05 to 2023-05-27 .* is kept from and to the months"
    with pytest.warns(rt.RetentionWarning, match=says):
        rt.customer_periods(table, freq="month", as_of="2024-11-30")


@pytest.mark.filterwarnings("error")
def test_who_did_what_a_warning_of_a_hole_says_is_not_warned_again():
    """Observed from after it, the log has none."""
    table = rt.as_transactions(HOLED, **ROLES)
    said = {"as_of": "2024-12-10", "observed_from": "2023-07-01"}
    rt.purchase_spells(table, gap=45, **said)
    new = pd.concat([HOLED, HOLED[HOLED["d"] > "2023-07-01"].assign(c=lambda t: "n" + t["c"])])
    rt.repeat_buying.purchase_summary(rt.as_transactions(new, **ROLES), **said)
    rt.repeat_buying.purchase_summary(
        rt.as_transactions(new.assign(c=pd.factorize(new["c"])[0]), **ROLES), **said
    )
    with pytest.warns(rt.RetentionWarning, match="observed_from='2023-07-01'"):
        rt.findings.customers_at_risk(table, as_of="2024-12-10")
    rt.findings.customers_at_risk(rt.as_transactions(new, **ROLES), **said)


@pytest.mark.filterwarnings("error")
def test_a_season_is_no_hole():
    """All buy in January, or never from 1 to 21 August: that comes again every year."""
    years = range(2018, 2025)
    january = pd.DataFrame(
        [(f"k{i}", f"{year}-01-{1 + i % 20:02}", 5.0) for year in years for i in range(200)],
        columns=["c", "d", "s"],
    )
    rt.purchase_spells(rt.as_transactions(january, **ROLES), gap=400, as_of="2024-01-20")
    log = pd.DataFrame(LOG, columns=["c", "d", "s"])
    closed = log[~pd.to_datetime(log["d"]).dt.strftime("%m-%d").between("08-01", "08-21")]
    rt.purchase_spells(rt.as_transactions(closed, **ROLES), gap=40, as_of="2024-12-10")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("freq", ["1D", "7D", "MS"])
def test_a_log_with_usual_pauses_has_no_hole(freq):
    """Every day, once a week, or on the first of the month: the pauses are all alike."""
    days = pd.date_range("2022-01-01", "2024-12-01", freq=freq)
    rows = pd.DataFrame([(f"k{i}", day, 5.0 + i) for day in days for i in range(12)])
    table = rt.as_transactions(rows.set_axis(["c", "d", "s"], axis=1), **ROLES)
    rt.purchase_spells(table, gap=70, as_of="2024-12-05")


@three
def test_rows_of_one_contract_that_start_together_are_told(engine):
    """Neither ends the other, so that 100 + 50 stay: the advice is to keep the last."""
    table = pd.DataFrame({"c": "A", "st": "2024-01-01", "en": [None, None], "s": [100.0, 50.0],
                          "k": "1"})  # fmt: skip
    said = {"customer_id": "c", "start": "st", "end": "en", "end_is": "first_day_out", "sales": "s",
            "sales_per": "month", "contract_id": "k", "overlaps": "cut"}  # fmt: skip
    with pytest.warns(rt.RetentionWarning, match="start on the same day as another") as told:
        rt.as_contracts(engine.table(table), **said)
    assert "df.drop_duplicates(['k', 'st'], keep='last')" in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = rt.as_contracts(table.drop_duplicates(["k", "st"], keep="last"), **said)
    assert kept["sales"].tolist() == [50.0]


def test_a_first_month_that_is_not_whole_is_told_of_days_as_well():
    """The panel of months says the same."""
    days = pd.date_range("2024-01-05", "2024-03-31")
    log = orders(*((f"k{i % 7}", str(day.date()), 1.0 + i) for i, day in enumerate(days)))
    activity = rt.customer_periods(log, freq="day", as_of="2024-03-31")
    with pytest.warns(rt.RetentionWarning, match="not observed whole: 2024-01 .*'2024-01-01'"):
        found = rt.cohort_retention(activity, freq="month")
    assert str(found["cohort"].min())[:7] == "2024-02"
    early = rt.customer_periods(log, freq="day", as_of="2024-03-31", observed_from="2024-01-01")
    assert str(rt.cohort_retention(early, freq="month")["cohort"].min())[:7] == "2024-01"


@three
def test_contracts_by_day_do_not_get_cohorts_by_month(engine):
    """Openings are what they are followed by: the panel of months has them, .4 of 100 after one."""
    table = engine.table(pd.DataFrame({
        "customer_id": [f"k{i}" for i in range(100)], "start": pd.Timestamp("2024-01-05"),
        "end": [pd.Timestamp("2024-01-25")] * 60 + [pd.NaT] * 40,
    }))  # fmt: skip
    days = rt.contract_periods(table, freq="day", as_of="2024-12-31")
    for asked in ({"freq": "month"}, {"freq": "week"}, {"freq": "week", "week_start": "sunday"}):
        with pytest.raises(rt.RetentionError, match=r"make it with contract_periods\(..., freq="):
            rt.cohort_retention(days, **asked)
    activity = rt.contract_periods(table, freq="month", as_of="2024-12-31")
    found = engine.read(rt.cohort_retention(activity))
    cell = found[(found["age"] == 1) & (found["n_cohort"] > 0)]
    assert (cell["n_cohort"].tolist(), cell["rate"].round(12).tolist()) == ([100], [0.4])
    elapsed = engine.read(rt.cohort_retention(days, freq="week", clock="elapsed"))
    cell = elapsed[(elapsed["age"] == 4) & (elapsed["n_cohort"] > 0)]
    assert (cell["n_cohort"].tolist(), cell["rate"].round(12).tolist()) == ([100], [0.4])


@quiet
def test_customers_who_come_back_after_years_are_not_called_lost():
    """All come back every 800 days, which no year of watching shows."""
    log = orders(
        *(
            (f"k{i}", str((pd.Timestamp("2014-01-10") + pd.Timedelta(days=800 * j + i * 3)).date()),
             5.0 + i / 10)
            for i in range(100) for j in range(5)
        )
    )  # fmt: skip
    said = rt.retention_report(log, as_of="2024-06-30", freq="year", pictures=False).to_markdown()
    assert "No silence tells who is lost" in said
    assert "Half of the customers are lost" not in said


@quiet
def test_who_comes_back_later_than_a_year_is_counted_as_well():
    """After 30 days of silence nobody comes back within a year, and all after three."""
    log = orders(
        *(
            (f"k{i}", str(pd.Timestamp("2019-01-10") + pd.Timedelta(days=1100 * j + i * 3))[:10],
             5.0 + i / 10)
            for i in range(100) for j in range(2)
        )
    )  # fmt: skip
    said = rt.retention_report(log, as_of="2022-12-31", freq="year", pictures=False).to_markdown()
    assert "of 100 customers silent for 730 days 100.0% have come back since" in said


@three
def test_a_duration_beside_the_end_of_its_interval_is_told(engine):
    """3.0000000000000004 months end in the fourth: rounded, in the third."""
    spells = pd.DataFrame({
        "duration": [1, 2, (0.1 + 0.2) * 10, 5], "churned": [True, True, True, False],
        "customer_id": list("ABCD"),
    })  # fmt: skip
    for ask in (rt.survival.fit_hazard, rt.survival.person_periods):
        with pytest.warns(rt.RetentionWarning, match="1 duration lies beside the end") as told:
            ask(engine.table(spells), unit="month", duration_unit="month")
    assert 'spells["duration"] = spells["duration"].round(9)' in str(told[0].message)
    model = rt.survival.fit_hazard(
        spells.assign(duration=spells["duration"].round(9)), unit="month", duration_unit="month"
    )
    assert model.hazards()["n_churned"].tolist() == [1, 1, 1, 0, 0]


CONTRACTS = pd.DataFrame({"customer_id": ["A"], "start": DAY, "end": [pd.NaT]})


@pytest.mark.parametrize(
    ("ask", "takers"),
    [
        (
            lambda: rt.customer_periods(CONTRACTS, freq="month", as_of="2024-03-01"),
            "contract_periods",
        ),
        (lambda: rt.purchase_spells(CONTRACTS, gap=30, as_of="2024-03-01"), "contract_spells"),
        (lambda: rt.contract_periods(EUROS, freq="month", as_of="2024-03-01"), "customer_periods"),
        (lambda: rt.contract_spells(EUROS, grace=0, as_of="2024-03-01"), "purchase_spells"),
    ],
)
def test_a_table_of_the_other_source_is_sent_where_it_belongs(ask, takers):
    """Neither is made of the other."""
    with pytest.raises(rt.ColumnError, match=rf"give it to .*{takers}\(\.\.\.\)"):
        ask()


def test_json_and_unions_of_duckdb():
    """JSON holds what stands in it; which member of a union is meant has to be said."""
    table = duckdb.sql("SELECT '\"A\"'::JSON AS c, DATE '2024-01-05' AS d, '1.5'::JSON AS s")
    assert rt.as_transactions(table, **ROLES).fetchall()[0][::2] == ("A", 1.5)
    union = duckdb.sql(
        "SELECT 'A' AS c, DATE '2024-01-05' AS d, 1.125::UNION(n DOUBLE, t VARCHAR) AS s"
    )
    with pytest.raises(rt.ColumnError, match=r"Convert it first: union_extract\(s, 'n'\)"):
        rt.as_transactions(union, **ROLES)
    said = union.project("c, d, union_extract(s, 'n') AS s")
    assert rt.as_transactions(said, **ROLES).fetchall()[0][2] == 1.125


@pytest.mark.parametrize("column", ["c", "d", "s"])
def test_half_a_letter_is_refused(column):
    """And what the message advises does help."""
    table = lines(**{column: pd.Series(["\ud800", "A"], dtype=object)})
    with pytest.raises(rt.ContentError, match="half of a letter") as refused:
        rt.as_transactions(table, **ROLES)
    assert ".str.encode('utf-8', 'replace').str.decode('utf-8')" in str(refused.value)
    mended = pd.Series(["\ud800"], dtype=object).str.encode("utf-8", "replace").str.decode("utf-8")
    assert mended.tolist() == ["?"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: rt.as_transactions(lines(c=pd.Series([10**400, 1], dtype=object)), **ROLES),
         "too large for any type"),
        (lambda: rt.as_transactions(lines(), **ROLES, blanks=5), "blanks must be a list of texts"),
        (lambda: rt.customer_periods(EUROS, freq="month", as_of="9999-12-31"),
         "the end of the calendar"),
        (lambda: rt.as_transactions("SELECT 'A' AS c, 'infinity'::DATE AS d, 1 AS s", **ROLES,
                                    connection=duckdb.connect()), "a date that no calendar has"),
        (lambda: rt.as_transactions(
            duckdb.sql("SELECT 'A' AS c, '-infinity'::TIMESTAMP AS d, 1 AS s"), **ROLES),
         "date that does not exist"),
    ],
)  # fmt: skip
def test_what_no_engine_can_hold_is_refused_in_words(ask, message):
    """No exception of an engine comes through."""
    with pytest.raises(rt.RetentionError, match=message):
        ask()


def test_an_area_below_a_coin_says_that_the_sign_may_be_turned():
    """As the concordance does."""
    scored = pd.DataFrame({"duration": range(1, 7), "churned": True, "risk": np.arange(1.0, 7.0)})
    with pytest.warns(rt.RetentionWarning, match=r"area under the curve is 0, .*-scored\['risk'\]"):
        rt.survival.time_dependent_auc(scored, times=3)
    turned = rt.survival.time_dependent_auc(scored.assign(risk=-scored["risk"]), times=3)
    assert turned["auc"].tolist() == [1.0]


def test_a_calendar_of_many_holidays_is_counted():
    """A sum over hundreds of days, one after the other, is deeper than Python can follow."""
    off = [str(day.date()) for day in pd.date_range("2020-01-01", periods=700)]
    table = duckdb.sql(
        "SELECT 'A' AS c, TIMESTAMP '2024-01-08 10:00' AS o, TIMESTAMP '2024-01-08 12:00' AS a"
    )
    contacts = rt.as_contacts(
        table, customer_id="c", date="o", first_response="a", resolved="a",
        business_hours={"mon-fri": "09:00-17:00", "holidays": off},
    )  # fmt: skip
    assert len(contacts.fetchall()) == 1


def test_polars_takes_the_same_ids():
    """A soft hyphen is a blank that nobody sees."""
    table = pl.DataFrame({"c": ["An\u00adn", "Ann"], "d": ["2024-01-01"] * 2, "s": [1.0, 2.0]})
    with pytest.warns(rt.RetentionWarning, match="differ only in blanks"):
        rt.as_transactions(table, **ROLES)
