"""The phrase language: against a twin that tries every reading, its refusals, and hostile input."""

from __future__ import annotations

from random import Random

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import grows_no_faster, lines_run
from retention.errors import ColumnError, ContentError, ReadError, RetentionError, RetentionWarning
from retention.reasons.lexicon.finding import tag_text
from retention.reasons.lexicon.lexicon import Entry, Lexicon, extend_lexicon, load_lexicon
from retention.reasons.lexicon.matching import Matcher, matcher_of
from retention.reasons.lexicon.phrases import compile_phrase
from retention.reasons.notes.words import normal_words, sentences

NOTHING = Lexicon(
    "en", "0", "a test", 4, ("not", "no"), ("only",), ("i",), ("but",), (), (), (), (), ()
)


def lexicon_of(*patterns, lists=(), expand=(), **options):
    """A lexicon of these patterns alone."""
    fields = {name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__}
    entries = tuple(Entry("pricing.high_price", one, 0.9, **options) for one in patterns)
    return Lexicon(**{**fields, "entries": entries, "lists": lists, "expand": expand})


def with_lists(**lists):
    """The lists of a lexicon, with the two that names go to."""
    return tuple({"own_brand": (), "competitor": (), **lists}.items())


def found(pattern, text, **more):
    """The stretches of a text that a pattern matches."""
    more.setdefault("lists", with_lists())
    more.setdefault("negatable", False)
    return [text[hit.start : hit.end] for hit in Matcher(lexicon_of(pattern, **more)).find(text)]


@pytest.mark.parametrize(
    ("pattern", "text", "evidence"),
    [
        ("price", "The price, the PRICE.", ["price", "PRICE"]),
        ("pric*", "Pricing and prices", ["Pricing", "prices"]),
        ("(too|so) dear", "So dear! Too cheap.", ["So dear"]),
        ("very? dear", "dear, very dear", ["dear", "dear"]),
        ("price ~2 up", "price went right up", ["price went right up"]),
        ("price ~2 up", "price went on and right up", []),
        ("price ~2 up", "The price. Up it went.", []),
        ("cost # pounds", "It cost £12.50 pounds", ["cost £12.50 pounds"]),
        ("^ moved $", "Moved. We moved on.", ["Moved"]),
        ("^ moved", "We moved.", []),
        ("to @name", "I went to Sky and to bed", ["to Sky"]),
        ("can't", "I can, I can’t", ["can’t"]),
        ("4g box", "My 4G box", ["4G box"]),
        ("café customers' naïve*", "The Café customers’ naïvety", ["Café customers’ naïvety"]),
        ("(a (b|c ~1 d)|e f) g", "a b g; a c x d g; e f g; a g", ["a b g", "a c x d g", "e f g"]),
        ("mix-up", "a mix-up, a mix up", ["mix-up", "mix up"]),
        ("no one", "No  one\ncame", ["No  one"]),
    ],
)
def test_the_language_means_what_it_says(pattern, text, evidence):
    """Each element of the language, on a sentence of its own."""
    assert found(pattern, text) == evidence


def test_short_forms_are_the_words_they_stand_for():
    """Don't, do not and what a lexicon expands match one another."""
    say = {"expand": (("can't", "can not"), ("dont", "do not"))}
    texts = "I can't. I can not. I can’t. I don't. I dont."
    assert found("can't", texts, **say) == ["can't", "can not", "can’t"]
    assert found("do not", texts, **say) == ["don't", "dont"]


@pytest.mark.parametrize("mark", "'’‘ʼ´`′＇\ufffd")
def test_every_apostrophe_is_one(mark):
    """Whatever the keyboard or the file made of it, in notes and in phrases."""
    text = f"It isn{mark}t mine."
    assert found("is not", text) == [f"isn{mark}t"]
    assert found(f"isn{mark}t", "It is not mine. It isn't.") == ["is not", "isn't"]


def test_lists_stand_in_lists():
    """A named list may hold prefixes, several words, and other lists."""
    lists = with_lists(money=("fee*", "@sums"), sums=("total cost", "#"))
    text = "fees, total cost, 12, cost"
    assert found("@money", text, lists=lists) == ["fees", "total cost", "12"]


