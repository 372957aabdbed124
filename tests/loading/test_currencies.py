"""Amounts in several currencies: told, converted, kept apart or refused, and never added up."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

import retention as rt
from conftest import Engine
from retention.cli import main
from retention.tables.currency_signs import currency_code
from retention.tables.mixed_currencies import says_currency

SAY = {"customer_id": "who", "date": "day", "sales": "paid"}
MONTHS = {"freq": "month", "as_of": "2024-02-29"}
DAYS = ["2024-01-01", "2024-02-10", "2024-01-20", "2024-02-03"]


@pytest.fixture(params=["pandas", "polars", "duckdb"])
def three(request):
    """The engines that run every case of a test here."""
    return Engine(request.param)


def shop(**columns):
    """Ann and Bob pay twice each."""
    known = {"who": ["Ann", "Ann", "Bob", "Bob"], "day": pd.to_datetime(DAYS)}
    return pd.DataFrame({**known, "paid": [10.0, 30.0, 20.0, 50.0], **columns})


def lines(currency="currency", **columns):
    """The same as plain transactions, of which no door was asked."""
    frame = shop(**columns).rename(columns={"who": "customer_id", "day": "date", "paid": "sales"})
    return frame.assign(**{currency: ["EUR", "EUR", "USD", "USD"]})


def sold(engine, table):
    """The sales of an answer by customer and date."""
    return engine.read(table, order=["customer_id", "date"])["sales"].tolist()


# the door: currency= and rates=


def test_a_named_currency_goes_out_by_its_code(engine):
    """Padding, small letters and signs of one country are read as the ISO code."""
    table = engine.table(shop(day=DAYS, Currency=["EUR", " eur", "US$", "$"]))
    found = engine.read(rt.as_transactions(table, **SAY, currency="currency"))
    assert list(found.columns) == ["customer_id", "date", "sales", "currency"]
    found = found.sort_values(["customer_id", "date"])
    assert found["currency"].tolist() == ["EUR", "EUR", "USD", "$"]


def test_one_number_each_converts_every_amount_of_a_row(three):
    """Sales, price and cost: 2 pieces of 10 USD that cost 6 USD are 10 EUR and 7 of profit at .5"""
    frame = shop(Currency=["EUR", "USD", "USD", "EUR"], n=[1, 2, 1, 1], cost=[4.0, 6, 2, 10])
    table = three.table(frame.assign(paid=[10.0, 10.0, 20.0, 50.0]))
    say = {"customer_id": "who", "date": "day", "quantity": "n", "unit_price": "paid"}
    told = rt.as_transactions(
        table, **say, cost="cost", currency="Currency", rates={"eur": 1, "US$": 0.5}
    )
    found = three.read(told, order=["customer_id", "date"])
    assert list(found.columns) == ["customer_id", "date", "sales", "profit"]
    assert found["sales"].tolist() == [10.0, 10.0, 10.0, 50.0]
    assert found["profit"].tolist() == [6.0, 7.0, 9.0, 40.0]
    rt.outcome_kpis(rt.customer_periods(told, **MONTHS))  # of one currency now


RATES = pd.DataFrame({
    "currency": ["USD", "EUR", "USD", "usd"],
    "date": pd.to_datetime(["2024-02-03", "2023-12-31", "2024-01-01", "2024-02-04"]),
    "rate": [0.8, 1.0, 0.9, 0.7],
})  # fmt: skip


def test_the_rate_of_a_day_is_the_last_one_told_by_then(engine):
    """20 USD of 20 January at .9 of the 1st, 50 of 3 February at .8 of that day, not .7 later."""
    table = engine.table(shop(day=DAYS, Currency=["EUR", "EUR", "USD", "USD"]))
    told = rt.as_transactions(table, **SAY, currency="Currency", rates=engine.table(RATES))
    assert sold(engine, told) == pytest.approx([10.0, 30.0, 18.0, 40.0], rel=1e-12)


def test_rates_may_be_text_or_another_kind_of_table(three):
    """As read from a CSV, with decimal commas; rows keep their order."""
    text = RATES.assign(date=RATES["date"].dt.strftime("%Y-%m-%d"), rate=["0,8", "1", "0,9", "0,7"])
    table = three.table(shop(Currency=["EUR", "USD", "USD", "EUR"]))
    told = rt.as_transactions(table, **SAY, currency="Currency", rates=text)
    assert sold(three, told) == pytest.approx([10.0, 21.0, 18.0, 50.0], rel=1e-12)
    if three.name != "duckdb":
        assert three.read(told)["sales"].tolist() == pytest.approx([10.0, 21.0, 18.0, 50.0])
    whole = RATES.drop(columns="date").iloc[[1, 2]]
    told = rt.as_transactions(table, **SAY, currency="Currency", rates=whole)
    assert sold(three, told) == pytest.approx([10.0, 27.0, 18.0, 50.0], rel=1e-12)


def test_rows_that_cannot_be_converted_are_refused_and_set_aside(three):
    """Without a currency, in one without a rate, or of a day before the first rate."""
    frame = shop(Currency=["EUR", None, "GBP", "USD"])
    table = three.table(frame)
    say = {**SAY, "currency": "Currency"}
    late = RATES.assign(date=RATES["date"] + pd.Timedelta(days=60))
    with pytest.raises(rt.ContentError) as refused:
        rt.as_transactions(table, **say, rates=late)
    said = str(refused.value)
    assert "missing currency: 1 row" in said
    assert "currency without an exchange rate: 1 row" in said
    assert "what one unit of each is worth: GBP (1 row" in said
    assert "date before the first exchange rate: 2 rows" in said
    assert "EUR from 2024-02-29, USD from 2024-03-01" in said
    found = rt.audit(rt.as_transactions, table, **say, rates={"EUR": 1, "USD": 0.5})
    assert three.read(found.accepted, order=["sales"])["sales"].tolist() == [10.0, 25.0]
    reasons = sorted(three.read(found.set_aside)["reason"])
    assert reasons == ["currency without an exchange rate", "missing currency"]
    filled = three.table(frame.assign(Currency=["EUR", "EUR", "GBP", "USD"]))
    told = rt.as_transactions(filled, **say, rates={"EUR": 1, "USD": 0.5, "GBP": 2})
    assert sold(three, told) == [10.0, 30.0, 40.0, 25.0]


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({}, "rates is empty"),
        ({"EUR": 0}, "'EUR' must have a number above 0; got 0"),
        ({"EUR": "1"}, "must have a number above 0"),
        ({"EUR": 1, "€": 2}, "EUR is there twice"),
        ("EUR=1", "rates= is {'EUR': 1"),
        (RATES.iloc[:0], "rates is empty"),
        (RATES.drop(columns="rate"), "rates names 'rate', which is not a column"),
        (RATES.assign(rate=-1.0), "4 rows with a rate that is not a number above 0"),
        (RATES.assign(date="soon"), "4 rows with a date that is not a day"),
        (RATES.assign(date=pd.Timestamp("2024-01-01")), "USD has two rates, 0.7 and 0.8 on 2024"),
        (RATES.drop(columns="date"), "USD has two rates, .* no column date"),
    ],
)
def test_rates_that_are_none_are_refused(rates, message):
    """Neither numbers above 0 nor a table of them, or two for one day."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.as_transactions(shop(c="EUR"), **SAY, currency="c", rates=rates)


