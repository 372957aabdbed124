"""The door for contract files."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pandas as pd
import pytest

import retention as rt
from retention.tables import CONTRACTS, require

NAMES = {"customer_id": "account", "start": "from", "end": "until"}


def file(**columns):
    """A renewed contract, one that runs, and one that ended."""
    known = {
        "account": ["A", "A", "B", "C"],
        "from": ["01-01-2023", "01-01-2024", "15-06-2023", "01-02-2023"],
        "until": ["31-12-2023", None, "", "28-02-2023"],
    }
    return pd.DataFrame({**known, **columns})


def refused(table, **said):
    """The message with which a table is refused."""
    with pytest.raises(rt.ContentError) as caught:
        rt.as_contracts(table, **NAMES, **said)
    return str(caught.value)


def days(*texts):
    """Days as pandas has them; None is missing."""
    return [pd.NaT if text is None else pd.Timestamp(text) for text in texts]


def read(engine, answer):
    """A table of contracts in the order of its rows' start and customer."""
    return engine.read(answer, order=["start", "customer_id"])


def test_the_end_is_the_first_day_out_of_force(engine):
    """A last day is moved by one, a first day out is not; running contracts have none."""
    table = engine.table(file())
    answer = rt.as_contracts(table, **NAMES, end_is="last_day")
    assert engine.is_mine(answer)
    assert list(require(answer, CONTRACTS).collect_schema()) == ["customer_id", "start", "end"]
    found = read(engine, answer)
    assert found["customer_id"].tolist() == ["A", "C", "B", "A"]
    assert found["start"].tolist() == days("2023-01-01", "2023-02-01", "2023-06-15", "2024-01-01")
    assert found["end"].tolist() == days("2024-01-01", "2023-03-01", None, None)
    found = read(engine, rt.as_contracts(table, **NAMES, end_is="first_day_out"))
    assert found["end"].tolist() == days("2023-12-31", "2023-02-28", None, None)


def test_times_of_day_do_not_matter(engine):
    """An end at 23:59:59 of the last day is the last day."""
    table = file(until=["31-12-2023 23:59:59", None, None, None])
    found = read(engine, rt.as_contracts(engine.table(table), **NAMES, end_is="last_day"))
    assert found["end"].tolist() == days("2024-01-01", None, None, None)


def test_the_meaning_of_an_end_is_asked_with_what_speaks_for_each(engine):
    """An inclusive end read as exclusive makes every renewal churn."""
    message = refused(engine.table(file()))
    assert "end of unsaid meaning: 2 rows" in message
    assert (
        "Of 2 ends, 1 is followed by a contract of the same customer from the next day" in message
    )
    assert "end_is='last_day'" in message


def test_without_ends_nothing_is_asked(engine):
    """All contracts run: there is nothing to misread."""
    table = file(until=pd.Series([None, "", None, ""], dtype=object))
    found = read(engine, rt.as_contracts(engine.table(table), **NAMES))
    assert found["end"].isna().all()


def test_a_contract_in_force_for_no_day_is_refused(engine):
    """It ends before it starts, or on that day if the end is the first day out."""
    table = engine.table(file(until=["31-12-2022", None, "15-06-2023", "28-02-2023"]))
    assert "end before start: 1 row" in refused(table, end_is="last_day")
    assert "end before start: 2 rows" in refused(table, end_is="first_day_out")


def test_start_and_end_are_written_alike(engine):
    """A start that can only be day first decides for the ends as well."""
    table = file(until=["02-12-2023", None, None, "03-04-2023"])
    found = read(engine, rt.as_contracts(engine.table(table), **NAMES, end_is="first_day_out"))
    assert found["end"].tolist() == days("2023-12-02", "2023-04-03", None, None)


def test_an_end_that_cannot_be_read_is_a_problem(engine):
    """A missing end means that the contract runs; an unreadable one does not."""
    table = file(until=["soon", None, "31-02-2024", None])
    message = refused(engine.table(table), end_is="last_day")
    assert "unreadable end: 1 row" in message
    assert "end that does not exist: 1 row" in message


@pytest.mark.parametrize(("per", "months"), [("month", 1), ("quarter", 3), ("year", 12)])
def test_sales_and_profit_come_out_per_month(engine, per, months):
    """Whatever period they were said for."""
    table = file(fee=[12.0, 24.0, 36.0, 48.0], gain=["3", "6", "(9)", "12"])
    said = {"sales": "fee", "profit": "gain", "sales_per": per, "end_is": "last_day"}
    found = read(engine, rt.as_contracts(engine.table(table), **NAMES, **said))
    assert found["sales"].tolist() == [12 / months, 48 / months, 36 / months, 24 / months]
    assert found["profit"].tolist() == [3 / months, 12 / months, -9 / months, 6 / months]


