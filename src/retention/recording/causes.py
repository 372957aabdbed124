"""What differs between two definitions, in words: the rule, the data, how long was observed."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retention.recording.recordings import Definition

_OBSERVED = ("as_of", "observed_from")
_ELSEWHERE = ("source", "table", "connection", *_OBSERVED)
"""Keywords that are no rule: what was read shows in the data."""

_CLOSE = 1e-9
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Causes:
    """What differs: each a name, and what it is in words."""

    rules: tuple[tuple[str, str], ...]
    data: tuple[tuple[str, str], ...]

    @property
    def texts(self) -> list[str]:
        """All that differs, in words."""
        return [text for _, text in (*self.rules, *self.data)]


def causes_between(before: Definition, after: Definition) -> Causes:
    """What differs between the definitions of two recordings."""
    return Causes(
        (*_changes_of_version(before, after), *_changes_of_rules(before, after)),
        (*_changes_of_days(before, after), *_changes_of_data(before, after)),
    )


def names_of_causes(causes: tuple[tuple[str, str], ...]) -> list[str]:
    """The names, each once, in order."""
    return list(dict.fromkeys(name for name, _ in causes))


def _steps_by_path(definition: Definition, path: str = "") -> dict[str, Definition]:
    """The steps to a definition, itself first, by the arguments that lead to them."""
    found = {path: definition}
    for given in definition["inputs"]:
        if given["made_by"]:
            found |= _steps_by_path(given["made_by"], f"{path}/{given['argument']}")
    return found


def _sources_by_path(definition: Definition, path: str = "") -> dict[str, Definition]:
    """The tables that were given, not recorded: where the ways begin."""
    found: dict[str, Definition] = {}
    for given in definition["inputs"]:
        here = f"{path}/{given['argument']}"
        found |= _sources_by_path(given["made_by"], here) if given["made_by"] else {here: given}
    return found


def _changes_of_version(before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    if before["version"] != after["version"]:
        yield "version", f"version: {before['version']} → {after['version']}"


def _changes_of_rules(before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    first, second = _steps_by_path(before), _steps_by_path(after)
    for path in dict.fromkeys([*first, *second]):
        old, new = first.get(path), second.get(path)
        if old is None or new is None or old["function"] != new["function"]:
            names = (step["function"] if step else "nothing" for step in (old, new))
            yield "definition", f"function: {' → '.join(names)}"
            continue
        for keyword in sorted({*old["keywords"], *new["keywords"]}.difference(_ELSEWHERE)):
            values = [step["keywords"].get(keyword) for step in (old, new)]
            if values[0] != values[1]:
                text = f"{new['function']} {keyword}: {values[0]!r} → {values[1]!r}"
                yield "definition", text


def _changes_of_days(before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    first, second = _steps_by_path(before), _steps_by_path(after)
    texts = [
        f"{keyword}: {' → '.join(str(step['keywords'].get(keyword)) for step in steps)}"
        for steps in ((first[path], second[path]) for path in first if path in second)
        for keyword in _OBSERVED
        if steps[0]["keywords"].get(keyword) != steps[1]["keywords"].get(keyword)
    ]
    for text in dict.fromkeys(texts):
        yield "other days observed", text


def _changes_of_data(before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    last = min((run["as_of"] for run in (before, after) if run["as_of"]), default=None)
    first, second = _sources_by_path(before), _sources_by_path(after)
    for path in dict.fromkeys([*first, *second]):
        old, new = first.get(path), second.get(path)
        if old is None or new is None:
            yield "corrected data", f"a table more or less: {path.rsplit('/', 1)[-1]}"
        elif old["columns"] != new["columns"]:
            names = sorted(set(old["columns"].items()) ^ set(new["columns"].items()))
            shown = ", ".join(dict.fromkeys(name for name, _ in names))
            yield "corrected data", f"{new['argument']}: other columns ({shown})"
        elif old["digits"] != new["digits"]:
            yield from _changes_by_month(old, new, last)


def _changes_by_month(
    old: Definition, new: Definition, last: str | None
) -> Iterator[tuple[str, str]]:
    """What differs in the months that both runs saw whole."""
    if not old["months"] and not new["months"]:
        rows = f"{old['n_rows']:,} → {new['n_rows']:,} rows"
        yield "corrected data", f"{new['argument']}: other content ({rows})"
        return
    first, second = ({each["month"]: each for each in run["months"]} for run in (old, new))
    cut = old["as_of"] is not None and old["as_of"] == new["as_of"]
    moved: dict[str, list[str]] = {}
    for month in sorted({*first, *second}):
        if last is None or _last_day_of_month(month) <= last or (cut and month <= last[:7]):
            for name, text in _changes_of_lines(first.get(month), second.get(month)):
                moved.setdefault(name, []).append(f"{month} {text}")
    for name, texts in moved.items():
        more = f" and in {len(texts) - _SHOWN} more months" if len(texts) > _SHOWN else ""
        yield name, f"{new['argument']}: {', '.join(texts[:_SHOWN])}{more}"


def _last_day_of_month(month: str) -> str:
    year, number = int(month[:-3]), int(month[-2:])
    return f"{month}-{calendar.monthrange(year, number)[1]}"


_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("n_rows", "n_refunds", "n_customers"), 0),
    **dict.fromkeys(("sales", "refunds"), 0.0),
    "digits": "",
}


def _changes_of_lines(old: Definition | None, new: Definition | None) -> Iterator[tuple[str, str]]:
    a, b = old or _NOTHING, new or _NOTHING
    lines = b["n_refunds"] - a["n_refunds"]
    if lines or not _is_about_same(a["refunds"], b["refunds"]):
        money = _difference_of_money(a["refunds"], b["refunds"])
        yield "refunds", f"{lines:+,} refund{'s' * (abs(lines) != 1)}{money}"
    rows = b["n_rows"] - a["n_rows"] - lines
    text = f"{rows:+,} row{'s' * (abs(rows) != 1)}{_difference_of_money(a['sales'], b['sales'])}"
    if rows:
        yield ("late data" if rows > 0 else "withdrawn data"), text
    elif not _is_about_same(a["sales"], b["sales"]) or a["n_customers"] != b["n_customers"]:
        yield "corrected data", text
    elif a["digits"] != b["digits"] and not lines:
        yield "corrected data", f"as many rows, other content ({b['n_rows']:,})"


def _difference_of_money(a: float | None, b: float | None) -> str:
    """How much more money it is, where that is known: in one currency."""
    return "" if a is None or b is None else f" ({b - a:+,.2f})"


def _is_about_same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return True
    return abs(a - b) <= _CLOSE * max(abs(a), abs(b))
