"""How long before the end the lost were warned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import intervals
from retention.errors import RetentionError, check_choice
from retention.frames import Columns, table_like
from retention.numerics.keyed_rows import starts_of_runs
from retention.periods import whole_days
from retention.signals.judging.alarms_in_spells import matched_alarms
from retention.signals.judging.follow_up import chance_of_alarm
from retention.signals.judging.judged_signals import (
    in_time,
    rate_of_alarms,
    refuse_close_alarms,
    rows_as_columns,
    why_no_losses,
)
from retention.signals.judging.judged_spells import Judging, judging_of
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

Which = Literal["first", "last", "standing"]
"""Which of several alarms before an end tells how early it was."""

_COLUMNS = (
    texts("signal"),
    whole_numbers("lead", unit="days"),
    whole_numbers("n_churners", "n_warned"),
    shares("share_warned", "lower", "upper", "chance_share"),
    texts("reason"),
    numbers("median_among_warned", "before_last_order", unit="days"),
    amounts("value_lost", "value_warned"),
    shares("value_share"),
    constants(
        whole_numbers("horizon", "apart", unit="days"),
        texts("which"),
        whole_numbers("silence", unit="days"),
    ),
)


@gives("a signal and lead (and segment)", *_COLUMNS)
def alarm_leads(  # noqa: PLR0913 - what an alarm is worth has that many terms
    alarms: IntoFrameT,
    spells: IntoFrameT,
    *,
    leads: Sequence[int] = (0, 7, 14, 30, 60, 90),
    which: Which = "first",
    horizon: int,
    apart: int,
    as_of: date | str,
    observed_from: date | str,
    values: IntoFrameT | None = None,
    silence: int | None,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of all the lost, how many were warned of so many days ahead.

    The median lead of the warned is a trap: random alarms have the longest, for they ring whenever
    they like, and a signal that warns of few has no median of the others. So each row counts all
    losses, as `alarm_kpis` does (ends H days or more after `observed_from`), and says of how many

    - "first": some alarm rang from H to L days before the end, the first of them L days ahead or
      more: there was time enough. At L = `least` it is the recall of `alarm_kpis`;
    - "last": the last alarm before the end rang L days ahead or more, and none after it;
    - "standing": L days before the end an alarm stood, which had rung on that day or in the
      `apart` − 1 days before it: what a list of current alarms would have shown on that day.

    An alarm on the day of the end is none, so a lead of 0 is one of 1. `chance_share` is what as
    many random alarms would warn of (see `alarm_kpis`).

    Args:
        alarms: a table from `ring_alarms`, or your own: `customer_id`, `date`, `signal`.
        spells: a table from `purchase_spells` or `contract_spells`.
        leads: days before the end, one or several.
        which: "first", "last" or "standing".
        horizon: H, so many days before an end are looked at.
        apart: the days that alarms of one customer and signal lie apart at least.
        as_of: the last observed day, itself included.
        observed_from: the first day on which the signals could ring.
        values: a table of `customer_id` and `value` of each customer, to count the lost in money.
        silence: the days of silence that make an end in these spells; None where ends were seen.
        by: segment columns of the spells.
        level: confidence of the bounds.

    Returns:
        One row per segment, signal and lead, in the caller's kind, sorted: the `by` columns,
        `signal`, `lead` (L), `n_churners`, `n_warned` (at least L days ahead), `share_warned` (of
        n_churners), `lower`, `upper` (Wilson), `chance_share`, `reason` (why there is no share:
        nobody was lost, or the lead lies beyond the horizon; else null), `median_among_warned`
        (days ahead, of the n_warned alone: never to be compared between signals),
        `before_last_order` (with `silence`, how many days before the last order the lead is; below
        0 it lies after it, and silence itself warns), `value_lost`, `value_warned` (currency; null
        without `values`), `value_share`, and the conventions `horizon`, `apart`, `which`,
        `silence`.

    Raises:
        RetentionError: if an argument is none of what it may be.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: as `alarm_kpis`.

    Example:
        Both left on day 100. Ann was rung for 70 and 10 days before, Bob 20 days before.

        >>> import pandas as pd
        >>> import retention as rt
        >>> day = lambda number: pd.Timestamp("2024-01-01") + pd.Timedelta(days=number)
        >>> spells = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "start": [day(0)] * 2, "end": [day(100)] * 2,
        ...     "duration": 100, "churned": True,
        ... })
        >>> alarms = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"], "date": [day(30), day(90), day(80)],
        ...     "signal": "complaint",
        ... })
        >>> said = {
        ...     "leads": [7, 14, 30], "horizon": 90, "apart": 30, "as_of": day(120),
        ...     "observed_from": day(0), "silence": None,
        ... }
        >>> first = rt.signals.alarm_leads(alarms, spells, **said)
        >>> first[["lead", "n_warned", "share_warned", "median_among_warned"]]
           lead  n_warned  share_warned  median_among_warned
        0     7         2           1.0                 45.0
        1    14         2           1.0                 45.0
        2    30         1           0.5                 70.0
        >>> last = rt.signals.alarm_leads(alarms, spells, which="last", **said)
        >>> last["share_warned"].tolist()
        [1.0, 0.5, 0.0]
        >>> standing = rt.signals.alarm_leads(alarms, spells, which="standing", **said)
        >>> standing["share_warned"].tolist()
        [1.0, 0.5, 0.0]

    Source:
        Fawcett, T. and Provost, F. (1999), Activity monitoring, KDD-99, 53–62; chance beside it as
        in Snyder, D. E. et al. (2008), The statistics of a practical seizure warning system,
        Journal of Neural Engineering 5, 392–401.
    """
    intervals.quantile_of(level)
    check_choice("which", which, get_args(Which))
    terms = judging_of(
        horizon=horizon, least=1, apart=apart, as_of=as_of, observed_from=observed_from,
        silence=silence,
    )  # fmt: skip
    days = _leads_asked(leads)
    working = [column.name for part in _COLUMNS for column in part]
    matched = matched_alarms(alarms, spells, values, terms=terms, by=by, working=working)
    refuse_close_alarms(matched.alarms, terms, matched.signals)
    rows = []
    for signal, segment, rang in matched.parts():
        said = {**matched.labels(segment), "signal": matched.signals[signal]}
        counted = rang, matched.of_segment(segment)
        rows += [
            {**said, **_figures_of_lead(*counted, terms, (lead, which), level)} for lead in days
        ]
    if values is None:
        rows = [{**row, **dict.fromkeys(_WORTH, np.nan)} for row in rows]
    return table_like(rows_as_columns(rows, [*matched.names, *working]), alarms)


