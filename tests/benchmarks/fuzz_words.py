"""Phrases, lexicons, notes and config files for the fuzzer, and what reads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from fuzz_pieces import AMOUNTS, NAMES, mutated
from fuzz_tables import VALUES
from hypothesis import strategies as st

import retention as rt
from retention.cli.merged_settings import merged_settings
from retention.reasons.lexicon.phrases import compile_phrase

MARKS = st.lists(
    st.sampled_from(
        [
            *(
                "too",
                "pric*",
                "(",
                ")",
                "|",
                "?",
                "~3",
                "~99999",
                "@price",
                "@name",
                "@no",
                "#",
                "^",
            ),
            *(
                "$",
                "*",
                "a*b",
                "don't",
                "'",
                "can't",
                "4g",
                "$5",
                "(a|b)",
                "\\d+",
                ".*",
                "[a-z]",
                "é",
            ),
            *(
                "e\u0301",
                "\0",
                "\ud800",
                "ﬁ",
                "İ",
                "ß",
                "~",
                "@",
                "~1",
                "((((((((((",
                ")?",
                "|)",
                "-",
            ),
        ]
    ),
    max_size=30,
).flatmap(lambda marks: st.sampled_from([" ", ""]).map(lambda by: by.join(marks)))
PHRASES = st.one_of(MARKS, st.text(max_size=60), st.text(max_size=4).map(lambda t: t * 600))
LISTS = {"price": ("price", "fee?", "(cost|charge)s?"), "loop": ("@loop",), "none": ()}


def compiled(phrase: str, _: Path) -> object:
    """A phrase compiled, with lists of which one names itself."""
    return compile_phrase(phrase, LISTS, {"can't": "can not", "dont": "do not"})


@st.composite
def additions(draw: st.DrawFn) -> dict[str, Any]:
    """A table of phrases, or a CSV of them, and names of firms."""
    weights = st.one_of(st.floats(), st.none(), AMOUNTS, st.just(0.5))
    tags = st.sampled_from(
        ["pricing", "x_mine", "pricing.no", "cue.x", "", "X", "nonsense", " pricing "]
    )
    n = draw(st.integers(0, 3))
    table = {"category": tags, "phrase": st.one_of(PHRASES, VALUES), "weight": weights}
    columns = {name: draw(st.lists(each, min_size=n, max_size=n)) for name, each in table.items()}
    firms = st.lists(st.one_of(NAMES, st.text(max_size=20)), max_size=3)
    file = draw(
        st.one_of(st.none(), st.none(), mutated(st.just(b"category,phrase,weight\na,b,1\n")))
    )
    return {"columns": columns, "file": file, "own_brand": draw(firms), "competitors": draw(firms)}


@cache
def _english() -> Any:
    return rt.reasons.load_lexicon("en")


def extended(given: Any, folder: Path) -> object:
    """The lexicon with phrases and names of the user's."""
    phrases: Any = pd.DataFrame(
        {name: pd.Series(v, dtype=object) for name, v in given["columns"].items()}
    )
    if given["file"] is not None:
        phrases = folder / "phrases.csv"
        phrases.write_bytes(given["file"])
    firms = {name: given[name] for name in ("own_brand", "competitors")}
    return rt.reasons.extend_lexicon(_english(), phrases=phrases, **firms)


LEXICON = b"""[meta]
language = "en"
evaluated = "by hand"
negation_window = 3
negators = ["not", "far from"]
[expand]
dont = "do not"
[lists]
price = ["price*", "fee?"]
[[phrase]]
tag = "pricing.high_price"
w = 0.8
any = ["too (expensive|dear)", {p = "@price ~2 (high|steep)", yes = "The price is high"}]
neg = "ok"
[[phrase]]
tag = "cue.friend"
w = 1.0
any = ["friend*"]
[[rule]]
name = "told"
kind = "needs"
tag = "pricing"
others = ["cue.friend"]
within = "sentence"
"""
TOML_BITS = st.sampled_from(
    [
        b"[",
        b"]",
        b"{",
        b"=",
        b'"',
        b"\n",
        b"1e400",
        b"nan",
        b"[[phrase]]\n",
        b"0x",
        b"'''",
        b"\\u0000",
    ]
)


