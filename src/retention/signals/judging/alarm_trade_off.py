"""Several scores at several numbers of calls: what each warns of, and at what cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError, RetentionError, count_of, warn, whole_number
from retention.frames import Columns, beside, collect, table_like
from retention.signals.alarms.list_days import ListedScores, listed_scores
from retention.signals.judging.alarm_kpis import KPIS
from retention.signals.judging.alarms_in_spells import matched_alarms
from retention.signals.judging.judged_signals import figures_of_signals, rows_as_columns
from retention.signals.judging.judged_spells import ENDS, Judging, judging_of
from retention.tables import SNAPSHOTS, VALUES, refuse_other_ids, require
from retention.tables.answer_columns import gives, whole_numbers
from retention.tables.checks import given_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_RANDOM, _VALUE = "random", "value"


@gives("a number of calls and a signal", whole_numbers("calls", unit="calls"), *KPIS)
def alarm_trade_off(  # noqa: PLR0913 - what an alarm is worth has that many terms
    scores: IntoFrameT,
    spells: IntoFrameT,
    *,
    signals: str | Sequence[str],
    calls: int | Sequence[int],
    horizon: int,
    apart: int,
    as_of: date | str,
    observed_from: date | str,
    least: int = 1,
    values: IntoFrameT | None = None,
    silence: int | None,
    level: float = 0.95,
) -> IntoFrameT:
    """What each score would have warned of, at each number of calls a list, and at what cost.

    For each of the `calls` and each score the "top" list of `ring_alarms` is rung and judged as by
    `alarm_kpis`: at a number of calls that can be made, not at a threshold that nobody could keep.
    Beside them stand

    - "random": lots drawn on the same days by the same customers. What a score does beyond it is
      its merit; its row also shows what the base and the days of the lists alone bring about;
    - with `values`, each score times the customer's value, named "risk × value", and "value" alone:
      who calls by the score alone calls many who are worth little. A score that falls below 0, like
      a logarithm, has no such product, of which a warning tells; customers without a value are not
      rung by one.

    On CDNOW's log (60 calls a week, a loss after 180 days of silence, 120 days ahead) P(gone) of
    Pareto/NBD has a precision of 0.67 and a recall of 0.29, lots 0.38 and 0.16.

    The same table for another lead is that with another `least`. `precision` (or `recall`) against
    `false_per_100_months` or `calls`, a line a signal, is the picture of it.

    Args:
        scores: a table of snapshots with a column for each score, higher for who is sooner to
            leave. A list is made on each of its days from `observed_from` to `as_of`.
        spells: a table from `purchase_spells` or `contract_spells`, of the same kind.
        signals: the columns of scores, one or several.
        calls: how many may ring on each day of a list, one or several.
        horizon: days after an alarm within which the end proves it right.
        apart: days before the same customer may ring again, not below `least`.
        as_of: the last observed day, itself included.
        observed_from: the first day of a list.
        least: days before the end by which an alarm must ring to be of use.
        values: a table of `customer_id` and `value`.
        silence: the days of silence that make an end in these spells; None where ends were seen.
        level: confidence of the bounds.

    Returns:
        One row per number of calls and signal (as asked, then times value, "value" and "random"),
        in the caller's kind: `calls`, and the columns of `alarm_kpis`.

    Raises:
        RetentionError: if an argument is none of what it may be.
        ColumnError: if a column is missing or of the wrong type, or a signal is named like one of
            those that stand beside.
        ContentError: as `ring_alarms` and `alarm_kpis`; or if no list lies in the observed days.

    Example:
        Two lists and one call each. The score knows that Ann leaves on day 40; lots fell on Cem
        and Bob.

        >>> import pandas as pd
        >>> import retention as rt
        >>> day = lambda number: pd.Timestamp("2024-01-01") + pd.Timedelta(days=number)
        >>> spells = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"], "start": [day(0)] * 3,
        ...     "end": [day(40), None, None], "duration": [40, 50, 50],
        ...     "churned": [True, False, False],
        ... })
        >>> scores = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"] * 2,
        ...     "as_of": [day(n) for n in (10, 20) for _ in range(3)],
        ...     "risk": [0.9, 0.2, 0.1] * 2,
        ... })
        >>> table = rt.signals.alarm_trade_off(
        ...     scores, spells, signals="risk", calls=1, horizon=30, apart=60, as_of=day(50),
        ...     observed_from=day(10), silence=None,
        ... )
        >>> table[["calls", "signal", "n_hit", "n_false", "recall"]]
           calls  signal  n_hit  n_false  recall
        0      1    risk      1        1     1.0
        1      1  random      0        2     0.0

    Source:
        Fawcett, T. and Provost, F. (1999), Activity monitoring: noticing interesting changes in
        behavior, KDD-99, 53–62 (the activity monitoring operating characteristic).
    """
    intervals.quantile_of(level)
    terms = judging_of(
        horizon=horizon, least=least, apart=apart, as_of=as_of, observed_from=observed_from,
        silence=silence,
    )  # fmt: skip
    names, budgets = _signals_asked(signals, valued=values is not None), _budgets_asked(calls)
    _refuse_other_scores(scores, spells)
    listed = _lists_observed(listed_scores(scores, names, argument="signals"), terms)
    every = _scores_and_their_like(listed, values)
    labels = {f"{at:09}": pair for at, pair in enumerate((k, s) for k in budgets for s in every)}
    rung = _alarms_of_all(listed, every, labels, terms)
    working = [column.name for part in KPIS for column in part]
    matched = matched_alarms(
        table_like(rung, scores), spells, values, terms=terms, by=(), working=working,
        signals=list(labels),
    )  # fmt: skip
    rows = [
        {**row, **dict(zip(("calls", "signal"), labels[row["signal"]], strict=True))}
        for row in figures_of_signals(matched, terms, level, valued=values is not None)
    ]
    return table_like(rows_as_columns(rows, ["calls", *working]), scores)


def _refuse_other_scores(scores: object, spells: object) -> None:
    """Refuse scores of another kind of table than the spells, or of other ids."""
    given, checked = require(spells, ENDS, adds="none"), require(scores, SNAPSHOTS, adds="none")
    refuse_other_ids(given, checked, ("spells", "scores"))
    beside(given, scores, name="scores")


def _signals_asked(signals: str | Sequence[str], *, valued: bool) -> list[str]:
    names = list(dict.fromkeys(given_names(signals, argument="signals")))
    if not names:
        raise RetentionError("signals: name at least one column of scores.")
    products = map(_name_of_product, names) if valued else ()
    own = {_RANDOM, _VALUE, *products}
    for name in names:
        if name in own:
            raise ColumnError(
                f"signals: {name!r} is what this table calls one of its own. Rename the column."
            )
    return names


def _budgets_asked(calls: object) -> list[int]:
    several: Any = calls if isinstance(calls, Iterable) and not isinstance(calls, str) else [calls]
    budgets = sorted({whole_number("calls", one, least=1, of="calls") for one in several})
    if not budgets:
        raise RetentionError("calls: say at least one number of calls a list.")
    return budgets


def _lists_observed(listed: ListedScores, terms: Judging) -> ListedScores:
    """The lists of days that were observed; a warning where they do not reach to both ends."""
    here = (listed.day >= terms.first) & (listed.day <= terms.last)
    if not here.any():
        first, last = (periods.day_of(day) for day in (terms.first, terms.last))
        raise ContentError(f"snapshots: no list lies in the observed days, {first} to {last}.")
    kept = ListedScores(
        listed.customer[here],
        listed.day[here],
        {name: score[here] for name, score in listed.scores.items()},
        listed.ids,
    )
    days = np.unique(kept.day)
    usual = int(np.diff(days).max(initial=1))
    for bare, most, name, side in (
        (int(days[0]) - terms.first, usual, "observed_from", "first"),
        (terms.last - int(days[-1]), terms.horizon, "as_of", "last"),
    ):
        if bare > most:
            when = periods.day_of(days[0] if side == "first" else days[-1])
            warn(
                f"snapshots: the {side} list is of {when}, {count_of(bare, 'day')} from `{name}`: "
                "nobody could be warned in between, and who was lost counts as missed. Say "
                f"`{name}=` nearer to it."
            )
    return kept


def _scores_and_their_like(listed: ListedScores, values: object | None) -> dict[str, Floats]:
    """All scores: those asked for, their products with value, value alone and lots."""
    every, lots = dict(listed.scores), np.zeros(listed.day.size)
    if values is not None:
        worth = _values_of_customers(listed, values)[listed.customer]
        for name, score in listed.scores.items():
            if (score < 0).any():
                warn(
                    f"signals: {name!r} falls below 0, so its product with value means nothing and "
                    "is left out. Give a chance or a rate to have it."
                )
            else:
                every[_name_of_product(name)] = _times_value(score, worth)
        every[_VALUE] = worth
    return every | {_RANDOM: lots}


def _name_of_product(signal: str) -> str:
    return f"{signal} × {_VALUE}"


def _times_value(score: Floats, worth: Floats) -> Floats:
    """A score times value: who is worth nothing has 0 of it, however high the score."""
    with np.errstate(over="ignore", invalid="ignore"):
        product = score * worth
    return np.where((worth == 0) & ~np.isnan(score), 0.0, product)


def _values_of_customers(listed: ListedScores, values: object) -> Floats:
    """The value of each customer, NaN where there is none."""
    import pandas as pd

    frame = require(values, VALUES, adds="all")
    told = frame.select("customer_id", _value=nw.col("value").cast(nw.Float64))
    found = collect(told, exact=True)
    place = pd.Index(listed.ids).get_indexer(found["customer_id"])
    worth = np.full(listed.ids.size, np.nan)
    worth[place[place >= 0]] = found["_value"].astype(np.float64)[place >= 0]
    return worth


def _alarms_of_all(
    listed: ListedScores,
    every: dict[str, Floats],
    labels: dict[str, tuple[int, str]],
    terms: Judging,
) -> Columns:
    """The alarms of all scores at all budgets in one table, told apart by their labels."""
    rung = {
        label: listed.ranked(every[signal], calls, terms.apart)
        for label, (calls, signal) in labels.items()
    }
    rows = np.concatenate(list(rung.values()))
    return {
        "customer_id": listed.ids[listed.customer[rows]],
        "date": listed.day[rows].astype("datetime64[D]"),
        "signal": np.repeat(np.array(list(rung), object), [rang.size for rang in rung.values()]),
    }
