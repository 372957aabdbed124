"""The churn rate of spells under the conventions the field uses, and a rate of a year from it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import RetentionError, check_choice
from retention.frames import Columns, table_like
from retention.kpis.churn.counts import (
    NAMED,
    counted_renewals,
    counted_spells,
    spell_days,
    window_of_churn,
)
from retention.tables import SPELLS, segments
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
    from collections.abc import Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

Convention = Literal[
    "start_cohort", "endpoint", "all_cancellations", "active_and_new", "exposure", "renewals_due"
]

SHORTEST = 28
"""A rate observed over fewer days than the shortest month is not carried over to a year."""

_YEAR = 365.25
_Counts = TypeVar("_Counts", "NDArray[Any]", nw.Expr)


@gives(
    "segment and period",
    times("period"),
    whole_numbers(
        "step", "n_base", "n_joined", "n_cancelled", "n_returned", "n_joined_cancelled", "n_ended"
    ),
    numbers("exposure", unit="customer periods"),
    whole_numbers("n_churned"),
    numbers("at_risk", unit="customers"),
    shares("churn_rate", "lower", "upper"),
    texts("bounds"),
    constants(texts("convention")),
    whole_numbers("n_other"),
    constants(texts("causes", "others")),
)
def churn_rate(  # noqa: PLR0913 - each keyword is a convention on which the field disagrees
    spells: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    convention: Convention,
    by: str | Sequence[str] = (),
    renewals: IntoFrameT | None = None,
    causes: str | Sequence[str] = (),
    others: Literal["compete", "censor"] | None = None,
    cause: str = "reason",
    level: float = 0.95,
) -> IntoFrameT:
    """The share of customers lost in a period, by the convention that is asked for by name.

    A period runs from its opening, the first day of it, to its close, the opening of the next one.
    A customer is there at an opening if start ≤ first day < end; so an end on the first day of
    February was a loss of January. Let B be the customers there at the opening, J those who joined
    after it and before the close (and were not in B), and C_B, C_J those of B and J for whom a
    spell ended in the period, each counted once however often they left. Of 100 in B, 8 cancel, of
    whom 2 are back at the close; 20 join, of whom 4 cancel:

    - "endpoint": those of B not there at the close / |B|: 6 of 100. The complement of raw retention
      (`retention_rate` of `contract_periods`), and the only one that is. Buttle (2009), chapter 9;
      used where there are only customer lists of two dates.
    - "start_cohort": |C_B| / |B|: 8 of 100. A return is new business. The definition most
      subscription businesses state: customers lost in the month over customers at its start.
    - "active_and_new": (|C_B| + |C_J|) / (|B| + |J|): 12 of 120. Stripe, "Calculating subscriber
      churn rate in Billing" (support.stripe.com), for windows of 30 days; there a second
      cancellation in the window is a second churn.
    - "all_cancellations": (|C_B| + |C_J|) / |B|: 12 of 100. Cancellations from one report over
      customers from another, as in many dashboards. No proportion: who joins and cancels is above
      the line and not below it, so it can exceed 1 and has no Wilson bounds.
    - "exposure": ends of spells / time of customers, in ends per customer and period; a customer
      may end twice. What actuaries and demographers use (occurrence over exposure); the one to
      compare periods of fast growth with. Bounds are exact Poisson ones.
    - "renewals_due": of the customers whose contract ran out in the period, those who left on that
      day. The complement of the renewal rate of businesses with terms of a year. Spells do not
      know renewal dates: `renewals` must say them.

    With `causes`, only what was lost for them is counted, such as voluntary churn. Let d be the
    churned for these causes, w those for any other, and n those at risk:

    - others="compete": d / n, the share that was lost for these causes while the others were at
      work. Over all causes the shares add up to the churn rate without `causes`. (The crude rate.)
    - others="censor": d / (n − w / 2), what would have been lost for these causes if nobody had
      left for another, provided that those who did were no likelier to leave for these: they were
      watched for half of the period. (The net rate, by the actuarial rule.) For "exposure", where
      time ends as a spell does, it is d / n too.

    A customer with several ends in the period counts with the cause of the first; for "endpoint"
    with that of the last, after which the customer was not there; for "exposure" with each.

    Every spell counts, also those set aside from survival analysis. Spells that came under
    observation late count from then on, so the first period is the first that opens once all were
    under observation.

    Args:
        spells: a table from `contract_spells` or `purchase_spells`. For those of purchases an end
            is the day on which silence had lasted `gap` days.
        freq: length of a period: "day", "week", "month", "quarter", "year", or a `Calendar`.
        as_of: the last observed day: that of the spells, or an earlier one. A period is judged if
            the next one opens on it or before (with a `grace`, so many days before it, since later
            ends could not be known yet), and no later than the spells know of ends.
        convention: see above.
        by: columns of the spells that were kept along (`keep=`). A customer whose next spell is in
            another segment has left the one and joined the other.
        renewals: for "renewals_due" only, a table of `customer_id` and `date`, of the same kind as
            `spells`: the first day that a contract did not cover unless it was renewed (the `end`
            of each contract).
        causes: the causes that count, one or several values of the column `cause`; "(missing)" for
            ends whose cause is not known. Default: all.
        others: with `causes`, what becomes of customers who leave for another cause: "compete" or
            "censor", above.
        cause: the column of the spells that says why they ended: that of the contract that ended
            last, `contract_spells(..., keep_last="reason")`.
        level: confidence of the bounds.

    Returns:
        One row per segment and period, in the caller's kind: the `by` columns, `period`, `step`;
        the counts behind all conventions, `n_base` |B|, `n_joined` |J|, `n_cancelled` |C_B|,
        `n_returned` (those of C_B there at the close), `n_joined_cancelled` |C_J|, `n_ended`
        (spells), `exposure` (customers × periods); then of the convention asked for `n_churned`
        (above the line), `at_risk` (below it), `churn_rate`, `lower`, `upper`, `bounds` ("wilson",
        "poisson", "none: not a proportion", or "none" where nobody was at risk), `convention`,
        `n_other` (w: lost for causes that are not counted), `causes` ("all", or those counted) and
        `others` ("compete", "censor", or "all count").

    Raises:
        RetentionError: if `convention` is none of these, `renewals` is missing or given without
            need, `causes` comes without `others` or the reverse, or the spells were made with
            reactivation="same_spell".
        ColumnError: if it is not a table of spells, or `by` or `cause` names no column of it.
        ContentError: if no period can be judged, spells of a customer overlap, or no spell ended
            for one of the `causes`.

    Example:
        Of three there as January opens Ann leaves, and Bob leaves and returns; Dee joins late.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Bob", "Dee"],
        ...     "start": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-01", "2024-01-01", "2024-01-20", "2024-01-25"]
        ...     ),
        ...     "end": pd.to_datetime(["2024-01-31", "2024-01-10", None, None, None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-02-01", grace=0)
        >>> say = {"freq": "month", "as_of": "2024-02-01"}
        >>> rates = rt.churn_rate(spells, convention="start_cohort", **say)
        >>> rates[["n_base", "n_joined", "n_cancelled", "n_returned", "churn_rate"]]
           n_base  n_joined  n_cancelled  n_returned  churn_rate
        0       3         1            2           1    0.666667
        >>> ends = rt.churn_rate(spells, convention="endpoint", **say)
        >>> float(ends["churn_rate"][0])
        0.3333333333333333

        Ann left over the price, Bob was not paid for: voluntary churn counts Ann alone.

        >>> told = spells.assign(reason=["price", "payment failed", None, None, None])
        >>> price = rt.churn_rate(
        ...     told, convention="start_cohort", causes="price", others="compete", **say
        ... )
        >>> price[["n_churned", "at_risk", "churn_rate", "n_other"]]
           n_churned  at_risk  churn_rate  n_other
        0          1      3.0    0.333333        1

    Source:
        As named above; Poisson bounds: Garwood, F. (1936), Biometrika 28, 437–442. Crude and net
        rates: Chiang, C. L. (1968), Introduction to Stochastic Processes in Biostatistics, chapter
        11; half a period for the censored: Cutler, S. J. and Ederer, F. (1958), Journal of Chronic
        Diseases 8, 699–712.
    """
    check_choice("convention", convention, get_args(Convention))
    periods.check_freq(freq)
    intervals.quantile_of(level)
    check_renewals(convention, renewals)
    names = segments(by, SPELLS)
    wanted = _causes_that_count(causes, others)
    days = spell_days(spells, names, cause=cause, causes=wanted)
    window = window_of_churn(days, freq, periods.as_day(as_of, argument="as_of"))
    keys, counted = counted_spells(days, names, window)
    counts = {name: values for name, values in counted.items() if name not in NAMED}
    if renewals is None:
        churned, at_risk = counts_of_convention(counts, convention)
        named, _ = counts_of_convention(counts_of_causes(counted, convention), convention)
    else:
        churned, named, at_risk = counted_renewals(days, names, freq, keys, renewals)
    n_other = churned - named
    exposed = at_risk.astype(np.float64)
    if others == "censor" and convention != "exposure":
        exposed = np.maximum(exposed - n_other / 2, 0.0)  # new ones leave too, and are not in n
    said = {"convention": convention, "n_other": n_other, "causes": ", ".join(wanted) or "all"}
    said["others"] = others or "all count"
    told = {
        name: value if name == "n_other" else np.full(churned.size, value, dtype=object)
        for name, value in said.items()
    }
    rate = churn_rate_columns(named, exposed, convention, level)
    return table_like({**keys, **counts, **rate, **told}, spells)


def _causes_that_count(causes: str | Sequence[str], others: str | None) -> list[str]:
    """The causes that count, once it is known what becomes of the others."""
    if not isinstance(causes, Iterable):
        raise RetentionError(f"causes must name a cause, or several in a list; got {causes!r}.")
    wanted = [causes] if isinstance(causes, str) else list(causes)
    if not wanted and others is not None:
        raise RetentionError(
            f"others={others!r} goes with causes=, the causes that count, such as "
            "causes=['price', 'service']."
        )
    if wanted and others is None:
        raise RetentionError(
            "causes= leaves open what becomes of customers who leave for another cause. Say "
            "others='compete' (the share lost for these causes; over all causes it adds up to the "
            "churn rate) or others='censor' (what would be lost had nobody left for another)."
        )
    if wanted:
        check_choice("others", others, ("compete", "censor"))
    if len(set(wanted)) < len(wanted):
        raise RetentionError(f"causes names a cause twice: {wanted}.")
    return wanted


def counts_of_causes(
    counted: Mapping[str, NDArray[Any]], convention: str
) -> dict[str, NDArray[Any]]:
    """The counts that stand above the line, of those lost for the causes that count."""
    none = np.zeros_like(counted["n_cancelled"])
    lost = "_lost_named" if convention == "endpoint" else "_cancelled_named"
    return {
        **counted,
        "n_cancelled": counted[lost],
        "n_returned": none,
        "n_joined_cancelled": counted["_joined_named"],
        "n_ended": counted["_ended_named"],
    }


def annualise(rate: float, days: float) -> float:
    """What a churn rate comes to in a year if it goes on like this: 1 − (1 − c)^(365.25/d).

    Only for a proportion, and only for windows of at least 28 days: over a week chance and the
    calendar rule (the 52nd power makes 1 in 100 to 41 in 100), and a rate that falls with tenure,
    as churn does, does not go on like this. A window of more than a year is brought down to one.

    Args:
        rate: the churn rate c of the window, 0 to 1.
        days: the length d of the window in days, 28 or more.

    Returns:
        The churn rate of 365.25 days; NaN if `rate` is missing.

    Raises:
        RetentionError: if `rate` does not lie between 0 and 1, or the window is too short.

    Example:
        >>> annualise(0.5, 365.25 / 2)
        0.75

    Source:
        Compounding at a constant rate; a convention of practice.
    """
    if not isinstance(days, Real) or isinstance(days, bool) or not math.isfinite(days):
        raise RetentionError(f"days must be the length of the window in days; got {days!r}.")
    if days < SHORTEST:
        raise RetentionError(
            f"A churn rate of {days:g} days says too little about a year: take a window of at "
            f"least {SHORTEST} days."
        )
    if rate is None or (isinstance(rate, Real) and math.isnan(rate)):
        return math.nan
    if not isinstance(rate, Real) or isinstance(rate, bool) or not 0 <= rate <= 1:
        raise RetentionError(f"rate must be a churn rate between 0 and 1; got {rate!r}.")
    return float(1 - (1 - rate) ** (_YEAR / days))


def check_renewals(convention: str, renewals: object | None) -> None:
    """Refuse renewal days that are missing, or that the convention does not look at."""
    if convention == "renewals_due" and renewals is None:
        raise RetentionError(
            "Spells do not know when contracts were up for renewal: give renewals=, a table of "
            "customer_id and date (the first day not covered unless renewed, so each contract's "
            "end)."
        )
    if convention != "renewals_due" and renewals is not None:
        raise RetentionError(
            f"renewals= is for convention='renewals_due'; {convention!r} does not look at it."
        )


def counts_of_convention(counts: Mapping[str, _Counts], convention: str) -> tuple[_Counts, _Counts]:
    """What stands above and below the line, as arrays of sums or expressions of single customers.

    Args:
        counts: the counts that `counted_spells` names.
        convention: any but "renewals_due", whose counts are those of `customers_due`.
    """
    everyone = counts["n_cancelled"] + counts["n_joined_cancelled"]
    above = {
        "start_cohort": counts["n_cancelled"],
        "endpoint": counts["n_cancelled"] - counts["n_returned"],
        "exposure": counts["n_ended"],
    }
    below = {
        "active_and_new": counts["n_base"] + counts["n_joined"],
        "exposure": counts["exposure"],
    }
    return above.get(convention, everyone), below.get(convention, counts["n_base"])


def churn_rate_columns(
    churned: NDArray[np.int64], at_risk: NDArray[np.float64], convention: str, level: float
) -> Columns:
    """What was lost, of how many at risk, the rate and its bounds by the convention."""
    rate = intervals.ratio(churned, at_risk)
    nothing = np.full(rate.size, np.nan)
    if convention == "exposure":
        (lower, upper), method = _poisson_bounds(churned, at_risk, level), "poisson"
    elif convention == "all_cancellations":
        lower, upper, method = nothing, nothing, "none: not a proportion"
    else:
        (lower, upper), method = intervals.wilson_bounds(churned, at_risk, level), "wilson"
    return {
        "n_churned": churned,
        "at_risk": at_risk,
        "churn_rate": rate,
        "lower": lower,
        "upper": upper,
        "bounds": np.where(at_risk > 0, method, "none").astype(object),
    }


def _poisson_bounds(
    events: NDArray[np.int64], exposure: NDArray[np.float64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Garwood's exact bounds of a rate of events: χ² quantiles, here by the incomplete gamma."""
    from scipy.special import gammaincinv  # loaded late: SciPy takes longer to import than all else

    tail = (1 - level) / 2
    some = np.where(events > 0, events, 1)
    lower = np.where(events > 0, gammaincinv(some, tail), 0.0)
    return intervals.ratio(lower, exposure), intervals.ratio(
        gammaincinv(events + 1, 1 - tail), exposure
    )
