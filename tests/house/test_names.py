"""Names are data: no engine reads a column's name as its own language."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from conftest import Engine
from naming import _MONTHS, _ORDERS, AS_OF, PLAIN, run, same, world
from retention.frames import engines
from retention.names import inner_name, outer_text

# a small company has holes and strange orders, of which it is told under any name alike
pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

NAMES = ("a.b", "*", "^.*$", '"a"', "`a.b`", "\\ $1\nx")
ALL = '^a.b*"`$'
SHORT = {"transactions", "activity", "retention_rate", "contracts", "spells", "curve"}


def renamed(name, key="orders"):
    """A table of the company with its segment under another name."""
    return world()[key].rename(columns={PLAIN: name})


@pytest.mark.once
def test_every_function_answers_alike_under_any_name():
    """One name that holds everything engines read as their own, in every public function."""
    plain = dict(run(PLAIN, Engine("pandas")))
    for step, found in run(ALL, Engine("pandas")):
        assert not isinstance(plain[step], Exception), (step, plain[step])
        assert not isinstance(found, Exception), (step, found)
        assert same(plain[step], found), step


def test_engines_answer_alike_under_a_name_that_they_would_read(engine, monkeypatch):
    """From the door to rates and curves; Ibis merges its SELECTs, as it does for users."""
    plain = dict(run(PLAIN, Engine("pandas"), SHORT))
    if engine.name == "ibis":
        monkeypatch.setattr("ibis.options.sql.fuse_selects", True)
    for step, found in run(ALL, engine, SHORT):
        assert not isinstance(found, Exception), (step, found)
        assert same(plain[step], found), step


@pytest.mark.parametrize("name", NAMES)
def test_a_name_inside_is_itself_outside(name):
    """Whatever it holds, and however often it is taken inside."""
    assert outer_text(inner_name(inner_name(name))) == name
    assert outer_text(inner_name("")) == ""


@pytest.mark.parametrize("name", ["", *NAMES])
def test_a_large_pandas_table_is_grouped_under_any_name(name, monkeypatch):
    """It goes to DuckDB and back."""
    lines = rt.as_transactions(renamed(name), **_ORDERS, keep=name)
    small = rt.customer_periods(lines, by=name, **_MONTHS)
    monkeypatch.setattr(engines, "ROUTE_ROWS", 1)
    pd.testing.assert_frame_equal(rt.customer_periods(lines, by=name, **_MONTHS), small)
    assert name in rt.outcome_kpis(small, by=name)


@pytest.mark.parametrize("label", [7, None, ("a", "b"), pd.Timestamp("2024-01-01"), True, 1.5])
def test_in_pandas_a_column_may_be_labelled_with_anything(label):
    """It stands beside, and comes back where the table does."""
    lines = world()["orders"]
    lines.columns = pd.Index([*lines.columns[:4], label], dtype=object)
    asked = {**_ORDERS, "as_of": "2024-04-30"}
    assert label in rt.audit(rt.as_transactions, lines, **asked).set_aside.columns
    made = rt.as_transactions(lines, **_ORDERS)
    made[label] = 1
    spells = rt.purchase_spells(made, gap=40, as_of=AS_OF)
    assert len(rt.customer_periods(made, **_MONTHS))
    spells[label] = 1
    assert label in rt.survival.with_predictions(spells, model=rt.fit_cox(spells)).columns


def test_a_column_with_a_number_for_a_name_goes_by_its_text():
    """The refusal of the number says what to write."""
    lines = world()["orders"].set_axis(range(5), axis="columns")
    with pytest.raises(rt.ColumnError, match="goes by its text: say customer_id='0'"):
        rt.as_transactions(lines, customer_id=0, date="1", sales="2")
    made = rt.as_transactions(lines, customer_id="0", date="1", sales="2", keep="3")
    with pytest.raises(rt.ColumnError, match=r"goes by its text: say by='3'"):
        rt.customer_periods(made, by=3, **_MONTHS)
    assert list(rt.customer_periods(made, by="3", **_MONTHS).columns[:2]) == ["customer_id", "3"]


def test_labels_that_are_one_text_are_refused():
    """0 and "0"."""
    lines = world()["orders"].assign(**{"0": 1})
    lines[0] = 2
    with pytest.raises(rt.ColumnError, match=r"two columns are named '0' \('0' and 0\)"):
        rt.as_transactions(lines, **_ORDERS)


@pytest.mark.parametrize("kind", ["pyarrow", "duckdb"])
def test_names_that_differ_by_case_alone_are_refused_where_the_engine_takes_them_for_one(kind):
    """DuckDB gave the values of the other column; renamed, each has its own."""
    import duckdb
    import pyarrow as pa

    lines = world()["orders"].assign(other="x")
    table = pa.Table.from_pandas(lines, preserve_index=False)
    both = table.rename_columns([*table.column_names[:-1], "Seg"])
    if kind == "duckdb":
        lazy = duckdb.connect().from_arrow(table)
        table, both = lazy, lazy.project('* exclude (other), other as "Seg"')
    with pytest.raises(rt.ColumnError, match="'seg' and 'Seg' differ by case alone.*Rename"):
        rt.as_transactions(both, **_ORDERS, keep="seg")
    made = nw_pandas(rt.as_transactions(table, **_ORDERS, keep=[PLAIN, "other"]))
    assert set(made["other"]) == {"x"}


def nw_pandas(table):
    """A table of Arrow or DuckDB in pandas."""
    return table.to_pandas() if hasattr(table, "to_pandas") else table.df()


def test_refusals_and_models_name_columns_as_their_owner_does():
    """Neither shows what a name is inside."""
    lines = rt.as_transactions(renamed("a.b"), **_ORDERS, keep="a.b")
    with pytest.raises(rt.ColumnError, match=r"by names 'a\.c'.*'a\.b'"):
        rt.customer_periods(lines, by="a.c", **_MONTHS)
    spells = rt.purchase_spells(lines, gap=40, as_of=AS_OF, keep="a.b")
    model = rt.fit_cox(spells, covariates="a.b", reference={"a.b": "B"})
    assert model.coefficients()["term"].tolist() == ["a.b=A"]


def test_a_report_shows_names_and_values_as_they_are():
    """Escaped, and under the user's names."""
    values = {"A": '$x^2$ <b>"A"', "B": "%s {}"}
    lines = renamed("a.b").assign(**{"a.b": lambda table: table["a.b"].map(values)})
    made = rt.as_transactions(lines, **_ORDERS, keep="a.b")
    page = rt.retention_report(
        made, as_of=AS_OF, freq="month", by="a.b", min_customers=3, pictures=False
    ).to_html()
    assert "a.b" in page
    assert "<b>" not in page.replace("<body>", "")
    assert not any(ord(letter) >= 0x10F000 for letter in page)


