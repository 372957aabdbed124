"""How programs and people write an amount of money."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from habit_files import Made
    from habit_words import Language

Writer = Callable[[Decimal], str]
_CODES = "USD EUR GBP JPY CHF AUD SEK NOK DKK PLN CZK HUF INR BRL ZAR TRY MXN KRW"


def grouped(digits: str, separator: str) -> str:
    """Whole digits with their thousands apart, or as in India."""
    head, tail = digits[:-3], digits[-3:]
    step = 2 if separator == "lakh" else 3
    parts = [head[max(i - step, 0) : i] for i in range(len(head), 0, -step)][::-1]
    return ("," if separator == "lakh" else separator).join([*parts, tail])


def amount_writer(draw: Random, made: Made, language: Language) -> tuple[Writer, int]:
    """A way of writing amounts, and how many decimals it shows."""
    if made.plain or draw.random() < 0.25:
        decimals = 2 if made.plain else draw.choice((0, 1, 2, 2, 3, 4))
        made.has(f"amounts as programs write them, {decimals} decimals", decimal=".")
        return lambda amount: f"{amount:.{decimals}f}", decimals
    if draw.random() < 0.12:
        return _odd(draw, made, language)
    return _of_people(draw, made, language)


def _of_people(draw: Random, made: Made, language: Language) -> tuple[Writer, int]:
    decimal, thousands = language.decimal, language.thousands
    if draw.random() < 0.15:
        decimal, thousands = draw.choice(
            ((".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", ""), (".", ""))
        )
    thousands = draw.choice((thousands, thousands, ""))
    decimals = draw.choice((0, 2, 2, 2, 2, 3))
    sign = draw.choice(("", "", *language.signs, draw.choice(_CODES.split())))
    space = draw.choice(("", " ", "\u00a0", "\u202f"))
    before = draw.random() < 0.5
    minus = draw.choice(("-", "-", "−", "–", "(", "after", "inside", "+"))
    whole = draw.choice(("", "", "", "-", "–")) if decimals == 0 else ""
    if whole and minus == "after":  # "12,--" is twelve
        minus = "-"
    if before and sign[-1:] == "." and not space:
        space = " "
    made.has(
        f"amounts 1{thousands or ''}234{decimal}{decimals} sign {sign!r}{space!r} minus {minus!r}",
        decimal=decimal,
    )

    def write(amount: Decimal) -> str:
        number = grouped_number(abs(amount))
        if whole:
            number += decimal + whole
        signed = f"{sign}{space}{number}" if before else f"{number}{space}{sign}"
        signed = signed if sign else number
        if amount >= 0:
            return f"+{number}" if minus == "+" and not sign else signed
        if minus == "(":
            return f"({signed})"
        if minus == "after":
            return f"{signed}-" if before or not sign else f"{number}-{space}{sign}"
        if minus == "inside" and before and sign:
            return f"{sign}{space}-{number}"
        return f"{minus if minus in '-−–' else '-'}{signed}"

    def grouped_number(size: Decimal) -> str:
        digits, _, rest = f"{size:.{decimals}f}".partition(".")
        return grouped(digits, thousands) + (decimal + rest if rest else "")

    return write, decimals


def _odd(draw: Random, made: Made, language: Language) -> tuple[Writer, int]:
    """Ways that hold surprises, right or refused."""
    kind = draw.choice(
        ("science", "percent", "credit", "cents", "tick", "formula", "nought", "four", "digits")
    )
    made.has(f"amounts: {kind}", decimal=".")
    native = str.maketrans(
        "0123456789", draw.choice(("٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "०१२३४५६७८९"))
    )
    ways: dict[str, Writer] = {
        "science": lambda a: f"{a:.12E}",
        "percent": lambda a: f"{a:.2f}%",
        "credit": lambda a: f"{abs(a):.2f} {'CR' if a < 0 else 'DR'}",
        "cents": lambda a: f"{abs(a):.2f} {'C' if a < 0 else 'D'}",
        "tick": lambda a: f"'{a:.2f}",
        "formula": lambda a: f'="{a:.2f}"',
        "nought": lambda a: f"{a:.2f}".removeprefix("0"),
        "four": lambda a: f"{a:,.4f}",
        "digits": lambda a: f"{a:.2f}".translate(native),
    }
    return ways[kind], 2
