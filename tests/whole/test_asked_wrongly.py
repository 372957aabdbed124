"""What findings, scores and doors are asked wrongly: own errors, and no mixture in silence."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention as rt
from shops import orders

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

MONTHS = {
    "period": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    "step": [24288, 24289],
}
RATES = pd.DataFrame({
    **MONTHS, "retention_rate": [0.8, 0.6], "lower": [0.7, 0.5], "upper": [0.9, 0.7],
    "churn_rate": [0.2, 0.4],
})  # fmt: skip


def test_bounds_belong_to_the_figure_before_them():
    """Those of the retention rate are none of the churn rate's, which then has none."""
    found = rt.findings.has_changed(RATES, figure="churn_rate")
    assert found["change"].round(10).tolist() == [0.2]
    assert found[["lower", "upper"]].isna().all(axis=None)
    assert found["verdict"].tolist() == ["unknown"]
    assert rt.findings.has_changed(RATES)["verdict"].tolist() == ["worse"]


def test_a_figure_without_bounds_changes_all_the_same():
    """Whether it did so clearly is not known."""
    bare = RATES.drop(columns=["lower", "upper"])
    found = rt.findings.has_changed(bare)
    assert (found["change"].round(10)[0], found["verdict"][0]) == (-0.2, "unknown")


@pytest.mark.parametrize("name", ["lower", "finding", "Before", "step", "period"])
def test_a_segment_named_like_the_answer_is_refused(name):
    """Its labels would be overwritten."""
    table = RATES.drop(columns=[name], errors="ignore").assign(**{name: "x"})
    with pytest.raises(rt.ColumnError, match=rf"by: '{name}' is a name that answers use"):
        rt.findings.has_changed(table, by=name)