def test_rates_need_to_know_the_currency():
    """And a column that is no currency is none."""
    with pytest.raises(rt.RetentionError, match="rates= needs currency="):
        rt.as_transactions(shop(), **SAY, rates={"EUR": 1})
    with pytest.raises(rt.ColumnError, match="holds Datetime.*not names of currencies"):
        rt.as_transactions(shop(), **SAY, currency="day")
    with pytest.raises(rt.ColumnError, match="whose amounts carry no signs"):
        rt.as_transactions(shop(), **SAY, currency="paid")
    with pytest.raises(rt.ColumnError, match=r"say as_transactions\(..., currency='Currency'\)"):
        rt.as_transactions(shop(Currency="EUR"), **SAY, keep="Currency")
    many = pd.concat([shop()] * 60, ignore_index=True)
    many["who"] = many["note"] = [f"n{i}" for i in range(240)]
    with pytest.raises(rt.ColumnError, match="240 different texts"):
        rt.as_transactions(many, **SAY, currency="note")


def test_numbers_may_stand_for_currencies(three):
    """The 978 of ISO 4217, or a key of one's own."""
    table = three.table(shop(currency_id=[978, 978, 840, 840]))
    with pytest.raises(rt.ContentError, match=r"'currency_id' says 840 \(2 rows.* 978 \(2 rows"):
        rt.as_transactions(table, **SAY)
    told = rt.as_transactions(table, **SAY, currency="currency_id", rates={978: 1, "840": 0.5})
    assert sold(three, told) == [10.0, 30.0, 10.0, 25.0]


