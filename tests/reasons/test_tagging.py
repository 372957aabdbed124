"""tag_reasons: every shipped phrase on its examples, rules of context, identities, engines."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import ColumnError, ContentError, ReadError, RetentionError, RetentionWarning
from retention.reasons.categories import reason_categories
from retention.reasons.lexicon.finding import tag_text
from retention.reasons.lexicon.lexicon import (
    CUE,
    KINDS,
    WITHIN,
    check_tag,
    extend_lexicon,
    load_lexicon,
)
from retention.reasons.lexicon.matching import Matcher, matcher_of
from retention.reasons.tags.note_table import note_reasons
from retention.reasons.tags.tagging import tag_reasons
from retention.samples.sample_notes import SENTENCES, THINGS

ENGLISH = load_lexicon("en")
MATCHER = matcher_of(ENGLISH)
ACME = matcher_of(extend_lexicon(ENGLISH, own_brand=["Acme"]))
COLUMNS = [
    *("note_id", "customer_id", "category", "subcategory", "score", "rank", "is_primary"),
    *("evidence", "start", "end", "phrase"),
]


def tags_of(*texts, **options):
    """The answer for notes of these texts, a pandas frame."""
    return tag_reasons(pd.DataFrame({"text": list(texts)}), **options)


def categories_of(text, **options):
    """The categories found in one text."""
    return set(tags_of(text, **options)["category"])


def subcategories_of(text, **options):
    """The sub-categories found in one text."""
    return set(tags_of(text, **options)["subcategory"].dropna())


@pytest.mark.parametrize(
    "number", range(len(ENGLISH.entries)), ids=lambda n: ENGLISH.entries[n].pattern[:40]
)
def test_every_phrase_on_its_examples(number):
    """Each shipped phrase is in its first sentence, and not in its second."""
    entry = ENGLISH.entries[number]
    matcher = ACME if "@own_brand" in entry.pattern else MATCHER
    assert number in {hit.entry for hit in matcher.find(entry.yes)}
    assert number not in {hit.entry for hit in matcher.find(entry.no)}


def test_every_phrase_and_rule_can_be_used():
    """Tags are categories we have or cues that some rule asks for; rules are of known kinds."""
    for entry in ENGLISH.entries:
        assert 0 < entry.weight <= 1
        if not entry.tag.startswith(CUE):
            check_tag(entry.tag)
    asked = {name for rule in ENGLISH.rules for name in (rule.tag, *rule.others)}
    assert {e.tag for e in ENGLISH.entries if e.tag.startswith(CUE)} <= asked
    for rule in ENGLISH.rules:
        assert rule.kind in KINDS
        assert rule.within in WITHIN
    assert len({entry.pattern for entry in ENGLISH.entries}) == len(ENGLISH.entries)


def test_every_category_of_a_note_has_phrases():
    """Nothing that notes can tell is left without a phrase."""
    silent = {"x_provider_initiated"}  # told by codes of systems, not by customers
    named = {category.name for category in reason_categories()} - silent
    assert named <= {entry.tag.split(".")[0] for entry in ENGLISH.entries}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("The kettle was fine but you charged me twice for it.", "core_service_failure"),
        ("Since June my tariff has gone up twice.", "pricing"),
        ("Stood forty minutes in a queue, 40 minutes in line for a stamp.", "inconvenience"),
        ("Your receptionist was rude to my mum.", "service_encounter_failure"),
        ("My heater broke and nobody ever called me back.", "response_to_failure"),
        ("A rival offered me more for half.", "competition"),
        ("You enrolled me in insurance without my consent.", "ethical_problems"),
        ("We are relocating in spring.", "involuntary_switching"),
        ("I hardly use it.", "x_no_longer_needed"),
        ("The data cap is silly.", "x_terms_policy"),
        ("You have a monopoly in this valley.", "x_switching_barrier"),
    ],
)
def test_finds_the_reason_in_a_plain_sentence(text, category):
    """One sentence a category, none of them an example of the lexicon."""
    assert category in categories_of(text)


def test_finds_most_reasons_of_the_sample_company():
    """Of the sample company's sentences, written before the lexicon, most tell their reason."""
    right = total = 0
    for category, sentences in SENTENCES.items():
        for sentence in sentences:
            total += 1
            right += category in categories_of(sentence.format(thing=THINGS[0]))
    assert right / total > 0.4


