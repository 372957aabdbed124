"""Who was there, who came and who cancelled in each period, counted from spells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ColumnError, ContentError, RetentionError, nearest_name
from retention.frames import Columns, Frame, as_text, collect, count, is_at_hand, one_row
from retention.kpis.churn.deeds_at_hand import events_at_hand
from retention.kpis.churn.renewals import periods_of_renewals
from retention.kpis.outcome.counts import counts_on_grid
from retention.tables import SPELLS, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

_NEVER = 10_000_000
"""The day on which a running spell ends: later than any other."""

_AFTER = 1_000_000_000
"""An even place after every end, for what is no end."""

NAMED = ("_cancelled_named", "_lost_named", "_joined_named", "_ended_named")
"""Customers who cancelled, were lost, joined and cancelled, and spells that ended, for a cause."""


def has_named_cause(
    frame: Frame, cause: str, causes: Sequence[str], *, argument: str = "causes"
) -> nw.Expr:
    """Whether a spell has one of the causes that the user named, by which argument is said.

    Raises:
        ColumnError: if the column of causes is missing.
        ContentError: if a cause is that of no spell that ended: a slip of the pen would count 0.
    """
    schema = frame.collect_schema()
    if cause not in schema:
        raise ColumnError.unknown("cause", cause, schema)
    told = as_text(cause, schema[cause])
    ended = frame.filter(nw.col("churned")).select(told.alias("_cause")).unique()
    there = sorted(str(each) for each in collect(ended)["_cause"])
    for name in causes:
        if name not in there:
            near = nearest_name(name, there)
            hint = f" Did you mean {near!r}?" if near else ""
            listed = ", ".join(repr(each) for each in there[:20]) or "none"
            raise ContentError(
                f"{argument} names {name!r}, for which no spell ended.{hint} Causes in {cause!r}: "
                f"{listed}."
            )
    return told.is_in(list(causes))


def spell_days(
    spells: object, names: list[str], *, cause: str = "reason", causes: Sequence[str] = ()
) -> Frame:
    """Spells in whole days, those running without an end, and what is known of them.

    Returns:
        `customer_id`, the segments, `start`, `end`, `_start`, `_end` (first day out; 10,000,000
        while it runs), `_reach` (of a running spell, the day up to which it was seen), `_under`
        (the day it came under observation, where that was late), `_overlaps` (1 where an earlier
        spell of the customer had not ended), `_bridged` (1 where pauses were bridged with
        hindsight), `_grace` (so many days after an end it is known) and `_named` (1 where it ended
        for one of the `causes`, or these are not asked for).

    Raises:
        ColumnError: if it is not a table of spells, or does not say when ends are known.
    """
    frame = require(spells, SPELLS, extra=names)
    schema, engine = frame.collect_schema(), frame.implementation
    named = has_named_cause(frame, cause, causes) if causes else nw.lit(True)
    grace = _days_until_known(schema)
    kept = frame.select(
        "customer_id",
        *(as_text(name, schema[name]) for name in names),
        *("start", "end", "duration"),
        _out=nw.when(nw.col("end").is_null()).then(nw.col("start")).otherwise(nw.col("end")),
        _running=count(~nw.col("churned")),
        _entry=nw.col("entry").cast(nw.Float64),
        _bridged=count(nw.col("reactivation") == "same_spell"),
        _grace=grace,
        _named=count(named),
    )
    first, out = (periods.day_expr(name, engine) for name in ("start", "_out"))
    runs = nw.col("_running") == 1
    dated = kept.with_columns(_start=first, _out=out).with_columns(
        _end=nw.when(runs).then(nw.lit(_NEVER)).otherwise(nw.col("_out")),
        _reach=nw.when(runs & (nw.col("duration") > 0)).then(nw.col("_start") + nw.col("duration")),
        _under=nw.when(nw.col("_entry") > 0).then(nw.col("_start") + nw.col("_entry")),
    )
    before = nw.col("_end").shift(1).over("customer_id", order_by="_start")
    return dated.with_columns(_before=before).with_columns(
        _overlaps=count(nw.col("_before") > nw.col("_start"))
    )


def known_days(days: Frame, as_of: date) -> tuple[int, int]:
    """The day from which all spells were under observation, and that up to which ends are known.

    An end of a contract is one once nothing has renewed it for `_grace` days. So at the end of
    `as_of` ends are known up to that many days before it, even if the spells were made later and
    know how it went on.

    Raises:
        RetentionError: if the spells look into the future.
        ContentError: if there are none, or they overlap.
    """
    limits = [nw.col(name).max() for name in ("_reach", "_under", "_bridged", "_grace")]
    found = one_row(days.select(nw.col("_start").min(), *limits, nw.col("_overlaps").sum()))
    if found["_start"] is None:
        raise ContentError("spells is empty: there is nobody who could churn.")
    if found["_bridged"]:
        raise RetentionError(
            "These spells were made with reactivation='same_spell', which knows of every silence "
            "whether it was going to end. Make them with reactivation='new_spell'."
        )
    if found["_overlaps"]:
        raise ContentError(
            f"spells: {int(found['_overlaps']):,} begin before an earlier one of the same customer "
            "has ended. Was a table put below itself?"
        )
    known = periods.number_of(as_of) - int(found["_grace"])
    if found["_reach"] is not None:
        known = min(known, int(found["_reach"]))
    return int(max(found["_start"], found["_under"] or found["_start"])), known


def window_of_churn(days: Frame, freq: str, as_of: date) -> periods.Window:
    """The first and last period that can be judged: both its openings and all ends are known.

    A period opens on its first day; it closes as the next one opens, which must have been seen.

    Raises:
        RetentionError: if the spells look into the future.
        ContentError: if there are none, they overlap, or no period can be judged.
    """
    begin, known = known_days(days, as_of)
    first = periods.step_of(periods.day_of(begin - 1), freq) + 1
    last = periods.step_of(periods.day_of(known), freq) - 1
    if first > last:
        raise ContentError(
            f"No {freq} can be judged: it must open on {periods.day_of(begin)} or later, when "
            f"those who were there are known, and the next one by {periods.day_of(known)}, up to "
            "which ends are known. Take a shorter freq, or spells observed for longer."
        )
    return periods.Window(first, last, str(freq))


def counted_spells(
    days: Frame, names: list[str], window: periods.Window
) -> tuple[Columns, Columns]:
    """The keys of each segment and period, and the counts of its customers and their time.

    Args:
        days: see `spell_days`.
        names: the segment columns.
        window: the periods, see `window_of_churn`.

    Returns:
        The keys, and in customers `n_base` (there as the period opens), `n_joined`, `n_cancelled`
        (of the base), `n_returned` (of these, there again as the next one opens),
        `n_joined_cancelled`; `n_ended` in spells; `exposure`, customers times periods; and of these
        counts the part of the `NAMED` causes.
    """
    first, last, freq = window
    customers = deeds_of_customers(days, names, window)
    sums = ["_came", "_out", "_days", "n_joined", "n_cancelled", "n_returned"]
    sums += ["n_joined_cancelled", *NAMED]
    cells = customers.group_by(*names, "step").agg(*(nw.col(name).sum() for name in sums))
    counted = collect(cells.with_columns(nw.col(*sums, "step").cast(nw.Int64)))
    grown = periods.Window(first - 1, last, freq)
    keys, found = counts_on_grid(counted, names, grown)
    net = (found["_came"] - found["_out"]).reshape(-1, grown.n_steps)
    base = (np.cumsum(net, axis=1) - net).ravel()
    grid = keys["step"].astype(np.int64)
    length = periods.first_day_number(grid + 1, freq) - periods.first_day_number(grid, freq)
    full = (base - found["n_cancelled"]) * length
    answer: Columns = {
        "n_base": base,
        **{name: found[name] for name in sums if name.startswith("n_")},
        "n_ended": found["_out"],
        **{name: found[name] for name in NAMED},
        "exposure": (full + found["_days"]) / length,
    }
    shown = grid >= first
    return (
        {name: values[shown] for name, values in keys.items()},
        {name: values[shown] for name, values in answer.items()},
    )


def counted_renewals(
    days: Frame, names: list[str], freq: str, keys: Columns, renewals: object
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of those up for renewal, who left, who left for a named cause, and all.

    Args:
        days: see `spell_days`.
        names: the segment columns.
        freq: length of a period.
        keys: the segments and periods, from `counted_spells`.
        renewals: a table of `customer_id` and `date`.
    """
    window = periods.Window(int(keys["step"].min()), int(keys["step"].max()), freq)
    once = customers_due(days, names, window, renewals)
    cells = once.group_by(*names, "step").agg(
        nw.len().alias("_due"), nw.col("_lost").sum(), nw.col("_named").sum()
    )
    counts = nw.col("_due", "_lost", "_named", "step").cast(nw.Int64)
    found = collect(cells.with_columns(counts))
    # Every segment and period has a row, also where nobody was due: what was counted comes last.
    zeros = np.zeros(len(keys["step"]), dtype=np.int64)
    every = {name: np.concatenate([keys.get(name, zeros), found[name]]) for name in found}
    _, sums = counts_on_grid(every, names, window)
    return sums["_lost"], sums["_named"], sums["_due"]