_WORTH = ("value_lost", "value_warned", "value_share")


def _leads_asked(leads: object) -> list[int]:
    """The leads that a user gave, each once, ascending."""
    several: Any = leads if isinstance(leads, Iterable) and not isinstance(leads, str) else [leads]
    days = sorted({whole_days(lead, argument="leads", least=0) for lead in several})
    if not days:
        raise RetentionError("leads: say at least one number of days before the end.")
    return days


def _figures_of_lead(
    alarms: Columns, spells: Columns, terms: Judging, asked: tuple[int, Which], level: float
) -> dict[str, Any]:
    """How many were warned so many days ahead, and would have been by chance."""
    lead, which = asked
    due = spells["due"] == 1
    watched, many = spells["watched"][due], spells["n"][due]
    n, beyond = int(many.sum()), lead > terms.horizon
    spell, ahead, value = _alarms_that_tell(alarms, (max(lead, 1), terms.horizon), which, terms)
    chance = _chance_of_lead(watched, max(lead, 1), which, terms, rate_of_alarms(alarms, spells))
    lower, upper = intervals.wilson_bounds([spell.size], [0 if beyond else n], level)
    lost, warned = float(spells["value"][due].sum()), float(value.sum())
    of = 0 if beyond else n
    return {
        "lead": lead,
        "n_churners": n,
        "n_warned": spell.size,
        "share_warned": float(intervals.ratio(spell.size, of)),
        "lower": float(lower[0]),
        "upper": float(upper[0]),
        "chance_share": float(intervals.ratio(chance @ many, of)),
        "reason": "beyond the horizon" if beyond else why_no_losses(n, terms),
        "median_among_warned": float(np.median(ahead)) if ahead.size else np.nan,
        "before_last_order": np.nan if terms.silence is None else float(lead - terms.silence),
        "value_lost": lost,
        "value_warned": warned,
        "value_share": np.nan if beyond else float(intervals.ratio(warned, lost)),
        "horizon": terms.horizon,
        "apart": terms.apart,
        "which": which,
        "silence": np.nan if terms.silence is None else float(terms.silence),
    }


def _alarms_that_tell(
    alarms: Columns, span: tuple[int, int], which: Which, terms: Judging
) -> tuple[Whole, Whole, Floats]:
    """The spells warned of from so many days ahead on: which, how long before, and their values."""
    least, most = span
    least = 1 if which == "last" else least
    if which == "standing":
        most = min(most, least + terms.apart - 1)
    there = in_time(alarms, least, most)
    spell, ahead, value = (alarms[name][there] for name in ("spell", "after", "value"))
    order = np.lexsort((-ahead if which == "first" else ahead, spell))
    first = order[starts_of_runs(spell[order])]
    told = first[ahead[first] >= span[0]]
    return spell[told], ahead[told], value[told]


def _chance_of_lead(watched: Whole, lead: int, which: Which, terms: Judging, rate: float) -> Floats:
    """The chance that random alarms warn of ends, by the days at risk before each."""
    most = min(terms.horizon, lead + terms.apart - 1) if which == "standing" else terms.horizon
    seen = np.minimum(watched, most).astype(np.float64)
    before = np.minimum(seen, lead - 1)
    if which == "last":
        return chance_of_alarm(seen, rate, terms.apart) - chance_of_alarm(before, rate, terms.apart)
    return chance_of_alarm(seen - before, rate, terms.apart)