@pytest.mark.parametrize(
    ("text", "subcategory", "told"),
    [
        # a reaction needs something that it answers
        ("They ignored me.", "response_to_failure.no_response", False),
        ("They ignored me.", "service_encounter_failure.unresponsive", True),
        ("My line broke. They ignored me.", "response_to_failure.no_response", True),
        ("My line broke. They ignored me.", "service_encounter_failure.unresponsive", False),
        ("You refused to refund me.", "response_to_failure.negative_response", True),
        ("The oven failed and I refused to help.", "response_to_failure.negative_response", False),
        # asking again and again, with nothing done
        ("The tap leaks, a problem I called six times about, to no avail.",
         "response_to_failure.no_response", True),
        ("I called six times for my friends.", "response_to_failure.no_response", False),
        # an increase says more than a high price
        ("Your prices went up and are too high.", "pricing.high_price", False),
        ("Your prices went up and are too high.", "pricing.price_increase", True),
        ("Your prices are too high.", "pricing.high_price", True),
        # kept out by the terms, or by a fault
        ("I can't log in.", "core_service_failure.mistakes", True),
        ("I can't log in since the household rule.", "core_service_failure.mistakes", False),
        # poor customer service is no poor service
        ("Very poor customer service.", "core_service_failure.mistakes", False),
        # who has to go: no barrier, no fault and no closed branch of ours
        ("Since you no longer serve this town we have no choice.",
         "x_switching_barrier.mooring", False),
        ("We have no choice but to cancel.", "x_switching_barrier.mooring", False),
        ("We have no choice but to pay.", "x_switching_barrier.mooring", True),
        ("Our restaurant closed.", "inconvenience.location_hours", False),
        ("Your restaurant is fine, the branch closed.", "inconvenience.location_hours", True),
        ("We moved, you do not deliver that far.", "core_service_failure.mistakes", False),
        ("We moved, you do not deliver that far.", "involuntary_switching.customer_moved", True),
        # what does not fit is a product, or a customer's day
        ("The times don't fit into my day.", "x_product_fit.missing_features", False),
        ("It doesn't fit our requirements.", "x_product_fit.missing_features", True),
        # negation
        ("It was never expensive.", "pricing.high_price", False),
        ("There are no hidden fees.", "pricing.deceptive_pricing", False),
        # a move within reach is none
        ("We moved the sofa.", "involuntary_switching.customer_moved", False),
        ("We are moving out of the country.", "involuntary_switching.customer_moved", True),
        # somebody else needs a name, or to be better
        ("I am switching to another provider.", "competition.found_better", False),
        ("I am switching to Orange.", "competition.found_better", True),
        ("I am switching to a cheaper provider, found a better deal.",
         "competition.found_better", True),
    ],
)  # fmt: skip
def test_the_context_decides(text, subcategory, told):
    """Rules of context, negation and names."""
    assert (subcategory in subcategories_of(text)) == told


def test_whoever_comes_to_us_has_not_left_for_another():
    """With the own brand named, going to it is no competition; names in small letters are told."""
    text = "I am switching to Orange from Vodafone."
    assert "competition" not in categories_of(text, own_brand=["Orange"])
    small = "now i am switching to corner coffee"
    assert "competition" not in categories_of(small)
    assert "competition" in categories_of(small, competitors=["Corner Coffee"])
    both = {"competitors": ["Corner Coffee"], "own_brand": ["Corner Coffee"]}
    assert "competition" not in categories_of(small, **both)


