"""The tables of a lexicon's file: what may stand in them, and what is said where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from retention.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Mapping

Words = tuple[str, ...]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True)


class MetaTable(_Table):
    """`[meta]`: what the lexicon is, and the words that negate or part clauses."""

    language: str = ""
    version: str = ""
    evaluated: str | None = None
    negation_window: int = Field(default=4, ge=0, strict=True)
    negators: Words = ()
    negates_nothing: Words = ()
    customers: Words = ()
    clause_breaks: Words = ()
    not_names: Words = ()
    brief_note: int = Field(default=0, ge=0, strict=True)
    praises: Words = ()


class Example(_Table):
    """A phrase, a sentence that it matches and one that it must not."""

    p: str
    yes: str | None = None
    no: str | None = None


def _phrase_with_examples(one: object) -> object:
    return one if isinstance(one, dict) else {"p": one}


class PhraseTable(_Table):
    """A `[[phrase]]`: phrases of one tag and weight."""

    tag: str
    w: float = Field(strict=True)
    any: tuple[Annotated[Example, BeforeValidator(_phrase_with_examples)], ...]
    neg: Literal["block", "ok"] = "block"
    by: Literal["firm"] | None = None
    notes: Literal["all", "short"] = "all"


class RuleTable(_Table):
    """A `[[rule]]` of context."""

    name: str
    kind: str
    tag: str
    others: Words
    within: str = "note"
    otherwise: str | None = None


class FileTables(_Table):
    """All tables of a file."""

    meta: MetaTable = MetaTable()
    expand: dict[str, str] = {}
    lists: dict[str, Words] = {}
    phrase: tuple[PhraseTable, ...] = ()
    rule: tuple[RuleTable, ...] = ()


def checked_tables(data: Mapping[str, Any], name: str) -> FileTables:
    """The tables of a file, once each holds what it must.

    Raises:
        ContentError: if something is lacking, or of another type.
    """
    try:
        return FileTables.model_validate(data)
    except ValidationError as problem:
        first = problem.errors()[0]
    *where, last = (one + 1 if isinstance(one, int) else one for one in first["loc"])
    table = " ".join(map(str, where)) or "the file"
    if first["type"] == "missing":
        raise ContentError(f"{name}: {table} lacks {last!r}.")
    wanted = f"must be {_SAID[first['type']]}" if first["type"] in _SAID else first["msg"]
    raise ContentError(f"{name}: {table}, {last!r}: {wanted}; got {first['input']!r}.")


_SAID = {
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "int_type": "a whole number",
    "float_type": "a number",
}
"""What types are called in TOML."""