def test_contracts_costs_and_wallets_are_told_their_currency_too(three):
    """A contract at the rate of its first day; a cost and a wallet of their own."""
    frame = shop(Currency=["EUR", "EUR", "USD", "USD"], end=pd.Timestamp("2024-12-31"), all=60.0)
    table = three.table(frame.assign(kind="wages", paid=[12.0, 24.0, 36.0, 48.0]))
    two = {"currency": "Currency", "rates": RATES}
    say = {"customer_id": "who", "start": "day", "end": "end", "end_is": "last_day"}
    money = {"sales": "paid", "sales_per": "year"}
    doors = {
        "sales": lambda **more: rt.as_contracts(table, **say, **money, **more),
        "amount": lambda **more: rt.as_costs(
            table, date="day", kind="kind", amount="paid", customer_id="who", **more
        ),
        "wallet": lambda **more: rt.as_wallet(
            table, customer_id="who", date="day", sales="all", elsewhere="paid", **more
        ),
    }
    expected = {"sales": [1.0, 2.0, 2.7, 3.2], "amount": [12.0, 24.0, 32.4, 38.4]}
    expected |= {"wallet": [72.0, 84.0, 86.4, 86.4]}
    for column, door in doors.items():
        with pytest.raises(rt.ContentError, match="amounts in several currencies"):
            door()
        found = three.read(door(**two))
        day = "start" if "start" in found else "date"
        found = found.sort_values(["customer_id", day])
        assert "currency" not in found
        assert found[column].tolist() == pytest.approx(expected[column], rel=1e-12)
        assert sorted(three.read(door(currency="Currency"))["currency"]) == [
            *["EUR"] * 2,
            *["USD"] * 2,
        ]


# the door: what nobody said


def test_a_column_beside_the_amounts_that_says_two_currencies_is_seen(three):
    """Every way out that the refusal names is one."""
    table = three.table(
        shop(**{"Presentment Currency": ["EUR", "EUR", "USD", "USD"], "cur": "EUR"})
    )
    with pytest.raises(rt.ContentError) as refused:
        rt.as_transactions(table, **SAY)
    said = str(refused.value)
    assert "amounts in several currencies: 4 rows" in said
    assert "EUR (2 rows" in said
    assert (
        "Say currency='Presentment Currency', and to convert rates={'EUR': 1, 'USD': ...}" in said
    )
    named = {"currency": "Presentment Currency"}
    told = rt.as_transactions(table, **SAY, **named)
    assert len(three.read(rt.customer_periods(told, **MONTHS, by="currency"))) == 4
    told = rt.as_transactions(table, **SAY, **named, rates={"EUR": 1, "USD": 0.5})
    assert sold(three, told) == [10.0, 30.0, 10.0, 25.0]
    assert "in one currency already, rates={'EUR': 1, 'USD': 1}" in said
    told = rt.as_transactions(table, **SAY, **named, rates={"EUR": 1, "USD": 1})
    assert sold(three, told) == [10.0, 30.0, 20.0, 50.0]
    found = rt.audit(rt.as_transactions, table, **SAY)
    assert len(three.read(found.set_aside)) == 4


def test_the_currency_of_the_shop_may_be_the_one_that_counts():
    """Where two columns are of currencies and one says the same in all rows, it is offered."""
    frame = shop(**{"Currency": "EUR", "Presentment Currency": ["EUR", "EUR", "USD", "USD"]})
    with pytest.raises(rt.ContentError, match=r"or currency='Currency'\."):
        rt.as_transactions(frame, **SAY)
    assert rt.as_transactions(frame, **SAY, currency="Currency")["currency"].unique() == ["EUR"]


@pytest.mark.parametrize(
    "header",
    ["Currency", "currency_code", "presentmentCurrency", "CURR.", "Währung", "Waehrungscode",
     "Rechnungswährung", "devise", "Moneda", "Divisa", "valuta", "ccy", "WAERS", "moeda"],
)  # fmt: skip
def test_a_header_means_currency_in_several_languages(header):
    """Whatever its case, its accents and the words beside."""
    assert says_currency(header)
    with pytest.raises(rt.ContentError, match="amounts in several currencies"):
        rt.as_transactions(shop(**{header: ["EUR", "EUR", "USD", None]}), **SAY)


