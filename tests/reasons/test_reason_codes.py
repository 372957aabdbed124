"""map_reason_codes and the categories: every code shipped, rows kept, refusals, every engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import ColumnError, ContentError, ReadError, RetentionError
from retention.reasons.categories import data_file, reason_categories
from retention.reasons.tags.by_code import map_reason_codes
from retention.tables import TAGS, require

SCORES = {"exact": 1.0, "close": 0.75, "weak": 0.5}
OWN = {"A1": "pricing.high_price", "A2": ("competition", "weak"), "A3": "unspecified"}


def given_codes(codes):
    """A customer a code."""
    customers = [f"c{i}" for i in range(len(codes))]
    return pd.DataFrame({"customer_id": customers, "reason": pd.Series(codes, dtype="object")})


def twin(codes, scheme, least):
    """Category and score of each code, by the definition in a loop."""
    for code in codes:
        if code is None or not code.strip():
            yield "missing", None
            continue
        said = scheme.get(code, "unspecified")
        reason, confidence = (said, "exact") if isinstance(said, str) else said
        if reason == "unspecified" or SCORES[confidence] < SCORES[least]:
            yield "unspecified", None
        else:
            yield reason.split(".")[0], SCORES[confidence]


@pytest.mark.parametrize("least", list(SCORES))
@given(codes=st.lists(st.sampled_from([*OWN, "what", None, " "]), min_size=1, max_size=12))
def test_agrees_with_a_loop_over_the_codes(least, codes):
    """Each code's category and score, whatever the least confidence; unknown ones unspecified."""
    found = map_reason_codes(
        given_codes(codes), scheme=OWN, min_confidence=least, on_unknown="unspecified"
    )
    expected = list(twin(codes, OWN, least))
    assert found["category"].tolist() == [category for category, _ in expected]
    scores = [np.nan if score is None else score for _, score in expected]
    np.testing.assert_array_equal(found["score"], scores)
    assert len(found) == len(codes)


def test_every_engine_gives_the_same_table(engine):
    """The answer is of the caller's kind, and what is not known is null."""
    codes = pd.DataFrame(
        {
            "note_id": [11, 12, 13, 14],
            "customer_id": ["a", "b", "c", "d"],
            "reason": ["too_expensive", "other", None, "low_quality"],
            "region": ["north", "south", "south", None],
        }
    )
    answer = map_reason_codes(engine.table(codes), scheme="stripe", keep="region")
    assert engine.is_mine(answer)
    require(answer, TAGS)
    found = engine.read(answer, order=["note_id"])
    assert list(found.columns) == [*TAGS.names, "region"]
    assert found["category"].tolist() == [
        *("pricing", "unspecified", "missing", "core_service_failure"),
    ]
    assert found["subcategory"].isna().tolist() == [False, True, True, False]
    assert found["evidence"].fillna("").tolist() == ["too_expensive", "other", "", "low_quality"]
    assert found[["start", "end"]].isna().all(axis=None)
    assert set(found["phrase"]) == {"stripe"}
    assert found["region"].isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    "scheme",
    ["stripe", "stripe_reason", "google_play", "apple", "revenuecat", "chargebee", "ibm_telco"],
)
def test_every_shipped_code_belongs_to_a_category(scheme):
    """Each code gives its category; those without confidence are unspecified."""
    shipped = data_file("codes.toml")[scheme]["codes"]
    found = map_reason_codes(given_codes(list(shipped)), scheme=scheme)
    assert found["category"].tolist() == [said[0].split(".")[0] for said in shipped.values()]
    told = [said[0] if "." in said[0] else None for said in shipped.values()]
    assert (
        found["subcategory"].astype(object).where(found["subcategory"].notna(), None).tolist()
        == told
    )
    assert all((said[1] == "none") == (said[0] == "unspecified") for said in shipped.values())


def test_whole_numbers_are_codes_whatever_their_type():
    """Google's 3 may come as 3, as 3.0 beside a missing one, or as text."""
    for codes in ([3, 4], [3.0, np.nan], ["3", "4"]):
        table = pd.DataFrame({"reason": codes})
        assert map_reason_codes(table, scheme="google_play")["category"][0] == "pricing"


def test_capitals_blanks_and_apostrophes_do_not_matter():
    """The same code written otherwise is the same code; the evidence is what was written."""
    codes = ["  PRICE too high ", "Don’t know", "Don´t know"]
    found = map_reason_codes(given_codes(codes), scheme="ibm_telco")
    assert found["category"].tolist() == ["pricing", "unspecified", "unspecified"]
    assert found["evidence"].tolist() == codes


def test_unknown_codes_are_refused_with_their_counts():
    """The commonest first, and what to do."""
    codes = given_codes(["A1", "B", "C", "C", None])
    with pytest.raises(ContentError, match=r"3 of 5 rows .* own codes .* 'C' \(2\), 'B' \(1\)\."):
        map_reason_codes(codes, scheme=OWN)


