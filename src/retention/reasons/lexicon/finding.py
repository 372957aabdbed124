"""The reasons in one text: the phrases of a lexicon in it, under its rules of context."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from retention.reasons.lexicon.lexicon import CUE
from retention.reasons.notes.words import LONGEST_NOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from retention.reasons.lexicon.lexicon import Entry, Rule
    from retention.reasons.lexicon.matching import Hit, Matcher

    Hits = list[tuple[str, Hit]]


BARRIER = "x_switching_barrier"
"""A reason for staying: it comes after every reason for leaving."""

REACTION = "response_to_failure"
"""The firm's reaction to a failure: of equals it comes first."""


class Tag(NamedTuple):
    """A reason found in a text, its strength, and the evidence that speaks loudest for it."""

    tag: str
    score: float
    start: int
    end: int
    phrase: str | None


def tag_text(text: str, matcher: Matcher, *, min_score: float = 0.6) -> list[Tag]:
    """The reasons in one text, in order (see `tags_in_order`).

    Args:
        text: what was written; only its first 20,000 characters are read.
        matcher: of a lexicon, from `matcher_of`.
        min_score: the least strength.
    """
    entries = matcher.lexicon.entries
    hits = [(entries[hit.entry].tag, hit) for hit in matcher.find(text[:LONGEST_NOTE])]
    if hits:
        hits = _hits_in_context(hits, matcher)
    by_tag: dict[str, list[Hit]] = {}
    for tag, hit in hits:
        if not tag.startswith(CUE):
            by_tag.setdefault(tag, []).append(hit)
    tags = [_weighed_tag(tag, found, entries) for tag, found in by_tag.items()]
    return tags_in_order([tag for tag in tags if tag.score >= min_score])


def _hits_in_context(hits: Hits, matcher: Matcher) -> Hits:
    """The phrases found, under the rules about them, in the order of the rules."""
    about = _rules_about(hits, matcher)
    for number, rule in enumerate(matcher.lexicon.rules):
        if number in about:
            hits = _RULES[rule.kind](hits, rule)
            about = _rules_about(hits, matcher)
    return hits


def _rules_about(hits: Hits, matcher: Matcher) -> set[int]:
    """The numbers of the rules that are about a tag of these."""
    known, found = matcher.rules_about, set[int]()
    for tag in {tag for tag, _ in hits}:
        if tag not in known:
            rules = matcher.lexicon.rules
            known[tag] = frozenset(n for n, r in enumerate(rules) if _is_one_of(tag, (r.tag,)))
        found |= known[tag]
    return found


def tags_in_order(tags: list[Tag]) -> list[Tag]:
    """The reasons of one text, strongest first.

    Of equals a bad reaction comes before the failure that it answers: whoever tells both stayed
    after the failure and left over the reaction. What holds a customer back comes last.
    """
    return sorted(
        tags,
        key=lambda t: (
            t.tag.startswith(BARRIER),
            -t.score,
            not t.tag.startswith(REACTION),
            t.start,
            t.tag,
        ),
    )


def _hits_unbeaten(hits: Hits, rule: Rule) -> Hits:
    """Without what is said more exactly beside it."""
    return [one for one, beside in _hits_with_context(hits, rule) if not beside]


def _hits_with_needed_context(hits: Hits, rule: Rule) -> Hits:
    """With what lacks its context taken for something else, or left out."""
    found = []
    for (tag, hit), beside in _hits_with_context(hits, rule):
        if beside is not False:
            found.append((tag, hit))
        elif rule.otherwise:
            found.append((rule.otherwise, hit))
    return found


def _hits_become_more(hits: Hits, rule: Rule) -> Hits:
    """With what has its context taken for something more."""
    return [
        (rule.otherwise if beside and rule.otherwise else tag, hit)
        for (tag, hit), beside in _hits_with_context(hits, rule)
    ]


def _hits_with_context(hits: Hits, rule: Rule) -> Iterator[tuple[tuple[str, Hit], bool | None]]:
    """Each phrase, and whether its context is there; None where the rule is not about it."""
    others = [hit for tag, hit in hits if _is_one_of(tag, rule.others)]
    sentences = {hit.sentence for hit in others}
    stretches = _covered_stretches(others)
    for tag, hit in hits:
        if not _is_one_of(tag, (rule.tag,)):
            yield (tag, hit), None
        elif rule.within == "note":
            yield (tag, hit), bool(others)
        elif rule.within == "sentence":
            yield (tag, hit), hit.sentence in sentences
        else:
            at = bisect_left(stretches, hit.end, key=itemgetter(0)) - 1
            yield (tag, hit), at >= 0 and stretches[at][1] > hit.start


def _covered_stretches(hits: list[Hit]) -> list[tuple[int, int]]:
    """The parts of the text that hits cover, in order, none overlapping another."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((hit.start, hit.end) for hit in hits):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


_RULES: dict[str, Callable[[Hits, Rule], Hits]] = {
    "becomes": _hits_become_more,
    "beats": _hits_unbeaten,
    "needs": _hits_with_needed_context,
}


@lru_cache(maxsize=10_000)
def _is_one_of(tag: str, names: tuple[str, ...]) -> bool:
    """Whether a tag is one of these, or of one of these categories."""
    return any(tag == name or tag.startswith(name + ".") for name in names)


def _weighed_tag(tag: str, hits: list[Hit], entries: tuple[Entry, ...]) -> Tag:
    """The strength of a tag: each phrase once, and of words that overlap only the strongest."""
    taken: list[Hit] = []
    used = set[int]()
    for hit in sorted(hits, key=lambda one: (-entries[one.entry].weight, one.start, -one.end)):
        free = all(hit.end <= other.start or hit.start >= other.end for other in taken)
        if hit.entry not in used and free:
            taken.append(hit)
            used.add(hit.entry)
    score = 0.0
    for hit in taken:
        score += entries[hit.entry].weight * (1 - score)  # so that one phrase has its weight
    best = taken[0]
    return Tag(tag, score, best.start, best.end, entries[best.entry].pattern)