def customers_due(days: Frame, names: list[str], window: periods.Window, renewals: object) -> Frame:
    """The customers up for renewal in each segment and period, once each, and who left on the day.

    Args:
        days: see `spell_days`.
        names: the segment columns.
        window: the periods, see `window_of_churn`.
        renewals: a table of `customer_id` and `date`.

    Returns:
        `customer_id`, the segments, `step`, `_lost` and `_named` (lost for a named cause), 1 or 0.
    """
    first, last, freq = window
    dues = periods_of_renewals(renewals, days, freq, beside_what="spells")
    met = days.select("customer_id", *names, "_start", "_end", "_named").join(
        dues, on="customer_id", how="inner"
    )
    day = nw.col("_date")
    within = (nw.col("_due") >= first) & (nw.col("_due") <= last)
    due = met.filter((nw.col("_start") < day) & (nw.col("_end") >= day) & within)
    lost = nw.col("_end") == day
    marked = due.with_columns(
        _lost=count(lost), _named=count(lost & (nw.col("_named") == 1)), step=nw.col("_due")
    )
    cells = marked.group_by("customer_id", *names, "step")
    return cells.agg(nw.col("_lost").max(), nw.col("_named").max())


def deeds_of_customers(days: Frame, names: list[str], window: periods.Window) -> Frame:
    """What each customer did in each period, so that everybody is counted once.

    Args:
        days: see `spell_days`.
        names: the segment columns.
        window: the periods, see `window_of_churn`.

    Returns:
        One row per customer, segment and period in which a spell began or ended, or at whose close
        one began, those before the window under the period before it: `_came` and `_out` (spells
        that began and ended), `_days` (of those who were not there throughout), `_stays` (1 where a
        spell that began is there at the close), and 1 or 0 for `n_cancelled`, `n_returned`,
        `n_joined`, `n_joined_cancelled` (see `counted_spells`) and for those of them that the
        `NAMED` causes made: a cancellation has the cause of the customer's first end in the period,
        a loss (not there at the close) that of the last.
    """
    rows = _sums_of_starts_and_ends(days, names, window)
    at_first, at_last = (nw.col(name) % 2 != 0 for name in ("_first_end", "_last_end"))
    based, joined = nw.col("_based") == 1, (nw.col("_mid") == 1) & (nw.col("_based") == 0)
    return rows.with_columns(
        n_cancelled=nw.col("_based"),
        n_returned=count(based & (nw.col("_stays") == 1)),
        n_joined=count(joined),
        n_joined_cancelled=count(joined & (nw.col("_out") > 0)),
        _cancelled_named=count(based & at_first),
        _lost_named=count(based & (nw.col("_stays") == 0) & at_last),
        _joined_named=count(joined & (nw.col("_out") > 0) & at_first),
    )