@pytest.mark.parametrize(
    ("text", "own_brand", "told"),
    [
        ("Your fees went up, and I found a better deal at Orange.", [], True),
        ("Your fees went up, and I found a better deal at Orange.", ["Orange"], False),
        ("I found a better deal than Orange.", ["Orange"], True),
        ("It was so much cheaper with Orange.", ["Orange"], False),
        ("I switched from Verizon to Comcast.", [], False),
        ("I switched from Verizon to Comcast.", ["Verizon", "Vodafone"], True),
        ("I switched from Verizon to Vodafone.", ["Verizon", "Vodafone"], False),
        ("I switched from Comcast to Verizon.", ["Verizon", "Vodafone"], False),
        ("We went to Comcast from Verizon.", ["Verizon", "Vodafone"], True),
        ("I left Verizon for Comcast.", ["Verizon"], True),
        ("I am going to leave Verizon and will switch to Hulu.", ["Verizon"], True),
    ],
)
def test_own_brands_say_who_came_and_who_left(text, own_brand, told):
    """A better deal at one's own brand is no competition; leaving it for another name is."""
    assert ("competition" in categories_of(text, own_brand=own_brand)) == told


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("You refused to refund me.", ["response_to_failure", "core_service_failure"]),
        ("You billed me twice. Excuses.", ["response_to_failure", "core_service_failure"]),
        ("You billed me twice. I had to beg.", ["core_service_failure", "response_to_failure"]),
    ],
)
def test_of_equals_the_reaction_comes_first(text, categories):
    """A reaction as strong as the failure that it answers is the reason; a weaker one is not."""
    assert tags_of(text)["category"].drop_duplicates().tolist() == categories


def test_strength_is_the_noisy_or_of_distinct_phrases():
    """Two phrases of 0.9 give 1 − 0.1²; the same one twice counts once."""
    one, twice, two = (
        tags_of(text)["score"].iloc[0]
        for text in (
            "It is overpriced.",
            "It is overpriced. It is overpriced.",
            "It is overpriced. It is poor value.",
        )
    )
    assert (one, twice) == pytest.approx((0.9, 0.9))
    assert two == pytest.approx(0.99)


def test_of_phrases_that_overlap_the_strongest_counts():
    """Two phrases over the same words are one piece of evidence."""
    rows = {"category": ["x_fruit"] * 2, "phrase": ["red apple", "apple pie"], "weight": [0.7, 0.8]}
    mine = extend_lexicon(ENGLISH, phrases=pd.DataFrame(rows))
    shared = tags_of("red apple pie", lexicon=mine)
    apart = tags_of("red apple, apple pie", lexicon=mine)
    assert shared[["score", "evidence"]].values.tolist() == [[pytest.approx(0.8), "apple pie"]]
    assert apart["score"].tolist() == [pytest.approx(0.94)]


def test_ranks_by_strength_and_barriers_last():
    """The strongest comes first; what holds back is never the first reason of several."""
    found = tags_of("A monopoly, a real monopoly here. Trapped in it. It is overpriced.")
    assert found["category"].tolist() == ["pricing", "x_switching_barrier"]
    assert found["score"].iloc[1] > found["score"].iloc[0]
    assert found["rank"].tolist() == [1, 2]
    assert found["is_primary"].tolist() == [True, False]


def test_every_note_is_in_the_answer():
    """Null and blank are missing, no reason is unspecified, and both have a row."""
    found = tags_of("Too dear and overpriced.", None, "   ", "Hello.", float("nan"))
    assert found.columns.tolist() == COLUMNS
    assert found["note_id"].tolist() == [0, 1, 2, 3, 4]
    assert found["category"].tolist() == ["pricing", *["missing"] * 2, "unspecified", "missing"]
    assert found["is_primary"].all()
    blank = found[found["category"] != "pricing"]
    assert (
        blank[["subcategory", "score", "evidence", "start", "end", "phrase"]]
        .isna()
        .to_numpy()
        .all()
    )


