"""What the customers won in each period have brought since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.economics.tenure.cohort_value import cohort_value
from retention.errors import ContentError, count_of
from retention.findings.changes import Rate
from retention.frames import as_lazy, in_kind_of
from retention.frames.python_rows import rows_as_dicts
from retention.plots.worth.cohort_value_plots import plot_cohort_value
from retention.report.drawing import pictures_of_plot
from retention.report.material import A_YEAR
from retention.report.parts import Grid, Section
from retention.report.sections.trade.tracks import change_in_words
from retention.wording import as_date, money, spoken_period, with_commas

if TYPE_CHECKING:
    from retention.report.material import Material

Row = dict[str, Any]

_HEADING = "What customers have brought, by when they came"
_COHORTS, _COLUMNS = 16, 7
_AGES = {"month": (0, 1, 2, 3, 6, 12, 24), "quarter": (0, 1, 2, 3, 4, 8, 12)}


def value_section(material: Material) -> Section:
    """Of each cohort, what one customer won has brought up to each age."""
    table, rows = _values_of_cohorts(material)
    if not rows:
        return Section("value", _HEADING, "No cohort is large enough to be shown.")
    of = rows[0]["of"]
    pictures = pictures_of_plot(
        material,
        plot_cohort_value,
        table,
        title=f"{of.capitalize()} of a customer won, added up, by {material.freq}s since the first",
        told="Thin lines for those who came together, a bold one for all. The figures stand in the "
        "table.",
    )
    return Section(
        "value",
        _HEADING,
        _sentence_on_value(material, rows),
        pictures=pictures,
        grids=(_grid_of_values(material, rows),),
        notes=(
            f"{of.capitalize()} of all customers of the cohort, gone or not, divided by their "
            "number; refunds are taken off. A dash is an age that is not over yet. Cohorts of "
            f"fewer than {count_of(material.smallest, 'customer')} are not shown.",
        ),
    )


def _values_of_cohorts(material: Material) -> tuple[Any, list[Row]]:
    """The cohorts that are large enough; of a log cut at the front those after its first year."""
    cut = material.asked.history == "cut"
    washout = A_YEAR[periods.length_of(material.freq)] if cut else 0
    say: dict[str, Any] = {"of": "profit" if material.knows_profit else "sales"}
    say |= {"washout": washout, "level": material.asked.level}
    try:
        table = material.once("cohort_value", lambda: cohort_value(material.activity, **say))
    except ContentError:
        return None, []
    large = nw.col("n_cohort") >= material.smallest
    kept = in_kind_of(as_lazy(table, name="values").filter(large), table, order=("cohort", "age"))
    rows = rows_as_dicts(kept, order=("cohort", "age"))
    return kept, [row for row in rows if as_date(row["cohort"]) <= material.asked.as_of]


def _sentence_on_value(material: Material, rows: list[Row]) -> str:
    """The latest cohort followed for a year, or as long as any was, beside that a year before."""
    apart = A_YEAR[periods.length_of(material.freq)]
    seen = [row for row in rows if row["observed"]]
    if not seen:
        return "No cohort has been followed for a whole period yet."
    age = max((row["age"] for row in seen if row["age"] <= apart), default=0)
    aged = [row for row in seen if row["age"] == age]
    row = aged[-1]
    came = spoken_period(row["cohort"], material.freq)
    known = row["lower"] is not None and row["upper"] is not None
    bounds = f" ({money(row['lower'])} to {money(row['upper'])})" if known else ""
    said = (
        f"A customer who first bought in {came} has brought {money(row['value_per_customer'])}"
        f"{bounds} in {row['of']} after {count_of(age, material.freq)}"
    )
    then = [one for one in aged if one["cohort"] < row["cohort"]][-apart:]
    if not then:
        return f"{said}."
    names = ("value_per_customer", "lower", "upper")
    words, _ = change_in_words("mean", Rate.of(then[0], *names), Rate.of(row, *names))
    return f"{said}: {words} against those of {spoken_period(then[0]['cohort'], material.freq)}."


def _grid_of_values(material: Material, rows: list[Row]) -> Grid:
    """The latest cohorts and round ages that somebody was followed to."""
    by_cohort: dict[Any, dict[int, Row]] = {}
    for row in rows:
        by_cohort.setdefault(row["cohort"], {})[row["age"]] = row
    seen = {row["age"] for row in rows if row["observed"]}
    ages = [
        age for age in _AGES.get(periods.length_of(material.freq), range(_COLUMNS)) if age in seen
    ]
    lines = [
        (
            spoken_period(cohort, material.freq),
            with_commas(next(iter(cells.values()))["n_cohort"]),
            *(money(cells[age]["value_per_customer"] if age in cells else None) for age in ages),
        )
        for cohort, cells in list(by_cohort.items())[-_COHORTS:]
    ]
    of = rows[0]["of"]
    caption = f"{of.capitalize()} of a customer won up to then, by {material.freq}s since the first"
    return Grid(caption, ("Came in", "Customers", *(str(age) for age in ages)), tuple(lines))
