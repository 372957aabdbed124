"""Files as people's programs write them, made up together with what they say.

Each is a small table of orders in some combination of habits: of a writer (encoding, separator,
quotes, line ends, what stands above and below), of a language (dates, amounts, names) and of a
system (columns). `made_file` knows the numbers and the keywords that a person who knows the file
would say.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from habit_amounts import amount_writer
from habit_dates import NO_DATES, date_writer
from habit_words import LANGUAGES, SYSTEMS, TEXTS, Language

RATES = {"EUR": 1, "USD": 0.5, "GBP": 1.25, "PLN": 0.25}
"""What one of each currency is worth, in binary fractions: products are exact."""

Rows = dict[tuple[str, str], tuple[int, Decimal]]


@dataclass
class Made:
    """A file, what it says, and what a person who knows it would say to read it."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    meant: dict[str, Any] = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)
    habits: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    plain: bool = False
    cldr: bool = False
    """Whether dates are also written as Babel writes them, where it is installed."""

    @property
    def amounts(self) -> str:
        """The column of amounts."""
        return str(self.said.get("sales") or self.said["unit_price"])

    def has(self, habit: str, **meant: Any) -> None:
        """Note a habit, and the keywords that tell it."""
        self.habits.append(habit)
        self.meant |= meant


@dataclass
class _Table:
    """The cells of a file, before they are bytes; the first three columns are who, when, what."""

    header: list[str]
    rows: list[list[str]]
    lines: list[_Line | None]
    """What each row says; None if it is to be left out."""


_Line = tuple[str, str, Decimal]


def made_file(seed: int, number: int, *, cldr: bool = False) -> Made:
    """A file of a random combination of habits, always the same for a seed and a number."""
    draw = Random(f"{seed} {number}")
    made = Made(plain=draw.random() < 0.03, cldr=cldr)
    language = draw.choice(LANGUAGES)
    table = _orders(draw, made, language)
    if not made.plain:
        _with_other_columns(draw, made, table)
        _with_copies(draw, made, table)
        _shuffled_columns(draw, table)
    made.rows = _sums(table.lines)
    if draw.random() < 0.7:  # the usual policies, said from the start
        policies = ("refunds", "duplicates", "zero_orders")
        made.said |= {key: made.meant.pop(key) for key in policies if key in made.meant}
    if _maybe(draw, 0.05, made) and len(set(table.header)) == len(table.header):
        made.files.append(_not_text(draw, made, table))
        return made
    separator = "," if made.plain else _separator(draw, made, language)
    parts = _files_of_rows(draw, made, table)
    encoding = "utf-8" if made.plain else _encoding(draw, made, language, parts)
    for place, part in enumerate(parts):
        text = _text(draw, made, part, language, separator, encoding, alone=len(parts) == 1)
        made.files.append(_packed(draw, made, f"orders{place}", text))
    return made


def _maybe(draw: Random, chance: float, made: Made) -> bool:
    return draw.random() < chance and not made.plain


# --- who, when and how much


