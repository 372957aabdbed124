"""Where churn comes from: segments that lose more than others, large customers, the bridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import intervals, periods
from retention.errors import count_of
from retention.findings.changes import UNCLEAR, Change
from retention.frames import as_lazy, in_kind_of, one_row
from retention.frames.python_rows import rows_as_dicts
from retention.kpis.churn.bridge import churn_bridge, target_customers
from retention.kpis.outcome.rates import churn_by
from retention.plots.bridge_plots import plot_churn_bridge
from retention.report.drawing import pictures_of_plot
from retention.report.material import A_YEAR
from retention.report.parts import Grid, Picture, Section
from retention.report.sections.trade.tracks import change_since_earlier
from retention.wording import (
    bounds_text,
    money,
    percent,
    points,
    signed_points,
    spoken_period,
    with_commas,
)

if TYPE_CHECKING:
    from retention.report.material import Material

WIDE = 0.1
"""With bounds that reach further, 10 points, there are too few customers to tell."""

_TOP = 0.1
_HEADING = "Where churn comes from"


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of the latest base period beside the customers outside it.

    Attributes:
        column: the segment column.
        row: of `churn_by`: the segment, and the rest, in which each customer counts once.
        apart: how far the two rates differ, within bounds for several comparisons.
        shown: whether the rest is large enough to be shown.
    """

    column: str
    row: dict[str, Any]
    apart: Change
    shown: bool

    @property
    def verdict(self) -> str:
        """Whether it loses more, less, or nobody can tell."""
        if not self.row["n_rest"]:
            return "nobody outside it"
        if not self.shown:
            return "too few to tell"
        if self.apart.is_clear:
            return "loses more" if (self.apart.value or 0) > 0 else "loses less"
        half = self.apart.half_width
        return "no clear difference" if half is not None and half <= WIDE else "too few to tell"


def where_lost_section(material: Material) -> Section:
    """Segment by segment, and the large customers against the others."""
    if not material.kpis:
        return Section("losses", _HEADING, "One period alone shows no churn.")
    named = {column: _segments_by_loss(material, column) for column in material.asked.by}
    segments = [segment for found in named.values() for segment in found]
    bridge = _pictures_of_bridge(material)
    grids = [_grid_of_segments(material, column, found) for column, found in named.items()]
    large = _finding_on_large(material)
    return Section(
        "losses",
        _HEADING,
        _finding_on_segments(segments, large),
        pictures=bridge[0],
        grids=(*grids, *bridge[1], *([large[1]] if large else [])),
        notes=(
            *([large[0]] if large and segments else []),
            *_notes_on_segments(
                material, bridged=bool(bridge[1]), overlapping=_has_overlap(material, named)
            ),
        ),
    )


def _segments_by_loss(material: Material, column: str) -> list[Segment]:
    """The segments of the latest base period, those that lose most first."""
    rows = rows_as_dicts(churn_by(material.activity, by=column, level=material.asked.level))
    last = max(row["step"] for row in rows)
    rows = [row for row in rows if row["step"] == last and row["n_base"]]
    rows.sort(key=lambda row: (-row["churn_rate"], row[column]))
    return [_segment_beside_rest(material, column, row, len(rows)) for row in rows]


def _segment_beside_rest(
    material: Material, column: str, row: dict[str, Any], many: int
) -> Segment:
    """A segment against the rest, more careful the more segments are compared.

    The rest is that of `churn_by`: rows of other segments cannot be added up where customers are in
    several.
    """
    level = 1 - (1 - material.asked.level) / many
    mine, others = (row["n_churned"], row["n_base"]), (row["n_rest_churned"], row["n_rest"])
    apart = intervals.difference_with_bounds(mine, others, level)
    told = Change(*(float(value) for value in apart)) if row["n_rest"] else Change(None, None, None)
    return Segment(column, row, told, row["n_rest"] >= material.smallest)


def _has_overlap(material: Material, named: dict[str, list[Segment]]) -> bool:
    """Whether customers are in several segments of the column that the bridge is of."""
    first = named[material.asked.by[0]] if named else []
    return bool(sum(one.row["n_base"] for one in first) > material.kpis[-1]["n_base"])


