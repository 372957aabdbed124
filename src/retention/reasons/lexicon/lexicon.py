"""Lexicons: phrases with weights, the words they are made of, and rules of context, as values."""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.errors import ColumnError, ContentError, ReadError, count_of, warn
from retention.frames import as_lazy, collect
from retention.printed import Printed, Shown
from retention.reasons.categories import check_category, check_subcategory, data_file
from retention.reasons.lexicon.lexicon_files import checked_tables
from retention.reasons.lexicon.phrases import compile_phrase
from retention.reasons.notes.words import normal_words, sentences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.reasons.lexicon.lexicon_files import PhraseTable

CUE = "cue."
"""What the tags of phrases begin with that tell no reason but are asked for by rules."""

KINDS = ("beats", "becomes", "needs")
"""What rules do; see `Rule`."""

WITHIN = ("note", "sentence", "words")
"""How near rules look."""

OWN_BRAND, COMPETITORS = "own_brand", "competitor"
_COLUMNS = ("category", "phrase", "weight")


@dataclass(frozen=True, slots=True)
class Entry:
    """A phrase of a lexicon.

    Attributes:
        tag: "category.subcategory", a category, or "cue.…" for what only rules look at.
        pattern: the phrase.
        weight: how strongly it speaks for the reason, above 0, at most 1.
        negatable: whether a negation before it in its clause, or within it, undoes it.
        by_firm: whether it does not count where the customer does it ("I refused").
        yes: a sentence it matches, null in lexicons of users.
        no: one that is near and must not match.
        brief: whether it is looked for in notes of a few words alone.
    """

    tag: str
    pattern: str
    weight: float
    negatable: bool = True
    by_firm: bool = False
    yes: str | None = None
    no: str | None = None
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What the context does to a tag.

    Attributes:
        name: what the rule is about.
        kind: "beats": phrases of `tag` do not count beside one of `others`. "needs": they count
            only beside one of `others`, else they count for `otherwise` (null: not at all).
            "becomes": beside one of `others` they count for `otherwise`.
        tag: a tag, or a category with all its tags.
        others: tags or categories.
        within: "note", "sentence", or "words": where the two overlap.
        otherwise: the tag instead.
    """

    name: str
    kind: str
    tag: str
    others: tuple[str, ...]
    within: str = "note"
    otherwise: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Lexicon(Printed):
    """Phrases and rules of one language, as a value that compares, prints and pickles.

    Attributes:
        language: such as "en".
        version: of the data.
        evaluated: on what it was evaluated; null if on nothing.
        window: how many words before a phrase a negation is looked for.
        negators: words that negate ("not"), and pairs of words that do ("far from").
        negates_nothing: words before which a negator that is one word does not ("only").
        customers: words with which customers speak of themselves ("i", "we").
        breaks: words that begin a clause.
        not_names: words that are written like names and are none.
        expand: what stands for what, such as "dont" for "do not".
        lists: named lists of words.
        entries: the phrases.
        rules: the rules of context, in order.
        brief_note: how many words a note has at most that is read as a short answer, or a code.
        praises: words beside which a short answer is no reason ("good").
    """

    language: str
    version: str
    evaluated: str | None
    window: int
    negators: tuple[str, ...]
    negates_nothing: tuple[str, ...]
    customers: tuple[str, ...]
    breaks: tuple[str, ...]
    not_names: tuple[str, ...]
    expand: tuple[tuple[str, str], ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    entries: tuple[Entry, ...]
    rules: tuple[Rule, ...]
    brief_note: int = 0
    praises: tuple[str, ...] = ()

    def _shown(self) -> Shown:
        of = Counter(entry.tag.partition(".")[0] for entry in self.entries)
        cues = of.pop(CUE.rstrip("."), 0)
        rules = f"{count_of(len(self.rules), 'rule')} of context, {count_of(cues, 'cue')} for them"
        return Shown(
            f"Lexicon({self.language!r}, {self.version!r}, {len(self.entries):,} phrases)",
            (("category", "phrases"), *((name, f"{n:,}") for name, n in of.most_common())),
            notes=(rules, f"evaluated on: {self.evaluated or 'nothing'}"),
            then=("rt.tag_reasons(notes, lexicon=lexicon)",),
            whole="lexicon.entries",
        )


def load_lexicon(lexicon: str | Path = "en") -> Lexicon:
    """A lexicon by its language, or from a TOML file of yours.

    A file has the tables of the one that comes with the package (data/lexicon_en.toml): `[meta]`,
    `[expand]`, `[lists]`, and as many `[[phrase]]` (tag, w, neg, any) and `[[rule]]` as are wanted.

    Args:
        lexicon: "en", "de", "fr" or "es", or the path of a file.

    Returns:
        The lexicon, a frozen value.

    Raises:
        ReadError: if there is no such file, or it is no TOML.
        ContentError: if a table lacks something or has it of another type, a phrase cannot be
            read, or a weight is not above 0 and at most 1.
        RetentionError: if a tag is no reason.

    Warns:
        RetentionWarning: if the lexicon does not say on what it was evaluated.

    Example:
        >>> import retention as rt
        >>> rt.reasons.load_lexicon("en").language
        'en'

    Source:
        The phrases are the project's own; the categories are Keaveney's (see `reason_categories`).
    """
    if not isinstance(lexicon, str | Path):
        raise ReadError(f"lexicon must be a language or the path of a file; got {lexicon!r}.")
    if str(lexicon) in _SHIPPED:
        return _shipped_lexicon(str(lexicon))
    path = Path(lexicon)
    if not path.is_file():
        known = ", ".join(repr(name) for name in _SHIPPED)
        raise ReadError(f"There is no lexicon {str(lexicon)!r}: say {known} or the path of a file.")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ReadError(f"{path} is no TOML file: {problem}.") from None
    found = _checked_lexicon(_lexicon_of_tables(data, str(path)))
    if found.evaluated is None:
        warn(
            f"The lexicon {path} does not say on what it was evaluated ([meta] evaluated): nobody "
            "knows how often its tags are right. Label some hundred notes and compare."
        )
    return found


def extend_lexicon(
    lexicon: Lexicon,
    *,
    phrases: object | None = None,
    own_brand: Sequence[str] = (),
    competitors: Sequence[str] = (),
) -> Lexicon:
    """A lexicon with further phrases and names; the one given is not changed.

    Args:
        lexicon: from `load_lexicon`.
        phrases: a table, or the path of a CSV file, of `category` (a reason as in
            `reason_categories`, with or without its sub-category, or "x_…" of your own), `phrase`
            and `weight` (above 0, at most 1). A negation before such a phrase undoes it, unless the
            phrase has a negation in itself.
        own_brand: names of the firm: going to them is no competition, leaving them for another
            name is.
        competitors: names to be known even where they are written in small letters.

    Returns:
        The longer lexicon.

    Raises:
        ColumnError: if a column is missing.
        ContentError: if a phrase cannot be read, or a weight is not above 0 and at most 1.
        RetentionError: if a category is none.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> mine = pd.DataFrame({
        ...     "category": ["x_product_fit"], "phrase": ["no oat milk"], "weight": [0.9],
        ... })
        >>> longer = rt.reasons.extend_lexicon(rt.reasons.load_lexicon("en"), phrases=mine)
        >>> len(longer.entries) - len(rt.reasons.load_lexicon("en").entries)
        1

    Source:
        None: it is a means.
    """
    added = () if phrases is None else _own_entries(phrases, lexicon)
    lists = dict(lexicon.lists)
    for name, words in {OWN_BRAND: own_brand, COMPETITORS: competitors}.items():
        if isinstance(words, str):
            raise ContentError(f"{name} must be a list of names; got the text {words!r}.")
        lists[name] = tuple(dict.fromkeys((*lists.get(name, ()), *map(_name_in_words, words))))
    own = {name.casefold() for name in lists[OWN_BRAND]}
    lists[COMPETITORS] = tuple(n for n in lists[COMPETITORS] if n.casefold() not in own)
    longer = replace(lexicon, entries=(*lexicon.entries, *added), lists=tuple(lists.items()))
    return longer if longer == lexicon else _checked_lexicon(longer, len(lexicon.entries))


def _name_in_words(name: str) -> str:
    """A name as words alone: its signs are no part of the language of phrases."""
    words = [word for sentence in sentences(str(name)) for word, *_ in sentence]
    if not words:
        raise ContentError(f"own_brand, competitors: {name!r} has no word in it.")
    return " ".join(words)


_SHIPPED = ("en", "de", "fr", "es")


@cache
def _shipped_lexicon(language: str) -> Lexicon:
    name = f"lexicon_{language}.toml"
    return _lexicon_of_tables(data_file(name), name)


def _lexicon_of_tables(data: Mapping[str, Any], name: str) -> Lexicon:
    """The value of a file's tables, not yet checked."""
    file = checked_tables(data, name)
    meta = file.meta
    return Lexicon(
        language=meta.language,
        version=meta.version,
        evaluated=meta.evaluated,
        window=meta.negation_window,
        negators=meta.negators,
        negates_nothing=meta.negates_nothing,
        customers=meta.customers,
        breaks=meta.clause_breaks,
        not_names=meta.not_names,
        expand=tuple(file.expand.items()),
        lists=tuple(({OWN_BRAND: (), COMPETITORS: ()} | file.lists).items()),
        entries=tuple(entry for block in file.phrase for entry in _entries_of_block(block)),
        rules=tuple(
            Rule(one.name, one.kind, one.tag, one.others, one.within, one.otherwise)
            for one in file.rule
        ),
        brief_note=meta.brief_note,
        praises=meta.praises,
    )