WORDS = st.sampled_from(["a", "b", "c", "ab"])
UNITS = st.one_of(
    WORDS.map(lambda w: ("word", w)),
    st.just(("prefix", "ab")),
    st.integers(1, 3).map(lambda n: ("gap", n)),
    WORDS.map(lambda w: ("maybe", w)),
    st.tuples(WORDS, WORDS, WORDS).map(lambda t: ("either", t)),
)


def written(unit):
    """A unit as an analyst writes it."""
    kind, value = unit
    if kind == "either":
        return f"({value[0]}|{value[1]} {value[2]})"
    return {"word": value, "prefix": f"{value}*", "gap": f"~{value}", "maybe": f"{value}?"}[kind]


def taken(unit, words):
    """How many words a unit can take from the start of these."""
    kind, value = unit
    if kind == "gap":
        return range(min(value, len(words)) + 1)
    if kind == "prefix":
        return [1] if words and words[0].startswith(value) else []
    sides = [[value[0]], list(value[1:])] if kind == "either" else [[value]]
    fits = [len(side) for side in sides if words[: len(side)] == side]
    return [0, *fits] if kind == "maybe" else fits


def readings(units, words):
    """Every length that the units can take from the start of the words, by trying all of them."""
    if not units:
        return {0}
    first, *rest = units
    return {n + more for n in taken(first, words) for more in readings(rest, words[n:])}


@given(units=st.lists(UNITS, min_size=1, max_size=5), words=st.lists(WORDS, max_size=9))
def test_finds_what_trying_every_reading_finds(units, words):
    """A phrase matches somewhere if and only if some reading of it does, and the match is one."""
    pattern = " ".join(map(written, units))
    try:
        compile_phrase(pattern, {}, {})
    except ContentError:
        assert all(unit[0] in ("gap", "maybe") for unit in units)
        return
    lengths = {at: readings(units, words[at:]) for at in range(len(words))}
    hits = found(pattern, " ".join(words))
    assert bool(hits) == any(lengths.values())
    for hit in hits:
        assert any(len(hit.split()) in some for some in lengths.values())


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a|b", "a bracket is not closed"),
        ("a | b", "stray '|'"),
        ("a)", "stray ')'"),
        ("~3", "no word that must be there"),
        ("a? b?", "no word that must be there"),
        ("a ~99 b", "a gap has 1 to 20 words"),
        ("@nothing", "there is no list @nothing"),
        ("p*", "two letters or more"),
        ("pr*ce", "at the end"),
        ("a{3}", "there are no regular expressions"),
        ("caf[e]", "'caf[e]' has signs that are no part of a word"),
        ("caf[e]*", "there are no regular expressions"),
        (r"\bcafe\b", "there are no regular expressions"),
        ("colou+r", "there are no regular expressions"),
        ("{}", "there are no regular expressions"),
        ("? a", "stray '?'"),
        ("(a|)", "nothing stands where a word should"),
        ("", "nothing stands where a word should"),
        ("(" * 9 + "a" + ")" * 9, "more than 8 deep"),
        ("a " * 1500, "3000 characters"),
        ("a ~20 " * 30 + "a", "places for words"),
    ],
)
def test_refuses_what_it_cannot_read(pattern, why):
    """The message shows the phrase and what is wrong with it."""
    with pytest.raises(ContentError, match="cannot be read") as refusal:
        compile_phrase(pattern, {"sums": ("a",)}, {})
    assert why in str(refusal.value)


def test_refuses_lists_that_name_themselves():
    """A list in itself is refused, however often it stands there, and at once."""
    with pytest.raises(ContentError, match="cannot be read"):
        compile_phrase("@a", {"a": ("@a",) * 50}, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It is dear.", True),
        ("It is not dear.", False),
        ("It is not all that dear.", False),
        ("It is not good, but dear.", True),
        ("It is not good but dear.", True),
        ("Not only dear.", True),
        ("No. Dear.", True),
        ("It was not a thing that anybody would call dear.", True),
    ],
)
def test_a_negation_undoes_what_follows_in_its_clause(text, told):
    """Within four words, unless a clause begins or the negation says something else."""
    assert bool(found("dear", text, negatable=True)) == told


def test_a_negation_within_undoes_too():
    """What stands in a gap may negate the phrase around it."""
    assert found("price ~3 up", "The price has not gone up", negatable=True) == []


def test_what_the_customer_does_is_not_the_firms_doing():
    """Where the customer says "I refused", the firm did not."""
    say = {"by_firm": True}
    assert found("refused", "I refused. They refused.", **say) == ["refused"]


