"""Buttle's process KPIs of retention, from service contacts: waiting, solving, doing it right."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import intervals, periods
from retention.errors import RetentionError, RetentionWarning, check_choice, warn
from retention.frames import Columns, table_like
from retention.kpis.outcome.counts import (
    Asked,
    Cells,
    adjusted_rate_columns,
    count_cells,
    raw_retention_columns,
)
from retention.kpis.service.counts import (
    CLASSES,
    DONE,
    FLAGS,
    OPEN,
    SAY_CLOCK,
    TIMES,
    UNKNOWN,
    Unknown,
    activity_by_service,
    clock_of,
    contacts_summed_where,
    counts_of_contacts,
    target_hours,
)
from retention.numerics import step_functions
from retention.periods import check_lag
from retention.survival.curves.curve_tables import Curve, curves_of
from retention.survival.curves.kaplan_meier import survival_curve
from retention.tables import CONTACTS, refuse_taken, segments
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.business_hours import BusinessHours

Quality = Literal["times", "right_first_time", "parts_available"]
"""What the classes of service are made of."""

_FIGURES = (*TIMES, *FLAGS)
_ROUNDING = 1e-9


@gives(
    "segment and figure",
    texts("figure"),
    numbers("target_hours", unit="hours"),
    whole_numbers("n_contacts", "n_done", "n_open", "n_unknown", "n_good"),
    numbers("median_hours", "p90_hours", unit="hours"),
    shares("share", "lower", "upper"),
    texts("bounds"),
)
def service_kpis(
    contacts: IntoFrameT,
    *,
    as_of: date | str,
    targets: Mapping[str, float],
    by: str | Sequence[str] = (),
    business_hours: BusinessHours | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """How long customers wait for an answer and for a solution, and how often we do it right.

    Four figures a segment, over the contacts up to the end of the day `as_of`:

    - "first_response": hours to the first answer.
    - "resolution": hours until the problem was solved to the customer's satisfaction.
    - "right_first_time": the share of contacts whose first diagnosis was right.
    - "parts_available": the share for which the parts needed were at hand.

    A contact that still waits has a time, too: longer than it has waited so far. Such contacts are
    not left out, which would leave the slow ones out, but enter Kaplan and Meier's estimate as
    censored. With S(h) the estimated share that waits longer than h hours, the median is the first
    h with S(h) ≤ ½, the 90th percentile the first with S(h) ≤ 0.1, and the share within the target
    t is 1 − S(t). What was answered or solved after `as_of` is open. A solution that did not
    content the customer is none: the contact is censored at that time.

    Args:
        contacts: a table from `as_contacts`.
        as_of: the last observed day, itself included: that on which the log was taken, or an
            earlier one. Nothing after it is looked at, neither contacts nor answers. (A flag has no
            date: it counts from the first answer on.)
        targets: the hours within which customers are to be answered and to be content, such as
            `{"first_response": 24, "resolution": 168}`. They are a promise of yours: no default.
        by: segment columns of the contacts (topic, channel, region …). They come back as text, with
            "(missing)" for those not filled in.
        business_hours: by what clock hours run, where the contacts do not say it themselves (see
            `as_contacts`): a calendar of working hours, by which targets are then meant too, or
            "always". The wait of open contacts is counted by the clock of the others, up to the
            midnight after `as_of`, and on the two days a year on which clocks change is an hour
            off. Where the clock is not known, times of segments with open contacts are null, and a
            warning says so.
        level: confidence of the bounds.

    Returns:
        Four rows per segment, one per figure, in the caller's kind: the `by` columns; `figure`;
        `target_hours` (null for shares); `n_contacts` = `n_done` (answered, solved; flag known) +
        `n_open` (not answered, not solved to their content) + `n_unknown` (answered, but no flag);
        `n_good` (of those done, within the target; flag 1); `median_hours` and `p90_hours` (null
        for shares, and where so many were not done while they were seen); `share` (times: within
        the target, 1 − S(t), null where nobody was seen so long; else n_good / n_done); `lower`,
        `upper`; and how these were made in `bounds`: "log-log" (those of S), "wilson" (of shares;
        also where S is 1 or 0, with the contacts seen as long as the target, or done by then, as
        its trials) or "none".

    Raises:
        RetentionError: if `targets` does not say both, in hours above 0, or `business_hours` cannot
            be understood or is not that of the contacts.
        ColumnError: if a column is missing or of the wrong type, or `by` names none.
        ContentError: if there is no contact up to `as_of`.

    Example:
        One customer is answered after 2 hours; two wait, one since 10 hours, one since an hour. Of
        the answered all were answered in time. Of all, one in three by 2 hours, if the last were
        like the others one in two.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contacts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(["2024-03-01 09", "2024-03-01 14", "2024-03-01 23"]),
        ...     "first_response_hours": [2.0, None, None],
        ...     "resolution_hours": [None, None, None],
        ... }).astype({"resolution_hours": float})
        >>> kpis = rt.kpis.service_kpis(
        ...     contacts, as_of="2024-03-01", targets={"first_response": 4, "resolution": 48}
        ... )
        >>> kpis[["figure", "n_contacts", "n_done", "n_open", "n_good", "share"]]
                     figure  n_contacts  n_done  n_open  n_good  share
        0    first_response           3       1       2       1    0.5
        1        resolution           3       0       3       0    NaN
        2  right_first_time           3       0       2       0    NaN
        3   parts_available           3       0       2       0    NaN

    Source:
        The figures: Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9,
        process KPIs of retention. Open contacts: Kaplan, E. L. and Meier, P. (1958), Journal of the
        American Statistical Association 53, 457–481. Bounds: see `survival_curve`; Wilson (1927).
    """
    intervals.quantile_of(level)
    last, hours = periods.as_day(as_of, argument="as_of"), target_hours(targets)
    names = segments(by, CONTACTS)
    clock = clock_of(contacts, business_hours)
    labels, counts = counts_of_contacts(contacts, names, last, clock)
    n_segments = len(labels[names[0]]) if names else 1
    targeted = np.tile([*hours.values(), *[np.nan] * len(FLAGS)], n_segments)
    tallies = _tallies_of_contacts(counts, targeted)
    answer: Columns = {
        "figure": np.tile(np.array(_FIGURES, dtype=object), n_segments),
        "target_hours": targeted,
        **tallies,
        **_columns_of_tallies(counts, tallies, targeted, level),
    }
    if isinstance(clock, Unknown):
        _forget_times(answer)
    refuse_taken(names, answer)
    keys: Columns = {name: np.repeat(labels[name], len(_FIGURES)) for name in names}
    return table_like({**keys, **answer}, contacts)


@gives(
    "class of service and base period",
    texts("service"),
    times("period"),
    whole_numbers("step", "n_base", "n_retained"),
    shares("retention_rate", "lower", "upper", "churn_rate"),
    amounts("sales_base", "sales_retained"),
    shares("sales_adjusted_retention"),
    amounts("profit_base", "profit_retained"),
    shares("profit_adjusted_retention"),
    constants(
        texts("quality"),
        numbers("first_response_target", "resolution_target", unit="hours"),
        whole_numbers("lag"),
    ),
)
def retention_by_service(
    contacts: IntoFrameT,
    activity: IntoFrameT,
    *,
    quality: Quality = "times",
    targets: Mapping[str, float] | None = None,
    lag: int = 1,
    business_hours: BusinessHours | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Whether customers who were served badly stay away: retention by the service they received.

    Each customer of a base period is in one class, by their contacts in that period as they stood
    when it ended; what was answered or solved later is not looked at. By quality="times":

    - "outside target": some contact was answered or solved after its target, or was still waiting
      for longer than that. A solution that did not content the customer is none.
    - "open": none of these, but some contact was waiting, no longer than its target yet.
    - "within target": all were answered and solved in time.
    - "no contact".

    By "right_first_time", whether the first diagnosis was right, or "parts_available", whether the
    parts needed were at hand, each known from the first answer on:

    - "not right first time", "parts not available": so it was with some contact.
    - "open": with none, but some contact was not answered yet.
    - "right first time", "parts available": with some, and no other is known to differ.
    - "not noted": all were answered, and of none is it known.
    - "no contact".

    Classes are not drawn by lot: who has trouble differs from who has none, also in how much they
    buy. Compare "outside target" with "within target" rather than with "no contact".

    Args:
        contacts: a table from `as_contacts`, of the same kind as `activity`, that covers its
            periods: before its first contact and after its last, everybody is in "no contact".
        activity: a table from `customer_periods` or `contract_periods`; segments are taken
            together.
        quality: what the classes are made of: "times", "right_first_time" or "parts_available".
        targets: for "times" only, as in `service_kpis`.
        lag: how many periods later customers must be active to be retained, 1 or more.
        business_hours: by what clock hours run, where the contacts do not say it themselves, as in
            `service_kpis`. One that is not known is refused.
        level: confidence of the bounds.

    Returns:
        A row for each class and base period, in the caller's kind: `service`, `period`, `step`,
        `n_base`, `n_retained`, `retention_rate`, `lower`, `upper` (Wilson), `churn_rate`;
        `sales_base`, `sales_retained` (currency), `sales_adjusted_retention`, and the same of
        `profit` (null where it is not known): see `outcome_kpis`; `quality`,
        `first_response_target`, `resolution_target` (hours; null unless by times) and `lag`. Where
        nobody is in a class its rates are null.

    Raises:
        RetentionError: if `quality` is none of these, or `targets` does not say both, in hours
            above 0, or is given without need.
        ColumnError: if a column is missing, or ids are numbers in one table and text in the other.
        ContentError: if fewer than `lag` + 1 whole periods were observed, hours are below 0, or no
            contact falls in a period of the activity or is of a customer of it. A RetentionWarning
            says if the first contact comes after the first period.

    Example:
        Bob waits for two days and does not come back.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Ann", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-29"] * 2),
        ...     "sales": [10.0, 20.0, 30.0, 10.0, 30.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> contacts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-10", "2024-01-20"]),
        ...     "first_response_hours": [2.0, 48.0],
        ...     "resolution_hours": [5.0, 50.0],
        ... })
        >>> stayed = rt.kpis.retention_by_service(
        ...     contacts, activity, targets={"first_response": 24, "resolution": 168}
        ... )
        >>> stayed[["service", "n_base", "n_retained", "retention_rate"]]
                  service  n_base  n_retained  retention_rate
        0      no contact       1           1             1.0
        1   within target       1           1             1.0
        2  outside target       1           0             0.0
        3            open       0           0             NaN

    Source:
        Buttle (2009), chapter 9: process KPIs are watched because they drive retention. The classes
        are of practice.
    """
    hours = _promised_hours(quality, targets)
    check_lag(lag)
    intervals.quantile_of(level)
    told = activity_by_service(
        contacts, activity, quality, hours, clock_of(contacts, business_hours)
    )
    asked = Asked("service", lag, "firm", level)
    counted = count_cells(told, asked, {"sales": "base", "profit": "base"})
    cells = _cells_of_every_class(counted, CLASSES[quality])
    answer: Columns = {**cells.keys, **raw_retention_columns(cells)}
    for money in ("sales", "profit"):
        found = adjusted_rate_columns(cells, money, "base")
        kept = (f"{money}_base", f"{money}_retained", f"{money}_adjusted_retention")
        answer |= {name: found[name] for name in kept}
    answer["quality"] = cells.constant(quality)
    answer |= {f"{name}_target": cells.constant(hours.get(name, np.nan)) for name in TIMES}
    return table_like({**answer, "lag": cells.constant(lag)}, activity)


