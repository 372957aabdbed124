"""The door for published rates."""

from __future__ import annotations

from typing import get_args

import pandas as pd
import pytest

import retention as rt
from retention.kpis.churn.rates import Convention
from retention.tables import BENCHMARKS, CHURN_CONVENTIONS, STANDINGS, require

NAMES = {
    "name": "whose",
    "rate": "lost",
    "days": "within",
    "convention": "counted",
    "source": "where",
    "year": "when",
    "standing": "worth",
}
ASKED = {**NAMES, "measure": "churn", "rate_lower": "stated", "rate_upper": "stated"}


def read(**columns):
    """Two rates as somebody might have written them down."""
    known = {
        "whose": ["a carrier", "phones"],
        "lost": [0.0084, 0.4],
        "within": [30.4375, 365.25],
        "counted": ["not stated", "start_cohort"],
        "where": ["a filing", None],
        "when": [2012, 1995],
        "worth": ["filing", "quoted without source"],
    }
    return pd.DataFrame({**known, **columns})


def test_every_engine_reads_what_was_published(engine):
    """A rate, its range to the digit printed, its length, its definition and its source."""
    table = engine.table(read(part=["all", None], weight=[0.3, None], link=["x.org", ""]))
    more = {"segment": "part", "share": "weight", "address": "link"}
    found = rt.loading.as_benchmarks(table, **ASKED, **more)
    assert engine.is_mine(found)
    names = [name for name in BENCHMARKS.names if name != "population"]
    assert list(require(found, BENCHMARKS).collect_schema()) == names
    rows = engine.read(found, order=["name"])
    assert rows["rate"].tolist() == [0.0084, 0.4]
    assert rows["rate_lower"].tolist() == pytest.approx([0.00835, 0.395], abs=1e-15)
    assert rows["rate_upper"].tolist() == pytest.approx([0.00845, 0.405], abs=1e-15)
    assert rows["year"].tolist() == [2012, 1995]
    assert rows["source"].tolist() == ["a filing", "(none)"]
    assert rows["segment"].tolist() == ["all", "(all)"]
    assert rows["share"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("rate", "lower", "upper"),
    [
        (0.4, 0.395, 0.405),  # never coarser than a whole percent
        (0.16, 0.155, 0.165),
        (0.123, 0.1225, 0.1235),
        (0.0084, 0.00835, 0.00845),
        (0.0, 0.0, 0.005),
        (1.0, 0.995, 1.0),
        (1 / 3, 1 / 3 - 5e-10, 1 / 3 + 5e-10),
        *((k / 1000, k / 1000 - 0.0005, k / 1000 + 0.0005) for k in (1, 7, 287, 573, 999)),
    ],
)
def test_a_stated_rate_is_as_exact_as_its_last_digit(rate, lower, upper):
    """Half a unit of it either way, within 0 to 1."""
    found = rt.loading.as_benchmarks(read(lost=[rate, 0.5]), **ASKED).loc[0]
    assert found[["rate_lower", "rate_upper"]].tolist() == pytest.approx([lower, upper], abs=1e-12)


def test_retention_becomes_churn_and_its_range_turns():
    """84 in 100 kept are 16 lost; the most kept is the least lost."""
    kept = read(lost=[0.84, None], least=[0.8, 0.93], most=[0.9, 0.95])
    asked = {**ASKED, "measure": "retention", "rate_lower": "least", "rate_upper": "most"}
    found = rt.loading.as_benchmarks(kept, **asked)
    assert found["rate"].round(12).tolist()[0] == 0.16
    assert found["rate"].isna().tolist() == [False, True]  # a range alone has no rate
    assert found["rate_lower"].round(12).tolist() == [0.1, 0.05]
    assert found["rate_upper"].round(12).tolist() == [0.2, 0.07]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"whose": ["a carrier", " "]}, "blank name: 1 row"),
        ({"lost": [0.0084, 40.0]}, "(?s)rate outside 0 to 1: 1 row.*say 0.4 for 40 %"),
        ({"lost": [0.0084, -0.1]}, "rate outside 0 to 1: 1 row"),
        ({"lost": ["0.0084", "40 %"]}, "(?s)rate that is not a number: 1 row.*say 0.4 for 40 %"),
        ({"lost": [0.0084, None]}, "missing rate: 1 row"),
        ({"lost": [0.0084, float("inf")]}, "rate outside 0 to 1: 1 row"),
        ({"within": [30.4375, 0]}, "days that are no length: 1 row"),
        ({"within": [30.4375, None]}, "missing days: 1 row"),
        ({"counted": ["not stated", None]}, "(?s)blank convention: 1 row.*say 'not stated'"),
        ({"counted": ["not stated", "the usual"]}, "(?s)unknown convention.*'start_cohort'"),
        ({"when": [2012, 1995.5]}, "year that is none: 1 row"),
        ({"when": [2012, 95]}, "year that is none: 1 row"),
        ({"when": [2012, None]}, "missing year: 1 row"),
        ({"worth": ["filing", "hearsay"]}, "(?s)unknown standing.*'trade press'"),
        ({"worth": ["filing", "trade press"]}, "(?s)blank source: 1 row.*quoted without source"),
        ({"worth": ["filing", None]}, "blank source: 1 row"),
    ],
)
def test_what_says_nothing_is_refused(columns, message):
    """And set aside by an audit, with its reason."""
    with pytest.raises(rt.ContentError, match=message):
        rt.loading.as_benchmarks(read(**columns), **ASKED)
    audit = rt.audit(rt.loading.as_benchmarks, read(**columns), **ASKED)
    assert (len(audit.accepted), len(audit.set_aside)) == (1, 1)
    assert rt.loading.as_benchmarks(audit.accepted, **{**ASKED, **_OWN}).equals(audit.accepted)


