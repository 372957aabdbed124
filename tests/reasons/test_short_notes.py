"""Notes of a few words: read as short answers, and codes, besides the phrases."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.errors import ContentError
from retention.reasons.lexicon.lexicon import load_lexicon
from retention.reasons.lexicon.matching import matcher_of
from retention.reasons.tags.tagging import tag_reasons

ENGLISH = load_lexicon("en")
MATCHER = matcher_of(ENGLISH)


def categories_of(text, **options):
    """The categories found in one text."""
    return set(tag_reasons(pd.DataFrame({"text": [text]}), **options)["category"])


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("price", "pricing"),
        ("Budget cuts", "pricing"),
        ("too expensive", "pricing"),
        ("went with Globex", "competition"),
        ("Better offer", "competition"),
        ("no SSO", "x_product_fit"),
        ("missing integrations", "x_product_fit"),
        ("company closed", "involuntary_switching"),
        ("moved", "involuntary_switching"),
        ("moved to Texas", "involuntary_switching"),
        ("no longer needed", "x_no_longer_needed"),
        ("Project over", "x_no_longer_needed"),
        ("waited three weeks", "inconvenience"),
        ("Parking", "inconvenience"),
        ("bugs", "core_service_failure"),
        ("staff", "service_encounter_failure"),
        ("contract length", "x_terms_policy"),
        ("card expired", "x_payment_failure"),
        ("spam", "ethical_problems"),
        ("n/a", "unspecified"),
        ("other", "unspecified"),
    ],
)
def test_an_answer_of_a_few_words_is_a_code(text, category):
    """It tells one reason, and no other."""
    assert categories_of(text) == {category}


@pytest.mark.parametrize("text", ["good price", "Nice staff", "great support, thanks", "no bugs"])
def test_praise_and_negation_undo_a_short_answer(text):
    """A price is a reason, a good price is none."""
    assert categories_of(text) == {"unspecified"}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("support not good", "service_encounter_failure"),
        ("not happy with the price", "pricing"),
        ("the price isn't fair", "pricing"),
        ("quality was never great", "core_service_failure"),
        ("No, great price", "unspecified"),
        ("not reliable", "core_service_failure"),
    ],
)
def test_praise_that_is_denied_is_none(text, category):
    """Nor does its negation undo the answer; of another clause it denies nothing."""
    assert categories_of(text) == {category}


@pytest.mark.parametrize(
    "text", ["the staff was not rude", "price not high", "fees aren't too high"]
)
def test_a_complaint_that_is_denied_undoes_what_it_is_about(text):
    """The staff alone is a reason; a staff that was not rude is none."""
    assert categories_of(text) == {"unspecified"}
    assert categories_of("slow but staff not rude") == {"core_service_failure"}


def test_a_question_is_no_short_answer():
    """Of two words it may be one that hesitates."""
    asked = ("What is the price?", "Is there a queue? ")
    assert [categories_of(text) for text in asked] == [{"unspecified"}] * 2
    assert categories_of("the price?") == categories_of("Why so expensive?") == {"pricing"}


def test_short_answers_are_not_looked_for_in_longer_notes():
    """The price alone is a reason; in a sentence of seven words it has to be called high."""
    six, seven = "I asked about the price today", "I asked about the price of tea"
    assert (len(six.split()), len(seven.split()), ENGLISH.brief_note) == (6, 7, 6)
    assert categories_of(six) == {"pricing"}
    assert categories_of(seven) == {"unspecified"}


def test_no_short_answer_is_found_in_a_long_note():
    """Two examples one after the other are no short note, and no short phrase is in them."""
    short = [entry for entry in ENGLISH.entries if entry.brief]
    assert len(short) > 50
    for entry in short[::7]:
        hits = MATCHER.find(f"{entry.yes} I tell you this as I was asked to tell you.")
        assert not [hit for hit in hits if ENGLISH.entries[hit.entry].brief]


def test_who_goes_to_a_place_has_moved_and_to_a_name_has_switched():
    """A place is no firm."""
    assert categories_of("moved to Spain") == {"involuntary_switching"}
    assert categories_of("moved to Globex") == {"competition"}


def test_the_end_of_a_sentence_may_be_one_of_several():
    """`(away|$)` takes the word, or the end; so may a lexicon of one's own say."""
    assert categories_of("For me and for my old parents it is too far.") == {"inconvenience"}
    assert categories_of("For me and for my old parents it is a far cry.") == {"unspecified"}


def test_a_file_says_what_its_short_notes_are(tmp_path):
    """`brief_note`, `praises` and `notes = "short"` in a file of one's own."""
    path = tmp_path / "short.toml"
    path.write_text(
        '[meta]\nlanguage = "xx"\nevaluated = "here"\nbrief_note = 2\npraises = ["bello"]\n'
        '[[phrase]]\ntag = "pricing"\nw = 0.9\nnotes = "short"\nany = ["lire"]\n'
    )
    told = [categories_of(text, lexicon=path) for text in ("lire", "bello lire", "tre lire mie")]
    assert told == [{"pricing"}, {"unspecified"}, {"unspecified"}]
    path.write_text('[[phrase]]\ntag = "pricing"\nw = 0.9\nnotes = "brief"\nany = ["lire"]\n')
    with pytest.raises(ContentError, match="notes"):
        load_lexicon(path)
