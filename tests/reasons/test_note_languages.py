"""Notes in German, French and Spanish, and the warning for languages nobody asked for."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from retention.errors import RetentionError, RetentionWarning
from retention.reasons.lexicon.lexicon import CUE, check_tag, load_lexicon
from retention.reasons.lexicon.matching import matcher_of
from retention.reasons.notes.words import normal_words
from retention.reasons.tags.note_languages import SERVED, languages_of_texts
from retention.reasons.tags.tagging import tag_reasons

OTHERS = {one: load_lexicon(one) for one in SERVED if one != "en"}
GERMAN = "Das ist mir leider viel zu teuer und ich kann es nicht zahlen."
FRENCH = "Je trouve que vos tarifs sont trop élevés pour nous."
SPANISH = "Los precios son muy altos y ya no puedo pagarlo."
ITALIAN = "Il prezzo è troppo alto per me e non sono contento."
ENGLISH = "It is far too expensive for me and my family."


def categories_of(text, **options):
    """The categories found in one text."""
    return set(tag_reasons(pd.Series([text]), **options)["category"])


@pytest.mark.parametrize(
    ("language", "number"),
    [(name, at) for name, one in OTHERS.items() for at in range(len(one.entries))],
)
def test_every_phrase_of_each_language_on_its_examples(language, number):
    """Each phrase is in its first sentence, and not in its second; its tag is a reason or a cue."""
    entry, matcher = OTHERS[language].entries[number], matcher_of(OTHERS[language])
    assert number in {hit.entry for hit in matcher.find(entry.yes)}
    assert number not in {hit.entry for hit in matcher.find(entry.no)}
    if not entry.tag.startswith(CUE):
        check_tag(entry.tag)


@pytest.mark.parametrize(
    ("language", "text", "categories"),
    [
        ("de", GERMAN, {"pricing"}),
        ("de", "Es war nicht teuer.", {"unspecified"}),
        ("de", "Umzug", {"involuntary_switching"}),
        ("de", "guter Preis", {"unspecified"}),
        ("de", "Niemand hat sich gemeldet.", {"service_encounter_failure"}),
        ("fr", FRENCH, {"pricing"}),
        ("fr", "Ce n'est pas cher.", {"unspecified"}),
        ("fr", "Plus besoin", {"x_no_longer_needed"}),
        ("fr", "Pas d’engagement, merci de votre compréhension.", {"x_terms_policy"}),
        ("es", SPANISH, {"pricing"}),
        ("es", "No es caro.", {"unspecified"}),
        ("es", "Mudanza", {"involuntary_switching"}),
    ],
)
def test_each_language_has_its_words_its_negations_and_its_short_answers(
    language, text, categories
):
    """As English has them; what is elided is a word of its own."""
    assert categories_of(text, language=language) == categories


def test_each_note_is_read_in_its_language():
    """Of several asked for; one of few words is read with all of them."""
    texts = [GERMAN, FRENCH, SPANISH, ENGLISH, "Umzug", "price"]
    found = tag_reasons(pl.Series(texts), language=SERVED)
    assert found["category"].to_list() == [*["pricing"] * 4, "involuntary_switching", "pricing"]
    alone = tag_reasons(pl.Series([GERMAN]), language="de")
    assert found.row(0)[2:] == alone.row(0)[2:]


def test_texts_alone_come_as_a_list_or_an_array_too():
    """They say what the same texts say in a Series; of an Arrow array in an Arrow table."""
    texts = ["Far too expensive.", None, "I moved away."]
    wanted = tag_reasons(pd.Series(texts))
    for given in (texts, tuple(texts), np.array(texts, dtype=object)):
        pd.testing.assert_frame_equal(tag_reasons(given), wanted)
    found = tag_reasons(pa.array(texts))
    assert found["category"].to_pylist() == wanted["category"].tolist()


def test_notes_in_languages_not_asked_for_are_counted():
    """With what to write; they stay in the answer."""
    texts = [ENGLISH, GERMAN, GERMAN + " Danke.", ITALIAN, "zu teuer"]
    said = (
        r"3 different notes look like .*German \(2\), Italian \(1\); in 3 of them no reason"
        r".*\['en', 'de'\], in place of any lexicon="
    )
    with pytest.warns(RetentionWarning, match=said):
        found = tag_reasons(pd.Series(texts), lexicon="en")
    assert found["category"].tolist() == ["pricing", *["unspecified"] * 4]
    with pytest.warns(
        RetentionWarning, match=r"1 different note looks .*Italian \(1\).*give one of yours"
    ):
        tag_reasons(pd.Series([GERMAN, ITALIAN]), language=["en", "de"])


def test_short_notes_and_asked_languages_warn_of_nothing():
    """Nor does who reads in a way of his own."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RetentionWarning)
        tag_reasons(pd.Series(["zu teuer", "trop cher", "muy caro", ENGLISH, None]))
        tag_reasons(pd.Series([GERMAN, ENGLISH]), language=["de", "en"])
        tag_reasons(pd.Series([GERMAN]), annotator=lambda texts: [[] for _ in texts])


def test_languages_are_told_by_words_that_only_they_have():
    """A sentence each; few words, and words of no language, tell nothing."""
    texts = [ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, "Das ist nicht gut", "A B C D E F"]
    assert languages_of_texts(texts) == ["en", "de", "fr", "es", "it", None, None]


def test_what_begins_with_an_elided_word_is_two():
    """Where the lexicon says so."""
    assert normal_words("L’abonnement", {"l'": "le"}) == ("le", "abonnement")
    assert normal_words("l'abonnement", {}) == ("labonnement",)


@pytest.mark.parametrize(
    "text",
    [
        "Plus size jeans cost plus shipping",
        "Do do more, do cancel do",
        "Os X version missing, do better",
        "Van broke down, per Van lease",
        "Ya ya, price rose again",
        "Non profit budget cut per year",
        "Les Mills and Les Paul classes",
    ],
)
def test_english_notes_with_words_of_others_are_no_other_language(text):
    """Words that English has too tell nothing, nor does one word said twice."""
    assert languages_of_texts([text]) in ([None], ["en"])


def test_german_and_italian_are_not_taken_for_what_they_share_words_with():
    """German has "es" too, and "con", "una", "le" are Italian."""
    texts = ["Es gibt es leider nur auf Papier", "Con una app le cose vanno male, ma"]
    assert languages_of_texts(texts) == ["de", None]


def test_what_one_language_denies_or_praises_no_other_takes_for_a_reason():
    """Short notes are read with all lexicons; "bugs" are German too."""
    for text in ("no bugs so far", "support prima", "nicht cheap"):
        assert categories_of(text, language=SERVED) == {"unspecified"}
    assert categories_of("bugs", language=SERVED) == {"core_service_failure"}


@pytest.mark.parametrize("language", [5, b"en", ["en", 3], "EN", "it"])
def test_what_is_no_language_is_refused_with_those_there_are(language):
    """Whatever its type."""
    with pytest.raises(RetentionError, match=r"language.* must be one of 'en', 'de', 'fr', 'es'"):
        tag_reasons(pd.Series(["x"]), language=language)