def _entries_of_block(block: PhraseTable) -> list[Entry]:
    negatable, by_firm, brief = block.neg != "ok", block.by == "firm", block.notes == "short"
    return [
        Entry(block.tag, one.p, block.w, negatable, by_firm, one.yes, one.no, brief)
        for one in block.any
    ]


def _checked_lexicon(lexicon: Lexicon, known: int = 0) -> Lexicon:
    """The lexicon, once everything beyond the first `known` phrases can be used."""
    lists, expand = dict(lexicon.lists), dict(lexicon.expand)
    for entry in lexicon.entries[known:]:
        compile_phrase(entry.pattern, lists, expand)
        if not 0 < entry.weight <= 1:
            raise ContentError(
                f"The weight of the phrase {entry.pattern!r} must be above 0 and at most 1; got "
                f"{entry.weight!r}."
            )
        if not entry.tag.startswith(CUE):
            check_tag(entry.tag)
    for words in lexicon.negators:
        if len(words.split()) not in (1, 2):
            raise ContentError(f"A negator is one word or two; got {words!r}.")
    for rule in lexicon.rules:
        if rule.kind not in KINDS or rule.within not in WITHIN:
            raise ContentError(
                f"Rule {rule.name!r}: kind is one of {KINDS}, within is one of {WITHIN}; "
                f"got {rule.kind!r} and {rule.within!r}."
            )
    return lexicon


