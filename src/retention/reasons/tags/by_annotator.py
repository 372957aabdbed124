"""Reasons that a language model or a service of the user's finds, held against the notes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from retention.errors import ContentError, RetentionError, count_of, warn
from retention.progress import progress_bar
from retention.reasons.categories import MISSING, UNSPECIFIED, reason_categories
from retention.reasons.lexicon.finding import BARRIER, Tag
from retention.reasons.notes.words import LONGEST_NOTE

AT_ONCE = 50
"""How many texts an annotator is given at a time."""


class Annotation(BaseModel):
    """A reason that an annotator found in a text.

    Attributes:
        category: a category of `reason_categories`, or one of your own that begins with `x_`.
        subcategory: its sub-category, "pricing.high_price" or "high_price"; None where not told.
        evidence: the words that tell it, copied from the text.
        score: how strongly they tell it, 0 to 1.

    Example:
        >>> import retention as rt
        >>> rt.reasons.Annotation(category="pricing", evidence="far too dear").score
        1.0
    """

    model_config = ConfigDict(frozen=True)

    category: str
    subcategory: str | None = None
    evidence: str
    score: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)


Answer = str | Mapping[str, Any] | Iterable[Annotation | Mapping[str, Any]]
"""What an annotator says of one text; see `Annotator`."""


class Annotator(Protocol):
    """Whatever reads texts and says which reasons each tells: a function around your client.

    It is called with at most 50 texts at a time, each of which it sees once, and answers with one
    answer for each, in their order. An answer is a list of annotations (`Annotation`, or mappings
    with its fields), empty where no reason is told; or what `reason_schema` describes,
    `{"reasons": [...]}`, as a mapping or as the JSON text that a language model writes.
    """

    def __call__(self, texts: list[str], /) -> Iterable[Answer]:
        """An answer for each text, in their order."""


def tags_by_annotator(
    texts: Sequence[str], annotator: Annotator, min_score: float = 0.6
) -> list[list[Tag]]:
    """The reasons that an annotator finds in each text, strongest first, as far as they hold.

    A reason is kept if its category is known and its evidence stands in the text: letter by letter
    or, failing that, but for case, white space, kinds of quotation marks and dashes, and marks
    around it. Where it stands several times, the first place at which it is whole words counts.

    Args:
        texts: what was written; of each only the first 20,000 characters are given away.
        annotator: see `Annotator`; each different text is given to it once.
        min_score: the least score that is told, 0 to 1.

    Returns:
        For each text its tags, one a category or sub-category, the one with the highest score; the
        offsets are of the text. What holds a customer back comes last.

    Raises:
        RetentionError: if the annotator cannot be called.
        ContentError: if it gives another number of answers than texts, or one that cannot be read.

    Warns:
        RetentionWarning: if evidence is not in its text or a category is unknown: these reasons are
            dropped. An unknown sub-category is left away and the category kept.
    """
    if not callable(annotator):
        raise RetentionError(f"annotator must be a function of texts; got {annotator!r}.")
    different = list(dict.fromkeys(text[:LONGEST_NOTE] for text in texts))
    dropped = _Dropped()
    found: dict[str, list[Tag]] = {}
    with progress_bar("asking the annotator", "notes", len(different)) as done:
        for first in range(0, len(different), AT_ONCE):
            asked = different[first : first + AT_ONCE]
            for text, answer in zip(asked, _answers_of_annotator(annotator, asked), strict=True):
                found[text] = _tags_of_annotations(
                    _Text(text), _annotations_of_answer(answer, text), dropped, min_score
                )
            done(len(asked))
    if message := dropped.message():
        warn(message)  # who called tag_reasons
    return [found[text[:LONGEST_NOTE]] for text in texts]


@dataclass(slots=True)
class _Dropped:
    """What of the answers could not be kept."""

    evidence: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    subcategories: list[str] = field(default_factory=list)

    def message(self) -> str:
        """What was dropped, with examples; empty if nothing was."""
        said = [
            (self.evidence, "reasons dropped, whose evidence does not stand in their note"),
            (self.categories, "reasons dropped, whose category is unknown"),
            (self.subcategories, "unknown sub-categories left away, their categories kept"),
        ]
        told = [f"{len(those):,} {what} ({_examples_of(those)})" for those, what in said if those]
        return f"Of what the annotator found: {'; '.join(told)}." if told else ""


def _examples_of(those: list[str]) -> str:
    shown = list(dict.fromkeys(map(_excerpt, those)))
    return ", ".join(map(repr, shown[:3])) + (", …" if len(shown) > 3 else "")


def _excerpt(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _answers_of_annotator(annotator: Annotator, asked: list[str]) -> list[Answer]:
    """The answers to some texts, one for each."""
    given = annotator(list(asked))
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise ContentError(
            f"The annotator gave {type(given).__name__} for {len(asked):,} texts. It must give a "
            "list with one answer for each text, in their order."
        )
    answers = list(given)
    if len(answers) != len(asked):
        raise ContentError(
            f"The annotator gave {count_of(len(answers), 'answer')} for "
            f"{count_of(len(asked), 'text')}, the first of "
            f"which is {_excerpt(asked[0])!r}. It must give one for each, in their order: an empty "
            "list where a text tells no reason."
        )
    return answers


_JSON: TypeAdapter[Any] = TypeAdapter(Any)
_ANNOTATIONS = TypeAdapter(list[Annotation])


def _annotations_of_answer(answer: Answer, text: str) -> list[Annotation]:
    """An answer as annotations."""
    try:
        given = _JSON.validate_json(_bare_json(answer)) if isinstance(answer, str) else answer
        reasons = given["reasons"] if isinstance(given, Mapping) else given
        return _ANNOTATIONS.validate_python(reasons)
    except KeyError:
        problem = "it lacks 'reasons'"
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"{part}: " for part in first["loc"])
        problem = f"{place}{first['msg']}; got {_excerpt(repr(first['input']))}"
    raise ContentError(
        f"The annotator's answer to {_excerpt(text)!r} cannot be read: {problem}. An answer is a "
        "list of {category, subcategory, evidence, score}, or JSON as reason_schema() describes."
    )


def _bare_json(answer: str) -> str:
    """The JSON alone, where a model put it between fences."""
    whole = answer.strip()
    if len(whole) < 6 or not (whole.startswith("```") and whole.endswith("```")):
        return whole
    return whole[3:-3].strip().removeprefix("json")


def _tags_of_annotations(
    text: _Text, annotations: list[Annotation], dropped: _Dropped, min_score: float
) -> list[Tag]:
    """What holds of the annotations of a text: each tag once, the strongest first."""
    best: dict[str, Tag] = {}
    for one in annotations:
        if one.category in (UNSPECIFIED, MISSING):
            continue
        name = _tag_of(one, dropped)
        if name is None:
            continue
        place = text.place_of(one.evidence)
        if place is None:
            dropped.evidence.append(one.evidence)
            continue
        tag = Tag(name, one.score, *place, None)
        if name not in best or (tag.score, -tag.start) > (best[name].score, -best[name].start):
            best[name] = tag
    told = [tag for tag in best.values() if tag.score >= min_score]
    return sorted(told, key=lambda t: (t.tag.startswith(BARRIER), -t.score, t.start, t.tag))


_OWN = re.compile(r"x_\w{1,60}")
_NAME = re.compile(r"\w{1,60}")


@cache
def _subcategories_by_name() -> dict[str, frozenset[str]]:
    return {one.name: frozenset(s.name for s in one.subcategories) for one in reason_categories()}


def _tag_of(annotation: Annotation, dropped: _Dropped) -> str | None:
    """The tag of an annotation, "category" or "category.subcategory"; None if it is unknown."""
    category, _, closer = annotation.category.strip().partition(".")
    known = _subcategories_by_name().get(category)
    if known is None and not _OWN.fullmatch(category):
        dropped.categories.append(annotation.category)
        return None
    name = (annotation.subcategory or closer).strip().removeprefix(f"{category}.")
    tag = f"{category}.{name}"
    if name and (tag in known if known is not None else _NAME.fullmatch(name)):
        return tag
    if name:
        dropped.subcategories.append(annotation.subcategory or closer)
    return category


class _Text:
    """A text in which evidence is looked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def plain(self) -> tuple[str, list[int]]:
        """The text in plain letters, and the character of the text that each comes from."""
        letters: list[str] = []
        origin: list[int] = []
        for place, letter in enumerate(self.text):
            for one in _plain_character(letter):
                if one != " " or (letters and letters[-1] != " "):
                    letters.append(one)
                    origin.append(place)
        return "".join(letters), origin

    def place_of(self, evidence: str) -> tuple[int, int] | None:
        """Where evidence starts and ends; None if it is not there."""
        wanted = evidence.strip()
        if not any(map(str.isalnum, wanted)):
            return None
        at = _place_of_words(self.text, wanted)
        if at is not None:
            return at, at + len(wanted)
        wanted = " ".join("".join(map(_plain_character, wanted)).split()).strip(" '\".")
        plain, origin = self.plain
        at = _place_of_words(plain, wanted, origin) if wanted else None
        return None if at is None else (origin[at], origin[at + len(wanted) - 1] + 1)


def _place_of_words(text: str, wanted: str, origin: Sequence[int] = ()) -> int | None:
    """The first place of words in a text where they are whole, or else the first place.

    Where letters come from characters, no character is cut in two.
    """
    first, at = None, text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        cut = origin and (
            (at > 0 and origin[at - 1] == origin[at])
            or (end < len(text) and origin[end] == origin[end - 1])
        )
        if not cut:
            first = at if first is None else first
            before = at > 0 and text[at - 1].isalnum() and wanted[0].isalnum()
            after = end < len(text) and text[end].isalnum() and wanted[-1].isalnum()
            if not before and not after:
                return at
        at = text.find(wanted, at + 1)
    return first


_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛‹›`´′", "'") | dict.fromkeys("“”„‟«»″", '"'))
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))


@lru_cache(maxsize=20_000)
def _plain_character(letter: str) -> str:
    """A character as it is compared: small, taken apart, with plain marks; white space is one."""
    if letter.isspace():
        return " "
    if unicodedata.category(letter) == "Cf":  # joins or parts words, and is not seen
        return ""
    marked = letter.translate(_QUOTES).translate(_DASHES)
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", marked).casefold())