@pytest.mark.parametrize("header", ["concurrency", "recurring", "device", "cursor", "occurred"])
def test_a_header_that_sounds_alike_means_something_else(header):
    """Two texts beneath it are nobody's currencies."""
    assert not says_currency(header)
    assert len(rt.as_transactions(shop(**{header: ["high", "low", "high", "low"]}), **SAY)) == 4


@pytest.mark.parametrize("header", ["unit", "F7", "symbol", "Unnamed: 3"])
def test_codes_of_currencies_are_seen_under_any_name(three, header):
    """All that stands there is ISO 4217, two of them at least, and one of the most used."""
    for column in (["EUR", "sek", "SEK", None], ["€", "SEK", "SEK", "€ "]):
        table = three.table(shop(**{header: column}))
        with pytest.raises(rt.ContentError, match=f"Column '{header}' says .*SEK"):
            rt.as_transactions(table, **SAY)


@pytest.mark.parametrize(
    "columns",
    [
        {"Currency": "EUR"},
        {"Currency": ["EUR", "eur ", "€", None]},
        {"currency_rate": ["1.08", "0.92", "1", "1"]},
        {"exchange rate to currency": [1.08, 0.92, 1.0, 1.0]},
        {"multi_currency": ["yes", "no", "no", "yes"]},
        {"amount in local currency": ["10.00", "30,00", "5", "7"]},
        {"Valuta": ["2024-01-01", "2024-02-10", "2024-02-11", "2024-02-12"]},  # the day of a bank
        {"item": ["CUP", "TOP", "PEN", "CUP"]},
        {"code": ["CUP", "TOP", "PEN", "CUP"]},
        {"airport": ["EUR", "USD", "EUR", "USD"]},
        {"Country": ["CHE", "USA", "DEU", "FRA"]},
        {"code": ["EUR", "USD", "EUR", "none of them"]},
        {"nick": ["BOB", "ALL", "BOB", "MAD"]},
    ],
)
def test_clean_files_are_left_in_peace(columns):
    """One currency, rates, flags, amounts, and what only looks like currencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(rt.as_transactions(shop(**columns), **SAY)) == 4


def test_signs_of_two_currencies_in_the_amounts_are_seen(three):
    """¥10,000 and $100.00 are not 10,100; the signs may say the currency, and be converted."""
    table = three.table(shop(paid=["¥10,000", "$100.00", "-$5.00", "$20.00"]))
    say = {**SAY, "refunds": "net"}
    with pytest.raises(rt.ContentError) as refused:
        rt.as_transactions(table, **say)
    said = str(refused.value)
    assert "amounts with signs of several currencies: 4 rows" in said
    assert "$ (3 rows" in said
    assert "¥ (1 row" in said
    assert "Say currency='paid'" in said
    told = rt.as_transactions(table, **say, currency="paid")
    found = three.read(told, order=["customer_id", "date"])
    assert found["currency"].tolist() == ["¥", "$", "$", "$"]
    assert "rates={'$': 1, '¥': ...}" in said
    told = rt.as_transactions(table, **say, currency="paid", rates={"$": 1, "¥": 0.01})
    assert sold(three, told) == pytest.approx([100.0, 100.0, -5.0, 20.0], rel=1e-12)


@pytest.mark.parametrize(
    ("paid", "two"),
    [
        (["EUR 10", "10 USD", "5 EUR", "1"], True),
        (["CHF 10", "10 €", "5 €", "1"], True),
        (["US$10", "$10", "$5", "$1"], True),
        (["10 USD", "$10", "$5", "$1"], True),
        (["C$10", "US$10", "US$5", "US$1"], True),
        (["€ 10", "10 EUR", "EUR 5", "1"], False),
        (["(€10)", "€-10", "1e3", "10- €"], False),
        (["$10", "10", "5", "1"], False),
    ],
)
def test_signs_are_of_one_currency_or_two(paid, two):
    """A sign and the code of the same country are one; "$" may be of another than "US$"."""
    say = {**SAY, "refunds": "net", "duplicates": "keep"}
    if not two:
        assert len(rt.as_transactions(shop(paid=paid), **say)) == 4
        return
    with pytest.raises(rt.ContentError, match="signs of several currencies"):
        rt.as_transactions(shop(paid=paid), **say)


def test_sales_and_costs_have_one_currency_together():
    """Dollars less euros are no profit."""
    frame = shop(paid="$10", cost="€8")
    with pytest.raises(rt.ContentError, match="signs of several currencies"):
        rt.as_transactions(frame, **SAY, cost="cost", duplicates="keep")


def test_a_sign_that_contradicts_the_named_currency_is_a_problem(three):
    """€ beside USD is, $ beside AUD is not, nor is a sign beside a key of one's own."""
    frame = shop(paid=["$10", "€20", "€30", "$5"], c=["AUD", "USD", "EUR", "USD"])
    table = three.table(frame)
    with pytest.raises(rt.ContentError) as refused:
        rt.as_transactions(table, **SAY, currency="c")
    assert "sales with the sign of another currency: 1 row" in str(refused.value)
    found = rt.audit(rt.as_transactions, table, **SAY, currency="c")
    assert len(three.read(found.accepted)) == 3
    own = three.table(frame.assign(c=["1", "2", "2", "1"]))
    assert len(three.read(rt.as_transactions(own, **SAY, currency="c"))) == 4