def test_own_schemes_come_from_a_file_and_may_have_own_categories(tmp_path):
    """A TOML file with a table of codes; a category of one's own begins with x_."""
    path = tmp_path / "ours.toml"
    path.write_text('[codes]\nmerger = "x_merger.bank"\nprice = ["pricing", "close"]\n', "utf-8")
    found = map_reason_codes(given_codes(["price", "merger"]), scheme=str(path))
    assert found["category"].tolist() == ["pricing", "x_merger"]
    assert found["subcategory"].fillna("").tolist() == ["", "x_merger.bank"]
    assert found["score"].tolist() == [0.75, 1.0]
    assert set(found["phrase"]) == {"ours.toml"}


@pytest.mark.parametrize(
    ("error", "message", "said"),
    [
        (RetentionError, "scheme must be one of 'stripe'", {"scheme": "zuora"}),
        (RetentionError, "Did you mean 'pricing'", {"scheme": {"a": "prices"}}),
        (RetentionError, "no sub-category of pricing", {"scheme": {"a": "pricing.dear"}}),
        (RetentionError, "must be one of 'exact'", {"scheme": {"a": ("pricing", "sure")}}),
        (RetentionError, "'a' must stand for", {"scheme": {"a": ("pricing",)}}),
        (RetentionError, "'a' must stand for .*; got None", {"scheme": {"a": None}}),
        (RetentionError, "scheme must be one of 'stripe'.*got 5", {"scheme": 5}),
        (RetentionError, "twice, for two", {"scheme": {"a": "pricing", "A": "competition"}}),
        (RetentionError, "min_confidence must", {"scheme": OWN, "min_confidence": "none"}),
        (RetentionError, "on_unknown must", {"scheme": OWN, "on_unknown": "drop"}),
        (ReadError, "cannot be read", {"scheme": "nowhere.toml"}),
        (ColumnError, "code names 'why'", {"scheme": OWN, "code": "why"}),
        (ColumnError, "keep: 'score' is a name", {"scheme": OWN, "keep": "score"}),
        (ContentError, "different in every row; 1 stand", {"scheme": OWN, "note_id": "twice"}),
    ],
)
def test_refusals(error, message, said):
    """What is wrong, and what there is instead."""
    codes = given_codes(["A1", "A1"]).assign(score=1.0, twice=7)
    with pytest.raises(error, match=message):
        map_reason_codes(codes, **said)


def test_a_kept_column_may_have_any_name_that_is_not_the_answers():
    """Also those by which this library calls the code inside."""
    codes = given_codes(["A1"]).assign(value="B")
    found = map_reason_codes(codes, scheme=OWN, keep=["value", "reason"])
    assert found[["category", "value", "reason"]].values.tolist() == [["pricing", "B", "A1"]]


def test_a_file_without_codes_is_refused(tmp_path):
    """It says what the file must hold."""
    (tmp_path / "empty.toml").write_text("x = 1\n", "utf-8")
    with pytest.raises(ReadError, match="no table \\[codes\\]"):
        map_reason_codes(given_codes(["A1"]), scheme=tmp_path / "empty.toml")


def test_the_callers_table_is_not_changed():
    """Not even its missing values."""
    codes = given_codes(["A1", None])
    before = codes.copy(deep=True)
    map_reason_codes(codes, scheme=OWN)
    pd.testing.assert_frame_equal(codes, before)


def test_the_categories_are_keaveneys_eight_and_six_more():
    """Her shares are those widely quoted, 170 % in all, and marked as not verified."""
    found = reason_categories()
    assert repr(found[0]) == f"ReasonCategory('pricing', {found[0].label!r})"
    eight = [one for one in found if one.published]
    assert len(eight) == 8
    assert found[:8] == tuple(eight)
    assert all(one.name.startswith("x_") and one.source is None for one in found[8:])
    assert sum(one.published.share for one in eight) == pytest.approx(1.702)
    assert not any(one.published.verified for one in eight)
    names = [sub.name for one in found for sub in one.subcategories]
    assert len(names) == len(set(names))
    assert all(sub.name.startswith(f"{one.name}.") for one in found for sub in one.subcategories)


def test_judgements_can_be_overridden_and_the_shipped_ones_stay():
    """Another firm may not be able to prevent what this one can."""
    changed = reason_categories(preventable={"pricing": False}, force={"x_terms_policy": "mooring"})
    by_name = {one.name: one for one in changed}
    assert by_name["pricing"].preventable is False
    assert by_name["x_terms_policy"].force == "mooring"
    assert reason_categories()[0].preventable is True


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Did you mean 'pricing'", {"preventable": {"prising": True}}),
        ("must be one of True, False; got 'no'", {"preventable": {"pricing": "no"}}),
        ("must be one of 'push'", {"force": {"pricing": "away"}}),
    ],
)
def test_other_judgements_are_refused(message, said):
    """What a judgement may be."""
    with pytest.raises(RetentionError, match=message):
        reason_categories(**said)
