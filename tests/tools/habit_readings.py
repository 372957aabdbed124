"""What the library makes of files that were made up: the numbers that made them, or a refusal."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import retention as rt
from habit_files import Made, Rows

if TYPE_CHECKING:
    from pathlib import Path

_LEAVE = re.compile("leave (those|out) ", re.IGNORECASE)

_OTHERWISE = "say separator= or header_row= if the file is other"
_HARMLESS = ("duplicates", "zero_orders", "refunds", "day_first", "decimal")


def _helpful(lacking: dict[str, Any]) -> list[str]:
    """Keywords of which one was needed."""
    return [key for key in lacking if key not in _HARMLESS] or list(lacking)


FINE = ("right", "right with a note", "right by a note", "left out with a count", "refused")
"""What may come of a file; anything else is a fault of the library."""

_ENGINES = {"polars": 92, "pandas": 6, "pyarrow": 1, "duckdb": 1}


def engine_of(seed: int, number: int) -> str:
    """The engine that reads a file: mostly the quick one."""
    draw = Random(f"{seed} engine {number}")
    return draw.choices(list(_ENGINES), list(_ENGINES.values()))[0]


@dataclass
class Reading:
    """What came of a file.

    `outcome` is one of `FINE`, or else a fault of the library: "differs", "advice does not work",
    "keyword not named", "note on a clean file", "crash".
    """

    outcome: str
    why: str
    followed: dict[str, Any]


def reading_of(made: Made, folder: Path, engine: str) -> Reading:
    """Read a file as its owner would: say what a refusal asks for, until it is read or refused."""
    paths = [folder / name for name, _ in made.files]
    for path, (_, data) in zip(paths, made.files, strict=True):
        path.write_bytes(data)
    source = paths[0] if len(paths) == 1 else paths
    try:
        return _followed(made, source, engine)
    except rt.RetentionError:
        raise
    except Exception as problem:
        return Reading("crash", f"{type(problem).__name__}: {problem}", {})
    finally:
        for path in paths:
            path.unlink()


def _followed(made: Made, source: Any, engine: str) -> Reading:
    followed: dict[str, Any] = {}
    while True:
        found, notes, refusal = _attempt(made, source, engine, followed)
        if found is not None:
            return _judged(made, source, engine, found, notes, followed)
        new = _named(made, refusal, followed)
        if not new:
            return _refused(made, source, engine, refusal, followed)
        followed |= new


def _attempt(
    made: Made, source: Any, engine: str, followed: dict[str, Any]
) -> tuple[Rows | None, list[str], str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            table = rt.as_transactions(source, engine=engine, **(made.said | followed))
        except rt.RetentionError as problem:
            return None, [], "\n".join([str(problem), *(str(one.message) for one in caught)])
    return rows_of(table), [str(one.message) for one in caught], ""


def rows_of(table: Any) -> Rows:
    """How many lines of a customer and a day a table has, and their sum to a millionth."""
    if type(table).__module__.startswith("duckdb") or hasattr(table, "fetchall"):
        lines = table.select("customer_id", "date", "sales").fetchall()
    elif hasattr(table, "to_pylist"):
        lines = [(r["customer_id"], r["date"], r["sales"]) for r in table.to_pylist()]
    else:
        lines = list(
            zip(*(table[name].to_list() for name in ("customer_id", "date", "sales")), strict=True)
        )
    sums: dict[tuple[str, str], tuple[int, float]] = {}
    for who, when, amount in lines:
        key = str(who), f"{when:%Y-%m-%d}"
        n, total = sums.get(key, (0, 0.0))
        sums[key] = n + 1, total + amount
    return {key: (n, round(Decimal(total), 6)) for key, (n, total) in sums.items()}


def _named(made: Made, refusal: str, followed: dict[str, Any]) -> dict[str, Any]:
    """The keywords that a refusal names and the owner can tell, and were not said yet."""
    new = {k: v for k, v in made.meant.items() if k not in followed and f"{k}=" in refusal}
    if "date_format" in new and "unreadable date" not in refusal and "date_format='" not in refusal:
        del new["date_format"]
    if not new and "incomplete" in made.meant and _LEAVE.search(refusal):
        new = {"incomplete": "drop"}
    return {} if new.items() <= followed.items() else new


def _judged(
    made: Made,
    source: Any,
    engine: str,
    found: Rows,
    notes: list[str],
    followed: dict[str, Any],
) -> Reading:
    right = _agree(made.rows, found)
    why = " / ".join(map(_short, notes))
    if right and made.plain and (notes or followed.keys() - {"duplicates"}):
        return Reading("note on a clean file", why, followed)
    if right:
        return Reading("right with a note" if notes else "right", why, followed)
    said = {
        k: v
        for k, v in made.meant.items()
        if k not in followed and any(f"{k}=" in n for n in notes)
    }
    if said:
        return _followed_note(made, source, engine, followed | said)
    if "left out as incomplete" in why and all(
        key in made.rows and n <= made.rows[key][0] for key, (n, _) in found.items()
    ):
        return Reading("left out with a count", why, followed)
    if "if they are of another" in "".join(notes) and "calendar" in "".join(made.habits):
        return Reading("right by a note", why, followed)
    return Reading("differs", f"{_difference(made.rows, found)} {why}", followed)


def _followed_note(made: Made, source: Any, engine: str, followed: dict[str, Any]) -> Reading:
    """A file that is read otherwise with a note: what the note names has to cure it."""
    found, notes, refusal = _attempt(made, source, engine, followed)
    if found is not None and _agree(made.rows, found):
        return Reading("right by a note", " / ".join(map(_short, notes)), followed)
    if found is None:
        return _refused(made, source, engine, refusal, followed)
    return _judged(made, source, engine, found, notes, followed)


def _refused(
    made: Made, source: Any, engine: str, refusal: str, followed: dict[str, Any]
) -> Reading:
    """Whether a refusal names what would help, where something would."""
    lacking = {k: v for k, v in made.meant.items() if k not in followed}
    if lacking:
        found, _, _ = _attempt(made, source, engine, followed | lacking)
        if found is not None and _agree(made.rows, found):
            return Reading("keyword not named", f"{_short(refusal)} {_helpful(lacking)}", followed)
    for key in followed:
        if re.search(rf"[Ss]ay {key}=", refusal.replace(_OTHERWISE, "")):
            return Reading("advice does not work", _short(refusal), followed)
    return Reading("refused", _short(refusal), followed)


def _agree(made: Rows, found: Rows) -> bool:
    return made.keys() == found.keys() and all(
        n == found[key][0]
        and abs(total - found[key][1]) <= Decimal("0.000002") + abs(total) / 10**11
        for key, (n, total) in made.items()
    )


def _difference(made: Rows, found: Rows) -> str:
    keys = sorted(made.keys() | found.keys())
    wrong = [
        key
        for key in keys
        if not _agree({key: made.get(key, (0, Decimal()))}, {key: found.get(key, (0, Decimal()))})
    ]
    key = wrong[0]
    return f"{len(wrong)} of {len(keys)}, first {key}: made {made.get(key)}, found {found.get(key)}"


def _short(message: str) -> str:
    """A message without what differs from file to file."""
    reasons = re.findall(r"^ - ([^:]+):", message, re.MULTILINE)
    if reasons:
        return ", ".join(reasons)
    plain = re.sub(r"\S*/\S+", "FILE", message.split("\n", maxsplit=1)[0])
    return re.sub("[0-9]+", "N", plain)[:110]