def test_one_phrase_has_the_strength_of_its_weight():
    """To the last bit, so that it is told where that is the least score: from 0.01 to 1."""
    pies = {
        f"{one}{two}berry pie": (10 * i + j + 1) / 100
        for i, one in enumerate("bcdfghjkmp")
        for j, two in enumerate("bcdfghjkmp")
    }
    rows = {"category": "x_fruit", "phrase": list(pies), "weight": list(pies.values())}
    matcher = Matcher(extend_lexicon(ENGLISH, phrases=pd.DataFrame(rows)))
    found = {pie: tag_text(pie, matcher, min_score=weight)[0].score for pie, weight in pies.items()}
    assert found == pies


@pytest.mark.parametrize(
    ("text", "category", "told"),
    [
        ("Nobody was rude.", "service_encounter_failure", False),
        ("Not one of the agents was rude.", "service_encounter_failure", False),
        ("Somebody was rude.", "service_encounter_failure", True),
        ("It is far from expensive.", "pricing", False),
        ("It is far from here and expensive.", "pricing", True),
        ("It is far from my home.", "inconvenience", True),
        ("Nobody picks up the phone.", "service_encounter_failure", True),
    ],
)
def test_two_words_may_negate(text, category, told):
    """Before a phrase; within it they are its own."""
    assert (category in categories_of(text)) == told


def test_min_score_hides_the_weak():
    """A weak phrase is told only where it is asked for."""
    assert categories_of("A terrible company.") == {"unspecified"}
    assert categories_of("A terrible company.", min_score=0.5) == {"core_service_failure"}
    assert categories_of("It is overpriced.", min_score=0.95) == {"unspecified"}


SENTENCE = st.sampled_from(
    [
        *(e.yes for e in ENGLISH.entries[::5] if e.yes and not e.brief),
        *(e.no for e in ENGLISH.entries[::9] if e.no and not e.brief),
        "İ İstanbul, the PRİCE is OVERPRICED!",
        "ﬁne — but it's “overpriced”…",
    ]
)
NOTE = st.lists(SENTENCE, min_size=1, max_size=3).map(" ".join)


@given(notes=st.lists(NOTE, min_size=1, max_size=5))
def test_evidence_is_a_stretch_of_the_text(notes):
    """Always text[start:end], within the note, whatever the characters."""
    for row in tags_of(*notes).to_dict("records"):
        if row["category"] != "unspecified":
            start, end = int(row["start"]), int(row["end"])
            assert 0 <= start < end
            assert row["evidence"] == notes[row["note_id"]][start:end] != ""


@given(first=NOTE, second=NOTE)
def test_a_note_of_two_notes_holds_every_phrase_of_both(first, second):
    """Joined by a blank line, no phrase is lost and none appears, and each keeps its words."""

    def found(text, shift=0):
        hits = (hit for hit in MATCHER.find(text) if not ENGLISH.entries[hit.entry].brief)
        return [(hit.entry, hit.start + shift, hit.end + shift) for hit in hits]

    whole = first + "\n\n" + second
    assert sorted(found(whole)) == sorted(found(first) + found(second, len(first) + 2))


PLAIN = st.sampled_from(
    [
        e.yes
        for e in ENGLISH.entries
        if e.yes and not e.brief and e.tag.startswith(("pricing.p", "inconv", "invol"))
    ]
)


@given(first=PLAIN, second=PLAIN)
def test_tagging_a_concatenation_finds_what_its_parts_find(first, second):
    """Categories that no rule takes away are all found in the whole."""
    parts = {tag.tag for text in (first, second) for tag in tag_text(text, MATCHER)}
    bound = ("core_service_failure", "response", "service_encounter", "pricing.high", "competition")
    whole = {tag.tag for tag in tag_text(first + "\n\n" + second, MATCHER)}
    assert {tag for tag in parts if not tag.startswith(bound)} <= whole