def test_pence_are_no_pounds():
    """GBp is a hundredth of GBP, whatever case folding says."""
    assert (currency_code("GBp"), currency_code("gbp"), currency_code("£")) == ("GBX", "GBP", "GBP")


# behind the door


FIGURES = {
    "outcome_kpis": rt.outcome_kpis,
    "sales_adjusted_retention": rt.sales_adjusted_retention,
    "profit_adjusted_retention": rt.profit_adjusted_retention,
    "cohorts": lambda activity, **by: rt.cohort_retention(activity, measure="sales", **by),
    "revenue_movements": rt.revenue_movements,
    "customer_movements": rt.kpis.customer_movements,
    "quick_ratio": rt.kpis.quick_ratio,
    "net": lambda activity, **by: rt.net_revenue_retention(activity, lag=1, **by),
    "gross": lambda activity, **by: rt.gross_revenue_retention(activity, lag=1, **by),
}


def test_what_adds_money_is_refused_without_its_currency(three):
    """Each says what to write, and goes on when that is written."""
    activity = rt.customer_periods(three.table(lines()), by="currency", **MONTHS)
    for name, figure in FIGURES.items():
        with pytest.raises(rt.ContentError, match="Say by='currency'") as refused:
            figure(activity)
        assert "sales in 2 currencies, which cannot be added up" in str(refused.value), name
        if three.name == "pandas":
            assert len(figure(activity, by="currency")), name
    kpis = three.read(rt.outcome_kpis(activity, by="currency"), order=["currency"])
    assert kpis["sales_base"].tolist() == [10.0, 20.0]
    assert kpis["currency"].tolist() == ["EUR", "USD"]


def test_what_counts_customers_goes_on(three):
    """Whatever they pay in."""
    table = three.table(lines())
    activity = rt.customer_periods(table, by="currency", **MONTHS)
    assert three.read(rt.retention_rate(activity))["n_retained"].tolist() == [2]
    assert three.read(rt.logo_churn(activity, lag=1))["logo_churn"].tolist() == [0.0]
    assert len(three.read(rt.cohort_retention(activity)))
    assert len(three.read(rt.lifecycle_states(activity, lost_after=1)))
    weekly = rt.customer_periods(table, by="currency", freq="week", as_of="2024-02-29")
    assert len(three.read(rt.kpis.churn_bridge(weekly, by="currency")))
    assert len(three.read(rt.kpis.target_customers(activity, target={"currency": "EUR"})))
    assert len(three.read(rt.purchase_spells(table, gap=30, as_of="2024-02-29"))) == 3
    assert len(three.read(rt.churn_score(table, as_of="2024-02-29", within=30))) == 2


