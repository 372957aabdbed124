"""redact_pii: what is found, what is left alone, hostile texts, every engine."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import grows_no_faster
from retention.errors import ColumnError, ContentError
from retention.reasons.notes.redaction import redact_pii

COUNTS = ["n_link", "n_email", "n_iban", "n_card", "n_phone", "n_id"]


def redacted(*texts):
    """The notes as they come back."""
    return redact_pii(pd.DataFrame({"text": texts}))["text"].tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.lee+shop@mail.example.org.", "write to [email]."),
        ("Ann@Mail.Example, please", "[email], please"),
        ("see https://shop.example/a?b=1&c=2.", "see [link]."),
        ("at www.shop.example/basket (again)", "at [link] (again)"),
        ("my card 4111 1111 1111 1111 was charged", "my card [card] was charged"),
        ("5500-0000-0000-0004!", "[card]!"),
        ("card 378282246310005.", "card [card]."),
        ("refund to DE89 3704 0044 0532 0130 00 please", "refund to [iban] please"),
        ("GB82WEST12345698765432", "[iban]"),
        ("in20 days to gb82 west 1234 5698 7654 32 now", "in20 days to [iban] now"),
        ("call +44 20 7946 0018", "call [phone]"),
        ("call 0044 (20) 7946-0018 or (212) 555-0142", "call [phone] or [phone]"),
        ("rang 555-867-5309 twice, and 1-555-867-5309", "rang [phone] twice, and [phone]"),
        ("01.23.45.67.89", "[phone]"),
        ("07911 123456", "[phone]"),
        ("on 2024-01-31 0800 123 4567 was busy", "on 2024-01-31 [phone] was busy"),
        ("account 12345678 closed", "account [id] closed"),
        ("order ORD-2024-00012 and ab12cd3456", "order [id] and [id]"),
        ("call +49\xa030\xa0123456", "call [phone]"),
        ("call +1\u2011555\u2011123\u20114567", "call [phone]"),
        ("rang 555  123  4567, 0800  123  4567", "rang [phone], [phone]"),
        ("4111\u202f1111\u202f1111\u202f1111", "[card]"),
        ("4111  1111  1111  1111", "[card]"),
        ("4111.1111.1111.1111 or 3782.822463.10005.", "[card] or [card]."),
        ("DE89  3704  0044  0532  0130  00", "[iban]"),
        ("½ to ann＠mail.example – done", "½ to [email] – done"),
        ("de89 ı704 0044 is none", "de89 ı704 0044 is none"),
        ("4111 1111 1111 1112 is no card", "4111 1111 1111 1112 is no card"),
    ],
)
def test_what_is_found(text, expected):
    """Each kind in the ways people write it; what follows stays."""
    assert redacted(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "paid 120.50 on 2024-01-31 and 31/01/2024, 31.01.24",
        "waited 45 minutes, 3 times, since 2019",
        "they want 1,200,000 or 1 200 000",
        "10-12 weeks for a 4k tv at 50/50",
        "model WX-500, 5G, 100mbps",
        "on 2024\u201101\u201131 – 2024\u201102\u201128",
        "12.50 13.40 14.30 15.20 and 1.234.567.890",
        "cost me @ least 20",
        "e.g. this or that, i.e. nothing",
    ],
)
def test_what_is_left_alone(text):
    """Amounts, dates, times and models are not personal."""
    assert redacted(text) == [text]


def test_it_says_how_much_and_what_it_does_not_look_for():
    """Counts by kind; names are not found, and the answer says so."""
    notes = pd.DataFrame({"text": ["a@b.example c@d.example 12345678", None, "Ann Lee left"]})
    found = redact_pii(notes)
    assert found[COUNTS].to_numpy().tolist() == [[0, 2, 0, 0, 0, 1], [0] * 6, [0] * 6]
    assert found["text"].isna().tolist() == [False, True, False]
    assert found["text"][2] == "Ann Lee left"
    assert "names" in found["not_looked_for"][0]


def test_a_wrong_check_digit_is_no_card_and_no_account():
    """Luhn and mod 97 tell them from other numbers; long ones are ids all the same."""
    assert redacted("4111111111111112") == ["[id]"]
    assert redacted("GB82WEST12345698765433") == ["[id]"]
    assert redacted("0000 0000 0000 0000")[0] != "[card]"


def luhn_digit(digits):
    """The last digit of a card, by the rule as it is written down."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        twice = digit * 2 if place % 2 == 0 else digit
        total += twice - 9 if twice > 9 else twice
    return (10 - total % 10) % 10