def _orders(draw: Random, made: Made, language: Language) -> _Table:
    """Rows of who, when and how much, with their sums."""
    n = draw.choice((1, 2, 3, 5, 8, 8, 13, 13, 25, 60))
    ids = _customers(draw, made, language, max(1, n // draw.randint(1, 3)))
    write_day, zone = date_writer(draw, made, language)
    write, decimals = amount_writer(draw, made, language)
    days = _days(draw, n)
    size = draw.choice((100, 10_000, 10_000, 1_000_000, 100_000_000))
    negative = 0 if made.plain else draw.choice((0, 0, 0, 0.1, 0.3))
    rows: list[list[str]] = []
    lines: list[_Line | None] = []
    missing = draw.choice(NO_DATES) if _maybe(draw, 0.05, made) else None
    for place in range(n):
        text, who = draw.choice(ids)
        when, amount = days[place], _amount(draw, size, decimals)
        if place and draw.random() < negative:
            amount = -amount
        cell, day = write_day(when)
        if missing is not None and place and draw.random() < 0.2:
            cell, day = missing, ""
            made.meant["incomplete"] = "drop"
        if amount < 0:
            made.meant["refunds"] = "net"
        lines.append((who, day, amount) if day else None)
        rows.append([text, cell, write(amount)])
    if "ids: mixed float" in made.habits and all(row[0].endswith(".0") for row in rows):
        # Nothing tells them from whole numbers that were read as decimals.
        lines = [line and (line[0].removesuffix(".0"), *line[1:]) for line in lines]
    if missing is not None:
        made.has(f"no date: {missing!r}")
    made.meant |= {"duplicates": "keep", "zero_orders": "count"}
    header = list(draw.choice((language.header, draw.choice(SYSTEMS))))
    made.said |= dict(zip(("customer_id", "date", "sales"), header, strict=True))
    if zone:
        made.said["tz"] = zone
    return _Table(header, rows, lines)


def _sums(lines: list[_Line | None]) -> Rows:
    """How many lines of a customer and a day there are, and their sum."""
    sums: Rows = defaultdict(lambda: (0, Decimal()))
    for line in lines:
        if line is not None:
            n, total = sums[line[:2]]
            sums[line[:2]] = n + 1, total + line[2]
    return dict(sums)


def _amount(draw: Random, size: int, decimals: int) -> Decimal:
    amount = Decimal(draw.randint(1, size)) / 100
    amount = round(amount, decimals)
    return amount or Decimal(1)


def _days(draw: Random, n: int) -> list[datetime]:
    """Moments of a few years, or of days that could be months."""
    start = datetime(draw.randint(2012, 2025), draw.randint(1, 12), draw.randint(1, 28))
    span = draw.choice((1, 12, 90, 800, 2500)) * 86_400
    found = [start + timedelta(seconds=draw.randint(0, span)) for _ in range(n)]
    if draw.random() < 0.15:
        found = [when.replace(day=min(when.day, 12)) for when in found]
    return found


def _customers(draw: Random, made: Made, language: Language, n: int) -> list[tuple[str, str]]:
    """Ids as they are written, and as they are meant."""
    kind = draw.choice(("number", "zeros", "float", "name", "code", "email", "padded", "long"))
    if _maybe(draw, 0.04, made):
        kind = draw.choice(("formula", "tick", "mixed float", "spaces", "short", "errors"))
    if made.plain:
        kind = "code"
    made.has(f"ids: {kind}")
    found = []
    for place in range(n):
        number = draw.randint(1, 99_999)
        name = f"{draw.choice(language.names)} {place}"
        text, who = {
            "number": (f"{number}", None),
            "zeros": (f"{number:06}", None),
            "float": (f"{number}.0", f"{number}"),
            "name": (name, None),
            "code": (f"C-{number}", None),
            "email": (f"user{number}@example.com", None),
            "padded": (f" {number:05}\u00a0", f"{number:05}"),
            "long": (f"{draw.randint(10**17, 10**20)}", None),
            "formula": (f'="{number:06}"', f"{number:06}"),
            "tick": (f"'{number:06}", f"{number:06}"),
            "mixed float": (f"{number}.0" if place % 2 else f"A{number}", None),
            "short": (f"{draw.randint(10**16, 10**20):.5E}", f"lost {place}"),
            "errors": ("#REF!" if place % 2 else f"{number}", None),
            "spaces": (f"{number:,}".replace(",", "\u202f"), None),
        }[kind]
        found.append((text, text if who is None else who))
    return found


# --- what stands beside, above and below


def _with_other_columns(draw: Random, made: Made, table: _Table) -> None:
    """Further columns: notes, an order id, a status that chooses rows, a currency."""
    if draw.random() < 0.35:
        made.has("notes")
        _column(table, draw.choice(("Notes", "Memo", "", "Note")), lambda _: draw.choice(TEXTS))
    if draw.random() < 0.2:
        made.has("order id", order_id="Order #")
        made.said["order_id"] = "Order #"
        _column(table, "Order #", lambda place: f"#{1000 + place}")
    if draw.random() < 0.15:
        made.has("two columns of one name")
        for _ in range(2):
            _column(table, "Tax", lambda _: draw.choice(("0", "1.5", "")))
    if draw.random() < 0.1:
        made.has("status")
        _column(table, "Status", lambda _: draw.choice(("Paid", "paid ")))
        made.said["where"] = {"Status": ["paid"]}
        other = list(table.rows[0])
        other[-1] = "Cancelled"
        table.rows.insert(0, other)
        table.lines.insert(0, None)
    if draw.random() < 0.06:
        _with_quantities(draw, made, table)
    if draw.random() < 0.1 and not any("sign" in habit for habit in made.habits):
        code = draw.choice(tuple(RATES))
        made.has("a currency column of one currency")
        _column(table, draw.choice(("Currency", "currency_code", "Cur.")), lambda _: code)
    elif draw.random() < 0.06 and not any("sign" in habit for habit in made.habits):
        _with_currencies(draw, made, table)


def _with_quantities(draw: Random, made: Made, table: _Table) -> None:
    """How many were bought, at the price of one."""
    made.has("quantity and price")
    made.said |= {"quantity": "Qty", "unit_price": made.said.pop("sales")}
    many = [draw.randint(1, 5) for _ in table.rows]
    form = draw.choice(("{}", "{}.0" if "decimal" in made.meant else "{}"))
    _column(table, "Qty", lambda place: form.format(many[place]))
    table.lines[:] = [
        line and (line[0], line[1], line[2] * n) for line, n in zip(table.lines, many, strict=True)
    ]


def _not_text(draw: Random, made: Made, table: _Table) -> tuple[str, bytes]:
    """The table as lines of JSON or as a workbook, whose amounts may be numbers."""
    kind = draw.choice((".jsonl", ".xlsx", ".jsonl.gz"))
    place = table.header.index(made.amounts)
    typed = any("as programs" in habit for habit in made.habits) and draw.random() < 0.6
    rows = [
        [float(cell) if typed and i == place else cell for i, cell in enumerate(row)]
        for row in table.rows
    ]
    made.has(f"{kind}{', numbers' if typed else ''}")
    made.texts.append(f"{table.header} {rows}")
    if kind == ".xlsx":
        from openpyxl import Workbook

        book, stream = Workbook(), io.BytesIO()
        for cells in (table.header, *rows):
            book.active.append(cells)
        book.save(stream)
        return "orders.xlsx", stream.getvalue()
    lines = (json.dumps(dict(zip(table.header, row, strict=True))) + "\n" for row in rows)
    data = "".join(lines).encode()
    return f"orders{kind}", gzip.compress(data) if kind.endswith(".gz") else data


def _column(table: _Table, name: str, cell: Any) -> None:
    table.header.append(name)
    for place, row in enumerate(table.rows):
        row.append(cell(place))


def _with_currencies(draw: Random, made: Made, table: _Table) -> None:
    """A column of two currencies or more: amounts are only added up once they are converted."""
    codes = draw.sample(list(RATES), 2)
    of = [draw.choice(codes) for _ in table.rows]
    _column(table, "Currency", lambda place: of[place])
    if len({code for code, line in zip(of, table.lines, strict=True) if line}) < 2:
        made.has("a currency column that may hold one currency")
        return
    made.has("a currency column of two", currency="Currency", rates=RATES)
    table.lines[:] = [
        line and (line[0], line[1], line[2] * Decimal(RATES[code]))
        for line, code in zip(table.lines, of, strict=True)
    ]


def _with_copies(draw: Random, made: Made, table: _Table) -> None:
    """A line that is there twice by mistake."""
    if draw.random() < 0.05 and len({*map(tuple, table.rows)}) == len(table.rows):
        made.has("a repeated line", duplicates="drop")
        table.rows.append(list(draw.choice(table.rows)))
        table.lines.append(None)


def _shuffled_columns(draw: Random, table: _Table) -> None:
    if draw.random() < 0.5:
        order = list(range(len(table.header)))
        draw.shuffle(order)
        table.header[:] = [table.header[i] for i in order]
        for row in table.rows:
            row[:] = [row[i] for i in order]


def _files_of_rows(draw: Random, made: Made, table: _Table) -> list[_Table]:
    """One file, or two whose columns stand in another order."""
    if (
        not _maybe(draw, 0.05, made)
        or len(table.rows) < 2
        or len(set(table.header)) < len(table.header)
    ):
        return [table]
    made.has("two files")
    half = len(table.rows) // 2
    order = list(range(len(table.header)))
    draw.shuffle(order)
    return [
        _Table(table.header, table.rows[:half], []),
        _Table(
            [table.header[i] for i in order], [[r[i] for i in order] for r in table.rows[half:]], []
        ),
    ]


def _separator(draw: Random, made: Made, language: Language) -> str:
    usual = ";" if language.decimal == "," else ","
    separator = draw.choice((usual, usual, usual, ",", ";", "\t", "|"))
    if draw.random() < 0.03:
        separator = draw.choice(("~", "^", ":"))
    made.has(f"separator {separator!r}", separator=separator)
    return separator


def _encoding(draw: Random, made: Made, language: Language, parts: list[_Table]) -> str:
    encoding = draw.choice(
        ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", *language.encodings * 2)
    )
    if draw.random() < 0.05:
        encoding = draw.choice(("mac_roman", "cp850", "cp437", "cp852"))
    cells = "".join(cell for part in parts for row in [part.header, *part.rows] for cell in row)
    try:
        (cells + language.total).encode(encoding)
    except UnicodeEncodeError:
        encoding = "utf-8"
    made.has(f"encoding {encoding}")
    if not encoding.startswith("utf-8"):
        made.meant["encoding"] = encoding
    return encoding


def _text(
    draw: Random,
    made: Made,
    table: _Table,
    language: Language,
    separator: str,
    encoding: str,
    *,
    alone: bool,
) -> bytes:
    """The bytes of a file."""
    width = len(table.header)
    end = draw.choice(("\n", "\r\n", "\r\n", "\r")) if not made.plain else "\n"
    above: list[str] = []
    row_of_names = 1
    if _maybe(draw, 0.08, made) and alone:
        above, row_of_names = _titles(draw, made, separator, width)
    header, rows = list(table.header), [list(row) for row in table.rows]
    if end == "\r":  # Python's writer leaves "\n" without quotes there
        rows = [[cell.replace("\n", " ") for cell in row] for row in rows]
    if _maybe(draw, 0.1, made):
        made.has("odd header")
        header = [draw.choice((str.upper, str.lower, lambda s: f" {s} "))(name) for name in header]
    _with_odd_rows(draw, made, table, language, rows, header)
    quoting = draw.choice(
        (csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
    )
    quote = '"'
    if _maybe(draw, 0.02, made):
        made.has("single quotes")
        quote = "'"
    stream = io.StringIO()
    writer = csv.writer(
        stream,
        delimiter=separator,
        quotechar=quote,
        lineterminator=end,
        quoting=csv.QUOTE_MINIMAL if made.plain else quoting,
    )
    writer.writerow(header)
    writer.writerows(rows)
    text = "".join(line + end for line in above) + stream.getvalue()
    if _maybe(draw, 0.1, made) and '""hi""' in text:
        made.has("backslashes before quotes")
        text = text.replace('""hi""', '\\"hi\\"')
    if _maybe(draw, 0.04, made):
        made.has("every line ends with the separator")
        text = (
            text.replace(end, separator + end)
            if "\n" not in "".join(itertools.chain(*rows))
            else text
        )
    if _maybe(draw, 0.04, made):
        made.has("a footer")
        text += draw.choice(("Exported by ERP 7.1", "-- end --", "(c) 2024", "3 rows")) + end
    if _maybe(draw, 0.08, made):
        text += end * draw.randint(1, 3)
    elif _maybe(draw, 0.2, made):
        text = text.removesuffix(end)
    if row_of_names > 1:
        made.meant["header_row"] = row_of_names
    made.texts.append(text)
    return text.encode(encoding)


def _with_odd_rows(
    draw: Random,
    made: Made,
    table: _Table,
    language: Language,
    rows: list[list[str]],
    header: list[str],
) -> None:
    """Rows among the others that are none: blank ones, names once more, totals."""
    width = len(header)
    if _maybe(draw, 0.05, made):
        made.has("blank rows between")
        rows.insert(draw.randint(0, len(rows)), [""] * width)
    if _maybe(draw, 0.05, made):
        made.has("header again", incomplete="drop")
        rows.insert(draw.randint(0, len(rows)), list(header))
    if _maybe(draw, 0.06, made):
        _total_row(draw, made, table, language, rows)
    if _maybe(draw, 0.08, made):
        made.has("blank rows at the end")
        rows += [[""] * width] * draw.randint(1, 3)


def _titles(draw: Random, made: Made, separator: str, width: int) -> tuple[list[str], int]:
    """Lines above the names, and the line of the names."""
    kind = draw.choice(("sep=", "sep=", "title", "titles", "padded", "blank", "pairs", "comment"))
    made.has(f"above: {kind}")
    lines = {
        "sep=": [f"sep={separator}"],
        "title": [draw.choice(("Orders", "Umsatz 2024", "Report"))],
        "titles": ["Orders", "all shops", ""],
        "padded": ["Orders" + separator * (width - 1)],
        "blank": ["", ""],
        "pairs": [f"Created{separator}2024-01-05", f"By{separator}Ann", ""],
        "comment": ["# exported 2024-01-05 by Ann"],
    }[kind]
    return lines, len(lines) + 1


def _total_row(
    draw: Random, made: Made, table: _Table, language: Language, rows: list[list[str]]
) -> None:
    """A row that adds up the others, in one of the places where systems put the word."""
    total = [""] * len(table.header)
    where = draw.choice(("id", "date", "none"))
    place = {"id": "customer_id", "date": "date", "none": "sales"}[where]
    if where != "none":
        total[table.header.index(made.said[place])] = language.total
    total[table.header.index(made.amounts)] = rows[0][table.header.index(made.amounts)] or "1"
    made.has(f"total row ({where})", incomplete="drop")
    rows.append(total)


def _packed(draw: Random, made: Made, name: str, data: bytes) -> tuple[str, bytes]:
    ending = ".csv" if made.plain else draw.choice((".csv", ".csv", ".csv", ".txt", ".tsv"))
    if not _maybe(draw, 0.12, made):
        return name + ending, data
    kind = draw.choice((".gz", ".bz2", ".zip", "alone.zip"))
    made.has(f"packed {kind}")
    if kind == ".gz":
        return f"{name}{ending}.gz", gzip.compress(data, 1)
    if kind == ".bz2":
        return f"{name}{ending}.bz2", bz2.compress(data, 1)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name + ending, data)
        if draw.random() < 0.3:
            archive.writestr(f"__MACOSX/._{name}{ending}", b"\0\5\x16\7")
    return f"{name}{ending if kind == '.zip' else ''}.zip", stream.getvalue()