_OWN = {role: role for role in (*NAMES, "rate_lower", "rate_upper")}


def test_every_problem_of_a_file_is_in_one_error():
    """A percent, an unknown word and a share beyond 1."""
    table = read(lost=[84, 0.4], counted=["not stated", "?"], weight=[0.3, 30])
    table = pd.concat([table, read(weight=[0.3, 30])], ignore_index=True)
    with pytest.raises(rt.ContentError) as refusal:
        rt.loading.as_benchmarks(table, **ASKED, share="weight")
    for problem in ("rate outside 0 to 1", "unknown convention", "share outside 0 to 1"):
        assert problem in str(refusal.value)


def test_ends_of_a_range_fit_the_rate():
    """The least is not above it, the most not below."""
    asked = {**ASKED, "rate_lower": "least", "rate_upper": "most"}
    for least, most in ((0.5, 0.6), (0.1, 0.2), (0.6, 0.2)):
        table = read(least=[0.0, least], most=[1.0, most])
        with pytest.raises(rt.ContentError, match="rate outside its range: 1 row"):
            rt.loading.as_benchmarks(table, **asked)
    with pytest.raises(rt.ContentError, match="missing rate_lower: 1 row"):
        rt.loading.as_benchmarks(read(least=[0.0, None], most=[1.0, 0.5]), **asked)


def test_repeated_rows_are_what_is_said():
    """Refused, kept or dropped but for the first."""
    twice = pd.concat([read(), read()], ignore_index=True)
    with pytest.raises(rt.ContentError, match="exact duplicate line: 2 rows"):
        rt.loading.as_benchmarks(twice, **ASKED)
    assert len(rt.loading.as_benchmarks(twice, **ASKED, duplicates="keep")) == 4
    assert len(rt.loading.as_benchmarks(twice, **ASKED, duplicates="drop")) == 2


def test_the_measure_is_said():
    """Nobody guesses whether 0.84 is kept or lost."""
    with pytest.raises(rt.RetentionError, match="measure must be one of 'churn', 'retention'"):
        rt.loading.as_benchmarks(read(), **{**ASKED, "measure": None})


def test_a_file_is_read_and_its_dates_are_no_numbers(tmp_path):
    """Texts of a file are numbers; a date is refused where a number is wanted."""
    path = tmp_path / "read.csv"
    read().to_csv(path, index=False, sep=";", decimal=",")
    pd.testing.assert_frame_equal(
        rt.loading.as_benchmarks(path, separator=";", **ASKED),
        rt.loading.as_benchmarks(read(), **ASKED),
    )
    dated = read(when=pd.to_datetime(["2012-01-01", "1995-01-01"]))
    with pytest.raises(rt.ColumnError, match="'when' holds"):
        rt.loading.as_benchmarks(dated, **ASKED)


def test_words_are_those_of_churn_rate_and_two_more():
    """What it calls a convention is one here, too."""
    assert set(CHURN_CONVENTIONS) == {*get_args(Convention), "no_purchase", "not stated"}
    assert len(set(STANDINGS)) == len(STANDINGS)


def test_every_standing_and_convention_can_be_read():
    """In any case of letters."""
    for words, column in ((STANDINGS, "worth"), (CHURN_CONVENTIONS, "counted")):
        for word in words:
            found = rt.loading.as_benchmarks(
                read(**{column: [word.upper()] * 2, "where": ["x", "y"]}), **ASKED
            )
            assert set(found[{"worth": "standing", "counted": "convention"}[column]]) == {word}
