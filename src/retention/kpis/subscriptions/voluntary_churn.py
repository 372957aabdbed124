"""Churn in two: of those who decided to leave, and of those whose payment failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import RetentionError, check_choice
from retention.frames import Columns, Frame, as_text, count, table_like
from retention.kpis.churn.counts import (
    counted_renewals,
    counted_spells,
    has_named_cause,
    spell_days,
    window_of_churn,
)
from retention.kpis.churn.rates import (
    Convention,
    check_renewals,
    churn_rate_columns,
    counts_of_causes,
    counts_of_convention,
)
from retention.tables import SPELLS, require, segments
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

KINDS = ("voluntary", "involuntary", "not_known")
"""The parts of churn."""

_KIND = "_kind"
_MISSING = "(missing)"


@gives(
    "segment and period",
    times("period"),
    whole_numbers("step", "n_base", "n_churned"),
    numbers("at_risk", unit="customers"),
    shares("churn_rate", "lower", "upper"),
    whole_numbers("n_voluntary"),
    shares("voluntary_churn", "voluntary_lower", "voluntary_upper"),
    whole_numbers("n_involuntary"),
    shares("involuntary_churn", "involuntary_lower", "involuntary_upper"),
    whole_numbers("n_not_known"),
    shares("not_known_churn", "not_known_lower", "not_known_upper"),
    shares("involuntary_share", "share_lower", "share_upper"),
    texts("bounds"),
    constants(texts("convention", "involuntary", "not_known")),
)
def voluntary_churn(  # noqa: PLR0913 - the reasons, the convention and the base must be said
    spells: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    convention: Convention,
    involuntary: str | Sequence[str],
    not_known: str | Sequence[str] = (),
    cause: str = "reason",
    by: str | Sequence[str] = (),
    renewals: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """How much of churn was decided by the customer, and how much befell them: a card that expired.

    Of the n at risk in a period, as `churn_rate` counts them by the convention, let d be those who
    were lost, i of them for one of the reasons that you call involuntary, u for no reason that says
    anything, and v = d − i − u for any other: they decided to leave. The rates are v / n, i / n and
    u / n, and add up to d / n, the churn rate. With "endpoint" that is logo churn. What is not
    known is not shared out: the voluntary rate lies between v / n and (v + u) / n. Of the losses
    whose kind is known, the involuntary share is i / (v + i).

    A customer with several ends in the period counts with the reason of one of them, as with the
    `causes` of `churn_rate`; for "renewals_due" with an involuntary one if there is any. The
    involuntary switching of Keaveney (1995), of customers who moved away or whose shop closed, is
    another thing, unless you name such reasons here.

    Args:
        spells: a table from `contract_spells(..., keep_last="reason")`, or any other spells with a
            column that says why they ended.
        freq: length of a period: "day", "week", "month", "quarter", "year", or a `Calendar`.
        as_of: the last observed day.
        convention: as for `churn_rate`.
        involuntary: the reasons that are no decision of the customer, as they stand in the column
            `cause`: payment failed, card expired, fraud, closed account.
        not_known: reasons that leave it open, such as "other". An end without a reason always does.
        cause: the column of the spells that says why they ended.
        by: segment columns of the spells that were kept along (`keep=`).
        renewals: for "renewals_due", as for `churn_rate`.
        level: confidence of the bounds.

    Returns:
        One row per segment and period, in the caller's kind: the `by` columns, `period`, `step`,
        `n_base` (there as the period opens), `n_churned` (d), `at_risk` (n), `churn_rate`, `lower`,
        `upper`; `n_voluntary` (v), `voluntary_churn`, `voluntary_lower`, `voluntary_upper`;
        `n_involuntary` (i), `involuntary_churn`, `involuntary_lower`, `involuntary_upper`;
        `n_not_known` (u), `not_known_churn`, `not_known_lower`, `not_known_upper`;
        `involuntary_share` (i / (v + i)), `share_lower`, `share_upper` (Wilson; null for
        "exposure", where one customer may end twice), `bounds` (of the rates, as in `churn_rate`),
        and the conventions `convention`, `involuntary` and `not_known` (the reasons). Null where
        nobody was at risk, and the share where no loss is of a known kind.

    Raises:
        RetentionError: as `churn_rate`; if `involuntary` names no reason, or one is in both lists.
        ColumnError: if it is not a table of spells, or `by` or `cause` names no column of it.
        ContentError: if no period can be judged, spells of a customer overlap, or no spell ended
            for one of the reasons named.

    Example:
        Of four there in January, Ann decides to leave, Bob's card fails, of Cem nothing is known.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "start": pd.to_datetime(["2024-01-01"] * 4),
        ...     "end": pd.to_datetime(["2024-01-31", "2024-01-10", "2024-01-20", None]),
        ...     "reason": ["price", "card failed", "other", "(runs)"],
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-02-01", grace=0, keep_last="reason")
        >>> split = rt.kpis.voluntary_churn(
        ...     spells, freq="month", as_of="2024-02-01", convention="endpoint",
        ...     involuntary="card failed", not_known="other",
        ... )
        >>> split[["n_churned", "churn_rate", "voluntary_churn", "involuntary_churn"]]
           n_churned  churn_rate  voluntary_churn  involuntary_churn
        0          3        0.75             0.25               0.25
        >>> split[["n_not_known", "not_known_churn", "involuntary_share"]]
           n_not_known  not_known_churn  involuntary_share
        0            1             0.25                0.5

    Source:
        The split is a convention of subscription businesses. Rates of several causes: Chiang, C. L.
        (1968), Introduction to Stochastic Processes in Biostatistics, chapter 11 (crude rates).
        Keaveney, S. M. (1995), Journal of Marketing 59 (2), 71–82.
    """
    check_choice("convention", convention, get_args(Convention))
    periods.check_freq(freq)
    intervals.quantile_of(level)
    check_renewals(convention, renewals)
    names = segments(by, SPELLS, working=KINDS)
    told = _reasons_of_kinds(involuntary, not_known)
    days = _days_with_kinds(require(spells, SPELLS), names, cause, told)
    window = window_of_churn(days, freq, periods.as_day(as_of, argument="as_of"))
    lost: Columns = {}
    # Of several losses of one customer the involuntary one counts, then what is not known.
    for part, wanted in (("involuntary", ["involuntary"]), ("undecided", [*KINDS[1:]])):
        named = days.with_columns(_named=count(nw.col(_KIND).is_in(wanted)))
        keys, counted = counted_spells(named, names, window)
        if renewals is None:
            lost["all"], at_risk = counts_of_convention(counted, convention)
            lost[part], _ = counts_of_convention(counts_of_causes(counted, convention), convention)
        else:
            found = counted_renewals(named, names, freq, keys, renewals)
            lost["all"], lost[part], at_risk = found
    lost["not_known"] = lost["undecided"] - lost["involuntary"]
    lost["voluntary"] = lost["all"] - lost["undecided"]
    rates = _columns_of_kinds(lost, at_risk.astype(np.float64), convention, level)
    said = {"convention": convention} | {kind: ", ".join(each) for kind, each in told.items()}
    constant = {n: np.full(at_risk.size, text, dtype=object) for n, text in said.items()}
    return table_like({**keys, "n_base": counted["n_base"], **rates, **constant}, spells)


def _reasons_of_kinds(
    involuntary: str | Sequence[str], not_known: str | Sequence[str]
) -> dict[str, list[str]]:
    """The reasons that the user called involuntary, and those that leave it open."""
    said = {"involuntary": involuntary, "not_known": not_known}
    told = {kind: _reasons_as_text(kind, reasons) for kind, reasons in said.items()}
    if not told["involuntary"]:
        raise RetentionError(
            "involuntary names no reason. Say which reasons are no decision of the customer, such "
            "as involuntary=['payment failed', 'fraud']."
        )
    both = set(told["involuntary"]) & {*told["not_known"], _MISSING}
    if both:
        raise RetentionError(
            f"involuntary names {min(both)!r}, which is not known: a reason is one or the other."
        )
    return told


def _reasons_as_text(kind: str, reasons: object) -> list[str]:
    """The reasons one by one.

    Raises:
        RetentionError: if they are no texts.
    """
    told = [reasons] if isinstance(reasons, str) else reasons
    each: list[object] = [*told] if isinstance(told, Iterable) else [told]
    if not all(isinstance(reason, str) for reason in each):
        raise RetentionError(
            f"{kind} must name reasons as text, as they stand in the spells, such as "
            f"{kind}=['payment failed', '7']; got {reasons!r}."
        )
    return [str(reason) for reason in each]


def _days_with_kinds(
    frame: Frame, names: list[str], cause: str, told: dict[str, list[str]]
) -> Frame:
    """Spells in days, each with the kind of loss that its reason says."""
    reasons = {kind: [each for each in told[kind] if each != _MISSING] for kind in told}
    befell = has_named_cause(frame, cause, reasons["involuntary"], argument="involuntary")
    unsaid = as_text(cause, frame.collect_schema()[cause]) == _MISSING
    if reasons["not_known"]:
        unsaid |= has_named_cause(frame, cause, reasons["not_known"], argument="not_known")
    kind = (
        nw.when(befell)
        .then(nw.lit("involuntary"))
        .when(unsaid)
        .then(nw.lit("not_known"))
        .otherwise(nw.lit("voluntary"))
    )
    return spell_days(frame.with_columns(kind.alias(_KIND)), [*names, _KIND])


def _columns_of_kinds(
    lost: Columns, at_risk: NDArray[np.float64], convention: str, level: float
) -> Columns:
    """The rates of all losses and of each kind, and the share of the involuntary ones."""
    every = churn_rate_columns(lost["all"], at_risk, convention, level)
    bounds = every.pop("bounds")
    for kind in KINDS:
        found = churn_rate_columns(lost[kind], at_risk, convention, level)
        every |= {f"n_{kind}": lost[kind], f"{kind}_churn": found["churn_rate"]}
        every |= {f"{kind}_{edge}": found[edge] for edge in ("lower", "upper")}
    known = lost["voluntary"] + lost["involuntary"]
    lower, upper = intervals.wilson_bounds(lost["involuntary"], known, level)
    nothing = np.full(known.size, np.nan)
    twice = convention == "exposure"
    return every | {
        "involuntary_share": intervals.ratio(lost["involuntary"], known),
        "share_lower": nothing if twice else lower,
        "share_upper": nothing if twice else upper,
        "bounds": bounds,
    }