@given(notes=st.lists(NOTE, min_size=2, max_size=6), seed=st.randoms())
def test_the_order_of_notes_is_irrelevant(notes, seed):
    """Shuffled notes have the same tags, in the order given."""
    frame = pd.DataFrame({"note_id": range(len(notes)), "text": notes})
    order = list(range(len(notes)))
    seed.shuffle(order)
    straight, shuffled = tag_reasons(frame), tag_reasons(frame.iloc[order])
    assert shuffled["note_id"].drop_duplicates().tolist() == order
    again = shuffled.sort_values(["note_id", "rank"], ignore_index=True)
    pd.testing.assert_frame_equal(again, straight)


def test_works_on_every_engine(engine):
    """The caller's kind comes back, with the ids and the customers of the notes."""
    frame = pd.DataFrame(
        {
            "note_id": ["N1", "N2", "N3"],
            "customer_id": [7, 8, 9],
            "text": ["It is overpriced.", None, "Hello."],
        }
    )
    answer = tag_reasons(engine.table(frame))
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["note_id"])
    assert found["customer_id"].tolist() == [7, 8, 9]
    assert found["category"].tolist() == ["pricing", "missing", "unspecified"]
    assert found["score"].iloc[0] == pytest.approx(0.9)
    assert list(found.columns) == COLUMNS


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_tables_in_which_little_stands(kind):
    """No rows, no texts: the columns are there all the same."""
    for texts in ([], [None, None]):
        frame = kind({"text": texts})
        found = tag_reasons(frame)
        assert list(found.columns) == COLUMNS
        assert found["category"].to_list() == ["missing"] * len(texts)


@pytest.mark.parametrize("kind", [pd.Series, pl.Series])
def test_texts_alone_are_notes_numbered_from_zero(kind):
    """A Series of whatever name and index gives what a table of its engine would."""
    texts = ["It is overpriced.", None, "Hello."]
    found = tag_reasons(kind(texts).rename("said"))
    table = pd.DataFrame if kind is pd.Series else pl.DataFrame
    assert isinstance(found, table)
    assert found["note_id"].to_list() == [0, 1, 2]
    whole = tag_reasons(table({"text": texts}))
    assert found.equals(whole)
    assert tag_reasons(kind([], dtype=object if kind is pd.Series else pl.String)).shape[0] == 0


def test_a_series_keeps_its_order_whatever_its_index():
    """The index of a Series is not the id of a note; numbers are no texts."""
    found = tag_reasons(pd.Series(["Hello.", "It is overpriced."], index=[7, 7]))
    assert found["note_id"].tolist() == [0, 1]
    assert found["category"].tolist() == ["unspecified", "pricing"]
    with pytest.raises(ContentError, match="'text' must hold text; got"):
        tag_reasons(pd.Series([1, 2]))
    with pytest.raises(ColumnError, match="keep names 'region'"):
        tag_reasons(pd.Series(["Hello."]), keep="region")


def test_the_callers_table_is_not_changed():
    """Columns of other names are read and left as they are."""
    frame = pd.DataFrame({"what": ["It is overpriced."], "which": ["A"]})
    before = frame.copy()
    found = tag_reasons(frame, text="what", note_id="which")
    assert found["note_id"].tolist() == ["A"]
    pd.testing.assert_frame_equal(frame, before)