@given(st.text(max_size=60))
def test_words_stand_where_their_offsets_say(text):
    """Whatever the characters, every word is its stretch of the text, in order."""
    words = [word for sentence in sentences(text) for word in sentence]
    assert all(text[start:end] == raw for raw, start, end, _ in words)
    assert [word[1] for word in words] == sorted(word[1] for word in words)


def test_offsets_survive_letters_that_change_length():
    """Lowering İ gives two characters; the evidence is still the stretch of the original."""
    text = "İİİ İstanbul ﬁrm: the PRİCE is OVERPRICED, cafe\u0301"
    assert found("overpriced", text) == ["OVERPRICED"]
    assert found("café", text) == ["cafe\u0301"]
    assert normal_words("ﬁrm", {}) == ("firm",)


HOSTILE = [
    "no ",
    "still not fixed ",
    "the price went up and you refused to refund me and ",
    "they said no refund no help ",
    "never called back. ",
    "a",
    "((((",
    "İ ",
    "keep my money charged twice bill wrong app crashed not working ",
]


def repeated(unit, size):
    """So many characters of a piece of text."""
    return (unit * size)[:size]


@pytest.mark.parametrize("unit", HOSTILE)
def test_repetition_costs_no_more_than_length(unit):
    """Eight times the length takes at most eight times the steps, and not sixty times as long."""
    matcher = matcher_of(load_lexicon("en"))
    tag_text(repeated(unit, 20_000), matcher)  # words and steps once seen are remembered
    short, long = (
        lines_run(lambda size=size: tag_text(repeated(unit, size), matcher))
        for size in (2_500, 20_000)
    )
    assert long <= 8.1 * short
    assert grows_no_faster(lambda size: tag_text(repeated(unit, size), matcher), 2_500, 20_000)


def test_a_text_of_every_word_costs_no_more_than_length():
    """The lexicon's own words, shuffled, without a full stop: eight such texts cost eight times."""
    matcher = matcher_of(load_lexicon("en"))
    words = sorted(word.rstrip("*") for word in matcher.words if word.rstrip("*").isalpha())
    Random(1).shuffle(words)
    once = " ".join(words) + " "
    tag_text(once * 8, matcher)
    short, long = (lines_run(lambda n=n: tag_text(once * n, matcher)) for n in (1, 8))
    assert long <= 9 * short


def test_gaps_do_not_multiply():
    """Many gaps in a row over a text of their one word stay linear."""
    matcher = Matcher(lexicon_of("a ~9 a ~9 a ~9 a ~9 b", lists=with_lists(), negatable=False))
    assert matcher.find("a " * 10_000) == []
    assert lines_run(lambda: matcher.find("a " * 10_000)) < 100 * 10_000


@pytest.mark.parametrize("phrase", ["(no|without) oat milk", "don’t like", "never ~3 stock"])
def test_phrases_with_a_negation_carry_it(phrase):
    """What an analyst writes with a negation in it is not undone by that negation."""
    rows = pd.DataFrame({"category": ["x_own"], "phrase": [phrase], "weight": [0.9]})
    matcher = matcher_of(extend_lexicon(load_lexicon("en"), phrases=rows))
    text = "You have no oat milk, I don't like it, and you never have it in stock."
    assert "x_own" in {tag.tag for tag in tag_text(text, matcher)}


OWN = {"category": ["x_style", "pricing.high_price"], "phrase": ["ugly mug*", "steep"]}