@given(digits=st.lists(st.integers(0, 9), min_size=12, max_size=18))
def test_every_number_with_a_right_check_digit_is_a_card(digits):
    """Whatever its length of 13 to 19; with another last digit it is none."""
    if len(set(digits)) == 1:
        return
    last = luhn_digit(digits)
    right, wrong = ("".join(map(str, [*digits, d])) for d in (last, (last + 1) % 10))
    assert redacted(f"card {right} here", f"card {wrong} here")[0] == "card [card] here"
    assert "[card]" not in redacted(f"card {wrong} here")[0]


@given(text=st.text(alphabet="aB1 4-@.+(/:w", max_size=60))
def test_nothing_that_can_be_told_is_left(text):
    """What comes out has nothing more to be taken out."""
    (once,) = redacted(text)
    found = redact_pii(pd.DataFrame({"text": [once]}))
    assert found[["n_email", "n_iban", "n_card", "n_id"]].to_numpy().sum() == 0


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "a@",
        "a.",
        "a@a.",
        "(",
        "+1",
        "1-",
        "1111.",
        "1 - ",
        "\xa01",
        "DE89 . ",
        "DE89",
        "DE89 ",
        "www.",
        "a1-",
        "http://",
        "_",
    ],
)
def test_hostile_texts_take_no_more_than_their_length(piece):
    """Sixteen times the repetition takes sixteen times as long, not 256 times."""

    def redact(size):
        redact_pii(pd.DataFrame({"text": [piece * (size // len(piece))]}))

    assert grows_no_faster(redact, 5_000, 80_000)


def test_every_engine_gives_the_same_notes(engine):
    """In the caller's kind, with ids, customers and what was kept."""
    notes = pd.DataFrame(
        {
            "note_id": [3, 1, 2],
            "customer_id": ["a", None, "c"],
            "note": ["a@b.example", None, "fine"],
            "region": ["north", "south", None],
        }
    )
    answer = redact_pii(engine.table(notes), text="note", keep="region")
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["note_id"])
    assert list(found.columns) == [
        "note_id", "customer_id", "text", *COUNTS, "not_looked_for", "region",
    ]  # fmt: skip
    assert found["text"].fillna("").tolist() == ["", "fine", "[email]"]
    assert found["n_email"].tolist() == [0, 0, 1]
    assert found["customer_id"].fillna("").tolist() == ["", "c", "a"]


@pytest.mark.parametrize("keep", ["text", "Text", "n_email", "not_looked_for", "note_id"])
def test_nothing_that_is_kept_undoes_what_was_redacted(keep):
    """A column to keep that is named like one of the answer is refused, as is the note itself."""
    notes = pd.DataFrame({"text": ["a@b.example"], "Text": "x", "n_email": 7, "not_looked_for": 1})
    notes["note_id"] = 1
    with pytest.raises(ColumnError, match="a name that answers use themselves"):
        redact_pii(notes, keep=keep)
    other = notes.rename(columns={"text": "note"})
    with pytest.raises(ColumnError, match="keep: 'note'"):
        redact_pii(other, text="note", keep=["note"])


def test_a_kept_column_may_have_any_other_name():
    """Also the name by which this library calls the note inside."""
    notes = pd.DataFrame({"text": ["a@b.example"], "value": ["north"]})
    found = redact_pii(notes, keep="value")
    assert found[["text", "value"]].values.tolist() == [["[email]", "north"]]


def test_refusals():
    """No such column, numbers instead of notes, an id twice or missing."""
    notes = pd.DataFrame({"text": ["a", "b"], "n": [1, 2], "note_id": [1, 1]})
    with pytest.raises(ColumnError, match="text names 'note'"):
        redact_pii(notes, text="note")
    with pytest.raises(ColumnError, match="'n' holds int64, not text"):
        redact_pii(notes.drop(columns="note_id"), text="n")
    with pytest.raises(ContentError, match="different in every row"):
        redact_pii(notes)
    with pytest.raises(ContentError, match="1 row has no 'note_id'"):
        redact_pii(notes.assign(note_id=[1, None]))