def _finding_on_segments(segments: list[Segment], large: tuple[str, Grid] | None) -> str:
    """The segment that clearly loses most more than the rest; else that there is none."""
    worse = [one for one in segments if one.verdict == "loses more"]
    if worse:
        one = max(worse, key=lambda segment: segment.apart.value or 0)
        low, high = signed_points(one.apart.lower), points(one.apart.upper)
        return (
            f"By {one.column}, {one.row[one.column]} loses more of its customers than the rest: "
            f"{percent(one.row['churn_rate'])} against {percent(one.row['rest_churn_rate'])} "
            f"({low} to {high})."
        )
    if segments:
        unsure = sum(one.verdict == "too few to tell" for one in segments)
        hint = f" For {unsure} of {len(segments)} there are too few customers to tell."
        return "No segment clearly loses more of its customers than the rest." + hint * (unsure > 0)
    return large[0] if large else "No segments were named, and sales are not known."


def _grid_of_segments(material: Material, column: str, segments: list[Segment]) -> Grid:
    rows = [
        (
            str(one.row[column]),
            with_commas(one.row["n_base"]),
            with_commas(one.row["n_churned"]),
            percent(one.row["churn_rate"]),
            bounds_text(percent(one.row["lower"]), percent(one.row["upper"])),
            money(one.row["sales_churned"]),
            percent(one.row["rest_churn_rate"] if one.shown else None),
            one.verdict,
        )
        for one in segments
    ]
    named = spoken_period(material.kpis[-1]["period"], material.freq)
    heads = (
        "Customers",
        "Lost",
        "Churn rate",
        "Bounds",
        "Sales lost",
        "Churn of the rest",
        "Against the rest",
    )
    return Grid(f"Customers of {named}, by {column}", (column, *heads), tuple(rows))


def _pictures_of_bridge(material: Material) -> tuple[tuple[Picture, ...], tuple[Grid, ...]]:
    """What each segment did to the churn rate since the earlier period."""
    if not material.asked.by or len(material.kpis) < 2:
        return (), ()
    column = material.asked.by[0]
    a_year = A_YEAR[periods.length_of(material.freq)]
    apart = a_year if len(material.kpis) > a_year else 1
    table = churn_bridge(
        material.activity, by=column, apart=apart, overlap="main", level=material.asked.level
    )
    table, rows = _latest_rows(table)
    if not rows or any(row["effect"] is None for row in rows):
        return (), ()
    sizes = [row[f"n_base_{when}"] or 0 for row in rows for when in ("before", "after")]
    if any(0 < size < material.smallest for size in sizes):  # each counted once, they are fewer
        return (), ()
    before, after = (percent(rows[0][f"total_rate_{when}"]) for when in ("before", "after"))
    then, now = (
        spoken_period(rows[0][name], material.freq) for name in ("period_before", "period")
    )
    parts = "; ".join(f"{row[column]} {points(row['effect'])}" for row in rows)
    pictures = pictures_of_plot(
        material,
        plot_churn_bridge,
        table,
        title=f"Churn from {then} to {now}, by {column}",
        told=f"From {before} to {after}: {parts}.",
        finding=_churn_in_short(material, (then, before), (now, after)),
    )
    return pictures, (_grid_of_bridge(rows, column, f"{then} to {now}"),)


def _churn_in_short(material: Material, then: tuple[str, str], now: tuple[str, str]) -> str:
    """That the churn rate rose or fell, where the bounds allow to say so."""
    found = change_since_earlier(material, "retention_rate")
    if not found.is_clear:
        return f"Churn was {now[1]} in {now[0]}: no clear change against {then[0]}"
    moved = "fell" if (found.value or 0) > 0 else "rose"
    return f"Churn {moved} to {now[1]} in {now[0]}, from {then[1]} in {then[0]}"