def _sums_of_starts_and_ends(days: Frame, names: list[str], window: periods.Window) -> Frame:
    """One row per customer, segment and period, of what began and what ended."""
    if is_at_hand(days):
        found = events_at_hand(days, names, window, _NEVER, _AFTER)
        if found is not None:
            return found
    rows = _starts_and_ends(days, names, window)
    return rows.group_by("customer_id", *names, "step").agg(
        *(nw.col(name).sum() for name in ("_came", "_out", "_days", "_ended_named")),
        *(nw.col(name).max() for name in ("_mid", "_stays", "_based", "_last_end")),
        nw.col("_first_end").min(),
    )


def _days_until_known(schema: Mapping[str, object]) -> nw.Expr:
    """How many days after an end it is known; that of purchases is dated to when it is."""
    if "grace" in schema:
        return nw.col("grace").cast(nw.Int64)
    if "last_order" in schema:
        return nw.lit(0).cast(nw.Int64)
    what, meaning = f"{SPELLS.name} ({SPELLS.row})", "how many days after an end it is known"
    raise ColumnError.missing(what, "grace", meaning, schema, "contract_spells")


def _spells_between_openings(days: Frame, freq: str) -> Frame:
    """Spells with the first opening they were there at (`_from`) and the first not (`_to`)."""
    placed = days
    for name, number in (("_start", "_from"), ("_out", "_to")):
        before = placed.with_columns(_day=nw.col(name) - 1)
        before = before.with_columns(_eve=periods.date_expr(nw.col("_day"), days.implementation))
        step = periods.step_expr("_eve", "_day", freq) + 1
        placed = before.with_columns(step.cast(nw.Int64).alias(number))
    forever = nw.when(nw.col("_end") == _NEVER).then(nw.lit(_NEVER)).otherwise(nw.col("_to"))
    reached = placed.with_columns(_to=forever)
    opens = periods.first_day_number(nw.col("_from"), freq)
    return reached.with_columns(
        _mid=count(nw.col("_start") < opens),
        _stays=count(nw.col("_to") > nw.col("_from")),
        _rest=opens - nw.col("_start"),
    )