@pytest.mark.parametrize("kind", ["pandas", "polars", "csv"])
def test_analysts_add_phrases_by_a_table_of_three_columns(kind, tmp_path):
    """From pandas, Polars or a file; the lexicon given is unchanged."""
    rows = {**OWN, "weight": [0.9, 0.7]}
    table = pl.DataFrame(rows) if kind == "polars" else pd.DataFrame(rows)
    if kind == "csv":
        path = tmp_path / "mine.csv"
        table.to_csv(path, index=False)
        table = path
    before = load_lexicon("en")
    after = extend_lexicon(before, phrases=table)
    assert after.entries[:-2] == before.entries == load_lexicon("en").entries
    tags = tag_text("Those ugly mugs. It is steep.", matcher_of(after))
    assert {tag.tag: round(tag.score, 2) for tag in tags} == {
        "x_style": 0.9,
        "pricing.high_price": 0.7,
    }


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"weight": [0.9, 1.5]}, ContentError, "above 0 and at most 1; got 1.5"),
        ({"weight": ["much", 1]}, ContentError, "must be a number; got 'much'"),
        ({"phrase": [None, "b"]}, ContentError, "a phrase must be text; got"),
        ({"phrase": ["(a", "b"]}, ContentError, "a bracket is not closed"),
        ({"category": ["prices", "pricing"]}, RetentionError, "Did you mean 'pricing'"),
        ({"category": ["pricing.hihg", "pricing"]}, RetentionError, "no sub-category of pricing"),
    ],
)
def test_refuses_phrases_that_cannot_be_used(change, kind, message):
    """One clear error a cause."""
    table = pd.DataFrame({**OWN, "weight": [0.9, 0.7], **change})
    with pytest.raises(kind, match=message.replace("(", r"\(")):
        extend_lexicon(load_lexicon("en"), phrases=table)


def test_refuses_tables_without_the_columns():
    """The three columns are named."""
    with pytest.raises(ColumnError, match="phrases lacks 'weight'"):
        extend_lexicon(load_lexicon("en"), phrases=pd.DataFrame(OWN))


def test_names_are_a_list():
    """A single text would be read letter by letter."""
    with pytest.raises(ContentError, match="must be a list of names"):
        extend_lexicon(load_lexicon("en"), competitors="Sky")
    with pytest.raises(ContentError, match="has no word"):
        extend_lexicon(load_lexicon("en"), own_brand=["&"])


FILE = """
[meta]
language = "de"
negators = ["nicht"]
negation_window = 3
[[phrase]]
tag = "pricing.high_price"
w = 0.8
any = ["zu ~1 teuer"]
"""


def test_a_lexicon_nobody_evaluated_says_so(tmp_path):
    """A file of another language is read, used, and warned about."""
    path = tmp_path / "de.toml"
    path.write_text(FILE, encoding="utf-8")
    with pytest.warns(RetentionWarning, match="does not say on what it was evaluated"):
        german = load_lexicon(path)
    assert tag_text("Viel zu teuer", matcher_of(german))[0].tag == "pricing.high_price"
    path.write_text(FILE.replace('"de"', '"de"\nevaluated = "300 notes"'), encoding="utf-8")
    assert load_lexicon(path).evaluated == "300 notes"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (None, ReadError, "There is no lexicon"),
        ("[meta", ReadError, "is no TOML file"),
        ('[[phrase]]\nw = 1\nany = ["a"]', ContentError, "lacks 'tag'"),
        ('[[phrase]]\ntag = "pricing"\nw = 2\nany = ["a"]', ContentError, "above 0 and at most 1"),
        ('[[phrase]]\ntag = "pricing"\nw = 1\nany = [3]', ContentError, "'p': must be text; got 3"),
        ('[[phrase]]\ntag = "pricing"\nw = "x"\nany = ["a"]', ContentError, "must be a number"),
        (
            '[meta]\nnegation_window = "x"',
            ContentError,
            "'negation_window': must be a whole number",
        ),
        ('[meta]\nnegators = "not"', ContentError, "'negators': must be a list; got 'not'"),
        ('[meta]\nnegators = ["so very far"]', ContentError, "one word or two; got 'so very far'"),
        (
            '[[rule]]\nname = "r"\nkind = "needs"\ntag = "pricing"\nothers = "competition"',
            ContentError,
            "'others': must be a list; got 'competition'",
        ),
        (
            '[[rule]]\nname = "r"\nkind = "eats"\ntag = "pricing"\nothers = []',
            ContentError,
            "kind is one of",
        ),
    ],
)
def test_refuses_files_that_are_no_lexicon(text, kind, message, tmp_path):
    """Missing, no TOML, or a phrase or rule that lacks something."""
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(kind, match=message):
        load_lexicon(path)


def test_a_lexicon_is_a_value():
    """It compares, hashes, pickles, and prints in one line."""
    import pickle

    lexicon = load_lexicon("en")
    assert pickle.loads(pickle.dumps(lexicon)) == lexicon
    assert hash(lexicon) == hash(load_lexicon("en"))
    assert repr(lexicon).startswith("Lexicon('en', ")
