"""A figure period by period, and the tile that tells where it stands and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from retention import periods
from retention.findings.changes import UNCLEAR, Change, Rate, change_of_rates
from retention.report.material import A_YEAR
from retention.report.parts import Card
from retention.wording import MINUS, money, number, percent, spoken_period, with_commas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from retention.report.material import Material

Unit = Literal["share", "mean", "sum", "count", "ratio"]

_WRITTEN: dict[Unit, Callable[[float | None], str]] = {
    "share": percent,
    "mean": money,
    "sum": money,
    "count": with_commas,
    "ratio": number,
}
_COUNTED = ("sum", "count")
"""Of all there were: such figures have no bounds, and whatever changed has changed."""


@dataclass(frozen=True, slots=True)
class Track:
    """A figure period by period.

    Attributes:
        label: its name.
        unit: how it is written, and what a change of it is: a share, a mean with bounds, a sum, a
            count, or a ratio.
        freq: length of a period.
        steps: the periods, in order.
        rates: its values; None where it is unknown, or of too few customers to be shown.
        told: what the latest value is of.
        better: which direction is: "higher", "lower" or "neither".
    """

    label: str
    unit: Unit
    freq: periods.Freq
    steps: tuple[int, ...]
    rates: tuple[Rate, ...]
    told: str = ""
    better: str = "higher"

    def written(self, value: float | None) -> str:
        """A value as people read it."""
        return _WRITTEN[self.unit](value)

    def rate_at(self, step: int) -> Rate | None:
        """The value of a period; None where it is not known."""
        found = self.rates[self.steps.index(step)] if step in self.steps else None
        return None if found is None or found.value is None else found


def earlier_row(material: Material) -> dict[str, Any] | None:
    """The row to compare the latest with: a year before, else the period before, else none."""
    kpis, apart = material.kpis, A_YEAR[periods.length_of(material.freq)]
    if len(kpis) > apart:
        return kpis[-1 - apart]
    return kpis[-2] if len(kpis) > 1 else None


def change_since_earlier(material: Material, name: str) -> Change:
    """How a rate of the latest base period differs from that of the earlier one."""
    before = earlier_row(material)
    if before is None:
        return Change(None, None, None)
    return change_of_rates(Rate.of(before, name), Rate.of(material.kpis[-1], name))


def name_of_step(step: int, freq: periods.Freq) -> str:
    """What a period is called in a sentence."""
    return spoken_period(periods.first_day(step, freq), freq)


def rate_of_enough(row: Mapping[str, Any], names: tuple[str, ...], n: float, least: int) -> Rate:
    """A value of a row, with bounds where three names are given; None of too few customers."""
    if n < least:
        return Rate(None, None, None)
    if len(names) > 1:
        return Rate.of(row, *names)
    value = row[names[0]]
    return Rate(None if value is None else float(value), None, None)


def places_to_hide(counts: Sequence[float], least: int) -> set[int]:
    """Of amounts that add up to one that is known, those of too few customers to be shown.

    One alone could be told from the total, so the next smallest goes with it, until those that are
    hidden are of enough customers together. An amount of nobody is 0, which tells nothing.
    """
    hidden: list[int] = []
    order = sorted((n, place) for place, n in enumerate(counts) if n)
    if not order or order[0][0] >= least:
        return set()
    for n, place in order:
        if n < least or len(hidden) < 2 or sum(counts[one] for one in hidden) < least:
            hidden.append(place)
    return set(hidden)


def cards_of_tracks(tracks: Iterable[Track]) -> list[Card]:
    """A tile for each figure whose latest value is known."""
    return [_card_of_track(one) for one in tracks if one.steps and one.rate_at(one.steps[-1])]


def _card_of_track(one: Track) -> Card:
    """The latest value, with its bounds, its change since a year and a period before, its past."""
    step, now = one.steps[-1], one.rates[-1]
    bounds = f"{one.written(now.lower)} to {one.written(now.upper)}" if now.is_known else ""
    early, late = _steps_before(one, step)
    change, verdict = _change_since(one, early, now)
    return Card(
        one.label,
        one.written(now.value),
        ", ".join(words for words in (bounds, one.told) if words),
        change,
        verdict,
        tuple(rate.value for rate in one.rates),
        also="" if late is None else _words_on_period_before(one, late, now),
        past=_past_in_words(one),
    )


def _steps_before(one: Track, step: int) -> tuple[int | None, int | None]:
    """The period to compare with, a year before where that is known; and that just before."""
    before = step - 1 if one.rate_at(step - 1) else None
    apart = A_YEAR[periods.length_of(one.freq)]
    if apart > 1 and one.rate_at(step - apart):
        return step - apart, before
    return before, None


def _change_since(one: Track, early: int | None, now: Rate) -> tuple[str, str]:
    """How it has changed since a period, in words, and whether that is better."""
    then = None if early is None else one.rate_at(early)
    if early is None or then is None:
        return "no earlier value to compare with", "same"
    if one.unit == "ratio":
        return f"{one.written(then.value)} in {name_of_step(early, one.freq)}", "same"
    words, verdict = change_in_words(one.unit, then, now, one.better)
    return f"{words} since {name_of_step(early, one.freq)}", verdict


def change_in_words(unit: Unit, then: Rate, now: Rate, better: str = "higher") -> tuple[str, str]:
    """A change with its bounds, or that there is no clear one; and whether it is better."""
    found = change_of_rates(then, now)
    if unit in _COUNTED:
        return percent_change(now.value, then.value), _verdict_on_count(found, better)
    if unit == "share":
        return found.in_words(), found.verdict(better)
    return _money_change(found), found.verdict(better)


def percent_change(now: float | None, before: float | None) -> str:
    """How many percent more or less: a count of all there were has no bounds."""
    if not before or now is None or before < 0:
        return "no change can be told"
    change = now / before - 1
    return f"{'up' if change > 0 else 'down'} {percent(abs(change))}" if change else "unchanged"


def _verdict_on_count(found: Change, better: str) -> str:
    return Change(found.value, found.value, found.value).verdict(better)


def _money_change(found: Change) -> str:
    """A change of a mean amount, no louder than its bounds allow."""
    if found.value is None or found.lower is None or found.upper is None:
        return "no change can be told for sure"
    bounds = f"{signed_money(found.lower)} to {signed_money(found.upper)}"
    if not found.is_clear:
        return f"{UNCLEAR} ({bounds})"
    return f"{'up' if found.value > 0 else 'down'} by {money(abs(found.value))} ({bounds})"


def signed_money(amount: float | None) -> str:
    """An amount with its sign: +12.30."""
    text = money(amount)
    return text if amount is None or text[0] == MINUS or not amount else f"+{text}"


def _words_on_period_before(one: Track, step: int, now: Rate) -> str:
    """What it was in the period before, and whether that is a change."""
    then = one.rate_at(step)
    if then is None:
        return ""
    words = f"{one.written(then.value)} in {name_of_step(step, one.freq)}"
    if one.unit == "ratio":
        return words
    if one.unit in _COUNTED:
        return f"{words}: {percent_change(now.value, then.value)}"
    found = change_of_rates(then, now)
    clear = ("up" if (found.value or 0) > 0 else "down") if found.is_clear else UNCLEAR
    return f"{words}: {clear}"


def _past_in_words(one: Track) -> str:
    """The small line in words: from when to when, the first value, the lowest and the highest."""
    every = zip(one.steps, one.rates, strict=True)
    known = [(step, rate.value) for step, rate in every if rate.value is not None]
    if len(known) < 2:
        return ""
    values = [value for _, value in known]
    ends = " to ".join(name_of_step(step, one.freq) for step in (known[0][0], known[-1][0]))
    first, low, high = (one.written(value) for value in (values[0], min(values), max(values)))
    return f"{one.label}, {ends}: first {first}, lowest {low}, highest {high}"
