"""Tables for people: percent, thousands, dates and rounding by what the catalogue says."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import periods, wording
from retention.catalogue import FIGURES
from retention.errors import RetentionError, check_choice
from retention.frames import Columns, collect, read_out, table_like
from retention.kpis.cohorts.cohort_retention import COHORTS
from retention.numerics.codes import distinct_segments
from retention.tables import require
from retention.tables.answer_columns import constants_among, unit_of

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrame, IntoFrameT
    from numpy.typing import NDArray
    from pandas.io.formats.style import Styler

_FIGURES = {one.name: one for one in FIGURES}
_ENDS = ("_lower", "_upper", "_before", "_after")
_STARTS = ("total_", "firm_", "target_", "rest_")
_WINGS = (
    *("activity", "benchmarks", "economics", "experiments", "findings", "kpis", "reasons"),
    *("recording", "repeat_buying", "signals", "spells", "survival", "targeting"),
)
"""Whose functions declare what they give."""

Written = Callable[[Any], str]


def to_style(table: IntoFrame, *, columns: Literal["short", "full"] = "short") -> Styler:
    """A table of figures as people read it: in percent and thousands, rounded, with plain headings.

    What a column holds is what the function declares that made the table: shares of 1 are
    percent with one decimal, differences of shares are percentage points, money has cents only
    where all of a column is below 1,000, counts have thousands; a period is written by its length;
    what is not known is a dash. Headings are the catalogue's labels, or the column's name in words.
    Only what is shown is rounded; the table is not changed. Text is escaped: a customer called <b>
    is shown as that. The triangle of `cohort_triangle` is a heatmap: the larger a value, the
    darker its cell; of shares it shows percent.

    Args:
        table: any table of this library, of any engine. Meant for tables that people read: all of
            its rows are shown.
        columns: "short" leaves out the numbers of periods where these stand beside them, and says
            what is the same in all rows, such as a convention, once above the table; "full" shows
            every column.

    Returns:
        A pandas `Styler`: a notebook shows it, and `to_html()` writes it.

    Raises:
        RetentionError: if Jinja2 is not installed, which pandas needs for it; if `columns` is
            another word.
        TableError: if it is not a table.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> rates = pd.DataFrame({"n_base": [1250], "retention_rate": [0.81256]})
        >>> shown = rt.plots.to_style(rates).to_html()
        >>> "Raw retention rate" in shown, "81.3%" in shown, "1,250" in shown
        (True, True, True)
    """
    import pandas as pd

    check_choice("columns", columns, ("short", "full"))
    if find_spec("jinja2") is None:
        raise RetentionError(
            "to_style needs Jinja2, which pandas writes styled tables with: "
            "pip install 'retention-analytics[notebook]'; from a clone, pip install '.[notebook]'."
        )
    _load_what_is_declared()
    given = read_out(table)
    hidden, caption = _left_out(given) if columns == "short" else (set[str](), "")
    ages: Any = _ages_of_triangle(given)
    texts = {name: _values_as_text(name, given) for name in given} | _shares_of_triangle(
        given, ages
    )
    shown = {name: values for name, values in texts.items() if name not in hidden}
    numbers: Any = [name for name in shown if given[name].dtype.kind in "fiu"]
    styler = pd.DataFrame(shown, dtype=object).style.hide(axis="index")
    spaced = styler.set_properties(None, **{"padding": "0.2em 0.7em", "white-space": "nowrap"})
    aligned = spaced.set_properties(subset=numbers, **{"text-align": "right"})
    words = {name for name in shown if any(map(_is_of_text, given[name].tolist()))}
    headings: Any = [escape(_heading_of_column(name, of_text=name in words)) for name in shown]
    if caption:
        aligned = aligned.set_caption(escape(caption))
    if ages:
        aligned = aligned.apply(lambda _: _shades_of_triangle(given, ages), axis=None, subset=ages)
    return aligned.relabel_index(headings, axis="columns").format(escape="html")


def _left_out(columns: Columns) -> tuple[set[str], str]:
    """The columns that a short table does without, and in words what those of one value say."""
    periods_told = {"period", "cohort", "date"} & columns.keys()
    steps = {name for name in columns if name.endswith("step") and periods_told}
    told = {}
    for name in constants_among(columns):
        texts = set(_values_as_text(name, columns))
        if name not in steps and len(texts) == 1:
            told[name] = texts.pop()
    known = {name: text for name, text in told.items() if text != wording.UNKNOWN}
    said = ", ".join(f"{wording.spoken_name(name)}: {text}" for name, text in known.items())
    return steps | told.keys(), said


_AGE = re.compile(r"age_\d+(_to_\d+)?")


def _ages_of_triangle(columns: Columns) -> list[str]:
    """The columns of ages, where this is a table of `cohort_triangle`."""
    if not {"cohort", "n_cohort"} <= columns.keys():
        return []
    return [name for name in columns if _AGE.fullmatch(name)]


def _shares_of_triangle(columns: Columns, ages: list[str]) -> dict[str, NDArray[np.object_]]:
    """The cells of a triangle in percent, where all of them may be shares."""
    cells = np.array([columns[name] for name in ages], np.float64)
    known = cells[np.isfinite(cells)]
    if not known.size or known.min() < 0 or known.max() > 1:
        return {}
    rows = zip(ages, cells, strict=True)
    return {name: np.array(list(map(wording.percent, row)), dtype=object) for name, row in rows}


def _shades_of_triangle(columns: Columns, ages: list[str]) -> NDArray[np.object_]:
    """CSS for each cell: the larger a value is, of those after age 0, the darker."""
    cells = np.array([columns[name] for name in ages], np.float64).T
    later = cells[:, [name != "age_0" for name in ages]]
    top = np.nanmax(later, initial=0.0)
    part = np.clip(np.divide(cells, top, out=np.zeros_like(cells), where=top > 0), 0, 1)
    shades = [
        [
            f"background-color: rgba(0, 128, 128, {0.5 * value:.2f})" if value > 0 else ""
            for value in row
        ]
        for row in np.nan_to_num(part).tolist()
    ]
    return np.array(shades, dtype=object).reshape(cells.shape)


@cache
def _load_what_is_declared() -> None:
    """Load the rooms of all figures: a table may come from a file, and its maker not be loaded."""
    for wing in _WINGS:
        face = import_module(f"retention.{wing}")
        for name in face.__all__:
            getattr(face, name)


def _values_as_text(name: str, columns: Columns) -> NDArray[np.object_]:
    """The values of a column as text."""
    values = columns[name]
    if values.dtype.kind == "M":
        return _dates_as_text(name, columns)
    write = _writer_of_column(name, columns)
    return np.array([write(value) for value in values.tolist()], dtype=object)


def _writer_of_column(name: str, columns: Columns) -> Written:
    """How the values of a column are written."""
    values = columns[name]
    if values.dtype.kind == "b":
        return lambda value: "yes" if value else "no"
    if values.dtype.kind not in "fiu":
        return lambda value: wording.UNKNOWN if wording.is_missing(value) else str(value)
    unit = unit_of(name, columns)
    if unit in ("share of 1", "difference of shares"):
        return wording.percent if unit == "share of 1" else _unbroken_points
    if unit == "currency":
        known = np.abs(values[np.isfinite(values)])
        digits = 0 if known.size and known.max() >= 1000 else 2
        return lambda value: wording.number(value, digits)
    if values.dtype.kind in "iu" or _are_all_whole(values):
        plain = name in ("step", "first_step", "last_step")
        return str if plain and values.dtype.kind in "iu" else wording.with_commas
    return lambda value: wording.number(value, 2)


def _figure_of(name: str) -> str | None:
    """The figure that a column is, or is a bound or a period of; None if it is none."""
    inner = name if name in _FIGURES else _name_without_group(name)
    return inner if inner in _FIGURES and (inner != "rate" or name == "rate") else None


def _name_without_group(name: str) -> str:
    """A name without what says which bound, period or group it is of."""
    for end in _ENDS:
        name = name.removesuffix(end)
    return next((name.removeprefix(start) for start in _STARTS if name.startswith(start)), name)


def _heading_of_column(name: str, *, of_text: bool) -> str:
    """What stands over a column."""
    found = None if of_text else _figure_of(name)
    if found is None:
        said = wording.spoken_name(name)
        said = f"number: {said[2:]}" if said.startswith("n ") else said
        return said[:1].upper() + said[1:]
    rest = name.replace(found, "").strip("_").split("_")
    label = _FIGURES[found].label
    return ", ".join([label, *(word for word in rest if word)])


def _is_of_text(value: object) -> bool:
    """Whether a value is text: then its column is no figure, whatever it is called."""
    return isinstance(value, str)


def _dates_as_text(name: str, columns: Columns) -> NDArray[np.object_]:
    """Periods by their length, other days as days."""
    values, freq = columns[name], "day"
    if "step" in columns and "period" in columns and name.startswith("period"):
        freq = periods.freq_of(values, columns["step"])
    elif "freq" in columns and len(columns["freq"]) and "cohort" in columns:
        freq = str(columns["freq"][0])
    return np.array([wording.period(value, freq) for value in values], dtype=object)


def _are_all_whole(values: NDArray[Any]) -> bool:
    known = values[np.isfinite(values)]
    return bool(known.size) and bool((known == np.round(known)).all())


def _unbroken_points(difference: float) -> str:
    return wording.unbroken_text(wording.points(difference))


_VALUES = ("rate", "lower", "upper", "n_eligible", "n_retained", "base", "retained")


def cohort_triangle(cohorts: IntoFrameT, *, value: str = "rate") -> IntoFrameT:
    """The cohort table as people look at it: a row per cohort, a column per age.

    Args:
        cohorts: a table from `cohort_retention`.
        value: which of its columns is shown: "rate", "lower", "upper", "n_eligible", "n_retained",
            "base" or "retained".

    Returns:
        One row per segment and cohort, in the caller's kind: the segment columns, `cohort`,
        `n_cohort`, and `age_0`, `age_1` … or, for brackets, `age_1_to_7` …; null where the cell
        was not observed.

    Raises:
        ColumnError: if it is not a table of cohorts.
        RetentionError: if `value` is not one of those.

    Example:
        Bob's cohort of February has no age 1 yet.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-02-20"]),
        ...     "sales": [10.0, 10.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> rt.cohort_triangle(rt.cohort_retention(activity))
              cohort  n_cohort  age_0  age_1
        0 2024-01-01         1    1.0    1.0
        1 2024-02-01         1    1.0    NaN

    Source:
        The arrangement is a convention of practice.
    """
    check_choice("value", value, _VALUES)
    frame = require(cohorts, COHORTS, adds="none")
    names = [name for name in frame.collect_schema().names() if name not in COHORTS.names]
    kept = [*names, "cohort", "age", "age_to", "n_cohort", "observed", "kind"]
    rows = collect(frame.select(*dict.fromkeys([*kept, value])))
    rows["cohort"] = rows["cohort"].astype("datetime64[D]").astype(np.int64)
    labels, place = distinct_segments(rows, [*names, "cohort"])
    shown = np.where(rows["observed"].astype(bool), rows[value].astype(np.float64), np.nan)
    table: Columns = {name: labels[name] for name in names}
    table["cohort"] = labels["cohort"].astype(np.int64).astype("datetime64[D]")
    size = len(table["cohort"])
    table["n_cohort"] = np.zeros(size, dtype=np.int64)
    table["n_cohort"][place] = rows["n_cohort"]
    ages = np.unique(rows["age"])
    wide = np.full((size, ages.size), np.nan)
    wide[place, np.searchsorted(ages, rows["age"])] = shown
    ends = dict(zip(rows["age"].tolist(), rows["age_to"].tolist(), strict=True))
    in_brackets = "bracket" in rows["kind"]
    for column, age in enumerate(ages.tolist()):
        to = f"_to_{ends[age]}" if in_brackets and ends[age] > age else ""
        table[f"age_{age}{to}"] = wide[:, column]
    return table_like(table, cohorts)