@st.composite
def toml(draw: st.DrawFn, valid: bytes) -> bytes:
    """A TOML file with lines left out, swapped or doubled, and bits put in; at times very deep."""
    lines = valid.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 4))):
        at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["out", "swap", "twice", "bit", "value"]))
        if how == "out" and len(lines) > 1:
            del lines[at]
        elif how == "swap":
            lines[at], lines[to] = lines[to], lines[at]
        elif how == "twice":
            lines.insert(to, lines[at])
        elif how == "bit":
            lines[at] = lines[at].rstrip() + draw(TOML_BITS) + b"\n"
        else:
            value = draw(
                st.sampled_from(["1", "-1", "nan", '""', "[]", "{}", "true", "1979-05-27", "[[1]]"])
            )
            lines[at] = lines[at].partition(b"=")[0] + f"= {value}\n".encode()
    if draw(st.integers(0, 40)) == 0:
        lines.append(b"deep = " + b"[" * 5000)
    return draw(mutated(st.just(b"".join(lines)))) if draw(st.booleans()) else b"".join(lines)


def loaded(data: bytes, folder: Path) -> object:
    """A lexicon from a file, and a note tagged by it."""
    path = folder / "mine.toml"
    path.write_bytes(data)
    note = pd.DataFrame({"note_id": [1], "text": ["The fee is not high, my friend says too dear."]})
    return rt.tag_reasons(note, lexicon=rt.reasons.load_lexicon(path))


CONFIG = b"""file = "orders.csv"
[columns]
customer_id = "Kunde"
date = "Datum"
[policies]
refunds = "net"
[reading]
day_first = true
header_row = 2
[counting]
as_of = 2024-12-31
by = ["region"]
[report]
gap = 90
[output]
format = "csv"
"""


def configured(data: bytes, folder: Path) -> object:
    """Settings from a config file, with an option beside it."""
    path = folder / "retention.toml"
    path.write_bytes(data)
    return merged_settings(path, {"columns.date": "when"})


WORDS = st.sampled_from(
    [
        *(
            "too expensive",
            "not",
            "n't",
            "’",
            "my friend",
            "Vodafone",
            "$5",
            "1.2.3",
            "!!!",
            "\n\n",
        ),
        *(
            "a@b.de",
            "+49 30 1234567",
            "DE89 3704 0044 0532 0130 00",
            "4111 1111 1111 1111",
            "http://x",
        ),
        *(
            "\u202eabc",
            "e\u0301\u0301",
            "\ud800",
            "\0",
            "🧑‍🤝‍🧑",
            "ﷺ",
            "İ",
            "שלום",
            "＠",
            "\u200b",
            "a" * 300,
        ),
        *("they cancelled", "@", ".", "www.", "1-", "(", "https://" * 5, "IBAN", "no. 12345678"),
    ]
)
NOTES = st.one_of(
    st.lists(WORDS, max_size=20).map(" ".join),
    st.lists(WORDS, max_size=20).map("".join),
    st.text(max_size=200),
    st.builds(
        lambda word, by: ((word + by) * 20_000)[:20_000], WORDS, st.sampled_from(["", " ", "."])
    ),
)


def tagged(notes: list[str | None], _: Path) -> object:
    """Notes tagged with reasons."""
    table = pd.DataFrame({"note_id": range(len(notes)), "text": pd.Series(notes, dtype=object)})
    return rt.tag_reasons(table)


def struck(notes: list[str | None], _: Path) -> object:
    """Notes with what identifies people struck out of them."""
    table = pd.DataFrame({"note_id": range(len(notes)), "text": pd.Series(notes, dtype=object)})
    return rt.reasons.redact_pii(table)