@pytest.mark.parametrize("name", ["_n", "_unit", "_late"])
def test_covariates_may_be_called_as_columns_inside_are(name):
    """Numbers of customers are counted beside them, and were once taken from such a column."""
    import polars as pl

    summary = pd.DataFrame({
        "x": [0, 2, 1, 4, 0, 3, 1, 2] * 5, "t_x": [0.0, 20, 9, 30, 0, 31, 2, 12] * 5, "T": 40.0,
        "unit": "week", "z": [0, 1, 2, 0, 1, 1, 0, 2] * 5,
    })  # fmt: skip
    spells = pd.DataFrame({"duration": summary["t_x"] + 1, "churned": summary["x"] < 3})
    spells["z"] = summary["z"]

    def effects(table, name):
        if "T" in table.columns:
            return rt.repeat_buying.fit_bg_nbd(table, buying_covariates=name).effects
        return rt.fit_cox(table, covariates=name).coefficients()["coef"]

    for table in (summary, spells):
        named = table.rename(columns={"z": name})
        wanted = pytest.approx(list(effects(table, "z")), rel=1e-9)
        assert list(effects(named, name)) == wanted
        assert list(effects(pl.from_pandas(named), name)) == wanted


COUNTED = {"cohorts", "average", "triangle", "lifecycle", "win_back"}


def test_a_segment_may_be_called_n():
    """It was overwritten by the counts beside it."""
    steps = {"transactions", "activity", *COUNTED}
    plain = dict(run(PLAIN, Engine("pandas"), steps))
    found = dict(run("n", Engine("pandas"), steps))
    assert set(found) >= COUNTED
    assert [step for step in found if not same(plain[step], found[step])] == []