@pytest.mark.parametrize("name", ["rate", "note", "told"])
def test_a_segment_may_have_any_other_name(name):
    """The labels are kept apart from what is worked out."""
    both = pd.concat(
        [RATES.assign(**{name: "A"}), RATES.assign(**{name: "B", "retention_rate": 0.5})]
    )
    found = rt.findings.has_changed(both, by=name)
    assert found.set_index(name)["change"].round(10).to_dict() == {"A": -0.2, "B": 0.0}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"apart": 2**63}, "apart may be 1,000,000 periods at most"),
        ({"apart": True}, "apart must be a whole number of periods"),
        ({"figure": None}, "figure"),
        ({"by": None}, "by must name a column"),
        ({"by": 3}, "by='3'"),
        ({"by": ["period", "period"]}, "'period' is a name that answers use"),
    ],
)
def test_what_has_changed_is_asked_in_words(said, message):
    """No exception of another library comes through."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.findings.has_changed(RATES, **said)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"least": 0}, "least must be a whole number of customers, 1 or more; got 0"),
        ({"least": "10"}, "least must be a whole number"),
        ({"apart": 0}, "apart must be a whole number of periods"),
        ({"by": None}, "by must name a column"),
    ],
)
def test_pools_are_asked_in_words(said, message):
    """Nor is a pool of nobody taken for an answer."""
    activity = rt.customer_periods(
        orders(("Ann", "2024-01-05", 1.0), ("Bob", "2024-02-29", 1.0)).assign(seg="x"),
        freq="month", as_of="2024-02-29", observed_from="2024-01-01", by="seg",
    )  # fmt: skip
    with pytest.raises(rt.RetentionError, match=message):
        rt.findings.pool_small_segments(activity, **{"by": "seg", **said})


SPELLS = pd.DataFrame({"duration": [3, 5, 7, 9] * 5, "churned": [True, False] * 10})


@pytest.mark.parametrize("wrong", [3, [3], None])
@pytest.mark.parametrize(
    "asked",
    [
        lambda wrong: rt.fit_cox(SPELLS, covariates=wrong),
        lambda wrong: rt.repeat_buying.fit_bg_nbd(pd.DataFrame(), buying_covariates=wrong),
        lambda wrong: rt.repeat_buying.fit_pareto_nbd(pd.DataFrame(), leaving_covariates=wrong),
        lambda wrong: rt.survival.brier_score(SPELLS, survival=wrong, times=[4]),
        lambda wrong: rt.survival.time_dependent_auc(
            SPELLS, risk="duration", times=[4], censoring_by=wrong
        ),
    ],
)
def test_columns_are_named_by_their_names(asked, wrong):
    """A number or nothing in place of a name is told, with what to write."""
    with pytest.raises(rt.ColumnError, match=r"must name (a column|columns)"):
        asked(wrong)


def test_one_sentence_does_not_mix_segments():
    """Those of the one plan leave on day 3, those of the other stay: no moment is in both."""
    spells = pd.DataFrame({
        "duration": [100] * 5 + [3] * 5, "churned": [False] * 5 + [True] * 5,
        "plan": ["stays"] * 5 + ["goes"] * 5,
    })  # fmt: skip
    curve = rt.survival_curve(spells, by="plan")
    with pytest.raises(rt.ContentError, match="a row for each 'plan'.*such as 'goes'"):
        rt.findings.finding(curve)
    one = curve[curve["plan"] == "goes"]
    assert rt.findings.finding(one) == "Half of them have left by 3."


@pytest.mark.parametrize("within", [800_000, 1_000_000])
def test_a_score_may_look_beyond_the_calendar(within):
    """Nothing was observed so long before, so that nothing tells what it is worth."""
    scores = rt.churn_score(rt.sample_company(50, seed=1).orders, as_of="2024-12-31", within=within)
    assert set(scores["within"]) == {within}
    assert set(scores["against_base"]) == {"unknown"}


CODES = pd.DataFrame({"id": ["A", "B", None], "t": [5, 7, 9], "status": [1, 1, 0]})


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
def test_an_audit_leaves_no_question_open_that_its_door_asks(engine):
    """Codes of nothing but 1 mean that all have churned, or nobody; set aside, the 0 tells not."""
    table = {"pandas": CODES, "polars": pl.from_pandas(CODES), "duckdb": duckdb.from_df(CODES)}[
        engine
    ]
    roles = {"customer_id": "id", "duration": "t", "churned": "status"}
    with pytest.raises(rt.ContentError, match="say churned_is=1 or churned_is=2"):
        rt.audit(rt.as_spells, table, **roles)
    assert len(nobody(rt.audit(rt.as_spells, table, **roles, churned_is=2).accepted)) == 2


def nobody(table):
    """The rows of any of the three."""
    return table.fetchall() if hasattr(table, "fetchall") else np.asarray(table)


def test_refunds_alone_are_refused_without_advice_that_does_not_help():
    """No row is worse than another, so that no audit parts them; it can be had all the same."""
    lines = pd.DataFrame({"who": ["A", "B"], "day": ["2024-01-01"] * 2, "paid": [-1, -2]})
    roles = {"customer_id": "who", "date": "day", "sales": "paid", "refunds": "net"}
    with pytest.raises(rt.ContentError, match="Every line is a refund") as refused:
        rt.as_transactions(lines, **roles)
    assert "parts such rows" not in str(refused.value)
    assert len(rt.audit(rt.as_transactions, lines, **roles).accepted) == 2


@pytest.mark.parametrize("thing", [rt.loading.Audit, rt.retention_rate, print, None, "as_spells"])
def test_an_audit_takes_a_door(thing):
    """Whatever else is given is named."""
    with pytest.raises(rt.RetentionError, match="audit takes a door first"):
        rt.audit(thing, CODES)


def test_a_wide_relation_is_read():
    """A sum over its columns, one after the other, is deeper than Python can follow."""
    many = ", ".join(f"{i} AS x{i}" for i in range(1_100))
    wide = duckdb.sql(f"SELECT 'A' AS c, DATE '2024-01-01' AS d, 1.0 AS s, {many}")
    lines = rt.as_transactions(wide, customer_id="c", date="d", sales="s")
    assert len(lines.fetchall()) == 1
