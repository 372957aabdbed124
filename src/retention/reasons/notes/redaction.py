"""Personal data in notes that can be told by its form, taken out."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from retention.errors import ColumnError
from retention.frames import Columns, table_like
from retention.reasons.notes.reading import read_notes
from retention.tables.answer_columns import constants, gives, ids, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

NOT_LOOKED_FOR = "names, postal addresses, dates of birth, user names, spelled-out numbers"
"""What no pattern tells from other words."""

# Every repetition is bounded or of letters that nothing after it can match, so that no text takes
# more than a time proportional to its length.
_LINK = re.compile(r"\b(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}")
_IBAN = re.compile(r"(?<!\w)(?=([A-Za-z]{2}\d\d(?:[ .-]{0,3}[A-Za-z0-9]){11,29}))")
_DOTTED = r"\d{4}\.(?:\d{6}\.\d{4,5}|\d{4}\.\d{4}\.\d{4})"  # else dots part amounts and dates
_CARD = re.compile(rf"(?<![\w-])(?:\d(?:[ -]{{0,3}}\d){{12,18}}|{_DOTTED})(?![\w-])")
_DAY = r"(?:\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:\d{4}|\d\d))(?![-./]?\d)"
_PHONE = re.compile(rf"(?<![\w.,+])(?:{_DAY}|\(?\+? ?\(?\d(?:[ ().\-/]{{0,3}}\d){{6,14}}(?!\w))")
_DATE = re.compile(_DAY)
_TOKEN = re.compile(r"\w+(?:[-/]\w+)*")
_GAP = "[ .-]{1,3}"
_NORTH_AMERICAN = re.compile(
    rf"(?:1[ .-]{{0,3}})?(?:\(\d{{3}}\)[ .-]{{0,3}}|\d{{3}}{_GAP})\d{{3}}{_GAP}\d{{4}}"
)
_EIGHT_DIGITS = re.compile(r"\d{8}")

_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FO FK GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
"""Which countries' account numbers (IBAN) have so many letters and digits."""

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")

_IBAN_LENGTHS = {one: length for length, some in _COUNTRIES.items() for one in some.split()}