def _starts_and_ends(days: Frame, names: list[str], window: periods.Window) -> Frame:
    """Two rows per spell: the period after whose opening it came, and the one in which it ended."""
    first, last, freq = window
    seen = _spells_between_openings(days, freq)
    key = ("customer_id", *names)
    none, one = nw.lit(0).cast(nw.Int64), nw.lit(1).cast(nw.Int64)
    # Of a spell that comes and goes within a period the days are counted as it goes.
    rest = nw.when(nw.col("_stays") == 1).then(nw.col("_rest")).otherwise(none).cast(nw.Int64)
    step = nw.col("_from") - 1
    came = seen.select(
        *(*key, "_mid", "_stays"),
        step=step,
        _came=one,
        _out=none,
        _based=none,
        _days=rest,
        _ended_named=none,
        _first_end=none + _AFTER,
        _last_end=none - _AFTER,
    )
    start, opened = nw.col("_start"), periods.first_day_number(nw.col("_to") - 1, freq)
    since = nw.when(start > opened).then(start).otherwise(opened)
    marks = {"_mid": none, "_stays": none, "_came": none, "_out": one, "_based": nw.col("_stays")}
    ended = seen.filter(nw.col("_end") < _NEVER)
    # In order of their days, spells of no days last; odd where the cause is named.
    brief = count(nw.col("_start") == nw.col("_end"))
    place = ((nw.col("_end") * 2 + brief) * 2 + nw.col("_named")).cast(nw.Int64)
    marks |= {"_first_end": place, "_last_end": place}
    marks["_ended_named"] = nw.col("_named").cast(nw.Int64)
    out = ended.select(
        *key, **marks, step=nw.col("_to") - 1, _days=(nw.col("_end") - since).cast(nw.Int64)
    )
    events = nw.concat([came, out.select(came.collect_schema().names())])
    early = nw.when(nw.col("step") < first).then(nw.lit(first - 1)).otherwise(nw.col("step"))
    return events.with_columns(step=early.cast(nw.Int64)).filter(nw.col("step") <= last)