def test_long_notes_are_cut_and_counted():
    """What follows 20,000 characters is not read, and a warning says of how many notes."""
    long = "la " * 7_000 + "it is overpriced"
    with pytest.warns(RetentionWarning, match="1 note has more than 20,000 characters"):
        found = tags_of(long, "It is overpriced.")
    assert found["category"].tolist() == ["unspecified", "pricing"]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"text": "txet"}, ColumnError, "text names 'txet'.*Did you mean 'text'"),
        ({"min_score": 1.5}, RetentionError, "min_score must be between 0 and 1; got 1.5"),
        ({"min_score": "x"}, RetentionError, "min_score must be between 0 and 1; got 'x'"),
        ({"model": "folder"}, RetentionError, "model must be what fit_reason_model .*'folder'"),
        ({"lexicon": 5}, ReadError, "lexicon must be a language or the path of a file; got 5"),
        ({"language": "it"}, RetentionError, "language must be one of .*got 'it'"),
        ({"language": []}, RetentionError, "language names none"),
        ({"language": "de", "lexicon": "en"}, RetentionError, "a language or a lexicon, not both"),
        ({"keep": None}, ColumnError, "keep must name columns, as text; got None"),
        ({"text": "number"}, ContentError, "'number' must hold text; got"),
        ({"text": "mixed"}, ContentError, "'mixed' must hold text; got 3"),
    ],
)
def test_refuses_what_is_no_note(options, kind, message):
    """In the words of the user."""
    frame = pd.DataFrame({"text": ["a", "b"], "number": [1, 2], "mixed": ["a", 3]})
    with pytest.raises(kind, match=message):
        tag_reasons(frame, **options)


def test_refuses_ids_that_stand_twice():
    """A note is a row."""
    frame = pd.DataFrame({"note_id": [1, 1], "text": ["a", "b"]})
    with pytest.raises(ContentError, match="different in every row"):
        tag_reasons(frame)


def test_a_lexicon_of_ones_own_is_used():
    """An extended lexicon, by value."""
    mine = pd.DataFrame({"category": ["x_style"], "phrase": ["not my moon"], "weight": [0.7]})
    longer = extend_lexicon(ENGLISH, phrases=mine)
    found = tags_of("Sorry, not my moon.", lexicon=longer)
    assert found["category"].tolist() == ["x_style"]
    assert found["subcategory"].isna().all()
    assert categories_of("Sorry, not my moon.") == {"unspecified"}


def test_columns_that_are_kept_go_along():
    """So that tags can be counted by region, over time or by spell."""
    notes = pd.DataFrame({"text": ["Too expensive.", None], "region": ["west", "east"]})
    found = tag_reasons(notes, keep="region")
    assert found["region"].tolist() == ["west", "east"]
    assert found.columns[-1] == "region"


def test_a_kept_column_may_be_called_as_this_library_calls_the_note():
    """The note is read, and the column goes along."""
    notes = pd.DataFrame({"text": ["Too expensive."], "value": ["north"]})
    found = tag_reasons(notes, keep=["value", "text"])
    assert found[["category", "value", "text"]].values.tolist() == [
        ["pricing", "north", "Too expensive."]
    ]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "duckdb"])
def test_whole_numbers_with_gaps_keep_their_digits(kind):
    """2⁵³ + 1 is no float; customers, and what is kept, come back as whole numbers."""
    import duckdb

    odd = 2**53 + 1
    given = {"note_id": [0, 1], "text": ["Too expensive.", "Hello."]}
    gaps = {"customer_id": [odd, None], "spell": [None, odd]}
    whole = {name: pd.array(values, dtype="Int64") for name, values in gaps.items()}
    arrow = pl.DataFrame({**given, **gaps}).to_arrow()
    notes = {
        "pandas": lambda: pd.DataFrame({**given, **whole}),
        "polars": lambda: pl.from_arrow(arrow),
        "pyarrow": lambda: arrow,
        "duckdb": lambda: duckdb.from_arrow(arrow),
    }[kind]()
    tags = tag_reasons(notes, keep="spell")
    wide = note_reasons(tags)
    for found, column in ((tags, "customer_id"), (tags, "spell"), (wide, "customer_id")):
        values = nw.from_native(found).lazy().collect("pyarrow")[column].to_list()
        assert sorted(values, key=str) == [odd, None]
