"""What a customer is worth, and what five points more retention would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.activity.tenure.tenure_of_contracts import contract_tenure
from retention.activity.tenure.tenure_of_purchases import tenure_periods
from retention.economics.tenure.lifetime_profit import lifetime_profit
from retention.economics.value.value_of_retention import value_of_retention
from retention.errors import ContentError, RetentionError, count_of
from retention.frames.python_rows import rows_as_dicts
from retention.intervals import FEWEST
from retention.plots.worth.tenure_plots import plot_lifetime_profit
from retention.repeat_buying.renewal.renewal_periods import renewal_periods
from retention.report.drawing import pictures_of_plot
from retention.report.parts import Grid, Picture, Section
from retention.survival.curves.kaplan_meier import survival_curve
from retention.wording import bounds_text, money, percent, with_commas

if TYPE_CHECKING:
    from retention.economics.value.levers import Lever
    from retention.report.material import Material

_HEADING = "What a customer is worth, and what five points would bring"
_POINTS = 0.05
_LEVERS: dict[Lever, str] = {
    "once_as_survivors": "After the first year alone; whom it kept then stays as others do",
    "hazards": "Every year the same part of those who would have left",
    "rates": "Every year five points",
}
_SHOWN = (1, 2, 4, 8, 12, 16, 20, 28, 40)
_A_YEAR = 365


def worth_section(material: Material) -> Section:
    """The profit of a customer won, as far as it was watched, and of fewer who leave."""
    rows = _rows_of_ages(material)
    if not rows:
        return Section("worth", _HEADING, "Too few customers were watched long enough to say.")
    last = rows[-1]
    finding = (
        f"A customer won has brought {_sum_with_bounds(last)} after "
        f"{_age_in_words(last)}, those who left by then included"
    )
    levers = _rows_of_levers(material)
    if levers:
        kept = next(row for row in levers if row["lever"] == "hazards")
        finding += (
            f"; if five points more had stayed the first year, and like parts later, "
            f"{percent(kept['gain_share'])} more in {count_of(kept['horizon'], 'year')}"
        )
    grids = [_grid_of_ages(rows)]
    if levers:
        grids.append(_grid_of_levers(levers))
    return Section(
        "worth",
        _HEADING,
        f"{finding}.",
        pictures=_picture_of_ages(material, rows),
        grids=tuple(grids),
        notes=tuple(_notes_on_worth(material, bool(levers))),
    )


def _rows_of_ages(material: Material) -> list[dict[str, Any]]:
    """What a customer won has brought by each age, as long as enough were watched."""
    asked = material.asked
    short = (asked.as_of - material.first).days + 1 < 2 * _A_YEAR
    tenure = _tenure_of_material(material, "month" if short else "quarter")
    if tenure is None:
        return []
    said: dict[str, Any] = {"discount": asked.discount, "level": asked.level}
    rows = rows_as_dicts(lifetime_profit(tenure, acquisition_cost=0.0, **said), order=("age",))
    return [row for row in rows if row["n_eligible"] >= max(FEWEST, material.smallest)]


def _picture_of_ages(material: Material, rows: list[dict[str, Any]]) -> tuple[Picture, ...]:
    """The sum by age, of all who were won and of one who stays."""
    import pandas as pd

    last = rows[-1]
    told = f"Of all who were won {_sum_with_bounds(last)} after {_age_in_words(last)}"
    if last["net_staying"] is not None:
        told += f"; of one who stays {money(last['net_staying'])}"
    title = "Profit of a customer, added up since the first day"
    return pictures_of_plot(
        material, plot_lifetime_profit, pd.DataFrame(rows), title=title, told=f"{told}."
    )


def _age_in_words(row: dict[str, Any]) -> str:
    return count_of(row["age"], row["length"])


def _tenure_of_material(material: Material, length: str) -> Any:
    """What each customer brought at each age; None where no age was over, or a profit lacks."""
    asked: Any = material.asked
    cut = asked.history == "cut"
    said: dict[str, Any] = {"as_of": asked.as_of, "length": length}
    said["observed_from"] = (asked.observed_from or material.first) if cut else None
    try:
        if material.of_contracts:
            return contract_tenure(material.table, grace=material.gap or 0, **said)
        return tenure_periods(material.table, **said)
    except ContentError:
        return None


def _rows_of_levers(material: Material) -> list[dict[str, Any]]:
    """What five points of the first year's retention bring, by what is meant with them."""
    asked = material.asked
    horizon = ((asked.as_of - material.first).days + 1) // _A_YEAR
    if material.spells is None or horizon < 2:
        return []
    said: dict[str, Any] = {"points": _POINTS, "profit": 1.0, "discount": asked.discount}
    said |= {"length": "year", "horizon": horizon, "timing": "start", "level": asked.level}
    try:
        curve = survival_curve(renewal_periods(material.spells, length="year"))
        answers = [value_of_retention(curve, lever=lever, **said) for lever in _LEVERS]
    except RetentionError:  # so many stay that no five points are left, or too few were watched
        return []
    rows = [row for answer in answers for row in rows_as_dicts(answer)]
    return rows if all(row["reason"] is None for row in rows) else []


def _sum_with_bounds(row: dict[str, Any]) -> str:
    if row["lower"] is None or row["upper"] is None:
        return money(row["cumulative_profit"])
    return f"{money(row['cumulative_profit'])} ({money(row['lower'])} to {money(row['upper'])})"


def _grid_of_ages(rows: list[dict[str, Any]]) -> Grid:
    last = rows[-1]["age"]
    lines = [
        (
            _age_in_words(row),
            with_commas(row["n_eligible"]),
            money(row["profit_per_acquired"]),
            money(row["cumulative_profit"]),
            "–" if row["lower"] is None else bounds_text(money(row["lower"]), money(row["upper"])),
        )
        for row in rows
        if row["age"] in _SHOWN or row["age"] == last
    ]
    heads = ("Customers watched so long", f"Profit in that {rows[0]['length']}", "Up to then")
    caption = "Profit of a customer won, by time since the first day"
    return Grid(caption, ("After", *heads, "Bounds"), tuple(lines))


def _grid_of_levers(rows: list[dict[str, Any]]) -> Grid:
    lines = []
    if rows[0]["horizon"] == 2:  # there is one renewal in it: all is the same
        rows = rows[:1]
    for row in rows:
        before = row["value_before"]
        ends = [row[name] for name in ("lower", "upper")]
        known = None not in ends
        bounds = bounds_text(percent(ends[0] / before), percent(ends[1] / before)) if known else "–"
        lines.append((_LEVERS[row["lever"]], percent(row["gain_share"]), bounds))
    years = count_of(rows[0]["horizon"], "year")
    caption = f"What five points more retention would add to the profit of {years}"
    return Grid(caption, ("Five points of what", "More profit", "Bounds"), tuple(lines))


def _notes_on_worth(material: Material, levers: bool) -> list[str]:
    rate = material.asked.discount
    told = f"Discounted at {percent(rate, 1)} a year." if rate else "Nothing is discounted."
    notes = [
        "Each row is over all customers who came early enough, gone or not. To win a customer may "
        f"cost so much at most; what it costs is not in the file. {told}"
    ]
    if levers:
        notes.append(
            "The second table takes what a customer brings in a year for the same in all years, "
            "and five points for points of the first year's retention. A campaign works once, on "
            "customers who wanted to leave, most of whom will want to again: expect less of it "
            "than the first row."
        )
    else:
        notes.append(
            "What five points more retention would bring cannot be told: too few customers were "
            "watched for two years, or too few leave."
        )
    return notes
