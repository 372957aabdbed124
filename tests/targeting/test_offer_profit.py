"""offer_profit: the money of an offer, customer by customer, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.errors import ColumnError, ContentError, RetentionError
from retention.targeting import Offer, offer_profit

PUBLISHED = {"making": 1, "taking": 10, "success": 0.3, "stayers_taking": 1, "stayers_lost": 0}
MONEY = ["expected_gain", "expected_taking", "expected_loss", "making"]

chances = st.integers(0, 20).map(lambda n: n / 20)
amounts = st.integers(-400, 900).map(lambda n: n / 4)
costs = st.integers(0, 80).map(lambda n: n / 4)
customer = st.tuples(chances | st.none(), amounts | st.none(), costs, chances)


def offered(**changed):
    """The offer of the published studies, with some numbers changed."""
    return Offer(**PUBLISHED | changed)


def customers(*rows, columns=("churn_probability", "value")):
    """Customers 1, 2, …, as (chance to leave, value)."""
    table = pd.DataFrame(rows, columns=list(columns), dtype=float)
    table.insert(0, "customer_id", range(1, len(rows) + 1))
    return table


THREE = customers((0.5, 200), (0.2, 400), (0.05, 100))


def test_the_vector_of_three_customers(engine):
    """γ .3, α 1, β 0, d 10, f 1: profits 22.5, 14.4, −9.15; break-even risks .1642 .0866 .2973."""
    answer = offer_profit(engine.table(THREE), offer=offered())
    assert engine.is_mine(answer)
    found = engine.read(answer).sort_values("customer_id")
    assert found["expected_profit"].tolist() == pytest.approx([22.5, 14.4, -9.15])
    assert found["break_even_risk"].round(4).tolist() == [0.1642, 0.0866, 0.2973]
    assert found["saved"].tolist() == pytest.approx([0.15, 0.06, 0.015])
    assert found["reason"].isna().all()


def by_definition(p, v, f, d, g, a, b):
    """Who would leave, who would stay, and what each then costs and brings."""
    leave, stay = p, 1 - p
    saved, lost = leave * g, stay * b
    return saved * (v - d) - (stay - lost) * a * d - lost * v - f


@given(rows=st.lists(customer, min_size=1, max_size=6), g=chances, b=chances, f=costs)
def test_agrees_with_the_definition_row_by_row(engine, rows, g, b, f):
    """Numbers of the offer from columns and for all; the money adds up to the last bit."""
    if all(row[0] is None for row in rows) or all(row[1] is None for row in rows):
        rows = [(0.5, 10.0, 1.0, 0.5), *rows]
    columns = ("p_no_purchase", "worth", "gift", "takers")
    table = customers(*rows, columns=columns).assign(plan="a.b")
    offer = Offer(making=f, taking="gift", success=g, stayers_taking="takers", stayers_lost=b)
    asked = {"churn": "p_no_purchase", "value": "worth", "keep": "plan"}
    found = engine.read(offer_profit(engine.table(table), offer=offer, **asked))
    found = found.sort_values("customer_id").reset_index(drop=True)
    assert (found["plan"] == "a.b").all()
    gain, taking, loss, making = (found[name] for name in MONEY)
    known = found["expected_profit"].notna()
    assert (gain - taking - loss - making)[known].equals(found["expected_profit"][known])
    for i, (p, v, d, a) in enumerate(rows):
        row = found.loc[i]
        if p is None or v is None:
            assert np.isnan(row["expected_profit"])
            lacks = "chance to leave" if p is None else "value"
            assert row["reason"] == f"the {lacks} is missing"
            continue
        assert row["reason"] is None or pd.isna(row["reason"])
        assert row["expected_profit"] == pytest.approx(by_definition(p, v, f, d, g, a, b))
        if not np.isnan(least := row["break_even_risk"]):
            assert by_definition(least, v, f, d, g, a, b) == pytest.approx(0, abs=1e-8)
            assert by_definition(1, v, f, d, g, a, b) >= -1e-8
            assert by_definition(0, v, f, d, g, a, b) <= 1e-8


@given(p=chances, v=amounts, d=costs, f=costs, g=chances, a=chances, b=chances)
def test_it_falls_with_costs_and_rises_with_value_where_more_are_saved_than_lost(
    p, v, d, f, g, a, b
):
    """The directions that the catalogue states, and the offers of the published studies."""
    here = {"p": p, "v": v, "f": f, "d": d, "g": g, "a": a, "b": b}
    published = {"a": 1.0, "b": 0.0}
    changed = [{}, {"f": f + 1}, {"d": d + 1}, {"v": v + 1}, published]
    changed += [published | {"p": 1.0}, published | {"p": 0.0}]
    table = pd.DataFrame([here | change for change in changed]).assign(customer_id=range(7))
    offer = Offer(making="f", taking="d", success="g", stayers_taking="a", stayers_lost="b")
    answer = offer_profit(table, offer=offer, churn="p", value="v")
    first, dearer, richer, worthier, plain, leaver, stayer = answer["expected_profit"]
    assert dearer == pytest.approx(first - 1)
    assert richer <= first + 1e-9
    assert worthier - first == pytest.approx(p * g - (1 - p) * b, abs=1e-9)
    assert plain == pytest.approx(p * (g * (v - d)) - (1 - p) * d - f)
    if v > 0:  # Verbraken and others: CLV (γ (1 − δ) − φ) for churners kept, δ = d/V, φ = f/V
        assert leaver == pytest.approx(v * (g * (1 - d / v) - f / v))
        assert stayer == pytest.approx(-v * (d / v + f / v))


@pytest.mark.parametrize("name", ['^a.b*"`$', " ", "Churn_Probability"])
def test_columns_of_any_name_may_say_chance_value_and_numbers(engine, name):
    """One column that says everything, whatever it is called."""
    table = pd.DataFrame({"customer_id": [1, 2], name: [0.5, 0.25]})
    offer = offered(taking=name, success=name)
    answer = offer_profit(engine.table(table), offer=offer, churn=name, value=name)
    found = engine.read(answer).sort_values("customer_id")
    wanted = [by_definition(x, x, 1, x, x, 1, 0) for x in (0.5, 0.25)]
    assert found["expected_profit"].tolist() == pytest.approx(wanted)


def test_an_uplift_says_who_is_saved_and_who_is_lost(engine):
    """By hand: of u = .2 a fifth is saved; of u = −.1 a tenth is driven away."""
    rows = [(0.5, 100, 0.2), (0.5, 100, -0.1), (0.1, 100, 0.3), (0.8, 100, -0.3), (0.5, 100, None)]
    table = customers(*rows, columns=("churn_probability", "value", "u"))
    offer = offered(success=None, stayers_lost=None, stayers_taking=0.5)
    found = engine.read(offer_profit(engine.table(table), offer=offer, uplift="u"))
    found = found.sort_values("customer_id")
    assert found["saved"].tolist()[:4] == pytest.approx([0.2, 0, 0.1, 0])
    assert found["lost"].tolist()[:4] == pytest.approx([0, 0.1, 0, 0.2])
    # taking: d (saved + α (1 − max(p, p − u))), with u cut to the risk
    taking = [10 * (0.2 + 0.25), 10 * 0.5 * 0.4, 10 * (0.1 + 0.45), 0]
    assert found["expected_taking"].tolist()[:4] == pytest.approx(taking, abs=1e-12)
    assert found["expected_profit"].tolist()[0] == pytest.approx(20 - 4.5 - 1)
    assert found["break_even_risk"].isna().all()
    told = found["note"].tolist()
    assert [isinstance(note, str) for note in told] == [False, False, True, True, False]
    assert found["reason"].tolist()[4] == "the uplift is missing"


def test_an_uplift_of_what_an_offer_does_is_that_offer():
    """u = p γ where nobody is driven away."""
    table = THREE.assign(u=0.3 * THREE["churn_probability"])
    open_offer = offered(success=None, stayers_lost=None)
    measured = offer_profit(table, offer=open_offer, uplift="u")
    said = offer_profit(table, offer=offered())
    for name in [*MONEY, "expected_profit"]:
        assert measured[name].tolist() == pytest.approx(said[name].tolist())


def test_one_value_for_all():
    """As the published studies have it."""
    found = offer_profit(THREE[["customer_id", "churn_probability"]], offer=offered(), value=200)
    wanted = offer_profit(THREE.assign(value=200.0), offer=offered())
    pd.testing.assert_frame_equal(found, wanted)


def test_it_takes_what_predict_churn_and_residual_value_answer():
    """The chain from spells to a list, joined by customer."""
    contracts = pd.DataFrame({
        "customer_id": [f"C{i}" for i in range(60)],
        "start": pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(60) * 3, unit="D"),
        "plan": ["basic", "plus"] * 30,
    })  # fmt: skip
    ends = contracts["start"] + pd.to_timedelta(40 + np.arange(60) ** 2 % 300, unit="D")
    contracts["end"] = ends.astype("datetime64[us]").where(np.arange(60) % 3 > 0)
    spells = rt.contract_spells(contracts, as_of="2024-03-31", grace=0, keep="plan")
    model = rt.fit_cox(spells, covariates="plan")
    soon = rt.predict_churn(spells, model=model, within=30, keep="plan")
    asked = {"length": "day", "discount": 0.1, "horizon": 90, "timing": "start"}
    worth = rt.economics.residual_value(spells, model=model, profit=2.0, **asked)
    table = soon.merge(worth[["customer_id", "value"]], on="customer_id")
    found = offer_profit(table, offer=offered(), keep=["plan", "tenure"])
    assert len(found) == len(soon)
    known = table["churn_probability"].notna() & table["value"].notna()
    assert known.any()
    assert found["expected_profit"].notna().tolist() == known.tolist()
    assert found["reason"].isna().tolist() == known.tolist()
    assert found["plan"].tolist() == table["plan"].tolist()


def test_it_takes_what_churn_score_and_customer_value_answer():
    """The chain from orders."""
    company = rt.sample_company(150, seed=3)
    score = rt.churn_score(company.orders, as_of="2024-12-31", within=60)
    bought = rt.purchase_summary(company.orders, as_of="2024-12-31")
    model = rt.repeat_buying.fit_mbg_nbd(bought)
    asked = {"spend": 60.0, "horizon": 52, "margin": 0.3, "discount": 0.1}
    worth = rt.repeat_buying.customer_value(bought, model=model, **asked)
    table = score.merge(worth[["customer_id", "value"]], on="customer_id")
    found = offer_profit(table, offer=offered(), churn="p_no_purchase")
    assert found["churn_probability"].tolist() == score["p_no_purchase"].tolist()
    assert found["expected_profit"].notna().all()


def test_an_empty_table_has_an_empty_answer(engine):
    """With its columns."""
    found = engine.read(offer_profit(engine.table(THREE.head(0)), offer=offered()))
    assert len(found) == 0
    assert "expected_profit" in found


def test_what_cannot_be_told_is_null_with_the_reason(engine):
    """Of each number that a column may lack."""
    table = THREE.assign(cost=[1.0, None, float("nan")])
    found = engine.read(offer_profit(engine.table(table), offer=offered(making="cost")))
    found = found.sort_values("customer_id")
    assert found["expected_profit"].isna().tolist() == [False, True, True]
    assert found["reason"].tolist()[1:] == ["the offer's making is missing"] * 2
    assert found["expected_gain"].notna().all()


@pytest.mark.parametrize(
    ("table", "asked", "error", "said"),
    [
        (THREE, {"offer": 0.3}, RetentionError, "offer must be an Offer"),
        (THREE, {"churn": 0.3}, RetentionError, "churn must name the column"),
        (THREE, {"value": None}, RetentionError, "an amount, or the name of the column"),
        (THREE, {"value": float("inf")}, RetentionError, "got inf"),
        (THREE, {"churn": "p"}, ColumnError, "churn names 'p', which is not a column"),
        (THREE, {"keep": "plan"}, ColumnError, "keep names 'plan', which is not a column"),
        (THREE, {"keep": "value"}, ColumnError, "a name that answers use themselves"),
        (
            THREE,
            {"uplift": "value"},
            RetentionError,
            "The offer says success=0.3 and the table says uplift: name one.",
        ),
        (
            THREE,
            {"offer": offered(success=None, stayers_lost=None)},
            RetentionError,
            "leaves success and stayers_lost open",
        ),
        (
            THREE.assign(value=np.nan),
            {},
            ContentError,
            "nobody has a value in 'value'. Make it with residual_value(...).",
        ),
        (
            THREE.assign(churn_probability=[0.5, 30, 40]),
            {},
            ContentError,
            "2 rows are out of range in 'churn_probability', such as 30 of 2. churn is the chance "
            "to leave: 0 to 1. For 30 % say 0.3.",
        ),
        (THREE.assign(value=[1, 2, np.inf]), {}, ContentError, "such as inf of 3"),
        (THREE.assign(value="much"), {}, ColumnError, "must be numbers"),
        (
            THREE.assign(gift=-1.0),
            {"offer": offered(taking="gift")},
            ContentError,
            "taking is what the offer costs when it is taken: currency, 0 or more.",
        ),
        (THREE.drop(columns="customer_id"), {}, ColumnError, "customers (a customer who may"),
        (
            THREE.assign(currency=["EUR", "USD", "EUR"]),
            {},
            ContentError,
            "in 2 currencies, which cannot be added up",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(table, asked, error, said):
    """In the user's words."""
    with pytest.raises(error) as refused:
        offer_profit(table, **{"offer": offered()} | asked)
    assert said in str(refused.value)