def test_what_has_no_segments_says_to_convert(three):
    """And does so for a table beside the activity."""
    table = three.table(lines())
    activity = rt.customer_periods(table, by="currency", **MONTHS)
    one = rt.customer_periods(three.table(lines().drop(columns="currency")), **MONTHS)
    days = {"date": pd.to_datetime(["2024-01-01", "2024-02-01"]), "currency": ["EUR", "USD"]}
    market = three.table(pd.DataFrame({**days, "market": [100.0, 100.0]}))
    wallet = three.table(
        pd.DataFrame({"customer_id": ["Ann", "Bob"], **days, "wallet": [40.0, 80.0]})
    )
    costs = three.table(pd.DataFrame({**days, "kind": ["ads", "ads"], "amount": [1.0, 2.0]}))
    asked = {
        "activity holds sales": [
            lambda: rt.kpis.market_share(activity, market),
            lambda: rt.share_of_wallet(activity, wallet),
            lambda: rt.kpis.strategic_customers(activity, volume=0.5),
            lambda: rt.kpis.target_customers(activity, target="sales", top=0.5),
            lambda: rt.kpis.churn_bridge(activity, by="currency", overlap="main"),
        ],
        "market holds market": [lambda: rt.kpis.market_share(one, market)],
        "wallet holds wallet": [lambda: rt.share_of_wallet(one, wallet)],
        "costs holds amount": [
            lambda: rt.kpis.cost_kpis(costs, one, of="ads"),
            lambda: rt.kpis.cost_to_serve(costs, one, of="ads", allocation="equal"),
            lambda: rt.kpis.unallocated_costs(
                costs, activity, of="ads", allocation="equal", within="currency"
            ),
        ],
        "transactions holds sales": [
            lambda: rt.purchase_summary(table, as_of="2024-02-29"),
            lambda: rt.retention_report(table, **MONTHS),
        ],
    }
    assert len(three.read(rt.kpis.cost_kpis(costs, activity, of="ads", by="currency"))) == 2 * 2 * 2
    for start, figures in asked.items():
        for figure in figures:
            with pytest.raises(rt.ContentError, match=f"{start} in 2 currencies, which cannot be"):
                figure()


def test_a_plain_table_is_guarded_by_what_its_column_means(three):
    """Nobody needs to have come through a door."""
    headers = {"pandas": "Currency", "polars": "Währung", "duckdb": "presentment_currency"}
    header = headers[three.name]
    table = three.table(lines(header))
    with pytest.raises(rt.ContentError, match=f"Say by='{header}', or convert them at the door"):
        rt.customer_periods(table, **MONTHS)
    activity = rt.customer_periods(table, by=header, **MONTHS)
    assert len(three.read(rt.outcome_kpis(activity, by=header))) == 2
    with pytest.raises(rt.ContentError, match=f"Say by='{header}'"):
        rt.outcome_kpis(activity)
    said = {"currency": header, "rates": {"EUR": 1, "USD": 0.5}}
    names = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    told = rt.as_transactions(table, **names, **said)
    assert three.read(rt.outcome_kpis(rt.customer_periods(told, **MONTHS)))["sales_base"][0] == 20.0


def test_contracts_are_guarded_as_far_as_they_have_money(three):
    """Without amounts there is nothing to add up."""
    frame = lines().rename(columns={"date": "start"})
    frame["end"] = pd.Timestamp("2024-03-01")
    table = three.table(frame)
    with pytest.raises(rt.ContentError, match="contracts holds sales in 2 currencies"):
        rt.contract_periods(table, **MONTHS)
    assert len(three.read(rt.contract_periods(table, by="currency", **MONTHS)))
    free = three.table(frame.drop(columns="sales"))
    activity = rt.contract_periods(free, by="currency", **MONTHS)
    assert len(three.read(rt.outcome_kpis(activity))) == 2


def test_one_currency_is_nobodys_problem(three):
    """Blanks are no second one."""
    table = three.table(lines().assign(currency=["EUR", None, "eur", "EUR "]))
    assert len(three.read(rt.outcome_kpis(rt.customer_periods(table, **MONTHS)))) == 1


def test_cohorts_do_not_add_a_customers_currencies(three):
    """By currency, who began with euros takes dollars along: that is refused too."""
    frame = lines().assign(currency=["EUR", "USD", "USD", "USD"])
    activity = rt.customer_periods(three.table(frame), by="currency", **MONTHS)
    with pytest.raises(rt.ContentError, match="1 customer brought money in several currencies"):
        rt.cohort_retention(activity, measure="sales", by="currency")
    assert len(three.read(rt.cohort_retention(activity, by="currency")))
    whole = rt.customer_periods(three.table(lines()), by="currency", **MONTHS)
    cohorts = rt.cohort_retention(whole, measure="sales", by="currency")
    with pytest.raises(rt.ContentError, match="cohorts holds base in 2 currencies"):
        rt.kpis.average_retention(cohorts)
    assert len(three.read(rt.kpis.average_retention(cohorts, by="currency")))
    assert len(three.read(rt.cohort_triangle(cohorts)))


