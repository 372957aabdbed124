"""What customers said before they left, beside what those said who stayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ContentError
from retention.frames import Columns, beside, collect, table_like
from retention.kpis.churn.counts import known_days, spell_days
from retention.kpis.outcome.counts import counts_on_grid
from retention.kpis.voice.counts import (
    FIGURES,
    RESPONSE,
    figure_columns,
    response_columns,
    rows_with_figures,
    segment_names,
    sums_of_cells,
    sums_of_customers,
    sums_of_figure,
    surveys_asked,
    tables_interleaved,
)
from retention.periods import whole_days
from retention.tables import SPELLS, SURVEYS, refuse_other_ids, require
from retention.tables.answer_columns import constants, gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.kpis.voice.counts import Scale, Sums

    Floats = NDArray[np.float64]

OUTCOMES = ("stayed", "left")
_ASIDE = ("no_spell", "unobserved", "lead")
_FURTHER = ("all", "unobserved", "lead")
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Window:
    """An answer at t is judged by (t + lead, t + lead + within], seen as far as the day `known`."""

    lead: int
    within: int
    known: int


@gives(
    "segment, figure and outcome",
    texts("figure", "outcome"),
    whole_numbers("n_asked", "n_answered"),
    shares("response_share", "response_lower", "response_upper"),
    whole_numbers("n_answers", "n_customers"),
    numbers("value", "lower", "upper", unit="as the figure"),
    texts("bounds"),
    numbers("difference", "difference_lower", "difference_upper", unit="as the figure"),
    texts("difference_bounds"),
    whole_numbers("n_no_spell", "n_unobserved", "n_lead"),
    constants(whole_numbers("within", unit="days"), whole_numbers("lead", "top_boxes")),
)
def voice_by_outcome(
    surveys: IntoFrameT,
    spells: IntoFrameT,
    *,
    as_of: date | str,
    within: int,
    lead: int = 0,
    by: str | Sequence[str] = (),
    top_boxes: int = 1,
    level: float = 0.95,
) -> IntoFrameT:
    """Every figure of `voice_kpis` for those who later left and for those who stayed.

    An answer on day t is one of somebody who left if the spell that was running on t ended in
    (t + lead, t + lead + within], and of somebody who stayed if it lasted beyond. With the
    difference d = (of those who left) − (of those who stayed), a figure that says something about
    leaving has a d away from 0. `lead` leaves out those who were as good as gone: it is the time
    that you need to do something about it.

    Every answer counts, each by its own window; a customer may have said one thing long before
    leaving and another shortly before. So the bounds take customers as clusters, those of d too,
    where a customer may be on both sides. An answer is set aside and counted as

    - `n_no_spell`: no spell was running on t (the end is the first day out);
    - `n_unobserved`: the window was not seen whole, whatever became of the customer: it goes beyond
      the day up to which ends are known (with a `grace`, so many days before `as_of`), or t lies
      before the spell came under observation;
    - `n_lead`: the spell ended by t + lead.

    A spell of purchases ends once `gap` days have passed without an order, so whoever bought last
    on L can have left on L + gap only: a `lead` shorter than that measures silence, too.

    Args:
        surveys: a table from `as_surveys`.
        spells: a table from `purchase_spells` or `contract_spells`, of the same kind.
        as_of: the last observed day: that of the spells, or an earlier one. No answer, invitation
            or end after it is looked at.
        within: length of the window in days, 1 or more.
        lead: days between the answer and the window.
        by: segment columns of the surveys (`keep=`).
        top_boxes: how many of the best answers of the scale say that a customer is satisfied.
        level: confidence of the bounds.

    Returns:
        Two rows per segment and figure, in the caller's kind: the `by` columns, `figure`, `outcome`
        ("stayed" or "left"); `n_asked`, `n_answered`, `response_share`, `response_lower`,
        `response_upper` (of the invitations with that outcome); `n_answers`, `n_customers` (who
        gave them), `value`, `lower`, `upper`, `bounds` ("linearised", else why there are none, see
        `voice_kpis`); then the same in both rows: `difference`, `difference_lower`,
        `difference_upper`, `difference_bounds` (of d), `n_no_spell`, `n_unobserved`, `n_lead`
        (answers to this question), `within`, `lead` and `top_boxes`.

    Raises:
        RetentionError: if `within` or `lead` is no whole number of days, or the spells look into
            the future (reactivation="same_spell").
        ColumnError: if a column is missing or of the wrong type.
        TableError: if the two tables are of different kinds.
        ContentError: if nobody was asked by `as_of`, or no one who was asked has a spell.

    Example:
        Ann says 2 and leaves within 30 days; Bob says 4, Cem 5, and both are there after that.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01"] * 3),
        ...     "end": pd.to_datetime(["2024-02-20", None, None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-06-30", grace=0)
        >>> sent = pd.DataFrame({
        ...     "who": ["Ann", "Bob", "Cem"], "sent": ["2024-02-01"] * 3, "happy": [2, 4, 5],
        ... })
        >>> surveys = rt.as_surveys(
        ...     sent, customer_id="who", date="sent", satisfaction="happy", scale=(1, 5)
        ... )
        >>> found = rt.kpis.voice_by_outcome(surveys, spells, as_of="2024-06-30", within=30)
        >>> found[["figure", "outcome", "n_answers", "value", "difference"]].head(2)
                 figure outcome  n_answers  value  difference
        0  satisfaction  stayed          2    4.5        -2.5
        1  satisfaction    left          1    2.0        -2.5

    Source:
        Buttle, F. and Maklan, S., Customer Relationship Management (satisfaction and retention).
        An answer beside what follows it within a window is a landmark, as in van Houwelingen, H. C.
        (2007), Scandinavian Journal of Statistics 34, 70–85; bounds: Cochran, W. G. (1977),
        Sampling Techniques, 3rd ed., chapter 6.
    """
    intervals.quantile_of(level)
    ahead = whole_days(lead, argument="lead", least=0)
    length = whole_days(within, argument="within", least=1)
    names = segment_names(by)
    last = periods.as_day(as_of, argument="as_of")
    given = require(surveys, SURVEYS, extra=names)
    refuse_other_ids(require(spells, SPELLS), given, ("spells", "surveys"))
    days = spell_days(spells, [])
    _, known = known_days(days, last)
    rows, scale = surveys_asked(beside(days, surveys, name="surveys"), names, last)
    scale = scale.with_top_boxes(top_boxes)
    window = _Window(ahead, length, known)
    keys, cells = _sums_by_outcome(_answers_with_outcome(rows, days, window), names, scale)
    if (cells[f"_x_{RESPONSE}_no_spell"] == cells[f"_x_{RESPONSE}_all"]).all():
        raise ContentError(
            "Nobody who was asked has a spell on that day: do the ids and the dates agree?"
        )
    return table_like(_rows_by_outcome(keys, names, cells, scale, (window, level)), surveys)


def _answers_with_outcome(rows: Frame, days: Frame, window: _Window) -> Frame:
    """Each answer once with `_what` became of it; those in a spell have a second row before that.

    The first rows, of all answers, say "all": what is not in a spell is all less what is.
    """
    spells = days.select("customer_id", "_start", "_end", "_under")
    met = rows.join(spells, on="customer_id", how="inner")
    t = nw.col("_day")
    inside = met.filter((nw.col("_start") <= t) & (t < nw.col("_end")))
    opens, closes = t + window.lead, t + window.lead + window.within
    unseen = (closes > window.known) | (t < nw.col("_under").fill_null(-(10.0**9)))
    what = (
        nw.when(unseen)
        .then(nw.lit("unobserved"))
        .when(nw.col("_end") <= opens)
        .then(nw.lit("lead"))
        .when(nw.col("_end") <= closes)
        .then(nw.lit("left"))
        .otherwise(nw.lit("stayed"))
    )
    columns = [*rows.collect_schema().names(), "_what"]
    judged_rows = inside.with_columns(_what=what).select(columns)
    every = rows.with_columns(_what=nw.lit("all")).select(columns)
    return nw.concat([every, judged_rows])


def _sums_by_outcome(placed: Frame, names: list[str], scale: Scale) -> tuple[Columns, Columns]:
    """The segments, and the sums of every figure in each; some figures at a time.

    All at once would be several hundred columns, more than pandas likes.
    """
    rows = rows_with_figures(placed, scale)
    groups = {group: nw.col("_what") == group for group in (*OUTCOMES, *_FURTHER)}
    every, cells = (*FIGURES, RESPONSE), Columns()
    for first in range(0, len(every), _AT_ONCE):
        figures = every[first : first + _AT_ONCE]
        customers = sums_of_customers(rows, ["customer_id", *names], groups, figures)
        whole = customers.with_columns(step=nw.lit(0))
        summed = sums_of_cells(whole, [*names, "step"], OUTCOMES, _FURTHER, figures)
        counted = collect(summed.with_columns(nw.col("step").cast(nw.Int64)))
        keys, sums = counts_on_grid(counted, names, periods.Window(0, 0, "day"))
        cells |= sums
    for figure in every:
        met = sum(cells[f"_x_{figure}_{group}"] for group in groups if group != "all")
        cells[f"_x_{figure}_no_spell"] = cells[f"_x_{figure}_all"] - met
    return keys, cells


def _rows_by_outcome(
    keys: Columns, names: list[str], cells: Columns, scale: Scale, asked_for: tuple[_Window, float]
) -> Columns:
    """The answer, two rows per segment and figure."""
    (window, level), size = asked_for, keys["step"].size
    segment = {name: keys[name] for name in names}
    rows = []
    for figure in FIGURES:
        span = scale.range_of(figure)
        sides = [
            figure_columns(sums_of_figure(cells, figure, outcome), figure, span, level, once=False)
            for outcome in OUTCOMES
        ]
        found = _difference_of_outcomes(cells, figure, sides, (span, level))
        both = {**found, **_counts_set_aside(cells, figure)}
        for outcome, side in zip(OUTCOMES, sides, strict=True):
            said = {"figure": figure, "outcome": outcome}
            named = {name: np.full(size, text, dtype=object) for name, text in said.items()}
            asked_whom = response_columns(cells, outcome, level, once=False)
            rows.append({**segment, **named, **asked_whom, **side, **both})
    windows = {"within": window.within, "lead": window.lead, "top_boxes": scale.boxes}
    return tables_interleaved(rows) | {
        n: np.full(size * len(rows), days) for n, days in windows.items()
    }


def _difference_of_outcomes(
    cells: Columns,
    figure: str,
    sides: Sequence[Columns],
    within: tuple[tuple[float, float], float],
) -> Columns:
    """The d = r_left − r_stayed; its variance knows of customers who are on both sides.

    Its bounds stay within what a difference of two values of the figure can be.
    """
    from scipy.special import stdtrit  # loaded late: SciPy takes longer to import than all else

    (low, high), level = within
    stayed, left = (sums_of_figure(cells, figure, outcome) for outcome in OUTCOMES)
    xx, xy, yx, yy = (cells[f"_{pair}_{figure}_both"] for pair in ("xx", "xy", "yx", "yy"))
    shared = yy - left.ratio * yx - stayed.ratio * xy + stayed.ratio * left.ratio * xx
    apart = intervals.ratio(shared, stayed.x * left.x)
    inflated = np.sqrt(_inflation_of_variance(stayed) * _inflation_of_variance(left))
    variance = _variance_of_ratio(stayed) + _variance_of_ratio(left) - 2 * inflated * apart
    effective = np.fmin(*(intervals.effective_n(side.x, side.xx) for side in (stayed, left)))
    covers = (sides[0]["bounds"] == "linearised") & (sides[1]["bounds"] == "linearised")
    freedom = np.where(covers, effective - 1, np.nan)
    half = stdtrit(freedom, (1 + level) / 2) * np.sqrt(np.where(covers, variance, np.nan))
    why = np.where(sides[1]["bounds"] == "linearised", sides[0]["bounds"], sides[1]["bounds"])
    difference = left.ratio - stayed.ratio
    return {
        "difference": difference,
        "difference_lower": np.maximum(difference - half, low - high),
        "difference_upper": np.minimum(difference + half, high - low),
        "difference_bounds": why,
    }


def _variance_of_ratio(sums: Sums) -> Floats:
    """n/(n − 1) Σ(y − r x)² / (Σx)²."""
    return _inflation_of_variance(sums) * intervals.ratio(sums.residuals, sums.x * sums.x)


def _inflation_of_variance(sums: Sums) -> Floats:
    """n/(n − 1), as of a variance of n customers about their own mean."""
    return intervals.ratio(sums.n, sums.n - 1)


def _counts_set_aside(cells: Columns, figure: str) -> Columns:
    return {f"n_{why}": cells[f"_x_{figure}_{why}"].astype(np.int64) for why in _ASIDE}