def _promised_hours(quality: str, targets: object) -> dict[str, float]:
    """The target hours, of which there are none unless classes are made of times."""
    check_choice("quality", quality, get_args(Quality))
    if quality == "times":
        return target_hours(targets)
    if targets is not None:
        raise RetentionError(f"targets= is for quality='times'; {quality!r} does not look at it.")
    return {}


def _cells_of_every_class(cells: Cells, classes: Sequence[str]) -> Cells:
    """The cells with a row for each class and period, also where nobody was in that class."""
    if not cells.keys["step"].size:
        return cells
    steps, first = np.unique(cells.keys["step"], return_index=True)
    place = np.array([classes.index(name) for name in cells.keys["service"]])
    row = place * steps.size + (cells.keys["step"] - steps[0])
    keys: Columns = {
        "service": np.repeat(np.array(classes, dtype=object), steps.size),
        "period": np.tile(cells.keys["period"][first], len(classes)),
        "step": np.tile(steps, len(classes)),
    }
    sums = {}
    for name, values in cells.sums.items():
        nothing = np.nan if np.isnan(values).all() else 0
        sums[name] = np.full(len(classes) * steps.size, nothing, values.dtype)
        sums[name][row] = values
    return replace(cells, keys=keys, sums=sums)


def _forget_times(answer: Columns) -> None:
    """Null for times of which contacts are open: how long these waited by the clock of the others.

    Nobody knows, so neither where they stand among the others.
    """
    open_times = np.isin(answer["figure"], TIMES) & (answer["n_open"] > 0)
    for name in ("median_hours", "p90_hours", "share", "lower", "upper"):
        answer[name] = np.where(open_times, np.nan, answer[name])
    answer["bounds"] = np.where(open_times, "none", answer["bounds"])
    n = int(answer["n_open"][open_times].sum())
    if n:
        warn(
            f"{n:,} open contact{'s' * (n != 1)} in rows of times: hours were named and not by "
            "what clock they run, so nobody knows how long these have waited by it, and the times "
            f"of their rows are null. {SAY_CLOCK}"
        )


