"""What the tests of curves share: small random tables of spells, and risk sets in loops."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd
from hypothesis import strategies as st


@dataclass(frozen=True)
class Spell:
    """One row: so long, seen to end or not, from when under observation, and so many alike."""

    duration: int
    churned: bool
    entry: float | None = None
    n_spells: int = 1
    plan: str | None = "basic"
    reason: str | None = "price"

    @property
    def observed(self) -> bool:
        """Whether it was ever at risk under observation."""
        return self.entry is None or self.entry <= 0 or self.entry < self.duration

    @property
    def segment(self) -> str:
        """The plan as answers write it."""
        return self.plan or "(missing)"

    def at_risk(self, time: float) -> bool:
        """Entry < time ≤ duration; without an entry, or with one of 0 or less, from the origin."""
        from_origin = self.entry is None or self.entry <= 0
        return time <= self.duration and (from_origin or self.entry < time)


spell = st.builds(
    Spell,
    duration=st.integers(0, 6),
    churned=st.booleans(),
    entry=st.sampled_from([None, None, None, -1.0, 0.0, 0.5, 1.0, 2.0, 2.0, 3.5, 6.0]),
    n_spells=st.integers(1, 3),
    plan=st.sampled_from(["basic", "full", "a b", "", None]),
    reason=st.sampled_from(["price", "rival", "service", None]),
)
FIRST = Spell(3, True, 0.5)  # so that no column is without a type
many = st.lists(spell, max_size=14).map(lambda spells: [FIRST, *spells])
untied = st.lists(
    st.builds(Spell, st.integers(1, 60), st.booleans(), reason=st.sampled_from(["price", "rival"])),
    min_size=1,
    max_size=20,
    unique_by=lambda each: each.duration,
).map(lambda spells: [*spells, Spell(99, False)])


def frame_of(spells: list[Spell], **columns: Any) -> pd.DataFrame:
    """The spells as a table, with the columns named, or all."""
    table = pd.DataFrame(
        {
            "plan": pd.Series([each.plan for each in spells], dtype="object"),
            "entry": pd.Series([each.entry for each in spells], dtype="float64"),
            "duration": pd.Series([each.duration for each in spells], dtype="int64"),
            "churned": pd.Series([each.churned for each in spells], dtype="bool"),
            "n_spells": pd.Series([each.n_spells for each in spells], dtype="int64"),
            "reason": pd.Series([each.reason for each in spells], dtype="object"),
        }
    )
    return table.assign(**columns)


def expanded(spells: list[Spell]) -> list[Spell]:
    """Each spell as often as its row says, without those that were never at risk."""
    return [each for each in spells if each.observed for _ in range(each.n_spells)]


def segments_of(spells: list[Spell]) -> dict[str, list[Spell]]:
    """The spells of each plan, sorted by its name."""
    spells = expanded(spells)
    names = sorted({each.segment for each in spells})
    return {name: [each for each in spells if each.segment == name] for name in names}


def risk_sets(spells: list[Spell]) -> list[dict[str, int]]:
    """Who is at risk, leaves, is lost sight of and enters at each duration, one by one."""
    durations = sorted({each.duration for each in spells})
    rows = []
    for time in durations:
        here = [each for each in spells if each.at_risk(time)]
        ending = [each for each in here if each.duration == time]
        rows.append(
            {
                "duration": time,
                "n_at_risk": len(here),
                "n_churned": sum(each.churned for each in ending),
                "n_censored": sum(not each.churned for each in ending),
                "n_entered": sum(
                    not any(each.at_risk(before) for before in durations if before < time)
                    for each in here
                ),
            }
        )
    return rows


def survival_at(spells: list[Spell], time: float, *, since: float = -1) -> Fraction:
    """Kaplan and Meier: the chance of lasting beyond `time` of those that lasted beyond `since`."""
    lasting = Fraction(1)
    for row in risk_sets(spells):
        if since < row["duration"] <= time:
            lasting *= 1 - Fraction(row["n_churned"], row["n_at_risk"])
    return lasting


def greenwood(spells: list[Spell], time: float, *, since: float = -1) -> Fraction | None:
    """The variance of the logarithm of that; None where all of a risk set ended."""
    total = Fraction(0)
    for row in risk_sets(spells):
        if since < row["duration"] <= time and row["n_churned"]:
            left = row["n_at_risk"] - row["n_churned"]
            if not left:
                return None
            total += Fraction(row["n_churned"], row["n_at_risk"] * left)
    return total


def unwatched(spells: list[Spell]) -> list[tuple[float, float]]:
    """Stretches in which nobody was at risk under observation, half a day after the other."""
    last = max(each.duration for each in spells)
    halves = [k / 2 for k in range(2 * last)]
    empty = [t for t in halves if not any(each.at_risk(t + 0.25) for each in spells)]
    begins = [t for t in empty if t - 0.5 not in empty]
    ends = [t + 0.5 for t in empty if t + 0.5 not in empty]
    return list(zip(begins, ends, strict=True))


def observed_from(spells: list[Spell], time: float) -> float:
    """Since when somebody was watched all the time until then."""
    return max([0.0, *(until for _, until in unwatched(spells) if until < time)])


def note(spells: list[Spell], start: float, end: float) -> str | None:
    """What is to be said of a span of time, in words."""
    stretches = [each for each in unwatched(spells) if max(each[0], start) < min(each[1], end)]
    left_at_once = any(each.churned and each.duration == 0 for each in spells)
    condition = None
    if stretches and stretches[0][0] == 0 and not left_at_once and end > stretches[0][1]:
        (_, until), *stretches = stretches
        condition = f"given still here at {until:g}: nobody was watched before"
    if stretches:
        since, until = stretches[0]
        return f"nobody was watched from {since:g} to {until:g}"
    return condition


def known(spells: list[Spell], start: float, end: float) -> bool:
    """Whether it was observed, but for what lies before the first who were."""
    return not (note(spells, start, end) or "given").startswith("nobody")
