"""Each step of the wing on Spark: from what pandas gave for those before, the answer of pandas."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

import pandas as pd
import pytest

import retention as rt
from conftest import SPARK, Engine
from lasting import contracts
from naming import PLAIN, read, same
from stacked import ASKED, shops

pytestmark = [*SPARK, pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")]

BEFORE = {
    *("transactions", "transactions alone", "contacts", "surveys", "wallets", "contracts"),
    *("purchases", "value", "spells", "person-periods", "activity", "in force", "offers: due"),
}
"""Steps of other wings from which those of this one go on."""

TWICE = {"known of buying", "own windows"}
"""What takes Spark longest, and is held to its definition on Spark in rooms of its own."""

WING = [
    step
    for step, action in ASKED.items()
    if step.startswith("signs: ") or "rt.signals." in inspect.getsource(action)
    if step not in TWICE
]


@cache
def made_by_pandas() -> dict[str, Any]:
    """The tables of all shops, and what each step makes of them."""
    made: dict[str, Any] = dict(shops())
    for step, action in ASKED.items():
        if step in BEFORE or step in WING or step in TWICE:
            made[step] = action(PLAIN, made)
    return made


class TablesOnSpark(dict[str, Any]):
    """What pandas made, put on Spark as a step asks for it: days are dates, as in its answers."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    def __missing__(self, name: str) -> Any:
        frame = made_by_pandas()[name].copy()
        for column, times in frame.select_dtypes("datetime").items():
            if (times.dropna() == times.dropna().dt.normalize()).all():
                frame[column] = times.dt.date.where(times.notna(), None)
        return self.engine.table(frame)


@pytest.mark.parametrize("step", WING)
def test_each_step_gives_what_pandas_gives(spark, step):
    """The same values, days without a zone among them, in a table of Spark's."""
    pandas, on_spark = Engine("pandas"), Engine("spark", spark)
    found = ASKED[step](PLAIN, TablesOnSpark(on_spark))
    assert on_spark.is_mine(found)
    assert same(read(made_by_pandas()[step], pandas, PLAIN), read(found, on_spark, PLAIN))


@pytest.fixture
def berlin(spark) -> Iterator[Any]:
    """The session with another clock, by which days begin an hour or two before those of UTC."""
    clock = "spark.sql.session.timeZone"
    before = spark.conf.get(clock)
    spark.conf.set(clock, "Europe/Berlin")
    yield spark
    spark.conf.set(clock, before)


def texts_of(table: Any, column: str) -> set[str]:
    """What Spark shows of a column."""
    return {row["text"] for row in table.selectExpr(f"string({column}) AS text").collect()}


def test_moments_that_go_along_keep_their_day_by_the_clock_of_the_session(berlin):
    """A midnight in Berlin is the day before in UTC: what models and users get is of the day."""
    engine = Engine("spark", berlin)
    days = pd.to_datetime(["2024-02-29", "2024-03-31"])
    rows = pd.DataFrame({"customer_id": [*range(30)] * 2, "as_of": days.repeat(30), "tenure": 9.0})
    rows = rows.assign(churned=[0.0, 1.0] * 30, known_on=rows["as_of"] + pd.Timedelta(days=30))
    seen: list[set[str]] = []

    def fit(known: Any) -> Any:
        seen.append(texts_of(known, "as_of"))
        return chances_of

    def chances_of(asked: pd.DataFrame) -> pd.Series:
        seen.append(set(asked["as_of"].dt.strftime("%Y-%m-%d")))
        return asked["tenure"] / 10

    rt.signals.backtest_snapshots(engine.table(rows), fit=fit, features="tenure", cuts="2024-03-31")
    assert seen == [{"2024-02-29 00:00:00"}, {"2024-03-31"}]


def test_spells_with_predictions_begin_on_their_day_by_the_clock_of_the_session(berlin):
    """All columns of a query go to the model and back, with the chances beside them."""
    stays = [(f"c{i}", "2024-02-01", f"2024-02-{2 + i:02}") for i in range(20)]
    spells = rt.contract_spells(contracts(*stays), as_of="2024-03-31", grace=0)
    model = rt.survival.fit_aft(spells)
    table = Engine("spark", berlin).table(spells)
    found = rt.survival.with_predictions(table, model=model, times=[30])
    assert texts_of(found, "start") == {"2024-02-01 00:00:00"}