def _latest_rows(table: Any) -> tuple[Any, list[dict[str, Any]]]:
    """The latest rows of a bridge, of segments with customers: others may be hidden elsewhere."""
    frame = as_lazy(table, name="the bridge").filter(nw.col("presence") != "neither")
    last = one_row(frame.select(nw.col("step").max()))["step"]
    if last is None:
        return table, []
    kept = in_kind_of(frame.filter(nw.col("step") == int(last)), table)
    return kept, rows_as_dicts(kept)


def _grid_of_bridge(rows: list[dict[str, Any]], column: str, span: str) -> Grid:
    lines = [
        (
            str(row[column]),
            percent(row["churn_rate_before"]),
            percent(row["churn_rate_after"]),
            _change_if_clear(row),
            points(row["rate_effect"]),
            points(row["mix_effect"] + row["new_effect"] + row["gone_effect"]),
        )
        for row in sorted(rows, key=lambda row: -abs(row["effect"]))
    ]
    heads = ("Churn before", "Churn after", "Change", "By its own rate", "By its weight")
    return Grid(f"What moved the churn rate, {span}", (column, *heads), tuple(lines))


def _change_if_clear(row: dict[str, Any]) -> str:
    found = Change(row["rate_change"], row["change_lower"], row["change_upper"])
    if found.value is None:
        return "–"
    return points(found.value) if found.is_clear else UNCLEAR


def _finding_on_large(material: Material) -> tuple[str, Grid] | None:
    """The tenth of the customers with the largest sales, against the others."""
    if not any(row["sales_base"] for row in material.kpis):
        return None
    table = target_customers(
        material.activity, target="sales", top=_TOP, level=material.asked.level
    )
    row = rows_as_dicts(table, order=("step",))[-1]
    if min(row["n_target"], row["n_rest"]) < material.smallest:
        return None
    return _large_in_words(row), _grid_of_large(row, spoken_period(row["period"], material.freq))


def _large_in_words(row: dict[str, Any]) -> str:
    """Whether the largest customers leave more or less often, if that is clear."""
    apart = Change(row["difference"], row["difference_lower"], row["difference_upper"])
    rates = f"{percent(row['target_churn_rate'])} against {percent(row['rest_churn_rate'])}"
    if not apart.is_clear:
        return (
            "The tenth of the customers with the largest sales leaves neither clearly more nor "
            f"clearly less often than the others: {rates}."
        )
    more = "more" if (apart.value or 0) > 0 else "less"
    return f"The tenth of the customers with the largest sales leaves {more} often: {rates}."


def _grid_of_large(row: dict[str, Any], named: str) -> Grid:
    kinds = (("Top tenth by sales", "target"), ("All others", "rest"))
    rows = [
        (
            label,
            with_commas(row[f"n_{name}"]),
            with_commas(row[f"n_{name}_churned"]),
            percent(row[f"{name}_churn_rate"]),
            bounds_text(percent(row[f"{name}_lower"]), percent(row[f"{name}_upper"])),
        )
        for label, name in kinds
    ]
    heads = ("Customers by sales", "Customers", "Lost", "Churn rate", "Bounds")
    return Grid(f"Large customers of {named} and the others", heads, tuple(rows))


def _notes_on_segments(material: Material, *, bridged: bool, overlapping: bool) -> list[str]:
    """How to read the segments."""
    if not material.asked.by:
        return []
    freq, column = material.freq, material.asked.by[0]
    has = "has contracts" if material.of_contracts else "buys"
    told = [
        f"Who {has} in two segments is in both, and lost is who is a customer nowhere any more. "
        f"The rest of a segment is all customers of the {freq} outside it, each counted once. The "
        "comparison allows for how many segments are compared; where its bounds reach further "
        f"than {percent(WIDE, 0).removesuffix('%')} points there are too few customers to tell."
    ]
    few = count_of(material.smallest, "customer")
    if bridged and overlapping:
        told.append(
            f"What moved the churn rate counts each customer once, by the {column} with most of "
            "their sales (of equals, or where sales are not known, the first by name), so that the "
            "parts sum up: its rates may differ from those above."
        )
    return told + [
        f"By {column}, {count_of(len(pool.names), 'segment')} stand together as {pool.label}: some "
        f"have fewer than {few}, and one alone could be told from the total."
        for column, pool in material.small.items()
    ]