def _tallies_of_contacts(counts: Columns, targeted: NDArray[np.float64]) -> Columns:
    """How many contacts there are of each segment and figure, and how they stand."""
    group = counts["_segment"] * len(_FIGURES) + counts["_figure"]
    value, state = counts["_value"], counts["_state"]
    flag = np.isnan(targeted[group])
    good = np.where(flag, value == 1, value <= np.where(flag, 0.0, targeted[group]))
    kinds = {
        "n_contacts": state >= OPEN,
        "n_done": state == DONE,
        "n_open": state == OPEN,
        "n_unknown": state == UNKNOWN,
        "n_good": (state == DONE) & good,
    }
    return {
        name: contacts_summed_where(counts, targeted.size, where) for name, where in kinds.items()
    }


def _columns_of_tallies(
    counts: Columns, tallies: Columns, targeted: NDArray[np.float64], level: float
) -> Columns:
    """Median, 90th percentile, share and bounds: shares by counting, then times by their curve."""
    n_done = tallies["n_done"]
    lower, upper = intervals.wilson_bounds(tallies["n_good"], n_done, level)
    answer: Columns = {
        "median_hours": np.full(targeted.size, np.nan),
        "p90_hours": np.full(targeted.size, np.nan),
        "share": intervals.ratio(tallies["n_good"], n_done),
        "lower": lower,
        "upper": upper,
        "bounds": np.where(n_done > 0, "wilson", "none").astype(object),
    }
    for one in curves_of(_waiting_curve(counts), "contacts"):
        place = int(one.key[0])
        answer["median_hours"][place] = _time_of_share(one, 0.5)
        answer["p90_hours"][place] = _time_of_share(one, 0.1)
        read = _share_within_target(one, float(targeted[place]), level)
        for name, value in zip(("share", "lower", "upper", "bounds"), read, strict=True):
            answer[name][place] = value
    return answer


