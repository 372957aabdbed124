"""The figures of one signal in one segment: of its alarms, of the losses, of what these cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals, periods
from retention.errors import ContentError, count_of
from retention.signals.judging.follow_up import Followed, chance_of_alarm, chance_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.signals.judging.alarms_in_spells import Matched
    from retention.signals.judging.judged_spells import Judging

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_BUSY = 0.95
_SLACK = 1e-9


def figures_of_signals(
    matched: Matched, terms: Judging, level: float, *, valued: bool
) -> list[dict[str, Any]]:
    """The figures of each signal and segment, a row each.

    Raises:
        ContentError: if alarms lie closer together than `apart`.
    """
    refuse_close_alarms(matched.alarms, terms, matched.signals)
    said = {name: getattr(terms, name) for name in ("horizon", "least", "apart")}
    said["silence"] = np.nan if terms.silence is None else float(terms.silence)
    rows = []
    for signal, segment, alarms in matched.parts():
        spells = matched.of_segment(segment)
        rows.append(
            {
                **matched.labels(segment),
                "signal": matched.signals[signal],
                "n_set_aside": int(matched.aside[signal, segment]),
                **_figures_of_alarms(alarms, spells, terms, level),
                **_figures_of_losses(alarms, spells, terms, level),
                **_figures_of_value(alarms, spells, terms, valued=valued),
                **_figures_before_silence(alarms, spells, terms),
                **said,
            }
        )
    return rows


def rows_as_columns(rows: list[dict[str, Any]], names: Sequence[str]) -> Columns:
    """Rows of figures as columns; words stay words."""
    words = {name for row in rows for name, value in row.items() if isinstance(value, str | None)}
    return {
        name: np.array([row[name] for row in rows], object if name in words else None)
        for name in names
    }


def refuse_close_alarms(alarms: Columns, terms: Judging, signals: list[str]) -> None:
    """Refuse alarms that count a customer twice within the days that they should lie apart.

    Raises:
        ContentError: if there are such.
    """
    order = np.lexsort((alarms["day"], alarms["customer"], alarms["signal"]))
    signal, who, day = (alarms[name][order] for name in ("signal", "customer", "day"))
    same = (signal[1:] == signal[:-1]) & (who[1:] == who[:-1])
    between = np.where(same, np.diff(day), terms.apart)
    if n := int((between < terms.apart).sum()):
        place, least = int(np.argmin(between)), int(between.min())
        when, what = periods.day_of(day[place + 1]), signals[signal[place]]
        say = f"say `apart={least}`, or leave" if least >= terms.least else "leave"
        raise ContentError(
            f"alarms: {count_of(n, 'alarm rings', 'alarms ring')} fewer than apart={terms.apart} "
            f"days after another of the same customer and signal, as {what!r} on {when} after "
            f"{count_of(least, 'day')}: {say} out those that ring too soon."
        )


def _figures_of_alarms(
    alarms: Columns, spells: Columns, terms: Judging, level: float
) -> dict[str, Any]:
    """How right the alarms were, and how often they rang in vain."""
    after, ended = alarms["after"], alarms["ended"]
    n, span = after.size, (terms.least, terms.horizon)
    late = ended & (after < terms.least)
    hit = ended & ~late & (after <= terms.horizon)
    vain = (after > terms.horizon) | (~ended & (after == terms.horizon))
    counts = {"n_hit": hit, "n_late": late, "n_false": vain, "n_unknown": ~(hit | late | vain)}
    found = Followed(after, ended, alarms["customer"]).shares(*span, level)
    base = chance_share(spells["watched"], spells["left"], spells["n"], span)
    months = float(spells["watched"] @ spells["n"]) / periods.DAYS_A_MONTH
    whole = n * found["false_share"]
    return {
        "n_alarms": n,
        **{name: int(flags.sum()) for name, flags in counts.items()},
        **found,
        "base_precision": base,
        "lift": float(intervals.ratio(found["precision"], base)),
        "reason": _why_not_precise(n, found["precision"], terms.horizon),
        "false_per_100_months": float(100 * intervals.ratio(whole, months)) if n else 0.0,
        "customer_months": months,
        **_burden(alarms["day"], terms),
    }


def _why_not_precise(n: int, precision: float, horizon: int) -> str | None:
    if not np.isnan(precision):
        return None
    return f"no alarm was followed for {count_of(horizon, 'day')}" if n else "no alarm in a spell"


def _burden(day: Whole, terms: Judging) -> dict[str, float]:
    """Calls a day, and so many that on 95 days in 100 there were no more."""
    calls = np.sort(np.bincount(day - terms.first, minlength=terms.n_days))
    rank = int(np.ceil(_BUSY * terms.n_days - _SLACK)) - 1
    return {"calls_per_day": day.size / terms.n_days, "calls_p95": int(calls[rank])}


def _figures_of_losses(
    alarms: Columns, spells: Columns, terms: Judging, level: float
) -> dict[str, Any]:
    """How many of the lost were warned of in time, and how many would have been by chance."""
    due = spells["due"] == 1
    watched, many = spells["watched"][due], spells["n"][due]
    n = int(many.sum())
    warned = np.unique(alarms["spell"][in_time(alarms, terms.least, terms.horizon)]).size
    lower, upper = intervals.wilson_bounds([warned], [n], level)
    window = np.clip(np.minimum(watched, terms.horizon) - terms.least + 1, 0, None)
    rate = rate_of_alarms(alarms, spells)
    chance = chance_of_alarm(window.astype(np.float64), rate, terms.apart)
    return {
        "n_churners": n,
        "n_young": int(many[watched < terms.least].sum()),
        "n_warned": warned,
        "recall": float(intervals.ratio(warned, n)),
        "recall_lower": float(lower[0]),
        "recall_upper": float(upper[0]),
        "chance_recall": float(intervals.ratio(chance @ many, n)),
        "recall_reason": why_no_losses(n, terms),
    }


def in_time(alarms: Columns, least: int, most: int) -> Flags:
    """Which alarms rang so many days before an end that could have been warned of in full."""
    after = alarms["after"]
    return np.asarray(alarms["due"] & (after >= least) & (after <= most))


def rate_of_alarms(alarms: Columns, spells: Columns) -> float:
    """Alarms a day at risk, 0 where there is none."""
    days = float(spells["watched"] @ spells["n"])
    return alarms["day"].size / days if days else 0.0


def why_no_losses(n: int, terms: Judging) -> str | None:
    """Why there is nobody of whom it could be told whether they were warned; None if there is."""
    if n:
        return None
    if (seen := terms.last - terms.first) < terms.horizon:
        return f"observed for {count_of(seen, 'day')}, fewer than the horizon"
    since = periods.day_of(terms.first + terms.horizon)
    return f"nobody was lost from {since} on, the first day warned of in full"


def _figures_of_value(
    alarms: Columns, spells: Columns, terms: Judging, *, valued: bool
) -> dict[str, Any]:
    """What the lost were worth, and those of them who were warned of in time."""
    if not valued:
        return {
            "n_unvalued": np.nan, "value_lost": np.nan, "value_warned": np.nan,
            "value_recall": np.nan,
        }  # fmt: skip
    due = spells["due"] == 1
    lost = float(spells["value"][due].sum())
    warned = value_of_spells(alarms, in_time(alarms, terms.least, terms.horizon))
    return {
        "n_unvalued": int(spells["n"][due].sum() - spells["valued"][due].sum()),
        "value_lost": lost,
        "value_warned": warned,
        "value_recall": float(intervals.ratio(warned, lost)),
    }


def value_of_spells(alarms: Columns, those: Flags) -> float:
    """What the customers of some alarms were worth, once for each spell."""
    first = np.unique(alarms["spell"][those], return_index=True)[1]
    return float(alarms["value"][those][first].sum())


def _figures_before_silence(alarms: Columns, spells: Columns, terms: Judging) -> dict[str, float]:
    """Of ends made by a rule of silence: who was warned before the last order, else how late."""
    nothing = {"warned_before_last": np.nan, "delay_median": np.nan}
    if terms.silence is None:
        return nothing
    n = int(spells["n"][spells["due"] == 1].sum())
    useful = in_time(alarms, terms.least, terms.horizon)
    spell, lead = alarms["spell"][useful], alarms["after"][useful]
    before = np.unique(spell[lead > terms.silence]).size
    share = float(intervals.ratio(before, n)) if terms.horizon > terms.silence else np.nan
    if not spell.size:
        return {**nothing, "warned_before_last": share}
    first = np.zeros(int(spell.max()) + 1, np.int64)
    np.maximum.at(first, spell, lead)
    delay = terms.silence - first[first > 0]
    return {"warned_before_last": share, "delay_median": float(np.median(delay))}
