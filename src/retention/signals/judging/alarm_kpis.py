"""Alarms judged by what came of them: how right, how early, of how many, at what cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention import intervals
from retention.frames import table_like
from retention.signals.judging.alarms_in_spells import matched_alarms
from retention.signals.judging.judged_signals import figures_of_signals, rows_as_columns
from retention.signals.judging.judged_spells import judging_of
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

KPIS = (
    texts("signal"),
    whole_numbers("n_alarms", "n_hit", "n_late", "n_false", "n_unknown", "n_set_aside"),
    shares("precision", "lower", "upper", "late_share", "false_share", "base_precision"),
    numbers("lift", unit="times a day at random"),
    texts("reason"),
    whole_numbers("n_churners", "n_young", "n_warned"),
    shares("recall", "recall_lower", "recall_upper", "chance_recall"),
    texts("recall_reason"),
    numbers("customer_months", unit="months"),
    numbers("false_per_100_months", unit="alarms per 100 customer-months"),
    numbers("calls_per_day", unit="calls a day"),
    whole_numbers("calls_p95", unit="calls a day"),
    whole_numbers("n_unvalued"),
    amounts("value_lost", "value_warned"),
    shares("value_recall", "warned_before_last"),
    numbers("delay_median", unit="days"),
    constants(whole_numbers("horizon", "least", "apart", "silence", unit="days")),
)


@gives("a signal (and segment)", *KPIS)
def alarm_kpis(  # noqa: PLR0913 - what an alarm is worth has that many terms
    alarms: IntoFrameT,
    spells: IntoFrameT,
    *,
    horizon: int,
    apart: int,
    as_of: date | str,
    observed_from: date | str,
    least: int = 1,
    values: IntoFrameT | None = None,
    silence: int | None,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Whether alarms were right, in time, and of how many of the lost, at what cost in vain ones.

    An alarm on day a, of a customer whose spell ends on day e, is a hit if it rang at least `least`
    and at most `horizon` days before: u = e − a lies from `least` to H. What is not over yet is not
    taken for a false alarm: with S the Kaplan–Meier curve of u over all alarms, running spells seen
    as far as `as_of`, and F = 1 − S,

        precision = F(H) − F(least − 1),   late_share = F(least − 1),   false_share = 1 − F(H),

    which sum to 1. In a thousand simulated worlds in which 46 % of the alarms were still open the
    truth was 0.322, this 0.322, the share of hits among closed alarms 0.455, and with open ones
    taken for false 0.245; the bounds held the truth 95 times in 100. Alarms of one customer hang
    together, so the error is that of sums by customer:

        variance = C/(C−1) Σ_customers (Σ_alarms ψ)²,
        ψ = S(t) (1{ended, u ≤ t} / Y_u − Σ_{v ≤ min(u, t)} D_v / Y_v²)  at t = H, less least − 1,

    with Y_v the alarms followed for v days or more and D_v those that ended on day v; the bounds
    are Wilson's of the number of trials that would have that variance.

    The losses that could have been warned of in full are the spells that ended H days or more after
    `observed_from`:

        recall = those with an alarm from H to least days before the end / all of these.

    Beside each figure stands what chance would give. `base_precision` is the precision of a day at
    risk drawn at random, and `lift` = precision / base_precision. With a the alarms per day at risk
    and w the days at risk from H to least days before an end, random alarms at least `apart` days
    apart warn of a loss with the chance

        a w                                      where w ≤ apart, else
        1 − (1 − a apart) (1 − h)^(w − apart)    with h = a / (1 − a (apart − 1)),

    of which `chance_recall` is the mean; it takes them as spread evenly over days at risk. Where
    ever more customers join and the calls of a day stay the same, alarms lie thicker on those who
    were there first: compare there with the random signal of `alarm_trade_off`. No word "false
    alarm rate": it has been used of alarms, of customers and of days.

    A loss made by a rule of silence is foreseen by silence. Where ends come from a gap rule say so:
    `silence=` the gap; then `warned_before_last` counts those warned before their last order, which
    alone is foresight. Say `silence=None` where ends were really seen (contracts, notices).
    Spells of `purchase_spells` know: they warn, and refuse another gap than theirs.

    A firm that acts on its alarms changes what follows, and good calls look like false alarms:
    judge those by an experiment. Follow-up that ends early is taken to say nothing of the risk.

    Args:
        alarms: a table from `ring_alarms`, or your own: `customer_id`, `date`, `signal`.
        spells: a table from `purchase_spells` or `contract_spells`. Those set aside for survival
            analysis count here too: an alarm in them is followed from its day, not from the start.
        horizon: H, the days after an alarm within which the end proves it right.
        apart: the days that alarms of one customer and signal lie apart at least, as they were
            rung with; not below `least`.
        as_of: the last observed day, itself included. What came later is not looked at.
        observed_from: the first day on which the signals could ring, by when nothing of them was
            cut off.
        least: days before the end by which an alarm must ring to be of use.
        values: a table of `customer_id` and `value` of each customer, to count the lost in money.
        silence: the days of silence that make an end in these spells; None where ends were seen.
        by: segment columns of the spells. Alarms in no spell stand in the segment "(missing)".
        level: confidence of the bounds.

    Returns:
        One row per segment and signal, in the caller's kind, sorted: the `by` columns, `signal`,
        `n_alarms` (in a spell, from `observed_from` to `as_of`) = `n_hit` + `n_late` + `n_false` +
        `n_unknown` (not yet followed for H days), `n_set_aside` (alarms of customers not in
        `spells`, or of days on which they were not here, or not observed), `precision`, `lower`,
        `upper` (null where one customer rang), `late_share`, `false_share`, `base_precision`,
        `lift`, `reason` (why precision is null; else null); `n_churners` (losses that could be
        warned of in full), `n_young` (of these, gone before `least` days: nobody could warn of
        them), `n_warned`, `recall`, `recall_lower`, `recall_upper` (Wilson), `chance_recall`,
        `recall_reason`; `customer_months` (at risk while observed), `false_per_100_months`
        (100 n_alarms false_share / customer_months), `calls_per_day`, `calls_p95` (on 95 days in
        100 there were no more calls); with `values` `n_unvalued` (of n_churners, without a value),
        `value_lost`, `value_warned` (currency), `value_recall` (where value_lost is above 0), else
        null; with `silence` `warned_before_last` (of n_churners; null where the horizon reaches no
        further back than the silence), `delay_median` (days from the last order to the first alarm
        in time, of those warned), else null; and the conventions `horizon`, `least`, `apart`,
        `silence`.

    Raises:
        RetentionError: if an argument is none of what it may be: `least` beyond `horizon`, or
            `apart` below `least`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a table is empty or lacks what it must tell, alarms lie closer together
            than `apart`, a customer has two spells at once or two values, or `silence` is another
            than the ends were made of.

    Example:
        Two of four customers left on day 100, and of three alarms one was right by then; one had
        rung 70 days before, and of one it is not known yet.

        >>> import pandas as pd
        >>> import retention as rt
        >>> day = lambda number: pd.Timestamp("2024-01-01") + pd.Timedelta(days=number)
        >>> spells = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "start": [day(0)] * 4, "end": [day(100), None, day(100), None],
        ...     "duration": [100, 120, 100, 120], "churned": [True, False, True, False],
        ... })
        >>> alarms = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Dee"], "date": [day(60), day(50), day(100)],
        ...     "signal": "complaint",
        ... })
        >>> kpis = rt.signals.alarm_kpis(
        ...     alarms, spells, horizon=60, least=7, apart=60, as_of=day(120),
        ...     observed_from=day(0), silence=None,
        ... )
        >>> kpis[["n_hit", "n_false", "n_unknown", "precision", "recall", "chance_recall"]].round(4)
           n_hit  n_false  n_unknown  precision  recall  chance_recall
        0      1        1          1        0.5     0.5         0.3682

        On 440 days at risk half of three alarms were in vain:

        >>> print(f"{100 * 3 * 0.5 / (440 / 30.4375):.3f}")
        10.376
        >>> kpis["false_per_100_months"].round(3).tolist()
        [10.376]

    Source:
        Fawcett, T. and Provost, F. (1999), Activity monitoring, KDD-99, 53–62; Romero-Brufau, S. et
        al. (2015), Why the C-statistic is not informative to evaluate early warning scores,
        Critical Care 19, 285; for the words, Barnes, L. R. et al. (2009), Weather and Forecasting
        24, 1452–1454. The error: Kaplan–Meier's influence function, summed by customer.
    """
    intervals.quantile_of(level)
    terms = judging_of(
        horizon=horizon,
        least=least,
        apart=apart,
        as_of=as_of,
        observed_from=observed_from,
        silence=silence,
    )
    working = [column.name for part in KPIS for column in part]
    matched = matched_alarms(alarms, spells, values, terms=terms, by=by, working=working)
    rows = figures_of_signals(matched, terms, level, valued=values is not None)
    return table_like(rows_as_columns(rows, [*matched.names, *working]), alarms)