@pytest.mark.parametrize(
    "marks",
    [
        [False, True, False, None],
        ["FALSE", "TRUE", "no", ""],
        [0, 1, 0, 0],
        ["n", "Yes", "0", None],
    ],
    ids=["flags", "words", "numbers", "mixture"],
)
def test_trials_are_asked_about_then_left_out_or_kept(engine, marks):
    """However they are marked; an empty mark means no."""
    table = engine.table(file(test=marks))
    said = {"trial": "test", "end_is": "last_day"}
    assert "trial: 1 row" in refused(table, **said)
    out = rt.as_contracts(table, **NAMES, **said, trials="exclude")
    assert sorted(engine.read(out)["customer_id"]) == ["A", "B", "C"]
    kept = rt.as_contracts(table, **NAMES, **said, trials="include")
    assert len(engine.read(kept)) == 4


def test_an_unclear_trial_mark_is_refused(engine):
    """Maybe is neither yes nor no."""
    table = engine.table(file(test=["no", "maybe", "no", "no"]))
    said = {"trial": "test", "trials": "include", "end_is": "last_day"}
    assert "unreadable trial mark: 1 row" in refused(table, **said)


def test_without_trials_nothing_is_asked():
    """A column that marks none needs no policy."""
    assert (
        len(rt.as_contracts(file(test=[False] * 4), **NAMES, trial="test", end_is="last_day")) == 4
    )


def test_a_start_after_as_of_is_a_problem_and_an_end_after_it_is_not(engine):
    """A contract that will end is running; one that will start is not there yet."""
    table = file(until=["31-12-2025", None, None, None])
    given = engine.table(table)
    rt.as_contracts(given, **NAMES, end_is="last_day", as_of="2024-01-01")
    message = refused(given, end_is="last_day", as_of="2023-12-31")
    assert "start after as_of: 1 row" in message
    assert "before the first start" in refused(given, end_is="last_day", as_of="2020-01-01")


def test_every_problem_is_in_one_error(engine):
    """As for transactions."""
    table = file(account=["A", "", "B", "B"], fee=[1.0, None, 1e300, 2.0])
    table.loc[3] = table.loc[2]
    message = refused(engine.table(table), sales="fee", sales_per="month", contract_id="account")
    for problem in ("blank customer_id: 1", "blank contract_id: 1", "missing sales: 1"):
        assert problem in message
    assert "infinite or too large sales: 2 rows" in message
    assert "exact duplicate line: 1 row" in message
    assert "audit(as_contracts, ...)" in message


def test_the_audit_parts_contracts(engine):
    """Accepted and set aside are together the input; sales are per month."""
    table = file(fee=[12.0, 24.0, 36.0, 48.0], until=["31-12-2023", None, "01-01-2023", None])
    said = {"sales": "fee", "sales_per": "year", "end_is": "last_day"}
    audit = rt.audit(rt.as_contracts, engine.table(table), **NAMES, **said)
    assert engine.read(audit.set_aside)["reason"].tolist() == ["end before start"]
    assert len(engine.read(audit.accepted)) == 3
    rows = {row["check"]: row for row in nw.from_native(audit.summary).iter_rows(named=True)}
    assert rows["end before start"]["sales"] == 3.0
    assert rows["input"]["sales"] == 10.0
    audit = rt.audit(rt.as_contracts, engine.table(file()), **NAMES)
    assert engine.read(audit.set_aside)["reason"].tolist() == ["end of unsaid meaning"] * 2


def test_without_sales_the_summary_has_none():
    """The column stays, and is null."""
    audit = rt.audit(rt.as_contracts, file(), **NAMES, end_is="last_day")
    assert audit.summary["sales"].isna().all()


def test_contracts_go_into_their_spells():
    """From the file to the spells: a renewal on the next day is no churn."""
    contracts = rt.as_contracts(file(), **NAMES, end_is="last_day")
    spells = rt.contract_spells(contracts, as_of="2024-06-30", grace=0)
    assert spells.groupby("customer_id")["churned"].any().to_dict() == {
        "A": False,
        "B": False,
        "C": True,
    }


def test_an_end_of_all_time_is_read(engine):
    """Databases write 9999-12-31 for no end; it lies after any as_of."""
    table = file(until=["31-12-9999", None, None, None])
    found = read(engine, rt.as_contracts(engine.table(table), **NAMES, end_is="first_day_out"))
    assert found["end"].iloc[0].year == 9999


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"end_is": "inclusive"}, "end_is must be one of 'error', 'last_day', 'first_day_out'"),
        ({"trials": "exclude"}, "needs the column that marks them: say trial="),
        ({"trials": "drop"}, "trials must be one of"),
        ({"sales": "fee"}, "sales_per='month', 'quarter' or 'year'"),
        ({"sales": "fee", "sales_per": "decade"}, "sales_per names 'decade'.*Or say 'month'"),
        ({"trial": "when"}, "trial: column 'when' holds"),
    ],
)
def test_keywords_that_do_not_fit_are_refused(said, match):
    """With what to say instead."""
    table = file(fee=1.0, when=pd.Timestamp("2024-01-01"))
    with pytest.raises(rt.RetentionError, match=match):
        rt.as_contracts(table, **NAMES, **said)
