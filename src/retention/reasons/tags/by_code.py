"""Reason codes of other systems, mapped to the categories."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention.errors import ContentError, ReadError, RetentionError, check_choice
from retention.frames import Columns, table_like
from retention.reasons.categories import (
    MISSING,
    UNSPECIFIED,
    check_category,
    check_subcategory,
    data_file,
)
from retention.reasons.notes.reading import read_notes
from retention.reasons.notes.words import plain_apostrophes
from retention.tables import TAGS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

Confidence = Literal["exact", "close", "weak"]
OnUnknown = Literal["error", "unspecified"]
Scheme = str | Path | Mapping[Any, Any]

_SCORES = {"exact": 1.0, "close": 0.75, "weak": 0.5, "none": np.nan}
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a code stands for."""

    category: str
    subcategory: str | None
    score: float


_UNSPECIFIED = _Meaning(UNSPECIFIED, None, np.nan)
_MISSING = _Meaning(MISSING, None, np.nan)


@gives(TAGS)
def map_reason_codes(
    codes: IntoFrameT,
    *,
    scheme: Scheme,
    code: str = "reason",
    min_confidence: Confidence = "weak",
    on_unknown: OnUnknown = "error",
    note_id: str = "note_id",
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """The reason codes of a billing system, a store or a survey as categories of reasons.

    Every row of `codes` has one row in the answer, so that nobody drops out of a share: a code that
    tells no reason ("Don't know", "other") is "unspecified", and a row without a code "missing".
    Codes are compared without regard to capitals, blanks around them and the kind of apostrophe.

    Args:
        codes: one row per code given, by a customer who left or is leaving; with a column
            `customer_id` where it is known whose it was.
        scheme: "stripe" (feedback), "stripe_reason", "google_play", "apple" (expiration intent),
            "revenuecat", "chargebee" or "ibm_telco"; your own codes as {code: category}, {code:
            "category.subcategory"} or {code: (category, confidence)}; or the path of a TOML file
            with such a table `[codes]`. A code of yours may be "unspecified", or belong to a
            category of your own, whose name begins with `x_`.
        code: the column of `codes` that holds the code: text or whole numbers.
        min_confidence: how well a code must fit its category: "exact" (it says the same), "close"
            (nearly) or "weak" (a guess that it allows). What fits less is "unspecified". Yours
            are exact unless you say otherwise.
        on_unknown: what becomes of codes that the scheme does not have: "error" refuses the table
            and lists them, "unspecified" counts them as that.
        note_id: the column that says which row it is; without one rows are numbered from 0.
        keep: further columns that go along, such as segments, `date` or `spell`.

    Returns:
        One row per code, in the caller's kind and order: `note_id`, `customer_id` (null where not
        known), `category`, `subcategory` ("category.subcategory", or null), `score` (1 for exact, ¾
        for close, ½ for weak, null where no reason is told: an order, not a probability), `rank`
        (1), `is_primary` (true), `evidence` (the code as it was written), `start`, `end` (null:
        there is no text), `phrase` (the scheme) and the columns kept. A table of tags, as
        `tag_reasons` gives it.

    Raises:
        RetentionError: if the scheme is not known or names what is no category, or a keyword is
            none of its values.
        ColumnError: if a column is not there.
        ContentError: if codes are not in the scheme (with "error"), or a note's id is not its own.
        ReadError: if the file of the scheme cannot be read.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> given = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "reason": ["too_expensive", "switched_service", "other", None],
        ... })
        >>> tags = rt.map_reason_codes(given, scheme="stripe")
        >>> tags[["customer_id", "category", "score"]]
          customer_id     category  score
        0         Ann      pricing   1.00
        1         Bob  competition   0.75
        2         Cem  unspecified    NaN
        3         Dee      missing    NaN
        >>> tags["subcategory"][0]
        'pricing.high_price'

    Source:
        The systems' public documentation, named in the data file; which category a code belongs to
        is a judgement.
    """
    check_choice("min_confidence", min_confidence, get_args(Confidence))
    check_choice("on_unknown", on_unknown, get_args(OnUnknown))
    name, meanings = _name_and_meanings(scheme)
    rows, kept = read_notes(
        codes, ("code", code), note_id=note_id, keep=keep, taken=TAGS.names, name="codes"
    )
    written = rows["value"]
    places, distinct = _distinct_codes(written, code)
    if on_unknown == "error":
        _refuse_unknown_codes(places, distinct, meanings, name)
    least = _SCORES[min_confidence]
    found = [
        _meaning_if_confident(meanings.get(_plain_code(one), _UNSPECIFIED), least)
        for one in distinct
    ]
    return table_like(
        _tag_columns_of_codes(rows, (places, distinct), [*found, _MISSING], name) | kept, codes
    )


def _name_and_meanings(scheme: Scheme) -> tuple[str, dict[str, _Meaning]]:
    """The name of a scheme, and what each of its codes stands for."""
    if isinstance(scheme, Mapping):
        return "own codes", _meanings_by_code(scheme, "scheme")
    shipped = data_file("codes.toml")
    if isinstance(scheme, str) and scheme in shipped:
        return scheme, _meanings_by_code(shipped[scheme]["codes"], scheme)
    if not (isinstance(scheme, Path) or (isinstance(scheme, str) and scheme.endswith(".toml"))):
        raise RetentionError(
            f"scheme must be one of {', '.join(map(repr, shipped))}, {{code: category}} or the "
            f"path of a .toml file; got {scheme!r}."
        )
    try:
        data = tomllib.loads(Path(scheme).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReadError(f"scheme: {scheme} cannot be read: {error}") from None
    if not isinstance(data.get("codes"), dict):
        raise ReadError(f"scheme: {scheme} has no table [codes] of code = 'category'.")
    return Path(scheme).name, _meanings_by_code(data["codes"], Path(scheme).name)


def _meanings_by_code(codes: Mapping[Any, Any], name: str) -> dict[str, _Meaning]:
    found: dict[str, _Meaning] = {}
    for code, said in codes.items():
        plain, meaning = _plain_code(_code_as_text(code)), _meaning_of_code(code, said, name)
        if found.setdefault(plain, meaning) != meaning:
            raise RetentionError(f"{name} has the code {code!r} twice, for two categories.")
    return found


def _meaning_of_code(code: object, said: Any, name: str) -> _Meaning:
    match said:
        case str(reason):
            confidence = "exact"
        case (str(reason), str(confidence)):
            pass
        case _:
            raise RetentionError(
                f"{name}: the code {code!r} must stand for 'category', 'category.subcategory' or "
                f"(category, confidence); got {said!r}."
            )
    check_choice(f"{name}: the confidence of {code!r}", confidence, _SCORES)
    if reason == UNSPECIFIED:
        return _UNSPECIFIED
    category = reason.split(".")[0]
    check_category(category, argument=name, own=True)
    if category == reason:
        return _Meaning(category, None, _SCORES[confidence])
    check_subcategory(reason, argument=name)
    return _Meaning(category, reason, _SCORES[confidence])


def _distinct_codes(written: NDArray[Any], code: str) -> tuple[NDArray[np.intp], list[str]]:
    """The place of each row's code among the different ones, −1 where there is none; and those."""
    import pandas as pd

    if written.dtype.kind not in "iufOUb":
        raise RetentionError(f"code: column {code!r} holds {written.dtype}, not text or numbers.")
    places, distinct = pd.factorize(written)
    texts = [_code_as_text(one) for one in distinct.tolist()]
    empty = np.array([*(not text.strip() for text in texts), True])
    return np.where(empty[places], -1, places), texts


def _refuse_unknown_codes(
    places: NDArray[np.intp], distinct: list[str], meanings: Mapping[str, _Meaning], name: str
) -> None:
    counts = np.bincount(places[places >= 0], minlength=len(distinct)).tolist()
    unknown = [
        (n, text)
        for n, text in zip(counts, distinct, strict=True)
        if n and _plain_code(text) not in meanings
    ]
    if not unknown:
        return
    unknown.sort(key=lambda one: (-one[0], one[1]))
    said = ", ".join(f"{text!r} ({n:,})" for n, text in unknown[:_SHOWN])
    more = ", …" if len(unknown) > _SHOWN else ""
    raise ContentError(
        f"codes: {sum(n for n, _ in unknown):,} of {places.size:,} rows have a code that {name} "
        f"does not have: {said}{more}. Map them in a scheme of your own, or say "
        "on_unknown='unspecified'."
    )


def _meaning_if_confident(meaning: _Meaning, least: float) -> _Meaning:
    return meaning if meaning.score >= least else _UNSPECIFIED


def _tag_columns_of_codes(
    rows: Columns,
    written: tuple[NDArray[np.intp], list[str]],
    meanings: list[_Meaning],
    scheme: str,
) -> Columns:
    """The table of tags; the last of the meanings is that of rows without a code."""
    (places, texts), size = written, written[0].size
    tags: Columns = {name: rows[name] for name in ("note_id", "customer_id")}
    tags["category"] = np.array([one.category for one in meanings], dtype=object)[places]
    tags["subcategory"] = np.array([one.subcategory for one in meanings], dtype=object)[places]
    tags["score"] = np.array([one.score for one in meanings])[places]
    tags |= {"rank": np.ones(size, np.int64), "is_primary": np.ones(size, np.bool_)}
    tags["evidence"] = np.array([*texts, None], dtype=object)[places]
    tags |= {"start": np.full(size, np.nan), "end": np.full(size, np.nan)}
    return tags | {"phrase": np.full(size, scheme, dtype=object)}


def _code_as_text(value: object) -> str:
    """A code as text: 2 and 2.0 read alike."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain_code(text: str) -> str:
    return " ".join(plain_apostrophes(text).casefold().split())