def _waiting_curve(counts: Columns) -> Any:
    """The share that still waits after each time, a curve for each segment and time."""
    import pandas as pd

    times = counts["_figure"] < len(TIMES)
    waits = pd.DataFrame(
        {
            "contacts": (counts["_segment"] * len(_FIGURES) + counts["_figure"])[times],
            "duration": counts["_value"][times],
            "churned": counts["_state"][times] == DONE,
            "n_spells": counts["_n"][times],
        }
    )
    with warnings.catch_warnings():  # hours in clocks' last digits: nobody gave these as spells
        warnings.simplefilter("ignore", RetentionWarning)
        return survival_curve(waits, by="contacts")


def _time_of_share(curve: Curve, share: float) -> float:
    """The first time after which no more than a share still waits; NaN if so few never did."""
    there = np.flatnonzero(curve.survival <= share * (1 + _ROUNDING))
    return float(curve.duration[there[0]]) if there.size else np.nan


def _share_within_target(
    curve: Curve, target: float, level: float
) -> tuple[float, float, float, str]:
    """The share done within the target, its bounds, and how these were made."""
    if not curve.knows(target):
        return np.nan, np.nan, np.nan, "none"
    waiting, variance = (
        float(step_functions.values_at(curve.duration, values, target, before)[()])
        for values, before in ((curve.survival, 1.0), (curve.variance, 0.0))
    )
    if 0 < waiting < 1:
        lower, upper = step_functions.log_log_bounds(waiting, variance, level)
        return 1 - waiting, float(1 - upper), float(1 - lower), "log-log"
    if waiting:  # nobody was done by then: of all who were seen so long
        trials = int(curve.n_at_risk[np.searchsorted(curve.duration, target)])
    else:  # all were: of those who were seen to be
        trials = int(curve.n_churned[curve.duration <= target].sum())
    lower, upper = intervals.wilson_bounds(trials * (1 - waiting), trials, level)
    return 1 - waiting, float(lower), float(upper), "wilson"