def check_tag(tag: str) -> None:
    """Refuse a tag that is no reason.

    Raises:
        RetentionError: if its category or sub-category is none.
    """
    check_category(tag.partition(".")[0], argument="category", own=True)
    if "." in tag:
        check_subcategory(tag, argument="category")


def _own_entries(phrases: object, lexicon: Lexicon) -> tuple[Entry, ...]:
    rows = _csv_rows(Path(phrases)) if isinstance(phrases, str | Path) else _table_rows(phrases)
    found, expand = [], dict(lexicon.expand)
    for tag, pattern, weight in rows:
        try:
            value = float(weight)
        except (TypeError, ValueError):
            raise ContentError(
                f"The weight of the phrase {pattern!r} must be a number; got {weight!r}."
            ) from None
        if not isinstance(pattern, str):
            raise ContentError(f"phrases: a phrase must be text; got {pattern!r}.")
        written = [word for sentence in sentences(pattern) for word, *_ in sentence]
        words = [part for word in written for part in normal_words(word, expand)]
        carries = any(word in lexicon.negators for word in words)
        found.append(Entry(str(tag).strip(), pattern.strip(), value, not carries))
    return tuple(found)


def _table_rows(phrases: object) -> list[tuple[Any, Any, Any]]:
    frame = as_lazy(phrases, name="phrases", by_row=True)
    _refuse_lacking_columns(frame.collect_schema().names())
    columns = collect(frame.select(*_COLUMNS))
    return list(zip(*(columns[name].tolist() for name in _COLUMNS), strict=True))


def _csv_rows(path: Path) -> list[tuple[Any, Any, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            _refuse_lacking_columns(rows.fieldnames or [])
            return [(row["category"], row["phrase"], row["weight"]) for row in rows]
    except OSError as problem:
        raise ReadError(f"phrases: {path} cannot be read: {problem.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as problem:
        raise ReadError(f"phrases: {path} is no CSV file in UTF-8: {problem}.") from None


def _refuse_lacking_columns(present: Sequence[str]) -> None:
    for name in _COLUMNS:
        if name not in present:
            has = ", ".join(repr(one) for one in present)
            raise ColumnError(f"phrases lacks {name!r} (it has {has}): category, phrase, weight.")
