"""What customers say: satisfaction, net promoter score, value for money, word of mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ContentError, check_choice
from retention.frames import Columns, collect, table_like
from retention.kpis.outcome.counts import counts_on_grid
from retention.kpis.voice.counts import (
    FIGURES,
    figure_columns,
    last_answers,
    response_columns,
    rows_with_figures,
    segment_names,
    sums_of_cells,
    sums_of_customers,
    sums_of_figure,
    surveys_asked,
    tables_interleaved,
)
from retention.tables import SURVEYS, require
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.kpis.voice.counts import Scale

Repeated = Literal["last", "all"]


@gives(
    "segment, period and figure",
    times("period", "until"),
    texts("figure"),
    whole_numbers("n_asked", "n_answered"),
    shares("response_share", "response_lower", "response_upper"),
    whole_numbers("n_answers", "n_customers"),
    numbers("value", "lower", "upper", unit="as the figure"),
    texts("bounds"),
    constants(texts("repeated"), whole_numbers("top_boxes")),
)
def voice_kpis(
    surveys: IntoFrameT,
    *,
    as_of: date | str,
    freq: periods.Freq | None = None,
    by: str | Sequence[str] = (),
    repeated: Repeated = "last",
    top_boxes: int = 1,
    level: float = 0.95,
) -> IntoFrameT:
    """Every figure of what customers said, beside how many were asked and how many answered.

    Of the n answers to a question, each 1 or 0 where a share is meant:

    - `satisfaction`, `value_for_money`, `repeat_intention`: the mean answer, on the scale.
    - `satisfied_share`: the share that gave the best answer of the scale (top box), or one of the
      `top_boxes` best: 4 or 5 of 5 with 2, as customer satisfaction (CSAT) is mostly reported.
    - `promoter_share`: the share that would recommend us with 9 or 10; `detractor_share`: with 0 to
      6; `net_promoter_score`: the one less the other, −1 to 1 (not −100 to 100).
    - `positive_word_of_mouth`: the share that spoke well of us to others; `negative_word_of_mouth`:
      that spoke ill. Many do both, so they are never netted.

    Who did not answer may think otherwise: no interval covers that, so look at the response share.

    Args:
        surveys: a table from `as_surveys`.
        as_of: the last observed day, itself included. What was asked or answered after it is not
            looked at.
        freq: length of a period: "day", "week", "month", "quarter" or "year", of which those are
            given that end by `as_of`; None takes everything up to `as_of` as one period.
        by: segment columns of the surveys (`keep=`).
        repeated: what counts of a customer who was asked more than once in a period. "last": the
            last answer to each question, so that everybody counts once. "all": every invitation and
            every answer; those who answer often weigh more.
        top_boxes: how many of the best answers of the scale say that a customer is satisfied.
        level: confidence of the bounds.

    Returns:
        One row per segment, period and figure, in the caller's kind: the `by` columns, `period` and
        `until` (first and last day of the period; without `freq` the first day on which anybody was
        asked, and `as_of`), `figure`; `n_asked`, `n_answered` (any question; customers with "last",
        invitations with "all"), `response_share`, `response_lower`, `response_upper`; `n_answers`
        (to this question), `n_customers` (who gave them), `value`, `lower`, `upper` and `bounds`:
        "wilson" for shares and "student" for means and the net promoter score; with "all",
        "linearised" with customers as clusters, from 30 customers on. No bounds: "none" (no
        answer), "none: few answers" (a mean of fewer than 10), "none: few customers" or "none: few
        effective customers" (fewer than 30, or 10 effective ones), "none: all alike". Then
        `repeated` and `top_boxes`. Questions that were not asked have rows with no answers.

    Raises:
        RetentionError: if `freq`, `repeated` or `level` is none of its values.
        ColumnError: if a column is missing, or a score lacks its scale.
        ContentError: if nobody was asked by `as_of`, no period is whole, or scales differ.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> sent = pd.DataFrame({
        ...     "who": ["Ann", "Bob", "Cem", "Dee", "Eve"],
        ...     "sent": pd.to_datetime(["2024-03-01"] * 5),
        ...     "likely": [10, 9, 8, 3, None],
        ... })
        >>> surveys = rt.as_surveys(sent, customer_id="who", date="sent", recommend="likely")
        >>> found = rt.kpis.voice_kpis(surveys, as_of="2024-03-31")
        >>> found[found["n_answers"] > 0][["figure", "n_asked", "n_answers", "value"]]
                       figure  n_asked  n_answers  value
        2  net_promoter_score        5          4   0.25
        3      promoter_share        5          4   0.50
        4     detractor_share        5          4   0.25

    Source:
        Buttle, F. and Maklan, S., Customer Relationship Management. Net promoter score: Reichheld,
        F. F. (2003), Harvard Business Review 81 (12), 46–54; its variance is that of a mean of 1, 0
        and −1, p + d − (p − d)². Top box: Jones, T. O. and Sasser, W. E. (1995), Harvard Business
        Review 73 (6), 88–99. Word of mouth of both kinds: East, R., Hammond, K. and Lomax, W.
        (2008), International Journal of Research in Marketing 25, 215–224.
    """
    check_choice("repeated", repeated, get_args(Repeated))
    intervals.quantile_of(level)
    if freq is not None:
        periods.check_freq(freq)
    last = periods.as_day(as_of, argument="as_of")
    names = segment_names(by)
    rows, scale = surveys_asked(require(surveys, SURVEYS, extra=names), names, last)
    scale = scale.with_top_boxes(top_boxes)
    window = _periods_of_surveys(scale, last, freq)
    counted = _sums_by_period(_rows_with_period(rows, window, freq), names, scale, repeated)
    keys, cells = counts_on_grid(counted, names, window)
    keys["until"] = _last_days_of_periods(keys["step"], last, freq)
    return table_like(_rows_of_figures(keys, names, cells, scale, (repeated, level)), surveys)


def _periods_of_surveys(scale: Scale, as_of: date, freq: str | None) -> periods.Window:
    """The periods: all whole ones, or a single one that is named after its first day."""
    if freq is None:
        number = periods.number_of(scale.first)
        return periods.Window(number, number, "day")
    first = periods.step_of(scale.first, freq)
    window = periods.Window(
        first, periods.whole_periods(scale.first, as_of, freq).last_step, str(freq)
    )
    if not window.n_steps > 0:
        raise ContentError(
            f"No {freq} is whole: the first surveys are of {scale.first}, as_of is {as_of}. Take a "
            "shorter freq, or none."
        )
    return window


def _rows_with_period(rows: Frame, window: periods.Window, freq: str | None) -> Frame:
    step = nw.lit(window.first_step) if freq is None else periods.step_expr("date", "_day", freq)
    stepped = rows.with_columns(step=step.cast(nw.Int64))
    return stepped.filter(nw.col("step") <= window.last_step)


def _last_days_of_periods(
    steps: NDArray[np.int64], as_of: date, freq: str | None
) -> NDArray[np.datetime64]:
    if freq is None:
        return np.full(steps.size, np.datetime64(as_of, "D"))
    return periods.first_days(steps + 1, freq) - np.timedelta64(1, "D")


def _sums_by_period(rows: Frame, names: list[str], scale: Scale, repeated: str) -> Columns:
    key = ["customer_id", *names, "step"]
    answers = last_answers(rows, key) if repeated == "last" else rows
    customers = sums_of_customers(
        rows_with_figures(answers, scale), key, {"all": ~nw.col("response").is_null()}
    )
    cells = sums_of_cells(customers, [*names, "step"], ["all"])
    return collect(cells.with_columns(nw.col("step").cast(nw.Int64)))


def _rows_of_figures(
    keys: Columns, names: list[str], cells: Columns, scale: Scale, said: tuple[str, float]
) -> Columns:
    """The answer, a row per cell and figure."""
    (repeated, level), size = said, keys["step"].size
    once = repeated == "last"
    cell = {name: keys[name] for name in (*names, "period", "until")}
    asked_whom = response_columns(cells, "all", level, once=once)
    rows = []
    for figure in FIGURES:
        sums, span = sums_of_figure(cells, figure, "all"), scale.range_of(figure)
        named = {**cell, "figure": np.full(size, figure, dtype=object)}
        values = figure_columns(sums, figure, span, level, once=once)
        rows.append({**named, **asked_whom, **values})
    return tables_interleaved(rows) | {
        "repeated": np.full(size * len(rows), repeated, dtype=object),
        "top_boxes": np.full(size * len(rows), scale.boxes),
    }
