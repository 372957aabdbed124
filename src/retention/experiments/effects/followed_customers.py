"""How long the customers of each arm were followed from the day on which they were assigned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError, count_of, warn
from retention.experiments.effects.compared_arms import CLUSTER, SINCE, STRATUM, read_trial
from retention.frames import Frame, as_lazy, collect, count, one_row
from retention.numerics.codes import label_codes
from retention.spells.since import NOT_SEEN, spells_since
from retention.tables import SPELLS, require
from retention.wording import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.experiments.effects.compared_arms import Clock, Trial

_MOST_ASIDE = 0.01  # of the customers assigned: with more a warning says so


@dataclass(frozen=True, slots=True)
class Followed:
    """Counted customers: rows of those who are alike, and what there is of each cell.

    Attributes:
        cell: segment and arm of each row, ascending.
        stratum: the number of the stratum, 0 where there are none.
        cluster: that of the cluster.
        day: days from the assignment to the end or as far as followed, at most the horizon.
        left: whether the customers left by then.
        mature: whether they were assigned a horizon or more before the last day that was seen.
        n: how many there are.
        n_set_aside: of each cell, those without a running spell on the day of their assignment.
    """

    cell: NDArray[np.intp]
    stratum: NDArray[np.intp]
    cluster: NDArray[np.intp]
    day: NDArray[np.int64]
    left: NDArray[np.bool_]
    mature: NDArray[np.bool_]
    n: NDArray[np.int64]
    n_set_aside: NDArray[np.int64]

    def rows(self, chosen: Any) -> Followed:
        """Some of the rows."""
        names = ("cell", "stratum", "cluster", "day", "left", "mature", "n")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def per_cell(self, among: Any = True) -> NDArray[np.int64]:
        """Of each cell the number of customers, in all rows or among some."""
        chosen = np.where(among, self.n, 0)
        size = self.n_set_aside.size
        return np.bincount(self.cell, weights=chosen, minlength=size).astype(np.int64)


def followed_trial(
    assignment: object,
    spells: object,
    *,
    control: str,
    by: str | Sequence[str],
    horizon: int,
    as_of: date | str,
    clock: Clock,
    answer: Iterable[str],
) -> tuple[Trial, Followed]:
    """An assignment read for comparison, and its customers followed in their spells.

    Raises:
        as `read_trial` and `followed_customers`.
    """
    last, _ = periods.observed_days(as_of, None)
    frame = require(spells, SPELLS, adds="none")
    trial = read_trial(
        assignment, frame, control=control, by=by, as_of=last, clock=clock, answer=answer
    )
    return trial, followed_customers(frame, trial, horizon=horizon, as_of=last)


def followed_customers(spells: Frame, trial: Trial, *, horizon: int, as_of: date) -> Followed:
    """The customers of a trial, counted by the engine by cell, day and what is known of them.

    Args:
        spells: the checked table.
        trial: the assignment beside it.
        horizon: days after the assignment beyond which nothing is asked.
        as_of: the last observed day.

    Raises:
        RetentionError: if the spells know of days after `as_of`.
        ContentError: if nobody was assigned a horizon before the last day that was seen.
    """
    last = _last_day_seen(spells, as_of)
    whereto = [*trial.keys]
    whereto += [STRATUM] if trial.stratified else []
    whereto += [CLUSTER] if trial.clustered else []
    given: Any = spells
    since = as_lazy(spells_since(given, trial.frame, since=SINCE, keep=whereto))
    unseen = nw.col("set_aside").fill_null("") == NOT_SEEN
    lasted = nw.when(unseen).then(nw.lit(0.0)).otherwise(nw.col("duration"))
    day = nw.when(lasted > horizon).then(nw.lit(float(horizon))).otherwise(lasted)
    told = since.select(
        *whereto,
        _since=periods.day_expr("since", since.implementation),
        _left=count(nw.col("churned") & (nw.col("duration") <= horizon)),
        _aside=count(day.is_null() | ~nw.col("entry").is_null()),
        _day=day.fill_null(0.0),
    )
    marked = told.with_columns(_mature=count(nw.col("_since") + horizon <= last))
    groups = [*whereto, "_left", "_aside", "_day", "_mature"]
    marks = (nw.len().alias("_n"), nw.col("_since").min().alias("_first"))
    found = collect(marked.group_by(*groups).agg(*marks))
    _refuse_short_follow_up(found, horizon, last)
    return _followed_from_counts(found, trial)


def _last_day_seen(spells: Frame, as_of: date) -> int:
    """The last day on which somebody was seen to be here, as a number.

    Raises:
        RetentionError: if the spells know of days after `as_of`.
    """
    reach = periods.day_expr("start", spells.implementation) + nw.col("duration").cast(nw.Int64)
    here = spells.select(_reach=reach, _left=count(nw.col("churned")))
    running = nw.when(nw.col("_left") == 0).then(nw.col("_reach"))
    ends = here.with_columns(_running=running)
    told = one_row(ends.select(nw.col("_reach").max(), nw.col("_running").max()))
    last = periods.number_of(as_of)
    if told["_reach"] is not None and int(told["_reach"]) > last:
        known = periods.day_of(int(told["_reach"]))
        raise RetentionError(
            f"spells: they know of days up to {known}, after `as_of` {as_of}. Make them with "
            f"`as_of='{as_of}'`, or say `as_of='{known}'`."
        )
    return last if told["_running"] is None else int(told["_running"])


def _refuse_short_follow_up(found: dict[str, Any], horizon: int, last: int) -> None:
    """Refuse a horizon beyond all follow-up."""
    mature = (found["_mature"] == 1) & (found["_aside"] == 0)
    if not mature.any():
        here = found["_first"][found["_aside"] == 0]
        if not here.size:
            raise ContentError(
                "assignment: no customer had a running spell, watched on the day of their "
                "assignment. Are the ids those of spells, and were the spells observed by then?"
            )
        longest = last - int(here.min())
        take = f"Take `horizon={longest}` or wait." if longest > 0 else "Wait."
        raise ContentError(
            f"Nobody was assigned {count_of(horizon, 'day')} before {periods.day_of(last)}; the "
            f"longest anyone was watched is {count_of(max(longest, 0), 'day')}. {take}"
        )


def _followed_from_counts(found: dict[str, Any], trial: Trial) -> Followed:
    n, aside = found["_n"].astype(np.int64), found["_aside"] == 1
    cell = trial.cells(found)
    none = np.zeros(n.size, np.intp)
    whole = Followed(
        cell=cell,
        stratum=label_codes(found[STRATUM])[0] if trial.stratified else none,
        cluster=label_codes(found[CLUSTER])[0] if trial.clustered else none,
        day=found["_day"].astype(np.int64),
        left=(found["_left"] == 1) & ~aside,
        mature=found["_mature"] == 1,
        n=n,
        n_set_aside=np.bincount(cell[aside], n[aside], trial.n_cells).astype(np.int64),
    )
    _warn_of_those_set_aside(whole)
    kept = np.flatnonzero(~aside)
    return whole.rows(kept[np.argsort(cell[kept], kind="stable")])


def _warn_of_those_set_aside(whole: Followed) -> None:
    """A warning of more than a few who cannot be followed from the day of their assignment."""
    n, aside = int(whole.n.sum()), int(whole.n_set_aside.sum())
    if aside > _MOST_ASIDE * n:
        warn(
            f"assignment: {count_of(aside, 'customer')} of {n:,} ({percent(aside / n)}) had no "
            "running spell on the day of their assignment: gone before, not yet here, or not in "
            "spells. They are set aside; n_set_aside counts them in each arm. Arms that lose "
            "unequally many are not comparable: assign those alone who are customers."
        )
