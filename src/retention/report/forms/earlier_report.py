"""Two reports compared: what has changed since, and which old figures are others now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.errors import ReadError, RetentionError, count_of
from retention.report.parts import Grid, Section
from retention.spelling import Written
from retention.wording import UNKNOWN, day, money, number, points, with_commas

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HEADING = "What has changed since the last report"
_WRITERS = {
    "count": with_commas,
    "currency": money,
    "share of 1": points,
    "difference of shares": points,
    "number": number,
}
_MOST = 40
"""So many old figures are listed."""

_EQUAL = 1e-9

_SAME_PERIOD = (
    "Both reports are of the same latest period. Figures of the headline that differ are not "
    "listed: the difference may be that of a few customers."
)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a report is of, by which another one can be compared with it.

    Attributes:
        of: "orders" or "contracts".
        as_of: the last observed day, such as "2024-12-31".
        freq: the length of a period.
        by: the segment columns, as they are called.
        min_customers: the smallest group that is shown.
        currency: of its amounts; empty where none is said.
        latest: the latest base period, by its first day; empty where there is none.
    """

    of: str
    as_of: str
    freq: str
    by: tuple[str, ...]
    min_customers: int
    currency: str
    latest: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure that a report shows.

    Attributes:
        section: the key of its section.
        row: what it is of: a period, a segment, a tile.
        column: its name, with the place of its table; "value" of a tile.
        text: it, as it is written.
        value: it.
        unit: as `Written` has it.
        of_period: whether its row is one period, so that it is final once it is known.
    """

    section: str
    row: str
    column: str
    text: str
    value: float
    unit: str
    of_period: bool


def shown_figures(sections: Iterable[Section]) -> tuple[Shown, ...]:
    """Every figure in the tiles and tables of a report. What it does not show is not there."""
    found: list[Shown] = []
    for one in sections:
        for card in one.cards:
            found += _figures_of_row(one.key, card.label, ("value",), (card.value,), False)
        for place, grid in enumerate(one.grids):
            heads = [f"{head}, {place}" for head in grid.columns]
            for row in grid.rows:
                dated = isinstance(row[0], Written) and row[0].unit == "period"
                found += _figures_of_row(one.key, str(row[0]), heads, row, dated)
    return tuple(found)


def _figures_of_row(
    section: str, row: str, heads: Sequence[str], cells: Sequence[str], dated: bool
) -> list[Shown]:
    return [
        Shown(section, row, head, str(cell), float(cell.value), cell.unit, dated)
        for head, cell in zip(heads, cells, strict=True)
        if isinstance(cell, Written) and cell.unit in _WRITERS
        if cell.value is not None and not isinstance(cell.value, tuple)
    ]


def report_as_json(title: str, basis: Basis, figures: Iterable[Shown]) -> str:
    """The figures of a report as JSON, for the report after it."""
    told = {
        "retention_report": 1,
        "title": title,
        "basis": asdict(basis),
        "figures": [asdict(one) for one in figures],
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def saved_figures(path: str | Path) -> tuple[Basis, tuple[Shown, ...]]:
    """What `report_as_json` wrote.

    Raises:
        ReadError: if it did not write that.
    """
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        basis = Basis(**(told["basis"] | {"by": tuple(told["basis"]["by"])}))
        figures = tuple(Shown(**one) for one in told["figures"])
        whole = told["retention_report"] == 1 and _is_as_written(basis, figures)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no report saved as .json"
        raise ReadError(f"`compared_to=` {path}: {reason}. Save one by report.save(...).") from None
    if not whole:
        raise ReadError(f"`compared_to=` {path}: it is no report saved as .json by this version.")
    return basis, figures


def _is_as_written(basis: Basis, figures: Sequence[Shown]) -> bool:
    """Whether each part is of its kind; a file may have been edited by hand.

    Raises:
        ValueError: if a day is none.
    """
    days = [one for one in (basis.as_of, basis.latest) if one != ""]
    texts = [basis.of, basis.freq, basis.currency, *basis.by]
    texts += [text for one in figures for text in (one.section, one.row, one.column)]
    texts += [text for one in figures for text in (one.text, one.unit)]
    numbers = [basis.min_customers, *(one.value for one in figures)]
    return (
        all(date.fromisoformat(one).isoformat() == one for one in days)
        and basis.as_of != ""
        and all(isinstance(one, str) for one in texts)
        and all(type(one) in (int, float) and isfinite(one) for one in numbers)
        and type(basis.min_customers) is int
        and all(type(one.of_period) is bool for one in figures)
    )


def refuse_other_basis(before: Basis, now: Basis) -> None:
    """Refuse to compare what is counted otherwise, or what would tell of those who are hidden.

    Raises:
        RetentionError: if the two are not of a kind.
    """
    for name in ("of", "freq", "currency"):
        then, today = getattr(before, name), getattr(now, name)
        if then != today:
            raise RetentionError(
                f"`compared_to=`: the report before has {name} {then!r}, this one {today!r}. "
                "Compare two that count alike."
            )
    if before.as_of > now.as_of:
        raise RetentionError(
            f"`compared_to=`: the report before is up to {before.as_of}, after {now.as_of}. Give "
            "the earlier one."
        )
    if now.min_customers < before.min_customers:
        raise RetentionError(
            f"`compared_to=`: the report before showed no group of fewer than "
            f"{before.min_customers} customers. With min_customers={now.min_customers} the two "
            f"would tell of those it left out; say {before.min_customers} or more."
        )


def sections_safe_beside(
    before: tuple[Basis, Sequence[Shown]], now: Basis, sections: Sequence[Section]
) -> tuple[Section, ...]:
    """The sections, without those from which, less the report before, a hidden group could be told.

    That is where both are of the same latest period and the rows of segments are others: who stood
    together with others in one stands alone in the other.
    """
    if before[0].latest != now.latest or now.min_customers == 1:
        return tuple(sections)
    rows = {one.row for one in before[1] if one.section == "losses" and not one.of_period}
    return tuple(
        Section(one.key, one.heading, _LEFT_OUT)
        if one.key == "losses" and rows and rows != _rows_of_groups(one)
        else one
        for one in sections
    )


_LEFT_OUT = (
    "Left out: the report before is of the same period and shows other segments; the two side by "
    "side would tell of those too small to be shown."
)


def _rows_of_groups(one: Section) -> set[str]:
    return {shown.row for shown in shown_figures([one]) if not shown.of_period}


def changes_section(
    before: tuple[Basis, Sequence[Shown]], now: Basis, figures: Sequence[Shown]
) -> Section:
    """The tiles then and now, and the old figures that are others now.

    Args:
        before: the report before.
        now: what this one is of.
        figures: what this one shows.
    """
    then = {(one.section, one.row, one.column): one for one in before[1]}
    pairs = [
        (old, one)
        for one in figures
        if (old := then.get((one.section, one.row, one.column))) and old.unit == one.unit
    ]
    dated = [pair for pair in pairs if pair[1].of_period]
    restated = [pair for pair in dated if not _is_as_before(*pair)]
    small = _rows_changed_by_few(dated, now.min_customers)
    listed = [pair for pair in restated if _row_of_figure(pair[1]) not in small]
    sure = before[0].latest != now.latest or now.min_customers == 1 or (restated and not small)
    every = [pair for pair in pairs if pair[1].column == "value"]
    tiles = [pair for pair in every if sure or _is_as_before(*pair)]
    grids = (_grid_of_tiles(tiles), _grid_of_restated(listed))
    return Section(
        "changes",
        _HEADING,
        _restated_in_words(before[0], now, dated, restated),
        grids=tuple(grid for grid in grids if grid.rows),
        notes=(*_notes_on_changes(small, listed, now), *[_SAME_PERIOD] * (len(tiles) < len(every))),
    )


def _row_of_figure(one: Shown) -> tuple[str, str]:
    return one.section, one.row


def _is_as_before(old: Shown, new: Shown) -> bool:
    return abs(new.value - old.value) <= _EQUAL * max(1.0, abs(old.value))


def _rows_changed_by_few(dated: Iterable[tuple[Shown, Shown]], least: int) -> set[tuple[str, str]]:
    """The rows of which a figure differs by that of a few customers: their difference is theirs.

    Of how many customers an amount differs, only the counts beside it tell: where none differs by
    enough, it may be one order of one of them that was corrected.
    """
    if least == 1:
        return set()
    sizes: dict[tuple[str, str], float] = {}
    few: set[tuple[str, str]] = set()
    amounts: set[tuple[str, str]] = set()
    enough: set[tuple[str, str]] = set()
    for old, new in dated:
        row, moved = _row_of_figure(new), abs(new.value - old.value)
        if new.unit == "count":
            sizes.setdefault(row, new.value)
        people = moved if new.unit == "count" else moved * sizes.get(row, 0.0)
        counts = new.unit in ("count", "share of 1")
        if counts and not _is_as_before(old, new) and people < least - 0.5:
            few.add(row)
        if new.unit == "count" and moved > least - 0.5:
            enough.add(row)
        if not counts and not _is_as_before(old, new):
            amounts.add(row)
    return few | (amounts - enough)


def _restated_in_words(
    before: Basis, now: Basis, dated: Sequence[Any], restated: Sequence[Any]
) -> str:
    since = f"since the report up to {day(before.as_of)}"
    if not dated:
        return f"No {now.freq} stands in both this report and the one up to {day(before.as_of)}."
    n = count_of(len(dated), "figure")
    if not restated:
        return f"None of the {n} of past {now.freq}s in both reports has changed {since}."
    verb = "has" if len(restated) == 1 else "have"
    return (
        f"Of {n} of past {now.freq}s in both reports, {with_commas(len(restated))} {verb} changed "
        f"{since}."
    )


def _grid_of_tiles(pairs: Iterable[tuple[Shown, Shown]]) -> Grid:
    rows = [
        (new.row, _text_of_figure(old), _text_of_figure(new), _difference_text(old, new))
        for old, new in pairs
    ]
    return Grid("The headline then and now", ("Figure", "Then", "Now", "Difference"), tuple(rows))


def _grid_of_restated(listed: Sequence[tuple[Shown, Shown]]) -> Grid:
    rows = [
        (
            new.row,
            new.column.rpartition(", ")[0],
            _text_of_figure(old),
            _text_of_figure(new),
            _difference_text(old, new),
        )
        for old, new in listed[:_MOST]
    ]
    heads = ("Period", "Figure", "Then", "Now", "Difference")
    return Grid("Old figures that are others now", heads, tuple(rows), texts=2)


def _text_of_figure(one: Shown) -> str:
    return Written(one.text, one.value, one.unit)


def _difference_text(old: Shown, new: Shown) -> str:
    moved = new.value - old.value
    text = _WRITERS[new.unit](moved) if old.value == old.value else UNKNOWN
    unit = "difference of shares" if new.unit == "share of 1" else new.unit
    return Written(text if text[0] in "+−" or not moved else f"+{text}", moved, unit)


def _notes_on_changes(
    small: set[tuple[str, str]], listed: Sequence[Any], now: Basis
) -> Iterable[str]:
    if small:
        periods = sorted({row for _, row in small})
        yield (
            f"In {', '.join(periods)} figures have changed by fewer than "
            f"{count_of(now.min_customers, 'customer')}, or by amounts of an unknown number "
            "of them, and are not listed: the difference would be theirs."
        )
    if len(listed) > _MOST:
        yield f"Another {count_of(len(listed) - _MOST, 'figure')} are not listed."


def figures_before(given: Any) -> tuple[Basis, tuple[Shown, ...]]:
    """What a report before showed: the report, or the path of one saved as .json.

    Raises:
        ReadError: as `saved_figures`.
        RetentionError: if it is neither.
    """
    if isinstance(given, str | Path):
        return saved_figures(given)
    basis = getattr(given, "basis", None)
    if not isinstance(basis, Basis) or isinstance(given, Mapping):
        raise RetentionError(
            "`compared_to=` is a report, or the path of one that was saved as .json; got "
            f"{type(given).__name__}."
        )
    return basis, shown_figures(given.sections)