def test_more_than_two_million_rows_are_guarded_on_their_way_to_duckdb(monkeypatch):
    """The column goes along though nobody asked for it."""
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 2)
    with pytest.raises(rt.ContentError, match="2 currencies, which cannot be added up"):
        rt.customer_periods(lines("Currency"), **MONTHS)


def test_a_record_adds_no_currencies():
    """What it counts stays; what it would add up is not there, and does not fail a comparison."""
    first, second = lines(), lines(paid=[11.0, 30.0, 20.0, 50.0])
    runs = []
    for table in (first, second):
        activity = rt.recording.recorded(rt.customer_periods, table, by="currency", **MONTHS)
        runs.append(rt.recording.recorded(rt.outcome_kpis, activity, by="currency"))
    given = runs[0].definition["inputs"][0]["made_by"]["inputs"][0]
    assert [month["n_rows"] for month in given["months"]] == [2, 2]
    assert [month["sales"] for month in given["months"]] == [None, None]
    found = rt.recording.compare_runs(*runs)
    assert set(found["detail"]) == {"transactions: 2024-01 as many rows, other content (2)"}


# files and the command line


def test_a_file_is_guarded_though_only_named_columns_are_read(tmp_path):
    """Columns that may say a currency are read with them."""
    path = tmp_path / "orders.csv"
    for header in ("Currency", "kind"):
        lines(header).to_csv(path, index=False)
        say = {"customer_id": "customer_id", "date": "date", "sales": "sales", "duplicates": "keep"}
        for engine in ("pandas", "polars", "duckdb") if header == "Currency" else ("duckdb",):
            with pytest.raises(rt.ContentError, match=f"Column '{header}' says EUR"):
                rt.as_transactions(path, engine=engine, **say)
        told = rt.as_transactions(path, **say, currency=header, rates={"EUR": 1, "USD": 0.5})
        assert told["sales"].tolist() == [10.0, 30.0, 10.0, 25.0]


def test_the_command_line_takes_currency_and_rates(tmp_path, capsys):
    """What its refusals say can be typed."""
    path, out, rates = (tmp_path / name for name in ("o.csv", "k.csv", "rates.csv"))
    lines("Currency").to_csv(path, index=False)
    RATES.to_csv(rates, index=False)
    ask = ["kpis", str(path), "--as-of", "2024-02-29", "--freq", "month", "-o", str(out)]

    def base(*more):
        assert main([*ask, *more]) == 0
        return pd.read_csv(out)["sales_base"].tolist()

    assert main(ask) == 1
    said = capsys.readouterr().err
    assert "Say --currency Currency, and to convert --rates EUR=1,USD=... as well" in said
    assert main([*ask, "--currency", "Currency"]) == 1
    assert (
        "Say --by currency, or convert them at the door, --currency COLUMN"
        in capsys.readouterr().err
    )
    assert base("--currency", "Currency", "--by", "currency") == [10.0, 20.0]
    assert base("--by", "currency") == [10.0, 20.0]
    assert base("--currency", "Currency", "--rates", "EUR=1,USD=0.5") == [20.0]
    assert base("--currency", "Currency", "--rates", str(rates)) == [28.0]
    assert main([*ask, "--currency", "Currency", "--rates", "EUR=1,USD=x"]) == 2
    assert "--rates: 'USD=x' is no rate such as USD=0.92." in capsys.readouterr().err
    config = tmp_path / "c.toml"
    config.write_text(
        '[columns]\ncurrency = "Currency"\n[reading]\nrates = { EUR = 1, USD = 0.5 }\n'
    )
    assert base("--config", str(config)) == [20.0]
    report = ["report", *ask[1:-2], "--currency", "Currency", "-o", str(tmp_path / "r.md")]
    assert main(report) == 1
    assert main([*report, "--rates", "EUR=1,USD=0.5"]) == 0