@gives(
    "note",
    ids("note_id", "customer_id"),
    texts("text"),
    whole_numbers("n_link", "n_email", "n_iban", "n_card", "n_phone", "n_id"),
    constants(texts("not_looked_for")),
)
def redact_pii(
    notes: IntoFrameT,
    *,
    text: str = "text",
    note_id: str = "note_id",
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """Notes with what can be told by its form as personal taken out, and how much of it there was.

    What is found is replaced by a word in brackets, in this order. Blanks that do not break, dashes
    of every length and letters of full width count as the plain ones.

    - `[link]`: from http://, https:// or www. up to the next blank.
    - `[email]`: an address with an @ and a domain.
    - `[iban]`: a bank account number of a known country's length whose check digits are right (ISO
      7064, mod 97-10).
    - `[card]`: 13 to 19 digits, in groups or not, with a right check digit (Luhn). Groups with dots
      between are told only as cards print them: 4-4-4-4, 4-6-5 or 4-6-4.
    - `[phone]`: 7 to 15 digits in groups or not that begin with + or 00; 9 or more that begin with
      0 or (; or in the form of North America, 555-123-4567. Dates are left alone.
    - `[id]`: 8 digits in a row or more, or letters and digits together with at least 6 digits.

    **It does not find names, postal addresses, dates of birth, user names, or what is spelled out
    ("ann at mail dot com").** These look like other words. A redacted note is not anonymous: do not
    publish it on the strength of this function. Numbers that only look like one of these are taken
    out as well.

    Args:
        notes: one note a row.
        text: the column of the note.
        note_id: the column that says which note it is; without one rows are numbered from 0.
        keep: further columns that go along, as they are: nothing is looked for in them.

    Returns:
        One row per note, in the caller's kind and order: `note_id`, `customer_id` (null where there
        is none), `text` (null stays null), `n_link`, `n_email`, `n_iban`, `n_card`, `n_phone`,
        `n_id` (how many were taken out), the constant `not_looked_for`, and the columns kept.

    Raises:
        ColumnError: if a column is not there or the note is not text; if a column to keep is that
            of the note, or named like one of the answer.
        ContentError: if two notes have one id.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> notes = pd.DataFrame({"text": [
        ...     "Ann Lee, ann@mail.example, wants 4111 1111 1111 1111 refunded",
        ...     "paid 120.50 on 2024-01-31, call +44 20 7946 0018",
        ... ]})
        >>> found = rt.reasons.redact_pii(notes)
        >>> found["text"].tolist()
        ['Ann Lee, [email], wants [card] refunded', 'paid 120.50 on 2024-01-31, call [phone]']
        >>> found["not_looked_for"][0][:23]
        'names, postal addresses'

    Source:
        ISO/IEC 7812-1, annex B (Luhn); ISO 13616-1 and ISO/IEC 7064 (IBAN); ITU-T E.164 (at most 15
        digits).
    """
    taken = (*_COLUMNS, text)  # a note that is kept would be there as it was
    rows, kept = read_notes(
        notes, ("text", text), note_id=note_id, keep=keep, taken=taken, name="notes"
    )
    written = rows["value"]
    if any(not isinstance(one, str | None) for one in written.tolist()):
        raise ColumnError(f"text: column {text!r} holds {written.dtype}, not text.")
    found = [_redacted_text(one) for one in written.tolist()]
    columns: Columns = {name: rows[name] for name in ("note_id", "customer_id")}
    columns["text"] = np.array([one for one, _ in found], dtype=object)
    counts = np.array([n for _, n in found], np.int64).reshape(-1, len(_STEPS))
    columns |= {f"n_{name}": counts[:, i].copy() for i, (name, *_) in enumerate(_STEPS)}
    columns["not_looked_for"] = np.full(written.size, NOT_LOOKED_FOR, dtype=object)
    return table_like(columns | kept, notes)


def _redacted_text(text: str | None) -> tuple[str | None, list[int]]:
    counts = [0] * len(_STEPS)
    if text is None:
        return None, counts
    for i, (name, pattern, end) in enumerate(_STEPS):
        places = _places_of_pattern(_plain_text(text), pattern, end)
        text, counts[i] = _text_with_word(text, places, f"[{name}]"), len(places)
    return text, counts


def _places_of_pattern(
    text: str, pattern: re.Pattern[str], end: Callable[[str], int]
) -> list[tuple[int, int]]:
    """Where what is looked for starts and ends.

    `end` says how much of a match it is: 0 if it only looks like it.
    """
    places, last = [], 0
    for match in pattern.finditer(text):
        found = match.group(match.lastindex or 0)  # a group is looked at without being used up
        if match.start() >= last and (length := end(found)):
            last = match.start() + length
            places.append((match.start(), last))
    return places


def _text_with_word(text: str, places: list[tuple[int, int]], word: str) -> str:
    starts = [0, *(end for _, end in places)]
    ends = [*(start for start, _ in places), len(text)]
    return word.join(text[start:end] for start, end in zip(starts, ends, strict=True))


def _plain_text(text: str) -> str:
    """The text with every blank, dash and letter as the keyboard has it; none is added or lost."""
    return text if text.isascii() else "".join(map(_plain_letter, text))


@lru_cache(maxsize=10_000)
def _plain_letter(letter: str) -> str:
    plain = unicodedata.normalize("NFKC", _DASHES.get(letter, letter))
    return plain if len(plain) == 1 else letter


def _link_end(found: str) -> int:
    return len(found.rstrip(".,;:!?)]'"))


def _iban_end(found: str) -> int:
    """As many letters and digits as its country has, if their remainder is 1."""
    wanted = _IBAN_LENGTHS.get(found[:2].upper(), 0)
    places = [i for i, letter in enumerate(found) if letter.isalnum()]
    if not wanted or len(places) < wanted:
        return 0
    plain = "".join(found[i] for i in places[:wanted])
    number = "".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])
    return places[wanted - 1] + 1 if int(number) % 97 == 1 else 0


def _card_end(found: str) -> int:
    """All of it, if the sum of its digits, every second one doubled from the right, ends in 0."""
    digits = [int(letter) for letter in reversed(found) if letter.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    same = len(set(digits)) == 1  # 0000 0000 0000 0000 is nobody's card
    return 0 if same or (sum(digits[::2]) + sum(doubled)) % 10 else len(found)


def _phone_end(found: str) -> int:
    if _DATE.fullmatch(found):
        return 0
    n_digits = sum(letter.isdigit() for letter in found)
    international = found.lstrip("( ").startswith(("+", "00"))
    national = found.startswith(("0", "(")) and n_digits >= 9
    return len(found) if international or national or _NORTH_AMERICAN.fullmatch(found) else 0


def _id_end(found: str) -> int:
    n_digits = sum(letter.isdigit() for letter in found)
    mixed = n_digits >= 6 and any(letter.isalpha() for letter in found)
    return len(found) if mixed or _EIGHT_DIGITS.search(found) else 0


_STEPS: tuple[tuple[str, re.Pattern[str], Callable[[str], int]], ...] = (
    ("link", _LINK, _link_end),
    ("email", _EMAIL, len),
    ("iban", _IBAN, _iban_end),
    ("card", _CARD, _card_end),
    ("phone", _PHONE, _phone_end),
    ("id", _TOKEN, _id_end),
)
"""What is looked for, in order: its name, what it looks like, and how much of that it is."""

_COLUMNS = (
    *("note_id", "customer_id", "text", "not_looked_for"),
    *(f"n_{name}" for name, *_ in _STEPS),
)
"""The columns of the answer."""
