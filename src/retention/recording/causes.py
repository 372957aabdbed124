"""What differs between two definitions, in words: the rule, the data, how long was observed."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retention.recording.record import Definition

_OBSERVED = ("as_of", "observed_from")
_CLOSE = 1e-9
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Causes:
    """Names of what differs, each with what it is in words."""

    definition: tuple[str, ...]
    data: tuple[tuple[str, str], ...]

    @property
    def data_names(self) -> list[str]:
        """The names of what differs in the data, each once, in order."""
        return list(dict.fromkeys(name for name, _ in self.data))

    @property
    def texts(self) -> list[str]:
        """All that differs, in words."""
        return [*self.definition, *(text for _, text in self.data)]


def causes_of(before: Definition, after: Definition) -> Causes:
    """What differs between the definitions of two recordings."""
    return Causes(tuple(_rules(before, after)), (*_observed(before, after), *_data(before, after)))


def _way(definition: Definition) -> list[Definition]:
    """The steps to a definition, itself first, along the first table of each."""
    inputs = definition["inputs"]
    made = inputs[0]["made_by"] if inputs else None
    return [definition, *(_way(made) if made else [])]


def _sources(definition: Definition) -> list[Definition]:
    """The tables that were given, not recorded: where the way begins."""
    found: list[Definition] = []
    for given in definition["inputs"]:
        found += _sources(given["made_by"]) if given["made_by"] else [given]
    return found


def _rules(before: Definition, after: Definition) -> Iterator[str]:
    if before["version"] != after["version"]:
        yield f"version: {before['version']} → {after['version']}"
    for old, new in zip_longest(_way(before), _way(after)):
        if old is None or new is None or old["function"] != new["function"]:
            names = (step["function"] if step else "nothing" for step in (old, new))
            yield f"function: {' → '.join(names)}"
            continue
        for keyword in sorted({*old["keywords"], *new["keywords"]} - {*_OBSERVED}):
            values = [step["keywords"].get(keyword) for step in (old, new)]
            if values[0] != values[1]:
                yield f"{new['function']} {keyword}: {values[0]!r} → {values[1]!r}"


def _observed(before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    for old, new in zip(_way(before), _way(after), strict=False):
        for keyword in _OBSERVED:
            values = [step["keywords"].get(keyword) for step in (old, new)]
            if values[0] != values[1]:
                yield "other days observed", f"{keyword}: {values[0]} → {values[1]}"
                return


def _data(before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    last = min((run["as_of"] for run in (before, after) if run["as_of"]), default=None)
    longer = before["as_of"] != after["as_of"]
    for old, new in zip_longest(_sources(before), _sources(after)):
        if old is None or new is None:
            yield "corrected data", f"a table more or less: {(old or new)['argument']}"
        elif old["digits"] != new["digits"]:
            found = list(_months(old, new, last, longer=longer))
            yield from found
            if not found and not longer:
                name, rows = new["argument"], f"{old['n_rows']:,} → {new['n_rows']:,} rows"
                yield "corrected data", f"{name}: other content in the same months ({rows})"


def _months(
    old: Definition, new: Definition, last: str | None, *, longer: bool
) -> Iterator[tuple[str, str]]:
    """What differs in the months that both saw."""
    first, second = ({each["month"]: each for each in run["months"]} for run in (old, new))
    moved: dict[str, list[str]] = {}
    for month in sorted({*first, *second}):
        if last is None or _ends(month) <= last or (not longer and month <= last[:7]):
            for name, text in _moved(first.get(month), second.get(month)):
                moved.setdefault(name, []).append(f"{month} {text}")
    for name, texts in moved.items():
        more = f" and in {len(texts) - _SHOWN} more months" if len(texts) > _SHOWN else ""
        yield name, f"{new['argument']}: {', '.join(texts[:_SHOWN])}{more}"


def _ends(month: str) -> str:
    year, number = int(month[:-3]), int(month[-2:])
    return f"{month}-{calendar.monthrange(year, number)[1]}"


_NOTHING: dict[str, Any] = {
    "n_rows": 0,
    "n_refunds": 0,
    "n_customers": 0,
    "sales": 0.0,
    "refunds": 0.0,
}


def _moved(old: Definition | None, new: Definition | None) -> Iterator[tuple[str, str]]:
    a, b = old or _NOTHING, new or _NOTHING
    lines = b["n_refunds"] - a["n_refunds"]
    if lines or not _alike(a["refunds"], b["refunds"]):
        money = b["refunds"] - a["refunds"]
        yield "refunds", f"{lines:+,} refunds ({money:+,.2f})"
    rows = b["n_rows"] - a["n_rows"] - lines
    text = f"{rows:+,} rows ({b['sales'] - a['sales']:+,.2f})"
    if rows:
        yield ("late data" if rows > 0 else "withdrawn data"), text
    elif not _alike(a["sales"], b["sales"]) or a["n_customers"] != b["n_customers"]:
        yield "corrected data", text


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= _CLOSE * max(abs(a), abs(b))
